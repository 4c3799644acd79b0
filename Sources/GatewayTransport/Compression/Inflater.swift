/// Reads one connection's payloads through its transport compression (gateway.md §14).
///
/// The context belongs to the connection: a new connection needs a new inflater. This class itself is the reader of
/// connections without compression, where each message is a payload as it stands.
package class Inflater {
    /// Most bytes of one payload.
    final let limit: Int
    private final var isBroken = false

    private init(uncompressedWithLimit limit: Int) {
        self.limit = max(0, limit)
    }

    /// For the readers of compressed streams.
    init(limit: Int) {
        self.limit = max(0, limit)
    }

    /// Makes a reader for a new connection.
    ///
    /// - Parameters:
    ///   - limit: most bytes of one payload, inflated. No more memory than this is ever reserved for one.
    ///   - zlib: the library to inflate zlib-stream with.
    /// - Throws: `unavailable` for zstd-stream on a machine without libzstd.
    package static func make(
        _ kind: CompressionKind, limit: Int = WebSocketDecoder.defaultMaxMessageSize, zlib: ZlibBackend = .system
    ) throws(InflateError) -> Inflater {
        switch kind {
        case .none: return Inflater(uncompressedWithLimit: limit)
        case .zlibStream: return ZlibInflater(backend: zlib, limit: limit)
        case .zstdStream:
            guard let backend = ZstdBackend.system else { throw .unavailable("libzstd.so.1 is not installed") }
            return try ZstdInflater(backend: backend, limit: limit)
        }
    }

    /// Takes a WebSocket message from a compressed connection (binary ones: text is never compressed there).
    ///
    /// - Returns: the payload, in `scratch`, valid until the next call with the same scratch; nil when it needs more
    ///   messages.
    /// - Throws: the connection must be given up then; every later call throws as well.
    package final func decompress(
        _ message: UnsafeRawBufferPointer, into scratch: InflateScratch
    ) throws(InflateError) -> UnsafeRawBufferPointer? {
        guard !isBroken else { throw .corrupt("the compressed stream has failed before") }
        do throws(InflateError) {
            return try read(message, into: scratch)
        } catch {
            isBroken = true
            throw error
        }
    }

    /// What inflates, for logs and metrics.
    package var backendName: StaticString { "none" }

    /// Bytes of memory that belong to this connection, about.
    package var heldBytes: Int { 0 }

    /// What the subclasses do.
    func read(
        _ message: UnsafeRawBufferPointer, into scratch: InflateScratch
    ) throws(InflateError) -> UnsafeRawBufferPointer? {
        guard message.count <= limit else { throw .tooLarge("payload exceeds the limit") }
        return message
    }
}

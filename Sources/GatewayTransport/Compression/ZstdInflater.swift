import CZstd

/// One connection's zstd-stream (gateway.md §14): each message is one payload, inside a zstd frame that stays open.
final class ZstdInflater: Inflater {
    /// Largest window accepted, as a power of two: 8 MiB, what RFC 8878 §3.1.1.1.2 asks decoders to support and encoders
    /// not to exceed. libzstd itself would go to 128 MiB for a stream whose header asks for it.
    static let windowLogMax: Int32 = 23

    private let backend: ZstdBackend
    private let context: UnsafeMutableRawPointer

    init(backend: ZstdBackend, limit: Int) throws(InflateError) {
        guard let context = backend.create() else { throw .unavailable("no memory for zstd") }
        self.backend = backend
        self.context = context
        super.init(limit: limit)
        let result = backend.setParameter(context, Int32(CZSTD_D_WINDOW_LOG_MAX), Self.windowLogMax)
        guard backend.isError(result) == 0 else { throw .unavailable("libzstd refuses the window limit") }
    }

    override var backendName: StaticString { "zstd" }

    override var heldBytes: Int { backend.sizeOf(context) }

    deinit {
        _ = backend.free(context)
    }

    override func read(
        _ message: UnsafeRawBufferPointer, into scratch: InflateScratch
    ) throws(InflateError) -> UnsafeRawBufferPointer? {
        try scratch.begin(limit: limit)
        var input = czstd_in_buffer(src: message.baseAddress, size: message.count, pos: 0)
        while true {
            var output = czstd_out_buffer(dst: scratch.next, size: scratch.room, pos: 0)
            let before = input.pos
            try call(&output, &input)
            scratch.advance(output.pos)
            if output.pos < output.size {
                // Room is left, so nothing is held back inside.
                if input.pos == input.size { break }
                guard input.pos > before || output.pos > 0 else { throw .corrupt("zstd makes no progress") }
            } else if try !scratch.grow() {
                try expectNoMore(&input)
                break
            }
        }
        return scratch.finish()
    }

    /// At the limit: one byte more would be too many.
    private func expectNoMore(_ input: inout czstd_in_buffer) throws(InflateError) {
        var extra: UInt8 = 0
        while true {
            let before = input.pos
            var written = 0
            // The pointer must not outlive the closure, and the closure cannot throw our error: decide outside.
            let result: Result<Void, InflateError> = withUnsafeMutablePointer(to: &extra) { pointer in
                var output = czstd_out_buffer(dst: pointer, size: 1, pos: 0)
                do throws(InflateError) {
                    try call(&output, &input)
                    written = output.pos
                    return .success(())
                } catch {
                    return .failure(error)
                }
            }
            try result.get()
            guard written == 0 else { throw .tooLarge("payload exceeds the limit") }
            if input.pos == input.size { return }
            guard input.pos > before else { throw .corrupt("zstd makes no progress") }
        }
    }

    @inline(__always)
    private func call(_ output: inout czstd_out_buffer, _ input: inout czstd_in_buffer) throws(InflateError) {
        let result = backend.decompress(context, &output, &input)
        guard backend.isError(result) == 0 else { throw .corrupt("compressed payload is corrupt") }
    }
}

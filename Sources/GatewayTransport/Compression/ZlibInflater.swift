import CZlib

/// One connection's zlib-stream (gateway.md §14), read as raw deflate data after its two-byte header: the stream never
/// ends, so its checksum is never compared, and computing it would be wasted.
///
/// Memory: 112 bytes here, about 7 KB of state and a window of 32 KiB inside zlib, from the first payload on.
final class ZlibInflater: Inflater {
    private let backend: ZlibBackend
    /// On the heap, because zlib insists that it never moves.
    private let stream: UnsafeMutablePointer<z_stream>
    private var hasBegun = false
    private var headerBytes = 0
    private var firstHeaderByte: UInt8 = 0
    /// Compressed messages of a payload that is not complete yet.
    private var pending = GrowingBuffer()

    init(backend: ZlibBackend, limit: Int) {
        self.backend = backend
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        super.init(limit: limit)
    }

    override var backendName: StaticString { backend.name }

    override var heldBytes: Int {
        MemoryLayout<z_stream>.size + pending.capacity + (hasBegun ? Self.stateSize + (1 << MAX_WBITS) : 0)
    }

    /// Inside zlib, without the window; zlib does not tell (measured).
    private static let stateSize = 7 << 10

    deinit {
        if hasBegun { _ = backend.end(stream) }
        stream.deallocate()
    }

    /// Takes a message; the payload if it is complete now.
    override func read(
        _ message: UnsafeRawBufferPointer, into scratch: InflateScratch
    ) throws(InflateError) -> UnsafeRawBufferPointer? {
        var message = message
        if headerBytes < 2 { message = try skipHeader(message) }
        if pending.count == 0 {
            if Self.endsPayload(message) { return try inflate(message, into: scratch) }
            try store(message)
            return nil
        }
        // The suffix may be split over messages: only the joined bytes can tell.
        try store(message)
        guard Self.endsPayload(pending.bytes) else { return nil }
        let payload = try inflate(pending.bytes, into: scratch)
        pending.removeAll()
        return payload
    }

    /// Z_SYNC_FLUSH leaves an empty stored block behind, which ends in 00 00 FF FF.
    @inline(__always)
    private static func endsPayload(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count >= 4, let base = bytes.baseAddress else { return false }
        return UInt32(bigEndian: base.loadUnaligned(fromByteOffset: bytes.count &- 4, as: UInt32.self)) == 0x0000_FFFF
    }

    private func store(_ message: UnsafeRawBufferPointer) throws(InflateError) {
        // Data that does not compress grows by 5 bytes in 16 KB at most (RFC 1951 §3.2.4), and a flush adds 5.
        let most = limit.addingReportingOverflow(limit / 1024 &+ 1024)
        guard pending.append(message, limit: most.overflow ? Int.max : most.partialValue) else {
            throw .tooLarge("compressed payload exceeds the limit")
        }
    }

    /// RFC 1950 §2.2: method deflate, window of at most 32 KiB, no preset dictionary, check bits.
    private func skipHeader(_ message: UnsafeRawBufferPointer) throws(InflateError) -> UnsafeRawBufferPointer {
        var index = 0
        while headerBytes < 2, index < message.count {
            let byte = message[index]
            if headerBytes == 0 {
                guard byte & 0x0F == 8, byte >> 4 <= 7 else { throw .corrupt("not a zlib stream") }
                firstHeaderByte = byte
            } else {
                let check = UInt16(firstHeaderByte) << 8 | UInt16(byte)
                guard check % 31 == 0, byte & 0x20 == 0 else { throw .corrupt("not a zlib stream") }
            }
            headerBytes &+= 1
            index &+= 1
        }
        return UnsafeRawBufferPointer(rebasing: message[index...])
    }

    private func inflate(
        _ input: UnsafeRawBufferPointer, into scratch: InflateScratch
    ) throws(InflateError) -> UnsafeRawBufferPointer {
        if !hasBegun {
            guard backend.begin(stream) == Z_OK else { throw .unavailable("zlib could not be started") }
            hasBegun = true
        }
        try scratch.begin(limit: limit)
        // zlib counts in 32 bits.
        var rest = input
        repeat {
            let piece = UnsafeRawBufferPointer(rebasing: rest[..<min(rest.count, 1 << 30)])
            rest = UnsafeRawBufferPointer(rebasing: rest[piece.count...])
            try inflate(piece: piece, into: scratch)
        } while rest.count > 0
        return scratch.finish()
    }

    /// Feeds one piece, until all of it is consumed and all its output is out.
    @inline(__always)
    private func inflate(
        piece: UnsafeRawBufferPointer, into scratch: InflateScratch
    ) throws(InflateError) {
        stream.pointee.next_in = UnsafeMutablePointer(
            mutating: piece.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.pointee.avail_in = UInt32(truncatingIfNeeded: piece.count)
        while true {
            let room = min(scratch.room, 1 << 30)
            stream.pointee.next_out = scratch.next?.assumingMemoryBound(to: UInt8.self)
            stream.pointee.avail_out = UInt32(truncatingIfNeeded: room)
            try check(backend.inflate(stream, Z_SYNC_FLUSH))
            scratch.advance(room &- Int(stream.pointee.avail_out))
            if stream.pointee.avail_out > 0 { break }
            if scratch.room > 0 { continue }
            if try !scratch.grow() {
                try expectNoMore()
                break
            }
        }
        guard stream.pointee.avail_in == 0 else { throw .corrupt("compressed payload with bytes left over") }
    }

    /// At the limit: one byte more would be too many.
    private func expectNoMore() throws(InflateError) {
        var extra: UInt8 = 0
        let result = withUnsafeMutablePointer(to: &extra) { pointer in
            stream.pointee.next_out = pointer
            stream.pointee.avail_out = 1
            return backend.inflate(stream, Z_SYNC_FLUSH)
        }
        guard stream.pointee.avail_out == 1 else { throw .tooLarge("payload exceeds the limit") }
        try check(result)
    }

    @inline(__always)
    private func check(_ result: Int32) throws(InflateError) {
        switch result {
        case Z_OK, Z_BUF_ERROR: return
        case Z_STREAM_END: throw .corrupt("the zlib stream has ended")
        case Z_MEM_ERROR: throw .unavailable("no memory for zlib")
        default: throw .corrupt("compressed payload is corrupt")
        }
    }
}

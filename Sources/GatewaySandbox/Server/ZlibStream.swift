import CZlib

/// One deflate stream for a connection's life, or for a single payload (`gateway.md` §14).
final class ZlibStream {
    private let stream: UnsafeMutablePointer<z_stream>
    private var room: [UInt8]

    /// - Parameter level: 1…9.
    init?(level: Int) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        room = Array(repeating: 0, count: 64 * 1024)
        let level = Int32(clamping: min(9, max(1, level)))
        let status = deflateInit2_(
            stream, level, Z_DEFLATED, 15, 8, Z_DEFAULT_STRATEGY, zlibVersion(), Int32(MemoryLayout<z_stream>.size)
        )
        guard status == Z_OK else { return nil }
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    enum Flush {
        /// More input follows.
        case none
        /// The payload is complete: the output ends in 00 00 FF FF.
        case sync
        /// The stream is complete.
        case finish
    }

    /// Appends what `input` compresses to.
    func compress(_ input: [UInt8], flush: Flush, into output: inout [UInt8]) {
        let mode =
            switch flush {
            case .none: Z_NO_FLUSH
            case .sync: Z_SYNC_FLUSH
            case .finish: Z_FINISH
            }
        input.withUnsafeBufferPointer { input in
            stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
            stream.pointee.avail_in = UInt32(input.count)
            repeat {
                let made = room.withUnsafeMutableBufferPointer { room in
                    stream.pointee.next_out = room.baseAddress
                    stream.pointee.avail_out = UInt32(room.count)
                    deflate(stream, mode)
                    return room.count - Int(stream.pointee.avail_out)
                }
                output.append(contentsOf: room[..<made])
            } while stream.pointee.avail_out == 0
            stream.pointee.next_in = nil
        }
    }
}

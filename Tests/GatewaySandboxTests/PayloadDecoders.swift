import CZlib
import Foundation

/// How a client reads compressed messages.
protocol PayloadDecoder: AnyObject {
    /// Nil when the bytes cannot be decompressed; `payload` is nil while the payload is incomplete.
    func decode(_ bytes: [UInt8]) -> (payload: [UInt8]?, Void)?
}

/// The decoder for a value of `compress`; nil for text messages.
func decoder(_ compress: some StringProtocol) -> (any PayloadDecoder)? {
    switch compress {
    case "zlib-stream": Inflater()
    case "zstd-stream": ZstdDecoder()
    default: nil
    }
}

/// zlib-stream as clients read it (`gateway.md` §14).
final class Inflater: PayloadDecoder {
    private let stream: UnsafeMutablePointer<z_stream> = {
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: z_stream())
        inflateInit_(stream, zlibVersion(), Int32(MemoryLayout<z_stream>.size))
        return stream
    }()
    /// One message is the whole stream.
    private let isWhole: Bool
    private var text: [UInt8] = []
    private var tail: [UInt8] = []

    init(isWhole: Bool = false) { self.isWhole = isWhole }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    func decode(_ bytes: [UInt8]) -> (payload: [UInt8]?, Void)? {
        var room = [UInt8](repeating: 0, count: 1 << 16)
        var input = bytes
        let isValid = input.withUnsafeMutableBufferPointer { input in
            stream.pointee.next_in = input.baseAddress
            stream.pointee.avail_in = UInt32(input.count)
            repeat {
                let (made, status) = room.withUnsafeMutableBufferPointer { room in
                    stream.pointee.next_out = room.baseAddress
                    stream.pointee.avail_out = UInt32(room.count)
                    let status = CZlib.inflate(stream, Z_SYNC_FLUSH)
                    return (room.count - Int(stream.pointee.avail_out), status)
                }
                text.append(contentsOf: room[..<made])
                if status == Z_BUF_ERROR { return true }
                if status != Z_OK && status != Z_STREAM_END { return false }
            } while stream.pointee.avail_out == 0 || stream.pointee.avail_in > 0
            return true
        }
        guard isValid else { return nil }
        if isWhole { return (text, ()) }
        // A message may be shorter than the suffix: the end of all messages so far counts.
        tail = Array((tail + bytes).suffix(4))
        guard tail == [0, 0, 0xFF, 0xFF] else { return (nil, ()) }
        defer {
            text = []
            tail = []
        }
        return (text, ())
    }
}

/// zstd-stream as clients read it: each message is a payload, the frame stays open.
final class ZstdDecoder: PayloadDecoder {
    private typealias Create = @convention(c) () -> OpaquePointer?
    private typealias Free = @convention(c) (OpaquePointer?) -> Int
    private typealias Step = @convention(c) (OpaquePointer?, UnsafeMutableRawPointer, UnsafeMutableRawPointer) -> Int
    private typealias IsError = @convention(c) (Int) -> UInt32

    private struct Buffer {
        var bytes: UnsafeMutableRawPointer?
        var size: Int
        var position: Int
    }

    private let context: OpaquePointer?
    private let free: Free
    private let step: Step
    private let isError: IsError

    init?() {
        guard let library = dlopen("libzstd.so.1", RTLD_NOW), let create = dlsym(library, "ZSTD_createDStream"),
            let free = dlsym(library, "ZSTD_freeDStream"), let step = dlsym(library, "ZSTD_decompressStream"),
            let isError = dlsym(library, "ZSTD_isError")
        else { return nil }
        context = unsafeBitCast(create, to: Create.self)()
        self.free = unsafeBitCast(free, to: Free.self)
        self.step = unsafeBitCast(step, to: Step.self)
        self.isError = unsafeBitCast(isError, to: IsError.self)
    }

    deinit { _ = free(context) }

    func decode(_ bytes: [UInt8]) -> (payload: [UInt8]?, Void)? {
        var bytes = bytes
        var text: [UInt8] = []
        var room = [UInt8](repeating: 0, count: 1 << 17)
        let isValid = bytes.withUnsafeMutableBytes { bytes in
            var input = Buffer(bytes: bytes.baseAddress, size: bytes.count, position: 0)
            while true {
                let (status, made) = room.withUnsafeMutableBytes { room in
                    var output = Buffer(bytes: room.baseAddress, size: room.count, position: 0)
                    return (step(context, &output, &input), output.position)
                }
                guard isError(status) == 0 else { return false }
                text.append(contentsOf: room[..<made])
                if input.position == input.size, made < room.count { return true }
            }
        }
        return isValid ? (text, ()) : nil
    }
}

import CLinux
import CZlib
import CZstd

@testable import GatewayTransport

/// What a server does: one zlib stream per connection, each payload ended by a sync flush.
final class ZlibServer {
    private let stream: UnsafeMutablePointer<z_stream>

    init(level: Int32 = 6) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let result = deflateInit2_(
            stream, level, Z_DEFLATED, 15, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        precondition(result == Z_OK)
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    func compress(_ payload: [UInt8], flush: Int32 = Z_SYNC_FLUSH) -> [UInt8] {
        var output: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        var input = payload
        input.withUnsafeMutableBufferPointer { bytes in
            stream.pointee.next_in = bytes.baseAddress
            stream.pointee.avail_in = UInt32(bytes.count)
            repeat {
                let produced = chunk.withUnsafeMutableBufferPointer { space in
                    stream.pointee.next_out = space.baseAddress
                    stream.pointee.avail_out = UInt32(space.count)
                    deflate(stream, flush)
                    return space.count - Int(stream.pointee.avail_out)
                }
                output += chunk[..<produced]
            } while stream.pointee.avail_out == 0
        }
        return output
    }
}

/// One zstd frame per connection, flushed after each payload; nil where libzstd is missing.
final class ZstdServer {
    private let context: UnsafeMutableRawPointer
    private let free: czstd_free_cctx
    private let compressStream: czstd_compress_stream2

    init?(level: Int32 = 3, windowLog: Int32? = nil) {
        guard let handle = dlopen("libzstd.so.1", RTLD_NOW), let create = dlsym(handle, "ZSTD_createCCtx"),
            let free = dlsym(handle, "ZSTD_freeCCtx"), let compress = dlsym(handle, "ZSTD_compressStream2"),
            let setParameter = dlsym(handle, "ZSTD_CCtx_setParameter"),
            let context = unsafeBitCast(create, to: czstd_create_cctx.self)()
        else { return nil }
        self.context = context
        self.free = unsafeBitCast(free, to: czstd_free_cctx.self)
        compressStream = unsafeBitCast(compress, to: czstd_compress_stream2.self)
        let set = unsafeBitCast(setParameter, to: czstd_cctx_set_parameter.self)
        _ = set(context, Int32(CZSTD_C_COMPRESSION_LEVEL), level)
        if let windowLog { _ = set(context, Int32(CZSTD_C_WINDOW_LOG), windowLog) }
    }

    deinit {
        _ = free(context)
    }

    func compress(_ payload: [UInt8], directive: Int = CZSTD_E_FLUSH) -> [UInt8] {
        var output: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        payload.withUnsafeBytes { bytes in
            var input = czstd_in_buffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
            var remaining = 1
            while remaining > 0 {
                let produced = chunk.withUnsafeMutableBytes { space in
                    var out = czstd_out_buffer(dst: space.baseAddress, size: space.count, pos: 0)
                    remaining = compressStream(context, &out, &input, Int32(directive))
                    return out.pos
                }
                output += chunk[..<produced]
            }
        }
        return output
    }
}

extension Inflater {
    /// Feeds a message from an allocation of its exact size, and copies the payload out.
    func payload(of message: [UInt8], into scratch: InflateScratch) throws(InflateError) -> [UInt8]? {
        let exact = UnsafeMutableRawBufferPointer.allocate(byteCount: message.count, alignment: 1)
        defer { exact.deallocate() }
        exact.copyBytes(from: message)
        return try decompress(UnsafeRawBufferPointer(exact), into: scratch).map { Array($0) }
    }
}

/// Text that compresses about as well as gateway payloads do.
func sampleText(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var random = SeededGenerator(seed: seed)
    var text: [UInt8] = []
    text.reserveCapacity(count + 64)
    while text.count < count {
        text += Array(
            "{\"id\":\"\(UInt64.random(in: 0 ... .max, using: &random))\",\"name\":\"user\",\"bot\":false},".utf8)
    }
    return Array(text.prefix(count))
}

import Foundation

/// libzstd, looked up when it is first needed, so that the sandbox also runs where it is missing.
struct ZstdLibrary: Sendable {
    typealias Create = @convention(c) () -> OpaquePointer?
    typealias Free = @convention(c) (OpaquePointer?) -> Int
    typealias SetParameter = @convention(c) (OpaquePointer?, Int32, Int32) -> Int
    /// Context, `ZSTD_outBuffer *`, `ZSTD_inBuffer *`, end directive.
    typealias Compress = @convention(c) (OpaquePointer?, UnsafeMutableRawPointer, UnsafeMutableRawPointer, Int32) -> Int
    typealias IsError = @convention(c) (Int) -> UInt32

    let create: Create
    let free: Free
    let setParameter: SetParameter
    let compress: Compress
    let isError: IsError

    static let shared = ZstdLibrary()

    private init?() {
        guard let handle = dlopen("libzstd.so.1", RTLD_NOW | RTLD_LOCAL),
            let create = dlsym(handle, "ZSTD_createCCtx"), let free = dlsym(handle, "ZSTD_freeCCtx"),
            let set = dlsym(handle, "ZSTD_CCtx_setParameter"), let compress = dlsym(handle, "ZSTD_compressStream2"),
            let isError = dlsym(handle, "ZSTD_isError")
        else { return nil }
        self.create = unsafeBitCast(create, to: Create.self)
        self.free = unsafeBitCast(free, to: Free.self)
        setParameter = unsafeBitCast(set, to: SetParameter.self)
        self.compress = unsafeBitCast(compress, to: Compress.self)
        self.isError = unsafeBitCast(isError, to: IsError.self)
    }
}

/// One zstd frame for a connection's life, flushed after each payload (`gateway.md` §14).
final class ZstdStream {
    private let library: ZstdLibrary
    private let context: OpaquePointer
    private var room = [UInt8](repeating: 0, count: 128 * 1024)

    /// `ZSTD_inBuffer` and `ZSTD_outBuffer` have the same layout.
    private struct Buffer {
        var bytes: UnsafeMutableRawPointer?
        var size: Int
        var position: Int
    }

    init?(level: Int) {
        guard let library = ZstdLibrary.shared, let context = library.create() else { return nil }
        self.library = library
        self.context = context
        let compressionLevel: Int32 = 100
        _ = library.setParameter(context, compressionLevel, Int32(clamping: level))
    }

    deinit { _ = library.free(context) }

    /// Appends what `input` compresses to; with `flush` the peer can decode all of it.
    func compress(_ input: [UInt8], flush: Bool, into output: inout [UInt8]) {
        input.withUnsafeBytes { input in
            var source = Buffer(
                bytes: UnsafeMutableRawPointer(mutating: input.baseAddress), size: input.count, position: 0
            )
            while true {
                let (left, made) = room.withUnsafeMutableBytes { room in
                    var target = Buffer(bytes: room.baseAddress, size: room.count, position: 0)
                    // Directive 0 continues, 1 flushes; the frame is never ended.
                    return (library.compress(context, &target, &source, flush ? 1 : 0), target.position)
                }
                output.append(contentsOf: room[..<made])
                guard library.isError(left) == 0 else { return }
                if source.position == source.size, !flush || left == 0 { return }
            }
        }
    }
}

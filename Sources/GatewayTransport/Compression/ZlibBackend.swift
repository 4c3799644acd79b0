import CLinux
import CZlib

/// The three functions of a zlib that the engine needs, so that a faster library can take the place of the system's.
package struct ZlibBackend: @unchecked Sendable {
    /// For logs and metrics.
    package let name: StaticString
    private let initialize: @convention(c) (UnsafeMutablePointer<z_stream>?, Int32) -> Int32
    /// `inflate(stream, flush)`.
    let inflate: @convention(c) (UnsafeMutablePointer<z_stream>?, Int32) -> Int32
    /// `inflateEnd(stream)`.
    let end: @convention(c) (UnsafeMutablePointer<z_stream>?) -> Int32

    /// Prepares a stream for deflate data without header and checksum, with a window of 32 KiB.
    func begin(_ stream: UnsafeMutablePointer<z_stream>) -> Int32 {
        initialize(stream, -MAX_WBITS)
    }

    /// The zlib this library is linked with.
    package static let system = ZlibBackend(
        name: "zlib",
        initialize: { inflateInit2_($0, $1, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) },
        inflate: { CZlib.inflate($0, $1) }, end: { inflateEnd($0) })

    /// zlib-ng, where it is installed; nil otherwise. Looked up once, never unloaded.
    package static let nextGeneration: ZlibBackend? = loadNextGeneration("libz-ng.so.2")

    /// The fastest there is: zlib-ng, or the system's zlib without it.
    package static let fastest: ZlibBackend = nextGeneration ?? system

    /// Looks zlib-ng up under its own names (`zng_inflate` and so on), which exist beside a zlib in the same process.
    ///
    /// zlib-ng's stream begins like zlib's on 64-bit machines: next_in, avail_in, total_in, next_out, avail_out,
    /// total_out, msg, state, zalloc, zfree, opaque, data_type at the same offsets. Then come a 32-bit adler and reserved,
    /// 104 bytes in all to zlib's 112, so a z_stream has room for it. The fields used here all lie in the common part.
    static func loadNextGeneration(_ library: String) -> ZlibBackend? {
        guard MemoryLayout<UInt>.size == 8, let handle = dlopen(library, RTLD_NOW | RTLD_LOCAL) else { return nil }
        guard let version = dlsym(handle, "zlibng_version"),
            // The layout is that of version 2; before 2.1 this function had another name and parameters.
            unsafeBitCast(version, to: czlib_ng_version.self)()?.pointee == 0x32,
            let initialize = dlsym(handle, "zng_inflateInit2"), let inflate = dlsym(handle, "zng_inflate"),
            let end = dlsym(handle, "zng_inflateEnd")
        else {
            dlclose(handle)
            return nil
        }
        return ZlibBackend(
            name: "zlib-ng", initialize: unsafeBitCast(initialize, to: czlib_inflate_init2.self),
            inflate: unsafeBitCast(inflate, to: czlib_inflate.self),
            end: unsafeBitCast(end, to: czlib_inflate_end.self))
    }
}

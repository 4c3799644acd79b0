import CZlib

/// The three functions of a zlib that the engine needs, so that a faster library can take the place of the system's.
package struct ZlibBackend: @unchecked Sendable {
    /// For logs and metrics.
    package let name: StaticString
    /// Prepares a stream for raw deflate data with a window of 32 KiB.
    let begin: @convention(c) (UnsafeMutablePointer<z_stream>?) -> Int32
    let inflate: @convention(c) (UnsafeMutablePointer<z_stream>?, Int32) -> Int32
    let end: @convention(c) (UnsafeMutablePointer<z_stream>?) -> Int32

    /// The zlib this library is linked with.
    package static let system = ZlibBackend(
        name: "zlib", begin: { czlib_inflate_init_raw($0) }, inflate: { CZlib.inflate($0, $1) },
        end: { inflateEnd($0) })
}

import CLinux
import CZstd

/// libzstd, looked up when it is first needed. A machine without it can do everything else.
struct ZstdBackend: @unchecked Sendable {
    let create: czstd_create_dctx
    let free: czstd_free_dctx
    let setParameter: czstd_dctx_set_parameter
    let decompress: czstd_decompress_stream
    let isError: czstd_is_error
    let sizeOf: czstd_sizeof_dctx

    /// nil where there is no libzstd. Looked up once, never unloaded.
    static let system: ZstdBackend? = load("libzstd.so.1")

    static func load(_ library: String) -> ZstdBackend? {
        guard let handle = dlopen(library, RTLD_NOW | RTLD_LOCAL) else { return nil }
        guard let create = dlsym(handle, "ZSTD_createDCtx"), let free = dlsym(handle, "ZSTD_freeDCtx"),
            let setParameter = dlsym(handle, "ZSTD_DCtx_setParameter"),
            let decompress = dlsym(handle, "ZSTD_decompressStream"), let isError = dlsym(handle, "ZSTD_isError"),
            let sizeOf = dlsym(handle, "ZSTD_sizeof_DCtx")
        else {
            dlclose(handle)
            return nil
        }
        return ZstdBackend(
            create: unsafeBitCast(create, to: czstd_create_dctx.self),
            free: unsafeBitCast(free, to: czstd_free_dctx.self),
            setParameter: unsafeBitCast(setParameter, to: czstd_dctx_set_parameter.self),
            decompress: unsafeBitCast(decompress, to: czstd_decompress_stream.self),
            isError: unsafeBitCast(isError, to: czstd_is_error.self),
            sizeOf: unsafeBitCast(sizeOf, to: czstd_sizeof_dctx.self))
    }
}

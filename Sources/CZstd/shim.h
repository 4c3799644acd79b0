// The few declarations of libzstd's stable interface that the engine uses. The library is looked up at run time, so
// neither its header nor the library itself is needed to build or to start.
#ifndef CZSTD_SHIM_H
#define CZSTD_SHIM_H

#include <stddef.h>

typedef struct {
    const void *src;
    size_t size;
    size_t pos;
} czstd_in_buffer;

typedef struct {
    void *dst;
    size_t size;
    size_t pos;
} czstd_out_buffer;

typedef void *(*czstd_create_dctx)(void);
typedef size_t (*czstd_free_dctx)(void *dctx);
typedef size_t (*czstd_dctx_set_parameter)(void *dctx, int parameter, int value);
typedef size_t (*czstd_decompress_stream)(void *dctx, czstd_out_buffer *output, czstd_in_buffer *input);
typedef unsigned (*czstd_is_error)(size_t result);
typedef size_t (*czstd_sizeof_dctx)(const void *dctx);

enum { CZSTD_D_WINDOW_LOG_MAX = 100 };

// The compressing half, for tests.
typedef void *(*czstd_create_cctx)(void);
typedef size_t (*czstd_free_cctx)(void *cctx);
typedef size_t (*czstd_cctx_set_parameter)(void *cctx, int parameter, int value);
typedef size_t (*czstd_compress_stream2)(void *cctx, czstd_out_buffer *output, czstd_in_buffer *input, int directive);

enum { CZSTD_C_COMPRESSION_LEVEL = 100, CZSTD_C_WINDOW_LOG = 101, CZSTD_E_FLUSH = 1, CZSTD_E_END = 2 };

#endif

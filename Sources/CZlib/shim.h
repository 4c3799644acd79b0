// zlib for Swift: its header, and the types of functions looked up at run time.
#ifndef CZLIB_SHIM_H
#define CZLIB_SHIM_H

#include <zlib.h>

// zlib-ng's own interface (libz-ng.so.2), looked up at run time. Its stream differs from zlib's only behind data_type,
// where it is smaller; nothing there is of interest here, so that a z_stream can stand in for it on 64-bit machines.
typedef const char *(*czlib_ng_version)(void);
typedef int (*czlib_inflate_init2)(z_stream *stream, int window_bits);
typedef int (*czlib_inflate)(z_stream *stream, int flush);
typedef int (*czlib_inflate_end)(z_stream *stream);

#endif

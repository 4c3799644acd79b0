// zlib for Swift: its header, and a function for the macro that Swift cannot import.
#ifndef CZLIB_SHIM_H
#define CZLIB_SHIM_H

// As in CLinux: Swift refuses two modules that see different versions of a system type.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <zlib.h>

static inline int czlib_inflate_init_raw(z_stream *stream) { return inflateInit2(stream, -MAX_WBITS); }

#endif

/* floor: the least work a gateway client can do on this machine with OpenSSL and zlib (or zstd): one read() into a big
 * buffer, libssl over a BIO that serves from it, the websocket header in place, raw inflate, t/s/op found in the first
 * bytes, one call of a function. No reconnects, no timers, no checks. The CPU per event that the engine is held to.
 *
 *   floor PORT none|zlib|zstd          (TLS, certificate not checked)
 * build: cc -O2 floor.c -o floor -lssl -lcrypto -lz -lzstd
 *
 * With -DMEASURE, which costs it a little: floor PORT MODE -t STAMPS LATENCIES | -a FROM TO (see measure.h).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>
#ifdef MEASURE
#include "measure.h"
static long first, until, allocations, own, frees;
#endif

enum { NONE, ZLIB, ZSTD };
static int fd;
static SSL *ssl;
static unsigned char wire[1 << 18];
static size_t wire_at, wire_end;
static volatile long sink;
static long seen, last_seq;

static int bio_read(BIO *b, char *p, int n) {
    BIO_clear_retry_flags(b);
    if (wire_at == wire_end) {
        ssize_t k = read(fd, wire, sizeof wire);
        if (k <= 0) return (int)k;
        wire_at = 0;
        wire_end = (size_t)k;
    }
    size_t k = wire_end - wire_at < (size_t)n ? wire_end - wire_at : (size_t)n;
    memcpy(p, wire + wire_at, k);
    wire_at += k;
    return (int)k;
}
static int bio_write(BIO *b, const char *p, int n) {
    BIO_clear_retry_flags(b);
    return (int)write(fd, p, (size_t)n);
}
static long bio_ctrl(BIO *b, int cmd, long n, void *p) {
    (void)b;
    (void)n;
    (void)p;
    return cmd == BIO_CTRL_FLUSH;
}

static void send_text(const char *t) {
    size_t n = strlen(t), h = 2;
    unsigned char f[1024] = {0x81};
    if (n < 126)
        f[1] = 128 | (unsigned char)n;
    else {
        f[1] = 254;
        f[2] = (unsigned char)(n >> 8);
        f[3] = (unsigned char)n;
        h = 4;
    }
    memset(f + h, 0, 4);
    memcpy(f + h + 4, t, n);
    SSL_write(ssl, f, (int)(h + 4 + n));
}
__attribute__((noinline)) static void on_event(const char *name, size_t name_n, long seq, const char *d, size_t n) {
    (void)name;
#ifdef MEASURE
    if (stamps) note_latency((uint64_t)seq, 0);
    if (seq == first) count_allocations(1, NULL, NULL);
    if (seq == until) allocations = count_allocations(0, &own, &frees);
#endif
    sink += (long)name_n + seq + d[n - 1];
    seen++;
}
/* returns 1 when the server has asked for the final heartbeat */
static int handle(const char *m, size_t n) {
    size_t head = n < 160 ? n : 160;
    const char *t = memmem(m, head, "\"t\":", 4), *s = memmem(m, head, "\"s\":", 4),
               *op = memmem(m, head, "\"op\":", 5);
    int code = op ? atoi(op + 5) : -1;
    if (code == 0) {
        const char *e = strchr(t + 5, '"');
        last_seq = atol(s + 4);
        on_event(t + 5, (size_t)(e - t - 5), last_seq, m, n);
    } else if (code == 10)
        send_text("{\"op\":2,\"d\":{\"token\":\"x\",\"intents\":513,\"properties\":{\"os\":\"linux\",\"browser\":"
                  "\"floor\",\"device\":\"floor\"},\"shard\":[0,1]}}");
    else if (code == 1) {
        char b[64];
        snprintf(b, sizeof b, "{\"op\":1,\"d\":%ld}", last_seq);
        send_text(b);
        return 1;
    }
    return 0;
}
int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: floor PORT none|zlib|zstd\n");
        return 2;
    }
#ifdef MEASURE
    if (argc == 6 && !strcmp(argv[3], "-t")) read_stamps(argv[4]);
    if (argc == 6 && !strcmp(argv[3], "-a")) first = atol(argv[4]), until = atol(argv[5]);
#endif
    int mode = !strcmp(argv[2], "zlib") ? ZLIB : !strcmp(argv[2], "zstd") ? ZSTD : NONE;
    fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (connect(fd, (void *)&a, sizeof a)) {
        perror("connect");
        return 1;
    }
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "floor");
    BIO_meth_set_read(method, bio_read);
    BIO_meth_set_write(method, bio_write);
    BIO_meth_set_ctrl(method, bio_ctrl);
    BIO *bio = BIO_new(method);
    BIO_set_init(bio, 1);
    ssl = SSL_new(SSL_CTX_new(TLS_client_method()));
    SSL_set_bio(ssl, bio, bio);
    if (SSL_connect(ssl) <= 0) {
        fprintf(stderr, "TLS failed\n");
        return 1;
    }

    char rq[400];
    int rn = snprintf(
        rq, sizeof rq,
        "GET /?v=10&encoding=json%s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        mode == ZLIB   ? "&compress=zlib-stream"
        : mode == ZSTD ? "&compress=zstd-stream"
                       : "");
    SSL_write(ssl, rq, rn);
    /* raw: the stream never ends, so its checksum is never checked; not computing it saves 6 % */
    z_stream z = {0};
    inflateInit2(&z, -15);
    size_t header = 2;
    ZSTD_DCtx *zd = ZSTD_createDCtx();
    static char out[1 << 22];
    static unsigned char in[1 << 18];
    size_t have = 0, at = 0;
    int k;
    char *e;
    do {
        k = SSL_read(ssl, in + have, (int)(sizeof in - have));
        if (k <= 0) return 1;
        have += (size_t)k;
    } while (!(e = memmem(in, have, "\r\n\r\n", 4)));
    at = (size_t)(e + 4 - (char *)in);
    for (;;) {
        while (have - at >= 2) {
            size_t len = in[at + 1] & 127, h = 2;
            if (len == 126) {
                if (have - at < 4) break;
                len = (size_t)in[at + 2] << 8 | in[at + 3];
                h = 4;
            } else if (len == 127) {
                if (have - at < 10) break;
                len = 0;
                for (int i = 0; i < 8; i++)
                    len = len << 8 | in[at + 2 + i];
                h = 10;
            }
            if (have - at < h + len) break;
            const char *m = (char *)in + at + h;
            size_t n = len;
            if (mode == ZLIB) {
                size_t skip = n < header ? n : header;
                header -= skip;
                z.next_in = (void *)(m + skip);
                z.avail_in = (uInt)(n - skip);
                z.next_out = (void *)out;
                z.avail_out = sizeof out;
                inflate(&z, Z_SYNC_FLUSH);
                n = sizeof out - z.avail_out;
                m = out;
            } else if (mode == ZSTD) {
                ZSTD_inBuffer i = {m, n, 0};
                ZSTD_outBuffer o = {out, sizeof out, 0};
                ZSTD_decompressStream(zd, &o, &i);
                n = o.pos;
                m = out;
            }
            int done = handle(m, n);
            at += h + len;
            if (done) {
                struct rusage u;
                getrusage(RUSAGE_SELF, &u);
                double cpu = (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
                             (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
                printf("{\"client\":\"floor\",\"mode\":\"%s\",\"events\":%ld,\"cpu_s\":%.3f,\"us_per_event\":%.3f,"
                       "\"rss_kb\":%ld}\n",
                       argv[2], seen, cpu, cpu * 1e6 / (double)seen, u.ru_maxrss);
#ifdef MEASURE
                if (stamps) write_latencies(argv[5]);
                if (first) printf("{\"allocations\":%ld,\"own\":%ld,\"frees\":%ld}\n", allocations, own, frees);
#endif
                return 0;
            }
        }
        if (at) {
            memmove(in, in + at, have - at);
            have -= at;
            at = 0;
        }
        k = SSL_read(ssl, in + have, (int)(sizeof in - have));
        if (k <= 0) return 1;
        have += (size_t)k;
    }
}

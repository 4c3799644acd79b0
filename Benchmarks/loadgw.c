/* loadgw: a minimal Discord-gateway-shaped load generator, independent of the project.
 *
 * One thread a connection. On connect it sends HELLO; on IDENTIFY (or RESUME) READY, then the whole corpus as fast
 * as the peer reads, then an op 1 heartbeat request: the peer's answer, which must come after it has read every
 * event, stops the clock. So any gateway client can be timed without changing it.
 * All frames are compressed once at start: a connection costs only TLS and write().
 *
 *   loadgw -p PORT [-f corpus.jsonl] [-c cert.pem -k key.pem] [-b 0|1] [-i interval_ms] [-q] [-w us -u n]
 *   -p 0     the system chooses the port; "listening on" on standard error names it
 *   -c, -k   TLS; without them plain ws://
 *   -b 1     packs about 16 KiB of frames into each TLS record; 0, the default: a record for each frame
 *   -f       the dispatches to send; without it idle mode: every connection stays up and its heartbeats are answered
 *   -w, -u   trickle: a pause of us microseconds after every n frames, one event per wakeup with -u 1
 *   -q       no report of connections every 5 s
 *
 * build: cc -O2 loadgw.c -o loadgw -lssl -lcrypto -lz -lzstd -lpthread
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum { NONE, ZLIB, ZSTD, MODES };
typedef struct {
    char *p;
    size_t n, cap;
} buf;
static void put(buf *b, const void *p, size_t n) {
    if (b->n + n > b->cap) {
        b->cap = (b->n + n) * 2;
        b->p = realloc(b->p, b->cap);
    }
    memcpy(b->p + b->n, p, n);
    b->n += n;
}
static buf pre[MODES];             /* HELLO, READY, corpus, heartbeat request as ws frames */
static size_t *off[MODES], frames; /* frame i is pre[m].p[off[m][i]..off[m][i+1]] */
static int interval = 41250, pack = 0, port = 9443, pace = 0, burst = 1;
static SSL_CTX *ctx;
static size_t events;
static double json_bytes;
static atomic_int live_conns, total_conns, identified;

typedef struct {
    int mode;
    z_stream z;
    ZSTD_CCtx *zs;
} comp;
static void comp_init(comp *c, int mode) {
    c->mode = mode;
    if (mode == ZLIB) {
        memset(&c->z, 0, sizeof c->z);
        deflateInit(&c->z, 6);
    }
    if (mode == ZSTD) {
        c->zs = ZSTD_createCCtx();
        ZSTD_CCtx_setParameter(c->zs, ZSTD_c_compressionLevel, 6);
        ZSTD_CCtx_setParameter(c->zs, ZSTD_c_windowLog, 17);
    }
}
static void comp_free(comp *c) {
    if (c->mode == ZLIB) deflateEnd(&c->z);
    if (c->mode == ZSTD) ZSTD_freeCCtx(c->zs);
}
/* append the ws frame that carries this message to out */
static void frame(comp *c, buf *out, const char *msg, size_t n) {
    static __thread char *tmp;
    static __thread size_t cap;
    size_t need = n + n / 2 + 1024;
    if (need > cap) {
        cap = need;
        tmp = realloc(tmp, cap);
    }
    const char *p = msg;
    size_t len = n;
    int opcode = 1;
    if (c->mode == ZLIB) {
        c->z.next_in = (void *)msg;
        c->z.avail_in = n;
        c->z.next_out = (void *)tmp;
        c->z.avail_out = cap;
        deflate(&c->z, Z_SYNC_FLUSH);
        p = tmp;
        len = cap - c->z.avail_out;
        opcode = 2;
    }
    if (c->mode == ZSTD) {
        ZSTD_inBuffer i = {msg, n, 0};
        ZSTD_outBuffer o = {tmp, cap, 0};
        while (ZSTD_compressStream2(c->zs, &o, &i, ZSTD_e_flush))
            ;
        p = tmp;
        len = o.pos;
        opcode = 2;
    }
    unsigned char h[10] = {0x80 | opcode};
    int hn = 2;
    if (len < 126)
        h[1] = len;
    else if (len < 65536) {
        h[1] = 126;
        h[2] = len >> 8;
        h[3] = len;
        hn = 4;
    } else {
        h[1] = 127;
        for (int i = 0; i < 8; i++)
            h[2 + i] = (unsigned char)((uint64_t)len >> (56 - 8 * i));
        hn = 10;
    }
    put(out, h, hn);
    put(out, p, len);
}
static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

typedef struct {
    int fd;
    SSL *s;
    unsigned char in[1 << 16];
    size_t have;
} conn;
static int rd(conn *c) {
    if (c->have == sizeof c->in) return -1;
    int n = c->s ? SSL_read(c->s, c->in + c->have, sizeof c->in - c->have)
                 : (int)read(c->fd, c->in + c->have, sizeof c->in - c->have);
    if (n > 0) c->have += n;
    return n;
}
static void take(conn *c, size_t n) {
    memmove(c->in, c->in + n, c->have - n);
    c->have -= n;
}
static int wr(conn *c, const char *p, size_t n) {
    while (n) {
        int k = c->s ? SSL_write(c->s, p, n > 1 << 30 ? 1 << 30 : n) : (int)write(c->fd, p, n);
        if (k <= 0) return -1;
        p += k;
        n -= k;
    }
    return 0;
}
static void flush(conn *c) {
    if (c->s) BIO_flush(SSL_get_wbio(c->s));
}
/* next client frame, unmasked in place; returns payload length, or -1. *opc gets its opcode */
static long msg(conn *c, int *opc, unsigned char **body, size_t *whole) {
    for (;;) {
        if (c->have >= 2) {
            size_t len = c->in[1] & 127, h = 2;
            if (len == 126 && c->have >= 4) {
                len = c->in[2] << 8 | c->in[3];
                h = 4;
            } else if (len >= 126)
                goto more;
            if (!(c->in[1] & 128)) return -1; /* a client must mask */
            if (c->have >= h + 4 + len) {
                unsigned char *k = c->in + h, *b = k + 4;
                for (size_t i = 0; i < len; i++)
                    b[i] ^= k[i & 3];
                *opc = c->in[0] & 15;
                *body = b;
                *whole = h + 4 + len;
                return (long)len;
            }
        }
    more:
        if (rd(c) <= 0) return -1;
    }
}
static void http(conn *c, const char *body) {
    char r[1024];
    int n = snprintf(
        r, sizeof r,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
        strlen(body), body);
    wr(c, r, n);
    flush(c);
}
static void *serve(void *arg) {
    conn *c = calloc(1, sizeof *c);
    c->fd = (int)(long)arg;
    comp cm = {0};
    int cm_on = 0;
    buf o = {0};
    live_conns++;
    total_conns++;
    if (ctx) {
        c->s = SSL_new(ctx);
        SSL_set_fd(c->s, c->fd);
        if (SSL_accept(c->s) <= 0) goto out;
        BIO *b = BIO_new(BIO_f_buffer());
        BIO_set_write_buffer_size(b, 1 << 16);
        BIO *w = BIO_new_socket(c->fd, BIO_NOCLOSE);
        SSL_set0_wbio(c->s, BIO_push(b, w));
    }
    char *end;
    while (!(end = memmem(c->in, c->have, "\r\n\r\n", 4)))
        if (rd(c) <= 0) goto out;
    *end = 0;
    char *req = (char *)c->in;
    if (!strcasestr(req, "sec-websocket-key:")) {
        char b[256];
        snprintf(b, sizeof b,
                 "{\"url\":\"%s://"
                 "127.0.0.1:%d\",\"shards\":1,\"session_start_limit\":{\"total\":1000,\"remaining\":999,\"reset_"
                 "after\":14400000,\"max_concurrency\":16}}",
                 ctx ? "wss" : "ws", port);
        http(c, b);
        goto out;
    }
    int mode = strstr(req, "zlib-stream") ? ZLIB : strstr(req, "zstd-stream") ? ZSTD : NONE;
    char key[128] = {0};
    sscanf(strcasestr(req, "sec-websocket-key:") + 18, " %63[^\r\n ]", key);
    strcat(key, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    unsigned char sha[20];
    SHA1((void *)key, strlen(key), sha);
    char acc[64];
    EVP_EncodeBlock((void *)acc, sha, 20);
    char r[256];
    int n = snprintf(r, sizeof r,
                     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
                     "Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                     acc);
    wr(c, r, n);
    flush(c);
    take(c, end + 4 - (char *)c->in);
    char hello[128];
    int hn =
        snprintf(hello, sizeof hello,
                 "{\"t\":null,\"s\":null,\"op\":10,\"d\":{\"heartbeat_interval\":%d,\"_trace\":[\"[\\\"load\\\"]\"]}}",
                 interval);
    int blast = frames > 0;
    if (blast)
        wr(c, pre[mode].p, off[mode][1]);
    else {
        comp_init(&cm, mode);
        cm_on = 1;
        frame(&cm, &o, hello, hn);
        wr(c, o.p, o.n);
        o.n = 0;
    }
    flush(c);
    double t0 = 0;
    int opc;
    unsigned char *b;
    size_t whole;
    long len;
    int waiting = 0;
    while ((len = msg(c, &opc, &b, &whole)) >= 0) {
        if (opc == 8) {
            char f[4] = {(char)0x88, 2, 3, (char)0xe8};
            wr(c, f, 4);
            flush(c);
            break;
        }
        if (opc == 9) {
            char f[2] = {(char)0x8a, 0};
            wr(c, f, 2);
            flush(c);
        }
        if (opc == 1 || opc == 2) {
            char s[256];
            snprintf(s, sizeof s, "%.*s", (int)(len < 255 ? len : 255), b);
            char *op = strstr(s, "\"op\"");
            int code = op ? atoi(op + 4 + strspn(op + 4, " :")) : -1;
            if (code == -1 || memmem(b, len, "\"properties\"", 12)) code = 2;
            if (code == 2 || code == 6) {
                identified++;
                if (!blast) {
                    char rdy[900];
                    int k = snprintf(
                        rdy, sizeof rdy,
                        "{\"t\":\"READY\",\"s\":1,\"op\":0,\"d\":{\"v\":10,\"user_settings\":{},\"user\":{\"verified\":"
                        "true,\"username\":\"bench\",\"mfa_enabled\":false,\"id\":\"81384788765712384\",\"global_"
                        "name\":null,\"flags\":0,\"email\":null,\"discriminator\":\"0001\",\"bot\":true,\"avatar\":"
                        "null},\"session_type\":\"normal\",\"session_id\":\"b0b%029d\",\"resume_gateway_url\":\"%s://"
                        "127.0.0.1:%d\",\"relationships\":[],\"private_channels\":[],\"presences\":[],\"guilds\":[],"
                        "\"guild_join_requests\":[],\"geo_ordered_rtc_regions\":[],\"application\":{\"id\":"
                        "\"81384788765712384\",\"flags\":0},\"_trace\":[]}}",
                        total_conns, ctx ? "wss" : "ws", port);
                    frame(&cm, &o, rdy, k);
                    wr(c, o.p, o.n);
                    o.n = 0;
                    flush(c);
                } else {
                    wr(c, pre[mode].p + off[mode][1], off[mode][2] - off[mode][1]);
                    flush(c);
                    t0 = now();
                    if (pack) {
                        size_t i = 2;
                        while (i < frames) {
                            size_t j = i + 1;
                            while (j < frames && off[mode][j + 1] - off[mode][i] <= 16000)
                                j++;
                            if (wr(c, pre[mode].p + off[mode][i], off[mode][j] - off[mode][i])) goto out;
                            i = j;
                        }
                    } else
                        for (size_t i = 2; i < frames; i++) {
                            if (wr(c, pre[mode].p + off[mode][i], off[mode][i + 1] - off[mode][i])) goto out;
                            if (pace && i % burst == 0) {
                                flush(c);
                                struct timespec ts = {0, pace * 1000};
                                clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
                            }
                        }
                    flush(c);
                    waiting = 1;
                }
            } else if (code == 1) {
                if (!blast) {
                    frame(&cm, &o, "{\"t\":null,\"s\":null,\"op\":11,\"d\":null}", 36);
                    wr(c, o.p, o.n);
                    o.n = 0;
                    flush(c);
                } else if (waiting) {
                    /* the answer to our request carries the last sequence; a timer heartbeat sent before it does not */
                    char want[32];
                    snprintf(want, sizeof want, "%zu", events + 1);
                    if (strstr(s, want)) {
                        double dt = now() - t0;
                        waiting = 0;
                        printf("{\"mode\":\"%s\",\"tls\":%d,\"packed\":%d,\"events\":%zu,\"seconds\":%.4f,\"events_per_"
                               "s\":%.0f,\"json_mb_per_s\":%.1f,\"wire_mb\":%.2f}\n",
                               (char *[]){"none", "zlib", "zstd"}[mode], ctx != NULL, pack, events, dt, events / dt,
                               json_bytes / dt / 1e6, pre[mode].n / 1e6);
                        fflush(stdout);
                    }
                }
            }
        }
        take(c, whole);
    }
out:
    if (cm_on) comp_free(&cm);
    free(o.p);
    if (c->s) SSL_free(c->s);
    close(c->fd);
    free(c);
    live_conns--;
    return NULL;
}
static void *report(void *a) {
    for (;;) {
        sleep(5);
        fprintf(stderr, "conns live %d total %d identified %d\n", live_conns, total_conns, identified);
    }
    return a;
}
int main(int argc, char **argv) {
    char *file = NULL, *cert = NULL, *key = NULL;
    int o, quiet = 0; /* -q: no report of connections */
    while ((o = getopt(argc, argv, "p:f:c:k:b:i:qw:u:")) != -1)
        switch (o) {
        case 'p':
            port = atoi(optarg);
            break;
        case 'f':
            file = optarg;
            break;
        case 'c':
            cert = optarg;
            break;
        case 'k':
            key = optarg;
            break;
        case 'b':
            pack = atoi(optarg);
            break;
        case 'i':
            interval = atoi(optarg);
            break;
        case 'q':
            quiet = 1;
            break;
        case 'w':
            pace = atoi(optarg);
            break;
        case 'u':
            burst = atoi(optarg);
            break;
        default:
            return 2;
        }
    signal(SIGPIPE, SIG_IGN);
    int s = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(s, (void *)&a, sizeof a) || listen(s, 4096)) {
        perror("bind");
        return 1;
    }
    socklen_t alen = sizeof a;
    getsockname(s, (void *)&a, &alen);
    port = ntohs(a.sin_port); /* with -p 0 the system chooses */
    if (file) {
        interval = 600000;
        FILE *f = fopen(file, "r");
        if (!f) {
            perror(file);
            return 1;
        }
        char hello[128];
        int hn =
            snprintf(hello, sizeof hello,
                     "{\"t\":null,\"s\":null,\"op\":10,\"d\":{\"heartbeat_interval\":%d,\"_trace\":[]}}", interval);
        char rdy[1024];
        int rn = snprintf(
            rdy, sizeof rdy,
            "{\"t\":\"READY\",\"s\":1,\"op\":0,\"d\":{\"v\":10,\"user_settings\":{},\"user\":{\"verified\":true,"
            "\"username\":\"bench\",\"mfa_enabled\":false,\"id\":\"81384788765712384\",\"global_name\":null,\"flags\":"
            "0,\"email\":null,\"discriminator\":\"0001\",\"bot\":true,\"avatar\":null},\"session_type\":\"normal\","
            "\"session_id\":\"b0b00000000000000000000000000000\",\"resume_gateway_url\":\"%s://"
            "127.0.0.1:%d\",\"relationships\":[],\"private_channels\":[],\"presences\":[],\"guilds\":[],\"guild_join_"
            "requests\":[],\"geo_ordered_rtc_regions\":[],\"application\":{\"id\":\"81384788765712384\",\"flags\":0},"
            "\"_trace\":[]}}",
            cert ? "wss" : "ws", port);
        comp c[MODES];
        size_t cap = 1 << 20;
        for (int m = 0; m < MODES; m++) {
            comp_init(&c[m], m);
            off[m] = calloc(cap + 8, sizeof(size_t));
            frame(&c[m], &pre[m], hello, hn);
            off[m][1] = pre[m].n;
            frame(&c[m], &pre[m], rdy, rn);
            off[m][2] = pre[m].n;
        }
        frames = 2;
        char *line = NULL;
        size_t lc = 0;
        ssize_t n;
        while ((n = getline(&line, &lc, f)) > 0 && frames < cap) {
            if (line[n - 1] == '\n') n--;
            json_bytes += n;
            events++;
            frames++;
            for (int m = 0; m < MODES; m++) {
                frame(&c[m], &pre[m], line, n);
                off[m][frames] = pre[m].n;
            }
        }
        frames++;
        for (int m = 0; m < MODES; m++) {
            frame(&c[m], &pre[m], "{\"t\":null,\"s\":null,\"op\":1,\"d\":null}", 35);
            off[m][frames] = pre[m].n;
        }
        fprintf(stderr, "corpus: %zu events, %.1f MB JSON, zlib %.1f MB, zstd %.1f MB\n", events, json_bytes / 1e6,
                pre[ZLIB].n / 1e6, pre[ZSTD].n / 1e6);
    }
    if (cert) {
        ctx = SSL_CTX_new(TLS_server_method());
        SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
        if (SSL_CTX_use_certificate_chain_file(ctx, cert) <= 0 ||
            SSL_CTX_use_PrivateKey_file(ctx, key ? key : cert, SSL_FILETYPE_PEM) <= 0) {
            fprintf(stderr, "bad certificate\n");
            return 1;
        }
    }
    pthread_t t;
    if (!quiet) pthread_create(&t, NULL, report, NULL);
    pthread_attr_t at;
    pthread_attr_init(&at);
    pthread_attr_setstacksize(&at, 256 << 10);
    pthread_attr_setdetachstate(&at, PTHREAD_CREATE_DETACHED);
    fprintf(stderr, "listening on %d\n", port);
    for (;;) {
        int fd = accept(s, NULL, NULL);
        if (fd < 0) continue;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (pthread_create(&t, &at, serve, (void *)(long)fd)) close(fd);
    }
}

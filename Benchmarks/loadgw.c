/* loadgw: a minimal Discord-gateway-shaped load generator, independent of the project.
 *
 * One thread a connection. On connect it sends HELLO; on IDENTIFY READY, then the corpus as fast as the peer reads, then
 * an op 1 heartbeat request: the peer's answer, which must come after it has read every event, stops the clock. So any
 * gateway client can be timed without changing it. On RESUME it sends RESUMED and nothing else. The corpus is compressed
 * once at start: a connection costs only TLS and write(). What cannot be compressed beforehand is sent as stored blocks, after it.
 *
 *   loadgw -p PORT [-f corpus.jsonl] [-c cert.pem -k key.pem] [-b 0|1] [-i interval_ms] [-q] [-w us -u n] [-n] [-t FILE] [-C]
 *   -p 0     the system chooses the port; "listening on" on standard error names it
 *   -c, -k   TLS; without them plain ws://
 *   -b 1     packs about 16 KiB of frames into each TLS record; 0, the default: a record for each frame
 *   -f       the dispatches to send; without it idle mode: every connection stays up and its heartbeats are answered
 *   -m       the compressions to prepare, such as none,zlib; default all three
 *   -i       the heartbeat interval that HELLO tells; default 41250, with -f 600000
 *   -w, -u   trickle: n frames every us microseconds, one event per wakeup with -u 1
 *   -n       no TLS session can be taken up again: no tickets, no cache
 *   -t       FILE gets, for each sequence, the CLOCK_MONOTONIC nanoseconds (uint64_t) just before the write() of its frame,
 *            which is encrypted by then; for one connection, records unpacked
 *   -q       no report of connections every 5 s
 *   -C       commands on standard input, a line each, answered by a line of JSON with "answer" in it:
 *     send N       the first N events of the corpus only (0: all)      pack 0|1     as -b
 *     pace US N    as -w and -u                                        hold 0|1     after READY, wait for "go"
 *     go [N]       let all, or N, of those go on that hold             mark         counters to 0, clock to 0
 *     drop         mark, then end every connection without a word      counts       answers with the counters
 *     wait NAME N MS   answers with the counters when NAME has reached N or MS have passed
 *   The commands of the sending order hold for connections that identify later. The counters: accepted, live,
 *   identified, resumed, finished (the whole corpus was read), acked (heartbeats), reused (TLS sessions),
 *   handshaking (between accept and the end of the websocket upgrade), most_handshaking, and "seconds" since mark.
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
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum { NONE, ZLIB, ZSTD, MODES };
static const char *const mode_names[MODES] = {"none", "zlib", "zstd"};
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
static int interval = 0, pack = 0, port = 9443, pace = 0, burst = 1, hold = 0;
static SSL_CTX *ctx;
static size_t events, wanted; /* of the corpus; how many of them to send */
static double json_bytes;
static uint64_t *stamps;

/* ---- counters, and those who wait for them */
enum { ACCEPTED, LIVE, IDENTIFIED, RESUMED, FINISHED, ACKED, REUSED, HANDSHAKING, MOST_HANDSHAKING, COUNTERS };
static const char *counter_names[COUNTERS] = {"accepted", "live",   "identified",  "resumed",         "finished",
                                              "acked",    "reused", "handshaking", "most_handshaking"};
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed, gone;
static long counters[COUNTERS];
static unsigned go_count;
static long tickets;
static double marked;
static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}
static void count(int which, int by) {
    pthread_mutex_lock(&lock);
    counters[which] += by;
    if (which == HANDSHAKING && counters[which] > counters[MOST_HANDSHAKING])
        counters[MOST_HANDSHAKING] = counters[which];
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

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
/* the same as stored blocks, which fit in at any place of a stream that was flushed */
static void stored(int mode, buf *out, const char *msg, size_t n) {
    unsigned char h[16] = {mode == NONE ? 0x81 : 0x82};
    size_t extra = mode == ZLIB ? 10 : mode == ZSTD ? 3 : 0, len = n + extra, hn = 2;
    if (len < 126)
        h[1] = (unsigned char)len;
    else {
        h[1] = 126;
        h[2] = (unsigned char)(len >> 8);
        h[3] = (unsigned char)len;
        hn = 4;
    }
    put(out, h, hn);
    if (mode == ZLIB) {
        unsigned char b[5] = {0, (unsigned char)n, (unsigned char)(n >> 8), (unsigned char)~n, (unsigned char)(~n >> 8)};
        put(out, b, 5);
    } else if (mode == ZSTD) {
        unsigned char b[3] = {(unsigned char)(n << 3), (unsigned char)(n >> 5), (unsigned char)(n >> 13)};
        put(out, b, 3);
    }
    put(out, msg, n);
    if (mode == ZLIB) put(out, "\0\0\0\377\377", 5);
}

typedef struct conn {
    int fd;
    SSL *s;
    unsigned char in[1 << 16];
    size_t have;
    struct conn *next, **link; /* in the list of all, for "drop" */
} conn;
static conn *all;
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
    char r[2048];
    int n = snprintf(
        r, sizeof r,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
        strlen(body), body);
    wr(c, r, n);
    flush(c);
}
/* the few requests that clients begin with */
#define USER                                                                                                           \
    "{\"verified\":true,\"username\":\"bench\",\"mfa_enabled\":false,\"id\":\"81384788765712384\",\"global_name\":"    \
    "null,\"flags\":0,\"email\":null,\"discriminator\":\"0001\",\"bot\":true,\"avatar\":null}"
static void rest(conn *c, const char *request) {
    char b[1024];
    if (strstr(request, "/users/@me"))
        http(c, USER);
    else if (strstr(request, "/applications/@me"))
        http(c, "{\"id\":\"81384788765712384\",\"name\":\"bench\",\"description\":\"\",\"icon\":null,\"bot_public\":"
                "false,\"bot_require_code_grant\":false,\"owner\":" USER ",\"verify_key\":\"00\",\"flags\":0,\"team\":"
                "null,\"summary\":\"\"}");
    else {
        snprintf(b, sizeof b,
                 "{\"url\":\"%s://127.0.0.1:%d\",\"shards\":1,\"session_start_limit\":{\"total\":100000,\"remaining\":"
                 "99999,\"reset_after\":14400000,\"max_concurrency\":100000}}",
                 ctx ? "wss" : "ws", port);
        http(c, b);
    }
}
static int hello_json(char *p, size_t n) {
    return snprintf(p, n, "{\"t\":null,\"s\":null,\"op\":10,\"d\":{\"heartbeat_interval\":%d,\"_trace\":[]}}", interval);
}
static int ready_json(char *p, size_t n, int session, int shard, int shards) {
    return snprintf(p, n,
                    "{\"t\":\"READY\",\"s\":1,\"op\":0,\"d\":{\"v\":10,\"user_settings\":{},\"user\":" USER
                    ",\"session_type\":\"normal\",\"session_id\":\"b0b%029d\",\"resume_gateway_url\":\"%s://"
                    "127.0.0.1:%d\",\"shard\":[%d,%d],\"relationships\":[],\"private_channels\":[],\"presences\":[],"
                    "\"guilds\":[],\"guild_join_requests\":[],\"geo_ordered_rtc_regions\":[],\"application\":{\"id\":"
                    "\"81384788765712384\",\"flags\":0},\"_trace\":[]}}",
                    session, ctx ? "wss" : "ws", port, shard, shards);
}
/* READY, the corpus and the question that ends it; -1 when the peer has gone */
static int blast(conn *c, int mode) {
    pthread_mutex_lock(&lock);
    const size_t n = wanted && wanted < events ? wanted : events;
    const int packed = pack, us = pace, some = burst, wait = hold;
    const unsigned before = go_count;
    pthread_mutex_unlock(&lock);
    buf o = {0};
    int answer = -1;
    if (wr(c, pre[mode].p + off[mode][1], off[mode][2] - off[mode][1])) goto out;
    flush(c);
    count(IDENTIFIED, 1);
    if (wait) {
        pthread_mutex_lock(&lock);
        while (go_count == before && !tickets) pthread_cond_wait(&gone, &lock);
        if (go_count == before) tickets--;
        pthread_mutex_unlock(&lock);
    }
    if (packed) {
        for (size_t i = 2, j; i < n + 2; i = j) {
            for (j = i + 1; j < n + 2 && off[mode][j + 1] - off[mode][i] <= 16000;) j++;
            if (wr(c, pre[mode].p + off[mode][i], off[mode][j] - off[mode][i])) goto out;
        }
    } else {
        struct timespec next;
        clock_gettime(CLOCK_MONOTONIC, &next);
        for (size_t i = 2; i < n + 2; i++) {
            if (wr(c, pre[mode].p + off[mode][i], off[mode][i + 1] - off[mode][i])) goto out;
            if (!us || (i - 1) % (size_t)some) continue;
            struct timespec t;
            clock_gettime(CLOCK_MONOTONIC, &t);
            if (stamps) stamps[i] = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
            flush(c);
            /* at a steady rate; time that was lost is not caught up with by a burst */
            next.tv_nsec += us * 1000L;
            while (next.tv_nsec >= 1000000000) next.tv_sec++, next.tv_nsec -= 1000000000;
            if (t.tv_sec > next.tv_sec || (t.tv_sec == next.tv_sec && t.tv_nsec > next.tv_nsec)) next = t;
            clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
        }
    }
    stored(mode, &o, "{\"t\":null,\"s\":null,\"op\":1,\"d\":null}", 35);
    answer = wr(c, o.p, o.n);
    flush(c);
out:
    free(o.p);
    return answer;
}
static void *serve(void *arg) {
    conn *c = arg;
    comp cm = {0};
    int cm_on = 0, shaking = 1;
    buf o = {0};
    prctl(PR_SET_TIMERSLACK, 1);
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
        rest(c, req);
        goto out;
    }
    int mode = strstr(req, "zlib-stream") ? ZLIB : strstr(req, "zstd-stream") ? ZSTD : NONE;
    if (frames && !off[mode]) {
        fprintf(stderr, "loadgw: %s is not prepared (-m)\n", mode_names[mode]);
        goto out;
    }
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
    if (c->s && SSL_session_reused(c->s)) count(REUSED, 1);
    count(HANDSHAKING, -1);
    shaking = 0;
    if (frames)
        wr(c, pre[mode].p, off[mode][1]);
    else {
        char hello[128];
        comp_init(&cm, mode);
        cm_on = 1;
        frame(&cm, &o, hello, hello_json(hello, sizeof hello));
        wr(c, o.p, o.n);
        o.n = 0;
    }
    flush(c);
    double t0 = 0;
    int opc, waiting = 0, alone = 0, owed = 0; /* alone: no compressed frame follows; owed: acknowledgements */
    unsigned char *b;
    size_t whole, sent = 0;
    long len;
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
            char s[2048]; /* an IDENTIFY has its shard towards its end */
            snprintf(s, sizeof s, "%.*s", (int)(len < 2047 ? len : 2047), b);
            char *op = strstr(s, "\"op\"");
            int code = op ? atoi(op + 4 + strspn(op + 4, " :")) : -1;
            if (code == -1 || memmem(b, len, "\"properties\"", 12)) code = 2;
            if (code == 2 && frames) {
                sent = wanted && wanted < events ? wanted : events;
                t0 = now();
                waiting = 1;
                if (blast(c, mode)) break;
                for (alone = 1; owed; owed--) {
                    stored(mode, &o, "{\"t\":null,\"s\":null,\"op\":11,\"d\":null}", 36);
                    wr(c, o.p, o.n);
                    o.n = 0;
                    flush(c);
                }
            } else if (code == 2) {
                char rdy[1200];
                int shard = 0, shards = 1;
                char *at = strstr(s, "\"shard\"");
                if (at) sscanf(at + 7, " : [ %d , %d", &shard, &shards);
                frame(&cm, &o, rdy, ready_json(rdy, sizeof rdy, (int)(counters[ACCEPTED] % 1000000), shard, shards));
                wr(c, o.p, o.n);
                o.n = 0;
                flush(c);
                count(IDENTIFIED, 1);
                comp_free(&cm);
                cm_on = 0;
            } else if (code == 6) {
                char a[200], *at = strstr(s, "\"seq\"");
                long seq = at ? atol(at + 5 + strspn(at + 5, " :")) : 0;
                int k = snprintf(a, sizeof a, "{\"t\":\"RESUMED\",\"s\":%ld,\"op\":0,\"d\":{\"_trace\":[]}}", seq + 1);
                stored(mode, &o, a, k);
                wr(c, o.p, o.n);
                o.n = 0;
                flush(c);
                alone = 1;
                count(RESUMED, 1);
            } else if (code == 1) {
                /* the answer to our request carries the last sequence; a timer heartbeat sent before it does not */
                char want[32];
                snprintf(want, sizeof want, "%zu", sent + 1);
                if (waiting && strstr(s, want)) {
                    double dt = now() - t0;
                    waiting = 0;
                    printf("{\"mode\":\"%s\",\"tls\":%d,\"packed\":%d,\"events\":%zu,\"seconds\":%.4f,\"events_per_"
                           "s\":%.0f,\"wire_mb\":%.2f}\n",
                           mode_names[mode], ctx != NULL, pack, sent, dt,
                           (double)sent / dt, (double)off[mode][sent + 2] / 1e6);
                    fflush(stdout);
                    count(FINISHED, 1);
                }
                /* Nothing may come between frames that were compressed one after the other. */
                const char *ack = "{\"t\":null,\"s\":null,\"op\":11,\"d\":null}";
                if (frames && !alone) {
                    owed++;
                } else {
                    if (cm_on)
                        frame(&cm, &o, ack, 36);
                    else
                        stored(mode, &o, ack, 36);
                    wr(c, o.p, o.n);
                    o.n = 0;
                    flush(c);
                    count(ACKED, 1);
                }
            }
        }
        take(c, whole);
    }
out:
    pthread_mutex_lock(&lock);
    *c->link = c->next;
    if (c->next) c->next->link = c->link;
    pthread_mutex_unlock(&lock);
    if (shaking) count(HANDSHAKING, -1);
    if (cm_on) comp_free(&cm);
    free(o.p);
    if (c->s) SSL_free(c->s);
    close(c->fd);
    free(c);
    count(LIVE, -1);
    return NULL;
}
static void *report(void *a) {
    for (;;) {
        sleep(5);
        fprintf(stderr, "conns live %ld total %ld identified %ld\n", counters[LIVE], counters[ACCEPTED],
                counters[IDENTIFIED]);
    }
    return a;
}
/* ---- commands */
static void answer(const char *to) { /* with the lock held */
    flockfile(stdout); /* connections report there as well, and not between these pieces */
    printf("{\"answer\":\"%s\",\"seconds\":%.4f", to, now() - marked);
    for (int i = 0; i < COUNTERS; i++) printf(",\"%s\":%ld", counter_names[i], counters[i]);
    printf("}\n");
    fflush(stdout);
    funlockfile(stdout);
}
static void mark(void) {
    for (int i = 0; i < COUNTERS; i++)
        if (i != LIVE && i != HANDSHAKING) counters[i] = 0;
    counters[MOST_HANDSHAKING] = counters[HANDSHAKING];
    marked = now();
}
static void until(int which, long n, long ms) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += ms % 1000 * 1000000;
    if (t.tv_nsec >= 1000000000) t.tv_sec++, t.tv_nsec -= 1000000000;
    while (counters[which] < n && !pthread_cond_timedwait(&changed, &lock, &t)) continue;
}
static void *command(void *a) {
    char line[256], word[32], name[32];
    while (fgets(line, sizeof line, stdin)) {
        long x = 0, y = 0;
        if (sscanf(line, "%31s", word) != 1) continue;
        pthread_mutex_lock(&lock);
        if (!strcmp(word, "wait") && sscanf(line, "%*s %31s %ld %ld", name, &x, &y) == 3) {
            for (int i = 0; i < COUNTERS; i++)
                if (!strcmp(name, counter_names[i])) until(i, x, y);
        } else {
            sscanf(line, "%*s %ld %ld", &x, &y);
            if (!strcmp(word, "send")) wanted = (size_t)x;
            if (!strcmp(word, "pack")) pack = (int)x;
            if (!strcmp(word, "pace")) pace = (int)x, burst = y ? (int)y : 1;
            if (!strcmp(word, "hold")) hold = (int)x;
            if (!strcmp(word, "mark") || !strcmp(word, "drop")) mark();
            if (!strcmp(word, "drop"))
                for (conn *c = all; c; c = c->next) shutdown(c->fd, SHUT_RDWR);
            if (!strcmp(word, "go")) {
                tickets = x;
                go_count += x == 0;
                mark();
                pthread_cond_broadcast(&gone);
            }
        }
        answer(word);
        pthread_mutex_unlock(&lock);
    }
    exit(0); /* whoever commanded has gone */
    return a;
}
static void read_corpus(const char *path, const char *modes) {
    FILE *f = fopen(path, "r");
    if (!f) {
        perror(path);
        exit(1);
    }
    char hello[128], rdy[1200];
    const int hn = hello_json(hello, sizeof hello), rn = ready_json(rdy, sizeof rdy, 0, 0, 1);
    comp c[MODES];
    int wants[MODES];
    size_t cap = 1 << 20;
    for (int m = 0; m < MODES; m++) {
        wants[m] = strstr(modes, mode_names[m]) != NULL;
        if (!wants[m]) continue;
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
        json_bytes += (double)n;
        events++;
        frames++;
        for (int m = 0; m < MODES; m++) {
            if (!wants[m]) continue;
            frame(&c[m], &pre[m], line, (size_t)n);
            off[m][frames] = pre[m].n;
        }
    }
    fprintf(stderr, "corpus: %zu events, %.1f MB JSON, zlib %.1f MB, zstd %.1f MB\n", events, json_bytes / 1e6,
            (double)pre[ZLIB].n / 1e6, (double)pre[ZSTD].n / 1e6);
}
static void tls(const char *cert, const char *key, int fresh) {
    ctx = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    if (fresh) {
        SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
        SSL_CTX_set_num_tickets(ctx, 0);
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    }
    if (SSL_CTX_use_certificate_chain_file(ctx, cert) <= 0 ||
        SSL_CTX_use_PrivateKey_file(ctx, key ? key : cert, SSL_FILETYPE_PEM) <= 0) {
        fprintf(stderr, "bad certificate\n");
        exit(1);
    }
}
int main(int argc, char **argv) {
    char *file = NULL, *cert = NULL, *key = NULL, *times = NULL, *modes = "none,zlib,zstd";
    int o, quiet = 0, commands = 0, fresh = 0, one = 1;
    while ((o = getopt(argc, argv, "p:f:c:k:b:i:m:qw:u:nt:C")) != -1) switch (o) {
        case 'p': port = atoi(optarg); break;
        case 'f': file = optarg; break;
        case 'c': cert = optarg; break;
        case 'k': key = optarg; break;
        case 'b': pack = atoi(optarg); break;
        case 'i': interval = atoi(optarg); break;
        case 'm': modes = optarg; break;
        case 'q': quiet = 1; break;
        case 'w': pace = atoi(optarg); break;
        case 'u': burst = atoi(optarg); break;
        case 'n': fresh = 1; break;
        case 't': times = optarg; break;
        case 'C': commands = 1; break;
        default: return 2;
        }
    if (!interval) interval = file ? 600000 : 41250;
    signal(SIGPIPE, SIG_IGN);
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&changed, &clock);
    pthread_cond_init(&gone, &clock);
    marked = now();
    int s = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(s, (void *)&a, sizeof a) || listen(s, 4096)) {
        perror("bind");
        return 1;
    }
    socklen_t alen = sizeof a;
    getsockname(s, (void *)&a, &alen);
    port = ntohs(a.sin_port); /* with -p 0 the system chooses */
    if (cert) tls(cert, key, fresh);
    if (file) read_corpus(file, modes);
    if (times) {
        FILE *f = fopen(times, "w+");
        const size_t size = (events + 8) * sizeof(uint64_t);
        if (!f || ftruncate(fileno(f), (off_t)size) ||
            (stamps = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(f), 0)) == MAP_FAILED) {
            perror(times);
            return 1;
        }
    }
    pthread_t t;
    if (!quiet) pthread_create(&t, NULL, report, NULL);
    if (commands) pthread_create(&t, NULL, command, NULL);
    pthread_attr_t at;
    pthread_attr_init(&at);
    pthread_attr_setstacksize(&at, 256 << 10);
    pthread_attr_setdetachstate(&at, PTHREAD_CREATE_DETACHED);
    fprintf(stderr, "listening on %d\n", port);
    for (;;) {
        int fd = accept(s, NULL, NULL);
        if (fd < 0) continue;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        conn *c = calloc(1, sizeof *c);
        c->fd = fd;
        pthread_mutex_lock(&lock);
        c->next = all;
        c->link = &all;
        if (all) all->link = &c->next;
        all = c;
        pthread_mutex_unlock(&lock);
        count(ACCEPTED, 1);
        count(LIVE, 1);
        count(HANDSHAKING, 1);
        if (pthread_create(&t, &at, serve, c)) {
            perror("pthread_create");
            exit(1);
        }
    }
}

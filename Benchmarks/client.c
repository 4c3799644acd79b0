/* client: the engine as a client of the load generator, through its C API.
 *
 *   client [options] URL CA_FILE LAST
 *
 * LAST is the sequence of the last event: 1 for READY alone (idle shards), events sent + 1 for a corpus. The handler does
 * what floor.c's does: it adds up a name's length, the sequence and the last byte. When every shard has delivered LAST,
 * one line of JSON says what it took: user and system time of the whole process from its start, as floor.c counts them,
 * and the seconds from the start of the cluster.
 *
 *   -z none|zlib|zstd    compression; default zlib          -d inline|queued   delivery; default inline
 *   -n N                 shards; default 1                  -j N               loop threads; default 1, 0: the engine's
 *   -q BYTES             queue of queued delivery           -w US              the handler sleeps, for each event
 *   -t FILE -o FILE      latencies: loadgw's -t, and where to write them (measure.h)
 *   -a FROM:TO           allocations between these events (allocations.c)
 *   -m                   memory: what smaps_rollup says, less what it said before the cluster was started
 *   -l N                 handshakes in flight at most, for each loop; default the engine's
 *   -i N                 sg_config_set_inflate_backend, where the library has it; default the engine's
 *   -k                   stay: READY of every shard is enough; then "info" on standard input is answered by a line of
 *                        sums over all shards, and its end shuts down
 *
 * build: cc -O2 client.c -o client -lswiftgateway -lpthread
 */
#define _GNU_SOURCE
#include "measure.h"
#include <pthread.h>
#include <string.h>
#include <sys/resource.h>
#include <swiftgateway.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned finished, failed, stay;
static unsigned char *done; /* for each shard */
static _Atomic unsigned closes;
static char first_close[64];
static uint64_t last, first, until, events;
static struct rusage at_end;
static struct timespec rest;
static _Thread_local uint64_t sink, seen;

static void other(const sg_event *event) {
    if (event->kind != SG_EVENT_ERROR && event->kind != SG_EVENT_CLOSED) return;
    if (stay) { /* which a shard recovers from */
        if (event->kind == SG_EVENT_CLOSED && !closes++)
            snprintf(first_close, sizeof first_close, "shard %u, code %u", event->shard_id, event->code);
        return;
    }
    fprintf(stderr, "client: shard %u: code %u, status %s: %.*s\n", event->shard_id, event->code,
            sg_status_name(event->status), (int)event->data_length, event->data ? event->data : "");
    pthread_mutex_lock(&lock);
    failed++;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
}

static inline __attribute__((always_inline)) void take(const sg_event *event) {
    sink += event->name_length + event->sequence + (unsigned char)event->data[event->data_length - 1];
    seen++;
    if (event->sequence != last) return;
    pthread_mutex_lock(&lock);
    getrusage(RUSAGE_SELF, &at_end);
    events += seen;
    seen = 0;
    finished += !done[event->shard_id];
    done[event->shard_id] = 1;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
}

static void on_event(const sg_event *event, void *user) {
    (void)user;
    if (event->kind == SG_EVENT_DISPATCH)
        take(event);
    else
        other(event);
}

static void on_event_timed(const sg_event *event, void *user) {
    (void)user;
    if (event->kind == SG_EVENT_DISPATCH) {
        note_latency(event->sequence, event->received_ns);
        take(event);
    } else
        other(event);
}

static void on_event_slow(const sg_event *event, void *user) {
    on_event(event, user);
    nanosleep(&rest, NULL);
}

static long allocations, own, frees;
static void on_event_counted(const sg_event *event, void *user) {
    if (event->sequence == first) count_allocations(1, NULL, NULL);
    if (event->sequence == until) allocations = count_allocations(0, &own, &frees);
    on_event(event, user);
}

static long memory_kb(const char *field) {
    FILE *f = fopen("/proc/self/smaps_rollup", "r");
    char line[256];
    long kb = -1;
    if (!f) return -1;
    while (fgets(line, sizeof line, f))
        if (!strncmp(line, field, strlen(field)) && line[strlen(field)] == ':') kb = atol(line + strlen(field) + 1);
    fclose(f);
    return kb;
}

/* once it no longer changes: buffers are given back when a loop comes to rest */
static long settled_kb(const char *field) {
    long before = -1, kb = memory_kb(field);
    for (int i = 0; i < 20 && kb != before; i++) {
        nanosleep(&(struct timespec){0, 150000000}, NULL);
        before = kb;
        kb = memory_kb(field);
    }
    return kb;
}

static void need(sg_status status) {
    if (status == SG_OK) return;
    fprintf(stderr, "client: %s\n", sg_last_error());
    exit(1);
}

static double seconds(struct timeval t) {
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static void info(sg_cluster *cluster, unsigned shards) {
    unsigned long long resumes = 0, identifies = 0, reconnects = 0, acked = 0, active = 0, count = 0;
    for (unsigned i = 0; i < shards; i++) {
        sg_shard_info s = {.struct_size = sizeof s};
        need(sg_cluster_info(cluster, i, &s));
        resumes += s.resumes;
        identifies += s.identifies;
        reconnects += s.reconnects;
        acked += s.heartbeats_acked;
        active += s.state == SG_SHARD_ACTIVE;
        count += s.events;
    }
    printf("{\"active\":%llu,\"resumes\":%llu,\"identifies\":%llu,\"reconnects\":%llu,\"acked\":%llu,\"events\":%llu,"
           "\"closes\":%u,\"first_close\":\"%s\"}\n",
           active, resumes, identifies, reconnects, acked, count, closes, first_close);
    fflush(stdout);
}

int main(int argc, char **argv) {
    const char *mode = "zlib", *delivery = "inline", *stamp_file = NULL, *latency_file = NULL;
    unsigned shards = 1, loops = 1, memory = 0, handshakes = 0;
    int inflate = -1;
    size_t queue = 0;
    long sleep_us = 0;
    int option;
    while ((option = getopt(argc, argv, "z:d:n:j:q:w:t:o:a:l:i:mk")) != -1) switch (option) {
        case 'z': mode = optarg; break;
        case 'd': delivery = optarg; break;
        case 'n': shards = (unsigned)atoi(optarg); break;
        case 'j': loops = (unsigned)atoi(optarg); break;
        case 'q': queue = strtoull(optarg, NULL, 10); break;
        case 'w': sleep_us = atol(optarg); break;
        case 't': stamp_file = optarg; break;
        case 'o': latency_file = optarg; break;
        case 'a':
            first = strtoull(optarg, NULL, 10);
            until = strchr(optarg, ':') ? strtoull(strchr(optarg, ':') + 1, NULL, 10) : 0;
            break;
        case 'l': handshakes = (unsigned)atoi(optarg); break;
        case 'i': inflate = atoi(optarg); break;
        case 'm': memory = 1; break;
        case 'k': stay = 1; break;
        default: return 2;
        }
    if (argc - optind != 3) {
        fprintf(stderr, "usage: client [options] URL CA_FILE LAST\n");
        return 2;
    }
    last = strtoull(argv[optind + 2], NULL, 10);
    rest = (struct timespec){sleep_us / 1000000, sleep_us % 1000000 * 1000};
    if (stamp_file) read_stamps(stamp_file);
    done = calloc(shards, 1);
    sg_cluster *cluster = NULL;
    sg_config *config = sg_config_new("benchmark", SG_INTENT_GUILDS | SG_INTENT_GUILD_MESSAGES);
    if (!config) need(SG_ERROR_INTERNAL);
    need(sg_config_set_gateway_url(config, argv[optind]));
    need(sg_config_set_ca_file(config, argv[optind + 1]));
    need(sg_config_set_compression(config, !strcmp(mode, "zlib")   ? SG_COMPRESSION_ZLIB
                                           : !strcmp(mode, "zstd") ? SG_COMPRESSION_ZSTD
                                                                   : SG_COMPRESSION_NONE));
    need(sg_config_set_delivery(config, !strcmp(delivery, "inline") ? SG_DELIVERY_INLINE : SG_DELIVERY_QUEUED, queue));
    need(sg_config_set_shards(config, 0, shards, shards));
    need(sg_config_set_max_concurrency(config, shards));
    need(sg_config_set_identify_interval(config, 0));
    need(sg_config_set_io_threads(config, loops));
    if (handshakes) need(sg_config_set_handshake_limit(config, handshakes));
    sg_status (*backend)(sg_config *, uint32_t);
    *(void **)&backend = dlsym(RTLD_DEFAULT, "sg_config_set_inflate_backend");
    if (inflate >= 0 && !backend) {
        fprintf(stderr, "client: this library has no sg_config_set_inflate_backend\n");
        return 1;
    }
    if (inflate >= 0) need(backend(config, (uint32_t)inflate));
    need(sg_config_set_event_kinds(config, 1u << SG_EVENT_DISPATCH | 1u << SG_EVENT_ERROR | 1u << SG_EVENT_CLOSED));
    need(sg_config_set_event_handler(
        config, stamp_file ? on_event_timed : sleep_us ? on_event_slow : first ? on_event_counted : on_event, NULL));
    need(sg_cluster_new(config, &cluster));
    sg_config_free(config);

    // only when asked for: reading that is CPU time of this process, too
    const long anonymous = memory ? memory_kb("Anonymous") : 0, dirty = memory ? memory_kb("Private_Dirty") : 0;
    const uint64_t begun = clock_ns();
    need(sg_cluster_start(cluster));
    pthread_mutex_lock(&lock);
    while (finished < shards && !failed) pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    if (failed) exit(1);
    const double took = (double)(clock_ns() - begun) / 1e9;
    const double cpu = seconds(at_end.ru_utime) + seconds(at_end.ru_stime);
    printf("{\"client\":\"engine\",\"mode\":\"%s\",\"delivery\":\"%s\",\"shards\":%u,\"loops\":%u,\"events\":%llu,"
           "\"cpu_s\":%.4f,\"us_per_event\":%.4f,\"seconds\":%.4f,\"rss_kb\":%ld,\"closes\":%u,\"first_close\":\"%s\"",
           mode, delivery, shards, loops, (unsigned long long)events, cpu, cpu * 1e6 / (double)events, took,
           at_end.ru_maxrss, closes, first_close);
    if (memory)
        printf(",\"anonymous_kb\":%ld,\"private_dirty_kb\":%ld,\"base_kb\":%ld",
               settled_kb("Anonymous") - anonymous, settled_kb("Private_Dirty") - dirty, anonymous);
    if (first) printf(",\"allocations\":%ld,\"own\":%ld,\"frees\":%ld", allocations, own, frees);
    printf("}\n");
    fflush(stdout);
    if (stay) {
        char line[64];
        while (fgets(line, sizeof line, stdin)) info(cluster, shards);
    }
    if (latency_file) write_latencies(latency_file);
    sg_cluster_shutdown(cluster, SG_SHUTDOWN_FINAL, 2000);
    sg_cluster_free(cluster);
    return 0;
}

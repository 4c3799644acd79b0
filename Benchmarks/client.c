/* client: the engine as a client of the load generator, through its C API.
 *
 *   client events PORT none|zlib|zstd inline|queued CA_FILE LAST     CPU per event
 *   client memory PORT none|zlib|zstd inline|queued CA_FILE LAST N   anonymous memory per shard
 *
 * LAST is the sequence of the last event: 1 for READY alone (idle shards), corpus length + 1 for a corpus. The handler
 * does what floor.c's does: it adds up a name's length, the sequence and the last byte. When every shard has delivered
 * LAST, one line of JSON says what it took: in "events" mode user and system time of the whole process, from its start,
 * as floor.c counts them; in "memory" mode what smaps_rollup says, less what it said before the shards were started.
 *
 * build: cc -O2 client.c -o client -lswiftgateway -lpthread
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <swiftgateway.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned finished, failed;
static uint64_t last;
static struct rusage at_end;
static _Thread_local uint64_t sink, seen;

static void on_event(const sg_event *event, void *user) {
    if (event->kind == SG_EVENT_DISPATCH) {
        sink += event->name_length + event->sequence + (unsigned char)event->data[event->data_length - 1];
        seen++;
        if (event->sequence != last) return;
        pthread_mutex_lock(&lock);
        getrusage(RUSAGE_SELF, &at_end);
        *(uint64_t *)user += seen;
        seen = 0;
        finished++;
        pthread_cond_signal(&changed);
        pthread_mutex_unlock(&lock);
    } else if (event->kind == SG_EVENT_ERROR || event->kind == SG_EVENT_CLOSED) {
        fprintf(stderr, "client: shard %u: code %u, status %s: %.*s\n", event->shard_id, event->code,
                sg_status_name(event->status), (int)event->data_length, event->data ? event->data : "");
        pthread_mutex_lock(&lock);
        failed++;
        pthread_cond_signal(&changed);
        pthread_mutex_unlock(&lock);
    }
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

static void need(sg_status status) {
    if (status == SG_OK) return;
    fprintf(stderr, "client: %s\n", sg_last_error());
    exit(1);
}

static double seconds(struct timeval t) {
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

int main(int argc, char **argv) {
    const int memory = argc == 8 && !strcmp(argv[1], "memory");
    if (!memory && !(argc == 7 && !strcmp(argv[1], "events"))) {
        fprintf(stderr, "usage: client events|memory PORT none|zlib|zstd inline|queued CA_FILE LAST [SHARDS]\n");
        return 2;
    }
    const char *mode = argv[3];
    const unsigned shards = memory ? (unsigned)atoi(argv[7]) : 1;
    uint64_t events = 0;
    char url[64];
    sg_cluster *cluster = NULL;
    last = strtoull(argv[6], NULL, 10);
    snprintf(url, sizeof url, "wss://127.0.0.1:%s", argv[2]);
    sg_config *config = sg_config_new("benchmark", SG_INTENT_GUILDS | SG_INTENT_GUILD_MESSAGES);
    if (!config) need(SG_ERROR_INTERNAL);
    need(sg_config_set_gateway_url(config, url));
    need(sg_config_set_ca_file(config, argv[5]));
    need(sg_config_set_compression(config, !strcmp(mode, "zlib")   ? SG_COMPRESSION_ZLIB
                                           : !strcmp(mode, "zstd") ? SG_COMPRESSION_ZSTD
                                                                   : SG_COMPRESSION_NONE));
    need(sg_config_set_delivery(config, !strcmp(argv[4], "inline") ? SG_DELIVERY_INLINE : SG_DELIVERY_QUEUED, 0));
    need(sg_config_set_shards(config, 0, shards, shards));
    need(sg_config_set_max_concurrency(config, shards));
    need(sg_config_set_identify_interval(config, 0));
    need(sg_config_set_event_kinds(config, 1u << SG_EVENT_DISPATCH | 1u << SG_EVENT_ERROR | 1u << SG_EVENT_CLOSED));
    need(sg_config_set_event_handler(config, on_event, &events));
    need(sg_cluster_new(config, &cluster));
    sg_config_free(config);

    const long anonymous = memory_kb("Anonymous"), dirty = memory_kb("Private_Dirty");
    need(sg_cluster_start(cluster));
    pthread_mutex_lock(&lock);
    while (finished < shards && !failed) pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    if (failed) exit(1);
    if (memory) {
        const double n = shards;
        printf("{\"client\":\"engine\",\"mode\":\"%s\",\"shards\":%u,\"anonymous_kb\":%.2f,\"private_dirty_kb\":%.2f,"
               "\"base_kb\":%ld}\n",
               mode, shards, (double)(memory_kb("Anonymous") - anonymous) / n,
               (double)(memory_kb("Private_Dirty") - dirty) / n, anonymous);
    } else {
        const double cpu = seconds(at_end.ru_utime) + seconds(at_end.ru_stime);
        printf("{\"client\":\"engine\",\"mode\":\"%s\",\"delivery\":\"%s\",\"events\":%llu,\"cpu_s\":%.3f,"
               "\"us_per_event\":%.3f,\"rss_kb\":%ld}\n",
               mode, argv[4], (unsigned long long)events, cpu, cpu * 1e6 / (double)events, at_end.ru_maxrss);
    }
    fflush(stdout);
    sg_cluster_shutdown(cluster, SG_SHUTDOWN_FINAL, 2000);
    sg_cluster_free(cluster);
    return 0;
}

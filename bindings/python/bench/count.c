/* count: counts messages as python_client.py does, in C, with the same options: count GATEWAY_URL CA_FILE LAST zlib */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <swiftgateway.h>
#include <sys/resource.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct rusage at_end;
static uint64_t last, messages;
static int finished;

static void on_event(const sg_event *event, void *user) {
    (void)user;
    messages += event->type == SG_DISPATCH_MESSAGE_CREATE;
    if (event->kind != SG_EVENT_DISPATCH || event->sequence != last) return;
    pthread_mutex_lock(&lock);
    getrusage(RUSAGE_SELF, &at_end);
    finished = 1;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
}

static double seconds(const struct rusage *usage) {
    return (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) +
           (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / 1e6;
}

static void need(sg_status status) {
    if (status == SG_OK) return;
    fprintf(stderr, "count: %s\n", sg_last_error());
    exit(1);
}

int main(int argc, char **argv) {
    if (argc != 5) return fprintf(stderr, "usage: count GATEWAY_URL CA_FILE LAST none|zlib|zstd\n"), 2;
    struct rusage at_start;
    sg_cluster *cluster = NULL;
    sg_config *config = sg_config_new("benchmark", SG_INTENT_GUILDS | SG_INTENT_GUILD_MESSAGES);
    if (!config) need(SG_ERROR_INTERNAL);
    last = strtoull(argv[3], NULL, 10);
    need(sg_config_set_gateway_url(config, argv[1]));
    need(sg_config_set_ca_file(config, argv[2]));
    need(sg_config_set_compression(config, !strcmp(argv[4], "zlib")   ? SG_COMPRESSION_ZLIB
                                           : !strcmp(argv[4], "zstd") ? SG_COMPRESSION_ZSTD
                                                                      : SG_COMPRESSION_NONE));
    need(sg_config_set_shards(config, 0, 1, 1));
    need(sg_config_set_event_kinds(config, 1u << SG_EVENT_DISPATCH | 1u << SG_EVENT_ERROR | 1u << SG_EVENT_CLOSED));
    need(sg_config_set_event_handler(config, on_event, NULL));
    getrusage(RUSAGE_SELF, &at_start);
    need(sg_cluster_new(config, &cluster));
    sg_config_free(config);
    need(sg_cluster_start(cluster));
    pthread_mutex_lock(&lock);
    while (!finished) pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    const double cpu = seconds(&at_end) - seconds(&at_start);
    printf("{\"client\":\"C\",\"events\":%llu,\"messages\":%llu,\"cpu_s\":%.4f,\"us_per_event\":%.3f}\n",
           (unsigned long long)last, (unsigned long long)messages, cpu, cpu * 1e6 / (double)last);
    fflush(stdout);
    sg_cluster_shutdown(cluster, SG_SHUTDOWN_FINAL, 2000);
    sg_cluster_free(cluster);
    return 0;
}

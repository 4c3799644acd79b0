/* A bot's connections at a glance, once a second: states, latency, traffic, and what went wrong lately.
 *
 *   DISCORD_TOKEN=… watch [seconds] [--metrics]
 *
 * Ends after so many seconds, or with Ctrl-C; with --metrics it prints the last numbers in the text format of
 * Prometheus. API_URL and CA_FILE lead it to another gateway than Discord's.
 *   cc watch.c $(pkg-config --cflags --libs swiftgateway) -lpthread -o watch */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <swiftgateway.h>

enum { RECENT = 6, TEXT = 160 };

/* The last lines of what happened. Shards speak at the same time, and the view reads: hence the lock. */
static struct {
    pthread_mutex_t lock;
    char lines[RECENT][TEXT];
    unsigned long count;
} recent = {PTHREAD_MUTEX_INITIALIZER, {{0}}, 0};

static uint64_t started_ns;
static volatile sig_atomic_t interrupted;

static void interrupt(int signal_number) {
    (void)signal_number;
    interrupted = 1;
}

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void on_event(const sg_event *event, void *user) {
    char text[TEXT];
    int at = snprintf(text, sizeof text, "%7.2f s  shard %" PRIu32 "  ", (double)(now_ns() - started_ns) / 1e9,
                      event->shard_id);
    const size_t room = sizeof text - (size_t)at;
    (void)user;
    switch (event->kind) {
    case SG_EVENT_STATE:
        if (event->state == SG_SHARD_BACKOFF)
            snprintf(text + at, room, "%s for %.1f s", sg_shard_state_name(event->state), (double)event->value_ns / 1e9);
        else if (event->state == SG_SHARD_ACTIVE || event->state >= SG_SHARD_STOPPED)
            snprintf(text + at, room, "%s", sg_shard_state_name(event->state));
        else return; /* on its way: the table shows it */
        break;
    case SG_EVENT_CLOSED:
        snprintf(text + at, room, "connection ended with %" PRIu32 " %.*s, next: %s", event->code,
                 (int)event->data_length, event->data ? event->data : "", sg_shard_state_name(event->state));
        break;
    case SG_EVENT_ERROR:
        snprintf(text + at, room, "%s: %.*s", sg_status_name(event->status), (int)event->data_length,
                 event->data ? event->data : "");
        break;
    default: return;
    }
    pthread_mutex_lock(&recent.lock);
    memcpy(recent.lines[recent.count++ % RECENT], text, sizeof text);
    pthread_mutex_unlock(&recent.lock);
}

static const char *milliseconds(uint64_t ns, char text[16]) {
    if (!ns) return "-";
    snprintf(text, 16, "%.2f ms", (double)ns / 1e6);
    return text;
}

/* One look. Totals of the shards are for their whole life, so that the rate is a difference of two looks. */
static void show(const sg_cluster *cluster, int terminal) {
    static uint64_t last_events, last_ns;
    uint32_t ids[4096];
    size_t count = sizeof ids / sizeof *ids, i, active = 0;
    uint64_t events = 0, wire = 0, inflated = 0, now = now_ns();
    unsigned long line;
    if (sg_cluster_shard_ids(cluster, ids, &count) != SG_OK) count = 0; /* not before the API has answered */
    if (terminal) fputs("\033[H\033[J", stdout);
    printf("%5s %-18s %10s %10s %9s %8s %7s %7s %6s\n", "shard", "state", "latency", "average", "events", "queued",
           "resumes", "permits", "close");
    for (i = 0; i < count; i++) {
        char latency[16], average[16], permits[16] = "-", closed[16] = "-";
        sg_shard_info info;
        memset(&info, 0, sizeof info);
        info.struct_size = sizeof info;
        if (sg_cluster_info(cluster, ids[i], &info) != SG_OK) continue;
        active += info.state == SG_SHARD_ACTIVE;
        events += info.events;
        wire += info.bytes_wire;
        inflated += info.bytes_inflated;
        if (info.send_permits != UINT32_MAX) snprintf(permits, sizeof permits, "%" PRIu32, info.send_permits);
        if (info.last_close_code) snprintf(closed, sizeof closed, "%" PRIu32, info.last_close_code);
        printf("%5" PRIu32 " %-18s %10s %10s %9" PRIu64 " %6" PRIu64 " B %7" PRIu64 " %7s %6s\n", info.id,
               sg_shard_state_name(info.state), milliseconds(info.latency_last_ns, latency),
               milliseconds(info.latency_average_ns, average), info.events, info.bytes_queued, info.resumes, permits,
               closed);
    }
    printf("%zu of %zu shards active, %" PRIu64 " events", active, count, events);
    if (last_ns) printf(" (%.1f/s)", (double)(events - last_events) * 1e9 / (double)(now - last_ns));
    printf(", %.1f KB read", (double)wire / 1024);
    if (wire) printf(", %.1f times that inflated", (double)inflated / (double)wire);
    puts("");
    pthread_mutex_lock(&recent.lock);
    for (line = recent.count < RECENT ? 0 : recent.count - RECENT; line < recent.count; line++)
        printf("  %s\n", recent.lines[line % RECENT]);
    pthread_mutex_unlock(&recent.lock);
    puts("");
    fflush(stdout);
    last_events = events;
    last_ns = now;
}

static int fail(void) {
    fprintf(stderr, "watch: %s\n", sg_last_error());
    return 1;
}

static int metrics(const sg_cluster *cluster) {
    char *text = NULL;
    size_t length = 0;
    sg_status status = sg_cluster_metrics(cluster, NULL, &length);
    while (status == SG_ERROR_BUFFER_TOO_SMALL) { /* it may have grown meanwhile */
        free(text);
        text = malloc(++length);
        if (!text) return 1;
        status = sg_cluster_metrics(cluster, text, &length);
    }
    if (status == SG_OK) fputs(text, stdout);
    free(text);
    return status == SG_OK ? 0 : fail();
}

int main(int argc, char **argv) {
    unsigned long seconds = 0;
    int want_metrics = 0, i, bad;
    struct sigaction action;
    sg_status status = SG_ERROR_TIMEOUT;
    sg_cluster *cluster = NULL;
    sg_config *config = sg_config_new(getenv("DISCORD_TOKEN"), SG_INTENTS_UNPRIVILEGED);
    for (i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--metrics")) want_metrics = 1;
        else seconds = strtoul(argv[i], NULL, 10);
    }
    if (!config) return fail();
    bad = (getenv("API_URL") && sg_config_set_api_url(config, getenv("API_URL"))) ||
          (getenv("CA_FILE") && sg_config_set_ca_file(config, getenv("CA_FILE"))) ||
          /* The dispatches themselves are not looked at: counting them costs no call. */
          sg_config_set_event_kinds(config, 1u << SG_EVENT_STATE | 1u << SG_EVENT_CLOSED | 1u << SG_EVENT_ERROR) ||
          sg_config_set_event_handler(config, on_event, NULL) || sg_cluster_new(config, &cluster);
    sg_config_free(config);
    memset(&action, 0, sizeof action);
    action.sa_handler = interrupt;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    started_ns = now_ns();
    if (bad || sg_cluster_start(cluster)) {
        fail();
        sg_cluster_free(cluster);
        return 1;
    }
    while (status == SG_ERROR_TIMEOUT && !interrupted && (!seconds || now_ns() - started_ns < seconds * 1000000000u)) {
        status = sg_cluster_wait(cluster, 1000);
        show(cluster, isatty(1));
    }
    bad = status != SG_ERROR_TIMEOUT && fail(); /* a shard is fatal, or the API could not be asked */
    if (want_metrics) bad |= metrics(cluster);
    sg_cluster_shutdown(cluster, SG_SHUTDOWN_FINAL, 5000);
    sg_cluster_free(cluster);
    return bad;
}

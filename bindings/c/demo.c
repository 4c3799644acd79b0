/* A live, readable stream of what a bot's connections do, then a summary.
 *
 *   DISCORD_TOKEN=… demo [--api URL] [--ca FILE] [--session FILE] [--seconds N] [--intents BITS]
 *
 * It checks the engine's promise itself: within a session, sequences go up by one, so that a gap is a lost event and a
 * repetition a duplicate. Ends after N seconds, or with Ctrl-C, or when a shard is fatal. Status 0 when nothing was
 * lost or duplicated. */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <swiftgateway.h>

enum { SHARDS = 4096 };

/* What one shard has seen. Its events come one at a time, so that no lock is needed. */
typedef struct {
    uint64_t sequence; /* of the last dispatch of this session; 0 = none yet */
    uint64_t events, lost, duplicated, ready, resumed, closed, errors, beats, latency_ns;
} tally;

static tally shards[SHARDS];
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

static void count(tally *shard, const sg_event *event) {
    shard->events++;
    if (event->type == SG_DISPATCH_READY) {
        shard->ready++;
        shard->sequence = 0; /* a new session numbers from its READY */
    }
    if (event->type == SG_DISPATCH_RESUMED) shard->resumed++;
    if (event->sequence == 0) return;
    if (shard->sequence != 0 && event->sequence <= shard->sequence) {
        shard->duplicated++;
        return;
    }
    if (shard->sequence != 0) shard->lost += event->sequence - shard->sequence - 1;
    shard->sequence = event->sequence;
}

/* A few words about a dispatch, from its JSON. */
static void describe(const sg_event *event, char *text, size_t capacity) {
    char a[96] = "", b[160] = "";
    size_t a_length = sizeof a, b_length = sizeof b;
    *text = 0;
    if (sg_event_string(event, "/author/username", a, &a_length) == SG_OK) {
        sg_event_string(event, "/content", b, &b_length);
        b[b_length < 48 ? b_length : 48] = 0;
        while (*b && ((unsigned char)b[strlen(b) - 1] & 0xC0) == 0x80) b[strlen(b) - 1] = 0; /* no cut character */
        if (*b && (unsigned char)b[strlen(b) - 1] >= 0xC0) b[strlen(b) - 1] = 0;
        snprintf(text, capacity, "%s: %s", a, b);
    } else if (sg_event_string(event, "/session_id", a, &a_length) == SG_OK && event->type == SG_DISPATCH_READY) {
        snprintf(text, capacity, "session %s", a);
    } else if (event->type == SG_DISPATCH_RESUMED) {
        snprintf(text, capacity, "caught up");
    } else if (sg_event_string(event, "/name", a, &a_length) == SG_OK) {
        snprintf(text, capacity, "%s", a);
    } else {
        snprintf(text, capacity, "%zu bytes", event->data_length);
    }
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 127) *text = ' ';
}

static void on_event(const sg_event *event, void *user) {
    char text[320] = "";
    const double seconds = (double)(event->received_ns > started_ns ? event->received_ns - started_ns : 0) / 1e9;
    const unsigned shard_id = event->shard_id;
    tally *shard = &shards[shard_id % SHARDS];
    (void)user;
    switch (event->kind) {
    case SG_EVENT_DISPATCH:
        count(shard, event);
        describe(event, text, sizeof text);
        printf("%8.3f  shard %u  #%-6" PRIu64 " %-28s %s\n", seconds, shard_id, event->sequence, event->name, text);
        break;
    case SG_EVENT_STATE:
        printf("%8.3f  shard %u  -> %s\n", seconds, shard_id, sg_shard_state_name(event->state));
        break;
    case SG_EVENT_CLOSED:
        shard->closed += event->state != SG_SHARD_STOPPED; /* our own leaving does not count */
        printf("%8.3f  shard %u  connection ended: code %" PRIu32 " %.*s (next: %s)\n", seconds, shard_id, event->code,
               (int)event->data_length, event->data ? event->data : "", sg_shard_state_name(event->state));
        break;
    case SG_EVENT_LATENCY:
        shard->beats++;
        shard->latency_ns += event->value_ns;
        printf("%8.3f  shard %u  heartbeat acknowledged in %.2f ms\n", seconds, shard_id, (double)event->value_ns / 1e6);
        break;
    case SG_EVENT_ERROR:
        shard->errors++;
        printf("%8.3f  shard %u  %s: %.*s\n", seconds, shard_id, sg_status_name(event->status), (int)event->data_length,
               event->data ? event->data : "");
        break;
    }
    fflush(stdout);
}

static void on_log(uint32_t level, const char *target, const char *message, void *user) {
    (void)level, (void)user;
    fprintf(stderr, "log: %s: %s\n", target, message);
}

static int fail(void) {
    fprintf(stderr, "demo: %s\n", sg_last_error());
    return 1;
}

static int summary(void) {
    tally sum = {0};
    int i;
    for (i = 0; i < SHARDS; i++) {
        sum.events += shards[i].events;
        sum.lost += shards[i].lost;
        sum.duplicated += shards[i].duplicated;
        sum.ready += shards[i].ready;
        sum.resumed += shards[i].resumed;
        sum.closed += shards[i].closed;
        sum.errors += shards[i].errors;
        sum.beats += shards[i].beats;
        sum.latency_ns += shards[i].latency_ns;
    }
    printf("\nevents %" PRIu64 ", sessions %" PRIu64 ", disconnects %" PRIu64 ", resumes %" PRIu64 ", lost %" PRIu64
           ", duplicated %" PRIu64 ", errors %" PRIu64, sum.events, sum.ready, sum.closed, sum.resumed, sum.lost,
           sum.duplicated, sum.errors);
    if (sum.beats) printf(", latency %.2f ms", (double)sum.latency_ns / (double)sum.beats / 1e6);
    printf("\n");
    return sum.lost || sum.duplicated;
}

int main(int argc, char **argv) {
    const char *api = NULL, *ca = NULL, *session = NULL;
    uint64_t intents = SG_INTENTS_UNPRIVILEGED;
    unsigned long seconds = 0;
    struct sigaction action;
    sg_cluster *cluster = NULL;
    sg_config *config;
    sg_status status;
    int i;

    for (i = 1; i < argc; i += 2) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (value && !strcmp(argv[i], "--api")) api = value;
        else if (value && !strcmp(argv[i], "--ca")) ca = value;
        else if (value && !strcmp(argv[i], "--session")) session = value;
        else if (value && !strcmp(argv[i], "--seconds")) seconds = strtoul(value, NULL, 10);
        else if (value && !strcmp(argv[i], "--intents")) intents = strtoull(value, NULL, 10);
        else {
            fprintf(stderr, "usage: DISCORD_TOKEN=... %s [--api URL] [--ca FILE] [--session FILE] [--seconds N] [--intents BITS]\n",
                    argv[0]);
            return 2;
        }
    }
    if (!getenv("DISCORD_TOKEN")) {
        fprintf(stderr, "demo: the environment has no DISCORD_TOKEN\n");
        return 2;
    }
    memset(&action, 0, sizeof action);
    action.sa_handler = interrupt;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    started_ns = now_ns();

    config = sg_config_new(getenv("DISCORD_TOKEN"), intents);
    if (!config) return fail();
    if ((api && sg_config_set_api_url(config, api)) || (ca && sg_config_set_ca_file(config, ca)) ||
        (session && sg_config_set_session_file(config, session)) ||
        sg_config_set_event_handler(config, on_event, NULL) ||
        sg_config_set_log_handler(config, SG_LOG_WARNING, on_log, NULL) || sg_cluster_new(config, &cluster) ||
        sg_cluster_start(cluster)) {
        fail();
        sg_cluster_free(cluster);
        sg_config_free(config);
        return 1;
    }
    sg_config_free(config);
    do {
        status = sg_cluster_wait(cluster, 100);
    } while (status == SG_ERROR_TIMEOUT && !interrupted && (!seconds || now_ns() - started_ns < seconds * 1000000000u));
    if (status != SG_OK && status != SG_ERROR_TIMEOUT) fail();
    if (sg_cluster_shutdown(cluster, session ? SG_SHUTDOWN_RESUMABLE : SG_SHUTDOWN_FINAL, 5000)) fail();
    sg_cluster_free(cluster);
    i = summary();
    return i || (status != SG_OK && status != SG_ERROR_TIMEOUT);
}

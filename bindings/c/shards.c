/* One process of a bot with many shards: process number PROCESS of PROCESSES, from 0.
 *
 *   DISCORD_TOKEN=… shards [PROCESS PROCESSES [TOTAL]]
 *
 * Without numbers it runs all shards that Discord recommends. It tells how its shards are whenever that changes. SIGHUP
 * puts as many shards as Discord recommends by then in the place of those that run, without a pause (all processes of a
 * bot must do that at the same time). SIGINT or SIGTERM closes every session so that the next run of the same process, with the same SESSION_FILE, resumes it and
 * misses nothing. API_URL and CA_FILE lead it to another gateway than Discord's.
 *   cc shards.c $(pkg-config --cflags --libs swiftgateway) -lpthread -o shards */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <swiftgateway.h>

static void on_event(const sg_event *event, void *user) {
    atomic_ulong *handled = user; /* one shard's events come one at a time, those of different shards may overlap */
    if (event->kind == SG_EVENT_DISPATCH) ++*handled;
    if (event->kind == SG_EVENT_ERROR)
        fprintf(stderr, "shard %" PRIu32 ": %.*s\n", event->shard_id, (int)event->data_length, event->data);
}

static int fail(void) { return fprintf(stderr, "shards: %s\n", sg_last_error()), 1; }

/* Prints what has changed since the last time. */
static void show(const sg_cluster *cluster) {
    static uint32_t active_before = UINT32_MAX, total_before;
    sg_cluster_summary sum = {.struct_size = sizeof sum};
    if (sg_cluster_get_summary(cluster, &sum) != SG_OK || !sum.shards) return;
    const uint32_t active = sum.states[SG_SHARD_ACTIVE];
    if (active == active_before && sum.total == total_before) return;
    printf("%" PRIu32 " of %" PRIu32 " shards active (%" PRIu32 " in all processes), %" PRIu64 " identified, %" PRIu64
           " resumed\n", active, sum.shards, sum.total, sum.identifies, sum.resumes);
    fflush(stdout);
    active_before = active;
    total_before = sum.total;
}

/* As many shards as Discord recommends now; returns at once. What goes wrong later comes to on_event. */
static sg_status reshard(sg_cluster *cluster, int argc, char **argv) {
    if (argc < 3) return sg_cluster_reshard(cluster, 0, 0, 0);
    return sg_cluster_reshard_split(cluster, (uint32_t)atoi(argv[1]), (uint32_t)atoi(argv[2]), 0);
}

int main(int argc, char **argv) {
    atomic_ulong handled = 0;
    sg_cluster *cluster = NULL;
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGINT);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGHUP);
    sigprocmask(SIG_BLOCK, &stop, NULL); /* before there are threads: they inherit it */

    sg_config *config = sg_config_new(getenv("DISCORD_TOKEN"), SG_INTENT_GUILDS | SG_INTENT_GUILD_MESSAGES);
    if (!config || (getenv("API_URL") && sg_config_set_api_url(config, getenv("API_URL"))) ||
        (getenv("CA_FILE") && sg_config_set_ca_file(config, getenv("CA_FILE"))) ||
        (getenv("SESSION_FILE") && sg_config_set_session_file(config, getenv("SESSION_FILE"))))
        return fail();
    if (argc > 2 && sg_config_set_shards_split(config, (uint32_t)atoi(argv[1]), (uint32_t)atoi(argv[2]),
                                               argc > 3 ? (uint32_t)atoi(argv[3]) : 0))
        return fail();
    sg_config_set_event_handler(config, on_event, &handled);
    if (sg_cluster_new(config, &cluster) || sg_cluster_start(cluster)) return fail();
    sg_config_free(config);

    const struct timespec moment = {0, 100000000};
    for (int signal; (signal = sigtimedwait(&stop, NULL, &moment)) != SIGINT && signal != SIGTERM;) {
        if (signal == SIGHUP && reshard(cluster, argc, argv)) fail();
        show(cluster);
        if (sg_cluster_wait(cluster, 0) != SG_ERROR_TIMEOUT) return fail(); /* a shard is fatal */
    }
    show(cluster);
    if (sg_cluster_shutdown(cluster, SG_SHUTDOWN_RESUMABLE, 10000)) fail();
    sg_cluster_free(cluster);
    return printf("%lu events handled\n", handled) < 0;
}

/* Resharding from C, also from inside a handler. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include "sandbox.h"

static struct {
    pthread_mutex_t lock;
    unsigned readies, stopped, active;
    sg_cluster *cluster;
    sg_status in_handler, wait_in_handler;
} seen = {PTHREAD_MUTEX_INITIALIZER, 0, 0, 0, NULL, SG_ERROR_INTERNAL, SG_OK};

static void on_event(const sg_event *event, void *user) {
    (void)user;
    pthread_mutex_lock(&seen.lock);
    if (event->type == SG_DISPATCH_READY) seen.readies++;
    if (event->kind == SG_EVENT_STATE && event->state == SG_SHARD_STOPPED) seen.stopped++;
    if (event->kind == SG_EVENT_STATE && event->state == SG_SHARD_ACTIVE) seen.active++;
    if (event->type == SG_DISPATCH_READY && seen.readies == 2) {
        /* The shards are known: the first that may be. */
        seen.in_handler = sg_cluster_reshard_split(seen.cluster, 0, 1, 3);
        seen.wait_in_handler = sg_cluster_wait_reshard(seen.cluster, 0);
    }
    pthread_mutex_unlock(&seen.lock);
}

static uint32_t total_of(sg_cluster *cluster, uint32_t shard) {
    sg_shard_info info;
    memset(&info, 0, sizeof info);
    info.struct_size = sizeof info;
    WORKS(sg_cluster_info(cluster, shard, &info));
    return info.total;
}

int main(void) {
    sg_config *config = sandbox_config();
    sg_cluster *cluster = NULL;
    WORKS(sg_config_set_shards(config, 0, 2, 2));
    WORKS(sg_config_set_max_concurrency(config, 16));
    WORKS(sg_config_set_reshard_window(config, 100));
    WORKS(sg_config_set_event_handler(config, on_event, NULL));
    WORKS(sg_cluster_new(config, &cluster));
    sg_config_free(config);
    seen.cluster = cluster;
    WORKS(sg_cluster_start(cluster));
    WORKS(sg_cluster_wait_ready(cluster, PATIENCE_MS));
    /* The handler has begun it by the time that both READYs are handled; until then there is none to wait for. */
    sg_status status;
    do status = sg_cluster_wait_reshard(cluster, PATIENCE_MS);
    while (status == SG_ERROR_INVALID_STATE);
    CHECK(status == SG_OK);
    CHECK(seen.in_handler == SG_OK);
    CHECK(seen.wait_in_handler == SG_ERROR_WOULD_DEADLOCK);
    CHECK(total_of(cluster, 0) == 3 && total_of(cluster, 2) == 3);

    /* The same total is noticed when it begins. */
    WORKS(sg_cluster_reshard(cluster, 0, 2, 3));
    REFUSES(sg_cluster_wait_reshard(cluster, PATIENCE_MS));
    /* One that is cancelled, and one after it; 0, 0, 0 is what the API recommends. */
    WORKS(sg_cluster_reshard_bucket(cluster, 0, 2, 4));
    FAILS(sg_cluster_reshard(cluster, 0, 1, 1), SG_ERROR_INVALID_STATE);
    WORKS(sg_cluster_cancel_reshard(cluster));
    FAILS(sg_cluster_wait_reshard(cluster, PATIENCE_MS), SG_ERROR_CANCELLED);
    WORKS(sg_cluster_reshard(cluster, 0, 0, 0));
    WORKS(sg_cluster_wait_reshard(cluster, PATIENCE_MS));
    CHECK(total_of(cluster, 0) == 1);
    WORKS(sg_cluster_shutdown(cluster, SG_SHUTDOWN_FINAL, PATIENCE_MS));
    FAILS(sg_cluster_wait_reshard(cluster, 0), SG_ERROR_CANCELLED);
    CHECK(seen.readies == 2);
    CHECK(seen.stopped == 2 + 3 + 1);
    CHECK(seen.active == 2 + 3 + 1);
    sg_cluster_free(cluster);
    return finish();
}

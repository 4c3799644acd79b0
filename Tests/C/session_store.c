/* A session store in C: what one cluster saves, the next one loads and resumes with. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <time.h>
#include "sandbox.h"

/* Padded with spaces to more than the library's first buffer holds. */
#define PADDED 100000

static struct {
    pthread_mutex_t lock;
    char text[PADDED];
    size_t length;
    unsigned loads, saves, small, torn;
    int fails, never_enough;
} store = {PTHREAD_MUTEX_INITIALIZER, "", 0, 0, 0, 0, 0, 0, 0};

static uint32_t load(char *buffer, size_t *length, void *user) {
    uint32_t status = SG_OK;
    CHECK(user == &store && buffer && *length > 0);
    pthread_mutex_lock(&store.lock);
    store.loads++;
    if (store.fails) status = SG_ERROR_INTERNAL;
    else if (store.never_enough) {
        ++*length;
        status = SG_ERROR_BUFFER_TOO_SMALL;
    } else if (store.length == 0) status = SG_ERROR_NOT_FOUND;
    else if (*length < PADDED) {
        store.small++;
        *length = PADDED;
        status = SG_ERROR_BUFFER_TOO_SMALL;
    } else {
        memset(buffer, ' ', PADDED);
        memcpy(buffer, store.text, store.length);
        *length = PADDED;
    }
    pthread_mutex_unlock(&store.lock);
    return status;
}

static uint32_t save(const char *json, size_t length, void *user) {
    uint32_t status = SG_OK;
    CHECK(user == &store);
    pthread_mutex_lock(&store.lock);
    store.saves++;
    if (length == 0 || json[0] != '{' || json[length - 1] != '}' || json[length] != 0) store.torn++;
    if (store.fails || length > PADDED) status = 4711; /* no status of the library's */
    else {
        memcpy(store.text, json, length);
        store.length = length;
    }
    pthread_mutex_unlock(&store.lock);
    return status;
}

static unsigned errors;

static void count_errors(const sg_event *event, void *user) {
    (void)user;
    if (event->kind != SG_EVENT_ERROR) return;
    pthread_mutex_lock(&store.lock);
    if (event->status == SG_ERROR_FILE) errors++;
    pthread_mutex_unlock(&store.lock);
}

static void arguments(sg_config *config) {
    REFUSES(sg_config_set_session_store(NULL, load, save, NULL));
    REFUSES(sg_config_set_session_store(config, NULL, save, NULL));
    REFUSES(sg_config_set_session_store(config, load, NULL, NULL));
    WORKS(sg_config_set_session_store(config, NULL, NULL, NULL));
}

/* Waits until so many errors were told. */
static int until_errors(unsigned count) {
    struct timespec pause = {0, 5000000};
    int tries;
    for (tries = 0; tries < PATIENCE_MS / 5; tries++) {
        unsigned seen;
        pthread_mutex_lock(&store.lock);
        seen = errors;
        pthread_mutex_unlock(&store.lock);
        if (seen == count) return 1;
        nanosleep(&pause, NULL);
    }
    return 0;
}

static sg_shard_info run(const sg_config *config, unsigned told, sg_status end) {
    sg_cluster *cluster = NULL;
    sg_shard_info info;
    memset(&info, 0, sizeof info);
    info.struct_size = sizeof info;
    WORKS(sg_cluster_new(config, &cluster));
    WORKS(sg_cluster_start(cluster));
    WORKS(sg_cluster_wait_ready(cluster, PATIENCE_MS));
    CHECK(until_errors(told));
    CHECK(sg_cluster_shutdown(cluster, SG_SHUTDOWN_RESUMABLE, PATIENCE_MS) == end);
    WORKS(sg_cluster_info(cluster, 0, &info));
    sg_cluster_free(cluster);
    return info;
}

int main(void) {
    sg_config *config = sandbox_config();
    sg_shard_info info;
    arguments(config);
    WORKS(sg_config_set_shards(config, 0, 1, 1));
    WORKS(sg_config_set_event_handler(config, count_errors, NULL));
    WORKS(sg_config_set_session_store(config, load, save, &store));

    info = run(config, 0, SG_OK); /* nothing stored yet */
    CHECK(info.identifies == 1 && store.loads == 1 && store.saves >= 1 && store.length > 0);
    CHECK(strstr(store.text, info.session_id) != NULL);

    info = run(config, 0, SG_OK); /* resumes with what was stored, after a larger buffer */
    CHECK(info.identifies == 0 && info.resumes == 1 && store.small == 1 && store.loads == 3);
    CHECK(errors == 0 && store.torn == 0);

    store.fails = 1; /* neither to be loaded nor saved: told twice, and no more than that */
    info = run(config, 2, SG_OK);
    CHECK(info.identifies == 1 && errors == 2);

    store.fails = 0;
    store.never_enough = 1; /* a store that always wants more */
    info = run(config, 3, SG_OK);
    CHECK(info.identifies == 1 && errors == 3);
    sg_config_free(config);
    return finish();
}

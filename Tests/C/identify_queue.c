/* An identify queue in C, under the eyes of a referee that checks what any queue must keep, and what it may rely on. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <time.h>
#include "sandbox.h"

#define SHARDS 6
#define CONCURRENCY 2
#define INTERVAL_NS UINT64_C(300000000)
#define MOST 64

static uint64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* ------------------------------------------------------------------------------------------- The referee
 * Stands between library and queue, for any queue: give `referee_request` to the library, and let the queue grant with
 * `referee_grant`. */

typedef struct {
    uint64_t permit, asked_ns, granted_ns, sent_ns;
    uint32_t shard, key;
    int cancelled;
} wish;

static struct {
    pthread_mutex_t lock;
    wish wishes[MOST];
    size_t count;
    unsigned bad_requests, bad_ends, too_early, out_of_order, two_at_once;
    sg_identify_fn queue;
} referee = {PTHREAD_MUTEX_INITIALIZER, {{0, 0, 0, 0, 0, 0, 0}}, 0, 0, 0, 0, 0, 0, NULL};

static wish *find(uint64_t permit) {
    size_t i;
    for (i = 0; i < referee.count; i++)
        if (referee.wishes[i].permit == permit) return &referee.wishes[i];
    return NULL;
}

static void referee_request(const sg_identify *request, void *user) {
    wish *found;
    pthread_mutex_lock(&referee.lock);
    found = find(request->permit);
    if (request->struct_size != sizeof *request || request->permit == 0 || request->permit >> 53 ||
        request->shard_total != SHARDS || request->shard_id >= SHARDS || request->max_concurrency != CONCURRENCY ||
        request->rate_limit_key != request->shard_id % CONCURRENCY)
        referee.bad_requests++;
    switch (request->kind) {
    case SG_IDENTIFY_REQUEST:
        if (found || referee.count == MOST) {
            referee.bad_requests++;
            break;
        }
        found = &referee.wishes[referee.count++];
        found->permit = request->permit;
        found->shard = request->shard_id;
        found->key = request->rate_limit_key;
        found->asked_ns = now_ns();
        break;
    case SG_IDENTIFY_CANCEL:
        if (!found || found->cancelled || found->sent_ns) referee.bad_ends++;
        else found->cancelled = 1;
        break;
    case SG_IDENTIFY_SENT:
        if (!found || found->cancelled || found->sent_ns || !found->granted_ns) referee.bad_ends++;
        else found->sent_ns = now_ns();
        break;
    default: referee.bad_requests++;
    }
    pthread_mutex_unlock(&referee.lock);
    referee.queue(request, user);
}

static sg_status referee_grant(uint64_t permit) {
    wish *own;
    size_t i;
    pthread_mutex_lock(&referee.lock);
    own = find(permit);
    if (own) {
        own->granted_ns = now_ns();
        for (i = 0; i < referee.count; i++) {
            const wish *other = &referee.wishes[i];
            if (other == own || other->key != own->key || other->cancelled) continue;
            if (other->granted_ns && !other->sent_ns) referee.two_at_once++;
            if (other->sent_ns && own->granted_ns < other->sent_ns + INTERVAL_NS) referee.too_early++;
            if (!other->granted_ns && other->asked_ns < own->asked_ns) referee.out_of_order++;
        }
    }
    pthread_mutex_unlock(&referee.lock);
    return sg_identify_grant(permit);
}

/* ------------------------------------------------------------------------------------- A queue with a thread */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    sg_identify waiting[MOST];
    size_t count;
    uint64_t granted[CONCURRENCY], free_at[CONCURRENCY];
    int held, stops;
} queue = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, {{0, 0, 0, 0, 0, 0, 0}}, 0, {0, 0}, {0, 0}, 1, 0};

static void queue_told(const sg_identify *request, void *user) {
    size_t i;
    uint32_t key = request->rate_limit_key;
    CHECK(user == &queue);
    pthread_mutex_lock(&queue.lock);
    if (request->kind == SG_IDENTIFY_REQUEST) {
        if (queue.count < MOST) queue.waiting[queue.count++] = *request;
    } else {
        for (i = 0; i < queue.count; i++)
            if (queue.waiting[i].permit == request->permit) {
                memmove(&queue.waiting[i], &queue.waiting[i + 1], (--queue.count - i) * sizeof *queue.waiting);
                break;
            }
        if (queue.granted[key] == request->permit) queue.granted[key] = 0;
        if (request->kind == SG_IDENTIFY_SENT) queue.free_at[key] = now_ns() + INTERVAL_NS;
    }
    pthread_cond_broadcast(&queue.changed);
    pthread_mutex_unlock(&queue.lock);
}

static void *queue_runs(void *unused) {
    (void)unused;
    pthread_mutex_lock(&queue.lock);
    while (!queue.stops) {
        struct timespec soon;
        uint64_t permit = 0;
        size_t i;
        for (i = 0; i < queue.count && !permit && !queue.held; i++) {
            uint32_t key = queue.waiting[i].rate_limit_key;
            if (queue.granted[key] || queue.free_at[key] > now_ns()) continue;
            permit = queue.granted[key] = queue.waiting[i].permit;
            memmove(&queue.waiting[i], &queue.waiting[i + 1], (--queue.count - i) * sizeof *queue.waiting);
        }
        if (permit) {
            pthread_mutex_unlock(&queue.lock);
            (void)referee_grant(permit); /* refused when it was cancelled this moment: its cancel follows */
            pthread_mutex_lock(&queue.lock);
            continue;
        }
        clock_gettime(CLOCK_REALTIME, &soon);
        soon.tv_nsec += 10000000;
        if (soon.tv_nsec >= 1000000000) soon.tv_sec++, soon.tv_nsec -= 1000000000;
        pthread_cond_timedwait(&queue.changed, &queue.lock, &soon);
    }
    pthread_mutex_unlock(&queue.lock);
    return NULL;
}

/* --------------------------------------------------------------------------------------------------- Tests */

static void arguments(sg_config *config) {
    REFUSES(sg_config_set_identify_queue(NULL, referee_request, NULL));
    WORKS(sg_config_set_identify_queue(config, referee_request, &queue));
    WORKS(sg_config_set_identify_queue(config, NULL, NULL)); /* back to the library's own */
    FAILS(sg_identify_grant(0), SG_ERROR_NOT_FOUND);
    FAILS(sg_identify_grant(1), SG_ERROR_NOT_FOUND);
    FAILS(sg_identify_grant(UINT64_MAX), SG_ERROR_NOT_FOUND);
}

/* Waits until so many requests are there that have not ended. */
static int until_waiting(size_t count) {
    uint64_t deadline = now_ns() + PATIENCE_MS * UINT64_C(1000000);
    for (;;) {
        size_t i, open = 0;
        struct timespec pause = {0, 5000000};
        pthread_mutex_lock(&referee.lock);
        for (i = 0; i < referee.count; i++) open += !referee.wishes[i].cancelled && !referee.wishes[i].sent_ns;
        pthread_mutex_unlock(&referee.lock);
        if (open == count) return 1;
        if (now_ns() > deadline) return 0;
        nanosleep(&pause, NULL);
    }
}

static uint64_t permit_of(uint32_t shard) {
    size_t i;
    uint64_t permit = 0;
    pthread_mutex_lock(&referee.lock);
    for (i = 0; i < referee.count; i++)
        if (referee.wishes[i].shard == shard && !referee.wishes[i].cancelled) permit = referee.wishes[i].permit;
    pthread_mutex_unlock(&referee.lock);
    return permit;
}

static void run(sg_config *config) {
    sg_cluster *cluster = NULL;
    pthread_t thread;
    uint64_t cancelled;
    size_t i, ended = 0, sent = 0;
    referee.queue = queue_told;
    WORKS(sg_config_set_shards(config, 0, SHARDS, SHARDS));
    WORKS(sg_config_set_identify_queue(config, referee_request, &queue));
    WORKS(sg_cluster_new(config, &cluster));
    WORKS(sg_cluster_start(cluster));
    CHECK(until_waiting(SHARDS));
    FAILS(sg_cluster_wait_ready(cluster, 50), SG_ERROR_TIMEOUT);

    /* A shard that connects anew: its request is cancelled, and another one comes. */
    cancelled = permit_of(3);
    WORKS(sg_cluster_restart_shard(cluster, 3, SG_RESTART_IDENTIFY));
    while (permit_of(3) == cancelled || permit_of(3) == 0) {
        struct timespec pause = {0, 5000000};
        nanosleep(&pause, NULL);
    }
    FAILS(sg_identify_grant(cancelled), SG_ERROR_NOT_FOUND);

    queue.held = 0;
    CHECK(pthread_create(&thread, NULL, queue_runs, NULL) == 0);
    WORKS(sg_cluster_wait_ready(cluster, PATIENCE_MS));
    FAILS(sg_identify_grant(permit_of(0)), SG_ERROR_NOT_FOUND); /* used */
    for (i = 0; i < SHARDS; i++) {
        sg_shard_info info;
        memset(&info, 0, sizeof info);
        info.struct_size = sizeof info;
        WORKS(sg_cluster_info(cluster, (uint32_t)i, &info));
        CHECK(info.identifies == 1 && info.state == SG_SHARD_ACTIVE);
    }

    /* One that nobody grants is cancelled by the shutdown. */
    pthread_mutex_lock(&queue.lock);
    queue.held = 1;
    pthread_mutex_unlock(&queue.lock);
    WORKS(sg_cluster_restart_shard(cluster, 5, SG_RESTART_IDENTIFY));
    CHECK(until_waiting(1));
    WORKS(sg_cluster_shutdown(cluster, SG_SHUTDOWN_FINAL, PATIENCE_MS));
    CHECK(until_waiting(0));
    sg_cluster_free(cluster);
    queue.stops = 1;
    pthread_join(thread, NULL);

    for (i = 0; i < referee.count; i++) {
        ended += referee.wishes[i].cancelled || referee.wishes[i].sent_ns;
        sent += referee.wishes[i].sent_ns != 0;
    }
    CHECK(referee.count == SHARDS + 2 && ended == referee.count && sent == SHARDS);
    CHECK(referee.bad_requests == 0);
    CHECK(referee.bad_ends == 0);
    CHECK(referee.too_early == 0);
    CHECK(referee.out_of_order == 0);
    CHECK(referee.two_at_once == 0);
}

int main(void) {
    sg_config *config = sandbox_config();
    WORKS(sg_config_set_max_concurrency(config, CONCURRENCY));
    arguments(config);
    run(config);
    sg_config_free(config);
    return finish();
}

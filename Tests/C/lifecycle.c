/* Clusters and shards without a server: arguments, states, freed handles, calls from inside a callback. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include "check.h"

#define BAD_TEXT "\xff\xfe"
static const char PRESENCE[] = "{\"since\":null,\"activities\":[],\"status\":\"idle\",\"afk\":false}";
static const char PAYLOAD[] = "{\"op\":3,\"d\":{\"since\":null,\"activities\":[],\"status\":\"idle\",\"afk\":false}}";

/* A config for shards 0 and 1 of 3 at an address where nobody listens: it connects for ever and never succeeds. */
static sg_config *make_config(void) {
    sg_config *config = sg_config_new(SECRET, SG_INTENT_GUILDS);
    WORKS(sg_config_set_gateway_url(config, "ws://127.0.0.1:1"));
    WORKS(sg_config_set_shards(config, 0, 2, 3));
    WORKS(sg_config_set_max_concurrency(config, 1));
    WORKS(sg_config_set_backoff(config, 1, 20));
    return config;
}

static sg_shard_info info_of(void) {
    sg_shard_info info;
    memset(&info, 0, sizeof info);
    info.struct_size = sizeof info;
    return info;
}

static sg_cluster_summary summary_of(void) {
    sg_cluster_summary summary;
    memset(&summary, 0, sizeof summary);
    summary.struct_size = sizeof summary;
    summary.shards = 99;
    return summary;
}

static sg_guild_members_request everyone(void) {
    sg_guild_members_request request;
    memset(&request, 0, sizeof request);
    request.struct_size = sizeof request;
    request.guild_id = 1;
    request.query = "";
    return request;
}

/* Every function, with a handle that is NULL or was freed. */
static void refuse_cluster(sg_cluster *cluster) {
    static const char *const fields[] = {"status"};
    uint64_t guild = 1;
    uint32_t ids[4];
    size_t count = 4;
    char buffer[16];
    sg_shard_info info = info_of();
    sg_cluster_summary summary = summary_of();
    sg_guild_members_request request = everyone();
    REFUSES(sg_cluster_start(cluster));
    REFUSES(sg_cluster_wait_ready(cluster, 0));
    REFUSES(sg_cluster_wait(cluster, 0));
    REFUSES(sg_cluster_shutdown(cluster, SG_SHUTDOWN_FINAL, 0));
    REFUSES(sg_cluster_shard_ids(cluster, ids, &count));
    REFUSES(sg_cluster_info(cluster, 0, &info));
    REFUSES(sg_cluster_get_summary(cluster, &summary));
    CHECK(summary.shards == 99);
    REFUSES(sg_cluster_send(cluster, 0, PAYLOAD, strlen(PAYLOAD)));
    REFUSES(sg_cluster_update_presence(cluster, 0, PRESENCE, strlen(PRESENCE)));
    REFUSES(sg_cluster_update_presence_all(cluster, PRESENCE, strlen(PRESENCE)));
    REFUSES(sg_cluster_update_voice_state(cluster, 0, 1, 2, false, false));
    REFUSES(sg_cluster_request_guild_members(cluster, 0, &request));
    REFUSES(sg_cluster_request_soundboard_sounds(cluster, 0, &guild, 1));
    REFUSES(sg_cluster_request_channel_info(cluster, 0, 1, fields, 1));
    REFUSES(sg_cluster_restart_shard(cluster, 0, SG_RESTART_RESUME));
    REFUSES(sg_cluster_add_shard(cluster, 2));
    REFUSES(sg_cluster_add_shard_session(cluster, 2, "{}", 2));
    REFUSES(sg_cluster_reshard(cluster, 0, 4, 4));
    REFUSES(sg_cluster_reshard_bucket(cluster, 0, 2, 4));
    REFUSES(sg_cluster_reshard_split(cluster, 0, 2, 4));
    REFUSES(sg_cluster_wait_reshard(cluster, 0));
    REFUSES(sg_cluster_cancel_reshard(cluster));
    REFUSES(sg_cluster_guild_shard(cluster, 1, ids));
    REFUSES(sg_cluster_remove_shard(cluster, 0, SG_SHUTDOWN_FINAL));
    count = sizeof buffer;
    REFUSES(sg_cluster_export_shard(cluster, 0, 0, buffer, &count));
    REFUSES(sg_cluster_export_sessions(cluster, buffer, &count));
    REFUSES(sg_cluster_metrics(cluster, buffer, &count));
    CHECK(count == sizeof buffer);
    sg_cluster_free(cluster);
}

static void refuse_shard(sg_shard *shard) {
    static const char *const fields[] = {"status"};
    uint64_t guild = 1;
    sg_shard_info info = info_of();
    sg_guild_members_request request = everyone();
    REFUSES(sg_shard_start(shard));
    REFUSES(sg_shard_wait_ready(shard, 0));
    REFUSES(sg_shard_wait(shard, 0));
    REFUSES(sg_shard_shutdown(shard, SG_SHUTDOWN_FINAL, 0));
    REFUSES(sg_shard_get_info(shard, &info));
    REFUSES(sg_shard_send(shard, PAYLOAD, strlen(PAYLOAD)));
    REFUSES(sg_shard_update_presence(shard, PRESENCE, strlen(PRESENCE)));
    REFUSES(sg_shard_update_voice_state(shard, 1, 2, false, false));
    REFUSES(sg_shard_request_guild_members(shard, &request));
    REFUSES(sg_shard_request_soundboard_sounds(shard, &guild, 1));
    REFUSES(sg_shard_request_channel_info(shard, 1, fields, 1));
    sg_shard_free(shard);
}

static void creation(const sg_config *config) {
    sg_cluster *cluster = NULL;
    sg_shard *shard = NULL;
    REFUSES(sg_cluster_new(NULL, &cluster));
    REFUSES(sg_cluster_new(config, NULL));
    CHECK(cluster == NULL);
    REFUSES(sg_shard_new(NULL, 0, 1, &shard));
    REFUSES(sg_shard_new(config, 0, 1, NULL));
    REFUSES(sg_shard_new(config, 1, 1, &shard));
    REFUSES(sg_shard_new(config, 0, 0, &shard));
    REFUSES(sg_shard_new(config, 0, 1000001, &shard));
    CHECK(shard == NULL);
}

/* Before the start. */
static void unstarted(const sg_config *config) {
    sg_cluster *cluster = NULL;
    uint32_t ids[2] = {9, 9};
    size_t count = 1;
    sg_cluster_summary summary = summary_of();
    sg_shard_info info = info_of();
    WORKS(sg_cluster_new(config, &cluster));
    FAILS(sg_cluster_wait_ready(cluster, SG_WAIT_FOREVER), SG_ERROR_INVALID_STATE);
    FAILS(sg_cluster_wait(cluster, SG_WAIT_FOREVER), SG_ERROR_INVALID_STATE);
    WORKS(sg_cluster_shutdown(cluster, SG_SHUTDOWN_FINAL, 0)); /* nothing to do */
    FAILS(sg_cluster_info(cluster, 1, &info), SG_ERROR_INVALID_STATE);
    FAILS(sg_cluster_get_summary(cluster, &summary), SG_ERROR_INVALID_STATE);
    FAILS(sg_cluster_send(cluster, 0, PAYLOAD, strlen(PAYLOAD)), SG_ERROR_INVALID_STATE);
    FAILS(sg_cluster_restart_shard(cluster, 0, SG_RESTART_RESUME), SG_ERROR_INVALID_STATE);
    FAILS(sg_cluster_add_shard(cluster, 2), SG_ERROR_INVALID_STATE);
    FAILS(sg_cluster_add_shard_session(cluster, 2, "{}", 2), SG_ERROR_INVALID_STATE);
    FAILS(sg_cluster_reshard(cluster, 0, 4, 4), SG_ERROR_INVALID_STATE);
    FAILS(sg_cluster_reshard_bucket(cluster, 0, 2, 4), SG_ERROR_INVALID_STATE);
    FAILS(sg_cluster_reshard_split(cluster, 0, 2, 4), SG_ERROR_INVALID_STATE);
    CHECK(sg_cluster_wait_reshard(cluster, 0) != SG_OK); /* never started, or shut down */
    FAILS(sg_cluster_cancel_reshard(cluster), SG_ERROR_INVALID_STATE);
    REFUSES(sg_cluster_reshard(cluster, 3, 2, 4));
    REFUSES(sg_cluster_reshard_bucket(cluster, 2, 2, 4));
    REFUSES(sg_cluster_reshard_split(cluster, 2, 2, 4));
    FAILS(sg_cluster_export_shard(cluster, 0, 0, NULL, &count), SG_ERROR_INVALID_STATE);
    FAILS(sg_cluster_update_presence_all(cluster, PRESENCE, strlen(PRESENCE)), SG_ERROR_INVALID_STATE);
    FAILS(sg_cluster_remove_shard(cluster, 0, SG_SHUTDOWN_FINAL), SG_ERROR_INVALID_STATE);

    FAILS(sg_cluster_shard_ids(cluster, ids, &count), SG_ERROR_BUFFER_TOO_SMALL);
    CHECK(count == 2 && ids[0] == 9);
    WORKS(sg_cluster_shard_ids(cluster, ids, &count));
    CHECK(count == 2 && ids[0] == 0 && ids[1] == 1);
    count = 2;
    REFUSES(sg_cluster_shard_ids(cluster, NULL, &count));
    REFUSES(sg_cluster_shard_ids(cluster, ids, NULL));
    count = 0;
    FAILS(sg_cluster_shard_ids(cluster, NULL, &count), SG_ERROR_BUFFER_TOO_SMALL);
    CHECK(count == 2);
    sg_cluster_free(cluster);
    refuse_cluster(cluster);
}

/* Snapshots of shards that cannot have got anywhere. */
static void snapshots(sg_cluster *cluster) {
    sg_shard_info info = info_of();
    struct { sg_shard_info info; uint64_t later; } large;
    WORKS(sg_cluster_info(cluster, 1, &info));
    CHECK(info.struct_size == sizeof info && info.id == 1 && info.total == 3);
    CHECK(info.sequence == 0 && info.session_id[0] == 0 && info.events == 0 && info.identifies == 0);
    FAILS(sg_cluster_info(cluster, 2, &info), SG_ERROR_NOT_FOUND);
    REFUSES(sg_cluster_info(cluster, 0, NULL));
    info.struct_size = 0;
    REFUSES(sg_cluster_info(cluster, 0, &info));
    info.struct_size = 16;
    REFUSES(sg_cluster_info(cluster, 0, &info));
    /* A caller built against a larger struct, of a later version, is served; bytes the library does not know stay. */
    memset(&large, 0x5A, sizeof large);
    large.info.struct_size = sizeof large;
    WORKS(sg_cluster_info(cluster, 0, &large.info));
    CHECK(large.info.id == 0 && large.info.total == 3 && large.later == UINT64_C(0x5A5A5A5A5A5A5A5A));
}

static void summaries(sg_cluster *cluster) {
    sg_cluster_summary summary = summary_of();
    struct { sg_cluster_summary summary; uint64_t later; } large;
    uint32_t sum = 0;
    size_t i;
    WORKS(sg_cluster_get_summary(cluster, &summary));
    CHECK(summary.struct_size == sizeof summary && summary.shards == 2 && summary.total == 3 && summary.ready == 0);
    for (i = 0; i < 16; i++) sum += summary.states[i];
    CHECK(sum == 2 && summary.states[SG_SHARD_ACTIVE] == 0);
    CHECK(summary.latency_slowest_ns == 0 && summary.events == 0);
    CHECK(summary.inflate_backend == SG_INFLATE_ZLIB || summary.inflate_backend == SG_INFLATE_ZLIB_NG);
    CHECK(summary.identifies_total == 0); /* the API was not asked */
    REFUSES(sg_cluster_get_summary(cluster, NULL));
    summary.struct_size = sizeof summary - 1;
    REFUSES(sg_cluster_get_summary(cluster, &summary));
    memset(&large, 0x5A, sizeof large);
    large.summary.struct_size = sizeof large;
    WORKS(sg_cluster_get_summary(cluster, &large.summary));
    CHECK(large.summary.shards == 2 && large.later == UINT64_C(0x5A5A5A5A5A5A5A5A));
}

/* Texts that are written to the caller's buffer. */
static void texts(sg_cluster *cluster) {
    sg_status (*const functions[])(const sg_cluster *, char *, size_t *) = {sg_cluster_export_sessions, sg_cluster_metrics};
    static char buffer[65536];
    size_t i;
    for (i = 0; i < 2; i++) {
        size_t length = 0;
        FAILS(functions[i](cluster, NULL, &length), SG_ERROR_BUFFER_TOO_SMALL);
        CHECK(length > 0 && length < sizeof buffer);
        buffer[0] = 'x';
        length = 1;
        FAILS(functions[i](cluster, buffer, &length), SG_ERROR_BUFFER_TOO_SMALL);
        CHECK(buffer[0] == 'x');
        length = sizeof buffer;
        WORKS(functions[i](cluster, buffer, &length));
        CHECK(length == strlen(buffer) && !strstr(buffer, "secret"));
        length = 5;
        REFUSES(functions[i](cluster, NULL, &length));
        REFUSES(functions[i](cluster, buffer, NULL));
    }
}

static void commands(sg_cluster *cluster) {
    static const char *const fields[] = {"status", "voice_start_time"};
    static const char *const no_field[] = {NULL};
    static const char *const empty_field[] = {""};
    static const char *const not_payloads[] = {"", "[]", "3", "{", "{}", "{\"d\":1}", "{\"op\":\"3\"}", "{\"op\":3}x",
                                               "{\"op\":1,\"d\":1}", "{\"op\":2,\"d\":{}}", "{\"op\":6,\"d\":{}}",
                                               "{\"op\":3,\"d\":\"" BAD_TEXT "\"}"};
    static uint64_t ids[1000];
    static char large[5000];
    sg_guild_members_request request = everyone();
    size_t i;
    for (i = 0; i < 1000; i++) ids[i] = UINT64_C(1287364519283645123) + i;

    WORKS(sg_cluster_send(cluster, 0, PAYLOAD, strlen(PAYLOAD)));
    for (i = 0; i < sizeof not_payloads / sizeof *not_payloads; i++)
        REFUSES(sg_cluster_send(cluster, 0, not_payloads[i], strlen(not_payloads[i])));
    REFUSES(sg_cluster_send(cluster, 0, NULL, 4));
    REFUSES(sg_cluster_send(cluster, 0, NULL, 0));
    FAILS(sg_cluster_send(cluster, 2, PAYLOAD, strlen(PAYLOAD)), SG_ERROR_NOT_FOUND);
    memset(large, 'x', sizeof large);
    memcpy(large, "{\"op\":3,\"d\":{\"x\":\"", 18);
    memcpy(large + 4096 - 3, "\"}}", 3);
    WORKS(sg_cluster_send(cluster, 0, large, 4096));
    memcpy(large + 4096 - 3, "xxx", 3);
    memcpy(large + 4097 - 3, "\"}}", 3);
    FAILS(sg_cluster_send(cluster, 0, large, 4097), SG_ERROR_PAYLOAD_TOO_LARGE);

    WORKS(sg_cluster_update_presence(cluster, 0, PRESENCE, strlen(PRESENCE)));
    REFUSES(sg_cluster_update_presence(cluster, 0, NULL, 4));
    REFUSES(sg_cluster_update_presence(cluster, 0, "[]", 2));
    REFUSES(sg_cluster_update_presence(cluster, 0, "{", 1));
    FAILS(sg_cluster_update_presence(cluster, 9, PRESENCE, strlen(PRESENCE)), SG_ERROR_NOT_FOUND);

    WORKS(sg_cluster_update_presence_all(cluster, PRESENCE, strlen(PRESENCE)));
    REFUSES(sg_cluster_update_presence_all(cluster, NULL, 4));
    REFUSES(sg_cluster_update_presence_all(cluster, "[]", 2));
    REFUSES(sg_cluster_update_presence_all(cluster, "{", 1));

    WORKS(sg_cluster_update_voice_state(cluster, 1, 1, 2, true, false));
    WORKS(sg_cluster_update_voice_state(cluster, 1, UINT64_MAX, 0, false, true));
    REFUSES(sg_cluster_update_voice_state(cluster, 1, 0, 2, false, false));
    FAILS(sg_cluster_update_voice_state(cluster, 9, 1, 2, false, false), SG_ERROR_NOT_FOUND);

    WORKS(sg_cluster_request_guild_members(cluster, 0, &request));
    FAILS(sg_cluster_request_guild_members(cluster, 9, &request), SG_ERROR_NOT_FOUND);
    REFUSES(sg_cluster_request_guild_members(cluster, 0, NULL));
    request.struct_size = 0;
    REFUSES(sg_cluster_request_guild_members(cluster, 0, &request));
    request = everyone();
    request.guild_id = 0;
    REFUSES(sg_cluster_request_guild_members(cluster, 0, &request));
    request = everyone();
    request.query = NULL; /* neither */
    REFUSES(sg_cluster_request_guild_members(cluster, 0, &request));
    request = everyone();
    request.user_ids = ids; /* both */
    request.user_id_count = 1;
    REFUSES(sg_cluster_request_guild_members(cluster, 0, &request));
    request.query = NULL;
    WORKS(sg_cluster_request_guild_members(cluster, 0, &request));
    request.user_id_count = 100;
    WORKS(sg_cluster_request_guild_members(cluster, 0, &request));
    request.user_id_count = 101;
    REFUSES(sg_cluster_request_guild_members(cluster, 0, &request));
    request.user_id_count = 0;
    REFUSES(sg_cluster_request_guild_members(cluster, 0, &request));
    request = everyone();
    request.user_id_count = 5; /* a count without ids */
    REFUSES(sg_cluster_request_guild_members(cluster, 0, &request));
    request = everyone();
    request.query = "ad\"a";
    request.limit = 100;
    WORKS(sg_cluster_request_guild_members(cluster, 0, &request));
    request.limit = 101;
    REFUSES(sg_cluster_request_guild_members(cluster, 0, &request));
    request.query = BAD_TEXT;
    REFUSES(sg_cluster_request_guild_members(cluster, 0, &request));
    request = everyone();
    request.presences = 2;
    REFUSES(sg_cluster_request_guild_members(cluster, 0, &request));
    request = everyone();
    request.nonce = "0123456789012345678901234567890\xe6\x97\xa5"; /* 34 bytes in 32 characters */
    REFUSES(sg_cluster_request_guild_members(cluster, 0, &request));
    request.nonce = "01234567890123456789012345678901";
    WORKS(sg_cluster_request_guild_members(cluster, 0, &request));
    request.nonce = BAD_TEXT;
    REFUSES(sg_cluster_request_guild_members(cluster, 0, &request));
    large[4998] = 0;
    memset(large, 'q', 4998);
    request = everyone();
    request.query = large;
    request.limit = 1;
    FAILS(sg_cluster_request_guild_members(cluster, 0, &request), SG_ERROR_PAYLOAD_TOO_LARGE);

    WORKS(sg_cluster_request_soundboard_sounds(cluster, 0, ids, 1));
    WORKS(sg_cluster_request_soundboard_sounds(cluster, 0, ids, 180));
    FAILS(sg_cluster_request_soundboard_sounds(cluster, 0, ids, 1000), SG_ERROR_PAYLOAD_TOO_LARGE);
    REFUSES(sg_cluster_request_soundboard_sounds(cluster, 0, ids, 0));
    REFUSES(sg_cluster_request_soundboard_sounds(cluster, 0, NULL, 1));
    FAILS(sg_cluster_request_soundboard_sounds(cluster, 9, ids, 1), SG_ERROR_NOT_FOUND);

    WORKS(sg_cluster_request_channel_info(cluster, 0, 1, fields, 2));
    REFUSES(sg_cluster_request_channel_info(cluster, 0, 0, fields, 2));
    REFUSES(sg_cluster_request_channel_info(cluster, 0, 1, fields, 0));
    REFUSES(sg_cluster_request_channel_info(cluster, 0, 1, NULL, 1));
    REFUSES(sg_cluster_request_channel_info(cluster, 0, 1, no_field, 1));
    REFUSES(sg_cluster_request_channel_info(cluster, 0, 1, empty_field, 1));
    FAILS(sg_cluster_request_channel_info(cluster, 9, 1, fields, 2), SG_ERROR_NOT_FOUND);
}

/* The queue has an end, and says so. */
static void full_queue(sg_cluster *cluster) {
    sg_status status = SG_OK;
    sg_shard_info info = info_of();
    int i;
    for (i = 0; i < 1024 && status == SG_OK; i++) status = sg_cluster_send(cluster, 1, PAYLOAD, strlen(PAYLOAD));
    FAILS(sg_cluster_send(cluster, 1, PAYLOAD, strlen(PAYLOAD)), SG_ERROR_QUEUE_FULL);
    FAILS(sg_cluster_update_presence_all(cluster, PRESENCE, strlen(PRESENCE)), SG_ERROR_QUEUE_FULL);
    WORKS(sg_cluster_info(cluster, 1, &info));
    CHECK(info.commands_queued == 1024);
}

/* Shards that never had a session. */
static void one_session(sg_cluster *cluster) {
    uint32_t shard = 9;
    size_t length = 0;
    FAILS(sg_cluster_export_shard(cluster, 0, 0, NULL, &length), SG_ERROR_NOT_FOUND);
    FAILS(sg_cluster_export_shard(cluster, 7, SG_WAIT_FOREVER, NULL, &length), SG_ERROR_NOT_FOUND);
    REFUSES(sg_cluster_export_shard(cluster, 0, 0, NULL, NULL));
    FAILS(sg_cluster_add_shard_session(cluster, 2, "{}", 2), SG_ERROR_FILE);
    REFUSES(sg_cluster_add_shard_session(cluster, 2, NULL, 2));
    WORKS(sg_cluster_guild_shard(cluster, (uint64_t)4 << 22, &shard));
    CHECK(shard == 1);
    REFUSES(sg_cluster_guild_shard(cluster, 1, NULL));
}

static void running(const sg_config *config) {
    sg_cluster *cluster = NULL;
    sg_cluster_summary summary = summary_of();
    uint32_t shard = 9;
    WORKS(sg_cluster_new(config, &cluster));
    WORKS(sg_cluster_start(cluster));
    FAILS(sg_cluster_start(cluster), SG_ERROR_INVALID_STATE);
    FAILS(sg_cluster_wait_ready(cluster, 0), SG_ERROR_TIMEOUT);
    FAILS(sg_cluster_wait(cluster, 0), SG_ERROR_TIMEOUT);
    FAILS(sg_cluster_wait_ready(cluster, 10), SG_ERROR_TIMEOUT);
    snapshots(cluster);
    summaries(cluster);
    texts(cluster);
    commands(cluster);
    full_queue(cluster);
    REFUSES(sg_cluster_restart_shard(cluster, 0, 2));
    FAILS(sg_cluster_restart_shard(cluster, 2, SG_RESTART_RESUME), SG_ERROR_NOT_FOUND);
    WORKS(sg_cluster_restart_shard(cluster, 0, SG_RESTART_RESUME));
    WORKS(sg_cluster_restart_shard(cluster, 0, SG_RESTART_IDENTIFY));
    REFUSES(sg_cluster_add_shard(cluster, 3));
    REFUSES(sg_cluster_add_shard(cluster, 0xFFFFFFFFu));
    FAILS(sg_cluster_add_shard(cluster, 1), SG_ERROR_INVALID_STATE);
    WORKS(sg_cluster_add_shard(cluster, 2));
    REFUSES(sg_cluster_remove_shard(cluster, 2, 2));
    one_session(cluster);
    WORKS(sg_cluster_remove_shard(cluster, 2, SG_SHUTDOWN_FINAL));
    FAILS(sg_cluster_remove_shard(cluster, 7, SG_SHUTDOWN_FINAL), SG_ERROR_NOT_FOUND);
    FAILS(sg_cluster_guild_shard(cluster, (uint64_t)2 << 22, &shard), SG_ERROR_NOT_FOUND);
    REFUSES(sg_cluster_shutdown(cluster, 2, 1000));
    WORKS(sg_cluster_shutdown(cluster, SG_SHUTDOWN_FINAL, 5000));
    WORKS(sg_cluster_shutdown(cluster, SG_SHUTDOWN_RESUMABLE, 5000));
    WORKS(sg_cluster_wait(cluster, SG_WAIT_FOREVER));
    WORKS(sg_cluster_get_summary(cluster, &summary)); /* as it was at the end */
    CHECK(summary.shards == 2 && summary.states[SG_SHARD_STOPPED] == 2);
    FAILS(sg_cluster_wait_ready(cluster, SG_WAIT_FOREVER), SG_ERROR_CANCELLED);
    FAILS(sg_cluster_send(cluster, 0, PAYLOAD, strlen(PAYLOAD)), SG_ERROR_INVALID_STATE);
    WORKS(sg_cluster_start(cluster)); /* it may run again */
    FAILS(sg_cluster_wait_ready(cluster, 0), SG_ERROR_TIMEOUT);
    WORKS(sg_cluster_shutdown(cluster, SG_SHUTDOWN_RESUMABLE, 5000));
    sg_cluster_free(cluster);
    refuse_cluster(cluster);
    WORKS(sg_cluster_new(config, &cluster)); /* freed while it runs */
    WORKS(sg_cluster_start(cluster));
    sg_cluster_free(cluster);
}

static void one_shard(const sg_config *config) {
    static const char *const fields[] = {"status"};
    sg_shard *shard = NULL;
    sg_shard_info info = info_of();
    sg_guild_members_request request = everyone();
    uint64_t guild = 1;
    WORKS(sg_shard_new(config, 4, 5, &shard));
    FAILS(sg_shard_wait_ready(shard, 0), SG_ERROR_INVALID_STATE);
    FAILS(sg_shard_wait(shard, 0), SG_ERROR_INVALID_STATE);
    FAILS(sg_shard_get_info(shard, &info), SG_ERROR_INVALID_STATE);
    FAILS(sg_shard_send(shard, PAYLOAD, strlen(PAYLOAD)), SG_ERROR_INVALID_STATE);
    WORKS(sg_shard_start(shard));
    WORKS(sg_shard_get_info(shard, &info));
    CHECK(info.id == 4 && info.total == 5);
    REFUSES(sg_shard_get_info(shard, NULL));
    FAILS(sg_shard_start(shard), SG_ERROR_INVALID_STATE);
    FAILS(sg_shard_wait_ready(shard, 0), SG_ERROR_TIMEOUT);
    FAILS(sg_shard_wait(shard, 0), SG_ERROR_TIMEOUT);
    WORKS(sg_shard_send(shard, PAYLOAD, strlen(PAYLOAD)));
    REFUSES(sg_shard_send(shard, NULL, 0));
    WORKS(sg_shard_update_presence(shard, PRESENCE, strlen(PRESENCE)));
    REFUSES(sg_shard_update_presence(shard, NULL, 0));
    WORKS(sg_shard_update_voice_state(shard, 1, 0, false, false));
    REFUSES(sg_shard_update_voice_state(shard, 0, 0, false, false));
    WORKS(sg_shard_request_guild_members(shard, &request));
    REFUSES(sg_shard_request_guild_members(shard, NULL));
    WORKS(sg_shard_request_soundboard_sounds(shard, &guild, 1));
    REFUSES(sg_shard_request_soundboard_sounds(shard, NULL, 0));
    WORKS(sg_shard_request_channel_info(shard, 1, fields, 1));
    REFUSES(sg_shard_request_channel_info(shard, 1, NULL, 0));
    REFUSES(sg_shard_shutdown(shard, 7, 0));
    WORKS(sg_shard_shutdown(shard, SG_SHUTDOWN_RESUMABLE, 5000));
    WORKS(sg_shard_wait(shard, SG_WAIT_FOREVER));
    WORKS(sg_shard_get_info(shard, &info));
    CHECK(info.state == SG_SHARD_STOPPED);
    sg_shard_free(shard);
    refuse_shard(shard);
}

/* From inside a callback everything works but what would wait for the callback. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    sg_cluster *cluster;
    int done;
} inside = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL, 0};

static void call_inside(const sg_event *event, void *user) {
    sg_shard_info info = info_of();
    (void)user;
    pthread_mutex_lock(&inside.lock);
    if (!inside.done) {
        CHECK(event->struct_size == sizeof *event && event->kind == SG_EVENT_STATE);
        CHECK(event->state == SG_SHARD_CONNECTING && event->name == NULL && event->sequence == 0);
        FAILS(sg_cluster_wait(inside.cluster, 0), SG_ERROR_WOULD_DEADLOCK);
        FAILS(sg_cluster_wait_ready(inside.cluster, 0), SG_ERROR_WOULD_DEADLOCK);
        FAILS(sg_cluster_shutdown(inside.cluster, SG_SHUTDOWN_FINAL, 0), SG_ERROR_WOULD_DEADLOCK);
        sg_cluster_free(inside.cluster);
        WORKS(sg_cluster_info(inside.cluster, event->shard_id, &info));
        WORKS(sg_cluster_send(inside.cluster, event->shard_id, PAYLOAD, strlen(PAYLOAD)));
        inside.done = 1;
        pthread_cond_signal(&inside.changed);
    }
    pthread_mutex_unlock(&inside.lock);
}

static void callbacks(sg_config *config, uint32_t delivery) {
    WORKS(sg_config_set_delivery(config, delivery, 0));
    WORKS(sg_config_set_event_kinds(config, 1u << SG_EVENT_STATE));
    WORKS(sg_config_set_event_handler(config, call_inside, NULL));
    inside.done = 0;
    pthread_mutex_lock(&inside.lock);
    WORKS(sg_cluster_new(config, &inside.cluster));
    WORKS(sg_cluster_start(inside.cluster));
    while (!inside.done) pthread_cond_wait(&inside.changed, &inside.lock);
    pthread_mutex_unlock(&inside.lock);
    WORKS(sg_cluster_shutdown(inside.cluster, SG_SHUTDOWN_FINAL, 5000));
    sg_cluster_free(inside.cluster);
}

static void *shut_down(void *cluster) {
    WORKS(sg_cluster_shutdown(cluster, SG_SHUTDOWN_FINAL, 5000));
    return NULL;
}

/* A waiter is woken by a shutdown from another thread. */
static void cancellation(const sg_config *config) {
    sg_cluster *cluster = NULL;
    pthread_t thread;
    WORKS(sg_cluster_new(config, &cluster));
    WORKS(sg_cluster_start(cluster));
    CHECK(pthread_create(&thread, NULL, shut_down, cluster) == 0);
    WORKS(sg_cluster_wait(cluster, SG_WAIT_FOREVER));
    pthread_join(thread, NULL);
    FAILS(sg_cluster_wait_ready(cluster, SG_WAIT_FOREVER), SG_ERROR_CANCELLED);
    sg_cluster_free(cluster);
}

static void fetch(const sg_config *config) {
    sg_gateway_bot answer;
    memset(&answer, 0, sizeof answer);
    answer.struct_size = sizeof answer;
    answer.shards = 77;
    REFUSES(sg_fetch_gateway_bot(NULL, 100, &answer));
    REFUSES(sg_fetch_gateway_bot(config, 100, NULL));
    FAILS(sg_fetch_gateway_bot(config, 5000, &answer), SG_ERROR_NETWORK);
    CHECK(answer.shards == 77);
    answer.struct_size = 0;
    REFUSES(sg_fetch_gateway_bot(config, 100, &answer));

    char url[256] = "untouched";
    size_t length = sizeof url;
    REFUSES(sg_fetch_gateway(NULL, 100, url, &length));
    REFUSES(sg_fetch_gateway(config, 100, url, NULL));
    REFUSES(sg_fetch_gateway(config, 100, NULL, &length));
    FAILS(sg_fetch_gateway(config, 5000, url, &length), SG_ERROR_NETWORK);
    CHECK(length == sizeof url && !strcmp(url, "untouched"));
}

int main(void) {
    sg_config *config = make_config();
    sg_shard *no_shard = NULL;
    refuse_cluster(NULL);
    refuse_shard(no_shard);
    creation(config);
    unstarted(config);
    running(config);
    one_shard(config);
    WORKS(sg_config_set_api_url(config, "http://127.0.0.1:1/api/v10"));
    fetch(config);
    cancellation(config);
    callbacks(config, SG_DELIVERY_QUEUED);
    callbacks(config, SG_DELIVERY_INLINE);
    sg_config_free(config);
    return finish();
}

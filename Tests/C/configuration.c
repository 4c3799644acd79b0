/* sg_config_*: every setter with good values, values out of range, NULL, and text that is not UTF-8. */
#include <dlfcn.h>

#include "check.h"

#define BAD_TEXT "\xff\xfe"

static sg_config *config;

static void creation(void) {
    char long_token[600];
    memset(long_token, 'a', sizeof long_token - 1);
    long_token[sizeof long_token - 1] = 0;
    CHECK(sg_config_new(NULL, 0) == NULL);
    CHECK(strcmp(sg_last_error(), "no error") != 0);
    CHECK(sg_config_new("", 0) == NULL);
    CHECK(sg_config_new("Bot ", 0) == NULL);
    CHECK(sg_config_new("secret with\nnewline", 0) == NULL);
    CHECK(!strstr(sg_last_error(), "secret"));
    CHECK(sg_config_new(BAD_TEXT, 0) == NULL);
    CHECK(sg_config_new(long_token, 0) == NULL);
    CHECK(!strstr(sg_last_error(), "aaaaaaaa"));
    sg_config_free(NULL);

    config = sg_config_new("Bot " SECRET, 0);
    CHECK(config != NULL);
    sg_config_free(config);
    config = sg_config_new(SECRET, ~UINT64_C(0)); /* unknown intents are sent as they are */
    CHECK(config != NULL);
    sg_config_free(config);
    config = sg_config_new(SECRET, SG_INTENTS_UNPRIVILEGED);
    CHECK(config != NULL);
}

static void addresses(void) {
    static const char *const good[] = {"wss://gateway.discord.gg", "wss://gateway.discord.gg/", "ws://127.0.0.1:1",
                                       "wss://[::1]:443/path/", "WSS://Example.org"};
    static const char *const bad[] = {"", "gateway.discord.gg", "http://example.org", "wss://", "wss:///path", "wss://a b",
                                      "wss://host:0", "wss://host:65536", "wss://host:x", "wss://host:", "wss://user@host",
                                      "wss://?v=10", "wss://[::1", "wss://host\r\nX: y/", BAD_TEXT};
    size_t i;
    for (i = 0; i < sizeof good / sizeof *good; i++) {
        sg_status status = sg_config_set_gateway_url(config, good[i]);
        if (status) printf("%s: %s\n", good[i], sg_last_error());
        CHECK(status == SG_OK);
    }
    for (i = 0; i < sizeof bad / sizeof *bad; i++) {
        sg_status status = sg_config_set_gateway_url(config, bad[i]);
        if (!status) printf("taken: %s\n", bad[i]);
        CHECK(status == SG_ERROR_INVALID_ARGUMENT);
    }
    REFUSES(sg_config_set_gateway_url(config, NULL));
    REFUSES(sg_config_set_gateway_url(NULL, "wss://gateway.discord.gg"));
    WORKS(sg_config_set_api_url(config, "https://discord.com/api/v10"));
    WORKS(sg_config_set_api_url(config, "http://127.0.0.1:8080"));
    REFUSES(sg_config_set_api_url(config, "wss://discord.com"));
    REFUSES(sg_config_set_api_url(config, ""));
    REFUSES(sg_config_set_api_url(config, BAD_TEXT));
    REFUSES(sg_config_set_api_url(config, NULL));
    REFUSES(sg_config_set_api_url(NULL, "https://discord.com/api/v10"));
    FAILS(sg_config_set_ca_file(config, "/nonexistent/ca.pem"), SG_ERROR_FILE);
    CHECK(strstr(sg_last_error(), "/nonexistent/ca.pem") != NULL);
    FAILS(sg_config_set_ca_file(config, "/dev/null"), SG_ERROR_FILE);
    REFUSES(sg_config_set_ca_file(config, ""));
    REFUSES(sg_config_set_ca_file(config, BAD_TEXT));
    REFUSES(sg_config_set_ca_file(config, NULL));
    REFUSES(sg_config_set_ca_file(NULL, "/some/file.pem"));
    WORKS(sg_config_set_session_file(config, "/some/file.json"));
    REFUSES(sg_config_set_session_file(config, ""));
    REFUSES(sg_config_set_session_file(config, BAD_TEXT));
    REFUSES(sg_config_set_session_file(config, NULL));
    REFUSES(sg_config_set_session_file(NULL, "/some/file.json"));
}

static void enums(void) {
    sg_status zstd = sg_config_set_compression(config, SG_COMPRESSION_ZSTD);
    CHECK(zstd == SG_OK || zstd == SG_ERROR_UNSUPPORTED);
    WORKS(sg_config_set_compression(config, SG_COMPRESSION_NONE));
    WORKS(sg_config_set_compression(config, SG_COMPRESSION_ZLIB));
    REFUSES(sg_config_set_compression(config, 3));
    REFUSES(sg_config_set_compression(config, 0xFFFFFFFFu));
    REFUSES(sg_config_set_compression(NULL, SG_COMPRESSION_ZLIB));
    WORKS(sg_config_set_inflate_backend(config, SG_INFLATE_ZLIB));
    if (dlopen("libz-ng.so.2", RTLD_NOW)) {
        WORKS(sg_config_set_inflate_backend(config, SG_INFLATE_ZLIB_NG));
    } else {
        FAILS(sg_config_set_inflate_backend(config, SG_INFLATE_ZLIB_NG), SG_ERROR_UNSUPPORTED);
    }
    WORKS(sg_config_set_inflate_backend(config, SG_INFLATE_AUTO));
    REFUSES(sg_config_set_inflate_backend(config, 3));
    REFUSES(sg_config_set_inflate_backend(NULL, SG_INFLATE_AUTO));
    WORKS(sg_config_set_zombie_policy(config, SG_ZOMBIE_STRICT));
    WORKS(sg_config_set_zombie_policy(config, SG_ZOMBIE_GRACE));
    REFUSES(sg_config_set_zombie_policy(config, 2));
    REFUSES(sg_config_set_zombie_policy(NULL, SG_ZOMBIE_GRACE));
    WORKS(sg_config_set_delivery(config, SG_DELIVERY_INLINE, 0));
    WORKS(sg_config_set_delivery(config, SG_DELIVERY_QUEUED, 0));
    WORKS(sg_config_set_delivery(config, SG_DELIVERY_QUEUED, 1));
    REFUSES(sg_config_set_delivery(config, 2, 0));
    REFUSES(sg_config_set_delivery(NULL, SG_DELIVERY_QUEUED, 0));
    WORKS(sg_config_set_event_kinds(config, SG_EVENT_KINDS_ALL));
    WORKS(sg_config_set_event_kinds(config, 0));
    WORKS(sg_config_set_event_kinds(config, SG_EVENT_KINDS_DEFAULT));
    REFUSES(sg_config_set_event_kinds(config, 64));
    REFUSES(sg_config_set_event_kinds(config, 0xFFFFFFFFu));
    REFUSES(sg_config_set_event_kinds(NULL, SG_EVENT_KINDS_DEFAULT));
}

static void shards(void) {
    WORKS(sg_config_set_shards(config, 0, 1, 1));
    WORKS(sg_config_set_shards(config, 3, 2, 5));
    WORKS(sg_config_set_shards(config, 0, 16, 1000000));
    REFUSES(sg_config_set_shards(config, 0, 0, 1));
    REFUSES(sg_config_set_shards(config, 0, 1, 0));
    REFUSES(sg_config_set_shards(config, 1, 1, 1));
    REFUSES(sg_config_set_shards(config, 4, 2, 5));
    REFUSES(sg_config_set_shards(config, 0xFFFFFFFFu, 1, 5));
    REFUSES(sg_config_set_shards(config, 0xFFFFFFFFu, 0xFFFFFFFFu, 0xFFFFFFFFu));
    REFUSES(sg_config_set_shards(config, 0, 1, 1000001));
    REFUSES(sg_config_set_shards(NULL, 0, 1, 1));
    WORKS(sg_config_set_shards_bucket(config, 0, 1, 1));
    WORKS(sg_config_set_shards_bucket(config, 15, 16, 16));
    REFUSES(sg_config_set_shards_bucket(config, 0, 0, 1));
    REFUSES(sg_config_set_shards_bucket(config, 1, 1, 1));
    REFUSES(sg_config_set_shards_bucket(config, 0, 2, 1));
    REFUSES(sg_config_set_shards_bucket(config, 0, 1, 0));
    REFUSES(sg_config_set_shards_bucket(config, 0, 1, 1000001));
    REFUSES(sg_config_set_shards_bucket(NULL, 0, 1, 1));
    WORKS(sg_config_set_shards_auto(config));
    REFUSES(sg_config_set_shards_auto(NULL));
}

static void numbers(void) {
    WORKS(sg_config_set_max_concurrency(config, 1));
    WORKS(sg_config_set_max_concurrency(config, 64));
    REFUSES(sg_config_set_max_concurrency(config, 0));
    REFUSES(sg_config_set_max_concurrency(NULL, 1));
    WORKS(sg_config_set_shards_split(config, 0, 2, 25));
    WORKS(sg_config_set_shards_split(config, 1, 2, 0)); /* as many as the API recommends */
    REFUSES(sg_config_set_shards_split(config, 2, 2, 25));
    REFUSES(sg_config_set_shards_split(config, 0, 0, 25));
    REFUSES(sg_config_set_shards_split(config, 0, 3, 2));
    REFUSES(sg_config_set_shards_split(config, 0, 2, 1000001));
    REFUSES(sg_config_set_shards_split(NULL, 0, 2, 25));
    WORKS(sg_config_set_handshake_limit(config, 1));
    WORKS(sg_config_set_handshake_limit(config, 65535));
    REFUSES(sg_config_set_handshake_limit(config, 0));
    WORKS(sg_config_set_reshard_window(config, 1));
    WORKS(sg_config_set_reshard_window(config, 600000));
    REFUSES(sg_config_set_reshard_window(config, 0));
    REFUSES(sg_config_set_reshard_window(config, 600001));
    REFUSES(sg_config_set_reshard_window(NULL, 5000));
    REFUSES(sg_config_set_handshake_limit(config, 65536));
    REFUSES(sg_config_set_handshake_limit(NULL, 16));
    WORKS(sg_config_set_identify_interval(config, 0));
    WORKS(sg_config_set_identify_interval(config, 5500));
    WORKS(sg_config_set_identify_interval(config, 0xFFFFFFFFu));
    REFUSES(sg_config_set_identify_interval(NULL, 5000));
    WORKS(sg_config_set_large_threshold(config, 50));
    WORKS(sg_config_set_large_threshold(config, 250));
    REFUSES(sg_config_set_large_threshold(config, 49));
    REFUSES(sg_config_set_large_threshold(config, 251));
    REFUSES(sg_config_set_large_threshold(NULL, 50));
    WORKS(sg_config_set_backoff(config, 1, 1));
    WORKS(sg_config_set_backoff(config, 1000, 60000));
    WORKS(sg_config_set_backoff(config, 0xFFFFFFFFu, 0xFFFFFFFFu));
    REFUSES(sg_config_set_backoff(config, 0, 1));
    REFUSES(sg_config_set_backoff(config, 2, 1));
    REFUSES(sg_config_set_backoff(NULL, 1, 1));
    WORKS(sg_config_set_connect_timeout(config, 1));
    REFUSES(sg_config_set_connect_timeout(config, 0));
    REFUSES(sg_config_set_connect_timeout(NULL, 1));
    WORKS(sg_config_set_invalid_session_wait(config, 0, 0));
    WORKS(sg_config_set_invalid_session_wait(config, 1000, 5000));
    REFUSES(sg_config_set_invalid_session_wait(config, 2, 1));
    REFUSES(sg_config_set_invalid_session_wait(NULL, 0, 0));
    WORKS(sg_config_set_max_message_size(config, 1));
    WORKS(sg_config_set_max_message_size(config, SIZE_MAX));
    REFUSES(sg_config_set_max_message_size(config, 0));
    REFUSES(sg_config_set_max_message_size(NULL, 1));
    WORKS(sg_config_set_send_limit(config, 0, 0));
    WORKS(sg_config_set_send_limit(config, 120, 60000));
    REFUSES(sg_config_set_send_limit(config, 1, 0));
    REFUSES(sg_config_set_send_limit(NULL, 120, 60000));
    WORKS(sg_config_set_io_threads(config, 0));
    WORKS(sg_config_set_io_threads(config, 256));
    REFUSES(sg_config_set_io_threads(config, 257));
    REFUSES(sg_config_set_io_threads(NULL, 1));
}

static void documents(void) {
    static const char PRESENCE[] = "{\"since\":null,\"activities\":[],\"status\":\"dnd\",\"afk\":false}";
    static const char *const bad[] = {"", "null", "[]", "\"dnd\"", "{", "{\"status\":}", "{} {}", "{\"status\":\"dnd\"}x",
                                      "{\"a\":\"" BAD_TEXT "\"}"};
    char large[2100];
    size_t i;
    memset(large, ' ', sizeof large);
    memcpy(large, "{\"status\":\"", 11);
    memset(large + 11, 'x', sizeof large - 14);
    memcpy(large + sizeof large - 3, "\"}", 3);
    WORKS(sg_config_set_presence(config, PRESENCE));
    WORKS(sg_config_set_shard_presence(config, 7, PRESENCE));
    for (i = 0; i < sizeof bad / sizeof *bad; i++) {
        REFUSES(sg_config_set_presence(config, bad[i]));
        REFUSES(sg_config_set_shard_presence(config, 0, bad[i]));
    }
    CHECK(sg_config_set_presence(config, large) != SG_OK);
    CHECK(sg_config_set_shard_presence(config, 0, large) != SG_OK);
    REFUSES(sg_config_set_presence(config, NULL));
    REFUSES(sg_config_set_presence(NULL, PRESENCE));
    REFUSES(sg_config_set_shard_presence(config, 0, NULL));
    REFUSES(sg_config_set_shard_presence(NULL, 0, PRESENCE));

    WORKS(sg_config_set_identify_properties(config, "linux", "browser", "device"));
    REFUSES(sg_config_set_identify_properties(config, NULL, "browser", "device"));
    REFUSES(sg_config_set_identify_properties(config, "linux", NULL, "device"));
    REFUSES(sg_config_set_identify_properties(config, "linux", "browser", NULL));
    REFUSES(sg_config_set_identify_properties(config, "", "browser", "device"));
    REFUSES(sg_config_set_identify_properties(config, BAD_TEXT, "browser", "device"));
    REFUSES(sg_config_set_identify_properties(config, "linux", BAD_TEXT, "device"));
    REFUSES(sg_config_set_identify_properties(config, "linux", "browser", BAD_TEXT));
    REFUSES(sg_config_set_identify_properties(NULL, "linux", "browser", "device"));
}

static void filters(void) {
    static const char *const names[] = {"MESSAGE_CREATE", "AN_EVENT_OF_TOMORROW"};
    static const char *const null_name[] = {"MESSAGE_CREATE", NULL};
    static const char *const empty_name[] = {""};
    static const char *const bad_name[] = {BAD_TEXT};
    WORKS(sg_config_set_event_filter(config, names, 2));
    WORKS(sg_config_set_event_filter(config, NULL, 0));
    REFUSES(sg_config_set_event_filter(config, NULL, 1));
    REFUSES(sg_config_set_event_filter(config, null_name, 2));
    REFUSES(sg_config_set_event_filter(config, empty_name, 1));
    REFUSES(sg_config_set_event_filter(config, bad_name, 1));
    REFUSES(sg_config_set_event_filter(NULL, names, 2));
}

static void on_event(const sg_event *event, void *user) { (void)event, (void)user; }

static size_t on_batch(const sg_event *events, size_t count, void *user) { return (void)events, (void)user, count; }

static void on_log(uint32_t level, const char *target, const char *message, void *user) {
    (void)level, (void)target, (void)message, (void)user;
}

static void handlers(void) {
    WORKS(sg_config_set_event_handler(config, on_event, NULL));
    WORKS(sg_config_set_event_handler(config, NULL, NULL));
    REFUSES(sg_config_set_event_handler(NULL, on_event, NULL));
    sg_cluster *cluster = NULL;
    WORKS(sg_config_set_delivery(config, SG_DELIVERY_INLINE, 0));
    WORKS(sg_config_set_batch_handler(config, on_batch, NULL));
    REFUSES(sg_cluster_new(config, &cluster));
    WORKS(sg_config_set_delivery(config, SG_DELIVERY_QUEUED, 0));
    WORKS(sg_cluster_new(config, &cluster));
    sg_cluster_free(cluster);
    WORKS(sg_config_set_batch_handler(config, NULL, NULL));
    REFUSES(sg_config_set_batch_handler(NULL, on_batch, NULL));
    WORKS(sg_config_set_log_handler(config, SG_LOG_TRACE, on_log, NULL));
    WORKS(sg_config_set_log_handler(config, SG_LOG_OFF, NULL, NULL));
    REFUSES(sg_config_set_log_handler(config, 6, on_log, NULL));
    REFUSES(sg_config_set_log_handler(NULL, SG_LOG_INFO, on_log, NULL));
}

static void sessions(void) {
    FAILS(sg_config_import_sessions(config, "not json", 8), SG_ERROR_FILE);
    FAILS(sg_config_import_sessions(config, "{}", 2), SG_ERROR_FILE);
    FAILS(sg_config_import_sessions(config, "{\"version\":4294967295}", 22), SG_ERROR_FILE);
    FAILS(sg_config_import_sessions(config, "", 0), SG_ERROR_FILE);
    REFUSES(sg_config_import_sessions(config, NULL, 5));
    REFUSES(sg_config_import_sessions(NULL, "{}", 2));
}

/* A call that fails leaves what was set before, and a handle that was freed is refused. */
static void afterwards(void) {
    sg_cluster *cluster = NULL;
    WORKS(sg_cluster_new(config, &cluster));
    CHECK(cluster != NULL);
    sg_cluster_free(cluster);
    sg_config_free(config);
    REFUSES(sg_config_set_shards(config, 0, 1, 1));
    REFUSES(sg_config_set_gateway_url(config, "wss://gateway.discord.gg"));
    cluster = NULL;
    REFUSES(sg_cluster_new(config, &cluster));
    CHECK(cluster == NULL);
    sg_config_free(config);
}

int main(void) {
    creation();
    if (!config) return finish();
    addresses();
    enums();
    shards();
    numbers();
    documents();
    filters();
    handlers();
    sessions();
    afterwards();
    return finish();
}

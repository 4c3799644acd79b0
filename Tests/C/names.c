/* Versions, names and tables: what needs no handle. */
#include "check.h"

static void versions(void) {
    char expected[32];
    snprintf(expected, sizeof expected, "%d.%d.%d", SG_VERSION_MAJOR, SG_VERSION_MINOR, SG_VERSION_PATCH);
    CHECK(strcmp(sg_version(), SG_VERSION) == 0);
    CHECK(strcmp(expected, SG_VERSION) == 0);
}

static void status_names(void) {
    CHECK(strcmp(sg_status_name(SG_OK), "SG_OK") == 0);
    CHECK(strcmp(sg_status_name(SG_ERROR_INVALID_ARGUMENT), "SG_ERROR_INVALID_ARGUMENT") == 0);
    CHECK(strcmp(sg_status_name(SG_ERROR_BUFFER_TOO_SMALL), "SG_ERROR_BUFFER_TOO_SMALL") == 0);
    CHECK(strcmp(sg_status_name(SG_ERROR_NETWORK), "SG_ERROR_NETWORK") == 0);
    CHECK(strcmp(sg_status_name(SG_ERROR_UNSUPPORTED), "SG_ERROR_UNSUPPORTED") == 0);
    CHECK(strcmp(sg_status_name(SG_ERROR_INTERNAL), "SG_ERROR_INTERNAL") == 0);
    CHECK(strcmp(sg_status_name(10), "SG_STATUS_UNKNOWN") == 0);
    CHECK(strcmp(sg_status_name(0xFFFFFFFFu), "SG_STATUS_UNKNOWN") == 0);
}

static void event_names(void) {
    uint32_t type;
    CHECK(sg_event_type_name(SG_DISPATCH_UNKNOWN) == NULL);
    CHECK(sg_event_type_name(0xFFFFFFFFu) == NULL);
    CHECK(strcmp(sg_event_type_name(SG_DISPATCH_READY), "READY") == 0);
    CHECK(strcmp(sg_event_type_name(SG_DISPATCH_MESSAGE_CREATE), "MESSAGE_CREATE") == 0);
    CHECK(strcmp(sg_event_type_name(SG_DISPATCH_WEBHOOKS_UPDATE), "WEBHOOKS_UPDATE") == 0);
    CHECK(sg_event_type_name(SG_DISPATCH_WEBHOOKS_UPDATE + 1) == NULL);
    for (type = SG_DISPATCH_READY; type <= SG_DISPATCH_WEBHOOKS_UPDATE; type++)
        CHECK(sg_event_type_name(type) && *sg_event_type_name(type));
}

static void event_intents(void) {
    uint64_t all = 0;
    uint32_t type;
    CHECK(sg_event_intents(SG_DISPATCH_READY) == 0);
    CHECK(sg_event_intents(SG_DISPATCH_UNKNOWN) == 0);
    CHECK(sg_event_intents(0xFFFFFFFFu) == 0);
    CHECK(sg_event_intents(SG_DISPATCH_GUILD_CREATE) == SG_INTENT_GUILDS);
    CHECK(sg_event_intents(SG_DISPATCH_MESSAGE_CREATE) == (SG_INTENT_GUILD_MESSAGES | SG_INTENT_DIRECT_MESSAGES));
    CHECK(sg_event_intents(SG_DISPATCH_THREAD_MEMBERS_UPDATE) == (SG_INTENT_GUILDS | SG_INTENT_GUILD_MEMBERS));
    for (type = SG_DISPATCH_READY; type <= SG_DISPATCH_WEBHOOKS_UPDATE; type++) all |= sg_event_intents(type);
    CHECK(all == (uint64_t)(SG_INTENTS_ALL & ~SG_INTENT_MESSAGE_CONTENT)); /* the one intent that enables no event */
}

static void needed_intents(void) {
    static const char *const messages[] = {"MESSAGE_CREATE", "INTERACTION_CREATE"};
    static const char *const more[] = {"MESSAGE_CREATE", "MESSAGE_DELETE_BULK"};
    static const char *const wrong[] = {"MESSAGE_CREATE", "MESSAGE_CREATED"};
    static const char *const none[] = {NULL};
    uint64_t out = 7, alternatives = 7;
    WORKS(sg_intents_for_events(NULL, 0, &out, &alternatives));
    CHECK(out == 0 && alternatives == 0);
    WORKS(sg_intents_for_events(messages, 2, &out, &alternatives));
    CHECK(out == (SG_INTENT_GUILD_MESSAGES | SG_INTENT_DIRECT_MESSAGES) && alternatives == out);
    WORKS(sg_intents_for_events(more, 2, &out, &alternatives));
    CHECK(out == (SG_INTENT_GUILD_MESSAGES | SG_INTENT_DIRECT_MESSAGES) && alternatives == SG_INTENT_DIRECT_MESSAGES);
    WORKS(sg_intents_for_events(messages, 1, &out, NULL));
    out = alternatives = 7;
    REFUSES(sg_intents_for_events(wrong, 2, &out, &alternatives));
    CHECK(strstr(sg_last_error(), "MESSAGE_CREATED") != NULL && out == 7 && alternatives == 7);
    REFUSES(sg_intents_for_events(none, 1, &out, NULL));
    REFUSES(sg_intents_for_events(NULL, 1, &out, NULL));
    REFUSES(sg_intents_for_events(messages, 1, NULL, &alternatives));
}

static void state_names(void) {
    CHECK(strcmp(sg_shard_state_name(SG_SHARD_IDLE), "idle") == 0);
    CHECK(strcmp(sg_shard_state_name(SG_SHARD_AWAITING_HELLO), "awaiting hello") == 0);
    CHECK(strcmp(sg_shard_state_name(SG_SHARD_ACTIVE), "active") == 0);
    CHECK(strcmp(sg_shard_state_name(SG_SHARD_FATAL), "fatal") == 0);
    CHECK(strcmp(sg_shard_state_name(SG_SHARD_FATAL + 1), "unknown") == 0);
    CHECK(strcmp(sg_shard_state_name(0xFFFFFFFFu), "unknown") == 0);
}

static void routing(void) {
    CHECK(sg_shard_for_guild(0, 1) == 0);
    CHECK(sg_shard_for_guild((uint64_t)5 << 22, 4) == 1);
    CHECK(sg_shard_for_guild(UINT64_C(197038439483310086), 1000) == (UINT64_C(197038439483310086) >> 22) % 1000);
    CHECK(sg_shard_for_guild(UINT64_MAX, 0xFFFFFFFFu) == (UINT64_MAX >> 22) % 0xFFFFFFFFu);
    CHECK(sg_shard_for_guild(UINT64_MAX, 0) == 0);
}

int main(void) {
    CHECK(strcmp(sg_last_error(), "no error") == 0);
    versions();
    status_names();
    event_names();
    event_intents();
    state_names();
    routing();
    CHECK(strcmp(sg_last_error(), "no error") == 0);
    needed_intents();
    return finish();
}

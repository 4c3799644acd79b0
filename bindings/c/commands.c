/* Sends commands and collects the answer: sets the bot's presence, then asks for all members of its first guild, which
 * come in chunks.
 *
 *   DISCORD_TOKEN=… commands [guild id]
 *
 * Needs the privileged intent GUILD_MEMBERS. API_URL and CA_FILE lead it to another gateway than Discord's.
 *   cc commands.c $(pkg-config --cflags --libs swiftgateway) -lpthread -o commands */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <swiftgateway.h>

static const char NONCE[] = "commands-1"; /* tells our chunks from those of another request */
static const char PRESENCE[] = "{\"since\":null,\"afk\":false,\"status\":\"idle\","
                               "\"activities\":[{\"name\":\"custom\",\"type\":4,\"state\":\"counting members\"}]}";

/* One shard, so that the handler is never called twice at once. main() waits for `done`. */
static struct {
    sg_cluster *cluster;
    uint64_t guild;
    uint64_t members, chunks;
    int asked, good;
    sem_t done;
} run;

static void finish(int good) {
    run.good = good;
    sem_post(&run.done);
}

/* Commands may be sent from inside the handler: they are queued, kept across reconnects and paced. */
static void ask(uint32_t shard_id) {
    sg_guild_members_request request;
    memset(&request, 0, sizeof request);
    request.struct_size = sizeof request;
    request.guild_id = run.guild;
    request.query = ""; /* everyone */
    request.nonce = NONCE;
    if (sg_cluster_update_presence(run.cluster, shard_id, PRESENCE, strlen(PRESENCE)) ||
        sg_cluster_request_guild_members(run.cluster, shard_id, &request)) {
        fprintf(stderr, "commands: %s\n", sg_last_error());
        finish(0);
        return;
    }
    run.asked = 1;
    printf("presence: idle; asked for the members of guild %" PRIu64 "\n", run.guild);
}

/* How many members a chunk holds: a look for the first index that is not there, by halves. */
static uint64_t members_in(const sg_event *event) {
    uint64_t here = 0, beyond = 1001; /* a chunk holds 1000 at most */
    while (beyond - here > 1) {
        const uint64_t middle = here + (beyond - here) / 2;
        const char *start;
        size_t length;
        char pointer[40];
        snprintf(pointer, sizeof pointer, "/members/%" PRIu64, middle - 1);
        if (sg_event_json(event, pointer, &start, &length) == SG_OK) here = middle;
        else beyond = middle;
    }
    return here;
}

static void on_chunk(const sg_event *event) {
    char nonce[40], first[80] = "";
    size_t length = sizeof nonce, first_length = sizeof first;
    uint64_t index, count, members;
    if (sg_event_string(event, "/nonce", nonce, &length) != SG_OK || strcmp(nonce, NONCE) != 0) return; /* not ours */
    if (sg_event_uint64(event, "/chunk_index", &index) != SG_OK || sg_event_uint64(event, "/chunk_count", &count) != SG_OK)
        return;
    members = members_in(event);
    sg_event_string(event, "/members/0/user/username", first, &first_length);
    printf("chunk %" PRIu64 " of %" PRIu64 ": %" PRIu64 " members, the first is %s\n", index + 1, count, members, first);
    run.members += members;
    run.chunks++;
    if (index == count - 1) finish(run.chunks == count); /* chunks come in order */
}

static void on_event(const sg_event *event, void *user) {
    double seconds;
    (void)user;
    if (event->kind == SG_EVENT_ERROR) {
        fprintf(stderr, "commands: %.*s\n", (int)event->data_length, event->data);
        if (event->state == SG_SHARD_FATAL) finish(0);
        return;
    }
    if (event->kind != SG_EVENT_DISPATCH) return;
    switch (event->type) {
    case SG_DISPATCH_READY:
        if (run.asked) break; /* a new session: what was asked is still queued or already answered */
        if (!run.guild && sg_event_uint64(event, "/guilds/0/id", &run.guild) != SG_OK) {
            fprintf(stderr, "commands: the bot is in no guild\n");
            finish(0);
            break;
        }
        ask(event->shard_id);
        break;
    case SG_DISPATCH_GUILD_MEMBERS_CHUNK: on_chunk(event); break;
    case SG_DISPATCH_RATE_LIMITED: /* asked for this guild a moment ago */
        if (sg_event_double(event, "/retry_after", &seconds) != SG_OK) seconds = 0;
        fprintf(stderr, "commands: too soon; ask again in %.0f s\n", seconds);
        finish(0);
        break;
    default: break;
    }
}

static int fail(void) {
    fprintf(stderr, "commands: %s\n", sg_last_error());
    return 1;
}

int main(int argc, char **argv) {
    static const char *const names[] = {"READY", "GUILD_MEMBERS_CHUNK", "RATE_LIMITED"};
    struct timespec until;
    int bad;
    sg_config *config = sg_config_new(getenv("DISCORD_TOKEN"), SG_INTENT_GUILDS | SG_INTENT_GUILD_MEMBERS);
    if (!config) return fail();
    if (argc > 1) run.guild = strtoull(argv[1], NULL, 10);
    sem_init(&run.done, 0, 0);
    bad = (getenv("API_URL") && sg_config_set_api_url(config, getenv("API_URL"))) ||
          (getenv("CA_FILE") && sg_config_set_ca_file(config, getenv("CA_FILE"))) ||
          sg_config_set_shards(config, 0, 1, 1) || sg_config_set_event_filter(config, names, 3) ||
          sg_config_set_event_handler(config, on_event, NULL) || sg_cluster_new(config, &run.cluster);
    sg_config_free(config);
    if (bad || sg_cluster_start(run.cluster)) {
        fail();
        sg_cluster_free(run.cluster);
        return 1;
    }
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 60;
    if (sem_timedwait(&run.done, &until) != 0) fprintf(stderr, "commands: no answer within a minute\n");
    sg_cluster_shutdown(run.cluster, SG_SHUTDOWN_FINAL, 5000);
    sg_cluster_free(run.cluster);
    if (run.good) printf("%" PRIu64 " members in %" PRIu64 " chunks\n", run.members, run.chunks);
    return !run.good;
}

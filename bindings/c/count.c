/* Counts messages: DISCORD_TOKEN=… count [seconds] */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <swiftgateway.h>

static void on_event(const sg_event *event, void *user) {
    atomic_ulong *messages = user; /* atomic, because shards may call at the same time */
    char author[128]; size_t length = sizeof author;
    if (event->type == SG_DISPATCH_MESSAGE_CREATE && sg_event_string(event, "/author/username", author, &length) == SG_OK)
        printf("message %lu is from %s\n", ++*messages, author);
}
static void on_log(uint32_t level, const char *target, const char *message, void *user) {
    if (level < SG_LOG_OFF) fprintf(user, "%s: %s\n", target, message); /* warnings: what failed and is tried again */
}
static int fail(void) { return fprintf(stderr, "%s\n", sg_last_error()), 1; }

int main(int argc, char **argv) {
    atomic_ulong messages = 0;
    sg_cluster *cluster = NULL;
    sg_config *config = sg_config_new(getenv("DISCORD_TOKEN"), SG_INTENT_GUILDS | SG_INTENT_GUILD_MESSAGES);
    if (!config || (getenv("API_URL") && sg_config_set_api_url(config, getenv("API_URL")))) return fail();
    if (getenv("CA_FILE") && sg_config_set_ca_file(config, getenv("CA_FILE"))) return fail();
    sg_config_set_event_handler(config, on_event, &messages);
    sg_config_set_log_handler(config, SG_LOG_WARNING, on_log, stderr);
    if (sg_cluster_new(config, &cluster) || sg_cluster_start(cluster)) return fail();
    sg_config_free(config);
    if (sg_cluster_wait(cluster, argc > 1 ? 1000u * atoi(argv[1]) : SG_WAIT_FOREVER) != SG_ERROR_TIMEOUT) return fail();
    sg_cluster_shutdown(cluster, SG_SHUTDOWN_FINAL, 5000);
    sg_cluster_free(cluster);
    return printf("%lu messages\n", messages) < 0;
}

/* Restarts without losing an event: leaves resumably, replaces itself by a new process, and resumes the session there.
 *
 *   DISCORD_TOKEN=… restart FILE EVENTS TIMES [LAST]
 *
 * Handles EVENTS events, leaves, and starts again TIMES times; FILE keeps the session meanwhile. LAST is the sequence of
 * the last event that was handled before, which a new process gets from the old one: what it sees must go on from there.
 * API_URL and CA_FILE lead it to another gateway than Discord's.
 *   cc restart.c $(pkg-config --cflags --libs swiftgateway) -lpthread -o restart */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <inttypes.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <swiftgateway.h>

/* A shard's events come one at a time, and none comes after the shutdown: main() reads the numbers then. */
static struct {
    uint64_t last, wanted, events, missed, lost, repeated;
    int identified, resumed, fatal;
    sem_t enough;
} run;

static void on_event(const sg_event *event, void *user) {
    (void)user;
    if (event->kind == SG_EVENT_ERROR) {
        fprintf(stderr, "restart: %.*s\n", (int)event->data_length, event->data);
        run.fatal |= event->state == SG_SHARD_FATAL;
        if (run.fatal) sem_post(&run.enough);
    }
    if (event->kind != SG_EVENT_DISPATCH) return;
    if (event->type == SG_DISPATCH_READY) {
        run.identified = 1;
        run.last = 0; /* a new session numbers from its READY */
    }
    if (run.last && event->sequence > run.last + 1) run.lost += event->sequence - run.last - 1;
    if (run.last && event->sequence <= run.last) run.repeated++;
    run.last = event->sequence;
    if (event->type == SG_DISPATCH_RESUMED) run.resumed = 1;
    else if (!run.identified && !run.resumed) run.missed++; /* what happened between the two processes */
    if (++run.events == run.wanted) sem_post(&run.enough);
}

static int fail(void) {
    fprintf(stderr, "restart: %s\n", sg_last_error());
    return 1;
}

static sg_shard *connect_shard(const char *file) {
    sg_shard *shard = NULL;
    sg_config *config = sg_config_new(getenv("DISCORD_TOKEN"), SG_INTENT_GUILDS | SG_INTENT_GUILD_MESSAGES);
    int bad = !config || (getenv("API_URL") && sg_config_set_api_url(config, getenv("API_URL"))) ||
              (getenv("CA_FILE") && sg_config_set_ca_file(config, getenv("CA_FILE"))) ||
              sg_config_set_session_file(config, file) || sg_config_set_event_handler(config, on_event, NULL) ||
              sg_shard_new(config, 0, 1, &shard) || sg_shard_start(shard);
    if (bad) fail();
    sg_config_free(config);
    if (!bad) return shard;
    sg_shard_free(shard);
    return NULL;
}

int main(int argc, char **argv) {
    struct timespec until;
    char times[24], last[24];
    sg_shard *shard;
    int waited;
    if (argc < 4) {
        fprintf(stderr, "usage: DISCORD_TOKEN=... %s FILE EVENTS TIMES [LAST]\n", argv[0]);
        return 2;
    }
    run.wanted = strtoull(argv[2], NULL, 10);
    run.last = argc > 4 ? strtoull(argv[4], NULL, 10) : 0;
    sem_init(&run.enough, 0, 0);
    shard = connect_shard(argv[1]);
    if (!shard) return 1;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 60;
    do waited = sem_timedwait(&run.enough, &until);
    while (waited != 0 && errno == EINTR);
    if (waited != 0) fprintf(stderr, "restart: fewer than %s events within a minute\n", argv[2]);
    /* What was received is handled first, then the connection closes, and the file says how far it came. */
    if (sg_shard_shutdown(shard, SG_SHUTDOWN_RESUMABLE, 10000)) fail();
    sg_shard_free(shard);

    if (run.resumed) printf("resumed; %" PRIu64 " events had happened meanwhile; ", run.missed);
    else printf("%s; ", run.identified ? "a new session" : "no session");
    printf("handled %" PRIu64 " events up to %" PRIu64 ", %" PRIu64 " lost, %" PRIu64 " repeated\n", run.events, run.last,
           run.lost, run.repeated);
    fflush(stdout);
    if (waited != 0 || run.fatal || run.lost || run.repeated) return 1;
    if (strtoul(argv[3], NULL, 10) == 0) return 0;
    snprintf(times, sizeof times, "%lu", strtoul(argv[3], NULL, 10) - 1);
    snprintf(last, sizeof last, "%" PRIu64, run.last);
    execl("/proc/self/exe", argv[0], argv[1], argv[2], times, last, (char *)NULL);
    perror("restart: cannot run itself again");
    return 1;
}

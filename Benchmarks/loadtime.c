/* loadtime: what it takes to load a shared library: time, and memory that is the process's own.
 *
 *   loadtime LIBRARY …     loads them in turn; one line of JSON
 *
 * With libssl, libcrypto, libz … before ours, "last" is what ours alone adds. Ours is also called once: sg_config_new.
 *
 * build: cc -O2 loadtime.c -o loadtime -ldl
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static long memory_kb(const char *field) {
    FILE *f = fopen("/proc/self/smaps_rollup", "r");
    char line[256];
    long kb = -1;
    if (!f) return -1;
    while (fgets(line, sizeof line, f))
        if (!strncmp(line, field, strlen(field)) && line[strlen(field)] == ':') kb = atol(line + strlen(field) + 1);
    fclose(f);
    return kb;
}

int main(int argc, char **argv) {
    memory_kb("Anonymous"); /* stdio's own buffer */
    const long anonymous = memory_kb("Anonymous"), rss = memory_kb("Rss");
    double begun = now_ms(), last = begun;
    long before_last = anonymous;
    for (int i = 1; i < argc; i++) {
        if (i == argc - 1) before_last = memory_kb("Anonymous");
        last = now_ms();
        if (i == 1) begun = last;
        void *library = dlopen(argv[i], RTLD_NOW | RTLD_LOCAL);
        if (!library) {
            fprintf(stderr, "loadtime: %s\n", dlerror());
            return 1;
        }
        void *(*make)(const char *, uint64_t);
        void (*discard)(void *);
        *(void **)&make = dlsym(library, "sg_config_new");
        *(void **)&discard = dlsym(library, "sg_config_free");
        if (make && discard) discard(make("token", 513));
    }
    const double end = now_ms();
    const long after = memory_kb("Anonymous");
    printf("{\"ms\":%.3f,\"last_ms\":%.3f,\"anonymous_kb\":%ld,\"last_anonymous_kb\":%ld,\"rss_kb\":%ld}\n", end - begun,
           end - last, after - anonymous, after - before_last, memory_kb("Rss") - rss);
    return 0;
}

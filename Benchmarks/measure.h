/* What client.c and floor.c measure in the same way beside CPU time: the latency of each event, and what is allocated.
 *
 * Latency: loadgw -t leaves in a file, by sequence, when it was about to write() the frame. A callback compares that with
 * its own clock and keeps both differences: since the write, and since the engine had read the bytes (floor: 0).
 * Allocations: allocations.c, preloaded, is told where to begin and to end; without it nothing happens.
 */
#ifndef MEASURE_H
#define MEASURE_H
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const uint64_t *stamps;
static uint64_t stamp_count;
static struct latency {
    uint64_t since_write, since_read;
} *latencies;
static uint64_t latency_count;

static inline uint64_t clock_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline void read_stamps(const char *path) {
    struct stat s;
    int fd = open(path, O_RDONLY);
    if (fd < 0 || fstat(fd, &s) ||
        (stamps = mmap(NULL, (size_t)s.st_size, PROT_READ, MAP_SHARED, fd, 0)) == MAP_FAILED) {
        perror(path);
        exit(1);
    }
    stamp_count = (uint64_t)s.st_size / sizeof *stamps;
    latencies = calloc(stamp_count, sizeof *latencies);
    close(fd);
}

/* received: when the bytes were read, 0 when nobody noted that */
static inline void note_latency(uint64_t sequence, uint64_t received) {
    if (sequence < 2 || sequence >= stamp_count || !stamps[sequence]) return;
    const uint64_t now = clock_ns();
    latencies[latency_count++] =
        (struct latency){now - stamps[sequence], received && received <= now ? now - received : 0};
}

static inline void write_latencies(const char *path) {
    FILE *f = fopen(path, "w");
    if (!f || fwrite(latencies, sizeof *latencies, latency_count, f) != latency_count || fclose(f)) {
        perror(path);
        exit(1);
    }
}

/* begin: 1 begins, 0 ends and tells the number of allocations, of own ones, and of frees; -1 without allocations.c */
static inline long count_allocations(int begin, long *own, long *frees) {
    long (*mark)(int, long *, long *);
    *(void **)&mark = dlsym(RTLD_DEFAULT, "bench_allocations");
    return mark ? mark(begin, own, frees) : -1;
}
#endif

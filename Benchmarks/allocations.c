/* allocations: counts what a program allocates between two moments that it names itself (measure.h), on all threads.
 *
 *   LD_PRELOAD=./allocations.so client -a 10001:110000 …
 *   BENCH_STACKS=FILE   also writes, for each stack that allocated, its number, and its frames as "object+offset"
 *
 * Told apart: what OWN itself calls for (the program, or the library whose path has BENCH_OWN in it), and what the
 * libraries it uses call for.
 *
 * Counted: malloc, calloc, realloc, reallocarray, posix_memalign, aligned_alloc, memalign, mmap. Counted beside them: free.
 *
 * build: cc -O2 -shared -fPIC allocations.c -o allocations.so -ldl -lpthread
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <link.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* glibc's own names for the real ones */
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

static atomic_int armed;
static atomic_long count, own, frees;
static uintptr_t own_start, own_end;

enum { DEPTH = 24, STACKS = 512 };
static struct stack {
    void *frames[DEPTH];
    int depth;
    long count, bytes;
} stacks[STACKS];
static atomic_flag busy = ATOMIC_FLAG_INIT;
static const char *stack_file;
static _Thread_local int inside;

static void keep_stack(size_t n) {
    struct stack s = {.count = 1, .bytes = (long)n};
    s.depth = backtrace(s.frames, DEPTH);
    while (atomic_flag_test_and_set(&busy)) continue;
    for (int i = 0; i < STACKS; i++) {
        if (!stacks[i].count) {
            stacks[i] = s;
            break;
        }
        if (stacks[i].depth == s.depth && !memcmp(stacks[i].frames, s.frames, sizeof(void *) * (size_t)s.depth)) {
            stacks[i].count++;
            stacks[i].bytes += (long)n;
            break;
        }
    }
    atomic_flag_clear(&busy);
}

static inline __attribute__((always_inline)) void note(size_t n) {
    if (!atomic_load_explicit(&armed, memory_order_relaxed) || inside) return;
    const uintptr_t caller = (uintptr_t)__builtin_return_address(0);
    count++;
    if (caller >= own_start && caller < own_end) own++;
    if (!stack_file) return;
    inside = 1;
    keep_stack(n);
    inside = 0;
}

void *malloc(size_t n) { note(n); return __libc_malloc(n); }
void *calloc(size_t n, size_t size) { note(n * size); return __libc_calloc(n, size); }
void *realloc(void *p, size_t n) { note(n); return __libc_realloc(p, n); }
void *memalign(size_t a, size_t n) { note(n); return __libc_memalign(a, n); }
void *aligned_alloc(size_t a, size_t n) { note(n); return __libc_memalign(a, n); }
int posix_memalign(void **p, size_t a, size_t n) {
    note(n);
    void *q = __libc_memalign(a, n);
    if (!q) return ENOMEM;
    *p = q;
    return 0;
}
void *reallocarray(void *p, size_t n, size_t size) {
    size_t all;
    if (__builtin_mul_overflow(n, size, &all)) {
        errno = ENOMEM;
        return NULL;
    }
    note(all);
    return __libc_realloc(p, all);
}
void *mmap(void *p, size_t n, int protection, int flags, int fd, off_t offset) {
    note(n);
    return (void *)syscall(SYS_mmap, p, n, protection, flags, fd, offset);
}
void free(void *p) {
    if (p && atomic_load_explicit(&armed, memory_order_relaxed) && !inside) frees++;
    __libc_free(p);
}

static void write_stacks(void) {
    FILE *f = fopen(stack_file, "w");
    if (!f) return;
    for (int i = 0; i < STACKS && stacks[i].count; i++) {
        fprintf(f, "%ld %ld", stacks[i].count, stacks[i].bytes);
        for (int j = 2; j < stacks[i].depth; j++) { /* without keep_stack and the function that was called */
            Dl_info of;
            if (dladdr(stacks[i].frames[j], &of) && of.dli_fname)
                fprintf(f, " %s+%#tx", of.dli_fname, (char *)stacks[i].frames[j] - (char *)of.dli_fbase);
        }
        fprintf(f, "\n");
    }
    fclose(f);
}

static int find_own(struct dl_phdr_info *object, size_t size, void *name) {
    (void)size;
    if (name ? !strstr(object->dlpi_name, name) : *object->dlpi_name) return 0; /* the program's own name is empty */
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const uintptr_t start = object->dlpi_addr + object->dlpi_phdr[i].p_vaddr;
        if (object->dlpi_phdr[i].p_type != PT_LOAD || !(object->dlpi_phdr[i].p_flags & PF_X)) continue;
        own_start = start;
        own_end = start + object->dlpi_phdr[i].p_memsz;
    }
    return 1;
}

/* see count_allocations in measure.h */
long bench_allocations(int begin, long *all_own, long *all_frees) {
    if (begin) {
        void *first[4];
        stack_file = getenv("BENCH_STACKS");
        if (stack_file) backtrace(first, 4); /* which loads what it needs */
        dl_iterate_phdr(find_own, getenv("BENCH_OWN"));
        count = own = frees = 0;
        armed = 1;
        return 0;
    }
    armed = 0;
    const long n = count;
    if (all_own) *all_own = own;
    if (all_frees) *all_frees = frees;
    if (stack_file) write_stacks();
    return n;
}

/* The little that the C tests need: checks that count, and a closing line. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <string.h>
#include "swiftgateway.h"

/* Looked for in every error sentence: the token must never be there. */
#define SECRET "MTk4NjIyNDgzNDcxOTI1MjQ4.very-secret"

static unsigned passed, failed;

static void check(int good, const char *what, const char *file, int line) {
    if (good) { passed++; return; }
    failed++;
    printf("%s:%d: %s\n", file, line, what);
}

/* A failure with the expected status, and a sentence about it. */
static void check_fails(sg_status got, sg_status expected, const char *what, const char *file, int line) {
    const char *text = sg_last_error();
    int good = got == expected && text && *text && strcmp(text, "no error") != 0 && !strstr(text, "secret");
    if (good) { passed++; return; }
    failed++;
    printf("%s:%d: %s: got %s, expected %s, last error \"%s\"\n", file, line, what, sg_status_name((uint32_t)got),
           sg_status_name((uint32_t)expected), text ? text : "(null)");
}

#define CHECK(condition) check(condition, #condition, __FILE__, __LINE__)
#define WORKS(call) check((call) == SG_OK, #call, __FILE__, __LINE__)
#define FAILS(call, status) check_fails(call, status, #call, __FILE__, __LINE__)
#define REFUSES(call) FAILS(call, SG_ERROR_INVALID_ARGUMENT)

static int finish(void) {
    (void)check_fails; /* not every test needs it */
    printf("%u passed, %u failed\n", passed, failed);
    return failed ? 1 : 0;
}

#endif

/* sg_event_*: fields of an event's JSON, on events made by hand. */
#define _GNU_SOURCE
#include <math.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "check.h"

static const char MESSAGE[] =
    "{\"type\":0,\"pinned\":false,\"tts\":true,\"nonce\":null,\"id\":\"1287364519283645123\",\"ratio\":-12.5e1,"
    "\"content\":\"caf\\u00e9 \\ud83d\\ude00 \\\"quoted\\\" a\\/b\\n\",\"lone\":\"\\ud83d!\",\"max\":18446744073709551615,"
    "\"over\":18446744073709551616,\"overs\":\"18446744073709551616\",\"minus\":-1,\"exp\":1e3,\"empty\":\"\","
    "\"a/b\":1,\"m~n\":2,\"\":3,\"\\u0065scaped\":4,\"embeds\":[ {\"title\" : \"first\"} , {\"title\":\"second\"}],"
    "\"author\":{\"username\":\"ada\",\"id\":\"81384788765712384\",\"bot\":true},\"deep\":[[[[42]]]],\"utf8\":\"日本\"}";

static sg_event event_of(const char *json) {
    sg_event event;
    memset(&event, 0, sizeof event);
    event.struct_size = sizeof event;
    event.kind = SG_EVENT_DISPATCH;
    event.type = SG_DISPATCH_MESSAGE_CREATE;
    event.name = "MESSAGE_CREATE";
    event.name_length = strlen(event.name);
    event.data = json;
    event.data_length = strlen(json);
    return event;
}

static int text_is(const sg_event *event, const char *pointer, const char *expected) {
    char buffer[128];
    size_t length = sizeof buffer;
    return sg_event_string(event, pointer, buffer, &length) == SG_OK && length == strlen(expected) &&
           strcmp(buffer, expected) == 0;
}

static void strings(void) {
    sg_event event = event_of(MESSAGE);
    char buffer[16] = "untouched";
    size_t length = sizeof buffer;
    CHECK(text_is(&event, "/author/username", "ada"));
    CHECK(text_is(&event, "/id", "1287364519283645123"));
    CHECK(text_is(&event, "/content", "caf\xc3\xa9 \xf0\x9f\x98\x80 \"quoted\" a/b\n"));
    CHECK(text_is(&event, "/lone", "\xef\xbf\xbd!"));
    CHECK(text_is(&event, "/utf8", "\xe6\x97\xa5\xe6\x9c\xac"));
    CHECK(text_is(&event, "/empty", ""));
    CHECK(text_is(&event, "/embeds/0/title", "first"));
    CHECK(text_is(&event, "/embeds/1/title", "second"));
    FAILS(sg_event_string(&event, "/pinned", buffer, &length), SG_ERROR_NOT_FOUND);
    FAILS(sg_event_string(&event, "/type", buffer, &length), SG_ERROR_NOT_FOUND);
    FAILS(sg_event_string(&event, "/author", buffer, &length), SG_ERROR_NOT_FOUND);
    FAILS(sg_event_string(&event, "/nonce", buffer, &length), SG_ERROR_NOT_FOUND);
    FAILS(sg_event_string(&event, "/none", buffer, &length), SG_ERROR_NOT_FOUND);
    FAILS(sg_event_string(&event, "/author/none", buffer, &length), SG_ERROR_NOT_FOUND);
    FAILS(sg_event_string(&event, "/embeds/2/title", buffer, &length), SG_ERROR_NOT_FOUND);
    CHECK(length == sizeof buffer && strcmp(buffer, "untouched") == 0);
}

static void buffers(void) {
    sg_event event = event_of(MESSAGE);
    char buffer[8] = "before";
    size_t length = 3; /* "ada" without room for its NUL */
    FAILS(sg_event_string(&event, "/author/username", buffer, &length), SG_ERROR_BUFFER_TOO_SMALL);
    CHECK(length == 3 && strcmp(buffer, "before") == 0);
    length = 0;
    FAILS(sg_event_string(&event, "/author/username", NULL, &length), SG_ERROR_BUFFER_TOO_SMALL);
    CHECK(length == 3);
    length = 4;
    WORKS(sg_event_string(&event, "/author/username", buffer, &length));
    CHECK(length == 3 && strcmp(buffer, "ada") == 0);
    length = 4;
    REFUSES(sg_event_string(&event, "/author/username", NULL, &length));
    CHECK(length == 4);
    length = 0;
    FAILS(sg_event_string(&event, "/empty", buffer, &length), SG_ERROR_BUFFER_TOO_SMALL);
    CHECK(length == 0);
}

static void numbers(void) {
    sg_event event = event_of(MESSAGE);
    uint64_t number = 7;
    double real = 7;
    bool flag = true;
    WORKS(sg_event_uint64(&event, "/author/id", &number));
    CHECK(number == UINT64_C(81384788765712384));
    WORKS(sg_event_uint64(&event, "/type", &number));
    CHECK(number == 0);
    WORKS(sg_event_uint64(&event, "/max", &number));
    CHECK(number == UINT64_MAX);
    WORKS(sg_event_uint64(&event, "/deep/0/0/0/0", &number));
    CHECK(number == 42);
    number = 7;
    FAILS(sg_event_uint64(&event, "/over", &number), SG_ERROR_NOT_FOUND);
    FAILS(sg_event_uint64(&event, "/overs", &number), SG_ERROR_NOT_FOUND);
    FAILS(sg_event_uint64(&event, "/minus", &number), SG_ERROR_NOT_FOUND);
    FAILS(sg_event_uint64(&event, "/exp", &number), SG_ERROR_NOT_FOUND);
    FAILS(sg_event_uint64(&event, "/ratio", &number), SG_ERROR_NOT_FOUND);
    FAILS(sg_event_uint64(&event, "/empty", &number), SG_ERROR_NOT_FOUND);
    FAILS(sg_event_uint64(&event, "/content", &number), SG_ERROR_NOT_FOUND);
    FAILS(sg_event_uint64(&event, "/author", &number), SG_ERROR_NOT_FOUND);
    FAILS(sg_event_uint64(&event, "/pinned", &number), SG_ERROR_NOT_FOUND);
    FAILS(sg_event_uint64(&event, "/nonce", &number), SG_ERROR_NOT_FOUND);
    CHECK(number == 7);

    WORKS(sg_event_double(&event, "/ratio", &real));
    CHECK(fabs(real + 125) < 1e-12);
    WORKS(sg_event_double(&event, "/minus", &real));
    CHECK(fabs(real + 1) < 1e-12);
    WORKS(sg_event_double(&event, "/exp", &real));
    CHECK(fabs(real - 1000) < 1e-12);
    real = 7;
    FAILS(sg_event_double(&event, "/id", &real), SG_ERROR_NOT_FOUND);
    FAILS(sg_event_double(&event, "/tts", &real), SG_ERROR_NOT_FOUND);
    FAILS(sg_event_double(&event, "/nonce", &real), SG_ERROR_NOT_FOUND);
    CHECK(fabs(real - 7) < 1e-12);

    WORKS(sg_event_bool(&event, "/pinned", &flag));
    CHECK(!flag);
    WORKS(sg_event_bool(&event, "/author/bot", &flag));
    CHECK(flag);
    FAILS(sg_event_bool(&event, "/type", &flag), SG_ERROR_NOT_FOUND);
    FAILS(sg_event_bool(&event, "/empty", &flag), SG_ERROR_NOT_FOUND);
    FAILS(sg_event_bool(&event, "/nonce", &flag), SG_ERROR_NOT_FOUND);
    CHECK(flag);
}

static int slice_is(const sg_event *event, const char *pointer, const char *expected) {
    const char *start = NULL;
    size_t length = 0;
    return sg_event_json(event, pointer, &start, &length) == SG_OK && length == strlen(expected) &&
           memcmp(start, expected, length) == 0 && start >= event->data &&
           start + length <= event->data + event->data_length;
}

static void slices(void) {
    sg_event event = event_of(MESSAGE);
    sg_event spaced = event_of(" \n[ 1 , {\"a\" : [ ] } ]\t ");
    const char *start = MESSAGE;
    size_t length = 5;
    CHECK(slice_is(&event, "", MESSAGE));
    CHECK(slice_is(&event, "/nonce", "null"));
    CHECK(slice_is(&event, "/embeds/0", "{\"title\" : \"first\"}"));
    CHECK(slice_is(&event, "/author/username", "\"ada\""));
    CHECK(slice_is(&event, "/a~1b", "1"));
    CHECK(slice_is(&event, "/m~0n", "2"));
    CHECK(slice_is(&event, "/", "3"));
    CHECK(slice_is(&event, "/escaped", "4"));
    CHECK(slice_is(&spaced, "", "[ 1 , {\"a\" : [ ] } ]"));
    CHECK(slice_is(&spaced, "/0", "1"));
    CHECK(slice_is(&spaced, "/1/a", "[ ]"));
    FAILS(sg_event_json(&event, "/none", &start, &length), SG_ERROR_NOT_FOUND);
    FAILS(sg_event_json(&spaced, "/-", &start, &length), SG_ERROR_NOT_FOUND);
    FAILS(sg_event_json(&spaced, "/00", &start, &length), SG_ERROR_NOT_FOUND);
    FAILS(sg_event_json(&spaced, "/99999999999999999999", &start, &length), SG_ERROR_NOT_FOUND);
    FAILS(sg_event_json(&event, "/type/0", &start, &length), SG_ERROR_NOT_FOUND);
    CHECK(start == MESSAGE && length == 5);
}

static void bad_pointers(void) {
    sg_event event = event_of(MESSAGE);
    const char *start;
    size_t length;
    REFUSES(sg_event_json(&event, "author", &start, &length));
    REFUSES(sg_event_json(&event, "/a~", &start, &length));
    REFUSES(sg_event_json(&event, "/a~2", &start, &length));
    REFUSES(sg_event_json(&event, "/\xff", &start, &length));
}

static void null_arguments(void) {
    sg_event event = event_of(MESSAGE);
    char buffer[8];
    size_t length = sizeof buffer;
    uint64_t number;
    double real;
    bool flag;
    const char *start;
    REFUSES(sg_event_string(NULL, "/id", buffer, &length));
    REFUSES(sg_event_string(&event, NULL, buffer, &length));
    REFUSES(sg_event_string(&event, "/id", buffer, NULL));
    REFUSES(sg_event_uint64(NULL, "/id", &number));
    REFUSES(sg_event_uint64(&event, NULL, &number));
    REFUSES(sg_event_uint64(&event, "/id", NULL));
    REFUSES(sg_event_double(NULL, "/id", &real));
    REFUSES(sg_event_double(&event, NULL, &real));
    REFUSES(sg_event_double(&event, "/ratio", NULL));
    REFUSES(sg_event_bool(NULL, "/id", &flag));
    REFUSES(sg_event_bool(&event, NULL, &flag));
    REFUSES(sg_event_bool(&event, "/pinned", NULL));
    REFUSES(sg_event_json(NULL, "/id", &start, &length));
    REFUSES(sg_event_json(&event, NULL, &start, &length));
    REFUSES(sg_event_json(&event, "/id", NULL, &length));
    REFUSES(sg_event_json(&event, "/id", &start, NULL));
    event.struct_size = 0;
    REFUSES(sg_event_json(&event, "/id", &start, &length));
    event.struct_size = 8;
    REFUSES(sg_event_uint64(&event, "/id", &number));
}

static void bad_data(void) {
    static const char *const cut[] = {"{\"a\":", "{\"a\"", "{", "{\"a\":{", "{\"a\":{\"c\":[1,{\"d\":\"}"};
    static const char *const broken[] = {"{\"a\":{\"c\":1,}}", "{\"a\" 1}", "[1,", "tru", "{\"b\":\"\\x\"}", "nul", "}", ","};
    sg_event event;
    const char *start = MESSAGE;
    size_t length = 3, i;
    for (i = 0; i < sizeof cut / sizeof *cut; i++) {
        event = event_of(cut[i]);
        FAILS(sg_event_json(&event, "/a/b", &start, &length), SG_ERROR_PROTOCOL);
    }
    for (i = 0; i < sizeof broken / sizeof *broken; i++) {
        event = event_of(broken[i]);
        CHECK(sg_event_json(&event, "/a/b", &start, &length) != SG_OK);
    }
    event = event_of("");
    FAILS(sg_event_json(&event, "/a", &start, &length), SG_ERROR_NOT_FOUND);
    event.data = NULL;
    FAILS(sg_event_json(&event, "", &start, &length), SG_ERROR_NOT_FOUND);
    event.data_length = 5;
    CHECK(sg_event_json(&event, "", &start, &length) != SG_OK); /* a length without data */
    CHECK(start == MESSAGE && length == 3);
}

/* Deep nesting ends in an answer, not in an overflow of the stack. */
static void depth(void) {
    enum { DEPTH = 500000 };
    char *deep = malloc(2 * DEPTH + 1);
    sg_event event;
    const char *start = NULL;
    size_t length = 0;
    CHECK(deep != NULL);
    if (!deep) return;
    memset(deep, '[', DEPTH);
    deep[DEPTH] = 0;
    event = event_of(deep);
    CHECK(sg_event_json(&event, "/0", &start, &length) != SG_OK);
    memset(deep + DEPTH, ']', DEPTH);
    deep[2 * DEPTH] = 0;
    event = event_of(deep);
    CHECK(sg_event_json(&event, "/1", &start, &length) != SG_OK);
    free(deep);
}

/* Only data_length bytes belong to the event: they end here where the next byte cannot be read. */
static void bounds(void) {
    static const char *const texts[] = {"[1,234]", "{\"a\":12", "[1,\"x\\", "[1,\"x\\u12", "[1,tru", "[1,-", "[1,\"\xf0\x9f"};
    size_t page = (size_t)sysconf(_SC_PAGESIZE), i;
    char *memory = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char text[16];
    sg_event event = event_of("");
    uint64_t number = 0;
    double real = 0;
    bool flag = false;
    const char *start = NULL;
    CHECK(memory != MAP_FAILED && mprotect(memory + page, page, PROT_NONE) == 0);
    for (i = 0; i < sizeof texts / sizeof *texts; i++) {
        size_t n = strlen(texts[i]), length = sizeof text, slice = 0;
        event.data = memcpy(memory + page - n, texts[i], n);
        event.data_length = n;
        CHECK((sg_event_uint64(&event, "/1", &number) == SG_OK) == (i == 0));
        CHECK(sg_event_string(&event, "/1", text, &length) != SG_OK);
        CHECK((sg_event_double(&event, "/1", &real) == SG_OK) == (i == 0));
        CHECK(sg_event_bool(&event, "/1", &flag) != SG_OK);
        CHECK((sg_event_json(&event, "/1", &start, &slice) == SG_OK) == (i == 0));
        CHECK(sg_event_json(&event, "/2", &start, &slice) != SG_OK);
    }
    CHECK(number == 234);
    munmap(memory, 2 * page);
}

int main(void) {
    strings();
    buffers();
    numbers();
    slices();
    bad_pointers();
    null_arguments();
    bad_data();
    depth();
    bounds();
    return finish();
}

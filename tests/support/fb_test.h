/* fb_test.h - CMocka and what must precede it, and the few helpers every test file shares. */
#ifndef FB_TEST_H
#define FB_TEST_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"

/* ctest's word for "skipped" (SKIP_RETURN_CODE). */
enum { FB_TEST_SKIPPED = 77 };

/* The folder of shared material beside a checkout, or NULL where it is absent: such tests say so
 * and skip. FB_SHARED overrides the place. */
static inline const char *fb_test_shared(void)
{
    const char *path = getenv("FB_SHARED");

    if (!path || !*path)
        path = "../shared";
    return access(path, R_OK) == 0 ? path : NULL;
}

/* CMocka set-up and tear-down that hand each test a fresh arena as *state. */
static inline int fb_test_arena_new(void **state)
{
    *state = fb_arena_new(64u << 20);
    return *state ? 0 : -1;
}

static inline int fb_test_arena_free(void **state)
{
    fb_arena_free(*state);
    return 0;
}

/* Skips the running test, and says why where nobody can miss it: on stderr, and in the list that
 * the test command prints at its end (FB_SKIP_LOG). */
#define FB_SKIP(why)                                                                               \
    do {                                                                                           \
        fb_test_tell_skip(__func__, (why));                                                        \
        skip();                                                                                    \
    } while (0)

static inline void fb_test_tell_skip(const char *test, const char *why)
{
    const char *log = getenv("FB_SKIP_LOG");
    FILE *f = log ? fopen(log, "ae") : NULL;

    (void)fprintf(stderr, "SKIPPED %s: %s\n", test, why);
    if (f) {
        (void)fprintf(f, "%s: %s\n", test, why);
        (void)fclose(f);
    }
}

#define FB_TEST(fn) cmocka_unit_test_setup_teardown(fn, fb_test_arena_new, fb_test_arena_free)

#endif

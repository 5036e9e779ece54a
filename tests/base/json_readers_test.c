/* json_readers_test.c - yyjson and jansson behind json.h read every text alike: the same values,
 * the same odd things, the same refusals. */
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "support/fb_test.h"

enum fb_status second_json_parse(struct fb_arena *a, const char *bytes, size_t len, unsigned *odd,
                                 const struct fb_json **out, struct fb_err *err);
const char *second_json_dump(struct fb_arena *a, const struct fb_json *v, size_t bytes_max);
const struct fb_json *second_json_get(const struct fb_json *object, const char *key);
const struct fb_json *second_json_get_fold(const struct fb_json *object, const char *key);
bool second_json_int(const struct fb_json *v, int64_t *out);
bool second_json_next(const struct fb_json *object, void **iter, const char **key,
                      const struct fb_json **value);

enum { DUMP_MAX = 64 << 20 };

/* Both read it, and a dump of what they read is the same; or both refuse it. */
static void check(struct fb_arena *a, const char *text, size_t len)
{
    const struct fb_json *one, *two;
    unsigned odd_one = 0, odd_two = 0;
    char *exact = malloc(len ? len : 1);
    enum fb_status st_one, st_two;

    assert_non_null(exact);
    memcpy(exact, text, len);
    st_one = fb_json_parse(a, exact, len, &odd_one, &one, NULL);
    st_two = second_json_parse(a, exact, len, &odd_two, &two, NULL);
    free(exact);
    if (st_one != st_two || odd_one != odd_two)
        fail_msg("%.*s: %s, odd %u and %s, odd %u", (int)len, text, fb_status_name(st_one), odd_one,
                 fb_status_name(st_two), odd_two);
    if (st_one != FB_OK)
        return;
    if (strcmp(fb_json_dump(a, one, DUMP_MAX), second_json_dump(a, two, DUMP_MAX)) != 0)
        fail_msg("%.*s\n%s\n%s", (int)len, text, fb_json_dump(a, one, DUMP_MAX),
                 second_json_dump(a, two, DUMP_MAX));
    if (fb_json_kind(one) == FB_JSON_OBJECT) { /* what a walk meets is what asking for it gives */
        const struct fb_json *value;
        void *iter = NULL;
        const char *key;

        while (fb_json_next(one, &iter, &key, &value))
            assert_ptr_equal(fb_json_get(one, key), value);
        iter = NULL;
        while (second_json_next(two, &iter, &key, &value))
            assert_non_null(fb_json_get(one, key));
    }
}

static const char *const TEXTS[] = {
    "",
    " ",
    "{}",
    "[]",
    "\"\"",
    "0",
    "-0",
    "-0.0",
    "01",
    "1.",
    ".5",
    "1e5",
    "1E+5",
    "1e-5",
    "0e0",
    "-",
    "+1",
    "0x10",
    "NaN",
    "-Infinity",
    "nul",
    "true false",
    "{\"a\":1,\"b\":2,\"a\":3}",
    "{\"a\":{\"x\":1},\"b\":2,\"a\":{\"y\":[1,{\"z\":1,\"z\":2}]},\"a\":null}",
    "[{\"k\":1,\"k\":{\"k\":1,\"k\":2}},{\"k\":1}]",
    "{\"a\":1,\"\\u0061\":2}",
    "{\"\":1,\"\":2}",
    "{\"a\\u0000b\":1,\"a\\u0000b\":2,\"a\":3}",
    "{\"a\\u0000\":1,\"a\\ufffd\":2}",
    "[9223372036854775807,9223372036854775808,-9223372036854775808,-9223372036854775809]",
    "[18446744073709551615,18446744073709551616,1e308,1e309,-1e309,5e-324,1e-999]",
    "[5e-324,2.2250738585072014e-308,1e-310,1e999]",
    "[0.1000000000000000000000000000000000000000000000000000000000000000000000000001,1e999]",
    "[1234567890123456789012345678901234567890123456789012345678901234567890123456.5]",
    "[0.1,0.2,0.30000000000000004,1e21,123456789.123456789,4.35,1.7976931348623157e308]",
    "\"\\ud800\"",
    "\"\\udc00\\ud800\"",
    "\"\\ud83d\\ude00\"",
    "\"\\ud83d\\ud83d\\ude00\"",
    "\"\\uD83D\\u\"",
    "\"\\u0000\"",
    "\"\\\\u0000\"",
    "\"\\u00000\"",
    "\"\\/\\b\\f\\n\\r\\t\\\"\\\\\"",
    "\"\\x\"",
    "\"\\u12\"",
    "\"a\nb\"",
    "\"\x7f\x01\"",
    "\"\x7f\"",
    "\"\xff\"",
    "\"\xc0\x80\"",
    "\"\xed\xa0\x80\"",
    "\"\xf4\x90\x80\x80\"",
    "\"\xf4\x8f\xbf\xbf\xef\xbf\xbf\xee\x80\x80\"",
    "\xEF\xBB\xBF{}",
    "{} {}",
    "[1,]",
    "{\"a\":1,}",
    "{,}",
    "[}",
    "{\"a\" 1}",
    "{1:1}",
    " \t\r\n{\"a\" : [ 1 , 2 ] } \n",
    "\v1",
    "{\"eventName\":\"RunInstances\",\"request\":{\"items\":[{\"minCount\":1}]}}",
};

static void known_texts_read_alike(void **state)
{
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++)
        check(*state, TEXTS[i], strlen(TEXTS[i]));
    check(*state, "{}\0", 3);
    check(*state, "\"a\0b\"", 5);
    check(*state, "{\"a\0\":1}", 8);
}

static uint32_t roll(uint64_t *x, uint32_t n)
{
    *x = *x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*x >> 33) % n;
}

/* One change: a byte, a piece left out, doubled or moved, or a morsel that parsers like to choke
 * on. */
static size_t mutate(uint64_t *x, char *text, size_t len, size_t cap)
{
    static const char *const morsels[] = {
        "\\u0000", "\\ud800",  "\\udc00",   "1e999",    "9223372036854775808",
        "-1e-999", "\"a\":1,", "\"a\":{},", "[[[[[[[[", "]]]]",
        "\xff",    "\xc3\xa9", "\\",        "\"",       "{",
        "}",       ",",        ":",         "null",     "0.0",
        "-",       "\n",       "\x01",      "{\"k\":"};
    size_t at = len ? roll(x, (uint32_t)len + 1) : 0, n, to;
    const char *m;

    switch (roll(x, 5)) {
    case 0:
        if (at < len)
            text[at] = (char)roll(x, 256);
        return len;
    case 1:
        n = roll(x, 20);
        n = n < len - at ? n : len - at;
        memmove(text + at, text + at + n, len - at - n);
        return len - n;
    case 2: /* a piece of it, once more */
        n = roll(x, 40);
        n = n < len - at ? n : len - at;
        to = len ? roll(x, (uint32_t)len + 1) : 0;
        if (len + n > cap)
            return len;
        {
            char piece[40];

            memcpy(piece, text + at, n);
            memmove(text + to + n, text + to, len - to);
            memcpy(text + to, piece, n);
        }
        return len + n;
    default:
        m = morsels[roll(x, sizeof morsels / sizeof *morsels)];
        n = strlen(m);
        if (len + n > cap)
            return len;
        memmove(text + at + n, text + at, len - at);
        memcpy(text + at, m, n);
        return len + n;
    }
}

static void texts_changed_at_random_read_alike(void **state)
{
    char text[4096];

    for (uint64_t seed = 1; seed <= 20000; seed++) {
        uint64_t x = seed * 2654435761u;
        const char *from = TEXTS[roll(&x, sizeof TEXTS / sizeof *TEXTS)];
        size_t len = strlen(from);

        memcpy(text, from, len);
        for (uint32_t i = roll(&x, 6); i-- > 0;)
            len = mutate(&x, text, len, sizeof text);
        fb_arena_reset(*state);
        check(*state, text, len);
    }
}

/* `n` members, of which the last is the first one again when twin is set. */
static void many(struct fb_arena *a, struct fb_buf *b, unsigned n, bool twin)
{
    fb_buf_init_in(b, a, 16u << 20);
    fb_buf_addc(b, '{');
    for (unsigned i = 0; i < n; i++)
        fb_buf_fmt(b, "\"key-%u\":{\"n\":%u},", i, i);
    fb_buf_fmt(b, "\"key-%u\":[]}", twin ? 0 : n);
}

static void a_key_that_stands_twice_is_found_among_any_number(void **state)
{
    static const unsigned counts[] = {1, 2, 15, 16, 62, 63, 64, 65, 66, 1000, 30000};

    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        for (int twin = 0; twin < 2; twin++) {
            const struct fb_json *v;
            struct fb_buf b;
            unsigned odd = 0;

            fb_arena_reset(*state);
            many(*state, &b, counts[i], twin);
            check(*state, b.at, b.len);
            assert_int_equal(fb_json_parse(*state, b.at, b.len, &odd, &v, NULL), FB_OK);
            assert_int_equal(odd, twin ? FB_ODD_DUPLICATE_KEY : 0);
            assert_int_equal(fb_json_kind(fb_json_get(v, "key-0")),
                             twin ? FB_JSON_ARRAY : FB_JSON_OBJECT);
        }
    }
}

static void depth_reads_alike_around_the_ceiling(void **state)
{
    for (size_t depth = 60; depth <= 70; depth++) {
        for (int kind = 0; kind < 4; kind++) {
            struct fb_buf b;

            fb_arena_reset(*state);
            fb_buf_init_in(&b, *state, 1u << 20);
            for (size_t i = 0; i < depth; i++)
                fb_buf_add(&b, (i + (size_t)kind) % 2 ? "[1,[]," : "{\"a\":{},\"k\":");
            fb_buf_add(&b, kind < 2 ? "[]" : "{\"x\":1,\"x\":2}");
            for (size_t i = depth; i-- > 0;)
                fb_buf_add(&b, (i + (size_t)kind) % 2 ? "]" : "}");
            check(*state, b.at, b.len);
        }
    }
}

/* Every record of the public data sets, as it is and cut. */
static void real_logs_read_alike(void **state)
{
    static const char *const names[] = {"aws_stratus.ndjson", "aws_benign.ndjson",
                                        "gcp_mixed.ndjson", "notices.ndjson", "envelopes.ndjson"};
    size_t lines = 0;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[512], *line = NULL;
        size_t cap = 0;
        ssize_t n;
        FILE *f;

        (void)snprintf(path, sizeof path, "%s/datasets/%s",
                       fb_test_shared() ? fb_test_shared() : "", names[i]);
        f = fopen(path, "re");
        if (!f)
            continue;
        while ((n = getline(&line, &cap, f)) > 0 && lines < 20000) {
            fb_arena_reset(*state);
            check(*state, line, (size_t)n);
            if (lines % 10 == 0)
                check(*state, line, (size_t)n * 2 / 3);
            lines++;
        }
        free(line);
        (void)fclose(f);
    }
    if (lines == 0)
        FB_SKIP("the public data sets are not here");
}

static void a_capital_first_letter_counts_where_the_small_one_is_not(void **state)
{
    static const struct {
        const char *text, *key;
        int64_t n;
    } cases[] = {{"{\"name\":1,\"Name\":2}", "name", 1},
                 {"{\"Name\":2,\"name\":1}", "name", 1},
                 {"{\"Name\":2,\"NAME\":3}", "name", 2},
                 {"{\"Name\":2}", "Name", 2},
                 {"{\"name\":1}", "Name", 0},
                 {"{\"names\":1,\"nam\":1}", "name", 0},
                 {"{\"1a\":4}", "1a", 4},
                 {"{\"Q1a\":4}", "1a", 0},
                 {"{\"N\":5}", "n", 5},
                 {"{\"\":6,\"A\":7}", "", 6},
                 {"[1]", "name", 0},
                 {"{}", "name", 0}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct fb_json *one, *two;
        size_t len = strlen(cases[i].text);
        int64_t n = 0, m = 0;

        assert_int_equal(fb_json_parse(*state, cases[i].text, len, NULL, &one, NULL), FB_OK);
        assert_int_equal(second_json_parse(*state, cases[i].text, len, NULL, &two, NULL), FB_OK);
        (void)fb_json_int(fb_json_get_fold(one, cases[i].key), &n);
        (void)second_json_int(second_json_get_fold(two, cases[i].key), &m);
        assert_int_equal(n, cases[i].n);
        assert_int_equal(m, cases[i].n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(known_texts_read_alike),
        FB_TEST(texts_changed_at_random_read_alike),
        FB_TEST(a_key_that_stands_twice_is_found_among_any_number),
        FB_TEST(depth_reads_alike_around_the_ceiling),
        FB_TEST(real_logs_read_alike),
        FB_TEST(a_capital_first_letter_counts_where_the_small_one_is_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* json_test.c - the one reader interface: what it reads, tames, refuses, and gives for the absent.
 */
#include "base/json.h"

#include <math.h>

#include "base/buf.h"
#include "support/fb_test.h"

static const struct fb_json *parse_odd(struct fb_arena *a, const char *text, unsigned *odd)
{
    const struct fb_json *v = NULL;
    struct fb_err err = {0};
    size_t len = strlen(text);
    char *exact = malloc(len ? len : 1); /* no NUL behind: ASan sees a read beyond */

    assert_non_null(exact);
    memcpy(exact, text, len);
    if (fb_json_parse(a, exact, len, odd, &v, &err) != FB_OK)
        fail_msg("%s: %s", text, err.text);
    free(exact);
    return v;
}

static const struct fb_json *parse(struct fb_arena *a, const char *text)
{
    unsigned odd = 0;
    const struct fb_json *v = parse_odd(a, text, &odd);

    assert_int_equal(odd, 0);
    return v;
}

static void check_refused(struct fb_arena *a, const char *text, size_t len)
{
    const struct fb_json *v = (const struct fb_json *)(const void *)text;
    struct fb_err err = {0};
    char *exact = malloc(len ? len : 1);
    enum fb_status st;

    assert_non_null(exact);
    memcpy(exact, text, len);
    st = fb_json_parse(a, exact, len, NULL, &v, &err);
    free(exact);
    if (st != FB_EINPUT)
        fail_msg("%s: %s", text, fb_status_name(st));
    assert_null(v);
    assert_int_equal(err.code, FB_EINPUT);
    assert_true(*err.text != '\0');
    for (const char *p = err.text; *p; p++)
        assert_true((unsigned char)*p >= 0x20 && (unsigned char)*p < 0x7F); /* it may quote input */
}

static void any_value_may_stand_at_the_top(void **state)
{
    assert_int_equal(fb_json_kind(parse(*state, " {} ")), FB_JSON_OBJECT);
    assert_int_equal(fb_json_kind(parse(*state, "[]\n")), FB_JSON_ARRAY);
    assert_int_equal(fb_json_kind(parse(*state, "\"\"")), FB_JSON_STR);
    assert_int_equal(fb_json_kind(parse(*state, "-0")), FB_JSON_INT);
    assert_int_equal(fb_json_kind(parse(*state, "1.0")), FB_JSON_REAL);
    assert_int_equal(fb_json_kind(parse(*state, "1e2")), FB_JSON_REAL);
    assert_int_equal(fb_json_kind(parse(*state, "false")), FB_JSON_BOOL);
    assert_int_equal(fb_json_kind(parse(*state, "null")), FB_JSON_NULL);
    assert_int_equal(fb_json_kind(NULL), FB_JSON_ABSENT);
}

static void what_is_not_json_is_refused_in_one_clean_line(void **state)
{
    static const char *const texts[] = {"",
                                        " ",
                                        "{",
                                        "{\"a\":",
                                        "{\"a\":1",
                                        "[1,",
                                        "[1,]",
                                        "{\"a\":1,}",
                                        "{,}",
                                        "{} {}",
                                        "[1 2]",
                                        "nul",
                                        "TRUE",
                                        "NaN",
                                        "Infinity",
                                        "01",
                                        "-",
                                        "1.",
                                        ".5",
                                        "1e",
                                        "+1",
                                        "0x10",
                                        "'a'",
                                        "{a:1}",
                                        "{1:1}",
                                        "\"",
                                        "\"\\\"",
                                        "\"\\x\"",
                                        "\"\\u12\"",
                                        "\"\\u12G4\"",
                                        "\"a\nb\"",
                                        "\"a\x01\"",
                                        "[}",
                                        "{]",
                                        "]",
                                        "// c\n1",
                                        "\x1b[31m",
                                        "\"\t\"",
                                        "{\"a\" 1}",
                                        "{\"a\":1 \"b\":2}",
                                        "--1",
                                        "1.2.3",
                                        "\xEF\xBB\xBF{}"};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        check_refused(*state, texts[i], strlen(texts[i]));
    check_refused(*state, "{}\0", 3);
    check_refused(*state, "{\"a\0\":1}", 8);
}

static void invalid_utf8_is_refused(void **state)
{
    static const char *const texts[] = {
        "\"\xff\"",         "\"\x80\"",     "\"\xc0\x80\"",         "\"\xc1\xbf\"",
        "\"\xe0\x80\x80\"", "\"\xc3\"",     "\"\xed\xa0\x80\"",     "\"\xf0\x80\x80\x80\"",
        "\"\xe2\x82\"",     "{\"\xfe\":1}", "\"\xf4\x90\x80\x80\"", "\"\xf8\x88\x80\x80\x80\""};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        check_refused(*state, texts[i], strlen(texts[i]));
    assert_string_equal(fb_json_str(parse(*state, "\"\xf4\x8f\xbf\xbf\xee\x80\x80\"")),
                        "\xf4\x8f\xbf\xbf\xee\x80\x80");
}

static void an_error_names_the_byte(void **state)
{
    const struct fb_json *v;
    struct fb_err err = {0};

    assert_int_equal(fb_json_parse(*state, "{\"a\":1,\"b\":x}", 13, NULL, &v, &err), FB_EINPUT);
    assert_non_null(strstr(err.text, "at byte 12")); /* just behind the x, the twelfth byte */
}

static void of_two_equal_keys_the_last_counts_and_it_is_told(void **state)
{
    unsigned odd = 0;
    const struct fb_json *v = parse_odd(*state, "{\"a\":1,\"b\":2,\"a\":3}", &odd);
    int64_t n;

    assert_int_equal(odd, FB_ODD_DUPLICATE_KEY);
    assert_true(fb_json_int(fb_json_get(v, "a"), &n));
    assert_int_equal(n, 3);
    v = parse_odd(*state, "[{\"k\":{\"x\":1,\"x\":{}}}]", &odd);
    assert_int_equal(odd, FB_ODD_DUPLICATE_KEY);
    assert_int_equal(fb_json_kind(fb_json_path(fb_json_at(v, 0), "k.x")), FB_JSON_OBJECT);
    (void)parse_odd(*state, "{\"a\":1,\"\\u0061\":2}", &odd); /* the same key, written otherwise */
    assert_int_equal(odd, FB_ODD_DUPLICATE_KEY);
    (void)parse(*state, "{\"a\":{\"a\":{\"a\":1}},\"A\":1}");
}

static void numbers_out_of_range_are_clamped_and_told(void **state)
{
    static const char *const high[] = {
        "9223372036854775808", "18446744073709551616", "1e999", "1E+400",
        /* 70 digits */
        "1234567890123456789012345678901234567890123456789012345678901234567890"};
    static const char *const low[] = {"-9223372036854775809", "-1e999", "-1.5e99999"};
    unsigned odd;

    for (size_t i = 0; i < sizeof high / sizeof *high; i++) {
        odd = 0;
        assert_true(fb_json_num(parse_odd(*state, high[i], &odd), 0) >= 9.2e18);
        assert_int_equal(odd, FB_ODD_BIG_NUMBER);
    }
    for (size_t i = 0; i < sizeof low / sizeof *low; i++) {
        double v;

        odd = 0;
        v = fb_json_num(parse_odd(*state, low[i], &odd), 0);
        assert_true(v <= -9.2e18 && isfinite(v));
        assert_int_equal(odd, FB_ODD_BIG_NUMBER);
    }
}

static void the_largest_whole_numbers_are_exact(void **state)
{
    int64_t n = 0;

    assert_true(fb_json_int(parse(*state, "9223372036854775807"), &n));
    assert_true(n == INT64_MAX);
    assert_true(fb_json_int(parse(*state, "-9223372036854775808"), &n));
    assert_true(n == INT64_MIN);
    assert_true(fb_json_num(parse(*state, "1.7976931348623157e308"), 0) > 1e308);
    assert_true(fb_json_num(parse(*state, "5e-324"), 1) < 1e-300);
}

static void nul_and_lone_surrogates_read_as_replacement_and_are_told(void **state)
{
    static const struct {
        const char *text, *reads;
        unsigned odd;
    } cases[] = {
        {"\"a\\u0000b\"",
         "a\xef\xbf\xbd"
         "b",
         FB_ODD_NUL},
        {"\"\\u0000\"", "\xef\xbf\xbd", FB_ODD_NUL},
        {"\"\\\\u0000\"", "\\u0000", 0}, /* an escaped backslash, not an escaped NUL */
        {"\"\\ud800\"", "\xef\xbf\xbd", FB_ODD_SURROGATE},
        {"\"\\udc00\"", "\xef\xbf\xbd", FB_ODD_SURROGATE},
        {"\"\\ud800x\"", "\xef\xbf\xbdx", FB_ODD_SURROGATE},
        {"\"\\ud83d\\ud83d\\ude00\"", "\xef\xbf\xbd\xf0\x9f\x98\x80", FB_ODD_SURROGATE},
        {"\"\\ud83d\\u0041\"",
         "\xef\xbf\xbd"
         "A",
         FB_ODD_SURROGATE},
        {"\"\\ude00\\ud83d\"", "\xef\xbf\xbd\xef\xbf\xbd", FB_ODD_SURROGATE},
        {"\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80", 0},
        {"\"\\uD800\\u0000\"", "\xef\xbf\xbd\xef\xbf\xbd", FB_ODD_NUL | FB_ODD_SURROGATE},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned odd = 0;

        assert_string_equal(fb_json_str(parse_odd(*state, cases[i].text, &odd)), cases[i].reads);
        assert_int_equal(odd, cases[i].odd);
    }
}

static void nul_in_a_key_hides_neither_the_key_nor_its_neighbours(void **state)
{
    unsigned odd = 0;
    const struct fb_json *v = parse_odd(*state, "{\"a\\u0000b\":1,\"c\":\"d\"}", &odd);

    assert_int_equal(odd, FB_ODD_NUL);
    assert_string_equal(fb_json_get_str(v, "c"), "d");
    assert_int_equal(fb_json_kind(fb_json_get(v, "a\xef\xbf\xbd"
                                                 "b")),
                     FB_JSON_INT);
}

/* `depth` brackets of both kinds around a 7, after a field that must survive. */
static const char *nested(struct fb_arena *a, size_t depth)
{
    struct fb_buf b;

    fb_buf_init_in(&b, a, 16u << 20);
    fb_buf_add(&b, "{\"id\":\"x\",\"d\":");
    for (size_t i = 1; i < depth; i++)
        fb_buf_add(&b, i % 2 ? "[" : "{\"k\":");
    fb_buf_add(&b, "7");
    for (size_t i = depth; i-- > 1;)
        fb_buf_add(&b, i % 2 ? "]" : "}");
    fb_buf_add(&b, "}");
    assert_true(fb_buf_ok(&b));
    return b.at;
}

static void what_lies_too_deep_reads_as_null_and_the_rest_stays(void **state)
{
    static const size_t depths[] = {FB_JSON_DEPTH_MAX, FB_JSON_DEPTH_MAX + 1, 500, 3000, 100000};

    for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
        unsigned odd = 0;
        const struct fb_json *v = parse_odd(*state, nested(*state, depths[i]), &odd);
        size_t seen = 1;

        assert_string_equal(fb_json_get_str(v, "id"), "x");
        assert_int_equal(odd, depths[i] > FB_JSON_DEPTH_MAX ? FB_ODD_DEEP : 0);
        for (v = fb_json_get(v, "d"); fb_json_kind(v) >= FB_JSON_ARRAY; seen++)
            v = fb_json_kind(v) == FB_JSON_ARRAY ? fb_json_at(v, 0) : fb_json_get(v, "k");
        assert_int_equal(seen, FB_JSON_DEPTH_MAX);
        assert_int_equal(fb_json_kind(v), i == 0 ? FB_JSON_INT : FB_JSON_NULL);
    }
}

static void depth_that_never_ends_is_refused(void **state)
{
    struct fb_buf b;

    fb_buf_init_in(&b, *state, 4u << 20);
    for (int i = 0; i < 100000; i++)
        fb_buf_add(&b, "[");
    check_refused(*state, b.at, b.len);
    for (int i = 0; i < 99999; i++)
        fb_buf_add(&b, "]");
    check_refused(*state, b.at, b.len);
    for (int i = 0; i < 2; i++)
        fb_buf_add(&b, "]");
    check_refused(*state, b.at, b.len);
}

static void odd_things_add_up_and_have_words(void **state)
{
    unsigned odd = 0;
    const struct fb_json *v =
        parse_odd(*state, "{\"a\":1e999,\"a\":\"\\u0000\",\"b\":\"\\ud800\",\"c\":9}", &odd);
    const char *words = fb_json_odd_words(*state, odd);

    assert_int_equal(odd, FB_ODD_BIG_NUMBER | FB_ODD_NUL | FB_ODD_SURROGATE | FB_ODD_DUPLICATE_KEY);
    assert_int_equal(fb_json_kind(fb_json_get(v, "c")), FB_JSON_INT);
    assert_non_null(strstr(words, "duplicate key"));
    assert_non_null(strstr(words, "surrogate"));
    assert_string_equal(fb_json_odd_words(*state, 0), "");
}

static void the_absent_and_the_wrongly_typed_read_as_absent(void **state)
{
    static const char *const texts[] = {"{}", "[]", "\"s\"", "7", "1.5", "true", "null"};

    for (size_t i = 0; i <= sizeof texts / sizeof *texts; i++) {
        const struct fb_json *v = i == 0 ? NULL : parse(*state, texts[i - 1]), *value;
        void *iter = NULL;
        const char *key;

        assert_null(fb_json_get(v, "a"));
        assert_null(fb_json_path(v, "a.b.c"));
        assert_int_equal(fb_json_len(v), 0);
        assert_null(fb_json_at(v, 0));
        assert_null(fb_json_at(v, (size_t)-1));
        assert_false(fb_json_next(v, &iter, &key, &value));
        assert_string_equal(fb_json_get_str(v, "a"), "");
        assert_string_equal(fb_json_path_str(v, "a.b"), "");
        assert_string_equal(fb_json_str(v), i == 3 ? "s" : "");
    }
    assert_string_equal(fb_json_text(*state, NULL), "");
    assert_string_equal(fb_json_dump(*state, NULL, 100), "");
    assert_true(fb_json_num(NULL, 2.5) == 2.5);
    assert_true(fb_json_bool(NULL, true));
    assert_false(fb_json_bool(NULL, false));
}

static void a_dotted_path_leads_through_objects_only(void **state)
{
    const struct fb_json *v =
        parse(*state, "{\"a\":{\"b\":{\"c\":\"x\"},\"l\":[{\"c\":1}]},\"a.b\":1}");
    char longer[400];

    assert_string_equal(fb_json_path_str(v, "a.b.c"), "x");
    assert_null(fb_json_path(v, "a.l.c"));
    assert_null(fb_json_path(v, "a.b.c.d"));
    assert_null(fb_json_path(v, "a..b"));
    assert_int_equal(fb_json_kind(fb_json_path(v, "a.b")), FB_JSON_OBJECT);
    memset(longer, 'k', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_null(fb_json_path(v, longer));
}

static void text_of_numbers_and_booleans_is_what_providers_meant(void **state)
{
    assert_string_equal(fb_json_text(*state, parse(*state, "\"s\"")), "s");
    assert_string_equal(fb_json_text(*state, parse(*state, "111122223333")), "111122223333");
    assert_string_equal(fb_json_text(*state, parse(*state, "-5")), "-5");
    assert_string_equal(fb_json_text(*state, parse(*state, "0.5")), "0.5");
    assert_string_equal(fb_json_text(*state, parse(*state, "true")), "true");
    assert_string_equal(fb_json_text(*state, parse(*state, "false")), "false");
    assert_string_equal(fb_json_text(*state, parse(*state, "null")), "");
    assert_string_equal(fb_json_text(*state, parse(*state, "{}")), "");
    assert_string_equal(fb_json_text(*state, parse(*state, "[1]")), "");
}

static void whole_numbers_are_read_also_from_text(void **state)
{
    static const struct {
        const char *text;
        int64_t n;
    } good[] = {
        {"12", 12},   {"\"12\"", 12}, {"\"-12\"", -12}, {"0", 0},
        {"\"0\"", 0}, {"-0", 0},      {"\"007\"", 7},   {"\"9007199254740992\"", INT64_C(1) << 53}};
    static const char *const bad[] = {"1.5",
                                      "1e3",
                                      "\"1.5\"",
                                      "\"\"",
                                      "\"-\"",
                                      "\"+1\"",
                                      "\" 1\"",
                                      "\"1 \"",
                                      "\"0x1\"",
                                      "true",
                                      "null",
                                      "[]",
                                      "{}",
                                      "\"--1\"",
                                      "\"1e3\"",
                                      "\"9223372036854775808\"",
                                      "\"99999999999999999999999\"",
                                      "\"9007199254740993\""};

    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int64_t n = 77;

        assert_true(fb_json_int(parse(*state, good[i].text), &n));
        assert_true(n == good[i].n);
        assert_true(fb_json_num(parse(*state, good[i].text), -1) == (double)good[i].n);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t n = 77;

        if (fb_json_int(parse(*state, bad[i]), &n))
            fail_msg("%s read as %lld", bad[i], (long long)n);
        assert_int_equal(n, 77);
    }
    assert_true(fb_json_num(parse(*state, "1.5"), -1) == 1.5);
    assert_true(fb_json_num(parse(*state, "\"x\""), -1) == -1);
    assert_true(fb_json_num(parse(*state, "true"), -1) == -1);
}

static void booleans_are_read_also_from_text(void **state)
{
    static const char *const yes[] = {"true", "\"true\"", "\"True\"", "\"TRUE\""};
    static const char *const no[] = {"false", "\"false\"", "\"False\"", "\"FALSE\""};
    static const char *const neither[] = {"1",         "0",    "\"\"",   "\"yes\"",
                                          "\"true \"", "null", "[true]", "{}"};

    for (size_t i = 0; i < 4; i++) {
        assert_true(fb_json_bool(parse(*state, yes[i]), false));
        assert_false(fb_json_bool(parse(*state, no[i]), true));
    }
    for (size_t i = 0; i < sizeof neither / sizeof *neither; i++) {
        assert_true(fb_json_bool(parse(*state, neither[i]), true));
        assert_false(fb_json_bool(parse(*state, neither[i]), false));
    }
}

static void a_walk_meets_each_member_once(void **state)
{
    const struct fb_json *v = parse(*state, "{\"c\":3,\"a\":1,\"\":0,\"b\":2}"), *value;
    void *iter = NULL;
    const char *key;
    int seen = 0, sum = 0;

    while (fb_json_next(v, &iter, &key, &value)) {
        int64_t n = -1;

        assert_true(fb_json_int(value, &n));
        assert_int_equal(*key ? *key - 'a' + 1 : 0, n);
        sum += 1 << n;
        seen++;
        assert_true(seen <= 4);
    }
    assert_int_equal(seen, 4);
    assert_int_equal(sum, 15);
}

static void a_dump_fits_or_is_nothing(void **state)
{
    static const char text[] = "{ \"a\" : [ 1, 2.5, true, null, \"x\\ny\\u20ac\" ] }";
    static const char compact[] = "{\"a\":[1,2.5,true,null,\"x\\ny\xe2\x82\xac\"]}";
    const struct fb_json *v = parse(*state, text);

    assert_string_equal(fb_json_dump(*state, v, sizeof compact - 1), compact);
    assert_string_equal(fb_json_dump(*state, v, sizeof compact - 2), "");
    assert_string_equal(fb_json_dump(*state, v, 0), "");
    assert_string_equal(fb_json_dump(*state, parse(*state, "\"s\""), 10), "\"s\"");
    assert_string_equal(fb_json_dump(*state, parse(*state, "null"), 10), "null");
}

static void values_live_as_long_as_their_arena(void **state)
{
    const struct fb_json *first = parse(*state, "{\"a\":\"one\"}");

    (void)parse(*state, "{\"a\":\"two\"}");
    assert_string_equal(fb_json_get_str(first, "a"), "one");
    fb_arena_reset(*state); /* LeakSanitizer tells if this does not give both back */
}

static void a_full_arena_is_a_limit_not_bad_input(void **state)
{
    struct fb_arena *tiny = fb_arena_new(1);
    const struct fb_json *v;
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(fb_json_parse(tiny, "{}", 2, NULL, &v, &err), FB_ELIMIT);
    assert_null(v);
    fb_arena_free(tiny);
}

/* A random document, written by our own writer and remembered as a chain of draws: the same seed
 * draws the same document again, and the reader must agree with it at every step. */
struct dice {
    uint64_t x;
};

static unsigned roll(struct dice *d, unsigned n)
{
    d->x = d->x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(d->x >> 33) % n;
}

static const char *const PIECES[] = {"a",
                                     "Zz",
                                     "\"",
                                     "\\",
                                     "/",
                                     "\n",
                                     "\x01",
                                     "\x7f",
                                     "\xc3\xa9",
                                     "\xe2\x82\xac",
                                     "\xf0\x9f\x98\x80",
                                     "\\u0000",
                                     "{}[],:",
                                     " "};

static const char *draw_str(struct dice *d, struct fb_arena *a, int number)
{
    struct fb_buf b;

    fb_buf_init_in(&b, a, 4096);
    if (number >= 0)
        fb_buf_fmt(&b, "%d", number); /* keys must differ */
    for (unsigned n = roll(d, 6); n > 0; n--)
        fb_buf_add(&b, PIECES[roll(d, sizeof PIECES / sizeof *PIECES)]);
    return b.at;
}

static int64_t draw_int(struct dice *d)
{
    uint64_t high = (uint64_t)roll(d, 1u << 31), low = (uint64_t)roll(d, 1u << 31);

    return (int64_t)((high << 33) ^ (low << 2) ^ roll(d, 4)) >> roll(d, 60);
}

static void draw(struct dice *d, struct fb_arena *a, struct fb_buf *b, const char *key, int depth)
{
    unsigned kind = roll(d, depth > 8 ? 5 : 7), n;

    switch (kind) {
    case 0:
        fb_json_put_null(b, key);
        break;
    case 1:
        fb_json_put_bool(b, key, roll(d, 2) == 1);
        break;
    case 2:
        fb_json_put_int(b, key, draw_int(d));
        break;
    case 3: /* an eighth is exact in binary and in three decimals */
        fb_json_put_num(b, key, (double)roll(d, 80000) / 8 + 0.125, 3);
        break;
    case 4:
        fb_json_put_str(b, key, draw_str(d, a, -1));
        break;
    default:
        fb_json_open(b, key, kind == 5 ? '[' : '{');
        n = roll(d, 5);
        for (unsigned i = 0; i < n; i++)
            draw(d, a, b, kind == 5 ? NULL : draw_str(d, a, (int)i), depth + 1);
        fb_json_close(b, kind == 5 ? ']' : '}');
    }
}

static void agree(struct dice *d, struct fb_arena *a, const struct fb_json *v, int depth)
{
    unsigned kind = roll(d, depth > 8 ? 5 : 7), n;
    int64_t got = 0;

    switch (kind) {
    case 0:
        assert_int_equal(fb_json_kind(v), FB_JSON_NULL);
        break;
    case 1:
        assert_int_equal(fb_json_kind(v), FB_JSON_BOOL);
        assert_int_equal(fb_json_bool(v, false), roll(d, 2) == 1);
        break;
    case 2:
        assert_int_equal(fb_json_kind(v), FB_JSON_INT);
        assert_true(fb_json_int(v, &got));
        assert_true(got == draw_int(d));
        break;
    case 3: {
        double want = (double)roll(d, 80000) / 8 + 0.125;

        assert_true(fb_json_num(v, -1) == want);
        break;
    }
    case 4:
        assert_int_equal(fb_json_kind(v), FB_JSON_STR);
        assert_string_equal(fb_json_str(v), draw_str(d, a, -1));
        break;
    default:
        assert_int_equal(fb_json_kind(v), kind == 5 ? FB_JSON_ARRAY : FB_JSON_OBJECT);
        n = roll(d, 5);
        if (kind == 5)
            assert_int_equal(fb_json_len(v), n);
        for (unsigned i = 0; i < n; i++)
            agree(d, a, kind == 5 ? fb_json_at(v, i) : fb_json_get(v, draw_str(d, a, (int)i)),
                  depth + 1);
    }
}

static void what_is_written_is_read_again_and_dumped_the_same(void **state)
{
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        struct dice d = {seed};
        struct fb_buf b;
        const struct fb_json *v, *again;
        const char *dump;

        fb_arena_reset(*state);
        fb_buf_init_in(&b, *state, 8u << 20);
        fb_json_open(&b, NULL, '[');
        draw(&d, *state, &b, NULL, 0);
        fb_json_close(&b, ']');
        assert_true(fb_buf_ok(&b));
        v = parse(*state, b.at);
        d.x = seed;
        agree(&d, *state, fb_json_at(v, 0), 0);
        dump = fb_json_dump(*state, v, 16u << 20);
        again = parse(*state, dump);
        d.x = seed;
        agree(&d, *state, fb_json_at(again, 0), 0);
        assert_string_equal(fb_json_dump(*state, again, 16u << 20), dump);
    }
}

/* A text cut anywhere is refused, unless it is only white space that is missing. */
static void no_cut_of_a_text_is_taken_for_the_text(void **state)
{
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct dice d = {seed * 77};
        struct fb_buf b;

        fb_arena_reset(*state);
        fb_buf_init_in(&b, *state, 1u << 20);
        fb_json_open(&b, NULL, '{');
        draw(&d, *state, &b, "top", 4);
        fb_json_close(&b, '}');
        for (size_t cut = 0; cut < b.len && cut < 400; cut++)
            check_refused(*state, b.at, cut);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(any_value_may_stand_at_the_top),
        FB_TEST(what_is_not_json_is_refused_in_one_clean_line),
        FB_TEST(invalid_utf8_is_refused),
        FB_TEST(an_error_names_the_byte),
        FB_TEST(of_two_equal_keys_the_last_counts_and_it_is_told),
        FB_TEST(numbers_out_of_range_are_clamped_and_told),
        FB_TEST(the_largest_whole_numbers_are_exact),
        FB_TEST(nul_and_lone_surrogates_read_as_replacement_and_are_told),
        FB_TEST(nul_in_a_key_hides_neither_the_key_nor_its_neighbours),
        FB_TEST(what_lies_too_deep_reads_as_null_and_the_rest_stays),
        FB_TEST(depth_that_never_ends_is_refused),
        FB_TEST(odd_things_add_up_and_have_words),
        FB_TEST(the_absent_and_the_wrongly_typed_read_as_absent),
        FB_TEST(a_dotted_path_leads_through_objects_only),
        FB_TEST(text_of_numbers_and_booleans_is_what_providers_meant),
        FB_TEST(whole_numbers_are_read_also_from_text),
        FB_TEST(booleans_are_read_also_from_text),
        FB_TEST(a_walk_meets_each_member_once),
        FB_TEST(a_dump_fits_or_is_nothing),
        FB_TEST(values_live_as_long_as_their_arena),
        FB_TEST(a_full_arena_is_a_limit_not_bad_input),
        FB_TEST(what_is_written_is_read_again_and_dumped_the_same),
        FB_TEST(no_cut_of_a_text_is_taken_for_the_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* base_test.c - arena, errors, buffers, clocks, digests, text and values. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "base/val.h"
#include "support/fb_test.h"

static void an_arena_stops_at_its_ceiling_and_remembers(void **state)
{
    struct fb_arena *a = fb_arena_new(1000);

    (void)state;
    assert_non_null(fb_arena_alloc(a, 600));
    assert_false(fb_arena_failed(a));
    assert_null(fb_arena_alloc(a, 600));
    assert_true(fb_arena_failed(a));
    assert_string_equal(fb_arena_fmt(a, "%0500d", 1), "");
    fb_arena_reset(a);
    assert_false(fb_arena_failed(a));
    assert_non_null(fb_arena_alloc(a, 900));
    assert_null(fb_arena_array(a, (size_t)-1 / 2, 4));
    fb_arena_free(a);
}

static void bump(void *n) { ++*(int *)n; }

static void deferred_calls_run_once_at_reset(void **state)
{
    struct fb_arena *a = fb_arena_new(100);
    int n = 0, late = 0;

    (void)state;
    assert_true(fb_arena_defer(a, bump, &n));
    fb_arena_reset(a);
    fb_arena_reset(a);
    assert_int_equal(n, 1);
    (void)fb_arena_alloc(a, 90);
    assert_false(fb_arena_defer(a, bump, &late)); /* cannot be kept: called at once */
    assert_int_equal(late, 1);
    fb_arena_free(a);
    assert_int_equal(late, 1);
}

static void an_error_reads_from_the_outside_in(void **state)
{
    struct fb_err err = {0};
    char longer[2 * FB_ERR_TEXT_MAX];

    (void)state;
    fb_err_set(&err, FB_EIO, "HTTP %d", 503);
    err.http = 503;
    assert_int_equal(fb_err_ctx(&err, FB_EIO, "disable access key %s", "AKIA"), FB_EIO);
    assert_string_equal(err.text, "disable access key AKIA: HTTP 503");
    assert_int_equal(err.http, 503);
    assert_int_equal(fb_err_ctx(&err, FB_OK, "nothing"), FB_OK);
    assert_string_equal(err.text, "disable access key AKIA: HTTP 503");
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    fb_err_ctx(&err, FB_EIO, "%s", longer);
    assert_int_equal(strlen(err.text), FB_ERR_TEXT_MAX - 1);
}

static void a_buffer_that_overflows_says_so_and_stays_a_string(void **state)
{
    struct fb_buf b;

    (void)state;
    fb_buf_init(&b, 10);
    fb_buf_add(&b, "12345678");
    assert_true(fb_buf_ok(&b));
    fb_buf_add(&b, "9abc");
    assert_false(fb_buf_ok(&b));
    assert_string_equal(b.at, "12345678");
    fb_buf_release(&b);
    assert_string_equal(b.at, "");
}

static void form_bodies_are_encoded_as_urlencode_does(void **state)
{
    struct fb_buf b;

    fb_buf_init_in(&b, *state, 1000);
    fb_buf_add_param(&b, "A", "x y/z:*(~-_.)é");
    fb_buf_add_param(&b, "B.1", "");
    assert_string_equal(b.at, "A=x+y%2Fz%3A%2A%28~-_.%29%C3%A9&B.1=");
    fb_buf_reset(&b);
    fb_buf_add_uri(&b, "a b/c", 5, true);
    assert_string_equal(b.at, "a%20b/c");
}

static void written_json_escapes_whatever_comes(void **state)
{
    struct fb_buf b;
    const struct fb_json *v;

    fb_buf_init_in(&b, *state, 1000);
    fb_json_open(&b, NULL, '{');
    fb_json_put_str(&b, "s", "a\"\\\n\x01\x7f\xff\xc3\xa9");
    fb_json_put_num(&b, "n", 87.50, 2);
    fb_json_put_num(&b, "zero", -0.0001, 2);
    fb_json_put_num(&b, "hundred", 100, 2);
    fb_json_put_str(&b, "none", NULL);
    fb_json_open(&b, "list", '[');
    fb_json_put_int(&b, NULL, -3);
    fb_json_put_bool(&b, NULL, true);
    fb_json_close(&b, ']');
    fb_json_close(&b, '}');
    assert_string_equal(b.at,
                        "{\"s\":\"a\\\"\\\\\\u000a\\u0001\\u007f\xEF\xBF\xBD\xc3\xa9\","
                        "\"n\":87.5,\"zero\":0,\"hundred\":100,\"none\":null,\"list\":[-3,true]}");
    assert_int_equal(fb_json_parse(*state, b.at, b.len, NULL, &v, NULL), FB_OK);
}

/* Every character but the NUL: it comes back as it was, and what could steer a terminal or turn a
 * line round is not in the bytes. */
static void written_json_steers_no_reader_and_keeps_every_character(void **state)
{
    static const char *const STEER[] = {"\xC2\x80",     "\xC2\x9B",     "\xC2\x9F",
                                        "\xD8\x9C",     "\xE2\x80\x8E", "\xE2\x80\x8F",
                                        "\xE2\x80\xA8", "\xE2\x80\xAA", "\xE2\x80\xAE",
                                        "\xE2\x81\xA6", "\xE2\x81\xA9", "\xEF\xBB\xBF"};

    for (size_t i = 0; i < sizeof STEER / sizeof *STEER; i++) {
        const struct fb_json *v;
        struct fb_buf b;

        fb_buf_init_in(&b, *state, 1000);
        fb_json_open(&b, NULL, '{');
        fb_json_put_str(&b, STEER[i], STEER[i]);
        fb_json_close(&b, '}');
        assert_null(strstr(b.at, STEER[i]));
        assert_int_equal(fb_json_parse(*state, b.at, b.len, NULL, &v, NULL), FB_OK);
        assert_string_equal(fb_json_get_str(v, STEER[i]), STEER[i]);
    }
    for (unsigned cp = 1; cp <= 0x7F; cp++) {
        const char text[] = {(char)cp, '\0'};
        const struct fb_json *v;
        struct fb_buf b;

        fb_buf_init_in(&b, *state, 1000);
        fb_json_open(&b, NULL, '{');
        fb_json_put_str(&b, "s", text);
        fb_json_close(&b, '}');
        for (size_t i = 0; i < b.len; i++)
            assert_in_range((unsigned char)b.at[i], 0x20, 0x7E);
        assert_int_equal(fb_json_parse(*state, b.at, b.len, NULL, &v, NULL), FB_OK);
        assert_string_equal(fb_json_get_str(v, "s"), text);
    }
    { /* ordinary text of any script stays readable */
        static const char PLAIN[] = "\xC3\xA9\xE4\xB8\xAD\xD9\x85\xF0\x9F\x98\x80\xC2\xA0";
        struct fb_buf b;

        fb_buf_init_in(&b, *state, 1000);
        fb_json_put_str(&b, NULL, PLAIN);
        assert_non_null(strstr(b.at, PLAIN));
    }
}

static void plain_text_holds_no_control_and_no_bidi_characters(void **state)
{
    struct fb_buf b;

    fb_buf_init_in(&b, *state, 1000);
    fb_buf_add_plain(&b,
                     "a\nb\x1b[31m\xE2\x80\xAE"
                     "c\xC2\x85\xFF"
                     "d",
                     100);
    assert_string_equal(b.at, "a?b?[31m?c??d");
    fb_buf_reset(&b);
    fb_buf_add_plain(&b, "abcdef", 3);
    assert_string_equal(b.at, "abc...");
}

static void times_are_read_in_every_form_that_providers_write(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {{"1970-01-01T00:00:00Z", 0},
                {"2026-01-02T03:04:05.678Z", 1767323045678},
                {"2024-12-16 18:41:07.000000000", 1704067200000 + 350 * 86400000LL + 67267000},
                {"2024-02-29T23:59:60Z", 1709251200000},
                {"2026-01-02T03:04:05+02:00", 1767315845000}};
    static const char *const bad[] = {"",
                                      "2026-13-01T00:00:00Z",
                                      "2023-02-29T00:00:00Z",
                                      "x",
                                      "2026-01-02T25:00:00Z",
                                      "2026-01-02T03:04:05Zx",
                                      "0000-01-01T00:00:00Z",
                                      "2026-01-02T03:04:05."};
    int64_t ms = 7;
    char out[FB_TIME_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(fb_time_parse(good[i].text, &ms));
        assert_int_equal(ms, good[i].ms);
    }
    ms = 7;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(fb_time_parse(bad[i], &ms));
    assert_int_equal(ms, 7);
    assert_string_equal(fb_time_iso(1767323045678, out), "2026-01-02T03:04:05.678Z");
    assert_string_equal(fb_time_basic(1440938160000, out), "20150830T123600Z");
    assert_true(fb_time_parse_http("Wed, 12 Feb 2025 00:37:54 GMT", &ms));
    assert_string_equal(fb_time_iso(ms, out), "2025-02-12T00:37:54.000Z");
    assert_false(fb_time_parse_http("Wed, 12 Xxx 2025 00:37:54 GMT", &ms));
    for (int64_t day = 0; day < 84000; day += 7) { /* to the year 2199 and back */
        assert_true(fb_time_parse(fb_time_iso(day * 86400000 + 1, out), &ms));
        assert_int_equal(ms, day * 86400000 + 1);
    }
}

static void digests_agree_with_published_vectors(void **state)
{
    char hex[FB_SHA256_HEX];
    unsigned char mac[FB_SHA256_BYTES];
    struct fb_buf b;

    fb_sha256_hex("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_true(
        fb_hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, mac)); /* RFC 4231, 2 */
    fb_hex(mac, sizeof mac, hex);
    assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    fb_buf_init_in(&b, *state, 100);
    fb_base64_add(&b, "foob", 4);
    assert_string_equal(b.at, "Zm9vYg==");
    fb_buf_reset(&b);
    assert_true(fb_base64_decode(&b, "Zm9vYmE=", 8));
    assert_string_equal(b.at, "fooba");
    assert_false(fb_base64_decode(&b, "Zm9v=mE=", 8));
    assert_false(fb_base64_decode(&b, "Zm9", 3));
}

static void the_nearest_name_is_offered_only_when_it_is_near(void **state)
{
    static const char *const names[] = {"key", "user", "protected", "thresholds"};

    (void)state;
    assert_string_equal(fb_nearest("key_id", names, 4), "key");
    assert_string_equal(fb_nearest("treshold", names, 4), "thresholds");
    assert_null(fb_nearest("zzz", names, 4));
}

static void an_arn_is_split_and_anything_else_is_not(void **state)
{
    struct fb_arn arn;

    assert_true(fb_arn_split(*state, "arn:aws:iam::111122223333:user/a:b", &arn));
    assert_string_equal(arn.account, "111122223333");
    assert_string_equal(arn.resource, "user/a:b");
    assert_false(fb_arn_split(*state, "arn:aws:iam", &arn));
    assert_string_equal(arn.partition, "");
}

static void values_survive_the_way_to_json_and_back(void **state)
{
    static const char text[] = "{\"a\":[1,-2.5,\"x\",null,true],\"b\":{\"c\":{}}}";
    const struct fb_json *v;
    struct fb_val *val;
    struct fb_buf b;

    assert_int_equal(fb_json_parse(*state, text, sizeof text - 1, NULL, &v, NULL), FB_OK);
    val = fb_val_from_json(*state, v);
    fb_buf_init_in(&b, *state, 1000);
    fb_val_write(&b, NULL, val);
    assert_string_equal(b.at, text);
    fb_val_set_int(*state, val, "a", 5);
    assert_int_equal(fb_val_get_int(val, "a", 0), 5);
    assert_int_equal(val->count, 2);
}

static void a_log_line_is_one_line_whatever_is_in_it(void **state)
{
    char *text = NULL;
    size_t len = 0;
    struct fb_log log = {.json = true, .clock = fb_clock_system()};
    const struct fb_json *v;

    log.to = open_memstream(&text, &len);
    FB_LOG(&log, FB_LOG_WARN, "odd name", {"name", "a\n\"}\x1b", 0}, {"count", NULL, 3});
    log.json = false;
    FB_LOG(&log, FB_LOG_ERROR, "odd name", {"name", "a\nb", 0});
    FB_LOG(&log, FB_LOG_INFO, "it failed", {"why", "because", 0}, {"count", NULL, 3});
    fclose(log.to);
    assert_int_equal(fb_json_parse(*state, text, strcspn(text, "\n"), NULL, &v, NULL), FB_OK);
    assert_string_equal(fb_json_get_str(v, "name"), "a\n\"}\x1b");
    assert_string_equal(strchr(text, '\n') + 1, "firebreak: error: odd name (name a?b)\n"
                                                "firebreak: it failed (count 3): because\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(an_arena_stops_at_its_ceiling_and_remembers),
        FB_TEST(deferred_calls_run_once_at_reset),
        FB_TEST(an_error_reads_from_the_outside_in),
        FB_TEST(a_buffer_that_overflows_says_so_and_stays_a_string),
        FB_TEST(form_bodies_are_encoded_as_urlencode_does),
        FB_TEST(written_json_escapes_whatever_comes),
        FB_TEST(written_json_steers_no_reader_and_keeps_every_character),
        FB_TEST(plain_text_holds_no_control_and_no_bidi_characters),
        FB_TEST(times_are_read_in_every_form_that_providers_write),
        FB_TEST(digests_agree_with_published_vectors),
        FB_TEST(the_nearest_name_is_offered_only_when_it_is_near),
        FB_TEST(an_arn_is_split_and_anything_else_is_not),
        FB_TEST(values_survive_the_way_to_json_and_back),
        FB_TEST(a_log_line_is_one_line_whatever_is_in_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

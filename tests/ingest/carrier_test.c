/* carrier_test.c - what is taken out of a Pub/Sub message or a CloudEvent, and what stays inside.
 */
#include "ingest/carrier.h"

#include "base/buf.h"
#include "base/digest.h"
#include "support/fb_test.h"

#define ENTRY "{\"insertId\":\"i-1\",\"protoPayload\":{}}"

static const struct fb_json *parse(struct fb_arena *a, const char *text)
{
    const struct fb_json *v = NULL;

    assert_int_equal(fb_json_parse(a, text, strlen(text), NULL, &v, NULL), FB_OK);
    return v;
}

static const char *in_base64(struct fb_arena *a, const char *text)
{
    struct fb_buf b;

    fb_buf_init_in(&b, a, 1u << 16);
    fb_base64_add(&b, text, strlen(text));
    assert_true(fb_buf_ok(&b));
    return b.at;
}

static const char *push_of(struct fb_arena *a, const char *inner)
{
    return fb_arena_fmt(a,
                        "{\"subscription\":\"projects/p/subscriptions/s\",\"message\":{"
                        "\"messageId\":\"m-1\",\"publishTime\":\"2026-01-02T03:04:05Z\","
                        "\"attributes\":{\"a\":\"b\"},\"data\":\"%s\"}}",
                        in_base64(a, inner));
}

static const char *cloudevent_of(struct fb_arena *a, const char *data)
{
    return fb_arena_fmt(a,
                        "{\"specversion\":\"1.0\",\"id\":\"c-1\",\"source\":\"//s\",\"type\":\"t\","
                        "\"time\":\"2026-01-02T03:04:06Z\",%s}",
                        data);
}

static void a_push_message_is_taken_off_and_says_its_id_and_time(void **state)
{
    struct fb_carrier c;
    unsigned odd = 0;
    const struct fb_json *doc = parse(*state, push_of(*state, ENTRY));

    assert_string_equal(fb_json_get_str(fb_carrier_open(*state, doc, &c, &odd), "insertId"), "i-1");
    assert_string_equal(c.id, "m-1");
    assert_true(c.time_ms == INT64_C(1767323045000)); /* date -ud 2026-01-02T03:04:05Z +%s */
    assert_int_equal(odd, 0);
}

static void a_cloudevent_is_taken_off_whether_its_data_is_an_object_or_base64(void **state)
{
    const char *const data[] = {
        "\"data\":" ENTRY,
        fb_arena_fmt(*state, "\"data_base64\":\"%s\"", in_base64(*state, ENTRY)),
    };

    for (size_t i = 0; i < sizeof data / sizeof *data; i++) {
        struct fb_carrier c;
        unsigned odd = 0;
        const struct fb_json *doc = parse(*state, cloudevent_of(*state, data[i]));

        assert_string_equal(fb_json_get_str(fb_carrier_open(*state, doc, &c, &odd), "insertId"),
                            "i-1");
        assert_string_equal(c.id, "c-1");
        assert_true(c.time_ms == INT64_C(1767323046000));
    }
}

static void a_message_inside_a_cloudevent_is_opened_too_and_its_id_counts(void **state)
{
    const char *text =
        cloudevent_of(*state, fb_arena_fmt(*state, "\"data\":%s", push_of(*state, ENTRY)));
    struct fb_carrier c;
    unsigned odd = 0;

    assert_string_equal(
        fb_json_get_str(fb_carrier_open(*state, parse(*state, text), &c, &odd), "insertId"), "i-1");
    assert_string_equal(c.id, "m-1");
}

static void a_carrier_with_foreign_content_stays_whole(void **state)
{
    const char *const texts[] = {
        "{}",
        "{\"message\":7}",
        "{\"message\":{}}",
        "{\"message\":{\"data\":\"\"}}",
        "{\"message\":{\"data\":\"AQIDBA==\"}}",
        "{\"message\":{\"data\":\"%%%%\"}}",
        "{\"message\":{\"data\":{}}}",
        "{\"message\":\"data\"}",
        "{\"specversion\":\"1.0\",\"data\":\"text\"}",
        "{\"specversion\":\"1.0\",\"data\":[{}]}",
        "{\"specversion\":1,\"data\":{}}",
        "{\"data\":{\"insertId\":\"i\"}}",
        push_of(*state, "[1]"),
        push_of(*state, "{\"cut\":"),
        push_of(*state, "plain text"),
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const struct fb_json *doc = parse(*state, texts[i]);
        struct fb_carrier c;
        unsigned odd = 0;

        assert_ptr_equal(fb_carrier_open(*state, doc, &c, &odd), doc);
        assert_null(c.id);
        assert_true(c.time_ms == 0);
    }
}

static void what_had_to_be_tamed_inside_is_told(void **state)
{
    struct fb_carrier c;
    unsigned odd = 0;

    (void)fb_carrier_open(*state, parse(*state, push_of(*state, "{\"a\":1,\"a\":2}")), &c, &odd);
    assert_int_equal(odd, FB_ODD_DUPLICATE_KEY);
}

static void carriers_in_carriers_come_to_an_end(void **state)
{
    const char *text = "{\"end\":true}";
    struct fb_carrier c;
    unsigned odd = 0;
    const struct fb_json *inner;

    for (int i = 0; i < 6; i++)
        text = push_of(*state, text);
    inner = fb_carrier_open(*state, parse(*state, text), &c, &odd);
    assert_int_equal(fb_json_kind(fb_json_get(inner, "message")), FB_JSON_OBJECT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(a_push_message_is_taken_off_and_says_its_id_and_time),
        FB_TEST(a_cloudevent_is_taken_off_whether_its_data_is_an_object_or_base64),
        FB_TEST(a_message_inside_a_cloudevent_is_opened_too_and_its_id_counts),
        FB_TEST(a_carrier_with_foreign_content_stays_whole),
        FB_TEST(what_had_to_be_tamed_inside_is_told),
        FB_TEST(carriers_in_carriers_come_to_an_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

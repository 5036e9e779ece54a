/* envelope_test.c - what is an EventBridge envelope and what only looks like one. */
#include "ingest/envelope.h"

#include "support/fb_test.h"

static const struct fb_json *parse(struct fb_arena *a, const char *text)
{
    const struct fb_json *v = NULL;

    assert_int_equal(fb_json_parse(a, text, strlen(text), NULL, &v, NULL), FB_OK);
    return v;
}

static void an_envelope_is_taken_off_and_its_fields_kept(void **state)
{
    const struct fb_json *doc = parse(
        *state, "{\"version\":\"0\",\"id\":\"e-1\",\"detail-type\":\"AWS API Call via CloudTrail\","
                "\"source\":\"aws.ec2\",\"account\":\"111122223333\","
                "\"time\":\"2026-01-02T03:04:05Z\",\"region\":\"us-east-1\",\"resources\":[],"
                "\"detail\":{\"eventName\":\"RunInstances\"}}");
    struct fb_envelope e;
    const struct fb_json *inner = fb_envelope_open(*state, doc, &e);

    assert_string_equal(fb_json_get_str(inner, "eventName"), "RunInstances");
    assert_true(e.present);
    assert_string_equal(e.id, "e-1");
    assert_string_equal(e.source, "aws.ec2");
    assert_string_equal(e.detail_type, "AWS API Call via CloudTrail");
    assert_string_equal(e.account, "111122223333");
    assert_string_equal(e.region, "us-east-1");
    assert_true(e.time_ms == INT64_C(1767323045000)); /* date -ud 2026-01-02T03:04:05Z +%s */
}

static void an_object_that_only_looks_like_an_envelope_stays_whole(void **state)
{
    static const char *const texts[] = {
        "{\"detail-type\":\"t\",\"source\":\"s\"}",
        "{\"detail-type\":\"t\",\"source\":\"s\",\"detail\":null}",
        "{\"detail-type\":\"t\",\"source\":\"s\",\"detail\":[{}]}",
        "{\"detail-type\":\"t\",\"source\":\"s\",\"detail\":\"{}\"}",
        "{\"detail-type\":7,\"source\":\"s\",\"detail\":{}}",
        "{\"detail-type\":{\"a\":1},\"source\":\"s\",\"detail\":{}}",
        "{\"source\":\"s\",\"detail\":{}}",
        "{\"detail-type\":\"t\",\"detail\":{}}",
        "{\"detail-type\":\"t\",\"source\":[],\"detail\":{}}",
        "{}",
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const struct fb_json *doc = parse(*state, texts[i]);
        struct fb_envelope e;

        assert_ptr_equal(fb_envelope_open(*state, doc, &e), doc);
        assert_false(e.present);
        assert_string_equal(e.id, "");
        assert_string_equal(e.source, "");
        assert_string_equal(e.detail_type, "");
        assert_string_equal(e.account, "");
        assert_string_equal(e.region, "");
        assert_true(e.time_ms == 0);
    }
}

static void odd_fields_of_an_envelope_cost_only_themselves(void **state)
{
    const struct fb_json *doc =
        parse(*state, "{\"id\":[1],\"detail-type\":\"\",\"source\":\"\",\"account\":111122223333,"
                      "\"time\":\"yesterday\",\"region\":null,\"detail\":{\"a\":1}}");
    struct fb_envelope e;

    assert_ptr_not_equal(fb_envelope_open(*state, doc, &e), doc);
    assert_true(e.present);
    assert_string_equal(e.id, "");
    assert_string_equal(e.region, "");
    assert_string_equal(e.account, "111122223333");
    assert_true(e.time_ms == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(an_envelope_is_taken_off_and_its_fields_kept),
        FB_TEST(an_object_that_only_looks_like_an_envelope_stays_whole),
        FB_TEST(odd_fields_of_an_envelope_cost_only_themselves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

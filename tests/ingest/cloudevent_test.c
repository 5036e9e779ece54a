/* cloudevent_test.c - HTTP messages in the three modes of the CloudEvents binding. */
#include "ingest/collect.h"

#define ENTRY "{\"insertId\":\"i\",\"id\":\"entry\"}"

static struct seen_all post(struct fb_arena *a, const struct fb_header *headers, size_t n,
                            const char *body)
{
    struct seen_all all = {0};
    struct fb_sink sink;
    struct fb_err err = {0};

    seen_init(&all);
    sink = seen_sink(&all);
    assert_int_equal(fb_ingest_http(a, "http", headers, n, body, strlen(body), &sink, &err), FB_OK);
    return all;
}

#define COUNT(headers) (sizeof(headers) / sizeof *(headers))

static void in_binary_mode_the_headers_name_the_body(void **state)
{
    static const struct fb_header headers[] = {{"Content-Type", "application/json; charset=utf-8"},
                                               {"CE-SpecVersion", "1.0"},
                                               {"ce-id", " c%20%E2%82%AC1 "},
                                               {"Ce-Time", "2026-01-02T03:04:05Z"},
                                               {"ce-type", "google.cloud.audit.log.v1.written"}};
    struct seen_all all = post(*state, headers, COUNT(headers), ENTRY);

    assert_int_equal(all.count, 1);
    assert_true(all.at[0].record);
    assert_string_equal(all.at[0].id, "entry");
    assert_string_equal(all.at[0].carried, "c \xE2\x82\xAC"
                                           "1");
    assert_true(all.at[0].carried_ms == INT64_C(1767323045000));
    assert_int_equal(all.at[0].layers, 1);
    seen_free(&all);
}

/* Eventarc sends Pub/Sub messages so: the message's own id is nearer to the record. */
static void a_message_inside_a_binary_event_is_opened(void **state)
{
    static const struct fb_header headers[] = {{"ce-specversion", "1.0"}, {"ce-id", "c-1"}};
    struct seen_all all = post(*state, headers, COUNT(headers),
                               "{\"message\":{\"data\":\"eyJpZCI6ImVudHJ5In0=\",\"messageId\":"
                               "\"m-1\"},\"subscription\":\"s\"}");

    assert_int_equal(all.count, 1);
    assert_string_equal(all.at[0].id, "entry");
    assert_string_equal(all.at[0].carried, "m-1");
    seen_free(&all);
}

static void structured_and_batched_events_are_read_from_the_body(void **state)
{
    static const struct fb_header one[] = {{"content-type", "application/cloudevents+json"}};
    static const struct fb_header more[] = {{"content-type", "application/cloudevents-batch+json"}};
    static const char event[] = "{\"specversion\":\"1.0\",\"id\":\"c-1\",\"data\":" ENTRY "}";
    char batch[400];
    struct seen_all all = post(*state, one, 1, event);

    assert_int_equal(all.count, 1);
    assert_string_equal(all.at[0].id, "entry");
    assert_string_equal(all.at[0].carried, "c-1");
    seen_free(&all);
    snprintf(batch, sizeof batch, "[%s,%s]", event, event);
    all = post(*state, more, 1, batch);
    assert_int_equal(all.records, 2);
    assert_string_equal(all.at[1].carried, "c-1");
    seen_free(&all);
}

static void a_plain_push_needs_no_headers(void **state)
{
    struct seen_all all = post(*state, NULL, 0,
                               "{\"message\":{\"data\":\"eyJpZCI6ImVudHJ5In0=\","
                               "\"messageId\":\"m-1\"}}");

    assert_int_equal(all.count, 1);
    assert_string_equal(all.at[0].id, "entry");
    assert_string_equal(all.at[0].carried, "m-1");
    seen_free(&all);
}

static void hostile_headers_name_nothing_and_hide_nothing(void **state)
{
    static const char *const ids[] = {"a%0Ab", "a\x01", "%ff", "%", "%4", "%zz", "", " \t "};
    static const char *const read_as[] = {"", "", "", "%", "%4", "%zz", "", ""};
    char longest[2000];

    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    for (size_t i = 0; i <= COUNT(ids); i++) {
        const struct fb_header headers[] = {{"ce-specversion", "1.0"},
                                            {"ce-id", i < COUNT(ids) ? ids[i] : longest},
                                            {"ce-time", "never"}};
        struct seen_all all = post(*state, headers, 3, ENTRY);

        assert_int_equal(all.records, 1);
        assert_string_equal(all.at[0].carried, i < COUNT(ids) ? read_as[i] : "");
        assert_true(all.at[0].carried_ms == 0);
        seen_free(&all);
    }
}

static void a_body_that_is_no_json_is_one_reject(void **state)
{
    static const struct fb_header headers[] = {{"ce-specversion", "1.0"}, {"ce-id", "c-1"}};
    static const char *const bodies[] = {"", "hello", "[1]", "{\"cut\":"};

    for (size_t i = 0; i < COUNT(bodies); i++) {
        struct seen_all all = post(*state, headers, COUNT(headers), bodies[i]);

        assert_int_equal(all.records, 0);
        assert_int_equal(all.rejects, 1);
        assert_string_equal(all.at[0].carried, "c-1");
        seen_free(&all);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(in_binary_mode_the_headers_name_the_body),
        FB_TEST(a_message_inside_a_binary_event_is_opened),
        FB_TEST(structured_and_batched_events_are_read_from_the_body),
        FB_TEST(a_plain_push_needs_no_headers),
        FB_TEST(hostile_headers_name_nothing_and_hide_nothing),
        FB_TEST(a_body_that_is_no_json_is_one_reject),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

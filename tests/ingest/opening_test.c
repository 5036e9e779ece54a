/* opening_test.c - what comes out of AWS's carriers, through the front door: whole, nested, broken,
 * hostile. */
#define ZLIB_CONST
#include <zlib.h>

#include "base/buf.h"
#include "base/digest.h"
#include "ingest/collect.h"
#include "ingest/opening.h"

#define CALL     "{\"eventSource\":\"ec2.amazonaws.com\",\"eventName\":\"RunInstances\",\"id\":\"%s\"}"
#define ENVELOPE "{\"detail-type\":\"t\",\"source\":\"aws.ec2\",\"detail\":" CALL ",\"id\":\"out\"}"

static const char *call(struct fb_arena *a, const char *id) { return fb_arena_fmt(a, CALL, id); }

/* The text as a JSON string, quotes included. */
static const char *quoted(struct fb_arena *a, const char *text)
{
    struct fb_buf b;

    fb_buf_init_in(&b, a, 32u << 20);
    fb_json_open(&b, NULL, '[');
    fb_json_put_str(&b, NULL, text);
    assert_true(fb_buf_ok(&b));
    return b.at + 1;
}

static const char *in_base64(struct fb_arena *a, const char *bytes, size_t len)
{
    struct fb_buf b;

    fb_buf_init_in(&b, a, 32u << 20);
    fb_base64_add(&b, bytes, len);
    assert_true(fb_buf_ok(&b));
    return b.at;
}

static const char *packed(struct fb_arena *a, const char *text)
{
    size_t len;
    char *gz = gzip_of(text, strlen(text), &len);
    const char *out = in_base64(a, gz, len);

    free(gz);
    return out;
}

static const char *sqs(struct fb_arena *a, const char *id, const char *body)
{
    return fb_arena_fmt(a,
                        "{\"messageId\":\"%s\",\"receiptHandle\":\"h\",\"body\":%s,\"attributes\":{"
                        "\"ApproximateReceiveCount\":\"3\",\"SentTimestamp\":\"1767323045000\"},"
                        "\"eventSource\":\"aws:sqs\",\"eventSourceARN\":\"arn:aws:sqs:r:1:q\"}",
                        id, quoted(a, body));
}

static const char *notification(struct fb_arena *a, const char *id, const char *message)
{
    return fb_arena_fmt(a,
                        "{\"Type\":\"Notification\",\"MessageId\":\"%s\",\"TopicArn\":\"arn:aws:"
                        "sns:r:1:t\",\"Subject\":\"s\",\"Message\":%s,\"Timestamp\":"
                        "\"2026-01-02T03:04:06.000Z\",\"id\":\"sns\"}",
                        id, quoted(a, message));
}

static const char *kinesis(struct fb_arena *a, const char *number, const char *data)
{
    return fb_arena_fmt(a,
                        "{\"kinesis\":{\"sequenceNumber\":\"%s\",\"data\":\"%s\","
                        "\"approximateArrivalTimestamp\":1767323045.5},\"eventID\":\"shard:%s\","
                        "\"eventSource\":\"aws:kinesis\",\"id\":\"kin\"}",
                        number, data, number);
}

/* What a subscription packs: one log event for each message. */
static const char *log_events(struct fb_arena *a, const char *const *messages, size_t n)
{
    struct fb_buf b;

    fb_buf_init_in(&b, a, 32u << 20);
    fb_json_open(&b, NULL, '{');
    fb_json_put_str(&b, "messageType", "DATA_MESSAGE");
    fb_json_put_str(&b, "logGroup", "aws-cloudtrail-logs");
    fb_json_open(&b, "logEvents", '[');
    for (size_t i = 0; i < n; i++) {
        fb_json_open(&b, NULL, '{');
        fb_json_put_str(&b, "id", fb_arena_fmt(a, "log-%zu", i));
        fb_json_put_int(&b, "timestamp", 1767323045000 + (int64_t)i);
        fb_json_put_str(&b, "message", messages[i]);
        fb_json_close(&b, '}');
    }
    fb_json_close(&b, ']');
    fb_json_close(&b, '}');
    assert_true(fb_buf_ok(&b));
    return b.at;
}

static const char *records(struct fb_arena *a, const char *const *elements, size_t n)
{
    struct fb_buf b;

    fb_buf_init_in(&b, a, 32u << 20);
    fb_buf_add(&b, "{\"Records\":[");
    for (size_t i = 0; i < n; i++)
        fb_buf_fmt(&b, "%s%s", i ? "," : "", elements[i]);
    fb_buf_add(&b, "]}");
    assert_true(fb_buf_ok(&b));
    return b.at;
}

/* The tests' own arena must outlive the reader's. */
struct bench {
    struct fb_arena *scratch;
    struct seen_all all;
};

static struct bench read_all(const char *text)
{
    struct bench b = {.scratch = fb_arena_new(64u << 20)};

    seen_text(&b.all, b.scratch, text);
    return b;
}

static void done(struct bench *b)
{
    seen_free(&b->all);
    fb_arena_free(b->scratch);
}

static void is_record(const struct seen *s, const char *id, const char *carried, const char *item)
{
    if (!s->record)
        fail_msg("rejected: %s", s->reason);
    assert_string_equal(s->id, id);
    assert_string_equal(s->carried, carried);
    assert_string_equal(s->item, item);
}

static void is_reject(const struct seen *s, const char *reason, const char *item)
{
    assert_false(s->record);
    if (!strstr(s->reason, reason))
        fail_msg("\"%s\" says nothing of \"%s\"", s->reason, reason);
    assert_string_equal(s->item, item);
}

static void a_message_of_a_queue_gives_its_event_and_says_whose_it_is(void **state)
{
    const char *const two[] = {sqs(*state, "m1", call(*state, "a")),
                               sqs(*state, "m2", fb_arena_fmt(*state, ENVELOPE, "b"))};
    struct bench b = read_all(records(*state, two, 2));

    assert_int_equal(b.all.count, 2);
    is_record(&b.all.at[0], "a", "m1", "m1");
    is_record(&b.all.at[1], "b", "m2", "m2");
    assert_string_equal(b.all.at[0].batch, "aws:sqs");
    assert_true(b.all.at[0].carried_ms == 1767323045000);
    assert_true(b.all.at[0].receives == 3);
    assert_int_equal(b.all.at[0].layers, 1);
    assert_true(b.all.at[1].enveloped);
    assert_int_equal(b.all.at[1].layers, 1); /* so that nobody takes it for AWS's own word */
    assert_string_equal(b.all.at[0].text, call(*state, "a"));
    done(&b);
}

static void a_notification_is_opened_from_lambda_from_a_queue_and_alone(void **state)
{
    const char *sns = notification(*state, "n1", call(*state, "a"));
    const char *const lambda = fb_arena_fmt(
        *state, "{\"EventSource\":\"aws:sns\",\"EventVersion\":\"1.0\",\"Sns\":%s}", sns);
    const char *const queue = sqs(*state, "m1", sns);
    struct bench b = read_all(records(*state, &lambda, 1));

    is_record(&b.all.at[0], "a", "n1", "");
    assert_string_equal(b.all.at[0].batch, "aws:sns");
    assert_true(b.all.at[0].carried_ms == INT64_C(1767323046000));
    done(&b);
    b = read_all(records(*state, &queue, 1));
    is_record(&b.all.at[0], "a", "n1", "m1");
    assert_string_equal(b.all.at[0].batch, "aws:sqs");
    assert_int_equal(b.all.at[0].layers, 2);
    done(&b);
    b = read_all(sns);
    is_record(&b.all.at[0], "a", "n1", "");
    assert_string_equal(b.all.at[0].batch, "");
    done(&b);
}

static void a_subscription_gives_each_log_event_by_its_id_and_time(void **state)
{
    const char *const messages[] = {call(*state, "a"), "START of something",
                                    "{\"cut\":", call(*state, "d")};
    const char *group = log_events(*state, messages, 4);
    const char *direct =
        fb_arena_fmt(*state, "{\"awslogs\":{\"data\":\"%s\"}}", packed(*state, group));
    const char *stream = kinesis(*state, "77", packed(*state, group));
    const char *const texts[] = {direct, records(*state, &stream, 1), group};
    static const char *const items[] = {"", "77", ""};

    for (size_t i = 0; i < 3; i++) {
        struct bench b = read_all(texts[i]);

        assert_int_equal(b.all.count, 4);
        is_record(&b.all.at[0], "a", "log-0", items[i]);
        is_record(&b.all.at[1], "log-1", "log-1", items[i]); /* plain words: the log event itself */
        is_reject(&b.all.at[2], "logEvents[2].message: cut off", items[i]);
        assert_string_equal(b.all.at[2].text, "{\"cut\":");
        is_record(&b.all.at[3], "d", "log-3", items[i]);
        assert_true(b.all.at[3].carried_ms == 1767323045003);
        assert_string_equal(b.all.at[0].batch, i == 0 ? "awslogs" : i == 1 ? "aws:kinesis" : "");
        done(&b);
    }
}

static void the_knock_of_a_subscription_is_one_record(void **state)
{
    const char *knock =
        "{\"messageType\":\"CONTROL_MESSAGE\",\"logGroup\":\"\",\"id\":\"knock\","
        "\"logEvents\":[{\"id\":\"\",\"timestamp\":1,\"message\":\"CWL CONTROL\"}]}";
    struct bench b =
        read_all(fb_arena_fmt(*state, "{\"awslogs\":{\"data\":\"%s\"}}", packed(*state, knock)));

    assert_int_equal(b.all.count, 1);
    is_record(&b.all.at[0], "knock", "", "");
    done(&b);
}

static void a_stream_gives_plain_packed_and_several_events(void **state)
{
    const char *several = fb_arena_fmt(*state, "%s\n%s", call(*state, "b"), call(*state, "c"));
    const char *one = call(*state, "a");
    const char *const elements[] = {
        kinesis(*state, "1", in_base64(*state, one, strlen(one))),
        kinesis(*state, "2", in_base64(*state, several, strlen(several))),
        kinesis(*state, "3", packed(*state, call(*state, "d"))),
    };
    struct bench b = read_all(records(*state, elements, 3));

    assert_int_equal(b.all.count, 4);
    is_record(&b.all.at[0], "a", "shard:1", "1");
    is_record(&b.all.at[1], "b", "shard:2", "2");
    is_record(&b.all.at[2], "c", "shard:2#1", "2"); /* the second is no duplicate of the first */
    is_record(&b.all.at[3], "d", "shard:3", "3");
    assert_true(b.all.at[0].carried_ms == 1767323045500);
    done(&b);
}

static void other_lists_of_messages_are_opened_too(void **state)
{
    const char *one = call(*state, "a"), *code = in_base64(*state, one, strlen(one));
    struct bench b = read_all(fb_arena_fmt(
        *state, "{\"Messages\":[{\"MessageId\":\"m1\",\"Body\":%s},{\"MessageId\":\"m2\"}]}",
        quoted(*state, one)));

    assert_int_equal(b.all.count, 2);
    is_record(&b.all.at[0], "a", "m1", "");
    is_reject(&b.all.at[1], "Messages[1].Body: no text", "");
    done(&b);
    b = read_all(fb_arena_fmt(*state,
                              "{\"deliveryStreamArn\":\"arn\",\"records\":[{\"recordId\":\"r1\","
                              "\"data\":\"%s\"}]}",
                              code));
    is_record(&b.all.at[0], "a", "r1", "");
    done(&b);
    b = read_all(fb_arena_fmt(*state,
                              "{\"receivedMessages\":[{\"ackId\":\"k\",\"message\":{\"data\":"
                              "\"%s\",\"messageId\":\"p1\"}}]}",
                              code));
    assert_int_equal(b.all.count, 1);
    is_record(&b.all.at[0], "a", "p1", "");
    done(&b);
}

static void a_queue_may_carry_a_records_file(void **state)
{
    const char *const three[] = {call(*state, "a"), "7", call(*state, "c")};
    const char *const queue = sqs(*state, "m1", records(*state, three, 3));
    struct bench b = read_all(records(*state, &queue, 1));

    assert_int_equal(b.all.count, 3);
    is_record(&b.all.at[0], "a", "m1", "m1");
    is_reject(&b.all.at[1], "Records[0].body: Records[1]: a number", "m1");
    is_record(&b.all.at[2], "c", "m1#1", "m1");
    done(&b);
}

static void one_bad_element_costs_itself_and_is_named(void **state)
{
    const char *const elements[] = {sqs(*state, "m0", call(*state, "a")),
                                    sqs(*state, "m1", "{\"cut\":"),
                                    "7",
                                    sqs(*state, "m3", "[1,2]"),
                                    kinesis(*state, "4", "%%%%"),
                                    kinesis(*state, "5", "H4sIAAAAAAAAA5=="),
                                    sqs(*state, "m6", call(*state, "g"))};
    struct bench b = read_all(records(*state, elements, 7));

    assert_int_equal(b.all.count, 7);
    is_record(&b.all.at[0], "a", "m0", "m0");
    is_reject(&b.all.at[1], "Records[1].body: cut off", "m1");
    is_reject(&b.all.at[2], "Records[2]: a number", "");
    is_reject(&b.all.at[3], "Records[3].body: an array", "m3");
    is_reject(&b.all.at[4], "Records[4]: kinesis.data: not base64", "4");
    is_reject(&b.all.at[5], "Records[5]: kinesis.data: ", "5");
    is_record(&b.all.at[6], "g", "m6", "m6");
    done(&b);
}

static void words_that_are_no_json_leave_their_carrier_whole(void **state)
{
    const char *sns = notification(*state, "n1", "AWS Budget Notification");
    const char *const elements[] = {
        sqs(*state, "m1", "Message Body"),
        kinesis(*state, "2", "SGVsbG8gV29ybGQ="),
        fb_arena_fmt(*state, "{\"EventSource\":\"aws:sns\",\"Sns\":%s}", sns),
        sqs(*state, "m4", sns),
        "{\"messageId\":\"m5\",\"eventSource\":\"aws:sqs\"}",
        "{\"eventSource\":\"aws:dynamodb\",\"id\":\"row\",\"eventID\":\"d\",\"dynamodb\":{"
        "\"SequenceNumber\":\"9\"}}"};
    struct bench b = read_all(records(*state, elements, 6));

    assert_int_equal(b.all.count, 6);
    is_record(&b.all.at[0], "", "m1", "m1");
    is_record(&b.all.at[1], "kin", "shard:2", "2");
    is_record(&b.all.at[2], "sns", "n1", ""); /* the notification, with its subject */
    is_record(&b.all.at[3], "sns", "n1", "m4");
    is_record(&b.all.at[4], "", "m5", "m5");
    is_record(&b.all.at[5], "row", "d", "9");
    assert_true(b.all.at[0].foreign && b.all.at[1].foreign && b.all.at[4].foreign);
    assert_false(b.all.at[2].foreign || b.all.at[3].foreign || b.all.at[5].foreign);
    done(&b);
}

static void a_bomb_in_a_carrier_costs_its_element_only(void **state)
{
    size_t bytes = 48u << 20, len;
    char *zeros = malloc(bytes);
    const char *elements[3];
    struct bench b;
    char *gz;

    assert_non_null(zeros);
    memset(zeros, ' ', bytes);
    zeros[0] = '{';
    gz = gzip_of(zeros, bytes, &len);
    elements[0] = kinesis(*state, "1", in_base64(*state, gz, len));
    elements[1] = kinesis(*state, "2", in_base64(*state, gz, len / 2));
    elements[2] = sqs(*state, "m3", call(*state, "c"));
    b = read_all(records(*state, elements, 3));
    assert_int_equal(b.all.count, 3);
    is_reject(&b.all.at[0], "Records[0].kinesis.data: gzip: a bomb", "1");
    is_reject(&b.all.at[1], "gzip: ", "2");
    is_record(&b.all.at[2], "c", "m3", "m3");
    done(&b);
    free(gz);
    free(zeros);
}

/* Each within every limit, all of them too much. */
static void many_small_bombs_come_to_an_end(void **state)
{
    enum { BOMBS = 60 };
    size_t bytes = 7u << 20, len;
    char *blanks = malloc(bytes);
    const char *elements[BOMBS];
    struct bench b;
    char *gz;

    assert_non_null(blanks);
    memset(blanks, ' ', bytes);
    blanks[0] = '{';
    blanks[bytes - 1] = '}';
    gz = gzip_of(blanks, bytes, &len);
    for (int i = 0; i < BOMBS; i++)
        elements[i] = kinesis(*state, "1", in_base64(*state, gz, len));
    b = read_all(records(*state, elements, BOMBS));
    assert_int_equal(b.all.count, BOMBS);
    is_reject(&b.all.at[0], "over the ceiling", "1");
    is_reject(&b.all.at[BOMBS - 1], "kinesis.data: more is packed into this source than we unpack",
              "1");
    done(&b);
    free(gz);
    free(blanks);
}

static void carriers_in_carriers_come_to_an_end(void **state)
{
    const char *text = call(*state, "a"), *deep = text;
    struct bench b;

    for (int i = 0; i < FB_OPENING_LAYERS_MAX; i++)
        deep = notification(*state, "n", deep);
    b = read_all(deep);
    is_record(&b.all.at[0], "a", "n", "");
    done(&b);
    b = read_all(notification(*state, "n", deep));
    assert_int_equal(b.all.count, 1);
    is_record(&b.all.at[0], "sns", "n", "");
    done(&b);
}

static void what_stood_oddly_around_is_told_inside(void **state)
{
    const char *const odd = fb_arena_fmt(
        *state, "{\"eventSource\":\"aws:sqs\",\"x\":1,\"x\":2,\"messageId\":\"m\",\"body\":%s}",
        quoted(*state, call(*state, "a")));
    struct bench b = read_all(records(*state, &odd, 1));

    is_record(&b.all.at[0], "a", "m", "m");
    assert_int_equal(b.all.at[0].odd, FB_ODD_DUPLICATE_KEY);
    done(&b);
}

#define LOG_KEY                                                                                    \
    "AWSLogs/111122223333/CloudTrail/us-east-1/2026/01/02/1_CloudTrail_us-east-1_x.json.gz"
#define S3(name, key)                                                                              \
    "{\"eventSource\":\"aws:s3\",\"id\":\"s3\",\"eventName\":\"" name                              \
    "\",\"s3\":{\"bucket\":{\"name\":\"trail\"},\"object\":{\"key\":\"" key "\"}}}"

static void a_notice_of_a_log_file_says_that_nobody_read_the_file(void **state)
{
    static const char *const notices[] = {
        S3("ObjectCreated:Put", LOG_KEY),
        S3("ObjectCreated:Put", "o-1%2FAWSLogs%2Fo%2F1%2FCloudTrail%2Fr%2Fx.json.gz"),
        "{\"detail-type\":\"Object Created\",\"source\":\"aws.s3\",\"detail\":{\"bucket\":{"
        "\"name\":\"trail\"},\"object\":{\"key\":\"" LOG_KEY "\"}}}",
        "{\"s3Bucket\":\"trail\",\"s3ObjectKey\":[\"" LOG_KEY "\"]}"};

    for (size_t i = 0; i < sizeof notices / sizeof *notices; i++) {
        const char *queue = sqs(*state, "m1", notices[i]);
        struct bench b = read_all(records(*state, &notices[i], 1));

        assert_int_equal(b.all.count, 1);
        is_reject(&b.all.at[0], "names an object, not an event: what s3://trail/", "");
        done(&b);
        b = read_all(records(*state, &queue, 1));
        assert_int_equal(b.all.count, 1);
        is_reject(&b.all.at[0], "names an object, not an event: what s3://trail/", "m1");
        done(&b);
    }
}

static void a_notice_of_anything_else_is_a_record(void **state)
{
    static const char *const notices[] = {
        S3("ObjectCreated:Put", "Happy%20Face.jpg"),
        S3("ObjectCreated:Put", "AWSLogs/1/CloudTrail-Digest/r/2026/1_CloudTrail-Digest_x.json.gz"),
        S3("ObjectRemoved:Delete", LOG_KEY), S3("ObjectCreated:Put", "%"),
        S3("ObjectCreated:Put", "%4")};

    for (size_t i = 0; i < sizeof notices / sizeof *notices; i++) {
        struct bench b = read_all(records(*state, &notices[i], 1));

        assert_int_equal(b.all.count, 1);
        is_record(&b.all.at[0], "s3", "", "");
        assert_string_equal(b.all.at[0].batch, "aws:s3");
        done(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(a_message_of_a_queue_gives_its_event_and_says_whose_it_is),
        FB_TEST(a_notification_is_opened_from_lambda_from_a_queue_and_alone),
        FB_TEST(a_subscription_gives_each_log_event_by_its_id_and_time),
        FB_TEST(the_knock_of_a_subscription_is_one_record),
        FB_TEST(a_stream_gives_plain_packed_and_several_events),
        FB_TEST(other_lists_of_messages_are_opened_too),
        FB_TEST(a_queue_may_carry_a_records_file),
        FB_TEST(one_bad_element_costs_itself_and_is_named),
        FB_TEST(words_that_are_no_json_leave_their_carrier_whole),
        FB_TEST(a_bomb_in_a_carrier_costs_its_element_only),
        FB_TEST(many_small_bombs_come_to_an_end),
        FB_TEST(carriers_in_carriers_come_to_an_end),
        FB_TEST(what_stood_oddly_around_is_told_inside),
        FB_TEST(a_notice_of_a_log_file_says_that_nobody_read_the_file),
        FB_TEST(a_notice_of_anything_else_is_a_record),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

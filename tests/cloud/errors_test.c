/* errors_test.c - every shape in which AWS says no, and what each code means to us. */
#include "support/fb_test.h"

#include "cloud/errors.h"

static struct fb_http_reply answer(int status, const char *type, const char *body)
{
    return (struct fb_http_reply){.st = FB_OK,
                                  .status = status,
                                  .body = body,
                                  .body_len = strlen(body),
                                  .error_type = type,
                                  .request_id = ""};
}

static enum fb_aws_class read_it(struct fb_arena *a, int status, const char *type, const char *body,
                                 struct fb_err *err)
{
    struct fb_http_reply r = answer(status, type, body);

    memset(err, 0, sizeof *err);
    return fb_aws_error_read(a, &r, NULL, err);
}

static void the_code_is_found_in_every_shape(void **state)
{
    static const struct {
        const char *type, *body;
    } shapes[] = {
        {"", "<ErrorResponse><Error><Type>Sender</Type><Code>X1</Code><Message>m</Message></"
             "Error></ErrorResponse>"},
        {"",
         "<?xml "
         "version=\"1.0\"?>\n<Response><Errors><Error><Code>X1</Code><Message>m</Message></Error>"
         "</Errors><RequestID>r</RequestID></Response>"},
        {"", "<ErrorResponse><Errors><Error><Code>X1</Code>"}, /* cut off */
        {"", "{\"__type\":\"com.amazonaws.x#X1\",\"message\":\"m\"}"},
        {"", "{\"__type\":\"X1\",\"Message\":\"m\"}"},
        {"", "{\"code\":\"X1:http://a/b#c\"}"},
        {"X1:http://internal.amazon.com/x/", "{\"message\":\"m\"}"},
        {"ns#X1", ""},
        {"X1", "<not xml"},
        {"X1", "{\"__type\":\"Other\"}"}, /* the header wins */
    };
    struct fb_err err;

    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        assert_int_equal(read_it(*state, 400, shapes[i].type, shapes[i].body, &err), FB_AWS_FATAL);
        assert_string_equal(err.aws_code, "X1");
        assert_int_equal(err.code, FB_EINPUT);
        assert_int_equal(err.http, 400);
        assert_false(err.retryable);
    }
}

static void each_code_has_its_meaning(void **state)
{
    static const struct {
        int http;
        const char *code;
        enum fb_status st;
        enum fb_aws_class class;
    } rows[] = {
        {404, "NoSuchEntity", FB_ENOTFOUND, FB_AWS_FATAL},
        {400, "InvalidInstanceID.NotFound", FB_ENOTFOUND, FB_AWS_FATAL},
        {400, "InvalidGroup.NotFound", FB_ENOTFOUND, FB_AWS_FATAL},
        {400, "ResourceNotFoundException", FB_ENOTFOUND, FB_AWS_FATAL},
        {400, "ClusterNotFoundException", FB_ENOTFOUND, FB_AWS_FATAL},
        {400, "ServiceNotActiveException", FB_ENOTFOUND, FB_AWS_FATAL},
        {403, "AccessDenied", FB_EDENIED, FB_AWS_FATAL},
        {400, "AccessDeniedException", FB_EDENIED, FB_AWS_FATAL},
        {403, "UnauthorizedOperation", FB_EDENIED, FB_AWS_FATAL},
        {401, "OptInRequired", FB_EDENIED, FB_AWS_FATAL},
        {400, "SubscriptionRequiredException", FB_EDENIED, FB_AWS_FATAL},
        {403, "InvalidClientTokenId", FB_EDENIED, FB_AWS_CREDENTIALS},
        {401, "AuthFailure", FB_EDENIED, FB_AWS_CREDENTIALS},
        {403, "ExpiredToken", FB_EDENIED, FB_AWS_CREDENTIALS},
        {400, "ExpiredTokenException", FB_EDENIED, FB_AWS_CREDENTIALS},
        {403, "SignatureDoesNotMatch", FB_EDENIED, FB_AWS_CREDENTIALS},
        {403, "RequestTimeTooSkewed", FB_EDENIED, FB_AWS_CREDENTIALS},
        {503, "RequestLimitExceeded", FB_ETHROTTLED, FB_AWS_THROTTLE},
        {400, "Throttling", FB_ETHROTTLED, FB_AWS_THROTTLE},
        {400, "ThrottlingException", FB_ETHROTTLED, FB_AWS_THROTTLE},
        {429, "", FB_ETHROTTLED, FB_AWS_THROTTLE},
        {429, "Whatever", FB_ETHROTTLED, FB_AWS_THROTTLE},
        {509, "", FB_ETHROTTLED, FB_AWS_THROTTLE},
        {500, "", FB_EIO, FB_AWS_TRANSIENT},
        {502, "", FB_EIO, FB_AWS_TRANSIENT},
        {503, "ServiceUnavailable", FB_EIO, FB_AWS_TRANSIENT},
        {504, "", FB_EIO, FB_AWS_TRANSIENT},
        {409, "ConcurrentModification", FB_ECONFLICT, FB_AWS_TRANSIENT},
        {409, "EntityAlreadyExists", FB_ECONFLICT, FB_AWS_FATAL},
        {400, "InvalidGroup.Duplicate", FB_ECONFLICT, FB_AWS_FATAL},
        {400, "ConditionalCheckFailedException", FB_ECONFLICT, FB_AWS_FATAL},
        {400, "OperationNotPermitted", FB_ECONFLICT, FB_AWS_FATAL},
        {409, "LimitExceeded", FB_ELIMIT, FB_AWS_FATAL}, /* IAM's quota, no throttle */
        {400, "InvalidAction", FB_EUNSUPPORTED, FB_AWS_FATAL},
        {400, "UnknownOperationException", FB_EUNSUPPORTED, FB_AWS_FATAL},
        {501, "", FB_EUNSUPPORTED, FB_AWS_FATAL},
        {412, "DryRunOperation", FB_EINPUT, FB_AWS_FATAL},
        {400, "MalformedPolicyDocument", FB_EINPUT, FB_AWS_FATAL},
        {404, "", FB_ENOTFOUND, FB_AWS_FATAL},
        {403, "", FB_EDENIED, FB_AWS_FATAL},
        {302, "", FB_EIO, FB_AWS_FATAL},
    };
    struct fb_err err;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        enum fb_aws_class class = read_it(*state, rows[i].http, rows[i].code, "", &err);

        if (class != rows[i].class || err.code != rows[i].st)
            fail_msg("HTTP %d %s: class %d, %s", rows[i].http, rows[i].code, (int)class,
                     fb_status_name(err.code));
        assert_string_equal(err.aws_code, rows[i].code);
    }
}

static void auto_scaling_says_not_found_in_words(void **state)
{
    struct fb_err err;

    (void)read_it(*state, 400, "",
                  "<Code>ValidationError</Code><Message>Group name not found</Message>", &err);
    assert_int_equal(err.code, FB_ENOTFOUND);
    (void)read_it(*state, 400, "", "<Code>ValidationError</Code><Message>bad size</Message>", &err);
    assert_int_equal(err.code, FB_EINPUT);
}

/* Stand-ins answer a page for what they do not know; a real service that breaks names the request.
 */
static void an_html_page_means_an_unknown_operation_only_without_a_request_id(void **state)
{
    static const char page[] =
        "\n<!doctype html>\n<html><title>500</title><Code>NoSuchEntity</Code>";
    struct fb_http_reply r = answer(500, "", page);
    struct fb_err err = {0};

    assert_int_equal(fb_aws_error_read(*state, &r, NULL, &err), FB_AWS_BROKEN);
    assert_int_equal(err.code, FB_EUNSUPPORTED);
    assert_string_equal(err.aws_code, ""); /* nothing in a page is a code */
    r.request_id = "r-1";
    assert_int_equal(fb_aws_error_read(*state, &r, NULL, &err), FB_AWS_TRANSIENT);
    assert_int_equal(err.code, FB_EIO);
    r = answer(503, "", page);
    assert_int_equal(fb_aws_error_read(*state, &r, NULL, &err), FB_AWS_TRANSIENT);
    assert_int_equal(err.code, FB_EIO);
    r = answer(404, "", page);
    assert_int_equal(fb_aws_error_read(*state, &r, NULL, &err), FB_AWS_FATAL);
    assert_int_equal(err.code, FB_EUNSUPPORTED);
}

/* AWS repeats the whole canonical request, token and all, when a signature does not match. */
static void no_secret_comes_back_out_of_an_error(void **state)
{
    static char secret[] = "canaryCANARYcanary/SECRET+key==",
                token[] = "canaryCANARYcanaryTOKEN//=";
    struct fb_aws_credentials c = {.secret = {secret, sizeof secret - 1},
                                   .token = {token, sizeof token - 1}};
    const char *const bodies[] = {
        "<Code>SignatureDoesNotMatch</Code><Message>no match. The Canonical String was\n'POST\n/\n"
        "x-amz-security-token:canaryCANARYcanaryTOKEN//=\n'</Message>",
        "<Code>X</Code><Message>you sent canaryCANARYcanaryTOKEN//= and "
        "canaryCANARYcanary/SECRET+key==."
        "</Message>",
        "{\"__type\":\"canaryCANARYcanaryTOKEN//=\",\"message\":\"canaryCANARYcanary\\/"
        "SECRET+key==\"}",
    };

    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct fb_http_reply r = answer(403, "", bodies[i]);
        struct fb_err err = {0};

        (void)fb_aws_error_read(*state, &r, &c, &err);
        print_message("  %s\n", err.text);
        assert_null(strstr(err.text, "canary"));
        assert_null(strstr(err.aws_code, "canary"));
    }
}

static void hostile_bytes_become_plain_words_of_bounded_length(void **state)
{
    char *long_code = fb_arena_alloc(*state, 5000);
    struct fb_http_reply r =
        answer(400, "", "<Code>A\x1b[31mB\x07</Code><Message>\x1b]0;x\x07\xff\xfe</Message>");
    struct fb_err err = {0};

    r.request_id = "id\r\nx\x1b";
    (void)fb_aws_error_read(*state, &r, NULL, &err);
    for (const char *p = err.text; *p; p++)
        assert_true((unsigned char)*p >= ' ');
    assert_null(strpbrk(err.request_id, "\r\n\x1b"));
    memset(long_code, 'x', 4999);
    r = answer(400, long_code, long_code);
    (void)fb_aws_error_read(*state, &r, NULL, &err);
    assert_int_equal(strlen(err.aws_code), sizeof err.aws_code - 1);
}

/* Any cut of any answer is read without harm; the exit of a half answer is never FB_OK. */
static void every_prefix_of_an_answer_is_read_as_a_refusal(void **state)
{
    static const char *const bodies[] = {
        "<Response><Errors><Error><Code>Throttling</Code><Message>m</Message>",
        "{\"__type\":\"a#ThrottlingException\",\"message\":\"\\u0000\"}",
        "<!doctype html><html></html>"};

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        for (size_t len = 0; len <= strlen(bodies[i]); len++) {
            struct fb_arena *a = fb_arena_new(1 << 20);
            struct fb_err err = {0};

            (void)read_it(a, 400, "", fb_arena_strn(a, bodies[i], len), &err);
            assert_true(err.code != FB_OK && err.text[0]);
            fb_arena_free(a);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(the_code_is_found_in_every_shape),
        FB_TEST(each_code_has_its_meaning),
        FB_TEST(auto_scaling_says_not_found_in_words),
        FB_TEST(an_html_page_means_an_unknown_operation_only_without_a_request_id),
        FB_TEST(no_secret_comes_back_out_of_an_error),
        FB_TEST(hostile_bytes_become_plain_words_of_bounded_length),
        FB_TEST(every_prefix_of_an_answer_is_read_as_a_refusal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

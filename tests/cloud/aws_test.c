/* aws_test.c - what a call does when the peer throttles, breaks, hangs, lies or looks at another
 * clock. */
#include "support/fb_test.h"

#include "cloud/aws.h"
#include "support/fault_server.h"

static const char SECRET[] = "canary/CANARY+secretcanaryCANARY=",
                  TOKEN[] = "canaryTOKENcanaryTOKEN//==";
static const char OK[] = "<R><V>1</V></R>";
static const char THROTTLED[] =
    "<Response><Errors><Error><Code>RequestLimitExceeded</Code>"
    "<Message>Request limit exceeded.</Message></Error></Errors></Response>";
static const char EXPIRED[] =
    "<ErrorResponse><Error><Code>ExpiredToken</Code><Message>old</Message>"
    "</Error></ErrorResponse>";

/* A client in front of a scripted peer. Time is the machine's, shifted by skew_ms. */
struct bench {
    struct fb_arena *arena;
    struct fb_fault_server *server;
    struct fb_aws *aws;
    const char *env[12];
    struct fb_aws_options options;
    struct fb_aws_credentials keys;
    int64_t skew_ms;
    int calls;
};

static int64_t shifted_wall(void *self)
{
    const struct bench *b = self;
    struct fb_clock c = fb_clock_system();

    return fb_wall_ms(&c) + b->skew_ms;
}

static int64_t plain_mono(void *self)
{
    struct fb_clock c = fb_clock_system();

    (void)self;
    return fb_mono_ms(&c);
}

static void counted(void *self, const struct fb_aws_call *call)
{
    struct bench *b = self;

    assert_non_null(call->action);
    b->calls++;
}

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);

    if (!b)
        return -1;
    b->arena = fb_arena_new(64u << 20);
    b->options = (struct fb_aws_options){
        .clock = {.wall_ms = shifted_wall, .mono_ms = plain_mono, .self = b},
        .env = b->env,
        .jitter_seed = 42,
        .on_call = counted,
        .on_call_self = b,
        .fixed = &b->keys,
        .backoff_ms = 20};
    (void)snprintf(b->keys.access_key, sizeof b->keys.access_key, "AKIATEST");
    (void)fb_secret_set(&b->keys.secret, SECRET, strlen(SECRET));
    (void)fb_secret_set(&b->keys.token, TOKEN, strlen(TOKEN));
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;

    fb_aws_free(b->aws);
    fb_fault_server_stop(b->server);
    fb_aws_credentials_release(&b->keys);
    fb_arena_free(b->arena);
    free(b);
    return 0;
}

static void start(struct bench *b, const struct fb_fault_rule *rules, size_t n)
{
    size_t i = 0;

    b->server = fb_fault_server_start(rules, n);
    assert_non_null(b->server);
    while (b->env[i])
        i++;
    b->env[i] = fb_arena_fmt(b->arena, "AWS_ENDPOINT_URL=%s", fb_fault_server_url(b->server));
    b->aws = fb_aws_new(&b->options);
    assert_non_null(b->aws);
}

static void start_with(struct bench *b, struct fb_fault_answer first, struct fb_fault_answer second,
                       struct fb_fault_answer third)
{
    struct fb_fault_rule rule = {NULL, {first, second, third}};

    start(b, &rule, 1);
}

static struct fb_aws_reply ask(struct bench *b, const char *action)
{
    struct fb_aws_call c = {.service = "ec2", .action = action, .region = "eu-west-1"};
    struct fb_aws_reply r = {0};

    fb_aws_do(b->aws, b->arena, &c, 0, &r);
    if (r.st != FB_OK)
        print_message("  %s\n", r.err.text);
    return r;
}

static const char *sent_header(struct bench *b, size_t i, const char *name)
{
    const char *at = strstr(fb_fault_server_request(b->server, i), name);

    assert_non_null(at);
    at += strlen(name);
    return fb_arena_strn(b->arena, at, strcspn(at, "\r\n"));
}

static void throttled_twice_is_asked_three_times(void **state)
{
    struct bench *b = *state;
    struct fb_aws_reply r;

    start_with(b, (struct fb_fault_answer){.status = 503, .body = THROTTLED},
               (struct fb_fault_answer){.status = 503, .body = THROTTLED},
               (struct fb_fault_answer){.body = OK});
    r = ask(b, "StopInstances");
    assert_int_equal(r.st, FB_OK);
    assert_int_equal(r.tries, 3);
    assert_int_equal(b->calls, 3);
    assert_int_equal(fb_aws_sent(b->aws), 3);
    assert_string_equal(fb_xml_text(r.xml, "V"), "1");
}

static void what_stays_throttled_is_told_as_throttled(void **state)
{
    struct bench *b = *state;
    struct fb_aws_reply r;

    start_with(b, (struct fb_fault_answer){.status = 503, .body = THROTTLED},
               (struct fb_fault_answer){0}, (struct fb_fault_answer){0});
    r = ask(b, "StopInstances");
    assert_int_equal(r.st, FB_ETHROTTLED);
    assert_int_equal(r.tries, 4);
    assert_true(r.err.retryable);
    assert_string_equal(r.err.aws_code, "RequestLimitExceeded");
    assert_int_equal(r.err.http, 503);
}

/* Full jitter: never longer than the doubling ceiling, and not the same each time. */
static void back_off_is_jittered_and_bounded(void **state)
{
    struct bench *b = *state;
    struct fb_clock c = fb_clock_system();
    int64_t before, took;

    b->options.backoff_ms = 50;
    b->options.tries_max = 3;
    start_with(b, (struct fb_fault_answer){.status = 429}, (struct fb_fault_answer){0},
               (struct fb_fault_answer){0});
    before = fb_mono_ms(&c);
    for (int i = 0; i < 5; i++)
        assert_int_equal(ask(b, "StopInstances").tries, 3);
    took = fb_mono_ms(&c) - before;
    assert_true(took >= 10);            /* some waiting there was ... */
    assert_true(took < 5 * 150 + 1000); /* ... at most 50 + 100 ms a call */
}

struct many {
    struct fb_aws_reply last;
    int tries, left;
    const char *action;
};

static bool many_next(void *self, const struct fb_aws_reply *prev, struct fb_aws_call *out)
{
    struct many *m = self;

    if (prev) {
        m->last = *prev;
        m->tries += prev->tries;
    }
    if (m->left-- <= 0)
        return false;
    *out = (struct fb_aws_call){.service = "ec2", .action = m->action, .region = "eu-west-1"};
    return true;
}

static void the_retry_budget_is_shared_and_spent_once_a_run(void **state)
{
    struct bench *b = *state;
    struct fb_aws_chain chains[10];
    struct many many[10];
    int told = 0;

    b->options.retry_budget = 7;
    start_with(b, (struct fb_fault_answer){.status = 503, .body = THROTTLED},
               (struct fb_fault_answer){0}, (struct fb_fault_answer){0});
    for (int run = 1; run <= 2; run++) {
        for (int i = 0; i < 10; i++) {
            many[i] = (struct many){.left = 1, .action = "DescribeInstances"};
            chains[i] = (struct fb_aws_chain){&many[i], many_next};
        }
        fb_aws_run(b->aws, b->arena, chains, 10, 0);
        assert_int_equal(fb_fault_server_count(b->server), run * 17); /* 10 calls and 7 retries */
        for (int i = 0; i < 10; i++) {
            assert_int_equal(many[i].last.st, FB_ETHROTTLED);
            told += strstr(many[i].last.err.text, "retries are used up") != NULL;
        }
    }
    assert_true(told > 0);
}

static void passing_faults_are_asked_again_lasting_ones_are_named(void **state)
{
    static const struct {
        struct fb_fault_answer answer;
        enum fb_status st;
        int tries;
    } rows[] = {
        {{.fault = FB_FAULT_CLOSE_AT_ONCE}, FB_EIO, 4},
        {{.body = OK, .fault = FB_FAULT_CLOSE_MID_BODY}, FB_EIO, 4},
        {{.body = "<R><half>"}, FB_EIO, 4},
        {{.body = ""}, FB_EIO, 4},
        {{.body = "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>"}, FB_EIO, 4},
        {{.fault = FB_FAULT_HANG}, FB_ETIMEOUT, 4},
        {{.status = 502, .body = "<html>bad gateway</html>"}, FB_EIO, 4},
        {{.status = 500, .body = "<html>no</html>"}, FB_EUNSUPPORTED, 2},
        {{.status = 500, .body = "<html>no</html>", .headers = "x-amzn-RequestId: r\r\n"},
         FB_EIO,
         4},
        {{.status = 302, .headers = "Location: http://127.0.0.1:1/\r\n"}, FB_EIO, 1},
        {{.status = 400, .body = "<E><Code>InvalidAction</Code></E>"}, FB_EUNSUPPORTED, 1},
        {{.status = 403, .body = "<E><Code>UnauthorizedOperation</Code></E>"}, FB_EDENIED, 1},
        {{.body = "<a>aaaaaaaaaaaaaaaaaaaaaaaaaaaaa", .body_times = 600000}, FB_ELIMIT, 1},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bench *b;
        struct fb_aws_reply r;
        void *fresh = NULL;

        (void)state;
        assert_int_equal(set_up(&fresh), 0);
        b = fresh;
        b->options.call_timeout_ms = rows[i].st == FB_ETIMEOUT ? 60 : 0;
        start_with(b, rows[i].answer, (struct fb_fault_answer){0}, (struct fb_fault_answer){0});
        r = ask(b, "DescribeInstances");
        assert_int_equal(r.st, rows[i].st);
        assert_int_equal(r.tries, rows[i].tries);
        assert_int_equal(fb_fault_server_count(b->server), rows[i].tries);
        assert_null(r.xml);
        assert_non_null(strstr(r.err.text, "ec2 DescribeInstances eu-west-1"));
        (void)tear_down(&fresh);
    }
}

/* A support case that may have been opened must not be opened twice. */
static void a_call_that_must_happen_once_is_repeated_only_when_it_was_refused(void **state)
{
    struct fb_aws_call c = {
        .service = "ec2", .action = "CreateCase", .region = "eu-west-1", .once = true};
    struct bench *b = *state;
    struct fb_aws_reply r;

    start_with(b, (struct fb_fault_answer){.status = 503, .body = THROTTLED},
               (struct fb_fault_answer){.status = 503, .body = THROTTLED},
               (struct fb_fault_answer){.fault = FB_FAULT_CLOSE_AT_ONCE});
    fb_aws_do(b->aws, b->arena, &c, 0, &r);
    assert_int_equal(r.st, FB_EIO);
    assert_int_equal(r.tries, 3);
    assert_int_equal(fb_fault_server_count(b->server), 3);
}

static void the_deadline_tells_every_chain_and_sends_no_retry_after_it(void **state)
{
    struct bench *b = *state;
    struct fb_aws_chain chains[20];
    struct many many[20];
    struct fb_clock c = fb_clock_system();
    int64_t before = fb_mono_ms(&c);

    start_with(b, (struct fb_fault_answer){.fault = FB_FAULT_HANG}, (struct fb_fault_answer){0},
               (struct fb_fault_answer){0});
    for (int i = 0; i < 20; i++) {
        many[i] = (struct many){.left = 2, .action = "DescribeInstances"};
        chains[i] = (struct fb_aws_chain){&many[i], many_next};
    }
    fb_aws_run(b->aws, b->arena, chains, 20, before + 200);
    assert_true(fb_mono_ms(&c) - before < 2000);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(many[i].last.st, FB_ETIMEOUT);
        assert_int_equal(many[i].tries, 2); /* one for each call */
    }
    assert_int_equal(fb_fault_server_count(b->server), 20);
}

/* No time for a back-off: the caller learns of the throttle at once, not of the deadline later. */
static void a_retry_that_would_come_too_late_is_not_waited_for(void **state)
{
    struct bench *b = *state;
    struct fb_aws_call call = {
        .service = "ec2", .action = "DescribeInstances", .region = "eu-west-1"};
    struct fb_clock c = fb_clock_system();
    struct fb_aws_reply r;
    int64_t before;

    b->options.backoff_ms = 1000000; /* cut to 5 s: with this seed the first one is over 1 s */
    start_with(b, (struct fb_fault_answer){.status = 429}, (struct fb_fault_answer){0},
               (struct fb_fault_answer){0});
    before = fb_mono_ms(&c);
    fb_aws_do(b->aws, b->arena, &call, before + 1000, &r);
    assert_int_equal(r.st, FB_ETHROTTLED);
    assert_int_equal(r.tries, 1);
    assert_true(fb_mono_ms(&c) - before < 900);
}

static void thirty_regions_with_two_calls_take_the_time_of_one(void **state)
{
    struct bench *b = *state;
    struct fb_aws_chain chains[30];
    struct many many[30];
    struct fb_clock c = fb_clock_system();
    int64_t before, took;

    start_with(b, (struct fb_fault_answer){.body = OK, .delay_ms = 50}, (struct fb_fault_answer){0},
               (struct fb_fault_answer){0});
    for (int i = 0; i < 30; i++) {
        many[i] = (struct many){.left = 2, .action = "DescribeInstances"};
        chains[i] = (struct fb_aws_chain){&many[i], many_next};
    }
    before = fb_mono_ms(&c);
    fb_aws_run(b->aws, b->arena, chains, 30, 0);
    took = fb_mono_ms(&c) - before;
    print_message("  30 x 2 calls of 50 ms: %d ms\n", (int)took);
    for (int i = 0; i < 30; i++)
        assert_int_equal(many[i].last.st, FB_OK);
    assert_true(took >= 100 && took < 1000);
}

static void read_only_sends_nothing_that_is_no_read(void **state)
{
    static const char *const changes[] = {"StopInstances",
                                          "PutUserPolicy",
                                          "Deleted",
                                          "Getaway",
                                          "getUser",
                                          "AssumeRole",
                                          "GetSessionToken",
                                          "GetFederationToken",
                                          "GetRoleCredentials",
                                          "Listen",
                                          "RunInstances",
                                          "ReceiveMessage",
                                          "GenerateCredentialReport",
                                          "TransactWriteItems",
                                          ""};
    static const char *const reads[] = {"GetUser",
                                        "ListUsers",
                                        "DescribeInstances",
                                        "LookupEvents",
                                        "HeadObject",
                                        "GetItem",
                                        "Query",
                                        "Scan",
                                        "BatchGetItem",
                                        "GetCallerIdentity",
                                        "ListServiceSpecificCredentials"};
    struct fb_aws_call put = {.service = "lambda",
                              .action = "GetFunction",
                              .region = "eu-west-1",
                              .method = "PUT",
                              .path = "/x"};
    struct bench *b = *state;
    struct fb_aws_reply r;

    start_with(b, (struct fb_fault_answer){.body = OK}, (struct fb_fault_answer){0},
               (struct fb_fault_answer){0});
    fb_aws_read_only(b->aws, true);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        r = ask(b, changes[i]);
        assert_int_equal(r.st, FB_EGUARD);
        assert_int_equal(r.tries, 0);
    }
    fb_aws_do(b->aws, b->arena, &put, 0, &r); /* a read's name on a writing method */
    assert_int_equal(r.st, FB_EGUARD);
    assert_int_equal(fb_fault_server_count(b->server), 0);
    assert_int_equal(fb_fault_server_connections(b->server), 0);
    assert_int_equal(b->calls, 0);
    for (size_t i = 0; i < sizeof reads / sizeof *reads; i++)
        assert_int_equal(ask(b, reads[i]).st, FB_OK);
    assert_int_equal(fb_fault_server_count(b->server), sizeof reads / sizeof *reads);
    fb_aws_read_only(b->aws, false);
    assert_int_equal(ask(b, "StopInstances").st, FB_OK);
}

static void a_form_cannot_name_another_action(void **state)
{
    static const char *const forms[] = {"Action=DeleteUser", "UserName=x&Action=DeleteUser"};
    struct bench *b = *state;
    struct fb_aws_reply r;

    start_with(b, (struct fb_fault_answer){.body = OK}, (struct fb_fault_answer){0},
               (struct fb_fault_answer){0});
    for (size_t i = 0; i < 2; i++) {
        struct fb_aws_call c = {.service = "iam", .action = "GetUser", .form = forms[i]};

        fb_aws_do(b->aws, b->arena, &c, 0, &r);
        assert_int_equal(r.st, FB_EINPUT);
    }
    assert_int_equal(fb_fault_server_count(b->server), 0);
}

/* Our clock is an hour slow. The peer says so once, all later calls know it. */
static void a_clock_that_is_off_is_corrected_once(void **state)
{
    static const char SKEWED[] = "<E><Error><Code>RequestTimeTooSkewed</Code></Error></E>";
    struct bench *b = *state;
    struct fb_fault_answer refused = {
        .status = 403, .body = SKEWED, .headers = "Date: Wed, 21 Oct 2065 07:28:00 GMT\r\n"};
    struct fb_aws_reply r;

    start_with(b, refused, (struct fb_fault_answer){.body = OK}, (struct fb_fault_answer){0});
    r = ask(b, "DescribeInstances");
    assert_int_equal(r.st, FB_OK);
    assert_int_equal(r.tries, 2);
    assert_true(fb_aws_peer_skew_ms(b->aws) > INT64_C(86400000)); /* known to who asks for it */
    assert_null(strstr(sent_header(b, 0, "x-amz-date: "), "20651021T"));
    assert_non_null(strstr(sent_header(b, 1, "x-amz-date: "), "20651021T0728"));
    assert_int_equal(ask(b, "DescribeInstances").tries, 1);
    assert_non_null(strstr(sent_header(b, 2, "x-amz-date: "), "20651021T0728"));
}

static void a_wrong_secret_is_not_taken_for_a_wrong_clock(void **state)
{
    static const char WRONG[] = "<E><Error><Code>SignatureDoesNotMatch</Code></Error></E>";
    struct bench *b = *state;
    struct fb_fault_answer refused = {.status = 403, .body = WRONG};

    start_with(b, refused, (struct fb_fault_answer){0}, (struct fb_fault_answer){0});
    assert_int_equal(ask(b, "DescribeInstances").tries, 1);
}

static const char *document(struct bench *b, const char *key, const char *expires)
{
    return fb_arena_fmt(b->arena,
                        "{\"AccessKeyId\":\"%s\",\"SecretAccessKey\":\"s\",\"Token\":\"t-%s\","
                        "\"Expiration\":\"%s\"}",
                        key, key, expires);
}

/* Credentials from a container endpoint, for the life of a client. */
static void start_container(struct bench *b, struct fb_fault_rule *rules, size_t n)
{
    b->options.fixed = NULL;
    b->env[0] = "AWS_CONTAINER_CREDENTIALS_FULL_URI=";
    start(b, rules, n);
    b->env[0] = fb_arena_fmt(b->arena, "AWS_CONTAINER_CREDENTIALS_FULL_URI=%s/creds",
                             fb_fault_server_url(b->server));
}

static void stale_credentials_are_renewed_once_and_the_call_repeated(void **state)
{
    struct bench *b = *state;
    struct fb_fault_rule rules[] = {{"GET /creds",
                                     {{.body = document(b, "ASIA1", "2099-01-01T00:00:00Z")},
                                      {.body = document(b, "ASIA2", "2099-01-01T00:00:00Z")}}},
                                    {"Credential=ASIA1/", {{.status = 403, .body = EXPIRED}}},
                                    {NULL, {{.body = OK}}}};
    struct fb_aws_chain chains[5];
    struct many many[5];

    start_container(b, rules, 3);
    assert_string_equal(fb_aws_own_key(b->aws), "");
    for (int i = 0; i < 5; i++) {
        many[i] = (struct many){.left = 2, .action = "DescribeInstances"};
        chains[i] = (struct fb_aws_chain){&many[i], many_next};
    }
    fb_aws_run(b->aws, b->arena, chains, 5, 0);
    for (int i = 0; i < 5; i++)
        assert_int_equal(many[i].last.st, FB_OK);
    assert_string_equal(fb_aws_own_key(b->aws), "ASIA2");
    /* Two look-ups, five refused calls, ten good ones. */
    assert_int_equal(fb_fault_server_count(b->server), 17);
}

static void credentials_that_stay_stale_are_told_without_a_storm(void **state)
{
    struct bench *b = *state;
    struct fb_fault_rule rules[] = {
        {"GET /creds", {{.body = document(b, "ASIA1", "2099-01-01T00:00:00Z")}}},
        {NULL, {{.status = 403, .body = EXPIRED}}}};
    struct fb_aws_chain chains[5];
    struct many many[5];

    start_container(b, rules, 2);
    for (int i = 0; i < 5; i++) {
        many[i] = (struct many){.left = 2, .action = "DescribeInstances"};
        chains[i] = (struct fb_aws_chain){&many[i], many_next};
    }
    fb_aws_run(b->aws, b->arena, chains, 5, 0);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(many[i].last.st, FB_EDENIED);
        assert_string_equal(many[i].last.err.aws_code, "ExpiredToken");
        assert_int_equal(many[i].tries, 2);
    }
    /* Looked for at the start and once more; each of ten calls sent once. */
    assert_int_equal(fb_fault_server_count(b->server), 12);
}

static const char *in_minutes(struct bench *b, int minutes)
{
    struct fb_clock c = fb_clock_system();
    char text[FB_TIME_MAX];

    return fb_arena_str(b->arena, fb_time_iso(fb_wall_ms(&c) + minutes * 60000, text));
}

static void credentials_are_renewed_ten_minutes_before_they_expire(void **state)
{
    struct bench *b = *state;
    struct fb_fault_rule rules[] = {{"GET /creds",
                                     {{.body = document(b, "ASIA1", in_minutes(b, 30))},
                                      {.body = document(b, "ASIA2", in_minutes(b, 300))}}},
                                    {NULL, {{.body = OK}}}};

    start_container(b, rules, 2);
    assert_int_equal(ask(b, "DescribeInstances").st, FB_OK);
    b->skew_ms = 19 * 60000;
    assert_int_equal(ask(b, "DescribeInstances").st, FB_OK);
    assert_string_equal(fb_aws_own_key(b->aws), "ASIA1");
    b->skew_ms = 21 * 60000;
    assert_int_equal(ask(b, "DescribeInstances").st, FB_OK);
    assert_string_equal(fb_aws_own_key(b->aws), "ASIA2");
}

/* The source is down: older credentials serve as long as they are valid, and no longer. */
static void older_credentials_serve_until_they_really_end(void **state)
{
    struct bench *b = *state;
    struct fb_fault_rule rules[] = {
        {"GET /creds",
         {{.body = document(b, "ASIA1", in_minutes(b, 30))}, {.status = 403, .body = "{}"}}},
        {NULL, {{.body = OK}}}};
    struct fb_aws_reply r;

    start_container(b, rules, 2);
    assert_int_equal(ask(b, "DescribeInstances").st, FB_OK);
    b->skew_ms = 25 * 60000;
    assert_int_equal(ask(b, "DescribeInstances").st, FB_OK);
    b->skew_ms = 31 * 60000;
    r = ask(b, "DescribeInstances");
    assert_int_equal(r.st, FB_EDENIED);
    assert_int_equal(r.tries, 0);
}

static void without_credentials_every_call_says_where_we_looked(void **state)
{
    struct bench *b = *state;
    struct fb_aws_reply r;

    b->options.fixed = NULL;
    b->env[0] = "AWS_EC2_METADATA_DISABLED=true";
    start_with(b, (struct fb_fault_answer){.body = OK}, (struct fb_fault_answer){0},
               (struct fb_fault_answer){0});
    r = ask(b, "DescribeInstances");
    assert_int_equal(r.st, FB_EDENIED);
    assert_non_null(strstr(r.err.text, "AWS_ACCESS_KEY_ID"));
    assert_int_equal(r.tries, 0);
    assert_int_equal(fb_fault_server_count(b->server), 0);
}

static void the_home_region_is_the_environments(void **state)
{
    struct bench *b = *state;

    b->env[0] = "AWS_DEFAULT_REGION=eu-south-2";
    start_with(b, (struct fb_fault_answer){.body = OK}, (struct fb_fault_answer){0},
               (struct fb_fault_answer){0});
    assert_string_equal(fb_aws_home_region(b->aws), "eu-south-2");
    fb_aws_free(b->aws);
    b->env[0] = "AWS_REGION=";
    b->aws = fb_aws_new(&b->options);
    assert_string_equal(fb_aws_home_region(b->aws), "us-east-1");
}

static void json_calls_carry_their_target_and_version(void **state)
{
    struct fb_aws_call dynamodb = {
        .service = "dynamodb", .action = "GetItem", .region = "eu-west-1", .json = "{\"a\":1}"};
    struct fb_aws_call ecs = {.service = "ecs", .action = "ListClusters", .region = "eu-west-1"};
    struct bench *b = *state;
    struct fb_aws_reply r;

    start_with(b, (struct fb_fault_answer){.body = "{\"x\":\"y\"}"},
               (struct fb_fault_answer){.body = "{bad"},
               (struct fb_fault_answer){.status = 204, .body = ""});
    fb_aws_do(b->aws, b->arena, &dynamodb, 0, &r);
    assert_int_equal(r.st, FB_OK);
    assert_string_equal(fb_json_get_str(r.json, "x"), "y");
    assert_string_equal(sent_header(b, 0, "x-amz-target: "), "DynamoDB_20120810.GetItem");
    assert_string_equal(sent_header(b, 0, "content-type: "), "application/x-amz-json-1.0");
    assert_non_null(
        strstr(sent_header(b, 0, "authorization: "), "/eu-west-1/dynamodb/aws4_request"));
    fb_aws_do(b->aws, b->arena, &ecs, 0, &r); /* garbage first, then an empty body */
    assert_int_equal(r.st, FB_OK);
    assert_int_equal(r.tries, 2);
    assert_null(r.json);
    assert_string_equal(sent_header(b, 1, "content-type: "), "application/x-amz-json-1.1");
    assert_non_null(strstr(fb_fault_server_request(b->server, 1), "\r\n\r\n{}"));
}

/* The canary: no secret in any text that an error carries, whatever the peer sends back. */
static void secrets_never_come_out_in_an_error(void **state)
{
    static const char ECHO[] =
        "<E><Code>SignatureDoesNotMatch</Code><Message>canaryTOKENcanaryTOKEN//== "
        "canary/CANARY+secretcanaryCANARY=</Message></E>";
    struct fb_fault_answer answers[] = {{.status = 403, .body = ECHO},
                                        {.status = 500, .body = ECHO},
                                        {.body = ECHO, .fault = FB_FAULT_CLOSE_MID_BODY},
                                        {.body = ECHO, .fault = FB_FAULT_NOT_HTTP},
                                        {.body = "canaryTOKENcanaryTOKEN//=="},
                                        {.status = 302, .headers = "Location: /canaryTOKEN\r\n"},
                                        {.fault = FB_FAULT_CLOSE_AT_ONCE}};

    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct fb_aws_reply r;
        struct bench *b;
        void *fresh = NULL;

        assert_int_equal(set_up(&fresh), 0);
        b = fresh;
        b->options.tries_max = 2;
        start_with(b, answers[i], (struct fb_fault_answer){0}, (struct fb_fault_answer){0});
        r = ask(b, "DescribeInstances");
        assert_int_not_equal(r.st, FB_OK);
        assert_null(strstr(r.err.text, "canary"));
        assert_null(strstr(r.err.aws_code, "canary"));
        /* The secret itself is never on the wire; the token is, in its header. */
        assert_null(strstr(fb_fault_server_request(b->server, 0), SECRET));
        assert_non_null(strstr(fb_fault_server_request(b->server, 0), TOKEN));
        (void)tear_down(&fresh);
    }
}

static void an_unknown_service_or_region_is_refused_unsent(void **state)
{
    struct fb_aws_call bad[] = {
        {.service = "s4", .action = "GetX", .region = ""},
        {.service = "ec2", .action = "DescribeX", .region = "evil.com/"},
        {.service = "ec2", .action = NULL, .region = ""},
        {.service = "lambda", .action = "GetX", .region = "", .method = "GET"},
        {.service = NULL, .action = "GetX", .region = NULL}};
    struct bench *b = *state;

    start_with(b, (struct fb_fault_answer){.body = OK}, (struct fb_fault_answer){0},
               (struct fb_fault_answer){0});
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct fb_aws_reply r;

        fb_aws_do(b->aws, b->arena, &bad[i], 0, &r);
        assert_true(r.st == FB_EUNSUPPORTED || r.st == FB_EINPUT);
        assert_int_equal(r.tries, 0);
    }
    assert_int_equal(fb_fault_server_count(b->server), 0);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(throttled_twice_is_asked_three_times),
        CASE(what_stays_throttled_is_told_as_throttled),
        CASE(back_off_is_jittered_and_bounded),
        CASE(the_retry_budget_is_shared_and_spent_once_a_run),
        CASE(passing_faults_are_asked_again_lasting_ones_are_named),
        CASE(a_call_that_must_happen_once_is_repeated_only_when_it_was_refused),
        CASE(the_deadline_tells_every_chain_and_sends_no_retry_after_it),
        CASE(a_retry_that_would_come_too_late_is_not_waited_for),
        CASE(thirty_regions_with_two_calls_take_the_time_of_one),
        CASE(read_only_sends_nothing_that_is_no_read),
        CASE(a_form_cannot_name_another_action),
        CASE(a_clock_that_is_off_is_corrected_once),
        CASE(a_wrong_secret_is_not_taken_for_a_wrong_clock),
        CASE(stale_credentials_are_renewed_once_and_the_call_repeated),
        CASE(credentials_that_stay_stale_are_told_without_a_storm),
        CASE(credentials_are_renewed_ten_minutes_before_they_expire),
        CASE(older_credentials_serve_until_they_really_end),
        CASE(without_credentials_every_call_says_where_we_looked),
        CASE(the_home_region_is_the_environments),
        CASE(json_calls_carry_their_target_and_version),
        CASE(secrets_never_come_out_in_an_error),
        CASE(an_unknown_service_or_region_is_refused_unsent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* endpoints_test.c - where a call goes and for which region it is signed. */
#include "support/fb_test.h"

#include "cloud/endpoints.h"

static const char *const EMPTY[] = {NULL};

static void each_service_has_its_host_and_signing_region(void **state)
{
    static const struct {
        const char *service, *region, *home, *url, *sign;
    } rows[] = {
        {"iam", "eu-west-1", "eu-west-1", "https://iam.amazonaws.com", "us-east-1"},
        {"iam", "", "us-gov-west-1", "https://iam.us-gov.amazonaws.com", "us-gov-west-1"},
        {"iam", "", "cn-northwest-1", "https://iam.cn-north-1.amazonaws.com.cn", "cn-north-1"},
        {"sts", "", "eu-west-1", "https://sts.eu-west-1.amazonaws.com", "eu-west-1"},
        {"sts", "", "cn-north-1", "https://sts.cn-north-1.amazonaws.com.cn", "cn-north-1"},
        {"ec2", "ap-south-1", "us-east-1", "https://ec2.ap-south-1.amazonaws.com", "ap-south-1"},
        {"ec2", "us-gov-east-1", "us-gov-west-1", "https://ec2.us-gov-east-1.amazonaws.com",
         "us-gov-east-1"},
        {"support", "eu-west-1", "eu-west-1", "https://support.us-east-1.amazonaws.com",
         "us-east-1"},
        {"organizations", "", "cn-north-1", "https://organizations.cn-northwest-1.amazonaws.com.cn",
         "cn-northwest-1"},
        {"account", "", "eu-west-1", "https://account.us-east-1.amazonaws.com", "us-east-1"},
        {"sagemaker", "eu-west-1", "us-east-1", "https://api.sagemaker.eu-west-1.amazonaws.com",
         "eu-west-1"},
        {"events", "eu-west-1", "us-east-1", "https://events.eu-west-1.amazonaws.com", "eu-west-1"},
    };
    struct fb_aws_endpoint e;
    struct fb_err err;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(fb_aws_endpoint(*state, EMPTY, fb_aws_service(rows[i].service),
                                         rows[i].region, rows[i].home, &e, &err),
                         FB_OK);
        assert_string_equal(e.url, rows[i].url);
        assert_string_equal(e.region, rows[i].sign);
    }
}

static void every_service_that_we_speak_to_is_known(void **state)
{
    static const char *const names[] = {
        "iam", "sts",        "ec2",    "autoscaling", "ecs",           "lambda",  "support", "sns",
        "sqs", "cloudtrail", "events", "dynamodb",    "organizations", "account", "health"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_non_null(fb_aws_service(names[i]));
    assert_null(fb_aws_service("s4"));
    assert_null(fb_aws_service(NULL));
}

/* A region may come from an event that an attacker shaped: it must not choose our host. */
static void a_region_cannot_lead_the_request_elsewhere(void **state)
{
    static const char *const bad[] = {"evil.com/",
                                      "us-east-1.evil.com",
                                      "us-east-1@evil.com",
                                      "x#",
                                      "a b",
                                      "US-EAST-1",
                                      "\xc3\xa4",
                                      "../..",
                                      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    struct fb_aws_endpoint e;
    struct fb_err err;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(
            fb_aws_endpoint(*state, EMPTY, fb_aws_service("ec2"), bad[i], "us-east-1", &e, &err),
            FB_EINPUT);
}

static void overrides_follow_the_rules_of_the_providers_tools(void **state)
{
    static const char *const both[] = {"AWS_ENDPOINT_URL=http://127.0.0.1:1/",
                                       "AWS_ENDPOINT_URL_AUTO_SCALING=http://h:2/base/", NULL};
    static const char *const ignored[] = {"AWS_ENDPOINT_URL=http://127.0.0.1:1",
                                          "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=True", NULL};
    static const char *const bad[] = {"AWS_ENDPOINT_URL=127.0.0.1:1", NULL};
    struct fb_aws_endpoint e;
    struct fb_err err;

    assert_int_equal(
        fb_aws_endpoint(*state, both, fb_aws_service("ec2"), "eu-west-1", "us-east-1", &e, &err),
        FB_OK);
    assert_string_equal(e.url, "http://127.0.0.1:1");
    assert_string_equal(e.region, "eu-west-1"); /* the signature stays the region's */
    assert_int_equal(
        fb_aws_endpoint(*state, both, fb_aws_service("autoscaling"), "", "us-east-1", &e, &err),
        FB_OK);
    assert_string_equal(e.url, "http://h:2/base");
    assert_int_equal(
        fb_aws_endpoint(*state, ignored, fb_aws_service("ec2"), "", "us-east-1", &e, &err), FB_OK);
    assert_string_equal(e.url, "https://ec2.us-east-1.amazonaws.com");
    assert_int_equal(fb_aws_endpoint(*state, bad, fb_aws_service("ec2"), "", "us-east-1", &e, &err),
                     FB_ECONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(each_service_has_its_host_and_signing_region),
        FB_TEST(every_service_that_we_speak_to_is_known),
        FB_TEST(a_region_cannot_lead_the_request_elsewhere),
        FB_TEST(overrides_follow_the_rules_of_the_providers_tools),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* cloudtrail_test.c - when, where, how it ended, and what a broken or wrapped record still tells.
 */
#include "normalize/norm_test.h"

static struct fb_event with(struct fb_arena *a, const char *more)
{
    return read_call(a, (struct call){"ec2", "RunInstances", ALICE, NULL, NULL, more});
}

static void a_record_tells_id_time_place_service_and_action(void **state)
{
    struct fb_event ev = read_call(
        *state, (struct call){"ec2", "StopInstances", ALICE, NULL, NULL, "'sharedEventID':'s-1'"});

    assert_string_equal(ev.id, "e-1");
    assert_int_equal(ev.time_ms, at("2026-01-02T03:04:05Z"));
    assert_false(ev.time_guessed);
    assert_int_equal(ev.provider, FB_AWS);
    assert_int_equal(ev.kind, FB_EV_CALL);
    assert_string_equal(ev.account, ACCOUNT);
    assert_string_equal(ev.region, "eu-west-1");
    assert_string_equal(ev.service, "ec2");
    assert_string_equal(ev.action, "StopInstances");
    assert_string_equal(ev.ip, "203.0.113.7");
    assert_string_equal(ev.agent, "aws-cli/2.15");
    assert_string_equal(ev.shared_id, "s-1");
    assert_int_equal(ev.outcome, FB_OUTCOME_OK);
    assert_string_equal(ev.error, "");
}

static void error_codes_tell_denied_from_failed(void **state)
{
    static const struct {
        const char *code, *error;
        enum fb_outcome outcome;
        enum fb_trait trait;
    } rows[] = {
        {"AccessDenied", "AccessDenied", FB_OUTCOME_DENIED, FB_T_COUNT},
        {"AccessDeniedException", "AccessDeniedException", FB_OUTCOME_DENIED, FB_T_COUNT},
        {"Client.UnauthorizedOperation", "UnauthorizedOperation", FB_OUTCOME_DENIED, FB_T_COUNT},
        {"UnauthorizedOperation", "UnauthorizedOperation", FB_OUTCOME_DENIED, FB_T_COUNT},
        {"Client.UnauthorizedAccess", "UnauthorizedAccess", FB_OUTCOME_DENIED, FB_T_COUNT},
        {"Client.DryRunOperation", "DryRunOperation", FB_OUTCOME_FAILED, FB_T_DRY_RUN},
        {"Client.VcpuLimitExceeded", "VcpuLimitExceeded", FB_OUTCOME_FAILED, FB_T_QUOTA_ERROR},
        {"Client.InstanceLimitExceeded", "InstanceLimitExceeded", FB_OUTCOME_FAILED,
         FB_T_QUOTA_ERROR},
        {"MaxSpotInstanceCountExceeded", "MaxSpotInstanceCountExceeded", FB_OUTCOME_FAILED,
         FB_T_QUOTA_ERROR},
        {"MaxFleetCountExceeded", "MaxFleetCountExceeded", FB_OUTCOME_FAILED, FB_T_QUOTA_ERROR},
        {"Client.PendingVerification", "PendingVerification", FB_OUTCOME_FAILED, FB_T_QUOTA_ERROR},
        {"Blocked", "Blocked", FB_OUTCOME_FAILED, FB_T_QUOTA_ERROR},
        {"Client.OptInRequired", "OptInRequired", FB_OUTCOME_FAILED, FB_T_QUOTA_ERROR},
        {"Server.InsufficientInstanceCapacity", "InsufficientInstanceCapacity", FB_OUTCOME_FAILED,
         FB_T_CAPACITY_ERROR},
        {"Client.InvalidParameterValue", "InvalidParameterValue", FB_OUTCOME_FAILED, FB_T_COUNT},
        {"Client.VpcLimitExceeded", "VpcLimitExceeded", FB_OUTCOME_FAILED, FB_T_COUNT},
        {"", "", FB_OUTCOME_OK, FB_T_COUNT},
    };
    static const enum fb_trait errors[] = {FB_T_DRY_RUN, FB_T_QUOTA_ERROR, FB_T_CAPACITY_ERROR};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fb_event ev = with(*state, fb_arena_fmt(*state, "'errorCode':'%s'", rows[i].code));

        assert_string_equal(ev.error, rows[i].error);
        assert_int_equal(ev.outcome, rows[i].outcome);
        for (size_t k = 0; k < sizeof errors / sizeof errors[0]; k++)
            assert_trait(&ev, errors[k], rows[i].trait == errors[k]);
    }
}

static struct fb_event sign_in(struct fb_arena *a, const char *identity, const char *result,
                               const char *more)
{
    return read_call(a, (struct call){"signin", "ConsoleLogin", identity, NULL,
                                      fb_arena_fmt(a, "{'ConsoleLogin':'%s'}", result), more});
}

static void a_sign_in_succeeds_or_fails_by_its_answer(void **state)
{
    struct fb_event ok =
        sign_in(*state, ALICE, "Success", "'additionalEventData':{'MFAUsed':'Yes'}");
    struct fb_event bad =
        sign_in(*state, ALICE, "Failure", "'errorMessage':'Failed authentication'");
    struct fb_event silent = sign_in(*state, ALICE, "Failure", NULL);

    assert_int_equal(ok.kind, FB_EV_SIGN_IN);
    assert_int_equal(ok.outcome, FB_OUTCOME_OK);
    assert_int_equal(bad.kind, FB_EV_SIGN_IN);
    assert_int_equal(bad.outcome, FB_OUTCOME_FAILED);
    assert_int_equal(silent.outcome, FB_OUTCOME_FAILED);
}

static void a_sign_in_without_mfa_counts_for_users_and_root_only(void **state)
{
    static const char no[] = "'additionalEventData':{'MFAUsed':'No'}";
    struct fb_event user = sign_in(*state, ALICE, "Success", no);
    struct fb_event root = sign_in(*state, ROOT, "Success", no);
    struct fb_event role = sign_in(*state, DEPLOYER, "Success", no);
    struct fb_event failed = sign_in(*state, ALICE, "Failure", no);
    struct fb_event untold = sign_in(*state, ALICE, "Success", NULL);

    assert_trait(&user, FB_T_CONSOLE_NO_MFA, true);
    assert_trait(&root, FB_T_CONSOLE_NO_MFA, true);
    assert_trait(&role, FB_T_CONSOLE_NO_MFA, false);
    assert_trait(&failed, FB_T_CONSOLE_NO_MFA, false);
    assert_trait(&untold, FB_T_CONSOLE_NO_MFA, false);
}

static void asking_for_a_sign_in_token_signs_nobody_in(void **state)
{
    struct fb_event ev = read_call(*state, (struct call){"signin", "GetSigninToken", ALICE, NULL,
                                                         NULL, "'eventType':'AwsConsoleSignIn'"});

    assert_int_equal(ev.kind, FB_EV_CALL);
}

static void the_account_is_the_recipients_then_the_callers_then_the_envelopes(void **state)
{
    static const char shape[] = "{'eventName':'GetUser','eventSource':'iam.amazonaws.com',"
                                "'awsRegion':'us-east-1','eventTime':'2026-01-02T03:04:05Z'%s}";
    struct fb_record r;

    assert_string_equal(
        read_text(*state, fb_arena_fmt(*state, shape,
                                       ",'recipientAccountId':111122223333,"
                                       "'userIdentity':{'accountId':'999988887777'}"))
            .account,
        ACCOUNT);
    assert_string_equal(
        read_text(*state, fb_arena_fmt(*state, shape, ",'userIdentity':{'accountId':999988887777}"))
            .account,
        STRANGER);
    assert_string_equal(
        read_text(*state, fb_arena_fmt(*state, shape,
                                       ",'recipientAccountId':7,"
                                       "'userIdentity':{'accountId':'999988887777'}"))
            .account,
        STRANGER);
    assert_string_equal(
        read_text(*state, fb_arena_fmt(*state, shape, ",'recipientAccountId':'ANON'")).account,
        "ANON");
    r = record_of(*state, json_text(*state, fb_arena_fmt(*state, shape, "")));
    r.envelope.present = true;
    r.envelope.account = "444455556666";
    assert_string_equal(read_record(*state, &r).account, "444455556666");
}

static void an_event_time_with_a_space_and_nanoseconds_is_read(void **state)
{
    struct fb_event ev = read_text(
        *state, "{'eventName':'GetUser','eventSource':'iam.amazonaws.com','awsRegion':'us-east-1',"
                "'eventTime':'2024-12-16 18:41:07.000000000'}");

    assert_int_equal(ev.time_ms, at("2024-12-16T18:41:07Z"));
    assert_false(ev.time_guessed);
}

static void a_missing_time_is_the_envelopes_else_delivery(void **state)
{
    struct fb_record r = record_of(
        *state, json_text(*state, "{'eventName':'GetUser','eventSource':'iam.amazonaws.com',"
                                  "'awsRegion':'us-east-1','eventTime':'soon'}"));
    struct fb_event ev = read_record(*state, &r);

    assert_int_equal(ev.time_ms, DELIVERED);
    assert_true(ev.time_guessed);
    r.envelope.present = true;
    r.envelope.time_ms = 1767000000000;
    ev = read_record(*state, &r);
    assert_int_equal(ev.time_ms, 1767000000000);
    assert_true(ev.time_guessed);
}

static void an_id_is_the_records_then_the_envelopes_then_a_digest(void **state)
{
    const char *text = json_text(*state, "{'eventName':'GetUser','eventSource':'iam.amazonaws.com',"
                                         "'awsRegion':'us-east-1'}");
    struct fb_record r = record_of(*state, text), twin = record_of(*state, text);
    struct fb_event ev = read_record(*state, &r);

    assert_int_equal(strlen(ev.id), strlen("sha256:") + 64);
    assert_true(fb_starts(ev.id, "sha256:"));
    assert_string_equal(read_record(*state, &twin).id, ev.id);
    r.envelope.present = true;
    r.envelope.id = "env-1";
    assert_string_equal(read_record(*state, &r).id, "env-1");
}

static void an_enveloped_record_without_any_field_is_still_a_call(void **state)
{
    struct fb_record r = record_of(*state, "{}");
    struct fb_event ev;

    r.envelope = (struct fb_envelope){.present = true,
                                      .id = "env-2",
                                      .source = "aws.ec2",
                                      .detail_type = "AWS API Call via CloudTrail",
                                      .account = ACCOUNT,
                                      .region = "us-east-1",
                                      .time_ms = 1767000000000};
    ev = read_record(*state, &r);
    assert_int_equal(ev.kind, FB_EV_CALL);
    assert_int_equal(ev.provider, FB_AWS);
    assert_string_equal(ev.action, "unknown");
    assert_string_equal(ev.account, ACCOUNT);
    assert_string_equal(ev.region, "us-east-1");
}

static void lambdas_own_notifications_are_not_taken_for_api_calls(void **state)
{
    struct fb_event ev =
        read_text(*state, "{'eventVersion':'2.1','eventSource':'aws:s3','awsRegion':'us-east-1',"
                          "'eventTime':'2026-01-02T03:04:05Z','eventName':'ObjectCreated:Put',"
                          "'userIdentity':{'principalId':'X'},'requestParameters':{}}");

    assert_int_equal(ev.kind, FB_EV_UNKNOWN);
    assert_string_equal(ev.action, "unknown");
}

static void reads_are_told_by_the_flag_and_only_guessed_without_it(void **state)
{
    static const struct {
        const char *service, *action, *more;
        bool read;
    } rows[] = {
        {"ec2", "DescribeInstances", NULL, true},
        {"s3", "HeadBucket", NULL, true},
        {"cloudtrail", "LookupEvents", NULL, true},
        {"secretsmanager", "BatchGetSecretValue", NULL, true},
        {"batch", "BatchDelete", NULL, false},
        {"ec2", "DescribeInstances", "'readOnly':false", false},
        {"kms", "Decrypt", "'readOnly':true", true},
        {"kms", "Decrypt", "'readOnly':'TRUE'", true},
        {"kms", "Decrypt", "'readOnly':7", false},
        {"sts", "AssumeRole", "'readOnly':true", false},
        {"sts", "GetSessionToken", NULL, false},
        {"bedrock", "InvokeModel", "'readOnly':true", false},
        {"sts", "GetCallerIdentity", "'readOnly':true", true},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fb_event ev = read_call(*state, (struct call){rows[i].service, rows[i].action, ALICE,
                                                             NULL, NULL, rows[i].more});

        assert_trait(&ev, FB_T_READ, rows[i].read);
    }
}

static void offensive_agents_are_whole_words(void **state)
{
    static const struct {
        const char *service, *agent;
        bool offensive;
    } rows[] = {
        {"ec2", "aws-cli/2.9 Python/3.11 Linux/6.1.0-kali5-amd64", true},
        {"ec2", "Boto3/1.28 md/Botocore ua/2.0 os/linux#5.18-PARROT1", true},
        {"ec2", "Pentoo/aws-cli", true},
        {"ec2", "Boto3 Pacu/1.5", true},
        {"sts", "TruffleHog", true},
        {"iam", "S3 Browser 11.6.7 https://example.org", true},
        {"s3", "S3 Browser 11.6.7 https://example.org", false},
        {"ec2", "kalimba/1.0 capacuity parrots", false},
        {"ec2", "aws-cli/2.9 Python/3.11 Linux/6.1.0-13-amd64", false},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fb_event ev = read_call(
            *state, (struct call){rows[i].service, "ListThings", ALICE, NULL, NULL,
                                  fb_arena_fmt(*state, "'userAgent':'%s'", rows[i].agent)});

        assert_trait(&ev, FB_T_OFFENSIVE_UA, rows[i].offensive);
    }
}

static void targets_are_named(void **state)
{
    struct fb_event ev =
        read_call(*state, (struct call){"iam", "UpdateAccessKey", ALICE,
                                        "{'userName':'bob','accessKeyId':'AKIAEXAMPLEBOB','status':"
                                        "'Inactive'}",
                                        NULL, NULL});
    struct fb_event stop = read_call(
        *state, (struct call){"ec2", "StopInstances", ALICE,
                              "{'instancesSet':{'items':[{'instanceId':'i-1'}]}}", NULL, NULL});
    struct fb_event two = read_call(
        *state,
        (struct call){"ec2", "StopInstances", ALICE,
                      "{'instancesSet':{'items':[{'instanceId':'i-1'},{'instanceId':'i-2'}]}}",
                      NULL, NULL});

    assert_string_equal(ev.target_user, "bob");
    assert_string_equal(ev.target_key, "AKIAEXAMPLEBOB");
    assert_string_equal(stop.target_id, "i-1");
    assert_string_equal(two.target_id, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(a_record_tells_id_time_place_service_and_action),
        FB_TEST(error_codes_tell_denied_from_failed),
        FB_TEST(a_sign_in_succeeds_or_fails_by_its_answer),
        FB_TEST(a_sign_in_without_mfa_counts_for_users_and_root_only),
        FB_TEST(asking_for_a_sign_in_token_signs_nobody_in),
        FB_TEST(the_account_is_the_recipients_then_the_callers_then_the_envelopes),
        FB_TEST(an_event_time_with_a_space_and_nanoseconds_is_read),
        FB_TEST(a_missing_time_is_the_envelopes_else_delivery),
        FB_TEST(an_id_is_the_records_then_the_envelopes_then_a_digest),
        FB_TEST(an_enveloped_record_without_any_field_is_still_a_call),
        FB_TEST(lambdas_own_notifications_are_not_taken_for_api_calls),
        FB_TEST(reads_are_told_by_the_flag_and_only_guessed_without_it),
        FB_TEST(offensive_agents_are_whole_words),
        FB_TEST(targets_are_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

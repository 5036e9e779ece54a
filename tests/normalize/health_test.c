/* health_test.c - the provider's word that a key is public: which key, whose, and where it was
 * seen. */
#include "normalize/norm_test.h"

#define KEY "AKIAEXAMPLELEAKED001"

static const char metadata[] = "'eventMetadata':{'accountId':'" ACCOUNT "','publicKey':'" KEY
                               "','userName':'build','exposedUrl':'https://git.example/u/r'}";

static const char *notice(struct fb_arena *a, const char *code, const char *more)
{
    return json_text(a,
                     fb_arena_fmt(a,
                                  "{'eventArn':'arn:aws:health:us-east-1::event/RISK/x','service':"
                                  "'RISK','eventTypeCode':'%s','eventTypeCategory':'issue',"
                                  "'eventScopeCode':'ACCOUNT_SPECIFIC','eventRegion':'us-east-1',"
                                  "'startTime':'Thu, 1 Jan 2026 03:04:05 GMT',"
                                  "'eventDescription':[{'language':'de_DE','latestDescription':"
                                  "'Ihr Konto'},{'language':'en_US','latestDescription':"
                                  "'Your account may be compromised'}]%s%s}",
                                  code, more ? "," : "", more ? more : ""));
}

static struct fb_event read_notice(struct fb_arena *a, const char *code, const char *more)
{
    struct fb_record r = record_of(a, notice(a, code, more));

    return read_record(a, &r);
}

static void every_code_of_the_family_is_a_leak_notice(void **state)
{
    static const char *const codes[] = {"AWS_RISK_CREDENTIALS_EXPOSED",
                                        "AWS_RISK_CREDENTIALS_EXPOSURE_SUSPECTED",
                                        "AWS_RISK_CREDENTIALS_COMPROMISED",
                                        "AWS_RISK_CREDENTIALS_COMPROMISE_SUSPECTED",
                                        "AWS_RISK_ACCOUNT_CONSOLE_COMPROMISE",
                                        "AWS_RISK_IAM_QUARANTINE",
                                        "AWS_RISK_SOMETHING_NEW"};

    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        struct fb_event ev = read_notice(*state, codes[i], metadata);

        assert_int_equal(ev.kind, FB_EV_LEAK_NOTICE);
        assert_trait(&ev, FB_T_LEAK_NOTICE, true);
        assert_string_equal(ev.action, codes[i]);
        assert_int_equal(ev.provider, FB_AWS);
        assert_string_equal(ev.who.credential, KEY);
        assert_int_equal(ev.outcome, FB_OUTCOME_OK);
    }
}

static void a_notice_names_the_key_its_user_and_where_it_was_seen(void **state)
{
    struct fb_event ev = read_notice(*state, "AWS_RISK_CREDENTIALS_EXPOSED", metadata);

    assert_int_equal(ev.who.kind, FB_WHO_USER);
    assert_string_equal(ev.who.name, "build");
    assert_string_equal(ev.who.arn, "arn:aws:iam::" ACCOUNT ":user/build");
    assert_string_equal(ev.who.account, ACCOUNT);
    assert_string_equal(ev.account, ACCOUNT);
    assert_string_equal(ev.exposed_at, "https://git.example/u/r");
    assert_string_equal(ev.notice, "Your account may be compromised");
    assert_string_equal(ev.region, "us-east-1");
    assert_string_equal(ev.target_key, KEY);
    assert_int_equal(ev.time_ms, at("2026-01-01T03:04:05Z"));
}

static void a_key_without_a_user_is_a_credential_that_waits_for_its_owner(void **state)
{
    struct fb_event ev = read_notice(*state, "AWS_RISK_CREDENTIALS_EXPOSED",
                                     "'affectedEntities':[{'entityValue':'" KEY
                                     "'}],'affectedAccount':'" ACCOUNT "'");

    assert_int_equal(ev.who.kind, FB_WHO_CREDENTIAL);
    assert_string_equal(ev.who.credential, KEY);
    assert_string_equal(ev.who.arn, "");
    assert_string_equal(ev.account, ACCOUNT);
}

static void the_key_may_stand_in_the_envelope_only(void **state)
{
    const char *detail = notice(*state, "AWS_RISK_CREDENTIALS_COMPROMISED", NULL);
    struct fb_record r = record_of(
        *state,
        fb_arena_fmt(*state, "{\"resources\":[\"arn:x\",\"" KEY "\"],\"detail\":%s}", detail));
    struct fb_event ev;

    r.doc = fb_json_get(r.doc, "detail");
    r.envelope.present = true;
    r.envelope.id = "env-9";
    r.envelope.account = STRANGER;
    r.envelope.detail_type = "AWS Health Event";
    ev = read_record(*state, &r);
    assert_int_equal(ev.who.kind, FB_WHO_CREDENTIAL);
    assert_string_equal(ev.who.credential, KEY);
    assert_string_equal(ev.id, "env-9");
    assert_string_equal(ev.account, STRANGER);
    assert_string_equal(ev.who.account, STRANGER);
}

static void an_affected_account_that_is_no_account_is_passed_over(void **state)
{
    struct fb_event ev =
        read_notice(*state, "AWS_RISK_CREDENTIALS_EXPOSED",
                    "'affectedAccount':'" KEY "','eventMetadata':{'accountId':'" STRANGER "'}");
    struct fb_event organization =
        read_notice(*state, "AWS_RISK_CREDENTIALS_EXPOSED",
                    "'affectedAccount':'" ACCOUNT "','eventMetadata':{'accountId':'" STRANGER "'}");

    assert_string_equal(ev.account, STRANGER);
    assert_string_equal(organization.account, ACCOUNT);
}

static void a_location_serves_where_no_url_is_told(void **state)
{
    struct fb_event ev = read_notice(*state, "AWS_RISK_CREDENTIALS_EXPOSED",
                                     "'eventMetadata':{'exposedLocation':'public image'}");

    assert_string_equal(ev.exposed_at, "public image");
    assert_int_equal(ev.who.kind, FB_WHO_UNKNOWN);
}

static void an_affected_user_is_named_by_arn(void **state)
{
    static const char arn[] = "arn:aws:iam::" ACCOUNT ":user/eu/build";
    struct fb_event ev =
        read_notice(*state, "AWS_RISK_IAM_QUARANTINE",
                    fb_arena_fmt(*state, "'affectedEntities':[{'entityValue':'%s'}]", arn));

    assert_int_equal(ev.who.kind, FB_WHO_USER);
    assert_string_equal(ev.who.arn, arn);
    assert_string_equal(ev.who.name, "build");
    assert_string_equal(ev.target_id, arn);
}

static void other_health_events_are_known_and_accuse_nobody(void **state)
{
    struct fb_event ev = read_notice(*state, "AWS_EC2_PERSISTENT_INSTANCE_RETIREMENT_SCHEDULED",
                                     "'affectedEntities':[{'entityValue':'i-0abc'}]");

    assert_int_equal(ev.kind, FB_EV_CALL);
    assert_int_equal(ev.traits, 0);
    assert_string_equal(ev.service, "health");
    assert_string_equal(ev.target_id, "i-0abc");
    assert_string_equal(ev.who.credential, "");
    assert_string_equal(ev.who.arn, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(every_code_of_the_family_is_a_leak_notice),
        FB_TEST(a_notice_names_the_key_its_user_and_where_it_was_seen),
        FB_TEST(a_key_without_a_user_is_a_credential_that_waits_for_its_owner),
        FB_TEST(the_key_may_stand_in_the_envelope_only),
        FB_TEST(an_affected_account_that_is_no_account_is_passed_over),
        FB_TEST(a_location_serves_where_no_url_is_told),
        FB_TEST(an_affected_user_is_named_by_arn),
        FB_TEST(other_health_events_are_known_and_accuse_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

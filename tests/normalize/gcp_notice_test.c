/* gcp_notice_test.c - Google's own word: abuse events and Security Command Center. */
#include "normalize/norm_test.h"

#define ROBOT "build@acme-prod.iam.gserviceaccount.com"

static struct fb_event abuse(struct fb_arena *a, const char *members)
{
    return read_text(
        a, fb_arena_fmt(a,
                        "{'insertId':'n-1','timestamp':'2026-01-02T03:04:05Z','severity':'NOTICE',"
                        "'logName':'projects/acme-prod/logs/abuseevent.googleapis.com%%2F"
                        "abuse_events','resource':{'type':'abuseevent.googleapis.com/Location',"
                        "'labels':{'location':'global','resource_container':'projects/12'}},"
                        "'jsonPayload':{'@type':'type.googleapis.com/google.cloud.abuseevent."
                        "logging.v1.AbuseEvent',%s}}",
                        members));
}

static void a_leaked_key_accuses_its_account_and_says_where_it_lay(void **state)
{
    static const char *const nestings[] = {
        "'leakedCredentialEvent':{'detectedUri':'https://git.example/x','serviceAccountCredential'"
        ":{'serviceAccount':'" ROBOT "','keyId':'0123abcd'}}",
        "'leakedCredentialEvent':{'credential':[{'deeper':{'serviceAccount':'" ROBOT
        "','keyId':'0123abcd'}}],'detectedUri':'https://git.example/x'}",
    };

    for (size_t i = 0; i < sizeof nestings / sizeof nestings[0]; i++) {
        struct fb_event ev =
            abuse(*state, fb_arena_fmt(*state,
                                       "'detectionType':'LEAKED_CREDENTIALS','action':'NOTIFY',"
                                       "'reason':'A key is public.',%s",
                                       nestings[i]));

        assert_int_equal(ev.provider, FB_GCP);
        assert_int_equal(ev.kind, FB_EV_LEAK_NOTICE);
        assert_trait(&ev, FB_T_LEAK_NOTICE, true);
        assert_string_equal(ev.id, "n-1");
        assert_string_equal(ev.account, "acme-prod");
        assert_int_equal(ev.who.kind, FB_WHO_SERVICE_ACCOUNT);
        assert_string_equal(ev.who.arn, ROBOT);
        assert_string_equal(ev.who.credential, "0123abcd");
        assert_string_equal(ev.exposed_at, "https://git.example/x");
        assert_non_null(strstr(ev.notice, "A key is public."));
        assert_int_equal(ev.time_ms, at("2026-01-02T03:04:05Z"));
    }
}

static void a_leaked_key_without_its_account_is_a_key(void **state)
{
    struct fb_event ev = abuse(*state, "'detectionType':'LEAKED_CREDENTIALS',"
                                       "'leakedCredentialEvent':{'keyId':'0123abcd'}");

    assert_int_equal(ev.who.kind, FB_WHO_CREDENTIAL);
    assert_string_equal(ev.who.credential, "0123abcd");
}

static void a_leaked_api_key_stands_nowhere_in_the_event(void **state)
{
    struct fb_event ev =
        abuse(*state, "'detectionType':'LEAKED_CREDENTIALS','leakedCredentialEvent':{"
                      "'apiKeyCredential':{'apiKey':'AIzaSecret'}}");

    assert_trait(&ev, FB_T_LEAK_NOTICE, true);
    assert_int_equal(ev.who.kind, FB_WHO_UNKNOWN);
    assert_string_equal(ev.who.credential, "");
    assert_null(strstr(ev.notice, "AIza"));
}

static void mining_is_a_finding_about_a_machine(void **state)
{
    struct fb_event ev = abuse(
        *state, "'detectionType':'CRYPTO_MINING','action':'WARN','cryptoMiningEvent':{"
                "'vmResource':['projects/acme-prod/zones/us-east1-b/instances/m1'],'vmIp':['x']}");

    assert_int_equal(ev.kind, FB_EV_FINDING);
    assert_trait(&ev, FB_T_VENDOR_CRYPTO, true);
    assert_string_equal(ev.target_id, "projects/acme-prod/zones/us-east1-b/instances/m1");
    assert_string_equal(ev.region, "us-east1");
}

static void good_news_and_other_news_accuse_nobody(void **state)
{
    struct fb_event over = abuse(*state, "'detectionType':'CRYPTO_MINING','action':'REINSTATE'");
    struct fb_event none = abuse(*state, "'detectionType':'NO_ABUSE'");
    struct fb_event other = abuse(*state, "'detectionType':'PHISHING','action':'WARN'");

    assert_int_equal(over.traits, 0);
    assert_int_equal(none.traits, 0);
    assert_int_equal(other.traits, 0);
    assert_int_equal(other.kind, FB_EV_FINDING);
}

/* ---- Security Command Center ---- */

static struct fb_event finding(struct fb_arena *a, const char *category, const char *members)
{
    return read_text(
        a, fb_arena_fmt(a,
                        "{'notificationConfigName':'organizations/1/notificationConfigs/c',"
                        "'finding':{'name':'organizations/1/sources/2/findings/3','parent':'p',"
                        "'resourceName':'//cloudresourcemanager.googleapis.com/projects/77',"
                        "'category':'%s','eventTime':'2026-01-02T03:04:05Z'%s%s}}",
                        category, *members ? "," : "", members));
}

static void threats_mean_what_their_category_says(void **state)
{
    static const struct {
        const char *category;
        enum fb_trait trait;
    } cases[] = {
        {"Initial Access: Leaked Service Account Key Used", FB_T_LEAK_NOTICE},
        {"Malware: Cryptomining Bad Domain", FB_T_VENDOR_CRYPTO},
        {"Execution: Cryptocurrency Mining Hash Match", FB_T_VENDOR_CRYPTO},
        {"Initial Access: Account Disabled Hijacked", FB_T_VENDOR_CREDENTIAL},
        {"Persistence: IAM Anomalous Grant", FB_T_VENDOR_ANOMALY},
        {"Brute Force: SSH", FB_T_VENDOR_ANOMALY},
        {"C2: Bad IP", FB_T_VENDOR_ANOMALY},
        {"Malware: Bad Domain", FB_T_VENDOR_ANOMALY},
        {"Credential Access: External Member Added To Privileged Group", FB_T_VENDOR_ANOMALY},
        {"Privilege Escalation: Anomalous Impersonation of Service Account for Admin Activity",
         FB_T_VENDOR_ANOMALY},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fb_event ev =
            finding(*state, cases[i].category, "'state':'ACTIVE','findingClass':'THREAT'");

        assert_int_equal(ev.provider, FB_GCP);
        assert_int_equal(ev.traits, fb_trait_bit(cases[i].trait));
        assert_int_equal(ev.kind,
                         cases[i].trait == FB_T_LEAK_NOTICE ? FB_EV_LEAK_NOTICE : FB_EV_FINDING);
        assert_string_equal(ev.action, cases[i].category);
        assert_string_equal(ev.id, "organizations/1/sources/2/findings/3");
    }
}

static void what_is_over_muted_or_no_threat_accuses_nobody(void **state)
{
    static const struct {
        const char *category, *members;
    } cases[] = {
        {"Persistence: IAM Anomalous Grant", "'state':'INACTIVE','findingClass':'THREAT'"},
        {"Persistence: IAM Anomalous Grant",
         "'state':'ACTIVE','findingClass':'THREAT','mute':'MUTED'"},
        {"Persistence: IAM Anomalous Grant", "'state':'ACTIVE','findingClass':'OBSERVATION'"},
        {"OPEN_FIREWALL", "'state':'ACTIVE','findingClass':'MISCONFIGURATION'"},
        {"OPEN_FIREWALL", "'state':'ACTIVE'"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fb_event ev = finding(*state, cases[i].category, cases[i].members);

        assert_int_equal(ev.kind, FB_EV_FINDING);
        assert_int_equal(ev.traits, 0);
    }
}

static void a_finding_accuses_whom_its_access_names(void **state)
{
    struct fb_event ev =
        finding(*state, "Persistence: New Geography",
                "'findingClass':'THREAT','access':{'principalEmail':'" ROBOT
                "','serviceAccountKeyName':'//iam.googleapis.com/projects/p/serviceAccounts/" ROBOT
                "/keys/k1','callerIp':'198.51.100.9','userAgent':'curl'}");

    assert_int_equal(ev.who.kind, FB_WHO_SERVICE_ACCOUNT);
    assert_string_equal(ev.who.arn, ROBOT);
    assert_string_equal(ev.who.credential, "k1");
    assert_string_equal(ev.ip, "198.51.100.9");
    assert_string_equal(ev.account, "77");
    ev = finding(*state, "Persistence: IAM Anomalous Grant",
                 "'sourceProperties':{'properties':{'project_id':'acme-prod','principalEmail':"
                 "'Carol@acme.example'}}");
    assert_string_equal(ev.who.arn, "carol@acme.example");
    assert_string_equal(ev.account, "acme-prod");
}

static void a_test_finding_is_a_drill(void **state)
{
    struct fb_event ev = finding(*state, "Malware: Cryptomining Bad IP",
                                 "'findingClass':'THREAT','description':'This is a test finding.'");

    assert_true(ev.drill);
    ev = finding(*state, "Malware: Cryptomining Bad IP",
                 "'findingClass':'THREAT','description':'Of vm [test] finding.'");
    assert_false(ev.drill);
}

static void a_message_that_carries_a_finding_again_is_an_event_of_its_own(void **state)
{
    struct fb_record r = record_of(
        *state, "{\"finding\":{\"category\":\"X: y\",\"resourceName\":\"r\",\"name\":\"n\"}}");

    assert_string_equal(read_record(*state, &r).id, "n");
    r.carrier = (struct fb_carrier){.id = "m-1", .time_ms = 1767000000000};
    assert_string_equal(read_record(*state, &r).id, "m-1");
    assert_int_equal(read_record(*state, &r).time_ms, 1767000000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(a_leaked_key_accuses_its_account_and_says_where_it_lay),
        FB_TEST(a_leaked_key_without_its_account_is_a_key),
        FB_TEST(a_leaked_api_key_stands_nowhere_in_the_event),
        FB_TEST(mining_is_a_finding_about_a_machine),
        FB_TEST(good_news_and_other_news_accuse_nobody),
        FB_TEST(threats_mean_what_their_category_says),
        FB_TEST(what_is_over_muted_or_no_threat_accuses_nobody),
        FB_TEST(a_finding_accuses_whom_its_access_names),
        FB_TEST(a_test_finding_is_a_drill),
        FB_TEST(a_message_that_carries_a_finding_again_is_an_event_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* asff_test.c - GuardDuty's findings in Security Hub's words, and other findings there. */
#include "normalize/norm_test.h"

#define PRODUCT "arn:aws:securityhub:eu-west-1::product/aws/guardduty"
#define KEY                                                                                        \
    "'Resources':[{'Type':'AwsIamAccessKey','Id':'AWS::IAM::AccessKey:AKIAEXAMPLEALICE0001',"      \
    "'Partition':'aws','Details':{'AwsIamAccessKey':{'PrincipalId':'AIDAX','PrincipalName':"       \
    "'alice','PrincipalType':'IAMUser'}}}]"

static const char *text_of(struct fb_arena *a, const char *product, const char *type,
                           const char *members)
{
    return fb_arena_fmt(a,
                        "{'SchemaVersion':'2018-10-08','Id':'f-1','ProductArn':'%s','GeneratorId':"
                        "'g','AwsAccountId':'" ACCOUNT "','Types':['%s'],'UpdatedAt':"
                        "'2026-01-02T03:04:05Z','Title':'T.','Description':'D.'%s%s}",
                        product, type, *members ? "," : "", members);
}

static struct fb_event finding(struct fb_arena *a, const char *type, const char *members)
{
    return read_text(a, text_of(a, PRODUCT, type, members));
}

static void guarddutys_findings_mean_what_guardduty_says(void **state)
{
    static const struct {
        const char *type, *action;
        uint64_t traits;
    } cases[] = {
        {"TTPs/UnauthorizedAccess:IAMUser-InstanceCredentialExfiltration.OutsideAWS",
         "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS",
         UINT64_C(1) << FB_T_VENDOR_CREDENTIAL},
        {"TTPs/Command and Control/CryptoCurrency:EC2-BitcoinTool.B!DNS",
         "CryptoCurrency:EC2/BitcoinTool.B!DNS", UINT64_C(1) << FB_T_VENDOR_CRYPTO},
        {"TTPs/AttackSequence:IAM-CompromisedCredentials",
         "AttackSequence:IAM/CompromisedCredentials", UINT64_C(1) << FB_T_VENDOR_SEQUENCE},
        {"TTPs/Discovery:IAMUser-AnomalousBehavior", "Discovery:IAMUser/AnomalousBehavior",
         UINT64_C(1) << FB_T_VENDOR_ANOMALY},
        {"Effects/Policy:S3-BucketAnonymousAccessGranted", "Policy:S3/BucketAnonymousAccessGranted",
         0},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fb_event ev = finding(*state, cases[i].type, KEY);

        assert_int_equal(ev.provider, FB_AWS);
        assert_int_equal(ev.kind, FB_EV_FINDING);
        assert_string_equal(ev.action, cases[i].action);
        assert_int_equal(ev.traits, cases[i].traits);
    }
}

static void the_accused_is_the_keys_owner(void **state)
{
    struct fb_event ev = finding(*state, "TTPs/UnauthorizedAccess:IAMUser-TorIPCaller", KEY);

    assert_int_equal(ev.who.kind, FB_WHO_USER);
    assert_string_equal(ev.who.arn, "arn:aws:iam::" ACCOUNT ":user/alice");
    assert_string_equal(ev.who.credential, "AKIAEXAMPLEALICE0001");
    assert_string_equal(ev.account, ACCOUNT);
    assert_string_equal(ev.region, "eu-west-1");
    assert_string_equal(ev.notice, "T. D.");
    assert_int_equal(ev.time_ms, at("2026-01-02T03:04:05Z"));
}

static void a_finding_in_eventbridges_envelope_has_the_envelopes_id(void **state)
{
    const char *inner =
        text_of(*state, PRODUCT, "TTPs/UnauthorizedAccess:IAMUser-TorIPCaller", KEY);
    struct fb_record r =
        record_of(*state, json_text(*state, fb_arena_fmt(*state, "{'findings':[%s]}", inner)));
    struct fb_event ev;

    r.envelope = (struct fb_envelope){.present = true,
                                      .id = "env-1",
                                      .source = "aws.securityhub",
                                      .detail_type = "Security Hub Findings - Imported",
                                      .account = ACCOUNT,
                                      .region = "eu-west-1"};
    ev = read_record(*state, &r);
    assert_string_equal(ev.id, "env-1");
    assert_trait(&ev, FB_T_VENDOR_CREDENTIAL, true);
    /* Cut out of a document of several: the delivery's id would make them one. */
    r.doc = parsed(*state, json_text(*state, inner));
    r.part = 2;
    ev = read_record(*state, &r);
    assert_string_equal(ev.id, "env-1#2");
    assert_trait(&ev, FB_T_VENDOR_CREDENTIAL, true);
}

static void samples_are_drills(void **state)
{
    static const char *const marks[] = {
        "'Sample':true",
        "'ProductFields':{'aws/guardduty/service/additionalInfo/sample':'true'}",
        "'Title':'[SAMPLE] Something.'",
        "'Resources':[{'Type':'AwsIamAccessKey','Id':'X:GeneratedFindingAccessKeyId'}]",
    };

    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        assert_true(finding(*state, "TTPs/UnauthorizedAccess:IAMUser-TorIPCaller", marks[i]).drill);
    assert_false(finding(*state, "TTPs/UnauthorizedAccess:IAMUser-TorIPCaller", KEY).drill);
}

static void what_somebody_settled_and_what_others_found_accuses_nobody(void **state)
{
    static const char type[] = "TTPs/UnauthorizedAccess:IAMUser-TorIPCaller";
    struct fb_event other =
        read_text(*state, text_of(*state, "arn:aws:securityhub:eu-west-1:" ACCOUNT ":product/x/y",
                                  type, KEY));

    assert_int_equal(finding(*state, type, KEY ",'RecordState':'ARCHIVED'").traits, 0);
    assert_int_equal(finding(*state, type, KEY ",'Workflow':{'Status':'SUPPRESSED'}").traits, 0);
    assert_int_equal(other.traits, 0);
    assert_int_equal(other.who.kind, FB_WHO_UNKNOWN);
    assert_int_equal(other.kind, FB_EV_FINDING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(guarddutys_findings_mean_what_guardduty_says),
        FB_TEST(the_accused_is_the_keys_owner),
        FB_TEST(a_finding_in_eventbridges_envelope_has_the_envelopes_id),
        FB_TEST(samples_are_drills),
        FB_TEST(what_somebody_settled_and_what_others_found_accuses_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* guardduty_test.c - findings in both dialects: whom they accuse, what family, drill or not. */
#include "normalize/norm_test.h"

static const char *finding(struct fb_arena *a, const char *type, const char *resource,
                           const char *service, const char *title)
{
    return fb_arena_fmt(a,
                        "{'schemaVersion':'2.0','accountId':'" ACCOUNT "','region':'us-east-1',"
                        "'partition':'aws','id':'f-1','arn':'arn:aws:guardduty:x','type':'%s',"
                        "'resource':%s,'service':%s,'severity':8,'title':'%s','description':'D.',"
                        "'createdAt':'2026-01-02T03:04:05.678Z',"
                        "'updatedAt':'2026-01-02T04:04:05.678Z'}",
                        type, resource, service, title);
}

static const char user_key[] =
    "{'resourceType':'AccessKey','accessKeyDetails':{'accessKeyId':'AKIAEXAMPLEALICE0001',"
    "'principalId':'AIDAEXAMPLEALICE00001','userName':'alice','userType':'IAMUser'}}";

static struct fb_event simple(struct fb_arena *a, const char *type)
{
    return read_text(a, finding(a, type, user_key, "{}", "T"));
}

static struct fb_event accused(struct fb_arena *a, const char *details)
{
    return read_text(a, finding(a, "Recon:IAMUser/TorIPCaller",
                                fb_arena_fmt(a, "{'accessKeyDetails':%s}", details), "{}", "T"));
}

static void a_finding_accuses_the_user_whose_key_was_used(void **state)
{
    struct fb_event ev = read_text(
        *state,
        finding(*state, "UnauthorizedAccess:IAMUser/TorIPCaller", user_key,
                "{'action':{'awsApiCallAction':{'remoteIpDetails':{'ipAddressV4':'198.51.100.9'},"
                "'userAgent':'curl'}}}",
                "Tor was used."));

    assert_int_equal(ev.kind, FB_EV_FINDING);
    assert_int_equal(ev.provider, FB_AWS);
    assert_string_equal(ev.id, "f-1");
    assert_string_equal(ev.action, "UnauthorizedAccess:IAMUser/TorIPCaller");
    assert_int_equal(ev.who.kind, FB_WHO_USER);
    assert_string_equal(ev.who.name, "alice");
    assert_string_equal(ev.who.arn, "arn:aws:iam::" ACCOUNT ":user/alice");
    assert_string_equal(ev.who.credential, "AKIAEXAMPLEALICE0001");
    assert_string_equal(ev.account, ACCOUNT);
    assert_string_equal(ev.ip, "198.51.100.9");
    assert_string_equal(ev.agent, "curl");
    assert_string_equal(ev.notice, "Tor was used. D.");
    assert_int_equal(ev.time_ms, at("2026-01-02T04:04:05.678Z"));
    assert_false(ev.drill);
}

static void the_apis_capitalised_form_reads_the_same(void **state)
{
    static const char text[] =
        "{'SchemaVersion':'2.0','AccountId':'" ACCOUNT "','Region':'us-east-1','Partition':'aws',"
        "'Id':'f-2','Type':'UnauthorizedAccess:IAMUser/MaliciousIPCaller','Resource':{"
        "'ResourceType':'AccessKey','AccessKeyDetails':{'AccessKeyId':'ASIAX','PrincipalId':"
        "'AROAX:i-0abc','UserName':'web','UserType':'AssumedRole'}},'Service':{'AdditionalInfo':{"
        "'Value':'{}'},'Action':{'AwsApiCallAction':{'RemoteIpDetails':{'IpAddressV4':"
        "'198.51.100.9'}}}},'Severity':5,'Title':'T','CreatedAt':'2026-01-02T03:04:05Z'}";
    struct fb_event bare = read_text(*state, text);
    struct fb_event listed = read_text(*state, fb_arena_fmt(*state, "{'Findings':[%s]}", text));

    assert_int_equal(bare.kind, FB_EV_FINDING);
    assert_int_equal(bare.who.kind, FB_WHO_ROLE_SESSION);
    assert_string_equal(bare.who.issuer_name, "web");
    assert_string_equal(bare.who.session, "i-0abc");
    assert_true(bare.who.instance_role);
    assert_string_equal(bare.who.arn, "arn:aws:sts::" ACCOUNT ":assumed-role/web/i-0abc");
    assert_string_equal(bare.ip, "198.51.100.9");
    assert_trait(&bare, FB_T_VENDOR_CREDENTIAL, true);
    assert_false(bare.drill);
    assert_string_equal(listed.id, "f-2");
    assert_string_equal(listed.who.arn, bare.who.arn);
}

static void each_kind_of_accused_is_named_as_far_as_the_finding_tells(void **state)
{
    struct fb_event role = accused(*state, "{'userName':'backup','userType':'Role'}");
    struct fb_event fed = accused(*state, "{'userName':'console','userType':'FederatedUser'}");
    struct fb_event root = accused(*state, "{'userName':'Root','userType':'Root'}");
    struct fb_event key = accused(*state, "{'accessKeyId':'AKIAX','userType':'Martian'}");

    assert_int_equal(role.who.kind, FB_WHO_ROLE);
    assert_string_equal(role.who.arn, "arn:aws:iam::" ACCOUNT ":role/backup");
    assert_int_equal(fed.who.kind, FB_WHO_FEDERATED);
    assert_string_equal(fed.who.session, "console");
    assert_string_equal(fed.who.arn, "arn:aws:sts::" ACCOUNT ":federated-user/console");
    assert_int_equal(root.who.kind, FB_WHO_ROOT);
    assert_string_equal(root.who.arn, "arn:aws:iam::" ACCOUNT ":root");
    assert_int_equal(key.who.kind, FB_WHO_CREDENTIAL);
}

static void a_finding_about_a_machine_accuses_nobody(void **state)
{
    struct fb_event ev = read_text(
        *state, finding(*state, "CryptoCurrency:EC2/BitcoinTool.B!DNS",
                        "{'resourceType':'Instance','instanceDetails':{'instanceId':'i-0abc'}}",
                        "{}", "T"));

    assert_int_equal(ev.who.kind, FB_WHO_UNKNOWN);
    assert_string_equal(ev.who.arn, "");
    assert_string_equal(ev.who.credential, "");
    assert_string_equal(ev.target_id, "i-0abc");
    assert_trait(&ev, FB_T_VENDOR_CRYPTO, true);
}

static void samples_are_drills(void **state)
{
    static const struct {
        const char *service, *title;
        bool drill;
    } rows[] = {
        {"{'additionalInfo':{'sample':true}}", "T", true},
        {"{'additionalInfo':{'sample':'true'}}", "T", true},
        {"{'additionalInfo':{'value':'{\\\"x\\\":1,\\\"sample\\\":true}'}}", "T", true},
        {"{}", "[SAMPLE] Tor was used", true},
        {"{'additionalInfo':{'sample':false}}", "T", false},
        {"{'additionalInfo':{'value':'{\\\"sample\\\":false}'}}", "T", false},
        {"{'additionalInfo':{'value':'{'}}", "T", false},
        {"{'additionalInfo':{'value':'{\\\"threatName\\\":\\\"sample\\\"}'}}", "T", false},
        {"{}", "A [SAMPLE] in the middle", false},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fb_event ev = read_text(*state, finding(*state, "Recon:IAMUser/TorIPCaller",
                                                       user_key, rows[i].service, rows[i].title));

        assert_int_equal(ev.drill, rows[i].drill);
        assert_int_equal(ev.kind, FB_EV_FINDING);
    }
}

static void an_archived_finding_accuses_nobody(void **state)
{
    static const char *const wanted[] = {"true", "false"};

    for (int open = 0; open < 2; open++) {
        const char *text = fb_arena_fmt(
            *state,
            "{'schemaVersion':'2.0','accountId':'" ACCOUNT "','id':'f','severity':8,'type':"
            "'UnauthorizedAccess:IAMUser/TorIPCaller','resource':{},'service':{'archived':%s}}",
            wanted[open]);
        struct fb_event ev = read_text(*state, text);

        assert_int_equal(ev.kind, FB_EV_FINDING);
        assert_trait(&ev, FB_T_VENDOR_CREDENTIAL, open == 1);
    }
}

static void types_fall_into_families(void **state)
{
    static const struct {
        const char *type;
        enum fb_trait trait; /* FB_T_COUNT: none */
    } rows[] = {
        {"UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS",
         FB_T_VENDOR_CREDENTIAL},
        {"UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.InsideAWS",
         FB_T_VENDOR_CREDENTIAL},
        {"UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom", FB_T_VENDOR_CREDENTIAL},
        {"Recon:IAMUser/TorIPCaller", FB_T_VENDOR_CREDENTIAL},
        {"CryptoCurrency:Runtime/BitcoinTool.B", FB_T_VENDOR_CRYPTO},
        {"Impact:EC2/BitcoinDomainRequest.Reputation", FB_T_VENDOR_CRYPTO},
        {"Impact:Runtime/CryptoMinerExecuted", FB_T_VENDOR_CRYPTO},
        {"CredentialAccess:IAMUser/CompromisedCredentials", FB_T_VENDOR_CREDENTIAL},
        {"Stealth:IAMUser/CloudTrailLoggingDisabled", FB_T_VENDOR_ANOMALY},
        {"AttackSequence:IAM/CompromisedCredentials", FB_T_VENDOR_SEQUENCE},
        {"Persistence:IAMUser/AnomalousBehavior", FB_T_VENDOR_ANOMALY},
        {"PenTest:IAMUser/KaliLinux", FB_T_VENDOR_ANOMALY},
        {"PenTest:S3/ParrotLinux", FB_T_VENDOR_ANOMALY},
        {"UnauthorizedAccess:EC2/TorClient", FB_T_COUNT},
        {"UnauthorizedAccess:EC2/MaliciousIPCaller.Custom", FB_T_COUNT},
        {"Policy:IAMUser/RootCredentialUsage", FB_T_COUNT},
        {"Backdoor:EC2/C&CActivity.B!DNS", FB_T_COUNT},
    };
    static const enum fb_trait all[] = {FB_T_VENDOR_CREDENTIAL, FB_T_VENDOR_CRYPTO,
                                        FB_T_VENDOR_SEQUENCE, FB_T_VENDOR_ANOMALY};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fb_event ev = simple(*state, rows[i].type);

        for (size_t k = 0; k < sizeof all / sizeof all[0]; k++)
            assert_trait(&ev, all[k], all[k] == rows[i].trait);
    }
}

static void an_attack_sequence_accuses_its_actor(void **state)
{
    struct fb_event ev = read_text(
        *state,
        finding(*state, "AttackSequence:IAM/CompromisedCredentials", "{}",
                "{'detection':{'sequence':{'actors':[{'id':'ip-1'},{'id':'u','user':{"
                "'name':'alice','uid':'AIDAX','type':'IAMUser','credentialUid':'AKIAX'}}]}}}",
                "T"));

    assert_int_equal(ev.who.kind, FB_WHO_USER);
    assert_string_equal(ev.who.arn, "arn:aws:iam::" ACCOUNT ":user/alice");
    assert_string_equal(ev.who.credential, "AKIAX");
}

static void in_an_envelope_the_delivery_is_the_event_even_when_the_finding_is_empty(void **state)
{
    struct fb_record r = record_of(*state, "{}");
    struct fb_event ev;

    r.envelope = (struct fb_envelope){.present = true,
                                      .id = "env-3",
                                      .source = "aws.guardduty",
                                      .detail_type = "GuardDuty Finding",
                                      .account = ACCOUNT,
                                      .region = "us-east-1",
                                      .time_ms = 1767000000000};
    ev = read_record(*state, &r);
    assert_int_equal(ev.kind, FB_EV_FINDING);
    assert_string_equal(ev.id, "env-3");
    assert_string_equal(ev.action, "unknown");
    assert_int_equal(ev.who.kind, FB_WHO_UNKNOWN);
}

static void security_hubs_findings_are_not_taken_for_guarddutys(void **state)
{
    struct fb_event ev =
        read_text(*state, "{'SchemaVersion':'2018-10-08','Id':'x','AwsAccountId':'" ACCOUNT
                          "','Types':['Unusual Behaviors'],'Severity':{'Label':'HIGH'},"
                          "'Resources':[],'Title':'T'}");

    assert_int_equal(ev.kind, FB_EV_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(a_finding_accuses_the_user_whose_key_was_used),
        FB_TEST(the_apis_capitalised_form_reads_the_same),
        FB_TEST(each_kind_of_accused_is_named_as_far_as_the_finding_tells),
        FB_TEST(a_finding_about_a_machine_accuses_nobody),
        FB_TEST(samples_are_drills),
        FB_TEST(an_archived_finding_accuses_nobody),
        FB_TEST(types_fall_into_families),
        FB_TEST(an_attack_sequence_accuses_its_actor),
        FB_TEST(in_an_envelope_the_delivery_is_the_event_even_when_the_finding_is_empty),
        FB_TEST(security_hubs_findings_are_not_taken_for_guarddutys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* aws_iam_test.c - identities and keys that are made, grants and trust that are read, tokens
 * minted. */
#include "normalize/norm_test.h"

static struct fb_event iam(struct fb_arena *a, const char *action, const char *identity,
                           const char *request, const char *response)
{
    return read_call(a, (struct call){"iam", action, identity, request, response, NULL});
}

static void what_iam_makes_is_named(void **state)
{
    struct fb_event key = iam(*state, "CreateAccessKey", ALICE, "{'userName':'backup'}",
                              "{'accessKey':{'userName':'backup','accessKeyId':'AKIANEW',"
                              "'status':'Active'}}");
    struct fb_event own = iam(*state, "CreateAccessKey", ALICE, NULL,
                              "{'accessKey':{'userName':'alice','accessKeyId':'AKIANEW2'}}");
    struct fb_event user = iam(*state, "CreateUser", ALICE, "{'userName':'support'}",
                               "{'user':{'userName':'support','userId':'AIDAX'}}");
    struct fb_event role = iam(*state, "CreateRole", ALICE, "{'roleName':'lambda-x'}", NULL);
    struct fb_event login = iam(*state, "CreateLoginProfile", ALICE, "{'userName':'support'}",
                                "{'loginProfile':{'userName':'support'}}");

    assert_int_equal(key.made_count, 1);
    assert_string_equal(key.made[0].kind, "access_key");
    assert_string_equal(key.made[0].id, "AKIANEW");
    assert_string_equal(key.made[0].owner, "backup");
    assert_string_equal(key.made[0].region, "");
    assert_string_equal(key.target_user, "backup");
    assert_string_equal(own.made[0].owner, "alice");
    assert_string_equal(user.made[0].kind, "user");
    assert_string_equal(user.made[0].id, "support");
    assert_string_equal(role.made[0].kind, "role");
    assert_string_equal(role.made[0].id, "lambda-x");
    assert_string_equal(role.target_role, "lambda-x");
    assert_string_equal(login.made[0].kind, "login_profile");
    assert_string_equal(login.made[0].owner, "support");
}

static void a_denied_call_makes_nothing(void **state)
{
    struct fb_event ev =
        read_call(*state, (struct call){"iam", "CreateUser", ALICE, "{'userName':'support'}", NULL,
                                        "'errorCode':'AccessDenied'"});

    assert_int_equal(ev.made_count, 0);
    assert_trait(&ev, FB_T_NEW_IDENTITY, true);
    assert_int_equal(ev.outcome, FB_OUTCOME_DENIED);
}

static void a_key_is_for_somebody_else_only_when_the_names_differ(void **state)
{
    static const struct {
        const char *identity, *request, *response;
        bool other;
    } rows[] = {
        {ALICE, "{'userName':'bob'}", NULL, true},
        {ALICE, "{'userName':'alice'}", NULL, false},
        {ALICE, "{'userName':'ALICE'}", NULL, false},
        {ALICE, NULL, NULL, false},
        {ALICE, NULL, "{'accessKey':{'userName':'alice','accessKeyId':'AKIAX'}}", false},
        {DEPLOYER, "{'userName':'alice'}", NULL, true},
        {ROOT, "{'userName':'alice'}", NULL, true},
        {ROOT, NULL, NULL, false},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fb_event ev =
            iam(*state, "CreateAccessKey", rows[i].identity, rows[i].request, rows[i].response);

        assert_trait(&ev, FB_T_KEY_FOR_OTHER, rows[i].other);
    }
}

/* The document is told as an object, as text, and URL-encoded: the answer must not depend on it. */
static bool grants_admin(struct fb_arena *a, const char *policy)
{
    struct fb_event object =
        iam(a, "PutUserPolicy", ALICE,
            fb_arena_fmt(a, "{'userName':'alice','policyDocument':%s}", policy), NULL);
    const char *text =
        fb_arena_fmt(a, "{\"policyName\":\"p\",\"policyDocument\":%s}", as_string(a, policy));
    struct fb_event string = iam(a, "CreatePolicyVersion", ALICE, text, NULL);

    assert_int_equal(fb_event_is(&object, FB_T_ADMIN_GRANT),
                     fb_event_is(&string, FB_T_ADMIN_GRANT));
    return fb_event_is(&object, FB_T_ADMIN_GRANT);
}

static void an_admin_grant_is_all_actions_or_all_of_iam_on_every_resource(void **state)
{
    static const struct {
        const char *statement;
        bool admin;
    } rows[] = {
        {"{'Effect':'Allow','Action':'*','Resource':'*'}", true},
        {"[{'Effect':'Allow','Action':['s3:Get*','*'],'Resource':['*']}]", true},
        {"{'Effect':'Allow','Action':'*:*','Resource':'*'}", true},
        {"{'Effect':'Allow','Action':'IAM:*','Resource':'*'}", true},
        {"[{'Effect':'Deny','Action':'s3:*','Resource':'*'},"
         "{'Effect':'allow','Action':'*','Resource':'*'}]",
         true},
        {"{'Effect':'Allow','NotAction':'budgets:*','Resource':'*'}", true},
        {"{'Effect':'Allow','NotAction':['iam:*','account:*'],'Resource':'*'}", false},
        {"{'Effect':'Deny','Action':'*','Resource':'*'}", false},
        {"{'Effect':'Allow','Action':'ec2:*','Resource':'*'}", false},
        {"{'Effect':'Allow','Action':'*','Resource':'arn:aws:s3:::my-bucket/*'}", false},
        {"{'Effect':'Allow','Action':'iam:GetUser','Resource':'*'}", false},
        {"{'Effect':'Allow','Action':'*'}", false},
        {"[]", false},
        {"'Allow'", false},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *policy =
            fb_arena_fmt(*state, "{'Version':'2012-10-17','Statement':%s}", rows[i].statement);

        if (grants_admin(*state, policy) != rows[i].admin)
            fail_msg("admin should be %d: %s", rows[i].admin, rows[i].statement);
    }
}

static void a_url_encoded_policy_is_read_too(void **state)
{
    struct fb_event ev = iam(
        *state, "PutRolePolicy", ALICE,
        "{'roleName':'r','policyDocument':'%7B%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C"
        "%22Action%22%3A%22%2A%22%2C%22Resource%22%3A%22%2A%22%7D%7D'}",
        NULL);

    assert_trait(&ev, FB_T_ADMIN_GRANT, true);
}

static void a_policy_that_is_no_policy_grants_nothing(void **state)
{
    static const char *const odd[] = {"'{'",  "'%7B%2'",        "''", "7", "[]", "null", "'[1]'",
                                      "'{}'", "{'Statement':7}"};

    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        struct fb_event ev =
            iam(*state, "PutUserPolicy", ALICE,
                fb_arena_fmt(*state, "{'userName':'bob','policyDocument':%s}", odd[i]), NULL);

        assert_trait(&ev, FB_T_ADMIN_GRANT, false);
        assert_string_equal(ev.target_user, "bob");
    }
}

static void trust_in_strangers_is_seen_in_every_kind_of_principal(void **state)
{
    static const struct {
        const char *statement;
        bool external;
    } rows[] = {
        {"{'Effect':'Allow','Principal':{'AWS':'arn:aws:iam::" STRANGER ":root'}}", true},
        {"{'Effect':'Allow','Principal':{'AWS':'" STRANGER "'}}", true},
        {"{'Effect':'Allow','Principal':{'AWS':['arn:aws:iam::" ACCOUNT ":root','" STRANGER "']}}",
         true},
        {"{'Effect':'Allow','Principal':'*'}", true},
        {"{'Effect':'Allow','Principal':{'AWS':'*'}}", true},
        {"{'Effect':'Allow','NotPrincipal':{'AWS':'" ACCOUNT "'}}", true},
        {"{'Effect':'Allow','Principal':{'Federated':'arn:aws:iam::" STRANGER ":saml-provider/x'}}",
         true},
        {"{'Effect':'Allow','Principal':{'Federated':'accounts.google.com'}}", true},
        {"[{'Effect':'Allow','Principal':{'Service':'ec2.amazonaws.com'}},"
         "{'Effect':'Allow','Principal':{'AWS':'arn:aws:sts::" STRANGER ":assumed-role/r/s'}}]",
         true},
        {"{'Effect':'Allow','Principal':{'AWS':'arn:aws:iam::" ACCOUNT ":user/alice'}}", false},
        {"{'Effect':'Allow','Principal':{'AWS':'" ACCOUNT "'}}", false},
        {"{'Effect':'Allow','Principal':{'Service':'lambda.amazonaws.com'}}", false},
        {"{'Effect':'Allow','Principal':{'Federated':'arn:aws:iam::" ACCOUNT
         ":oidc-provider/ci.example'}}",
         false},
        {"{'Effect':'Allow','Principal':{'Federated':'cognito-identity.amazonaws.com'}}", false},
        {"{'Effect':'Deny','Principal':{'AWS':'" STRANGER "'}}", false},
        {"{'Effect':'Allow','Principal':{'AWS':'AIDAEXAMPLEDELETED'}}", false},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *policy = fb_arena_fmt(*state, "{'Statement':%s}", rows[i].statement);
        struct fb_event made =
            iam(*state, "CreateRole", ALICE,
                fb_arena_fmt(*state, "{\"roleName\":\"r\",\"assumeRolePolicyDocument\":%s}",
                             as_string(*state, policy)),
                NULL);
        struct fb_event changed =
            iam(*state, "UpdateAssumeRolePolicy", ALICE,
                fb_arena_fmt(*state, "{'roleName':'r','policyDocument':%s}", policy), NULL);

        if (fb_event_is(&made, FB_T_EXTERNAL_TRUST) != rows[i].external ||
            fb_event_is(&changed, FB_T_EXTERNAL_TRUST) != rows[i].external)
            fail_msg("external should be %d: %s", rows[i].external, rows[i].statement);
    }
}

static void an_assumed_role_tells_the_new_key_and_until_when(void **state)
{
    static const char request[] =
        "{'roleArn':'arn:aws:iam::" ACCOUNT ":role/tools/deploy','roleSessionName':'ci-7',"
        "'sourceIdentity':'dave'}";
    static const struct {
        const char *expiration, *iso;
    } rows[] = {
        {"'Oct 2, 2019, 11:12:29 PM'", "2019-10-02T23:12:29Z"},
        {"'Jul 10, 2023 12:23:06 PM'", "2023-07-10T12:23:06Z"},
        {"'Jan 1, 2026, 12:00:01 AM'", "2026-01-01T00:00:01Z"},
        {"'Jan 1, 2026, 1:00:01\u202fPM'", "2026-01-01T13:00:01Z"},
        {"'2026-01-02T04:04:05Z'", "2026-01-02T04:04:05Z"},
        {"1767326645", "2026-01-02T04:04:05Z"},
        {"1767326645000", "2026-01-02T04:04:05Z"},
        {"1.767326645e9", "2026-01-02T04:04:05Z"},
        {"'tomorrow'", "1970-01-01T00:00:00Z"},
        {"'Foo 1, 2026, 1:00:01 PM'", "1970-01-01T00:00:00Z"},
        {"-5", "1970-01-01T00:00:00Z"},
        {"1e300", "1970-01-01T00:00:00Z"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fb_event ev = read_call(
            *state,
            (struct call){"sts", "AssumeRole", ALICE, request,
                          fb_arena_fmt(*state,
                                       "{'credentials':{'accessKeyId':'ASIANEW','expiration':%s},"
                                       "'assumedRoleUser':{'assumedRoleId':'AROAX:ci-7','arn':"
                                       "'arn:aws:sts::" ACCOUNT
                                       ":assumed-role/deploy/ci-7'},'sourceIdentity':'dave'}",
                                       rows[i].expiration),
                          "'readOnly':true"});

        assert_trait(&ev, FB_T_MINT, true);
        assert_string_equal(ev.mint.credential, "ASIANEW");
        assert_string_equal(ev.mint.role_arn, "arn:aws:iam::" ACCOUNT ":role/tools/deploy");
        assert_string_equal(ev.mint.session_arn,
                            "arn:aws:sts::" ACCOUNT ":assumed-role/deploy/ci-7");
        assert_string_equal(ev.mint.session, "ci-7");
        assert_string_equal(ev.mint.source_identity, "dave");
        assert_int_equal(ev.mint.expires_ms, at(rows[i].iso));
    }
}

static void an_assumed_role_is_found_among_the_resources_when_parameters_are_cut(void **state)
{
    struct fb_event ev = read_call(
        *state, (struct call){"sts", "AssumeRole",
                              "{'type':'AWSService','invokedBy':'ec2.amazonaws"
                              ".com'}",
                              NULL, NULL,
                              "'resources':[{'ARN':'arn:aws:s3:::x','type':'AWS::S3::Bucket'},"
                              "{'ARN':'arn:aws:iam::" ACCOUNT ":role/web','accountId':'" ACCOUNT
                              "','type':'AWS::IAM::Role'}]"});

    assert_string_equal(ev.mint.role_arn, "arn:aws:iam::" ACCOUNT ":role/web");
    assert_string_equal(ev.mint.credential, "");
}

static void a_users_session_token_has_no_role(void **state)
{
    struct fb_event ev =
        read_call(*state, (struct call){"sts", "GetSessionToken", ALICE, "{'durationSeconds':3600}",
                                        "{'credentials':{'accessKeyId':'ASIATOK'}}", NULL});

    assert_trait(&ev, FB_T_MINT, true);
    assert_string_equal(ev.mint.credential, "ASIATOK");
    assert_string_equal(ev.mint.role_arn, "");
    assert_string_equal(ev.mint.session_arn, "");
    assert_int_equal(ev.mint.expires_ms, 0);
}

static void a_federation_token_names_its_session(void **state)
{
    struct fb_event ev = read_call(
        *state, (struct call){"sts", "GetFederationToken", ALICE, "{'name':'console','policy':'x'}",
                              "{'credentials':{'accessKeyId':'ASIAFED'},'federatedUser':{'arn':"
                              "'arn:aws:sts::" ACCOUNT ":federated-user/console'}}",
                              NULL});

    assert_trait(&ev, FB_T_MINT, true);
    assert_trait(&ev, FB_T_FEDERATION_TOKEN, true);
    assert_string_equal(ev.mint.credential, "ASIAFED");
    assert_string_equal(ev.mint.session_arn, "arn:aws:sts::" ACCOUNT ":federated-user/console");
    assert_string_equal(ev.mint.session, "console");
}

static void web_identity_and_saml_mints_are_read_alike(void **state)
{
    static const char *const actions[] = {"AssumeRoleWithWebIdentity", "AssumeRoleWithSAML"};

    for (size_t i = 0; i < 2; i++) {
        struct fb_event ev = read_call(
            *state, (struct call){"sts", actions[i],
                                  "{'type':'WebIdentityUser','identityProvider':'ci.example'}",
                                  "{'roleArn':'arn:aws:iam::" ACCOUNT ":role/ci'}",
                                  "{'credentials':{'accessKeyId':'ASIAWEB'},'assumedRoleUser':{"
                                  "'arn':'arn:aws:sts::" ACCOUNT ":assumed-role/ci/run-9'}}",
                                  NULL});

        assert_trait(&ev, FB_T_MINT, true);
        assert_string_equal(ev.mint.credential, "ASIAWEB");
        assert_string_equal(ev.mint.session, "run-9");
    }
}

static void the_root_seat_of_a_member_is_a_mint_and_root_activity(void **state)
{
    struct fb_event ev = read_call(
        *state, (struct call){"sts", "AssumeRoot", DEPLOYER, "{'targetPrincipal':'" STRANGER "'}",
                              "{'credentials':{'accessKeyId':'ASIAROOT'}}", NULL});

    assert_trait(&ev, FB_T_MINT, true);
    assert_trait(&ev, FB_T_ROOT_ACTIVITY, true);
    assert_string_equal(ev.mint.credential, "ASIAROOT");
    assert_string_equal(ev.mint.session_arn, "arn:aws:iam::" STRANGER ":root");
    assert_string_equal(ev.mint.role_arn, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(what_iam_makes_is_named),
        FB_TEST(a_denied_call_makes_nothing),
        FB_TEST(a_key_is_for_somebody_else_only_when_the_names_differ),
        FB_TEST(an_admin_grant_is_all_actions_or_all_of_iam_on_every_resource),
        FB_TEST(a_url_encoded_policy_is_read_too),
        FB_TEST(a_policy_that_is_no_policy_grants_nothing),
        FB_TEST(trust_in_strangers_is_seen_in_every_kind_of_principal),
        FB_TEST(an_assumed_role_tells_the_new_key_and_until_when),
        FB_TEST(an_assumed_role_is_found_among_the_resources_when_parameters_are_cut),
        FB_TEST(a_users_session_token_has_no_role),
        FB_TEST(a_federation_token_names_its_session),
        FB_TEST(web_identity_and_saml_mints_are_read_alike),
        FB_TEST(the_root_seat_of_a_member_is_a_mint_and_root_activity),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* aws_identity_test.c - who did it, in every type that CloudTrail knows. */
#include "normalize/norm_test.h"

static struct fb_event by(struct fb_arena *a, const char *identity)
{
    return read_call(a, (struct call){"ec2", "DescribeRegions", identity, NULL, NULL, NULL});
}

static void an_iam_user_is_known_by_arn_name_and_key(void **state)
{
    struct fb_event ev = by(*state, ALICE);

    assert_int_equal(ev.who.kind, FB_WHO_USER);
    assert_string_equal(ev.who.arn, "arn:aws:iam::" ACCOUNT ":user/alice");
    assert_string_equal(ev.who.name, "alice");
    assert_string_equal(ev.who.id, "AIDAEXAMPLEALICE00001");
    assert_string_equal(ev.who.credential, "AKIAEXAMPLEALICE0001");
    assert_string_equal(ev.who.account, ACCOUNT);
    assert_int_equal(ev.who.session_ms, 0);
    assert_false(ev.who.mfa);
}

static void a_users_name_is_found_behind_the_path_of_its_arn(void **state)
{
    struct fb_event ev = by(*state, "{'type':'IAMUser','arn':'arn:aws:iam::" ACCOUNT
                                    ":user/build/eu/robot','accessKeyId':'AKIAEXAMPLE'}");

    assert_string_equal(ev.who.name, "robot");
    assert_string_equal(ev.who.account, ACCOUNT);
}

static void a_users_session_token_tells_when_it_began_and_that_mfa_was_used(void **state)
{
    struct fb_event ev = by(
        *state, "{'type':'IAMUser','arn':'arn:aws:iam::" ACCOUNT ":user/alice','userName':'alice',"
                "'accessKeyId':'ASIAEXAMPLE','sessionContext':{'sessionIssuer':{},"
                "'attributes':{'creationDate':'2026-01-02T01:00:00Z',"
                "'mfaAuthenticated':'true'}}}");

    assert_int_equal(ev.who.kind, FB_WHO_USER);
    assert_int_equal(ev.who.session_ms, at("2026-01-02T01:00:00Z"));
    assert_true(ev.who.mfa);
    assert_string_equal(ev.who.credential, "ASIAEXAMPLE");
}

static void a_role_session_is_known_by_role_and_session(void **state)
{
    struct fb_event ev = by(*state, DEPLOYER);

    assert_int_equal(ev.who.kind, FB_WHO_ROLE_SESSION);
    assert_string_equal(ev.who.issuer_arn, "arn:aws:iam::" ACCOUNT ":role/tools/deploy");
    assert_string_equal(ev.who.issuer_kind, "Role");
    assert_string_equal(ev.who.issuer_name, "deploy");
    assert_string_equal(ev.who.session, "ci-7");
    assert_string_equal(ev.who.name, "");
    assert_int_equal(ev.who.session_ms, at("2026-01-02T02:00:00Z"));
    assert_false(ev.who.mfa);
    assert_false(ev.who.instance_role);
    assert_string_equal(ev.who.idp, "");
}

static void a_role_sessions_names_come_from_the_arn_when_the_issuer_is_missing(void **state)
{
    struct fb_event ev = by(*state, "{'type':'AssumedRole','arn':'arn:aws:sts::" ACCOUNT
                                    ":assumed-role/ops/bob@example.com'}");

    assert_string_equal(ev.who.issuer_name, "ops");
    assert_string_equal(ev.who.issuer_arn, ""); /* a role's path is not told */
    assert_string_equal(ev.who.session, "bob@example.com");
}

static void a_role_sessions_name_comes_from_the_principal_id_when_there_is_no_arn(void **state)
{
    struct fb_event ev = by(*state, "{'type':'AssumedRole','principalId':'AROAEXAMPLE:nightly:1'}");

    assert_string_equal(ev.who.session, "nightly:1");
    assert_string_equal(ev.who.arn, "");
}

static void a_machines_role_is_seen_by_its_session_its_delivery_or_its_scope(void **state)
{
    struct fb_event by_name = by(*state, "{'type':'AssumedRole','arn':'arn:aws:sts::" ACCOUNT
                                         ":assumed-role/web/i-0a1b2c3d4e5f60718'}");
    struct fb_event by_delivery =
        by(*state, "{'type':'AssumedRole','arn':'arn:aws:sts::" ACCOUNT
                   ":assumed-role/web/worker','sessionContext':{'ec2RoleDelivery':'2.0'}}");
    struct fb_event by_scope =
        by(*state, "{'type':'AssumedRole','arn':'arn:aws:sts::" ACCOUNT ":assumed-role/web/worker',"
                   "'inScopeOf':{'issuerType':'AWS::EC2::Instance'}}");
    struct fb_event by_none = by(*state, "{'type':'AssumedRole','arn':'arn:aws:sts::" ACCOUNT
                                         ":assumed-role/web/ian-i-1','sessionContext':{"
                                         "'ec2RoleDelivery':''},'inScopeOf':{"
                                         "'issuerType':'AWS::Lambda::Function'}}");

    assert_true(by_name.who.instance_role);
    assert_true(by_delivery.who.instance_role);
    assert_true(by_scope.who.instance_role);
    assert_false(by_none.who.instance_role);
}

static void identity_centers_role_names_the_person(void **state)
{
    struct fb_event ev = by(*state, "{'type':'AssumedRole','arn':'arn:aws:sts::" ACCOUNT
                                    ":assumed-role/AWSReservedSSO_Admin_0123456789abcdef/"
                                    "carol@example.com'}");

    assert_string_equal(ev.who.idp, "sso");
    assert_string_equal(ev.who.subject, "carol@example.com");
}

static void a_source_identity_and_a_web_provider_are_kept(void **state)
{
    struct fb_event ev =
        by(*state, "{'type':'AssumedRole','arn':'arn:aws:sts::" ACCOUNT
                   ":assumed-role/ci/run-1','sessionContext':{'sourceIdentity':'dave',"
                   "'webIdFederationData':{'federatedProvider':'arn:aws:iam::" ACCOUNT
                   ":oidc-provider/ci.example','attributes':{}}}}");

    assert_string_equal(ev.who.source_identity, "dave");
    assert_string_equal(ev.who.idp, "arn:aws:iam::" ACCOUNT ":oidc-provider/ci.example");
    assert_string_equal(ev.who.subject, "");
}

static void the_root_user_is_root(void **state)
{
    struct fb_event ev = by(*state, ROOT);

    assert_int_equal(ev.who.kind, FB_WHO_ROOT);
    assert_string_equal(ev.who.arn, "arn:aws:iam::" ACCOUNT ":root");
    assert_string_equal(ev.who.credential, "");
}

static void a_federated_user_points_to_the_user_who_made_it(void **state)
{
    struct fb_event ev =
        by(*state, "{'type':'FederatedUser','principalId':'" ACCOUNT ":console',"
                   "'arn':'arn:aws:sts::" ACCOUNT ":federated-user/console','accountId':'" ACCOUNT
                   "','accessKeyId':'ASIAEXAMPLEFED','sessionContext':{'sessionIssuer':{"
                   "'type':'IAMUser','arn':'arn:aws:iam::" ACCOUNT ":user/alice',"
                   "'userName':'alice'},'attributes':{'creationDate':'2026-01-02T01:00:00Z'}}}");

    assert_int_equal(ev.who.kind, FB_WHO_FEDERATED);
    assert_string_equal(ev.who.session, "console");
    assert_string_equal(ev.who.issuer_kind, "IAMUser");
    assert_string_equal(ev.who.issuer_arn, "arn:aws:iam::" ACCOUNT ":user/alice");
    assert_string_equal(ev.who.issuer_name, "alice");
}

static void web_identity_and_saml_users_name_provider_and_subject(void **state)
{
    struct fb_event web =
        by(*state, "{'type':'WebIdentityUser','principalId':'accounts.google.com:app:sub-1',"
                   "'userName':'sub-1','identityProvider':'accounts.google.com'}");
    struct fb_event saml = by(*state, "{'type':'SAMLUser','principalId':'Q9=:erin@example.com',"
                                      "'identityProvider':'Q9='}");

    assert_int_equal(web.who.kind, FB_WHO_WEB_IDENTITY);
    assert_string_equal(web.who.idp, "accounts.google.com");
    assert_string_equal(web.who.subject, "sub-1");
    assert_int_equal(saml.who.kind, FB_WHO_SAML);
    assert_string_equal(saml.who.idp, "Q9=");
    assert_string_equal(saml.who.subject, "erin@example.com");
}

static void an_identity_center_user_is_known_by_user_id(void **state)
{
    struct fb_event ev =
        by(*state, "{'type':'IdentityCenterUser','accountId':'" ACCOUNT "','onBehalfOf':{"
                   "'userId':'u-1234','identityStoreArn':'arn:aws:identitystore::" ACCOUNT
                   ":identitystore/d-1'},'credentialId':'c-9'}");

    assert_int_equal(ev.who.kind, FB_WHO_IDENTITY_CENTER);
    assert_string_equal(ev.who.idp, "sso");
    assert_string_equal(ev.who.subject, "u-1234");
    assert_string_equal(ev.who.id, "u-1234");
    assert_string_equal(ev.who.credential, "");
}

static void another_account_shows_no_key(void **state)
{
    struct fb_event ev = by(*state, "{'type':'AWSAccount','principalId':'AIDAEXAMPLEOTHER',"
                                    "'accountId':'" STRANGER "'}");

    assert_int_equal(ev.who.kind, FB_WHO_ACCOUNT);
    assert_string_equal(ev.who.account, STRANGER);
    assert_string_equal(ev.who.credential, "");
    assert_string_equal(ev.account, ACCOUNT);
}

static void a_service_is_known_by_its_host_name(void **state)
{
    struct fb_event ev = by(*state, "{'type':'AWSService','invokedBy':'ec2.amazonaws.com'}");
    struct fb_event typeless =
        by(*state, "{'accountId':'" ACCOUNT "','invokedBy':'secretsmanager.amazonaws.com'}");

    assert_int_equal(ev.who.kind, FB_WHO_SERVICE);
    assert_string_equal(ev.who.invoked_by, "ec2.amazonaws.com");
    assert_int_equal(typeless.who.kind, FB_WHO_SERVICE);
}

static void a_service_acting_for_a_user_does_not_hide_the_user(void **state)
{
    struct fb_event ev = by(*state, "{'type':'IAMUser','arn':'arn:aws:iam::" ACCOUNT ":user/alice',"
                                    "'userName':'alice','accessKeyId':'ASIAEXAMPLE',"
                                    "'invokedBy':'cloudformation.amazonaws.com'}");

    assert_int_equal(ev.who.kind, FB_WHO_USER);
    assert_string_equal(ev.who.invoked_by, "cloudformation.amazonaws.com");
}

static void role_directory_and_unknown_are_told_apart(void **state)
{
    struct fb_event role =
        by(*state, "{'type':'Role','arn':'arn:aws:iam::" ACCOUNT ":role/x/backup'}");

    assert_int_equal(role.who.kind, FB_WHO_ROLE);
    assert_string_equal(role.who.name, "backup");
    assert_int_equal(by(*state, "{'type':'Directory','principalId':'d-1'}").who.kind,
                     FB_WHO_DIRECTORY);
    assert_int_equal(by(*state, "{'type':'Unknown','userName':'x@example.com'}").who.kind,
                     FB_WHO_UNKNOWN);
}

static void a_type_that_we_do_not_know_is_read_from_the_arn(void **state)
{
    struct fb_event user =
        by(*state, "{'type':'User','arn':'arn:aws:iam::" ACCOUNT ":user/frank'}");
    struct fb_event session =
        by(*state, "{'arn':'arn:aws:sts::" ACCOUNT ":assumed-role/ops/gina'}");
    struct fb_event root = by(*state, "{'arn':'arn:aws:iam::" ACCOUNT ":root'}");

    assert_int_equal(user.who.kind, FB_WHO_USER);
    assert_string_equal(user.who.name, "frank");
    assert_int_equal(session.who.kind, FB_WHO_ROLE_SESSION);
    assert_string_equal(session.who.session, "gina");
    assert_int_equal(root.who.kind, FB_WHO_ROOT);
}

static void a_hidden_user_name_is_no_name(void **state)
{
    struct fb_event ev = by(*state, "{'type':'IAMUser','accountId':'" ACCOUNT
                                    "','userName':'HIDDEN_DUE_TO_SECURITY_REASONS'}");

    assert_string_equal(ev.who.name, "");
}

static void an_identity_that_is_no_object_costs_nothing_else(void **state)
{
    static const char *const odd[] = {NULL,   "'alice'", "7", "[]", "[{'type':'Root'}]",
                                      "true", "{}"};

    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        struct fb_event ev = by(*state, odd[i]);

        assert_int_equal(ev.who.kind, FB_WHO_UNKNOWN);
        assert_string_equal(ev.who.arn, "");
        assert_string_equal(ev.action, "DescribeRegions");
        assert_string_equal(ev.account, ACCOUNT);
        assert_int_equal(ev.time_ms, at("2026-01-02T03:04:05Z"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(an_iam_user_is_known_by_arn_name_and_key),
        FB_TEST(a_users_name_is_found_behind_the_path_of_its_arn),
        FB_TEST(a_users_session_token_tells_when_it_began_and_that_mfa_was_used),
        FB_TEST(a_role_session_is_known_by_role_and_session),
        FB_TEST(a_role_sessions_names_come_from_the_arn_when_the_issuer_is_missing),
        FB_TEST(a_role_sessions_name_comes_from_the_principal_id_when_there_is_no_arn),
        FB_TEST(a_machines_role_is_seen_by_its_session_its_delivery_or_its_scope),
        FB_TEST(identity_centers_role_names_the_person),
        FB_TEST(a_source_identity_and_a_web_provider_are_kept),
        FB_TEST(the_root_user_is_root),
        FB_TEST(a_federated_user_points_to_the_user_who_made_it),
        FB_TEST(web_identity_and_saml_users_name_provider_and_subject),
        FB_TEST(an_identity_center_user_is_known_by_user_id),
        FB_TEST(another_account_shows_no_key),
        FB_TEST(a_service_is_known_by_its_host_name),
        FB_TEST(a_service_acting_for_a_user_does_not_hide_the_user),
        FB_TEST(role_directory_and_unknown_are_told_apart),
        FB_TEST(a_type_that_we_do_not_know_is_read_from_the_arn),
        FB_TEST(a_hidden_user_name_is_no_name),
        FB_TEST(an_identity_that_is_no_object_costs_nothing_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

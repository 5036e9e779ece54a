/* credentials_test.c - our own credentials are found where the providers' tools would find them,
 * and what is wrong with a source is said without its secret. */
#include "support/fb_test.h"

#include <sys/stat.h>

#include "base/text.h"
#include "cloud/credentials.h"
#include "cloud/profile.h"
#include "support/fault_server.h"
#include "support/moto.h"

enum { ENV_MAX = 16 };

/* One search with an environment of its own; nothing of the machine's shows through. */
struct search {
    struct fb_arena *arena;
    const char *env[ENV_MAX];
    size_t n;
    char folder[64];
    struct fb_aws_credentials found;
    struct fb_err err;
};

static void put(struct search *s, const char *name, const char *value)
{
    assert_true(s->n + 1 < ENV_MAX);
    s->env[s->n++] = fb_arena_fmt(s->arena, "%s=%s", name, value);
    s->env[s->n] = NULL;
}

static const char *file(struct search *s, const char *name, const char *text)
{
    const char *path = fb_arena_fmt(s->arena, "%s/%s", s->folder, name);
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    return path;
}

static int set_up(void **state)
{
    struct search *s = calloc(1, sizeof *s);

    if (!s)
        return -1;
    s->arena = fb_arena_new(8 << 20);
    (void)snprintf(s->folder, sizeof s->folder, P_tmpdir "/fb-credentials-XXXXXX");
    if (!s->arena || !mkdtemp(s->folder))
        return -1;
    put(s, "HOME", s->folder);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    static const char *const names[] = {"credentials", "config", "token"};
    struct search *s = *state;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        (void)unlink(fb_arena_fmt(s->arena, "%s/%s", s->folder, names[i]));
    (void)rmdir(s->folder);
    fb_aws_credentials_release(&s->found);
    fb_arena_free(s->arena);
    free(s);
    return 0;
}

static enum fb_status find(struct search *s)
{
    struct fb_http *http = fb_http_new(fb_clock_system(), NULL);
    struct fb_aws_finder how = {
        .env = s->env, .http = http, .clock = fb_clock_system(), .home = "us-east-1"};
    enum fb_status st;

    memset(&s->err, 0, sizeof s->err);
    st = fb_aws_credentials_find(&how, &s->found, &s->err);
    fb_http_free(http);
    if (st != FB_OK)
        print_message("  %s\n", s->err.text);
    return st;
}

static void found(const struct search *s, const char *key, const char *secret, const char *token)
{
    assert_string_equal(s->found.access_key, key);
    assert_string_equal(s->found.secret.at, secret);
    assert_string_equal(s->found.token.at ? s->found.token.at : "", token);
}

static void the_environment_comes_first(void **state)
{
    struct search *s = *state;

    put(s, "AWS_ACCESS_KEY_ID", "AKIAENV");
    put(s, "AWS_SECRET_ACCESS_KEY", "envsecret");
    put(s, "AWS_SESSION_TOKEN", "envtoken");
    put(s, "AWS_SHARED_CREDENTIALS_FILE",
        file(s, "credentials", "[default]\naws_access_key_id=AKIAFILE\naws_secret_access_key=x\n"));
    assert_int_equal(find(s), FB_OK);
    found(s, "AKIAENV", "envsecret", "envtoken");
    assert_true(s->found.expires_ms == 0);
}

static void a_key_without_its_secret_is_an_error_and_no_reason_to_look_elsewhere(void **state)
{
    struct search *s = *state;

    put(s, "AWS_ACCESS_KEY_ID", "AKIAENV");
    put(s, "AWS_SHARED_CREDENTIALS_FILE",
        file(s, "credentials", "[default]\naws_access_key_id=AKIAFILE\naws_secret_access_key=x\n"));
    assert_int_equal(find(s), FB_EDENIED);
    assert_non_null(strstr(s->err.text, "environment"));
}

static void a_secret_with_a_line_break_is_refused_unseen(void **state)
{
    struct search *s = *state;

    put(s, "AWS_ACCESS_KEY_ID", "AKIAENV");
    put(s, "AWS_SECRET_ACCESS_KEY", "canary\r\nX-Evil: 1");
    assert_int_equal(find(s), FB_EDENIED);
    assert_null(strstr(s->err.text, "canary"));
}

static void profiles_are_read_as_the_providers_tools_write_them(void **state)
{
    static const char credentials[] = "# comment\n; another\n"
                                      "[default]\naws_access_key_id = AKIADEFAULT\n"
                                      "aws_secret_access_key = defaultsecret\n\n"
                                      "[ work ]\r\naws_access_key_id=AKIAWORK\r\n"
                                      "aws_secret_access_key =  work/secret+=  \r\n"
                                      "aws_session_token = worktoken\r\n"
                                      "s3 =\n  aws_access_key_id = AKIANESTED\n"
                                      "[other]\naws_access_key_id = AKIAOTHER\n";
    static const char config[] =
        "[profile work]\nregion = eu-west-3\naws_access_key_id = AKIACONFIG\n"
        "[work]\nregion = wrong\n[default]\nregion=eu-north-1";
    struct search *s = *state;
    struct fb_aws_profile p;

    put(s, "AWS_SHARED_CREDENTIALS_FILE", file(s, "credentials", credentials));
    put(s, "AWS_CONFIG_FILE", file(s, "config", config));
    assert_int_equal(find(s), FB_OK);
    found(s, "AKIADEFAULT", "defaultsecret", "");
    put(s, "AWS_PROFILE", "work");
    assert_int_equal(find(s), FB_OK);
    found(s, "AKIAWORK", "work/secret+=", "worktoken");
    fb_aws_profile_read(s->arena, s->env, "work", &p);
    assert_string_equal(p.region, "eu-west-3");
    fb_aws_profile_release(&p);
    fb_aws_profile_read(s->arena, s->env, "default", &p);
    assert_string_equal(p.region, "eu-north-1");
    fb_aws_profile_release(&p);
}

static void files_lie_in_the_home_folder_unless_told_otherwise(void **state)
{
    struct search *s = *state;
    const char *folder = fb_arena_fmt(s->arena, "%s/.aws", s->folder);
    const char *path = fb_arena_fmt(s->arena, "%s/credentials", folder);
    FILE *f;

    assert_int_equal(mkdir(folder, 0700), 0);
    f = fopen(path, "w");
    assert_non_null(f);
    (void)fputs("[default]\naws_access_key_id=AKIAHOME\naws_secret_access_key=homesecret\n", f);
    (void)fclose(f);
    assert_int_equal(find(s), FB_OK);
    found(s, "AKIAHOME", "homesecret", "");
    (void)unlink(path);
    (void)rmdir(folder);
}

static void a_named_profile_that_is_not_there_is_said(void **state)
{
    struct search *s = *state;

    put(s, "AWS_PROFILE", "gone");
    assert_int_equal(find(s), FB_EDENIED);
    assert_non_null(strstr(s->err.text, "gone"));
}

static void kinds_of_profile_that_we_do_not_serve_are_named(void **state)
{
    struct search *s = *state;

    put(s, "AWS_CONFIG_FILE",
        file(s, "config",
             "[profile p]\ncredential_process = /bin/canary\n"
             "[profile q]\nrole_arn=arn:r\nsource_profile=q2\n"
             "[profile q2]\nrole_arn=arn:r\nsource_profile=q\n"
             "[profile m]\nrole_arn=arn:r\nmfa_serial=x\n"));
    put(s, "AWS_PROFILE", "p");
    assert_int_equal(find(s), FB_EDENIED);
    assert_non_null(strstr(s->err.text, "credential_process"));
    s->n--;
    put(s, "AWS_PROFILE", "q");
    assert_int_equal(find(s), FB_EDENIED);
    assert_non_null(strstr(s->err.text, "circles"));
    s->n--;
    put(s, "AWS_PROFILE", "m");
    assert_int_equal(find(s), FB_EDENIED);
    assert_non_null(strstr(s->err.text, "mfa_serial"));
}

static void without_any_source_the_answer_says_where_we_looked(void **state)
{
    struct search *s = *state;

    put(s, "AWS_EC2_METADATA_DISABLED", "true");
    assert_int_equal(find(s), FB_EDENIED);
    assert_non_null(strstr(s->err.text, "AWS_ACCESS_KEY_ID"));
    assert_non_null(strstr(s->err.text, "profile default"));
    assert_non_null(strstr(s->err.text, "instance metadata (disabled)"));
}

static const char DOCUMENT[] = "{\"AccessKeyId\":\"ASIACONT\",\"SecretAccessKey\":\"contsecret\","
                               "\"Token\":\"conttoken\",\"Expiration\":\"2099-01-01T00:00:00Z\"}";

static void the_container_endpoint_is_asked_with_its_token_file(void **state)
{
    struct fb_fault_rule rule = {NULL, {{.status = 503}, {.body = DOCUMENT}}};
    struct fb_fault_server *server = fb_fault_server_start(&rule, 1);
    struct search *s = *state;

    put(s, "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        fb_arena_fmt(s->arena, "%s/creds?x=1", fb_fault_server_url(server)));
    put(s, "AWS_CONTAINER_AUTHORIZATION_TOKEN", "unused");
    put(s, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file(s, "token", "Bearer file-token\n"));
    assert_int_equal(find(s), FB_OK);
    found(s, "ASIACONT", "contsecret", "conttoken");
    assert_true(s->found.expires_ms > INT64_C(4000000000000));
    assert_int_equal(fb_fault_server_count(server), 2);
    assert_non_null(strstr(fb_fault_server_request(server, 1), "GET /creds?x=1 HTTP"));
    assert_non_null(
        strstr(fb_fault_server_request(server, 1), "Authorization: Bearer file-token\r\n"));
    fb_fault_server_stop(server);
}

static void container_credentials_come_only_from_hosts_that_may_give_them(void **state)
{
    static const char *const bad[] = {"http://example.com/x",       "http://169.254.170.3/x",
                                      "ftp://127.0.0.1/",           "http://127.0.0.1.evil.com/",
                                      "http://127.0.0.1@evil.com/", "x"};
    struct search *s = *state;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        put(s, "AWS_CONTAINER_CREDENTIALS_FULL_URI", bad[i]);
        assert_int_equal(find(s), FB_EDENIED);
        assert_non_null(strstr(s->err.text, "hosts"));
        s->n--;
    }
}

static void a_container_answer_without_keys_is_told_and_holds_no_secret(void **state)
{
    static const char *const bodies[] = {"{}",
                                         "canary",
                                         "[]",
                                         "{\"AccessKeyId\":\"canary\"}",
                                         "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"canary\","
                                         "\"Token\":\"canary\\r\\nX: y\"}",
                                         "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"canary\","
                                         "\"Expiration\":\"soon\"}"};
    struct search *s = *state;

    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct fb_fault_rule rule = {NULL, {{.body = bodies[i]}}};
        struct fb_fault_server *server = fb_fault_server_start(&rule, 1);

        put(s, "AWS_CONTAINER_CREDENTIALS_FULL_URI", fb_fault_server_url(server));
        assert_int_equal(find(s), FB_EDENIED);
        assert_null(strstr(s->err.text, "canary"));
        assert_string_equal(s->found.access_key, "");
        s->n--;
        fb_fault_server_stop(server);
    }
}

static void an_authorization_token_with_a_line_break_is_not_sent(void **state)
{
    struct fb_fault_rule rule = {NULL, {{.body = DOCUMENT}}};
    struct fb_fault_server *server = fb_fault_server_start(&rule, 1);
    struct search *s = *state;

    put(s, "AWS_CONTAINER_CREDENTIALS_FULL_URI", fb_fault_server_url(server));
    put(s, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file(s, "token", "canary\r\nX-Evil: 1\n"));
    assert_int_equal(find(s), FB_EDENIED);
    assert_int_equal(fb_fault_server_count(server), 0);
    assert_null(strstr(s->err.text, "canary"));
    fb_fault_server_stop(server);
}

static void a_machine_without_metadata_costs_no_more_than_a_second(void **state)
{
    struct fb_fault_rule rule = {NULL, {{.fault = FB_FAULT_HANG}}};
    struct fb_fault_server *server = fb_fault_server_start(&rule, 1);
    struct fb_clock c = fb_clock_system();
    struct search *s = *state;
    int64_t before = fb_mono_ms(&c);

    put(s, "AWS_EC2_METADATA_SERVICE_ENDPOINT", fb_fault_server_url(server));
    assert_int_equal(find(s), FB_EDENIED);
    assert_true(fb_mono_ms(&c) - before < 2500);
    fb_fault_server_stop(server);
}

/* A 200 that says Code and Message is how the metadata service reports a failure. */
static void metadata_without_keys_is_an_error(void **state)
{
    struct fb_fault_rule rules[] = {
        {"PUT /latest/api/token", {{.body = "t0ken"}}},
        {"security-credentials/r1",
         {{.body = "{\"Code\":\"AssumeRoleUnauthorizedAccess\",\"Message\":\"m\"}"}}},
        {"security-credentials/", {{.body = "r1\n"}}}};
    struct fb_fault_server *server = fb_fault_server_start(rules, 3);
    struct search *s = *state;

    put(s, "AWS_EC2_METADATA_SERVICE_ENDPOINT",
        fb_arena_fmt(s->arena, "%s/", fb_fault_server_url(server)));
    assert_int_equal(find(s), FB_EDENIED);
    assert_int_equal(fb_fault_server_count(server), 3);
    assert_non_null(
        strstr(fb_fault_server_request(server, 2), "X-aws-ec2-metadata-token: t0ken\r\n"));
    fb_fault_server_stop(server);
}

static const char STS_ANSWER[] =
    "<R><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIAWEB</AccessKeyId>"
    "<SecretAccessKey>websecret</SecretAccessKey><SessionToken>webtoken</SessionToken>"
    "<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></"
    "AssumeRoleWithWebIdentityResult></R>";

static void a_web_identity_is_exchanged_unsigned_at_sts(void **state)
{
    struct fb_fault_rule rule = {NULL, {{.body = STS_ANSWER}}};
    struct fb_fault_server *server = fb_fault_server_start(&rule, 1);
    struct search *s = *state;

    put(s, "AWS_ENDPOINT_URL_STS", fb_fault_server_url(server));
    put(s, "AWS_WEB_IDENTITY_TOKEN_FILE", file(s, "token", "eyJ.a+b/c"));
    put(s, "AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/r");
    assert_int_equal(find(s), FB_OK);
    found(s, "ASIAWEB", "websecret", "webtoken");
    assert_non_null(strstr(fb_fault_server_request(server, 0), "WebIdentityToken=eyJ.a%2Bb%2Fc"));
    assert_null(strstr(fb_fault_server_request(server, 0), "uthorization"));
    fb_fault_server_stop(server);
}

static void a_refused_web_identity_does_not_repeat_the_token(void **state)
{
    struct fb_fault_rule rule = {
        NULL,
        {{.status = 400,
          .body = "<E><Code>InvalidIdentityToken</Code><Message>bad</Message></E>"}}};
    struct fb_fault_server *server = fb_fault_server_start(&rule, 1);
    struct search *s = *state;

    put(s, "AWS_ENDPOINT_URL_STS", fb_fault_server_url(server));
    put(s, "AWS_WEB_IDENTITY_TOKEN_FILE", file(s, "token", "canarycanary"));
    put(s, "AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/r");
    assert_int_equal(find(s), FB_EDENIED);
    assert_non_null(strstr(s->err.text, "InvalidIdentityToken"));
    assert_null(strstr(s->err.text, "canary"));
    fb_fault_server_stop(server);
}

static void a_stand_in_gives_credentials_by_metadata_and_by_role(void **state)
{
    struct search *s = *state;
    struct fb_moto moto;
    enum fb_moto_result r = fb_moto_start(&moto, FB_MOTO_OPEN);

    if (r == FB_MOTO_ABSENT)
        FB_SKIP("moto_server is not on this machine");
    assert_int_equal(r, FB_MOTO_READY);
    put(s, "AWS_EC2_METADATA_SERVICE_ENDPOINT", moto.url);
    assert_int_equal(find(s), FB_OK);
    found(s, "test-key", "test-secret-key", "test-session-token");
    assert_true(s->found.expires_ms > 0);
    put(s, "AWS_ENDPOINT_URL", moto.url);
    put(s, "AWS_SHARED_CREDENTIALS_FILE",
        file(s, "credentials",
             "[base]\naws_access_key_id=AKIABASE\naws_secret_access_key=basesecret\n"));
    put(s, "AWS_CONFIG_FILE",
        file(s, "config",
             "[profile ops]\nrole_arn = arn:aws:iam::123456789012:role/ops\n"
             "source_profile = base\nexternal_id = e-1\nduration_seconds = 900\n"
             "[profile here]\nrole_arn = arn:aws:iam::123456789012:role/ops\n"
             "credential_source = Ec2InstanceMetadata\n"));
    put(s, "AWS_PROFILE", "ops");
    assert_int_equal(find(s), FB_OK);
    assert_true(fb_starts(s->found.access_key, "ASIA"));
    assert_true(s->found.token.len > 20 && s->found.expires_ms > 0);
    s->n--;
    put(s, "AWS_PROFILE", "here");
    assert_int_equal(find(s), FB_OK);
    assert_true(fb_starts(s->found.access_key, "ASIA"));
    s->n--;
    put(s, "AWS_WEB_IDENTITY_TOKEN_FILE", file(s, "token", "eyJhbGciOiJub25lIn0.e30."));
    put(s, "AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/web");
    assert_int_equal(find(s), FB_OK);
    assert_true(fb_starts(s->found.access_key, "ASIA"));
    fb_moto_stop(&moto);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_environment_comes_first),
        CASE(a_key_without_its_secret_is_an_error_and_no_reason_to_look_elsewhere),
        CASE(a_secret_with_a_line_break_is_refused_unseen),
        CASE(profiles_are_read_as_the_providers_tools_write_them),
        CASE(files_lie_in_the_home_folder_unless_told_otherwise),
        CASE(a_named_profile_that_is_not_there_is_said),
        CASE(kinds_of_profile_that_we_do_not_serve_are_named),
        CASE(without_any_source_the_answer_says_where_we_looked),
        CASE(the_container_endpoint_is_asked_with_its_token_file),
        CASE(container_credentials_come_only_from_hosts_that_may_give_them),
        CASE(a_container_answer_without_keys_is_told_and_holds_no_secret),
        CASE(an_authorization_token_with_a_line_break_is_not_sent),
        CASE(a_machine_without_metadata_costs_no_more_than_a_second),
        CASE(metadata_without_keys_is_an_error),
        CASE(a_web_identity_is_exchanged_unsigned_at_sts),
        CASE(a_refused_web_identity_does_not_repeat_the_token),
        CASE(a_stand_in_gives_credentials_by_metadata_and_by_role),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

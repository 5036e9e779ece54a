/* aws_moto_test.c - our calls against a stand-in account that others wrote: answers, errors, and,
 * with signature checking on, whether what we sign is what a peer verifies. */
#include "support/fb_test.h"

#include "base/buf.h"
#include "base/text.h"
#include "cloud/aws.h"
#include "support/moto.h"

struct account {
    struct fb_moto moto;
    struct fb_aws *aws;
    char url[128];
    const char *env[12];
};

static struct fb_aws *client(struct account *acc, const char *key, const char *secret,
                             const char *token)
{
    struct fb_aws_credentials c = {0};
    struct fb_aws_options options = {.clock = fb_clock_system(), .env = acc->env, .fixed = &c};
    struct fb_aws *aws;

    (void)snprintf(acc->url, sizeof acc->url, "AWS_ENDPOINT_URL=%s", acc->moto.url);
    acc->env[0] = acc->url;
    acc->env[1] = "AWS_REGION=us-east-1";
    acc->env[2] = NULL;
    options.backoff_ms = 10;
    options.call_timeout_ms = 30000; /* the first call to a service loads it */
    (void)snprintf(c.access_key, sizeof c.access_key, "%s", key);
    assert_true(fb_secret_set(&c.secret, secret, strlen(secret)));
    if (*token)
        assert_true(fb_secret_set(&c.token, token, strlen(token)));
    aws = fb_aws_new(&options);
    assert_non_null(aws);
    fb_aws_credentials_release(&c);
    return aws;
}

static struct account *open_account(int free_calls)
{
    struct account *acc = calloc(1, sizeof *acc);
    enum fb_moto_result r;

    assert_non_null(acc);
    r = fb_moto_start(&acc->moto, free_calls);
    if (r == FB_MOTO_ABSENT) {
        free(acc);
        return NULL;
    }
    assert_int_equal(r, FB_MOTO_READY);
    acc->aws = client(acc, "AKIAIOSFODNN7EXAMPLE", "secret", "");
    return acc;
}

static void close_account(struct account *acc)
{
    if (!acc)
        return;
    fb_aws_free(acc->aws);
    fb_moto_stop(&acc->moto);
    free(acc);
}

static int set_up(void **state)
{
    *state = open_account(FB_MOTO_OPEN);
    return 0;
}

static int tear_down(void **state)
{
    close_account(*state);
    return 0;
}

static struct fb_aws_reply call(struct fb_aws *aws, struct fb_arena *a, const char *service,
                                const char *action, const char *form)
{
    struct fb_aws_call c = {.service = service, .action = action, .region = "", .form = form};
    struct fb_aws_reply r = {0};

    fb_aws_do(aws, a, &c, 0, &r);
    return r;
}

static void must(const struct fb_aws_reply *r)
{
    if (r->st != FB_OK)
        fail_msg("%s", r->err.text);
}

static void who_we_are_is_answered(void **state)
{
    struct account *acc = *state;
    struct fb_arena *a;
    struct fb_aws_reply r;

    if (!acc)
        FB_SKIP("moto_server is not on this machine");
    a = fb_arena_new(8 << 20);
    r = call(acc->aws, a, "sts", "GetCallerIdentity", NULL);
    must(&r);
    assert_string_equal(fb_xml_text(r.xml, "GetCallerIdentityResult/Account"), "123456789012");
    assert_int_equal(r.tries, 1);
    assert_string_equal(fb_aws_own_key(acc->aws), "AKIAIOSFODNN7EXAMPLE");
    fb_arena_free(a);
}

static const char *key_status(struct fb_aws *aws, struct fb_arena *a, const char *user)
{
    struct fb_aws_reply r =
        call(aws, a, "iam", "ListAccessKeys", fb_arena_fmt(a, "UserName=%s", user));

    must(&r);
    return fb_xml_text(r.xml, "ListAccessKeysResult/AccessKeyMetadata/member/Status");
}

static void a_users_key_can_be_made_disabled_and_removed(void **state)
{
    struct account *acc = *state;
    struct fb_arena *a;
    struct fb_aws_reply r;
    const char *id;
    struct fb_buf form;

    if (!acc)
        FB_SKIP("moto_server is not on this machine");
    a = fb_arena_new(8 << 20);
    r = call(acc->aws, a, "iam", "CreateUser", "UserName=mallory");
    must(&r);
    r = call(acc->aws, a, "iam", "CreateUser", "UserName=mallory");
    assert_int_equal(r.st, FB_ECONFLICT);
    assert_string_equal(r.err.aws_code, "EntityAlreadyExists");
    r = call(acc->aws, a, "iam", "CreateAccessKey", "UserName=mallory");
    must(&r);
    id = fb_xml_text(r.xml, "CreateAccessKeyResult/AccessKey/AccessKeyId");
    assert_true(fb_starts(id, "AKIA"));
    assert_string_equal(key_status(acc->aws, a, "mallory"), "Active");
    fb_buf_init_in(&form, a, 4096);
    fb_buf_add_param(&form, "UserName", "mallory");
    fb_buf_add_param(&form, "AccessKeyId", id);
    fb_buf_add_param(&form, "Status", "Inactive");
    r = call(acc->aws, a, "iam", "UpdateAccessKey", form.at);
    must(&r);
    assert_string_equal(key_status(acc->aws, a, "mallory"), "Inactive");
    r = call(acc->aws, a, "iam", "DeleteAccessKey",
             fb_arena_fmt(a, "UserName=mallory&AccessKeyId=%s", id));
    must(&r);
    assert_string_equal(key_status(acc->aws, a, "mallory"), "");
    fb_arena_free(a);
}

/* A sweep: in each region launch two machines, find them, stop them; all regions at the same time.
 */
struct region_work {
    const char *region;
    struct fb_arena *arena;
    int step;
    const char *ids[2];
    char form[256];
    struct fb_err failed;
};

static void read_ids(struct region_work *w, const struct fb_xml *item)
{
    for (int i = 0; i < 2 && item; i++, item = item->next)
        w->ids[i] = fb_xml_text(item, "instanceId");
}

static bool work_next(void *self, const struct fb_aws_reply *prev, struct fb_aws_call *out)
{
    static const char *const actions[] = {"RunInstances", "DescribeInstances", "StopInstances",
                                          "DescribeInstances"};
    struct region_work *w = self;

    if (prev && prev->st != FB_OK) {
        w->failed = prev->err;
        return false;
    }
    if (w->step == 2)
        read_ids(w, fb_xml_path(prev->xml, "reservationSet/item/instancesSet/item"));
    if (w->step == 4) {
        const struct fb_xml *item = fb_xml_path(prev->xml, "reservationSet/item/instancesSet/item");

        for (int i = 0; i < 2; i++, item = item ? item->next : NULL)
            if (!fb_eq(fb_xml_text(item, "instanceState/name"), "stopped"))
                (void)fb_err_set(&w->failed, FB_EIO, "not stopped");
        return false;
    }
    *out = (struct fb_aws_call){.service = "ec2", .action = actions[w->step], .region = w->region};
    if (w->step == 0)
        out->form = "ImageId=ami-12c6146b&MinCount=2&MaxCount=2&InstanceType=t2.micro";
    if (w->step == 2) {
        (void)snprintf(w->form, sizeof w->form, "InstanceId.1=%s&InstanceId.2=%s", w->ids[0],
                       w->ids[1]);
        out->form = w->form;
    }
    w->step++;
    return true;
}

static void machines_are_stopped_in_many_regions_in_one_run(void **state)
{
    struct account *acc = *state;
    struct fb_aws_chain chains[6];
    struct region_work work[6] = {0};
    const char *const *regions;
    struct fb_arena *a;
    size_t n;

    if (!acc)
        FB_SKIP("moto_server is not on this machine");
    a = fb_arena_new(32 << 20);
    regions = fb_aws_builtin_regions(&n);
    assert_true(n > 6);
    for (size_t i = 0; i < 6; i++) {
        work[i] = (struct region_work){.region = regions[i * 2], .arena = a};
        chains[i] = (struct fb_aws_chain){&work[i], work_next};
    }
    fb_aws_run(acc->aws, a, chains, 6, 0);
    for (size_t i = 0; i < 6; i++) {
        if (work[i].failed.text[0])
            fail_msg("%s: %s", work[i].region, work[i].failed.text);
        assert_int_equal(work[i].step, 4);
        assert_true(fb_starts(work[i].ids[0], "i-") && fb_starts(work[i].ids[1], "i-"));
        for (size_t k = 0; k < i; k++) /* each region has machines of its own */
            assert_string_not_equal(work[i].ids[0], work[k].ids[0]);
    }
    fb_arena_free(a);
}

/* The stand-in lists more as free of opt-in than AWS does; each of ours must be among them. */
static void the_built_in_regions_need_no_opt_in(void **state)
{
    struct account *acc = *state;
    const char *const *regions;
    struct fb_aws_reply r;
    struct fb_arena *a;
    size_t n;

    if (!acc)
        FB_SKIP("moto_server is not on this machine");
    a = fb_arena_new(8 << 20);
    regions = fb_aws_builtin_regions(&n);
    r = call(acc->aws, a, "ec2", "DescribeRegions", "AllRegions=true");
    must(&r);
    assert_true(n >= 17);
    for (size_t i = 0; i < n; i++) {
        const struct fb_xml *item = fb_xml_path(r.xml, "regionInfo/item");

        while (item && !fb_eq(fb_xml_text(item, "regionName"), regions[i]))
            item = item->next;
        assert_string_equal(fb_xml_text(item, "optInStatus"), "opt-in-not-required");
    }
    fb_arena_free(a);
}

static void real_refusals_are_told_apart(void **state)
{
    static const struct {
        const char *service, *action, *form, *json, *code;
        enum fb_status st;
        int http, tries;
    } rows[] = {
        {"iam", "GetUser", "UserName=nobody", NULL, "NoSuchEntity", FB_ENOTFOUND, 404, 1},
        {"ec2", "StopInstances", "InstanceId.1=i-1234567890abcdef0", NULL,
         "InvalidInstanceID.NotFound", FB_ENOTFOUND, 400, 1},
        {"dynamodb", "DescribeTable", NULL, "{\"TableName\":\"none\"}", "ResourceNotFoundException",
         FB_ENOTFOUND, 400, 1},
        {"autoscaling", "UpdateAutoScalingGroup", "AutoScalingGroupName=none&MinSize=0", NULL,
         "ValidationError", FB_ENOTFOUND, 400, 1},
        {"iam", "PutUserPermissionsBoundary", "UserName=x&PermissionsBoundary=y", NULL, "",
         FB_EUNSUPPORTED, 500, 2},
        {"ec2", "ModifyFleet", NULL, NULL, "", FB_EUNSUPPORTED, 500, 2},
        {"cloudtrail", "LookupEvents", NULL, "{}", "", FB_EUNSUPPORTED, 500, 2},
        {"support", "DescribeServices", NULL, NULL, "", FB_EUNSUPPORTED, 500, 2},
    };
    struct account *acc = *state;
    struct fb_arena *a;

    if (!acc)
        FB_SKIP("moto_server is not on this machine");
    a = fb_arena_new(8 << 20);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fb_aws_call c = {.service = rows[i].service,
                                .action = rows[i].action,
                                .region = "",
                                .form = rows[i].form,
                                .json = rows[i].json};
        struct fb_aws_reply r;

        fb_aws_do(acc->aws, a, &c, 0, &r);
        print_message("  %s\n", r.err.text);
        assert_int_equal(r.st, rows[i].st);
        assert_int_equal(r.err.code, rows[i].st);
        assert_int_equal(r.err.http, rows[i].http);
        assert_string_equal(r.err.aws_code, rows[i].code);
        assert_int_equal(r.tries, rows[i].tries);
        assert_non_null(strstr(r.err.text, rows[i].action));
        assert_null(r.xml);
    }
    fb_arena_free(a);
}

static void json_and_rest_services_answer_too(void **state)
{
    struct account *acc = *state;
    struct fb_aws_call c = {.service = "sqs",
                            .action = "CreateQueue",
                            .region = "eu-west-1",
                            .json = "{\"QueueName\":\"q1\"}"};
    struct fb_aws_call lambda = {.service = "lambda",
                                 .action = "PutFunctionConcurrency",
                                 .region = "",
                                 .method = "PUT",
                                 .path = "/2017-10-31/functions/none/concurrency",
                                 .json = "{\"ReservedConcurrentExecutions\":0}"};
    struct fb_aws_reply r;
    struct fb_arena *a;

    if (!acc)
        FB_SKIP("moto_server is not on this machine");
    a = fb_arena_new(8 << 20);
    fb_aws_do(acc->aws, a, &c, 0, &r);
    must(&r);
    assert_non_null(strstr(fb_json_get_str(r.json, "QueueUrl"), "/q1"));
    fb_aws_do(acc->aws, a, &lambda, 0, &r);
    assert_int_equal(r.st, FB_ENOTFOUND);
    assert_string_equal(r.err.aws_code, "ResourceNotFoundException");
    fb_arena_free(a);
}

static void nothing_is_changed_while_read_only(void **state)
{
    struct account *acc = *state;
    struct fb_aws_reply r;
    struct fb_arena *a;
    uint64_t before;

    if (!acc)
        FB_SKIP("moto_server is not on this machine");
    a = fb_arena_new(8 << 20);
    fb_aws_read_only(acc->aws, true);
    before = fb_aws_sent(acc->aws);
    r = call(acc->aws, a, "iam", "CreateUser", "UserName=ghost");
    assert_int_equal(r.st, FB_EGUARD);
    assert_int_equal(r.tries, 0);
    assert_int_equal(fb_aws_sent(acc->aws), before);
    r = call(acc->aws, a, "iam", "GetUser", "UserName=ghost");
    assert_int_equal(r.st, FB_ENOTFOUND);
    fb_aws_read_only(acc->aws, false);
    fb_arena_free(a);
}

/* With signatures checked: what is accepted was verified by somebody else's code. */
struct keys {
    const char *id, *secret, *token;
};

static struct keys first_keys(struct account *acc, struct fb_arena *a)
{
    static const char allow[] = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\","
                                "\"Action\":\"*\",\"Resource\":\"*\"}]}";
    struct fb_aws_reply r = call(acc->aws, a, "iam", "CreateUser", "UserName=admin");
    struct fb_buf form;

    must(&r);
    fb_buf_init_in(&form, a, 4096);
    fb_buf_add_param(&form, "UserName", "admin");
    fb_buf_add_param(&form, "PolicyName", "all");
    fb_buf_add_param(&form, "PolicyDocument", allow);
    r = call(acc->aws, a, "iam", "PutUserPolicy", form.at);
    must(&r);
    r = call(acc->aws, a, "iam", "CreateAccessKey", "UserName=admin");
    must(&r);
    return (struct keys){fb_xml_text(r.xml, "CreateAccessKeyResult/AccessKey/AccessKeyId"),
                         fb_xml_text(r.xml, "CreateAccessKeyResult/AccessKey/SecretAccessKey"), ""};
}

static struct keys role_keys(struct account *acc, struct fb_arena *a, const char *role)
{
    static const char trust[] = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\","
                                "\"Principal\":{\"AWS\":\"*\"},\"Action\":\"sts:AssumeRole\"}]}";
    static const char allow[] = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\","
                                "\"Action\":\"iam:*\",\"Resource\":\"*\"}]}";
    struct fb_aws_reply r;
    struct fb_buf form;

    fb_buf_init_in(&form, a, 4096);
    fb_buf_add_param(&form, "RoleName", role);
    fb_buf_add_param(&form, "AssumeRolePolicyDocument", trust);
    r = call(acc->aws, a, "iam", "CreateRole", form.at);
    must(&r);
    fb_buf_init_in(&form, a, 4096);
    fb_buf_add_param(&form, "RoleName", role);
    fb_buf_add_param(&form, "PolicyName", "iam only: *~'()!/ +%");
    fb_buf_add_param(&form, "PolicyDocument", allow);
    r = call(acc->aws, a, "iam", "PutRolePolicy", form.at);
    must(&r);
    fb_buf_init_in(&form, a, 4096);
    fb_buf_add_param(&form, "RoleArn", fb_arena_fmt(a, "arn:aws:iam::123456789012:role/%s", role));
    fb_buf_add_param(&form, "RoleSessionName", "s1");
    r = call(acc->aws, a, "sts", "AssumeRole", form.at);
    must(&r);
    return (struct keys){fb_xml_text(r.xml, "AssumeRoleResult/Credentials/AccessKeyId"),
                         fb_xml_text(r.xml, "AssumeRoleResult/Credentials/SecretAccessKey"),
                         fb_xml_text(r.xml, "AssumeRoleResult/Credentials/SessionToken")};
}

static void use_keys(struct account *acc, struct keys k)
{
    fb_aws_free(acc->aws);
    acc->aws = client(acc, k.id, k.secret, k.token);
}

static void our_signatures_are_accepted_and_wrong_ones_refused(void **state)
{
    struct account *acc = open_account(3);
    struct keys admin, role, wrong;
    struct fb_aws_reply r;
    struct fb_arena *a;

    (void)state;
    if (!acc)
        FB_SKIP("moto_server is not on this machine");
    a = fb_arena_new(8 << 20);
    admin = first_keys(acc, a);
    r = call(acc->aws, a, "iam", "ListUsers", NULL); /* the key of before is nobody's now */
    assert_int_equal(r.st, FB_EDENIED);
    use_keys(acc, admin);
    r = call(acc->aws, a, "iam", "ListUsers", NULL);
    must(&r);
    assert_string_equal(fb_xml_text(r.xml, "ListUsersResult/Users/member/UserName"), "admin");
    role = role_keys(acc, a, "r1");
    wrong = admin;
    wrong.secret = "wrongwrongwrongwrongwrongwrongwrongwrong";
    use_keys(acc, wrong);
    r = call(acc->aws, a, "iam", "ListUsers", NULL);
    assert_int_equal(r.st, FB_EDENIED);
    assert_string_equal(r.err.aws_code, "SignatureDoesNotMatch");
    use_keys(acc, role);
    r = call(acc->aws, a, "iam", "ListRoles", NULL);
    must(&r);
    r = call(acc->aws, a, "ec2", "DescribeRegions", NULL); /* the role's policy says iam only */
    assert_int_equal(r.st, FB_EDENIED);
    role.token = "somebody-elses-token";
    use_keys(acc, role);
    r = call(acc->aws, a, "iam", "ListRoles", NULL);
    assert_int_equal(r.st, FB_EDENIED);
    fb_arena_free(a);
    close_account(acc);
}

static void json_and_rest_calls_are_signed_as_the_peer_verifies(void **state)
{
    struct account *acc = open_account(3);
    struct fb_aws_call table = {
        .service = "dynamodb", .action = "ListTables", .region = "eu-west-1", .json = "{}"};
    struct fb_aws_call rest = {.service = "lambda",
                               .action = "PutFunctionConcurrency",
                               .region = "eu-west-1",
                               .method = "PUT",
                               .path = "/2017-10-31/functions/no-ne_1/concurrency",
                               .json = "{\"ReservedConcurrentExecutions\":0}"};
    struct fb_aws_reply r;
    struct fb_arena *a;

    (void)state;
    if (!acc)
        FB_SKIP("moto_server is not on this machine");
    a = fb_arena_new(8 << 20);
    use_keys(acc, first_keys(acc, a));
    fb_aws_do(acc->aws, a, &table, 0, &r);
    must(&r);
    assert_int_equal(fb_json_kind(fb_json_get(r.json, "TableNames")), FB_JSON_ARRAY);
    fb_aws_do(acc->aws, a, &rest, 0,
              &r); /* past the check of the signature: there is no such function */
    assert_int_equal(r.st, FB_ENOTFOUND);
    fb_arena_free(a);
    close_account(acc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_we_are_is_answered),
        cmocka_unit_test(a_users_key_can_be_made_disabled_and_removed),
        cmocka_unit_test(machines_are_stopped_in_many_regions_in_one_run),
        cmocka_unit_test(the_built_in_regions_need_no_opt_in),
        cmocka_unit_test(real_refusals_are_told_apart),
        cmocka_unit_test(json_and_rest_services_answer_too),
        cmocka_unit_test(nothing_is_changed_while_read_only),
        cmocka_unit_test(our_signatures_are_accepted_and_wrong_ones_refused),
        cmocka_unit_test(json_and_rest_calls_are_signed_as_the_peer_verifies),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}

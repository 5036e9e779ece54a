/* world_aws_test.c - the gate on an account that a stand-in of others plays: what it says
 * afterwards, asked by calls of our own making, is what counts. And the faults that the stand-in
 * does not have. */
#include "contain/fixture.h"

#include "base/buf.h"
#include "cloud/aws.h"
#include "support/fault_server.h"
#include "support/moto.h"

enum { MACHINES_MAX = 16 };

struct planted {
    const char *id, *region;
    bool thiefs;
};

struct stage {
    struct fb_moto moto;
    struct fix *f;
    struct fb_aws *aws;   /* the product's */
    struct fb_aws *other; /* plants, and looks afterwards */
    int calls, mutating;
    struct planted machine[MACHINES_MAX];
    size_t machines;
    const char *key[2], *alice_key;
};

static void on_call(void *self, const struct fb_aws_call *call)
{
    struct stage *s = self;

    s->calls++;
    s->mutating += !fb_aws_is_read(call);
}

/* The client borrows its environment: it lives in a. */
static struct fb_aws *client(struct fb_arena *a, const char *url, struct stage *counted)
{
    const char **env = FB_NEW_ARRAY(a, 3, const char *);
    struct fb_aws_credentials c = {.access_key = "AKIAFIREBREAK0000001"};
    struct fb_aws_options options = {.clock = fb_clock_system(), .fixed = &c};
    struct fb_aws *aws;

    assert_non_null(env);
    env[0] = fb_arena_fmt(a, "AWS_ENDPOINT_URL=%s", url);
    env[1] = "AWS_REGION=us-east-1";
    options.env = env;
    options.backoff_ms = 5;
    options.call_timeout_ms = 30000; /* the first call to a service loads it */
    options.on_call = counted ? on_call : NULL;
    options.on_call_self = counted;
    assert_true(fb_secret_set(&c.secret, "secret", 6));
    aws = fb_aws_new(&options);
    assert_non_null(aws);
    fb_aws_credentials_release(&c);
    return aws;
}

static const struct fb_xml *ask(struct stage *s, const char *service, const char *action,
                                const char *region, const char *form)
{
    struct fb_aws_call c = {.service = service, .action = action, .region = region, .form = form};
    struct fb_aws_reply r = {0};

    fb_aws_do(s->other, s->f->a, &c, 0, &r);
    if (r.st != FB_OK)
        fail_msg("%s: %s", action, r.err.text);
    return r.xml;
}

static const char *new_key(struct stage *s, const char *user)
{
    return fb_xml_text(
        ask(s, "iam", "CreateAccessKey", "", fb_arena_fmt(s->f->a, "UserName=%s", user)),
        "CreateAccessKeyResult/AccessKey/AccessKeyId");
}

static void plant_machine(struct stage *s, const char *region, bool thiefs, const char *protection)
{
    const struct fb_xml *xml =
        ask(s, "ec2", "RunInstances", region,
            fb_arena_fmt(s->f->a,
                         "ImageId=ami-12c6146b&MinCount=1&MaxCount=1&InstanceType=c5.4xlarge%s",
                         protection));
    struct planted *p = &s->machine[s->machines++];
    struct fb_event ev = fix_by_session("RunInstances");

    *p = (struct planted){fb_xml_text(xml, "instancesSet/item/instanceId"), region, thiefs};
    assert_true(fb_starts(p->id, "i-"));
    if (strstr(protection, "Termination")) /* which the stand-in does not take at launch */
        ask(s, "ec2", "ModifyInstanceAttribute", region,
            fb_arena_fmt(s->f->a, "InstanceId=%s&DisableApiTermination.Value=true", p->id));
    if (thiefs)
        fix_made(s->f, ev, "instance", p->id, "", region, s->machines % 2 ? CI_ARN : SESSION_ARN);
}

static void plant(struct stage *s)
{
    static const char *const TRUST =
        "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%5D%7D";

    ask(s, "iam", "CreateUser", "", "UserName=ci");
    ask(s, "iam", "CreateUser", "", "UserName=alice");
    ask(s, "iam", "CreateRole", "",
        fb_arena_fmt(s->f->a, "RoleName=deploy&AssumeRolePolicyDocument=%s", TRUST));
    s->key[0] = new_key(s, "ci");
    s->key[1] = new_key(s, "ci");
    s->alice_key = new_key(s, "alice");
    s->f->hops[0].credential = s->key[0];
    plant_machine(s, "us-east-1", true, "");
    plant_machine(s, "us-east-1", true, "&DisableApiStop=true");
    plant_machine(s, "eu-west-1", true, "&DisableApiTermination=true");
    plant_machine(s, "ap-south-1", true, "&DisableApiStop=true&DisableApiTermination=true");
    plant_machine(s, "sa-east-1", true, "");
    plant_machine(s, "us-east-1", false, "");
    plant_machine(s, "eu-west-1", false, "&DisableApiStop=true");
}

static int set_up(void **state)
{
    struct stage *s = calloc(1, sizeof *s);
    enum fb_moto_result r;

    setenv("MOTO_ACCOUNT_ID", ACCOUNT, 1);
    r = fb_moto_start(&s->moto, FB_MOTO_OPEN);
    *state = NULL;
    if (r != FB_MOTO_READY) {
        free(s);
        return r == FB_MOTO_ABSENT ? 0 : -1;
    }
    s->f = fix_new("memory:");
    s->aws = client(s->f->a, s->moto.url, s);
    s->other = client(s->f->a, s->moto.url, NULL);
    s->f->clock = fb_clock_system(); /* deadlines of calls are real */
    s->f->setup.now_ms = fb_wall_ms(&s->f->clock);
    plant(s);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *s = *state;

    if (!s)
        return 0;
    fb_aws_free(s->aws);
    fb_aws_free(s->other);
    fix_teardown((void **)&s->f);
    fb_moto_stop(&s->moto);
    free(s);
    return 0;
}

static void begin(struct stage *s)
{
    struct fix *f = s->f;

    s->calls = s->mutating = 0;
    f->setup.world = fb_world_aws(s->aws);
    f->run = fb_gate_new(f->a, &f->setup);
    f->gate = fb_gate_for(f->run, &f->grant);
}

/* What the shipped playbook does, in every region that the account has; the user's second key too.
 */
static void contain(struct stage *s)
{
    struct fix *f = s->f;
    struct fb_answer regions = fix_ask(f, FB_VERB_REGIONS, fix_args(f, NULL));
    struct fb_ask asks[64] = {{0}};
    struct fb_answer answers[64];
    size_t n = 0;

    assert_true(regions.complete);
    assert_in_range(regions.value->count, 10, 64);
    fix_disable(f, s->key[0], "ci");
    fix_disable(f, s->key[1], "");
    fix_quarantine(f, CI_ARN);
    fix_revoke(f, SESSION_ARN);
    for (const struct fb_val *v = regions.value->first; v && n < 64; v = v->next)
        asks[n++] = (struct fb_ask){.verb = FB_VERB_COMPUTE,
                                    .why = "",
                                    .playbook = "p",
                                    .args = fix_args(f, "region", v->as.str, NULL)};
    f->gate.ask(f->gate.self, f->a, asks, n, answers);
    for (size_t i = 0; i < n; i++) {
        const struct fb_val *found = fb_val_get(answers[i].value, "instances");
        struct fb_ask halts[16] = {{0}};
        struct fb_answer said[16];
        size_t m = 0;

        for (const struct fb_val *v = found->first; v && m < 16; v = v->next)
            halts[m++] =
                (struct fb_ask){.verb = FB_VERB_HALT, .args = v, .why = "", .playbook = "p"};
        f->gate.ask(f->gate.self, f->a, halts, m, said);
    }
}

static const char *key_status(struct stage *s, const char *user, const char *key)
{
    const struct fb_xml *list =
        fb_xml_path(ask(s, "iam", "ListAccessKeys", "", fb_arena_fmt(s->f->a, "UserName=%s", user)),
                    "ListAccessKeysResult/AccessKeyMetadata");

    for (const struct fb_xml *e = list->first; e; e = e->next)
        if (fb_eq(fb_xml_text(e, "AccessKeyId"), key))
            return fb_xml_text(e, "Status");
    return "absent";
}

static const char *policies(struct stage *s, const char *action, const char *who)
{
    return fb_xml_text(ask(s, "iam", action, "", who),
                       fb_eq(action, "ListUserPolicies")
                           ? "ListUserPoliciesResult/PolicyNames/member"
                           : "ListRolePoliciesResult/PolicyNames/member");
}

static const char *machine_state(struct stage *s, const struct planted *p)
{
    return fb_xml_text(ask(s, "ec2", "DescribeInstances", p->region,
                           fb_arena_fmt(s->f->a, "InstanceId.1=%s", p->id)),
                       "reservationSet/item/instancesSet/item/instanceState/name");
}

static void check_contained(struct stage *s)
{
    assert_string_equal(key_status(s, "ci", s->key[0]), "Inactive");
    assert_string_equal(key_status(s, "ci", s->key[1]), "Inactive");
    assert_string_equal(key_status(s, "alice", s->alice_key), "Active");
    assert_string_equal(policies(s, "ListUserPolicies", "UserName=ci"), FB_POLICY_DENY);
    assert_string_equal(policies(s, "ListUserPolicies", "UserName=alice"), "");
    assert_string_equal(policies(s, "ListRolePolicies", "RoleName=deploy"), FB_POLICY_REVOKE);
    for (size_t i = 0; i < s->machines; i++)
        assert_string_equal(machine_state(s, &s->machine[i]),
                            s->machine[i].thiefs ? "stopped" : "running");
}

static void the_thief_is_cut_off_in_every_region_and_nobody_else_is_touched(void **state)
{
    struct stage *s = *state;
    const struct fb_action *all;
    size_t n;
    int done = 0;

    if (!s)
        FB_SKIP("moto_server is not on this machine");
    begin(s);
    for (int pass = 0; pass < 4; pass++) {
        fb_gate_pass(s->f->run);
        contain(s);
        if (fb_gate_quiet(s->f->run))
            break;
    }
    assert_true(fb_gate_quiet(s->f->run));
    all = fb_gate_actions(s->f->run, &n);
    for (size_t i = 0; i < n; i++)
        done += all[i].status == FB_RESULT_DONE;
    assert_int_equal(done, 4 + 5);
    check_contained(s);
    /* 4 identity calls, 4 protections on 3 machines, a stop for each of 4 regions */
    assert_int_equal(s->mutating, 4 + 4 + 4);

    begin(s); /* a second delivery */
    fb_gate_pass(s->f->run);
    contain(s);
    assert_true(fb_gate_quiet(s->f->run));
    all = fb_gate_actions(s->f->run, &n);
    assert_int_equal(n, 4);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(all[i].status, FB_RESULT_ALREADY);
    assert_int_equal(s->mutating, 0);
    check_contained(s);
}

static void dry_run_makes_no_mutating_call(void **state)
{
    struct stage *s = *state;
    const struct fb_action *all;
    size_t n;

    if (!s)
        FB_SKIP("moto_server is not on this machine");
    s->f->incident.enforce = false;
    begin(s);
    contain(s);
    all = fb_gate_actions(s->f->run, &n);
    assert_int_equal(n, 4 + 5);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(all[i].status, FB_RESULT_PLANNED);
    assert_true(s->calls > 20);
    assert_int_equal(s->mutating, 0);
    assert_string_equal(key_status(s, "ci", s->key[0]), "Active");
    for (size_t i = 0; i < s->machines; i++)
        assert_string_equal(machine_state(s, &s->machine[i]), "running");
}

/* Even if every guard above were wrong. */
static void a_client_that_is_read_only_refuses_what_the_gate_would_do(void **state)
{
    struct stage *s = *state;

    if (!s)
        FB_SKIP("moto_server is not on this machine");
    begin(s);
    fb_aws_read_only(s->aws, true);
    assert_int_equal(fix_disable(s->f, s->key[0], "ci").status, FB_RESULT_FAILED);
    assert_int_equal(fix_halt(s->f, s->machine[0].id, s->machine[0].region).status,
                     FB_RESULT_FAILED);
    fb_aws_read_only(s->aws, false);
    assert_string_equal(key_status(s, "ci", s->key[0]), "Active");
    assert_string_equal(machine_state(s, &s->machine[0]), "running");
}

static void a_protected_user_keeps_its_key_on_the_real_peer_too(void **state)
{
    struct stage *s = *state;
    struct fb_answer a;

    if (!s)
        FB_SKIP("moto_server is not on this machine");
    s->f->guards.protected_identities = &s->alice_key;
    s->f->guards.protected_identity_count = 1;
    begin(s);
    a = fix_quarantine(s->f, "arn:aws:iam::" ACCOUNT ":user/alice");
    assert_int_equal(a.status, FB_RESULT_REFUSED);
    a = fix_disable(s->f, s->alice_key, "");
    assert_int_equal(a.status, FB_RESULT_REFUSED);
    assert_int_equal(s->mutating, 0);
}

static void one_machine_that_is_gone_does_not_keep_the_others_running(void **state)
{
    struct stage *s = *state;
    const char *ids[3];
    enum fb_status id_st[3];
    struct fb_err id_err[3];
    struct fb_read r = {.kind = FB_READ_MACHINE, .region = "us-east-1", .ids = ids, .id_count = 3};
    struct fb_act act = {.kind = FB_ACT_MACHINES_STOP,
                         .region = "us-east-1",
                         .ids = ids,
                         .id_count = 3,
                         .id_st = id_st,
                         .id_err = id_err,
                         .intent = 1};
    struct fb_world w;
    bool clear[3] = {false, false, true};

    if (!s)
        FB_SKIP("moto_server is not on this machine");
    w = fb_world_aws(s->aws);
    ids[0] = s->machine[0].id;
    ids[1] = "i-0123456789abcdef0";
    ids[2] = s->machine[1].id;
    w.read(w.self, s->f->a, &r, 1, 0);
    assert_int_equal(r.st, FB_OK);
    assert_true(r.complete);
    assert_int_equal(r.machine_count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_true(r.machines[i].protections_known);
        assert_int_equal(r.machines[i].stop_protected, fb_eq(r.machines[i].id, ids[2]));
        assert_string_equal(r.machines[i].type, "c5.4xlarge");
    }
    act.clear_stop = clear;
    w.act(w.self, s->f->a, &act, 1, 0);
    assert_int_equal(id_st[0], FB_OK);
    assert_int_equal(id_st[1], FB_ENOTFOUND);
    assert_int_equal(id_st[2], FB_OK);
    assert_string_equal(machine_state(s, &s->machine[0]), "stopped");
    assert_string_equal(machine_state(s, &s->machine[1]), "stopped");
}

/* --- faults that the stand-in does not have ------------------------------------------------------
 */

#define XML(words) "<r>" words "</r>"
#define MACHINE(id, state)                                                                         \
    "<item><instancesSet><item><instanceId>" id "</instanceId><instanceType>c5.large"              \
    "</instanceType><instanceState><name>" state "</name></instanceState></item></instancesSet>"   \
    "</item>"

struct faulty {
    struct fb_arena *a;
    struct fb_fault_server *server;
    struct fb_aws *aws;
    struct fb_world w;
};

static void open_faulty(struct faulty *x, const struct fb_fault_rule *rules, size_t n)
{
    x->a = fb_arena_new(64u << 20);
    x->server = fb_fault_server_start(rules, n);
    assert_non_null(x->server);
    x->aws = client(x->a, fb_fault_server_url(x->server), NULL);
    x->w = fb_world_aws(x->aws);
}

static void close_faulty(struct faulty *x)
{
    fb_aws_free(x->aws);
    fb_fault_server_stop(x->server);
    fb_arena_free(x->a);
}

static void machines_are_listed_page_by_page(void **state)
{
    static const struct fb_fault_rule RULES[] = {
        {"NextToken=two",
         {{.body = XML("<reservationSet>" MACHINE("i-0c", "pending") "</reservationSet>")}}},
        {"NextToken=one",
         {{.body = XML("<reservationSet>" MACHINE(
               "i-0b", "running") "</reservationSet><nextToken>two</nextToken>")}}},
        {NULL,
         {{.body = XML("<reservationSet>" MACHINE(
               "i-0a", "running") "</reservationSet><nextToken>one</nextToken>")}}},
    };
    struct fb_read r = {.kind = FB_READ_MACHINES, .region = "eu-west-1"};
    struct faulty x;

    (void)state;
    open_faulty(&x, RULES, 3);
    x.w.read(x.w.self, x.a, &r, 1, 0);
    assert_int_equal(r.st, FB_OK);
    assert_true(r.complete);
    assert_int_equal(r.machine_count, 3);
    assert_string_equal(r.machines[2].id, "i-0c");
    assert_string_equal(r.machines[2].region, "eu-west-1");
    assert_int_equal(r.machines[2].state, FB_MACHINE_PENDING);
    close_faulty(&x);
}

static void a_page_that_is_missing_leaves_the_others_and_says_so(void **state)
{
    static const struct fb_fault_rule RULES[] = {
        {"NextToken=one",
         {{.status = 403,
           .body = XML("<Errors><Error><Code>UnauthorizedOperation"
                       "</Code></Error></Errors>")}}},
        {NULL,
         {{.body = XML("<reservationSet>" MACHINE(
               "i-0a", "running") "</reservationSet><nextToken>one</nextToken>")}}},
    };
    struct fb_read r = {.kind = FB_READ_MACHINES, .region = "eu-west-1"};
    struct faulty x;

    (void)state;
    open_faulty(&x, RULES, 2);
    x.w.read(x.w.self, x.a, &r, 1, 0);
    assert_int_equal(r.machine_count, 1);
    assert_false(r.complete);
    assert_int_equal(r.err.code, FB_EDENIED);
    close_faulty(&x);
}

/* A peer that turns pages for ever must not hold us for ever. */
static void endless_pages_come_to_an_end(void **state)
{
    static const struct fb_fault_rule RULES[] = {
        {NULL,
         {{.body = XML("<reservationSet>" MACHINE(
               "i-0a", "running") "</reservationSet><nextToken>again</nextToken>")}}},
    };
    struct fb_read r = {.kind = FB_READ_MACHINES, .region = "eu-west-1"};
    struct faulty x;

    (void)state;
    open_faulty(&x, RULES, 1);
    x.w.read(x.w.self, x.a, &r, 1, 0);
    assert_int_equal(fb_fault_server_count(x.server), 200);
    assert_false(r.complete);
    close_faulty(&x);
}

static void a_machine_whose_protections_cannot_be_read_is_known_all_the_same(void **state)
{
    static const struct fb_fault_rule RULES[] = {
        {"DescribeInstanceAttribute", {{.status = 500, .body = "<!doctype html><html>no</html>"}}},
        {NULL, {{.body = XML("<reservationSet>" MACHINE("i-0a", "running") "</reservationSet>")}}},
    };
    const char *ids[] = {"i-0a", "i-0b"};
    struct fb_read r = {.kind = FB_READ_MACHINE, .region = "eu-west-1", .ids = ids, .id_count = 2};
    struct faulty x;

    (void)state;
    open_faulty(&x, RULES, 2);
    x.w.read(x.w.self, x.a, &r, 1, 0);
    assert_int_equal(r.st, FB_OK);
    assert_int_equal(r.machine_count, 1);
    assert_false(r.machines[0].protections_known);
    assert_false(r.machines[0].stop_protected);
    close_faulty(&x);
}

static void a_machine_that_is_still_starting_is_told_from_a_refusal(void **state)
{
    static const struct fb_fault_rule RULES[] = {
        {"InstanceId.2",
         {{.status = 400,
           .body = XML("<Errors><Error><Code>IncorrectInstanceState"
                       "</Code></Error></Errors>")}}},
        {"i-0a",
         {{.status = 400,
           .body = XML("<Errors><Error><Code>IncorrectInstanceState</Code>"
                       "</Error></Errors>")}}},
        {"i-0b",
         {{.status = 400,
           .body = XML("<Errors><Error><Code>UnsupportedOperation</Code>"
                       "</Error></Errors>")}}},
        {NULL, {{.body = XML("<instancesSet/>")}}},
    };
    const char *ids[] = {"i-0a", "i-0b", "i-0c"};
    enum fb_status st[3];
    struct fb_err err[3];
    struct fb_act act = {.kind = FB_ACT_MACHINES_STOP,
                         .region = "eu-west-1",
                         .ids = ids,
                         .id_count = 3,
                         .id_st = st,
                         .id_err = err,
                         .intent = 1};
    struct faulty x;

    (void)state;
    memset(err, 0, sizeof err);
    open_faulty(&x, RULES, 4);
    x.w.act(x.w.self, x.a, &act, 1, 0);
    assert_int_equal(st[0], FB_ECONFLICT);
    assert_int_equal(st[1], FB_EUNSUPPORTED);
    assert_int_equal(st[2], FB_OK);
    close_faulty(&x);
}

static void more_machines_than_a_call_takes_are_stopped_in_several(void **state)
{
    static const struct fb_fault_rule RULES[] = {{NULL, {{.body = XML("<instancesSet/>")}}}};
    const char *ids[120];
    enum fb_status st[120];
    struct fb_act act = {.kind = FB_ACT_MACHINES_STOP,
                         .region = "eu-west-1",
                         .ids = ids,
                         .id_count = 120,
                         .id_st = st,
                         .intent = 1};
    struct faulty x;

    (void)state;
    open_faulty(&x, RULES, 1);
    for (int i = 0; i < 120; i++)
        ids[i] = fb_arena_fmt(x.a, "i-0%04d", i);
    x.w.act(x.w.self, x.a, &act, 1, 0);
    assert_int_equal(fb_fault_server_count(x.server), 3); /* 50 + 50 + 20 */
    for (int i = 0; i < 120; i++)
        assert_int_equal(st[i], FB_OK);
    close_faulty(&x);
}

static void regions_that_cannot_be_asked_for_are_guessed_and_flagged(void **state)
{
    static const struct fb_fault_rule RULES[] = {
        {NULL,
         {{.status = 403,
           .body = XML("<Errors><Error><Code>UnauthorizedOperation</Code>"
                       "</Error></Errors>")}}}};
    struct fb_read r = {.kind = FB_READ_REGIONS};
    struct faulty x;

    (void)state;
    open_faulty(&x, RULES, 1);
    x.w.read(x.w.self, x.a, &r, 1, 0);
    assert_true(r.guessed);
    assert_false(r.complete);
    assert_true(r.name_count >= 17);
    close_faulty(&x);
}

/* IAM answers documents URL-encoded; both forms are the same policy. */
static void a_policy_is_read_whichever_way_it_is_encoded(void **state)
{
    static const struct fb_fault_rule RULES[] = {
        {"GetUserPolicy",
         {{.body = XML("<GetUserPolicyResult><PolicyDocument>%7B%22Statement%22%3A%5B%7B%22Effect"
                       "%22%3A%22Deny%22%2C%22Action%22%3A%22%2A%22%2C%22Resource%22%3A%22%2A%22"
                       "%7D%5D%7D</PolicyDocument></GetUserPolicyResult>")}}},
        {"ListAccessKeys",
         {{.body = XML("<ListAccessKeysResult><AccessKeyMetadata><member><AccessKeyId>AKIA1"
                       "</AccessKeyId><Status>Active</Status></member></AccessKeyMetadata>"
                       "<IsTruncated>true</IsTruncated><Marker>m</Marker></ListAccessKeysResult>")},
          {.body = XML("<ListAccessKeysResult><AccessKeyMetadata><member><AccessKeyId>AKIA2"
                       "</AccessKeyId><Status>Inactive</Status></member></AccessKeyMetadata>"
                       "</ListAccessKeysResult>")}}},
        {NULL,
         {{.body = XML("<GetUserResult><User><Arn>arn:aws:iam::1:user/x</Arn><UserId>AIDAX"
                       "</UserId></User></GetUserResult>")}}},
    };
    struct fb_read r = {.kind = FB_READ_USER, .name = "x"};
    struct faulty x;

    (void)state;
    open_faulty(&x, RULES, 3);
    x.w.read(x.w.self, x.a, &r, 1, 0);
    assert_int_equal(r.st, FB_OK);
    assert_true(fb_policy_denies_all(x.a, r.deny_policy));
    assert_int_equal(r.key_count, 2);
    assert_true(r.keys_known);
    assert_true(r.keys[0].active);
    assert_false(r.keys[1].active);
    close_faulty(&x);
}

/* The group is the stand-in's own: it launches machines, and starts others when one goes. */
static void plant_group(struct stage *s, const char *name, const char *region)
{
    ask(s, "autoscaling", "CreateLaunchConfiguration", region,
        fb_arena_fmt(s->f->a,
                     "LaunchConfigurationName=%s&ImageId=ami-12c6146b&InstanceType=c5.4xlarge",
                     name));
    ask(s, "autoscaling", "CreateAutoScalingGroup", region,
        fb_arena_fmt(s->f->a,
                     "AutoScalingGroupName=%s&LaunchConfigurationName=%s&MinSize=1&MaxSize=5"
                     "&DesiredCapacity=3&AvailabilityZones.member.1=%sa",
                     name, name, region));
    ask(s, "autoscaling", "SuspendProcesses", region,
        fb_arena_fmt(s->f->a, "AutoScalingGroupName=%s&ScalingProcesses.member.1=AlarmNotification",
                     name));
}

static const char *group_text(struct stage *s, const char *name, const char *region)
{
    const struct fb_xml *g =
        fb_xml_path(ask(s, "autoscaling", "DescribeAutoScalingGroups", region,
                        fb_arena_fmt(s->f->a, "AutoScalingGroupNames.member.1=%s", name)),
                    "DescribeAutoScalingGroupsResult/AutoScalingGroups/member");
    const struct fb_xml *list = fb_xml_child(g, "SuspendedProcesses");
    const struct fb_xml *members = fb_xml_child(g, "Instances");
    int suspended = 0, instances = 0;

    for (const struct fb_xml *e = list ? list->first : NULL; e; e = e->next)
        suspended++;
    for (const struct fb_xml *e = members ? members->first : NULL; e; e = e->next)
        instances++;
    return fb_arena_fmt(s->f->a, "%s/%s/%s suspended %d instances %d", fb_xml_text(g, "MinSize"),
                        fb_xml_text(g, "DesiredCapacity"), fb_xml_text(g, "MaxSize"), suspended,
                        instances);
}

static void a_scaling_group_is_emptied_for_good_and_can_be_given_back(void **state)
{
    struct stage *s = *state;
    struct fb_act undo = {.kind = FB_ACT_SERVICE_UNDO,
                          .service = fb_service_of("group"),
                          .region = "eu-west-1",
                          .name = "miners & co",
                          .intent = 1};
    struct fb_answer found;
    struct fb_item item;

    if (!s)
        FB_SKIP("moto_server is not on this machine");
    plant_group(s, "miners+%26+co", "eu-west-1");
    plant_group(s, "shop", "eu-west-1");
    fix_made(s->f, fix_by_session("CreateAutoScalingGroup"), "group", "miners & co", "",
             "eu-west-1", SESSION_ARN);
    begin(s);
    fb_gate_pass(s->f->run);
    found = fix_ask(s->f, FB_VERB_COMPUTE, fix_args(s->f, "region", "eu-west-1", NULL));
    assert_true(found.complete);
    assert_int_equal(fb_val_get(found.value, "fleets")->count, 1);
    assert_int_equal(fix_ask(s->f, FB_VERB_HALT, fb_val_get(found.value, "fleets")->first).status,
                     FB_RESULT_DONE);
    assert_string_equal(group_text(s, "miners+%26+co", "eu-west-1"),
                        "0/0/0 suspended 6 instances 0");
    assert_string_equal(group_text(s, "shop", "eu-west-1"), "1/3/5 suspended 1 instances 3");
    assert_int_equal(s->mutating, 2);

    /* What is on record is enough to give it back as it was. */
    assert_int_equal(fb_store_get(s->f->store, s->f->a,
                                  "act#" INCIDENT "#aws.halt#group/eu-west-1/miners & co", &item,
                                  NULL),
                     FB_OK);
    assert_non_null(strstr(item.value, "MaxSize"));
    undo.document = "{\"MinSize\":\"1\",\"MaxSize\":\"5\",\"DesiredCapacity\":\"3\","
                    "\"Status\":\"\",\"Suspended\":\"AlarmNotification\"}";
    s->f->setup.world.act(s->f->setup.world.self, s->f->a, &undo, 1, 0);
    assert_int_equal(undo.st, FB_OK);
    assert_string_equal(group_text(s, "miners+%26+co", "eu-west-1"),
                        "1/3/5 suspended 1 instances 3");
}

static void a_group_that_is_gone_is_nothing_to_do(void **state)
{
    struct stage *s = *state;

    if (!s)
        FB_SKIP("moto_server is not on this machine");
    fix_made(s->f, fix_by_session("CreateAutoScalingGroup"), "group", "was", "", "us-east-1",
             SESSION_ARN);
    begin(s);
    assert_int_equal(
        fix_ask(s->f, FB_VERB_HALT,
                fix_args(s->f, "kind", "group", "id", "was", "region", "us-east-1", NULL))
            .status,
        FB_RESULT_ALREADY);
    assert_int_equal(s->mutating, 0);
}

static const struct fb_json *ask_json(struct stage *s, const struct fb_aws_call *call)
{
    struct fb_aws_reply r = {0};

    fb_aws_do(s->other, s->f->a, call, 0, &r);
    if (r.st != FB_OK)
        fail_msg("%s: %s", call->action, r.err.text);
    return r.json;
}

static const struct fb_json *ask_ecs(struct stage *s, const char *action, const char *json)
{
    struct fb_aws_call c = {
        .service = "ecs", .action = action, .region = "us-east-1", .json = json};

    return ask_json(s, &c);
}

static struct fb_answer halt_thing(struct stage *s, const char *kind, const char *id)
{
    fix_made(s->f, fix_by_session("CreateService"), kind, id, "", "us-east-1", SESSION_ARN);
    fb_gate_pass(s->f->run);
    return fix_ask(s->f, FB_VERB_HALT,
                   fix_args(s->f, "kind", kind, "id", id, "region", "us-east-1", NULL));
}

static void undo_thing(struct stage *s, const char *kind, const char *id, const char *was)
{
    struct fb_act undo = {.kind = FB_ACT_SERVICE_UNDO,
                          .service = fb_service_of(kind),
                          .region = "us-east-1",
                          .name = id,
                          .document = was,
                          .intent = 1};

    s->f->setup.world.act(s->f->setup.world.self, s->f->a, &undo, 1, 0);
    if (undo.st != FB_OK)
        fail_msg("undo of %s: %s", kind, undo.err.text);
}

static int64_t desired(struct stage *s)
{
    int64_t n = -1;

    fb_json_int(fb_json_get(fb_json_at(fb_json_get(ask_ecs(s, "DescribeServices",
                                                           "{\"cluster\":\"big\",\"services\":"
                                                           "[\"mine\"]}"),
                                                   "services"),
                                       0),
                            "desiredCount"),
                &n);
    return n;
}

static void an_ecs_service_is_emptied_and_given_back(void **state)
{
    struct stage *s = *state;

    if (!s)
        FB_SKIP("moto_server is not on this machine");
    ask_ecs(s, "CreateCluster", "{\"clusterName\":\"big\"}");
    ask_ecs(s, "RegisterTaskDefinition",
            "{\"family\":\"miner\",\"containerDefinitions\":[{\"name\":\"m\",\"image\":\"m\","
            "\"memory\":400}]}");
    ask_ecs(s, "CreateService",
            "{\"cluster\":\"big\",\"serviceName\":\"mine\",\"taskDefinition\":\"miner\","
            "\"desiredCount\":4}");
    begin(s);
    assert_int_equal(halt_thing(s, "ecs_service", "big/mine").status, FB_RESULT_DONE);
    assert_int_equal(desired(s), 0);
    assert_int_equal(s->mutating, 1);
    undo_thing(s, "ecs_service", "big/mine", "{\"Status\":\"ACTIVE\",\"Desired\":\"4\"}");
    assert_int_equal(desired(s), 4);
    assert_int_equal(halt_thing(s, "ecs_service", "big/none").status, FB_RESULT_ALREADY);
}

static void new_function(struct stage *s, const char *name)
{
    /* An empty zip archive. */
    struct fb_aws_call c = {
        .service = "lambda",
        .action = "CreateFunction",
        .region = "us-east-1",
        .method = "POST",
        .path = "/2015-03-31/functions",
        .json = fb_arena_fmt(s->f->a,
                             "{\"FunctionName\":\"%s\",\"Runtime\":\"python3.12\",\"Role\":"
                             "\"" DEPLOY_ARN "\",\"Handler\":\"a.b\",\"Code\":{\"ZipFile\":"
                             "\"UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA==\"}}",
                             name)};

    ask_json(s, &c);
}

static const char *function_says(struct stage *s, const char *action, const char *path,
                                 const char *field)
{
    struct fb_aws_call c = {.service = "lambda",
                            .action = action,
                            .region = "us-east-1",
                            .method = "GET",
                            .path = path};

    return fb_json_text(s->f->a, fb_json_get(ask_json(s, &c), field));
}

static void a_function_may_run_no_more_and_its_url_asks_for_a_signature(void **state)
{
    static const char *const AT = "/2019-09-30/functions/miner/concurrency";
    static const char *const URL = "/2021-10-31/functions/miner/url";
    struct fb_aws_call open = {.service = "lambda",
                               .action = "CreateFunctionUrlConfig",
                               .region = "us-east-1",
                               .method = "POST",
                               .path = "/2021-10-31/functions/miner/url",
                               .json = "{\"AuthType\":\"NONE\"}"};
    struct stage *s = *state;

    if (!s)
        FB_SKIP("moto_server is not on this machine");
    new_function(s, "miner");
    ask_json(s, &open);
    begin(s);
    assert_int_equal(halt_thing(s, "function", "miner").status, FB_RESULT_DONE);
    assert_string_equal(
        function_says(s, "GetFunctionConcurrency", AT, "ReservedConcurrentExecutions"), "0");
    undo_thing(s, "function", "miner", "{\"Reserved\":\"\"}");
    assert_string_equal(
        function_says(s, "GetFunctionConcurrency", AT, "ReservedConcurrentExecutions"), "");
    assert_int_equal(halt_thing(s, "function_url", "miner").status, FB_RESULT_DONE);
    assert_string_equal(function_says(s, "GetFunctionUrlConfig", URL, "AuthType"), "AWS_IAM");
    undo_thing(s, "function_url", "miner", "{\"Auth\":\"NONE\"}");
    assert_string_equal(function_says(s, "GetFunctionUrlConfig", URL, "AuthType"), "NONE");
    assert_int_equal(halt_thing(s, "function", "nowhere").status, FB_RESULT_ALREADY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            the_thief_is_cut_off_in_every_region_and_nobody_else_is_touched, set_up, tear_down),
        cmocka_unit_test_setup_teardown(dry_run_makes_no_mutating_call, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_client_that_is_read_only_refuses_what_the_gate_would_do,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_protected_user_keeps_its_key_on_the_real_peer_too, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(one_machine_that_is_gone_does_not_keep_the_others_running,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_scaling_group_is_emptied_for_good_and_can_be_given_back,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_ecs_service_is_emptied_and_given_back, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_function_may_run_no_more_and_its_url_asks_for_a_signature,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_group_that_is_gone_is_nothing_to_do, set_up, tear_down),
        cmocka_unit_test(machines_are_listed_page_by_page),
        cmocka_unit_test(a_page_that_is_missing_leaves_the_others_and_says_so),
        cmocka_unit_test(endless_pages_come_to_an_end),
        cmocka_unit_test(a_machine_whose_protections_cannot_be_read_is_known_all_the_same),
        cmocka_unit_test(a_machine_that_is_still_starting_is_told_from_a_refusal),
        cmocka_unit_test(more_machines_than_a_call_takes_are_stopped_in_several),
        cmocka_unit_test(regions_that_cannot_be_asked_for_are_guessed_and_flagged),
        cmocka_unit_test(a_policy_is_read_whichever_way_it_is_encoded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* services_test.c - what starts machines for a thief is stopped by its row: asked for by id,
 * stopped whole, only when the chain made it, and what it was before is kept for undo. */
#include "contain/fixture.h"

#include "base/buf.h"
#include "base/json.h"
#include "cloud/aws.h"
#include "contain/services.h"

#define WEB "us-east-1"

static void thief_makes(struct fix *f, const char *kind, const char *id, const char *region)
{
    fix_made(f, fix_by_session("CreateAutoScalingGroup"), kind, id, "", region, SESSION_ARN);
}

static struct fb_answer halt_group(struct fix *f, const char *id, const char *region)
{
    return fix_ask(f, FB_VERB_HALT, fix_args(f, "kind", "group", "id", id, "region", region, NULL));
}

static enum fb_service_state group_state(struct fix *f, const char *id, const char *region)
{
    struct fb_read r = {
        .kind = FB_READ_SERVICE, .service = fb_service_of("group"), .region = region, .name = id};

    f->world.inner.read(f->world.inner.self, f->a, &r, 1, 0);
    assert_int_equal(r.st, FB_OK);
    return r.look.state;
}

/* --- the table -----------------------------------------------------------------------------------
 */

static const char *example_id(const struct fb_service *s)
{
    return s->parts == 2 ? "one/two" : "one";
}

static void fills(struct fb_arena *a, const struct fb_service *s, const struct fb_service_call *c,
                  const char *kept)
{
    const struct fb_aws_service *to = fb_aws_service(s->service);
    struct fb_service_thing t = {s, example_id(s), "eu-west-1", ACCOUNT, kept};
    struct fb_err err = {.code = FB_OK};
    const struct fb_json *doc;
    const char *out = NULL;

    if (!to)
        fail_msg("%s: cloud/ does not know service %s", s->kind, s->service);
    if (to->protocol == FB_AWS_JSON || to->protocol == FB_AWS_REST) {
        assert_int_equal(fb_service_json(a, &t, c->body, &out, &err), FB_OK);
        if (out && fb_json_parse(a, out, strlen(out), NULL, &doc, NULL) != FB_OK)
            fail_msg("%s %s: its body is no JSON: %s", s->kind, c->action, out);
    } else if (fb_service_form(a, &t, c->body, &out, &err) != FB_OK) {
        fail_msg("%s %s: %s", s->kind, c->action, err.text);
    }
    if (out && strchr(out, '$'))
        fail_msg("%s %s: a template is left in %s", s->kind, c->action, out);
    if (to->protocol != FB_AWS_REST)
        return;
    if (!c->method || !c->path || fb_service_path(a, &t, c->path, &out, &err) != FB_OK ||
        out[0] != '/' || strchr(out, '$'))
        fail_msg("%s %s: its path", s->kind, c->action);
}

/* Every kept field of a row with a number in it. */
static const char *numbers(struct fb_arena *a, const struct fb_service *s)
{
    const char *at = s->fields;
    struct fb_buf b;

    fb_buf_init_in(&b, a, 4096);
    fb_json_open(&b, NULL, '{');
    while (*at) {
        fb_json_put_str(&b, fb_arena_strn(a, at, strcspn(at, "= ")), "7");
        at += strcspn(at, " ");
        at += strspn(at, " ");
    }
    fb_json_close(&b, '}');
    return b.at;
}

static void every_row_can_be_read_stopped_and_given_back(void **state)
{
    struct fix *f = *state;

    for (size_t i = 0; i < fb_services_count(); i++) {
        const struct fb_service *s = fb_services_at(i);
        const char *kept = numbers(f->a, s);

        assert_ptr_equal(fb_service_of(s->kind), s);
        assert_false(fb_eq(s->kind, "instance"));
        fills(f->a, s, &s->read, "");
        assert_non_null(s->stop[0].action);
        for (size_t k = 0; k < FB_SERVICE_CALLS_MAX; k++) {
            if (s->stop[k].action)
                fills(f->a, s, &s->stop[k], "");
            if (s->undo[k].action)
                fills(f->a, s, &s->undo[k], kept);
        }
        if (!*s->undone || !*s->stop_rights || !*s->words || !s->stopped || !s->stopping ||
            !s->gone)
            fail_msg("%s: something is left out", s->kind);
        if (!s->undo[0].action != !*s->undo_rights)
            fail_msg("%s: undo and its rights do not agree", s->kind);
        if (s->destroys && s->undo[0].action)
            fail_msg("%s: what can be undone destroys nothing", s->kind);
    }
    assert_null(fb_service_of("instance"));
    assert_null(fb_service_of(""));
}

/* A right in the table is one that a call of the row needs; no row asks for one that widens. */
static void rows_ask_for_the_rights_of_their_calls(void **state)
{
    (void)state;
    for (size_t i = 0; i < fb_services_count(); i++) {
        const struct fb_service *s = fb_services_at(i);

        for (size_t k = 0; k < FB_SERVICE_CALLS_MAX; k++) {
            if (s->stop[k].action && !strstr(s->stop_rights, s->stop[k].action))
                fail_msg("%s: no right for %s", s->kind, s->stop[k].action);
            if (s->undo[k].action && !strstr(s->undo_rights, s->undo[k].action))
                fail_msg("%s: no right to undo by %s", s->kind, s->undo[k].action);
        }
        if (!strstr(s->stop_rights, s->read.action))
            fail_msg("%s: no right for %s", s->kind, s->read.action);
        if (strchr(s->stop_rights, '*') || strstr(s->stop_rights, "PassRole") ||
            strstr(s->stop_rights, ":Create"))
            fail_msg("%s: %s", s->kind, s->stop_rights);
    }
}

static struct fb_service_look look(struct fb_arena *a, const char *xml)
{
    struct fb_service_answer answer = {NULL, NULL};
    struct fb_service_look out;

    assert_int_equal(fb_xml_parse(a, xml, strlen(xml), &answer.xml, NULL), FB_OK);
    fb_service_read(a, fb_service_of("group"), &answer, &out);
    return out;
}

#define GROUP(min, max, desired, suspended)                                                        \
    "<R><DescribeAutoScalingGroupsResult><AutoScalingGroups><member><MinSize>" min                 \
    "</MinSize><MaxSize>" max "</MaxSize><DesiredCapacity>" desired "</DesiredCapacity>"           \
    "<AutoScalingGroupARN>arn:g</AutoScalingGroupARN><SuspendedProcesses>" suspended               \
    "</SuspendedProcesses></member></AutoScalingGroups></DescribeAutoScalingGroupsResult></R>"
#define SUSPENDED(name) "<member><ProcessName>" name "</ProcessName></member>"

static void a_group_is_stopped_when_it_is_empty_and_may_launch_nothing(void **state)
{
    struct fix *f = *state;
    struct fb_service_look l =
        look(f->a, GROUP("1", "9", "4", SUSPENDED("AlarmNotification") SUSPENDED("Launch")));

    assert_int_equal(l.state, FB_SERVICE_RUNNING);
    assert_string_equal(l.arn, "arn:g");
    assert_string_equal(l.kept, "{\"MinSize\":\"1\",\"MaxSize\":\"9\",\"DesiredCapacity\":\"4\","
                                "\"Status\":\"\",\"Suspended\":\"AlarmNotification Launch\"}");
    l = look(f->a, GROUP("0", "0", "0", SUSPENDED("Launch")));
    assert_int_equal(l.state, FB_SERVICE_STOPPED);
    l = look(f->a, GROUP("0", "0", "0", SUSPENDED("Launcher")));
    assert_int_equal(l.state, FB_SERVICE_RUNNING);
    l = look(f->a, GROUP("0", "10", "0", SUSPENDED("Launch")));
    assert_int_equal(l.state, FB_SERVICE_RUNNING);
    l = look(f->a, "<R><DescribeAutoScalingGroupsResult><AutoScalingGroups/>"
                   "</DescribeAutoScalingGroupsResult></R>");
    assert_int_equal(l.state, FB_SERVICE_GONE);
}

static enum fb_service_state state_in(struct fb_arena *a, const char *kind, const char *json)
{
    struct fb_service_answer answer = {NULL, NULL};
    struct fb_service_look out;

    assert_int_equal(fb_json_parse(a, json, strlen(json), NULL, &answer.json, NULL), FB_OK);
    fb_service_read(a, fb_service_of(kind), &answer, &out);
    return out.state;
}

static void answers_in_json_are_read_by_the_same_words(void **state)
{
    static const struct {
        const char *kind, *json;
        enum fb_service_state state;
    } CASES[] = {
        {"ecs_service", "{'services':[{'status':'ACTIVE','desiredCount':3}]}", FB_SERVICE_RUNNING},
        {"ecs_service", "{'services':[{'status':'ACTIVE','desiredCount':0}]}", FB_SERVICE_STOPPED},
        {"ecs_service", "{'services':[{'status':'INACTIVE','desiredCount':3}]}", FB_SERVICE_GONE},
        {"ecs_service", "{'services':[],'failures':[{'reason':'MISSING'}]}", FB_SERVICE_GONE},
        {"ecs_task", "{'tasks':[{'lastStatus':'RUNNING','desiredStatus':'RUNNING'}]}",
         FB_SERVICE_RUNNING},
        {"ecs_task", "{'tasks':[{'lastStatus':'RUNNING','desiredStatus':'STOPPED'}]}",
         FB_SERVICE_STOPPING},
        {"ecs_task", "{'tasks':[{'lastStatus':'STOPPED','desiredStatus':'STOPPED'}]}",
         FB_SERVICE_STOPPED},
        {"function", "{}", FB_SERVICE_RUNNING},
        {"function", "{'ReservedConcurrentExecutions':7}", FB_SERVICE_RUNNING},
        {"function", "{'ReservedConcurrentExecutions':0}", FB_SERVICE_STOPPED},
        {"function_url", "{'AuthType':'NONE'}", FB_SERVICE_RUNNING},
        {"function_url", "{'AuthType':'AWS_IAM'}", FB_SERVICE_STOPPED},
    };
    struct fix *f = *state;

    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char json[200];

        (void)snprintf(json, sizeof json, "%s", CASES[i].json);
        for (char *c = json; *c; c++)
            if (*c == '\'')
                *c = '"';
        if (state_in(f->a, CASES[i].kind, json) != CASES[i].state)
            fail_msg("%s: %s", CASES[i].kind, json);
    }
}

static void a_fleet_that_cannot_start_again_is_left(void **state)
{
    static const struct {
        const char *type, *capacity, *fleet_state;
        enum fb_service_state state;
    } CASES[] = {
        {"maintain", "9", "active", FB_SERVICE_RUNNING},
        {"maintain", "0", "active", FB_SERVICE_STOPPED},
        {"request", "9", "active", FB_SERVICE_STOPPED},
        {"instant", "9", "active", FB_SERVICE_STOPPED},
        {"maintain", "9", "deleted_terminating", FB_SERVICE_GONE},
    };
    struct fix *f = *state;

    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct fb_service_answer answer = {NULL, NULL};
        struct fb_service_look out;
        const char *xml = fb_arena_fmt(
            f->a,
            "<R><fleetSet><item><type>%s</type><fleetState>%s</fleetState>"
            "<targetCapacitySpecification><totalTargetCapacity>%s</totalTargetCapacity>"
            "</targetCapacitySpecification></item></fleetSet></R>",
            CASES[i].type, CASES[i].fleet_state, CASES[i].capacity);

        assert_int_equal(fb_xml_parse(f->a, xml, strlen(xml), &answer.xml, NULL), FB_OK);
        fb_service_read(f->a, fb_service_of("fleet"), &answer, &out);
        assert_int_equal(out.state, CASES[i].state);
    }
}

static void undo_writes_what_was_kept_and_asks_for_nothing_that_was_not(void **state)
{
    struct fix *f = *state;
    const struct fb_service *s = fb_service_of("group");
    struct fb_service_thing t = {s, "a b&Action=x", "eu-west-1", ACCOUNT,
                                 "{\"MinSize\":\"1\",\"MaxSize\":\"9\",\"DesiredCapacity\":\"4\","
                                 "\"Suspended\":\"Launch Terminate\"}"};
    struct fb_err err = {.code = FB_OK};
    const char *out;

    assert_true(fb_service_due(f->a, &t, &s->undo[1]));
    assert_int_equal(fb_service_form(f->a, &t, s->undo[1].body, &out, &err), FB_OK);
    assert_string_equal(out, "AutoScalingGroupName=a+b%26Action%3Dx&ScalingProcesses.member.1="
                             "Launch&ScalingProcesses.member.2=Terminate");
    assert_int_equal(fb_service_form(f->a, &t, s->undo[2].body, &out, &err), FB_OK);
    assert_string_equal(out, "AutoScalingGroupName=a+b%26Action%3Dx&MinSize=1&MaxSize=9"
                             "&DesiredCapacity=4");
    t.kept = "{}";
    assert_false(fb_service_due(f->a, &t, &s->undo[1]));
    assert_int_equal(fb_service_form(f->a, &t, s->undo[2].body, &out, &err), FB_EINPUT);
}

/* --- the gate ------------------------------------------------------------------------------------
 */

static void a_group_that_the_chain_made_is_found_and_stopped_before_its_machines(void **state)
{
    struct fix *f = *state;
    const struct fb_val *fleets;
    struct fb_answer a;

    thief_makes(f, "group", "miners", WEB);
    a = fix_ask(f, FB_VERB_COMPUTE, fix_args(f, "region", WEB, NULL));
    assert_true(a.complete);
    fleets = fb_val_get(a.value, "fleets");
    assert_int_equal(fleets->count, 1);
    assert_string_equal(fb_val_get_str(fleets->first, "kind"), "group");
    assert_string_equal(fb_val_get_str(fleets->first, "id"), "miners");
    assert_string_equal(fb_val_get_str(fleets->first, "by"), SESSION_ARN);
    a = fix_ask(f, FB_VERB_HALT, fleets->first);
    assert_int_equal(a.status, FB_RESULT_DONE);
    assert_int_equal(group_state(f, "miners", WEB), FB_SERVICE_STOPPED);
    assert_non_null(fix_action(f, "aws.halt", "group/us-east-1/miners"));
    assert_false(f->world.intentless);
    fb_gate_pass(f->run);
    a = fix_ask(f, FB_VERB_COMPUTE, fix_args(f, "region", WEB, NULL));
    assert_int_equal(fb_val_get(a.value, "fleets")->count, 0);
    assert_int_equal(halt_group(f, "miners", WEB).status, FB_RESULT_ALREADY);
}

static void a_group_of_somebody_else_is_refused(void **state)
{
    struct fix *f = *state;
    struct fb_answer a;

    fix_made(f,
             fix_by_user("CreateAutoScalingGroup", "alice", "arn:aws:iam::" ACCOUNT ":user/alice",
                         "AIDAALICE00000000001", KEY_ALICE),
             "group", "shop", "", WEB, "arn:aws:iam::" ACCOUNT ":user/alice");
    thief_makes(f, "group", "shop", "eu-west-1"); /* the same name in another region is another */
    a = halt_group(f, "shop", WEB);
    assert_int_equal(a.status, FB_RESULT_REFUSED);
    assert_non_null(strstr(a.why, "did not make"));
    assert_int_equal(group_state(f, "shop", WEB), FB_SERVICE_RUNNING);
    assert_int_equal(halt_group(f, "shop", "eu-west-1").status, FB_RESULT_DONE);
    assert_int_equal(group_state(f, "shop", WEB), FB_SERVICE_RUNNING);
    assert_int_equal(f->world.acts, 1);
}

static void a_protected_group_is_refused_under_kind_and_name(void **state)
{
    static const char *const LIST[] = {"group/miners"};
    static const char *const USERS[] = {"miners"};
    struct fix *f = *state;

    thief_makes(f, "group", "miners", WEB);
    f->guards.protected_identities = USERS; /* a user's bare name shields no group */
    f->guards.protected_identity_count = 1;
    f->guards.protected_resources = LIST;
    f->guards.protected_resource_count = 1;
    assert_int_equal(halt_group(f, "miners", WEB).status, FB_RESULT_REFUSED);
    f->guards.protected_resource_count = 0;
    assert_int_equal(halt_group(f, "miners", WEB).status, FB_RESULT_DONE);
}

static void in_dry_run_a_group_is_planned_and_left(void **state)
{
    struct fix *f = *state;

    thief_makes(f, "group", "miners", WEB);
    f->incident.enforce = false;
    assert_int_equal(halt_group(f, "miners", WEB).status, FB_RESULT_PLANNED);
    assert_int_equal(group_state(f, "miners", WEB), FB_SERVICE_RUNNING);
    assert_int_equal(f->world.acts, 0);
}

static void contain_halts_a_group_too(void **state)
{
    struct fix *f = *state;

    thief_makes(f, "group", "miners", WEB);
    assert_int_equal(fix_ask(f, FB_VERB_CONTAIN,
                             fix_args(f, "kind", "group", "id", "miners", "region", WEB, NULL))
                         .status,
                     FB_RESULT_DONE);
    assert_int_equal(group_state(f, "miners", WEB), FB_SERVICE_STOPPED);
}

static void a_group_left_pending_is_read_back_by_the_next_invocation(void **state)
{
    struct fix *f = *state;
    const struct fb_action *all;
    struct fb_answer a;
    size_t n;

    thief_makes(f, "group", "miners", WEB);
    f->world.act_fails = FB_ETHROTTLED;
    a = halt_group(f, "miners", WEB);
    assert_int_equal(a.status, FB_RESULT_FAILED);
    f->world.act_fails = FB_OK;
    fix_again(f);
    fb_gate_pass(f->run);
    assert_int_equal(halt_group(f, "miners", WEB).status, FB_RESULT_DONE);
    assert_int_equal(fb_actions_list(f->store, f->a, INCIDENT, &all, &n, NULL), FB_OK);
    assert_int_equal(n, 1);
    assert_int_equal(all[0].status, FB_RESULT_DONE);
    assert_string_equal(all[0].target, "group/us-east-1/miners");
}

static void an_unknown_kind_halts_nothing(void **state)
{
    struct fix *f = *state;
    struct fb_answer a = fix_ask(
        f, FB_VERB_HALT, fix_args(f, "kind", "volcano", "id", "i-0a1", "region", WEB, NULL));

    assert_int_equal(a.status, FB_RESULT_REFUSED);
    assert_int_equal(f->world.acts, 0);
}

static void an_id_that_would_end_a_path_or_a_line_is_refused(void **state)
{
    static const char *const BAD[] = {"a\nb", "a\x7f", ""};
    struct fix *f = *state;

    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
        assert_false(fb_service_id_ok(fb_service_of("group"), BAD[i]));
    thief_makes(f, "group", "a\nb", WEB);
    assert_int_equal(halt_group(f, "a\nb", WEB).status, FB_RESULT_REFUSED);
    assert_int_equal(f->world.acts, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIX_TEST(every_row_can_be_read_stopped_and_given_back),
        FIX_TEST(rows_ask_for_the_rights_of_their_calls),
        FIX_TEST(a_group_is_stopped_when_it_is_empty_and_may_launch_nothing),
        FIX_TEST(answers_in_json_are_read_by_the_same_words),
        FIX_TEST(a_fleet_that_cannot_start_again_is_left),
        FIX_TEST(undo_writes_what_was_kept_and_asks_for_nothing_that_was_not),
        FIX_TEST(a_group_that_the_chain_made_is_found_and_stopped_before_its_machines),
        FIX_TEST(a_group_of_somebody_else_is_refused),
        FIX_TEST(a_protected_group_is_refused_under_kind_and_name),
        FIX_TEST(in_dry_run_a_group_is_planned_and_left),
        FIX_TEST(contain_halts_a_group_too),
        FIX_TEST(a_group_left_pending_is_read_back_by_the_next_invocation),
        FIX_TEST(an_unknown_kind_halts_nothing),
        FIX_TEST(an_id_that_would_end_a_path_or_a_line_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

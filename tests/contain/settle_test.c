/* settle_test.c - how what was begun comes to its end, whoever else had a hand in it: stories that
 * a simulator told first. */
#include "contain/fixture.h"

#include "base/json.h"
#include "contain/ledger.h"

static const struct fb_json *record(struct fix *f, const char *verb, const char *target)
{
    const char *key = fb_arena_fmt(f->a, "act#" INCIDENT "#%s#%s", verb, target);
    const struct fb_json *doc = NULL;
    struct fb_item item;

    if (fb_store_get(f->store, f->a, key, &item, NULL) != FB_OK)
        fail_msg("there is no record %s", key);
    assert_int_equal(fb_json_parse(f->a, item.value, item.len, NULL, &doc, NULL), FB_OK);
    return doc;
}

static const char *status(struct fix *f, const char *verb, const char *target)
{
    return fb_json_get_str(record(f, verb, target), "status");
}

/* The machine stops without our doing: by another worker, another incident. */
static void stopped_by_others(struct fix *f, const char *id, const char *region)
{
    struct fb_event stop = fix_by_session("StopInstances");

    stop.region = region;
    stop.target_id = id;
    fix_happens(f, &stop, NULL);
}

/* --- records -------------------------------------------------------------------------------------
 */

static void look_at_the_record(void *ctx)
{
    struct fix *f = ctx;
    const struct fb_json *doc = record(f, "aws.disable_access_key", KEY_CI);
    int64_t number = 0;
    struct fb_item line;

    assert_string_equal(fb_json_get_str(doc, "status"), "intent");
    fb_json_int(fb_json_get(doc, "intent"), &number);
    assert_true(number > 0);
    assert_int_equal(fb_store_get(f->store, f->a,
                                  fb_arena_fmt(f->a, "ledger#%020lld", (long long)number), &line,
                                  NULL),
                     FB_OK);
    assert_non_null(strstr(line.value, "\"what\":\"intent\""));
    assert_non_null(strstr(line.value, KEY_CI));
}

/* A crash between intent and act leaves a record that leads to its line. */
static void the_record_of_an_intent_names_its_line_in_the_ledger(void **state)
{
    struct fix *f = *state;

    fix_quarantine(f, CI_ARN); /* so that the number is not 1 */
    f->world.ctx = f;
    f->world.before_act = look_at_the_record;
    assert_int_equal(fix_disable(f, KEY_CI, "ci").status, FB_RESULT_DONE);
}

static void what_failed_and_came_true_all_the_same_is_done(void **state)
{
    struct fix *f = *state;

    f->world.act_fails = FB_ETIMEOUT;
    assert_int_equal(fix_halt(f, "i-0b1", "eu-west-1").status, FB_RESULT_FAILED);
    assert_string_equal(status(f, "aws.halt", "i-0b1"), "failed");
    stopped_by_others(f, "i-0b1", "eu-west-1");
    fix_again(f);
    fb_gate_pass(f->run); /* nobody asks again: it runs no more */
    assert_string_equal(status(f, "aws.halt", "i-0b1"), "done");
    assert_true(fb_gate_quiet(f->run));
}

static void what_failed_and_is_not_so_keeps_the_incident_open(void **state)
{
    struct fix *f = *state;

    f->world.act_fails = FB_ETIMEOUT;
    fix_halt(f, "i-0b1", "eu-west-1");
    fix_again(f);
    fb_gate_pass(f->run);
    assert_string_equal(status(f, "aws.halt", "i-0b1"), "failed");
    assert_false(fb_gate_quiet(f->run));
}

/* The key was made Active again, and the hour's actions are used up: "done" would be a lie. */
static void what_was_undone_and_may_not_be_done_again_is_a_persons(void **state)
{
    struct fix *f = *state;
    struct fb_event wake = fix_by_session("UpdateAccessKey");

    assert_int_equal(fix_disable(f, KEY_CI, "ci").status, FB_RESULT_DONE);
    wake.target_key = KEY_CI;
    wake.traits = fb_trait_bit(FB_T_DENY_REMOVED);
    fix_happens(f, &wake, NULL);
    f->guards.actions_per_hour = 1;
    fix_again(f);
    fb_gate_pass(f->run);
    assert_int_equal(fix_disable(f, KEY_CI, "ci").status, FB_RESULT_REFUSED);
    assert_string_equal(status(f, "aws.disable_access_key", KEY_CI), "needs_person");
    f->guards.actions_per_hour = 100; /* and when it may, it is */
    fix_again(f);
    fb_gate_pass(f->run);
    assert_int_equal(fix_disable(f, KEY_CI, "ci").status, FB_RESULT_DONE);
    assert_string_equal(status(f, "aws.disable_access_key", KEY_CI), "done");
}

/* Fifty events in a second would be fifty stops of a machine that is still starting, each paid for
 * from the hour's actions. */
static void what_has_to_wait_is_not_asked_for_again_at_once(void **state)
{
    struct fix *f = *state;

    f->world.starting = true;
    for (int i = 0; i < 10; i++) {
        f->wall_ms += 100;
        fix_begin(f);
        fb_gate_pass(f->run);
        assert_int_equal(fix_halt(f, "i-0b1", "eu-west-1").status, FB_RESULT_PENDING);
        assert_false(fb_gate_quiet(f->run));
    }
    assert_int_equal(fix_hits(f, "i-0b1"), 1);
    f->world.starting = false;
    f->wall_ms += 3000;
    fb_gate_pass(f->run);
    assert_int_equal(fix_halt(f, "i-0b1", "eu-west-1").status, FB_RESULT_DONE);
}

/* --- an incident that is over --------------------------------------------------------------------
 */

/* Joined to its root's: the other one stops the machine, and here it stands as pending. */
static void an_incident_that_is_over_still_reads_back_what_it_began(void **state)
{
    struct fix *f = *state;
    int acts;

    f->world.starting = true;
    fix_halt(f, "i-0b1", "eu-west-1");
    acts = f->world.acts;
    f->incident.over = true;
    fix_again(f);
    fb_gate_pass(f->run);
    assert_false(fb_gate_settled(f->run));
    stopped_by_others(f, "i-0b1", "eu-west-1");
    fix_again(f);
    fb_gate_pass(f->run);
    assert_true(fb_gate_settled(f->run));
    assert_string_equal(status(f, "aws.halt", "i-0b1"), "done");
    assert_int_equal(f->world.acts, acts);
}

static void what_an_incident_left_that_is_over_is_a_persons_after_a_quarter_of_an_hour(void **state)
{
    struct fix *f = *state;

    f->world.starting = true;
    fix_halt(f, "i-0b1", "eu-west-1");
    f->incident.over = true;
    for (int minute = 0; minute < 16; minute++)
        fix_again(f);
    fb_gate_pass(f->run);
    assert_true(fb_gate_settled(f->run));
    assert_string_equal(status(f, "aws.halt", "i-0b1"), "needs_person");
}

/* --- the account's clock -------------------------------------------------------------------------
 */

static int64_t revoked(struct fix *f)
{
    int64_t before = 0;

    assert_true(fb_policy_revoked_before(
        f->a, fix_look(f, FB_READ_ROLE, "", "deploy").revoke_policy, &before));
    return before;
}

static void a_clock_that_runs_ahead_denies_no_session_of_the_future(void **state)
{
    struct fix *f = *state;

    f->wall_ms += 60 * MINUTE; /* ours says one, the account's noon */
    f->setup.now_ms += 60 * MINUTE;
    f->world.ahead_ms = -60 * MINUTE;
    fix_begin(f);
    assert_int_equal(fix_revoke(f, DEPLOY_ARN).status, FB_RESULT_DONE);
    assert_in_range(revoked(f), NOON, NOON + 1000);
}

static void a_clock_that_lags_spares_no_session_of_the_thief(void **state)
{
    struct fix *f = *state;

    f->wall_ms -= 60 * MINUTE;
    f->setup.now_ms -= 60 * MINUTE;
    f->world.ahead_ms = 60 * MINUTE;
    fix_begin(f);
    assert_int_equal(fix_revoke(f, DEPLOY_ARN).status, FB_RESULT_DONE);
    assert_in_range(revoked(f), NOON, NOON + 1000); /* its session is of five minutes before noon */
}

/* --- whose work it is ----------------------------------------------------------------------------
 */

static bool lists(struct fix *f, const char *region, const char *id)
{
    struct fb_answer a = fix_ask(f, FB_VERB_COMPUTE, fix_args(f, "region", region, NULL));
    const struct fb_val *list = fb_val_get(a.value, "instances");

    for (const struct fb_val *v = list->first; v; v = v->next)
        if (fb_eq(fb_val_get_str(v, "id"), id)) {
            assert_string_equal(fb_val_get_str(v, "by"), CI_ARN); /* the hop that it comes from */
            assert_true(fb_val_get_bool(v, "sure", false));
            return true;
        }
    return false;
}

static void what_users_do_that_the_chain_made_is_the_chains_work(void **state)
{
    static const char *const BACK = "arn:aws:iam::" ACCOUNT ":user/back";
    static const char *const DEEP = "arn:aws:iam::" ACCOUNT ":user/deep";
    struct fix *f = *state;
    struct fb_event ci = fix_by_user("CreateUser", "ci", CI_ARN, "AIDACI00000000000001", KEY_CI);
    struct fb_event back =
        fix_by_user("CreateUser", "back", BACK, "AIDABACK000000000001", "AKIABACK000000000001");
    struct fb_event deep =
        fix_by_user("RunInstances", "deep", DEEP, "AIDADEEP000000000001", "AKIADEEP000000000001");

    fix_made(f, ci, "user", "back", "", "", CI_ARN);
    fix_made(f, back, "user", "deep", "", "", BACK);
    fix_made(f, deep, "instance", "i-0d1", "", "us-east-1", DEEP);
    fix_begin(f);
    assert_true(lists(f, "us-east-1", "i-0d1"));
    assert_int_equal(fix_halt(f, "i-0d1", "us-east-1").status, FB_RESULT_DONE);
    assert_true(fix_action(f, "aws.halt", "i-0d1") != NULL);
    f->guards.collateral_resources = 0; /* it is no collateral */
    assert_int_equal(
        fix_ask(f, FB_VERB_CONTAIN, fix_args(f, "kind", "user", "id", "deep", NULL)).status,
        FB_RESULT_DONE);
}

/* Alice goes on as ever; what the thief does with a key in her name is the thief's. */
static void a_key_made_for_somebody_else_is_the_chains_and_its_owners_work_is_not(void **state)
{
    static const char *const ALICE = "arn:aws:iam::" ACCOUNT ":user/alice";
    struct fix *f = *state;
    struct fb_event ci =
        fix_by_user("CreateAccessKey", "ci", CI_ARN, "AIDACI00000000000001", KEY_CI);
    struct fb_event thief =
        fix_by_user("RunInstances", "alice", ALICE, "AIDAALICE00000000001", "AKIATHIEFS0000000001");

    fix_made(f, ci, "access_key", "AKIATHIEFS0000000001", "alice", "", CI_ARN);
    fix_made(f, thief, "instance", "i-0f1", "", "us-east-1", ALICE);
    fix_begin(f);
    assert_true(lists(f, "us-east-1", "i-0f1"));
    assert_false(lists(f, "us-east-1", "i-0e1")); /* alice's own */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIX_TEST(the_record_of_an_intent_names_its_line_in_the_ledger),
        FIX_TEST(what_failed_and_came_true_all_the_same_is_done),
        FIX_TEST(what_failed_and_is_not_so_keeps_the_incident_open),
        FIX_TEST(what_was_undone_and_may_not_be_done_again_is_a_persons),
        FIX_TEST(what_has_to_wait_is_not_asked_for_again_at_once),
        FIX_TEST(an_incident_that_is_over_still_reads_back_what_it_began),
        FIX_TEST(what_an_incident_left_that_is_over_is_a_persons_after_a_quarter_of_an_hour),
        FIX_TEST(a_clock_that_runs_ahead_denies_no_session_of_the_future),
        FIX_TEST(a_clock_that_lags_spares_no_session_of_the_thief),
        FIX_TEST(what_users_do_that_the_chain_made_is_the_chains_work),
        FIX_TEST(a_key_made_for_somebody_else_is_the_chains_and_its_owners_work_is_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* gate_test.c - asks go through every guard before anything happens, and nothing happens that was
 * not written down before. */
#include "contain/fixture.h"

#include "contain/ledger.h"

/* --- acting --------------------------------------------------------------------------------------
 */

static void a_whole_chain_is_cut_and_its_machines_stopped_and_nobody_elses(void **state)
{
    struct fix *f = *state;

    assert_int_equal(fix_contain(f), 4);
    assert_false(fix_key_active(f, "ci", KEY_CI));
    assert_true(fb_policy_denies_all(f->a, fix_look(f, FB_READ_USER, "", "ci").deny_policy));
    assert_int_equal(fix_machine(f, "us-east-1", "i-0a1"), FB_MACHINE_STOPPED);
    assert_int_equal(fix_machine(f, "us-east-1", "i-0a2"), FB_MACHINE_STOPPED);
    assert_int_equal(fix_machine(f, "eu-west-1", "i-0b1"), FB_MACHINE_STOPPED);
    assert_int_equal(fix_machine(f, "ap-south-1", "i-0c1"), FB_MACHINE_STOPPED);
    assert_int_equal(fix_machine(f, "us-east-1", "i-0e1"), FB_MACHINE_RUNNING);
    assert_true(fix_key_active(f, "alice", KEY_ALICE));
    assert_true(fix_key_active(f, "break-glass", KEY_GLASS));
    assert_false(f->world.intentless);
    assert_true(fb_gate_all_done(f->run));
}

static void an_answer_says_done_only_after_reading_back(void **state)
{
    struct fix *f = *state;
    struct fb_answer done = fix_disable(f, KEY_CI, "ci"), again = fix_disable(f, KEY_CI, "ci");

    assert_true(done.ok);
    assert_int_equal(done.status, FB_RESULT_DONE);
    assert_int_equal(strncmp(done.id, "act-", 4), 0);
    assert_int_equal(strlen(done.id), 16);
    assert_int_equal(again.status, FB_RESULT_ALREADY);
    assert_string_equal(done.id, again.id);
    assert_int_equal(fix_hits(f, KEY_CI), 1);
    assert_int_equal(fix_action(f, "aws.disable_access_key", KEY_CI)->status, FB_RESULT_DONE);
}

static void asks_of_one_batch_are_one_call_of_the_world_each_way(void **state)
{
    struct fix *f = *state;
    int reads, acts;

    fix_ask(f, FB_VERB_REGIONS, fix_args(f, NULL));
    fix_disable(f, KEY_ALICE, ""); /* who am I is known from here on */
    reads = f->world.read_calls;
    acts = f->world.act_calls;
    fix_contain(f);
    /* key, deny, revoke: a read and a read-back each; three listings; all machines of all regions
     * are one read, one act, one read-back */
    assert_int_equal(f->world.act_calls - acts, 4);
    assert_in_range(f->world.read_calls - reads, 1, 11);
}

static void the_same_ask_twice_in_a_batch_is_done_once(void **state)
{
    struct fix *f = *state;
    struct fb_ask asks[3] = {{.verb = FB_VERB_DISABLE_ACCESS_KEY, .why = "", .playbook = "p"},
                             {.verb = FB_VERB_CONTAIN, .why = "", .playbook = "p"},
                             {.verb = FB_VERB_DISABLE_ACCESS_KEY, .why = "", .playbook = "p"}};
    struct fb_answer answers[3];

    asks[0].args = fix_args(f, "key", KEY_CI, "user", "ci", NULL);
    asks[1].args = fix_args(f, "kind", "access_key", "id", KEY_CI, "owner", "ci", NULL);
    asks[2].args = fix_args(f, "key", KEY_CI, NULL);
    f->gate.ask(f->gate.self, f->a, asks, 3, answers);
    assert_int_equal(fix_hits(f, KEY_CI), 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(answers[i].status, FB_RESULT_DONE);
        assert_string_equal(answers[i].id, answers[0].id);
    }
}

static void a_second_run_finds_everything_so_and_does_nothing(void **state)
{
    struct fix *f = *state;
    const struct fb_action *actions;
    size_t n;
    int acts;

    fix_contain(f);
    acts = f->world.acts;
    fix_again(f);
    fix_contain(f);
    assert_int_equal(f->world.acts, acts);
    actions = fb_gate_actions(f->run, &n);
    assert_int_equal(n, 3); /* stopped machines are not listed again */
    for (size_t i = 0; i < n; i++)
        assert_int_equal(actions[i].status, FB_RESULT_ALREADY);
    assert_true(fb_gate_quiet(f->run));
}

static void what_was_undone_since_is_done_again_and_told(void **state)
{
    struct fix *f = *state;
    struct fb_event undo =
        fix_by_user("DeleteUserPolicy", "ci", CI_ARN, "AIDACI00000000000001", KEY_CI);
    struct fb_item line;

    assert_int_equal(fix_quarantine(f, CI_ARN).status, FB_RESULT_DONE);
    undo.target_user = "ci";
    undo.target_policy = FB_POLICY_DENY;
    fix_happens(f, &undo, NULL);
    fix_again(f);
    assert_int_equal(fix_quarantine(f, CI_ARN).status, FB_RESULT_DONE);
    assert_int_equal(fix_hits(f, "ci"), 2);
    assert_int_equal(fb_store_get(f->store, f->a, "ledger#00000000000000000003", &line, NULL),
                     FB_OK);
    assert_non_null(strstr(line.value, "\"what\":\"intent\""));
    assert_non_null(strstr(line.value, "undone since"));
}

static void the_state_before_the_first_act_is_kept_for_undo(void **state)
{
    struct fix *f = *state;
    struct fb_item item;

    fix_disable(f, KEY_CI, "ci");
    assert_int_equal(fb_store_get(f->store, f->a, "act#" INCIDENT "#aws.disable_access_key#" KEY_CI,
                                  &item, NULL),
                     FB_OK);
    assert_non_null(strstr(item.value, "\\\"key\\\":\\\"Active\\\""));
    assert_non_null(strstr(item.value, "\"status\":\"done\""));
    assert_non_null(strstr(item.value, "\"why\":\"because\""));
    assert_non_null(strstr(item.value, "\"line\":7"));
}

static void every_intent_precedes_its_outcome_in_a_ledger_that_verifies(void **state)
{
    struct fix *f = *state;
    struct fb_ledger_report report;

    fix_contain(f);
    assert_int_equal(fb_ledger_verify(f->store, f->a, &report, NULL), FB_OK);
    assert_int_equal(report.first_bad, 0);
    assert_int_equal(report.lines, 2 * 7);
}

static void all_actions_ever_are_listed_from_the_store(void **state)
{
    struct fix *f = *state;
    const struct fb_action *all;
    size_t n;

    fix_contain(f);
    assert_int_equal(fb_actions_list(f->store, f->a, INCIDENT, &all, &n, NULL), FB_OK);
    assert_int_equal(n, 7);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(all[i].status, FB_RESULT_DONE);
    assert_int_equal(fb_actions_list(f->store, f->a, "inc-tes", &all, &n, NULL), FB_OK);
    assert_int_equal(n, 0);
}

static void a_machine_that_still_starts_is_stopped_in_a_later_pass(void **state)
{
    struct fix *f = *state;

    f->world.starting = true;
    assert_int_equal(fix_halt(f, "i-0b1", "eu-west-1").status, FB_RESULT_PENDING);
    assert_int_equal(fix_halt(f, "i-0b1", "eu-west-1").status, FB_RESULT_PENDING);
    assert_int_equal(fix_hits(f, "i-0b1"), 1); /* once a pass */
    assert_false(fb_gate_quiet(f->run));
    assert_false(fb_gate_all_done(f->run));
    f->world.starting = false;
    f->wall_ms += 3000;
    fb_gate_pass(f->run);
    assert_int_equal(fix_halt(f, "i-0b1", "eu-west-1").status, FB_RESULT_DONE);
    fb_gate_pass(f->run);
    assert_int_equal(fix_halt(f, "i-0b1", "eu-west-1").status, FB_RESULT_ALREADY);
    assert_true(fb_gate_quiet(f->run));
}

/* Once it stops, a machine is in no listing any more and nobody asks for it: the gate itself must
 * look. */
static void a_pending_action_that_nobody_asks_for_again_is_read_again(void **state)
{
    struct fix *f = *state;
    struct fb_event stop = fix_by_session("StopInstances");

    f->world.starting = true;
    fix_halt(f, "i-0b1", "eu-west-1");
    stop.region = "eu-west-1";
    stop.target_id = "i-0b1";
    fix_happens(f, &stop, NULL); /* the stop was accepted after all */
    fix_again(f);
    fb_gate_pass(f->run);
    assert_int_equal(fix_action(f, "aws.halt", "i-0b1")->status, FB_RESULT_DONE);
    assert_true(fb_gate_quiet(f->run));
    fix_again(f);
    fb_gate_pass(f->run);
    assert_null(fix_action(f, "aws.halt", "i-0b1")); /* settled for good */
}

static void after_five_refusals_a_person_is_needed(void **state)
{
    struct fix *f = *state;

    f->world.act_fails = FB_EDENIED;
    for (int i = 1; i < 5; i++) {
        assert_int_equal(fix_disable(f, KEY_CI, "ci").status, FB_RESULT_FAILED);
        fix_again(f);
    }
    assert_int_equal(fix_disable(f, KEY_CI, "ci").status, FB_RESULT_REFUSED);
    fix_again(f);
    f->world.act_fails = FB_OK;
    assert_int_equal(strncmp(fix_disable(f, KEY_CI, "ci").why, "limit: failed 5 times", 21), 0);
    assert_int_equal(fix_hits(f, KEY_CI), 5);
}

/* The attacker's flood eats our quota: giving up after five minutes would be giving up to it. */
static void a_throttled_action_is_tried_for_a_quarter_of_an_hour(void **state)
{
    struct fix *f = *state;
    int tries = 0;

    f->world.act_fails = FB_ETHROTTLED;
    while (fix_disable(f, KEY_CI, "ci").status == FB_RESULT_FAILED && tries < 100) {
        tries++;
        fix_again(f);
    }
    assert_int_equal(tries, 15);
}

struct rival {
    struct fix *f;
    struct fb_gate gate;
    struct fb_answer answer;
    bool ran;
};

/* In the middle of the first worker's act a second one asks for the same. */
static void rival_asks(void *ctx)
{
    struct rival *r = ctx;
    struct fb_gate own = r->f->gate;

    if (r->ran)
        return;
    r->ran = true;
    r->f->gate = r->gate;
    r->answer = fix_disable(r->f, KEY_CI, "ci");
    r->f->gate = own;
}

static void two_workers_do_not_do_the_same_work(void **state)
{
    struct fix *f = *state;
    struct rival r = {.f = f};
    struct fb_gate_run *second = fb_gate_new(f->a, &f->setup);
    struct fb_ledger_report report;

    fb_gate_pass(second); /* both have read an empty journal */
    fb_gate_pass(f->run);
    r.gate = fb_gate_for(second, &f->grant);
    f->world.before_act = rival_asks;
    f->world.ctx = &r;
    assert_int_equal(fix_disable(f, KEY_CI, "ci").status, FB_RESULT_DONE);
    assert_true(r.ran);
    assert_int_equal(r.answer.status, FB_RESULT_PENDING);
    assert_string_equal(r.answer.why, "another worker has it in hand");
    assert_int_equal(fix_hits(f, KEY_CI), 1);
    fb_gate_pass(second);
    f->gate = r.gate;
    assert_int_equal(fix_disable(f, KEY_CI, "ci").status, FB_RESULT_ALREADY);
    assert_int_equal(fb_ledger_verify(f->store, f->a, &report, NULL), FB_OK);
    assert_int_equal(report.lines, 2);
}

/* --- mode ----------------------------------------------------------------------------------------
 */

static void dry_run_plans_everything_and_does_nothing(void **state)
{
    struct fix *f = *state;
    const struct fb_action *actions;
    struct fb_ledger_report report;
    size_t n;

    f->incident.enforce = false;
    fix_begin(f);
    fix_contain(f);
    actions = fb_gate_actions(f->run, &n);
    assert_int_equal(n, 7);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(actions[i].status, FB_RESULT_PLANNED);
        assert_string_equal(actions[i].why, "mode: dry-run");
    }
    assert_int_equal(f->world.act_calls, 0);
    assert_int_equal(fb_ledger_verify(f->store, f->a, &report, NULL), FB_OK);
    assert_int_equal(report.lines, 0);
    assert_false(fb_gate_quiet(f->run));
    fb_gate_pass(f->run);
    fix_contain(f);
    assert_true(fb_gate_quiet(f->run)); /* a plan that is repeated is not new */
    fb_gate_actions(f->run, &n);
    assert_int_equal(n, 7);
}

static void a_playbooks_own_ceiling_keeps_it_from_acting(void **state)
{
    struct fix *f = *state;
    static const enum fb_ceiling LOW[] = {FB_CEILING_DRY_RUN, FB_CEILING_APPROVE};

    for (size_t i = 0; i < 2; i++) {
        f->grant.ceiling = LOW[i];
        fix_begin(f);
        assert_int_equal(fix_disable(f, KEY_CI, "ci").status, FB_RESULT_PLANNED);
    }
    assert_int_equal(f->world.act_calls, 0);
}

static void a_drill_is_refused(void **state)
{
    struct fix *f = *state;

    f->incident.drill = true;
    fix_begin(f);
    assert_int_equal(strncmp(fix_disable(f, KEY_CI, "ci").why, "mode: ", 6), 0);
    assert_int_equal(f->world.act_calls, 0);
}

/* --- guards --------------------------------------------------------------------------------------
 */

static void assert_refused(struct fb_answer answer, const char *word)
{
    if (answer.status != FB_RESULT_REFUSED || strncmp(answer.why, word, strlen(word)) != 0)
        fail_msg("wanted a refusal \"%s...\", got %s: %s", word, fb_result_name(answer.status),
                 answer.why);
    assert_false(answer.ok);
}

static struct fb_answer contain_item(struct fix *f, const char *kind, const char *id,
                                     const char *owner)
{
    return fix_ask(f, FB_VERB_CONTAIN, fix_args(f, "kind", kind, "id", id, "owner", owner, NULL));
}

/* I1: every alias on the list, every way to ask. */
static void a_protected_user_is_not_touched_whatever_it_is_called(void **state)
{
    static const char *const ENTRIES[] = {
        GLASS_ARN,
        "break-glass",
        "user/break-glass",
        "user/people/break-glass",
        KEY_GLASS,
        ID_GLASS,
        "arn:aws:iam::" ACCOUNT ":user/break-glass",
        "user%2Fbreak-glass",
    };
    struct fix *f = *state;

    for (size_t i = 0; i < sizeof ENTRIES / sizeof *ENTRIES; i++) {
        f->guards.protected_identities = &ENTRIES[i];
        f->guards.protected_identity_count = 1;
        fix_begin(f);
        assert_refused(fix_quarantine(f, GLASS_ARN), "protected: ");
        assert_refused(fix_quarantine(f, "arn:aws:iam::" ACCOUNT ":user/break-glass"),
                       "protected: ");
        assert_refused(fix_disable(f, KEY_GLASS, "break-glass"), "protected: ");
        assert_refused(fix_disable(f, KEY_GLASS, ""), "protected: ");
        assert_refused(fix_disable(f, KEY_GLASS, "ci"), "protected: "); /* a lie about the owner */
        assert_refused(contain_item(f, "access_key", KEY_GLASS, ""), "protected: ");
        assert_refused(contain_item(f, "user", "break-glass", ""), "protected: ");
        assert_refused(contain_item(f, "login_profile", "break-glass", "break-glass"),
                       "protected: ");
    }
    assert_int_equal(f->world.act_calls, 0);
}

static void a_protected_role_is_not_touched_whatever_it_is_called(void **state)
{
    static const char *const ENTRIES[] = {DEPLOY_ARN,
                                          "deploy",
                                          "role/deploy",
                                          SESSION_ARN,
                                          "AROADEPLOY0000000001",
                                          "AROADEPLOY0000000001:thief"};
    struct fix *f = *state;

    f->incident.wide = true;
    for (size_t i = 0; i < sizeof ENTRIES / sizeof *ENTRIES; i++) {
        f->guards.protected_identities = &ENTRIES[i];
        f->guards.protected_identity_count = 1;
        fix_begin(f);
        assert_refused(fix_revoke(f, DEPLOY_ARN), "protected: ");
        assert_refused(fix_revoke(f, "deploy"), "protected: ");
        assert_refused(fix_revoke(f, SESSION_ARN), "protected: ");
        assert_refused(fix_quarantine(f, DEPLOY_ARN), "protected: ");
        assert_refused(fix_quarantine(f, SESSION_ARN), "protected: ");
        assert_refused(contain_item(f, "role", "deploy", ""), "protected: ");
    }
    assert_int_equal(f->world.act_calls, 0);
}

static void a_near_miss_on_the_list_protects_nobody(void **state)
{
    static const char *const ENTRIES[] = {
        "Ci", "ci.", "ci2", "role/ci", "AKIACI0000000000000", "arn:aws:iam::999988887777:user/ci"};
    struct fix *f = *state;

    f->guards.protected_identities = ENTRIES;
    f->guards.protected_identity_count = sizeof ENTRIES / sizeof *ENTRIES;
    assert_string_equal(fix_quarantine(f, CI_ARN).why, "");
    assert_int_equal(fix_disable(f, KEY_CI, "ci").status, FB_RESULT_DONE);
}

static void a_protected_machine_is_not_stopped(void **state)
{
    static const char *const ENTRIES[] = {
        "i-0a1", "arn:aws:ec2:us-east-1:" ACCOUNT ":instance/i-0a1", "instance/i-0a1"};
    struct fix *f = *state;

    for (size_t i = 0; i < 3; i++) {
        f->guards.protected_resources = &ENTRIES[i];
        f->guards.protected_resource_count = 1;
        fix_begin(f);
        assert_refused(fix_halt(f, "i-0a1", "us-east-1"), "protected: ");
        assert_refused(
            fix_ask(f, FB_VERB_CONTAIN,
                    fix_args(f, "kind", "instance", "id", "i-0a1", "region", "us-east-1", NULL)),
            "protected: ");
    }
    assert_int_equal(f->world.act_calls, 0);
}

/* The names cannot be compared when they cannot be read: then nothing is done, not anything. */
static void a_user_that_cannot_be_read_is_not_touched(void **state)
{
    struct fix *f = *state;

    f->world.broken_kind = FB_READ_USER;
    f->world.broken = FB_EIO;
    assert_int_equal(fix_quarantine(f, CI_ARN).status, FB_RESULT_FAILED);
    assert_int_equal(fix_disable(f, KEY_CI, "ci").status, FB_RESULT_FAILED);
    assert_refused(fix_quarantine(f, "arn:aws:iam::" ACCOUNT ":root"), "protected: ");
    assert_int_equal(f->world.act_calls, 0);
}

/* A key id on the list names a user only through that user's keys. */
static void a_user_whose_keys_cannot_be_listed_may_be_the_one_with_the_protected_key(void **state)
{
    static const char *const KEY[] = {KEY_GLASS}, *const NAME[] = {"break-glass"};
    struct fix *f = *state;

    f->world.hide_keys = true;
    f->guards.protected_identities = KEY;
    f->guards.protected_identity_count = 1;
    assert_int_equal(fix_quarantine(f, CI_ARN).status, FB_RESULT_FAILED);
    assert_int_equal(f->world.act_calls, 0);
    f->guards.protected_identities = NAME; /* no need to know the keys */
    assert_int_equal(fix_quarantine(f, CI_ARN).status, FB_RESULT_DONE);
}

static void without_knowing_who_we_are_nothing_is_done(void **state)
{
    struct fix *f = *state;

    f->world.broken_kind = FB_READ_WHO_AM_I;
    f->world.broken = FB_ETIMEOUT;
    fix_contain(f);
    assert_int_equal(f->world.act_calls, 0);
    f->world.broken = FB_OK;
    fb_gate_pass(f->run);
    fix_contain(f);
    assert_true(fb_gate_all_done(f->run)); /* and it goes on once that is known */
}

static void firebreak_never_acts_on_itself(void **state)
{
    struct fix *f = *state;
    struct fb_event us = fix_by_session("ListUsers");

    us.who.arn = "arn:aws:sts::" ACCOUNT ":assumed-role/firebreak/model";
    us.who.issuer_arn = "arn:aws:iam::" ACCOUNT ":role/runtime/firebreak";
    us.who.issuer_name = "firebreak";
    fix_happens(f, &us, NULL);
    f->incident.wide = true;
    assert_refused(fix_revoke(f, "firebreak"), "self: ");
    assert_refused(fix_revoke(f, us.who.issuer_arn), "self: ");
    assert_refused(fix_revoke(f, us.who.arn), "self: ");
    assert_refused(fix_quarantine(f, us.who.issuer_arn), "self: ");
    assert_refused(contain_item(f, "role", "firebreak", ""), "self: ");
    assert_int_equal(f->world.act_calls, 0);
}

static void role_exists(struct fix *f, const char *arn)
{
    struct fb_event ev = fix_by_session("ListUsers");

    ev.who.issuer_arn = arn;
    ev.who.issuer_name = strrchr(arn, '/') + 1;
    ev.who.id = "";
    fb_model_observe(f->model, &ev);
}

static void root_services_and_roles_that_nobody_may_change_are_refused_with_why(void **state)
{
    struct fix *f = *state;
    const char *sso = "arn:aws:iam::" ACCOUNT
                      ":role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Admin_1a2b";
    const char *linked =
        "arn:aws:iam::" ACCOUNT ":role/aws-service-role/ec2.amazonaws.com/AWSServiceRoleForEC2";

    f->incident.wide = true;
    assert_refused(fix_quarantine(f, "arn:aws:iam::" ACCOUNT ":root"), "protected: ");
    assert_refused(fix_quarantine(f, "ec2.amazonaws.com"), "protected: ");
    assert_refused(fix_quarantine(f, "arn:aws:iam::aws:role/x"), "protected: ");
    assert_refused(fix_revoke(f, linked), "protected: ");
    assert_refused(fix_quarantine(f, linked), "protected: ");
    assert_refused(fix_revoke(f, sso), "protected: ");
    assert_non_null(strstr(fix_revoke(f, sso).why, "Identity Center"));
    role_exists(f, sso);
    assert_refused(
        fix_revoke(f, "arn:aws:sts::" ACCOUNT ":assumed-role/AWSReservedSSO_Admin_1a2b/alice"),
        "protected: ");
    assert_refused(contain_item(f, "role", "AWSReservedSSO_Admin_1a2b", ""), "protected: ");
    assert_int_equal(f->world.act_calls, 0);
}

/* Names and paths are the thief's to choose, all but the two paths that AWS keeps for itself. */
static void a_name_like_one_of_the_providers_own_shields_nobody(void **state)
{
    static const char *const ROLES[] = {"AWSReservedSSO_Admin_0123456789abcdef",
                                        "AWSServiceRoleForMining",
                                        "x/aws-service-role/miner",
                                        ":role/aws-service-role/miner2",
                                        "x/aws-reserved/sso.amazonaws.com/miner3",
                                        "role/aws-reserved/sso.amazonaws.com/miner4",
                                        "miner.amazonaws.com"};
    struct fix *f = *state;

    for (size_t i = 0; i < sizeof ROLES / sizeof *ROLES; i++) {
        const char *arn = fb_arena_fmt(f->a, "arn:aws:iam::" ACCOUNT ":role/%s", ROLES[i]);
        struct fb_answer answer;

        role_exists(f, arn);
        answer = fix_revoke(f, arn);
        if (answer.status != FB_RESULT_DONE)
            fail_msg("%s: %s", arn, answer.why);
    }
    fix_made(f, fix_by_user("CreateUser", "ci", CI_ARN, "AIDACI00000000000001", KEY_CI), "user",
             "miner.amazonaws.com", "", "", CI_ARN);
    assert_int_equal(contain_item(f, "user", "miner.amazonaws.com", "").status, FB_RESULT_DONE);
}

static void a_user_named_like_a_protected_machine_is_not_protected(void **state)
{
    static const char *const machine[] = {"i-0123456789abcdef0"};
    struct fix *f = *state;

    f->guards.protected_resources = machine;
    f->guards.protected_resource_count = 1;
    fix_made(f, fix_by_user("CreateUser", "ci", CI_ARN, "AIDACI00000000000001", KEY_CI), "user",
             machine[0], "", "", CI_ARN);
    assert_int_equal(contain_item(f, "user", machine[0], "").status, FB_RESULT_DONE);
    assert_refused(fix_halt(f, machine[0], "us-east-1"), "protected: ");
}

static void other_accounts_are_not_ours_to_act_on(void **state)
{
    struct fix *f = *state;

    assert_refused(fix_quarantine(f, "arn:aws:iam::999988887777:user/ci"), "account: ");
    assert_refused(fix_revoke(f, "arn:aws:iam::999988887777:role/deploy"), "account: ");
    f->incident.account =
        "999988887777"; /* the incident of another account than credentials reach */
    fix_begin(f);
    assert_refused(fix_disable(f, KEY_CI, "ci"), "account: ");
    assert_refused(fix_halt(f, "i-0a1", "us-east-1"), "account: ");
    assert_int_equal(f->world.act_calls, 0);
}

static void what_is_not_in_the_needs_is_refused(void **state)
{
    static const char *const READ[] = {"aws.read", NULL};
    static const char *const CONTAIN[] = {"aws.contain", NULL};
    static const char *const NEUTRAL[] = {"read", "contain", "halt", NULL};
    struct fix *f = *state;

    f->grant.needs = READ;
    fix_begin(f);
    assert_refused(fix_disable(f, KEY_CI, "ci"), "capability: aws.contain");
    assert_refused(fix_quarantine(f, CI_ARN), "capability: aws.contain");
    assert_refused(fix_revoke(f, DEPLOY_ARN), "capability: aws.contain");
    assert_refused(fix_halt(f, "i-0a1", "us-east-1"), "capability: aws.halt");
    assert_refused(contain_item(f, "user", "ci", ""), "capability: aws.contain");
    assert_refused(fix_ask(f, FB_VERB_NOTIFY, fix_args(f, "title", "x", NULL)),
                   "capability: notify");
    f->grant.needs = CONTAIN;
    fix_begin(f);
    assert_refused(
        fix_ask(f, FB_VERB_CONTAIN,
                fix_args(f, "kind", "instance", "id", "i-0a1", "region", "us-east-1", NULL)),
        "capability: aws.halt");
    assert_refused(fix_ask(f, FB_VERB_CHAIN, fix_args(f, NULL)), "capability: aws.read");
    assert_int_equal(f->world.act_calls, 0);
    assert_int_equal(f->world.read_calls, 0);
    f->grant.needs = NEUTRAL;
    fix_begin(f);
    fix_contain(f);
    assert_int_equal(fix_machine(f, "us-east-1", "i-0a1"), FB_MACHINE_STOPPED);
}

static void an_inferred_link_needs_a_score_that_allows_it(void **state)
{
    struct fix *f = *state;

    f->hops[1].sure = false;
    assert_refused(fix_revoke(f, DEPLOY_ARN), "limit: ");
    assert_refused(fix_halt(f, "i-0b1", "eu-west-1"), "limit: ");
    assert_int_equal(fix_halt(f, "i-0a1", "us-east-1").status, FB_RESULT_DONE);
    f->incident.wide = true;
    fix_again(f);
    assert_int_equal(fix_revoke(f, DEPLOY_ARN).status, FB_RESULT_DONE);
    assert_int_equal(fix_halt(f, "i-0b1", "eu-west-1").status, FB_RESULT_DONE);
}

static void a_role_that_others_may_use_is_revoked_not_denied(void **state)
{
    struct fix *f = *state;
    struct fb_event make = fix_by_user("CreateRole", "ci", CI_ARN, "AIDACI00000000000001", KEY_CI);

    assert_refused(fix_quarantine(f, DEPLOY_ARN), "limit: ");
    assert_int_equal(contain_item(f, "role", "deploy", "").status, FB_RESULT_DONE);
    assert_non_null(fix_action(f, "aws.revoke_sessions", DEPLOY_ARN));
    fix_made(f, make, "role", "backdoor", "", "", CI_ARN); /* its own creation is denied whole */
    fix_again(f);
    assert_int_equal(contain_item(f, "role", "backdoor", "").status, FB_RESULT_DONE);
    assert_non_null(fix_action(f, "aws.quarantine", "arn:aws:iam::" ACCOUNT ":role/backdoor"));
}

/* --- limits --------------------------------------------------------------------------------------
 */

static void identities_of_one_incident_are_limited_over_all_its_runs(void **state)
{
    struct fix *f = *state;

    f->guards.identities = 1;
    assert_int_equal(fix_disable(f, KEY_CI, "ci").status, FB_RESULT_DONE);
    assert_int_equal(fix_quarantine(f, CI_ARN).status, FB_RESULT_DONE); /* the same identity */
    assert_refused(fix_disable(f, KEY_ALICE, "alice"), "limit: 1 identities");
    fix_again(f);
    assert_refused(fix_disable(f, KEY_ALICE, "alice"), "limit: 1 identities");
    assert_int_equal(fix_quarantine(f, CI_ARN).status, FB_RESULT_ALREADY);
}

/* T16: an attacker who makes a hundred users must not use up what cutting the real ones needs. */
static void decoys_that_the_chain_made_use_up_no_limit_of_configuration(void **state)
{
    struct fix *f = *state;

    f->guards.identities = 2;
    f->guards.collateral_resources = 0;
    for (int i = 0; i < 30; i++) {
        const char *name = fb_arena_fmt(f->a, "decoy-%d", i);
        struct fb_event make =
            fix_by_user("CreateUser", "ci", CI_ARN, "AIDACI00000000000001", KEY_CI);

        fix_made(f, make, "user", name, "", "", CI_ARN);
    }
    for (int i = 0; i < 30; i++)
        assert_int_equal(contain_item(f, "user", fb_arena_fmt(f->a, "decoy-%d", i), "").status,
                         FB_RESULT_DONE);
    assert_int_equal(fix_disable(f, KEY_CI, "ci").status, FB_RESULT_DONE);
    assert_int_equal(fix_revoke(f, DEPLOY_ARN).status, FB_RESULT_DONE);
    assert_refused(fix_disable(f, KEY_ALICE, "alice"), "limit: ");
    assert_refused(fix_halt(f, "i-0e1", "us-east-1"), "limit: 0 resources"); /* alice's machine */
    assert_int_equal(fix_halt(f, "i-0a1", "us-east-1").status, FB_RESULT_DONE);
}

/* The chain made a key on somebody's user: the key is free, cutting that user counts. */
static void a_key_made_on_somebodys_user_does_not_make_the_user_free(void **state)
{
    struct fix *f = *state;

    f->guards.identities = 1;
    fix_made(f, fix_by_user("CreateAccessKey", "ci", CI_ARN, "AIDACI00000000000001", KEY_CI),
             "access_key", "AKIAALICE00000000009", "alice", "", CI_ARN);
    assert_int_equal(fix_disable(f, KEY_CI, "ci").status, FB_RESULT_DONE);
    assert_int_equal(fix_disable(f, "AKIAALICE00000000009", "alice").status, FB_RESULT_DONE);
    assert_refused(fix_quarantine(f, "arn:aws:iam::" ACCOUNT ":user/alice"), "limit: 1 identities");
    assert_refused(fix_disable(f, KEY_ALICE, "alice"), "limit: 1 identities");
}

static void a_playbooks_own_limits_hold_for_machines_of_any_maker(void **state)
{
    struct fix *f = *state;

    f->grant.limit_identities = 1;
    f->grant.limit_resources = 2;
    fix_begin(f);
    assert_int_equal(fix_disable(f, KEY_CI, "ci").status, FB_RESULT_DONE);
    assert_refused(fix_revoke(f, DEPLOY_ARN), "limit: playbook test-playbook");
    assert_int_equal(fix_halt(f, "i-0a1", "us-east-1").status, FB_RESULT_DONE);
    assert_int_equal(fix_halt(f, "i-0a2", "us-east-1").status, FB_RESULT_DONE);
    assert_refused(fix_halt(f, "i-0b1", "eu-west-1"), "limit: playbook test-playbook");
}

static void actions_of_one_hour_are_limited_for_the_account(void **state)
{
    struct fix *f = *state;

    f->guards.actions_per_hour = 3;
    assert_int_equal(fix_disable(f, KEY_CI, "ci").status, FB_RESULT_DONE);
    assert_int_equal(fix_quarantine(f, CI_ARN).status, FB_RESULT_DONE);
    assert_int_equal(fix_revoke(f, DEPLOY_ARN).status, FB_RESULT_DONE);
    assert_refused(fix_halt(f, "i-0a1", "us-east-1"), "limit: 3 actions an hour");
    assert_int_equal(fix_disable(f, KEY_CI, "ci").status,
                     FB_RESULT_ALREADY); /* nothing to pay for */
    f->wall_ms += 60 * MINUTE;
    fix_again(f);
    assert_int_equal(fix_halt(f, "i-0a1", "us-east-1").status, FB_RESULT_DONE);
}

/* A flood of machines leaves a tenth of the hour for cutting keys. */
static void machines_cannot_use_up_what_identities_need(void **state)
{
    struct fix *f = *state;
    int done = 0;

    f->guards.actions_per_hour = 10;
    for (int i = 0; i < 12; i++) {
        struct fb_event ev =
            fix_by_user("RunInstances", "ci", CI_ARN, "AIDACI00000000000001", KEY_CI);
        const char *id = fb_arena_fmt(f->a, "i-0f%d", i);

        fix_made(f, ev, "instance", id, "", "us-west-2", CI_ARN);
        fb_gate_pass(f->run);
        done += fix_halt(f, id, "us-west-2").status == FB_RESULT_DONE;
    }
    assert_int_equal(done, 9);
    assert_int_equal(fix_disable(f, KEY_CI, "ci").status, FB_RESULT_DONE);
    assert_refused(fix_quarantine(f, CI_ARN), "limit: 10 actions an hour");
}

static void a_dry_run_shows_what_the_limits_would_refuse(void **state)
{
    struct fix *f = *state;

    f->incident.enforce = false;
    f->guards.actions_per_hour = 2;
    fix_begin(f);
    for (int pass = 0; pass < 2; pass++) {
        assert_int_equal(fix_disable(f, KEY_CI, "ci").status, FB_RESULT_PLANNED);
        assert_int_equal(fix_quarantine(f, CI_ARN).status, FB_RESULT_PLANNED);
        assert_refused(fix_revoke(f, DEPLOY_ARN), "limit: 2 actions an hour");
        fb_gate_pass(f->run);
    }
}

/* --- targets -------------------------------------------------------------------------------------
 */

static void what_does_not_exist_is_already_so(void **state)
{
    struct fix *f = *state;
    struct fb_answer key = fix_disable(f, "AKIANOBODY0000000001", "");

    assert_int_equal(key.status, FB_RESULT_ALREADY);
    assert_string_equal(key.why, "it does not exist");
    assert_int_equal(fix_quarantine(f, "arn:aws:iam::" ACCOUNT ":user/nobody").status,
                     FB_RESULT_ALREADY);
    assert_int_equal(fix_halt(f, "i-0dead", "us-east-1").status, FB_RESULT_ALREADY);
    assert_int_equal(f->world.act_calls, 0);
}

/* AWS answers AccessDenied for a key that is gone. */
/* iam:UpdateUser in the minute before: "it does not exist" would be said of a thief at work. */
static void a_user_that_was_renamed_is_cut_under_its_new_name(void **state)
{
    struct fix *f = *state;
    struct fb_event away = fix_event("DeleteUser");
    struct fb_event now = fix_by_user("ListUsers", "ci-new", "arn:aws:iam::" ACCOUNT ":user/ci-new",
                                      "AIDACI00000000000001", KEY_CI);

    away.target_user = "ci";
    fb_model_observe(f->model, &away);
    fb_model_observe(f->model, &now);
    assert_int_equal(fix_disable(f, KEY_CI, "ci").status, FB_RESULT_DONE);
    assert_int_equal(fix_quarantine(f, CI_ARN).status, FB_RESULT_DONE);
    assert_false(fix_key_active(f, "ci-new", KEY_CI));
    assert_true(fb_policy_denies_all(f->a, fix_look(f, FB_READ_USER, "", "ci-new").deny_policy));
}

static void a_renamed_user_is_protected_under_its_new_name_too(void **state)
{
    static const char *const entry[] = {"arn:aws:iam::" ACCOUNT ":user/ci-new"};
    struct fix *f = *state;
    struct fb_event away = fix_event("DeleteUser");
    struct fb_event now =
        fix_by_user("ListUsers", "ci-new", entry[0], "AIDACI00000000000001", KEY_CI);

    away.target_user = "ci";
    fb_model_observe(f->model, &away);
    fb_model_observe(f->model, &now);
    f->guards.protected_identities = entry;
    f->guards.protected_identity_count = 1;
    assert_refused(fix_quarantine(f, CI_ARN), "protected: ");
    assert_refused(fix_disable(f, KEY_CI, "ci"), "protected: ");
    assert_int_equal(f->world.act_calls, 0);
}

static void a_key_that_its_owner_deleted_is_told_from_one_that_cannot_be_read(void **state)
{
    struct fix *f = *state;
    struct fb_event del =
        fix_by_user("DeleteAccessKey", "ci", CI_ARN, "AIDACI00000000000001", KEY_CI2);

    del.target_key = KEY_CI;
    fix_happens(f, &del, NULL);
    f->world.broken_kind = FB_READ_KEY_OWNER;
    f->world.broken = FB_EDENIED;
    assert_int_equal(fix_disable(f, KEY_CI, "ci").status, FB_RESULT_ALREADY);
    assert_int_equal(fix_disable(f, "AKIAOTHER00000000001", "ci").status, FB_RESULT_FAILED);
}

static void asks_that_name_nothing_real_are_refused(void **state)
{
    struct fix *f = *state;

    assert_refused(fix_disable(f, "not-a-key", ""), "capability: ");
    assert_refused(fix_quarantine(f, "ci"), "capability: ");
    assert_refused(fix_quarantine(f, "arn:aws:s3:::bucket"), "capability: ");
    assert_refused(fix_quarantine(f, "arn:aws:sts::" ACCOUNT ":federated-user/x"), "capability: ");
    assert_refused(fix_revoke(f, CI_ARN), "capability: ");
    assert_refused(fix_halt(f, "i-0a1", ""), "capability: ");
    assert_refused(fix_halt(f, "i-0a1", "us-east-1&Action=TerminateInstances"), "capability: ");
    assert_refused(fix_halt(f, "r-0a1", "us-east-1"), "capability: ");
    assert_refused(contain_item(f, "bucket", "x", ""), "capability: ");
    assert_int_equal(f->world.act_calls, 0);
}

/* A session key cannot be switched off. It is dead when its user is denied, and only then. */
static void a_temporary_key_of_a_user_is_answered_by_the_users_deny(void **state)
{
    struct fix *f = *state;

    assert_refused(fix_disable(f, "ASIASESSION000000001", ""), "capability: ");
    assert_refused(fix_disable(f, "ASIASESSION000000001", "ci"), "capability: ");
    fix_quarantine(f, CI_ARN);
    assert_int_equal(fix_disable(f, "ASIASESSION000000001", "ci").status, FB_RESULT_ALREADY);
    assert_int_equal(fix_hits(f, "ASIASESSION000000001"), 0);
}

static void a_revocation_covers_the_newest_known_session_and_then_rests(void **state)
{
    struct fix *f = *state;
    int64_t first = 0, second = 0;

    assert_int_equal(fix_revoke(f, DEPLOY_ARN).status, FB_RESULT_DONE);
    assert_true(fb_policy_revoked_before(
        f->a, fix_look(f, FB_READ_ROLE, "", "deploy").revoke_policy, &first));
    assert_true(first > f->hops[1].since_ms);
    assert_true(first <= NOON + 1000); /* never the future */
    fix_again(f);
    assert_int_equal(fix_revoke(f, SESSION_ARN).status, FB_RESULT_ALREADY);
    f->hops[1].since_ms = f->setup.now_ms; /* a new session is heard of */
    fix_again(f);
    assert_int_equal(fix_revoke(f, DEPLOY_ARN).status, FB_RESULT_DONE);
    assert_true(fb_policy_revoked_before(
        f->a, fix_look(f, FB_READ_ROLE, "", "deploy").revoke_policy, &second));
    assert_true(second > f->hops[1].since_ms);
    fix_again(f);
    assert_int_equal(fix_revoke(f, DEPLOY_ARN).status, FB_RESULT_ALREADY);
}

/* Sessions outlive the key that made them: those that the root had before the alarm are cut too. */
static void a_role_that_the_root_took_before_the_alarm_is_on_the_chain_and_revoked(void **state)
{
    static const char *const WORKER = "arn:aws:iam::" ACCOUNT ":role/worker";
    struct fix *f = *state;
    struct fb_event take = fix_by_user("AssumeRole", "ci", CI_ARN, "AIDACI00000000000001", KEY_CI);
    const struct fb_val *hop;
    struct fb_answer a;
    int64_t before = 0;

    take.mint.credential = "ASIAWORKER0000000001";
    take.mint.role_arn = WORKER;
    take.time_ms = NOON - 60 * MINUTE;
    f->incident.since_ms = NOON - 24 * 60 * MINUTE;
    role_exists(f, WORKER);
    assert_int_equal(fb_made_session_keep(f->store, f->a, CI_ARN, &take, NOON, NULL), FB_OK);
    take.mint.role_arn = DEPLOY_ARN; /* a hop already */
    assert_int_equal(fb_made_session_keep(f->store, f->a, CI_ARN, &take, NOON, NULL), FB_OK);
    take.mint.role_arn = "arn:aws:iam::" ACCOUNT ":role/old";
    take.time_ms = NOON - 14 * 60 * MINUTE; /* no session lives that long */
    assert_int_equal(fb_made_session_keep(f->store, f->a, CI_ARN, &take, NOON, NULL), FB_OK);
    a = fix_ask(f, FB_VERB_CHAIN, fix_args(f, NULL));
    assert_int_equal(a.value->count, 3);
    hop = a.value->first->next->next;
    assert_string_equal(fb_val_get_str(hop, "kind"), "role");
    assert_string_equal(fb_val_get_str(hop, "arn"), WORKER);
    assert_true(fb_val_get_bool(hop, "sure", false));
    assert_int_equal(fix_revoke(f, WORKER).status, FB_RESULT_DONE);
    take.mint.role_arn = WORKER; /* a newer one moves the revocation on */
    take.time_ms = NOON + MINUTE;
    assert_int_equal(fb_made_session_keep(f->store, f->a, CI_ARN, &take, NOON, NULL), FB_OK);
    fix_again(f);
    assert_int_equal(fix_revoke(f, WORKER).status, FB_RESULT_DONE);
    assert_true(fb_policy_revoked_before(
        f->a, fix_look(f, FB_READ_ROLE, "", "worker").revoke_policy, &before));
    assert_true(before > NOON + MINUTE);
    fix_again(f);
    assert_int_equal(fix_revoke(f, WORKER).status, FB_RESULT_ALREADY);
}

/* --- what cannot be read, what there is no time for ----------------------------------------------
 */

static void a_fact_that_failed_for_good_is_named_and_not_asked_again(void **state)
{
    struct fix *f = *state;
    const char *const *gaps;
    struct fb_answer a;
    size_t n;
    int reads;

    f->world.broken_kind = FB_READ_MACHINES;
    f->world.broken = FB_EUNSUPPORTED;
    f->world.broken_region = "eu-west-1";
    a = fix_ask(f, FB_VERB_COMPUTE, fix_args(f, "region", "eu-west-1", NULL));
    assert_false(a.complete);
    assert_int_equal(fb_val_get(a.value, "instances")->count, 0);
    reads = f->world.reads_of[FB_READ_MACHINES];
    fb_gate_pass(f->run);
    a = fix_ask(f, FB_VERB_COMPUTE, fix_args(f, "region", "eu-west-1", NULL));
    assert_false(a.complete);
    assert_int_equal(f->world.reads_of[FB_READ_MACHINES], reads);
    gaps = fb_gate_gaps(f->run, &n);
    assert_int_equal(n, 1);
    assert_non_null(strstr(gaps[0], "eu-west-1"));
    assert_int_equal(fix_contain(f), 3); /* the other regions, and the rest, are done */
    assert_int_equal(fix_machine(f, "us-east-1", "i-0a1"), FB_MACHINE_STOPPED);
    assert_false(fix_key_active(f, "ci", KEY_CI));
}

static void a_throttled_fact_is_asked_again_in_the_next_pass(void **state)
{
    struct fix *f = *state;
    size_t n;

    f->world.broken_kind = FB_READ_MACHINES;
    f->world.broken = FB_ETHROTTLED;
    assert_false(fix_ask(f, FB_VERB_COMPUTE, fix_args(f, "region", "us-east-1", NULL)).complete);
    fb_gate_gaps(f->run, &n);
    assert_int_equal(n, 1);
    f->world.broken = FB_OK;
    fb_gate_pass(f->run);
    assert_true(fix_ask(f, FB_VERB_COMPUTE, fix_args(f, "region", "us-east-1", NULL)).complete);
    fb_gate_gaps(f->run, &n);
    assert_int_equal(n, 0); /* it could be had after all */
}

static void after_the_deadline_nothing_is_started(void **state)
{
    struct fix *f = *state;
    struct fb_answer a;
    struct fb_ledger_report report;

    f->world.starting = true;
    fix_halt(f, "i-0b1", "eu-west-1"); /* begun before: an intent is on record */
    f->setup.deadline_mono_ms = 5000;
    f->mono_ms = 4500;
    fix_again(f);
    a = fix_disable(f, KEY_CI, "ci");
    assert_int_equal(a.status, FB_RESULT_FAILED);
    assert_string_equal(a.why, "out of time; continues in the next pass");
    assert_int_equal(fix_halt(f, "i-0b1", "eu-west-1").status, FB_RESULT_PENDING);
    assert_false(fix_ask(f, FB_VERB_COMPUTE, fix_args(f, "region", "us-east-1", NULL)).complete);
    assert_int_equal(fix_hits(f, KEY_CI), 0);
    assert_int_equal(fb_ledger_verify(f->store, f->a, &report, NULL), FB_OK);
    assert_int_equal(report.lines, 2); /* no intent that there is no time to act on */
}

/* The clock runs out at one point after the other, within reads too. */
static void wherever_the_time_ends_no_intent_is_left_that_was_not_acted_on(void **state)
{
    (void)state;
    for (int at = 1; at < 60; at++) {
        struct fix *f = fix_new("memory:");
        struct fb_ledger_report report;
        const struct fb_action *all;
        size_t n;

        f->mono_step_ms = 100;
        f->world.read_ms = 1500; /* longer than the margin */
        f->setup.deadline_mono_ms = 1000 + 400 * at;
        fix_begin(f);
        fix_contain(f);
        assert_int_equal(fb_ledger_verify(f->store, f->a, &report, NULL), FB_OK);
        assert_int_equal(report.first_bad, 0);
        assert_int_equal(fb_actions_list(f->store, f->a, INCIDENT, &all, &n, NULL), FB_OK);
        assert_int_equal(f->world.acts,
                         (int)n); /* one act for each intent on record, no more, no less */
        f->setup.deadline_mono_ms = 0;
        fix_again(f);
        fix_contain(f);
        assert_true(fb_gate_all_done(f->run));
        assert_int_equal(fix_machine(f, "ap-south-1", "i-0c1"), FB_MACHINE_STOPPED);
        fix_teardown((void **)&f);
    }
}

/* --- facts and messages --------------------------------------------------------------------------
 */

static void the_chain_comes_root_first_in_the_shape_that_playbooks_read(void **state)
{
    struct fix *f = *state;
    struct fb_answer a = fix_ask(f, FB_VERB_CHAIN, fix_args(f, NULL));
    const struct fb_val *root = a.value->first, *leaf = root->next;

    assert_true(a.complete);
    assert_int_equal(a.value->count, 2);
    assert_string_equal(fb_val_get_str(root, "kind"), "user_key");
    assert_string_equal(fb_val_get_str(root, "key_id"), KEY_CI);
    assert_string_equal(fb_val_get_str(root, "user"), "ci");
    assert_string_equal(fb_val_get_str(root, "user_arn"), CI_ARN);
    assert_string_equal(fb_val_get_str(root, "arn"), CI_ARN);
    assert_string_equal(fb_val_get_str(leaf, "kind"), "role");
    assert_string_equal(fb_val_get_str(leaf, "arn"), DEPLOY_ARN);
    assert_string_equal(fb_val_get_str(leaf, "session"), "thief");
    assert_string_equal(fb_val_get_str(leaf, "via"), "AssumeRole");
    assert_int_equal(fb_val_get_int(leaf, "since", 0), NOON - 5 * MINUTE);
    assert_true(fb_val_get_bool(leaf, "sure", false));
}

/* A leak notice names a key and nothing else. */
static void the_owner_of_a_bare_key_is_looked_up_for_the_chain(void **state)
{
    struct fix *f = *state;
    const struct fb_val *root;

    f->hops[0].kind = FB_HOP_CREDENTIAL;
    f->hops[0].identity = KEY_CI;
    f->hops[0].user = f->hops[0].user_arn = "";
    f->incident.hop_count = 1;
    root = fix_ask(f, FB_VERB_CHAIN, fix_args(f, NULL)).value->first;
    assert_string_equal(fb_val_get_str(root, "kind"), "user_key");
    assert_string_equal(fb_val_get_str(root, "user"), "ci");
    assert_string_equal(fb_val_get_str(root, "user_arn"), CI_ARN);
}

static void compute_shows_what_the_chain_made_and_nothing_else(void **state)
{
    struct fix *f = *state;
    struct fb_answer a = fix_ask(f, FB_VERB_COMPUTE, fix_args(f, "region", "us-east-1", NULL));
    const struct fb_val *list = fb_val_get(a.value, "instances");
    const struct fb_val *by = fix_args(f, "region", "", "by", SESSION_ARN, NULL);

    assert_int_equal(list->count, 2);
    for (const struct fb_val *v = list->first; v; v = v->next) {
        assert_string_not_equal(fb_val_get_str(v, "id"), "i-0e1");
        assert_string_equal(fb_val_get_str(v, "region"), "us-east-1");
        assert_string_equal(fb_val_get_str(v, "type"), "c5.4xlarge");
        assert_string_equal(fb_val_get_str(v, "by"), CI_ARN);
        assert_string_equal(fb_val_get_str(v, "kind"), "instance");
        assert_true(fb_val_get(v, "hourly_usd")->as.num > 0);
    }
    assert_int_equal(fb_val_get(a.value, "fleets")->count, 0);
    a = fix_ask(f, FB_VERB_COMPUTE, by); /* all regions, one hop */
    assert_int_equal(fb_val_get(a.value, "instances")->count, 2);
}

static void what_was_made_before_the_incident_is_not_the_incidents(void **state)
{
    struct fix *f = *state;

    f->incident.since_ms = NOON + 1;
    fix_again(f);
    assert_int_equal(fix_contain(f), 0);
    assert_int_equal(fix_machine(f, "us-east-1", "i-0a1"), FB_MACHINE_RUNNING);
}

static void what_the_chain_made_can_be_handed_to_contain_as_it_comes(void **state)
{
    struct fix *f = *state;
    struct fb_event ev = fix_by_user("CreateUser", "ci", CI_ARN, "AIDACI00000000000001", KEY_CI);
    struct fb_answer made;

    fix_made(f, ev, "user", "backdoor", "", "", CI_ARN);
    fix_made(f, ev, "access_key", "AKIABACK000000000001", "backdoor", "", CI_ARN);
    fix_made(f, ev, "login_profile", "alice", "alice", "", CI_ARN);
    made = fix_ask(f, FB_VERB_MADE_BY, fix_args(f, NULL));
    assert_int_equal(made.value->count, 3);
    for (const struct fb_val *v = made.value->first; v; v = v->next)
        assert_int_equal(fix_ask(f, FB_VERB_CONTAIN, v).status, FB_RESULT_DONE);
    assert_false(fix_key_active(f, "backdoor", "AKIABACK000000000001"));
    assert_true(fix_key_active(f, "alice", KEY_ALICE)); /* denied, but her key is not the chain's */
    assert_true(fb_policy_denies_all(f->a, fix_look(f, FB_READ_USER, "", "alice").deny_policy));
}

static void a_message_is_kept_once_however_often_it_is_sent(void **state)
{
    struct fix *f = *state;
    const struct fb_message *m;
    size_t n;

    for (int pass = 0; pass < 3; pass++) {
        assert_true(fix_ask(f, FB_VERB_NOTIFY, fix_args(f, "title", "A", "text", "x", NULL)).ok);
        fix_ask(f, FB_VERB_NOTIFY, fix_args(f, "title", "B", "key", "A", NULL));
        fix_ask(f, FB_VERB_ESCALATE, fix_args(f, "why", "A", "about", "y", NULL));
        fix_ask(f, FB_VERB_EXPLAIN, fix_args(f, "text", "A", NULL));
        fb_gate_pass(f->run);
    }
    m = fb_gate_messages(f->run, &n);
    assert_int_equal(n, 3);
    assert_string_equal(m[0].title, "A");
    assert_int_equal(m[1].verb, FB_VERB_ESCALATE);
    assert_string_equal(m[1].text, "y");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIX_TEST(a_whole_chain_is_cut_and_its_machines_stopped_and_nobody_elses),
        FIX_TEST(an_answer_says_done_only_after_reading_back),
        FIX_TEST(asks_of_one_batch_are_one_call_of_the_world_each_way),
        FIX_TEST(the_same_ask_twice_in_a_batch_is_done_once),
        FIX_TEST(a_second_run_finds_everything_so_and_does_nothing),
        FIX_TEST(what_was_undone_since_is_done_again_and_told),
        FIX_TEST(the_state_before_the_first_act_is_kept_for_undo),
        FIX_TEST(every_intent_precedes_its_outcome_in_a_ledger_that_verifies),
        FIX_TEST(all_actions_ever_are_listed_from_the_store),
        FIX_TEST(a_machine_that_still_starts_is_stopped_in_a_later_pass),
        FIX_TEST(a_pending_action_that_nobody_asks_for_again_is_read_again),
        FIX_TEST(after_five_refusals_a_person_is_needed),
        FIX_TEST(a_throttled_action_is_tried_for_a_quarter_of_an_hour),
        FIX_TEST(two_workers_do_not_do_the_same_work),
        FIX_TEST(dry_run_plans_everything_and_does_nothing),
        FIX_TEST(a_playbooks_own_ceiling_keeps_it_from_acting),
        FIX_TEST(a_drill_is_refused),
        FIX_TEST(a_protected_user_is_not_touched_whatever_it_is_called),
        FIX_TEST(a_protected_role_is_not_touched_whatever_it_is_called),
        FIX_TEST(a_near_miss_on_the_list_protects_nobody),
        FIX_TEST(a_protected_machine_is_not_stopped),
        FIX_TEST(a_user_that_cannot_be_read_is_not_touched),
        FIX_TEST(a_user_whose_keys_cannot_be_listed_may_be_the_one_with_the_protected_key),
        FIX_TEST(without_knowing_who_we_are_nothing_is_done),
        FIX_TEST(firebreak_never_acts_on_itself),
        FIX_TEST(root_services_and_roles_that_nobody_may_change_are_refused_with_why),
        FIX_TEST(a_name_like_one_of_the_providers_own_shields_nobody),
        FIX_TEST(a_user_named_like_a_protected_machine_is_not_protected),
        FIX_TEST(other_accounts_are_not_ours_to_act_on),
        FIX_TEST(what_is_not_in_the_needs_is_refused),
        FIX_TEST(an_inferred_link_needs_a_score_that_allows_it),
        FIX_TEST(a_role_that_others_may_use_is_revoked_not_denied),
        FIX_TEST(identities_of_one_incident_are_limited_over_all_its_runs),
        FIX_TEST(decoys_that_the_chain_made_use_up_no_limit_of_configuration),
        FIX_TEST(a_key_made_on_somebodys_user_does_not_make_the_user_free),
        FIX_TEST(a_playbooks_own_limits_hold_for_machines_of_any_maker),
        FIX_TEST(actions_of_one_hour_are_limited_for_the_account),
        FIX_TEST(machines_cannot_use_up_what_identities_need),
        FIX_TEST(a_dry_run_shows_what_the_limits_would_refuse),
        FIX_TEST(what_does_not_exist_is_already_so),
        FIX_TEST(a_user_that_was_renamed_is_cut_under_its_new_name),
        FIX_TEST(a_renamed_user_is_protected_under_its_new_name_too),
        FIX_TEST(a_key_that_its_owner_deleted_is_told_from_one_that_cannot_be_read),
        FIX_TEST(asks_that_name_nothing_real_are_refused),
        FIX_TEST(a_temporary_key_of_a_user_is_answered_by_the_users_deny),
        FIX_TEST(a_revocation_covers_the_newest_known_session_and_then_rests),
        FIX_TEST(a_role_that_the_root_took_before_the_alarm_is_on_the_chain_and_revoked),
        FIX_TEST(a_fact_that_failed_for_good_is_named_and_not_asked_again),
        FIX_TEST(a_throttled_fact_is_asked_again_in_the_next_pass),
        FIX_TEST(after_the_deadline_nothing_is_started),
        cmocka_unit_test(wherever_the_time_ends_no_intent_is_left_that_was_not_acted_on),
        FIX_TEST(the_chain_comes_root_first_in_the_shape_that_playbooks_read),
        FIX_TEST(the_owner_of_a_bare_key_is_looked_up_for_the_chain),
        FIX_TEST(compute_shows_what_the_chain_made_and_nothing_else),
        FIX_TEST(what_was_made_before_the_incident_is_not_the_incidents),
        FIX_TEST(what_the_chain_made_can_be_handed_to_contain_as_it_comes),
        FIX_TEST(a_message_is_kept_once_however_often_it_is_sent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* world_model_test.c - the account that a log tells of: what was named exists, nothing else does.
 */
#include "contain/fixture.h"

static void who_acts_exists_with_its_key(void **state)
{
    struct fix *f = *state;
    struct fb_read user = fix_look(f, FB_READ_USER, "", "ci");

    assert_int_equal(user.st, FB_OK);
    assert_string_equal(user.arn, CI_ARN);
    assert_string_equal(user.id, "AIDACI00000000000001");
    assert_int_equal(user.key_count, 2);
    assert_true(user.keys_known);
    assert_string_equal(fix_look(f, FB_READ_KEY_OWNER, "", KEY_CI).out_name, "ci");
    assert_int_equal(fix_look(f, FB_READ_USER, "", "nobody").st, FB_ENOTFOUND);
    assert_string_equal(fix_look(f, FB_READ_ROLE, "", "deploy").arn, DEPLOY_ARN);
    assert_string_equal(fix_look(f, FB_READ_ROLE, "", "deploy").id, "AROADEPLOY0000000001");
}

static void the_accounts_of_one_log_are_apart(void **state)
{
    struct fix *f = *state;
    struct fb_world other = fb_world_model(f->model, "999988887777");
    struct fb_read r = {.kind = FB_READ_USER, .region = "", .name = "ci"};

    other.read(other.self, f->a, &r, 1, 0);
    assert_int_equal(r.st, FB_ENOTFOUND);
}

static void a_machine_runs_until_an_event_stops_it(void **state)
{
    struct fix *f = *state;
    struct fb_event stop = fix_by_session("TerminateInstances");

    assert_int_equal(fix_look(f, FB_READ_MACHINES, "us-east-1", "").machine_count, 3);
    stop.target_id = "i-0a1";
    stop.outcome = FB_OUTCOME_DENIED;
    fix_happens(f, &stop, NULL);
    assert_int_equal(fix_machine(f, "us-east-1", "i-0a1"), FB_MACHINE_RUNNING);
    stop.outcome = FB_OUTCOME_OK;
    fix_happens(f, &stop, NULL);
    assert_int_equal(fix_machine(f, "us-east-1", "i-0a1"), FB_MACHINE_TERMINATED);
    assert_int_equal(fix_look(f, FB_READ_MACHINES, "us-east-1", "").machine_count, 2);
}

static void events_told_twice_change_nothing(void **state)
{
    struct fix *f = *state;

    f->recorded = true;
    fix_people(f);
    assert_int_equal(fix_look(f, FB_READ_MACHINES, "us-east-1", "").machine_count, 3);
    assert_int_equal(fix_look(f, FB_READ_USER, "", "ci").key_count, 2);
    assert_int_equal(fix_look(f, FB_READ_REGIONS, "", "").name_count, 3);
}

/* A leak notice names a key; who owns it may come later, or never. */
static void a_key_without_an_owner_gets_one_when_an_event_tells(void **state)
{
    struct fix *f = *state;
    struct fb_event notice = fix_event("AWS_RISK_CREDENTIALS_EXPOSED"), act;

    notice.kind = FB_EV_LEAK_NOTICE;
    notice.who.kind = FB_WHO_CREDENTIAL;
    notice.who.credential = "AKIALEAKED0000000001";
    fix_happens(f, &notice, NULL);
    assert_int_equal(fix_look(f, FB_READ_KEY_OWNER, "", "AKIALEAKED0000000001").st, FB_OK);
    act = fix_by_user("ListUsers", "bob", "arn:aws:iam::" ACCOUNT ":user/bob", "AIDABOB00000000001",
                      "AKIALEAKED0000000001");
    fix_happens(f, &act, NULL);
    assert_string_equal(fix_look(f, FB_READ_KEY_OWNER, "", "AKIALEAKED0000000001").out_name, "bob");
    assert_true(fix_key_active(f, "bob", "AKIALEAKED0000000001"));
}

static void many_things_are_found_again(void **state)
{
    struct fix *f = *state;

    for (int i = 0; i < 5000; i++) {
        struct fb_event ev = fix_by_session("RunInstances");

        fix_made(f, ev, "instance", fb_arena_fmt(f->a, "i-0x%d", i), "", "eu-north-1", NULL);
    }
    assert_int_equal(fix_look(f, FB_READ_MACHINES, "eu-north-1", "").machine_count, 5000);
    for (int i = 0; i < 5000; i += 97)
        assert_int_equal(fix_machine(f, "eu-north-1", fb_arena_fmt(f->a, "i-0x%d", i)),
                         FB_MACHINE_RUNNING);
    assert_int_equal(fix_machine(f, "eu-north-1", "i-0x5000"), FB_MACHINE_GONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIX_TEST(who_acts_exists_with_its_key),
        FIX_TEST(the_accounts_of_one_log_are_apart),
        FIX_TEST(a_machine_runs_until_an_event_stops_it),
        FIX_TEST(events_told_twice_change_nothing),
        FIX_TEST(a_key_without_an_owner_gets_one_when_an_event_tells),
        FIX_TEST(many_things_are_found_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

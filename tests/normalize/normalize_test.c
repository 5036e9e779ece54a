/* normalize_test.c - every object gives an event, whoever sent it, and the words for traits. */
#include "normalize/norm_test.h"

static void an_object_that_we_do_not_know_is_an_unknown_event(void **state)
{
    static const char *const objects[] = {
        "{}",
        "{'hello':'world'}",
        "{'protoPayload':{'hello':'world'}}",
        "{'protoPayload':'methodName'}",
        "{'Records':[{'eventSource':'aws:sqs','body':'{}'}]}",
        "{'eventName':'x'}",
        "{'type':'a','severity':3}",
    };

    for (size_t i = 0; i < sizeof objects / sizeof objects[0]; i++) {
        struct fb_event ev = read_text(*state, objects[i]);

        assert_int_equal(ev.kind, FB_EV_UNKNOWN);
        assert_string_equal(ev.action, "unknown");
        assert_int_equal(ev.provider, FB_PROVIDER_NONE);
        assert_int_equal(ev.traits, 0);
        assert_int_equal(ev.time_ms, DELIVERED);
        assert_true(ev.time_guessed);
        assert_true(fb_starts(ev.id, "sha256:"));
    }
}

static void an_object_that_we_do_not_know_keeps_the_id_it_says(void **state)
{
    assert_string_equal(read_text(*state, "{'eventID':'e-1','eventName':'x'}").id, "e-1");
    assert_string_equal(read_text(*state, "{'insertId':'i-1','protoPayload':{}}").id, "i-1");
    assert_true(fb_starts(read_text(*state, "{'eventID':7}").id, "sha256:"));
}

static void an_unknown_object_that_aws_carried_is_aws(void **state)
{
    struct fb_record r = record_of(*state, "{\"state\":\"running\"}");
    struct fb_event ev;

    r.envelope = (struct fb_envelope){.present = true,
                                      .id = "env-4",
                                      .source = "aws.ec2",
                                      .detail_type = "EC2 Instance State-change Notification",
                                      .account = ACCOUNT,
                                      .region = "us-east-1",
                                      .time_ms = 1767000000000};
    ev = read_record(*state, &r);
    assert_int_equal(ev.kind, FB_EV_UNKNOWN);
    assert_int_equal(ev.provider, FB_AWS);
    assert_string_equal(ev.id, "env-4");
    assert_string_equal(ev.account, ACCOUNT);
    assert_int_equal(ev.time_ms, 1767000000000);
}

static void two_different_records_without_an_id_get_different_ids(void **state)
{
    struct fb_event one = read_text(*state, "{'a':1}"), two = read_text(*state, "{'a':2}");

    assert_string_not_equal(one.id, two.id);
}

static void what_had_to_be_tamed_stays_marked(void **state)
{
    struct fb_record r = record_of(*state, "{}");

    r.odd = FB_ODD_DUPLICATE_KEY | FB_ODD_NUL;
    assert_int_equal(read_record(*state, &r).odd, FB_ODD_DUPLICATE_KEY | FB_ODD_NUL);
}

static void an_arena_that_is_full_is_a_limit_and_no_crash(void **state)
{
    const char *text = call_text(
        *state, &(struct call){"ec2", "RunInstances", DEPLOYER,
                               "{'iamInstanceProfile':{'name':'x'},'instancesSet':{'items':[{"
                               "'maxCount':3}]}}",
                               "{'instancesSet':{'items':[{'instanceId':'i-1'},{'instanceId':'i-2'}"
                               "]}}",
                               NULL});
    struct fb_record r = record_of(*state, text);
    bool limited = false, whole = false;

    for (size_t bytes = 16; bytes <= 16384 && !whole; bytes *= 2) {
        struct fb_arena *small = fb_arena_new(bytes);
        struct fb_event ev;
        struct fb_err err = {0};
        enum fb_status st;

        assert_non_null(small);
        st = fb_normalize(small, &r, DELIVERED, &ev, &err);
        if (st == FB_OK) {
            assert_int_equal(ev.launch.count, 2);
            whole = true;
        } else {
            assert_int_equal(st, FB_ELIMIT);
            assert_string_not_equal(err.text, "");
            limited = true;
        }
        fb_arena_free(small);
    }
    assert_true(limited);
    assert_true(whole);
}

static void every_trait_has_its_own_word_in_lower_case_with_dashes(void **state)
{
    (void)state;
    for (unsigned i = 0; i < FB_T_COUNT; i++) {
        const char *name = fb_trait_name((enum fb_trait)i);

        assert_string_not_equal(name, "unknown");
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz-"), strlen(name));
        for (unsigned k = 0; k < i; k++)
            assert_string_not_equal(name, fb_trait_name((enum fb_trait)k));
    }
    assert_string_equal(fb_trait_name(FB_T_COUNT), "unknown");
    assert_true(FB_T_COUNT <= 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(an_object_that_we_do_not_know_is_an_unknown_event),
        FB_TEST(an_object_that_we_do_not_know_keeps_the_id_it_says),
        FB_TEST(an_unknown_object_that_aws_carried_is_aws),
        FB_TEST(two_different_records_without_an_id_get_different_ids),
        FB_TEST(what_had_to_be_tamed_stays_marked),
        FB_TEST(an_arena_that_is_full_is_a_limit_and_no_crash),
        FB_TEST(every_trait_has_its_own_word_in_lower_case_with_dashes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

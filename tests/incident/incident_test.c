/* incident_test.c - the incident as a fold of events and passes. */
#include "base/buf.h"
#include "incident/incident.h"
#include "support/fb_test.h"

static const struct fb_signal BURST = {
    .id = "launch-burst", .group = 'S', .kind = "mass_launch", .words = ""};

static struct fb_event event(const char *id, int64_t at_ms)
{
    return (struct fb_event){.id = id,
                             .time_ms = at_ms,
                             .provider = FB_AWS,
                             .kind = FB_EV_CALL,
                             .account = "111122223333",
                             .region = "us-east-1",
                             .service = "ec2",
                             .action = "RunInstances",
                             .error = "",
                             .mint = {.credential = ""}};
}

static struct fb_hop hop(const char *identity)
{
    return (struct fb_hop){.kind = FB_HOP_ROLE,
                           .identity = identity,
                           .account = "111122223333",
                           .credential = "ASIAX",
                           .user = "",
                           .user_arn = "",
                           .role_arn = "",
                           .session = "",
                           .via = "",
                           .sure = true};
}

static struct fb_verdict verdict(double score, enum fb_level level, bool fired)
{
    struct fb_verdict v = {
        .score = score, .level = level, .count = 1, .kinds = {"mass_launch"}, .kind_count = 1};

    v.terms[0] =
        (struct fb_term){.signal = &BURST, .value = score / 20, .fired = fired, .why = "many"};
    return v;
}

static struct fb_incident opened(struct fb_arena *a, enum fb_level level, bool enforce)
{
    struct fb_incident inc;
    struct fb_event ev = event("e1", 1000);
    struct fb_chain chain = {.hops = {hop("session"), hop("root")}, .count = 2};
    struct fb_verdict v = verdict(85, level, true);

    fb_incident_open(a, &inc, &ev, &chain, 5000);
    (void)fb_incident_fold(&inc, &ev, &chain, &v, enforce);
    return inc;
}

static void pass(struct fb_arena *a, struct fb_incident *inc, enum fb_outcome_kind outcome,
                 bool quiet, size_t open, int64_t now_ms)
{
    struct fb_pass p = {.outcome = outcome,
                        .why = "",
                        .ran = true,
                        .quiet = quiet,
                        .enforce = true,
                        .open = open,
                        .now_ms = now_ms};

    fb_incident_pass(a, inc, &p);
}

static void the_root_stands_first_and_no_hop_twice(void **state)
{
    struct fb_incident inc = opened(*state, FB_CONTAIN, true);
    struct fb_hop again = hop("session"), late = hop("other session");

    fb_incident_add_hop(&inc, &again);
    fb_incident_add_hop(&inc, &late);
    assert_int_equal(inc.hop_count, 3);
    assert_string_equal(inc.hops[0].identity, "root");
    assert_string_equal(inc.root, "root");
}

static void contained_is_said_after_two_quiet_passes_that_lie_apart(void **state)
{
    struct fb_incident inc = opened(*state, FB_CONTAIN, true);

    assert_int_equal(inc.state, FB_INC_OPEN);
    pass(*state, &inc, FB_RUN_CONTAINED, false, 0, 10000); /* it acted */
    assert_int_equal(inc.state, FB_INC_OPEN);
    pass(*state, &inc, FB_RUN_CONTAINED, true, 0, 10001);
    assert_int_equal(inc.state, FB_INC_SETTLING);
    pass(*state, &inc, FB_RUN_CONTAINED, true, 0, 10001 + FB_SETTLE_MS - 1); /* too soon to count */
    assert_int_equal(inc.state, FB_INC_SETTLING);
    assert_false(fb_incident_due(&inc, 10001 + FB_SETTLE_MS - 1));
    assert_true(fb_incident_due(&inc, 10001 + FB_SETTLE_MS));
    pass(*state, &inc, FB_RUN_CONTAINED, true, 0, 10001 + FB_SETTLE_MS);
    assert_int_equal(inc.state, FB_INC_CONTAINED);
}

/* A denial that somebody lifts without our hearing of it, an event that comes an hour late. */
static void
what_is_contained_is_looked_at_again_after_one_five_fifteen_and_sixty_minutes(void **state)
{
    static const int64_t AFTER[] = {1, 5, 15, 60};
    struct fb_incident inc = opened(*state, FB_CONTAIN, true);
    int64_t now = 10000;

    pass(*state, &inc, FB_RUN_CONTAINED, true, 0, now);
    now += FB_SETTLE_MS;
    pass(*state, &inc, FB_RUN_CONTAINED, true, 0, now);
    for (size_t i = 0; i < sizeof AFTER / sizeof *AFTER; i++) {
        assert_int_equal(inc.state, FB_INC_CONTAINED);
        assert_false(fb_incident_due(&inc, now + AFTER[i] * 60000 - 1));
        now += AFTER[i] * 60000;
        assert_true(fb_incident_due(&inc, now));
        pass(*state, &inc, FB_RUN_CONTAINED, true, 0, now);
    }
    assert_false(fb_incident_due(&inc, now + 23 * 3600000));
    pass(*state, &inc, FB_RUN_CONTAINED, false, 0, now); /* drift: all over again */
    assert_int_equal(inc.state, FB_INC_OPEN);
}

static void a_closed_incident_is_due_while_something_of_it_is_open(void **state)
{
    struct fb_incident old = opened(*state, FB_CONTAIN, true);
    struct fb_incident root = opened(*state, FB_CONTAIN, true);

    fb_incident_join(*state, &root, &old, 0);
    assert_int_equal(old.state, FB_INC_CLOSED);
    assert_true(fb_incident_due(&old, 10000));
    old.actions_open = 0;
    assert_false(fb_incident_due(&old, 10000));
}

static void a_pass_that_had_to_act_again_starts_the_count_anew(void **state)
{
    struct fb_incident inc = opened(*state, FB_CONTAIN, true);

    pass(*state, &inc, FB_RUN_CONTAINED, true, 0, 1);
    pass(*state, &inc, FB_RUN_CONTAINED, false, 0, 20000);
    pass(*state, &inc, FB_RUN_CONTAINED, true, 0, 40000);
    assert_int_equal(inc.state, FB_INC_SETTLING);
}

static void nobody_is_told_contained_while_an_action_is_pending(void **state)
{
    struct fb_incident inc = opened(*state, FB_CONTAIN, true);

    pass(*state, &inc, FB_RUN_CONTAINED, true, 1, 1);
    assert_int_equal(inc.state, FB_INC_OPEN);
    pass(*state, &inc, FB_RUN_CONTAINED, true, 1, 100000);
    assert_int_equal(inc.state, FB_INC_OPEN);
    pass(*state, &inc, FB_RUN_RETRY, false, 0, 200000);
    assert_int_equal(inc.state, FB_INC_OPEN);
    assert_true(fb_incident_due(&inc, 200000));
}

static void new_evidence_reopens_and_old_news_does_not(void **state)
{
    struct fb_incident inc = opened(*state, FB_CONTAIN, true);
    struct fb_event ev = event("e2", 2000), read = event("e3", 2100);
    struct fb_chain chain = {.hops = {hop("session"), hop("root")}, .count = 2};
    struct fb_verdict fired = verdict(86, FB_CONTAIN, true), still = verdict(86, FB_OBSERVE, false);

    pass(*state, &inc, FB_RUN_CONTAINED, true, 0, 1);
    pass(*state, &inc, FB_RUN_CONTAINED, true, 0, 100000);
    assert_int_equal(inc.state, FB_INC_CONTAINED);
    read.traits = fb_trait_bit(FB_T_READ);
    assert_false(fb_incident_fold(&inc, &read, &chain, &still, true));
    read.traits = 0;
    read.outcome = FB_OUTCOME_DENIED;
    assert_false(fb_incident_fold(&inc, &read, &chain, &still, true));
    assert_int_equal(inc.state, FB_INC_CONTAINED);
    assert_true(fb_incident_fold(&inc, &ev, &chain, &still, true)); /* a deed, though no news */
    assert_int_equal(inc.state, FB_INC_OPEN);
    pass(*state, &inc, FB_RUN_CONTAINED, true, 0, 200000);
    pass(*state, &inc, FB_RUN_CONTAINED, true, 0, 300000);
    assert_true(fb_incident_fold(&inc, &ev, &chain, &fired, true));
    assert_int_equal(inc.state, FB_INC_OPEN);
    assert_int_equal(inc.quiet, 0);
}

/* I15 */
static void an_incident_of_dry_run_acts_only_on_new_evidence(void **state)
{
    struct fb_incident inc = opened(*state, FB_CONTAIN, false);
    struct fb_event ev = event("e2", 2000);
    struct fb_chain chain = {.hops = {hop("session"), hop("root")}, .count = 2};
    struct fb_verdict still = verdict(86, FB_OBSERVE, false), fired = verdict(86, FB_CONTAIN, true);

    assert_false(inc.enforce);
    (void)fb_incident_fold(&inc, &ev, &chain, &still, true);
    assert_false(inc.enforce);
    (void)fb_incident_fold(&inc, &ev, &chain, &fired, true);
    assert_true(inc.enforce);
}

static void the_record_survives_the_way_to_the_store_and_back(void **state)
{
    struct fb_incident inc = opened(*state, FB_CONTAIN, true), back;
    struct fb_buf once, twice;

    fb_incident_note(*state, &inc, "notify", "k", "text \x1b \"quoted\"", 7);
    fb_incident_note(*state, &inc, "notify", "k", "said once", 8);
    assert_int_equal(inc.note_count, 1);
    pass(*state, &inc, FB_RUN_NEEDS_PERSON, true, 2, 9);
    fb_buf_init_in(&once, *state, 1u << 20);
    fb_buf_init_in(&twice, *state, 1u << 20);
    fb_incident_write(&once, &inc);
    assert_int_equal(fb_incident_read(*state, once.at, once.len, &back, NULL), FB_OK);
    fb_incident_write(&twice, &back);
    assert_string_equal(once.at, twice.at);
    assert_int_equal(back.state, FB_INC_NEEDS_PERSON);
    assert_int_equal(fb_incident_read(*state, "{}", 2, &back, NULL), FB_EINPUT);
    assert_int_equal(fb_incident_read(*state, "{", 1, &back, NULL), FB_EINPUT);
}

static void a_flood_of_sessions_stays_within_the_record(void **state)
{
    struct fb_incident inc = opened(*state, FB_CONTAIN, true);
    struct fb_buf b;
    char name[64];

    for (int i = 0; i < 500; i++) {
        struct fb_hop h;

        (void)snprintf(name, sizeof name, "session %d", i);
        h = hop(fb_arena_str(*state, name));
        fb_incident_add_hop(&inc, &h);
        fb_incident_note(*state, &inc, "gap", name, name, i);
    }
    assert_int_equal(inc.hop_count, FB_INCIDENT_HOPS_MAX);
    assert_string_equal(inc.hops[0].identity, "root");
    fb_buf_init_in(&b, *state, FB_VALUE_BYTES_MAX);
    fb_incident_write(&b, &inc);
    assert_true(fb_buf_ok(&b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(the_root_stands_first_and_no_hop_twice),
        FB_TEST(contained_is_said_after_two_quiet_passes_that_lie_apart),
        FB_TEST(what_is_contained_is_looked_at_again_after_one_five_fifteen_and_sixty_minutes),
        FB_TEST(a_closed_incident_is_due_while_something_of_it_is_open),
        FB_TEST(a_pass_that_had_to_act_again_starts_the_count_anew),
        FB_TEST(nobody_is_told_contained_while_an_action_is_pending),
        FB_TEST(new_evidence_reopens_and_old_news_does_not),
        FB_TEST(an_incident_of_dry_run_acts_only_on_new_evidence),
        FB_TEST(the_record_survives_the_way_to_the_store_and_back),
        FB_TEST(a_flood_of_sessions_stays_within_the_record),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

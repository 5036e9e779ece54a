/* life_test.c - how an incident lives: opened, worked, settled, contained, over; and that its
 * beginning never reaches back into an older story. */
#include "pipeline/play.h"

#define USER "arn:aws:iam::" ACCOUNT ":user/ci"
#define KEY  "AKIAEXAMPLEEXAMPLE01"

static const char *const REGIONS_6[] = {"us-east-1", "us-west-2",      "eu-west-1",
                                        "sa-east-1", "ap-southeast-1", "eu-north-1"};

static void rampage(struct play *p, const char *prefix)
{
    for (int n = 0; n < 6; n++) {
        const char *id = fb_arena_fmt(p->keep, "%s%d", prefix, n);

        play(p, launch(p->keep, id, p->now_ms, who_user(p->keep, "ci", KEY), REGIONS_6[n], 4));
        p->now_ms += 5000;
    }
}

static struct fb_incident incident(struct play *p)
{
    struct fb_incident inc;

    assert_true(play_incident(p, USER, &inc));
    return inc;
}

static bool acted_on(struct play *p, const char *target)
{
    const struct fb_action *actions;
    size_t n;
    struct fb_incident inc = incident(p);

    assert_int_equal(fb_actions_list(p->real, p->keep, inc.id, &actions, &n, NULL), FB_OK);
    for (size_t i = 0; i < n; i++) {
        if (strstr(actions[i].target, target))
            return true;
    }
    return false;
}

/* An alert in spring is not the beginning of a theft in autumn. */
static void an_old_alert_makes_nothing_that_was_started_since_the_thiefs(void **state)
{
    struct play p;
    struct fb_incident inc;

    (void)state;
    play_open(&p, "memory:", true);
    play(&p, record(p.keep, "a1", p.now_ms, who_user(p.keep, "ci", KEY), "iam", "CreateAccessKey",
                    "us-east-1", "{\"userName\":\"bob\"}",
                    "{\"accessKey\":{\"accessKeyId\":\"AKIABOB\",\"userName\":\"bob\"}}"));
    assert_int_equal(incident(&p).state, FB_INC_WATCHING);
    p.now_ms += 30 * DAY;
    play(&p, launch(p.keep, "honest", p.now_ms, who_user(p.keep, "ci", KEY), "us-east-1", 1));
    p.now_ms += 60 * DAY;
    play(&p, notice(p.keep, "n", p.now_ms, KEY, "ci"));
    inc = incident(&p);
    assert_int_equal(inc.level, FB_CONTAIN);
    assert_true(inc.first_ms >= p.now_ms - HOUR);
    assert_true(acted_on(&p, KEY));
    assert_false(acted_on(&p, "i-honest"));
    play_shut(&p);
}

static void a_second_a_write(struct play *p, const struct fb_put *puts, size_t n)
{
    (void)puts, (void)n;
    p->now_ms += 1000;
}

/* What a pass changed has had no time to show when the next one of the same invocation is quiet. */
static void quiet_is_counted_from_the_quiet_pass_and_not_from_the_invocation(void **state)
{
    struct play p;
    int64_t begun;

    (void)state;
    play_open(&p, "memory:", true);
    p.before_commit = a_second_a_write;
    begun = p.now_ms;
    rampage(&p, "l");
    assert_int_equal(incident(&p).state, FB_INC_SETTLING);
    assert_in_range(incident(&p).quiet_ms, begun + 3000, p.now_ms); /* intents, outcomes, ... */
    play_shut(&p);
}

static void a_contained_incident_is_over_after_a_day_without_evidence(void **state)
{
    struct play p;
    struct fb_tick tick;
    struct fb_incident first, inc;

    (void)state;
    play_open(&p, "memory:", true);
    rampage(&p, "l");
    first = incident(&p);
    assert_int_equal(first.level, FB_CONTAIN);
    for (int i = 0; i < 8; i++) {
        p.now_ms += MINUTE;
        play_tick(&p, &tick);
    }
    assert_int_equal(incident(&p).state, FB_INC_CONTAINED);
    p.now_ms += HOUR; /* within a day: the same incident goes on */
    rampage(&p, "m");
    inc = incident(&p);
    assert_string_equal(inc.id, first.id);
    for (int i = 0; i < 8; i++) {
        p.now_ms += MINUTE;
        play_tick(&p, &tick);
    }
    assert_int_equal(incident(&p).state, FB_INC_CONTAINED);
    for (int i = 0; i < 90; i++) { /* others of its roles go on: no evidence, no deed that alarms */
        p.now_ms += HOUR;
        play(&p,
             record(p.keep, fb_arena_fmt(p.keep, "r%d", i), p.now_ms, who_user(p.keep, "ci", KEY),
                    "s3", "PutBucketTagging", "us-east-1", "{}", "null"));
        play_tick(&p, &tick);
        p.now_ms += MINUTE;
        play_tick(&p, &tick);
    }
    assert_int_equal(incident(&p).state, FB_INC_CLOSED);
    play(&p, notice(p.keep, "n", p.now_ms, KEY, "ci"));
    inc = incident(&p);
    assert_string_not_equal(inc.id, first.id);
    assert_true(inc.first_ms >= p.now_ms - HOUR);
    play_shut(&p);
}

/* The root user cannot be contained: a person is asked, and nobody is kept busy for ever. */
static void what_needs_a_person_is_worked_until_it_is_quiet_and_no_longer(void **state)
{
    const char *root = "{\"type\":\"Root\",\"principalId\":\"" ACCOUNT "\",\"arn\":"
                       "\"arn:aws:iam::" ACCOUNT ":root\",\"accountId\":\"" ACCOUNT "\"}";

    (void)state;
    for (int enforce = 0; enforce < 2; enforce++) {
        struct play p;
        struct fb_tick tick = {0};
        struct fb_incident inc;
        size_t worked = 0;

        play_open(&p, "memory:", enforce);
        for (int n = 0; n < 6; n++) {
            play(&p,
                 launch(p.keep, fb_arena_fmt(p.keep, "l%d", n), p.now_ms, root, REGIONS_6[n], 4));
            p.now_ms += 5000;
        }
        assert_true(play_incident(&p, "arn:aws:iam::" ACCOUNT ":root", &inc));
        assert_int_equal(inc.level, FB_CONTAIN);
        assert_int_equal(inc.state, FB_INC_NEEDS_PERSON);
        for (size_t i = 0; i < inc.plan_count; i++)
            assert_string_not_equal(inc.plan[i].verb, "aws.quarantine");
        for (int i = 0; i < 60; i++) {
            p.now_ms += MINUTE;
            play_tick(&p, &tick);
            worked += tick.worked;
        }
        assert_true(worked >= 1 && worked <= 5);
        assert_int_equal(tick.needs_person, 1); /* and it is still told */
        play_shut(&p);
    }
}

static void a_time_that_has_not_come_or_is_no_logs_blinds_nobody(void **state)
{
    static const int64_t odd[] = {INT64_C(7230000000000) /* 2199 */, INT64_C(86400000) /* 1970 */,
                                  T0 + 2 * HOUR};

    (void)state;
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        struct play p;
        struct fb_incident inc;

        play_open(&p, "memory:", false);
        play(&p, record(p.keep, "odd", odd[i], who_user(p.keep, "ci", KEY), "s3", "ListBuckets",
                        "us-east-1", "{}", "null"));
        assert_true(p.out.ev.time_guessed);
        assert_int_equal(p.out.ev.time_ms, T0);
        rampage(&p, "l");
        assert_true(play_incident(&p, USER, &inc));
        assert_int_equal(inc.level, FB_CONTAIN);
        play_shut(&p);
    }
}

static void an_incident_that_cannot_be_read_blinds_nobody(void **state)
{
    struct play p;
    struct fb_put put;

    (void)state;
    play_open(&p, "memory:", false);
    put = (struct fb_put){.key = fb_incident_key(p.keep, USER), .value = "{\"v\":9}", .len = 7};
    assert_int_equal(fb_store_commit(p.real, &put, 1, false, NULL), FB_OK);
    rampage(&p, "l");
    assert_int_equal(incident(&p).level, FB_CONTAIN);
    play_shut(&p);
}

/* Whoever is worked last time stands behind those who waited: 300 that never end starve nobody. */
static void no_incident_waits_for_ever_behind_others(void **state)
{
    struct play p;
    struct fb_tick tick;
    size_t worked = 0;

    (void)state;
    play_open(&p, "memory:", true);
    for (int i = 0; i < 300; i++) {
        struct fb_incident inc = {0};
        struct fb_event ev = {.id = "e",
                              .time_ms = T0,
                              .provider = FB_AWS,
                              .account = ACCOUNT,
                              .region = "us-east-1"};
        struct fb_chain chain = {.count = 1};
        struct fb_buf b;
        struct fb_put put;

        chain.hops[0] =
            (struct fb_hop){FB_HOP_ROLE, "", ACCOUNT, "", "", "", "", "", "", 0, true, ""};
        chain.hops[0].identity = fb_arena_fmt(p.keep, "root-%03d", i);
        fb_incident_open(p.keep, &inc, &ev, &chain, T0);
        inc.level = FB_CONTAIN;
        inc.state = FB_INC_OPEN;
        fb_buf_init_in(&b, p.keep, FB_VALUE_BYTES_MAX);
        fb_incident_write(&b, &inc);
        put =
            (struct fb_put){.key = fb_incident_key(p.keep, inc.root), .value = b.at, .len = b.len};
        assert_int_equal(fb_store_commit(p.real, &put, 1, false, NULL), FB_OK);
    }
    for (int i = 0; i < 2; i++) {
        p.now_ms += MINUTE;
        play_tick(&p, &tick);
        worked += tick.worked;
        assert_int_equal(tick.seen, 300);
    }
    for (int i = 0; i < 300; i++) {
        struct fb_incident inc;

        assert_true(play_incident(&p, fb_arena_fmt(p.keep, "root-%03d", i), &inc));
        assert_true(inc.passes > 0);
    }
    assert_true(worked >= 300);
    play_shut(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_old_alert_makes_nothing_that_was_started_since_the_thiefs),
        cmocka_unit_test(quiet_is_counted_from_the_quiet_pass_and_not_from_the_invocation),
        cmocka_unit_test(a_contained_incident_is_over_after_a_day_without_evidence),
        cmocka_unit_test(what_needs_a_person_is_worked_until_it_is_quiet_and_no_longer),
        cmocka_unit_test(a_time_that_has_not_come_or_is_no_logs_blinds_nobody),
        cmocka_unit_test(an_incident_that_cannot_be_read_blinds_nobody),
        cmocka_unit_test(no_incident_waits_for_ever_behind_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

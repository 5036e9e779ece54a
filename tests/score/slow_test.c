/* slow_test.c - the patient thief, who stays below every window of an hour for days; and those who
 * are only busy, or grow. */
#include "support/fb_test.h"

#include <math.h>

#include "score/story.h"

enum { NIGHTS = 10 };

static const char *const HOME_IP = "198.51.100.7";
static const char *const THIEF_IP = "203.0.113.99";

struct night {
    double score;
    enum fb_level level;
};

/* One launch a night: `ip` and `agent` say who it looks like. */
static void steal_by_night(struct story *s, const char *type, int64_t count, bool new_regions,
                           const char *ip, const char *agent, struct night nights[NIGHTS])
{
    for (int d = 0; d < NIGHTS; d++) {
        struct fb_event ev = story_launch(s, T0_MS + d * DAY_MS + 20 * MINUTE_MS,
                                          story_regions()[new_regions ? d + 1 : 0], type, count);

        ev.ip = ip;
        ev.agent = agent;
        story_play(s, &ev);
        nights[d] = (struct night){s->verdict.score, s->verdict.level};
    }
}

static int first_night(const struct night nights[NIGHTS], enum fb_level level)
{
    for (int d = 0; d < NIGHTS; d++) {
        if (nights[d].level >= level)
            return d + 1;
    }
    return NIGHTS + 1;
}

static void print(const struct night nights[NIGHTS])
{
    for (int d = 0; d < NIGHTS; d++)
        print_message("night %d: %.1f %s\n", d + 1, nights[d].score,
                      fb_level_name(nights[d].level));
}

/* 2 x c5.2xlarge are 16 vCPU: no burst, no size, under a dollar. */
static void a_new_region_each_night_alerts_by_the_fourth_and_contains_by_the_tenth(void **state)
{
    struct story s;
    struct night nights[NIGHTS];

    story_begin(&s, *state);
    story_quiet(&s, 90, HOME_IP, "Boto3/1.26");
    steal_by_night(&s, "c5.2xlarge", 2, true, THIEF_IP, "aws-sdk-go/1.44", nights);
    print(nights);
    assert_true(first_night(nights, FB_ALERT) <= 4);
    assert_true(first_night(nights, FB_CONTAIN) <= NIGHTS);
    /* coming back every night made nothing of it known */
    assert_true(story_value(&s.verdict, "new-ip-prefix") > 0.7);
    assert_true(story_value(&s.verdict, "principal-new-region") > 1.1);
}

/* 2 x c5a.24xlarge, 192 vCPU: a burst on the first night, and after three of them usual? */
static void big_machines_each_night_do_not_become_usual(void **state)
{
    struct story s;
    struct night nights[NIGHTS];

    story_begin(&s, *state);
    story_quiet(&s, 90, HOME_IP, "Boto3/1.26");
    steal_by_night(&s, "c5a.24xlarge", 2, false, THIEF_IP, "aws-sdk-go/1.44", nights);
    print(nights);
    assert_true(first_night(nights, FB_ALERT) <= 2);
    assert_true(first_night(nights, FB_CONTAIN) <= 5);
    assert_int_equal(nights[NIGHTS - 1].level, FB_CONTAIN);
    assert_true(story_value(&s.verdict, "slow-volume") > 2.9);
    assert_true(story_value(&s.verdict, "slow-spend") > 0.9);
}

/* From its own network, with its own tool: one group, so a person is told and nothing is cut. */
static void a_thief_inside_is_told_and_not_cut(void **state)
{
    struct story s;
    struct night nights[NIGHTS];

    story_begin(&s, *state);
    story_quiet(&s, 90, HOME_IP, "Boto3/1.26");
    steal_by_night(&s, "c5a.24xlarge", 2, false, HOME_IP, "Boto3/1.26", nights);
    print(nights);
    assert_true(first_night(nights, FB_ALERT) <= NIGHTS);
    assert_int_equal(first_night(nights, FB_CONTAIN), NIGHTS + 1);
}

/* `launches` of 8 vCPU each, over eight hours of the day; the last is scored. */
static void work_day(struct story *s, int day, int launches, bool play)
{
    for (int i = 0; i < launches; i++) {
        struct fb_event ev = story_launch(
            s, T0_MS + day * DAY_MS + 8 * HOUR_MS + (int64_t)i * 8 * HOUR_MS / launches,
            "us-east-1", "m5.2xlarge", 1);

        ev.ip = HOME_IP;
        ev.agent = "Boto3/1.26";
        if (play && i == launches - 1)
            story_play(s, &ev);
        else
            story_learn(s, &ev);
    }
}

/* 20 launches a day, a tenth more each week: after ten weeks 47. */
static void a_team_that_grows_by_a_tenth_each_week_is_quiet(void **state)
{
    struct story s;
    double most = 0;

    story_begin(&s, *state);
    for (int day = 0; day < 70; day++) {
        work_day(&s, day, (int)lround(20 * pow(1.1, day / 7.0)), day >= 30);
        if (day < 30)
            continue;
        most = s.verdict.score > most ? s.verdict.score : most;
        assert_null(story_term(&s.verdict, "slow-volume"));
        assert_null(story_term(&s.verdict, "slow-spend"));
    }
    print_message("the most that it scored: %.1f\n", most);
    assert_true(most < 10);
}

/* The same work four times over from one day to the next, and for good: told for a while, until the
 * weeks before know it too. */
static void work_that_jumps_is_told_until_it_is_what_was_before(void **state)
{
    struct story s;
    bool told = false;

    story_begin(&s, *state);
    for (int day = 0; day < 40; day++)
        work_day(&s, day, 20, false);
    for (int day = 40; day < 80; day++) {
        work_day(&s, day, 120, true);
        told = told || story_term(&s.verdict, "slow-volume");
    }
    assert_true(told);
    assert_null(story_term(&s.verdict, "slow-volume"));
}

static void one_large_day_is_no_slow_theft(void **state)
{
    struct story s;

    story_begin(&s, *state);
    story_quiet(&s, 90, HOME_IP, "Boto3/1.26");
    for (int i = 0; i < 20; i++) {
        struct fb_event ev =
            story_launch(&s, T0_MS + i * MINUTE_MS, "us-east-1", "c5a.24xlarge", 2);

        story_play(&s, &ev);
    }
    assert_null(story_term(&s.verdict, "slow-volume"));
    assert_null(story_term(&s.verdict, "slow-spend"));
}

/* While nothing is known of the weeks before, they cannot be compared with. */
static void a_store_of_two_weeks_knows_no_weeks_before(void **state)
{
    struct story s;

    story_begin(&s, *state);
    for (int day = 0; day < 14; day++)
        work_day(&s, day, 60, day == 13);
    assert_null(story_term(&s.verdict, "slow-volume"));
    assert_null(story_term(&s.verdict, "slow-spend"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(a_new_region_each_night_alerts_by_the_fourth_and_contains_by_the_tenth),
        FB_TEST(big_machines_each_night_do_not_become_usual),
        FB_TEST(a_thief_inside_is_told_and_not_cut),
        FB_TEST(a_team_that_grows_by_a_tenth_each_week_is_quiet),
        FB_TEST(work_that_jumps_is_told_until_it_is_what_was_before),
        FB_TEST(one_large_day_is_no_slow_theft),
        FB_TEST(a_store_of_two_weeks_knows_no_weeks_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

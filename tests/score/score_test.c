/* score_test.c - the arithmetic of the model, its rules, and what it tells about itself. */
#include "support/fb_test.h"

#include <math.h>
#include <time.h>

#include "base/buf.h"
#include "score/story.h"

static double score_of(double nats) { return 100 / (1 + exp(5 - nats)); }

static void near_to(double got, double expected)
{
    if (fabs(got - expected) > 0.02)
        fail_msg("got %.4f, expected %.4f", got, expected);
}

/* One call with the given traits by a root without address or agent. */
static const struct fb_verdict *call(struct story *s, int64_t t_ms, uint64_t traits)
{
    struct fb_event ev = story_event(s, t_ms, "iam", "Something", traits);

    return story_play(s, &ev);
}

static const struct fb_group *group(const struct fb_verdict *v, char id)
{
    for (size_t i = 0; i < v->group_count; i++) {
        if (v->groups[i].id == id)
            return &v->groups[i];
    }
    return NULL;
}

static void an_empty_profile_scores_the_prior(void **state)
{
    struct story s;

    story_begin(&s, *state);
    call(&s, T0_MS, 0);
    near_to(s.verdict.score, score_of(0)); /* 0.67 */
    assert_int_equal(s.verdict.count, 0);
    assert_int_equal(s.verdict.level, FB_OBSERVE);
}

static void signals_of_a_group_count_less_and_less_up_to_its_cap(void **state)
{
    struct story s;

    story_begin(&s, *state);
    call(&s, T0_MS, traits2(FB_T_ADMIN_GRANT, FB_T_KEY_FOR_OTHER));
    near_to(s.verdict.nats, 2.5 + 0.6 * 1.8);
    call(&s, T0_MS, traits2(FB_T_LOGIN_PROFILE, FB_T_NEW_IDENTITY));
    near_to(group(&s.verdict, 'P')->sum, 2.5 + 0.6 * 1.8 + 0.36 * 1.5 + 0.216 * 1.2);
    near_to(s.verdict.nats, 4.0);
}

static void groups_add_up(void **state)
{
    struct story s;

    story_begin(&s, *state);
    call(&s, T0_MS,
         traits2(FB_T_ADMIN_GRANT, FB_T_LOG_TAMPER) | fb_trait_bit(FB_T_DATA_SHARED_OUT));
    near_to(s.verdict.nats, 2.5 + 3.2 + 2.2);
    near_to(s.verdict.score, score_of(7.9));
    assert_int_equal(s.verdict.level, FB_CONTAIN);
}

/* What backtest tells of other thresholds is what those thresholds would have done. */
static void the_level_under_other_thresholds_is_the_one_they_give(void **state)
{
    static const uint64_t acts[] = {0,
                                    FB_T_LOG_TAMPER,
                                    FB_T_ADMIN_GRANT,
                                    FB_T_DATA_SHARED_OUT,
                                    FB_T_QUOTA_ASK,
                                    FB_T_LEAK_NOTICE};
    size_t seen[3] = {0};

    for (unsigned mask = 0; mask < 1u << 6; mask++) {
        uint64_t traits = 0;

        for (unsigned i = 1; i < 6; i++)
            traits |= mask & (1u << i) ? fb_trait_bit((enum fb_trait)acts[i]) : 0;
        for (int alert = 40; alert <= 100; alert += 5) {
            for (int contain = 70; contain <= 100; contain += 5) {
                struct story usual, other;

                fb_arena_reset(*state);
                story_begin(&usual, *state);
                call(&usual, T0_MS, traits);
                story_begin(&other, *state);
                other.config.alert = alert;
                other.config.contain = contain;
                call(&other, T0_MS, traits);
                assert_int_equal(fb_verdict_level_at(&usual.verdict, alert, contain),
                                 other.verdict.level);
                seen[other.verdict.level]++;
            }
        }
    }
    assert_true(seen[FB_OBSERVE] && seen[FB_ALERT] && seen[FB_CONTAIN]);
}

static void known_risk_shifts_the_prior_by_at_most_six_tenths_of_a_nat(void **state)
{
    static const struct {
        int tenths;
        double nats;
    } cases[] = {{100, 0.6}, {98, 0.6}, {95, 0.5625}, {50, 0}, {42, -0.1}, {2, -0.6}, {0, -0.6}};
    struct fb_buf text;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct story s;

        story_begin(&s, *state);
        fb_profile_note_risk(s.root, T0_MS, cases[i].tenths);
        call(&s, T0_MS, fb_trait_bit(FB_T_ADMIN_GRANT));
        near_to(s.verdict.prior, cases[i].nats);
        near_to(s.verdict.nats, 2.5 + cases[i].nats);
        near_to(s.verdict.score, score_of(2.5 + cases[i].nats));
        fb_buf_init_in(&text, *state, 1 << 16);
        fb_score_explain(&text, &s.verdict);
        assert_non_null(strstr(text.at, "identity risk of"));
    }
}

static void risk_alone_raises_nothing(void **state)
{
    struct story s;

    story_begin(&s, *state);
    fb_profile_note_risk(s.root, T0_MS, 100);
    call(&s, T0_MS, 0);
    assert_int_equal(s.verdict.level, FB_OBSERVE);
    assert_int_equal(s.verdict.root_level, FB_OBSERVE);
    assert_false(s.verdict.fired);
}

static void when_no_signal_alone_matters_the_kind_that_does_is_named(void **state)
{
    struct story s;

    story_begin(&s, *state);
    call(&s, T0_MS,
         traits2(FB_T_LOG_TAMPER, FB_T_DETECTOR_TAMPER) | fb_trait_bit(FB_T_ADMIN_GRANT) |
             fb_trait_bit(FB_T_KEY_FOR_OTHER));
    assert_int_equal(s.verdict.level, FB_CONTAIN); /* E 3.2 + .6 x 3.2, P 2.5 + .6 x 1.8 */
    assert_non_null(strstr(s.verdict.would_change, "without all of its "));
    assert_non_null(strstr(s.verdict.would_change, "it would be alert"));
}

static void a_weak_form_of_a_latched_signal_counts_half(void **state)
{
    struct story s;

    story_begin(&s, *state);
    call(&s, T0_MS, fb_trait_bit(FB_T_NEW_ROLE));
    near_to(s.verdict.nats, 0.6);
}

static void evidence_fades_by_its_half_life(void **state)
{
    struct story s;

    story_begin(&s, *state);
    call(&s, T0_MS, fb_trait_bit(FB_T_LOG_TAMPER)); /* half-life 1 day */
    call(&s, T0_MS + DAY_MS, 0);
    near_to(s.verdict.nats, 1.6);
    call(&s, T0_MS + 3 * DAY_MS, 0);
    near_to(s.verdict.nats, 0.4);
}

static void an_event_that_adds_nothing_is_observe_however_hot_its_root(void **state)
{
    struct story s;

    story_begin(&s, *state);
    call(&s, T0_MS, traits2(FB_T_LEAK_NOTICE, FB_T_ADMIN_GRANT));
    assert_int_equal(s.verdict.level, FB_CONTAIN);
    call(&s, T0_MS + MINUTE_MS, fb_trait_bit(FB_T_READ));
    assert_int_equal(s.verdict.level, FB_OBSERVE);
    assert_int_equal(s.verdict.root_level, FB_CONTAIN);
    assert_true(s.verdict.score > 90);
}

static void the_next_call_from_the_same_new_network_is_no_news(void **state)
{
    struct story s;

    story_begin(&s, *state);
    for (int minute = 0; minute < 10; minute++) {
        struct fb_event ev = story_event(&s, T0_MS + minute * MINUTE_MS, "s3", "ListBuckets",
                                         fb_trait_bit(FB_T_READ));

        ev.ip = "203.0.113.1";
        story_play(&s, &ev);
        assert_int_equal(story_term(&s.verdict, "new-ip-prefix")->fired, minute == 0);
    }
}

static void every_launch_of_a_burst_is_news(void **state)
{
    struct story s;

    story_begin(&s, *state);
    for (int i = 0; i < 10; i++) {
        struct fb_event ev =
            story_launch(&s, T0_MS + i * SECOND_MS, "us-east-1", "c5a.24xlarge", 2);

        story_play(&s, &ev);
        assert_true(story_term(&s.verdict, "launch-burst")->fired);
    }
}

static void a_second_delivery_fires_nothing(void **state)
{
    struct story s;
    struct fb_event ev;

    story_begin(&s, *state);
    ev = story_event(&s, T0_MS, "iam", "AttachUserPolicy", fb_trait_bit(FB_T_ADMIN_GRANT));
    story_play(&s, &ev);
    assert_int_equal(s.verdict.level, FB_ALERT);
    story_play(&s, &ev);
    assert_int_equal(s.verdict.level, FB_OBSERVE);
    near_to(s.verdict.nats, 2.5);
}

static void a_late_event_is_read_at_the_newest_time_seen(void **state)
{
    struct story s;

    story_begin(&s, *state);
    call(&s, T0_MS + DAY_MS, 0);
    call(&s, T0_MS, fb_trait_bit(FB_T_LOG_TAMPER));
    near_to(s.verdict.nats, 1.6);
    assert_int_equal(s.verdict.terms[0].fired, true);
}

static void a_denied_grant_is_an_attempt_and_a_denied_user_is_nothing(void **state)
{
    struct story s;
    struct fb_event ev;

    story_begin(&s, *state);
    ev = story_event(&s, T0_MS, "iam", "AttachUserPolicy", fb_trait_bit(FB_T_ADMIN_GRANT));
    ev.outcome = FB_OUTCOME_DENIED;
    story_play(&s, &ev);
    near_to(s.verdict.nats, 1.25); /* half of admin-grant's 2.5 */

    story_begin(&s, *state);
    ev = story_event(&s, T0_MS, "iam", "CreateUser", fb_trait_bit(FB_T_NEW_IDENTITY));
    ev.outcome = FB_OUTCOME_DENIED;
    story_play(&s, &ev);
    near_to(s.verdict.nats, 0);
}

static void one_group_alone_never_contains(void **state)
{
    struct story s;

    story_begin(&s, *state);
    s.config.contain = 50; /* the rule about groups holds at any threshold */
    call(&s, T0_MS, traits2(FB_T_LOG_TAMPER, FB_T_DETECTOR_TAMPER) | fb_trait_bit(FB_T_LEAVE_ORG));
    assert_true(s.verdict.score > 50);
    assert_int_equal(s.verdict.level, FB_ALERT);
    assert_non_null(strstr(s.verdict.would_change, "second group"));
}

static void sight_signals_alert_by_themselves(void **state)
{
    static const enum fb_trait sight[] = {
        FB_T_LOG_TAMPER,     FB_T_DETECTOR_TAMPER, FB_T_LEAVE_ORG,       FB_T_SENSOR_TAMPER,
        FB_T_MFA_REMOVE,     FB_T_KEY_FOR_OTHER,   FB_T_LOGIN_PROFILE,   FB_T_ADMIN_GRANT,
        FB_T_EXTERNAL_TRUST, FB_T_IDP_BACKDOOR,    FB_T_PUBLIC_FUNCTION, FB_T_DATA_SHARED_OUT};
    static const enum fb_trait blind[] = {FB_T_NEW_IDENTITY, FB_T_REGION_ENABLE, FB_T_SELF_CLEANUP,
                                          FB_T_ORG_ACCOUNT};
    struct story s;

    for (size_t i = 0; i < sizeof sight / sizeof sight[0]; i++) {
        story_begin(&s, *state);
        call(&s, T0_MS, fb_trait_bit(sight[i]));
        assert_int_equal(s.verdict.level, FB_ALERT);
        assert_true(s.verdict.score < 50);
    }
    for (size_t i = 0; i < sizeof blind / sizeof blind[0]; i++) {
        story_begin(&s, *state);
        call(&s, T0_MS, fb_trait_bit(blind[i]));
        assert_int_equal(s.verdict.level, FB_OBSERVE);
    }
}

static void hard_signals_contain_by_themselves_until_they_have_faded(void **state)
{
    struct story s;

    story_begin(&s, *state);
    call(&s, T0_MS, fb_trait_bit(FB_T_QUARANTINE_POLICY));
    assert_int_equal(s.verdict.level, FB_CONTAIN);
    call(&s, T0_MS + 30 * DAY_MS, fb_trait_bit(FB_T_NEW_IDENTITY));
    assert_int_not_equal(s.verdict.level, FB_CONTAIN);
}

static void a_decoys_use_is_certain_even_when_it_is_denied(void **state)
{
    static const char *const decoys[] = {"AKIAOTHER", "AKIABUILD"};
    struct story s;
    struct fb_event ev;

    story_begin(&s, *state);
    s.config.decoys = decoys;
    s.config.decoy_count = 2;
    ev = story_event(&s, T0_MS, "sts", "GetCallerIdentity", fb_trait_bit(FB_T_READ));
    ev.outcome = FB_OUTCOME_DENIED;
    story_play(&s, &ev);
    assert_int_equal(s.verdict.level, FB_CONTAIN);
    assert_string_equal(s.verdict.terms[0].signal->id, "canary-used");
}

static void in_an_accounts_first_days_novelty_alone_alerts_at_most(void **state)
{
    struct story s;
    struct fb_event ev;

    story_begin(&s, *state);
    s.config.contain = 10; /* so that novelty alone would reach it: O .854 and S 2.19 */
    s.config.alert = 5;
    ev = story_launch(&s, T0_MS, "eu-west-1", "m5.4xlarge", 1);
    ev.ip = "203.0.113.1";
    ev.agent = "x/1";
    story_play(&s, &ev);
    near_to(s.verdict.nats, 0.854 + 1.26 + 0.6 * 0.84 + 0.36 * 0.84 + 0.216 * 0.56);
    assert_int_equal(s.verdict.level, FB_ALERT);
    assert_non_null(strstr(s.verdict.rule, "72 hours"));
    call(&s, T0_MS + SECOND_MS, fb_trait_bit(FB_T_NEW_IDENTITY));
    assert_int_equal(s.verdict.level, FB_CONTAIN); /* 1.2 nats that are no novelty */
}

static void novelty_is_news_until_the_fourth_day_and_incident_days_do_not_count(void **state)
{
    struct story s;

    for (int hot = 0; hot < 2; hot++) {
        story_begin(&s, *state);
        for (int d = 0; d < 5; d++) {
            struct fb_event ev = story_event(&s, T0_MS + d * DAY_MS, "ecr", "PutImage", 0);

            ev.ip = "203.0.113.1";
            if (hot)
                fb_profile_mark_incident(s.root, T0_MS + DAY_MS);
            story_play(&s, &ev);
            if (d < 3 || hot)
                assert_true(story_value(&s.verdict, "new-ip-prefix") > 0.5);
            else
                assert_true(story_value(&s.verdict, "new-ip-prefix") == 0);
        }
    }
}

static void a_usual_region_is_never_new(void **state)
{
    static const char *const usual[] = {"eu-west-1"};
    struct story s;
    struct fb_event ev;

    story_begin(&s, *state);
    ev = story_launch(&s, T0_MS, "eu-west-1", "t3.micro", 1);
    story_play(&s, &ev);
    near_to(story_value(&s.verdict, "principal-new-region"), 1.2 * 0.7);
    s.config.usual_regions = usual;
    s.config.usual_region_count = 1;
    fb_score(s.a, &s.config, &ev, &s.chain, s.before, s.root, s.account, NULL, &s.verdict);
    assert_null(story_term(&s.verdict, "principal-new-region"));
    assert_null(story_term(&s.verdict, "account-new-region"));
}

static void configured_weights_replace_the_tables(void **state)
{
    struct story s;
    size_t count;
    const struct fb_signal *table = fb_signals(&count);

    story_begin(&s, *state);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(table[i].id, "admin-grant") == 0)
            s.config.weights[i] = 1.0;
    }
    call(&s, T0_MS, fb_trait_bit(FB_T_ADMIN_GRANT));
    near_to(s.verdict.nats, 1.0);
}

static void spend_over_the_configured_ceiling_alerts(void **state)
{
    struct story s;
    struct fb_event ev;

    story_begin(&s, *state);
    ev = story_launch(&s, T0_MS, "us-east-1", "c5.large", 10); /* 0.85 USD an hour */
    story_play(&s, &ev);
    assert_int_equal(s.verdict.level, FB_OBSERVE);
    near_to(s.verdict.usd_per_hour, 0.85);
    s.config.max_usd_per_hour = 0.5;
    ev = story_launch(&s, T0_MS + MINUTE_MS, "us-east-1", "c5.large", 1);
    story_play(&s, &ev);
    assert_int_equal(s.verdict.level, FB_ALERT);
}

static void more_launches_than_the_ring_holds_are_still_a_burst(void **state)
{
    struct story s;

    story_begin(&s, *state);
    for (int i = 0; i < 300; i++) { /* 600 vCPU; the ring alone would see 64 */
        struct fb_event ev = story_launch(&s, T0_MS + i * SECOND_MS, "us-east-1", "c5.large", 1);

        story_play(&s, &ev);
    }
    near_to(story_value(&s.verdict, "launch-burst"), 3.0);
    assert_true(s.verdict.usd_per_hour > 0.085 * 300 * 0.4);
}

static void windows_find_what_they_are_for(void **state)
{
    struct story s;
    struct fb_event ev;

    story_begin(&s, *state);
    for (int i = 0; i < 10; i++) {
        ev = story_event(&s, T0_MS + i * SECOND_MS, "servicequotas", "GetServiceQuota",
                         traits2(FB_T_READ, FB_T_QUOTA_READ));
        ev.region = story_regions()[i];
        story_play(&s, &ev);
        if (i == 2)
            near_to(story_value(&s.verdict, "quota-recon-fanout"), 2.0 * 0.6);
    }
    near_to(story_value(&s.verdict, "quota-recon-fanout"), 2.0);
    near_to(story_value(&s.verdict, "describe-fanout"), 1.2);

    story_begin(&s, *state);
    for (int i = 0; i < 5; i++) {
        ev = story_event(&s, T0_MS + i * MINUTE_MS, i % 2 ? "iam" : "ec2", "X", 0);
        ev.outcome = FB_OUTCOME_DENIED;
        story_play(&s, &ev);
    }
    near_to(story_value(&s.verdict, "denied-burst"), 1.2);

    story_begin(&s, *state);
    for (int i = 0; i < 3; i++) {
        ev = story_event(&s, T0_MS + i * SECOND_MS, "ec2", "ModifyInstanceAttribute",
                         fb_trait_bit(FB_T_TERM_PROTECT));
        ev.target_id = story_regions()[i];
        story_play(&s, &ev);
        if (i == 0)
            near_to(s.verdict.nats, 2.4 * 0.3);
    }
    near_to(s.verdict.nats, 2.4);

    story_begin(&s, *state);
    for (int i = 0; i < 5; i++) {
        ev = story_event(&s, T0_MS + i * SECOND_MS, "sts", "AssumeRole", fb_trait_bit(FB_T_MINT));
        ev.mint.role_arn = "arn:aws:iam::111122223333:role/one";
        story_play(&s, &ev);
    }
    near_to(story_value(&s.verdict, "session-sprawl"), 1.2);
    near_to(story_value(&s.verdict, "new-role-edge"), 0.7);
}

static void a_sleeper_that_wakes_is_told(void **state)
{
    static const int gaps[] = {59, 62, 200};
    struct story s;

    for (size_t i = 0; i < 3; i++) {
        story_begin(&s, *state);
        call(&s, T0_MS, 0);
        call(&s, T0_MS + gaps[i] * DAY_MS, 0);
        near_to(s.verdict.nats, gaps[i] > 60 ? 1.5 : 0);
    }
}

static void reads_of_a_whole_account_fill_no_gap_in_the_launches(void **state)
{
    struct story s;

    story_begin(&s, *state);
    for (int d = 10; d >= 1; d--) { /* an inventory tool reads every region, every day */
        for (int i = 0; i < 10; i++) {
            struct fb_event ev = story_event(&s, T0_MS - d * DAY_MS, "ec2", "DescribeInstances",
                                             fb_trait_bit(FB_T_READ));

            ev.region = story_regions()[i];
            story_learn(&s, &ev);
        }
    }
    for (int i = 0; i < 6; i++) {
        struct fb_event ev =
            story_launch(&s, T0_MS + i * SECOND_MS, story_regions()[i], "t3.micro", 1);

        story_play(&s, &ev);
    }
    near_to(story_value(&s.verdict, "region-fanout"), 4.0);
}

static void the_table_is_sound(void **state)
{
    static const char *const kinds[] = {
        "leaked_key",          "mass_launch", "persistence",   "evasion", "data", "llm_theft",
        "workload_credential", "root_user",   "sensor_tamper", "spend",   ""};
    size_t count;
    const struct fb_signal *t = fb_signals(&count);

    (void)state;
    assert_true(count >= 60 && count <= FB_TERMS_MAX);
    for (size_t i = 0; i < count; i++) {
        bool kind = false;

        assert_non_null(strchr("XVORSPECDM", t[i].group));
        assert_non_null(strchr("nbw", t[i].state));
        assert_true(t[i].weight > 0 && t[i].weight <= 8);
        assert_true(t[i].half_life_ms > 0 || t[i].group == 'M');
        assert_true(*t[i].words);
        for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
            kind = kind || strcmp(kinds[k], t[i].kind) == 0;
        assert_true(kind);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(t[i].id, t[k].id);
    }
}

static void explain_prints_every_number_that_counted(void **state)
{
    struct story s;
    struct fb_event ev;
    struct fb_buf buf;

    story_begin(&s, *state);
    ev = story_launch(&s, T0_MS, "us-east-1", "c5a.24xlarge", 2);
    ev.ip = "203.0.113.9";
    ev.agent = "evil\x1b[2J/1";
    story_play(&s, &ev);
    call(&s, T0_MS + DAY_MS,
         traits2(FB_T_ADMIN_GRANT, FB_T_KEY_FOR_OTHER) |
             traits2(FB_T_EXTERNAL_TRUST, FB_T_IDP_BACKDOOR));
    fb_buf_init_in(&buf, *state, 1 << 16);
    fb_score_explain(&buf, &s.verdict);
    assert_true(fb_buf_ok(&buf));
    for (size_t i = 0; i < s.verdict.count; i++) {
        const struct fb_term *t = &s.verdict.terms[i];
        char line[160];

        snprintf(line, sizeof line,
                 "%c %-26s %5.2f = weight %.2f x m %.2f x decay %.3f x damp %.2f", t->signal->group,
                 t->signal->id, t->value, t->weight, t->m, t->decay, t->damp);
        assert_non_null(strstr(buf.at, line));
        near_to(t->value, t->weight * t->m * t->decay * t->damp);
        assert_true(i == 0 || t->value <= t[-1].value);
    }
    /* P: 2.6 + .6 x 2.5 + .36 x 2.4 + .216 x 1.8 = 5.353, capped at 4 */
    assert_non_null(strstr(buf.at, "P persistence"));
    assert_non_null(strstr(buf.at, "4.00 nats, capped (sum 5.35, cap 4.0)"));
    assert_non_null(strstr(buf.at, "rule: "));
    assert_non_null(strstr(buf.at, "score = 100 / (1 + e^-(W - 5)) = "));
    assert_non_null(strstr(buf.at, "what would change it: "));
    assert_null(strchr(buf.at, '\x1b'));
}

static void the_printed_sum_is_the_score(void **state)
{
    struct story s;

    story_begin(&s, *state);
    for (int i = 0; i < 8; i++) {
        struct fb_event ev =
            story_launch(&s, T0_MS + i * MINUTE_MS, story_regions()[i], "p4d.24xlarge", 2);
        double sum = 0;

        ev.ip = "203.0.113.9";
        story_play(&s, &ev);
        for (size_t g = 0; g < s.verdict.group_count; g++) {
            const struct fb_group *gr = &s.verdict.groups[g];

            sum += gr->id == 'M' ? gr->sum : fmin(gr->sum, gr->cap);
        }
        near_to(s.verdict.nats, sum);
        near_to(s.verdict.score, score_of(sum));
    }
}

static void scoring_takes_microseconds_and_little_of_the_arena(void **state)
{
    struct story s;
    struct timespec from, to;
    double us;
    size_t used;

    story_begin(&s, *state);
    for (int i = 0; i < 2000; i++) { /* a full profile */
        struct fb_event ev = story_launch(&s, T0_MS - 20 * DAY_MS + i * 15 * MINUTE_MS,
                                          story_regions()[i % 17], "m5.xlarge", 1);

        ev.ip = i % 3 ? "198.51.100.1" : "203.0.113.9";
        story_learn(&s, &ev);
    }
    used = fb_arena_used(s.a);
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (int i = 0; i < 200; i++) {
        struct fb_event ev = story_launch(&s, T0_MS + i * SECOND_MS, "us-east-1", "m5.xlarge", 1);

        story_play(&s, &ev);
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    us = ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) / 200e3;
    print_message("one event: %.1f us, %zu bytes of arena\n", us,
                  (fb_arena_used(s.a) - used) / 200);
    assert_true((fb_arena_used(s.a) - used) / 200 < 4096);
    assert_true(us < 5000); /* generous: the sanitizers are on in this build, and machines differ */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(an_empty_profile_scores_the_prior),
        FB_TEST(signals_of_a_group_count_less_and_less_up_to_its_cap),
        FB_TEST(groups_add_up),
        FB_TEST(the_level_under_other_thresholds_is_the_one_they_give),
        FB_TEST(known_risk_shifts_the_prior_by_at_most_six_tenths_of_a_nat),
        FB_TEST(risk_alone_raises_nothing),
        FB_TEST(when_no_signal_alone_matters_the_kind_that_does_is_named),
        FB_TEST(a_weak_form_of_a_latched_signal_counts_half),
        FB_TEST(evidence_fades_by_its_half_life),
        FB_TEST(an_event_that_adds_nothing_is_observe_however_hot_its_root),
        FB_TEST(the_next_call_from_the_same_new_network_is_no_news),
        FB_TEST(every_launch_of_a_burst_is_news),
        FB_TEST(a_second_delivery_fires_nothing),
        FB_TEST(a_late_event_is_read_at_the_newest_time_seen),
        FB_TEST(a_denied_grant_is_an_attempt_and_a_denied_user_is_nothing),
        FB_TEST(one_group_alone_never_contains),
        FB_TEST(sight_signals_alert_by_themselves),
        FB_TEST(hard_signals_contain_by_themselves_until_they_have_faded),
        FB_TEST(a_decoys_use_is_certain_even_when_it_is_denied),
        FB_TEST(in_an_accounts_first_days_novelty_alone_alerts_at_most),
        FB_TEST(novelty_is_news_until_the_fourth_day_and_incident_days_do_not_count),
        FB_TEST(a_usual_region_is_never_new),
        FB_TEST(configured_weights_replace_the_tables),
        FB_TEST(spend_over_the_configured_ceiling_alerts),
        FB_TEST(more_launches_than_the_ring_holds_are_still_a_burst),
        FB_TEST(windows_find_what_they_are_for),
        FB_TEST(a_sleeper_that_wakes_is_told),
        FB_TEST(reads_of_a_whole_account_fill_no_gap_in_the_launches),
        FB_TEST(the_table_is_sound),
        FB_TEST(explain_prints_every_number_that_counted),
        FB_TEST(the_printed_sum_is_the_score),
        FB_TEST(scoring_takes_microseconds_and_little_of_the_arena),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

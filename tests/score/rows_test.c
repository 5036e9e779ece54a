/* rows_test.c - rows of the signal table one by one: what each fires on, and what it lets pass. */
#include "support/fb_test.h"

#include "score/story.h"

enum { NETWORK_LEN = 32 };

static const struct fb_term *term_of(const struct story *s, const char *id)
{
    return story_term(&s->verdict, id);
}

static void fires(const struct story *s, const char *id, double m)
{
    const struct fb_term *t = term_of(s, id);

    if (!t || !t->fired || t->m * t->decay < m - 0.02 || t->m * t->decay > m + 0.02)
        fail_msg("%s: %s, strength %.3f where %.3f is right", id,
                 !t         ? "absent"
                 : t->fired ? "fired"
                            : "old",
                 t ? t->m * t->decay : 0, m);
}

static void quiet(const struct story *s, const char *id)
{
    if (term_of(s, id))
        fail_msg("%s: there, with %.3f nats", id, term_of(s, id)->value);
}

static struct fb_event with(struct story *s, int64_t t_ms, enum fb_trait trait)
{
    return story_event(s, t_ms, "service", "Action", fb_trait_bit(trait));
}

static void play(struct story *s, int64_t t_ms, enum fb_trait trait)
{
    struct fb_event ev = with(s, t_ms, trait);

    story_play(s, &ev);
}

/* The deed on `days` days before T0. */
static void learn_days(struct story *s, int days, enum fb_trait trait)
{
    for (int d = days; d >= 1; d--) {
        struct fb_event ev = with(s, T0_MS - d * DAY_MS, trait);

        story_learn(s, &ev);
    }
}

static void n_times(struct story *s, enum fb_trait trait, int n, int64_t every_ms)
{
    for (int i = 0; i < n; i++)
        play(s, T0_MS + i * every_ms, trait);
}

static void ten_secrets_within_ten_minutes_alert_and_nine_do_not(void **state)
{
    struct story s;

    story_begin(&s, *state);
    n_times(&s, FB_T_SECRET_READ, 9, MINUTE_MS);
    quiet(&s, "secret-burst");
    play(&s, T0_MS + 9 * MINUTE_MS, FB_T_SECRET_READ);
    fires(&s, "secret-burst", 1);
    assert_int_equal(s.verdict.level, FB_ALERT);

    story_begin(&s, *state);
    n_times(&s, FB_T_SECRET_READ, 30, 2 * MINUTE_MS);
    quiet(&s, "secret-burst");
}

static void secrets_that_were_refused_count_too(void **state)
{
    struct story s;

    story_begin(&s, *state);
    for (int i = 0; i < 10; i++) {
        struct fb_event ev = with(&s, T0_MS + i * SECOND_MS, FB_T_SECRET_READ);

        ev.outcome = FB_OUTCOME_DENIED;
        story_play(&s, &ev);
    }
    fires(&s, "secret-burst", 1);
}

static void an_application_that_starts_reads_its_secrets_from_where_it_runs(void **state)
{
    static const char *const ips[] = {"198.51.100.7", "203.0.113.9"};

    for (int i = 0; i < 2; i++) {
        struct story s;

        story_begin(&s, *state);
        story_quiet(&s, 5, "198.51.100.7", "x");
        learn_days(&s, 5, FB_T_SECRET_READ);
        for (int k = 0; k < 12; k++) {
            struct fb_event ev = with(&s, T0_MS + k * SECOND_MS, FB_T_SECRET_READ);

            ev.ip = ips[i];
            story_play(&s, &ev);
        }
        if (i == 0)
            quiet(&s, "secret-burst");
        else
            assert_non_null(term_of(&s, "secret-burst"));
    }
}

static void hundreds_of_model_calls_hide_no_machine(void **state)
{
    struct story s;
    struct fb_event ev;

    story_begin(&s, *state);
    ev = story_launch(&s, T0_MS, "us-east-1", "p4d.24xlarge", 2);
    story_play(&s, &ev);
    fires(&s, "burn-rate", 0.25);
    for (int i = 0; i < 200; i++) {
        ev = with(&s, T0_MS + i * SECOND_MS, FB_T_MODEL_INVOKE);
        ev.traits |= fb_trait_bit(FB_T_COMPUTE_CREATE);
        story_play(&s, &ev);
    }
    assert_non_null(term_of(&s, "burn-rate"));
}

static void three_things_destroyed_within_ten_minutes_alert_and_two_do_not(void **state)
{
    struct story s;

    story_begin(&s, *state);
    n_times(&s, FB_T_DATA_DESTROY, 2, MINUTE_MS);
    quiet(&s, "data-destroy");
    play(&s, T0_MS + 10 * MINUTE_MS, FB_T_DATA_DESTROY);
    fires(&s, "data-destroy", 1);
    assert_int_equal(s.verdict.level, FB_ALERT);

    story_begin(&s, *state);
    n_times(&s, FB_T_DATA_DESTROY, 9, 6 * MINUTE_MS);
    quiet(&s, "data-destroy");
}

static void first_deed(void **state, enum fb_trait trait, const char *id, bool sight)
{
    struct story s;
    struct fb_event ev;

    story_begin(&s, *state);
    play(&s, T0_MS, trait);
    fires(&s, id, 1);
    assert_int_equal(s.verdict.level, sight ? FB_ALERT : FB_OBSERVE);

    story_begin(&s, *state);
    learn_days(&s, 3, trait);
    play(&s, T0_MS, trait);
    quiet(&s, id);

    story_begin(&s, *state);
    ev = with(&s, T0_MS, trait);
    ev.outcome = FB_OUTCOME_FAILED;
    story_play(&s, &ev);
    quiet(&s, id);
}

static void commands_on_machines_alert_until_they_are_known(void **state)
{
    first_deed(state, FB_T_REMOTE_EXEC, "remote-exec-first", true);
}

static void replaced_code_alerts_until_it_is_known(void **state)
{
    first_deed(state, FB_T_CODE_OVERWRITE, "code-overwrite", true);
}

/* The same first overwrite by the tool that builds everything here, and by one that only says so.
 */
static void a_known_tool_replaces_code_without_an_alert(void **state)
{
    static const char *const ips[] = {"198.51.100.7", "203.0.113.9"};

    for (int i = 0; i < 2; i++) {
        struct story s;
        struct fb_event ev;

        story_begin(&s, *state);
        story_quiet(&s, 30, "198.51.100.7", "Terraform/1.5");
        ev = with(&s, T0_MS, FB_T_CODE_OVERWRITE);
        ev.agent = "Terraform/1.5";
        ev.ip = ips[i];
        story_play(&s, &ev);
        if (i == 0)
            quiet(&s, "code-overwrite");
        else
            fires(&s, "code-overwrite", 1);
    }
}

static void a_service_account_that_switches_compute_on_is_told_and_a_person_is_not(void **state)
{
    for (int i = 0; i < 2; i++) {
        struct story s;
        struct fb_event ev;

        story_begin(&s, *state);
        ev = with(&s, T0_MS, FB_T_API_ENABLE_COMPUTE);
        if (i == 0)
            ev.who.kind = FB_WHO_SERVICE_ACCOUNT;
        story_play(&s, &ev);
        if (i == 0)
            fires(&s, "api-enable-compute", 1);
        else
            quiet(&s, "api-enable-compute");
    }
}

static void ssh_keys_in_metadata_are_told_when_they_got_there(void **state)
{
    struct story s;
    struct fb_event ev;

    story_begin(&s, *state);
    ev = with(&s, T0_MS, FB_T_SSH_METADATA);
    ev.outcome = FB_OUTCOME_DENIED;
    story_play(&s, &ev);
    quiet(&s, "ssh-metadata");
    play(&s, T0_MS, FB_T_SSH_METADATA);
    fires(&s, "ssh-metadata", 1);
}

static void acting_as_a_new_service_account_is_told_until_it_is_known(void **state)
{
    struct story s;
    struct fb_event ev;

    story_begin(&s, *state);
    for (int d = 3; d >= 0; d--) {
        ev = with(&s, T0_MS - d * DAY_MS, FB_T_SA_IMPERSONATION);
        ev.mint.role_arn = "one@p.iam.gserviceaccount.com";
        if (d)
            story_learn(&s, &ev);
        else
            story_play(&s, &ev);
    }
    quiet(&s, "sa-impersonation-new");
    ev = with(&s, T0_MS, FB_T_SA_IMPERSONATION);
    ev.mint.role_arn = "two@p.iam.gserviceaccount.com";
    story_play(&s, &ev);
    fires(&s, "sa-impersonation-new", 1);
}

/* The alarm names nobody: only who created something is held to it. */
static void a_cost_alarm_counts_against_who_created_compute_that_day(void **state)
{
    for (int i = 0; i < 2; i++) {
        struct story s;
        struct fb_event alarm, ev;

        story_begin(&s, *state);
        alarm = with(&s, T0_MS, FB_T_COST_ANOMALY);
        alarm.kind = FB_EV_FINDING;
        fb_profile_observe(s.account, &alarm, NULL);
        ev = story_launch(&s, T0_MS + MINUTE_MS, "us-east-1", "t3.micro", 1);
        if (i == 0) {
            story_play(&s, &ev);
            assert_non_null(term_of(&s, "cost-anomaly"));
        } else {
            play(&s, T0_MS + MINUTE_MS, FB_T_READ);
            quiet(&s, "cost-anomaly");
        }
    }
}

static void zones(void **state, int n, int64_t every_ms, enum fb_who who, double m)
{
    struct story s;

    story_begin(&s, *state);
    for (int i = 0; i < n; i++) {
        struct fb_event ev = story_launch(&s, T0_MS + i * every_ms, "us-central1", "", 1);

        ev.provider = FB_GCP;
        ev.who.kind = who;
        ev.launch.gpu_type = "";
        ev.launch.zone = fb_arena_fmt(s.a, "us-central1-%c", 'a' + i);
        story_play(&s, &ev);
    }
    if (m > 0)
        fires(&s, "bulk-zone-insert", m);
    else
        quiet(&s, "bulk-zone-insert");
}

static void machines_in_many_zones_within_minutes_are_told(void **state)
{
    zones(state, 2, SECOND_MS, FB_WHO_SERVICE_ACCOUNT, 0);
    zones(state, 3, SECOND_MS, FB_WHO_SERVICE_ACCOUNT, 0.5);
    zones(state, 6, SECOND_MS, FB_WHO_SERVICE_ACCOUNT, 1);
    zones(state, 6, 3 * MINUTE_MS, FB_WHO_SERVICE_ACCOUNT, 0);
    zones(state, 6, SECOND_MS, FB_WHO_SERVICE, 0); /* Google's agent fills a group */
}

static struct fb_event container(struct story *s, int64_t t_ms, bool miner)
{
    return story_event(s, t_ms, "ecs", miner ? "RegisterTaskDefinition" : "RunTask",
                       fb_trait_bit(miner ? FB_T_CONTAINER_MINER : FB_T_COMPUTE_CREATE));
}

static void a_large_foreign_container_weighs_more_once_it_runs(void **state)
{
    struct story s;
    struct fb_event miner, run;

    story_begin(&s, *state);
    run = container(&s, T0_MS, false);
    story_play(&s, &run);
    quiet(&s, "container-miner-shape");
    miner = container(&s, T0_MS + 30 * MINUTE_MS, true);
    story_play(&s, &miner);
    fires(&s, "container-miner-shape", 1); /* it ran before it was registered anew */

    story_begin(&s, *state);
    miner = container(&s, T0_MS, true);
    story_play(&s, &miner);
    fires(&s, "container-miner-shape", 0.7);
    run = container(&s, T0_MS + 59 * MINUTE_MS, false);
    story_play(&s, &run);
    fires(&s, "container-miner-shape", 1);

    story_begin(&s, *state);
    miner = container(&s, T0_MS, true);
    story_play(&s, &miner);
    run = container(&s, T0_MS + 61 * MINUTE_MS, false);
    story_play(&s, &run);
    assert_false(term_of(&s, "container-miner-shape")->fired);
}

static void model_calls(struct story *s, int64_t from_ms, int n, bool learn)
{
    for (int i = 0; i < n; i++) {
        struct fb_event ev = with(s, from_ms + i * SECOND_MS, FB_T_MODEL_INVOKE);

        if (learn || i + 1 < n)
            story_learn(s, &ev);
        else
            story_play(s, &ev);
    }
}

static void a_burst_of_model_calls_is_measured_by_what_is_usual(void **state)
{
    struct story s;

    story_begin(&s, *state);
    model_calls(&s, T0_MS, 12, false);
    quiet(&s, "llm-burst");
    model_calls(&s, T0_MS + 20 * SECOND_MS, 40, false);
    assert_non_null(term_of(&s, "llm-burst"));

    story_begin(&s, *state); /* the same hour for who calls models every day */
    for (int d = 4; d >= 1; d--)
        model_calls(&s, T0_MS - d * DAY_MS, 40, true);
    model_calls(&s, T0_MS, 60, false);
    quiet(&s, "llm-burst");
    model_calls(&s, T0_MS + HOUR_MS, 6000, false); /* a hundred and fifty times as many */
    assert_non_null(term_of(&s, "llm-burst"));
}

static void a_model_called_right_after_access_was_asked_for_is_told(void **state)
{
    struct story s;

    story_begin(&s, *state);
    play(&s, T0_MS, FB_T_MODEL_ACCESS);
    quiet(&s, "llm-burst");
    model_calls(&s, T0_MS + 14 * MINUTE_MS, 1, false);
    fires(&s, "llm-burst", 0.97); /* it counts from the asking: 14 min of 6 h */
    model_calls(&s, T0_MS + 100 * MINUTE_MS, 1, false); /* and it is not forgotten */
    assert_non_null(term_of(&s, "llm-burst"));

    story_begin(&s, *state);
    play(&s, T0_MS, FB_T_MODEL_ACCESS);
    model_calls(&s, T0_MS + 21 * MINUTE_MS, 1, false);
    quiet(&s, "llm-burst");

    story_begin(&s, *state); /* who has used models for days asks for one more */
    for (int d = 4; d >= 1; d--)
        model_calls(&s, T0_MS - d * DAY_MS, 5, true);
    play(&s, T0_MS, FB_T_MODEL_ACCESS);
    model_calls(&s, T0_MS + MINUTE_MS, 1, false);
    fires(&s, "llm-burst", 0.5);
}

/* One key from n networks (or n addresses of one), with as many tools as named. */
static void from_networks(struct story *s, int n, int tools, int64_t every_ms, bool one)
{
    for (int i = 0; i < n; i++) {
        struct fb_event ev = story_event(s, T0_MS + i * every_ms, "s3", "Action", 0);
        char *ip = fb_arena_alloc(s->a, NETWORK_LEN);

        (void)snprintf(ip, NETWORK_LEN, "203.0.%d.%d", one ? 113 : i, i);
        ev.ip = ip;
        ev.agent = i < tools ? fb_arena_fmt(s->a, "tool%c/1", 'a' + i) : "toola/1";
        story_play(s, &ev);
    }
}

static void one_key_from_three_networks_by_two_tools_is_told(void **state)
{
    struct story s;

    story_begin(&s, *state);
    from_networks(&s, 3, 2, 14 * MINUTE_MS, false);
    fires(&s, "key-many-origins", 1);

    story_begin(&s, *state);
    from_networks(&s, 3, 1, 14 * MINUTE_MS, false); /* one tool */
    quiet(&s, "key-many-origins");

    story_begin(&s, *state);
    from_networks(&s, 3, 2, 16 * MINUTE_MS, false); /* too far apart */
    quiet(&s, "key-many-origins");

    story_begin(&s, *state);
    from_networks(&s, 3, 2, MINUTE_MS, true); /* one network */
    quiet(&s, "key-many-origins");

    story_begin(&s, *state);
    story_quiet(&s, 3, "203.0.1.1", "x"); /* one of the three is known */
    from_networks(&s, 3, 2, MINUTE_MS, false);
    quiet(&s, "key-many-origins");
}

static void an_hour_at_which_it_never_works_is_told_of_who_is_known(void **state)
{
    static const struct {
        int days, hour;
        bool told;
    } cases[] = {{90, 12, true}, {90, 1, false}, {90, 23, false}, {90, 2, true}, {5, 12, false}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct story s;

        story_begin(&s, *state);
        story_quiet(&s, cases[i].days, "198.51.100.7", "x");
        play(&s, T0_MS + cases[i].hour * HOUR_MS, FB_T_COUNT - 1);
        if (cases[i].told)
            assert_non_null(term_of(&s, "off-hours"));
        else
            quiet(&s, "off-hours");
    }
}

/* n kinds of reads, ten seconds apart. */
static void reads(struct story *s, int n, bool machine, int64_t from_ms, bool same)
{
    for (int i = 0; i < n; i++) {
        struct fb_event ev =
            story_event(s, from_ms + i * 10 * SECOND_MS, "ec2",
                        fb_arena_fmt(s->a, "Describe%d", same ? 0 : i), fb_trait_bit(FB_T_READ));

        ev.who.instance_role = machine;
        story_play(s, &ev);
    }
}

static void a_machine_that_asks_eight_kinds_of_questions_is_told(void **state)
{
    struct story s;

    story_begin(&s, *state);
    reads(&s, 8, true, T0_MS, false);
    fires(&s, "enum-burst", 1);

    story_begin(&s, *state);
    reads(&s, 7, true, T0_MS, false);
    quiet(&s, "enum-burst");

    story_begin(&s, *state);
    reads(&s, 8, false, T0_MS, false); /* a person at a console */
    quiet(&s, "enum-burst");
}

static void a_burst_of_reads_is_not_pushed_out_by_repeating_one(void **state)
{
    struct story s;

    story_begin(&s, *state);
    reads(&s, 9, true, T0_MS, false);
    reads(&s, 60, true, T0_MS + 5 * MINUTE_MS, true);
    assert_non_null(term_of(&s, "enum-burst"));
}

static void what_was_only_tried_counts_half_and_alerts(void **state)
{
    static const struct {
        enum fb_trait trait;
        const char *id;
    } rows[] = {
        {FB_T_LOG_TAMPER, "log-tamper"},
        {FB_T_DETECTOR_TAMPER, "detector-tamper"},
        {FB_T_LEAVE_ORG, "leave-org"},
        {FB_T_SENSOR_TAMPER, "sensor-tamper"},
        {FB_T_MFA_REMOVE, "mfa-remove"},
        {FB_T_IDP_BACKDOOR, "idp-backdoor"},
        {FB_T_ADMIN_GRANT, "admin-grant"},
        {FB_T_EXTERNAL_TRUST, "external-trust"},
        {FB_T_KEY_FOR_OTHER, "key-for-other"},
        {FB_T_LOGIN_PROFILE, "login-profile"},
        {FB_T_DATA_SHARED_OUT, "data-shared-out"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct story s;
        struct fb_event ev;

        story_begin(&s, *state);
        ev = with(&s, T0_MS, rows[i].trait);
        ev.outcome = i % 2 ? FB_OUTCOME_DENIED : FB_OUTCOME_FAILED;
        story_play(&s, &ev);
        fires(&s, rows[i].id, 0.5);
        assert_int_equal(s.verdict.level, FB_ALERT);
        play(&s, T0_MS, rows[i].trait);
        fires(&s, rows[i].id, 1);
    }
}

static void a_launch_that_a_limit_stopped_tells_nearly_as_much(void **state)
{
    static const char *const ids[] = {"first-compute-write", "gpu-first", "oversize-first",
                                      "max-count-ask"};

    for (int i = 0; i < 3; i++) {
        struct story s;
        struct fb_event ev;

        story_begin(&s, *state);
        ev = story_launch(&s, T0_MS, "us-east-1", "p4d.24xlarge", 10);
        ev.traits |= fb_trait_bit(FB_T_MAX_COUNT);
        ev.outcome = i == 0 ? FB_OUTCOME_OK : i == 1 ? FB_OUTCOME_FAILED : FB_OUTCOME_DENIED;
        if (i == 1)
            ev.traits |= fb_trait_bit(FB_T_QUOTA_ERROR);
        story_play(&s, &ev);
        for (size_t k = 0; k < sizeof ids / sizeof ids[0]; k++) {
            if (i == 2)
                quiet(&s, ids[k]);
            else
                fires(&s, ids[k], i ? 0.7 : 1);
        }
    }
}

static void a_detectors_word_on_theft_and_mining_alerts_and_on_oddity_does_not(void **state)
{
    static const enum fb_trait traits[] = {FB_T_VENDOR_CREDENTIAL, FB_T_VENDOR_CRYPTO,
                                           FB_T_VENDOR_SEQUENCE, FB_T_VENDOR_ANOMALY};

    for (size_t i = 0; i < 4; i++) {
        struct story s;
        struct fb_event ev;

        story_begin(&s, *state);
        ev = with(&s, T0_MS, traits[i]);
        ev.kind = FB_EV_FINDING;
        story_play(&s, &ev);
        assert_int_equal(s.verdict.level, i < 3 ? FB_ALERT : FB_OBSERVE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(ten_secrets_within_ten_minutes_alert_and_nine_do_not),
        FB_TEST(secrets_that_were_refused_count_too),
        FB_TEST(an_application_that_starts_reads_its_secrets_from_where_it_runs),
        FB_TEST(hundreds_of_model_calls_hide_no_machine),
        FB_TEST(three_things_destroyed_within_ten_minutes_alert_and_two_do_not),
        FB_TEST(commands_on_machines_alert_until_they_are_known),
        FB_TEST(replaced_code_alerts_until_it_is_known),
        FB_TEST(a_known_tool_replaces_code_without_an_alert),
        FB_TEST(a_service_account_that_switches_compute_on_is_told_and_a_person_is_not),
        FB_TEST(ssh_keys_in_metadata_are_told_when_they_got_there),
        FB_TEST(acting_as_a_new_service_account_is_told_until_it_is_known),
        FB_TEST(a_cost_alarm_counts_against_who_created_compute_that_day),
        FB_TEST(machines_in_many_zones_within_minutes_are_told),
        FB_TEST(a_large_foreign_container_weighs_more_once_it_runs),
        FB_TEST(a_burst_of_model_calls_is_measured_by_what_is_usual),
        FB_TEST(a_model_called_right_after_access_was_asked_for_is_told),
        FB_TEST(one_key_from_three_networks_by_two_tools_is_told),
        FB_TEST(an_hour_at_which_it_never_works_is_told_of_who_is_known),
        FB_TEST(a_machine_that_asks_eight_kinds_of_questions_is_told),
        FB_TEST(a_burst_of_reads_is_not_pushed_out_by_repeating_one),
        FB_TEST(what_was_only_tried_counts_half_and_alerts),
        FB_TEST(a_launch_that_a_limit_stopped_tells_nearly_as_much),
        FB_TEST(a_detectors_word_on_theft_and_mining_alerts_and_on_oddity_does_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

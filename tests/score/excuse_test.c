/* excuse_test.c - what speaks for a root counts where it is proven, and helps nobody who only looks
 * like it; and the operator's lists let pass what they name, and nothing that hides behind it. */
#include "support/fb_test.h"

#include "score/story.h"

static const char *const HOME_IP = "198.51.100.7";
static const char *const AWAY_IP = "203.0.113.99";
static const char *const TERRAFORM = "APN/1.0 HashiCorp/1.0 Terraform/1.5.0 aws-sdk-go/1.44";

static bool excused(const struct story *s, const char *id)
{
    return story_value(&s->verdict, id) < 0;
}

/* ---- change windows ---- */

static const char *const WINDOW_REGIONS[] = {"us-east-1", "eu-west-1"};

static struct fb_score_window window_of(const char *who)
{
    return (struct fb_score_window){
        .who = who, .from_ms = T0_MS - HOUR_MS, .until_ms = T0_MS + HOUR_MS};
}

static void launch_at(struct story *s, int64_t t_ms, const char *region, const char *type)
{
    struct fb_event ev = story_launch(s, t_ms, region, type, 1);

    ev.ip = AWAY_IP;
    story_play(s, &ev);
}

static void an_announced_roll_out_is_excused_and_no_other(void **state)
{
    struct story s;
    struct fb_score_window w = window_of(BUILD);

    story_begin(&s, *state);
    s.config.windows = &w;
    s.config.window_count = 1;
    launch_at(&s, T0_MS - 2 * HOUR_MS, "us-east-1", "m5.4xlarge");
    assert_false(excused(&s, "change-window")); /* before it */
    launch_at(&s, T0_MS, "us-east-1", "m5.4xlarge");
    assert_true(excused(&s, "change-window"));
    launch_at(&s, T0_MS + 2 * HOUR_MS, "us-east-1", "m5.4xlarge");
    assert_false(excused(&s, "change-window")); /* after it */

    w = window_of("arn:aws:iam::111122223333:user/somebody-else");
    story_begin(&s, *state);
    s.config.windows = &w;
    s.config.window_count = 1;
    launch_at(&s, T0_MS, "us-east-1", "m5.4xlarge");
    assert_false(excused(&s, "change-window"));
}

static void over_the_announced_rate_or_outside_its_regions_nothing_is_excused(void **state)
{
    struct story s;
    struct fb_score_window w = window_of(BUILD);

    w.max_usd_per_hour = 5;
    w.regions = WINDOW_REGIONS;
    w.region_count = 2;
    story_begin(&s, *state);
    s.config.windows = &w;
    s.config.window_count = 1;
    launch_at(&s, T0_MS, "eu-west-1", "m5.4xlarge"); /* 0.77 USD an hour, a third more there */
    assert_true(excused(&s, "change-window"));
    launch_at(&s, T0_MS + MINUTE_MS, "us-east-1", "p3.2xlarge"); /* 3.06 */
    assert_true(excused(&s, "change-window"));
    launch_at(&s, T0_MS + 2 * MINUTE_MS, "us-east-1", "p3.2xlarge"); /* over 5 */
    assert_false(excused(&s, "change-window"));

    story_begin(&s, *state);
    s.config.windows = &w;
    s.config.window_count = 1;
    launch_at(&s, T0_MS, "ap-south-1", "t3.micro");
    assert_false(excused(&s, "change-window"));
    for (int i = 0; i < 60; i++) /* a flood where it is announced hides nothing */
        launch_at(&s, T0_MS + i * SECOND_MS, "us-east-1", "t3.micro");
    assert_false(excused(&s, "change-window"));
}

/* At 60 x 21.96 USD an hour a known tool excuses nothing, and an announcement does. */
static void above_the_spend_ceiling_only_announced_work_and_earlier_volume_count(void **state)
{
    struct fb_score_window w = window_of(BUILD);

    for (int announced = 0; announced < 2; announced++) {
        struct story s;
        bool counts = false;

        story_begin(&s, *state);
        s.config.windows = &w;
        s.config.window_count = (size_t)announced;
        for (int d = 40; d >= 1; d--) {
            struct fb_event ev = story_launch(&s, T0_MS - d * DAY_MS, "us-east-1", "m5.large", 1);

            ev.ip = HOME_IP;
            ev.agent = TERRAFORM;
            story_learn(&s, &ev);
        }
        for (int i = 0; i < 6; i++) {
            struct fb_event ev =
                story_launch(&s, T0_MS + i * SECOND_MS, "us-east-1", "p4d.24xlarge", 10);

            ev.ip = HOME_IP;
            ev.agent = TERRAFORM;
            story_play(&s, &ev);
        }
        for (size_t i = 0; i < s.verdict.group_count; i++)
            counts = counts || s.verdict.groups[i].id == 'M';
        assert_int_equal(counts, announced);
    }
}

static void an_announcement_excuses_no_persistence_and_no_evasion(void **state)
{
    struct story s;
    struct fb_event ev;
    struct fb_score_window w = window_of(BUILD);

    story_begin(&s, *state);
    s.config.windows = &w;
    s.config.window_count = 1;
    ev = story_event(&s, T0_MS, "iam", "AttachUserPolicy",
                     traits2(FB_T_ADMIN_GRANT, FB_T_LOG_TAMPER));
    story_play(&s, &ev);
    assert_true(s.verdict.nats > 2.5 + 3.2 - 0.02);
}

/* ---- tools, sign-ins, services ---- */

static void learn_person(struct story *s)
{
    s->chain.hops[0].kind = FB_HOP_SSO;
    story_quiet(s, 20, HOME_IP, "Mozilla/5.0");
}

static void a_signed_in_person_is_excused_where_she_usually_works_only(void **state)
{
    for (int away = 0; away < 2; away++) {
        struct story s;
        struct fb_event ev;

        story_begin(&s, *state);
        learn_person(&s);
        ev = story_launch(&s, T0_MS, "us-east-1", "m5.4xlarge", 1);
        ev.ip = away ? AWAY_IP : HOME_IP;
        ev.agent = "Mozilla/5.0";
        story_play(&s, &ev);
        assert_int_equal(excused(&s, "sso-mfa-baseline"), !away);
    }
}

static void by_service(struct fb_event *ev)
{
    ev->ip = ev->agent = ev->who.invoked_by = "autoscaling.amazonaws.com";
}

/* The group's age and whose it is, not the address, make a scaling service harmless. */
static void a_service_that_grows_an_old_group_is_excused_unless_its_maker_is_hot(void **state)
{
    static const struct {
        int64_t made_ms;
        bool hot;
        size_t hops;
        bool excused;
    } cases[] = {
        {T0_MS - 3 * DAY_MS, false, 1, true},
        {T0_MS - 3 * HOUR_MS, false, 1, false}, /* made today */
        {T0_MS - 3 * DAY_MS, true, 1, false},   /* its maker is under an incident */
        {T0_MS - 3 * DAY_MS, false, 2, false},  /* somebody grew it today, and answers for it */
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct story s;
        struct fb_event ev;

        story_begin(&s, *state);
        s.chain.group = "autoscaling:web";
        s.chain.group_key = "group";
        s.chain.group_made_ms = cases[i].made_ms;
        s.chain.group_hot = cases[i].hot;
        s.chain.hops[1] = s.chain.hops[0];
        s.chain.count = cases[i].hops;
        ev = story_launch(&s, T0_MS, "us-east-1", "m5.4xlarge", 4);
        by_service(&ev);
        story_play(&s, &ev);
        if (excused(&s, "autoscaler-actor") != cases[i].excused)
            fail_msg("case %zu", i);
    }
}

static void who_only_writes_a_services_name_into_its_agent_is_no_service(void **state)
{
    struct story s;
    struct fb_event ev;

    story_begin(&s, *state);
    for (int d = 20; d >= 0; d--) {
        ev = story_launch(&s, T0_MS - d * DAY_MS, "us-east-1", "m5.4xlarge", 2);
        by_service(&ev);
        if (d == 0) {
            ev.ip = AWAY_IP; /* the thief says that it is the service; AWS does not */
            ev.who.invoked_by = "";
        }
        story_play(&s, &ev);
    }
    assert_false(excused(&s, "autoscaler-actor"));
}

static void a_first_day_in_one_region_alerts_and_is_not_cut(void **state)
{
    struct story s;

    for (int regions = 1; regions <= 3; regions += 2) {
        story_begin(&s, *state);
        for (int i = 0; i < 40; i++) {
            struct fb_event ev = story_launch(&s, T0_MS + i * 10 * SECOND_MS,
                                              story_regions()[i % regions], "m5.xlarge", 1);

            ev.ip = HOME_IP;
            ev.agent = "karpenter/1.0";
            if (i == 0)
                ev.traits |= traits2(FB_T_QUOTA_ASK, FB_T_PERMISSION_PROBE);
            story_play(&s, &ev);
        }
        assert_true(s.verdict.score >= 80);
        assert_int_equal(s.verdict.root_level, regions == 1 ? FB_ALERT : FB_CONTAIN);
    }
}

/* ---- lists ---- */

static struct fb_event let_in(struct story *s, const char *outsider)
{
    struct fb_event ev = story_event(s, T0_MS, "iam", "UpdateAssumeRolePolicy",
                                     traits2(FB_T_EXTERNAL_TRUST, FB_T_ADMIN_GRANT));

    ev.outsider = outsider;
    return ev;
}

static void an_allowed_partner_is_let_in_and_nobody_with_him(void **state)
{
    static const char *const allow[] = {"arn:aws:iam::444455556666:root", "ghcr.io/ours/tool:1",
                                        "i-0abc"};
    struct story s;
    struct fb_event ev;

    story_begin(&s, *state);
    s.config.allow = allow;
    s.config.allow_count = 3;
    ev = let_in(&s, allow[0]);
    fb_score_lists(&s.config, &ev);
    assert_false(fb_event_is(&ev, FB_T_EXTERNAL_TRUST));
    assert_true(fb_event_is(&ev, FB_T_ADMIN_GRANT)); /* for exactly that */
    ev = let_in(&s, "arn:aws:iam::444455556666:root2");
    fb_score_lists(&s.config, &ev);
    assert_true(fb_event_is(&ev, FB_T_EXTERNAL_TRUST));
    ev = let_in(&s, "");
    fb_score_lists(&s.config, &ev);
    assert_true(fb_event_is(&ev, FB_T_EXTERNAL_TRUST));
    ev = let_in(&s, allow[0]); /* the thief's account stands behind the partner's in the list */
    ev.more_outsiders = true;
    fb_score_lists(&s.config, &ev);
    assert_true(fb_event_is(&ev, FB_T_EXTERNAL_TRUST));

    ev =
        story_event(&s, T0_MS, "ecs", "RegisterTaskDefinition", fb_trait_bit(FB_T_CONTAINER_MINER));
    ev.launch.image = allow[1];
    ev.more_outsiders = true;
    fb_score_lists(&s.config, &ev);
    assert_true(fb_event_is(&ev, FB_T_CONTAINER_MINER));
    ev.more_outsiders = false;
    fb_score_lists(&s.config, &ev);
    assert_false(fb_event_is(&ev, FB_T_CONTAINER_MINER));

    ev = story_event(&s, T0_MS, "guardduty", "CryptoCurrency:EC2/BitcoinTool.B",
                     fb_trait_bit(FB_T_VENDOR_CRYPTO));
    ev.target_id = "i-0abd";
    fb_score_lists(&s.config, &ev);
    assert_true(fb_event_is(&ev, FB_T_VENDOR_CRYPTO));
    ev.target_id = allow[2];
    fb_score_lists(&s.config, &ev);
    assert_false(fb_event_is(&ev, FB_T_VENDOR_CRYPTO));
}

static void a_listed_network_is_told_and_its_neighbour_is_not(void **state)
{
    static const char *const ranges[] = {"203.0.113.96/29", "2001:db8:7::/48"};
    static const struct {
        const char *ip;
        bool listed;
    } cases[] = {{"203.0.113.99", true},
                 {"203.0.113.104", false},
                 {"2001:db8:7:1::9", true},
                 {"2001:db8:8::1", false},
                 {"", false},
                 {"ec2.amazonaws.com", false},
                 {"::ffff:203.0.113.99", false}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct story s;
        struct fb_event ev;

        story_begin(&s, *state);
        s.config.networks = ranges;
        s.config.network_count = 2;
        ev = story_event(&s, T0_MS, "s3", "ListBuckets", fb_trait_bit(FB_T_READ));
        ev.ip = cases[i].ip;
        fb_score_lists(&s.config, &ev);
        story_play(&s, &ev);
        assert_int_equal(story_value(&s.verdict, "listed-network") > 1.7, cases[i].listed);
    }
}

static void a_decoy_may_be_a_key_a_role_or_an_address(void **state)
{
    static const char *const decoys[] = {"AKIABUILD", BUILD, "arn:aws:iam::111122223333:role/bait"};

    for (size_t i = 0; i < 3; i++) {
        struct story s;
        struct fb_event ev;

        story_begin(&s, *state);
        s.config.decoys = &decoys[i];
        s.config.decoy_count = 1;
        if (i == 2) {
            s.chain.hops[1] = s.chain.hops[0];
            s.chain.hops[0].role_arn = decoys[2];
            s.chain.hops[0].identity = "arn:aws:sts::111122223333:assumed-role/bait/x";
            s.chain.count = 2;
        }
        ev = story_event(&s, T0_MS, "sts", "GetCallerIdentity", fb_trait_bit(FB_T_READ));
        ev.outcome = FB_OUTCOME_DENIED;
        story_play(&s, &ev);
        assert_int_equal(s.verdict.level, FB_CONTAIN);
        s.config.decoy_count = 0;
        ev.id = "another";
        story_play(&s, &ev);
        assert_int_equal(s.verdict.root_level, FB_OBSERVE);
    }
}

/* ---- networks that move ---- */

static void machines_that_all_move_to_one_new_address_weigh_half(void **state)
{
    struct story s;
    double first = 0;

    story_begin(&s, *state);
    for (int machine = 0; machine < 6; machine++) {
        char key[16];
        struct fb_event ev;

        snprintf(key, sizeof key, "ASIA%d", machine);
        s.root = fb_profile_new(*state); /* each is a root of its own */
        ev = story_event(&s, T0_MS + machine * MINUTE_MS, "s3", "GetBucketLocation", 0);
        ev.ip = AWAY_IP;
        ev.agent = "Boto3/1.26";
        ev.who.credential = fb_arena_str(*state, key);
        ev.who.instance_role = true;
        story_play(&s, &ev);
        if (machine == 0)
            first = story_value(&s.verdict, "workload-cred-outside");
    }
    assert_true(first > 3.1);
    assert_true(story_value(&s.verdict, "workload-cred-outside") < 1.7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(an_announced_roll_out_is_excused_and_no_other),
        FB_TEST(over_the_announced_rate_or_outside_its_regions_nothing_is_excused),
        FB_TEST(above_the_spend_ceiling_only_announced_work_and_earlier_volume_count),
        FB_TEST(an_announcement_excuses_no_persistence_and_no_evasion),
        FB_TEST(a_signed_in_person_is_excused_where_she_usually_works_only),
        FB_TEST(a_service_that_grows_an_old_group_is_excused_unless_its_maker_is_hot),
        FB_TEST(who_only_writes_a_services_name_into_its_agent_is_no_service),
        FB_TEST(a_first_day_in_one_region_alerts_and_is_not_cut),
        FB_TEST(an_allowed_partner_is_let_in_and_nobody_with_him),
        FB_TEST(a_listed_network_is_told_and_its_neighbour_is_not),
        FB_TEST(a_decoy_may_be_a_key_a_role_or_an_address),
        FB_TEST(machines_that_all_move_to_one_new_address_weigh_half),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

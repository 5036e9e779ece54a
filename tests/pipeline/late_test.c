/* late_test.c - who stands behind it is often learnt after the deed: the AssumeRole comes after the
 * launches, a notice names a key before anybody used it. What was held against the session or the
 * key is the root's then, there is one incident, and all that was made is found. */
#include "pipeline/play.h"

#define USER    "arn:aws:iam::" ACCOUNT ":user/ci"
#define SESSION "arn:aws:sts::" ACCOUNT ":assumed-role/admin/s1"
#define KEY     "AKIAEXAMPLEEXAMPLE01"
#define SKEY    "ASIAEXAMPLEEXAMPLE01"
#define SKEY2   "ASIAEXAMPLEEXAMPLE02"

static bool planned(struct fb_incident inc, const char *target)
{
    for (size_t i = 0; i < inc.plan_count; i++) {
        if (strstr(inc.plan[i].target, target))
            return true;
    }
    return false;
}

static struct fb_incident incident_of(struct play *p, const char *root)
{
    struct fb_incident inc;

    if (!play_incident(p, root, &inc))
        fail_msg("no incident of %s", root);
    return inc;
}

static void assert_ended(struct play *p, const char *root)
{
    struct fb_incident inc;

    if (play_incident(p, root, &inc))
        assert_int_equal(inc.state, FB_INC_CLOSED);
}

/* Two small launches that alarm nobody by themselves come before the AssumeRole. */
static void machines_of_a_session_are_found_though_its_maker_came_to_light_later(void **state)
{
    struct play p;

    (void)state;
    play_open(&p, "memory:", false);
    p.log_time = true;
    play(&p, launch(p.keep, "e1", T0 + MINUTE, who_session(p.keep, "admin", "s1", SKEY),
                    "us-east-1", 1));
    assert_string_equal(fb_chain_root(&p.out.chain)->identity, SESSION);
    play(&p, assume(p.keep, "e2", T0, who_user(p.keep, "ci", KEY), "admin", "s1", SKEY));
    play(&p, notice(p.keep, "e3", T0 + 2 * MINUTE, KEY, "ci"));
    assert_true(planned(incident_of(&p, USER), "i-e100"));
    assert_ended(&p, SESSION);
    play_shut(&p);
}

static void an_alarm_about_a_session_is_its_roots_two_levels_up(void **state)
{
    static const char *const orders[] = {"abc", "acb", "bac", "bca", "cab", "cba"};
    const char *outer = "arn:aws:sts::" ACCOUNT ":assumed-role/deploy/d1";

    (void)state;
    for (size_t o = 0; o < 6; o++) {
        struct play p;
        struct fb_incident inc;

        play_open(&p, "memory:", false);
        p.log_time = true;
        for (int i = 0; i < 3; i++) {
            if (orders[o][i] == 'a')
                play(&p,
                     assume(p.keep, "e1", T0, who_user(p.keep, "ci", KEY), "deploy", "d1", SKEY2));
            if (orders[o][i] == 'b')
                play(&p, assume(p.keep, "e2", T0 + 1000, who_session(p.keep, "deploy", "d1", SKEY2),
                                "admin", "s1", SKEY));
            for (int n = 0; orders[o][i] == 'c' && n < 6; n++) {
                static const char *const regions[] = {"us-east-1", "us-west-2",      "eu-west-1",
                                                      "sa-east-1", "ap-southeast-1", "eu-north-1"};

                play(&p, launch(p.keep, fb_arena_fmt(p.keep, "l%d", n), T0 + MINUTE + n * 5000,
                                who_session(p.keep, "admin", "s1", SKEY), regions[n], 4));
            }
        }
        inc = incident_of(&p, USER);
        assert_int_equal(inc.level, FB_CONTAIN);
        for (int n = 0; n < 6; n++)
            assert_true(planned(inc, fb_arena_fmt(p.keep, "i-l%d00", n)));
        assert_true(planned(inc, "role/deploy"));
        assert_true(planned(inc, "role/admin"));
        assert_true(planned(inc, KEY));
        assert_ended(&p, SESSION);
        assert_ended(&p, outer);
        play_shut(&p);
    }
}

/* A session outlives the key that it came from: it is ended before it acts. */
static void a_session_that_a_leaked_key_minted_is_revoked_before_it_acts_again(void **state)
{
    struct play p;

    (void)state;
    play_open(&p, "memory:", false);
    p.log_time = true;
    play(&p, assume(p.keep, "e1", T0, who_user(p.keep, "ci", KEY), "deploy", "d1", SKEY2));
    play(&p, assume(p.keep, "e2", T0 + 1000, who_session(p.keep, "deploy", "d1", SKEY2), "admin",
                    "s1", SKEY));
    play(&p, assume(p.keep, "e3", T0 - 3 * DAY, who_user(p.keep, "ci", KEY), "bygone", "b1",
                    "ASIAEXAMPLEEXAMPLE03"));
    play(&p, notice(p.keep, "n", T0 + MINUTE, KEY, "ci"));
    assert_true(planned(incident_of(&p, USER), "role/deploy"));
    assert_true(planned(incident_of(&p, USER), "role/admin"));
    assert_false(planned(incident_of(&p, USER), "role/bygone"));
    play_shut(&p);
}

/* The notice knows the key only. Its user's events come before or after: one incident, the user's.
 */
static void a_notice_about_a_key_is_about_its_user(void **state)
{
    (void)state;
    for (int notice_first = 0; notice_first < 2; notice_first++) {
        struct play p;
        struct fb_incident inc;

        play_open(&p, "memory:", false);
        p.log_time = true;
        if (notice_first)
            play(&p, notice(p.keep, "n", T0, KEY, ""));
        play(&p, launch(p.keep, "e1", T0 + MINUTE, who_user(p.keep, "ci", KEY), "us-east-1", 2));
        if (!notice_first)
            play(&p, notice(p.keep, "n", T0 + 2 * MINUTE, KEY, ""));
        inc = incident_of(&p, USER);
        assert_int_equal(inc.level, FB_CONTAIN);
        assert_true(inc.hard);
        assert_true(planned(inc, "i-e100"));
        assert_true(planned(inc, USER));
        assert_ended(&p, KEY);
        play_shut(&p);
    }
}

/* A notice that names key and user cannot tell the user's path. */
static void a_notice_that_does_not_know_the_path_of_a_user_is_about_that_user(void **state)
{
    const char *deep = "arn:aws:iam::" ACCOUNT ":user/bots/ci";

    (void)state;
    for (int notice_first = 0; notice_first < 2; notice_first++) {
        struct play p;
        struct fb_incident inc;

        play_open(&p, "memory:", false);
        p.log_time = true;
        if (notice_first)
            play(&p, notice(p.keep, "n", T0, KEY, "ci"));
        play(&p,
             launch(p.keep, "e1", T0 + MINUTE, who_user(p.keep, "bots/ci", KEY), "us-east-1", 2));
        if (!notice_first)
            play(&p, notice(p.keep, "n", T0 + 2 * MINUTE, KEY, "ci"));
        inc = incident_of(&p, deep);
        assert_int_equal(inc.level, FB_CONTAIN);
        assert_true(planned(inc, "i-e100"));
        assert_ended(&p, USER);
        play_shut(&p);
    }
}

/* Names of sessions repeat: what a stranger did in a session of that name is not laid at the door
 * of the next who takes it. */
static void a_session_of_the_same_name_frames_nobody(void **state)
{
    struct play p;
    struct fb_incident inc;

    (void)state;
    play_open(&p, "memory:", false);
    p.log_time = true;
    for (int n = 0; n < 6; n++) {
        static const char *const regions[] = {"us-east-1", "us-west-2",      "eu-west-1",
                                              "sa-east-1", "ap-southeast-1", "eu-north-1"};

        play(&p, launch(p.keep, fb_arena_fmt(p.keep, "l%d", n), T0 + n * 5000,
                        who_session(p.keep, "admin", "s1", SKEY), regions[n], 4));
    }
    assert_int_equal(incident_of(&p, SESSION).level, FB_CONTAIN);
    play(&p, assume(p.keep, "e2", T0 + HOUR, who_user(p.keep, "ci", KEY), "admin", "s1", SKEY2));
    assert_int_equal(p.out.verdict.level, FB_OBSERVE);
    assert_false(play_incident(&p, USER, &inc));
    play_shut(&p);
}

/* An edge that cannot be read or written is no edge that is not there: the record comes again. */
static void a_link_that_the_store_failed_to_keep_is_kept_when_the_event_comes_again(void **state)
{
    struct play p;

    (void)state;
    play_open(&p, "memory:", false);
    p.log_time = true;
    p.fail_at = 1;
    assert_int_equal(
        play(&p, assume(p.keep, "e1", T0, who_user(p.keep, "ci", KEY), "admin", "s1", SKEY)),
        FB_EIO);
    p.down = false;
    p.fail_at = 0;
    play(&p, assume(p.keep, "e1", T0, who_user(p.keep, "ci", KEY), "admin", "s1", SKEY));
    p.unreadable_edges = true;
    assert_int_equal(play(&p, launch(p.keep, "e2", T0 + 1, who_session(p.keep, "admin", "s1", SKEY),
                                     "us-east-1", 1)),
                     FB_EIO);
    p.unreadable_edges = false;
    play(&p,
         launch(p.keep, "e2", T0 + 1, who_session(p.keep, "admin", "s1", SKEY), "us-east-1", 1));
    assert_false(p.out.duplicate);
    assert_string_equal(fb_chain_root(&p.out.chain)->identity, USER);
    play_shut(&p);
}

/* The other worker's AssumeRole lands between our look at the edges and our commit. */
static struct play *other;

static void assume_in_between(struct play *p, const struct fb_put *puts, size_t n)
{
    struct play *o = other;

    (void)puts;
    if (!o || n < 3) /* the decision's own commit has seen, prof and acct */
        return;
    other = NULL;
    o->real = p->real;
    play(o, assume(o->keep, "e2", T0, who_user(o->keep, "ci", KEY), "admin", "s1", SKEY));
}

static void a_maker_that_comes_to_light_while_we_decide_is_not_missed(void **state)
{
    struct play p, o;
    struct fb_incident inc;
    struct fb_store *own;

    (void)state;
    play_open(&p, "memory:", false);
    play_open(&o, "memory:", false);
    own = o.real;
    p.log_time = o.log_time = true;
    p.before_commit = assume_in_between;
    other = &o;
    play(&p, launch(p.keep, "e1", T0 + MINUTE, who_session(p.keep, "admin", "s1", SKEY),
                    "us-east-1", 2));
    assert_string_equal(fb_chain_root(&p.out.chain)->identity, USER);
    p.before_commit = NULL;
    play(&p, notice(p.keep, "n", T0 + 2 * MINUTE, KEY, "ci"));
    inc = incident_of(&p, USER);
    assert_true(planned(inc, "i-e100"));
    assert_true(p.out.verdict.usd_per_hour > 1); /* the launch is in its profile */
    o.real = own;
    play_shut(&o);
    play_shut(&p);
}

/* --- groups, and two accounts --- */

#define SLR_ROLE                                                                                   \
    "arn:aws:iam::" ACCOUNT ":role/aws-service-role/autoscaling.amazonaws.com/"                    \
    "AWSServiceRoleForAutoScaling"

static const char *grow(struct fb_arena *a, const char *id, int64_t t_ms, const char *group)
{
    return record(a, id, t_ms, who_user(a, "ci", KEY), "autoscaling", "CreateAutoScalingGroup",
                  "us-east-1",
                  fb_arena_fmt(a,
                               "{\"autoScalingGroupName\":\"%s\",\"minSize\":0,\"maxSize\":999,"
                               "\"desiredCapacity\":40,\"launchTemplate\":{\"launchTemplateId\":"
                               "\"lt-1\"}}",
                               group),
                  "null");
}

static const char *service_launch(struct fb_arena *a, const char *id, int64_t t_ms,
                                  const char *group)
{
    const char *who =
        "{\"type\":\"AssumedRole\",\"principalId\":\"AROASLR:AutoScaling\",\"arn\":"
        "\"arn:aws:sts::" ACCOUNT ":assumed-role/AWSServiceRoleForAutoScaling/AutoScaling\","
        "\"accountId\":\"" ACCOUNT "\",\"accessKeyId\":\"ASIASERVICE\",\"invokedBy\":"
        "\"autoscaling.amazonaws.com\",\"sessionContext\":{\"sessionIssuer\":{\"type\":\"Role\","
        "\"principalId\":\"AROASLR\",\"arn\":\"" SLR_ROLE "\",\"accountId\":\"" ACCOUNT
        "\",\"userName\":\"AWSServiceRoleForAutoScaling\"}}}";

    return record(a, id, t_ms, who, "ec2", "RunInstances", "us-east-1",
                  fb_arena_fmt(a,
                               "{\"instanceType\":\"c5a.24xlarge\",\"instancesSet\":{\"items\":"
                               "[{\"minCount\":1,\"maxCount\":1}]},\"tagSpecificationSet\":{"
                               "\"items\":[{\"resourceType\":\"instance\",\"tags\":[{\"key\":"
                               "\"aws:autoscaling:groupName\",\"value\":\"%s\"}]}]}}",
                               group),
                  fb_arena_fmt(a,
                               "{\"instancesSet\":{\"items\":[{\"instanceId\":\"i-%s\","
                               "\"instanceType\":\"c5a.24xlarge\"}]}}",
                               id));
}

static void root_bytes(struct play *p, const char *root, struct fb_item *out)
{
    assert_int_equal(
        fb_store_get(p->real, p->keep, fb_arena_fmt(p->keep, "prof#%s", root), out, NULL), FB_OK);
}

/* The service launches for the thief's group and for an honest one; whenever the thief's call
 * comes, the thief's machines are stopped and the others run on. */
static void machines_of_a_thiefs_group_are_the_thiefs_whenever_its_making_is_told(void **state)
{
    struct fb_item want = {0};
    struct play first;

    (void)state;
    for (int at = 0; at < 3; at++) { /* the group's making: before, between, after */
        struct play p;
        struct fb_item is;
        struct fb_incident inc;

        play_open(&p, "memory:", false);
        p.log_time = true;
        for (int i = 0; i < 5; i++) {
            if ((at == 0 && i == 0) || (at == 1 && i == 2))
                play(&p, grow(p.keep, "g", T0, "evil"));
            play(&p, service_launch(p.keep, fb_arena_fmt(p.keep, "e%d", i), T0 + (i + 1) * 5000,
                                    "evil"));
            play(&p, service_launch(p.keep, fb_arena_fmt(p.keep, "h%d", i), T0 + (i + 1) * 5000,
                                    "honest"));
            assert_string_equal(fb_chain_root(&p.out.chain)->identity, SLR_ROLE);
        }
        if (at == 2)
            play(&p, grow(p.keep, "g", T0, "evil"));
        play(&p, notice(p.keep, "n", T0 + 2 * MINUTE, KEY, "ci"));
        inc = incident_of(&p, USER);
        assert_int_equal(inc.level, FB_CONTAIN);
        for (int i = 0; i < 5; i++) {
            assert_true(planned(inc, fb_arena_fmt(p.keep, "i-e%d", i)));
            assert_false(planned(inc, fb_arena_fmt(p.keep, "i-h%d", i)));
        }
        assert_true(p.out.verdict.usd_per_hour > 10); /* the launches are in the thief's profile */
        root_bytes(&p, USER, &is);
        if (at == 0) {
            want = is;
            first = p;
            continue;
        }
        assert_int_equal(is.len, want.len);
        assert_memory_equal(is.value, want.value, want.len);
        play_shut(&p);
    }
    play_shut(&first);
}

/* What a service launched before the thief touched the group is nobody's theft. */
static void machines_from_before_a_thief_grew_a_group_run_on(void **state)
{
    struct play p;
    struct fb_incident inc;

    (void)state;
    play_open(&p, "memory:", false);
    p.log_time = true;
    play(&p, service_launch(p.keep, "old", T0 - HOUR, "web"));
    play(&p, grow(p.keep, "g", T0, "web"));
    play(&p, service_launch(p.keep, "new", T0 + MINUTE, "web"));
    play(&p, notice(p.keep, "n", T0 + 2 * MINUTE, KEY, "ci"));
    inc = incident_of(&p, USER);
    assert_true(planned(inc, "i-new"));
    assert_false(planned(inc, "i-old"));
    play_shut(&p);
}

#define OTHER_ACCOUNT "444455556666"
#define CROSS_SESSION "arn:aws:sts::" OTHER_ACCOUNT ":assumed-role/admin/hop"

/* The role's account and the caller's both report; the role's does not see the caller's key. */
static const char *cross_assume(struct fb_arena *a, bool ours)
{
    const char *who = ours ? "{\"type\":\"AWSAccount\",\"principalId\":\"AIDAci\",\"accountId\":"
                             "\"" ACCOUNT "\"}"
                           : who_user(a, "ci", KEY);
    const char *line = record(
        a, ours ? "x-ours" : "x-theirs", T0, who, "sts", "AssumeRole", "us-east-1",
        "{\"roleArn\":\"arn:aws:iam::" OTHER_ACCOUNT ":role/admin\",\"roleSessionName\":\"hop\"}",
        "{\"credentials\":{\"accessKeyId\":\"ASIACROSSACCOUNT0001\",\"expiration\":"
        "\"2026-05-04T10:00:00Z\"},\"assumedRoleUser\":{\"assumedRoleId\":\"AROAX:hop\","
        "\"arn\":\"" CROSS_SESSION "\"}}");
    const char *tail = strstr(line, "\"recipientAccountId\"");

    return fb_arena_fmt(a, "%.*s\"sharedEventID\":\"shared-1\",\"recipientAccountId\":\"%s\"}",
                        (int)(tail - line), line, ours ? OTHER_ACCOUNT : ACCOUNT);
}

static const char *cross_launch(struct fb_arena *a)
{
    const char *who = "{\"type\":\"AssumedRole\",\"principalId\":\"AROAX:hop\",\"arn\":"
                      "\"" CROSS_SESSION "\",\"accountId\":\"" OTHER_ACCOUNT
                      "\",\"accessKeyId\":\"ASIACROSSACCOUNT0001\",\"sessionContext\":{"
                      "\"sessionIssuer\":{\"type\":\"Role\",\"principalId\":\"AROAX\",\"arn\":"
                      "\"arn:aws:iam::" OTHER_ACCOUNT ":role/admin\",\"accountId\":\"" OTHER_ACCOUNT
                      "\",\"userName\":\"admin\"}}}";
    const char *line = launch(a, "l", T0 + MINUTE, who, "us-east-1", 4);
    const char *tail = strstr(line, "\"recipientAccountId\"");

    return fb_arena_fmt(a, "%.*s\"recipientAccountId\":\"" OTHER_ACCOUNT "\"}", (int)(tail - line),
                        line);
}

/* The launch, and the two records of the AssumeRole, in every order. */
static void a_theft_across_two_accounts_is_its_beginners_in_every_order(void **state)
{
    static const char *const orders[] = {"tol", "tlo", "otl", "olt", "lto", "lot"};
    struct fb_item want = {0};
    struct play first;

    (void)state;
    for (size_t o = 0; o < 6; o++) {
        struct play p;
        struct fb_item is;
        struct fb_incident inc;

        play_open(&p, "memory:", false);
        p.log_time = true;
        for (const char *c = orders[o]; *c; c++)
            play(&p, *c == 'l' ? cross_launch(p.keep) : cross_assume(p.keep, *c == 'o'));
        play(&p, notice(p.keep, "n", T0 + 2 * MINUTE, KEY, "ci"));
        inc = incident_of(&p, USER);
        assert_int_equal(inc.level, FB_CONTAIN);
        assert_true(planned(inc, KEY));
        assert_true(planned(inc, "role/admin"));
        assert_true(p.out.verdict.usd_per_hour > 10); /* the launch is in its profile */
        assert_ended(&p, CROSS_SESSION);
        assert_ended(&p, ACCOUNT ":AIDAci");
        root_bytes(&p, USER, &is);
        if (o == 0) {
            want = is;
            first = p;
            continue;
        }
        assert_int_equal(is.len, want.len);
        assert_memory_equal(is.value, want.value, want.len);
        play_shut(&p);
    }
    play_shut(&first);
}

/* While it lasts the incident's days teach nothing; when it is over its marks stay, on the root and
 * on the account. */
static void days_of_an_incident_teach_neither_root_nor_account(void **state)
{
    struct play p;
    struct fb_tick tick;
    struct fb_item before, after;

    (void)state;
    play_open(&p, "memory:", true);
    p.now_ms = T0 + 2 * MINUTE;
    play(&p, launch(p.keep, "l", T0 + MINUTE, who_user(p.keep, "ci", KEY), "us-east-1", 2));
    play(&p, notice(p.keep, "n", T0 + 2 * MINUTE, KEY, "ci"));
    assert_int_equal(fb_store_get(p.real, p.keep, "acct#" ACCOUNT, &before, NULL), FB_OK);
    for (int i = 0; i < 6; i++) {
        p.now_ms += MINUTE;
        play_tick(&p, &tick);
    }
    for (int i = 0; i < 60 && incident_of(&p, USER).state != FB_INC_CLOSED; i++) {
        p.now_ms += HOUR; /* it is looked at again before it is over */
        play_tick(&p, &tick);
    }
    assert_int_equal(incident_of(&p, USER).state, FB_INC_CLOSED);
    assert_int_equal(fb_store_get(p.real, p.keep, "acct#" ACCOUNT, &after, NULL), FB_OK);
    assert_true(after.len != before.len || memcmp(after.value, before.value, after.len) != 0);
    play_shut(&p);
}

/* Two sessions of one name: when the second one's maker comes to light, its maker gets what was
 * done with that very credential, and nothing of the stranger's. */
static void a_maker_gets_its_own_sessions_history_and_not_its_namesakes(void **state)
{
    double alone = 0;

    (void)state;
    for (int namesake = 0; namesake < 2; namesake++) {
        struct play p;

        play_open(&p, "memory:", false);
        p.log_time = true;
        if (namesake)
            play(&p, launch(p.keep, "s", T0 + MINUTE, who_session(p.keep, "admin", "s1", SKEY),
                            "us-east-1", 9));
        play(&p, launch(p.keep, "l", T0 + 2 * MINUTE, who_session(p.keep, "admin", "s1", SKEY2),
                        "us-east-1", 1));
        play(&p, assume(p.keep, "a", T0, who_user(p.keep, "ci", KEY), "admin", "s1", SKEY2));
        if (!namesake)
            alone = p.out.verdict.usd_per_hour;
        assert_true(p.out.verdict.usd_per_hour > 1);
        assert_true(p.out.verdict.usd_per_hour < alone + 0.01);
        play_shut(&p);
    }
}

/* What a thief made is the thief's for as long as the theft lasts; what an honest user made a day
 * ago stands on its own. */
static void a_user_that_a_thief_made_shares_the_thiefs_guilt_after_a_day_too(void **state)
{
    (void)state;
    for (int thief = 0; thief < 2; thief++) {
        struct play p;

        play_open(&p, "memory:", false);
        p.log_time = true;
        play(&p, record(p.keep, "cu", T0, who_user(p.keep, "ci", KEY), "iam", "CreateUser",
                        "us-east-1", "{\"userName\":\"back\"}",
                        "{\"user\":{\"userName\":\"back\",\"arn\":\"arn:aws:iam::" ACCOUNT
                        ":user/back\"}}"));
        if (thief)
            play(&p, notice(p.keep, "n", T0 + MINUTE, KEY, "ci"));
        play(&p, launch(p.keep, "l", T0 + 30 * HOUR,
                        who_user(p.keep, "back", "AKIAEXAMPLEEXAMPLE09"), "us-east-1", 1));
        assert_int_equal(p.out.verdict.level == FB_CONTAIN, thief);
        play_shut(&p);
    }
}

/* A service that serves a thief's old group has no excuse; serving another's, it may have one. */
static void an_old_group_is_hot_while_its_maker_is(void **state)
{
    (void)state;
    for (int thief = 0; thief < 2; thief++) {
        struct play p;

        play_open(&p, "memory:", false);
        p.log_time = true;
        play(&p, grow(p.keep, "g", T0, "web"));
        if (thief)
            play(&p, notice(p.keep, "n", T0 + HOUR, KEY, "ci"));
        play(&p, service_launch(p.keep, "l", T0 + 25 * HOUR, "web"));
        assert_string_equal(fb_chain_root(&p.out.chain)->identity, SLR_ROLE);
        assert_int_equal(p.out.chain.group_made_ms, T0);
        assert_int_equal(p.out.chain.group_hot, thief);
        play_shut(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(machines_of_a_session_are_found_though_its_maker_came_to_light_later),
        cmocka_unit_test(an_alarm_about_a_session_is_its_roots_two_levels_up),
        cmocka_unit_test(a_session_that_a_leaked_key_minted_is_revoked_before_it_acts_again),
        cmocka_unit_test(a_notice_about_a_key_is_about_its_user),
        cmocka_unit_test(a_notice_that_does_not_know_the_path_of_a_user_is_about_that_user),
        cmocka_unit_test(a_session_of_the_same_name_frames_nobody),
        cmocka_unit_test(a_link_that_the_store_failed_to_keep_is_kept_when_the_event_comes_again),
        cmocka_unit_test(a_maker_that_comes_to_light_while_we_decide_is_not_missed),
        cmocka_unit_test(machines_of_a_thiefs_group_are_the_thiefs_whenever_its_making_is_told),
        cmocka_unit_test(machines_from_before_a_thief_grew_a_group_run_on),
        cmocka_unit_test(a_theft_across_two_accounts_is_its_beginners_in_every_order),
        cmocka_unit_test(days_of_an_incident_teach_neither_root_nor_account),
        cmocka_unit_test(a_maker_gets_its_own_sessions_history_and_not_its_namesakes),
        cmocka_unit_test(a_user_that_a_thief_made_shares_the_thiefs_guilt_after_a_day_too),
        cmocka_unit_test(an_old_group_is_hot_while_its_maker_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

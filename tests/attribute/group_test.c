/* group_test.c - what services launch lands on whoever made or grew the group, and one act that two
 * accounts report is one link. */
#include "support/fb_test.h"

#include "attribute/blank_event.h"
#include "attribute/edge_table.h"

#define USER  "arn:aws:iam::111122223333:user/thief"
#define OTHER "arn:aws:iam::111122223333:user/ops"
#define SLR                                                                                        \
    "arn:aws:iam::111122223333:role/aws-service-role/autoscaling.amazonaws.com/"                   \
    "AWSServiceRoleForAutoScaling"
#define SLR_SESSION                                                                                \
    "arn:aws:sts::111122223333:assumed-role/AWSServiceRoleForAutoScaling/AutoScaling"

static struct fb_chain trace(void **state, const struct fb_event *ev, struct edge_table *t)
{
    struct fb_edge_source source = edge_table_source(t);
    struct fb_chain chain;
    struct fb_err err = {0};

    assert_int_equal(fb_chain_trace(*state, ev, &source, &chain, &err), FB_OK);
    return chain;
}

static struct fb_event compute(const char *id, int64_t t_ms, const char *action, const char *group)
{
    struct fb_event ev = blank_event(id, t_ms);

    ev.service = "autoscaling";
    ev.action = action;
    ev.traits = fb_trait_bit(FB_T_COMPUTE_CREATE);
    ev.launch.group = group;
    ev.launch.within = "";
    return ev;
}

static struct fb_event makes(const char *id, int64_t t_ms, const char *user, const char *action,
                             const char *group)
{
    struct fb_event ev = compute(id, t_ms, action, group);

    by_user(&ev, user, "u", "ASIATOKEN");
    return ev;
}

static struct fb_event launches(const char *id, int64_t t_ms, const char *group)
{
    struct fb_event ev = compute(id, t_ms, "RunInstances", group);

    by_role(&ev, SLR_SESSION, SLR, "AutoScaling", "ASIASERVICE");
    ev.who.invoked_by = "autoscaling.amazonaws.com";
    return ev;
}

static void machines_of_a_fresh_group_land_on_who_made_it(void **state)
{
    struct edge_table t = {0};
    struct fb_event made = makes("m", T0_MS, USER, "CreateAutoScalingGroup", "autoscaling:web");
    struct fb_event run = launches("r", T0_MS + MINUTE_MS, "autoscaling:web");
    struct fb_chain c;

    edge_table_learn(&t, *state, &made);
    c = trace(state, &run, &t);
    assert_string_equal(fb_chain_root(&c)->identity, USER);
    assert_int_equal(c.hops[0].kind, FB_HOP_SERVICE);
    assert_non_null(strstr(c.hops[0].identity, "autoscaling:web"));
    assert_string_equal(c.hops[0].via, "made");
    assert_string_equal(c.links[0].event, "m");
    assert_int_equal(c.links[0].at_ms, T0_MS);
    assert_false(c.group_open);
    assert_false(c.partial);
}

/* Only the group itself: not one of the same name elsewhere, nor another. */
static void a_group_elsewhere_or_by_another_name_frames_nobody(void **state)
{
    struct edge_table t = {0};
    struct fb_event made = makes("m", T0_MS, USER, "CreateAutoScalingGroup", "autoscaling:web");
    struct fb_event run = launches("r", T0_MS + MINUTE_MS, "autoscaling:web2");
    struct fb_chain c;

    edge_table_learn(&t, *state, &made);
    c = trace(state, &run, &t);
    assert_string_equal(fb_chain_root(&c)->identity, SLR);
    assert_true(c.group_open);
    run.launch.group = "autoscaling:web";
    run.region = "eu-west-1";
    c = trace(state, &run, &t);
    assert_string_equal(fb_chain_root(&c)->identity, SLR);
    run.region = "us-east-1";
    run.account = "444455556666";
    c = trace(state, &run, &t);
    assert_string_equal(fb_chain_root(&c)->identity, SLR);
}

static void a_group_that_is_older_than_a_day_leaves_its_launches_with_the_service(void **state)
{
    struct edge_table t = {0};
    struct fb_event made = makes("m", T0_MS, USER, "CreateAutoScalingGroup", "autoscaling:web");
    struct fb_event run = launches("r", T0_MS + 25 * HOUR_MS, "autoscaling:web");
    struct fb_chain c;

    edge_table_learn(&t, *state, &made);
    c = trace(state, &run, &t);
    assert_string_equal(fb_chain_root(&c)->identity, SLR);
    assert_string_equal(c.group, "autoscaling:web");
    assert_int_equal(c.group_made_ms, T0_MS);
    assert_string_equal(c.group_by.identity, USER);
}

static void who_grows_an_old_group_answers_for_what_comes_then(void **state)
{
    struct edge_table t = {0};
    struct fb_event grew = makes("g", T0_MS, OTHER, "SetDesiredCapacity", "autoscaling:web");
    struct fb_event run = launches("r", T0_MS + HOUR_MS, "autoscaling:web");
    struct fb_chain c;

    edge_table_learn(&t, *state, &grew);
    c = trace(state, &run, &t);
    assert_string_equal(fb_chain_root(&c)->identity, OTHER);
    assert_string_equal(c.hops[0].via, "grew");
}

/* EKS makes a scaling group for a node group; a person made the node group. */
static void a_group_in_a_group_leads_to_who_made_the_outer_one(void **state)
{
    struct edge_table t = {0};
    struct fb_event nodes = makes("n", T0_MS, USER, "CreateNodegroup", "eks:c/n");
    struct fb_event inner =
        launches("i", T0_MS + MINUTE_MS, "autoscaling:eks-n-123"); /* by EKS's own role */
    struct fb_event run = launches("r", T0_MS + 2 * MINUTE_MS, "autoscaling:eks-n-123");
    struct fb_chain c;

    inner.action = "CreateAutoScalingGroup";
    inner.who.invoked_by = "eks-nodegroup.amazonaws.com";
    inner.launch.within = "eks:c/n";
    edge_table_learn(&t, *state, &nodes);
    c = trace(state, &inner, &t);
    assert_string_equal(fb_chain_root(&c)->identity, USER);
    edge_table_learn(&t, *state, &inner);
    c = trace(state, &run, &t);
    assert_string_equal(fb_chain_root(&c)->identity, USER);
    assert_int_equal(c.count, 3);
    assert_non_null(strstr(c.hops[1].identity, "eks:c/n"));
    assert_string_equal(c.hops[0].via, "part of");
}

static void a_failed_launch_that_names_only_its_template_lands_on_who_made_that(void **state)
{
    struct edge_table t = {0};
    struct fb_event made = blank_event("m", T0_MS);
    struct fb_event run = launches("r", T0_MS + MINUTE_MS, "");
    struct fb_chain c;

    by_user(&made, USER, "thief", "ASIATOKEN");
    made.action = "CreateLaunchTemplate";
    made.launch.template_id = "lt-1";
    edge_table_learn(&t, *state, &made);
    run.launch.template_id = "lt-1";
    run.outcome = FB_OUTCOME_FAILED;
    c = trace(state, &run, &t);
    assert_string_equal(fb_chain_root(&c)->identity, USER);
}

/* A person's own calls are that person's, whatever group they name. */
static void a_person_who_acts_through_a_service_stays_the_root(void **state)
{
    struct edge_table t = {0};
    struct fb_event made = makes("m", T0_MS, USER, "CreateAutoScalingGroup", "autoscaling:web");
    struct fb_event run = launches("r", T0_MS + MINUTE_MS, "autoscaling:web");
    struct fb_chain c;

    edge_table_learn(&t, *state, &made);
    by_user(&run, OTHER, "ops", "AKIAOPS");
    c = trace(state, &run, &t);
    assert_string_equal(fb_chain_root(&c)->identity, OTHER);
    assert_false(fb_chain_has_group(&c));
}

static struct fb_event cross(const char *id, const char *credential)
{
    struct fb_event ev = blank_event(id, T0_MS);

    ev.service = "sts";
    ev.action = "AssumeRole";
    ev.shared_id = "shared-1";
    ev.mint.credential = credential;
    ev.mint.role_arn = "arn:aws:iam::444455556666:role/admin";
    ev.mint.session_arn = "arn:aws:sts::444455556666:assumed-role/admin/s";
    return ev;
}

/* The role's account does not see the caller's key; the caller's may not show the new one. */
static void two_records_of_one_assume_role_join_whichever_comes_first(void **state)
{
    for (int shows = 0; shows < 2; shows++) {
        for (int caller_first = 0; caller_first < 2; caller_first++) {
            struct edge_table t = {0};
            struct fb_event theirs = cross("a", shows ? "ASIACROSS" : "");
            struct fb_event ours = cross("b", "ASIACROSS"), run = blank_event("r", T0_MS + 1);
            struct fb_chain c;

            by_user(&theirs, USER, "thief", "AKIATHIEF");
            theirs.who.id = "AIDATHIEF";
            ours.account = "444455556666";
            ours.who.kind = FB_WHO_ACCOUNT;
            ours.who.id = "AIDATHIEF";
            by_role(&run, "arn:aws:sts::444455556666:assumed-role/admin/s",
                    "arn:aws:iam::444455556666:role/admin", "s", "ASIACROSS");
            edge_table_learn(&t, *state, caller_first ? &theirs : &ours);
            c = trace(state, &run, &t);
            if (!caller_first) {
                assert_string_equal(fb_chain_root(&c)->identity, "111122223333:AIDATHIEF");
                assert_true(c.partial);
            }
            edge_table_learn(&t, *state, caller_first ? &ours : &theirs);
            c = trace(state, &run, &t);
            assert_string_equal(fb_chain_root(&c)->identity, USER);
            assert_int_equal(c.count, 2);
            assert_false(c.partial);
        }
    }
}

static void a_token_for_another_partition_leads_back_to_who_asked_for_it(void **state)
{
    struct edge_table t = {0};
    struct fb_event asked = blank_event("a", T0_MS), used = blank_event("u", T0_MS + 1);
    struct fb_chain c;

    by_user(&asked, USER, "thief", "AKIATHIEF");
    asked.action = "GetWebIdentityToken";
    asked.mint.credential = "token-1";
    used.action = "AssumeRoleWithWebIdentity";
    used.who.kind = FB_WHO_WEB_IDENTITY;
    used.who.idp = "issuer";
    used.who.subject = "subject";
    used.who.credential = "token-1";
    c = trace(state, &used, &t);
    assert_string_equal(fb_chain_root(&c)->identity, "issuer:subject");
    edge_table_learn(&t, *state, &asked);
    c = trace(state, &used, &t);
    assert_string_equal(fb_chain_root(&c)->identity, USER);
    assert_int_equal(c.count, 2);
}

/* A machine answers for itself; who launched it is told beside it. */
static void who_launched_a_machine_is_its_second_suspect(void **state)
{
    struct fb_made machine = {
        .kind = "instance", .id = "i-0abc", .owner = "", .region = "", .type = ""};
    struct fb_event run = makes("r", T0_MS, USER, "RunInstances", "");
    struct fb_event ev = blank_event("e", T0_MS + HOUR_MS);
    struct edge_table t = {0};
    struct fb_chain c;
    struct fb_chain launcher = trace(state, &run, &t);

    run.made = &machine;
    run.made_count = 1;
    assert_true(fb_chain_machine_edge(*state, &run, &launcher, &machine, &t.rows[0]));
    t.count = 1;
    by_role(&ev, "arn:aws:sts::111122223333:assumed-role/web/i-0abc",
            "arn:aws:iam::111122223333:role/web", "i-0abc", "ASIAMACHINE");
    ev.who.instance_role = true;
    c = trace(state, &ev, &t);
    assert_int_equal(fb_chain_root(&c)->kind, FB_HOP_INSTANCE);
    assert_int_equal(c.count, 1);
    assert_string_equal(c.suspect.identity, USER);
    assert_string_equal(c.suspect_link.event, "r");
    ev.time_ms = T0_MS - 1; /* before that: another's */
    c = trace(state, &ev, &t);
    assert_null(c.suspect.identity);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(machines_of_a_fresh_group_land_on_who_made_it),
        FB_TEST(a_group_elsewhere_or_by_another_name_frames_nobody),
        FB_TEST(a_group_that_is_older_than_a_day_leaves_its_launches_with_the_service),
        FB_TEST(who_grows_an_old_group_answers_for_what_comes_then),
        FB_TEST(a_group_in_a_group_leads_to_who_made_the_outer_one),
        FB_TEST(a_failed_launch_that_names_only_its_template_lands_on_who_made_that),
        FB_TEST(a_person_who_acts_through_a_service_stays_the_root),
        FB_TEST(two_records_of_one_assume_role_join_whichever_comes_first),
        FB_TEST(a_token_for_another_partition_leads_back_to_who_asked_for_it),
        FB_TEST(who_launched_a_machine_is_its_second_suspect),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

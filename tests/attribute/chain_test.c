/* chain_test.c - who answers for an event, for every kind of actor and every shape of chain. */
#include "support/fb_test.h"

#include "attribute/blank_event.h"
#include "attribute/edge_table.h"

#define USER          "arn:aws:iam::111122223333:user/ci/build"
#define ROLE          "arn:aws:iam::111122223333:role/deploy"
#define SESSION       "arn:aws:sts::111122223333:assumed-role/deploy/run-7"
#define ADMIN         "arn:aws:iam::444455556666:role/admin"
#define ADMIN_SESSION "arn:aws:sts::444455556666:assumed-role/admin/hop-2"

static struct fb_chain trace(void **state, const struct fb_event *ev, struct edge_table *t)
{
    struct fb_edge_source source = edge_table_source(t);
    struct fb_chain chain;
    struct fb_err err = {0};

    assert_int_equal(fb_chain_trace(*state, ev, &source, &chain, &err), FB_OK);
    return chain;
}

static struct fb_event assume(const char *id, const char *session_key, const char *role,
                              const char *session_arn)
{
    struct fb_event ev = blank_event(id, T0_MS);

    ev.service = "sts";
    ev.action = "AssumeRole";
    ev.mint.credential = session_key;
    ev.mint.role_arn = role;
    ev.mint.session_arn = session_arn;
    ev.mint.expires_ms = T0_MS + HOUR_MS;
    return ev;
}

static void a_user_answers_for_itself_by_its_arn(void **state)
{
    struct edge_table t = {0};
    struct fb_event ev = blank_event("e", T0_MS);
    struct fb_chain c;

    by_user(&ev, USER, "build", "AKIAUSER");
    c = trace(state, &ev, &t);
    assert_int_equal(c.count, 1);
    assert_int_equal(c.hops[0].kind, FB_HOP_USER_KEY);
    assert_string_equal(c.hops[0].identity, USER);
    assert_string_equal(c.hops[0].user, "build");
    assert_string_equal(c.hops[0].credential, "AKIAUSER");
    assert_false(c.partial);
    assert_int_equal(t.asked, 0); /* nothing to look up: no store read on the usual event */
}

static void a_session_token_of_a_user_is_that_user_without_any_edge(void **state)
{
    struct edge_table t = {0};
    struct fb_event ev = blank_event("e", T0_MS);
    struct fb_chain c;

    by_user(&ev, USER, "build", "ASIASESSIONTOKEN");
    c = trace(state, &ev, &t);
    assert_string_equal(fb_chain_root(&c)->identity, USER);
    assert_int_equal(c.count, 1);
    assert_false(c.partial);
}

static void a_user_at_the_console_has_no_key(void **state)
{
    struct edge_table t = {0};
    struct fb_event ev = blank_event("e", T0_MS);
    struct fb_chain c;

    by_user(&ev, USER, "build", "");
    c = trace(state, &ev, &t);
    assert_int_equal(c.hops[0].kind, FB_HOP_USER);
}

static void a_federated_session_answers_as_the_user_who_asked_for_it(void **state)
{
    struct edge_table t = {0};
    struct fb_event ev = blank_event("e", T0_MS);
    struct fb_chain c;

    ev.who.kind = FB_WHO_FEDERATED;
    ev.who.arn = "arn:aws:sts::111122223333:federated-user/tmp";
    ev.who.issuer_arn = USER;
    ev.who.issuer_kind = "IAMUser";
    ev.who.credential = "ASIAFED";
    c = trace(state, &ev, &t);
    assert_string_equal(fb_chain_root(&c)->identity, USER);
    assert_string_equal(fb_chain_root(&c)->user, "build");
    assert_false(c.partial);

    ev.who.issuer_arn = "arn:aws:iam::111122223333:root";
    ev.who.issuer_kind = "Root";
    c = trace(state, &ev, &t);
    assert_int_equal(fb_chain_root(&c)->kind, FB_HOP_ROOT);
    assert_string_equal(fb_chain_root(&c)->identity, "arn:aws:iam::111122223333:root");
}

static void the_account_root_user_is_told_apart(void **state)
{
    struct edge_table t = {0};
    struct fb_event ev = blank_event("e", T0_MS);
    struct fb_chain c;

    ev.who.kind = FB_WHO_ROOT;
    ev.who.arn = "";
    c = trace(state, &ev, &t);
    assert_int_equal(c.hops[0].kind, FB_HOP_ROOT);
    assert_string_equal(c.hops[0].identity, "arn:aws:iam::111122223333:root");
    assert_string_equal(fb_hop_kind_name(c.hops[0].kind), "account_root");
}

static void a_role_session_of_unknown_making_is_partial_and_answers_as_itself(void **state)
{
    struct edge_table t = {0};
    struct fb_event ev = blank_event("e", T0_MS);
    struct fb_chain c;

    by_role(&ev, SESSION, ROLE, "run-7", "ASIAONE");
    c = trace(state, &ev, &t);
    assert_int_equal(c.count, 1);
    assert_string_equal(fb_chain_root(&c)->identity, SESSION);
    assert_string_equal(fb_chain_root(&c)->role_arn, ROLE);
    assert_true(c.partial);
}

static void a_machines_session_answers_as_the_machine(void **state)
{
    struct edge_table t = {0};
    struct fb_event ev = blank_event("e", T0_MS);
    struct fb_chain c;

    by_role(&ev, "arn:aws:sts::111122223333:assumed-role/web/i-0abc", ROLE, "i-0abc", "ASIAI");
    ev.who.instance_role = true;
    c = trace(state, &ev, &t);
    assert_int_equal(fb_chain_root(&c)->kind, FB_HOP_INSTANCE);
    assert_string_equal(fb_chain_root(&c)->identity,
                        "arn:aws:sts::111122223333:assumed-role/web/i-0abc");
    assert_false(c.partial);
}

static void the_service_that_hands_a_machine_its_key_is_no_hop(void **state)
{
    struct edge_table t = {0};
    struct fb_event maker = assume("m", "ASIAI", ROLE, "arn:aws:sts::1:assumed-role/web/i-0abc");
    struct fb_event ev = blank_event("e", T0_MS);
    struct fb_chain c;

    maker.who.kind = FB_WHO_SERVICE;
    maker.who.invoked_by = "ec2.amazonaws.com";
    edge_table_learn(&t, *state, &maker);
    by_role(&ev, "arn:aws:sts::111122223333:assumed-role/web/i-0abc", ROLE, "i-0abc", "ASIAI");
    ev.who.instance_role = true;
    c = trace(state, &ev, &t);
    assert_int_equal(c.count, 1);
    assert_int_equal(c.hops[0].kind, FB_HOP_INSTANCE);
}

static void a_user_cannot_pose_as_a_machine_by_the_sessions_name(void **state)
{
    struct edge_table t = {0};
    struct fb_event maker = assume("m", "ASIAI", ROLE, "arn:aws:sts::1:assumed-role/web/i-0abc");
    struct fb_event ev = blank_event("e", T0_MS);
    struct fb_chain c;

    by_user(&maker, USER, "build", "AKIAUSER");
    edge_table_learn(&t, *state, &maker);
    by_role(&ev, "arn:aws:sts::111122223333:assumed-role/web/i-0abc", ROLE, "i-0abc", "ASIAI");
    ev.who.instance_role = true;
    c = trace(state, &ev, &t);
    assert_string_equal(fb_chain_root(&c)->identity, USER);
}

static void a_function_answers_as_its_role(void **state)
{
    struct edge_table t = {0};
    struct fb_event maker = assume("m", "ASIAFN", ROLE, SESSION);
    struct fb_event ev = blank_event("e", T0_MS);
    struct fb_chain c;

    maker.who.kind = FB_WHO_SERVICE;
    maker.who.invoked_by = "lambda.amazonaws.com";
    edge_table_learn(&t, *state, &maker);
    by_role(&ev, SESSION, ROLE, "run-7", "ASIAFN");
    c = trace(state, &ev, &t);
    assert_int_equal(c.count, 2);
    assert_int_equal(fb_chain_root(&c)->kind, FB_HOP_ROLE);
    assert_string_equal(fb_chain_root(&c)->identity, ROLE);
    assert_string_equal(fb_chain_root(&c)->session, "");
    assert_false(c.partial);
}

static void a_service_linked_role_needs_no_edge(void **state)
{
    struct edge_table t = {0};
    struct fb_event ev = blank_event("e", T0_MS);
    const char *role = "arn:aws:iam::111122223333:role/aws-service-role/autoscaling.amazonaws.com/"
                       "AWSServiceRoleForAutoScaling";
    struct fb_chain c;

    by_role(&ev, "arn:aws:sts::111122223333:assumed-role/AWSServiceRoleForAutoScaling/AutoScaling",
            role, "AutoScaling", "ASIAASG");
    c = trace(state, &ev, &t);
    assert_string_equal(fb_chain_root(&c)->identity, role);
    assert_false(c.partial);
}

static void a_person_of_identity_center_answers_by_session(void **state)
{
    struct edge_table t = {0};
    struct fb_event ev = blank_event("e", T0_MS);
    const char *session = "arn:aws:sts::111122223333:assumed-role/"
                          "AWSReservedSSO_Admin_0123456789abcdef/ann@x.example";
    struct fb_chain c;

    by_role(&ev, session,
            "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/"
            "AWSReservedSSO_Admin_0123456789abcdef",
            "ann@x.example", "ASIASSO");
    c = trace(state, &ev, &t);
    assert_int_equal(fb_chain_root(&c)->kind, FB_HOP_SSO);
    assert_string_equal(fb_chain_root(&c)->identity, session);
    assert_false(c.partial);
}

static void a_launch_by_a_role_ends_at_the_user_who_assumed_it(void **state)
{
    struct edge_table t = {0};
    struct fb_event maker = assume("m", "ASIAONE", ROLE, SESSION);
    struct fb_event ev = blank_event("e", T0_MS);
    struct fb_chain c;

    by_user(&maker, USER, "build", "AKIAUSER");
    edge_table_learn(&t, *state, &maker);
    by_role(&ev, SESSION, ROLE, "run-7", "ASIAONE");
    c = trace(state, &ev, &t);
    assert_int_equal(c.count, 2);
    assert_string_equal(c.hops[0].identity, SESSION);
    assert_string_equal(c.hops[0].via, "AssumeRole");
    assert_string_equal(fb_chain_root(&c)->identity, USER);
    assert_string_equal(fb_chain_root(&c)->credential, "AKIAUSER");
    assert_false(c.partial);
}

static void two_hops_across_accounts_end_at_the_user_when_both_report(void **state)
{
    struct edge_table t = {0};
    struct fb_event one = assume("m1", "ASIAONE", ROLE, SESSION);
    struct fb_event two = assume("m2", "ASIATWO", ADMIN, ADMIN_SESSION);
    struct fb_event ev = blank_event("e", T0_MS);
    struct fb_chain c;

    by_user(&one, USER, "build", "AKIAUSER");
    by_role(&two, SESSION, ROLE, "run-7", "ASIAONE");
    edge_table_learn(&t, *state, &one);
    edge_table_learn(&t, *state, &two);
    by_role(&ev, ADMIN_SESSION, ADMIN, "hop-2", "ASIATWO");
    ev.account = ev.who.account = "444455556666";
    c = trace(state, &ev, &t);
    assert_int_equal(c.count, 3);
    assert_string_equal(c.hops[0].account, "444455556666");
    assert_string_equal(c.hops[1].identity, SESSION);
    assert_string_equal(fb_chain_root(&c)->identity, USER);
}

static void the_chain_grows_when_its_edge_arrives_late(void **state)
{
    struct edge_table t = {0};
    struct fb_event maker = assume("m", "ASIAONE", ROLE, SESSION);
    struct fb_event ev = blank_event("e", T0_MS);
    struct fb_chain before, after;

    by_user(&maker, USER, "build", "AKIAUSER");
    by_role(&ev, SESSION, ROLE, "run-7", "ASIAONE");
    before = trace(state, &ev, &t);
    assert_true(before.partial);
    edge_table_learn(&t, *state, &maker);
    assert_string_equal(t.rows[1].session_identity, fb_chain_root(&before)->identity);
    after = trace(state, &ev, &t);
    assert_false(after.partial);
    assert_string_equal(fb_chain_root(&after)->identity, USER);
}

static void another_account_stays_outside(void **state)
{
    struct edge_table t = {0};
    struct fb_event maker = assume("m", "ASIAONE", ROLE, SESSION);
    struct fb_event ev = blank_event("e", T0_MS);
    struct fb_chain c;

    maker.who.kind = FB_WHO_ACCOUNT;
    maker.who.account = "999988887777";
    maker.who.id = "AIDAFOREIGN";
    edge_table_learn(&t, *state, &maker);
    by_role(&ev, SESSION, ROLE, "run-7", "ASIAONE");
    c = trace(state, &ev, &t);
    assert_int_equal(fb_chain_root(&c)->kind, FB_HOP_EXTERNAL);
    assert_string_equal(fb_chain_root(&c)->identity, "999988887777:AIDAFOREIGN");
    assert_false(c.partial);
}

static void web_identity_and_saml_end_at_provider_and_subject(void **state)
{
    struct edge_table t = {0};
    struct fb_event maker = assume("m", "ASIAONE", ROLE, SESSION);
    struct fb_event ev = blank_event("e", T0_MS);
    struct fb_chain c;

    maker.action = "AssumeRoleWithWebIdentity";
    maker.who.kind = FB_WHO_WEB_IDENTITY;
    maker.who.idp = "token.actions.example";
    maker.who.subject = "repo:org/x:ref:refs/heads/main";
    edge_table_learn(&t, *state, &maker);
    by_role(&ev, SESSION, ROLE, "run-7", "ASIAONE");
    c = trace(state, &ev, &t);
    assert_string_equal(fb_chain_root(&c)->identity,
                        "token.actions.example:repo:org/x:ref:refs/heads/main");
    assert_string_equal(c.hops[0].via, "AssumeRoleWithWebIdentity");

    maker.who.kind = FB_WHO_SAML;
    maker.who.idp = "idp";
    maker.who.subject = "ann";
    c = trace(state, &maker, &t);
    assert_int_equal(c.hops[0].kind, FB_HOP_EXTERNAL);
    assert_string_equal(c.hops[0].identity, "idp:ann");
}

static void the_other_kinds_of_actor_have_an_identity_too(void **state)
{
    static const struct {
        enum fb_who who;
        enum fb_hop_kind kind;
        const char *identity;
    } cases[] = {
        {FB_WHO_IDENTITY_CENTER, FB_HOP_SSO, "store:user-1"},
        {FB_WHO_DIRECTORY, FB_HOP_EXTERNAL, "111122223333:PRINCIPAL"},
        {FB_WHO_SERVICE, FB_HOP_SERVICE, "config.amazonaws.com"},
        {FB_WHO_CREDENTIAL, FB_HOP_CREDENTIAL, "AKIAX"},
        {FB_WHO_UNKNOWN, FB_HOP_CREDENTIAL, "AKIAX"},
    };
    struct edge_table t = {0};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fb_event ev = blank_event("e", T0_MS);
        struct fb_chain c;

        ev.who.kind = cases[i].who;
        ev.who.id = "PRINCIPAL";
        ev.who.idp = "store";
        ev.who.subject = "user-1";
        ev.who.invoked_by = "config.amazonaws.com";
        ev.who.credential = "AKIAX";
        c = trace(state, &ev, &t);
        assert_int_equal(c.hops[0].kind, cases[i].kind);
        assert_string_equal(c.hops[0].identity, cases[i].identity);
    }
}

static void an_actor_without_any_name_still_has_an_identity(void **state)
{
    struct edge_table t = {0};

    for (int who = FB_WHO_UNKNOWN; who <= FB_WHO_CREDENTIAL; who++) {
        struct fb_event ev = blank_event("e", T0_MS);
        struct fb_chain c;

        ev.who = blank_principal();
        ev.who.kind = (enum fb_who)who;
        c = trace(state, &ev, &t);
        assert_true(c.count >= 1);
        assert_true(*fb_chain_root(&c)->identity != '\0');
    }
}

static void a_notice_that_names_only_a_key_finds_its_user_by_earlier_use(void **state)
{
    struct edge_table t = {0};
    struct fb_event use = blank_event("u", T0_MS);
    struct fb_event notice = blank_event("n", T0_MS + MINUTE_MS);
    struct fb_chain c;

    notice.kind = FB_EV_LEAK_NOTICE;
    notice.who.kind = FB_WHO_CREDENTIAL;
    notice.who.credential = "AKIAUSER";
    c = trace(state, &notice, &t);
    assert_int_equal(fb_chain_root(&c)->kind, FB_HOP_CREDENTIAL);
    assert_string_equal(fb_chain_root(&c)->identity, "AKIAUSER");
    assert_true(c.partial);

    by_user(&use, USER, "build", "AKIAUSER");
    edge_table_learn(&t, *state, &use);
    c = trace(state, &notice, &t);
    assert_string_equal(fb_chain_root(&c)->identity, USER);
    assert_false(c.partial);
}

static void a_notice_with_a_bare_user_name_finds_the_users_true_arn(void **state)
{
    struct edge_table t = {0};
    struct fb_event use = blank_event("u", T0_MS);
    struct fb_event finding = blank_event("f", T0_MS + MINUTE_MS);
    struct fb_chain c;

    finding.kind = FB_EV_FINDING;
    by_user(&finding, "", "build", "AKIAUSER");
    c = trace(state, &finding, &t);
    assert_string_equal(fb_chain_root(&c)->identity, "arn:aws:iam::111122223333:user/build");
    assert_false(fb_chain_root(&c)->sure);

    by_user(&use, USER, "build", "AKIAUSER");
    edge_table_learn(&t, *state, &use);
    c = trace(state, &finding, &t);
    assert_int_equal(c.count, 1);
    assert_string_equal(fb_chain_root(&c)->identity, USER);
    assert_false(c.looped);
}

static void
source_identity_counts_only_as_an_arn_of_the_same_account_and_never_over_an_edge(void **state)
{
    struct edge_table t = {0};
    struct fb_event maker = assume("m", "ASIAONE", ROLE, SESSION);
    struct fb_event ev = blank_event("e", T0_MS);
    struct fb_chain c;

    by_role(&ev, SESSION, ROLE, "run-7", "ASIAONE");
    ev.who.source_identity = "arn:aws:iam::111122223333:user/ann";
    c = trace(state, &ev, &t);
    assert_string_equal(fb_chain_root(&c)->identity, "arn:aws:iam::111122223333:user/ann");
    assert_false(fb_chain_root(&c)->sure);
    assert_true(c.partial);

    ev.who.source_identity = "ann";
    c = trace(state, &ev, &t);
    assert_string_equal(fb_chain_root(&c)->identity, SESSION);
    ev.who.source_identity = "arn:aws:iam::999988887777:user/ann";
    c = trace(state, &ev, &t);
    assert_string_equal(fb_chain_root(&c)->identity, SESSION);

    by_user(&maker, USER, "build", "AKIAUSER");
    edge_table_learn(&t, *state, &maker);
    ev.who.source_identity = "arn:aws:iam::111122223333:user/ann";
    c = trace(state, &ev, &t);
    assert_string_equal(fb_chain_root(&c)->identity, USER);
}

static struct fb_edge edge_link(const char *child, const char *session, const char *credential)
{
    struct fb_edge e = {.child = child, .via = "AssumeRole", .session_identity = ""};

    e.parent.kind = FB_HOP_ROLE;
    e.parent.identity = session;
    e.parent.credential = credential;
    e.parent.session = "s";
    e.parent.account = e.parent.user = e.parent.user_arn = e.parent.role_arn = e.parent.via = "";
    return e;
}

static void a_loop_is_cut_and_said(void **state)
{
    struct edge_table t = {0};
    struct fb_event ev = blank_event("e", T0_MS);
    struct fb_chain c;

    t.rows[0] = edge_link("ASIAA", "session-b", "ASIAB");
    t.rows[1] = edge_link("ASIAB", SESSION, "ASIAA");
    t.count = 2;
    by_role(&ev, SESSION, ROLE, "run-7", "ASIAA");
    c = trace(state, &ev, &t);
    assert_true(c.looped);
    assert_int_equal(c.count, 2);
}

static void a_role_that_assumes_itself_again_and_again_is_no_loop(void **state)
{
    struct edge_table t = {0};
    struct fb_event ev = blank_event("e", T0_MS);
    struct fb_chain c;

    t.rows[0] = edge_link("ASIAC", SESSION, "ASIAB");
    t.rows[1] = edge_link("ASIAB", SESSION, "ASIAA");
    t.count = 2;
    by_role(&ev, SESSION, ROLE, "run-7", "ASIAC");
    c = trace(state, &ev, &t);
    assert_false(c.looped);
    assert_int_equal(c.count, 3);
    assert_string_equal(fb_chain_root(&c)->credential, "ASIAA");
}

static void a_chain_longer_than_the_limit_is_cut_and_said(void **state)
{
    struct edge_table t = {0};
    struct fb_event ev = blank_event("e", T0_MS);
    char names[FB_CHAIN_HOPS_MAX + 5][16];
    struct fb_chain c;

    for (int i = 0; i < FB_CHAIN_HOPS_MAX + 5; i++)
        snprintf(names[i], sizeof names[i], "ASIA%d", i);
    for (int i = 0; i + 1 < FB_CHAIN_HOPS_MAX + 5; i++)
        t.rows[t.count++] = edge_link(names[i], names[i + 1], names[i + 1]);
    by_role(&ev, SESSION, ROLE, "run-7", names[0]);
    c = trace(state, &ev, &t);
    assert_true(c.looped);
    assert_int_equal(c.count, FB_CHAIN_HOPS_MAX);
    assert_true(t.asked <= FB_CHAIN_HOPS_MAX);
}

static void a_store_that_fails_leaves_a_partial_chain(void **state)
{
    struct edge_table t = {.fails = FB_EIO};
    struct fb_event ev = blank_event("e", T0_MS);
    struct fb_chain c;

    by_role(&ev, SESSION, ROLE, "run-7", "ASIAONE");
    c = trace(state, &ev, &t);
    assert_true(c.partial);
    assert_string_equal(fb_chain_root(&c)->identity, SESSION);
}

static void a_full_arena_is_reported_and_the_chain_still_has_a_hop(void **state)
{
    struct fb_arena *small = fb_arena_new(1);
    struct fb_event ev = blank_event("e", T0_MS);
    struct fb_chain c;
    struct fb_err err = {0};

    (void)state;
    ev.who.kind = FB_WHO_WEB_IDENTITY;
    ev.who.idp = "a-provider-with-a-long-name";
    ev.who.subject = "a-subject-with-a-long-name";
    assert_int_equal(fb_chain_trace(small, &ev, NULL, &c, &err), FB_ELIMIT);
    assert_int_equal(c.count, 1);
    fb_arena_free(small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(a_user_answers_for_itself_by_its_arn),
        FB_TEST(a_session_token_of_a_user_is_that_user_without_any_edge),
        FB_TEST(a_user_at_the_console_has_no_key),
        FB_TEST(a_federated_session_answers_as_the_user_who_asked_for_it),
        FB_TEST(the_account_root_user_is_told_apart),
        FB_TEST(a_role_session_of_unknown_making_is_partial_and_answers_as_itself),
        FB_TEST(a_machines_session_answers_as_the_machine),
        FB_TEST(the_service_that_hands_a_machine_its_key_is_no_hop),
        FB_TEST(a_user_cannot_pose_as_a_machine_by_the_sessions_name),
        FB_TEST(a_function_answers_as_its_role),
        FB_TEST(a_service_linked_role_needs_no_edge),
        FB_TEST(a_person_of_identity_center_answers_by_session),
        FB_TEST(a_launch_by_a_role_ends_at_the_user_who_assumed_it),
        FB_TEST(two_hops_across_accounts_end_at_the_user_when_both_report),
        FB_TEST(the_chain_grows_when_its_edge_arrives_late),
        FB_TEST(another_account_stays_outside),
        FB_TEST(web_identity_and_saml_end_at_provider_and_subject),
        FB_TEST(the_other_kinds_of_actor_have_an_identity_too),
        FB_TEST(an_actor_without_any_name_still_has_an_identity),
        FB_TEST(a_notice_that_names_only_a_key_finds_its_user_by_earlier_use),
        FB_TEST(a_notice_with_a_bare_user_name_finds_the_users_true_arn),
        FB_TEST(source_identity_counts_only_as_an_arn_of_the_same_account_and_never_over_an_edge),
        FB_TEST(a_loop_is_cut_and_said),
        FB_TEST(a_role_that_assumes_itself_again_and_again_is_no_loop),
        FB_TEST(a_chain_longer_than_the_limit_is_cut_and_said),
        FB_TEST(a_store_that_fails_leaves_a_partial_chain),
        FB_TEST(a_full_arena_is_reported_and_the_chain_still_has_a_hop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

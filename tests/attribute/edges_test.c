/* edges_test.c - what one event proves about credentials, and that it survives the store. */
#include "support/fb_test.h"

#include "attribute/blank_event.h"
#include "attribute/edge_table.h"
#include "base/arena.h"
#include "base/buf.h"

#define USER "arn:aws:iam::111122223333:user/ci/build"

static size_t edges_of(void **state, const struct fb_event *ev, struct fb_edge *out)
{
    struct fb_chain chain;
    struct fb_err err = {0};

    assert_int_equal(fb_chain_trace(*state, ev, NULL, &chain, &err), FB_OK);
    return fb_chain_edges(*state, ev, &chain, out);
}

static void a_long_lived_key_that_acts_names_its_user(void **state)
{
    struct fb_event ev = blank_event("e", T0_MS);
    struct fb_edge e[FB_EDGES_MAX];

    by_user(&ev, USER, "build", "AKIAUSER");
    ev.outcome = FB_OUTCOME_DENIED; /* a denied call proves it just as well */
    assert_int_equal(edges_of(state, &ev, e), 1);
    assert_string_equal(e[0].child, "AKIAUSER");
    assert_string_equal(e[0].parent.identity, USER);
    assert_string_equal(e[0].via, "key of");
    assert_true(e[0].expires_ms >= T0_MS + 30 * DAY_MS);
}

static void a_minted_session_leads_to_the_actor_and_outlives_its_end_by_an_hour(void **state)
{
    struct fb_event ev = blank_event("e", T0_MS);
    struct fb_edge e[FB_EDGES_MAX];

    by_user(&ev, USER, "build", "ASIATOKEN");
    ev.action = "AssumeRole";
    ev.mint.credential = "ASIANEW";
    ev.mint.session_arn = "arn:aws:sts::111122223333:assumed-role/deploy/x";
    ev.mint.expires_ms = T0_MS + 2 * HOUR_MS;
    assert_int_equal(edges_of(state, &ev, e), 1);
    assert_string_equal(e[0].child, "ASIANEW");
    assert_string_equal(e[0].parent.identity, USER);
    assert_string_equal(e[0].session_identity, ev.mint.session_arn);
    assert_int_equal(e[0].expires_ms, T0_MS + 3 * HOUR_MS);

    ev.mint.expires_ms = T0_MS + 400 * DAY_MS; /* no session lives that long: 36 h are the most */
    assert_int_equal(edges_of(state, &ev, e), 1);
    assert_int_equal(e[0].expires_ms, T0_MS + 37 * HOUR_MS);
}

static void a_refused_assume_role_proves_nothing(void **state)
{
    struct fb_event ev = blank_event("e", T0_MS);
    struct fb_edge e[FB_EDGES_MAX];

    by_user(&ev, USER, "build", "ASIATOKEN");
    ev.outcome = FB_OUTCOME_DENIED;
    ev.mint.credential = "ASIANEW";
    assert_int_equal(edges_of(state, &ev, e), 0);
}

static void a_created_key_answers_to_its_user_not_to_its_maker(void **state)
{
    struct fb_made made = {
        .kind = "access_key", .id = "AKIANEW", .owner = "other", .region = "", .type = ""};
    struct fb_event ev = blank_event("e", T0_MS);
    struct fb_edge e[FB_EDGES_MAX];

    by_user(&ev, USER, "build", "ASIATOKEN");
    ev.made = &made;
    ev.made_count = 1;
    assert_int_equal(edges_of(state, &ev, e), 1);
    assert_string_equal(e[0].child, "AKIANEW");
    assert_string_equal(e[0].parent.identity, "arn:aws:iam::111122223333:user/other");

    made.owner = "build"; /* its own second key: the true ARN, path and all */
    assert_int_equal(edges_of(state, &ev, e), 1);
    assert_string_equal(e[0].parent.identity, USER);
    assert_string_equal(e[0].parent.credential, "AKIANEW");
}

static void a_created_user_remembers_its_creator_but_the_walk_does_not_go_there(void **state)
{
    struct fb_made made = {.kind = "user", .id = "child", .owner = "", .region = "", .type = ""};
    struct fb_event ev = blank_event("e", T0_MS), later = blank_event("l", T0_MS + MINUTE_MS);
    const char *child = "arn:aws:iam::111122223333:user/child";
    struct edge_table t = {0};
    struct fb_edge_source source = edge_table_source(&t);
    struct fb_edge found;
    struct fb_chain chain;
    struct fb_err err = {0};

    by_user(&ev, USER, "build", "ASIATOKEN");
    ev.made = &made;
    ev.made_count = 1;
    edge_table_learn(&t, *state, &ev);
    assert_int_equal(source.get(source.self, *state, fb_chain_creator_key(*state, child), &found),
                     FB_OK);
    assert_string_equal(found.parent.identity, USER);
    by_user(&later, child, "child", "AKIACHILD");
    assert_int_equal(fb_chain_trace(*state, &later, &source, &chain, &err), FB_OK);
    assert_int_equal(chain.count, 1);
    assert_string_equal(fb_chain_root(&chain)->identity, child);
}

static void more_things_made_than_there_is_room_for_are_cut(void **state)
{
    struct fb_made made[FB_EDGES_MAX + 5];
    struct fb_event ev = blank_event("e", T0_MS);
    struct fb_edge e[FB_EDGES_MAX];

    for (size_t i = 0; i < FB_EDGES_MAX + 5; i++)
        made[i] =
            (struct fb_made){.kind = "role", .id = "r", .owner = "", .region = "", .type = ""};
    by_user(&ev, USER, "build", "AKIAUSER");
    ev.mint.credential = "ASIANEW";
    ev.made = made;
    ev.made_count = FB_EDGES_MAX + 5;
    assert_int_equal(edges_of(state, &ev, e), FB_EDGES_MAX);
}

static void a_drill_leaves_no_edge(void **state)
{
    struct fb_event ev = blank_event("e", T0_MS);
    struct fb_edge e[FB_EDGES_MAX];

    by_user(&ev, USER, "build", "AKIAUSER");
    ev.drill = true;
    assert_int_equal(edges_of(state, &ev, e), 0);
}

static void an_edge_survives_the_store_with_odd_text_in_it(void **state)
{
    struct fb_event ev = blank_event("e", T0_MS);
    struct fb_edge e[FB_EDGES_MAX], back;
    struct fb_buf buf;
    struct fb_err err = {0};

    by_user(&ev, "arn:aws:iam::111122223333:user/\"q\"\n", "\"q\"\n", "ASIA");
    ev.action = "AssumeRole";
    ev.mint.credential = "ASIANEW";
    ev.mint.session_arn = "s";
    ev.who.session_ms = T0_MS - HOUR_MS;
    assert_int_equal(edges_of(state, &ev, e), 1);
    fb_buf_init_in(&buf, *state, 1 << 16);
    fb_edge_write(&buf, &e[0]);
    assert_true(fb_buf_ok(&buf));
    assert_int_equal(fb_edge_read(*state, buf.at, buf.len, &back, &err), FB_OK);
    assert_string_equal(back.child, e[0].child);
    assert_string_equal(back.via, "AssumeRole");
    assert_string_equal(back.session_identity, "s");
    assert_int_equal(back.made_ms, e[0].made_ms);
    assert_int_equal(back.expires_ms, e[0].expires_ms);
    assert_int_equal(back.parent.kind, FB_HOP_USER_KEY);
    assert_string_equal(back.parent.identity, e[0].parent.identity);
    assert_string_equal(back.parent.user, "\"q\"\n");
    assert_int_equal(back.parent.since_ms, T0_MS - HOUR_MS);
    assert_true(back.parent.sure);
    assert_string_equal(back.parent.role_arn, "");
}

static void bytes_that_are_no_edge_are_refused(void **state)
{
    struct fb_event ev = blank_event("e", T0_MS);
    struct fb_edge e[FB_EDGES_MAX], out;
    struct fb_buf whole;
    struct fb_err err = {0};
    char *bytes;

    by_user(&ev, USER, "build", "AKIAUSER");
    assert_int_equal(edges_of(state, &ev, e), 1);
    fb_buf_init_in(&whole, *state, 1 << 16);
    fb_edge_write(&whole, &e[0]);
    for (size_t len = 0; len < whole.len; len++) /* cut anywhere */
        assert_int_equal(fb_edge_read(*state, whole.at, len, &out, &err), FB_EINPUT);
    bytes = fb_arena_alloc(*state, whole.len + 1);
    memcpy(bytes, whole.at, whole.len);
    assert_int_equal(fb_edge_read(*state, bytes, whole.len + 1, &out, &err), FB_EINPUT);
    for (size_t at = 0; at < 3; at++) { /* version, kind, sure */
        memcpy(bytes, whole.at, whole.len);
        bytes[at] = 99;
        assert_int_equal(fb_edge_read(*state, bytes, whole.len, &out, &err), FB_EINPUT);
    }
    for (size_t at = 0; at < whole.len; at++) { /* whatever stands there, it is read or refused */
        memcpy(bytes, whole.at, whole.len);
        bytes[at] = (char)(bytes[at] ? 0 : 1);
        (void)fb_edge_read(*state, bytes, whole.len, &out, &err);
    }
}

static void every_kind_of_hop_has_a_word_that_reads_back(void **state)
{
    (void)state;
    for (int k = FB_HOP_UNKNOWN; k <= FB_HOP_SERVICE_ACCOUNT; k++)
        assert_int_equal(fb_hop_kind_from(fb_hop_kind_name((enum fb_hop_kind)k)), k);
    assert_int_equal(fb_hop_kind_from("no such word"), FB_HOP_UNKNOWN);
}

static void the_account_that_sees_the_caller_tells_more_than_the_one_that_does_not(void **state)
{
    struct fb_edge full = {.child = "ASIA"}, blind = {.child = "ASIA"};

    (void)state;
    full.parent.kind = FB_HOP_USER_KEY;
    full.parent.sure = true;
    blind.parent.kind = FB_HOP_EXTERNAL;
    full.parent.credential = "AKIAUSER";
    blind.parent.credential = "";
    assert_true(fb_edge_better(&full, &blind));
    assert_false(fb_edge_better(&blind, &full));
    assert_true(fb_edge_better(&full, &full));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(a_long_lived_key_that_acts_names_its_user),
        FB_TEST(a_minted_session_leads_to_the_actor_and_outlives_its_end_by_an_hour),
        FB_TEST(a_refused_assume_role_proves_nothing),
        FB_TEST(a_created_key_answers_to_its_user_not_to_its_maker),
        FB_TEST(a_created_user_remembers_its_creator_but_the_walk_does_not_go_there),
        FB_TEST(more_things_made_than_there_is_room_for_are_cut),
        FB_TEST(a_drill_leaves_no_edge),
        FB_TEST(an_edge_survives_the_store_with_odd_text_in_it),
        FB_TEST(bytes_that_are_no_edge_are_refused),
        FB_TEST(every_kind_of_hop_has_a_word_that_reads_back),
        FB_TEST(the_account_that_sees_the_caller_tells_more_than_the_one_that_does_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* gcp_test.c - Google's chains: who acted, who stands behind, and what an entry may leave out. */
#include "support/fb_test.h"

#include "attribute/blank_event.h"
#include "attribute/edge_table.h"
#include "base/text.h"

#define PROJECT "acme-prod"
#define ROBOT   "build@" PROJECT ".iam.gserviceaccount.com"
#define DEPLOY  "deploy@" PROJECT ".iam.gserviceaccount.com"
#define MIXER   "12@cloudservices.gserviceaccount.com"
#define CAROL   "carol@acme.example"

static struct fb_event gcp_event(const char *id, int64_t time_ms)
{
    struct fb_event ev = blank_event(id, time_ms);

    ev.provider = FB_GCP;
    ev.account = PROJECT;
    ev.region = "us-central1";
    ev.service = "compute";
    ev.action = "instances.insert";
    ev.operation = ev.trigger = ev.launch.gpu_type = "";
    return ev;
}

static void by(struct fb_event *ev, enum fb_who kind, const char *identity, const char *key)
{
    ev->who.kind = kind;
    ev->who.arn = identity;
    ev->who.credential = key;
    if (kind == FB_WHO_SERVICE)
        ev->who.invoked_by = identity;
}

static struct fb_chain trace(struct fb_arena *a, const struct fb_event *ev, struct edge_table *t)
{
    struct fb_edge_source source = edge_table_source(t);
    struct fb_chain chain;
    struct fb_err err = {0};

    assert_int_equal(fb_chain_trace(a, ev, &source, &chain, &err), FB_OK);
    return chain;
}

static void a_service_accounts_key_roots_at_the_account(void **state)
{
    struct fb_event ev = gcp_event("e-1", T0_MS);
    struct edge_table table = {0};
    struct fb_chain chain;

    by(&ev, FB_WHO_SERVICE_ACCOUNT, ROBOT, "k1");
    chain = trace(*state, &ev, &table);
    assert_int_equal(chain.count, 1);
    assert_int_equal(chain.hops[0].kind, FB_HOP_SERVICE_ACCOUNT);
    assert_string_equal(chain.hops[0].identity, ROBOT);
    assert_string_equal(chain.hops[0].credential, "k1");
    assert_false(chain.partial);
    assert_true(chain.hops[0].sure);
}

static void people_and_pools_root_at_themselves(void **state)
{
    struct fb_event ev = gcp_event("e-1", T0_MS);
    struct edge_table table = {0};

    by(&ev, FB_WHO_USER, CAROL, "");
    assert_int_equal(trace(*state, &ev, &table).hops[0].kind, FB_HOP_USER);
    assert_string_equal(trace(*state, &ev, &table).hops[0].identity, CAROL);
    by(&ev, FB_WHO_WEB_IDENTITY, "principal://iam.googleapis.com/x/subject/y", "");
    assert_int_equal(trace(*state, &ev, &table).hops[0].kind, FB_HOP_EXTERNAL);
    assert_int_equal(table.asked, 0);
}

static void the_delegation_history_is_the_chain_read_from_its_end(void **state)
{
    static const struct fb_delegate history[] = {{FB_WHO_USER, CAROL},
                                                 {FB_WHO_SERVICE_ACCOUNT, ROBOT}};
    struct fb_event ev = gcp_event("e-1", T0_MS);
    struct edge_table table = {0};
    struct fb_chain chain;

    by(&ev, FB_WHO_SERVICE_ACCOUNT, DEPLOY, "");
    ev.who.delegates = history;
    ev.who.delegate_count = 2;
    chain = trace(*state, &ev, &table);
    assert_int_equal(chain.count, 3);
    assert_string_equal(chain.hops[0].identity, DEPLOY);
    assert_string_equal(chain.hops[0].via, "delegation");
    assert_string_equal(chain.hops[0].role_arn, DEPLOY);
    assert_string_equal(chain.hops[1].identity, ROBOT);
    assert_string_equal(fb_chain_root(&chain)->identity, CAROL);
    assert_string_equal(fb_chain_root(&chain)->role_arn, "");
    assert_false(chain.partial);
}

static void a_hidden_delegate_leaves_the_chain_partial(void **state)
{
    static const struct fb_delegate history[] = {{FB_WHO_UNKNOWN, ""},
                                                 {FB_WHO_SERVICE_ACCOUNT, ROBOT}};
    struct fb_event ev = gcp_event("e-1", T0_MS);
    struct edge_table table = {0};
    struct fb_chain chain;

    by(&ev, FB_WHO_SERVICE_ACCOUNT, DEPLOY, "");
    ev.who.delegates = history;
    ev.who.delegate_count = 2;
    chain = trace(*state, &ev, &table);
    assert_string_equal(fb_chain_root(&chain)->identity, ROBOT);
    assert_true(chain.partial);
}

static void delegates_in_a_circle_and_too_many_of_them_end(void **state)
{
    static const struct fb_delegate circle[] = {{FB_WHO_SERVICE_ACCOUNT, DEPLOY},
                                                {FB_WHO_SERVICE_ACCOUNT, ROBOT}};
    struct fb_delegate many[FB_CHAIN_HOPS_MAX + 4];
    struct fb_event ev = gcp_event("e-1", T0_MS);
    struct edge_table table = {0};
    struct fb_chain chain;

    by(&ev, FB_WHO_SERVICE_ACCOUNT, DEPLOY, "");
    ev.who.delegates = circle;
    ev.who.delegate_count = 2;
    chain = trace(*state, &ev, &table);
    assert_true(chain.looped);
    assert_int_equal(chain.count, 2);
    for (size_t i = 0; i < sizeof many / sizeof many[0]; i++)
        many[i] = (struct fb_delegate){FB_WHO_SERVICE_ACCOUNT, fb_arena_fmt(*state, "sa%zu@x", i)};
    ev.who.delegates = many;
    ev.who.delegate_count = sizeof many / sizeof many[0];
    chain = trace(*state, &ev, &table);
    assert_true(chain.looped);
    assert_int_equal(chain.count, FB_CHAIN_HOPS_MAX);
}

static void a_notice_that_names_only_a_key_finds_its_account(void **state)
{
    struct fb_event call = gcp_event("e-1", T0_MS), notice = gcp_event("n-1", T0_MS + HOUR_MS);
    struct edge_table table = {0};
    struct fb_chain chain;

    notice.kind = FB_EV_LEAK_NOTICE;
    by(&notice, FB_WHO_CREDENTIAL, "", "k1");
    assert_true(trace(*state, &notice, &table).partial);
    by(&call, FB_WHO_SERVICE_ACCOUNT, ROBOT, "k1");
    edge_table_learn(&table, *state, &call);
    chain = trace(*state, &notice, &table);
    assert_string_equal(chain.hops[0].identity, "k1");
    assert_string_equal(fb_chain_root(&chain)->identity, ROBOT);
    assert_false(chain.partial);
}

static void the_last_entry_of_a_long_call_lands_on_who_began_it(void **state)
{
    struct fb_event first = gcp_event("e-1", T0_MS), last = gcp_event("e-2", T0_MS + MINUTE_MS);
    struct edge_table table = {0};
    struct fb_chain chain;

    by(&first, FB_WHO_SERVICE_ACCOUNT, ROBOT, "");
    first.traits = fb_trait_bit(FB_T_COMPUTE_CREATE);
    first.operation = last.operation = "operation-1";
    last.follow_up = true;
    chain = trace(*state, &last, &table);
    assert_true(chain.partial);
    assert_string_equal(chain.hops[0].identity, "unknown:" PROJECT);
    edge_table_learn(&table, *state, &first);
    chain = trace(*state, &last, &table);
    assert_string_equal(fb_chain_root(&chain)->identity, ROBOT);
    assert_false(chain.partial);
    last.account = "other-project"; /* operation ids mean something in their project only */
    assert_true(trace(*state, &last, &table).partial);
}

static void machines_that_googles_agent_starts_land_on_who_made_the_group(void **state)
{
    struct fb_event group = gcp_event("e-1", T0_MS), vm = gcp_event("e-2", T0_MS + MINUTE_MS);
    struct edge_table table = {0};
    struct fb_chain chain;

    by(&vm, FB_WHO_SERVICE, MIXER, "");
    vm.traits = fb_trait_bit(FB_T_COMPUTE_CREATE);
    vm.trigger = "t-1";
    chain = trace(*state, &vm, &table);
    assert_int_equal(chain.count, 1);
    assert_int_equal(chain.hops[0].kind, FB_HOP_SERVICE);
    edge_table_learn(&table, *state, &vm); /* an agent proves nothing about itself */
    assert_int_equal(table.count, 0);
    by(&group, FB_WHO_USER, CAROL, "");
    group.action = "instanceGroupManagers.insert";
    group.traits = fb_trait_bit(FB_T_COMPUTE_CREATE);
    group.trigger = "t-1";
    edge_table_learn(&table, *state, &group);
    chain = trace(*state, &vm, &table);
    assert_string_equal(chain.hops[0].identity, MIXER);
    assert_string_equal(fb_chain_root(&chain)->identity, CAROL);
}

static void a_made_key_answers_to_its_account_and_a_made_account_knows_its_maker(void **state)
{
    static const struct fb_made key = {"sa_key", "k9", DEPLOY, "", ""};
    static const struct fb_made account = {"service_account", DEPLOY, "", "", ""};
    struct fb_event ev = gcp_event("e-1", T0_MS), later = gcp_event("e-2", T0_MS + MINUTE_MS);
    struct edge_table table = {0};
    struct fb_chain chain;

    by(&ev, FB_WHO_USER, CAROL, "");
    ev.made = &key;
    ev.made_count = 1;
    edge_table_learn(&table, *state, &ev);
    ev.made = &account;
    edge_table_learn(&table, *state, &ev);
    assert_int_equal(table.count, 2);
    assert_string_equal(table.rows[0].child, "k9");
    assert_string_equal(table.rows[0].parent.identity, DEPLOY);
    assert_false(table.rows[0].parent.sure);
    assert_string_equal(table.rows[1].child, fb_chain_creator_key(*state, DEPLOY));
    assert_string_equal(table.rows[1].parent.identity, CAROL);
    by(&later, FB_WHO_CREDENTIAL, "", "k9");
    later.kind = FB_EV_LEAK_NOTICE;
    chain = trace(*state, &later, &table);
    assert_string_equal(fb_chain_root(&chain)->identity, DEPLOY);
}

static void calls_that_failed_and_drills_prove_nothing_but_whose_key_it_is(void **state)
{
    struct fb_event ev = gcp_event("e-1", T0_MS);
    struct edge_table table = {0};

    by(&ev, FB_WHO_SERVICE_ACCOUNT, ROBOT, "k1");
    ev.traits = fb_trait_bit(FB_T_COMPUTE_CREATE);
    ev.operation = "o";
    ev.trigger = "t";
    ev.outcome = FB_OUTCOME_DENIED;
    edge_table_learn(&table, *state, &ev);
    assert_int_equal(table.count, 1);
    assert_string_equal(table.rows[0].child, "k1");
    ev.drill = true;
    table.count = 0;
    edge_table_learn(&table, *state, &ev);
    assert_int_equal(table.count, 0);
}

static void a_store_that_fails_leaves_a_partial_chain(void **state)
{
    struct fb_event ev = gcp_event("e-1", T0_MS);
    struct edge_table table = {.fails = FB_EIO};
    struct fb_chain chain;

    ev.operation = "o";
    chain = trace(*state, &ev, &table);
    assert_true(chain.partial);
    assert_int_equal(chain.count, 1);
}

/* A token made with a signature shows neither key nor delegation. Who signed is told beside it, and
 * accused of nothing: the account's own work looks the same. */
static void who_signed_for_an_account_is_its_second_suspect_for_a_while(void **state)
{
    struct edge_table t = {0};
    struct fb_event sign = gcp_event("s", T0_MS), use = gcp_event("u", T0_MS);
    struct fb_chain c;

    by(&sign, FB_WHO_USER, "mallory@example.com", "");
    sign.action = "SignJwt";
    sign.traits = fb_trait_bit(FB_T_MINT);
    sign.mint.role_arn = ROBOT;
    edge_table_learn(&t, *state, &sign);
    by(&use, FB_WHO_SERVICE_ACCOUNT, ROBOT, "");
    use.time_ms = sign.time_ms + HOUR_MS;
    c = trace(*state, &use, &t);
    assert_string_equal(fb_chain_root(&c)->identity, ROBOT);
    assert_string_equal(c.suspect.identity, "mallory@example.com");
    use.time_ms = sign.time_ms + 14 * HOUR_MS;
    c = trace(*state, &use, &t);
    assert_null(c.suspect.identity);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(who_signed_for_an_account_is_its_second_suspect_for_a_while),
        FB_TEST(a_service_accounts_key_roots_at_the_account),
        FB_TEST(people_and_pools_root_at_themselves),
        FB_TEST(the_delegation_history_is_the_chain_read_from_its_end),
        FB_TEST(a_hidden_delegate_leaves_the_chain_partial),
        FB_TEST(delegates_in_a_circle_and_too_many_of_them_end),
        FB_TEST(a_notice_that_names_only_a_key_finds_its_account),
        FB_TEST(the_last_entry_of_a_long_call_lands_on_who_began_it),
        FB_TEST(machines_that_googles_agent_starts_land_on_who_made_the_group),
        FB_TEST(a_made_key_answers_to_its_account_and_a_made_account_knows_its_maker),
        FB_TEST(calls_that_failed_and_drills_prove_nothing_but_whose_key_it_is),
        FB_TEST(a_store_that_fails_leaves_a_partial_chain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* contain_leaked_key_test.c - the shipped playbook acts as it promises, on planted worlds. */
#include "playbook/fake_gate.h"

static const char CHAIN[] =
    "[{\"id\":\"AKIAROOT\",\"kind\":\"user_key\",\"key_id\":\"AKIAROOT\",\"user\":\"ci\","
    "\"user_arn\":\"arn:aws:iam::111122223333:user/ci\",\"sure\":true},"
    "{\"id\":\"deploy\",\"kind\":\"role\",\"arn\":\"arn:aws:iam::111122223333:role/deploy\","
    "\"key_id\":\"ASIASESSION\",\"via\":\"AssumeRole\",\"sure\":true}]";
static const char REGIONS[] =
    "[\"us-east-1\",\"us-east-2\",\"us-west-1\",\"us-west-2\",\"eu-west-1\","
    "\"eu-west-2\",\"eu-west-3\",\"eu-central-1\",\"eu-north-1\",\"sa-east-1\","
    "\"ap-south-1\",\"ap-northeast-1\",\"ap-northeast-2\",\"ap-northeast-3\","
    "\"ap-southeast-1\",\"ap-southeast-2\",\"ca-central-1\"]";
enum { REGION_COUNT = 17 };
static const char FOUND[] =
    "{\"fleets\":[{\"id\":\"asg-1\",\"region\":\"eu-west-1\"}],"
    "\"instances\":[{\"id\":\"i-1\",\"region\":\"eu-west-1\",\"type\":\"c5.4xlarge\","
    "\"made\":1700000001000,\"state\":\"running\"},"
    "{\"id\":\"i-2\",\"region\":\"eu-west-1\",\"type\":\"p4d.24xlarge\"}]}";
static const char NOTHING[] = "{\"fleets\":[],\"instances\":[]}";
static const char MADE[] = "[{\"kind\":\"access_key\",\"id\":\"AKIABACK\",\"owner\":\"backdoor\"},"
                           "{\"kind\":\"user\",\"id\":\"backdoor\",\"extra\":\"x\"}]";

#define FACTS                                                                                      \
    {FB_VERB_CHAIN, NULL, FB_RESULT_DONE, false, "", CHAIN},                                       \
        {FB_VERB_REGIONS, NULL, FB_RESULT_DONE, false, "", REGIONS},                               \
        {FB_VERB_COMPUTE, "eu-west-1", FB_RESULT_DONE, false, "", FOUND},                          \
        {FB_VERB_COMPUTE, NULL, FB_RESULT_DONE, false, "", NOTHING},                               \
    {                                                                                              \
        FB_VERB_MADE_BY, NULL, FB_RESULT_DONE, false, "", MADE                                     \
    }
#define LAST                                                                                       \
    {                                                                                              \
        FB_VERB_COUNT, NULL, FB_RESULT_DONE, false, NULL, NULL                                     \
    }

static void play(struct fb_arena *a, const struct fake_rule *rules, struct fake_run *out)
{
    struct fb_clock clock = fb_clock_system();
    struct fb_gate gate = {.self = &out->gate, .ask = fake_ask_batch};
    struct fb_err err = {0};
    struct fb_playbooks *p = fb_playbooks_new(&err);

    memset(out, 0, sizeof *out);
    out->gate.rules = rules;
    assert_non_null(p);
    assert_int_equal(fb_playbooks_count(p), 1);
    assert_string_equal(fb_playbooks_info(p, 0)->name, "contain-leaked-key");
    assert_string_equal(fb_playbooks_info(p, 0)->source, "built-in");
    fb_playbooks_run(p, 0, a, fake_value(a, FAKE_INC), 1700000100000, &gate, &clock, 0, &out->run);
    fb_playbooks_free(p);
}

static void the_whole_chain_is_cut_and_every_region_stopped(void **state)
{
    static const struct fake_rule RULES[] = {FACTS, LAST};
    static struct fake_run r;
    const struct fake_gate *g = &r.gate;
    const struct fake_ask *first = NULL;

    play(*state, RULES, &r);
    assert_string_equal(r.run.why, "");
    assert_false(r.run.broken);
    assert_int_equal(r.run.outcome, FB_RUN_CONTAINED);
    for (size_t i = 0; !first && i < g->count; i++)
        if (fb_verb(g->asks[i].verb)->cls != FB_FACT)
            first = &g->asks[i];
    assert_non_null(first);
    assert_int_equal(first->verb, FB_VERB_DISABLE_ACCESS_KEY);
    assert_string_equal(first->json, "{\"key\":\"AKIAROOT\",\"user\":\"ci\"}");
    assert_non_null(fake_find(g, FB_VERB_QUARANTINE, "user/ci"));
    assert_non_null(fake_find(g, FB_VERB_REVOKE_SESSIONS, "role/deploy"));
    assert_non_null(fake_find(g, FB_VERB_REVOKE_SESSIONS, "\"before\":1700000100000"));
    assert_non_null(fake_find(g, FB_VERB_CONTAIN, "AKIABACK"));
    assert_non_null(fake_find(g, FB_VERB_CONTAIN, "backdoor"));
    assert_int_equal(fake_count(g, FB_VERB_COMPUTE), REGION_COUNT);
    assert_non_null(fake_find(g, FB_VERB_HALT, "asg-1"));
    assert_non_null(fake_find(g, FB_VERB_HALT, "i-1"));
    assert_non_null(fake_find(g, FB_VERB_HALT, "i-2"));
    assert_int_equal(fake_count(g, FB_VERB_NOTIFY), 1);
    assert_int_equal(fake_count(g, FB_VERB_ESCALATE), 0);
    assert_int_equal(r.run.asks, g->count);
    /* key, user, role, two ways back in, a fleet and two machines */
    assert_int_equal(r.run.done, 8);
}

static void regions_are_asked_as_one_batch_and_fleets_come_first(void **state)
{
    static const struct fake_rule RULES[] = {FACTS, LAST};
    static struct fake_run r;
    size_t batch = 0;

    play(*state, RULES, &r);
    for (size_t i = 0; i < r.gate.count; i++)
        if (r.gate.asks[i].verb == FB_VERB_COMPUTE) {
            assert_true(batch == 0 || batch == r.gate.asks[i].batch);
            batch = r.gate.asks[i].batch;
            assert_non_null(strstr(r.gate.asks[i].json, "\"since\":1700000000000"));
        }
    assert_true(fake_find(&r.gate, FB_VERB_HALT, "asg-1")->batch <
                fake_find(&r.gate, FB_VERB_HALT, "i-1")->batch);
    assert_int_equal(fake_find(&r.gate, FB_VERB_HALT, "i-1")->batch,
                     fake_find(&r.gate, FB_VERB_HALT, "i-2")->batch);
}

static void an_item_of_a_fact_goes_to_the_gate_whole(void **state)
{
    static const struct fake_rule RULES[] = {FACTS, LAST};
    static struct fake_run r;

    play(*state, RULES, &r);
    assert_string_equal(fake_find(&r.gate, FB_VERB_HALT, "i-1")->json,
                        "{\"id\":\"i-1\",\"region\":\"eu-west-1\",\"type\":\"c5.4xlarge\","
                        "\"made\":1700000001000,\"state\":\"running\"}");
}

/* Whichever verb is refused or fails, every other one is still asked for. */
static void one_refused_or_failed_verb_never_stops_the_others(void **state)
{
    static const struct fake_rule FINE[] = {FACTS, LAST};
    static const enum fb_verb_id VERBS[] = {FB_VERB_DISABLE_ACCESS_KEY,
                                            FB_VERB_QUARANTINE,
                                            FB_VERB_REVOKE_SESSIONS,
                                            FB_VERB_CONTAIN,
                                            FB_VERB_HALT,
                                            FB_VERB_NOTIFY};
    static struct fake_run fine, r;

    play(*state, FINE, &fine);
    for (size_t i = 0; i < sizeof VERBS / sizeof *VERBS; i++) {
        struct fake_rule rules[] = {
            {VERBS[i], NULL, FB_RESULT_REFUSED, false, "protected", NULL}, FACTS, LAST};

        play(*state, rules, &r);
        assert_int_equal(r.gate.count, fine.gate.count);
        assert_int_equal(r.run.outcome, FB_RUN_NEEDS_PERSON);
        rules[0].status = FB_RESULT_FAILED;
        play(*state, rules, &r);
        assert_int_equal(r.gate.count, fine.gate.count);
        assert_int_equal(r.run.outcome, FB_RUN_RETRY);
        assert_false(r.run.broken);
        fb_arena_reset(*state);
    }
}

/* Whichever fact cannot be read, what does not need it is still done, and the run comes again. */
static void a_missing_fact_costs_only_what_needs_it(void **state)
{
    static const enum fb_verb_id GONE[] = {FB_VERB_CHAIN, FB_VERB_REGIONS, FB_VERB_COMPUTE,
                                           FB_VERB_MADE_BY};
    static struct fake_run r;

    for (size_t i = 0; i < sizeof GONE / sizeof *GONE; i++) {
        const struct fake_rule rules[] = {
            {GONE[i], NULL, FB_RESULT_FAILED, true, "throttled", NULL}, FACTS, LAST};

        play(*state, rules, &r);
        assert_int_equal(r.run.outcome, FB_RUN_RETRY);
        assert_false(r.run.broken);
        assert_non_null(strstr(r.run.why, fb_verb(GONE[i])->name));
        if (GONE[i] != FB_VERB_CHAIN)
            assert_non_null(fake_find(&r.gate, FB_VERB_DISABLE_ACCESS_KEY, "AKIAROOT"));
        if (GONE[i] != FB_VERB_REGIONS && GONE[i] != FB_VERB_COMPUTE)
            assert_non_null(fake_find(&r.gate, FB_VERB_HALT, "i-1"));
        assert_int_equal(fake_count(&r.gate, FB_VERB_NOTIFY), 1);
    }
}

struct hop_case {
    const char *hop;
    enum fb_verb_id verb;
    const char *word;
};

/* Every kind of hop gets what stops it; what no policy reaches calls a person. What the account's
 * root user starts may be its owner's: it runs on. */
static void every_kind_of_hop_is_answered(void **state)
{
    static const struct hop_case CASES[] = {
        {"{\"id\":\"x\",\"kind\":\"user\",\"arn\":\"arn:aws:iam::1:user/eve\",\"key_id\":\"\"}",
         FB_VERB_QUARANTINE, "user/eve"},
        {"{\"id\":\"x\",\"kind\":\"instance\",\"arn\":\"arn:aws:iam::1:role/web\"}",
         FB_VERB_REVOKE_SESSIONS, "role/web"},
        {"{\"id\":\"x\",\"kind\":\"credential\",\"key_id\":\"AKIALOST\",\"user\":\"\"}",
         FB_VERB_DISABLE_ACCESS_KEY, "{\"key\":\"AKIALOST\"}"},
        {"{\"id\":\"ASIAX\",\"kind\":\"credential\",\"key_id\":\"ASIAX\"}", FB_VERB_ESCALATE,
         "ASIAX"},
        {"{\"id\":\"ci\",\"kind\":\"user_key\",\"key_id\":\"ASIAX\",\"user\":\"ci\","
         "\"user_arn\":\"arn:aws:iam::1:user/ci\"}",
         FB_VERB_QUARANTINE, "user/ci"},
        {"{\"id\":\"root\",\"kind\":\"account_root\",\"arn\":\"arn:aws:iam::1:root\"}",
         FB_VERB_ESCALATE, "arn:aws:iam::1:root"},
        {"{\"id\":\"o\",\"kind\":\"external\",\"arn\":\"arn:aws:iam::9:user/o\"}", FB_VERB_ESCALATE,
         "external"},
        {"{\"id\":\"ec2.amazonaws.com\",\"kind\":\"service\"}", FB_VERB_ESCALATE,
         "ec2.amazonaws.com"},
        {"{\"id\":\"q\",\"kind\":\"something new\"}", FB_VERB_ESCALATE, "something new"},
    };
    static struct fake_run r;

    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char chain[300];
        const struct fake_rule rules[] = {
            {FB_VERB_CHAIN, NULL, FB_RESULT_DONE, false, "", chain}, FACTS, LAST};

        snprintf(chain, sizeof chain, "[%s]", CASES[i].hop);
        play(*state, rules, &r);
        if (!fake_find(&r.gate, CASES[i].verb, CASES[i].word))
            fail_msg("hop %s: no %s with %s; %s", CASES[i].hop, fb_verb(CASES[i].verb)->name,
                     CASES[i].word, r.run.why);
        assert_int_equal(r.run.outcome, CASES[i].verb == FB_VERB_ESCALATE ? FB_RUN_NEEDS_PERSON
                                                                          : FB_RUN_CONTAINED);
        assert_int_equal(fake_find(&r.gate, FB_VERB_HALT, "i-1") != NULL,
                         !strstr(CASES[i].hop, "account_root"));
    }
}

/* What a thief can start in an hour fits into one run, memory and calls included. */
static void thousands_of_machines_are_stopped_in_one_run(void **state)
{
    enum { MACHINES = 4900 };
    struct fb_buf found;
    static struct fake_run r;
    char each[300];

    fb_buf_init(&found, 4 << 20);
    fb_buf_add(&found, "{\"fleets\":[],\"instances\":[");
    for (int i = 0; i < MACHINES; i++) {
        snprintf(each, sizeof each,
                 "%s{\"id\":\"i-%017d\",\"region\":\"eu-west-1\",\"type\":\"c5a.24xlarge\","
                 "\"hourly_usd\":3.7,\"by\":\"arn:aws:iam::111122223333:user/ci\",\"sure\":true,"
                 "\"kind\":\"instance\"}",
                 i ? "," : "", i);
        fb_buf_add(&found, each);
    }
    fb_buf_add(&found, "]}");
    assert_true(fb_buf_ok(&found));
    {
        const struct fake_rule rules[] = {
            {FB_VERB_COMPUTE, "eu-west-1", FB_RESULT_DONE, false, "", found.at}, FACTS, LAST};

        play(*state, rules, &r);
    }
    fb_buf_release(&found);
    assert_string_equal(r.run.why, "");
    assert_int_equal(fake_count(&r.gate, FB_VERB_HALT), MACHINES);
    assert_int_equal(r.run.outcome, FB_RUN_CONTAINED);
}

static void it_is_for_hot_aws_incidents_only(void **state)
{
    static const char *const LEAK[] = {"leaked_key"}, *const ODD[] = {"unreadable"};
    struct fb_err err = {0};
    struct fb_playbooks *p = fb_playbooks_new(&err);

    (void)state;
    assert_non_null(p);
    assert_true(fb_playbooks_match(p, 0, "aws", LEAK, 1, 80));
    assert_true(fb_playbooks_match(p, 0, "aws", LEAK, 1, 100));
    assert_false(fb_playbooks_match(p, 0, "aws", LEAK, 1, 79.9));
    assert_false(fb_playbooks_match(p, 0, "gcp", LEAK, 1, 95));
    assert_false(fb_playbooks_match(p, 0, "aws", ODD, 1, 95));
    assert_false(fb_playbooks_match(p, 0, "aws", NULL, 0, 95));
    fb_playbooks_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(the_whole_chain_is_cut_and_every_region_stopped),
        FB_TEST(regions_are_asked_as_one_batch_and_fleets_come_first),
        FB_TEST(an_item_of_a_fact_goes_to_the_gate_whole),
        FB_TEST(one_refused_or_failed_verb_never_stops_the_others),
        FB_TEST(a_missing_fact_costs_only_what_needs_it),
        FB_TEST(every_kind_of_hop_is_answered),
        FB_TEST(thousands_of_machines_are_stopped_in_one_run),
        FB_TEST(it_is_for_hot_aws_incidents_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* tasks_test.c - calls in flight: what is asked together, in which order, and what an error costs.
 */
#include "playbook/fake_gate.h"

static const struct fake_rule NONE[] = {{FB_VERB_COUNT, NULL, FB_RESULT_DONE, false, NULL, NULL}};
static struct fake_run run;

static void play(struct fb_arena *a, const char *text) { fake_play(a, text, NONE, &run); }

/* The asks of a run as "batch:word batch:word ...", by the id in their arguments. */
static const char *trace(struct fb_arena *a)
{
    const char *text = "";

    for (size_t i = 0; i < run.gate.count; i++) {
        const char *id = strstr(run.gate.asks[i].json, "\"id\":\"");
        const char *start = id ? id + 6 : "?\"";

        text = fb_arena_fmt(a, "%s%s%zu:%.*s", text, i ? " " : "", run.gate.asks[i].batch,
                            (int)strcspn(start, "\""), start);
    }
    return text;
}

#define HALT "fb.halt{ region = \"r\", id = "

static void calls_of_one_each_are_one_batch_in_list_order(void **state)
{
    play(*state, FAKE_PLAYBOOK("fb.each({ \"a\", \"b\", \"c\" }, function(x)\n"
                               "  " HALT "x .. 1 }\n"
                               "  " HALT "x .. 2 }\n"
                               "end)\n" HALT "\"end\" }\n"
                               "return fb.outcome()"));
    assert_string_equal(run.run.why, "");
    assert_string_equal(trace(*state), "1:a1 1:b1 1:c1 2:a2 2:b2 2:c2 3:end");
    assert_int_equal(run.gate.asks[0].line, 6);
    assert_int_equal(run.gate.asks[6].line, 9);
}

static void nested_eaches_share_their_batches(void **state)
{
    play(*state, FAKE_PLAYBOOK("fb.each({ \"a\", \"b\" }, function(x)\n"
                               "  if x == \"a\" then " HALT "\"first\" } end\n"
                               "  fb.each({ 1, 2 }, function(i) " HALT "x .. i } end)\n"
                               "end)\n"
                               "return fb.outcome()"));
    assert_string_equal(run.run.why, "");
    assert_string_equal(trace(*state), "1:first 1:b1 1:b2 2:a1 2:a2");
}

static void at_most_so_many_items_are_in_flight(void **state)
{
    size_t first = 0;

    play(*state,
         FAKE_PLAYBOOK("local list = {} for i = 1, 200 do list[i] = \"i\" .. i end\n"
                       "local done = fb.each(list, function(x) " HALT "x } return x end)\n"
                       "for i, r in ipairs(done) do assert(r.ok and r.value == \"i\" .. i) end\n"
                       "assert(#done == 200) return fb.outcome()"));
    assert_string_equal(run.run.why, "");
    assert_int_equal(run.gate.count, 200);
    for (size_t i = 0; i < 200; i++)
        first += run.gate.asks[i].batch == 1;
    assert_int_equal(first, FB_PLAYBOOK_IN_FLIGHT);
    assert_int_equal(run.gate.batches, 4); /* 64 + 64 + 64 + 8 */
}

static void an_error_in_one_item_is_its_result_and_stops_no_other(void **state)
{
    play(*state, FAKE_PLAYBOOK("local r = fb.each({ 1, 2, 3 }, function(i)\n"
                               "  " HALT "\"i\" .. i }\n"
                               "  if i == 2 then error(\"oops\") end\n"
                               "  " HALT "\"j\" .. i }\n"
                               "  return i * 10\n"
                               "end)\n"
                               "assert(r[1].ok and r[1].value == 10 and r[3].value == 30)\n"
                               "assert(not r[2].ok and r[2].error == \"t.lua:7: oops\")\n"
                               "return fb.close(\"x\")"));
    assert_string_equal(trace(*state), "1:i1 1:i2 1:i3 2:j1 2:j3");
    assert_int_equal(run.run.outcome, FB_RUN_RETRY);
    assert_false(run.run.broken);
    assert_string_equal(run.run.why, "t.lua:7: oops");
}

static void a_verb_can_be_the_function_of_an_each(void **state)
{
    static const struct fake_rule RULES[] = {
        {FB_VERB_COMPUTE, NULL, FB_RESULT_DONE, false, "",
         "{\"fleets\":[{\"id\":\"f\",\"region\":\"r\"}],\"instances\":[{\"id\":\"i\",\"region\":"
         "\"r\"},"
         "{\"id\":\"no region\"}]}"},
        {FB_VERB_COUNT, NULL, FB_RESULT_DONE, false, NULL, NULL}};

    fake_play(
        *state,
        FAKE_PLAYBOOK("local found = fb.compute{ region = \"r\" }\n"
                      "assert(#found == 3 and found[1] == found.fleets[1] and found.complete)\n"
                      "local r = fb.each(found, fb.halt)\n"
                      "assert(r[1].ok and r[1].value.status == \"done\" and r[1].value.ok)\n"
                      "return fb.outcome()"),
        RULES, &run);
    assert_string_equal(trace(*state), "1:? 2:f 2:i");
    assert_int_equal(run.run.outcome, FB_RUN_RETRY);
    assert_string_equal(run.run.why, "t.lua:7: aws.halt: field \"region\" is missing");
}

static void pcall_works_around_calls(void **state)
{
    play(*state, FAKE_PLAYBOOK("local ok, r = pcall(fb.halt, { id = \"a\", region = \"r\" })\n"
                               "assert(ok and r.ok)\n"
                               "ok, r = pcall(function()\n"
                               "  " HALT "\"b\" }\n"
                               "  fb.halt{ id = \"c\" }\n"
                               "end)\n"
                               "assert(not ok and r:find(\"t.lua:9: aws.halt: field \\\"region\\\" "
                               "is missing\", 1, true), r)\n"
                               "local a, b = pcall(function() " HALT "\"d\" } return 1, 2 end)\n"
                               "assert(a and b == 1)\n"
                               "return fb.outcome()"));
    assert_string_equal(run.run.why, "");
    assert_int_equal(run.run.outcome, FB_RUN_CONTAINED);
    assert_string_equal(trace(*state), "1:a 2:b 3:d");
}

static void calls_in_callbacks_say_what_to_do_instead(void **state)
{
    static const struct {
        const char *body, *words;
    } CASES[] = {
        {"(\"abc\"):gsub(\".\", function(c) " HALT "c } end)",
         "t.lua:5: cloud calls cannot be made inside string.gsub; collect first, then use fb.each"},
        {"table.sort({ 2, 1 }, function(a, b) " HALT "\"x\" } return a < b end)",
         "cloud calls cannot be made inside table.sort; collect first"},
        {"tostring(setmetatable({}, { __tostring = function() fb.aws.regions() return \"\" end }))",
         "cloud calls cannot be made inside __tostring"},
        {"(\"abc\"):gsub(\".\", function(c) fb.each({ 1 }, function() end) end)",
         "cloud calls cannot be made inside string.gsub"},
    };

    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char text[1024];

        snprintf(text, sizeof text, FAKE_PLAYBOOK("%s"), CASES[i].body);
        play(*state, text);
        assert_int_equal(run.gate.count, 0);
        if (!strstr(run.run.why, CASES[i].words))
            fail_msg("%s: %s", CASES[i].body, run.run.why);
    }
    /* Metamethods that Lua code runs may wait. */
    play(*state, FAKE_PLAYBOOK("local t = setmetatable({}, { __index = function(_, k)\n"
                               "  return " HALT "k }.status end })\n"
                               "assert(t.abc == \"done\") return fb.outcome()"));
    assert_string_equal(run.run.why, "");
}

static void every_call_outside_needs_is_refused_before_the_gate(void **state)
{
    static const struct {
        const char *needs, *call, *missing; /* missing NULL: allowed */
    } CASES[] = {
        {"", "fb.aws.chain(inc.actor)", "aws.read"},
        {"\"aws.read\"", "fb.aws.chain(inc.actor)", NULL},
        {"\"read\"", "fb.aws.chain(inc.actor)", NULL},
        {"\"read\"", "fb.chain(inc.actor)", NULL},
        {"\"gcp.read\"", "fb.aws.chain(inc.actor)", "aws.read"},
        {"\"aws.read\", \"aws.contain\"", "fb.aws.halt{ id = \"i\", region = \"r\" }", "aws.halt"},
        {"\"aws.halt\"", "fb.aws.quarantine{ arn = \"a\" }", "aws.contain"},
        {"\"aws.halt\"", "fb.aws.contain{ kind = \"user\", id = \"a\" }", "aws.contain"},
        {"\"contain\"", "fb.aws.revoke_sessions{ role = \"a\" }", NULL},
        {"\"contain\"", "fb.notify{ title = \"a\" }", "notify"},
        {"\"aws.notify\"", "fb.notify{ title = \"a\" }", "notify"},
        {"\"notify\"", "fb.notify{ title = \"a\" }", NULL},
        {"", "fb.escalate{ why = \"a\" }", NULL},
        {"", "fb.explain(\"a\")", NULL},
    };

    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char text[1024], words[100] = "";

        snprintf(text, sizeof text,
                 "return playbook { name = \"t\", api = 1, on = { cloud = \"aws\", score = { 0, "
                 "100 } },\n"
                 "needs = { %s }, run = function(inc, fb) %s return fb.outcome() end }",
                 CASES[i].needs, CASES[i].call);
        play(*state, text);
        if (CASES[i].missing)
            snprintf(words, sizeof words, "capability \"%s\" is not in needs", CASES[i].missing);
        assert_int_equal(run.gate.count, CASES[i].missing ? 0 : 1);
        assert_int_equal(run.run.broken, CASES[i].missing != NULL);
        if (!strstr(run.run.why, words))
            fail_msg("needs { %s }, %s: %s", CASES[i].needs, CASES[i].call, run.run.why);
    }
}

static void arguments_are_checked_strictly(void **state)
{
    static const struct {
        const char *call, *words;
    } CASES[] = {
        {"fb.aws.disable_access_key{ key_id = \"AKIA\" }",
         "t.lua:5: aws.disable_access_key: field \"key\" is missing"},
        {"fb.aws.disable_access_key{ key = \"AKIA\", key_id = \"AKIA\" }",
         "t.lua:5: aws.disable_access_key: unknown field \"key_id\" (did you mean \"key\"?)"},
        {"fb.aws.disable_access_key{ key = \"AKIA\", usr = \"x\" }",
         "unknown field \"usr\" (did you mean \"user\"?)"},
        {"fb.aws.disable_access_key{ key = \"\" }", "field \"key\" is empty"},
        {"fb.aws.disable_access_key{ key = 5 }", "field \"key\" must be a text, not a number"},
        {"fb.aws.disable_access_key{ key = \"A\\0B\" }", "field \"key\" holds a zero byte"},
        {"fb.aws.disable_access_key(\"AKIA\")", "takes a table or an item of a fact, not a string"},
        {"fb.aws.disable_access_key()",
         "takes one table: fb.aws.disable_access_key{ ... }, with a dot"},
        {"fb.aws:disable_access_key{ key = \"AKIA\" }",
         "takes one table: fb.aws.disable_access_key{ ... }, with a dot"},
        {"fb.aws.disable_access_key{ \"AKIA\" }", "field \"key\" is missing"},
        {"fb.aws.disable_access_key{ \"AKIA\", key = \"A\" }", "takes names and values"},
        {"fb.aws.revoke_sessions{ role = \"r\", before = \"now\" }",
         "field \"before\" must be a whole number, not a string"},
        {"fb.aws.revoke_sessions{ role = \"r\", before = 1.5 }",
         "field \"before\" must be a whole number"},
        {"fb.aws.made_by{ kinds = \"user\" }", "field \"kinds\" must be a list, not a string"},
        {"fb.aws.made_by{ kinds = { a = 1 } }", "field \"kinds\" must be a list"},
        {"fb.notify{ title = \"x\", facts = { 1, a = 2 } }",
         "field \"facts\" mixes a list and named values"},
        {"fb.notify{ title = \"x\", facts = { f = print_it } }", "print_it is not known"},
        {"fb.notify{ title = \"x\", facts = { f = fb.now } }", "holds a function: only plain data"},
        {"fb.notify{ title = \"x\", facts = { f = 0/0 } }", "holds a number that is not finite"},
        {"fb.notify{ title = \"x\", facts = { f = math.huge } }",
         "holds a number that is not finite"},
        {"fb.notify{ title = \"x\", facts = { [1.5] = 1 } }", "names must be texts"},
        {"local t = {} t.t = t fb.notify{ title = \"x\", facts = t }", "nested too deeply"},
        {"fb.notify{ title = \"x\", text = (\"a\"):rep(300000) }", "its arguments are too large"},
        {"local t = {} for i = 1, 201 do t[\"k\" .. i] = i end fb.notify{ title = \"x\", facts = t "
         "}",
         "more than 200 names"},
        {"fb.aws.quarantine{ arn = \"a\", why = (\"w\"):rep(201) }",
         "\"why\" has 201 bytes; at most 200"},
        {"fb.aws.quarantine{ arn = \"a\", why = 5 }", "field \"why\" must be a text"},
        {"fb.escalate{ about = \"x\" }", "fb.escalate: field \"why\" is missing"},
        {"fb.each(nil, fb.halt)", "fb.each: takes a list and a function; the list is a nil"},
        {"fb.each({ a = 1 }, fb.halt)", "fb.each: takes a list; this table has only named values"},
        {"fb.each({})", "fb.each: takes a list and a function; the function is a no value"},
    };

    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char text[1024];

        snprintf(text, sizeof text, FAKE_PLAYBOOK("%s"), CASES[i].call);
        play(*state, text);
        assert_int_equal(run.gate.count, 0);
        assert_true(run.run.broken);
        if (!strstr(run.run.why, CASES[i].words))
            fail_msg("%s\n  expected \"%s\"\n  got \"%s\"", CASES[i].call, CASES[i].words,
                     run.run.why);
        fb_arena_reset(*state);
    }
}

/* Names come out sorted and absent things left out, so that the same call is the same bytes. */
static void arguments_reach_the_gate_in_one_form(void **state)
{
    play(
        *state,
        FAKE_PLAYBOOK(
            "fb.aws.disable_access_key{ user = \"\", key = \"K\", why = \"because\" }\n"
            "fb.notify{ title = \"x\", facts = { zeta = 1, alpha = { 1, 2.5, true }, mid = {} } }\n"
            "fb.aws.revoke_sessions{ role = \"r\", before = 2.0 }\n"
            "fb.explain(\"text\", { a = 1 })\n"
            "fb.aws.regions() fb.aws.regions{ all = true } fb.aws.chain()\n"
            "return fb.outcome()"));
    assert_string_equal(run.run.why, "");
    assert_string_equal(run.gate.asks[0].json, "{\"key\":\"K\"}");
    assert_string_equal(run.gate.asks[0].why, "because");
    assert_string_equal(
        run.gate.asks[1].json,
        "{\"title\":\"x\",\"facts\":{\"alpha\":[1,2.5,true],\"mid\":[],\"zeta\":1}}");
    assert_string_equal(run.gate.asks[2].json, "{\"role\":\"r\",\"before\":2}");
    assert_string_equal(run.gate.asks[3].json, "{\"text\":\"text\",\"facts\":{\"a\":1}}");
    assert_string_equal(run.gate.asks[4].json, "{}");
    assert_string_equal(run.gate.asks[5].json, "{\"all\":true}");
    assert_string_equal(run.gate.asks[6].json, "{}");
}

static void the_actor_and_the_chain_are_passed_on_whole(void **state)
{
    static const struct fake_rule RULES[] = {
        {FB_VERB_CHAIN, NULL, FB_RESULT_DONE, false, "", "[{\"id\":\"a\",\"sure\":true}]"},
        {FB_VERB_COUNT, NULL, FB_RESULT_DONE, false, NULL, NULL}};

    fake_play(*state,
              FAKE_PLAYBOOK("local chain = fb.aws.chain(inc.actor)\n"
                            "fb.aws.compute{ region = \"r\", by = chain, since = inc.first_seen }\n"
                            "fb.aws.compute{ region = \"r\", by = inc.signals }\n"
                            "return fb.outcome()"),
              RULES, &run);
    assert_string_equal(run.run.why, "");
    assert_string_equal(
        run.gate.asks[0].json,
        "{\"actor\":{\"arn\":\"arn:aws:iam::111122223333:user/ci\",\"id\":\"AKIAROOT\","
        "\"key_id\":\"AKIAROOT\",\"kind\":\"user_key\",\"user\":\"ci\"}}");
    assert_string_equal(run.gate.asks[1].json,
                        "{\"region\":\"r\",\"by\":[{\"id\":\"a\",\"sure\":true}],"
                        "\"since\":1700000000000}");
    assert_non_null(strstr(run.gate.asks[2].json, "\"rule\":\"region-fanout\""));
}

/* A fact never raises: what could not be read is an empty list that says it is not complete. */
static void a_fact_that_fails_is_empty_and_incomplete(void **state)
{
    static const struct fake_rule RULES[] = {
        {FB_VERB_REGIONS, "all", FB_RESULT_DONE, false, "",
         "{\"items\":[\"r1\"],\"guessed\":true}"},
        {FB_VERB_COUNT, NULL, FB_RESULT_FAILED, true, "denied", NULL},
        {FB_VERB_COUNT, NULL, FB_RESULT_DONE, false, NULL, NULL}};

    fake_play(
        *state,
        FAKE_PLAYBOOK(
            "local c = fb.chain(inc.actor) assert(#c == 0 and c.complete == false)\n"
            "local f = fb.compute{ region = \"r\" }\n"
            "assert(#f == 0 and #f.fleets == 0 and #f.instances == 0 and f.complete == false)\n"
            "local r = fb.aws.regions{ all = true }\n"
            "assert(#r == 1 and r[1] == \"r1\" and r.guessed and r.complete)\n"
            "return fb.outcome()"),
        RULES, &run);
    assert_false(run.run.broken);
    assert_int_equal(run.run.outcome, FB_RUN_RETRY);
    assert_string_equal(run.run.why, "aws.chain could not be read whole: denied");
}

/* The same playbook and the same answers: the same asks in the same batches, in every run. */
static void the_same_run_gives_the_same_asks(void **state)
{
    static const char TEXT[] =
        FAKE_PLAYBOOK("local set = {} for _, k in ipairs{ \"x\", \"m\", \"q\", \"b\", \"long key "
                      "that is no short string in Lua\" } do set[k] = k end\n"
                      "for k in pairs(set) do " HALT "k } end\n"
                      "fb.each({ 3, 1, 2 }, function(i)\n"
                      "  for n = 1, i do " HALT "i .. \".\" .. n } end\n"
                      "end)\n"
                      "return fb.outcome()");
    const char *first = "";

    for (int i = 0; i < 20; i++) {
        play(*state, TEXT);
        if (i == 0)
            first = trace(*state);
        else
            assert_string_equal(trace(*state), first);
    }
    assert_string_equal(first, "1:b 2:long key that is no short string in Lua 3:m 4:q 5:x "
                               "6:3.1 6:1.1 6:2.1 7:3.2 7:2.2 8:3.3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(calls_of_one_each_are_one_batch_in_list_order),
        FB_TEST(nested_eaches_share_their_batches),
        FB_TEST(at_most_so_many_items_are_in_flight),
        FB_TEST(an_error_in_one_item_is_its_result_and_stops_no_other),
        FB_TEST(a_verb_can_be_the_function_of_an_each),
        FB_TEST(pcall_works_around_calls),
        FB_TEST(calls_in_callbacks_say_what_to_do_instead),
        FB_TEST(every_call_outside_needs_is_refused_before_the_gate),
        FB_TEST(arguments_are_checked_strictly),
        FB_TEST(arguments_reach_the_gate_in_one_form),
        FB_TEST(the_actor_and_the_chain_are_passed_on_whole),
        FB_TEST(a_fact_that_fails_is_empty_and_incomplete),
        FB_TEST(the_same_run_gives_the_same_asks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

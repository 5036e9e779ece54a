/* sandbox_test.c - the wall: what a hostile or broken playbook tries, and that the next one still
 * runs. */
#include <time.h>

#include "playbook/fake_gate.h"

struct attack {
    const char *body;
    const char *words; /* in the reason of the broken run */
};

static const struct fake_rule NONE[] = {{FB_VERB_COUNT, NULL, FB_RESULT_DONE, false, NULL, NULL}};
static struct fake_run run;

static void play_body(struct fb_arena *a, const char *body)
{
    char text[4096];

    snprintf(text, sizeof text, FAKE_PLAYBOOK("%s"), body);
    fake_play(a, text, NONE, &run);
}

static void each_ends_broken(struct fb_arena *a, const struct attack *attacks, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        play_body(a, attacks[i].body);
        if (!run.run.broken || run.run.outcome != FB_RUN_RETRY ||
            !strstr(run.run.why, attacks[i].words))
            fail_msg("%s\n  expected \"%s\", got %s \"%s\"", attacks[i].body, attacks[i].words,
                     run.run.broken ? "broken" : "a run", run.run.why);
        play_body(a, "return fb.outcome()");
        assert_false(run.run.broken);
        assert_int_equal(run.run.outcome, FB_RUN_CONTAINED);
        fb_arena_reset(a);
    }
}

#define EACH_ENDS_BROKEN(a, attacks) each_ends_broken(a, attacks, sizeof attacks / sizeof *attacks)

static void endless_work_is_stopped(void **state)
{
    static const struct attack ATTACKS[] = {
        {"while true do end", "5 million instructions"},
        {"while true do local x = (\"a\"):upper() end", "instructions"},
        {"for i = 1, math.huge do end", "instructions"},
        {"fb.each({ 1, 2 }, function() while true do end end)", "instructions"},
        {"while true do fb.each({ 1 }, function() end) end", "instructions"},
        {"while true do fb.each({}, function() end) end", "instructions"},
        {"local function f() return pcall(f) end while true do f() end", "stopped"},
        {"local t = {} for i = 1, 50000 do t[i] = i end while true do next(t) end", "steps"},
        {"local t = {} for i = 1, 90000 do t[i] = i end while true do table.sort(t) end", "steps"},
        {"local t = {} for i = 1, 90000 do t[i] = i end while true do table.insert(t, 1, 1) end",
         "steps"},
        {"local s = (\"a\"):rep(1000000) while true do utf8.len(s) end", "stopped"},
        {"local s = (\"a\"):rep(1000000) while true do s:lower() end", "stopped"},
        {"local s, t = (\"a\"):rep(1000000) .. \"b\", (\"a\"):rep(1000000) .. \"c\"\n"
         "while true do local x = s < t end",
         "stopped"},
        {"while true do string.format(\"%s\", (\"a\"):rep(1000000)) end", "stopped"},
    };

    EACH_ENDS_BROKEN(*state, ATTACKS);
}

static void an_abort_cannot_be_caught(void **state)
{
    static const struct attack ATTACKS[] = {
        {"while true do pcall(function() while true do end end) end", "instructions"},
        {"pcall(function() while true do end end) return fb.outcome()", "instructions"},
        {"pcall(function() while true do end end) fb.notify{ title = \"still here\" }",
         "instructions"},
        {"pcall(pcall, pcall, function() while true do end end) return fb.outcome()",
         "instructions"},
        {"while true do pcall(function() local t = {} for i = 1, 1e9 do t[i] = {} end end) end",
         "8 MiB"},
        {"pcall(string.find, (\"a\"):rep(5000), \".-.-.-.-.-b\") return fb.outcome()", "steps"},
        {"fb.each({ 1, 2, 3 }, function() pcall(function() while true do end end) end)\n"
         "return fb.outcome()",
         "instructions"},
        {"pcall(function() for i = 1, 6000 do fb.aws.regions() end end) return fb.outcome()",
         "5,000 calls"},
        {"local t = setmetatable({}, { __index = function() while true do end end })\n"
         "pcall(function() return t.x end) return fb.outcome()",
         "instructions"},
        {"local t = setmetatable({}, { __tostring = function() while true do end end })\n"
         "pcall(tostring, t) return fb.outcome()",
         "instructions"},
        {"pcall(table.sort, { 3, 2, 1 }, function() while true do end end) return fb.outcome()",
         "instructions"},
        {"pcall(string.gsub, \"abc\", \".\", function() while true do end end) return fb.outcome()",
         "instructions"},
    };

    EACH_ENDS_BROKEN(*state, ATTACKS);
    play_body(*state, "pcall(function() while true do end end) fb.notify{ title = \"x\" }");
    assert_int_equal(run.gate.count, 0);
}

/* Unwinding runs no hook: 50,000 nested calls of pcall took six seconds each pass. */
static void a_pile_of_pcalls_ends_in_the_time_of_one(void **state)
{
    static const struct attack ATTACKS[] = {
        {"local function f() pcall(f) f() end f()", "stopped"},
        {"local function f() pcall(f) error(\"x\") end while true do pcall(f) end", "stopped"},
        {"local function g(n) if n > 0 then return 1 + g(n - 1) end\n"
         "while true do pcall(error) end end\ng(20000)",
         "pcall: inside more than"},
    };

    for (size_t i = 0; i < sizeof ATTACKS / sizeof *ATTACKS; i++) {
        clock_t start = clock();

        each_ends_broken(*state, &ATTACKS[i], 1);
        if (clock() - start > 3 * CLOCKS_PER_SEC)
            fail_msg("%s: %.1f s", ATTACKS[i].body, (double)(clock() - start) / CLOCKS_PER_SEC);
    }
}

static void memory_has_a_ceiling(void **state)
{
    static const struct attack ATTACKS[] = {
        {"local t = {} for i = 1, 1e9 do t[i] = {} end", "8 MiB"},
        {"local s = \"x\" while true do s = s .. s end", "8 MiB"},
        {"local function f() return 1 + f() end f()", "8 MiB"},
        {"local t = {} while true do t[#t + 1] = (\"x\"):rep(1000000) end", "8 MiB"},
        {"local t = {} fb.each({ 1, 2, 3 }, function() while true do t[#t + 1] = { 1, 2 } end end)",
         "8 MiB"},
        {"local function f(n) return fb.each({ 1, 2 }, function() f(n + 1) end) end f(1)", "8 MiB"},
        {"(\"x\"):rep(1e12)", "1 MiB"},
        {"(\"x\"):rep(math.maxinteger)", "1 MiB"},
        {"(\"x\"):rep(2, (\"y\"):rep(1048576))", "1 MiB"},
        {"local s = (\"x\"):rep(600000) string.format(\"%s%s\", s, s)", "1 MiB"},
        {"local s = (\"x\"):rep(600000) table.concat({ s, s })", "1 MiB"},
        {"(\"x\"):rep(10000):gsub(\"x\", (\"y\"):rep(1000))", "1 MiB"},
        {"(\"x\"):rep(10000):gsub(\"x\", function() return (\"y\"):rep(1000) end)", "1 MiB"},
    };

    EACH_ENDS_BROKEN(*state, ATTACKS);
}

static void patterns_that_explode_run_out_of_steps(void **state)
{
    static const struct attack ATTACKS[] = {
        {"(\"a\"):rep(30):find((\"a?\"):rep(30) .. (\"a\"):rep(30) .. \"b\")", "20 million steps"},
        {"(\"a\"):rep(3000):match(\".-.-.-.-b\")", "20 million steps"},
        {"(\"a\"):rep(100000):gsub(\"(.-)b\", \"\")", "20 million steps"},
        {"(\"(\"):rep(100000):find(\"%b()\")", "20 million steps"},
        {"for _ in (\"a\"):rep(100000):gmatch(\".-b\") do end", "20 million steps"},
        {"(\"a\"):rep(100000):find((\".*\"):rep(4) .. \"b\")", "20 million steps"},
        {"local s = (\"a\"):rep(1000000) while true do s:find((\"a\"):rep(500000) .. \"b\", 1, "
         "true) end",
         "steps"},
        {"(\"x\"):find((\"x\"):rep(1001) .. \"*\")", "at most 1000 bytes"},
        {"(\"x\"):rep(300):find((\"x-\"):rep(250))", "too complex"},
    };

    EACH_ENDS_BROKEN(*state, ATTACKS);
}

static void ranges_that_the_script_names_are_bounded(void **state)
{
    static const struct attack ATTACKS[] = {
        {"table.move({}, 1, 1e15, 2)", "100000 entries"},
        {"table.move({}, math.mininteger, math.maxinteger, 2)", "100000 entries"},
        {"table.concat({}, \"\", 1, 1e15)", "100000 entries"},
        {"table.concat({}, \"\", math.maxinteger, math.maxinteger)", "is a nil, not a text"},
        {"table.unpack({}, 1, 1e15)", "100000 entries"},
        {"table.unpack({}, 1, 5000)", "at most 1000"},
        {"local t = {} for i = 1, 150000 do t[i] = 1 end fb.each(t, function() end)", "more than"},
        {"local t = {} for i = 1, 150000 do t[i] = 1 end for _ in pairs(t) do end", "too long"},
    };

    EACH_ENDS_BROKEN(*state, ATTACKS);
    play_body(*state, "local t = setmetatable({}, { __len = function() return 1e15 end })\n"
                      "table.insert(t, 1) assert(rawlen(t) == 1)\n"
                      "assert((\"\"):rep(1e12) == \"\") return fb.outcome()");
    assert_string_equal(run.run.why, "");
}

static void what_is_not_there_says_what_to_use_instead(void **state)
{
    static const struct attack ATTACKS[] = {
        {"print(1)", "t.lua:5: print is not available: use fb.explain instead of print"},
        {"coroutine.create(function() end)", "coroutine is not available: use fb.each"},
        {"load(\"return 1\")", "load is not available: text is never run"},
        {"require(\"x\")", "require is not available"},
        {"io.open(\"/etc/passwd\")", "io is not available"},
        {"os.time()", "use fb.now()"},
        {"debug.sethook()", "debug is not available"},
        {"getmetatable(\"\").__index = nil", "getmetatable is not available"},
        {"collectgarbage()", "collectgarbage is not available"},
        {"xpcall(print, print)", "xpcall is not available: use pcall"},
        {"rawset({}, 1, 1)", "rawset is not available"},
        {"math.random()", "math.random is not available: there is no randomness"},
        {"string.dump(function() end)", "string.dump is not available"},
        {"(\"x\"):dump()", "string.dump is not available"},
        {"string.format(\"%p\", {})", "addresses are not shown"},
        {"string.uper(\"x\")", "string.uper is not known (did you mean \"string.upper\"?)"},
        {"tostrin(1)", "tostrin is not known (did you mean \"tostring\"?)"},
        {"local x = undefined_name", "undefined_name is not known"},
        {"fb.case{ cloud = \"aws\" }",
         "fb.case is not available: support cases are not in this version"},
        {"fb.gcp.chain()", "fb.gcp is not available"},
        {"fb.aws.hlat{}", "fb.aws.hlat is not known (did you mean \"fb.aws.halt\"?)"},
        {"fb.eech({})", "fb.eech is not known (did you mean \"fb.each\"?)"},
        {"local x = inc.scor", "inc.scor is not known (did you mean \"inc.score\"?)"},
        {"inc:raw(1, \"x\")", "inc.raw is not available"},
        {"setmetatable({}, { __gc = function() end })", "__gc is not available"},
        {"setmetatable({}, { __close = function() end })", "__close is not available"},
        {"setmetatable({}, { __mode = \"k\" })", "__mode is not available"},
        {"local mt = {} local t = setmetatable({}, mt)\n"
         "mt.__close = function() while true do end end local x <close> = t",
         "non-closable"},
        {"for _ in pairs({ [{}] = 1 }) do end", "no order that is the same in every run"},
    };

    EACH_ENDS_BROKEN(*state, ATTACKS);
}

static void the_world_is_read_only(void **state)
{
    static const struct attack ATTACKS[] = {
        {"count = 1", "globals are read-only: write local count = ..."},
        {"string.rep = nil", "string is read-only"},
        {"_ENV.assert = nil", "globals are read-only"},
        {"fb.now = nil", "fb is read-only"},
        {"fb.aws.halt = nil", "fb.aws is read-only"},
        {"inc.score = 0", "inc is read-only: cannot set \"score\""},
        {"inc.actor.arn = \"x\"", "inc is read-only"},
        {"inc.signals[1].weight = 0", "inc is read-only"},
        {"table.insert(inc.reasons, \"x\")", "read-only: copy what you need"},
        {"table.sort(inc.reasons)", "read-only"},
        {"table.move({ 1 }, 1, 1, 1, inc.reasons)", "read-only"},
        {"setmetatable(inc, {})", "cannot be changed"},
        {"setmetatable(inc.actor, { __index = function() return \"x\" end })", "cannot be changed"},
        {"setmetatable(fb, {})", "cannot be changed"},
        {"setmetatable(string, {})", "cannot be changed"},
        {"setmetatable(\"\", {})", "table expected"},
        {"setmetatable(setmetatable({}, { __metatable = 1 }), {})", "cannot be changed"},
    };

    EACH_ENDS_BROKEN(*state, ATTACKS);
}

static void no_address_is_ever_shown(void **state)
{
    play_body(*state,
              "assert(tostring({}) == \"table\" and tostring(print_ or fb.now) == \"function\")");
    assert_non_null(strstr(run.run.why, "print_ is not known"));
    play_body(*state,
              "assert(tostring({}) == \"table\")\n"
              "assert(tostring(fb.now) == \"function\")\n"
              "assert(tostring(inc) == \"table\" and tostring(fb.outcome()) == \"userdata\")\n"
              "assert(string.format(\"%s %d %s\", {}, 3, fb) == \"table 3 table\")\n"
              "assert(tostring(nil) == \"nil\" and tostring(1.5) == \"1.5\")\n"
              "return fb.outcome()");
    assert_string_equal(run.run.why, "");
}

/* Code that hides in the error object is not run by the host. */
static void error_objects_are_not_trusted(void **state)
{
    static const struct attack ATTACKS[] = {
        {"error(setmetatable({}, { __tostring = function() error(\"again\") end }))",
         "raised a table instead of a text"},
        {"error()", "raised a nil"},
        {"error(fb.outcome())", "raised a userdata"},
        {"error(\"plain words\")", "t.lua:5: plain words"},
        {"error(\"\", 0)", "empty text"},
        {"fb.must({ ok = false, why = \"protected\" })", "fb.must: protected"},
        {"local t = {} t.x.y = 1", "t.lua:5: attempt to index a nil value (field 'x')"},
    };

    EACH_ENDS_BROKEN(*state, ATTACKS);
}

static void gate_calls_have_a_ceiling(void **state)
{
    play_body(*state, "for i = 1, 5000 do fb.aws.regions() end return fb.outcome()");
    assert_string_equal(run.run.why, "");
    assert_int_equal(run.gate.count, 5000);
    play_body(*state, "for i = 1, 5001 do fb.aws.regions() end return fb.outcome()");
    assert_true(run.run.broken);
    assert_int_equal(run.gate.count, 5000);
    assert_non_null(strstr(run.run.why, "t.lua:5: stopped: it made more than 5,000 calls"));
    play_body(*state, "local s = (\"a\"):rep(200000)\n"
                      "for i = 1, 1000 do fb.explain(\"x\", { s = s }) end");
    assert_true(run.run.broken);
    assert_non_null(strstr(run.run.why, "arguments of its calls are too large"));
    assert_true(run.gate.count < 100);
}

/* Everything an ordinary author uses works as the manual says. */
static void ordinary_lua_works(void **state)
{
    play_body(
        *state,
        "local keys = {}\n"
        "for k in pairs({ b = 1, a = 2, [3] = 1, [1] = 1, [2.5] = 1, [true] = 1 }) do\n"
        "  keys[#keys + 1] = tostring(k)\n"
        "end\n"
        "assert(table.concat(keys, \" \") == \"true 1 2.5 3 a b\")\n"
        "assert(next({}) == nil and next({ a = 1 }) == \"a\")\n"
        "local k, v = next({ a = 1, b = 2 }, \"a\") assert(k == \"b\" and v == 2)\n"
        "local t = { 5, 3, 9, 1 } table.sort(t) assert(table.concat(t, \",\") == \"1,3,5,9\")\n"
        "table.sort(t, function(a, b) return a > b end) assert(table.concat(t, \",\") == "
        "\"9,5,3,1\")\n"
        "table.sort(t, function() return true end)\n"
        "assert(table.remove(t) and #t == 3 and table.remove({}) == nil)\n"
        "assert(select(\"#\", table.unpack({ 1, 2, 3 })) == 3 and table.pack(1, nil).n == 2)\n"
        "local m = table.move({ 1, 2, 3 }, 1, 3, 2) assert(table.concat(m, \",\") == \"1,1,2,3\")\n"
        "local C = {} C.__index = C function C:get() return self.x end\n"
        "assert(setmetatable({ x = 7 }, C):get() == 7)\n"
        "assert(#inc.reasons == 2 and inc.actor.key_id == \"AKIAROOT\" and inc.actor.session == "
        "nil)\n"
        "for i, r in ipairs(inc.reasons) do assert(r == (i == 1 and \"one\" or \"two\")) end\n"
        "local n = 0 for _ in pairs(inc.actor) do n = n + 1 end assert(n == 5)\n"
        "assert(table.concat(inc.reasons, \"+\") == \"one+two\" and rawlen(inc.reasons) == 2)\n"
        "local ok, why = pcall(error, \"x\", 0) assert(not ok and why == \"x\")\n"
        "assert(select(2, pcall(function() return 1, 2 end)) == 1)\n"
        "assert(string.format(\"%5.2f|%q|%s|%%\", 1.5, \"a\\n\", true) == \" "
        "1.50|\\\"a\\\\\\n\\\"|true|%\")\n"
        "assert(utf8.char(0xe9) == \"\\u{e9}\" and (\"abc\"):byte(2) == 98 and math.floor(2.5) == "
        "2)\n"
        "goto done\n"
        "error(\"skipped\")\n"
        "::done::\n"
        "assert(fb.now() == 1700000100000)\n"
        "return fb.outcome()");
    assert_string_equal(run.run.why, "");
    assert_int_equal(run.run.outcome, FB_RUN_CONTAINED);
}

/* Text of a thief that looks like code, formats or patterns is passed on as it is. */
static void text_of_an_attacker_stays_data(void **state)
{
    static const char CHAIN[] =
        "[{\"id\":\"%s%n%p\",\"kind\":\"user\",\"session\":\"]] os.exit() --[[\","
        "\"arn\":\"arn:aws:iam::1:user/\\\"} fb.aws.halt{} --\"}]";
    static const struct fake_rule RULES[] = {
        {FB_VERB_CHAIN, NULL, FB_RESULT_DONE, false, "", CHAIN},
        {FB_VERB_COUNT, NULL, FB_RESULT_DONE, false, NULL, NULL}};

    fake_play(*state,
              FAKE_PLAYBOOK("local chain = fb.chain(inc.actor)\n"
                            "assert(chain[1].id == \"%s%n%p\")\n"
                            "fb.aws.quarantine{ arn = chain[1].arn, why = chain[1].session }\n"
                            "fb.explain(\"who \" .. chain[1].id) return fb.outcome()"),
              RULES, &run);
    assert_string_equal(run.run.why, "");
    assert_string_equal(fake_find(&run.gate, FB_VERB_QUARANTINE, NULL)->json,
                        "{\"arn\":\"arn:aws:iam::1:user/\\\"} fb.aws.halt{} --\"}");
    assert_string_equal(fake_find(&run.gate, FB_VERB_QUARANTINE, NULL)->why, "]] os.exit() --[[");
    assert_non_null(fake_find(&run.gate, FB_VERB_EXPLAIN, "who %s%n%p"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(endless_work_is_stopped),
        FB_TEST(an_abort_cannot_be_caught),
        FB_TEST(a_pile_of_pcalls_ends_in_the_time_of_one),
        FB_TEST(memory_has_a_ceiling),
        FB_TEST(patterns_that_explode_run_out_of_steps),
        FB_TEST(ranges_that_the_script_names_are_bounded),
        FB_TEST(what_is_not_there_says_what_to_use_instead),
        FB_TEST(the_world_is_read_only),
        FB_TEST(no_address_is_ever_shown),
        FB_TEST(error_objects_are_not_trusted),
        FB_TEST(gate_calls_have_a_ceiling),
        FB_TEST(ordinary_lua_works),
        FB_TEST(text_of_an_attacker_stays_data),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

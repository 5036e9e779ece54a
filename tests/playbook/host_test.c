/* host_test.c - playbooks are loaded, refused with words an author can use, matched and run. */
#include <sys/stat.h>

#include "playbook/fake_gate.h"

#define HEAD "return playbook {\n  name = \"x\",\n  api = 1,\n"
#define ON   "  on = { cloud = \"aws\", score = { 0, 100 } },\n"
#define RUN  "  run = function(inc, fb)\n    return fb.outcome()\n  end,\n}\n"

struct mistake {
    const char *text, *words;
};

static enum fb_status try_add(const char *text, size_t len, struct fb_err *err)
{
    struct fb_playbooks *p = fb_playbooks_new(err);
    enum fb_status st;
    size_t before;

    assert_non_null(p);
    before = fb_playbooks_count(p);
    st = fb_playbooks_add(p, "mine.lua", text, len, err);
    assert_int_equal(fb_playbooks_count(p), before + (st == FB_OK));
    fb_playbooks_free(p);
    return st;
}

static void each_mistake_in_a_header_names_its_line_and_the_fix(void **state)
{
    static const struct mistake MISTAKES[] = {
        {HEAD ON "  needz = {},\n" RUN,
         "mine.lua:5: unknown field \"needz\" (did you mean \"needs\"?)"},
        {"return playbook {\n  api = 1,\n" ON RUN, "mine.lua:1: name is missing: write name ="},
        {"return playbook {\n  name = 5, api = 1,\n" ON RUN, "mine.lua:2: name must be a text"},
        {"return playbook {\n  name = \"My Book\", api = 1,\n" ON RUN,
         "mine.lua:2: name must be 1 to 64 small"},
        {"return playbook {\n  name = \"x\",\n" ON RUN,
         "mine.lua:1: api is missing: write api = 1"},
        {"return playbook {\n  name = \"x\",\n  api = 2,\n" ON RUN,
         "mine.lua:3: this Firebreak knows api = 1"},
        {HEAD RUN, "on must be a table: on = {"},
        {HEAD "  on = { cloud = \"aws\" },\n" RUN, "on.score must be two numbers"},
        {HEAD "  on = { cloud = \"aws\", score = { 90 } },\n" RUN,
         "mine.lua:4: on.score must be two numbers"},
        {HEAD "  on = { cloud = \"aws\",\n score = { 90, 80 } },\n" RUN,
         "mine.lua:5: on.score must be low and high"},
        {HEAD "  on = { score = { 80, 100 } },\n" RUN, "cloud is missing: write cloud = \"aws\""},
        {HEAD "  on = { cloud = \"azure\", score = { 80, 100 } },\n" RUN,
         "mine.lua:4: unknown cloud \"azure\" (known: aws, gcp, any)"},
        {HEAD
         "  on = { cloud = \"aws\", score = { 80, 100 },\n kinds = { \"leaked_keys\" } },\n" RUN,
         "mine.lua:5: unknown kind \"leaked_keys\" (did you mean \"leaked_key\"?)"},
        {HEAD "  on = { cloud = \"aws\", score = { 80, 100 },\n kind = { \"leaked_key\" } },\n" RUN,
         "mine.lua:5: unknown field \"kind\" (did you mean \"kinds\"?)"},
        {HEAD ON "  mode = \"dryrun\",\n" RUN,
         "mine.lua:5: unknown mode \"dryrun\" (did you mean \"dry-run\"?)"},
        {HEAD ON "  needs = \"aws.read\",\n" RUN, "mine.lua:5: needs must be a list of texts"},
        {HEAD ON "  needs = { \"aws.raed\" },\n" RUN,
         "mine.lua:5: unknown capability \"aws.raed\" (did you mean \"aws.read\"?)"},
        {HEAD ON "  needs = { aws = \"read\" },\n" RUN,
         "mine.lua:5: needs must be a list of texts, without names"},
        {HEAD ON "  limits = { machines = 5 },\n" RUN, "mine.lua:5: unknown field \"machines\""},
        {HEAD ON "  limits = { resources = -1 },\n" RUN,
         "mine.lua:5: resources must be a whole number"},
        {HEAD ON "  limits = { resources = 1.5 },\n" RUN,
         "mine.lua:5: resources must be a whole number"},
        {HEAD ON "  limits = { cost_per_hour = 5 },\n" RUN,
         "mine.lua:5: limits.cost_per_hour is not in this version"},
        {HEAD ON "  version = 0,\n" RUN, "mine.lua:5: version must be a whole number from 1"},
        {HEAD ON "}\n", "run must be a function: run = function(inc, fb)"},
        {HEAD ON "  -- run comes here\n  run = 5 }\n", "mine.lua:6: run must be a function"},
        {HEAD ON "  \"stray\",\n" RUN, "playbook holds a value without a name"},
        {"return 5\n", "mine.lua: the file must end with: return playbook { ... }"},
        {"", "mine.lua: the file must end with: return playbook { ... }"},
        {"local p = playbook { name = \"x\", api = 1, on = { cloud = \"aws\", score = { 0, 1 } "
         "},\n run = function() end }\nreturn {}\n",
         "mine.lua: the file must end with"},
        {"return playbook(5)\n", "mine.lua:1: playbook takes a table"},
        {"return playbook {\n  name = \n", "mine.lua:3: unexpected symbol near <eof>"},
        {"local x = fb.now()\n" HEAD ON RUN,
         "mine.lua:1: fb is not available: fb is the second argument of run(inc, fb)"},
        {"inc.x = 1\n" HEAD ON RUN, "mine.lua:1: inc is not available"},
        {"print(\"hi\")\n" HEAD ON RUN, "mine.lua:1: print is not available"},
        {"while true do end\n", "mine.lua:1: stopped: it ran more than 5 million instructions"},
        {"local s = \"x\" while true do s = s .. s end\n", "8 MiB"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof MISTAKES / sizeof *MISTAKES; i++) {
        struct fb_err err = {0};
        enum fb_status st = try_add(MISTAKES[i].text, strlen(MISTAKES[i].text), &err);

        if (st == FB_OK || !strstr(err.text, MISTAKES[i].words))
            fail_msg("%s\n  expected \"%s\"\n  got \"%s\"", MISTAKES[i].text, MISTAKES[i].words,
                     err.text);
    }
}

static void compiled_code_is_refused(void **state)
{
    static const char BYTES[] = "\x1bLua\x54\x00\x19\x93\r\n\x1a\n";
    struct fb_err err = {0};

    (void)state;
    assert_int_equal(try_add(BYTES, sizeof BYTES - 1, &err), FB_EINPUT);
    assert_string_equal(err.text, "mine.lua: compiled Lua is refused: give the source text");
}

static void a_source_that_is_too_long_is_refused(void **state)
{
    size_t len = FB_PLAYBOOK_SOURCE_MAX + 1;
    char *text = malloc(len);
    struct fb_err err = {0};

    (void)state;
    assert_non_null(text);
    memset(text, ' ', len);
    assert_int_equal(try_add(text, len, &err), FB_EINPUT);
    assert_non_null(strstr(err.text, "at most 131072"));
    memcpy(text, HEAD ON RUN, strlen(HEAD ON RUN));
    assert_int_equal(try_add(text, len - 1, &err), FB_OK);
    free(text);
}

/* Sources that break parsers: each is an error with words, none a crash. */
static void hostile_sources_are_errors(void **state)
{
    enum { LEN = 100000 };
    static const char FILL[] = "({[\"-\x80\xff\n";
    char *text = malloc(LEN);
    struct fb_err err = {0};

    (void)state;
    assert_non_null(text);
    for (const char *c = FILL; *c; c++) {
        memset(text, *c, LEN);
        memcpy(text, "return ", 7);
        assert_int_not_equal(try_add(text, LEN, &err), FB_OK);
        assert_int_not_equal(err.text[0], '\0');
    }
    memset(text, 0, LEN);
    assert_int_not_equal(try_add(text, LEN, &err), FB_OK);
    free(text);
}

static void a_header_is_read_as_written(void **state)
{
    static const char TEXT[] =
        "local function helper() end\n"
        "function another() helper() end\n"
        "return playbook { name = \"a-b\", api = 1, version = 7, mode = \"approve\",\n"
        " on = { cloud = \"any\", kinds = { \"spend\", \"data\" }, score = { 50, 79 } },\n"
        " needs = { \"read\", \"aws.halt\" }, limits = { identities = 3, resources = 0 },\n"
        " explain = \"why\", run = function(inc, fb) another() return fb.outcome() end }";
    static const char *const SPEND[] = {"persistence", "spend"};
    const struct fb_playbook_info *info;
    struct fb_err err = {0};
    struct fb_playbooks *p = fb_playbooks_new(&err);

    (void)state;
    assert_non_null(p);
    assert_int_equal(fb_playbooks_add(p, "dir/a-b.lua", TEXT, sizeof TEXT - 1, &err), FB_OK);
    info = fb_playbooks_info(p, 0);
    assert_string_equal(info->name, "a-b");
    assert_string_equal(info->source, "dir/a-b.lua");
    assert_int_equal(info->version, 7);
    assert_int_equal(info->mode, FB_CEILING_APPROVE);
    assert_string_equal(info->cloud, "any");
    assert_string_equal(info->kinds[0], "spend");
    assert_string_equal(info->kinds[1], "data");
    assert_null(info->kinds[2]);
    assert_string_equal(info->needs[1], "aws.halt");
    assert_null(info->needs[2]);
    assert_int_equal(info->limit_identities, 3);
    assert_int_equal(info->limit_resources, 0);
    assert_true(fb_playbooks_match(p, 0, "gcp", SPEND, 2, 50));
    assert_false(fb_playbooks_match(p, 0, "gcp", SPEND, 1, 50));
    assert_true(fb_playbooks_match(p, 0, "aws", SPEND, 2, 79.9)); /* no gap below { 80, 100 } */
    assert_false(fb_playbooks_match(p, 0, "aws", SPEND, 2, 80));
    assert_false(fb_playbooks_match(p, 0, "aws", SPEND, 2, 49.9));
    fb_playbooks_free(p);
}

static void without_mode_and_limits_the_least_is_meant(void **state)
{
    struct fb_err err = {0};
    struct fb_playbooks *p = fb_playbooks_new(&err);

    (void)state;
    assert_non_null(p);
    assert_int_equal(fb_playbooks_add(p, "x.lua", HEAD ON RUN, strlen(HEAD ON RUN), &err), FB_OK);
    assert_int_equal(fb_playbooks_count(p), 2); /* in order of name: contain-leaked-key, x */
    assert_int_equal(fb_playbooks_info(p, 1)->mode, FB_CEILING_DRY_RUN);
    assert_int_equal(fb_playbooks_info(p, 1)->limit_resources, -1);
    assert_null(fb_playbooks_info(p, 1)->needs[0]);
    assert_true(fb_playbooks_match(p, 1, "aws", NULL, 0, 0)); /* no kinds: any incident */
    fb_playbooks_free(p);
}

static void the_same_name_replaces_and_replaces_takes_out(void **state)
{
    static const char MINE[] =
        "return playbook { name = \"contain-leaked-key\", api = 1, version = 9,\n"
        "on = { cloud = \"aws\", score = { 80, 100 } }, run = function() end }";
    static const char OTHER[] =
        "return playbook { name = \"z\", api = 1, replaces = { \"contain-leaked-key\" },\n"
        "on = { cloud = \"aws\", score = { 80, 100 } }, run = function() end }";
    static const char *const LEAK[] = {"leaked_key"};
    struct fb_err err = {0};
    struct fb_playbooks *p = fb_playbooks_new(&err);

    (void)state;
    assert_non_null(p);
    assert_int_equal(fb_playbooks_add(p, "mine.lua", MINE, sizeof MINE - 1, &err), FB_OK);
    assert_int_equal(fb_playbooks_count(p), 1);
    assert_int_equal(fb_playbooks_info(p, 0)->version, 9);
    assert_int_equal(fb_playbooks_add(p, "broken.lua", "return 5", 8, &err), FB_EINPUT);
    assert_int_equal(fb_playbooks_info(p, 0)->version, 9);
    assert_true(fb_playbooks_match(p, 0, "aws", LEAK, 1, 90));
    assert_int_equal(fb_playbooks_add(p, "z.lua", OTHER, sizeof OTHER - 1, &err), FB_OK);
    assert_false(fb_playbooks_match(p, 0, "aws", LEAK, 1, 90));
    assert_true(fb_playbooks_match(p, 1, "aws", LEAK, 1, 90));
    fb_playbooks_free(p);
}

static void write_file(const char *dir, const char *name, const char *text)
{
    char path[256];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void a_folder_gives_its_good_playbooks_and_its_first_error(void **state)
{
    static const char *const FILES[] = {"a.lua", "b.lua", "c.lua", "c.test.lua", "d.txt", ".e.lua"};
    char dir[] = "/tmp/fb-playbooks-XXXXXX", path[300];
    struct fb_err err = {0};
    struct fb_playbooks *p = fb_playbooks_new(&err);

    (void)state;
    assert_non_null(p);
    assert_non_null(mkdtemp(dir));
    write_file(dir, "a.lua",
               "return playbook { name = \"a\", api = 1, on = { cloud = \"aws\", score = { 0, 1 } "
               "}, run = function() end }");
    write_file(dir, "b.lua", "return playbook {\n nam = \"b\" }");
    write_file(dir, "c.lua",
               "return playbook { name = \"c\", api = 1, on = { cloud = \"aws\", score = { 0, 1 } "
               "}, run = function() end }");
    write_file(dir, "c.test.lua", "this is no playbook");
    write_file(dir, "d.txt", "nor is this");
    write_file(dir, ".e.lua", "nor this");
    assert_int_equal(fb_playbooks_add_dir(p, dir, &err), FB_EINPUT);
    assert_non_null(strstr(err.text, "/b.lua:2: unknown field \"nam\" (did you mean \"name\"?)"));
    assert_int_equal(fb_playbooks_count(p), 3);
    assert_string_equal(fb_playbooks_info(p, 0)->name, "a");
    assert_string_equal(fb_playbooks_info(p, 1)->name, "c");
    assert_int_equal(fb_playbooks_add_dir(p, "/nowhere/at/all", &err), FB_ECONFIG);
    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, FILES[i]);
        unlink(path);
    }
    rmdir(dir);
    fb_playbooks_free(p);
}

static const struct fake_rule NONE[] = {{FB_VERB_COUNT, NULL, FB_RESULT_DONE, false, NULL, NULL}};

struct ending {
    const char *body;
    enum fb_outcome_kind outcome;
    bool broken;
    const char *why;
};

#define KEY "fb.aws.disable_access_key{ key = \"K\" } "
#define ARN "fb.aws.quarantine{ arn = \"A\" } "

static void the_outcome_is_retry_waiting_person_contained_in_that_order(void **state)
{
    /* Key K fails, arn A is refused, region listing is incomplete. */
    static const struct fake_rule RULES[] = {
        {FB_VERB_DISABLE_ACCESS_KEY, NULL, FB_RESULT_FAILED, false, "HTTP 503", NULL},
        {FB_VERB_QUARANTINE, NULL, FB_RESULT_REFUSED, false, "protected", NULL},
        {FB_VERB_REGIONS, NULL, FB_RESULT_DONE, true, "throttled", "[\"us-east-1\"]"},
        {FB_VERB_COUNT, NULL, FB_RESULT_DONE, false, NULL, NULL}};
    static const struct ending ENDINGS[] = {
        {"return fb.outcome()", FB_RUN_CONTAINED, false, ""},
        {"return fb.close(\"nothing to do\")", FB_RUN_CLOSED, false, "nothing to do"},
        {"return fb.wait()", FB_RUN_WAITING, false, ""},
        {ARN "return fb.outcome()", FB_RUN_NEEDS_PERSON, false, ""},
        {ARN "return fb.close(\"x\")", FB_RUN_NEEDS_PERSON, false, ""},
        {ARN "return fb.wait()", FB_RUN_WAITING, false, ""},
        {"fb.escalate{ why = \"look\" } return fb.close(\"x\")", FB_RUN_NEEDS_PERSON, false, ""},
        {KEY "return fb.outcome()", FB_RUN_RETRY, false, "aws.disable_access_key failed: HTTP 503"},
        {KEY ARN "return fb.outcome()", FB_RUN_RETRY, false,
         "aws.disable_access_key failed: HTTP 503"},
        {KEY "return fb.wait()", FB_RUN_RETRY, false, "aws.disable_access_key failed: HTTP 503"},
        {KEY "return fb.close(\"x\")", FB_RUN_RETRY, false,
         "aws.disable_access_key failed: HTTP 503"},
        {"fb.aws.regions() return fb.outcome()", FB_RUN_RETRY, false,
         "aws.regions could not be read whole: throttled"},
        {"fb.aws.regions() return fb.close(\"x\")", FB_RUN_RETRY, false,
         "aws.regions could not be read whole: throttled"},
        {"fb.each({ 1 }, function() error(\"oops\") end) return fb.outcome()", FB_RUN_RETRY, false,
         "t.lua:5: oops"},
        {"local o = fb.outcome() " KEY "return o", FB_RUN_RETRY, false,
         "aws.disable_access_key failed: HTTP 503"},
        {"", FB_RUN_RETRY, true, "run returned nothing: end it with return fb.outcome()"},
        {"return true", FB_RUN_RETRY, true,
         "run returned a boolean: end it with return fb.outcome(), fb.close(why) or fb.wait()"},
        {"return { kind = 3 }", FB_RUN_RETRY, true,
         "run returned a table: end it with return fb.outcome(), fb.close(why) or fb.wait()"},
        {"return fb.close()", FB_RUN_RETRY, true,
         "t.lua:5: fb.close: say why: fb.close(\"nothing left to contain\")"},
        {"fb.must(" KEY ") return fb.outcome()", FB_RUN_RETRY, true, "t.lua:5: fb.must: HTTP 503"},
    };
    static struct fake_run r;

    for (size_t i = 0; i < sizeof ENDINGS / sizeof *ENDINGS; i++) {
        char text[1024];

        snprintf(text, sizeof text, FAKE_PLAYBOOK("%s"), ENDINGS[i].body);
        fake_play(*state, text, RULES, &r);
        if (r.run.outcome != ENDINGS[i].outcome || r.run.broken != ENDINGS[i].broken ||
            strcmp(r.run.why, ENDINGS[i].why) != 0)
            fail_msg("%s: %s%s \"%s\"", ENDINGS[i].body, fb_run_name(r.run.outcome),
                     r.run.broken ? " (broken)" : "", r.run.why);
    }
}

static void verbs_are_counted_by_their_status(void **state)
{
    static const struct fake_rule RULES[] = {
        {FB_VERB_HALT, "i-1", FB_RESULT_PENDING, false, "", NULL},
        {FB_VERB_HALT, "i-2", FB_RESULT_ALREADY, false, "", NULL},
        {FB_VERB_HALT, "i-3", FB_RESULT_PLANNED, false, "", NULL},
        {FB_VERB_HALT, "i-4", FB_RESULT_REFUSED, false, "limit", NULL},
        {FB_VERB_HALT, "i-5", FB_RESULT_FAILED, false, "no", NULL},
        {FB_VERB_COUNT, NULL, FB_RESULT_DONE, false, NULL, NULL}};
    static struct fake_run r;

    fake_play(*state,
              FAKE_PLAYBOOK("local seen = {}\n"
                            "for i = 1, 7 do\n"
                            "  local r = fb.halt{ id = \"i-\" .. i, region = \"us-east-1\" }\n"
                            "  seen[i] = r.status .. (r.ok and \"+\" or \"-\")\n"
                            "end\n"
                            "fb.notify{ title = table.concat(seen, \" \") }\n"
                            "return fb.outcome()"),
              RULES, &r);
    assert_non_null(fake_find(&r.gate, FB_VERB_NOTIFY,
                              "pending+ already+ planned+ refused- failed- done+ done+"));
    assert_int_equal(r.run.pending, 1);
    assert_int_equal(r.run.already, 1);
    assert_int_equal(r.run.planned, 1);
    assert_int_equal(r.run.refused, 1);
    assert_int_equal(r.run.failed, 1);
    assert_int_equal(r.run.done, 2);
    assert_int_equal(r.run.asks, 8);
}

/* A gate that leaves an answer as it was, or says ok with a failure, has not said yes. */
static void silent_ask(void *self, struct fb_arena *a, const struct fb_ask *asks, size_t n,
                       struct fb_answer *answers)
{
    (void)self;
    (void)a;
    (void)asks;
    (void)n;
    (void)answers;
}

static void no_answer_from_the_gate_is_a_failure(void **state)
{
    static const char TEXT[] =
        FAKE_PLAYBOOK("fb.aws.quarantine{ arn = \"A\" } return fb.outcome()");
    struct fb_clock clock = fb_clock_system();
    struct fb_gate gate = {.ask = silent_ask};
    struct fb_err err = {0};
    struct fb_playbooks *p = fb_playbooks_new(&err);
    struct fb_run run;

    assert_non_null(p);
    assert_int_equal(fb_playbooks_add(p, "t.lua", TEXT, sizeof TEXT - 1, &err), FB_OK);
    fb_playbooks_run(p, 1, *state, NULL, 0, &gate, &clock, 0, &run);
    assert_int_equal(run.failed, 1);
    assert_int_equal(run.outcome, FB_RUN_RETRY);
    assert_string_equal(run.why, "aws.quarantine failed: no answer");
    fb_playbooks_free(p);
}

/* Clocks in tests: each look is one millisecond later. */
static int64_t tick(void *self) { return (*(int64_t *)self)++; }

static void computing_too_long_is_stopped_by_the_clock(void **state)
{
    int64_t now = 1000;
    const struct fb_clock clock = {.wall_ms = tick, .mono_ms = tick, .self = &now};
    static struct fake_run r;

    r.clock = &clock;
    fake_play(*state, FAKE_PLAYBOOK("while true do end"), NONE, &r);
    assert_true(r.run.broken);
    assert_string_equal(r.run.why, "t.lua:5: stopped: it computed for more than 2 seconds");
    assert_in_range(now, 1000 + FB_PLAYBOOK_LUA_MS_MAX, 1000 + FB_PLAYBOOK_LUA_MS_MAX + 20);
}

static int64_t *slow_gate_clock(void)
{
    static int64_t now;

    return &now;
}

static void a_minute_passes(struct fake_gate *g)
{
    (void)g;
    *slow_gate_clock() += 60000;
}

static void waiting_for_the_gate_is_free(void **state)
{
    const struct fb_clock clock = {.wall_ms = tick, .mono_ms = tick, .self = slow_gate_clock()};
    static struct fake_run r;

    r.clock = &clock;
    r.gate.on_batch = a_minute_passes;
    fake_play(*state, FAKE_PLAYBOOK("for i = 1, 50 do fb.aws.regions() end return fb.outcome()"),
              NONE, &r);
    assert_string_equal(r.run.why, "");
    assert_int_equal(r.gate.batches, 50);
}

/* After the deadline nothing is asked any more; the incident stays open, and nobody is blamed. */
static void after_the_deadline_nothing_new_is_asked(void **state)
{
    const struct fb_clock clock = {.wall_ms = tick, .mono_ms = tick, .self = slow_gate_clock()};
    static struct fake_run r;

    *slow_gate_clock() = 1000;
    r.clock = &clock;
    r.deadline_ms = 1000 + 150000;
    r.gate.on_batch = a_minute_passes;
    fake_play(*state,
              FAKE_PLAYBOOK("for i = 1, 50 do pcall(fb.aws.regions) end return fb.outcome()"), NONE,
              &r);
    assert_int_equal(r.gate.batches, 3);
    assert_int_equal(r.run.outcome, FB_RUN_RETRY);
    assert_false(r.run.broken);
    assert_non_null(strstr(r.run.why, "no time is left in this invocation"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(each_mistake_in_a_header_names_its_line_and_the_fix),
        FB_TEST(compiled_code_is_refused),
        FB_TEST(a_source_that_is_too_long_is_refused),
        FB_TEST(hostile_sources_are_errors),
        FB_TEST(a_header_is_read_as_written),
        FB_TEST(without_mode_and_limits_the_least_is_meant),
        FB_TEST(the_same_name_replaces_and_replaces_takes_out),
        FB_TEST(a_folder_gives_its_good_playbooks_and_its_first_error),
        FB_TEST(the_outcome_is_retry_waiting_person_contained_in_that_order),
        FB_TEST(verbs_are_counted_by_their_status),
        FB_TEST(no_answer_from_the_gate_is_a_failure),
        FB_TEST(computing_too_long_is_stopped_by_the_clock),
        FB_TEST(waiting_for_the_gate_is_free),
        FB_TEST(after_the_deadline_nothing_new_is_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

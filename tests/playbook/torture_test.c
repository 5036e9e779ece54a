/* torture_test.c - memory runs out at the n-th allocation, for every n, over loading and one run:
 * nothing crashes, nothing leaks. Failing only one allocation proves little, since Lua collects and
 * asks again; so every later one fails too (and once more with only that one failing). The linker
 * hands our malloc calls to the __wrap_ functions (tests/playbook/CMakeLists.txt). */
#include "playbook/fake_gate.h"

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void __real_free(void *p);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void __wrap_free(void *p);

static struct {
    long until; /* allocations until the first that fails; negative: never */
    bool once;
    long live, failed;
} memory = {.until = -1};

static bool refuse(void)
{
    if (memory.until < 0)
        return false;
    if (memory.until > 0) {
        memory.until--;
        return false;
    }
    if (memory.once)
        memory.until = -1;
    memory.failed++;
    return true;
}

static void *counted(void *p)
{
    memory.live += p != NULL;
    return p;
}

void *__wrap_malloc(size_t n) { return refuse() ? NULL : counted(__real_malloc(n)); }

void *__wrap_calloc(size_t n, size_t size)
{
    return refuse() ? NULL : counted(__real_calloc(n, size));
}

void *__wrap_realloc(void *p, size_t n)
{
    if (refuse())
        return NULL;
    return p ? __real_realloc(p, n) : counted(__real_realloc(NULL, n));
}

void __wrap_free(void *p)
{
    memory.live -= p != NULL;
    __real_free(p);
}

static const struct fake_rule RULES[] = {
    {FB_VERB_CHAIN, NULL, FB_RESULT_DONE, false, "", "[{\"id\":\"a\",\"arn\":\"b\"}]"},
    {FB_VERB_COMPUTE, NULL, FB_RESULT_DONE, false, "",
     "{\"fleets\":[],\"instances\":[{\"id\":\"i\",\"region\":\"r\"}]}"},
    {FB_VERB_COUNT, NULL, FB_RESULT_DONE, false, NULL, NULL}};

static const char TEXT[] = FAKE_PLAYBOOK(
    "local chain = fb.chain(inc.actor)\n"
    "fb.each(chain, function(hop) fb.aws.quarantine{ arn = hop.arn, why = \"w\" } end)\n"
    "pcall(function() local t = {} for i = 1, 20 do t[i] = tostring(i):rep(20) end\n"
    "  table.sort(t) return table.concat(t):gsub(\"1(.)\", \"%1\") end)\n"
    "fb.each({ \"r\", \"s\" }, function(r)\n"
    "  local found = fb.compute{ region = r, by = chain }\n"
    "  fb.each(found.instances, fb.halt)\n"
    "end)\n"
    "for k, v in pairs{ a = 1, b = 2 } do fb.explain(k, { [k] = v }) end\n"
    "return fb.outcome()");

static struct fake_gate recorder;

/* Loads and runs; true when a run came to its end and found nothing wrong. */
static bool load_and_run(struct fb_arena *a, const struct fb_val *inc, struct fb_run *run)
{
    struct fb_clock clock = fb_clock_system();
    struct fb_gate gate = {.self = &recorder, .ask = fake_ask_batch};
    struct fb_err err = {0};
    struct fb_playbooks *p = fb_playbooks_new(&err);
    bool ran = false;

    if (!p) {
        assert_int_not_equal(err.text[0], '\0');
        return false;
    }
    if (fb_playbooks_add(p, "t.lua", TEXT, sizeof TEXT - 1, &err) == FB_OK) {
        size_t last = fb_playbooks_count(p) - 1;

        fb_playbooks_run(p, last, a, inc, 5, &gate, &clock, 0, run);
        assert_true(!run->broken || run->outcome == FB_RUN_RETRY);
        assert_non_null(run->why);
        ran = run->outcome == FB_RUN_CONTAINED;
    } else {
        assert_int_not_equal(err.text[0], '\0');
    }
    fb_playbooks_free(p);
    return ran;
}

/* Returns how many allocations there are when none fails. */
static long torture(bool once, long step)
{
    long n = 0;

    for (;; n += step) {
        struct fb_arena *outer = fb_arena_new(1 << 20), *a;
        const struct fb_val *inc = fake_value(outer, FAKE_INC);
        struct fb_run run = {0};
        long before = memory.live;
        bool ran;

        assert_non_null(inc);
        a = fb_arena_new(16 << 20);
        assert_non_null(a);
        recorder.count = recorder.batches = 0;
        recorder.rules = RULES;
        memory.failed = 0;
        memory.once = once;
        memory.until = n;
        ran = load_and_run(a, inc, &run);
        memory.until = -1;
        fb_arena_free(a);
        assert_int_equal(memory.live, before);
        fb_arena_free(outer);
        if (memory.failed == 0) {
            assert_true(ran);
            assert_int_equal(recorder.count,
                             8); /* chain, quarantine, 2 x (compute, halt), 2 explain */
            return n;
        }
        assert_true(once || !ran);
    }
}

static void memory_that_ends_anywhere_breaks_nothing(void **state)
{
    (void)state;
    assert_true(torture(false, 1) > 1000);
}

static void one_missing_allocation_breaks_nothing(void **state)
{
    (void)state;
    assert_true(torture(true, 3) > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_that_ends_anywhere_breaks_nothing),
        cmocka_unit_test(one_missing_allocation_breaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

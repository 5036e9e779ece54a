/* crash_test.c - wherever the process dies and whichever write fails: no act without its intent on
 * stable storage, and the next pass ends where an undisturbed one would have ended. */
#include "contain/fixture.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "contain/ledger.h"

enum { ACTS = 7, STATE_DONE = ACTS };

/* The account lives outside the process that dies: what was done stays done. */
struct outside {
    int acts;       /* carried out, over all processes */
    int die_at;     /* the act before which the process ends; 0 never */
    int done[ACTS]; /* how often each thing was done */
    bool intentless;
    bool no_intent_on_disk; /* an act whose intent the store did not hold */
};

static const char *const THING[ACTS] = {KEY_CI, "ci", "deploy", "i-0a1", "i-0a2", "i-0b1", "i-0c1"};
static const char *const VERB[ACTS] = {"aws.disable_access_key",
                                       "aws.quarantine",
                                       "aws.revoke_sessions",
                                       "aws.halt",
                                       "aws.halt",
                                       "aws.halt",
                                       "aws.halt"};
static const char *const TARGET[ACTS] = {KEY_CI,  CI_ARN,  DEPLOY_ARN, "i-0a1",
                                         "i-0a2", "i-0b1", "i-0c1"};

struct crash {
    struct outside *out;
    struct fix *f;
    const char *path;
};

/* Read by a connection of its own, as a restarted process would. */
static void check_intent(struct crash *c, int thing)
{
    struct fb_store *s = NULL;
    struct fb_arena *a = fb_arena_new(1u << 20);
    struct fb_item item;

    c->out->no_intent_on_disk = true;
    if (fb_store_open(fb_arena_fmt(a, "sqlite:%s", c->path), fb_clock_system(), &s, NULL) ==
            FB_OK &&
        fb_store_get(s, a, fb_arena_fmt(a, "act#" INCIDENT "#%s#%s", VERB[thing], TARGET[thing]),
                     &item, NULL) == FB_OK &&
        strstr(item.value, "\"status\":\"intent\""))
        c->out->no_intent_on_disk = false;
    fb_store_close(s);
    fb_arena_free(a);
    if (c->out->no_intent_on_disk)
        _exit(9);
}

static void do_one(struct crash *c, const char *name)
{
    for (int i = 0; i < ACTS; i++)
        if (fb_eq(THING[i], name)) {
            check_intent(c, i);
            if (++c->out->acts == c->out->die_at)
                _exit(7);
            c->out->done[i]++;
        }
}

static void outside_act(void *self, struct fb_arena *a, struct fb_act *acts, size_t n,
                        int64_t deadline)
{
    struct crash *c = self;

    for (size_t i = 0; i < n; i++) {
        c->out->intentless = c->out->intentless || !acts[i].intent;
        if (acts[i].kind != FB_ACT_MACHINES_STOP)
            do_one(c, acts[i].kind == FB_ACT_KEY_INACTIVE ? acts[i].id : acts[i].name);
        for (size_t k = 0; k < acts[i].id_count; k++)
            do_one(c, acts[i].ids[k]);
        c->f->world.inner.act(c->f->world.inner.self, a, &acts[i], 1, deadline);
    }
}

static void outside_read(void *self, struct fb_arena *a, struct fb_read *reads, size_t n,
                         int64_t deadline)
{
    struct crash *c = self;

    c->f->world.inner.read(c->f->world.inner.self, a, reads, n, deadline);
}

/* A process's model starts as the account was at first; what `out` says was done is done to it. */
static void catch_up(struct crash *c)
{
    static const char *const REGION[ACTS] = {"",          "",          "",          "us-east-1",
                                             "us-east-1", "eu-west-1", "ap-south-1"};

    for (int i = 0; i < ACTS; i++) {
        struct fb_act act = {
            .region = REGION[i], .name = THING[i], .ids = &THING[i], .id_count = 1, .intent = 1};

        if (!c->out->done[i])
            continue;
        act.kind = i == 0   ? FB_ACT_KEY_INACTIVE
                   : i == 1 ? FB_ACT_USER_DENY
                   : i == 2 ? FB_ACT_ROLE_REVOKE
                            : FB_ACT_MACHINES_STOP;
        act.id = KEY_CI;
        act.document =
            i == 2 ? fb_policy_revoke_document(c->f->a, NOON + MINUTE) : FB_POLICY_DENY_DOCUMENT;
        c->f->world.inner.act(c->f->world.inner.self, c->f->a, &act, 1, 0);
    }
}

/* One process's life: passes until one is quiet. Never returns in the child. */
static void live(struct outside *out, const char *path, bool made_there)
{
    char url[256];
    struct fix *f;
    struct crash c = {.out = out, .path = path};

    snprintf(url, sizeof url, "sqlite:%s", path);
    f = fix_open(url, made_there);
    c.f = f;
    catch_up(&c);
    f->setup.world = (struct fb_world){&c, "outside", outside_read, outside_act};
    f->run = fb_gate_new(f->a, &f->setup);
    f->gate = fb_gate_for(f->run, &f->grant);
    for (int pass = 0; pass < 4; pass++) {
        fb_gate_pass(f->run);
        fix_contain(f);
        if (fb_gate_quiet(f->run))
            break;
    }
    fix_teardown((void **)&f);
}

static int run_child(struct outside *out, const char *path, bool made_there)
{
    pid_t pid = fork();
    int status = 0;

    if (pid == 0) {
        live(out, path, made_there);
        _exit(0);
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void check_end(struct outside *out, const char *path)
{
    struct fb_arena *a = fb_arena_new(64u << 20);
    struct fb_store *s = NULL;
    struct fb_ledger_report report;
    const struct fb_action *all;
    size_t n;

    assert_false(out->intentless);
    assert_int_equal(fb_store_open(fb_arena_fmt(a, "sqlite:%s", path), fb_clock_system(), &s, NULL),
                     FB_OK);
    assert_int_equal(fb_actions_list(s, a, INCIDENT, &all, &n, NULL), FB_OK);
    assert_int_equal(n, ACTS);
    for (size_t i = 0; i < n; i++)
        if (all[i].status != FB_RESULT_DONE)
            fail_msg("%s %s is %s", all[i].verb, all[i].target, fb_result_name(all[i].status));
    assert_int_equal(fb_ledger_verify(s, a, &report, NULL), FB_OK);
    assert_int_equal(report.first_bad, 0);
    fb_store_close(s);
    fb_arena_free(a);
}

static void new_path(char path[64])
{
    int fd;

    strcpy(path, "/tmp/fb-contain-XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    unlink(path);
}

static void drop(const char *path)
{
    static const char *const ENDS[] = {"", "-wal", "-shm", "-journal"};
    char name[128];

    for (size_t i = 0; i < sizeof ENDS / sizeof *ENDS; i++) {
        snprintf(name, sizeof name, "%s%s", path, ENDS[i]);
        unlink(name);
    }
}

static void whichever_act_the_process_dies_at_the_next_one_finishes_the_work(void **state)
{
    int died = 0;

    (void)state;
    for (int n = 1; n <= ACTS + 1; n++) {
        struct outside *out =
            mmap(NULL, sizeof *out, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        char path[64];
        int first;

        assert_true(out != MAP_FAILED);
        new_path(path);
        out->die_at = n;
        first = run_child(out, path, false);
        assert_int_equal(first, n <= ACTS ? 7 : 0);
        died += first == 7;
        out->die_at = 0;
        assert_int_equal(run_child(out, path, true), 0);
        for (int i = 0; i < ACTS; i++)
            assert_int_equal(out->done[i],
                             1); /* each exactly once: nothing lost, nothing repeated */
        check_end(out, path);
        drop(path);
        munmap(out, sizeof *out);
    }
    assert_int_equal(died, ACTS);
}

/* --- the n-th write fails ------------------------------------------------------------------------
 */

/* Linked in place of the store's own (ld --wrap): the writes of fb_ledger_append come through here.
 */
struct fb_put;
enum fb_status __real_fb_store_commit(struct fb_store *s, const struct fb_put *puts, size_t n,
                                      bool durable, struct fb_err *err);
enum fb_status __wrap_fb_store_commit(struct fb_store *s, const struct fb_put *puts, size_t n,
                                      bool durable, struct fb_err *err);

static int commits, fail_at, fail_for; /* of this test program; the product has no such state */

enum fb_status __wrap_fb_store_commit(struct fb_store *s, const struct fb_put *puts, size_t n,
                                      bool durable, struct fb_err *err)
{
    commits++;
    if (fail_at && commits >= fail_at && commits < fail_at + fail_for)
        return fb_err_set(err, FB_EIO, "the disk is full");
    return __real_fb_store_commit(s, puts, n, durable, err);
}

struct watch {
    struct fix *f;
    bool unwritten;
};

/* Every act's intent must be readable in the store at the moment of the act. */
static void watching_act(void *self, struct fb_arena *a, struct fb_act *acts, size_t n,
                         int64_t deadline)
{
    struct watch *w = self;
    struct fb_item item;

    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < ACTS; k++) {
            bool mine = acts[i].kind == FB_ACT_KEY_INACTIVE
                            ? fb_eq(acts[i].id, THING[k])
                            : acts[i].kind != FB_ACT_MACHINES_STOP && fb_eq(acts[i].name, THING[k]);

            for (size_t m = 0; m < acts[i].id_count; m++)
                mine = mine || fb_eq(acts[i].ids[m], THING[k]);
            if (mine && (fb_store_get(w->f->store, a,
                                      fb_arena_fmt(a, "act#" INCIDENT "#%s#%s", VERB[k], TARGET[k]),
                                      &item, NULL) != FB_OK ||
                         !strstr(item.value, "\"status\":\"intent\"")))
                w->unwritten = true;
        }
    fix_act(&w->f->world, a, acts, n, deadline);
}

static void watching_read(void *self, struct fb_arena *a, struct fb_read *reads, size_t n,
                          int64_t deadline)
{
    fix_read(&((struct watch *)self)->f->world, a, reads, n, deadline);
}

/* One run with the n-th write (and `times` in all) failing; then one without. Gives how many writes
 * the first run made. */
static int run_failing(int nth, int times)
{
    struct fix *f = fix_new("memory:");
    struct watch w = {.f = f};
    const struct fb_action *all;
    struct fb_ledger_report report;
    size_t n;
    int made;

    f->log.least = FB_LOG_ERROR + 1; /* failures are the point here */
    commits = 0;
    fail_at = nth;
    fail_for = times;
    f->setup.world = (struct fb_world){&w, "watched", watching_read, watching_act};
    f->run = fb_gate_new(f->a, &f->setup);
    f->gate = fb_gate_for(f->run, &f->grant);
    fix_contain(f);
    made = commits;
    fail_at = 0;
    assert_false(w.unwritten);
    assert_false(f->world.intentless);
    f->wall_ms += MINUTE;
    f->run = fb_gate_new(f->a, &f->setup);
    f->gate = fb_gate_for(f->run, &f->grant);
    fb_gate_pass(f->run);
    fix_contain(f);
    assert_false(w.unwritten);
    assert_true(fb_gate_all_done(f->run));
    for (int i = 0; i < ACTS; i++)
        assert_int_equal(fix_hits(f, THING[i]), 1);
    assert_int_equal(fb_actions_list(f->store, f->a, INCIDENT, &all, &n, NULL), FB_OK);
    assert_int_equal(n, ACTS);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(all[i].status, FB_RESULT_DONE);
    assert_int_equal(fb_ledger_verify(f->store, f->a, &report, NULL), FB_OK);
    assert_int_equal(report.first_bad, 0);
    fix_teardown((void **)&f);
    return made;
}

static void whichever_write_fails_no_act_goes_without_its_intent(void **state)
{
    int nth = 1;

    (void)state;
    while (nth < 1000 && run_failing(nth, 1) >= nth)
        nth++;
    assert_in_range(nth, 12, 999); /* 4 batches: budget, intents, outcomes each */
}

/* The disk stays full from the n-th write on. */
static void once_writes_fail_for_good_nothing_more_is_done(void **state)
{
    int nth = 1;

    (void)state;
    while (nth < 1000 && run_failing(nth, 1000000) >= nth)
        nth++;
    assert_in_range(nth, 12, 999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whichever_act_the_process_dies_at_the_next_one_finishes_the_work),
        cmocka_unit_test(whichever_write_fails_no_act_goes_without_its_intent),
        cmocka_unit_test(once_writes_fail_for_good_nothing_more_is_done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* crew.c - the invocations: each a process of its own with its own clock, memory and door to the
 * store that all share. It may stand still at any step while others run, and die at any step. A
 * dead one runs on to its end, but nothing that it does reaches anybody: to the world that is the
 * same as if it had stopped there. */
#include "simulate/sim.h"

#include <string.h>

#include "simulate/fiber.h"
#include "store/backend.h"

struct sim_worker *sim_crew;

static const char *const PROTECTED[] = {"arn:aws:iam::" SIM_ACCOUNT ":user/break-glass"};

/* --- clocks --------------------------------------------------------------------------------------
 */

static int64_t wall(void *self)
{
    const struct sim_worker *w = self;

    return w->s ? w->s->now_ms + w->s->w.skew_ms : SIM_T0;
}

static int64_t mono(void *self)
{
    const struct sim_worker *w = self;

    return w->s ? w->s->now_ms : SIM_T0;
}

/* --- the store's door ----------------------------------------------------------------------------
 */

static enum fb_status unreachable(struct fb_err *err)
{
    return fb_err_set(err, FB_EIO, "the store does not answer");
}

static bool store_fails(struct sim_worker *w)
{
    if (!w->busy) /* a check looks in between two invocations */
        return false;
    if (!crew_point(w))
        return true;
    if (w->s->healed || !sim_chance(w->s, w->s->w.store_fail))
        return false;
    w->s->count->store_fails++;
    w->cut = true;
    return true;
}

static enum fb_status door_get(void *self, struct fb_arena *a, const char *key, int64_t now_ms,
                               struct fb_item *out, struct fb_err *err)
{
    struct sim_worker *w = self;

    if (store_fails(w))
        return unreachable(err);
    return fb_backend_memory.get(w->s->store, a, key, now_ms, out, err);
}

static enum fb_status door_next(void *self, struct fb_arena *a, const struct fb_range *range,
                                int64_t now_ms, struct fb_item *out, struct fb_err *err)
{
    struct sim_worker *w = self;

    if (w->busy && w->dead)
        return unreachable(err);
    return fb_backend_memory.next(w->s->store, a, range, now_ms, out, err);
}

static enum fb_status door_commit(void *self, const struct fb_put *puts, size_t n, bool durable,
                                  int64_t now_ms, struct fb_err *err)
{
    struct sim_worker *w = self;
    bool fails = store_fails(w);
    enum fb_status st;

    if (w->dead || (fails && sim_chance(w->s, 500)))
        return unreachable(err);
    st = fb_backend_memory.commit(w->s->store, puts, n, durable, now_ms, err);
    if (st == FB_OK)
        check_commit(w->s, puts, n);
    return fails ? unreachable(err) : st; /* written, and nobody hears of it */
}

static void door_close(void *self) { (void)self; }

static size_t door_sweep(void *self, int64_t now_ms)
{
    struct sim_worker *w = self;

    return w->dead ? 0 : fb_backend_memory.sweep(w->s->store, now_ms);
}

static const struct fb_backend DOOR = {.scheme = "",
                                       .usage = "",
                                       .durable = true,
                                       .close = door_close,
                                       .get = door_get,
                                       .next = door_next,
                                       .commit = door_commit,
                                       .sweep = door_sweep};

/* --- steps ---------------------------------------------------------------------------------------
 */

bool crew_point(struct sim_worker *w)
{
    struct sim *s = w->s;

    if (w->dead)
        return false;
    s->count->steps++;
    s->now_ms += sim_between(s, 0, s->w.call_ms);
    if (s->w.race)
        for (int i = 0; s->next_move_ms <= s->now_ms && s->moves_left > 0 && i < 3; i++) {
            s->moves_left--;
            s->next_move_ms += sim_between(s, 1, s->w.move_every_ms);
            thief_move(s);
        }
    cloud_pass(s);
    if (!s->healed && sim_chance(s, s->w.crash)) {
        s->count->crashes++;
        w->dead = true;
        sim_tell(s, "  invocation %d dies", (int)(w - s->workers));
    } else if (s->now_ms >= w->kill_ms) {
        s->count->kills++;
        w->dead = true;
        sim_tell(s, "  invocation %d is killed at its time limit", (int)(w - s->workers));
    }
    if (!w->dead && sim_chance(s, s->w.switching)) {
        s->count->switches++;
        fiber_yield(w->fiber);
    }
    return !w->dead;
}

void crew_deliver(struct sim *s, int event, int64_t at_ms)
{
    if (s->run_count == SIM_RUNS)
        return;
    s->runs[s->run_count++] = (struct sim_run){RUN_EVENT, at_ms, event, false};
}

/* --- an invocation -------------------------------------------------------------------------------
 */

static void take_event(struct sim_worker *w, struct fb_delivery *d)
{
    struct sim *s = w->s;
    struct sim_event *e = &s->events[w->run->event];
    struct fb_decision out;
    struct fb_err err = {0};
    enum fb_status st = fb_pipeline_event(&w->rt, w->a, &e->ev, d, &out, &err);

    if (w->dead || st != FB_OK) { /* not acknowledged: it comes again */
        w->run->at_ms = s->now_ms + sim_between(s, 30 * SEC, 90 * SEC);
        w->run->over = false;
        sim_tell(s, "  event %s is not acknowledged%s%s", e->ev.id, w->dead ? "" : ": ",
                 w->dead ? "" : err.text);
    } else {
        e->known = true;
    }
}

static void live(void *self)
{
    struct sim_worker *w = self;
    struct fb_delivery d = {.received_ms = wall(w),
                            .trusted = true,
                            .own_account = SIM_ACCOUNT,
                            .deadline_mono_ms = w->deadline_ms};
    struct fb_err err = {0};
    struct fb_tick tick;

    fb_arena_reset(w->a);
    if (w->run->kind == RUN_EVENT)
        take_event(w, &d);
    else
        (void)fb_pipeline_tick(&w->rt, w->a, &d, &tick, &err);
    check_invocation(w);
    w->busy = false;
}

void crew_start(struct sim *s, struct sim_worker *w, struct sim_run *run)
{
    int64_t life =
        !s->healed && sim_chance(s, s->w.hurry) ? sim_between(s, SEC, 6 * SEC) : 60 * SEC;

    w->run = run;
    w->run->over = true;
    w->busy = true;
    w->dead = w->cut = false;
    w->calls = 0;
    w->deadline_ms = s->now_ms + life;
    w->kill_ms = w->deadline_ms;
    w->cut = life < 60 * SEC;
    w->rt.enforce = s->enforce_now;
    s->fresh = s->fresh || (s->healed && run->kind == RUN_EVENT && !s->events[run->event].known);
    s->count->invocations++;
    s->count->ticks += run->kind == RUN_TICK;
    s->active++;
    sim_tell(s, "invocation %d: %s", (int)(w - s->workers),
             run->kind == RUN_TICK ? "tick" : s->events[run->event].ev.id);
}

void crew_resume(struct sim *s, struct sim_worker *w)
{
    s->at = w;
    if (!fiber_resume(w->fiber))
        s->active--;
    s->at = NULL;
}

/* --- opening, and a seed's beginning -------------------------------------------------------------
 */

static bool open_one(struct sim_worker *w, struct fb_err *err)
{
    const char *const env[] = {NULL};
    struct fb_config_overrides over = {.mode = "enforce", .state = "memory:"};
    struct fb_runtime_setup setup = {.enforce = true};
    struct fb_config *config = NULL;

    memset(w, 0, sizeof *w);
    w->conf = fb_arena_new(8u << 20);
    w->a = fb_arena_new(FB_INVOCATION_BYTES_MAX);
    w->fiber = fiber_new(live, w);
    if (!w->conf || !w->a || !w->fiber ||
        fb_config_load(w->conf, NULL, env, &over, &config, err) != FB_OK)
        return false;
    setup.config = config;
    setup.clock = (struct fb_clock){.wall_ms = wall, .mono_ms = mono, .self = w};
    setup.log = (struct fb_log){
        /* nobody reads it */ .to = stderr, .least = FB_LOG_ERROR, .clock = setup.clock};
    if (fb_runtime_open(&w->rt, &setup, err) != FB_OK)
        return false;
    w->own = w->rt.store;
    w->rt.store = NULL;
    return true;
}

bool crew_open(struct sim_worker *workers, struct fb_err *err)
{
    sim_crew = workers;
    for (int i = 0; i < SIM_WORKERS; i++)
        if (!open_one(&workers[i], err))
            return false;
    return true;
}

void crew_shut(struct sim_worker *workers)
{
    for (int i = 0; i < SIM_WORKERS; i++) {
        workers[i].s = NULL;
        workers[i].rt.store = workers[i].own;
        fb_runtime_close(&workers[i].rt);
        fb_arena_free(workers[i].a);
        fb_arena_free(workers[i].conf);
        fiber_free(workers[i].fiber);
    }
}

void crew_begin(struct sim *s)
{
    void *memory = NULL;

    (void)fb_backend_memory.open("", &memory, NULL);
    s->store = memory;
    for (int i = 0; i < SIM_WORKERS; i++) {
        struct sim_worker *w = &s->workers[i];

        w->s = s;
        w->busy = w->dead = false;
        (void)fb_store_wrap(&DOOR, w, w->rt.clock, &w->rt.store, NULL);
        w->rt.unswept = 0;
        fb_model_free(w->rt.model); /* never asked: the simulated account is in its place */
        w->rt.model = fb_model_new();
        w->rt.guards.protected_identities = PROTECTED;
        w->rt.guards.protected_identity_count = 1;
        w->rt.guards.actions_per_hour = s->w.actions_per_hour;
        w->rt.guards.identities = s->w.identities;
    }
}

void crew_end(struct sim *s)
{
    for (int i = 0; i < SIM_WORKERS; i++) {
        fb_store_close(s->workers[i].rt.store);
        s->workers[i].rt.store = NULL;
        s->workers[i].s = NULL;
    }
    fb_backend_memory.close(s->store);
    s->store = NULL;
}

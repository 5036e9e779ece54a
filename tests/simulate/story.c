/* story.c - one seed: how bad the weather is, then whatever is due, until all is told and healed.
 */
#include "simulate/sim.h"

#include <stdarg.h>
#include <string.h>

#include "base/digest.h"

enum { LOOPS_MAX = 200000, HEAL_TICKS = 105 };

/* --- chance (splitmix64) -------------------------------------------------------------------------
 */

uint64_t sim_random(struct sim *s)
{
    uint64_t z = (s->random += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

int64_t sim_between(struct sim *s, int64_t least, int64_t most)
{
    return most <= least ? least : least + (int64_t)(sim_random(s) % (uint64_t)(most - least + 1));
}

bool sim_chance(struct sim *s, int in_a_thousand)
{
    return in_a_thousand > 0 && (int64_t)(sim_random(s) % 1000) < in_a_thousand;
}

/* --- telling -------------------------------------------------------------------------------------
 */

void sim_tell(struct sim *s, const char *fmt, ...)
{
    va_list ap;

    if (!s->telling)
        return;
    printf("%10.3f  ", (double)(s->now_ms - SIM_T0) / 1000.0);
    va_start(ap, fmt);
    (void)vprintf(fmt, ap);
    va_end(ap);
    printf("\n");
}

void sim_fail(struct sim *s, const char *invariant, const char *fmt, ...)
{
    va_list ap;
    int n;

    if (s->failed)
        return;
    s->failed = true;
    n = snprintf(s->why, sizeof s->why, "%s: ", invariant);
    va_start(ap, fmt);
    (void)vsnprintf(s->why + n, sizeof s->why - (size_t)n, fmt, ap);
    va_end(ap);
    sim_tell(s, "%s", s->why);
}

void sim_trail(struct sim *s, const char *what)
{
    s->trail = (s->trail ^ fb_hash64_str(what)) * UINT64_C(0x100000001b3);
}

/* --- weather -------------------------------------------------------------------------------------
 */

static int maybe(struct sim *s, int in_a_thousand, int most)
{
    return sim_chance(s, in_a_thousand) ? (int)sim_between(s, 1, most) : 0;
}

static void choose_weather(struct sim *s)
{
    struct sim_weather *w = &s->w;
    bool calm = sim_chance(s, 250);

    *w = (struct sim_weather){.dead_region = -1, .copies_max = 1, .workers = 1};
    w->call_ms = sim_between(s, 1, 120);
    w->seen_lag_ms = sim_chance(s, 700) ? sim_between(s, 0, 8 * SEC) : 0;
    w->bind_lag_ms = sim_chance(s, 800) ? sim_between(s, 0, 10 * SEC) : 0;
    if (sim_chance(s, 100))
        w->bind_lag_ms = sim_between(s, MIN, 10 * MIN);
    w->delay_ms =
        sim_chance(s, 300) ? sim_between(s, MIN, 15 * MIN) : sim_between(s, SEC, 30 * SEC);
    w->move_every_ms =
        sim_chance(s, 400) ? sim_between(s, 500, 5 * SEC) : sim_between(s, 5 * SEC, MIN);
    w->moves = (int)sim_between(s, 0, 30);
    w->race = sim_chance(s, 600);
    w->shuffled = sim_chance(s, 200);
    w->copies_max = sim_chance(s, 400) ? (int)sim_between(s, 2, 5) : 1;
    w->workers = sim_chance(s, 500) ? (int)sim_between(s, 2, SIM_WORKERS) : 1;
    w->switching = w->workers > 1 ? (int)sim_between(s, 10, 400) : 0;
    w->actions_per_hour = sim_chance(s, 100) ? sim_between(s, 0, 20) : 2000;
    w->identities = sim_chance(s, 100) ? sim_between(s, 0, 4) : 20;
    w->dry = sim_chance(s, 60);
    w->dry_then_enforce = w->dry && sim_chance(s, 500);
    w->no_ticks = sim_chance(s, 100);
    if (w->shuffled)
        w->race = false;
    if (sim_chance(s, calm ? 300 : 150)) {
        w->dead_region = (int)sim_between(s, 1, SIM_REGIONS - 1);
        w->dead_until_ms = SIM_T0 + sim_between(s, MIN, 40 * MIN);
    }
    if (calm && w->dead_region > 0) { /* an outage, and nothing else that could excuse us */
        w->shuffled = w->no_ticks = false;
        w->workers = 1;
        w->switching = 0;
        w->actions_per_hour = 2000;
        w->delay_ms = 30 * SEC;
        w->dead_until_ms += 5 * MIN;
    }
    if (calm)
        return;
    w->throttle = maybe(s, 400, 200);
    w->timeout = maybe(s, 300, 100);
    w->lost = maybe(s, 300, 200);
    w->partial = maybe(s, 200, 400);
    w->store_fail = maybe(s, 200, 50);
    w->crash = maybe(s, 500, 40);
    w->hurry = maybe(s, 200, 500);
    w->skew_ms = sim_chance(s, 150) ? sim_between(s, -60 * MIN, 60 * MIN) : 0;
}

/* --- what is due ---------------------------------------------------------------------------------
 */

static struct sim_run *next_run(struct sim *s)
{
    struct sim_run *best = NULL;

    for (size_t i = 0; i < s->run_count; i++)
        if (!s->runs[i].over && (!best || s->runs[i].at_ms < best->at_ms))
            best = &s->runs[i];
    return best;
}

static struct sim_worker *free_worker(struct sim *s)
{
    for (int i = 0; i < s->w.workers; i++)
        if (!s->workers[i].busy)
            return &s->workers[i];
    return NULL;
}

static void tick_due(struct sim *s)
{
    int64_t every, calm = s->now_ms - s->end_attack_ms;

    if (s->now_ms < s->next_tick_ms)
        return;
    /* Between the last events and the last looks nothing is due. */
    every = calm > 20 * MIN && calm < 80 * MIN ? 10 * MIN : MIN;
    s->next_tick_ms = s->now_ms - s->now_ms % every + every;
    if ((s->w.no_ticks && !s->healed) || s->run_count == SIM_RUNS)
        return;
    s->runs[s->run_count++] = (struct sim_run){RUN_TICK, s->now_ms, -1, false};
}

static void start_due(struct sim *s)
{
    struct sim_worker *w;
    struct sim_run *run;

    tick_due(s);
    while ((w = free_worker(s)) && (run = next_run(s)) && run->at_ms <= s->now_ms)
        crew_start(s, w, run);
}

static void resume_any(struct sim *s)
{
    int at = (int)sim_between(s, 0, s->w.workers - 1);

    for (int i = 0; i < s->w.workers; i++) {
        struct sim_worker *w = &s->workers[(at + i) % s->w.workers];

        if (w->busy) {
            crew_resume(s, w);
            return;
        }
    }
}

static void heal(struct sim *s)
{
    if (s->healed || s->now_ms < s->end_attack_ms)
        return;
    s->healed = true;
    s->w.dead_region = -1;
    for (int r = 0; r < SIM_REGIONS; r++)
        s->region_on[r] = true;
    s->enforce_now = !s->w.dry || s->w.dry_then_enforce;
    sim_tell(s, "all is well again");
}

/* Nobody runs: to the next thing that happens. */
static void pass_time(struct sim *s)
{
    struct sim_run *run = next_run(s);
    int64_t to = s->next_tick_ms;

    if (run && run->at_ms < to)
        to = run->at_ms;
    if (s->moves_left > 0 && s->next_move_ms < to)
        to = s->next_move_ms;
    if (!s->healed && s->end_attack_ms < to)
        to = s->end_attack_ms;
    if (to > s->now_ms)
        s->now_ms = to;
    while (s->moves_left > 0 && s->next_move_ms <= s->now_ms) {
        s->moves_left--;
        s->next_move_ms = s->now_ms + sim_between(s, 1, s->w.move_every_ms);
        thief_move(s);
    }
    cloud_pass(s);
    heal(s);
}

static bool all_over(struct sim *s)
{
    return s->healed && !s->active && !next_run(s) && s->moves_left <= 0 &&
           s->now_ms > s->end_attack_ms + HEAL_TICKS * MIN;
}

/* A dead process runs on to its end and reaches nobody: that is how all fibers are left. */
static void stop_all(struct sim *s)
{
    s->failed = s->failed || s->active > 0;
    for (int i = 0; i < SIM_WORKERS; i++) {
        s->workers[i].dead = true;
        while (s->workers[i].busy)
            crew_resume(s, &s->workers[i]);
    }
}

static void begin(struct sim *s, uint64_t seed, struct sim_worker *workers, struct sim_count *count,
                  bool telling)
{
    struct fb_arena *a = s->a, *scratch = s->scratch;

    memset(s, 0, sizeof *s);
    s->a = a;
    s->scratch = scratch;
    fb_arena_reset(a);
    fb_arena_reset(scratch);
    s->seed = seed;
    s->random = seed * UINT64_C(0x2545f4914f6cdd1d) + 1;
    s->workers = workers;
    s->count = count;
    s->telling = telling;
    s->now_ms = SIM_T0;
    s->trail = UINT64_C(0xcbf29ce484222325);
    choose_weather(s);
    s->enforce_now = !s->w.dry;
    s->moves_left = s->w.shuffled ? 0 : s->w.moves;
    s->next_move_ms = s->now_ms + sim_between(s, SEC, s->w.move_every_ms);
    s->next_tick_ms = SIM_T0 + MIN;
    s->end_attack_ms = SIM_T0 + sim_between(s, 5 * MIN, 30 * MIN);
    s->last_change_ms = SIM_T0 - MIN;
}

bool story_run(struct sim *s, uint64_t seed, struct sim_worker *workers, struct sim_count *count,
               bool telling)
{
    begin(s, seed, workers, count, telling);
    crew_begin(s);
    cloud_begin(s);
    thief_begin(s);
    for (int i = 0; i < LOOPS_MAX && !s->failed && !all_over(s); i++) {
        start_due(s);
        if (s->active)
            resume_any(s);
        else
            pass_time(s);
        heal(s);
    }
    if (!s->failed && !all_over(s))
        sim_fail(s, "I13", "it does not come to an end");
    if (!s->failed)
        check_end(s);
    if (s->failed && telling)
        check_tell(s);
    stop_all(s);
    count->seeds++;
    count->dry += s->w.dry;
    crew_end(s);
    return !s->failed;
}

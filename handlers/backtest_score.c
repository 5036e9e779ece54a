/* backtest_score.c - the second pass of a backtest: every island's events, in order, down the very
 * road that live events take, and what is remembered of each identity on the way.
 *
 * The clock of a walk is the log's own, so that what live operation forgets (edges, profiles) is
 * forgotten here too. The playbook runs once an incident, when it would first have contained: that
 * plan is what would have been cut. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backtest_who.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/text.h"

enum {
    STORIES_MAX = 500, /* told of one island */
    STORY_BYTES = 1 << 20,
    SWEEP_EVENTS = 20000
};

static const double OUT_OF_REACH = 1000; /* no score gets there */
static const double TELL_FROM = 20;      /* colder identities are counted only */

const char *fb_bt_hands_name(enum fb_bt_hands h)
{
    static const char *const names[] = {"probably-yours", "probably-stolen", "no-history",
                                        "unclear"};

    return names[h];
}

struct walk {
    const struct fb_history *h;
    const struct fb_config *config;
    const int *fds;
    struct fb_bt_result *results;
    const size_t *order; /* islands, largest first */
    FILE *null;
    uint64_t at; /* in this worker's results */
    /* of the island at hand: */
    struct fb_runtime rt;
    struct fb_arena *arena;
    int64_t now_ms;
    struct fb_bt_table table;
    struct fb_bt_sums sums;
    struct fb_bt_day *days;
    size_t day_cap;
};

static enum fb_status no_memory(struct fb_err *err)
{
    return fb_err_set(err, FB_ELIMIT, "memory is short");
}

/* Lets the playbooks look at the incident once, in dry-run. NULL: nothing came of it. */
static char *plan_of(struct walk *w, const struct fb_delivery *d, const struct fb_decision *dec)
{
    struct fb_work work = {.delivery = d, .now_ms = dec->ev.time_ms};
    struct fb_incident *inc = FB_NEW(w->arena, struct fb_incident);
    const char *root = fb_chain_root(&dec->chain)->identity;
    struct fb_item item;

    if (!inc ||
        fb_store_get(w->rt.store, w->arena, fb_incident_key(w->arena, root), &item, NULL) !=
            FB_OK ||
        fb_incident_read(w->arena, item.value, item.len, inc, NULL) != FB_OK)
        return NULL;
    inc->version = item.version;
    if (fb_incident_work(&w->rt, w->arena, inc, &work, NULL) != FB_OK)
        return NULL;
    return fb_bt_plan_json(work.actions, work.action_count);
}

/* --- one event ----------------------------------------------------------------------------------
 */

static void reach(struct fb_bt_who *who, const struct fb_decision *d, struct fb_bt_reach *step)
{
    char why[8];

    if (step->ms)
        return;
    step->ms = d->ev.time_ms;
    step->hands = (uint8_t)fb_bt_judge(who, d, why, sizeof why);
    step->network = (int8_t)fb_bt_network_of(who, d->ev.ip);
}

static void see_score(struct fb_bt_who *who, const struct fb_decision *d)
{
    const struct fb_verdict *v = &d->verdict;
    size_t n = 0;

    if (!v->fired)
        return;
    for (size_t i = 0; i < FB_BT_STEPS; i++) {
        double step = FB_BT_FIRST + FB_BT_STEP * (double)i;

        if (fb_verdict_level_at(v, step, OUT_OF_REACH) != FB_OBSERVE)
            reach(who, d, &who->alerts[i]);
        if (fb_verdict_level_at(v, step, step) == FB_CONTAIN && !d->ev.drill)
            reach(who, d, &who->contains[i]);
    }
    if (v->score <= who->peak)
        return;
    who->peak = v->score;
    who->peak_ms = d->ev.time_ms;
    memset(who->top, 0, sizeof who->top);
    for (size_t i = 0; i < v->count && n < 3; i++) {
        if (v->terms[i].value > 0)
            who->top[n++] = v->terms[i].signal->id;
    }
}

static bool see_levels(struct walk *w, const struct fb_delivery *d, struct fb_bt_who *who,
                       const struct fb_decision *dec)
{
    enum fb_level level = dec->verdict.level;

    if (level >= FB_ALERT && !who->alert && !(who->alert = fb_bt_moment_new(who, dec)))
        return false;
    if (level < FB_CONTAIN || who->contain || dec->ev.drill)
        return true;
    who->contain = fb_bt_moment_new(who, dec);
    if (!who->contain)
        return false;
    who->contain->plan = plan_of(w, d, dec);
    return true;
}

static bool see_day(struct walk *w, int64_t ms, enum fb_level level)
{
    struct fb_bt_sums *s = &w->sums;

    if (s->day_count == 0 || w->days[s->day_count - 1].day != fb_bt_day_of(ms)) {
        if (s->day_count == w->day_cap) {
            size_t cap = w->day_cap ? w->day_cap * 2 : 64;
            struct fb_bt_day *wide = realloc(w->days, cap * sizeof *wide);

            if (!wide)
                return false;
            w->days = wide;
            w->day_cap = cap;
        }
        w->days[s->day_count++] = (struct fb_bt_day){.day = fb_bt_day_of(ms)};
    }
    w->days[s->day_count - 1].levels[level]++;
    s->first_ms = s->events ? s->first_ms : ms;
    s->last_ms = ms;
    s->events++;
    return true;
}

static enum fb_status on_event(struct walk *w, const struct fb_event *ev, struct fb_err *err)
{
    struct fb_delivery d = {.received_ms = ev->time_ms,
                            .trusted = true,
                            .own_account = "",
                            .log_time = true,
                            .unique = true,
                            .no_work = true};
    struct fb_decision dec;
    struct fb_bt_who *who;
    enum fb_status st = fb_pipeline_event(&w->rt, w->arena, ev, &d, &dec, err);

    if (st != FB_OK)
        return st;
    who = fb_bt_who_of(&w->table, fb_chain_root(&dec.chain), &dec.ev);
    if (!who || !see_day(w, ev->time_ms, dec.verdict.level))
        return no_memory(err);
    w->sums.problems += *dec.problem != '\0';
    see_score(who, &dec);
    if (!see_levels(w, &d, who, &dec))
        return no_memory(err);
    fb_bt_see_activity(who, &dec.ev);
    return FB_OK;
}

/* --- results of an island -----------------------------------------------------------------------
 */

static int by_heat(const void *x, const void *y)
{
    const struct fb_bt_who *a = *(struct fb_bt_who *const *)x, *b = *(struct fb_bt_who *const *)y;
    struct fb_bt_story ha, hb;
    int order;

    fb_bt_story_head(a, &ha);
    fb_bt_story_head(b, &hb);
    order = fb_bt_story_order(&ha, &hb);
    return order ? order : strcmp(a->name, b->name);
}

static bool append(struct walk *w, int fd, const void *bytes, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = pwrite(fd, (const char *)bytes + done, len - done, (off_t)(w->at + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    w->at += len;
    return true;
}

static bool write_story(struct walk *w, int fd, const struct fb_bt_who *who)
{
    struct fb_bt_story head;
    struct fb_buf b;
    bool ok;

    fb_bt_story_head(who, &head);
    fb_buf_init(&b, STORY_BYTES);
    fb_bt_story_json(&b, who);
    head.len = (uint32_t)b.len;
    ok = fb_buf_ok(&b) && append(w, fd, &head, sizeof head) && append(w, fd, b.at, b.len);
    fb_buf_release(&b);
    return ok;
}

static bool is_yours(const struct fb_bt_who *who, const struct fb_bt_reach *step)
{
    return step->ms &&
           fb_bt_in_hindsight(who, (enum fb_bt_hands)step->hands, step->network) == FB_BT_YOURS;
}

static void sum_up(struct fb_bt_sums *s, const struct fb_bt_who *who)
{
    bool robot = fb_bt_is_robot(who);

    s->alerted += fb_bt_level_of(who) == FB_ALERT;
    s->contained += fb_bt_level_of(who) == FB_CONTAIN;
    for (size_t i = 0; i < FB_BT_STEPS; i++) {
        s->alerts[i].all += who->alerts[i].ms != 0;
        s->alerts[i].yours += is_yours(who, &who->alerts[i]);
        s->alerts[i].robots += robot && who->alerts[i].ms;
        s->contains[i].all += who->contains[i].ms != 0;
        s->contains[i].yours += is_yours(who, &who->contains[i]);
        s->contains[i].robots += robot && who->contains[i].ms;
        for (size_t c = 0; c < FB_BT_STEPS; c++)
            s->alerted_only[i][c] += who->alerts[i].ms && !who->contains[c].ms;
    }
}

/* The identities worth telling of, hottest first; the rest is only counted. */
static size_t choose(struct walk *w, struct fb_bt_who **list)
{
    size_t n = 0;

    for (size_t i = 0; i < w->table.cap; i++) {
        struct fb_bt_who *who = w->table.slots[i];

        if (!who)
            continue;
        sum_up(&w->sums, who);
        fb_bt_look_back(who, who->alert);
        fb_bt_look_back(who, who->contain);
        if (who->peak >= TELL_FROM || fb_bt_level_of(who) != FB_OBSERVE)
            list[n++] = who;
    }
    if (n)
        qsort(list, n, sizeof *list, by_heat);
    return n < STORIES_MAX ? n : STORIES_MAX;
}

static enum fb_status write_island(struct walk *w, size_t worker, size_t island, struct fb_err *err)
{
    struct fb_bt_who **list = malloc((w->table.count + 1) * sizeof *list);
    struct fb_bt_result *result = &w->results[island];
    int fd = w->fds[worker];
    bool ok = list != NULL;
    size_t n = ok ? choose(w, list) : 0;

    *result = (struct fb_bt_result){.worker = (uint32_t)worker, .at = w->at};
    w->sums.identities = w->table.count;
    w->sums.story_count = n;
    ok = ok && append(w, fd, &w->sums, sizeof w->sums) &&
         append(w, fd, w->days, w->sums.day_count * sizeof *w->days);
    for (size_t i = 0; i < n && ok; i++)
        ok = write_story(w, fd, list[i]);
    result->len = w->at - result->at;
    free(list);
    return ok ? FB_OK
              : fb_err_set(err, FB_EIO, "write results: the disk is full or memory is short");
}

/* --- one island ---------------------------------------------------------------------------------
 */

static int64_t log_wall(void *self) { return ((const struct walk *)self)->now_ms; }

static int64_t log_mono(void *self)
{
    struct fb_clock real = fb_clock_system();

    (void)self;
    return fb_mono_ms(&real);
}

static enum fb_status walk_events(struct walk *w, struct fb_merge *m, struct fb_board *board,
                                  struct fb_err *err)
{
    enum fb_status st = FB_OK;
    struct fb_event ev;

    for (uint64_t n = 1; st == FB_OK; n++) {
        fb_arena_reset(w->arena);
        st = fb_merge_next(m, w->arena, &ev, err);
        if (st != FB_OK)
            break;
        w->now_ms = ev.time_ms;
        st = on_event(w, &ev, err);
        if (n % 256 == 0)
            fb_board_add(board, 256, 256);
        if (n % SWEEP_EVENTS == 0)
            (void)fb_store_sweep(w->rt.store);
    }
    w->sums.duplicates = fb_merge_duplicates(m);
    return st == FB_ENOTFOUND ? FB_OK : st;
}

static enum fb_status walk_island(struct walk *w, size_t worker, size_t island,
                                  struct fb_board *board, struct fb_err *err)
{
    struct fb_runtime_setup setup = {
        .config = w->config,
        .clock = {.wall_ms = log_wall, .mono_ms = log_mono, .self = w},
        .log = {.to = w->null, .least = FB_LOG_ERROR, .clock = fb_clock_system()}};
    struct fb_merge *m;
    enum fb_status st;

    memset(&w->sums, 0, sizeof w->sums);
    st = fb_runtime_open(&w->rt, &setup, err);
    if (st != FB_OK)
        return st;
    m = fb_history_open(w->h, &w->h->islands[island], err);
    st = m ? walk_events(w, m, board, err) : FB_EIO;
    fb_merge_free(m);
    fb_runtime_close(&w->rt);
    if (st == FB_OK)
        st = write_island(w, worker, island, err);
    fb_bt_table_release(&w->table);
    return fb_err_ctx(err, st, "account %s", w->h->islands[island].name);
}

static enum fb_status score_islands(void *self, size_t worker, struct fb_board *board,
                                    struct fb_err *err)
{
    struct walk *w = self;
    enum fb_status st = FB_OK;
    size_t job;

    w->null = fopen("/dev/null", "we");
    w->arena = fb_arena_new(FB_INVOCATION_BYTES_MAX);
    if (!w->null || !w->arena)
        return no_memory(err);
    while (st == FB_OK && fb_board_take(board, w->h->island_count, &job))
        st = walk_island(w, worker, w->order[job], board, err);
    fb_arena_free(w->arena);
    free(w->days);
    (void)fclose(w->null);
    return st;
}

struct sized {
    uint64_t events;
    size_t island;
};

static int largest_first(const void *x, const void *y)
{
    const struct sized *a = x, *b = y;

    if (a->events != b->events)
        return a->events > b->events ? -1 : 1;
    return (a->island > b->island) - (a->island < b->island);
}

/* The largest island first: who gets it last would keep all others waiting. */
static size_t *order_of(const struct fb_history *h)
{
    struct sized *list = malloc((h->island_count + 1) * sizeof *list);
    size_t *order = malloc((h->island_count + 1) * sizeof *order);

    if (list && order) {
        for (size_t i = 0; i < h->island_count; i++)
            list[i] = (struct sized){h->islands[i].events, i};
        qsort(list, h->island_count, sizeof *list, largest_first);
        for (size_t i = 0; i < h->island_count; i++)
            order[i] = list[i].island;
        free(list);
        return order;
    }
    free(list);
    free(order);
    return NULL;
}

enum fb_status fb_bt_score(const struct fb_history *h, const struct fb_config *config,
                           const int *fds, struct fb_bt_result *results, struct fb_err *err)
{
    size_t *order = order_of(h);
    struct walk w = {.h = h, .config = config, .fds = fds, .results = results, .order = order};
    struct fb_crew crew = {.what = "scoring",
                           .workers = h->workers,
                           .all = h->counts.kept,
                           .self = &w,
                           .work = score_islands};
    enum fb_status st = order ? fb_crew_run(&crew, err) : no_memory(err);

    free(order);
    return st;
}

/* work.c - passes over an incident: the playbooks run from the top, ask the gate, until all is
 * quiet.
 *
 * There is no saved program counter: a crash, a duplicate, a late event, a tick are one more pass.
 * An invocation makes at most FB_PASSES_MAX back to back and never sleeps; the second quiet pass
 * that "contained" needs comes with the next event or tick, FB_SETTLE_MS later. */
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "contain/ledger.h"
#include "pipeline.h"

enum { SAVE_TRIES = 6 };

/* Writes the incident; a change of state is a line of the ledger too. */
static enum fb_status save(struct fb_runtime *rt, struct fb_arena *a, struct fb_incident *inc,
                           enum fb_incident_state was, int64_t now_ms, struct fb_err *err)
{
    struct fb_buf value, line;
    struct fb_put put = {.key = fb_incident_key(a, inc->root), .expect = inc->version};
    struct fb_ledger_line entry;
    enum fb_status st;

    fb_buf_init_in(&value, a, FB_VALUE_BYTES_MAX);
    fb_incident_write(&value, inc);
    if (!fb_buf_ok(&value))
        return fb_err_set(err, FB_ELIMIT, "incident %s is too large to keep", inc->id);
    put.value = value.at;
    put.len = value.len;
    if (was == inc->state) {
        st = fb_store_commit(rt->store, &put, 1, false, err);
    } else {
        fb_buf_init_in(&line, a, 4096);
        fb_json_open(&line, NULL, '{');
        fb_json_put_str(&line, "what", "state");
        fb_json_put_str(&line, "incident", inc->id);
        fb_json_put_str(&line, "from", fb_incident_state_name(was));
        fb_json_put_str(&line, "to", fb_incident_state_name(inc->state));
        fb_json_close(&line, '}');
        entry = (struct fb_ledger_line){.json = line.at};
        st = fb_ledger_append(rt->store, a, now_ms, &entry, 1, &put, 1, false, err);
    }
    if (st == FB_OK)
        inc->version++;
    return fb_err_ctx(err, st, "save incident %s", inc->id);
}

/* Reads the incident again after somebody else wrote it and folds our pass into theirs. */
static enum fb_status reload(struct fb_runtime *rt, struct fb_arena *a, struct fb_incident *inc,
                             struct fb_err *err)
{
    struct fb_item item;
    enum fb_status st = fb_store_get(rt->store, a, fb_incident_key(a, inc->root), &item, err);

    if (st != FB_OK)
        return st;
    st = fb_incident_read(a, item.value, item.len, inc, err);
    inc->version = item.version;
    return st;
}

struct pass_sum {
    struct fb_pass pass;
    bool any, broken;
};

static void add_outcome(struct pass_sum *sum, const struct fb_run *run)
{
    if (!sum->any ||
        run->outcome < sum->pass.outcome) { /* the enum's order is the order that wins */
        sum->pass.outcome = run->outcome;
        sum->pass.why = run->why;
    }
    sum->any = true;
}

static void note_messages(struct fb_runtime *rt, struct fb_arena *a, struct fb_incident *inc,
                          const struct fb_gate_run *gate, int64_t now_ms)
{
    const struct fb_message *messages;
    const char *const *gaps;
    size_t n, known = inc->note_count;

    messages = fb_gate_messages(gate, &n);
    for (size_t i = 0; i < n; i++)
        fb_incident_note(a, inc, fb_verb(messages[i].verb)->name + 3, messages[i].key,
                         *messages[i].title
                             ? fb_arena_fmt(a, "%s%s%s", messages[i].title,
                                            *messages[i].text ? ": " : "", messages[i].text)
                             : messages[i].text,
                         now_ms);
    gaps = fb_gate_gaps(gate, &n);
    for (size_t i = 0; i < n; i++)
        fb_incident_note(a, inc, "gap", gaps[i], gaps[i], now_ms);
    for (; known < inc->note_count; known++)
        FB_LOG(&rt->log, FB_LOG_WARN, inc->notes[known].kind, {"incident", inc->id, 0},
               {"text", inc->notes[known].text, 0});
}

/* Runs every playbook that is for this incident once, in name order. */
static void run_pass(struct fb_runtime *rt, struct fb_arena *a, struct fb_incident *inc,
                     struct fb_gate_run *gate, struct fb_work *work, int64_t deadline,
                     struct pass_sum *sum)
{
    const struct fb_val *val = fb_incident_val(a, inc, work->enforce);
    size_t count = fb_playbooks_count(rt->playbooks);
    size_t actions;

    fb_gate_pass(gate);
    work->name_count = 0;
    for (size_t i = 0; i < count; i++) {
        const struct fb_playbook_info *info = fb_playbooks_info(rt->playbooks, i);
        struct fb_grant grant = {info->name, info->needs, info->mode, info->limit_identities,
                                 info->limit_resources};
        struct fb_gate door;
        struct fb_run run = {0};

        if (!fb_playbooks_match(rt->playbooks, i, inc->cloud, inc->kinds, inc->kind_count,
                                inc->peak))
            continue;
        door = fb_gate_for(gate, &grant);
        fb_playbooks_run(rt->playbooks, i, a, val, work->now_ms, &door, &rt->clock, deadline, &run);
        work->names[work->name_count++] = info->name;
        sum->broken |= run.broken;
        rt->playbooks_failed += run.broken;
        if (run.broken)
            FB_LOG(&rt->log, FB_LOG_ERROR, "playbook failed", {"playbook", info->name, 0},
                   {"incident", inc->id, 0}, {"why", run.why, 0});
        add_outcome(sum, &run);
    }
    work->actions = fb_gate_actions(gate, &actions);
    work->action_count = actions;
    sum->pass.actions = work->actions;
    sum->pass.action_count = actions;
    sum->pass.ran = sum->any;
    sum->pass.quiet = sum->any && fb_gate_quiet(gate) && sum->pass.outcome != FB_RUN_RETRY;
    for (size_t i = 0; i < actions; i++)
        sum->pass.open += work->actions[i].status == FB_RESULT_PENDING ||
                          work->actions[i].status == FB_RESULT_FAILED;
}

/* The mode after every lowering: door, configuration, account, the incident's own evidence. */
static bool acting(const struct fb_runtime *rt, const struct fb_incident *inc,
                   const struct fb_delivery *d)
{
    return rt->enforce && d->trusted && inc->enforce &&
           fb_config_account_enforces(rt->config, inc->account) &&
           (!*d->own_account || strcmp(d->own_account, inc->account) == 0);
}

/* Folds a pass in and saves; when somebody else saved first, theirs is read and ours folded into
 * it: unless theirs is another story by now, or over (joined to its root's). */
static enum fb_status fold_and_save(struct fb_runtime *rt, struct fb_arena *a,
                                    struct fb_incident *inc, const struct fb_gate_run *gate,
                                    const struct fb_pass *pass, struct fb_err *err)
{
    const char *id = inc->id;
    enum fb_status st = FB_OK;

    for (int i = 0; i < SAVE_TRIES; i++) {
        enum fb_incident_state was = inc->state;

        if (i && (strcmp(id, inc->id) != 0 || was == FB_INC_CLOSED))
            return FB_OK;

        note_messages(rt, a, inc, gate, pass->now_ms);
        fb_incident_pass(a, inc, pass);
        st = save(rt, a, inc, was, pass->now_ms, err);
        if (st != FB_ECONFLICT)
            break;
        st = reload(rt, a, inc, err);
        if (st != FB_OK)
            break;
    }
    return st;
}

static void drop_model(void *m) { fb_model_free(m); }

/* Where facts come from: the cloud; a replay's model; without credentials in dry-run, our records.
 */
static struct fb_world choose_world(struct fb_runtime *rt, struct fb_arena *a,
                                    const struct fb_incident *inc)
{
    if (rt->aws ? fb_runtime_blind(rt, a) : !rt->model) {
        struct fb_model *m = fb_recorded_world(rt, a, inc);

        if (m && fb_arena_defer(a, drop_model, m))
            return fb_world_model(m, inc->account);
    }
    return rt->aws ? fb_world_aws(rt->aws) : fb_world_model(rt->model, inc->account);
}

/* An incident that has ended starts nothing: what it left open is read back. */
static enum fb_status settle(struct fb_runtime *rt, struct fb_arena *a, struct fb_incident *inc,
                             struct fb_gate_run *gate, struct fb_work *work, struct fb_err *err)
{
    fb_gate_pass(gate);
    work->actions = fb_gate_actions(gate, &work->action_count);
    inc->worked_ms = work->now_ms;
    inc->actions_open = !fb_gate_settled(gate);
    return save(rt, a, inc, inc->state, work->now_ms, err);
}

enum fb_status fb_incident_work(struct fb_runtime *rt, struct fb_arena *a, struct fb_incident *inc,
                                struct fb_work *work, struct fb_err *err)
{
    const struct fb_delivery *d = work->delivery;
    int64_t deadline = d->deadline_mono_ms ? d->deadline_mono_ms - FB_DEADLINE_MARGIN_MS : 0;
    struct fb_case about = {.incident = inc->id,
                            .account = inc->account,
                            .hops = inc->hops,
                            .hop_count = inc->hop_count,
                            .since_ms = inc->first_ms - FB_LOOK_BACK_MS,
                            .wide = inc->peak >= rt->score.wide,
                            .over = inc->state == FB_INC_CLOSED};
    struct fb_gate_setup setup = {.store = rt->store,
                                  .clock = &rt->clock,
                                  .log = &rt->log,
                                  .guards = &rt->guards,
                                  .incident = &about,
                                  .now_ms = work->now_ms,
                                  .deadline_mono_ms = deadline};
    struct fb_gate_run *gate;
    enum fb_status st = FB_OK;

    work->enforce = about.enforce = acting(rt, inc, d);
    setup.world = choose_world(rt, a, inc);
    work->names = FB_NEW_ARRAY(a, fb_playbooks_count(rt->playbooks) + 1, const char *);
    gate = fb_gate_new(a, &setup);
    if (!gate || !work->names)
        return fb_err_set(err, FB_ELIMIT, "no memory left to work incident %s", inc->id);
    if (about.over)
        return settle(rt, a, inc, gate, work, err);
    for (int i = 0; i < FB_PASSES_MAX && st == FB_OK; i++) {
        /* A pass is as old as its own beginning, not the invocation's: what an earlier pass of it
         * has changed must have had its time to show before a quiet one counts. */
        int64_t begun_ms = d->log_time ? work->now_ms : fb_wall_ms(&rt->clock);
        struct pass_sum sum = {.pass = {.enforce = work->enforce, .now_ms = begun_ms, .why = ""}};

        if (deadline && fb_mono_ms(&rt->clock) >= deadline)
            break; /* what is open goes on with the next event or tick */
        run_pass(rt, a, inc, gate, work, deadline, &sum);
        st = fold_and_save(rt, a, inc, gate, &sum.pass, err);
        if (sum.pass.quiet || !sum.pass.ran || sum.broken || /* what raised will raise again */
            strcmp(inc->id, about.incident) != 0 || inc->state == FB_INC_CLOSED)
            break;
        about.hop_count = inc->hop_count; /* another worker may have folded more of them in */
    }
    return st;
}

struct walk {
    struct fb_arena *a;
    bool (*each)(void *self, struct fb_incident *inc);
    void *self;
};

static bool walk_one(void *self, const struct fb_item *item)
{
    struct walk *w = self;
    struct fb_incident *inc = FB_NEW(w->a, struct fb_incident);

    if (!inc || fb_incident_read(w->a, item->value, item->len, inc, NULL) != FB_OK)
        return true; /* a record of another version: left alone */
    inc->version = item->version;
    return w->each(w->self, inc);
}

enum fb_status fb_incidents_each(struct fb_store *s, struct fb_arena *a,
                                 bool (*each)(void *self, struct fb_incident *inc), void *self,
                                 struct fb_err *err)
{
    struct walk w = {a, each, self};

    return fb_store_list(s, a, "inc#", NULL, 0, walk_one, &w, err);
}

/* --- the tick --------------------------------------------------------------------------------- */

enum { TICK_MAX = 256, PAGE = 64 };

struct due { /* what of an incident is worth a look: few bytes, for there may be many */
    const char *key;
    int64_t worked_ms;
    bool over;
};

struct due_list {
    struct fb_runtime *rt;
    struct fb_arena *a, *page;
    struct fb_tick *sum; /* of those that are not due */
    struct due due[TICK_MAX];
    size_t count, on_page;
    const char *after;
    int64_t now_ms;
};

static void count(struct fb_tick *sum, const struct fb_incident *inc)
{
    sum->open += inc->state == FB_INC_OPEN;
    sum->settling += inc->state == FB_INC_SETTLING;
    sum->needs_person += inc->state == FB_INC_NEEDS_PERSON;
}

/* A person's answer is not taken away by time; all else ends by itself. */
static bool is_over(const struct fb_incident *inc, int64_t now_ms)
{
    return inc->state != FB_INC_NEEDS_PERSON && inc->state != FB_INC_CLOSED &&
           now_ms - inc->quiet_ms > FB_REOPEN_MS && fb_incident_over(inc, now_ms);
}

/* Those that waited longest, first worked first: many that never end starve nobody. */
static void add_due(struct due_list *list, struct due one)
{
    size_t at = list->count;

    if (list->count == TICK_MAX) {
        if (one.worked_ms >= list->due[--at].worked_ms)
            return;
    } else {
        list->count++;
    }
    while (at > 0 && list->due[at - 1].worked_ms > one.worked_ms) {
        list->due[at] = list->due[at - 1];
        at--;
    }
    one.key = fb_arena_str(list->a, one.key);
    list->due[at] = one;
}

static bool collect_due(void *self, const struct fb_item *item)
{
    struct due_list *list = self;
    struct fb_incident *inc = FB_NEW(list->page, struct fb_incident);
    bool over;

    list->on_page++;
    list->after = fb_arena_str(list->a, item->key);
    if (!inc || fb_incident_read(list->page, item->value, item->len, inc, NULL) != FB_OK)
        return true; /* a record of another version: left alone */
    list->sum->seen++;
    over = is_over(inc, list->now_ms);
    if (over || fb_incident_due(inc, list->now_ms))
        add_due(list, (struct due){item->key, inc->worked_ms, over});
    count(list->sum, inc);
    return true;
}

/* Page by page: a store full of old incidents is no reason to run out of memory. */
static enum fb_status find_due(struct due_list *list, struct fb_err *err)
{
    enum fb_status st = FB_OK;

    do {
        list->on_page = 0;
        fb_arena_reset(list->page);
        st = fb_store_list(list->rt->store, list->page, "inc#", list->after, PAGE, collect_due,
                           list, err);
        if (st == FB_OK && fb_arena_failed(list->a))
            st = fb_err_set(err, FB_ELIMIT, "no memory left for the list");
    } while (st == FB_OK && list->on_page == PAGE);
    return fb_err_ctx(err, st, "list incidents");
}

static enum fb_status retire(struct fb_runtime *rt, struct fb_arena *a, struct fb_incident *inc,
                             int64_t now_ms, struct fb_err *err)
{
    enum fb_incident_state was = inc->state;
    enum fb_status st = FB_OK;

    if (inc->level == FB_CONTAIN)
        st = fb_pipeline_retire(rt, a, inc, err);
    inc->state = FB_INC_CLOSED;
    inc->why = was == FB_INC_WATCHING  ? "an alert, and no more for a day"
               : was == FB_INC_PLANNED ? "planned in dry-run, and no more evidence for a day"
                                       : "contained, and no more evidence for a day";
    return st == FB_OK ? save(rt, a, inc, was, now_ms, err)
                       : st; /* else the next tick tries again */
}

/* One incident, read anew: another worker may have had it meanwhile. */
static enum fb_status work_one(struct due_list *list, const struct due *due,
                               const struct fb_delivery *d, struct fb_tick *out, struct fb_err *err)
{
    struct fb_runtime *rt = list->rt;
    struct fb_work work = {.delivery = d, .now_ms = fb_wall_ms(&rt->clock)};
    struct fb_incident *inc;
    struct fb_tick before = {0};
    struct fb_item item;
    enum fb_status st;

    fb_arena_reset(list->page);
    inc = FB_NEW(list->page, struct fb_incident);
    st = fb_store_get(rt->store, list->page, due->key, &item, err);
    if (st == FB_OK && inc)
        st = fb_incident_read(list->page, item.value, item.len, inc, err);
    if (st != FB_OK || !inc)
        return inc ? st : fb_err_set(err, FB_ELIMIT, "no memory left in this tick");
    inc->version = item.version;
    count(&before, inc);
    if (due->over) {
        st = retire(rt, list->page, inc, list->now_ms, err);
    } else {
        st = fb_incident_work(rt, list->page, inc, &work, err);
        out->worked++;
    }
    out->open -= before.open;
    out->settling -= before.settling;
    out->needs_person -= before.needs_person;
    count(out, inc);
    return st;
}

enum fb_status fb_pipeline_tick(struct fb_runtime *rt, struct fb_arena *a,
                                const struct fb_delivery *d, struct fb_tick *out,
                                struct fb_err *err)
{
    struct due_list *list = FB_NEW(a, struct due_list);
    enum fb_status st, worst = FB_OK;

    memset(out, 0, sizeof *out);
    if (!list)
        return fb_err_set(err, FB_ELIMIT, "no memory left for a tick");
    *list = (struct due_list){.rt = rt, .a = a, .sum = out, .now_ms = fb_wall_ms(&rt->clock)};
    list->page = fb_arena_new(FB_INVOCATION_BYTES_MAX);
    st = list->page ? find_due(list, err) : fb_err_set(err, FB_ELIMIT, "no memory left for a tick");
    for (size_t i = 0; i < list->count && st == FB_OK; i++) {
        struct fb_err why = {0};
        enum fb_status one = work_one(list, &list->due[i], d, out, &why);

        if (one != FB_OK) { /* one incident that fails never stops the next */
            FB_LOG(&rt->log, FB_LOG_ERROR, "incident not worked", {"incident", list->due[i].key, 0},
                   {"why", why.text, 0});
            worst = fb_err_set(err, one, "%s", why.text);
        }
    }
    (void)fb_store_sweep(rt->store);
    fb_arena_free(list->page);
    return st == FB_OK ? worst : st;
}

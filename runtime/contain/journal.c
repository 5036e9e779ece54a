/* journal.c - what was intended and what came of it: one record an action ("act#<incident>#<verb>#
 * <target>") and a ledger line for each step, always in one commit.
 *
 *   intent -> pending -> done        a crash leaves intent or pending: the next pass reads the
 * world
 *     '-> failed -> intent ...       after FB_TRIES_MAX failures: needs_person
 *
 * The intent, with the state before, is on stable storage before the call is made. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "contain/gate_in.h"

enum { RECORD_BYTES_MAX = 128 << 10, TARGET_IN_KEY_MAX = 300, RACES_MAX = 5, LIST_MAX = 50000 };

const char *fb_action_id(struct fb_arena *a, const char *incident, const char *verb,
                         const char *target)
{
    const char *text = fb_arena_fmt(a, "%s|%s|%s", incident, verb, target);
    char hex[FB_SHA256_HEX];

    fb_sha256_hex(text, strlen(text), hex);
    return fb_arena_fmt(a, "act-%.12s", hex);
}

static const char *record_key(struct fb_arena *a, const char *incident, const char *verb,
                              const char *target)
{
    char hex[FB_SHA256_HEX];

    if (strlen(target) > TARGET_IN_KEY_MAX)
        target = fb_sha256_hex(target, strlen(target), hex);
    return fb_arena_fmt(a, "act#%s#%s#%s", incident, verb, target);
}

/* --- records as bytes ----------------------------------------------------------------------------
 */

static void write_record(struct fb_buf *b, const struct fb_act_record *r)
{
    char digits[FB_LEDGER_STAMP + 1];

    fb_json_open(b, NULL, '{');
    fb_json_put_str(b, "id", r->id);
    fb_json_put_str(b, "verb", r->verb);
    fb_json_put_str(b, "target", r->target);
    fb_json_put_str(b, "region", r->region);
    fb_json_put_str(b, "name", r->name);
    if (*r->kind)
        fb_json_put_str(b, "kind", r->kind);
    fb_json_put_bool(b, "role", r->role);
    fb_json_put_bool(b, "made", r->made);
    fb_json_put_str(b, "why", r->why);
    fb_json_put_str(b, "playbook", r->playbook);
    fb_json_put_int(b, "line", r->line);
    fb_json_put_str(b, "status", r->status);
    fb_json_put_str(b, "note", r->note);
    fb_json_put_str(b, "prior", r->prior);
    fb_json_put_int(b, "before_ms", r->before_ms);
    fb_json_put_int(b, "tries", r->tries);
    fb_json_put_int(b, "first_ms", r->first_ms);
    fb_json_put_int(b, "last_ms", r->last_ms);
    /* As text of fixed length, and last: the ledger writes the number in when it knows it. */
    (void)snprintf(digits, sizeof digits, "%020" PRIu64, r->intent);
    fb_json_put_str(b, "intent", digits);
    fb_json_close(b, '}');
}

/* Where write_record has put the number of the intent. */
static char *stamp_of(const struct fb_put *put)
{
    return (char *)put->value + put->len - strlen("\"}") - FB_LEDGER_STAMP;
}

static int64_t number(const struct fb_json *doc, const char *key)
{
    int64_t v = 0;

    fb_json_int(fb_json_get(doc, key), &v);
    return v;
}

static struct fb_act_record *read_record(struct fb_arena *a, const struct fb_item *item)
{
    struct fb_act_record *r = FB_NEW(a, struct fb_act_record);
    const struct fb_json *doc = NULL;
    unsigned odd = 0;

    if (!r || fb_json_parse(a, item->value, item->len, &odd, &doc, NULL) != FB_OK ||
        !*fb_json_get_str(doc, "id"))
        return NULL;
    *r = (struct fb_act_record){.key = item->key,
                                .id = fb_json_get_str(doc, "id"),
                                .verb = fb_json_get_str(doc, "verb"),
                                .target = fb_json_get_str(doc, "target"),
                                .region = fb_json_get_str(doc, "region"),
                                .name = fb_json_get_str(doc, "name"),
                                .kind = fb_json_get_str(doc, "kind"),
                                .role = fb_json_bool(fb_json_get(doc, "role"), false),
                                .made = fb_json_bool(fb_json_get(doc, "made"), false),
                                .why = fb_json_get_str(doc, "why"),
                                .playbook = fb_json_get_str(doc, "playbook"),
                                .line = number(doc, "line"),
                                .status = fb_json_get_str(doc, "status"),
                                .note = fb_json_get_str(doc, "note"),
                                .prior = fb_json_get_str(doc, "prior"),
                                .before_ms = number(doc, "before_ms"),
                                .tries = number(doc, "tries"),
                                .first_ms = number(doc, "first_ms"),
                                .last_ms = number(doc, "last_ms"),
                                .intent = (uint64_t)number(doc, "intent"),
                                .version = item->version};
    return r;
}

void fb_goal_of_record(const struct fb_act_record *r, struct fb_goal *goal)
{
    *goal = (struct fb_goal){.verb = fb_verb_find(r->verb),
                             .target = r->target,
                             .region = r->region,
                             .name = r->name,
                             .service = *r->kind ? fb_service_of(r->kind) : NULL,
                             .role = r->role,
                             .before_ms = r->before_ms,
                             .needed_ms = r->before_ms};
}

/* --- reading -------------------------------------------------------------------------------------
 */

static struct fb_act_record **bucket(struct fb_gate_run *g, const char *id)
{
    return &g->records[fb_hash64_str(id) % FB_RECORD_BUCKETS];
}

struct fb_act_record *fb_journal_find(struct fb_gate_run *g, const char *id)
{
    struct fb_act_record *r = *bucket(g, id);

    while (r && strcmp(r->id, id) != 0)
        r = r->next;
    return r;
}

static void remember(struct fb_gate_run *g, struct fb_act_record *r)
{
    r->next = *bucket(g, r->id);
    *bucket(g, r->id) = r;
    r->next_all = g->all_records;
    g->all_records = r;
}

static bool load_one(void *self, const struct fb_item *item)
{
    struct fb_gate_run *g = self;
    struct fb_act_record *r = read_record(g->a, item);

    /* (A row that this build does not have is another build's to finish.) */
    if (r && fb_verb_find(r->verb) != FB_VERB_COUNT && (!*r->kind || fb_service_of(r->kind))) {
        remember(g, r);
        fb_guard_count_record(g, r);
    }
    return true;
}

enum fb_status fb_journal_load(struct fb_gate_run *g, struct fb_err *err)
{
    enum fb_status st;

    if (g->journal_loaded)
        return FB_OK;
    memset(g->records, 0, sizeof g->records);
    g->all_records = NULL;
    st = fb_store_list(g->set.store, g->a, fb_arena_fmt(g->a, "act#%s#", g->set.incident->incident),
                       NULL, LIST_MAX, load_one, g, err);
    g->journal_loaded = st == FB_OK;
    return fb_err_ctx(err, st, "read the journal");
}

/* The record as it is in the store now; NULL when it is not there. */
static enum fb_status reread(struct fb_gate_run *g, const char *key, struct fb_act_record **out,
                             struct fb_err *err)
{
    struct fb_item item;
    enum fb_status st = fb_store_get(g->set.store, g->a, key, &item, err);

    *out = NULL;
    if (st == FB_ENOTFOUND)
        return FB_OK;
    if (st == FB_OK)
        *out = read_record(g->a, &item);
    return st;
}

/* --- intents -------------------------------------------------------------------------------------
 */

static struct fb_act_record *record_for(struct fb_gate_run *g, const struct fb_op *op)
{
    struct fb_act_record *r = FB_NEW(g->a, struct fb_act_record);
    const char *verb = fb_verb(op->goal.verb)->name;

    if (!r)
        return NULL;
    if (op->record) {
        *r = *op->record;
    } else {
        r->key = record_key(g->a, g->set.incident->incident, verb, op->goal.target);
        r->first_ms = fb_gate_wall_ms(g);
        /* What undo goes back to: the state before our first act, never the state after it. */
        r->prior = fb_goal_prior(g, &op->goal);
    }
    r->id = op->id;
    r->verb = verb;
    r->target = op->goal.target;
    r->region = op->goal.region;
    r->name = op->goal.name;
    r->kind = op->goal.service ? op->goal.service->kind : "";
    r->role = op->goal.role;
    r->made = op->made;
    r->why = op->ask->why ? op->ask->why : "";
    r->playbook = op->grant->playbook;
    r->line = op->ask->line;
    r->before_ms = op->goal.before_ms;
    r->last_ms = fb_gate_wall_ms(g);
    r->note = fb_eq(r->status, "done") ? "undone since by somebody else" : "";
    r->status = "intent";
    return r;
}

static const char *intent_line(struct fb_gate_run *g, const struct fb_act_record *r)
{
    struct fb_buf b;

    fb_buf_init_in(&b, g->a, RECORD_BYTES_MAX);
    fb_json_open(&b, NULL, '{');
    fb_json_put_str(&b, "what", "intent");
    fb_json_put_str(&b, "incident", g->set.incident->incident);
    fb_json_put_str(&b, "action", r->id);
    fb_json_put_str(&b, "verb", r->verb);
    fb_json_put_str(&b, "target", r->target);
    fb_json_put_str(&b, "region", r->region);
    fb_json_put_str(&b, "playbook", r->playbook);
    fb_json_put_int(&b, "line", r->line);
    fb_json_put_str(&b, "why", r->why);
    fb_json_put_raw(&b, "prior", *r->prior ? r->prior : "{}");
    fb_json_put_int(&b, "try", r->tries + 1);
    if (*r->note)
        fb_json_put_str(&b, "note", r->note);
    fb_json_close(&b, '}');
    return fb_buf_ok(&b) ? b.at : NULL;
}

static bool put_of(struct fb_gate_run *g, const struct fb_act_record *r, struct fb_put *out)
{
    struct fb_buf b;

    fb_buf_init_in(&b, g->a, RECORD_BYTES_MAX);
    write_record(&b, r);
    *out = (struct fb_put){.key = r->key, .value = b.at, .len = b.len, .expect = r->version};
    return fb_buf_ok(&b);
}

/* Takes the place of the record that the journal holds for the same action. */
static struct fb_act_record *replace(struct fb_gate_run *g, struct fb_act_record *r)
{
    struct fb_act_record *held = fb_journal_find(g, r->id);

    if (!held) {
        remember(g, r);
        return r;
    }
    r->next = held->next;
    r->next_all = held->next_all;
    *held = *r;
    return held;
}

/* One commit of at most FB_LEDGER_BATCH_MAX intents. */
static enum fb_status commit_intents(struct fb_gate_run *g, struct fb_op **ops, size_t n,
                                     struct fb_err *err)
{
    struct fb_act_record *records[FB_LEDGER_BATCH_MAX];
    struct fb_ledger_line lines[FB_LEDGER_BATCH_MAX];
    struct fb_put puts[FB_LEDGER_BATCH_MAX];
    enum fb_status st;

    for (size_t i = 0; i < n; i++) {
        records[i] = record_for(g, ops[i]);
        lines[i] = (struct fb_ledger_line){.json = records[i] ? intent_line(g, records[i]) : NULL};
        if (!lines[i].json || !put_of(g, records[i], &puts[i]))
            return fb_err_set(err, FB_ELIMIT, "no memory left in this invocation");
        lines[i].stamp = stamp_of(&puts[i]);
    }
    st = fb_ledger_append(g->set.store, g->a, fb_gate_wall_ms(g), lines, n, puts, n, true, err);
    for (size_t i = 0; i < n && st == FB_OK; i++) {
        ops[i]->intent = records[i]->intent = lines[i].number;
        records[i]->version = 0;
        records[i]->touched = true;
        ops[i]->record = replace(g, records[i]);
    }
    return st;
}

/* A single intent that lost the race: another worker's fresh intent is left to that worker. */
static void commit_alone(struct fb_gate_run *g, struct fb_op *op)
{
    struct fb_err err = {.code = FB_OK};
    enum fb_status st = FB_ECONFLICT;

    for (int i = 0; i < RACES_MAX && st == FB_ECONFLICT; i++) {
        struct fb_act_record *now = NULL;
        const char *key = record_key(g->a, g->set.incident->incident, fb_verb(op->goal.verb)->name,
                                     op->goal.target);

        st = reread(g, key, &now, &err);
        if (st != FB_OK)
            break;
        if (now && (!op->record || now->version != op->record->version) &&
            (fb_eq(now->status, "intent") || fb_eq(now->status, "pending")) &&
            fb_gate_wall_ms(g) - now->last_ms < FB_IN_HAND_MS) {
            fb_op_settle(op, FB_RESULT_PENDING, "another worker has it in hand");
            return;
        }
        if (op->record && now)
            op->record->version = now->version;
        else if (now)
            op->record = now;
        st = commit_intents(g, &op, 1, &err);
    }
    if (st != FB_OK)
        fb_op_settle(
            op, FB_RESULT_FAILED,
            fb_arena_fmt(g->a, "not done: its intent could not be recorded: %s", err.text));
}

/* A record that this pass wrote itself: its version must be read before it can be written again. */
static void refresh(struct fb_gate_run *g, struct fb_op *op)
{
    struct fb_act_record *now = NULL;

    if (op->record && !op->record->version && reread(g, op->record->key, &now, NULL) == FB_OK &&
        now)
        op->record->version = now->version;
}

void fb_journal_intend(struct fb_gate_run *g, struct fb_op **ops, size_t n)
{
    for (size_t at = 0; at < n; at += FB_LEDGER_BATCH_MAX) {
        size_t len = n - at < FB_LEDGER_BATCH_MAX ? n - at : FB_LEDGER_BATCH_MAX;
        struct fb_err err = {.code = FB_OK};
        enum fb_status st = FB_ETIMEOUT;

        for (size_t i = at; i < at + len; i++)
            refresh(g, ops[i]);
        if (!fb_gate_late(g))
            st = commit_intents(g, ops + at, len, &err);
        for (size_t i = at; i < at + len; i++) {
            if (st == FB_ECONFLICT)
                commit_alone(g, ops[i]);
            else if (st == FB_ETIMEOUT && err.code == FB_OK)
                fb_op_settle(ops[i], ops[i]->record ? FB_RESULT_PENDING : FB_RESULT_FAILED,
                             "out of time; continues in the next pass");
            else if (st != FB_OK)
                fb_op_settle(
                    ops[i], FB_RESULT_FAILED,
                    fb_arena_fmt(g->a, "not done: its intent could not be recorded: %s", err.text));
        }
    }
}

/* --- outcomes ------------------------------------------------------------------------------------
 */

static const char *status_word(const struct fb_act_outcome *o)
{
    if (o->person)
        return "needs_person";
    switch (o->status) {
    case FB_RESULT_DONE:
    case FB_RESULT_ALREADY:
        return "done";
    case FB_RESULT_FAILED:
        return "failed";
    case FB_RESULT_PENDING:
    case FB_RESULT_PLANNED:
    case FB_RESULT_REFUSED:
        break;
    }
    return "pending";
}

static const char *outcome_line(struct fb_gate_run *g, const struct fb_act_record *r)
{
    struct fb_buf b;

    fb_buf_init_in(&b, g->a, RECORD_BYTES_MAX);
    fb_json_open(&b, NULL, '{');
    fb_json_put_str(&b, "what", "outcome");
    fb_json_put_str(&b, "incident", g->set.incident->incident);
    fb_json_put_str(&b, "action", r->id);
    fb_json_put_str(&b, "verb", r->verb);
    fb_json_put_str(&b, "target", r->target);
    fb_json_put_str(&b, "region", r->region);
    fb_json_put_str(&b, "status", r->status);
    fb_json_put_int(&b, "intent", (int64_t)r->intent);
    if (*r->note)
        fb_json_put_str(&b, "note", r->note);
    fb_json_close(&b, '}');
    return fb_buf_ok(&b) ? b.at : NULL;
}

static void apply(struct fb_gate_run *g, const struct fb_act_outcome *o)
{
    struct fb_act_record *r = o->record;

    if (o->status == FB_RESULT_FAILED)
        r->tries++;
    else if (o->status == FB_RESULT_DONE || o->status == FB_RESULT_ALREADY)
        r->tries = 0;
    r->status = status_word(o);
    r->note = o->note ? o->note : "";
    r->last_ms = fb_gate_wall_ms(g);
}

/* Writes at most FB_LEDGER_BATCH_MAX outcomes over whatever version is there: an outcome is a
 * report of what has happened, and the newest report wins. */
static enum fb_status commit_outcomes(struct fb_gate_run *g, const struct fb_act_outcome *outs,
                                      size_t n, struct fb_err *err)
{
    struct fb_ledger_line lines[FB_LEDGER_BATCH_MAX];
    struct fb_put puts[FB_LEDGER_BATCH_MAX];
    enum fb_status st = FB_ECONFLICT;

    for (int race = 0; race < RACES_MAX && st == FB_ECONFLICT; race++) {
        for (size_t i = 0; i < n; i++) {
            struct fb_act_record *now = NULL;

            st = reread(g, outs[i].record->key, &now, err);
            if (st != FB_OK)
                return st;
            outs[i].record->version = now ? now->version : 0;
            lines[i] = (struct fb_ledger_line){.json = outcome_line(g, outs[i].record)};
            if (!lines[i].json || !put_of(g, outs[i].record, &puts[i]))
                return fb_err_set(err, FB_ELIMIT, "no memory left in this invocation");
        }
        st =
            fb_ledger_append(g->set.store, g->a, fb_gate_wall_ms(g), lines, n, puts, n, false, err);
    }
    for (size_t i = 0; i < n; i++)
        outs[i].record->version = 0;
    return st;
}

void fb_journal_outcomes(struct fb_gate_run *g, const struct fb_act_outcome *outs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        apply(g, &outs[i]);
    for (size_t at = 0; at < n; at += FB_LEDGER_BATCH_MAX) {
        size_t len = n - at < FB_LEDGER_BATCH_MAX ? n - at : FB_LEDGER_BATCH_MAX;
        struct fb_err err = {.code = FB_OK};

        /* The act has happened whether this is written or not; the next pass reads the world again
         * and writes what it finds. */
        if (commit_outcomes(g, outs + at, len, &err) != FB_OK) {
            g->unrecorded = true;
            FB_LOG(g->set.log, FB_LOG_ERROR, "outcomes of actions could not be recorded",
                   {"incident", g->set.incident->incident, 0}, {"first", outs[at].record->id, 0},
                   {"why", err.text, 0});
        }
    }
}

/* --- for reports ---------------------------------------------------------------------------------
 */

struct collect {
    struct fb_arena *a;
    struct fb_action *out;
    size_t count, cap;
    bool failed;
};

static enum fb_result_status shown_status(const char *word)
{
    if (fb_eq(word, "done"))
        return FB_RESULT_DONE;
    if (fb_eq(word, "failed"))
        return FB_RESULT_FAILED;
    return fb_eq(word, "needs_person") ? FB_RESULT_REFUSED : FB_RESULT_PENDING;
}

static bool collect_one(void *self, const struct fb_item *item)
{
    struct collect *c = self;
    const struct fb_act_record *r = read_record(c->a, item);

    if (!r)
        return true;
    if (c->count == c->cap) {
        size_t cap = c->cap ? c->cap * 2 : 32;
        struct fb_action *out = FB_NEW_ARRAY(c->a, cap, struct fb_action);

        if (!out) {
            c->failed = true;
            return false;
        }
        if (c->count)
            memcpy(out, c->out, c->count * sizeof *out);
        c->out = out;
        c->cap = cap;
    }
    c->out[c->count++] = (struct fb_action){.id = r->id,
                                            .verb = r->verb,
                                            .target = r->target,
                                            .region = r->region,
                                            .why = *r->note ? r->note : r->why,
                                            .status = shown_status(r->status)};
    return true;
}

enum fb_status fb_actions_list(struct fb_store *s, struct fb_arena *a, const char *incident,
                               const struct fb_action **out, size_t *count, struct fb_err *err)
{
    struct collect c = {.a = a};
    enum fb_status st = fb_store_list(s, a, fb_arena_fmt(a, "act#%s#", incident), NULL, LIST_MAX,
                                      collect_one, &c, err);

    *out = c.out;
    *count = c.count;
    if (st == FB_OK && c.failed)
        st = fb_err_set(err, FB_ELIMIT, "no memory for the list");
    return fb_err_ctx(err, st, "list actions of %s", incident);
}

void fb_actions_write(struct fb_buf *to, const char *key, const struct fb_action *actions,
                      size_t count)
{
    fb_json_open(to, key, '[');
    for (size_t i = 0; i < count; i++) {
        fb_json_open(to, NULL, '{');
        fb_json_put_str(to, "id", actions[i].id);
        fb_json_put_str(to, "verb", actions[i].verb);
        fb_json_put_str(to, "target", actions[i].target);
        fb_json_put_str(to, "region", actions[i].region);
        fb_json_put_str(to, "status", fb_result_name(actions[i].status));
        fb_json_put_str(to, "why", actions[i].why);
        fb_json_close(to, '}');
    }
    fb_json_close(to, ']');
}

/* verbs.c - asks carried out: prepared against the world, guarded, written down, done, read back.
 *
 * A batch of asks goes through each step together, so that the guards of all come before the first
 * act, intents share commits and calls run in parallel. */
#include <string.h>

#include "contain/gate_in.h"

static void refuse(struct fb_op *op, const char *why) { fb_op_settle(op, FB_RESULT_REFUSED, why); }

/* --- step 1: what is meant, and may it be touched (target.c) -------------------------------------
 */

/* All asks in rounds, until every one is settled or ready. */
static void prepare_all(struct fb_gate_run *g, struct fb_op *ops, size_t n)
{
    for (int round = 0; round < FB_ROUNDS_MAX; round++) {
        for (size_t i = 0; i < n; i++)
            fb_op_prepare(g, &ops[i]);
        if (!fb_known_fetch(g))
            break;
    }
    for (size_t i = 0; i < n; i++)
        if (!ops[i].settled && !ops[i].ready)
            fb_op_settle(&ops[i], FB_RESULT_FAILED, "its facts could not be read");
}

/* --- step 2: already so, limits, mode ------------------------------------------------------------
 */

static bool record_open(const struct fb_act_record *r) { return r && !fb_eq(r->status, "done"); }

/* Settles what needs no act; leaves `ready` what does. */
static void judge(struct fb_gate_run *g, struct fb_op *op)
{
    const char *why = "";
    enum fb_holds holds = fb_goal_check(g, &op->goal, &why);

    switch (holds) {
    case FB_HOLDS_YES:
    case FB_HOLDS_GONE:
        fb_op_settle(op, record_open(op->record) ? FB_RESULT_DONE : FB_RESULT_ALREADY,
                     holds == FB_HOLDS_GONE ? "it does not exist" : "");
        return;
    case FB_HOLDS_UNDERWAY:
        fb_op_settle(op, FB_RESULT_PENDING, why);
        return;
    case FB_HOLDS_UNREAD:
    case FB_HOLDS_UNKNOWN:
        fb_op_settle(op, FB_RESULT_FAILED, *why ? why : "its state could not be read");
        return;
    case FB_HOLDS_NO:
        break;
    }
    if (op->record && fb_eq(op->record->status, "needs_person") &&
        op->record->tries >= FB_TRIES_MAX) {
        refuse(op, fb_arena_fmt(g->a, "limit: failed %lld times, a person is needed: %s",
                                (long long)op->record->tries, op->record->note));
        return;
    }
    if (op->record && op->record->touched) {
        /* Asked for again in the pass that did it: what came of that is the answer. */
        fb_op_settle(op, fb_eq(op->record->status, "failed") ? FB_RESULT_FAILED : FB_RESULT_PENDING,
                     op->record->note);
        return;
    }
    if (op->record && fb_eq(op->record->status, "pending") &&
        fb_gate_wall_ms(g) - op->record->last_ms < FB_AGAIN_MS) {
        /* Many events in one second are no reason to ask the provider as many times. */
        fb_op_settle(op, FB_RESULT_PENDING, op->record->note);
        return;
    }
    why = fb_guard_limits(g, op);
    if (why)
        refuse(op, why);
}

static bool may_act(const struct fb_gate_run *g, const struct fb_grant *grant)
{
    return g->set.incident->enforce && grant->ceiling == FB_CEILING_ENFORCE;
}

static const char *mode_words(const struct fb_gate_run *g, const struct fb_grant *grant)
{
    if (!g->set.incident->enforce)
        return "mode: dry-run";
    return grant->ceiling == FB_CEILING_APPROVE ? "mode: the playbook acts on approval only"
                                                : "mode: the playbook is dry-run";
}

static bool is_halt(const struct fb_op *op) { return op->goal.verb == FB_VERB_HALT; }

static bool is_machine(const struct fb_op *op) { return is_halt(op) && !op->goal.service; }

static const char *budget_words(struct fb_gate_run *g)
{
    return fb_arena_fmt(g->a,
                        "limit: %lld actions an hour in this account (limits.actions_per_hour)",
                        (long long)g->set.guards->actions_per_hour);
}

static void plan(struct fb_gate_run *g, struct fb_op *op)
{
    if (fb_gate_planned(g, op->id)) {
        fb_op_settle(op, FB_RESULT_PLANNED,
                     mode_words(g, op->grant)); /* paid for in an earlier pass */
        return;
    }
    if (fb_guard_budget_left(g, is_halt(op)) <= 0) {
        refuse(op, budget_words(g));
        return;
    }
    fb_op_settle(op, FB_RESULT_PLANNED, mode_words(g, op->grant));
}

/* Takes this hour's share for those that will act; the rest is refused. */
static size_t pay(struct fb_gate_run *g, struct fb_op **ops, size_t n, bool halts)
{
    int64_t need = 0, granted = 0;
    struct fb_err err = {.code = FB_OK};
    enum fb_status st;
    size_t kept = 0;

    for (size_t i = 0; i < n; i++)
        need += is_halt(ops[i]) == halts;
    st = fb_guard_budget(g, need, halts, &granted, &err);
    for (size_t i = 0; i < n; i++) {
        if (is_halt(ops[i]) != halts || granted-- > 0)
            ops[kept++] = ops[i];
        else if (st != FB_OK)
            fb_op_settle(ops[i], FB_RESULT_FAILED,
                         fb_arena_fmt(g->a, "the hour's count could not be kept: %s", err.text));
        else
            refuse(ops[i], budget_words(g));
    }
    return kept;
}

/* --- step 3: act ---------------------------------------------------------------------------------
 */

static struct fb_act *stop_of(struct fb_gate_run *g, struct fb_act *acts, size_t *n,
                              const struct fb_op *op, size_t cap)
{
    struct fb_act *act;

    for (size_t i = 0; i < *n; i++)
        if (acts[i].kind == FB_ACT_MACHINES_STOP && fb_eq(acts[i].region, op->goal.region))
            return &acts[i];
    act = &acts[(*n)++];
    *act = (struct fb_act){.kind = FB_ACT_MACHINES_STOP,
                           .region = op->goal.region,
                           .name = "",
                           .id = "",
                           .document = "",
                           .intent = op->intent,
                           .ids = FB_NEW_ARRAY(g->a, cap, const char *),
                           .clear_stop = FB_NEW_ARRAY(g->a, cap, bool),
                           .clear_termination = FB_NEW_ARRAY(g->a, cap, bool),
                           .id_st = FB_NEW_ARRAY(g->a, cap, enum fb_status),
                           .id_err = FB_NEW_ARRAY(g->a, cap, struct fb_err)};
    return act;
}

static bool add_stop(struct fb_gate_run *g, struct fb_act *acts, size_t *n, struct fb_op *op,
                     size_t cap)
{
    struct fb_act *act = stop_of(g, acts, n, op, cap);
    const struct fb_known *k = fb_know(g, FB_READ_MACHINE, op->goal.region, op->goal.target);

    if (!act->ids || !act->clear_stop || !act->clear_termination || !act->id_st || !act->id_err)
        return false;
    op->act = act;
    op->act_index = act->id_count;
    ((const char **)act->ids)[act->id_count] = op->goal.target;
    if (k && k->machine) {
        ((bool *)act->clear_stop)[act->id_count] = k->machine->stop_protected;
        ((bool *)act->clear_termination)[act->id_count] = k->machine->termination_protected;
    }
    act->id_count++;
    return true;
}

/* What is its own act: an identity, or a thing of a service. */
static void add_single(struct fb_gate_run *g, struct fb_act *act, struct fb_op *op)
{
    *act = (struct fb_act){.region = op->goal.region,
                           .name = op->goal.name,
                           .id = "",
                           .document = "",
                           .service = op->goal.service,
                           .intent = op->intent};
    op->act = act;
    if (op->goal.service) {
        act->kind = FB_ACT_SERVICE_STOP;
        return;
    }
    switch (op->goal.verb) {
    case FB_VERB_DISABLE_ACCESS_KEY:
        act->kind = FB_ACT_KEY_INACTIVE;
        act->id = op->goal.target;
        break;
    case FB_VERB_QUARANTINE:
        act->kind = op->goal.role ? FB_ACT_ROLE_DENY : FB_ACT_USER_DENY;
        act->document = FB_POLICY_DENY_DOCUMENT;
        break;
    default:
        act->kind = FB_ACT_ROLE_REVOKE;
        act->document = fb_policy_revoke_document(g->a, op->goal.before_ms);
        break;
    }
}

/* All acts of the batch in one call of the world. Nothing without a committed intent gets here. */
static void act_all(struct fb_gate_run *g, struct fb_op **ops, size_t n)
{
    struct fb_act *acts = FB_NEW_ARRAY(g->a, n + 1, struct fb_act);
    size_t count = 0;

    for (size_t i = 0; i < n; i++) {
        if (ops[i]->settled || !ops[i]->intent)
            continue;
        if (acts && !is_machine(ops[i]))
            add_single(g, &acts[count++], ops[i]);
        else if (!acts || !add_stop(g, acts, &count, ops[i], n))
            fb_op_settle(ops[i], FB_RESULT_FAILED, "no memory left in this invocation");
    }
    if (count && !fb_arena_failed(g->a))
        g->set.world.act(g->set.world.self, g->a, acts, count, g->set.deadline_mono_ms);
    for (size_t i = 0; i < count && fb_arena_failed(g->a); i++)
        acts[i].st = fb_err_set(&acts[i].err, FB_ELIMIT, "no memory left in this invocation");
}

static enum fb_status act_status(const struct fb_op *op, const struct fb_err **err)
{
    if (is_machine(op)) {
        *err = &op->act->id_err[op->act_index];
        if ((*err)->code == FB_OK && op->act->id_st[op->act_index] != FB_OK)
            *err = &op->act->err;
        return op->act->st == FB_ELIMIT ? FB_ELIMIT : op->act->id_st[op->act_index];
    }
    *err = &op->act->err;
    return op->act->st;
}

static bool is_passing(enum fb_status st, const struct fb_err *err)
{
    return st == FB_ETHROTTLED || st == FB_ETIMEOUT || err->retryable;
}

/* What came of one act, by what is read now and what the call said. */
static struct fb_act_outcome outcome_of(struct fb_gate_run *g, struct fb_op *op)
{
    struct fb_act_outcome o = {.record = op->record};
    const struct fb_err *err = NULL;
    const char *why = "";
    enum fb_status st = act_status(op, &err);
    enum fb_holds holds = fb_goal_check(g, &op->goal, &why);

    g->changed = g->changed || st == FB_OK;
    if (holds == FB_HOLDS_YES || holds == FB_HOLDS_GONE) {
        fb_op_settle(op, FB_RESULT_DONE, "");
        g->changed = true;
    } else if (st == FB_ECONFLICT) {
        fb_op_settle(op, FB_RESULT_PENDING,
                     "its state does not allow it yet; again in the next pass");
    } else if (st == FB_OK || holds == FB_HOLDS_UNDERWAY) {
        fb_op_settle(op, FB_RESULT_PENDING, *why ? why : "accepted, not yet read back as done");
    } else if (st == FB_ETIMEOUT && fb_gate_late(g)) { /* our time ran out, not the provider's */
        fb_op_settle(op, FB_RESULT_PENDING, "no answer before the deadline; read in the next pass");
    } else {
        const struct fb_act_record *r = op->record;

        fb_op_settle(op, FB_RESULT_FAILED,
                     fb_arena_str(g->a, *err->text ? err->text : fb_status_name(st)));
        o.person = r->tries + 1 >= FB_TRIES_MAX &&
                   (!is_passing(st, err) || fb_gate_wall_ms(g) - r->first_ms >= FB_GIVE_UP_MS);
    }
    o.status = op->status;
    o.note = op->why;
    if (o.person)
        refuse(op, fb_arena_fmt(g->a, "limit: failed %lld times, a person is needed: %s",
                                (long long)op->record->tries + 1, op->why));
    return o;
}

static void read_back(struct fb_gate_run *g, struct fb_op **ops, size_t n)
{
    const char *why;

    for (size_t i = 0; i < n; i++)
        if (ops[i]->act)
            fb_goal_forget(g, &ops[i]->goal);
    for (size_t i = 0; i < n; i++)
        if (ops[i]->act)
            fb_goal_check(g, &ops[i]->goal, &why);
    fb_known_fetch(g);
}

/* Intents, acts, read-back, outcomes: for ops that passed every guard. */
static void carry_out(struct fb_gate_run *g, struct fb_op **ops, size_t n)
{
    struct fb_act_outcome *outs = FB_NEW_ARRAY(g->a, n + 1, struct fb_act_outcome);
    size_t count = 0;

    n = pay(g, ops, n, false);
    n = pay(g, ops, n, true);
    if (!n || !outs)
        return;
    fb_journal_intend(g, ops, n);
    act_all(g, ops, n);
    read_back(g, ops, n);
    for (size_t i = 0; i < n; i++)
        if (ops[i]->act && !ops[i]->settled)
            outs[count++] = outcome_of(g, ops[i]);
    fb_journal_outcomes(g, outs, count);
}

/* --- the batch -----------------------------------------------------------------------------------
 */

/* Out of time: what an earlier pass has begun is pending, the rest has not been done. */
static void too_late(struct fb_gate_run *g, struct fb_op *op)
{
    static const char *const FIELDS[] = {"key", "arn", "role", "id"};
    const char *target = "";

    for (size_t i = 0; i < sizeof FIELDS / sizeof *FIELDS && !*target; i++)
        target = fb_val_get_str(op->ask->args, FIELDS[i]);
    op->goal.region = fb_val_get_str(op->ask->args, "region");
    if (op->goal.verb == FB_VERB_HALT && fb_service_of(fb_val_get_str(op->ask->args, "kind")))
        target = fb_arena_fmt(g->a, "%s/%s/%s", fb_val_get_str(op->ask->args, "kind"),
                              op->goal.region, target);
    op->goal.target = target;
    op->record = fb_journal_find(
        g, fb_action_id(g->a, g->set.incident->incident, fb_verb(op->goal.verb)->name, target));
    fb_op_settle(op, record_open(op->record) ? FB_RESULT_PENDING : FB_RESULT_FAILED,
                 "out of time; continues in the next pass");
}

/* The first asks: those that nothing needs to be read for. */
static void open_ops(struct fb_gate_run *g, struct fb_op *ops, size_t n)
{
    struct fb_err err = {.code = FB_OK};
    enum fb_status st = fb_journal_load(g, &err);

    for (size_t i = 0; i < n; i++) {
        struct fb_op *op = &ops[i];
        const struct fb_verb *verb = fb_verb(op->ask->verb);

        if (!fb_gate_can(op->grant, verb->capability))
            refuse(op, fb_arena_fmt(g->a, "capability: %s is not in the needs of playbook %s",
                                    verb->capability, op->grant->playbook));
        else if (g->set.incident->drill)
            refuse(op, "mode: a drill is shown, never contained");
        else if (st != FB_OK)
            fb_op_settle(op, FB_RESULT_FAILED, fb_arena_str(g->a, err.text));
        else if (fb_gate_late(g))
            too_late(g, op);
    }
}

/* Names each action; a second ask for the same action in one batch shares the first one's fate. */
static void name_ops(struct fb_gate_run *g, struct fb_op *ops, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ops[i].id = fb_action_id(g->a, g->set.incident->incident, fb_verb(ops[i].goal.verb)->name,
                                 ops[i].goal.target);
        if (!ops[i].record)
            ops[i].record = fb_journal_find(g, ops[i].id);
        for (size_t j = 0; j < i && !ops[i].same; j++)
            if (strcmp(ops[j].id, ops[i].id) == 0)
                ops[i].same = &ops[j];
    }
}

/* A session credential cannot be switched off; it is dead when its user is denied. */
static void answer_temporary(struct fb_gate_run *g, struct fb_op *op)
{
    struct fb_goal deny = {.verb = FB_VERB_QUARANTINE, .region = "", .name = op->goal.name};
    const struct fb_known *k = fb_know(g, FB_READ_USER, "", op->goal.name);
    const char *why = "", *id;

    deny.target = k ? k->read.arn : "";
    id = fb_action_id(g->a, g->set.incident->incident, fb_verb(deny.verb)->name, deny.target);
    if (fb_goal_check(g, &deny, &why) == FB_HOLDS_YES) {
        fb_op_settle(op, FB_RESULT_ALREADY, "a temporary credential: its user is denied");
        return;
    }
    for (size_t i = 0; i < g->action_count; i++)
        if (fb_eq(g->actions[i].id, id) && (g->actions[i].status == FB_RESULT_PLANNED ||
                                            g->actions[i].status == FB_RESULT_PENDING)) {
            fb_op_settle(op, g->actions[i].status,
                         "a temporary credential: it ends with its user's deny");
            return;
        }
    refuse(op, "capability: a temporary credential cannot be made inactive: quarantine its user");
}

/* A goal that an earlier invocation left open and that is met now is written down as done; one that
 * was begun, or done and undone by somebody, and that a guard forbids now, as a person's. */
static void close_open(struct fb_gate_run *g, struct fb_op *ops, size_t n)
{
    struct fb_act_outcome *outs = FB_NEW_ARRAY(g->a, n + 1, struct fb_act_outcome);
    size_t count = 0;

    for (size_t i = 0; outs && i < n; i++)
        if (ops[i].status == FB_RESULT_DONE && !ops[i].act && !ops[i].same &&
            record_open(ops[i].record))
            outs[count++] = (struct fb_act_outcome){
                .record = ops[i].record, .status = FB_RESULT_DONE, .note = ops[i].why};
        else if (ops[i].status == FB_RESULT_REFUSED && g->set.incident->enforce && !ops[i].act &&
                 !ops[i].same && ops[i].record && !fb_eq(ops[i].record->status, "needs_person"))
            outs[count++] = (struct fb_act_outcome){.record = ops[i].record,
                                                    .status = FB_RESULT_REFUSED,
                                                    .person = true,
                                                    .note = ops[i].why};
    if (count)
        fb_journal_outcomes(g, outs, count);
}

static void answer(struct fb_gate_run *g, struct fb_op *op)
{
    struct fb_answer *to = op->answer;
    bool fresh;

    if (op->same) {
        *to = *op->same->answer;
        return;
    }
    fresh = fb_gate_note(g, &op->goal, op->id, op->status,
                         op->why && *op->why ? op->why : op->ask->why);
    if (op->status == FB_RESULT_PLANNED && fresh) {
        g->new_plan = true;
        g->planned_count++;
    }
    *to =
        (struct fb_answer){.status = op->status,
                           .ok = op->status != FB_RESULT_REFUSED && op->status != FB_RESULT_FAILED,
                           .why = op->why ? op->why : "",
                           .id = op->id,
                           .complete = true};
}

/* From guards passed to every op settled. */
static void work(struct fb_gate_run *g, const struct fb_grant *grant, struct fb_op *ops, size_t n)
{
    struct fb_op **todo = FB_NEW_ARRAY(g->a, n + 1, struct fb_op *);
    size_t count = 0;

    for (size_t i = 0; i < n; i++) {
        struct fb_op *op = &ops[i];

        if (op->settled || op->same || op->temporary)
            continue;
        judge(g, op);
        if (op->settled)
            continue;
        if (!todo)
            fb_op_settle(op, FB_RESULT_FAILED, "no memory left in this invocation");
        else if (!may_act(g, grant))
            plan(g, op);
        else
            todo[count++] = op;
    }
    if (count &&
        fb_gate_late(g)) /* the reads have used the time up: no intent that cannot be acted on */
        for (size_t i = 0; i < count; i++)
            fb_op_settle(todo[i],
                         record_open(todo[i]->record) ? FB_RESULT_PENDING : FB_RESULT_FAILED,
                         "out of time; continues in the next pass");
    else if (count)
        carry_out(g, todo, count);
    for (size_t i = 0; i < n; i++)
        if (!ops[i].settled && !ops[i].same && ops[i].temporary)
            answer_temporary(g, &ops[i]);
    close_open(g, ops, n);
}

void fb_verbs_answer(struct fb_gate_run *g, const struct fb_grant *grant,
                     const struct fb_ask **asks, struct fb_answer **answers, size_t n)
{
    struct fb_op *ops = FB_NEW_ARRAY(g->a, n, struct fb_op);

    if (!ops) {
        for (size_t i = 0; i < n; i++)
            *answers[i] = (struct fb_answer){
                .status = FB_RESULT_FAILED, .why = "no memory left in this invocation", .id = ""};
        return;
    }
    for (size_t i = 0; i < n; i++)
        ops[i] = (struct fb_op){.ask = asks[i],
                                .answer = answers[i],
                                .grant = grant,
                                .goal = {.verb = asks[i]->verb == FB_VERB_CONTAIN
                                                     ? FB_VERB_DISABLE_ACCESS_KEY
                                                     : asks[i]->verb,
                                         .target = "",
                                         .region = "",
                                         .name = ""},
                                .why = ""};
    open_ops(g, ops, n);
    prepare_all(g, ops, n);
    name_ops(g, ops, n);
    work(g, grant, ops, n);
    for (size_t i = 0; i < n; i++)
        answer(g, &ops[i]);
}

/* --- left over from earlier passes ---------------------------------------------------------------
 */

/* What failed too: it may have come true since, and what is stopped nobody asks to stop again. */
static bool is_left_over(const struct fb_act_record *r)
{
    return fb_eq(r->status, "intent") || fb_eq(r->status, "pending") || fb_eq(r->status, "failed");
}

/* What became of it. An incident that is over does not act: what does not come true by itself (or
 * by the incident that it was joined to) is a person's after a while. */
static bool left_over_outcome(struct fb_gate_run *g, struct fb_act_record *r, enum fb_holds holds,
                              struct fb_act_outcome *out)
{
    *out = (struct fb_act_outcome){.record = r, .status = FB_RESULT_DONE, .note = ""};
    if (holds == FB_HOLDS_YES || holds == FB_HOLDS_GONE)
        return true;
    if (!g->set.incident->over || fb_gate_wall_ms(g) - r->last_ms < FB_GIVE_UP_MS)
        return false;
    out->status = FB_RESULT_FAILED;
    out->person = true;
    out->note = "the incident was over before this was done";
    return true;
}

void fb_verbs_settle(struct fb_gate_run *g)
{
    struct fb_act_outcome *outs;
    size_t open = 0, count = 0;
    const char *why;

    if (!g->set.incident->enforce || fb_journal_load(g, NULL) != FB_OK)
        return;
    for (const struct fb_act_record *r = g->all_records; r; r = r->next_all)
        if (is_left_over(r)) {
            struct fb_goal goal;

            fb_goal_of_record(r, &goal);
            fb_goal_check(g, &goal, &why);
            open++;
        }
    outs = FB_NEW_ARRAY(g->a, open + 1, struct fb_act_outcome);
    if (!open || !outs)
        return;
    fb_known_fetch(g);
    for (struct fb_act_record *r = g->all_records; r; r = r->next_all) {
        struct fb_goal goal;
        enum fb_holds holds;

        if (!is_left_over(r))
            continue;
        fb_goal_of_record(r, &goal);
        holds = fb_goal_check(g, &goal, &why);
        if (left_over_outcome(g, r, holds, &outs[count])) {
            bool person = outs[count++].person;

            fb_gate_note(g, &goal, r->id, person ? FB_RESULT_REFUSED : FB_RESULT_DONE,
                         *why ? why : "begun in an earlier pass");
            continue;
        }
        fb_gate_note(g, &goal, r->id,
                     fb_eq(r->status, "failed") ? FB_RESULT_FAILED : FB_RESULT_PENDING,
                     *why       ? why
                     : *r->note ? r->note
                                : "begun in an earlier pass");
    }
    fb_journal_outcomes(g, outs, count);
}

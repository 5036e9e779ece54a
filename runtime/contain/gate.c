/* gate.c - the doors of the room: a gate for one incident and invocation, its passes, and what came
 * of them. */
#include <string.h>

#include "base/digest.h"
#include "contain/gate_in.h"

struct fb_gate_run *fb_gate_new(struct fb_arena *a, const struct fb_gate_setup *setup)
{
    struct fb_gate_run *g = FB_NEW(a, struct fb_gate_run);

    if (!g)
        return NULL;
    g->a = a;
    g->set = *setup;
    g->wanted_end = &g->wanted;
    g->gaps = FB_NEW_ARRAY(a, FB_GAPS_MAX, const char *);
    g->messages = FB_NEW_ARRAY(a, FB_MESSAGES_MAX, struct fb_message);
    return g->gaps && g->messages ? g : NULL;
}

static void settle_once(struct fb_gate_run *g)
{
    if (g->settled)
        return;
    g->settled = true;
    fb_verbs_settle(g);
}

void fb_gate_pass(struct fb_gate_run *g)
{
    fb_known_pass(g);
    g->journal_loaded = false;
    g->made_loaded = false;
    g->changed = false;
    g->new_plan = false;
    g->unrecorded = false;
    g->settled = false;
    settle_once(g);
}

bool fb_gate_late(const struct fb_gate_run *g)
{
    return g->set.deadline_mono_ms > 0 &&
           fb_mono_ms(g->set.clock) + FB_MARGIN_MS >= g->set.deadline_mono_ms;
}

int64_t fb_gate_wall_ms(const struct fb_gate_run *g) { return fb_wall_ms(g->set.clock); }

/* "contain" in needs stands for every cloud's "aws.contain". */
bool fb_gate_can(const struct fb_grant *grant, const char *capability)
{
    const char *dot = strchr(capability, '.');

    if (!*capability)
        return true;
    for (size_t i = 0; grant->needs && grant->needs[i]; i++)
        if (strcmp(grant->needs[i], capability) == 0 ||
            (dot && strcmp(grant->needs[i], dot + 1) == 0))
            return true;
    return false;
}

void fb_gate_gap(struct fb_gate_run *g, const char *line)
{
    for (size_t i = 0; i < g->gap_count; i++)
        if (strcmp(g->gaps[i], line) == 0)
            return;
    if (g->gap_count < FB_GAPS_MAX)
        g->gaps[g->gap_count++] = line;
}

/* --- actions -------------------------------------------------------------------------------------
 */

static struct fb_action *action_find(const struct fb_gate_run *g, const char *id)
{
    const struct fb_action_slot *s = g->action_slots[fb_hash64_str(id) % FB_RECORD_BUCKETS];

    while (s && strcmp(s->id, id) != 0)
        s = s->next;
    return s ? &g->actions[s->index] : NULL;
}

static struct fb_action *action_add(struct fb_gate_run *g, const char *id)
{
    struct fb_action_slot *s = FB_NEW(g->a, struct fb_action_slot);
    struct fb_action_slot **at = &g->action_slots[fb_hash64_str(id) % FB_RECORD_BUCKETS];

    if (!s || g->action_count >= FB_ACTIONS_MAX)
        return NULL;
    if (g->action_count == g->action_cap) {
        size_t cap = g->action_cap ? g->action_cap * 2 : 32;
        struct fb_action *more = FB_NEW_ARRAY(g->a, cap, struct fb_action);

        if (!more)
            return NULL;
        if (g->action_count)
            memcpy(more, g->actions, g->action_count * sizeof *more);
        g->actions = more;
        g->action_cap = cap;
    }
    *s = (struct fb_action_slot){.id = id, .index = g->action_count, .next = *at};
    *at = s;
    return &g->actions[g->action_count++];
}

bool fb_gate_planned(const struct fb_gate_run *g, const char *id)
{
    const struct fb_action *action = action_find(g, id);

    return action && action->status == FB_RESULT_PLANNED;
}

bool fb_gate_note(struct fb_gate_run *g, const struct fb_goal *goal, const char *id,
                  enum fb_result_status status, const char *why)
{
    struct fb_action *action = action_find(g, id);
    bool fresh = !action || action->status != status;

    if (!action)
        action = action_add(g, id);
    /* What this invocation did stays "done" when a later pass finds it so. */
    if (!action || (action->id && action->status == FB_RESULT_DONE && status == FB_RESULT_ALREADY))
        return false;
    *action = (struct fb_action){
        .id = id,
        .verb = fb_verb(goal->verb)->name,
        .target = fb_arena_str(g->a, goal->target),
        /* IAM is global; its calls and events belong to us-east-1. */
        .region = goal->verb == FB_VERB_HALT ? fb_arena_str(g->a, goal->region) : "us-east-1",
        .why = fb_arena_str(g->a, why),
        .status = status};
    return fresh;
}

const struct fb_action *fb_gate_actions(const struct fb_gate_run *g, size_t *count)
{
    *count = g->action_count;
    return g->actions;
}

const struct fb_message *fb_gate_messages(const struct fb_gate_run *g, size_t *count)
{
    *count = g->message_count;
    return g->messages;
}

const char *const *fb_gate_gaps(const struct fb_gate_run *g, size_t *count)
{
    *count = g->gap_count;
    return g->gaps;
}

bool fb_gate_all_done(const struct fb_gate_run *g)
{
    for (size_t i = 0; i < g->action_count; i++)
        if (g->actions[i].status == FB_RESULT_PENDING || g->actions[i].status == FB_RESULT_FAILED)
            return false;
    return true;
}

bool fb_gate_settled(const struct fb_gate_run *g)
{
    if (!g->journal_loaded || g->unrecorded)
        return false;
    for (const struct fb_act_record *r = g->all_records; r; r = r->next_all)
        if (!fb_eq(r->status, "done") && !fb_eq(r->status, "needs_person"))
            return false;
    return true;
}

bool fb_gate_quiet(const struct fb_gate_run *g)
{
    return !g->changed && !g->new_plan && !g->unrecorded && fb_gate_all_done(g);
}

/* --- messages ------------------------------------------------------------------------------------
 */

static const char *facts_text(struct fb_gate_run *g, const struct fb_ask *ask, const char *text)
{
    const struct fb_val *facts = fb_val_get(ask->args, "facts");
    struct fb_buf b;

    if (!facts || facts->kind == FB_VAL_NIL)
        return fb_arena_str(g->a, text);
    fb_buf_init_in(&b, g->a, 64 << 10);
    fb_buf_add(&b, text);
    for (const struct fb_val *v = facts->first; facts->kind == FB_VAL_MAP && v; v = v->next) {
        fb_buf_fmt(&b, "%s%s: ", b.len ? "; " : "", v->key);
        if (v->kind == FB_VAL_STR)
            fb_buf_add(&b, v->as.str);
        else
            fb_val_write(&b, NULL, v);
    }
    return b.at;
}

/* Once per verb and key in an invocation, however often the run repeats. */
static void tell(struct fb_gate_run *g, const struct fb_ask *ask, struct fb_answer *answer)
{
    struct fb_message m = {.verb = ask->verb,
                           .to = fb_arena_str(g->a, fb_val_get_str(ask->args, "to"))};

    m.title = fb_arena_str(g->a, fb_val_get_str(ask->args, "title"));
    m.text = facts_text(g, ask, fb_val_get_str(ask->args, "text"));
    m.key = fb_arena_str(g->a, fb_val_get_str(ask->args, "key"));
    if (ask->verb == FB_VERB_ESCALATE) {
        /* `why` is the verb's own field; a host that keeps every `why` beside the fields is fine.
         */
        m.title = fb_val_get_str(ask->args, "why");
        m.title = fb_arena_str(g->a, *m.title ? m.title : ask->why);
        m.text = fb_arena_str(g->a, fb_val_get_str(ask->args, "about"));
        m.key = fb_arena_fmt(g->a, "%s|%s", m.title, m.text);
    } else if (ask->verb == FB_VERB_EXPLAIN) {
        m.key = m.text;
    } else if (!*m.key) {
        m.key = m.title;
    }
    answer->ok = true;
    answer->complete = true;
    answer->status = FB_RESULT_ALREADY;
    for (size_t i = 0; i < g->message_count; i++)
        if (g->messages[i].verb == m.verb && strcmp(g->messages[i].key, m.key) == 0)
            return;
    if (g->message_count == FB_MESSAGES_MAX) {
        *answer = (struct fb_answer){.status = FB_RESULT_REFUSED,
                                     .id = "",
                                     .why = "limit: too many messages for one incident"};
        return;
    }
    g->messages[g->message_count++] = m;
    answer->status = FB_RESULT_DONE;
}

/* --- asks ----------------------------------------------------------------------------------------
 */

struct view {
    struct fb_gate_run *g;
    struct fb_grant grant;
};

static void answer_plainly(struct view *v, const struct fb_ask *ask, struct fb_answer *answer)
{
    const struct fb_verb *verb = fb_verb(ask->verb);

    if (!fb_gate_can(&v->grant, verb->capability))
        *answer = (struct fb_answer){
            .status = FB_RESULT_REFUSED,
            .id = "",
            .why = fb_arena_fmt(v->g->a, "capability: %s is not in the needs of playbook %s",
                                verb->capability, v->grant.playbook)};
    else
        tell(v->g, ask, answer);
}

static void ask_gate(void *self, struct fb_arena *a, const struct fb_ask *asks, size_t n,
                     struct fb_answer *answers)
{
    struct view *v = self;
    const struct fb_ask **facts = FB_NEW_ARRAY(a, n + 1, const struct fb_ask *);
    const struct fb_ask **verbs = FB_NEW_ARRAY(a, n + 1, const struct fb_ask *);
    struct fb_answer **fact_to = FB_NEW_ARRAY(a, n + 1, struct fb_answer *);
    struct fb_answer **verb_to = FB_NEW_ARRAY(a, n + 1, struct fb_answer *);
    size_t fact_count = 0, verb_count = 0;

    settle_once(v->g);
    for (size_t i = 0; i < n; i++) {
        answers[i] = (struct fb_answer){.status = FB_RESULT_FAILED, .why = "", .id = ""};
        if (!facts || !verbs || !fact_to || !verb_to || asks[i].verb >= FB_VERB_COUNT) {
            answers[i].why = "the gate could not take the ask";
        } else if (fb_verb(asks[i].verb)->cls == FB_MESSAGE) {
            answer_plainly(v, &asks[i], &answers[i]);
        } else if (fb_verb(asks[i].verb)->cls == FB_FACT) {
            facts[fact_count] = &asks[i];
            fact_to[fact_count++] = &answers[i];
        } else {
            verbs[verb_count] = &asks[i];
            verb_to[verb_count++] = &answers[i];
        }
    }
    if (fact_count)
        fb_facts_answer(v->g, &v->grant, facts, fact_to, fact_count);
    if (verb_count)
        fb_verbs_answer(v->g, &v->grant, verbs, verb_to, verb_count);
}

static void ask_nobody(void *self, struct fb_arena *a, const struct fb_ask *asks, size_t n,
                       struct fb_answer *answers)
{
    (void)self, (void)a, (void)asks;
    for (size_t i = 0; i < n; i++)
        answers[i] = (struct fb_answer){
            .status = FB_RESULT_FAILED, .why = "no memory left in this invocation", .id = ""};
}

struct fb_gate fb_gate_for(struct fb_gate_run *g, const struct fb_grant *grant)
{
    struct view *v = FB_NEW(g->a, struct view);

    if (!v)
        return (struct fb_gate){NULL, ask_nobody};
    v->g = g;
    v->grant = *grant;
    return (struct fb_gate){v, ask_gate};
}

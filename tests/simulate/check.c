/* check.c - what must hold: after every act and every write, after every invocation, and at the
 * end. Names are those of the safety document's invariants. */
#include "simulate/sim.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "contain/ledger.h"
#include "store/backend.h"

enum { TOUCHES_MAX = 80 };

/* --- reading the store past everybody's door -----------------------------------------------------
 */

static bool get(struct sim *s, const char *key, struct fb_item *out)
{
    return fb_backend_memory.get(s->store, s->scratch, key, s->now_ms, out, NULL) == FB_OK;
}

/* Each record of a kind ("act#"); each returns false to stop. */
static void each(struct sim *s, const char *kind, bool (*fn)(struct sim *s, const struct fb_item *))
{
    struct fb_range range = {.from = kind, .beyond = false};
    char before[64];
    struct fb_item item;

    (void)snprintf(before, sizeof before, "%.*s$", (int)strlen(kind) - 1, kind);
    range.before = before; /* '$' follows '#' */
    while (fb_backend_memory.next(s->store, s->scratch, &range, s->now_ms, &item, NULL) == FB_OK) {
        if (!fn(s, &item))
            return;
        range.from = item.key;
        range.beyond = true;
    }
}

static const struct fb_json *parse(struct sim *s, const char *text)
{
    const struct fb_json *doc = NULL;

    return fb_json_parse(s->scratch, text, strlen(text), NULL, &doc, NULL) == FB_OK ? doc : NULL;
}

/* The ledger's line of that number; NULL when there is none. */
static const struct fb_json *line(struct sim *s, uint64_t number)
{
    struct fb_item item;
    const char *json;

    if (!number ||
        !get(s, fb_arena_fmt(s->scratch, "ledger#%020llu", (unsigned long long)number), &item))
        return NULL;
    json = strchr(item.value, '\n');
    return json ? parse(s, json + 1) : NULL;
}

/* --- an act --------------------------------------------------------------------------------------
 */

static bool is_identity(const struct fb_act *act)
{
    return act->kind != FB_ACT_MACHINES_STOP && act->kind != FB_ACT_SERVICE_STOP;
}

static const char *verb_of(const struct fb_act *act)
{
    switch (act->kind) {
    case FB_ACT_KEY_INACTIVE:
        return "aws.disable_access_key";
    case FB_ACT_USER_DENY:
    case FB_ACT_ROLE_DENY:
        return "aws.quarantine";
    case FB_ACT_ROLE_REVOKE:
        return "aws.revoke_sessions";
    case FB_ACT_MACHINES_STOP:
    case FB_ACT_SERVICE_STOP:
    case FB_ACT_SERVICE_UNDO:
        break;
    }
    return "aws.halt";
}

static const char *target_of(struct sim *s, const struct fb_act *act, size_t i)
{
    int at;

    switch (act->kind) {
    case FB_ACT_KEY_INACTIVE:
        return act->id;
    case FB_ACT_USER_DENY:
        at = cloud_find_user(s, act->name);
        return at < 0 ? "" : s->users[at].arn;
    case FB_ACT_ROLE_DENY:
    case FB_ACT_ROLE_REVOKE:
        at = cloud_find_role(s, act->name);
        return at < 0 ? "" : s->roles[at].arn;
    case FB_ACT_MACHINES_STOP:
        return act->ids[i];
    case FB_ACT_SERVICE_STOP:
    case FB_ACT_SERVICE_UNDO:
        break;
    }
    return fb_arena_fmt(s->scratch, "%s/%s/%s", act->service->kind, act->region, act->name);
}

static void never_the_protected(struct sim *s, const struct fb_act *act)
{
    int user = cloud_find_user(s, act->name), role = cloud_find_role(s, act->name);
    int key = act->kind == FB_ACT_KEY_INACTIVE ? cloud_find_key(s, act->id) : -1;
    bool of_role = act->kind == FB_ACT_ROLE_DENY || act->kind == FB_ACT_ROLE_REVOKE;

    if (!is_identity(act))
        return;
    if (key >= 0)
        user = s->keys[key].user;
    if (!of_role && user >= 0 && s->users[user].protected)
        sim_fail(s, "I1", "acted on protected user %s", act->name);
    if (of_role && role >= 0 && s->roles[role].protected)
        sim_fail(s, "I2", "acted on our own role");
}

/* A machine that nobody has accused. */
static void never_a_bystander(struct sim *s, const struct fb_act *act)
{
    for (size_t i = 0; i < act->id_count; i++)
        for (size_t k = 0; k < s->machine_count; k++)
            if (fb_eq(s->machines[k].id, act->ids[i]) && !s->machines[k].thiefs)
                sim_fail(s, "I1", "stopped %s, which the thief did not start", act->ids[i]);
}

/* A committed intent for exactly this verb and target. */
static const char *intent_of(struct sim *s, const struct fb_act *act, size_t i)
{
    const char *verb = verb_of(act), *target = target_of(s, act, i), *incident;
    const struct fb_json *doc = line(s, act->intent);
    struct fb_item item;
    int64_t number = 0;

    if (!doc || !fb_eq(fb_json_get_str(doc, "what"), "intent")) {
        sim_fail(s, "I5", "%s of %s without an intent", verb, target);
        return "";
    }
    incident = fb_json_get_str(doc, "incident");
    if (!get(s, fb_arena_fmt(s->scratch, "act#%s#%s#%s", incident, verb, target), &item)) {
        sim_fail(s, "I5", "%s of %s is in no record", verb, target);
        return incident;
    }
    fb_json_int(fb_json_get(parse(s, item.value), "intent"), &number);
    doc = line(s, (uint64_t)number);
    if (!doc || !fb_eq(fb_json_get_str(doc, "what"), "intent") ||
        !fb_eq(fb_json_get_str(doc, "verb"), verb) ||
        !fb_eq(fb_json_get_str(doc, "target"), target))
        sim_fail(s, "I5", "the intent of %s of %s is another's", verb, target);
    return incident;
}

/* An hour's count: what was paid for until now. */
static void budget_saved(struct sim *s, const struct fb_put *put)
{
    int64_t n = strtoll(put->value, NULL, 10);
    size_t i = 0;

    while (i < s->hour_count && !fb_eq(s->hours[i].key, put->key))
        i++;
    if (i == s->hour_count) {
        if (i == sizeof s->hours / sizeof *s->hours)
            return;
        s->hours[s->hour_count++].key = fb_arena_str(s->a, put->key);
    }
    s->hours[i].paid = n;
    if (s->w.actions_per_hour >= 0 && n > s->w.actions_per_hour)
        sim_fail(s, "I7", "%lld actions in an hour, %lld allowed", (long long)n,
                 (long long)s->w.actions_per_hour);
}

static void within_limits(struct sim *s, const struct fb_act *act, const char *incident)
{
    int user = cloud_find_user(s, act->name), role = cloud_find_role(s, act->name);
    int key = act->kind == FB_ACT_KEY_INACTIVE ? cloud_find_key(s, act->id) : -1;
    bool of_role = act->kind == FB_ACT_ROLE_DENY || act->kind == FB_ACT_ROLE_REVOKE;
    int64_t n = 0, paid = 0;

    s->act_count += act->kind == FB_ACT_MACHINES_STOP ? (int64_t)act->id_count : 1;
    for (size_t i = 0; i < s->hour_count; i++)
        paid += s->hours[i].paid;
    if (s->act_count > paid)
        sim_fail(s, "I7", "%lld actions, %lld paid for", (long long)s->act_count, (long long)paid);
    if (!is_identity(act) || (key >= 0 && s->keys[key].thiefs) ||
        (of_role ? role >= 0 && s->roles[role].thiefs : user >= 0 && s->users[user].thiefs))
        return;
    for (size_t i = 0; i < s->cut_count; i++) {
        if (fb_eq(s->cut[i].incident, incident) && fb_eq(s->cut[i].name, act->name))
            return;
        n += fb_eq(s->cut[i].incident, incident);
    }
    if (s->cut_count < sizeof s->cut / sizeof *s->cut) {
        s->cut[s->cut_count].incident = fb_arena_str(s->a, incident);
        s->cut[s->cut_count++].name = fb_arena_str(s->a, act->name);
    }
    if (s->w.identities >= 0 && n + 1 > s->w.identities)
        sim_fail(s, "I7", "%lld identities of one incident, %lld allowed", (long long)n + 1,
                 (long long)s->w.identities);
}

/* Our own work is no reason for more work. */
static void not_for_ever(struct sim *s, const char *name)
{
    for (size_t i = 0; i < s->touched_count; i++)
        if (fb_eq(s->touched[i].name, name)) {
            if (++s->touched[i].times > TOUCHES_MAX)
                sim_fail(s, "I13", "%s was acted on %d times", name, TOUCHES_MAX);
            return;
        }
    if (s->touched_count < sizeof s->touched / sizeof *s->touched) {
        s->touched[s->touched_count].name = fb_arena_str(s->a, name);
        s->touched[s->touched_count++].times = 1;
    }
}

void check_act(struct sim_worker *w, const struct fb_act *act)
{
    struct sim *s = w->s;
    size_t n = act->kind == FB_ACT_MACHINES_STOP ? act->id_count : 1;
    const char *incident = "";

    fb_arena_reset(s->scratch);
    if (s->w.dry && !(s->w.dry_then_enforce && s->fresh))
        sim_fail(s, s->w.dry_then_enforce ? "I15" : "I14", "acted on %s%s in dry-run", act->name,
                 n && act->ids ? act->ids[0] : "");
    never_the_protected(s, act);
    never_a_bystander(s, act);
    for (size_t i = 0; i < n; i++) {
        incident = intent_of(s, act, i);
        not_for_ever(s, target_of(s, act, i));
        sim_trail(s, target_of(s, act, i));
    }
    within_limits(s, act, incident);
    s->acting = fb_arena_str(s->a, incident);
}

void check_acted(struct sim *s, int64_t changed_before_ms)
{
    if (s->last_change_ms == changed_before_ms)
        return;
    for (size_t i = 0; i < s->seen_count; i++)
        if (fb_eq(s->seen[i].id, s->acting))
            s->seen[i].changed_ms = s->last_change_ms;
}

/* --- a write -------------------------------------------------------------------------------------
 */

/* Control and bidirectional characters never reach what people read. */
static bool inert(const char *text, size_t len)
{
    const unsigned char *p = (const unsigned char *)text;

    for (size_t i = 0; i < len; i++) {
        if (p[i] < 0x20 && p[i] != '\n')
            return false;
        if (p[i] == 0xc2 && i + 1 < len && p[i + 1] < 0xa0)
            return false;
        if (p[i] == 0xe2 && i + 2 < len &&
            ((p[i + 1] == 0x80 && p[i + 2] >= 0xaa && p[i + 2] <= 0xae) ||
             (p[i + 1] == 0x81 && p[i + 2] >= 0xa6 && p[i + 2] <= 0xa9)))
            return false;
    }
    return true;
}

static bool truly_done(struct sim *s, const struct fb_json *r)
{
    const char *verb = fb_json_get_str(r, "verb"), *target = fb_json_get_str(r, "target");
    const char *name = fb_json_get_str(r, "name");
    int64_t before = 0;
    int i;

    if (fb_eq(verb, "aws.disable_access_key")) {
        i = cloud_find_key(s, target);
        return i < 0 || !cell_true(&s->keys[i].there) || !cell_true(&s->keys[i].active);
    }
    if (fb_eq(verb, "aws.quarantine")) {
        if (strstr(target, ":role/"))
            return (i = cloud_find_role(s, name)) < 0 || cell_true(&s->roles[i].denied);
        return (i = cloud_find_user(s, name)) < 0 || cell_true(&s->users[i].denied);
    }
    if (fb_eq(verb, "aws.revoke_sessions")) {
        fb_json_int(fb_json_get(r, "before_ms"), &before);
        return (i = cloud_find_role(s, name)) < 0 || cell_true(&s->roles[i].revoked_ms) > 0;
    }
    if (fb_starts(target, "group/")) {
        for (size_t g = 0; g < s->group_count; g++)
            if (fb_eq(s->groups[g].name, name) &&
                fb_eq(SIM_REGION[s->groups[g].region], fb_json_get_str(r, "region")))
                return s->groups[g].desired == 0 && s->groups[g].launch_suspended;
        return true;
    }
    for (size_t m = 0; m < s->machine_count; m++)
        if (fb_eq(s->machines[m].id, target))
            return !machine_up(&s->machines[m]);
    return true;
}

static bool done_is_true(struct sim *s, const struct fb_item *item)
{
    const struct fb_json *r = parse(s, item->value);

    if (fb_eq(fb_json_get_str(r, "status"), "done") && !truly_done(s, r))
        sim_fail(s, "I24", "the record says done, and it is not: %s", item->key);
    return !s->failed;
}

/* Whether reads and decisions of this account settle within the time that the engine waits. */
static bool settles(const struct sim *s)
{
    return s->healed || (s->w.bind_lag_ms < FB_SETTLE_MS && s->w.seen_lag_ms < FB_SETTLE_MS);
}

static void contained(struct sim *s, int64_t changed_ms)
{
    if (changed_ms && s->now_ms - changed_ms < FB_SETTLE_MS)
        sim_fail(s, "I24", "contained is said %lld ms after its last change",
                 (long long)(s->now_ms - changed_ms));
    if (settles(s) && s->now_ms - s->last_move_ms > 2 * FB_SETTLE_MS)
        each(s, "act#", done_is_true);
    for (int r = 0; r < SIM_REGIONS; r++)
        if (s->region_on[r] && sim_region_dead(s, r))
            sim_fail(s, "I23", "contained is said while %s does not answer", SIM_REGION[r]);
}

static void incident_saved(struct sim *s, const struct fb_put *put)
{
    struct fb_incident inc;
    size_t i = 0;

    if (fb_incident_read(s->scratch, put->value, put->len, &inc, NULL) != FB_OK) {
        sim_fail(s, "I22", "an incident is saved that cannot be read");
        return;
    }
    while (i < s->seen_count && !fb_eq(s->seen[i].id, inc.id))
        i++;
    if (i == s->seen_count) {
        if (i == sizeof s->seen / sizeof *s->seen)
            return;
        s->seen[s->seen_count++].id = fb_arena_str(s->a, inc.id);
        s->seen[i].state = FB_INC_WATCHING;
    }
    if (inc.state == FB_INC_CONTAINED && s->seen[i].state != FB_INC_CONTAINED) {
        s->count->contained++;
        contained(s, s->seen[i].changed_ms);
    }
    if (inc.state != s->seen[i].state)
        sim_tell(s, "  incident of %s is %s", inc.root, fb_incident_state_name(inc.state));
    s->seen[i].state = inc.state;
}

void check_commit(struct sim *s, const struct fb_put *puts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct fb_put *p = &puts[i];
        bool shown =
            fb_starts(p->key, "act#") || fb_starts(p->key, "inc#") || fb_starts(p->key, "ledger#");

        if (p->erase)
            continue;
        fb_arena_reset(s->scratch);
        if (shown && !inert(p->value, p->len))
            sim_fail(s, "I20", "raw control characters are kept in %.200s", p->key);
        if (fb_starts(p->key, "inc#"))
            incident_saved(s, p);
        if (fb_starts(p->key, "budget#"))
            budget_saved(s, p);
        if (fb_starts(p->key, "ledger#"))
            sim_trail(s, p->value);
    }
}

/* --- an invocation -------------------------------------------------------------------------------
 */

/* An invocation that nothing disturbed leaves nothing running that it knew of, whatever a dead
 * region does. */
void check_invocation(struct sim_worker *w)
{
    struct sim *s = w->s;

    if (w->dead || s->w.dry || s->w.crash || s->w.workers > 1 ||
        !sim_region_dead(s, s->w.dead_region))
        return;
    if (s->w.throttle || s->w.timeout || s->w.partial || s->w.lost || s->w.store_fail ||
        s->w.hurry || s->w.actions_per_hour < 1000)
        return;
    for (size_t i = 0; i < s->machine_count; i++) {
        const struct sim_machine *m = &s->machines[i];

        if (m->by_key && m->event >= 0 && s->events[m->event].known &&
            m->region != s->w.dead_region && m->state == FB_MACHINE_RUNNING && !m->undone &&
            s->events[1].known && s->now_ms - m->launched_ms > 2 * MIN)
            sim_fail(s, "I23", "%s still runs in %s because %s does not answer", m->id,
                     SIM_REGION[m->region], SIM_REGION[s->w.dead_region]);
    }
}

/* --- the end -------------------------------------------------------------------------------------
 */

static bool action_ended(struct sim *s, const struct fb_item *item)
{
    const struct fb_json *r = parse(s, item->value);
    const char *status = fb_json_get_str(r, "status");
    int64_t last = 0;

    fb_json_int(fb_json_get(r, "last_ms"), &last);
    if (!fb_eq(status, "done") && !fb_eq(status, "needs_person") &&
        s->now_ms + s->w.skew_ms - last > 15 * MIN)
        sim_fail(s, "I6", "%s is left at \"%s\"", item->key, status);
    return !s->failed;
}

static bool incident_ended(struct sim *s, const struct fb_item *item)
{
    struct fb_incident inc;

    if (fb_incident_read(s->scratch, item->value, item->len, &inc, NULL) == FB_OK &&
        inc.level == FB_CONTAIN && s->now_ms - s->last_change_ms > 15 * MIN &&
        (inc.state == FB_INC_OPEN || inc.state == FB_INC_SETTLING))
        sim_fail(s, "I6", "the incident of %s is left %s: %s", inc.root,
                 fb_incident_state_name(inc.state), inc.why);
    return !s->failed;
}

/* I22, I8, I9, I21: whatever happened on the way, the thief is out. */
static const char *whose(const struct sim *s)
{
    return s->w.skew_ms ? "I21" : s->w.crash ? "I22" : s->w.copies_max > 1 ? "I8" : "I9";
}

static void thief_is_out(struct sim *s)
{
    for (size_t i = 0; i < s->key_count && !s->failed; i++)
        if (s->keys[i].thief_has && !s->keys[i].apart && !s->users[s->keys[i].user].protected &&
            cloud_key_works(s, (int)i))
            sim_fail(s, whose(s), "key %s of %s still works", s->keys[i].id,
                     s->users[s->keys[i].user].name);
    for (size_t i = 0; i < s->session_count && !s->failed; i++)
        if (!s->sessions[i].apart && !s->roles[s->sessions[i].role].protected &&
            cloud_session_works(s, (int)i))
            sim_fail(s, whose(s), "session %s of role %s still works", s->sessions[i].key,
                     s->roles[s->sessions[i].role].name);
    for (size_t i = 0; i < s->group_count && !s->failed; i++)
        if (!s->groups[i].apart && s->groups[i].desired > 0)
            sim_fail(s, whose(s), "group %s still starts machines", s->groups[i].name);
    for (size_t i = 0; i < s->machine_count && !s->failed; i++)
        if (s->machines[i].thiefs && !s->machines[i].apart && machine_up(&s->machines[i]))
            sim_fail(s, whose(s), "machine %s in %s still runs", s->machines[i].id,
                     SIM_REGION[s->machines[i].region]);
}

static void others_are_not(struct sim *s)
{
    for (size_t i = 0; i < s->machine_count && !s->failed; i++)
        if (!s->machines[i].thiefs && s->machines[i].state != FB_MACHINE_RUNNING)
            sim_fail(s, "I1", "bystander machine %s was stopped", s->machines[i].id);
    for (size_t i = 0; i < s->key_count && !s->failed; i++) {
        const struct sim_key *k = &s->keys[i];

        if (!k->thief_has && s->users[k->user].protected && !cloud_key_works(s, (int)i))
            sim_fail(s, "I1", "key %s of %s was cut", k->id, s->users[k->user].name);
    }
    /* Roles in honest use lose old sessions, never new ones. */
    for (size_t i = 0; i < s->role_count && !s->failed; i++) {
        const struct sim_role *r = &s->roles[i];

        if (!r->thiefs && cell_true(&r->denied))
            sim_fail(s, "T3", "role %s was denied whole", r->name);
        if (!r->thiefs && cell_true(&r->revoked_ms) > s->now_ms)
            sim_fail(s, "I21", "role %s is denied sessions of the future", r->name);
    }
}

static void ledger_is_whole(struct sim *s)
{
    struct fb_ledger_report report;

    fb_arena_reset(s->scratch);
    if (fb_ledger_verify(s->workers[0].rt.store, s->scratch, &report, NULL) != FB_OK ||
        report.first_bad)
        sim_fail(s, "I28", "the ledger is broken: %s", report.why);
}

/* A line changed, dropped or swapped shows. */
static void tampering_shows(struct sim *s)
{
    struct fb_ledger_report report = {0};
    struct fb_item item;
    struct fb_put put = {0};
    uint64_t number;
    char *text;

    if (fb_ledger_verify(s->workers[0].rt.store, s->scratch, &report, NULL) != FB_OK ||
        report.lines < 2)
        return;
    number = (uint64_t)sim_between(s, 1, (int64_t)report.lines - 1);
    put.key = fb_arena_fmt(s->scratch, "ledger#%020llu", (unsigned long long)number);
    if (!get(s, put.key, &item))
        return;
    put.expect = item.version;
    put.erase = sim_chance(s, 300);
    text = FB_NEW_ARRAY(s->scratch, item.len + 1, char);
    memcpy(text, item.value, item.len + 1);
    text[sim_between(s, 3, (int64_t)item.len - 1)] ^= 1;
    put.value = text;
    put.len = item.len;
    if (!put.erase && sim_chance(s, 300) &&
        get(s, fb_arena_fmt(s->scratch, "ledger#%020llu", (unsigned long long)number + 1), &item)) {
        put.value = item.value; /* its successor in its place */
        put.len = item.len;
    }
    (void)fb_backend_memory.commit(s->store, &put, 1, false, s->now_ms, NULL);
    if (fb_ledger_verify(s->workers[0].rt.store, s->scratch, &report, NULL) == FB_OK &&
        !report.first_bad)
        sim_fail(s, "I28", "line %llu was tampered with, and nobody sees it",
                 (unsigned long long)number);
}

static bool tell_record(struct sim *s, const struct fb_item *item)
{
    sim_tell(s, "  %s  %.*s", item->key, 600, item->value);
    return true;
}

/* What is on record when something did not hold. */
void check_tell(struct sim *s)
{
    fb_arena_reset(s->scratch);
    each(s, "made#", tell_record);
    each(s, "act#", tell_record);
    each(s, "inc#", tell_record);
}

void check_end(struct sim *s)
{
    bool limited = s->w.actions_per_hour < 1000 || (s->w.identities >= 0 && s->w.identities < 5);

    fb_arena_reset(s->scratch);
    others_are_not(s);
    ledger_is_whole(s);
    if (!s->w.dry && !s->failed) {
        each(s, "act#", action_ended);
        each(s, "inc#", incident_ended);
        if (!limited) /* else a person is told */
            thief_is_out(s);
        each(s, "act#", done_is_true);
    }
    if (!s->failed && s->seed % 8 == 0)
        tampering_shows(s);
}

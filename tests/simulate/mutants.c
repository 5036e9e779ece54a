/* mutants.c - the product with one thing wrong. The linker sends calls of these functions here
 * (--wrap); without a mutant they go on to the real ones. The product's own text knows nothing of
 * it. One mutant at least for each invariant that is simulated: a simulator that lets one live
 * looks away. */
#include <string.h>

#include "base/text.h"
#include "contain/gate_in.h"
#include "simulate/sim.h"

int sim_mutant; /* chosen on the command line */

enum mutant {
    NONE,
    PROTECTED_IS_NOTHING,
    SELF_IS_NOTHING,
    NO_INTENT,
    OUTCOME_LOST,
    NOT_READ_BACK,
    BUDGET_FREE,
    LIMITS_FREE,
    DOUBLE_ENDS_IT,
    SESSIONS_FORGOTTEN,
    LATE_IGNORED,
    NEVER_SO,
    DRY_ACTS,
    OLD_EVIDENCE,
    RAW_TEXT,
    OWN_CLOCK,
    JOURNAL_IS_CACHE,
    REGIONS_IN_A_ROW,
    ONE_QUIET_PASS,
    NO_SECOND_LOOK,
    IDS_COUNT,
    LEDGER_BLIND
};

const struct sim_mutant *sim_mutants(size_t *n)
{
    static const struct sim_mutant ALL[] = {
        {PROTECTED_IS_NOTHING, "I1", "the protected list is not looked at"},
        {SELF_IS_NOTHING, "I2", "our own identity is like any other"},
        {NO_INTENT, "I5", "acts without writing an intent"},
        {OUTCOME_LOST, "I6", "outcomes are not written"},
        {NOT_READ_BACK, "I6", "what a dead invocation left is not read back"},
        {BUDGET_FREE, "I7", "the hour's actions are not counted"},
        {LIMITS_FREE, "I7", "the incident's identities are not counted"},
        {DOUBLE_ENDS_IT, "I8", "an event that comes twice ends the incident"},
        {SESSIONS_FORGOTTEN, "I9", "sessions from before the alarm are forgotten"},
        {LATE_IGNORED, "I9", "what comes out of order is not recorded"},
        {NEVER_SO, "I13", "nothing is ever found to be so already"},
        {DRY_ACTS, "I14", "dry-run acts"},
        {OLD_EVIDENCE, "I15", "evidence of a dry-run is acted on later"},
        {RAW_TEXT, "I20", "text of the thief's is kept as it came"},
        {OWN_CLOCK, "I21", "sessions are revoked by our own clock"},
        {JOURNAL_IS_CACHE, "I22", "what the journal has is believed to be so"},
        {REGIONS_IN_A_ROW, "I23", "one region that fails makes all fail"},
        {ONE_QUIET_PASS, "I24", "contained is said after one quiet pass"},
        {NO_SECOND_LOOK, "I24", "what is contained is never looked at again"},
        {IDS_COUNT, "I27", "the same plan has other names the second time"},
        {LEDGER_BLIND, "I28", "the ledger is never found broken"},
    };

    *n = sizeof ALL / sizeof *ALL;
    return ALL;
}

static bool is(enum mutant m) { return sim_mutant == (int)m; }

/* --- the simulated account, in the place of the log's model --- */

struct fb_world __wrap_fb_world_model(struct fb_model *m, const char *account);

static void read_in_a_row(void *self, struct fb_arena *a, struct fb_read *reads, size_t n,
                          int64_t deadline)
{
    struct fb_world real = sim_world(self);
    bool failed = false;

    real.read(real.self, a, reads, n, deadline);
    for (size_t i = 0; i < n; i++)
        failed = failed || reads[i].st == FB_ETIMEOUT;
    for (size_t i = 0; i < n && failed; i++) {
        reads[i].st = fb_err_set(&reads[i].err, FB_ETIMEOUT, "the one before did not answer");
        reads[i].complete = false;
        reads[i].machine_count = 0;
    }
}

struct fb_world __wrap_fb_world_model(struct fb_model *m, const char *account)
{
    struct fb_world w = sim_world_of(m);

    (void)account;
    if (is(REGIONS_IN_A_ROW))
        w.read = read_in_a_row;
    return w;
}

/* --- guards --- */

const char *__real_fb_guard_text(struct fb_gate_run *g, const struct fb_aliases *al);
const char *__wrap_fb_guard_text(struct fb_gate_run *g, const struct fb_aliases *al);
const char *__real_fb_guard_identity(struct fb_gate_run *g, const struct fb_known *who);
const char *__wrap_fb_guard_identity(struct fb_gate_run *g, const struct fb_known *who);
const char *__real_fb_guard_limits(struct fb_gate_run *g, struct fb_op *op);
const char *__wrap_fb_guard_limits(struct fb_gate_run *g, struct fb_op *op);
enum fb_status __real_fb_guard_budget(struct fb_gate_run *g, int64_t n, bool reserve,
                                      int64_t *granted, struct fb_err *err);
enum fb_status __wrap_fb_guard_budget(struct fb_gate_run *g, int64_t n, bool reserve,
                                      int64_t *granted, struct fb_err *err);

static const char *unless(const char *why)
{
    if (why && ((is(PROTECTED_IS_NOTHING) && fb_starts(why, "protected:")) ||
                (is(SELF_IS_NOTHING) && fb_starts(why, "self:"))))
        return NULL;
    return why;
}

const char *__wrap_fb_guard_text(struct fb_gate_run *g, const struct fb_aliases *al)
{
    return unless(__real_fb_guard_text(g, al));
}

const char *__wrap_fb_guard_identity(struct fb_gate_run *g, const struct fb_known *who)
{
    return unless(__real_fb_guard_identity(g, who));
}

const char *__wrap_fb_guard_limits(struct fb_gate_run *g, struct fb_op *op)
{
    return is(LIMITS_FREE) ? NULL : __real_fb_guard_limits(g, op);
}

enum fb_status __wrap_fb_guard_budget(struct fb_gate_run *g, int64_t n, bool reserve,
                                      int64_t *granted, struct fb_err *err)
{
    if (!is(BUDGET_FREE))
        return __real_fb_guard_budget(g, n, reserve, granted, err);
    *granted = n;
    return FB_OK;
}

/* --- journal and goals --- */

void __real_fb_journal_intend(struct fb_gate_run *g, struct fb_op **ops, size_t n);
void __wrap_fb_journal_intend(struct fb_gate_run *g, struct fb_op **ops, size_t n);
void __real_fb_journal_outcomes(struct fb_gate_run *g, const struct fb_act_outcome *outs, size_t n);
void __wrap_fb_journal_outcomes(struct fb_gate_run *g, const struct fb_act_outcome *outs, size_t n);
void __real_fb_verbs_settle(struct fb_gate_run *g);
void __wrap_fb_verbs_settle(struct fb_gate_run *g);
enum fb_holds __real_fb_goal_check(struct fb_gate_run *g, const struct fb_goal *goal,
                                   const char **why);
enum fb_holds __wrap_fb_goal_check(struct fb_gate_run *g, const struct fb_goal *goal,
                                   const char **why);
const char *__real_fb_action_id(struct fb_arena *a, const char *incident, const char *verb,
                                const char *target);
const char *__wrap_fb_action_id(struct fb_arena *a, const char *incident, const char *verb,
                                const char *target);
const char *__real_fb_policy_revoke_document(struct fb_arena *a, int64_t before_ms);
const char *__wrap_fb_policy_revoke_document(struct fb_arena *a, int64_t before_ms);

void __wrap_fb_journal_intend(struct fb_gate_run *g, struct fb_op **ops, size_t n)
{
    if (!is(NO_INTENT)) {
        __real_fb_journal_intend(g, ops, n);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        ops[i]->record = ops[i]->record ? ops[i]->record : FB_NEW(g->a, struct fb_act_record);
        ops[i]->settled = !ops[i]->record;
        if (ops[i]->record && !ops[i]->record->key)
            *ops[i]->record = (struct fb_act_record){
                .key = "act#none", .id = ops[i]->id, .note = "", .prior = "", .status = ""};
        ops[i]->intent = 1;
    }
}

void __wrap_fb_journal_outcomes(struct fb_gate_run *g, const struct fb_act_outcome *outs, size_t n)
{
    if (!is(OUTCOME_LOST) && !is(NO_INTENT))
        __real_fb_journal_outcomes(g, outs, n);
}

void __wrap_fb_verbs_settle(struct fb_gate_run *g)
{
    if (!is(NOT_READ_BACK))
        __real_fb_verbs_settle(g);
}

enum fb_holds __wrap_fb_goal_check(struct fb_gate_run *g, const struct fb_goal *goal,
                                   const char **why)
{
    enum fb_holds holds = __real_fb_goal_check(g, goal, why);

    if (is(NEVER_SO) && holds == FB_HOLDS_YES)
        return FB_HOLDS_NO;
    if (is(JOURNAL_IS_CACHE) && holds == FB_HOLDS_NO &&
        fb_journal_find(g, fb_action_id(g->a, g->set.incident->incident, fb_verb(goal->verb)->name,
                                        goal->target)))
        return FB_HOLDS_YES;
    return holds;
}

const char *__wrap_fb_action_id(struct fb_arena *a, const char *incident, const char *verb,
                                const char *target)
{
    static unsigned times;

    if (is(IDS_COUNT))
        target = fb_arena_fmt(a, "%s%u", target, ++times / 100);
    return __real_fb_action_id(a, incident, verb, target);
}

const char *__wrap_fb_policy_revoke_document(struct fb_arena *a, int64_t before_ms)
{
    if (is(OWN_CLOCK) && sim_crew[0].s)
        before_ms += sim_crew[0].s->w.skew_ms;
    return __real_fb_policy_revoke_document(a, before_ms);
}

/* --- gate and incident --- */

struct fb_gate_run *__real_fb_gate_new(struct fb_arena *a, const struct fb_gate_setup *setup);
struct fb_gate_run *__wrap_fb_gate_new(struct fb_arena *a, const struct fb_gate_setup *setup);
bool __real_fb_incident_fold(struct fb_incident *inc, const struct fb_event *ev,
                             const struct fb_chain *chain, const struct fb_verdict *v,
                             bool enforce);
bool __wrap_fb_incident_fold(struct fb_incident *inc, const struct fb_event *ev,
                             const struct fb_chain *chain, const struct fb_verdict *v,
                             bool enforce);
void __real_fb_incident_pass(struct fb_arena *a, struct fb_incident *inc,
                             const struct fb_pass *pass);
void __wrap_fb_incident_pass(struct fb_arena *a, struct fb_incident *inc,
                             const struct fb_pass *pass);
bool __real_fb_incident_due(const struct fb_incident *inc, int64_t now_ms);
bool __wrap_fb_incident_due(const struct fb_incident *inc, int64_t now_ms);
void __real_fb_incident_add_hop(struct fb_incident *inc, const struct fb_hop *hop);
void __wrap_fb_incident_add_hop(struct fb_incident *inc, const struct fb_hop *hop);
const struct fb_made_item *__real_fb_case_session(struct fb_gate_run *g, size_t *at);
const struct fb_made_item *__wrap_fb_case_session(struct fb_gate_run *g, size_t *at);
enum fb_status __real_fb_made_put(struct fb_arena *a, const char *identity,
                                  const struct fb_made *made, const struct fb_event *ev,
                                  struct fb_put *out, struct fb_err *err);
enum fb_status __wrap_fb_made_put(struct fb_arena *a, const char *identity,
                                  const struct fb_made *made, const struct fb_event *ev,
                                  struct fb_put *out, struct fb_err *err);

struct fb_gate_run *__wrap_fb_gate_new(struct fb_arena *a, const struct fb_gate_setup *setup)
{
    struct fb_gate_setup own = *setup;
    struct fb_case *about = FB_NEW(a, struct fb_case);

    if (is(DRY_ACTS) && about) {
        *about = *setup->incident;
        about->enforce = true;
        own.incident = about;
    }
    return __real_fb_gate_new(a, &own);
}

bool __wrap_fb_incident_fold(struct fb_incident *inc, const struct fb_event *ev,
                             const struct fb_chain *chain, const struct fb_verdict *v, bool enforce)
{
    static char before[64];
    bool again = strcmp(before, ev->id) == 0;
    bool more = __real_fb_incident_fold(inc, ev, chain, v, enforce);

    (void)snprintf(before, sizeof before, "%s", ev->id);
    if (is(OLD_EVIDENCE))
        inc->enforce = true;
    if (is(DOUBLE_ENDS_IT) && again) {
        inc->state = FB_INC_CLOSED;
        return false;
    }
    return more;
}

void __wrap_fb_incident_pass(struct fb_arena *a, struct fb_incident *inc,
                             const struct fb_pass *pass)
{
    if (is(ONE_QUIET_PASS) && pass->quiet && inc->quiet == 0) {
        inc->quiet = 1;
        inc->quiet_ms = 0;
    }
    __real_fb_incident_pass(a, inc, pass);
}

bool __wrap_fb_incident_due(const struct fb_incident *inc, int64_t now_ms)
{
    if (is(NO_SECOND_LOOK) && (inc->state == FB_INC_CONTAINED || inc->state == FB_INC_CLOSED))
        return false;
    return __real_fb_incident_due(inc, now_ms);
}

void __wrap_fb_incident_add_hop(struct fb_incident *inc, const struct fb_hop *hop)
{
    if (!is(SESSIONS_FORGOTTEN))
        __real_fb_incident_add_hop(inc, hop);
}

const struct fb_made_item *__wrap_fb_case_session(struct fb_gate_run *g, size_t *at)
{
    return is(SESSIONS_FORGOTTEN) ? NULL : __real_fb_case_session(g, at);
}

enum fb_status __wrap_fb_made_put(struct fb_arena *a, const char *identity,
                                  const struct fb_made *made, const struct fb_event *ev,
                                  struct fb_put *out, struct fb_err *err)
{
    static uint64_t seed;
    static int64_t newest_ms;
    static size_t events;
    enum fb_status st = __real_fb_made_put(a, identity, made, ev, out, err);

    if (!sim_crew[0].s || seed != sim_crew[0].s->seed || events > sim_crew[0].s->event_count) {
        seed = sim_crew[0].s ? sim_crew[0].s->seed : 0;
        newest_ms = 0;
    }
    events = sim_crew[0].s ? sim_crew[0].s->event_count : 0;
    if (is(LATE_IGNORED) && ev->time_ms < newest_ms)
        out->key = fb_arena_fmt(a, "late#%s", out->key);
    else
        newest_ms = ev->time_ms;
    return st;
}

/* --- texts and the ledger --- */

void __real_fb_json_put_str(struct fb_buf *b, const char *key, const char *value);
void __wrap_fb_json_put_str(struct fb_buf *b, const char *key, const char *value);
enum fb_status __real_fb_ledger_verify(struct fb_store *s, struct fb_arena *a,
                                       struct fb_ledger_report *report, struct fb_err *err);
enum fb_status __wrap_fb_ledger_verify(struct fb_store *s, struct fb_arena *a,
                                       struct fb_ledger_report *report, struct fb_err *err);

void __wrap_fb_json_put_str(struct fb_buf *b, const char *key, const char *value)
{
    char raw[512];

    if (is(RAW_TEXT) && value && strstr(value, "\xe2\x80\xae") && strlen(value) < 400 &&
        !strpbrk(value, "\"\\")) {
        (void)snprintf(raw, sizeof raw, "\"%s\"", value);
        fb_json_put_raw(b, key, raw);
        return;
    }
    __real_fb_json_put_str(b, key, value);
}

enum fb_status __wrap_fb_ledger_verify(struct fb_store *s, struct fb_arena *a,
                                       struct fb_ledger_report *report, struct fb_err *err)
{
    enum fb_status st = __real_fb_ledger_verify(s, a, report, err);

    if (is(LEDGER_BLIND))
        report->first_bad = 0;
    return st;
}

/* gate_in.h - what the files of this room share and nobody else sees: the gate's state for one
 * invocation, what it knows of the world in this pass, and one verb on its way through the guards.
 *
 *   gate.c    doors in and out     known.c  reads, once a pass     guard.c    who is never touched
 *   facts.c   answers              goal.c   is it so?              journal.c  intents and outcomes
 *   verbs.c   asks carried out     target.c what is meant
 *
 * Reading is by rounds: a function that needs a fact calls fb_know(); NULL means "not read yet, now
 * wanted", and the function returns. When all asks of a batch have had their turn the wanted facts
 * are one world->read, and everybody runs again from the top. */
#ifndef FB_GATE_IN_H
#define FB_GATE_IN_H
#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/text.h"
#include "contain/contain.h"
#include "contain/ledger.h"
#include "contain/made.h"
#include "contain/policy.h"

enum {
    FB_KNOWN_BUCKETS = 512,
    FB_RECORD_BUCKETS = 512,
    FB_ROUNDS_MAX = 6, /* reads that hang on reads: owner -> user -> ... */
    FB_TRIES_MAX = 5,
    FB_MACHINES_A_READ = 100,
    FB_GAPS_MAX = 500,
    FB_MESSAGES_MAX = 500,
    FB_ACTIONS_MAX = 20000,
    FB_ALIASES_MAX = 16,
    FB_MARGIN_MS = 1000, /* time that acting on an intent needs: none is written later */
    FB_AGAIN_MS = 3000,  /* what was accepted, or has to wait for the provider, is left this long */
    FB_IN_HAND_MS = 30000, /* a fresh intent of another worker is left to it this long */
    FB_GIVE_UP_MS = 900000 /* throttled and timed-out tries go on this long */
};

/* One fact of the world, as of this pass. */
struct fb_known {
    enum fb_read_kind kind;
    const char *region, *name; /* name: user, role, key id, machine id, "kind/id" of a service */
    bool have;                 /* read: the answer is in `read` */
    bool wanted;
    bool for_good; /* failed in a way that this invocation does not try again */
    struct fb_read read;
    const struct fb_machine *machine; /* FB_READ_MACHINE; NULL: does not exist (read.st FB_OK) */
    const char *gap;                  /* line for the report; "" none */
    struct fb_known *next, *next_wanted;
};

/* What an action is to make true. */
struct fb_goal {
    enum fb_verb_id verb;             /* never CONTAIN */
    const char *target;               /* canonical: key id, ARN, machine id, "kind/region/id" */
    const char *region;               /* of machines and services; "" else */
    const char *name;                 /* user or role name; machine id; a service's id */
    const struct fb_service *service; /* HALT of what is no machine; NULL: a machine */
    bool role;                        /* QUARANTINE of a role */
    int64_t before_ms;                /* REVOKE_SESSIONS: to be written */
    int64_t needed_ms; /* REVOKE_SESSIONS: an older policy that reaches this far is enough */
};

enum fb_holds {
    FB_HOLDS_UNREAD, /* a fact is now wanted: ask again after the read */
    FB_HOLDS_YES,
    FB_HOLDS_NO,
    FB_HOLDS_UNDERWAY, /* stopping */
    FB_HOLDS_GONE,     /* the thing does not exist */
    FB_HOLDS_UNKNOWN   /* cannot be read; *why says so */
};

/* The journal's record of one action. */
struct fb_act_record {
    const char *key, *id, *verb, *target, *region, *name, *kind, *why, *playbook, *note, *prior,
        *status;
    bool role, made;
    bool touched; /* an intent was written in this pass: it is not acted on twice in one pass */
    int64_t line, tries, first_ms, last_ms, before_ms;
    uint64_t intent, version; /* version 0: must be read again before it is written */
    struct fb_act_record *next, *next_all;
};

/* One verb on its way. */
struct fb_op {
    const struct fb_ask *ask;
    struct fb_answer *answer;
    const struct fb_grant *grant;
    struct fb_goal goal;
    const char *id; /* "act-..." once the target is canonical */
    bool ready;     /* prepared: guards passed, goal not met yet */
    bool settled;   /* has its answer */
    enum fb_result_status status;
    const char *why;    /* of the answer; "" none */
    bool made;          /* the incident's own chain made the target */
    bool inferred;      /* the link from the incident to the target is not sure */
    bool temporary;     /* a session credential: answered by what became of its user */
    struct fb_op *same; /* an earlier op of the batch with the same action */
    struct fb_act_record *record;
    struct fb_act *act;
    size_t act_index; /* of a machine in act->ids */
    uint64_t intent;
    int64_t asked_before_ms;
};

/* Where an action stands in the list of actions. */
struct fb_action_slot {
    const char *id;
    size_t index;
    struct fb_action_slot *next;
};

/* A thing that limits count. */
struct fb_subject {
    const char *name; /* "user:NAME" "role:NAME" "machine:ID" */
    const char *playbook;
    bool identity, made;
    struct fb_subject *next;
};

struct fb_gate_run {
    struct fb_arena *a;
    struct fb_gate_setup set;
    struct fb_known *known[FB_KNOWN_BUCKETS];
    struct fb_known *wanted, **wanted_end;
    size_t wanted_count;

    struct fb_act_record *records[FB_RECORD_BUCKETS], *all_records;
    bool journal_loaded;
    struct fb_subject *subjects[FB_RECORD_BUCKETS];
    int64_t planned_count;

    const struct fb_made_item *made;
    size_t made_count;
    enum fb_status made_st;
    bool made_loaded;

    struct fb_action *actions;
    size_t action_count, action_cap;
    struct fb_action_slot *action_slots[FB_RECORD_BUCKETS];
    struct fb_message *messages;
    size_t message_count;
    const char **gaps;
    size_t gap_count;

    bool settled; /* this pass's left-over intents have been read again */
    bool changed, new_plan;
    bool unrecorded; /* an outcome of this pass could not be written */
};

/* gate.c */
bool fb_gate_late(const struct fb_gate_run *g);
int64_t fb_gate_wall_ms(const struct fb_gate_run *g);
bool fb_gate_can(const struct fb_grant *grant, const char *capability);
void fb_gate_gap(struct fb_gate_run *g, const char *line);
/* Notes an action's latest status; true when it is new in this invocation. */
bool fb_gate_note(struct fb_gate_run *g, const struct fb_goal *goal, const char *id,
                  enum fb_result_status status, const char *why);
/* Whether this invocation has planned that action before. */
bool fb_gate_planned(const struct fb_gate_run *g, const char *id);
const char *fb_action_id(struct fb_arena *a, const char *incident, const char *verb,
                         const char *target);

/* known.c */
const struct fb_known *fb_know(struct fb_gate_run *g, enum fb_read_kind kind, const char *region,
                               const char *name);
void fb_known_drop(struct fb_gate_run *g, enum fb_read_kind kind, const char *region,
                   const char *name);
void fb_known_pass(struct fb_gate_run *g);
/* A thing of a service, by its row. */
const struct fb_known *fb_know_service(struct fb_gate_run *g, const struct fb_service *s,
                                       const char *region, const char *id);
/* Reads what is wanted; false when nothing was. */
bool fb_known_fetch(struct fb_gate_run *g);
/* Why it could not be had, in words. */
const char *fb_known_why(struct fb_gate_run *g, const struct fb_known *k);

/* goal.c */
enum fb_holds fb_goal_check(struct fb_gate_run *g, const struct fb_goal *goal, const char **why);
/* Makes the next fb_goal_check read again. */
void fb_goal_forget(struct fb_gate_run *g, const struct fb_goal *goal);
/* The state before, as JSON for undo; facts must have been read. */
const char *fb_goal_prior(struct fb_gate_run *g, const struct fb_goal *goal);

/* guard.c */
struct fb_aliases {
    const char *text[FB_ALIASES_MAX];
    size_t count;
    bool cut; /* there were more */
};
void fb_alias_add(struct fb_aliases *al, const char *text);
/* NULL: nothing against it. Else why it is refused. Looks at text alone; own identity too once it
 * is known. */
const char *fb_guard_text(struct fb_gate_run *g, const struct fb_aliases *al);
/* Identities of this account by facts: user or role as read, with all key ids. NULL: fine. */
const char *fb_guard_identity(struct fb_gate_run *g, const struct fb_known *who);
/* Whether a protected entry is a key id, so that keys must be known before a user is touched. */
bool fb_guard_needs_keys(const struct fb_gate_run *g);
/* Own identity: UNREAD, YES (known, of the case's account), NO (*why refuses), UNKNOWN (*why). */
enum fb_holds fb_guard_self_known(struct fb_gate_run *g, const char **why);
/* What the journal says was acted on counts against the limits as well. */
void fb_guard_count_record(struct fb_gate_run *g, const struct fb_act_record *r);
/* Limits of configuration and playbook. NULL: there is room (and the subject is counted now). */
const char *fb_guard_limits(struct fb_gate_run *g, struct fb_op *op);
/* Takes up to n of this hour's actions; *granted says how many. `reserve`: leave a tenth. */
enum fb_status fb_guard_budget(struct fb_gate_run *g, int64_t n, bool reserve, int64_t *granted,
                               struct fb_err *err);
/* As it stands, without taking. */
int64_t fb_guard_budget_left(struct fb_gate_run *g, bool reserve);

/* journal.c */
enum fb_status fb_journal_load(struct fb_gate_run *g, struct fb_err *err);
struct fb_act_record *fb_journal_find(struct fb_gate_run *g, const char *id);
/* Writes the intents of ready ops; those whose intent is not on stable storage are settled. */
void fb_journal_intend(struct fb_gate_run *g, struct fb_op **ops, size_t n);
struct fb_act_outcome {
    struct fb_act_record *record;
    enum fb_result_status status;
    bool person; /* given up: a person is needed */
    const char *note;
};
void fb_journal_outcomes(struct fb_gate_run *g, const struct fb_act_outcome *outs, size_t n);
void fb_goal_of_record(const struct fb_act_record *r, struct fb_goal *goal);

/* made items of this case, loaded once a pass. NULL-safe: *count 0. */
enum fb_status fb_case_made(struct fb_gate_run *g, const struct fb_made_item **items,
                            size_t *count);
/* The next record of a role whose sessions the chain had and that may be alive still, from *at on;
 * NULL: no more. Start with *at = 0. */
const struct fb_made_item *fb_case_session(struct fb_gate_run *g, size_t *at);
const struct fb_made_item *fb_case_made_in(struct fb_gate_run *g, const char *kind, const char *id,
                                           const char *region);
const struct fb_made_item *fb_case_made_find(struct fb_gate_run *g, const char *kind,
                                             const char *id, const char *owner);

/* target.c: settles op, or makes it ready (its goal set), or leaves it to the next round of reads.
 */
void fb_op_prepare(struct fb_gate_run *g, struct fb_op *op);

static inline void fb_op_settle(struct fb_op *op, enum fb_result_status status, const char *why)
{
    op->settled = true;
    op->status = status;
    op->why = why;
}

/* facts.c, verbs.c: the asks of one batch. */
void fb_facts_answer(struct fb_gate_run *g, const struct fb_grant *grant,
                     const struct fb_ask **asks, struct fb_answer **answers, size_t n);
void fb_verbs_answer(struct fb_gate_run *g, const struct fb_grant *grant,
                     const struct fb_ask **asks, struct fb_answer **answers, size_t n);
/* Re-reads what earlier passes left at intent or pending. */
void fb_verbs_settle(struct fb_gate_run *g);

#endif

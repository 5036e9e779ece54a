/* contain.h - the gate: asked by a playbook, it decides, records, acts and reads back.
 *
 * Every ask walks the same road: capability -> canonical target -> protected -> limits -> mode ->
 * intent in the journal -> act -> read back -> outcome in the journal. The journal is not a cache:
 * each pass reads the world again and acts again where it drifted. All verbs are idempotent and
 * only take power away. */
#ifndef FB_CONTAIN_H
#define FB_CONTAIN_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attribute/chain.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "contain/world.h"
#include "playbook/gate.h"
#include "playbook/host.h"
#include "store/store.h"

struct fb_arena;

/* What configuration says about acting. Lists are NULL when empty; a limit below 0 is none.
 * What the incident's own chain made counts against no limit of configuration;
 * machines leave a tenth of an hour's actions to identities. */
struct fb_guard_config {
    const char *const *protected_identities; /* break_glass and protected.identities */
    size_t protected_identity_count;
    const char *const *protected_resources;
    size_t protected_resource_count;
    int64_t actions_per_hour;
    int64_t identities;
    int64_t collateral_resources;
};

/* Whether `candidate`, or any alias of it that can be seen from its own text (ARN, bare name,
 * user/NAME, session ARN -> role, key id, principal id), is the entry `protected`. Pure; case as
 * the provider has it; trailing dots, %2F and the like never make two names equal or unequal by
 * accident. */
bool fb_guard_same(struct fb_arena *a, const char *protected_entry, const char *candidate);

/* What the gate needs to know of the incident at hand. Borrowed for the run. */
struct fb_case {
    const char *incident; /* "inc-..." */
    const char *account;
    const struct fb_hop *hops; /* root first */
    size_t hop_count;
    int64_t since_ms; /* resources made before are not the incident's */
    bool enforce;     /* mode, after every lowering; false: verbs are only planned */
    bool wide;        /* score allows inferred targets */
    bool drill;
    bool over; /* closed, or joined to another: what it left open is read back, or given up */
};

/* A grant: what the playbook that asks may do. */
struct fb_grant {
    const char *playbook;
    const char *const *needs; /* NULL-terminated */
    enum fb_ceiling ceiling;
    int64_t limit_identities,
        limit_resources; /* -1 none; identities that the chain made are free */
};

/* One action as the decision line and the report show it. */
struct fb_action {
    const char *id, *verb, *target, *region, *why;
    enum fb_result_status status;
};

struct fb_message { /* fb.notify, fb.escalate, fb.explain */
    enum fb_verb_id verb;
    const char *key, *title, *text, *to;
};

struct fb_gate_run; /* opaque: one pass's gate */

struct fb_gate_setup {
    struct fb_store *store;
    struct fb_world world;
    const struct fb_clock *clock;
    const struct fb_log *log;
    const struct fb_guard_config *guards;
    const struct fb_case *incident;
    int64_t now_ms; /* decision time (fb.now): wall clock live, log time in a dry replay */
    int64_t deadline_mono_ms; /* 0 none; nothing new is started after it */
};

/* One invocation's gate for one incident, in the arena; facts that the peer could not give are
 * remembered and not asked again while it lives. NULL when the arena is full. */
struct fb_gate_run *fb_gate_new(struct fb_arena *a, const struct fb_gate_setup *setup);

/* Starts the next pass: cached facts are dropped, what failed for good is kept, the journal is read
 * again, and actions left at intent or pending are read back (whether a playbook asks again or
 * not). */
void fb_gate_pass(struct fb_gate_run *g);

/* The gate as playbook `grant` sees it. Valid until the arena resets. */
struct fb_gate fb_gate_for(struct fb_gate_run *g, const struct fb_grant *grant);

/* Everything asked for in this invocation, and what earlier ones left open: one entry per action,
 * with the latest status. What this invocation has done stays "done" when a later pass finds it so.
 */
const struct fb_action *fb_gate_actions(const struct fb_gate_run *g, size_t *count);
const struct fb_message *fb_gate_messages(const struct fb_gate_run *g, size_t *count);
/* Facts that could not be had, as lines for the report. */
const char *const *fb_gate_gaps(const struct fb_gate_run *g, size_t *count);

/* Since the last fb_gate_pass: whether anything was changed, is pending, failed, or was newly
 * planned. A pass with none of these is quiet. */
bool fb_gate_quiet(const struct fb_gate_run *g);
/* Whether the journal was read in this pass, and every action that it holds has ended. */
bool fb_gate_settled(const struct fb_gate_run *g);
bool fb_gate_all_done(const struct fb_gate_run *g); /* no action pending or failed */

/* Everything ever recorded for an incident's actions, from the store ("act#<incident>#..."). */
enum fb_status fb_actions_list(struct fb_store *s, struct fb_arena *a, const char *incident,
                               const struct fb_action **out, size_t *count, struct fb_err *err);

/* A list of actions as JSON: [{id, verb, target, region, status, why}]. */
struct fb_buf;
void fb_actions_write(struct fb_buf *to, const char *key, const struct fb_action *actions,
                      size_t count);

#endif

/* incident.h - everything about one root's compromise, as one record: a pure fold of events and
 * passes.
 *
 * One open incident per root: "inc#<root>". Folding is free of order where it can be (times,
 * scores, hops and reasons are minima, maxima and sets), so that late and doubled events end the
 * same. */
#ifndef FB_INCIDENT_H
#define FB_INCIDENT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attribute/chain.h"
#include "base/err.h"
#include "base/val.h"
#include "contain/contain.h"
#include "playbook/host.h"
#include "score/score.h"

struct fb_arena;
struct fb_buf;

enum {
    FB_INCIDENT_HOPS_MAX = 48,
    FB_INCIDENT_REASONS_MAX = 24,
    FB_INCIDENT_NOTES_MAX = 48,
    FB_INCIDENT_PLAN_MAX = 200,
    FB_SETTLE_MS = 15000, /* AWS: IAM changes bind in about 4 s; quiet passes lie this far apart */
    FB_LOOK_BACK_MS = 24 * 3600 * 1000, /* ways back in are prepared before the alarm: this far */
    FB_REOPEN_MS = 24 * 3600 * 1000     /* a contained incident reopens for its root this long */
};

enum fb_incident_state {
    FB_INC_WATCHING,     /* alert: nothing is done but told */
    FB_INC_OPEN,         /* contain: work is left; the next event or tick goes on */
    FB_INC_SETTLING,     /* all done; awaits its second quiet pass */
    FB_INC_PLANNED,      /* dry-run: all is planned, nothing was done */
    FB_INC_NEEDS_PERSON, /* what is left, a person must do */
    FB_INC_CONTAINED,    /* two quiet passes, FB_SETTLE_MS apart */
    FB_INC_CLOSED        /* the playbook says: nothing to do; or joined to another incident */
};
const char *fb_incident_state_name(enum fb_incident_state s); /* "watching" "open" ... */

struct fb_reason { /* the strongest showing of one signal */
    const char *signal, *why, *event;
    double value;
    int64_t at_ms;
};

struct fb_note {      /* a message that playbooks sent, or a gap in what could be read */
    const char *kind; /* "notify" "escalate" "explain" "gap" */
    const char *key, *text;
    int64_t at_ms;
};

struct fb_incident {
    const char *id; /* "inc-" and 12 hex digits of sha256(root, opened_ms) */
    const char *root, *account, *cloud;
    enum fb_incident_state state;
    const char *why;                      /* of the state, for people; "" */
    int64_t opened_ms, first_ms, last_ms; /* our opening; when it began; the root's newest event */
    int64_t evidence_ms;                  /* the newest event that caused an alert or more */
    int64_t worked_ms;                    /* the last pass; 0 none */
    double score, peak;                   /* now and at its highest */
    enum fb_level level;                  /* highest that any event caused */
    bool hard, enforce; /* enforce: its newest evidence came while acting was allowed */
    double usd_per_hour;
    struct fb_hop actor;                      /* who acted when it reached its highest */
    struct fb_hop hops[FB_INCIDENT_HOPS_MAX]; /* union over its events, root first */
    size_t hop_count;
    const char *kinds[8]; /* strongest first */
    size_t kind_count;
    struct fb_reason reasons[FB_INCIDENT_REASONS_MAX]; /* strongest first */
    size_t reason_count;
    struct fb_note notes[FB_INCIDENT_NOTES_MAX];
    size_t note_count;
    struct fb_action plan[FB_INCIDENT_PLAN_MAX]; /* dry-run: what the last pass would have done */
    size_t plan_count, plan_more;                /* plan_more: how many did not fit */
    int64_t passes, quiet;                       /* passes made; quiet ones in a row */
    int64_t quiet_ms;                            /* when the last counted quiet pass was */
    int64_t actions_open;                        /* pending or failed after the last pass */
    uint64_t version;                            /* in the store; 0: new */
};

/* The store's key for a root ("inc#..."); long roots are hashed. In a. */
const char *fb_incident_key(struct fb_arena *a, const char *root);

/* Starts an incident of the chain's root at now_ms. */
void fb_incident_open(struct fb_arena *a, struct fb_incident *inc, const struct fb_event *ev,
                      const struct fb_chain *chain, int64_t now_ms);

/* Folds an event and its verdict in. enforce: whether acting on this evidence is allowed.
 * Returns true when the incident gained something (new evidence, a higher level, a new hop): it is
 * to be worked again. */
bool fb_incident_fold(struct fb_incident *inc, const struct fb_event *ev,
                      const struct fb_chain *chain, const struct fb_verdict *v, bool enforce);

/* Joins an incident that was opened on a hop of this chain, before it was known that this root is
 * behind it, from since_ms on: all that is known of it; `old` ends. Returns true when `inc` is to
 * be worked again. */
bool fb_incident_join(struct fb_arena *a, struct fb_incident *inc, struct fb_incident *old,
                      int64_t since_ms);

/* Whether the story has ended: nothing is left to do of it, and no evidence came for FB_REOPEN_MS.
 * What comes then is a story of its own: what the root started in between is not the thief's. */
bool fb_incident_over(const struct fb_incident *inc, int64_t now_ms);

/* Adds hops (of a merged session's chain), keeping the root first. */
void fb_incident_add_hop(struct fb_incident *inc, const struct fb_hop *hop);

/* Folds a pass in: the outcome of its playbooks, whether it was quiet, what is open. Moves the
 * state. */
struct fb_pass {
    enum fb_outcome_kind outcome;
    const char *why;
    bool ran; /* at least one playbook matched */
    bool quiet, enforce;
    const struct fb_action *actions; /* all that was asked for */
    size_t action_count;
    size_t open; /* actions pending or failed */
    int64_t now_ms;
};
void fb_incident_pass(struct fb_arena *a, struct fb_incident *inc, const struct fb_pass *pass);

/* Keeps a note once per kind and key. */
void fb_incident_note(struct fb_arena *a, struct fb_incident *inc, const char *kind,
                      const char *key, const char *text, int64_t at_ms);

/* Whether a pass is due at now_ms without a new event. */
bool fb_incident_due(const struct fb_incident *inc, int64_t now_ms);

/* What a playbook sees of it (playbooks/meta/playbook.lua), pass counted from 1. */
struct fb_val *fb_incident_val(struct fb_arena *a, const struct fb_incident *inc, bool enforce);

/* The record's JSON, and back. version is the caller's to set. */
void fb_incident_write(struct fb_buf *to, const struct fb_incident *inc);
enum fb_status fb_incident_read(struct fb_arena *a, const char *bytes, size_t len,
                                struct fb_incident *inc, struct fb_err *err);

/* One incident for a person: who, how hot, why, what was done. */
void fb_incident_text(struct fb_buf *to, struct fb_arena *a, const struct fb_incident *inc,
                      const struct fb_action *actions, size_t count);

#endif

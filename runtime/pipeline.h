/* pipeline.h - the one place that sees the whole path. Read pipeline.c first and you know the
 * product:
 *
 *   record -> normalize -> attribute -> score -> incident -> playbook -> contain -> decision
 *
 * It loads the records that a step needs, hands them to pure functions as arguments, and saves what
 * changed by compare-and-set. Every door builds one fb_runtime and pushes records into it. */
#ifndef FB_PIPELINE_H
#define FB_PIPELINE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attribute/chain.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "config.h"
#include "contain/contain.h"
#include "contain/world.h"
#include "incident/incident.h"
#include "ingest/ingest.h"
#include "playbook/host.h"
#include "score/score.h"
#include "store/store.h"

struct fb_arena;
struct fb_aws;
struct fb_buf;

enum {
    FB_PASSES_MAX = 4,            /* back to back in one invocation */
    FB_DEADLINE_MARGIN_MS = 2000, /* nothing new is started this close to a door's deadline */
    FB_INVOCATION_BYTES_MAX = 256u << 20
};

/* What outlives invocations. */
struct fb_runtime {
    const struct fb_config *config;
    struct fb_score_config score;
    struct fb_guard_config guards;
    struct fb_clock clock;
    struct fb_log log;
    struct fb_store *store;
    struct fb_store *unproven; /* the part of it for records that no door vouches for */
    struct fb_playbooks *playbooks;
    struct fb_aws *aws;          /* NULL: no cloud is reached, facts come from the model */
    struct fb_model *model;      /* NULL: facts come from the cloud */
    bool enforce;                /* the mode after command line, environment and file */
    size_t playbooks_unloaded;   /* folders that held something broken */
    size_t playbooks_failed;     /* runs that raised or hit a ceiling */
    uint32_t unswept;            /* events since the store was last swept */
    int64_t blind_until_mono_ms; /* dry-run: until then no credentials are looked for again */
};

struct fb_runtime_setup {
    const struct fb_config *config; /* borrowed for the runtime's life */
    struct fb_clock clock;
    struct fb_log log;
    bool live;    /* reads (and, in enforce, acts on) the account that the credentials reach */
    bool enforce; /* acting may happen at all through this door */
    const char *const *env; /* NULL: the process's */
};

/* Opens the store, loads the playbooks; connects to nothing. On failure *rt is empty. A playbook
 * folder with a broken file is a warning in the log: the others run. */
enum fb_status fb_runtime_open(struct fb_runtime *rt, const struct fb_runtime_setup *setup,
                               struct fb_err *err);
void fb_runtime_close(struct fb_runtime *rt);

/* How a record reached us. */
struct fb_delivery {
    int64_t received_ms;
    bool trusted;             /* the door vouches for it; else it is decided in dry-run, apart */
    const char *own_account;  /* act only on events of this account (or configured ones); "" any */
    int64_t deadline_mono_ms; /* 0 none */
    bool log_time;            /* dry replay: time is the log's own */
    bool learn; /* past logs: teach profiles, edges and what was made; no verdict, no incident */
    bool learn_edges; /* ... edges only: who made which credential, before anything else is read */
    bool unique;      /* the caller left duplicates out: no note is kept to know one by */
    bool no_work;     /* decide only: the caller works the incident itself, or nobody does */
};

/* What came of one record: the decision line. Lives in the arena. */
struct fb_decision {
    struct fb_event ev;
    struct fb_chain chain;
    struct fb_verdict verdict;
    bool duplicate;
    const char *incident; /* "" none */
    enum fb_incident_state incident_state;
    const char *const *playbooks; /* names that ran */
    size_t playbook_count;
    const struct fb_action *actions;
    size_t action_count;
    bool enforce;        /* actions were allowed */
    const char *problem; /* a step that failed (store, limits); "" none. The rest still counts */
};

/* Walks one record down the path. Fails only when nothing could be decided (FB_ELIMIT, FB_EIO of
 * the store after retries): the record must be delivered again then. */
enum fb_status fb_pipeline_record(struct fb_runtime *rt, struct fb_arena *a,
                                  const struct fb_record *r, const struct fb_delivery *d,
                                  struct fb_decision *out, struct fb_err *err);

/* The same from the event on, for a caller that keeps events instead of records (d->received_ms
 * does not count). *ev is copied. */
enum fb_status fb_pipeline_event(struct fb_runtime *rt, struct fb_arena *a,
                                 const struct fb_event *ev, const struct fb_delivery *d,
                                 struct fb_decision *out, struct fb_err *err);

/* The present standing of an identity (a root) in the store: out->verdict, with nothing fired.
 * FB_ENOTFOUND when nothing is known of it. */
enum fb_status fb_pipeline_standing(struct fb_runtime *rt, struct fb_arena *a, const char *identity,
                                    struct fb_decision *out, struct fb_err *err);

/* The decision as one JSON object (README, "A decision"); no line end. */
void fb_decision_write(struct fb_buf *to, struct fb_arena *a, const struct fb_decision *d);
/* One plain line for a person. */
void fb_decision_text(struct fb_buf *to, const struct fb_decision *d);

/* Who the provider names, as one text: ARN, else id, key, service or account. */
const char *fb_principal_text(const struct fb_event *ev);

/* One pass after another over an incident, until one is quiet, at most FB_PASSES_MAX; saves it.
 * actions: what was asked for (may be NULL). */
struct fb_work {
    const struct fb_delivery *delivery;
    int64_t now_ms;
    const char **names; /* out: playbooks that ran */
    size_t name_count;
    const struct fb_action *actions;
    size_t action_count;
    bool enforce;
};
enum fb_status fb_incident_work(struct fb_runtime *rt, struct fb_arena *a, struct fb_incident *inc,
                                struct fb_work *work, struct fb_err *err);

/* Whether this live runtime is in dry-run and has no credentials to ask the cloud with. */
bool fb_runtime_blind(struct fb_runtime *rt, struct fb_arena *a);
/* A model of the account as the records of one incident tell it (recorded.c); free it. NULL: no
 * memory. */
struct fb_model *fb_recorded_world(struct fb_runtime *rt, struct fb_arena *a,
                                   const struct fb_incident *inc);

/* The root's incident is over: days teach again, but its own never did, neither its root nor its
 * account. */
enum fb_status fb_pipeline_retire(struct fb_runtime *rt, struct fb_arena *a,
                                  const struct fb_incident *inc, struct fb_err *err);

/* Keeps what a thief of this root would gain (score/risk.h, in tenths), so that the prior of its
 * score shifts. A root that is not known yet is known by that alone. */
enum fb_status fb_pipeline_note_risk(struct fb_runtime *rt, struct fb_arena *a, const char *root,
                                     int64_t at_ms, int risk_tenths, struct fb_err *err);

/* One turn of the minute timer: works every incident that is due. */
struct fb_tick {
    size_t seen, worked;
    size_t open, settling, needs_person; /* of all incidents, after it */
};
enum fb_status fb_pipeline_tick(struct fb_runtime *rt, struct fb_arena *a,
                                const struct fb_delivery *d, struct fb_tick *out,
                                struct fb_err *err);

/* Calls each for every incident in the store (key order); each returns false to stop. */
enum fb_status fb_incidents_each(struct fb_store *s, struct fb_arena *a,
                                 bool (*each)(void *self, struct fb_incident *inc), void *self,
                                 struct fb_err *err);

#endif

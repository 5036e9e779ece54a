/* step.h - inside the pipeline: what one event needs of the store and will write back, and the
 * parts of its road, one file each (pipeline.c walks it). */
#ifndef FB_STEP_H
#define FB_STEP_H
#include "pipeline.h"

enum {
    FB_STEP_TRIES = 8, /* of a commit that others keep beating */
    FB_STEP_JOINED_MAX = 4,
    FB_STEP_LATE_MAX = 2 * FB_CHAIN_HOPS_MAX + FB_EDGES_MAX
};

/* Who stood for itself while nobody knew who is behind it. */
struct fb_late {
    const char *identity;   /* under which an incident may stand; "" none */
    const char *credential; /* or another child of an edge: under it lies what was done with it */
    int64_t since_ms;       /* what it did before is not this credential's */
    bool by_name;           /* a name that a notice told: its whole profile is meant */
    bool found;             /* the store holds something of it */
};

/* All that a step needs of the store, and what it will write back. */
struct fb_step {
    struct fb_runtime *rt;
    struct fb_arena *a;
    const struct fb_delivery *delivery;
    struct fb_decision *out;
    int64_t now_ms; /* decision time: wall clock, or the log's own in a dry replay */
    struct fb_edge edges[FB_EDGES_MAX];
    size_t edge_count;
    struct fb_profile *before, *after, *account_before, *account_after, *creator;
    uint64_t profile_version, account_version;
    /* While the chain's end is open, what its last credential did, alone: whoever turns out to
     * stand behind it gets exactly that, not what else was done under the same name. */
    const char *park; /* "" none */
    struct fb_profile *park_before, *park_after;
    uint64_t park_version;
    bool new_event;
    struct fb_incident *inc;
    enum fb_incident_state inc_was;
    bool inc_new, inc_more;
    struct fb_late late[FB_STEP_LATE_MAX];
    size_t late_count;
    struct fb_incident *joined[FB_STEP_JOINED_MAX]; /* of those: closed by this step */
    size_t joined_count;
    bool edges_unread; /* an edge could not be read: the chain may be cut */
};

/* kind#rest within the store's key limit: a long rest is hashed. */
const char *fb_step_key(struct fb_arena *a, const char *kind, const char *rest);
/* Who answers for the event, as far as is known. */
const char *fb_step_root(const struct fb_step *s);
/* The event as profiles see it: one act that two accounts report is one. */
struct fb_event fb_step_seen(const struct fb_step *s);

/* --- step_edges.c --- */

/* fb_edge_source's get, of a step. */
enum fb_status fb_step_edge_get(void *self, struct fb_arena *a, const char *child,
                                struct fb_edge *out);
/* Keeps what this event proves about who made whom, before the event counts as seen. */
enum fb_status fb_step_keep_edges(struct fb_step *s, struct fb_err *err);
/* The sessions that an identity minted, the other way round than edges: an edge from the minting
 * credential to the session. At most max; each returns false to stop. */
enum fb_status fb_step_minted(struct fb_step *s, const char *identity, size_t max,
                              bool (*each)(void *self, const struct fb_edge *minted), void *self,
                              struct fb_err *err);
/* Whether who made or grew the chain's group is under an incident. */
void fb_step_group_heat(struct fb_step *s);

/* --- step_profiles.c --- */

/* A stored profile, or an empty one (version 0). */
enum fb_status fb_step_load_profile(struct fb_step *s, const char *key, struct fb_profile **out,
                                    uint64_t *version, struct fb_err *err);
/* The root's profile and the account's. */
enum fb_status fb_step_load_profiles(struct fb_step *s, struct fb_err *err);
/* ... and the root's creator and open incident. */
enum fb_status fb_step_load(struct fb_step *s, struct fb_err *err);
/* after and account_after: the loaded profiles with this event, and what came late, folded in. */
enum fb_status fb_step_observe(struct fb_step *s, struct fb_err *err);
/* observe, then the verdict. */
enum fb_status fb_step_weigh(struct fb_step *s, struct fb_err *err);

/* The profile as it is to be read while an incident of its root is open: its days teach nothing. A
 * copy; marks are kept for good when the incident ends. */
const struct fb_profile *fb_step_marked(struct fb_step *s, const struct fb_profile *p);

/* --- step_late.c --- */

/* After the trace: which identities and credentials may have stood for themselves. */
void fb_step_find_late(struct fb_step *s);
/* Folds what they did into s->after (and s->park_after), and notes how deep the chain is. */
enum fb_status fb_step_merge_late(struct fb_step *s, struct fb_err *err);
/* Sessions that this event says a service handed out: what they did before is their role's. */
enum fb_status fb_step_hand_on(struct fb_step *s, struct fb_err *err);
/* A launch for a group of which nobody knows yet who made it waits for that: its write. *n is
 * counted up when there is one. */
enum fb_status fb_step_put_wait(struct fb_step *s, struct fb_put *puts, size_t *n,
                                struct fb_err *err);
/* What waits for a group: under this identity stands what was made. */
const char *fb_step_waiting(struct fb_arena *a, const char *group_key);

/* --- step_incident.c --- */

enum fb_status fb_step_fold_incident(struct fb_step *s, struct fb_err *err);

/* --- step_save.c --- */

enum fb_status fb_step_put_profile(struct fb_step *s, struct fb_put *put, const char *kind,
                                   const char *who, const struct fb_profile *p, uint64_t version);
/* Whether the profile reads otherwise than it did. */
bool fb_step_has_changed(struct fb_step *s, const struct fb_profile *before,
                         const struct fb_profile *after);
/* The things the event made, each a record of its own, before the event counts as seen. */
enum fb_status fb_step_keep_made(struct fb_step *s, struct fb_err *err);
/* The changed profiles, and what is parked; counts *n up. */
enum fb_status fb_step_put_profiles(struct fb_step *s, struct fb_put *puts, size_t *n,
                                    struct fb_err *err);
/* Everything else that changed, at once. FB_ECONFLICT: somebody was faster. */
enum fb_status fb_step_commit(struct fb_step *s, struct fb_err *err);

#endif

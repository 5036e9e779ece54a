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

/* An identity that stood for itself while nobody knew who is behind it. */
struct fb_late {
    const char *identity, *credential;
    int64_t since_ms; /* what it did before is not this credential's */
    bool found;       /* the store holds something of it */
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

/* --- step_edges.c --- */

/* fb_edge_source's get, of a step. */
enum fb_status fb_step_edge_get(void *self, struct fb_arena *a, const char *child,
                                struct fb_edge *out);
/* Keeps what this event proves about who made whom, before the event counts as seen. */
enum fb_status fb_step_keep_edges(struct fb_step *s, struct fb_err *err);
/* "mint#<minter>#": the sessions that an identity minted, the other way round than edges. */
const char *fb_step_minted_prefix(struct fb_arena *a, const char *identity);

/* --- step_profiles.c --- */

/* A stored profile, or an empty one (version 0). */
enum fb_status fb_step_load_profile(struct fb_step *s, const char *key, struct fb_profile **out,
                                    uint64_t *version, struct fb_err *err);
void fb_step_find_late(struct fb_step *s);
/* The root's profile and the account's. */
enum fb_status fb_step_load_profiles(struct fb_step *s, struct fb_err *err);
/* ... and the root's creator and open incident. */
enum fb_status fb_step_load(struct fb_step *s, struct fb_err *err);
/* after and account_after: the loaded profiles with this event, and what came late, folded in. */
enum fb_status fb_step_observe(struct fb_step *s, struct fb_err *err);
/* observe, then the verdict. */
enum fb_status fb_step_weigh(struct fb_step *s, struct fb_err *err);

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
/* Everything else that changed, at once. FB_ECONFLICT: somebody was faster. */
enum fb_status fb_step_commit(struct fb_step *s, struct fb_err *err);

#endif

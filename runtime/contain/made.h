/* made.h - what a chain made: one small record for each instance, key, user or role that an event
 * says an identity created. Containment stops nothing that is not in here.
 *
 * Key:   made#<16 hex of sha256(identity)>#<kind>#<region>#<id>
 * Value: {kind, id, owner, region, type, credential, event, by, at_ms}
 * A record never changes once it is there: a second delivery finds it and writes nothing. Except:
 *
 * Kind "session": the identity has had sessions of a role. One record a role, its id the role's
 * ARN, at_ms its newest session. Sessions outlive the key that made them, and most begin before
 * anything looks wrong: an incident must find those of its root that no event of its own has shown.
 */
#ifndef FB_MADE_H
#define FB_MADE_H
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "normalize/event.h"
#include "store/store.h"

struct fb_arena;

enum {
    FB_MADE_KEEP_DAYS = 90,   /* how long a record is kept after the event */
    FB_MADE_LIST_MAX = 20000, /* records looked at for one identity */
    /* No role session lives longer than 12 hours (IAM, MaxSessionDuration); one for lateness. */
    FB_SESSION_REACH_MS = 13 * 3600 * 1000
};

struct fb_made_item {
    const char *kind, *id, *owner, *region, *type; /* as struct fb_made */
    const char *credential, *event;                /* which credential, which event id */
    const char *by;                                /* the identity */
    int64_t at_ms;
};

/* The record's key for a thing that `identity` made, in the arena; "" when the arena is full. */
const char *fb_made_key(struct fb_arena *a, const char *identity, const struct fb_made *made,
                        const char *region);

/* Builds the write of one record (expected version 0: it must not be there yet) from a thing that
 * event ev says it made. Key and value live in a. FB_ELIMIT: arena full. */
enum fb_status fb_made_put(struct fb_arena *a, const char *identity, const struct fb_made *made,
                           const struct fb_event *ev, struct fb_put *out, struct fb_err *err);

/* Keeps that `identity` had a session of a role minted by event ev (sts:AssumeRole*); nothing for
 * other events, and none for a session older than the newest on record. wall_ms: now. FB_ECONFLICT:
 * lost every race. */
enum fb_status fb_made_session_keep(struct fb_store *s, struct fb_arena *a, const char *identity,
                                    const struct fb_event *ev, int64_t wall_ms, struct fb_err *err);

/* The writes still missing for all that ev made under `identity`: at most max, *count says how
 * many. Nothing for an event that did not succeed. FB_EIO when the store cannot be read. */
enum fb_status fb_made_missing(struct fb_store *s, struct fb_arena *a, const char *identity,
                               const struct fb_event *ev, struct fb_put *out, size_t max,
                               size_t *count, struct fb_err *err);

/* Everything that any of these identities made at or after since_ms, oldest first; one entry per
 * kind, region and id. Items live in a. FB_ELIMIT: more than FB_MADE_LIST_MAX of one identity (*out
 * holds what was read); FB_EIO: the store broke. */
enum fb_status fb_made_list(struct fb_store *s, struct fb_arena *a, const char *const *identities,
                            size_t n, int64_t since_ms, const struct fb_made_item **out,
                            size_t *count, struct fb_err *err);

#endif

/* profile.h - what a root normally does, and how hot it is: constant size, and a join-semilattice.
 *
 * merge(a, b) is commutative, associative and idempotent, and observing an event is merging in a
 * profile of that one event; so duplicates, lateness and order cannot matter, and a compare-and-set
 * retry is one more merge. Only single-event signals are latched; window and baseline signals are
 * derived when the score is read.
 * The same struct keyed by account is the account's profile. */
#ifndef FB_PROFILE_H
#define FB_PROFILE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "normalize/event.h"

struct fb_arena;
struct fb_chain;

enum {
    FB_PROFILE_VERSION = 3,
    FB_PROFILE_BYTES_MAX = 4096 /* serialized; a quiet root's is some hundred bytes */
};

/* Opaque to other rooms: copy it, merge it, save it, score it. Fields in score/profile_in.h. */
struct fb_profile;

/* An empty profile in the arena; NULL at its ceiling. */
struct fb_profile *fb_profile_new(struct fb_arena *a);
void fb_profile_copy(struct fb_profile *to, const struct fb_profile *from);

/* into := into joined with other. */
void fb_profile_merge(struct fb_profile *into, const struct fb_profile *other);

/* Folds one event of this root in. `chain` is the event's (its length and role edge are facts too;
 * NULL is fine). Drills and events of unknown kind change nothing. Idempotent. */
void fb_profile_observe(struct fb_profile *p, const struct fb_event *ev,
                        const struct fb_chain *chain);

/* The newest event time seen, milliseconds; 0 for an empty profile. Scores are read at this time.
 * first_ms is of calls and sign-ins only: a notice about a root does not make it older. */
int64_t fb_profile_last_ms(const struct fb_profile *p);
int64_t fb_profile_first_ms(const struct fb_profile *p);

/* When what is held against the root at t_ms began: the oldest launch within the hour before (the
 * widest window of a signal), else t_ms. What it started before then is not the incident's. */
int64_t fb_profile_since_ms(const struct fb_profile *p, int64_t t_ms);

/* Whether this access key is one of the newest few that were used, or none is known to have been.
 */
bool fb_profile_used(const struct fb_profile *p, const char *credential);

/* Marks that the root is under an incident since `since_ms`, until fb_profile_end_incident: days on
 * which it was teach nothing, and removing our deny is an alarm. Both are lattice operations too.
 */
void fb_profile_mark_incident(struct fb_profile *p, int64_t since_ms);
void fb_profile_end_incident(struct fb_profile *p, int64_t end_ms);
bool fb_profile_in_incident(const struct fb_profile *p);

/* A chain of `depth` identities, the root among them, was made at t_ms. Who takes roles is told by
 * the calls that take them, and how far a chain reaches may come to light later: so this is noted
 * apart from fb_profile_observe. */
void fb_profile_note_depth(struct fb_profile *p, int64_t t_ms, size_t depth);

/* What a thief of this root would gain, as somebody who can read its rights judged it at at_ms: in
 * tenths, 0 to 100 (score/risk.h). The newest judgement counts. It shifts the prior of the score
 * and teaches nothing else. */
void fb_profile_note_risk(struct fb_profile *p, int64_t at_ms, int risk_tenths);
/* -1: nobody said. */
int fb_profile_risk(const struct fb_profile *p);

/* Little-endian, versioned, at most FB_PROFILE_BYTES_MAX bytes. write returns the length.
 * read: FB_EINPUT for bytes of no known version or shape. */
size_t fb_profile_write(const struct fb_profile *p, unsigned char out[FB_PROFILE_BYTES_MAX]);
enum fb_status fb_profile_read(struct fb_profile *p, const unsigned char *bytes, size_t len,
                               struct fb_err *err);

#endif

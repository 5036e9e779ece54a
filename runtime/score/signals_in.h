/* signals_in.h - inside the room: reading one signal's present strength from a profile. */
#ifndef FB_SIGNALS_IN_H
#define FB_SIGNALS_IN_H
#include "score/profile_in.h"
#include "score/score.h"

struct fb_arena;

/* Everything that a signal may look at. Set up once per profile and time by fb_reading_init. */
struct reading {
    const struct fb_profile *p;
    const struct fb_profile *account; /* NULL: the event names none */
    const struct fb_profile *creator; /* NULL: none */
    const struct fb_score_config *config;
    const struct fb_chain *chain; /* NULL: not known */
    int64_t t_ms;                 /* the time at which the score is read */
    bool young, account_young;
    uint64_t known;         /* regions that this root is known to use, the usual ones too */
    uint64_t known_account; /* as above for the account */
    double usual_vcpu;      /* max(32, 3 x the 90th percentile of 14 daily peaks) */
    struct fb_arena *words; /* NULL: nobody will read them */
};

void fb_reading_init(struct reading *r);

/* How strong a signal is now. */
struct found {
    double m, decay, damp; /* m 0: not at all */
    bool young;            /* whether novelty is damped for youth: the root's, or the account's */
    const char *why;       /* "": the row's own words */
};

/* Reads row `i` of the table. */
struct found fb_signal_read(const struct reading *r, size_t i);

/* USD an hour added by launches in the hour before the reading. */
double fb_reading_usd_per_hour(const struct reading *r);

/* m of a row by id, for the spend ceiling; 0 when it does not fire. */
size_t fb_signal_index(const char *id);

#endif

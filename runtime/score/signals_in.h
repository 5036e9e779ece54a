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
    uint32_t mute, account_mute; /* days that teach nothing, bit 0 = today */
    uint64_t known;              /* regions that this root is known to use, the usual ones too */
    uint64_t known_account;      /* as above for the account */
    double hourly[VOLUME_DAYS];  /* vCPU an hour, by slot of the profile's volume */
    double usual_vcpu;           /* max(32, 3 x the 90th percentile of 14 daily peaks) */
    struct fb_arena *words;      /* NULL: nobody will read them */
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

/* Whether infrastructure tools, by their own word, made every launch in the hour before the reading
 * (and there is one). */
bool fb_reading_by_iac(const struct reading *r);

/* In how many regions compute was asked for within the hour before the reading. */
int fb_reading_places(const struct reading *r);

/* Whether the last two weeks went far beyond the weeks before: then they excuse nothing. */
bool fb_reading_is_slow(const struct reading *r);

/* USD an hour added by launches in the hour before the reading. */
double fb_reading_usd_per_hour(const struct reading *r);

/* ---- what the readers share ---- */

enum { KNOWN_DAYS = 3, USUAL_VCPU_MIN = 32 };

struct sum {
    double vcpu, usd;
    double fresh_vcpu; /* in regions that neither root nor account is known to use */
    int launches;
};

/* What launches i..end of the ring added. When the ring is full of the last hour, the day's sketch
 * says how much went by unseen, and everything is scaled up to it. */
struct sum fb_reading_sum(const struct reading *r, size_t i, size_t end);

/* days as a mask whose bit 0 is `today`. */
uint32_t fb_days_at(uint32_t days, int32_t day, int32_t today);

/* Days that teach nothing, bit 0 = today: those inside incidents, those on which it created compute
 * in a region that it had not used on enough days, and today itself. Who adds a region a night must
 * not become known by doing so. */
uint32_t fb_mute_days(const struct fb_profile *p, int32_t today);

/* ... of them, those on which far more than usual was launched from a network that was not known
 * then: a thief does not become known by coming every day. hourly: by slot of the volume. */
uint32_t fb_flood_days(const struct fb_profile *p, const double hourly[VOLUME_DAYS], int32_t today,
                       uint32_t mute);

/* Seen on enough days that teach. */
bool fb_seen_known(uint32_t mute, const struct seen *seen, int32_t today);

static inline bool known(const struct reading *r, const struct seen *seen)
{
    return seen->days && fb_seen_known(r->mute, seen, day_of(r->t_ms));
}

/* Keeps what a window gave at its end when it is stronger now than what was found before. */
bool fb_found_keep(const struct reading *r, const struct fb_signal *s, struct found *f, double m,
                   int64_t since_ms);

static inline void say(const struct reading *r, struct found *f, const char *why)
{
    if (r->words)
        f->why = why;
}

static inline int bits(uint64_t mask) { return __builtin_popcountll(mask); }

static inline uint64_t bit(unsigned n) { return UINT64_C(1) << n; }

/* The first entry older than the window that ends with entry i. */
static inline size_t window_end(const struct ring *ring, size_t i, int64_t span_ms)
{
    size_t j = i;

    while (j < ring->count && ring->at[i].t_ms - ring->at[j].t_ms <= span_ms)
        j++;
    return j;
}

/* One function for each READ row of the table. */
#define LATCH(slot, trait)
#define FIRST(duty)
#define READ(function)                                                                             \
    void function(const struct reading *r, const struct fb_signal *s, int arg, struct found *f);
#define FB_SIGNAL(id, group, weight, half_life, attack, state, kind, marks, source, words) source
#include "score/signals.def"
#undef FB_SIGNAL
#undef READ
#undef FIRST
#undef LATCH

#endif

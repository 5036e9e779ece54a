/* signals.c - the signal table, and the small functions that read a signal from a profile. */
#include <math.h>
#include <string.h>

#include "attribute/chain.h"
#include "base/arena.h"
#include "score/signals_in.h"

#define DAYS(n)  ((n)*DAY_MS)
#define HOURS(n) ((n)*HOUR_MS)

enum mark { HARD = 1, SIGHT = 2, NOVEL = 4 };

static const struct fb_signal SIGNALS[] = {
#define FB_SIGNAL(id, group, weight, half_life, attack, state, kind, marks, source, words)         \
    {id,                                                                                           \
     group,                                                                                        \
     weight,                                                                                       \
     half_life,                                                                                    \
     attack,                                                                                       \
     state,                                                                                        \
     kind,                                                                                         \
     ((marks)&HARD) != 0,                                                                          \
     ((marks)&SIGHT) != 0,                                                                         \
     ((marks)&NOVEL) != 0,                                                                         \
     words},
#include "score/signals.def"
#undef FB_SIGNAL
};

enum { SIGNAL_COUNT = (int)(sizeof SIGNALS / sizeof SIGNALS[0]) };

_Static_assert((int)SIGNAL_COUNT <= (int)FB_TERMS_MAX, "a verdict holds every signal");

const struct fb_signal *fb_signals(size_t *count)
{
    *count = SIGNAL_COUNT;
    return SIGNALS;
}

size_t fb_signal_index(const char *id)
{
    size_t i = 0;

    while (i < SIGNAL_COUNT && strcmp(SIGNALS[i].id, id) != 0)
        i++;
    return i;
}

/* Thresholds of DETECTION sections 1 and 2. */
enum {
    KNOWN_DAYS = 3,
    YOUNG_DAYS = 7,
    YOUNG_EVENT_BITS = 45, /* about 50 distinct events leave 45 of 256 bits set */
    DORMANT_DAYS = 60,
    USUAL_VCPU_MIN = 32,
    IAC_AGE_DAYS = 14
};

static const double DIVERSE_DAMP = 0.3;

/* days as a mask whose bit 0 is `today`. */
static uint32_t days_at(uint32_t days, int32_t day, int32_t today)
{
    if (day > today)
        return day - today >= 32 ? 0 : days >> (day - today);
    return fb_days_align(days, day, today);
}

/* Days that teach nothing, bit 0 = today: those inside incidents, and today itself. */
static uint32_t mute_days(const struct fb_profile *p, int32_t today)
{
    uint32_t mute = 1 | days_at(p->incident_days, p->incident_day, today);
    int32_t open = today - day_of(p->incident_since_ms);

    if (fb_profile_in_incident(p) && open >= 0)
        mute |= open >= 31 ? UINT32_MAX : (UINT32_C(1) << (open + 1)) - 1;
    return mute;
}

static bool is_known(const struct fb_profile *p, const struct seen *seen, int32_t today)
{
    uint32_t days = days_at(seen->days, day_of(seen->last_ms), today);

    return __builtin_popcount(days & ~mute_days(p, today)) >= KNOWN_DAYS;
}

static bool known(const struct reading *r, const struct seen *seen)
{
    return seen->days && is_known(r->p, seen, day_of(r->t_ms));
}

static double decay_of(const struct reading *r, int64_t since_ms, int64_t half_life_ms)
{
    if (since_ms >= r->t_ms)
        return 1;
    return exp2((double)(since_ms - r->t_ms) / (double)half_life_ms);
}

static void say(const struct reading *r, struct found *f, const char *why)
{
    if (r->words)
        f->why = why;
}

/* What a window gave at its end: kept when it is stronger now than what was found before. */
static bool keep(const struct reading *r, const struct fb_signal *s, struct found *f, double m,
                 int64_t since_ms)
{
    double decay;

    if (m <= 0)
        return false;
    decay = decay_of(r, since_ms, s->half_life_ms);
    if (m * decay <= f->m * f->decay)
        return false;
    f->m = m;
    f->decay = decay;
    return true;
}

static int bits(uint64_t mask) { return __builtin_popcountll(mask); }

static uint64_t bit(unsigned n) { return UINT64_C(1) << n; }

/* The first entry older than the window that ends with entry i. */
static size_t window_end(const struct ring *ring, size_t i, int64_t span_ms)
{
    size_t j = i;

    while (j < ring->count && ring->at[i].t_ms - ring->at[j].t_ms <= span_ms)
        j++;
    return j;
}

/* ---- group X ---- */

static void read_latched(const struct reading *r, const struct fb_signal *s, int slot,
                         struct found *f)
{
    int64_t own = r->p->latch[slot];
    int64_t inherited = r->creator ? r->creator->latch[slot] : 0;

    if (own)
        keep(r, s, f, 1, own);
    if (inherited && keep(r, s, f, 1, inherited) && r->words)
        f->why = fb_arena_fmt(r->words, "who created it: %s", s->words);
}

static void read_first(const struct reading *r, const struct fb_signal *s, int duty,
                       struct found *f)
{
    const struct seen *seen = &r->p->duties[duty];

    if (seen->last_ms && !known(r, seen))
        keep(r, s, f, 1, seen->last_ms);
}

static void read_canary(const struct reading *r, const struct fb_signal *s, int arg,
                        struct found *f)
{
    (void)arg;
    for (size_t i = 0; i < r->config->decoy_count; i++) {
        uint32_t hash = fb_hash32("key", r->config->decoys[i]);

        for (size_t k = 0; k < CREDENTIALS && r->p->keys[k].hash; k++) {
            if (r->p->keys[k].hash == hash)
                keep(r, s, f, 1, r->p->keys[k].last_ms);
        }
    }
}

/* ---- group O, and what is new in a hashed table ---- */

/* The newest thing with any of `flags` (0: any thing) that is not known. */
static void newest_unknown(const struct reading *r, const struct fb_signal *s,
                           const struct table *table, unsigned flags, struct found *f)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct thing *thing = &table->at[i];

        if ((!flags || (thing->flags & flags)) && !known(r, &thing->seen))
            keep(r, s, f, 1, thing->seen.last_ms);
    }
    if (table->diverse)
        f->damp *= DIVERSE_DAMP;
}

static void read_new_prefix(const struct reading *r, const struct fb_signal *s, int arg,
                            struct found *f)
{
    (void)arg;
    newest_unknown(r, s, &r->p->prefixes, 0, f);
}

static void read_new_agent(const struct reading *r, const struct fb_signal *s, int arg,
                           struct found *f)
{
    (void)arg;
    newest_unknown(r, s, &r->p->agents, 0, f);
}

static bool account_knows_prefix(const struct reading *r, uint32_t hash)
{
    const struct table *table = r->account ? &r->account->prefixes : NULL;

    for (size_t i = 0; table && i < table->count; i++) {
        if (table->at[i].hash == hash)
            return is_known(r->account, &table->at[i].seen, day_of(r->t_ms));
    }
    return false;
}

/* A new machine has no history of its own: the networks of its account are its own too. */
static void read_workload_outside(const struct reading *r, const struct fb_signal *s, int arg,
                                  struct found *f)
{
    const struct table *table = &r->p->prefixes;

    (void)arg;
    for (size_t i = 0; i < table->count; i++) {
        const struct thing *thing = &table->at[i];

        if ((thing->flags & THING_WORKLOAD) && !known(r, &thing->seen) &&
            !account_knows_prefix(r, thing->hash))
            keep(r, s, f, 1, thing->seen.last_ms);
    }
    if (table->diverse || (r->account && r->account->prefixes.diverse))
        f->damp *= DIVERSE_DAMP;
}

static void read_dormant(const struct reading *r, const struct fb_signal *s, int arg,
                         struct found *f)
{
    const struct fb_profile *p = r->p;
    int32_t newer = -1, wake = -1; /* days before active_day */
    int64_t end_ms;

    (void)arg;
    for (int32_t i = 0; i < 128 && wake < 0; i++) {
        if (!(p->active[i / 64] >> (i % 64) & 1))
            continue;
        if (newer >= 0 && i - newer > DORMANT_DAYS)
            wake = newer;
        newer = i;
    }
    if (wake < 0 && newer >= 0 && p->active_day - newer - day_of(p->first_ms) > DORMANT_DAYS)
        wake = newer; /* what came before lies beyond the mask */
    if (wake < 0)
        return;
    end_ms = (int64_t)(p->active_day - wake + 1) * DAY_MS - 1;
    keep(r, s, f, 1, end_ms < p->last_ms ? end_ms : p->last_ms);
}

/* ---- group R ---- */

static uint64_t places(const struct ring *ring, size_t i, size_t end, bool same, unsigned flags)
{
    uint64_t mask = 0;

    for (size_t j = i; j < end; j++) {
        const struct ring_entry *e = &ring->at[j];

        if ((!same || e->what == ring->at[i].what) && (e->flags & flags) == flags)
            mask |= bit(e->place);
    }
    return mask;
}

static void read_quota_recon(const struct reading *r, const struct fb_signal *s, int arg,
                             struct found *f)
{
    const struct ring *ring = &r->p->reads;

    (void)arg;
    for (size_t i = 0; i < ring->count; i++) {
        int fast, slow;

        if (!(ring->at[i].flags & READ_QUOTA))
            continue;
        fast = bits(places(ring, i, window_end(ring, i, 30 * SECOND_MS), false, READ_QUOTA));
        slow = bits(places(ring, i, window_end(ring, i, 5 * MINUTE_MS), false, READ_QUOTA));
        if (keep(r, s, f, fast >= 10 ? 1 : slow >= 3 ? 0.6 : 0, ring->at[i].t_ms) && r->words)
            say(r, f, fb_arena_fmt(r->words, "limits of %d regions read within 5 min", slow));
    }
}

static void read_describe_fanout(const struct reading *r, const struct fb_signal *s, int arg,
                                 struct found *f)
{
    const struct ring *ring = &r->p->reads;

    (void)arg;
    for (size_t i = 0; i < ring->count; i++) {
        int n = bits(places(ring, i, window_end(ring, i, 5 * MINUTE_MS), true, 0));

        if (keep(r, s, f, n >= 8, ring->at[i].t_ms) && r->words)
            say(r, f, fb_arena_fmt(r->words, "the same read in %d regions within 5 min", n));
    }
}

/* How many different `what` there are among entries i..end. */
static int distinct(const struct ring *ring, size_t i, size_t end, unsigned flags)
{
    int n = 0;

    for (size_t j = i; j < end; j++) {
        bool first = (ring->at[j].flags & flags) == flags;

        for (size_t k = i; k < j && first; k++)
            first = ring->at[k].what != ring->at[j].what;
        n += first;
    }
    return n;
}

static void read_enum_burst(const struct reading *r, const struct fb_signal *s, int arg,
                            struct found *f)
{
    const struct ring *ring = &r->p->reads;

    (void)arg;
    for (size_t i = 0; i < ring->count; i++) {
        size_t end = window_end(ring, i, 10 * SECOND_MS);
        int n = end - i >= 10 ? distinct(ring, i, end, 0) : 0;

        if (keep(r, s, f, n >= 10, ring->at[i].t_ms) && r->words)
            say(r, f, fb_arena_fmt(r->words, "%d kinds of reads within 10 s", n));
    }
}

static void read_dry_run(const struct reading *r, const struct fb_signal *s, int arg,
                         struct found *f)
{
    const struct ring *ring = &r->p->launches;

    (void)arg;
    for (size_t i = 0; i < ring->count; i++) {
        int n = bits(places(ring, i, window_end(ring, i, HOUR_MS), false, LAUNCH_DRY));

        if ((ring->at[i].flags & LAUNCH_DRY) && keep(r, s, f, n >= 2 ? 1 : 0.5, ring->at[i].t_ms) &&
            r->words)
            say(r, f,
                fb_arena_fmt(r->words, "dry runs of a launch in %d region%s", n,
                             n == 1 ? "" : "s"));
    }
}

/* Entries i..end of one kind, and over how many services. */
static int errors_of(const struct ring *ring, size_t i, size_t end, unsigned kind, int *different)
{
    int n = 0;

    *different = 0;
    for (size_t j = i; j < end; j++) {
        bool first = true;

        if (ring->at[j].flags != kind)
            continue;
        for (size_t k = i; k < j && first; k++)
            first = ring->at[k].flags != kind || ring->at[k].what != ring->at[j].what;
        *different += first;
        n++;
    }
    return n;
}

static void read_denied_burst(const struct reading *r, const struct fb_signal *s, int arg,
                              struct found *f)
{
    const struct ring *ring = &r->p->errors;

    (void)arg;
    for (size_t i = 0; i < ring->count; i++) {
        int services;
        int n = errors_of(ring, i, window_end(ring, i, 10 * MINUTE_MS), ERROR_DENIED, &services);

        if (keep(r, s, f, n >= 5 && services >= 2, ring->at[i].t_ms) && r->words)
            say(r, f,
                fb_arena_fmt(r->words, "%d denials over %d services within 10 min", n, services));
    }
}

/* ---- group S ---- */

/* DETECTION: 2 regions .25, 3 .5, 4 and 5 .75, 6 and more 1; a known one counts once. */
static double fanout_m(uint64_t fresh, uint64_t old)
{
    int n = fresh ? bits(fresh) + (old != 0) : 0;

    return n >= 6 ? 1 : n >= 4 ? 0.75 : n == 3 ? 0.5 : n == 2 ? 0.25 : 0;
}

static void keep_fanout(const struct reading *r, const struct fb_signal *s, uint64_t mask,
                        int64_t end_ms, struct found *f)
{
    uint64_t fresh = mask & ~r->known;

    if (keep(r, s, f, fanout_m(fresh, mask & r->known), end_ms) && r->words)
        say(r, f,
            fb_arena_fmt(r->words, "compute asked for in %d new regions%s within 60 min",
                         bits(fresh), mask & r->known ? " and in known ones" : ""));
}

/* Two views of the same fact: the ring knows each attempt, but a flood in one region pushes the
 * others out of it; the regions know only the newest attempt each, but all of them. */
static void read_region_fanout(const struct reading *r, const struct fb_signal *s, int arg,
                               struct found *f)
{
    const struct ring *ring = &r->p->launches;

    (void)arg;
    for (size_t i = 0; i < ring->count; i++) {
        size_t end = window_end(ring, i, HOUR_MS);
        uint64_t mask = 0;

        for (size_t j = i; j < end; j++) {
            if (!(ring->at[j].flags & LAUNCH_DRY))
                mask |= bit(ring->at[j].place);
        }
        keep_fanout(r, s, mask, ring->at[i].t_ms, f);
    }
    for (size_t i = 0; i < REGIONS; i++) {
        int64_t end_ms = r->p->regions[i].compute_ms;
        uint64_t mask = 0;

        for (unsigned j = 0; end_ms && j < REGIONS; j++) {
            int64_t at_ms = r->p->regions[j].compute_ms;

            if (at_ms && at_ms <= end_ms && end_ms - at_ms <= HOUR_MS)
                mask |= bit(j);
        }
        keep_fanout(r, s, mask, end_ms, f);
    }
}

static void newest_region(const struct reading *r, const struct fb_signal *s, uint64_t known_mask,
                          struct found *f)
{
    for (unsigned i = 0; i < REGIONS; i++) {
        if (r->p->regions[i].compute_ms && !(known_mask & bit(i)))
            keep(r, s, f, 1, r->p->regions[i].compute_ms);
    }
}

static void read_account_new_region(const struct reading *r, const struct fb_signal *s, int arg,
                                    struct found *f)
{
    (void)arg;
    if (!r->account)
        return;
    newest_region(r, s, r->known | r->known_account, f);
    f->young = r->account_young;
}

static void read_principal_new_region(const struct reading *r, const struct fb_signal *s, int arg,
                                      struct found *f)
{
    (void)arg;
    newest_region(r, s, r->known, f);
}

struct sum {
    double vcpu, usd;
    double fresh_vcpu; /* in regions that neither root nor account is known to use */
    int launches;
};

/* What launches i..end added. When the ring is full of the last hour, the day's sketch says how
 * much went by unseen, and everything is scaled up to it. */
static struct sum sum_launches(const struct reading *r, size_t i, size_t end)
{
    const struct ring *ring = &r->p->launches;
    const struct volume *today = &r->p->volume[day_of(ring->at[i].t_ms) % VOLUME_DAYS];
    struct sum sum = {0};
    double hourly;

    for (size_t j = i; j < end; j++) {
        const struct ring_entry *e = &ring->at[j];

        sum.vcpu += e->what;
        sum.usd += e->usd_milli / 1000.0;
        sum.launches += e->what > 0;
        if (!((r->known | r->known_account) & bit(e->place)))
            sum.fresh_vcpu += e->what;
    }
    if (end == ring->cap && sum.vcpu > 0 && today->day == day_of(ring->at[i].t_ms)) {
        hourly = fb_volume_hourly(today);
        if (hourly > sum.vcpu) {
            sum.usd *= hourly / sum.vcpu;
            sum.fresh_vcpu *= hourly / sum.vcpu;
            sum.vcpu = hourly;
        }
    }
    return sum;
}

static void read_launch_burst(const struct reading *r, const struct fb_signal *s, int arg,
                              struct found *f)
{
    const struct ring *ring = &r->p->launches;

    (void)arg;
    for (size_t i = 0; i < ring->count; i++) {
        struct sum sum = sum_launches(r, i, window_end(ring, i, HOUR_MS));
        double times = sum.vcpu / r->usual_vcpu;

        if (keep(r, s, f,
                 times >= 4   ? 1
                 : times >= 2 ? 0.66
                 : times >= 1 ? 0.33
                              : 0,
                 ring->at[i].t_ms) &&
            r->words)
            say(r, f,
                fb_arena_fmt(r->words,
                             "%.0f vCPU in %d launches within 60 min, %.1f times "
                             "what raises no question",
                             sum.vcpu, sum.launches, times));
    }
}

static void read_new_region_volume(const struct reading *r, const struct fb_signal *s, int arg,
                                   struct found *f)
{
    const struct ring *ring = &r->p->launches;

    (void)arg;
    for (size_t i = 0; i < ring->count; i++) {
        double vcpu = sum_launches(r, i, window_end(ring, i, HOUR_MS)).fresh_vcpu;

        if (keep(r, s, f, vcpu >= 512 ? 1 : vcpu >= 256 ? 0.5 : 0, ring->at[i].t_ms) && r->words)
            say(r, f,
                fb_arena_fmt(r->words, "%.0f vCPU within 60 min in regions without history", vcpu));
    }
}

static double burn_m(double usd)
{
    return usd >= 2000 ? 1 : usd >= 500 ? 0.75 : usd >= 100 ? 0.5 : usd >= 20 ? 0.25 : 0;
}

static void read_burn_rate(const struct reading *r, const struct fb_signal *s, int arg,
                           struct found *f)
{
    const struct ring *ring = &r->p->launches;

    (void)arg;
    for (size_t i = 0; i < ring->count; i++) {
        double usd = sum_launches(r, i, window_end(ring, i, HOUR_MS)).usd;

        if (keep(r, s, f, burn_m(usd), ring->at[i].t_ms) && r->words)
            say(r, f, fb_arena_fmt(r->words, "%.2f USD an hour added within 60 min", usd));
    }
}

double fb_reading_usd_per_hour(const struct reading *r)
{
    const struct ring *ring = &r->p->launches;

    if (!ring->count || r->t_ms - ring->at[0].t_ms > HOUR_MS)
        return 0;
    return sum_launches(r, 0, window_end(ring, 0, HOUR_MS)).usd;
}

static void read_quota_errors(const struct reading *r, const struct fb_signal *s, int arg,
                              struct found *f)
{
    const struct ring *ring = &r->p->errors;

    (void)arg;
    for (size_t i = 0; i < ring->count; i++) {
        int ignored;
        int n = errors_of(ring, i, window_end(ring, i, 10 * MINUTE_MS), ERROR_QUOTA, &ignored);

        if (keep(r, s, f, n >= 3, ring->at[i].t_ms) && r->words)
            say(r, f, fb_arena_fmt(r->words, "stopped by limits %d times within 10 min", n));
    }
}

static void read_capacity_hop(const struct reading *r, const struct fb_signal *s, int arg,
                              struct found *f)
{
    const struct ring *ring = &r->p->errors;

    (void)arg;
    for (size_t i = 0; i < ring->count; i++) {
        int different;

        errors_of(ring, i, window_end(ring, i, HOUR_MS), ERROR_CAPACITY, &different);
        keep(r, s, f, different >= 3, ring->at[i].t_ms);
    }
}

static void read_service_sprawl(const struct reading *r, const struct fb_signal *s, int arg,
                                struct found *f)
{
    (void)arg;
    for (size_t i = 0; i < SERVICES; i++) {
        int64_t end_ms = r->p->services[i].last_ms;
        int n = 0;

        for (size_t j = 0; end_ms && j < SERVICES; j++) {
            const struct seen *other = &r->p->services[j];

            n += other->last_ms && other->last_ms <= end_ms && end_ms - other->last_ms <= HOUR_MS &&
                 !known(r, other);
        }
        if (keep(r, s, f, n >= 3, end_ms) && r->words)
            say(r, f, fb_arena_fmt(r->words, "%d compute services new to it within 60 min", n));
    }
}

static void newest_service(const struct reading *r, const struct fb_signal *s,
                           const enum service *services, size_t n, struct found *f)
{
    for (size_t i = 0; i < n; i++) {
        const struct seen *seen = &r->p->services[services[i]];

        if (seen->last_ms && !known(r, seen))
            keep(r, s, f, 1, seen->last_ms);
    }
}

static void read_managed_ml(const struct reading *r, const struct fb_signal *s, int arg,
                            struct found *f)
{
    static const enum service services[] = {SERVICE_SAGEMAKER};

    (void)arg;
    newest_service(r, s, services, 1, f);
}

static void read_build_service(const struct reading *r, const struct fb_signal *s, int arg,
                               struct found *f)
{
    static const enum service services[] = {SERVICE_CODEBUILD, SERVICE_AMPLIFY, SERVICE_GLUE,
                                            SERVICE_APPRUNNER, SERVICE_LIGHTSAIL};

    (void)arg;
    newest_service(r, s, services, sizeof services / sizeof services[0], f);
}

static void read_batch_cluster(const struct reading *r, const struct fb_signal *s, int arg,
                               struct found *f)
{
    static const enum service services[] = {SERVICE_EMR, SERVICE_BATCH};

    (void)arg;
    newest_service(r, s, services, 2, f);
}

/* ---- groups E and C ---- */

/* One protected machine is housekeeping; three within the hour, or a protected burst, is not. */
static void read_term_protect(const struct reading *r, const struct fb_signal *s, int arg,
                              struct found *f)
{
    const struct ring *ring = &r->p->protects;
    const struct ring *launches = &r->p->launches;

    (void)arg;
    for (size_t i = 0; i < ring->count; i++) {
        size_t end = window_end(ring, i, HOUR_MS);
        int n = 0;

        for (size_t j = i; j < end; j++) {
            bool first = true;

            for (size_t k = i; k < j && first; k++)
                first = ring->at[k].id != ring->at[j].id;
            n += first;
        }
        if (keep(r, s, f, n >= 3 ? 1 : 0.3, ring->at[i].t_ms) && r->words)
            say(r, f,
                fb_arena_fmt(r->words, "%d machine%s protected against being stopped", n,
                             n == 1 ? "" : "s"));
    }
    for (size_t i = 0; i < launches->count; i++) {
        double vcpu;

        if (!(launches->at[i].flags & LAUNCH_PROTECTED) || !(launches->at[i].flags & LAUNCH_OK))
            continue;
        vcpu = sum_launches(r, i, window_end(launches, i, HOUR_MS)).vcpu;
        if (keep(r, s, f, vcpu >= USUAL_VCPU_MIN ? 1 : 0.3, launches->at[i].t_ms))
            say(r, f, "launched machines that are protected against being stopped");
    }
}

static void read_deny_tamper(const struct reading *r, const struct fb_signal *s, int arg,
                             struct found *f)
{
    enum { DENY_REMOVED = 25 }; /* profile.c's slot */
    int64_t at_ms = r->p->latch[DENY_REMOVED];

    (void)arg;
    if (at_ms && fb_profile_in_incident(r->p) && at_ms >= r->p->incident_since_ms)
        keep(r, s, f, 1, at_ms);
}

static void read_new_role(const struct reading *r, const struct fb_signal *s, int arg,
                          struct found *f)
{
    (void)arg;
    newest_unknown(r, s, &r->p->edges, THING_ROLE, f);
}

static void read_new_profile(const struct reading *r, const struct fb_signal *s, int arg,
                             struct found *f)
{
    (void)arg;
    newest_unknown(r, s, &r->p->edges, THING_PASSED, f);
}

static void read_session_sprawl(const struct reading *r, const struct fb_signal *s, int arg,
                                struct found *f)
{
    const struct ring *ring = &r->p->mints;

    (void)arg;
    for (size_t i = 0; i < ring->count; i++) {
        size_t end = window_end(ring, i, 10 * MINUTE_MS);
        int roles = distinct(ring, i, end, 0);

        if (keep(r, s, f, end - i >= 5 || roles >= 3, ring->at[i].t_ms) && r->words)
            say(r, f,
                fb_arena_fmt(r->words, "%zu sessions of %d roles minted within 10 min", end - i,
                             roles));
    }
}

/* ---- mitigation ---- */

/* Whether every recent attempt to create compute carries the flag. */
static bool all_recent(const struct reading *r, unsigned flag)
{
    const struct ring *ring = &r->p->launches;
    size_t end = ring->count ? window_end(ring, 0, HOUR_MS) : 0;

    for (size_t i = 0; i < end; i++) {
        if (!(ring->at[i].flags & flag))
            return false;
    }
    return end > 0;
}

static void read_autoscaler(const struct reading *r, const struct fb_signal *s, int arg,
                            struct found *f)
{
    (void)s, (void)arg;
    f->m = known(r, &r->p->duties[DUTY_SERVICE_LAUNCH]) && all_recent(r, LAUNCH_BY_SERVICE);
}

static void read_seen_before(const struct reading *r, const struct fb_signal *s, int arg,
                             struct found *f)
{
    const struct ring *ring = &r->p->launches;
    int32_t today = day_of(r->t_ms);
    uint32_t mute = mute_days(r->p, today);
    double most = 0;
    int days = 0;

    (void)s, (void)arg;
    for (size_t i = 0; i < ring->count; i++)
        most = fmax(most, sum_launches(r, i, window_end(ring, i, HOUR_MS)).vcpu);
    for (size_t i = 0; i < VOLUME_DAYS && most > 0; i++) {
        int32_t ago = today - r->p->volume[i].day;

        days += ago > 0 && ago < 32 && !(mute >> ago & 1) &&
                fb_volume_hourly(&r->p->volume[i]) >= 0.5 * most;
    }
    f->m = days >= KNOWN_DAYS;
}

static bool known_tool(const struct reading *r)
{
    for (size_t i = 0; i < r->p->agents.count; i++) {
        const struct thing *agent = &r->p->agents.at[i];

        if ((agent->flags & THING_IAC) && known(r, &agent->seen))
            return true;
    }
    return false;
}

/* Known tool and known networks: an agent's text alone is anybody's to write. */
static void read_known_iac(const struct reading *r, const struct fb_signal *s, int arg,
                           struct found *f)
{
    const struct fb_profile *p = r->p;
    bool some = false;
    int64_t since_ms;

    (void)s, (void)arg;
    if (!all_recent(r, LAUNCH_IAC) || !p->first_ms ||
        r->t_ms - p->first_ms < IAC_AGE_DAYS * DAY_MS || !known_tool(r))
        return;
    since_ms = p->launches.at[0].t_ms - HOUR_MS;
    for (size_t i = 0; i < p->prefixes.count; i++) {
        const struct thing *prefix = &p->prefixes.at[i];

        if (prefix->seen.last_ms < since_ms)
            continue;
        if (!known(r, &prefix->seen))
            return;
        some = true;
    }
    f->m = some;
}

/* Days with calls before today, of the last 31. */
static bool known_for_days(const struct reading *r)
{
    int32_t today = day_of(r->t_ms);
    uint32_t days = days_at((uint32_t)r->p->active[0], r->p->active_day, today);

    return __builtin_popcount(days & ~mute_days(r->p, today)) >= KNOWN_DAYS;
}

static void read_known_oidc(const struct reading *r, const struct fb_signal *s, int arg,
                            struct found *f)
{
    const struct fb_chain *c = r->chain;

    (void)s, (void)arg;
    f->m = c && c->count >= 2 && fb_chain_root(c)->kind == FB_HOP_EXTERNAL &&
           strcmp(c->hops[c->count - 2].via, "AssumeRoleWithWebIdentity") == 0 && known_for_days(r);
}

static void read_known_sso(const struct reading *r, const struct fb_signal *s, int arg,
                           struct found *f)
{
    (void)s, (void)arg;
    f->m = r->chain && fb_chain_root(r->chain)->kind == FB_HOP_SSO && known_for_days(r);
}

/* ---- the readers, by row ---- */

struct reader {
    void (*read)(const struct reading *r, const struct fb_signal *s, int arg, struct found *f);
    int arg;
};

static const struct reader READERS[] = {
#define LATCH(slot, trait)                                                                 read_latched, slot
#define FIRST(duty)                                                                        read_first, duty
#define READ(function)                                                                     function, 0
#define FB_SIGNAL(id, group, weight, half_life, attack, state, kind, marks, source, words) {source},
#include "score/signals.def"
#undef FB_SIGNAL
#undef READ
#undef FIRST
#undef LATCH
};

struct found fb_signal_read(const struct reading *r, size_t i)
{
    struct found f = {.m = 0, .decay = 1, .damp = 1, .young = r->young, .why = ""};

    READERS[i].read(r, &SIGNALS[i], READERS[i].arg, &f);
    if (!*f.why)
        f.why = SIGNALS[i].words;
    return f;
}

/* ---- set-up ---- */

static bool is_young(const struct fb_profile *p, int64_t t_ms)
{
    int n = 0;

    for (size_t i = 0; i < EVENT_BITS / 64; i++)
        n += bits(p->events[i]);
    return !p->first_ms || t_ms - p->first_ms < YOUNG_DAYS * DAY_MS || n < YOUNG_EVENT_BITS;
}

static uint64_t known_regions(const struct fb_profile *p, int32_t today)
{
    uint64_t mask = 0;

    for (unsigned i = 0; i < REGIONS; i++) {
        if (p->regions[i].used.days && is_known(p, &p->regions[i].used, today))
            mask |= bit(i);
    }
    return mask;
}

/* The 13th of the 14 values of the days before today, and at least what raises no question. */
static double usual_vcpu(const struct fb_profile *p, int32_t today)
{
    uint32_t mute = mute_days(p, today);
    double most = 0, second = 0;

    for (size_t i = 0; i < VOLUME_DAYS; i++) {
        int32_t ago = today - p->volume[i].day;
        double hourly =
            ago > 0 && ago <= 14 && !(mute >> ago & 1) ? fb_volume_hourly(&p->volume[i]) : 0;

        if (hourly > most) {
            second = most;
            most = hourly;
        } else if (hourly > second) {
            second = hourly;
        }
    }
    return fmax(USUAL_VCPU_MIN, 3 * second);
}

void fb_reading_init(struct reading *r)
{
    int32_t today = day_of(r->t_ms);
    uint64_t usual = 0;

    for (size_t i = 0; i < r->config->usual_region_count; i++)
        usual |= bit(fb_region_index(r->config->usual_regions[i]));
    r->young = is_young(r->p, r->t_ms);
    r->account_young = r->account && is_young(r->account, r->t_ms);
    r->known = usual | known_regions(r->p, today);
    r->known_account = r->account ? known_regions(r->account, today) : 0;
    r->usual_vcpu = usual_vcpu(r->p, today);
}

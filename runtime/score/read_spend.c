/* read_spend.c - compute: where, how much, how dear, and through which services (group S). */
#include "base/arena.h"
#include "score/signals_in.h"

/* 2 regions .25, 3 .5, 4 and 5 .75, 6 and more 1; a known one counts once. */
static double fanout_m(uint64_t fresh, uint64_t old)
{
    int n = fresh ? bits(fresh) + (old != 0) : 0;

    return n >= 6 ? 1 : n >= 4 ? 0.75 : n == 3 ? 0.5 : n == 2 ? 0.25 : 0;
}

static void keep_fanout(const struct reading *r, const struct fb_signal *s, uint64_t mask,
                        int64_t end_ms, struct found *f)
{
    uint64_t fresh = mask & ~r->known;

    if (fb_found_keep(r, s, f, fanout_m(fresh, mask & r->known), end_ms) && r->words)
        say(r, f,
            fb_arena_fmt(r->words, "compute asked for in %d new regions%s within 60 min",
                         bits(fresh), mask & r->known ? " and in known ones" : ""));
}

/* Two views of the same fact: the ring knows each attempt, but a flood in one region pushes the
 * others out of it; the regions know only the newest attempt each, but all of them. */
void fb_read_region_fanout(const struct reading *r, const struct fb_signal *s, int arg,
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
            fb_found_keep(r, s, f, 1, r->p->regions[i].compute_ms);
    }
}

void fb_read_account_new_region(const struct reading *r, const struct fb_signal *s, int arg,
                                struct found *f)
{
    (void)arg;
    if (!r->account)
        return;
    newest_region(r, s, r->known | r->known_account, f);
    f->young = r->account_young;
}

void fb_read_principal_new_region(const struct reading *r, const struct fb_signal *s, int arg,
                                  struct found *f)
{
    (void)arg;
    newest_region(r, s, r->known, f);
}

void fb_read_launch_burst(const struct reading *r, const struct fb_signal *s, int arg,
                          struct found *f)
{
    const struct ring *ring = &r->p->launches;

    (void)arg;
    for (size_t i = 0; i < ring->count; i++) {
        struct sum sum = fb_reading_sum(r, i, window_end(ring, i, HOUR_MS));
        double times = sum.vcpu / r->usual_vcpu;

        if (fb_found_keep(r, s, f,
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

void fb_read_new_region_volume(const struct reading *r, const struct fb_signal *s, int arg,
                               struct found *f)
{
    const struct ring *ring = &r->p->launches;

    (void)arg;
    for (size_t i = 0; i < ring->count; i++) {
        double vcpu = fb_reading_sum(r, i, window_end(ring, i, HOUR_MS)).fresh_vcpu;

        if (fb_found_keep(r, s, f,
                          vcpu >= 512   ? 1
                          : vcpu >= 256 ? 0.5
                                        : 0,
                          ring->at[i].t_ms) &&
            r->words)
            say(r, f,
                fb_arena_fmt(r->words, "%.0f vCPU within 60 min in regions without history", vcpu));
    }
}

static double burn_m(double usd)
{
    return usd >= 2000 ? 1 : usd >= 500 ? 0.75 : usd >= 100 ? 0.5 : usd >= 20 ? 0.25 : 0;
}

void fb_read_burn_rate(const struct reading *r, const struct fb_signal *s, int arg, struct found *f)
{
    const struct ring *ring = &r->p->launches;

    (void)arg;
    for (size_t i = 0; i < ring->count; i++) {
        double usd = fb_reading_sum(r, i, window_end(ring, i, HOUR_MS)).usd;

        if (fb_found_keep(r, s, f, burn_m(usd), ring->at[i].t_ms) && r->words)
            say(r, f, fb_arena_fmt(r->words, "%.2f USD an hour added within 60 min", usd));
    }
}

void fb_read_service_sprawl(const struct reading *r, const struct fb_signal *s, int arg,
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
        if (fb_found_keep(r, s, f, n >= 3, end_ms) && r->words)
            say(r, f, fb_arena_fmt(r->words, "%d compute services new to it within 60 min", n));
    }
}

static void newest_service(const struct reading *r, const struct fb_signal *s,
                           const enum service *services, size_t n, struct found *f)
{
    for (size_t i = 0; i < n; i++) {
        const struct seen *seen = &r->p->services[services[i]];

        if (seen->last_ms && !known(r, seen))
            fb_found_keep(r, s, f, 1, seen->last_ms);
    }
}

void fb_read_managed_ml(const struct reading *r, const struct fb_signal *s, int arg,
                        struct found *f)
{
    static const enum service services[] = {SERVICE_SAGEMAKER};

    (void)arg;
    newest_service(r, s, services, 1, f);
}

void fb_read_build_service(const struct reading *r, const struct fb_signal *s, int arg,
                           struct found *f)
{
    static const enum service services[] = {SERVICE_CODEBUILD, SERVICE_AMPLIFY, SERVICE_GLUE,
                                            SERVICE_APPRUNNER, SERVICE_LIGHTSAIL};

    (void)arg;
    newest_service(r, s, services, sizeof services / sizeof services[0], f);
}

void fb_read_batch_cluster(const struct reading *r, const struct fb_signal *s, int arg,
                           struct found *f)
{
    static const enum service services[] = {SERVICE_EMR, SERVICE_BATCH};

    (void)arg;
    newest_service(r, s, services, 2, f);
}

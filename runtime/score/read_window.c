/* read_window.c - bursts of reads, errors, sessions and protections: windows over the rings. */
#include "base/arena.h"
#include "score/signals_in.h"

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

void fb_read_quota_recon(const struct reading *r, const struct fb_signal *s, int arg,
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
        if (fb_found_keep(r, s, f,
                          fast >= 10  ? 1
                          : slow >= 3 ? 0.6
                                      : 0,
                          ring->at[i].t_ms) &&
            r->words)
            say(r, f, fb_arena_fmt(r->words, "limits of %d regions read within 5 min", slow));
    }
}

void fb_read_describe_fanout(const struct reading *r, const struct fb_signal *s, int arg,
                             struct found *f)
{
    const struct ring *ring = &r->p->reads;

    (void)arg;
    for (size_t i = 0; i < ring->count; i++) {
        int n = bits(places(ring, i, window_end(ring, i, 5 * MINUTE_MS), true, 0));

        if (fb_found_keep(r, s, f, n >= 8, ring->at[i].t_ms) && r->words)
            say(r, f, fb_arena_fmt(r->words, "the same read in %d regions within 5 min", n));
    }
}

void fb_read_enum_burst(const struct reading *r, const struct fb_signal *s, int arg,
                        struct found *f)
{
    const struct ring *ring = &r->p->reads;

    (void)arg;
    for (size_t i = 0; i < ring->count; i++) {
        size_t end = window_end(ring, i, 10 * SECOND_MS);
        int n = end - i >= 10 ? distinct(ring, i, end, 0) : 0;

        if (fb_found_keep(r, s, f, n >= 10, ring->at[i].t_ms) && r->words)
            say(r, f, fb_arena_fmt(r->words, "%d kinds of reads within 10 s", n));
        n = distinct(ring, i, window_end(ring, i, 5 * MINUTE_MS), READ_WORKLOAD);
        if ((ring->at[i].flags & READ_WORKLOAD) &&
            fb_found_keep(r, s, f, n >= 8, ring->at[i].t_ms) && r->words)
            say(r, f, fb_arena_fmt(r->words, "%d kinds of reads by a machine within 5 min", n));
    }
}

void fb_read_dry_run(const struct reading *r, const struct fb_signal *s, int arg, struct found *f)
{
    const struct ring *ring = &r->p->launches;

    (void)arg;
    for (size_t i = 0; i < ring->count; i++) {
        int n = bits(places(ring, i, window_end(ring, i, HOUR_MS), false, LAUNCH_DRY));

        if ((ring->at[i].flags & LAUNCH_DRY) &&
            fb_found_keep(r, s, f, n >= 2 ? 1 : 0.5, ring->at[i].t_ms) && r->words)
            say(r, f,
                fb_arena_fmt(r->words, "dry runs of a launch in %d region%s", n,
                             n == 1 ? "" : "s"));
    }
}

void fb_read_denied_burst(const struct reading *r, const struct fb_signal *s, int arg,
                          struct found *f)
{
    const struct ring *ring = &r->p->errors;

    (void)arg;
    for (size_t i = 0; i < ring->count; i++) {
        int services;
        int n = errors_of(ring, i, window_end(ring, i, 10 * MINUTE_MS), ERROR_DENIED, &services);

        if (fb_found_keep(r, s, f, n >= 5 && services >= 2, ring->at[i].t_ms) && r->words)
            say(r, f,
                fb_arena_fmt(r->words, "%d denials over %d services within 10 min", n, services));
    }
}

void fb_read_quota_errors(const struct reading *r, const struct fb_signal *s, int arg,
                          struct found *f)
{
    const struct ring *ring = &r->p->errors;

    (void)arg;
    for (size_t i = 0; i < ring->count; i++) {
        int ignored;
        int n = errors_of(ring, i, window_end(ring, i, 10 * MINUTE_MS), ERROR_QUOTA, &ignored);

        if (fb_found_keep(r, s, f, n >= 3, ring->at[i].t_ms) && r->words)
            say(r, f, fb_arena_fmt(r->words, "stopped by limits %d times within 10 min", n));
    }
}

void fb_read_capacity_hop(const struct reading *r, const struct fb_signal *s, int arg,
                          struct found *f)
{
    const struct ring *ring = &r->p->errors;

    (void)arg;
    for (size_t i = 0; i < ring->count; i++) {
        int different;

        errors_of(ring, i, window_end(ring, i, HOUR_MS), ERROR_CAPACITY, &different);
        fb_found_keep(r, s, f, different >= 3, ring->at[i].t_ms);
    }
}

/* One protected machine is housekeeping; three within the hour, or a protected burst, is not. */
void fb_read_term_protect(const struct reading *r, const struct fb_signal *s, int arg,
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
        if (fb_found_keep(r, s, f, n >= 3 ? 1 : 0.3, ring->at[i].t_ms) && r->words)
            say(r, f,
                fb_arena_fmt(r->words, "%d machine%s protected against being stopped", n,
                             n == 1 ? "" : "s"));
    }
    for (size_t i = 0; i < launches->count; i++) {
        double vcpu;

        if (!(launches->at[i].flags & LAUNCH_PROTECTED) || !(launches->at[i].flags & LAUNCH_OK))
            continue;
        vcpu = fb_reading_sum(r, i, window_end(launches, i, HOUR_MS)).vcpu;
        if (fb_found_keep(r, s, f, vcpu >= USUAL_VCPU_MIN ? 1 : 0.3, launches->at[i].t_ms))
            say(r, f, "launched machines that are protected against being stopped");
    }
}

void fb_read_session_sprawl(const struct reading *r, const struct fb_signal *s, int arg,
                            struct found *f)
{
    const struct ring *ring = &r->p->mints;

    (void)arg;
    for (size_t i = 0; i < ring->count; i++) {
        size_t end = window_end(ring, i, 10 * MINUTE_MS);
        int roles = distinct(ring, i, end, 0);

        if (fb_found_keep(r, s, f, end - i >= 5 || roles >= 3, ring->at[i].t_ms) && r->words)
            say(r, f,
                fb_arena_fmt(r->words, "%zu sessions of %d roles minted within 10 min", end - i,
                             roles));
    }
}

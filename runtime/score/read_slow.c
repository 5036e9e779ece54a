/* read_slow.c - the patient thief: what stays below every window of an hour, seen over two weeks.
 */
#include "base/arena.h"
#include "score/signals_in.h"

enum { SLOW_DAYS = 14 };

/* 3 regions .25, 4 and 5 .6, 6 and 7 .8, 8 and more 1. */
static double slow_m(int n) { return n >= 8 ? 1 : n >= 6 ? 0.8 : n >= 4 ? 0.6 : n == 3 ? 0.25 : 0; }

/* Regions in which compute was asked for within the two weeks that end so, and on how many days. */
static uint64_t asked(const struct reading *r, int64_t end_ms, int *days)
{
    uint64_t mask = 0;
    uint32_t seen = 0;

    for (unsigned i = 0; i < REGIONS; i++) {
        int64_t at_ms = r->p->regions[i].compute_ms;

        if (!at_ms || at_ms > end_ms || end_ms - at_ms > SLOW_DAYS * DAY_MS)
            continue;
        mask |= bit(i);
        seen |= UINT32_C(1) << (day_of(end_ms) - day_of(at_ms));
    }
    *days = bits(seen);
    return mask;
}

/* Known regions count once together, as in region-fanout; all on one day is region-fanout's. */
void fb_read_slow_fanout(const struct reading *r, const struct fb_signal *s, int arg,
                         struct found *f)
{
    (void)arg;
    for (unsigned i = 0; i < REGIONS; i++) {
        int64_t end_ms = r->p->regions[i].compute_ms;
        uint64_t mask;
        int days, n;

        if (!end_ms || (r->known & bit(i)))
            continue;
        mask = asked(r, end_ms, &days);
        n = bits(mask & ~r->known) + ((mask & r->known) != 0);
        if (days >= 2 && fb_found_keep(r, s, f, slow_m(n), end_ms) && r->words)
            say(r, f,
                fb_arena_fmt(r->words, "compute in %d new regions on %d days of two weeks",
                             bits(mask & ~r->known), days));
    }
}

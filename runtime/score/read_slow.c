/* read_slow.c - the patient thief: what stays below every window of an hour, seen over two weeks.
 */
#include "base/arena.h"
#include "score/signals_in.h"

enum { SLOW_DAYS = 14 };

/* 3 regions .25, 4 and 5 .6, 6 and 7 .8, 8 and more 1. */
static double slow_m(int n) { return n >= 8 ? 1 : n >= 6 ? 0.8 : n >= 4 ? 0.6 : n == 3 ? 0.25 : 0; }

void fb_read_slow_fanout(const struct reading *r, const struct fb_signal *s, int arg,
                         struct found *f)
{
    (void)arg;
    for (size_t i = 0; i < REGIONS; i++) {
        int64_t end_ms = r->p->regions[i].compute_ms;
        uint64_t mask = 0;
        int days = 0;
        uint32_t seen_days = 0;

        if (!end_ms || (r->known & bit((unsigned)i)))
            continue;
        for (unsigned j = 0; j < REGIONS; j++) {
            int64_t at_ms = r->p->regions[j].compute_ms;

            if (!at_ms || at_ms > end_ms || end_ms - at_ms > SLOW_DAYS * DAY_MS ||
                (r->known & bit(j)))
                continue;
            mask |= bit(j);
            seen_days |= UINT32_C(1) << (day_of(end_ms) - day_of(at_ms));
        }
        days = bits(seen_days);
        /* All on one day is region-fanout's. */
        if (days >= 2 && fb_found_keep(r, s, f, slow_m(bits(mask)), end_ms) && r->words)
            say(r, f,
                fb_arena_fmt(r->words, "compute in %d new regions on %d days of two weeks",
                             bits(mask), days));
    }
}

/* read_slow.c - the patient thief: what stays below every window of an hour, seen over two weeks.
 */
#include <math.h>

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

/* ---- volume and spend ---- */

enum {
    HABIT_DAYS = 14, /* before them a root has no habits that a day could break */
    BASE_DAYS = 21,  /* a baseline from before the fortnight needs so many */
    FLOOD_TIMES = 3  /* the usual volume, as a day's sketch knows it */
};

static const double SLOW_VCPU = 192, SLOW_TIMES = 3;

/* Whether a thing was used on the day `ago`, and not known then. */
static bool was_new(const struct seen *seen, int32_t today, uint32_t mute, int32_t ago)
{
    uint32_t days = fb_days_at(seen->days, day_of(seen->last_ms), today);

    return (days >> ago & 1) && bits((days & ~mute) >> ago >> 1) < KNOWN_DAYS;
}

static bool from_new_network(const struct fb_profile *p, int32_t today, uint32_t mute, int32_t ago)
{
    for (size_t i = 0; i < p->prefixes.count && !p->prefixes.diverse; i++) {
        if (was_new(&p->prefixes.at[i].seen, today, mute, ago))
            return true;
    }
    return false;
}

static bool is_flood(const struct fb_profile *p, const double hourly[VOLUME_DAYS], int32_t today,
                     uint32_t mute, int32_t ago)
{
    double then = 0, most = 0, second = 0;

    for (size_t i = 0; i < VOLUME_DAYS; i++) {
        int32_t other = today - p->volume[i].day;

        if (other == ago)
            then = hourly[i];
        if (other <= ago || other > 31 || (mute >> other & 1))
            continue;
        second = fmax(second, fmin(most, hourly[i]));
        most = fmax(most, hourly[i]);
    }
    return then >= FLOOD_TIMES * fmax(USUAL_VCPU_MIN, 3 * second);
}

uint32_t fb_flood_days(const struct fb_profile *p, const double hourly[VOLUME_DAYS], int32_t today,
                       uint32_t mute)
{
    int32_t oldest = p->first_ms ? today - day_of(p->first_ms) - HABIT_DAYS : 0;
    uint32_t flood = 0;

    for (int32_t ago = oldest < SLOW_DAYS ? oldest : SLOW_DAYS; ago >= 1; ago--) {
        if (is_flood(p, hourly, today, mute | flood, ago) &&
            from_new_network(p, today, mute | flood, ago))
            flood |= UINT32_C(1) << ago;
    }
    return flood;
}

/* Habits of a root, or at least of its account, that reach back before the fortnight. */
static bool has_base(const struct reading *r, struct found *f)
{
    int64_t since_ms = r->t_ms - BASE_DAYS * DAY_MS;
    bool own = r->p->first_ms && r->p->first_ms <= since_ms;

    f->young = !own;
    return own || (r->account && r->account->first_ms && r->account->first_ms <= since_ms);
}

struct slow {
    double vcpu, usd;           /* within a fortnight, without the largest day */
    double base_vcpu, base_usd; /* of a fortnight before it */
    int64_t newest_ms;
};

static void add_weeks(const struct reading *r, struct slow *slow)
{
    int32_t today = day_of(r->t_ms), now = today / 7;

    for (size_t i = 0; i < WEEKS; i++) {
        const struct week *w = &r->p->weeks[i];
        int32_t ago = now - w->week, end = today - w->week * 7 - 6; /* days since its last day */
        double usd;

        if (!w->week || ago < 0 || ago >= WEEKS)
            continue;
        usd = fb_registers_sum(w->usd, WEEK_REGISTERS) / 1000;
        if (ago <= 1)
            slow->usd += usd;
        if (ago < 3 || (end < 32 && (r->mute >> end & 0x7f)))
            continue;
        slow->base_vcpu = fmax(slow->base_vcpu, 2 * fb_registers_sum(w->vcpu, WEEK_REGISTERS));
        slow->base_usd = fmax(slow->base_usd, 2 * usd);
    }
}

static struct slow measure_slow(const struct reading *r)
{
    struct slow slow = {0};
    double largest = 0, all = 0;

    for (size_t i = 0; i < VOLUME_DAYS; i++) {
        const struct volume *v = &r->p->volume[i];
        int32_t ago = day_of(r->t_ms) - v->day;
        double vcpu = r->hourly[i] * bits(v->hours);

        if (!v->day || ago < 0 || ago >= SLOW_DAYS)
            continue;
        all += vcpu;
        largest = fmax(largest, vcpu);
    }
    slow.vcpu = all - largest;
    if (slow.vcpu < SLOW_VCPU / 4)
        return slow;
    add_weeks(r, &slow);
    slow.usd *= slow.vcpu / all;
    slow.newest_ms = r->p->launches.count ? r->p->launches.at[0].t_ms : 0;
    return slow;
}

static double slow_times(const struct slow *slow)
{
    return slow->vcpu / fmax(SLOW_VCPU, SLOW_TIMES * slow->base_vcpu);
}

bool fb_reading_is_slow(const struct reading *r)
{
    struct slow slow = measure_slow(r);
    struct found ignored;

    return slow_times(&slow) >= 1 && has_base(r, &ignored);
}

void fb_read_slow_volume(const struct reading *r, const struct fb_signal *s, int arg,
                         struct found *f)
{
    struct slow slow = measure_slow(r);
    double times = slow_times(&slow);

    (void)arg;
    if (times < 1 || !has_base(r, f))
        return;
    if (fb_found_keep(r, s, f,
                      times >= 4   ? 1
                      : times >= 2 ? 0.75
                                   : 0.5,
                      slow.newest_ms) &&
        r->words)
        say(r, f,
            fb_arena_fmt(r->words, "about %.0f vCPU within two weeks, %.0f in two weeks before",
                         slow.vcpu, slow.base_vcpu));
}

void fb_read_slow_spend(const struct reading *r, const struct fb_signal *s, int arg,
                        struct found *f)
{
    struct slow slow = measure_slow(r);

    (void)arg;
    if (slow.usd < 10 || slow.usd < SLOW_TIMES * slow.base_usd || !has_base(r, f))
        return;
    if (fb_found_keep(r, s, f,
                      slow.usd >= 500   ? 1
                      : slow.usd >= 100 ? 0.75
                      : slow.usd >= 20  ? 0.5
                                        : 0.25,
                      slow.newest_ms) &&
        r->words)
        say(r, f, fb_arena_fmt(r->words, "about %.0f USD an hour added in two weeks", slow.usd));
}

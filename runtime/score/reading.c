/* reading.c - a profile made ready to be read at one time; the questions that all readers ask. */
#include <math.h>

#include "score/signals_in.h"

/* When a root or an account is young, and what counts as known. */
enum {
    YOUNG_DAYS = 7,
    YOUNG_EVENT_BITS = 45 /* about 50 distinct events leave 45 of 256 bits set */
};

uint32_t fb_days_at(uint32_t days, int32_t day, int32_t today)
{
    if (day > today)
        return day - today >= 32 ? 0 : days >> (day - today);
    return fb_days_align(days, day, today);
}

/* Days on which the newest compute in a region that was used on fewer than KNOWN_DAYS days came. */
static uint32_t expansion_days(const struct fb_profile *p, int32_t today)
{
    uint32_t mask = 0;

    for (size_t i = 0; i < REGIONS; i++) {
        int64_t at_ms = p->regions[i].compute_ms;
        int32_t ago = at_ms ? today - day_of(at_ms) : -1;

        if (ago >= 0 && ago < 32 && __builtin_popcount(p->regions[i].used.days) < KNOWN_DAYS)
            mask |= UINT32_C(1) << ago;
    }
    return mask;
}

uint32_t fb_mute_days(const struct fb_profile *p, int32_t today)
{
    uint32_t mute = 1 | fb_days_at(p->incident_days, p->incident_day, today);
    int32_t open = today - day_of(p->incident_since_ms);

    if (fb_profile_in_incident(p) && open >= 0)
        mute |= open >= 31 ? UINT32_MAX : (UINT32_C(1) << (open + 1)) - 1;
    return mute | expansion_days(p, today);
}

bool fb_seen_known(uint32_t mute, const struct seen *seen, int32_t today)
{
    uint32_t days = fb_days_at(seen->days, day_of(seen->last_ms), today);

    return __builtin_popcount(days & ~mute) >= KNOWN_DAYS;
}

static double decay_of(const struct reading *r, int64_t since_ms, int64_t half_life_ms)
{
    if (since_ms >= r->t_ms)
        return 1;
    return exp2((double)(since_ms - r->t_ms) / (double)half_life_ms);
}

bool fb_found_keep(const struct reading *r, const struct fb_signal *s, struct found *f, double m,
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

struct sum fb_reading_sum(const struct reading *r, size_t i, size_t end)
{
    const struct ring *ring = &r->p->launches;
    size_t slot = (size_t)day_of(ring->at[i].t_ms) % VOLUME_DAYS;
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
    if (end == ring->cap && sum.vcpu > 0 && r->p->volume[slot].day == day_of(ring->at[i].t_ms)) {
        hourly = r->hourly[slot];
        if (hourly > sum.vcpu) {
            sum.usd *= hourly / sum.vcpu;
            sum.fresh_vcpu *= hourly / sum.vcpu;
            sum.vcpu = hourly;
        }
    }
    return sum;
}

int fb_reading_places(const struct reading *r)
{
    int n = 0;

    for (size_t i = 0; i < REGIONS; i++) {
        int64_t at_ms = r->p->regions[i].compute_ms;

        n += at_ms && r->t_ms - at_ms <= HOUR_MS;
    }
    return n;
}

double fb_reading_usd_per_hour(const struct reading *r)
{
    const struct ring *ring = &r->p->launches;

    if (!ring->count || r->t_ms - ring->at[0].t_ms > HOUR_MS)
        return 0;
    return fb_reading_sum(r, 0, window_end(ring, 0, HOUR_MS)).usd;
}

static bool is_young(const struct fb_profile *p, int64_t t_ms)
{
    int n = 0;

    for (size_t i = 0; i < EVENT_BITS / 64; i++)
        n += bits(p->events[i]);
    return !p->first_ms || t_ms - p->first_ms < YOUNG_DAYS * DAY_MS || n < YOUNG_EVENT_BITS;
}

static uint64_t known_regions(const struct fb_profile *p, uint32_t mute, int32_t today)
{
    uint64_t mask = 0;

    for (unsigned i = 0; i < REGIONS; i++) {
        if (p->regions[i].used.days && fb_seen_known(mute, &p->regions[i].used, today))
            mask |= bit(i);
    }
    return mask;
}

/* The 13th of the 14 values of the days before today, and at least what raises no question. */
static double usual_vcpu(const struct reading *r, int32_t today)
{
    const struct fb_profile *p = r->p;
    uint32_t mute = r->mute;
    double most = 0, second = 0;

    for (size_t i = 0; i < VOLUME_DAYS; i++) {
        int32_t ago = today - p->volume[i].day;
        double hourly = ago > 0 && ago <= 14 && !(mute >> ago & 1) ? r->hourly[i] : 0;

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
    for (size_t i = 0; i < VOLUME_DAYS; i++)
        r->hourly[i] = fb_volume_hourly(&r->p->volume[i], VOLUME_REGISTERS);
    r->young = is_young(r->p, r->t_ms);
    r->account_young = r->account && is_young(r->account, r->t_ms);
    r->mute = fb_mute_days(r->p, today);
    r->mute |= fb_flood_days(r->p, r->hourly, today, r->mute);
    r->account_mute = r->account ? fb_mute_days(r->account, today) : 0;
    r->known = usual | known_regions(r->p, r->mute, today);
    r->known_account = r->account ? known_regions(r->account, r->account_mute, today) : 0;
    r->usual_vcpu = usual_vcpu(r, today);
}

/* lattice.c - joining two profiles, field by field. Every function here must be commutative,
 * associative and idempotent; tests/score/profile_test.c tries it on thousands of shuffled streams.
 */
#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "score/profile_in.h"

/* The one thing in which an empty profile is not all zeros. */
static void set_caps(struct fb_profile *p)
{
    p->prefixes.cap = PREFIXES;
    p->agents.cap = AGENTS;
    p->edges.cap = ROLE_EDGES;
    p->launches.cap = LAUNCHES;
    p->errors.cap = ERRORS;
    p->reads.cap = READS;
    p->mints.cap = MINTS;
    p->protects.cap = PROTECTS;
    p->secrets.cap = SECRETS;
    p->destroys.cap = DESTROYS;
    p->zones.cap = ZONES;
    p->origins.cap = ORIGINS;
    p->reads.newest_only = p->zones.newest_only = p->origins.newest_only = true;
}

void fb_profile_init(struct fb_profile *p)
{
    memset(p, 0, sizeof *p);
    set_caps(p);
}

struct fb_profile *fb_profile_new(struct fb_arena *a)
{
    struct fb_profile *p = FB_NEW(a, struct fb_profile);

    if (p)
        set_caps(p);
    return p;
}

void fb_profile_copy(struct fb_profile *to, const struct fb_profile *from)
{
    if (to != from)
        *to = *from;
}

static int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }

/* The smaller of two times of which 0 is none. */
static int64_t min_known(int64_t a, int64_t b) { return !a ? b : !b ? a : a < b ? a : b; }

uint32_t fb_days_align(uint32_t days, int32_t from_day, int32_t to_day)
{
    int32_t by = to_day - from_day;

    return by < 0 || by >= 32 ? 0 : days << by;
}

void fb_seen_join(struct seen *into, const struct seen *other)
{
    int64_t last = max64(into->last_ms, other->last_ms);

    into->days = fb_days_align(into->days, day_of(into->last_ms), day_of(last)) |
                 fb_days_align(other->days, day_of(other->last_ms), day_of(last));
    into->last_ms = last;
}

static void join_days(int32_t *day, uint32_t *days, int32_t other_day, uint32_t other_days)
{
    int32_t newest = *day > other_day ? *day : other_day;

    *days = fb_days_align(*days, *day, newest) | fb_days_align(other_days, other_day, newest);
    *day = newest;
}

static void shift128(uint64_t bits[2], int32_t by)
{
    if (by >= 128) {
        bits[0] = bits[1] = 0;
    } else if (by >= 64) {
        bits[1] = by == 64 ? bits[0] : bits[0] << (by - 64);
        bits[0] = 0;
    } else if (by > 0) {
        bits[1] = (bits[1] << by) | (bits[0] >> (64 - by));
        bits[0] <<= by;
    }
}

static void join_active(struct fb_profile *into, const struct fb_profile *other)
{
    uint64_t theirs[2] = {other->active[0], other->active[1]};
    int32_t newest = into->active_day > other->active_day ? into->active_day : other->active_day;

    shift128(into->active, newest - into->active_day);
    shift128(theirs, newest - other->active_day);
    into->active[0] |= theirs[0];
    into->active[1] |= theirs[1];
    into->active_day = newest;
}

void fb_active_add(struct fb_profile *p, int64_t t_ms)
{
    int32_t day = day_of(t_ms), ago;

    if (day > p->active_day) {
        shift128(p->active, day - p->active_day);
        p->active_day = day;
    }
    ago = p->active_day - day;
    if (ago < 128)
        p->active[ago / 64] |= UINT64_C(1) << (ago % 64);
}

/* Keeps the smallest hashes of both. */
static void join_table(struct table *into, const struct table *other)
{
    struct thing all[2 * TABLE_MAX];
    size_t i = 0, j = 0, n = 0;

    into->diverse = into->diverse || other->diverse;
    if (other->count == 0)
        return;
    while (i < into->count || j < other->count) {
        const struct thing *mine = i < into->count ? &into->at[i] : NULL;
        const struct thing *theirs = j < other->count ? &other->at[j] : NULL;

        if (mine && theirs && mine->hash == theirs->hash) {
            all[n] = *mine;
            fb_seen_join(&all[n].seen, &theirs->seen);
            all[n++].flags |= theirs->flags;
            i++, j++;
        } else if (!theirs || (mine && mine->hash < theirs->hash)) {
            all[n++] = *mine;
            i++;
        } else {
            all[n++] = *theirs;
            j++;
        }
    }
    if (n > into->cap) {
        into->diverse = true;
        n = into->cap;
    }
    memcpy(into->at, all, n * sizeof all[0]);
    into->count = (uint8_t)n;
}

/* As joining a table of this one thing. */
void fb_table_add(struct table *t, const struct thing *e)
{
    size_t at = 0;

    while (at < t->count && t->at[at].hash < e->hash)
        at++;
    if (at < t->count && t->at[at].hash == e->hash) {
        fb_seen_join(&t->at[at].seen, &e->seen);
        t->at[at].flags |= e->flags;
        return;
    }
    if (t->count == t->cap)
        t->diverse = true;
    else
        t->count++;
    if (at == t->cap)
        return;
    memmove(&t->at[at + 1], &t->at[at], (t->count - 1 - at) * sizeof t->at[0]);
    t->at[at] = *e;
}

/* Newest first; ties by every field, so that equal means the same entry. */
static int ring_order(const struct ring_entry *a, const struct ring_entry *b)
{
    if (a->t_ms != b->t_ms)
        return a->t_ms > b->t_ms ? -1 : 1;
    if (a->id != b->id)
        return a->id > b->id ? -1 : 1;
    if (a->what != b->what)
        return a->what > b->what ? -1 : 1;
    if (a->usd_milli != b->usd_milli)
        return a->usd_milli > b->usd_milli ? -1 : 1;
    if (a->place != b->place)
        return a->place > b->place ? -1 : 1;
    return a->flags == b->flags ? 0 : a->flags > b->flags ? -1 : 1;
}

/* The same thing at another time, in rings that keep only the newest of each. Which flags and which
 * id go with it is settled by the order, so that every order of arrival ends with the same entry.
 */
static bool ring_same(const struct ring *r, const struct ring_entry *a, const struct ring_entry *b)
{
    return r->newest_only && a->what == b->what && a->place == b->place &&
           (r->cap != ORIGINS || a->id == b->id);
}

static bool ring_has(const struct ring *r, const struct ring_entry *all, size_t n,
                     const struct ring_entry *e)
{
    for (size_t i = 0; i < n; i++) {
        if (ring_same(r, &all[i], e))
            return true;
    }
    return false;
}

/* Both are sorted, so the first of a thing that comes is its newest. One that more than `cap` newer
 * things pushed out stays out wherever it comes from: what pushed it only gets newer. */
static void join_ring(struct ring *into, const struct ring_entry *other, size_t count)
{
    struct ring_entry all[RING_MAX];
    size_t i = 0, j = 0, n = 0;

    if (count == 0)
        return;
    while (n < into->cap && (i < into->count || j < count)) {
        int order = i == into->count ? 1 : j == count ? -1 : ring_order(&into->at[i], &other[j]);

        const struct ring_entry *e = order <= 0 ? &into->at[i] : &other[j];

        if (!ring_has(into, all, n, e))
            all[n++] = *e;
        i += order <= 0;
        j += order >= 0;
    }
    memcpy(into->at, all, n * sizeof all[0]);
    into->count = (uint8_t)n;
}

static void drop(struct ring *r, size_t at)
{
    r->count--;
    memmove(&r->at[at], &r->at[at + 1], (r->count - at) * sizeof r->at[0]);
}

/* As joining a ring of this one entry. */
void fb_ring_add(struct ring *r, const struct ring_entry *e)
{
    size_t at;

    for (size_t i = 0; i < r->count && r->newest_only; i++) {
        if (!ring_same(r, &r->at[i], e))
            continue;
        if (ring_order(&r->at[i], e) <= 0)
            return;
        drop(r, i);
        break;
    }
    for (at = r->count; at > 0; at--) {
        int order = ring_order(e, &r->at[at - 1]);

        if (order == 0)
            return;
        if (order > 0)
            break;
    }
    if (at == r->cap)
        return;
    if (r->count < r->cap)
        r->count++;
    memmove(&r->at[at + 1], &r->at[at], (r->count - 1 - at) * sizeof r->at[0]);
    r->at[at] = *e;
}

static bool key_before(const struct key_use *a, const struct key_use *b)
{
    return a->last_ms != b->last_ms ? a->last_ms > b->last_ms : a->hash > b->hash;
}

/* A keyed maximum that keeps the newest keys: nothing but the time is kept of a key, so one that
 * was dropped and comes back with an old time stays dropped. */
void fb_key_add(struct key_use keys[CREDENTIALS], struct key_use one)
{
    size_t i = 0, at = 0;

    if (!one.hash)
        return;
    while (i < CREDENTIALS && keys[i].hash && keys[i].hash != one.hash)
        i++;
    if (i < CREDENTIALS && keys[i].hash && keys[i].last_ms >= one.last_ms)
        return;
    if (i == CREDENTIALS) {
        if (!key_before(&one, &keys[--i]))
            return;
    }
    while (at < i && key_before(&keys[at], &one))
        at++;
    memmove(&keys[at + 1], &keys[at], (i - at) * sizeof keys[0]);
    keys[at] = one;
}

static void join_hour_calls(struct hour_calls *into, const struct hour_calls *other)
{
    if (other->hour > into->hour) {
        *into = *other;
    } else if (other->hour == into->hour) {
        for (size_t i = 0; i < CALL_BITS / 64; i++)
            into->bits[i] |= other->bits[i];
    }
}

static uint64_t spans_at(const struct recent *r, int64_t last_ms)
{
    int64_t by = last_ms / SPAN5_MS - r->last_ms / SPAN5_MS;

    return by >= 64 ? 0 : r->spans << by;
}

static void join_recent(struct recent *into, const struct recent *other)
{
    int64_t last = max64(into->last_ms, other->last_ms);

    into->spans = spans_at(into, last) | spans_at(other, last);
    into->last_ms = last;
}

static void join_hours(struct hours *into, const struct hours *other)
{
    int32_t newest = into->day > other->day ? into->day : other->day;

    for (size_t i = 0; i < 24; i++)
        into->days[i] = (uint16_t)(fb_days_align(into->days[i], into->day, newest) |
                                   fb_days_align(other->days[i], other->day, newest));
    into->day = newest;
}

void fb_hours_add(struct hours *h, int64_t t_ms)
{
    uint16_t *days = &h->days[t_ms / HOUR_MS % 24];
    int32_t by = day_of(t_ms) - h->day;

    for (size_t i = 0; i < 24 && by > 0; i++)
        h->days[i] = (uint16_t)(by < 16 ? h->days[i] << by : 0);
    if (by > 0)
        h->day = day_of(t_ms);
    if (by > -16)
        *days = (uint16_t)(*days | 1u << (by < 0 ? -by : 0));
}

static void join_registers(uint8_t *into, const uint8_t *other, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (other[i] > into[i])
            into[i] = other[i];
    }
}

static void join_volume(struct volume *into, const struct volume *other)
{
    if (other->day > into->day) {
        *into = *other;
    } else if (other->day == into->day && other->day != 0) {
        into->hours |= other->hours;
        join_registers(into->reg, other->reg, VOLUME_REGISTERS);
    }
}

static void join_week(struct week *into, const struct week *other)
{
    if (other->week > into->week) {
        *into = *other;
    } else if (other->week == into->week && other->week != 0) {
        join_registers(into->vcpu, other->vcpu, WEEK_REGISTERS);
        join_registers(into->usd, other->usd, WEEK_REGISTERS);
    }
}

/* Splitmix64: independent hashes of one event for the registers. */
static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* Registers count eighths of an octave from 2^-5. */
enum { STEPS = 8, SHIFT = 5 };

static void registers_add(uint8_t *reg, size_t n, uint64_t event_hash, uint32_t weight)
{
    for (size_t i = 0; i < n && weight; i++) {
        double u = ((double)(mix(event_hash + i) >> 11) + 0.5) * 0x1p-53;
        double step = STEPS * (log2((double)weight / -log(u)) + SHIFT) + 1;
        uint8_t now = step < 1 ? 1 : step > 255 ? 255 : (uint8_t)step;

        if (now > reg[i])
            reg[i] = now;
    }
}

/* The slot, emptied when it was an older day's; NULL when it is a newer day's. */
static struct volume *volume_of(struct volume *slot, int64_t t_ms)
{
    if (day_of(t_ms) > slot->day)
        *slot = (struct volume){.day = day_of(t_ms)};
    if (day_of(t_ms) != slot->day)
        return NULL;
    slot->hours |= UINT32_C(1) << (t_ms / HOUR_MS % 24);
    return slot;
}

void fb_volume_add(struct fb_profile *p, int64_t t_ms, uint64_t event_hash, uint32_t vcpu,
                   uint32_t usd_milli)
{
    struct volume *day = volume_of(&p->volume[day_of(t_ms) % VOLUME_DAYS], t_ms);
    struct week *week = &p->weeks[day_of(t_ms) / 7 % WEEKS];

    if (day)
        registers_add(day->reg, VOLUME_REGISTERS, event_hash, vcpu);
    if (day_of(t_ms) / 7 > week->week)
        *week = (struct week){.week = day_of(t_ms) / 7};
    if (day_of(t_ms) / 7 == week->week) {
        registers_add(week->vcpu, WEEK_REGISTERS, event_hash, vcpu);
        registers_add(week->usd, WEEK_REGISTERS, event_hash, usd_milli);
    }
}

void fb_model_add(struct fb_profile *p, int64_t t_ms, uint64_t event_hash)
{
    struct volume *day = volume_of(&p->models[day_of(t_ms) % MODEL_DAYS], t_ms);
    struct hour_calls hour = {.hour = (int32_t)(t_ms / HOUR_MS)};
    size_t at = event_hash % CALL_BITS;

    if (day)
        registers_add(day->reg, MODEL_REGISTERS, event_hash, 1);
    hour.bits[at / 64] = UINT64_C(1) << (at % 64);
    join_hour_calls(&p->model_calls, &hour);
    join_recent(&p->model_use, &(struct recent){.last_ms = t_ms, .spans = 1});
}

/* A register r stands for Exp(1) / total in the middle of its step, 2^-((r - 0.5) / STEPS - SHIFT).
 */
double fb_registers_sum(const uint8_t *reg, size_t n)
{
    static const double parts[STEPS] = {/* 2^(SHIFT + (0.5 - k) / STEPS) */
                                        33.41676103767724,  30.64330498235436, 28.10003456597279,
                                        25.76784531118807,  23.62921833503199, 21.668088750990282,
                                        19.869724993175744, 18.220618156107065};
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += ldexp(parts[reg[i] % STEPS], -(reg[i] / STEPS));
    return (double)(n - 1) / sum;
}

double fb_volume_hourly(const struct volume *v, unsigned registers)
{
    if (!v->day || !v->hours)
        return 0;
    return fb_registers_sum(v->reg, registers) / __builtin_popcount(v->hours);
}

/* Linear counting: from the share of bits that nothing has set. */
double fb_hour_count(const struct hour_calls *h)
{
    int n = 0;

    for (size_t i = 0; i < CALL_BITS / 64; i++)
        n += __builtin_popcountll(h->bits[i]);
    return -CALL_BITS * log(n < CALL_BITS ? 1 - (double)n / CALL_BITS : 0.5 / CALL_BITS);
}

void fb_profile_merge(struct fb_profile *into, const struct fb_profile *other)
{
    into->first_ms = min_known(into->first_ms, other->first_ms);
    into->last_ms = max64(into->last_ms, other->last_ms);
    into->incident_since_ms = max64(into->incident_since_ms, other->incident_since_ms);
    into->incident_end_ms = max64(into->incident_end_ms, other->incident_end_ms);
    if (other->risk_ms > into->risk_ms ||
        (other->risk_ms == into->risk_ms && other->risk_tenths > into->risk_tenths)) {
        into->risk_ms = other->risk_ms;
        into->risk_tenths = other->risk_tenths;
    }
    for (size_t i = 0; i < LATCHES; i++)
        into->latch[i] = max64(into->latch[i], other->latch[i]);
    for (size_t i = 0; i < EVENT_BITS / 64; i++)
        into->events[i] |= other->events[i];
    join_active(into, other);
    join_days(&into->incident_day, &into->incident_days, other->incident_day, other->incident_days);
    for (size_t i = 0; i < REGIONS; i++) {
        fb_seen_join(&into->regions[i].used, &other->regions[i].used);
        into->regions[i].compute_ms =
            max64(into->regions[i].compute_ms, other->regions[i].compute_ms);
    }
    for (size_t i = 0; i < SERVICES; i++)
        fb_seen_join(&into->services[i], &other->services[i]);
    for (size_t i = 0; i < DUTIES; i++)
        fb_seen_join(&into->duties[i], &other->duties[i]);
    join_table(&into->prefixes, &other->prefixes);
    join_table(&into->agents, &other->agents);
    join_table(&into->edges, &other->edges);
    join_ring(&into->launches, other->launches.at, other->launches.count);
    join_ring(&into->errors, other->errors.at, other->errors.count);
    join_ring(&into->reads, other->reads.at, other->reads.count);
    join_ring(&into->mints, other->mints.at, other->mints.count);
    join_ring(&into->protects, other->protects.at, other->protects.count);
    join_ring(&into->secrets, other->secrets.at, other->secrets.count);
    join_ring(&into->destroys, other->destroys.at, other->destroys.count);
    join_ring(&into->zones, other->zones.at, other->zones.count);
    join_ring(&into->origins, other->origins.at, other->origins.count);
    for (size_t i = 0; i < CREDENTIALS; i++)
        fb_key_add(into->keys, other->keys[i]);
    for (size_t i = 0; i < VOLUME_DAYS; i++)
        join_volume(&into->volume[i], &other->volume[i]);
    for (size_t i = 0; i < WEEKS; i++)
        join_week(&into->weeks[i], &other->weeks[i]);
    for (size_t i = 0; i < MODEL_DAYS; i++)
        join_volume(&into->models[i], &other->models[i]);
    join_hour_calls(&into->model_calls, &other->model_calls);
    join_recent(&into->model_use, &other->model_use);
    join_hours(&into->hours, &other->hours);
}

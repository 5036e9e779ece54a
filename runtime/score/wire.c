/* wire.c - a profile as bytes: little-endian, versioned, only what is used, and one form for one
 * profile, so that equal profiles are equal bytes. Reading and writing are one walk. */
#include <endian.h>
#include <string.h>

#include "score/profile_in.h"

enum {
    TIME = 5, /* bytes of a time: milliseconds from EPOCH_MS, 0 none */
    SEEN = TIME + 4,
    /* All parts at their fullest; a count or a presence map goes before each. */
    WIRE_MAX = 2 + 4 * TIME + (TIME + 1) + 4 + 4 + EVENT_BITS / 8 + 4 + 16 +
               (LATCHES / 8 + LATCHES * TIME) + (REGIONS / 8 + REGIONS * (2 + 4 + TIME)) +
               (SERVICES / 8 + SERVICES * SEEN) + (DUTIES / 8 + DUTIES * SEEN) +
               (PREFIXES + AGENTS + ROLE_EDGES) * (4 + SEEN + 1) + 3 * 2 + LAUNCHES * 16 +
               ERRORS * 10 + READS * 11 + MINTS * 9 + PROTECTS * 7 + SECRETS * 7 + DESTROYS * 7 +
               ZONES * 7 + ORIGINS * 11 + 9 + 1 + CREDENTIALS * (4 + TIME) + 2 +
               VOLUME_DAYS * (2 + 3 + VOLUME_REGISTERS) + 1 + WEEKS * (2 + 2 * WEEK_REGISTERS) + 1 +
               MODEL_DAYS * (2 + 3 + MODEL_REGISTERS) + 1 + 3 + CALL_BITS / 8 + TIME + 8 + 2 +
               24 * 2
};

_Static_assert((int)WIRE_MAX <= (int)FB_PROFILE_BYTES_MAX, "a full profile fits in its record");
_Static_assert(LATCHES % 8 == 0 && REGIONS % 8 == 0 && SERVICES % 8 == 0 && DUTIES % 8 == 0 &&
                   VOLUME_DAYS <= 16,
               "presence maps are whole bytes");
_Static_assert((int)DUTY_COUNT <= (int)DUTIES, "every duty has a slot");

struct wire {
    unsigned char *out;      /* writing; else NULL */
    const unsigned char *in; /* reading; else NULL */
    size_t at, len;
    bool bad;
};

/* The low `bytes` of a number, little-endian. Where eight are left they move as one. */
static uint64_t number(struct wire *w, uint64_t value, size_t bytes)
{
    uint64_t read = 0, all;

    if (w->bad || w->len - w->at < bytes) {
        w->bad = true;
        return 0;
    }
    if (w->len - w->at >= sizeof all) {
        if (w->out) {
            all = htole64(value);
            memcpy(w->out + w->at, &all, sizeof all); /* what is too much is written over */
        } else {
            memcpy(&all, w->in + w->at, sizeof all);
            read = le64toh(all) & (bytes ? UINT64_MAX >> (64 - 8 * bytes) : 0);
        }
    } else {
        for (size_t i = 0; i < bytes; i++) {
            if (w->out)
                w->out[w->at + i] = (unsigned char)(value >> (8 * i));
            else
                read |= (uint64_t)w->in[w->at + i] << (8 * i);
        }
    }
    w->at += bytes;
    return w->out ? value : read;
}

static void time_field(struct wire *w, int64_t *t_ms)
{
    uint64_t v = number(w, *t_ms ? (uint64_t)(*t_ms - EPOCH_MS) : 0, TIME);

    *t_ms = v ? (int64_t)v + EPOCH_MS : 0;
}

static void bytes_field(struct wire *w, uint8_t *bytes, size_t n)
{
    if (w->bad || w->len - w->at < n) {
        w->bad = true;
        return;
    }
    if (w->out)
        memcpy(w->out + w->at, bytes, n);
    else
        memcpy(bytes, w->in + w->at, n);
    w->at += n;
}

static void u32_field(struct wire *w, uint32_t *v, size_t bytes)
{
    *v = (uint32_t)number(w, *v, bytes);
}

static void u8_field(struct wire *w, uint8_t *v) { *v = (uint8_t)number(w, *v, 1); }

static void day_field(struct wire *w, int32_t *day, size_t bytes)
{
    *day = (int32_t)number(w, (uint64_t)*day, bytes);
    if (*day < 0 || *day > day_of(EPOCH_MS + SPAN_MS))
        w->bad = true;
}

static void seen_field(struct wire *w, struct seen *seen)
{
    time_field(w, &seen->last_ms);
    u32_field(w, &seen->days, 4);
}

/* How many entries follow; at most max. */
static uint8_t count_field(struct wire *w, uint8_t count, size_t max)
{
    uint64_t n = number(w, count, 1);

    if (n > max)
        w->bad = true;
    return w->bad ? 0 : (uint8_t)n;
}

/* Which of n slots follow. present: for writing. */
static uint64_t map_field(struct wire *w, uint64_t present, size_t n)
{
    return number(w, present, (n + 7) / 8);
}

static void table_field(struct wire *w, struct table *t)
{
    t->count = count_field(w, t->count, t->cap);
    t->diverse = number(w, t->diverse, 1) != 0;
    for (size_t i = 0; i < t->count; i++) {
        u32_field(w, &t->at[i].hash, 4);
        seen_field(w, &t->at[i].seen);
        u8_field(w, &t->at[i].flags);
        if (!t->at[i].hash || (i && t->at[i].hash <= t->at[i - 1].hash))
            w->bad = true; /* merging relies on the order */
    }
}

/* Bytes that each field of a ring's entries takes. */
struct ring_shape {
    uint8_t id, what, usd, place, flags;
};

static void ring_field(struct wire *w, struct ring *r, struct ring_shape shape)
{
    r->count = count_field(w, r->count, r->cap);
    for (size_t i = 0; i < r->count; i++) {
        struct ring_entry *e = &r->at[i];

        time_field(w, &e->t_ms);
        u32_field(w, &e->id, shape.id);
        u32_field(w, &e->what, shape.what);
        u32_field(w, &e->usd_milli, shape.usd);
        e->place = (uint8_t)number(w, e->place, shape.place);
        e->flags = (uint8_t)number(w, e->flags, shape.flags);
        if (!e->t_ms || e->place >= REGIONS || (i && e->t_ms > r->at[i - 1].t_ms))
            w->bad = true;
    }
}

static void latches_field(struct wire *w, int64_t latch[LATCHES])
{
    uint64_t map = 0;

    for (size_t i = 0; i < LATCHES; i++)
        map |= (uint64_t)(latch[i] != 0) << i;
    map = map_field(w, map, LATCHES);
    for (size_t i = 0; i < LATCHES; i++) {
        if (map >> i & 1)
            time_field(w, &latch[i]);
    }
}

static void regions_field(struct wire *w, struct region_use regions[REGIONS])
{
    uint64_t map = 0;

    for (size_t i = 0; i < REGIONS; i++)
        map |= (uint64_t)(regions[i].used.last_ms || regions[i].compute_ms) << i;
    map = map_field(w, map, REGIONS);
    for (size_t i = 0; i < REGIONS; i++) {
        if (map >> i & 1) {
            int32_t day = day_of(regions[i].used.last_ms);

            day_field(w, &day, 2);
            regions[i].used.last_ms = day * DAY_MS;
            u32_field(w, &regions[i].used.days, 4);
            time_field(w, &regions[i].compute_ms);
        }
    }
}

static void seens_field(struct wire *w, struct seen *seens, size_t n)
{
    uint64_t map = 0;

    for (size_t i = 0; i < n; i++)
        map |= (uint64_t)(seens[i].last_ms != 0) << i;
    map = map_field(w, map, n);
    for (size_t i = 0; i < n; i++) {
        if (map >> i & 1)
            seen_field(w, &seens[i]);
    }
}

static void keys_field(struct wire *w, struct key_use keys[CREDENTIALS])
{
    uint8_t n = 0;

    while (n < CREDENTIALS && keys[n].hash)
        n++;
    n = count_field(w, n, CREDENTIALS);
    for (size_t i = 0; i < n; i++) {
        u32_field(w, &keys[i].hash, 4);
        time_field(w, &keys[i].last_ms);
        if (!keys[i].hash || (i && keys[i].last_ms > keys[i - 1].last_ms))
            w->bad = true;
    }
}

static void volume_field(struct wire *w, struct volume *volume, size_t days, size_t registers)
{
    uint64_t map = 0;

    for (size_t i = 0; i < days; i++)
        map |= (uint64_t)(volume[i].day != 0) << i;
    map = map_field(w, map, days);
    for (size_t i = 0; i < days; i++) {
        if (!(map >> i & 1))
            continue;
        day_field(w, &volume[i].day, 2);
        u32_field(w, &volume[i].hours, 3);
        bytes_field(w, volume[i].reg, registers);
        if ((size_t)volume[i].day % days != i)
            w->bad = true;
    }
}

static void weeks_field(struct wire *w, struct week weeks[WEEKS])
{
    uint64_t map = 0;

    for (size_t i = 0; i < WEEKS; i++)
        map |= (uint64_t)(weeks[i].week != 0) << i;
    map = map_field(w, map, WEEKS);
    for (size_t i = 0; i < WEEKS; i++) {
        if (!(map >> i & 1))
            continue;
        day_field(w, &weeks[i].week, 2);
        bytes_field(w, weeks[i].vcpu, WEEK_REGISTERS);
        bytes_field(w, weeks[i].usd, WEEK_REGISTERS);
        if (!weeks[i].week || (size_t)weeks[i].week % WEEKS != i)
            w->bad = true;
    }
}

static void models_field(struct wire *w, struct fb_profile *p)
{
    volume_field(w, p->models, MODEL_DAYS, MODEL_REGISTERS);
    if (!number(w, p->model_use.last_ms != 0, 1))
        return;
    p->model_calls.hour = (int32_t)number(w, (uint64_t)p->model_calls.hour, 3);
    for (size_t i = 0; i < CALL_BITS / 64; i++)
        p->model_calls.bits[i] = number(w, p->model_calls.bits[i], 8);
    time_field(w, &p->model_use.last_ms);
    p->model_use.spans = number(w, p->model_use.spans, 8);
}

static void hours_field(struct wire *w, struct hours *h)
{
    day_field(w, &h->day, 2);
    for (size_t i = 0; i < 24; i++)
        h->days[i] = (uint16_t)number(w, h->days[i], 2);
}

/* At the end, and only where somebody said it: profiles of before it existed read as they are. */
static void risk_field(struct wire *w, struct fb_profile *p)
{
    if (w->out ? !p->risk_ms : w->at == w->len)
        return;
    time_field(w, &p->risk_ms);
    u8_field(w, &p->risk_tenths);
    if (!p->risk_ms || p->risk_tenths > 100)
        w->bad = true;
}

static void walk(struct wire *w, struct fb_profile *p)
{
    if (number(w, FB_PROFILE_VERSION, 2) != FB_PROFILE_VERSION)
        w->bad = true;
    time_field(w, &p->first_ms);
    time_field(w, &p->last_ms);
    time_field(w, &p->incident_since_ms);
    time_field(w, &p->incident_end_ms);
    day_field(w, &p->incident_day, 4);
    u32_field(w, &p->incident_days, 4);
    for (size_t i = 0; i < EVENT_BITS / 64; i++)
        p->events[i] = number(w, p->events[i], 8);
    day_field(w, &p->active_day, 4);
    p->active[0] = number(w, p->active[0], 8);
    p->active[1] = number(w, p->active[1], 8);
    latches_field(w, p->latch);
    regions_field(w, p->regions);
    seens_field(w, p->services, SERVICES);
    seens_field(w, p->duties, DUTIES);
    table_field(w, &p->prefixes);
    table_field(w, &p->agents);
    table_field(w, &p->edges);
    ring_field(w, &p->launches,
               (struct ring_shape){.id = 2, .what = 3, .usd = 4, .place = 1, .flags = 1});
    ring_field(w, &p->errors, (struct ring_shape){.id = 2, .what = 2, .flags = 1});
    ring_field(w, &p->reads, (struct ring_shape){.id = 2, .what = 2, .place = 1, .flags = 1});
    ring_field(w, &p->mints, (struct ring_shape){.id = 2, .what = 2});
    ring_field(w, &p->protects, (struct ring_shape){.id = 2});
    ring_field(w, &p->secrets, (struct ring_shape){.id = 2});
    ring_field(w, &p->destroys, (struct ring_shape){.id = 2});
    ring_field(w, &p->zones, (struct ring_shape){.what = 2});
    ring_field(w, &p->origins, (struct ring_shape){.id = 4, .what = 2});
    keys_field(w, p->keys);
    volume_field(w, p->volume, VOLUME_DAYS, VOLUME_REGISTERS);
    weeks_field(w, p->weeks);
    models_field(w, p);
    hours_field(w, &p->hours);
    risk_field(w, p);
}

size_t fb_profile_write(const struct fb_profile *p, unsigned char out[FB_PROFILE_BYTES_MAX])
{
    struct wire w = {.out = out, .len = FB_PROFILE_BYTES_MAX};

    walk(&w, (struct fb_profile *)p); /* writes every field back as it is */
    return w.bad ? 0 : w.at; /* never bad: see WIRE_MAX */
}

enum fb_status fb_profile_read(struct fb_profile *p, const unsigned char *bytes, size_t len,
                               struct fb_err *err)
{
    struct wire w = {.in = bytes, .len = len};

    fb_profile_init(p);
    walk(&w, p);
    if (!w.bad && w.at == len)
        return FB_OK;
    fb_profile_init(p);
    return fb_err_set(err, FB_EINPUT, "stored profile: %zu bytes that are no profile of version %d",
                      len, FB_PROFILE_VERSION);
}

/* read_deeds.c - what is done to data, code and containers, with which credential and at which hour
 * (groups D, O, S and V). */
#include "base/arena.h"
#include "score/signals_in.h"

/* Whether it came from known networks only within the hour before (or from none: a service called).
 */
static bool only_known_networks(const struct reading *r, int64_t at_ms)
{
    for (size_t i = 0; i < r->p->prefixes.count; i++) {
        const struct seen *seen = &r->p->prefixes.at[i].seen;

        if (seen->last_ms >= at_ms - HOUR_MS && !known(r, seen))
            return false;
    }
    return true;
}

static void burst(const struct reading *r, const struct fb_signal *s, const struct ring *ring,
                  size_t least, const char *words, struct found *f)
{
    for (size_t i = 0; i < ring->count; i++) {
        size_t n = window_end(ring, i, 10 * MINUTE_MS) - i;

        if (fb_found_keep(r, s, f, n >= least, ring->at[i].t_ms) && r->words)
            say(r, f, fb_arena_fmt(r->words, "%zu or more %s within 10 min", n, words));
    }
}

void fb_read_secret_burst(const struct reading *r, const struct fb_signal *s, int arg,
                          struct found *f)
{
    const struct seen *seen = &r->p->duties[DUTY_SECRETS];

    (void)arg;
    /* An application that starts reads its secrets, every day and from where it runs. */
    if (!known(r, seen) || !only_known_networks(r, seen->last_ms))
        burst(r, s, &r->p->secrets, 10, "secrets read", f);
}

void fb_read_data_destroy(const struct reading *r, const struct fb_signal *s, int arg,
                          struct found *f)
{
    (void)arg;
    burst(r, s, &r->p->destroys, 3, "things destroyed", f);
}

/* The ring keeps each zone once. */
void fb_read_bulk_zones(const struct reading *r, const struct fb_signal *s, int arg,
                        struct found *f)
{
    const struct ring *ring = &r->p->zones;

    (void)arg;
    for (size_t i = 0; i < ring->count; i++) {
        size_t n = window_end(ring, i, 5 * MINUTE_MS) - i;

        if (fb_found_keep(r, s, f, n > 5 ? 1 : n >= 3 ? 0.5 : 0, ring->at[i].t_ms) && r->words)
            say(r, f, fb_arena_fmt(r->words, "machines in %zu zones within 5 min", n));
    }
}

/* The newest run of a container within the hour before or after the registration; 0: none. */
static int64_t ran_containers(const struct fb_profile *p, int64_t at_ms)
{
    const struct seen *ecs = &p->services[SERVICE_ECS];
    int64_t ran = 0;

    for (size_t i = 0; i < p->launches.count && !ran; i++) {
        const struct ring_entry *e = &p->launches.at[i];

        if ((e->flags & LAUNCH_ECS) && (e->flags & LAUNCH_OK) && e->t_ms <= at_ms + HOUR_MS &&
            e->t_ms >= at_ms - HOUR_MS)
            ran = e->t_ms;
    }
    /* A flood of other launches may have pushed it out of the ring. */
    if (!ran && ecs->days && ecs->last_ms <= at_ms + HOUR_MS && ecs->last_ms >= at_ms - HOUR_MS)
        ran = ecs->last_ms;
    return ran;
}

void fb_read_container_miner(const struct reading *r, const struct fb_signal *s, int arg,
                             struct found *f)
{
    int64_t at_ms = r->p->latch[LATCH_MINER], ran_ms;
    uint64_t regions = 0;

    (void)arg;
    if (!at_ms)
        return;
    ran_ms = ran_containers(r->p, at_ms);
    for (unsigned i = 0; i < REGIONS; i++) {
        int64_t compute_ms = r->p->regions[i].compute_ms;

        if (compute_ms && compute_ms <= at_ms + HOUR_MS && compute_ms >= at_ms - HOUR_MS)
            regions |= bit(i);
    }
    fb_found_keep(r, s, f, 0.7, at_ms);
    if (bits(regions) >= 3)
        fb_found_keep(r, s, f, 1, at_ms);
    if (ran_ms && fb_found_keep(r, s, f, 1, ran_ms > at_ms ? ran_ms : at_ms))
        say(r, f, "registered and ran large containers with an image from elsewhere");
}

static bool known_network(const struct reading *r, uint32_t low16)
{
    for (size_t i = 0; i < r->p->prefixes.count; i++) {
        const struct thing *prefix = &r->p->prefixes.at[i];

        if ((prefix->hash & 0xffff) == low16 && known(r, &prefix->seen))
            return true;
    }
    return false;
}

/* From how many unknown networks and with how many tools entry i's credential was used in the half
 * hour before it. */
static void origins(const struct reading *r, size_t i, int *networks, int *tools)
{
    const struct ring *ring = &r->p->origins;
    size_t end = window_end(ring, i, 30 * MINUTE_MS);

    *networks = *tools = 0;
    for (size_t j = i; j < end; j++) {
        const struct ring_entry *e = &ring->at[j];
        bool network = true, tool = true;

        if (e->id >> 16 != ring->at[i].id >> 16 || known_network(r, e->what))
            continue;
        for (size_t k = i; k < j; k++) {
            const struct ring_entry *o = &ring->at[k];

            if (o->id >> 16 != e->id >> 16 || known_network(r, o->what))
                continue;
            network = network && o->what != e->what;
            tool = tool && o->id != e->id;
        }
        *networks += network;
        *tools += tool;
    }
}

void fb_read_many_origins(const struct reading *r, const struct fb_signal *s, int arg,
                          struct found *f)
{
    (void)arg;
    for (size_t i = 0; i < r->p->origins.count; i++) {
        int networks, tools;

        origins(r, i, &networks, &tools);
        if (fb_found_keep(r, s, f, networks >= 3 && tools >= 2, r->p->origins.at[i].t_ms) &&
            r->words)
            say(r, f,
                fb_arena_fmt(r->words, "one credential from %d networks by %d tools within 30 min",
                             networks, tools));
    }
}

/* Only of who is known well enough to have hours, and only on the newest day. */
void fb_read_off_hours(const struct reading *r, const struct fb_signal *s, int arg, struct found *f)
{
    const struct hours *h = &r->p->hours;
    uint32_t mute = r->mute;

    (void)arg;
    if (r->young || !h->day)
        return;
    for (int i = 0; i < 24; i++) {
        int64_t end_ms = (int64_t)h->day * DAY_MS + (i + 1) * HOUR_MS;
        /* An hour to either side: who begins at nine begins at ten to nine, too. */
        uint32_t near = (uint32_t)h->days[i] | h->days[(i + 1) % 24] | h->days[(i + 23) % 24];
        uint32_t days = fb_days_at(near, h->day, day_of(r->t_ms));

        if ((h->days[i] & 1) && bits(days & ~mute) < KNOWN_DAYS)
            fb_found_keep(r, s, f, 1, end_ms < r->t_ms ? end_ms : r->t_ms);
    }
}

/* A tool that builds infrastructure and that is known, from nothing but known networks. */
static bool known_deployer(const struct reading *r, int64_t at_ms)
{
    const struct fb_profile *p = r->p;
    bool tool = false;

    for (size_t i = 0; i < p->agents.count; i++) {
        const struct thing *agent = &p->agents.at[i];

        if (agent->seen.last_ms < at_ms - HOUR_MS)
            continue;
        if (!(agent->flags & THING_IAC) || !known(r, &agent->seen))
            return false;
        tool = true;
    }
    return tool && only_known_networks(r, at_ms);
}

void fb_read_code_overwrite(const struct reading *r, const struct fb_signal *s, int arg,
                            struct found *f)
{
    const struct seen *seen = &r->p->duties[DUTY_CODE_OVERWRITE];

    (void)arg;
    if (seen->last_ms && !known(r, seen) && !known_deployer(r, seen->last_ms))
        fb_found_keep(r, s, f, 1, seen->last_ms);
}

/* The alarm names the account and nobody in it: it is held against those who, within the day
 * before it, created compute or left other evidence. */
static bool stands_out(const struct reading *r, int64_t at_ms)
{
    const struct fb_profile *p = r->p;

    for (size_t i = 0; i < LATCHES; i++) {
        if (i != LATCH_COST && p->latch[i] && p->latch[i] >= at_ms - DAY_MS)
            return true;
    }
    return p->launches.count && p->launches.at[0].t_ms >= at_ms - DAY_MS;
}

void fb_read_cost_anomaly(const struct reading *r, const struct fb_signal *s, int arg,
                          struct found *f)
{
    int64_t own = r->p->latch[LATCH_COST];
    int64_t account = r->account ? r->account->latch[LATCH_COST] : 0;

    (void)arg;
    if (own)
        fb_found_keep(r, s, f, 1, own);
    if (account && stands_out(r, account))
        fb_found_keep(r, s, f, 1, account);
}

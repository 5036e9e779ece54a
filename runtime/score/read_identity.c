/* read_identity.c - who acts, from where and through which roles: groups X, O, C and E. */
#include <string.h>

#include "attribute/chain.h"
#include "score/signals_in.h"

static const double DIVERSE_DAMP = 0.3;

enum {
    DORMANT_DAYS = 60,
    MOVED_TOGETHER = 5 /* credentials of one account on the same new network */
};

/* Whether the root is the decoy, or this event's chain goes through it. */
static bool is_in_chain(const struct fb_chain *c, const char *decoy)
{
    for (size_t i = 0; c && i < c->count; i++) {
        const struct fb_hop *h = &c->hops[i];

        if (strcmp(h->identity, decoy) == 0 || strcmp(h->credential, decoy) == 0 ||
            strcmp(h->role_arn, decoy) == 0)
            return true;
    }
    return false;
}

/* Decoys are key ids, ARNs or e-mail addresses. */
void fb_read_canary(const struct reading *r, const struct fb_signal *s, int arg, struct found *f)
{
    (void)arg;
    for (size_t i = 0; i < r->config->decoy_count; i++) {
        uint32_t hash = fb_hash32("key", r->config->decoys[i]);

        for (size_t k = 0; k < CREDENTIALS && r->p->keys[k].hash; k++) {
            if (r->p->keys[k].hash == hash)
                fb_found_keep(r, s, f, 1, r->p->keys[k].last_ms);
        }
        if (r->p->first_ms && is_in_chain(r->chain, r->config->decoys[i]))
            fb_found_keep(r, s, f, 1, r->p->last_ms);
    }
}

/* The newest thing with any of `flags` (0: any thing) that is not known. */
static void newest_unknown(const struct reading *r, const struct fb_signal *s,
                           const struct table *table, unsigned flags, struct found *f)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct thing *thing = &table->at[i];

        if ((!flags || (thing->flags & flags)) && !known(r, &thing->seen))
            fb_found_keep(r, s, f, 1, thing->seen.last_ms);
    }
    if (table->diverse)
        f->damp *= DIVERSE_DAMP;
}

void fb_read_new_prefix(const struct reading *r, const struct fb_signal *s, int arg,
                        struct found *f)
{
    (void)arg;
    newest_unknown(r, s, &r->p->prefixes, 0, f);
}

void fb_read_new_agent(const struct reading *r, const struct fb_signal *s, int arg, struct found *f)
{
    (void)arg;
    newest_unknown(r, s, &r->p->agents, 0, f);
}

static bool account_knows_prefix(const struct reading *r, uint32_t hash)
{
    const struct table *table = r->account ? &r->account->prefixes : NULL;

    for (size_t i = 0; table && i < table->count; i++) {
        if (table->at[i].hash == hash)
            return fb_seen_known(r->account_mute, &table->at[i].seen, day_of(r->t_ms));
    }
    return false;
}

/* How many credentials of the account were used from the network, this one too. (The ring keeps of
 * a network 16 bits, and of a credential as many.) */
static int credentials_on(const struct reading *r, uint32_t prefix)
{
    const struct ring *ring = r->account ? &r->account->origins : NULL;
    int n = 1;

    for (size_t i = 0; ring && i < ring->count; i++) {
        const struct ring_entry *e = &ring->at[i];
        bool first = e->what == (prefix & 0xffff) && r->t_ms - e->t_ms <= DAY_MS;

        for (size_t k = 0; k < r->p->origins.count && first; k++)
            first = r->p->origins.at[k].id >> 16 != e->id >> 16;
        for (size_t k = 0; k < i && first; k++)
            first = ring->at[k].what != e->what || ring->at[k].id >> 16 != e->id >> 16;
        n += first;
    }
    return n;
}

/* A new machine has no history of its own: the networks of its account are its own too. And where
 * all machines turn up at once, the network's address has changed. */
void fb_read_workload_outside(const struct reading *r, const struct fb_signal *s, int arg,
                              struct found *f)
{
    const struct table *table = &r->p->prefixes;

    (void)arg;
    for (size_t i = 0; i < table->count; i++) {
        const struct thing *thing = &table->at[i];

        if ((thing->flags & THING_WORKLOAD) && !known(r, &thing->seen) &&
            !account_knows_prefix(r, thing->hash))
            fb_found_keep(r, s, f, credentials_on(r, thing->hash) >= MOVED_TOGETHER ? 0.5 : 1,
                          thing->seen.last_ms);
    }
    if (table->diverse || (r->account && r->account->prefixes.diverse))
        f->damp *= DIVERSE_DAMP;
}

void fb_read_dormant(const struct reading *r, const struct fb_signal *s, int arg, struct found *f)
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
    fb_found_keep(r, s, f, 1, end_ms < p->last_ms ? end_ms : p->last_ms);
}

void fb_read_deny_tamper(const struct reading *r, const struct fb_signal *s, int arg,
                         struct found *f)
{
    int64_t at_ms = r->p->latch[LATCH_DENY_REMOVED];

    (void)arg;
    if (at_ms && fb_profile_in_incident(r->p) && at_ms >= r->p->incident_since_ms)
        fb_found_keep(r, s, f, 1, at_ms);
}

void fb_read_new_role(const struct reading *r, const struct fb_signal *s, int arg, struct found *f)
{
    (void)arg;
    newest_unknown(r, s, &r->p->edges, THING_ROLE, f);
}

void fb_read_new_profile(const struct reading *r, const struct fb_signal *s, int arg,
                         struct found *f)
{
    (void)arg;
    newest_unknown(r, s, &r->p->edges, THING_PASSED, f);
}

void fb_read_acted_as(const struct reading *r, const struct fb_signal *s, int arg, struct found *f)
{
    (void)arg;
    newest_unknown(r, s, &r->p->edges, THING_ACTED_AS, f);
}

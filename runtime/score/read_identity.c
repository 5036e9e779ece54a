/* read_identity.c - who acts, from where and through which roles: groups X, O, C and E. */
#include "score/signals_in.h"

static const double DIVERSE_DAMP = 0.3;

enum { DORMANT_DAYS = 60 };

void fb_read_canary(const struct reading *r, const struct fb_signal *s, int arg, struct found *f)
{
    (void)arg;
    for (size_t i = 0; i < r->config->decoy_count; i++) {
        uint32_t hash = fb_hash32("key", r->config->decoys[i]);

        for (size_t k = 0; k < CREDENTIALS && r->p->keys[k].hash; k++) {
            if (r->p->keys[k].hash == hash)
                fb_found_keep(r, s, f, 1, r->p->keys[k].last_ms);
        }
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

/* A new machine has no history of its own: the networks of its account are its own too. */
void fb_read_workload_outside(const struct reading *r, const struct fb_signal *s, int arg,
                              struct found *f)
{
    const struct table *table = &r->p->prefixes;

    (void)arg;
    for (size_t i = 0; i < table->count; i++) {
        const struct thing *thing = &table->at[i];

        if ((thing->flags & THING_WORKLOAD) && !known(r, &thing->seen) &&
            !account_knows_prefix(r, thing->hash))
            fb_found_keep(r, s, f, 1, thing->seen.last_ms);
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

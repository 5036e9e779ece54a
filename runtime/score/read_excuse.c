/* read_excuse.c - mitigating evidence: counts only where the profile proves it (group M). */
#include <math.h>
#include <string.h>

#include "attribute/chain.h"
#include "score/signals_in.h"

enum { IAC_AGE_DAYS = 14 };

/* Whether every recent attempt to create compute carries the flag. */
static bool all_recent(const struct reading *r, unsigned flag)
{
    const struct ring *ring = &r->p->launches;
    size_t end = ring->count ? window_end(ring, 0, HOUR_MS) : 0;

    for (size_t i = 0; i < end; i++) {
        if (!(ring->at[i].flags & flag))
            return false;
    }
    return end > 0;
}

/* A group that was made more than a day ago by a root that is not hot; where nobody saw who made
 * it, a service that launched for this root on earlier days. */
void fb_read_autoscaler(const struct reading *r, const struct fb_signal *s, int arg,
                        struct found *f)
{
    const struct fb_chain *c = r->chain;
    bool grouped = c && fb_chain_has_group(c) && c->group_made_ms;
    /* Who made or grew the group within a day answers for it: then the root is no service. */
    bool answers = c && fb_chain_has_group(c) && c->count > 1;

    (void)s, (void)arg;
    if (!all_recent(r, LAUNCH_BY_SERVICE) || (c && c->group_hot) || answers ||
        fb_profile_in_incident(r->p))
        return;
    f->m = grouped ? r->t_ms - c->group_made_ms > DAY_MS
                   : known(r, &r->p->duties[DUTY_SERVICE_LAUNCH]);
}

static bool names(const struct fb_chain *c, const char *who)
{
    for (size_t i = 0; i < c->count; i++) {
        const struct fb_hop *h = &c->hops[i];

        if (strcmp(h->identity, who) == 0 || (h->role_arn && strcmp(h->role_arn, who) == 0) ||
            (h->user_arn && strcmp(h->user_arn, who) == 0))
            return true;
    }
    return false;
}

/* Whether all compute of the hour before is in the window's regions. (Not by the ring of launches:
 * a flood in an announced region would push those elsewhere out of it.) */
static bool inside(const struct reading *r, const struct fb_score_window *w)
{
    uint64_t regions = 0;

    for (size_t i = 0; i < w->region_count; i++)
        regions |= bit(fb_region_index(w->regions[i]));
    for (unsigned i = 0; i < REGIONS && w->region_count; i++) {
        int64_t at_ms = r->p->regions[i].compute_ms;

        if (at_ms && at_ms >= r->t_ms - HOUR_MS && !(regions & bit(i)))
            return false;
    }
    return true;
}

void fb_read_change_window(const struct reading *r, const struct fb_signal *s, int arg,
                           struct found *f)
{
    (void)s, (void)arg;
    for (size_t i = 0; r->chain && i < r->config->window_count && f->m <= 0; i++) {
        const struct fb_score_window *w = &r->config->windows[i];

        if (r->t_ms >= w->from_ms && r->t_ms <= w->until_ms && names(r->chain, w->who) &&
            (w->max_usd_per_hour <= 0 || fb_reading_usd_per_hour(r) <= w->max_usd_per_hour) &&
            inside(r, w))
            f->m = 1;
    }
}

void fb_read_seen_before(const struct reading *r, const struct fb_signal *s, int arg,
                         struct found *f)
{
    const struct ring *ring = &r->p->launches;
    int32_t today = day_of(r->t_ms);
    uint32_t mute = r->mute;
    double most = 0;
    int days = 0;

    (void)s, (void)arg;
    for (size_t i = 0; i < ring->count; i++)
        most = fmax(most, fb_reading_sum(r, i, window_end(ring, i, HOUR_MS)).vcpu);
    for (size_t i = 0; i < VOLUME_DAYS && most > 0; i++) {
        int32_t ago = today - r->p->volume[i].day;

        days += ago > 0 && ago < 32 && !(mute >> ago & 1) && r->hourly[i] >= 0.5 * most;
    }
    f->m = days >= KNOWN_DAYS && !fb_reading_is_slow(r);
}

static bool known_tool(const struct reading *r)
{
    for (size_t i = 0; i < r->p->agents.count; i++) {
        const struct thing *agent = &r->p->agents.at[i];

        if ((agent->flags & THING_IAC) && known(r, &agent->seen))
            return true;
    }
    return false;
}

/* Whether every network since then is known, and there is one. */
static bool known_networks(const struct reading *r, int64_t since_ms)
{
    bool some = false;

    for (size_t i = 0; i < r->p->prefixes.count; i++) {
        const struct thing *prefix = &r->p->prefixes.at[i];

        if (prefix->seen.last_ms < since_ms)
            continue;
        if (!known(r, &prefix->seen))
            return false;
        some = true;
    }
    return some;
}

bool fb_reading_by_iac(const struct reading *r) { return all_recent(r, LAUNCH_IAC); }

/* Known tool and known networks: an agent's text alone is anybody's to write. */
void fb_read_known_iac(const struct reading *r, const struct fb_signal *s, int arg, struct found *f)
{
    const struct fb_profile *p = r->p;

    (void)s, (void)arg;
    if (!all_recent(r, LAUNCH_IAC) || !p->first_ms ||
        r->t_ms - p->first_ms < IAC_AGE_DAYS * DAY_MS || !known_tool(r))
        return;
    f->m = known_networks(r, p->launches.at[0].t_ms - HOUR_MS);
}

/* Days with calls before today, of the last 31. */
static bool known_for_days(const struct reading *r)
{
    int32_t today = day_of(r->t_ms);
    uint32_t days = fb_days_at((uint32_t)r->p->active[0], r->p->active_day, today);

    return __builtin_popcount(days & ~r->mute) >= KNOWN_DAYS;
}

void fb_read_known_oidc(const struct reading *r, const struct fb_signal *s, int arg,
                        struct found *f)
{
    const struct fb_chain *c = r->chain;

    (void)s, (void)arg;
    f->m = c && c->count >= 2 && fb_chain_root(c)->kind == FB_HOP_EXTERNAL &&
           strcmp(c->hops[c->count - 2].via, "AssumeRoleWithWebIdentity") == 0 && known_for_days(r);
}

/* Somebody who came through the company's sign-in, from where they usually work. */
void fb_read_known_sso(const struct reading *r, const struct fb_signal *s, int arg, struct found *f)
{
    (void)s, (void)arg;
    f->m = r->chain && fb_chain_root(r->chain)->kind == FB_HOP_SSO && known_for_days(r) &&
           known_networks(r, r->t_ms - HOUR_MS);
}

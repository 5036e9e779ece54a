/* step_incident.c - the verdict opens or joins the root's one incident. */
#include "step.h"

#include <string.h>

#include "base/arena.h"
#include "base/json.h"

/* Whether acting on this evidence is allowed (the gate checks again). */
static bool evidence_enforces(const struct fb_step *s)
{
    return s->rt->enforce && s->delivery->trusted && !s->out->ev.drill &&
           fb_config_account_enforces(s->rt->config, s->out->ev.account);
}

struct minted {
    struct fb_step *s;
    int64_t since_ms;
};

static bool add_minted(void *self, const struct fb_edge *minted)
{
    struct minted *m = self;

    if (minted->made_ms >= m->since_ms)
        fb_incident_add_hop(m->s->inc, &minted->parent);
    return true;
}

/* Sessions that the chain minted belong to it before they act again: they outlive the key that
 * they came from. Those of sessions too; the list grows while it is walked, up to its ceiling. */
static enum fb_status find_minted(struct fb_step *s, struct fb_err *err)
{
    struct minted m = {s, s->inc->first_ms - FB_LOOK_BACK_MS};
    enum fb_status st = FB_OK;

    for (size_t i = 0; i < s->inc->hop_count && st == FB_OK; i++)
        st = fb_step_minted(s, s->inc->hops[i].identity, FB_INCIDENT_HOPS_MAX, add_minted, &m, err);
    return st;
}

/* Incidents that were opened on a hop before its maker was known: they end, and the root's goes on
 * with all that they had. */
static enum fb_status join_late(struct fb_step *s, struct fb_err *err)
{
    s->joined_count = 0;
    for (size_t i = 0; i < s->late_count && s->joined_count < FB_STEP_JOINED_MAX; i++) {
        const struct fb_late *l = &s->late[i];
        struct fb_incident *old;
        struct fb_item item;
        enum fb_status st;

        if (!l->found || !*l->identity || strcmp(l->identity, fb_step_root(s)) == 0)
            continue;
        st = fb_store_get(s->rt->store, s->a, fb_incident_key(s->a, l->identity), &item, err);
        if (st == FB_ENOTFOUND)
            continue;
        old = st == FB_OK ? FB_NEW(s->a, struct fb_incident) : NULL;
        if (!old)
            return st == FB_OK ? fb_err_set(err, FB_ELIMIT, "no memory left for an incident") : st;
        if (fb_incident_read(s->a, item.value, item.len, old, NULL) != FB_OK ||
            fb_incident_over(old, s->now_ms) || old->state == FB_INC_CLOSED)
            continue;
        s->inc_more |= fb_incident_join(s->a, s->inc, old, l->since_ms);
        old->version = item.version;
        s->joined[s->joined_count++] = old;
    }
    return FB_OK;
}

/* The launches that led to the alarm belong to the incident, though none of them raised it alone.
 */
static void begin(struct fb_step *s)
{
    int64_t since;

    if (s->out->verdict.level == FB_OBSERVE)
        return;
    since = fb_profile_since_ms(s->after, s->out->ev.time_ms);
    if (since < s->inc->first_ms && s->out->ev.time_ms > s->inc->first_ms - 3600 * 1000)
        s->inc->first_ms =
            since; /* an older event that came late makes no old machine the thief's */
    if (s->inc_new && fb_profile_last_ms(s->after) > s->inc->last_ms)
        s->inc->last_ms = fb_profile_last_ms(s->after); /* newer events may have come before it */
}

enum fb_status fb_step_fold_incident(struct fb_step *s, struct fb_err *err)
{
    const struct fb_decision *d = s->out;
    enum fb_status st;

    s->inc_new = s->inc_more = false;
    s->joined_count = 0;
    if (d->ev.drill || (d->verdict.level == FB_OBSERVE && !s->inc))
        return FB_OK;
    if (s->inc && fb_incident_over(s->inc, s->now_ms)) {
        if (d->verdict.level == FB_OBSERVE) {
            s->inc = NULL;
            return FB_OK;
        }
        s->inc_new = true; /* an old story ended; this is another one, in the same record */
    }
    if (!s->inc || s->inc_new) {
        uint64_t version = s->inc ? s->inc->version : 0;

        s->inc = s->inc ? s->inc : FB_NEW(s->a, struct fb_incident);
        if (!s->inc)
            return fb_err_set(err, FB_ELIMIT, "no memory left for an incident");
        fb_incident_open(s->a, s->inc, &d->ev, &d->chain, s->now_ms);
        s->inc->version = version;
        s->inc_was = FB_INC_WATCHING;
        s->inc_new = true;
    }
    begin(s);
    s->inc_more = fb_incident_fold(s->inc, &d->ev, &d->chain, &d->verdict, evidence_enforces(s));
    st = join_late(s, err);
    if (st == FB_OK && (s->inc_more || fb_event_is(&d->ev, FB_T_MINT)) &&
        s->inc->level == FB_CONTAIN) {
        size_t hops = s->inc->hop_count;

        st = find_minted(s, err);
        s->inc_more |= s->inc->hop_count > hops;
    }
    return st;
}

/* step_profiles.c - the profiles that one event needs: loaded, taught; and the verdict. */
#include "step.h"

#include <string.h>

#include "base/arena.h"

enum fb_status fb_step_load_profile(struct fb_step *s, const char *key, struct fb_profile **out,
                                    uint64_t *version, struct fb_err *err)
{
    struct fb_item item;
    enum fb_status st;

    *version = 0;
    *out = fb_profile_new(s->a);
    if (!*out)
        return fb_err_set(err, FB_ELIMIT, "no memory left for a profile");
    st = fb_store_get(s->rt->store, s->a, key, &item, err);
    if (st == FB_ENOTFOUND)
        return FB_OK;
    if (st != FB_OK)
        return st;
    *version = item.version;
    if (fb_profile_read(*out, (const unsigned char *)item.value, item.len, NULL) != FB_OK) {
        FB_LOG(&s->rt->log, FB_LOG_WARN, "profile unreadable: starting anew", {"key", key, 0});
        *out = fb_profile_new(s->a);
    }
    return *out ? FB_OK : FB_ELIMIT;
}

const char *fb_step_root(const struct fb_step *s)
{
    return fb_chain_root(&s->out->chain)->identity;
}

struct fb_event fb_step_seen(const struct fb_step *s)
{
    struct fb_event ev = s->out->ev;

    if (*ev.shared_id && fb_event_is(&ev, FB_T_MINT))
        ev.id = ev.shared_id;
    return ev;
}

/* Whether an incident of this identity is open and serious enough to act on. */
static bool is_hot(struct fb_step *s, const char *identity)
{
    struct fb_incident *inc = FB_NEW(s->a, struct fb_incident);
    struct fb_item item;

    return inc &&
           fb_store_get(s->rt->store, s->a, fb_incident_key(s->a, identity), &item, NULL) ==
               FB_OK &&
           fb_incident_read(s->a, item.value, item.len, inc, NULL) == FB_OK &&
           inc->level == FB_CONTAIN && inc->state != FB_INC_CLOSED;
}

/* What a thief makes is the thief's for as long as the theft lasts; what anybody makes, for a day.
 */
static enum fb_status load_creator(struct fb_step *s, struct fb_err *err)
{
    struct fb_edge made;
    uint64_t version;
    const char *child = fb_chain_creator_key(s->a, fb_step_root(s));

    s->creator = NULL;
    if (!*child || fb_step_edge_get(s, s->a, child, &made) != FB_OK ||
        (s->out->ev.time_ms - made.made_ms > 24 * 3600 * 1000 && !is_hot(s, made.parent.identity)))
        return FB_OK;
    return fb_step_load_profile(s, fb_step_key(s->a, "prof", made.parent.identity), &s->creator,
                                &version, err);
}

void fb_step_group_heat(struct fb_step *s)
{
    struct fb_chain *c = &s->out->chain;
    struct fb_hop by = c->group_by;
    struct fb_edge edge;

    if (!by.identity || !c->group_open)
        return;
    for (int i = 0; i < FB_CHAIN_HOPS_MAX && by.kind == FB_HOP_ROLE && *by.credential; i++) {
        if (fb_step_edge_get(s, s->a, by.credential, &edge) != FB_OK)
            break;
        by = edge.parent;
    }
    c->group_hot = is_hot(s, by.identity);
}

enum fb_status fb_step_load_profiles(struct fb_step *s, struct fb_err *err)
{
    enum fb_status st = fb_step_load_profile(s, fb_step_key(s->a, "prof", fb_step_root(s)),
                                             &s->before, &s->profile_version, err);

    if (st == FB_OK)
        st = fb_step_load_profile(s, fb_step_key(s->a, "acct", s->out->ev.account),
                                  &s->account_before, &s->account_version, err);
    s->park = fb_chain_open_end(s->a, &s->out->ev, &s->out->chain);
    if (st == FB_OK && *s->park)
        st = fb_step_load_profile(s, fb_step_key(s->a, "park", s->park), &s->park_before,
                                  &s->park_version, err);
    return st;
}

enum fb_status fb_step_load(struct fb_step *s, struct fb_err *err)
{
    struct fb_item item;
    enum fb_status st = fb_step_load_profiles(s, err);

    if (st == FB_OK)
        st = load_creator(s, err);
    if (st != FB_OK)
        return st;
    s->inc = NULL;
    st = fb_store_get(s->rt->store, s->a, fb_incident_key(s->a, fb_step_root(s)), &item, err);
    if (st == FB_OK) {
        s->inc = FB_NEW(s->a, struct fb_incident);
        if (!s->inc)
            return fb_err_set(err, FB_ELIMIT, "no memory left for the incident");
        if (fb_incident_read(s->a, item.value, item.len, s->inc, NULL) != FB_OK) {
            FB_LOG(&s->rt->log, FB_LOG_ERROR, "incident unreadable: a new one takes its place",
                   {"root", fb_step_root(s), 0});
            memset(s->inc, 0, sizeof *s->inc);
            s->inc->state = FB_INC_CLOSED; /* long over: nothing of it can be gone on with */
        }
        s->inc->version = item.version;
        s->inc_was = s->inc->state;
    }
    return st == FB_ENOTFOUND ? FB_OK : st;
}

/* --- weighing ----------------------------------------------------------------------------------
 */

static struct fb_profile *copy_of(struct fb_step *s, const struct fb_profile *p)
{
    struct fb_profile *copy = fb_profile_new(s->a);

    if (copy)
        fb_profile_copy(copy, p);
    return copy;
}

const struct fb_profile *fb_step_marked(struct fb_step *s, const struct fb_profile *p)
{
    const struct fb_incident *inc = s->inc;
    struct fb_profile *copy;

    if (!inc || inc->level != FB_CONTAIN || inc->state == FB_INC_CLOSED)
        return p;
    copy = copy_of(s, p);
    if (!copy)
        return p;
    fb_profile_mark_incident(copy, inc->first_ms);
    if (fb_incident_over(inc, s->now_ms))
        fb_profile_end_incident(copy, inc->evidence_ms + FB_REOPEN_MS);
    return copy;
}

/* after and account_after: the loaded profiles with this event, and what came late, folded in.
 *
 * Whose session it is may come to light later, so nothing that depends on it is folded in with the
 * event: a profile sees the actor alone, as the event names it. (Google's delegation stands in the
 * event itself.) */
enum fb_status fb_step_observe(struct fb_step *s, struct fb_err *err)
{
    const struct fb_event seen = fb_step_seen(s);
    struct fb_chain alone = {.hops = {fb_chain_actor(s->a, &s->out->ev)}, .count = 1};
    bool told = seen.provider == FB_GCP && seen.who.delegate_count;

    s->after = copy_of(s, s->before);
    s->account_after = copy_of(s, s->account_before);
    s->park_after = *s->park ? copy_of(s, s->park_before) : NULL;
    if (!s->after || !s->account_after || (*s->park && !s->park_after))
        return fb_err_set(err, FB_ELIMIT, "no memory left for a profile");
    fb_profile_observe(s->after, &seen, told ? &s->out->chain : &alone);
    /* How far a chain reaches is the root's affair, not the account's. */
    fb_profile_observe(s->account_after, &seen, &alone);
    if (s->park_after)
        fb_profile_observe(s->park_after, &seen, told ? &s->out->chain : &alone);
    return fb_step_merge_late(s, err);
}

enum fb_status fb_step_weigh(struct fb_step *s, struct fb_err *err)
{
    enum fb_status st = fb_step_observe(s, err);

    if (st == FB_OK)
        fb_score(s->a, &s->rt->score, &s->out->ev, &s->out->chain, fb_step_marked(s, s->before),
                 fb_step_marked(s, s->after), fb_step_marked(s, s->account_before), s->creator,
                 &s->out->verdict);
    return st;
}

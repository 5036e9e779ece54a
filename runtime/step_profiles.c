/* step_profiles.c - the profiles that one event needs: loaded, taught, joined with what was held
 * against a session before its maker was known; and the verdict. */
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

static void add_late(struct fb_step *s, struct fb_late late)
{
    if (!*late.identity || strcmp(late.identity, fb_step_root(s)) == 0 ||
        s->late_count == FB_STEP_LATE_MAX)
        return;
    for (size_t i = 0; i < s->late_count; i++) {
        if (strcmp(s->late[i].identity, late.identity) == 0)
            return;
    }
    s->late[s->late_count++] = late;
}

/* Who may have been taken for a root before it was known who stands behind: each hop on the way, a
 * session that this event mints, a key of which a notice told no owner, and a user of whom it told
 * the name but not the path. */
void fb_step_find_late(struct fb_step *s)
{
    const struct fb_chain *c = &s->out->chain;

    s->late_count = 0;
    for (size_t i = 0; i < s->edge_count; i++) {
        if (*s->edges[i].session_identity)
            add_late(s, (struct fb_late){s->edges[i].session_identity, s->edges[i].child,
                                         s->edges[i].made_ms, false});
    }
    for (size_t i = 0; i < c->count; i++) {
        const struct fb_hop *h = &c->hops[i];

        add_late(s, (struct fb_late){h->identity, h->credential, h->since_ms, false});
        if (h->kind != FB_HOP_USER_KEY || strncmp(h->credential, "AKIA", 4) != 0)
            continue;
        add_late(s, (struct fb_late){h->credential, h->credential, 0, false});
        if (*h->user && *h->account)
            add_late(s, (struct fb_late){
                            fb_arena_fmt(s->a, "arn:aws:iam::%s:user/%s", h->account, h->user),
                            h->credential, 0, false});
    }
}

/* What was held against a hop before its maker was known is the root's. Names of sessions repeat:
 * only what this very credential did counts. */
static enum fb_status merge_late(struct fb_step *s, struct fb_err *err)
{
    for (size_t i = 0; i < s->late_count; i++) {
        struct fb_late *l = &s->late[i];
        struct fb_profile *late;
        uint64_t version;
        enum fb_status st =
            fb_step_load_profile(s, fb_step_key(s->a, "prof", l->identity), &late, &version, err);

        if (st != FB_OK)
            return st;
        l->found = version && fb_profile_used(late, l->credential) &&
                   fb_profile_last_ms(late) >= l->since_ms;
        if (l->found)
            fb_profile_merge(s->after, late);
    }
    return FB_OK;
}

static enum fb_status load_creator(struct fb_step *s, struct fb_err *err)
{
    struct fb_edge made;
    uint64_t version;
    const char *child = fb_chain_creator_key(s->a, fb_step_root(s));

    s->creator = NULL;
    if (!*child || fb_step_edge_get(s, s->a, child, &made) != FB_OK ||
        s->out->ev.time_ms - made.made_ms > 24 * 3600 * 1000)
        return FB_OK;
    return fb_step_load_profile(s, fb_step_key(s->a, "prof", made.parent.identity), &s->creator,
                                &version, err);
}

enum fb_status fb_step_load_profiles(struct fb_step *s, struct fb_err *err)
{
    enum fb_status st = fb_step_load_profile(s, fb_step_key(s->a, "prof", fb_step_root(s)),
                                             &s->before, &s->profile_version, err);

    return st == FB_OK ? fb_step_load_profile(s, fb_step_key(s->a, "acct", s->out->ev.account),
                                              &s->account_before, &s->account_version, err)
                       : st;
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

/* after and account_after: the loaded profiles with this event, and what came late, folded in. */
enum fb_status fb_step_observe(struct fb_step *s, struct fb_err *err)
{
    struct fb_chain alone = {.hops = {s->out->chain.hops[0]}, .count = 1};

    s->after = fb_profile_new(s->a);
    s->account_after = fb_profile_new(s->a);
    if (!s->after || !s->account_after)
        return fb_err_set(err, FB_ELIMIT, "no memory left for a profile");
    fb_profile_copy(s->after, s->before);
    fb_profile_copy(s->account_after, s->account_before);
    fb_profile_observe(s->after, &s->out->ev, &s->out->chain);
    /* How far a chain reaches is the root's affair, not the account's. */
    fb_profile_observe(s->account_after, &s->out->ev, &alone);
    return merge_late(s, err);
}

enum fb_status fb_step_weigh(struct fb_step *s, struct fb_err *err)
{
    enum fb_status st = fb_step_observe(s, err);

    if (st == FB_OK)
        fb_score(s->a, &s->rt->score, &s->out->ev, &s->out->chain, s->before, s->after,
                 s->account_before, s->creator, &s->out->verdict);
    return st;
}

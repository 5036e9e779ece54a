/* step_save.c - what one event changed, written back: what it made at once, profiles and incident
 * together, by compare-and-set. */
#include "step.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "contain/ledger.h"
#include "contain/made.h"

enum { PUTS_MAX = 12, SEEN_MS = 48 * 3600 * 1000, PROFILE_KEEP_DAYS = 400, KEY_KEEP_DAYS = 90 };

enum fb_status fb_step_put_profile(struct fb_step *s, struct fb_put *put, const char *kind,
                                   const char *who, const struct fb_profile *p, uint64_t version)
{
    unsigned char *bytes = fb_arena_alloc(s->a, FB_PROFILE_BYTES_MAX);

    if (!bytes)
        return FB_ELIMIT;
    put->key = fb_step_key(s->a, kind, who);
    put->value = bytes;
    put->len = fb_profile_write(p, bytes);
    put->expect = version;
    put->expires_ms = fb_wall_ms(&s->rt->clock) + (int64_t)PROFILE_KEEP_DAYS * 86400000;
    return FB_OK;
}

#define GROUP_LEAD_MS INT64_C(300000)
#define GROUP_DAY_MS  INT64_C(86400000)

static enum fb_status put_incident(struct fb_step *s, const struct fb_incident *inc,
                                   struct fb_put *put, struct fb_err *err)
{
    struct fb_buf value;

    fb_buf_init_in(&value, s->a, FB_VALUE_BYTES_MAX);
    fb_incident_write(&value, inc);
    if (!fb_buf_ok(&value))
        return fb_err_set(err, FB_ELIMIT, "incident %s is too large to keep", inc->id);
    put->key = fb_incident_key(s->a, inc->root);
    put->value = value.at;
    put->len = value.len;
    put->expect = inc->version;
    return FB_OK;
}

/* Keeps that `identity` made this thing, as event ev tells. */
static enum fb_status keep_one(struct fb_step *s, const char *identity, const struct fb_made *made,
                               const struct fb_event *ev, struct fb_err *err)
{
    struct fb_put put;
    enum fb_status st = fb_made_put(s->a, identity, made, ev, &put, err);

    /* Kept from now on: a replayed log may be older than that. */
    put.expires_ms = fb_wall_ms(&s->rt->clock) + (int64_t)FB_MADE_KEEP_DAYS * 86400000;
    if (st == FB_OK)
        st = fb_store_commit(s->rt->store, &put, 1, false, err);
    return st == FB_ECONFLICT ? FB_OK : st; /* it is there already */
}

/* Machines that a service made for a group before it was known who made the group. */
static enum fb_status adopt(struct fb_step *s, const struct fb_edge *e, struct fb_err *err)
{
    const char *waiting = fb_step_waiting(s->a, fb_chain_group_of(e->child));
    const struct fb_made_item *items;
    size_t n = 0;
    enum fb_status st =
        fb_made_list(s->rt->store, s->a, &waiting, 1, e->made_ms - GROUP_LEAD_MS, &items, &n, err);

    for (size_t i = 0; i < n && st == FB_OK; i++) {
        struct fb_made made = {items[i].kind, items[i].id, items[i].owner, items[i].region,
                               items[i].type};
        struct fb_event ev = s->out->ev;

        ev.id = items[i].event;
        ev.time_ms = items[i].at_ms;
        ev.who.credential = items[i].credential;
        if (items[i].at_ms <= e->made_ms + GROUP_DAY_MS)
            st = keep_one(s, fb_step_root(s), &made, &ev, err);
    }
    return st;
}

/* Under whom what this event made is kept: who acted and who answers. A group is neither: what a
 * service makes for one is its maker's, and until that is known waits for it. */
static size_t makers(struct fb_step *s, const char *who[3])
{
    const struct fb_chain *c = &s->out->chain;
    size_t n = 0;

    if (!fb_chain_has_group(c) || c->group_open)
        who[n++] = c->hops[0].identity;
    if (n == 0 || strcmp(who[0], fb_step_root(s)) != 0)
        who[n++] = fb_step_root(s);
    if (c->group_open)
        who[n++] = fb_step_waiting(s->a, c->group_key);
    return n;
}

/* The things it made, each a record of its own, before the event counts as seen: a crash between
 * leaves them to be written again by the redelivery. */
enum fb_status fb_step_keep_made(struct fb_step *s, struct fb_err *err)
{
    const struct fb_event *ev = &s->out->ev;
    const char *who[3];
    size_t whos = makers(s, who);
    enum fb_status st = FB_OK;

    if (ev->outcome != FB_OUTCOME_OK)
        return FB_OK;
    for (size_t w = 0; w < whos; w++) {
        st = fb_made_session_keep(s->rt->store, s->a, who[w], ev, fb_wall_ms(&s->rt->clock), err);
        if (st != FB_OK && st != FB_ECONFLICT)
            return fb_err_ctx(err, st, "keep whose session %s minted", ev->id);
    }
    st = FB_OK;
    for (size_t i = 0; i < ev->made_count && st == FB_OK; i++) {
        for (size_t w = 0; w < whos && st == FB_OK; w++)
            st = keep_one(s, who[w], &ev->made[i], ev, err);
    }
    for (size_t i = 0; i < s->edge_count && st == FB_OK && !s->out->chain.group_open; i++) {
        if (*fb_chain_group_of(s->edges[i].child))
            st = adopt(s, &s->edges[i], err);
    }
    return fb_err_ctx(err, st, "keep what %s made", ev->id);
}

static const char *opened_line(struct fb_step *s)
{
    struct fb_buf b;

    fb_buf_init_in(&b, s->a, 8192);
    fb_json_open(&b, NULL, '{');
    fb_json_put_str(&b, "what", s->inc_new ? "opened" : "state");
    fb_json_put_str(&b, "incident", s->inc->id);
    fb_json_put_str(&b, "root", s->inc->root);
    fb_json_put_str(&b, "to", fb_incident_state_name(s->inc->state));
    fb_json_put_str(&b, "event", s->out->ev.id);
    fb_json_put_num(&b, "score", s->out->verdict.score, 1);
    fb_json_close(&b, '}');
    return b.at;
}

/* Every new event of the root is in the record (when it was seen last), a duplicate in none. */
static bool saves_incident(const struct fb_step *s)
{
    return s->inc && (s->inc_new || s->inc_more || s->new_event);
}

/* Whether the profile reads otherwise than it did: an event that was seen before may still tell
 * something, when its chain is longer by now. */
bool fb_step_has_changed(struct fb_step *s, const struct fb_profile *before,
                         const struct fb_profile *after)
{
    unsigned char *x = fb_arena_alloc(s->a, FB_PROFILE_BYTES_MAX);
    unsigned char *y = fb_arena_alloc(s->a, FB_PROFILE_BYTES_MAX);
    size_t len;

    if (!x || !y)
        return true;
    len = fb_profile_write(before, x);
    return fb_profile_write(after, y) != len || memcmp(x, y, len) != 0;
}

static enum fb_status put_park(struct fb_step *s, struct fb_put *put)
{
    enum fb_status st =
        fb_step_put_profile(s, put, "park", s->park, s->park_after, s->park_version);
    bool key = strncmp(s->park, "AKIA", 4) == 0; /* sessions end within hours */

    put->expires_ms =
        fb_wall_ms(&s->rt->clock) + (key ? (int64_t)KEY_KEEP_DAYS * 86400000 : (int64_t)SEEN_MS);
    return st;
}

enum fb_status fb_step_put_profiles(struct fb_step *s, struct fb_put *puts, size_t *n,
                                    struct fb_err *err)
{
    enum fb_status st = FB_OK;

    if (fb_step_has_changed(s, s->before, s->after))
        st = fb_step_put_profile(s, &puts[(*n)++], "prof", fb_step_root(s), s->after,
                                 s->profile_version);
    if (st == FB_OK && fb_step_has_changed(s, s->account_before, s->account_after))
        st = fb_step_put_profile(s, &puts[(*n)++], "acct", s->out->ev.account, s->account_after,
                                 s->account_version);
    if (st == FB_OK && s->park_after && fb_step_has_changed(s, s->park_before, s->park_after))
        st = put_park(s, &puts[(*n)++]);
    if (st != FB_OK)
        return fb_err_set(err, st, "no memory left to save");
    return fb_step_put_wait(s, puts, n, err);
}

enum fb_status fb_step_commit(struct fb_step *s, struct fb_err *err)
{
    struct fb_put puts[PUTS_MAX];
    struct fb_ledger_line line;
    size_t n = 0;
    enum fb_status st;

    memset(puts, 0, sizeof puts);
    if (s->new_event && !s->delivery->unique)
        puts[n++] = (struct fb_put){.key = fb_step_key(s->a, "seen", s->out->ev.id),
                                    .value = "1",
                                    .len = 1,
                                    .expires_ms = fb_wall_ms(&s->rt->clock) + SEEN_MS};
    st = fb_step_put_profiles(s, puts, &n, err);
    if (st != FB_OK)
        return st;
    if (saves_incident(s)) {
        st = put_incident(s, s->inc, &puts[n++], err);
        for (size_t i = 0; i < s->joined_count && st == FB_OK; i++)
            st = put_incident(s, s->joined[i], &puts[n++], err);
        if (st != FB_OK)
            return st;
    }
    if (n == 0)
        return FB_OK;
    if (s->inc && (s->inc_new || s->inc->state != s->inc_was)) {
        line = (struct fb_ledger_line){.json = opened_line(s)};
        st = fb_ledger_append(s->rt->store, s->a, s->now_ms, &line, 1, puts, n, false, err);
    } else {
        st = fb_store_commit(s->rt->store, puts, n, false, err);
    }
    if (st == FB_OK && saves_incident(s))
        s->inc->version++;
    return st;
}

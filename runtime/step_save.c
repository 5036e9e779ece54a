/* step_save.c - what one event changed, written back: what it made at once, profiles and incident
 * together, by compare-and-set. */
#include "step.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "contain/ledger.h"
#include "contain/made.h"

enum { PUTS_MAX = 12, SEEN_MS = 48 * 3600 * 1000, PROFILE_KEEP_DAYS = 400 };

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

/* The things it made, each a record of its own, before the event counts as seen: a crash between
 * leaves them to be written again by the redelivery. */
enum fb_status fb_step_keep_made(struct fb_step *s, struct fb_err *err)
{
    const struct fb_event *ev = &s->out->ev;
    const struct fb_hop *who[2] = {&s->out->chain.hops[0], fb_chain_root(&s->out->chain)};
    size_t whos = strcmp(who[0]->identity, who[1]->identity) == 0 ? 1 : 2;

    if (ev->outcome != FB_OUTCOME_OK)
        return FB_OK;
    for (size_t w = 0; w < whos; w++) {
        enum fb_status st = fb_made_session_keep(s->rt->store, s->a, who[w]->identity, ev,
                                                 fb_wall_ms(&s->rt->clock), err);

        if (st != FB_OK && st != FB_ECONFLICT)
            return fb_err_ctx(err, st, "keep whose session %s minted", ev->id);
    }
    for (size_t i = 0; i < ev->made_count; i++) {
        for (size_t w = 0; w < whos; w++) {
            struct fb_put put;
            enum fb_status st = fb_made_put(s->a, who[w]->identity, &ev->made[i], ev, &put, err);

            put.expires_ms = fb_wall_ms(&s->rt->clock) + (int64_t)FB_MADE_KEEP_DAYS * 86400000;
            if (st == FB_OK) /* kept from now on: a replayed log may be older than that */
                st = fb_store_commit(s->rt->store, &put, 1, false, err);
            if (st != FB_OK && st != FB_ECONFLICT) /* conflict: it is there already */
                return fb_err_ctx(err, st, "keep what %s made", ev->id);
        }
    }
    return FB_OK;
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
    if (s->new_event || fb_step_has_changed(s, s->before, s->after)) {
        st = fb_step_put_profile(s, &puts[n++], "prof", fb_step_root(s), s->after,
                                 s->profile_version);
        if (st == FB_OK)
            st = fb_step_put_profile(s, &puts[n++], "acct", s->out->ev.account, s->account_after,
                                     s->account_version);
        if (st != FB_OK)
            return fb_err_set(err, st, "no memory left to save");
    }
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

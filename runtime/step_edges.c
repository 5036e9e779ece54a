/* step_edges.c - who made which credential: edges read for the walk, and what this event proves of
 * them, kept. */
#include "step.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/text.h"

enum {
    CREDENTIAL_MAX = 128,
    EDGE_GRACE_MS = 3600 * 1000,
    EDGE_FRESH_MS = 24 * 3600 * 1000 /* an edge that says nothing new is written once a day */
};

/* kind#rest within the store's key limit: a long rest is hashed. */
const char *fb_step_key(struct fb_arena *a, const char *kind, const char *rest)
{
    char hex[FB_SHA256_HEX];

    if (strlen(rest) <= 400)
        return fb_arena_fmt(a, "%s#%s", kind, rest);
    return fb_arena_fmt(a, "%s#sha256:%s", kind, fb_sha256_hex(rest, strlen(rest), hex));
}

enum fb_status fb_step_edge_get(void *self, struct fb_arena *a, const char *child,
                                struct fb_edge *out)
{
    struct fb_step *s = self;
    struct fb_item item;
    enum fb_status st = fb_store_get(s->rt->store, a, fb_step_key(a, "edge", child), &item, NULL);

    if (st == FB_OK)
        return fb_edge_read(a, item.value, item.len, out, NULL);
    s->edges_unread |= st != FB_ENOTFOUND;
    return st;
}

static bool same_text(const char *x, const char *y) { return strcmp(x, y) == 0; }

static bool says_the_same(const struct fb_edge *x, const struct fb_edge *y)
{
    return x->parent.kind == y->parent.kind && x->parent.sure == y->parent.sure &&
           same_text(x->parent.identity, y->parent.identity) &&
           same_text(x->parent.credential, y->parent.credential) &&
           same_text(x->parent.session, y->parent.session) && same_text(x->via, y->via) &&
           same_text(x->session_identity, y->session_identity);
}

/* Of a group: the newest act tells who answers, the oldest when it was made. *e becomes both;
 * returns whether that is more than is known. */
static bool join_group(struct fb_edge *e, const struct fb_edge *now)
{
    int64_t begun = !e->begun_ms || (now->begun_ms && now->begun_ms < e->begun_ms) ? now->begun_ms
                                                                                   : e->begun_ms;

    if (!fb_edge_better(e, now))
        *e = *now;
    e->begun_ms = begun;
    return e->made_ms != now->made_ms || e->begun_ms != now->begun_ms || !says_the_same(e, now);
}

/* Whether the edge is worth writing, given what is stored under its child. */
static enum fb_status edge_is_news(struct fb_step *s, struct fb_edge *e, struct fb_put *put,
                                   bool *news, struct fb_err *err)
{
    struct fb_item item;
    struct fb_edge now;
    enum fb_status st = fb_store_get(s->rt->store, s->a, put->key, &item, err);

    *news = true;
    put->expect = st == FB_OK ? item.version : 0;
    if (st == FB_ENOTFOUND)
        return FB_OK;
    if (st != FB_OK || fb_edge_read(s->a, item.value, item.len, &now, NULL) != FB_OK)
        return st;
    if (*fb_chain_group_of(e->child)) {
        *news = join_group(e, &now);
        return st;
    }
    *news =
        says_the_same(e, &now) ? e->made_ms > now.made_ms + EDGE_FRESH_MS : fb_edge_better(e, &now);
    return st;
}

static enum fb_status keep_edge(struct fb_step *s, const struct fb_edge *edge, struct fb_err *err)
{
    struct fb_put put = {.key = fb_step_key(s->a, "edge", edge->child)};
    enum fb_status st = FB_ECONFLICT;

    if (edge->expires_ms) { /* counted from now where the log is old: a replay must find it too */
        int64_t life = edge->expires_ms > edge->made_ms ? edge->expires_ms - edge->made_ms : 0;

        put.expires_ms = fb_wall_ms(&s->rt->clock) + life + EDGE_GRACE_MS;
    }
    for (int i = 0; i < FB_STEP_TRIES && st == FB_ECONFLICT; i++) { /* beaten: is ours better? */
        struct fb_edge e = *edge;
        struct fb_buf value;
        bool news;

        st = edge_is_news(s, &e, &put, &news, err);
        if (st != FB_OK || !news)
            return st;
        fb_buf_init_in(&value, s->a, 16u << 10);
        fb_edge_write(&value, &e);
        if (!fb_buf_ok(&value)) {
            s->out->problem = "a role link is too large to keep";
            return FB_OK;
        }
        put.value = value.at;
        put.len = value.len;
        st = fb_store_commit(s->rt->store, &put, 1, false, err);
    }
    return st;
}

/* "mint#<minter>#": the sessions that an identity minted. */
static const char *minted_prefix(struct fb_arena *a, const char *identity)
{
    char hex[FB_SHA256_HEX];

    return fb_arena_fmt(a, "mint#%.16s#", fb_sha256_hex(identity, strlen(identity), hex));
}

/* The session as a hop: of the role that was taken, or, where only the caller's account has told of
 * it yet, the outsider that the other account sees. */
static struct fb_hop minted_hop(struct fb_step *s, const struct fb_edge *e)
{
    const struct fb_mint *mint = &s->out->ev.mint;
    bool role = *mint->role_arn && strcmp(e->child, mint->credential) == 0;
    struct fb_hop hop = {.kind = role ? FB_HOP_ROLE : FB_HOP_EXTERNAL,
                         .identity = e->session_identity,
                         .account = s->out->ev.account,
                         .credential = role ? e->child : "",
                         .user = "",
                         .user_arn = "",
                         .role_arn = role ? mint->role_arn : "",
                         .session = role ? mint->session : "",
                         .via = e->via,
                         .since_ms = e->made_ms,
                         .sure = true,
                         .tie = role ? "" : e->child};
    struct fb_arn arn;

    if (role && fb_arn_split(s->a, mint->role_arn, &arn))
        hop.account = arn.account;
    return hop;
}

static enum fb_status keep_minted(struct fb_step *s, const struct fb_edge *e, struct fb_err *err)
{
    struct fb_edge minted = {.child = *fb_hop_child(&e->parent) ? fb_hop_child(&e->parent) : "none",
                             .via = e->via,
                             .session_identity = "",
                             .event = e->event,
                             .made_ms = e->made_ms,
                             .expires_ms = e->expires_ms,
                             .parent = minted_hop(s, e)};
    struct fb_buf value;
    struct fb_put put;
    enum fb_status st;

    if (!*s->out->ev.mint.role_arn || strlen(e->child) > CREDENTIAL_MAX)
        return FB_OK; /* a user's own session token: it ends with the user */
    if (minted.parent.kind == FB_HOP_EXTERNAL && *s->out->ev.mint.credential)
        return FB_OK; /* the session itself is known */
    fb_buf_init_in(&value, s->a, 16u << 10);
    fb_edge_write(&value, &minted);
    put = (struct fb_put){
        .key = fb_arena_fmt(s->a, "%s%s", minted_prefix(s->a, e->parent.identity), e->child),
        .value = value.at,
        .len = value.len,
        .expires_ms = fb_wall_ms(&s->rt->clock) + (e->expires_ms - e->made_ms)};
    st = fb_buf_ok(&value) ? fb_store_commit(s->rt->store, &put, 1, false, err) : FB_OK;
    return st == FB_ECONFLICT ? FB_OK : st; /* it is there already */
}

struct minted_walk {
    struct fb_step *s;
    bool (*each)(void *self, const struct fb_edge *minted);
    void *self;
};

static bool on_minted(void *self, const struct fb_item *item)
{
    struct minted_walk *w = self;
    struct fb_edge edge;

    if (fb_edge_read(w->s->a, item->value, item->len, &edge, NULL) != FB_OK)
        return true; /* a record of a later version */
    return w->each(w->self, &edge);
}

enum fb_status fb_step_minted(struct fb_step *s, const char *identity, size_t max,
                              bool (*each)(void *self, const struct fb_edge *minted), void *self,
                              struct fb_err *err)
{
    struct minted_walk w = {s, each, self};

    return fb_store_list(s->rt->store, s->a, minted_prefix(s->a, identity), NULL, max, on_minted,
                         &w, err);
}

/* Who launched each machine. */
static enum fb_status keep_machines(struct fb_step *s, struct fb_err *err)
{
    const struct fb_event *ev = &s->out->ev;
    enum fb_status st = FB_OK;

    for (size_t i = 0; i < ev->made_count && st == FB_OK; i++) {
        struct fb_edge edge;

        if (fb_chain_machine_edge(s->a, ev, &s->out->chain, &ev->made[i], &edge))
            st = keep_edge(s, &edge, err);
    }
    return st;
}

/* Keeps what this event proves about who made whom, before the event counts as seen. */
enum fb_status fb_step_keep_edges(struct fb_step *s, struct fb_err *err)
{
    for (size_t i = 0; i < s->edge_count; i++) {
        enum fb_status st = FB_OK;

        /* First: who finds the edge must find the session among its maker's. */
        if (*s->edges[i].session_identity)
            st = keep_minted(s, &s->edges[i], err);
        if (st == FB_OK)
            st = keep_edge(s, &s->edges[i], err);
        if (st != FB_OK)
            return fb_err_ctx(err, st, "keep a role link of %s", s->out->ev.id);
    }
    return fb_err_ctx(err, keep_machines(s, err), "keep who launched what, of %s", s->out->ev.id);
}

/* edges.c - what one event proves about who made which credential. */
#include <string.h>

#include "attribute/actor.h"
#include "attribute/chain.h"
#include "base/arena.h"
#include "base/text.h"

#define HOUR_MS ((int64_t)3600 * 1000)

/* Federation tokens live 36 h at most; an edge outlives its session by an hour for late events. */
enum { SESSION_HOURS_MAX = 36, GRACE_HOURS = 1, KEY_DAYS = 90, CREATOR_HOURS = 25 };

const char *fb_chain_creator_key(struct fb_arena *a, const char *identity)
{
    return fb_arena_fmt(a, "created:%s", identity);
}

static int64_t session_end(const struct fb_event *ev)
{
    int64_t longest = ev->time_ms + SESSION_HOURS_MAX * HOUR_MS;
    int64_t end = ev->mint.expires_ms;

    if (end <= ev->time_ms || end > longest)
        end = longest;
    return end + GRACE_HOURS * HOUR_MS;
}

static struct fb_edge new_edge(const struct fb_event *ev, const char *child, const char *via)
{
    struct fb_edge edge = {0};

    edge.child = child;
    edge.via = via;
    edge.session_identity = "";
    edge.made_ms = ev->time_ms;
    edge.parent = fb_hop_empty();
    return edge;
}

static struct fb_edge mint_edge(const struct fb_event *ev, const struct fb_chain *chain)
{
    struct fb_edge edge = new_edge(ev, ev->mint.credential, ev->action);

    edge.parent = chain->hops[0];
    edge.parent.via = "";
    edge.session_identity = ev->mint.session_arn;
    edge.expires_ms = session_end(ev);
    return edge;
}

/* A new key answers to the user it opens, whoever asked for it. */
static struct fb_edge key_edge(struct fb_arena *a, const struct fb_event *ev,
                               const struct fb_chain *chain, const struct fb_made *made)
{
    const struct fb_hop *actor = &chain->hops[0];
    struct fb_edge edge = new_edge(ev, made->id, "key of");
    bool own = *actor->user_arn && (!*made->owner || fb_eq(made->owner, actor->user));
    const char *account = *ev->account ? ev->account : actor->account;

    edge.parent = fb_user_hop(a, own ? actor->user_arn : fb_user_arn(a, account, made->owner),
                              account, made->id);
    edge.parent.sure = own;
    edge.parent.since_ms = ev->time_ms;
    edge.expires_ms = ev->time_ms + KEY_DAYS * 24 * HOUR_MS;
    return edge;
}

static struct fb_edge creator_edge(struct fb_arena *a, const struct fb_event *ev,
                                   const struct fb_chain *chain, const struct fb_made *made)
{
    const char *arn = made->id;
    struct fb_edge edge;

    if (!fb_starts(arn, "arn:"))
        arn = fb_arena_fmt(a, "arn:aws:iam::%s:%s/%s", ev->account, made->kind, made->id);
    edge = new_edge(ev, fb_chain_creator_key(a, arn), "created");
    edge.parent = *fb_chain_root(chain);
    edge.expires_ms = ev->time_ms + CREATOR_HOURS * HOUR_MS;
    return edge;
}

static bool is_long_lived_user_key(const struct fb_event *ev)
{
    return ev->who.kind == FB_WHO_USER && fb_starts(ev->who.credential, "AKIA");
}

static size_t made_edges(struct fb_arena *a, const struct fb_event *ev,
                         const struct fb_chain *chain, struct fb_edge *out, size_t n)
{
    for (size_t i = 0; i < ev->made_count && n < FB_EDGES_MAX; i++) {
        const struct fb_made *made = &ev->made[i];

        if (!*made->id)
            continue;
        if (fb_eq(made->kind, "access_key") && (*made->owner || *chain->hops[0].user_arn))
            out[n++] = key_edge(a, ev, chain, made);
        else if (fb_eq(made->kind, "user") || fb_eq(made->kind, "role"))
            out[n++] = creator_edge(a, ev, chain, made);
    }
    return n;
}

size_t fb_chain_edges(struct fb_arena *a, const struct fb_event *ev, const struct fb_chain *chain,
                      struct fb_edge out[FB_EDGES_MAX])
{
    size_t n = 0;

    if (ev->drill || ev->kind == FB_EV_UNKNOWN || chain->count == 0)
        return 0;
    if (ev->provider == FB_GCP)
        return fb_gcp_edges(a, ev, chain, out);
    if (is_long_lived_user_key(ev) && *chain->hops[0].user_arn && ev->kind == FB_EV_CALL) {
        out[n] = new_edge(ev, ev->who.credential, "key of");
        out[n].parent = chain->hops[0];
        out[n].parent.via = "";
        out[n++].expires_ms = ev->time_ms + KEY_DAYS * 24 * HOUR_MS;
    }
    if (ev->outcome != FB_OUTCOME_OK || ev->kind != FB_EV_CALL)
        return n;
    if (*ev->mint.credential)
        out[n++] = mint_edge(ev, chain);
    return made_edges(a, ev, chain, out, n);
}

/* How well an edge names its parent. */
static int rank(const struct fb_edge *edge)
{
    switch (edge->parent.kind) {
    case FB_HOP_UNKNOWN:
        return 0;
    case FB_HOP_EXTERNAL:
    case FB_HOP_CREDENTIAL:
        return *edge->parent.credential ? 2 : 1;
    default:
        return edge->parent.sure ? 4 : 3;
    }
}

bool fb_edge_better(const struct fb_edge *next, const struct fb_edge *now)
{
    return rank(next) >= rank(now);
}

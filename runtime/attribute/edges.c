/* edges.c - what one event proves about who made which credential. */
#include <string.h>

#include "attribute/actor.h"
#include "attribute/chain.h"
#include "base/arena.h"
#include "base/text.h"

#define HOUR_MS ((int64_t)3600 * 1000)

/* Federation tokens live 36 h at most; an edge outlives its session by an hour for late events. */
enum { SESSION_HOURS_MAX = 36, GRACE_HOURS = 1, KEY_DAYS = 90, CREATOR_HOURS = 90 * 24 };

const char *fb_chain_creator_key(struct fb_arena *a, const char *identity)
{
    return fb_arena_fmt(a, "created:%s", identity);
}

const char *fb_machine_key(struct fb_arena *a, const char *account, const char *id)
{
    return fb_arena_fmt(a, "machine:%s/%s", account, id);
}

/* Records of one act in several accounts share an id; only taking a role leads from one account
 * into another. */
const char *fb_shared_key(struct fb_arena *a, const struct fb_event *ev)
{
    return *ev->shared_id && fb_starts(ev->action, "AssumeRole")
               ? fb_arena_fmt(a, "shared:%s", ev->shared_id)
               : "";
}

static int64_t session_end(const struct fb_event *ev)
{
    int64_t longest = ev->time_ms + SESSION_HOURS_MAX * HOUR_MS;
    int64_t end = ev->mint.expires_ms;

    if (end <= ev->time_ms || end > longest)
        end = longest;
    return end + GRACE_HOURS * HOUR_MS;
}

struct fb_edge fb_edge_new(const struct fb_event *ev, const char *child, const char *via)
{
    struct fb_edge edge = {0};

    edge.child = child;
    edge.via = via;
    edge.session_identity = "";
    edge.made_ms = ev->time_ms;
    edge.event = ev->id;
    edge.parent = fb_hop_empty();
    return edge;
}

static struct fb_edge mint_edge(const struct fb_event *ev, const struct fb_chain *chain)
{
    struct fb_edge edge = fb_edge_new(ev, ev->mint.credential, ev->action);

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
    struct fb_edge edge = fb_edge_new(ev, made->id, "key of");
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
    edge = fb_edge_new(ev, fb_chain_creator_key(a, arn), "created");
    edge.parent = *fb_chain_root(chain);
    edge.expires_ms = ev->time_ms + CREATOR_HOURS * HOUR_MS;
    return edge;
}

/* The caller's own account knows who took the role; the other knows it as account and id. */
static struct fb_edge shared_edge(struct fb_arena *a, const struct fb_event *ev,
                                  const struct fb_chain *chain)
{
    struct fb_edge edge = fb_edge_new(ev, fb_shared_key(a, ev), ev->action);

    edge.parent = chain->hops[0];
    edge.parent.via = "";
    if (*ev->who.account && *ev->who.id)
        edge.session_identity = fb_arena_fmt(a, "%s:%s", ev->who.account, ev->who.id);
    edge.expires_ms = session_end(ev);
    return edge;
}

static bool is_outsider(const struct fb_hop *hop)
{
    return hop->kind == FB_HOP_EXTERNAL || hop->kind == FB_HOP_SERVICE ||
           hop->kind == FB_HOP_UNKNOWN;
}

bool fb_chain_machine_edge(struct fb_arena *a, const struct fb_event *ev,
                           const struct fb_chain *chain, const struct fb_made *made,
                           struct fb_edge *out)
{
    if (ev->provider != FB_AWS || ev->kind != FB_EV_CALL || ev->outcome != FB_OUTCOME_OK ||
        ev->drill || !*made->id ||
        (!fb_eq(made->kind, "instance") && !fb_eq(made->kind, "function")))
        return false;
    *out = fb_edge_new(ev, fb_machine_key(a, ev->account, made->id),
                       fb_eq(made->kind, "instance") ? "launched" : "created");
    out->parent = *fb_chain_root(chain);
    out->parent.via = "";
    out->expires_ms = ev->time_ms + KEY_DAYS * 24 * HOUR_MS;
    return true;
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
        out[n] = fb_edge_new(ev, ev->who.credential, "key of");
        out[n].parent = chain->hops[0];
        out[n].parent.via = "";
        out[n++].expires_ms = ev->time_ms + KEY_DAYS * 24 * HOUR_MS;
    }
    if (ev->outcome != FB_OUTCOME_OK || ev->kind != FB_EV_CALL)
        return n;
    if (*ev->mint.credential)
        out[n++] = mint_edge(ev, chain);
    if (*fb_shared_key(a, ev) && !is_outsider(&chain->hops[0]) && ev->who.kind != FB_WHO_ACCOUNT)
        out[n++] = shared_edge(a, ev, chain);
    n += fb_group_edges(a, ev, chain, out + n, FB_EDGES_MAX - n);
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
    if (*fb_chain_group_of(next->child)) {
        int order = strcmp(next->parent.identity, now->parent.identity);

        return next->made_ms != now->made_ms ? next->made_ms > now->made_ms : order >= 0;
    }
    return rank(next) >= rank(now);
}

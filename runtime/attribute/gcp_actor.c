/* gcp_actor.c - Google identities as hops: who acted, who stands behind a service account, and what
 * ties the entries of one long call together.
 *
 * No look-up is needed for impersonation: every entry carries its own delegation history. Edges are
 * kept for three things that an entry may not tell: whose key a notice names, who began a call
 * whose last entry names nobody, and who made the group whose machines Google's agent starts.
 * From: Cloud Audit Logs, AuthenticationInfo. */
#include "attribute/actor.h"

#include "base/arena.h"
#include "base/text.h"

#define HOUR_MS ((int64_t)3600 * 1000)

enum {
    KEY_DAYS = 90,
    CREATOR_HOURS = 25,
    OPERATION_HOURS = 24,
    TRIGGER_HOURS = 25,
    SIGNED_HOURS = 13
};

static enum fb_hop_kind kind_of(enum fb_who who)
{
    switch (who) {
    case FB_WHO_SERVICE_ACCOUNT:
        return FB_HOP_SERVICE_ACCOUNT;
    case FB_WHO_USER:
        return FB_HOP_USER;
    case FB_WHO_WEB_IDENTITY:
        return FB_HOP_EXTERNAL;
    case FB_WHO_SERVICE:
        return FB_HOP_SERVICE;
    case FB_WHO_CREDENTIAL:
        return FB_HOP_CREDENTIAL;
    default:
        return FB_HOP_UNKNOWN;
    }
}

static struct fb_hop new_hop(enum fb_who who, const char *identity, const char *account)
{
    struct fb_hop hop = fb_hop_empty();

    hop.kind = kind_of(who);
    hop.identity = identity;
    hop.account = account;
    hop.sure = true;
    return hop;
}

struct fb_hop fb_gcp_hop(struct fb_arena *a, const struct fb_event *ev)
{
    const struct fb_principal *who = &ev->who;
    const char *identity = *who->arn ? who->arn : *who->invoked_by ? who->invoked_by : "";
    struct fb_hop hop;

    if (who->kind == FB_WHO_CREDENTIAL)
        identity = who->credential;
    hop = new_hop(who->kind, identity, who->account);
    hop.credential = who->credential;
    if (!*identity || hop.kind == FB_HOP_UNKNOWN) {
        /* Nobody is named: what is held against one project's unknowns is not another's. */
        hop.kind = FB_HOP_UNKNOWN;
        hop.identity = *ev->account ? fb_arena_fmt(a, "unknown:%s", ev->account) : "unknown";
        hop.account = ev->account;
        hop.sure = false;
    }
    return hop;
}

/* ---- the walk ---- */

static bool push(struct fb_chain *c, const struct fb_hop *parent, const char *via,
                 struct fb_link link)
{
    for (size_t i = 0; i < c->count; i++) {
        if (fb_eq(c->hops[i].identity, parent->identity)) {
            c->looped = i + 1 < c->count; /* itself twice in a row is no loop */
            return !c->looped;
        }
    }
    if (c->count == FB_CHAIN_HOPS_MAX) {
        c->looped = true;
        return false;
    }
    c->hops[c->count - 1].via = via;
    c->links[c->count - 1] = link;
    c->hops[c->count] = *parent;
    c->hops[c->count++].via = "";
    return true;
}

static const char *operation_key(struct fb_arena *a, const struct fb_event *ev)
{
    return *ev->operation ? fb_arena_fmt(a, "operation:%s/%s", ev->account, ev->operation) : "";
}

static const char *trigger_key(struct fb_arena *a, const struct fb_event *ev)
{
    return *ev->trigger ? fb_arena_fmt(a, "trigger:%s/%s", ev->account, ev->trigger) : "";
}

/* A signature is good for 12 hours at most, and the token made with it for one more. */
static const char *signed_key(struct fb_arena *a, const char *account)
{
    return fb_arena_fmt(a, "signed:%s", account);
}

/* One step over a kept edge. */
static void push_edge(struct fb_arena *a, const struct fb_edge_source *edges, const char *child,
                      struct fb_chain *c)
{
    struct fb_edge edge = {0};

    if (*child && edges && edges->get && edges->get(edges->self, a, child, &edge) == FB_OK)
        push(c, &edge.parent, edge.via, (struct fb_link){edge.event, edge.made_ms});
}

/* The delegation history is written original identity first; the chain is read from its end. */
static void push_delegates(const struct fb_principal *who, struct fb_chain *c)
{
    for (size_t i = who->delegate_count; i > 0; i--) {
        const struct fb_delegate *d = &who->delegates[i - 1];
        struct fb_hop hop = new_hop(d->kind, d->identity, "");

        if (hop.kind == FB_HOP_UNKNOWN || !*d->identity) {
            c->partial = true;
            continue;
        }
        /* Profiles know an edge by the role that was taken: here, the account acted as. */
        c->hops[c->count - 1].role_arn = c->hops[c->count - 1].identity;
        if (!push(c, &hop, "delegation", (struct fb_link){"", 0}))
            return;
    }
}

/* Who signed for the account lately: a token that was made with such a signature shows neither key
 * nor delegation, and looks like the account's own. */
static void find_signer(struct fb_arena *a, const struct fb_event *ev,
                        const struct fb_edge_source *edges, struct fb_chain *c)
{
    const struct fb_hop *hop = &c->hops[0];
    struct fb_edge edge = {0};

    if (hop->kind != FB_HOP_SERVICE_ACCOUNT || *hop->credential || c->count > 1 || c->partial ||
        !edges || !edges->get ||
        edges->get(edges->self, a, signed_key(a, hop->identity), &edge) != FB_OK ||
        edge.made_ms > ev->time_ms || ev->time_ms - edge.made_ms > SIGNED_HOURS * HOUR_MS)
        return;
    c->suspect = edge.parent;
    c->suspect.via = edge.via;
    c->suspect_link = (struct fb_link){edge.event, edge.made_ms};
}

void fb_gcp_trace(struct fb_arena *a, const struct fb_event *ev, const struct fb_edge_source *edges,
                  struct fb_chain *out)
{
    switch (out->hops[0].kind) {
    case FB_HOP_CREDENTIAL:
        push_edge(a, edges, out->hops[0].credential, out);
        out->partial = out->count == 1;
        break;
    case FB_HOP_UNKNOWN:
        push_edge(a, edges, operation_key(a, ev), out);
        out->partial = out->count == 1;
        break;
    case FB_HOP_SERVICE:
        push_edge(a, edges, trigger_key(a, ev), out);
        if (out->count == 1)
            fb_group_trace(a, ev, edges, out);
        break;
    default:
        push_delegates(&ev->who, out);
        find_signer(a, ev, edges, out);
        break;
    }
}

const char *fb_gcp_open_end(struct fb_arena *a, const struct fb_event *ev,
                            const struct fb_chain *chain)
{
    const struct fb_hop *actor = &chain->hops[0];

    if (chain->count > 1)
        return "";
    return actor->kind == FB_HOP_CREDENTIAL ? actor->credential
           : actor->kind == FB_HOP_UNKNOWN  ? operation_key(a, ev)
           : actor->kind == FB_HOP_SERVICE  ? trigger_key(a, ev)
                                            : "";
}

/* ---- what an event proves ---- */

static struct fb_edge new_edge(const struct fb_event *ev, const char *child, const char *via,
                               const struct fb_hop *parent, int hours)
{
    struct fb_edge edge = {0};

    edge.child = child;
    edge.via = via;
    edge.session_identity = "";
    edge.made_ms = ev->time_ms;
    edge.event = ev->id;
    edge.expires_ms = ev->time_ms + hours * HOUR_MS;
    edge.parent = *parent;
    edge.parent.via = "";
    return edge;
}

static struct fb_edge made_key_edge(const struct fb_event *ev, const struct fb_made *made,
                                    const struct fb_hop *actor)
{
    struct fb_hop owner = new_hop(FB_WHO_SERVICE_ACCOUNT, made->owner, ev->account);

    owner.credential = made->id;
    owner.since_ms = ev->time_ms;
    owner.sure = fb_eq(made->owner, actor->identity);
    return new_edge(ev, made->id, "key of", &owner, KEY_DAYS * 24);
}

static bool starts_compute(const struct fb_event *ev)
{
    return fb_event_is(ev, FB_T_COMPUTE_CREATE) && !ev->follow_up;
}

size_t fb_gcp_edges(struct fb_arena *a, const struct fb_event *ev, const struct fb_chain *chain,
                    struct fb_edge out[FB_EDGES_MAX])
{
    const struct fb_hop *actor = &chain->hops[0], *root = fb_chain_root(chain);
    bool named = root->kind != FB_HOP_UNKNOWN && root->kind != FB_HOP_SERVICE;
    size_t n = 0;

    if (ev->kind != FB_EV_CALL)
        return 0;
    if (actor->kind == FB_HOP_SERVICE_ACCOUNT && *actor->credential)
        out[n++] = new_edge(ev, actor->credential, "key of", actor, KEY_DAYS * 24);
    if (ev->outcome == FB_OUTCOME_OK)
        n += fb_group_edges(a, ev, chain, out + n, FB_EDGES_MAX - n);
    if (ev->outcome != FB_OUTCOME_OK || !named)
        return n;
    if (fb_event_is(ev, FB_T_MINT) && *ev->mint.role_arn && fb_has_fold(ev->action, "sign") &&
        !fb_eq(ev->mint.role_arn, root->identity))
        out[n++] = new_edge(ev, signed_key(a, ev->mint.role_arn), ev->action, root, SIGNED_HOURS);
    if (starts_compute(ev) && *ev->operation)
        out[n++] = new_edge(ev, operation_key(a, ev), "operation", root, OPERATION_HOURS);
    if (starts_compute(ev) && *ev->trigger && actor->kind != FB_HOP_SERVICE)
        out[n++] = new_edge(ev, trigger_key(a, ev), "created", root, TRIGGER_HOURS);
    for (size_t i = 0; i < ev->made_count && n < FB_EDGES_MAX; i++) {
        const struct fb_made *made = &ev->made[i];

        if (*made->id && *made->owner && fb_eq(made->kind, "sa_key"))
            out[n++] = made_key_edge(ev, made, actor);
        else if (*made->id && fb_eq(made->kind, "service_account"))
            out[n++] =
                new_edge(ev, fb_chain_creator_key(a, made->id), "created", root, CREATOR_HOURS);
    }
    return n;
}

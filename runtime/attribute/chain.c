/* chain.c - the walk from the credential that acted to the identity that answers for it. */
#include "attribute/chain.h"

#include <string.h>

#include "attribute/actor.h"
#include "base/arena.h"
#include "base/text.h"

#define SHARED "shared:"

/* The role's path, where it is told, decides: names, and all paths but these two, are anybody's to
 * choose. Without it the session's name must do. */
static bool is_under(struct fb_arena *a, const struct fb_hop *hop, const char *path,
                     const char *session)
{
    struct fb_arn arn;

    if (*hop->role_arn && fb_arn_split(a, hop->role_arn, &arn))
        return fb_eq(arn.service, "iam") && fb_starts(arn.resource, path);
    return strstr(hop->identity, session) != NULL;
}

/* Identity Center's roles: "AWSReservedSSO_<permission set>_<16 hex>", one session a person. */
static bool is_sso(struct fb_arena *a, const struct fb_hop *hop)
{
    return is_under(a, hop, "role/aws-reserved/sso.amazonaws.com/",
                    ":assumed-role/AWSReservedSSO_");
}

/* Only a service can assume its service-linked role. */
static bool is_service_linked(struct fb_arena *a, const struct fb_hop *hop)
{
    return is_under(a, hop, "role/aws-service-role/", ":assumed-role/AWSServiceRoleFor");
}

/* The role behind a session, as an identity of its own. */
static struct fb_hop role_itself(struct fb_arena *a, const struct fb_hop *session)
{
    struct fb_hop hop = fb_hop_empty();
    struct fb_arn arn;
    const char *name, *end;

    hop.kind = FB_HOP_ROLE;
    hop.account = session->account;
    hop.role_arn = session->role_arn;
    if (!*hop.role_arn && fb_arn_split(a, session->identity, &arn) &&
        fb_starts(arn.resource, "assumed-role/")) {
        name = arn.resource + strlen("assumed-role/");
        end = strchr(name, '/');
        hop.role_arn = fb_arena_fmt(a, "arn:%s:iam::%s:role/%.*s", arn.partition, arn.account,
                                    (int)(end ? (size_t)(end - name) : strlen(name)), name);
    }
    hop.identity = *hop.role_arn ? hop.role_arn : session->identity;
    hop.sure = true;
    return hop;
}

/* Whether an edge may lie behind this hop. A user, a person and an outsider end the walk, and so
 * does a role that a service uses (it has no session). Notices and findings tell a user's name, not
 * the path before it. */
static bool goes_on(const struct fb_event *ev, const struct fb_hop *hop)
{
    switch (hop->kind) {
    case FB_HOP_ROLE:
    case FB_HOP_INSTANCE:
        return *hop->session || *hop->credential;
    case FB_HOP_CREDENTIAL:
    case FB_HOP_UNKNOWN:
        return *hop->credential != '\0';
    case FB_HOP_USER_KEY:
        return *hop->credential &&
               (!hop->sure || ev->kind == FB_EV_LEAK_NOTICE || ev->kind == FB_EV_FINDING);
    case FB_HOP_EXTERNAL: /* a shared event, or a token that somebody here asked for */
        return *fb_hop_child(hop) != '\0';
    case FB_HOP_USER:
    case FB_HOP_ROOT:
    case FB_HOP_SSO:
    case FB_HOP_SERVICE:
    case FB_HOP_SERVICE_ACCOUNT:
        break;
    }
    return false;
}

static const struct fb_link NO_LINK = {"", 0};

static bool seen_before(const struct fb_chain *c, const struct fb_hop *hop)
{
    for (size_t i = 0; i < c->count; i++) {
        if (fb_eq(c->hops[i].identity, hop->identity) &&
            fb_eq(c->hops[i].credential, hop->credential))
            return true;
    }
    return false;
}

/* Adds `parent`; false when the walk must end here. */
static bool push(struct fb_chain *c, const struct fb_hop *parent, const char *via,
                 struct fb_link link)
{
    struct fb_hop *last = &c->hops[c->count - 1];

    if (c->count == FB_CHAIN_HOPS_MAX || seen_before(c, parent)) {
        c->looped = true;
        return false;
    }
    last->via = via;
    c->links[c->count - 1] = link;
    c->hops[c->count] = *parent;
    c->hops[c->count++].via = "";
    return true;
}

/* sourceIdentity as a user of the session's own account; see chain.h for why nothing else counts.
 */
static bool source_user(struct fb_arena *a, const struct fb_event *ev, const struct fb_hop *session,
                        struct fb_hop *out)
{
    struct fb_arn arn;

    if (!*ev->who.source_identity || !fb_arn_split(a, ev->who.source_identity, &arn) ||
        !fb_eq(arn.service, "iam") || !fb_starts(arn.resource, "user/") ||
        !fb_eq(arn.account, session->account))
        return false;
    *out = fb_user_hop(a, ev->who.source_identity, arn.account, "");
    out->sure = false;
    return true;
}

/* The last hop is a session or key of unknown making: what can be said of it all the same. */
static void end_unknown(struct fb_arena *a, const struct fb_event *ev, struct fb_chain *c)
{
    struct fb_hop *last = &c->hops[c->count - 1];
    struct fb_hop behind;

    if (last->kind == FB_HOP_ROLE && is_service_linked(a, last)) {
        behind = role_itself(a, last);
        push(c, &behind, "service", NO_LINK);
        return;
    }
    if (last->kind == FB_HOP_INSTANCE || last->kind == FB_HOP_USER_KEY)
        return;
    if (last->kind == FB_HOP_EXTERNAL) { /* an outsider, for all we know, unless told otherwise */
        c->partial = !fb_starts(fb_hop_child(last), "AKIA");
        return;
    }
    if (last->kind == FB_HOP_ROLE && c->count == 1 && ev->who.instance_role) {
        last->kind = FB_HOP_INSTANCE;
        return;
    }
    c->partial = true;
    if (last->kind == FB_HOP_ROLE && source_user(a, ev, last, &behind))
        push(c, &behind, "sourceIdentity", NO_LINK);
}

/* A service handed this session out. Machines of one role are told apart; a function or a task is
 * not: its sessions all answer as the role. */
static void end_at_service(struct fb_arena *a, const struct fb_event *ev, struct fb_chain *c,
                           const struct fb_edge *edge)
{
    struct fb_hop *last = &c->hops[c->count - 1];
    struct fb_hop role;

    if (last->kind == FB_HOP_INSTANCE || (c->count == 1 && ev->who.instance_role)) {
        last->kind = FB_HOP_INSTANCE;
        return;
    }
    role = role_itself(a, last);
    push(c, &role, edge->via, (struct fb_link){edge->event, edge->made_ms});
}

/* Notices name a key and sometimes its user's name; the key's own edge knows the user's true ARN.
 */
static bool same_user(const struct fb_hop *hop, const struct fb_hop *parent)
{
    return hop->kind == FB_HOP_USER_KEY && fb_eq(hop->user, parent->user) &&
           fb_eq(hop->credential, parent->credential);
}

static enum fb_status look_up(const struct fb_edge_source *edges, struct fb_arena *a,
                              const struct fb_hop *hop, struct fb_edge *out)
{
    if (!edges || !edges->get || !*fb_hop_child(hop))
        return FB_ENOTFOUND;
    memset(out, 0, sizeof *out);
    return edges->get(edges->self, a, fb_hop_child(hop), out);
}

/* The other account's record of one act, and ours: the hop gets its own account's name. */
static bool takes_name(const struct fb_hop *hop, const struct fb_edge *edge)
{
    return same_user(hop, &edge->parent) ||
           (hop->kind == FB_HOP_EXTERNAL && fb_starts(fb_hop_child(hop), SHARED));
}

/* From the last hop on, edge by edge. */
static void walk(struct fb_arena *a, const struct fb_event *ev, const struct fb_edge_source *edges,
                 struct fb_chain *out)
{
    struct fb_edge edge;

    for (int step = 0; step <= FB_CHAIN_HOPS_MAX; step++) {
        struct fb_hop *last = &out->hops[out->count - 1];

        if (last->kind == FB_HOP_ROLE && is_sso(a, last))
            last->kind = FB_HOP_SSO;
        if (!goes_on(ev, last)) {
            out->partial = out->partial || last->kind == FB_HOP_UNKNOWN;
            return;
        }
        if (look_up(edges, a, last, &edge) != FB_OK) {
            end_unknown(a, ev, out);
            return;
        }
        if (edge.parent.kind == FB_HOP_SERVICE) {
            end_at_service(a, ev, out, &edge);
            return;
        }
        if (takes_name(last, &edge)) {
            bool user = last->kind == FB_HOP_USER_KEY;

            *last = edge.parent;
            last->via = "";
            if (user)
                return;
            continue;
        }
        if (!push(out, &edge.parent, edge.via, (struct fb_link){edge.event, edge.made_ms}))
            return;
        if (out->hops[out->count - 2].kind == FB_HOP_INSTANCE)
            out->hops[out->count - 2].kind =
                FB_HOP_ROLE; /* assumed by a caller: no machine's own */
    }
    out->looped = true;
}

struct fb_hop fb_chain_actor(struct fb_arena *a, const struct fb_event *ev)
{
    return fb_actor_hop(a, ev);
}

const char *fb_chain_open_end(struct fb_arena *a, const struct fb_event *ev,
                              const struct fb_chain *chain)
{
    if (ev->provider == FB_GCP)
        return fb_gcp_open_end(a, ev, chain);
    for (size_t i = chain->partial ? chain->count : 0; i > 0; i--)
        if (*fb_hop_child(&chain->hops[i - 1]))
            return fb_hop_child(&chain->hops[i - 1]);
    return "";
}

/* Who launched the machine, or made the function, whose role acts here. */
static void find_suspect(struct fb_arena *a, const struct fb_event *ev,
                         const struct fb_edge_source *edges, struct fb_chain *c)
{
    const struct fb_hop *root = fb_chain_root(c);
    const char *name = root->kind == FB_HOP_INSTANCE ? root->session
                       : root->kind == FB_HOP_ROLE && c->count == 2 && !c->group
                           ? c->hops[0].session
                           : "";
    struct fb_edge edge = {0};

    if (!*name || !edges || !edges->get || is_service_linked(a, root) ||
        edges->get(edges->self, a, fb_machine_key(a, root->account, name), &edge) != FB_OK ||
        edge.made_ms > ev->time_ms)
        return;
    c->suspect = edge.parent;
    c->suspect.via = edge.via;
    c->suspect_link = (struct fb_link){edge.event, edge.made_ms};
}

enum fb_status fb_chain_trace(struct fb_arena *a, const struct fb_event *ev,
                              const struct fb_edge_source *edges, struct fb_chain *out,
                              struct fb_err *err)
{
    memset(out, 0, sizeof *out);
    out->hops[0] = fb_actor_hop(a, ev);
    out->count = 1;
    if (ev->provider == FB_GCP) {
        fb_gcp_trace(a, ev, edges, out);
    } else {
        walk(a, ev, edges, out);
        fb_group_trace(a, ev, edges, out);
        if (fb_chain_has_group(out) && !out->group_open)
            walk(a, ev, edges, out);
        find_suspect(a, ev, edges, out);
    }
    if (fb_arena_failed(a))
        return fb_err_set(err, FB_ELIMIT, "chain of %s: the arena is full", ev->id);
    return FB_OK;
}

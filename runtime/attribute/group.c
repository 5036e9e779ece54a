/* group.c - machines that a service starts for a group answer to whoever made or grew the group.
 *
 * Edges: "group:PLACE/KIND:NAME" -> who made or grew it last; "within:PLACE/KIND:NAME" -> the group
 * that it is a part of (an EKS node group's machines are a scaling group's); a launch template's
 * maker stands under "group:PLACE/template:ID", because launches that failed carry no tag.
 * Who made a group long ago does not answer for what a service does with it today. */
#include <string.h>

#include "attribute/actor.h"
#include "base/arena.h"
#include "base/text.h"

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS   (60 * MINUTE_MS)

enum { ANSWER_HOURS = 24, LEAD_MINUTES = 5, KEEP_DAYS = 90, WITHIN_MAX = 4 };

#define GROUP  "group:"
#define WITHIN "within:"

static const char *key_of(struct fb_arena *a, const struct fb_event *ev, const char *name)
{
    return fb_arena_fmt(a, GROUP "%s/%s/%s", ev->account, ev->region, name);
}

const char *fb_chain_group_of(const char *child)
{
    return fb_starts(child, GROUP) ? child : fb_starts(child, WITHIN) ? child + strlen(WITHIN) : "";
}

/* Services that start machines for something of a customer's. CloudFormation acts with its
 * caller's rights, whom the event names, or with a role's, under a session name of its own. */
static bool is_launcher(const struct fb_principal *who)
{
    static const char *const names[] = {"autoscaling.", "ec2fleet.",         "spotfleet.",
                                        "spot.",        "elasticmapreduce.", "batch.",
                                        "eks.",         "eks-nodegroup.",    "ecs."};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (fb_starts(who->invoked_by, names[i]))
            return true;
    return fb_starts(who->invoked_by, "cloudformation.") &&
           fb_eq(who->session, "AWSCloudFormation");
}

bool fb_group_acts(const struct fb_event *ev, const struct fb_chain *chain)
{
    const struct fb_hop *root = fb_chain_root(chain);

    switch (root->kind) {
    case FB_HOP_SERVICE:
        return true;
    case FB_HOP_ROLE:
        return strstr(root->identity, ":role/aws-service-role/") ||
               strstr(root->identity, ":assumed-role/AWSServiceRoleFor") || is_launcher(&ev->who);
    case FB_HOP_ROOT: /* groups older than service-linked roles launch as the root user */
        return is_launcher(&ev->who);
    default:
        return false;
    }
}

static bool starts_compute(const struct fb_event *ev)
{
    return fb_event_is(ev, FB_T_COMPUTE_CREATE) && !ev->follow_up;
}

static const char *name_of(struct fb_arena *a, const struct fb_event *ev)
{
    if (ev->launch.group && *ev->launch.group)
        return ev->launch.group;
    return *ev->launch.template_id && ev->provider == FB_AWS
               ? fb_arena_fmt(a, "template:%s", ev->launch.template_id)
               : "";
}

static bool get(const struct fb_edge_source *edges, struct fb_arena *a, const char *child,
                struct fb_edge *out)
{
    memset(out, 0, sizeof *out);
    return edges && edges->get && edges->get(edges->self, a, child, out) == FB_OK;
}

static struct fb_hop group_hop(const struct fb_event *ev, const char *key)
{
    struct fb_hop hop = fb_hop_empty();

    hop.kind = FB_HOP_SERVICE;
    hop.identity = key;
    hop.account = ev->account;
    hop.sure = true;
    return hop;
}

/* Puts `hop` behind the last; edge: what proved it. */
static void behind(struct fb_chain *c, const struct fb_hop *hop, const struct fb_edge *edge)
{
    c->hops[c->count - 1].via = edge->via;
    c->links[c->count - 1] = (struct fb_link){edge->event, edge->made_ms};
    c->hops[c->count] = *hop;
    c->hops[c->count++].via = "";
}

/* The group that holds this one: the event says it, or an earlier one did. */
static bool holder(struct fb_arena *a, const struct fb_event *ev,
                   const struct fb_edge_source *edges, const char *key, bool first,
                   struct fb_edge *out)
{
    if (first && ev->launch.within && *ev->launch.within) {
        *out = fb_edge_new(ev, "", "part of");
        out->parent = group_hop(ev, key_of(a, ev, ev->launch.within));
        out->event = "";
        return true;
    }
    return get(edges, a, fb_arena_fmt(a, WITHIN "%s", key), out);
}

void fb_group_trace(struct fb_arena *a, const struct fb_event *ev,
                    const struct fb_edge_source *edges, struct fb_chain *out)
{
    struct fb_chain c = {.count = 1};
    const char *key;
    struct fb_edge edge;

    if (!starts_compute(ev) || !*name_of(a, ev) || !fb_group_acts(ev, out))
        return;
    key = key_of(a, ev, name_of(a, ev));
    out->group = name_of(a, ev);
    out->group_key = key;
    out->group_open = true;
    c.hops[0] = group_hop(ev, key);
    for (int i = 0; i < WITHIN_MAX; i++) {
        if (get(edges, a, key, &edge)) {
            if (!out->group_by.identity) {
                out->group_made_ms = edge.begun_ms;
                out->group_by = edge.parent;
            }
            if (ev->time_ms - edge.made_ms <= ANSWER_HOURS * HOUR_MS &&
                edge.made_ms - ev->time_ms <= LEAD_MINUTES * MINUTE_MS) {
                behind(&c, &edge.parent, &edge);
                memcpy(out->hops, c.hops, sizeof c.hops);
                memcpy(out->links, c.links, sizeof c.links);
                out->count = c.count;
                out->partial = out->group_open = false;
                return;
            }
        }
        if (!holder(a, ev, edges, key, i == 0, &edge))
            return;
        key = edge.parent.identity;
        behind(&c, &edge.parent, &edge);
    }
}

/* A call that makes a group, as far as its name tells. */
static bool makes(const struct fb_event *ev)
{
    return fb_starts(ev->action, "Create") || fb_starts(ev->action, "Run") ||
           fb_starts(ev->action, "Request") || fb_ends(ev->action, ".insert");
}

static struct fb_edge owner_edge(struct fb_arena *a, const struct fb_event *ev,
                                 const struct fb_hop *who, const char *name)
{
    struct fb_edge edge = fb_edge_new(ev, key_of(a, ev, name), makes(ev) ? "made" : "grew");

    edge.parent = *who;
    edge.parent.via = "";
    edge.begun_ms = makes(ev) ? ev->time_ms : 0;
    edge.expires_ms = ev->time_ms + KEEP_DAYS * 24 * HOUR_MS;
    return edge;
}

size_t fb_group_edges(struct fb_arena *a, const struct fb_event *ev, const struct fb_chain *chain,
                      struct fb_edge *out, size_t max)
{
    const char *group = ev->launch.group ? ev->launch.group : "";
    const char *within = ev->launch.within ? ev->launch.within : "";
    const struct fb_hop *root = fb_chain_root(chain);
    /* Google's entries carry no key by which to go on from their actor. */
    const struct fb_hop *who = ev->provider == FB_AWS ? &chain->hops[0] : root;
    bool alone = chain->group && *chain->group; /* a service, whoever stands behind */
    bool named = !alone && root->kind != FB_HOP_SERVICE && root->kind != FB_HOP_UNKNOWN &&
                 !fb_group_acts(ev, chain);
    bool template = *ev->launch.template_id && ev->provider == FB_AWS &&
                    (*group || fb_starts(ev->action, "CreateLaunchTemplate"));
    size_t n = 0;

    if (n < max && alone && *group && *within) {
        out[n] = fb_edge_new(ev, fb_arena_fmt(a, WITHIN "%s", key_of(a, ev, group)), "part of");
        out[n].parent = group_hop(ev, key_of(a, ev, within));
        out[n++].expires_ms = ev->time_ms + KEEP_DAYS * 24 * HOUR_MS;
    }
    if (n < max && named && *group && starts_compute(ev))
        out[n++] = owner_edge(a, ev, who, group);
    if (n < max && named && template)
        out[n++] = owner_edge(a, ev, who, fb_arena_fmt(a, "template:%s", ev->launch.template_id));
    return n;
}

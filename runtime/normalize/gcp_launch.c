/* gcp_launch.c - how many of Google's machines of which type a call starts.
 * From: Compute Engine API, instances, instanceGroupManagers, autoscalers; GKE, Vertex AI and
 *       Dataproc request messages, as audit entries carry them. */
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "normalize/gcp_in.h"

enum {
    MAX_COUNT_MACHINES = 10, /* signal max-count-ask */
    BLOWUP_MAX = 100,        /* signal asg-blowup */
    BLOWUP_DESIRED = 20,
    WALK_DEPTH_MAX = 10,
    WALK_NODES_MAX = 2048
};

/* Audit entries write request fields in camelCase; a few services in snake_case. */
static const char *leaf_of(struct fb_gcp_call *g, const struct fb_json *object, const char *name)
{
    return fb_gcp_leaf(fb_norm_field_id(g->c.a, object, name));
}

static void set_count(struct fb_gcp_call *g, int64_t count)
{
    g->c.ev->launch.count = count;
    if (count > 0)
        fb_norm_set(&g->c, FB_T_LAUNCH);
    if (count >= MAX_COUNT_MACHINES)
        fb_norm_set(&g->c, FB_T_MAX_COUNT);
}

/* The group that an instance's metadata names as its maker: ".../instanceGroupManagers/NAME". */
static const char *made_for(struct fb_gcp_call *g, const struct fb_json *instance)
{
    const struct fb_json *items = fb_norm_path(instance, "metadata.items");

    for (size_t i = 0, n = fb_norm_len(items); i < n; i++) {
        const struct fb_json *item = fb_norm_at(items, i);
        const char *name;

        if (!fb_eq(fb_json_get_str(item, "key"), "created-by"))
            continue;
        name = fb_gcp_segment(g->c.a, fb_json_get_str(item, "value"), "instanceGroupManagers");
        return *name ? fb_arena_fmt(g->c.a, "mig:%s", name) : "";
    }
    return "";
}

/* Type, accelerators, service account of an instance, or of a template's properties. */
static void read_properties(struct fb_gcp_call *g, const struct fb_json *p)
{
    struct fb_launch *l = &g->c.ev->launch;
    const struct fb_json *gpus = fb_json_get(p, "guestAccelerators");
    const struct fb_json *account = fb_norm_at(fb_json_get(p, "serviceAccounts"), 0);

    l->type = leaf_of(g, p, "machineType");
    for (size_t i = 0, n = fb_norm_len(gpus); i < n && l->gpu_count < FB_NORM_COUNT_MAX; i++) {
        const struct fb_json *gpu = fb_norm_at(gpus, i);

        if (!*l->gpu_type)
            l->gpu_type = leaf_of(g, gpu, "acceleratorType");
        l->gpu_count += fb_norm_number(fb_json_get(gpu, "acceleratorCount"), 0);
    }
    l->profile_arn = fb_gcp_identity(g->c.a, fb_norm_field_id(g->c.a, account, "email"));
    if (fb_norm_flag(fb_json_get(p, "deletionProtection"), false))
        fb_norm_set(&g->c, FB_T_TERM_PROTECT);
}

/* One name for one machine: the entry's own may carry the project's number instead of its id. */
static const char *instance_id(struct fb_gcp_call *g, const char *name)
{
    if (!*g->c.ev->account || !*g->zone || !*name)
        return "";
    return fb_arena_fmt(g->c.a, "projects/%s/zones/%s/instances/%s", g->c.ev->account, g->zone,
                        name);
}

void fb_gcp_insert(struct fb_gcp_call *g)
{
    const struct fb_json *r = g->c.request;
    const char *name = fb_gcp_segment(g->c.a, g->resource, "instances");
    struct fb_event *ev = g->c.ev;
    struct fb_made *made;
    const char *id;
    size_t n;

    read_properties(g, r);
    ev->launch.template_name = leaf_of(g, r, "sourceInstanceTemplate");
    ev->launch.group = made_for(g, r);
    id = instance_id(g, *name ? name : fb_norm_field_id(g->c.a, r, "name"));
    if (*id)
        ev->target_id = id;
    n = *id && ev->outcome == FB_OUTCOME_OK ? 1 : 0;
    made = fb_norm_made(&g->c, &n);
    if (n == 1)
        *made = (struct fb_made){"instance", id, "", ev->region, ev->launch.type};
    set_count(g, 1);
}

/* The machines that a bulk call names one by one: {"perInstanceProperties": {NAME: {...}}}. */
static void made_in_bulk(struct fb_gcp_call *g, const struct fb_json *each)
{
    size_t n = 0, kept = 0, most;
    struct fb_made *made;
    const char *name;
    const struct fb_json *v;
    void *iter = NULL;

    if (fb_json_kind(each) != FB_JSON_OBJECT || g->c.ev->outcome != FB_OUTCOME_OK || !*g->zone)
        return;
    while (n < FB_NORM_ITEMS_MAX && fb_json_next(each, &iter, &name, &v))
        n++;
    most = n;
    made = fb_norm_made(&g->c, &most);
    iter = NULL;
    while (kept < most && fb_json_next(each, &iter, &name, &v)) {
        made[kept] = (struct fb_made){.kind = "instance", .owner = "", .region = g->c.ev->region};
        made[kept].id = instance_id(g, name);
        made[kept].type = g->c.ev->launch.type;
        kept += *made[kept].id != '\0';
    }
    g->c.ev->made_count = kept;
}

void fb_gcp_bulk_insert(struct fb_gcp_call *g)
{
    const struct fb_json *r = fb_json_get(g->c.request, "bulkInsertInstanceResource");

    if (!r)
        r = g->c.request;
    read_properties(g, fb_json_get(r, "instanceProperties"));
    g->c.ev->launch.template_name = leaf_of(g, r, "sourceInstanceTemplate");
    made_in_bulk(g, fb_json_get(r, "perInstanceProperties"));
    set_count(g, fb_norm_number(fb_json_get(r, "count"), 1));
}

/* instanceTemplates.insert: no machine yet, but the type that a group's size will not show. */
void fb_gcp_template(struct fb_gcp_call *g)
{
    read_properties(g, fb_json_get(g->c.request, "properties"));
    g->c.ev->launch.template_name = fb_gcp_segment(g->c.a, g->resource, "instanceTemplates");
    g->c.ev->launch.count = 0;
}

static void mark_blowup(struct fb_gcp_call *g, int64_t desired, int64_t most)
{
    if (most >= BLOWUP_MAX || desired >= BLOWUP_DESIRED)
        fb_norm_set(&g->c, FB_T_GROUP_BLOWUP);
}

/* GKE's groups are called "gke-CLUSTER-POOL-HASH-grp"; where one name ends and the next begins is
 * not told, so a pool goes by both together. */
static const char *node_pool_of(struct fb_gcp_call *g, const char *group)
{
    const char *name = group + strlen("gke-");
    size_t len;

    if (!fb_starts(group, "gke-") || !fb_ends(group, "-grp"))
        return "";
    len = strlen(name) - strlen("-grp");
    while (len > 0 && name[len - 1] != '-')
        len--;
    return len > 1 ? fb_arena_fmt(g->c.a, "gke:%.*s", (int)(len - 1), name) : "";
}

/* instanceGroupManagers and autoscalers. The machines come as instances.insert of Google's agent,
 * so a size is told without the trait launch, but for the first one: as aws_launch.c does it. */
void fb_gcp_group(struct fb_gcp_call *g)
{
    const struct fb_json *r = g->c.request;
    int64_t size =
        fb_norm_number(fb_json_get(r, "targetSize"), fb_norm_number(fb_json_get(r, "size"), 0));
    int64_t named = (int64_t)fb_norm_len(fb_json_get(r, "instances"));
    int64_t most = fb_norm_number(fb_json_path(r, "autoscalingPolicy.maxNumReplicas"), 0);
    const char *group = fb_gcp_segment(g->c.a, g->resource, "instanceGroupManagers");
    struct fb_event *ev = g->c.ev;

    if (!*group)
        group = fb_gcp_leaf(fb_json_get_str(r, "target")); /* of an autoscaler */
    if (!*group && fb_has_fold(ev->action, "InstanceGroupManagers"))
        group = fb_norm_field_id(g->c.a, r, "name");
    if (*group)
        ev->launch.group = fb_arena_fmt(g->c.a, "mig:%s", group);
    ev->launch.within = node_pool_of(g, group);
    if (fb_ends(ev->action, "createInstances"))
        size = named;
    ev->launch.template_name = leaf_of(g, r, "instanceTemplate");
    ev->launch.count = size;
    if (size == 0 && fb_json_get(r, "size") && fb_has_fold(ev->action, ".resize"))
        ev->traits &= ~FB_NORM_BIT(FB_T_COMPUTE_CREATE); /* to nothing: nothing is started */
    mark_blowup(g, size, most);
    if (fb_ends(ev->action, "InstanceGroupManagers.insert") ||
        fb_eq(ev->action, "instanceGroupManagers.insert")) {
        if (size > 0)
            fb_norm_set(&g->c, FB_T_LAUNCH);
        fb_norm_made_one(&g->c, "group", g->resource, "", ev->region);
    }
}

/* One node pool (or an old cluster's own fields): adds to the launch. */
static void add_pool(struct fb_gcp_call *g, const struct fb_json *pool, const char *config)
{
    const struct fb_json *node = fb_json_get(pool, config);
    struct fb_launch *l = &g->c.ev->launch;
    int64_t count = fb_norm_number(fb_json_get(pool, "initialNodeCount"), 0);

    if (!*l->type) {
        l->type = leaf_of(g, node, "machineType");
        l->gpu_type =
            leaf_of(g, fb_norm_at(fb_json_get(node, "accelerators"), 0), "acceleratorType");
        l->gpu_count = fb_norm_number(
            fb_json_get(fb_norm_at(fb_json_get(node, "accelerators"), 0), "acceleratorCount"), 0);
        l->profile_arn = fb_gcp_identity(g->c.a, fb_norm_field_id(g->c.a, node, "serviceAccount"));
    }
    l->count += count;
    mark_blowup(g, count, fb_norm_number(fb_json_path(pool, "autoscaling.maxNodeCount"), 0));
}

/* "gke:CLUSTER-POOL": a new pool, the first of a new cluster, or the one that the call is about. */
static void name_pool(struct fb_gcp_call *g, const struct fb_json *pool,
                      const struct fb_json *first)
{
    const struct fb_json *r = g->c.request;
    const char *cluster = fb_gcp_segment(g->c.a, g->resource, "clusters");
    const char *name = fb_norm_field_id(g->c.a, pool ? pool : first, "name");

    if (!*cluster)
        cluster = fb_norm_path_id(g->c.a, r, "cluster.name");
    if (!*cluster)
        cluster = fb_norm_field_id(g->c.a, r, "clusterId");
    if (!*name)
        name = fb_gcp_segment(g->c.a, g->resource, "nodePools");
    if (!*name)
        name = fb_norm_field_id(g->c.a, r, "nodePoolId");
    if (!*name && fb_ends(g->c.ev->action, "CreateCluster"))
        name = "default-pool";
    if (*cluster && *name)
        g->c.ev->launch.group = fb_arena_fmt(g->c.a, "gke:%s-%s", cluster, name);
}

/* container CreateCluster, CreateNodePool, SetNodePoolSize, SetNodePoolAutoscaling. */
void fb_gcp_node_pool(struct fb_gcp_call *g)
{
    const struct fb_json *r = g->c.request, *cluster = fb_json_get(r, "cluster");
    const struct fb_json *pools = fb_json_get(cluster, "nodePools"), *pool;
    int64_t size = fb_norm_number(fb_json_get(r, "nodeCount"), 0);
    int64_t most = fb_norm_number(fb_json_path(r, "autoscaling.maxNodeCount"), 0);
    struct fb_launch *l = &g->c.ev->launch;

    pool = fb_json_get(r, "nodePool");
    if (pool)
        add_pool(g, pool, "config");
    if (cluster)
        add_pool(g, cluster, "nodeConfig");
    for (size_t i = 0, n = fb_norm_len(pools); i < n && l->count < FB_NORM_COUNT_MAX; i++)
        add_pool(g, fb_norm_at(pools, i), "config");
    name_pool(g, pool, fb_norm_at(pools, 0));
    if (size == 0 && fb_json_get(r, "nodeCount") && fb_ends(g->c.ev->action, "SetNodePoolSize"))
        g->c.ev->traits &= ~FB_NORM_BIT(FB_T_COMPUTE_CREATE);
    mark_blowup(g, size, most);
    if (l->count > 0)
        set_count(g, l->count);
    else
        l->count = size;
}

/* ---- services that start machines of their own ---- */

struct walk {
    struct fb_gcp_call *g;
    int nodes;
};

static int64_t count_here(const struct fb_json *v, int64_t otherwise)
{
    static const char *const names[] = {"replicaCount", "numInstances", "startingReplicaCount",
                                        "minReplicaCount"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (fb_json_get(v, names[i]))
            return fb_norm_number(fb_json_get(v, names[i]), otherwise);
    return otherwise;
}

/* {"machineType": ..., "acceleratorType": ..., "acceleratorCount": ...} or Dataproc's words. */
static void take_spec(struct fb_gcp_call *g, const struct fb_json *v, int64_t count)
{
    struct fb_launch *l = &g->c.ev->launch;
    const char *type = leaf_of(g, v, "machineType");

    if (!*type)
        type = leaf_of(g, v, "machineTypeUri");
    if (!*type)
        return;
    if (!*l->type) {
        const struct fb_json *config = fb_json_get(v, "acceleratorConfig");

        l->type = type;
        l->gpu_type = leaf_of(g, v, "acceleratorType");
        l->gpu_count = fb_norm_number(fb_json_get(v, "acceleratorCount"), 0);
        if (config) {
            l->gpu_type = leaf_of(g, config, "type");
            l->gpu_count = fb_norm_number(fb_json_get(config, "coreCount"), 0);
        }
    }
    l->count += count;
    if (l->count > FB_NORM_COUNT_MAX)
        l->count = FB_NORM_COUNT_MAX;
}

/* Machine descriptions hang at different depths in each service's request; a count stands beside
 * them or above them. Calls itself, WALK_DEPTH_MAX deep. */
static void walk_specs(struct walk *w, const struct fb_json *v, int64_t count, int depth)
{
    void *iter = NULL;
    const char *key;
    const struct fb_json *member;

    if (depth > WALK_DEPTH_MAX || ++w->nodes > WALK_NODES_MAX)
        return;
    if (fb_json_kind(v) == FB_JSON_ARRAY) {
        for (size_t i = 0, n = fb_norm_len(v); i < n; i++)
            walk_specs(w, fb_json_at(v, i), count, depth + 1);
        return;
    }
    if (fb_json_kind(v) != FB_JSON_OBJECT)
        return;
    count = count_here(v, count);
    take_spec(w->g, v, count);
    while (fb_json_next(v, &iter, &key, &member))
        walk_specs(w, member, count, depth + 1);
}

/* Vertex AI, notebooks, Dataproc, Batch: the first type is told, the counts of all are added. */
void fb_gcp_managed(struct fb_gcp_call *g)
{
    struct walk w = {.g = g};

    walk_specs(&w, g->c.request, 1, 0);
    if (g->c.ev->launch.count > 0)
        set_count(g, g->c.ev->launch.count);
}

/* instances.setDeletionProtection: protection is what the call does when it says nothing else. */
void fb_gcp_deletion_protection(struct fb_gcp_call *g)
{
    if (fb_norm_flag(fb_json_get(g->c.request, "deletionProtection"), true))
        fb_norm_set(&g->c, FB_T_TERM_PROTECT);
}

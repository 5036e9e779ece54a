/* aws_group.c - the group that a call makes, grows or launches for: scaling group, fleet, node
 * group, cluster, service, stack. From: each service's API reference; tags that AWS sets: EC2 Auto
 * Scaling and EC2 Fleet user guides ("aws:" may begin no tag of a customer's), EKS managed node
 * groups. */
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "normalize/norm_in.h"

enum { TAGS_MAX = 256 };

/* By which field a call names its group. `outer`: the field that names what the group is in. */
static const struct naming {
    const char *service, *action, *kind;
    bool in_response;
    const char *outer, *field;
} NAMINGS[] = {
    {"autoscaling", "CreateAutoScalingGroup", "autoscaling", false, "", "autoScalingGroupName"},
    {"autoscaling", "UpdateAutoScalingGroup", "autoscaling", false, "", "autoScalingGroupName"},
    {"autoscaling", "SetDesiredCapacity", "autoscaling", false, "", "autoScalingGroupName"},
    {"ec2", "CreateFleet", "fleet", true, "", "fleetId"},
    {"ec2", "ModifyFleet", "fleet", false, "", "fleetId"},
    {"ec2", "RequestSpotFleet", "spotfleet", true, "", "spotFleetRequestId"},
    {"ec2", "ModifySpotFleetRequest", "spotfleet", false, "", "spotFleetRequestId"},
    {"ecs", "CreateService", "ecs", false, "cluster", "serviceName"},
    {"ecs", "UpdateService", "ecs", false, "cluster", "service"},
    {"eks", "CreateNodegroup", "eks", false, "clusterName", "nodegroupName"},
    {"eks", "UpdateNodegroupConfig", "eks", false, "clusterName", "nodegroupName"},
    {"batch", "CreateComputeEnvironment", "batch", false, "", "computeEnvironmentName"},
    {"batch", "UpdateComputeEnvironment", "batch", false, "", "computeEnvironment"},
    {"elasticmapreduce", "RunJobFlow", "emr", true, "", "jobFlowId"},
    {"elasticmapreduce", "AddInstanceGroups", "emr", false, "", "jobFlowId"},
    {"elasticmapreduce", "ModifyInstanceGroups", "emr", false, "", "clusterId"},
    {"elasticmapreduce", "AddInstanceFleet", "emr", false, "", "clusterId"},
    {"elasticmapreduce", "ModifyInstanceFleet", "emr", false, "", "clusterId"},
    {"cloudformation", "CreateStack", "stack", false, "", "stackName"},
    {"cloudformation", "UpdateStack", "stack", false, "", "stackName"},
    {"elasticbeanstalk", "CreateEnvironment", "beanstalk", false, "", "environmentName"},
    {"elasticbeanstalk", "UpdateEnvironment", "beanstalk", false, "", "environmentName"},
};

/* "arn:...:stack/NAME/UUID", "arn:...:cluster/NAME": the name. */
static const char *bare_name(struct fb_arena *a, const char *name)
{
    struct fb_arn arn;

    if (!fb_arn_split(a, name, &arn))
        return name;
    if (fb_starts(arn.resource, "stack/")) {
        name = arn.resource + strlen("stack/");
        return fb_arena_strn(a, name, strcspn(name, "/"));
    }
    return strrchr(arn.resource, '/') ? fb_norm_after_last(arn.resource, '/') : name;
}

static const char *named(struct fb_norm_call *c, const struct naming *n)
{
    const struct fb_json *from = n->in_response ? c->response : c->request;
    const char *name = bare_name(c->a, fb_norm_field_id(c->a, from, n->field));
    const char *outer = *n->outer ? fb_norm_field_id(c->a, c->request, n->outer) : "";

    if (!*name)
        return "";
    if (!*outer && fb_eq(n->service, "eks"))
        outer = fb_norm_field_id(c->a, c->request, "name");
    if (!*outer && fb_eq(n->service, "ecs"))
        outer = "default";
    return *n->outer ? fb_arena_fmt(c->a, "%s:%s/%s", n->kind, bare_name(c->a, outer), name)
                     : fb_arena_fmt(c->a, "%s:%s", n->kind, name);
}

/* What the tags of a launch or of a new group tell. */
struct tags {
    const char *scaling, *fleet, *spot, *emr, *stack, *cluster, *nodes, *beanstalk;
};

static void take_tag(struct fb_norm_call *c, const struct fb_json *tag, struct tags *t)
{
    const struct {
        const char *key, **to;
    } known[] = {{"aws:autoscaling:groupName", &t->scaling},
                 {"aws:ec2:fleet-id", &t->fleet},
                 {"aws:ec2spot:fleet-request-id", &t->spot},
                 {"aws:elasticmapreduce:job-flow-id", &t->emr},
                 {"aws:cloudformation:stack-name", &t->stack},
                 {"eks:cluster-name", &t->cluster},
                 {"eks:nodegroup-name", &t->nodes},
                 {"elasticbeanstalk:environment-name", &t->beanstalk}};
    const char *key = fb_norm_field_id(c->a, tag, "key");

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (fb_eq(key, known[i].key) && !**known[i].to)
            *known[i].to = fb_norm_field_id(c->a, tag, "value");
}

static void take_tags(struct fb_norm_call *c, const struct fb_json *list, struct tags *t)
{
    for (size_t i = 0, n = fb_norm_len(list); i < n && i < TAGS_MAX; i++)
        take_tag(c, fb_norm_at(list, i), t);
}

static void read_tags(struct fb_norm_call *c, struct tags *t)
{
    static const char *const names[] = {"tagSpecificationSet", "tagSpecification",
                                        "tagSpecifications"};

    for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
        const struct fb_json *specs = fb_norm_field(c->request, names[k]);

        for (size_t i = 0, n = fb_norm_len(specs); i < n && i < TAGS_MAX; i++) {
            const struct fb_json *spec = fb_norm_at(specs, i);

            take_tags(c, fb_norm_field(spec, "tags"), t);
            take_tags(c, fb_norm_field(spec, "tag"), t);
        }
    }
    take_tags(c, fb_norm_field(c->request, "tags"), t);
}

static bool by(const struct fb_norm_call *c, const char *service)
{
    return fb_starts(c->ev->who.invoked_by, service);
}

/* The group for which AWS launches: only of tags that nobody else can set. */
static const char *launched_for(struct fb_norm_call *c, const struct tags *t)
{
    if (*t->emr)
        return fb_arena_fmt(c->a, "emr:%s", t->emr);
    if (*t->scaling)
        return fb_arena_fmt(c->a, "autoscaling:%s", t->scaling);
    if (*t->fleet)
        return fb_arena_fmt(c->a, "fleet:%s", t->fleet);
    if (*t->spot)
        return fb_arena_fmt(c->a, "spotfleet:%s", t->spot);
    return *t->stack ? fb_arena_fmt(c->a, "stack:%s", t->stack) : "";
}

/* "NAME-asg-UUID", Batch's scaling groups: the compute environment's name. */
static const char *environment_of(struct fb_arena *a, const char *group)
{
    const char *name = strchr(group, ':') ? strchr(group, ':') + 1 : group;
    const char *mark = strstr(name, "-asg-");

    return mark ? fb_arena_fmt(a, "batch:%.*s", (int)(mark - name), name) : "";
}

/* What a group that a service makes is a part of. Tags without "aws:" are anybody's to set, so they
 * count on calls of the service that sets them. */
static const char *part_of(struct fb_norm_call *c, const struct tags *t)
{
    if ((by(c, "eks.") || by(c, "eks-nodegroup.")) && *t->cluster && *t->nodes)
        return fb_arena_fmt(c->a, "eks:%s/%s", t->cluster, t->nodes);
    if (by(c, "elasticbeanstalk.") && *t->beanstalk)
        return fb_arena_fmt(c->a, "beanstalk:%s", t->beanstalk);
    if (by(c, "batch."))
        return environment_of(c->a, c->ev->launch.group);
    if (*t->emr && !fb_starts(c->ev->launch.group, "emr:"))
        return fb_arena_fmt(c->a, "emr:%s", t->emr);
    return *t->stack ? fb_arena_fmt(c->a, "stack:%s", t->stack) : "";
}

void fb_norm_group(struct fb_norm_call *c)
{
    struct fb_launch *l = &c->ev->launch;
    struct tags t = {"", "", "", "", "", "", "", ""};

    for (size_t i = 0; i < sizeof NAMINGS / sizeof NAMINGS[0] && !*l->group; i++)
        if (fb_eq(NAMINGS[i].action, c->ev->action) && fb_eq(NAMINGS[i].service, c->ev->service))
            l->group = named(c, &NAMINGS[i]);
    if (!*c->ev->who.invoked_by || !fb_event_is(c->ev, FB_T_COMPUTE_CREATE))
        return;
    read_tags(c, &t);
    if (*l->group)
        l->within = part_of(c, &t);
    else
        l->group = launched_for(c, &t);
}

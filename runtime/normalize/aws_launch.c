/* aws_launch.c - how many machines of which type a call made, or asked for. */
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "normalize/norm_in.h"

enum {
    MAX_COUNT_MACHINES = 10, /* signal max-count-ask */
    MAX_COUNT_FLEET = 20,
    BLOWUP_MAX = 100, /* signal asg-blowup */
    BLOWUP_DESIRED = 20,
    MINER_CPU_UNITS = 8192 /* signal container-miner-shape; 1024 units are one vCPU */
};

/* A type is text, or {"value": text}. */
static const char *type_of(struct fb_norm_call *c, const struct fb_json *v)
{
    if (fb_json_kind(v) == FB_JSON_OBJECT)
        v = fb_norm_field(v, "value");
    return fb_norm_id(c->a, v);
}

static const char *machine_type(struct fb_norm_call *c, const struct fb_json *holder)
{
    return type_of(c, fb_norm_field(holder, "instanceType"));
}

static void read_template(struct fb_norm_call *c, const struct fb_json *template)
{
    struct fb_launch *l = &c->ev->launch;

    if (!*l->template_id)
        l->template_id = fb_norm_field_id(c->a, template, "launchTemplateId");
    if (!*l->template_name)
        l->template_name = fb_norm_field_id(c->a, template, "launchTemplateName");
}

static void read_profile(struct fb_norm_call *c, const struct fb_json *profile)
{
    struct fb_launch *l = &c->ev->launch;
    const char *name = fb_norm_field_id(c->a, profile, "name");

    if (!*l->profile_arn)
        l->profile_arn = fb_norm_field_id(c->a, profile, "arn");
    /* A launch that names the profile and one that gives its ARN must compare equal. */
    if (!*l->profile_arn && *name)
        l->profile_arn = *c->ev->account ? fb_arena_fmt(c->a, "arn:aws:iam::%s:instance-profile/%s",
                                                        c->ev->account, name)
                                         : name;
}

/* ec2 AssociateIamInstanceProfile and its like: a machine gets rights, as a launch with them would
 * give it. */
void fb_norm_machine_profile(struct fb_norm_call *c)
{
    read_profile(c, fb_norm_field(c->request, "iamInstanceProfile"));
}

static void read_zone(struct fb_norm_call *c, const struct fb_json *holder)
{
    if (!*c->ev->launch.zone)
        c->ev->launch.zone = fb_norm_field_id(c->a, holder, "availabilityZone");
}

static void read_protection(struct fb_norm_call *c, const struct fb_json *holder)
{
    if (fb_norm_flag(fb_norm_field(holder, "disableApiTermination"), false) ||
        fb_norm_flag(fb_norm_field(holder, "disableApiStop"), false))
        fb_norm_set(c, FB_T_TERM_PROTECT);
}

static void set_count(struct fb_norm_call *c, int64_t count, int64_t asked, int64_t many)
{
    c->ev->launch.count = count;
    if (count > 0)
        fb_norm_set(c, FB_T_LAUNCH);
    if (asked >= many)
        fb_norm_set(c, FB_T_MAX_COUNT);
}

/* The response's machines, when the call succeeded: exact, and with the type that a template hid.
 */
static int64_t read_made_instances(struct fb_norm_call *c)
{
    const struct fb_json *items = fb_norm_field(c->response, "instancesSet");
    size_t n = c->ev->outcome == FB_OUTCOME_OK ? fb_norm_len(items) : 0;
    struct fb_made *made = fb_norm_made(c, &n);
    const char *type = "";
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        const struct fb_json *item = fb_norm_at(items, i);

        made[kept].id = fb_norm_field_id(c->a, item, "instanceId");
        made[kept].type = machine_type(c, item);
        if (!*type)
            type = made[kept].type;
        read_profile(c, fb_norm_field(item, "iamInstanceProfile"));
        read_zone(c, fb_norm_field(item, "placement"));
        if (!*made[kept].id)
            continue;
        made[kept].kind = "instance";
        made[kept].owner = "";
        made[kept++].region = c->ev->region;
    }
    c->ev->made_count = kept;
    if (*type)
        c->ev->launch.type = type;
    return (int64_t)n;
}

void fb_norm_run_instances(struct fb_norm_call *c)
{
    const struct fb_json *items = fb_norm_field(c->request, "instancesSet");
    int64_t asked = 0, made;

    for (size_t i = 0, n = fb_norm_len(items); i < n && asked < FB_NORM_COUNT_MAX; i++) {
        const struct fb_json *item = fb_norm_at(items, i);

        asked += fb_norm_number(fb_norm_field(item, "maxCount"),
                                fb_norm_number(fb_norm_field(item, "minCount"), 0));
        if (!*c->ev->launch.type)
            c->ev->launch.type = machine_type(c, item);
    }
    if (asked == 0)
        asked = fb_norm_number(fb_norm_field(c->request, "maxCount"), 0);
    if (asked > FB_NORM_COUNT_MAX)
        asked = FB_NORM_COUNT_MAX;
    if (*machine_type(c, c->request))
        c->ev->launch.type = machine_type(c, c->request);
    read_template(c, fb_norm_field(c->request, "launchTemplate"));
    read_protection(c, c->request);
    read_zone(c, c->request);
    read_zone(c, fb_norm_field(c->request, "placement"));
    made = read_made_instances(c);
    read_profile(c, fb_norm_field(c->request, "iamInstanceProfile"));
    set_count(c, made > 0 ? made : asked, asked > made ? asked : made, MAX_COUNT_MACHINES);
}

/* The first override, specification or template that names a type. */
static void read_launch_configs(struct fb_norm_call *c, const struct fb_json *configs)
{
    for (size_t i = 0, n = fb_norm_len(configs); i < n; i++) {
        const struct fb_json *config = fb_norm_at(configs, i);
        const struct fb_json *overrides = fb_norm_field(config, "overrides");

        read_template(c, fb_norm_field(config, "launchTemplateSpecification"));
        read_zone(c, fb_norm_field(config, "placement"));
        if (fb_norm_len(overrides) == 1)
            read_zone(c, fb_norm_at(overrides, 0));
        for (size_t k = 0, m = fb_norm_len(overrides); k < m && !*c->ev->launch.type; k++)
            c->ev->launch.type = machine_type(c, fb_norm_at(overrides, k));
        if (!*c->ev->launch.type)
            c->ev->launch.type = machine_type(c, config);
    }
}

/* An instant fleet answers with its machines, grouped by type. Returns how many. */
static int64_t read_made_fleet(struct fb_norm_call *c)
{
    const struct fb_json *sets = fb_norm_field(c->response, "fleetInstanceSet");
    size_t sets_n = c->ev->outcome == FB_OUTCOME_OK ? fb_norm_len(sets) : 0, n = 0, kept = 0;
    struct fb_made *made;

    for (size_t i = 0; i < sets_n && n < FB_NORM_ITEMS_MAX; i++)
        n += fb_norm_len(fb_norm_field(fb_norm_at(sets, i), "instanceIds"));
    made = fb_norm_made(c, &n);
    for (size_t i = 0; i < sets_n; i++) {
        const struct fb_json *set = fb_norm_at(sets, i), *ids = fb_norm_field(set, "instanceIds");
        const char *type = machine_type(c, set);

        if (*type)
            c->ev->launch.type = type;
        for (size_t k = 0, m = fb_norm_len(ids); k < m && kept < n; k++) {
            const char *id = fb_norm_id(c->a, fb_norm_at(ids, k));

            if (*id)
                made[kept++] = (struct fb_made){"instance", id, "", c->ev->region, type};
        }
    }
    c->ev->made_count = kept;
    return (int64_t)kept;
}

/* CreateFleet, ModifyFleet, RequestSpotFleet, ModifySpotFleetRequest. */
void fb_norm_fleet(struct fb_norm_call *c)
{
    const struct fb_json *config = fb_norm_field(c->request, "spotFleetRequestConfig");
    int64_t asked, made;

    if (!config)
        config = c->request;
    asked = fb_norm_number(fb_norm_path(config, "targetCapacitySpecification.totalTargetCapacity"),
                           fb_norm_number(fb_norm_field(config, "targetCapacity"), 0));
    read_launch_configs(c, fb_norm_field(config, "launchTemplateConfigs"));
    read_launch_configs(c, fb_norm_field(config, "launchSpecifications"));
    made = read_made_fleet(c);
    set_count(c, made > 0 ? made : asked, asked, MAX_COUNT_FLEET);
    if (made > 0 || c->ev->outcome != FB_OUTCOME_OK)
        return;
    /* It starts machines later, and again when they are stopped. */
    if (*fb_norm_field_id(c->a, c->response, "fleetId"))
        fb_norm_made_one(c, "fleet", fb_norm_field_id(c->a, c->response, "fleetId"), "",
                         c->ev->region);
    else if (*fb_norm_field_id(c->a, c->response, "spotFleetRequestId"))
        fb_norm_made_one(c, "spot_fleet", fb_norm_field_id(c->a, c->response, "spotFleetRequestId"),
                         "", c->ev->region);
}

/* One thing a list item, of that kind. */
static void made_list(struct fb_norm_call *c, const char *kind, const struct fb_json *list,
                      const char *(*id)(struct fb_norm_call *c, const struct fb_json *item))
{
    size_t n = c->ev->outcome == FB_OUTCOME_OK ? fb_norm_len(list) : 0, kept = 0;
    struct fb_made *made = fb_norm_made(c, &n);

    for (size_t i = 0; i < n; i++) {
        made[kept] = (struct fb_made){kind, id(c, fb_norm_at(list, i)), "", c->ev->region, ""};
        kept += *made[kept].id != '\0';
    }
    c->ev->made_count = kept;
}

static const char *spot_request_id(struct fb_norm_call *c, const struct fb_json *item)
{
    return fb_norm_field_id(c->a, item, "spotInstanceRequestId");
}

/* "arn:...:task/CLUSTER/ID" -> "CLUSTER/ID"; "" for the old form, which names no cluster. */
static const char *task_id(struct fb_norm_call *c, const struct fb_json *item)
{
    const char *arn = fb_norm_field_id(c->a, item, "taskArn"), *at = strstr(arn, ":task/");

    return at && strchr(at + strlen(":task/"), '/') ? at + strlen(":task/") : "";
}

void fb_norm_ecs_task(struct fb_norm_call *c)
{
    made_list(c, "ecs_task", fb_norm_field(c->response, "tasks"), task_id);
}

/* A cluster is named by its name or ARN; none is "default". */
void fb_norm_ecs_service(struct fb_norm_call *c)
{
    const char *cluster = fb_norm_field_id(c->a, c->request, "cluster");
    const char *name = fb_norm_field_id(c->a, c->request, "serviceName");

    if (strrchr(cluster, '/'))
        cluster = strrchr(cluster, '/') + 1;
    if (*name)
        fb_norm_made_one(c, "ecs_service",
                         fb_arena_fmt(c->a, "%s/%s", *cluster ? cluster : "default", name), "",
                         c->ev->region);
}

void fb_norm_spot_request(struct fb_norm_call *c)
{
    const struct fb_json *spec = fb_norm_field(c->request, "launchSpecification");
    int64_t asked = fb_norm_number(fb_norm_field(c->request, "instanceCount"), 1);

    c->ev->launch.type = machine_type(c, spec);
    read_zone(c, fb_norm_field(spec, "placement"));
    read_profile(c, fb_norm_field(spec, "iamInstanceProfile"));
    if (fb_json_kind(c->request) == FB_JSON_OBJECT)
        set_count(c, asked, asked, MAX_COUNT_MACHINES);
    made_list(c, "spot_request", fb_norm_field(c->response, "spotInstanceRequestSet"),
              spot_request_id);
}

/* CreateAutoScalingGroup starts machines; UpdateAutoScalingGroup and SetDesiredCapacity name a new
 * total, so that count tells the size but the trait launch is not set: the machines themselves come
 * as RunInstances of the scaling service. */
void fb_norm_scaling_group(struct fb_norm_call *c)
{
    const struct fb_json *r = c->request;
    const struct fb_json *mixed = fb_norm_path(r, "mixedInstancesPolicy.launchTemplate");
    int64_t least = fb_norm_number(fb_norm_field(r, "minSize"), 0);
    int64_t desired = fb_norm_number(fb_norm_field(r, "desiredCapacity"), least);
    int64_t most = fb_norm_number(fb_norm_field(r, "maxSize"), 0);
    const char *name = fb_norm_field_id(c->a, r, "autoScalingGroupName");

    read_template(c, fb_norm_field(r, "launchTemplate"));
    read_launch_configs(c, mixed);
    c->ev->launch.count = desired;
    if (desired == 0 && most == 0 && !fb_eq(c->ev->action, "CreateAutoScalingGroup") &&
        (fb_norm_field(r, "desiredCapacity") || fb_norm_field(r, "maxSize")))
        c->ev->traits &= ~FB_NORM_BIT(FB_T_COMPUTE_CREATE); /* to nothing: nothing is started */
    if (most >= BLOWUP_MAX || desired >= BLOWUP_DESIRED)
        fb_norm_set(c, FB_T_GROUP_BLOWUP);
    if (fb_eq(c->ev->action, "CreateAutoScalingGroup")) {
        if (desired > 0)
            fb_norm_set(c, FB_T_LAUNCH);
        fb_norm_made_one(c, "group", name, "", c->ev->region);
    }
}

/* EKS managed node groups are scaling groups too. */
void fb_norm_node_group(struct fb_norm_call *c)
{
    const struct fb_json *scaling = fb_norm_field(c->request, "scalingConfig");

    if (fb_norm_number(fb_norm_field(scaling, "maxSize"), 0) >= BLOWUP_MAX ||
        fb_norm_number(fb_norm_field(scaling, "desiredSize"), 0) >= BLOWUP_DESIRED)
        fb_norm_set(c, FB_T_GROUP_BLOWUP);
}

/* CreateLaunchTemplate(Version): no machine yet, but the type that later launches will not show. */
void fb_norm_launch_template(struct fb_norm_call *c)
{
    const struct fb_json *data = fb_norm_field(c->request, "launchTemplateData");

    read_template(c, fb_norm_field(c->response, "launchTemplate"));
    read_template(c, c->request);
    c->ev->launch.type = machine_type(c, data);
    read_profile(c, fb_norm_field(data, "iamInstanceProfile"));
    read_protection(c, data);
    c->ev->target_id = c->ev->launch.template_id;
}

/* ModifyInstanceAttribute: {"disableApiTermination": {"value": true}}, or attribute and value. */
void fb_norm_instance_attribute(struct fb_norm_call *c)
{
    const char *attribute = fb_norm_field_id(c->a, c->request, "attribute");

    read_protection(c, c->request);
    if ((fb_eq(attribute, "disableApiTermination") || fb_eq(attribute, "disableApiStop")) &&
        fb_json_bool(fb_norm_field(c->request, "value"), false))
        fb_norm_set(c, FB_T_TERM_PROTECT);
    if (fb_eq(attribute, "userData") || fb_norm_field(c->request, "userData"))
        fb_norm_set(c, FB_T_CODE_OVERWRITE);
}

/* RegisterTaskDefinition: a task of 8 vCPU or more whose image comes from no registry of ECR. */
void fb_norm_task_definition(struct fb_norm_call *c)
{
    const struct fb_json *list = fb_norm_field(c->request, "containerDefinitions");
    int64_t cpu = fb_norm_number(fb_norm_field(c->request, "cpu"), 0);
    bool foreign = false;

    for (size_t i = 0, n = fb_norm_len(list); i < n; i++) {
        const struct fb_json *item = fb_norm_at(list, i);
        const char *image = fb_json_str(fb_norm_field(item, "image"));
        int64_t own = fb_norm_number(fb_norm_field(item, "cpu"), 0);

        if (own > cpu)
            cpu = own;
        if (!*c->ev->launch.image)
            c->ev->launch.image = image;
        if (*image && !strstr(image, ".dkr.ecr.") && foreign && !fb_eq(image, c->ev->launch.image))
            c->ev->more_outsiders = true;
        if (*image && !strstr(image, ".dkr.ecr.") && !foreign) {
            c->ev->launch.image = image; /* the one that makes people look */
            foreign = true;
        }
    }
    if (foreign && cpu >= MINER_CPU_UNITS)
        fb_norm_set(c, FB_T_CONTAINER_MINER);
}

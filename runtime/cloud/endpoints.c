/* endpoints.c - the table of services, and the hosts of the three public partitions.
 *
 * From: AWS's endpoint rules, as botocore evaluates them. */
#include "cloud/endpoints.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "cloud/env.h"
#include "cloud/url.h"

enum partition { AWS, GOV, CN };

#define QUERY(name, env, version, global)                                                          \
    {                                                                                              \
        name, env, version, FB_AWS_QUERY, global, ""                                               \
    }
#define JSON(name, env, target, global, json)                                                      \
    {                                                                                              \
        name, env, target, FB_AWS_JSON, global, json                                               \
    }
#define REST(name, env, global)                                                                    \
    {                                                                                              \
        name, env, "", FB_AWS_REST, global, ""                                                     \
    }

static const struct fb_aws_service SERVICES[] = {
    QUERY("iam", "IAM", "2010-05-08", true),
    QUERY("sts", "STS", "2011-06-15", false),
    {"ec2", "EC2", "2016-11-15", FB_AWS_EC2, false, ""},
    QUERY("autoscaling", "AUTO_SCALING", "2011-01-01", false),
    QUERY("sns", "SNS", "2010-03-31", false),
    JSON("sqs", "SQS", "AmazonSQS", false, "1.0"),
    JSON("dynamodb", "DYNAMODB", "DynamoDB_20120810", false, "1.0"),
    JSON("ecs", "ECS", "AmazonEC2ContainerServiceV20141113", false, "1.1"),
    JSON("sagemaker", "SAGEMAKER", "SageMaker", false, "1.1"),
    JSON("lightsail", "LIGHTSAIL", "Lightsail_20161128", false, "1.1"),
    JSON("cloudtrail", "CLOUDTRAIL", "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101",
         false, "1.1"),
    JSON("events", "EVENTBRIDGE", "AWSEvents", false, "1.1"),
    JSON("secretsmanager", "SECRETS_MANAGER", "secretsmanager", false, "1.1"),
    JSON("ssm", "SSM", "AmazonSSM", false, "1.1"),
    JSON("support", "SUPPORT", "AWSSupport_20130415", true, "1.1"),
    JSON("organizations", "ORGANIZATIONS", "AWSOrganizationsV20161128", true, "1.1"),
    JSON("health", "HEALTH", "AWSHealth_20160804", true, "1.1"),
    REST("lambda", "LAMBDA", false),
    REST("batch", "BATCH", false),
    REST("guardduty", "GUARDDUTY", false),
    REST("account", "ACCOUNT", true),
};

/* Global services: host and signing region, by partition. */
static const struct {
    const char *name;
    struct {
        const char *host, *region;
    } at[3];
} GLOBAL[] = {
    {"iam",
     {{"iam.amazonaws.com", "us-east-1"},
      {"iam.us-gov.amazonaws.com", "us-gov-west-1"},
      {"iam.cn-north-1.amazonaws.com.cn", "cn-north-1"}}},
    {"support",
     {{"support.us-east-1.amazonaws.com", "us-east-1"},
      {"support.us-gov-west-1.amazonaws.com", "us-gov-west-1"},
      {"support.cn-north-1.amazonaws.com.cn", "cn-north-1"}}},
    {"organizations",
     {{"organizations.us-east-1.amazonaws.com", "us-east-1"},
      {"organizations.us-gov-west-1.amazonaws.com", "us-gov-west-1"},
      {"organizations.cn-northwest-1.amazonaws.com.cn", "cn-northwest-1"}}},
    {"account",
     {{"account.us-east-1.amazonaws.com", "us-east-1"},
      {"account.us-gov-west-1.amazonaws.com", "us-gov-west-1"},
      {"account.cn-northwest-1.amazonaws.com.cn", "cn-northwest-1"}}},
    /* global.health names the active region; us-east-1 is that, unless it failed over. */
    {"health",
     {{"health.us-east-1.amazonaws.com", "us-east-1"},
      {"health.us-gov-west-1.amazonaws.com", "us-gov-west-1"},
      {"global.health.amazonaws.com.cn", "cn-northwest-1"}}},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

const struct fb_aws_service *fb_aws_service(const char *name)
{
    for (size_t i = 0; name && i < COUNT(SERVICES); i++)
        if (strcmp(SERVICES[i].name, name) == 0)
            return &SERVICES[i];
    return NULL;
}

static enum partition partition_of(const char *region)
{
    if (fb_starts(region, "cn-"))
        return CN;
    return fb_starts(region, "us-gov-") ? GOV : AWS;
}

/* A region comes from events too: nothing but a host label may become part of a host name. */
static bool region_ok(const char *region)
{
    size_t len = strlen(region);

    for (size_t i = 0; i < len; i++)
        if (!islower((unsigned char)region[i]) && !isdigit((unsigned char)region[i]) &&
            region[i] != '-')
            return false;
    return len > 0 && len <= 32;
}

static const char *host_of(struct fb_arena *a, const struct fb_aws_service *s, const char *region)
{
    return fb_arena_fmt(a, "%s%s.%s.amazonaws.com%s", fb_eq(s->name, "sagemaker") ? "api." : "",
                        s->name, region, partition_of(region) == CN ? ".cn" : "");
}

static const char *override_of(const char *const *env, const struct fb_aws_service *s)
{
    char name[64];
    const char *url;

    if (fb_cloud_env_true(env, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"))
        return "";
    (void)snprintf(name, sizeof name, "AWS_ENDPOINT_URL_%s", s->env);
    url = fb_cloud_env(env, name);
    return *url ? url : fb_cloud_env(env, "AWS_ENDPOINT_URL");
}

enum fb_status fb_aws_endpoint(struct fb_arena *a, const char *const *env,
                               const struct fb_aws_service *service, const char *region,
                               const char *home, struct fb_aws_endpoint *out, struct fb_err *err)
{
    const char *host = NULL, *url = override_of(env, service);
    struct fb_url parts;
    size_t len = strlen(url);

    out->region = region && *region ? region : home;
    if (!region_ok(out->region))
        return fb_err_set(err, FB_EINPUT, "no region is called \"%.40s\"", out->region);
    for (size_t i = 0; service->global && i < COUNT(GLOBAL); i++) {
        if (!fb_eq(GLOBAL[i].name, service->name))
            continue;
        /* The home region says in which partition we are; a global service has no other choice. */
        host = GLOBAL[i].at[partition_of(home)].host;
        out->region = GLOBAL[i].at[partition_of(home)].region;
    }
    if (len > 0) {
        if (!fb_url_split(url, &parts) || parts.query.len)
            return fb_err_set(err, FB_ECONFIG,
                              "AWS_ENDPOINT_URL for %s is not an http or https URL", service->name);
        while (len > 0 && url[len - 1] == '/')
            len--;
        out->url = fb_arena_strn(a, url, len);
        return FB_OK;
    }
    out->url = fb_arena_fmt(a, "https://%s", host ? host : host_of(a, service, out->region));
    return FB_OK;
}

/* facts.c - from an event's text to the small numbers that a profile keeps. */
#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/digest.h"
#include "base/text.h"
#include "score/profile_in.h"

uint32_t fb_hash32(const char *salt, const char *text)
{
    uint64_t h = fb_hash64_str(text) ^ (fb_hash64_str(salt) * UINT64_C(0x9e3779b97f4a7c15));
    uint32_t folded = (uint32_t)(h ^ (h >> 32));

    return folded ? folded : 1;
}

/* Kept in stores by index: append only. */
static const char *const REGION_NAMES[] = {
    "us-east-1",      "us-east-2",      "us-west-1",      "us-west-2",      "af-south-1",
    "ap-east-1",      "ap-east-2",      "ap-south-1",     "ap-south-2",     "ap-southeast-1",
    "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-6",
    "ap-southeast-7", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ca-central-1",
    "ca-west-1",      "eu-central-1",   "eu-central-2",   "eu-west-1",      "eu-west-2",
    "eu-west-3",      "eu-south-1",     "eu-south-2",     "eu-north-1",     "il-central-1",
    "me-south-1",     "me-central-1",   "mx-central-1",   "sa-east-1",      "us-gov-east-1",
    "us-gov-west-1",  "cn-north-1",     "cn-northwest-1",
};

enum { REGION_NAME_COUNT = (int)(sizeof REGION_NAMES / sizeof REGION_NAMES[0]) };

_Static_assert((int)REGION_NAME_COUNT < (int)REGIONS, "slots for names that we do not know");

/* Google's, in the same slots: no identity and no account is of both clouds. Append only. */
static const char *const GOOGLE_NAMES[] = {
    "us-central1",
    "us-east1",
    "us-east4",
    "us-east5",
    "us-south1",
    "us-west1",
    "us-west2",
    "us-west3",
    "us-west4",
    "africa-south1",
    "asia-east1",
    "asia-east2",
    "asia-northeast1",
    "asia-northeast2",
    "asia-northeast3",
    "asia-south1",
    "asia-south2",
    "asia-southeast1",
    "asia-southeast2",
    "europe-central2",
    "europe-north1",
    "europe-north2",
    "europe-southwest1",
    "europe-west1",
    "europe-west2",
    "europe-west3",
    "europe-west4",
    "europe-west6",
    "europe-west8",
    "europe-west9",
    "europe-west10",
    "europe-west12",
    "me-central1",
    "me-central2",
    "me-west1",
    "northamerica-northeast1",
    "northamerica-northeast2",
    "northamerica-south1",
    "southamerica-east1",
    "southamerica-west1",
    "australia-southeast1",
    "australia-southeast2",
};

enum { GOOGLE_NAME_COUNT = (int)(sizeof GOOGLE_NAMES / sizeof GOOGLE_NAMES[0]) };

_Static_assert((int)GOOGLE_NAME_COUNT < (int)REGIONS, "slots for names that we do not know");

unsigned fb_region_index(const char *region)
{
    for (unsigned i = 0; i < REGION_NAME_COUNT; i++) {
        if (region[0] == REGION_NAMES[i][0] && strcmp(region, REGION_NAMES[i]) == 0)
            return i;
    }
    for (unsigned i = 0; i < GOOGLE_NAME_COUNT; i++) {
        if (region[0] == GOOGLE_NAMES[i][0] && strcmp(region, GOOGLE_NAMES[i]) == 0)
            return i;
    }
    return REGION_NAME_COUNT + fb_hash32("region", region) % (REGIONS - REGION_NAME_COUNT);
}

enum service fb_service_index(const char *service)
{
    static const struct {
        const char *name;
        enum service index;
    } names[] = {
        {"ec2", SERVICE_EC2},
        {"autoscaling", SERVICE_AUTOSCALING},
        {"ecs", SERVICE_ECS},
        {"eks", SERVICE_EKS},
        {"batch", SERVICE_BATCH},
        {"elasticmapreduce", SERVICE_EMR},
        {"emr-serverless", SERVICE_EMR_SERVERLESS},
        {"sagemaker", SERVICE_SAGEMAKER},
        {"lightsail", SERVICE_LIGHTSAIL},
        {"lambda", SERVICE_LAMBDA},
        {"codebuild", SERVICE_CODEBUILD},
        {"amplify", SERVICE_AMPLIFY},
        {"glue", SERVICE_GLUE},
        {"apprunner", SERVICE_APPRUNNER},
        {"elasticbeanstalk", SERVICE_BEANSTALK},
        {"gamelift", SERVICE_GAMELIFT},
        {"workspaces", SERVICE_WORKSPACES},
        {"mediapackagev2", SERVICE_MEDIAPACKAGE},
        {"bedrock", SERVICE_BEDROCK},
        {"cloudformation", SERVICE_CLOUDFORMATION},
        /* Google's, in the slot of their like. */
        {"compute", SERVICE_EC2},
        {"container", SERVICE_EKS},
        {"dataproc", SERVICE_EMR},
        {"aiplatform", SERVICE_SAGEMAKER},
        {"notebooks", SERVICE_SAGEMAKER},
        {"cloudfunctions", SERVICE_LAMBDA},
        {"cloudbuild", SERVICE_CODEBUILD},
        {"dataflow", SERVICE_GLUE},
        {"run", SERVICE_APPRUNNER},
        {"appengine", SERVICE_BEANSTALK},
        {"ml", SERVICE_SAGEMAKER},
        {"tpu", SERVICE_SAGEMAKER},
        {"composer", SERVICE_GLUE},
        {"workstations", SERVICE_WORKSPACES},
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(service, names[i].name) == 0)
            return names[i].index;
    }
    return SERVICE_OTHER;
}

/* Tools that name themselves somewhere inside an agent text that begins with another's name. */
static const struct {
    const char *name;
    bool iac;
} TOOLS[] = {
    {"terraform", true}, {"opentofu", true}, {"pulumi", true},         {"crossplane", true},
    {"ansible", true},   {"aws-cdk", true},  {"cloudformation", true}, {"karpenter", false},
};

bool fb_agent_is_iac(const char *family)
{
    for (size_t i = 0; i < sizeof TOOLS / sizeof TOOLS[0]; i++) {
        if (strcmp(family, TOOLS[i].name) == 0)
            return TOOLS[i].iac;
    }
    return false;
}

/* The first row of TOOLS that the text holds, or their number. */
static size_t tool_in(const char *agent)
{
    const size_t none = sizeof TOOLS / sizeof TOOLS[0];
    size_t found = none;

    for (; *agent && found > 0; agent++) {
        char first = (char)(*agent | 0x20);

        for (size_t i = 0; i < found; i++) {
            if (TOOLS[i].name[0] == first &&
                strncasecmp(agent, TOOLS[i].name, strlen(TOOLS[i].name)) == 0)
                found = i;
        }
    }
    return found;
}

void fb_agent_family(const char *agent, char out[FAMILY_MAX])
{
    size_t n = 0, tool = tool_in(agent);

    if (tool < sizeof TOOLS / sizeof TOOLS[0]) {
        strcpy(out, TOOLS[tool].name);
        return;
    }
    agent += strspn(agent, " [\"");
    while (n + 1 < FAMILY_MAX && agent[n] && !strchr("/ ;([]\"", agent[n])) {
        out[n] = (char)tolower((unsigned char)agent[n]);
        n++;
    }
    out[n] = '\0';
}

static bool v4_is_public(const unsigned char ip[4])
{
    return !(ip[0] == 10 || ip[0] == 127 || ip[0] == 0 || (ip[0] == 172 && (ip[1] & 0xf0) == 16) ||
             (ip[0] == 192 && ip[1] == 168) || (ip[0] == 100 && (ip[1] & 0xc0) == 64) ||
             (ip[0] == 169 && ip[1] == 254));
}

uint32_t fb_ip_prefix(const char *ip, bool *is_public)
{
    unsigned char bytes[16];
    char text[16];

    *is_public = false;
    if (inet_pton(AF_INET, ip, bytes) == 1) {
        *is_public = v4_is_public(bytes);
        memcpy(text, "4", 2);
        for (size_t i = 0; i < 3; i++)
            memcpy(text + 1 + 2 * i,
                   (char[2]){(char)('a' + (bytes[i] >> 4)), (char)('a' + (bytes[i] & 15))}, 2);
        text[7] = '\0';
        return fb_hash32("prefix", text);
    }
    if (inet_pton(AF_INET6, ip, bytes) == 1) {
        *is_public = (bytes[0] & 0xe0) == 0x20; /* 2000::/3, global unicast */
        memcpy(text, "6", 2);
        for (size_t i = 0; i < 6; i++)
            memcpy(text + 1 + 2 * i,
                   (char[2]){(char)('a' + (bytes[i] >> 4)), (char)('a' + (bytes[i] & 15))}, 2);
        text[13] = '\0';
        return fb_hash32("prefix", text);
    }
    return 0;
}

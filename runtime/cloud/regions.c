/* regions.c - the regions that every account has, for when nobody can be asked. */
#include "cloud/aws.h"

/* Commercial regions that need no opt-in. Those that do are left out on purpose: in an account that
 * did not opt in they answer AuthFailure, and a sweep that counts them never ends well. */
static const char *const REGIONS[] = {
    "us-east-1",      "us-east-2",     "us-west-1",      "us-west-2",      "ca-central-1",
    "sa-east-1",      "eu-west-1",     "eu-west-2",      "eu-west-3",      "eu-central-1",
    "eu-north-1",     "ap-south-1",    "ap-southeast-1", "ap-southeast-2", "ap-northeast-1",
    "ap-northeast-2", "ap-northeast-3"};

const char *const *fb_aws_builtin_regions(size_t *count)
{
    *count = sizeof REGIONS / sizeof *REGIONS;
    return REGIONS;
}

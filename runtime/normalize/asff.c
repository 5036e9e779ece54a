/* asff.c - a finding in Security Hub's format. GuardDuty's findings come through Security Hub too,
 * in other words: they mean what they mean when GuardDuty says them; others are shown, no more.
 * From: Security Hub user guide, "AWS Security Finding Format (ASFF)" and "Security Hub CSPM
 *       events in EventBridge". */
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "ingest/ingest.h"
#include "normalize/norm_in.h"

static bool is_finding(const struct fb_json *f)
{
    return fb_json_get(f, "AwsAccountId") && fb_json_get(f, "ProductArn") &&
           (fb_json_get(f, "GeneratorId") || fb_json_get(f, "Types"));
}

static bool is_guarddutys(const struct fb_json *f)
{
    return strstr(fb_json_get_str(f, "ProductArn"), ":product/aws/guardduty") ||
           strstr(fb_json_get_str(f, "Id"), ":guardduty:");
}

/* EventBridge wraps one finding as imported, up to twenty when a person picked them; ingest cuts
 * those into records of one. A list all the same: the first of GuardDuty's, else the first. */
static const struct fb_json *finding_of(const struct fb_record *r)
{
    const struct fb_json *list = fb_norm_field(r->doc, "findings");
    size_t n = fb_json_kind(list) == FB_JSON_ARRAY ? fb_norm_len(list) : 0;

    for (size_t i = 0; i < n; i++)
        if (is_finding(fb_json_at(list, i)) && is_guarddutys(fb_json_at(list, i)))
            return fb_json_at(list, i);
    if (n > 0)
        return is_finding(fb_json_at(list, 0)) ? fb_json_at(list, 0) : NULL;
    return is_finding(r->doc) ? r->doc : NULL;
}

bool fb_norm_is_asff(const struct fb_record *r) { return finding_of(r) != NULL; }

/* "TTPs/UnauthorizedAccess:IAMUser-TorIPCaller" is GuardDuty's "UnauthorizedAccess:IAMUser/Tor...".
 */
static const char *guardduty_type(struct fb_arena *a, const char *type)
{
    const char *leaf = strrchr(type, '/') ? fb_norm_after_last(type, '/') : type;
    const char *colon = strchr(leaf, ':'), *dash = colon ? strchr(colon, '-') : NULL;

    if (!dash)
        return leaf;
    return fb_arena_fmt(a, "%.*s/%s", (int)(dash - leaf), leaf, dash + 1);
}

static const struct fb_json *resource_of(const struct fb_json *f, const char *type)
{
    const struct fb_json *list = fb_json_get(f, "Resources");

    for (size_t i = 0, n = fb_norm_len(list); i < n; i++)
        if (fb_eq(fb_json_get_str(fb_norm_at(list, i), "Type"), type))
            return fb_norm_at(list, i);
    return NULL;
}

static bool is_sample(const struct fb_json *f)
{
    const struct fb_json *key = resource_of(f, "AwsIamAccessKey");

    return fb_norm_flag(fb_json_get(f, "Sample"), false) ||
           fb_starts_fold(fb_json_get_str(f, "Title"), "[SAMPLE]") ||
           fb_norm_flag(fb_json_get(fb_json_get(f, "ProductFields"),
                                    "aws/guardduty/service/additionalInfo/sample"),
                        false) ||
           strstr(fb_json_get_str(key, "Id"), "GeneratedFinding") != NULL;
}

/* Put away by somebody, or over. */
static bool is_settled(const struct fb_json *f)
{
    const char *workflow = fb_json_path_str(f, "Workflow.Status");

    return fb_eq(fb_json_get_str(f, "RecordState"), "ARCHIVED") || fb_eq(workflow, "SUPPRESSED") ||
           fb_eq(workflow, "RESOLVED");
}

static void read_accused(struct fb_arena *a, const struct fb_json *f, struct fb_event *ev)
{
    const struct fb_json *key = resource_of(f, "AwsIamAccessKey");
    const struct fb_json *user = resource_of(f, "AwsIamUser");
    const struct fb_json *details = fb_json_path(key, "Details.AwsIamAccessKey");
    const char *name = fb_norm_field_id(a, details, "PrincipalName");
    const char *id = fb_norm_after_last(fb_json_get_str(key, "Id"), ':');
    const char *partition = fb_json_get_str(key, "Partition");

    ev->who.account = ev->account;
    if (!*name)
        name = fb_norm_field_id(a, details, "UserName");
    if (key) {
        ev->who.credential = fb_norm_field_id(a, details, "AccessKeyId");
        if (!*ev->who.credential)
            ev->who.credential = id; /* "AWS::IAM::AccessKey:AKIA..." */
        ev->who.id = fb_norm_field_id(a, details, "PrincipalId");
        fb_norm_accuse(a, partition, fb_json_get_str(details, "PrincipalType"), name, ev);
    } else if (fb_starts(fb_json_get_str(user, "Id"), "arn:")) {
        ev->who.arn = fb_json_get_str(user, "Id");
        ev->who.kind = FB_WHO_USER;
        fb_norm_identity_derive(a, &ev->who);
    }
    ev->target_key = ev->who.credential;
}

static const char *words_of(struct fb_arena *a, const struct fb_json *f)
{
    const char *title = fb_json_get_str(f, "Title"), *more = fb_json_get_str(f, "Description");

    return *title && *more ? fb_arena_fmt(a, "%s %s", title, more) : *title ? title : more;
}

void fb_norm_asff(struct fb_arena *a, const struct fb_record *r, struct fb_event *ev)
{
    static const char *const times[] = {"UpdatedAt", "CreatedAt", "LastObservedAt", "ProcessedAt"};
    const struct fb_json *f = finding_of(r);
    const char *machine = fb_json_get_str(resource_of(f, "AwsEc2Instance"), "Id");
    const char *type = fb_json_str(fb_norm_at(fb_json_get(f, "Types"), 0));
    struct fb_arn product;

    ev->provider = FB_AWS;
    ev->kind = FB_EV_FINDING;
    ev->service = "securityhub";
    ev->id = fb_norm_finding_id(a, r, fb_norm_id(a, fb_json_get(f, "Id")));
    ev->account = fb_norm_id(a, fb_json_get(f, "AwsAccountId"));
    ev->region = fb_json_get_str(f, "Region");
    if (!*ev->region && fb_arn_split(a, fb_json_get_str(f, "ProductArn"), &product))
        ev->region = product.region;
    for (size_t i = 0; i < sizeof times / sizeof times[0] && ev->time_ms == 0; i++)
        fb_norm_time(fb_json_get(f, times[i]), &ev->time_ms);
    ev->notice = words_of(a, f);
    ev->action = is_guarddutys(f) ? guardduty_type(a, type) : type;
    if (!*ev->action)
        ev->action = fb_json_get_str(f, "GeneratorId");
    ev->ip = fb_json_path_str(f, "Action.AwsApiCallAction.RemoteIpDetails.IpAddressV4");
    ev->target_id = fb_starts(machine, "arn:") ? fb_norm_after_last(machine, '/') : machine;
    ev->drill = is_sample(f);
    if (!is_guarddutys(f))
        return;
    read_accused(a, f, ev);
    if (!is_settled(f))
        ev->traits |= fb_norm_finding_family(ev->action);
}

/* aws_expose.c - what a call opens to strangers, and which watch it switches off. */
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/text.h"
#include "normalize/norm_in.h"

enum { SHORT_LIFE_DAYS = 7 }; /* a log bucket that forgets this fast keeps no evidence */

static const char *requested(struct fb_norm_call *c, const char *field)
{
    return fb_norm_field_id(c->a, c->request, field);
}

static bool is_off(const struct fb_json *object, const char *field)
{
    const struct fb_json *v = fb_norm_field(object, field);

    return v && fb_norm_flag(v, true) == false;
}

/* ---- functions ---- */

void fb_norm_function_created(struct fb_norm_call *c)
{
    fb_norm_made_one(c, "function", requested(c, "functionName"), "", c->ev->region);
}

void fb_norm_function_url(struct fb_norm_call *c)
{
    if (strcasecmp(requested(c, "authType"), "NONE") == 0)
        fb_norm_set(c, FB_T_PUBLIC_FUNCTION);
}

/* lambda AddPermission: principal is "*", an account, an ARN or a service. */
void fb_norm_function_permission(struct fb_norm_call *c)
{
    const char *principal = requested(c, "principal");

    if (fb_eq(principal, "*")) {
        if (!*requested(c, "principalOrgID"))
            fb_norm_set(c, FB_T_PUBLIC_FUNCTION);
    } else if (fb_norm_principal_is_external(c->a, principal, c->ev->account)) {
        fb_norm_set(c, FB_T_EXTERNAL_TRUST);
    }
}

/* ---- ports ---- */

static bool covers_admin_port(const struct fb_json *rule)
{
    const char *protocol = fb_json_str(fb_norm_field(rule, "ipProtocol"));
    int64_t all, from, to;

    if (fb_eq(protocol, "-1") ||
        (fb_json_int(fb_norm_field(rule, "ipProtocol"), &all) && all == -1))
        return true;
    if (*protocol && strcasecmp(protocol, "tcp") != 0 && !fb_eq(protocol, "6"))
        return false;
    if (!fb_json_int(fb_norm_field(rule, "fromPort"), &from) ||
        !fb_json_int(fb_norm_field(rule, "toPort"), &to))
        return false;
    return (from <= 22 && to >= 22) || (from <= 3389 && to >= 3389);
}

/* Any address with a mask of no bits is the whole world, whatever stands before the slash. */
static bool is_world(const struct fb_json *range, const char *field)
{
    return fb_ends(fb_json_str(fb_norm_field(range, field)), "/0");
}

static bool any_is_world(const struct fb_json *ranges, const char *field)
{
    for (size_t i = 0, n = fb_norm_len(ranges); i < n; i++)
        if (is_world(fb_norm_at(ranges, i), field))
            return true;
    return false;
}

void fb_norm_ingress(struct fb_norm_call *c)
{
    const struct fb_json *rules = fb_norm_field(c->request, "ipPermissions");

    if (is_world(c->request, "cidrIp") && covers_admin_port(c->request)) /* the old short form */
        fb_norm_set(c, FB_T_OPEN_ADMIN_PORT);
    for (size_t i = 0, n = fb_norm_len(rules); i < n; i++) {
        const struct fb_json *rule = fb_norm_at(rules, i);

        if (covers_admin_port(rule) &&
            (any_is_world(fb_norm_field(rule, "ipRanges"), "cidrIp") ||
             any_is_world(fb_norm_field(rule, "ipv6Ranges"), "cidrIpv6")))
            fb_norm_set(c, FB_T_OPEN_ADMIN_PORT);
    }
}

/* ModifySecurityGroupRules: {"SecurityGroupRule": [{"SecurityGroupRule": {...}}]}. */
void fb_norm_ingress_rules(struct fb_norm_call *c)
{
    const struct fb_json *rules = fb_norm_field(c->request, "securityGroupRule");

    for (size_t i = 0, n = fb_norm_len(rules); i < n; i++) {
        const struct fb_json *item = fb_norm_at(rules, i);
        const struct fb_json *inner = fb_norm_field(item, "securityGroupRule");
        const struct fb_json *rule = inner ? inner : item;

        if (covers_admin_port(rule) && (is_world(rule, "cidrIpv4") || is_world(rule, "cidrIpv6")))
            fb_norm_set(c, FB_T_OPEN_ADMIN_PORT);
    }
}

/* ---- data shared out ---- */

/* {"add": {"items": [{"userId": ...} | {"group": "all"}]}} */
static bool adds_stranger(struct fb_norm_call *c, const struct fb_json *permission)
{
    const struct fb_json *list = fb_norm_field(permission, "add");

    for (size_t i = 0, n = fb_norm_len(list); i < n; i++) {
        const struct fb_json *item = fb_norm_at(list, i);
        const char *user = fb_norm_field_id(c->a, item, "userId");

        if (*fb_norm_field_id(c->a, item, "group") ||
            *fb_norm_field_id(c->a, item, "organizationArn") ||
            (*user && strcmp(user, c->ev->account) != 0))
            return true;
    }
    return false;
}

/* ModifySnapshotAttribute, ModifyImageAttribute. */
void fb_norm_share_image(struct fb_norm_call *c)
{
    if (adds_stranger(c, fb_norm_field(c->request, "createVolumePermission")) ||
        adds_stranger(c, fb_norm_field(c->request, "launchPermission")))
        fb_norm_set(c, FB_T_DATA_SHARED_OUT);
}

/* ModifyDBSnapshotAttribute, ModifyDBClusterSnapshotAttribute. */
void fb_norm_share_db(struct fb_norm_call *c)
{
    const struct fb_json *list = fb_norm_field(c->request, "valuesToAdd");

    for (size_t i = 0, n = fb_norm_len(list); i < n; i++) {
        const char *who = fb_norm_id(c->a, fb_norm_at(list, i));

        if (*who && strcmp(who, c->ev->account) != 0)
            fb_norm_set(c, FB_T_DATA_SHARED_OUT);
    }
}

/* Resource policies: each service names the document differently. */
void fb_norm_share_policy(struct fb_norm_call *c)
{
    static const char *const fields[] = {"bucketPolicy", "policy",       "resourcePolicy",
                                         "policyText",   "policyInJson", "policyDocument"};

    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        const struct fb_json *v = fb_norm_field(c->request, fields[i]);
        const struct fb_json *policy = fb_norm_policy(c->a, v);

        if (fb_norm_policy_is_external(c->a, policy, c->ev->account, true))
            fb_norm_set(c, FB_T_DATA_SHARED_OUT);
    }
}

/* PutBucketAcl, PutObjectAcl: a canned public ACL, or a grant to one of S3's two public groups. */
void fb_norm_share_acl(struct fb_norm_call *c)
{
    const struct fb_json *canned = fb_json_get(c->request, "x-amz-acl");
    const struct fb_json *grants =
        fb_norm_path(c->request, "accessControlPolicy.accessControlList.grant");

    for (size_t i = 0, n = fb_norm_len(canned); i < n; i++) {
        const char *acl = fb_json_str(fb_norm_at(canned, i));

        if (fb_starts(acl, "public-") || fb_eq(acl, "authenticated-read"))
            fb_norm_set(c, FB_T_DATA_SHARED_OUT);
    }
    for (size_t i = 0, n = fb_norm_len(grants); i < n; i++) {
        const struct fb_json *grantee = fb_norm_field(fb_norm_at(grants, i), "grantee");
        const char *uri = fb_json_get_str(grantee, "URI");

        if (fb_ends(uri, "/global/AllUsers") || fb_ends(uri, "/global/AuthenticatedUsers"))
            fb_norm_set(c, FB_T_DATA_SHARED_OUT);
    }
}

/* ram CreateResourceShare, AssociateResourceShare: principals are accounts, ARNs, organizations. */
void fb_norm_share_ram(struct fb_norm_call *c)
{
    const struct fb_json *list = fb_norm_field(c->request, "principals");

    for (size_t i = 0, n = fb_norm_len(list); i < n; i++) {
        const char *p = fb_norm_id(c->a, fb_norm_at(list, i));

        if (!strstr(p, ":organizations:") && fb_norm_principal_is_external(c->a, p, c->ev->account))
            fb_norm_set(c, FB_T_DATA_SHARED_OUT);
    }
}

/* ---- watches switched off ---- */

void fb_norm_trail_update(struct fb_norm_call *c)
{
    if (is_off(c->request, "isMultiRegionTrail") ||
        is_off(c->request, "includeGlobalServiceEvents"))
        fb_norm_set(c, FB_T_LOG_TAMPER);
}

/* One advanced selector: management events, writes among them. */
static bool keeps_writes(const struct fb_json *selector)
{
    const struct fb_json *fields = fb_norm_field(selector, "fieldSelectors");
    bool management = false, reads_only = false;

    for (size_t i = 0, n = fb_norm_len(fields); i < n; i++) {
        const struct fb_json *f = fb_norm_at(fields, i);
        const char *name = fb_json_str(fb_norm_field(f, "field"));
        const char *value = fb_json_str(fb_norm_at(fb_norm_field(f, "equals"), 0));

        management |= fb_eq(name, "eventCategory") && fb_eq(value, "Management");
        reads_only |= fb_eq(name, "readOnly") && strcasecmp(value, "true") == 0;
    }
    return management && !reads_only;
}

/* PutEventSelectors is harmless as long as some selector still records changes by management calls.
 */
void fb_norm_event_selectors(struct fb_norm_call *c)
{
    const struct fb_json *plain = fb_norm_field(c->request, "eventSelectors");
    const struct fb_json *advanced = fb_norm_field(c->request, "advancedEventSelectors");
    size_t plain_n = fb_norm_len(plain), advanced_n = fb_norm_len(advanced);
    bool kept = false;

    for (size_t i = 0; i < plain_n; i++) {
        const struct fb_json *s = fb_norm_at(plain, i);

        kept |= fb_norm_flag(fb_norm_field(s, "includeManagementEvents"), true) &&
                !fb_eq(fb_json_str(fb_norm_field(s, "readWriteType")), "ReadOnly");
    }
    for (size_t i = 0; i < advanced_n; i++)
        kept |= keeps_writes(fb_norm_at(advanced, i));
    if (!kept && plain_n + advanced_n > 0)
        fb_norm_set(c, FB_T_LOG_TAMPER);
}

/* PutBucketLifecycle on a bucket that looks like a trail's and now forgets within days. The event
 * does not say which bucket a trail writes to; its name, or the rule's, usually does. */
void fb_norm_lifecycle(struct fb_norm_call *c)
{
    const struct fb_json *rules = fb_norm_path(c->request, "lifecycleConfiguration.rule");
    bool trail = fb_has_fold(requested(c, "bucketName"), "trail");

    for (size_t i = 0, n = fb_norm_len(rules); i < n; i++) {
        const struct fb_json *rule = fb_norm_at(rules, i);
        int64_t days = fb_norm_number(fb_norm_path(rule, "expiration.days"), FB_NORM_COUNT_MAX);

        if (days <= SHORT_LIFE_DAYS &&
            (trail || fb_has_fold(fb_json_get_str(rule, "ID"), "cloudtrail")) &&
            strcasecmp(fb_json_get_str(rule, "Status"), "Disabled") != 0)
            fb_norm_set(c, FB_T_LOG_TAMPER);
    }
}

void fb_norm_detector_update(struct fb_norm_call *c)
{
    if (is_off(c->request, "enable"))
        fb_norm_set(c, FB_T_DETECTOR_TAMPER);
}

/* guardduty CreateFilter, UpdateFilter: findings archived before anybody sees them. */
void fb_norm_finding_filter(struct fb_norm_call *c)
{
    if (strcasecmp(requested(c, "action"), "ARCHIVE") == 0)
        fb_norm_set(c, FB_T_DETECTOR_TAMPER);
}

void fb_norm_macie_update(struct fb_norm_call *c)
{
    if (strcasecmp(requested(c, "status"), "PAUSED") == 0)
        fb_norm_set(c, FB_T_DETECTOR_TAMPER);
}

/* support CreateCase asks for a higher limit when service or category say so. */
void fb_norm_support_case(struct fb_norm_call *c)
{
    if (fb_has_fold(requested(c, "serviceCode"), "limit-increase") ||
        fb_has_fold(requested(c, "categoryCode"), "limit"))
        fb_norm_set(c, FB_T_QUOTA_ASK);
}

/* ssm GetParameter*: a secret only when it is decrypted. */
void fb_norm_parameter_read(struct fb_norm_call *c)
{
    if (fb_norm_flag(fb_norm_field(c->request, "withDecryption"), false))
        fb_norm_set(c, FB_T_SECRET_READ);
}

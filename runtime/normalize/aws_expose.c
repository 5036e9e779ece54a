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
    const char *name = requested(c, "functionName");

    if (strcasecmp(requested(c, "authType"), "NONE") == 0)
        fb_norm_set(c, FB_T_PUBLIC_FUNCTION);
    if (fb_starts(c->ev->action, "Create")) /* by its name or ARN */
        fb_norm_made_one(c, "function_url",
                         strchr(name, ':') ? fb_norm_after_last(name, ':') : name, "",
                         c->ev->region);
}

/* lambda AddPermission: principal is "*", an account, an ARN or a service. */
void fb_norm_function_permission(struct fb_norm_call *c)
{
    const char *principal = requested(c, "principal");

    if (fb_eq(principal, "*")) {
        if (!*requested(c, "principalOrgID"))
            fb_norm_set(c, FB_T_PUBLIC_FUNCTION);
    } else if (fb_norm_principal_is_external(c->a, principal, c->ev->account)) {
        fb_norm_let_in(c, FB_T_EXTERNAL_TRUST, principal);
    }
}

/* lambda UpdateFunctionConfiguration: a layer runs inside the function, before its own code. */
void fb_norm_function_layers(struct fb_norm_call *c)
{
    if (*fb_norm_id(c->a, fb_norm_at(fb_norm_field(c->request, "layers"), 0)))
        fb_norm_set(c, FB_T_CODE_OVERWRITE);
}

/* sagemaker UpdateNotebookInstance: another script runs at the next start. */
void fb_norm_notebook_start(struct fb_norm_call *c)
{
    if (*requested(c, "lifecycleConfigName"))
        fb_norm_set(c, FB_T_CODE_OVERWRITE);
}

/* ssm CreateAssociation(Batch), UpdateAssociation, StartAutomationExecution: AWS's own documents
 * that run any command on a machine. */
void fb_norm_run_document(struct fb_norm_call *c)
{
    static const char *const shells[] = {"AWS-RunShellScript", "AWS-RunPowerShellScript",
                                         "AWS-RunRemoteScript", "AWS-RunDocument"};
    const struct fb_json *batch = fb_norm_field(c->request, "entries");
    const char *name = requested(c, "name");

    if (!*name)
        name = requested(c, "documentName");
    if (!*name)
        name = fb_norm_field_id(c->a, fb_norm_at(batch, 0), "name");
    for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++)
        if (fb_ends(name, shells[i]))
            fb_norm_set(c, FB_T_REMOTE_EXEC);
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

/* s3 PutBucketLogging without a target switches the access log off. */
void fb_norm_bucket_logging(struct fb_norm_call *c)
{
    const struct fb_json *status = fb_json_get(c->request, "BucketLoggingStatus");

    if (fb_json_kind(status) == FB_JSON_OBJECT && !fb_json_get(status, "LoggingEnabled"))
        fb_norm_set(c, FB_T_LOG_TAMPER);
}

/* logs DeleteLogGroup: tear-down deletes many; those that keep an audit trail say so in the name.
 */
void fb_norm_log_group(struct fb_norm_call *c)
{
    static const char *const words[] = {"trail", "audit", "guardduty", "aws-waf-logs"};
    const char *name = requested(c, "logGroupName");

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (fb_has_fold(name, words[i]))
            fb_norm_set(c, FB_T_LOG_TAMPER);
}

/* eks UpdateClusterConfig: {"logging": {"clusterLogging": [{"types": [...], "enabled": false}]}},
 * with the audit log among the types. */
void fb_norm_cluster_logging(struct fb_norm_call *c)
{
    const struct fb_json *list = fb_norm_path(c->request, "logging.clusterLogging");

    for (size_t i = 0, n = fb_norm_len(list); i < n; i++) {
        const struct fb_json *types = fb_norm_field(fb_norm_at(list, i), "types");

        for (size_t k = 0, m = is_off(fb_norm_at(list, i), "enabled") ? fb_norm_len(types) : 0;
             k < m; k++)
            if (fb_eq(fb_json_str(fb_norm_at(types, k)), "audit"))
                fb_norm_set(c, FB_T_LOG_TAMPER);
    }
}

/* organizations DisableAWSServiceAccess, DeregisterDelegatedAdministrator: of those that watch. */
void fb_norm_org_service(struct fb_norm_call *c)
{
    static const char *const watchers[] = {
        "guardduty.", "cloudtrail.", "config.",     "securityhub.",    "config-multiaccountsetup.",
        "macie.",     "detective.",  "inspector2.", "access-analyzer."};
    const char *service = requested(c, "servicePrincipal");

    for (size_t i = 0; i < sizeof watchers / sizeof watchers[0]; i++)
        if (fb_starts(service, watchers[i]))
            fb_norm_set(c, FB_T_DETECTOR_TAMPER);
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

/* ec2 DescribeInstanceAttribute: start scripts hold passwords more often than not. */
void fb_norm_user_data_read(struct fb_norm_call *c)
{
    if (fb_eq(requested(c, "attribute"), "userData"))
        fb_norm_set(c, FB_T_SECRET_READ);
}

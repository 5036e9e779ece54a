/* cloudtrail.c - one CloudTrail record: when, who, where from, what, and how it ended.
 * From: AWS CloudTrail user guide, "record contents". */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "ingest/ingest.h"
#include "normalize/norm_in.h"

enum { WRAPPER_MAX = 160 };

bool fb_norm_is_cloudtrail(const struct fb_record *r)
{
    static const char *const keys[] = {"eventName",         "eventSource", "userIdentity",
                                       "eventTime",         "awsRegion",   "eventID",
                                       "requestParameters", "eventVersion"};
    size_t found = 0;

    /* Lambda's S3 and Kinesis records look alike; their source is "aws:s3", not a host name. */
    if (fb_starts(fb_json_get_str(r->doc, "eventSource"), "aws:"))
        return false;
    if (r->envelope.present && fb_ends(r->envelope.detail_type, "via CloudTrail"))
        return true;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        found += fb_json_get(r->doc, keys[i]) != NULL;
    return found >= 3;
}

/* ---- outcome ---- */

static bool is_denied(const char *code)
{
    return strstr(code, "AccessDenied") || strstr(code, "Unauthorized") ||
           strstr(code, "NotAuthorized") || fb_starts(code, "AuthorizationError");
}

static bool is_quota(const char *code)
{
    static const char *const codes[] = {
        "VcpuLimitExceeded",     "InstanceLimitExceeded", "MaxSpotInstanceCountExceeded",
        "MaxFleetCountExceeded", "PendingVerification",   "Blocked",
        "OptInRequired"};

    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (fb_eq(code, codes[i]))
            return true;
    return false;
}

/* The limits of services other than EC2, whose codes are known, on calls that start compute; too
 * many calls a second is none. */
static void mark_service_limit(struct fb_norm_call *c)
{
    const char *code = c->ev->error;

    if (fb_event_is(c->ev, FB_T_COMPUTE_CREATE) && !fb_eq(c->ev->service, "ec2") &&
        !fb_starts(code, "RequestLimit") &&
        (strstr(code, "LimitExceeded") || strstr(code, "QuotaExceeded")))
        fb_norm_set(c, FB_T_QUOTA_ERROR);
}

/* Sign-in pages answer {"ConsoleLogin": "Failure"}, {"CheckMfa": "Success"} without an error code.
 */
static bool sign_in_failed(const struct fb_norm_call *c)
{
    return fb_eq(fb_json_get_str(c->response, c->ev->action), "Failure");
}

static void read_outcome(struct fb_norm_call *c)
{
    struct fb_event *ev = c->ev;
    const char *code = fb_norm_id(c->a, fb_json_get(c->doc, "errorCode"));

    if (fb_starts(code, "Client.") || fb_starts(code, "Server."))
        code += strlen("Client.");
    ev->error = code;
    if (*code)
        ev->outcome = is_denied(code) ? FB_OUTCOME_DENIED : FB_OUTCOME_FAILED;
    else if (*fb_json_get_str(c->doc, "errorMessage") || sign_in_failed(c))
        ev->outcome = FB_OUTCOME_FAILED;
    if (fb_eq(code, "DryRunOperation"))
        fb_norm_set(c, FB_T_DRY_RUN);
    if (is_quota(code))
        fb_norm_set(c, FB_T_QUOTA_ERROR);
    if (fb_eq(code, "InsufficientInstanceCapacity") || fb_eq(code, "InsufficientHostCapacity") ||
        fb_eq(code, "UnfulfillableCapacity"))
        fb_norm_set(c, FB_T_CAPACITY_ERROR);
}

/* ---- targets ---- */

/* Names of single resources, most telling first. */
static const char *const id_fields[] = {
    "instanceId",
    "functionName",
    "autoScalingGroupName",
    "bucketName",
    "groupId",
    "groupName",
    "snapshotId",
    "imageId",
    "dBSnapshotIdentifier",
    "dBInstanceIdentifier",
    "detectorId",
    "trailName",
    "clusterName",
    "cluster",
    "serialNumber",
    "keyName",
    "queueUrl",
    "topicArn",
    "tableName",
    "logGroupName",
    "secretId",
    "keyId",
    "regionName",
    "targetPrincipal",
    "stackName",
    "rule",
    "name",
};

static const char *first_field(struct fb_norm_call *c, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *s = fb_norm_field_id(c->a, c->request, names[i]);

        if (*s)
            return s;
    }
    return "";
}

static void read_targets(struct fb_norm_call *c)
{
    struct fb_event *ev = c->ev;
    const struct fb_json *instances = fb_norm_field(c->request, "instancesSet");

    ev->target_user = fb_norm_field_id(c->a, c->request, "userName");
    ev->target_role = fb_norm_field_id(c->a, c->request, "roleName");
    ev->target_key = fb_norm_field_id(c->a, c->request, "accessKeyId");
    ev->target_policy = fb_norm_field_id(c->a, c->request, "policyArn");
    if (!*ev->target_policy)
        ev->target_policy = fb_norm_field_id(c->a, c->request, "policyName");
    ev->target_id = first_field(c, id_fields, sizeof id_fields / sizeof id_fields[0]);
    if (!*ev->target_id && fb_norm_len(instances) == 1)
        ev->target_id = fb_norm_field_id(c->a, fb_norm_at(instances, 0), "instanceId");
}

/* ---- traits that no single API decides ---- */

static bool starts_with_any(const char *s, const char *const *prefixes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (fb_starts(s, prefixes[i]))
            return true;
    return false;
}

/* readOnly decides where it is told; calls that cost money or hand out credentials are never reads
 * (AssumeRole and InvokeModel say readOnly: true). */
static void mark_read(struct fb_norm_call *c)
{
    static const char *const prefixes[] = {"Get",    "List",   "Describe", "Head",
                                           "Lookup", "Search", "BatchGet"};
    const struct fb_json *told = fb_json_get(c->doc, "readOnly");
    bool guess = starts_with_any(c->ev->action, prefixes, sizeof prefixes / sizeof prefixes[0]);
    uint64_t acts = FB_NORM_BIT(FB_T_MINT) | FB_NORM_BIT(FB_T_COMPUTE_CREATE) |
                    FB_NORM_BIT(FB_T_FEDERATION_TOKEN);

    if (fb_json_bool(told, guess) && !(c->ev->traits & acts))
        fb_norm_set(c, FB_T_READ);
}

static void mark_root(struct fb_norm_call *c)
{
    const struct fb_event *ev = c->ev;

    /* A service that acts for the root user (old scaling groups) is no person at the keyboard. */
    if (ev->who.kind != FB_WHO_ROOT || *ev->who.invoked_by ||
        fb_eq(fb_json_get_str(c->doc, "eventType"), "AwsServiceEvent"))
        return;
    if (ev->kind == FB_EV_SIGN_IN || !fb_event_is(ev, FB_T_READ))
        fb_norm_set(c, FB_T_ROOT_ACTIVITY);
}

static void mark_console(struct fb_norm_call *c)
{
    const struct fb_event *ev = c->ev;

    if (fb_eq(ev->action, "ConsoleLogin") && ev->outcome == FB_OUTCOME_OK &&
        fb_eq(fb_json_path_str(c->doc, "additionalEventData.MFAUsed"), "No") &&
        (ev->who.kind == FB_WHO_USER || ev->who.kind == FB_WHO_ROOT))
        fb_norm_set(c, FB_T_CONSOLE_NO_MFA);
}

bool fb_norm_agent_is_offensive(const char *agent)
{
    static const char *const words[] = {"kali", "parrot", "pentoo", "pacu", "trufflehog"};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (fb_norm_has_word(agent, words[i]))
            return true;
    return false;
}

static void mark_agent(struct fb_norm_call *c)
{
    if (fb_norm_agent_is_offensive(c->ev->agent))
        fb_norm_set(c, FB_T_OFFENSIVE_UA);
    if (fb_eq(c->ev->service, "iam") && fb_has_fold(c->ev->agent, "S3 Browser"))
        fb_norm_set(c, FB_T_OFFENSIVE_UA);
}

/* A change to something that carries our name. Only verbs that change what exists: creating a log
 * stream or invoking the function is what we do ourselves all day. */
static void mark_sensor(struct fb_norm_call *c)
{
    static const char *const verbs[] = {
        "Add",    "Attach",  "Delete",      "Detach", "Disable",  "Disassociate",
        "Modify", "Purge",   "Put",         "Remove", "Revoke",   "Set",
        "Stop",   "Suspend", "Unsubscribe", "Update", "Terminate"};
    static const char *const names[] = {
        "functionName", "name",         "rule",       "ruleName",        "queueUrl",
        "queueName",    "tableName",    "topicArn",   "subscriptionArn", "roleName",
        "logGroupName", "bucketName",   "stackName",  "policyArn",       "trailName",
        "alarmName",    "scheduleName", "resourceArn"};
    bool data = fb_eq(fb_json_get_str(c->doc, "eventCategory"), "Data");

    if (data || fb_event_is(c->ev, FB_T_READ) || fb_event_is(c->ev, FB_T_DENY_REMOVED) ||
        !starts_with_any(c->ev->action, verbs, sizeof verbs / sizeof verbs[0]))
        return;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (fb_has_fold(fb_norm_field_id(c->a, c->request, names[i]), "firebreak"))
            fb_norm_set(c, FB_T_SENSOR_TAMPER);
}

/* ---- the record ---- */

/* Newer EC2 calls nest their parameters: {"CreateFleetRequest": {...}}. */
static const struct fb_json *unwrap(const struct fb_json *v, const char *action, const char *what)
{
    char key[WRAPPER_MAX];
    const struct fb_json *inner;

    if (snprintf(key, sizeof key, "%s%s", action, what) >= (int)sizeof key)
        return v;
    inner = fb_json_get(v, key);
    return fb_json_kind(inner) == FB_JSON_OBJECT ? inner : v;
}

static enum fb_event_kind kind_of(const struct fb_norm_call *c)
{
    const struct fb_event *ev = c->ev;

    /* GetSigninToken comes from the sign-in service, but hands out a token and signs nobody in. */
    if (fb_eq(ev->action, "GetSigninToken"))
        return FB_EV_CALL;
    return fb_eq(fb_json_get_str(c->doc, "eventType"), "AwsConsoleSignIn") ||
                   fb_eq(ev->service, "signin")
               ? FB_EV_SIGN_IN
               : FB_EV_CALL;
}

/* The recipient's, else the caller's, else the envelope's: the first that looks like an account,
 * or, where none does (anonymised logs), the first that is told at all. */
static const char *account_of(struct fb_arena *a, const struct fb_record *r,
                              const struct fb_event *ev)
{
    const char *const told[] = {fb_norm_id(a, fb_json_get(r->doc, "recipientAccountId")),
                                ev->who.account, r->envelope.present ? r->envelope.account : ""};
    size_t n = sizeof told / sizeof told[0];

    for (size_t i = 0; i < n; i++)
        if (fb_norm_is_account(told[i]))
            return told[i];
    for (size_t i = 0; i < n; i++)
        if (*told[i])
            return told[i];
    return "";
}

static void read_head(struct fb_arena *a, const struct fb_record *r, struct fb_event *ev)
{
    const struct fb_json *doc = r->doc;
    const char *source = fb_norm_field_id(a, doc, "eventSource");

    ev->provider = FB_AWS;
    ev->id = fb_norm_id(a, fb_json_get(doc, "eventID"));
    ev->action = fb_json_get_str(doc, "eventName");
    ev->service = fb_arena_strn(a, source, strcspn(source, "."));
    ev->region = fb_norm_id(a, fb_json_get(doc, "awsRegion"));
    ev->ip = fb_norm_id(a, fb_json_get(doc, "sourceIPAddress"));
    ev->agent = fb_json_get_str(doc, "userAgent");
    ev->shared_id = fb_norm_id(a, fb_json_get(doc, "sharedEventID"));
    fb_norm_time(fb_json_get(doc, "eventTime"), &ev->time_ms);
    fb_norm_identity(a, fb_json_get(doc, "userIdentity"), &ev->who);
    ev->account = account_of(a, r, ev);
}

void fb_norm_cloudtrail(struct fb_arena *a, const struct fb_record *r, struct fb_event *ev)
{
    struct fb_norm_call c = {.a = a, .doc = r->doc, .ev = ev};

    read_head(a, r, ev);
    c.request = unwrap(fb_json_get(r->doc, "requestParameters"), ev->action, "Request");
    c.response = unwrap(fb_json_get(r->doc, "responseElements"), ev->action, "Response");
    ev->kind = kind_of(&c);
    read_outcome(&c);
    read_targets(&c);
    fb_norm_action(&c);
    fb_norm_group(&c);
    mark_service_limit(&c);
    mark_read(&c);
    mark_root(&c);
    mark_console(&c);
    mark_agent(&c);
    mark_sensor(&c);
}

/* guardduty.c - a GuardDuty finding, in EventBridge's camelCase and the API's capitalised keys
 * alike. From: GuardDuty user guide, "finding format" and "finding types"; API reference,
 * "Finding". */
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "ingest/ingest.h"
#include "normalize/norm_in.h"

/* What a finding type means to us; the first row that fits counts, most findings fit none. */
static const struct {
    const char *type;
    enum fb_trait trait;
} families[] = {
    {"AttackSequence:*", FB_T_VENDOR_SEQUENCE},
    {"CryptoCurrency:*", FB_T_VENDOR_CRYPTO},
    {"Impact:*/BitcoinDomainRequest.Reputation", FB_T_VENDOR_CRYPTO},
    {"Impact:Runtime/CryptoMinerExecuted", FB_T_VENDOR_CRYPTO},
    {"CredentialAccess:IAMUser/CompromisedCredentials", FB_T_VENDOR_CREDENTIAL},
    {"*:IAMUser/InstanceCredentialExfiltration*", FB_T_VENDOR_CREDENTIAL},
    {"*:IAMUser/ResourceCredentialExfiltration*", FB_T_VENDOR_CREDENTIAL},
    {"*:IAMUser/MaliciousIPCaller*", FB_T_VENDOR_CREDENTIAL},
    {"*:IAMUser/TorIPCaller", FB_T_VENDOR_CREDENTIAL},
    {"*:S3/MaliciousIPCaller*", FB_T_VENDOR_CREDENTIAL},
    {"*:S3/TorIPCaller", FB_T_VENDOR_CREDENTIAL},
    {"PenTest:*", FB_T_VENDOR_ANOMALY},
    {"*:IAMUser/AnomalousBehavior*", FB_T_VENDOR_ANOMALY},
    {"*:IAMUser/ConsoleLoginSuccess*", FB_T_VENDOR_ANOMALY},
    {"Stealth:IAMUser/*", FB_T_VENDOR_ANOMALY},
    /* The retired forerunners of AnomalousBehavior. */
    {"Recon:IAMUser/*", FB_T_VENDOR_ANOMALY},
    {"Persistence:IAMUser/*", FB_T_VENDOR_ANOMALY},
    {"PrivilegeEscalation:IAMUser/*", FB_T_VENDOR_ANOMALY},
    {"ResourceConsumption:IAMUser/*", FB_T_VENDOR_ANOMALY},
};

uint64_t fb_norm_finding_family(const char *type)
{
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
        if (fb_norm_like(type, families[i].type))
            return FB_NORM_BIT(families[i].trait);
    return 0;
}

static const struct {
    const char *type;
    enum fb_who kind;
} user_types[] = {
    {"IAMUser", FB_WHO_USER},       {"AssumedRole", FB_WHO_ROLE_SESSION},
    {"Role", FB_WHO_ROLE},          {"FederatedUser", FB_WHO_FEDERATED},
    {"Root", FB_WHO_ROOT},          {"AWSService", FB_WHO_SERVICE},
    {"AWSAccount", FB_WHO_ACCOUNT},
};

/* One finding is delivered again and again as it grows: each delivery is an event of its own, and
 * so is each of several findings in one. */
const char *fb_norm_finding_id(struct fb_arena *a, const struct fb_record *r, const char *own)
{
    if (!r->envelope.present || !*r->envelope.id)
        return own;
    return r->part ? fb_arena_fmt(a, "%s#%zu", r->envelope.id, r->part) : r->envelope.id;
}

static bool has(const struct fb_json *v, const char *name)
{
    return fb_norm_field(v, name) != NULL;
}

/* The API answers {"Findings": [...]}; one finding in it is that finding. */
static const struct fb_json *finding_of(const struct fb_record *r)
{
    const struct fb_json *list = fb_json_get(r->doc, "Findings");

    return fb_json_kind(list) == FB_JSON_ARRAY && fb_json_len(list) == 1 ? fb_json_at(list, 0)
                                                                         : r->doc;
}

bool fb_norm_is_guardduty(const struct fb_record *r)
{
    const struct fb_json *f = finding_of(r);

    if (r->envelope.present && fb_eq(r->envelope.detail_type, "GuardDuty Finding"))
        return true;
    /* Security Hub's findings differ: AwsAccountId, Types. */
    return has(f, "schemaVersion") && has(f, "type") && has(f, "accountId") && has(f, "severity") &&
           (has(f, "service") || has(f, "resource"));
}

/* service.additionalInfo: {"sample": true}, or {"value": "{...\"sample\":true}"} in newer findings.
 */
static bool is_sample(struct fb_arena *a, const struct fb_json *f)
{
    const struct fb_json *info = fb_norm_path(f, "service.additionalInfo"), *inner = NULL;
    const char *text = fb_json_str(fb_norm_field(info, "value"));
    unsigned odd = 0;

    if (fb_norm_flag(fb_norm_field(info, "sample"), false) ||
        fb_starts_fold(fb_json_str(fb_norm_field(f, "title")), "[SAMPLE]"))
        return true;
    return *text && fb_json_parse(a, text, strlen(text), &odd, &inner, NULL) == FB_OK &&
           fb_norm_flag(fb_norm_field(inner, "sample"), false);
}

/* Findings give no ARN of who they accuse: it is put together from what they give. Sessions and
 * federated users have no path, so theirs are exact; a user's or role's path is not told. */
static void build_arn(struct fb_arena *a, const char *partition, struct fb_principal *who)
{
    const char *p = *partition ? partition : "aws";

    if (!*who->account)
        return;
    if (who->kind == FB_WHO_ROOT)
        who->arn = fb_arena_fmt(a, "arn:%s:iam::%s:root", p, who->account);
    else if (who->kind == FB_WHO_USER && *who->name)
        who->arn = fb_arena_fmt(a, "arn:%s:iam::%s:user/%s", p, who->account, who->name);
    else if (who->kind == FB_WHO_ROLE && *who->name)
        who->arn = fb_arena_fmt(a, "arn:%s:iam::%s:role/%s", p, who->account, who->name);
    else if (who->kind == FB_WHO_FEDERATED && *who->session)
        who->arn =
            fb_arena_fmt(a, "arn:%s:sts::%s:federated-user/%s", p, who->account, who->session);
    else if (who->kind == FB_WHO_ROLE_SESSION && *who->issuer_name && *who->session)
        who->arn = fb_arena_fmt(a, "arn:%s:sts::%s:assumed-role/%s/%s", p, who->account,
                                who->issuer_name, who->session);
}

void fb_norm_accuse(struct fb_arena *a, const char *partition, const char *type, const char *name,
                    struct fb_event *ev)
{
    struct fb_principal *who = &ev->who;

    for (size_t i = 0; i < sizeof user_types / sizeof user_types[0]; i++)
        if (fb_eq(user_types[i].type, type))
            who->kind = user_types[i].kind;
    if (who->kind == FB_WHO_UNKNOWN && *who->credential)
        who->kind = FB_WHO_CREDENTIAL;
    who->account = ev->account;
    if (who->kind == FB_WHO_ROLE_SESSION)
        who->issuer_name = name; /* of the role: the session stands in the principal id */
    else if (who->kind == FB_WHO_FEDERATED)
        who->session = name;
    else
        who->name = name;
    fb_norm_identity_derive(a, who);
    build_arn(a, partition, who);
}

/* An attack sequence names its actors instead of one access key; the first with a user is taken. */
static const struct fb_json *sequence_user(const struct fb_json *f)
{
    const struct fb_json *actors = fb_norm_path(f, "service.detection.sequence.actors");

    for (size_t i = 0, n = fb_norm_len(actors); i < n; i++) {
        const struct fb_json *user = fb_norm_field(fb_norm_at(actors, i), "user");

        if (fb_json_kind(user) == FB_JSON_OBJECT)
            return user;
    }
    return NULL;
}

static void read_accused(struct fb_arena *a, const struct fb_json *f, struct fb_event *ev)
{
    const struct fb_json *key = fb_norm_path(f, "resource.accessKeyDetails");
    const struct fb_json *user = key ? NULL : sequence_user(f);
    const char *partition = fb_json_str(fb_norm_field(f, "partition"));

    if (user) {
        ev->who.credential = fb_norm_field_id(a, user, "credentialUid");
        ev->who.id = fb_norm_field_id(a, user, "uid");
        fb_norm_accuse(a, partition, fb_json_str(fb_norm_field(user, "type")),
                       fb_norm_field_id(a, user, "name"), ev);
        return;
    }
    ev->who.credential = fb_norm_field_id(a, key, "accessKeyId");
    ev->who.id = fb_norm_field_id(a, key, "principalId");
    fb_norm_accuse(a, partition, fb_json_str(fb_norm_field(key, "userType")),
                   fb_norm_field_id(a, key, "userName"), ev);
}

static const char *words_of(struct fb_arena *a, const struct fb_json *f)
{
    const char *title = fb_json_str(fb_norm_field(f, "title"));
    const char *description = fb_json_str(fb_norm_field(f, "description"));

    if (!*title || !*description)
        return *title ? title : description;
    return fb_arena_fmt(a, "%s %s", title, description);
}

static void read_where(struct fb_arena *a, const struct fb_json *f, struct fb_event *ev)
{
    static const char *const remotes[] = {"awsApiCallAction", "networkConnectionAction",
                                          "rdsLoginAttemptAction", "kubernetesApiCallAction"};
    const struct fb_json *action = fb_norm_path(f, "service.action");

    for (size_t i = 0; i < sizeof remotes / sizeof remotes[0] && !*ev->ip; i++) {
        const struct fb_json *ip =
            fb_norm_path(fb_norm_field(action, remotes[i]), "remoteIpDetails");

        ev->ip = fb_norm_field_id(a, ip, "ipAddressV4");
        if (!*ev->ip)
            ev->ip = fb_norm_field_id(a, ip, "ipAddressV6");
    }
    ev->agent = fb_json_str(fb_norm_path(action, "awsApiCallAction.userAgent"));
}

void fb_norm_guardduty(struct fb_arena *a, const struct fb_record *r, struct fb_event *ev)
{
    static const char *const times[] = {"updatedAt", "createdAt", "service.eventLastSeen"};
    const struct fb_json *f = finding_of(r);

    ev->provider = FB_AWS;
    ev->kind = FB_EV_FINDING;
    ev->service = "guardduty";
    ev->action = fb_json_str(fb_norm_field(f, "type"));
    ev->id = fb_norm_finding_id(a, r, fb_norm_field_id(a, f, "id"));
    ev->account = fb_norm_field_id(a, f, "accountId");
    if (!*ev->account && r->envelope.present)
        ev->account = r->envelope.account;
    ev->region = fb_norm_field_id(a, f, "region");
    for (size_t i = 0; i < sizeof times / sizeof times[0] && ev->time_ms == 0; i++)
        fb_norm_time(fb_norm_path(f, times[i]), &ev->time_ms);
    ev->notice = words_of(a, f);
    ev->drill = is_sample(a, f);
    ev->target_id = fb_norm_path_id(a, f, "resource.instanceDetails.instanceId");
    read_where(a, f, ev);
    read_accused(a, f, ev);
    /* Put away by somebody, or by a rule of theirs: told, but no accusation. */
    if (!fb_norm_flag(fb_norm_path(f, "service.archived"), false))
        ev->traits |= fb_norm_finding_family(ev->action);
}

/* normalize.c - one record in, one provider-neutral event out: finds who can read it, fills the
 * gaps. */
#include <string.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/text.h"
#include "ingest/ingest.h"
#include "normalize/norm_in.h"

/* First match wins: a notice or a finding is recognised by what only it has, an API call by the
 * shape of CloudTrail's record. A new provider is one more row. */
static const struct recogniser {
    bool (*is)(const struct fb_record *r);
    void (*read)(struct fb_arena *a, const struct fb_record *r, struct fb_event *ev);
} recognisers[] = {
    {fb_norm_is_health, fb_norm_health},
    {fb_norm_is_guardduty, fb_norm_guardduty},
    {fb_norm_is_cloudtrail, fb_norm_cloudtrail},
    {fb_norm_is_gcp_audit, fb_norm_gcp_audit},
    {fb_norm_is_asff, fb_norm_asff},
    {fb_norm_is_gcp_abuse, fb_norm_gcp_abuse},
    {fb_norm_is_gcp_finding, fb_norm_gcp_finding},
    {fb_norm_is_cost, fb_norm_cost},
};

static const struct fb_event blank = {
    .id = "",
    .account = "",
    .region = "",
    .service = "",
    .action = "",
    .error = "",
    .who = {.arn = "",
            .id = "",
            .account = "",
            .name = "",
            .credential = "",
            .issuer_arn = "",
            .issuer_kind = "",
            .issuer_name = "",
            .session = "",
            .source_identity = "",
            .invoked_by = "",
            .idp = "",
            .subject = ""},
    .ip = "",
    .agent = "",
    .launch = {.type = "",
               .template_id = "",
               .template_name = "",
               .profile_arn = "",
               .zone = "",
               .image = "",
               .group = "",
               .within = "",
               .gpu_type = ""},
    .mint =
        {.credential = "", .role_arn = "", .session_arn = "", .session = "", .source_identity = ""},
    .target_user = "",
    .target_role = "",
    .target_key = "",
    .target_policy = "",
    .outsider = "",
    .target_id = "",
    .shared_id = "",
    .notice = "",
    .exposed_at = "",
    .operation = "",
    .trigger = "",
};

struct fb_event fb_event_blank(void) { return blank; }

struct fb_principal fb_principal_blank(void) { return blank.who; }

/* An object of a kind that we do not know still has a provider when its carrier or log tells. */
static void read_unknown(const struct fb_record *r, struct fb_event *ev)
{
    ev->kind = FB_EV_UNKNOWN;
    if (r->envelope.present && fb_starts(r->envelope.source, "aws."))
        ev->provider = FB_AWS;
    else if (strstr(fb_json_get_str(r->doc, "logName"), "/logs/"))
        ev->provider = FB_GCP;
}

static void fill_gaps(struct fb_arena *a, const struct fb_record *r, int64_t delivery_ms,
                      struct fb_event *ev)
{
    const struct fb_envelope *env = &r->envelope;

    if (!*ev->id) /* an object of no known kind may still say who it is */
        ev->id = fb_json_get_str(r->doc, "eventID");
    if (!*ev->id)
        ev->id = fb_json_get_str(r->doc, "insertId");
    if (env->present) {
        if (!*ev->account)
            ev->account = env->account;
        if (!*ev->region)
            ev->region = env->region;
        if (!*ev->id)
            ev->id = env->id;
    }
    if (!*ev->id && r->carrier.id)
        ev->id = r->carrier.id;
    if (!*ev->id) {
        char hex[FB_SHA256_HEX];

        ev->id = fb_arena_fmt(a, "sha256:%s",
                              fb_sha256_hex(r->bytes ? r->bytes : "", r->bytes ? r->len : 0, hex));
        if (r->part) /* findings of one document share its bytes */
            ev->id = fb_arena_fmt(a, "%s#%zu", ev->id, r->part);
    }
    if (ev->time_ms <= 0) {
        ev->time_ms = env->present && env->time_ms > 0 ? env->time_ms
                      : r->carrier.time_ms > 0         ? r->carrier.time_ms
                                                       : delivery_ms;
        ev->time_guessed = true;
    }
    if (!*ev->action)
        ev->action = "unknown";
}

enum fb_status fb_normalize(struct fb_arena *a, const struct fb_record *r, int64_t delivery_ms,
                            struct fb_event *ev, struct fb_err *err)
{
    size_t i, n = sizeof recognisers / sizeof recognisers[0];

    *ev = fb_event_blank();
    ev->odd = r->odd;
    for (i = 0; i < n && !recognisers[i].is(r); i++)
        ;
    if (i < n)
        recognisers[i].read(a, r, ev);
    else
        read_unknown(r, ev);
    fill_gaps(a, r, delivery_ms, ev);
    if (fb_arena_failed(a))
        return fb_err_set(err, FB_ELIMIT, "the record needs more memory than one event may take");
    return FB_OK;
}

const char *fb_trait_name(enum fb_trait t)
{
    static const char *const names[FB_T_COUNT] = {
        [FB_T_READ] = "read",
        [FB_T_COMPUTE_CREATE] = "compute-create",
        [FB_T_LAUNCH] = "launch",
        [FB_T_DRY_RUN] = "dry-run",
        [FB_T_QUOTA_ERROR] = "quota-error",
        [FB_T_CAPACITY_ERROR] = "capacity-error",
        [FB_T_TERM_PROTECT] = "term-protect",
        [FB_T_MAX_COUNT] = "max-count",
        [FB_T_GROUP_BLOWUP] = "group-blowup",
        [FB_T_NEW_IDENTITY] = "new-identity",
        [FB_T_NEW_ROLE] = "new-role",
        [FB_T_KEY_FOR_OTHER] = "key-for-other",
        [FB_T_LOGIN_PROFILE] = "login-profile",
        [FB_T_ADMIN_GRANT] = "admin-grant",
        [FB_T_EXTERNAL_TRUST] = "external-trust",
        [FB_T_IDP_BACKDOOR] = "idp-backdoor",
        [FB_T_PUBLIC_FUNCTION] = "public-function",
        [FB_T_OPEN_ADMIN_PORT] = "open-admin-port",
        [FB_T_KEYPAIR] = "keypair",
        [FB_T_ORG_ACCOUNT] = "org-account",
        [FB_T_LOG_TAMPER] = "log-tamper",
        [FB_T_DETECTOR_TAMPER] = "detector-tamper",
        [FB_T_LEAVE_ORG] = "leave-org",
        [FB_T_REGION_ENABLE] = "region-enable",
        [FB_T_MFA_REMOVE] = "mfa-remove",
        [FB_T_SELF_CLEANUP] = "self-cleanup",
        [FB_T_DENY_REMOVED] = "deny-removed",
        [FB_T_SENSOR_TAMPER] = "sensor-tamper",
        [FB_T_QUARANTINE_POLICY] = "quarantine-policy",
        [FB_T_LEAK_NOTICE] = "leak-notice",
        [FB_T_VENDOR_CREDENTIAL] = "vendor-credential",
        [FB_T_VENDOR_CRYPTO] = "vendor-crypto",
        [FB_T_VENDOR_SEQUENCE] = "vendor-sequence",
        [FB_T_VENDOR_ANOMALY] = "vendor-anomaly",
        [FB_T_FEDERATION_TOKEN] = "federation-token",
        [FB_T_MINT] = "mint",
        [FB_T_CALLER_IDENTITY] = "caller-identity",
        [FB_T_QUOTA_READ] = "quota-read",
        [FB_T_QUOTA_ASK] = "quota-ask",
        [FB_T_OFFENSIVE_UA] = "offensive-ua",
        [FB_T_ROOT_ACTIVITY] = "root-activity",
        [FB_T_CONSOLE_NO_MFA] = "console-no-mfa",
        [FB_T_DATA_SHARED_OUT] = "data-shared-out",
        [FB_T_COMMITMENT] = "commitment",
        [FB_T_MAIL_OR_LLM_PROBE] = "mail-or-llm-probe",
        [FB_T_PERMISSION_PROBE] = "permission-probe",
        [FB_T_CODE_OVERWRITE] = "code-overwrite",
        [FB_T_REMOTE_EXEC] = "remote-exec",
        [FB_T_SECRET_READ] = "secret-read",
        [FB_T_DATA_DESTROY] = "data-destroy",
        [FB_T_CONTAINER_MINER] = "container-miner",
        [FB_T_API_ENABLE_COMPUTE] = "api-enable-compute",
        [FB_T_SSH_METADATA] = "ssh-metadata",
        [FB_T_SA_IMPERSONATION] = "sa-impersonation",
        [FB_T_MODEL_INVOKE] = "model-invoke",
        [FB_T_MODEL_ACCESS] = "model-access",
        [FB_T_COST_ANOMALY] = "cost-anomaly",
        [FB_T_LISTED_NETWORK] = "listed-network",
    };

    return (unsigned)t < FB_T_COUNT && names[t] ? names[t] : "unknown";
}

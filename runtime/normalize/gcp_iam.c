/* gcp_iam.c - what Google's calls give to whom: bindings, service accounts, keys, tokens; and which
 * watch they switch off.
 * From: Cloud Audit Logs, serviceData of type google.iam.v1.logging.AuditData; IAM and IAM
 *       Credentials API; Compute Engine, "Audit logging" (metadata values are redacted there). */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/text.h"
#include "normalize/gcp_in.h"

enum { SHORT_LIFE_DAYS = 7 }; /* a log bucket that forgets this fast keeps no evidence */

static const char *requested(struct fb_gcp_call *g, const char *dotted)
{
    return fb_norm_path_id(g->c.a, g->c.request, dotted);
}

static bool is_one_of(const char *s, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (fb_eq(s, list[i]))
            return true;
    return false;
}

/* ---- bindings ---- */

/* Roles that make their holder able to give themself the rest, or to start any machine. */
static bool is_admin_role(const char *role)
{
    static const char *const names[] = {"roles/owner", "roles/editor",
                                        "roles/iam.serviceAccountTokenCreator",
                                        "roles/iam.serviceAccountUser"};
    const char *leaf = fb_norm_after_last(role, '/');
    size_t len = strlen(leaf);

    if (is_one_of(role, names, sizeof names / sizeof names[0]))
        return true;
    if (fb_ends(leaf, ".v1")) /* compute.instanceAdmin.v1 */
        len -= strlen(".v1");
    return len >= 5 && strncasecmp(leaf + len - 5, "admin", 5) == 0 &&
           !fb_ends(leaf, "objectAdmin");
}

/* Roles that open a shell on machines. */
static bool gives_shell(const char *role)
{
    static const char *const names[] = {"roles/iap.tunnelResourceAccessor", "roles/compute.osLogin",
                                        "roles/compute.osAdminLogin",
                                        "roles/compute.osLoginExternalUser"};

    return is_one_of(role, names, sizeof names / sizeof names[0]);
}

static bool is_public(const char *member)
{
    return fb_starts(member, "allUsers") || fb_starts(member, "allAuthenticatedUsers") ||
           fb_eq(member, "principalSet://goog/public:all");
}

/* Whether one is the other, or lies inside it: "eu.acme.example" is at home in "acme.example". */
static bool same_domain(const char *one, const char *other)
{
    size_t a = strlen(one), b = strlen(other);
    const char *longer = a > b ? one : other, *shorter = a > b ? other : one;
    size_t skip = a > b ? a - b : b - a;

    return strcmp(longer + skip, shorter) == 0 && (skip == 0 || longer[skip - 1] == '.');
}

/* A person or group of another domain than the person who lets them in. What domain a service
 * account or a private address works for is not in the event. */
static bool is_of_another_domain(struct fb_gcp_call *g, const char *member, const char *identity)
{
    const char *actor = g->c.ev->who.arn, *home = fb_norm_after_last(actor, '@');

    if (!fb_starts(member, "user:") && !fb_starts(member, "group:") &&
        !fb_starts(member, "domain:"))
        return false;
    if (!strchr(actor, '@') || fb_ends(home, "gserviceaccount.com") || fb_gcp_is_consumer(actor))
        return false;
    return !same_domain(strchr(identity, '@') ? fb_norm_after_last(identity, '@') : identity, home);
}

/* Somebody from anywhere: the whole world, an address that anybody can have, another domain.
 * Whoever has a private address and works with it is not a stranger to themself. */
static bool is_stranger(struct fb_gcp_call *g, const char *member)
{
    const char *identity = fb_gcp_identity(g->c.a, member);

    return is_public(member) || is_of_another_domain(g, member, identity) ||
           (fb_gcp_is_consumer(identity) && !fb_eq(identity, g->c.ev->who.arn));
}

/* What a stranger gets depends on what the policy hangs on. */
static enum fb_trait stranger_trait(const struct fb_gcp_call *g, const char *member)
{
    static const char *const data[] = {
        "storage", "bigquery",   "secretmanager",    "cloudkms", "pubsub",
        "spanner", "healthcare", "artifactregistry", "bigtable", "bigtableadmin"};
    static const char *const things[] = {"disks.", "images.", "snapshots.", "machineImages."};
    const struct fb_event *ev = g->c.ev;

    if (is_one_of(ev->service, data, sizeof data / sizeof data[0]))
        return FB_T_DATA_SHARED_OUT;
    for (size_t i = 0; i < sizeof things / sizeof things[0]; i++)
        if (fb_starts(ev->action, things[i]))
            return FB_T_DATA_SHARED_OUT;
    if (is_public(member) && (fb_eq(ev->service, "run") || fb_eq(ev->service, "cloudfunctions")))
        return FB_T_PUBLIC_FUNCTION;
    return FB_T_EXTERNAL_TRUST;
}

/* Rights over the project, or over a service account; an owner of one disk owns one disk. */
static bool grants_power(const struct fb_gcp_call *g)
{
    static const char *const services[] = {"cloudresourcemanager", "iam", "cloudbilling", ""};

    return is_one_of(g->c.ev->service, services, sizeof services / sizeof services[0]);
}

static void weigh_binding(struct fb_gcp_call *g, const char *role, const char *member, bool is_new)
{
    const char *identity = fb_gcp_identity(g->c.a, member);
    bool told = false;

    if (is_stranger(g, member)) {
        fb_norm_let_in(&g->c, stranger_trait(g, member), is_public(member) ? "*" : identity);
        told = true;
    }
    if (is_new && gives_shell(role)) {
        fb_norm_set(&g->c, FB_T_REMOTE_EXEC);
        told = true;
    }
    if (is_new && grants_power(g) && is_admin_role(role) && !fb_gcp_is_agent(identity)) {
        fb_norm_set(&g->c, FB_T_ADMIN_GRANT);
        told = true;
    }
    if (told && !*g->c.ev->target_policy) {
        g->c.ev->target_policy = fb_arena_str(g->c.a, role);
        g->c.ev->target_user = *identity ? identity : member;
    }
}

/* Logging of a service switched off, or somebody taken out of it. */
static void weigh_audit_configs(struct fb_gcp_call *g, const struct fb_json *deltas)
{
    for (size_t i = 0, n = fb_norm_len(deltas); i < n; i++) {
        const struct fb_json *d = fb_norm_at(deltas, i);
        bool exempts = *fb_json_get_str(d, "exemptedMember") != '\0';
        const char *action = fb_json_get_str(d, "action");

        if (fb_eq(action, exempts ? "ADD" : "REMOVE"))
            fb_norm_set(&g->c, FB_T_LOG_TAMPER);
    }
}

static const struct fb_json *delta_of(const struct fb_gcp_call *g)
{
    static const char *const places[] = {"serviceData.policyDelta", "metadata.policyDelta",
                                         "servicedata_v1_iam.policyDelta"};
    const struct fb_json *delta = NULL;

    for (size_t i = 0; i < sizeof places / sizeof places[0] && !delta; i++)
        delta = fb_json_path(g->payload, places[i]);
    return delta;
}

/* Without a delta the request tells the whole policy, old and new alike: who is a stranger shows
 * all the same, but a project's old owners are no new grant. A service account's own policy is
 * short. */
static void weigh_whole_policy(struct fb_gcp_call *g)
{
    const struct fb_json *bindings = fb_json_path(g->c.request, "policy.bindings");
    bool small = fb_eq(g->c.ev->service, "iam");

    for (size_t i = 0, n = fb_norm_len(bindings), all = 0; i < n; i++) {
        const struct fb_json *b = fb_norm_at(bindings, i), *members = fb_json_get(b, "members");

        for (size_t k = 0, m = fb_norm_len(members); k < m && all < FB_NORM_ITEMS_MAX; k++, all++)
            weigh_binding(g, fb_json_get_str(b, "role"), fb_json_str(fb_norm_at(members, k)),
                          small);
    }
}

/* SetIamPolicy in every spelling, of every service. */
void fb_gcp_policy(struct fb_gcp_call *g)
{
    const struct fb_json *delta = delta_of(g), *list = fb_json_get(delta, "bindingDeltas");

    weigh_audit_configs(g, fb_json_get(delta, "auditConfigDeltas"));
    if (!delta) {
        weigh_whole_policy(g);
        return;
    }
    for (size_t i = 0, n = fb_norm_len(list); i < n; i++) {
        const struct fb_json *d = fb_norm_at(list, i);

        if (fb_eq(fb_json_get_str(d, "action"), "ADD"))
            weigh_binding(g, fb_json_get_str(d, "role"), fb_json_get_str(d, "member"), true);
    }
}

/* InsertProjectOwnershipInvite: {"member": "user:..."}. */
void fb_gcp_member(struct fb_gcp_call *g)
{
    const char *member = requested(g, "member");

    g->c.ev->target_user = fb_gcp_identity(g->c.a, member);
    if (is_stranger(g, member))
        fb_norm_let_in(&g->c, FB_T_EXTERNAL_TRUST, g->c.ev->target_user);
}

/* ---- service accounts and their keys ---- */

/* The account that a call is about: by name, else by the entry's label, else by its number. */
static const char *account_of(struct fb_gcp_call *g)
{
    const char *label = fb_json_path_str(g->c.doc, "resource.labels.email_id");
    const char *const named[] = {fb_gcp_segment(g->c.a, g->resource, "serviceAccounts"),
                                 fb_gcp_segment(g->c.a, requested(g, "name"), "serviceAccounts"),
                                 label};
    const char *first = "";

    for (size_t i = 0; i < sizeof named / sizeof named[0]; i++) {
        if (strchr(named[i], '@'))
            return fb_gcp_identity(g->c.a, named[i]);
        if (!*first)
            first = named[i];
    }
    return first;
}

/* CreateServiceAccount. */
void fb_gcp_service_account(struct fb_gcp_call *g)
{
    const char *email = fb_norm_path_id(g->c.a, g->c.response, "email");
    const char *name = requested(g, "account_id");

    if (!*email)
        email = fb_json_path_str(g->c.doc, "resource.labels.email_id");
    if (!*name)
        name = requested(g, "accountId");
    if (!*email && *name && *g->c.ev->account)
        email = fb_arena_fmt(g->c.a, "%s@%s.iam.gserviceaccount.com", name, g->c.ev->account);
    email = fb_gcp_identity(g->c.a, email);
    g->c.ev->target_user = email;
    fb_norm_made_one(&g->c, "service_account", email, "", "");
}

/* CreateServiceAccountKey, UploadServiceAccountKey. */
void fb_gcp_key(struct fb_gcp_call *g)
{
    const char *account = account_of(g);
    const char *made = fb_norm_path_id(g->c.a, g->c.response, "name");
    const char *key = fb_gcp_segment(g->c.a, made, "keys");
    const char *owner = fb_gcp_identity(g->c.a, fb_gcp_segment(g->c.a, made, "serviceAccounts"));

    if (!strchr(account, '@') && strchr(owner, '@'))
        account = owner;
    if (*account && !fb_eq(account, g->c.ev->who.arn))
        fb_norm_set(&g->c, FB_T_KEY_FOR_OTHER);
    g->c.ev->target_user = account;
    g->c.ev->target_key = key;
    fb_norm_made_one(&g->c, "sa_key", key, account, "");
}

/* storage hmacKeys.create: a key of another kind for a service account. */
void fb_gcp_hmac_key(struct fb_gcp_call *g)
{
    const char *account = requested(g, "serviceAccountEmail");

    if (!*account)
        account = fb_norm_path_id(g->c.a, g->c.response, "metadata.serviceAccountEmail");
    account = fb_gcp_identity(g->c.a, account);
    g->c.ev->target_user = account;
    if (*account && !fb_eq(account, g->c.ev->who.arn))
        fb_norm_set(&g->c, FB_T_KEY_FOR_OTHER);
}

/* GenerateAccessToken, GenerateIdToken, SignBlob, SignJwt: the caller becomes the account. */
void fb_gcp_mint(struct fb_gcp_call *g)
{
    const char *account = account_of(g);

    g->c.ev->mint.role_arn = account;
    g->c.ev->target_user = account;
    if (!fb_eq(account, g->c.ev->who.arn))
        fb_norm_set(&g->c, FB_T_SA_IMPERSONATION);
}

/* instances.setServiceAccount: a machine gets an account, as a launch with one would give it. */
void fb_gcp_machine_account(struct fb_gcp_call *g)
{
    g->c.ev->launch.profile_arn = fb_gcp_identity(g->c.a, requested(g, "email"));
}

/* ---- metadata ---- */

static void weigh_metadata_key(struct fb_gcp_call *g, const char *key)
{
    static const char *const keys[] = {"ssh-keys", "sshKeys", "block-project-ssh-keys",
                                       "windows-keys"}; /* a new password for Windows */
    static const char *const scripts[] = {"startup-script",
                                          "startup-script-url",
                                          "shutdown-script",
                                          "shutdown-script-url",
                                          "user-data",
                                          "post-startup-script",
                                          "windows-startup-script-cmd",
                                          "windows-startup-script-ps1",
                                          "windows-startup-script-url"};

    if (is_one_of(key, keys, sizeof keys / sizeof keys[0]))
        fb_norm_set(&g->c, FB_T_SSH_METADATA);
    if (is_one_of(key, scripts, sizeof scripts / sizeof scripts[0]))
        fb_norm_set(&g->c, FB_T_CODE_OVERWRITE);
}

static size_t weigh_keys(struct fb_gcp_call *g, const struct fb_json *list)
{
    size_t n = fb_norm_len(list);

    for (size_t i = 0; i < n; i++) {
        const struct fb_json *item = fb_norm_at(list, i);

        weigh_metadata_key(g, fb_json_kind(item) == FB_JSON_OBJECT ? fb_json_get_str(item, "key")
                                                                   : fb_json_str(item));
    }
    return n;
}

/* instances.setMetadata, projects.setCommonInstanceMetadata. Values never stand in the log; names
 * do, in the newer entries. Where no name is told, keys are what most people set there. */
void fb_gcp_metadata(struct fb_gcp_call *g)
{
    static const char *const deltas[] = {"instanceMetaDataDelta", "instanceMetadataDelta",
                                         "projectMetadataDelta", "projectMetaDataDelta"};
    static const char *const lists[] = {"addedMetadataKeys", "modifiedMetadataKeys"};
    const struct fb_json *meta = fb_json_get(g->payload, "metadata");
    size_t told = weigh_keys(g, fb_json_get(g->c.request, "items"));
    bool delta = false;

    for (size_t i = 0; i < sizeof deltas / sizeof deltas[0]; i++) {
        const struct fb_json *d = fb_json_get(meta, deltas[i]);

        delta |= fb_json_kind(d) == FB_JSON_OBJECT;
        for (size_t k = 0; k < sizeof lists / sizeof lists[0]; k++)
            told += weigh_keys(g, fb_json_get(d, lists[k]));
    }
    if (!told && !delta)
        fb_norm_set(&g->c, FB_T_SSH_METADATA);
}

/* ---- ports ---- */

static bool range_has(const char *range, long port)
{
    char *end;
    long from = strtol(range, &end, 10), to = *end == '-' ? strtol(end + 1, NULL, 10) : from;

    return end != range && from <= port && port <= to;
}

static bool opens_admin_port(const struct fb_json *rule)
{
    const struct fb_json *ports = fb_json_get(rule, "ports");
    const char *protocol = fb_json_get_str(rule, "IPProtocol");

    if (!*protocol)
        protocol = fb_json_get_str(rule, "ipProtocol");
    if (fb_eq(protocol, "all"))
        return true;
    if (strcasecmp(protocol, "tcp") != 0 && !fb_eq(protocol, "6"))
        return false;
    for (size_t i = 0, n = fb_norm_len(ports); i < n; i++) {
        const char *range = fb_json_str(fb_norm_at(ports, i));

        if (range_has(range, 22) || range_has(range, 3389))
            return true;
    }
    return fb_norm_len(ports) == 0; /* no ports named: all of them */
}

/* firewalls.insert, patch, update. */
void fb_gcp_firewall(struct fb_gcp_call *g)
{
    const struct fb_json *r = g->c.request, *ranges = fb_json_get(r, "sourceRanges");
    const struct fb_json *rules = fb_json_get(r, "alloweds");
    bool world = false;

    if (!rules)
        rules = fb_json_get(r, "allowed");
    for (size_t i = 0, n = fb_norm_len(ranges); i < n; i++)
        world |= fb_ends(fb_json_str(fb_norm_at(ranges, i)), "/0");
    if (!world || fb_eq(fb_json_get_str(r, "direction"), "EGRESS") ||
        fb_norm_flag(fb_json_get(r, "disabled"), false))
        return;
    for (size_t i = 0, n = fb_norm_len(rules); i < n; i++)
        if (opens_admin_port(fb_norm_at(rules, i)))
            fb_norm_set(&g->c, FB_T_OPEN_ADMIN_PORT);
}

/* ---- watches switched off ---- */

static bool is_off(const struct fb_json *v) { return v && !fb_norm_flag(v, true); }

/* subnetworks.patch */
void fb_gcp_flow_logs(struct fb_gcp_call *g)
{
    if (is_off(fb_json_get(g->c.request, "enableFlowLogs")) ||
        is_off(fb_json_path(g->c.request, "logConfig.enable")))
        fb_norm_set(&g->c, FB_T_LOG_TAMPER);
}

/* logging UpdateBucket with a short life for what it keeps. */
void fb_gcp_log_bucket(struct fb_gcp_call *g)
{
    const struct fb_json *days = fb_json_path(g->c.request, "bucket.retentionDays");

    if (days && fb_norm_number(days, FB_NORM_COUNT_MAX) <= SHORT_LIFE_DAYS)
        fb_norm_set(&g->c, FB_T_LOG_TAMPER);
}

/* Security Command Center's settings: a service of it, or one of its modules, set to DISABLED.
 * Calls itself, a few levels deep. */
static bool says_disabled(const struct fb_json *v, int depth)
{
    void *iter = NULL;
    const char *key;
    const struct fb_json *member;

    if (depth > 6)
        return false;
    while (fb_json_next(v, &iter, &key, &member)) {
        if ((fb_has_fold(key, "EnablementState") || fb_has_fold(key, "enablement_state")) &&
            fb_eq(fb_json_str(member), "DISABLED"))
            return true;
        if (fb_eq(key, "enableAssetDiscovery") && is_off(member))
            return true;
        if (fb_json_kind(member) == FB_JSON_OBJECT && says_disabled(member, depth + 1))
            return true;
    }
    return false;
}

void fb_gcp_detector(struct fb_gcp_call *g)
{
    if (fb_json_kind(g->c.request) == FB_JSON_OBJECT && says_disabled(g->c.request, 0))
        fb_norm_set(&g->c, FB_T_DETECTOR_TAMPER);
}

/* ---- services switched on and off ---- */

static bool starts_compute(const char *service)
{
    static const char *const names[] = {"compute.googleapis.com",
                                        "aiplatform.googleapis.com",
                                        "container.googleapis.com",
                                        "batch.googleapis.com",
                                        "notebooks.googleapis.com",
                                        "dataproc.googleapis.com",
                                        "tpu.googleapis.com",
                                        "run.googleapis.com",
                                        "cloudbuild.googleapis.com",
                                        "dataflow.googleapis.com",
                                        "ml.googleapis.com",
                                        "workstations.googleapis.com",
                                        "generativelanguage.googleapis.com"};

    return is_one_of(service, names, sizeof names / sizeof names[0]);
}

static void weigh_service(struct fb_gcp_call *g, const char *name)
{
    if (starts_compute(name))
        fb_norm_set(&g->c, FB_T_API_ENABLE_COMPUTE);
    if (fb_eq(name, "aiplatform.googleapis.com") ||
        fb_eq(name, "generativelanguage.googleapis.com"))
        fb_norm_set(&g->c, FB_T_MODEL_ACCESS);
}

/* EnableService, BatchEnableServices. */
void fb_gcp_enable_service(struct fb_gcp_call *g)
{
    const struct fb_json *ids = fb_json_get(g->c.request, "serviceIds");

    weigh_service(g, fb_gcp_segment(g->c.a, g->resource, "services"));
    weigh_service(g, fb_gcp_segment(g->c.a, requested(g, "name"), "services"));
    for (size_t i = 0, n = fb_norm_len(ids); i < n; i++)
        weigh_service(g, fb_json_str(fb_norm_at(ids, i)));
}

/* DisableService: the watchers are services too. */
void fb_gcp_disable_service(struct fb_gcp_call *g)
{
    const char *name = fb_gcp_segment(g->c.a, g->resource, "services");

    if (!*name)
        name = fb_gcp_segment(g->c.a, requested(g, "name"), "services");
    if (fb_starts(name, "securitycenter"))
        fb_norm_set(&g->c, FB_T_DETECTOR_TAMPER);
    if (fb_starts(name, "logging."))
        fb_norm_set(&g->c, FB_T_LOG_TAMPER);
}

/* ---- the rest ---- */

/* IAM deny policies: pulling down ours. */
void fb_gcp_our_policy(struct fb_gcp_call *g)
{
    if (fb_has_fold(g->resource, "firebreak") || fb_has_fold(requested(g, "name"), "firebreak"))
        fb_norm_set(&g->c, FB_T_DENY_REMOVED);
}

/* Kubernetes clusterrolebindings.create: everything in the cluster to somebody. */
void fb_gcp_cluster_role(struct fb_gcp_call *g)
{
    if (fb_eq(fb_json_path_str(g->c.request, "roleRef.name"), "cluster-admin"))
        fb_norm_set(&g->c, FB_T_ADMIN_GRANT);
}

/* Predict is billed by the token for models of publishers; one's own endpoint runs anyway. */
void fb_gcp_model_call(struct fb_gcp_call *g)
{
    if (!strstr(g->resource, "/publishers/") && !strstr(requested(g, "endpoint"), "/publishers/"))
        return;
    fb_norm_set(&g->c, FB_T_COMPUTE_CREATE);
    fb_norm_set(&g->c, FB_T_MODEL_INVOKE);
}

/* dns policies.patch, policies.update. */
void fb_gcp_dns_policy(struct fb_gcp_call *g)
{
    if (is_off(fb_json_get(g->c.request, "enableLogging")) ||
        is_off(fb_json_path(g->c.request, "policy.enableLogging")))
        fb_norm_set(&g->c, FB_T_LOG_TAMPER);
}

/* container SetLoggingService, UpdateCluster: the cluster's log sent nowhere. */
void fb_gcp_cluster_logging(struct fb_gcp_call *g)
{
    if (fb_eq(requested(g, "loggingService"), "none") ||
        fb_eq(requested(g, "update.desiredLoggingService"), "none"))
        fb_norm_set(&g->c, FB_T_LOG_TAMPER);
}

/* notebooks UpdateInstance, UpdateInstanceMetadataItems: what runs at the machine's next start. */
void fb_gcp_notebook(struct fb_gcp_call *g)
{
    static const char *const places[] = {"instance.gceSetup.metadata", "instance.metadata",
                                         "items"};

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        const struct fb_json *map = fb_json_path(g->c.request, places[i]), *value;
        const char *key;
        void *iter = NULL;

        for (int n = 0; n < FB_NORM_ITEMS_MAX && fb_json_next(map, &iter, &key, &value); n++)
            weigh_metadata_key(g, key);
    }
}

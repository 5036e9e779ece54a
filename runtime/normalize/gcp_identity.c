/* gcp_identity.c - Google's authenticationInfo becomes one principal, and those who stand behind
 * it. From: Cloud Audit Logs, AuthenticationInfo; IAM documentation, "Principal identifiers" and
 *       "Service agents". */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/text.h"
#include "normalize/gcp_in.h"

enum { DELEGATES_MAX = 16 };

#define ACCOUNT_DOMAIN ".gserviceaccount.com"
#define CUSTOM_DOMAIN  ".iam.gserviceaccount.com"

static const char *lower(struct fb_arena *a, const char *s, size_t len)
{
    char *out = fb_arena_alloc(a, len + 1);

    if (!out)
        return "";
    for (size_t i = 0; i < len; i++)
        out[i] = (char)tolower((unsigned char)s[i]);
    return out;
}

const char *fb_gcp_identity(struct fb_arena *a, const char *member)
{
    static const char *const prefixes[] = {
        "deleted:", "user:", "serviceAccount:", "group:", "principal://goog/subject/"};
    size_t len;

    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
        if (fb_starts_fold(member, prefixes[i]))
            member += strlen(prefixes[i]);
    if (fb_starts(member, "principal"))
        return fb_arena_str(a, member); /* pool and subject: case tells them apart */
    len = strcspn(member, "?");
    return lower(a, member, len);
}

static const char *domain_of(const char *email)
{
    const char *at = strrchr(email, '@');

    return at ? at + 1 : "";
}

bool fb_gcp_is_agent(const char *email)
{
    /* Projects of Google's own, as the part before ".iam.gserviceaccount.com". */
    static const char *const projects[] = {"compute-system",
                                           "container-engine-robot",
                                           "container-analysis",
                                           "containerregistry",
                                           "cloud-ml.google.com",
                                           "cloud-tpu",
                                           "cloud-redis",
                                           "cloud-filer",
                                           "cloudcomposer-accounts",
                                           "dataflow-service-producer-prod",
                                           "dataproc-accounts",
                                           "endpoints-portal",
                                           "firebase-rules",
                                           "gae-api-prod.google.com",
                                           "gcf-admin-robot",
                                           "gcp-gae-service",
                                           "genomics-api.google.com",
                                           "gs-project-accounts",
                                           "remotebuildexecution",
                                           "security-center-api",
                                           "serverless-robot-prod",
                                           "service-networking",
                                           "sourcerepo-service-accounts"};
    const char *domain = domain_of(email);
    size_t len = strlen(domain);

    if (fb_eq(domain, "cloudservices.gserviceaccount.com") ||
        fb_eq(domain, "system.gserviceaccount.com") || fb_eq(domain, "prod.google.com"))
        return true;
    if (!fb_ends(domain, CUSTOM_DOMAIN))
        return false;
    len -= strlen(CUSTOM_DOMAIN);
    /* The newer ones: gcp-sa-logging, gcp-sa-pubsub, ... */
    if (fb_starts(domain, "gcp-sa-"))
        return true;
    for (size_t i = 0; i < sizeof projects / sizeof projects[0]; i++)
        if (strlen(projects[i]) == len && strncmp(projects[i], domain, len) == 0)
            return true;
    return false;
}

const char *fb_gcp_home_project(struct fb_arena *a, const char *email)
{
    const char *domain = domain_of(email);

    if (!fb_ends(domain, CUSTOM_DOMAIN))
        return "";
    return fb_arena_strn(a, domain, strlen(domain) - strlen(CUSTOM_DOMAIN));
}

bool fb_gcp_is_consumer(const char *email)
{
    static const char *const domains[] = {
        "gmail.com", "googlemail.com", "outlook.com",  "hotmail.com", "live.com",   "msn.com",
        "yahoo.com", "ymail.com",      "icloud.com",   "me.com",      "aol.com",    "proton.me",
        "pm.me",     "protonmail.com", "tutanota.com", "gmx.com",     "gmx.net",    "gmx.de",
        "web.de",    "mail.com",       "mail.ru",      "yandex.ru",   "yandex.com", "qq.com",
        "163.com",   "126.com",        "zoho.com",     "naver.com",   "libero.it",  "orange.fr"};
    const char *domain = domain_of(email);

    for (size_t i = 0; i < sizeof domains / sizeof domains[0]; i++)
        if (strcasecmp(domain, domains[i]) == 0)
            return true;
    return false;
}

enum fb_who fb_gcp_who(const char *identity, const char *prefixed)
{
    if (!*identity)
        return FB_WHO_UNKNOWN;
    if (fb_gcp_is_agent(identity))
        return FB_WHO_SERVICE;
    if (fb_starts(identity, "principal") || strstr(identity, ".svc.id.goog["))
        return FB_WHO_WEB_IDENTITY;
    if (fb_ends(identity, ACCOUNT_DOMAIN) || fb_starts_fold(prefixed, "serviceAccount:"))
        return FB_WHO_SERVICE_ACCOUNT;
    return FB_WHO_USER;
}

/* "principal://iam.googleapis.com/POOL/subject/SUBJECT", "PROJECT.svc.id.goog[NAMESPACE/NAME]". */
static void split_pool(struct fb_arena *a, struct fb_principal *who)
{
    const char *bracket = strchr(who->arn, '['), *subject = strstr(who->arn, "/subject/");

    if (subject) {
        who->idp = fb_arena_strn(a, who->arn, (size_t)(subject - who->arn));
        who->subject = subject + strlen("/subject/");
    } else if (bracket) {
        who->idp = fb_arena_strn(a, who->arn, (size_t)(bracket - who->arn));
        who->subject = fb_arena_strn(a, bracket + 1, strcspn(bracket + 1, "]"));
    }
}

/* Names inside a Kubernetes cluster mean something in that cluster only. */
static void read_cluster_name(struct fb_arena *a, const char *name, const char *cluster,
                              struct fb_principal *who)
{
    who->id = name;
    if (fb_eq(name, "system:anonymous") || fb_eq(name, "system:unauthenticated"))
        return;
    who->arn = fb_arena_fmt(a, "%s/%s", cluster, name);
    if (fb_starts(name, "system:serviceaccount:") &&
        !fb_starts(name, "system:serviceaccount:kube-system:")) {
        who->kind = FB_WHO_WEB_IDENTITY;
        who->idp = cluster;
        who->subject = name + strlen("system:serviceaccount:");
        return;
    }
    who->kind = FB_WHO_SERVICE;
    who->invoked_by = who->arn;
}

/* {"firstPartyPrincipal": {"principalEmail"}}, {"principalSubject"}, {"thirdPartyPrincipal": {...}}
 */
static struct fb_delegate read_delegate(struct fb_arena *a, const struct fb_json *item)
{
    const char *subject = fb_json_get_str(item, "principalSubject");
    const char *email = fb_json_path_str(item, "firstPartyPrincipal.principalEmail");
    const char *claim = fb_json_path_str(item, "thirdPartyPrincipal.thirdPartyClaims.sub");
    struct fb_delegate d = {.identity = fb_gcp_identity(a, *email ? email : subject)};

    d.kind = fb_gcp_who(d.identity, subject);
    if (!*d.identity && *claim) {
        d.identity = fb_arena_str(a, claim);
        d.kind = FB_WHO_WEB_IDENTITY;
    }
    return d;
}

/* Google's own agents in the history hand tokens to machines and functions: they are no one who
 * answers for anything, so they are left out. Returns whether one was there. */
static bool read_delegates(struct fb_arena *a, const struct fb_json *auth, struct fb_principal *who)
{
    const struct fb_json *list = fb_norm_field(auth, "serviceAccountDelegationInfo");
    size_t n = fb_norm_len(list), kept = 0;
    struct fb_delegate *out;
    bool agent = false;

    if (n == 0)
        return false;
    n = n > DELEGATES_MAX ? DELEGATES_MAX : n;
    out = FB_NEW_ARRAY(a, n, struct fb_delegate);
    for (size_t i = 0; out && i < n; i++) {
        struct fb_delegate d = read_delegate(a, fb_norm_at(list, i));

        if (d.kind == FB_WHO_SERVICE)
            agent = true;
        else
            out[kept++] = d;
    }
    who->delegates = kept ? out : NULL;
    who->delegate_count = kept;
    return agent;
}

/* ".../serviceAccounts/EMAIL/keys/KEY" */
static void read_key(struct fb_arena *a, const struct fb_json *auth, struct fb_principal *who)
{
    const char *name = fb_json_str(fb_norm_field(auth, "serviceAccountKeyName"));

    who->credential = fb_gcp_segment(a, name, "keys");
    if (!*who->credential)
        return;
    if (!*who->arn)
        who->arn = fb_gcp_identity(a, fb_gcp_segment(a, name, "serviceAccounts"));
    if (*who->arn)
        who->kind = FB_WHO_SERVICE_ACCOUNT;
    else
        who->kind = FB_WHO_CREDENTIAL;
}

/* Accounts that a project is born with and that its machines use unless told otherwise. */
static bool is_machines_own(const char *email)
{
    return fb_ends(email, "-compute@developer.gserviceaccount.com") ||
           fb_ends(email, "@appspot.gserviceaccount.com");
}

void fb_gcp_read_who(struct fb_arena *a, const struct fb_json *auth, const char *cluster,
                     struct fb_event *ev)
{
    struct fb_principal *who = &ev->who;
    const char *email = fb_json_str(fb_norm_field(auth, "principalEmail"));
    const char *subject = fb_json_str(fb_norm_field(auth, "principalSubject"));
    const char *claim = fb_json_path_str(auth, "thirdPartyPrincipal.thirdPartyClaims.sub");
    bool agent;

    who->account = ev->account;
    if (fb_starts(email, "system:")) {
        read_cluster_name(a, email, cluster, who);
        return;
    }
    who->id = subject;
    who->arn = fb_gcp_identity(a, *email ? email : subject);
    who->kind = fb_gcp_who(who->arn, subject);
    if (!*who->arn && *claim) {
        who->arn = fb_arena_str(a, claim);
        who->kind = FB_WHO_WEB_IDENTITY;
    }
    read_key(a, auth, who);
    agent = read_delegates(a, auth, who);
    if (who->kind == FB_WHO_USER || who->kind == FB_WHO_SERVICE_ACCOUNT)
        who->name = who->arn;
    if (who->kind == FB_WHO_WEB_IDENTITY)
        split_pool(a, who);
    if (who->kind == FB_WHO_SERVICE)
        who->invoked_by = who->arn;
    if (who->kind != FB_WHO_SERVICE_ACCOUNT)
        return;
    if (*fb_gcp_home_project(a, who->arn))
        who->account = fb_gcp_home_project(a, who->arn);
    who->instance_role =
        !*who->credential && who->delegate_count == 0 && (agent || is_machines_own(who->arn));
}

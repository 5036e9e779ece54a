/* gcp_notice.c - Google's own word: abuse events of Cloud Logging, and threats that Security
 * Command Center found. From: Google Cloud documentation, "Abuse event logging"; Security Command
 * Center, "Finding" and the lists of threat findings. */
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "ingest/ingest.h"
#include "normalize/gcp_in.h"

enum { SEARCH_DEPTH_MAX = 10, SEARCH_NODES_MAX = 1024 };

/* The first text under this key, anywhere inside: the nesting of these records is told in different
 * ways, and their keys are unmistakable. Calls itself, SEARCH_DEPTH_MAX deep. */
static const char *search(const struct fb_json *v, const char *key, int depth, int *nodes)
{
    void *iter = NULL;
    const char *name, *found = "";
    const struct fb_json *member;

    if (depth > SEARCH_DEPTH_MAX || ++*nodes > SEARCH_NODES_MAX)
        return "";
    if (fb_json_kind(v) == FB_JSON_ARRAY) {
        for (size_t i = 0, n = fb_norm_len(v); i < n && !*found; i++)
            found = search(fb_json_at(v, i), key, depth + 1, nodes);
        return found;
    }
    if (fb_json_kind(v) != FB_JSON_OBJECT)
        return "";
    if (*fb_json_get_str(v, key))
        return fb_json_get_str(v, key);
    while (!*found && fb_json_next(v, &iter, &name, &member))
        found = search(member, key, depth + 1, nodes);
    return found;
}

static const char *find(const struct fb_json *v, const char *key)
{
    int nodes = 0;

    return search(v, key, 0, &nodes);
}

/* ---- abuse events ---- */

bool fb_norm_is_gcp_abuse(const struct fb_record *r)
{
    const struct fb_json *payload = fb_json_get(r->doc, "jsonPayload");

    return fb_json_kind(payload) == FB_JSON_OBJECT && fb_json_get(payload, "detectionType") &&
           (strstr(fb_json_get_str(r->doc, "logName"), "abuseevent.googleapis.com") ||
            strstr(fb_json_get_str(payload, "@type"), "abuseevent"));
}

/* An API key stands in the event in clear; it is a secret and is left there. */
static void read_leak(struct fb_arena *a, const struct fb_json *payload, struct fb_event *ev)
{
    const char *account = find(payload, "serviceAccount"), *key = find(payload, "keyId");

    ev->kind = FB_EV_LEAK_NOTICE;
    ev->traits |= FB_NORM_BIT(FB_T_LEAK_NOTICE);
    ev->exposed_at = find(payload, "detectedUri");
    ev->who.arn = fb_gcp_identity(a, fb_gcp_leaf(account));
    ev->who.name = ev->who.arn;
    ev->who.credential = fb_gcp_leaf(key);
    if (strchr(ev->who.arn, '@'))
        ev->who.kind = FB_WHO_SERVICE_ACCOUNT;
    else if (*ev->who.credential)
        ev->who.kind = FB_WHO_CREDENTIAL;
    ev->target_user = ev->who.arn;
    ev->target_key = ev->who.credential;
}

void fb_norm_gcp_abuse(struct fb_arena *a, const struct fb_record *r, struct fb_event *ev)
{
    const struct fb_json *payload = fb_json_get(r->doc, "jsonPayload");
    const struct fb_json *machines = fb_json_path(payload, "cryptoMiningEvent.vmResource");
    const char *log = fb_json_get_str(r->doc, "logName");
    const char *container = fb_json_path_str(r->doc, "resource.labels.resource_container");
    const char *action = fb_json_get_str(payload, "action");

    ev->provider = FB_GCP;
    ev->kind = FB_EV_FINDING;
    ev->service = "abuseevent";
    ev->action = fb_json_get_str(payload, "detectionType");
    ev->id = fb_norm_id(a, fb_json_get(r->doc, "insertId"));
    ev->account = fb_gcp_segment(a, log, "projects");
    if (!*ev->account)
        ev->account = fb_gcp_segment(a, container, "projects");
    ev->who.account = ev->account;
    if (!fb_norm_time(fb_json_get(r->doc, "timestamp"), &ev->time_ms))
        fb_norm_time(fb_json_get(r->doc, "receiveTimestamp"), &ev->time_ms);
    ev->notice = fb_arena_fmt(a, "%s%s%s", fb_json_get_str(payload, "reason"),
                              *action ? " Google's step: " : "", action);
    ev->target_id = fb_json_str(fb_norm_at(machines, 0));
    ev->region = fb_gcp_region(a, fb_gcp_segment(a, ev->target_id, "zones"));
    if (fb_eq(action, "REINSTATE")) /* over: the same words, but good news */
        return;
    if (fb_eq(ev->action, "LEAKED_CREDENTIALS"))
        read_leak(a, payload, ev);
    else if (fb_eq(ev->action, "CRYPTO_MINING"))
        ev->traits |= FB_NORM_BIT(FB_T_VENDOR_CRYPTO);
}

/* ---- Security Command Center ---- */

/* What a threat's category means to us; the first row that fits counts. */
static const struct {
    const char *category;
    enum fb_trait trait;
} families[] = {
    {"*Leaked Service Account Key*", FB_T_LEAK_NOTICE},
    {"*leaked credentials*", FB_T_LEAK_NOTICE},
    {"*ryptomin*", FB_T_VENDOR_CRYPTO},
    {"*ryptocurrency*", FB_T_VENDOR_CRYPTO},
    {"*rypto Mining*", FB_T_VENDOR_CRYPTO},
    {"*Stratum*", FB_T_VENDOR_CRYPTO},
    {"Initial Access: Account Disabled Hijacked", FB_T_VENDOR_CREDENTIAL},
    {"Initial Access: Disabled Password Leak", FB_T_VENDOR_CREDENTIAL},
    {"Initial Access: Government Based Attack", FB_T_VENDOR_CREDENTIAL},
    {"Initial Access: Suspicious Login Blocked", FB_T_VENDOR_CREDENTIAL},
    {"*ompute Engine Service Account*xfil*", FB_T_VENDOR_CREDENTIAL},
    {"Credential Access: *Credential*", FB_T_VENDOR_CREDENTIAL},
    {"Credential Access: *", FB_T_VENDOR_ANOMALY},
    {"Initial Access: *", FB_T_VENDOR_ANOMALY},
    {"Persistence: *", FB_T_VENDOR_ANOMALY},
    {"Privilege Escalation: *", FB_T_VENDOR_ANOMALY},
    {"Defense Evasion: *", FB_T_VENDOR_ANOMALY},
    {"Discovery: *", FB_T_VENDOR_ANOMALY},
    {"Exfiltration: *", FB_T_VENDOR_ANOMALY},
    {"Impact: *", FB_T_VENDOR_ANOMALY},
    {"Execution: *", FB_T_VENDOR_ANOMALY},
    {"Lateral Movement: *", FB_T_VENDOR_ANOMALY},
    {"Resource Development: *", FB_T_VENDOR_ANOMALY},
    {"Command and Control: *", FB_T_VENDOR_ANOMALY},
    {"Malware: *", FB_T_VENDOR_ANOMALY},
    {"Brute Force: *", FB_T_VENDOR_ANOMALY},
    {"C2: *", FB_T_VENDOR_ANOMALY},
    {"*nomalous IAM *rant", FB_T_VENDOR_ANOMALY},
    {"iam_anomalous_grant", FB_T_VENDOR_ANOMALY}, /* the old log entries name the rule */
    {"cryptomining*", FB_T_VENDOR_CRYPTO},
    {"bad_ip", FB_T_VENDOR_ANOMALY},
    {"bad_domain", FB_T_VENDOR_ANOMALY},
    {"brute_force*", FB_T_VENDOR_ANOMALY},
};

/* {"finding": {...}, "resource": {...}}, or the finding by itself. */
static const struct fb_json *finding_of(const struct fb_json *doc)
{
    const struct fb_json *f = fb_json_get(doc, "finding");

    if (fb_json_kind(f) != FB_JSON_OBJECT)
        f = doc;
    return *fb_json_get_str(f, "category") && (fb_json_get(f, "resourceName") ||
                                               strstr(fb_json_get_str(f, "name"), "/findings/"))
               ? f
               : NULL;
}

/* Before notifications there were log entries: {"jsonPayload": {"detectionCategory": ...}}. */
static const struct fb_json *logged_finding(const struct fb_json *doc)
{
    return strstr(fb_json_get_str(doc, "logName"), "threatdetection.googleapis.com")
               ? fb_json_get(doc, "jsonPayload")
               : NULL;
}

bool fb_norm_is_gcp_finding(const struct fb_record *r)
{
    return finding_of(r->doc) || logged_finding(r->doc);
}

/* A threat that stands. Findings without a class are old ones, whose threats read "Tactic: what".
 */
static bool counts(const struct fb_json *f)
{
    const char *class = fb_json_get_str(f, "findingClass");
    const char *state = fb_json_get_str(f, "state");

    if (fb_eq(state, "INACTIVE") || fb_eq(fb_json_get_str(f, "mute"), "MUTED"))
        return false;
    if (*class)
        return fb_eq(class, "THREAT");
    return strstr(fb_json_get_str(f, "category"), ": ") ||
           *fb_json_path_str(f, "detectionCategory.ruleName");
}

/* At the beginning only: further on stand names that an intruder may have chosen. */
static bool is_test(const struct fb_json *f)
{
    static const char *const words[] = {"[test]",         "[sample]",       "test finding",
                                        "sample finding", "this is a test", "this is a sample"};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (fb_starts_fold(fb_json_get_str(f, "category"), words[i]) ||
            fb_starts_fold(fb_json_get_str(f, "description"), words[i]))
            return true;
    return false;
}

static const char *project_of(struct fb_arena *a, const struct fb_record *r,
                              const struct fb_json *f)
{
    static const char *const keys[] = {"project_id", "projectId", "ProjectId"};
    const char *id = "";

    for (size_t i = 0; i < sizeof keys / sizeof keys[0] && !*id; i++)
        id = fb_json_get_str(fb_json_path(f, "sourceProperties.properties"), keys[i]);
    if (!*id)
        id = fb_json_path_str(f, "sourceProperties.properties.network.project");
    if (!*id)
        id = fb_json_path_str(f, "properties.network.project");
    if (!*id)
        id = fb_json_path_str(f, "sourceProperties.ProjectId");
    if (!*id)
        id = fb_json_path_str(r->doc, "resource.projectDisplayName");
    if (!*id)
        id = fb_gcp_segment(a, fb_json_get_str(f, "resourceName"), "projects");
    if (!*id)
        id = fb_gcp_segment(a, fb_json_get_str(f, "canonicalName"), "projects");
    return *id ? id : fb_gcp_segment(a, fb_json_get_str(r->doc, "logName"), "projects");
}

static void read_accused(struct fb_arena *a, const struct fb_json *f, struct fb_event *ev)
{
    const struct fb_json *access = fb_json_get(f, "access");

    if (!*fb_json_get_str(access, "principalEmail") &&
        !*fb_json_get_str(access, "principalSubject"))
        access = fb_json_path(f, "sourceProperties.properties");
    fb_gcp_read_who(a, access, ev->account, ev);
    if (!*ev->who.arn) {
        const char *email = find(fb_json_get(f, "sourceProperties"), "principalEmail");

        ev->who.arn = fb_gcp_identity(a, email);
        ev->who.kind = fb_gcp_who(ev->who.arn, "");
        ev->who.name = ev->who.arn;
    }
    ev->ip = fb_json_path_str(f, "access.callerIp");
    ev->agent = fb_json_path_str(f, "access.userAgent");
}

static void read_words(struct fb_arena *a, const struct fb_json *f, struct fb_event *ev)
{
    const char *words = fb_json_get_str(f, "description");

    ev->action = fb_json_get_str(f, "category");
    if (!*ev->action)
        ev->action = fb_json_path_str(f, "detectionCategory.ruleName");
    ev->notice = *words ? fb_arena_fmt(a, "%s. %s", ev->action, words) : ev->action;
}

void fb_norm_gcp_finding(struct fb_arena *a, const struct fb_record *r, struct fb_event *ev)
{
    static const char *const times[] = {"eventTime", "createTime"};
    const struct fb_json *f = finding_of(r->doc);

    if (!f)
        f = logged_finding(r->doc);
    ev->provider = FB_GCP;
    ev->kind = FB_EV_FINDING;
    ev->service = "securitycenter";
    /* One finding is told again with every change: each message is an event of its own. */
    ev->id = r->carrier.id ? r->carrier.id : fb_json_get_str(f, "name");
    if (!*ev->id)
        ev->id = fb_norm_id(a, fb_json_get(r->doc, "insertId"));
    for (size_t i = 0; i < sizeof times / sizeof times[0] && ev->time_ms == 0; i++)
        fb_norm_time(fb_json_get(f, times[i]), &ev->time_ms);
    if (ev->time_ms == 0)
        fb_norm_time(fb_json_get(r->doc, "timestamp"), &ev->time_ms);
    read_words(a, f, ev);
    ev->account = project_of(a, r, f);
    ev->target_id = fb_json_get_str(f, "resourceName");
    ev->drill = is_test(f);
    read_accused(a, f, ev);
    for (size_t i = 0; counts(f) && i < sizeof families / sizeof families[0]; i++) {
        if (!fb_norm_like(ev->action, families[i].category))
            continue;
        ev->traits |= FB_NORM_BIT(families[i].trait);
        if (families[i].trait == FB_T_LEAK_NOTICE)
            ev->kind = FB_EV_LEAK_NOTICE;
        break;
    }
}

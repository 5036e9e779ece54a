/* gcp_audit.c - one entry of Google Cloud Audit Logs: when, who, where from, what, how it ended.
 * From: Cloud Logging, LogEntry; Cloud Audit Logs, AuditLog. Also in the column names that
 *       BigQuery exports give it (protopayload_auditlog, requestJson). */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/text.h"
#include "ingest/ingest.h"
#include "normalize/gcp_in.h"

enum { PARTS_MAX = 16, SUFFIX_MAX = 64 };

static const struct fb_json *payload_of(const struct fb_json *doc)
{
    const struct fb_json *p = fb_json_get(doc, "protoPayload");

    if (fb_json_kind(p) != FB_JSON_OBJECT)
        p = fb_json_get(doc, "protopayload_auditlog");
    return fb_json_kind(p) == FB_JSON_OBJECT ? p : NULL;
}

bool fb_norm_is_gcp_audit(const struct fb_record *r)
{
    static const char *const keys[] = {"methodName", "serviceName", "authenticationInfo",
                                       "authorizationInfo"};
    const struct fb_json *payload = payload_of(r->doc);

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (fb_json_get(payload, keys[i]))
            return true;
    return fb_ends(fb_json_get_str(payload, "@type"), "AuditLog");
}

/* ---- names ---- */

const char *fb_gcp_segment(struct fb_arena *a, const char *resource, const char *collection)
{
    size_t len = strlen(collection);

    for (const char *at = resource; *at; at += strcspn(at, "/"), at += *at == '/') {
        if (strncmp(at, collection, len) == 0 && at[len] == '/') {
            at += len + 1;
            return fb_arena_strn(a, at, strcspn(at, "/"));
        }
    }
    return "";
}

const char *fb_gcp_leaf(const char *name)
{
    return strchr(name, '/') ? fb_norm_after_last(name, '/') : name;
}

const char *fb_gcp_region(struct fb_arena *a, const char *location)
{
    const char *dash = strchr(location, '-'), *second = dash ? strchr(dash + 1, '-') : NULL;

    if (fb_eq(location, "global"))
        return "";
    return second ? fb_arena_strn(a, location, (size_t)(second - location)) : location;
}

/* ---- method names ---- */

struct method {
    const char *part[PARTS_MAX];
    size_t count;
};

static void split_method(struct fb_arena *a, const char *name, struct method *m)
{
    m->count = 0;
    while (*name && m->count < PARTS_MAX) {
        /* The last part takes what is left over. */
        size_t len = m->count + 1 < PARTS_MAX ? strcspn(name, ".") : strlen(name);

        if (len)
            m->part[m->count++] = fb_arena_strn(a, name, len);
        name += len + (name[len] == '.');
    }
}

static bool is_version(const char *s)
{
    return fb_eq(s, "alpha") || fb_eq(s, "beta") ||
           (s[0] == 'v' && isdigit((unsigned char)s[1]) != 0);
}

static const char *join(struct fb_arena *a, const struct method *m, size_t from)
{
    const char *out = from < m->count ? m->part[from] : "";

    for (size_t i = from + 1; i < m->count; i++)
        out = fb_arena_fmt(a, "%s.%s", out, m->part[i]);
    return out;
}

/* Words before a service's own name: google.cloud.run.v1, google.devtools.cloudbuild.v1. */
static bool is_prefix(const char *s)
{
    return fb_eq(s, "google") || fb_eq(s, "cloud") || fb_eq(s, "devtools") || fb_eq(s, "api");
}

/* "google.iam.admin.v1.CreateServiceAccountKey"        iam, CreateServiceAccountKey
 * "google.login.LoginService.loginSuccess"             login, loginSuccess
 * "v1.compute.instances.insert", "compute.instances.insert"   compute, instances.insert
 * "io.k8s.core.v1.pods.exec.create"                    k8s, pods.exec.create */
static void read_method(struct fb_arena *a, const char *name, struct fb_event *ev)
{
    struct method m;
    size_t i = 0, upper;

    split_method(a, name, &m);
    if (m.count == 0)
        return;
    upper = m.count;
    if (m.count > 2 && fb_eq(m.part[0], "io") && fb_eq(m.part[1], "k8s")) {
        for (i = 2; i + 1 < m.count && !is_version(m.part[i]); i++)
            ;
        ev->service = "k8s";
        ev->action = join(a, &m, i + 1 < m.count ? i + 1 : 2);
        return;
    }
    while (i + 1 < m.count && (is_version(m.part[i]) || is_prefix(m.part[i])))
        i++;
    if (!*ev->service && i + 1 < m.count && islower((unsigned char)m.part[i][0]))
        ev->service = m.part[i];
    for (size_t k = i; k < m.count; k++)
        if (isupper((unsigned char)m.part[k][0]))
            upper = k;
    if (upper + 1 == m.count)
        i = upper;
    else if (upper < m.count)
        i = upper + 1;
    else if (i + 1 < m.count && strcasecmp(m.part[i], ev->service) == 0)
        i++;
    ev->action = join(a, &m, i);
}

/* The method, or what else says what was asked: the request's type, the right that was checked. */
static const char *method_of(struct fb_gcp_call *g)
{
    const struct fb_json *auth = fb_json_get(g->payload, "authorizationInfo");
    const char *name = fb_json_get_str(g->payload, "methodName");
    const char *type = fb_gcp_leaf(fb_json_get_str(g->c.request, "@type"));

    if (!*name)
        name = fb_json_path_str(g->payload, "metadata.methodName");
    if (*name || !strchr(type, '.'))
        return *name ? name : fb_json_get_str(fb_norm_at(auth, 0), "permission");
    if (fb_ends(type, "Request"))
        type = fb_arena_strn(g->c.a, type, strlen(type) - strlen("Request"));
    return type;
}

/* ---- outcome ---- */

static const char *const CODES[] = {
    "",          "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT", "DEADLINE",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "EXHAUSTED",        "FAILED",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",         "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};

enum { CODE_DENIED = 7, CODE_EXHAUSTED = 8, CODE_UNAUTHENTICATED = 16 };

static bool is_token(const char *s)
{
    size_t len = strlen(s);

    return len > 0 && len < SUFFIX_MAX &&
           strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") == len;
}

static bool has_any(const char *const *texts, size_t texts_n, const char *const *words, size_t n)
{
    for (size_t t = 0; t < texts_n; t++)
        for (size_t i = 0; i < n; i++)
            if (fb_has_fold(texts[t], words[i]))
                return true;
    return false;
}

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Too many machines, or no room for them; too many calls a minute is neither. */
static void mark_limits(struct fb_gcp_call *g, int64_t code, const char *const *said, size_t n)
{
    static const char *const room[] = {"RESOURCE_POOL_EXHAUSTED", "STOCKOUT",
                                       "does not have enough resources"};
    static const char *const rate[] = {"per minute",          "per second",
                                       "per 100 seconds",     "rateLimitExceeded",
                                       "RATE_LIMIT_EXCEEDED", "Queries"};
    static const char *const quota[] = {"QUOTA_EXCEEDED", "quotaExceeded", "Quota '",
                                        "LIMIT_EXCEEDED"};

    if (has_any(said, n, room, COUNT(room)))
        fb_norm_set(&g->c, FB_T_CAPACITY_ERROR);
    else if ((code == CODE_EXHAUSTED || has_any(said, n, quota, COUNT(quota))) &&
             !has_any(said, n, rate, COUNT(rate)))
        fb_norm_set(&g->c, FB_T_QUOTA_ERROR);
}

/* Every right that the entry names was refused, though no status says so. */
static bool all_refused(const struct fb_json *auth)
{
    size_t n = fb_norm_len(auth), refused = 0;

    for (size_t i = 0; i < n; i++)
        refused += !fb_json_bool(fb_json_get(fb_norm_at(auth, i), "granted"), true);
    return n > 0 && refused == n;
}

static void read_outcome(struct fb_gcp_call *g)
{
    const struct fb_json *status = fb_json_get(g->payload, "status");
    const struct fb_json *failed = fb_json_get(g->c.response, "error");
    const struct fb_json *first = fb_norm_at(fb_json_get(failed, "errors"), 0);
    const char *said[] = {fb_json_get_str(status, "message"), fb_json_get_str(first, "reason"),
                          fb_json_get_str(first, "code"), fb_json_get_str(failed, "message")};
    struct fb_event *ev = g->c.ev;
    int64_t code = 0;

    if (fb_json_int(fb_json_get(status, "code"), &code) && code < 0)
        code = 0;
    if (code == 0 && fb_json_kind(failed) == FB_JSON_OBJECT)
        code = 2;
    if (code == 0 && all_refused(fb_json_get(g->payload, "authorizationInfo")))
        code = CODE_DENIED;
    if (code == 0)
        return;
    mark_limits(g, code, said, COUNT(said));
    ev->outcome = FB_OUTCOME_FAILED;
    if ((code == CODE_DENIED || code == CODE_UNAUTHENTICATED) && !fb_event_is(ev, FB_T_QUOTA_ERROR))
        ev->outcome = FB_OUTCOME_DENIED;
    ev->error = code < (int64_t)COUNT(CODES) ? CODES[code] : "UNKNOWN";
    if (code == CODE_EXHAUSTED)
        ev->error = "RESOURCE_EXHAUSTED";
    for (size_t i = 0; i < COUNT(said) - 1; i++) {
        if (is_token(said[i])) {
            ev->error = said[i];
            break;
        }
    }
}

/* ---- where ---- */

static const char *project_of(struct fb_gcp_call *g, const struct fb_json *labels)
{
    const char *log = fb_json_get_str(g->c.doc, "logName");
    const char *id = fb_norm_id(g->c.a, fb_json_get(labels, "project_id"));

    if (!*id)
        id = fb_gcp_segment(g->c.a, log, "projects");
    if (!*id)
        id = fb_gcp_segment(g->c.a, g->resource, "projects");
    if (!*id || fb_eq(id, "_") || fb_eq(id, "-")) /* organizations and folders have logs too */
        id = fb_arena_strn(g->c.a, log,
                           strstr(log, "/logs/") ? (size_t)(strstr(log, "/logs/") - log) : 0);
    return id;
}

static void read_place(struct fb_gcp_call *g, const struct fb_json *labels)
{
    struct fb_arena *a = g->c.a;
    const struct fb_json *current = fb_json_path(g->payload, "resourceLocation.currentLocations");
    const char *zone = fb_norm_id(a, fb_json_get(labels, "zone"));
    const char *const places[] = {fb_gcp_segment(a, g->resource, "zones"),
                                  zone,
                                  fb_gcp_segment(a, g->resource, "regions"),
                                  fb_norm_id(a, fb_json_get(labels, "region")),
                                  fb_norm_id(a, fb_json_get(labels, "location")),
                                  fb_gcp_segment(a, g->resource, "locations"),
                                  fb_norm_id(a, fb_norm_at(current, 0))};

    g->zone = *places[0] ? places[0] : zone;
    for (size_t i = 0; i < COUNT(places) && !*g->c.ev->region; i++)
        if (!fb_eq(places[i], "-"))
            g->c.ev->region = fb_gcp_region(a, places[i]);
}

/* A workload that calls from inside Google's network shows no address: "gce-internal-ip",
 * "private". That is no service's name, so it is left out. */
static const char *address_of(struct fb_gcp_call *g)
{
    const struct fb_json *meta = fb_json_get(g->payload, "requestMetadata");
    const char *ip = fb_json_get_str(meta, "callerIp");

    if (!*ip)
        ip = fb_json_get_str(meta, "callerIP");
    return strspn(ip, "0123456789abcdefABCDEF.:") == strlen(ip) ? ip : "";
}

/* ---- long calls ---- */

/* A long call writes two entries, and a large one is cut into several: the first tells the launch,
 * the others tell only how it ended. */
static void read_operation(struct fb_gcp_call *g)
{
    const struct fb_json *op = fb_json_get(g->c.doc, "operation");
    bool first = fb_json_bool(fb_json_get(op, "first"), false);
    bool last = fb_json_bool(fb_json_get(op, "last"), false);
    int64_t part = 0;
    struct fb_event *ev = g->c.ev;

    if (first != last)
        ev->operation = fb_norm_id(g->c.a, fb_json_get(op, "id"));
    ev->follow_up = last && !first;
    if (fb_json_int(fb_json_path(g->c.doc, "split.index"), &part) && part > 0) {
        ev->follow_up = true;
        if (*ev->id) /* the parts of one entry share its id */
            ev->id = fb_arena_fmt(g->c.a, "%s#%lld", ev->id, (long long)part);
    }
    ev->trigger =
        fb_json_get_str(fb_json_get(g->c.doc, "labels"), "compute.googleapis.com/root_trigger_id");
}

static void drop_launch(struct fb_event *ev)
{
    const uint64_t counted = FB_NORM_BIT(FB_T_COMPUTE_CREATE) | FB_NORM_BIT(FB_T_LAUNCH) |
                             FB_NORM_BIT(FB_T_MAX_COUNT) | FB_NORM_BIT(FB_T_GROUP_BLOWUP) |
                             FB_NORM_BIT(FB_T_TERM_PROTECT) | FB_NORM_BIT(FB_T_MINT);

    ev->traits &= ~counted;
    ev->launch.count = 0;
    ev->made = NULL;
    ev->made_count = 0;
}

/* ---- traits that no single method decides ---- */

/* The word that says what is done: "insert" of "instances.insert". */
static const char *verb_of(const char *action)
{
    return strchr(action, '.') ? fb_norm_after_last(action, '.') : action;
}

static bool begins_with_any(const char *s, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (fb_starts_fold(s, words[i]))
            return true;
    return false;
}

/* The entry says which kind of right each check was for; all of them reading is a read. */
static bool only_reads(const struct fb_json *auth)
{
    size_t n = fb_norm_len(auth);

    for (size_t i = 0; i < n; i++)
        if (!fb_ends(fb_json_get_str(fb_norm_at(auth, i), "permissionType"), "_READ"))
            return false;
    return n > 0;
}

static void mark_read(struct fb_gcp_call *g)
{
    static const char *const words[] = {"get",    "list",  "aggregatedList", "search",
                                        "lookup", "query", "batchGet",       "testIam",
                                        "watch",  "fetch", "describe"};
    const uint64_t acts = FB_NORM_BIT(FB_T_MINT) | FB_NORM_BIT(FB_T_COMPUTE_CREATE);
    const char *verb = verb_of(g->c.ev->action);

    if ((begins_with_any(verb, words, COUNT(words)) ||
         only_reads(fb_json_get(g->payload, "authorizationInfo"))) &&
        !(g->c.ev->traits & acts))
        fb_norm_set(&g->c, FB_T_READ);
}

/* A change to something that carries our name. */
static void mark_sensor(struct fb_gcp_call *g)
{
    static const char *const words[] = {"delete",  "update",  "patch",  "set",
                                        "disable", "stop",    "remove", "detach",
                                        "modify",  "suspend", "pause",  "replace"};

    if (fb_has_fold(g->resource, "firebreak") && !fb_event_is(g->c.ev, FB_T_READ) &&
        !fb_event_is(g->c.ev, FB_T_DENY_REMOVED) &&
        begins_with_any(verb_of(g->c.ev->action), words, COUNT(words)))
        fb_norm_set(&g->c, FB_T_SENSOR_TAMPER);
}

/* ---- the entry ---- */

/* Exports to BigQuery keep free-form parts as JSON text. */
static const struct fb_json *part_of(struct fb_arena *a, const struct fb_json *payload,
                                     const char *name, const char *as_text)
{
    const struct fb_json *v = fb_json_get(payload, name), *parsed = NULL;
    const char *text = fb_json_get_str(payload, as_text);
    unsigned odd = 0;

    if (fb_json_kind(v) == FB_JSON_OBJECT)
        return v;
    return *text && fb_json_parse(a, text, strlen(text), &odd, &parsed, NULL) == FB_OK ? parsed
                                                                                       : NULL;
}

static void read_time(struct fb_gcp_call *g)
{
    const struct fb_json *const told[] = {
        fb_json_get(g->c.doc, "timestamp"),
        fb_json_path(g->payload, "requestMetadata.requestAttributes.time"),
        fb_json_get(g->c.doc, "receiveTimestamp")};

    for (size_t i = 0; i < COUNT(told) && g->c.ev->time_ms == 0; i++)
        fb_norm_time(told[i], &g->c.ev->time_ms);
}

/* "//container.googleapis.com/projects/P/locations/L/clusters/C", as far as the entry tells. */
static const char *cluster_of(struct fb_gcp_call *g, const struct fb_json *labels)
{
    return fb_arena_fmt(g->c.a, "%s/%s/%s", g->c.ev->account,
                        fb_norm_id(g->c.a, fb_json_get(labels, "location")),
                        fb_norm_id(g->c.a, fb_json_get(labels, "cluster_name")));
}

static void read_head(struct fb_gcp_call *g)
{
    struct fb_arena *a = g->c.a;
    struct fb_event *ev = g->c.ev;
    const struct fb_json *labels = fb_json_path(g->c.doc, "resource.labels");
    const char *service = fb_json_get_str(g->payload, "serviceName");

    ev->provider = FB_GCP;
    ev->kind = FB_EV_CALL;
    ev->id = fb_norm_id(a, fb_json_get(g->c.doc, "insertId"));
    ev->service = fb_arena_strn(a, service, strcspn(service, "."));
    read_method(a, method_of(g), ev);
    ev->account = project_of(g, labels);
    ev->target_id = g->resource;
    ev->ip = address_of(g);
    ev->agent = fb_json_path_str(g->payload, "requestMetadata.callerSuppliedUserAgent");
    if (fb_eq(ev->service, "login"))
        ev->kind = FB_EV_SIGN_IN;
    if (fb_starts(ev->action, "loginFailure"))
        ev->outcome = FB_OUTCOME_FAILED;
    read_time(g);
    read_place(g, labels);
    fb_gcp_read_who(a, fb_json_get(g->payload, "authenticationInfo"), cluster_of(g, labels), ev);
}

void fb_norm_gcp_audit(struct fb_arena *a, const struct fb_record *r, struct fb_event *ev)
{
    struct fb_gcp_call g = {.c = {.a = a, .doc = r->doc, .ev = ev}, .payload = payload_of(r->doc)};

    g.c.request = part_of(a, g.payload, "request", "requestJson");
    g.c.response = part_of(a, g.payload, "response", "responseJson");
    g.resource = fb_json_get_str(g.payload, "resourceName");
    g.zone = "";
    read_head(&g);
    read_outcome(&g);
    read_operation(&g);
    fb_gcp_action(&g);
    if (ev->follow_up)
        drop_launch(ev);
    mark_read(&g);
    mark_sensor(&g);
    if (ev->who.delegate_count)
        fb_norm_set(&g.c, FB_T_SA_IMPERSONATION);
    if (fb_norm_agent_is_offensive(ev->agent))
        fb_norm_set(&g.c, FB_T_OFFENSIVE_UA);
}

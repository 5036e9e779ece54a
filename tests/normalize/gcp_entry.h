/* gcp_entry.h - audit entries of Google's from short texts. */
#ifndef FB_GCP_ENTRY_H
#define FB_GCP_ENTRY_H
#include "normalize/norm_test.h"

#define PROJECT "acme-prod"
#define ROBOT   "build@" PROJECT ".iam.gserviceaccount.com"
#define CAROL   "{'principalEmail':'carol@acme.example','principalSubject':'user:carol@acme.example'}"
#define ROBOT_BY_KEY                                                                               \
    "{'principalEmail':'" ROBOT "','principalSubject':'serviceAccount:" ROBOT                      \
    "','serviceAccountKeyName':'//iam.googleapis.com/projects/" PROJECT "/serviceAccounts/" ROBOT  \
    "/keys/0123abcd'}"

/* NULL stands for: no such member. `payload` and `more` add members to the payload and the entry.
 */
struct entry {
    const char *service, *method, *auth, *resource, *request, *payload, *more;
};

static inline const char *member(struct fb_arena *a, const char *key, const char *value)
{
    return value ? fb_arena_fmt(a, ",'%s':%s", key, value) : "";
}

static inline struct fb_event read_entry(struct fb_arena *a, struct entry e)
{
    const char *text = fb_arena_fmt(
        a,
        "{'insertId':'i-1','logName':'projects/" PROJECT
        "/logs/cloudaudit.googleapis.com%%2Factivity','timestamp':'2026-01-02T03:04:05.5Z',"
        "'resource':{'type':'x','labels':{'project_id':'" PROJECT "'}},'protoPayload':{'@type':'"
        "type.googleapis.com/google.cloud.audit.AuditLog','serviceName':'%s.googleapis.com',"
        "'methodName':'%s','authenticationInfo':%s,'resourceName':'%s','requestMetadata':{"
        "'callerIp':'203.0.113.7','callerSuppliedUserAgent':'Go-http-client/2.0'}%s%s%s}%s%s}",
        e.service, e.method, e.auth ? e.auth : CAROL, e.resource ? e.resource : "",
        member(a, "request", e.request), e.payload ? "," : "", e.payload ? e.payload : "",
        e.more ? "," : "", e.more ? e.more : "");

    return read_text(a, text);
}

#endif

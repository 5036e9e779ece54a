/* norm_test.h - reads events from short texts: single quotes stand for double quotes in them. */
#ifndef FB_NORM_TEST_H
#define FB_NORM_TEST_H
#include "support/fb_test.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "ingest/ingest.h"
#include "normalize/event.h"

#define ACCOUNT   "111122223333"
#define STRANGER  "999988887777"
#define DELIVERED INT64_C(1767400000000)

#define ALICE                                                                                      \
    "{'type':'IAMUser','principalId':'AIDAEXAMPLEALICE00001','arn':'arn:aws:iam::" ACCOUNT         \
    ":user/alice','accountId':'" ACCOUNT                                                           \
    "','accessKeyId':'AKIAEXAMPLEALICE0001','userName':'alice'}"
#define DEPLOYER                                                                                   \
    "{'type':'AssumedRole','principalId':'AROAEXAMPLEDEPLOY0001:ci-7','arn':'arn:aws:sts:"         \
    ":" ACCOUNT ":assumed-role/deploy/ci-7','accountId':'" ACCOUNT                                 \
    "','accessKeyId':'ASIAEXAMPLEDEPLOY001','sessionContext':{'sessionIssuer':{'type':'Role',"     \
    "'principalId':'AROAEXAMPLEDEPLOY0001','arn':'arn:aws:iam::" ACCOUNT                           \
    ":role/tools/deploy','accountId':'" ACCOUNT "','userName':'deploy'},'attributes':{"            \
    "'creationDate':'2026-01-02T02:00:00Z','mfaAuthenticated':'false'}}}"
#define ROOT                                                                                       \
    "{'type':'Root','principalId':'" ACCOUNT "','arn':'arn:aws:iam::" ACCOUNT                      \
    ":root','accountId':'" ACCOUNT "','accessKeyId':''}"

/* The text with its single quotes made double. */
static inline char *json_text(struct fb_arena *a, const char *text)
{
    size_t len = strlen(text);
    char *out = fb_arena_alloc(a, len + 1);

    assert_non_null(out);
    for (size_t i = 0; i <= len; i++)
        out[i] = text[i];
    for (size_t i = 0; i < len; i++)
        if (out[i] == '\'')
            out[i] = '"';
    return out;
}

/* The text (single quotes and all) as one JSON string, as CloudTrail carries policy documents. */
static inline const char *as_string(struct fb_arena *a, const char *text)
{
    struct fb_buf b;

    fb_buf_init_in(&b, a, 1u << 20);
    fb_json_put_str(&b, NULL, json_text(a, text));
    assert_true(fb_buf_ok(&b));
    return b.at;
}

static inline const struct fb_json *parsed(struct fb_arena *a, const char *json)
{
    const struct fb_json *doc = NULL;
    struct fb_err err = {0};
    unsigned odd = 0;

    if (fb_json_parse(a, json, strlen(json), &odd, &doc, &err) != FB_OK)
        fail_msg("%s in %s", err.text, json);
    return doc;
}

static inline struct fb_record record_of(struct fb_arena *a, const char *json)
{
    return (struct fb_record){
        .source = "test",
        .bytes = json,
        .len = strlen(json),
        .doc = parsed(a, json),
        .envelope = {.id = "", .source = "", .detail_type = "", .account = "", .region = ""},
    };
}

static inline struct fb_event read_record(struct fb_arena *a, const struct fb_record *r)
{
    struct fb_event ev;
    struct fb_err err = {0};

    if (fb_normalize(a, r, DELIVERED, &ev, &err) != FB_OK)
        fail_msg("fb_normalize: %s", err.text);
    return ev;
}

static inline struct fb_event read_text(struct fb_arena *a, const char *text)
{
    struct fb_record r = record_of(a, json_text(a, text));

    return read_record(a, &r);
}

/* A record of one call; NULL request, response and identity stand for null, `more` adds members
 * ("'errorCode':'AccessDenied'"). */
struct call {
    const char *service, *action, *identity, *request, *response, *more;
};

static inline const char *call_text(struct fb_arena *a, const struct call *c)
{
    return json_text(
        a,
        fb_arena_fmt(a,
                     "{'eventVersion':'1.11','userIdentity':%s,'eventTime':'2026-01-02T03:04:05Z',"
                     "'eventSource':'%s.amazonaws.com','eventName':'%s','awsRegion':'eu-west-1',"
                     "'sourceIPAddress':'203.0.113.7','userAgent':'aws-cli/2.15',"
                     "'requestParameters':%s,'responseElements':%s,'requestID':'r-1',"
                     "'eventID':'e-1','eventType':'AwsApiCall','managementEvent':true,"
                     "'recipientAccountId':'" ACCOUNT "','eventCategory':'Management'%s%s}",
                     c->identity ? c->identity : "null", c->service, c->action,
                     c->request ? c->request : "null", c->response ? c->response : "null",
                     c->more ? "," : "", c->more ? c->more : ""));
}

static inline struct fb_event read_call(struct fb_arena *a, struct call c)
{
    struct fb_record r = record_of(a, call_text(a, &c));

    return read_record(a, &r);
}

static inline int64_t at(const char *iso)
{
    int64_t ms = 0;

    assert_true(fb_time_parse(iso, &ms));
    return ms;
}

static inline void assert_trait(const struct fb_event *ev, enum fb_trait t, bool wanted)
{
    if (fb_event_is(ev, t) != wanted)
        fail_msg("%s %s: trait %s is %s", ev->service, ev->action, fb_trait_name(t),
                 wanted ? "missing" : "set");
}

#endif

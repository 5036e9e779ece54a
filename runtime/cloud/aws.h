/* aws.h - a typed call becomes signed HTTPS: endpoints, credentials, retries, errors. Knows not why.
 *
 * Credentials, in order: environment, web identity, shared profile files, container endpoint, IMDSv2; looked up at
 * the first call, refreshed before they expire, and once when the peer says that they are stale.
 * Retries: throttles and transient failures with full jitter under a budget per client; a clock that is
 * off is corrected from the Date header, once.
 * Read-only mode: while fb_aws_read_only is on, a call that is not a read is refused here
 * (FB_EGUARD), whatever asked for it: dry-run holds even if a guard above fails. */
#ifndef FB_AWS_H
#define FB_AWS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "cloud/http.h"
#include "cloud/xml.h"

struct fb_aws; /* opaque: outlives invocations */

enum fb_aws_protocol {
    FB_AWS_QUERY, /* iam sts autoscaling: form in, XML out */
    FB_AWS_EC2,   /* the same with EC2's error shape */
    FB_AWS_JSON,  /* X-Amz-Target; body is JSON */
    FB_AWS_REST   /* method and path; body is JSON */
};

/* One row for each service that we speak to. */
struct fb_aws_service {
    const char *name;      /* "iam": host label and signing name */
    const char *env;       /* AWS_ENDPOINT_URL_<env>: "IAM", "AUTO_SCALING" */
    const char *version;   /* query: "2010-05-08"; JSON: the target prefix */
    enum fb_aws_protocol protocol;
    bool global;           /* one endpoint, signed for us-east-1 */
};
const struct fb_aws_service *fb_aws_service(const char *name); /* NULL: unknown */

struct fb_aws_call {
    const char *service; /* "iam" */
    const char *action;  /* "UpdateAccessKey" */
    const char *region;  /* "" for global services */
    const char *form;    /* query and ec2: "UserName=x&..." (fb_buf_add_param); NULL none */
    const char *json;    /* JSON and REST: the body; NULL none */
    const char *method, *path; /* REST only */
};

struct fb_aws_reply {
    enum fb_status st; /* FB_OK only for HTTP 2xx with a readable body */
    struct fb_err err; /* FB_ENOTFOUND, FB_EDENIED, FB_ETHROTTLED, FB_EUNSUPPORTED ... by the code */
    const struct fb_xml *xml;   /* query, ec2 */
    const struct fb_json *json; /* JSON, REST */
    int tries;
};

/* A chain of calls, as fb_http_chain: prev is NULL first; false ends it. */
struct fb_aws_chain {
    void *self;
    bool (*next)(void *self, const struct fb_aws_reply *prev, struct fb_aws_call *out);
};

struct fb_aws_options {
    struct fb_clock clock;
    const char *const *env;   /* "NAME=value" strings, NULL-terminated; NULL: the process's */
    uint64_t jitter_seed;     /* 0: from the clock */
    int tries_max;            /* per call; 0: 4 */
    int retry_budget;         /* retries per fb_aws_run; 0: 50 */
    void (*on_call)(void *self, const struct fb_aws_call *call); /* each attempt; may be NULL */
    void *on_call_self;
    const struct fb_aws_credentials *fixed; /* use these, look nowhere; may be NULL (copied) */
};

struct fb_aws *fb_aws_new(const struct fb_aws_options *options);
void fb_aws_free(struct fb_aws *aws);

void fb_aws_read_only(struct fb_aws *aws, bool on);
/* Whether the call changes nothing (an allow list of verbs: Get List Describe Lookup Head ...). */
bool fb_aws_is_read(const struct fb_aws_call *call);

/* The region that the environment or profile names; "us-east-1" when none does. */
const char *fb_aws_home_region(struct fb_aws *aws);
/* The access key id in use; "" while credentials have not been found. */
const char *fb_aws_own_key(const struct fb_aws *aws);

/* Runs all chains until done or mono deadline (0: none). Replies live in a. Without credentials every
 * call answers FB_EDENIED with a text that says where they were looked for. */
void fb_aws_run(struct fb_aws *aws, struct fb_arena *a, struct fb_aws_chain *chains, size_t n,
                int64_t deadline_mono_ms);
void fb_aws_do(struct fb_aws *aws, struct fb_arena *a, const struct fb_aws_call *call,
               int64_t deadline_mono_ms, struct fb_aws_reply *reply);

/* The regions that exist when nobody can be asked: flagged "guessed" by whoever uses it. */
const char *const *fb_aws_builtin_regions(size_t *count);

#endif

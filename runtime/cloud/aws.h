/* aws.h - a typed call becomes signed HTTPS: endpoints, credentials, retries, errors. Knows not
 * why.
 *
 * Credentials, in order: environment, web identity, shared profile files, container endpoint,
 * IMDSv2; looked up at the first call, refreshed before they expire, and once when the peer says
 * that they are stale. Retries: throttles and transient failures with full jitter under a budget
 * per client; a clock that is off is corrected from the Date header, once. Read-only mode: while
 * fb_aws_read_only is on, a call that is not a read is refused here (FB_EGUARD), whatever asked for
 * it: dry-run holds even if a guard above fails. */
#ifndef FB_AWS_H
#define FB_AWS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "cloud/http.h"
#include "cloud/sigv4.h"
#include "cloud/xml.h"

struct fb_aws; /* opaque: outlives invocations */

enum fb_aws_protocol {
    FB_AWS_QUERY, /* iam sts autoscaling sns: form in, XML out */
    FB_AWS_EC2,   /* the same with EC2's error shape */
    FB_AWS_JSON,  /* X-Amz-Target; body is JSON */
    FB_AWS_REST   /* method and path; body is JSON */
};

/* One row for each service that we speak to. */
struct fb_aws_service {
    const char *name;    /* "iam": signing name, and host label */
    const char *env;     /* AWS_ENDPOINT_URL_<env>: "IAM", "AUTO_SCALING" */
    const char *version; /* query: "2010-05-08"; JSON: the target prefix */
    enum fb_aws_protocol protocol;
    bool global;      /* one endpoint a partition, signed for that partition's region */
    const char *json; /* FB_AWS_JSON: "1.0" or "1.1"; else "" */
};
const struct fb_aws_service *fb_aws_service(const char *name); /* NULL: unknown */

struct fb_aws_call {
    const char *service;       /* "iam" */
    const char *action;        /* "UpdateAccessKey" */
    const char *region;        /* ignored by global services; "" is the home region */
    const char *form;          /* query and ec2: "UserName=x&..." (fb_buf_add_param); NULL none */
    const char *json;          /* JSON and REST: the body; NULL none */
    const char *method, *path; /* REST only; path with its query, escaped */
    bool once; /* not idempotent (CreateCase): sent again only when the peer refused it */
};

struct fb_aws_reply {
    enum fb_status st; /* FB_OK only for HTTP 2xx with a readable body */
    /* By the provider's code (err.aws_code has it): FB_ENOTFOUND no such thing; FB_EDENIED rights
     * or credentials; FB_ETHROTTLED; FB_ECONFLICT the thing's state forbids it, or it exists
     * already; FB_ELIMIT a quota; FB_EUNSUPPORTED the peer does not know the operation; FB_EINPUT
     * any other refusal (4xx); FB_EIO the peer broke. EC2's DryRunOperation ("you may") is
     * FB_EINPUT. */
    struct fb_err err;
    const struct fb_xml *xml;   /* query, ec2; NULL unless st is FB_OK */
    const struct fb_json *json; /* JSON, REST; NULL for an empty body */
    int tries;
};

/* A chain of calls, as fb_http_chain: prev is NULL first; false ends it. */
struct fb_aws_chain {
    void *self;
    bool (*next)(void *self, const struct fb_aws_reply *prev, struct fb_aws_call *out);
};

struct fb_aws_options {
    struct fb_clock clock;
    /* "NAME=value" strings, NULL-terminated, borrowed as long as the client; NULL: the process's.
     */
    const char *const *env;
    uint64_t jitter_seed;                                        /* 0: from the clock */
    int tries_max;                                               /* per call; 0: 4 */
    int retry_budget;                                            /* retries per fb_aws_run; 0: 50 */
    void (*on_call)(void *self, const struct fb_aws_call *call); /* each attempt; may be NULL */
    void *on_call_self;
    const struct fb_aws_credentials *fixed; /* use these, look nowhere; may be NULL (copied) */
    int backoff_ms;          /* ceiling of the first back-off, doubled each time; 0: 200 */
    int64_t call_timeout_ms; /* one attempt; 0: 10 s */
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
/* The peer's clock minus ours, from its last answer; 0 while it agrees to some seconds, which is
 * all that an answer's Date tells, or has not answered. */
int64_t fb_aws_peer_skew_ms(const struct fb_aws *aws);
/* Attempts sent to services since fb_aws_new (looking for credentials not counted). */
uint64_t fb_aws_sent(const struct fb_aws *aws);

/* Runs all chains until done or mono deadline (0: none). Replies live in a. Without credentials
 * every call answers FB_EDENIED with a text that says where they were looked for. A call that
 * cannot or must not be sent is answered without a request (tries is 0). next() must not run calls
 * on the same client. */
void fb_aws_run(struct fb_aws *aws, struct fb_arena *a, struct fb_aws_chain *chains, size_t n,
                int64_t deadline_mono_ms);
void fb_aws_do(struct fb_aws *aws, struct fb_arena *a, const struct fb_aws_call *call,
               int64_t deadline_mono_ms, struct fb_aws_reply *reply);

/* The regions that exist when nobody can be asked: flagged "guessed" by whoever uses it. */
const char *const *fb_aws_builtin_regions(size_t *count);

#endif

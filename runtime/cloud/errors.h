/* errors.h - what an AWS refusal means: the one tolerant reader of every error shape, and the class
 * that says whether to ask again. Internal to the room. */
#ifndef FB_AWS_ERRORS_H
#define FB_AWS_ERRORS_H
#include "base/err.h"
#include "cloud/aws.h"
#include "cloud/http.h"

enum fb_aws_class {
    FB_AWS_FATAL,       /* asking again gives the same answer */
    FB_AWS_THROTTLE,    /* refused for now: back off */
    FB_AWS_TRANSIENT,   /* broke on the way or at the peer: may have been done */
    FB_AWS_BROKEN,      /* an HTML page instead of an answer: worth one more try */
    FB_AWS_CREDENTIALS, /* credentials or clock are stale */
    FB_AWS_DONE         /* no error */
};

/* Reads any answer but a readable 2xx. *err gets status, code, request id, and the peer's words
 * made plain; texts of `secrets` (access to them is borrowed) never reach it. Total: any bytes are
 * accepted. */
enum fb_aws_class fb_aws_error_read(struct fb_arena *a, const struct fb_http_reply *reply,
                                    const struct fb_aws_credentials *secrets, struct fb_err *err);

#endif

/* endpoints.h - where a service answers and for which region it wants the signature. Internal. */
#ifndef FB_ENDPOINTS_H
#define FB_ENDPOINTS_H
#include "base/err.h"
#include "cloud/aws.h"

struct fb_arena;

struct fb_aws_endpoint {
    const char *url;    /* without a slash at its end */
    const char *region; /* to sign for */
};

/* env as in fb_aws_options. region may be ""; home must not be.
 * FB_EINPUT: a region that cannot be part of a host name. FB_ECONFIG: an override that is no URL.
 */
enum fb_status fb_aws_endpoint(struct fb_arena *a, const char *const *env,
                               const struct fb_aws_service *service, const char *region,
                               const char *home, struct fb_aws_endpoint *out, struct fb_err *err);

#endif

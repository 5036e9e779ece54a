/* credentials.h - where our own AWS credentials come from. Internal to the room. */
#ifndef FB_AWS_CREDENTIALS_H
#define FB_AWS_CREDENTIALS_H
#include "base/clock.h"
#include "cloud/http.h"
#include "cloud/sigv4.h"

struct fb_aws_finder {
    const char *const *env; /* as in fb_aws_options */
    struct fb_http *http;   /* not the one whose chains are running */
    struct fb_clock clock;
    const char *home; /* region, for calls to STS */
    int64_t skew_ms;  /* added to the wall clock when signing */
    int64_t deadline_mono_ms;
};

enum { FB_AWS_REFRESH_MS = 10 * 60 * 1000 /* before they expire (botocore's "mandatory") */ };

/* Tries environment, web identity, profile files, container endpoint and IMDSv2 in that order. The
 * first source that is configured decides: when it fails the later ones are not asked.
 *   FB_EDENIED  none gave credentials; err says what was tried
 * *out must be zero or hold older credentials, which are replaced only on FB_OK. */
enum fb_status fb_aws_credentials_find(const struct fb_aws_finder *how,
                                       struct fb_aws_credentials *out, struct fb_err *err);

/* Takes over the contents of from. */
void fb_aws_credentials_move(struct fb_aws_credentials *to, struct fb_aws_credentials *from);
/* False: no memory, or a key id that is too long. */
bool fb_aws_credentials_set(struct fb_aws_credentials *to, const char *access_key,
                            const struct fb_secret *secret, const struct fb_secret *token);

#endif

/* sigv4.h - AWS Signature Version 4, our own: libcurl's signer breaks on paths, queries and skewed
 * clocks in ways that differ between its versions. Checked against AWS's published vectors. */
#ifndef FB_SIGV4_H
#define FB_SIGV4_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/err.h"
#include "cloud/http.h"

struct fb_arena;

struct fb_aws_credentials {
    char access_key[132];
    struct fb_secret secret;
    struct fb_secret token; /* empty for long-lived keys */
    int64_t expires_ms;     /* 0: never */
};
void fb_aws_credentials_release(struct fb_aws_credentials *c);

struct fb_sigv4 {
    const struct fb_aws_credentials *credentials;
    const char *region, *service;
    int64_t now_ms;  /* wall clock, corrected for skew */
    bool s3;         /* path is encoded once and never normalized; body hash header added */
    bool keep_path;  /* do not remove dot segments (vectors' "normalize": false) */
    bool omit_token; /* add the session token after signing (one vector) */
};

/* Adds x-amz-date, x-amz-security-token and authorization to req's headers (Host is derived from
 * the URL and signed; so are all headers present). Strings live in a. FB_EINPUT: URL cannot be
 * split; FB_ELIMIT: no header slot or arena full. */
enum fb_status fb_sigv4_sign(struct fb_arena *a, const struct fb_sigv4 *how,
                             struct fb_http_request *req, struct fb_err *err);

/* The intermediate texts, for the tests: canonical request and string to sign. */
enum fb_status fb_sigv4_texts(struct fb_arena *a, const struct fb_sigv4 *how,
                              const struct fb_http_request *req, const char **canonical,
                              const char **to_sign, struct fb_err *err);

#endif

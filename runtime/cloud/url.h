/* url.h - a URL in its parts, borrowed: what the signer signs and what the client may send where.
 * Internal to the room. */
#ifndef FB_URL_H
#define FB_URL_H
#include <stdbool.h>
#include <stddef.h>

struct fb_span {
    const char *at;
    size_t len;
};

struct fb_url {
    bool https;
    struct fb_span host; /* "[::1]" with its brackets */
    struct fb_span
        authority;        /* host, and the port unless it is the scheme's own: the Host header */
    struct fb_span path;  /* as written; "/" when the URL has none */
    struct fb_span query; /* without '?'; empty when none */
};

/* Splits http(s)://[user@]host[:port][/path][?query][#fragment]. False: not such a URL, or its
 * authority holds blanks, control characters or a port that is no number. */
bool fb_url_split(const char *url, struct fb_url *out);

/* This machine itself: localhost, 127.0.0.0/8, [::1]. */
bool fb_url_is_loopback(const struct fb_url *u);
/* Addresses that only make sense without a proxy: loopback, 169.254.0.0/16, [fd00:ec2::...]. */
bool fb_url_is_local(const struct fb_url *u);

#endif

/* err.h - the short, closed list of ways to fail, and the words that go with a failure.
 *
 * Functions that can fail return enum fb_status and fill a struct fb_err that sits on the caller's
 * stack. It never allocates. Each layer adds its own words on the way out, so that the text reads
 * "disable access key AKIA...: HTTP 503". */
#ifndef FB_ERR_H
#define FB_ERR_H
#include <stdbool.h>
#include <stddef.h>

enum fb_status {
    FB_OK = 0,
    FB_EINPUT,     /* bytes from outside are not what they must be: one clear line, a dead letter */
    FB_ECONFIG,    /* configuration or command line is wrong: exit 1 */
    FB_ENOTFOUND,  /* the thing asked for does not exist */
    FB_ECONFLICT,  /* somebody else changed it first (compare-and-set) */
    FB_ELIMIT,     /* one of our ceilings was reached */
    FB_EDENIED,    /* the peer refuses us: rights, credentials */
    FB_ETHROTTLED, /* the peer asks us to slow down */
    FB_ETIMEOUT,   /* no answer in time, or no time left to ask */
    FB_EIO,        /* file, socket, store or peer broke */
    FB_EUNSUPPORTED, /* the peer, or this build, does not know the operation */
    FB_EGUARD        /* a guard of ours refused: protected, limit, mode, capability */
};

enum { FB_ERR_TEXT_MAX = 512 };

struct fb_err {
    enum fb_status code;
    bool retryable;             /* a later attempt of the same thing may succeed */
    int http;                   /* HTTP status, 0 when there was none */
    char aws_code[64];          /* the provider's error code, e.g. "NoSuchEntity"; "" when none */
    char request_id[64];        /* the provider's request id; "" when none */
    char text[FB_ERR_TEXT_MAX]; /* for people; never holds a secret */
};

/* Sets *err (may be NULL) to `code` with a formatted text; other fields are cleared. Returns code.
 */
enum fb_status fb_err_set(struct fb_err *err, enum fb_status code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "words: " before the text of *err when st is not FB_OK; does nothing on FB_OK. Returns st.
 */
enum fb_status fb_err_ctx(struct fb_err *err, enum fb_status st, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The status as a lower-case word ("not-found"); never NULL. */
const char *fb_status_name(enum fb_status st);

#endif

/* http.h - one HTTPS client over one curl multi handle: parallel, timed, counted. Knows no
 * provider.
 *
 * Requests run as chains: when one answer is there, its chain is asked for the next request, with
 * no barrier between chains; so N regions take the time of the longest chain. curl is initialised
 * at the first use, never before (a cold start must not pay for it). TLS verification is always on,
 * redirects are never followed, verbose mode is never on (it would print what is signed). */
#ifndef FB_HTTP_H
#define FB_HTTP_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"

struct fb_arena;
struct fb_http; /* opaque: handle pool, connections, counters */

enum {
    FB_HTTP_HEADERS_MAX = 12,
    FB_HTTP_BODY_MAX = 16 << 20, /* an answer longer than this is FB_ELIMIT */
    FB_HTTP_CONNECT_MS = 3000
};

struct fb_http_header {
    const char *name, *value;
};

struct fb_http_request {
    const char *method; /* "GET" "POST" "PUT" "DELETE" */
    const char *url;
    struct fb_http_header headers[FB_HTTP_HEADERS_MAX];
    size_t header_count;
    const char *body; /* NULL none */
    size_t body_len;
    int64_t timeout_ms; /* whole request; 0: 10 s; cut to the deadline */
    int64_t delay_ms;   /* wait this long before sending (back-off) */
    bool once;          /* on a connection of its own: curl repeats a request by itself when a kept
                           connection turns out to be closed, and then it may be done twice */
};

struct fb_http_reply {
    enum fb_status st; /* FB_OK: an HTTP answer is there, whatever its status */
    int status;
    const char *body; /* NUL-terminated, in the arena; "" none */
    size_t body_len;
    const char *error_type; /* X-Amzn-ErrorType, "" */
    const char *request_id; /* x-amzn-requestid, "" */
    int64_t date_ms;        /* the Date header; 0 none (clock-skew correction) */
    int64_t took_ms;
    struct fb_err err;
};

/* One chain. next() is called with prev = NULL first, then with each answer; it fills *out and
 * returns true for one more request, or returns false when the chain is done. What *out points at
 * must live until the next call of next(); *prev only during it (its texts live in the arena).
 * next() must not run requests on the same client. */
struct fb_http_chain {
    void *self;
    bool (*next)(void *self, const struct fb_http_reply *prev, struct fb_http_request *out);
};

/* Gives a client; nothing is initialised or connected yet. ca_file: NULL for the system's (the file
 * named by SSL_CERT_FILE, else the usual places). */
struct fb_http *fb_http_new(struct fb_clock clock, const char *ca_file);
void fb_http_free(struct fb_http *h);

/* Runs all chains to their end (at most 64 requests under way at once), or until mono time
 * deadline_mono_ms (0: none): a request that is under way then, or would start after it, answers
 * FB_ETIMEOUT and its chain is told. Answers' bodies live in a. */
void fb_http_run(struct fb_http *h, struct fb_arena *a, struct fb_http_chain *chains, size_t n,
                 int64_t deadline_mono_ms);

/* A single request. */
void fb_http_do(struct fb_http *h, struct fb_arena *a, const struct fb_http_request *req,
                int64_t deadline_mono_ms, struct fb_http_reply *reply);

/* Requests sent since fb_http_new. */
uint64_t fb_http_count(const struct fb_http *h);

#endif

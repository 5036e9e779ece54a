/* fault_server.h - a tiny HTTP server on loopback whose answers are scripted: for the faults that a
 * stand-in of a cloud does not produce. It runs on threads of the test and ends with it. */
#ifndef FB_TEST_FAULT_SERVER_H
#define FB_TEST_FAULT_SERVER_H
#include <stddef.h>

enum fb_fault {
    FB_FAULT_NONE,
    FB_FAULT_CLOSE_AT_ONCE,  /* no byte is answered */
    FB_FAULT_CLOSE_MID_BODY, /* the head promises all of body, half of it comes */
    FB_FAULT_NOT_HTTP,       /* body is sent bare, without status line or head */
    FB_FAULT_HANG            /* no byte is answered; the connection stays open until the stop */
};

struct fb_fault_answer {
    int status;          /* 0: 200 */
    const char *body;    /* NULL: "" */
    const char *headers; /* whole lines with \r\n; NULL none */
    int delay_ms;        /* before the answer */
    enum fb_fault fault;
    size_t body_times; /* the body this many times over; 0: once */
};

enum { FB_FAULT_ANSWERS_MAX = 6, FB_FAULT_RULES_MAX = 8 };

/* For requests whose head or body contains `match` (NULL: any) the answers in turn; the last one
 * that is not all zero stays. The first rule that fits counts. */
struct fb_fault_rule {
    const char *match;
    struct fb_fault_answer answers[FB_FAULT_ANSWERS_MAX];
};

struct fb_fault_server; /* opaque */

/* Copies the rules, not their texts. NULL when no socket can be had. */
struct fb_fault_server *fb_fault_server_start(const struct fb_fault_rule *rules, size_t n);
void fb_fault_server_stop(struct fb_fault_server *s);

const char *fb_fault_server_url(const struct fb_fault_server *s); /* "http://127.0.0.1:PORT" */
int fb_fault_server_port(const struct fb_fault_server *s);
/* Requests read whole so far; connections accepted so far. */
size_t fb_fault_server_count(struct fb_fault_server *s);
size_t fb_fault_server_connections(struct fb_fault_server *s);
/* The i-th request, head and body as sent (cut at 64 KiB); "" when there is none. Valid until stop.
 */
const char *fb_fault_server_request(struct fb_fault_server *s, size_t i);

#endif

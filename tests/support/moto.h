/* moto.h - a stand-in AWS account for tests: moto_server as a child on a free loopback port.
 *
 * The child dies with the test, also when the test crashes (PR_SET_PDEATHSIG). Where moto is not
 * installed the reason is printed and the test skips:
 *
 *     struct fb_moto moto;
 *     if (fb_moto_start(&moto, FB_MOTO_OPEN) == FB_MOTO_ABSENT)
 *         skip();
 *     ... AWS_ENDPOINT_URL = moto.url ...
 *     fb_moto_stop(&moto);
 */
#ifndef FB_TEST_MOTO_H
#define FB_TEST_MOTO_H
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct fb_moto {
    pid_t pid; /* 0: not running */
    int port;
    char url[64]; /* "http://127.0.0.1:PORT" */
};

enum fb_moto_result {
    FB_MOTO_READY,
    FB_MOTO_ABSENT, /* moto_server is not installed: said on stderr */
    FB_MOTO_FAILED  /* it is, and did not answer within 60 s: said on stderr */
};

/* Any key is accepted and nothing is checked. */
enum { FB_MOTO_OPEN = -1 };

/* free_calls: FB_MOTO_OPEN, or the number of calls that need no rights before signatures and
 * policies are checked (INITIAL_NO_AUTH_ACTION_COUNT). Waits until it answers. */
enum fb_moto_result fb_moto_start(struct fb_moto *m, int free_calls);

/* Ends it by its pid and waits for that. Harmless when it does not run. */
void fb_moto_stop(struct fb_moto *m);

/* One plain HTTP request to it ("GET", "/moto-api/data.json", NULL): the status, 0 when it failed.
 * The answer's body goes to out, cut at out_max - 1 bytes and NUL-terminated; out may be NULL. */
int fb_moto_ask(const struct fb_moto *m, const char *method, const char *path, const char *body,
                char *out, size_t out_max);

/* Forgets everything that was made in it. */
bool fb_moto_reset(const struct fb_moto *m);

#endif

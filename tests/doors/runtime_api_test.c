/* runtime_api_test.c - what the Runtime API's client makes of an answer, good, odd or hostile. */
#include "runtime_api.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>

#include "support/fb_test.h"

enum { REQUEST_MAX = 65536 };

/* Answers one request with one script, then closes. */
struct peer {
    int listener;
    char address[32];
    const char *answer;
    size_t len;
    char request[REQUEST_MAX];
    pthread_t thread;
};

static void *serve(void *self)
{
    struct peer *p = self;
    size_t len = 0, sent = 0;
    int fd = accept(p->listener, NULL, NULL);
    ssize_t n;

    while (fd >= 0 &&
           len < sizeof p->request - 1) { /* to the end of the head, and what came with it */
        n = recv(fd, p->request + len, sizeof p->request - 1 - len, 0);
        if (n <= 0)
            break;
        len += (size_t)n;
        p->request[len] = '\0';
        if (strstr(p->request, "\r\n\r\n"))
            break;
    }
    while (fd >= 0 && sent < p->len) {
        n = send(fd, p->answer + sent, p->len - sent, MSG_NOSIGNAL);
        if (n <= 0)
            break;
        sent += (size_t)n;
    }
    if (fd >= 0) {
        (void)shutdown(fd, SHUT_WR);
        while (recv(fd, (char[4096]){0}, 4096, 0) > 0) /* ends when the client hangs up */
            continue;
        (void)close(fd);
    }
    return NULL;
}

static struct peer *peer_start(const char *answer, size_t len)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    struct peer *p = calloc(1, sizeof *p);

    assert_non_null(p);
    p->answer = answer;
    p->len = len;
    p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(p->listener >= 0);
    assert_int_equal(bind(p->listener, (struct sockaddr *)&at, size), 0);
    assert_int_equal(listen(p->listener, 1), 0);
    assert_int_equal(getsockname(p->listener, (struct sockaddr *)&at, &size), 0);
    snprintf(p->address, sizeof p->address, "127.0.0.1:%d", ntohs(at.sin_port));
    assert_int_equal(pthread_create(&p->thread, NULL, serve, p), 0);
    return p;
}

static void peer_stop(struct peer *p)
{
    pthread_join(p->thread, NULL);
    close(p->listener);
    free(p);
}

struct got {
    enum fb_status st;
    struct fb_invocation inv;
    char body[256], why[FB_ERR_TEXT_MAX];
};

static struct got next_of(const char *answer, size_t len)
{
    struct peer *p = peer_start(answer, len);
    struct fb_err err = {0};
    struct fb_runtime_api *api = fb_runtime_api_new(p->address, &err);
    struct got g;

    assert_non_null(api);
    g.st = fb_runtime_api_next(api, &g.inv, &err);
    snprintf(g.body, sizeof g.body, "%.*s", (int)(g.inv.body_len < 200 ? g.inv.body_len : 200),
             g.inv.body ? g.inv.body : "");
    snprintf(g.why, sizeof g.why, "%s", err.text);
    fb_runtime_api_free(api);
    assert_non_null(strstr(p->request, "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n"));
    peer_stop(p);
    return g;
}

#define NEXT(text) next_of((text), sizeof(text) - 1)
#define HEAD       "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: id-1\r\n"

static void an_event_comes_with_its_id_deadline_arn_and_trace(void **state)
{
    struct got g = NEXT("HTTP/1.1 200 OK\r\nlambda-runtime-AWS-request-id:\t id-1 \r\n"
                        "Lambda-Runtime-Deadline-Ms: 1767323045000\r\n"
                        "Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:r:1:function:f\r\n"
                        "Lambda-Runtime-Trace-Id: Root=1\r\nno colon here\r\n: \r\n"
                        "Content-Length: 2\r\n\r\n{}");

    (void)state;
    assert_int_equal(g.st, FB_OK);
    assert_string_equal(g.inv.id, "id-1");
    assert_true(g.inv.deadline_ms == INT64_C(1767323045000));
    assert_string_equal(g.inv.arn, "arn:aws:lambda:r:1:function:f");
    assert_string_equal(g.inv.trace_id, "Root=1");
    assert_string_equal(g.body, "{}");
    assert_int_equal(g.inv.body_len, 2);
}

static void chunks_are_joined_and_their_trailers_dropped(void **state)
{
    struct got g =
        NEXT(HEAD "Transfer-Encoding: chunked\r\n\r\n3;x=y\r\n{\"a\r\nA\r\n\":\"bcdefg\"\r\n"
                  "1\r\n}\r\n0\r\nX: 1\r\nY: 2\r\n\r\n");

    (void)state;
    assert_int_equal(g.st, FB_OK);
    assert_string_equal(g.body, "{\"a\":\"bcdefg\"}");
}

static void without_a_length_an_old_server_ends_a_body_by_closing(void **state)
{
    struct got g = NEXT("HTTP/1.0 200 OK\r\nLambda-Runtime-Aws-Request-Id: i\r\n\r\n{\"a\":1}");

    (void)state;
    assert_int_equal(g.st, FB_OK);
    assert_string_equal(g.body, "{\"a\":1}");
}

static void an_event_without_a_body_is_empty(void **state)
{
    struct got g = NEXT(HEAD "Content-Length: 0\r\n\r\n");

    (void)state;
    assert_int_equal(g.st, FB_OK);
    assert_int_equal(g.inv.body_len, 0);
}

static void a_header_longer_than_its_place_is_cut(void **state)
{
    char answer[8192];
    struct got g;
    int n = snprintf(answer, sizeof answer,
                     "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: %0*d\r\n"
                     "Lambda-Runtime-Invoked-Function-Arn: %0*d\r\nContent-Length: 0\r\n"
                     "Lambda-Runtime-Deadline-Ms: %0*d\r\n\r\n",
                     3000, 7, 3000, 7, 1000, 7);

    (void)state;
    g = next_of(answer, (size_t)n);
    assert_int_equal(g.st, FB_OK);
    assert_int_equal(strlen(g.inv.id), sizeof g.inv.id - 1);
    assert_int_equal(strlen(g.inv.arn), sizeof g.inv.arn - 1);
    assert_true(g.inv.deadline_ms == 0);
}

static void what_is_no_answer_is_an_error_and_never_an_event(void **state)
{
    static const struct {
        const char *answer;
        const char *why;
        enum fb_status st;
    } cases[] = {
        {"", "connection closed", FB_EIO},
        {"HTTP/1.1 200", "connection closed", FB_EIO},
        {"SSH-2.0-OpenSSH_9.2\r\n\r\n", "not an HTTP answer", FB_EIO},
        {"HTTP/1.1\r\n\r\n", "not an HTTP answer", FB_EIO},
        {"HTTP/1.1 500 No\r\nLambda-Runtime-Aws-Request-Id: i\r\nContent-Length: 0\r\n\r\n",
         "answered 500", FB_EIO},
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "answered 200", FB_EIO}, /* whose? */
        {HEAD "Content-Length: 9\r\n\r\n{}", "connection closed", FB_EIO},
        {HEAD "Content-Length: 99999999\r\n\r\n{}", "over 8388608 bytes", FB_ELIMIT},
        {HEAD "Content-Length: -1\r\n\r\n{}", "over 8388608 bytes", FB_ELIMIT},
        {HEAD "Content-Length: 99999999999999999999999\r\n\r\n", "over 8388608 bytes", FB_ELIMIT},
        {HEAD "Transfer-Encoding: chunked\r\n\r\nzz\r\n", "without a size", FB_EIO},
        {HEAD "Transfer-Encoding: chunked\r\n\r\n-1\r\n", "without a size", FB_EIO},
        {HEAD "Transfer-Encoding: chunked\r\n\r\n\r\n", "without a size", FB_EIO},
        {HEAD "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", "over 8388608 bytes",
         FB_ELIMIT},
        {HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\n{}", "connection closed", FB_EIO},
        {HEAD "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", "connection closed", FB_EIO},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct got g = next_of(cases[i].answer, strlen(cases[i].answer));

        if (g.st != cases[i].st || !strstr(g.why, cases[i].why))
            fail_msg("%zu: status %d, \"%s\"", i, (int)g.st, g.why);
    }
}

/* Many small chunks reach the ceiling too; so do endless heads and trailers. */
static void what_does_not_end_is_ended(void **state)
{
    static const char *const parts[] = {"80000\r\n", "X: y\r\n", "X: y\r\n"};
    static const char *const heads[] = {HEAD "Transfer-Encoding: chunked\r\n\r\n", HEAD,
                                        HEAD "Transfer-Encoding: chunked\r\n\r\n0\r\n"};
    size_t cap = 12u << 20;

    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        char *answer = malloc(cap);
        size_t len = strlen(heads[kind]), part = strlen(parts[kind]);
        struct got g;

        assert_non_null(answer);
        memcpy(answer, heads[kind], len);
        while (len + part + 0x80002 < cap) {
            memcpy(answer + len, parts[kind], part);
            len += part;
            if (kind == 0) {
                memset(answer + len, 'x', 0x80000);
                memcpy(answer + len + 0x80000, "\r\n", 2);
                len += 0x80002;
            } else if (len > 200000) {
                break;
            }
        }
        g = next_of(answer, len);
        assert_int_equal(g.st, kind == 0 ? FB_ELIMIT : FB_EIO);
        assert_non_null(strstr(g.why, kind == 0   ? "over 8388608"
                                      : kind == 1 ? "end of head"
                                                  : "trailers without an end"));
        free(answer);
    }
}

static void an_address_that_is_none_is_told(void **state)
{
    static const char *const bad[] = {"", "host", ":80", "127.0.0.1:123456789"};
    struct fb_err err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_null(fb_runtime_api_new(bad[i], &err));
    assert_non_null(strstr(err.text, "host:port"));
}

static void an_error_is_posted_with_its_type_and_as_json(void **state)
{
    static const char answer[] = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
    struct peer *p = peer_start(answer, sizeof answer - 1);
    struct fb_err err = {0};
    struct fb_runtime_api *api = fb_runtime_api_new(p->address, &err);
    const char *body;

    (void)state;
    assert_int_equal(fb_runtime_api_error(api, "id-1", "Firebreak.BadEvent", "a \"b\"\nc", &err),
                     FB_OK);
    fb_runtime_api_free(api);
    assert_non_null(
        strstr(p->request, "POST /2018-06-01/runtime/invocation/id-1/error HTTP/1.1\r\n"));
    assert_non_null(
        strstr(p->request, "\r\nLambda-Runtime-Function-Error-Type: Firebreak.BadEvent\r\n"));
    body = strstr(p->request, "\r\n\r\n") + 4;
    if (*body) /* it may come in a packet of its own */
        assert_string_equal(body, "{\"errorMessage\":\"a \\\"b\\\"\\u000ac\",\"errorType\":"
                                  "\"Firebreak.BadEvent\",\"stackTrace\":[]}");
    peer_stop(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_comes_with_its_id_deadline_arn_and_trace),
        cmocka_unit_test(chunks_are_joined_and_their_trailers_dropped),
        cmocka_unit_test(without_a_length_an_old_server_ends_a_body_by_closing),
        cmocka_unit_test(an_event_without_a_body_is_empty),
        cmocka_unit_test(a_header_longer_than_its_place_is_cut),
        cmocka_unit_test(what_is_no_answer_is_an_error_and_never_an_event),
        cmocka_unit_test(what_does_not_end_is_ended),
        cmocka_unit_test(an_address_that_is_none_is_told),
        cmocka_unit_test(an_error_is_posted_with_its_type_and_as_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

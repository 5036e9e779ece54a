/* http_test.c - one client over many connections: parallel, timed, and calm about every fault. */
#include "support/fb_test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "cloud/http.h"
#include "support/fault_server.h"

static struct fb_fault_server *serve(const struct fb_fault_rule *rules, size_t n)
{
    struct fb_fault_server *s = fb_fault_server_start(rules, n);

    assert_non_null(s);
    return s;
}

static struct fb_http *client(void)
{
    struct fb_http *h = fb_http_new(fb_clock_system(), NULL);

    assert_non_null(h);
    return h;
}

static int64_t now_ms(void)
{
    struct fb_clock c = fb_clock_system();

    return fb_mono_ms(&c);
}

static struct fb_http_reply ask(struct fb_http *h, struct fb_arena *a, struct fb_fault_server *s,
                                struct fb_http_request req)
{
    struct fb_http_reply reply = {0};

    req.method = req.method ? req.method : "GET";
    req.url = fb_arena_fmt(a, "%s%s", fb_fault_server_url(s), req.url ? req.url : "/");
    fb_http_do(h, a, &req, 0, &reply);
    return reply;
}

static void an_answer_comes_with_its_status_body_and_headers(void **state)
{
    struct fb_fault_rule rule = {
        NULL,
        {{.status = 418,
          .body = "short and stout",
          .headers = "X-Amzn-ErrorType:  Teapot:http://x \r\nx-amzn-RequestId: r-1\r\n"
                     "Date: Sun, 30 Aug 2015 12:36:00 GMT\r\n"}}};
    struct fb_fault_server *s = serve(&rule, 1);
    struct fb_http *h = client();
    struct fb_http_reply r = ask(h, *state, s, (struct fb_http_request){0});

    assert_int_equal(r.st, FB_OK);
    assert_int_equal(r.status, 418);
    assert_string_equal(r.body, "short and stout");
    assert_int_equal(r.body_len, 15);
    assert_string_equal(r.error_type, "Teapot:http://x");
    assert_string_equal(r.request_id, "r-1");
    assert_true(r.date_ms == INT64_C(1440938160000)); /* date -d @1440938160 */
    assert_int_equal(fb_http_count(h), 1);
    fb_http_free(h);
    fb_fault_server_stop(s);
}

/* Nothing may be sent that was not asked for: the signer signed what stands in the request. */
static void a_request_is_sent_as_written(void **state)
{
    struct fb_fault_rule rule = {NULL, {{.body = "ok"}}};
    struct fb_fault_server *s = serve(&rule, 1);
    struct fb_http *h = client();
    struct fb_http_request req = {
        .method = "PUT", .url = "/a/../b//c%2F?x=1&y", .body = "{}", .body_len = 2};
    const char *sent;

    req.headers[req.header_count++] = (struct fb_http_header){"content-type", "application/json"};
    req.headers[req.header_count++] = (struct fb_http_header){"x-empty", ""};
    assert_int_equal(ask(h, *state, s, req).st, FB_OK);
    sent = fb_fault_server_request(s, 0);
    assert_ptr_equal(strstr(sent, "PUT /a/../b//c%2F?x=1&y HTTP/1.1\r\n"), sent);
    assert_non_null(strstr(sent, "\r\ncontent-type: application/json\r\n"));
    assert_non_null(strstr(sent, "\r\nx-empty:"));
    assert_non_null(strstr(sent, "\r\nContent-Length: 2\r\n"));
    assert_non_null(strstr(sent, "\r\n\r\n{}"));
    assert_null(strstr(sent, "Expect:"));
    assert_int_equal(ask(h, *state, s, (struct fb_http_request){.method = "POST"}).st, FB_OK);
    assert_non_null(strstr(fb_fault_server_request(s, 1), "Content-Length: 0\r\n"));
    assert_null(strstr(fb_fault_server_request(s, 1), "Content-Type"));
    assert_int_equal(ask(h, *state, s, (struct fb_http_request){.method = "DELETE"}).st, FB_OK);
    assert_ptr_equal(strstr(fb_fault_server_request(s, 2), "DELETE / "),
                     fb_fault_server_request(s, 2));
    fb_http_free(h);
    fb_fault_server_stop(s);
}

static void a_header_cannot_smuggle_another_one_in(void **state)
{
    static const struct fb_http_header bad[] = {
        {"x-a", "1\r\nx-b: 2"}, {"x-a\r\nx-b", "1"}, {"x-a: 1", "2"}, {"x-a", "1\nx-b: 2"}};
    struct fb_fault_rule rule = {NULL, {{.body = "ok"}}};
    struct fb_fault_server *s = serve(&rule, 1);
    struct fb_http *h = client();

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct fb_http_request req = {.headers = {bad[i]}, .header_count = 1};

        assert_int_equal(ask(h, *state, s, req).st, FB_EINPUT);
    }
    assert_int_equal(fb_fault_server_count(s), 0);
    fb_http_free(h);
    fb_fault_server_stop(s);
}

static void each_fault_has_its_name_and_none_gives_a_body(void **state)
{
    static const struct {
        struct fb_fault_answer answer;
        enum fb_status st;
        bool retryable;
    } rows[] = {
        {{.fault = FB_FAULT_CLOSE_AT_ONCE}, FB_EIO, true},
        {{.body = "0123456789", .fault = FB_FAULT_CLOSE_MID_BODY}, FB_EIO, true},
        {{.body = "\x16\x03\x01 this is no HTTP\r\n\r\n", .fault = FB_FAULT_NOT_HTTP},
         FB_EIO,
         true},
        {{.fault = FB_FAULT_HANG}, FB_ETIMEOUT, true},
        {{.body = "late", .delay_ms = 2000}, FB_ETIMEOUT, true},
        {{.body = "0123456789abcdef", .body_times = (16u << 20) / 16 + 1}, FB_ELIMIT, false},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fb_fault_rule rule = {NULL, {rows[i].answer}};
        struct fb_fault_server *s = serve(&rule, 1);
        struct fb_http *h = client();
        struct fb_http_reply r =
            ask(h, *state, s,
                (struct fb_http_request){.url = "/p?secret=1",
                                         .timeout_ms = rows[i].st == FB_ETIMEOUT ? 150 : 20000});

        print_message("  %s\n", r.err.text);
        assert_int_equal(r.st, rows[i].st);
        assert_int_equal(r.err.code, rows[i].st);
        assert_int_equal(r.err.retryable, rows[i].retryable);
        assert_string_equal(r.body, "");
        assert_int_equal(r.status, 0);
        assert_non_null(strstr(r.err.text, "GET 127.0.0.1"));
        assert_null(strstr(r.err.text, "secret"));
        fb_http_free(h);
        fb_fault_server_stop(s);
    }
}

static void a_body_of_exactly_the_ceiling_is_read_whole(void **state)
{
    struct fb_fault_rule rule = {
        NULL, {{.body = "0123456789abcdef", .body_times = FB_HTTP_BODY_MAX / 16}}};
    struct fb_fault_server *s = serve(&rule, 1);
    struct fb_http *h = client();
    struct fb_http_reply r = ask(h, *state, s, (struct fb_http_request){.timeout_ms = 20000});

    assert_int_equal(r.st, FB_OK);
    assert_int_equal(r.body_len, FB_HTTP_BODY_MAX);
    assert_int_equal(strlen(r.body), FB_HTTP_BODY_MAX);
    fb_http_free(h);
    fb_fault_server_stop(s);
}

static void a_closed_port_and_a_bad_url_are_told_at_once(void **state)
{
    struct fb_fault_rule rule = {NULL, {{.body = "x"}}};
    struct fb_fault_server *s = serve(&rule, 1);
    struct fb_http_request req = {.method = "GET",
                                  .url = fb_arena_str(*state, fb_fault_server_url(s))};
    struct fb_http *h = client();
    struct fb_http_reply r;

    fb_fault_server_stop(s);
    fb_http_do(h, *state, &req, 0, &r);
    assert_int_equal(r.st, FB_EIO);
    assert_true(r.err.retryable);
    req.url = "file:///etc/passwd";
    fb_http_do(h, *state, &req, 0, &r);
    assert_int_equal(r.st, FB_EINPUT);
    req.url = "http://127.0.0.1:1/a b";
    fb_http_do(h, *state, &req, 0, &r);
    assert_int_equal(r.st, FB_EINPUT);
    assert_int_equal(fb_http_count(h), 2); /* the file was never asked for */
    fb_http_free(h);
}

static void a_redirect_is_handed_back_and_not_followed(void **state)
{
    struct fb_fault_rule rule = {NULL, {{.status = 302, .headers = "Location: /elsewhere\r\n"}}};
    struct fb_fault_server *s = serve(&rule, 1);
    struct fb_http *h = client();
    struct fb_http_reply r = ask(h, *state, s, (struct fb_http_request){0});

    assert_int_equal(r.st, FB_OK);
    assert_int_equal(r.status, 302);
    assert_int_equal(fb_fault_server_count(s), 1);
    fb_http_free(h);
    fb_fault_server_stop(s);
}

/* A proxy of the environment would send our metadata and stand-in calls to somebody else. */
static void the_environments_proxy_is_not_asked_for_loopback(void **state)
{
    struct fb_fault_rule rule = {NULL, {{.body = "direct"}}};
    struct fb_fault_server *s = serve(&rule, 1);
    struct fb_http *h = client();
    struct fb_http_reply r;

    assert_int_equal(setenv("http_proxy", "http://127.0.0.1:9", 1), 0);
    assert_int_equal(setenv("ALL_PROXY", "http://127.0.0.1:9", 1), 0);
    r = ask(h, *state, s, (struct fb_http_request){0});
    assert_int_equal(unsetenv("http_proxy"), 0);
    assert_int_equal(unsetenv("ALL_PROXY"), 0);
    assert_int_equal(r.st, FB_OK);
    assert_string_equal(r.body, "direct");
    fb_http_free(h);
    fb_fault_server_stop(s);
}

/* curl asks again by itself when a kept connection is found closed: harmless for most requests. */
static void a_request_that_must_be_sent_once_is_sent_once(void **state)
{
    struct fb_fault_rule rule = {NULL, {{.body = "ok"}, {.fault = FB_FAULT_CLOSE_AT_ONCE}}};
    struct fb_fault_server *s = serve(&rule, 1);
    struct fb_http *h = client();

    assert_int_equal(ask(h, *state, s, (struct fb_http_request){0}).st, FB_OK);
    assert_int_equal(ask(h, *state, s, (struct fb_http_request){.method = "POST", .once = true}).st,
                     FB_EIO);
    assert_int_equal(fb_fault_server_count(s), 2);
    fb_http_free(h);
    fb_fault_server_stop(s);
}

/* Chains for the parallel cases: `left` requests each, one after the other. */
struct walker {
    const char *url;
    int left, ok, timeouts, other;
    int64_t delay_ms;
};

static bool walk(void *self, const struct fb_http_reply *prev, struct fb_http_request *out)
{
    struct walker *w = self;

    if (prev && prev->st == FB_OK)
        w->ok++;
    else if (prev && prev->st == FB_ETIMEOUT)
        w->timeouts++;
    else if (prev)
        w->other++;
    if (w->left-- <= 0)
        return false;
    *out = (struct fb_http_request){.method = "GET", .url = w->url, .delay_ms = w->delay_ms};
    return true;
}

static void thirty_regions_take_the_time_of_one(void **state)
{
    struct fb_fault_rule rule = {NULL, {{.body = "ok", .delay_ms = 50}}};
    struct fb_fault_server *s = serve(&rule, 1);
    struct fb_http *h = client();
    struct walker walkers[30];
    struct fb_http_chain chains[30];
    int64_t took;

    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 30; i++) {
            walkers[i] = (struct walker){.url = fb_fault_server_url(s), .left = 2};
            chains[i] = (struct fb_http_chain){&walkers[i], walk};
        }
        took = now_ms();
        fb_http_run(h, *state, chains, 30, 0);
        took = now_ms() - took;
        print_message("  30 chains of 2 x 50 ms: %d ms\n", (int)took);
        for (int i = 0; i < 30; i++)
            assert_int_equal(walkers[i].ok, 2);
        assert_true(took >= 100);
        assert_true(took <
                    1000); /* one after the other: 3,000 ms. The margin is for busy machines. */
    }
    /* Connections are kept over requests and over runs. */
    assert_true(fb_fault_server_connections(s) <= 60);
    assert_int_equal(fb_http_count(h), 120);
    fb_http_free(h);
    fb_fault_server_stop(s);
}

static void more_chains_than_places_all_come_to_their_turn(void **state)
{
    struct fb_fault_rule rule = {NULL, {{.body = "ok"}}};
    struct fb_fault_server *s = serve(&rule, 1);
    struct fb_http *h = client();
    struct walker walkers[200];
    struct fb_http_chain chains[200];

    for (int i = 0; i < 200; i++) {
        walkers[i] = (struct walker){.url = fb_fault_server_url(s), .left = 3};
        chains[i] = (struct fb_http_chain){&walkers[i], walk};
    }
    fb_http_run(h, *state, chains, 200, 0);
    for (int i = 0; i < 200; i++)
        assert_int_equal(walkers[i].ok, 3);
    assert_int_equal(fb_fault_server_count(s), 600);
    assert_true(fb_fault_server_connections(s) <= 64);
    fb_http_free(h);
    fb_fault_server_stop(s);
}

/* One chain waits; the other ones do not wait for it. */
static void a_back_off_holds_up_nobody_else(void **state)
{
    struct fb_fault_rule rule = {NULL, {{.body = "ok"}}};
    struct fb_fault_server *s = serve(&rule, 1);
    struct fb_http *h = client();
    struct walker slow = {.url = fb_fault_server_url(s), .left = 1, .delay_ms = 400};
    struct walker quick = {.url = fb_fault_server_url(s), .left = 3, .delay_ms = 10};
    struct fb_http_chain chains[2] = {{&slow, walk}, {&quick, walk}};
    int64_t before = now_ms(), took;

    fb_http_run(h, *state, chains, 2, 0);
    took = now_ms() - before;
    assert_int_equal(slow.ok, 1);
    assert_int_equal(quick.ok, 3);
    assert_true(took >= 400 && took < 430 + 600);
    fb_http_free(h);
    fb_fault_server_stop(s);
}

static void the_deadline_ends_every_chain_and_tells_it(void **state)
{
    struct fb_fault_rule rule = {NULL, {{.fault = FB_FAULT_HANG}}};
    struct fb_fault_server *s = serve(&rule, 1);
    struct fb_http *h = client();
    struct walker walkers[70]; /* more than may be under way: some never start */
    struct fb_http_chain chains[70];
    int64_t before = now_ms(), took;

    for (int i = 0; i < 70; i++) {
        walkers[i] = (struct walker){.url = fb_fault_server_url(s), .left = 2};
        chains[i] = (struct fb_http_chain){&walkers[i], walk};
    }
    walkers[3].delay_ms = 60000; /* would start after it */
    fb_http_run(h, *state, chains, 70, before + 200);
    took = now_ms() - before;
    for (int i = 0; i < 70; i++) {
        assert_int_equal(walkers[i].timeouts, 2);
        assert_int_equal(walkers[i].ok + walkers[i].other, 0);
    }
    assert_true(took >= 199 && took < 1500);
    fb_http_free(h);
    fb_fault_server_stop(s);
}

static bool forever(void *self, const struct fb_http_reply *prev, struct fb_http_request *out)
{
    const char *url = self;

    (void)prev;
    *out = (struct fb_http_request){.method = "GET", .url = url};
    return true;
}

static void a_chain_that_never_ends_ends_after_the_deadline(void **state)
{
    struct fb_fault_rule rule = {NULL, {{.body = "ok", .delay_ms = 5}}};
    struct fb_fault_server *s = serve(&rule, 1);
    struct fb_http *h = client();
    struct fb_arena *a = fb_arena_new(256u << 20);
    struct fb_http_chain chain = {(void *)(uintptr_t)fb_fault_server_url(s), forever};

    (void)state;
    fb_http_run(h, a, &chain, 1, now_ms() + 50);
    fb_arena_free(a);
    fb_http_free(h);
    fb_fault_server_stop(s);
}

static int64_t stands_still(void *self)
{
    (void)self;
    return 1000;
}

static void a_clock_that_stands_still_does_not_hang_a_back_off(void **state)
{
    struct fb_fault_rule rule = {NULL, {{.body = "ok"}}};
    struct fb_fault_server *s = serve(&rule, 1);
    struct fb_http *h = fb_http_new(
        (struct fb_clock){.wall_ms = stands_still, .mono_ms = stands_still, .self = NULL}, NULL);
    struct walker w = {.url = fb_fault_server_url(s), .left = 2, .delay_ms = 30};
    struct fb_http_chain chain = {&w, walk};

    fb_http_run(h, *state, &chain, 1, 0);
    assert_int_equal(w.ok, 2);
    fb_http_free(h);
    fb_fault_server_stop(s);
}

/* An answer that no longer fits the arena is a limit, and the next chain is told too. */
static void a_full_arena_is_told_as_a_limit(void **state)
{
    struct fb_fault_rule rule = {NULL, {{.body = "0123456789abcdef", .body_times = 4096}}};
    struct fb_fault_server *s = serve(&rule, 1);
    struct fb_http *h = client();
    struct fb_arena *small = fb_arena_new(16 << 10);
    struct fb_http_request req = {.method = "GET", .url = fb_fault_server_url(s)};
    struct fb_http_reply r;

    (void)state;
    fb_http_do(h, small, &req, 0, &r);
    assert_int_equal(r.st, FB_ELIMIT);
    assert_string_equal(r.body, "");
    fb_arena_free(small);
    fb_http_free(h);
    fb_fault_server_stop(s);
}

/* A TLS peer with a certificate for 127.0.0.1 that it signed itself. */
struct tls {
    char folder[64], cert[96], key[96], place[32];
    pid_t pid;
};

static bool run(const struct tls *t, bool wait_for, pid_t *pid)
{
    pid_t parent = getpid(), child = fork();
    int status = 0, null;

    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
        null = open("/dev/null", O_RDWR);
        for (int fd = 0; fd <= 2; fd++)
            (void)dup2(null, fd);
        if (wait_for)
            (void)execlp("openssl", "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
                         "-days", "2", "-subj", "/CN=stand-in", "-addext",
                         "subjectAltName=IP:127.0.0.1", "-keyout", t->key, "-out", t->cert,
                         (char *)NULL);
        else
            (void)execlp("openssl", "openssl", "s_server", "-accept", t->place, "-cert", t->cert,
                         "-key", t->key, "-www", "-quiet", (char *)NULL);
        _exit(127);
    }
    *pid = child;
    if (!wait_for)
        return child > 0;
    return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void tls_stop(struct tls *t)
{
    if (t->pid > 0) {
        (void)kill(t->pid, SIGKILL);
        (void)waitpid(t->pid, NULL, 0);
    }
    (void)unlink(t->cert);
    (void)unlink(t->key);
    (void)rmdir(t->folder);
}

/* A port that was free a moment ago: that of a server which has just been stopped. */
static int free_port(void)
{
    struct fb_fault_rule rule = {NULL, {{.body = "x"}}};
    struct fb_fault_server *s = serve(&rule, 1);
    int port = fb_fault_server_port(s);

    fb_fault_server_stop(s);
    return port;
}

static bool tls_start(struct tls *t)
{
    pid_t done;

    memset(t, 0, sizeof *t);
    (void)snprintf(t->folder, sizeof t->folder, P_tmpdir "/fb-tls-XXXXXX");
    if (!mkdtemp(t->folder))
        return false;
    (void)snprintf(t->cert, sizeof t->cert, "%s/cert.pem", t->folder);
    (void)snprintf(t->key, sizeof t->key, "%s/key.pem", t->folder);
    (void)snprintf(t->place, sizeof t->place, "127.0.0.1:%d", free_port());
    return run(t, true, &done) && run(t, false, &t->pid);
}

static struct fb_http_reply ask_tls(struct fb_arena *a, const struct tls *t, const char *host,
                                    const char *ca)
{
    struct fb_http *h = fb_http_new(fb_clock_system(), ca);
    struct fb_http_request req = {.method = "GET"};
    struct fb_http_reply r = {0};

    req.url = fb_arena_fmt(a, "https://%s%s/", host, strchr(t->place, ':'));
    for (int i = 0; i < 100; i++) { /* until it listens */
        fb_http_do(h, a, &req, 0, &r);
        if (r.st == FB_OK || !r.err.retryable)
            break;
        (void)usleep(50000);
    }
    fb_http_free(h);
    return r;
}

static void only_a_trusted_certificate_for_the_right_name_is_spoken_to(void **state)
{
    struct fb_http_reply r;
    struct tls t;

    if (!tls_start(&t)) {
        tls_stop(&t);
        FB_SKIP("no openssl command: certificates were not tested");
    }
    r = ask_tls(*state, &t, "127.0.0.1", t.cert);
    print_message("  trusted: %d %s\n", r.status, r.err.text);
    assert_int_equal(r.st, FB_OK);
    assert_int_equal(r.status, 200);
    r = ask_tls(*state, &t, "127.0.0.1", NULL);
    print_message("  %s\n", r.err.text);
    assert_int_equal(r.st, FB_EIO);
    assert_false(r.err.retryable);
    r = ask_tls(*state, &t, "localhost", t.cert);
    print_message("  %s\n", r.err.text);
    assert_int_equal(r.st, FB_EIO);
    assert_false(r.err.retryable);
    tls_stop(&t);
}

static void a_client_that_was_never_used_costs_nothing_and_is_freed(void **state)
{
    struct fb_http *h = client();

    (void)state;
    fb_http_run(h, *state, NULL, 0, 0);
    assert_int_equal(fb_http_count(h), 0);
    fb_http_free(h);
    fb_http_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(an_answer_comes_with_its_status_body_and_headers),
        FB_TEST(a_request_is_sent_as_written),
        FB_TEST(a_header_cannot_smuggle_another_one_in),
        FB_TEST(each_fault_has_its_name_and_none_gives_a_body),
        FB_TEST(a_body_of_exactly_the_ceiling_is_read_whole),
        FB_TEST(a_closed_port_and_a_bad_url_are_told_at_once),
        FB_TEST(a_redirect_is_handed_back_and_not_followed),
        FB_TEST(the_environments_proxy_is_not_asked_for_loopback),
        FB_TEST(a_request_that_must_be_sent_once_is_sent_once),
        FB_TEST(thirty_regions_take_the_time_of_one),
        FB_TEST(more_chains_than_places_all_come_to_their_turn),
        FB_TEST(a_back_off_holds_up_nobody_else),
        FB_TEST(the_deadline_ends_every_chain_and_tells_it),
        FB_TEST(a_chain_that_never_ends_ends_after_the_deadline),
        FB_TEST(a_clock_that_stands_still_does_not_hang_a_back_off),
        FB_TEST(a_full_arena_is_told_as_a_limit),
        FB_TEST(only_a_trusted_certificate_for_the_right_name_is_spoken_to),
        FB_TEST(a_client_that_was_never_used_costs_nothing_and_is_freed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

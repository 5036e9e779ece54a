/* http.c - chains of requests over one curl multi handle, without a barrier between the chains.
 *
 * Traps that shaped this file (measured): a parsed CA store is shared only
 * inside one multi handle and only when it comes from a file; without CURLMOPT_MAXCONNECTS kept
 * connections are dropped when finished handles are removed. */
#include "cloud/http.h"

#include <curl/curl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "cloud/url.h"

enum {
    ACTIVE_MAX = 64,       /* requests under way at once; the others wait */
    IDLE_MAX = ACTIVE_MAX, /* easy handles kept between requests */
    CONNECTIONS_MAX = 128, /* kept between runs: every region twice */
    TIMEOUT_MS = 10000,
    POLL_MS = 1000,
    AFTER_DEADLINE_MAX = 1000 /* requests that one chain may still ask for when time is up */
};

struct fb_http {
    struct fb_clock clock;
    char *ca_file; /* NULL: look for it at the first use */
    CURLM *multi;
    CURL *idle[IDLE_MAX];
    size_t idle_count;
    uint64_t count;
};

enum state { WAITING, ACTIVE, DONE };

struct slot {
    struct fb_http_chain *chain;
    enum state state;
    CURL *easy;
    struct curl_slist *headers;
    struct fb_http_request req;
    struct fb_http_reply reply;
    struct fb_buf body; /* heap: its final size is known only at the end */
    struct fb_arena *arena;
    int64_t start_at, sent_at;
    int late; /* requests asked for after the deadline */
    char words[CURL_ERROR_SIZE];
};

struct run {
    struct fb_http *h;
    struct fb_arena *arena;
    struct slot *slots;
    size_t n, active, live;
    int64_t deadline; /* 0: none */
};

struct fb_http *fb_http_new(struct fb_clock clock, const char *ca_file)
{
    struct fb_http *h = calloc(1, sizeof *h);

    if (!h)
        return NULL;
    h->clock = clock;
    h->ca_file = ca_file ? strdup(ca_file) : NULL;
    if (ca_file && !h->ca_file) {
        free(h);
        return NULL;
    }
    return h;
}

void fb_http_free(struct fb_http *h)
{
    if (!h)
        return;
    while (h->idle_count > 0)
        curl_easy_cleanup(h->idle[--h->idle_count]);
    if (h->multi) {
        (void)curl_multi_cleanup(h->multi);
        curl_global_cleanup();
    }
    free(h->ca_file);
    free(h);
}

uint64_t fb_http_count(const struct fb_http *h) { return h->count; }

/* The system's trusted roots as a file: a folder would switch curl's cache of them off. */
static const char *find_ca_file(void)
{
    static const char *const places[] = {
        "/etc/ssl/certs/ca-certificates.crt",                /* Debian, Alpine */
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", /* Amazon Linux, Red Hat */
        "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"};
    const char *named = getenv("SSL_CERT_FILE");

    if (named && *named)
        return named;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (access(places[i], R_OK) == 0)
            return places[i];
    return NULL;
}

static bool wake(struct fb_http *h)
{
    const char *ca;

    if (h->multi)
        return true;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return false;
    h->multi = curl_multi_init();
    if (!h->multi) {
        curl_global_cleanup();
        return false;
    }
    (void)curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_MAX);
    ca = h->ca_file ? NULL : find_ca_file();
    if (ca)
        h->ca_file = strdup(ca);
    return true;
}

static size_t on_body(char *at, size_t size, size_t n, void *self)
{
    struct slot *s = self;

    fb_buf_addn(&s->body, at, size * n);
    return fb_buf_ok(&s->body) ? size * n : 0;
}

/* The value when line is "name: value\r\n"; NULL otherwise. Not NUL-terminated: *len. */
static const char *header_value(const char *line, size_t n, const char *name, size_t *len)
{
    size_t name_len = strlen(name);
    const char *end = line + n;

    if (n <= name_len || line[name_len] != ':' || strncasecmp(line, name, name_len) != 0)
        return NULL;
    line += name_len + 1;
    while (line < end && (*line == ' ' || *line == '\t'))
        line++;
    while (end > line && strchr(" \t\r\n", end[-1]))
        end--;
    *len = (size_t)(end - line);
    return line;
}

static size_t on_header(char *at, size_t size, size_t n, void *self)
{
    struct slot *s = self;
    size_t bytes = size * n, len;
    const char *v;

    if (bytes >= 5 && memcmp(at, "HTTP/", 5) == 0) { /* a new answer: 1xx came before */
        s->reply.error_type = s->reply.request_id = "";
        s->reply.date_ms = 0;
    } else if ((v = header_value(at, bytes, "x-amzn-errortype", &len))) {
        s->reply.error_type = fb_arena_strn(s->arena, v, len);
    } else if ((v = header_value(at, bytes, "x-amzn-requestid", &len)) ||
               (v = header_value(at, bytes, "x-amz-request-id", &len))) {
        s->reply.request_id = fb_arena_strn(s->arena, v, len);
    } else if ((v = header_value(at, bytes, "date", &len))) {
        (void)fb_time_parse_http(fb_arena_strn(s->arena, v, len), &s->reply.date_ms);
    }
    return bytes;
}

/* For people: method, host and path. The rest of a URL may hold a secret. */
static const char *request_words(struct fb_arena *a, const struct fb_http_request *req)
{
    struct fb_url u;
    struct fb_buf b;

    if (!fb_url_split(req->url, &u))
        return req->method;
    fb_buf_init_in(&b, a, 1024);
    fb_buf_fmt(&b, "%s %.*s", req->method, (int)(u.authority.len > 255 ? 255 : u.authority.len),
               u.authority.at);
    fb_buf_fmt(&b, "%.*s", (int)(u.path.len > 127 ? 127 : u.path.len), u.path.at);
    return b.at;
}

static void fail(struct slot *s, enum fb_status st, bool retryable, const char *why)
{
    s->reply.st = fb_err_set(&s->reply.err, st, "%s: %s", request_words(s->arena, &s->req), why);
    s->reply.err.retryable = retryable;
    s->reply.status = 0;
    s->reply.body = "";
    s->reply.body_len = 0;
}

static void wipe_headers(struct slot *s)
{
    for (struct curl_slist *l = s->headers; l; l = l->next)
        OPENSSL_cleanse(l->data, strlen(l->data)); /* the session token is among them */
    curl_slist_free_all(s->headers);
    s->headers = NULL;
}

static bool add_header(struct slot *s, const char *name, const char *value)
{
    struct curl_slist *more;
    struct fb_buf line;

    if (strpbrk(name, "\r\n:") || strpbrk(value, "\r\n"))
        return false;
    fb_buf_init(&line, 64 << 10);
    /* curl's way to say "with an empty value" is a semicolon. */
    fb_buf_fmt(&line, *value ? "%s: %s" : "%s;%s", name, value);
    more = fb_buf_ok(&line) ? curl_slist_append(s->headers, line.at) : NULL;
    OPENSSL_cleanse(line.at, line.len);
    fb_buf_release(&line);
    if (more)
        s->headers = more;
    return more != NULL;
}

static bool add_headers(struct slot *s)
{
    bool typed = false, ok = true;

    for (size_t i = 0; ok && i < s->req.header_count; i++) {
        typed = typed || strcasecmp(s->req.headers[i].name, "content-type") == 0;
        ok = add_header(s, s->req.headers[i].name, s->req.headers[i].value);
    }
    /* curl would add a form's type, and wait for leave to send a long body. */
    if (ok && !typed) {
        struct curl_slist *more = curl_slist_append(s->headers, "Content-Type:");

        ok = more != NULL;
        s->headers = more ? more : s->headers;
    }
    if (ok) {
        struct curl_slist *more = curl_slist_append(s->headers, "Expect:");

        ok = more != NULL;
        s->headers = more ? more : s->headers;
    }
    return ok;
}

#define SET(option, value) ok = ok && curl_easy_setopt(s->easy, (option), (value)) == CURLE_OK

static bool set_method(struct slot *s)
{
    const struct fb_http_request *req = &s->req;
    bool get = strcmp(req->method, "GET") == 0, head = strcmp(req->method, "HEAD") == 0;
    bool ok = true;

    if (req->body || !(get || head || strcmp(req->method, "DELETE") == 0)) {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDS, req->body ? req->body : ""); /* borrowed, as the contract says */
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(req->body ? req->body_len : 0));
    }
    if (head)
        SET(CURLOPT_NOBODY, 1L);
    else if (!get || req->body)
        SET(CURLOPT_CUSTOMREQUEST, req->method);
    return ok;
}

static bool set_options(const struct run *r, struct slot *s, const struct fb_url *url,
                        long timeout_ms)
{
    bool ok = true;

    s->words[0] = '\0';
    SET(CURLOPT_PRIVATE, (void *)s);
    SET(CURLOPT_ERRORBUFFER, s->words);
    SET(CURLOPT_URL, s->req.url);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PATH_AS_IS, 1L); /* what was signed is what is sent */
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)FB_HTTP_CONNECT_MS);
    SET(CURLOPT_TIMEOUT_MS, timeout_ms);
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_FRESH_CONNECT, s->req.once ? 1L : 0L);
    SET(CURLOPT_USERAGENT, "firebreak/" FB_VERSION);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    if (r->h->ca_file) {
        SET(CURLOPT_CAINFO, r->h->ca_file);
        SET(CURLOPT_CAPATH, NULL);
    }
    if (fb_url_is_local(url))
        SET(CURLOPT_PROXY, ""); /* an environment's proxy has no business on the way to ourselves */
    SET(CURLOPT_HTTPHEADER, s->headers);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, (void *)s);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, (void *)s);
    return ok && set_method(s);
}

static void put_away(struct fb_http *h, struct slot *s)
{
    curl_easy_reset(s->easy); /* connections stay with the multi handle */
    if (h->idle_count < IDLE_MAX)
        h->idle[h->idle_count++] = s->easy;
    else
        curl_easy_cleanup(s->easy);
    s->easy = NULL;
    wipe_headers(s);
}

/* Asks the chain for its next request, which then waits for its time. */
static void ask(struct run *r, struct slot *s, const struct fb_http_reply *prev)
{
    struct fb_http_request req = {0};

    if (!s->chain->next(s->chain->self, prev, &req)) {
        s->state = DONE;
        r->live--;
        return;
    }
    s->req = req;
    s->state = WAITING;
    s->start_at = fb_mono_ms(&r->h->clock) + (req.delay_ms > 0 ? req.delay_ms : 0);
}

static void tell_failure(struct run *r, struct slot *s, enum fb_status st, bool retryable,
                         const char *why)
{
    fail(s, st, retryable, why);
    ask(r, s, &s->reply);
}

static void reset_reply(struct slot *s)
{
    memset(&s->reply, 0, sizeof s->reply);
    s->reply.body = s->reply.error_type = s->reply.request_id = "";
    fb_buf_reset(&s->body);
}

static void time_is_up(struct run *r, struct slot *s)
{
    reset_reply(s);
    if (s->late++ >= AFTER_DEADLINE_MAX) { /* a chain that never ends must not hang us */
        s->state = DONE;
        r->live--;
        return;
    }
    tell_failure(r, s, FB_ETIMEOUT, true, "no time left before the deadline");
}

static void start(struct run *r, struct slot *s, int64_t now)
{
    struct fb_http *h = r->h;
    struct fb_url url;
    int64_t timeout = s->req.timeout_ms > 0 ? s->req.timeout_ms : TIMEOUT_MS;

    reset_reply(s);
    if (r->deadline && timeout > r->deadline - now)
        timeout = r->deadline - now;
    if (!s->req.method || !fb_url_split(s->req.url, &url)) {
        s->req.method = s->req.method ? s->req.method : "?";
        tell_failure(r, s, FB_EINPUT, false, "not an http or https URL");
        return;
    }
    if (!wake(h)) {
        tell_failure(r, s, FB_EIO, false, "the HTTP library does not start");
        return;
    }
    s->easy = h->idle_count ? h->idle[--h->idle_count] : curl_easy_init();
    if (!s->easy) {
        tell_failure(r, s, FB_EIO, true, "no memory for a request");
        return;
    }
    if (!add_headers(s)) {
        put_away(h, s);
        tell_failure(r, s, FB_EINPUT, false, "a header cannot be sent");
        return;
    }
    if (!set_options(r, s, &url, (long)timeout) ||
        curl_multi_add_handle(h->multi, s->easy) != CURLM_OK) {
        put_away(h, s);
        tell_failure(r, s, FB_EIO, false, "the request cannot be set up");
        return;
    }
    h->count++;
    s->sent_at = now;
    s->state = ACTIVE;
    r->active++;
}

static void read_answer(struct slot *s)
{
    long status = 0;
    char *body;

    (void)curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
    body = fb_arena_alloc(s->arena, s->body.len + 1);
    if (!body) {
        fail(s, FB_ELIMIT, false, "no memory left for the answer");
        return;
    }
    memcpy(body, s->body.at, s->body.len);
    body[s->body.len] = '\0';
    s->reply.st = FB_OK;
    s->reply.status = (int)status;
    s->reply.body = body;
    s->reply.body_len = s->body.len;
}

static void read_failure(struct slot *s, CURLcode code)
{
    const char *words = s->words[0] ? s->words : curl_easy_strerror(code);

    switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
        fail(s, FB_ETIMEOUT, true, "no answer in time");
        return;
    case CURLE_WRITE_ERROR:
        if (!fb_buf_ok(&s->body)) {
            fail(s, FB_ELIMIT, false, "the answer is longer than 16 MiB");
            return;
        }
        break;
    case CURLE_URL_MALFORMAT:
        fail(s, FB_EINPUT, false, "not a URL that can be asked");
        return;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
        fail(s, FB_EIO, false, words); /* asking again does not make a certificate better */
        return;
    default:
        break;
    }
    fail(s, FB_EIO, true, words);
}

static void take_down(struct run *r, struct slot *s)
{
    (void)curl_multi_remove_handle(r->h->multi, s->easy);
    put_away(r->h, s);
    r->active--;
    s->reply.took_ms = fb_mono_ms(&r->h->clock) - s->sent_at;
}

static void finish(struct run *r, struct slot *s, CURLcode code)
{
    if (code == CURLE_OK)
        read_answer(s);
    else
        read_failure(s, code);
    take_down(r, s);
    ask(r, s, &s->reply);
}

/* Starts what is due; tells those whose time has passed. True when anything moved. */
static bool start_due(struct run *r)
{
    int64_t now = fb_mono_ms(&r->h->clock);
    bool moved = false;

    for (size_t i = 0; i < r->n; i++) {
        struct slot *s = &r->slots[i];

        if (s->state != WAITING)
            continue;
        if (r->deadline && (now >= r->deadline || s->start_at >= r->deadline)) {
            time_is_up(r, s);
            moved = true;
        } else if (s->start_at <= now && r->active < ACTIVE_MAX) {
            start(r, s, now);
            moved = true;
        }
    }
    return moved;
}

static bool collect(struct run *r)
{
    bool moved = false;
    CURLMsg *m;
    int left;

    if (!r->h->multi)
        return false;
    while ((m = curl_multi_info_read(r->h->multi, &left))) {
        CURLcode code = m->data.result;
        char *slot = NULL;

        if (m->msg != CURLMSG_DONE)
            continue;
        (void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &slot);
        finish(r, (struct slot *)(void *)slot, code);
        moved = true;
    }
    return moved;
}

static bool cancel_late(struct run *r)
{
    bool moved = false;

    if (!r->deadline || fb_mono_ms(&r->h->clock) < r->deadline)
        return false;
    for (size_t i = 0; i < r->n; i++) {
        struct slot *s = &r->slots[i];

        if (s->state != ACTIVE)
            continue;
        take_down(r, s);
        tell_failure(r, s, FB_ETIMEOUT, true, "no answer before the deadline");
        moved = true;
    }
    return moved;
}

/* Sleeps until a socket speaks, a back-off ends or the deadline comes. */
static void wait(struct run *r)
{
    int64_t now = fb_mono_ms(&r->h->clock), ms = POLL_MS;

    if (r->deadline && r->deadline - now < ms)
        ms = r->deadline - now;
    for (size_t i = 0; i < r->n; i++)
        if (r->slots[i].state == WAITING && r->slots[i].start_at - now < ms &&
            r->active < ACTIVE_MAX)
            ms = r->slots[i].start_at - now;
    if (ms < 1)
        ms = 1;
    if (!wake(r->h) || curl_multi_poll(r->h->multi, NULL, 0, (int)ms, NULL) != CURLM_OK)
        (void)usleep(1000);
    if (r->active > 0 || fb_mono_ms(&r->h->clock) != now)
        return;
    /* A clock that stands still (a test's) must not make a back-off endless. */
    for (size_t i = 0; i < r->n; i++)
        if (r->slots[i].state == WAITING)
            r->slots[i].start_at -= ms;
}

void fb_http_run(struct fb_http *h, struct fb_arena *a, struct fb_http_chain *chains, size_t n,
                 int64_t deadline_mono_ms)
{
    struct run r = {.h = h, .arena = a, .n = n, .live = n, .deadline = deadline_mono_ms};
    struct slot none = {0};
    int running = 0;

    r.slots = n ? calloc(n, sizeof *r.slots) : NULL;
    if (!r.slots) {
        none.arena = a;
        none.req.method = "?";
        reset_reply(&none);
        fail(&none, FB_ELIMIT, true, "no memory for so many chains");
        for (size_t i = 0; i < n; i++) { /* each is told, none is asked twice */
            struct fb_http_request unused = {0};

            if (chains[i].next(chains[i].self, NULL, &unused))
                (void)chains[i].next(chains[i].self, &none.reply, &unused);
        }
        return;
    }
    for (size_t i = 0; i < n; i++) {
        r.slots[i].chain = &chains[i];
        r.slots[i].arena = a;
        fb_buf_init(&r.slots[i].body, FB_HTTP_BODY_MAX);
        ask(&r, &r.slots[i], NULL);
    }
    while (r.live > 0) {
        bool moved = start_due(&r);

        if (r.active > 0)
            (void)curl_multi_perform(h->multi, &running);
        moved = collect(&r) || moved;
        moved = cancel_late(&r) || moved;
        if (!moved && r.live > 0)
            wait(&r);
    }
    for (size_t i = 0; i < n; i++)
        fb_buf_release(&r.slots[i].body);
    free(r.slots);
}

struct single {
    const struct fb_http_request *req;
    struct fb_http_reply *reply;
};

static bool single_next(void *self, const struct fb_http_reply *prev, struct fb_http_request *out)
{
    struct single *s = self;

    if (prev) {
        *s->reply = *prev;
        return false;
    }
    *out = *s->req;
    return true;
}

void fb_http_do(struct fb_http *h, struct fb_arena *a, const struct fb_http_request *req,
                int64_t deadline_mono_ms, struct fb_http_reply *reply)
{
    struct single s = {req, reply};
    struct fb_http_chain chain = {&s, single_next};

    fb_http_run(h, a, &chain, 1, deadline_mono_ms);
}

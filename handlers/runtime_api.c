/* runtime_api.c - HTTP/1.1 as far as the Lambda Runtime API needs it. */
#include "runtime_api.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define BASE "/2018-06-01/runtime/"

enum { HEAD_MAX = 64 << 10, CHUNK_MAX = 64 << 10, TRAILERS_MAX = 100 };

struct fb_runtime_api {
    char host[256], port[8];
    int fd;
    struct fb_buf in;   /* bytes read and not yet used */
    struct fb_buf body; /* of the answer at hand */
    struct fb_buf out;
    int status;
    bool ended;                /* the peer has closed its side */
    struct fb_invocation *inv; /* where headers go; NULL: nobody asks */
};

struct fb_runtime_api *fb_runtime_api_new(const char *host_port, struct fb_err *err)
{
    struct fb_runtime_api *api = calloc(1, sizeof *api);
    const char *colon = strrchr(host_port, ':');

    if (!api) {
        fb_err_set(err, FB_ELIMIT, "no memory for the Runtime API client");
        return NULL;
    }
    api->fd = -1;
    fb_buf_init(&api->in, FB_INVOCATION_MAX + HEAD_MAX);
    fb_buf_init(&api->body, FB_INVOCATION_MAX);
    fb_buf_init(&api->out, HEAD_MAX + FB_RESPONSE_MAX);
    if (!colon || colon == host_port || (size_t)(colon - host_port) >= sizeof api->host ||
        strlen(colon + 1) >= sizeof api->port) {
        fb_err_set(err, FB_ECONFIG, "AWS_LAMBDA_RUNTIME_API must be host:port");
        fb_runtime_api_free(api);
        return NULL;
    }
    memcpy(api->host, host_port, (size_t)(colon - host_port));
    memcpy(api->port, colon + 1, strlen(colon + 1) + 1);
    return api;
}

static void hang_up(struct fb_runtime_api *api)
{
    if (api->fd >= 0)
        close(api->fd);
    api->fd = -1;
    fb_buf_reset(&api->in);
}

void fb_runtime_api_free(struct fb_runtime_api *api)
{
    if (!api)
        return;
    hang_up(api);
    fb_buf_release(&api->in);
    fb_buf_release(&api->body);
    fb_buf_release(&api->out);
    free(api);
}

static enum fb_status dial(struct fb_runtime_api *api, struct fb_err *err)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *list, *at;
    int one = 1, rc;

    if (api->fd >= 0)
        return FB_OK;
    rc = getaddrinfo(api->host, api->port, &hints, &list);
    if (rc != 0)
        return fb_err_set(err, FB_EIO, "Runtime API %s: %s", api->host, gai_strerror(rc));
    for (at = list; at && api->fd < 0; at = at->ai_next) {
        api->fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
        if (api->fd >= 0 && connect(api->fd, at->ai_addr, at->ai_addrlen) != 0)
            hang_up(api);
    }
    freeaddrinfo(list);
    if (api->fd < 0)
        return fb_err_set(err, FB_EIO, "Runtime API %s:%s: %s", api->host, api->port,
                          strerror(errno));
    (void)setsockopt(api->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return FB_OK;
}

static enum fb_status send_all(struct fb_runtime_api *api, struct fb_err *err)
{
    size_t sent = 0;

    while (sent < api->out.len) {
        ssize_t n = send(api->fd, api->out.at + sent, api->out.len - sent, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fb_err_set(err, FB_EIO, "Runtime API: %s", strerror(errno));
        sent += (size_t)n;
    }
    return FB_OK;
}

static enum fb_status read_more(struct fb_runtime_api *api, struct fb_err *err)
{
    char bytes[CHUNK_MAX];
    ssize_t n;

    do
        n = recv(api->fd, bytes, sizeof bytes, 0);
    while (n < 0 && errno == EINTR);
    api->ended = n == 0;
    if (n <= 0)
        return fb_err_set(err, FB_EIO, "Runtime API: %s",
                          n == 0 ? "connection closed" : strerror(errno));
    fb_buf_addn(&api->in, bytes, (size_t)n);
    return fb_buf_ok(&api->in) ? FB_OK
                               : fb_err_set(err, FB_ELIMIT, "Runtime API: an event over %d bytes",
                                            FB_INVOCATION_MAX);
}

static void take(struct fb_runtime_api *api, size_t n)
{
    memmove(api->in.at, api->in.at + n, api->in.len - n + 1);
    api->in.len -= n;
}

static void copy_header(char *to, size_t cap, const char *value, size_t len)
{
    if (len >= cap)
        len = cap - 1;
    memcpy(to, value, len);
    to[len] = '\0';
}

struct framing {
    size_t length;
    bool sized, chunked, close;
};

static void read_header(struct fb_runtime_api *api, struct framing *f, const char *name,
                        size_t name_len, const char *value, size_t len)
{
    struct fb_invocation *inv = api->inv;
    char number[32];

#define IS(text) (name_len == sizeof text - 1 && strncasecmp(name, text, name_len) == 0)
    if (IS("content-length")) {
        copy_header(number, sizeof number, value, len);
        f->length = strtoul(number, NULL, 10);
        f->sized = true;
    } else if (IS("transfer-encoding")) {
        f->chunked = len == 7 && strncasecmp(value, "chunked", 7) == 0;
    } else if (IS("connection")) {
        f->close = !(len == 10 && strncasecmp(value, "keep-alive", 10) == 0);
    } else if (inv && IS("lambda-runtime-aws-request-id")) {
        copy_header(inv->id, sizeof inv->id, value, len);
    } else if (inv && IS("lambda-runtime-deadline-ms")) {
        copy_header(number, sizeof number, value, len);
        inv->deadline_ms = strtoll(number, NULL, 10);
    } else if (inv && IS("lambda-runtime-invoked-function-arn")) {
        copy_header(inv->arn, sizeof inv->arn, value, len);
    } else if (inv && IS("lambda-runtime-trace-id")) {
        copy_header(inv->trace_id, sizeof inv->trace_id, value, len);
    }
#undef IS
}

/* The lines of the head, from the one after the status to the end; a NUL in one ends nothing. */
static void read_headers(struct fb_runtime_api *api, struct framing *f, const char *p,
                         const char *end)
{
    while (p < end) {
        const char *eol = memmem(p, (size_t)(end - p), "\r\n", 2), *colon, *value;

        eol = eol ? eol : end;
        colon = memchr(p, ':', (size_t)(eol - p));
        if (colon) {
            const char *stop = eol;

            value = colon + 1;
            while (value < stop && (*value == ' ' || *value == '\t'))
                value++;
            while (stop > value && (stop[-1] == ' ' || stop[-1] == '\t'))
                stop--;
            read_header(api, f, p, (size_t)(colon - p), value, (size_t)(stop - value));
        }
        p = eol + 2;
    }
}

static enum fb_status read_head(struct fb_runtime_api *api, struct framing *f, struct fb_err *err)
{
    const char *end, *eol;

    memset(f, 0, sizeof *f);
    while (!(end = memmem(api->in.at, api->in.len, "\r\n\r\n", 4))) {
        enum fb_status st =
            api->in.len > HEAD_MAX
                ? fb_err_set(err, FB_EIO, "Runtime API: an answer without an end of head")
                : read_more(api, err);

        if (st != FB_OK)
            return st;
    }
    eol = memmem(api->in.at, api->in.len, "\r\n", 2);
    if (eol - api->in.at < 12 || strncmp(api->in.at, "HTTP/1.", 7) != 0)
        return fb_err_set(err, FB_EIO, "Runtime API: not an HTTP answer");
    api->status = atoi(api->in.at + 9);
    f->close = api->in.at[7] == '0'; /* HTTP/1.0, unless it says otherwise */
    read_headers(api, f, eol + 2, end);
    take(api, (size_t)(end + 4 - api->in.at));
    return FB_OK;
}

static enum fb_status read_exactly(struct fb_runtime_api *api, size_t n, struct fb_err *err)
{
    enum fb_status st = FB_OK;

    if (n > FB_INVOCATION_MAX)
        return fb_err_set(err, FB_ELIMIT, "Runtime API: an event over %d bytes", FB_INVOCATION_MAX);
    while (api->in.len < n && st == FB_OK)
        st = read_more(api, err);
    if (st != FB_OK)
        return st;
    fb_buf_addn(&api->body, api->in.at, n);
    take(api, n);
    return fb_buf_ok(&api->body) ? FB_OK
                                 : fb_err_set(err, FB_ELIMIT, "Runtime API: an event over %d bytes",
                                              FB_INVOCATION_MAX);
}

/* Waits for a whole line; *len without its end. */
static enum fb_status read_line(struct fb_runtime_api *api, size_t *len, struct fb_err *err)
{
    const char *eol;

    while (!(eol = memmem(api->in.at, api->in.len, "\r\n", 2))) {
        enum fb_status st = api->in.len > HEAD_MAX
                                ? fb_err_set(err, FB_EIO, "Runtime API: a chunk without a size")
                                : read_more(api, err);

        if (st != FB_OK)
            return st;
    }
    *len = (size_t)(eol - api->in.at);
    return FB_OK;
}

/* RFC 9112, 7.1: size [;extension] CRLF data CRLF ... 0 CRLF [trailers] CRLF. */
static enum fb_status read_chunks(struct fb_runtime_api *api, struct fb_err *err)
{
    size_t n = 1, len = 0;
    enum fb_status st = FB_OK;

    while (st == FB_OK && n > 0) {
        char *end;

        st = read_line(api, &len, err);
        if (st != FB_OK)
            return st;
        n = strtoul(api->in.at, &end, 16);
        if (end == api->in.at || *api->in.at == '-')
            return fb_err_set(err, FB_EIO, "Runtime API: a chunk without a size");
        take(api, len + 2);
        if (n > 0) {
            st = read_exactly(api, n, err);
            while (st == FB_OK && api->in.len < 2)
                st = read_more(api, err);
            if (st == FB_OK)
                take(api, 2);
        }
    }
    len = 1;
    for (int i = 0; st == FB_OK && len > 0; i++) { /* trailers, to the empty line */
        st = i < TRAILERS_MAX ? read_line(api, &len, err)
                              : fb_err_set(err, FB_EIO, "Runtime API: trailers without an end");
        if (st == FB_OK)
            take(api, len + 2);
    }
    return st;
}

/* What comes until the peer closes. */
static enum fb_status read_to_end(struct fb_runtime_api *api, struct fb_err *err)
{
    enum fb_status st = FB_OK;

    while (st == FB_OK && !api->ended)
        st = read_more(api, err);
    return api->ended ? read_exactly(api, api->in.len, err) : st;
}

static enum fb_status read_body(struct fb_runtime_api *api, const struct framing *f,
                                struct fb_err *err)
{
    if (f->chunked)
        return read_chunks(api, err);
    return f->sized || !f->close ? read_exactly(api, f->length, err) : read_to_end(api, err);
}

/* One call: api->out holds the request. A kept connection that the peer closed is dialled again
 * once: nothing of the answer had arrived, so nothing was consumed. */
static enum fb_status call(struct fb_runtime_api *api, struct fb_err *err)
{
    struct framing f;
    enum fb_status st = FB_EIO;

    if (api->in.len) /* more than the last answer promised: nothing of it is an answer to this */
        hang_up(api);
    for (int try = 0; try < 2; try++) {
        bool fresh = api->fd < 0;

        fb_buf_reset(&api->body);
        st = dial(api, err);
        if (st == FB_OK)
            st = send_all(api, err);
        if (st == FB_OK)
            st = read_head(api, &f, err);
        if (st == FB_OK || fresh || api->in.len)
            break;
        hang_up(api);
    }
    if (st == FB_OK)
        st = read_body(api, &f, err);
    if (st != FB_OK || f.close)
        hang_up(api);
    return st;
}

enum fb_status fb_runtime_api_next(struct fb_runtime_api *api, struct fb_invocation *out,
                                   struct fb_err *err)
{
    enum fb_status st;

    memset(out, 0, sizeof *out);
    fb_buf_reset(&api->out);
    fb_buf_fmt(&api->out,
               "GET " BASE "invocation/next HTTP/1.1\r\nHost: %s:%s\r\n"
               "User-Agent: firebreak/" FB_VERSION "\r\n\r\n",
               api->host, api->port);
    api->inv = out;
    st = call(api, err);
    api->inv = NULL;
    if (st != FB_OK)
        return fb_err_ctx(err, st, "next event");
    if (api->status != 200 || !*out->id)
        return fb_err_set(err, FB_EIO, "next event: the Runtime API answered %d", api->status);
    out->body = api->body.at;
    out->body_len = api->body.len;
    return FB_OK;
}

static enum fb_status post(struct fb_runtime_api *api, const char *path, const char *type,
                           const char *body, size_t len, struct fb_err *err)
{
    enum fb_status st;

    fb_buf_reset(&api->out);
    fb_buf_fmt(&api->out,
               "POST " BASE "%s HTTP/1.1\r\nHost: %s:%s\r\nContent-Type: application/json\r\n"
               "User-Agent: firebreak/" FB_VERSION "\r\nContent-Length: %zu\r\n",
               path, api->host, api->port, len);
    if (type)
        fb_buf_fmt(&api->out, "Lambda-Runtime-Function-Error-Type: %s\r\n", type);
    fb_buf_add(&api->out, "\r\n");
    fb_buf_addn(&api->out, body, len);
    if (!fb_buf_ok(&api->out))
        return fb_err_set(err, FB_EINPUT, "an answer over %d bytes", FB_RESPONSE_MAX);
    st = call(api, err);
    if (st == FB_OK && api->status >= 500)
        return fb_err_set(err, FB_EIO, "%s: the Runtime API answered %d", path, api->status);
    if (st == FB_OK && api->status >= 300)
        return fb_err_set(err, FB_EINPUT, "%s: the Runtime API answered %d", path, api->status);
    return st;
}

enum fb_status fb_runtime_api_respond(struct fb_runtime_api *api, const char *id, const char *body,
                                      size_t len, struct fb_err *err)
{
    char path[160];

    (void)snprintf(path, sizeof path, "invocation/%s/response", id);
    return post(api, path, NULL, body, len, err);
}

enum fb_status fb_runtime_api_error(struct fb_runtime_api *api, const char *id, const char *type,
                                    const char *message, struct fb_err *err)
{
    char path[160] = "init/error";
    struct fb_buf body;
    enum fb_status st;

    if (id)
        (void)snprintf(path, sizeof path, "invocation/%s/error", id);
    fb_buf_init(&body, 16u << 10);
    fb_json_open(&body, NULL, '{');
    fb_json_put_str(&body, "errorMessage", message);
    fb_json_put_str(&body, "errorType", type);
    fb_json_open(&body, "stackTrace", '[');
    fb_json_close(&body, ']');
    fb_json_close(&body, '}');
    st = post(api, path, type, body.at, body.len, err);
    fb_buf_release(&body);
    return st;
}

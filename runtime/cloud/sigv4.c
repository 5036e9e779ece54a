/* sigv4.c - AWS Signature Version 4 on header-signed requests.
 *
 * From: AWS's published test suite and its documentation. The canonical text holds the
 * session token, so that it is built in memory that is wiped. */
#include "cloud/sigv4.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "cloud/url.h"

enum {
    CANONICAL_MAX = 256 << 10,
    PARAMS_MAX = 256,                    /* query parameters */
    SEGMENTS_MAX = 256,                  /* path segments */
    SIGNED_MAX = FB_HTTP_HEADERS_MAX + 1 /* the request's headers, and Host */
};

static const char ALGORITHM[] = "AWS4-HMAC-SHA256";

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Decodes %XX and encodes again, so that both ways to write a byte sign alike. In a query '+' is a
 * space; in a path it is itself. A slash that was written %2F stays so. */
static void add_recoded(struct fb_buf *b, struct fb_span s, bool is_query)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        bool plain_slash = c == '/' && !is_query;

        if (c == '%' && i + 2 < s.len && hex_digit(s.at[i + 1]) >= 0 &&
            hex_digit(s.at[i + 2]) >= 0) {
            c = (char)(hex_digit(s.at[i + 1]) * 16 + hex_digit(s.at[i + 2]));
            i += 2;
        } else if (c == '+' && is_query) {
            c = ' ';
        }
        fb_buf_add_uri(b, &c, 1, plain_slash);
    }
}

/* Dot segments and empty segments removed; false: more segments than we keep. */
static bool add_normalized_path(struct fb_buf *b, struct fb_span path)
{
    struct fb_span kept[SEGMENTS_MAX];
    size_t n = 0, at = 0;
    bool slash_at_end = true;

    while (at < path.len) {
        const char *start = path.at + at;
        const char *slash = memchr(start, '/', path.len - at);
        size_t len = slash ? (size_t)(slash - start) : path.len - at;

        at += len + (slash != NULL);
        slash_at_end = slash != NULL;
        if (len == 0)
            continue;
        if (len == 1 && start[0] == '.') {
            slash_at_end = true;
        } else if (len == 2 && memcmp(start, "..", 2) == 0) {
            n -= n > 0;
            slash_at_end = true;
        } else {
            if (n == SEGMENTS_MAX)
                return false;
            kept[n++] = (struct fb_span){start, len};
        }
    }
    for (size_t i = 0; i < n; i++) {
        fb_buf_addc(b, '/');
        fb_buf_add_uri(b, kept[i].at, kept[i].len, false);
    }
    if (n == 0 || slash_at_end)
        fb_buf_addc(b, '/');
    return true;
}

static bool add_path(struct fb_buf *b, const struct fb_sigv4 *how, struct fb_span path)
{
    if (how->s3)
        add_recoded(b, path, false);
    else if (how->keep_path)
        fb_buf_add_uri(b, path.at, path.len, true);
    else
        return add_normalized_path(b, path);
    return true;
}

struct param {
    const char *key, *value;
};

static bool param_after(const struct param *a, const struct param *b)
{
    int order = strcmp(a->key, b->key);

    return order > 0 || (order == 0 && strcmp(a->value, b->value) > 0);
}

static const char *recoded(struct fb_arena *a, struct fb_span s)
{
    struct fb_buf b;

    fb_buf_init_in(&b, a, s.len * 3 + 64);
    add_recoded(&b, s, true);
    return b.at;
}

/* Sorted by key, then by value, both encoded; false: too many. */
static bool add_query(struct fb_buf *b, struct fb_arena *a, struct fb_span query)
{
    struct param params[PARAMS_MAX];
    size_t n = 0, at = 0;

    while (at < query.len) {
        const char *start = query.at + at;
        const char *amp = memchr(start, '&', query.len - at);
        size_t len = amp ? (size_t)(amp - start) : query.len - at;
        const char *equals = memchr(start, '=', len);
        size_t key_len = equals ? (size_t)(equals - start) : len;
        struct param p;
        size_t to;

        at += len + 1;
        if (len == 0)
            continue;
        if (n == PARAMS_MAX)
            return false;
        p.key = recoded(a, (struct fb_span){start, key_len});
        p.value = equals ? recoded(a, (struct fb_span){equals + 1, len - key_len - 1}) : "";
        for (to = n++; to > 0 && param_after(&params[to - 1], &p); to--)
            params[to] = params[to - 1];
        params[to] = p;
    }
    for (size_t i = 0; i < n; i++)
        fb_buf_fmt(b, "%s%s=%s", i ? "&" : "", params[i].key, params[i].value);
    return true;
}

static void add_lower(struct fb_buf *b, const char *s)
{
    for (; *s; s++)
        fb_buf_addc(b, *s >= 'A' && *s <= 'Z' ? (char)(*s + 32) : *s);
}

/* Trimmed; a run of white space (a folded line too) is one space. */
static void add_folded(struct fb_buf *b, const char *value)
{
    bool gap = false, any = false;

    for (; *value; value++) {
        if (strchr(" \t\r\n", *value)) {
            gap = true;
            continue;
        }
        if (gap && any)
            fb_buf_addc(b, ' ');
        gap = false;
        any = true;
        fb_buf_addc(b, *value);
    }
}

/* Headers in signing order; equal names keep the order in which they are sent. */
static size_t sort_headers(const struct fb_http_request *req, const char *host,
                           struct fb_http_header out[SIGNED_MAX])
{
    size_t n = 0;
    bool has_host = false;

    for (size_t i = 0; i <= req->header_count; i++) {
        struct fb_http_header h = {"host", host};
        size_t to;

        if (i < req->header_count)
            h = req->headers[i];
        else if (has_host)
            break;
        has_host = has_host || strcasecmp(h.name, "host") == 0;
        if (strcasecmp(h.name, "authorization") == 0)
            continue;
        for (to = n++; to > 0 && strcasecmp(out[to - 1].name, h.name) > 0; to--)
            out[to] = out[to - 1];
        out[to] = h;
    }
    return n;
}

static void add_headers(struct fb_buf *b, const struct fb_http_header *h, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && strcasecmp(h[i].name, h[i - 1].name) == 0) {
            fb_buf_addc(b, ',');
        } else {
            if (i > 0)
                fb_buf_addc(b, '\n');
            add_lower(b, h[i].name);
            fb_buf_addc(b, ':');
        }
        add_folded(b, h[i].value);
    }
    fb_buf_addc(b, '\n');
}

static const char *signed_names(struct fb_arena *a, const struct fb_http_header *h, size_t n)
{
    struct fb_buf b;

    fb_buf_init_in(&b, a, 4096);
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && strcasecmp(h[i].name, h[i - 1].name) == 0)
            continue;
        if (b.len)
            fb_buf_addc(&b, ';');
        add_lower(&b, h[i].name);
    }
    return b.at;
}

static const char *body_hash(struct fb_arena *a, const struct fb_http_request *req)
{
    char hex[FB_SHA256_HEX];

    return fb_arena_str(
        a, fb_sha256_hex(req->body ? req->body : "", req->body ? req->body_len : 0, hex));
}

static bool add_header(struct fb_http_request *req, const char *name, const char *value)
{
    if (req->header_count >= FB_HTTP_HEADERS_MAX)
        return false;
    req->headers[req->header_count++] = (struct fb_http_header){name, value};
    return true;
}

/* What is signed along with the request: date, body hash (S3), token. The token is borrowed from
 * the credentials: it must not stay behind in an arena. */
static bool add_signing_headers(struct fb_arena *a, const struct fb_sigv4 *how,
                                struct fb_http_request *req)
{
    const struct fb_secret *token = &how->credentials->token;
    char date[FB_TIME_MAX];
    bool ok = add_header(req, "x-amz-date", fb_arena_str(a, fb_time_basic(how->now_ms, date)));

    if (how->s3)
        ok = ok && add_header(req, "x-amz-content-sha256", body_hash(a, req));
    if (token->len && !how->omit_token)
        ok = ok && add_header(req, "x-amz-security-token", token->at);
    return ok;
}

struct texts {
    struct fb_buf canonical; /* heap: wiped, it holds the token */
    const char *names;       /* "host;x-amz-date" */
    const char *scope, *to_sign;
};

static enum fb_status make_texts(struct fb_arena *a, const struct fb_sigv4 *how,
                                 const struct fb_http_request *req, struct texts *t,
                                 struct fb_err *err)
{
    struct fb_http_header sorted[SIGNED_MAX];
    char date[FB_TIME_MAX], hash[FB_SHA256_HEX];
    struct fb_url url;
    size_t n;

    if (!fb_url_split(req->url, &url))
        return fb_err_set(err, FB_EINPUT, "sign: the URL cannot be split");
    n = sort_headers(req, fb_arena_strn(a, url.authority.at, url.authority.len), sorted);
    t->names = signed_names(a, sorted, n);
    fb_buf_fmt(&t->canonical, "%s\n", req->method);
    if (!add_path(&t->canonical, how, url.path))
        return fb_err_set(err, FB_ELIMIT, "sign: more than %d path segments", SEGMENTS_MAX);
    fb_buf_addc(&t->canonical, '\n');
    if (!add_query(&t->canonical, a, url.query))
        return fb_err_set(err, FB_ELIMIT, "sign: more than %d query parameters", PARAMS_MAX);
    fb_buf_addc(&t->canonical, '\n');
    add_headers(&t->canonical, sorted, n);
    fb_buf_fmt(&t->canonical, "\n%s\n%s", t->names, body_hash(a, req));
    fb_time_basic(how->now_ms, date);
    t->scope = fb_arena_fmt(a, "%.8s/%s/%s/aws4_request", date, how->region, how->service);
    fb_sha256_hex(t->canonical.at, t->canonical.len, hash);
    t->to_sign = fb_arena_fmt(a, "%s\n%s\n%s\n%s", ALGORITHM, date, t->scope, hash);
    if (!fb_buf_ok(&t->canonical) || fb_arena_failed(a))
        return fb_err_set(err, FB_ELIMIT, "sign: no memory left for the request's texts");
    return FB_OK;
}

/* Room from the start: a buffer that moves while it grows leaves copies of the token behind. */
static void texts_init(struct texts *t)
{
    static const char room[16 << 10];

    memset(t, 0, sizeof *t);
    fb_buf_init(&t->canonical, CANONICAL_MAX);
    fb_buf_addn(&t->canonical, room, sizeof room);
    fb_buf_reset(&t->canonical);
}

static void texts_release(struct texts *t)
{
    OPENSSL_cleanse(t->canonical.at, t->canonical.len);
    fb_buf_release(&t->canonical);
}

static bool hmac_text(unsigned char key[FB_SHA256_BYTES], const char *text)
{
    unsigned char next[FB_SHA256_BYTES];
    bool ok = fb_hmac_sha256(key, FB_SHA256_BYTES, text, strlen(text), next);

    memcpy(key, next, sizeof next);
    OPENSSL_cleanse(next, sizeof next);
    return ok;
}

/* HMAC chain: secret, date, region, service, "aws4_request", then the string to sign. */
static bool signature(const struct fb_sigv4 *how, const char *to_sign, char hex[FB_SHA256_HEX])
{
    const struct fb_secret *secret = &how->credentials->secret;
    unsigned char key[FB_SHA256_BYTES];
    char date[FB_TIME_MAX];
    struct fb_buf first;
    bool ok;

    fb_buf_init(&first, 4096);
    fb_buf_add(&first, "AWS4");
    fb_buf_addn(&first, secret->at ? secret->at : "", secret->len);
    fb_time_basic(how->now_ms, date);
    ok = fb_buf_ok(&first) && fb_hmac_sha256(first.at, first.len, date, 8, key) &&
         hmac_text(key, how->region) && hmac_text(key, how->service) &&
         hmac_text(key, "aws4_request") && hmac_text(key, to_sign);
    if (ok)
        fb_hex(key, sizeof key, hex);
    OPENSSL_cleanse(first.at, first.len);
    OPENSSL_cleanse(key, sizeof key);
    fb_buf_release(&first);
    return ok;
}

enum fb_status fb_sigv4_sign(struct fb_arena *a, const struct fb_sigv4 *how,
                             struct fb_http_request *req, struct fb_err *err)
{
    struct texts t;
    char hex[FB_SHA256_HEX];
    const char *value;
    enum fb_status st;

    texts_init(&t);
    if (!add_signing_headers(a, how, req)) {
        st = fb_err_set(err, FB_ELIMIT, "sign: no header slot left");
        goto out;
    }
    st = make_texts(a, how, req, &t, err);
    if (st != FB_OK)
        goto out;
    if (!signature(how, t.to_sign, hex)) {
        st = fb_err_set(err, FB_EIO, "sign: the crypto library failed");
        goto out;
    }
    value = fb_arena_fmt(a, "%s Credential=%s/%s, SignedHeaders=%s, Signature=%s", ALGORITHM,
                         how->credentials->access_key, t.scope, t.names, hex);
    if (!add_header(req, "authorization", value) ||
        (how->omit_token && how->credentials->token.len &&
         !add_header(req, "x-amz-security-token", how->credentials->token.at)))
        st = fb_err_set(err, FB_ELIMIT, "sign: no header slot left");
    else if (fb_arena_failed(a))
        st = fb_err_set(err, FB_ELIMIT, "sign: arena full");
out:
    texts_release(&t);
    return st;
}

enum fb_status fb_sigv4_texts(struct fb_arena *a, const struct fb_sigv4 *how,
                              const struct fb_http_request *req, const char **canonical,
                              const char **to_sign, struct fb_err *err)
{
    struct fb_http_request copy = *req;
    struct texts t;
    enum fb_status st;

    *canonical = *to_sign = "";
    texts_init(&t);
    if (!add_signing_headers(a, how, &copy))
        st = fb_err_set(err, FB_ELIMIT, "sign: no header slot left");
    else
        st = make_texts(a, how, &copy, &t, err);
    if (st == FB_OK) {
        *canonical = fb_arena_str(a, t.canonical.at);
        *to_sign = t.to_sign;
    }
    texts_release(&t);
    return st;
}

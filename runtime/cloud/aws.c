/* aws.c - runs chains of typed calls: addressed, signed, sent, retried, read. */
#include "cloud/aws.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/text.h"
#include "cloud/credentials.h"
#include "cloud/endpoints.h"
#include "cloud/env.h"
#include "cloud/errors.h"
#include "cloud/profile.h"

enum {
    TRIES = 4,
    BUDGET = 50,
    BACKOFF_MS = 200,
    BACKOFF_MAX_MS = 5000,
    BROKEN_TRIES = 2,        /* an HTML page is believed the second time */
    SKEW_MS = 4 * 60 * 1000, /* AWS allows five minutes */
    PEER_FINE_MS = 3000,     /* Date tells whole seconds, and the answer was under way */
    UNSENT_MAX = 10000,      /* calls of one chain in a row that never leave: it must not hang us */
    HOME_ARENA = 2 << 20
};

struct fb_aws {
    struct fb_aws_options options;
    struct fb_http *http;
    struct fb_http
        *finder; /* credentials: a second client, for use while chains run on the first */
    struct fb_aws_credentials own;
    struct fb_err no_credentials; /* why there are none; valid for this run */
    unsigned generation;          /* counts changes of own */
    bool looked, refreshed;       /* in this run */
    bool read_only;
    int budget;      /* retries left in this run */
    int64_t skew_ms; /* the peer's clock minus ours, as calls are signed */
    int64_t peer_ms; /* the same, as its last answer told */
    uint64_t random;
    char home[40];
};

/* One chain of a run. */
struct lane {
    struct fb_aws *aws;
    struct fb_arena *arena;
    struct fb_aws_chain *chain;
    int64_t deadline;
    struct fb_aws_call call;
    const struct fb_aws_service *service;
    struct fb_aws_endpoint where;
    const char *url, *target, *body;
    struct fb_aws_reply reply;
    unsigned generation; /* of the credentials that signed the last attempt */
    int64_t signed_skew_ms;
};

struct fb_aws *fb_aws_new(const struct fb_aws_options *options)
{
    struct fb_aws *aws = calloc(1, sizeof *aws);

    if (!aws)
        return NULL;
    aws->options = *options;
    aws->options.fixed = NULL;
    aws->http = fb_http_new(options->clock, NULL);
    aws->finder = fb_http_new(options->clock, NULL);
    if (!aws->http || !aws->finder)
        goto fail;
    if (options->fixed) {
        const struct fb_aws_credentials *c = options->fixed;

        if (!fb_aws_credentials_set(&aws->own, c->access_key, &c->secret, &c->token))
            goto fail;
        aws->own.expires_ms = c->expires_ms;
        aws->options.fixed = &aws->own; /* only asked whether it is there */
    }
    aws->random = options->jitter_seed;
    return aws;
fail:
    fb_aws_free(aws);
    return NULL;
}

void fb_aws_free(struct fb_aws *aws)
{
    if (!aws)
        return;
    fb_http_free(aws->http);
    fb_http_free(aws->finder);
    fb_aws_credentials_release(&aws->own);
    free(aws);
}

void fb_aws_read_only(struct fb_aws *aws, bool on) { aws->read_only = on; }

const char *fb_aws_own_key(const struct fb_aws *aws) { return aws->own.access_key; }

int64_t fb_aws_peer_skew_ms(const struct fb_aws *aws)
{
    int64_t off = aws->peer_ms;

    return off < PEER_FINE_MS && off > -PEER_FINE_MS ? 0 : off;
}

uint64_t fb_aws_sent(const struct fb_aws *aws) { return fb_http_count(aws->http); }

static bool verb_is(const char *action, const char *verb)
{
    size_t len = strlen(verb);

    /* "Get" is a verb in GetUser, not in Getaway. */
    return strncmp(action, verb, len) == 0 && !islower((unsigned char)action[len]);
}

bool fb_aws_is_read(const struct fb_aws_call *call)
{
    static const char *const verbs[] = {"Get",  "List",     "Describe",    "Lookup",
                                        "Head", "BatchGet", "TransactGet", "Query",
                                        "Scan", "Search",   "Simulate",    "Decode"};
    const char *action = call->action ? call->action : "";

    if (call->method && (fb_eq(call->method, "PUT") || fb_eq(call->method, "DELETE") ||
                         fb_eq(call->method, "PATCH")))
        return false;
    /* These are called Get, and make credentials. */
    if (verb_is(action, "Get") && (fb_ends(action, "Token") || fb_ends(action, "Credentials")))
        return false;
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (verb_is(action, verbs[i]))
            return true;
    return false;
}

const char *fb_aws_home_region(struct fb_aws *aws)
{
    static const char *const names[] = {"AWS_REGION", "AWS_DEFAULT_REGION"};
    const char *region = "";
    struct fb_arena *a;

    if (aws->home[0])
        return aws->home;
    for (size_t i = 0; !*region && i < sizeof names / sizeof *names; i++)
        region = fb_cloud_env(aws->options.env, names[i]);
    a = *region || aws->options.fixed ? NULL : fb_arena_new(HOME_ARENA);
    if (a) {
        struct fb_aws_profile p;

        fb_aws_profile_read(a, aws->options.env, fb_aws_profile_name(aws->options.env), &p);
        region = p.region;
        fb_aws_profile_release(&p);
    }
    if (!*region || strlen(region) >= sizeof aws->home)
        region = "us-east-1";
    memcpy(aws->home, region, strlen(region) + 1);
    fb_arena_free(a);
    return aws->home;
}

static int64_t wall_ms(const struct fb_aws *aws)
{
    return fb_wall_ms(&aws->options.clock) + aws->skew_ms;
}

static void look(struct fb_aws *aws, int64_t deadline)
{
    struct fb_aws_finder how = {.env = aws->options.env,
                                .http = aws->finder,
                                .clock = aws->options.clock,
                                .home = fb_aws_home_region(aws),
                                .skew_ms = aws->skew_ms,
                                .deadline_mono_ms = deadline};
    struct fb_aws_credentials found = {0};
    struct fb_err err = {0};

    aws->looked = true;
    if (fb_aws_credentials_find(&how, &found, &err) != FB_OK) {
        aws->no_credentials = err;
        return;
    }
    if (strcmp(found.access_key, aws->own.access_key) != 0 ||
        found.token.len != aws->own.token.len ||
        (found.token.len && memcmp(found.token.at, aws->own.token.at, found.token.len) != 0))
        aws->generation++;
    fb_aws_credentials_move(&aws->own, &found);
}

/* Credentials that will still be good when the call arrives; looked for at most once a run. */
static enum fb_status have_credentials(struct fb_aws *aws, int64_t deadline, struct fb_err *err)
{
    int64_t expires = aws->own.expires_ms, now = wall_ms(aws);

    if (!aws->options.fixed && !aws->looked &&
        (!aws->own.access_key[0] || (expires && now + FB_AWS_REFRESH_MS >= expires)))
        look(aws, deadline);
    if (aws->own.access_key[0] && (!aws->own.expires_ms || now < aws->own.expires_ms))
        return FB_OK; /* older ones serve until they really end */
    if (!aws->own.access_key[0] || aws->no_credentials.text[0]) {
        *err = aws->no_credentials;
        return err->code = FB_EDENIED;
    }
    return fb_err_set(err, FB_EDENIED, "our own AWS credentials have expired");
}

/* splitmix64: jitter only, nothing secret. */
static uint64_t next_random(struct fb_aws *aws)
{
    uint64_t z;

    if (aws->random == 0)
        aws->random = (uint64_t)fb_wall_ms(&aws->options.clock) ^ (uint64_t)(uintptr_t)aws;
    z = (aws->random += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Full jitter: anything from nothing to the ceiling, which doubles with each try. */
static int64_t backoff_ms(struct fb_aws *aws, int tries)
{
    int64_t top = aws->options.backoff_ms > 0 ? aws->options.backoff_ms : BACKOFF_MS;

    for (int i = 1; i < tries && top < BACKOFF_MAX_MS; i++)
        top *= 2;
    if (top > BACKOFF_MAX_MS)
        top = BACKOFF_MAX_MS;
    return (int64_t)(next_random(aws) % (uint64_t)(top + 1));
}

/* A form may come from texts of others; it must not name a second action. */
static bool names_an_action(const char *form)
{
    return fb_starts(form, "Action=") || strstr(form, "&Action=") != NULL;
}

/* Texts of the call that do not change between attempts. */
static enum fb_status address(struct lane *l, struct fb_err *err)
{
    const struct fb_aws_call *c = &l->call;
    enum fb_status st;

    l->service = fb_aws_service(c->service);
    if (!l->service || !c->action || !*c->action)
        return fb_err_set(err, FB_EUNSUPPORTED, "no service or action of that name is known here");
    st = fb_aws_endpoint(l->arena, l->aws->options.env, l->service, c->region,
                         fb_aws_home_region(l->aws), &l->where, err);
    if (st != FB_OK)
        return st;
    l->target = "";
    l->body = c->json;
    switch (l->service->protocol) {
    case FB_AWS_QUERY:
    case FB_AWS_EC2:
        if (c->form && names_an_action(c->form))
            return fb_err_set(err, FB_EINPUT, "the form names an action of its own");
        l->body = fb_arena_fmt(l->arena, "Action=%s&Version=%s%s%s", c->action, l->service->version,
                               c->form && *c->form ? "&" : "", c->form ? c->form : "");
        break;
    case FB_AWS_JSON:
        l->target = fb_arena_fmt(l->arena, "%s.%s", l->service->version, c->action);
        l->body = c->json ? c->json : "{}";
        break;
    case FB_AWS_REST:
        if (!c->method || !c->path || c->path[0] != '/')
            return fb_err_set(err, FB_EINPUT, "a REST call needs a method and a path");
        break;
    }
    l->url = fb_arena_fmt(l->arena, "%s%s", l->where.url,
                          l->service->protocol == FB_AWS_REST ? c->path : "/");
    if (fb_arena_failed(l->arena))
        return fb_err_set(err, FB_ELIMIT, "no memory left for the request");
    return FB_OK;
}

static void add(struct fb_http_request *req, const char *name, const char *value)
{
    req->headers[req->header_count++] = (struct fb_http_header){name, value};
}

static void shape(const struct lane *l, struct fb_http_request *req)
{
    static const char form[] = "application/x-www-form-urlencoded; charset=utf-8";

    *req = (struct fb_http_request){.method = "POST", .url = l->url, .body = l->body};
    req->timeout_ms = l->aws->options.call_timeout_ms;
    req->once = l->call.once;
    switch (l->service->protocol) {
    case FB_AWS_QUERY:
    case FB_AWS_EC2:
        add(req, "content-type", form);
        break;
    case FB_AWS_JSON:
        add(req, "content-type",
            fb_eq(l->service->json, "1.0") ? "application/x-amz-json-1.0"
                                           : "application/x-amz-json-1.1");
        add(req, "x-amz-target", l->target);
        break;
    case FB_AWS_REST:
        req->method = l->call.method;
        if (req->body)
            add(req, "content-type", "application/json");
        break;
    }
    req->body_len = req->body ? strlen(req->body) : 0;
}

/* One attempt: signed now, with the credentials and the clock as they are now. */
static enum fb_status attempt(struct lane *l, int64_t delay_ms, struct fb_http_request *out,
                              struct fb_err *err)
{
    struct fb_aws *aws = l->aws;
    struct fb_sigv4 how = {.credentials = &aws->own, .region = l->where.region};
    enum fb_status st = have_credentials(aws, l->deadline, err);

    if (st != FB_OK)
        return st;
    shape(l, out);
    how.service = l->service->name;
    how.now_ms = wall_ms(aws) + delay_ms;
    st = fb_sigv4_sign(l->arena, &how, out, err);
    if (st != FB_OK)
        return st;
    out->delay_ms = delay_ms;
    l->generation = aws->generation;
    l->signed_skew_ms = aws->skew_ms;
    l->reply.tries++;
    if (aws->options.on_call)
        aws->options.on_call(aws->options.on_call_self, &l->call);
    return FB_OK;
}

/* The first attempt of l->call; the reason when it cannot be sent. */
static enum fb_status begin(struct lane *l, struct fb_http_request *out, struct fb_err *err)
{
    enum fb_status st;

    if (l->aws->read_only && !fb_aws_is_read(&l->call))
        return fb_err_set(err, FB_EGUARD, "read-only: this call is not a read and was not sent");
    st = address(l, err);
    return st == FB_OK ? attempt(l, 0, out, err) : st;
}

static const char *or_none(const char *s) { return s ? s : "?"; }

static void settle(struct lane *l, enum fb_status st, const struct fb_err *err)
{
    const char *region = l->service ? l->where.region : l->call.region;

    l->reply.st = st;
    l->reply.err = *err;
    (void)fb_err_ctx(&l->reply.err, st, "%.32s %.64s%s%.32s", or_none(l->call.service),
                     or_none(l->call.action), region && *region ? " " : "", region ? region : "");
}

/* Reads a 2xx body; FB_EIO when it is not what the protocol promises. */
static enum fb_status read_body(struct lane *l, const struct fb_http_reply *r, struct fb_err *err)
{
    enum fb_status st = FB_OK;

    switch (l->service->protocol) {
    case FB_AWS_QUERY:
    case FB_AWS_EC2:
        st = fb_xml_parse(l->arena, r->body, r->body_len, &l->reply.xml, err);
        break;
    case FB_AWS_JSON:
    case FB_AWS_REST:
        if (r->body_len) /* DELETE and some POSTs answer nothing */
            st = fb_json_parse(l->arena, r->body, r->body_len, NULL, &l->reply.json, err);
        break;
    }
    if (st == FB_EINPUT)
        st = fb_err_ctx(err, FB_EIO, "HTTP %d with an unreadable body", r->status);
    err->http = r->status;
    err->retryable = st == FB_EIO;
    return st;
}

/* Learns the peer's clock from its Date; true when ours was off by more than AWS forgives. */
static bool clock_corrected(struct lane *l, const struct fb_http_reply *r)
{
    int64_t skew = r->date_ms - fb_wall_ms(&l->aws->options.clock);
    int64_t off = skew - l->signed_skew_ms;

    if (r->date_ms == 0 || (off < SKEW_MS && off > -SKEW_MS))
        return false;
    l->aws->skew_ms = skew;
    return true;
}

/* New credentials since the last attempt was signed? Looks for them once a run. */
static bool credentials_renewed(struct lane *l)
{
    struct fb_aws *aws = l->aws;

    if (l->generation == aws->generation && !aws->options.fixed && !aws->refreshed) {
        aws->refreshed = true;
        look(aws, l->deadline);
    }
    return l->generation != aws->generation;
}

/* Whether to try again, and after how long. */
static bool again(struct lane *l, enum fb_aws_class class, const struct fb_http_reply *r,
                  int64_t *delay_ms)
{
    struct fb_aws *aws = l->aws;
    int max = aws->options.tries_max > 0 ? aws->options.tries_max : TRIES;
    int64_t now = fb_mono_ms(&aws->options.clock);

    *delay_ms = 0;
    if (l->reply.tries >= max || aws->budget <= 0 || (l->deadline && now >= l->deadline))
        return false;
    switch (class) {
    case FB_AWS_CREDENTIALS:
        if (!clock_corrected(l, r) && !credentials_renewed(l))
            return false;
        break;
    case FB_AWS_BROKEN:
        if (l->reply.tries >= BROKEN_TRIES)
            return false;
        /* fall through */
    case FB_AWS_TRANSIENT:
        if (l->call.once) /* it may have been done */
            return false;
        /* fall through */
    case FB_AWS_THROTTLE:
        *delay_ms = backoff_ms(aws, l->reply.tries);
        break;
    case FB_AWS_FATAL:
    case FB_AWS_DONE:
        return false;
    }
    if (l->deadline && now + *delay_ms >= l->deadline)
        return false;
    aws->budget--;
    return true;
}

/* What came of the last attempt: true when out holds another one, false when l->reply is final. */
static bool judge(struct lane *l, const struct fb_http_reply *r, struct fb_http_request *out)
{
    enum fb_aws_class class = FB_AWS_DONE;
    struct fb_err err = {0}, late = {0};
    enum fb_status st = FB_OK;
    int64_t delay_ms;

    if (r->date_ms)
        l->aws->peer_ms = r->date_ms - fb_wall_ms(&l->aws->options.clock);
    l->reply.xml = NULL; /* a broken earlier answer is forgotten */
    l->reply.json = NULL;
    if (r->st == FB_OK && r->status >= 200 && r->status < 300) {
        st = read_body(l, r, &err);
        class = st == FB_EIO ? FB_AWS_TRANSIENT : FB_AWS_DONE;
    } else {
        class = fb_aws_error_read(l->arena, r, &l->aws->own, &err);
        st = err.code;
    }
    if (again(l, class, r, &delay_ms)) {
        if (attempt(l, delay_ms, out, &late) == FB_OK)
            return true;
    } else if (st != FB_OK && l->aws->budget <= 0 && err.retryable) {
        (void)fb_err_ctx(&err, st, "this run's retries are used up");
    }
    settle(l, st, &err);
    return false;
}

static void forget(struct lane *l)
{
    memset(&l->call, 0, sizeof l->call);
    memset(&l->reply, 0, sizeof l->reply);
    l->service = NULL;
}

static bool lane_next(void *self, const struct fb_http_reply *prev, struct fb_http_request *out)
{
    struct lane *l = self;
    const struct fb_aws_reply *answer = prev ? &l->reply : NULL;
    struct fb_aws_reply last;

    if (prev && judge(l, prev, out))
        return true;
    for (int unsent = 0; unsent < UNSENT_MAX; unsent++) {
        struct fb_err err = {0};
        enum fb_status st;

        if (answer)
            last = l->reply;
        forget(l);
        if (!l->chain->next(l->chain->self, answer ? &last : NULL, &l->call))
            return false;
        st = begin(l, out, &err);
        if (st == FB_OK)
            return true;
        settle(l, st, &err);
        answer = &l->reply;
    }
    return false;
}

void fb_aws_run(struct fb_aws *aws, struct fb_arena *a, struct fb_aws_chain *chains, size_t n,
                int64_t deadline_mono_ms)
{
    struct lane *lanes = fb_arena_array(a, n, sizeof *lanes);
    struct fb_http_chain *http = fb_arena_array(a, n, sizeof *http);

    aws->looked = aws->refreshed = false;
    memset(&aws->no_credentials, 0, sizeof aws->no_credentials);
    aws->budget = aws->options.retry_budget > 0 ? aws->options.retry_budget : BUDGET;
    if (!lanes || !http) {
        struct fb_aws_reply none = {0};
        struct fb_aws_call unused = {0};

        none.st = fb_err_set(&none.err, FB_ELIMIT, "no memory left for so many calls");
        for (size_t i = 0; i < n; i++) /* each is told; nobody is asked a third time */
            if (chains[i].next(chains[i].self, NULL, &unused))
                (void)chains[i].next(chains[i].self, &none, &unused);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        lanes[i] = (struct lane){
            .aws = aws, .arena = a, .chain = &chains[i], .deadline = deadline_mono_ms};
        http[i] = (struct fb_http_chain){&lanes[i], lane_next};
    }
    fb_http_run(aws->http, a, http, n, deadline_mono_ms);
}

struct single {
    const struct fb_aws_call *call;
    struct fb_aws_reply *reply;
};

static bool single_next(void *self, const struct fb_aws_reply *prev, struct fb_aws_call *out)
{
    struct single *s = self;

    if (prev) {
        *s->reply = *prev;
        return false;
    }
    *out = *s->call;
    return true;
}

void fb_aws_do(struct fb_aws *aws, struct fb_arena *a, const struct fb_aws_call *call,
               int64_t deadline_mono_ms, struct fb_aws_reply *reply)
{
    struct single s = {call, reply};
    struct fb_aws_chain chain = {&s, single_next};

    fb_aws_run(aws, a, &chain, 1, deadline_mono_ms);
}

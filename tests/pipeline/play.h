/* play.h - stories in a few words: CloudTrail records written, played down the whole path with a
 * clock that the test moves, on a store that can be made to fail. */
#ifndef FB_PLAY_H
#define FB_PLAY_H
#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"
#include "pipeline.h"
#include "store/backend.h"
#include "support/fb_test.h"

#define ACCOUNT "111122223333"
#define T0      INT64_C(1777885200000) /* 2026-05-04T09:00:00Z */
#define MINUTE  INT64_C(60000)
#define HOUR    (60 * MINUTE)
#define DAY     (24 * HOUR)

enum { PLAY_BYTES = 128 << 20 };

/* --- a clock and a store of the test's own --- */

struct play {
    struct fb_arena *conf, *a, *keep;
    struct fb_config *config;
    struct fb_runtime rt;
    struct fb_store *real;
    int64_t now_ms;
    long commits, fail_at; /* from the fail_at-th commit on nothing is written; 0 never */
    bool down, unreadable_edges;
    bool log_time;
    void (*before_commit)(struct play *p, const struct fb_put *puts, size_t n);
    enum fb_status last; /* of the last record */
    struct fb_decision out;
};

static inline int64_t play_now(void *self) { return ((struct play *)self)->now_ms; }

static inline enum fb_status play_get(void *self, struct fb_arena *a, const char *key,
                                      int64_t now_ms, struct fb_item *out, struct fb_err *err)
{
    struct play *p = self;

    (void)now_ms;
    if (p->down || (p->unreadable_edges && fb_starts(key, "edge#")))
        return fb_err_set(err, FB_EIO, "the store is down");
    return fb_store_get(p->real, a, key, out, err);
}

struct play_first {
    struct fb_item *out;
    const struct fb_range *range;
    bool found;
};

static inline bool play_take(void *self, const struct fb_item *item)
{
    struct play_first *f = self;

    if (f->range->beyond && strcmp(item->key, f->range->from) <= 0)
        return true;
    if (strcmp(item->key, f->range->from) < 0)
        return true;
    f->found = !f->range->before || strcmp(item->key, f->range->before) < 0;
    *f->out = *item;
    return false;
}

static inline enum fb_status play_next(void *self, struct fb_arena *a, const struct fb_range *range,
                                       int64_t now_ms, struct fb_item *out, struct fb_err *err)
{
    struct play *p = self;
    struct play_first f = {out, range, false};
    char kind[FB_KEY_BYTES_MAX + 1];
    enum fb_status st;

    (void)now_ms;
    if (p->down)
        return fb_err_set(err, FB_EIO, "the store is down");
    (void)snprintf(kind, sizeof kind, "%.*s", (int)(strchr(range->from, '#') - range->from + 1),
                   range->from);
    st = fb_store_list(p->real, a, kind, NULL, 0, play_take, &f, err);
    return st == FB_OK && !f.found ? FB_ENOTFOUND : st;
}

static inline enum fb_status play_commit(void *self, const struct fb_put *puts, size_t n,
                                         bool durable, int64_t now_ms, struct fb_err *err)
{
    struct play *p = self;

    (void)now_ms;
    if (p->before_commit)
        p->before_commit(p, puts, n);
    p->commits++;
    p->down = p->down || (p->fail_at && p->commits >= p->fail_at);
    if (p->down)
        return fb_err_set(err, FB_EIO, "the store is down");
    return fb_store_commit(p->real, puts, n, durable, err);
}

static inline void play_close(void *self) { (void)self; }
static inline size_t play_sweep(void *self, int64_t now_ms)
{
    (void)now_ms;
    return fb_store_sweep(((struct play *)self)->real);
}

static const struct fb_backend PLAY_STORE = {.scheme = "",
                                             .usage = "",
                                             .close = play_close,
                                             .get = play_get,
                                             .next = play_next,
                                             .commit = play_commit,
                                             .sweep = play_sweep};

/* A runtime in enforce mode whose world is the model; state: "memory:" or "sqlite:...". */
static inline void play_open(struct play *p, const char *state, bool enforce)
{
    const char *const env[] = {NULL};
    struct fb_config_overrides over = {.mode = enforce ? "enforce" : "dry-run", .state = state};
    struct fb_clock clock = {.wall_ms = play_now, .mono_ms = play_now, .self = p};
    struct fb_runtime_setup setup = {.clock = clock, .enforce = enforce};

    memset(p, 0, sizeof *p);
    p->now_ms = T0;
    p->conf = fb_arena_new(8u << 20);
    p->a = fb_arena_new(PLAY_BYTES);
    p->keep = fb_arena_new(PLAY_BYTES);
    assert_int_equal(fb_config_load(p->conf, NULL, env, &over, &p->config, NULL), FB_OK);
    setup.config = p->config;
    assert_int_equal(fb_runtime_open(&p->rt, &setup, NULL), FB_OK);
    p->real = p->rt.store;
    assert_int_equal(fb_store_wrap(&PLAY_STORE, p, clock, &p->rt.store, NULL), FB_OK);
}

static inline void play_shut(struct play *p)
{
    fb_store_close(p->rt.store);
    p->rt.store = p->real;
    fb_runtime_close(&p->rt);
    fb_arena_free(p->a);
    fb_arena_free(p->keep);
    fb_arena_free(p->conf);
}

static inline enum fb_status play_record(void *self, const struct fb_record *r, struct fb_err *err)
{
    struct play *p = self;
    struct fb_delivery d = {
        .received_ms = p->now_ms, .trusted = true, .own_account = "", .log_time = p->log_time};

    p->last = fb_pipeline_record(&p->rt, p->a, r, &d, &p->out, err);
    return p->last;
}

static inline void play_reject(void *self, const struct fb_reject *r)
{
    (void)self;
    fail_msg("rejected: %s", r->reason);
}

/* Plays one line; the decision is in p->out until the next. */
static inline enum fb_status play(struct play *p, const char *line)
{
    struct fb_sink sink = {p, play_record, play_reject, NULL};
    struct fb_err err = {0};

    fb_arena_reset(p->a);
    (void)fb_ingest_bytes(p->a, "story", FB_LAYOUT_LINES, line, strlen(line), &sink, &err);
    return p->last;
}

static inline void play_tick(struct play *p, struct fb_tick *tick)
{
    struct fb_delivery d = {.received_ms = p->now_ms, .trusted = true, .own_account = ""};
    struct fb_err err = {0};

    fb_arena_reset(p->a);
    assert_int_equal(fb_pipeline_tick(&p->rt, p->a, &d, tick, &err), FB_OK);
}

/* The root's incident; false: none. Lives in p->keep. */
static inline bool play_incident(struct play *p, const char *root, struct fb_incident *out)
{
    struct fb_item item;

    if (fb_store_get(p->real, p->keep, fb_incident_key(p->keep, root), &item, NULL) != FB_OK)
        return false;
    assert_int_equal(fb_incident_read(p->keep, item.value, item.len, out, NULL), FB_OK);
    return true;
}

/* --- records --- */

/* {"type":...} of userIdentity. */
static inline const char *who_user(struct fb_arena *a, const char *name, const char *key)
{
    return fb_arena_fmt(a,
                        "{\"type\":\"IAMUser\",\"principalId\":\"AIDA%s\",\"arn\":"
                        "\"arn:aws:iam::" ACCOUNT ":user/%s\",\"accountId\":\"" ACCOUNT
                        "\",\"accessKeyId\":\"%s\",\"userName\":\"%s\"}",
                        name, name, key, strrchr(name, '/') ? strrchr(name, '/') + 1 : name);
}

static inline const char *who_session(struct fb_arena *a, const char *role, const char *session,
                                      const char *key)
{
    return fb_arena_fmt(
        a,
        "{\"type\":\"AssumedRole\",\"principalId\":\"AROA%s:%s\",\"arn\":"
        "\"arn:aws:sts::" ACCOUNT ":assumed-role/%s/%s\",\"accountId\":\"" ACCOUNT
        "\",\"accessKeyId\":\"%s\",\"sessionContext\":{\"sessionIssuer\":{\"type\":\"Role\","
        "\"principalId\":\"AROA%s\",\"arn\":\"arn:aws:iam::" ACCOUNT
        ":role/%s\",\"accountId\":\"" ACCOUNT "\",\"userName\":\"%s\"}}}",
        role, session, role, session, key, role, role, role);
}

static inline const char *record(struct fb_arena *a, const char *id, int64_t t_ms, const char *who,
                                 const char *source, const char *name, const char *region,
                                 const char *params, const char *response)
{
    char when[FB_TIME_MAX];

    fb_time_iso(t_ms, when);
    return fb_arena_fmt(
        a,
        "{\"eventVersion\":\"1.09\",\"userIdentity\":%s,\"eventTime\":\"%s\",\"eventSource\":"
        "\"%s.amazonaws.com\",\"eventName\":\"%s\",\"awsRegion\":\"%s\",\"sourceIPAddress\":"
        "\"203.0.113.9\",\"userAgent\":\"Go-http-client/1.1\",\"requestParameters\":%s,"
        "\"responseElements\":%s,\"eventID\":\"%s\",\"readOnly\":false,\"eventType\":"
        "\"AwsApiCall\",\"managementEvent\":true,\"recipientAccountId\":\"" ACCOUNT "\"}",
        who, when, source, name, region, params, response, id);
}

/* A launch of `count` big machines; their ids come from the event's. */
static inline const char *launch(struct fb_arena *a, const char *id, int64_t t_ms, const char *who,
                                 const char *region, int count)
{
    struct fb_buf items;

    fb_buf_init_in(&items, a, 64 << 10);
    for (int i = 0; i < count; i++)
        fb_buf_fmt(&items, "%s{\"instanceId\":\"i-%s%02d\",\"instanceType\":\"c5a.24xlarge\"}",
                   i ? "," : "", id, i);
    return record(a, id, t_ms, who, "ec2", "RunInstances", region,
                  fb_arena_fmt(a,
                               "{\"instanceType\":\"c5a.24xlarge\",\"instancesSet\":{\"items\":"
                               "[{\"minCount\":%d,\"maxCount\":%d}]}}",
                               count, count),
                  fb_arena_fmt(a, "{\"instancesSet\":{\"items\":[%s]}}", items.at));
}

static inline const char *assume(struct fb_arena *a, const char *id, int64_t t_ms, const char *who,
                                 const char *role, const char *session, const char *key)
{
    char until[FB_TIME_MAX];

    fb_time_iso(t_ms + HOUR, until);
    return record(a, id, t_ms, who, "sts", "AssumeRole", "us-east-1",
                  fb_arena_fmt(a,
                               "{\"roleArn\":\"arn:aws:iam::" ACCOUNT
                               ":role/%s\",\"roleSessionName\":\"%s\"}",
                               role, session),
                  fb_arena_fmt(a,
                               "{\"credentials\":{\"accessKeyId\":\"%s\",\"expiration\":\"%s\"},"
                               "\"assumedRoleUser\":{\"assumedRoleId\":\"AROA%s:%s\",\"arn\":"
                               "\"arn:aws:sts::" ACCOUNT ":assumed-role/%s/%s\"}}",
                               key, until, role, session, role, session));
}

/* AWS Health's notice in its envelope; user "" names nothing but the key. */
static inline const char *notice(struct fb_arena *a, const char *id, int64_t t_ms, const char *key,
                                 const char *user)
{
    char when[FB_TIME_MAX];

    fb_time_iso(t_ms, when);
    return fb_arena_fmt(
        a,
        "{\"version\":\"0\",\"id\":\"%s\",\"detail-type\":\"AWS Health Event\",\"source\":"
        "\"aws.health\",\"account\":\"" ACCOUNT "\",\"time\":\"%s\",\"region\":\"us-east-1\","
        "\"resources\":[\"%s\"],\"detail\":{\"eventArn\":\"arn:aws:health:us-east-1::event/%s\","
        "\"service\":\"RISK\",\"eventTypeCode\":\"AWS_RISK_CREDENTIALS_EXPOSED\","
        "\"eventTypeCategory\":\"issue\",\"startTime\":\"%s\",\"eventDescription\":[],"
        "\"affectedEntities\":[{\"entityValue\":\"%s\"}]%s}}",
        id, when, key, id, when, key,
        *user ? fb_arena_fmt(a, ",\"eventMetadata\":{\"userName\":\"%s\"}", user) : "");
}

#endif

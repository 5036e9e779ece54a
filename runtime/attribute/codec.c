/* codec.c - hops as JSON inside other records, edges as bytes: they are read on most events. */
#include <string.h>

#include "attribute/actor.h"
#include "attribute/chain.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/text.h"

/* By enum fb_hop_kind. */
static const char *const KINDS[] = {"unknown",      "user_key",   "user",           "role",
                                    "account_root", "sso",        "external",       "service",
                                    "instance",     "credential", "service_account"};

enum { KIND_COUNT = (int)(sizeof KINDS / sizeof KINDS[0]) };

_Static_assert(KIND_COUNT == FB_HOP_SERVICE_ACCOUNT + 1, "one word for each kind of hop");

const char *fb_hop_kind_name(enum fb_hop_kind k)
{
    return (int)k >= 0 && (int)k < KIND_COUNT ? KINDS[k] : KINDS[0];
}

enum fb_hop_kind fb_hop_kind_from(const char *name)
{
    for (int i = 0; i < KIND_COUNT; i++) {
        if (fb_eq(name, KINDS[i]))
            return (enum fb_hop_kind)i;
    }
    return FB_HOP_UNKNOWN;
}

static void put(struct fb_buf *to, const char *key, const char *value)
{
    if (value && *value)
        fb_json_put_str(to, key, value);
}

void fb_hop_write(struct fb_buf *to, const char *key, const struct fb_hop *hop)
{
    fb_json_open(to, key, '{');
    fb_json_put_str(to, "kind", fb_hop_kind_name(hop->kind));
    put(to, "identity", hop->identity);
    put(to, "account", hop->account);
    put(to, "credential", hop->credential);
    put(to, "user", hop->user);
    put(to, "user_arn", hop->user_arn);
    put(to, "role_arn", hop->role_arn);
    put(to, "session", hop->session);
    put(to, "via", hop->via);
    if (hop->since_ms)
        fb_json_put_int(to, "since_ms", hop->since_ms);
    fb_json_put_bool(to, "sure", hop->sure);
    fb_json_close(to, '}');
}

static const char *text_of(struct fb_arena *a, const struct fb_json *v, const char *key)
{
    return fb_arena_str(a, fb_json_get_str(v, key));
}

void fb_hop_read(struct fb_arena *a, const struct fb_json *v, struct fb_hop *out)
{
    *out = fb_hop_empty();
    out->kind = fb_hop_kind_from(fb_json_get_str(v, "kind"));
    out->identity = text_of(a, v, "identity");
    out->account = text_of(a, v, "account");
    out->credential = text_of(a, v, "credential");
    out->user = text_of(a, v, "user");
    out->user_arn = text_of(a, v, "user_arn");
    out->role_arn = text_of(a, v, "role_arn");
    out->session = text_of(a, v, "session");
    out->via = text_of(a, v, "via");
    fb_json_int(fb_json_get(v, "since_ms"), &out->since_ms);
    out->sure = fb_json_bool(fb_json_get(v, "sure"), false);
}

/* --- edges: 1, kind, sure, four times, thirteen texts that end with NUL -------------------------
 */

enum { VERSION = 1, HEAD_BYTES = 3 + 4 * 8, TEXTS = 13 };

static void add_time(struct fb_buf *to, int64_t ms)
{
    for (int i = 0; i < 8; i++)
        fb_buf_addc(to, (char)((uint64_t)ms >> (8 * i) & 0xff));
}

static int64_t time_at(const unsigned char *at)
{
    uint64_t ms = 0;

    for (int i = 7; i >= 0; i--)
        ms = ms << 8 | at[i];
    return (int64_t)ms;
}

/* The texts of an edge, in their order in the store. */
static void texts_of(struct fb_edge *e, const char **out[TEXTS])
{
    const char **texts[TEXTS] = {&e->child,
                                 &e->via,
                                 &e->session_identity,
                                 &e->event,
                                 &e->parent.identity,
                                 &e->parent.account,
                                 &e->parent.credential,
                                 &e->parent.user,
                                 &e->parent.user_arn,
                                 &e->parent.role_arn,
                                 &e->parent.session,
                                 &e->parent.via,
                                 &e->parent.tie};

    memcpy(out, texts, sizeof texts);
}

void fb_edge_write(struct fb_buf *to, const struct fb_edge *edge)
{
    struct fb_edge e = *edge;
    const char **texts[TEXTS];

    fb_buf_addc(to, VERSION);
    fb_buf_addc(to, (char)e.parent.kind);
    fb_buf_addc(to, (char)e.parent.sure);
    add_time(to, e.made_ms);
    add_time(to, e.expires_ms);
    add_time(to, e.begun_ms);
    add_time(to, e.parent.since_ms);
    texts_of(&e, texts);
    for (size_t i = 0; i < TEXTS; i++) {
        const char *s = *texts[i] ? *texts[i] : "";

        fb_buf_addn(to, s, strlen(s) + 1);
    }
}

enum fb_status fb_edge_read(struct fb_arena *a, const char *bytes, size_t len, struct fb_edge *out,
                            struct fb_err *err)
{
    const unsigned char *b = (const unsigned char *)bytes;
    const char **texts[TEXTS];
    const char *at, *end;
    char *copy;

    memset(out, 0, sizeof *out);
    if (len < HEAD_BYTES + TEXTS || b[0] != VERSION || b[1] >= KIND_COUNT || b[2] > 1 ||
        bytes[len - 1] != '\0')
        return fb_err_set(err, FB_EINPUT, "stored edge: of no known form");
    out->parent.kind = (enum fb_hop_kind)b[1];
    out->parent.sure = b[2];
    out->made_ms = time_at(b + 3);
    out->expires_ms = time_at(b + 11);
    out->begun_ms = time_at(b + 19);
    out->parent.since_ms = time_at(b + 27);
    copy = fb_arena_alloc(a, len - HEAD_BYTES);
    if (!copy)
        return fb_err_set(err, FB_ELIMIT, "stored edge: the arena is full");
    at = memcpy(copy, bytes + HEAD_BYTES, len - HEAD_BYTES);
    end = at + (len - HEAD_BYTES);
    texts_of(out, texts);
    for (size_t i = 0; i < TEXTS; i++) {
        *texts[i] = at < end ? at : "";
        at = at < end ? at + strlen(at) + 1 : end + 1;
    }
    if (at != end || !*out->child || !*out->parent.identity)
        return fb_err_set(err, FB_EINPUT, "stored edge: of no known form");
    return FB_OK;
}

/* codec.c - hops and edges as JSON, for the store. */
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

static const char *copy(struct fb_arena *a, const struct fb_json *v, const char *key)
{
    return fb_arena_str(a, fb_json_get_str(v, key));
}

void fb_hop_read(struct fb_arena *a, const struct fb_json *v, struct fb_hop *out)
{
    *out = fb_hop_empty();
    out->kind = fb_hop_kind_from(fb_json_get_str(v, "kind"));
    out->identity = copy(a, v, "identity");
    out->account = copy(a, v, "account");
    out->credential = copy(a, v, "credential");
    out->user = copy(a, v, "user");
    out->user_arn = copy(a, v, "user_arn");
    out->role_arn = copy(a, v, "role_arn");
    out->session = copy(a, v, "session");
    out->via = copy(a, v, "via");
    fb_json_int(fb_json_get(v, "since_ms"), &out->since_ms);
    out->sure = fb_json_bool(fb_json_get(v, "sure"), false);
}

void fb_edge_write(struct fb_buf *to, const struct fb_edge *edge)
{
    fb_json_open(to, NULL, '{');
    fb_json_put_str(to, "child", edge->child);
    put(to, "via", edge->via);
    put(to, "session_identity", edge->session_identity);
    fb_json_put_int(to, "made_ms", edge->made_ms);
    fb_json_put_int(to, "expires_ms", edge->expires_ms);
    fb_hop_write(to, "parent", &edge->parent);
    fb_json_close(to, '}');
}

enum fb_status fb_edge_read(struct fb_arena *a, const char *bytes, size_t len, struct fb_edge *out,
                            struct fb_err *err)
{
    const struct fb_json *doc = NULL;
    unsigned odd = 0;
    enum fb_status st = fb_json_parse(a, bytes, len, &odd, &doc, err);

    if (st != FB_OK)
        return fb_err_ctx(err, st, "stored edge");
    memset(out, 0, sizeof *out);
    out->child = copy(a, doc, "child");
    out->via = copy(a, doc, "via");
    out->session_identity = copy(a, doc, "session_identity");
    fb_json_int(fb_json_get(doc, "made_ms"), &out->made_ms);
    fb_json_int(fb_json_get(doc, "expires_ms"), &out->expires_ms);
    fb_hop_read(a, fb_json_get(doc, "parent"), &out->parent);
    if (!*out->child || !*out->parent.identity)
        return fb_err_set(err, FB_EINPUT, "stored edge: no child or no parent");
    return FB_OK;
}

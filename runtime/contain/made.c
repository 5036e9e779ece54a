/* made.c - records of what a chain made: written by the pipeline, read by facts and guards. */
#include "contain/made.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/text.h"

enum { KEY_IDENTITY_HEX = 16, KEY_ID_MAX = 300, VALUE_MAX = 16 << 10, SESSION_RACES_MAX = 5 };

/* "made#<identity>#" */
static const char *prefix_of(struct fb_arena *a, const char *identity)
{
    char hex[FB_SHA256_HEX];

    fb_sha256_hex(identity, strlen(identity), hex);
    return fb_arena_fmt(a, "made#%.*s#", KEY_IDENTITY_HEX, hex);
}

const char *fb_made_key(struct fb_arena *a, const char *identity, const struct fb_made *made,
                        const char *region)
{
    const char *id = made->id;
    char hex[FB_SHA256_HEX];

    /* Names come from events: one that would not fit into a key stands there by its digest. */
    if (strlen(id) > KEY_ID_MAX)
        id = fb_sha256_hex(id, strlen(id), hex);
    return fb_arena_fmt(a, "%s%.32s#%.64s#%s", prefix_of(a, identity), made->kind, region, id);
}

static const char *region_of(const struct fb_made *made, const struct fb_event *ev)
{
    if (*made->region || !fb_eq(made->kind, "instance"))
        return made->region;
    return ev->region;
}

enum fb_status fb_made_put(struct fb_arena *a, const char *identity, const struct fb_made *made,
                           const struct fb_event *ev, struct fb_put *out, struct fb_err *err)
{
    const char *region = region_of(made, ev);
    struct fb_buf b;

    fb_buf_init_in(&b, a, VALUE_MAX);
    fb_json_open(&b, NULL, '{');
    fb_json_put_str(&b, "kind", made->kind);
    fb_json_put_str(&b, "id", made->id);
    fb_json_put_str(&b, "owner", made->owner);
    fb_json_put_str(&b, "region", region);
    fb_json_put_str(&b, "type", made->type);
    fb_json_put_str(&b, "credential", ev->who.credential);
    fb_json_put_str(&b, "event", ev->id);
    fb_json_put_str(&b, "by", identity);
    fb_json_put_int(&b, "at_ms", ev->time_ms);
    fb_json_close(&b, '}');
    *out = (struct fb_put){.key = fb_made_key(a, identity, made, region),
                           .value = b.at,
                           .len = b.len,
                           .expires_ms = ev->time_ms + FB_MADE_KEEP_DAYS * INT64_C(86400000)};
    if (!fb_buf_ok(&b) || !*out->key)
        return fb_err_set(err, FB_ELIMIT, "record of what was made: no memory");
    return FB_OK;
}

static int64_t at_of(struct fb_arena *a, const struct fb_item *item)
{
    const struct fb_json *doc;
    int64_t at_ms = 0;

    if (fb_json_parse(a, item->value, item->len, NULL, &doc, NULL) == FB_OK)
        fb_json_int(fb_json_get(doc, "at_ms"), &at_ms);
    return at_ms;
}

enum fb_status fb_made_session_keep(struct fb_store *s, struct fb_arena *a, const char *identity,
                                    const struct fb_event *ev, int64_t wall_ms, struct fb_err *err)
{
    const struct fb_made session = {
        .kind = "session", .id = ev->mint.role_arn, .owner = "", .region = "", .type = ""};
    enum fb_status st = FB_ECONFLICT;

    if (ev->outcome != FB_OUTCOME_OK || !*ev->mint.credential || !*ev->mint.role_arn)
        return FB_OK;
    for (int i = 0; i < SESSION_RACES_MAX && st == FB_ECONFLICT; i++) {
        struct fb_item item;
        struct fb_put put;

        st = fb_made_put(a, identity, &session, ev, &put, err);
        if (st != FB_OK)
            return st;
        st = fb_store_get(s, a, put.key, &item, NULL);
        if (st == FB_OK && at_of(a, &item) >= ev->time_ms)
            return FB_OK;
        if (st != FB_OK && st != FB_ENOTFOUND)
            return fb_err_set(err, st, "read what sessions there were");
        put.expect = st == FB_OK ? item.version : 0;
        put.expires_ms = wall_ms + 2 * (int64_t)FB_SESSION_REACH_MS;
        st = fb_store_commit(s, &put, 1, false, err);
    }
    return st;
}

enum fb_status fb_made_missing(struct fb_store *s, struct fb_arena *a, const char *identity,
                               const struct fb_event *ev, struct fb_put *out, size_t max,
                               size_t *count, struct fb_err *err)
{
    *count = 0;
    if (ev->outcome != FB_OUTCOME_OK)
        return FB_OK;
    for (size_t i = 0; i < ev->made_count && *count < max; i++) {
        struct fb_item item;
        enum fb_status st;

        if (!*ev->made[i].id)
            continue;
        st = fb_made_put(a, identity, &ev->made[i], ev, &out[*count], err);
        if (st != FB_OK)
            return st;
        st = fb_store_get(s, a, out[*count].key, &item, err);
        if (st == FB_ENOTFOUND)
            (*count)++;
        else if (st != FB_OK)
            return fb_err_ctx(err, st, "read what was made");
    }
    return FB_OK;
}

struct listing {
    struct fb_arena *a;
    struct fb_made_item *items;
    size_t count, cap, seen;
    int64_t since_ms;
    bool failed;
};

static bool grow(struct listing *l)
{
    size_t cap = l->cap ? l->cap * 2 : 64;
    struct fb_made_item *items = FB_NEW_ARRAY(l->a, cap, struct fb_made_item);

    if (!items)
        return false;
    if (l->count)
        memcpy(items, l->items, l->count * sizeof *items);
    l->items = items;
    l->cap = cap;
    return true;
}

static bool take(void *self, const struct fb_item *item)
{
    struct listing *l = self;
    const struct fb_json *doc;
    struct fb_made_item made;

    l->seen++;
    if (fb_json_parse(l->a, item->value, item->len, NULL, &doc, NULL) != FB_OK)
        return true; /* a record of a later version: skip what cannot be read */
    made = (struct fb_made_item){.kind = fb_json_get_str(doc, "kind"),
                                 .id = fb_json_get_str(doc, "id"),
                                 .owner = fb_json_get_str(doc, "owner"),
                                 .region = fb_json_get_str(doc, "region"),
                                 .type = fb_json_get_str(doc, "type"),
                                 .credential = fb_json_get_str(doc, "credential"),
                                 .event = fb_json_get_str(doc, "event"),
                                 .by = fb_json_get_str(doc, "by")};
    fb_json_int(fb_json_get(doc, "at_ms"), &made.at_ms);
    if (made.at_ms < l->since_ms || !*made.id)
        return true;
    if (l->count == l->cap && !grow(l)) {
        l->failed = true;
        return false;
    }
    l->items[l->count++] = made;
    return true;
}

static int by_thing(const void *x, const void *y)
{
    const struct fb_made_item *a = x, *b = y;
    int d = strcmp(a->kind, b->kind);

    d = d ? d : strcmp(a->region, b->region);
    d = d ? d : strcmp(a->id, b->id);
    return d ? d : (a->at_ms > b->at_ms) - (a->at_ms < b->at_ms);
}

static int by_time(const void *x, const void *y)
{
    const struct fb_made_item *a = x, *b = y;

    if (a->at_ms != b->at_ms)
        return a->at_ms < b->at_ms ? -1 : 1;
    return by_thing(x, y);
}

static bool same_thing(const struct fb_made_item *a, const struct fb_made_item *b)
{
    return fb_eq(a->kind, b->kind) && fb_eq(a->region, b->region) && fb_eq(a->id, b->id);
}

/* One entry a thing: two hops of one chain may both be on record for it. The first counts; of
 * sessions the newest. */
static size_t drop_doubles(struct fb_made_item *items, size_t n)
{
    size_t kept = 0;

    qsort(items, n, sizeof *items, by_thing);
    for (size_t i = 0; i < n; i++)
        if (!kept || !same_thing(&items[kept - 1], &items[i]))
            items[kept++] = items[i];
        else if (fb_eq(items[i].kind, "session"))
            items[kept - 1] = items[i];
    qsort(items, kept, sizeof *items, by_time);
    return kept;
}

enum fb_status fb_made_list(struct fb_store *s, struct fb_arena *a, const char *const *identities,
                            size_t n, int64_t since_ms, const struct fb_made_item **out,
                            size_t *count, struct fb_err *err)
{
    struct listing l = {.a = a, .since_ms = since_ms};
    enum fb_status result = FB_OK;

    for (size_t i = 0; i < n; i++) {
        enum fb_status st;

        l.seen = 0;
        st =
            fb_store_list(s, a, prefix_of(a, identities[i]), NULL, FB_MADE_LIST_MAX, take, &l, err);
        if (st == FB_OK && (l.failed || l.seen >= FB_MADE_LIST_MAX))
            st = fb_err_set(err, FB_ELIMIT, "more than %d things made by one identity",
                            FB_MADE_LIST_MAX);
        if (st != FB_OK && result == FB_OK)
            result = fb_err_ctx(err, st, "list what was made");
    }
    if (l.count)
        l.count = drop_doubles(l.items, l.count);
    *out = l.items;
    *count = l.count;
    return result;
}

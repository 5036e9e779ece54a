/* val.c - see val.h. */
#include "base/val.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"

/* Handed out at the arena's ceiling. Only ever read: push and set refuse it. */
static const struct fb_val NIL = {.kind = FB_VAL_NIL};

static struct fb_val *make(struct fb_arena *a, enum fb_val_kind kind)
{
    struct fb_val *v = FB_NEW(a, struct fb_val);

    if (!v)
        return (struct fb_val *)(uintptr_t)&NIL;
    v->kind = kind;
    return v;
}

struct fb_val *fb_val_nil(struct fb_arena *a) { return make(a, FB_VAL_NIL); }

struct fb_val *fb_val_bool(struct fb_arena *a, bool b)
{
    struct fb_val *v = make(a, FB_VAL_BOOL);

    if (v != &NIL)
        v->as.flag = b;
    return v;
}

struct fb_val *fb_val_int(struct fb_arena *a, int64_t n)
{
    struct fb_val *v = make(a, FB_VAL_INT);

    if (v != &NIL)
        v->as.num_int = n;
    return v;
}

struct fb_val *fb_val_num(struct fb_arena *a, double n)
{
    struct fb_val *v = make(a, FB_VAL_NUM);

    if (v != &NIL)
        v->as.num = n;
    return v;
}

struct fb_val *fb_val_str(struct fb_arena *a, const char *s)
{
    struct fb_val *v = make(a, FB_VAL_STR);

    if (v != &NIL)
        v->as.str = fb_arena_str(a, s);
    return v;
}

struct fb_val *fb_val_list(struct fb_arena *a) { return make(a, FB_VAL_LIST); }

struct fb_val *fb_val_map(struct fb_arena *a) { return make(a, FB_VAL_MAP); }

static void append(struct fb_val *to, struct fb_val *item)
{
    if (to->last)
        to->last->next = item;
    else
        to->first = item;
    to->last = item;
    to->count++;
}

void fb_val_push(struct fb_val *list, struct fb_val *item)
{
    if (list->kind == FB_VAL_LIST && item != &NIL)
        append(list, item);
}

void fb_val_set(struct fb_arena *a, struct fb_val *map, const char *key, struct fb_val *v)
{
    if (map->kind != FB_VAL_MAP || v == &NIL)
        return;
    for (struct fb_val *c = map->first, *prev = NULL; c; prev = c, c = c->next) {
        if (strcmp(c->key, key) != 0)
            continue;
        v->key = c->key;
        v->next = c->next;
        if (prev)
            prev->next = v;
        else
            map->first = v;
        if (map->last == c)
            map->last = v;
        return;
    }
    v->key = fb_arena_str(a, key);
    append(map, v);
}

void fb_val_set_str(struct fb_arena *a, struct fb_val *map, const char *key, const char *v)
{
    fb_val_set(a, map, key, fb_val_str(a, v));
}

void fb_val_set_int(struct fb_arena *a, struct fb_val *map, const char *key, int64_t v)
{
    fb_val_set(a, map, key, fb_val_int(a, v));
}

void fb_val_set_num(struct fb_arena *a, struct fb_val *map, const char *key, double v)
{
    fb_val_set(a, map, key, fb_val_num(a, v));
}

void fb_val_set_bool(struct fb_arena *a, struct fb_val *map, const char *key, bool v)
{
    fb_val_set(a, map, key, fb_val_bool(a, v));
}

const struct fb_val *fb_val_get(const struct fb_val *map, const char *key)
{
    if (!map || map->kind != FB_VAL_MAP)
        return NULL;
    for (const struct fb_val *c = map->first; c; c = c->next) {
        if (strcmp(c->key, key) == 0)
            return c;
    }
    return NULL;
}

const char *fb_val_get_str(const struct fb_val *map, const char *key)
{
    const struct fb_val *v = fb_val_get(map, key);

    return v && v->kind == FB_VAL_STR ? v->as.str : "";
}

int64_t fb_val_get_int(const struct fb_val *map, const char *key, int64_t otherwise)
{
    const struct fb_val *v = fb_val_get(map, key);

    return v && v->kind == FB_VAL_INT ? v->as.num_int : otherwise;
}

bool fb_val_get_bool(const struct fb_val *map, const char *key, bool otherwise)
{
    const struct fb_val *v = fb_val_get(map, key);

    return v && v->kind == FB_VAL_BOOL ? v->as.flag : otherwise;
}

void fb_val_write(struct fb_buf *to, const char *key, const struct fb_val *v)
{
    switch (v ? v->kind : FB_VAL_NIL) {
    case FB_VAL_NIL:
        fb_json_put_null(to, key);
        break;
    case FB_VAL_BOOL:
        fb_json_put_bool(to, key, v->as.flag);
        break;
    case FB_VAL_INT:
        fb_json_put_int(to, key, v->as.num_int);
        break;
    case FB_VAL_NUM:
        fb_json_put_num(to, key, v->as.num, 6);
        break;
    case FB_VAL_STR:
        fb_json_put_str(to, key, v->as.str);
        break;
    case FB_VAL_LIST:
    case FB_VAL_MAP:
        fb_json_open(to, key, v->kind == FB_VAL_LIST ? '[' : '{');
        for (const struct fb_val *c = v->first; c && fb_buf_ok(to); c = c->next)
            fb_val_write(to, c->key, c);
        fb_json_close(to, v->kind == FB_VAL_LIST ? ']' : '}');
        break;
    }
}

static struct fb_val *from_object(struct fb_arena *a, const struct fb_json *v)
{
    struct fb_val *map = fb_val_map(a);
    const struct fb_json *value;
    const char *key;
    void *iter = NULL;

    while (fb_json_next(v, &iter, &key, &value))
        fb_val_set(a, map, key, fb_val_from_json(a, value));
    return map;
}

struct fb_val *fb_val_from_json(struct fb_arena *a, const struct fb_json *v)
{
    struct fb_val *list;
    int64_t n;

    switch (fb_json_kind(v)) {
    case FB_JSON_ABSENT:
    case FB_JSON_NULL:
        return fb_val_nil(a);
    case FB_JSON_BOOL:
        return fb_val_bool(a, fb_json_bool(v, false));
    case FB_JSON_INT:
        return fb_val_int(a, fb_json_int(v, &n) ? n : 0);
    case FB_JSON_REAL:
        return fb_val_num(a, fb_json_num(v, 0));
    case FB_JSON_STR:
        return fb_val_str(a, fb_json_str(v));
    case FB_JSON_ARRAY:
        list = fb_val_list(a);
        for (size_t i = 0; i < fb_json_len(v); i++)
            fb_val_push(list, fb_val_from_json(a, fb_json_at(v, i)));
        return list;
    case FB_JSON_OBJECT:
        return from_object(a, v);
    }
    return fb_val_nil(a);
}

/* json_jansson.c - jansson behind json.h, where yyjson cannot be had: slower, and the same to see
 * from outside. */
#include "base/json_in.h"

#include <jansson.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/tame.h"

static const json_t *in(const struct fb_json *v) { return (const json_t *)(const void *)v; }

static const struct fb_json *out_of(const json_t *v)
{
    return (const struct fb_json *)(const void *)v;
}

static void drop(void *root) { json_decref(root); }

/* Whether brackets nest deeper than we read; strings respected. One pass, no memory. */
static bool too_deep(const char *p, size_t len)
{
    size_t depth = 0;

    for (size_t i = 0; i < len; i++) {
        char c = p[i];

        if (c == '"') {
            for (i++; i < len && p[i] != '"'; i++)
                i += (size_t)(p[i] == '\\');
        } else if (c == '{' || c == '[') {
            if (++depth > FB_JSON_DEPTH_MAX)
                return true;
        } else if (c == '}' || c == ']') {
            depth -= (size_t)(depth > 0);
        }
    }
    return false;
}

static json_t *parse_tamed(const char *bytes, size_t len, unsigned *odd, json_error_t *e)
{
    struct fb_buf copy;
    json_t *root = NULL;

    fb_buf_init(&copy, len * 6 + 64);
    fb_json_tame(&copy, bytes, len, odd);
    if (fb_buf_ok(&copy)) {
        root = json_loadb(copy.at, copy.len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, e);
        if (!root && json_error_code(e) == json_error_duplicate_key) {
            *odd |= FB_ODD_DUPLICATE_KEY;
            root = json_loadb(copy.at, copy.len, JSON_DECODE_ANY, e);
        }
    } else {
        memset(e, 0, sizeof *e);
    }
    fb_buf_release(&copy);
    return root;
}

enum fb_status fb_json_parse(struct fb_arena *a, const char *bytes, size_t len, unsigned *odd,
                             const struct fb_json **out, struct fb_err *err)
{
    unsigned bits = 0;
    json_error_t e;
    json_t *root = NULL;

    *out = NULL;
    if (!too_deep(bytes, len))
        root = json_loadb(bytes, len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &e);
    if (!root)
        root = parse_tamed(bytes, len, &bits, &e);
    if (!root)
        return fb_json_refuse(err, e.text, (size_t)e.position);
    if (!fb_arena_defer(a, drop, root))
        return fb_err_set(err, FB_ELIMIT, "no memory left for this JSON text");
    if (odd)
        *odd = bits;
    *out = out_of(root);
    return FB_OK;
}

enum fb_json_kind fb_json_kind(const struct fb_json *v)
{
    if (!v)
        return FB_JSON_ABSENT;
    switch (json_typeof(in(v))) {
    case JSON_OBJECT:
        return FB_JSON_OBJECT;
    case JSON_ARRAY:
        return FB_JSON_ARRAY;
    case JSON_STRING:
        return FB_JSON_STR;
    case JSON_INTEGER:
        return FB_JSON_INT;
    case JSON_REAL:
        return FB_JSON_REAL;
    case JSON_TRUE:
    case JSON_FALSE:
        return FB_JSON_BOOL;
    case JSON_NULL:
        return FB_JSON_NULL;
    }
    return FB_JSON_ABSENT;
}

const struct fb_json *fb_json_get(const struct fb_json *object, const char *key)
{
    return object ? out_of(json_object_get(in(object), key)) : NULL;
}

const struct fb_json *fb_json_get_fold(const struct fb_json *object, const char *key)
{
    const struct fb_json *v = fb_json_get(object, key);
    size_t len = strlen(key);
    char capital[64];

    if (v || len == 0 || len >= sizeof capital)
        return v;
    memcpy(capital, key, len + 1);
    if (*capital >= 'a' && *capital <= 'z')
        *capital = (char)(*capital - 'a' + 'A');
    return fb_json_get(object, capital);
}

size_t fb_json_len(const struct fb_json *array) { return array ? json_array_size(in(array)) : 0; }

const struct fb_json *fb_json_at(const struct fb_json *array, size_t i)
{
    return array ? out_of(json_array_get(in(array), i)) : NULL;
}

bool fb_json_next(const struct fb_json *object, void **iter, const char **key,
                  const struct fb_json **value)
{
    json_t *o = (json_t *)(void *)(uintptr_t)object; /* jansson's iterators take it without const */
    void *next;

    if (!object || !json_is_object(o))
        return false;
    next = *iter ? json_object_iter_next(o, *iter) : json_object_iter(o);
    if (!next)
        return false;
    *iter = next;
    *key = json_object_iter_key(next);
    *value = out_of(json_object_iter_value(next));
    return true;
}

const char *fb_json_str(const struct fb_json *v)
{
    const char *s = v ? json_string_value(in(v)) : NULL;

    return s ? s : "";
}

int64_t fb_json_int_value(const struct fb_json *v) { return json_integer_value(in(v)); }

double fb_json_real_value(const struct fb_json *v) { return json_real_value(in(v)); }

bool fb_json_bool_value(const struct fb_json *v) { return json_is_true(in(v)); }

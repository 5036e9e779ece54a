/* json.c - jansson behind json.h: the only file that knows the parser. */
#include "base/json.h"

#include <jansson.h>
#include <math.h>
#include <string.h>
#include <strings.h>

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
    if (!root) {
        char words[sizeof e.text + 1];
        size_t n = 0;

        for (const char *p = e.text; *p && n < sizeof words - 1; p++) /* it quotes what it met */
            words[n++] = (unsigned char)*p >= 0x20 && (unsigned char)*p < 0x7F ? *p : '?';
        words[n] = '\0';
        return fb_err_set(err, FB_EINPUT, "not JSON: %s at byte %d",
                          words[0] ? words : "unreadable", e.position);
    }
    if (!fb_arena_defer(a, drop, root))
        return fb_err_set(err, FB_ELIMIT, "no memory left for this JSON text");
    if (odd)
        *odd = bits;
    *out = out_of(root);
    return FB_OK;
}

const char *fb_json_odd_words(struct fb_arena *a, unsigned odd)
{
    static const char *const words[] = {"duplicate key", "number out of range", "NUL character",
                                        "lone surrogate", "nested too deep"};
    struct fb_buf b;

    if (!odd)
        return "";
    fb_buf_init_in(&b, a, 256);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (odd & 1u << i)
            fb_buf_fmt(&b, "%s%s", b.len ? ", " : "", words[i]);
    }
    return b.at;
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

const struct fb_json *fb_json_path(const struct fb_json *v, const char *dotted)
{
    char key[128];

    while (v && *dotted) {
        size_t n = strcspn(dotted, ".");

        if (n >= sizeof key)
            return NULL;
        memcpy(key, dotted, n);
        key[n] = '\0';
        v = fb_json_get(v, key);
        dotted += n + (dotted[n] == '.');
    }
    return v;
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

const char *fb_json_get_str(const struct fb_json *v, const char *key)
{
    return fb_json_str(fb_json_get(v, key));
}

const char *fb_json_path_str(const struct fb_json *v, const char *dotted)
{
    return fb_json_str(fb_json_path(v, dotted));
}

const char *fb_json_text(struct fb_arena *a, const struct fb_json *v)
{
    switch (fb_json_kind(v)) {
    case FB_JSON_STR:
        return fb_json_str(v);
    case FB_JSON_INT:
        return fb_arena_fmt(a, "%lld", (long long)json_integer_value(in(v)));
    case FB_JSON_REAL:
        return fb_arena_fmt(a, "%.17g", json_real_value(in(v)));
    case FB_JSON_BOOL:
        return json_is_true(in(v)) ? "true" : "false";
    default:
        return "";
    }
}

bool fb_json_int(const struct fb_json *v, int64_t *out)
{
    const char *s, *p;
    int64_t n = 0;

    if (fb_json_kind(v) == FB_JSON_INT) {
        *out = json_integer_value(in(v));
        return true;
    }
    s = p = fb_json_str(v);
    if (*p == '-')
        p++;
    if (!*p)
        return false;
    for (; *p; p++) {
        if (*p < '0' || *p > '9')
            return false;
        n = n * 10 + (*p - '0');
        if (n > (int64_t)9007199254740992) /* 2^53 */
            return false;
    }
    *out = *s == '-' ? -n : n;
    return true;
}

double fb_json_num(const struct fb_json *v, double otherwise)
{
    int64_t n;

    if (v && json_is_number(in(v)))
        return json_number_value(in(v));
    return fb_json_int(v, &n) ? (double)n : otherwise;
}

bool fb_json_bool(const struct fb_json *v, bool otherwise)
{
    const char *s = fb_json_str(v);

    if (fb_json_kind(v) == FB_JSON_BOOL)
        return json_is_true(in(v));
    return strcasecmp(s, "true") == 0 ? true : strcasecmp(s, "false") == 0 ? false : otherwise;
}

const char *fb_json_dump(struct fb_arena *a, const struct fb_json *v, size_t bytes_max)
{
    size_t len;
    char *text;

    if (!v)
        return "";
    len = json_dumpb(in(v), NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY);
    if (len == 0 || len > bytes_max)
        return "";
    text = fb_arena_alloc(a, len + 1);
    if (!text)
        return "";
    (void)json_dumpb(in(v), text, len, JSON_COMPACT | JSON_ENCODE_ANY);
    return text;
}

/* json.c - what of json.h is the same whatever parser sits behind it. */
#include "base/json_in.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/buf.h"

enum fb_status fb_json_refuse(struct fb_err *err, const char *what, size_t byte)
{
    char words[160];
    size_t n = 0;

    for (; *what && n < sizeof words - 1; what++) /* it may quote what it met */
        words[n++] = (unsigned char)*what >= 0x20 && (unsigned char)*what < 0x7F ? *what : '?';
    words[n] = '\0';
    return fb_err_set(err, FB_EINPUT, "not JSON: %s at byte %zu", n ? words : "unreadable", byte);
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
        return fb_arena_fmt(a, "%lld", (long long)fb_json_int_value(v));
    case FB_JSON_REAL:
        return fb_arena_fmt(a, "%.17g", fb_json_real_value(v));
    case FB_JSON_BOOL:
        return fb_json_bool_value(v) ? "true" : "false";
    default:
        return "";
    }
}

bool fb_json_int(const struct fb_json *v, int64_t *out)
{
    const char *s, *p;
    int64_t n = 0;

    if (fb_json_kind(v) == FB_JSON_INT) {
        *out = fb_json_int_value(v);
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

    if (fb_json_kind(v) == FB_JSON_REAL)
        return fb_json_real_value(v);
    return fb_json_int(v, &n) ? (double)n : otherwise;
}

bool fb_json_bool(const struct fb_json *v, bool otherwise)
{
    const char *s = fb_json_str(v);

    if (fb_json_kind(v) == FB_JSON_BOOL)
        return fb_json_bool_value(v);
    return strcasecmp(s, "true") == 0 ? true : strcasecmp(s, "false") == 0 ? false : otherwise;
}

/* --- writing -----------------------------------------------------------------------------------
 */

/* Only what the grammar wants escaped: the text is read by parsers, not shown to people. */
static void dump_str(struct fb_buf *b, const char *s)
{
    static const char hex[] = "0123456789ABCDEF";

    fb_buf_addc(b, '"');
    while (*s) {
        size_t run = 0;
        unsigned char c;

        while ((unsigned char)s[run] >= 0x20 && s[run] != '"' && s[run] != '\\')
            run++;
        fb_buf_addn(b, s, run);
        s += run;
        c = (unsigned char)*s;
        if (c == '\0')
            break;
        if (c == '"' || c == '\\') {
            const char two[2] = {'\\', (char)c};

            fb_buf_addn(b, two, sizeof two);
        } else {
            const char *at = strchr("\bb\ff\nn\rr\tt", (char)c);
            const char six[6] = {'\\', at ? at[1] : 'u', '0', '0', hex[c >> 4], hex[c & 15]};

            fb_buf_addn(b, six, at ? 2 : sizeof six);
        }
        s++;
    }
    fb_buf_addc(b, '"');
}

static void dump_real(struct fb_buf *b, double v)
{
    char text[40];

    (void)snprintf(text, sizeof text, "%.17g", v);
    fb_buf_add(b, text);
    if (!strpbrk(text, ".e"))
        fb_buf_add(b, ".0"); /* it is read as a real again */
}

/* Calls itself for values inside values, at most FB_JSON_DEPTH_MAX deep. */
static void dump(struct fb_buf *b, const struct fb_json *v)
{
    enum fb_json_kind kind = fb_json_kind(v);
    const struct fb_json *member;
    void *iter = NULL;
    const char *key, *comma = "";

    if (kind == FB_JSON_STR) {
        dump_str(b, fb_json_str(v));
    } else if (kind == FB_JSON_INT) {
        fb_buf_fmt(b, "%lld", (long long)fb_json_int_value(v));
    } else if (kind == FB_JSON_REAL) {
        dump_real(b, fb_json_real_value(v));
    } else if (kind == FB_JSON_BOOL) {
        fb_buf_add(b, fb_json_bool_value(v) ? "true" : "false");
    } else if (kind == FB_JSON_ARRAY) {
        fb_buf_addc(b, '[');
        for (size_t i = 0, n = fb_json_len(v); i < n && fb_buf_ok(b); i++, comma = ",") {
            fb_buf_add(b, comma);
            dump(b, fb_json_at(v, i));
        }
        fb_buf_addc(b, ']');
    } else if (kind == FB_JSON_OBJECT) {
        fb_buf_addc(b, '{');
        for (; fb_buf_ok(b) && fb_json_next(v, &iter, &key, &member); comma = ",") {
            fb_buf_add(b, comma);
            dump_str(b, key);
            fb_buf_addc(b, ':');
            dump(b, member);
        }
        fb_buf_addc(b, '}');
    } else {
        fb_buf_add(b, "null");
    }
}

const char *fb_json_dump(struct fb_arena *a, const struct fb_json *v, size_t bytes_max)
{
    struct fb_buf b;
    const char *text = "";

    if (!v)
        return "";
    fb_buf_init(&b, bytes_max);
    dump(&b, v);
    if (fb_buf_ok(&b))
        text = fb_arena_strn(a, b.at, b.len);
    fb_buf_release(&b);
    return text;
}

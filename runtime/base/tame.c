/* tame.c - a copy of a JSON text that every parser can read: an attacker may place valid values
 * that parsers refuse (2^64, 1e999, \u0000, lone surrogates, deep nesting), and must not hide by
 * it. */
#include "base/tame.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

struct tamer {
    struct fb_buf *to;
    const char *at, *end;
    unsigned odd;
};

static bool hex4(const char *p, const char *end, unsigned *out)
{
    unsigned v = 0;

    if (end - p < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        char c = p[i];

        v <<= 4;
        if (c >= '0' && c <= '9')
            v |= (unsigned)(c - '0');
        else if ((c | 32) >= 'a' && (c | 32) <= 'f')
            v |= (unsigned)((c | 32) - 'a' + 10);
        else
            return false;
    }
    *out = v;
    return true;
}

/* One escape, at the backslash: copied, or replaced where it is \u0000 or half a pair. */
static void escape(struct tamer *t)
{
    unsigned u, low;

    if (t->end - t->at < 2 || t->at[1] != 'u' || !hex4(t->at + 2, t->end, &u)) {
        size_t n = t->end - t->at < 2 ? 1 : 2;

        fb_buf_addn(t->to, t->at, n);
        t->at += n;
        return;
    }
    if (u >= 0xD800 && u <= 0xDBFF && t->end - t->at >= 12 && t->at[6] == '\\' && t->at[7] == 'u' &&
        hex4(t->at + 8, t->end, &low) && low >= 0xDC00 && low <= 0xDFFF) {
        fb_buf_addn(t->to, t->at, 12);
        t->at += 12;
        return;
    }
    if (u == 0 || (u >= 0xD800 && u <= 0xDFFF)) {
        t->odd |= u == 0 ? FB_ODD_NUL : FB_ODD_SURROGATE;
        fb_buf_add(t->to, "\\ufffd");
    } else {
        fb_buf_addn(t->to, t->at, 6);
    }
    t->at += 6;
}

static void string(struct tamer *t)
{
    fb_buf_addc(t->to, *t->at++);
    while (t->at < t->end) {
        const char *run = t->at;

        while (t->at < t->end && *t->at != '"' && *t->at != '\\')
            t->at++;
        fb_buf_addn(t->to, run, (size_t)(t->at - run));
        if (t->at >= t->end)
            return;
        if (*t->at == '"') {
            fb_buf_addc(t->to, *t->at++);
            return;
        }
        escape(t);
    }
}

/* Whether [p, p+n) is a number by JSON's grammar. */
static bool is_number(const char *p, size_t n)
{
    size_t i = 0, from;

    if (i < n && p[i] == '-')
        i++;
    from = i;
    while (i < n && p[i] >= '0' && p[i] <= '9')
        i++;
    if (i == from || (p[from] == '0' && i - from > 1))
        return false;
    if (i < n && p[i] == '.') {
        from = ++i;
        while (i < n && p[i] >= '0' && p[i] <= '9')
            i++;
        if (i == from)
            return false;
    }
    if (i < n && (p[i] | 32) == 'e') {
        i++;
        if (i < n && (p[i] == '+' || p[i] == '-'))
            i++;
        from = i;
        while (i < n && p[i] >= '0' && p[i] <= '9')
            i++;
        if (i == from)
            return false;
    }
    return i == n;
}

/* Whether every parser can hold the number: whole ones in 64 bits, others in a double (what is too
 * small for one is 0). */
static bool number_fits(const char *text, bool fraction)
{
    errno = 0;
    if (fraction)
        return isfinite(strtod(text, NULL));
    (void)strtoll(text, NULL, 10);
    return errno == 0;
}

static void number(struct tamer *t)
{
    const char *run = t->at;
    const char *text = NULL;
    char copy[64];
    size_t n;

    while (t->at < t->end && (strchr("+-.eE", *t->at) || (*t->at >= '0' && *t->at <= '9')) &&
           *t->at)
        t->at++;
    n = (size_t)(t->at - run);
    if (!is_number(run, n)) {
        fb_buf_addn(t->to, run, n);
        return;
    }
    if (n < sizeof copy) {
        memcpy(copy, run, n);
        copy[n] = '\0';
        text = copy;
    } else if (t->at < t->end) {
        text = run; /* what follows is no part of it: strtod stops there */
    }
    if (text &&
        number_fits(text, memchr(run, '.', n) || memchr(run, 'e', n) || memchr(run, 'E', n))) {
        fb_buf_addn(t->to, run, n);
        return;
    }
    t->odd |= FB_ODD_BIG_NUMBER;
    fb_buf_add(t->to, *run == '-' ? "-1e300" : "1e300");
}

/* Skips one bracketed value that lies too deep; strings inside are respected. */
static void skip_deep(struct tamer *t)
{
    size_t depth = 0;

    do {
        char c = *t->at++;

        if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            depth--;
        } else if (c == '"') {
            while (t->at < t->end && *t->at != '"')
                t->at += *t->at == '\\' && t->end - t->at > 1 ? 2 : 1;
            if (t->at < t->end)
                t->at++;
        }
    } while (depth > 0 && t->at < t->end);
    if (depth == 0) {
        fb_buf_add(t->to, "null");
        t->odd |= FB_ODD_DEEP;
    }
}

void fb_json_tame(struct fb_buf *to, const char *bytes, size_t len, unsigned *odd)
{
    struct tamer t = {.to = to, .at = bytes, .end = bytes + len};
    size_t depth = 0;

    while (t.at < t.end && fb_buf_ok(to)) {
        char c = *t.at;

        if (c == '"') {
            string(&t);
        } else if (c == '-' || (c >= '0' && c <= '9')) {
            number(&t);
        } else if ((c == '{' || c == '[') && depth >= FB_JSON_DEPTH_MAX) {
            skip_deep(&t);
        } else {
            depth += (size_t)(c == '{' || c == '[');
            depth -= (size_t)((c == '}' || c == ']') && depth > 0);
            fb_buf_addc(to, c);
            t.at++;
        }
    }
    *odd |= t.odd;
}

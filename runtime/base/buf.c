/* buf.c - growing text with a ceiling. The JSON writer on top of it is jsonw.c. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

/* What at points to before the first byte, so that at is never NULL; never written to. */
static const char EMPTY[1] = "";

void fb_buf_init(struct fb_buf *b, size_t bytes_max)
{
    memset(b, 0, sizeof *b);
    b->at = (char *)(uintptr_t)EMPTY;
    b->max = bytes_max;
}

void fb_buf_init_in(struct fb_buf *b, struct fb_arena *a, size_t bytes_max)
{
    fb_buf_init(b, bytes_max);
    b->arena = a;
}

void fb_buf_release(struct fb_buf *b)
{
    if (!b->arena && b->cap)
        free(b->at);
    b->at = (char *)(uintptr_t)EMPTY;
    b->len = b->cap = 0;
}

void fb_buf_reset(struct fb_buf *b)
{
    b->len = 0;
    b->failed = false;
    b->depth = 0;
    memset(b->comma, 0, sizeof b->comma);
    if (b->cap)
        b->at[0] = '\0';
}

bool fb_buf_ok(const struct fb_buf *b) { return !b->failed; }

/* Makes room, or sees that there is none. */
static bool grow(struct fb_buf *b, size_t more)
{
    size_t cap;
    char *p;

    if (b->failed)
        return false;
    if (more > b->max || b->len > b->max - more) {
        b->failed = true;
        return false;
    }
    if (b->len + more + 1 <= b->cap)
        return true;
    cap = b->cap ? b->cap * 2 : 256;
    while (cap < b->len + more + 1)
        cap *= 2;
    if (b->arena) {
        p = fb_arena_alloc(b->arena, cap);
        if (p && b->cap)
            memcpy(p, b->at, b->len + 1);
    } else {
        p = realloc(b->cap ? b->at : NULL, cap);
    }
    if (!p) {
        b->failed = true;
        return false;
    }
    b->at = p;
    b->cap = cap;
    return true;
}

static bool room_for(struct fb_buf *b, size_t more)
{
    /* cap may pass max: what is beyond it is not there to be used */
    size_t end = b->cap > b->max ? b->max : b->cap ? b->cap - 1 : 0;

    return (!b->failed && b->len <= end && more <= end - b->len) || grow(b, more);
}

void fb_buf_addn(struct fb_buf *b, const void *bytes, size_t len)
{
    if (len == 0 || !room_for(b, len))
        return;
    memcpy(b->at + b->len, bytes, len);
    b->len += len;
    b->at[b->len] = '\0';
}

void fb_buf_add(struct fb_buf *b, const char *s) { fb_buf_addn(b, s, strlen(s)); }

void fb_buf_addc(struct fb_buf *b, char c)
{
    if (!room_for(b, 1))
        return;
    b->at[b->len++] = c;
    b->at[b->len] = '\0';
}

void fb_buf_fmt(struct fb_buf *b, const char *fmt, ...)
{
    va_list ap, again;
    char few[256];
    int len;

    va_start(ap, fmt);
    va_copy(again, ap);
    len = vsnprintf(few, sizeof few, fmt, ap);
    if (len < 0) {
        b->failed = true;
    } else if ((size_t)len < sizeof few) {
        fb_buf_addn(b, few, (size_t)len);
    } else if (room_for(b, (size_t)len)) {
        (void)vsnprintf(b->at + b->len, (size_t)len + 1, fmt, again);
        b->len += (size_t)len;
    }
    va_end(again);
    va_end(ap);
}

static bool unreserved(unsigned char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '~';
}

static void add_escaped(struct fb_buf *b, const char *s, size_t len, bool plus, bool keep_slash)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        char esc[3] = {'%', hex[c >> 4], hex[c & 15]};

        if (unreserved(c) || (c == '/' && keep_slash))
            fb_buf_addc(b, (char)c);
        else if (c == ' ' && plus)
            fb_buf_addc(b, '+');
        else
            fb_buf_addn(b, esc, sizeof esc);
    }
}

void fb_buf_add_param(struct fb_buf *b, const char *name, const char *value)
{
    if (b->len)
        fb_buf_addc(b, '&');
    add_escaped(b, name, strlen(name), true, false);
    fb_buf_addc(b, '=');
    add_escaped(b, value, strlen(value), true, false);
}

void fb_buf_add_uri(struct fb_buf *b, const char *s, size_t len, bool keep_slash)
{
    add_escaped(b, s, len, false, keep_slash);
}

/* jsonw.c - the JSON writer and the plain-text writer of buf.h: where text from outside is escaped.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"

/* Characters that can make a line read as something it is not: controls, C1, bidi, line separators.
 */
static bool plain(uint32_t cp)
{
    if (cp < 0x7F)
        return cp >= 0x20;
    return cp >= 0xA0 && cp != 0x061C && cp != 0x200E && cp != 0x200F &&
           !(cp >= 0x2028 && cp <= 0x202E) && !(cp >= 0x2066 && cp <= 0x2069) && cp != 0xFEFF;
}

/* A reader that prints JSON as it stands must not be steered by it either: the same characters are
 * escapes here. All of them fit four digits. */
static void add_quoted(struct fb_buf *b, const char *s, size_t len)
{
    const unsigned char *p = (const unsigned char *)s;
    size_t run = 0;

    fb_buf_addc(b, '"');
    for (size_t i = 0; i < len;) {
        uint32_t cp = 0;
        size_t n = fb_utf8_next(p + i, len - i, &cp);
        char esc[8];

        if (n && plain(cp) && cp != '"' && cp != '\\') {
            i += n;
            continue;
        }
        fb_buf_addn(b, s + run, i - run);
        if (n == 0) {
            fb_buf_add(b, "\xEF\xBF\xBD");
            n = 1;
        } else if (cp == '"' || cp == '\\') {
            esc[0] = '\\';
            esc[1] = (char)cp;
            fb_buf_addn(b, esc, 2);
        } else {
            (void)snprintf(esc, sizeof esc, "\\u%04x", (unsigned)cp);
            fb_buf_add(b, esc);
        }
        i += n;
        run = i;
    }
    fb_buf_addn(b, s + run, len - run);
    fb_buf_addc(b, '"');
}

static void add_int(struct fb_buf *b, int64_t value)
{
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    char text[21], *at = text + sizeof text;

    do
        *--at = (char)('0' + left % 10);
    while (left /= 10);
    if (value < 0)
        *--at = '-';
    fb_buf_addn(b, at, (size_t)(text + sizeof text - at));
}

static void start(struct fb_buf *b, const char *key)
{
    if (b->depth > 0 && b->depth <= (int)sizeof b->comma) {
        if (b->comma[b->depth - 1])
            fb_buf_addc(b, ',');
        b->comma[b->depth - 1] = 1;
    }
    if (key) {
        add_quoted(b, key, strlen(key));
        fb_buf_addc(b, ':');
    }
}

void fb_json_open(struct fb_buf *b, const char *key, char bracket)
{
    start(b, key);
    fb_buf_addc(b, bracket);
    if (b->depth >= (int)sizeof b->comma)
        b->failed = true;
    else
        b->comma[b->depth++] = 0;
}

void fb_json_close(struct fb_buf *b, char bracket)
{
    if (b->depth > 0)
        b->depth--;
    fb_buf_addc(b, bracket);
}

void fb_json_put_strn(struct fb_buf *b, const char *key, const char *value, size_t len)
{
    start(b, key);
    if (value)
        add_quoted(b, value, len);
    else
        fb_buf_add(b, "null");
}

void fb_json_put_str(struct fb_buf *b, const char *key, const char *value)
{
    fb_json_put_strn(b, key, value, value ? strlen(value) : 0);
}

void fb_json_put_int(struct fb_buf *b, const char *key, int64_t value)
{
    start(b, key);
    add_int(b, value);
}

void fb_json_put_num(struct fb_buf *b, const char *key, double value, int decimals)
{
    char text[400];
    size_t len;

    start(b, key);
    if (!isfinite(value)) {
        fb_buf_add(b, "null");
        return;
    }
    if (value > -1e15 && value < 1e15 && value == (double)(int64_t)value) {
        add_int(b, (int64_t)value);
        return;
    }
    (void)snprintf(text, sizeof text, "%.*f", decimals, value);
    len = strlen(text);
    if (strchr(text, '.')) {
        while (len > 1 && text[len - 1] == '0')
            len--;
        if (text[len - 1] == '.')
            len--;
    }
    text[len] = '\0';
    fb_buf_add(b, strcmp(text, "-0") == 0 ? "0" : text);
}

void fb_json_put_bool(struct fb_buf *b, const char *key, bool value)
{
    start(b, key);
    fb_buf_add(b, value ? "true" : "false");
}

void fb_json_put_null(struct fb_buf *b, const char *key) { fb_json_put_str(b, key, NULL); }

void fb_json_put_raw(struct fb_buf *b, const char *key, const char *json)
{
    start(b, key);
    fb_buf_add(b, json);
}

void fb_buf_add_plain(struct fb_buf *b, const char *s, size_t bytes_max)
{
    const unsigned char *p = (const unsigned char *)s;
    size_t len = strlen(s);

    for (size_t i = 0; i < len;) {
        uint32_t cp = 0;
        size_t n = fb_utf8_next(p + i, len - i, &cp);

        if (i + (n ? n : 1) > bytes_max) {
            fb_buf_add(b, "...");
            return;
        }
        if (n && plain(cp))
            fb_buf_addn(b, s + i, n);
        else
            fb_buf_addc(b, '?');
        i += n ? n : 1;
    }
}

/* buf.h - text that grows, born with a ceiling; and JSON written into it.
 *
 * Appends do not report: the buffer remembers that it overflowed (fb_buf_ok). The text is always
 * NUL-terminated. Text from events goes through the _json_ functions, never through fb_buf_fmt into
 * something that has a grammar. */
#ifndef FB_BUF_H
#define FB_BUF_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fb_arena;

struct fb_buf {
    char *at;   /* text; never NULL after init */
    size_t len; /* bytes without the NUL */
    size_t cap, max;
    bool failed;            /* ceiling reached or memory short: the text is cut */
    struct fb_arena *arena; /* NULL: malloc, released by fb_buf_release */
    char comma[32];         /* JSON writer: one entry per open level */
    int depth;
};

/* A buffer on the heap of at most bytes_max bytes; release it. */
void fb_buf_init(struct fb_buf *b, size_t bytes_max);

/* A buffer whose memory is the arena's: nothing to release. */
void fb_buf_init_in(struct fb_buf *b, struct fb_arena *a, size_t bytes_max);

void fb_buf_release(struct fb_buf *b);
void fb_buf_reset(struct fb_buf *b); /* empty again; keeps the memory */
bool fb_buf_ok(const struct fb_buf *b);

void fb_buf_add(struct fb_buf *b, const char *s);
void fb_buf_addn(struct fb_buf *b, const void *bytes, size_t len);
void fb_buf_addc(struct fb_buf *b, char c);
void fb_buf_fmt(struct fb_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Form encoding as Python's urlencode does it (space is '+', upper-case escapes, unreserved
 * A-Za-z0-9-_.~ plain): real AWS and strict stand-ins both accept it. Adds "&" before the name
 * unless the buffer is empty. */
void fb_buf_add_param(struct fb_buf *b, const char *name, const char *value);
/* RFC 3986 escaping of one piece (space is %20); slash is escaped unless keep_slash. */
void fb_buf_add_uri(struct fb_buf *b, const char *s, size_t len, bool keep_slash);

/* A JSON writer: commas and escapes are its job. Keys are ours and NULL inside arrays. Strings are
 * escaped; invalid UTF-8 and control characters come out as U+FFFD and \u00XX. At most 32 levels.
 */
void fb_json_open(struct fb_buf *b, const char *key, char bracket);         /* '{' or '[' */
void fb_json_close(struct fb_buf *b, char bracket);                         /* '}' or ']' */
void fb_json_put_str(struct fb_buf *b, const char *key, const char *value); /* NULL writes null */
void fb_json_put_strn(struct fb_buf *b, const char *key, const char *value, size_t len);
void fb_json_put_int(struct fb_buf *b, const char *key, int64_t value);
void fb_json_put_num(struct fb_buf *b, const char *key, double value,
                     int decimals); /* trailing zeros cut */
void fb_json_put_bool(struct fb_buf *b, const char *key, bool value);
void fb_json_put_null(struct fb_buf *b, const char *key);
void fb_json_put_raw(struct fb_buf *b, const char *key, const char *json); /* json: text of ours */

/* Text for a person's terminal or a plain-text message: control, C1 and bidi characters become '?',
 * invalid UTF-8 too; cut at bytes_max with "...". */
void fb_buf_add_plain(struct fb_buf *b, const char *s, size_t bytes_max);

#endif

/* log.c - one line a call, whatever is in the fields. */
#include "base/log.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"

static const char *const LEVELS[] = {"debug", "info", "warn", "error"};

static void write_json(struct fb_buf *b, const struct fb_log *log, enum fb_log_level level,
                       const char *words, const struct fb_log_field *f)
{
    char when[FB_TIME_MAX];

    fb_json_open(b, NULL, '{');
    fb_json_put_str(b, "time", fb_time_iso(fb_wall_ms(&log->clock), when));
    fb_json_put_str(b, "level", LEVELS[level]);
    fb_json_put_str(b, "message", words);
    for (; f && f->key; f++) {
        if (f->text)
            fb_json_put_str(b, f->key, f->text);
        else
            fb_json_put_int(b, f->key, f->number);
    }
    fb_json_close(b, '}');
}

/* "firebreak: warn: words (key value, key value): text": the field that explains comes last. */
static void write_plain(struct fb_buf *b, enum fb_log_level level, const char *words,
                        const struct fb_log_field *fields)
{
    const struct fb_log_field *last = NULL;
    const char *sep = " (";

    fb_buf_add(b, "firebreak: ");
    if (level != FB_LOG_INFO)
        fb_buf_fmt(b, "%s: ", LEVELS[level]);
    fb_buf_add(b, words);
    for (const struct fb_log_field *f = fields; f && f->key; f++) {
        if (f->text && (strcmp(f->key, "why") == 0 || strcmp(f->key, "text") == 0)) {
            last = f;
            continue;
        }
        fb_buf_fmt(b, "%s%s ", sep, f->key);
        if (f->text)
            fb_buf_add_plain(b, f->text, 1024);
        else
            fb_buf_fmt(b, "%lld", (long long)f->number);
        sep = ", ";
    }
    fb_buf_add(b, sep[0] == ',' ? ")" : "");
    fb_buf_add(b, last ? ": " : "");
    if (last)
        fb_buf_add_plain(b, last->text, 2048);
}

void fb_log(const struct fb_log *log, enum fb_log_level level, const char *words,
            const struct fb_log_field *fields)
{
    struct fb_buf b;

    if (!log || !log->to || level < log->least)
        return;
    fb_buf_init(&b, 64u << 10);
    if (log->json)
        write_json(&b, log, level, words, fields);
    else
        write_plain(&b, level, words, fields);
    if (!fb_buf_ok(&b) && log->json) { /* a cut line must stay one JSON object */
        fb_buf_reset(&b);
        write_json(&b, log, level, words, NULL);
    }
    fb_buf_addc(&b, '\n');
    (void)fwrite(b.at, 1, b.len, log->to);
    (void)fflush(log->to);
    fb_buf_release(&b);
}

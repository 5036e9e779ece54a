/* log.h - diagnostics on stderr: one JSON object a line at live doors, plain lines in the CLI.
 *
 * A log call takes typed fields, so that no text from an event is ever a format or a line break. */
#ifndef FB_LOG_H
#define FB_LOG_H
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/clock.h"

enum fb_log_level { FB_LOG_DEBUG, FB_LOG_INFO, FB_LOG_WARN, FB_LOG_ERROR };

struct fb_log {
    FILE *to;  /* stderr; a test's file */
    bool json; /* one object a line; else "firebreak: warn: words (key=value ...)" */
    enum fb_log_level least;
    struct fb_clock clock;
};

struct fb_log_field {
    const char *key;  /* ours; NULL ends the list */
    const char *text; /* may be anybody's: escaped. NULL: `number` counts */
    int64_t number;
};

/* Writes one line. `words` is ours. fields may be NULL; it ends with a NULL key. */
void fb_log(const struct fb_log *log, enum fb_log_level level, const char *words,
            const struct fb_log_field *fields);

/* fb_log with the fields written in place: FB_LOG(log, FB_LOG_WARN, "x", {"key", id, 0}) */
#define FB_LOG(log, level, words, ...)                                                             \
    fb_log((log), (level), (words), (const struct fb_log_field[]){__VA_ARGS__, {NULL, NULL, 0}})

#endif

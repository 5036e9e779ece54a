/* clock.h - the only way to ask what time it is. Decisions never ask: time comes in with the event.
 */
#ifndef FB_CLOCK_H
#define FB_CLOCK_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fb_arena;

struct fb_clock {
    int64_t (*wall_ms)(void *self); /* Unix time, milliseconds */
    int64_t (*mono_ms)(void *self); /* never goes back; for deadlines and durations */
    int64_t (*cpu_ms)(void *self);  /* this thread's time on a processor; NULL: mono_ms stands in */
    void *self;
};

/* The machine's own clock. */
struct fb_clock fb_clock_system(void);

int64_t fb_wall_ms(const struct fb_clock *c);
int64_t fb_mono_ms(const struct fb_clock *c);
int64_t fb_cpu_ms(const struct fb_clock *c); /* for budgets of computing: a throttled or busy
                                                machine must not eat them */

/* Parses "2026-01-02T03:04:05[.678][Z|+hh:mm]" and "2026-01-02 03:04:05[.frac]"; no zone means UTC.
 * Years 1970 to 2200. False when it is anything else; *ms is untouched then. */
bool fb_time_parse(const char *text, int64_t *ms);

/* Parses RFC 1123 dates ("Wed, 12 Feb 2025 00:37:54 GMT"), as AWS Health and HTTP use. */
bool fb_time_parse_http(const char *text, int64_t *ms);

enum { FB_TIME_MAX = 32 };

/* Writes "2026-01-02T03:04:05.678Z" into out[FB_TIME_MAX]; returns out. */
char *fb_time_iso(int64_t ms, char *out);
/* Writes "20260102T030405Z" (SigV4's form); returns out. */
char *fb_time_basic(int64_t ms, char *out);

#endif

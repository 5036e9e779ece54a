/* load.h - one source as bytes on the heap, with a ceiling, and what cut it short. */
#ifndef FB_INGEST_LOAD_H
#define FB_INGEST_LOAD_H
#include <stdbool.h>
#include <stddef.h>

enum { FB_LOAD_WORDS_MAX = 192 };

struct fb_load {
    char *at; /* heap; NULL when len is 0 */
    size_t len;
    char broken[FB_LOAD_WORDS_MAX]; /* "" when it is all there; else one line: where and why not */
    size_t cap;                     /* of at, for reading on; 0: not known */
};

__attribute__((format(printf, 2, 3))) void fb_load_broken(struct fb_load *l, const char *fmt, ...);

/* Reads fd to its end, at most bytes_max bytes. Gives errno of a failed read, 0 otherwise; what was
 * read before stays. */
int fb_load_fd(int fd, size_t bytes_max, struct fb_load *out);

/* The same in two parts: at least `least` bytes (or all there are: *ended), then the rest. */
int fb_load_some(int fd, size_t least, struct fb_load *l, bool *ended);
int fb_load_rest(int fd, size_t bytes_max, struct fb_load *l);

void fb_load_release(struct fb_load *l);

#endif

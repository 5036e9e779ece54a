/* load.c - reads a descriptor to its end: file, pipe or standard input. */
#include "ingest/load.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FIRST_BYTES = 64 * 1024, READ_BYTES_MAX = 1 << 30 };

void fb_load_broken(struct fb_load *l, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(l->broken, sizeof l->broken, fmt, ap);
    va_end(ap);
}

void fb_load_release(struct fb_load *l)
{
    free(l->at);
    *l = (struct fb_load){0};
}

/* A file tells its size, a pipe does not; one byte more, so that its end shows in one read. */
static size_t first_cap(int fd, size_t most)
{
    struct stat st;
    size_t cap = FIRST_BYTES;

    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
        cap = (uintmax_t)st.st_size < most ? (size_t)st.st_size + 1 : most;
    return cap < most ? cap : most;
}

/* Reads once, where there is room. 1: more may come; 0: the end; -1: broken, *why says by what. */
static int read_on(int fd, struct fb_load *l, int *why)
{
    size_t want = l->cap - l->len;
    ssize_t got = read(fd, l->at + l->len, want < READ_BYTES_MAX ? want : READ_BYTES_MAX);

    if (got < 0 && errno != EINTR) {
        *why = errno;
        fb_load_broken(l, "cannot be read beyond byte %zu: %s", l->len, strerror(*why));
        return -1;
    }
    l->len += got > 0 ? (size_t)got : 0;
    return got != 0;
}

static bool grow_to(struct fb_load *l, size_t cap)
{
    char *at = realloc(l->at, cap);

    if (!at) {
        fb_load_broken(l, "no memory to read beyond byte %zu", l->len);
        return false;
    }
    l->at = at;
    l->cap = cap;
    return true;
}

int fb_load_some(int fd, size_t least, struct fb_load *l, bool *ended)
{
    int why = 0, more = 1;

    *ended = false;
    if (l->cap < least && !grow_to(l, least)) {
        *ended = true;
        return 0;
    }
    while (more > 0 && l->len < least) /* ends: each turn reads at least a byte */
        more = read_on(fd, l, &why);
    *ended = more <= 0;
    return why;
}

int fb_load_rest(int fd, size_t bytes_max, struct fb_load *l)
{
    size_t most = bytes_max + 1;
    int why = 0, more = 1;

    while (l->len <= bytes_max && more > 0) { /* ends: each turn reads at least a byte */
        if (l->len == l->cap) {
            size_t hint = first_cap(fd, most), next = hint > l->cap ? hint : l->cap * 2;

            if (!grow_to(l, next < most ? next : most))
                return 0;
        }
        more = read_on(fd, l, &why);
    }
    if (l->len > bytes_max) {
        l->len = bytes_max;
        fb_load_broken(l, "longer than the ceiling of %zu bytes", bytes_max);
    }
    return why;
}

int fb_load_fd(int fd, size_t bytes_max, struct fb_load *out)
{
    *out = (struct fb_load){0};
    return fb_load_rest(fd, bytes_max, out);
}

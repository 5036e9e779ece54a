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

int fb_load_fd(int fd, size_t bytes_max, struct fb_load *out)
{
    size_t most = bytes_max + 1, cap = 0;

    *out = (struct fb_load){0};
    while (out->len <= bytes_max) { /* ends: each turn reads at least a byte */
        size_t want;
        ssize_t got;

        if (out->len == cap) {
            size_t next = cap ? cap * 2 : first_cap(fd, most);
            char *at = realloc(out->at, next < most ? next : most);

            if (!at) {
                fb_load_broken(out, "no memory to read beyond byte %zu", out->len);
                return 0;
            }
            out->at = at;
            cap = next < most ? next : most;
        }
        want = cap - out->len;
        got = read(fd, out->at + out->len, want < READ_BYTES_MAX ? want : READ_BYTES_MAX);
        if (got == 0)
            return 0;
        if (got < 0 && errno != EINTR) {
            int why = errno;

            fb_load_broken(out, "cannot be read beyond byte %zu: %s", out->len, strerror(why));
            return why;
        }
        out->len += got > 0 ? (size_t)got : 0;
    }
    out->len = bytes_max;
    fb_load_broken(out, "longer than the ceiling of %zu bytes", bytes_max);
    return 0;
}

/* gunzip.c - zlib's inflate behind gunzip.h: members, ceilings, and what a break leaves. */
#include "ingest/gunzip.h"

#include <stdlib.h>
#define ZLIB_CONST /* next_in takes const bytes */
#include <zlib.h>

enum { FIRST_BYTES = 64 * 1024, STEP_BYTES_MAX = 1 << 30, GZIP_WINDOW = 15 + 16 };

/* One run over a stream. */
struct run {
    z_stream z;
    const char *bytes;
    size_t len, used; /* input */
    size_t cap;       /* of out->at */
    const struct fb_gunzip_limits *limits;
    struct fb_load *out;
};

bool fb_gzip_magic(const char *bytes, size_t len)
{
    return len >= 2 && (unsigned char)bytes[0] == 0x1F && (unsigned char)bytes[1] == 0x8B;
}

/* Room for output; one byte more than the ceiling, so that a stream that ends exactly there is told
 * from one that goes on. */
static bool grow(struct run *r)
{
    size_t most = r->limits->bytes_max + 1;
    size_t cap = r->cap ? r->cap * 2 : FIRST_BYTES;
    char *at;

    if (r->out->len < r->cap)
        return true;
    cap = cap < most ? cap : most;
    at = realloc(r->out->at, cap);
    if (!at) {
        fb_load_broken(r->out, "gzip: no memory beyond %zu bytes, at byte %zu of %zu", r->cap,
                       r->used, r->len);
        return false;
    }
    r->out->at = at;
    r->cap = cap;
    return true;
}

static bool within_limits(struct run *r)
{
    const struct fb_gunzip_limits *most = r->limits;

    if (r->out->len > most->bytes_max) {
        r->out->len = most->bytes_max;
        fb_load_broken(r->out, "gzip: inflates beyond the ceiling of %zu bytes, at byte %zu of %zu",
                       most->bytes_max, r->used, r->len);
        return false;
    }
    if (r->out->len > most->ratio_free && r->out->len / most->ratio_max > r->used) {
        fb_load_broken(r->out, "gzip: a bomb: more than %zu times its size at byte %zu of %zu",
                       most->ratio_max, r->used, r->len);
        return false;
    }
    return true;
}

/* Runs inflate to the end of one member. False at a break. */
static bool member(struct run *r)
{
    int rc = Z_OK;

    while (rc != Z_STREAM_END) { /* ends: each turn uses input, gives output, or breaks */
        size_t in = r->len - r->used, space, before = r->out->len;

        if (!grow(r))
            return false;
        space = r->cap - r->out->len;
        in = in < STEP_BYTES_MAX ? in : STEP_BYTES_MAX;
        space = space < STEP_BYTES_MAX ? space : STEP_BYTES_MAX;
        r->z.next_in = (const Bytef *)(const void *)(r->bytes + r->used);
        r->z.avail_in = (uInt)in;
        r->z.next_out = (Bytef *)(void *)(r->out->at + before);
        r->z.avail_out = (uInt)space;
        rc = inflate(&r->z, Z_NO_FLUSH);
        r->used += in - r->z.avail_in;
        r->out->len += space - r->z.avail_out;
        if (!within_limits(r))
            return false;
        if (rc == Z_BUF_ERROR || (rc == Z_OK && r->used == r->len && r->out->len == before)) {
            fb_load_broken(r->out, "gzip: ends too early, at byte %zu", r->used);
            return false;
        }
        if (rc != Z_OK && rc != Z_STREAM_END) {
            fb_load_broken(r->out, "gzip: broken at byte %zu of %zu (%s)", r->used, r->len,
                           r->z.msg ? r->z.msg : "unreadable");
            return false;
        }
    }
    return true;
}

/* What follows a member: another one, zeros (padding of tapes and blocks), or a break. */
static bool next_member(struct run *r)
{
    size_t at = r->used;

    if (fb_gzip_magic(r->bytes + at, r->len - at))
        return inflateReset(&r->z) == Z_OK;
    while (at < r->len && r->bytes[at] == '\0')
        at++;
    if (at < r->len)
        fb_load_broken(r->out, "gzip: what follows the stream at byte %zu of %zu is not gzip", at,
                       r->len);
    return false;
}

void fb_gunzip(const char *bytes, size_t len, const struct fb_gunzip_limits *limits,
               struct fb_load *out)
{
    struct run r = {.bytes = bytes, .len = len, .limits = limits, .out = out};

    *out = (struct fb_load){0};
    if (inflateInit2(&r.z, GZIP_WINDOW) != Z_OK) {
        fb_load_broken(out, "gzip: no memory to inflate");
        return;
    }
    while (member(&r) && next_member(&r))
        continue;
    (void)inflateEnd(&r.z);
    if (out->len == 0) {
        free(out->at);
        out->at = NULL;
    }
}

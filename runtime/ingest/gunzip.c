/* gunzip.c - libdeflate and zlib behind gunzip.h: members, ceilings, and what a break leaves.
 *
 * libdeflate is several times faster and gives all or nothing. So it goes first, and whatever it
 * does not bring to a clean end is read again by zlib, which knows how far it got and why it
 * stopped: a break, a bomb and a ceiling look the same with and without libdeflate. */
#include "ingest/gunzip.h"

#include <stdlib.h>
#define ZLIB_CONST /* next_in takes const bytes */
#include <zlib.h>
#ifdef FB_LIBDEFLATE
#include <libdeflate.h>
#endif

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

#ifdef FB_LIBDEFLATE
enum {
    HEADER_CRC = 2,        /* a flag of a member's header; its check is zlib's to make */
    MEMBER_MIN_BYTES = 18, /* header and trailer */
    DEFLATE_RATIO = 1032,  /* no stream says more with a byte */
    REGROWN_MAX = 4
};

/* How much a stream says it holds: true for a lone member below 4 GiB, a guess otherwise. */
static size_t announced(const char *bytes, size_t len)
{
    const unsigned char *p = (const unsigned char *)bytes + len - 4;

    return (size_t)p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24;
}

static bool regrow(struct fb_load *out, size_t *cap, size_t want)
{
    char *at = realloc(out->at, want);

    if (!at)
        return false;
    out->at = at;
    *cap = want;
    return true;
}

/* All members, and nothing but zeros behind them; false: zlib must say what there is. */
static bool all_members(struct libdeflate_decompressor *d, const char *bytes, size_t len,
                        size_t most, struct fb_load *out, size_t *used)
{
    size_t cap = 0, want = announced(bytes, len), at = 0, regrown = 0;

    want = want < FIRST_BYTES ? FIRST_BYTES : want;
    if (!regrow(out, &cap, want < most ? want : most))
        return false;
    do { /* each turn takes a member, or doubles the room */
        size_t in = 0, got = 0;
        enum libdeflate_result rc;

        if (len - at < MEMBER_MIN_BYTES || (unsigned char)bytes[at + 3] & HEADER_CRC)
            return false;
        rc = libdeflate_gzip_decompress_ex(d, bytes + at, len - at, out->at + out->len,
                                           cap - out->len, &in, &got);
        if (rc == LIBDEFLATE_INSUFFICIENT_SPACE && cap < most && regrown++ < REGROWN_MAX) {
            if (!regrow(out, &cap, cap < most / 2 ? cap * 2 : most))
                return false;
            continue;
        }
        if (rc != LIBDEFLATE_SUCCESS)
            return false;
        out->len += got;
        at += in;
    } while (fb_gzip_magic(bytes + at, len - at));
    *used = at;
    while (at < len && bytes[at] == '\0')
        at++;
    return at == len;
}

static bool at_once(const char *bytes, size_t len, const struct fb_gunzip_limits *limits,
                    struct fb_load *out)
{
    size_t most = limits->bytes_max, used = 0;
    struct libdeflate_decompressor *d;
    bool whole;

    if (len < MEMBER_MIN_BYTES)
        return false;
    d = libdeflate_alloc_decompressor();
    if (len < most / DEFLATE_RATIO)
        most = len * DEFLATE_RATIO;
    whole = d && most > 0 && all_members(d, bytes, len, most, out, &used) &&
            (out->len <= limits->ratio_free || out->len / limits->ratio_max <= used);
    libdeflate_free_decompressor(d);
    if (!whole) {
        fb_load_release(out);
        return false;
    }
    return true;
}
#else
static bool at_once(const char *bytes, size_t len, const struct fb_gunzip_limits *limits,
                    struct fb_load *out)
{
    (void)bytes;
    (void)len;
    (void)limits;
    (void)out;
    return false;
}
#endif

static void step_by_step(const char *bytes, size_t len, const struct fb_gunzip_limits *limits,
                         struct fb_load *out)
{
    struct run r = {.bytes = bytes, .len = len, .limits = limits, .out = out};

    if (inflateInit2(&r.z, GZIP_WINDOW) != Z_OK) {
        fb_load_broken(out, "gzip: no memory to inflate");
        return;
    }
    while (member(&r) && next_member(&r))
        continue;
    (void)inflateEnd(&r.z);
}

void fb_gunzip(const char *bytes, size_t len, const struct fb_gunzip_limits *limits,
               struct fb_load *out)
{
    *out = (struct fb_load){0};
    if (!at_once(bytes, len, limits, out))
        step_by_step(bytes, len, limits, out);
    if (out->len == 0) {
        free(out->at);
        out->at = NULL;
    }
}

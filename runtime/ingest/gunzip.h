/* gunzip.h - gzip (several members too) back to bytes, with a ceiling. zlib and libdeflate stay in
 * gunzip.c.
 *
 * What a broken stream gave before its break is kept: the reader still finds the records in it.
 * From: RFC 1952. */
#ifndef FB_INGEST_GUNZIP_H
#define FB_INGEST_GUNZIP_H
#include <stdbool.h>
#include <stddef.h>

#include "ingest/load.h"

struct fb_gunzip_limits {
    size_t bytes_max;  /* of output */
    size_t ratio_free; /* output up to here may have any ratio ... */
    size_t ratio_max;  /* ... beyond it at most this many bytes a byte of input (deflate's own
                          utmost is 1032; logs reach 10 to 50) */
};

/* Whether the bytes begin as gzip does. */
bool fb_gzip_magic(const char *bytes, size_t len);

/* out->broken is "" when the stream was whole to its end. */
void fb_gunzip(const char *bytes, size_t len, const struct fb_gunzip_limits *limits,
               struct fb_load *out);

#endif

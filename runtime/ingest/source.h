/* source.h - what walk.c hands to ingest.c: one source, loaded, maybe packed, maybe cut short. */
#ifndef FB_INGEST_SOURCE_H
#define FB_INGEST_SOURCE_H
#include "ingest/gunzip.h"
#include "ingest/ingest.h"

struct fb_layer;

struct fb_source {
    const char *name;
    enum fb_layout layout;
    const char *bytes; /* as stored; never NULL */
    size_t len;
    const char *broken; /* what cut the bytes short; "" when they are whole */
    struct fb_gunzip_limits limits;
    const struct fb_layer *layer; /* NULL: no carrier around it */
};

/* The product's own limits. */
struct fb_gunzip_limits fb_source_limits(void);

/* Unpacks, cuts, offers. FB_OK unless the sink ended it. */
enum fb_status fb_source_run(struct fb_arena *scratch, const struct fb_source *source,
                             const struct fb_sink *sink, struct fb_err *err);

#endif

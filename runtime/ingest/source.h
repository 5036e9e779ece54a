/* source.h - what walk.c hands to ingest.c: one source, loaded, maybe packed, maybe cut short. */
#ifndef FB_INGEST_SOURCE_H
#define FB_INGEST_SOURCE_H
#include "ingest/gunzip.h"
#include "ingest/ingest.h"

struct fb_layer;

enum { FB_WINDOW_BYTES = 4 << 20 }; /* sources up to here are read whole */

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

/* Names that promise one object a line. */
bool fb_source_named_lines(const char *name);

/* The first bytes of a source of which more is to come: whether it can be read in windows of whole
 * lines. Gzip and documents are read whole. */
bool fb_source_streams(const char *name, const char *bytes, size_t len);

/* Reads on from fd, after what *load holds, in windows. A read
 * that breaks is the last reject; what came before it is offered. */
enum fb_status fb_source_stream(struct fb_arena *scratch, const char *name, int fd,
                                struct fb_load *load, const struct fb_sink *sink,
                                struct fb_err *err);

/* Unpacks, cuts, offers. FB_OK unless the sink ended it. */
enum fb_status fb_source_run(struct fb_arena *scratch, const struct fb_source *source,
                             const struct fb_sink *sink, struct fb_err *err);

#endif

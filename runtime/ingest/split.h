/* split.h - the bytes of one source are cut into records: lines, documents, elements of "Records".
 */
#ifndef FB_INGEST_SPLIT_H
#define FB_INGEST_SPLIT_H
#include "ingest/ingest.h"

/* The carrier that a text came in; every text of one source counts and pays together. */
struct fb_layer {
    struct fb_carrier who;
    const char *place; /* "Records[1].body" */
    size_t line;
    size_t *index;    /* of the next piece */
    size_t *told;     /* records under who.id so far */
    uint64_t *budget; /* what may still be unpacked */
    unsigned odd;     /* of the text around */
};

/* One source cut in several runs, each a window of whole lines. */
struct fb_split_run {
    size_t line, index; /* of the next window's first byte and piece; 0 at the beginning */
    uint64_t done, all; /* bytes before this window, and of the source (0 unknown) */
    bool more;          /* another window follows */
};

/* One source, decompressed. */
struct fb_split {
    const char *source;
    const char *bytes;
    size_t len;
    enum fb_layout layout;
    const char *broken;           /* what cut the bytes short, one line; "" when they are whole */
    const struct fb_layer *layer; /* NULL: no carrier around it */
    struct fb_split_run *run;     /* NULL: these bytes are all of it */
};

/* Offers every piece of the source to the sink, in order. FB_OK unless the sink ended it. */
enum fb_status fb_split_run(struct fb_arena *scratch, const struct fb_split *in,
                            const struct fb_sink *sink, struct fb_err *err);

/* Whether the text's first line is one whole object by itself: it is read by lines then. */
bool fb_split_by_lines(const char *bytes, size_t len);

#endif

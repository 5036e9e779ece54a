/* split.h - the bytes of one source are cut into records: lines, documents, elements of "Records".
 */
#ifndef FB_INGEST_SPLIT_H
#define FB_INGEST_SPLIT_H
#include "ingest/ingest.h"

/* One source, decompressed. */
struct fb_split {
    const char *source;
    const char *bytes;
    size_t len;
    enum fb_layout layout;
    const char *broken; /* what cut the bytes short, one line; "" when they are whole */
};

/* Offers every piece of the source to the sink, in order. FB_OK unless the sink ended it. */
enum fb_status fb_split_run(struct fb_arena *scratch, const struct fb_split *in,
                            const struct fb_sink *sink, struct fb_err *err);

#endif

/* ingest.c - one source, packed or not, on its way to being cut. */
#include "ingest/ingest.h"

#include <string.h>

#include "base/text.h"
#include "ingest/gunzip.h"
#include "ingest/scan.h"
#include "ingest/source.h"
#include "ingest/split.h"

static const char BOM[] = "\xEF\xBB\xBF";

struct fb_gunzip_limits fb_source_limits(void)
{
    return (struct fb_gunzip_limits){
        .bytes_max = FB_FILE_BYTES_MAX, .ratio_free = 64u << 20, .ratio_max = 500};
}

bool fb_source_named_lines(const char *name)
{
    return fb_ends(name, ".ndjson") || fb_ends(name, ".jsonl") || fb_ends(name, ".ndjson.gz") ||
           fb_ends(name, ".jsonl.gz");
}

/* A name that promises gzip, bytes that are neither gzip nor text that was unpacked on the way (as
 * HTTP clients and S3 tools do without renaming). */
static bool lost_its_head(const struct fb_source *s)
{
    size_t at = s->len >= 3 && memcmp(s->bytes, BOM, 3) == 0 ? 3 : 0;

    at = fb_scan_blank(s->bytes, at, s->len);
    return fb_ends(s->name, ".gz") && at < s->len && s->bytes[at] != '{' && s->bytes[at] != '[';
}

enum fb_status fb_source_run(struct fb_arena *scratch, const struct fb_source *source,
                             const struct fb_sink *sink, struct fb_err *err)
{
    struct fb_split split = {.source = source->name,
                             .layout = source->layout,
                             .bytes = source->bytes,
                             .len = source->len,
                             .broken = source->broken,
                             .layer = source->layer};
    struct fb_load plain = {0};
    enum fb_status st;

    if (split.layout == FB_LAYOUT_GUESS && fb_source_named_lines(source->name))
        split.layout = FB_LAYOUT_LINES;
    if (fb_gzip_magic(source->bytes, source->len)) {
        fb_gunzip(source->bytes, source->len, &source->limits, &plain);
        split.bytes = plain.len ? plain.at : "";
        split.len = plain.len;
        split.broken = *source->broken ? source->broken : plain.broken;
    } else if (lost_its_head(source)) {
        const struct fb_reject r = {.source = source->name,
                                    .reason =
                                        "gzip: no header at byte 0, though the name ends in .gz",
                                    .bytes = source->bytes,
                                    .len = source->len};

        sink->reject(sink->self, &r);
        return FB_OK;
    }
    st = fb_split_run(scratch, &split, sink, err);
    fb_load_release(&plain);
    return st;
}

enum fb_status fb_ingest_bytes(struct fb_arena *scratch, const char *source, enum fb_layout layout,
                               const char *bytes, size_t len, const struct fb_sink *sink,
                               struct fb_err *err)
{
    const struct fb_source s = {.name = source,
                                .layout = layout,
                                .bytes = len ? bytes : "",
                                .len = len,
                                .broken = "",
                                .limits = fb_source_limits()};

    return fb_source_run(scratch, &s, sink, err);
}

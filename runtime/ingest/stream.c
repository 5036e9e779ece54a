/* stream.c - a long source of lines is read in windows of whole lines, so that its length costs no
 * memory. */
#include <string.h>
#include <sys/stat.h>

#include "ingest/ingest.h"
#include "ingest/load.h"
#include "ingest/source.h"
#include "ingest/split.h"

bool fb_source_streams(const char *name, const char *bytes, size_t len)
{
    return !fb_gzip_magic(bytes, len) && memchr(bytes, '\n', len) &&
           (fb_source_named_lines(name) || fb_split_by_lines(bytes, len));
}

/* Bytes of the window: to the end of the last whole line; 0 when there is none yet. */
static size_t whole_lines(const struct fb_load *l)
{
    const char *nl = memrchr(l->at, '\n', l->len);

    return nl ? (size_t)(nl - l->at) + 1 : 0;
}

/* Reads until the window holds a whole line or the source ends; one line may be as long as a file
 * may. */
static void fill(int fd, struct fb_load *l, bool *ended)
{
    size_t want = FB_WINDOW_BYTES;

    while (!*ended) { /* ends: want doubles, up to the ceiling */
        (void)fb_load_some(fd, want, l, ended);
        if (*ended || whole_lines(l))
            return;
        if (want >= FB_FILE_BYTES_MAX) {
            fb_load_broken(l, "a line longer than the ceiling of %u bytes",
                           (unsigned)FB_FILE_BYTES_MAX);
            *ended = true;
            return;
        }
        want *= 2;
    }
}

enum fb_status fb_source_stream(struct fb_arena *scratch, const char *name, int fd,
                                struct fb_load *load, const struct fb_sink *sink,
                                struct fb_err *err)
{
    struct fb_split_run run = {.line = 1};
    enum fb_status st = FB_OK;
    bool ended = false;
    struct stat is;

    if (fstat(fd, &is) == 0 && S_ISREG(is.st_mode))
        run.all = (uint64_t)is.st_size;
    while (st == FB_OK) { /* each turn takes a window, the last one all that is left */
        struct fb_split split = {.source = name, .layout = FB_LAYOUT_LINES, .run = &run};

        fill(fd, load, &ended);
        split.bytes = load->len ? load->at : "";
        split.len = ended ? load->len : whole_lines(load);
        split.broken = ended ? load->broken : "";
        run.more = !ended;
        st = fb_split_run(scratch, &split, sink, err);
        if (ended)
            break;
        memmove(load->at, load->at + split.len, load->len - split.len);
        load->len -= split.len;
    }
    return st;
}

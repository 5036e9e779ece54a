/* history.h - a log of any size, read once by all processors, and given back in order.
 *
 * First pass, in parallel over files: read, normalize, put aside (spill.h). Then accounts are
 * joined into *islands*: two accounts are on one island when an event of one names a caller or a
 * role of the other. Whatever a verdict depends on (the root's profile, the account's, role chains,
 * creators) lies on the event's own island, so islands can be worked by different processes, each
 * event of an island in order by one of them, and the result cannot depend on how many there are.
 */
#ifndef FB_HISTORY_H
#define FB_HISTORY_H
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "crew.h"
#include "spill.h"

enum { FB_HISTORY_BYTES = 64 << 20 }; /* for sorting and merging, all workers together */

struct fb_island {
    const char *name;    /* its smallest account; in the pieces */
    size_t first, count; /* pieces */
    uint64_t events;
};

struct fb_history {
    size_t workers;
    char **files;
    uint64_t *sizes;
    size_t file_count, file_cap;
    uint64_t bytes;          /* of all files, as stored */
    struct fb_piece *pieces; /* by island */
    size_t piece_count;
    struct fb_island *islands; /* by name */
    size_t island_count;
    struct fb_history_counts {
        uint64_t records, rejected;
        uint64_t unknown;  /* of a kind that we do not know */
        uint64_t timeless; /* without a time: they can stand nowhere */
        uint64_t kept;
    } counts;
    int *fds; /* FB_HISTORY_FDS of each worker */
};

/* Reads the paths. Rejected pieces are named on stderr, in input order whatever the workers did.
 * paths_whole: false when a path could not be read (said on stderr). */
enum fb_status fb_history_read(struct fb_history *h, char **paths, int path_count, size_t workers,
                               bool *paths_whole, struct fb_err *err);
void fb_history_release(struct fb_history *h);

/* An island's events in order. */
struct fb_merge *fb_history_open(const struct fb_history *h, const struct fb_island *island,
                                 struct fb_err *err);

#endif

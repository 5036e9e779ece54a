/* spill.h - events put aside in temporary files, sorted, and read back in one order.
 *
 * A long log does not fit into memory, and its files are read by several workers at once. Each
 * worker turns records into small packed events, sorts what fits into its share of memory and
 * appends it as one run to a file of its own; inside a run the accounts stand one after the other,
 * so that all events of some accounts can be read without the others. Merging the runs gives one
 * order, whoever wrote which run: by time, events that mint a credential first, then id, then
 * place in the input. That order is total, so it does not depend on how many workers there were.
 *
 * Files have no name (they vanish with the process, also when it is killed) and mode 0600. */
#ifndef FB_SPILL_H
#define FB_SPILL_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "normalize/event.h"

struct fb_arena;

/* A nameless file in TMPDIR (else /tmp), closed on exec; -1 with errno when it cannot be made. */
int fb_spill_file(void);

/* Where an event stood in the input. */
struct fb_place {
    uint32_t file, index;
};

/* The account whose events must be read in order with this one: the event's, else the caller's; ""
 * when the record tells neither. */
const char *fb_home_account(const struct fb_event *ev);

/* --- writing --- */

struct fb_spill; /* one worker's */

/* Keeps at most about bytes_max bytes in memory. Borrows the descriptor. NULL: no memory. */
struct fb_spill *fb_spill_new(int fd, size_t bytes_max);
void fb_spill_free(struct fb_spill *s);
enum fb_status fb_spill_add(struct fb_spill *s, const struct fb_event *ev, struct fb_place place,
                            struct fb_err *err);
/* Writes what is still in memory, then the list of pieces (fb_piece_read) to index_fd. */
enum fb_status fb_spill_finish(struct fb_spill *s, int index_fd, struct fb_err *err);

/* --- reading --- */

enum { FB_ACCOUNT_MAX = 64 }; /* longer ones are cut: they only say what is read together */

/* The events of one account in one run. */
struct fb_piece {
    char account[FB_ACCOUNT_MAX];
    int fd; /* not stored: set by whoever reads the list */
    uint64_t at, len, events;
};

/* Reads the next entry of a list; false at its end. */
bool fb_piece_read(int index_fd, uint64_t *at, struct fb_piece *out);

struct fb_merge; /* many pieces read as one stream */

/* pieces is copied. memory_max: for buffers. Pieces beyond what fits are first merged into a file
 * of fewer. NULL with *err on failure. */
struct fb_merge *fb_merge_new(const struct fb_piece *pieces, size_t n, size_t memory_max,
                              struct fb_err *err);
void fb_merge_free(struct fb_merge *m);

/* The next event, duplicates (same id, same time) left out. *ev borrows from m until the next call;
 * made things are in a. FB_ENOTFOUND at the end, FB_EIO when a file broke. */
enum fb_status fb_merge_next(struct fb_merge *m, struct fb_arena *a, struct fb_event *ev,
                             struct fb_err *err);
uint64_t fb_merge_duplicates(const struct fb_merge *m);

/* --- the packed form (exposed for its test) --- */

void fb_event_pack(struct fb_buf *to, const struct fb_event *ev, struct fb_place place);
/* Strings point into bytes. False when the bytes are not what fb_event_pack writes. */
bool fb_event_unpack(struct fb_arena *a, const char *bytes, size_t len, struct fb_event *ev,
                     struct fb_place *place);

#endif

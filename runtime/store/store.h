/* store.h - keyed, versioned records: compare-and-set, all or none. Knows nothing of what it keeps.
 *
 * Key "kind#rest", 1..512 bytes; value at most 256 KiB; at most 25 records a commit, each with its
 * expected version; an expired record is invisible at once; a read sees the last commit. */
#ifndef FB_STORE_H
#define FB_STORE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"

struct fb_arena;
struct fb_store; /* opaque; one connection, one thread */

enum { FB_KEY_BYTES_MAX = 512, FB_VALUE_BYTES_MAX = 256 << 10, FB_COMMIT_MAX = 25 };

struct fb_item {
    const char *key;
    const char *value; /* bytes with a NUL after them, in the arena */
    size_t len;
    uint64_t version;   /* >= 1 */
    int64_t expires_ms; /* 0: never */
};

struct fb_put {
    const char *key;
    const void *value; /* ignored when erase */
    size_t len;
    uint64_t expect;    /* version it must have now; 0: must not exist */
    int64_t expires_ms; /* 0: never */
    bool erase;         /* removes the record */
};

/* Opens "memory:" or "sqlite:PATH" (the file is made when absent, mode 0600). The clock decides
 * what has expired. FB_ECONFIG for an URL that we do not know (the text names those we do). */
enum fb_status fb_store_open(const char *url, struct fb_clock clock, struct fb_store **out,
                             struct fb_err *err);
void fb_store_close(struct fb_store *s); /* NULL is fine */

/* A part of `base` whose keys all carry `prefix` (at most 15 bytes, no '#'): what is written here
 * is not seen there, nor the other way. Borrows base; close the view first. */
enum fb_status fb_store_view(struct fb_store *base, const char *prefix, struct fb_clock clock,
                             struct fb_store **out, struct fb_err *err);

/* Whether records outlive the process (false for views). */
bool fb_store_durable(const struct fb_store *s);

/* FB_OK, FB_ENOTFOUND, FB_EIO. *out lives in a. */
enum fb_status fb_store_get(struct fb_store *s, struct fb_arena *a, const char *key,
                            struct fb_item *out, struct fb_err *err);

/* Writes all or none.
 *   FB_ECONFLICT  a record is not at its expected version (retry after reading again)
 *   FB_EINPUT     key, value or count beyond the limits, or one key twice
 *   FB_EIO        the store broke: nothing is known to be written
 * durable: on stable storage when it returns (intents); else it survives this process, not the
 * machine. */
enum fb_status fb_store_commit(struct fb_store *s, const struct fb_put *puts, size_t n,
                               bool durable, struct fb_err *err);

/* Calls each for records of "kind#prefix..." in key order, at most max (0: no limit), after key
 * `after` (NULL: from the start). each returns false to stop. The prefix must hold a '#'. The arena
 * is not reset between calls. */
enum fb_status fb_store_list(struct fb_store *s, struct fb_arena *a, const char *prefix,
                             const char *after, size_t max,
                             bool (*each)(void *self, const struct fb_item *item), void *self,
                             struct fb_err *err);

/* Removes what has expired; called now and then. Returns how many went. */
size_t fb_store_sweep(struct fb_store *s);

#endif

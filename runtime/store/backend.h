/* backend.h - what a kind of store must be able to do; inside store/ only.
 *
 * store.c has checked every limit before a backend is asked: keys, lengths, counts, no key twice.
 * "Live at now_ms" means: never expires, or expires after now_ms. What is not live does not exist.
 */
#ifndef FB_STORE_BACKEND_H
#define FB_STORE_BACKEND_H
#include "store/store.h"

/* Where to look for the next record in key order. */
struct fb_range {
    const char *from;   /* the first key of interest */
    bool beyond;        /* ... which itself is not wanted any more */
    const char *before; /* first key beyond the range; NULL: no end */
};

struct fb_backend {
    const char *scheme; /* "sqlite:"; what follows it is given to open */
    const char *usage;  /* "sqlite:PATH", for messages */
    bool durable;       /* records outlive the process */
    enum fb_status (*open)(const char *rest, void **self, struct fb_err *err);
    void (*close)(void *self);
    enum fb_status (*get)(void *self, struct fb_arena *a, const char *key, int64_t now_ms,
                          struct fb_item *out, struct fb_err *err);
    /* The first live record of the range, or FB_ENOTFOUND. Nothing stays open between two calls, so
     * that whoever lists may write in between. */
    enum fb_status (*next)(void *self, struct fb_arena *a, const struct fb_range *range,
                           int64_t now_ms, struct fb_item *out, struct fb_err *err);
    enum fb_status (*commit)(void *self, const struct fb_put *puts, size_t n, bool durable,
                             int64_t now_ms, struct fb_err *err);
    size_t (*sweep)(void *self, int64_t now_ms);
};

extern const struct fb_backend fb_backend_memory;
extern const struct fb_backend fb_backend_sqlite;

static inline bool fb_live(int64_t expires_ms, int64_t now_ms)
{
    return expires_ms == 0 || expires_ms > now_ms;
}

/* A store of this kind around an open `self`, which is closed when that fails. */
enum fb_status fb_store_wrap(const struct fb_backend *kind, void *self, struct fb_clock clock,
                             struct fb_store **out, struct fb_err *err);

/* A copy of a record in the arena; FB_ELIMIT when it does not fit. */
enum fb_status fb_item_fill(struct fb_arena *a, const char *key, const void *value, size_t len,
                            struct fb_item *out, struct fb_err *err);

/* The words of every backend's refusal, so that they read alike. Gives FB_ECONFLICT. */
enum fb_status fb_conflict(const struct fb_put *put, struct fb_err *err);

#endif

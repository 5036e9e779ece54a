/* view.c - a part of a store under a prefix of its own: what comes from a source that nobody
 * vouches for is kept apart, where it can teach and move nothing that matters. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "store/backend.h"

enum { PREFIX_MAX = 16 };

struct view {
    struct fb_store *base;
    char prefix[PREFIX_MAX];
    size_t prefix_len;
};

/* out holds FB_KEY_BYTES_MAX + PREFIX_MAX + 1; a key too long for the base is refused by the base.
 */
static const char *full(const struct view *v, const char *key, char *out)
{
    memcpy(out, v->prefix, v->prefix_len);
    memcpy(out + v->prefix_len, key, strlen(key) + 1);
    return out;
}

static void view_close(void *self) { free(self); }

static enum fb_status view_get(void *self, struct fb_arena *a, const char *key, int64_t now_ms,
                               struct fb_item *out, struct fb_err *err)
{
    struct view *v = self;
    char name[FB_KEY_BYTES_MAX + PREFIX_MAX + 1];
    enum fb_status st = fb_store_get(v->base, a, full(v, key, name), out, err);

    (void)now_ms;
    if (st == FB_OK)
        out->key += v->prefix_len;
    return st;
}

struct first {
    struct fb_item *out;
    const struct fb_range *range;
    size_t prefix_len;
    bool found;
};

static bool take_first(void *self, const struct fb_item *item)
{
    struct first *f = self;
    const char *key = item->key + f->prefix_len;

    if (f->range->beyond && strcmp(key, f->range->from) <= 0)
        return true;
    f->found = !f->range->before || strcmp(key, f->range->before) < 0;
    *f->out = *item;
    f->out->key = key;
    return false;
}

static enum fb_status view_next(void *self, struct fb_arena *a, const struct fb_range *range,
                                int64_t now_ms, struct fb_item *out, struct fb_err *err)
{
    struct view *v = self;
    char from[FB_KEY_BYTES_MAX + PREFIX_MAX + 1], kind[FB_KEY_BYTES_MAX + PREFIX_MAX + 1];
    struct first f = {.out = out, .range = range, .prefix_len = v->prefix_len};
    enum fb_status st;
    char *hash;

    (void)now_ms;
    full(v, range->from, from);
    memcpy(kind, from, strlen(from) + 1);
    hash = strchr(kind, '#'); /* a listing stays within one kind */
    if (hash)
        hash[1] = '\0';
    st = fb_store_list(v->base, a, range->beyond || !hash ? kind : from,
                       range->beyond ? from : NULL, 0, take_first, &f, err);
    return st == FB_OK && !f.found ? FB_ENOTFOUND : st;
}

static enum fb_status view_commit(void *self, const struct fb_put *puts, size_t n, bool durable,
                                  int64_t now_ms, struct fb_err *err)
{
    struct view *v = self;
    struct fb_put mine[FB_COMMIT_MAX];
    char names[FB_COMMIT_MAX][FB_KEY_BYTES_MAX + PREFIX_MAX + 1];

    (void)now_ms;
    for (size_t i = 0; i < n; i++) {
        mine[i] = puts[i];
        mine[i].key = full(v, puts[i].key, names[i]);
    }
    return fb_store_commit(v->base, mine, n, durable, err);
}

static size_t view_sweep(void *self, int64_t now_ms)
{
    (void)self;
    (void)now_ms;
    return 0; /* the base's own sweep takes everybody's */
}

static const struct fb_backend VIEW = {.scheme = "",
                                       .usage = "",
                                       .close = view_close,
                                       .get = view_get,
                                       .next = view_next,
                                       .commit = view_commit,
                                       .sweep = view_sweep};

enum fb_status fb_store_view(struct fb_store *base, const char *prefix, struct fb_clock clock,
                             struct fb_store **out, struct fb_err *err)
{
    size_t len = strlen(prefix);
    struct view *v = len < PREFIX_MAX ? calloc(1, sizeof *v) : NULL;

    *out = NULL;
    if (!v)
        return fb_err_set(err, FB_ELIMIT,
                          "a view of the store: no memory, or a prefix that is too long");
    v->base = base;
    v->prefix_len = len;
    memcpy(v->prefix, prefix, len + 1);
    return fb_store_wrap(&VIEW, v, clock, out, err);
}

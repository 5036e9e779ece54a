/* memory.c - a store that lives as long as the process: a skip list of records in key order.
 *
 * Why a skip list: ordered listing and insertion in logarithmic time without a balancing routine,
 * and the coin is thrown from a seed that no sender of events knows, so that keys cannot be chosen
 * to make it slow. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "store/backend.h"

enum { LEVELS = 20 }; /* good for about a million records */
static const size_t BYTES_MAX = (size_t)1 << 30;

struct node {
    char *key;
    unsigned char *value;
    size_t len;
    uint64_t version;
    int64_t expires_ms;
    int levels;
    struct node *next[]; /* `levels` of them */
};

struct memory {
    struct node *head; /* LEVELS high, holds no record */
    uint64_t floor;    /* no removed record had a higher version: a new one starts above it */
    uint64_t coin;
    size_t bytes;
};

/* The last node before `key` on every level. */
struct path {
    struct node *at[LEVELS];
};

static struct node *find(const struct memory *m, const char *key, struct path *path)
{
    struct node *n = m->head;

    for (int level = LEVELS - 1; level >= 0; level--) {
        while (n->next[level] && strcmp(n->next[level]->key, key) < 0)
            n = n->next[level];
        if (path)
            path->at[level] = n;
    }
    return n->next[0]; /* the first with a key >= `key` */
}

static struct node *find_exact(const struct memory *m, const char *key, struct path *path)
{
    struct node *n = find(m, key, path);

    return n && strcmp(n->key, key) == 0 ? n : NULL;
}

static struct node *node_new(int levels)
{
    struct node *n = calloc(1, sizeof *n + (size_t)levels * sizeof n->next[0]);

    if (n)
        n->levels = levels;
    return n;
}

static size_t node_bytes(const struct node *n)
{
    return sizeof *n + (size_t)n->levels * sizeof n->next[0] + strlen(n->key) + 1 + n->len;
}

static void node_free(struct node *n)
{
    if (!n)
        return;
    free(n->key);
    free(n->value);
    free(n);
}

/* One more level with probability 1/4 each (xorshift64). */
static int throw_levels(struct memory *m)
{
    int levels = 1;

    m->coin ^= m->coin << 13;
    m->coin ^= m->coin >> 7;
    m->coin ^= m->coin << 17;
    for (uint64_t bits = m->coin; (bits & 3) == 0 && levels < LEVELS; bits >>= 2)
        levels++;
    return levels;
}

static enum fb_status memory_open(const char *rest, void **self, struct fb_err *err)
{
    struct memory *m;
    struct fb_clock clock = fb_clock_system();
    uint64_t seed[3];

    if (*rest)
        return fb_err_set(err, FB_ECONFIG, "nothing may follow memory:");
    m = calloc(1, sizeof *m);
    if (m)
        m->head = node_new(LEVELS);
    if (!m || !m->head) {
        free(m);
        return fb_err_set(err, FB_EIO, "memory is short");
    }
    seed[0] = (uint64_t)(uintptr_t)m;
    seed[1] = (uint64_t)fb_mono_ms(&clock);
    seed[2] = (uint64_t)fb_wall_ms(&clock);
    m->coin = fb_hash64(seed, sizeof seed) | 1;
    *self = m;
    return FB_OK;
}

static void memory_close(void *self)
{
    struct memory *m = self;
    struct node *n = m->head;

    while (n) {
        struct node *next = n->next[0];

        node_free(n);
        n = next;
    }
    free(m);
}

static enum fb_status fill(struct fb_arena *a, const struct node *n, struct fb_item *out,
                           struct fb_err *err)
{
    out->version = n->version;
    out->expires_ms = n->expires_ms;
    return fb_item_fill(a, n->key, n->value, n->len, out, err);
}

static enum fb_status memory_get(void *self, struct fb_arena *a, const char *key, int64_t now_ms,
                                 struct fb_item *out, struct fb_err *err)
{
    const struct node *n = find_exact(self, key, NULL);

    if (!n || !fb_live(n->expires_ms, now_ms))
        return FB_ENOTFOUND;
    return fill(a, n, out, err);
}

static enum fb_status memory_next(void *self, struct fb_arena *a, const struct fb_range *range,
                                  int64_t now_ms, struct fb_item *out, struct fb_err *err)
{
    const struct node *n = find(self, range->from, NULL);

    if (n && range->beyond && strcmp(n->key, range->from) == 0)
        n = n->next[0];
    while (n && !fb_live(n->expires_ms, now_ms))
        n = n->next[0];
    if (!n || (range->before && strcmp(n->key, range->before) >= 0))
        return FB_ENOTFOUND;
    return fill(a, n, out, err);
}

/* What one put of a commit will need; made before anything is changed, so that nothing can fail
 * half-way. */
struct step {
    struct node *fresh;   /* for a key that has no node */
    unsigned char *value; /* for a node that is there */
};

static enum fb_status expected(const struct memory *m, const struct fb_put *put, int64_t now_ms,
                               struct fb_err *err)
{
    const struct node *n = find_exact(m, put->key, NULL);
    uint64_t version = n && fb_live(n->expires_ms, now_ms) ? n->version : 0;

    return version == put->expect ? FB_OK : fb_conflict(put, err);
}

static unsigned char *value_copy(const struct fb_put *put)
{
    unsigned char *copy = malloc(put->len ? put->len : 1);

    if (copy && put->len)
        memcpy(copy, put->value, put->len);
    return copy;
}

static bool prepare(struct memory *m, const struct fb_put *put, struct step *step)
{
    unsigned char *value;

    if (put->erase)
        return true;
    value = value_copy(put);
    if (!value || find_exact(m, put->key, NULL)) {
        step->value = value;
        return value != NULL;
    }
    step->fresh = node_new(throw_levels(m));
    if (!step->fresh) {
        free(value);
        return false;
    }
    step->fresh->value = value;
    step->fresh->key = strdup(put->key);
    return step->fresh->key != NULL;
}

static void unlink_node(struct memory *m, struct node *n, const struct path *path)
{
    for (int level = 0; level < n->levels; level++)
        path->at[level]->next[level] = n->next[level];
    if (n->version > m->floor)
        m->floor = n->version;
    m->bytes -= node_bytes(n);
    node_free(n);
}

static void apply(struct memory *m, const struct fb_put *put, struct step *step)
{
    struct path path;
    struct node *n = find_exact(m, put->key, &path);

    if (put->erase) {
        if (n)
            unlink_node(m, n, &path);
        return;
    }
    if (step->fresh) {
        n = step->fresh;
        n->version = m->floor;
        for (int level = 0; level < n->levels; level++) {
            n->next[level] = path.at[level]->next[level];
            path.at[level]->next[level] = n;
        }
    } else {
        m->bytes -= node_bytes(n);
        free(n->value);
        n->value = step->value;
    }
    n->len = put->len;
    n->version++;
    n->expires_ms = put->expires_ms;
    m->bytes += node_bytes(n);
}

static enum fb_status memory_commit(void *self, const struct fb_put *puts, size_t n, bool durable,
                                    int64_t now_ms, struct fb_err *err)
{
    struct memory *m = self;
    struct step steps[FB_COMMIT_MAX] = {{0}};
    size_t bytes = 0;
    size_t made = 0;

    (void)durable; /* nothing here outlives the process */
    for (size_t i = 0; i < n; i++) {
        if (expected(m, &puts[i], now_ms, err) != FB_OK)
            return FB_ECONFLICT;
        bytes += puts[i].erase ? 0 : puts[i].len + sizeof(struct node) + FB_KEY_BYTES_MAX;
    }
    if (m->bytes + bytes > BYTES_MAX)
        return fb_err_set(err, FB_ELIMIT,
                          "the memory store is full (%zu MiB); name a store on disk",
                          BYTES_MAX >> 20);
    while (made < n && prepare(m, &puts[made], &steps[made]))
        made++;
    if (made < n) {
        for (size_t i = 0; i <= made; i++) {
            node_free(steps[i].fresh);
            free(steps[i].value);
        }
        return fb_err_set(err, FB_EIO, "memory is short; nothing was written");
    }
    for (size_t i = 0; i < n; i++)
        apply(m, &puts[i], &steps[i]);
    return FB_OK;
}

static size_t memory_sweep(void *self, int64_t now_ms)
{
    struct memory *m = self;
    struct path path;
    size_t gone = 0;

    for (int level = 0; level < LEVELS; level++)
        path.at[level] = m->head;
    for (struct node *n = m->head->next[0], *next; n; n = next) {
        next = n->next[0];
        if (!fb_live(n->expires_ms, now_ms)) {
            unlink_node(m, n, &path);
            gone++;
            continue;
        }
        for (int level = 0; level < n->levels; level++)
            path.at[level] = n;
    }
    return gone;
}

const struct fb_backend fb_backend_memory = {
    .scheme = "memory:",
    .usage = "memory:",
    .durable = false,
    .open = memory_open,
    .close = memory_close,
    .get = memory_get,
    .next = memory_next,
    .commit = memory_commit,
    .sweep = memory_sweep,
};

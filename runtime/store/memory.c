/* memory.c - a store that lives as long as the process: a hash table that finds a record, and a
 * skip list of the records in key order.
 *
 * Why a skip list: ordered listing and insertion in logarithmic time without a balancing routine. A
 * new record waits outside it until somebody asks for the order, which most never do.
 * Its coin and the table's hash (SipHash) start from seeds that no sender of events knows, so that
 * keys cannot be chosen to make either slow. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/digest.h"
#include "store/backend.h"

enum {
    LEVELS = 20, /* good for about a million records */
    FIRST_SLOTS = 1024
};
static const size_t BYTES_MAX = (size_t)1 << 30;

struct node {
    char *key;
    unsigned char *value;
    size_t len;
    uint64_t version;
    int64_t expires_ms;
    uint64_t hash;
    struct node *same_slot;
    struct node *waiting; /* the next one that is not in the list yet */
    int levels;
    struct node *next[]; /* `levels` of them */
};

struct memory {
    struct node *head;    /* LEVELS high, holds no record */
    struct node *waiting; /* newest first */
    uint64_t floor;       /* no removed record had a higher version: a new one starts above it */
    uint64_t coin;
    size_t bytes;
    uint64_t key[2];     /* of the hash */
    struct node **slots; /* a power of two */
    size_t slot_count, count;
};

/* --- the table ----------------------------------------------------------------------------------
 */

static uint64_t turn(uint64_t x, int bits) { return x << bits | x >> (64 - bits); }

struct sip {
    uint64_t a, b, c, d;
};

static void sip_round(struct sip *s)
{
    s->a += s->b;
    s->c += s->d;
    s->b = turn(s->b, 13) ^ s->a;
    s->d = turn(s->d, 16) ^ s->c;
    s->a = turn(s->a, 32) + s->d;
    s->c += s->b;
    s->b = turn(s->b, 17) ^ s->c;
    s->d = turn(s->d, 21) ^ s->a;
    s->c = turn(s->c, 32);
}

/* SipHash-1-3 (Aumasson and Bernstein). */
static uint64_t hash_of(const struct memory *m, const char *key)
{
    struct sip s = {
        m->key[0] ^ UINT64_C(0x736f6d6570736575), m->key[1] ^ UINT64_C(0x646f72616e646f6d),
        m->key[0] ^ UINT64_C(0x6c7967656e657261), m->key[1] ^ UINT64_C(0x7465646279746573)};
    size_t len = strlen(key), left = len;
    uint64_t word;

    for (; left >= sizeof word; left -= sizeof word, key += sizeof word) {
        memcpy(&word, key, sizeof word);
        s.d ^= word;
        sip_round(&s);
        s.a ^= word;
    }
    word = (uint64_t)len << 56;
    for (size_t i = 0; i < left; i++)
        word |= (uint64_t)(unsigned char)key[i] << 8 * i;
    s.d ^= word;
    sip_round(&s);
    s.a ^= word;
    s.c ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(&s);
    return s.a ^ s.b ^ s.c ^ s.d;
}

static struct node **slot_of(const struct memory *m, uint64_t hash)
{
    return &m->slots[hash & (m->slot_count - 1)];
}

/* More slots than nodes, when memory allows: without it the table is slower, not wrong. */
static void table_grow(struct memory *m)
{
    size_t count = m->slot_count * 2;
    struct node **old = m->slots, **slots = calloc(count, sizeof(struct node *));
    size_t old_count = m->slot_count;

    if (!slots)
        return;
    m->slots = slots;
    m->slot_count = count;
    for (size_t i = 0; i < old_count; i++) {
        for (struct node *n = old[i], *next; n; n = next) {
            struct node **slot = slot_of(m, n->hash);

            next = n->same_slot;
            n->same_slot = *slot;
            *slot = n;
        }
    }
    free(old);
}

static void table_add(struct memory *m, struct node *n)
{
    struct node **slot;

    if (m->count++ >= m->slot_count)
        table_grow(m);
    slot = slot_of(m, n->hash);
    n->same_slot = *slot;
    *slot = n;
}

static void table_remove(struct memory *m, const struct node *n)
{
    struct node **at = slot_of(m, n->hash);

    while (*at != n)
        at = &(*at)->same_slot;
    *at = n->same_slot;
    m->count--;
}

static struct node *find_exact(const struct memory *m, const char *key)
{
    uint64_t hash = hash_of(m, key);
    struct node *n = *slot_of(m, hash);

    while (n && (n->hash != hash || strcmp(n->key, key) != 0))
        n = n->same_slot;
    return n;
}

/* --- the list -----------------------------------------------------------------------------------
 */

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

/* Puts those that wait into the list. */
static void put_in_order(struct memory *m)
{
    for (struct node *n = m->waiting, *later; n; n = later) {
        struct path path;

        later = n->waiting;
        (void)find(m, n->key, &path);
        for (int level = 0; level < n->levels; level++) {
            n->next[level] = path.at[level]->next[level];
            path.at[level]->next[level] = n;
        }
    }
    m->waiting = NULL;
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
    if (m) {
        m->head = node_new(LEVELS);
        m->slots = calloc(FIRST_SLOTS, sizeof(struct node *));
        m->slot_count = FIRST_SLOTS;
    }
    if (!m || !m->head || !m->slots) {
        if (m) {
            free(m->head);
            free(m->slots);
        }
        free(m);
        return fb_err_set(err, FB_EIO, "memory is short");
    }
    seed[0] = (uint64_t)(uintptr_t)m;
    seed[1] = (uint64_t)fb_mono_ms(&clock);
    seed[2] = (uint64_t)fb_wall_ms(&clock);
    m->coin = fb_hash64(seed, sizeof seed) | 1;
    if (getrandom(m->key, sizeof m->key, GRND_NONBLOCK) != (ssize_t)sizeof m->key)
        memcpy(m->key, seed, sizeof m->key); /* early at boot: the clock and our own address */
    *self = m;
    return FB_OK;
}

static void memory_close(void *self)
{
    struct memory *m = self;

    for (size_t i = 0; i < m->slot_count; i++) {
        for (struct node *n = m->slots[i], *next; n; n = next) {
            next = n->same_slot;
            node_free(n);
        }
    }
    node_free(m->head);
    free(m->slots);
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
    const struct node *n = find_exact(self, key);

    if (!n || !fb_live(n->expires_ms, now_ms))
        return FB_ENOTFOUND;
    return fill(a, n, out, err);
}

static enum fb_status memory_next(void *self, struct fb_arena *a, const struct fb_range *range,
                                  int64_t now_ms, struct fb_item *out, struct fb_err *err)
{
    const struct node *n;

    put_in_order(self);
    n = find(self, range->from, NULL);
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
    const struct node *n = find_exact(m, put->key);
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
    if (!value || find_exact(m, put->key)) {
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
    table_remove(m, n);
    if (n->version > m->floor)
        m->floor = n->version;
    m->bytes -= node_bytes(n);
    node_free(n);
}

static void apply(struct memory *m, const struct fb_put *put, struct step *step)
{
    struct path path;
    struct node *n = find_exact(m, put->key);

    if (put->erase) {
        if (n) {
            put_in_order(m);
            (void)find(m, put->key, &path);
            unlink_node(m, n, &path);
        }
        return;
    }
    if (step->fresh) {
        n = step->fresh;
        n->hash = hash_of(m, put->key);
        n->version = m->floor;
        n->waiting = m->waiting;
        m->waiting = n;
        table_add(m, n);
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

    put_in_order(m);
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

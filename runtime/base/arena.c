/* arena.c - see arena.h. In sanitizer builds each request is its own malloc, so overruns show. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BLOCK = 64 << 10, ALIGN = 16 };

struct block {
    struct block *next;
    size_t cap, used;
    /* ALIGN-aligned bytes follow */
};

struct deferred {
    struct deferred *next;
    void (*fn)(void *);
    void *ptr;
};

struct fb_arena {
    struct block *blocks; /* newest first; the last one is kept over resets */
    struct deferred *deferred;
    size_t max, used;
    bool failed;
};

enum { BLOCK_HEAD = (sizeof(struct block) + ALIGN - 1) / ALIGN * ALIGN };

static struct block *block_new(size_t cap)
{
    struct block *b = malloc(BLOCK_HEAD + cap);

    if (b) {
        b->next = NULL;
        b->cap = cap;
        b->used = 0;
    }
    return b;
}

struct fb_arena *fb_arena_new(size_t bytes_max)
{
    struct fb_arena *a = calloc(1, sizeof *a);

    if (a)
        a->max = bytes_max;
    return a;
}

void fb_arena_reset(struct fb_arena *a)
{
    struct block *b = a->blocks;

    while (a->deferred) { /* the list lives in the blocks: run it before they go */
        struct deferred *d = a->deferred;

        a->deferred = d->next;
        d->fn(d->ptr);
    }
#ifdef FB_SANITIZED
    while (b) {
        struct block *next = b->next;

        free(b);
        b = next;
    }
    a->blocks = NULL;
#else
    while (b && b->next) {
        struct block *next = b->next;

        free(b);
        b = next;
    }
    if (b && b->cap > FIRST_BLOCK) { /* a giant first block is not worth keeping */
        free(b);
        b = NULL;
    }
    a->blocks = b;
    if (b)
        b->used = 0;
#endif
    a->used = 0;
    a->failed = false;
}

void fb_arena_free(struct fb_arena *a)
{
    if (!a)
        return;
    fb_arena_reset(a);
    free(a->blocks);
    free(a);
}

bool fb_arena_failed(const struct fb_arena *a) { return a->failed; }

size_t fb_arena_used(const struct fb_arena *a) { return a->used; }

size_t fb_arena_left(const struct fb_arena *a) { return a->max - a->used; }

static struct block *block_with_room(struct fb_arena *a, size_t bytes)
{
    struct block *b = a->blocks;
    size_t cap;

#ifndef FB_SANITIZED
    if (b && b->cap - b->used >= bytes)
        return b;
    cap = b ? b->cap * 2 : FIRST_BLOCK;
    if (cap > ((size_t)4 << 20))
        cap = (size_t)4 << 20;
    if (cap < bytes)
        cap = bytes;
#else
    cap = bytes;
#endif
    b = block_new(cap);
    if (!b)
        return NULL;
    b->next = a->blocks;
    a->blocks = b;
    return b;
}

void *fb_arena_alloc(struct fb_arena *a, size_t bytes)
{
    size_t need = bytes ? bytes : 1;
    struct block *b;
    void *p;

    if (need > a->max || a->used > a->max - need) {
        a->failed = true;
        return NULL;
    }
#ifndef FB_SANITIZED
    need = (need + ALIGN - 1) / ALIGN * ALIGN;
#endif
    b = block_with_room(a, need);
    if (!b) {
        a->failed = true;
        return NULL;
    }
    p = (char *)b + BLOCK_HEAD + b->used;
    b->used += need;
    a->used += need;
    return memset(p, 0, need);
}

void *fb_arena_array(struct fb_arena *a, size_t n, size_t item_bytes)
{
    if (item_bytes && n > SIZE_MAX / item_bytes) {
        a->failed = true;
        return NULL;
    }
    return fb_arena_alloc(a, n * item_bytes);
}

const char *fb_arena_strn(struct fb_arena *a, const char *s, size_t len)
{
    char *p;

    if (!s || len == 0)
        return "";
    p = fb_arena_alloc(a, len + 1);
    if (!p)
        return "";
    memcpy(p, s, len);
    return p;
}

const char *fb_arena_str(struct fb_arena *a, const char *s)
{
    return s ? fb_arena_strn(a, s, strlen(s)) : "";
}

const char *fb_arena_fmt(struct fb_arena *a, const char *fmt, ...)
{
    va_list ap, again;
    char few[256], *p = NULL; /* most texts are short: written once, not measured first */
    int len;

    va_start(ap, fmt);
    va_copy(again, ap);
    len = vsnprintf(few, sizeof few, fmt, ap);
    if (len >= 0)
        p = fb_arena_alloc(a, (size_t)len + 1);
    if (p && (size_t)len < sizeof few)
        memcpy(p, few, (size_t)len + 1);
    else if (p)
        (void)vsnprintf(p, (size_t)len + 1, fmt, again);
    va_end(again);
    va_end(ap);
    return p ? p : "";
}

bool fb_arena_defer(struct fb_arena *a, void (*fn)(void *), void *ptr)
{
    struct deferred *d = FB_NEW(a, struct deferred);

    if (!d) {
        fn(ptr);
        return false;
    }
    d->fn = fn;
    d->ptr = ptr;
    d->next = a->deferred;
    a->deferred = d;
    return true;
}

/* edge_table.h - edges in a small array behind the interface of chain.h, for tests. */
#ifndef FB_EDGE_TABLE_H
#define FB_EDGE_TABLE_H
#include <string.h>

#include "attribute/chain.h"

enum { EDGE_TABLE_MAX = 64 };

struct edge_table {
    struct fb_edge rows[EDGE_TABLE_MAX];
    size_t count;
    enum fb_status fails; /* not FB_OK: every look-up gives this */
    size_t asked;
};

static inline enum fb_status edge_table_get(void *self, struct fb_arena *a, const char *child,
                                            struct fb_edge *out)
{
    struct edge_table *t = self;

    (void)a;
    t->asked++;
    if (t->fails != FB_OK)
        return t->fails;
    for (size_t i = 0; i < t->count; i++) {
        if (strcmp(t->rows[i].child, child) == 0) {
            *out = t->rows[i];
            return FB_OK;
        }
    }
    return FB_ENOTFOUND;
}

static inline struct fb_edge_source edge_table_source(struct edge_table *t)
{
    return (struct fb_edge_source){.self = t, .get = edge_table_get};
}

/* Keeps what an event proves, as the pipeline does. */
static inline void edge_table_learn(struct edge_table *t, struct fb_arena *a,
                                    const struct fb_event *ev)
{
    struct fb_edge_source source = edge_table_source(t);
    struct fb_edge found[FB_EDGES_MAX];
    struct fb_chain chain;
    struct fb_err err;
    size_t n;

    if (fb_chain_trace(a, ev, &source, &chain, &err) != FB_OK)
        return;
    n = fb_chain_edges(a, ev, &chain, found);
    for (size_t i = 0; i < n && t->count < EDGE_TABLE_MAX; i++)
        t->rows[t->count++] = found[i];
}

#endif

/* collect.h - a sink that keeps everything it was given, and gzip written by zlib itself. */
#ifndef FB_TEST_COLLECT_H
#define FB_TEST_COLLECT_H
#include "ingest/ingest.h"
#include "support/fb_test.h"

enum { SEEN_MAX = 4096 };

struct seen {
    bool record; /* else a reject */
    size_t line, index, len;
    char source[256];
    char reason[900];
    char text[200]; /* the first bytes */
    char id[64];    /* "id" of the provider's record */
    bool unreadable, enveloped;
    unsigned odd;
    char carried[64], item[64], batch[16]; /* "" for none */
    int64_t carried_ms, receives;
    unsigned layers;
    bool foreign;
};

struct seen_all {
    struct seen *at;
    size_t count, records, rejects;
    size_t stop_after; /* the sink refuses the record of this number (1-based); 0: never */
    size_t progress_calls;
    uint64_t progress_last;
    bool in_order; /* every source counted 0, 1, 2, ... */
};

static inline struct seen *seen_next(struct seen_all *all, const char *source, size_t line,
                                     size_t index, const char *bytes, size_t len)
{
    struct seen *s;

    assert_true(all->count < SEEN_MAX);
    s = &all->at[all->count++];
    memset(s, 0, sizeof *s);
    s->line = line;
    s->index = index;
    s->len = len;
    s->unreadable = !bytes;
    snprintf(s->source, sizeof s->source, "%s", source);
    if (bytes)
        snprintf(s->text, sizeof s->text, "%.*s", (int)(len < 199 ? len : 199), bytes);
    if (index != 0 || (all->count > 1 && strcmp(s[-1].source, source) == 0))
        all->in_order = all->in_order && all->count > 1 && s[-1].index + 1 == index &&
                        !strcmp(s[-1].source, source);
    return s;
}

static inline void seen_carrier(struct seen *s, const struct fb_carrier *c)
{
    snprintf(s->carried, sizeof s->carried, "%s", c->id ? c->id : "");
    snprintf(s->item, sizeof s->item, "%s", c->item ? c->item : "");
    snprintf(s->batch, sizeof s->batch, "%s", c->batch ? c->batch : "");
    s->carried_ms = c->time_ms;
    s->receives = c->receives;
    s->layers = c->layers;
    s->foreign = c->foreign;
}

static inline enum fb_status seen_record(void *self, const struct fb_record *r, struct fb_err *err)
{
    struct seen_all *all = self;
    struct seen *s = seen_next(all, r->source, r->line, r->index, r->bytes, r->len);

    s->record = true;
    s->odd = r->odd;
    seen_carrier(s, &r->carrier);
    s->enveloped = r->envelope.present;
    assert_int_equal(fb_json_kind(r->doc), FB_JSON_OBJECT);
    assert_true(r->len >= 2 && r->bytes[0] == '{' && r->bytes[r->len - 1] == '}');
    snprintf(s->id, sizeof s->id, "%s", fb_json_get_str(r->doc, "id"));
    all->records++;
    if (all->stop_after && all->records == all->stop_after)
        return fb_err_set(err, FB_ECONFLICT, "enough");
    return FB_OK;
}

static inline void seen_reject(void *self, const struct fb_reject *r)
{
    struct seen_all *all = self;
    struct seen *s = seen_next(all, r->source, r->line, r->index, r->bytes, r->len);

    assert_true(r->reason && *r->reason);
    for (const char *p = r->reason; *p; p++)
        assert_true((unsigned char)*p >= 0x20);
    snprintf(s->reason, sizeof s->reason, "%s", r->reason);
    seen_carrier(s, &r->carrier);
    all->rejects++;
}

static inline void seen_progress(void *self, const char *source, uint64_t done, uint64_t all_bytes)
{
    struct seen_all *all = self;

    (void)source;
    assert_true(done <= all_bytes);
    all->progress_calls++;
    all->progress_last = done;
}

static inline void seen_init(struct seen_all *all)
{
    struct seen *at = all->at ? all->at : malloc(SEEN_MAX * sizeof *at);

    assert_non_null(at);
    *all = (struct seen_all){.at = at, .in_order = true};
}

static inline struct fb_sink seen_sink(struct seen_all *all)
{
    return (struct fb_sink){all, seen_record, seen_reject, seen_progress};
}

/* The bytes through the front door, from memory that ends where they end (so that ASan sees a read
 * beyond). */
static inline void seen_bytes(struct seen_all *all, struct fb_arena *a, const char *name,
                              enum fb_layout layout, const char *bytes, size_t len)
{
    struct fb_sink sink;
    struct fb_err err = {0};
    char *exact = malloc(len ? len : 1);

    assert_non_null(exact);
    memcpy(exact, bytes, len);
    seen_init(all);
    sink = seen_sink(all);
    assert_int_equal(fb_ingest_bytes(a, name, layout, exact, len, &sink, &err), FB_OK);
    free(exact);
    assert_true(all->in_order);
    assert_int_equal(all->count, all->records + all->rejects);
}

static inline void seen_text(struct seen_all *all, struct fb_arena *a, const char *text)
{
    seen_bytes(all, a, "test", FB_LAYOUT_GUESS, text, strlen(text));
}

static inline void seen_free(struct seen_all *all)
{
    free(all->at);
    *all = (struct seen_all){0};
}

#ifdef ZLIB_VERSION
/* One gzip member on the heap. */
static inline char *gzip_of(const char *bytes, size_t len, size_t *out_len)
{
    z_stream z;
    uLong cap = compressBound((uLong)len) + 64;
    char *out = malloc(cap);

    memset(&z, 0, sizeof z);
    assert_non_null(out);
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (const Bytef *)(const void *)bytes;
    z.avail_in = (uInt)len;
    z.next_out = (Bytef *)(void *)out;
    z.avail_out = (uInt)cap;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    *out_len = (size_t)z.total_out;
    assert_int_equal(deflateEnd(&z), Z_OK);
    return out;
}
#endif

#endif

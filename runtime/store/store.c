/* store.c - the limits that hold for every kind of store, and the table of kinds. */
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/text.h"
#include "store/backend.h"

struct fb_store {
    const struct fb_backend *kind;
    void *self;
    struct fb_clock clock;
};

/* A new kind of store is a new file and a row here. */
static const struct fb_backend *const KINDS[] = {&fb_backend_memory, &fb_backend_sqlite};
enum { KIND_COUNT = sizeof KINDS / sizeof KINDS[0] };

enum fb_status fb_store_wrap(const struct fb_backend *kind, void *self, struct fb_clock clock,
                             struct fb_store **out, struct fb_err *err)
{
    struct fb_store *s = calloc(1, sizeof *s);

    if (!s) {
        kind->close(self);
        return fb_err_set(err, FB_EIO, "open store: memory is short");
    }
    s->kind = kind;
    s->self = self;
    s->clock = clock;
    *out = s;
    return FB_OK;
}

static enum fb_status unknown_url(const char *url, struct fb_err *err)
{
    struct fb_buf known;
    enum fb_status st;

    fb_buf_init(&known, 256);
    for (size_t i = 0; i < KIND_COUNT; i++) {
        fb_buf_add(&known, i ? " or " : "");
        fb_buf_add(&known, KINDS[i]->usage);
    }
    st = fb_err_set(err, FB_ECONFIG, "no store is called \"%.200s\"; write %s", url, known.at);
    fb_buf_release(&known);
    return st;
}

enum fb_status fb_store_open(const char *url, struct fb_clock clock, struct fb_store **out,
                             struct fb_err *err)
{
    void *self = NULL;
    enum fb_status st;

    *out = NULL;
    if (!url)
        url = "";
    for (size_t i = 0; i < KIND_COUNT; i++) {
        const struct fb_backend *kind = KINDS[i];

        if (!fb_starts(url, kind->scheme))
            continue;
        st = kind->open(url + strlen(kind->scheme), &self, err);
        if (st != FB_OK)
            return fb_err_ctx(err, st, "store %.200s", url);
        return fb_store_wrap(kind, self, clock, out, err);
    }
    return unknown_url(url, err);
}

void fb_store_close(struct fb_store *s)
{
    if (!s)
        return;
    s->kind->close(s->self);
    free(s);
}

bool fb_store_durable(const struct fb_store *s) { return s->kind->durable; }

static int64_t now_of(const struct fb_store *s) { return fb_wall_ms(&s->clock); }

static enum fb_status key_check(const char *key, struct fb_err *err)
{
    const char *hash = key ? strchr(key, '#') : NULL;

    if (!hash || hash == key)
        return fb_err_set(err, FB_EINPUT, "a key reads kind#rest, not \"%.60s\"", key ? key : "");
    if (strnlen(key, FB_KEY_BYTES_MAX + 1) > FB_KEY_BYTES_MAX)
        return fb_err_set(err, FB_EINPUT, "key \"%.60s...\" is longer than %d bytes", key,
                          FB_KEY_BYTES_MAX);
    return FB_OK;
}

static enum fb_status puts_check(const struct fb_put *puts, size_t n, struct fb_err *err)
{
    if (n == 0 || n > FB_COMMIT_MAX)
        return fb_err_set(err, FB_EINPUT, "a commit takes 1 to %d records, not %zu", FB_COMMIT_MAX,
                          n);
    for (size_t i = 0; i < n; i++) {
        enum fb_status st = key_check(puts[i].key, err);

        if (st != FB_OK)
            return st;
        if (!puts[i].erase && puts[i].len > FB_VALUE_BYTES_MAX)
            return fb_err_set(err, FB_EINPUT,
                              "the value of \"%.60s\" has %zu bytes; at most %d fit", puts[i].key,
                              puts[i].len, FB_VALUE_BYTES_MAX);
        if (!puts[i].erase && !puts[i].value && puts[i].len > 0)
            return fb_err_set(err, FB_EINPUT, "the value of \"%.60s\" is missing", puts[i].key);
        for (size_t j = 0; j < i; j++)
            if (strcmp(puts[i].key, puts[j].key) == 0)
                return fb_err_set(err, FB_EINPUT, "key \"%.60s\" stands twice in one commit",
                                  puts[i].key);
    }
    return FB_OK;
}

enum fb_status fb_store_get(struct fb_store *s, struct fb_arena *a, const char *key,
                            struct fb_item *out, struct fb_err *err)
{
    enum fb_status st = key_check(key, err);

    *out = (struct fb_item){.key = "", .value = ""};
    if (st == FB_OK)
        st = s->kind->get(s->self, a, key, now_of(s), out, err);
    if (st == FB_ENOTFOUND) /* an ordinary answer: short words, set here once for all kinds */
        return fb_err_set(err, FB_ENOTFOUND, "no record \"%.200s\"", key);
    return fb_err_ctx(err, st, "read a record");
}

enum fb_status fb_store_commit(struct fb_store *s, const struct fb_put *puts, size_t n,
                               bool durable, struct fb_err *err)
{
    enum fb_status st = puts_check(puts, n, err);

    if (st == FB_OK)
        st = s->kind->commit(s->self, puts, n, durable, now_of(s), err);
    return fb_err_ctx(err, st, "commit");
}

/* Writes the first string that is greater than every string with this prefix; false: there is none.
 */
static bool prefix_end(const char *prefix, char out[FB_KEY_BYTES_MAX + 1])
{
    size_t len = strlen(prefix);

    memcpy(out, prefix, len + 1);
    while (len > 0 && (unsigned char)out[len - 1] == 0xff)
        len--;
    out[len] = '\0';
    if (len > 0)
        out[len - 1] = (char)((unsigned char)out[len - 1] + 1);
    return len > 0;
}

enum fb_status fb_store_list(struct fb_store *s, struct fb_arena *a, const char *prefix,
                             const char *after, size_t max,
                             bool (*each)(void *self, const struct fb_item *item), void *self,
                             struct fb_err *err)
{
    char end[FB_KEY_BYTES_MAX + 1];
    struct fb_range range = {.from = prefix};
    enum fb_status st = key_check(prefix, err);

    if (st != FB_OK)
        return fb_err_ctx(err, st, "list records");
    range.before = prefix_end(prefix, end) ? end : NULL;
    if (after && strcmp(after, prefix) >= 0) {
        range.from = after;
        range.beyond = true;
    }
    for (size_t seen = 0; max == 0 || seen < max; seen++) { /* ends: keys only grow */
        struct fb_item item = {.key = "", .value = ""};

        st = s->kind->next(s->self, a, &range, now_of(s), &item, err);
        if (st == FB_ENOTFOUND) {
            if (err)
                *err = (struct fb_err){0};
            return FB_OK;
        }
        if (st != FB_OK)
            return fb_err_ctx(err, st, "list records");
        if (!each(self, &item))
            return FB_OK;
        range.from = item.key;
        range.beyond = true;
    }
    return FB_OK;
}

size_t fb_store_sweep(struct fb_store *s) { return s->kind->sweep(s->self, now_of(s)); }

enum fb_status fb_item_fill(struct fb_arena *a, const char *key, const void *value, size_t len,
                            struct fb_item *out, struct fb_err *err)
{
    size_t key_len = strlen(key);
    char *key_copy = fb_arena_alloc(a, key_len + 1);
    char *copy = fb_arena_alloc(a, len + 1);

    if (!key_copy || !copy)
        return fb_err_set(err, FB_ELIMIT, "no room left in the arena for \"%.60s\"", key);
    memcpy(key_copy, key, key_len);
    if (len > 0)
        memcpy(copy, value, len);
    out->key = key_copy;
    out->value = copy;
    out->len = len;
    return FB_OK;
}

enum fb_status fb_conflict(const struct fb_put *put, struct fb_err *err)
{
    if (put->expect == 0)
        return fb_err_set(err, FB_ECONFLICT, "\"%.200s\" exists already", put->key);
    return fb_err_set(err, FB_ECONFLICT, "\"%.200s\" is not at version %llu any more", put->key,
                      (unsigned long long)put->expect);
}

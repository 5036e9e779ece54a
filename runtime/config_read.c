/* config_read.c - holds a document to the table of keys; what does not fit is one clear line. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"
#include "config_in.h"

/* ---- messages ---- */

const char *fb_load_plain(struct fb_load *l, const char *text, size_t bytes_max)
{
    struct fb_buf b;

    fb_buf_init_in(&b, l->a, bytes_max + 16);
    fb_buf_add_plain(&b, text, bytes_max);
    return b.at;
}

enum fb_status fb_load_fail(struct fb_load *l, const char *path, const char *fmt, ...)
{
    char words[400];
    va_list args;

    va_start(args, fmt);
    vsnprintf(words, sizeof words, fmt, args);
    va_end(args);
    return fb_err_set(l->err, FB_ECONFIG, "%s: %s%s%s", fb_load_plain(l, l->from, 120),
                      fb_load_plain(l, path, 120), *path ? " " : "", words);
}

static const char *shown(struct fb_load *l, const struct fb_json *v)
{
    switch (fb_json_kind(v)) {
    case FB_JSON_STR:
        return *fb_json_str(v) ? fb_arena_fmt(l->a, "\"%s\"", fb_load_plain(l, fb_json_str(v), 60))
                               : "empty";
    case FB_JSON_ARRAY:
        return "a list";
    case FB_JSON_OBJECT:
        return "an object";
    case FB_JSON_NULL:
        return "null";
    case FB_JSON_REAL: /* as a person writes it, not to the last bit */
        return fb_arena_fmt(l->a, "%g", fb_json_num(v, 0));
    default:
        return fb_json_text(l->a, v);
    }
}

static enum fb_status wrong(struct fb_load *l, const char *path, const struct fb_json *v,
                            const char *write)
{
    return fb_load_fail(l, path, "is %s; write %s", shown(l, v), write);
}

static enum fb_status unknown_word(struct fb_load *l, const char *path, const char *word,
                                   const char *const *words, size_t n, const char *write)
{
    const char *near = fb_nearest(word, words, n);

    if (near)
        return fb_load_fail(l, path, "knows no \"%s\"; did you mean \"%s\"?",
                            fb_load_plain(l, word, 60), near);
    return fb_load_fail(l, path, "knows no \"%s\"; write %s", fb_load_plain(l, word, 60), write);
}

static const char *join(struct fb_load *l, const char *path, const char *name)
{
    return *path ? fb_arena_fmt(l->a, "%s.%s", path, name) : name;
}

/* ---- the walk ---- */

void fb_load_note(struct fb_load *l, const char *key)
{
    size_t max = sizeof l->origins / sizeof *l->origins, i = 0;

    while (i < l->c->origin_count && !fb_eq(l->origins[i].key, key))
        i++;
    if (i == max)
        return; /* cannot be: the table has fewer such keys, and a test sets them all */
    l->origins[i] = (struct fb_config_origin){fb_arena_str(l->a, key), l->from};
    if (i == l->c->origin_count)
        l->c->origin_count++;
}

bool fb_mode_from(const char *text, enum fb_mode *out)
{
    for (int m = FB_MODE_DRY_RUN; m <= FB_MODE_ENFORCE; m++)
        if (fb_eq(text, fb_mode_name((enum fb_mode)m))) {
            *out = (enum fb_mode)m;
            return true;
        }
    return false;
}

static bool has_control(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return true;
    return false;
}

/* A text that the row allows; copied into *out. */
static enum fb_status read_text(struct fb_load *l, const struct fb_key *k, const char *path,
                                const struct fb_json *v, const char **out)
{
    const char *text = fb_json_str(v);
    const char *const *words;
    size_t n;

    if (fb_json_kind(v) != FB_JSON_STR || !*text)
        return wrong(l, path, v, k->write);
    if (strlen(text) > FB_CONFIG_TEXT_MAX)
        return fb_load_fail(l, path, "has %zu bytes; at most %d fit", strlen(text),
                            FB_CONFIG_TEXT_MAX);
    if (has_control(text) || (k->check && !k->check(l, text)))
        return wrong(l, path, v, k->write);
    if (k->words) {
        n = k->words(l, &words);
        for (size_t i = 0; i < n; i++)
            if (fb_eq(text, words[i])) {
                *out = words[i];
                return FB_OK;
            }
        return unknown_word(l, path, text, words, n, k->write);
    }
    *out = fb_arena_str(l->a, text);
    return FB_OK;
}

static enum fb_status read_texts(struct fb_load *l, const struct fb_key *k, const char *path,
                                 const struct fb_json *v, struct fb_texts *out)
{
    size_t n = fb_json_len(v);
    const char **texts;

    if (fb_json_kind(v) != FB_JSON_ARRAY)
        return fb_load_fail(l, path, "is %s; write a list, each item %s", shown(l, v), k->write);
    if (n > FB_CONFIG_ITEMS_MAX)
        return fb_load_fail(l, path, "has %zu items; at most %d fit", n, FB_CONFIG_ITEMS_MAX);
    texts = FB_NEW_ARRAY(l->a, n, const char *);
    if (!texts)
        return fb_err_set(l->err, FB_ELIMIT, "the configuration is too large");
    for (size_t i = 0; i < n; i++) {
        enum fb_status st =
            read_text(l, k, fb_arena_fmt(l->a, "%s[%zu]", path, i), fb_json_at(v, i), &texts[i]);

        if (st != FB_OK)
            return st;
    }
    *out = (struct fb_texts){n ? texts : NULL, n};
    return FB_OK;
}

static void wipe(void *secret) { fb_secret_release(secret); }

static enum fb_status read_secret(struct fb_load *l, const struct fb_key *k, const char *path,
                                  const struct fb_json *v, struct fb_secret *out)
{
    const char *text = fb_json_str(v);

    if (fb_json_kind(v) != FB_JSON_STR || !*text || strlen(text) > FB_CONFIG_TEXT_MAX)
        return fb_load_fail(l, path, "is no text of 1 to %d bytes; write %s", FB_CONFIG_TEXT_MAX,
                            k->write);
    if (!fb_secret_set(out, text, strlen(text)) || !fb_arena_defer(l->a, wipe, out))
        return fb_err_set(l->err, FB_ELIMIT, "memory is short");
    return FB_OK;
}

static enum fb_status read_number(struct fb_load *l, const struct fb_key *k, const char *path,
                                  const struct fb_json *v, void *at)
{
    enum fb_json_kind kind = fb_json_kind(v);
    double number = fb_json_num(v, NAN);
    int64_t whole;

    if (k->type == FB_KEY_WHOLE) {
        if (kind != FB_JSON_INT || !fb_json_int(v, &whole) || (double)whole < k->low ||
            (double)whole > k->high)
            return wrong(l, path, v, k->write);
        memcpy(at, &whole, sizeof whole);
        return FB_OK;
    }
    if ((kind != FB_JSON_INT && kind != FB_JSON_REAL) || !(number >= k->low && number <= k->high))
        return wrong(l, path, v, k->write);
    memcpy(at, &number, sizeof number);
    return FB_OK;
}

static size_t count_members(const struct fb_json *v)
{
    void *iter = NULL;
    const char *name;
    const struct fb_json *value;
    size_t n = 0;

    while (fb_json_next(v, &iter, &name, &value))
        n++;
    return n;
}

/* The name of an item of a map: as a text of the row. */
static enum fb_status read_name(struct fb_load *l, const struct fb_key *k, const char *path,
                                const char *name)
{
    const char *const *words;
    size_t n;

    if (!*name || strlen(name) > FB_CONFIG_TEXT_MAX || has_control(name) ||
        (k->check && !k->check(l, name)))
        return fb_load_fail(l, path, "has an entry \"%s\"; write %s", fb_load_plain(l, name, 60),
                            k->write);
    if (!k->words)
        return FB_OK;
    n = k->words(l, &words);
    for (size_t i = 0; i < n; i++)
        if (fb_eq(name, words[i]))
            return FB_OK;
    return unknown_word(l, path, name, words, n, k->write);
}

/* What an item holds before its members are read. */
static void item_defaults(const struct fb_key *sub, char *item)
{
    const enum fb_mode as_it_is = FB_MODE_ENFORCE;
    const char *empty = "";

    for (; sub->name; sub++) {
        if (sub->type == FB_KEY_TEXT)
            memcpy(item + sub->at, &empty, sizeof empty);
        if (sub->type == FB_KEY_MODE)
            memcpy(item + sub->at, &as_it_is, sizeof as_it_is);
    }
}

static enum fb_status read_item(struct fb_load *l, const struct fb_key *k, const char *path,
                                const struct fb_json *v, char *item)
{
    item_defaults(k->sub, item);
    return fb_load_object(l, k->sub, path, v, item, true);
}

/* A map of the operator's names, or a list, of structs of their own. */
static enum fb_status read_items(struct fb_load *l, const struct fb_key *k, const char *path,
                                 const struct fb_json *v, char *base)
{
    bool named = k->type == FB_KEY_NAMED;
    size_t n = named ? count_members(v) : fb_json_len(v), i = 0;
    const struct fb_json *value;
    enum fb_status st = FB_OK;
    void *iter = NULL;
    const char *name;
    char *items;

    if (fb_json_kind(v) != (named ? FB_JSON_OBJECT : FB_JSON_ARRAY))
        return fb_load_fail(l, path, "is %s; write %s%s", shown(l, v),
                            named ? "an object; its names: " : "a list, each item ", k->write);
    if (n > FB_CONFIG_ITEMS_MAX)
        return fb_load_fail(l, path, "has %zu items; at most %d fit", n, FB_CONFIG_ITEMS_MAX);
    items = fb_arena_array(l->a, n, k->item_bytes);
    if (!items)
        return fb_err_set(l->err, FB_ELIMIT, "the configuration is too large");
    for (; st == FB_OK && named && i < n && fb_json_next(v, &iter, &name, &value); i++) {
        const char *copy = fb_arena_str(l->a, name);

        st = read_name(l, k, path, name);
        if (st != FB_OK)
            return st;
        memcpy(items + i * k->item_bytes, &copy, sizeof copy); /* the first member */
        st = read_item(l, k, join(l, path, name), value, items + i * k->item_bytes);
    }
    for (; st == FB_OK && !named && i < n; i++)
        st = read_item(l, k, fb_arena_fmt(l->a, "%s[%zu]", path, i), fb_json_at(v, i),
                       items + i * k->item_bytes);
    memcpy(base + k->at, &items, sizeof items);
    memcpy(base + k->count_at, &n, sizeof n);
    return st;
}

static enum fb_status read_value(struct fb_load *l, const struct fb_key *k, const char *path,
                                 const struct fb_json *v, char *base, bool item)
{
    const char *text = "";
    enum fb_status st;
    enum fb_mode mode;
    int64_t ms;
    bool flag;

    switch (k->type) {
    case FB_KEY_NUMBER:
    case FB_KEY_WHOLE:
        return read_number(l, k, path, v, base + k->at);
    case FB_KEY_FLAG:
        if (fb_json_kind(v) != FB_JSON_BOOL)
            return wrong(l, path, v, k->write);
        flag = fb_json_bool(v, false);
        memcpy(base + k->at, &flag, sizeof flag);
        return FB_OK;
    case FB_KEY_MODE:
        if (fb_json_kind(v) != FB_JSON_STR || !fb_mode_from(fb_json_str(v), &mode))
            return wrong(l, path, v, k->write);
        memcpy(base + k->at, &mode, sizeof mode);
        return FB_OK;
    case FB_KEY_TEXT:
        st = read_text(l, k, path, v, &text);
        if (st == FB_OK && !k->ignored)
            memcpy(base + k->at, &text, sizeof text);
        return st;
    case FB_KEY_TIME:
        if (fb_json_kind(v) != FB_JSON_STR || !fb_time_parse(fb_json_str(v), &ms))
            return wrong(l, path, v, k->write);
        memcpy(base + k->at, &ms, sizeof ms);
        return FB_OK;
    case FB_KEY_SECRET:
        return read_secret(l, k, path, v, (struct fb_secret *)(void *)(base + k->at));
    case FB_KEY_TEXTS:
        return read_texts(l, k, path, v, (struct fb_texts *)(void *)(base + k->at));
    case FB_KEY_OBJECT:
        return fb_load_object(l, k->sub, path, v, base, item);
    case FB_KEY_NAMED:
    case FB_KEY_LISTED:
        return read_items(l, k, path, v, base);
    }
    return FB_OK;
}

static enum fb_status unknown_key(struct fb_load *l, const struct fb_key *keys, const char *path,
                                  const char *name)
{
    const char *names[40], *near;
    struct fb_buf all;
    size_t n = 0;

    fb_buf_init_in(&all, l->a, 1024);
    for (const struct fb_key *k = keys; k->name && n < sizeof names / sizeof *names; k++) {
        fb_buf_add(&all, n ? ", " : "");
        fb_buf_add(&all, k->name);
        names[n++] = k->name;
    }
    near = fb_nearest(name, names, n);
    path = *path ? fb_arena_fmt(l->a, " in %s", path) : "";
    if (near)
        return fb_load_fail(l, "", "no key \"%s\"%s; did you mean \"%s\"?",
                            fb_load_plain(l, name, 60), fb_load_plain(l, path, 100), near);
    return fb_load_fail(l, "", "no key \"%s\"%s; the keys are %s", fb_load_plain(l, name, 60),
                        fb_load_plain(l, path, 100), all.at);
}

enum fb_status fb_load_object(struct fb_load *l, const struct fb_key *keys, const char *path,
                              const struct fb_json *v, void *base, bool item)
{
    void *iter = NULL;
    const struct fb_json *value;
    const char *name;

    if (keys[0].name && !*keys[0].name) /* the value itself */
        return read_value(l, &keys[0], path, v, base, item);
    if (fb_json_kind(v) != FB_JSON_OBJECT)
        return wrong(l, *path ? path : "the document", v, "an object, as {\"mode\": \"dry-run\"}");
    while (fb_json_next(v, &iter, &name, &value)) {
        const struct fb_key *k = keys;
        enum fb_status st;

        while (k->name && !fb_eq(k->name, name))
            k++;
        if (!k->name)
            return unknown_key(l, keys, path, name);
        st = read_value(l, k, join(l, path, name), value, base, item);
        if (st != FB_OK)
            return st;
        if (!item && k->type != FB_KEY_OBJECT && !k->ignored)
            fb_load_note(l, join(l, path, name));
    }
    for (const struct fb_key *k = keys; k->name; k++)
        if (k->required && fb_json_kind(fb_json_get(v, k->name)) == FB_JSON_ABSENT)
            return fb_load_fail(l, path, "lacks \"%s\"; write %s", k->name, k->write);
    return FB_OK;
}

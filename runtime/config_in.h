/* config_in.h - what the files of the configuration share: one reading, and the table's rows. */
#ifndef FB_CONFIG_IN_H
#define FB_CONFIG_IN_H
#include "base/json.h"
#include "config.h"

/* One reading of a configuration. */
struct fb_load {
    struct fb_arena *a;
    struct fb_config *c;
    struct fb_config_origin origins[64];
    const char *from; /* of what is read now, for messages and origins */
    struct fb_err *err;
};

typedef bool fb_text_check(struct fb_load *l, const char *text);
typedef size_t fb_word_list(struct fb_load *l, const char *const **out);

enum fb_key_type {
    FB_KEY_NUMBER,
    FB_KEY_WHOLE,
    FB_KEY_FLAG,
    FB_KEY_MODE,
    FB_KEY_TEXT,
    FB_KEY_TIME,
    FB_KEY_SECRET,
    FB_KEY_TEXTS,
    FB_KEY_OBJECT,
    FB_KEY_NAMED,
    FB_KEY_LISTED
};

/* One row of the table. `at` is the offset in the struct that the object around it fills; an inner
 * object fills the same struct as the outer one; items of a map or list are structs of their own,
 * and those of a map begin with their name. */
struct fb_key {
    const char *name; /* "": the value itself, not a member of it (items that are plain lists) */
    enum fb_key_type type;
    size_t at, count_at;
    double low, high;
    fb_text_check *check;
    fb_word_list *words; /* a closed list: then anything else is an error that names the nearest */
    const char *write;
    bool required, ignored;
    const struct fb_key *sub; /* ends with a NULL name */
    size_t item_bytes;
};

const struct fb_key *fb_config_root(void);

/* What no row alone can say: the order of thresholds, an account's own role, a target's kind. */
enum fb_status fb_config_check(struct fb_load *l);

/* Holds the members of an object to their rows. `item`: an entry of a map or list, whose origin is
 * the whole list's. */
enum fb_status fb_load_object(struct fb_load *l, const struct fb_key *keys, const char *path,
                              const struct fb_json *v, void *base, bool item);

/* "SOURCE: PATH words", FB_ECONFIG. */
enum fb_status fb_load_fail(struct fb_load *l, const char *path, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Text of the operator's, fit for one line of a message. */
const char *fb_load_plain(struct fb_load *l, const char *text, size_t bytes_max);
/* Remembers that the value of `key` comes from l->from. */
void fb_load_note(struct fb_load *l, const char *key);
bool fb_mode_from(const char *text, enum fb_mode *out);

#endif

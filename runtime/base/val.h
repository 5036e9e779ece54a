/* val.h - a small tree of values: what a playbook's verbs take and what facts give back.
 *
 * Plain data in an arena, comparable, printable as JSON; no room's own structs cross the border to
 * the playbook room. A NULL val is nil. */
#ifndef FB_VAL_H
#define FB_VAL_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fb_arena;
struct fb_buf;
struct fb_json;

enum fb_val_kind {
    FB_VAL_NIL,
    FB_VAL_BOOL,
    FB_VAL_INT,
    FB_VAL_NUM,
    FB_VAL_STR,
    FB_VAL_LIST,
    FB_VAL_MAP
};

struct fb_val {
    enum fb_val_kind kind;
    union {
        bool flag;
        int64_t num_int;
        double num;
        const char *str; /* never NULL for FB_VAL_STR */
    } as;
    struct fb_val *first, *last, *next; /* children of lists and maps, in order */
    const char *key;                    /* this child's key in a map; NULL in a list */
    size_t count;                       /* of children */
};

/* Constructors give a value in the arena; at the arena's ceiling a shared nil (fb_arena_failed). */
struct fb_val *fb_val_nil(struct fb_arena *a);
struct fb_val *fb_val_bool(struct fb_arena *a, bool v);
struct fb_val *fb_val_int(struct fb_arena *a, int64_t v);
struct fb_val *fb_val_num(struct fb_arena *a, double v);
struct fb_val *fb_val_str(struct fb_arena *a, const char *v); /* copies */
struct fb_val *fb_val_list(struct fb_arena *a);
struct fb_val *fb_val_map(struct fb_arena *a);

void fb_val_push(struct fb_val *list, struct fb_val *item);
void fb_val_set(struct fb_arena *a, struct fb_val *map, const char *key,
                struct fb_val *v); /* replaces */
void fb_val_set_str(struct fb_arena *a, struct fb_val *map, const char *key, const char *v);
void fb_val_set_int(struct fb_arena *a, struct fb_val *map, const char *key, int64_t v);
void fb_val_set_num(struct fb_arena *a, struct fb_val *map, const char *key, double v);
void fb_val_set_bool(struct fb_arena *a, struct fb_val *map, const char *key, bool v);

const struct fb_val *fb_val_get(const struct fb_val *map, const char *key); /* NULL when absent */
const char *fb_val_get_str(const struct fb_val *map, const char *key);      /* "" when absent */
int64_t fb_val_get_int(const struct fb_val *map, const char *key, int64_t otherwise);
bool fb_val_get_bool(const struct fb_val *map, const char *key, bool otherwise);

void fb_val_write(struct fb_buf *to, const char *key, const struct fb_val *v); /* as JSON */
/* The other way; nesting as in the document. */
struct fb_val *fb_val_from_json(struct fb_arena *a, const struct fb_json *v);

#endif

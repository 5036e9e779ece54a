/* json.h - the one reader interface behind which a JSON parser sits: yyjson, or jansson where that
 * cannot be had. Which of them is not to be seen from here but in the words of a refusal.
 *
 * Reading never fails loudly: a missing or wrongly typed field reads as absent, so that one odd
 * field never costs the rest of an event. Values live as long as the arena that was given to the
 * parse.
 *
 * Bytes from outside may be hostile. Valid JSON that parsers dislike must not hide an event
 * (integers beyond 2^63, 1e999, \u0000, lone surrogates, twice the same key, nesting beyond
 * FB_JSON_DEPTH_MAX): such a text is read in a tamed form, and *odd says what was tamed. */
#ifndef FB_JSON_H
#define FB_JSON_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct fb_arena;
struct fb_json; /* one value; opaque */

enum { FB_JSON_DEPTH_MAX = 64 };

enum fb_json_odd {
    FB_ODD_DUPLICATE_KEY = 1u << 0, /* the last one counts */
    FB_ODD_BIG_NUMBER = 1u << 1,    /* clamped to a double */
    FB_ODD_NUL = 1u << 2,           /* \u0000 reads as U+FFFD */
    FB_ODD_SURROGATE = 1u << 3,     /* a lone surrogate reads as U+FFFD */
    FB_ODD_DEEP = 1u << 4           /* what lies deeper reads as null */
};

enum fb_json_kind {
    FB_JSON_ABSENT, /* no such value */
    FB_JSON_NULL,
    FB_JSON_BOOL,
    FB_JSON_INT,
    FB_JSON_REAL,
    FB_JSON_STR,
    FB_JSON_ARRAY,
    FB_JSON_OBJECT
};

/* Parses one JSON text (any value at the top; white space around it).
 *   FB_EINPUT  not JSON; err says what and at which byte
 *   FB_ELIMIT  the arena is full */
enum fb_status fb_json_parse(struct fb_arena *a, const char *bytes, size_t len, unsigned *odd,
                             const struct fb_json **out, struct fb_err *err);

/* Words for the bits of odd ("duplicate key, big number"), in the arena; "" for 0. */
const char *fb_json_odd_words(struct fb_arena *a, unsigned odd);

/* All of these accept NULL (absent). */
enum fb_json_kind fb_json_kind(const struct fb_json *v);
const struct fb_json *fb_json_get(const struct fb_json *object, const char *key);
/* The member `key`, else the one whose first letter is that one's capital ("name", "Name"). */
const struct fb_json *fb_json_get_fold(const struct fb_json *object, const char *key);
const struct fb_json *fb_json_path(const struct fb_json *v, const char *dotted); /* "a.b.c" */
size_t fb_json_len(const struct fb_json *array);                                 /* 0 for others */
/* Counts from the first: a walk over n items costs n * n / 2 short steps. */
const struct fb_json *fb_json_at(const struct fb_json *array, size_t i);

/* Walks the members of an object: start with *iter = NULL; false at the end. */
bool fb_json_next(const struct fb_json *object, void **iter, const char **key,
                  const struct fb_json **value);

const char *fb_json_str(const struct fb_json *v); /* "" when it is not a string */
const char *fb_json_get_str(const struct fb_json *v, const char *key);
const char *fb_json_path_str(const struct fb_json *v, const char *dotted);
/* Strings as they are, numbers and booleans as text; "" for the rest. */
const char *fb_json_text(struct fb_arena *a, const struct fb_json *v);
/* Whole numbers, also as text ("12"); false otherwise (fractions and beyond 2^53 in text included).
 */
bool fb_json_int(const struct fb_json *v, int64_t *out);
double fb_json_num(const struct fb_json *v, double otherwise);
/* true/false, also as the texts "true"/"false" (any case): providers write both. */
bool fb_json_bool(const struct fb_json *v, bool otherwise);

/* The value as compact JSON text in the arena, at most bytes_max bytes ("" beyond). */
const char *fb_json_dump(struct fb_arena *a, const struct fb_json *v, size_t bytes_max);

#endif

/* text.h - small questions about strings that more than one room asks. */
#ifndef FB_TEXT_H
#define FB_TEXT_H
#include <stdbool.h>
#include <stddef.h>

struct fb_arena;

bool fb_eq(const char *a, const char *b); /* both not NULL, equal */
bool fb_starts(const char *s, const char *prefix);
bool fb_ends(const char *s, const char *suffix);
bool fb_starts_fold(const char *s, const char *prefix); /* ASCII case ignored */
bool fb_has_fold(const char *s, const char *needle);    /* ASCII case ignored */
bool fb_utf8_valid(const char *bytes, size_t len);

/* The nearest of n names to `name` by edit distance (at most 3, and at most half its length), for
 * "did you mean"; NULL when none is near. */
const char *fb_nearest(const char *name, const char *const *names, size_t n);

/* Fields of "arn:partition:service:region:account:resource", borrowed from an arena copy.
 * False when s is no ARN (fields are "" then). */
struct fb_arn {
    const char *partition, *service, *region, *account, *resource;
};
bool fb_arn_split(struct fb_arena *a, const char *s, struct fb_arn *out);

#endif

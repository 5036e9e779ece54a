/* tame.h - rewrites JSON that a parser dislikes though it is valid. Room-private. */
#ifndef FB_TAME_H
#define FB_TAME_H
#include "base/buf.h"

/* Copies the text with clamped numbers, U+FFFD for \u0000 and lone surrogates, and null for values
 * nested beyond FB_JSON_DEPTH_MAX; says in *odd what it changed. It checks no grammar: what is not
 * JSON stays not JSON for the parser to say so. */
void fb_json_tame(struct fb_buf *to, const char *bytes, size_t len, unsigned *odd);

#endif

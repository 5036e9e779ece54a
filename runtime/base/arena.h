/* arena.h - memory of one invocation or one record: taken in pieces, given back all at once.
 *
 * An arena has a ceiling. When it is reached, allocation returns NULL (strings: "") and the arena
 * remembers: a step checks fb_arena_failed() at its end instead of after every line. In sanitizer
 * builds every request is its own malloc, so that overruns show. Not for use by two threads. */
#ifndef FB_ARENA_H
#define FB_ARENA_H
#include <stdbool.h>
#include <stddef.h>

struct fb_arena; /* opaque */

/* Gives an arena that hands out at most bytes_max bytes between resets; NULL when memory is short.
 */
struct fb_arena *fb_arena_new(size_t bytes_max);

/* Runs the deferred calls, gives back everything. NULL is fine. */
void fb_arena_free(struct fb_arena *a);

/* Runs the deferred calls (newest first) and makes the arena empty and ready again; keeps its first
 * block, so that a warm arena of ordinary use asks malloc for nothing. Clears fb_arena_failed(). */
void fb_arena_reset(struct fb_arena *a);

/* True when some request since the last reset was not met. */
bool fb_arena_failed(const struct fb_arena *a);

/* Bytes handed out since the last reset. */
size_t fb_arena_used(const struct fb_arena *a);

/* Bytes that may still be asked for. */
size_t fb_arena_left(const struct fb_arena *a);

/* Zeroed memory of `bytes` bytes, aligned for any type; NULL at the ceiling or when memory is
 * short. 0 bytes give a valid pointer. */
void *fb_arena_alloc(struct fb_arena *a, size_t bytes);

/* As fb_arena_alloc for n items of item_bytes each, checked for overflow. */
void *fb_arena_array(struct fb_arena *a, size_t n, size_t item_bytes);

/* Copies. The result is NUL-terminated and lives as long as the arena; "" (static) on failure.
 * NULL copies as "". */
const char *fb_arena_str(struct fb_arena *a, const char *s);
const char *fb_arena_strn(struct fb_arena *a, const char *s, size_t len);
const char *fb_arena_fmt(struct fb_arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Calls fn(ptr) at the next reset or free. When the note cannot be kept fn is called at once and
 * false is returned: ptr must not be used then. */
bool fb_arena_defer(struct fb_arena *a, void (*fn)(void *), void *ptr);

#define FB_NEW(arena, type)          ((type *)fb_arena_alloc((arena), sizeof(type)))
#define FB_NEW_ARRAY(arena, n, type) ((type *)fb_arena_array((arena), (n), sizeof(type)))

#endif

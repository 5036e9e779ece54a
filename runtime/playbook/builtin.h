/* builtin.h - the playbooks that ship, as source text inside the executable (embed.cmake makes the
 * table from the folder playbooks at build time). Of this room only. */
#ifndef FB_BUILTIN_H
#define FB_BUILTIN_H
#include <stddef.h>

struct fb_builtin {
    const char *file; /* "contain-leaked-key.lua" */
    const char *text;
    size_t len;
};

extern const struct fb_builtin FB_BUILTINS[];
extern const size_t FB_BUILTIN_COUNT;

#endif

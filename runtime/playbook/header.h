/* header.h - playbook { ... }: read, checked field by field, told to authors with file and line. Of
 * this room only. */
#ifndef FB_HEADER_H
#define FB_HEADER_H
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

#include "playbook/host.h"

struct fb_arena;

struct fb_header {
    struct fb_arena *arena; /* of the strings below */
    const char *chunk;      /* name of the source, as messages say it */
    const char *text;       /* the source; borrowed */
    size_t len;
    struct fb_playbook_info info; /* out */
    const char *const *replaces;  /* out; NULL-terminated */
    bool seen;                    /* playbook { } was called */
};

/* Makes the environment, compiles and calls the chunk, checks what it returns, and leaves the
 * function `run` on top of the stack. Raises "file:line: what is wrong and what to write". No fb is
 * in reach. */
void fb_header_load(lua_State *L, struct fb_header *h);

#endif

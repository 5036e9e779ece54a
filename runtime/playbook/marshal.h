/* marshal.h - values across the border: struct fb_val to Lua tables and back. Of this room only.
 *
 * What a fact gives is a plain table that carries a hidden mark, so that an item of it may be
 * handed to a verb whole, extra fields and all; a table that the playbook writes down must name
 * known fields. */
#ifndef FB_MARSHAL_H
#define FB_MARSHAL_H
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/val.h"
#include "playbook/verb.h"

struct fb_arena;

enum {
    FB_MARSHAL_DEPTH_MAX = 16,
    FB_MARSHAL_NAMES_MAX = 200,           /* of one map */
    FB_MARSHAL_ASK_BYTES_MAX = 256 << 10, /* arguments of one call, as values in memory */
    FB_MARSHAL_RUN_BYTES_MAX = 16 << 20   /* of all calls of a run */
};

/* Makes the marks. Once per state. */
void fb_marshal_open(lua_State *L);

/* Pushes v: lists and maps as marked tables; with read_only not NULL every table is a view, and
 * that text says so to whoever writes to it. Deeper than the maximum reads as nil. */
void fb_marshal_push(lua_State *L, const struct fb_val *v, const char *read_only);

/* Pushes an empty marked list or map. */
void fb_marshal_push_empty(lua_State *L, bool list);

/* Whether the table at index, or the one behind the view, carries a mark. */
bool fb_marshal_marked(lua_State *L, int index);

/* Reading arguments: what is being read, for the message, and what may still be taken. */
struct fb_marshal_in {
    struct fb_arena *arena;
    const char *verb, *field;
    size_t bytes_left;
};

/* The value at index as plain data. An empty table is a list unless `want` is FB_FIELD_MAP. Raises
 * on functions, zero bytes, endless numbers, mixed tables and whatever is too deep or too large. */
struct fb_val *fb_marshal_read(lua_State *L, int index, struct fb_marshal_in *in,
                               enum fb_field_type want);

/* Raises unless that many bytes are left. */
void fb_marshal_spend(lua_State *L, struct fb_marshal_in *in, size_t bytes);

#endif

/* sandbox.h - what a playbook finds in its world besides inc and fb: an allow list. Of this room
 * only.
 *
 * Base, string, table, math and utf8 without what loads code, prints, reads clocks, rolls dice,
 * shows addresses or reaches other states. Every library table and every global is read-only; a
 * name that is not there raises with a hint. */
#ifndef FB_SANDBOX_H
#define FB_SANDBOX_H
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

/* Pushes a fresh environment for a chunk. While vm->header is set (loading) globals may be added;
 * afterwards they are read-only. */
void fb_sandbox_open(lua_State *L);

/* The two libraries of our own (lib_string.c, lib_table.c): each pushes its table of functions. */
void fb_lib_string_push(lua_State *L);
void fb_lib_table_push(lua_State *L);
/* Replaces the stock C function on top by one that pays for the texts it walks and makes. */
void fb_lib_charge(lua_State *L, const char *name);
/* pairs and next in a repeatable order (lib_table.c). */
int fb_lib_pairs(lua_State *L);
int fb_lib_next(lua_State *L);

/* Replaces the table on top by a read-only view of it. `name` is said when somebody writes to it;
 * it must be a constant. */
void fb_lua_readonly(lua_State *L, const char *name);
/* Pushes the table itself behind the view (or the table) at index; false, pushing nothing, when it
 * is no table. */
bool fb_lua_real(lua_State *L, int index);
/* Makes reading an unknown name of the table on top raise "<name>.<key> ..." with a hint. */
void fb_lua_strict(lua_State *L, const char *name);
/* Raises that `key` is not among the text keys of the table at index, with the nearest or a hint.
 */
int fb_lua_unknown(lua_State *L, const char *name, const char *key, int index);
/* Pushes the value at index as text: no addresses; __tostring is honoured. */
void fb_lua_tostring(lua_State *L, int index);
/* Raises when this call cannot wait, which is in a callback of a library function. */
void fb_lua_may_wait(lua_State *L);

#endif

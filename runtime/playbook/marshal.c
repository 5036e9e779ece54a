/* marshal.c - struct fb_val <-> Lua: only plain data crosses, in either direction. */
#include "playbook/marshal.h"

#include <lauxlib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "playbook/sandbox.h"
#include "playbook/vm.h"

/* Their addresses are registry keys: the metatables that mark lists and maps. */
static const char MARK_LIST = 0;
static const char MARK_MAP = 0;

static void make_mark(lua_State *L, const char *key)
{
    lua_createtable(L, 0, 1);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable"); /* setmetatable leaves marked tables alone */
    lua_rawsetp(L, LUA_REGISTRYINDEX, key);
}

void fb_marshal_open(lua_State *L)
{
    make_mark(L, &MARK_LIST);
    make_mark(L, &MARK_MAP);
}

static void set_mark(lua_State *L, bool list)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, list ? &MARK_LIST : &MARK_MAP);
    lua_setmetatable(L, -2);
}

void fb_marshal_push_empty(lua_State *L, bool list)
{
    lua_newtable(L);
    set_mark(L, list);
}

static void push_at(lua_State *L, const struct fb_val *v, const char *read_only, int depth);

static void push_children(lua_State *L, const struct fb_val *v, const char *read_only, int depth)
{
    bool list = v->kind == FB_VAL_LIST;
    int size = v->count > FB_VM_RANGE_MAX ? FB_VM_RANGE_MAX : (int)v->count;
    lua_Integer i = 0;

    luaL_checkstack(L, 8, "too deep");
    lua_createtable(L, list ? size : 0, list ? 0 : size);
    for (const struct fb_val *c = v->first; c; c = c->next) {
        if (!list && c->kind == FB_VAL_STR && !*c->as.str)
            continue; /* an empty text in a map says "not known": `if hop.user_arn then` */
        push_at(L, c, read_only, depth + 1);
        if (list)
            lua_rawseti(L, -2, ++i);
        else
            lua_setfield(L, -2, c->key);
    }
    set_mark(L, list);
    if (read_only)
        fb_lua_readonly(L, read_only);
}

static void push_at(lua_State *L, const struct fb_val *v, const char *read_only, int depth)
{
    switch (v && depth <= FB_MARSHAL_DEPTH_MAX ? v->kind : FB_VAL_NIL) {
    case FB_VAL_NIL:
        lua_pushnil(L);
        break;
    case FB_VAL_BOOL:
        lua_pushboolean(L, v->as.flag);
        break;
    case FB_VAL_INT:
        lua_pushinteger(L, v->as.num_int);
        break;
    case FB_VAL_NUM:
        lua_pushnumber(L, v->as.num);
        break;
    case FB_VAL_STR:
        lua_pushstring(L, v->as.str);
        break;
    case FB_VAL_LIST:
    case FB_VAL_MAP:
        push_children(L, v, read_only, depth);
        break;
    }
}

void fb_marshal_push(lua_State *L, const struct fb_val *v, const char *read_only)
{
    push_at(L, v, read_only, 0);
}

/* Which mark the table on top carries: 'l', 'm', or 0. */
static char mark_of_top(lua_State *L)
{
    char mark = 0;

    if (!lua_getmetatable(L, -1))
        return 0;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &MARK_LIST);
    if (lua_rawequal(L, -1, -2))
        mark = 'l';
    lua_pop(L, 1);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &MARK_MAP);
    if (lua_rawequal(L, -1, -2))
        mark = 'm';
    lua_pop(L, 2);
    return mark;
}

bool fb_marshal_marked(lua_State *L, int index)
{
    bool marked;

    if (!fb_lua_real(L, index))
        return false;
    marked = mark_of_top(L) != 0;
    lua_pop(L, 1);
    return marked;
}

void fb_marshal_spend(lua_State *L, struct fb_marshal_in *in, size_t bytes)
{
    if (bytes > in->bytes_left)
        fb_vm_raise(L, "%s: its arguments are too large", in->verb);
    in->bytes_left -= bytes;
}

static struct fb_val *read_at(lua_State *L, int index, struct fb_marshal_in *in,
                              enum fb_field_type want, int depth);

static struct fb_val *read_list(lua_State *L, int table, struct fb_marshal_in *in, int depth)
{
    struct fb_val *list = fb_val_list(in->arena);
    lua_Unsigned n = lua_rawlen(L, table);

    for (lua_Unsigned i = 1; i <= n; i++) {
        lua_rawgeti(L, table, (lua_Integer)i);
        fb_val_push(list, read_at(L, lua_gettop(L), in, FB_FIELD_ANY, depth + 1));
        lua_pop(L, 1);
    }
    return list;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names in order, so that the same call is the same bytes in every run. */
static struct fb_val *read_map(lua_State *L, int table, struct fb_marshal_in *in, int depth)
{
    const char *names[FB_MARSHAL_NAMES_MAX];
    struct fb_val *map = fb_val_map(in->arena);
    size_t n = 0;

    for (lua_pushnil(L); lua_next(L, table);) {
        lua_pop(L, 1);
        if (lua_type(L, -1) != LUA_TSTRING)
            fb_vm_raise(L, "%s: field \"%s\": names must be texts", in->verb, in->field);
        if (n == FB_MARSHAL_NAMES_MAX)
            fb_vm_raise(L, "%s: field \"%s\" has more than %d names", in->verb, in->field,
                        FB_MARSHAL_NAMES_MAX);
        if (strlen(lua_tostring(L, -1)) != lua_rawlen(L, -1))
            fb_vm_raise(L, "%s: field \"%s\": a name holds a zero byte", in->verb, in->field);
        names[n++] = lua_tostring(L, -1); /* the table keeps it alive */
    }
    qsort(names, n, sizeof *names, compare_names);
    for (size_t i = 0; i < n; i++) {
        fb_marshal_spend(L, in, strlen(names[i]) + 1);
        lua_pushstring(L, names[i]);
        lua_rawget(L, table);
        fb_val_set(in->arena, map, names[i],
                   read_at(L, lua_gettop(L), in, FB_FIELD_ANY, depth + 1));
        lua_pop(L, 1);
    }
    return map;
}

/* Whether an unmarked table is a list; raises when it is half of each. */
static bool looks_like_list(lua_State *L, int table, const struct fb_marshal_in *in,
                            enum fb_field_type want)
{
    lua_Unsigned n = lua_rawlen(L, table), seen = 0;

    for (lua_pushnil(L); seen <= n && lua_next(L, table); lua_pop(L, 1))
        seen++;
    if (seen == 0)
        return want != FB_FIELD_MAP;
    if (n > 0 && seen != n)
        fb_vm_raise(L, "%s: field \"%s\" mixes a list and named values", in->verb, in->field);
    return n > 0;
}

static struct fb_val *read_table(lua_State *L, int index, struct fb_marshal_in *in,
                                 enum fb_field_type want, int depth)
{
    int top = lua_gettop(L);
    struct fb_val *v;
    char mark;
    bool list;

    if (depth >= FB_MARSHAL_DEPTH_MAX)
        fb_vm_raise(L, "%s: field \"%s\" is nested too deeply", in->verb, in->field);
    luaL_checkstack(L, 12, "too deep");
    fb_lua_real(L, index);
    mark = mark_of_top(L);
    list = mark ? mark == 'l' : looks_like_list(L, top + 1, in, want);
    v = list ? read_list(L, top + 1, in, depth) : read_map(L, top + 1, in, depth);
    lua_settop(L, top);
    return v;
}

static struct fb_val *read_at(lua_State *L, int index, struct fb_marshal_in *in,
                              enum fb_field_type want, int depth)
{
    size_t len;
    const char *text;

    fb_vm_charge(L, 1);
    fb_marshal_spend(L, in, sizeof(struct fb_val));
    switch (lua_type(L, index)) {
    case LUA_TNONE:
    case LUA_TNIL:
        return fb_val_nil(in->arena);
    case LUA_TBOOLEAN:
        return fb_val_bool(in->arena, lua_toboolean(L, index));
    case LUA_TNUMBER:
        if (lua_isinteger(L, index))
            return fb_val_int(in->arena, lua_tointeger(L, index));
        if (!isfinite(lua_tonumber(L, index)))
            fb_vm_raise(L, "%s: field \"%s\" holds a number that is not finite", in->verb,
                        in->field);
        return fb_val_num(in->arena, lua_tonumber(L, index));
    case LUA_TSTRING:
        text = lua_tolstring(L, index, &len);
        if (strlen(text) != len)
            fb_vm_raise(L, "%s: field \"%s\" holds a zero byte", in->verb, in->field);
        fb_marshal_spend(L, in, len + 1);
        return fb_val_str(in->arena, text);
    case LUA_TTABLE:
        return read_table(L, index, in, want, depth);
    default:
        fb_vm_raise(L, "%s: field \"%s\" holds a %s: only plain data can be passed on", in->verb,
                    in->field, luaL_typename(L, index));
        return NULL;
    }
}

struct fb_val *fb_marshal_read(lua_State *L, int index, struct fb_marshal_in *in,
                               enum fb_field_type want)
{
    return read_at(L, lua_absindex(L, index), in, want, 0);
}

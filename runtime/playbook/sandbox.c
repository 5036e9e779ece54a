/* sandbox.c - the environment of a playbook: base functions, read-only views, hints for what is not
 * there. */
#include "playbook/sandbox.h"

#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

#include "base/text.h"
#include "playbook/vm.h"

/* Its address keys the table behind a view, in the view's metatable. */
static const char REAL = 0;

enum { NAMES_MAX = 64 };

struct hint {
    const char *name, *words;
};

/* What authors coming from plain Lua look for. */
static const struct hint HINTS[] = {
    {"_G", "globals are local to the file: use local names"},
    {"collectgarbage", "memory is the host's"},
    {"coroutine", "use fb.each to do things side by side"},
    {"debug", "use fb.explain to show what a run does"},
    {"dofile", "a playbook is one file"},
    {"fb", "fb is the second argument of run(inc, fb)"},
    {"getmetatable", "keep the metatable in a local name"},
    {"inc", "inc is the first argument of run(inc, fb)"},
    {"io", "playbooks have no files"},
    {"load", "text is never run as code"},
    {"loadfile", "a playbook is one file"},
    {"loadstring", "text is never run as code"},
    {"math.random", "there is no randomness: the same incident gives the same plan"},
    {"math.randomseed", "there is no randomness: the same incident gives the same plan"},
    {"os", "use fb.now() for the time"},
    {"package", "a playbook is one file"},
    {"print", "use fb.explain instead of print"},
    {"rawget", "tables of a playbook are plain: index them"},
    {"rawset", "tables of a playbook are plain: assign to them"},
    {"require", "a playbook is one file; put helpers above playbook { ... }"},
    {"string.dump", "functions cannot be turned into text"},
    {"table.getn", "use #list"},
    {"unpack", "use table.unpack"},
    {"use", "shared helpers are not in this version"},
    {"warn", "use fb.explain instead of warn"},
    {"xpcall", "use pcall"},
    {"fb.apply", "plans and approval are not in this version"},
    {"fb.approved", "plans and approval are not in this version"},
    {"fb.case", "support cases are not in this version: use fb.notify"},
    {"fb.cost", "costs are not in this version"},
    {"fb.destroy", "nothing is destroyed in this version: use fb.halt"},
    {"fb.gcp", "Google Cloud is not in this version"},
    {"fb.plan", "plans and approval are not in this version"},
    {"fb.shield", "fb.shield is not in this version"},
    {"fb.used_by", "fb.used_by is not in this version"},
    {"fb.aws.end_session", "use fb.aws.revoke_sessions"},
    {"inc.raw", "raw fields of events are not in this version: use inc.signals"},
};

bool fb_lua_real(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    if (lua_type(L, index) != LUA_TTABLE)
        return false;
    if (!lua_getmetatable(L, index)) {
        lua_pushvalue(L, index);
        return true;
    }
    if (lua_rawgetp(L, -1, &REAL) != LUA_TTABLE) {
        lua_pop(L, 1);
        lua_pushvalue(L, index);
    }
    lua_remove(L, -2); /* the metatable */
    return true;
}

static int deny_write(lua_State *L)
{
    const char *name = lua_tostring(L, lua_upvalueindex(1));

    if (lua_type(L, 2) == LUA_TSTRING)
        return fb_vm_raise(L, "%s is read-only: cannot set \"%s\"", name, lua_tostring(L, 2));
    return fb_vm_raise(L, "%s is read-only", name);
}

static int view_len(lua_State *L)
{
    fb_lua_real(L, 1);
    lua_pushinteger(L, (lua_Integer)lua_rawlen(L, -1));
    return 1;
}

void fb_lua_readonly(lua_State *L, const char *name)
{
    int real = lua_gettop(L);

    luaL_checkstack(L, 6, NULL);
    lua_newtable(L); /* the view: always empty, so that every read and write is seen */
    lua_createtable(L, 0, 5);
    lua_pushvalue(L, real);
    lua_setfield(L, -2, "__index");
    lua_pushstring(L, name);
    lua_pushcclosure(L, deny_write, 1);
    lua_setfield(L, -2, "__newindex");
    lua_pushcfunction(L, view_len);
    lua_setfield(L, -2, "__len");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pushvalue(L, real);
    lua_rawsetp(L, -2, &REAL);
    lua_setmetatable(L, -2);
    lua_remove(L, real);
}

static const char *hint_for(const char *name)
{
    for (size_t i = 0; i < sizeof HINTS / sizeof *HINTS; i++)
        if (fb_eq(HINTS[i].name, name))
            return HINTS[i].words;
    return NULL;
}

/* The nearest text key of the table at index to `key`; NULL when none is near. */
static const char *nearest_key(lua_State *L, int index, const char *key)
{
    const char *names[NAMES_MAX];
    size_t n = 0;

    for (lua_pushnil(L); n < NAMES_MAX && lua_next(L, index);) {
        lua_pop(L, 1); /* texts stay alive in the table */
        if (lua_type(L, -1) == LUA_TSTRING)
            names[n++] = lua_tostring(L, -1);
    }
    return fb_nearest(key, names, n);
}

int fb_lua_unknown(lua_State *L, const char *name, const char *key, int index)
{
    int table = lua_absindex(L, index); /* before the next line moves the top */
    const char *full = *name ? lua_pushfstring(L, "%s.%s", name, key) : key;
    const char *hint = hint_for(full);
    const char *near = hint ? NULL : nearest_key(L, table, key);

    if (hint)
        return fb_vm_raise(L, "%s is not available: %s", full, hint);
    if (near && *name)
        return fb_vm_raise(L, "%s is not known (did you mean \"%s.%s\"?)", full, name, near);
    if (near)
        return fb_vm_raise(L, "%s is not known (did you mean \"%s\"?)", full, near);
    return fb_vm_raise(L, "%s is not known", full);
}

static int on_missing(lua_State *L)
{
    if (lua_type(L, 2) != LUA_TSTRING) {
        lua_pushnil(L);
        return 1;
    }
    return fb_lua_unknown(L, lua_tostring(L, lua_upvalueindex(1)), lua_tostring(L, 2), 1);
}

void fb_lua_strict(lua_State *L, const char *name)
{
    lua_createtable(L, 0, 2);
    lua_pushstring(L, name);
    lua_pushcclosure(L, on_missing, 1);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
}

void fb_lua_tostring(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    if (luaL_getmetafield(L, index, "__tostring") != LUA_TNIL) {
        lua_pushvalue(L, index);
        lua_call(L, 1, 1);
        if (lua_type(L, -1) != LUA_TSTRING)
            fb_vm_raise(L, "__tostring must return a text");
        return;
    }
    switch (lua_type(L, index)) {
    case LUA_TNUMBER:
    case LUA_TSTRING:
        lua_pushvalue(L, index);
        lua_tostring(L, -1); /* turns a number into its text in place */
        break;
    case LUA_TBOOLEAN:
        lua_pushstring(L, lua_toboolean(L, index) ? "true" : "false");
        break;
    default:
        lua_pushstring(L, luaL_typename(L, index));
        break;
    }
}

static int base_tostring(lua_State *L)
{
    luaL_checkany(L, 1);
    fb_lua_tostring(L, 1);
    return 1;
}

static int base_tonumber(lua_State *L)
{
    if (lua_type(L, 1) == LUA_TSTRING)
        fb_vm_charge(L, lua_rawlen(L, 1) / 8 + 1);
    return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

static int base_rawlen(lua_State *L)
{
    if (lua_type(L, 1) == LUA_TTABLE)
        fb_lua_real(L, 1);
    else
        luaL_checktype(L, 1, LUA_TSTRING);
    lua_pushinteger(L, (lua_Integer)lua_rawlen(L, -1));
    return 1;
}

/* Copies the known events of the metatable at 2, so that nothing can be added to it afterwards:
 * __gc and __close run where no hook fires, __mode shows when memory is collected. */
static void copy_metatable(lua_State *L)
{
    static const char *const EVENTS[] = {
        "__add",    "__sub",      "__mul",  "__div",   "__mod",      "__pow",   "__unm",
        "__idiv",   "__band",     "__bor",  "__bxor",  "__shl",      "__shr",   "__bnot",
        "__concat", "__len",      "__eq",   "__lt",    "__le",       "__index", "__newindex",
        "__call",   "__tostring", "__name", "__pairs", "__metatable"};
    static const char *const REFUSED[] = {"__gc", "__close", "__mode"};

    for (size_t i = 0; i < sizeof REFUSED / sizeof *REFUSED; i++) {
        lua_pushstring(L, REFUSED[i]);
        if (lua_rawget(L, 2) != LUA_TNIL)
            fb_vm_raise(L, "setmetatable: %s is not available to playbooks", REFUSED[i]);
        lua_pop(L, 1);
    }
    lua_newtable(L);
    for (size_t i = 0; i < sizeof EVENTS / sizeof *EVENTS; i++) {
        lua_pushstring(L, EVENTS[i]);
        lua_pushvalue(L, -1);
        lua_rawget(L, 2);
        if (lua_isnil(L, -1))
            lua_pop(L, 2);
        else
            lua_rawset(L, -3);
    }
}

static int base_setmetatable(lua_State *L)
{
    int type = lua_type(L, 2);

    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argexpected(L, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table");
    if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
        return fb_vm_raise(L, "this table's metatable cannot be changed");
    lua_settop(L, 2);
    if (type == LUA_TTABLE)
        copy_metatable(L);
    lua_setmetatable(L, 1);
    lua_settop(L, 1);
    return 1;
}

/* The end of a pcall, come to directly or after a wait: an abort goes on upwards. */
static int pcall_end(lua_State *L, int status, lua_KContext unused)
{
    (void)unused;
    if (status == LUA_ERRMEM)
        fb_vm_die(L, FB_VM_MEMORY);
    fb_vm_check(L);
    if (status == LUA_OK || status == LUA_YIELD)
        return lua_gettop(L);
    lua_pushboolean(L, 0);
    lua_pushvalue(L, -2);
    return 2;
}

/* In a task a pcall takes no C stack, so Lua itself does not end a pile of them; but each look at
 * an error walks all calls below it, so that unwinding n takes n * n, and no hook runs meanwhile.
 */
static int base_pcall(lua_State *L)
{
    enum { CALLS_BELOW_MAX = 500 };
    lua_Debug ar;

    luaL_checkany(L, 1);
    if (lua_getstack(L, CALLS_BELOW_MAX, &ar))
        fb_vm_raise(L, "pcall: inside more than %d calls", CALLS_BELOW_MAX);
    lua_pushboolean(L, 1); /* stays below the results */
    lua_insert(L, 1);
    return pcall_end(L, lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, pcall_end), 0);
}

/* "string.gsub" or "table.sort" of the library function whose callback is running. */
static const char *callback_of(lua_State *L)
{
    enum { LEVELS_MAX = 64 };
    lua_Debug ar;

    for (int level = 1; level < LEVELS_MAX && lua_getstack(L, level, &ar); level++) {
        if (!lua_getinfo(L, "nS", &ar) || strcmp(ar.what, "C") != 0 || !ar.name)
            continue;
        if (strcmp(ar.name, "gsub") == 0)
            return "string.gsub";
        if (strcmp(ar.name, "sort") == 0)
            return "table.sort";
        if (strcmp(ar.name, "tostring") == 0 || strcmp(ar.name, "format") == 0)
            return "__tostring";
    }
    return "a callback";
}

void fb_lua_may_wait(lua_State *L)
{
    if (!lua_isyieldable(L))
        fb_vm_raise(L, "cloud calls cannot be made inside %s; collect first, then use fb.each",
                    callback_of(L));
}

/* New globals are for the file's own helpers, while it is read. */
static int env_write(lua_State *L)
{
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "?";

    fb_lua_real(L, 1); /* at 4 */
    if (!fb_vm_of(L)->header)
        return fb_vm_raise(L, "globals are read-only: write local %s = ...", name);
    lua_pushvalue(L, 2);
    lua_pushvalue(L, 3);
    lua_rawset(L, 4);
    return 0;
}

/* Copies what is allowed of the stock library table on top into the table at `to`. Pops the former.
 */
static void copy_allowed(lua_State *L, const char *const *names, int to)
{
    for (; *names; names++) {
        lua_getfield(L, -1, *names);
        if (!lua_isnil(L, -1))
            lua_setfield(L, to, *names);
        else
            lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static void open_base(lua_State *L, int env)
{
    static const char *const STOCK[] = {"assert", "error", "ipairs", "rawequal",
                                        "select", "type",  NULL};
    static const luaL_Reg OURS[] = {{"next", fb_lib_next},
                                    {"pairs", fb_lib_pairs},
                                    {"pcall", base_pcall},
                                    {"rawlen", base_rawlen},
                                    {"tostring", base_tostring},
                                    {"setmetatable", base_setmetatable},
                                    {NULL, NULL}};

    lua_pushcfunction(L, luaopen_base);
    lua_call(L, 0, 1);
    lua_getfield(L, -1, "tonumber");
    lua_pushcclosure(L, base_tonumber, 1);
    lua_setfield(L, env, "tonumber");
    copy_allowed(L, STOCK, env);
    lua_newtable(L); /* the stock globals, load among them, are forgotten */
    lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    lua_pushvalue(L, env);
    luaL_setfuncs(L, OURS, 0);
    lua_pop(L, 1);
}

static void set_library(lua_State *L, int env, const char *name)
{
    fb_lua_strict(L, name);
    fb_lua_readonly(L, name);
    lua_setfield(L, env, name);
}

static void open_libraries(lua_State *L, int env)
{
    static const char *const MATH[] = {
        "abs",  "acos", "asin", "atan", "ceil",       "cos",  "deg",        "exp",  "floor",
        "fmod", "huge", "log",  "max",  "maxinteger", "min",  "mininteger", "modf", "pi",
        "rad",  "sin",  "sqrt", "tan",  "tointeger",  "type", "ult",        NULL};
    static const char *const UTF8[] = {"char", "charpattern", "codepoint", "codes",
                                       "len",  "offset",      NULL};

    fb_lib_string_push(L);
    set_library(L, env, "string");
    fb_lib_table_push(L);
    set_library(L, env, "table");
    lua_newtable(L);
    lua_pushcfunction(L, luaopen_math);
    lua_call(L, 0, 1);
    copy_allowed(L, MATH, lua_gettop(L) - 1);
    set_library(L, env, "math");
    lua_newtable(L);
    lua_pushcfunction(L, luaopen_utf8);
    lua_call(L, 0, 1);
    for (const char *const *name = UTF8; *name; name++) {
        lua_getfield(L, -1, *name);
        if (lua_isfunction(L, -1))
            fb_lib_charge(L, *name);
        lua_setfield(L, -3, *name);
    }
    lua_pop(L, 1);
    set_library(L, env, "utf8");
}

void fb_sandbox_open(lua_State *L)
{
    int env;

    luaL_checkstack(L, 20, NULL);
    lua_newtable(L);
    env = lua_gettop(L);
    open_base(L, env);
    open_libraries(L, env);
    lua_pushliteral(L, "Lua 5.4");
    lua_setfield(L, env, "_VERSION");
    fb_lua_strict(L, "");
    fb_lua_readonly(L, "the global table");
    lua_getmetatable(L, -1);
    lua_pushcfunction(L, env_write);
    lua_setfield(L, -2, "__newindex");
    lua_pop(L, 1);
}

/* lib_table.c - the table library with bounds, and pairs and next in a repeatable order: Lua's own
 * order depends on a random seed, and the same incident must give the same plan. */
#include <lauxlib.h>
#include <lua.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "playbook/sandbox.h"
#include "playbook/vm.h"

/* Makes the table at arg plain in place: a view becomes what it shows, which only readers may ask
 * for. Gives its length. Metamethods are never run: contents are read raw. */
static lua_Integer check_table(lua_State *L, int arg, bool writes)
{
    lua_Unsigned n;

    luaL_checktype(L, arg, LUA_TTABLE);
    fb_lua_real(L, arg);
    if (writes && !lua_rawequal(L, arg, -1))
        fb_vm_raise(L, "this table is read-only: copy what you need");
    lua_replace(L, arg);
    n = lua_rawlen(L, arg);
    if (n > FB_VM_RANGE_MAX)
        fb_vm_raise(L, "a table of more than %d entries is too long for this", FB_VM_RANGE_MAX);
    return (lua_Integer)n;
}

static size_t range_size(lua_State *L, lua_Integer first, lua_Integer last)
{
    lua_Unsigned n = (lua_Unsigned)last - (lua_Unsigned)first;

    if (first > last)
        return 0;
    if (n >= FB_VM_RANGE_MAX)
        fb_vm_raise(L, "a range of more than %d entries is too long", FB_VM_RANGE_MAX);
    return (size_t)n + 1;
}

static int lib_insert(lua_State *L)
{
    lua_Integer n = check_table(L, 1, true) + 1, at = n;
    int top = lua_gettop(L);

    if (top != 2 && top != 3)
        return fb_vm_raise(L, "wrong number of arguments to 'insert'");
    if (top == 3) {
        at = luaL_checkinteger(L, 2);
        luaL_argcheck(L, at >= 1 && at <= n, 2, "position out of bounds");
    }
    fb_vm_charge(L, (size_t)(n - at) + 1);
    for (lua_Integer i = n; i > at; i--) {
        lua_rawgeti(L, 1, i - 1);
        lua_rawseti(L, 1, i);
    }
    lua_pushvalue(L, top);
    lua_rawseti(L, 1, at);
    return 0;
}

static int lib_remove(lua_State *L)
{
    lua_Integer n = check_table(L, 1, true);
    lua_Integer at = luaL_optinteger(L, 2, n);

    if (lua_gettop(L) > 1)
        luaL_argcheck(L, (at >= 1 && at <= n + 1) || (n == 0 && at == 0), 2,
                      "position out of bounds");
    fb_vm_charge(L, (size_t)(n > at ? n - at : 0) + 1);
    lua_rawgeti(L, 1, at);
    for (; at < n; at++) {
        lua_rawgeti(L, 1, at + 1);
        lua_rawseti(L, 1, at);
    }
    lua_pushnil(L);
    lua_rawseti(L, 1, at);
    return 1;
}

static int lib_concat(lua_State *L)
{
    lua_Integer n = check_table(L, 1, false);
    size_t sep_len, len;
    const char *sep = luaL_optlstring(L, 2, "", &sep_len), *text;
    lua_Integer first = luaL_optinteger(L, 3, 1), last = luaL_optinteger(L, 4, n);
    luaL_Buffer out;

    fb_vm_charge(L, range_size(L, first, last) + 1);
    luaL_buffinit(L, &out);
    for (lua_Integer i = first; i <= last; i++) {
        lua_rawgeti(L, 1, i);
        if (!lua_isstring(L, -1))
            return fb_vm_raise(L, "table.concat: entry %I is a %s, not a text", i,
                               luaL_typename(L, -1));
        text = lua_tolstring(L, -1, &len);
        (void)text;
        fb_vm_fits(L, luaL_bufflen(&out) + len + sep_len, "table.concat");
        luaL_addvalue(&out);
        if (i < last)
            luaL_addlstring(&out, sep, sep_len);
        if (i == last)
            break; /* last may be the largest integer */
    }
    luaL_pushresult(&out);
    return 1;
}

static int lib_pack(lua_State *L)
{
    int n = lua_gettop(L);

    lua_createtable(L, n, 1);
    lua_insert(L, 1);
    for (int i = n; i >= 1; i--)
        lua_rawseti(L, 1, i);
    lua_pushinteger(L, n);
    lua_setfield(L, 1, "n");
    return 1;
}

static int lib_unpack(lua_State *L)
{
    enum { RESULTS_MAX = 1000 };
    lua_Integer n = check_table(L, 1, false);
    lua_Integer first = luaL_optinteger(L, 2, 1), last = luaL_optinteger(L, 3, n);
    size_t count = range_size(L, first, last);

    if (count > RESULTS_MAX || !lua_checkstack(L, (int)count))
        return fb_vm_raise(L, "too many results to unpack: at most %d", RESULTS_MAX);
    fb_vm_charge(L, count + 1);
    for (size_t i = 0; i < count; i++)
        lua_rawgeti(L, 1, first + (lua_Integer)i);
    return (int)count;
}

static int lib_move(lua_State *L)
{
    int to = lua_isnoneornil(L, 5) ? 1 : 5;
    lua_Integer first = luaL_checkinteger(L, 2), last = luaL_checkinteger(L, 3);
    lua_Integer at = luaL_checkinteger(L, 4);
    size_t count = range_size(L, first, last);
    bool backwards;

    check_table(L, to, true);
    check_table(L, 1, false);
    if (count > 0 && at > LUA_MAXINTEGER - (lua_Integer)count + 1)
        return fb_vm_raise(L, "table.move: the place is out of range");
    fb_vm_charge(L, count + 1);
    backwards = at > first && at <= last && lua_rawequal(L, 1, to);
    for (size_t i = 0; i < count; i++) {
        lua_Integer k = (lua_Integer)(backwards ? count - 1 - i : i);

        lua_rawgeti(L, 1, first + k);
        lua_rawseti(L, to, at + k);
    }
    lua_pushvalue(L, to);
    return 1;
}

/* Whether the value at a stands before the value at b: by the function at index 2, or by <. */
static bool before(lua_State *L, int a, int b)
{
    bool yes;

    if (lua_isnil(L, 2))
        return lua_compare(L, a, b, LUA_OPLT);
    lua_pushvalue(L, 2);
    lua_pushvalue(L, a);
    lua_pushvalue(L, b);
    lua_call(L, 2, 1);
    yes = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return yes;
}

/* Merges [low, mid) and [mid, high) of the table at `from` into the table at `to`. */
static void merge(lua_State *L, int from, int to, lua_Integer low, lua_Integer mid,
                  lua_Integer high)
{
    lua_Integer i = low, j = mid;

    fb_vm_charge(L, (size_t)(high - low) + 1);
    for (lua_Integer k = low; k < high; k++) {
        bool second = i >= mid;

        if (i < mid && j < high) {
            lua_rawgeti(L, from, i);
            lua_rawgeti(L, from, j);
            second = before(L, lua_gettop(L), lua_gettop(L) - 1);
            lua_pop(L, 2);
        }
        lua_rawgeti(L, from, second ? j++ : i++);
        lua_rawseti(L, to, k);
    }
}

/* Stable merge sort: no clock, no random pivot, and any comparison function ends. */
static int lib_sort(lua_State *L)
{
    lua_Integer n = check_table(L, 1, true);
    int from = 1, to = 3;

    if (!lua_isnoneornil(L, 2))
        luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    lua_createtable(L, (int)n, 0);
    for (lua_Integer width = 1; width < n; width *= 2) {
        for (lua_Integer low = 1; low <= n; low += 2 * width) {
            lua_Integer mid = low + width <= n ? low + width : n + 1;
            lua_Integer high = mid + width <= n ? mid + width : n + 1;

            merge(L, from, to, low, mid, high);
        }
        from = from == 1 ? 3 : 1;
        to = to == 1 ? 3 : 1;
    }
    for (lua_Integer i = 1; from == 3 && i <= n; i++) {
        lua_rawgeti(L, 3, i);
        lua_rawseti(L, 1, i);
    }
    return 0;
}

void fb_lib_table_push(lua_State *L)
{
    static const luaL_Reg OURS[] = {
        {"insert", lib_insert}, {"remove", lib_remove}, {"concat", lib_concat}, {"pack", lib_pack},
        {"unpack", lib_unpack}, {"move", lib_move},     {"sort", lib_sort},     {NULL, NULL}};

    lua_newtable(L);
    luaL_setfuncs(L, OURS, 0);
}

/* A key with an order: false, true, numbers, texts. Other kinds have none that could be repeated.
 */
struct key {
    int rank; /* 0 boolean, 1 number, 2 text */
    bool is_int;
    lua_Integer integer; /* booleans: 0 or 1 */
    lua_Number number;
    const char *text; /* borrowed from the key, which the table holds */
    size_t len;
};

static bool read_key(lua_State *L, int index, struct key *out)
{
    *out = (struct key){0};
    switch (lua_type(L, index)) {
    case LUA_TBOOLEAN:
        out->integer = lua_toboolean(L, index);
        return true;
    case LUA_TNUMBER:
        out->rank = 1;
        out->is_int = lua_isinteger(L, index);
        out->integer = lua_tointeger(L, index);
        out->number = lua_tonumber(L, index);
        return true;
    case LUA_TSTRING:
        out->rank = 2;
        out->text = lua_tolstring(L, index, &out->len);
        return true;
    default:
        return false;
    }
}

static int compare_keys(const void *left, const void *right)
{
    const struct key *a = left, *b = right;
    size_t common;
    int order;

    if (a->rank != b->rank)
        return a->rank < b->rank ? -1 : 1;
    if (a->rank == 0 || (a->rank == 1 && a->is_int && b->is_int))
        return (a->integer > b->integer) - (a->integer < b->integer);
    if (a->rank == 1) {
        order = (a->number > b->number) - (a->number < b->number);
        return order ? order : (int)a->is_int - (int)b->is_int;
    }
    common = a->len < b->len ? a->len : b->len;
    order = memcmp(a->text, b->text, common);
    return order ? order : (a->len > b->len) - (a->len < b->len);
}

static void push_key(lua_State *L, const struct key *k)
{
    if (k->rank == 0)
        lua_pushboolean(L, (int)k->integer);
    else if (k->rank == 2)
        lua_pushlstring(L, k->text, k->len);
    else if (k->is_int)
        lua_pushinteger(L, k->integer);
    else
        lua_pushnumber(L, k->number);
}

static void need_ordered(lua_State *L, bool ordered)
{
    if (!ordered)
        fb_vm_raise(L, "keys must be texts, numbers or booleans: others have no order that is the "
                       "same in every run");
}

/* Upvalues: the table, its keys as a list, the next index. */
static int pairs_step(lua_State *L)
{
    lua_Integer i = lua_tointeger(L, lua_upvalueindex(3));
    lua_Integer n = (lua_Integer)lua_rawlen(L, lua_upvalueindex(2));

    for (; i <= n; i++) {
        fb_vm_charge(L, 1);
        lua_rawgeti(L, lua_upvalueindex(2), i);
        lua_pushvalue(L, -1);
        if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL) {
            lua_pushinteger(L, i + 1);
            lua_replace(L, lua_upvalueindex(3));
            return 2;
        }
        lua_pop(L, 2); /* removed since the loop began */
    }
    lua_pushnil(L);
    return 1;
}

static size_t count_keys(lua_State *L, int table)
{
    size_t n = 0;

    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1))
        if (++n > FB_VM_RANGE_MAX)
            fb_vm_raise(L, "a table of more than %d entries is too long for this", FB_VM_RANGE_MAX);
    fb_vm_charge(L, 4 * n + 1);
    return n;
}

/* Pushes the keys of the table at index as a sorted list. */
static void push_sorted_keys(lua_State *L, int table)
{
    size_t n = count_keys(L, table), i = 0;
    struct key *keys = lua_newuserdatauv(L, (n + 1) * sizeof *keys, 0);

    for (lua_pushnil(L); i < n && lua_next(L, table); lua_pop(L, 1))
        need_ordered(L, read_key(L, lua_gettop(L) - 1, &keys[i++]));
    lua_settop(L, table + 1); /* the userdata stays on top of the table */
    qsort(keys, i, sizeof *keys, compare_keys);
    lua_createtable(L, (int)i, 0);
    for (size_t k = 0; k < i; k++) {
        push_key(L, &keys[k]);
        lua_rawseti(L, -2, (lua_Integer)k + 1);
    }
    lua_remove(L, -2);
}

int fb_lib_pairs(lua_State *L)
{
    luaL_checkany(L, 1);
    if (luaL_getmetafield(L, 1, "__pairs") != LUA_TNIL) {
        lua_pushvalue(L, 1);
        lua_call(L, 1, 3);
        return 3;
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    fb_lua_real(L, 1);
    push_sorted_keys(L, 2);
    lua_pushinteger(L, 1);
    lua_pushcclosure(L, pairs_step, 3);
    lua_pushvalue(L, 1);
    lua_pushnil(L);
    return 3;
}

/* The smallest key that is larger than the given one (nil: than none). Walks the whole table, so
 * pairs is the better way to see all of it. */
int fb_lib_next(lua_State *L)
{
    struct key after, best, k;
    bool any = false, first;

    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 2);
    first = lua_isnil(L, 2);
    if (!first)
        need_ordered(L, read_key(L, 2, &after));
    fb_lua_real(L, 1);
    count_keys(L, 3);
    for (lua_pushnil(L); lua_next(L, 3); lua_pop(L, 1)) {
        need_ordered(L, read_key(L, lua_gettop(L) - 1, &k));
        if ((!first && compare_keys(&k, &after) <= 0) || (any && compare_keys(&k, &best) >= 0))
            continue;
        best = k;
        any = true;
    }
    if (!any) {
        lua_pushnil(L);
        return 1;
    }
    push_key(L, &best);
    lua_pushvalue(L, -1);
    lua_rawget(L, 3);
    return 2;
}

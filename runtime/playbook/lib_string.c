/* lib_string.c - the string library with bounds: our matcher behind find, match, gmatch and gsub,
 * our own rep and format, and a charge on every call that walks a string. */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <string.h>

#include "playbook/pattern.h"
#include "playbook/sandbox.h"
#include "playbook/vm.h"

enum { BYTES_A_STEP = 32 /* plain copying and comparing is that much cheaper than matching */ };

/* Where "init" of find, match and gmatch points, from 0; beyond len when there is nothing left. */
static size_t start_from(lua_State *L, int arg, size_t len)
{
    lua_Integer init = luaL_optinteger(L, arg, 1);

    if (init > 0)
        return (lua_Unsigned)init - 1 > len ? len + 1 : (size_t)init - 1;
    if (init == 0 || init < -(lua_Integer)len)
        return 0;
    return len - (size_t)(-init);
}

/* Compiles the pattern at arg into a userdata, which is pushed. */
static const struct fb_pattern *push_pattern(lua_State *L, int arg, bool anchors)
{
    size_t len;
    const char *text = luaL_checklstring(L, arg, &len);
    struct fb_pattern *p;
    const char *wrong;

    if (len > FB_PATTERN_BYTES_MAX)
        fb_vm_raise(L, "a pattern may have at most %d bytes", (int)FB_PATTERN_BYTES_MAX);
    fb_vm_charge(L, len);
    p = lua_newuserdatauv(L, fb_pattern_size(len), 0);
    wrong = fb_pattern_compile(p, text, len, anchors);
    if (wrong)
        fb_vm_raise(L, "%s", wrong);
    return p;
}

/* Tries, and spends what it took. */
static const char *metered(lua_State *L, struct fb_match *m, const char *s, const char **start)
{
    uint64_t granted = FB_VM_STEPS_MAX - fb_vm_of(L)->steps;
    const char *end;

    m->steps_left = granted;
    end = start ? fb_match_find(m, s, start) : fb_match_at(m, s);
    fb_vm_charge(L, (size_t)(granted - m->steps_left) + (m->fault == FB_MATCH_STEPS));
    if (m->fault == FB_MATCH_DEPTH)
        fb_vm_raise(L, "pattern too complex: at most %d quantifiers", (int)FB_PATTERN_DEPTH_MAX);
    return end;
}

/* Pushes capture i of a match from s to e; without captures, capture 0 is the whole match. */
static void push_capture(lua_State *L, const struct fb_match *m, unsigned i, const char *s,
                         const char *e)
{
    if (m->pattern->captures == 0 && i == 0)
        lua_pushlstring(L, s, (size_t)(e - s));
    else if (i >= m->pattern->captures)
        fb_vm_raise(L, "invalid capture index %%%d", (int)i + 1);
    else if (m->captures[i].position)
        lua_pushinteger(L, m->captures[i].at - m->src + 1);
    else
        lua_pushlstring(L, m->captures[i].at, m->captures[i].len);
}

static int push_captures(lua_State *L, const struct fb_match *m, const char *s, const char *e,
                         bool whole)
{
    unsigned n = m->pattern->captures == 0 && whole ? 1 : m->pattern->captures;

    luaL_checkstack(L, (int)n, "too many captures");
    for (unsigned i = 0; i < n; i++)
        push_capture(L, m, i, s, e);
    return (int)n;
}

static int find_plain(lua_State *L, const char *s, size_t len, const char *needle,
                      size_t needle_len, size_t init)
{
    const char *hit;

    fb_vm_charge(L, (len - init) / BYTES_A_STEP + needle_len / BYTES_A_STEP + 1);
    hit = memmem(s + init, len - init, needle, needle_len);
    if (!hit) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushinteger(L, hit - s + 1);
    lua_pushinteger(L, hit - s + (lua_Integer)needle_len);
    return 2;
}

static int find_or_match(lua_State *L, bool find)
{
    size_t len, pattern_len;
    const char *s = luaL_checklstring(L, 1, &len);
    const char *pattern = luaL_checklstring(L, 2, &pattern_len);
    size_t init = start_from(L, 3, len);
    struct fb_match m = {.src = s, .end = s + len};
    const char *start, *end;

    if (init > len) {
        lua_pushnil(L);
        return 1;
    }
    if (find && (lua_toboolean(L, 4) || (strcspn(pattern, "^$*+?.([%-") == pattern_len)))
        return find_plain(L, s, len, pattern, pattern_len, init);
    m.pattern = push_pattern(L, 2, true);
    end = metered(L, &m, s + init, &start);
    if (!end) {
        lua_pushnil(L);
        return 1;
    }
    if (!find)
        return push_captures(L, &m, start, end, true);
    lua_pushinteger(L, start - s + 1);
    lua_pushinteger(L, end - s);
    return push_captures(L, &m, start, end, false) + 2;
}

static int lib_find(lua_State *L) { return find_or_match(L, true); }
static int lib_match(lua_State *L) { return find_or_match(L, false); }

/* Upvalues: text, compiled pattern, where to go on, where the last match ended (-1: none). */
static int gmatch_step(lua_State *L)
{
    size_t len;
    const char *s = lua_tolstring(L, lua_upvalueindex(1), &len);
    struct fb_match m = {
        .pattern = lua_touserdata(L, lua_upvalueindex(2)), .src = s, .end = s + len};
    lua_Integer at = lua_tointeger(L, lua_upvalueindex(3));
    lua_Integer last = lua_tointeger(L, lua_upvalueindex(4));

    for (; at <= (lua_Integer)len; at++) {
        const char *start, *end = metered(L, &m, s + at, &start);

        if (!end)
            break;
        at = start - s;
        if (end - s == last)
            continue; /* the empty match right after a match does not count */
        lua_pushinteger(L, end - s);
        lua_copy(L, -1, lua_upvalueindex(3));
        lua_replace(L, lua_upvalueindex(4));
        return push_captures(L, &m, start, end, true);
    }
    return 0;
}

static int lib_gmatch(lua_State *L)
{
    size_t len;
    lua_Integer init;

    luaL_checklstring(L, 1, &len);
    luaL_checkstring(L, 2);
    init = (lua_Integer)start_from(L, 3, len);

    lua_settop(L, 2);
    push_pattern(L, 2, false);
    lua_remove(L, 2); /* text, compiled */
    lua_pushinteger(L, init);
    lua_pushinteger(L, -1);
    lua_pushcclosure(L, gmatch_step, 4);
    return 1;
}

static void add_bytes(lua_State *L, luaL_Buffer *out, const char *bytes, size_t len)
{
    fb_vm_fits(L, luaL_bufflen(out) + len, "string.gsub");
    luaL_addlstring(out, bytes, len);
}

static void add_top(lua_State *L, luaL_Buffer *out)
{
    size_t len;

    lua_tolstring(L, -1, &len);
    fb_vm_fits(L, luaL_bufflen(out) + len, "string.gsub");
    luaL_addvalue(out);
}

/* The replacement text with %0 to %9 and %% filled in. */
static void add_template(lua_State *L, luaL_Buffer *out, const struct fb_match *m, const char *s,
                         const char *e)
{
    size_t len;
    const char *text = lua_tolstring(L, 3, &len), *end = text + len;

    fb_vm_charge(L, len / BYTES_A_STEP + 1);
    for (const char *p = text; p < end; p++) {
        const char *escape = memchr(p, '%', (size_t)(end - p));

        add_bytes(L, out, p, (size_t)((escape ? escape : end) - p));
        if (!escape)
            return;
        p = escape + 1;
        if (p < end && *p == '%') {
            add_bytes(L, out, "%", 1);
        } else if (p < end && *p == '0') {
            add_bytes(L, out, s, (size_t)(e - s));
        } else if (p < end && *p >= '1' && *p <= '9') {
            push_capture(L, m, (unsigned)(*p - '1'), s, e);
            add_top(L, out);
        } else {
            fb_vm_raise(L, "invalid use of '%%' in replacement string");
        }
    }
}

/* Adds what stands for the match s..e: by text, table or function at index 3. */
static void add_replacement(lua_State *L, luaL_Buffer *out, const struct fb_match *m, const char *s,
                            const char *e)
{
    int type = lua_type(L, 3);

    if (type == LUA_TFUNCTION) {
        lua_pushvalue(L, 3);
        lua_call(L, push_captures(L, m, s, e, true), 1);
    } else if (type == LUA_TTABLE) {
        push_capture(L, m, 0, s, e);
        lua_gettable(L, 3);
    } else {
        add_template(L, out, m, s, e);
        return;
    }
    if (!lua_toboolean(L, -1)) {
        lua_pop(L, 1);
        add_bytes(L, out, s, (size_t)(e - s));
        return;
    }
    if (!lua_isstring(L, -1))
        fb_vm_raise(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
    add_top(L, out);
}

static int lib_gsub(lua_State *L)
{
    size_t len;
    const char *s = luaL_checklstring(L, 1, &len), *end, *last = NULL;
    int type = lua_type(L, 3);
    lua_Integer max = luaL_optinteger(L, 4, (lua_Integer)len + 1), n = 0;
    struct fb_match m = {.src = s, .end = s + len};
    luaL_Buffer out;

    luaL_argexpected(L,
                     type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TFUNCTION ||
                         type == LUA_TTABLE,
                     3, "string/function/table");
    m.pattern = push_pattern(L, 2, true);
    luaL_buffinit(L, &out);
    while (n < max) {
        end = metered(L, &m, s, NULL);
        if (end && end != last) {
            n++;
            add_replacement(L, &out, &m, s, end);
            s = last = end;
        } else if (s < m.end) {
            add_bytes(L, &out, s++, 1);
        } else {
            break;
        }
        if (m.pattern->anchored)
            break;
    }
    add_bytes(L, &out, s, (size_t)(m.end - s));
    luaL_pushresult(&out);
    lua_pushinteger(L, n);
    return 2;
}

static int lib_rep(lua_State *L)
{
    size_t len, sep_len;
    const char *s = luaL_checklstring(L, 1, &len);
    lua_Integer n = luaL_checkinteger(L, 2);
    const char *sep = luaL_optlstring(L, 3, "", &sep_len);
    luaL_Buffer out;

    if (n <= 0 || len + sep_len == 0) {
        lua_pushliteral(L, "");
        return 1;
    }
    if (n > FB_VM_LIB_STRING_MAX + 1) /* with one byte or more each that is too much for sure */
        fb_vm_fits(L, SIZE_MAX, "string.rep");
    fb_vm_fits(L,
               len > FB_VM_LIB_STRING_MAX || sep_len > FB_VM_LIB_STRING_MAX
                   ? SIZE_MAX
                   : len * (size_t)n + sep_len * (size_t)(n - 1),
               "string.rep");
    fb_vm_charge(L, (size_t)n + (len + sep_len) * (size_t)n / BYTES_A_STEP);
    luaL_buffinit(L, &out);
    for (lua_Integer i = 0; i < n; i++) {
        luaL_addlstring(&out, s, len);
        if (i + 1 < n)
            luaL_addlstring(&out, sep, sep_len);
    }
    luaL_pushresult(&out);
    return 1;
}

/* Stock string.format behind a check: no %p, %s through our tostring, a bounded result. */
static int lib_format(lua_State *L)
{
    enum { CONVERSION_BYTES_MAX = 512 }; /* "%.99f" of 1e308 needs 409 */
    size_t len, sum, arg_len;
    const char *p = luaL_checklstring(L, 1, &len), *end = p + len;
    int arg = 1, top = lua_gettop(L);

    sum = len;
    for (; p < end; p++) {
        if (*p != '%')
            continue;
        if (++p < end && *p == '%')
            continue;
        while (p < end && *p && strchr("-+ #0123456789.", *p))
            p++;
        if (p >= end || ++arg > top)
            break; /* the stock function says what is wrong */
        if (*p == 'p')
            return fb_vm_raise(L, "string.format: %%p is not available: addresses are not shown");
        sum += CONVERSION_BYTES_MAX;
        if (*p != 's' && *p != 'q')
            continue;
        if (*p == 's') {
            fb_lua_tostring(L, arg);
            lua_replace(L, arg);
        }
        arg_len = lua_type(L, arg) == LUA_TSTRING ? lua_rawlen(L, arg) : 0;
        sum += *p == 'q' ? 4 * arg_len : arg_len;
    }
    fb_vm_fits(L, sum, "string.format");
    fb_vm_charge(L, sum / BYTES_A_STEP + 1);
    return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

/* A stock function that walks its strings once: upvalues are the function and its name. */
static int charged(lua_State *L)
{
    size_t sum = 0;
    int results;

    for (int i = 1, n = lua_gettop(L); i <= n; i++)
        if (lua_type(L, i) == LUA_TSTRING)
            sum += lua_rawlen(L, i);
    fb_vm_fits(L, sum, lua_tostring(L, lua_upvalueindex(2)));
    fb_vm_charge(L, sum / BYTES_A_STEP + 1);
    results = lua_tocfunction(L, lua_upvalueindex(1))(L);
    if (results > 0 && lua_type(L, -1) == LUA_TSTRING)
        fb_vm_charge(L, lua_rawlen(L, -1) / BYTES_A_STEP);
    return results;
}

void fb_lib_charge(lua_State *L, const char *name)
{
    lua_pushstring(L, name);
    lua_pushcclosure(L, charged, 2);
}

void fb_lib_string_push(lua_State *L)
{
    static const char *const STOCK[] = {"byte",     "char",    "len", "lower",  "pack",
                                        "packsize", "reverse", "sub", "unpack", "upper"};
    static const luaL_Reg OURS[] = {{"find", lib_find},     {"match", lib_match},
                                    {"gmatch", lib_gmatch}, {"gsub", lib_gsub},
                                    {"rep", lib_rep},       {NULL, NULL}};
    int stock, ours;

    lua_pushcfunction(L, luaopen_string); /* gives strings their metatable, too */
    lua_call(L, 0, 1);
    stock = lua_gettop(L);
    lua_newtable(L);
    ours = lua_gettop(L);
    luaL_setfuncs(L, OURS, 0);
    for (size_t i = 0; i < sizeof STOCK / sizeof *STOCK; i++) {
        lua_getfield(L, stock, STOCK[i]);
        fb_lib_charge(L, STOCK[i]);
        lua_setfield(L, ours, STOCK[i]);
    }
    lua_getfield(L, stock, "format");
    lua_pushcclosure(L, lib_format, 1);
    lua_setfield(L, ours, "format");
    lua_pushliteral(L, ""); /* s:method() reads our table; nobody can reach the metatable itself */
    lua_getmetatable(L, -1);
    lua_pushvalue(L, ours);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_settop(L, ours);
    lua_remove(L, stock);
}

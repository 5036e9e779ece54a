/* header.c - what a playbook says about itself. Runs twice: when the file is loaded, and at the
 * start of each run, always without fb. */
#include "playbook/header.h"

#include <lauxlib.h>
#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "playbook/sandbox.h"
#include "playbook/vm.h"

/* Its address keys the header table in the registry. */
static const char HEADER = 0;

enum { NAME_MAX_BYTES = 64, LIST_MAX = 32, WHY_MAX = 2000 };

static const char *const KINDS[] = {
    "leaked_key",          "mass_launch", "persistence",   "evasion", "data",      "llm_theft",
    "workload_credential", "root_user",   "sensor_tamper", "spend",   "unreadable"};
static const char *const CAPABILITIES[] = {
    "read",        "contain",    "halt",        "shield",      "approve",    "case",
    "notify",      "destroy",    "aws.read",    "aws.contain", "aws.halt",   "aws.shield",
    "aws.approve", "aws.case",   "aws.notify",  "aws.destroy", "gcp.read",   "gcp.contain",
    "gcp.halt",    "gcp.shield", "gcp.approve", "gcp.case",    "gcp.notify", "gcp.destroy"};
static const char *const CLOUDS[] = {"aws", "gcp", "any"};
static const char *const MODES[] = {"dry-run", "approve", "enforce"};
static const char *const FIELDS[] = {"name",  "api",    "version", "on",      "mode",
                                     "needs", "limits", "run",     "explain", "replaces"};
static const char *const ON_FIELDS[] = {"cloud", "kinds", "score"};
static const char *const LIMIT_FIELDS[] = {"identities", "resources"};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static bool is_word_byte(char c)
{
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The line at or after `from` where `word` stands alone in the source, comments aside; `from` when
 * nowhere. A table no longer knows the lines of its fields, and authors want the line. */
static int line_of_word(const struct fb_header *h, int from, const char *word)
{
    const char *p = h->text, *end = h->text + h->len;
    size_t len = strlen(word);
    int line = 1;

    for (; p < end; p++) {
        if (*p == '\n')
            line++;
        if (line < from || (size_t)(end - p) < len)
            continue;
        if (end - p > 1 && p[0] == '-' && p[1] == '-')
            while (p + 1 < end && p[1] != '\n')
                p++;
        else if (memcmp(p, word, len) == 0 && (p == h->text || !is_word_byte(p[-1])) &&
                 (p + len == end || !is_word_byte(p[len])))
            return line;
    }
    return from;
}

/* Raises with the line of `word` (NULL: of the call). */
static int fail(lua_State *L, const char *word, const char *fmt, ...)
{
    const struct fb_header *h = fb_vm_of(L)->header;
    char file[LUA_IDSIZE] = "";
    int line = fb_vm_line(L, file);
    va_list args;

    lua_pushfstring(L, "%s:%d: ", line > 0 ? file : h->chunk,
                    word ? line_of_word(h, line, word) : line);
    va_start(args, fmt);
    lua_pushvfstring(L, fmt, args);
    va_end(args);
    lua_concat(L, 2);
    return lua_error(L);
}

static bool is_one_of(const char *word, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (fb_eq(word, words[i]))
            return true;
    return false;
}

static int fail_unknown(lua_State *L, const char *what, const char *word, const char *const *words,
                        size_t n)
{
    const char *near = fb_nearest(word, words, n);

    if (near)
        return fail(L, word, "unknown %s \"%s\" (did you mean \"%s\"?)", what, word, near);
    lua_pushliteral(L, "");
    for (size_t i = 0; i < n && i < 12; i++) {
        lua_pushfstring(L, i ? ", %s" : "%s", words[i]);
        lua_concat(L, 2);
    }
    return fail(L, word, "unknown %s \"%s\" (known: %s)", what, word, lua_tostring(L, -1));
}

static void check_fields(lua_State *L, int table, const char *what, const char *const *fields,
                         size_t n)
{
    lua_pushnil(L);
    while (lua_next(L, table)) {
        lua_pop(L, 1);
        if (lua_type(L, -1) != LUA_TSTRING)
            fail(L, NULL, "%s holds a value without a name: write field = value", what);
        if (!is_one_of(lua_tostring(L, -1), fields, n))
            fail_unknown(L, "field", lua_tostring(L, -1), fields, n);
    }
}

/* Pushes table[name], raw. */
static int push_field(lua_State *L, int table, const char *name)
{
    lua_pushstring(L, name);
    return lua_rawget(L, table);
}

/* A text field, copied; otherwise when it is absent (NULL: it must be there). */
static const char *text_field(lua_State *L, int table, const char *name, const char *example,
                              const char *otherwise)
{
    struct fb_header *h = fb_vm_of(L)->header;
    int type = push_field(L, table, name);
    const char *text = otherwise;

    if (type == LUA_TNIL && !otherwise)
        fail(L, NULL, "%s is missing: write %s = %s", name, name, example);
    if (type != LUA_TNIL && type != LUA_TSTRING)
        fail(L, name, "%s must be a text, as in %s = %s", name, name, example);
    if (type == LUA_TSTRING)
        text = fb_arena_str(h->arena, lua_tostring(L, -1));
    lua_pop(L, 1);
    return text;
}

static int64_t whole_field(lua_State *L, int table, const char *name, int64_t least,
                           int64_t otherwise)
{
    int type = push_field(L, table, name), ok = 0;
    lua_Integer n = type == LUA_TNIL ? otherwise : lua_tointegerx(L, -1, &ok);

    if (type != LUA_TNIL && (type != LUA_TNUMBER || !ok || n < least))
        fail(L, name, "%s must be a whole number from %I", name, (lua_Integer)least);
    lua_pop(L, 1);
    return n;
}

/* A list of texts; an empty one when it is absent. words: what is allowed (NULL: anything). */
static const char *const *list_field(lua_State *L, int table, const char *name, const char *what,
                                     const char *const *words, size_t n)
{
    struct fb_header *h = fb_vm_of(L)->header;
    int type = push_field(L, table, name), list = lua_gettop(L);
    lua_Unsigned count = type == LUA_TTABLE ? lua_rawlen(L, list) : 0, named = 0;
    const char **out = FB_NEW_ARRAY(h->arena, LIST_MAX + 1, const char *);

    if (type != LUA_TNIL && type != LUA_TTABLE)
        fail(L, name, "%s must be a list of texts: %s = { \"...\" }", name, name);
    if (count > LIST_MAX)
        fail(L, name, "%s has more than %d entries", name, LIST_MAX);
    for (lua_Unsigned i = 0; i < count && out; i++) {
        if (lua_rawgeti(L, list, (lua_Integer)i + 1) != LUA_TSTRING)
            fail(L, name, "%s must be a list of texts: entry %d is a %s", name, (int)i + 1,
                 luaL_typename(L, -1));
        if (words && !is_one_of(lua_tostring(L, -1), words, n))
            fail_unknown(L, what, lua_tostring(L, -1), words, n);
        out[i] = fb_arena_str(h->arena, lua_tostring(L, -1));
        lua_pop(L, 1);
    }
    for (lua_pushnil(L); type == LUA_TTABLE && lua_next(L, list); lua_pop(L, 1))
        named++;
    if (type == LUA_TTABLE && named != count)
        fail(L, name, "%s must be a list of texts, without names", name);
    lua_settop(L, list - 1);
    return out;
}

static void read_name(lua_State *L, int table, struct fb_playbook_info *info)
{
    info->name = text_field(L, table, "name", "\"my-playbook\"", NULL);
    if (!*info->name || strlen(info->name) > NAME_MAX_BYTES ||
        info->name[strspn(info->name, "abcdefghijklmnopqrstuvwxyz0123456789-")])
        fail(L, "name", "name must be 1 to %d small letters, digits and dashes", NAME_MAX_BYTES);
}

static void read_api(lua_State *L, int table)
{
    if (push_field(L, table, "api") == LUA_TNIL)
        fail(L, NULL, "api is missing: write api = 1");
    if (lua_type(L, -1) != LUA_TNUMBER || lua_tonumber(L, -1) != 1)
        fail(L, "api", "this Firebreak knows api = 1 only");
    lua_pop(L, 1);
}

static void read_score(lua_State *L, int on, struct fb_playbook_info *info)
{
    double *const bounds[] = {&info->score_low, &info->score_high};

    if (push_field(L, on, "score") != LUA_TTABLE || lua_rawlen(L, -1) != 2)
        fail(L, "score", "on.score must be two numbers: write score = { 80, 100 }");
    for (int i = 0; i < 2; i++) {
        if (lua_rawgeti(L, -1, i + 1) != LUA_TNUMBER)
            fail(L, "score", "on.score must be two numbers: write score = { 80, 100 }");
        *bounds[i] = lua_tonumber(L, -1);
        lua_pop(L, 1);
    }
    if (!(info->score_low >= 0 && info->score_low <= info->score_high && info->score_high <= 100))
        fail(L, "score", "on.score must be low and high between 0 and 100");
    lua_pop(L, 1);
}

static void read_on(lua_State *L, int table, struct fb_playbook_info *info)
{
    int on;

    if (push_field(L, table, "on") != LUA_TTABLE)
        fail(L, "on", "on must be a table: on = { cloud = \"aws\", score = { 80, 100 } }");
    on = lua_gettop(L);
    check_fields(L, on, "on", ON_FIELDS, COUNT(ON_FIELDS));
    info->cloud = text_field(L, on, "cloud", "\"aws\"", NULL);
    if (!is_one_of(info->cloud, CLOUDS, COUNT(CLOUDS)))
        fail_unknown(L, "cloud", info->cloud, CLOUDS, COUNT(CLOUDS));
    info->kinds = list_field(L, on, "kinds", "kind", KINDS, COUNT(KINDS));
    read_score(L, on, info);
    lua_pop(L, 1);
}

static void read_mode(lua_State *L, int table, struct fb_playbook_info *info)
{
    const char *mode = text_field(L, table, "mode", "\"enforce\"", "dry-run");

    for (size_t i = 0; i < COUNT(MODES); i++)
        if (fb_eq(mode, MODES[i])) {
            info->mode = (enum fb_ceiling)i;
            return;
        }
    fail_unknown(L, "mode", mode, MODES, COUNT(MODES));
}

static void read_limits(lua_State *L, int table, struct fb_playbook_info *info)
{
    int type = push_field(L, table, "limits"), limits = lua_gettop(L);

    info->limit_identities = info->limit_resources = -1;
    if (type == LUA_TTABLE) {
        if (push_field(L, limits, "cost_per_hour") != LUA_TNIL)
            fail(L, "cost_per_hour",
                 "limits.cost_per_hour is not in this version: a limit that "
                 "nobody keeps would be worse than none");
        lua_pop(L, 1);
        check_fields(L, limits, "limits", LIMIT_FIELDS, COUNT(LIMIT_FIELDS));
        info->limit_identities = whole_field(L, limits, "identities", 0, -1);
        info->limit_resources = whole_field(L, limits, "resources", 0, -1);
    } else if (type != LUA_TNIL) {
        fail(L, "limits", "limits must be a table: limits = { identities = 10, resources = 500 }");
    }
    lua_pop(L, 1);
}

/* playbook { ... } as the file calls it. */
static int read_header(lua_State *L)
{
    struct fb_header *h = fb_vm_of(L)->header;

    if (!h)
        return fb_vm_raise(L, "playbook { ... } belongs at the end of the file, not into run");
    if (lua_type(L, 1) != LUA_TTABLE)
        return fail(L, NULL, "playbook takes a table: return playbook { name = ..., ... }");
    if (h->seen)
        return fail(L, NULL, "one playbook a file");
    lua_settop(L, 1);
    check_fields(L, 1, "playbook", FIELDS, COUNT(FIELDS));
    read_name(L, 1, &h->info);
    read_api(L, 1);
    h->info.version = whole_field(L, 1, "version", 1, 1);
    read_on(L, 1, &h->info);
    read_mode(L, 1, &h->info);
    h->info.needs = list_field(L, 1, "needs", "capability", CAPABILITIES, COUNT(CAPABILITIES));
    read_limits(L, 1, &h->info);
    h->replaces = list_field(L, 1, "replaces", "playbook", NULL, 0);
    if (strlen(text_field(L, 1, "explain", "\"...\"", "")) > WHY_MAX)
        return fail(L, "explain", "explain may have at most %d bytes", WHY_MAX);
    if (push_field(L, 1, "run") != LUA_TFUNCTION)
        return fail(L, "run", "run must be a function: run = function(inc, fb) ... end");
    h->seen = true;
    lua_settop(L, 1);
    lua_pushvalue(L, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &HEADER);
    return 1;
}

static void compile(lua_State *L, const struct fb_header *h)
{
    lua_pushfstring(L, "@%s", h->chunk);
    if (luaL_loadbufferx(L, h->text, h->len, lua_tostring(L, -1), "t") != LUA_OK)
        lua_error(L);
    lua_remove(L, -2);
}

void fb_header_load(lua_State *L, struct fb_header *h)
{
    struct fb_vm *vm = fb_vm_of(L);
    int base = lua_gettop(L);

    vm->header = h;
    h->seen = false;
    fb_sandbox_open(L);
    lua_pushliteral(L, "playbook");
    lua_pushcfunction(L, read_header);
    lua_settable(L, base + 1); /* through the view: globals may still be made */
    compile(L, h);
    lua_pushvalue(L, base + 1);
    lua_setupvalue(L, -2, 1); /* the chunk's only upvalue: its globals */
    lua_call(L, 0, 1);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &HEADER);
    if (!h->seen || !lua_rawequal(L, -1, -2))
        luaL_error(L, "%s: the file must end with: return playbook { ... }", h->chunk);
    lua_pushliteral(L, "run");
    lua_rawget(L, -2);
    if (!lua_isfunction(L, -1))
        luaL_error(L, "%s: run must stay a function", h->chunk);
    lua_replace(L, base + 1);
    lua_settop(L, base + 1);
    vm->header = NULL;
}

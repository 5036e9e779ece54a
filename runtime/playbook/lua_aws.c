/* lua_aws.c - fb.aws: every fact and ensure verb of the gate's table. It checks what the author
 * wrote and asks; it never calls a cloud. */
#include <lauxlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "playbook/api.h"
#include "playbook/gate.h"
#include "playbook/marshal.h"
#include "playbook/sandbox.h"
#include "playbook/tasks.h"
#include "playbook/vm.h"

enum { WHY_MAX_BYTES = 200 };

/* "aws.read" is granted by "aws.read" and by "read". */
static bool granted(const char *const *needs, const char *capability)
{
    const char *dot = strchr(capability, '.');

    for (; *capability && needs && *needs; needs++)
        if (fb_eq(*needs, capability) || (dot && fb_eq(*needs, dot + 1)))
            return true;
    return !*capability;
}

static const char *type_words(enum fb_field_type type)
{
    switch (type) {
    case FB_FIELD_STR:
        return "a text";
    case FB_FIELD_INT:
        return "a whole number";
    case FB_FIELD_LIST:
        return "a list";
    case FB_FIELD_MAP:
        return "a table of names and values";
    case FB_FIELD_ANY:
        break;
    }
    return "plain data";
}

static bool type_fits(lua_State *L, int index, enum fb_field_type type)
{
    int is_int = 1;

    switch (type) {
    case FB_FIELD_STR:
        return lua_type(L, index) == LUA_TSTRING;
    case FB_FIELD_INT:
        if (lua_type(L, index) == LUA_TNUMBER)
            lua_tointegerx(L, index, &is_int);
        return lua_type(L, index) == LUA_TNUMBER && is_int;
    case FB_FIELD_LIST:
    case FB_FIELD_MAP:
        return lua_type(L, index) == LUA_TTABLE;
    case FB_FIELD_ANY:
        break;
    }
    return true;
}

/* Reads the value on top for one declared field; NULL when it is absent. Pops it. */
static struct fb_val *read_field(lua_State *L, const struct fb_verb *verb,
                                 const struct fb_field *field, struct fb_marshal_in *in)
{
    struct fb_val *v = NULL;
    bool empty = lua_type(L, -1) == LUA_TSTRING && lua_rawlen(L, -1) == 0;

    in->field = field->name;
    if (lua_isnil(L, -1) && field->required)
        fb_vm_raise(L, "%s: field \"%s\" is missing", verb->name, field->name);
    if (!lua_isnil(L, -1) && !type_fits(L, -1, field->type))
        fb_vm_raise(L, "%s: field \"%s\" must be %s, not a %s", verb->name, field->name,
                    type_words(field->type), luaL_typename(L, -1));
    if (empty && field->required)
        fb_vm_raise(L, "%s: field \"%s\" is empty", verb->name, field->name);
    if (!lua_isnil(L, -1) && !empty) {
        if (field->type == FB_FIELD_INT)
            v = fb_val_int(in->arena, lua_tointeger(L, -1));
        else
            v = fb_marshal_read(L, -1, in, field->type);
        if (fb_arena_failed(in->arena))
            fb_vm_die(L, FB_VM_ARGUMENTS); /* v may be nil in place of what it should be */
        if ((field->type == FB_FIELD_LIST && v->kind != FB_VAL_LIST) ||
            (field->type == FB_FIELD_MAP && v->kind != FB_VAL_MAP))
            fb_vm_raise(L, "%s: field \"%s\" must be %s", verb->name, field->name,
                        type_words(field->type));
    }
    lua_pop(L, 1);
    return v;
}

static bool is_declared(const struct fb_verb *verb, const char *name)
{
    for (const struct fb_field *f = verb->fields; f->name; f++)
        if (fb_eq(f->name, name))
            return true;
    return fb_eq(name, "why");
}

static int fail_unknown(lua_State *L, const struct fb_verb *verb, const char *name)
{
    const char *known[FB_FIELDS_MAX + 1];
    const char *near;
    size_t n = 0;

    for (const struct fb_field *f = verb->fields; f->name; f++)
        known[n++] = f->name;
    known[n++] = "why";
    near = fb_nearest(name, known, n);
    for (size_t i = 0; i < n && !near; i++) /* key_id -> key is near, too */
        if (fb_starts(name, known[i]) || fb_ends(name, known[i]))
            near = known[i];
    if (near)
        return fb_vm_raise(L, "%s: unknown field \"%s\" (did you mean \"%s\"?)", verb->name, name,
                           near);
    return fb_vm_raise(L, "%s: unknown field \"%s\"", verb->name, name);
}

/* Fields of the table at index that the verb does not declare: an error in a table that the author
 * wrote, passed along (in order of name) in an item that a fact gave. */
static void read_extras(lua_State *L, int table, const struct fb_verb *verb, bool item,
                        struct fb_marshal_in *in, struct fb_val *args)
{
    struct fb_val *all;

    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING)
            fb_vm_raise(L, "%s: takes names and values, as in %s{ %s = ... }", verb->name,
                        verb->name, verb->fields[0].name ? verb->fields[0].name : "why");
        if (!item && !is_declared(verb, lua_tostring(L, -2)))
            fail_unknown(L, verb, lua_tostring(L, -2));
    }
    if (!item)
        return;
    in->field = "(item)";
    all = fb_marshal_read(L, table, in, FB_FIELD_MAP);
    for (struct fb_val *c = all->first, *next; c; c = next) {
        next = c->next;
        c->next = NULL;
        if (c->kind != FB_VAL_NIL && !is_declared(verb, c->key))
            fb_val_set(in->arena, args, c->key, c);
    }
}

static const char *read_why(lua_State *L, int table, const struct fb_verb *verb,
                            struct fb_marshal_in *in)
{
    static const struct fb_field WHY = {"why", FB_FIELD_STR, false};
    const struct fb_val *why;

    lua_pushliteral(L, "why");
    lua_rawget(L, table);
    why = read_field(L, verb, &WHY, in);
    if (why && strlen(why->as.str) > WHY_MAX_BYTES)
        fb_vm_raise(L, "%s: \"why\" has %d bytes; at most %d are shown to people", verb->name,
                    (int)strlen(why->as.str), WHY_MAX_BYTES);
    return why ? why->as.str : "";
}

/* Calls that read better without a table become one: chain(actor), explain(text, facts), regions().
 * The table is at index 1 afterwards. */
static void arrange(lua_State *L, enum fb_verb_id id, const struct fb_verb *verb)
{
    int n = lua_gettop(L);

    if (id == FB_VERB_CHAIN || (id == FB_VERB_EXPLAIN && lua_type(L, 1) != LUA_TTABLE)) {
        lua_settop(L, 2);
        lua_createtable(L, 0, 2);
        for (int i = 0; i < 2 && verb->fields[i].name && i < n; i++) {
            lua_pushvalue(L, i + 1);
            lua_setfield(L, 3, verb->fields[i].name);
        }
        lua_replace(L, 1);
        lua_settop(L, 1);
        return;
    }
    if (n == 0 && id == FB_VERB_REGIONS)
        lua_newtable(L);
    if (lua_gettop(L) != 1)
        fb_vm_raise(L, "%s: takes one table: %s%s{ ... }, with a dot", verb->name,
                    fb_starts(verb->name, "fb.") ? "" : "fb.", verb->name);
    if (lua_type(L, 1) != LUA_TTABLE)
        fb_vm_raise(L, "%s: takes a table or an item of a fact, not a %s", verb->name,
                    luaL_typename(L, 1));
}

static const struct fb_val *read_args(lua_State *L, const struct fb_verb *verb, const char **why)
{
    struct fb_scheduler *s = fb_vm_of(L)->run;
    struct fb_marshal_in in = {
        .arena = s->arena, .verb = verb->name, .bytes_left = FB_MARSHAL_ASK_BYTES_MAX};
    struct fb_val *args = fb_val_map(s->arena);
    bool item = fb_marshal_marked(L, 1);

    fb_lua_real(L, 1);
    lua_replace(L, 1);
    for (const struct fb_field *f = verb->fields; f->name; f++) {
        struct fb_val *v;

        lua_pushstring(L, f->name);
        lua_rawget(L, 1);
        v = read_field(L, verb, f, &in);
        if (v)
            fb_val_set(s->arena, args, f->name, v);
    }
    read_extras(L, 1, verb, item, &in, args);
    *why = read_why(L, 1, verb, &in);
    s->argument_bytes += FB_MARSHAL_ASK_BYTES_MAX - in.bytes_left;
    if (s->argument_bytes > FB_MARSHAL_RUN_BYTES_MAX || fb_arena_failed(s->arena))
        fb_vm_die(L, FB_VM_ARGUMENTS);
    return args;
}

/* found.fleets and found.instances, and found itself as a list, fleets first: they would refill. */
static void list_compute(lua_State *L)
{
    static const char *const PARTS[] = {"fleets", "instances"};
    int found = lua_gettop(L);
    lua_Integer n = 0;

    for (size_t part = 0; part < 2; part++) {
        lua_pushstring(L, PARTS[part]);
        if (lua_rawget(L, found) != LUA_TTABLE) {
            lua_pop(L, 1);
            fb_marshal_push_empty(L, true);
            lua_pushvalue(L, -1);
            lua_setfield(L, found, PARTS[part]);
        }
        for (lua_Integer i = 1; i <= (lua_Integer)lua_rawlen(L, -1); i++) {
            lua_rawgeti(L, -1, i);
            lua_rawseti(L, found, ++n);
        }
        lua_pop(L, 1);
    }
}

/* A fact's value: a list, or a map; {items = list, ...} is the list with the other fields beside
 * it. What could not be read is an empty list. Always says whether it is complete. */
static void push_fact(lua_State *L, enum fb_verb_id id, const struct fb_answer *r)
{
    const struct fb_val *items = fb_val_get(r->value, "items");
    const struct fb_val *v = items && items->kind == FB_VAL_LIST ? items : r->value;

    if (v && (v->kind == FB_VAL_LIST || v->kind == FB_VAL_MAP))
        fb_marshal_push(L, v, NULL);
    else
        fb_marshal_push_empty(L, id != FB_VERB_COMPUTE);
    for (const struct fb_val *c = v == items && items ? r->value->first : NULL; c; c = c->next) {
        if (c == items)
            continue;
        fb_marshal_push(L, c, NULL);
        lua_setfield(L, -2, c->key);
    }
    if (id == FB_VERB_COMPUTE)
        list_compute(L);
    lua_pushboolean(L, r->complete && r->ok);
    lua_setfield(L, -2, "complete");
}

static void push_result(lua_State *L, const struct fb_answer *r)
{
    lua_createtable(L, 0, 4);
    lua_pushboolean(L, r->ok);
    lua_setfield(L, -2, "ok");
    lua_pushstring(L, fb_result_name(r->status));
    lua_setfield(L, -2, "status");
    lua_pushstring(L, r->why);
    lua_setfield(L, -2, "why");
    lua_pushstring(L, r->id);
    lua_setfield(L, -2, "id");
}

static int answered(lua_State *L, int status, lua_KContext unused)
{
    enum fb_verb_id id = (enum fb_verb_id)lua_tointeger(L, lua_upvalueindex(1));

    (void)status;
    (void)unused;
    fb_vm_check(L);
    if (fb_verb(id)->cls == FB_FACT)
        push_fact(L, id, fb_tasks_answer(L));
    else
        push_result(L, fb_tasks_answer(L));
    return 1;
}

/* Every fact, verb and message: its id is the upvalue. */
static int ask_verb(lua_State *L)
{
    enum fb_verb_id id = (enum fb_verb_id)lua_tointeger(L, lua_upvalueindex(1));
    const struct fb_verb *verb = fb_verb(id);
    struct fb_scheduler *s = fb_vm_of(L)->run;
    struct fb_ask ask = {.verb = id, .playbook = s->info->name};

    fb_vm_check(L);
    fb_lua_may_wait(L);
    if (!granted(s->info->needs, verb->capability))
        return fb_vm_raise(L, "%s: capability \"%s\" is not in needs", verb->name,
                           verb->capability);
    if (s->calls >= FB_PLAYBOOK_CALLS_MAX)
        return fb_vm_die(L, FB_VM_CALLS);
    s->calls++;
    arrange(L, id, verb);
    ask.args = read_args(L, verb, &ask.why);
    ask.line = fb_vm_line(L, NULL);
    if (id == FB_VERB_ESCALATE)
        s->needs_person = true;
    return fb_tasks_ask(L, &ask, answered);
}

void fb_api_verb_push(lua_State *L, enum fb_verb_id id)
{
    lua_pushinteger(L, (lua_Integer)id);
    lua_pushcclosure(L, ask_verb, 1);
}

void fb_api_aws_push(lua_State *L)
{
    lua_newtable(L);
    for (unsigned i = 0; i < FB_VERB_COUNT; i++) {
        if (!fb_starts(fb_verb((enum fb_verb_id)i)->name, "aws."))
            continue;
        fb_api_verb_push(L, (enum fb_verb_id)i);
        lua_setfield(L, -2, fb_verb((enum fb_verb_id)i)->name + strlen("aws."));
    }
    fb_lua_strict(L, "fb.aws");
    fb_lua_readonly(L, "fb.aws");
}

/* lua_fb.c - fb: time, fb.each, the end of a run, messages to people, and the neutral names. */
#include <lauxlib.h>
#include <string.h>

#include "base/text.h"
#include "playbook/api.h"
#include "playbook/sandbox.h"
#include "playbook/tasks.h"
#include "playbook/vm.h"

#define OUTCOME "fb.outcome" /* the metatable's name in the registry */

enum { CLOSE_WHY_MAX_BYTES = 500 };

struct outcome {
    enum fb_outcome_kind kind;
};

static int push_outcome(lua_State *L, enum fb_outcome_kind kind, const char *why)
{
    struct outcome *o = lua_newuserdatauv(L, sizeof *o, 1);

    o->kind = kind;
    lua_pushstring(L, why);
    lua_setiuservalue(L, -2, 1);
    luaL_setmetatable(L, OUTCOME);
    return 1;
}

/* What the run has come to so far; retry beats needs_person. */
static enum fb_outcome_kind so_far(const struct fb_scheduler *s)
{
    if (s->retry)
        return FB_RUN_RETRY;
    return s->needs_person ? FB_RUN_NEEDS_PERSON : FB_RUN_CONTAINED;
}

static int fb_outcome(lua_State *L) { return push_outcome(L, so_far(fb_vm_of(L)->run), ""); }

static int fb_wait(lua_State *L) { return push_outcome(L, FB_RUN_WAITING, ""); }

static int fb_close(lua_State *L)
{
    size_t len = 0;

    if (lua_type(L, 1) != LUA_TSTRING || lua_rawlen(L, 1) == 0)
        return fb_vm_raise(L, "fb.close: say why: fb.close(\"nothing left to contain\")");
    lua_tolstring(L, 1, &len);
    if (len > CLOSE_WHY_MAX_BYTES)
        return fb_vm_raise(L, "fb.close: why has %d bytes; at most %d", (int)len,
                           CLOSE_WHY_MAX_BYTES);
    return push_outcome(L, FB_RUN_CLOSED, lua_tostring(L, 1));
}

static int outcome_index(lua_State *L)
{
    const struct outcome *o = luaL_checkudata(L, 1, OUTCOME);

    if (lua_type(L, 2) == LUA_TSTRING && fb_eq(lua_tostring(L, 2), "kind"))
        lua_pushstring(L, fb_run_name(o->kind));
    else if (lua_type(L, 2) == LUA_TSTRING && fb_eq(lua_tostring(L, 2), "why"))
        lua_getiuservalue(L, 1, 1);
    else
        lua_pushnil(L);
    return 1;
}

enum fb_outcome_kind fb_api_outcome(lua_State *L, int index, const char **why)
{
    const struct outcome *o = luaL_testudata(L, index, OUTCOME);

    if (lua_isnoneornil(L, index))
        luaL_error(L, "run returned nothing: end it with return fb.outcome()");
    if (!o)
        luaL_error(L,
                   "run returned a %s: end it with return fb.outcome(), fb.close(why) or "
                   "fb.wait()",
                   luaL_typename(L, index));
    lua_getiuservalue(L, index, 1);
    *why = lua_tostring(L, -1); /* the outcome keeps it alive */
    lua_pop(L, 1);
    return o->kind;
}

static int fb_now(lua_State *L)
{
    lua_pushinteger(L, fb_vm_of(L)->run->now_ms);
    return 1;
}

/* fb.must(result): raises when it is not ok; gives it back otherwise. */
static int fb_must(lua_State *L)
{
    const char *why = "it did not succeed";

    if (lua_type(L, 1) != LUA_TTABLE)
        return fb_vm_raise(L, "fb.must: takes a result, not a %s", luaL_typename(L, 1));
    lua_settop(L, 1);
    lua_pushliteral(L, "ok");
    lua_rawget(L, 1);
    if (lua_toboolean(L, -1)) {
        lua_settop(L, 1);
        return 1;
    }
    for (int i = 0; i < 2; i++) {
        lua_pushstring(L, i ? "why" : "error");
        if (lua_rawget(L, 1) == LUA_TSTRING && lua_rawlen(L, -1) > 0)
            why = lua_tostring(L, -1);
    }
    return fb_vm_raise(L, "fb.must: %s", why);
}

static void make_outcome_type(lua_State *L)
{
    luaL_newmetatable(L, OUTCOME);
    lua_pushcfunction(L, outcome_index);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}

void fb_api_push(lua_State *L)
{
    static const luaL_Reg OURS[] = {
        {"now", fb_now},     {"each", fb_tasks_each}, {"outcome", fb_outcome},
        {"close", fb_close}, {"wait", fb_wait},       {"must", fb_must},
        {NULL, NULL}};
    /* Neutral names; with a second cloud they ask the incident's. */
    static const enum fb_verb_id NEUTRAL[] = {FB_VERB_CHAIN, FB_VERB_COMPUTE, FB_VERB_CONTAIN,
                                              FB_VERB_HALT};

    make_outcome_type(L);
    lua_newtable(L);
    luaL_setfuncs(L, OURS, 0);
    for (unsigned i = 0; i < FB_VERB_COUNT; i++) {
        const struct fb_verb *verb = fb_verb((enum fb_verb_id)i);

        if (!fb_starts(verb->name, "fb."))
            continue;
        fb_api_verb_push(L, (enum fb_verb_id)i);
        lua_setfield(L, -2, verb->name + strlen("fb."));
    }
    for (size_t i = 0; i < sizeof NEUTRAL / sizeof *NEUTRAL; i++) {
        fb_api_verb_push(L, NEUTRAL[i]);
        lua_setfield(L, -2, strchr(fb_verb(NEUTRAL[i])->name, '.') + 1);
    }
    fb_api_aws_push(L);
    lua_setfield(L, -2, "aws");
    fb_lua_strict(L, "fb");
    fb_lua_readonly(L, "fb");
}

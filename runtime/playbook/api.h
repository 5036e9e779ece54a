/* api.h - the table fb: what a playbook asks with. Of this room only.
 *
 * One file per noun: lua_fb.c (time, each, outcome, messages), lua_aws.c (facts and ensure verbs
 * from the gate's table). None of them acts: they check, and ask the gate. */
#ifndef FB_API_H
#define FB_API_H
#include <lua.h>

#include "playbook/host.h"
#include "playbook/verb.h"

/* Pushes fb, with fb.aws in it. */
void fb_api_push(lua_State *L);

/* Pushes the table aws (lua_aws.c). */
void fb_api_aws_push(lua_State *L);
/* Pushes the function that asks the gate for that verb. */
void fb_api_verb_push(lua_State *L, enum fb_verb_id id);

/* What run returned (at index): its kind and its words (borrowed from the value); raises when it is
 * no outcome. */
enum fb_outcome_kind fb_api_outcome(lua_State *L, int index, const char **why);

#endif

/* tasks.c - the scheduler of a playbook's run. */
#include "playbook/tasks.h"

#include <lauxlib.h>
#include <string.h>

#include "base/arena.h"
#include "playbook/marshal.h"
#include "playbook/sandbox.h"
#include "playbook/vm.h"

/* Its address is the registry key of the table that keeps tasks and fb.each calls alive. */
static const char ANCHORS = 0;

enum task_state { TASK_READY, TASK_ASKING, TASK_JOINING };

/* One fb.each at work. Lua's own memory; its user values are the list, the function, the results.
 */
struct each {
    struct fb_task *owner;
    size_t count, next, running, finished;
    int line;
    char file[LUA_IDSIZE];
};
enum { EACH_LIST = 1, EACH_FUNCTION, EACH_RESULTS };

/* One thread. Lua's own memory; its user value is the thread. */
struct fb_task {
    lua_State *co;
    struct fb_task *prev, *next, *ready_next;
    enum task_state state;
    struct each *in; /* the fb.each it is an item of; NULL for the first task */
    size_t item;     /* which, from 1 */
    struct each *joining;
    int args; /* on its stack for the first resume */
    struct fb_ask ask;
    struct fb_answer answer;
};

static void push_anchors(lua_State *L) { lua_rawgetp(L, LUA_REGISTRYINDEX, &ANCHORS); }

/* Keeps the userdata on top alive until drop_anchor. */
static void keep_anchor(lua_State *L, const void *key)
{
    push_anchors(L);
    lua_pushvalue(L, -2);
    lua_rawsetp(L, -2, key);
    lua_pop(L, 1);
}

static void drop_anchor(lua_State *L, const void *key)
{
    push_anchors(L);
    lua_pushnil(L);
    lua_rawsetp(L, -2, key);
    lua_pop(L, 1);
}

static void push_user_value(lua_State *L, const void *key, int which)
{
    push_anchors(L);
    lua_rawgetp(L, -1, key);
    lua_getiuservalue(L, -1, which);
    lua_replace(L, -3);
    lua_pop(L, 1);
}

static void make_ready(struct fb_scheduler *s, struct fb_task *t)
{
    t->state = TASK_READY;
    t->ready_next = NULL;
    if (s->ready_last)
        s->ready_last->ready_next = t;
    else
        s->ready_first = t;
    s->ready_last = t;
}

/* A new task that will call the function below n arguments, which are taken from L's top. */
static struct fb_task *new_task(lua_State *L, struct fb_scheduler *s, int n)
{
    struct fb_vm *vm = fb_vm_of(L);
    struct fb_task *t = lua_newuserdatauv(L, sizeof *t, 1);

    memset(t, 0, sizeof *t);
    t->co = lua_newthread(L);
    lua_setiuservalue(L, -2, 1);
    keep_anchor(L, t);
    lua_pop(L, 1);
    luaL_checkstack(t->co, n + 1, NULL);
    lua_xmove(L, t->co, n + 1);
    t->args = n;
    t->prev = s->last;
    if (s->last)
        s->last->next = t;
    else
        s->first = t;
    s->last = t;
    vm->instructions += FB_VM_HOOK_STEP; /* a thread's count starts afresh: paid in advance */
    make_ready(s, t);
    return t;
}

static void forget_task(lua_State *L, struct fb_scheduler *s, struct fb_task *t)
{
    *(t->prev ? &t->prev->next : &s->first) = t->next;
    *(t->next ? &t->next->prev : &s->last) = t->prev;
    drop_anchor(L, t);
}

static void start_items(lua_State *L, struct fb_scheduler *s, struct each *e)
{
    while (e->running < FB_PLAYBOOK_IN_FLIGHT && e->next < e->count) {
        struct fb_task *t;

        e->next++;
        push_user_value(L, e, EACH_FUNCTION);
        push_user_value(L, e, EACH_LIST);
        lua_rawgeti(L, -1, (lua_Integer)e->next);
        lua_remove(L, -2);
        t = new_task(L, s, 1);
        t->in = e;
        t->item = e->next;
        e->running++;
    }
}

/* Stores what an item gave: value or error is on top of its thread (ok or not). */
static void finish_item(lua_State *L, struct fb_scheduler *s, struct fb_task *t, bool ok)
{
    struct each *e = t->in;

    push_user_value(L, e, EACH_RESULTS);
    lua_createtable(L, 0, 2);
    lua_pushboolean(L, ok);
    lua_setfield(L, -2, "ok");
    lua_xmove(t->co, L, 1);
    lua_setfield(L, -2, ok ? "value" : "error");
    lua_rawseti(L, -2, (lua_Integer)t->item);
    lua_pop(L, 1);
    e->running--;
    e->finished++;
    forget_task(L, s, t);
    if (e->finished == e->count)
        make_ready(s, e->owner);
    else
        start_items(L, s, e);
}

static void note_retry(struct fb_scheduler *s, const char *why)
{
    s->retry = true;
    if (!*s->retry_why)
        s->retry_why = why;
}

/* Runs one task until it sleeps or ends. True when it was the first task and has returned: its
 * result is on top of L. */
static bool step(lua_State *L, struct fb_scheduler *s, struct fb_task *t)
{
    struct fb_vm *vm = fb_vm_of(L);
    int results = 0, status;

    s->current = t;
    status = lua_resume(t->co, L, t->args, &results);
    t->args = 0;
    if (status == LUA_ERRMEM)
        fb_vm_kill(vm, FB_VM_MEMORY);
    if (vm->dead != FB_VM_ALIVE && vm->dead_line == 0)
        vm->dead_line = fb_vm_line(t->co, vm->dead_file);
    s->current = NULL;
    fb_vm_check(L);
    if (status == LUA_YIELD) {
        lua_pop(t->co, results);
        if (t->state == TASK_JOINING)
            start_items(L, s, t->joining);
        return false;
    }
    if (status == LUA_OK && results == 0)
        lua_pushnil(t->co);
    else if (status == LUA_OK)
        lua_pop(t->co, results - 1); /* the first result */
    else
        note_retry(s, fb_vm_error_text(s->arena, t->co, -1));
    if (t->in) {
        finish_item(L, s, t, status == LUA_OK);
        return false;
    }
    lua_xmove(t->co, L, 1);
    if (status != LUA_OK)
        lua_error(L);
    return true;
}

static void note_answer(struct fb_scheduler *s, const struct fb_verb *verb, struct fb_answer *r)
{
    bool good = (unsigned)r->status <= FB_RESULT_PENDING;

    r->why = r->why ? r->why : "";
    r->id = r->id ? r->id : "";
    if (verb->cls == FB_FACT) {
        if (!r->ok || !r->complete)
            note_retry(
                s, fb_arena_fmt(s->arena, "%s could not be read whole: %s", verb->name, r->why));
        return;
    }
    if ((unsigned)r->status > FB_RESULT_FAILED || (good && !r->ok))
        r->status = FB_RESULT_FAILED; /* an answer at odds with itself is no success */
    r->ok = r->ok && (unsigned)r->status <= FB_RESULT_PENDING;
    if (verb->cls != FB_MESSAGE)
        s->statuses[r->status]++;
    if (r->status == FB_RESULT_FAILED)
        note_retry(s, fb_arena_fmt(s->arena, "%s failed: %s", verb->name, r->why));
    if (r->status == FB_RESULT_REFUSED)
        s->needs_person = true;
}

/* Hands every waiting ask to the gate at once and wakes the tasks. */
static void ask_gate(lua_State *L, struct fb_scheduler *s)
{
    struct fb_vm *vm = fb_vm_of(L);
    struct fb_answer *answers;
    struct fb_ask *asks;
    size_t n = 0, i = 0;

    for (const struct fb_task *t = s->first; t; t = t->next)
        n += t->state == TASK_ASKING;
    if (n == 0)
        luaL_error(L, "internal error: no task can go on");
    asks = FB_NEW_ARRAY(s->arena, n, struct fb_ask);
    answers = FB_NEW_ARRAY(s->arena, n, struct fb_answer);
    if (!asks || !answers || fb_arena_failed(s->arena))
        fb_vm_die(L, FB_VM_ARGUMENTS);
    for (const struct fb_task *t = s->first; t; t = t->next)
        if (t->state == TASK_ASKING)
            asks[i++] = t->ask;
    for (i = 0; i < n; i++)
        answers[i] = (struct fb_answer){.status = FB_RESULT_FAILED, .why = "no answer", .id = ""};
    fb_vm_slice_end(vm);
    if (vm->deadline_ms && vm->clock && fb_mono_ms(vm->clock) >= vm->deadline_ms)
        fb_vm_die(L, FB_VM_DEADLINE);
    s->asks += n;
    s->gate->ask(s->gate->self, s->arena, asks, n, answers);
    fb_vm_slice_begin(vm);
    i = 0;
    for (struct fb_task *t = s->first; t; t = t->next) {
        if (t->state != TASK_ASKING)
            continue;
        t->answer = answers[i++];
        note_answer(s, fb_verb(t->ask.verb), &t->answer);
        make_ready(s, t);
    }
}

void fb_tasks_run(lua_State *L, int n)
{
    struct fb_scheduler *s = fb_vm_of(L)->run;
    bool over = false;

    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &ANCHORS);
    new_task(L, s, n);
    while (!over) {
        struct fb_task *t = s->ready_first;

        if (!t) {
            ask_gate(L, s);
            continue;
        }
        s->ready_first = t->ready_next;
        if (!s->ready_first)
            s->ready_last = NULL;
        over = step(L, s, t);
    }
}

int fb_tasks_ask(lua_State *L, const struct fb_ask *ask, lua_KFunction then)
{
    struct fb_task *t = fb_vm_of(L)->run->current;

    t->ask = *ask;
    t->state = TASK_ASKING;
    return lua_yieldk(L, 0, 0, then);
}

const struct fb_answer *fb_tasks_answer(lua_State *L) { return &fb_vm_of(L)->run->current->answer; }

static int each_end(lua_State *L, int status, lua_KContext unused)
{
    struct fb_task *t = fb_vm_of(L)->run->current;

    (void)status;
    (void)unused;
    fb_vm_check(L);
    drop_anchor(L, t->joining);
    t->joining = NULL;
    lua_settop(L, 3);
    return 1; /* the results */
}

/* A table with names and no list in it, that no fact gave: going over nothing in silence would look
 * like work done. */
static bool has_only_names(lua_State *L, int table)
{
    if (lua_rawlen(L, table) > 0 || fb_marshal_marked(L, table))
        return false;
    lua_pushnil(L);
    if (!lua_next(L, table))
        return false;
    lua_pop(L, 2);
    return true;
}

int fb_tasks_each(lua_State *L)
{
    struct fb_scheduler *s = fb_vm_of(L)->run;
    struct each *e;
    lua_Unsigned count;

    fb_vm_check(L);
    fb_lua_may_wait(L);
    if (!fb_lua_real(L, 1))
        return fb_vm_raise(L, "fb.each: takes a list and a function; the list is a %s",
                           luaL_typename(L, 1));
    lua_replace(L, 1);
    if (has_only_names(L, 1))
        return fb_vm_raise(L, "fb.each: takes a list; this table has only named values");
    if (lua_type(L, 2) != LUA_TFUNCTION)
        return fb_vm_raise(L, "fb.each: takes a list and a function; the function is a %s",
                           luaL_typename(L, 2));
    lua_settop(L, 2);
    count = lua_rawlen(L, 1);
    if (count > FB_VM_RANGE_MAX)
        return fb_vm_raise(L, "fb.each: a list of more than %d items", FB_VM_RANGE_MAX);
    lua_createtable(L, (int)count, 0);
    if (count == 0)
        return 1;
    e = lua_newuserdatauv(L, sizeof *e, 3);
    memset(e, 0, sizeof *e);
    for (int i = EACH_LIST; i <= EACH_RESULTS; i++) {
        lua_pushvalue(L, i);
        lua_setiuservalue(L, 4, i);
    }
    keep_anchor(L, e);
    e->owner = s->current;
    e->count = (size_t)count;
    e->line = fb_vm_line(L, e->file);
    s->current->joining = e;
    s->current->state = TASK_JOINING;
    return lua_yieldk(L, 0, 0, each_end);
}

int fb_scheduler_line(const struct fb_scheduler *s, char *file)
{
    const struct each *e = s && s->current ? s->current->in : NULL;

    if (e && file)
        memcpy(file, e->file, LUA_IDSIZE);
    return e ? e->line : 0;
}

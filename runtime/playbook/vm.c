/* vm.c - the state's life, its allocator, its count hook, and the abort that cannot be caught. */
#include "playbook/vm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "playbook/host.h"
#include "playbook/tasks.h"

/* Its address is the error object of an abort: a light userdata needs no memory. */
static const char ABORT = 0;

struct fb_vm *fb_vm_of(lua_State *L)
{
    struct fb_vm *vm;

    memcpy(&vm, lua_getextraspace(L), sizeof vm); /* threads inherit the main thread's */
    return vm;
}

static void *refuse(struct fb_vm *vm)
{
    /* Lua collects everything and asks once more. When that fails too, or has happened often, the
     * script lives at the ceiling and every allocation would cost a full collection. */
    vm->refusals++;
    if (vm->refused_last || vm->refusals >= FB_VM_REFUSALS_MAX)
        fb_vm_kill(vm, FB_VM_MEMORY);
    vm->refused_last = true;
    return NULL;
}

static void *vm_alloc(void *ud, void *ptr, size_t osize, size_t nsize)
{
    struct fb_vm *vm = ud;
    size_t old = ptr ? osize : 0; /* for new blocks osize is a type tag, not a size */
    void *fresh;

    if (nsize == 0) {
        free(ptr);
        vm->used_bytes -= old;
        return NULL;
    }
    if (nsize > old && nsize - old > vm->max_bytes - vm->used_bytes)
        return refuse(vm);
    fresh = realloc(ptr, nsize);
    if (!fresh && nsize > old)
        return refuse(vm);
    if (!fresh)
        fresh = ptr; /* Lua counts on shrinking; the block is merely larger than it knows */
    if (nsize > old)
        vm->refused_last = false;
    vm->used_bytes = vm->used_bytes - old + nsize;
    return fresh;
}

static int on_panic(lua_State *L)
{
    /* An error outside fb_vm_enter is a bug of this room, not a path. */
    fprintf(stderr, "firebreak: Lua error outside a protected call: %s\n",
            lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "(no text)");
    fflush(stderr);
    abort();
}

void fb_vm_kill(struct fb_vm *vm, enum fb_vm_death why)
{
    if (vm->dead == FB_VM_ALIVE)
        vm->dead = why;
}

static int raise_abort(lua_State *L)
{
    const void *abort_object = &ABORT;

    lua_pushlightuserdata(L, (void *)(uintptr_t)abort_object);
    return lua_error(L);
}

int fb_vm_die(lua_State *L, enum fb_vm_death why)
{
    struct fb_vm *vm = fb_vm_of(L);

    if (vm->dead_line == 0)
        vm->dead_line = fb_vm_line(L, vm->dead_file);
    fb_vm_kill(vm, why);
    return raise_abort(L);
}

void fb_vm_check(lua_State *L)
{
    if (fb_vm_of(L)->dead != FB_VM_ALIVE)
        raise_abort(L);
}

static enum fb_vm_death look_at_clock(const struct fb_vm *vm)
{
    if (!vm->clock || !vm->running)
        return FB_VM_ALIVE;
    if (vm->deadline_ms && fb_mono_ms(vm->clock) >= vm->deadline_ms)
        return FB_VM_DEADLINE;
    return vm->lua_ms + (fb_cpu_ms(vm->clock) - vm->slice_ms) > FB_PLAYBOOK_LUA_MS_MAX
               ? FB_VM_TIME
               : FB_VM_ALIVE;
}

static void on_count(lua_State *L, lua_Debug *ar)
{
    struct fb_vm *vm = fb_vm_of(L);
    enum fb_vm_death why = vm->dead;

    (void)ar;
    if (why == FB_VM_ALIVE) {
        vm->instructions += FB_VM_HOOK_STEP;
        why = vm->instructions > vm->instructions_max ? FB_VM_INSTRUCTIONS : look_at_clock(vm);
    }
    if (why != FB_VM_ALIVE) {
        lua_sethook(L, on_count, LUA_MASKCOUNT, 1); /* sticky: no instruction runs past this */
        fb_vm_die(L, why);
    }
}

void fb_vm_charge(lua_State *L, size_t steps)
{
    struct fb_vm *vm = fb_vm_of(L);
    enum fb_vm_death why = vm->dead;

    vm->steps += steps;
    if (why == FB_VM_ALIVE && vm->steps > FB_VM_STEPS_MAX)
        why = FB_VM_STEPS;
    if (why == FB_VM_ALIVE && vm->steps - vm->steps_looked > FB_VM_STEPS_LOOK) {
        vm->steps_looked = vm->steps;
        why = look_at_clock(vm);
    }
    if (why != FB_VM_ALIVE)
        fb_vm_die(L, why);
}

void fb_vm_fits(lua_State *L, size_t bytes, const char *what)
{
    if (bytes > FB_VM_LIB_STRING_MAX)
        fb_vm_raise(L, "%s: the result would be longer than 1 MiB", what);
}

bool fb_vm_open(struct fb_vm *vm, const struct fb_clock *clock, int64_t deadline_mono_ms)
{
    memset(vm, 0, sizeof *vm);
    vm->max_bytes = FB_PLAYBOOK_MEMORY_MAX;
    vm->instructions_max = FB_PLAYBOOK_INSTRUCTIONS_MAX;
    vm->clock = clock;
    vm->deadline_ms = deadline_mono_ms;
    vm->L = lua_newstate(vm_alloc, vm);
    if (!vm->L)
        return false;
    memcpy(lua_getextraspace(vm->L), &vm, sizeof vm);
    lua_atpanic(vm->L, on_panic);
    lua_sethook(vm->L, on_count, LUA_MASKCOUNT, FB_VM_HOOK_STEP);
    return true;
}

void fb_vm_close(struct fb_vm *vm)
{
    /* No finalizer of a playbook's can run here: setmetatable refuses __gc and __close. */
    if (vm->L)
        lua_close(vm->L);
    vm->L = NULL;
}

void fb_vm_slice_begin(struct fb_vm *vm)
{
    vm->slice_ms = vm->clock ? fb_cpu_ms(vm->clock) : 0;
    vm->running = true;
}

void fb_vm_slice_end(struct fb_vm *vm)
{
    if (vm->clock && vm->running)
        vm->lua_ms += fb_cpu_ms(vm->clock) - vm->slice_ms;
    vm->running = false;
}

const char *fb_vm_death_words(enum fb_vm_death why)
{
    switch (why) {
    case FB_VM_ALIVE:
        break;
    case FB_VM_MEMORY:
        return "stopped: it needs more than 8 MiB of memory";
    case FB_VM_INSTRUCTIONS:
        return "stopped: it ran more than 5 million instructions";
    case FB_VM_TIME:
        return "stopped: it computed for more than 2 seconds";
    case FB_VM_STEPS:
        return "stopped: its string and table calls took more than 20 million steps";
    case FB_VM_CALLS:
        return "stopped: it made more than 5,000 calls";
    case FB_VM_ARGUMENTS:
        return "stopped: the arguments of its calls are too large";
    case FB_VM_DEADLINE:
        return "no time is left in this invocation; the next pass goes on";
    }
    return "";
}

int fb_vm_line(lua_State *L, char *file)
{
    enum { LEVELS_MAX = 32 };
    struct fb_vm *vm = fb_vm_of(L);
    lua_Debug ar;

    for (int level = 0; level < LEVELS_MAX && lua_getstack(L, level, &ar); level++) {
        if (!lua_getinfo(L, "Sl", &ar) || ar.currentline <= 0)
            continue;
        if (file)
            memcpy(file, ar.short_src, LUA_IDSIZE);
        return ar.currentline;
    }
    return fb_scheduler_line(vm->run, file);
}

int fb_vm_raise(lua_State *L, const char *fmt, ...)
{
    char file[LUA_IDSIZE] = "";
    int line = fb_vm_line(L, file);
    va_list args;

    if (line > 0)
        lua_pushfstring(L, "%s:%d: ", file, line);
    else
        lua_pushliteral(L, "");
    va_start(args, fmt);
    lua_pushvfstring(L, fmt, args);
    va_end(args);
    lua_concat(L, 2);
    return lua_error(L);
}

const char *fb_vm_error_text(struct fb_arena *a, lua_State *L, int index)
{
    enum { TEXT_MAX = 1000 };
    int type = lua_type(L, index);
    size_t len;
    const char *text;

    if (type != LUA_TSTRING)
        return fb_arena_fmt(a, "the playbook raised a %s instead of a text",
                            type == LUA_TNONE ? "nothing" : lua_typename(L, type));
    text = lua_tolstring(L, index, &len);
    return len ? fb_arena_strn(a, text, len < TEXT_MAX ? len : TEXT_MAX)
               : "the playbook raised an empty text";
}

bool fb_vm_enter(struct fb_vm *vm, lua_CFunction body, void *arg, struct fb_arena *a,
                 const char **why)
{
    lua_State *L = vm->L;
    int status;

    *why = "";
    lua_settop(L, 0);
    lua_pushcfunction(L, body);
    lua_pushlightuserdata(L, arg);
    fb_vm_slice_begin(vm);
    status = lua_pcall(L, 1, 0, 0);
    fb_vm_slice_end(vm);
    if (status == LUA_ERRMEM)
        fb_vm_kill(vm, FB_VM_MEMORY);
    if (vm->dead != FB_VM_ALIVE && vm->dead_line > 0)
        *why =
            fb_arena_fmt(a, "%s:%d: %s", vm->dead_file, vm->dead_line, fb_vm_death_words(vm->dead));
    else if (vm->dead != FB_VM_ALIVE)
        *why = fb_vm_death_words(vm->dead);
    else if (status != LUA_OK)
        *why = fb_vm_error_text(a, L, -1);
    return status == LUA_OK && vm->dead == FB_VM_ALIVE;
}

/* vm.h - one Lua state with ceilings: the wall inside the process. Of this room only.
 *
 * Everything that touches the state happens under fb_vm_enter, which is a lua_pcall: set-up too,
 * since even opening a library may run out of memory. Ceilings: memory (the allocator),
 * instructions and Lua's own time (a count hook), library steps (charged by every C function that
 * loops over what the script gives it), gate calls. Crossing one kills the state: from then on the
 * hook fires at every instruction, and pcall, the library and the gate raise again, so no script
 * can hold on to it. */
#ifndef FB_VM_H
#define FB_VM_H
#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

struct fb_arena;
struct fb_header;    /* header.h: while a file's header is read */
struct fb_scheduler; /* tasks.h: while a playbook runs */

enum {
    FB_VM_HOOK_STEP = 100,          /* instructions between two looks at the clock */
    FB_VM_STEPS_MAX = 20000000,     /* of string matching and library loops */
    FB_VM_STEPS_LOOK = 200000,      /* steps between two looks at the clock */
    FB_VM_LIB_STRING_MAX = 1 << 20, /* a string that a library call makes */
    FB_VM_RANGE_MAX = 100000,       /* entries that one table call walks */
    FB_VM_REFUSALS_MAX = 16         /* full collections that the memory ceiling may cost */
};

enum fb_vm_death {
    FB_VM_ALIVE,
    FB_VM_MEMORY,
    FB_VM_INSTRUCTIONS,
    FB_VM_TIME,
    FB_VM_STEPS,
    FB_VM_CALLS,
    FB_VM_ARGUMENTS, /* arguments of gate calls, all together, or the arena is full */
    FB_VM_DEADLINE   /* the invocation's time is over: nobody's fault */
};

struct fb_vm {
    lua_State *L; /* NULL: not open */
    size_t used_bytes, max_bytes;
    unsigned refusals;
    bool refused_last;
    uint64_t instructions, instructions_max;
    uint64_t steps, steps_looked;
    const struct fb_clock *clock;
    int64_t lua_ms;      /* of finished slices */
    int64_t slice_ms;    /* start of the running slice */
    bool running;        /* inside a slice: Lua's clock is ticking */
    int64_t deadline_ms; /* mono; 0 none */
    enum fb_vm_death dead;
    int dead_line; /* where it was noticed; 0 unknown */
    char dead_file[LUA_IDSIZE];
    struct fb_header *header; /* NULL while running */
    struct fb_scheduler *run; /* NULL while loading */
};

/* Opens an empty state. False when memory is short; *vm is safe to close all the same. The clock is
 * borrowed until close. */
bool fb_vm_open(struct fb_vm *vm, const struct fb_clock *clock, int64_t deadline_mono_ms);
void fb_vm_close(struct fb_vm *vm);

/* Calls body(L) protected, with `arg` as a light userdata at index 1. On failure *why (in the
 * arena) says what happened, with file and line where they are known; the error object's own code
 * is never run. */
bool fb_vm_enter(struct fb_vm *vm, lua_CFunction body, void *arg, struct fb_arena *a,
                 const char **why);

struct fb_vm *fb_vm_of(lua_State *L);

/* Time between the two is Lua's own; waiting for the gate lies outside. */
void fb_vm_slice_begin(struct fb_vm *vm);
void fb_vm_slice_end(struct fb_vm *vm);

/* Marks the state dead; the first reason stays. */
void fb_vm_kill(struct fb_vm *vm, enum fb_vm_death why);
/* Kills and raises. */
int fb_vm_die(lua_State *L, enum fb_vm_death why);
/* Raises when dead. */
void fb_vm_check(lua_State *L);
/* Spends steps; dies when they are used up. */
void fb_vm_charge(lua_State *L, size_t steps);
/* Raises an ordinary error when a library call would make a string of more than 1 MiB. */
void fb_vm_fits(lua_State *L, size_t bytes, const char *what);

/* Words for a death: "used up its memory (8 MiB)". */
const char *fb_vm_death_words(enum fb_vm_death why);

/* The playbook's line that is running (of this thread, else of the fb.each that started it); 0
 * unknown. file may be NULL; it is LUA_IDSIZE bytes. */
int fb_vm_line(lua_State *L, char *file);

/* Raises "file:line: text" where file and line are the playbook's. Formats as lua_pushfstring. */
int fb_vm_raise(lua_State *L, const char *fmt, ...);

/* The text of an error object without running code of its own; "" never. In the arena. */
const char *fb_vm_error_text(struct fb_arena *a, lua_State *L, int index);

#endif

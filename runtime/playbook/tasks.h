/* tasks.h - the scheduler: run(inc, fb) and the items of fb.each as Lua threads that the host
 * makes. Of this room only.
 *
 * Every gate call puts its task to sleep. All that are ready run, one after the other, until all
 * sleep; then every waiting ask goes to the gate as one batch, in the order in which the tasks were
 * made. The same playbook and the same answers give the same batches. */
#ifndef FB_TASKS_H
#define FB_TASKS_H
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "playbook/gate.h"
#include "playbook/host.h"

struct fb_arena;
struct fb_task;

struct fb_scheduler {
    struct fb_arena *arena;
    const struct fb_gate *gate;
    const struct fb_playbook_info *info;
    int64_t now_ms;
    size_t argument_bytes; /* of all calls so far */

    struct fb_task *first, *last;             /* alive, in the order made */
    struct fb_task *ready_first, *ready_last; /* to be resumed, in that order */
    struct fb_task *current;                  /* running now; NULL outside */

    size_t calls;                          /* gate calls that were started */
    size_t asks;                           /* handed to the gate */
    size_t statuses[FB_RESULT_FAILED + 1]; /* of verbs, by enum fb_result_status */
    bool retry;            /* something failed, or could not be read, or an item raised */
    const char *retry_why; /* the first of these; "" none */
    bool needs_person;     /* something was refused, or fb.escalate */
};

/* Calls the function below its arguments (n of them, on top of L) as the first task and serves it
 * and its children until it returns; its first result is on top then. Raises what it raised. */
void fb_tasks_run(lua_State *L, int n);

/* Puts the calling task to sleep until `ask` is answered; then `then` goes on with the same stack.
 * The ask's pointers must live in the arena. */
int fb_tasks_ask(lua_State *L, const struct fb_ask *ask, lua_KFunction then);
/* The answer to the calling task's last ask. Texts are never NULL. */
const struct fb_answer *fb_tasks_answer(lua_State *L);

/* fb.each(list, fn). */
int fb_tasks_each(lua_State *L);

/* Line and file (LUA_IDSIZE bytes, may be NULL) of the fb.each that made the running task; 0: none.
 */
int fb_scheduler_line(const struct fb_scheduler *s, char *file);

#endif

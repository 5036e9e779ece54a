/* fiber.h - an invocation that can stand still in the middle while others run: one stack each, one
 * thread for all, so that the order is the seed's. */
#ifndef FB_SIM_FIBER_H
#define FB_SIM_FIBER_H
#include <stdbool.h>

struct fiber;
struct fiber *fiber_new(void (*run)(void *self), void *self);
void fiber_free(struct fiber *f);
/* Begins (again) or goes on; returns when it yields or is over. True: it is not over. */
bool fiber_resume(struct fiber *f);
void fiber_yield(struct fiber *f); /* from inside */

#endif

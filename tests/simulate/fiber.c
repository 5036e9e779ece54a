/* fiber.c - fibers by ucontext; told to AddressSanitizer, which must know whose stack it sees. */
#include "simulate/fiber.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#if defined(__SANITIZE_ADDRESS__)
#define SIM_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SIM_ASAN 1
#endif
#endif

#ifdef SIM_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

enum { STACK_BYTES = 2 << 20 };

struct fiber {
    ucontext_t inside, outside;
    void (*run)(void *self);
    void *self;
    void *stack;
    bool running, over;
    const void *outer_stack;
    size_t outer_bytes;
    void *fake;
};

static void leave(struct fiber *f, bool for_good)
{
#ifdef SIM_ASAN
    __sanitizer_start_switch_fiber(for_good ? NULL : &f->fake, f->outer_stack, f->outer_bytes);
#else
    (void)for_good;
#endif
    swapcontext(&f->inside, &f->outside);
#ifdef SIM_ASAN
    __sanitizer_finish_switch_fiber(f->fake, &f->outer_stack, &f->outer_bytes);
#endif
}

/* makecontext hands over ints only. */
static void enter(unsigned high, unsigned low)
{
    struct fiber *f = (struct fiber *)(((unsigned long)high << 32) | (unsigned long)low);

#ifdef SIM_ASAN
    __sanitizer_finish_switch_fiber(NULL, &f->outer_stack, &f->outer_bytes);
#endif
    f->run(f->self);
    f->over = true;
    leave(f, true);
}

struct fiber *fiber_new(void (*run)(void *self), void *self)
{
    struct fiber *f = calloc(1, sizeof *f);

    if (!f)
        return NULL;
    f->run = run;
    f->self = self;
    f->stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (f->stack == MAP_FAILED) {
        free(f);
        return NULL;
    }
    return f;
}

void fiber_free(struct fiber *f)
{
    if (!f)
        return;
    munmap(f->stack, STACK_BYTES);
    free(f);
}

bool fiber_resume(struct fiber *f)
{
    if (!f->running) {
        unsigned long at = (unsigned long)f;

        getcontext(&f->inside);
        f->inside.uc_stack.ss_sp = f->stack;
        f->inside.uc_stack.ss_size = STACK_BYTES;
        f->inside.uc_link = NULL;
        f->over = false;
        f->running = true;
        makecontext(&f->inside, (void (*)(void))enter, 2, (unsigned)(at >> 32),
                    (unsigned)(at & 0xffffffffUL));
    }
    {
#ifdef SIM_ASAN
        void *fake = NULL;

        __sanitizer_start_switch_fiber(&fake, f->stack, STACK_BYTES);
#endif
        swapcontext(&f->outside, &f->inside);
#ifdef SIM_ASAN
        __sanitizer_finish_switch_fiber(fake, NULL, NULL);
#endif
    }
    if (f->over)
        f->running = false;
    return !f->over;
}

void fiber_yield(struct fiber *f) { leave(f, false); }

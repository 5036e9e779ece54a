/* signals.c - the signal table, and which function reads which row. */
#include "base/arena.h"
#include "score/signals_in.h"

#define DAYS(n)  ((n)*DAY_MS)
#define HOURS(n) ((n)*HOUR_MS)

enum mark { HARD = 1, SIGHT = 2, NOVEL = 4 };

static const struct fb_signal SIGNALS[] = {
#define FB_SIGNAL(id, group, weight, half_life, attack, state, kind, marks, source, words)         \
    {id,                                                                                           \
     group,                                                                                        \
     weight,                                                                                       \
     half_life,                                                                                    \
     attack,                                                                                       \
     state,                                                                                        \
     kind,                                                                                         \
     ((marks)&HARD) != 0,                                                                          \
     ((marks)&SIGHT) != 0,                                                                         \
     ((marks)&NOVEL) != 0,                                                                         \
     words},
#include "score/signals.def"
#undef FB_SIGNAL
};

enum { SIGNAL_COUNT = (int)(sizeof SIGNALS / sizeof SIGNALS[0]) };

_Static_assert((int)SIGNAL_COUNT <= (int)FB_TERMS_MAX, "a verdict holds every signal");

const struct fb_signal *fb_signals(size_t *count)
{
    *count = SIGNAL_COUNT;
    return SIGNALS;
}

static void read_latched(const struct reading *r, const struct fb_signal *s, int slot,
                         struct found *f)
{
    int64_t own = r->p->latch[slot];
    int64_t inherited = r->creator ? r->creator->latch[slot] : 0;

    if (own)
        fb_found_keep(r, s, f, 1, own);
    if (inherited && fb_found_keep(r, s, f, 1, inherited) && r->words)
        f->why = fb_arena_fmt(r->words, "who created it: %s", s->words);
}

/* What a limit or want of room stopped tells nearly as much. */
static const struct {
    enum duty duty, tried;
} TRIED[] = {
    {DUTY_COMPUTE, DUTY_COMPUTE_TRIED},
    {DUTY_GPU, DUTY_GPU_TRIED},
    {DUTY_OVERSIZE, DUTY_OVERSIZE_TRIED},
};

static const double TRIED_M = 0.7;

static void read_first(const struct reading *r, const struct fb_signal *s, int duty,
                       struct found *f)
{
    const struct seen *seen = &r->p->duties[duty];

    if (seen->last_ms && !known(r, seen))
        fb_found_keep(r, s, f, 1, seen->last_ms);
    for (size_t i = 0; i < sizeof TRIED / sizeof TRIED[0]; i++) {
        const struct seen *tried = &r->p->duties[TRIED[i].tried];

        if ((int)TRIED[i].duty == duty && tried->last_ms && !known(r, seen) &&
            fb_found_keep(r, s, f, TRIED_M, tried->last_ms) && r->words)
            f->why = fb_arena_fmt(r->words, "tried, and ran into a limit: %s", s->words);
    }
}

struct reader {
    void (*read)(const struct reading *r, const struct fb_signal *s, int arg, struct found *f);
    int arg;
};

static const struct reader READERS[] = {
#define LATCH(slot, trait)                                                                 read_latched, slot
#define FIRST(duty)                                                                        read_first, duty
#define READ(function)                                                                     function, 0
#define FB_SIGNAL(id, group, weight, half_life, attack, state, kind, marks, source, words) {source},
#include "score/signals.def"
#undef FB_SIGNAL
#undef READ
#undef FIRST
#undef LATCH
};

struct found fb_signal_read(const struct reading *r, size_t i)
{
    struct found f = {.m = 0, .decay = 1, .damp = 1, .young = r->young, .why = ""};

    READERS[i].read(r, &SIGNALS[i], READERS[i].arg, &f);
    if (!*f.why)
        f.why = SIGNALS[i].words;
    return f;
}

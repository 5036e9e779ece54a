/* crew.h - worker processes that share a list of jobs, and a progress line for whoever waits.
 *
 * Processes, not threads: workers share nothing but a board of counters, so that none can see, slow
 * or spoil another's memory; and playbooks run in child processes, which threads and fork do not
 * like. Workers end with their parent. */
#ifndef FB_CREW_H
#define FB_CREW_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { FB_WORKERS_MAX = 256 };

/* Shared by all; what workers add up is shown while they work. */
struct fb_board {
    _Atomic size_t next;         /* job */
    _Atomic uint64_t done, seen; /* units of fb_crew.all; records, for the rate */
    _Atomic bool stop;           /* somebody failed */
};

/* The next job; false when there is none, or somebody failed. */
bool fb_board_take(struct fb_board *board, size_t jobs, size_t *job);
void fb_board_add(struct fb_board *board, uint64_t done, uint64_t seen);

struct fb_crew {
    const char *what; /* "reading": before the bar */
    size_t workers;
    uint64_t all; /* units of work; 0 unknown */
    void *self;
    /* Runs in a process of its own; what it writes to memory is lost, but for shared memory. */
    enum fb_status (*work)(void *self, size_t worker, struct fb_board *board, struct fb_err *err);
};

/* Forks the workers and waits. The first failure is reported; the others stop at their next job.
 * Shows a bar, the rate and the time left while stderr is a terminal. */
enum fb_status fb_crew_run(const struct fb_crew *crew, struct fb_err *err);

/* Zeroed memory that workers and parent share; NULL: none. */
void *fb_shared_new(size_t bytes);
void fb_shared_free(void *at, size_t bytes);

/* --workers N; the number of processors when text is NULL. 0: not a number from 1 to
 * FB_WORKERS_MAX, and stderr says so. */
size_t fb_crew_size(const char *text);

/* One line of progress; *shown_ms and start_ms are the caller's. */
struct fb_meter {
    const char *what;
    uint64_t all;
    int64_t start_ms, shown_ms;
    bool tty;
};
void fb_meter_start(struct fb_meter *m, const char *what, uint64_t all);
void fb_meter_show(struct fb_meter *m, uint64_t done, uint64_t seen);
void fb_meter_end(const struct fb_meter *m); /* wipes the line */

#endif

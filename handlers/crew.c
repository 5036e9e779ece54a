/* crew.c - see crew.h. */
#include "crew.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

enum { SHOW_MS = 200, BAR = 24 };

bool fb_board_take(struct fb_board *board, size_t jobs, size_t *job)
{
    if (atomic_load(&board->stop))
        return false;
    *job = atomic_fetch_add(&board->next, 1);
    return *job < jobs;
}

void fb_board_add(struct fb_board *board, uint64_t done, uint64_t seen)
{
    atomic_fetch_add(&board->done, done);
    atomic_fetch_add(&board->seen, seen);
}

void *fb_shared_new(size_t bytes)
{
    void *at =
        mmap(NULL, bytes ? bytes : 1, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    return at == MAP_FAILED ? NULL : at;
}

void fb_shared_free(void *at, size_t bytes)
{
    if (at)
        (void)munmap(at, bytes ? bytes : 1);
}

size_t fb_crew_size(const char *text)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    char *end;

    if (!text)
        return n < 1 ? 1 : n > FB_WORKERS_MAX ? FB_WORKERS_MAX : (size_t)n;
    errno = 0;
    n = strtol(text, &end, 10);
    if (errno == 0 && *text && !*end && n >= 1 && n <= FB_WORKERS_MAX)
        return (size_t)n;
    fprintf(stderr, "firebreak: --workers %s: must be a number from 1 to %d\n", text,
            FB_WORKERS_MAX);
    return 0;
}

/* --- progress -----------------------------------------------------------------------------------
 */

static int64_t now_ms(void)
{
    struct fb_clock c = fb_clock_system();

    return fb_mono_ms(&c);
}

void fb_meter_start(struct fb_meter *m, const char *what, uint64_t all)
{
    *m = (struct fb_meter){.what = what, .all = all, .tty = isatty(STDERR_FILENO) == 1};
    m->start_ms = now_ms();
}

void fb_meter_show(struct fb_meter *m, uint64_t done, uint64_t seen)
{
    static const char full[] = "########################", none[] = "                        ";
    int64_t now = m->tty ? now_ms() : 0;
    double spent = (double)(now - m->start_ms) / 1000;
    double share = m->all ? (double)done / (double)m->all : 0;
    int bar;

    if (!m->tty || now - m->shown_ms < SHOW_MS || spent <= 0)
        return;
    m->shown_ms = now;
    share = share > 1 ? 1 : share;
    bar = (int)(share * BAR);
    fprintf(stderr, "\r\x1b[K%s [%.*s%.*s] %3.0f%%  %llu records, %.0f/s", m->what, bar, full,
            BAR - bar, none, share * 100, (unsigned long long)seen, (double)seen / spent);
    if (share > 0.01) {
        long left = (long)(spent * (1 - share) / share + 0.5);

        fprintf(stderr, ", %ld:%02ld left", left / 60, left % 60);
    }
}

void fb_meter_end(const struct fb_meter *m)
{
    if (m->tty)
        fputs("\r\x1b[K", stderr);
}

/* --- workers ------------------------------------------------------------------------------------
 */

struct shared {
    struct fb_board board;
    struct fb_err err[FB_WORKERS_MAX]; /* of each worker; code FB_OK: none */
};

static void run_worker(const struct fb_crew *crew, size_t number, struct shared *shared,
                       pid_t parent)
{
    struct fb_err err = {0};
    enum fb_status st;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1); /* it ended before we asked */
    st = crew->work(crew->self, number, &shared->board, &err);
    if (st != FB_OK) {
        err.code = st;
        shared->err[number] = err;
        atomic_store(&shared->board.stop, true);
    }
    _exit(st == FB_OK ? 0 : 1);
}

static enum fb_status ended(const struct shared *shared, size_t number, int how, struct fb_err *err)
{
    if (WIFEXITED(how) && WEXITSTATUS(how) == 0)
        return FB_OK;
    if (shared->err[number].code != FB_OK) {
        *err = shared->err[number];
        return err->code;
    }
    if (WIFSIGNALED(how))
        return fb_err_set(err, FB_EIO, "a worker was killed by signal %d%s", WTERMSIG(how),
                          WTERMSIG(how) == SIGKILL ? " (is memory short? try fewer --workers)"
                                                   : "");
    return fb_err_set(err, FB_EIO, "a worker ended without a word");
}

/* Waits for those that run; shows how far they are. */
static enum fb_status wait_all(const struct fb_crew *crew, pid_t *pids, struct shared *shared,
                               struct fb_err *err)
{
    const struct timespec nap = {.tv_nsec = 10 * 1000 * 1000};
    enum fb_status worst = FB_OK;
    struct fb_meter meter;
    size_t running = 1;

    fb_meter_start(&meter, crew->what, crew->all);
    while (running) {
        running = 0;
        for (size_t i = 0; i < crew->workers; i++) {
            int how;
            pid_t got = pids[i] > 0 ? waitpid(pids[i], &how, WNOHANG) : -1;

            running += pids[i] > 0 && got == 0;
            if (got <= 0)
                continue;
            pids[i] = 0;
            if (worst == FB_OK && (worst = ended(shared, i, how, err)) != FB_OK)
                atomic_store(&shared->board.stop, true);
        }
        fb_meter_show(&meter, atomic_load(&shared->board.done), atomic_load(&shared->board.seen));
        if (running)
            (void)nanosleep(&nap, NULL);
    }
    fb_meter_end(&meter);
    return worst;
}

enum fb_status fb_crew_run(const struct fb_crew *crew, struct fb_err *err)
{
    struct shared *shared = fb_shared_new(sizeof *shared);
    pid_t pids[FB_WORKERS_MAX] = {0}, parent = getpid();
    enum fb_status st = FB_OK, waited;
    struct fb_err ignored = {0};

    if (!shared)
        return fb_err_set(err, FB_ELIMIT, "memory is short");
    (void)fflush(NULL);
    for (size_t i = 0; i < crew->workers && st == FB_OK; i++) {
        pids[i] = fork();
        if (pids[i] == 0)
            run_worker(crew, i, shared, parent);
        if (pids[i] < 0) {
            st = fb_err_set(err, FB_EIO, "start a worker: %s", strerror(errno));
            atomic_store(&shared->board.stop, true);
        }
    }
    waited = wait_all(crew, pids, shared, st == FB_OK ? err : &ignored);
    fb_shared_free(shared, sizeof *shared);
    return st != FB_OK ? st : waited;
}

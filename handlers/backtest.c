/* backtest.c - `firebreak backtest`: what would have been contained, whom it would have hurt, at
 * which threshold.
 *
 * A log of any size goes through in constant memory and on all processors, in two passes:
 *   1. history.c: files are read in parallel, each event put aside in sorted runs on disk;
 *   2. backtest_score.c: islands of accounts are scored in parallel, each in order by one worker;
 *      backtest_who.c remembers what each identity does, backtest_story.c tells it;
 *   3. backtest_report.c: their results are joined in name order, and backtest_text.c (for a
 * person) or backtest_sheet.c (for programs) prints them. The output is the same bytes with any
 * number of workers: the order of events within an island is total, nothing that a verdict depends
 * on crosses islands, and results are sorted by what they say. The price is a temporary file of
 * about a third of the log's unpacked size (TMPDIR). */
#include "backtest.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"

struct backtest {
    struct fb_history history;
    struct fb_config config;
    int *fds; /* results of each worker */
    struct fb_bt_result *results;
    size_t workers;
    bool whole;
};

static enum fb_status run(struct backtest *b, const struct fb_options *o, enum fb_form form,
                          struct fb_err *err)
{
    enum fb_status st =
        fb_history_read(&b->history, o->args, o->arg_count, b->workers, &b->whole, err);
    size_t n = b->history.island_count;
    bool nothing = !b->whole && b->history.file_count == 0; /* said already: no report */

    b->fds = malloc(b->workers * sizeof *b->fds);
    b->results = fb_shared_new(n * sizeof *b->results);
    if (st == FB_OK && (!b->fds || !b->results))
        st = fb_err_set(err, FB_ELIMIT, "memory is short");
    for (size_t i = 0; i < b->workers && b->fds; i++)
        b->fds[i] = st == FB_OK ? fb_spill_file() : -1;
    for (size_t i = 0; i < b->workers && st == FB_OK; i++) {
        if (b->fds[i] < 0)
            st = fb_err_set(err, FB_EIO,
                            "cannot make a temporary file (TMPDIR names another "
                            "place)");
    }
    if (st == FB_OK && !nothing)
        st = fb_bt_score(&b->history, &b->config, b->fds, b->results, err);
    if (st == FB_OK && !nothing &&
        !fb_bt_report(stdout, form, &b->history, &b->config, b->fds, b->results))
        st = fb_err_set(err, FB_EIO, "the report could not be written");
    for (size_t i = 0; i < b->workers && b->fds; i++) {
        if (b->fds[i] >= 0)
            (void)close(b->fds[i]);
    }
    free(b->fds);
    fb_shared_free(b->results, n * sizeof *b->results);
    return st;
}

/* Configuration and playbooks are read here once, so that what is wrong with them is said once. */
static bool check_set_up(struct backtest *b, struct fb_arena *arena, const struct fb_options *o)
{
    struct fb_options fixed = *o;
    struct fb_runtime rt;

    fixed.mode = "dry-run";
    fixed.state = "memory:";
    if (!fb_door_open(&rt, arena, &fixed, false, false))
        return false;
    b->config = *rt.config;
    fb_runtime_close(&rt);
    return true;
}

int fb_door_backtest(const struct fb_options *o)
{
    struct backtest b = {.whole = true};
    struct fb_arena *arena = fb_arena_new(4u << 20);
    int status = FB_EXIT_USAGE;
    struct fb_err err = {0};

    b.workers = fb_crew_size(o->workers);
    if (b.workers && arena && check_set_up(&b, arena, o)) {
        if (run(&b, o, fb_form_of(o), &err) != FB_OK)
            fb_door_say(err.text);
        else
            status = !b.whole                        ? FB_EXIT_USAGE
                     : b.history.counts.rejected > 0 ? FB_EXIT_REJECTED
                                                     : FB_EXIT_DONE;
        fb_history_release(&b.history);
    }
    fb_arena_free(arena);
    return status;
}

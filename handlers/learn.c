/* learn.c - `firebreak learn`: past logs teach the live store what is normal, so that the learning
 * period is minutes. No verdict, no incident, no playbook.
 *
 * Files are read in parallel (history.c); then each island's events are walked twice in order: once
 * for who made which credential, once for all the rest, so that a session whose AssumeRole was
 * logged late is its maker's from the start. What is learned is a lattice (score/profile.h): the
 * same log again changes nothing, and live events may be learned from at the same time. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "doors.h"
#include "history.h"

struct learn {
    struct fb_runtime rt;
    struct fb_arena *arena;
    struct fb_history history;
    struct fb_meter meter;
    uint64_t walked, learned;
};

static enum fb_status walk_island(struct learn *l, const struct fb_island *island, bool edges_only,
                                  struct fb_err *err)
{
    struct fb_delivery d = {.trusted = true,
                            .own_account = "",
                            .log_time = true,
                            .learn = true,
                            .learn_edges = edges_only,
                            .unique = true};
    struct fb_merge *m = fb_history_open(&l->history, island, err);
    enum fb_status st = m ? FB_OK : FB_EIO;
    struct fb_decision out;
    struct fb_event ev;

    while (st == FB_OK) {
        fb_arena_reset(l->arena);
        st = fb_merge_next(m, l->arena, &ev, err);
        if (st == FB_OK)
            st = fb_pipeline_event(&l->rt, l->arena, &ev, &d, &out, err);
        if (st == FB_OK) {
            l->learned += !edges_only;
            fb_meter_show(&l->meter, ++l->walked, l->learned);
        }
    }
    fb_merge_free(m);
    return st == FB_ENOTFOUND ? FB_OK : st;
}

static enum fb_status learn_all(struct learn *l, struct fb_err *err)
{
    enum fb_status st = FB_OK;

    fb_meter_start(&l->meter, "learning", 2 * l->history.counts.kept);
    for (size_t i = 0; i < l->history.island_count && st == FB_OK; i++) {
        st = walk_island(l, &l->history.islands[i], true, err);
        if (st == FB_OK)
            st = walk_island(l, &l->history.islands[i], false, err);
        (void)fb_err_ctx(err, st, "account %s", l->history.islands[i].name);
    }
    fb_meter_end(&l->meter);
    return st;
}

static int finish(const struct learn *l, bool whole)
{
    const struct fb_history_counts *c = &l->history.counts;

    fprintf(stderr,
            "firebreak: learned from %llu events in %zu account groups; %llu of no known kind, "
            "%llu without a time, %llu rejected\n",
            (unsigned long long)l->learned, l->history.island_count, (unsigned long long)c->unknown,
            (unsigned long long)c->timeless, (unsigned long long)c->rejected);
    return !whole ? FB_EXIT_USAGE : c->rejected ? FB_EXIT_REJECTED : FB_EXIT_DONE;
}

int fb_door_learn(const struct fb_options *o)
{
    struct fb_options fixed = *o;
    struct learn *l = calloc(1, sizeof *l);
    struct fb_arena *arena = fb_arena_new(4u << 20);
    size_t workers = fb_crew_size(o->workers);
    int status = FB_EXIT_USAGE;
    struct fb_err err = {0};
    bool whole = true;

    fixed.mode = "dry-run";
    if (l)
        l->arena = fb_arena_new(FB_INVOCATION_BYTES_MAX);
    if (l && l->arena && arena && workers && fb_door_open(&l->rt, arena, &fixed, false, false) &&
        fb_door_needs_store(&l->rt, "learn")) {
        if (fb_history_read(&l->history, o->args, o->arg_count, workers, &whole, &err) == FB_OK &&
            learn_all(l, &err) == FB_OK)
            status = finish(l, whole);
        else
            fb_door_say(err.text);
        fb_history_release(&l->history);
    }
    if (l) {
        fb_runtime_close(&l->rt);
        fb_arena_free(l->arena);
    }
    fb_arena_free(arena);
    free(l);
    return status;
}

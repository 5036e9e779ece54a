/* host.h - Lua playbooks: loaded, matched, run in passes, bounded.
 *
 * A playbook is `return playbook { name=, api=1, on={cloud,kinds,score}, mode=, needs=, limits=,
 * run=function(inc, fb) ... end }` (API level 1, playbooks/README.md). Its world is `inc` (plain
 * values) and `fb` (the gate). Ceilings: memory, instructions, wall time, gate calls; an abort
 * cannot be caught by the playbook. Values that reach Lua are data; text from events is never
 * compiled. */
#ifndef FB_HOST_H
#define FB_HOST_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/val.h"
#include "playbook/gate.h"

struct fb_arena;
struct fb_playbooks; /* opaque: a set of loaded playbooks */

enum {
    FB_PLAYBOOK_SOURCE_MAX = 128 << 10,
    FB_PLAYBOOK_MEMORY_MAX = 8 << 20,
    FB_PLAYBOOK_INSTRUCTIONS_MAX = 5000000,
    FB_PLAYBOOK_CALLS_MAX = 5000,  /* gate calls a pass */
    FB_PLAYBOOK_LUA_MS_MAX = 2000, /* Lua's own time; waiting for the gate is free */
    FB_PLAYBOOK_IN_FLIGHT = 64     /* items of one fb.each at a time */
};

enum fb_ceiling { FB_CEILING_DRY_RUN, FB_CEILING_APPROVE, FB_CEILING_ENFORCE };

/* A playbook's header, readable without running it. */
struct fb_playbook_info {
    const char *name, *source; /* source: file as given, or "built-in" */
    int64_t version;
    const char *cloud;        /* "aws" "gcp" "any" */
    const char *const *kinds; /* NULL-terminated; empty: any kind */
    double score_low, score_high;
    enum fb_ceiling mode;
    const char *const *needs;                  /* NULL-terminated */
    int64_t limit_identities, limit_resources; /* -1: none named */
};

/* A set; the built-in playbooks are in it from the start. */
struct fb_playbooks *fb_playbooks_new(struct fb_err *err);
void fb_playbooks_free(struct fb_playbooks *p);

/* Loads one source text (bytecode is refused). Same name replaces. FB_EINPUT with "file:line: what
 * is wrong and what to write". */
enum fb_status fb_playbooks_add(struct fb_playbooks *p, const char *source_name, const char *text,
                                size_t len, struct fb_err *err);
/* Every *.lua of a folder but *.test.lua, in name order; the first broken one is the error, the
 * others are loaded all the same. */
enum fb_status fb_playbooks_add_dir(struct fb_playbooks *p, const char *dir, struct fb_err *err);

size_t fb_playbooks_count(const struct fb_playbooks *p);
const struct fb_playbook_info *fb_playbooks_info(const struct fb_playbooks *p,
                                                 size_t i); /* name order */

/* Whether playbook i is for an incident of this cloud, these kinds and this score. */
bool fb_playbooks_match(const struct fb_playbooks *p, size_t i, const char *cloud,
                        const char *const *kinds, size_t kind_count, double score);

enum fb_outcome_kind {                      /* in the order that wins */
                       FB_RUN_RETRY,        /* something failed or could not be read: run again */
                       FB_RUN_WAITING,      /* for a person's answer */
                       FB_RUN_NEEDS_PERSON, /* something was refused, or a person was asked for */
                       FB_RUN_CONTAINED,    /* nothing left to ask for */
                       FB_RUN_CLOSED        /* the playbook says: nothing to do */
};
const char *
fb_run_name(enum fb_outcome_kind k); /* "retry" "waiting" "needs_person" "contained" "closed" */

struct fb_run {
    enum fb_outcome_kind outcome;
    const char *why; /* of close, the first reason of a retry, or the error of a broken run; "" */
    bool broken;     /* the playbook raised or hit a ceiling: outcome is retry */
    size_t asks;     /* gate calls made */
    size_t done, planned, pending, already, refused, failed; /* verbs by status */
};

/* Runs playbook i once, from the top, in a fresh state. `inc` is a map
 * (playbooks/meta/playbook.lua), now_ms is what fb.now() gives. The deadline is mono time for the
 * whole run (0 none). Never raises, never returns before the state is gone. Strings of *out live in
 * a. */
void fb_playbooks_run(const struct fb_playbooks *p, size_t i, struct fb_arena *a,
                      const struct fb_val *inc, int64_t now_ms, const struct fb_gate *gate,
                      const struct fb_clock *clock, int64_t deadline_mono_ms, struct fb_run *out);

#endif

/* replay.c - `firebreak replay`: recorded events take the very road that live events take. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/text.h"
#include "doors.h"

struct replay {
    struct fb_runtime rt;
    struct fb_arena *arena; /* one record's */
    struct fb_buf line;
    FILE *dead_letters;
    bool json, enforce, tty;
    size_t records, rejected, alerts, contains, problems, not_done, letters_lost;
    int64_t shown_ms;
};

static void tally(struct replay *rp, const struct fb_decision *d)
{
    rp->records++;
    rp->alerts += d->verdict.level == FB_ALERT;
    rp->contains += d->verdict.level == FB_CONTAIN;
    rp->problems += *d->problem != '\0';
    if (!d->enforce)
        return;
    for (size_t i = 0; i < d->action_count; i++)
        rp->not_done +=
            d->actions[i].status == FB_RESULT_PENDING || d->actions[i].status == FB_RESULT_FAILED;
}

static enum fb_status on_record(void *self, const struct fb_record *r, struct fb_err *err)
{
    struct replay *rp = self;
    struct fb_delivery d = {.received_ms = fb_wall_ms(&rp->rt.clock),
                            .trusted = true,
                            .own_account = "",
                            .log_time = !rp->enforce};
    struct fb_decision decision;
    enum fb_status st = fb_pipeline_record(&rp->rt, rp->arena, r, &d, &decision, err);

    if (st != FB_OK)
        return st;
    tally(rp, &decision);
    fb_buf_reset(&rp->line);
    if (rp->json) {
        fb_decision_write(&rp->line, rp->arena, &decision);
        fb_buf_addc(&rp->line, '\n');
    } else {
        fb_decision_text(&rp->line, &decision);
    }
    if (fwrite(rp->line.at, 1, rp->line.len, stdout) != rp->line.len)
        return fb_err_set(err, FB_EIO, "cannot write decisions: %s", strerror(errno));
    return FB_OK;
}

static void on_reject(void *self, const struct fb_reject *r)
{
    struct replay *rp = self;

    rp->rejected++;
    fb_door_say_reject(r);
    if (rp->dead_letters && !fb_door_dead_letter(rp->dead_letters, r))
        rp->letters_lost++;
}

static void on_progress(void *self, const char *source, uint64_t done, uint64_t all)
{
    struct replay *rp = self;
    int64_t now = fb_mono_ms(&rp->rt.clock);

    if (!rp->tty || now - rp->shown_ms < 200)
        return;
    rp->shown_ms = now;
    fb_buf_reset(&rp->line);
    fb_buf_add_plain(&rp->line, source, 60);
    fprintf(stderr, "\r\x1b[Kreplay: %zu records, %s %d%%", rp->records, rp->line.at,
            all ? (int)(done * 100 / all) : 0);
}

static bool walk_all(struct replay *rp, const struct fb_options *o)
{
    struct fb_sink sink = {rp, on_record, on_reject, on_progress};
    bool whole = true;

    for (int i = 0; i < o->arg_count && !ferror(stdout); i++) {
        struct fb_err err = {0};

        if (fb_ingest_path(rp->arena, o->args[i], &sink, &err) == FB_OK)
            continue;
        if (rp->tty)
            fputs("\r\x1b[K", stderr);
        fb_door_say(err.text);
        whole = false;
    }
    if (rp->tty)
        fputs("\r\x1b[K", stderr);
    return whole;
}

struct standing {
    size_t open, needs_person;
};

static bool count_standing(void *self, struct fb_incident *inc)
{
    struct standing *s = self;

    s->open += inc->state == FB_INC_OPEN;
    s->needs_person += inc->state == FB_INC_NEEDS_PERSON;
    return true;
}

static int finish(struct replay *rp, bool whole)
{
    struct standing s = {0, 0};
    struct fb_arena *a = fb_arena_new(FB_INVOCATION_BYTES_MAX);

    if (a)
        (void)fb_incidents_each(rp->rt.store, a, count_standing, &s, NULL);
    fb_arena_free(a);
    fprintf(stderr, "firebreak: %zu records: %zu alert, %zu contain; %zu rejected%s\n", rp->records,
            rp->alerts, rp->contains, rp->rejected,
            rp->enforce ? "" : "; dry-run: nothing was done");
    if (!whole || rp->rt.playbooks_unloaded)
        return FB_EXIT_USAGE;
    if (rp->rejected)
        return FB_EXIT_REJECTED;
    return rp->problems || rp->rt.playbooks_failed ||
                   (rp->enforce && (rp->not_done || s.open || s.needs_person))
               ? FB_EXIT_NO
               : FB_EXIT_DONE;
}

int fb_door_replay(const struct fb_options *o)
{
    struct fb_options fixed = *o;
    struct replay rp = {.json = o->json, .tty = isatty(STDERR_FILENO) == 1};
    struct fb_arena *arena = fb_arena_new(4u << 20);
    int status = FB_EXIT_USAGE;

    rp.enforce =
        o->mode && strcmp(o->mode, "enforce") == 0; /* the command line alone counts here */
    fixed.mode = o->mode ? o->mode : "dry-run";
    rp.arena = fb_arena_new(FB_INVOCATION_BYTES_MAX);
    fb_buf_init(&rp.line, 16u << 20);
    if (o->dead_letters && !(rp.dead_letters = fopen(o->dead_letters, "ae")))
        fprintf(stderr, "firebreak: --dead-letters %s: %s\n", o->dead_letters, strerror(errno));
    else if (arena && rp.arena && fb_door_open(&rp.rt, arena, &fixed, rp.enforce, rp.enforce))
        status = finish(&rp, walk_all(&rp, o));
    if (rp.dead_letters && (fclose(rp.dead_letters) != 0 || rp.letters_lost)) {
        fprintf(stderr, "firebreak: --dead-letters %s: not all could be written: %s\n",
                o->dead_letters, strerror(errno));
        status = FB_EXIT_USAGE;
    }
    fb_buf_release(&rp.line);
    fb_runtime_close(&rp.rt);
    fb_arena_free(rp.arena);
    fb_arena_free(arena);
    return status;
}

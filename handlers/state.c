/* state.c - the commands over what the store keeps: incidents, tick, ledger. */
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/text.h"
#include "contain/ledger.h"
#include "doors.h"

struct listing {
    struct fb_runtime *rt;
    struct fb_arena *arena;
    const char *only;
    bool json;
    size_t shown, not_done;
};

static bool show(void *self, struct fb_incident *inc)
{
    struct listing *l = self;
    const struct fb_action *actions = NULL;
    size_t n = 0;
    struct fb_buf text, record;

    if (l->only && strcmp(l->only, inc->id) != 0)
        return true;
    (void)fb_actions_list(l->rt->store, l->arena, inc->id, &actions, &n, NULL);
    fb_buf_init(&text, 4u << 20);
    if (l->json) {
        fb_buf_init(&record, FB_VALUE_BYTES_MAX);
        fb_incident_write(&record, inc);
        fb_json_open(&text, NULL, '{');
        fb_json_put_raw(&text, "incident", record.at);
        fb_actions_write(&text, "actions", actions, n);
        fb_json_close(&text, '}');
        fb_buf_release(&record);
    } else {
        fb_incident_text(&text, l->arena, inc, actions, n);
    }
    fb_buf_addc(&text, '\n');
    (void)fwrite(text.at, 1, text.len, stdout);
    fb_buf_release(&text);
    l->shown++;
    return true;
}

int fb_door_incidents(const struct fb_options *o)
{
    struct fb_arena *arena = fb_arena_new(4u << 20), *work = fb_arena_new(FB_INVOCATION_BYTES_MAX);
    struct fb_runtime rt = {0};
    struct listing l = {&rt, work, o->arg_count ? o->args[0] : NULL, o->json, 0, 0};
    struct fb_err err = {0};
    int status = FB_EXIT_USAGE;

    if (arena && work && fb_door_open_kept(&rt, arena, o, false, false, "incidents")) {
        if (fb_incidents_each(rt.store, work, show, &l, &err) != FB_OK)
            fb_door_say(err.text);
        else if (l.only && l.shown == 0)
            fprintf(stderr, "firebreak: no incident %s in this store\n", l.only);
        else
            status = FB_EXIT_DONE;
        if (status == FB_EXIT_DONE && l.shown == 0)
            fputs("firebreak: no incidents\n", stderr);
    }
    fb_runtime_close(&rt);
    fb_arena_free(work);
    fb_arena_free(arena);
    return status;
}

int fb_door_tick(const struct fb_options *o)
{
    struct fb_arena *arena = fb_arena_new(4u << 20), *work = fb_arena_new(FB_INVOCATION_BYTES_MAX);
    struct fb_runtime rt = {0};
    struct fb_delivery d = {.trusted = true, .own_account = ""};
    struct fb_tick tick;
    struct fb_err err = {0};
    int status = FB_EXIT_USAGE;

    if (arena && work && fb_door_open_kept(&rt, arena, o, true, true, "tick")) {
        enum fb_status st = fb_pipeline_tick(&rt, work, &d, &tick, &err);

        if (o->json)
            printf("{\"incidents\":%zu,\"worked\":%zu,\"open\":%zu,\"settling\":%zu,"
                   "\"needs_person\":%zu}\n",
                   tick.seen, tick.worked, tick.open, tick.settling, tick.needs_person);
        else
            printf("%zu incidents, %zu worked: %zu still open, %zu await a second quiet pass, "
                   "%zu need a person\n",
                   tick.seen, tick.worked, tick.open, tick.settling, tick.needs_person);
        if (st != FB_OK)
            fb_door_say(err.text);
        status = st != FB_OK || tick.open || tick.needs_person ? FB_EXIT_NO : FB_EXIT_DONE;
    }
    fb_runtime_close(&rt);
    fb_arena_free(work);
    fb_arena_free(arena);
    return status;
}

int fb_door_ledger(const struct fb_options *o)
{
    struct fb_arena *arena = fb_arena_new(4u << 20), *work = fb_arena_new(FB_INVOCATION_BYTES_MAX);
    struct fb_runtime rt = {0};
    struct fb_ledger_report report = {0};
    struct fb_err err = {0};
    int status = FB_EXIT_USAGE;

    if (strcmp(o->args[0], "verify") != 0) {
        fprintf(
            stderr,
            "firebreak ledger: no \"%s\"; firebreak ledger verify proves the audit trail whole\n",
            o->args[0]);
    } else if (arena && work && fb_door_open_kept(&rt, arena, o, false, false, "ledger verify")) {
        if (fb_ledger_verify(rt.store, work, &report, &err) != FB_OK) {
            fb_door_say(err.text);
            status = FB_EXIT_NO;
        } else if (report.first_bad) {
            printf("ledger BROKEN at line %llu: %s (%llu lines before it are whole)\n",
                   (unsigned long long)report.first_bad, report.why,
                   (unsigned long long)report.lines);
            status = FB_EXIT_NO;
        } else {
            printf("ledger whole: %llu lines\n", (unsigned long long)report.lines);
            status = FB_EXIT_DONE;
        }
    }
    fb_runtime_close(&rt);
    fb_arena_free(work);
    fb_arena_free(arena);
    return status;
}

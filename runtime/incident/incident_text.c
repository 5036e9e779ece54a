/* incident_text.c - an incident as a person reads it in a terminal at 3 a.m. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "incident/incident.h"

static void line(struct fb_buf *to, const char *label, const char *text)
{
    fb_buf_fmt(to, "  %-9s ", label);
    fb_buf_add_plain(to, text, 300);
    fb_buf_addc(to, '\n');
}

static void list_actions(struct fb_buf *to, struct fb_arena *a, const char *label,
                         const struct fb_action *actions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct fb_action *x = &actions[i];

        line(to, i == 0 ? label : "",
             fb_arena_fmt(a, "%-8s %s %s%s%s%s%s", fb_result_name(x->status), x->verb, x->target,
                          *x->region ? " in " : "", x->region, *x->why ? "  - " : "", x->why));
    }
}

void fb_incident_text(struct fb_buf *to, struct fb_arena *a, const struct fb_incident *inc,
                      const struct fb_action *actions, size_t count)
{
    char when[FB_TIME_MAX], until[FB_TIME_MAX];

    fb_buf_fmt(to, "%s  %s  score %.1f  ", inc->id, fb_incident_state_name(inc->state), inc->peak);
    fb_buf_add_plain(to, inc->root, 200);
    fb_buf_addc(to, '\n');
    line(to, "seen",
         fb_arena_fmt(a, "%s to %s", fb_time_iso(inc->first_ms, when),
                      fb_time_iso(inc->last_ms, until)));
    if (inc->usd_per_hour > 0)
        line(to, "spending",
             fb_arena_fmt(a, "about %.2f USD an hour started in 60 minutes", inc->usd_per_hour));
    if (*inc->why)
        line(to, "state", inc->why);
    for (size_t i = 0; i < inc->hop_count; i++)
        line(to, i == 0 ? "root" : "then", inc->hops[i].identity);
    for (size_t i = 0; i < inc->reason_count && i < 8; i++)
        line(to, i == 0 ? "because" : "",
             fb_arena_fmt(a, "%s: %s", inc->reasons[i].signal, inc->reasons[i].why));
    list_actions(to, a, "actions", actions, count);
    list_actions(to, a, "would do", inc->plan, inc->plan_count);
    if (inc->plan_more)
        line(to, "", fb_arena_fmt(a, "and %zu more", inc->plan_more));
    for (size_t i = 0; i < inc->note_count; i++)
        line(to, inc->notes[i].kind, inc->notes[i].text);
}

/* incident_text.c - an incident as a person reads it in a terminal at 3 a.m.: what state it is in
 * and what that means, who, since when, how much, why, then what was done, what is left first. */
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "incident/incident.h"

enum { COLUMNS = 100, INDENT = 12, TEXT_MAX = 600, REASONS_SHOWN = 8 };

/* How many bytes of p go on one line: up to the last space that fits, or one long word whole. */
static size_t line_len(const char *p)
{
    const size_t room = COLUMNS - INDENT;
    size_t n = strlen(p);

    if (n <= room)
        return n;
    for (n = room; n > 0 && p[n] != ' '; n--) {
    }
    return n ? n : strcspn(p, " ");
}

static void line(struct fb_buf *to, struct fb_arena *a, const char *label, const char *text)
{
    struct fb_buf plain;
    const char *p;

    fb_buf_init_in(&plain, a, TEXT_MAX + 8);
    fb_buf_add_plain(&plain, text, TEXT_MAX);
    p = plain.at;
    do {
        size_t n = line_len(p);

        fb_buf_fmt(to, "  %-9s ", label);
        fb_buf_addn(to, p, n);
        fb_buf_addc(to, '\n');
        label = "";
        p += n;
        p += strspn(p, " ");
    } while (*p);
}

static const char *state_words(enum fb_incident_state s)
{
    switch (s) {
    case FB_INC_WATCHING:
        return "below the level that contains: nothing is done, a person should look";
    case FB_INC_OPEN:
        return "work is left: the next event or tick goes on with it";
    case FB_INC_SETTLING:
        return "all that was asked for is done; called contained after a second quiet look at the "
               "account";
    case FB_INC_PLANNED:
        return "dry-run: nothing was done; what would be done stands below";
    case FB_INC_NEEDS_PERSON:
        return "a person must act: Firebreak could not, or may not, do all of it";
    case FB_INC_CONTAINED:
        return "all is done, and two looks at the account found nothing new";
    case FB_INC_CLOSED:
        break;
    }
    return "nothing more is done here";
}

/* What is left comes before what is done. */
static const struct {
    enum fb_result_status status;
    const char *label;
} GROUPS[] = {{FB_RESULT_FAILED, "failed"},   {FB_RESULT_PENDING, "pending"},
              {FB_RESULT_REFUSED, "refused"}, {FB_RESULT_DONE, "done"},
              {FB_RESULT_ALREADY, "was so"},  {FB_RESULT_PLANNED, "would do"}};

static void list_actions(struct fb_buf *to, struct fb_arena *a, const struct fb_action *actions,
                         size_t count)
{
    for (size_t g = 0; g < sizeof GROUPS / sizeof *GROUPS; g++) {
        const char *label = GROUPS[g].label;

        for (size_t i = 0; i < count; i++) {
            const struct fb_action *x = &actions[i];
            /* Of a planned action the reason is always the mode, and the state says that. */
            bool why = *x->why && x->status != FB_RESULT_PLANNED;

            if (x->status != GROUPS[g].status)
                continue;
            line(to, a, label,
                 fb_arena_fmt(a, "%s %s%s%s%s%s", x->verb, x->target, *x->region ? " in " : "",
                              x->region, why ? "  - " : "", why ? x->why : ""));
            label = "";
        }
    }
}

static void count_actions(struct fb_buf *to, struct fb_arena *a, const struct fb_action *actions,
                          size_t count)
{
    const char *words = "";

    for (size_t g = 0; g < sizeof GROUPS / sizeof *GROUPS; g++) {
        size_t n = 0;

        for (size_t i = 0; i < count; i++)
            n += actions[i].status == GROUPS[g].status;
        if (n)
            words = fb_arena_fmt(a, "%s%s%zu %s", words, *words ? ", " : "", n,
                                 fb_result_name(GROUPS[g].status));
    }
    if (*words)
        line(to, a, "actions", words);
}

static void who_and_why(struct fb_buf *to, struct fb_arena *a, const struct fb_incident *inc)
{
    for (size_t i = 0; i < inc->hop_count && inc->hop_count > 1; i++)
        line(to, a, i == 0 ? "chain" : "", inc->hops[i].identity);
    if (inc->actor.credential && *inc->actor.credential)
        line(to, a, "key", inc->actor.credential);
    if (inc->usd_per_hour > 0)
        line(to, a, "cost",
             fb_arena_fmt(a, "machines for about %.2f USD an hour were started within 60 minutes",
                          inc->usd_per_hour));
    for (size_t i = 0; i < inc->reason_count && i < REASONS_SHOWN; i++)
        line(to, a, i == 0 ? "because" : "",
             fb_arena_fmt(a, "%s: %s", inc->reasons[i].signal, inc->reasons[i].why));
    if (inc->reason_count > REASONS_SHOWN)
        line(to, a, "", fb_arena_fmt(a, "and %zu weaker", inc->reason_count - REASONS_SHOWN));
}

void fb_incident_text(struct fb_buf *to, struct fb_arena *a, const struct fb_incident *inc,
                      const struct fb_action *actions, size_t count)
{
    char when[FB_TIME_MAX], until[FB_TIME_MAX];

    fb_buf_fmt(to, "%s  %s  score %.1f  ", inc->id, fb_incident_state_name(inc->state), inc->peak);
    fb_buf_add_plain(to, inc->root, 200);
    fb_buf_addc(to, '\n');
    line(to, a, "state",
         fb_arena_fmt(a, "%s%s%s", state_words(inc->state), *inc->why ? "; " : "", inc->why));
    line(to, a, "seen",
         fb_arena_fmt(a, "%.19sZ to %.19sZ", fb_time_iso(inc->first_ms, when),
                      fb_time_iso(inc->last_ms, until)));
    who_and_why(to, a, inc);
    count_actions(to, a, actions, count);
    list_actions(to, a, actions, count);
    list_actions(to, a, inc->plan, inc->plan_count);
    if (inc->plan_more)
        line(to, a, "", fb_arena_fmt(a, "and %zu more", inc->plan_more));
    for (size_t i = 0; i < inc->note_count; i++)
        line(to, a, inc->notes[i].kind, inc->notes[i].text);
}

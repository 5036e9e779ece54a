/* decision.c - the decision line: JSON for machines, a sentence for people. */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "pipeline.h"

const char *fb_principal_text(const struct fb_event *ev)
{
    const char *const in_order[] = {ev->who.arn,        ev->who.id,   ev->who.credential,
                                    ev->who.invoked_by, ev->who.name, ev->who.account};

    for (size_t i = 0; i < sizeof in_order / sizeof *in_order; i++) {
        if (*in_order[i])
            return in_order[i];
    }
    return "";
}

static const char *outcome_name(enum fb_outcome o)
{
    return o == FB_OUTCOME_OK ? "ok" : o == FB_OUTCOME_DENIED ? "denied" : "failed";
}

static void write_event(struct fb_buf *to, const struct fb_event *ev)
{
    char when[FB_TIME_MAX];

    fb_json_put_str(to, "event_id", ev->id);
    fb_json_put_str(to, "time", fb_time_iso(ev->time_ms, when));
    if (ev->time_guessed)
        fb_json_put_bool(to, "time_guessed", true);
    fb_json_put_str(to, "provider",
                    ev->provider == FB_AWS   ? "aws"
                    : ev->provider == FB_GCP ? "gcp"
                                             : "unknown");
    fb_json_put_str(to, "account", ev->account);
    fb_json_put_str(to, "region", ev->region);
    fb_json_put_str(to, "service", ev->service);
    fb_json_put_str(to, "action", ev->action);
    fb_json_put_str(to, "outcome", outcome_name(ev->outcome));
}

static void write_lists(struct fb_buf *to, const struct fb_decision *d)
{
    fb_json_open(to, "signals", '[');
    for (size_t i = 0; i < d->verdict.count; i++) {
        const struct fb_term *t = &d->verdict.terms[i];

        if (!t->fired)
            continue;
        fb_json_open(to, NULL, '{');
        fb_json_put_str(to, "id", t->signal->id);
        fb_json_put_num(to, "weight", t->value, 2);
        fb_json_put_str(to, "why", t->why);
        fb_json_close(to, '}');
    }
    fb_json_close(to, ']');
    fb_json_open(to, "playbooks", '[');
    for (size_t i = 0; i < d->playbook_count; i++)
        fb_json_put_str(to, NULL, d->playbooks[i]);
    fb_json_close(to, ']');
    fb_json_put_str(to, "incident", *d->incident ? d->incident : NULL);
    if (*d->incident)
        fb_json_put_str(to, "incident_state", fb_incident_state_name(d->incident_state));
    fb_actions_write(to, "actions", d->actions, d->action_count);
}

void fb_decision_write(struct fb_buf *to, struct fb_arena *a, const struct fb_decision *d)
{
    fb_json_open(to, NULL, '{');
    write_event(to, &d->ev);
    fb_json_put_str(to, "principal", fb_principal_text(&d->ev));
    fb_json_put_str(to, "root", fb_chain_root(&d->chain)->identity);
    fb_json_open(to, "chain", '[');
    for (size_t i = 0; i < d->chain.count; i++)
        fb_json_put_str(to, NULL, d->chain.hops[i].identity);
    fb_json_close(to, ']');
    if (d->chain.partial)
        fb_json_put_bool(to, "partial", true);
    fb_json_put_str(to, "credential", d->ev.who.credential);
    fb_json_put_num(to, "score", d->verdict.score, 1);
    fb_json_put_str(to, "level", fb_level_name(d->verdict.level));
    write_lists(to, d);
    if (d->duplicate)
        fb_json_put_bool(to, "duplicate", true);
    if (d->ev.drill)
        fb_json_put_bool(to, "drill", true);
    if (d->ev.odd)
        fb_json_put_str(to, "odd", fb_json_odd_words(a, d->ev.odd));
    if (*d->problem)
        fb_json_put_str(to, "problem", d->problem);
    fb_json_close(to, '}');
}

/* Plain text in a column of its own, so that a page of lines reads as a table. */
static void column(struct fb_buf *to, const char *text, size_t width)
{
    size_t from = to->len;

    fb_buf_add_plain(to, text, 100);
    while (to->len - from < width)
        fb_buf_addc(to, ' ');
    fb_buf_addc(to, ' ');
}

static void tally(struct fb_buf *to, const struct fb_decision *d)
{
    size_t n[FB_RESULT_FAILED + 1] = {0};

    for (size_t i = 0; i < d->action_count; i++)
        n[d->actions[i].status]++;
    for (int s = FB_RESULT_DONE; s <= FB_RESULT_FAILED; s++) {
        if (n[s])
            fb_buf_fmt(to, "  %zu %s", n[s], fb_result_name((enum fb_result_status)s));
    }
    if (*d->incident && (d->action_count || d->verdict.level != FB_OBSERVE))
        fb_buf_fmt(to, "  %s", d->incident);
}

void fb_decision_text(struct fb_buf *to, const struct fb_decision *d)
{
    char when[FB_TIME_MAX], what[128];
    const char *who = fb_principal_text(&d->ev);

    fb_time_iso(d->ev.time_ms, when);
    fb_buf_fmt(to, "%.19sZ  %-7s %5.1f  ", when, fb_level_name(d->verdict.level), d->verdict.score);
    (void)snprintf(what, sizeof what, "%.40s%s%.60s", d->ev.service, *d->ev.service ? ":" : "",
                   d->ev.action);
    column(to, what, 28);
    column(to, d->ev.region, 14);
    column(to, d->ev.outcome == FB_OUTCOME_OK ? "" : outcome_name(d->ev.outcome), 6);
    fb_buf_add_plain(to, *who ? who : "nobody named", 120);
    if (d->duplicate)
        fb_buf_add(to, "  [duplicate]");
    if (d->ev.drill)
        fb_buf_add(to, "  [drill]");
    tally(to, d);
    fb_buf_addc(to, '\n');
}

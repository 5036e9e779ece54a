/* backtest_story.c - what a backtest tells of one identity, as JSON: the report is made of these.
 */
#include <stdlib.h>
#include <string.h>

#include "backtest_who.h"
#include "base/buf.h"

enum { SIGNALS_TOLD = 5, PLAN_TOLD = 50, USUAL_TOLD = 4, STORY_BYTES = 256 << 10 };

/* --- moments ------------------------------------------------------------------------------------
 */

static char *finish_json(struct fb_buf *b)
{
    char *text = fb_buf_ok(b) ? strdup(b->at) : NULL;

    fb_buf_release(b);
    return text;
}

/* The event and the signals behind its score, as an object. */
static char *event_json(const struct fb_decision *d)
{
    char iso[FB_TIME_MAX];
    struct fb_buf b;
    size_t told = 0;

    fb_buf_init(&b, STORY_BYTES);
    fb_json_open(&b, NULL, '{');
    fb_json_put_str(&b, "time", fb_time_iso(d->ev.time_ms, iso));
    fb_json_put_num(&b, "score", d->verdict.score, 1);
    fb_json_put_str(&b, "event_id", d->ev.id);
    fb_json_put_str(&b, "service", d->ev.service);
    fb_json_put_str(&b, "action", d->ev.action);
    fb_json_put_str(&b, "account", d->ev.account);
    fb_json_put_str(&b, "region", d->ev.region);
    fb_json_put_str(&b, "ip", d->ev.ip);
    fb_json_put_str(&b, "agent", d->ev.agent);
    fb_json_put_num(&b, "usd_per_hour", d->verdict.usd_per_hour, 2);
    fb_json_open(&b, "signals", '[');
    for (size_t i = 0; i < d->verdict.count && told < SIGNALS_TOLD; i++) {
        const struct fb_term *t = &d->verdict.terms[i];

        if (t->value <= 0)
            continue;
        told++;
        fb_json_open(&b, NULL, '{');
        fb_json_put_str(&b, "id", t->signal->id);
        fb_json_put_num(&b, "weight", t->value, 2);
        fb_json_put_str(&b, "why", t->why && *t->why ? t->why : t->signal->words);
        fb_json_close(&b, '}');
    }
    fb_json_close(&b, ']');
    fb_json_close(&b, '}');
    return finish_json(&b);
}

struct fb_bt_moment *fb_bt_moment_new(struct fb_bt_who *who, const struct fb_decision *d)
{
    struct fb_bt_moment *m = calloc(1, sizeof *m);

    if (!m)
        return NULL;
    m->ms = d->ev.time_ms;
    m->score = d->verdict.score;
    m->usd_per_hour = d->verdict.usd_per_hour;
    m->json = event_json(d);
    m->hands = fb_bt_judge(who, d, m->because, sizeof m->because);
    m->network = fb_bt_network_of(who, d->ev.ip);
    if (m->json)
        return m;
    fb_bt_moment_free(m);
    return NULL;
}

/* {"count": n, "by_verb": {...}, "targets": [...]} of what a pass asked for. */
char *fb_bt_plan_json(const struct fb_action *actions, size_t n)
{
    struct fb_buf b;

    fb_buf_init(&b, STORY_BYTES);
    fb_json_open(&b, NULL, '{');
    fb_json_put_int(&b, "count", (int64_t)n);
    fb_json_open(&b, "by_verb", '{');
    for (size_t i = 0; i < n; i++) {
        int64_t same = 0;
        bool told = false;

        for (size_t j = 0; j < n; j++) {
            told = told || (j < i && strcmp(actions[j].verb, actions[i].verb) == 0);
            same += strcmp(actions[j].verb, actions[i].verb) == 0;
        }
        if (!told)
            fb_json_put_int(&b, actions[i].verb, same);
    }
    fb_json_close(&b, '}');
    fb_json_open(&b, "targets", '[');
    for (size_t i = 0; i < n && i < PLAN_TOLD; i++) {
        fb_json_open(&b, NULL, '{');
        fb_json_put_str(&b, "verb", actions[i].verb);
        fb_json_put_str(&b, "target", actions[i].target);
        fb_json_put_str(&b, "region", actions[i].region);
        fb_json_close(&b, '}');
    }
    fb_json_close(&b, ']');
    fb_json_close(&b, '}');
    return finish_json(&b);
}

/* --- stories ------------------------------------------------------------------------------------
 */

enum fb_level fb_bt_level_of(const struct fb_bt_who *who)
{
    return who->contain ? FB_CONTAIN : who->alert ? FB_ALERT : FB_OBSERVE;
}

static int64_t told_ms(const struct fb_bt_who *who)
{
    return who->contain ? who->contain->ms : who->alert ? who->alert->ms : who->peak_ms;
}

int fb_bt_story_order(const struct fb_bt_story *a, const struct fb_bt_story *b)
{
    if (a->level != b->level)
        return a->level > b->level ? -1 : 1;
    if (a->rank != b->rank)
        return a->rank < b->rank ? -1 : 1;
    if (a->peak != b->peak)
        return a->peak > b->peak ? -1 : 1;
    return (a->at_ms > b->at_ms) - (a->at_ms < b->at_ms);
}

/* Who would be hurt comes first. */
static uint32_t rank_of(const struct fb_bt_who *who)
{
    static const uint8_t ranks[FB_BT_HANDS] = {
        [FB_BT_YOURS] = 0, [FB_BT_UNCLEAR] = 1, [FB_BT_NO_HISTORY] = 2, [FB_BT_STOLEN] = 3};
    const struct fb_bt_moment *m = who->contain ? who->contain : who->alert;

    return m ? ranks[m->hands] : 0;
}

void fb_bt_story_head(const struct fb_bt_who *who, struct fb_bt_story *head)
{
    memset(head, 0, sizeof *head);
    head->peak = who->peak;
    head->at_ms = told_ms(who);
    head->level = (uint32_t)fb_bt_level_of(who);
    head->rank = rank_of(who);
}

static void put_moment(struct fb_buf *b, const char *key, const struct fb_bt_moment *m)
{
    if (m)
        fb_json_put_raw(b, key, m->json);
    else
        fb_json_put_null(b, key);
}

/* {"50": "2026-01-20T03:14:05.000Z", ...}: when each threshold would have struck. */
static void put_reached(struct fb_buf *b, const char *key, const struct fb_bt_reach *steps)
{
    char iso[FB_TIME_MAX], step[8];

    fb_json_open(b, key, '{');
    for (size_t i = 0; i < FB_BT_STEPS; i++) {
        if (!steps[i].ms)
            continue;
        (void)snprintf(step, sizeof step, "%zu", FB_BT_FIRST + FB_BT_STEP * i);
        fb_json_put_str(b, step, fb_time_iso(steps[i].ms, iso));
    }
    fb_json_close(b, '}');
}

void fb_bt_story_json(struct fb_buf *b, const struct fb_bt_who *who)
{
    const struct fb_bt_moment *m = who->contain ? who->contain : who->alert;
    const char *calls[USUAL_TOLD];
    size_t usual = fb_bt_usual(who, calls, USUAL_TOLD);
    char iso[FB_TIME_MAX];
    int networks = 0;

    for (size_t i = 0; i < FB_BT_NETWORKS; i++)
        networks += who->networks[i].hash != 0;
    fb_json_open(b, NULL, '{');
    fb_json_put_str(b, "kind", "identity");
    fb_json_put_str(b, "identity", who->name);
    fb_json_put_str(b, "account", who->account);
    fb_json_put_str(b, "hop", fb_hop_kind_name(who->kind));
    fb_json_put_bool(b, "robot", fb_bt_is_robot(who));
    fb_json_put_str(b, "level", fb_level_name(fb_bt_level_of(who)));
    fb_json_put_num(b, "peak", who->peak, 1);
    fb_json_put_str(b, "peak_time", fb_time_iso(who->peak_ms, iso));
    fb_json_open(b, "peak_signals", '[');
    for (size_t i = 0; i < 3 && who->top[i]; i++)
        fb_json_put_str(b, NULL, who->top[i]);
    fb_json_close(b, ']');
    fb_json_put_int(b, "events", (int64_t)who->events);
    fb_json_put_int(b, "days", who->days.count);
    fb_json_put_int(b, "networks", networks);
    fb_json_put_str(b, "tool", who->iac_tool);
    fb_json_open(b, "usual", '[');
    for (size_t i = 0; i < usual; i++)
        fb_json_put_str(b, NULL, calls[i]);
    fb_json_close(b, ']');
    fb_json_put_str(b, "first", fb_time_iso(who->first_ms, iso));
    fb_json_put_str(b, "last", fb_time_iso(who->last_ms, iso));
    if (m) {
        fb_json_put_str(b, "hands", fb_bt_hands_name(m->hands));
        fb_json_put_str(b, "because", m->because);
    }
    put_moment(b, "alert", who->alert);
    put_moment(b, "contain", who->contain);
    if (who->contain && who->contain->plan)
        fb_json_put_raw(b, "plan", who->contain->plan);
    put_reached(b, "alerts_at", who->alerts);
    put_reached(b, "contains_at", who->contains);
    fb_json_close(b, '}');
}

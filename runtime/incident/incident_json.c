/* incident_json.c - the incident's record in the store: written and read back, field by field. */
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/text.h"
#include "incident/incident.h"

void fb_incident_write(struct fb_buf *to, const struct fb_incident *inc)
{
    fb_json_open(to, NULL, '{');
    fb_json_put_int(to, "v", 1);
    fb_json_put_str(to, "id", inc->id);
    fb_json_put_str(to, "root", inc->root);
    fb_json_put_str(to, "account", inc->account);
    fb_json_put_str(to, "cloud", inc->cloud);
    fb_json_put_str(to, "state", fb_incident_state_name(inc->state));
    fb_json_put_str(to, "why", inc->why);
    fb_json_put_int(to, "opened", inc->opened_ms);
    fb_json_put_int(to, "first", inc->first_ms);
    fb_json_put_int(to, "last", inc->last_ms);
    fb_json_put_int(to, "evidence", inc->evidence_ms);
    fb_json_put_int(to, "worked", inc->worked_ms);
    fb_json_put_num(to, "score", inc->score, 1);
    fb_json_put_num(to, "peak", inc->peak, 1);
    fb_json_put_int(to, "level", (int64_t)inc->level);
    fb_json_put_bool(to, "hard", inc->hard);
    fb_json_put_bool(to, "enforce", inc->enforce);
    fb_json_put_num(to, "usd_per_hour", inc->usd_per_hour, 2);
    fb_json_put_int(to, "passes", inc->passes);
    fb_json_put_int(to, "quiet", inc->quiet);
    fb_json_put_int(to, "quiet_at", inc->quiet_ms);
    fb_json_put_int(to, "actions_open", inc->actions_open);
    fb_hop_write(to, "actor", &inc->actor);
    fb_json_open(to, "hops", '[');
    for (size_t i = 0; i < inc->hop_count; i++)
        fb_hop_write(to, NULL, &inc->hops[i]);
    fb_json_close(to, ']');
    fb_json_open(to, "kinds", '[');
    for (size_t i = 0; i < inc->kind_count; i++)
        fb_json_put_str(to, NULL, inc->kinds[i]);
    fb_json_close(to, ']');
    fb_json_open(to, "reasons", '[');
    for (size_t i = 0; i < inc->reason_count; i++) {
        const struct fb_reason *r = &inc->reasons[i];

        fb_json_open(to, NULL, '{');
        fb_json_put_str(to, "signal", r->signal);
        fb_json_put_num(to, "value", r->value, 3);
        fb_json_put_str(to, "why", r->why);
        fb_json_put_str(to, "event", r->event);
        fb_json_put_int(to, "at", r->at_ms);
        fb_json_close(to, '}');
    }
    fb_json_close(to, ']');
    fb_json_open(to, "notes", '[');
    for (size_t i = 0; i < inc->note_count; i++) {
        const struct fb_note *n = &inc->notes[i];

        fb_json_open(to, NULL, '{');
        fb_json_put_str(to, "kind", n->kind);
        fb_json_put_str(to, "key", n->key);
        fb_json_put_str(to, "text", n->text);
        fb_json_put_int(to, "at", n->at_ms);
        fb_json_close(to, '}');
    }
    fb_json_close(to, ']');
    if (inc->plan_more)
        fb_json_put_int(to, "plan_more", (int64_t)inc->plan_more);
    fb_actions_write(to, "plan", inc->plan, inc->plan_count);
    fb_json_close(to, '}');
}

static int64_t number(const struct fb_json *v, const char *key)
{
    int64_t n = 0;

    return fb_json_int(fb_json_get(v, key), &n) ? n : 0;
}

static bool read_state(const char *name, enum fb_incident_state *out)
{
    for (int s = FB_INC_WATCHING; s <= FB_INC_CLOSED; s++) {
        if (strcmp(fb_incident_state_name((enum fb_incident_state)s), name) == 0) {
            *out = (enum fb_incident_state)s;
            return true;
        }
    }
    return false;
}

static void read_lists(struct fb_arena *a, const struct fb_json *v, struct fb_incident *inc)
{
    const struct fb_json *list = fb_json_get(v, "hops");

    for (size_t i = 0; i < fb_json_len(list) && inc->hop_count < FB_INCIDENT_HOPS_MAX; i++)
        fb_hop_read(a, fb_json_at(list, i), &inc->hops[inc->hop_count++]);
    list = fb_json_get(v, "kinds");
    for (size_t i = 0; i < fb_json_len(list) && i < sizeof inc->kinds / sizeof *inc->kinds; i++)
        inc->kinds[inc->kind_count++] = fb_json_str(fb_json_at(list, i));
    list = fb_json_get(v, "reasons");
    for (size_t i = 0; i < fb_json_len(list) && i < FB_INCIDENT_REASONS_MAX; i++) {
        const struct fb_json *r = fb_json_at(list, i);

        inc->reasons[inc->reason_count++] = (struct fb_reason){
            fb_json_get_str(r, "signal"), fb_json_get_str(r, "why"), fb_json_get_str(r, "event"),
            fb_json_num(fb_json_get(r, "value"), 0), number(r, "at")};
    }
    list = fb_json_get(v, "notes");
    for (size_t i = 0; i < fb_json_len(list) && i < FB_INCIDENT_NOTES_MAX; i++) {
        const struct fb_json *n = fb_json_at(list, i);

        inc->notes[inc->note_count++] =
            (struct fb_note){fb_json_get_str(n, "kind"), fb_json_get_str(n, "key"),
                             fb_json_get_str(n, "text"), number(n, "at")};
    }
}

static enum fb_result_status read_result(const char *name)
{
    for (int s = FB_RESULT_DONE; s < FB_RESULT_FAILED; s++) {
        if (strcmp(fb_result_name((enum fb_result_status)s), name) == 0)
            return (enum fb_result_status)s;
    }
    return FB_RESULT_FAILED;
}

static void read_plan(const struct fb_json *v, struct fb_incident *inc)
{
    const struct fb_json *list = fb_json_get(v, "plan");
    int64_t more = number(v, "plan_more");

    inc->plan_more = more > 0 ? (size_t)more : 0;
    for (size_t i = 0; i < fb_json_len(list) && i < FB_INCIDENT_PLAN_MAX; i++) {
        const struct fb_json *x = fb_json_at(list, i);

        inc->plan[inc->plan_count++] =
            (struct fb_action){.id = fb_json_get_str(x, "id"),
                               .verb = fb_json_get_str(x, "verb"),
                               .target = fb_json_get_str(x, "target"),
                               .region = fb_json_get_str(x, "region"),
                               .why = fb_json_get_str(x, "why"),
                               .status = read_result(fb_json_get_str(x, "status"))};
    }
}

enum fb_status fb_incident_read(struct fb_arena *a, const char *bytes, size_t len,
                                struct fb_incident *inc, struct fb_err *err)
{
    const struct fb_json *v;
    enum fb_status st = fb_json_parse(a, bytes, len, NULL, &v, err);
    int64_t level;

    memset(inc, 0, sizeof *inc);
    if (st != FB_OK)
        return fb_err_ctx(err, st, "incident record");
    level = number(v, "level");
    if (number(v, "v") != 1 || !read_state(fb_json_get_str(v, "state"), &inc->state) || level < 0 ||
        level > FB_CONTAIN)
        return fb_err_set(err, FB_EINPUT, "incident record of no known form");
    inc->id = fb_json_get_str(v, "id");
    inc->root = fb_json_get_str(v, "root");
    inc->account = fb_json_get_str(v, "account");
    inc->cloud = fb_json_get_str(v, "cloud");
    inc->why = fb_json_get_str(v, "why");
    inc->opened_ms = number(v, "opened");
    inc->first_ms = number(v, "first");
    inc->last_ms = number(v, "last");
    inc->evidence_ms = number(v, "evidence");
    inc->worked_ms = number(v, "worked");
    inc->score = fb_json_num(fb_json_get(v, "score"), 0);
    inc->peak = fb_json_num(fb_json_get(v, "peak"), 0);
    inc->level = (enum fb_level)level;
    inc->hard = fb_json_bool(fb_json_get(v, "hard"), false);
    inc->enforce = fb_json_bool(fb_json_get(v, "enforce"), false);
    inc->usd_per_hour = fb_json_num(fb_json_get(v, "usd_per_hour"), 0);
    inc->passes = number(v, "passes");
    inc->quiet = number(v, "quiet");
    inc->quiet_ms = number(v, "quiet_at");
    inc->actions_open = number(v, "actions_open");
    fb_hop_read(a, fb_json_get(v, "actor"), &inc->actor);
    read_lists(a, v, inc);
    read_plan(v, inc);
    return FB_OK;
}

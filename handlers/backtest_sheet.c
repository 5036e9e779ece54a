/* backtest_sheet.c - a backtest for programs: JSON, and through sheet.c CSV and one page of HTML.
 */
#include <string.h>

#include "backtest.h"
#include "base/buf.h"
#include "base/json.h"

enum { COLUMNS = 21, CELL = 16, PAIRS = FB_BT_STEPS - FB_BT_CONTAIN_STEP };

/* --- JSON ---------------------------------------------------------------------------------------
 */

static void json_summary(struct fb_bt_report *r)
{
    const struct fb_bt_sums *s = &r->sums;
    char iso[FB_TIME_MAX];

    fb_json_open(r->line, NULL, '{');
    fb_json_put_str(r->line, "kind", "summary");
    fb_json_put_int(r->line, "events", (int64_t)s->events);
    fb_json_put_int(r->line, "duplicates", (int64_t)s->duplicates);
    fb_json_put_int(r->line, "unknown", (int64_t)r->h->counts.unknown);
    fb_json_put_int(r->line, "timeless", (int64_t)r->h->counts.timeless);
    fb_json_put_int(r->line, "rejected", (int64_t)r->h->counts.rejected);
    fb_json_put_int(r->line, "identities", (int64_t)s->identities);
    fb_json_put_int(r->line, "account_groups", (int64_t)r->h->island_count);
    fb_json_put_int(r->line, "contained", (int64_t)s->contained);
    fb_json_put_int(r->line, "alerted", (int64_t)s->alerted);
    fb_json_put_num(r->line, "alert_at", r->config->alert, 1);
    fb_json_put_num(r->line, "contain_at", r->config->contain, 1);
    fb_json_put_str(r->line, "first", s->events ? fb_time_iso(s->first_ms, iso) : NULL);
    fb_json_put_str(r->line, "last", s->events ? fb_time_iso(s->last_ms, iso) : NULL);
    fb_json_close(r->line, '}');
    fb_buf_addc(r->line, '\n');
}

static void json_hits(struct fb_buf *to, const char *key, const struct fb_bt_hits *hits)
{
    fb_json_open(to, key, '{');
    fb_json_put_int(to, "identities", (int64_t)hits->all);
    fb_json_put_int(to, "probably_yours", (int64_t)hits->yours);
    fb_json_put_int(to, "robots", (int64_t)hits->robots);
    fb_json_close(to, '}');
}

static void json_step(struct fb_bt_report *r, size_t i)
{
    fb_json_open(r->line, NULL, '{');
    fb_json_put_str(r->line, "kind", "threshold");
    fb_json_put_int(r->line, "threshold", (int64_t)(FB_BT_FIRST + FB_BT_STEP * i));
    json_hits(r->line, "alert", &r->sums.alerts[i]);
    json_hits(r->line, "contain", &r->sums.contains[i]);
    fb_json_open(r->line, "alert_only_with_contain_at", '{');
    for (size_t c = FB_BT_CONTAIN_STEP; c < FB_BT_STEPS; c++) {
        char step[8];

        (void)snprintf(step, sizeof step, "%zu", FB_BT_FIRST + FB_BT_STEP * c);
        fb_json_put_int(r->line, step, (int64_t)r->sums.alerted_only[i][c]);
    }
    fb_json_close(r->line, '}');
    fb_json_close(r->line, '}');
    fb_buf_addc(r->line, '\n');
}

bool fb_bt_json(struct fb_bt_report *r)
{
    char day[FB_TIME_MAX];

    json_summary(r);
    for (size_t i = 0; i < FB_BT_STEPS; i++)
        json_step(r, i);
    for (size_t i = 0; i < r->day_count; i++) {
        fb_json_open(r->line, NULL, '{');
        fb_json_put_str(r->line, "kind", "day");
        fb_json_put_str(r->line, "day", fb_bt_day_text(r->days[i].day, day));
        for (int l = FB_OBSERVE; l <= FB_CONTAIN; l++)
            fb_json_put_int(r->line, fb_level_name((enum fb_level)l),
                            (int64_t)r->days[i].levels[l]);
        fb_json_close(r->line, '}');
        fb_buf_addc(r->line, '\n');
        fb_bt_flush(r);
    }
    fb_bt_flush(r);
    for (size_t i = 0; i < r->ref_count; i++) {
        const char *text = "";

        if (!fb_bt_read_ref(r, &r->refs[i], &text))
            return false;
        fb_buf_add(r->line, text);
        fb_buf_addc(r->line, '\n');
        fb_bt_flush(r);
    }
    return true;
}

/* --- one row an identity ------------------------------------------------------------------------
 */

static const char *const HEADS[COLUMNS] = {
    "level",     "hands",        "identity", "account", "robot", "usual",    "peak",
    "alerted",   "contained",    "action",   "region",  "ip",    "why",      "thresholds",
    "would_cut", "usd_per_hour", "because",  "events",  "days",  "networks", "tool"};

static const char *number(char out[CELL], const struct fb_json *v, int decimals)
{
    (void)snprintf(out, CELL, "%.*f", decimals, fb_json_num(v, 0));
    return out;
}

static bool put_row(const struct fb_sheet *s, const struct fb_json *doc)
{
    const struct fb_json *m = fb_bt_worst(doc), *contain = fb_json_get(doc, "contain");
    bool robot = fb_json_bool(fb_json_get(doc, "robot"), false), whole;
    char peak[CELL], usd[CELL], events[CELL], days[CELL], networks[CELL];
    struct fb_buf usual, why, limit, plan;
    const char *cells[COLUMNS];

    fb_buf_init(&usual, FB_SHEET_CELL_MAX);
    fb_buf_init(&why, FB_SHEET_CELL_MAX);
    fb_buf_init(&limit, FB_SHEET_CELL_MAX);
    fb_buf_init(&plan, FB_SHEET_CELL_MAX);
    fb_bt_put_usual(&usual, doc);
    fb_bt_put_signals(&why, m, 5);
    fb_bt_put_limit(&limit, doc);
    if (fb_json_kind(contain) == FB_JSON_OBJECT)
        fb_bt_put_plan(&plan, fb_json_get(doc, "plan"));
    cells[0] = fb_json_get_str(doc, "level");
    cells[1] = fb_json_get_str(doc, "hands");
    cells[2] = fb_json_get_str(doc, "identity");
    cells[3] = fb_json_get_str(doc, "account");
    cells[4] = robot ? "robot" : "";
    cells[5] = usual.at;
    cells[6] = number(peak, fb_json_get(doc, "peak"), 1);
    cells[7] = fb_json_get_str(fb_json_get(doc, "alert"), "time");
    cells[8] = fb_json_get_str(contain, "time");
    cells[9] = fb_json_get_str(m, "action");
    cells[10] = fb_json_get_str(m, "region");
    cells[11] = fb_json_get_str(m, "ip");
    cells[12] = why.at;
    cells[13] = limit.at;
    cells[14] = plan.at;
    cells[15] = number(usd, fb_json_get(m, "usd_per_hour"), 2);
    cells[16] = fb_json_get_str(doc, "because");
    cells[17] = number(events, fb_json_get(doc, "events"), 0);
    cells[18] = number(days, fb_json_get(doc, "days"), 0);
    cells[19] = number(networks, fb_json_get(doc, "networks"), 0);
    cells[20] = fb_json_get_str(doc, "tool");
    whole = fb_sheet_row(s, cells);
    fb_buf_release(&usual);
    fb_buf_release(&why);
    fb_buf_release(&limit);
    fb_buf_release(&plan);
    return whole;
}

static bool put_rows(struct fb_bt_report *r, const struct fb_sheet *s)
{
    for (size_t i = 0; i < r->ref_count; i++) {
        const struct fb_json *doc = fb_bt_read_ref(r, &r->refs[i], NULL);

        if (!doc || !put_row(s, doc))
            return false;
    }
    return true;
}

bool fb_bt_csv(struct fb_bt_report *r)
{
    struct fb_sheet s = {.to = r->to, .form = FB_FORM_CSV, .heads = HEADS, .columns = COLUMNS};

    return fb_sheet_open(&s) && put_rows(r, &s) && fb_sheet_close(&s);
}

/* --- HTML ---------------------------------------------------------------------------------------
 */

static bool put_numbers(const struct fb_sheet *s, const char *first, const uint64_t *numbers,
                        size_t n)
{
    char text[FB_SHEET_COLUMNS_MAX][24];
    const char *cells[FB_SHEET_COLUMNS_MAX] = {first};

    for (size_t i = 1; i < s->columns; i++)
        cells[i] = "-";
    for (size_t i = 0; i < n && i + 1 < s->columns; i++) {
        (void)snprintf(text[i], sizeof text[i], "%llu", (unsigned long long)numbers[i]);
        cells[i + 1] = text[i];
    }
    return fb_sheet_row(s, cells);
}

static bool put_steps(struct fb_bt_report *r, struct fb_sheet *s)
{
    static const char *const heads[] = {"threshold", "alerted",        "probably yours", "robots",
                                        "contained", "probably yours", "robots"};
    bool ok = fb_sheet_next(s, "How many identities each threshold hits", heads, 7);

    for (size_t i = 0; i < FB_BT_STEPS && ok; i++) {
        const struct fb_bt_hits *a = &r->sums.alerts[i], *c = &r->sums.contains[i];
        const uint64_t numbers[] = {a->all, a->yours, a->robots, c->all, c->yours, c->robots};
        char step[CELL];

        (void)snprintf(step, sizeof step, "%zu", FB_BT_FIRST + FB_BT_STEP * i);
        ok = put_numbers(s, step, numbers, i < FB_BT_CONTAIN_STEP ? 3 : 6);
    }
    return ok;
}

static bool put_pairs(struct fb_bt_report *r, struct fb_sheet *s)
{
    char names[PAIRS + 1][32] = {"alert threshold"};
    const char *heads[PAIRS + 1] = {names[0]};
    bool ok;

    for (size_t c = 0; c < PAIRS; c++) {
        (void)snprintf(names[c + 1], sizeof names[c + 1], "contain %zu",
                       FB_BT_FIRST + FB_BT_STEP * (c + FB_BT_CONTAIN_STEP));
        heads[c + 1] = names[c + 1];
    }
    ok = fb_sheet_next(s, "Alerted only, by both thresholds", heads, PAIRS + 1);
    for (size_t a = 0; a < FB_BT_STEPS && ok; a++) {
        char step[CELL];

        (void)snprintf(step, sizeof step, "%zu", FB_BT_FIRST + FB_BT_STEP * a);
        ok = put_numbers(s, step, &r->sums.alerted_only[a][FB_BT_CONTAIN_STEP], PAIRS);
    }
    return ok;
}

static bool put_days(struct fb_bt_report *r, struct fb_sheet *s)
{
    static const char *const heads[] = {"day", "observe", "alert", "contain"};
    bool ok = fb_sheet_next(s, "Events by day and level", heads, 4);
    char day[FB_TIME_MAX];

    for (size_t i = 0; i < r->day_count && ok; i++)
        ok = put_numbers(s, fb_bt_day_text(r->days[i].day, day), r->days[i].levels, 3);
    return ok;
}

bool fb_bt_html(struct fb_bt_report *r)
{
    struct fb_sheet s = {.to = r->to,
                         .form = FB_FORM_HTML,
                         .title = "Firebreak: backtest",
                         .heads = HEADS,
                         .columns = COLUMNS,
                         .mark = "probably-yours"};
    bool ok;

    fb_bt_put_head(r);
    ok = fb_bt_put_harm(r);
    s.note = r->line->at;
    ok = ok && fb_sheet_open(&s);
    fb_buf_reset(r->line);
    return ok && put_rows(r, &s) && put_steps(r, &s) && put_pairs(r, &s) && put_days(r, &s) &&
           fb_sheet_close(&s);
}

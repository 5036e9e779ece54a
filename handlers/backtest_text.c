/* backtest_text.c - a backtest for a person: whom it would have hurt first, then what each
 * threshold hits. */
#include <string.h>

#include "backtest.h"
#include "base/buf.h"
#include "base/json.h"

enum { TEXT_HITS = 25, TEXT_OTHERS = 10, NAME_BYTES = 160 };

static void put(struct fb_bt_report *r, const char *s) { fb_buf_add(r->line, s); }

static void put_plain(struct fb_bt_report *r, const char *s)
{
    fb_buf_add_plain(r->line, s, NAME_BYTES);
}

/* "2026-01-20 03:14:05" of "2026-01-20T03:14:05.000Z". */
static void put_when(struct fb_bt_report *r, const char *iso)
{
    if (strlen(iso) >= 19)
        fb_buf_fmt(r->line, "%.10s %.8s", iso, iso + 11);
}

static void text_hit(struct fb_bt_report *r, const struct fb_json *doc, size_t number)
{
    const struct fb_json *m = fb_bt_worst(doc);
    bool contained = m == fb_json_get(doc, "contain");
    double usd = fb_json_num(fb_json_get(m, "usd_per_hour"), 0);

    fb_buf_fmt(r->line, "\n%3zu. ", number);
    put_plain(r, fb_json_get_str(doc, "identity"));
    fb_buf_fmt(r->line, "\n     %s: ", fb_bt_hands_words(fb_json_get_str(doc, "hands")));
    put_plain(r, fb_json_get_str(doc, "because"));
    put(r, "\n     usually: ");
    fb_bt_put_usual(r->line, doc);
    fb_buf_fmt(r->line, "\n     %s at ", contained ? "contained" : "alerted");
    put_when(r, fb_json_get_str(m, "time"));
    fb_buf_fmt(r->line, ", score %.1f, by ", fb_json_num(fb_json_get(m, "score"), 0));
    put_plain(r, fb_json_get_str(m, "action"));
    if (*fb_json_get_str(m, "region")) {
        put(r, " in ");
        put_plain(r, fb_json_get_str(m, "region"));
    }
    if (*fb_json_get_str(m, "ip")) {
        put(r, " from ");
        put_plain(r, fb_json_get_str(m, "ip"));
    }
    put(r, "\n     why: ");
    fb_bt_put_signals(r->line, m, 3);
    put(r, "\n     threshold: ");
    fb_bt_put_limit(r->line, doc);
    if (contained) {
        put(r, "\n     would cut: ");
        fb_bt_put_plan(r->line, fb_json_get(doc, "plan"));
        if (usd >= 1)
            fb_buf_fmt(r->line, "; burning %.0f USD an hour then", usd);
    }
    put(r, "\n");
    fb_bt_flush(r);
}

static bool text_hits(struct fb_bt_report *r, enum fb_level level, const char *title, uint64_t all)
{
    size_t shown = 0;

    if (!all)
        return true;
    fb_buf_fmt(r->line, "\n%s\n", title);
    for (size_t i = 0; i < r->ref_count && shown < TEXT_HITS; i++) {
        const struct fb_json *doc;

        if (r->refs[i].head.level != (uint32_t)level)
            continue;
        doc = fb_bt_read_ref(r, &r->refs[i], NULL);
        if (!doc)
            return false;
        text_hit(r, doc, ++shown);
    }
    if (all > shown)
        fb_buf_fmt(r->line, "\n     ... and %llu more: --output json, csv or html tells all\n",
                   (unsigned long long)(all - shown));
    fb_bt_flush(r);
    return true;
}

static bool text_others(struct fb_bt_report *r)
{
    size_t shown = 0;

    for (size_t i = 0; i < r->ref_count && shown < TEXT_OTHERS; i++) {
        const struct fb_json *doc, *top;

        if (r->refs[i].head.level != FB_OBSERVE)
            continue;
        doc = fb_bt_read_ref(r, &r->refs[i], NULL);
        if (!doc)
            return false;
        if (shown++ == 0)
            put(r, "\nHottest of those that stay below\n  score  identity\n");
        fb_buf_fmt(r->line, "  %5.1f  ", fb_json_num(fb_json_get(doc, "peak"), 0));
        put_plain(r, fb_json_get_str(doc, "identity"));
        top = fb_json_get(doc, "peak_signals");
        for (size_t s = 0; s < fb_json_len(top); s++) {
            put(r, s ? ", " : "  (");
            put_plain(r, fb_json_str(fb_json_at(top, s)));
        }
        put(r, fb_json_len(top) ? ")\n" : "\n");
    }
    fb_bt_flush(r);
    return true;
}

static void text_days(struct fb_bt_report *r)
{
    char day[FB_TIME_MAX];

    put(r, "\nEvents by day and level\n  day           observe     alert   contain\n");
    for (size_t i = 0; i < r->day_count; i++)
        fb_buf_fmt(r->line, "  %s  %9llu %9llu %9llu\n", fb_bt_day_text(r->days[i].day, day),
                   (unsigned long long)r->days[i].levels[FB_OBSERVE],
                   (unsigned long long)r->days[i].levels[FB_ALERT],
                   (unsigned long long)r->days[i].levels[FB_CONTAIN]);
    fb_bt_flush(r);
}

static void text_steps(struct fb_bt_report *r)
{
    put(r,
        "\nHow many identities each threshold hits (yours: probably your own; robots: programs)\n"
        "  threshold   alerted   yours  robots   contained   yours  robots\n");
    for (size_t i = 0; i < FB_BT_STEPS; i++) {
        size_t step = FB_BT_FIRST + FB_BT_STEP * i;
        const struct fb_bt_hits *a = &r->sums.alerts[i], *c = &r->sums.contains[i];

        fb_buf_fmt(r->line, "  %9zu  %8llu %7llu %7llu", step, (unsigned long long)a->all,
                   (unsigned long long)a->yours, (unsigned long long)a->robots);
        if (i < FB_BT_CONTAIN_STEP)
            put(r, "           -       -       -\n");
        else
            fb_buf_fmt(r->line, "  %10llu %7llu %7llu\n", (unsigned long long)c->all,
                       (unsigned long long)c->yours, (unsigned long long)c->robots);
    }
    put(r,
        "  (some signs alert by themselves at any score; contain asks for evidence of two kinds\n"
        "  besides the score, and a hard signal contains at any)\n");
    fb_bt_flush(r);
}

/* Each pair of thresholds that a configuration may name. */
static void text_pairs(struct fb_bt_report *r)
{
    put(r, "\nAlerted only, by alert threshold (down) and contain threshold (across)\n         ");
    for (size_t c = FB_BT_CONTAIN_STEP; c < FB_BT_STEPS; c++)
        fb_buf_fmt(r->line, " %6zu", FB_BT_FIRST + FB_BT_STEP * c);
    for (size_t a = 0; a < FB_BT_STEPS; a++) {
        fb_buf_fmt(r->line, "\n  %5zu  ", FB_BT_FIRST + FB_BT_STEP * a);
        for (size_t c = FB_BT_CONTAIN_STEP; c < FB_BT_STEPS; c++)
            fb_buf_fmt(r->line, " %6llu", (unsigned long long)r->sums.alerted_only[a][c]);
    }
    put(r, "\n");
    fb_bt_flush(r);
}

bool fb_bt_text(struct fb_bt_report *r)
{
    fb_bt_put_head(r);
    if (!fb_bt_put_harm(r) ||
        !text_hits(r, FB_CONTAIN, "WOULD HAVE BEEN CONTAINED", r->sums.contained) ||
        !text_hits(r, FB_ALERT, "WOULD HAVE BEEN ALERTED, NOT CONTAINED", r->sums.alerted) ||
        !text_others(r))
        return false;
    text_steps(r);
    text_pairs(r);
    text_days(r);
    return true;
}

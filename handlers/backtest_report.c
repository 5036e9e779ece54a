/* backtest_report.c - what a backtest found, for a person (text, HTML) and for programs (JSON,
 * CSV).
 *
 * Results come island by island in name order, and are sorted by what they say, never by who wrote
 * them: the same log gives the same bytes with any number of workers. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backtest.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"

enum {
    TEXT_HITS = 25,
    TEXT_OTHERS = 10,
    LINE_BYTES = 2 << 20,
    NAME_BYTES = 160,
    CELL_BYTES = 8192
};

/* Where one identity's object is, and what it is sorted by. */
struct ref {
    struct fb_bt_story head;
    int fd;
    uint64_t at;
    size_t island, number;
};

struct report {
    FILE *to;
    const struct fb_history *h;
    const struct fb_config *config;
    struct fb_bt_sums sums;
    struct fb_bt_day *days; /* by day */
    size_t day_count;
    struct ref *refs; /* hottest first */
    size_t ref_count;
    struct fb_arena *arena; /* of one identity */
    struct fb_buf line;
};

/* --- gathering ----------------------------------------------------------------------------------
 */

static bool fetch(int fd, void *to, size_t len, uint64_t at)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = pread(fd, (char *)to + done, len - done, (off_t)(at + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

static void add_sums(struct fb_bt_sums *to, const struct fb_bt_sums *more)
{
    if (more->events && (!to->events || more->first_ms < to->first_ms))
        to->first_ms = more->first_ms;
    if (more->events && (!to->events || more->last_ms > to->last_ms))
        to->last_ms = more->last_ms;
    to->events += more->events;
    to->duplicates += more->duplicates;
    to->identities += more->identities;
    to->problems += more->problems;
    to->alerted += more->alerted;
    to->contained += more->contained;
    for (size_t i = 0; i < FB_BT_STEPS; i++) {
        to->hit[i] += more->hit[i];
        to->yours[i] += more->yours[i];
    }
}

static bool add_days(struct report *r, int fd, uint64_t at, size_t n)
{
    struct fb_bt_day *more = malloc((n + 1) * sizeof *more);
    struct fb_bt_day *all = malloc((r->day_count + n + 1) * sizeof *all);
    size_t i = 0, j = 0, k = 0;

    if (!more || !all || !fetch(fd, more, n * sizeof *more, at)) {
        free(more);
        free(all);
        return false;
    }
    while (i < r->day_count || j < n) {
        if (j == n || (i < r->day_count && r->days[i].day < more[j].day)) {
            all[k++] = r->days[i++];
        } else if (i == r->day_count || more[j].day < r->days[i].day) {
            all[k++] = more[j++];
        } else {
            all[k] = r->days[i++];
            for (size_t l = 0; l < 3; l++)
                all[k].levels[l] += more[j].levels[l];
            j++, k++;
        }
    }
    free(more);
    free(r->days);
    r->days = all;
    r->day_count = k;
    return true;
}

static bool add_refs(struct report *r, int fd, uint64_t at, size_t island, size_t n)
{
    struct ref *wide = realloc(r->refs, (r->ref_count + n + 1) * sizeof *wide);

    if (!wide)
        return false;
    r->refs = wide;
    for (size_t i = 0; i < n; i++) {
        struct ref ref = {.fd = fd, .island = island, .number = i};

        if (!fetch(fd, &ref.head, sizeof ref.head, at))
            return false;
        ref.at = at + sizeof ref.head;
        at = ref.at + ref.head.len;
        r->refs[r->ref_count++] = ref;
    }
    return true;
}

static int by_heat(const void *x, const void *y)
{
    const struct ref *a = x, *b = y;

    if (a->head.level != b->head.level)
        return a->head.level > b->head.level ? -1 : 1;
    if (a->head.peak != b->head.peak)
        return a->head.peak > b->head.peak ? -1 : 1;
    if (a->head.at_ms != b->head.at_ms)
        return a->head.at_ms < b->head.at_ms ? -1 : 1;
    if (a->island != b->island)
        return a->island < b->island ? -1 : 1;
    return (a->number > b->number) - (a->number < b->number);
}

static bool gather(struct report *r, const int *fds, const struct fb_bt_result *results)
{
    for (size_t i = 0; i < r->h->island_count; i++) {
        int fd = fds[results[i].worker];
        uint64_t at = results[i].at;
        struct fb_bt_sums sums;

        if (!fetch(fd, &sums, sizeof sums, at))
            return false;
        at += sizeof sums;
        add_sums(&r->sums, &sums);
        if (!add_days(r, fd, at, sums.day_count) ||
            !add_refs(r, fd, at + sums.day_count * sizeof *r->days, i, sums.story_count))
            return false;
    }
    if (r->ref_count)
        qsort(r->refs, r->ref_count, sizeof *r->refs, by_heat);
    return true;
}

/* One identity's object; NULL when it cannot be read. */
static const struct fb_json *read_ref(struct report *r, const struct ref *ref, const char **text)
{
    const struct fb_json *doc;
    char *bytes;

    fb_arena_reset(r->arena);
    bytes = fb_arena_alloc(r->arena, ref->head.len + 1u);
    if (!bytes || !fetch(ref->fd, bytes, ref->head.len, ref->at) ||
        fb_json_parse(r->arena, bytes, ref->head.len, NULL, &doc, NULL) != FB_OK)
        return NULL;
    if (text)
        *text = bytes;
    return doc;
}

/* --- small pieces of text -----------------------------------------------------------------------
 */

static void put(struct report *r, const char *s) { fb_buf_add(&r->line, s); }

static void put_plain(struct report *r, const char *s)
{
    fb_buf_add_plain(&r->line, s, NAME_BYTES);
}

static void flush(struct report *r)
{
    (void)fwrite(r->line.at, 1, r->line.len, r->to);
    fb_buf_reset(&r->line);
}

static const char *day_text(int32_t day, char out[FB_TIME_MAX])
{
    fb_time_iso((int64_t)day * 24 * 3600 * 1000, out);
    out[10] = '\0';
    return out;
}

/* "2026-01-20 03:14:05" of "2026-01-20T03:14:05.000Z". */
static void put_when(struct report *r, const char *iso)
{
    if (strlen(iso) >= 19)
        fb_buf_fmt(&r->line, "%.10s %.8s", iso, iso + 11);
}

static const char *hands_words(const char *hands)
{
    static const char *const words[][2] = {
        {"probably-yours", "PROBABLY YOURS"},
        {"probably-stolen", "probably stolen"},
        {"no-history", "no history before"},
        {"unclear", "unclear: ask its owner"},
    };

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(hands, words[i][0]) == 0)
            return words[i][1];
    }
    return "";
}

/* "launch-burst (18 launches ...); region-fanout (...)". */
static void put_signals(struct report *r, const struct fb_json *moment, size_t max)
{
    const struct fb_json *list = fb_json_get(moment, "signals");

    for (size_t i = 0; i < fb_json_len(list) && i < max; i++) {
        const struct fb_json *s = fb_json_at(list, i);

        put(r, i ? "; " : "");
        put_plain(r, fb_json_get_str(s, "id"));
        put(r, " (");
        put_plain(r, fb_json_get_str(s, "why"));
        put(r, ")");
    }
}

/* "17 aws.stop_instance, 1 aws.disable_access_key". */
static void put_plan(struct report *r, const struct fb_json *plan)
{
    const struct fb_json *count;
    const char *verb;
    void *iter = NULL;
    bool first = true;

    while (fb_json_next(fb_json_get(plan, "by_verb"), &iter, &verb, &count)) {
        fb_buf_fmt(&r->line, "%s%.0f x ", first ? "" : ", ", fb_json_num(count, 0));
        put_plain(r, verb);
        first = false;
    }
    if (first)
        put(r, "nothing (no playbook took it up)");
}

/* --- text ---------------------------------------------------------------------------------------
 */

static void text_head(struct report *r)
{
    const struct fb_bt_sums *s = &r->sums;
    char from[FB_TIME_MAX], to[FB_TIME_MAX];

    fb_time_iso(s->first_ms, from);
    fb_time_iso(s->last_ms, to);
    fb_buf_fmt(&r->line, "Backtest of %llu events of %llu identities in %zu account groups",
               (unsigned long long)s->events, (unsigned long long)s->identities,
               r->h->island_count);
    if (s->events)
        fb_buf_fmt(&r->line, ", %.10s to %.10s", from, to);
    put(r, "\n");
    if (s->duplicates)
        fb_buf_fmt(&r->line, "  %llu duplicates left out\n", (unsigned long long)s->duplicates);
    if (r->h->counts.unknown || r->h->counts.timeless || r->h->counts.rejected)
        fb_buf_fmt(
            &r->line, "  not scored: %llu of no known kind, %llu without a time, %llu rejected\n",
            (unsigned long long)r->h->counts.unknown, (unsigned long long)r->h->counts.timeless,
            (unsigned long long)r->h->counts.rejected);
    fb_buf_fmt(
        &r->line,
        "  would have been contained: %llu, alerted only: %llu  (alert %.0f, contain %.0f)\n",
        (unsigned long long)s->contained, (unsigned long long)s->alerted, r->config->alert,
        r->config->contain);
    flush(r);
}

static void text_hit(struct report *r, const struct fb_json *doc, size_t number)
{
    const struct fb_json *contain = fb_json_get(doc, "contain"), *alert = fb_json_get(doc, "alert");
    bool contained = fb_json_kind(contain) == FB_JSON_OBJECT;
    const struct fb_json *m = contained ? contain : alert;

    fb_buf_fmt(&r->line, "\n%3zu. ", number);
    put_plain(r, fb_json_get_str(doc, "identity"));
    fb_buf_fmt(&r->line, "\n     %s at ", contained ? "contained" : "alerted");
    put_when(r, fb_json_get_str(m, "time"));
    fb_buf_fmt(&r->line, ", score %.1f, by ", fb_json_num(fb_json_get(m, "score"), 0));
    put_plain(r, fb_json_get_str(m, "action"));
    put(r, " in ");
    put_plain(r, fb_json_get_str(m, "region"));
    put(r, " from ");
    put_plain(r, fb_json_get_str(m, "ip"));
    put(r, "\n     why: ");
    put_signals(r, m, 3);
    if (contained) {
        put(r, "\n     would cut: ");
        put_plan(r, fb_json_get(doc, "plan"));
        if (fb_json_num(fb_json_get(m, "usd_per_hour"), 0) >= 1)
            fb_buf_fmt(&r->line, "; burning %.0f USD an hour then",
                       fb_json_num(fb_json_get(m, "usd_per_hour"), 0));
    }
    fb_buf_fmt(&r->line, "\n     %s: ", hands_words(fb_json_get_str(doc, "hands")));
    put_plain(r, fb_json_get_str(doc, "because"));
    put(r, "\n");
    flush(r);
}

static bool text_hits(struct report *r, enum fb_level level, const char *title, uint64_t all)
{
    size_t shown = 0;

    if (!all)
        return true;
    fb_buf_fmt(&r->line, "\n%s\n", title);
    for (size_t i = 0; i < r->ref_count && shown < TEXT_HITS; i++) {
        const struct fb_json *doc;

        if (r->refs[i].head.level != (uint32_t)level)
            continue;
        doc = read_ref(r, &r->refs[i], NULL);
        if (!doc)
            return false;
        text_hit(r, doc, ++shown);
    }
    if (all > shown)
        fb_buf_fmt(&r->line, "\n     ... and %llu more: --output json, csv or html tells all\n",
                   (unsigned long long)(all - shown));
    flush(r);
    return true;
}

static void text_steps(struct report *r)
{
    put(r, "\nIdentities whose score reaches a threshold by something they did\n"
           "  threshold  identities  probably yours\n");
    for (size_t i = 0; i < FB_BT_STEPS; i++)
        fb_buf_fmt(&r->line, "  %9zu  %10llu  %14llu\n", FB_BT_FIRST + FB_BT_STEP * i,
                   (unsigned long long)r->sums.hit[i], (unsigned long long)r->sums.yours[i]);
    put(r, "  (contain asks for evidence of two kinds besides the score; a hard signal contains at "
           "any score)\n");
    flush(r);
}

static bool text_others(struct report *r)
{
    size_t shown = 0;

    for (size_t i = 0; i < r->ref_count && shown < TEXT_OTHERS; i++) {
        const struct fb_json *doc, *top;

        if (r->refs[i].head.level != FB_OBSERVE)
            continue;
        doc = read_ref(r, &r->refs[i], NULL);
        if (!doc)
            return false;
        if (shown++ == 0)
            put(r, "\nHottest of those that stay below\n  score  identity\n");
        fb_buf_fmt(&r->line, "  %5.1f  ", fb_json_num(fb_json_get(doc, "peak"), 0));
        put_plain(r, fb_json_get_str(doc, "identity"));
        top = fb_json_get(doc, "peak_signals");
        for (size_t s = 0; s < fb_json_len(top); s++) {
            put(r, s ? ", " : "  (");
            put_plain(r, fb_json_str(fb_json_at(top, s)));
        }
        put(r, fb_json_len(top) ? ")\n" : "\n");
    }
    flush(r);
    return true;
}

static void text_days(struct report *r)
{
    char day[FB_TIME_MAX];

    put(r, "\nEvents by day and level\n  day           observe     alert   contain\n");
    for (size_t i = 0; i < r->day_count; i++)
        fb_buf_fmt(&r->line, "  %s  %9llu %9llu %9llu\n", day_text(r->days[i].day, day),
                   (unsigned long long)r->days[i].levels[FB_OBSERVE],
                   (unsigned long long)r->days[i].levels[FB_ALERT],
                   (unsigned long long)r->days[i].levels[FB_CONTAIN]);
    flush(r);
}

/* How many of the contained were probably yours: the first thing to read. */
static bool text_harm(struct report *r)
{
    size_t yours = 0, seen = 0;

    for (size_t i = 0; i < r->ref_count && r->refs[i].head.level == FB_CONTAIN; i++) {
        const struct fb_json *doc = read_ref(r, &r->refs[i], NULL);

        if (!doc)
            return false;
        seen++;
        yours += strcmp(fb_json_get_str(doc, "hands"), "probably-yours") == 0;
    }
    if (!seen)
        put(r, "\nEnforcement would have hurt nobody in this log.\n");
    else if (yours)
        fb_buf_fmt(
            &r->line,
            "\nEnforcement would have hurt %zu of your own, as far as this log tells: look at "
            "those first;\nallow them or raise their thresholds before you enforce.\n",
            yours);
    else
        fb_buf_fmt(&r->line, "\nOf the %zu contained, none looks like your own daily work.\n",
                   seen);
    flush(r);
    return true;
}

static bool text_report(struct report *r)
{
    text_head(r);
    if (!text_harm(r) ||
        !text_hits(r, FB_CONTAIN, "WOULD HAVE BEEN CONTAINED", r->sums.contained) ||
        !text_hits(r, FB_ALERT, "WOULD HAVE BEEN ALERTED, NOT CONTAINED", r->sums.alerted) ||
        !text_others(r))
        return false;
    text_steps(r);
    text_days(r);
    return true;
}

/* --- JSON ---------------------------------------------------------------------------------------
 */

static void json_summary(struct report *r)
{
    const struct fb_bt_sums *s = &r->sums;
    char iso[FB_TIME_MAX];

    fb_json_open(&r->line, NULL, '{');
    fb_json_put_str(&r->line, "kind", "summary");
    fb_json_put_int(&r->line, "events", (int64_t)s->events);
    fb_json_put_int(&r->line, "duplicates", (int64_t)s->duplicates);
    fb_json_put_int(&r->line, "unknown", (int64_t)r->h->counts.unknown);
    fb_json_put_int(&r->line, "timeless", (int64_t)r->h->counts.timeless);
    fb_json_put_int(&r->line, "rejected", (int64_t)r->h->counts.rejected);
    fb_json_put_int(&r->line, "identities", (int64_t)s->identities);
    fb_json_put_int(&r->line, "account_groups", (int64_t)r->h->island_count);
    fb_json_put_int(&r->line, "contained", (int64_t)s->contained);
    fb_json_put_int(&r->line, "alerted", (int64_t)s->alerted);
    fb_json_put_num(&r->line, "alert_at", r->config->alert, 1);
    fb_json_put_num(&r->line, "contain_at", r->config->contain, 1);
    fb_json_put_str(&r->line, "first", s->events ? fb_time_iso(s->first_ms, iso) : NULL);
    fb_json_put_str(&r->line, "last", s->events ? fb_time_iso(s->last_ms, iso) : NULL);
    fb_json_close(&r->line, '}');
    put(r, "\n");
}

static bool json_report(struct report *r)
{
    char day[FB_TIME_MAX];

    json_summary(r);
    for (size_t i = 0; i < FB_BT_STEPS; i++) {
        fb_json_open(&r->line, NULL, '{');
        fb_json_put_str(&r->line, "kind", "threshold");
        fb_json_put_int(&r->line, "threshold", (int64_t)(FB_BT_FIRST + FB_BT_STEP * i));
        fb_json_put_int(&r->line, "identities", (int64_t)r->sums.hit[i]);
        fb_json_put_int(&r->line, "probably_yours", (int64_t)r->sums.yours[i]);
        fb_json_close(&r->line, '}');
        put(r, "\n");
    }
    for (size_t i = 0; i < r->day_count; i++) {
        fb_json_open(&r->line, NULL, '{');
        fb_json_put_str(&r->line, "kind", "day");
        fb_json_put_str(&r->line, "day", day_text(r->days[i].day, day));
        for (int l = FB_OBSERVE; l <= FB_CONTAIN; l++)
            fb_json_put_int(&r->line, fb_level_name((enum fb_level)l),
                            (int64_t)r->days[i].levels[l]);
        fb_json_close(&r->line, '}');
        put(r, "\n");
        flush(r);
    }
    flush(r);
    for (size_t i = 0; i < r->ref_count; i++) {
        const char *text = "";

        if (!read_ref(r, &r->refs[i], &text))
            return false;
        put(r, text);
        put(r, "\n");
        flush(r);
    }
    return true;
}

/* --- CSV: one row an identity -------------------------------------------------------------------
 */

/* Without what could steer a terminal. */
static struct fb_buf plain_of(const char *s)
{
    struct fb_buf b;

    fb_buf_init(&b, CELL_BYTES + 8);
    fb_buf_add_plain(&b, s, CELL_BYTES);
    return b;
}

/* Quoted; a leading =, +, - or @ must not become a formula in a spreadsheet. */
static void csv_text(struct report *r, const char *s)
{
    struct fb_buf plain = plain_of(s);

    put(r, *plain.at && strchr("=+-@", *plain.at) ? "\"'" : "\"");
    for (const char *p = plain.at; *p; p++) {
        if (*p == '"')
            fb_buf_addc(&r->line, '"');
        fb_buf_addc(&r->line, *p);
    }
    put(r, "\",");
    fb_buf_release(&plain);
}

static void csv_signals(struct report *r, const struct fb_json *doc, const struct fb_json *moment)
{
    const struct fb_json *list = fb_json_get(moment, "signals");
    const struct fb_json *top = fb_json_get(doc, "peak_signals");
    struct fb_buf words;

    fb_buf_init(&words, 4096);
    for (size_t i = 0; i < fb_json_len(list); i++)
        fb_buf_fmt(&words, "%s%s", i ? " " : "", fb_json_get_str(fb_json_at(list, i), "id"));
    for (size_t i = 0; i < fb_json_len(top) && !fb_json_len(list); i++)
        fb_buf_fmt(&words, "%s%s", i ? " " : "", fb_json_str(fb_json_at(top, i)));
    csv_text(r, words.at);
    fb_buf_release(&words);
}

static void csv_row(struct report *r, const struct fb_json *doc)
{
    const struct fb_json *contain = fb_json_get(doc, "contain"), *alert = fb_json_get(doc, "alert");
    const struct fb_json *m = fb_json_kind(contain) == FB_JSON_OBJECT ? contain : alert;

    csv_text(r, fb_json_get_str(doc, "identity"));
    csv_text(r, fb_json_get_str(doc, "account"));
    csv_text(r, fb_json_get_str(doc, "level"));
    fb_buf_fmt(&r->line, "%.1f,", fb_json_num(fb_json_get(doc, "peak"), 0));
    csv_text(r, fb_json_get_str(alert, "time"));
    csv_text(r, fb_json_get_str(contain, "time"));
    csv_text(r, fb_json_get_str(m, "action"));
    csv_text(r, fb_json_get_str(m, "region"));
    csv_text(r, fb_json_get_str(m, "ip"));
    csv_signals(r, doc, m);
    fb_buf_fmt(&r->line, "%.0f,", fb_json_num(fb_json_path(doc, "plan.count"), 0));
    csv_text(r, fb_json_get_str(doc, "hands"));
    csv_text(r, fb_json_get_str(doc, "because"));
    fb_buf_fmt(&r->line, "%.0f,%.0f,", fb_json_num(fb_json_get(doc, "events"), 0),
               fb_json_num(fb_json_get(doc, "days"), 0));
    fb_buf_fmt(&r->line, "%.0f\n", fb_json_num(fb_json_get(doc, "networks"), 0));
    flush(r);
}

static bool csv_report(struct report *r)
{
    put(r, "identity,account,level,peak,alerted,contained,action,region,ip,signals,would_cut,hands,"
           "because,events,days,networks\n");
    for (size_t i = 0; i < r->ref_count; i++) {
        const struct fb_json *doc = read_ref(r, &r->refs[i], NULL);

        if (!doc)
            return false;
        csv_row(r, doc);
    }
    flush(r);
    return true;
}

/* --- HTML ---------------------------------------------------------------------------------------
 */

static void html_text(struct report *r, const char *s)
{
    struct fb_buf plain = plain_of(s);

    for (const char *p = plain.at; *p; p++) {
        if (*p == '<')
            put(r, "&lt;");
        else if (*p == '>')
            put(r, "&gt;");
        else if (*p == '&')
            put(r, "&amp;");
        else if (*p == '"')
            put(r, "&quot;");
        else
            fb_buf_addc(&r->line, *p);
    }
    fb_buf_release(&plain);
}

static void html_cell(struct report *r, const char *s)
{
    put(r, "<td>");
    html_text(r, s);
    put(r, "</td>");
}

static void html_row(struct report *r, const struct fb_json *doc)
{
    const struct fb_json *contain = fb_json_get(doc, "contain"), *alert = fb_json_get(doc, "alert");
    const struct fb_json *m = fb_json_kind(contain) == FB_JSON_OBJECT ? contain : alert;
    const struct fb_json *list = fb_json_get(m, "signals"), *count;
    const char *hands = fb_json_get_str(doc, "hands"), *verb;
    void *iter = NULL;

    fb_buf_fmt(&r->line, "<tr class=\"%s\"><td>%s</td><td>%.1f</td>",
               strcmp(hands, "probably-yours") == 0 ? "yours" : "", fb_json_get_str(doc, "level"),
               fb_json_num(fb_json_get(doc, "peak"), 0));
    html_cell(r, fb_json_get_str(doc, "identity"));
    html_cell(r, fb_json_get_str(m, "time"));
    put(r, "<td>");
    html_text(r, fb_json_get_str(m, "action"));
    put(r, " ");
    html_text(r, fb_json_get_str(m, "region"));
    put(r, " ");
    html_text(r, fb_json_get_str(m, "ip"));
    put(r, "</td><td>");
    for (size_t i = 0; i < fb_json_len(list); i++) {
        put(r, "<b>");
        html_text(r, fb_json_get_str(fb_json_at(list, i), "id"));
        put(r, "</b> ");
        html_text(r, fb_json_get_str(fb_json_at(list, i), "why"));
        put(r, "<br>");
    }
    put(r, "</td><td>");
    while (fb_json_next(fb_json_path(doc, "plan.by_verb"), &iter, &verb, &count)) {
        fb_buf_fmt(&r->line, "%.0f x ", fb_json_num(count, 0));
        html_text(r, verb);
        put(r, "<br>");
    }
    put(r, "</td><td>");
    html_text(r, hands_words(hands));
    put(r, "<br>");
    html_text(r, fb_json_get_str(doc, "because"));
    put(r, "</td></tr>\n");
    flush(r);
}

static void html_tables(struct report *r)
{
    char day[FB_TIME_MAX];

    put(r, "</table>\n<h2>Identities that reach a threshold</h2>\n<table><tr><th>threshold"
           "<th>identities<th>probably yours</tr>\n");
    for (size_t i = 0; i < FB_BT_STEPS; i++)
        fb_buf_fmt(&r->line, "<tr><td>%zu<td>%llu<td>%llu</tr>\n", FB_BT_FIRST + FB_BT_STEP * i,
                   (unsigned long long)r->sums.hit[i], (unsigned long long)r->sums.yours[i]);
    put(r, "</table>\n<h2>Events by day and level</h2>\n<table><tr><th>day<th>observe<th>alert"
           "<th>contain</tr>\n");
    for (size_t i = 0; i < r->day_count; i++) {
        fb_buf_fmt(&r->line, "<tr><td>%s<td>%llu<td>%llu<td>%llu</tr>\n",
                   day_text(r->days[i].day, day), (unsigned long long)r->days[i].levels[FB_OBSERVE],
                   (unsigned long long)r->days[i].levels[FB_ALERT],
                   (unsigned long long)r->days[i].levels[FB_CONTAIN]);
        flush(r);
    }
    put(r, "</table>\n</body></html>\n");
    flush(r);
}

static bool html_report(struct report *r)
{
    put(r, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Firebreak "
           "backtest</title>\n<style>body{font:14px sans-serif;margin:2em}table{border-collapse:"
           "collapse}td,th{border:1px solid #ccc;padding:.3em .6em;text-align:left;vertical-align:"
           "top}tr.yours{background:#fee}pre{font:inherit}</style></head>\n<body>\n"
           "<h1>Backtest</h1>\n<pre>");
    text_head(r);
    if (!text_harm(r))
        return false;
    put(r, "</pre>\n<table><tr><th>level<th>peak<th>identity<th>when<th>by<th>why<th>would cut<th>"
           "whose</tr>\n");
    for (size_t i = 0; i < r->ref_count; i++) {
        const struct fb_json *doc = read_ref(r, &r->refs[i], NULL);

        if (!doc)
            return false;
        html_row(r, doc);
    }
    html_tables(r);
    return true;
}

bool fb_bt_report(FILE *to, enum fb_bt_form form, const struct fb_history *h,
                  const struct fb_config *config, const int *fds,
                  const struct fb_bt_result *results)
{
    static bool (*const forms[])(struct report *) = {text_report, json_report, csv_report,
                                                     html_report};
    struct report r = {.to = to, .h = h, .config = config};
    bool ok;

    r.arena = fb_arena_new(64u << 20);
    fb_buf_init(&r.line, LINE_BYTES);
    ok = r.arena && gather(&r, fds, results) && forms[form](&r) && fb_buf_ok(&r.line);
    fb_buf_release(&r.line);
    fb_arena_free(r.arena);
    free(r.days);
    free(r.refs);
    return fflush(to) == 0 && !ferror(to) && ok;
}

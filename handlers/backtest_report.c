/* backtest_report.c - the results of all islands become one: gathered, sorted, and in pieces of
 * text that several forms show.
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

enum { LINE_BYTES = 2 << 20, NAME_BYTES = 160 };

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

static void add_hits(struct fb_bt_hits *to, const struct fb_bt_hits *more)
{
    to->all += more->all;
    to->yours += more->yours;
    to->robots += more->robots;
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
        add_hits(&to->alerts[i], &more->alerts[i]);
        add_hits(&to->contains[i], &more->contains[i]);
        for (size_t c = 0; c < FB_BT_STEPS; c++)
            to->alerted_only[i][c] += more->alerted_only[i][c];
    }
}

static bool add_days(struct fb_bt_report *r, int fd, uint64_t at, size_t n)
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

static bool add_refs(struct fb_bt_report *r, int fd, uint64_t at, size_t island, size_t n)
{
    struct fb_bt_ref *wide = realloc(r->refs, (r->ref_count + n + 1) * sizeof *wide);

    if (!wide)
        return false;
    r->refs = wide;
    for (size_t i = 0; i < n; i++) {
        struct fb_bt_ref ref = {.fd = fd, .island = island, .number = i};

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
    const struct fb_bt_ref *a = x, *b = y;
    int order = fb_bt_story_order(&a->head, &b->head);

    if (order)
        return order;
    if (a->island != b->island)
        return a->island < b->island ? -1 : 1;
    return (a->number > b->number) - (a->number < b->number);
}

static bool gather(struct fb_bt_report *r, const int *fds, const struct fb_bt_result *results)
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

const struct fb_json *fb_bt_read_ref(struct fb_bt_report *r, const struct fb_bt_ref *ref,
                                     const char **text)
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

void fb_bt_flush(struct fb_bt_report *r)
{
    (void)fwrite(r->line->at, 1, r->line->len, r->to);
    fb_buf_reset(r->line);
}

/* --- pieces of text -----------------------------------------------------------------------------
 */

const char *fb_bt_day_text(int32_t day, char out[FB_TIME_MAX])
{
    fb_time_iso((int64_t)day * 24 * 3600 * 1000, out);
    out[10] = '\0';
    return out;
}

const struct fb_json *fb_bt_worst(const struct fb_json *doc)
{
    const struct fb_json *contain = fb_json_get(doc, "contain");

    return fb_json_kind(contain) == FB_JSON_OBJECT ? contain : fb_json_get(doc, "alert");
}

const char *fb_bt_hands_words(const char *hands)
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
void fb_bt_put_signals(struct fb_buf *to, const struct fb_json *moment, size_t max)
{
    const struct fb_json *list = fb_json_get(moment, "signals");

    for (size_t i = 0; i < fb_json_len(list) && i < max; i++) {
        const struct fb_json *s = fb_json_at(list, i);

        fb_buf_add(to, i ? "; " : "");
        fb_buf_add_plain(to, fb_json_get_str(s, "id"), NAME_BYTES);
        fb_buf_add(to, " (");
        fb_buf_add_plain(to, fb_json_get_str(s, "why"), NAME_BYTES);
        fb_buf_add(to, ")");
    }
}

/* "17 x aws.stop_instance, 1 x aws.disable_access_key". */
void fb_bt_put_plan(struct fb_buf *to, const struct fb_json *plan)
{
    const struct fb_json *count;
    const char *verb;
    void *iter = NULL;
    bool first = true;

    while (fb_json_next(fb_json_get(plan, "by_verb"), &iter, &verb, &count)) {
        fb_buf_fmt(to, "%s%.0f x ", first ? "" : ", ", fb_json_num(count, 0));
        fb_buf_add_plain(to, verb, NAME_BYTES);
        first = false;
    }
    if (first)
        fb_buf_add(to, "nothing (no playbook took it up)");
}

/* "a robot: 4301 calls on 16 days from 1 network with Terraform, mostly ec2:RunInstances, ...". */
void fb_bt_put_usual(struct fb_buf *to, const struct fb_json *doc)
{
    const struct fb_json *usual = fb_json_get(doc, "usual");
    double days = fb_json_num(fb_json_get(doc, "days"), 0);
    double networks = fb_json_num(fb_json_get(doc, "networks"), 0);
    const char *tool = fb_json_get_str(doc, "tool");

    fb_buf_fmt(to, "%s%.0f events on %.0f day%s",
               fb_json_bool(fb_json_get(doc, "robot"), false) ? "a robot: " : "",
               fb_json_num(fb_json_get(doc, "events"), 0), days, days == 1 ? "" : "s");
    if (networks > 0)
        fb_buf_fmt(to, " from %s%.0f network%s", networks >= 8 ? "at least " : "", networks,
                   networks == 1 ? "" : "s");
    if (*tool)
        fb_buf_fmt(to, " with %s", tool);
    for (size_t i = 0; i < fb_json_len(usual); i++) {
        fb_buf_add(to, i ? ", " : ", mostly ");
        fb_buf_add_plain(to, fb_json_str(fb_json_at(usual, i)), NAME_BYTES);
    }
}

/* The highest threshold of a list of those that were reached; 0 none. */
static int highest(const struct fb_json *reached)
{
    const struct fb_json *at;
    const char *step;
    void *iter = NULL;
    int best = 0;

    while (fb_json_next(reached, &iter, &step, &at)) {
        int n = atoi(step);

        best = n > best ? n : best;
    }
    return best;
}

/* "contained up to threshold 85, alerted up to 95". */
void fb_bt_put_limit(struct fb_buf *to, const struct fb_json *doc)
{
    int contain = highest(fb_json_get(doc, "contains_at"));
    int alert = highest(fb_json_get(doc, "alerts_at"));

    if (contain)
        fb_buf_fmt(to, "contained at any threshold up to %d", contain);
    if (alert)
        fb_buf_fmt(to, "%salerted at any up to %d", contain ? ", " : "", alert);
}

void fb_bt_put_head(struct fb_bt_report *r)
{
    const struct fb_bt_sums *s = &r->sums;
    char from[FB_TIME_MAX], to[FB_TIME_MAX];

    fb_time_iso(s->first_ms, from);
    fb_time_iso(s->last_ms, to);
    fb_buf_fmt(r->line, "Backtest of %llu events of %llu identities in %zu account groups",
               (unsigned long long)s->events, (unsigned long long)s->identities,
               r->h->island_count);
    if (s->events)
        fb_buf_fmt(r->line, ", %.10s to %.10s", from, to);
    fb_buf_add(r->line, "\n");
    if (s->duplicates)
        fb_buf_fmt(r->line, "  %llu duplicates left out\n", (unsigned long long)s->duplicates);
    if (r->h->counts.unknown || r->h->counts.timeless || r->h->counts.rejected)
        fb_buf_fmt(
            r->line, "  not scored: %llu of no known kind, %llu without a time, %llu rejected\n",
            (unsigned long long)r->h->counts.unknown, (unsigned long long)r->h->counts.timeless,
            (unsigned long long)r->h->counts.rejected);
    fb_buf_fmt(
        r->line,
        "  would have been contained: %llu, alerted only: %llu  (alert %.0f, contain %.0f)\n",
        (unsigned long long)s->contained, (unsigned long long)s->alerted, r->config->alert,
        r->config->contain);
}

/* The first thing to read: whom enforcement would have hurt. */
bool fb_bt_put_harm(struct fb_bt_report *r)
{
    size_t yours = 0, robots = 0, seen = 0;

    for (size_t i = 0; i < r->ref_count && r->refs[i].head.level == FB_CONTAIN; i++) {
        const struct fb_json *doc = fb_bt_read_ref(r, &r->refs[i], NULL);
        bool own;

        if (!doc)
            return false;
        seen++;
        own = strcmp(fb_json_get_str(doc, "hands"), "probably-yours") == 0;
        yours += own;
        robots += own && fb_json_bool(fb_json_get(doc, "robot"), false);
    }
    if (!seen)
        fb_buf_add(r->line, "\nEnforcement would have cut off nobody in this log.\n");
    else if (yours)
        fb_buf_fmt(
            r->line,
            "\nEnforcement would have hurt %zu of your own (%zu robot%s), as far as this log "
            "tells: look at those\nfirst; protect them or raise the thresholds before you "
            "enforce.\n",
            yours, robots, robots == 1 ? "" : "s");
    else
        fb_buf_fmt(r->line, "\nOf the %zu contained, none looks like your own daily work.\n", seen);
    return true;
}

bool fb_bt_report(FILE *to, enum fb_form form, const struct fb_history *h,
                  const struct fb_config *config, const int *fds,
                  const struct fb_bt_result *results)
{
    static bool (*const forms[])(struct fb_bt_report *) = {[FB_FORM_TEXT] = fb_bt_text,
                                                           [FB_FORM_JSON] = fb_bt_json,
                                                           [FB_FORM_CSV] = fb_bt_csv,
                                                           [FB_FORM_HTML] = fb_bt_html};
    struct fb_buf line;
    struct fb_bt_report r = {.to = to, .h = h, .config = config, .line = &line};
    bool ok;

    r.arena = fb_arena_new(64u << 20);
    fb_buf_init(&line, LINE_BYTES);
    ok = r.arena && gather(&r, fds, results) && forms[form](&r) && fb_buf_ok(&line);
    fb_buf_release(&line);
    fb_arena_free(r.arena);
    free(r.days);
    free(r.refs);
    return fflush(to) == 0 && !ferror(to) && ok;
}

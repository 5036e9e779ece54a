/* identities_out.c - the list of identities as text, JSON, CSV and HTML. */
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"
#include "identities.h"
#include "sheet.h"

enum { WIDTH = 100, NAME_AT = 34, COLUMNS = 15, FOLD_FROM = 3 };

static const char *const HEADS[COLUMNS] = {
    "risk",   "severity", "score",     "level",      "identity",  "kind",   "account",    "root",
    "vector", "assumed",  "lean_risk", "first_seen", "last_seen", "events", "credentials"};

static const char *when(int64_t ms, char out[FB_TIME_MAX])
{
    out[0] = '\0';
    if (ms > 0) {
        fb_time_iso(ms, out);
        out[19] = 'Z'; /* seconds will do */
        out[20] = '\0';
    }
    return out;
}

/* "AG PW CP": what nobody proved. */
static const char *assumed(const struct fb_row *row, char out[32])
{
    size_t n = 0;

    out[0] = '\0';
    for (size_t i = 0; i < FB_RISK_METRICS; i++) {
        if (fb_risk_letter(&row->risk, i) == '?')
            n += (size_t)snprintf(out + n, 32 - n, "%s%s", n ? " " : "", fb_risk_metric_name(i));
    }
    return out;
}

/* --- text ---------------------------------------------------------------------------------------
 */

/* The end of an ARN tells more than its middle: cut there. Counted in bytes, which is at most too
 * short. */
static void add_name(struct fb_buf *b, const char *name, size_t room)
{
    struct fb_buf plain;
    size_t head, tail;

    fb_buf_init(&plain, 4096);
    fb_buf_add_plain(&plain, name, 2048);
    if (plain.len <= room) {
        fb_buf_add(b, plain.at);
    } else {
        head = room / 2 - 2;
        tail = plain.len - (room - head - 3);
        while (head && ((unsigned char)plain.at[head] & 0xC0) == 0x80)
            head--;
        while (tail < plain.len && ((unsigned char)plain.at[tail] & 0xC0) == 0x80)
            tail++;
        fb_buf_addn(b, plain.at, head);
        fb_buf_add(b, "...");
        fb_buf_add(b, plain.at + tail);
    }
    fb_buf_release(&plain);
}

static const char *paint(double risk, bool colour)
{
    return !colour ? "" : risk >= 8.95 ? "\x1b[1;31m" : risk >= 6.95 ? "\x1b[33m" : "";
}

static void text_row(struct fb_buf *b, const struct fb_row *row, bool colour)
{
    char vector[FB_RISK_TEXT_MAX], first[FB_TIME_MAX], last[FB_TIME_MAX];
    const char *on = paint(row->risk_score, colour);

    fb_buf_fmt(b, "%s%4.1f %-8s%s %5.1f %-7s  ", on, row->risk_score,
               fb_risk_severity(row->risk_score), *on ? "\x1b[0m" : "", row->score,
               fb_level_name(row->level));
    fb_buf_fmt(b, "%-4.4s ",
               row->kind == FB_HOP_USER_KEY          ? "user"
               : row->kind == FB_HOP_ROOT            ? "root"
               : row->kind == FB_HOP_INSTANCE        ? "inst"
               : row->kind == FB_HOP_EXTERNAL        ? "ext"
               : row->kind == FB_HOP_CREDENTIAL      ? "key"
               : row->kind == FB_HOP_SERVICE_ACCOUNT ? "sa"
                                                     : fb_hop_kind_name(row->kind));
    add_name(b, row->identity, WIDTH - NAME_AT);
    fb_buf_fmt(b, "\n     %s  %.10s..%.10s", fb_risk_text(&row->risk, vector),
               *when(row->first_ms, first) ? first : "never",
               *when(row->last_ms, last) ? last : "never");
    if (row->has_lean && row->lean_score < row->risk_score)
        fb_buf_fmt(b, "  could be %.1f", row->lean_score);
    fb_buf_addc(b, '\n');
    if (row->root != row) {
        fb_buf_add(b, "     acts for ");
        add_name(b, row->root->identity, WIDTH - 14);
        fb_buf_addc(b, '\n');
    }
}

/* Sessions of one role that read alike, one after the other. */
static bool alike(const struct fb_row *a, const struct fb_row *b)
{
    return a->kind == FB_HOP_ROLE && b->kind == FB_HOP_ROLE && *a->role && a->root != a &&
           fb_eq(a->role, b->role) && a->root == b->root &&
           memcmp(&a->risk, &b->risk, sizeof a->risk) == 0;
}

static bool put(FILE *to, struct fb_buf *b)
{
    bool whole = fb_buf_ok(b) && fwrite(b->at, 1, b->len, to) == b->len;

    fb_buf_reset(b);
    return whole;
}

static void text_foot(struct fb_buf *b, const struct fb_rows *rows)
{
    bool unknown = false, lean = false;
    char list[32];

    for (size_t i = 0; i < rows->count; i++) {
        unknown |= *assumed(rows->at[i], list) != '\0';
        lean |= rows->at[i]->has_lean && rows->at[i]->lean_score < rows->at[i]->risk_score;
    }
    if (unknown)
        fb_buf_add(b,
                   "\n? is not proved by what was read and counts as its highest value; --iam and\n"
                   "--credential-report prove more.\n");
    if (lean)
        fb_buf_add(b, "\ncould be: with only the rights that this log saw it use.\n");
}

static bool text(FILE *to, const struct fb_rows *rows, bool colour)
{
    struct fb_buf b;
    bool whole = true;

    fb_buf_init(&b, 64u << 10);
    if (rows->count)
        fb_buf_add(&b, "risk          score level    kind identity\n");
    for (size_t i = 0; i < rows->count && whole;) {
        size_t end = i + 1;

        while (end < rows->count && alike(rows->at[i], rows->at[end]))
            end++;
        text_row(&b, rows->at[i], colour);
        if (end - i >= FOLD_FROM)
            fb_buf_fmt(&b, "     and %zu more sessions of this role\n", end - i - 1);
        else
            end = i + 1;
        whole = put(to, &b);
        i = end;
    }
    text_foot(&b, rows);
    whole = put(to, &b) && whole;
    fb_buf_release(&b);
    return whole;
}

/* --- the others ---------------------------------------------------------------------------------
 */

static bool json(FILE *to, const struct fb_rows *rows)
{
    struct fb_buf b;
    bool whole = true;

    fb_buf_init(&b, 64u << 10);
    for (size_t i = 0; i < rows->count && whole; i++) {
        const struct fb_row *row = rows->at[i];
        char vector[FB_RISK_TEXT_MAX], first[FB_TIME_MAX], last[FB_TIME_MAX];

        fb_json_open(&b, NULL, '{');
        fb_json_put_str(&b, "identity", row->identity);
        fb_json_put_str(&b, "kind", fb_hop_kind_name(row->kind));
        fb_json_put_str(&b, "account", row->account);
        fb_json_put_str(&b, "root", row->root->identity);
        fb_json_put_num(&b, "risk", row->risk_score, 1);
        fb_json_put_str(&b, "severity", fb_risk_severity(row->risk_score));
        fb_json_put_str(&b, "vector", fb_risk_text(&row->risk, vector));
        fb_json_open(&b, "assumed", '[');
        for (size_t m = 0; m < FB_RISK_METRICS; m++) {
            if (fb_risk_letter(&row->risk, m) == '?')
                fb_json_put_str(&b, NULL, fb_risk_metric_name(m));
        }
        fb_json_close(&b, ']');
        if (row->has_lean)
            fb_json_put_num(&b, "lean_risk", row->lean_score, 1);
        else
            fb_json_put_null(&b, "lean_risk");
        fb_json_put_num(&b, "score", row->score, 1);
        fb_json_put_str(&b, "level", fb_level_name(row->level));
        fb_json_put_str(&b, "first_seen", row->first_ms ? fb_time_iso(row->first_ms, first) : NULL);
        fb_json_put_str(&b, "last_seen", row->last_ms ? fb_time_iso(row->last_ms, last) : NULL);
        if (rows->log)
            fb_json_put_int(&b, "events", (int64_t)row->events);
        fb_json_open(&b, "credentials", '[');
        for (size_t k = 0; k < row->key_count; k++)
            fb_json_put_str(&b, NULL, row->keys[k].id);
        fb_json_close(&b, ']');
        fb_json_close(&b, '}');
        fb_buf_addc(&b, '\n');
        whole = put(to, &b);
    }
    fb_buf_release(&b);
    return whole;
}

static bool sheet_row(const struct fb_sheet *out, const struct fb_row *row, bool log)
{
    char risk[16], score[16], lean[16] = "", events[24] = "", vector[FB_RISK_TEXT_MAX], gaps[32];
    char first[FB_TIME_MAX], last[FB_TIME_MAX], keys[FB_ROW_KEYS * 73] = "";
    size_t n = 0;
    const char *cells[COLUMNS] = {risk,
                                  fb_risk_severity(row->risk_score),
                                  score,
                                  fb_level_name(row->level),
                                  row->identity,
                                  fb_hop_kind_name(row->kind),
                                  row->account,
                                  row->root->identity,
                                  fb_risk_text(&row->risk, vector),
                                  assumed(row, gaps),
                                  lean,
                                  when(row->first_ms, first),
                                  when(row->last_ms, last),
                                  events,
                                  keys};

    (void)snprintf(risk, sizeof risk, "%.1f", row->risk_score);
    (void)snprintf(score, sizeof score, "%.1f", row->score);
    if (row->has_lean)
        (void)snprintf(lean, sizeof lean, "%.1f", row->lean_score);
    if (log)
        (void)snprintf(events, sizeof events, "%llu", (unsigned long long)row->events);
    for (size_t k = 0; k < row->key_count; k++)
        n += (size_t)snprintf(keys + n, sizeof keys - n, "%s%s", n ? " " : "", row->keys[k].id);
    return fb_sheet_row(out, cells);
}

static bool sheet(FILE *to, enum fb_form form, const struct fb_rows *rows)
{
    struct fb_sheet out = {
        .to = to,
        .form = form,
        .title = "Firebreak: identities",
        .note = "Highest risk first. A metric written ? is not proved by what was read and counts "
                "as its highest value. score and level: activity. lean_risk: with only the rights "
                "that the log saw in use.",
        .heads = HEADS,
        .columns = COLUMNS};
    bool whole = fb_sheet_open(&out);

    for (size_t i = 0; i < rows->count && whole; i++)
        whole = sheet_row(&out, rows->at[i], rows->log);
    return whole && fb_sheet_close(&out);
}

bool fb_rows_write(FILE *to, enum fb_form form, const struct fb_rows *rows, bool colour)
{
    switch (form) {
    case FB_FORM_JSON:
        return json(to, rows);
    case FB_FORM_CSV:
    case FB_FORM_HTML:
        return sheet(to, form, rows);
    case FB_FORM_TEXT:
        break;
    }
    return text(to, rows, colour);
}

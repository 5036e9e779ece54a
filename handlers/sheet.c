/* sheet.c - see sheet.h. */
#include "sheet.h"

#include <string.h>

#include "base/buf.h"
#include "base/text.h"

enum { ROW_BYTES_MAX = FB_SHEET_COLUMNS_MAX * FB_SHEET_CELL_MAX * 6 };

enum fb_form fb_form_of(const struct fb_options *o)
{
    return o->json                    ? FB_FORM_JSON
           : fb_eq(o->output, "csv")  ? FB_FORM_CSV
           : fb_eq(o->output, "html") ? FB_FORM_HTML
                                      : FB_FORM_TEXT;
}

/* What spreadsheets take for a formula or an external reference (OWASP, "CSV Injection"),
 * full-width twins included. Spaces before it do not hide it. */
static bool is_formula(const char *text)
{
    static const char *const WIDE[] = {"\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d",
                                       "\xef\xbc\xa0"}; /* = + - @ */

    text += strspn(text, " ");
    for (size_t i = 0; i < sizeof WIDE / sizeof *WIDE; i++) {
        if (fb_starts(text, WIDE[i]))
            return true;
    }
    return *text && strchr("=+-@\t\r", *text);
}

void fb_csv_cell(struct fb_buf *to, const char *text)
{
    struct fb_buf plain;
    bool formula = is_formula(text), quote;

    fb_buf_init(&plain, FB_SHEET_CELL_MAX + 8);
    fb_buf_add_plain(&plain, text, FB_SHEET_CELL_MAX);
    quote = formula || strpbrk(plain.at, ",\";") || plain.at[0] == ' ';
    if (quote)
        fb_buf_addc(to, '"');
    if (formula)
        fb_buf_addc(to, '\'');
    for (const char *c = plain.at; *c; c++) {
        if (*c == '"')
            fb_buf_addc(to, '"');
        fb_buf_addc(to, *c);
    }
    if (quote)
        fb_buf_addc(to, '"');
    fb_buf_release(&plain);
}

void fb_html_text(struct fb_buf *to, const char *text)
{
    struct fb_buf plain;

    fb_buf_init(&plain, FB_SHEET_CELL_MAX + 8);
    fb_buf_add_plain(&plain, text, FB_SHEET_CELL_MAX);
    for (const char *c = plain.at; *c; c++) {
        switch (*c) {
        case '&':
            fb_buf_add(to, "&amp;");
            break;
        case '<':
            fb_buf_add(to, "&lt;");
            break;
        case '>':
            fb_buf_add(to, "&gt;");
            break;
        case '"':
            fb_buf_add(to, "&quot;");
            break;
        case '\'':
            fb_buf_add(to, "&#39;");
            break;
        default:
            fb_buf_addc(to, *c);
        }
    }
    fb_buf_release(&plain);
}

static bool is_marked(const struct fb_sheet *s, const char *const *cells)
{
    for (size_t i = 0; s->mark && i < s->columns; i++) {
        if (strcmp(cells[i], s->mark) == 0)
            return true;
    }
    return false;
}

static void add_row(struct fb_buf *b, const struct fb_sheet *s, const char *tag,
                    const char *const *cells)
{
    if (s->form == FB_FORM_HTML)
        fb_buf_add(b, is_marked(s, cells) ? "<tr class=\"mark\">" : "<tr>");
    for (size_t i = 0; i < s->columns; i++) {
        if (s->form == FB_FORM_HTML) {
            fb_buf_fmt(b, "<%s>", tag);
            fb_html_text(b, cells[i]);
            fb_buf_fmt(b, "</%s>", tag);
        } else {
            if (i)
                fb_buf_addc(b, ',');
            fb_csv_cell(b, cells[i]);
        }
    }
    fb_buf_add(b, s->form == FB_FORM_HTML ? "</tr>\n" : "\r\n");
}

static bool put(const struct fb_sheet *s, struct fb_buf *b)
{
    bool whole = fb_buf_ok(b) && fwrite(b->at, 1, b->len, s->to) == b->len;

    fb_buf_release(b);
    return whole;
}

/* The note's own line ends stay; whatever else it holds is text. */
static void add_lines(struct fb_buf *b, const char *text)
{
    char line[FB_SHEET_CELL_MAX];

    while (*text) {
        size_t len = strcspn(text, "\n");

        (void)snprintf(line, sizeof line, "%.*s", (int)len, text);
        fb_html_text(b, line);
        text += len;
        if (*text == '\n')
            fb_buf_addc(b, *text++);
    }
}

/* Nothing may be loaded or run, whatever a name in the table says. */
static void open_page(struct fb_buf *b, const struct fb_sheet *s)
{
    fb_buf_add(b, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                  "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                  "style-src 'unsafe-inline'\">\n"
                  "<meta name=\"viewport\" content=\"width=device-width\">\n<title>");
    fb_html_text(b, s->title);
    fb_buf_add(b,
               "</title>\n<style>\n"
               "body{font:14px/1.4 system-ui,sans-serif;margin:2em;color:#222;background:#fff}\n"
               "table{border-collapse:collapse}\n"
               "th,td{text-align:left;vertical-align:top;padding:.25em .7em;"
               "border-bottom:1px solid #ddd;overflow-wrap:anywhere}\n"
               "th{position:sticky;top:0;background:#fff;overflow-wrap:normal}\n"
               "tbody tr:hover{background:#f4f4f4}tr.mark{background:#fdd}"
               "p{white-space:pre-wrap}\n"
               "@media(prefers-color-scheme:dark){body,th{background:#111;color:#ddd}"
               "th,td{border-color:#333}tbody tr:hover{background:#222}tr.mark{background:#522}}\n"
               "</style>\n</head>\n<body>\n<h1>");
    fb_html_text(b, s->title);
    fb_buf_add(b, "</h1>\n<p>");
    add_lines(b, s->note);
    fb_buf_add(b, "</p>\n<table>\n<thead>\n");
}

bool fb_sheet_open(const struct fb_sheet *s)
{
    struct fb_buf b;

    fb_buf_init(&b, ROW_BYTES_MAX);
    if (s->form == FB_FORM_HTML)
        open_page(&b, s);
    add_row(&b, s, "th", s->heads);
    if (s->form == FB_FORM_HTML)
        fb_buf_add(&b, "</thead>\n<tbody>\n");
    return put(s, &b);
}

bool fb_sheet_next(struct fb_sheet *s, const char *heading, const char *const *heads,
                   size_t columns)
{
    struct fb_buf b;

    if (s->form != FB_FORM_HTML)
        return false;
    s->heads = heads;
    s->columns = columns;
    s->mark = NULL;
    fb_buf_init(&b, ROW_BYTES_MAX);
    fb_buf_add(&b, "</tbody>\n</table>\n<h2>");
    fb_html_text(&b, heading);
    fb_buf_add(&b, "</h2>\n<table>\n<thead>\n");
    add_row(&b, s, "th", heads);
    fb_buf_add(&b, "</thead>\n<tbody>\n");
    return put(s, &b);
}

bool fb_sheet_row(const struct fb_sheet *s, const char *const *cells)
{
    struct fb_buf b;

    fb_buf_init(&b, ROW_BYTES_MAX);
    add_row(&b, s, "td", cells);
    return put(s, &b);
}

bool fb_sheet_close(const struct fb_sheet *s)
{
    return s->form != FB_FORM_HTML || fputs("</tbody>\n</table>\n</body>\n</html>\n", s->to) >= 0;
}

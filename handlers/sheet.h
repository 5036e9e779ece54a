/* sheet.h - a table for other programs: CSV and HTML, and the one place that makes text from events
 * safe for both.
 *
 * CSV is RFC 4180 (CRLF, quotes doubled, one header line). A cell that a spreadsheet would take for
 * a formula begins with an apostrophe. HTML is one file: no script, nothing loaded. In both,
 * control and bidi characters become '?', as on a terminal. */
#ifndef FB_SHEET_H
#define FB_SHEET_H
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "doors.h"

/* What --output names. */
enum fb_form { FB_FORM_TEXT, FB_FORM_JSON, FB_FORM_CSV, FB_FORM_HTML };
enum fb_form fb_form_of(const struct fb_options *o);

enum { FB_SHEET_COLUMNS_MAX = 32, FB_SHEET_CELL_MAX = 4096 };

/* What --output names; text and json are the door's own affair. */
struct fb_sheet {
    FILE *to;
    enum fb_form form;        /* FB_FORM_CSV or FB_FORM_HTML */
    const char *title, *note; /* HTML: heading and lines under it; the note may hold any text */
    const char *const *heads;
    size_t columns;
    const char *mark; /* HTML: a row with this cell stands out; NULL none */
};

/* Each returns false when it could not be written. cells: `columns` texts, anybody's. */
bool fb_sheet_open(const struct fb_sheet *s);
bool fb_sheet_row(const struct fb_sheet *s, const char *const *cells);
/* HTML only: another table on the same page, under a heading of ours. */
bool fb_sheet_next(struct fb_sheet *s, const char *heading, const char *const *heads,
                   size_t columns);
bool fb_sheet_close(const struct fb_sheet *s);

/* One cell, as the rows write it. */
struct fb_buf;
void fb_csv_cell(struct fb_buf *to, const char *text);
void fb_html_text(struct fb_buf *to, const char *text);

#endif

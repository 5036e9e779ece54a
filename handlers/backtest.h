/* backtest.h - inside `firebreak backtest`: what the scoring leaves for the report. */
#ifndef FB_BACKTEST_H
#define FB_BACKTEST_H
#include <stdint.h>
#include <stdio.h>

#include "doors.h"
#include "history.h"
#include "sheet.h"

enum {
    FB_BT_STEPS = 12, /* thresholds 40, 45 ... 95 */
    FB_BT_FIRST = 40,
    FB_BT_STEP = 5,
    FB_BT_CONTAIN_STEP = 6 /* 70: no configuration may contain below */
};

/* Whose hands it was, as far as the log tells; how a person should read a hit. */
enum fb_bt_hands {
    FB_BT_YOURS,      /* it did such work from here on earlier days: containment would hurt you */
    FB_BT_STOLEN,     /* yours by its history, in hands that history does not know */
    FB_BT_NO_HISTORY, /* nothing to compare with: its first day in this log */
    FB_BT_UNCLEAR,
    FB_BT_HANDS
};
const char *fb_bt_hands_name(enum fb_bt_hands h);

struct fb_bt_day {
    int32_t day;
    uint64_t levels[3]; /* by enum fb_level */
};

/* All numbers of one island, and of their sum. */
struct fb_bt_sums {
    uint64_t events, duplicates, identities, problems;
    uint64_t alerted, contained; /* identities, by their highest level */
    int64_t first_ms, last_ms;
    struct fb_bt_hits {
        uint64_t all, yours, robots;
    } alerts[FB_BT_STEPS], contains[FB_BT_STEPS];    /* identities, had the threshold been this */
    uint64_t alerted_only[FB_BT_STEPS][FB_BT_STEPS]; /* by alert and contain threshold */
    uint64_t day_count, story_count;
};

/* In the results of an island after its sums and days: one identity as a JSON object, with what it
 * is sorted by in front. */
struct fb_bt_story {
    double peak;
    int64_t at_ms; /* first contained, else alerted, else at its peak */
    uint32_t level, len;
    uint32_t rank; /* whom it would hurt first: 0 */
};
int fb_bt_story_order(const struct fb_bt_story *a, const struct fb_bt_story *b);

/* Where an island's results are; shared memory. */
struct fb_bt_result {
    uint32_t worker;
    uint64_t at, len;
};

/* Scores every island; results of the worker go to fds[worker]. */
enum fb_status fb_bt_score(const struct fb_history *h, const struct fb_config *config,
                           const int *fds, struct fb_bt_result *results, struct fb_err *err);

/* --- the report, from the results of all islands --- */

struct fb_arena;
struct fb_buf;
struct fb_json;

/* Where one identity's object is, and what it is sorted by. */
struct fb_bt_ref {
    struct fb_bt_story head;
    int fd;
    uint64_t at;
    size_t island, number;
};

struct fb_bt_report {
    FILE *to;
    const struct fb_history *h;
    const struct fb_config *config;
    struct fb_bt_sums sums;
    struct fb_bt_day *days; /* by day */
    size_t day_count;
    struct fb_bt_ref *refs; /* whom it would hurt first, then hottest first */
    size_t ref_count;
    struct fb_arena *arena; /* of one identity */
    struct fb_buf *line;
};

/* Prints the report; false when stdout or a temporary file broke, or memory is short. */
bool fb_bt_report(FILE *to, enum fb_form form, const struct fb_history *h,
                  const struct fb_config *config, const int *fds,
                  const struct fb_bt_result *results);

/* One identity's object, good until the next; NULL when it cannot be read. *text: its bytes. */
const struct fb_json *fb_bt_read_ref(struct fb_bt_report *r, const struct fb_bt_ref *ref,
                                     const char **text);

/* What is written so far goes out. */
void fb_bt_flush(struct fb_bt_report *r);
const char *fb_bt_day_text(int32_t day, char out[FB_TIME_MAX]);

/* Pieces of text that more than one form shows: of an identity's object, its moment's. */
const struct fb_json *fb_bt_worst(const struct fb_json *doc); /* contain, else alert */
const char *fb_bt_hands_words(const char *hands);
void fb_bt_put_signals(struct fb_buf *to, const struct fb_json *moment, size_t max);
void fb_bt_put_plan(struct fb_buf *to, const struct fb_json *plan);
void fb_bt_put_usual(struct fb_buf *to, const struct fb_json *doc);
void fb_bt_put_limit(struct fb_buf *to, const struct fb_json *doc);
bool fb_bt_put_harm(struct fb_bt_report *r); /* how many of the contained were probably yours */
void fb_bt_put_head(struct fb_bt_report *r);

/* The forms. */
bool fb_bt_text(struct fb_bt_report *r);
bool fb_bt_json(struct fb_bt_report *r);
bool fb_bt_csv(struct fb_bt_report *r);
bool fb_bt_html(struct fb_bt_report *r);

#endif

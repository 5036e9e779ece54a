/* backtest.h - inside `firebreak backtest`: what the scoring leaves for the report. */
#ifndef FB_BACKTEST_H
#define FB_BACKTEST_H
#include <stdint.h>
#include <stdio.h>

#include "doors.h"
#include "history.h"

enum {
    FB_BT_STEPS = 10, /* thresholds 50, 55 ... 95 */
    FB_BT_FIRST = 50,
    FB_BT_STEP = 5
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
    uint64_t hit[FB_BT_STEPS];   /* identities whose score reached it by something they did */
    uint64_t yours[FB_BT_STEPS]; /* ... of which were probably yours */
    uint64_t day_count, story_count;
};

/* In the results of an island after its sums and days: one identity as a JSON object, with what it
 * is sorted by in front. */
struct fb_bt_story {
    double peak;
    int64_t at_ms; /* first contained, else alerted, else at its peak */
    uint32_t level, len;
};

/* Where an island's results are; shared memory. */
struct fb_bt_result {
    uint32_t worker;
    uint64_t at, len;
};

/* Scores every island; results of the worker go to fds[worker]. */
enum fb_status fb_bt_score(const struct fb_history *h, const struct fb_config *config,
                           const int *fds, struct fb_bt_result *results, struct fb_err *err);

enum fb_bt_form { FB_BT_TEXT, FB_BT_JSON, FB_BT_CSV, FB_BT_HTML };

/* Prints the report; false when stdout or a temporary file broke, or memory is short. */
bool fb_bt_report(FILE *to, enum fb_bt_form form, const struct fb_history *h,
                  const struct fb_config *config, const int *fds,
                  const struct fb_bt_result *results);

#endif

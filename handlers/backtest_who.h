/* backtest_who.h - inside a backtest: what is remembered of one identity while its island is
 * walked. Its size does not depend on how much it did. */
#ifndef FB_BACKTEST_WHO_H
#define FB_BACKTEST_WHO_H
#include "backtest.h"

enum {
    FB_BT_NETWORKS = 8, /* remembered of one identity: the first ones seen */
    FB_BT_HABITS = 8,   /* kinds of calls counted at a time */
    FB_BT_HABIT_BYTES = 48
};

/* Days on which something was seen. */
struct fb_bt_days {
    int32_t last, count;
};

struct fb_bt_network {
    uint32_t hash; /* 0: free */
    struct fb_bt_days days;
};

/* A kind of call. The least used gives way to a new one and hands its count on, so that whatever
 * makes up more than an eighth of all stays (Metwally and others, "space saving"). */
struct fb_bt_habit {
    char call[FB_BT_HABIT_BYTES]; /* "ec2:RunInstances"; "" free */
    uint64_t count;
};

/* One event that crossed a line, and what was known of the identity before that day. */
struct fb_bt_moment {
    int64_t ms;
    double score, usd_per_hour;
    char *json; /* the event and its signals: members of an object */
    char *plan; /* what containment would have asked for: a JSON array; NULL none */
    enum fb_bt_hands hands;
    int network; /* of the event, in the identity's list; -1 none */
    char because[200];
};

/* When a threshold was first reached, and how it looked then. */
struct fb_bt_reach {
    int64_t ms; /* 0: never */
    uint8_t hands;
    int8_t network;
};

struct fb_bt_who {
    char *name, *account;
    enum fb_hop_kind kind;
    uint64_t events;
    int64_t first_ms, last_ms, peak_ms;
    double peak;
    struct fb_bt_days days, iac;
    const char *iac_tool; /* "" none */
    const char *tool;     /* of its newest agent */
    uint64_t agent;       /* that agent's hash: most identities have one */
    bool person;          /* signed in, or used a browser */
    uint64_t calls;
    struct fb_bt_habit habits[FB_BT_HABITS];
    struct fb_bt_network networks[FB_BT_NETWORKS];
    struct fb_bt_reach alerts[FB_BT_STEPS], contains[FB_BT_STEPS]; /* by threshold */
    const char *top[3];                                            /* signals at the peak */
    struct fb_bt_moment *alert, *contain;
};

struct fb_bt_table {
    struct fb_bt_who **slots; /* by name; a power of two */
    size_t cap, count;
};

/* Days since 1970, UTC. */
static inline int32_t fb_bt_day_of(int64_t ms) { return (int32_t)(ms / (24 * 3600 * 1000)); }

/* Found or made; NULL: memory is short. */
struct fb_bt_who *fb_bt_who_of(struct fb_bt_table *t, const struct fb_hop *root,
                               const struct fb_event *ev);
void fb_bt_table_release(struct fb_bt_table *t);
void fb_bt_moment_free(struct fb_bt_moment *m);

/* Counts what it does. After everything that asks what it did before. */
void fb_bt_see_activity(struct fb_bt_who *who, const struct fb_event *ev);

/* The network's number in its list; -1 when too many were seen, or the event names none. */
int fb_bt_network_of(struct fb_bt_who *who, const char *ip);

/* Whose hands, by what the log told before this day; why, in words. */
enum fb_bt_hands fb_bt_judge(struct fb_bt_who *who, const struct fb_decision *d, char *why,
                             size_t size);

/* The same with the whole log known. */
enum fb_bt_hands fb_bt_in_hindsight(const struct fb_bt_who *who, enum fb_bt_hands hands, int net);
void fb_bt_look_back(const struct fb_bt_who *who, struct fb_bt_moment *m);

/* Whether a program acts under this name: a machine, a service, an infrastructure tool, or calls
 * by the thousand without a person's sign-in. */
bool fb_bt_is_robot(const struct fb_bt_who *who);

/* Its most frequent calls, most first; how many (at most `max`). */
size_t fb_bt_usual(const struct fb_bt_who *who, const char **calls, size_t max);

/* --- backtest_story.c --- */

/* A moment of this event; NULL: memory is short. */
struct fb_bt_moment *fb_bt_moment_new(struct fb_bt_who *who, const struct fb_decision *d);
/* {"count": n, "by_verb": {...}, "targets": [...]} of what a pass asked for; free it. */
char *fb_bt_plan_json(const struct fb_action *actions, size_t n);

enum fb_level fb_bt_level_of(const struct fb_bt_who *who);
void fb_bt_story_head(const struct fb_bt_who *who, struct fb_bt_story *head);
void fb_bt_story_json(struct fb_buf *b, const struct fb_bt_who *who);

#endif

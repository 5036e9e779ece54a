/* score.h - event + profile of the root become a verdict: capped log-odds over groups of signals.
 *
 * W = sum over groups of min(cap, w1 + .6 w2 + .36 w3 + ...) - mitigation + (risk - 5) / 8
 * score = 100 / (1 + e^-(W - 5))
 * A term fired when its value with `after` exceeds its value with `before`, both read at the same
 * time. An event that fires nothing is `observe`; any other causes the level that the whole score
 * earns, but an alert only where it tells something: a sight signal, or a rise by a fifth of a nat
 * that is not of reads and novelty alone. Reads carry a level only where they raise it; what a
 * contained root does besides is `contain` where it tells something or makes something. Pure: same
 * event, profiles and configuration, same verdict. No I/O, no clock. */
#ifndef FB_SCORE_H
#define FB_SCORE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "normalize/event.h"
#include "score/profile.h"

struct fb_arena;
struct fb_chain;
struct fb_buf;

enum fb_level { FB_OBSERVE, FB_ALERT, FB_CONTAIN };
const char *fb_level_name(enum fb_level l); /* "observe" "alert" "contain" */

/* One row of the signal table. Adding a signal is adding a row to signals.def and, where the
 * condition is more than a trait, one small function. */
struct fb_signal {
    const char *id; /* "region-fanout" */
    char group;     /* X V O R S P E C D, M for mitigation */
    double weight;  /* nats */
    int64_t half_life_ms;
    const char *attack; /* ATT&CK id, "" none */
    char state;         /* 'n' one event, 'b' baseline, 'w' window */
    const char *kind;   /* playbook kind: "leaked_key" "mass_launch" "persistence" ...; "" none */
    bool hard;          /* contains by itself */
    bool sight;         /* alerts by itself */
    bool novelty;       /* damped while the root is young */
    const char *words;  /* what it means, for people */
};

/* The table, in document order; *count rows. */
const struct fb_signal *fb_signals(size_t *count);

enum { FB_TERMS_MAX = 96, FB_GROUPS_MAX = 10 }; /* at least as many terms as the table has rows */

/* Announced work: who may create compute where, up to which rate, until when. */
struct fb_score_window {
    const char *who;            /* exactly as an identity of the chain is written */
    const char *const *regions; /* none: every region */
    size_t region_count;
    double max_usd_per_hour; /* 0: none named */
    int64_t from_ms, until_ms;
};

struct fb_score_config {
    double alert, contain, wide; /* 50, 80, 90; alert >= 40, contain >= 70 are enforced by config */
    const char *const *usual_regions; /* regions that are never new; NULL none */
    size_t usual_region_count;
    const char *const *decoys; /* credentials whose use is an alarm */
    size_t decoy_count;
    double weights[FB_TERMS_MAX]; /* by table row; NAN: the table's own */
    double max_usd_per_hour;      /* spend ceiling that alerts; 0 none */
    const struct fb_score_window *windows;
    size_t window_count;
    const char *const *networks; /* CIDR ranges that the operator lists: Tor, VPN, hosting */
    size_t network_count;
    const char *const *allow; /* outsiders, images and machines that are meant to be there */
    size_t allow_count;
};

/* Applies the operator's lists to the event, before it is observed: an outsider, image or machine
 * that is allowed takes its trait away, an address in a listed network adds FB_T_LISTED_NETWORK. */
void fb_score_lists(const struct fb_score_config *c, struct fb_event *ev);
void fb_score_config_default(struct fb_score_config *c);

/* One signal with a value now. */
struct fb_term {
    const struct fb_signal *signal;
    double weight;   /* nats: the table's, or the configuration's */
    double m;        /* graded multiplier, 0..1; latched signals keep it inside decay */
    double decay;    /* 0..1 */
    double damp;     /* 0..1: youth, overflow */
    double value;    /* nats: weight * m * decay * damp; negative for mitigation that counts */
    bool fired;      /* this event raised it */
    const char *why; /* "18 launches in 12 regions in 90 s" */
};

struct fb_group {
    char id;
    double sum, cap; /* sum before the cap; both negative for mitigation */
};

struct fb_verdict {
    double score;             /* 0..100, the root's after this event */
    double nats;              /* W, the prior's shift included */
    double prior;             /* nats by which the identity's risk shifts the prior */
    double risk;              /* that risk, 0..10; below 0: nobody said */
    enum fb_level level;      /* what this event causes */
    enum fb_level root_level; /* the root's own, whatever this event did */
    bool hard, wide;
    bool fired;         /* this event raised something: else it causes nothing */
    bool tells;         /* ... and enough to be worth an alert of its own */
    bool reads_only;    /* all that fired are reads: they carry a level only where they raise it */
    bool adds;          /* it made something that containment must reach */
    bool was_alert;     /* without this event it would have been an alert whatever the thresholds */
    double was;         /* the score without this event */
    bool may_contain;   /* whatever the score: what `contain` asks for besides is there */
    bool alerts_anyway; /* whatever the score: a sight signal, or the spend ceiling */
    struct fb_term terms[FB_TERMS_MAX]; /* those with a value, strongest first */
    size_t count;
    struct fb_group groups[FB_GROUPS_MAX];
    size_t group_count;
    const char *kinds[8]; /* playbook kinds of the terms, strongest first */
    size_t kind_count;
    double usd_per_hour;      /* burn rate that the window saw */
    const char *rule;         /* the rule that gave root_level, in words */
    const char *would_change; /* the one thing that would have changed the level, for explain */
};

/* Scores `ev` of a root. before: the root's profile without this event; after: with it (both may be
 * the same for a duplicate). account: the account's profile before this event (empty when it is
 * new; NULL when the event names no account). creator: the profile of the identity that created
 * this root within a day, or NULL. Strings of *out live in a. */
void fb_score(struct fb_arena *a, const struct fb_score_config *config, const struct fb_event *ev,
              const struct fb_chain *chain, const struct fb_profile *before,
              const struct fb_profile *after, const struct fb_profile *account,
              const struct fb_profile *creator, struct fb_verdict *out);

/* The level that this verdict's event would have caused under other thresholds. */
enum fb_level fb_verdict_level_at(const struct fb_verdict *v, double alert, double contain);

/* A group's name for people: "spend". */
const char *fb_group_words(char id);

/* Writes the verdict for a person: every term with weight, m, decay and damping, every group with
 * its cap, the sum and the rule that gave the level. */
void fb_score_explain(struct fb_buf *to, const struct fb_verdict *v);

#endif

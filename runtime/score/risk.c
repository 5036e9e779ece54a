/* risk.c - the arithmetic of identity risk, and its vector text. */
#include "score/risk.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { VALUES_MAX = 5 };

/* [0] is the highest: unknown reads as it. */
struct value {
    char letter;
    double weight;
    const char *words;
};

struct metric {
    const char *name;
    int count;
    struct value values[VALUES_MAX];
};

static const struct metric METRICS[FB_RISK_METRICS] = {
    {"CT",
     5,
     {{'K', .85, "long-lived key"},
      {'P', .75, "console password"},
      {'S', .62, "session"},
      {'W', .44, "workload's own"},
      {'N', .10, "no credential"}}},
    {"EX",
     4,
     {{'L', 1.0, "leaked"},
      {'S', .85, "suspected stolen"},
      {'X', .70, "outsiders are trusted"},
      {'I', .55, "internal"}}},
    {"MF",
     3,
     {{'N', .85, "no second factor"},
      {'C', .62, "bound to a condition"},
      {'E', .40, "second factor enforced"}}},
    {"AG",
     4,
     {{'O', .85, "older than a year"},
      {'M', .77, "older than 90 days"},
      {'F', .62, "fresh"},
      {'T', .44, "expires by itself"}}},
    {"PW",
     4,
     {{'A', .56, "administrator"},
      {'W', .35, "broad writes"},
      {'L', .22, "limited writes"},
      {'R', .10, "reads"}}},
    {"CP",
     3,
     {{'U', .56, "any machine anywhere"}, {'B', .22, "bounded compute"}, {'N', 0, "no compute"}}},
    {"DT", 3, {{'H', .56, "much data"}, {'L', .22, "some data"}, {'N', 0, "no data"}}},
    {"RC", 2, {{'C', 1, "reaches other accounts"}, {'U', 0, "this account"}}},
};

enum metric_index { CT, EX, MF, AG, PW, CP, DT, RC };

/* As indices into values, plus one; 0 unknown. */
struct levels {
    int at[FB_RISK_METRICS];
};

static struct levels levels_of(const struct fb_risk *r)
{
    struct levels l = {{(int)r->ct, (int)r->ex, (int)r->mf, (int)r->ag, (int)r->pw, (int)r->cp,
                        (int)r->dt, (int)r->rc}};

    for (int i = 0; i < FB_RISK_METRICS; i++) {
        if (l.at[i] < 0 || l.at[i] > METRICS[i].count)
            l.at[i] = 0;
    }
    return l;
}

static const struct value *value_of(const struct levels *l, int i)
{
    return &METRICS[i].values[l->at[i] > 0 ? l->at[i] - 1 : 0];
}

/* CVSS 3.1 Appendix A, "Roundup": binary fractions must not push 4.02 to 4.1 or 4.0 to 4.1. */
static double round_up(double x)
{
    int64_t n = (int64_t)llround(x * 100000.0);

    return n % 10000 == 0 ? (double)n / 100000.0 : (double)(n / 10000 + 1) / 10.0;
}

/* CVSS 3.1's shape with our metrics. */
static double plain_score(const struct levels *l)
{
    double ease = 6.33 * value_of(l, CT)->weight * value_of(l, EX)->weight *
                  value_of(l, MF)->weight * value_of(l, AG)->weight;
    double isc = 1 - (1 - value_of(l, PW)->weight) * (1 - value_of(l, CP)->weight) *
                         (1 - value_of(l, DT)->weight);
    double sum = ease + 6.42 * isc;

    if (value_of(l, RC)->letter == 'C')
        sum = 1.08 * (ease + 7.52 * (isc - .029) - 3.25 * pow(isc - .02, 15));
    return round_up(sum < 10 ? sum : 10);
}

/* CVSS's curve for a changed scope starts below the straight one and falls again at its far end, so
 * in 36 of the 17,280 vectors more reach or more privilege would score 0.1 less. The lesser
 * vector's score is kept there; all others are the plain formula's. */
double fb_risk_score(const struct fb_risk *r)
{
    struct levels l = levels_of(r), less = l;
    double best = plain_score(&l), other;

    if (value_of(&l, RC)->letter != 'C')
        return best;
    less.at[RC] = FB_RC_HERE;
    other = plain_score(&less);
    best = other > best ? other : best;
    if (value_of(&l, PW)->letter != 'A')
        return best;
    less = l;
    less.at[PW] = FB_PW_BROAD;
    other = plain_score(&less);
    return other > best ? other : best;
}

const char *fb_risk_severity(double score)
{
    return score <= 0     ? "none"
           : score < 3.95 ? "low"
           : score < 6.95 ? "medium"
           : score < 8.95 ? "high"
                          : "critical";
}

const char *fb_risk_metric_name(size_t i) { return i < FB_RISK_METRICS ? METRICS[i].name : ""; }

char fb_risk_letter(const struct fb_risk *r, size_t i)
{
    struct levels l = levels_of(r);

    return i < FB_RISK_METRICS && l.at[i] ? value_of(&l, (int)i)->letter : '?';
}

const char *fb_risk_words(const struct fb_risk *r, size_t i)
{
    struct levels l = levels_of(r);

    return i < FB_RISK_METRICS && l.at[i] ? value_of(&l, (int)i)->words : "not known";
}

char *fb_risk_text(const struct fb_risk *r, char out[FB_RISK_TEXT_MAX])
{
    size_t n = (size_t)snprintf(out, FB_RISK_TEXT_MAX, "FBIR:1");

    for (size_t i = 0; i < FB_RISK_METRICS; i++)
        n += (size_t)snprintf(out + n, FB_RISK_TEXT_MAX - n, "/%s:%c", METRICS[i].name,
                              fb_risk_letter(r, i));
    return out;
}

static int metric_named(const char *name)
{
    for (int i = 0; i < FB_RISK_METRICS; i++) {
        if (strncmp(METRICS[i].name, name, 2) == 0)
            return i;
    }
    return -1;
}

/* The level that a letter stands for; -1: none of this metric's. */
static int level_of(const struct metric *m, char letter)
{
    if (letter == '?')
        return 0;
    for (int v = 0; v < m->count; v++) {
        if (m->values[v].letter == letter)
            return v + 1;
    }
    return -1;
}

static enum fb_status wrong_letter(const struct metric *m, struct fb_err *err)
{
    char letters[2 * VALUES_MAX + 1] = "";

    for (int v = 0; v < m->count; v++) {
        letters[2 * v] = m->values[v].letter;
        letters[2 * v + 1] = ' ';
    }
    return fb_err_set(err, FB_EINPUT, "risk vector: %s must be one of %sor ?", m->name, letters);
}

static enum fb_status parse_part(const char *part, struct levels *l, bool *seen, struct fb_err *err)
{
    int i;

    /* "/XX:Y", then the next part or the end */
    if (part[0] != '/' || !part[1] || !part[2] || part[3] != ':' || !part[4] ||
        (part[5] && part[5] != '/'))
        return fb_err_set(err, FB_EINPUT, "risk vector: a part must read like /CT:K");
    i = metric_named(part + 1);
    if (i < 0)
        return fb_err_set(err, FB_EINPUT,
                          "risk vector: unknown metric; it has CT EX MF AG PW CP DT RC");
    if (seen[i])
        return fb_err_set(err, FB_EINPUT, "risk vector: %s stands twice", METRICS[i].name);
    l->at[i] = level_of(&METRICS[i], part[4]);
    if (l->at[i] < 0)
        return wrong_letter(&METRICS[i], err);
    seen[i] = true;
    return FB_OK;
}

enum fb_status fb_risk_parse(const char *text, struct fb_risk *out, struct fb_err *err)
{
    struct levels l = {{0}};
    bool seen[FB_RISK_METRICS] = {false};

    if (strncmp(text, "FBIR:1", 6) != 0)
        return fb_err_set(err, FB_EINPUT, "risk vector: must begin with FBIR:1");
    text += 6;
    for (int part = 0; part <= FB_RISK_METRICS && *text; part++, text += 5) {
        enum fb_status st = parse_part(text, &l, seen, err);

        if (st != FB_OK)
            return st;
    }
    for (int i = 0; i < FB_RISK_METRICS; i++) {
        if (!seen[i])
            return fb_err_set(err, FB_EINPUT, "risk vector: %s is missing", METRICS[i].name);
    }
    *out = (struct fb_risk){(enum fb_risk_ct)l.at[CT], (enum fb_risk_ex)l.at[EX],
                            (enum fb_risk_mf)l.at[MF], (enum fb_risk_ag)l.at[AG],
                            (enum fb_risk_pw)l.at[PW], (enum fb_risk_cp)l.at[CP],
                            (enum fb_risk_dt)l.at[DT], (enum fb_risk_rc)l.at[RC]};
    return FB_OK;
}

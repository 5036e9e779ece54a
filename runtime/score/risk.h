/* risk.h - how much harm an identity could do in the wrong hands, and how easily it gets there: a
 * static score beside the activity score. It orders lists; it never contains by itself.
 *
 * Eight metrics in the shape of CVSS 3.1, one letter each,
 * written as "FBIR:1/CT:K/EX:L/MF:N/AG:O/PW:A/CP:U/DT:H/RC:C". A metric that nobody can prove is
 * '?': it counts as its highest value and is told as assumed. Pure arithmetic, no state. */
#ifndef FB_RISK_H
#define FB_RISK_H
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum { FB_RISK_METRICS = 8, FB_RISK_TEXT_MAX = 48 };

/* Highest first in each, after "unknown": a smaller number is a greater risk. */
enum fb_risk_ct { /* what opens it */
                  FB_CT_UNKNOWN,
                  FB_CT_KEY,      /* K: a long-lived key */
                  FB_CT_PASSWORD, /* P: a console password */
                  FB_CT_SESSION,  /* S: a role's or a CI job's session */
                  FB_CT_WORKLOAD, /* W: attached to a machine, function or task */
                  FB_CT_NONE      /* N: nothing opens it */
};
enum fb_risk_ex { /* who may already hold that */
                  FB_EX_UNKNOWN,
                  FB_EX_LEAKED,    /* L: somebody says so */
                  FB_EX_SUSPECTED, /* S: a detector believes it stolen */
                  FB_EX_EXTERNAL,  /* X: outsiders are trusted with it */
                  FB_EX_INTERNAL   /* I: nothing says that it left the house */
};
enum fb_risk_mf { /* what else a thief needs */
                  FB_MF_UNKNOWN,
                  FB_MF_NONE,      /* N: nothing */
                  FB_MF_CONDITION, /* C: a network, an OIDC subject, an external id */
                  FB_MF_ENFORCED   /* E: a second factor or a perimeter that is enforced */
};
enum fb_risk_ag { /* how long the credential has lain about */
                  FB_AG_UNKNOWN,
                  FB_AG_OLD,    /* O: over 365 days */
                  FB_AG_MONTHS, /* M: over 90 days */
                  FB_AG_FRESH,  /* F: less */
                  FB_AG_TOKEN   /* T: it expires within hours by itself */
};
enum fb_risk_pw { /* what it may do */
                  FB_PW_UNKNOWN,
                  FB_PW_ADMIN,   /* A: everything, or IAM writes that lead there */
                  FB_PW_BROAD,   /* W: writes of many services */
                  FB_PW_LIMITED, /* L: writes of a few */
                  FB_PW_READ     /* R: reads */
};
enum fb_risk_cp { /* which machines it may start */
                  FB_CP_UNKNOWN,
                  FB_CP_ANY,     /* U: any type in any region */
                  FB_CP_BOUNDED, /* B: bounded by policy or quota */
                  FB_CP_NONE     /* N: none */
};
enum fb_risk_dt { /* which data it may take or destroy */
                  FB_DT_UNKNOWN,
                  FB_DT_HIGH, /* H */
                  FB_DT_LOW,  /* L */
                  FB_DT_NONE  /* N */
};
enum fb_risk_rc { /* how far it reaches */
                  FB_RC_UNKNOWN,
                  FB_RC_ELSEWHERE, /* C: it can become somebody in another account or project */
                  FB_RC_HERE       /* U: this account */
};

/* All zero: nothing is known, the highest risk. */
struct fb_risk {
    enum fb_risk_ct ct;
    enum fb_risk_ex ex;
    enum fb_risk_mf mf;
    enum fb_risk_ag ag;
    enum fb_risk_pw pw;
    enum fb_risk_cp cp;
    enum fb_risk_dt dt;
    enum fb_risk_rc rc;
};

/* 0.0 to 10.0 in steps of 0.1, rounded up as CVSS 3.1 does (its Appendix A). Raising one metric
 * never lowers it. */
double fb_risk_score(const struct fb_risk *r);

/* CVSS 3.1's bands: "none" 0, "low" to 3.9, "medium" to 6.9, "high" to 8.9, "critical". */
const char *fb_risk_severity(double score);

/* Writes the vector into out; returns out. */
char *fb_risk_text(const struct fb_risk *r, char out[FB_RISK_TEXT_MAX]);

/* Reads a vector: "FBIR:1", then every metric once, in any order.
 *   FB_EINPUT  err says which part is wrong, and which letters the metric takes */
enum fb_status fb_risk_parse(const char *text, struct fb_risk *out, struct fb_err *err);

/* Metric i of FB_RISK_METRICS, in the vector's order: its name ("CT"), its letter ('?' when it is
 * assumed), and its words for people ("long-lived key"). */
const char *fb_risk_metric_name(size_t i);
char fb_risk_letter(const struct fb_risk *r, size_t i);
const char *fb_risk_words(const struct fb_risk *r, size_t i);

#endif

/* iam_policy.h - what a set of IAM policy statements lets its holder do, as far as identity risk
 * asks. */
#ifndef FB_IAM_POLICY_H
#define FB_IAM_POLICY_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "score/risk.h"

struct fb_arena;
struct fb_json;

/* AWS's quotas are far below; what is beyond is a policy that was "not read whole". */
enum { FB_STATEMENTS_MAX = 4096, FB_IAM_LIST_MAX = 4096 };

/* Comparisons of an action with a pattern, for all policies of a file together: some ten seconds. Who
 * may write policies chooses how many there are. Beyond, metrics are unknown, which counts as
 * their highest. */
#define FB_IAM_WORK_MAX UINT64_C(400000000)

/* The statements of one or more policies; borrowed documents. */
struct fb_statements {
    const struct fb_json **at;
    size_t count, cap;
    bool missing;   /* a policy's document was not there, or was not read whole */
    uint64_t *work; /* comparisons made so far, shared; NULL: not counted */
};

/* A policy document: an object, or URL-encoded text as the API writes it. NULL: missing. */
void fb_statements_add(struct fb_arena *a, struct fb_statements *s, const struct fb_json *document);

struct fb_rights {
    enum fb_risk_pw pw;
    enum fb_risk_cp cp;
    enum fb_risk_dt dt;
    enum fb_risk_rc rc;
    enum fb_risk_mf mf; /* FB_MF_UNKNOWN: no policy asks for anything */
};

/* boundary: NULL for none. account: the holder's own. */
struct fb_rights fb_rights_of(const struct fb_statements *s, const struct fb_statements *boundary,
                              const char *account);

/* Whom a role's trust policy lets in, and what it asks of them. */
struct fb_trust {
    bool known;
    enum fb_risk_ex ex;
    enum fb_risk_mf mf;
};
struct fb_trust fb_trust_of(struct fb_arena *a, const struct fb_json *document,
                            const char *account);

/* IAM's wildcards, * and ?; ASCII case ignored. */
bool fb_iam_like(const char *text, const char *pattern);

#endif

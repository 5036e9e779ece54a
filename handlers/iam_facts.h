/* iam_facts.h - what AWS itself knows of an account's identities, from two files that an admin
 * saves: aws iam get-account-authorization-details   (JSON: users, groups, roles, policies) aws iam
 * get-credential-report               (that JSON, or the CSV inside it) read into the metrics of
 * identity risk. Rights are what the policies allow: explicit denies and permissions boundaries
 * count; organization policies are in neither file. Where a policy's document is missing the metric
 * stays unknown. */
#ifndef FB_IAM_FACTS_H
#define FB_IAM_FACTS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "score/risk.h"

struct fb_arena;

enum { FB_IAM_FILE_BYTES_MAX = 256 << 20, FB_IAM_FACTS_MAX = 50000 };

struct fb_iam_fact {
    const char *arn, *key; /* key: "account/user/name", "account/role/name", "account/root" */
    bool rights;           /* pw cp dt rc are said (each may be unknown all the same) */
    enum fb_risk_pw pw;
    enum fb_risk_cp cp;
    enum fb_risk_dt dt;
    enum fb_risk_rc rc;
    bool trust;         /* roles: ex and mf are said */
    enum fb_risk_ex ex; /* external or internal */
    enum fb_risk_mf mf; /* what its trust asks for; users: FB_MF_ENFORCED or FB_MF_CONDITION when a
                           policy denies all else; FB_MF_UNKNOWN: nothing is asked */
    int64_t created_ms; /* 0 unknown */

    bool report; /* the credential report has it */
    bool key_on, password_on, password_mfa;
    int64_t key_ms, password_ms; /* oldest active key; newest change of the password; 0 unknown */
};

struct fb_iam_facts {
    struct fb_iam_fact *at; /* by key */
    size_t count;
    bool cut; /* the policies ask for more work than is done: the rest is unknown */
};

/* Reads the files (either may be NULL) into a.
 *   FB_ECONFIG  a file cannot be read or is no such file: one line that names it */
enum fb_status fb_iam_facts_read(struct fb_arena *a, const char *iam, const char *report,
                                 struct fb_iam_facts *out, struct fb_err *err);

/* By ARN of a user, role, role session or root user; NULL when the files do not name it. */
const struct fb_iam_fact *fb_iam_fact_of(const struct fb_iam_facts *f, struct fb_arena *a,
                                         const char *arn);

#endif

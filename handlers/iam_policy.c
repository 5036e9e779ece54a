/* iam_policy.c - IAM policy documents are asked about sample actions: which would they allow?
 *
 * From: IAM User Guide, "Policy evaluation logic", "IAM JSON policy elements". A condition is never
 * evaluated: it bounds what an Allow gives, and a Deny under one is taken to leave a way through.
 */
#include "iam_policy.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/text.h"

enum { DOCUMENT_BYTES_MAX = 1 << 20, BROAD_SERVICES = 5, SERVICES_SEEN_MAX = 64 };

/* Writes that lead to full administration. */
static const char *const ADMIN[] = {
    "iam:CreateAccessKey",       "iam:CreateLoginProfile",      "iam:UpdateLoginProfile",
    "iam:AttachUserPolicy",      "iam:AttachGroupPolicy",       "iam:AttachRolePolicy",
    "iam:PutUserPolicy",         "iam:PutGroupPolicy",          "iam:PutRolePolicy",
    "iam:CreatePolicyVersion",   "iam:SetDefaultPolicyVersion", "iam:AddUserToGroup",
    "iam:UpdateAssumeRolePolicy"};

/* Machines of any size, and compute that is small by nature. */
static const char *const MACHINES[] = {"ec2:RunInstances",
                                       "ec2:CreateFleet",
                                       "ec2:RequestSpotInstances",
                                       "ec2:RequestSpotFleet",
                                       "autoscaling:CreateAutoScalingGroup",
                                       "autoscaling:UpdateAutoScalingGroup",
                                       "ecs:RunTask",
                                       "ecs:CreateService",
                                       "eks:CreateNodegroup",
                                       "batch:CreateComputeEnvironment",
                                       "batch:SubmitJob",
                                       "sagemaker:CreateTrainingJob",
                                       "sagemaker:CreateNotebookInstance",
                                       "elasticmapreduce:RunJobFlow",
                                       "gamelift:CreateFleet",
                                       "lightsail:CreateInstances"};
static const char *const SMALL_COMPUTE[] = {
    "lambda:CreateFunction", "codebuild:StartBuild",        "codebuild:CreateProject",
    "glue:StartJobRun",      "emr-serverless:StartJobRun",  "apprunner:CreateService",
    "amplify:StartJob",      "workspaces:CreateWorkspaces", "elasticbeanstalk:CreateEnvironment"};

static const char *const DATA[] = {"s3:GetObject",
                                   "s3:DeleteObject",
                                   "dynamodb:Scan",
                                   "dynamodb:GetItem",
                                   "secretsmanager:GetSecretValue",
                                   "ssm:GetParameter",
                                   "rds:ModifyDBSnapshotAttribute",
                                   "ec2:ModifySnapshotAttribute",
                                   "redshift:GetClusterCredentials",
                                   "rds-data:ExecuteStatement",
                                   "athena:GetQueryResults",
                                   "sqs:ReceiveMessage"};

/* Verbs that change nothing. */
static const char *const READS[] = {
    "Get",  "List",  "Describe", "View", "BatchGet", "Lookup",   "Search", "Head",   "Query",
    "Scan", "Check", "Select",   "Read", "Filter",   "Simulate", "Lookup", "Detect", "Estimate"};

#define LENGTH(a) (sizeof(a) / sizeof *(a))

bool fb_iam_like(const char *text, const char *pattern)
{
    const char *star = NULL, *again = NULL;

    while (*text) {
        if (*pattern == '*') {
            star = pattern++;
            again = text;
        } else if (*pattern == '?' ||
                   tolower((unsigned char)*pattern) == tolower((unsigned char)*text)) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star + 1;
            text = ++again;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

/* --- documents ----------------------------------------------------------------------------------
 */

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* RFC 3986, as the IAM API writes documents. */
static const struct fb_json *decoded(struct fb_arena *a, const char *text)
{
    const struct fb_json *doc = NULL;
    struct fb_buf plain;
    unsigned odd;

    fb_buf_init_in(&plain, a, DOCUMENT_BYTES_MAX);
    for (; *text; text++) {
        if (*text == '%' && hex(text[1]) >= 0 && hex(text[2]) >= 0) {
            fb_buf_addc(&plain, (char)(hex(text[1]) * 16 + hex(text[2])));
            text += 2;
        } else {
            fb_buf_addc(&plain, *text);
        }
    }
    if (!fb_buf_ok(&plain) || fb_json_parse(a, plain.at, plain.len, &odd, &doc, NULL) != FB_OK)
        return NULL;
    return doc;
}

static const struct fb_json *document_of(struct fb_arena *a, const struct fb_json *v)
{
    if (fb_json_kind(v) == FB_JSON_STR)
        v = decoded(a, fb_json_str(v));
    return fb_json_kind(v) == FB_JSON_OBJECT ? v : NULL;
}

/* IAM takes one thing for a list of one, everywhere. */
static size_t many(const struct fb_json *v)
{
    size_t n = fb_json_kind(v) == FB_JSON_ARRAY ? fb_json_len(v) : v ? 1 : 0;

    return n < FB_IAM_LIST_MAX ? n : FB_IAM_LIST_MAX;
}

static bool too_many(const struct fb_json *v) { return fb_json_len(v) > FB_IAM_LIST_MAX; }

static const struct fb_json *nth(const struct fb_json *v, size_t i)
{
    return fb_json_kind(v) == FB_JSON_ARRAY ? fb_json_at(v, i) : v;
}

void fb_statements_add(struct fb_arena *a, struct fb_statements *s, const struct fb_json *document)
{
    const struct fb_json *list;

    document = document_of(a, document);
    list = fb_json_get(document, "Statement");
    if (!list) {
        s->missing = true;
        return;
    }
    s->missing = s->missing || too_many(list);
    for (size_t i = 0; i < many(list); i++) {
        const struct fb_json *one = nth(list, i);

        s->missing = s->missing || too_many(fb_json_get(one, "Action")) ||
                     too_many(fb_json_get(one, "NotAction")) ||
                     too_many(fb_json_get(one, "Resource"));
        if (s->count == s->cap) {
            size_t cap = s->cap ? s->cap * 2 : 8;
            const struct fb_json **more =
                cap <= FB_STATEMENTS_MAX ? FB_NEW_ARRAY(a, cap, const struct fb_json *) : NULL;

            if (!more) {
                s->missing = true;
                return;
            }
            if (s->count)
                memcpy(more, s->at, s->count * sizeof(*more));
            s->at = more;
            s->cap = cap;
        }
        s->at[s->count++] = one;
    }
}

/* --- one statement ------------------------------------------------------------------------------
 */

static bool denies(const struct fb_json *st)
{
    return fb_eq(fb_json_get_str(st, "Effect"), "Deny");
}
static bool allows(const struct fb_json *st)
{
    return fb_eq(fb_json_get_str(st, "Effect"), "Allow");
}

static bool any_like(const struct fb_json *patterns, const char *text)
{
    for (size_t i = 0; i < many(patterns); i++) {
        if (fb_iam_like(text, fb_json_str(nth(patterns, i))))
            return true;
    }
    return false;
}

static bool about(const struct fb_json *st, const char *action)
{
    const struct fb_json *yes = fb_json_get(st, "Action"), *no = fb_json_get(st, "NotAction");

    return yes ? any_like(yes, action) : no && !any_like(no, action);
}

static bool conditional(const struct fb_json *st)
{
    void *iter = NULL;
    const char *key;
    const struct fb_json *value;

    return fb_json_next(fb_json_get(st, "Condition"), &iter, &key, &value);
}

/* Whether a resource pattern names no region and no thing: "*", "arn:aws:ec2:*:*:instance/(*)". */
static bool wide_resource(const char *text)
{
    int colons = 0;

    if (strcmp(text, "*") == 0)
        return true;
    for (const char *c = text; *c; c++) {
        if (*c == ':' && ++colons == 3 && c[1] != '*' && c[1] != ':')
            return false;
    }
    return fb_starts(text, "arn:") && (fb_ends(text, ":*") || fb_ends(text, "/*")) &&
           (!fb_starts(text, "arn:aws:s3:::") || fb_eq(text, "arn:aws:s3:::*"));
}

static bool wide(const struct fb_json *st)
{
    const struct fb_json *list = fb_json_get(st, "Resource");

    if (!list)
        return true; /* NotResource: all but a few */
    for (size_t i = 0; i < many(list); i++) {
        if (wide_resource(fb_json_str(nth(list, i))))
            return true;
    }
    return false;
}

/* Only what belongs to the caller itself: "…:user/${aws:username}". */
static bool own_only(const struct fb_json *st)
{
    const struct fb_json *list = fb_json_get(st, "Resource");

    for (size_t i = 0; i < many(list); i++) {
        if (!strstr(fb_json_str(nth(list, i)), "${aws:username}"))
            return false;
    }
    return many(list) > 0;
}

/* --- a set of statements ------------------------------------------------------------------------
 */

/* Counts what asking a statement costs; false when enough was done for this file. */
static bool may_ask(const struct fb_statements *s, const struct fb_json *st)
{
    if (!s->work)
        return true;
    if (*s->work >= FB_IAM_WORK_MAX)
        return false;
    *s->work += 1 + many(fb_json_get(st, "Action")) + many(fb_json_get(st, "NotAction"));
    return true;
}

static bool spent(const struct fb_statements *s) { return s->work && *s->work >= FB_IAM_WORK_MAX; }

/* How far an action is allowed. */
enum reach { REACH_NONE, REACH_OWN, REACH_BOUNDED, REACH_WIDE };

static enum reach reach_in(const struct fb_statements *s, const char *action)
{
    enum reach best = REACH_NONE;
    bool bounded = false;

    for (size_t i = 0; i < s->count; i++) {
        const struct fb_json *st = s->at[i];
        enum reach r;

        if (!may_ask(s, st) || !about(st, action))
            continue;
        if (denies(st)) {
            if (!conditional(st) && wide(st))
                return REACH_NONE;
            bounded = true;
        } else if (allows(st)) {
            r = own_only(st)                   ? REACH_OWN
                : conditional(st) || !wide(st) ? REACH_BOUNDED
                                               : REACH_WIDE;
            best = r > best ? r : best;
        }
    }
    return bounded && best == REACH_WIDE ? REACH_BOUNDED : best;
}

static enum reach reach_of(const struct fb_statements *s, const struct fb_statements *boundary,
                           const char *action)
{
    enum reach r = reach_in(s, action), limit;

    if (!boundary || r == REACH_NONE)
        return r;
    limit = reach_in(boundary, action);
    return limit < r ? limit : r;
}

static enum reach widest(const struct fb_statements *s, const struct fb_statements *boundary,
                         const char *const *actions, size_t n)
{
    enum reach best = REACH_NONE;

    for (size_t i = 0; i < n && best < REACH_WIDE; i++) {
        enum reach r = reach_of(s, boundary, actions[i]);

        best = r > best ? r : best;
    }
    return best;
}

/* Whether an action pattern can only match reads. */
static bool reads_only(const char *pattern)
{
    const char *colon = strchr(pattern, ':');
    const char *verb = colon ? colon + 1 : pattern;

    for (size_t i = 0; i < LENGTH(READS); i++) {
        if (fb_starts_fold(verb, READS[i]))
            return true;
    }
    return false;
}

/* Services in which something may be written, up to BROAD_SERVICES. */
static size_t written_services(const struct fb_statements *s)
{
    const char *seen[SERVICES_SEEN_MAX];
    size_t n = 0, len[SERVICES_SEEN_MAX];

    for (size_t i = 0; i < s->count; i++) {
        const struct fb_json *list = fb_json_get(s->at[i], "Action");

        if (!allows(s->at[i]))
            continue;
        if (!list)
            return BROAD_SERVICES; /* NotAction: all but a few */
        for (size_t k = 0; k < many(list); k++) {
            const char *pattern = fb_json_str(nth(list, k));
            size_t service = strcspn(pattern, ":"), at = 0;

            if (reads_only(pattern) || own_only(s->at[i]))
                continue;
            if (reach_in(s, pattern) == REACH_NONE)
                continue; /* denied again */
            if (pattern[service] == '\0' || memchr(pattern, '*', service))
                return BROAD_SERVICES; /* "*", or a pattern of services */
            while (at < n && (len[at] != service || strncasecmp(seen[at], pattern, service) != 0))
                at++;
            if (at < n)
                continue;
            seen[n] = pattern;
            len[n++] = service;
            if (n >= BROAD_SERVICES)
                return n;
        }
    }
    return n;
}

static enum fb_risk_pw privilege(const struct fb_statements *s,
                                 const struct fb_statements *boundary)
{
    size_t services;

    /* A deny or condition on one admin write leaves the others: any that is left will do. */
    if (widest(s, boundary, ADMIN, LENGTH(ADMIN)) >= REACH_BOUNDED)
        return FB_PW_ADMIN;
    services = written_services(s);
    if (boundary) {
        size_t limit = written_services(boundary);

        services = limit < services ? limit : services;
    }
    return services >= BROAD_SERVICES ? FB_PW_BROAD : services ? FB_PW_LIMITED : FB_PW_READ;
}

static enum fb_risk_cp compute(const struct fb_statements *s, const struct fb_statements *boundary)
{
    enum reach machines = widest(s, boundary, MACHINES, LENGTH(MACHINES));

    if (machines == REACH_WIDE)
        return FB_CP_ANY;
    if (machines != REACH_NONE ||
        widest(s, boundary, SMALL_COMPUTE, LENGTH(SMALL_COMPUTE)) != REACH_NONE)
        return FB_CP_BOUNDED;
    return FB_CP_NONE;
}

/* Whether sts:AssumeRole may name a role of another account. */
static enum fb_risk_rc reach_elsewhere(const struct fb_statements *s,
                                       const struct fb_statements *boundary, const char *account)
{
    if (reach_of(s, boundary, "sts:AssumeRole") == REACH_NONE)
        return FB_RC_HERE;
    for (size_t i = 0; i < s->count; i++) {
        const struct fb_json *list = fb_json_get(s->at[i], "Resource");

        if (!allows(s->at[i]) || !about(s->at[i], "sts:AssumeRole"))
            continue;
        if (!list)
            return FB_RC_ELSEWHERE;
        for (size_t k = 0; k < many(list); k++) {
            const char *role = fb_json_str(nth(list, k)), *at = strstr(role, ":iam::");

            if (!at || !*account || !fb_starts(at + strlen(":iam::"), account))
                return FB_RC_ELSEWHERE;
        }
    }
    return FB_RC_HERE;
}

static bool condition_has(const struct fb_json *st, const char *op, const char *key)
{
    void *iter = NULL, *inner;
    const char *name, *what;
    const struct fb_json *value, *text;

    while (fb_json_next(fb_json_get(st, "Condition"), &iter, &name, &value)) {
        if (op && !fb_iam_like(name, op))
            continue;
        inner = NULL;
        while (fb_json_next(value, &inner, &what, &text)) {
            if (fb_iam_like(what, key))
                return true;
        }
    }
    return false;
}

/* A Deny of all (or all but self-service) without a second factor. Calls signed with a long-lived
 * key carry no MFA key at all, so that plain Bool lets them through: only BoolIfExists and Null
 * hold (IAM User Guide, "aws:MultiFactorAuthPresent"). */
static enum fb_risk_mf asks_for(const struct fb_statements *s)
{
    enum fb_risk_mf mf = FB_MF_UNKNOWN;

    for (size_t i = 0; i < s->count; i++) {
        const struct fb_json *st = s->at[i];
        bool most = fb_json_get(st, "NotAction") || any_like(fb_json_get(st, "Action"), "*");

        if (!denies(st) || !most || !wide(st))
            continue;
        if (condition_has(st, "BoolIfExists", "aws:MultiFactorAuthPresent") ||
            condition_has(st, "Null", "aws:MultiFactorAuthPresent"))
            return FB_MF_ENFORCED;
        if (condition_has(st, "NotIpAddress*", "aws:SourceIp") ||
            condition_has(st, "StringNot*", "aws:SourceVpc*"))
            mf = FB_MF_CONDITION;
    }
    return mf;
}

struct fb_rights fb_rights_of(const struct fb_statements *s, const struct fb_statements *boundary,
                              const char *account)
{
    enum reach data = widest(s, boundary, DATA, LENGTH(DATA));
    struct fb_rights r = {
        .pw = privilege(s, boundary),
        .cp = compute(s, boundary),
        .dt = data == REACH_WIDE ? FB_DT_HIGH
              : data             ? FB_DT_LOW
                                 : FB_DT_NONE,
        .rc = reach_elsewhere(s, boundary, account),
        .mf = asks_for(s),
    };

    /* What was not read could give more, never less: only the highest value stays proved. A deny
     * that was not read could take even that. */
    if (spent(s)) {
        r.pw = FB_PW_UNKNOWN;
        r.cp = FB_CP_UNKNOWN;
        r.dt = FB_DT_UNKNOWN;
        r.rc = FB_RC_UNKNOWN;
        return r;
    }
    if (s->missing || (boundary && boundary->missing)) {
        r.pw = r.pw == FB_PW_ADMIN && !boundary ? r.pw : FB_PW_UNKNOWN;
        r.cp = r.cp == FB_CP_ANY && !boundary ? r.cp : FB_CP_UNKNOWN;
        r.dt = r.dt == FB_DT_HIGH && !boundary ? r.dt : FB_DT_UNKNOWN;
        r.rc = r.rc == FB_RC_ELSEWHERE && !boundary ? r.rc : FB_RC_UNKNOWN;
    }
    return r;
}

/* --- trust --------------------------------------------------------------------------------------
 */

/* "123456789012", "arn:aws:iam::123456789012:...": the account's own? */
static bool is_own(const char *principal, const char *account)
{
    const char *at = strstr(principal, "::");

    return *account && fb_starts(at ? at + 2 : principal, account);
}

/* FB_EX_UNKNOWN: only services, which hand it to workloads of this account. */
static enum fb_risk_ex lets_in(const struct fb_json *st, const char *account)
{
    const struct fb_json *who = fb_json_get(st, "Principal");
    const struct fb_json *aws = fb_json_get(who, "AWS"), *idp = fb_json_get(who, "Federated");
    enum fb_risk_ex ex = FB_EX_UNKNOWN;

    if (fb_json_kind(who) == FB_JSON_STR || fb_json_get(st, "NotPrincipal"))
        return FB_EX_EXTERNAL;
    for (size_t i = 0; i < many(aws); i++) {
        if (!is_own(fb_json_str(nth(aws, i)), account))
            return FB_EX_EXTERNAL;
        ex = FB_EX_INTERNAL;
    }
    for (size_t i = 0; i < many(idp); i++) {
        if (!strstr(fb_json_str(nth(idp, i)), ":saml-provider/"))
            return FB_EX_EXTERNAL; /* web identity: whoever the provider's condition lets in */
        ex = FB_EX_INTERNAL;
    }
    return ex;
}

static enum fb_risk_mf trust_asks(const struct fb_json *st)
{
    if (condition_has(st, "Bool*", "aws:MultiFactorAuthPresent") ||
        condition_has(st, "Numeric*", "aws:MultiFactorAuthAge"))
        return FB_MF_ENFORCED;
    if (condition_has(st, NULL, "*:sub") || condition_has(st, NULL, "sts:ExternalId") ||
        condition_has(st, NULL, "aws:SourceIp") || condition_has(st, NULL, "aws:SourceVpc*") ||
        condition_has(st, NULL, "aws:PrincipalArn") || condition_has(st, NULL, "aws:PrincipalOrg*"))
        return FB_MF_CONDITION;
    return FB_MF_NONE;
}

struct fb_trust fb_trust_of(struct fb_arena *a, const struct fb_json *document, const char *account)
{
    struct fb_statements s = {0};
    struct fb_trust t = {false, FB_EX_INTERNAL, FB_MF_UNKNOWN};

    fb_statements_add(a, &s, document);
    t.known = !s.missing;
    for (size_t i = 0; i < s.count; i++) {
        enum fb_risk_ex ex = lets_in(s.at[i], account);
        enum fb_risk_mf mf = trust_asks(s.at[i]);

        if (!allows(s.at[i]))
            continue;
        if (ex == FB_EX_UNKNOWN)
            continue;
        t.ex = ex == FB_EX_EXTERNAL ? ex : t.ex;
        t.mf = t.mf == FB_MF_UNKNOWN || mf < t.mf ? mf : t.mf; /* the weakest way in counts */
    }
    if (t.mf == FB_MF_UNKNOWN)
        t.mf = FB_MF_NONE; /* a service hands it out and asks for nothing */
    return t;
}

/* aws_policy.c - answers two questions about a policy document: does it make an administrator, and
 * does it let strangers in. From: IAM user guide, "Grammar of the IAM JSON policy language". */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/text.h"
#include "normalize/norm_in.h"

enum { POLICY_BYTES_MAX = 256 * 1024 }; /* IAM's largest is 10 KB; CloudTrail cuts at 100 KB */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* IAM itself answers with URL-encoded documents, and some records keep them so. */
static const char *url_decoded(struct fb_arena *a, const char *s)
{
    size_t len = strlen(s), to = 0;
    char *out = fb_arena_alloc(a, len + 1);

    if (!out)
        return "";
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '%' && i + 2 < len && hex_digit(s[i + 1]) >= 0 && hex_digit(s[i + 2]) >= 0) {
            out[to++] = (char)(hex_digit(s[i + 1]) * 16 + hex_digit(s[i + 2]));
            i += 2;
        } else {
            out[to++] = s[i] == '+' ? ' ' : s[i];
        }
    }
    out[to] = '\0';
    return out;
}

const struct fb_json *fb_norm_policy(struct fb_arena *a, const struct fb_json *v)
{
    const struct fb_json *doc = NULL;
    const char *text = fb_json_str(v);
    unsigned odd = 0;

    if (fb_json_kind(v) == FB_JSON_OBJECT)
        return v;
    if (strlen(text) > POLICY_BYTES_MAX)
        return NULL;
    if (fb_starts_fold(text, "%7B"))
        text = url_decoded(a, text);
    if (text[strspn(text, " \t\r\n")] != '{' ||
        fb_json_parse(a, text, strlen(text), &odd, &doc, NULL) != FB_OK)
        return NULL;
    return fb_json_kind(doc) == FB_JSON_OBJECT ? doc : NULL;
}

static bool is_allow(const struct fb_json *statement)
{
    return strcasecmp(fb_json_get_str(statement, "Effect"), "Allow") == 0;
}

/* One of the values (a string or a list of them) is one of `wanted`, case ignored. */
static bool has_value(const struct fb_json *values, const char *const *wanted)
{
    for (size_t i = 0, n = fb_norm_len(values); i < n; i++) {
        const char *s = fb_json_str(fb_norm_at(values, i));

        for (const char *const *w = wanted; *w; w++)
            if (strcasecmp(s, *w) == 0)
                return true;
    }
    return false;
}

static bool grants_all_of_iam(const struct fb_json *statement)
{
    static const char *const everything[] = {"*", "*:*", "iam:*", NULL};
    const struct fb_json *except = fb_json_get(statement, "NotAction");

    if (has_value(fb_json_get(statement, "Action"), everything))
        return true;
    /* "Allow all but ..." makes an administrator unless IAM is among what is left out. */
    return fb_norm_len(except) > 0 && !has_value(except, everything);
}

bool fb_norm_policy_is_admin(const struct fb_json *policy)
{
    static const char *const any_resource[] = {"*", "arn:aws:iam::*:*", NULL};
    const struct fb_json *list = fb_json_get(policy, "Statement");

    for (size_t i = 0, n = fb_norm_len(list); i < n; i++) {
        const struct fb_json *st = fb_norm_at(list, i);

        if (is_allow(st) && grants_all_of_iam(st) &&
            has_value(fb_json_get(st, "Resource"), any_resource))
            return true;
    }
    return false;
}

bool fb_norm_principal_is_external(struct fb_arena *a, const char *principal, const char *account)
{
    /* Providers at which anybody can open an account. Cognito is left out: its trust names one
     * identity pool in the condition, and every mobile application has it. */
    static const char *const consumer[] = {"accounts.google.com", "graph.facebook.com",
                                           "www.amazon.com", NULL};
    struct fb_arn arn;

    if (fb_eq(principal, "*"))
        return true;
    for (const char *const *c = consumer; *c; c++)
        if (fb_eq(principal, *c))
            return true;
    if (!fb_norm_is_account(account))
        return false;
    if (fb_norm_is_account(principal))
        return strcmp(principal, account) != 0;
    return fb_arn_split(a, principal, &arn) &&
           (fb_eq(arn.account, "*") ||
            (fb_norm_is_account(arn.account) && strcmp(arn.account, account) != 0));
}

/* "Principal" is "*", or {"AWS": ..., "Federated": ..., "Service": ...}, each one or a list. Gives
 * the first stranger, or ""; *more: there is another. */
static const char *stranger_in(struct fb_arena *a, const struct fb_json *principal,
                               const char *account, bool *anybody, bool *more)
{
    static const char *const kinds[] = {"AWS", "Federated", "Service", "CanonicalUser"};
    const char *found = "";

    if (fb_json_kind(principal) == FB_JSON_STR) {
        const char *p = fb_json_str(principal);

        *anybody = fb_eq(p, "*");
        return fb_norm_principal_is_external(a, p, account) ? p : "";
    }
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        const struct fb_json *list = fb_json_get(principal, kinds[k]);

        for (size_t i = 0, n = fb_norm_len(list); i < n; i++) {
            const char *p = fb_norm_id(a, fb_norm_at(list, i));

            if (fb_eq(p, "*"))
                *anybody = true;
            if (!fb_norm_principal_is_external(a, p, account))
                continue;
            if (!*found)
                found = p;
            else if (strcmp(found, p) != 0)
                *more = true;
        }
    }
    return found;
}

/* Condition: {"StringEquals": {"aws:PrincipalOrgID": ...}}; keys ignore case. */
static bool narrowed_to_org(const struct fb_json *statement)
{
    const struct fb_json *condition = fb_json_get(statement, "Condition"), *keys;
    const char *operator, * key;
    void *outer = NULL;

    while (fb_json_next(condition, &outer, &operator, & keys)) {
        const struct fb_json *value;
        void *inner = NULL;

        if (!fb_starts_fold(operator, "StringEquals") && !fb_starts_fold(operator, "StringLike"))
            continue;
        while (fb_json_next(keys, &inner, &key, &value))
            if (strcasecmp(key, "aws:PrincipalOrgID") == 0 && *fb_json_str(fb_norm_at(value, 0)) &&
                !fb_eq(fb_json_str(fb_norm_at(value, 0)), "*"))
                return true;
    }
    return false;
}

const char *fb_norm_policy_outsider(struct fb_arena *a, const struct fb_json *policy,
                                    const char *account, bool org_is_inside, bool *more)
{
    const struct fb_json *list = fb_json_get(policy, "Statement");
    const char *found = "";

    for (size_t i = 0, n = fb_norm_len(list); i < n; i++) {
        const struct fb_json *st = fb_norm_at(list, i);
        const char *stranger;
        bool anybody = false;

        if (!is_allow(st))
            continue;
        if (fb_json_get(st, "NotPrincipal")) /* everybody but the named */
            return "*";
        stranger = stranger_in(a, fb_json_get(st, "Principal"), account, &anybody, more);
        if (!*stranger || (anybody && org_is_inside && narrowed_to_org(st)))
            continue;
        if (!*found)
            found = stranger;
        else if (strcmp(found, stranger) != 0)
            *more = true;
    }
    return found;
}

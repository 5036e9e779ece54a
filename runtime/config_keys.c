/* config_keys.c - every key of the configuration and what its value may be. */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "config_in.h"
#include "score/score.h"

/* ---- what a text may be ---- */

/* One thing, named exactly: no patterns, no white space. */
static bool exact_ok(struct fb_load *l, const char *text)
{
    (void)l;
    return strpbrk(text, "*? \t") == NULL;
}

static bool email_ok(struct fb_load *l, const char *text)
{
    const char *at = strchr(text, '@');

    return exact_ok(l, text) && at && at != text && strchr(at, '.') && at[1] != '.' &&
           !strchr(at + 1, '@') && !fb_ends(text, ".");
}

static bool all_in(const char *text, size_t len, int (*is)(int))
{
    for (size_t i = 0; i < len; i++)
        if (!is((unsigned char)text[i]))
            return false;
    return len > 0;
}

static bool aws_account_ok(const char *text)
{
    return strlen(text) == 12 && all_in(text, 12, isdigit);
}

/* A GCP project id: 6 to 30 lower-case letters, digits and hyphens, a letter first, no hyphen last.
 */
static bool account_id_ok(struct fb_load *l, const char *text)
{
    size_t len = strlen(text);

    (void)l;
    if (aws_account_ok(text))
        return true;
    return len >= 6 && len <= 30 && islower((unsigned char)text[0]) && text[len - 1] != '-' &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

static bool iam_arn(struct fb_load *l, const char *text, struct fb_arn *arn)
{
    return exact_ok(l, text) && fb_arn_split(l->a, text, arn) && fb_starts(arn->partition, "aws") &&
           (fb_eq(arn->service, "iam") || fb_eq(arn->service, "sts")) && !*arn->region &&
           aws_account_ok(arn->account);
}

/* "user/NAME" with this "user/" and something behind it. */
static bool behind(const char *resource, const char *prefix)
{
    return fb_starts(resource, prefix) && resource[strlen(prefix)] != '\0';
}

#define WRITE_PRINCIPAL                                                                            \
    "the ARN of a user, role or session, an e-mail address, or a key or principal id, exactly "    \
    "(no "                                                                                         \
    "patterns)"
static bool principal_ok(struct fb_load *l, const char *text)
{
    static const char *const KINDS[] = {"user/", "role/", "assumed-role/", "federated-user/"};
    struct fb_arn arn;

    if (fb_starts(text, "arn:")) {
        if (!iam_arn(l, text, &arn))
            return false;
        for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++)
            if (behind(arn.resource, KINDS[i]))
                return true;
        return fb_eq(arn.resource, "root");
    }
    if (fb_starts(text, "principal://"))
        return exact_ok(l, text) && strlen(text) > strlen("principal://");
    if (strlen(text) >= 16 && (fb_starts(text, "AKIA") || fb_starts(text, "ASIA") ||
                               fb_starts(text, "AIDA") || fb_starts(text, "AROA")))
        return all_in(text, strlen(text), isalnum);
    return email_ok(l, text);
}

static bool role_arn_ok(struct fb_load *l, const char *text)
{
    struct fb_arn arn;

    return iam_arn(l, text, &arn) && fb_eq(arn.service, "iam") && behind(arn.resource, "role/");
}

/* STS AssumeRole, parameter ExternalId. */
static bool external_id_ok(struct fb_load *l, const char *text)
{
    size_t len = strlen(text);

    (void)l;
    return len >= 2 && len <= 1224 &&
           strspn(text,
                  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+=,.@:/-_") == len;
}

/* "us-east-1", "us-gov-west-1", "europe-west4". */
static bool region_ok(struct fb_load *l, const char *text)
{
    size_t len = strlen(text);

    (void)l;
    return len >= 5 && len <= 32 && islower((unsigned char)text[0]) && strchr(text, '-') &&
           isdigit((unsigned char)text[len - 1]) &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

/* ADDRESS/BITS with nothing but zeros behind the prefix, so that a slip of the pen shows. */
static bool cidr_ok(struct fb_load *l, const char *text)
{
    const char *slash = strchr(text, '/');
    unsigned char address[16];
    char host[64];
    size_t len = slash ? (size_t)(slash - text) : 0;
    int family = strchr(text, ':') ? AF_INET6 : AF_INET;
    long bits, bits_max = family == AF_INET6 ? 128 : 32;

    (void)l;
    if (!slash || len >= sizeof host || strlen(slash + 1) > 3 ||
        !all_in(slash + 1, strlen(slash + 1), isdigit))
        return false;
    memcpy(host, text, len);
    host[len] = '\0';
    bits = strtol(slash + 1, NULL, 10);
    if (bits > bits_max || inet_pton(family, host, address) != 1)
        return false;
    for (long i = bits; i < bits_max; i++)
        if (address[i / 8] & (0x80u >> (i % 8)))
            return false;
    return true;
}

static size_t notify_types(struct fb_load *l, const char *const **out)
{
    static const char *const TYPES[] = {"sns", "webhook", "slack", "pagerduty"};

    (void)l;
    *out = TYPES;
    return sizeof TYPES / sizeof *TYPES;
}

static size_t capabilities(struct fb_load *l, const char *const **out)
{
    static const char *const ALL[] = {
        "read",     "contain",  "halt",       "shield",     "approve",     "case",
        "notify",   "destroy",  "aws.read",   "gcp.read",   "aws.contain", "gcp.contain",
        "aws.halt", "gcp.halt", "aws.shield", "gcp.shield", "aws.approve", "gcp.approve",
        "aws.case", "gcp.case", "aws.notify", "gcp.notify", "aws.destroy", "gcp.destroy"};

    (void)l;
    *out = ALL;
    return sizeof ALL / sizeof *ALL;
}

static size_t signal_ids(struct fb_load *l, const char *const **out)
{
    size_t n;
    const struct fb_signal *signals = fb_signals(&n);
    const char **ids = FB_NEW_ARRAY(l->a, n, const char *);

    for (size_t i = 0; ids && i < n; i++)
        ids[i] = signals[i].id;
    *out = ids;
    return ids ? n : 0;
}

/* ---- the table ---- */

/* clang-format off */
#define KEYS(table) static const struct fb_key table[] = {
#define END {.name = NULL}};
#define ROW(n, t, s, f, w) .name = n, .type = t, .at = offsetof(s, f), .write = w
#define NUMBER(n, s, f, lo, hi, w) {ROW(n, FB_KEY_NUMBER, s, f, w), .low = lo, .high = hi},
#define NEEDED(n, s, f, lo, hi, w) {ROW(n, FB_KEY_NUMBER, s, f, w), .low = lo, .high = hi, .required = true},
#define WHOLE(n, s, f, lo, hi, w) {ROW(n, FB_KEY_WHOLE, s, f, w), .low = lo, .high = hi},
#define FLAG(n, s, f) {ROW(n, FB_KEY_FLAG, s, f, "true or false")},
#define MODE(n, s, f) {ROW(n, FB_KEY_MODE, s, f, "\"dry-run\" or \"enforce\"")},
#define TIME(n, s, f, req) {ROW(n, FB_KEY_TIME, s, f, "a time, as 2026-01-02T03:04:05Z"), .required = req},
#define TEXT(n, s, f, ok, list, req, w) {ROW(n, FB_KEY_TEXT, s, f, w), .check = ok, .words = list, .required = req},
#define TEXTS(n, s, f, ok, list, w) {ROW(n, FB_KEY_TEXTS, s, f, w), .check = ok, .words = list},
#define SECRET(n, s, f, w) {ROW(n, FB_KEY_SECRET, s, f, w)},
#define IGNORED(n, w) {.name = n, .type = FB_KEY_TEXT, .write = w, .ignored = true},
#define OBJECT(n, table, w) {.name = n, .type = FB_KEY_OBJECT, .sub = table, .write = w},
#define NAMED(n, s, f, cnt, table, item, ok, list, w) \
    {ROW(n, FB_KEY_NAMED, s, f, w), .count_at = offsetof(s, cnt), .sub = table, .item_bytes = sizeof(item), \
     .check = ok, .words = list},
#define LISTED(n, s, f, cnt, table, item) \
    {ROW(n, FB_KEY_LISTED, s, f, "an object"), .count_at = offsetof(s, cnt), .sub = table, .item_bytes = sizeof(item)},
/* clang-format on */
#include "config.def"

const struct fb_key *fb_config_root(void) { return ROOT; }

/* ---- what one row alone cannot say ---- */

static enum fb_status check_thresholds(struct fb_load *l)
{
    const struct fb_config *c = l->c;

    if (c->alert <= c->contain && c->contain <= c->wide)
        return FB_OK;
    return fb_load_fail(
        l, "thresholds",
        "are alert %g, contain %g, wide %g; write alert <= contain <= wide (unnamed ones "
        "keep 50, 80, 90)",
        c->alert, c->contain, c->wide);
}

static enum fb_status check_accounts(struct fb_load *l)
{
    for (size_t i = 0; i < l->c->account_count; i++) {
        const struct fb_config_account *account = &l->c->accounts[i];
        struct fb_arn arn;

        if (*account->role_arn && fb_arn_split(l->a, account->role_arn, &arn) &&
            !fb_eq(arn.account, account->id))
            return fb_load_fail(l, fb_arena_fmt(l->a, "accounts.%s.role_arn", account->id),
                                "is a role of account %s; write a role of account %s", arn.account,
                                account->id);
    }
    return FB_OK;
}

/* Loopback may be plain: a relay on the same machine. */
static bool web_address(const char *text)
{
    static const char *const STARTS[] = {"https://", "http://127.0.0.1:", "http://localhost:"};

    for (size_t i = 0; i < sizeof STARTS / sizeof *STARTS; i++)
        if (behind(text, STARTS[i]))
            return strpbrk(text, " \t\"") == NULL;
    return false;
}

static enum fb_status check_notify(struct fb_load *l)
{
    for (size_t i = 0; i < l->c->notify_count; i++) {
        const struct fb_config_notify *n = &l->c->notify[i];
        const char *path = fb_arena_fmt(l->a, "notify.%s.target", n->name);
        struct fb_arn arn;

        if (fb_eq(n->type, "sns")) {
            if (!exact_ok(l, n->target) || !fb_arn_split(l->a, n->target, &arn) ||
                !fb_eq(arn.service, "sns") || !*arn.region || !aws_account_ok(arn.account) ||
                !*arn.resource)
                return fb_load_fail(
                    l, path,
                    "is no topic; write its ARN, as arn:aws:sns:us-east-1:111122223333:NAME");
        } else if (!fb_eq(n->type, "pagerduty") && !web_address(n->target)) {
            return fb_load_fail(l, path, "is no web address; write one that begins with https://");
        }
    }
    return FB_OK;
}

static enum fb_status check_windows(struct fb_load *l)
{
    for (size_t i = 0; i < l->c->change_window_count; i++)
        if (l->c->change_windows[i].from_ms >= l->c->change_windows[i].until_ms)
            return fb_load_fail(l, fb_arena_fmt(l->a, "change_windows[%zu]", i),
                                "ends before it begins; write an until that is later than from");
    return FB_OK;
}

enum fb_status fb_config_check(struct fb_load *l)
{
    enum fb_status st = check_thresholds(l);

    if (st == FB_OK)
        st = check_accounts(l);
    if (st == FB_OK)
        st = check_notify(l);
    return st == FB_OK ? check_windows(l) : st;
}

/* ---- the table, for documentation and tests ---- */

enum { KEYS_MAX = 128 };

static const char *type_word(enum fb_key_type t)
{
    switch (t) {
    case FB_KEY_NUMBER:
        return "number";
    case FB_KEY_WHOLE:
        return "integer";
    case FB_KEY_FLAG:
        return "boolean";
    case FB_KEY_MODE:
    case FB_KEY_TEXT:
    case FB_KEY_TIME:
    case FB_KEY_SECRET:
        return "string";
    case FB_KEY_TEXTS:
    case FB_KEY_LISTED:
        return "array";
    case FB_KEY_OBJECT:
    case FB_KEY_NAMED:
        return "object";
    }
    return "";
}

static void add_keys(struct fb_arena *a, const struct fb_key *keys, const char *path,
                     struct fb_config_key *out, size_t *count)
{
    for (const struct fb_key *k = keys; k->name && *count < KEYS_MAX; k++) {
        const char *own = *path && *k->name ? fb_arena_fmt(a, "%s.%s", path, k->name)
                          : *path           ? path
                                            : k->name;
        const char *items = k->type == FB_KEY_OBJECT  ? own
                            : k->type == FB_KEY_NAMED ? fb_arena_fmt(a, "%s.*", own)
                                                      : fb_arena_fmt(a, "%s[]", own);

        out[(*count)++] =
            (struct fb_config_key){own, type_word(k->type), k->write, k->low, k->high, k->required};
        if (k->sub)
            add_keys(a, k->sub, items, out, count);
    }
}

const struct fb_config_key *fb_config_keys(struct fb_arena *a, size_t *count)
{
    struct fb_config_key *out = FB_NEW_ARRAY(a, KEYS_MAX, struct fb_config_key);

    *count = 0;
    if (out)
        add_keys(a, fb_config_root(), "", out, count);
    return out;
}

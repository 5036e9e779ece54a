/* policy.c - the two inline policies that we put, written and read back. */
#include "contain/policy.h"

#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"

enum { STATEMENTS_MAX = 32 };

const char *fb_policy_revoke_document(struct fb_arena *a, int64_t before_ms)
{
    char iso[FB_TIME_MAX];
    char *dot;

    fb_time_iso(before_ms - before_ms % 1000, iso);
    dot = strchr(iso, '.');
    if (dot)
        strcpy(dot, "Z");
    return fb_arena_fmt(a,
                        "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"Firebreak\","
                        "\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":"
                        "{\"DateLessThan\":{\"aws:TokenIssueTime\":\"%s\"}}}]}",
                        iso);
}

static const struct fb_json *parse(struct fb_arena *a, const char *document)
{
    const struct fb_json *doc = NULL;
    unsigned odd = 0;

    if (!document || !*document ||
        fb_json_parse(a, document, strlen(document), &odd, &doc, NULL) != FB_OK || odd)
        return NULL; /* a key that is there twice: we cannot know which one counts */
    return doc;
}

/* The i-th statement; IAM allows one bare object in place of the list. */
static const struct fb_json *statement(const struct fb_json *doc, size_t i)
{
    const struct fb_json *all = fb_json_get(doc, "Statement");

    if (fb_json_kind(all) == FB_JSON_OBJECT)
        return i == 0 ? all : NULL;
    return i < STATEMENTS_MAX ? fb_json_at(all, i) : NULL;
}

/* "*" or ["*"] */
static bool is_star(const struct fb_json *v)
{
    if (fb_json_kind(v) == FB_JSON_ARRAY)
        v = fb_json_at(v, 0);
    return fb_eq(fb_json_str(v), "*");
}

/* Nothing is there but these five: whoever may write the policy must not slip in an exception that
 * we do not know ("NotAction", "condition"). */
static bool is_plain(const struct fb_json *s)
{
    static const char *const KEYS[] = {"Sid", "Effect", "Action", "Resource", "Condition"};
    const struct fb_json *v;
    const char *name;
    void *iter = NULL;

    while (fb_json_next(s, &iter, &name, &v)) {
        bool known = false;

        for (size_t i = 0; i < sizeof KEYS / sizeof *KEYS; i++)
            known = known || fb_eq(name, KEYS[i]);
        if (!known)
            return false;
    }
    return true;
}

static bool denies_star(const struct fb_json *s)
{
    return is_plain(s) && fb_eq(fb_json_get_str(s, "Effect"), "Deny") &&
           is_star(fb_json_get(s, "Action")) && is_star(fb_json_get(s, "Resource"));
}

bool fb_policy_denies_all(struct fb_arena *a, const char *document)
{
    const struct fb_json *doc = parse(a, document), *s;

    for (size_t i = 0; doc && (s = statement(doc, i)); i++)
        if (denies_star(s) && fb_json_kind(fb_json_get(s, "Condition")) == FB_JSON_ABSENT)
            return true;
    return false;
}

/* The one value of an object that has exactly this one key; NULL otherwise. */
static const struct fb_json *only(const struct fb_json *object, const char *key)
{
    const struct fb_json *value = NULL, *v;
    const char *name;
    void *iter = NULL;
    size_t n = 0;

    while (fb_json_next(object, &iter, &name, &v)) {
        n++;
        if (fb_eq(name, key))
            value = v;
    }
    return n == 1 ? value : NULL;
}

bool fb_policy_revoked_before(struct fb_arena *a, const char *document, int64_t *before_ms)
{
    const struct fb_json *doc = parse(a, document), *s, *when;

    for (size_t i = 0; doc && (s = statement(doc, i)); i++) {
        /* Any further condition would spare somebody. */
        when = only(only(fb_json_get(s, "Condition"), "DateLessThan"), "aws:TokenIssueTime");
        if (fb_json_kind(when) == FB_JSON_ARRAY && fb_json_len(when) == 1)
            when = fb_json_at(when, 0);
        if (denies_star(s) && fb_time_parse(fb_json_str(when), before_ms))
            return true;
    }
    return false;
}

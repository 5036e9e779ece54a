/* read.c - readers for AWS JSON in all its dialects, so that the other files can just ask. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/text.h"
#include "normalize/norm_in.h"

enum { KEY_MAX = 64 }; /* our own field names; longer ones do not exist */

const struct fb_json *fb_norm_field(const struct fb_json *object, const char *name)
{
    return fb_json_get_fold(object, name);
}

const struct fb_json *fb_norm_path(const struct fb_json *v, const char *dotted)
{
    while (v && *dotted) {
        char key[KEY_MAX];
        size_t len = strcspn(dotted, ".");

        if (len >= sizeof key)
            return NULL;
        memcpy(key, dotted, len);
        key[len] = '\0';
        v = fb_norm_field(v, key);
        dotted += len + (dotted[len] == '.');
    }
    return v;
}

const char *fb_norm_id(struct fb_arena *a, const struct fb_json *v)
{
    enum fb_json_kind kind = fb_json_kind(v);

    if (kind == FB_JSON_STR)
        return fb_json_str(v);
    return kind == FB_JSON_INT ? fb_json_text(a, v) : "";
}

const char *fb_norm_field_id(struct fb_arena *a, const struct fb_json *object, const char *name)
{
    return fb_norm_id(a, fb_norm_field(object, name));
}

const char *fb_norm_path_id(struct fb_arena *a, const struct fb_json *v, const char *dotted)
{
    return fb_norm_id(a, fb_norm_path(v, dotted));
}

bool fb_norm_flag(const struct fb_json *v, bool otherwise)
{
    if (fb_json_kind(v) == FB_JSON_OBJECT)
        v = fb_norm_field(v, "value");
    return fb_json_bool(v, otherwise);
}

int64_t fb_norm_number(const struct fb_json *v, int64_t otherwise)
{
    int64_t n;

    if (fb_json_kind(v) == FB_JSON_OBJECT)
        v = fb_norm_field(v, "value");
    if (!fb_json_int(v, &n))
        return otherwise;
    if (n < 0)
        return 0;
    return n > FB_NORM_COUNT_MAX ? FB_NORM_COUNT_MAX : n;
}

/* The array inside {"items": [...]} and its cousins; the value itself otherwise. */
static const struct fb_json *list_of(const struct fb_json *v)
{
    static const char *const wrappers[] = {"items", "item", "member"};

    for (int depth = 0; depth < 3 && fb_json_kind(v) == FB_JSON_OBJECT; depth++) {
        const struct fb_json *inner = NULL;

        for (size_t i = 0; i < sizeof wrappers / sizeof wrappers[0] && !inner; i++)
            inner = fb_json_get(v, wrappers[i]);
        if (!inner)
            break;
        v = inner;
    }
    return v;
}

size_t fb_norm_len(const struct fb_json *list)
{
    const struct fb_json *v = list_of(list);
    enum fb_json_kind kind = fb_json_kind(v);

    if (kind == FB_JSON_ARRAY) {
        size_t n = fb_json_len(v);

        return n > FB_NORM_ITEMS_MAX ? FB_NORM_ITEMS_MAX : n;
    }
    if (kind == FB_JSON_OBJECT) {
        void *iter = NULL;
        const char *key;
        const struct fb_json *member;

        return fb_json_next(v, &iter, &key, &member) ? 1 : 0;
    }
    return kind == FB_JSON_STR || kind == FB_JSON_INT ? 1 : 0;
}

const struct fb_json *fb_norm_at(const struct fb_json *list, size_t i)
{
    const struct fb_json *v = list_of(list);

    if (fb_json_kind(v) == FB_JSON_ARRAY)
        return fb_json_at(v, i);
    return i == 0 ? v : NULL;
}

/* "Oct 2, 2019, 11:12:29 PM": Java's default date text, in which newer releases put U+202F before
 * the PM and older ones leave out the second comma. */
static bool parse_java(const char *s, int64_t *ms)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char name[4] = "", iso[FB_TIME_MAX];
    int day, year, hour, minute, second, used = 0;
    const char *at;

    if (sscanf(s, "%3[A-Za-z] %2d, %4d%*[, ]%2d:%2d:%2d%n", name, &day, &year, &hour, &minute,
               &second, &used) != 6 ||
        strlen(name) != 3)
        return false;
    at = strstr(months, name);
    if (!at || (at - months) % 3 != 0)
        return false;
    if (fb_has_fold(s + used, "PM"))
        hour = hour % 12 + 12;
    else if (fb_has_fold(s + used, "AM"))
        hour %= 12;
    if (day < 0 || year < 0 || hour < 0 || minute < 0 || second < 0)
        return false;
    snprintf(iso, sizeof iso, "%04u-%02u-%02uT%02u:%02u:%02uZ", (unsigned)year % 10000u,
             (unsigned)((at - months) / 3 + 1), (unsigned)day % 100u, (unsigned)hour % 100u,
             (unsigned)minute % 100u, (unsigned)second % 100u);
    return fb_time_parse(iso, ms);
}

bool fb_norm_time(const struct fb_json *v, int64_t *ms)
{
    /* Seconds stay below this until the year 5138; milliseconds passed it in 1973. */
    const int64_t seconds_max = INT64_C(100000000000);
    /* The year 2200, as fb_time_parse. */
    const int64_t ms_max = INT64_C(7258118400000);
    const char *s = fb_json_str(v);
    int64_t n;

    if (*s && (fb_time_parse(s, ms) || fb_time_parse_http(s, ms) || parse_java(s, ms)))
        return true;
    if (fb_json_kind(v) == FB_JSON_REAL) {
        double d = fb_json_num(v, 0);

        if (!(d > 0 && d < (double)ms_max))
            return false;
        n = (int64_t)d;
    } else if (!fb_json_int(v, &n) || n <= 0) {
        return false;
    }
    if (n < seconds_max)
        n *= 1000;
    if (n > ms_max)
        return false;
    *ms = n;
    return true;
}

bool fb_norm_is_account(const char *s) { return strlen(s) == 12 && strspn(s, "0123456789") == 12; }

bool fb_norm_like(const char *s, const char *pattern)
{
    const char *star = NULL, *back = s;

    while (*s) {
        if (*pattern == '*') {
            star = pattern++;
            back = s;
        } else if (*pattern == *s) {
            pattern++;
            s++;
        } else if (star) {
            pattern = star + 1;
            s = ++back;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

bool fb_norm_has_word(const char *s, const char *needle)
{
    const char both[] = {(char)tolower((unsigned char)*needle),
                         (char)toupper((unsigned char)*needle), '\0'};
    size_t len = strlen(needle);

    for (const char *at = strpbrk(s, both); at; at = strpbrk(at + 1, both)) {
        if (strncasecmp(at, needle, len) != 0)
            continue;
        if ((at == s || !isalpha((unsigned char)at[-1])) && !isalpha((unsigned char)at[len]))
            return true;
    }
    return false;
}

const char *fb_norm_after_last(const char *s, char c)
{
    const char *at = strrchr(s, c);

    return at ? at + 1 : "";
}

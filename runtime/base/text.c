/* text.c - see text.h. */
#include "base/text.h"

#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/utf8.h"

bool fb_eq(const char *a, const char *b) { return a && b && strcmp(a, b) == 0; }

bool fb_starts(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool fb_ends(const char *s, const char *suffix)
{
    size_t n = strlen(s), k = strlen(suffix);

    return n >= k && strcmp(s + n - k, suffix) == 0;
}

bool fb_starts_fold(const char *s, const char *prefix)
{
    return strncasecmp(s, prefix, strlen(prefix)) == 0;
}

static char other_case(char c)
{
    return (char)((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ? c ^ 0x20 : c);
}

bool fb_has_fold(const char *s, const char *needle)
{
    const char first[] = {*needle, other_case(*needle), '\0'};
    size_t len = strlen(needle);

    if (len == 0)
        return true;
    for (s = strpbrk(s, first); s; s = strpbrk(s + 1, first)) { /* each turn moves on */
        if (strncasecmp(s, needle, len) == 0)
            return true;
    }
    return false;
}

bool fb_utf8_valid(const char *bytes, size_t len)
{
    const unsigned char *p = (const unsigned char *)bytes;

    for (size_t i = 0; i < len;) {
        uint32_t cp;
        size_t n = fb_utf8_next(p + i, len - i, &cp);

        if (n == 0)
            return false;
        i += n;
    }
    return true;
}

enum { NAME_MAX_BYTES = 63 };

static size_t distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b), row[NAME_MAX_BYTES + 1];

    if (n > NAME_MAX_BYTES || m > NAME_MAX_BYTES)
        return NAME_MAX_BYTES;
    for (size_t j = 0; j <= m; j++)
        row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t up = row[j], best = diagonal + (a[i - 1] != b[j - 1]);

            if (up + 1 < best)
                best = up + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            diagonal = up;
            row[j] = best;
        }
    }
    return row[m];
}

const char *fb_nearest(const char *name, const char *const *names, size_t n)
{
    size_t limit = strlen(name) / 2, best;
    const char *found = NULL;

    best = (limit < 3 ? limit : 3) + 1;
    for (size_t i = 0; i < n; i++) {
        size_t d = distance(name, names[i]);

        if (d < best) {
            best = d;
            found = names[i];
        }
    }
    return found;
}

bool fb_arn_split(struct fb_arena *a, const char *s, struct fb_arn *out)
{
    const char **field[] = {&out->partition, &out->service, &out->region, &out->account};
    const char *p;

    *out = (struct fb_arn){"", "", "", "", ""};
    if (!fb_starts(s, "arn:"))
        return false;
    p = s + 4;
    for (size_t i = 0; i < sizeof field / sizeof *field; i++) {
        const char *colon = strchr(p, ':');

        if (!colon) {
            *out = (struct fb_arn){"", "", "", "", ""};
            return false;
        }
        *field[i] = fb_arena_strn(a, p, (size_t)(colon - p));
        p = colon + 1;
    }
    out->resource = fb_arena_str(a, p);
    return true;
}

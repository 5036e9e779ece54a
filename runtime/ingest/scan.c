/* scan.c - finds the end of a JSON value without parsing it. */
#include "ingest/scan.h"

#include <string.h>

static const char RECORDS[] = "\"Records\"";

static bool blank(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

size_t fb_scan_blank(const char *bytes, size_t at, size_t end)
{
    while (at < end && blank(bytes[at]))
        at++;
    return at;
}

/* Whether one of eight bytes is c, given c eight times (Mycroft's test: never misses one). */
static uint64_t has_byte(uint64_t eight, uint64_t c)
{
    uint64_t x = eight ^ c, ones = UINT64_C(0x0101010101010101);

    return (x - ones) & ~x & ones << 7;
}

/* Skips, eight at a time, what neither ends a string nor escapes in it. */
static size_t skip_plain(const char *bytes, size_t at, size_t end)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t eight;

    for (; end - at >= sizeof eight; at += sizeof eight) {
        memcpy(&eight, bytes + at, sizeof eight);
        if (has_byte(eight, ones * '"') | has_byte(eight, ones * '\\') |
            has_byte(eight, ones * '\n'))
            break;
    }
    return at;
}

size_t fb_scan_string(const char *bytes, size_t at, size_t end, bool *closed)
{
    *closed = false;
    for (at = skip_plain(bytes, at + 1, end); at < end && bytes[at] != '\n'; at++) {
        if (bytes[at] == '"') {
            *closed = true;
            return at + 1;
        }
        if (bytes[at] == '\\' && at + 1 < end && bytes[at + 1] != '\n')
            at++;
    }
    return at;
}

void fb_scan_open(struct fb_scan *s, const char *bytes, size_t at, size_t end, bool seek_records)
{
    memset(s, 0, sizeof *s);
    s->bytes = bytes;
    s->at = at;
    s->end = end;
    s->seek_records = seek_records;
}

void fb_scan_resume(struct fb_scan *s, size_t at)
{
    s->at = at;
    s->before = ']';
    s->suspect = 0; /* what lay before the array is behind us */
}

static bool in_object(const struct fb_scan *s)
{
    size_t top = s->depth - 1;

    return s->depth > 0 && top < FB_SCAN_KINDS && (s->kinds[top / 64] >> top % 64 & 1) != 0;
}

/* A '{' where the grammar has no room for one, or in the first column, may begin the next record.
 */
static void open_bracket(struct fb_scan *s, char c)
{
    if (c == '{' && s->depth > 0 && s->suspect == 0) {
        bool fits = in_object(s) ? s->before == ':' : s->before == '[' || s->before == ',';

        if (!fits || s->bytes[s->at - 1] == '\n')
            s->suspect = s->at;
    }
    if (s->depth < FB_SCAN_KINDS) {
        uint64_t bit = (uint64_t)1 << s->depth % 64;

        if (c == '{')
            s->kinds[s->depth / 64] |= bit;
        else
            s->kinds[s->depth / 64] &= ~bit;
    }
    s->depth++;
}

/* False when nothing in this value is closed by c. */
static bool close_bracket(struct fb_scan *s, char c)
{
    if (s->depth <= FB_SCAN_KINDS) {
        while (s->depth > 0 && in_object(s) != (c == '}'))
            s->depth--;
        if (s->depth == 0)
            return false;
    }
    s->depth--;
    return true;
}

/* Whether the string just read, [from, at), is the key of a "Records" array; moves to its '['. */
static bool at_records(struct fb_scan *s, size_t from)
{
    size_t at = s->at;

    if (at - from != sizeof RECORDS - 1 || memcmp(s->bytes + from, RECORDS, at - from) != 0)
        return false;
    at = fb_scan_blank(s->bytes, at, s->end);
    if (at == s->end || s->bytes[at] != ':')
        return false;
    at = fb_scan_blank(s->bytes, at + 1, s->end);
    if (at == s->end || s->bytes[at] != '[')
        return false;
    s->at = at;
    s->before = ':';
    return true;
}

enum fb_scan_end fb_scan_run(struct fb_scan *s)
{
    while (s->at < s->end) {
        size_t from = s->at;
        char c = s->bytes[from];
        bool closed;

        if (c == '"') {
            s->at = fb_scan_string(s->bytes, from, s->end, &closed);
            s->before = c;
            if (s->seek_records && s->depth == 1 && in_object(s) && at_records(s, from))
                return FB_SCAN_RECORDS;
            continue;
        }
        if (c == '{' || c == '[') {
            open_bracket(s, c);
        } else if (c == '}' || c == ']') {
            if (!close_bracket(s, c))
                return FB_SCAN_STRAY;
        } else if (c != ':' && c != ',') {
            s->before = blank(c) ? s->before : '0';
            s->at++;
            continue;
        }
        s->before = c;
        s->at++;
        if (s->depth == 0)
            return FB_SCAN_WHOLE;
    }
    return FB_SCAN_CUT;
}

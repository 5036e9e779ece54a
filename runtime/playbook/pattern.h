/* pattern.h - Lua's patterns with a meter. Of this room only; knows nothing of a Lua state.
 *
 * The stock matcher backtracks inside one C call, where no hook fires: ("a?"):rep(30) or
 * ".-.-.-.-b" run for minutes. This one takes the same patterns (Lua 5.4 manual, 6.4.1; letters and
 * digits are ASCII's), compiles them first, so that a malformed one is always told, and counts its
 * steps. */
#ifndef FB_PATTERN_H
#define FB_PATTERN_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FB_PATTERN_BYTES_MAX = 1000,
    FB_PATTERN_CAPTURES_MAX = 32,
    FB_PATTERN_DEPTH_MAX = 200 /* quantifiers that may be open at a time */
};

struct fb_pattern_item {
    unsigned char kind;  /* pattern.c's */
    unsigned char quant; /* 0, or one of * + - ? */
    unsigned char a, b;  /* delimiters of %b, or a capture's index */
    uint32_t set[8];     /* bytes that match */
};

struct fb_pattern {
    bool anchored;
    unsigned captures;
    size_t count;
    struct fb_pattern_item items[]; /* at most one more than the pattern has bytes */
};

/* Bytes that a pattern of len bytes needs when compiled. */
size_t fb_pattern_size(size_t len);

/* Compiles into p (fb_pattern_size bytes). A leading '^' anchors only when `anchors` (in gmatch it
 * stands for itself). NULL, or what is wrong with the pattern. */
const char *fb_pattern_compile(struct fb_pattern *p, const char *text, size_t len, bool anchors);

enum fb_match_fault { FB_MATCH_FINE, FB_MATCH_STEPS, FB_MATCH_DEPTH };

/* One try. Fill pattern, src, end and steps_left; the rest is the matcher's. */
struct fb_match {
    const struct fb_pattern *pattern;
    const char *src, *end;
    uint64_t steps_left;
    enum fb_match_fault fault;
    int depth;
    struct {
        const char *at;
        size_t len;
        bool position; /* "()": only where */
    } captures[FB_PATTERN_CAPTURES_MAX];
};

/* The end of the match that starts at s, or NULL: none, or m->fault says why it was given up. */
const char *fb_match_at(struct fb_match *m, const char *s);

/* The first match at s or later (at s only when anchored); *start is where it begins. */
const char *fb_match_find(struct fb_match *m, const char *s, const char **start);

#endif

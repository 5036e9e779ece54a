/* scan.h - where a JSON value ends, found byte by byte: knows brackets, strings and escapes, and
 * nothing else. What lies between is the parser's to judge.
 *
 * No recursion and no memory: nesting is counted, and the kinds of the outer FB_SCAN_KINDS levels
 * are kept as bits. One pass; each byte is looked at a bounded number of times.
 *
 * Broken text is expected. A raw line break ends a string (JSON has none inside), a closing bracket
 * closes what was left open inside it, and the first '{' that looks like the start of another
 * record is remembered, so that one broken record does not swallow those behind it. */
#ifndef FB_INGEST_SCAN_H
#define FB_INGEST_SCAN_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FB_SCAN_KINDS = 1024 };

enum fb_scan_end {
    FB_SCAN_WHOLE,   /* at is one past the value */
    FB_SCAN_RECORDS, /* at is on the '[' of a "Records" member at depth 1 (seek_records) */
    FB_SCAN_CUT,     /* the bytes end inside the value; at is the end */
    FB_SCAN_STRAY    /* at is on a closing bracket that nothing inside the value opened */
};

struct fb_scan {
    const char *bytes; /* borrowed */
    size_t end;
    size_t at;
    size_t suspect; /* where the next record may begin if this value proves broken; 0: nowhere */
    size_t depth;
    char before;       /* the last byte that means something: a bracket, ':', ',', '"' or '0' */
    bool seek_records; /* stop at "Records": [ */
    uint64_t kinds[FB_SCAN_KINDS / 64]; /* 1: object */
};

/* Begins on the '{' or '[' at `at`. */
void fb_scan_open(struct fb_scan *s, const char *bytes, size_t at, size_t end, bool seek_records);

/* Runs to the next stop. After FB_SCAN_RECORDS the caller either runs on (the array is scanned as
 * any value), or moves past the array with fb_scan_resume. */
enum fb_scan_end fb_scan_run(struct fb_scan *s);
void fb_scan_resume(struct fb_scan *s, size_t at);

/* The first byte in [at, end) that is no JSON white space; end when there is none. */
size_t fb_scan_blank(const char *bytes, size_t at, size_t end);

/* One past the string whose opening quote is at `at` (or on the line break that ends it). */
size_t fb_scan_string(const char *bytes, size_t at, size_t end, bool *closed);

#endif

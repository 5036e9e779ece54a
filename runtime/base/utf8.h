/* utf8.h - one decoder for the room's files; strict (no surrogates, no overlong forms). */
#ifndef FB_UTF8_H
#define FB_UTF8_H
#include <stddef.h>
#include <stdint.h>

/* The length (1..4) of the character at p with `left` bytes to go, its code point in *cp; 0 when
 * the bytes are not UTF-8. */
static inline size_t fb_utf8_next(const unsigned char *p, size_t left, uint32_t *cp)
{
    size_t n;
    uint32_t v, least;

    if (left == 0)
        return 0;
    if (p[0] < 0x80) {
        *cp = p[0];
        return 1;
    }
    if (p[0] >= 0xC2 && p[0] <= 0xDF) {
        n = 2, v = p[0] & 0x1Fu, least = 0x80;
    } else if (p[0] >= 0xE0 && p[0] <= 0xEF) {
        n = 3, v = p[0] & 0x0Fu, least = 0x800;
    } else if (p[0] >= 0xF0 && p[0] <= 0xF4) {
        n = 4, v = p[0] & 0x07u, least = 0x10000;
    } else {
        return 0;
    }
    if (left < n)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
        v = v << 6 | (p[i] & 0x3Fu);
    }
    if (v < least || v > 0x10FFFF || (v >= 0xD800 && v <= 0xDFFF))
        return 0;
    *cp = v;
    return n;
}

#endif

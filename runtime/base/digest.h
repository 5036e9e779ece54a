/* digest.h - SHA-256, HMAC-SHA-256, base64 and a fast keyless 64-bit hash for tables. */
#ifndef FB_DIGEST_H
#define FB_DIGEST_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fb_buf;

enum { FB_SHA256_BYTES = 32, FB_SHA256_HEX = 65 };

/* False only when the crypto library fails; out is zeroed then. */
bool fb_sha256(const void *bytes, size_t len, unsigned char out[FB_SHA256_BYTES]);
/* As 64 lower-case hex digits and a NUL; returns out. */
char *fb_sha256_hex(const void *bytes, size_t len, char out[FB_SHA256_HEX]);
bool fb_hmac_sha256(const void *key, size_t key_len, const void *bytes, size_t len,
                    unsigned char out[FB_SHA256_BYTES]);
char *fb_hex(const unsigned char *bytes, size_t len, char *out); /* out holds 2*len+1 */

/* Stable across machines and versions (kept in profiles): FNV-1a, 64 bits, then a final mix. */
uint64_t fb_hash64(const void *bytes, size_t len);
uint64_t fb_hash64_str(const char *s);

void fb_base64_add(struct fb_buf *to, const void *bytes, size_t len);
/* Decodes strict base64 (white space not allowed, padding required); false when it is not. */
bool fb_base64_decode(struct fb_buf *to, const char *text, size_t len);

/* A credential's secret. Wiped on release; has no printer. */
struct fb_secret {
    char *at;
    size_t len;
};
bool fb_secret_set(struct fb_secret *s, const char *bytes,
                   size_t len); /* copies; false: no memory */
void fb_secret_release(struct fb_secret *s);

#endif

/* digest.c - OpenSSL's digests behind five small functions, base64, and the table hash. */
#include "base/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

bool fb_sha256(const void *bytes, size_t len, unsigned char out[FB_SHA256_BYTES])
{
    unsigned got = 0;

    memset(out, 0, FB_SHA256_BYTES);
    return EVP_Digest(bytes, len, out, &got, EVP_sha256(), NULL) == 1 && got == FB_SHA256_BYTES;
}

char *fb_hex(const unsigned char *bytes, size_t len, char *out)
{
    static const char hex[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        out[2 * i] = hex[bytes[i] >> 4];
        out[2 * i + 1] = hex[bytes[i] & 15];
    }
    out[2 * len] = '\0';
    return out;
}

char *fb_sha256_hex(const void *bytes, size_t len, char out[FB_SHA256_HEX])
{
    unsigned char raw[FB_SHA256_BYTES];

    (void)fb_sha256(bytes, len, raw);
    return fb_hex(raw, sizeof raw, out);
}

bool fb_hmac_sha256(const void *key, size_t key_len, const void *bytes, size_t len,
                    unsigned char out[FB_SHA256_BYTES])
{
    unsigned got = 0;

    memset(out, 0, FB_SHA256_BYTES);
    if (key_len > 1u << 20)
        return false;
    return HMAC(EVP_sha256(), key, (int)key_len, bytes, len, out, &got) != NULL &&
           got == FB_SHA256_BYTES;
}

uint64_t fb_hash64(const void *bytes, size_t len)
{
    const unsigned char *p = bytes;
    uint64_t h = 0xcbf29ce484222325u;

    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * 0x100000001b3u;
    h ^= h >> 33;
    h *= 0xff51afd7ed558ccdu;
    h ^= h >> 33;
    return h;
}

uint64_t fb_hash64_str(const char *s) { return fb_hash64(s, strlen(s)); }

static const char B64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void fb_base64_add(struct fb_buf *to, const void *bytes, size_t len)
{
    const unsigned char *p = bytes;

    for (size_t i = 0; i < len; i += 3) {
        size_t n = len - i < 3 ? len - i : 3;
        uint32_t v = (uint32_t)p[i] << 16 | (uint32_t)(n > 1 ? p[i + 1] : 0) << 8 |
                     (uint32_t)(n > 2 ? p[i + 2] : 0);
        char four[4] = {B64[v >> 18], B64[v >> 12 & 63], n > 1 ? B64[v >> 6 & 63] : '=',
                        n > 2 ? B64[v & 63] : '='};

        fb_buf_addn(to, four, 4);
    }
}

bool fb_base64_decode(struct fb_buf *to, const char *text, size_t len)
{
    if (len % 4 != 0)
        return false;
    for (size_t i = 0; i < len; i += 4) {
        size_t pad = i + 4 == len ? (size_t)(text[i + 3] == '=') +
                                        (size_t)(text[i + 2] == '=' && text[i + 3] == '=')
                                  : 0;
        uint32_t v = 0;
        unsigned char three[3];

        for (size_t k = 0; k < 4; k++) {
            const char *at = k < 4 - pad && text[i + k] ? strchr(B64, text[i + k]) : NULL;

            if (!at && k < 4 - pad)
                return false;
            v = v << 6 | (uint32_t)(at ? at - B64 : 0);
        }
        three[0] = (unsigned char)(v >> 16);
        three[1] = (unsigned char)(v >> 8);
        three[2] = (unsigned char)v;
        fb_buf_addn(to, three, 3 - pad);
    }
    return fb_buf_ok(to);
}

bool fb_secret_set(struct fb_secret *s, const char *bytes, size_t len)
{
    char *copy = malloc(len + 1);

    if (!copy)
        return false;
    memcpy(copy, bytes, len);
    copy[len] = '\0';
    fb_secret_release(s);
    s->at = copy;
    s->len = len;
    return true;
}

void fb_secret_release(struct fb_secret *s)
{
    if (s->at) {
        OPENSSL_cleanse(s->at, s->len);
        free(s->at);
    }
    s->at = NULL;
    s->len = 0;
}

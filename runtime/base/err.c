/* err.c - how a failure is said. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum fb_status fb_err_set(struct fb_err *err, enum fb_status code, const char *fmt, ...)
{
    va_list ap;

    if (!err)
        return code;
    memset(err, 0, sizeof *err);
    err->code = code;
    va_start(ap, fmt);
    (void)vsnprintf(err->text, sizeof err->text, fmt, ap);
    va_end(ap);
    return code;
}

enum fb_status fb_err_ctx(struct fb_err *err, enum fb_status st, const char *fmt, ...)
{
    char text[FB_ERR_TEXT_MAX], below[FB_ERR_TEXT_MAX];
    va_list ap;
    size_t used;

    if (st == FB_OK || !err)
        return st;
    memcpy(below, err->text[0] ? err->text : fb_status_name(st),
           err->text[0] ? sizeof below : strlen(fb_status_name(st)) + 1);
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    used = strlen(text);
    memcpy(err->text, text, used + 1);
    for (const char *p = ": "; used < sizeof err->text - 1 && *p; p++)
        err->text[used++] = *p;
    for (const char *p = below; used < sizeof err->text - 1 && *p; p++)
        err->text[used++] = *p;
    err->text[used] = '\0';
    err->code = st;
    return st;
}

const char *fb_status_name(enum fb_status st)
{
    static const char *const names[] = {
        [FB_OK] = "ok",
        [FB_EINPUT] = "bad-input",
        [FB_ECONFIG] = "bad-configuration",
        [FB_ENOTFOUND] = "not-found",
        [FB_ECONFLICT] = "conflict",
        [FB_ELIMIT] = "limit",
        [FB_EDENIED] = "denied",
        [FB_ETHROTTLED] = "throttled",
        [FB_ETIMEOUT] = "timeout",
        [FB_EIO] = "io",
        [FB_EUNSUPPORTED] = "unsupported",
        [FB_EGUARD] = "refused",
    };
    size_t i = (size_t)st;

    return i < sizeof names / sizeof *names && names[i] ? names[i] : "unknown";
}

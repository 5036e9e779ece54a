/* cloudevent.c - an HTTP message of the CloudEvents binding becomes records: what a door needs to
 * know of headers, without the door. */
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"
#include "ingest/ingest.h"
#include "ingest/opening.h"
#include "ingest/source.h"
#include "ingest/split.h"

enum { HEADERS_MAX = 200, VALUE_BYTES_MAX = 1024 };

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A header's value: what the binding escapes (%20) as it was meant, at most VALUE_BYTES_MAX bytes;
 * "" when the header is not there or holds what no attribute may (control characters, no UTF-8). */
static void value_of(const struct fb_header *headers, size_t n, const char *name, struct fb_buf *to)
{
    const char *p = "";

    fb_buf_reset(to);
    for (size_t i = 0; i < n && i < HEADERS_MAX; i++) {
        if (strcasecmp(headers[i].name, name) == 0) {
            p = headers[i].value;
            break;
        }
    }
    p += strspn(p, " \t");
    for (; *p && to->len < VALUE_BYTES_MAX; p++) {
        int high = *p == '%' ? hex_digit(p[1]) : -1;
        int low = high >= 0 ? hex_digit(p[2]) : -1;
        char c = low >= 0 ? (char)(high * 16 + low) : *p;

        p += low >= 0 ? 2 : 0;
        if ((unsigned char)c < 0x20 || c == 0x7F) {
            fb_buf_reset(to);
            return;
        }
        fb_buf_addc(to, c);
    }
    while (to->len > 0 && (to->at[to->len - 1] == ' ' || to->at[to->len - 1] == '\t'))
        to->at[--to->len] = '\0';
    if (*p || !fb_buf_ok(to) || !fb_utf8_valid(to->at, to->len))
        fb_buf_reset(to);
}

enum fb_status fb_ingest_http(struct fb_arena *scratch, const char *source,
                              const struct fb_header *headers, size_t header_count,
                              const char *body, size_t len, const struct fb_sink *sink,
                              struct fb_err *err)
{
    size_t index = 0, told = 0;
    uint64_t budget = (uint64_t)FB_OPENING_BUDGET_TIMES * len + FB_OPENING_BUDGET_MIN;
    struct fb_layer layer = {
        .who = {.layers = 1}, .place = "", .index = &index, .told = &told, .budget = &budget};
    struct fb_source s = {.name = source,
                          .layout = FB_LAYOUT_GUESS,
                          .bytes = len ? body : "",
                          .len = len,
                          .broken = "",
                          .limits = fb_source_limits()};
    struct fb_buf version, id, time;
    enum fb_status st;

    fb_buf_init(&version, VALUE_BYTES_MAX + 1);
    fb_buf_init(&id, VALUE_BYTES_MAX + 1);
    fb_buf_init(&time, VALUE_BYTES_MAX + 1);
    value_of(headers, header_count, "ce-specversion", &version);
    value_of(headers, header_count, "ce-id", &id);
    value_of(headers, header_count, "ce-time", &time);
    if (*version.at) { /* binary mode: the body is the data */
        layer.who.id = *id.at ? id.at : NULL;
        if (!fb_time_parse(time.at, &layer.who.time_ms))
            layer.who.time_ms = 0;
        s.layer = &layer;
    }
    st = fb_source_run(scratch, &s, sink, err);
    fb_buf_release(&version);
    fb_buf_release(&id);
    fb_buf_release(&time);
    return st;
}

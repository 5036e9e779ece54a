/* carrier.c - a Pub/Sub message or a CloudEvent around a record. */
#include "ingest/carrier.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/text.h"

enum { LAYERS_MAX = 3 }; /* CloudEvent, Pub/Sub message, and one more that somebody forwarded */

static const struct fb_json *object_or_null(const struct fb_json *v)
{
    return fb_json_kind(v) == FB_JSON_OBJECT ? v : NULL;
}

/* The object whose JSON text is base64 in v; NULL when it is anything else. */
static const struct fb_json *decoded(struct fb_arena *a, const struct fb_json *v, unsigned *odd)
{
    const char *text = fb_json_str(v);
    const struct fb_json *doc = NULL;
    struct fb_buf bytes;
    unsigned inner = 0;

    fb_buf_init_in(&bytes, a, FB_RECORD_BYTES_MAX);
    if (!*text || !fb_base64_decode(&bytes, text, strlen(text)) || !fb_buf_ok(&bytes) ||
        fb_json_parse(a, bytes.at, bytes.len, &inner, &doc, NULL) != FB_OK || !object_or_null(doc))
        return NULL;
    *odd |= inner;
    return doc;
}

static void note(struct fb_carrier *out, const struct fb_json *holder, const char *id,
                 const char *time)
{
    const char *text = fb_json_get_str(holder, id);

    if (*text)
        out->id = text;
    (void)fb_time_parse(fb_json_get_str(holder, time), &out->time_ms);
}

/* {"message": {"data": base64, "messageId": ..., "publishTime": ...}, "subscription": ...} */
static const struct fb_json *open_push(struct fb_arena *a, const struct fb_json *doc,
                                       struct fb_carrier *out, unsigned *odd)
{
    const struct fb_json *message = object_or_null(fb_json_get(doc, "message"));
    const struct fb_json *inner = decoded(a, fb_json_get(message, "data"), odd);

    if (inner)
        note(out, message, "messageId", "publishTime");
    return inner;
}

/* {"specversion": "1.0", "id": ..., "time": ..., "data": object or text, "data_base64": ...} */
static const struct fb_json *open_cloudevent(struct fb_arena *a, const struct fb_json *doc,
                                             struct fb_carrier *out, unsigned *odd)
{
    const struct fb_json *inner;

    if (fb_json_kind(fb_json_get(doc, "specversion")) != FB_JSON_STR)
        return NULL;
    inner = object_or_null(fb_json_get(doc, "data"));
    if (!inner)
        inner = decoded(a, fb_json_get(doc, "data_base64"), odd);
    if (inner)
        note(out, doc, "id", "time");
    return inner;
}

/* What functions got before CloudEvents: {"context": {"eventId", "timestamp"}, "data": message}, or
 * with eventId and timestamp beside the message. */
static const struct fb_json *open_background(struct fb_arena *a, const struct fb_json *doc,
                                             struct fb_carrier *out, unsigned *odd)
{
    const struct fb_json *message = object_or_null(fb_json_get(doc, "data"));
    const struct fb_json *context = object_or_null(fb_json_get(doc, "context"));
    const struct fb_json *inner;

    context = context ? context : doc;
    if (!*fb_json_get_str(context, "eventId") ||
        !fb_ends(fb_json_get_str(message, "@type"), "PubsubMessage"))
        return NULL;
    inner = decoded(a, fb_json_get(message, "data"), odd);
    if (inner)
        note(out, context, "eventId", "timestamp");
    return inner;
}

const struct fb_json *fb_carrier_open(struct fb_arena *a, const struct fb_json *doc,
                                      struct fb_carrier *out, unsigned *odd)
{
    *out = (struct fb_carrier){0};
    for (int layer = 0; layer < LAYERS_MAX; layer++) {
        const struct fb_json *inner = open_cloudevent(a, doc, out, odd);

        if (!inner)
            inner = open_push(a, doc, out, odd);
        if (!inner)
            inner = open_background(a, doc, out, odd);
        if (!inner)
            break;
        out->layers++;
        doc = inner;
    }
    return doc;
}

/* envelope.c - the EventBridge envelope around a record. */
#include "ingest/envelope.h"

#include "base/clock.h"

const struct fb_json *fb_envelope_open(struct fb_arena *a, const struct fb_json *doc,
                                       struct fb_envelope *out)
{
    const struct fb_json *detail = fb_json_get(doc, "detail");

    *out = (struct fb_envelope){
        .id = "", .source = "", .detail_type = "", .account = "", .region = ""};
    if (fb_json_kind(detail) != FB_JSON_OBJECT ||
        fb_json_kind(fb_json_get(doc, "detail-type")) != FB_JSON_STR ||
        fb_json_kind(fb_json_get(doc, "source")) != FB_JSON_STR)
        return doc;
    out->present = true;
    out->id = fb_json_get_str(doc, "id");
    out->source = fb_json_get_str(doc, "source");
    out->detail_type = fb_json_get_str(doc, "detail-type");
    out->account = fb_json_text(a, fb_json_get(doc, "account")); /* a number in hand-made events */
    out->region = fb_json_get_str(doc, "region");
    if (!fb_time_parse(fb_json_get_str(doc, "time"), &out->time_ms))
        out->time_ms = 0;
    return detail;
}

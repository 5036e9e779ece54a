/* envelope.h - an EventBridge event is recognised and its envelope taken off.
 * From: the EventBridge event structure (version, id, detail-type, source, account, time, region,
 *       resources, detail); only detail-type, source and detail tell it from other objects. */
#ifndef FB_INGEST_ENVELOPE_H
#define FB_INGEST_ENVELOPE_H
#include "base/json.h"
#include "ingest/ingest.h"

/* Fills *out (strings borrow from doc or the arena) and gives the provider's record: the detail
 * when "detail-type" and "source" are strings and "detail" is an object; else doc itself, and
 * out->present is false. */
const struct fb_json *fb_envelope_open(struct fb_arena *a, const struct fb_json *doc,
                                       struct fb_envelope *out);

#endif

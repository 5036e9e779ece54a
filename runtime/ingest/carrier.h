/* carrier.h - Google's carriers are taken off a record: a Pub/Sub push message (also in the shape
 * that background functions get), a structured CloudEvent, and one inside the other. From: Pub/Sub
 * documentation, "Receive messages from push subscriptions"; CloudEvents 1.0, "JSON event format";
 * Eventarc documentation, "CloudEvents format". */
#ifndef FB_INGEST_CARRIER_H
#define FB_INGEST_CARRIER_H
#include "base/json.h"
#include "ingest/ingest.h"

/* Gives the object that doc carries, or doc itself when it carries none that we can read (foreign
 * bytes, an array, broken base64): a carrier with foreign content is a record of its own. Fills
 * *out with the innermost carrier that says an id; odd bits of carried text are or-ed into *odd.
 * Everything lives in the arena. */
const struct fb_json *fb_carrier_open(struct fb_arena *a, const struct fb_json *doc,
                                      struct fb_carrier *out, unsigned *odd);

#endif

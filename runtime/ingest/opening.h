/* opening.h - AWS's carriers are opened: an SQS message, an SNS notification, a Kinesis record, a
 * CloudWatch Logs subscription, a Firehose batch; what they carry is text for the cutter again.
 *
 * What is inside was written by whoever may write to the queue, topic, stream or log group: a
 * carrier says where a record came from and never that it is true.
 * From: Lambda developer guide, "Using Lambda with ..." Amazon SQS, SNS, Kinesis, DynamoDB,
 *       CloudWatch Logs, S3 (event shapes); CloudWatch Logs user guide, "Subscription filters"
 *       (base64 of gzip, DATA_MESSAGE and CONTROL_MESSAGE, logEvents); SNS developer guide, "HTTP
 *       notification JSON format" (the same text in SQS); SQS API, ReceiveMessage. */
#ifndef FB_INGEST_OPENING_H
#define FB_INGEST_OPENING_H
#include "base/json.h"
#include "ingest/ingest.h"

enum {
    FB_OPENING_PIECES_MAX = 20000,     /* of one carrier; a subscription sends up to 10,000 */
    FB_OPENING_BYTES_MAX = 64u << 20,  /* of what one carrier holds, unpacked */
    FB_OPENING_LAYERS_MAX = 5,         /* Kinesis, subscription, log event, and two to spare */
    FB_OPENING_BUDGET_TIMES = 50,      /* of all that one source unpacks, as a multiple of it ... */
    FB_OPENING_BUDGET_MIN = 128u << 20 /* ... and for small ones */
};

/* One text inside a carrier. */
struct fb_piece {
    const char *list;   /* "logEvents"; "" when it is the only one */
    size_t nth;         /* its place in the list */
    const char *field;  /* where its text stood: "body" */
    const char *wrong;  /* why nothing of it can be read, one line; "" when it can */
    const char *broken; /* what cut it short; "" when it is whole */
    const char *text;
    size_t len;
    const char *id;  /* its own; NULL: the carrier's */
    int64_t time_ms; /* 0: the carrier's */
};

struct fb_opening {
    struct fb_arena *own; /* everything below lives here */
    struct fb_carrier who;
    const struct fb_json *holder; /* the innermost object; borrowed from the document */
    struct fb_piece *at;
    size_t count;
};

/* Whether doc is one of AWS's carriers; *out says what it holds then, and is to be released. A
 * carrier with nothing for us in it (plain text, a change of a table) has count 0: out->holder is a
 * record of its own, and out->who names it. *budget: bytes that this source may still unpack. */
bool fb_opening_of(const struct fb_json *doc, uint64_t *budget, struct fb_opening *out);
void fb_opening_release(struct fb_opening *o);

/* What was not read, when the record only says that a CloudTrail log file was written ("s3://..."):
 * an S3 notice, EventBridge's "Object Created", CloudTrail's own SNS notice. Lives in the arena;
 * NULL for anything else (digest files hold no events). */
const char *fb_opening_log_object(struct fb_arena *a, const struct fb_json *doc,
                                  const struct fb_envelope *e);

#endif

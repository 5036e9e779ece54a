/* batch.h - which messages of a Lambda batch go back to their queue or stream.
 *
 * Lambda deletes what a function does not give back. Given back: what could not be decided for now
 * (store, time), and a message of a queue that nobody can read, until SQS has delivered it
 * FB_BATCH_RECEIVES times: a queue's own dead-letter queue takes it long before that, and where
 * there is none our dead letter in the log is the last of it. A stream stops behind a record that
 * is given back, and every thief would put one there: what cannot be read in a stream goes to the
 * dead letters at once. Order means nothing to us, so a FIFO queue is treated as any other.
 * From: Lambda developer guide, "Handling errors for an SQS event source", "Reporting batch item
 *       failures for Kinesis / DynamoDB Streams". */
#ifndef FB_BATCH_H
#define FB_BATCH_H
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "ingest/ingest.h"

enum { FB_BATCH_RECEIVES = 10, FB_BATCH_ANSWER_MAX = 4 << 20 };

struct fb_batch {
    bool is;               /* the event is a batch whose messages have names */
    size_t failed;         /* messages that go back */
    struct fb_buf answer;  /* {"batchItemFailures": [...]} once closed */
    struct fb_buf at_hand; /* the last one that goes back: its pieces come one after another */
};

void fb_batch_init(struct fb_batch *b);
void fb_batch_release(struct fb_batch *b);
void fb_batch_reset(struct fb_batch *b);

/* Notes a piece of a message; false when its sender takes nothing back (SNS, S3, subscriptions). */
bool fb_batch_see(struct fb_batch *b, const struct fb_carrier *c);
/* Its message goes back, once however many of its pieces say so. */
void fb_batch_give_back(struct fb_batch *b, const struct fb_carrier *c);
/* The same, when that can help: for what nobody can read. */
void fb_batch_unreadable(struct fb_batch *b, const struct fb_carrier *c);
/* Completes the answer; false when it does not fit (the whole batch must fail then). */
bool fb_batch_close(struct fb_batch *b);

#endif

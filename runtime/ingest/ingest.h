/* ingest.h - bytes from any door become provider records, one at a time.
 *
 * In:   bytes, files, folders, standard input; JSON, ndjson, CloudTrail files ({"Records": [...]}),
 *       EventBridge envelopes, Lambda batches, SNS, CloudWatch Logs, Google's carriers; gzip too.
 * Out:  one call of sink->record for each JSON object, in order; one call of sink->reject for each
 *       piece that is none. Nothing else is decided here: what a record means is normalize's.
 * Cost: one file in memory at a time (decompressed, at most FB_FILE_BYTES_MAX), and its packed form
 *       beside it; files and standard input of plain lines in windows of 4 MiB, however long.
 *       Constant in the number of files; time linear in the bytes. The scratch arena is reset
 *       before each record, so neither the bytes nor the sink's own data may live in it.
 *
 * What is one record:
 *   - an object by itself, also with an EventBridge envelope around it, or inside a Pub/Sub push
 *     message or a structured CloudEvent (a message that holds no JSON object stays as it is);
 *   - each element of the array "Records" of an object; an empty one holds no record. An element of
 *     a Lambda batch (eventSource "aws:sqs", ...) is opened further;
 *   - whatever an SQS message, an SNS notification, a Kinesis record, a Firehose batch or a
 *     CloudWatch Logs subscription carries, read like a source of its own: objects, "Records",
 *     carriers in carriers (up to FB_OPENING_LAYERS_MAX deep), gzip. One that carries plain text
 *     or foreign bytes stays as it is: one record;
 *   - each element of an array of objects at the top, opened as if it stood alone;
 *   - each finding of a document of several ({"Findings": [...]}, or "findings" in an envelope).
 * Everything else is rejected: other values, text that is no JSON, text that is cut off, records
 * over FB_RECORD_BYTES_MAX, a source with nothing in it ("empty"). Valid JSON that parsers dislike
 * is a record, and its odd bits are set. A notice that a CloudTrail log file was written to S3 is
 * rejected too: the events are in the file, and nobody has read it.
 *
 * A break costs the piece it is in: whole lines, documents and elements before and behind it are
 * read. A source cut short (gzip broken, read error, ceiling) ends in exactly one reject that names
 * the break and holds what was left of the last piece. */
#ifndef FB_INGEST_H
#define FB_INGEST_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"

struct fb_arena;

enum {
    FB_RECORD_BYTES_MAX = 6u << 20, /* one record: Lambda's largest synchronous payload */
    FB_FILE_BYTES_MAX = 512u << 20  /* one file, decompressed; a gzip bomb stops here */
};

/* The EventBridge envelope around a record; all strings "" and time 0 when it came bare. */
struct fb_envelope {
    bool present;
    const char *id, *source, *detail_type, *account, *region;
    int64_t time_ms; /* 0: absent or unreadable */
};

/* What a record was carried in; all zero when it came bare. None of it says that the record is
 * true: whoever may write to the queue, topic or stream wrote it. */
struct fb_carrier {
    const char
        *id; /* of the innermost carrier that says one: messageId, shard and sequence number,
                log event id, CloudEvents id ("ID#2" for the third record in it); NULL none */
    int64_t time_ms;   /* sent, published; 0: absent or unreadable */
    const char *batch; /* outermost: "aws:sqs", "aws:kinesis", "aws:dynamodb", "aws:sns", "aws:s3",
                          "awslogs", "aws:other"; NULL: no Lambda batch */
    const char *item;  /* by what name the batch's sender takes it back: messageId, sequence number;
                          NULL: it does not */
    int64_t receives;  /* how often SQS has delivered it, this time included; 0: not said */
    unsigned layers;   /* carriers that were taken off */
    bool foreign;      /* the message itself is nothing that we read (no JSON) */
};

/* One record. Everything is borrowed from the scratch arena or the caller's bytes, until the sink
 * returns. */
struct fb_record {
    const char *source; /* file name as walked, "-" for stdin, or the door's name */
    size_t line;        /* 1-based line of its first byte; 0 when it is all of its source
                         (unless that is read as lines by name or by request) */
    size_t index;       /* 0-based position in its source, rejected pieces counted */
    size_t part;        /* 1-based among the findings of one document, whose bytes they share;
                           0: the only one */
    const char *bytes; /* the record with its envelope, as it came; what a carrier held, unpacked */
    size_t len;
    const struct fb_json
        *doc; /* the provider's record: the envelope's detail, or the object itself */
    struct fb_envelope envelope; /* EventBridge's alone */
    struct fb_carrier carrier;
    unsigned odd; /* enum fb_json_odd bits of the text */
};

/* One piece that is no record. Borrowed like a record. */
struct fb_reject {
    const char *source;
    size_t line, index; /* as in fb_record */
    const char *reason; /* one line without control characters, with a byte offset (of the piece)
                           where that helps; an element's begins "Records[3]: ", what it carries
                           "Records[3].body: " */
    const char *bytes;  /* all of it, for the dead letter; may be long; NULL when unreadable */
    size_t len;         /* 0: nothing was left at a break */
    struct fb_carrier carrier;
};

struct fb_sink {
    void *self;
    /* Anything but FB_OK ends the walk with that status. */
    enum fb_status (*record)(void *self, const struct fb_record *r, struct fb_err *err);
    void (*reject)(void *self, const struct fb_reject *r);
    /* Reads so far, for progress; may be NULL. */
    void (*progress)(void *self, const char *source, uint64_t bytes_done, uint64_t bytes_all);
};

/* How the bytes of one source are cut into records. */
enum fb_layout {
    FB_LAYOUT_GUESS, /* lines when the source is named *.ndjson or *.jsonl (also .gz) or its first
                        line is a whole object; else documents, one or a sequence */
    FB_LAYOUT_LINES  /* one object a line, whatever a line holds */
};

/* Walks one piece of bytes (gzip is recognised by its magic). A gzip stream that breaks still gives
 * the records before the break, then one reject that names the break.
 * Rejects do not fail the walk: FB_OK unless the sink ended it. */
enum fb_status fb_ingest_bytes(struct fb_arena *scratch, const char *source, enum fb_layout layout,
                               const char *bytes, size_t len, const struct fb_sink *sink,
                               struct fb_err *err);

/* One HTTP message of the CloudEvents binding (Eventarc, Knative): in binary mode the headers ce-*
 * and the body are one event, in structured and batched mode the body is; any other message is read
 * as fb_ingest_bytes reads it (a Pub/Sub push). From: CloudEvents 1.0, "HTTP Protocol Binding". */
struct fb_header {
    const char *name, *value; /* as they came */
};
enum fb_status fb_ingest_http(struct fb_arena *scratch, const char *source,
                              const struct fb_header *headers, size_t header_count,
                              const char *body, size_t len, const struct fb_sink *sink,
                              struct fb_err *err);

/* Walks a file, a folder ("*.json *.ndjson *.jsonl" and those + ".gz", in name order, folders in
 * folders too, hidden names and "expect.json" never), or "-" for standard input. A file that is
 * named may have any name; "expect.json" is rejected then, so that nobody wonders.
 *   FB_ENOTFOUND / FB_EIO  the path itself cannot be read (a file inside a folder that cannot be
 *                          read is a reject, and the walk goes on) */
enum fb_status fb_ingest_path(struct fb_arena *scratch, const char *path,
                              const struct fb_sink *sink, struct fb_err *err);

/* The files that fb_ingest_path would read for this path, in its order, none of them read ("-"
 * too). What it would reject unread goes to sink->reject. each: anything but FB_OK ends the list.
 */
enum fb_status fb_ingest_files(const char *path,
                               enum fb_status (*each)(void *self, const char *file, uint64_t bytes,
                                                      struct fb_err *err),
                               const struct fb_sink *sink, struct fb_err *err);

#endif

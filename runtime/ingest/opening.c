/* opening.c - which carrier an object is, and the texts that it holds. */
#include "ingest/opening.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/text.h"
#include "ingest/gunzip.h"
#include "ingest/scan.h"

enum { OWN_BYTES_MAX = 4 * FB_OPENING_BYTES_MAX, ID_BYTES_MAX = 256, KEY_BYTES_MAX = 1024 };

/* How the text of a piece is written in its field. */
enum packing { PLAIN, BASE64, OBJECT /* no text at all: the element itself is looked into */ };

static const struct fb_json *object_or_null(const struct fb_json *v)
{
    return fb_json_kind(v) == FB_JSON_OBJECT ? v : NULL;
}

static bool is_text(const struct fb_json *v) { return fb_json_kind(v) == FB_JSON_STR; }

/* Whether a text may hold records: anything else in a carrier is somebody's plain message. */
static bool looks_like_json(const char *text, size_t len)
{
    size_t at = fb_scan_blank(text, 0, len);

    return at < len && (text[at] == '{' || text[at] == '[');
}

static const char *keep(struct fb_opening *o, const char *s)
{
    return *s ? fb_arena_strn(o->own, s, strnlen(s, ID_BYTES_MAX)) : NULL;
}

/* Gzip inside base64, as subscriptions write it. What a break leaves is read. */
static void unpack(struct fb_opening *o, struct fb_piece *p, uint64_t *budget)
{
    size_t most = *budget < FB_OPENING_BYTES_MAX ? (size_t)*budget : FB_OPENING_BYTES_MAX;
    const struct fb_gunzip_limits limits = {
        .bytes_max = most, .ratio_free = 8u << 20, .ratio_max = 500};
    struct fb_load plain;

    fb_gunzip(p->text, p->len, &limits, &plain);
    p->broken = fb_arena_str(o->own, plain.broken);
    p->text = fb_arena_strn(o->own, plain.len ? plain.at : "", plain.len);
    p->len = plain.len;
    *budget -= plain.len;
    if (plain.len == 0)
        p->wrong = *p->broken ? p->broken : "gzip of nothing";
    fb_load_release(&plain);
}

static void decode(struct fb_opening *o, struct fb_piece *p, const char *text, enum packing how,
                   uint64_t *budget)
{
    size_t len = strlen(text);
    struct fb_buf bytes;

    if (len >= *budget) {
        p->wrong = "more is packed into this source than we unpack";
        return;
    }
    *budget -= len;
    if (how != BASE64) {
        p->text = fb_arena_strn(o->own, text, len);
        p->len = len;
        return;
    }
    fb_buf_init_in(&bytes, o->own, FB_OPENING_BYTES_MAX);
    if (!fb_base64_decode(&bytes, text, len) || !fb_buf_ok(&bytes)) {
        p->wrong = "not base64";
        return;
    }
    p->text = bytes.at;
    p->len = bytes.len;
    if (fb_gzip_magic(p->text, p->len))
        unpack(o, p, budget);
}

/* A text that a carrier holds. Plain words alone leave the carrier whole; in a list the element
 * stands for them. */
static void add(struct fb_opening *o, const struct fb_json *holder, struct fb_piece p,
                const char *text, enum packing how, uint64_t *budget)
{
    p.wrong = p.broken = p.text = "";
    decode(o, &p, text, how, budget);
    if (!*p.wrong && !looks_like_json(p.text, p.len)) {
        if (!*p.list)
            return;
        p.text = fb_json_dump(o->own, holder, FB_RECORD_BYTES_MAX);
        p.len = strlen(p.text);
    }
    if (fb_arena_failed(o->own))
        p.wrong = "holds more than we unpack";
    o->at[o->count++] = p;
}

static bool room(struct fb_opening *o, size_t pieces)
{
    pieces = pieces < FB_OPENING_PIECES_MAX ? pieces : FB_OPENING_PIECES_MAX;
    o->at = FB_NEW_ARRAY(o->own, pieces + 1, struct fb_piece);
    return o->at != NULL;
}

/* What a list holds beyond the ceiling is told, once. */
static void tell_rest(struct fb_opening *o, const char *list, size_t n)
{
    if (n > FB_OPENING_PIECES_MAX)
        o->at[o->count++] = (struct fb_piece){.list = list,
                                              .nth = FB_OPENING_PIECES_MAX,
                                              .field = "",
                                              .wrong = "more in one carrier than we read",
                                              .broken = "",
                                              .text = ""};
}

/* {"awslogs": {"data": base64 of gzip}}: a Lambda function's own shape. */
static bool open_awslogs(const struct fb_json *doc, uint64_t *budget, struct fb_opening *o)
{
    const struct fb_json *data = fb_json_get(object_or_null(fb_json_get(doc, "awslogs")), "data");

    if (!is_text(data))
        return false;
    o->who.batch = "awslogs";
    if (room(o, 1))
        add(o, doc, (struct fb_piece){.list = "", .field = "awslogs.data"}, fb_json_str(data),
            BASE64, budget);
    return true;
}

/* Carriers that are a list of texts. */
struct list_shape {
    const char *list, *field, *id, *time_ms;
    enum packing how;
};

static const struct list_shape LOG_EVENTS = {"logEvents", "message", "id", "timestamp", PLAIN};
static const struct list_shape MESSAGES = {"Messages", "Body", "MessageId", "", PLAIN};
static const struct list_shape FIREHOSE = {"records", "data", "recordId",
                                           "approximateArrivalTimestamp", BASE64};
static const struct list_shape PULLED = {"receivedMessages", "message", "", "", OBJECT};

/* What a subscription packs: {"messageType": "DATA_MESSAGE", "logGroup", "logEvents": [...]} (a
 * CONTROL_MESSAGE is the service's knock at the door); what SQS's ReceiveMessage and Pub/Sub's pull
 * answer; a batch that Firehose wants transformed. */
static const struct list_shape *list_shape_of(const struct fb_json *doc)
{
    const struct list_shape *s = NULL;
    const struct fb_json *first;

    if (fb_eq(fb_json_get_str(doc, "messageType"), "DATA_MESSAGE"))
        s = &LOG_EVENTS;
    else if (is_text(fb_json_get(doc, "deliveryStreamArn")))
        s = &FIREHOSE;
    else if (fb_json_get(doc, "Messages"))
        s = &MESSAGES;
    else if (fb_json_get(doc, "receivedMessages"))
        s = &PULLED;
    if (!s)
        return NULL;
    first = fb_json_get(fb_json_at(fb_json_get(doc, s->list), 0), s->field);
    return fb_json_kind(first) == (s->how == OBJECT ? FB_JSON_OBJECT : FB_JSON_STR) ? s : NULL;
}

static bool open_list(const struct fb_json *doc, uint64_t *budget, struct fb_opening *o)
{
    const struct list_shape *s = list_shape_of(doc);
    const struct fb_json *list = s ? fb_json_get(doc, s->list) : NULL;
    size_t n = fb_json_len(list);

    if (!s)
        return false;
    if (!room(o, n))
        return true;
    for (size_t i = 0; i < n && i < FB_OPENING_PIECES_MAX; i++) {
        const struct fb_json *e = fb_json_at(list, i), *text = fb_json_get(e, s->field);
        struct fb_piece p = {.list = s->list,
                             .nth = i,
                             .field = s->field,
                             .wrong = "",
                             .broken = "",
                             .text = "",
                             .id = keep(o, fb_json_get_str(e, s->id))};

        if (fb_json_int(fb_json_get(e, s->time_ms), &p.time_ms) && p.time_ms < 0)
            p.time_ms = 0;
        if (s->how == OBJECT) {
            add(o, e, p, fb_json_dump(o->own, e, FB_RECORD_BYTES_MAX), s->how, budget);
        } else if (is_text(text)) {
            add(o, e, p, fb_json_str(text), s->how, budget);
        } else {
            p.wrong = "no text";
            o->at[o->count++] = p;
        }
    }
    tell_rest(o, s->list, n);
    return true;
}

/* The notification that SNS writes into queues and to HTTP endpoints, and gives to Lambda as "Sns".
 */
static bool open_notification(const struct fb_json *doc, uint64_t *budget, struct fb_opening *o)
{
    const struct fb_json *n = doc, *text;

    if (fb_eq(fb_json_get_str(doc, "EventSource"), "aws:sns")) {
        o->who.batch = "aws:sns";
        n = object_or_null(fb_json_get(doc, "Sns"));
    } else if (!fb_eq(fb_json_get_str(doc, "Type"), "Notification") ||
               !is_text(fb_json_get(doc, "TopicArn"))) {
        return false;
    }
    text = fb_json_get(n, "Message");
    o->holder = n ? n : doc;
    o->who.id = keep(o, fb_json_get_str(n, "MessageId"));
    (void)fb_time_parse(fb_json_get_str(n, "Timestamp"), &o->who.time_ms);
    if (is_text(text) && room(o, 1))
        add(o, n, (struct fb_piece){.list = "", .field = n == doc ? "Message" : "Sns.Message"},
            fb_json_str(text), PLAIN, budget);
    return true;
}

static void open_sqs(const struct fb_json *doc, uint64_t *budget, struct fb_opening *o)
{
    const struct fb_json *body = fb_json_get(doc, "body");

    o->who.id = o->who.item = keep(o, fb_json_get_str(doc, "messageId"));
    (void)fb_json_int(fb_json_path(doc, "attributes.SentTimestamp"), &o->who.time_ms);
    (void)fb_json_int(fb_json_path(doc, "attributes.ApproximateReceiveCount"), &o->who.receives);
    o->who.time_ms = o->who.time_ms > 0 ? o->who.time_ms : 0;
    if (is_text(body) && room(o, 1))
        add(o, doc, (struct fb_piece){.list = "", .field = "body"}, fb_json_str(body), PLAIN,
            budget);
    o->who.foreign = o->count == 0;
}

/* approximateArrivalTimestamp is in seconds, with a fraction. */
static int64_t from_seconds(double s) { return s > 0 && s < 1e11 ? (int64_t)(s * 1000) : 0; }

static void open_kinesis(const struct fb_json *doc, uint64_t *budget, struct fb_opening *o)
{
    const struct fb_json *k = object_or_null(fb_json_get(doc, "kinesis"));
    const struct fb_json *data = fb_json_get(k, "data");

    o->who.id = keep(o, fb_json_get_str(doc, "eventID")); /* shard and sequence number */
    o->who.item = keep(o, fb_json_get_str(k, "sequenceNumber"));
    o->who.time_ms = from_seconds(fb_json_num(fb_json_get(k, "approximateArrivalTimestamp"), 0));
    if (is_text(data) && room(o, 1))
        add(o, doc, (struct fb_piece){.list = "", .field = "kinesis.data"}, fb_json_str(data),
            BASE64, budget);
    o->who.foreign = o->count == 0;
}

/* An element of a Lambda batch. The change of a table or an S3 notice carries no text: it is the
 * record itself, and has a name in its batch all the same. */
static bool open_element(const struct fb_json *doc, uint64_t *budget, struct fb_opening *o)
{
    static const char *const kept[] = {"aws:sqs", "aws:kinesis", "aws:dynamodb", "aws:s3"};
    const char *source = fb_json_get_str(doc, "eventSource");

    if (!fb_starts(source, "aws:"))
        return false;
    o->who.batch = "aws:other";
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        if (fb_eq(source, kept[i]))
            o->who.batch = kept[i];
    }
    if (fb_eq(source, "aws:sqs")) {
        open_sqs(doc, budget, o);
    } else if (fb_eq(source, "aws:kinesis")) {
        open_kinesis(doc, budget, o);
    } else if (fb_eq(source, "aws:dynamodb")) {
        o->who.id = keep(o, fb_json_get_str(doc, "eventID"));
        o->who.item = keep(o, fb_json_path_str(doc, "dynamodb.SequenceNumber"));
    }
    return true;
}

bool fb_opening_of(const struct fb_json *doc, uint64_t *budget, struct fb_opening *out)
{
    const char *source = fb_json_get_str(doc, "eventSource");
    bool is;

    *out = (struct fb_opening){0};
    if (*source && !fb_starts(source, "aws:"))
        return false; /* CloudTrail: most of what we read, and out of here at once */
    if (!*source && !fb_json_get(doc, "EventSource") && !fb_json_get(doc, "awslogs") &&
        !fb_json_get(doc, "TopicArn") && !list_shape_of(doc))
        return false;
    out->own = fb_arena_new(OWN_BYTES_MAX);
    if (!out->own)
        return false;
    out->holder = doc;
    is = open_element(doc, budget, out) || open_notification(doc, budget, out) ||
         open_awslogs(doc, budget, out) || open_list(doc, budget, out);
    if (!is)
        fb_opening_release(out);
    return is;
}

void fb_opening_release(struct fb_opening *o)
{
    fb_arena_free(o->own);
    *o = (struct fb_opening){0};
}

/* S3 notices write keys as forms do: "%2F", "+" for a space. */
static const char *form_decoded(struct fb_arena *a, const char *s)
{
    struct fb_buf b;

    fb_buf_init_in(&b, a, KEY_BYTES_MAX + 1);
    for (; *s && fb_buf_ok(&b); s++) {
        if (*s == '%' && isxdigit((unsigned char)s[1]) && isxdigit((unsigned char)s[2])) {
            const char hex[] = {s[1], s[2], '\0'};

            fb_buf_addc(&b, (char)strtoul(hex, NULL, 16));
            s += 2;
        } else {
            fb_buf_addc(&b, *s == '+' ? ' ' : *s);
        }
    }
    return fb_buf_ok(&b) ? b.at : "";
}

/* ".../AWSLogs/[ORGANISATION/]ACCOUNT/CloudTrail/REGION/YYYY/MM/DD/NAME.json.gz"; digests lie under
 * CloudTrail-Digest and hold hashes, no events. */
static bool is_log_key(const char *key)
{
    const char *logs = strstr(key, "AWSLogs/");

    return logs && fb_ends(key, ".json.gz") &&
           (strstr(logs, "/CloudTrail/") || strstr(logs, "/CloudTrail-Insight/"));
}

const char *fb_opening_log_object(struct fb_arena *a, const struct fb_json *doc,
                                  const struct fb_envelope *e)
{
    const char *bucket = "", *key = "";

    if (e->present) {
        if (fb_eq(e->source, "aws.s3") && fb_eq(e->detail_type, "Object Created")) {
            bucket = fb_json_path_str(doc, "bucket.name");
            key = fb_json_path_str(doc, "object.key");
        }
    } else if (fb_eq(fb_json_get_str(doc, "eventSource"), "aws:s3")) {
        if (fb_starts(fb_json_get_str(doc, "eventName"), "ObjectCreated:")) {
            bucket = fb_json_path_str(doc, "s3.bucket.name");
            key = form_decoded(a, fb_json_path_str(doc, "s3.object.key"));
        }
    } else if (!fb_json_get(doc, "eventSource") && is_text(fb_json_get(doc, "s3Bucket"))) {
        bucket = fb_json_get_str(doc, "s3Bucket"); /* keys: a list, usually of one */
        key = fb_json_str(fb_json_at(fb_json_get(doc, "s3ObjectKey"), 0));
    }
    return *bucket && is_log_key(key) ? fb_arena_fmt(a, "s3://%.255s/%.1024s", bucket, key) : NULL;
}

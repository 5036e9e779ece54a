/* ledger.c - the audit trail as a hash chain in the store.
 *
 * A line's value is "v1 <digest before> <digest> <time>\n<json>"; its digest covers the digest
 * before, its number, its time and the JSON text, byte for byte. The head record says how many
 * lines there are and the last digest, and changes in the commit that adds them: so a line that is
 * edited, cut, swapped or missing at the end shows. (Who can rewrite every later line and the head
 * is seen only by somebody who kept an earlier head: report->head is for that.) */
#include "contain/ledger.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/digest.h"

enum {
    WITH_MAX = 16,
    LINE_BYTES_MAX = 64 << 10,
    TRIES_MAX = 1000, /* each lost try is somebody else's success */
    SCRATCH_BYTES = 1 << 20,
    CATCH_UP_MAX = 1000 /* how often a verify follows a head that moves on */
};

static const char HEAD_KEY[] = "ledgerhead#main";
static const char NO_DIGEST[] = "0000000000000000000000000000000000000000000000000000000000000000";

struct head {
    uint64_t count;
    char digest[FB_SHA256_HEX];
    uint64_t version; /* of the record; 0: there is none */
};

static const char *line_key(struct fb_arena *a, uint64_t number)
{
    return fb_arena_fmt(a, "ledger#%020" PRIu64, number);
}

/* ---- the bytes of a line and of the head: one way to write them, so that a check is a comparison
 */

static bool digest_of(struct fb_buf *scratch, const char *before, uint64_t number, int64_t time_ms,
                      const char *json, char out[FB_SHA256_HEX])
{
    fb_buf_reset(scratch);
    fb_buf_fmt(scratch, "firebreak ledger 1\n%s\n%" PRIu64 "\n%" PRId64 "\n", before, number,
               time_ms);
    fb_buf_add(scratch, json);
    if (!fb_buf_ok(scratch))
        return false;
    fb_sha256_hex(scratch->at, scratch->len, out);
    return true;
}

static bool line_write(struct fb_buf *to, const char *before, const char *digest, int64_t time_ms,
                       const char *json)
{
    fb_buf_reset(to);
    fb_buf_fmt(to, "v1 %s %s %" PRId64 "\n", before, digest, time_ms);
    fb_buf_add(to, json);
    return fb_buf_ok(to);
}

static bool head_write(struct fb_buf *to, uint64_t count, const char *digest)
{
    fb_buf_reset(to);
    fb_buf_fmt(to, "v1 %" PRIu64 " %s", count, digest);
    return fb_buf_ok(to);
}

static bool head_read(const struct fb_item *item, struct head *out)
{
    char again[128];

    if (sscanf(item->value, "v1 %20" SCNu64 " %64[0-9a-f]", &out->count, out->digest) != 2)
        return false;
    snprintf(again, sizeof again, "v1 %" PRIu64 " %s", out->count, out->digest);
    return strlen(again) == item->len && memcmp(again, item->value, item->len) == 0 &&
           strlen(out->digest) == FB_SHA256_HEX - 1 && out->count > 0;
}

/* FB_OK also when there is none yet (count 0); FB_EINPUT when it is not as we write it. */
static enum fb_status head_get(struct fb_store *s, struct fb_arena *a, struct head *out,
                               struct fb_err *err)
{
    struct fb_item item;
    enum fb_status st = fb_store_get(s, a, HEAD_KEY, &item, err);

    *out = (struct head){.count = 0};
    memcpy(out->digest, NO_DIGEST, sizeof out->digest);
    if (st == FB_ENOTFOUND)
        return FB_OK;
    if (st != FB_OK)
        return st;
    if (!head_read(&item, out))
        return fb_err_set(err, FB_EINPUT, "the ledger's head record is not one that we wrote");
    out->version = item.version;
    return FB_OK;
}

/* ---- appending ---- */

struct append {
    struct fb_store *s;
    struct fb_arena *a;
    int64_t now_ms;
    struct fb_ledger_line *lines;
    size_t n;
    const struct fb_put *with;
    size_t with_count;
    bool durable;
    struct fb_buf values[FB_LEDGER_BATCH_MAX], head, scratch; /* used again by every try */
};

static enum fb_status append_check(const struct append *ap, struct fb_err *err)
{
    if (ap->n == 0 || ap->n > FB_LEDGER_BATCH_MAX)
        return fb_err_set(err, FB_EINPUT, "a batch has 1 to %d lines, not %zu", FB_LEDGER_BATCH_MAX,
                          ap->n);
    if (ap->with_count > WITH_MAX)
        return fb_err_set(err, FB_EINPUT, "a batch takes at most %d records, not %zu", WITH_MAX,
                          ap->with_count);
    for (size_t i = 0; i < ap->n; i++) {
        const char *json = ap->lines[i].json;

        if (!json || json[0] != '{' || strchr(json, '\n'))
            return fb_err_set(err, FB_EINPUT, "a line is one JSON object without line breaks");
        if (strnlen(json, LINE_BYTES_MAX + 1) > LINE_BYTES_MAX)
            return fb_err_set(err, FB_EINPUT, "a line has at most %d bytes", LINE_BYTES_MAX);
    }
    return FB_OK;
}

/* One try from this head: `with`, then the lines, then the head, in one commit. */
static enum fb_status append_at(struct append *ap, const struct head *head, struct fb_err *err)
{
    struct fb_put puts[WITH_MAX + FB_LEDGER_BATCH_MAX + 1];
    char before[FB_SHA256_HEX];
    size_t count = ap->with_count;
    bool good = true;

    for (size_t i = 0; i < ap->with_count; i++)
        puts[i] = ap->with[i];
    memcpy(before, head->digest, sizeof before);
    for (size_t i = 0; i < ap->n; i++) {
        char digest[FB_SHA256_HEX];
        uint64_t number = head->count + i + 1;
        struct fb_buf *value = &ap->values[i];

        good = digest_of(&ap->scratch, before, number, ap->now_ms, ap->lines[i].json, digest) &&
               line_write(value, before, digest, ap->now_ms, ap->lines[i].json) && good;
        puts[count++] =
            (struct fb_put){.key = line_key(ap->a, number), .value = value->at, .len = value->len};
        ap->lines[i].number = number;
        if (ap->lines[i].stamp) {
            char digits[FB_LEDGER_STAMP + 1];

            snprintf(digits, sizeof digits, "%020" PRIu64, number);
            memcpy(ap->lines[i].stamp, digits, FB_LEDGER_STAMP);
        }
        memcpy(before, digest, sizeof before);
    }
    good = head_write(&ap->head, head->count + ap->n, before) && good;
    puts[count++] = (struct fb_put){
        .key = HEAD_KEY, .value = ap->head.at, .len = ap->head.len, .expect = head->version};
    if (!good || fb_arena_failed(ap->a))
        return fb_err_set(err, FB_ELIMIT, "no room left in the arena");
    return fb_store_commit(ap->s, puts, count, ap->durable, err);
}

/* Why a try conflicted: FB_ECONFLICT for a record of `with`, FB_EIO for a broken ledger, FB_OK when
 * somebody else was faster. */
static enum fb_status explain_conflict(struct append *ap, const struct head *head,
                                       struct fb_err *err)
{
    struct fb_item item;
    struct head now;
    enum fb_status st;

    for (size_t i = 0; i < ap->with_count; i++) {
        st = fb_store_get(ap->s, ap->a, ap->with[i].key, &item, err);
        if (st != FB_OK && st != FB_ENOTFOUND)
            return st;
        if ((st == FB_OK ? item.version : 0) != ap->with[i].expect)
            return fb_err_set(err, FB_ECONFLICT, "\"%.200s\" is not at its expected version",
                              ap->with[i].key);
    }
    st = head_get(ap->s, ap->a, &now, err);
    if (st != FB_OK || now.version != head->version)
        return st;
    for (size_t i = 0; i < ap->n; i++)
        if (fb_store_get(ap->s, ap->a, line_key(ap->a, head->count + i + 1), &item, NULL) == FB_OK)
            return fb_err_set(err, FB_EIO,
                              "the ledger is broken: line %" PRIu64
                              " lies beyond its head; run firebreak ledger verify",
                              head->count + i + 1);
    return FB_OK;
}

enum fb_status fb_ledger_append(struct fb_store *s, struct fb_arena *a, int64_t now_ms,
                                struct fb_ledger_line *lines, size_t n, const struct fb_put *with,
                                size_t with_count, bool durable, struct fb_err *err)
{
    struct append ap = {.s = s,
                        .a = a,
                        .now_ms = now_ms,
                        .lines = lines,
                        .n = n,
                        .with = with,
                        .with_count = with_count,
                        .durable = durable};
    enum fb_status st = append_check(&ap, err);

    if (st != FB_OK)
        return fb_err_ctx(err, st, "ledger");
    for (size_t i = 0; i < n && i < FB_LEDGER_BATCH_MAX; i++)
        fb_buf_init_in(&ap.values[i], a, LINE_BYTES_MAX + 256);
    fb_buf_init_in(&ap.head, a, 256);
    fb_buf_init_in(&ap.scratch, a, LINE_BYTES_MAX + 256);
    for (int tries = 0; tries < TRIES_MAX; tries++) {
        struct head head;

        st = head_get(s, a, &head, err);
        if (st ==
            FB_EINPUT) /* stored bytes, not the caller's: nothing is appended to a broken book */
            st = fb_err_set(err, FB_EIO, "the head record is damaged; run firebreak ledger verify");
        if (st == FB_OK)
            st = append_at(&ap, &head, err);
        if (st != FB_ECONFLICT)
            return fb_err_ctx(err, st, "ledger");
        st = explain_conflict(&ap, &head, err);
        if (st != FB_OK)
            return fb_err_ctx(err, st, "ledger");
    }
    st = fb_err_set(err, FB_EIO, "ledger: others were faster %d times", TRIES_MAX);
    if (err)
        err->retryable = true;
    return st;
}

/* ---- verifying ---- */

struct verify {
    struct fb_store *s;
    struct fb_arena *scratch; /* reset before each line: the book may be long */
    struct fb_buf again, hashed;
    struct fb_ledger_report *report;
    char digest[FB_SHA256_HEX]; /* of the last line proved */
};

__attribute__((format(printf, 3, 4))) static void bad(struct verify *v, uint64_t number,
                                                      const char *fmt, ...)
{
    va_list args;

    v->report->first_bad = number;
    va_start(args, fmt);
    vsnprintf(v->report->why, sizeof v->report->why, fmt, args);
    va_end(args);
}

/* Proves line `number`: rewritten from its own parts it must be the same bytes. */
static void check_line(struct verify *v, uint64_t number, const struct fb_item *item)
{
    char before[FB_SHA256_HEX] = "", digest[FB_SHA256_HEX] = "", real[FB_SHA256_HEX];
    const char *json = memchr(item->value, '\n', item->len);
    int64_t time_ms = 0;

    if (!json || sscanf(item->value, "v1 %64[0-9a-f] %64[0-9a-f] %20" SCNd64, before, digest,
                        &time_ms) != 3) {
        bad(v, number, "line %" PRIu64 " is not one that we wrote", number);
        return;
    }
    json++;
    if (strcmp(before, v->digest) != 0) {
        bad(v, number, "line %" PRIu64 " does not follow the line before it", number);
        return;
    }
    if (!digest_of(&v->hashed, before, number, time_ms, json, real) ||
        !line_write(&v->again, before, real, time_ms, json) || v->again.len != item->len ||
        memcmp(v->again.at, item->value, item->len) != 0) {
        bad(v, number, "line %" PRIu64 " has been changed: its digest does not fit", number);
        return;
    }
    memcpy(v->digest, real, sizeof v->digest);
    v->report->lines = number;
}

/* Walks on from the last line proved to the head's count. */
static enum fb_status walk(struct verify *v, const struct head *head, struct fb_err *err)
{
    while (v->report->lines < head->count && v->report->first_bad == 0) {
        uint64_t number = v->report->lines + 1;
        struct fb_item item;
        enum fb_status st;

        fb_arena_reset(v->scratch);
        st = fb_store_get(v->s, v->scratch, line_key(v->scratch, number), &item, err);
        if (st == FB_ENOTFOUND)
            bad(v, number, "line %" PRIu64 " is missing; the head counts %" PRIu64, number,
                head->count);
        else if (st != FB_OK)
            return st;
        else
            check_line(v, number, &item);
    }
    if (v->report->first_bad == 0 && strcmp(v->digest, head->digest) != 0)
        bad(v, head->count, "the head's digest is not that of line %" PRIu64, head->count);
    return FB_OK;
}

static bool first_key(void *self, const struct fb_item *item)
{
    uint64_t *number = self;

    if (sscanf(item->key, "ledger#%20" SCNu64, number) != 1 || *number == 0)
        *number = UINT64_MAX; /* a key that is none of ours */
    return false;
}

/* The number of the first line beyond the last proved; 0: there is none. */
static enum fb_status stray_line(struct verify *v, uint64_t *number, struct fb_err *err)
{
    *number = 0;
    fb_arena_reset(v->scratch);
    return fb_store_list(v->s, v->scratch, "ledger#", line_key(v->scratch, v->report->lines), 1,
                         first_key, number, err);
}

static enum fb_status verify_all(struct verify *v, struct fb_err *err)
{
    struct head head, again;
    enum fb_status st = head_get(v->s, v->scratch, &head, err);
    uint64_t stray = 0;

    for (int i = 0; st == FB_OK && i < CATCH_UP_MAX; i++) {
        st = walk(v, &head, err);
        if (st != FB_OK || v->report->first_bad != 0)
            return st;
        st = stray_line(v, &stray, err);
        if (st != FB_OK || stray == 0)
            return st;
        /* Lines beyond the head: appended while we walked, then the head has moved too. */
        st = head_get(v->s, v->scratch, &again, err);
        if (st == FB_OK && again.version == head.version) {
            bad(v, v->report->lines + 1, "%s",
                again.version ? "there are lines beyond the head's count"
                              : "there are lines but no head record");
            return FB_OK;
        }
        head = again;
    }
    if (st == FB_EINPUT) {
        bad(v, v->report->lines + 1, "%s", "the head record is not one that we wrote");
        return FB_OK;
    }
    return st;
}

enum fb_status fb_ledger_verify(struct fb_store *s, struct fb_arena *a,
                                struct fb_ledger_report *report, struct fb_err *err)
{
    struct verify v = {.s = s, .scratch = fb_arena_new(SCRATCH_BYTES), .report = report};
    enum fb_status st;

    *report = (struct fb_ledger_report){0};
    memcpy(v.digest, NO_DIGEST, sizeof v.digest);
    if (!v.scratch)
        return fb_err_set(err, FB_ELIMIT, "ledger: memory is short");
    fb_buf_init_in(&v.again, a, FB_VALUE_BYTES_MAX + 256);
    fb_buf_init_in(&v.hashed, a, FB_VALUE_BYTES_MAX + 256);
    st = verify_all(&v, err);
    memcpy(report->head, v.digest, sizeof report->head);
    fb_arena_free(v.scratch);
    if (st == FB_OK && err)
        *err = (struct fb_err){0};
    return fb_err_ctx(err, st, "ledger");
}

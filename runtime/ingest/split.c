/* split.c - cuts one source into records and offers each to the sink.
 *
 * Two ways: by lines (a broken line is rejected alone), or by documents (a value ends where its
 * bracket closes). An object with a "Records" array is opened and its elements are records; the
 * text that a carrier holds is cut like a source of its own. Nothing of the source is lost
 * silently: what is no record is rejected. */
#include "ingest/split.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/text.h"
#include "ingest/carrier.h"
#include "ingest/envelope.h"
#include "ingest/opening.h"
#include "ingest/scan.h"

enum {
    PROGRESS_BYTES = 1 << 20,
    /* Text scanned again after broken values, as a multiple of the source: keeps it linear. */
    RESCAN_TIMES = 64,
    RESCAN_BYTES_MIN = 64 * 1024,
    FINDINGS_MAX = 1000 /* of one document; the services send at most 100 */
};

static const char RECORDS_KEY[] = "\"Records\"";

struct cut {
    struct fb_arena *scratch;
    const struct fb_split *in;
    const struct fb_sink *sink;
    struct fb_err *err;
    enum fb_status st;
    const char *bytes;
    size_t first, last;       /* the source without the white space around it */
    bool by_lines;            /* by name or by request: even a sole object has line 1 */
    size_t own_index, *index; /* of the next piece; one counter for all texts of a source */
    uint64_t own_budget, *budget;
    const struct fb_carrier *who; /* of the piece at hand; NULL none */
    size_t line, line_at;         /* the line number of the byte line_at */
    size_t refused_to;            /* where the last rejected piece ended */
    uint64_t rescan_left;
    bool broken_told;
    uint64_t progress_next;
};

/* Where in a list a piece stands; list is NULL for pieces that stand alone. */
struct place {
    const char *list; /* "Records" or "" (a bare array) */
    size_t nth;
};

static const struct place ALONE = {NULL, 0};

/* The line of a byte. Pieces come in order, so each byte is counted once. */
static size_t line_of(struct cut *c, size_t at)
{
    while (c->line_at < at) {
        const char *from = c->bytes + c->line_at;
        const char *nl = memchr(from, '\n', at - c->line_at);

        if (!nl) {
            c->line_at = at;
            break;
        }
        c->line++;
        c->line_at += (size_t)(nl - from) + 1;
    }
    return c->line;
}

static size_t line_for(struct cut *c, size_t from, size_t to)
{
    if (c->in->layer)
        return c->in->layer->line;
    if (!c->by_lines && from <= c->first && to >= c->last)
        return 0; /* the source is this one piece */
    return line_of(c, from);
}

static void progress(struct cut *c, size_t done)
{
    const struct fb_split_run *run = c->in->run;
    uint64_t at = done + (run ? run->done : 0), all = run ? run->all : c->in->len;

    if (!c->sink->progress || c->in->layer || at < c->progress_next)
        return;
    c->progress_next = at + PROGRESS_BYTES;
    c->sink->progress(c->sink->self, c->in->source, at, all > at ? all : at);
}

static void refuse(struct cut *c, size_t from, size_t to, struct place where, const char *why)
{
    char reason[FB_ERR_TEXT_MAX + 512];
    char place[64] = "";
    const char *around = c->in->layer ? c->in->layer->place : "";
    struct fb_reject r;
    bool at_break = *c->in->broken && !c->broken_told && to >= c->last;

    if (where.list)
        (void)snprintf(place, sizeof place, "%s[%zu]: ", where.list, where.nth);
    (void)snprintf(reason, sizeof reason, "%s%s%s%s%s%s", around, *around ? ": " : "",
                   at_break ? c->in->broken : "", at_break && *why ? "; " : "", place, why);
    for (char *p = reason; *p; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7F)
            *p = '?';
    }
    r = (struct fb_reject){.source = c->in->source,
                           .line = line_for(c, from, to),
                           .index = (*c->index)++,
                           .reason = reason,
                           .bytes = c->bytes + from,
                           .len = to - from};
    if (c->who)
        r.carrier = *c->who;
    c->broken_told = c->broken_told || at_break;
    c->refused_to = to;
    c->sink->reject(c->sink->self, &r);
    progress(c, to);
}

static const char *not_an_object(enum fb_json_kind kind)
{
    switch (kind) {
    case FB_JSON_ARRAY:
        return "an array, not an object";
    case FB_JSON_STR:
        return "a string, not an object";
    case FB_JSON_INT:
    case FB_JSON_REAL:
        return "a number, not an object";
    case FB_JSON_BOOL:
        return "a boolean, not an object";
    default:
        return "null, not an object";
    }
}

/* Several findings in one document: {"Findings": [...]} of GuardDuty's and Security Hub's API,
 * {"findings": [...]} inside Security Hub's events. NULL for anything else, one finding included.
 */
static const struct fb_json *findings_of(const struct fb_json *doc)
{
    const struct fb_json *list = fb_json_get(doc, "Findings");

    if (!list)
        list = fb_json_get(doc, "findings");
    return fb_json_kind(list) == FB_JSON_ARRAY && fb_json_len(list) > 1 &&
                   fb_json_kind(fb_json_at(list, 0)) == FB_JSON_OBJECT
               ? list
               : NULL;
}

/* One record, or one for each finding in it. */
static void hand_on(struct cut *c, struct fb_record *r, size_t from, size_t to)
{
    const struct fb_json *list = findings_of(r->doc);
    size_t n = list ? fb_json_len(list) : 1;

    for (size_t i = 0; i < n && c->st == FB_OK; i++) {
        struct place where = {"Findings", i};

        if (i == FINDINGS_MAX) {
            refuse(c, from, to, where, "more findings than we read");
            return;
        }
        if (list) {
            r->doc = fb_json_at(list, i);
            r->part = i + 1;
        }
        if (fb_json_kind(r->doc) != FB_JSON_OBJECT) {
            refuse(c, from, to, where, not_an_object(fb_json_kind(r->doc)));
            continue;
        }
        r->index = (*c->index)++;
        c->st = c->sink->record(c->sink->self, r, c->err);
    }
}

/* What the outer carrier says holds for the inner one, but for what that says itself. */
static struct fb_carrier joined(const struct fb_carrier *outer, const struct fb_carrier *inner)
{
    struct fb_carrier who = *inner;

    if (!outer)
        return who;
    who.id = who.id ? who.id : outer->id;
    who.time_ms = who.time_ms > 0 ? who.time_ms : outer->time_ms;
    who.batch = outer->batch ? outer->batch : who.batch;
    who.item = outer->item ? outer->item : who.item;
    who.receives = outer->receives ? outer->receives : who.receives;
    who.layers += outer->layers;
    return who;
}

/* One text of a carrier, cut like a source of its own. */
static void cut_inside(struct cut *c, struct fb_layer *layer, const struct fb_piece *p, size_t from,
                       size_t to, struct place where)
{
    const struct fb_layer *around = c->in->layer;
    const struct fb_split in = {.source = c->in->source,
                                .bytes = p->text,
                                .len = p->len,
                                .layout = FB_LAYOUT_GUESS,
                                .broken = p->broken,
                                .layer = layer};
    char place[256], element[64] = "", listed[64] = "";

    if (where.list)
        (void)snprintf(element, sizeof element, "%s[%zu].", where.list, where.nth);
    if (*p->list)
        (void)snprintf(listed, sizeof listed, "%s[%zu].", p->list, p->nth);
    (void)snprintf(place, sizeof place, "%s%s%s%s%s", around ? around->place : "",
                   around && *around->place ? " > " : "", element, listed, p->field);
    layer->place = place;
    if (*p->wrong) {
        char why[256];

        (void)snprintf(why, sizeof why, "%s%s: %s", listed, p->field, p->wrong);
        c->who = &layer->who;
        refuse(c, from, to, where, why);
        c->who = around ? &around->who : NULL;
        return;
    }
    c->st = fb_split_run(c->scratch, &in, c->sink, c->err);
}

/* The texts of a carrier that is the piece [from, to). */
static void open_carrier(struct cut *c, const struct fb_opening *o, const struct fb_record *r,
                         size_t from, size_t to, struct place where)
{
    const struct fb_carrier who = joined(c->in->layer ? &c->in->layer->who : NULL, &o->who);
    size_t told = 0, line = line_for(c, from, to);

    for (size_t i = 0; i < o->count && c->st == FB_OK; i++) {
        const struct fb_piece *p = &o->at[i];
        size_t told_here = 0;
        struct fb_carrier inner = {.id = p->id, .time_ms = p->time_ms, .layers = 1};
        struct fb_layer layer = {.who = joined(&who, &inner),
                                 .line = line,
                                 .index = c->index,
                                 .told = p->id                        ? &told_here
                                         : o->who.id || !c->in->layer ? &told
                                                                      : c->in->layer->told,
                                 .budget = c->budget,
                                 .odd = r->odd};

        cut_inside(c, &layer, p, from, to, where);
    }
}

/* A carrier's id names one record; more that it holds are told apart by their place in it. */
static void name_carried(struct cut *c, struct fb_record *r)
{
    const struct fb_layer *layer = c->in->layer;
    bool own = r->carrier.id != NULL;

    if (!layer)
        return;
    r->odd |= layer->odd;
    r->carrier = joined(&layer->who, &r->carrier);
    if (!own && r->carrier.id && (*layer->told)++ > 0)
        r->carrier.id = fb_arena_fmt(c->scratch, "%s#%zu", r->carrier.id, *layer->told - 1);
}

/* An object: hands on what it holds, or itself. */
static void offer_object(struct cut *c, const struct fb_json *doc, struct fb_record *r, size_t from,
                         size_t to, struct place where)
{
    bool deep = c->in->layer && c->in->layer->who.layers >= FB_OPENING_LAYERS_MAX;
    struct fb_opening o = {0};
    const char *object;

    r->doc = fb_envelope_open(c->scratch, doc, &r->envelope);
    if (!r->envelope.present) {
        if (deep || !fb_opening_of(doc, c->budget, &o)) {
            r->doc = fb_carrier_open(c->scratch, doc, &r->carrier, &r->odd);
        } else if (o.count == 0) {
            r->doc = o.holder;
            r->carrier = o.who;
        }
    }
    object = o.count ? NULL : fb_opening_log_object(c->scratch, r->doc, &r->envelope);
    if (o.count) {
        open_carrier(c, &o, r, from, to, where);
    } else if (object) {
        const struct fb_carrier who = joined(c->who, &r->carrier);
        const struct fb_carrier *around = c->who;

        c->who = &who;
        refuse(c, from, to, where,
               fb_arena_fmt(c->scratch,
                            "names an object, not an event: what %.300s holds was not read "
                            "(copy it here and replay it, or send the events themselves)",
                            object));
        c->who = around;
    } else {
        r->line = line_for(c, from, to);
        name_carried(c, r);
        hand_on(c, r, from, to);
    }
    fb_opening_release(&o);
}

/* [from, to) should be one record: parses it and hands it on, or rejects it. */
static void offer(struct cut *c, size_t from, size_t to, struct place where)
{
    struct fb_record r = {.source = c->in->source, .bytes = c->bytes + from};
    struct fb_err err = {0};
    const struct fb_json *doc;

    while (to > from && fb_scan_blank(c->bytes, to - 1, to) == to)
        to--;
    if (to - from > FB_RECORD_BYTES_MAX) {
        char why[96];

        (void)snprintf(why, sizeof why, "%zu bytes, over the ceiling of %u for one record",
                       to - from, (unsigned)FB_RECORD_BYTES_MAX);
        refuse(c, from, to, where, why);
        return;
    }
    fb_arena_reset(c->scratch);
    if (fb_json_parse(c->scratch, c->bytes + from, to - from, &r.odd, &doc, &err) != FB_OK) {
        refuse(c, from, to, where, err.text);
        return;
    }
    if (fb_json_kind(doc) != FB_JSON_OBJECT) {
        refuse(c, from, to, where, not_an_object(fb_json_kind(doc)));
        return;
    }
    r.len = to - from;
    offer_object(c, doc, &r, from, to, where);
    progress(c, to);
}

/* A value that did not end well, at `at`. Gives where reading goes on: at what looks like the next
 * record, at the bracket that fits nothing, or at the end. */
static size_t give_up(struct cut *c, const struct fb_scan *s, enum fb_scan_end how, size_t at,
                      struct place where)
{
    char why[128];
    size_t cost = s->suspect ? s->at - s->suspect : 0;

    if (s->suspect > at && cost <= c->rescan_left) {
        c->rescan_left -= cost;
        (void)snprintf(why, sizeof why,
                       "not JSON: does not end before what looks like the next record, at byte %zu",
                       s->suspect - at);
        refuse(c, at, s->suspect, where, why);
        return s->suspect;
    }
    if (how == FB_SCAN_STRAY)
        (void)snprintf(why, sizeof why, "not JSON: '%c' closes nothing at byte %zu",
                       c->bytes[s->at], s->at - at);
    else
        (void)snprintf(why, sizeof why, "cut off: ends at byte %zu, inside %zu open bracket%s",
                       s->at - at, s->depth, s->depth == 1 ? "" : "s");
    refuse(c, at, s->at, where, why);
    return s->at;
}

/* What stands around the Records of an object (their elements left out) must be JSON too. */
static void check_frame(struct cut *c, struct fb_buf *frame, size_t from, size_t to)
{
    const struct fb_json *doc;
    struct fb_err err = {0};
    char why[FB_ERR_TEXT_MAX + 64];

    fb_arena_reset(c->scratch);
    if (!fb_buf_ok(frame)) {
        refuse(c, from, to, ALONE, "what stands around Records is over the ceiling for one record");
    } else if (fb_json_parse(c->scratch, frame->at, frame->len, NULL, &doc, &err) != FB_OK) {
        (void)snprintf(why, sizeof why, "around Records (counted without them): %s", err.text);
        refuse(c, from, to, ALONE, why);
    }
}

static size_t list(struct cut *c, size_t at, size_t to, const char *name, bool *closed);

/* An object with "Records" arrays, its scan stopped at the first of them. */
static size_t open_records(struct cut *c, struct fb_scan *s, size_t at, size_t to)
{
    enum fb_scan_end how = FB_SCAN_RECORDS;
    struct fb_buf frame;
    size_t from = at; /* of the part of the frame that is not yet copied */

    fb_buf_init(&frame, FB_RECORD_BYTES_MAX);
    while (how == FB_SCAN_RECORDS) { /* each turn moves past an array */
        bool closed = false;

        fb_buf_addn(&frame, c->bytes + from, s->at + 1 - from);
        from = list(c, s->at + 1, to, "Records", &closed);
        if (c->st != FB_OK || !closed)
            goto out;
        fb_buf_addc(&frame, ']');
        fb_scan_resume(s, from);
        how = fb_scan_run(s);
    }
    if (how == FB_SCAN_WHOLE) {
        fb_buf_addn(&frame, c->bytes + from, s->at - from);
        check_frame(c, &frame, from, s->at);
        from = s->at;
    } else {
        from = give_up(c, s, how, from, ALONE);
    }
out:
    fb_buf_release(&frame);
    return from;
}

/* The object at `at`; gives where reading goes on. */
static size_t object(struct cut *c, size_t at, size_t to, struct place where, bool open)
{
    enum fb_scan_end how;
    struct fb_scan s;

    fb_scan_open(&s, c->bytes, at, to, open);
    how = fb_scan_run(&s);
    if (how == FB_SCAN_RECORDS)
        return open_records(c, &s, at, to);
    if (how != FB_SCAN_WHOLE)
        return give_up(c, &s, how, at, where);
    offer(c, at, s.at, where);
    return s.at;
}

/* An array that is no list of records: one piece. */
static size_t array(struct cut *c, size_t at, size_t to, struct place where)
{
    enum fb_scan_end how;
    struct fb_scan s;

    fb_scan_open(&s, c->bytes, at, to, false);
    how = fb_scan_run(&s);
    if (how != FB_SCAN_WHOLE)
        return give_up(c, &s, how, at, where);
    offer(c, at, s.at, where);
    return s.at;
}

/* A number, word, string or rubbish inside a list: up to what may end an element. */
static size_t scrap(struct cut *c, size_t at, size_t to, struct place where)
{
    size_t end = at;
    bool closed;

    while (end < to && !memchr(",{}[]", c->bytes[end], 5)) {
        if (c->bytes[end] == '"')
            end = fb_scan_string(c->bytes, end, to, &closed);
        else
            end++;
    }
    offer(c, at, end, where);
    return end;
}

/* The comma or the bracket at `at` is not what a list needs there; the elements are read all the
 * same. Told once a list. */
static void misplaced(struct cut *c, size_t at, size_t to, struct place where, bool *told)
{
    if (*told || c->refused_to == at)
        return;
    *told = true;
    refuse(c, at, to, where,
           "not JSON: comma or closing bracket missing or too many (elements around it are read)");
}

/* Whether the '}' at `at` is a slip inside the list, not the end of the object that holds it. */
static bool one_too_many(const struct cut *c, size_t at, size_t to)
{
    size_t next = fb_scan_blank(c->bytes, at + 1, to);

    return next < to && (c->bytes[next] == ',' || c->bytes[next] == ']');
}

/* The elements of an array, from behind its '['. Gives one past its ']', or where its text ends;
 * *closed says whether it was closed. An array in Records is never opened, one at the top may hold
 * objects with Records: the depth of calls is fixed. */
static size_t list(struct cut *c, size_t at, size_t to, const char *name, bool *closed)
{
    struct place where = {name, 0};
    bool open = !*name, after_value = false, after_comma = false, told = false;

    *closed = false;
    while (c->st == FB_OK) { /* each turn moves at */
        at = fb_scan_blank(c->bytes, at, to);
        if (at == to) {
            if (c->refused_to != to)
                refuse(c, at, to, where, "cut off: the text ends inside the list");
            return to;
        }
        if (c->bytes[at] == '}' && one_too_many(c, at, to)) {
            misplaced(c, at, at + 1, where, &told);
            at++;
            continue;
        }
        if (c->bytes[at] == ']' || c->bytes[at] == '}') {
            if (after_comma || c->bytes[at] == '}')
                misplaced(c, at, at + (c->bytes[at] == ']'), where, &told);
            *closed = true;
            return at + (size_t)(c->bytes[at] == ']');
        }
        if (c->bytes[at] == ',') {
            if (!after_value)
                misplaced(c, at, at + 1, where, &told);
            after_value = false;
            after_comma = true;
            at++;
            continue;
        }
        if (after_value)
            misplaced(c, at, at, where, &told);
        if (c->bytes[at] == '{')
            at = object(c, at, to, where, open);
        else
            at = c->bytes[at] == '[' ? array(c, at, to, where) : scrap(c, at, to, where);
        after_value = true;
        after_comma = false;
        where.nth++;
    }
    return at;
}

/* What begins with neither bracket: to the line that begins with one. A comma between documents
 * goes alone, so that it costs nobody his record. */
static size_t rubbish(struct cut *c, size_t at, size_t to)
{
    size_t end = at + 1;

    while (c->bytes[at] != ',' && end < to) {
        const char *nl = memchr(c->bytes + end, '\n', to - end);

        end = nl ? fb_scan_blank(c->bytes, (size_t)(nl - c->bytes), to) : to;
        if (end < to && (c->bytes[end] == '{' || c->bytes[end] == '['))
            break;
    }
    offer(c, at, end, ALONE);
    return end;
}

/* [at, to) as a sequence of documents. */
static void documents(struct cut *c, size_t at, size_t to)
{
    while (c->st == FB_OK && (at = fb_scan_blank(c->bytes, at, to)) < to) {
        if (c->bytes[at] == '{') {
            at = object(c, at, to, ALONE, true);
        } else if (c->bytes[at] == '[') {
            size_t in = fb_scan_blank(c->bytes, at + 1, to);
            bool closed;

            if (in < to && c->bytes[in] == '{')
                at = list(c, in, to, "", &closed);
            else
                at = array(c, at, to, ALONE);
        } else {
            at = rubbish(c, at, to);
        }
    }
}

static void lines(struct cut *c)
{
    size_t at = c->first;

    while (c->st == FB_OK && at < c->last) {
        const char *nl = memchr(c->bytes + at, '\n', c->last - at);
        size_t to = nl ? (size_t)(nl - c->bytes) : c->last;
        size_t from = fb_scan_blank(c->bytes, at, to);

        at = to + (size_t)(nl != NULL);
        while (to > from && fb_scan_blank(c->bytes, to - 1, to) == to)
            to--;
        if (from == to)
            continue;
        if (c->bytes[from] == '[' ||
            memmem(c->bytes + from, to - from, RECORDS_KEY, sizeof RECORDS_KEY - 1))
            documents(c, from, to);
        else
            offer(c, from, to, ALONE);
    }
}

static size_t behind_mark(const char *bytes, size_t len)
{
    return len >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0; /* Windows writes one */
}

bool fb_split_by_lines(const char *bytes, size_t len)
{
    size_t first = fb_scan_blank(bytes, behind_mark(bytes, len), len);
    const char *nl = memchr(bytes + first, '\n', len - first);
    size_t end = nl ? (size_t)(nl - bytes) : len;
    struct fb_scan s;

    if (first == len || bytes[first] != '{')
        return false;
    fb_scan_open(&s, bytes, first, end, false);
    return fb_scan_run(&s) == FB_SCAN_WHOLE && fb_scan_blank(bytes, s.at, end) == end;
}

/* Where a source goes on that is cut in windows. */
static void begin(struct cut *c)
{
    const struct fb_split_run *run = c->in->run;

    if (run && run->done) {
        c->line = run->line;
        c->own_index = run->index;
    } else {
        c->first = behind_mark(c->bytes, c->in->len);
    }
    c->first = fb_scan_blank(c->bytes, c->first, c->in->len);
    c->last = c->in->len;
    while (c->last > c->first && fb_scan_blank(c->bytes, c->last - 1, c->last) == c->last)
        c->last--;
}

static void end(struct cut *c)
{
    struct fb_split_run *run = c->in->run;

    c->progress_next = 0;
    if (c->st == FB_OK)
        progress(c, c->in->len);
    if (!run)
        return;
    run->line = line_of(c, c->in->len);
    run->index = c->own_index;
    run->done += c->in->len;
}

enum fb_status fb_split_run(struct fb_arena *scratch, const struct fb_split *in,
                            const struct fb_sink *sink, struct fb_err *err)
{
    struct cut c = {.scratch = scratch,
                    .in = in,
                    .sink = sink,
                    .err = err,
                    .st = FB_OK,
                    .bytes = in->len ? in->bytes : "",
                    .by_lines = in->layout == FB_LAYOUT_LINES,
                    .line = 1,
                    .refused_to = (size_t)-1,
                    .progress_next = in->run ? in->run->done + PROGRESS_BYTES : PROGRESS_BYTES};
    bool nothing;

    c.own_budget = (uint64_t)FB_OPENING_BUDGET_TIMES * in->len + FB_OPENING_BUDGET_MIN;
    c.index = in->layer ? in->layer->index : &c.own_index;
    c.budget = in->layer ? in->layer->budget : &c.own_budget;
    c.who = in->layer ? &in->layer->who : NULL;
    begin(&c);
    c.rescan_left = (uint64_t)RESCAN_TIMES * (in->len + RESCAN_BYTES_MIN);
    nothing = c.first == c.last;
    if (nothing && !(in->run && (in->run->more || c.own_index > 0)))
        refuse(&c, c.first, c.last, ALONE, *in->broken ? "" : "empty");
    else if (!nothing && (c.by_lines || fb_split_by_lines(c.bytes + c.first, c.last - c.first)))
        lines(&c);
    else if (!nothing)
        documents(&c, c.first, c.last);
    if (c.st == FB_OK && *in->broken && !c.broken_told)
        refuse(&c, c.last, c.last, ALONE, "");
    end(&c);
    return c.st;
}

/* lambda.c - the AWS Lambda door: an event in, its decisions out, and never an end of its own.
 *
 * Trust: an event is acted on only when it came in an envelope whose source begins "aws." and whose
 * account is the function's own (from the invoked ARN) or configured; anything else, raw records
 * included, is decided in dry-run: whoever may invoke the function can write whatever JSON they
 * like. The same envelope out of a queue, topic, stream or log group is in dry-run too: nobody but
 * AWS can put an "aws." event on the default bus, but whoever may send to a queue can write one. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/text.h"
#include "batch.h"
#include "doors.h"
#include "runtime_api.h"

enum { LAMBDA_TIMEOUT_DEFAULT_MS = 3000, LAMBDA_TIMEOUT_MAX_MS = 900 * 1000 };

struct door {
    struct fb_runtime rt;
    struct fb_log log; /* also before the runtime is open */
    struct fb_runtime_api *api;
    struct fb_arena *arena;
    struct fb_invocation inv;
    struct fb_delivery delivery;
    char own_account[16];
    struct fb_buf answer, line;
    struct fb_batch batch;
    int64_t stop_mono_ms; /* what has not begun by then comes again; 0: no deadline */
    size_t records, rejected, late;
    bool told_apart; /* said once: a batch is decided in dry-run */
    bool full, tick; /* the answer holds no more; a scheduled event asks for a tick */
    char reason[512];
    char trace[sizeof((struct fb_invocation *)0)->trace_id + 32]; /* lives in the environment */
};

/* "arn:aws:lambda:REGION:ACCOUNT:function:NAME" -> ACCOUNT; "" when it is not such an ARN. */
static void own_account(const char *arn, char *out, size_t cap)
{
    const char *p = arn;
    size_t n;

    out[0] = '\0';
    for (int i = 0; i < 4; i++) {
        p = strchr(p, ':');
        if (!p)
            return;
        p++;
    }
    n = strcspn(p, ":");
    if (n < cap) {
        memcpy(out, p, n);
        out[n] = '\0';
    }
}

static bool trusted(const struct door *door, const struct fb_record *r)
{
    const struct fb_envelope *e = &r->envelope;

    return r->carrier.layers == 0 && e->present && fb_starts(e->source, "aws.") && *e->account &&
           *door->own_account &&
           (strcmp(e->account, door->own_account) == 0 ||
            fb_config_has_account(door->rt.config, e->account));
}

/* The decision as JSON, in the arena; NULL when it does not fit into an answer. */
static const struct fb_buf *decision_json(struct door *door, const struct fb_decision *d)
{
    struct fb_buf *one = FB_NEW(door->arena, struct fb_buf);

    if (!one)
        return NULL;
    fb_buf_init_in(one, door->arena, FB_RESPONSE_MAX);
    fb_decision_write(one, door->arena, d);
    return fb_buf_ok(one) ? one : NULL;
}

/* item: the message that it came in; NULL none */
static void log_decision(struct door *door, const struct fb_decision *d, const struct fb_buf *json,
                         const char *item)
{
    char when[FB_TIME_MAX];

    fb_buf_reset(&door->line);
    fb_json_open(&door->line, NULL, '{');
    fb_json_put_str(&door->line, "time", fb_time_iso(fb_wall_ms(&door->rt.clock), when));
    fb_json_put_str(&door->line, "level", "info");
    fb_json_put_str(&door->line, "message", "decision");
    fb_json_put_str(&door->line, "request_id", door->inv.id);
    if (item)
        fb_json_put_str(&door->line, "item", item);
    fb_json_put_raw(&door->line, "decision", json ? json->at : "null");
    fb_json_close(&door->line, '}');
    fb_buf_addc(&door->line, '\n');
    if (json && fb_buf_ok(&door->line))
        (void)fwrite(door->line.at, 1, door->line.len, stderr);
    else
        FB_LOG(&door->rt.log, FB_LOG_ERROR, "a decision too large for one line",
               {"request_id", door->inv.id, 0}, {"event_id", d->ev.id, 0},
               {"incident", d->incident, 0});
}

static void add_answer(struct door *door, const struct fb_buf *json)
{
    if (!json || door->answer.len + json->len + 2 > FB_RESPONSE_MAX) {
        door->full = true; /* the log still holds every decision */
        return;
    }
    if (door->answer.len > 1)
        fb_buf_addc(&door->answer, ',');
    fb_buf_addn(&door->answer, json->at, json->len);
}

static void on_reject(void *self, const struct fb_reject *r)
{
    struct door *door = self;
    struct fb_buf letter;

    door->rejected++;
    fb_buf_init(&letter, sizeof door->reason - 4);
    fb_buf_fmt(&letter, "record %zu: ", r->index);
    fb_buf_add_plain(&letter, r->reason, 400);
    memcpy(door->reason, letter.at, letter.len + 1);
    fb_buf_release(&letter);
    FB_LOG(&door->rt.log, FB_LOG_ERROR, "rejected", {"request_id", door->inv.id, 0},
           {"reason", r->reason, 0}, {"index", NULL, (int64_t)r->index},
           {"item", r->carrier.item ? r->carrier.item : "", 0});
    fb_door_dead_letter(stderr, r); /* the log group is the dead-letter file of this door */
    fb_batch_unreadable(&door->batch, &r->carrier);
}

/* A message that is no JSON got its line; its bytes would be lost all the same. */
static void keep_foreign(struct door *door, const struct fb_record *r)
{
    const struct fb_reject piece = {.source = r->source,
                                    .line = r->line,
                                    .index = r->index,
                                    .reason = "a message that holds no JSON",
                                    .bytes = r->bytes,
                                    .len = r->len,
                                    .carrier = r->carrier};

    if (r->carrier.foreign)
        on_reject(door, &piece);
}

/* Whether it is too late to begin another record. One is always decided: else a short timeout would
 * send it around for ever. */
static bool late(const struct door *door)
{
    return door->stop_mono_ms && door->records > 0 &&
           fb_mono_ms(&door->rt.clock) >= door->stop_mono_ms;
}

/* A record that was not decided goes back with its message, or fails the event where it came alone:
 * Lambda sends that again. */
static enum fb_status not_decided(struct door *door, const struct fb_record *r, enum fb_status st,
                                  const struct fb_err *err)
{
    if (!fb_batch_see(&door->batch, &r->carrier))
        return st;
    fb_batch_give_back(&door->batch, &r->carrier);
    FB_LOG(&door->rt.log, FB_LOG_ERROR, "not decided", {"request_id", door->inv.id, 0},
           {"item", r->carrier.item, 0}, {"why", err->text, 0});
    return FB_OK;
}

static void tell_apart(struct door *door, const struct fb_record *r)
{
    if (door->told_apart || !door->rt.enforce || !r->carrier.layers || !r->envelope.present)
        return;
    door->told_apart = true;
    FB_LOG(&door->rt.log, FB_LOG_WARN,
           "an event out of a batch is decided in dry-run: whoever may send to its queue, topic or "
           "stream could have written it",
           {"request_id", door->inv.id, 0}, {"batch", r->carrier.batch ? r->carrier.batch : "", 0},
           {"mend", "let the rule of the event bus invoke the function itself", 0});
}

static enum fb_status on_record(void *self, const struct fb_record *r, struct fb_err *err)
{
    struct door *door = self;
    const struct fb_buf *json;
    struct fb_decision d;
    struct fb_err why = {0};
    enum fb_status st;

    (void)fb_batch_see(&door->batch, &r->carrier);
    if (late(door)) {
        door->late++;
        if (door->batch.is) {
            fb_batch_give_back(&door->batch, &r->carrier);
            return FB_OK;
        }
        return fb_err_set(err, FB_ELIMIT, "time ran out after %zu records", door->records);
    }
    door->delivery.trusted = trusted(door, r);
    tell_apart(door, r);
    st = fb_pipeline_record(&door->rt, door->arena, r, &door->delivery, &d, &why);
    if (st != FB_OK) {
        *err = why;
        return not_decided(door, r, st, &why);
    }
    door->records++;
    door->tick |= door->delivery.trusted && strcmp(r->envelope.source, "aws.events") == 0 &&
                  strcmp(r->envelope.detail_type, "Scheduled Event") == 0;
    json = decision_json(door, &d);
    log_decision(door, &d, json, r->carrier.item);
    add_answer(door, json);
    keep_foreign(door, r);
    return FB_OK;
}

static void run_tick(struct door *door)
{
    struct fb_tick tick;
    struct fb_err err = {0};

    door->delivery.trusted = true;
    if (fb_pipeline_tick(&door->rt, door->arena, &door->delivery, &tick, &err) != FB_OK)
        FB_LOG(&door->rt.log, FB_LOG_ERROR, "tick", {"why", err.text, 0});
    FB_LOG(&door->rt.log, FB_LOG_INFO, "tick", {"incidents", NULL, (int64_t)tick.seen},
           {"worked", NULL, (int64_t)tick.worked}, {"open", NULL, (int64_t)tick.open},
           {"needs_person", NULL, (int64_t)tick.needs_person});
}

/* How long this invocation may take. The deadline is Lambda's clock, the rest is ours: an answer
 * that cannot be (past, or beyond what Lambda grants) means that the two disagree, and then the
 * shortest time that Lambda grants by default is the safe guess: what is left goes on with the next
 * event or tick. */
static int64_t time_left_ms(struct door *door, int64_t wall)
{
    int64_t left = door->inv.deadline_ms - wall;

    if (left <= 0 || left > LAMBDA_TIMEOUT_MAX_MS) {
        FB_LOG(&door->rt.log, FB_LOG_WARN, "the deadline and this machine's clock disagree",
               {"request_id", door->inv.id, 0}, {"left_ms", NULL, left});
        left = LAMBDA_TIMEOUT_DEFAULT_MS;
    } else if (left <= FB_DEADLINE_MARGIN_MS) {
        FB_LOG(&door->rt.log, FB_LOG_WARN,
               "the function's timeout leaves no time to act: it decides and acts on nothing",
               {"request_id", door->inv.id, 0}, {"left_ms", NULL, left},
               {"mend", "set the timeout of the function to 60 seconds or more", 0});
    }
    return left;
}

static void prepare(struct door *door)
{
    int64_t wall = fb_wall_ms(&door->rt.clock), left;

    own_account(door->inv.arn, door->own_account, sizeof door->own_account);
    door->delivery = (struct fb_delivery){.received_ms = wall, .own_account = ""};
    door->stop_mono_ms = 0;
    if (door->inv.deadline_ms) {
        left = time_left_ms(door, wall);
        door->delivery.deadline_mono_ms = fb_mono_ms(&door->rt.clock) + left;
        door->stop_mono_ms = door->delivery.deadline_mono_ms -
                             (left / 4 < FB_DEADLINE_MARGIN_MS ? left / 4 : FB_DEADLINE_MARGIN_MS);
    }
    door->records = door->rejected = door->late = 0;
    fb_batch_reset(&door->batch);
    door->full = door->tick = false;
    door->reason[0] = '\0';
    fb_buf_reset(&door->answer);
    fb_buf_addc(&door->answer, '[');
    /* putenv borrows the buffer: setenv would keep a copy of every trace id there ever was. */
    (void)snprintf(door->trace, sizeof door->trace, "_X_AMZN_TRACE_ID=%s", door->inv.trace_id);
    (void)putenv(door->trace);
}

/* What Lambda is told: a batch by its failures alone, anything else by its decisions. Nothing that
 * could be read is an error: that event is never going to be better. */
static enum fb_status answer(struct door *door, enum fb_status st, struct fb_err *err,
                             struct fb_err *told)
{
    if (st == FB_OK && door->batch.is && !fb_batch_close(&door->batch))
        st = fb_err_set(err, FB_ELIMIT, "more failures than an answer holds");
    if (st != FB_OK) {
        FB_LOG(&door->rt.log, FB_LOG_ERROR, "not decided", {"request_id", door->inv.id, 0},
               {"why", err->text, 0});
        return fb_runtime_api_error(door->api, door->inv.id, "Firebreak.NotDecided", err->text,
                                    told);
    }
    if (door->batch.is) {
        if (door->batch.failed)
            FB_LOG(&door->rt.log, FB_LOG_WARN, "messages go back to their queue or stream",
                   {"request_id", door->inv.id, 0}, {"messages", NULL, (int64_t)door->batch.failed},
                   {"out_of_time", NULL, (int64_t)door->late});
        return fb_runtime_api_respond(door->api, door->inv.id, door->batch.answer.at,
                                      door->batch.answer.len, told);
    }
    if (door->records == 0)
        return fb_runtime_api_error(door->api, door->inv.id, "Firebreak.BadEvent",
                                    *door->reason ? door->reason : "no record in this event", told);
    fb_buf_addc(&door->answer, ']');
    if (door->full)
        FB_LOG(&door->rt.log, FB_LOG_WARN, "answer cut: the log holds every decision",
               {"request_id", door->inv.id, 0});
    return fb_runtime_api_respond(door->api, door->inv.id, door->answer.at, door->answer.len, told);
}

/* One event: decided, acted on, answered. Returns false only when the API itself is gone. */
static bool handle(struct door *door)
{
    struct fb_sink sink = {door, on_record, on_reject, NULL};
    struct fb_err err = {0}, told = {0};
    enum fb_status st, sent;

    prepare(door);
    st = fb_ingest_bytes(door->arena, "lambda", FB_LAYOUT_GUESS, door->inv.body, door->inv.body_len,
                         &sink, &err);
    if (st == FB_OK && door->tick)
        run_tick(door);
    sent = answer(door, st, &err, &told);
    if (sent != FB_OK)
        FB_LOG(&door->rt.log, FB_LOG_ERROR, "answer not taken", {"request_id", door->inv.id, 0},
               {"why", told.text, 0});
    fb_arena_reset(door->arena);
    return sent == FB_OK || sent == FB_EINPUT;
}

static int init_failed(struct door *door, const struct fb_err *err)
{
    struct fb_err told = {0};

    FB_LOG(&door->log, FB_LOG_ERROR, "cannot start", {"why", err->text, 0});
    (void)fb_runtime_api_error(door->api, NULL, "Firebreak.BadConfiguration", err->text, &told);
    return FB_EXIT_USAGE;
}

static int serve(struct door *door)
{
    struct fb_err err = {0};

    if (!fb_store_durable(door->rt.store))
        FB_LOG(&door->rt.log, FB_LOG_WARN,
               "state is kept in memory only: it is lost with this process",
               {"mend", "set FIREBREAK_STATE", 0});
    if (door->rt.enforce && !fb_config_has_break_glass(door->rt.config))
        FB_LOG(&door->rt.log, FB_LOG_WARN, "no break-glass identity is configured",
               {"mend", "name one in break_glass", 0});
    for (;;) {
        if (fb_runtime_api_next(door->api, &door->inv, &err) != FB_OK) {
            FB_LOG(&door->rt.log, FB_LOG_ERROR, "the Runtime API is gone", {"why", err.text, 0});
            return FB_EXIT_USAGE;
        }
        if (!handle(door))
            return FB_EXIT_USAGE;
    }
}

static int run(const struct fb_options *o)
{
    const char *host = getenv("AWS_LAMBDA_RUNTIME_API");
    struct fb_config_overrides overrides = {
        .mode = o->mode, .state = o->state, .playbooks = o->playbooks};
    struct fb_runtime_setup setup = {.clock = fb_clock_system(), .live = true, .enforce = true};
    struct door door = {0};
    struct fb_config *config;
    struct fb_err err = {0};
    struct fb_arena *arena = fb_arena_new(4u << 20);
    int status = FB_EXIT_USAGE;

    if (!host || !*host) {
        fputs("firebreak: AWS_LAMBDA_RUNTIME_API is not set: this door serves AWS Lambda's Runtime "
              "API\n",
              stderr);
        fb_arena_free(arena);
        return FB_EXIT_USAGE;
    }
    fb_buf_init(&door.answer, FB_RESPONSE_MAX + 16);
    fb_buf_init(&door.line, 8u << 20);
    fb_batch_init(&door.batch);
    setup.log = door.log =
        (struct fb_log){.to = stderr, .json = true, .least = FB_LOG_INFO, .clock = setup.clock};
    door.arena = fb_arena_new(FB_INVOCATION_BYTES_MAX);
    door.api = fb_runtime_api_new(host, &err);
    if (!door.api || !door.arena || !arena)
        FB_LOG(&door.log, FB_LOG_ERROR, "cannot start",
               {"why", *err.text ? err.text : "memory is short", 0});
    else if (fb_config_load(arena, o->config, NULL, &overrides, &config, &err) != FB_OK)
        status = init_failed(&door, &err);
    else if (setup.config = config, fb_runtime_open(&door.rt, &setup, &err) != FB_OK)
        status = init_failed(&door, &err);
    else
        status = serve(&door);
    fb_runtime_close(&door.rt);
    fb_runtime_api_free(door.api);
    fb_buf_release(&door.answer);
    fb_buf_release(&door.line);
    fb_batch_release(&door.batch);
    fb_arena_free(door.arena);
    fb_arena_free(arena);
    return status;
}

int fb_door_lambda(const struct fb_options *o) { return run(o); }

int fb_door_lambda_args(void)
{
    struct fb_options o = {0};

    return run(&o);
}

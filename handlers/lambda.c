/* lambda.c - the AWS Lambda door: an event in, its decisions out, and never an end of its own.
 *
 * Trust: an event is acted on only when it came in an envelope whose source begins "aws." and whose
 * account is the function's own (from the invoked ARN) or configured; anything else, raw records
 * included, is decided in dry-run: whoever may invoke the function can write whatever JSON they
 * like. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/text.h"
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
    size_t records, rejected;
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

    return r->carrier.layers == 0 && e->present && fb_starts(e->source, "aws.") && *e->account && *door->own_account &&
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

static void log_decision(struct door *door, const struct fb_decision *d, const struct fb_buf *json)
{
    char when[FB_TIME_MAX];

    fb_buf_reset(&door->line);
    fb_json_open(&door->line, NULL, '{');
    fb_json_put_str(&door->line, "time", fb_time_iso(fb_wall_ms(&door->rt.clock), when));
    fb_json_put_str(&door->line, "level", "info");
    fb_json_put_str(&door->line, "message", "decision");
    fb_json_put_str(&door->line, "request_id", door->inv.id);
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
           {"reason", r->reason, 0}, {"index", NULL, (int64_t)r->index});
    fb_door_dead_letter(stderr, r); /* the log group is the dead-letter file of this door */
}

/* A Lambda batch (SQS, SNS, S3, Kinesis): what it carries is not looked into, and an answer that
 * reads as success would make its sender delete it. "" when r is none. */
static const char *carrier(const struct fb_record *r)
{
    const struct fb_json *first = fb_json_at(fb_json_get(r->doc, "Records"), 0);
    const char *source = fb_json_get_str(first, "eventSource");

    source = *source ? source : fb_json_get_str(first, "EventSource");
    return r->envelope.present || !fb_starts(source, "aws:") ? "" : source;
}

static bool refuse_carrier(struct door *door, const struct fb_record *r)
{
    const char *source = carrier(r);
    const struct fb_reject piece = {
        .source = r->source,
        .line = r->line,
        .index = r->index,
        .reason = fb_arena_fmt(door->arena,
                               "a batch of %s is not opened, nothing in it was decided: send "
                               "EventBridge events to the function itself",
                               source),
        .bytes = r->bytes,
        .len = r->len};

    if (*source)
        on_reject(door, &piece);
    return *source != '\0';
}

static enum fb_status on_record(void *self, const struct fb_record *r, struct fb_err *err)
{
    struct door *door = self;
    const struct fb_buf *json;
    struct fb_decision d;
    enum fb_status st;

    if (refuse_carrier(door, r))
        return FB_OK;
    door->delivery.trusted = trusted(door, r);
    st = fb_pipeline_record(&door->rt, door->arena, r, &door->delivery, &d, err);
    if (st != FB_OK)
        return st;
    door->records++;
    door->tick |= door->delivery.trusted && strcmp(r->envelope.source, "aws.events") == 0 &&
                  strcmp(r->envelope.detail_type, "Scheduled Event") == 0;
    json = decision_json(door, &d);
    log_decision(door, &d, json);
    add_answer(door, json);
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
    int64_t wall = fb_wall_ms(&door->rt.clock);

    own_account(door->inv.arn, door->own_account, sizeof door->own_account);
    door->delivery = (struct fb_delivery){.received_ms = wall, .own_account = ""};
    if (door->inv.deadline_ms)
        door->delivery.deadline_mono_ms = fb_mono_ms(&door->rt.clock) + time_left_ms(door, wall);
    door->records = door->rejected = 0;
    door->full = door->tick = false;
    door->reason[0] = '\0';
    fb_buf_reset(&door->answer);
    fb_buf_addc(&door->answer, '[');
    /* putenv borrows the buffer: setenv would keep a copy of every trace id there ever was. */
    (void)snprintf(door->trace, sizeof door->trace, "_X_AMZN_TRACE_ID=%s", door->inv.trace_id);
    (void)putenv(door->trace);
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
    if (st != FB_OK) {
        sent =
            fb_runtime_api_error(door->api, door->inv.id, "Firebreak.NotDecided", err.text, &told);
        FB_LOG(&door->rt.log, FB_LOG_ERROR, "not decided", {"request_id", door->inv.id, 0},
               {"why", err.text, 0});
    } else if (door->records == 0) {
        sent =
            fb_runtime_api_error(door->api, door->inv.id, "Firebreak.BadEvent",
                                 *door->reason ? door->reason : "no record in this event", &told);
    } else {
        fb_buf_addc(&door->answer, ']');
        if (door->full)
            FB_LOG(&door->rt.log, FB_LOG_WARN, "answer cut: the log holds every decision",
                   {"request_id", door->inv.id, 0});
        sent = fb_runtime_api_respond(door->api, door->inv.id, door->answer.at, door->answer.len,
                                      &told);
    }
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

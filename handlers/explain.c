/* explain.c - `firebreak explain`: why a score is what it is, in words. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/text.h"
#include "doors.h"
#include "explain.h"

enum { ROOTS_MAX = 256, TEXT_MAX = 1 << 20 };

/* The hottest event of one root, written down when it was decided (records do not outlive theirs).
 */
struct hottest {
    char *root;
    double score;
    struct fb_buf text;
};

struct explain {
    struct fb_runtime rt;
    struct fb_arena *arena;
    const char *event; /* NULL: the hottest of each root */
    bool all, found, json;
    uint64_t records;
    size_t rejected;
    struct hottest *roots;
    size_t count;
};

static void write_one(struct fb_buf *to, const struct explain *x, const struct fb_decision *d,
                      bool standing)
{
    if (x->json) {
        fb_explain_json(to, d, standing);
        fb_buf_addc(to, '\n');
    } else {
        fb_explain_text(to, d, standing);
    }
}

static void print_one(const struct explain *x, const struct fb_decision *d, bool standing)
{
    struct fb_buf text;

    fb_buf_init(&text, TEXT_MAX);
    write_one(&text, x, d, standing);
    (void)fwrite(text.at, 1, text.len, stdout);
    fb_buf_release(&text);
}

/* The place of a root whose event has this score; when all are taken, the coldest makes room. NULL:
 * nothing colder, or no memory. */
static struct hottest *slot_of(struct explain *x, const char *root, double score)
{
    struct hottest *coldest = &x->roots[0];
    char *name;

    for (size_t i = 0; i < x->count; i++) {
        if (strcmp(x->roots[i].root, root) == 0)
            return &x->roots[i];
        if (x->roots[i].score < coldest->score)
            coldest = &x->roots[i];
    }
    if (x->count == ROOTS_MAX && coldest->score >= score)
        return NULL;
    name = strdup(root);
    if (!name)
        return NULL;
    if (x->count < ROOTS_MAX) {
        coldest = &x->roots[x->count++];
        fb_buf_init(&coldest->text, TEXT_MAX);
    } else {
        free(coldest->root);
    }
    coldest->root = name;
    coldest->score = -1;
    return coldest;
}

static enum fb_status on_record(void *self, const struct fb_record *r, struct fb_err *err)
{
    struct explain *x = self;
    struct fb_delivery d = {.received_ms = fb_wall_ms(&x->rt.clock),
                            .trusted = true,
                            .own_account = "",
                            .log_time = true};
    struct fb_decision decision;
    struct hottest *h;
    bool fired = false;
    enum fb_status st = fb_pipeline_record(&x->rt, x->arena, r, &d, &decision, err);

    if (st != FB_OK)
        return st;
    x->records++;
    for (size_t i = 0; i < decision.verdict.count; i++)
        fired |= decision.verdict.terms[i].fired;
    if (x->event ? strcmp(x->event, decision.ev.id) == 0 : x->all && fired) {
        x->found = true;
        print_one(x, &decision, false);
    } else if (!x->event && !x->all && fired) {
        h = slot_of(x, fb_chain_root(&decision.chain)->identity, decision.verdict.score);
        if (h && decision.verdict.score > h->score) {
            h->score = decision.verdict.score;
            fb_buf_reset(&h->text);
            write_one(&h->text, x, &decision, false);
        }
    }
    return FB_OK;
}

static void on_reject(void *self, const struct fb_reject *r)
{
    struct explain *x = self;

    x->rejected++;
    fb_door_say_reject(r);
}

static int by_score(const void *a, const void *b)
{
    const struct hottest *x = a, *y = b;

    return (x->score < y->score) - (x->score > y->score);
}

static int explain_paths(struct explain *x, const struct fb_options *o)
{
    struct fb_sink sink = {x, on_record, on_reject, NULL};

    for (int i = 0; i < o->arg_count; i++) {
        struct fb_err err = {0};

        if (fb_ingest_path(x->arena, o->args[i], &sink, &err) != FB_OK) {
            fb_door_say(err.text);
            return FB_EXIT_USAGE;
        }
    }
    qsort(x->roots, x->count, sizeof *x->roots, by_score);
    for (size_t i = 0; i < x->count; i++)
        (void)fwrite(x->roots[i].text.at, 1, x->roots[i].text.len, stdout);
    if (x->event && !x->found) {
        struct fb_buf line;

        fb_buf_init(&line, 4096);
        fb_buf_add(&line, "no event ");
        fb_buf_add_plain(&line, x->event, 300);
        fb_buf_fmt(&line, " among %llu records: replay --output json shows each record's event_id",
                   (unsigned long long)x->records);
        fb_door_say(line.at);
        fb_buf_release(&line);
        return FB_EXIT_USAGE;
    }
    if (!x->event && !x->found && !x->count)
        fprintf(stderr,
                "firebreak: none of %llu records raises a signal: nothing to explain (--event ID "
                "explains one all the same)\n",
                (unsigned long long)x->records);
    return x->rejected ? FB_EXIT_REJECTED : FB_EXIT_DONE;
}

/* The present score of an identity in the store: no event, so nothing fires. */
static int explain_identity(struct explain *x, const char *identity)
{
    struct fb_decision d;
    struct fb_err err = {0};

    if (!fb_door_needs_store(&x->rt, "explain IDENTITY"))
        return FB_EXIT_USAGE;
    if (fb_pipeline_standing(&x->rt, x->arena, identity, &d, &err) != FB_OK) {
        fb_door_say(err.text);
        return FB_EXIT_USAGE;
    }
    print_one(x, &d, true);
    return FB_EXIT_DONE;
}

/* An ARN, an e-mail address or an access key id. */
static bool looks_like_one(const char *text)
{
    return fb_starts(text, "arn:") || fb_starts(text, "AKIA") || fb_starts(text, "ASIA") ||
           (strchr(text, '@') && !strchr(text, '/'));
}

int fb_door_explain(const struct fb_options *o)
{
    struct fb_options fixed = *o;
    struct explain x = {.event = o->event, .all = o->all, .json = o->json};
    struct fb_arena *arena = fb_arena_new(4u << 20);
    int status = FB_EXIT_USAGE;
    bool path = strcmp(o->args[0], "-") == 0 || access(o->args[0], F_OK) == 0 || o->arg_count > 1;

    fixed.mode = "dry-run";
    if (path && !o->state) /* asking why must not mark events as seen in a live store */
        fixed.state = "memory:";
    x.arena = fb_arena_new(FB_INVOCATION_BYTES_MAX);
    x.roots = calloc(ROOTS_MAX, sizeof *x.roots);
    if (arena && x.arena && x.roots && fb_door_open(&x.rt, arena, &fixed, false, false)) {
        path = path || (!o->state && !fb_store_durable(x.rt.store) && !looks_like_one(o->args[0]));
        status = path ? explain_paths(&x, o) : explain_identity(&x, o->args[0]);
    }
    for (size_t i = 0; x.roots && i < x.count; i++) {
        free(x.roots[i].root);
        fb_buf_release(&x.roots[i].text);
    }
    free(x.roots);
    fb_runtime_close(&x.rt);
    fb_arena_free(x.arena);
    fb_arena_free(arena);
    return status;
}

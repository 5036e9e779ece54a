/* chain.c - `firebreak chain`: who stands behind an event or a credential, with the evidence of
 * each link. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/text.h"
#include "doors.h"

enum { PROOF_BYTES_MAX = 4096 };

struct chain_door {
    struct fb_runtime rt;
    struct fb_arena *arena; /* one record's */
    const char *wanted;     /* an event's id, or a credential */
    struct fb_buf record;   /* the newest record that answers to it */
    int64_t record_ms;
    bool by_event, found;
    size_t rejected;
};

/* One answer: the chain as all that was read proves it. Lives in the arena. */
struct answer {
    struct fb_event ev; /* id "" when no event is known: the credential alone */
    struct fb_chain chain;
};

/* --- what proved an edge ------------------------------------------------------------------------
 */

static enum fb_status edge_item(struct chain_door *c, struct fb_arena *a, const char *child,
                                struct fb_edge *out)
{
    struct fb_item item;
    enum fb_status st =
        fb_store_get(c->rt.store, a, fb_arena_fmt(a, "edge#%.400s", child), &item, NULL);

    return st == FB_OK ? fb_edge_read(a, item.value, item.len, out, NULL) : st;
}

static enum fb_status edge_get(void *self, struct fb_arena *a, const char *child,
                               struct fb_edge *out)
{
    return edge_item(self, a, child, out);
}

/* An edge keeps the id of the event that proved it; in which file that stands, a replay notes
 * beside it, in its own store, which ends with it. */
static void keep_proof(struct chain_door *c, const struct fb_record *r, const struct fb_decision *d)
{
    struct fb_put put = {.key = fb_arena_fmt(c->arena, "proof#%.400s", d->ev.id)};
    struct fb_edge edges[FB_EDGES_MAX];
    struct fb_buf value;
    struct fb_item item;

    if (fb_chain_edges(c->arena, &d->ev, &d->chain, edges) == 0 && d->ev.made_count == 0)
        return;
    if (fb_store_get(c->rt.store, c->arena, put.key, &item, NULL) == FB_OK)
        return; /* the event came before: its first place is as good */
    fb_buf_init_in(&value, c->arena, PROOF_BYTES_MAX);
    fb_json_open(&value, NULL, '{');
    fb_json_put_str(&value, "source", r->source);
    fb_json_put_int(&value, "line", (int64_t)r->line);
    fb_json_close(&value, '}');
    put.value = value.at;
    put.len = value.len;
    if (fb_buf_ok(&value))
        (void)fb_store_commit(c->rt.store, &put, 1, false, NULL);
}

/* --- reading ------------------------------------------------------------------------------------
 */

static enum fb_status on_record(void *self, const struct fb_record *r, struct fb_err *err)
{
    struct chain_door *c = self;
    struct fb_delivery d = {.received_ms = fb_wall_ms(&c->rt.clock),
                            .trusted = true,
                            .own_account = "",
                            .log_time = true};
    struct fb_decision decision;
    bool event;
    enum fb_status st = fb_pipeline_record(&c->rt, c->arena, r, &d, &decision, err);

    if (st != FB_OK)
        return st;
    keep_proof(c, r, &decision);
    event = strcmp(decision.ev.id, c->wanted) == 0;
    if (event || (!c->by_event && strcmp(decision.ev.who.credential, c->wanted) == 0 &&
                  (!c->found || decision.ev.time_ms >= c->record_ms))) {
        fb_buf_reset(&c->record);
        fb_buf_addn(&c->record, r->bytes, r->len);
        c->record_ms = decision.ev.time_ms;
        c->by_event = event;
        c->found = true;
    }
    return FB_OK;
}

static void on_reject(void *self, const struct fb_reject *r)
{
    ((struct chain_door *)self)->rejected++;
    fb_door_say_reject(r);
}

/* The same record once more, now that every edge is known. */
struct again {
    struct chain_door *c;
    struct answer *out;
    bool done;
};

static enum fb_status trace_again(void *self, const struct fb_record *r, struct fb_err *err)
{
    struct again *g = self;
    struct fb_edge_source source = {g->c, edge_get};
    enum fb_status st = fb_normalize(g->c->arena, r, 0, &g->out->ev, err);

    if (st == FB_OK)
        st = fb_chain_trace(g->c->arena, &g->out->ev, &source, &g->out->chain, err);
    g->done = st == FB_OK;
    return st == FB_OK ? FB_ELIMIT : st; /* ends the walk here: the arena holds the answer */
}

static bool answer_from_record(struct chain_door *c, struct answer *out)
{
    struct again g = {c, out, false};
    struct fb_sink sink = {&g, trace_again, on_reject, NULL};
    struct fb_err err = {0};

    (void)fb_ingest_bytes(c->arena, "record", FB_LAYOUT_GUESS, c->record.at, c->record.len, &sink,
                          &err);
    if (!g.done)
        fb_door_say(*err.text ? err.text : "the record could not be read again");
    return g.done;
}

/* A credential that no event used: only the edge that made it tells of it. */
static bool answer_from_edges(struct chain_door *c, struct answer *out)
{
    struct fb_edge_source source = {c, edge_get};
    struct fb_principal *who = &out->ev.who;
    struct fb_edge edge;
    struct fb_err err = {0};

    if (edge_item(c, c->arena, c->wanted, &edge) != FB_OK)
        return false;
    out->ev = fb_event_blank();
    who->kind = FB_WHO_CREDENTIAL;
    who->credential = c->wanted;
    if (fb_chain_trace(c->arena, &out->ev, &source, &out->chain, &err) == FB_OK)
        return true;
    fb_door_say(err.text);
    return false;
}

/* --- telling ------------------------------------------------------------------------------------
 */

/* What leads from hop i to hop i + 1. */
struct link {
    bool edge;          /* kept from another event; else the event itself says it */
    int64_t made_ms;    /* 0 unknown */
    const char *event;  /* "" unknown */
    const char *source; /* file of that event; "" unknown */
    int64_t line;
};

static struct link place_of(struct chain_door *c, const struct fb_link *proof)
{
    struct link l = {true, proof->at_ms, proof->event, "", 0};
    const struct fb_json *doc;
    struct fb_item item;
    unsigned odd;

    if (fb_store_get(c->rt.store, c->arena, fb_arena_fmt(c->arena, "proof#%.400s", l.event), &item,
                     NULL) == FB_OK &&
        fb_json_parse(c->arena, item.value, item.len, &odd, &doc, NULL) == FB_OK) {
        l.source = fb_json_get_str(doc, "source");
        (void)fb_json_int(fb_json_get(doc, "line"), &l.line);
    }
    return l;
}

static struct link link_of(struct chain_door *c, const struct answer *ans, size_t i)
{
    const struct fb_link *proof = &ans->chain.links[i];

    if (!proof->event || (!*proof->event && !proof->at_ms))
        return (struct link){false, ans->ev.time_ms, ans->ev.id, "", 0};
    return place_of(c, proof);
}

static void add_time(struct fb_buf *b, int64_t ms)
{
    char when[FB_TIME_MAX];

    if (ms)
        fb_buf_fmt(b, "%.19sZ", fb_time_iso(ms, when));
    else
        fb_buf_add(b, "a time that is not known");
}

static void text_link(struct fb_buf *b, const struct fb_hop *hop, const struct fb_hop *parent,
                      const struct link *l)
{
    fb_buf_add(b, "       <- ");
    fb_buf_add_plain(b, *hop->via ? hop->via : "named by the event", 60);
    fb_buf_add(b, parent->sure ? ", sure" : ", inferred");
    if (l->edge)
        fb_buf_add(b, *l->event ? ": event " : ": kept in the store");
    else
        fb_buf_add(b, *l->event ? ": said by event " : "");
    fb_buf_add_plain(b, l->event, 100);
    if (l->made_ms) {
        fb_buf_add(b, *l->event ? " of " : ", made ");
        add_time(b, l->made_ms);
    }
    fb_buf_addc(b, '\n');
    if (*l->source) {
        fb_buf_add(b, "          in ");
        fb_buf_add_plain(b, l->source, 300);
        if (l->line)
            fb_buf_fmt(b, ":%lld", (long long)l->line);
        fb_buf_addc(b, '\n');
    }
}

static void text_head(struct fb_buf *b, const struct chain_door *c, const struct answer *ans)
{
    fb_buf_add(b, c->by_event ? "event " : "credential ");
    fb_buf_add_plain(b, c->wanted, 200);
    if (c->found) {
        fb_buf_add(b, c->by_event ? "  " : ", last used ");
        add_time(b, ans->ev.time_ms);
        fb_buf_add(b, "  ");
        fb_buf_add_plain(b, ans->ev.service, 40);
        fb_buf_addc(b, ':');
        fb_buf_add_plain(b, ans->ev.action, 60);
        fb_buf_addc(b, ' ');
        fb_buf_add_plain(b, ans->ev.region, 40);
    } else {
        fb_buf_add(b, ", no use of it was seen");
    }
    fb_buf_add(b, "\n\n");
}

/* Whom the walk does not accuse, but a person should know of. */
static void text_beside(struct fb_buf *b, struct chain_door *c, const struct fb_chain *chain)
{
    if (chain->suspect.identity) {
        struct link l = place_of(c, &chain->suspect_link);

        fb_buf_add(b, "\n  besides:         ");
        fb_buf_add_plain(b, chain->suspect.identity, 300);
        fb_buf_addc(b, '\n');
        text_link(b, &chain->suspect, &chain->suspect, &l);
    }
    if (!fb_chain_has_group(chain) || !chain->group_open)
        return;
    fb_buf_add(b, "\nA service acts for the group ");
    fb_buf_add_plain(b, chain->group, 200);
    if (chain->group_by.identity) {
        fb_buf_add(b, ", which ");
        fb_buf_add_plain(b, chain->group_by.identity, 300);
        fb_buf_add(b, " made or grew more than a day before.\n");
    } else {
        fb_buf_add(b, "; who made or grew it was not seen.\n");
    }
}

static void text(struct fb_buf *b, struct chain_door *c, const struct answer *ans)
{
    const struct fb_chain *chain = &ans->chain;

    text_head(b, c, ans);
    for (size_t i = 0; i < chain->count; i++) {
        const struct fb_hop *hop = &chain->hops[i];

        fb_buf_fmt(b, "  %2zu  %-12s ", i + 1, fb_hop_kind_name(hop->kind));
        fb_buf_add_plain(b, hop->identity, 300);
        fb_buf_add(b, i + 1 == chain->count ? "  (root)\n" : "\n");
        if (*hop->credential) {
            fb_buf_add(b, "                   credential ");
            fb_buf_add_plain(b, hop->credential, 128);
            if (hop->since_ms) {
                fb_buf_add(b, " since ");
                add_time(b, hop->since_ms);
            }
            fb_buf_addc(b, '\n');
        }
        if (i + 1 < chain->count) {
            struct link l = link_of(c, ans, i);

            text_link(b, hop, &chain->hops[i + 1], &l);
        }
    }
    text_beside(b, c, chain);
    if (chain->partial)
        fb_buf_add(b,
                   "\nWhat made the last of them was not seen: the root may lie further back.\n");
    if (chain->looped)
        fb_buf_add(b, "\nThe chain came back to itself, or is too long: it is cut here.\n");
}

static void json_time(struct fb_buf *b, const char *key, int64_t ms)
{
    char when[FB_TIME_MAX];

    fb_json_put_str(b, key, ms ? fb_time_iso(ms, when) : NULL);
}

static void json_link(struct fb_buf *b, const struct fb_hop *hop, const struct fb_hop *parent,
                      const struct link *l)
{
    fb_json_open(b, "link", '{');
    fb_json_put_str(b, "via", *hop->via ? hop->via : "event");
    fb_json_put_bool(b, "sure", parent->sure);
    fb_json_put_str(b, "evidence", l->edge ? "edge" : "event");
    fb_json_put_str(b, "event_id", *l->event ? l->event : NULL);
    json_time(b, "time", l->made_ms);
    if (*l->source) {
        fb_json_put_str(b, "source", l->source);
        fb_json_put_int(b, "line", l->line);
    }
    fb_json_close(b, '}');
}

static void json_beside(struct fb_buf *b, struct chain_door *c, const struct fb_chain *chain)
{
    if (chain->suspect.identity) {
        struct link l = place_of(c, &chain->suspect_link);

        fb_json_open(b, "suspect", '{');
        fb_json_put_str(b, "kind", fb_hop_kind_name(chain->suspect.kind));
        fb_json_put_str(b, "identity", chain->suspect.identity);
        json_link(b, &chain->suspect, &chain->suspect, &l);
        fb_json_close(b, '}');
    }
    if (fb_chain_has_group(chain)) {
        fb_json_open(b, "group", '{');
        fb_json_put_str(b, "name", chain->group);
        json_time(b, "made", chain->group_made_ms);
        fb_json_put_str(b, "by", chain->group_by.identity);
        fb_json_put_bool(b, "answers", !chain->group_open);
        fb_json_close(b, '}');
    }
}

static void json(struct fb_buf *b, struct chain_door *c, const struct answer *ans)
{
    const struct fb_chain *chain = &ans->chain;

    fb_json_open(b, NULL, '{');
    fb_json_put_str(b, "of", c->by_event ? "event" : "credential");
    fb_json_put_str(b, "id", c->wanted);
    fb_json_put_str(b, "event_id", *ans->ev.id ? ans->ev.id : NULL);
    json_time(b, "time", ans->ev.time_ms);
    fb_json_put_str(b, "root", fb_chain_root(chain)->identity);
    fb_json_put_bool(b, "partial", chain->partial);
    fb_json_put_bool(b, "looped", chain->looped);
    fb_json_open(b, "hops", '[');
    for (size_t i = 0; i < chain->count; i++) {
        const struct fb_hop *hop = &chain->hops[i];

        fb_json_open(b, NULL, '{');
        fb_json_put_str(b, "kind", fb_hop_kind_name(hop->kind));
        fb_json_put_str(b, "identity", hop->identity);
        fb_json_put_str(b, "account", hop->account);
        fb_json_put_str(b, "credential", *hop->credential ? hop->credential : NULL);
        json_time(b, "since", hop->since_ms);
        fb_json_put_bool(b, "sure", hop->sure);
        if (i + 1 < chain->count) {
            struct link l = link_of(c, ans, i);

            json_link(b, hop, &chain->hops[i + 1], &l);
        }
        fb_json_close(b, '}');
    }
    fb_json_close(b, ']');
    json_beside(b, c, chain);
    fb_json_close(b, '}');
    fb_buf_addc(b, '\n');
}

/* --- the door -----------------------------------------------------------------------------------
 */

static int tell(struct chain_door *c, bool as_json, bool from_log)
{
    struct answer *ans = calloc(1, sizeof *ans);
    struct fb_buf b;
    bool ok = false;

    if (!ans)
        return FB_EXIT_USAGE;
    fb_arena_reset(c->arena);
    if (c->found ? answer_from_record(c, ans) : answer_from_edges(c, ans)) {
        fb_buf_init(&b, 1u << 20);
        if (as_json)
            json(&b, c, ans);
        else
            text(&b, c, ans);
        ok = fb_buf_ok(&b) && fwrite(b.at, 1, b.len, stdout) == b.len && fflush(stdout) == 0;
        fb_buf_release(&b);
    } else if (!c->found) {
        fb_buf_init(&b, 8192);
        fb_buf_fmt(&b, "no event or credential %.200s %s", c->wanted,
                   from_log ? "in this input"
                            : "in this store, which keeps credentials and no events: for an event "
                              "name the log too");
        fb_door_say(b.at);
        fb_buf_release(&b);
    }
    free(ans);
    return !ok ? FB_EXIT_USAGE : c->rejected ? FB_EXIT_REJECTED : FB_EXIT_DONE;
}

static bool walk(struct chain_door *c, const struct fb_options *o)
{
    struct fb_sink sink = {c, on_record, on_reject, NULL};

    for (int i = 1; i < o->arg_count; i++) {
        struct fb_err err = {0};

        if (fb_ingest_path(c->arena, o->args[i], &sink, &err) != FB_OK) {
            fb_door_say(err.text);
            return false;
        }
    }
    return true;
}

int fb_door_chain(const struct fb_options *o)
{
    struct fb_options fixed = *o;
    struct chain_door c = {.wanted = o->args[0]};
    struct fb_arena *arena = fb_arena_new(4u << 20);
    bool from_log = o->arg_count > 1;
    int status = FB_EXIT_USAGE;

    if (from_log && o->state) {
        fb_door_say("chain reads either a log (PATH) or a store (--state), not both at once");
        fb_arena_free(arena);
        return FB_EXIT_USAGE;
    }
    fixed.mode = "dry-run";
    if (from_log)
        fixed.state = "memory:"; /* what a log proves is no news for the live store here */
    c.arena = fb_arena_new(FB_INVOCATION_BYTES_MAX);
    fb_buf_init(&c.record, FB_RECORD_BYTES_MAX + 1);
    if (arena && c.arena &&
        (from_log ? fb_door_open(&c.rt, arena, &fixed, false, false)
                  : fb_door_open_kept(&c.rt, arena, &fixed, false, false, "chain"))) {
        c.rt.log.least = FB_LOG_ERROR; /* nobody is to be told of old incidents again */
        if (walk(&c, o))
            status = tell(&c, o->json, from_log);
    }
    fb_buf_release(&c.record);
    fb_runtime_close(&c.rt);
    fb_arena_free(c.arena);
    fb_arena_free(arena);
    return status;
}

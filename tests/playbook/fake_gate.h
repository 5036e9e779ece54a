/* fake_gate.h - a gate in a table: what was asked in which batch, and what is answered. */
#ifndef FAKE_GATE_H
#define FAKE_GATE_H
#include "support/fb_test.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/text.h"
#include "base/val.h"
#include "playbook/gate.h"
#include "playbook/host.h"

enum { FAKE_ASKS_MAX = 8000 };

/* What an ask matching verb and word (in its arguments as JSON; NULL any) is answered with. */
struct fake_rule {
    enum fb_verb_id verb; /* FB_VERB_COUNT: any verb */
    const char *word;
    enum fb_result_status status;
    bool incomplete;
    const char *why;
    const char *json; /* a fact's value */
};

struct fake_ask {
    enum fb_verb_id verb;
    size_t batch;
    int line;
    char json[600]; /* arguments */
    char why[240];
};

struct fake_gate {
    const struct fake_rule *rules; /* ends with a NULL why */
    struct fake_ask asks[FAKE_ASKS_MAX];
    size_t count, batches;
    void (*on_batch)(struct fake_gate *g);
};

static inline struct fb_val *fake_value(struct fb_arena *a, const char *json)
{
    const struct fb_json *doc = NULL;
    struct fb_err err = {0};
    unsigned odd = 0;

    if (fb_json_parse(a, json, strlen(json), &odd, &doc, &err) != FB_OK)
        return NULL; /* in an out-of-memory test the arena may be full */
    return fb_val_from_json(a, doc);
}

static inline void fake_answer(struct fake_gate *g, struct fb_arena *a, const struct fake_ask *ask,
                               struct fb_answer *out)
{
    out->ok = true;
    out->complete = true;
    out->status = FB_RESULT_DONE;
    out->why = "";
    out->id = fb_verb(ask->verb)->cls == FB_FACT ? "" : "act-1";
    for (const struct fake_rule *r = g->rules; r && r->why; r++) {
        if (r->verb != FB_VERB_COUNT && r->verb != ask->verb)
            continue;
        if (r->word && !strstr(ask->json, r->word))
            continue;
        out->status = r->status;
        out->why = r->why;
        out->complete = !r->incomplete;
        out->ok = r->status <= FB_RESULT_PENDING && !r->incomplete;
        out->value = r->json ? fake_value(a, r->json) : NULL;
        return;
    }
}

static inline void fake_ask_batch(void *self, struct fb_arena *a, const struct fb_ask *asks,
                                  size_t n, struct fb_answer *answers)
{
    struct fake_gate *g = self;

    g->batches++;
    for (size_t i = 0; i < n; i++) {
        struct fake_ask *ask = &g->asks[g->count < FAKE_ASKS_MAX ? g->count++ : FAKE_ASKS_MAX - 1];
        struct fb_buf buf;

        fb_buf_init(&buf, sizeof ask->json - 1);
        fb_val_write(&buf, NULL, asks[i].args);
        ask->verb = asks[i].verb;
        ask->batch = g->batches;
        ask->line = asks[i].line;
        snprintf(ask->json, sizeof ask->json, "%s", buf.at);
        snprintf(ask->why, sizeof ask->why, "%s", asks[i].why);
        fb_buf_release(&buf);
        fake_answer(g, a, ask, &answers[i]);
    }
    if (g->on_batch)
        g->on_batch(g);
}

/* The first ask of that verb whose arguments hold `word`; NULL when there is none. */
static inline const struct fake_ask *fake_find(const struct fake_gate *g, enum fb_verb_id verb,
                                               const char *word)
{
    for (size_t i = 0; i < g->count; i++)
        if (g->asks[i].verb == verb && (!word || strstr(g->asks[i].json, word)))
            return &g->asks[i];
    return NULL;
}

static inline size_t fake_count(const struct fake_gate *g, enum fb_verb_id verb)
{
    size_t n = 0;

    for (size_t i = 0; i < g->count; i++)
        n += g->asks[i].verb == verb;
    return n;
}

/* A playbook with that body of run and every capability. */
#define FAKE_PLAYBOOK(body)                                                                        \
    "return playbook { name = \"t\", api = 1, mode = \"enforce\",\n"                               \
    " on = { cloud = \"aws\", score = { 0, 100 } },\n"                                             \
    " needs = { \"read\", \"contain\", \"halt\", \"notify\" },\n"                                  \
    " run = function(inc, fb)\n" body "\n end }\n"

static const char FAKE_INC[] =
    "{\"id\":\"inc-1\",\"cloud\":\"aws\",\"account\":\"111122223333\",\"kind\":\"leaked_key\","
    "\"score\":95.5,\"hard\":true,\"first_seen\":1700000000000,\"pass\":1,\"mode\":\"enforce\","
    "\"reasons\":[\"one\",\"two\"],"
    "\"actor\":{\"id\":\"AKIAROOT\",\"kind\":\"user_key\",\"key_id\":\"AKIAROOT\",\"user\":\"ci\","
    "\"arn\":\"arn:aws:iam::111122223333:user/ci\",\"session\":\"\"},"
    "\"signals\":[{\"rule\":\"region-fanout\",\"weight\":4.0,\"at\":1700000000000,"
    "\"region\":\"eu-west-1\",\"summary\":\"12 regions\"}]}";

struct fake_run {
    struct fake_gate gate;
    struct fb_run run;
    const struct fb_clock *clock; /* in: NULL the system's */
    int64_t deadline_ms;          /* in */
};

/* Loads `text` into a set of its own and runs it once, as playbook t. The arena is the test's. */
static inline void fake_play(struct fb_arena *a, const char *text, const struct fake_rule *rules,
                             struct fake_run *out)
{
    struct fb_clock clock = out->clock ? *out->clock : fb_clock_system();
    struct fb_gate gate = {.self = &out->gate, .ask = fake_ask_batch};
    struct fb_err err = {0};
    struct fb_playbooks *p = fb_playbooks_new(&err);

    out->gate.count = out->gate.batches = 0;
    out->gate.rules = rules;
    assert_non_null(p);
    if (fb_playbooks_add(p, "t.lua", text, strlen(text), &err) != FB_OK)
        fail_msg("t.lua does not load: %s", err.text);
    for (size_t i = 0; i < fb_playbooks_count(p); i++)
        if (fb_eq(fb_playbooks_info(p, i)->name, "t"))
            fb_playbooks_run(p, i, a, fake_value(a, FAKE_INC), 1700000100000, &gate, &clock,
                             out->deadline_ms, &out->run);
    fb_playbooks_free(p);
}

#endif

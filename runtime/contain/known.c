/* known.c - what the gate knows of the world in this pass: each fact is read once, in batches, and
 * a fact that failed for good is not asked for again while the gate lives. */
#include <string.h>

#include "base/digest.h"
#include "contain/gate_in.h"

static uint64_t hash_of(enum fb_read_kind kind, const char *region, const char *name)
{
    return fb_hash64_str(name) ^ (fb_hash64_str(region) * 31) ^ ((uint64_t)kind * 0x9e3779b9u);
}

static struct fb_known *find(struct fb_gate_run *g, enum fb_read_kind kind, const char *region,
                             const char *name)
{
    struct fb_known *k = g->known[hash_of(kind, region, name) % FB_KNOWN_BUCKETS];

    while (k && (k->kind != kind || strcmp(k->region, region) != 0 || strcmp(k->name, name) != 0))
        k = k->next;
    return k;
}

const struct fb_known *fb_know(struct fb_gate_run *g, enum fb_read_kind kind, const char *region,
                               const char *name)
{
    struct fb_known *k = find(g, kind, region, name);

    if (!k) {
        struct fb_known **at = &g->known[hash_of(kind, region, name) % FB_KNOWN_BUCKETS];

        k = FB_NEW(g->a, struct fb_known);
        if (!k)
            return NULL;
        k->kind = kind;
        k->region = fb_arena_str(g->a, region);
        k->name = fb_arena_str(g->a, name);
        k->gap = "";
        k->next = *at;
        *at = k;
    }
    if (k->have)
        return k;
    if (!k->wanted) {
        k->wanted = true;
        k->next_wanted = NULL;
        *g->wanted_end = k;
        g->wanted_end = &k->next_wanted;
        g->wanted_count++;
    }
    return NULL;
}

static const char *service_name(struct fb_gate_run *g, const struct fb_service *s, const char *id)
{
    return fb_arena_fmt(g->a, "%s/%s", s->kind, id);
}

const struct fb_known *fb_know_service(struct fb_gate_run *g, const struct fb_service *s,
                                       const char *region, const char *id)
{
    return fb_know(g, FB_READ_SERVICE, region, service_name(g, s, id));
}

void fb_known_drop(struct fb_gate_run *g, enum fb_read_kind kind, const char *region,
                   const char *name)
{
    struct fb_known *k = find(g, kind, region, name);

    if (k && !k->for_good)
        k->have = false;
}

void fb_known_pass(struct fb_gate_run *g)
{
    for (size_t i = 0; i < FB_KNOWN_BUCKETS; i++)
        for (struct fb_known *k = g->known[i]; k; k = k->next) {
            k->wanted = false;
            if (!k->for_good && (k->kind != FB_READ_WHO_AM_I || k->read.st != FB_OK))
                k->have = false;
        }
    g->wanted = NULL;
    g->wanted_end = &g->wanted;
    g->wanted_count = 0;
}

static const char *kind_words(enum fb_read_kind kind)
{
    switch (kind) {
    case FB_READ_WHO_AM_I:
        return "own identity";
    case FB_READ_REGIONS:
        return "the list of regions";
    case FB_READ_KEY_OWNER:
        return "the owner of key";
    case FB_READ_USER:
        return "user";
    case FB_READ_ROLE:
        return "role";
    case FB_READ_MACHINES:
        return "machines of";
    case FB_READ_MACHINE:
        return "machine";
    case FB_READ_SERVICE:
        return "the state of";
    }
    return "fact";
}

const char *fb_known_why(struct fb_gate_run *g, const struct fb_known *k)
{
    const char *name = k->kind == FB_READ_MACHINES ? k->region : k->name;

    return fb_arena_fmt(g->a, "could not read %s%s%s: %s", kind_words(k->kind), *name ? " " : "",
                        name, *k->read.err.text ? k->read.err.text : fb_status_name(k->read.st));
}

/* Failures that asking again in a minute would not mend. Throttles and time-outs are none: the next
 * pass asks again. (EIO reaches us after the HTTP layer's own retries.) */
static bool is_for_good(enum fb_status st)
{
    return st == FB_EUNSUPPORTED || st == FB_EDENIED || st == FB_EIO || st == FB_ELIMIT ||
           st == FB_EINPUT;
}

static bool is_answer(enum fb_status st) { return st == FB_OK || st == FB_ENOTFOUND; }

/* Notes in the report what could not be had, once; and takes the note away when it could after all.
 */
static void note_gap(struct fb_gate_run *g, struct fb_known *k)
{
    bool missing = !is_answer(k->read.st) || !k->read.complete;

    if (missing && !*k->gap) {
        k->gap = fb_known_why(g, k);
        fb_gate_gap(g, k->gap);
    } else if (!missing && *k->gap) {
        for (size_t i = 0; i < g->gap_count; i++)
            if (g->gaps[i] == k->gap) {
                memmove(&g->gaps[i], &g->gaps[i + 1], (g->gap_count - i - 1) * sizeof *g->gaps);
                g->gap_count--;
                break;
            }
        k->gap = "";
    }
}

static const char *or_empty(const char *s) { return s ? s : ""; }

static void keep(struct fb_gate_run *g, struct fb_known *k, const struct fb_read *r)
{
    k->read = *r;
    k->read.out_name = or_empty(r->out_name);
    k->read.arn = or_empty(r->arn);
    k->read.id = or_empty(r->id);
    k->read.account = or_empty(r->account);
    k->read.deny_policy = or_empty(r->deny_policy);
    k->read.revoke_policy = or_empty(r->revoke_policy);
    k->read.look.arn = or_empty(r->look.arn);
    k->read.look.kept = or_empty(r->look.kept);
    k->have = true;
    k->wanted = false;
    if (is_answer(r->st) && r->st == FB_ENOTFOUND)
        k->read.complete = true;
    k->for_good = !is_answer(r->st) && is_for_good(r->st);
    note_gap(g, k);
}

/* The machine's own share of a read of many. An id that is missing from a complete answer is gone;
 * from an incomplete one, unread. */
static void keep_machine(struct fb_gate_run *g, struct fb_known *k, const struct fb_read *r)
{
    struct fb_read own = *r;

    k->machine = NULL;
    for (size_t i = 0; i < r->machine_count; i++)
        if (fb_eq(r->machines[i].id, k->name))
            k->machine = &r->machines[i];
    if (k->machine) {
        own.st = FB_OK;
        own.complete = k->machine->protections_known;
    } else if (r->st == FB_ENOTFOUND) {
        own.st = FB_OK;
        own.complete = true;
    } else if (r->st == FB_OK && !r->complete) {
        own.st = r->err.code != FB_OK ? r->err.code : FB_EIO;
    }
    keep(g, k, &own);
}

static void fail(struct fb_gate_run *g, struct fb_known *k, enum fb_status st, const char *why)
{
    struct fb_read r = {.kind = k->kind};

    r.st = fb_err_set(&r.err, st, "%s", why);
    keep(g, k, &r);
}

struct fetch {
    struct fb_read *reads;
    struct fb_known **of;    /* the one fact of a read; NULL: machines */
    struct fb_known ***many; /* the machines of a read */
    size_t count;
};

/* A machine joins the open read of its region, or opens one. */
static bool add_machine(struct fb_gate_run *g, struct fetch *f, struct fb_known *k)
{
    struct fb_read *r = NULL;
    size_t at = 0;

    for (size_t i = f->count; i-- > 0 && !r;)
        if (!f->of[i] && fb_eq(f->reads[i].region, k->region) &&
            f->reads[i].id_count < FB_MACHINES_A_READ) {
            r = &f->reads[i];
            at = i;
        }
    if (!r) {
        at = f->count;
        r = &f->reads[at];
        *r = (struct fb_read){.kind = FB_READ_MACHINE, .region = k->region, .name = ""};
        r->ids = FB_NEW_ARRAY(g->a, FB_MACHINES_A_READ, const char *);
        f->of[at] = NULL;
        f->many[at] = FB_NEW_ARRAY(g->a, FB_MACHINES_A_READ, struct fb_known *);
        if (!r->ids || !f->many[at])
            return false;
        f->count++;
    }
    ((const char **)r->ids)[r->id_count] = k->name;
    f->many[at][r->id_count++] = k;
    return true;
}

static bool add(struct fb_gate_run *g, struct fetch *f, struct fb_known *k)
{
    if (k->kind == FB_READ_MACHINE)
        return add_machine(g, f, k);
    f->reads[f->count] = (struct fb_read){.kind = k->kind, .region = k->region, .name = k->name};
    if (k->kind == FB_READ_SERVICE) {
        size_t cut = strcspn(k->name, "/");

        f->reads[f->count].service = fb_service_of(fb_arena_strn(g->a, k->name, cut));
        f->reads[f->count].name = k->name + cut + 1;
    }
    f->of[f->count++] = k;
    return true;
}

bool fb_known_fetch(struct fb_gate_run *g)
{
    struct fb_known *k = g->wanted, *next;
    size_t n = g->wanted_count;
    struct fetch f = {.reads = FB_NEW_ARRAY(g->a, n + 1, struct fb_read),
                      .of = FB_NEW_ARRAY(g->a, n + 1, struct fb_known *),
                      .many = FB_NEW_ARRAY(g->a, n + 1, struct fb_known **)};
    bool late = fb_gate_late(g);

    if (!k)
        return false;
    g->wanted = NULL;
    g->wanted_end = &g->wanted;
    g->wanted_count = 0;
    for (; k; k = next) {
        next = k->next_wanted;
        if (late)
            fail(g, k, FB_ETIMEOUT, "out of time; read in the next pass");
        else if (!f.reads || !f.of || !f.many || !add(g, &f, k))
            fail(g, k, FB_ELIMIT, "no memory left in this invocation");
    }
    if (f.count)
        g->set.world.read(g->set.world.self, g->a, f.reads, f.count, g->set.deadline_mono_ms);
    for (size_t i = 0; i < f.count; i++) {
        if (f.of[i])
            keep(g, f.of[i], &f.reads[i]);
        for (size_t m = 0; !f.of[i] && m < f.reads[i].id_count; m++)
            keep_machine(g, f.many[i][m], &f.reads[i]);
    }
    return true;
}

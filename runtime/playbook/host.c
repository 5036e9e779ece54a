/* host.c - the set of playbooks: loading, matching, and one bounded run. */
#include "playbook/host.h"

#include <dirent.h>
#include <errno.h>
#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/text.h"
#include "playbook/api.h"
#include "playbook/builtin.h"
#include "playbook/header.h"
#include "playbook/marshal.h"
#include "playbook/sandbox.h"
#include "playbook/tasks.h"
#include "playbook/vm.h"

enum { PLAYBOOKS_MAX = 256, HEADER_BYTES_MAX = 64 << 10, FOLDER_FILES_MAX = 1024 };

/* One loaded playbook; it lies in its own arena. */
struct loaded {
    struct fb_arena *arena;
    struct fb_playbook_info info;
    const char *const *replaces;
    const char *chunk; /* what messages call the source */
    const char *text;
    size_t len;
};

struct fb_playbooks {
    struct loaded *items[PLAYBOOKS_MAX]; /* in order of name */
    size_t count;
};

const char *fb_run_name(enum fb_outcome_kind k)
{
    static const char *const NAMES[] = {"retry", "waiting", "needs_person", "contained", "closed"};

    return (unsigned)k < sizeof NAMES / sizeof *NAMES ? NAMES[k] : "retry";
}

/* Puts it in its place; a playbook of the same name goes. */
static enum fb_status put(struct fb_playbooks *p, struct loaded *one, struct fb_err *err)
{
    size_t i = 0;

    while (i < p->count && strcmp(p->items[i]->info.name, one->info.name) < 0)
        i++;
    if (i < p->count && fb_eq(p->items[i]->info.name, one->info.name)) {
        fb_arena_free(p->items[i]->arena);
        p->items[i] = one;
        return FB_OK;
    }
    if (p->count == PLAYBOOKS_MAX)
        return fb_err_set(err, FB_ELIMIT, "%s: more than %d playbooks", one->chunk, PLAYBOOKS_MAX);
    memmove(&p->items[i + 1], &p->items[i], (p->count - i) * sizeof *p->items);
    p->items[i] = one;
    p->count++;
    return FB_OK;
}

static int load_main(lua_State *L)
{
    fb_header_load(L, lua_touserdata(L, 1));
    return 0;
}

/* Reads the header in a state of its own, which is gone afterwards. */
static enum fb_status read_info(struct loaded *one, struct fb_err *err)
{
    struct fb_clock clock = fb_clock_system(); /* only to stop a file that never ends */
    struct fb_header header = {
        .arena = one->arena, .chunk = one->chunk, .text = one->text, .len = one->len};
    enum fb_status st = FB_OK;
    const char *why = "";
    struct fb_vm vm;

    if (!fb_vm_open(&vm, &clock, 0))
        return fb_err_set(err, FB_ELIMIT, "%s: no memory", one->chunk);
    if (!fb_vm_enter(&vm, load_main, &header, one->arena, &why))
        st = vm.dead == FB_VM_MEMORY ? FB_ELIMIT : FB_EINPUT;
    one->info = header.info;
    one->replaces = header.replaces;
    fb_vm_close(&vm);
    if (st == FB_OK && fb_arena_failed(one->arena))
        return fb_err_set(err, FB_ELIMIT, "%s: the header is too large", one->chunk);
    if (st != FB_OK && !fb_starts(why, one->chunk) && !strstr(why, ".lua:"))
        return fb_err_set(err, st, "%s: %s", one->chunk, why);
    return st == FB_OK ? FB_OK : fb_err_set(err, st, "%s", why);
}

static enum fb_status add(struct fb_playbooks *p, const char *source_name, const char *text,
                          size_t len, bool builtin, struct fb_err *err)
{
    struct fb_arena *arena;
    struct loaded *one;
    enum fb_status st;
    char *copy;

    if (len > FB_PLAYBOOK_SOURCE_MAX)
        return fb_err_set(err, FB_EINPUT, "%s: %zu bytes; a playbook has at most %d", source_name,
                          len, FB_PLAYBOOK_SOURCE_MAX);
    if (len > 0 && text[0] == '\x1b')
        return fb_err_set(err, FB_EINPUT, "%s: compiled Lua is refused: give the source text",
                          source_name);
    arena = fb_arena_new(len + HEADER_BYTES_MAX);
    one = arena ? FB_NEW(arena, struct loaded) : NULL;
    copy = one ? fb_arena_alloc(arena, len + 1) : NULL;
    if (!copy) {
        fb_arena_free(arena);
        return fb_err_set(err, FB_ELIMIT, "%s: no memory", source_name);
    }
    memcpy(copy, text, len);
    *one = (struct loaded){.arena = arena, .text = copy, .len = len};
    one->chunk = fb_arena_str(arena, source_name);
    st = read_info(one, err);
    if (st == FB_OK) {
        one->info.source = builtin ? "built-in" : one->chunk;
        st = put(p, one, err);
    }
    if (st != FB_OK)
        fb_arena_free(arena);
    return st;
}

struct fb_playbooks *fb_playbooks_new(struct fb_err *err)
{
    struct fb_playbooks *p = calloc(1, sizeof *p);

    if (!p) {
        fb_err_set(err, FB_ELIMIT, "no memory for playbooks");
        return NULL;
    }
    for (size_t i = 0; i < FB_BUILTIN_COUNT; i++) {
        const struct fb_builtin *b = &FB_BUILTINS[i];

        if (add(p, b->file, b->text, b->len, true, err) != FB_OK) {
            fb_playbooks_free(p);
            return NULL;
        }
    }
    return p;
}

void fb_playbooks_free(struct fb_playbooks *p)
{
    for (size_t i = 0; p && i < p->count; i++)
        fb_arena_free(p->items[i]->arena);
    free(p);
}

enum fb_status fb_playbooks_add(struct fb_playbooks *p, const char *source_name, const char *text,
                                size_t len, struct fb_err *err)
{
    return add(p, source_name, text, len, false, err);
}

/* Reads a whole file into buf, one byte more than a playbook may have at most. */
static enum fb_status read_file(const char *path, struct fb_buf *buf, struct fb_err *err)
{
    char piece[4096];
    FILE *f = fopen(path, "rb");
    size_t n;
    int failed;

    if (!f)
        return fb_err_set(err, FB_EIO, "%s: cannot be read: %s", path, strerror(errno));
    while (fb_buf_ok(buf) && (n = fread(piece, 1, sizeof piece, f)) > 0)
        fb_buf_addn(buf, piece, n);
    failed = ferror(f);
    fclose(f);
    if (failed)
        return fb_err_set(err, FB_EIO, "%s: cannot be read", path);
    if (!fb_buf_ok(buf))
        return fb_err_set(err, FB_EINPUT, "%s: a playbook has at most %d bytes", path,
                          FB_PLAYBOOK_SOURCE_MAX);
    return FB_OK;
}

static enum fb_status add_file(struct fb_playbooks *p, const char *dir, const char *name,
                               struct fb_err *err)
{
    enum fb_status st;
    struct fb_buf path, text;

    fb_buf_init(&path, 4096);
    fb_buf_init(&text, FB_PLAYBOOK_SOURCE_MAX + 1);
    fb_buf_add(&path, dir);
    fb_buf_add(&path, fb_ends(dir, "/") ? "" : "/");
    fb_buf_add(&path, name);
    st = fb_buf_ok(&path) ? read_file(path.at, &text, err)
                          : fb_err_set(err, FB_ECONFIG, "%s: the path is too long", name);
    if (st == FB_OK)
        st = add(p, path.at, text.at, text.len, false, err);
    fb_buf_release(&text);
    fb_buf_release(&path);
    return st;
}

static int is_playbook(const struct dirent *e)
{
    return fb_ends(e->d_name, ".lua") && !fb_ends(e->d_name, ".test.lua") && e->d_name[0] != '.';
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

enum fb_status fb_playbooks_add_dir(struct fb_playbooks *p, const char *dir, struct fb_err *err)
{
    struct dirent **entries = NULL;
    enum fb_status st = FB_OK;
    int n = scandir(dir, &entries, is_playbook, by_name);

    if (n < 0)
        return fb_err_set(err, FB_ECONFIG, "%s: cannot be read: %s", dir, strerror(errno));
    for (int i = 0; i < n; i++) {
        struct fb_err one = {0};
        enum fb_status this_st =
            i < FOLDER_FILES_MAX
                ? add_file(p, dir, entries[i]->d_name, &one)
                : fb_err_set(&one, FB_ELIMIT, "%s: more than %d playbooks", dir, FOLDER_FILES_MAX);

        if (st == FB_OK && this_st != FB_OK) {
            st = this_st;
            if (err)
                *err = one;
        }
        free(entries[i]);
    }
    free(entries);
    return st;
}

size_t fb_playbooks_count(const struct fb_playbooks *p) { return p->count; }

const struct fb_playbook_info *fb_playbooks_info(const struct fb_playbooks *p, size_t i)
{
    return &p->items[i]->info;
}

static bool is_replaced(const struct fb_playbooks *p, const char *name)
{
    for (size_t i = 0; i < p->count; i++)
        for (const char *const *r = p->items[i]->replaces; r && *r; r++)
            if (fb_eq(*r, name) && !fb_eq(p->items[i]->info.name, name))
                return true;
    return false;
}

/* A whole number as upper bound includes its fractions: 79.6 is in { 50, 79 }, since no other
 * playbook's { 80, 100 } would take it. */
static bool in_score(const struct fb_playbook_info *info, double score)
{
    double high = floor(info->score_high) == info->score_high ? info->score_high + 1
                                                              : nextafter(info->score_high, 200);

    return score >= info->score_low && score < high;
}

bool fb_playbooks_match(const struct fb_playbooks *p, size_t i, const char *cloud,
                        const char *const *kinds, size_t kind_count, double score)
{
    const struct fb_playbook_info *info = &p->items[i]->info;
    bool kind = !info->kinds || !*info->kinds;

    for (const char *const *k = info->kinds; !kind && *k; k++)
        for (size_t j = 0; !kind && j < kind_count; j++)
            kind = fb_eq(*k, kinds[j]);
    return kind && in_score(info, score) &&
           (fb_eq(info->cloud, "any") || fb_eq(info->cloud, cloud)) && !is_replaced(p, info->name);
}

/* One run, as run_main sees it. */
struct job {
    const struct loaded *playbook;
    const struct fb_val *inc;
    struct fb_scheduler scheduler;
    enum fb_outcome_kind kind; /* what run returned */
    const char *why;
};

/* inc.name: a field that this incident lacks is nil; a name that no incident has is a typo. The
 * upvalue is the table behind the view. */
static int inc_index(lua_State *L)
{
    static const char *const NAMES[] = {"id",   "cloud",   "account",    "kind",      "score",
                                        "hard", "reasons", "first_seen", "last_seen", "pass",
                                        "mode", "actor",   "signals"};

    lua_settop(L, 2);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL || lua_type(L, 2) != LUA_TSTRING)
        return 1;
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        if (fb_eq(lua_tostring(L, 2), NAMES[i]))
            return 1;
    lua_pushvalue(L, lua_upvalueindex(1));
    return fb_lua_unknown(L, "inc", lua_tostring(L, 2), -1);
}

static void push_inc(lua_State *L, const struct fb_val *inc)
{
    if (inc && inc->kind == FB_VAL_MAP) {
        fb_marshal_push(L, inc, "inc");
    } else {
        fb_marshal_push_empty(L, false);
        fb_lua_readonly(L, "inc");
    }
    lua_getmetatable(L, -1);
    lua_getfield(L, -1, "__index");
    lua_pushcclosure(L, inc_index, 1);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}

static int run_main(lua_State *L)
{
    struct job *job = lua_touserdata(L, 1);
    struct fb_vm *vm = fb_vm_of(L);
    struct fb_header header = {.arena = job->scheduler.arena,
                               .chunk = job->playbook->chunk,
                               .text = job->playbook->text,
                               .len = job->playbook->len};
    const char *why;

    fb_marshal_open(L);
    fb_header_load(L, &header);
    vm->run = &job->scheduler;
    push_inc(L, job->inc);
    fb_api_push(L);
    fb_tasks_run(L, 2);
    job->kind = fb_api_outcome(L, -1, &why);
    job->why = fb_arena_str(job->scheduler.arena, why);
    return 0;
}

/* Puts the parts together in the order retry > waiting > needs_person > contained > closed: what
 * the run came to beats what the playbook returned. */
static void conclude(const struct job *job, const struct fb_vm *vm, bool finished, const char *why,
                     struct fb_run *out)
{
    const struct fb_scheduler *s = &job->scheduler;
    enum fb_outcome_kind kind = finished ? job->kind : FB_RUN_RETRY;

    if (s->needs_person && kind > FB_RUN_NEEDS_PERSON)
        kind = FB_RUN_NEEDS_PERSON;
    if (s->retry)
        kind = FB_RUN_RETRY;
    out->outcome = kind;
    out->broken = !finished && vm->dead != FB_VM_DEADLINE;
    if (!finished)
        out->why = why;
    else if (kind == FB_RUN_RETRY)
        out->why = s->retry_why;
    else if (kind == FB_RUN_CLOSED)
        out->why = job->why;
    out->asks = s->asks;
    out->done = s->statuses[FB_RESULT_DONE];
    out->already = s->statuses[FB_RESULT_ALREADY];
    out->planned = s->statuses[FB_RESULT_PLANNED];
    out->pending = s->statuses[FB_RESULT_PENDING];
    out->refused = s->statuses[FB_RESULT_REFUSED];
    out->failed = s->statuses[FB_RESULT_FAILED];
}

void fb_playbooks_run(const struct fb_playbooks *p, size_t i, struct fb_arena *a,
                      const struct fb_val *inc, int64_t now_ms, const struct fb_gate *gate,
                      const struct fb_clock *clock, int64_t deadline_mono_ms, struct fb_run *out)
{
    struct job job = {.playbook = p->items[i], .inc = inc, .kind = FB_RUN_RETRY, .why = ""};
    const char *why = "no memory for Lua";
    bool finished = false;
    struct fb_vm vm;

    *out = (struct fb_run){.outcome = FB_RUN_RETRY, .why = ""};
    job.scheduler = (struct fb_scheduler){
        .arena = a, .gate = gate, .info = &p->items[i]->info, .now_ms = now_ms, .retry_why = ""};
    if (fb_vm_open(&vm, clock, deadline_mono_ms))
        finished = fb_vm_enter(&vm, run_main, &job, a, &why);
    conclude(&job, &vm, finished, why, out);
    fb_vm_close(&vm);
}

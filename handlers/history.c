/* history.c - see history.h. */
#include "history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attribute/chain.h"
#include "base/arena.h"
#include "base/digest.h"
#include "base/text.h"
#include "doors.h"
#include "ingest/ingest.h"

enum {
    FILES_MAX = 1 << 24,
    SHARE_LEAST = 8 << 20, /* of one worker; an event must fit */
    REJECTS_SHOWN = 200,
    REASON_MAX = 512,
    PAIR_SLOTS = 1 << 16
};

enum fd_use { FD_EVENTS, FD_INDEX, FD_PAIRS, FD_REJECTS, FD_USES };

static int fd_of(const struct fb_history *h, size_t worker, enum fd_use use)
{
    return h->fds[worker * FD_USES + use];
}

/* Of an account as pieces spell it (cut when it is too long). */
static uint64_t hash_of(const char *account)
{
    return fb_hash64(account, strnlen(account, FB_ACCOUNT_MAX - 1));
}

static enum fb_status no_memory(struct fb_err *err)
{
    return fb_err_set(err, FB_ELIMIT, "memory is short");
}

/* --- the list of files --------------------------------------------------------------------------
 */

struct listing {
    struct fb_history *h;
    uint64_t rejected;
};

static enum fb_status add_file(void *self, const char *file, uint64_t bytes, struct fb_err *err)
{
    struct fb_history *h = ((struct listing *)self)->h;

    if (h->file_count == FILES_MAX)
        return fb_err_set(err, FB_ELIMIT, "more than %d files", FILES_MAX);
    if (h->file_count == h->file_cap) {
        size_t cap = h->file_cap ? h->file_cap * 2 : 256;
        char **files = realloc(h->files, cap * sizeof *files);
        uint64_t *sizes = realloc(h->sizes, cap * sizeof *sizes);

        h->files = files ? files : h->files;
        h->sizes = sizes ? sizes : h->sizes;
        if (!files || !sizes)
            return no_memory(err);
        h->file_cap = cap;
    }
    h->files[h->file_count] = strdup(file);
    if (!h->files[h->file_count])
        return no_memory(err);
    h->sizes[h->file_count++] = bytes;
    h->bytes += bytes;
    return FB_OK;
}

static void on_listed_reject(void *self, const struct fb_reject *r)
{
    ((struct listing *)self)->rejected++;
    fb_door_say_reject(r);
}

static enum fb_status list_files(struct fb_history *h, char **paths, int n, bool *whole,
                                 struct fb_err *err)
{
    struct listing l = {h, 0};
    struct fb_sink sink = {.self = &l, .reject = on_listed_reject};

    for (int i = 0; i < n; i++) {
        struct fb_err why = {0};
        enum fb_status st = fb_ingest_files(paths[i], add_file, &sink, &why);

        if (st == FB_ELIMIT) {
            *err = why;
            return st;
        }
        if (st != FB_OK) {
            fb_door_say(why.text);
            *whole = false;
        }
    }
    h->counts.rejected += l.rejected;
    return FB_OK;
}

/* --- reading, in each worker --------------------------------------------------------------------
 */

/* Two names on one island, by hash: accounts, and what may bind accounts. */
struct pair {
    uint64_t a, b;
};

struct told_reject {
    uint32_t file;
    size_t line, index;
    char reason[REASON_MAX];
};

struct reader {
    const struct fb_history *h;
    struct fb_history_counts *counts; /* shared */
    struct fb_board *board;
    struct fb_arena *arena;
    struct fb_spill *spill;
    FILE *pairs, *rejects;
    uint64_t told[PAIR_SLOTS]; /* pairs lately written, by hash */
    uint32_t file;
    uint32_t index;
    uint64_t seen; /* since the board was told */
};

static void join_hashes(struct reader *r, uint64_t a, uint64_t b)
{
    struct pair pair = {a < b ? a : b, a < b ? b : a};
    uint64_t hash;

    if (a == b)
        return;
    hash = fb_hash64(&pair, sizeof pair);
    if (r->told[hash % PAIR_SLOTS] == hash)
        return;
    r->told[hash % PAIR_SLOTS] = hash;
    (void)fwrite(&pair, sizeof pair, 1, r->pairs);
}

static void join(struct reader *r, const char *account, const char *other)
{
    if (*account && *other)
        join_hashes(r, hash_of(account), hash_of(other));
}

/* A name that may turn up in another account too: an identity, a credential. */
static void join_name(struct reader *r, const char *account, const char *name)
{
    if (*account && *name)
        join_hashes(r, hash_of(account), ~fb_hash64_str(name));
}

/* What a trace would ask the store for. */
struct asking {
    struct reader *r;
    const char *account;
};

static enum fb_status on_ask(void *self, struct fb_arena *a, const char *child, struct fb_edge *out)
{
    const struct asking *ask = self;

    (void)a;
    (void)out;
    join_name(ask->r, ask->account, child);
    return FB_ENOTFOUND;
}

/* Whether an identity of this kind belongs to no account. AWS's others say theirs. */
static bool is_stateless(const struct fb_event *ev, const struct fb_hop *hop)
{
    return ev->provider != FB_AWS || hop->kind == FB_HOP_EXTERNAL || hop->kind == FB_HOP_SSO ||
           hop->kind == FB_HOP_UNKNOWN || hop->kind == FB_HOP_CREDENTIAL;
}

/* Binds the event's account to all that its verdict may depend on elsewhere. */
static enum fb_status join_all(struct reader *r, const struct fb_event *ev, struct fb_err *err)
{
    const char *home = fb_home_account(ev);
    struct asking ask = {r, home};
    struct fb_edge_source source = {.self = &ask, .get = on_ask};
    struct fb_edge edges[FB_EDGES_MAX];
    struct fb_chain chain;
    struct fb_arn arn;
    enum fb_status st;
    size_t n;

    join(r, home, ev->who.account);
    if (fb_arn_split(r->arena, ev->mint.role_arn, &arn))
        join(r, home, arn.account);
    if (fb_starts(ev->action, "AssumeRole")) /* the same act, told by both accounts */
        join_name(r, home, ev->shared_id);
    if (fb_eq(ev->action, "GetWebIdentityToken")) /* taken in one, used in the other */
        join_name(r, home, ev->mint.credential);
    if (ev->who.kind == FB_WHO_WEB_IDENTITY || ev->who.kind == FB_WHO_ACCOUNT)
        join_name(r, home, ev->who.credential);
    st = fb_chain_trace(r->arena, ev, ev->provider == FB_AWS ? NULL : &source, &chain, err);
    if (st != FB_OK)
        return st;
    for (size_t i = 0; i < chain.count; i++) {
        if (is_stateless(ev, &chain.hops[i]))
            join_name(r, home, chain.hops[i].identity);
    }
    if (ev->provider == FB_AWS)
        return FB_OK;
    n = fb_chain_edges(r->arena, ev, &chain, edges);
    for (size_t i = 0; i < n; i++)
        join_name(r, home, edges[i].child);
    return FB_OK;
}

static enum fb_status on_record(void *self, const struct fb_record *rec, struct fb_err *err)
{
    struct reader *r = self;
    struct fb_place place = {r->file, r->index++};
    struct fb_event ev;
    enum fb_status st = fb_normalize(r->arena, rec, 0, &ev, err);

    if (st != FB_OK)
        return st;
    r->counts->records++;
    if (++r->seen == 256) {
        fb_board_add(r->board, 0, r->seen);
        r->seen = 0;
    }
    if (ev.kind == FB_EV_UNKNOWN) {
        r->counts->unknown++;
        return FB_OK;
    }
    if (ev.time_ms <= 0) {
        r->counts->timeless++;
        return FB_OK;
    }
    r->counts->kept++;
    st = join_all(r, &ev, err);
    if (st != FB_OK)
        return st;
    return fb_spill_add(r->spill, &ev, place, err);
}

static void on_reject(void *self, const struct fb_reject *reject)
{
    struct reader *r = self;
    struct told_reject told;

    memset(&told, 0, sizeof told);
    told.file = r->file;
    told.line = reject->line;
    told.index = reject->index;
    (void)snprintf(told.reason, sizeof told.reason, "%s", reject->reason);
    r->counts->rejected++;
    (void)fwrite(&told, sizeof told, 1, r->rejects);
}

static enum fb_status read_file(struct reader *r, size_t file, struct fb_err *err)
{
    struct fb_sink sink = {.self = r, .record = on_record, .reject = on_reject};
    enum fb_status st;

    r->file = (uint32_t)file;
    r->index = 0;
    st = fb_ingest_path(r->arena, r->h->files[file], &sink, err);
    if (st == FB_ENOTFOUND || st == FB_EIO) { /* it was there when the folder was listed */
        const struct fb_reject gone = {.source = r->h->files[file], .reason = err->text};

        on_reject(r, &gone);
        st = FB_OK;
    }
    fb_board_add(r->board, r->h->sizes[file], r->seen);
    r->seen = 0;
    return fb_err_ctx(err, st, "%.200s", r->h->files[file]);
}

static FILE *stream_of(int fd)
{
    int copy = dup(fd);
    FILE *f = copy >= 0 ? fdopen(copy, "w") : NULL;

    if (!f && copy >= 0)
        (void)close(copy);
    return f;
}

static size_t share_of(size_t workers)
{
    size_t share = FB_HISTORY_BYTES / workers;

    return share < SHARE_LEAST ? SHARE_LEAST : share;
}

struct reading {
    struct fb_history *h;
    struct fb_history_counts *counts; /* of each worker, shared */
};

static enum fb_status finish_reader(struct reader *r, size_t worker, struct fb_err *err)
{
    enum fb_status st = fb_spill_finish(r->spill, fd_of(r->h, worker, FD_INDEX), err);

    if (st == FB_OK && (fflush(r->pairs) != 0 || fflush(r->rejects) != 0))
        st = fb_err_set(err, FB_EIO, "write a temporary file (TMPDIR names another place)");
    return st;
}

static enum fb_status read_files(void *self, size_t worker, struct fb_board *board,
                                 struct fb_err *err)
{
    struct reading *all = self;
    const struct fb_history *h = all->h;
    struct reader *r = calloc(1, sizeof *r);
    enum fb_status st = FB_OK;
    size_t file;

    if (!r)
        return no_memory(err);
    r->h = h;
    r->counts = &all->counts[worker];
    r->board = board;
    r->arena = fb_arena_new(FB_INVOCATION_BYTES_MAX);
    r->spill = fb_spill_new(fd_of(h, worker, FD_EVENTS), share_of(h->workers));
    r->pairs = stream_of(fd_of(h, worker, FD_PAIRS));
    r->rejects = stream_of(fd_of(h, worker, FD_REJECTS));
    if (!r->arena || !r->spill || !r->pairs || !r->rejects)
        return no_memory(err); /* the process ends: nothing to give back */
    while (st == FB_OK && fb_board_take(board, h->file_count, &file))
        st = read_file(r, file, err);
    if (st == FB_OK)
        st = finish_reader(r, worker, err);
    (void)fclose(r->pairs);
    (void)fclose(r->rejects);
    fb_spill_free(r->spill);
    fb_arena_free(r->arena);
    free(r);
    return st;
}

/* --- what the workers left ----------------------------------------------------------------------
 */

static int by_place(const void *x, const void *y)
{
    const struct told_reject *a = x, *b = y;

    if (a->file != b->file)
        return a->file < b->file ? -1 : 1;
    if (a->index != b->index)
        return a->index < b->index ? -1 : 1;
    return (a->line > b->line) - (a->line < b->line);
}

/* All of a file of equal pieces, appended to *list. */
static bool slurp(int fd, size_t size, void **list, size_t *count)
{
    off_t bytes = lseek(fd, 0, SEEK_END);
    size_t n = bytes > 0 ? (size_t)bytes / size : 0;
    char *wide;

    if (n == 0)
        return true;
    wide = realloc(*list, (*count + n) * size);
    if (!wide)
        return false;
    *list = wide;
    for (size_t done = 0; done < n * size;) {
        ssize_t got = pread(fd, wide + *count * size + done, n * size - done, (off_t)done);

        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    *count += n;
    return true;
}

static enum fb_status tell_rejects(const struct fb_history *h, struct fb_err *err)
{
    void *list = NULL;
    struct told_reject *rejects;
    size_t n = 0;
    bool ok = true;

    for (size_t w = 0; w < h->workers && ok; w++)
        ok = slurp(fd_of(h, w, FD_REJECTS), sizeof *rejects, &list, &n);
    rejects = list;
    if (ok && n)
        qsort(rejects, n, sizeof *rejects, by_place);
    for (size_t i = 0; i < n && i < REJECTS_SHOWN && ok; i++) {
        const struct fb_reject r = {.source = h->files[rejects[i].file],
                                    .line = rejects[i].line,
                                    .index = rejects[i].index,
                                    .reason = rejects[i].reason};

        fb_door_say_reject(&r);
    }
    if (ok && n > REJECTS_SHOWN)
        fprintf(stderr, "firebreak: ... and %zu more rejected\n", n - REJECTS_SHOWN);
    free(list);
    return ok ? FB_OK : no_memory(err);
}

static int by_hash(const void *x, const void *y)
{
    const uint64_t *a = x, *b = y;

    return (*a > *b) - (*a < *b);
}

/* Names in sets: up[i] is another of i's set, or i itself. */
struct sets {
    uint64_t *ids; /* sorted */
    size_t *up, count;
};

static size_t leader(const struct sets *s, uint64_t hash)
{
    const uint64_t *found = bsearch(&hash, s->ids, s->count, sizeof *s->ids, by_hash);
    size_t i = found ? (size_t)(found - s->ids) : 0; /* all are in the list */

    while (s->up[i] != i) {
        s->up[i] = s->up[s->up[i]];
        i = s->up[i];
    }
    return i;
}

static enum fb_status unite_all(struct sets *s, const struct fb_history *h,
                                const struct pair *pairs, size_t n, struct fb_err *err)
{
    size_t all = h->piece_count + 2 * n;

    s->ids = malloc((all + 1) * sizeof *s->ids);
    s->up = malloc((all + 1) * sizeof *s->up);
    if (!s->ids || !s->up)
        return no_memory(err);
    for (size_t i = 0; i < h->piece_count; i++)
        s->ids[i] = hash_of(h->pieces[i].account);
    for (size_t i = 0; i < n; i++) {
        s->ids[h->piece_count + 2 * i] = pairs[i].a;
        s->ids[h->piece_count + 2 * i + 1] = pairs[i].b;
    }
    qsort(s->ids, all, sizeof *s->ids, by_hash);
    for (size_t i = 0; i < all; i++) {
        if (!s->count || s->ids[s->count - 1] != s->ids[i])
            s->ids[s->count++] = s->ids[i];
    }
    for (size_t i = 0; i < s->count; i++)
        s->up[i] = i;
    for (size_t i = 0; i < n; i++)
        s->up[leader(s, pairs[i].a)] = leader(s, pairs[i].b);
    return FB_OK;
}

/* A piece and its island's leader, to be sorted together. */
struct placed {
    struct fb_piece piece;
    size_t leader;
};

static int by_leader(const void *x, const void *y)
{
    const struct placed *a = x, *b = y;

    if (a->leader != b->leader)
        return a->leader < b->leader ? -1 : 1;
    return strcmp(a->piece.account, b->piece.account);
}

static int by_name(const void *x, const void *y)
{
    const struct fb_island *a = x, *b = y;

    return strcmp(a->name, b->name); /* no account is on two */
}

static enum fb_status fill_islands(struct fb_history *h, const struct sets *s, struct fb_err *err)
{
    struct placed *list = malloc((h->piece_count + 1) * sizeof *list);
    struct fb_island *is = NULL;

    h->islands = calloc(h->piece_count + 1, sizeof *h->islands);
    if (!list || !h->islands) {
        free(list);
        return no_memory(err);
    }
    for (size_t i = 0; i < h->piece_count; i++)
        list[i] = (struct placed){h->pieces[i], leader(s, hash_of(h->pieces[i].account))};
    if (h->piece_count)
        qsort(list, h->piece_count, sizeof *list, by_leader);
    for (size_t i = 0; i < h->piece_count; i++) {
        h->pieces[i] = list[i].piece;
        if (i == 0 || list[i].leader != list[i - 1].leader) {
            is = &h->islands[h->island_count++];
            *is = (struct fb_island){.name = h->pieces[i].account, .first = i};
        }
        is->count++;
        is->events += list[i].piece.events;
    }
    free(list);
    if (h->island_count)
        qsort(h->islands, h->island_count, sizeof *h->islands, by_name);
    return FB_OK;
}

static enum fb_status find_islands(struct fb_history *h, struct fb_err *err)
{
    void *pieces = NULL, *pairs = NULL;
    struct sets sets = {0};
    size_t n = 0;
    enum fb_status st;
    bool ok = true;

    for (size_t w = 0; w < h->workers && ok; w++) {
        size_t from = h->piece_count;

        ok = slurp(fd_of(h, w, FD_INDEX), sizeof *h->pieces, &pieces, &h->piece_count) &&
             slurp(fd_of(h, w, FD_PAIRS), sizeof(struct pair), &pairs, &n);
        h->pieces = pieces;
        for (size_t i = from; i < h->piece_count && ok; i++)
            h->pieces[i].fd = fd_of(h, w, FD_EVENTS);
    }
    st = ok ? unite_all(&sets, h, pairs, n, err) : no_memory(err);
    if (st == FB_OK)
        st = fill_islands(h, &sets, err);
    free(sets.ids);
    free(sets.up);
    free(pairs);
    return st;
}

static void add_counts(struct fb_history_counts *to, const struct fb_history_counts *more)
{
    to->records += more->records;
    to->rejected += more->rejected;
    to->unknown += more->unknown;
    to->timeless += more->timeless;
    to->kept += more->kept;
}

static enum fb_status open_files(struct fb_history *h, struct fb_err *err)
{
    h->fds = malloc(h->workers * FD_USES * sizeof *h->fds);
    if (!h->fds)
        return no_memory(err);
    for (size_t i = 0; i < h->workers * FD_USES; i++)
        h->fds[i] = -1;
    for (size_t i = 0; i < h->workers * FD_USES; i++) {
        h->fds[i] = fb_spill_file();
        if (h->fds[i] < 0)
            return fb_err_set(err, FB_EIO,
                              "cannot make a temporary file (TMPDIR names another place)");
    }
    return FB_OK;
}

enum fb_status fb_history_read(struct fb_history *h, char **paths, int path_count, size_t workers,
                               bool *paths_whole, struct fb_err *err)
{
    struct reading all = {.h = h};
    struct fb_crew crew = {.what = "reading", .workers = workers, .self = &all, .work = read_files};
    enum fb_status st;

    memset(h, 0, sizeof *h);
    *paths_whole = true;
    h->workers = workers;
    all.counts = fb_shared_new(workers * sizeof *all.counts);
    st = all.counts ? open_files(h, err) : no_memory(err);
    if (st == FB_OK)
        st = list_files(h, paths, path_count, paths_whole, err);
    crew.all = h->bytes;
    if (st == FB_OK)
        st = fb_crew_run(&crew, err);
    for (size_t w = 0; w < workers && all.counts; w++)
        add_counts(&h->counts, &all.counts[w]);
    fb_shared_free(all.counts, workers * sizeof *all.counts);
    if (st == FB_OK)
        st = tell_rejects(h, err);
    return st == FB_OK ? find_islands(h, err) : st;
}

void fb_history_release(struct fb_history *h)
{
    for (size_t i = 0; i < h->file_count; i++)
        free(h->files[i]);
    for (size_t i = 0; h->fds && i < h->workers * FD_USES; i++) {
        if (h->fds[i] >= 0)
            (void)close(h->fds[i]);
    }
    free(h->files);
    free(h->sizes);
    free(h->pieces);
    free(h->islands);
    free(h->fds);
    memset(h, 0, sizeof *h);
}

struct fb_merge *fb_history_open(const struct fb_history *h, const struct fb_island *island,
                                 struct fb_err *err)
{
    return fb_merge_new(h->pieces + island->first, island->count, share_of(h->workers), err);
}

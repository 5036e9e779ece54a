/* spill.c - see spill.h: sorted runs written by each worker, and their merge. */
#include "spill.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/digest.h"
#include "spill_in.h"

enum {
    RECORD_MAX = 16 << 20, /* packed; a record of FB_RECORD_BYTES_MAX packs into less */
    WRITE_BYTES = 256 << 10,
    LANE_BYTES = 16 << 10,
    LANES_LEAST = 16,
    ID_MAX = 256
};

int fb_spill_file(void)
{
    const char *dir = getenv("TMPDIR");
    char path[4096];
    int fd;

    dir = dir && *dir ? dir : "/tmp";
#ifdef O_TMPFILE
    fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
        return fd;
#endif
    if (snprintf(path, sizeof path, "%s/firebreak-XXXXXX", dir) >= (int)sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = mkstemp(path);
    if (fd >= 0) {
        (void)unlink(path);
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
    return fd;
}

/* --- a packed record: its length, then its bytes ------------------------------------------------
 */

/* What records are ordered by. */
struct key {
    int64_t time_ms;
    uint32_t file, index;
    uint8_t later;
    const char *id;
};

static struct key key_of(const char *record)
{
    struct fb_packed p;

    memcpy(&p, record, sizeof p);
    return (struct key){p.time_ms, p.file, p.index, p.later, record + sizeof p};
}

static int key_order(const struct key *a, const struct key *b)
{
    int order;

    if (a->time_ms != b->time_ms)
        return a->time_ms < b->time_ms ? -1 : 1;
    if (a->later != b->later)
        return a->later < b->later ? -1 : 1;
    order = strcmp(a->id, b->id);
    if (order == 0 && a->file != b->file)
        order = a->file < b->file ? -1 : 1;
    if (order == 0 && a->index != b->index)
        order = a->index < b->index ? -1 : 1;
    return order;
}

static enum fb_status write_all(int fd, const char *bytes, size_t len, uint64_t at,
                                struct fb_err *err)
{
    while (len > 0) {
        ssize_t n = pwrite(fd, bytes, len, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fb_err_set(err, FB_EIO,
                              "write a temporary file (TMPDIR names another place): %s",
                              n < 0 ? strerror(errno) : "no room");
        bytes += n;
        len -= (size_t)n;
        at += (uint64_t)n;
    }
    return FB_OK;
}

/* A file that is appended to in large pieces. */
struct writer {
    int fd;
    uint64_t at; /* of the buffer's first byte */
    size_t len;
    char *buf; /* WRITE_BYTES */
};

static enum fb_status writer_flush(struct writer *w, struct fb_err *err)
{
    enum fb_status st = write_all(w->fd, w->buf, w->len, w->at, err);

    w->at += w->len;
    w->len = 0;
    return st;
}

static enum fb_status writer_add(struct writer *w, const void *bytes, size_t len,
                                 struct fb_err *err)
{
    enum fb_status st = FB_OK;

    if (w->len + len > WRITE_BYTES)
        st = writer_flush(w, err);
    if (st != FB_OK)
        return st;
    if (len > WRITE_BYTES) {
        st = write_all(w->fd, bytes, len, w->at, err);
        w->at += len;
        return st;
    }
    memcpy(w->buf + w->len, bytes, len);
    w->len += len;
    return FB_OK;
}

static enum fb_status writer_record(struct writer *w, const char *record, uint32_t len,
                                    struct fb_err *err)
{
    enum fb_status st = writer_add(w, &len, sizeof len, err);

    return st == FB_OK ? writer_add(w, record, len, err) : st;
}

static uint64_t writer_place(const struct writer *w) { return w->at + w->len; }

/* --- writing ------------------------------------------------------------------------------------
 */

struct entry {
    const char *record; /* in the spill's bytes; its length stands before it */
    uint32_t len, account;
};

struct piece {
    uint32_t account;
    uint64_t at, len, events;
};

struct fb_spill {
    struct writer out;
    char *bytes;
    size_t len, cap;
    struct entry *entries;
    size_t entry_count, entry_cap;
    char (*accounts)[FB_ACCOUNT_MAX];
    size_t account_count, account_cap;
    uint32_t *slots; /* account index + 1 by hash; a power of two of them */
    size_t slot_count;
    struct piece *pieces;
    size_t piece_count, piece_cap;
    struct fb_buf packed;
};

struct fb_spill *fb_spill_new(int fd, size_t bytes_max)
{
    struct fb_spill *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->cap = bytes_max;
    s->slot_count = 1024;
    s->out.fd = fd;
    s->out.buf = malloc(WRITE_BYTES);
    s->bytes = malloc(s->cap);
    s->slots = calloc(s->slot_count, sizeof *s->slots);
    fb_buf_init(&s->packed, RECORD_MAX);
    if (!s->out.buf || !s->bytes || !s->slots) {
        fb_spill_free(s);
        return NULL;
    }
    return s;
}

void fb_spill_free(struct fb_spill *s)
{
    if (!s)
        return;
    fb_buf_release(&s->packed);
    free(s->out.buf);
    free(s->bytes);
    free(s->entries);
    free(s->accounts);
    free(s->slots);
    free(s->pieces);
    free(s);
}

/* The array with room for one more element of `size` bytes, moved or not; NULL when memory is short
 * (the old one is good then). */
static void *grown(void *at, size_t count, size_t *cap, size_t size)
{
    size_t wide = *cap ? *cap * 2 : 256;
    void *moved;

    if (count < *cap)
        return at;
    moved = realloc(at, wide * size);
    if (moved)
        *cap = wide;
    return moved;
}

static bool more_slots(struct fb_spill *s)
{
    size_t wide = s->slot_count * 2;
    uint32_t *slots = calloc(wide, sizeof *slots);

    if (!slots)
        return false;
    for (size_t i = 0; i < s->account_count; i++) {
        size_t at = fb_hash64_str(s->accounts[i]) & (wide - 1);

        while (slots[at])
            at = (at + 1) & (wide - 1);
        slots[at] = (uint32_t)i + 1;
    }
    free(s->slots);
    s->slots = slots;
    s->slot_count = wide;
    return true;
}

/* The number of an account; UINT32_MAX when memory is short. */
static uint32_t account_number(struct fb_spill *s, const char *name)
{
    char cut[FB_ACCOUNT_MAX];
    void *room;
    size_t at;

    (void)snprintf(cut, sizeof cut, "%s", name);
    if (s->account_count * 2 >= s->slot_count && !more_slots(s))
        return UINT32_MAX;
    for (at = fb_hash64_str(cut) & (s->slot_count - 1); s->slots[at];
         at = (at + 1) & (s->slot_count - 1)) {
        if (strcmp(s->accounts[s->slots[at] - 1], cut) == 0)
            return s->slots[at] - 1;
    }
    room = grown(s->accounts, s->account_count, &s->account_cap, sizeof *s->accounts);
    if (!room)
        return UINT32_MAX;
    s->accounts = room;
    memcpy(s->accounts[s->account_count], cut, sizeof cut);
    s->slots[at] = (uint32_t)++s->account_count;
    return s->slots[at] - 1;
}

static int entry_order(const void *x, const void *y)
{
    const struct entry *a = x, *b = y;
    struct key ka, kb;

    if (a->account != b->account)
        return a->account < b->account ? -1 : 1;
    ka = key_of(a->record);
    kb = key_of(b->record);
    return key_order(&ka, &kb);
}

static enum fb_status no_memory(struct fb_err *err)
{
    return fb_err_set(err, FB_ELIMIT, "memory is short");
}

/* Writes what is in memory as one run. */
static enum fb_status write_run(struct fb_spill *s, struct fb_err *err)
{
    enum fb_status st = FB_OK;
    struct piece *p = NULL;

    if (s->entry_count)
        qsort(s->entries, s->entry_count, sizeof *s->entries, entry_order);
    for (size_t i = 0; i < s->entry_count && st == FB_OK; i++) {
        const struct entry *e = &s->entries[i];

        if (!p || p->account != e->account) {
            void *room = grown(s->pieces, s->piece_count, &s->piece_cap, sizeof *s->pieces);

            if (!room)
                return no_memory(err);
            s->pieces = room;
            p = &s->pieces[s->piece_count++];
            *p = (struct piece){.account = e->account, .at = writer_place(&s->out)};
        }
        st = writer_record(&s->out, e->record, e->len, err);
        p->len = writer_place(&s->out) - p->at;
        p->events++;
    }
    s->len = s->entry_count = 0;
    return st;
}

enum fb_status fb_spill_add(struct fb_spill *s, const struct fb_event *ev, struct fb_place place,
                            struct fb_err *err)
{
    enum fb_status st = FB_OK;
    struct entry e;
    void *room;

    fb_buf_reset(&s->packed);
    fb_event_pack(&s->packed, ev, place);
    if (!fb_buf_ok(&s->packed) || s->packed.len > s->cap)
        return fb_err_set(err, FB_ELIMIT, "event %.100s is too large to put aside", ev->id);
    if (s->len + s->packed.len > s->cap)
        st = write_run(s, err);
    if (st != FB_OK)
        return st;
    e.account = account_number(s, fb_home_account(ev));
    room = grown(s->entries, s->entry_count, &s->entry_cap, sizeof *s->entries);
    s->entries = room ? room : s->entries;
    if (e.account == UINT32_MAX || !room)
        return no_memory(err);
    e.len = (uint32_t)s->packed.len;
    e.record = memcpy(s->bytes + s->len, s->packed.at, s->packed.len);
    s->len += s->packed.len;
    s->entries[s->entry_count++] = e;
    return FB_OK;
}

enum fb_status fb_spill_finish(struct fb_spill *s, int index_fd, struct fb_err *err)
{
    struct writer list = {.fd = index_fd};
    enum fb_status st = write_run(s, err);

    if (st == FB_OK)
        st = writer_flush(&s->out, err);
    list.buf = s->out.buf; /* empty now */
    for (size_t i = 0; i < s->piece_count && st == FB_OK; i++) {
        const struct piece *p = &s->pieces[i];
        struct fb_piece one = {.fd = -1, .at = p->at, .len = p->len, .events = p->events};

        memcpy(one.account, s->accounts[p->account], sizeof one.account);
        st = writer_add(&list, &one, sizeof one, err);
    }
    return st == FB_OK ? writer_flush(&list, err) : st;
}

/* --- reading ------------------------------------------------------------------------------------
 */

/* False at the end, and when the file is shorter than it was. */
static bool read_all(int fd, void *to, size_t len, uint64_t at)
{
    char *p = to;

    while (len > 0) {
        ssize_t n = pread(fd, p, len, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        p += n;
        len -= (size_t)n;
        at += (uint64_t)n;
    }
    return true;
}

bool fb_piece_read(int index_fd, uint64_t *at, struct fb_piece *out)
{
    if (!read_all(index_fd, out, sizeof *out, *at))
        return false;
    *at += sizeof *out;
    return true;
}

/* One piece being read. */
struct lane {
    struct fb_piece piece; /* what is not in buf yet */
    char *buf;
    size_t cap, len, pos;
    const char *record; /* the present one; NULL: at the end */
    uint32_t record_len;
    struct key key;
};

struct fb_merge {
    struct lane *lanes;
    size_t lane_count;
    struct lane **heap; /* the smallest key first */
    size_t heap_count;
    bool taken; /* heap[0]'s record was given out: step on first */
    int *files; /* of intermediate merges: ours to close */
    size_t file_count;
    uint64_t duplicates;
    int64_t last_ms;
    char last_id[ID_MAX];
};

/* At least `need` bytes after pos, if the piece has them. */
static bool lane_fill(struct lane *l, size_t need)
{
    size_t have = l->len - l->pos, more;

    if (have >= need)
        return true;
    memmove(l->buf, l->buf + l->pos, have);
    l->pos = 0;
    l->len = have;
    if (need > l->cap) {
        char *wide = realloc(l->buf, need);

        if (!wide)
            return false;
        l->buf = wide;
        l->cap = need;
    }
    more = l->cap - have;
    if (more > l->piece.len)
        more = (size_t)l->piece.len;
    if (have + more < need || !read_all(l->piece.fd, l->buf + have, more, l->piece.at))
        return false;
    l->piece.at += more;
    l->piece.len -= more;
    l->len += more;
    return true;
}

/* Steps to the next record; record is NULL at the end. False when the file broke. */
static bool lane_next(struct lane *l)
{
    uint32_t len;

    l->record = NULL;
    if (l->pos == l->len && l->piece.len == 0)
        return true;
    if (!lane_fill(l, sizeof len))
        return false;
    memcpy(&len, l->buf + l->pos, sizeof len);
    if (len <= sizeof(struct fb_packed) || len > RECORD_MAX || !lane_fill(l, sizeof len + len))
        return false;
    l->record = l->buf + l->pos + sizeof len;
    l->record_len = len;
    l->pos += sizeof len + len;
    l->key = key_of(l->record);
    return true;
}

static void sift_down(struct fb_merge *m, size_t i)
{
    for (;;) {
        size_t least = i;

        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < m->heap_count; child++) {
            if (key_order(&m->heap[child]->key, &m->heap[least]->key) < 0)
                least = child;
        }
        if (least == i)
            return;
        struct lane *swap = m->heap[i];

        m->heap[i] = m->heap[least];
        m->heap[least] = swap;
        i = least;
    }
}

static void close_lanes(struct fb_merge *m)
{
    for (size_t i = 0; i < m->lane_count; i++)
        free(m->lanes[i].buf);
    free(m->lanes);
    free(m->heap);
    m->lanes = NULL;
    m->heap = NULL;
    m->lane_count = m->heap_count = 0;
}

static enum fb_status broken(struct fb_err *err)
{
    return fb_err_set(err, FB_EIO, "a temporary file broke, or memory is short");
}

static enum fb_status open_lanes(struct fb_merge *m, const struct fb_piece *pieces, size_t n,
                                 size_t lane_bytes, struct fb_err *err)
{
    m->taken = false;
    m->lanes = calloc(n ? n : 1, sizeof *m->lanes);
    m->heap = calloc(n ? n : 1, sizeof *m->heap);
    if (!m->lanes || !m->heap)
        return no_memory(err);
    m->lane_count = n;
    for (size_t i = 0; i < n; i++) {
        struct lane *l = &m->lanes[i];

        l->piece = pieces[i];
        l->cap = lane_bytes;
        l->buf = malloc(lane_bytes);
        if (!l->buf || !lane_next(l))
            return broken(err);
        if (l->record)
            m->heap[m->heap_count++] = l;
    }
    for (size_t i = m->heap_count; i-- > 0;)
        sift_down(m, i);
    return FB_OK;
}

/* The lane with the next record; NULL in *out at the end. */
static enum fb_status merge_step(struct fb_merge *m, struct lane **out, struct fb_err *err)
{
    *out = NULL;
    if (m->taken) {
        m->taken = false;
        if (!lane_next(m->heap[0]))
            return broken(err);
        if (!m->heap[0]->record)
            m->heap[0] = m->heap[--m->heap_count];
        sift_down(m, 0);
    }
    if (m->heap_count) {
        *out = m->heap[0];
        m->taken = true;
    }
    return FB_OK;
}

/* Merges some pieces into one, appended to w. */
static enum fb_status merge_into(struct fb_merge *m, const struct fb_piece *pieces, size_t n,
                                 struct writer *w, struct fb_piece *out, struct fb_err *err)
{
    enum fb_status st = open_lanes(m, pieces, n, LANE_BYTES, err);
    struct lane *l = NULL;

    *out = (struct fb_piece){.fd = w->fd, .at = writer_place(w)};
    while (st == FB_OK && (st = merge_step(m, &l, err)) == FB_OK && l) {
        st = writer_record(w, l->record, l->record_len, err);
        out->events++;
    }
    out->len = writer_place(w) - out->at;
    close_lanes(m);
    return st;
}

/* As many pieces as lanes fit into memory become one each; the list shrinks in place. */
static enum fb_status reduce(struct fb_merge *m, struct fb_piece *pieces, size_t *n, size_t lanes,
                             struct fb_err *err)
{
    struct writer w = {.fd = fb_spill_file(), .buf = malloc(WRITE_BYTES)};
    int *files = realloc(m->files, (m->file_count + 1) * sizeof *files);
    enum fb_status st = FB_OK;
    size_t kept = 0;

    if (files)
        m->files = files;
    if (w.fd < 0 || !w.buf || !files) {
        if (w.fd >= 0)
            (void)close(w.fd);
        free(w.buf);
        return fb_err_set(err, FB_EIO, "make a temporary file: %s", strerror(errno));
    }
    m->files[m->file_count++] = w.fd;
    for (size_t i = 0; i < *n && st == FB_OK; i += lanes)
        st = merge_into(m, pieces + i, *n - i < lanes ? *n - i : lanes, &w, &pieces[kept++], err);
    if (st == FB_OK)
        st = writer_flush(&w, err);
    *n = kept;
    free(w.buf);
    return st;
}

struct fb_merge *fb_merge_new(const struct fb_piece *pieces, size_t n, size_t memory_max,
                              struct fb_err *err)
{
    struct fb_merge *m = calloc(1, sizeof *m);
    struct fb_piece *list = malloc((n ? n : 1) * sizeof *list);
    size_t lanes = memory_max / LANE_BYTES;
    size_t lane_bytes;
    enum fb_status st = m && list ? FB_OK : no_memory(err);

    if (st == FB_OK && n)
        memcpy(list, pieces, n * sizeof *list);
    if (lanes < LANES_LEAST)
        lanes = LANES_LEAST;
    while (st == FB_OK && n > lanes)
        st = reduce(m, list, &n, lanes, err);
    lane_bytes = n ? memory_max / n : LANE_BYTES;
    if (lane_bytes > 16 * LANE_BYTES)
        lane_bytes = 16 * LANE_BYTES;
    if (lane_bytes < LANE_BYTES)
        lane_bytes = LANE_BYTES;
    if (st == FB_OK)
        st = open_lanes(m, list, n, lane_bytes, err);
    free(list);
    if (st == FB_OK)
        return m;
    fb_merge_free(m);
    return NULL;
}

void fb_merge_free(struct fb_merge *m)
{
    if (!m)
        return;
    close_lanes(m);
    for (size_t i = 0; i < m->file_count; i++)
        (void)close(m->files[i]);
    free(m->files);
    free(m);
}

static bool is_duplicate(struct fb_merge *m, const struct lane *l)
{
    bool same = m->last_ms == l->key.time_ms && *m->last_id && strcmp(m->last_id, l->key.id) == 0;

    m->last_ms = l->key.time_ms;
    if (!same)
        (void)snprintf(m->last_id, sizeof m->last_id, "%s",
                       strlen(l->key.id) < ID_MAX ? l->key.id : "");
    return same;
}

enum fb_status fb_merge_next(struct fb_merge *m, struct fb_arena *a, struct fb_event *ev,
                             struct fb_err *err)
{
    struct fb_place place;
    struct lane *l = NULL;
    enum fb_status st;

    for (;;) {
        st = merge_step(m, &l, err);
        if (st != FB_OK)
            return st;
        if (!l)
            return FB_ENOTFOUND;
        if (!is_duplicate(m, l))
            break;
        m->duplicates++;
    }
    if (!fb_event_unpack(a, l->record, l->record_len, ev, &place))
        return broken(err);
    return FB_OK;
}

uint64_t fb_merge_duplicates(const struct fb_merge *m) { return m->duplicates; }

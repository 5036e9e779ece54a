/* step_late.c - who stands behind a deed often comes to light after it: what was held against a
 * session, a key, a group becomes its maker's then, exactly as if the maker had been known.
 *
 * park#<child>   what one credential (operation, trigger) did while the edge that begins at it was
 *                missing: a profile
 * wait#<group>#  launches of a service for a group of which nobody knows who made it, each a
 *                profile of one event: only those of the day after the making are its maker's */
#include "step.h"

#include <string.h>

#include "base/arena.h"
#include "base/digest.h"

enum {
    WAITS_MAX = 512,
    CHILDREN_MAX = 256, /* sessions below one, all levels together */
    WAIT_HOURS = 49
};

#define HOUR_MS INT64_C(3600000)

/* --- who may have stood for itself ---------------------------------------------------------------
 */

static void add_late(struct fb_step *s, struct fb_late late)
{
    if ((!*late.identity && !*late.credential) || s->late_count == FB_STEP_LATE_MAX ||
        (strcmp(late.identity, fb_step_root(s)) == 0 && late.by_name))
        return;
    for (size_t i = 0; i < s->late_count; i++) {
        if (strcmp(s->late[i].identity, late.identity) == 0 &&
            strcmp(s->late[i].credential, late.credential) == 0 &&
            s->late[i].by_name == late.by_name)
            return;
    }
    s->late[s->late_count++] = late;
}

/* Who owns a key of AWS's, its own events tell: the chain holds it. A service that hands out a
 * session does not answer for what is done with it (fb_step_hand_on). */
static bool may_be_parked(const struct fb_step *s, const struct fb_edge *e)
{
    return !*fb_chain_group_of(e->child) && e->parent.kind != FB_HOP_SERVICE &&
           strncmp(e->child, "created:", 8) != 0 &&
           (s->out->ev.provider != FB_AWS || strcmp(e->via, "key of") != 0);
}

/* Each hop on the way, what this event mints or begins, a key of which a notice told no owner, and
 * a user of whom it told the name but not the path. */
void fb_step_find_late(struct fb_step *s)
{
    const struct fb_chain *c = &s->out->chain;

    s->late_count = 0;
    for (size_t i = 0; i < s->edge_count; i++) {
        const struct fb_edge *e = &s->edges[i];

        if (may_be_parked(s, e))
            add_late(s, (struct fb_late){.identity = e->session_identity,
                                         .credential = e->child,
                                         .since_ms = e->made_ms});
    }
    for (size_t i = 0; i < c->count; i++) {
        const struct fb_hop *h = &c->hops[i];

        if (h->kind == FB_HOP_SERVICE)
            continue;
        if (i + 1 < c->count)
            add_late(s, (struct fb_late){.identity = h->identity,
                                         .credential = fb_hop_child(h),
                                         .since_ms = h->since_ms});
        if (h->kind != FB_HOP_USER_KEY || strncmp(h->credential, "AKIA", 4) != 0)
            continue;
        add_late(s, (struct fb_late){.identity = h->credential, .credential = h->credential});
        if (*h->user && *h->account)
            add_late(s, (struct fb_late){.identity = fb_arena_fmt(s->a, "arn:aws:iam::%s:user/%s",
                                                                  h->account, h->user),
                                         .credential = h->credential,
                                         .by_name = true});
    }
}

static void give(struct fb_step *s, const struct fb_profile *p)
{
    fb_profile_merge(s->after, p);
    if (s->park_after)
        fb_profile_merge(s->park_after, p);
}

/* A notice that told a user's name and key: what is under that name, if it is of this key. */
static enum fb_status merge_named(struct fb_step *s, struct fb_late *l, struct fb_err *err)
{
    struct fb_profile *late;
    uint64_t version;
    enum fb_status st =
        fb_step_load_profile(s, fb_step_key(s->a, "prof", l->identity), &late, &version, err);

    l->found = st == FB_OK && version && fb_profile_used(late, l->credential);
    if (l->found)
        give(s, late);
    return st;
}

static enum fb_status merge_parked(struct fb_step *s, struct fb_late *l, struct fb_err *err)
{
    struct fb_profile *late;
    uint64_t version;
    enum fb_status st;

    if (!*l->credential || strcmp(l->credential, s->park) == 0)
        return FB_OK; /* still open: it is where the event itself goes */
    st = fb_step_load_profile(s, fb_step_key(s->a, "park", l->credential), &late, &version, err);
    l->found = st == FB_OK && version;
    if (l->found)
        give(s, late);
    return st;
}

/* --- how deep the chain is -----------------------------------------------------------------------
 */

struct below {
    struct fb_step *s;
    const char *identity, *credential; /* whose sessions are looked for */
    size_t depth;                      /* of the chain that ends with it */
    int level;
    size_t *seen;
    struct fb_err *err;
    enum fb_status st;
};

static void note_below(struct below *b);

static bool on_child(void *self, const struct fb_edge *minted)
{
    struct below *b = self;
    struct below next = *b;

    if (strcmp(minted->child, b->credential) != 0)
        return true;
    if (++*b->seen > CHILDREN_MAX)
        return false;
    next.identity = minted->parent.identity;
    next.credential = fb_hop_child(&minted->parent);
    next.depth++;
    next.level++;
    fb_profile_note_depth(b->s->after, minted->made_ms, next.depth);
    if (b->s->park_after)
        fb_profile_note_depth(b->s->park_after, minted->made_ms, next.depth);
    note_below(&next);
    b->st = next.st;
    return b->st == FB_OK;
}

/* Sessions made of this one whose own making was told before its. Calls itself, a level a hop. */
static void note_below(struct below *b)
{
    enum fb_status st;

    if (b->level >= FB_CHAIN_HOPS_MAX)
        return;
    st = fb_step_minted(b->s, b->identity, CHILDREN_MAX, on_child, b, b->err);
    if (b->st == FB_OK)
        b->st = st;
}

static enum fb_status note_depths(struct fb_step *s, struct fb_err *err)
{
    enum fb_status st = FB_OK;

    for (size_t i = 0; i < s->edge_count && st == FB_OK; i++) {
        const struct fb_edge *e = &s->edges[i];
        size_t depth = s->out->chain.count, seen = 0;
        struct below b = {s, e->session_identity, e->child, depth, 0, &seen, err, FB_OK};

        if (!*e->session_identity)
            continue;
        if (strcmp(e->child, s->out->ev.mint.credential) == 0) {
            b.depth++; /* a session of its own; else the same one, as another account sees it */
            fb_profile_note_depth(s->after, e->made_ms, b.depth);
            if (s->park_after)
                fb_profile_note_depth(s->park_after, e->made_ms, b.depth);
        }
        note_below(&b);
        st = b.st;
    }
    return st;
}

/* --- launches that wait for their group's maker --------------------------------------------------
 */

static const char *wait_prefix(struct fb_arena *a, const char *group_key)
{
    char hex[FB_SHA256_HEX];

    return fb_arena_fmt(a, "wait#%.16s#", fb_sha256_hex(group_key, strlen(group_key), hex));
}

const char *fb_step_waiting(struct fb_arena *a, const char *group_key)
{
    return fb_arena_fmt(a, "waiting:%s", group_key);
}

struct waits {
    struct fb_step *s;
    int64_t from_ms, to_ms;
};

static bool on_wait(void *self, const struct fb_item *item)
{
    struct waits *w = self;
    struct fb_profile *p = fb_profile_new(w->s->a);

    if (!p || fb_profile_read(p, (const unsigned char *)item->value, item->len, NULL) != FB_OK)
        return p != NULL; /* a record of another version */
    if (fb_profile_last_ms(p) >= w->from_ms && fb_profile_last_ms(p) <= w->to_ms)
        give(w->s, p);
    return true;
}

static enum fb_status merge_waits(struct fb_step *s, struct fb_err *err)
{
    enum fb_status st = FB_OK;

    if (s->out->chain.group_open)
        return FB_OK;
    for (size_t i = 0; i < s->edge_count && st == FB_OK; i++) {
        const struct fb_edge *e = &s->edges[i];
        const char *key = fb_chain_group_of(e->child);
        struct waits w = {s, e->made_ms - HOUR_MS / 12, e->made_ms + 24 * HOUR_MS};

        if (*key)
            st = fb_store_list(s->rt->store, s->a, wait_prefix(s->a, key), NULL, WAITS_MAX, on_wait,
                               &w, err);
    }
    return st;
}

enum fb_status fb_step_put_wait(struct fb_step *s, struct fb_put *puts, size_t *n,
                                struct fb_err *err)
{
    const struct fb_chain *c = &s->out->chain;
    const struct fb_event seen = fb_step_seen(s);
    struct fb_chain alone = {.hops = {fb_chain_actor(s->a, &s->out->ev)}, .count = 1};
    unsigned char *bytes;
    struct fb_profile *p;
    struct fb_item item;
    const char *key;
    enum fb_status st;

    if (!c->group_open)
        return FB_OK;
    key = fb_arena_fmt(s->a, "%s%.300s", wait_prefix(s->a, c->group_key), seen.id);
    st = fb_store_get(s->rt->store, s->a, key, &item, err);
    if (st != FB_ENOTFOUND)
        return st;
    bytes = fb_arena_alloc(s->a, FB_PROFILE_BYTES_MAX);
    p = fb_profile_new(s->a);
    if (!bytes || !p)
        return fb_err_set(err, FB_ELIMIT, "no memory left for a launch that waits");
    fb_profile_observe(p, &seen, &alone);
    puts[*n].key = key;
    puts[*n].value = bytes;
    puts[*n].len = fb_profile_write(p, bytes);
    puts[(*n)++].expires_ms = fb_wall_ms(&s->rt->clock) + WAIT_HOURS * HOUR_MS;
    return FB_OK;
}

enum fb_status fb_step_merge_late(struct fb_step *s, struct fb_err *err)
{
    enum fb_status st = FB_OK;

    for (size_t i = 0; i < s->late_count && st == FB_OK; i++)
        st = s->late[i].by_name ? merge_named(s, &s->late[i], err)
                                : merge_parked(s, &s->late[i], err);
    if (st == FB_OK)
        st = merge_waits(s, err);
    return st == FB_OK ? note_depths(s, err) : st;
}

/* A service handed this session out, which acted before that was known: its role answers for it.
 */
static enum fb_status hand_on(struct fb_step *s, const struct fb_edge *e, struct fb_err *err)
{
    const char *role = s->out->ev.mint.role_arn;
    enum fb_status st = FB_ECONFLICT;

    for (int i = 0; i < FB_STEP_TRIES && st == FB_ECONFLICT; i++) {
        struct fb_profile *parked, *before, *after = fb_profile_new(s->a);
        struct fb_put put = {0};
        uint64_t version, none;

        st = fb_step_load_profile(s, fb_step_key(s->a, "park", e->child), &parked, &none, err);
        if (st != FB_OK || !none)
            return st;
        st = fb_step_load_profile(s, fb_step_key(s->a, "prof", role), &before, &version, err);
        if (st != FB_OK || !after)
            return st == FB_OK ? fb_err_set(err, FB_ELIMIT, "no memory left for a profile") : st;
        fb_profile_copy(after, before);
        fb_profile_merge(after, parked);
        if (!fb_step_has_changed(s, before, after))
            return FB_OK;
        st = fb_step_put_profile(s, &put, "prof", role, after, version);
        if (st == FB_OK)
            st = fb_store_commit(s->rt->store, &put, 1, false, err);
    }
    return st;
}

enum fb_status fb_step_hand_on(struct fb_step *s, struct fb_err *err)
{
    enum fb_status st = FB_OK;

    for (size_t i = 0; i < s->edge_count && st == FB_OK; i++) {
        if (s->edges[i].parent.kind == FB_HOP_SERVICE && *s->edges[i].session_identity &&
            *s->out->ev.mint.role_arn)
            st = hand_on(s, &s->edges[i], err);
    }
    return fb_err_ctx(err, st, "hand on what a session did");
}

/* pipeline.c - the whole path of one record, in order. A newcomer reads this file first.
 *
 *   fb_pipeline_record
 *     normalize      bytes -> one event
 *     trace          event + edges from the store -> chain, root
 *     load           profile of the root, of the account, of the root's creator; its open incident
 *     weigh          fold the event into the profile, score it
 *     fold_incident  open or join the root's incident
 *     commit         everything that changed, at once, compare-and-set; beaten: from `load` again
 *     fb_incident_work (work.c)  playbooks -> gate -> world, in passes
 */
#include "pipeline.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/text.h"
#include "cloud/aws.h"
#include "contain/ledger.h"
#include "contain/made.h"

enum {
    COMMIT_TRIES = 8,
    PUTS_MAX = 12,
    JOINED_MAX = 4,
    CREDENTIAL_MAX = 128,
    SEEN_MS = 48 * 3600 * 1000,
    EDGE_GRACE_MS = 3600 * 1000,
    PROFILE_KEEP_DAYS = 400,
    EDGE_FRESH_MS = 24 * 3600 * 1000, /* an edge that says nothing new is written once a day */
    SWEEP_EVERY = 4096,               /* events between two sweeps of what has expired */
    LATE_MAX = 2 * FB_CHAIN_HOPS_MAX + FB_EDGES_MAX
};

#define OLDEST_MS     INT64_C(1262304000000) /* 2010: no log is older */
#define LIVE_AHEAD_MS INT64_C(600000)        /* clocks that run ahead by less are believed */
#define LOG_AHEAD_MS                                                                               \
    (INT64_C(10) * 365 * 86400000) /* a log's own time is believed but not anything */

/* An identity that stood for itself while nobody knew who is behind it. */
struct late {
    const char *identity, *credential;
    int64_t since_ms; /* what it did before is not this credential's */
    bool found;       /* the store holds something of it */
};

/* All that a step needs of the store, and what it will write back. */
struct step {
    struct fb_runtime *rt;
    struct fb_arena *a;
    const struct fb_delivery *delivery;
    struct fb_decision *out;
    int64_t now_ms; /* decision time: wall clock, or the log's own in a dry replay */
    struct fb_edge edges[FB_EDGES_MAX];
    size_t edge_count;
    struct fb_profile *before, *after, *account_before, *account_after, *creator;
    uint64_t profile_version, account_version;
    bool new_event;
    struct fb_incident *inc;
    enum fb_incident_state inc_was;
    bool inc_new, inc_more;
    struct late late[LATE_MAX];
    size_t late_count;
    struct fb_incident *joined[JOINED_MAX]; /* of those: closed by this step */
    size_t joined_count;
    bool edges_unread; /* an edge could not be read: the chain may be cut */
};

/* kind#rest within the store's key limit: a long rest is hashed. */
static const char *key_of(struct fb_arena *a, const char *kind, const char *rest)
{
    char hex[FB_SHA256_HEX];

    if (strlen(rest) <= 400)
        return fb_arena_fmt(a, "%s#%s", kind, rest);
    return fb_arena_fmt(a, "%s#sha256:%s", kind, fb_sha256_hex(rest, strlen(rest), hex));
}

/* --- edges -------------------------------------------------------------------------------------
 */

static enum fb_status edge_get(void *self, struct fb_arena *a, const char *child,
                               struct fb_edge *out)
{
    struct step *s = self;
    struct fb_item item;
    enum fb_status st = fb_store_get(s->rt->store, a, key_of(a, "edge", child), &item, NULL);

    if (st == FB_OK)
        return fb_edge_read(a, item.value, item.len, out, NULL);
    s->edges_unread |= st != FB_ENOTFOUND;
    return st;
}

static bool same_text(const char *x, const char *y) { return strcmp(x, y) == 0; }

static bool says_the_same(const struct fb_edge *x, const struct fb_edge *y)
{
    return x->parent.kind == y->parent.kind && x->parent.sure == y->parent.sure &&
           same_text(x->parent.identity, y->parent.identity) &&
           same_text(x->parent.credential, y->parent.credential) &&
           same_text(x->parent.session, y->parent.session) && same_text(x->via, y->via) &&
           same_text(x->session_identity, y->session_identity);
}

/* Whether the edge is worth writing, given what is stored under its child. */
static enum fb_status edge_is_news(struct step *s, const struct fb_edge *e, struct fb_put *put,
                                   bool *news, struct fb_err *err)
{
    struct fb_item item;
    struct fb_edge now;
    enum fb_status st = fb_store_get(s->rt->store, s->a, put->key, &item, err);

    *news = true;
    put->expect = st == FB_OK ? item.version : 0;
    if (st == FB_ENOTFOUND)
        return FB_OK;
    if (st == FB_OK && fb_edge_read(s->a, item.value, item.len, &now, NULL) == FB_OK)
        *news = says_the_same(e, &now) ? e->made_ms > now.made_ms + EDGE_FRESH_MS
                                       : fb_edge_better(e, &now);
    return st;
}

static enum fb_status keep_edge(struct step *s, const struct fb_edge *e, struct fb_err *err)
{
    struct fb_put put = {.key = key_of(s->a, "edge", e->child)};
    enum fb_status st = FB_ECONFLICT;
    struct fb_buf value;
    bool news;

    fb_buf_init_in(&value, s->a, 16u << 10);
    fb_edge_write(&value, e);
    if (!fb_buf_ok(&value)) {
        s->out->problem = "a role link is too large to keep";
        return FB_OK;
    }
    put.value = value.at;
    put.len = value.len;
    if (e->expires_ms) { /* counted from now where the log is old: a replay must find it too */
        int64_t life = e->expires_ms > e->made_ms ? e->expires_ms - e->made_ms : 0;

        put.expires_ms = fb_wall_ms(&s->rt->clock) + life + EDGE_GRACE_MS;
    }
    for (int i = 0; i < COMMIT_TRIES && st == FB_ECONFLICT; i++) { /* beaten: is ours the better? */
        st = edge_is_news(s, e, &put, &news, err);
        if (st == FB_OK && news)
            st = fb_store_commit(s->rt->store, &put, 1, false, err);
    }
    return st;
}

/* "mint#<minter>#": the sessions that an identity minted, the other way round than edges. */
static const char *minted_prefix(struct fb_arena *a, const char *identity)
{
    char hex[FB_SHA256_HEX];

    return fb_arena_fmt(a, "mint#%.16s#", fb_sha256_hex(identity, strlen(identity), hex));
}

static enum fb_status keep_minted(struct step *s, const struct fb_edge *e, struct fb_err *err)
{
    const struct fb_mint *mint = &s->out->ev.mint;
    struct fb_hop hop = {.kind = FB_HOP_ROLE,
                         .identity = e->session_identity,
                         .account = s->out->ev.account,
                         .credential = e->child,
                         .user = "",
                         .user_arn = "",
                         .role_arn = mint->role_arn,
                         .session = mint->session,
                         .via = e->via,
                         .since_ms = e->made_ms,
                         .sure = true};
    struct fb_arn arn;
    struct fb_buf value;
    struct fb_put put;
    enum fb_status st;

    if (!*mint->role_arn || strlen(e->child) > CREDENTIAL_MAX)
        return FB_OK; /* a user's own session token: it ends with the user */
    if (fb_arn_split(s->a, mint->role_arn, &arn))
        hop.account = arn.account;
    fb_buf_init_in(&value, s->a, 16u << 10);
    fb_json_open(&value, NULL, '{');
    fb_hop_write(&value, "hop", &hop);
    fb_json_close(&value, '}');
    put = (struct fb_put){
        .key = fb_arena_fmt(s->a, "%s%s", minted_prefix(s->a, e->parent.identity), e->child),
        .value = value.at,
        .len = value.len,
        .expires_ms = fb_wall_ms(&s->rt->clock) + (e->expires_ms - e->made_ms)};
    st = fb_buf_ok(&value) ? fb_store_commit(s->rt->store, &put, 1, false, err) : FB_OK;
    return st == FB_ECONFLICT ? FB_OK : st; /* it is there already */
}

/* Keeps what this event proves about who made whom, before the event counts as seen. */
static enum fb_status keep_edges(struct step *s, struct fb_err *err)
{
    for (size_t i = 0; i < s->edge_count; i++) {
        enum fb_status st = keep_edge(s, &s->edges[i], err);

        if (st == FB_OK && *s->edges[i].session_identity)
            st = keep_minted(s, &s->edges[i], err);
        if (st != FB_OK)
            return fb_err_ctx(err, st, "keep a role link of %s", s->out->ev.id);
    }
    return FB_OK;
}

/* --- profiles ----------------------------------------------------------------------------------
 */

static enum fb_status load_profile(struct step *s, const char *key, struct fb_profile **out,
                                   uint64_t *version, struct fb_err *err)
{
    struct fb_item item;
    enum fb_status st;

    *version = 0;
    *out = fb_profile_new(s->a);
    if (!*out)
        return fb_err_set(err, FB_ELIMIT, "no memory left for a profile");
    st = fb_store_get(s->rt->store, s->a, key, &item, err);
    if (st == FB_ENOTFOUND)
        return FB_OK;
    if (st != FB_OK)
        return st;
    *version = item.version;
    if (fb_profile_read(*out, (const unsigned char *)item.value, item.len, NULL) != FB_OK) {
        FB_LOG(&s->rt->log, FB_LOG_WARN, "profile unreadable: starting anew", {"key", key, 0});
        *out = fb_profile_new(s->a);
    }
    return *out ? FB_OK : FB_ELIMIT;
}

static const char *root_of(const struct step *s) { return fb_chain_root(&s->out->chain)->identity; }

static void add_late(struct step *s, struct late late)
{
    if (!*late.identity || strcmp(late.identity, root_of(s)) == 0 || s->late_count == LATE_MAX)
        return;
    for (size_t i = 0; i < s->late_count; i++) {
        if (strcmp(s->late[i].identity, late.identity) == 0)
            return;
    }
    s->late[s->late_count++] = late;
}

/* Who may have been taken for a root before it was known who stands behind: each hop on the way, a
 * session that this event mints, a key of which a notice told no owner, and a user of whom it told
 * the name but not the path. */
static void find_late(struct step *s)
{
    const struct fb_chain *c = &s->out->chain;

    s->late_count = 0;
    for (size_t i = 0; i < s->edge_count; i++) {
        if (*s->edges[i].session_identity)
            add_late(s, (struct late){s->edges[i].session_identity, s->edges[i].child,
                                      s->edges[i].made_ms, false});
    }
    for (size_t i = 0; i < c->count; i++) {
        const struct fb_hop *h = &c->hops[i];

        add_late(s, (struct late){h->identity, h->credential, h->since_ms, false});
        if (h->kind != FB_HOP_USER_KEY || strncmp(h->credential, "AKIA", 4) != 0)
            continue;
        add_late(s, (struct late){h->credential, h->credential, 0, false});
        if (*h->user && *h->account)
            add_late(
                s, (struct late){fb_arena_fmt(s->a, "arn:aws:iam::%s:user/%s", h->account, h->user),
                                 h->credential, 0, false});
    }
}

/* What was held against a hop before its maker was known is the root's. Names of sessions repeat:
 * only what this very credential did counts. */
static enum fb_status merge_late(struct step *s, struct fb_err *err)
{
    for (size_t i = 0; i < s->late_count; i++) {
        struct late *l = &s->late[i];
        struct fb_profile *late;
        uint64_t version;
        enum fb_status st =
            load_profile(s, key_of(s->a, "prof", l->identity), &late, &version, err);

        if (st != FB_OK)
            return st;
        l->found = version && fb_profile_used(late, l->credential) &&
                   fb_profile_last_ms(late) >= l->since_ms;
        if (l->found)
            fb_profile_merge(s->after, late);
    }
    return FB_OK;
}

static enum fb_status load_creator(struct step *s, struct fb_err *err)
{
    struct fb_edge made;
    uint64_t version;
    const char *child = fb_chain_creator_key(s->a, root_of(s));

    s->creator = NULL;
    if (!*child || edge_get(s, s->a, child, &made) != FB_OK ||
        s->out->ev.time_ms - made.made_ms > 24 * 3600 * 1000)
        return FB_OK;
    return load_profile(s, key_of(s->a, "prof", made.parent.identity), &s->creator, &version, err);
}

static enum fb_status load_profiles(struct step *s, struct fb_err *err)
{
    enum fb_status st =
        load_profile(s, key_of(s->a, "prof", root_of(s)), &s->before, &s->profile_version, err);

    return st == FB_OK ? load_profile(s, key_of(s->a, "acct", s->out->ev.account),
                                      &s->account_before, &s->account_version, err)
                       : st;
}

static enum fb_status load(struct step *s, struct fb_err *err)
{
    struct fb_item item;
    enum fb_status st = load_profiles(s, err);

    if (st == FB_OK)
        st = load_creator(s, err);
    if (st != FB_OK)
        return st;
    s->inc = NULL;
    st = fb_store_get(s->rt->store, s->a, fb_incident_key(s->a, root_of(s)), &item, err);
    if (st == FB_OK) {
        s->inc = FB_NEW(s->a, struct fb_incident);
        if (!s->inc)
            return fb_err_set(err, FB_ELIMIT, "no memory left for the incident");
        if (fb_incident_read(s->a, item.value, item.len, s->inc, NULL) != FB_OK) {
            FB_LOG(&s->rt->log, FB_LOG_ERROR, "incident unreadable: a new one takes its place",
                   {"root", root_of(s), 0});
            memset(s->inc, 0, sizeof *s->inc);
            s->inc->state = FB_INC_CLOSED; /* long over: nothing of it can be gone on with */
        }
        s->inc->version = item.version;
        s->inc_was = s->inc->state;
    }
    return st == FB_ENOTFOUND ? FB_OK : st;
}

/* --- weighing ----------------------------------------------------------------------------------
 */

/* after and account_after: the loaded profiles with this event, and what came late, folded in. */
static enum fb_status observe(struct step *s, struct fb_err *err)
{
    struct fb_chain alone = {.hops = {s->out->chain.hops[0]}, .count = 1};

    s->after = fb_profile_new(s->a);
    s->account_after = fb_profile_new(s->a);
    if (!s->after || !s->account_after)
        return fb_err_set(err, FB_ELIMIT, "no memory left for a profile");
    fb_profile_copy(s->after, s->before);
    fb_profile_copy(s->account_after, s->account_before);
    fb_profile_observe(s->after, &s->out->ev, &s->out->chain);
    /* How far a chain reaches is the root's affair, not the account's. */
    fb_profile_observe(s->account_after, &s->out->ev, &alone);
    return merge_late(s, err);
}

static enum fb_status weigh(struct step *s, struct fb_err *err)
{
    enum fb_status st = observe(s, err);

    if (st == FB_OK)
        fb_score(s->a, &s->rt->score, &s->out->ev, &s->out->chain, s->before, s->after,
                 s->account_before, s->creator, &s->out->verdict);
    return st;
}

/* --- the incident ------------------------------------------------------------------------------
 */

/* Whether acting on this evidence is allowed (the gate checks again). */
static bool evidence_enforces(const struct step *s)
{
    return s->rt->enforce && s->delivery->trusted && !s->out->ev.drill &&
           fb_config_account_enforces(s->rt->config, s->out->ev.account);
}

struct minted {
    struct step *s;
    int64_t since_ms;
};

static bool add_minted(void *self, const struct fb_item *item)
{
    struct minted *m = self;
    const struct fb_json *doc;
    struct fb_hop hop;

    if (fb_json_parse(m->s->a, item->value, item->len, NULL, &doc, NULL) != FB_OK)
        return true; /* a record of a later version */
    fb_hop_read(m->s->a, fb_json_get(doc, "hop"), &hop);
    if (*hop.identity && hop.since_ms >= m->since_ms)
        fb_incident_add_hop(m->s->inc, &hop);
    return true;
}

/* Sessions that the chain minted belong to it before they act again: they outlive the key that
 * they came from. Those of sessions too; the list grows while it is walked, up to its ceiling. */
static enum fb_status find_minted(struct step *s, struct fb_err *err)
{
    struct minted m = {s, s->inc->first_ms - FB_LOOK_BACK_MS};
    enum fb_status st = FB_OK;

    for (size_t i = 0; i < s->inc->hop_count && st == FB_OK; i++)
        st = fb_store_list(s->rt->store, s->a, minted_prefix(s->a, s->inc->hops[i].identity), NULL,
                           FB_INCIDENT_HOPS_MAX, add_minted, &m, err);
    return st;
}

/* Incidents that were opened on a hop before its maker was known: they end, and the root's goes on
 * with all that they had. */
static enum fb_status join_late(struct step *s, struct fb_err *err)
{
    s->joined_count = 0;
    for (size_t i = 0; i < s->late_count && s->joined_count < JOINED_MAX; i++) {
        const struct late *l = &s->late[i];
        struct fb_incident *old;
        struct fb_item item;
        enum fb_status st;

        if (!l->found)
            continue;
        st = fb_store_get(s->rt->store, s->a, fb_incident_key(s->a, l->identity), &item, err);
        if (st == FB_ENOTFOUND)
            continue;
        old = st == FB_OK ? FB_NEW(s->a, struct fb_incident) : NULL;
        if (!old)
            return st == FB_OK ? fb_err_set(err, FB_ELIMIT, "no memory left for an incident") : st;
        if (fb_incident_read(s->a, item.value, item.len, old, NULL) != FB_OK ||
            fb_incident_over(old, s->now_ms) || old->state == FB_INC_CLOSED)
            continue;
        s->inc_more |= fb_incident_join(s->a, s->inc, old, l->since_ms);
        old->version = item.version;
        s->joined[s->joined_count++] = old;
    }
    return FB_OK;
}

/* The launches that led to the alarm belong to the incident, though none of them raised it alone.
 */
static void begin(struct step *s)
{
    int64_t since;

    if (s->out->verdict.level == FB_OBSERVE)
        return;
    since = fb_profile_since_ms(s->after, s->out->ev.time_ms);
    if (since < s->inc->first_ms && s->out->ev.time_ms > s->inc->first_ms - 3600 * 1000)
        s->inc->first_ms =
            since; /* an older event that came late makes no old machine the thief's */
    if (s->inc_new && fb_profile_last_ms(s->after) > s->inc->last_ms)
        s->inc->last_ms = fb_profile_last_ms(s->after); /* newer events may have come before it */
}

static enum fb_status fold_incident(struct step *s, struct fb_err *err)
{
    const struct fb_decision *d = s->out;
    enum fb_status st;

    s->inc_new = s->inc_more = false;
    s->joined_count = 0;
    if (d->ev.drill || (d->verdict.level == FB_OBSERVE && !s->inc))
        return FB_OK;
    if (s->inc && fb_incident_over(s->inc, s->now_ms)) {
        if (d->verdict.level == FB_OBSERVE) {
            s->inc = NULL;
            return FB_OK;
        }
        s->inc_new = true; /* an old story ended; this is another one, in the same record */
    }
    if (!s->inc || s->inc_new) {
        uint64_t version = s->inc ? s->inc->version : 0;

        s->inc = s->inc ? s->inc : FB_NEW(s->a, struct fb_incident);
        if (!s->inc)
            return fb_err_set(err, FB_ELIMIT, "no memory left for an incident");
        fb_incident_open(s->a, s->inc, &d->ev, &d->chain, s->now_ms);
        s->inc->version = version;
        s->inc_was = FB_INC_WATCHING;
        s->inc_new = true;
    }
    begin(s);
    s->inc_more = fb_incident_fold(s->inc, &d->ev, &d->chain, &d->verdict, evidence_enforces(s));
    st = join_late(s, err);
    if (st == FB_OK && s->inc_more && s->inc->level == FB_CONTAIN)
        st = find_minted(s, err);
    if (s->inc->level == FB_CONTAIN)
        fb_profile_mark_incident(s->after, s->inc->first_ms);
    return st;
}

/* --- saving ------------------------------------------------------------------------------------
 */

static enum fb_status put_profile(struct step *s, struct fb_put *put, const char *kind,
                                  const char *who, const struct fb_profile *p, uint64_t version)
{
    unsigned char *bytes = fb_arena_alloc(s->a, FB_PROFILE_BYTES_MAX);

    if (!bytes)
        return FB_ELIMIT;
    put->key = key_of(s->a, kind, who);
    put->value = bytes;
    put->len = fb_profile_write(p, bytes);
    put->expect = version;
    put->expires_ms = fb_wall_ms(&s->rt->clock) + (int64_t)PROFILE_KEEP_DAYS * 86400000;
    return FB_OK;
}

static enum fb_status put_incident(struct step *s, const struct fb_incident *inc,
                                   struct fb_put *put, struct fb_err *err)
{
    struct fb_buf value;

    fb_buf_init_in(&value, s->a, FB_VALUE_BYTES_MAX);
    fb_incident_write(&value, inc);
    if (!fb_buf_ok(&value))
        return fb_err_set(err, FB_ELIMIT, "incident %s is too large to keep", inc->id);
    put->key = fb_incident_key(s->a, inc->root);
    put->value = value.at;
    put->len = value.len;
    put->expect = inc->version;
    return FB_OK;
}

/* The things it made, each a record of its own, before the event counts as seen: a crash between
 * leaves them to be written again by the redelivery. */
static enum fb_status keep_made(struct step *s, struct fb_err *err)
{
    const struct fb_event *ev = &s->out->ev;
    const struct fb_hop *who[2] = {&s->out->chain.hops[0], fb_chain_root(&s->out->chain)};
    size_t whos = strcmp(who[0]->identity, who[1]->identity) == 0 ? 1 : 2;

    if (ev->outcome != FB_OUTCOME_OK)
        return FB_OK;
    for (size_t w = 0; w < whos; w++) {
        enum fb_status st = fb_made_session_keep(s->rt->store, s->a, who[w]->identity, ev,
                                                 fb_wall_ms(&s->rt->clock), err);

        if (st != FB_OK && st != FB_ECONFLICT)
            return fb_err_ctx(err, st, "keep whose session %s minted", ev->id);
    }
    for (size_t i = 0; i < ev->made_count; i++) {
        for (size_t w = 0; w < whos; w++) {
            struct fb_put put;
            enum fb_status st = fb_made_put(s->a, who[w]->identity, &ev->made[i], ev, &put, err);

            put.expires_ms = fb_wall_ms(&s->rt->clock) + (int64_t)FB_MADE_KEEP_DAYS * 86400000;
            if (st == FB_OK) /* kept from now on: a replayed log may be older than that */
                st = fb_store_commit(s->rt->store, &put, 1, false, err);
            if (st != FB_OK && st != FB_ECONFLICT) /* conflict: it is there already */
                return fb_err_ctx(err, st, "keep what %s made", ev->id);
        }
    }
    return FB_OK;
}

static const char *opened_line(struct step *s)
{
    struct fb_buf b;

    fb_buf_init_in(&b, s->a, 8192);
    fb_json_open(&b, NULL, '{');
    fb_json_put_str(&b, "what", s->inc_new ? "opened" : "state");
    fb_json_put_str(&b, "incident", s->inc->id);
    fb_json_put_str(&b, "root", s->inc->root);
    fb_json_put_str(&b, "to", fb_incident_state_name(s->inc->state));
    fb_json_put_str(&b, "event", s->out->ev.id);
    fb_json_put_num(&b, "score", s->out->verdict.score, 1);
    fb_json_close(&b, '}');
    return b.at;
}

/* Every new event of the root is in the record (when it was seen last), a duplicate in none. */
static bool saves_incident(const struct step *s)
{
    return s->inc && (s->inc_new || s->inc_more || s->new_event);
}

/* Whether the profile reads otherwise than it did: an event that was seen before may still tell
 * something, when its chain is longer by now. */
static bool has_changed(struct step *s, const struct fb_profile *before,
                        const struct fb_profile *after)
{
    unsigned char *x = fb_arena_alloc(s->a, FB_PROFILE_BYTES_MAX);
    unsigned char *y = fb_arena_alloc(s->a, FB_PROFILE_BYTES_MAX);
    size_t len;

    if (!x || !y)
        return true;
    len = fb_profile_write(before, x);
    return fb_profile_write(after, y) != len || memcmp(x, y, len) != 0;
}

static enum fb_status commit(struct step *s, struct fb_err *err)
{
    struct fb_put puts[PUTS_MAX];
    struct fb_ledger_line line;
    size_t n = 0;
    enum fb_status st;

    memset(puts, 0, sizeof puts);
    if (s->new_event && !s->delivery->unique)
        puts[n++] = (struct fb_put){.key = key_of(s->a, "seen", s->out->ev.id),
                                    .value = "1",
                                    .len = 1,
                                    .expires_ms = fb_wall_ms(&s->rt->clock) + SEEN_MS};
    if (s->new_event || has_changed(s, s->before, s->after)) {
        st = put_profile(s, &puts[n++], "prof", root_of(s), s->after, s->profile_version);
        if (st == FB_OK)
            st = put_profile(s, &puts[n++], "acct", s->out->ev.account, s->account_after,
                             s->account_version);
        if (st != FB_OK)
            return fb_err_set(err, st, "no memory left to save");
    }
    if (saves_incident(s)) {
        st = put_incident(s, s->inc, &puts[n++], err);
        for (size_t i = 0; i < s->joined_count && st == FB_OK; i++)
            st = put_incident(s, s->joined[i], &puts[n++], err);
        if (st != FB_OK)
            return st;
    }
    if (n == 0)
        return FB_OK;
    if (s->inc && (s->inc_new || s->inc->state != s->inc_was)) {
        line = (struct fb_ledger_line){.json = opened_line(s)};
        st = fb_ledger_append(s->rt->store, s->a, s->now_ms, &line, 1, puts, n, false, err);
    } else {
        st = fb_store_commit(s->rt->store, puts, n, false, err);
    }
    if (st == FB_OK && saves_incident(s))
        s->inc->version++;
    return st;
}

/* --- who is meant ------------------------------------------------------------------------------
 */

/* AWS attaches its quarantine policy to the user whose key it found: the user is accused, not AWS.
 */
static void accuse(struct fb_arena *a, struct fb_event *ev)
{
    if (!fb_event_is(ev, FB_T_QUARANTINE_POLICY) || ev->outcome != FB_OUTCOME_OK ||
        !*ev->target_user)
        return;
    ev->who = fb_principal_blank();
    ev->who.kind = FB_WHO_USER;
    ev->who.account = ev->account;
    ev->who.name = ev->target_user;
    ev->who.arn = fb_arena_fmt(a, "arn:aws:iam::%s:user/%s", ev->account, ev->target_user);
}

/* Our own calls come back as events; they teach and accuse nobody. */
static bool is_own(const struct fb_runtime *rt, const struct fb_event *ev)
{
    const char *key = rt->aws ? fb_aws_own_key(rt->aws) : "";

    return *key && strcmp(key, ev->who.credential) == 0;
}

/* --- the road ----------------------------------------------------------------------------------
 */

static enum fb_status trace(struct step *s, struct fb_err *err)
{
    struct fb_edge_source source = {.self = s, .get = edge_get};
    enum fb_status st;

    s->edges_unread = false;
    st = fb_chain_trace(s->a, &s->out->ev, &source, &s->out->chain, err);
    if (st == FB_OK && s->edges_unread) /* a root that is none would be accused: rather once more */
        st = fb_err_set(err, FB_EIO, "a role link could not be read");
    if (st != FB_OK)
        return fb_err_ctx(err, st, "trace the chain of %s", s->out->ev.id);
    s->edge_count = fb_chain_edges(s->a, &s->out->ev, &s->out->chain, s->edges);
    find_late(s);
    return FB_OK;
}

static enum fb_status look_up_seen(struct step *s, struct fb_err *err)
{
    struct fb_item item;
    enum fb_status st;

    s->new_event = true;
    if (s->delivery->unique)
        return FB_OK;
    st = fb_store_get(s->rt->store, s->a, key_of(s->a, "seen", s->out->ev.id), &item, err);
    s->out->duplicate = st == FB_OK;
    s->new_event = st == FB_ENOTFOUND;
    return st == FB_ENOTFOUND ? FB_OK : st;
}

static bool wants_work(const struct step *s)
{
    const struct fb_incident *inc = s->inc;

    if (!inc || inc->level != FB_CONTAIN || s->out->ev.drill || s->delivery->no_work)
        return false;
    return s->inc_more || fb_incident_due(inc, s->now_ms);
}

static enum fb_status act(struct step *s, struct fb_err *err)
{
    struct fb_work work = {.delivery = s->delivery, .now_ms = s->now_ms};
    enum fb_status st = fb_incident_work(s->rt, s->a, s->inc, &work, err);

    s->out->playbooks = work.names;
    s->out->playbook_count = work.name_count;
    s->out->actions = work.actions;
    s->out->action_count = work.action_count;
    s->out->enforce = work.enforce;
    if (st != FB_OK) { /* decided and partly done: the next event or tick goes on */
        FB_LOG(&s->rt->log, FB_LOG_ERROR, "incident not saved", {"incident", s->inc->id, 0},
               {"why", err ? err->text : "", 0});
        s->out->problem = "the incident could not be saved; the next pass goes on";
    }
    return FB_OK;
}

/* load -> weigh -> fold -> commit, again when somebody else committed first. */
static enum fb_status decide(struct step *s, struct fb_err *err)
{
    enum fb_status st = FB_ECONFLICT;

    for (int i = 0; i < COMMIT_TRIES && st == FB_ECONFLICT; i++) {
        struct fb_item item;

        st = load(s, err);
        if (st == FB_OK)
            st = weigh(s, err);
        if (st == FB_OK)
            st = fold_incident(s, err);
        if (st == FB_OK)
            st = commit(s, err);
        if (st == FB_ECONFLICT && s->new_event &&
            fb_store_get(s->rt->store, s->a, key_of(s->a, "seen", s->out->ev.id), &item, NULL) ==
                FB_OK) {
            s->new_event = false; /* the other worker had this very event */
            s->out->duplicate = true;
        }
    }
    return fb_err_ctx(err, st, "decide on %s", s->out->ev.id);
}

/* What a past event teaches its root and its account; nothing is weighed. An event that is known
 * already changes neither, and nothing is written. */
static enum fb_status learn_once(struct step *s, struct fb_err *err)
{
    struct fb_put puts[2];
    size_t n = 0;
    enum fb_status st = load_profiles(s, err);

    memset(puts, 0, sizeof puts);
    if (st == FB_OK)
        st = observe(s, err);
    if (st == FB_OK && has_changed(s, s->before, s->after))
        st = put_profile(s, &puts[n++], "prof", root_of(s), s->after, s->profile_version);
    if (st == FB_OK && has_changed(s, s->account_before, s->account_after))
        st = put_profile(s, &puts[n++], "acct", s->out->ev.account, s->account_after,
                         s->account_version);
    return st == FB_OK && n ? fb_store_commit(s->rt->store, puts, n, false, err) : st;
}

static enum fb_status teach(struct step *s, struct fb_err *err)
{
    enum fb_status st = FB_ECONFLICT;

    for (int i = 0; i < COMMIT_TRIES && st == FB_ECONFLICT; i++)
        st = learn_once(s, err);
    return fb_err_ctx(err, st, "learn from %s", s->out->ev.id);
}

/* Another worker may have learnt who stands behind this chain while we decided on it, and have
 * looked for what we had not written yet. It wrote its edge before it looked, we look for the edge
 * after we wrote: one of the two sees the other. */
static enum fb_status follow(struct step *s, struct fb_err *err)
{
    enum fb_status st = FB_OK;

    for (int i = 0; i < 2 && st == FB_OK && s->out->chain.partial; i++) {
        const char *was = root_of(s);

        st = trace(s, err);
        if (st != FB_OK || strcmp(was, root_of(s)) == 0)
            break;
        s->new_event = false;
        st = keep_made(s, err);
        if (st == FB_OK)
            st = s->delivery->learn ? teach(s, err) : decide(s, err);
    }
    return st;
}

/* A log's clock is another's, and a record may say anything: a time that has not come yet would
 * make all that comes after it look old, one from before there were logs makes its root look old.
 */
static void mend_time(struct fb_event *ev, const struct fb_delivery *d)
{
    int64_t ahead = d->log_time ? LOG_AHEAD_MS : LIVE_AHEAD_MS;

    if (d->received_ms <= 0 || (ev->time_ms >= OLDEST_MS && ev->time_ms <= d->received_ms + ahead))
        return;
    ev->time_ms = d->received_ms;
    ev->time_guessed = true;
}

/* The runtime for a record that nobody vouches for: anyone may have written it. It is decided in
 * dry-run and on state of its own, so that it can frame nobody and teach us nothing. */
static struct fb_runtime unproven(const struct fb_runtime *rt)
{
    struct fb_runtime apart = *rt;

    apart.store = rt->unproven;
    apart.aws = NULL; /* nor may it spend our calls: plans are made from its own records */
    apart.enforce = false;
    return apart;
}

/* Everything from the event on. out->ev is filled. */
static enum fb_status walk_event(struct step *s, struct fb_err *err)
{
    struct fb_decision *out = s->out;
    enum fb_status st;

    accuse(s->a, &out->ev);
    st = trace(s, err);
    if (st == FB_OK)
        st = look_up_seen(s, err);
    if (st != FB_OK)
        return st;
    s->now_ms = s->delivery->log_time ? out->ev.time_ms : fb_wall_ms(&s->rt->clock);
    if (s->rt->model && !s->delivery->learn)
        fb_model_observe(s->rt->model, &out->ev);
    if (s->delivery->learn_edges) {
        st = keep_edges(s, err);
    } else if (out->ev.kind != FB_EV_UNKNOWN && !is_own(s->rt, &out->ev)) {
        st = keep_made(s, err);
        if (st == FB_OK)
            st = keep_edges(s, err);
        if (st == FB_OK)
            st = s->delivery->learn ? teach(s, err) : decide(s, err);
        if (st == FB_OK)
            st = follow(s, err);
    } else {
        out->verdict.score = 0; /* ours, or of a kind that we do not know: a line, nothing else */
    }
    if (st == FB_OK && wants_work(s))
        st = act(s, err);
    if (s->inc) {
        out->incident = s->inc->id;
        out->incident_state = s->inc->state;
    }
    if (fb_arena_failed(s->a) && !*out->problem)
        out->problem = "memory ran out; parts of this answer may be missing";
    return st;
}

enum fb_status fb_pipeline_record(struct fb_runtime *rt, struct fb_arena *a,
                                  const struct fb_record *r, const struct fb_delivery *d,
                                  struct fb_decision *out, struct fb_err *err)
{
    struct fb_runtime apart = unproven(rt);
    struct step s = {.rt = d->trusted ? rt : &apart, .a = a, .delivery = d, .out = out};
    enum fb_status st;

    memset(out, 0, sizeof *out);
    out->incident = out->problem = "";
    st = fb_normalize(a, r, d->received_ms, &out->ev, err);
    if (st != FB_OK)
        return st;
    mend_time(&out->ev, d);
    st = walk_event(&s, err);
    if (st == FB_OK && !d->log_time && ++rt->unswept >= SWEEP_EVERY) {
        rt->unswept = 0;
        (void)fb_store_sweep(rt->store); /* also where nobody sends us ticks */
    }
    return st;
}

enum fb_status fb_pipeline_event(struct fb_runtime *rt, struct fb_arena *a,
                                 const struct fb_event *ev, const struct fb_delivery *d,
                                 struct fb_decision *out, struct fb_err *err)
{
    struct fb_runtime apart = unproven(rt);
    struct step s = {.rt = d->trusted ? rt : &apart, .a = a, .delivery = d, .out = out};

    memset(out, 0, sizeof *out);
    out->incident = out->problem = "";
    out->ev = *ev;
    return walk_event(&s, err);
}

enum fb_status fb_pipeline_retire(struct fb_runtime *rt, struct fb_arena *a, const char *root,
                                  int64_t now_ms, struct fb_err *err)
{
    struct fb_decision out = {.problem = ""};
    struct step s = {.rt = rt, .a = a, .out = &out};
    enum fb_status st = FB_ECONFLICT;

    for (int i = 0; i < COMMIT_TRIES && st == FB_ECONFLICT; i++) {
        struct fb_profile *p;
        struct fb_put put = {0};
        uint64_t version;

        st = load_profile(&s, key_of(a, "prof", root), &p, &version, err);
        if (st != FB_OK || !version)
            return st;
        fb_profile_end_incident(p, now_ms);
        st = put_profile(&s, &put, "prof", root, p, version);
        if (st == FB_OK)
            st = fb_store_commit(rt->store, &put, 1, false, err);
    }
    return st;
}

enum fb_status fb_pipeline_standing(struct fb_runtime *rt, struct fb_arena *a, const char *identity,
                                    struct fb_decision *out, struct fb_err *err)
{
    struct step s = {.rt = rt, .a = a, .out = out};
    struct fb_arn arn;
    enum fb_status st;

    memset(out, 0, sizeof *out);
    out->incident = out->problem = "";
    out->ev = fb_event_blank();
    (void)fb_arn_split(a, identity, &arn);
    out->ev.account = arn.account;
    out->chain.count = 1;
    out->chain.hops[0] =
        (struct fb_hop){FB_HOP_UNKNOWN, identity, arn.account, "", "", "", "", "", "", 0, true};
    st = load(&s, err);
    if (st != FB_OK)
        return st;
    if (!s.profile_version)
        return fb_err_set(err, FB_ENOTFOUND, "nothing is known of %s in this store", identity);
    out->ev.time_ms = fb_profile_last_ms(s.before);
    fb_score(a, &rt->score, &out->ev, &out->chain, s.before, s.before, s.account_before, s.creator,
             &out->verdict);
    return FB_OK;
}

/* --- the runtime -------------------------------------------------------------------------------
 */

static enum fb_status open_world(struct fb_runtime *rt, const struct fb_runtime_setup *setup,
                                 struct fb_err *err)
{
    struct fb_aws_options options = {.clock = setup->clock, .env = setup->env};

    if (!setup->live) {
        rt->model = fb_model_new();
        return rt->model ? FB_OK : fb_err_set(err, FB_ELIMIT, "no memory for the model");
    }
    rt->aws = fb_aws_new(&options);
    if (!rt->aws)
        return fb_err_set(err, FB_ELIMIT, "no memory for the cloud client");
    fb_aws_read_only(rt->aws, !rt->enforce); /* dry-run holds here too, whatever asks */
    return FB_OK;
}

enum fb_status fb_runtime_open(struct fb_runtime *rt, const struct fb_runtime_setup *setup,
                               struct fb_err *err)
{
    enum fb_status st;
    struct fb_err why = {0};

    memset(rt, 0, sizeof *rt);
    rt->config = setup->config;
    rt->clock = setup->clock;
    rt->log = setup->log;
    rt->enforce = setup->enforce && fb_config_enforces(setup->config);
    fb_config_score(setup->config, &rt->score);
    fb_config_guards(setup->config, &rt->guards);
    st = fb_store_open(setup->config->state, setup->clock, &rt->store, err);
    if (st == FB_OK)
        st = fb_store_view(rt->store, "unproven.", setup->clock, &rt->unproven, err);
    if (st == FB_OK) {
        rt->playbooks = fb_playbooks_new(err);
        st = rt->playbooks ? FB_OK : FB_ELIMIT;
    }
    if (st == FB_OK && *setup->config->playbooks &&
        fb_playbooks_add_dir(rt->playbooks, setup->config->playbooks, &why) != FB_OK) {
        rt->playbooks_unloaded++;
        FB_LOG(&rt->log, FB_LOG_ERROR, "a playbook was not loaded", {"why", why.text, 0});
    }
    if (st == FB_OK)
        st = open_world(rt, setup, err);
    if (st != FB_OK)
        fb_runtime_close(rt);
    return st;
}

void fb_runtime_close(struct fb_runtime *rt)
{
    fb_aws_free(rt->aws);
    fb_model_free(rt->model);
    fb_playbooks_free(rt->playbooks);
    fb_store_close(rt->unproven);
    fb_store_close(rt->store);
    memset(rt, 0, sizeof *rt);
}

/* identities_gather.c - what each decision, or each record of a store, shows of the identities in
 * it. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/text.h"
#include "identities.h"

enum { PAGE = 500, FIRST_SLOTS = 1024 };

/* --- the table ----------------------------------------------------------------------------------
 */

static size_t slot_for(const struct fb_rows *rows, const char *identity)
{
    size_t i = (size_t)fb_hash64(identity, strlen(identity)) & (rows->slot_count - 1);

    while (rows->slots[i] && strcmp(rows->slots[i]->identity, identity) != 0)
        i = (i + 1) & (rows->slot_count - 1);
    return i;
}

const struct fb_row *fb_row_find(const struct fb_rows *rows, const char *identity)
{
    return rows->slot_count ? rows->slots[slot_for(rows, identity)] : NULL;
}

static bool grow(struct fb_rows *rows)
{
    size_t cap = rows->cap ? rows->cap * 2 : FIRST_SLOTS / 2;
    struct fb_row **at = realloc(rows->at, cap * sizeof(*at));
    struct fb_row **slots;

    if (!at)
        return false;
    rows->at = at;
    slots = calloc(cap * 2, sizeof(*slots));
    if (!slots)
        return false;
    free(rows->slots);
    rows->slots = slots;
    rows->cap = cap;
    rows->slot_count = cap * 2;
    for (size_t i = 0; i < rows->count; i++)
        rows->slots[slot_for(rows, rows->at[i]->identity)] = rows->at[i];
    return true;
}

static void row_free(struct fb_row *row)
{
    if (row) {
        free(row->identity);
        free(row->account);
        free(row->role);
        free(row->parent);
    }
    free(row);
}

static bool set(char **to, const char *text)
{
    char *copy;

    if (*to && strcmp(*to, text) == 0)
        return true;
    copy = strdup(text);
    if (!copy)
        return false;
    free(*to);
    *to = copy;
    return true;
}

struct fb_row *fb_row_of(struct fb_rows *rows, const char *identity)
{
    struct fb_row *row;

    if (!*identity)
        return NULL;
    if (rows->count == rows->cap && (rows->count >= FB_ROWS_MAX || !grow(rows))) {
        row = rows->slot_count ? rows->slots[slot_for(rows, identity)] : NULL;
        rows->lost += row == NULL;
        return row;
    }
    row = rows->slots[slot_for(rows, identity)];
    if (row)
        return row;
    row = calloc(1, sizeof *row);
    if (!row || !set(&row->identity, identity) || !set(&row->account, "") || !set(&row->role, "") ||
        !set(&row->parent, "")) {
        row_free(row);
        rows->lost++;
        return NULL;
    }
    rows->slots[slot_for(rows, identity)] = row;
    rows->at[rows->count++] = row;
    return row;
}

struct fb_row *fb_row_for(struct fb_rows *rows, const char *identity, enum fb_hop_kind kind,
                          const char *account)
{
    struct fb_row *row = fb_row_of(rows, identity);

    if (!row)
        return NULL;
    row->kind = row->kind ? row->kind : kind;
    if (!*row->account)
        (void)set(&row->account, account);
    return row;
}

void fb_rows_release(struct fb_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        row_free(rows->at[i]);
    free(rows->at);
    free(rows->slots);
    *rows = (struct fb_rows){0};
}

/* --- one hop ------------------------------------------------------------------------------------
 */

static void seen_at(struct fb_row *row, int64_t ms)
{
    if (ms <= 0)
        return;
    if (!row->first_ms || ms < row->first_ms)
        row->first_ms = ms;
    if (ms > row->last_ms)
        row->last_ms = ms;
}

static void add_key(struct fb_row *row, const char *id, int64_t issued_ms, int64_t used_ms)
{
    size_t i = 0;

    bool long_lived = row->kind == FB_HOP_SERVICE_ACCOUNT ? *id != '\0' : fb_starts(id, "AKIA");

    if (!long_lived || strlen(id) >= sizeof row->keys[0].id)
        return;
    while (i < row->key_count && strcmp(row->keys[i].id, id) != 0)
        i++;
    if (i == FB_ROW_KEYS) {
        row->more_keys = true;
        return;
    }
    if (i == row->key_count) {
        memset(&row->keys[i], 0, sizeof row->keys[i]);
        memcpy(row->keys[i].id, id, strlen(id) + 1);
        row->key_count++;
    }
    if (issued_ms)
        row->keys[i].issued_ms = issued_ms;
    if (used_ms && (!row->keys[i].used_ms || used_ms < row->keys[i].used_ms))
        row->keys[i].used_ms = used_ms;
}

/* role: its ARN, or that of a session of it ("...:sts::ACCOUNT:assumed-role/NAME/SESSION"). */
static void set_role(struct fb_row *row, const char *role)
{
    const char *sts = strstr(role, ":sts::"), *name = strstr(role, ":assumed-role/");
    char arn[2048];

    if (!*role)
        return;
    if (sts && name && name > sts) {
        const char *account = sts + strlen(":sts::");

        name += strlen(":assumed-role/");
        (void)snprintf(arn, sizeof arn, "%.*s:iam::%.*s:role/%.*s", (int)(sts - role), role,
                       (int)strcspn(account, ":"), account, (int)strcspn(name, "/"), name);
        role = arn;
    }
    if (*row->role && strcmp(row->role, role) != 0)
        row->roles_differ = true;
    (void)set(&row->role, role);
}

/* NULL for those that nobody here owns: services, and an event's unknown actor. */
static struct fb_row *row_of_hop(struct fb_rows *rows, const struct fb_hop *hop)
{
    struct fb_row *row;

    if (hop->kind == FB_HOP_SERVICE || hop->kind == FB_HOP_UNKNOWN)
        return NULL;
    row = fb_row_of(rows, hop->identity);
    if (!row)
        return NULL;
    if (row->kind == FB_HOP_UNKNOWN || hop->kind == FB_HOP_USER_KEY || hop->kind == FB_HOP_INSTANCE)
        row->kind = hop->kind;
    if (*hop->account)
        (void)set(&row->account, hop->account);
    if (hop->kind == FB_HOP_ROLE || hop->kind == FB_HOP_INSTANCE || hop->kind == FB_HOP_SSO)
        set_role(row, *hop->role_arn ? hop->role_arn : hop->identity);
    return row;
}

static void set_parent(struct fb_row *row, const struct fb_hop *parent)
{
    if (parent->kind == FB_HOP_SERVICE || parent->kind == FB_HOP_UNKNOWN ||
        fb_eq(parent->identity, row->identity))
        return;
    /* Two accounts may report one AssumeRole, one of them without the caller's name. */
    if (!*row->parent || parent->kind != FB_HOP_EXTERNAL)
        (void)set(&row->parent, parent->identity);
}

static void minted(struct fb_rows *rows, const char *session, const struct fb_hop *by, int64_t ms)
{
    struct fb_row *row = fb_row_of(rows, session);

    if (!row)
        return;
    row->kind = row->kind ? row->kind : FB_HOP_ROLE;
    set_role(row, session);
    set_parent(row, by);
    row->workload |= by->kind == FB_HOP_SERVICE;
    seen_at(row, ms);
}

static void link_up(const struct fb_rows *rows, struct fb_row *row)
{
    struct fb_row *at = row;

    for (int hop = 0; hop < FB_CHAIN_HOPS_MAX; hop++) {
        struct fb_row *up = *at->parent ? rows->slots[slot_for(rows, at->parent)] : NULL;

        if (!up || up == row)
            break;
        if (up->kind == FB_HOP_EXTERNAL) {
            at->outsiders = true;
            set_role(up, at->role);
        }
        seen_at(up, row->first_ms);
        seen_at(up, row->last_ms);
        at = up;
    }
    row->root = at;
}

void fb_rows_link(struct fb_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        link_up(rows, rows->at[i]);
}

/* --- one decision -------------------------------------------------------------------------------
 */

static bool has(const struct fb_event *ev, const enum fb_trait *traits, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (fb_event_is(ev, traits[i]))
            return true;
    }
    return false;
}

static void did(struct fb_row *row, const struct fb_event *ev)
{
    static const enum fb_trait ADMIN[] = {FB_T_KEY_FOR_OTHER, FB_T_LOGIN_PROFILE, FB_T_ADMIN_GRANT,
                                          FB_T_EXTERNAL_TRUST, FB_T_IDP_BACKDOOR};
    size_t i = 0;

    if (ev->outcome != FB_OUTCOME_OK || ev->kind != FB_EV_CALL || fb_event_is(ev, FB_T_READ) ||
        fb_event_is(ev, FB_T_DRY_RUN))
        return;
    row->did_admin |= fb_eq(ev->service, "iam") && has(ev, ADMIN, sizeof ADMIN / sizeof *ADMIN);
    row->did_compute |= fb_event_is(ev, FB_T_COMPUTE_CREATE);
    row->did_data |= fb_event_is(ev, FB_T_DATA_SHARED_OUT);
    if (fb_event_is(ev, FB_T_MINT)) {
        const char *at = strstr(ev->mint.role_arn, ":iam::");

        row->did_elsewhere |=
            at && *row->account && !fb_starts(at + strlen(":iam::"), row->account);
        return; /* a session is no write */
    }
    while (i < row->service_count && strncmp(row->services[i], ev->service, 23) != 0)
        i++;
    if (i == row->service_count && i < FB_ROW_SERVICES) {
        (void)snprintf(row->services[i], sizeof row->services[i], "%s", ev->service);
        row->service_count++;
    }
}

static void acted(struct fb_row *row, const struct fb_event *ev)
{
    row->events++;
    row->signed_in |= ev->kind == FB_EV_SIGN_IN && ev->outcome == FB_OUTCOME_OK;
    if (ev->kind == FB_EV_CALL)
        add_key(row, ev->who.credential, 0, ev->time_ms);
    if (ev->provider == FB_AWS && ev->outcome == FB_OUTCOME_OK && /* Google's entries never say */
        (ev->kind == FB_EV_CALL || ev->kind == FB_EV_SIGN_IN)) {
        row->with_mfa |= ev->who.mfa;
        row->without_mfa |=
            ev->kind == FB_EV_SIGN_IN ? fb_event_is(ev, FB_T_CONSOLE_NO_MFA) : !ev->who.mfa;
    }
    did(row, ev);
}

/* Notices, findings, and what the event does to somebody else. */
static void accused(struct fb_rows *rows, struct fb_arena *a, const struct fb_event *ev,
                    struct fb_row *row)
{
    struct fb_row *other;
    const char *account = ev->account;

    if (ev->kind == FB_EV_LEAK_NOTICE || fb_event_is(ev, FB_T_LEAK_NOTICE))
        row->leaked = true;
    if (fb_event_is(ev, FB_T_VENDOR_CREDENTIAL) || fb_event_is(ev, FB_T_VENDOR_SEQUENCE))
        row->suspected = true;
    if (ev->outcome != FB_OUTCOME_OK)
        return;
    if (fb_event_is(ev, FB_T_QUARANTINE_POLICY) && *ev->target_user) {
        other =
            fb_row_of(rows, fb_arena_fmt(a, "arn:aws:iam::%s:user/%s", account, ev->target_user));
        if (other) {
            other->leaked = true;
            other->kind = other->kind ? other->kind : FB_HOP_USER;
            (void)set(&other->account, account);
            seen_at(other, ev->time_ms);
        }
    }
    if (fb_event_is(ev, FB_T_EXTERNAL_TRUST) && *ev->target_role) {
        const char *arn =
            fb_starts(ev->target_role, "arn:")
                ? ev->target_role
                : fb_arena_fmt(a, "arn:aws:iam::%s:role/%s", account, ev->target_role);

        other = fb_row_of(rows, arn);
        if (other) {
            other->outsiders = true;
            other->kind = other->kind ? other->kind : FB_HOP_ROLE;
            (void)set(&other->account, account);
            set_role(other, arn);
            seen_at(other, ev->time_ms);
        }
    }
}

static const char *made_arn(struct fb_arena *a, const struct fb_event *ev, const char *kind,
                            const char *name)
{
    return fb_starts(name, "arn:")
               ? name
               : fb_arena_fmt(a, "arn:aws:iam::%s:%s/%s", ev->account, kind, name);
}

/* When keys, users and roles came into being: their age is proved from then on. */
static void made(struct fb_rows *rows, struct fb_arena *a, const struct fb_event *ev,
                 const struct fb_row *actor)
{
    for (size_t i = 0; ev->outcome == FB_OUTCOME_OK && i < ev->made_count; i++) {
        const struct fb_made *m = &ev->made[i];
        bool key = fb_eq(m->kind, "access_key");
        const char *who = key && !*m->owner ? actor->identity
                          : key             ? made_arn(a, ev, "user", m->owner)
                                            : made_arn(a, ev, m->kind, m->id);
        struct fb_row *row;

        if (!key && !fb_eq(m->kind, "user") && !fb_eq(m->kind, "role"))
            continue;
        row = fb_row_of(rows, who);
        if (!row)
            continue;
        if (row->kind == FB_HOP_UNKNOWN)
            row->kind = fb_eq(m->kind, "role") ? FB_HOP_ROLE : FB_HOP_USER;
        if (row->kind == FB_HOP_ROLE)
            set_role(row, who);
        (void)set(&row->account, ev->account);
        seen_at(row, ev->time_ms);
        if (key)
            add_key(row, m->id, ev->time_ms, 0);
        else
            row->created_ms = ev->time_ms;
    }
}

void fb_rows_see(struct fb_rows *rows, struct fb_arena *a, const struct fb_decision *d)
{
    const struct fb_event *ev = &d->ev;
    const struct fb_hop *root = fb_chain_root(&d->chain);

    if (ev->kind == FB_EV_UNKNOWN || ev->drill || d->duplicate)
        return;
    rows->newest_ms = ev->time_ms > rows->newest_ms ? ev->time_ms : rows->newest_ms;
    for (size_t i = 0; i < d->chain.count; i++) {
        const struct fb_hop *hop = &d->chain.hops[i];
        struct fb_row *row = row_of_hop(rows, hop);

        if (!row)
            continue;
        if (hop->kind == FB_HOP_ROLE && !strstr(hop->identity, ":assumed-role/"))
            row->workload = true; /* used by a service: no caller's session stands before it */
        if (hop != root)
            set_parent(row, &d->chain.hops[i + 1]);
        seen_at(row, ev->time_ms);
        if (i == 0) {
            acted(row, ev);
            accused(rows, a, ev, row);
            made(rows, a, ev, row);
        }
    }
    if (ev->outcome == FB_OUTCOME_OK && strstr(ev->mint.session_arn, ":assumed-role/"))
        minted(rows, ev->mint.session_arn, &d->chain.hops[0], ev->time_ms);
}

/* --- a store ------------------------------------------------------------------------------------
 */

struct loader {
    struct fb_rows *rows;
    struct fb_arena *a;
    char last[FB_KEY_BYTES_MAX + 1];
    size_t seen;
};

static enum fb_hop_kind kind_of(const char *identity)
{
    return strstr(identity, ":assumed-role/") || strstr(identity, ":role/") ? FB_HOP_ROLE
           : strstr(identity, ":user/")                                     ? FB_HOP_USER
           : fb_ends(identity, ":root")                                     ? FB_HOP_ROOT
           : fb_starts(identity, "AKIA") || fb_starts(identity, "ASIA")     ? FB_HOP_CREDENTIAL
           : fb_ends(identity, ".gserviceaccount.com")                      ? FB_HOP_SERVICE_ACCOUNT
           : strchr(identity, '@') && !strchr(identity, ':')                ? FB_HOP_USER
                                                                            : FB_HOP_EXTERNAL;
}

static bool on_profile(void *self, const struct fb_item *item)
{
    struct loader *l = self;
    const char *identity = strchr(item->key, '#') + 1;
    struct fb_profile *p = fb_profile_new(l->a);
    struct fb_row *row;
    struct fb_arn arn;

    l->seen++;
    (void)snprintf(l->last, sizeof l->last, "%s", item->key);
    if (!p || fb_profile_read(p, (const unsigned char *)item->value, item->len, NULL) != FB_OK)
        return true;
    row = fb_row_of(l->rows, identity);
    if (!row)
        return true;
    if (row->kind == FB_HOP_UNKNOWN)
        row->kind = kind_of(identity);
    if (!*row->account && fb_arn_split(l->a, identity, &arn))
        (void)set(&row->account, arn.account);
    if (row->kind == FB_HOP_ROLE) {
        set_role(row, identity);
        row->workload |= !strstr(identity, ":assumed-role/");
    }
    seen_at(row, fb_profile_first_ms(p));
    seen_at(row, fb_profile_last_ms(p));
    return true;
}

/* A link is what was seen of its parent's credential; what it says of creation is its child's. */
static bool on_edge(void *self, const struct fb_item *item)
{
    struct loader *l = self;
    struct fb_edge edge;
    struct fb_row *row;

    l->seen++;
    (void)snprintf(l->last, sizeof l->last, "%s", item->key);
    if (fb_edge_read(l->a, item->value, item->len, &edge, NULL) != FB_OK)
        return true;
    if (fb_starts(edge.child, "created:")) {
        const char *child = edge.child + strlen("created:");

        row = fb_row_of(l->rows, child);
        if (row) {
            row->kind = row->kind ? row->kind : kind_of(child);
            row->created_ms = edge.made_ms;
            if (row->kind == FB_HOP_ROLE)
                set_role(row, child);
            seen_at(row, edge.made_ms);
        }
        return true;
    }
    row = row_of_hop(l->rows, &edge.parent);
    if (row) {
        add_key(row, edge.child, edge.parent.since_ms == edge.made_ms ? edge.made_ms : 0,
                edge.made_ms);
        add_key(row, edge.parent.credential, 0, edge.made_ms);
        seen_at(row, edge.made_ms);
    }
    if (edge.session_identity && strstr(edge.session_identity, ":assumed-role/"))
        minted(l->rows, edge.session_identity, &edge.parent, edge.made_ms);
    return true;
}

static enum fb_status each_page(struct fb_rows *rows, struct fb_store *s, const char *prefix,
                                bool (*each)(void *self, const struct fb_item *item),
                                struct fb_err *err)
{
    struct loader l = {rows, fb_arena_new(FB_INVOCATION_BYTES_MAX), "", 0};
    char after[FB_KEY_BYTES_MAX + 1] = "";
    enum fb_status st = l.a ? FB_OK : fb_err_set(err, FB_ELIMIT, "no memory to read the store");

    do { /* ends: every page begins behind the one before, and the store is finite */
        l.seen = 0;
        memcpy(after, l.last, sizeof after);
        if (st == FB_OK)
            st = fb_store_list(s, l.a, prefix, *after ? after : NULL, PAGE, each, &l, err);
        if (l.a)
            fb_arena_reset(l.a);
    } while (st == FB_OK && l.seen == PAGE);
    fb_arena_free(l.a);
    return st;
}

enum fb_status fb_rows_load(struct fb_rows *rows, struct fb_store *s, struct fb_err *err)
{
    enum fb_status st = each_page(rows, s, "edge#", on_edge, err);

    return st == FB_OK ? each_page(rows, s, "prof#", on_profile, err) : st;
}

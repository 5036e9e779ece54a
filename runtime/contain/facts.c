/* facts.c - answers to what a playbook asks about the world, in the shapes of the playbook API. A
 * fact never fails loudly: it says what is known and whether that is all. */
#include <string.h>

#include "contain/gate_in.h"
#include "score/price.h"

enum { MAKERS_MAX = 128 };

struct reading {
    struct fb_gate_run *g;
    const struct fb_ask *ask;
    struct fb_answer *answer;
    bool waits; /* a fact is wanted: run again after the read */
    bool complete;
    bool settled;
    const char *why;
};

/* --- what the chain made -------------------------------------------------------------------------
 */

/* Identities whose work is the chain's: its hops, the users that it made, and others' users as far
 * as a key goes that it made for them. */
struct makers {
    const char *identity[MAKERS_MAX];
    const char *credential[MAKERS_MAX]; /* only what was made with this key; "" all */
    const char *hop[MAKERS_MAX];        /* the hop that it comes from */
    size_t count;
};

static void add_maker(struct makers *m, const char *identity, const char *credential,
                      const char *hop)
{
    for (size_t i = 0; i < m->count; i++)
        if (fb_eq(m->identity[i], identity) &&
            (!*m->credential[i] || fb_eq(m->credential[i], credential)))
            return;
    if (m->count == MAKERS_MAX)
        return; /* a flood of users: the first are the ones that began it */
    m->identity[m->count] = identity;
    m->credential[m->count] = credential;
    m->hop[m->count++] = hop;
}

/* What one maker's things make of others. */
static void add_made_makers(struct fb_gate_run *g, struct makers *m,
                            const struct fb_made_item *items, size_t n, const char *hop)
{
    const char *account = g->set.incident->account;

    for (size_t i = 0; i < n; i++) {
        bool user = fb_eq(items[i].kind, "user"), key = fb_eq(items[i].kind, "access_key");
        const char *name = user ? items[i].id : items[i].owner;

        if ((user || key) && *name)
            add_maker(m, fb_arena_fmt(g->a, "arn:aws:iam::%s:user/%s", account, name),
                      user ? "" : items[i].id, hop);
    }
}

/* The things of maker i, as the work of the hop that it comes from; appended to `all`. */
static enum fb_status made_through(struct fb_gate_run *g, struct makers *m, size_t i,
                                   struct fb_made_item *all, size_t *count, struct fb_err *err)
{
    const struct fb_made_item *items;
    size_t n, first = *count;
    enum fb_status st = fb_made_list(g->set.store, g->a, &m->identity[i], 1,
                                     g->set.incident->since_ms, &items, &n, err);

    for (size_t k = 0; k < n && *count < FB_MADE_LIST_MAX; k++) {
        if (*m->credential[i] && !fb_eq(items[k].credential, m->credential[i]))
            continue;
        all[*count] = items[k];
        all[(*count)++].by = m->hop[i];
    }
    add_made_makers(g, m, all + first, *count - first, m->hop[i]);
    return st;
}

/* Hops first; then what they made makes of others, and so on. A thing may stand there twice: who is
 * nearest to the root is found first. */
static enum fb_status made_by_all(struct fb_gate_run *g, struct makers *m, struct fb_err *err)
{
    const struct fb_case *c = g->set.incident;
    const char **identities = FB_NEW_ARRAY(g->a, c->hop_count + 1, const char *);
    const struct fb_made_item *items;
    struct fb_made_item *all;
    enum fb_status st, one;
    size_t n;

    if (!identities)
        return fb_err_set(err, FB_ELIMIT, "no memory left in this invocation");
    for (size_t i = 0; i < c->hop_count; i++)
        add_maker(m, identities[i] = c->hops[i].identity, "", c->hops[i].identity);
    st = fb_made_list(g->set.store, g->a, identities, c->hop_count, c->since_ms, &items, &n, err);
    g->made = items;
    g->made_count = n;
    n = m->count;
    for (size_t i = 0; i < g->made_count; i++)
        add_made_makers(g, m, &items[i], 1, items[i].by);
    if (m->count == n)
        return st;
    all = FB_NEW_ARRAY(g->a, FB_MADE_LIST_MAX, struct fb_made_item);
    if (!all)
        return fb_err_set(err, FB_ELIMIT, "no memory left in this invocation");
    if (g->made_count > FB_MADE_LIST_MAX)
        g->made_count = FB_MADE_LIST_MAX;
    memcpy(all, items, g->made_count * sizeof *all);
    for (; n < m->count; n++) { /* m grows while it is walked */
        one = made_through(g, m, n, all, &g->made_count, err);
        st = st == FB_OK ? one : st;
    }
    g->made = all;
    return st;
}

enum fb_status fb_case_made(struct fb_gate_run *g, const struct fb_made_item **items, size_t *count)
{
    struct fb_err err = {.code = FB_OK};

    if (!g->made_loaded) {
        struct makers *m = FB_NEW(g->a, struct makers);

        g->made_loaded = true;
        g->made = NULL;
        g->made_count = 0;
        g->made_st = m ? made_by_all(g, m, &err) : FB_ELIMIT;
        if (g->made_st != FB_OK)
            fb_gate_gap(g,
                        fb_arena_fmt(g->a, "could not read all that the chain made: %s", err.text));
    }
    *items = g->made;
    *count = g->made_count;
    return g->made_st;
}

const struct fb_made_item *fb_case_made_find(struct fb_gate_run *g, const char *kind,
                                             const char *id, const char *owner)
{
    const struct fb_made_item *items;
    size_t n;

    fb_case_made(g, &items, &n);
    for (size_t i = 0; i < n; i++)
        if (fb_eq(items[i].kind, kind) && fb_eq(items[i].id, id) &&
            (!owner || fb_eq(items[i].owner, owner)))
            return &items[i];
    return NULL;
}

const struct fb_made_item *fb_case_made_in(struct fb_gate_run *g, const char *kind, const char *id,
                                           const char *region)
{
    const struct fb_made_item *items;
    size_t n;

    fb_case_made(g, &items, &n);
    for (size_t i = 0; i < n; i++)
        if (fb_eq(items[i].kind, kind) && fb_eq(items[i].id, id) && fb_eq(items[i].region, region))
            return &items[i];
    return NULL;
}

const struct fb_made_item *fb_case_session(struct fb_gate_run *g, size_t *at)
{
    const struct fb_made_item *items;
    size_t n;

    fb_case_made(g, &items, &n);
    while (*at < n) {
        const struct fb_made_item *item = &items[(*at)++];

        if (fb_eq(item->kind, "session") && g->set.now_ms - item->at_ms <= FB_SESSION_REACH_MS)
            return item;
    }
    return NULL;
}

/* Whether `by` (a hop, a list of hops, an identity, or nothing: the whole chain) names this
 * identity. */
static bool names(const struct fb_val *by, const char *identity)
{
    if (!by || by->kind == FB_VAL_NIL)
        return true;
    if (by->kind == FB_VAL_STR)
        return fb_eq(by->as.str, identity);
    if (by->kind == FB_VAL_MAP)
        return fb_eq(fb_val_get_str(by, "id"), identity);
    for (const struct fb_val *v = by->first; by->kind == FB_VAL_LIST && v; v = v->next)
        if (v->kind != FB_VAL_NIL && names(v, identity))
            return true;
    return false;
}

static bool hop_sure(const struct fb_gate_run *g, const char *identity)
{
    for (size_t i = 0; i < g->set.incident->hop_count; i++)
        if (fb_eq(g->set.incident->hops[i].identity, identity))
            return g->set.incident->hops[i].sure;
    return false;
}

/* --- chain ---------------------------------------------------------------------------------------
 */

static void set_some(struct fb_arena *a, struct fb_val *map, const char *key, const char *v)
{
    if (*v)
        fb_val_set_str(a, map, key, v);
}

static const char *hop_arn(struct fb_arena *a, const struct fb_hop *h, const char *user_arn)
{
    if (h->kind == FB_HOP_ROOT)
        return fb_arena_fmt(a, "arn:aws:iam::%s:root", h->account);
    if (*h->role_arn)
        return h->role_arn;
    return *user_arn ? user_arn : h->identity;
}

/* Who owns a hop's key, where the chain does not say it. Long-lived keys only: nobody can be asked
 * about a session's. */
static void find_user(struct reading *r, const struct fb_hop *h, const char **user,
                      const char **user_arn)
{
    const struct fb_known *k;

    if (!**user && h->kind == FB_HOP_CREDENTIAL && fb_starts(h->credential, "AKIA")) {
        k = fb_know(r->g, FB_READ_KEY_OWNER, "", h->credential);
        r->waits = r->waits || !k;
        if (k && k->read.st == FB_OK)
            *user = k->read.out_name;
        else if (k && k->read.st != FB_ENOTFOUND)
            r->complete = false;
    }
    if (**user && !**user_arn) {
        k = fb_know(r->g, FB_READ_USER, "", *user);
        r->waits = r->waits || !k;
        if (k && k->read.st == FB_OK)
            *user_arn = k->read.arn;
        else if (k && k->read.st != FB_ENOTFOUND)
            r->complete = false;
    }
}

static struct fb_val *hop_value(struct reading *r, const struct fb_hop *h)
{
    struct fb_arena *a = r->g->a;
    struct fb_val *map = fb_val_map(a);
    const char *user = h->user, *user_arn = h->user_arn;
    enum fb_hop_kind kind = h->kind;

    find_user(r, h, &user, &user_arn);
    if (kind == FB_HOP_CREDENTIAL && *user)
        kind = FB_HOP_USER_KEY;
    fb_val_set_str(a, map, "id", h->identity);
    fb_val_set_str(a, map, "kind", fb_hop_kind_name(kind));
    fb_val_set_str(a, map, "arn", hop_arn(a, h, user_arn));
    set_some(a, map, "key_id", h->credential);
    set_some(a, map, "user", user);
    set_some(a, map, "user_arn", user_arn);
    set_some(a, map, "session", h->session);
    fb_val_set_str(a, map, "via", h->via);
    fb_val_set_int(a, map, "since", h->since_ms);
    fb_val_set_bool(a, map, "sure", h->sure);
    return map;
}

static bool hop_has_role(const struct fb_case *c, const char *role_arn)
{
    for (size_t i = 0; i < c->hop_count; i++)
        if (fb_eq(c->hops[i].role_arn, role_arn))
            return true;
    return false;
}

/* The hops that the incident's events have shown, then the roles of which its chain holds sessions
 * that were minted before anything looked wrong, or that there was no room to keep. */
static const struct fb_val *chain(struct reading *r)
{
    const struct fb_case *c = r->g->set.incident;
    struct fb_val *list = fb_val_list(r->g->a);
    const struct fb_made_item *s;
    const struct fb_made_item *items;
    size_t at = 0, n;

    for (size_t i = 0; i < c->hop_count; i++)
        fb_val_push(list, hop_value(r, &c->hops[i]));
    if (fb_case_made(r->g, &items, &n) != FB_OK)
        r->complete = false;
    while ((s = fb_case_session(r->g, &at)) != NULL) {
        struct fb_hop role = {.kind = FB_HOP_ROLE,
                              .identity = s->id,
                              .account = "",
                              .credential = "",
                              .user = "",
                              .user_arn = "",
                              .role_arn = s->id,
                              .session = "",
                              .via = "AssumeRole",
                              .since_ms = s->at_ms,
                              .sure = hop_sure(r->g, s->by)};

        if (!hop_has_role(c, s->id))
            fb_val_push(list, hop_value(r, &role));
    }
    return list;
}

/* --- regions -------------------------------------------------------------------------------------
 */

static const struct fb_val *regions(struct reading *r)
{
    const struct fb_known *k = fb_know(r->g, FB_READ_REGIONS, "", "");
    struct fb_val *list = fb_val_list(r->g->a);

    if (!k) {
        r->waits = true;
        return list;
    }
    for (size_t i = 0; i < k->read.name_count; i++)
        fb_val_push(list, fb_val_str(r->g->a, k->read.names[i]));
    if (k->read.guessed)
        r->why = fb_arena_fmt(r->g->a, "guessed: the built-in list; %s", fb_known_why(r->g, k));
    if (k->read.st != FB_OK || k->read.guessed)
        r->complete = false;
    return list;
}

/* --- compute -------------------------------------------------------------------------------------
 */

static const struct fb_made_item *maker(const struct fb_made_item *items, size_t n,
                                        const struct fb_machine *m)
{
    for (size_t i = 0; i < n; i++)
        if (fb_eq(items[i].id, m->id) && fb_eq(items[i].kind, "instance") &&
            fb_eq(items[i].region, m->region))
            return &items[i];
    return NULL;
}

static struct fb_val *machine_value(struct fb_gate_run *g, const struct fb_machine *m,
                                    const struct fb_made_item *made)
{
    struct fb_val *map = fb_val_map(g->a);
    const char *type = *m->type ? m->type : made->type;

    fb_val_set_str(g->a, map, "id", m->id);
    fb_val_set_str(g->a, map, "region", m->region);
    fb_val_set_str(g->a, map, "type", type);
    fb_val_set_num(g->a, map, "hourly_usd", (double)fb_price_aws(type).usd_micros_per_hour / 1e6);
    fb_val_set_str(g->a, map, "by", made->by);
    fb_val_set_bool(g->a, map, "sure", hop_sure(g, made->by));
    fb_val_set_str(g->a, map, "kind", "instance");
    return map;
}

/* Only what the chain is on record for: a machine of anybody else is not even shown. */
static void machines_of(struct reading *r, const char *region, struct fb_val *instances)
{
    const struct fb_known *k = fb_know(r->g, FB_READ_MACHINES, region, "");
    const struct fb_val *by = fb_val_get(r->ask->args, "by");
    int64_t since = fb_val_get_int(r->ask->args, "since", 0);
    const struct fb_made_item *items, *made;
    size_t n;

    if (!k) {
        r->waits = true;
        return;
    }
    if (fb_case_made(r->g, &items, &n) != FB_OK)
        r->complete = false;
    if ((k->read.st != FB_OK && k->read.st != FB_ENOTFOUND) || !k->read.complete) {
        r->complete = false;
        r->why = fb_known_why(r->g, k);
    }
    for (size_t i = 0; i < k->read.machine_count; i++) {
        const struct fb_machine *m = &k->read.machines[i];

        if (m->state != FB_MACHINE_PENDING && m->state != FB_MACHINE_RUNNING)
            continue;
        made = maker(items, n, m);
        if (made && made->at_ms >= since && names(by, made->by))
            fb_val_push(instances, machine_value(r->g, m, made));
    }
}

/* What makes machines, by the chain's records: each is asked for by its id. */
static void services_of(struct reading *r, const char *region, struct fb_val *fleets)
{
    const struct fb_val *by = fb_val_get(r->ask->args, "by");
    int64_t since = fb_val_get_int(r->ask->args, "since", 0);
    const struct fb_made_item *items;
    size_t n;

    if (fb_case_made(r->g, &items, &n) != FB_OK)
        r->complete = false;
    for (size_t i = 0; i < n; i++) {
        const struct fb_service *s = fb_service_of(items[i].kind);
        const struct fb_known *k;
        struct fb_val *map;

        if (!s || !fb_eq(items[i].region, region) || items[i].at_ms < since ||
            !names(by, items[i].by) || !fb_service_id_ok(s, items[i].id))
            continue;
        k = fb_know_service(r->g, s, region, items[i].id);
        if (!k) {
            r->waits = true;
            continue;
        }
        if (k->read.st != FB_OK && k->read.st != FB_ENOTFOUND) {
            r->complete = false;
            r->why = fb_known_why(r->g, k);
        }
        if (k->read.st != FB_OK ||
            (k->read.look.state != FB_SERVICE_RUNNING && k->read.look.state != FB_SERVICE_STOPPING))
            continue;
        map = fb_val_map(r->g->a);
        fb_val_set_str(r->g->a, map, "id", items[i].id);
        fb_val_set_str(r->g->a, map, "region", region);
        fb_val_set_str(r->g->a, map, "kind", s->kind);
        fb_val_set_str(r->g->a, map, "by", items[i].by);
        fb_val_set_bool(r->g->a, map, "sure", hop_sure(r->g, items[i].by));
        fb_val_push(fleets, map);
    }
}

static const struct fb_val *compute(struct reading *r)
{
    struct fb_val *map = fb_val_map(r->g->a), *instances = fb_val_list(r->g->a);
    struct fb_val *fleets = fb_val_list(r->g->a);
    const char *region = fb_val_get_str(r->ask->args, "region");
    const struct fb_known *all;

    fb_val_set(r->g->a, map, "fleets", fleets);
    fb_val_set(r->g->a, map, "instances", instances);
    if (*region) {
        services_of(r, region, fleets);
        machines_of(r, region, instances);
        return map;
    }
    all = fb_know(r->g, FB_READ_REGIONS, "", "");
    r->waits = r->waits || !all;
    if (all && (all->read.st != FB_OK || all->read.guessed))
        r->complete = false;
    for (size_t i = 0; all && i < all->read.name_count; i++)
        services_of(r, all->read.names[i], fleets);
    for (size_t i = 0; all && i < all->read.name_count; i++)
        machines_of(r, all->read.names[i], instances);
    return map;
}

/* --- made_by -------------------------------------------------------------------------------------
 */

static bool kind_wanted(const struct fb_val *kinds, const char *kind)
{
    static const char *const DEFAULT[] = {"access_key", "user", "role", "login_profile"};

    if (!kinds || kinds->kind != FB_VAL_LIST) {
        for (size_t i = 0; i < sizeof DEFAULT / sizeof *DEFAULT; i++)
            if (fb_eq(DEFAULT[i], kind))
                return true;
        return false;
    }
    for (const struct fb_val *v = kinds->first; v; v = v->next)
        if (v->kind == FB_VAL_STR && fb_eq(v->as.str, kind))
            return true;
    return false;
}

static const struct fb_val *made_by(struct reading *r)
{
    struct fb_arena *a = r->g->a;
    struct fb_val *list = fb_val_list(a);
    const struct fb_val *kinds = fb_val_get(r->ask->args, "kinds");
    const struct fb_val *by = fb_val_get(r->ask->args, "chain");
    int64_t since = fb_val_get_int(r->ask->args, "since", 0);
    const struct fb_made_item *items;
    size_t n;

    r->complete = fb_case_made(r->g, &items, &n) == FB_OK;
    for (size_t i = 0; i < n; i++) {
        struct fb_val *map;

        if (!kind_wanted(kinds, items[i].kind) || items[i].at_ms < since || !names(by, items[i].by))
            continue;
        map = fb_val_map(a);
        fb_val_set_str(a, map, "kind", items[i].kind);
        fb_val_set_str(a, map, "id", items[i].id);
        set_some(a, map, "owner", items[i].owner);
        set_some(a, map, "region", items[i].region);
        set_some(a, map, "type", items[i].type);
        fb_val_set_int(a, map, "made", items[i].at_ms);
        fb_val_set_bool(a, map, "sure", hop_sure(r->g, items[i].by));
        fb_val_push(list, map);
    }
    return list;
}

/* --- the batch -----------------------------------------------------------------------------------
 */

static void answer(struct reading *r)
{
    const struct fb_val *value;

    r->waits = false;
    r->complete = true;
    r->why = "";
    switch (r->ask->verb) {
    case FB_VERB_CHAIN:
        value = chain(r);
        break;
    case FB_VERB_REGIONS:
        value = regions(r);
        break;
    case FB_VERB_COMPUTE:
        value = compute(r);
        break;
    default:
        value = made_by(r);
        break;
    }
    if (fb_arena_failed(r->g->a))
        r->complete = false;
    r->settled = !r->waits;
    *r->answer =
        (struct fb_answer){.ok = r->complete && r->settled,
                           .status = r->complete && r->settled ? FB_RESULT_DONE : FB_RESULT_FAILED,
                           .why = r->why,
                           .id = "",
                           .value = value,
                           .complete = r->complete && r->settled};
}

void fb_facts_answer(struct fb_gate_run *g, const struct fb_grant *grant,
                     const struct fb_ask **asks, struct fb_answer **answers, size_t n)
{
    struct reading *readings = FB_NEW_ARRAY(g->a, n, struct reading);

    for (size_t i = 0; readings && i < n; i++) {
        const struct fb_verb *verb = fb_verb(asks[i]->verb);

        readings[i] = (struct reading){.g = g, .ask = asks[i], .answer = answers[i], .why = ""};
        if (fb_gate_can(grant, verb->capability))
            continue;
        readings[i].settled = true;
        *answers[i] = (struct fb_answer){
            .status = FB_RESULT_REFUSED,
            .id = "",
            .why = fb_arena_fmt(g->a, "capability: %s is not in the needs of playbook %s",
                                verb->capability, grant->playbook)};
    }
    for (int round = 0; readings && round < FB_ROUNDS_MAX; round++) {
        for (size_t i = 0; i < n; i++)
            if (!readings[i].settled)
                answer(&readings[i]);
        if (!fb_known_fetch(g))
            break;
    }
}

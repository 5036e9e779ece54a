/* world_model.c - an account as its own log tells it: no network, no credential. What a dry replay,
 * a simulation and playbook tests read from and act on.
 *
 * Things are known by what events name: who acts exists, what was made exists, a launched machine
 * runs until an event (or an act of ours) stops it. What no event has named does not exist here. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/text.h"
#include "contain/world.h"
#include "normalize/event.h"

enum { MODEL_BYTES_MAX = 512 << 20, BUCKETS_FIRST = 64, REGIONS_MAX = 64 };

enum thing_kind { THING_USER, THING_ROLE, THING_KEY, THING_MACHINE, THING_SERVICE };

struct thing {
    enum thing_kind kind;
    const char *id;     /* user or role name, key id, machine id, "kind/id" of a service's thing */
    const char *region; /* machines and services; "" else */
    const char *arn, *unique;
    const char *owner; /* of a key: user name */
    const char *type, *profile_arn;
    enum fb_machine_state state;
    int64_t launched_ms;
    bool gone, active, stop_protected, termination_protected;
    const char *deny, *revoke;
    uint64_t hash;
    struct thing *next_hash, *next;
};

struct account {
    const char *id;
    struct fb_model *model;
    struct thing **buckets, *first, **last;
    size_t bucket_count, count;
    const char *regions[REGIONS_MAX];
    size_t region_count;
    struct account *next;
};

struct fb_model {
    struct fb_arena *a;
    struct account *accounts;
};

const char *fb_machine_state_name(enum fb_machine_state s)
{
    switch (s) {
    case FB_MACHINE_PENDING:
        return "pending";
    case FB_MACHINE_RUNNING:
        return "running";
    case FB_MACHINE_STOPPING:
        return "stopping";
    case FB_MACHINE_STOPPED:
        return "stopped";
    case FB_MACHINE_TERMINATED:
        return "terminated";
    case FB_MACHINE_GONE:
        break;
    }
    return "gone";
}

struct fb_model *fb_model_new(void)
{
    struct fb_model *m = calloc(1, sizeof *m);

    if (m && !(m->a = fb_arena_new(MODEL_BYTES_MAX))) {
        free(m);
        return NULL;
    }
    return m;
}

void fb_model_free(struct fb_model *m)
{
    if (!m)
        return;
    fb_arena_free(m->a);
    free(m);
}

/* --- things --------------------------------------------------------------------------------------
 */

static struct account *account_of(struct fb_model *m, const char *id)
{
    struct account *acc = m->accounts;

    while (acc && strcmp(acc->id, id) != 0)
        acc = acc->next;
    if (acc)
        return acc;
    acc = FB_NEW(m->a, struct account);
    if (!acc)
        return NULL;
    acc->buckets = FB_NEW_ARRAY(m->a, BUCKETS_FIRST, struct thing *);
    if (!acc->buckets)
        return NULL;
    acc->bucket_count = BUCKETS_FIRST;
    acc->id = fb_arena_str(m->a, id);
    acc->model = m;
    acc->last = &acc->first;
    acc->next = m->accounts;
    m->accounts = acc;
    return acc;
}

static uint64_t hash_of(enum thing_kind kind, const char *region, const char *id)
{
    return fb_hash64_str(id) ^ (fb_hash64_str(region) * 31) ^ (uint64_t)kind;
}

static struct thing *find(const struct account *acc, enum thing_kind kind, const char *region,
                          const char *id)
{
    uint64_t hash = hash_of(kind, region, id);
    struct thing *t = acc->buckets[hash % acc->bucket_count];

    while (t && (t->hash != hash || t->kind != kind || strcmp(t->id, id) != 0 ||
                 strcmp(t->region, region) != 0))
        t = t->next_hash;
    return t;
}

static void spread(struct account *acc)
{
    size_t n = acc->bucket_count * 4;
    struct thing **wide = FB_NEW_ARRAY(acc->model->a, n, struct thing *);

    if (!wide)
        return;
    for (struct thing *t = acc->first; t; t = t->next) {
        t->next_hash = wide[t->hash % n];
        wide[t->hash % n] = t;
    }
    acc->buckets = wide;
    acc->bucket_count = n;
}

/* The thing, made when the log had not named it. NULL when the model is full. */
static struct thing *see(struct account *acc, enum thing_kind kind, const char *region,
                         const char *id)
{
    struct thing *t = find(acc, kind, region, id);
    struct fb_arena *a = acc->model->a;

    if (t || !*id)
        return t;
    t = FB_NEW(a, struct thing);
    if (!t)
        return NULL;
    t->kind = kind;
    t->id = fb_arena_str(a, id);
    t->region = fb_arena_str(a, region);
    t->arn = t->unique = t->owner = t->type = t->profile_arn = t->deny = t->revoke = "";
    t->active = true;
    t->state = FB_MACHINE_RUNNING;
    t->hash = hash_of(kind, region, id);
    if (acc->count++ >= acc->bucket_count)
        spread(acc);
    t->next_hash = acc->buckets[t->hash % acc->bucket_count];
    acc->buckets[t->hash % acc->bucket_count] = t;
    *acc->last = t;
    acc->last = &t->next;
    return t;
}

static void learn(struct account *acc, const char **field, const char *value)
{
    if (!**field && *value)
        *field = fb_arena_str(acc->model->a, value);
}

static void see_user(struct account *acc, const char *name, const char *arn, const char *id)
{
    struct thing *t = see(acc, THING_USER, "", name);

    if (!t)
        return;
    learn(acc, &t->arn, arn);
    if (fb_starts(id, "AIDA"))
        learn(acc, &t->unique, id);
}

static void see_role(struct account *acc, const char *arn, const char *name, const char *id)
{
    const char *last = strrchr(arn, '/');
    struct thing *t = see(acc, THING_ROLE, "", *name ? name : last ? last + 1 : "");

    if (!t)
        return;
    if (strstr(arn, ":role/"))
        learn(acc, &t->arn, arn);
    if (fb_starts(id, "AROA"))
        learn(acc, &t->unique, fb_arena_strn(acc->model->a, id, strcspn(id, ":")));
}

/* A key whose owner no event has told yet belongs to an invented user, until one does. */
static void see_key(struct account *acc, const char *key, const char *owner)
{
    struct fb_arena *a = acc->model->a;
    struct thing *t;

    if (!fb_starts(key, "AKIA"))
        return;
    t = see(acc, THING_KEY, "", key);
    if (!t)
        return;
    if (*owner)
        t->owner = fb_arena_str(a, owner);
    else if (!*t->owner)
        t->owner = fb_arena_fmt(a, "owner-of-%s", key);
    see(acc, THING_USER, "", t->owner);
}

static void see_region(struct account *acc, const char *region)
{
    for (size_t i = 0; i < acc->region_count; i++)
        if (strcmp(acc->regions[i], region) == 0)
            return;
    if (*region && acc->region_count < REGIONS_MAX)
        acc->regions[acc->region_count++] = fb_arena_str(acc->model->a, region);
}

/* --- events --------------------------------------------------------------------------------------
 */

static void see_actor(struct account *acc, const struct fb_event *ev)
{
    const struct fb_principal *who = &ev->who;

    if (*who->account && !fb_eq(who->account, acc->id))
        return;
    if (who->kind == FB_WHO_USER && *who->name) {
        see_user(acc, who->name, who->arn, who->id);
        see_key(acc, who->credential, who->name);
    } else if (who->kind == FB_WHO_ROLE_SESSION || who->kind == FB_WHO_ROLE) {
        see_role(acc, *who->issuer_arn ? who->issuer_arn : who->arn, who->issuer_name, who->id);
    } else if (who->kind == FB_WHO_FEDERATED && *who->issuer_name) {
        see_user(acc, who->issuer_name, who->issuer_arn, "");
        see_key(acc, who->credential, who->issuer_name);
    } else if (who->kind == FB_WHO_CREDENTIAL || who->kind == FB_WHO_UNKNOWN) {
        see_key(acc, who->credential, who->name);
    }
}

static void see_made(struct account *acc, const struct fb_event *ev, const struct fb_made *made)
{
    struct thing *t;

    if (fb_eq(made->kind, "instance")) {
        t = see(acc, THING_MACHINE, *made->region ? made->region : ev->region, made->id);
        if (!t)
            return;
        learn(acc, &t->type, made->type);
        learn(acc, &t->profile_arn, ev->launch.profile_arn);
        if (!t->launched_ms)
            t->launched_ms = ev->time_ms;
        if (fb_event_is(ev, FB_T_TERM_PROTECT))
            t->termination_protected = true;
    } else if (fb_eq(made->kind, "access_key")) {
        see_key(acc, made->id, made->owner);
    } else if (fb_eq(made->kind, "user")) {
        see_user(acc, made->id, "", "");
    } else if (fb_eq(made->kind, "role")) {
        see_role(acc, "", made->id, "");
    } else if (fb_service_of(made->kind)) {
        see(acc, THING_SERVICE, *made->region ? made->region : ev->region,
            fb_arena_fmt(acc->model->a, "%s/%s", made->kind, made->id));
    } else if (fb_eq(made->kind, "login_profile")) {
        see_user(acc, *made->owner ? made->owner : made->id, "", "");
    }
}

static void gone(struct account *acc, enum thing_kind kind, const char *id)
{
    struct thing *t = find(acc, kind, "", id);

    if (t)
        t->gone = true;
}

/* Calls that change what exists. CloudTrail's own names. */
static void see_change(struct account *acc, const struct fb_event *ev)
{
    struct thing *t;

    if (fb_eq(ev->action, "DeleteUser")) {
        gone(acc, THING_USER, ev->target_user);
    } else if (fb_eq(ev->action, "DeleteRole")) {
        gone(acc, THING_ROLE, ev->target_role);
    } else if (fb_eq(ev->action, "DeleteAccessKey")) {
        gone(acc, THING_KEY, ev->target_key);
    } else if (fb_eq(ev->action, "DeleteUserPolicy") || fb_eq(ev->action, "DeleteRolePolicy")) {
        bool user = fb_eq(ev->action, "DeleteUserPolicy");

        t = find(acc, user ? THING_USER : THING_ROLE, "", user ? ev->target_user : ev->target_role);
        if (t && fb_eq(ev->target_policy, FB_POLICY_DENY))
            t->deny = "";
        if (t && fb_eq(ev->target_policy, FB_POLICY_REVOKE))
            t->revoke = "";
    } else if (fb_starts(ev->target_id, "i-")) {
        t = find(acc, THING_MACHINE, ev->region, ev->target_id);
        if (t && fb_eq(ev->action, "StopInstances"))
            t->state = FB_MACHINE_STOPPED;
        else if (t && fb_eq(ev->action, "TerminateInstances"))
            t->state = FB_MACHINE_TERMINATED;
        else if (t && fb_eq(ev->action, "StartInstances"))
            t->state = FB_MACHINE_RUNNING;
    } else if (fb_event_is(ev, FB_T_DENY_REMOVED) && *ev->target_key) {
        t = find(acc, THING_KEY, "", ev->target_key);
        if (t)
            t->active = true;
    }
}

void fb_model_observe(struct fb_model *m, const struct fb_event *ev)
{
    struct account *acc;

    if (ev->provider != FB_AWS || !*ev->account || !(acc = account_of(m, ev->account)))
        return;
    see_region(acc, ev->region);
    see_actor(acc, ev);
    if (ev->kind == FB_EV_LEAK_NOTICE || ev->kind == FB_EV_FINDING)
        see_key(acc, ev->target_key, ev->target_user);
    if (ev->outcome != FB_OUTCOME_OK)
        return;
    if (*ev->target_user)
        see_user(acc, ev->target_user, "", "");
    if (*ev->target_role)
        see_role(acc, "", ev->target_role, "");
    for (size_t i = 0; i < ev->made_count; i++)
        see_made(acc, ev, &ev->made[i]);
    see_change(acc, ev);
}

/* --- the world -----------------------------------------------------------------------------------
 */

static const char *arn_of(struct fb_arena *a, const struct account *acc, const struct thing *t)
{
    if (*t->arn)
        return t->arn;
    return fb_arena_fmt(a, "arn:aws:iam::%s:%s/%s", acc->id,
                        t->kind == THING_ROLE ? "role" : "user", t->id);
}

static void not_found(struct fb_read *r)
{
    r->st = fb_err_set(&r->err, FB_ENOTFOUND, "the log does not name it");
    r->complete = true;
}

static void read_who(const struct account *acc, struct fb_arena *a, struct fb_read *r)
{
    r->out_name = fb_arena_fmt(a, "arn:aws:sts::%s:assumed-role/firebreak/model", acc->id);
    r->id = "AROAFIREBREAKMODEL:model";
    r->account = acc->id;
}

static void read_identity(const struct account *acc, struct fb_arena *a, struct fb_read *r,
                          enum thing_kind kind)
{
    const struct thing *t = find(acc, kind, "", r->name);
    struct fb_key_state *keys;
    size_t n = 0;

    if (!t || t->gone) {
        not_found(r);
        return;
    }
    r->out_name = t->id;
    r->arn = arn_of(a, acc, t);
    r->id = t->unique;
    r->account = acc->id;
    r->deny_policy = t->deny;
    r->revoke_policy = t->revoke;
    r->policies_known = true;
    for (const struct thing *k = acc->first; kind == THING_USER && k; k = k->next)
        n += k->kind == THING_KEY && !k->gone && fb_eq(k->owner, t->id);
    keys = FB_NEW_ARRAY(a, n, struct fb_key_state);
    for (const struct thing *k = acc->first; keys && kind == THING_USER && k; k = k->next)
        if (k->kind == THING_KEY && !k->gone && fb_eq(k->owner, t->id))
            keys[r->key_count++] = (struct fb_key_state){k->id, k->active};
    r->keys = keys;
    r->keys_known = keys != NULL;
}

static void read_owner(const struct account *acc, struct fb_read *r)
{
    const struct thing *t = find(acc, THING_KEY, "", r->name);

    if (!t || t->gone)
        not_found(r);
    else
        r->out_name = t->owner;
}

static void read_machines(const struct account *acc, struct fb_arena *a, struct fb_read *r)
{
    size_t n = r->kind == FB_READ_MACHINE ? r->id_count : 0;
    struct fb_machine *out =
        FB_NEW_ARRAY(a, r->kind == FB_READ_MACHINE ? n : acc->count, struct fb_machine);

    if (!out) {
        r->st = fb_err_set(&r->err, FB_ELIMIT, "no memory");
        return;
    }
    for (const struct thing *t = acc->first; t; t = t->next) {
        bool asked = r->kind == FB_READ_MACHINES &&
                     (t->state == FB_MACHINE_RUNNING || t->state == FB_MACHINE_PENDING);

        if (t->kind != THING_MACHINE || t->gone || !fb_eq(t->region, r->region))
            continue;
        for (size_t i = 0; i < n && !asked; i++)
            asked = fb_eq(t->id, r->ids[i]);
        if (asked)
            out[r->machine_count++] =
                (struct fb_machine){.id = t->id,
                                    .region = t->region,
                                    .type = t->type,
                                    .state = t->state,
                                    .launched_ms = t->launched_ms,
                                    .stop_protected = t->stop_protected,
                                    .termination_protected = t->termination_protected,
                                    .protections_known = true,
                                    .profile_arn = t->profile_arn};
    }
    r->machines = out;
}

/* The log does not tell how a thing is set: one that was made runs until we stop it. */
static void read_service(const struct account *acc, struct fb_arena *a, struct fb_read *r)
{
    const struct thing *t =
        find(acc, THING_SERVICE, r->region, fb_arena_fmt(a, "%s/%s", r->service->kind, r->name));

    r->look = (struct fb_service_look){FB_SERVICE_GONE, "", "{}"};
    if (t && !t->gone)
        r->look.state = t->active ? FB_SERVICE_RUNNING : FB_SERVICE_STOPPED;
}

static void model_read(void *self, struct fb_arena *a, struct fb_read *reads, size_t n,
                       int64_t deadline_mono_ms)
{
    struct account *acc = self;

    (void)deadline_mono_ms;
    for (size_t i = 0; i < n; i++) {
        struct fb_read *r = &reads[i];

        r->st = FB_OK;
        r->complete = true;
        if (!acc) {
            r->st = fb_err_set(&r->err, FB_ELIMIT, "the model is full");
            continue;
        }
        switch (r->kind) {
        case FB_READ_WHO_AM_I:
            read_who(acc, a, r);
            break;
        case FB_READ_REGIONS:
            r->names = acc->regions;
            r->name_count = acc->region_count;
            break;
        case FB_READ_KEY_OWNER:
            read_owner(acc, r);
            break;
        case FB_READ_USER:
            read_identity(acc, a, r, THING_USER);
            break;
        case FB_READ_ROLE:
            read_identity(acc, a, r, THING_ROLE);
            break;
        case FB_READ_MACHINES:
        case FB_READ_MACHINE:
            read_machines(acc, a, r);
            break;
        case FB_READ_SERVICE:
            read_service(acc, a, r);
            break;
        }
    }
}

static void act_on(struct account *acc, struct fb_act *act, enum thing_kind kind, const char *id)
{
    struct thing *t = find(acc, kind, "", id);
    struct fb_arena *a = acc->model->a;

    if (!t || t->gone) {
        act->st = fb_err_set(&act->err, FB_ENOTFOUND, "the log does not name it");
        return;
    }
    if (act->kind == FB_ACT_KEY_INACTIVE)
        t->active = false;
    else if (act->kind == FB_ACT_ROLE_REVOKE)
        t->revoke = fb_arena_str(a, act->document);
    else
        t->deny = fb_arena_str(a, act->document);
}

static void stop(struct account *acc, struct fb_act *act)
{
    for (size_t i = 0; i < act->id_count; i++) {
        struct thing *t = find(acc, THING_MACHINE, act->region, act->ids[i]);
        enum fb_status st = FB_OK;

        if (!t || t->gone || t->state == FB_MACHINE_TERMINATED) {
            st = act->st = fb_err_set(&act->err, FB_ENOTFOUND, "the log does not name it");
        } else {
            t->state = FB_MACHINE_STOPPED;
            t->stop_protected = t->stop_protected && !(act->clear_stop && act->clear_stop[i]);
            t->termination_protected =
                t->termination_protected && !(act->clear_termination && act->clear_termination[i]);
        }
        if (act->id_st)
            act->id_st[i] = st;
        if (act->id_err && st != FB_OK)
            act->id_err[i] = act->err;
    }
}

static void set_service(struct account *acc, struct fb_arena *a, struct fb_act *act, bool active)
{
    struct thing *t = find(acc, THING_SERVICE, act->region,
                           fb_arena_fmt(a, "%s/%s", act->service->kind, act->name));

    if (!t || t->gone)
        act->st = fb_err_set(&act->err, FB_ENOTFOUND, "the log does not name it");
    else
        t->active = active;
}

static void model_act(void *self, struct fb_arena *a, struct fb_act *acts, size_t n,
                      int64_t deadline_mono_ms)
{
    struct account *acc = self;

    (void)deadline_mono_ms;
    for (size_t i = 0; i < n; i++) {
        struct fb_act *act = &acts[i];

        act->st = FB_OK;
        if (!acc) {
            act->st = fb_err_set(&act->err, FB_ELIMIT, "the model is full");
            continue;
        }
        switch (act->kind) {
        case FB_ACT_KEY_INACTIVE:
            act_on(acc, act, THING_KEY, act->id);
            break;
        case FB_ACT_USER_DENY:
            act_on(acc, act, THING_USER, act->name);
            break;
        case FB_ACT_ROLE_DENY:
        case FB_ACT_ROLE_REVOKE:
            act_on(acc, act, THING_ROLE, act->name);
            break;
        case FB_ACT_MACHINES_STOP:
            stop(acc, act);
            break;
        case FB_ACT_SERVICE_STOP:
        case FB_ACT_SERVICE_UNDO:
            set_service(acc, a, act, act->kind == FB_ACT_SERVICE_UNDO);
            break;
        }
    }
}

struct fb_world fb_world_model(struct fb_model *m, const char *account)
{
    return (struct fb_world){account_of(m, account), "model", model_read, model_act};
}

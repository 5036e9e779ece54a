/* cloud.c - the account: identities whose changes spread slowly, machines that take their time,
 * groups that start what is missing. */
#include "simulate/sim.h"

#include <string.h>

#include "base/text.h"

const char *const SIM_REGION[SIM_REGIONS] = {"us-east-1", "eu-west-1", "ap-south-1", "sa-east-1"};

/* --- cells ---------------------------------------------------------------------------------------
 */

void cell_begin(struct cell *c, int64_t value)
{
    memset(c, 0, sizeof *c);
    c->n = 1;
    c->at[0].value = value;
}

int64_t cell_true(const struct cell *c) { return c->at[c->n - 1].value; }

int64_t cell_seen(const struct cell *c, int64_t now)
{
    int i = c->n - 1;

    while (i > 0 && c->at[i].seen_ms > now)
        i--;
    return c->at[i].value;
}

int64_t cell_bound(const struct cell *c, int64_t now)
{
    int i = c->n - 1;

    while (i > 0 && c->at[i].binds_ms > now)
        i--;
    return c->at[i].value;
}

static int64_t later(int64_t x, int64_t y) { return x > y ? x : y; }

void cell_set(struct sim *s, struct cell *c, int64_t value)
{
    int64_t seen = s->now_ms + sim_between(s, 0, s->healed ? 500 : s->w.seen_lag_ms);
    int64_t binds = s->now_ms + sim_between(s, 0, s->healed ? 500 : s->w.bind_lag_ms);

    if (c->n == SIM_CELL) {
        memmove(&c->at[0], &c->at[1], sizeof c->at[0] * (SIM_CELL - 1));
        c->n--;
    }
    /* Writes to one thing keep their order. */
    c->at[c->n].seen_ms = later(seen, c->at[c->n - 1].seen_ms);
    c->at[c->n].binds_ms = later(binds, c->at[c->n - 1].binds_ms);
    c->at[c->n++].value = value;
}

/* --- things --------------------------------------------------------------------------------------
 */

const char *cloud_id(struct sim *s, const char *prefix)
{
    return fb_arena_fmt(s->a, "%s%08u", prefix, ++s->ids);
}

int cloud_user(struct sim *s, const char *name, bool thiefs)
{
    struct sim_user *u = &s->users[s->user_count];

    if (s->user_count == SIM_USERS)
        return -1;
    u->name = name;
    u->arn = fb_arena_fmt(s->a, "arn:aws:iam::" SIM_ACCOUNT ":user/%s", name);
    u->id = cloud_id(s, "AIDASIMULATED");
    u->thiefs = thiefs;
    u->apart = s->apart;
    cell_begin(&u->there, 1);
    cell_begin(&u->denied, 0);
    return (int)s->user_count++;
}

int cloud_role(struct sim *s, const char *name, bool thiefs)
{
    struct sim_role *r = &s->roles[s->role_count];

    if (s->role_count == SIM_ROLES)
        return -1;
    r->name = name;
    r->arn = fb_arena_fmt(s->a, "arn:aws:iam::" SIM_ACCOUNT ":role/%s", name);
    r->id = cloud_id(s, "AROASIMULATED");
    r->thiefs = thiefs;
    r->apart = s->apart;
    cell_begin(&r->there, 1);
    cell_begin(&r->denied, 0);
    cell_begin(&r->revoked_ms, 0);
    return (int)s->role_count++;
}

int cloud_key(struct sim *s, int user, bool thiefs)
{
    struct sim_key *k = &s->keys[s->key_count];

    if (s->key_count == SIM_KEYS)
        return -1;
    k->id = cloud_id(s, "AKIASIMULATED");
    k->user = user;
    k->thiefs = k->thief_has = thiefs;
    k->apart = s->apart;
    cell_begin(&k->there, 1);
    cell_begin(&k->active, 1);
    return (int)s->key_count++;
}

int cloud_machine(struct sim *s, int region, bool thiefs, int group)
{
    struct sim_machine *m = &s->machines[s->machine_count];

    if (s->machine_count == SIM_MACHINES)
        return -1;
    m->id = cloud_id(s, "i-0");
    m->type = "c5a.24xlarge";
    m->region = region;
    m->group = group;
    m->state = FB_MACHINE_PENDING;
    m->launched_ms = s->now_ms;
    m->until_ms = s->now_ms + sim_between(s, 500, 20 * SEC);
    m->thiefs = thiefs;
    m->apart = s->apart;
    m->event = -1;
    return (int)s->machine_count++;
}

int cloud_group(struct sim *s, const char *name, int region)
{
    struct sim_group *g = &s->groups[s->group_count];

    if (s->group_count == SIM_GROUPS)
        return -1;
    *g = (struct sim_group){
        .name = name, .region = region, .thiefs = true, .apart = s->apart, .event = -1};
    return (int)s->group_count++;
}

int cloud_find_user(const struct sim *s, const char *name)
{
    for (size_t i = 0; i < s->user_count; i++)
        if (fb_eq(s->users[i].name, name))
            return (int)i;
    return -1;
}

int cloud_find_key(const struct sim *s, const char *id)
{
    for (size_t i = 0; i < s->key_count; i++)
        if (fb_eq(s->keys[i].id, id))
            return (int)i;
    return -1;
}

int cloud_find_role(const struct sim *s, const char *name)
{
    for (size_t i = 0; i < s->role_count; i++)
        if (fb_eq(s->roles[i].name, name))
            return (int)i;
    return -1;
}

int sim_region_of(const char *name)
{
    for (int i = 0; i < SIM_REGIONS; i++)
        if (fb_eq(SIM_REGION[i], name))
            return i;
    return -1;
}

bool sim_region_dead(const struct sim *s, int region)
{
    return region >= 0 && region == s->w.dead_region && s->now_ms < s->w.dead_until_ms;
}

/* --- what binds ----------------------------------------------------------------------------------
 */

bool cloud_key_works(const struct sim *s, int key)
{
    const struct sim_key *k = &s->keys[key];
    const struct sim_user *u = &s->users[k->user];

    return cell_bound(&k->there, s->now_ms) && cell_bound(&k->active, s->now_ms) &&
           !cell_bound(&u->denied, s->now_ms);
}

bool cloud_session_works(const struct sim *s, int session)
{
    const struct sim_session *x = &s->sessions[session];
    const struct sim_role *r = &s->roles[x->role];

    return !cell_bound(&r->denied, s->now_ms) &&
           x->issued_ms >= cell_bound(&r->revoked_ms, s->now_ms);
}

/* --- time ----------------------------------------------------------------------------------------
 */

static int members(const struct sim *s, int group)
{
    int n = 0;

    for (size_t i = 0; i < s->machine_count; i++)
        n += s->machines[i].group == group && machine_up(&s->machines[i]);
    return n;
}

static void scale(struct sim *s, int group)
{
    struct sim_group *g = &s->groups[group];
    int have = members(s, group);

    s->apart = g->apart;
    while (have < g->desired && !g->launch_suspended && have < 4 &&
           cloud_machine(s, g->region, true, group) >= 0)
        have++;
    for (size_t i = 0; i < s->machine_count && have > g->desired; i++)
        if (s->machines[i].group == group && machine_up(&s->machines[i])) {
            s->machines[i].state = FB_MACHINE_TERMINATED;
            have--;
        }
}

void cloud_pass(struct sim *s)
{
    for (size_t i = 0; i < s->machine_count; i++) {
        struct sim_machine *m = &s->machines[i];

        if (m->until_ms > s->now_ms)
            continue;
        if (m->state == FB_MACHINE_PENDING)
            m->state = FB_MACHINE_RUNNING;
        else if (m->state == FB_MACHINE_STOPPING)
            m->state = FB_MACHINE_STOPPED;
    }
    for (size_t i = 0; i < s->group_count; i++)
        scale(s, (int)i);
}

/* People who must not be touched, and the one whose key was stolen. */
void cloud_begin(struct sim *s)
{
    int ci = cloud_user(s, "ci", false), alice = cloud_user(s, "alice", false);
    int glass = cloud_user(s, "break-glass", false);

    cloud_key(s, ci, false); /* key 0: the stolen one */
    s->keys[0].thief_has = true;
    cloud_key(s, ci, false);
    cloud_key(s, alice, false);
    cloud_key(s, glass, false);
    s->users[glass].protected = true;
    cloud_role(s, "deploy", false);
    cloud_role(s, "prod", false);
    s->roles[cloud_role(s, "firebreak", false)].protected = true; /* that is us */
    for (int r = 0; r < SIM_REGIONS; r++) {
        int m = cloud_machine(s, r, false, -1);

        s->region_on[r] = true;
        s->machines[m].until_ms = 0;
        s->machines[m].state = FB_MACHINE_RUNNING;
    }
    s->region_on[SIM_REGIONS - 1] = sim_chance(s, 500);
}

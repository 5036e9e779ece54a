/* world.c - the account as the gate reaches it: slow, throttled, silent at times, and never quite
 * up to date. */
#include "simulate/sim.h"

#include <string.h>

#include "base/text.h"
#include "contain/policy.h"

/* --- faults --------------------------------------------------------------------------------------
 */

static bool bad(const struct sim_worker *w) { return !w->s->healed; }

/* How a call goes wrong before it is carried out; FB_OK: it does not. */
static enum fb_status fault(struct sim_worker *w, int region, struct fb_err *err)
{
    struct sim *s = w->s;

    if (w->dead)
        return fb_err_set(err, FB_ETIMEOUT, "nobody is there any more");
    if (sim_region_dead(s, region)) {
        s->now_ms += 50;
        w->cut = true;
        return fb_err_set(err, FB_ETIMEOUT, "%s does not answer", SIM_REGION[region]);
    }
    if (bad(w) && sim_chance(s, s->w.throttle)) {
        s->count->throttles++;
        w->cut = true;
        return fb_err_set(err, FB_ETHROTTLED, "RequestLimitExceeded");
    }
    if (bad(w) && sim_chance(s, s->w.timeout)) {
        s->count->timeouts++;
        w->cut = true;
        return fb_err_set(err, FB_ETIMEOUT, "no answer");
    }
    return FB_OK;
}

/* --- reads ---------------------------------------------------------------------------------------
 */

static void gone(struct fb_read *r) { r->st = fb_err_set(&r->err, FB_ENOTFOUND, "NoSuchEntity"); }

static void read_user(struct sim *s, struct fb_arena *a, struct fb_read *r)
{
    int i = cloud_find_user(s, r->name);
    struct fb_key_state *keys = FB_NEW_ARRAY(a, SIM_KEYS, struct fb_key_state);

    if (i < 0 || !keys || !cell_seen(&s->users[i].there, s->now_ms)) {
        gone(r);
        return;
    }
    r->out_name = s->users[i].name;
    r->arn = s->users[i].arn;
    r->id = s->users[i].id;
    r->account = SIM_ACCOUNT;
    r->deny_policy = cell_seen(&s->users[i].denied, s->now_ms) ? FB_POLICY_DENY_DOCUMENT : "";
    r->revoke_policy = "";
    r->policies_known = r->keys_known = true;
    for (size_t k = 0; k < s->key_count; k++)
        if (s->keys[k].user == i && cell_seen(&s->keys[k].there, s->now_ms))
            keys[r->key_count++] =
                (struct fb_key_state){s->keys[k].id, cell_seen(&s->keys[k].active, s->now_ms) != 0};
    r->keys = keys;
}

static void read_role(struct sim *s, struct fb_arena *a, struct fb_read *r)
{
    int i = cloud_find_role(s, r->name);
    int64_t before;

    if (i < 0 || !cell_seen(&s->roles[i].there, s->now_ms)) {
        gone(r);
        return;
    }
    before = cell_seen(&s->roles[i].revoked_ms, s->now_ms);
    r->out_name = s->roles[i].name;
    r->arn = s->roles[i].arn;
    r->id = s->roles[i].id;
    r->account = SIM_ACCOUNT;
    r->deny_policy = cell_seen(&s->roles[i].denied, s->now_ms) ? FB_POLICY_DENY_DOCUMENT : "";
    r->revoke_policy = before ? fb_policy_revoke_document(a, before) : "";
    r->policies_known = true;
}

static void read_machines(struct sim *s, struct fb_arena *a, struct fb_read *r, int region)
{
    struct fb_machine *out = FB_NEW_ARRAY(a, SIM_MACHINES, struct fb_machine);
    bool partial = !s->healed && sim_chance(s, s->w.partial);

    for (size_t i = 0; out && i < s->machine_count; i++) {
        const struct sim_machine *m = &s->machines[i];
        bool asked = r->kind == FB_READ_MACHINES && machine_up(m);

        for (size_t k = 0; k < r->id_count && !asked; k++)
            asked = fb_eq(r->ids[k], m->id);
        if (m->region != region || !asked)
            continue;
        if (partial && sim_chance(s, 500)) {
            r->complete = false;
            fb_err_set(&r->err, FB_ETHROTTLED, "a page is missing");
            continue;
        }
        out[r->machine_count++] = (struct fb_machine){.id = m->id,
                                                      .region = SIM_REGION[m->region],
                                                      .type = m->type,
                                                      .state = m->state,
                                                      .launched_ms = m->launched_ms,
                                                      .stop_protected = m->stop_protected,
                                                      .termination_protected = m->term_protected,
                                                      .protections_known = true,
                                                      .profile_arn = ""};
    }
    r->machines = out;
}

static int find_group(const struct sim *s, const char *name, int region)
{
    for (size_t i = 0; i < s->group_count; i++)
        if (s->groups[i].region == region && fb_eq(s->groups[i].name, name))
            return (int)i;
    return -1;
}

static void read_group(struct sim *s, struct fb_arena *a, struct fb_read *r, int region)
{
    int i = find_group(s, r->name, region);
    const struct sim_group *g = &s->groups[i < 0 ? 0 : i];

    r->look = (struct fb_service_look){FB_SERVICE_GONE, "", "{}"};
    if (i < 0)
        return;
    r->look.state = g->max == 0 && g->desired == 0 && g->launch_suspended ? FB_SERVICE_STOPPED
                                                                          : FB_SERVICE_RUNNING;
    r->look.kept = fb_arena_fmt(
        a,
        "{\"MinSize\":\"%d\",\"MaxSize\":\"%d\",\"DesiredCapacity\":\"%d\",\"Suspended\":\"%s\"}",
        g->min, g->max, g->desired, g->launch_suspended ? "Launch" : "");
}

static void read_regions(struct sim *s, struct fb_arena *a, struct fb_read *r)
{
    const char **names = FB_NEW_ARRAY(a, SIM_REGIONS, const char *);

    for (int i = 0; names && i < SIM_REGIONS; i++)
        if (s->region_on[i])
            names[r->name_count++] = SIM_REGION[i];
    r->names = names;
}

static void read_one(struct sim_worker *w, struct fb_arena *a, struct fb_read *r)
{
    struct sim *s = w->s;
    bool regional =
        r->kind == FB_READ_MACHINE || r->kind == FB_READ_MACHINES || r->kind == FB_READ_SERVICE;
    int region = regional ? sim_region_of(r->region) : -1, k;

    r->complete = true;
    r->st = fault(w, region, &r->err);
    if (r->st != FB_OK) {
        r->complete = false;
        return;
    }
    switch (r->kind) {
    case FB_READ_WHO_AM_I:
        r->out_name = "arn:aws:sts::" SIM_ACCOUNT ":assumed-role/firebreak/fn";
        r->id = fb_arena_fmt(a, "%s:fn", s->roles[2].id);
        r->account = SIM_ACCOUNT;
        r->ahead_ms = -s->w.skew_ms;
        break;
    case FB_READ_REGIONS:
        read_regions(s, a, r);
        break;
    case FB_READ_KEY_OWNER:
        k = cloud_find_key(s, r->name);
        if (k < 0 || !cell_seen(&s->keys[k].there, s->now_ms))
            r->st = fb_err_set(&r->err, FB_EDENIED, "AccessDenied"); /* as AWS says it */
        else
            r->out_name = s->users[s->keys[k].user].name;
        break;
    case FB_READ_USER:
        read_user(s, a, r);
        break;
    case FB_READ_ROLE:
        read_role(s, a, r);
        break;
    case FB_READ_MACHINES:
    case FB_READ_MACHINE:
        read_machines(s, a, r, region);
        break;
    case FB_READ_SERVICE:
        read_group(s, a, r, region);
        break;
    }
}

static void sim_read(void *self, struct fb_arena *a, struct fb_read *reads, size_t n,
                     int64_t deadline)
{
    struct sim_worker *w = self;

    (void)deadline;
    w->calls++;
    (void)crew_point(w);
    for (size_t i = 0; i < n; i++)
        read_one(w, a, &reads[i]);
}

/* --- acts ----------------------------------------------------------------------------------------
 */

static enum fb_status stop_one(struct sim *s, const struct fb_act *act, size_t i,
                               struct fb_err *err)
{
    for (size_t k = 0; k < s->machine_count; k++) {
        struct sim_machine *m = &s->machines[k];

        if (!fb_eq(m->id, act->ids[i]) || !fb_eq(SIM_REGION[m->region], act->region))
            continue;
        if (act->clear_stop[i])
            m->stop_protected = false;
        if (act->clear_termination[i])
            m->term_protected = false;
        if (m->stop_protected)
            return fb_err_set(err, FB_EDENIED, "OperationNotPermitted");
        if (m->state == FB_MACHINE_PENDING)
            return fb_err_set(err, FB_ECONFLICT, "IncorrectInstanceState");
        if (m->state == FB_MACHINE_RUNNING) {
            m->state = FB_MACHINE_STOPPING;
            m->until_ms = s->now_ms + sim_between(s, 200, 30 * SEC);
            s->last_change_ms = s->now_ms;
        }
        return FB_OK;
    }
    return fb_err_set(err, FB_ENOTFOUND, "InvalidInstanceID.NotFound");
}

static enum fb_status set(struct sim *s, struct cell *c, int64_t value)
{
    if (cell_true(c) != value)
        s->last_change_ms = s->now_ms;
    cell_set(s, c, value);
    return FB_OK;
}

static enum fb_status carry_out(struct sim *s, struct fb_act *act, struct fb_arena *a)
{
    int user = cloud_find_user(s, act->name), role = cloud_find_role(s, act->name), i;
    int64_t before = 0;

    switch (act->kind) {
    case FB_ACT_KEY_INACTIVE:
        i = cloud_find_key(s, act->id);
        if (i < 0 || s->keys[i].user != user)
            return fb_err_set(&act->err, FB_ENOTFOUND, "NoSuchEntity");
        return set(s, &s->keys[i].active, 0);
    case FB_ACT_USER_DENY:
        if (user < 0)
            return fb_err_set(&act->err, FB_ENOTFOUND, "NoSuchEntity");
        return set(s, &s->users[user].denied, fb_policy_denies_all(a, act->document));
    case FB_ACT_ROLE_DENY:
        if (role < 0)
            return fb_err_set(&act->err, FB_ENOTFOUND, "NoSuchEntity");
        return set(s, &s->roles[role].denied, fb_policy_denies_all(a, act->document));
    case FB_ACT_ROLE_REVOKE:
        if (role < 0)
            return fb_err_set(&act->err, FB_ENOTFOUND, "NoSuchEntity");
        fb_policy_revoked_before(a, act->document, &before);
        return set(s, &s->roles[role].revoked_ms, before);
    case FB_ACT_SERVICE_STOP:
        i = find_group(s, act->name, sim_region_of(act->region));
        if (i < 0)
            return fb_err_set(&act->err, FB_ENOTFOUND, "ValidationError");
        if (!s->groups[i].launch_suspended || s->groups[i].desired)
            s->last_change_ms = s->now_ms;
        s->groups[i].launch_suspended = true;
        s->groups[i].min = s->groups[i].max = s->groups[i].desired = 0;
        return FB_OK;
    case FB_ACT_MACHINES_STOP:
    case FB_ACT_SERVICE_UNDO:
        break;
    }
    return FB_OK;
}

static void stop_all(struct sim *s, struct fb_act *act)
{
    act->st = FB_OK;
    for (size_t i = 0; i < act->id_count; i++) {
        act->id_st[i] = stop_one(s, act, i, &act->id_err[i]);
        if (act->id_st[i] != FB_OK) {
            act->st = act->id_st[i];
            act->err = act->id_err[i];
        }
    }
}

static void said(struct fb_act *act, enum fb_status st, const struct fb_err *err)
{
    act->st = st;
    act->err = *err;
    for (size_t i = 0; act->id_st && i < act->id_count; i++) {
        act->id_st[i] = st;
        act->id_err[i] = *err;
    }
}

/* One act: refused before it is done, done, or done and nobody hears of it. */
static void act_one(struct sim_worker *w, struct fb_arena *a, struct fb_act *act)
{
    struct sim *s = w->s;
    bool regional = act->kind == FB_ACT_MACHINES_STOP || act->kind == FB_ACT_SERVICE_STOP;
    struct fb_err err = {.code = FB_OK};
    int64_t changed_ms;
    enum fb_status st = fault(w, regional ? sim_region_of(act->region) : -1, &err);

    if (st != FB_OK) {
        if (!w->dead)
            check_act(w, act);
        said(act, st, &err);
        return;
    }
    check_act(w, act);
    changed_ms = s->last_change_ms;
    s->count->acts++;
    if (act->kind == FB_ACT_MACHINES_STOP)
        stop_all(s, act);
    else
        act->st = carry_out(s, act, a);
    sim_tell(s, "  act %d on %s%s%s: %s", (int)act->kind, act->region, act->name,
             act->id_count ? act->ids[0] : act->id, fb_status_name(act->st));
    check_acted(s, changed_ms);
    cloud_pass(s);
    if (bad(w) && sim_chance(s, s->w.lost)) {
        s->count->lost++;
        w->cut = true;
        st = fb_err_set(&err, FB_ETIMEOUT, "the answer was lost");
        said(act, st, &err);
    }
}

static void sim_act(void *self, struct fb_arena *a, struct fb_act *acts, size_t n, int64_t deadline)
{
    struct sim_worker *w = self;

    for (size_t i = 0; i < n; i++) {
        struct fb_err late = {.code = FB_OK};

        w->calls++;
        (void)crew_point(w);
        if (deadline && w->s->now_ms >= deadline) {
            fb_err_set(&late, FB_ETIMEOUT, "out of time");
            said(&acts[i], FB_ETIMEOUT, &late);
        } else {
            act_one(w, a, &acts[i]);
        }
    }
}

struct fb_world sim_world(struct sim_worker *w)
{
    return (struct fb_world){w, "simulated", sim_read, sim_act};
}

struct fb_world sim_world_of(const struct fb_model *m)
{
    int i = 0;

    while (i < SIM_WORKERS - 1 && sim_crew[i].rt.model != m)
        i++;
    return sim_world(&sim_crew[i]);
}

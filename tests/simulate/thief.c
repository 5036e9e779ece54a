/* thief.c - who has the stolen key: each move needs a credential that the cloud still lets through,
 * changes the account, and is told by an event that comes when it comes. */
#include "simulate/sim.h"

#include <string.h>

#include "base/text.h"

/* The credential that a move is made with. */
struct cred {
    int key, session; /* one of them is -1 */
};

#define BIT(t) fb_trait_bit(FB_T_##t)

/* --- events --------------------------------------------------------------------------------------
 */

int thief_event(struct sim *s, const struct fb_event *ev)
{
    int64_t copies = sim_between(s, 1, s->w.copies_max), at = s->now_ms;
    int i = (int)s->event_count;

    if (s->event_count == SIM_EVENTS)
        return -1;
    s->events[s->event_count++] = (struct sim_event){.ev = *ev};
    if (s->w.shuffled)
        at = s->end_attack_ms;
    for (int64_t c = 0; c < copies; c++)
        crew_deliver(s, i, at + sim_between(s, 500, s->w.delay_ms));
    s->count->events++;
    s->count->copies += (uint64_t)(copies - 1);
    return i;
}

static struct fb_event event_by(struct sim *s, struct cred c, const char *service,
                                const char *action)
{
    struct fb_event ev = fb_event_blank();

    ev.id = cloud_id(s, "ev-");
    ev.time_ms = s->now_ms - s->now_ms % SEC; /* CloudTrail tells whole seconds */
    ev.provider = FB_AWS;
    ev.kind = FB_EV_CALL;
    ev.account = ev.who.account = SIM_ACCOUNT;
    ev.region = "us-east-1";
    ev.service = service;
    ev.action = action;
    ev.ip = "203.0.113.9";
    ev.agent = "Go-http-client/1.1";
    if (c.key >= 0) {
        const struct sim_user *u = &s->users[s->keys[c.key].user];

        ev.who.kind = FB_WHO_USER;
        ev.who.arn = u->arn;
        ev.who.id = u->id;
        ev.who.name = u->name;
        ev.who.credential = s->keys[c.key].id;
    } else {
        const struct sim_session *x = &s->sessions[c.session];
        const struct sim_role *r = &s->roles[x->role];

        ev.who.kind = FB_WHO_ROLE_SESSION;
        ev.who.arn = x->arn;
        ev.who.id = fb_arena_fmt(s->a, "%s:%s", r->id, x->name);
        ev.who.credential = x->key;
        ev.who.issuer_arn = r->arn;
        ev.who.issuer_kind = "Role";
        ev.who.issuer_name = r->name;
        ev.who.session = x->name;
        ev.who.session_ms = x->issued_ms;
    }
    return ev;
}

static int made(struct sim *s, struct fb_event *ev, const char *kind, const char *id,
                const char *owner, const char *region)
{
    struct fb_made *m = FB_NEW(s->a, struct fb_made);

    if (!m)
        return -1;
    *m = (struct fb_made){.kind = kind, .id = id, .owner = owner, .region = region, .type = ""};
    ev->made = m;
    ev->made_count = 1;
    return thief_event(s, ev);
}

/* --- moves ---------------------------------------------------------------------------------------
 */

static int any_region(struct sim *s)
{
    int r = (int)sim_between(s, 0, SIM_REGIONS - 1);

    return s->region_on[r] && !sim_region_dead(s, r) ? r : 0;
}

static bool launch(struct sim *s, struct cred c)
{
    struct fb_event ev = event_by(s, c, "ec2", "RunInstances");
    int r = any_region(s), n = (int)sim_between(s, 1, 3), first = (int)s->machine_count, told;
    struct fb_made *list = FB_NEW_ARRAY(s->a, 3, struct fb_made);

    if (!list || sim_region_dead(s, r))
        return false;
    ev.region = SIM_REGION[r];
    ev.traits = BIT(COMPUTE_CREATE) | BIT(LAUNCH);
    ev.launch.type = "c5a.24xlarge";
    for (int i = 0; i < n; i++) {
        int m = cloud_machine(s, r, true, -1);

        if (m < 0)
            break;
        s->machines[m].stop_protected = sim_chance(s, 100);
        s->machines[m].term_protected = sim_chance(s, 100);
        list[ev.made_count++] =
            (struct fb_made){"instance", s->machines[m].id, "", ev.region, s->machines[m].type};
    }
    ev.made = list;
    ev.launch.count = (int64_t)ev.made_count;
    told = thief_event(s, &ev);
    for (size_t m = (size_t)first; m < s->machine_count; m++)
        s->machines[m].event = told;
    for (size_t m = (size_t)first; m < s->machine_count; m++)
        s->machines[m].by_key = c.key == 0;
    sim_tell(s, "thief launches %zu in %s, by %s (%s)", ev.made_count, ev.region, ev.who.arn,
             ev.id);
    return ev.made_count > 0;
}

static bool make_group(struct sim *s, struct cred c)
{
    static const char *const NAMES[] = {"miners", "<script>alert(1)</script>", "a b & c=d;'\"",
                                        "web\342\200\256reversed"};
    struct fb_event ev = event_by(s, c, "autoscaling", "CreateAutoScalingGroup");
    int r = any_region(s), g;
    const char *name = fb_arena_fmt(s->a, "%s%zu", NAMES[sim_between(s, 0, 3)], s->group_count);

    if (sim_region_dead(s, r) || (g = cloud_group(s, name, r)) < 0)
        return false;
    s->groups[g].max = 4;
    s->groups[g].desired = (int)sim_between(s, 1, 3);
    ev.region = SIM_REGION[r];
    ev.traits = BIT(COMPUTE_CREATE) | BIT(LAUNCH);
    ev.launch.count = s->groups[g].desired;
    ev.launch.type = "c5a.24xlarge";
    s->groups[g].event = made(s, &ev, "group", name, "", ev.region);
    sim_tell(s, "thief makes group %d in %s, by %s (%s)", g, ev.region, ev.who.arn, ev.id);
    return true;
}

static bool grow_group(struct sim *s, struct cred c)
{
    struct fb_event ev = event_by(s, c, "autoscaling", "UpdateAutoScalingGroup");
    struct sim_group *g;

    if (!s->group_count)
        return false;
    g = &s->groups[sim_between(s, 0, (int64_t)s->group_count - 1)];
    if (sim_region_dead(s, g->region))
        return false;
    g->apart = g->apart || s->apart;
    g->max = 4;
    g->desired = 3;
    g->launch_suspended = false;
    ev.region = SIM_REGION[g->region];
    ev.traits = BIT(COMPUTE_CREATE);
    ev.launch.count = 3;
    ev.target_id = g->name;
    thief_event(s, &ev);
    sim_tell(s, "thief grows group %s again", g->name);
    return true;
}

static bool make_key(struct sim *s, struct cred c)
{
    struct fb_event ev = event_by(s, c, "iam", "CreateAccessKey");
    int user = (int)sim_between(s, 0, (int64_t)s->user_count - 1), k;

    if (!cell_bound(&s->users[user].there, s->now_ms) || (k = cloud_key(s, user, true)) < 0)
        return false;
    ev.target_user = s->users[user].name;
    ev.traits = c.key < 0 || s->keys[c.key].user != user ? BIT(KEY_FOR_OTHER) : 0;
    made(s, &ev, "access_key", s->keys[k].id, s->users[user].name, "");
    sim_tell(s, "thief makes key %s for %s", s->keys[k].id, s->users[user].name);
    return true;
}

static bool make_user(struct sim *s, struct cred c)
{
    struct fb_event ev = event_by(s, c, "iam", "CreateUser");
    const char *name = fb_arena_fmt(s->a, "backdoor%zu", s->user_count);
    int u = cloud_user(s, name, true);

    if (u < 0)
        return false;
    ev.target_user = name;
    ev.traits = BIT(NEW_IDENTITY);
    made(s, &ev, "user", name, "", "");
    sim_tell(s, "thief makes user %s", name);
    return true;
}

static bool make_role(struct sim *s, struct cred c)
{
    struct fb_event ev = event_by(s, c, "iam", "CreateRole");
    const char *name = fb_arena_fmt(s->a, "trapdoor%zu", s->role_count);

    if (cloud_role(s, name, true) < 0)
        return false;
    ev.target_role = name;
    ev.traits = BIT(NEW_ROLE);
    made(s, &ev, "role", name, "", "");
    sim_tell(s, "thief makes role %s", name);
    return true;
}

static bool assume(struct sim *s, struct cred c)
{
    struct fb_event ev = event_by(s, c, "sts", "AssumeRole");
    int role = (int)sim_between(s, 0, (int64_t)s->role_count - 1);
    struct sim_role *r = &s->roles[role];
    struct sim_session *x = &s->sessions[s->session_count];

    if (s->session_count == SIM_SESSIONS || cell_bound(&r->denied, s->now_ms) ||
        !cell_bound(&r->there, s->now_ms))
        return false;
    s->session_count++;
    x->role = role;
    x->apart = s->apart;
    x->name = fb_arena_fmt(s->a, "s%zu", s->session_count);
    x->key = cloud_id(s, "ASIASIMULATED");
    x->issued_ms = ev.time_ms;
    x->arn =
        fb_arena_fmt(s->a, "arn:aws:sts::" SIM_ACCOUNT ":assumed-role/%s/%s", r->name, x->name);
    ev.target_role = r->name;
    ev.traits = BIT(MINT);
    ev.mint.credential = x->key;
    ev.mint.role_arn = r->arn;
    ev.mint.session_arn = x->arn;
    ev.mint.session = x->name;
    ev.mint.expires_ms = s->now_ms + 60 * MIN;
    thief_event(s, &ev);
    sim_tell(s, "thief takes role %s as %s", r->name, x->key);
    return true;
}

static bool lift_deny(struct sim *s, struct cred c)
{
    bool role = sim_chance(s, 300);
    struct fb_event ev = event_by(s, c, "iam", role ? "DeleteRolePolicy" : "DeleteUserPolicy");
    size_t n = role ? s->role_count : s->user_count;
    size_t from = (size_t)sim_between(s, 0, (int64_t)n - 1);

    for (size_t i = 0; i < n; i++) {
        size_t at = (from + i) % n;
        struct cell *deny = role ? &s->roles[at].denied : &s->users[at].denied;

        if (role && cell_true(&s->roles[at].revoked_ms)) {
            cell_set(s, &s->roles[at].revoked_ms, 0);
            ev.target_policy = FB_POLICY_REVOKE;
        } else if (cell_true(deny)) {
            cell_set(s, deny, 0);
            ev.target_policy = FB_POLICY_DENY;
        } else {
            continue;
        }
        ev.traits = BIT(DENY_REMOVED);
        if (role)
            ev.target_role = s->roles[at].name;
        else
            ev.target_user = s->users[at].name;
        thief_event(s, &ev);
        sim_tell(s, "thief lifts %s of %s", ev.target_policy,
                 role ? s->roles[at].name : s->users[at].name);
        return true;
    }
    return false;
}

static bool wake_key(struct sim *s, struct cred c)
{
    struct fb_event ev = event_by(s, c, "iam", "UpdateAccessKey");

    for (size_t k = 0; k < s->key_count; k++)
        if (s->keys[k].thief_has && !cell_true(&s->keys[k].active)) {
            cell_set(s, &s->keys[k].active, 1);
            ev.target_key = s->keys[k].id;
            ev.target_user = s->users[s->keys[k].user].name;
            ev.traits = BIT(DENY_REMOVED);
            thief_event(s, &ev);
            sim_tell(s, "thief makes key %s active again", ev.target_key);
            return true;
        }
    return false;
}

static bool start_again(struct sim *s, struct cred c)
{
    struct fb_event ev = event_by(s, c, "ec2", "StartInstances");

    for (size_t i = 0; i < s->machine_count; i++) {
        struct sim_machine *m = &s->machines[i];

        if (!m->thiefs || m->state != FB_MACHINE_STOPPED || sim_region_dead(s, m->region))
            continue;
        m->state = FB_MACHINE_PENDING;
        m->until_ms = s->now_ms + sim_between(s, 500, 10 * SEC);
        m->undone++;
        ev.region = SIM_REGION[m->region];
        ev.target_id = m->id;
        ev.traits = BIT(COMPUTE_CREATE);
        thief_event(s, &ev);
        sim_tell(s, "thief starts %s again", m->id);
        return true;
    }
    return false;
}

static bool set_password(struct sim *s, struct cred c)
{
    struct fb_event ev = event_by(s, c, "iam", "CreateLoginProfile");

    for (size_t i = 0; i < s->user_count; i++)
        if (s->users[i].thiefs && !s->users[i].password) {
            s->users[i].password = true;
            ev.target_user = s->users[i].name;
            ev.traits = BIT(LOGIN_PROFILE);
            made(s, &ev, "login_profile", s->users[i].name, s->users[i].name, "");
            sim_tell(s, "thief gives %s a password", s->users[i].name);
            return true;
        }
    return false;
}

/* --- who can still move --------------------------------------------------------------------------
 */

static bool pick(struct sim *s, struct cred *out)
{
    size_t all = s->key_count + s->session_count, from;

    if (!all)
        return false;
    from = (size_t)sim_between(s, 0, (int64_t)all - 1);
    for (size_t i = 0; i < all; i++) {
        size_t at = (from + i) % all;

        *out = (struct cred){-1, -1};
        if (at < s->key_count && s->keys[at].thief_has && cloud_key_works(s, (int)at))
            out->key = (int)at;
        else if (at >= s->key_count && cloud_session_works(s, (int)(at - s->key_count)))
            out->session = (int)(at - s->key_count);
        else
            continue;
        return true;
    }
    return false;
}

/* Whether what this credential does answers to somebody else than the stolen key's user. */
static bool moves_apart(const struct sim *s, struct cred c)
{
    const struct sim_user *u;

    if (c.key < 0)
        return s->sessions[c.session].apart;
    u = &s->users[s->keys[c.key].user];
    return u->apart || (!u->thiefs && !fb_eq(u->name, "ci"));
}

void thief_move(struct sim *s)
{
    static bool (*const MOVES[])(struct sim *, struct cred) = {
        launch, launch, launch,    make_group, grow_group, make_key, make_user,   make_role,
        assume, assume, lift_deny, lift_deny,  wake_key,   wake_key, start_again, set_password};
    struct cred c;

    if (!pick(s, &c)) {
        s->count->refused_moves++;
        return;
    }
    s->apart = moves_apart(s, c);
    if (MOVES[sim_between(s, 0, (int64_t)(sizeof MOVES / sizeof *MOVES) - 1)](s, c)) {
        s->count->moves++;
        s->last_move_ms = s->now_ms;
    }
}

/* A launch with the stolen key, and AWS says that the key is public. */
void thief_begin(struct sim *s)
{
    struct cred stolen = {0, -1};
    struct fb_event notice = fb_event_blank();

    launch(s, stolen);
    notice.id = cloud_id(s, "ev-");
    notice.time_ms = s->now_ms - s->now_ms % SEC;
    notice.provider = FB_AWS;
    notice.kind = FB_EV_LEAK_NOTICE;
    notice.account = notice.who.account = SIM_ACCOUNT;
    notice.region = "us-east-1";
    notice.service = "health";
    notice.action = "AWS_RISK_CREDENTIALS_EXPOSED";
    notice.traits = BIT(LEAK_NOTICE);
    notice.who.kind = FB_WHO_USER;
    notice.who.name = "ci";
    notice.who.arn = SIM_ROOT;
    notice.who.credential = notice.target_key = s->keys[0].id;
    notice.target_user = "ci";
    thief_event(s, &notice);
    for (int i = 0; s->w.shuffled && i < s->w.moves; i++) { /* all before we hear of anything */
        s->now_ms += sim_between(s, SEC, 20 * SEC);
        cloud_pass(s);
        thief_move(s);
    }
}

/* goal.c - is it so already? Asked before an act, after it, and of what earlier passes left open.
 */
#include <string.h>

#include "contain/gate_in.h"

static enum fb_holds unknown(struct fb_gate_run *g, const struct fb_known *k, const char **why)
{
    *why = fb_known_why(g, k);
    return FB_HOLDS_UNKNOWN;
}

static enum fb_holds check_key(struct fb_gate_run *g, const struct fb_goal *goal, const char **why)
{
    const struct fb_known *k = fb_know(g, FB_READ_USER, "", goal->name);

    if (!k)
        return FB_HOLDS_UNREAD;
    if (k->read.st == FB_ENOTFOUND)
        return FB_HOLDS_GONE;
    if (k->read.st != FB_OK)
        return unknown(g, k, why);
    for (size_t i = 0; i < k->read.key_count; i++)
        if (fb_eq(k->read.keys[i].id, goal->target))
            return k->read.keys[i].active ? FB_HOLDS_NO : FB_HOLDS_YES;
    return k->read.keys_known ? FB_HOLDS_GONE : unknown(g, k, why);
}

static enum fb_holds check_policy(struct fb_gate_run *g, const struct fb_goal *goal,
                                  const char **why)
{
    bool role = goal->role || goal->verb == FB_VERB_REVOKE_SESSIONS;
    const struct fb_known *k = fb_know(g, role ? FB_READ_ROLE : FB_READ_USER, "", goal->name);
    int64_t before = 0;

    if (!k)
        return FB_HOLDS_UNREAD;
    if (k->read.st == FB_ENOTFOUND)
        return FB_HOLDS_GONE;
    if (k->read.st != FB_OK || !k->read.policies_known)
        return unknown(g, k, why);
    if (goal->verb == FB_VERB_QUARANTINE)
        return fb_policy_denies_all(g->a, k->read.deny_policy) ? FB_HOLDS_YES : FB_HOLDS_NO;
    return fb_policy_revoked_before(g->a, k->read.revoke_policy, &before) &&
                   before >= goal->needed_ms
               ? FB_HOLDS_YES
               : FB_HOLDS_NO;
}

static enum fb_holds check_machine(struct fb_gate_run *g, const struct fb_goal *goal,
                                   const char **why)
{
    const struct fb_known *k = fb_know(g, FB_READ_MACHINE, goal->region, goal->target);

    if (!k)
        return FB_HOLDS_UNREAD;
    if (k->read.st != FB_OK)
        return unknown(g, k, why);
    if (!k->machine)
        return FB_HOLDS_GONE;
    switch (k->machine->state) {
    case FB_MACHINE_PENDING:
    case FB_MACHINE_RUNNING:
        return FB_HOLDS_NO;
    case FB_MACHINE_STOPPING:
        *why = "the machine is stopping";
        return FB_HOLDS_UNDERWAY;
    case FB_MACHINE_STOPPED:
        return FB_HOLDS_YES;
    case FB_MACHINE_TERMINATED:
    case FB_MACHINE_GONE:
        break;
    }
    return FB_HOLDS_GONE;
}

static enum fb_holds check_service(struct fb_gate_run *g, const struct fb_goal *goal,
                                   const char **why)
{
    const struct fb_known *k = fb_know_service(g, goal->service, goal->region, goal->name);

    if (!k)
        return FB_HOLDS_UNREAD;
    if (k->read.st == FB_ENOTFOUND)
        return FB_HOLDS_GONE;
    if (k->read.st != FB_OK)
        return unknown(g, k, why);
    switch (k->read.look.state) {
    case FB_SERVICE_RUNNING:
        return FB_HOLDS_NO;
    case FB_SERVICE_STOPPING:
        *why = fb_arena_fmt(g->a, "the %s is stopping", goal->service->words);
        return FB_HOLDS_UNDERWAY;
    case FB_SERVICE_STOPPED:
        return FB_HOLDS_YES;
    case FB_SERVICE_GONE:
        break;
    }
    return FB_HOLDS_GONE;
}

enum fb_holds fb_goal_check(struct fb_gate_run *g, const struct fb_goal *goal, const char **why)
{
    *why = "";
    if (goal->verb == FB_VERB_HALT)
        return goal->service ? check_service(g, goal, why) : check_machine(g, goal, why);
    if (goal->verb == FB_VERB_DISABLE_ACCESS_KEY)
        return check_key(g, goal, why);
    return check_policy(g, goal, why);
}

void fb_goal_forget(struct fb_gate_run *g, const struct fb_goal *goal)
{
    if (goal->verb == FB_VERB_HALT && goal->service)
        fb_known_drop(g, FB_READ_SERVICE, goal->region,
                      fb_arena_fmt(g->a, "%s/%s", goal->service->kind, goal->name));
    else if (goal->verb == FB_VERB_HALT)
        fb_known_drop(g, FB_READ_MACHINE, goal->region, goal->target);
    else if (goal->role || goal->verb == FB_VERB_REVOKE_SESSIONS)
        fb_known_drop(g, FB_READ_ROLE, "", goal->name);
    else
        fb_known_drop(g, FB_READ_USER, "", goal->name);
}

static const char *machine_prior(struct fb_gate_run *g, struct fb_buf *b,
                                 const struct fb_goal *goal)
{
    const struct fb_known *k = fb_know(g, FB_READ_MACHINE, goal->region, goal->target);

    fb_json_open(b, NULL, '{');
    if (k && k->machine) {
        fb_json_put_str(b, "state", fb_machine_state_name(k->machine->state));
        if (k->machine->protections_known) {
            fb_json_put_bool(b, "stop_protected", k->machine->stop_protected);
            fb_json_put_bool(b, "termination_protected", k->machine->termination_protected);
        }
    }
    fb_json_close(b, '}');
    return fb_buf_ok(b) ? b->at : "{}";
}

const char *fb_goal_prior(struct fb_gate_run *g, const struct fb_goal *goal)
{
    bool role = goal->role || goal->verb == FB_VERB_REVOKE_SESSIONS;
    const struct fb_known *k;
    struct fb_buf b;

    fb_buf_init_in(&b, g->a, 64 << 10);
    if (goal->service) {
        k = fb_know_service(g, goal->service, goal->region, goal->name);
        return k && *k->read.look.kept ? k->read.look.kept : "{}";
    }
    if (goal->verb == FB_VERB_HALT)
        return machine_prior(g, &b, goal);
    k = fb_know(g, role ? FB_READ_ROLE : FB_READ_USER, "", goal->name);
    fb_json_open(&b, NULL, '{');
    if (goal->verb == FB_VERB_DISABLE_ACCESS_KEY)
        fb_json_put_str(&b, "key", "Active");
    else if (goal->verb == FB_VERB_QUARANTINE)
        fb_json_put_str(&b, "policy", k && k->have ? k->read.deny_policy : "");
    else
        fb_json_put_str(&b, "policy", k && k->have ? k->read.revoke_policy : "");
    fb_json_close(&b, '}');
    return fb_buf_ok(&b) ? b.at : "{}";
}

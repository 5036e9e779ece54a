/* world_aws_act.c - identities cut and machines stopped: idempotent calls that take power away. */
#include <string.h>

#include "contain/world_aws_in.h"

enum { STOP_IDS_A_CALL = 50 /* one refused id costs at most this many single calls */ };

/* --- acts ----------------------------------------------------------------------------------------
 */

/* FB_ECONFLICT is kept for "not now": the codes that will say the same for ever are refusals. */
enum fb_status fb_aws_act_status(const struct fb_aws_reply *reply)
{
    const char *code = reply->err.aws_code;

    if (fb_eq(code, "UnmodifiableEntity") || fb_eq(code, "OperationNotPermitted"))
        return FB_EDENIED;
    return fb_eq(code, "UnsupportedOperation") ? FB_EUNSUPPORTED : reply->st;
}

static void acted(struct fb_aws_job *j, const struct fb_aws_reply *reply)
{
    j->act->st = fb_aws_act_status(reply);
    j->act->err = reply->err;
}

static void set_id(struct fb_act *act, size_t i, const struct fb_aws_reply *reply)
{
    enum fb_status st = fb_aws_act_status(reply);

    if (act->id_st)
        act->id_st[i] = st;
    if (act->id_err)
        act->id_err[i] = reply->err;
    if (st != FB_OK) {
        act->st = st;
        act->err = reply->err;
    }
}

/* A protection that could not be cleared shows when the stop is refused; its own words are kept
 * where nothing else is said. */
static void cleared(struct fb_aws_job *j, const struct fb_aws_reply *reply)
{
    if (reply->st != FB_OK && j->act->err.code == FB_OK)
        j->act->err = reply->err;
}

static void stopped_one(struct fb_aws_job *j, const struct fb_aws_reply *reply)
{
    set_id(j->act, j->first, reply);
}

static void stopped(struct fb_aws_job *j, const struct fb_aws_reply *reply)
{
    for (size_t i = j->first; i < j->first + j->count; i++)
        set_id(j->act, i, reply);
}

static void add_stop(struct fb_aws_work *w, struct fb_act *act, size_t first, size_t n)
{
    struct fb_aws_job *j =
        fb_aws_job(w, n == 1 ? stopped_one : stopped, "ec2", "StopInstances", act->region);
    struct fb_buf b;

    if (!j)
        return;
    fb_buf_init_in(&b, w->a, FB_AWS_FORM_BYTES_MAX);
    fb_aws_ids(w->a, &b, act->ids + first, n);
    j->act = act;
    j->first = first;
    j->count = n;
    j->call.form = b.at;
}

static void add_clear(struct fb_aws_work *w, struct fb_act *act, size_t i, const char *attribute)
{
    struct fb_aws_job *j = fb_aws_job(w, cleared, "ec2", "ModifyInstanceAttribute", act->region);

    if (!j)
        return;
    j->act = act;
    j->call.form = fb_aws_param2(w->a, "InstanceId", act->ids[i], attribute, "false");
}

static void add_put(struct fb_aws_work *w, struct fb_act *act, const char *action, const char *who,
                    const char *policy)
{
    struct fb_aws_job *j = fb_aws_job(w, acted, "iam", action, "");
    struct fb_buf b;

    if (!j)
        return;
    fb_buf_init_in(&b, w->a, FB_AWS_FORM_BYTES_MAX);
    fb_buf_add_param(&b, who, act->name);
    fb_buf_add_param(&b, "PolicyName", policy);
    fb_buf_add_param(&b, "PolicyDocument", act->document);
    j->act = act;
    j->call.form = b.at;
}

static void add_key(struct fb_aws_work *w, struct fb_act *act)
{
    struct fb_aws_job *j = fb_aws_job(w, acted, "iam", "UpdateAccessKey", "");
    struct fb_buf b;

    if (!j)
        return;
    fb_buf_init_in(&b, w->a, FB_AWS_FORM_BYTES_MAX);
    fb_buf_add_param(&b, "UserName", act->name);
    fb_buf_add_param(&b, "AccessKeyId", act->id);
    fb_buf_add_param(&b, "Status", "Inactive");
    j->act = act;
    j->call.form = b.at;
}

/* First stage: identities are cut, and protections cleared, all at once. */
static void act_first(struct fb_aws_work *w, struct fb_act *act)
{
    switch (act->kind) {
    case FB_ACT_KEY_INACTIVE:
        add_key(w, act);
        break;
    case FB_ACT_USER_DENY:
        add_put(w, act, "PutUserPolicy", "UserName", FB_POLICY_DENY);
        break;
    case FB_ACT_ROLE_DENY:
        add_put(w, act, "PutRolePolicy", "RoleName", FB_POLICY_DENY);
        break;
    case FB_ACT_ROLE_REVOKE:
        add_put(w, act, "PutRolePolicy", "RoleName", FB_POLICY_REVOKE);
        break;
    case FB_ACT_MACHINES_STOP:
        /* One attribute and one machine a call: that is all the API takes. */
        for (size_t i = 0; i < act->id_count; i++) {
            if (act->clear_stop && act->clear_stop[i])
                add_clear(w, act, i, "DisableApiStop.Value");
            if (act->clear_termination && act->clear_termination[i])
                add_clear(w, act, i, "DisableApiTermination.Value");
        }
        break;
    case FB_ACT_SERVICE_STOP:
    case FB_ACT_SERVICE_UNDO:
        if (act->service && act->service->rank == 0)
            fb_aws_service_act(w, act);
        break;
    }
}

static bool is_second(const struct fb_act *act)
{
    return (act->kind == FB_ACT_SERVICE_STOP || act->kind == FB_ACT_SERVICE_UNDO) &&
           (!act->service || act->service->rank > 0);
}

/* Second stage: what the first stage's things had made; stops, up to STOP_IDS_A_CALL a call. */
static void act_stop(struct fb_aws_work *w, struct fb_act *acts, size_t n, size_t ids)
{
    size_t singles = 0;

    for (size_t i = 0; i < n; i++)
        singles += is_second(&acts[i]);
    if (!(ids + singles) || !fb_aws_stage(w, ids + singles))
        return;
    for (size_t i = 0; i < n; i++)
        if (is_second(&acts[i]))
            fb_aws_service_act(w, &acts[i]);
    for (size_t i = 0; i < n; i++)
        for (size_t at = 0; acts[i].kind == FB_ACT_MACHINES_STOP && at < acts[i].id_count;
             at += STOP_IDS_A_CALL) {
            size_t left = acts[i].id_count - at;

            add_stop(w, &acts[i], at, left < STOP_IDS_A_CALL ? left : STOP_IDS_A_CALL);
        }
    fb_aws_stage_run(w);
}

/* A refusal that may be one id's fault alone: not a throttle, a time-out or a lack of rights. */
static bool may_be_one_id(enum fb_status st)
{
    return st == FB_ENOTFOUND || st == FB_ECONFLICT || st == FB_EINPUT || st == FB_EUNSUPPORTED ||
           st == FB_EDENIED || st == FB_EIO;
}

/* Third stage: one refused id fails its whole call, so each of that call is asked for alone. */
static void act_singly(struct fb_aws_work *w, struct fb_act *acts, size_t n, size_t ids)
{
    if (!ids || !fb_aws_stage(w, ids))
        return;
    for (size_t i = 0; i < n; i++) {
        if (acts[i].kind != FB_ACT_MACHINES_STOP || !acts[i].id_st || acts[i].id_count < 2)
            continue;
        for (size_t k = 0; k < acts[i].id_count; k++)
            if (may_be_one_id(acts[i].id_st[k]))
                add_stop(w, &acts[i], k, 1);
        if (w->job_count)
            acts[i].st = FB_OK; /* set again by what the single calls say */
    }
    fb_aws_stage_run(w);
}

void fb_world_aws_act(void *self, struct fb_arena *a, struct fb_act *acts, size_t n,
                      int64_t deadline_mono_ms)
{
    struct fb_aws_work w = {.aws = self, .a = a, .deadline_mono_ms = deadline_mono_ms};
    size_t ids = 0;

    for (size_t i = 0; i < n; i++) {
        acts[i].st = fb_err_set(&acts[i].err, FB_ELIMIT, "no memory left in this invocation");
        if (acts[i].kind == FB_ACT_MACHINES_STOP) {
            acts[i].st = FB_OK;
            memset(&acts[i].err, 0, sizeof acts[i].err);
            for (size_t k = 0; acts[i].id_st && k < acts[i].id_count; k++)
                acts[i].id_st[k] = FB_ELIMIT;
            ids += acts[i].id_count;
        }
    }
    if (!fb_aws_stage(&w, n + 2 * ids))
        return;
    for (size_t i = 0; i < n; i++)
        act_first(&w, &acts[i]);
    fb_aws_stage_run(&w);
    act_stop(&w, acts, n, ids);
    act_singly(&w, acts, n, ids);
}

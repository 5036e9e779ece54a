/* pipeline.c - the whole path of one record, in order. A newcomer reads this file first.
 *
 *   fb_pipeline_record
 *     normalize      bytes -> one event
 *     trace          event + edges from the store -> chain, root (step_edges.c)
 *     load           profile of the root, of the account, of the root's creator; its open incident
 *     weigh          fold the event into the profile, score it (step_profiles.c)
 *     fold_incident  open or join the root's incident (step_incident.c)
 *     commit         everything that changed, at once, compare-and-set; beaten: from `load` again
 *                    (step_save.c)
 *     fb_incident_work (work.c)  playbooks -> gate -> world, in passes
 */
#include "pipeline.h"

#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "cloud/aws.h"
#include "step.h"

enum { SWEEP_EVERY = 4096 }; /* events between two sweeps of what has expired */

#define OLDEST_MS     INT64_C(1262304000000) /* 2010: no log is older */
#define LIVE_AHEAD_MS INT64_C(600000)        /* clocks that run ahead by less are believed */
#define LOG_AHEAD_MS                                                                               \
    (INT64_C(10) * 365 * 86400000) /* a log's own time is believed but not anything */

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

static enum fb_status trace(struct fb_step *s, struct fb_err *err)
{
    struct fb_edge_source source = {.self = s, .get = fb_step_edge_get};
    enum fb_status st;

    s->edges_unread = false;
    st = fb_chain_trace(s->a, &s->out->ev, &source, &s->out->chain, err);
    if (st == FB_OK && s->edges_unread) /* a root that is none would be accused: rather once more */
        st = fb_err_set(err, FB_EIO, "a role link could not be read");
    if (st != FB_OK)
        return fb_err_ctx(err, st, "trace the chain of %s", s->out->ev.id);
    s->edge_count = fb_chain_edges(s->a, &s->out->ev, &s->out->chain, s->edges);
    fb_step_find_late(s);
    fb_step_group_heat(s);
    return FB_OK;
}

static enum fb_status look_up_seen(struct fb_step *s, struct fb_err *err)
{
    struct fb_item item;
    enum fb_status st;

    s->new_event = true;
    if (s->delivery->unique)
        return FB_OK;
    st = fb_store_get(s->rt->store, s->a, fb_step_key(s->a, "seen", s->out->ev.id), &item, err);
    s->out->duplicate = st == FB_OK;
    s->new_event = st == FB_ENOTFOUND;
    return st == FB_ENOTFOUND ? FB_OK : st;
}

static bool wants_work(const struct fb_step *s)
{
    const struct fb_incident *inc = s->inc;

    if (!inc || inc->level != FB_CONTAIN || s->out->ev.drill || s->delivery->no_work)
        return false;
    return s->inc_more || fb_incident_due(inc, s->now_ms);
}

static enum fb_status act(struct fb_step *s, struct fb_err *err)
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
static enum fb_status decide(struct fb_step *s, struct fb_err *err)
{
    enum fb_status st = FB_ECONFLICT;

    for (int i = 0; i < FB_STEP_TRIES && st == FB_ECONFLICT; i++) {
        struct fb_item item;

        st = fb_step_load(s, err);
        if (st == FB_OK)
            st = fb_step_weigh(s, err);
        if (st == FB_OK)
            st = fb_step_fold_incident(s, err);
        if (st == FB_OK)
            st = fb_step_commit(s, err);
        if (st == FB_ECONFLICT && s->new_event &&
            fb_store_get(s->rt->store, s->a, fb_step_key(s->a, "seen", s->out->ev.id), &item,
                         NULL) == FB_OK) {
            s->new_event = false; /* the other worker had this very event */
            s->out->duplicate = true;
        }
    }
    return fb_err_ctx(err, st, "decide on %s", s->out->ev.id);
}

/* A theft in the log that is learnt must not become what the root is known for: the day of what
 * would have been contained teaches nothing. */
static void forget_theft(struct fb_step *s)
{
    int64_t at_ms = s->out->ev.time_ms;
    struct fb_profile *both[2] = {s->after, s->account_after};

    if (s->out->ev.drill || s->out->verdict.root_level != FB_CONTAIN)
        return;
    for (size_t i = 0; i < 2; i++) {
        bool open = fb_profile_in_incident(both[i]);

        fb_profile_mark_incident(both[i], at_ms);
        if (!open)
            fb_profile_end_incident(both[i], at_ms);
    }
}

/* What a past event teaches its root and its account. An event that is known already changes
 * neither, and nothing is written. */
static enum fb_status learn_once(struct fb_step *s, struct fb_err *err)
{
    struct fb_put puts[4];
    size_t n = 0;
    enum fb_status st = fb_step_load_profiles(s, err);

    memset(puts, 0, sizeof puts);
    if (st == FB_OK)
        st = fb_step_weigh(s, err);
    if (st == FB_OK) {
        forget_theft(s);
        st = fb_step_put_profiles(s, puts, &n, err);
    }
    return st == FB_OK && n ? fb_store_commit(s->rt->store, puts, n, false, err) : st;
}

static enum fb_status teach(struct fb_step *s, struct fb_err *err)
{
    enum fb_status st = FB_ECONFLICT;

    for (int i = 0; i < FB_STEP_TRIES && st == FB_ECONFLICT; i++)
        st = learn_once(s, err);
    return fb_err_ctx(err, st, "learn from %s", s->out->ev.id);
}

/* Who stands behind this event may yet come to light. */
static bool is_open(const struct fb_step *s)
{
    return s->out->chain.group_open || *fb_chain_open_end(s->a, &s->out->ev, &s->out->chain);
}

/* Another worker may have learnt who stands behind this chain while we decided on it, and have
 * looked for what we had not written yet. It wrote its edge before it looked, we look for the edge
 * after we wrote: one of the two sees the other. */
static enum fb_status follow(struct fb_step *s, struct fb_err *err)
{
    enum fb_status st = FB_OK;

    for (int i = 0; i < 2 && st == FB_OK && is_open(s); i++) {
        const char *was = fb_step_root(s);

        st = trace(s, err);
        if (st != FB_OK || strcmp(was, fb_step_root(s)) == 0)
            break;
        s->new_event = false;
        st = fb_step_keep_made(s, err);
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
static enum fb_status walk_event(struct fb_step *s, struct fb_err *err)
{
    struct fb_decision *out = s->out;
    enum fb_status st;

    fb_score_lists(&s->rt->score, &s->out->ev);
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
        st = fb_step_keep_edges(s, err);
    } else if (out->ev.kind != FB_EV_UNKNOWN && !is_own(s->rt, &out->ev)) {
        st = fb_step_keep_made(s, err);
        if (st == FB_OK)
            st = fb_step_keep_edges(s, err);
        if (st == FB_OK)
            st = fb_step_hand_on(s, err);
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
    struct fb_step s = {.rt = d->trusted ? rt : &apart, .a = a, .delivery = d, .out = out};
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
    struct fb_step s = {.rt = d->trusted ? rt : &apart, .a = a, .delivery = d, .out = out};

    memset(out, 0, sizeof *out);
    out->incident = out->problem = "";
    out->ev = *ev;
    return walk_event(&s, err);
}

/* The days of an incident teach nothing to this profile. */
static enum fb_status mute(struct fb_step *s, const char *kind, const char *who, int64_t since_ms,
                           int64_t until_ms, struct fb_err *err)
{
    enum fb_status st = FB_ECONFLICT;

    for (int i = 0; i < FB_STEP_TRIES && st == FB_ECONFLICT; i++) {
        struct fb_profile *p;
        struct fb_put put = {0};
        uint64_t version;

        st = fb_step_load_profile(s, fb_step_key(s->a, kind, who), &p, &version, err);
        if (st != FB_OK || !version)
            return st;
        fb_profile_mark_incident(p, since_ms);
        fb_profile_end_incident(p, until_ms);
        st = fb_step_put_profile(s, &put, kind, who, p, version);
        if (st == FB_OK)
            st = fb_store_commit(s->rt->store, &put, 1, false, err);
    }
    return st;
}

enum fb_status fb_pipeline_retire(struct fb_runtime *rt, struct fb_arena *a,
                                  const struct fb_incident *inc, struct fb_err *err)
{
    struct fb_decision out = {.problem = ""};
    struct fb_step s = {.rt = rt, .a = a, .out = &out, .park = ""};
    int64_t until_ms = inc->evidence_ms + FB_REOPEN_MS;
    enum fb_status st = mute(&s, "prof", inc->root, inc->first_ms, until_ms, err);

    return st == FB_OK ? mute(&s, "acct", inc->account, inc->first_ms, until_ms, err) : st;
}

enum fb_status fb_pipeline_note_risk(struct fb_runtime *rt, struct fb_arena *a, const char *root,
                                     int64_t at_ms, int risk_tenths, struct fb_err *err)
{
    struct fb_decision out = {.problem = ""};
    struct fb_step s = {.rt = rt, .a = a, .out = &out};
    enum fb_status st = FB_ECONFLICT;

    for (int i = 0; i < FB_STEP_TRIES && st == FB_ECONFLICT; i++) {
        struct fb_profile *p;
        struct fb_put put = {0};
        uint64_t version;

        st = fb_step_load_profile(&s, fb_step_key(a, "prof", root), &p, &version, err);
        if (st != FB_OK)
            break;
        fb_profile_note_risk(p, at_ms, risk_tenths);
        st = fb_step_put_profile(&s, &put, "prof", root, p, version);
        if (st == FB_OK)
            st = fb_store_commit(rt->store, &put, 1, false, err);
    }
    return fb_err_ctx(err, st, "note the risk of %s", root);
}

/* What a root's own name tells of its kind: what excuses it (a person's sign-in) hangs on that. */
static enum fb_hop_kind kind_of(const char *identity)
{
    return strstr(identity, ":assumed-role/AWSReservedSSO_")           ? FB_HOP_SSO
           : strstr(identity, ":assumed-role/")                        ? FB_HOP_ROLE
           : strstr(identity, ":user/")                                ? FB_HOP_USER
           : fb_ends(identity, ".gserviceaccount.com")                 ? FB_HOP_SERVICE_ACCOUNT
           : fb_starts(identity, "arn:") && fb_ends(identity, ":root") ? FB_HOP_ROOT
                                                                       : FB_HOP_UNKNOWN;
}

enum fb_status fb_pipeline_standing(struct fb_runtime *rt, struct fb_arena *a, const char *identity,
                                    struct fb_decision *out, struct fb_err *err)
{
    struct fb_step s = {.rt = rt, .a = a, .out = out};
    struct fb_arn arn;
    enum fb_status st;

    memset(out, 0, sizeof *out);
    out->incident = out->problem = "";
    out->ev = fb_event_blank();
    (void)fb_arn_split(a, identity, &arn);
    out->ev.account = arn.account;
    out->chain.count = 1;
    out->chain.hops[0] = (struct fb_hop){
        kind_of(identity), identity, arn.account, "", "", "", "", "", "", 0, true, ""};
    st = fb_step_load(&s, err);
    if (st != FB_OK)
        return st;
    if (!s.profile_version)
        return fb_err_set(err, FB_ENOTFOUND, "nothing is known of %s in this store", identity);
    out->ev.time_ms = fb_profile_last_ms(s.before);
    s.now_ms = out->ev.time_ms;
    fb_score(a, &rt->score, &out->ev, &out->chain, fb_step_marked(&s, s.before),
             fb_step_marked(&s, s.before), s.account_before, s.creator, &out->verdict);
    return FB_OK;
}

/* verbs.c - asks carried out: prepared against the world, guarded, written down, done, read back.
 *
 * A batch of asks goes through each step together, so that the guards of all come before the first
 * act, intents share commits and calls run in parallel. */
#include <ctype.h>
#include <string.h>

#include "contain/gate_in.h"

static void settle(struct fb_op *op, enum fb_result_status status, const char *why)
{
    op->settled = true;
    op->status = status;
    op->why = why;
}

static void refuse(struct fb_op *op, const char *why) { settle(op, FB_RESULT_REFUSED, why); }

static const char *arg(const struct fb_op *op, const char *name)
{
    return fb_val_get_str(op->ask->args, name);
}

/* --- step 1: what is meant, and may it be touched ------------------------------------------------
 */

/* True when the facts that every verb needs are there; settles where they forbid it. */
static bool self_known(struct fb_gate_run *g, struct fb_op *op)
{
    const char *why = "";

    switch (fb_guard_self_known(g, &why)) {
    case FB_HOLDS_YES:
        return true;
    case FB_HOLDS_NO:
        refuse(op, why);
        return false;
    case FB_HOLDS_UNREAD:
        return false;
    case FB_HOLDS_UNKNOWN:
    case FB_HOLDS_UNDERWAY:
    case FB_HOLDS_GONE:
        break;
    }
    settle(op, FB_RESULT_FAILED, why);
    return false;
}

/* What the asked text alone forbids. Runs before anything is read, and again when own identity is
 * known. */
static bool text_allows(struct fb_gate_run *g, struct fb_op *op, const char *first,
                        const char *second)
{
    struct fb_aliases al = {.count = 0};
    const char *why;

    fb_alias_add(&al, first);
    fb_alias_add(&al, second);
    why = fb_guard_text(g, &al);
    if (why)
        refuse(op, why);
    return !why;
}

/* A bare name is a name in the incident's account. (The partition is a guess; the identity as read
 * has the right one, and is checked again.) */
static const char *arn_of(struct fb_gate_run *g, bool role, const char *name)
{
    return fb_arena_fmt(g->a, "arn:aws:iam::%s:%s/%s", g->set.incident->account,
                        role ? "role" : "user", name);
}

/* The identity as read: false when it is settled. */
static bool identity_allows(struct fb_gate_run *g, struct fb_op *op, const struct fb_known *who)
{
    const char *why;

    if (who->read.st == FB_ENOTFOUND) {
        settle(op, FB_RESULT_ALREADY, "it does not exist");
        return false;
    }
    if (who->read.st != FB_OK) {
        settle(op, FB_RESULT_FAILED, fb_known_why(g, who));
        return false;
    }
    why = fb_guard_identity(g, who);
    if (why) {
        refuse(op, why);
        return false;
    }
    if (who->kind == FB_READ_USER && !who->read.keys_known && fb_guard_needs_keys(g)) {
        settle(op, FB_RESULT_FAILED,
               fb_arena_fmt(g->a,
                            "its keys could not be listed, and a protected one may be among "
                            "them: %s",
                            who->read.err.text));
        return false;
    }
    return true;
}

/* Whether the chain leads here, and surely. */
static void link_identity(struct fb_gate_run *g, struct fb_op *op, bool role, const char *arn)
{
    const struct fb_case *c = g->set.incident;
    bool found = false, sure = false;

    op->made = fb_case_made_find(g, role ? "role" : "user", op->goal.name, NULL) != NULL;
    for (size_t i = 0; i < c->hop_count; i++) {
        const char *hop = role ? c->hops[i].role_arn : c->hops[i].user_arn;

        if (fb_guard_same(g->a, hop, arn) || (!role && fb_eq(c->hops[i].user, op->goal.name))) {
            found = true;
            sure = sure || c->hops[i].sure;
        }
    }
    op->inferred = found && !sure && !op->made;
}

static bool owns(const struct fb_known *user, const char *key)
{
    for (size_t i = 0; i < user->read.key_count; i++)
        if (fb_eq(user->read.keys[i].id, key))
            return true;
    return false;
}

/* The chain itself says that this user acted with this key. */
static bool hop_says_owner(const struct fb_gate_run *g, const char *key, const char *user)
{
    for (size_t i = 0; i < g->set.incident->hop_count; i++)
        if (fb_eq(g->set.incident->hops[i].credential, key) &&
            fb_eq(g->set.incident->hops[i].user, user))
            return true;
    return false;
}

/* The user that owns the key, as the cloud says it: the asked user only where its list holds the
 * key. NULL: not read yet, or settled. */
static const struct fb_known *key_owner(struct fb_gate_run *g, struct fb_op *op, const char *key,
                                        const char *user)
{
    const struct fb_known *said = *user ? fb_know(g, FB_READ_USER, "", user) : NULL, *k;
    bool not_there;

    if (*user && !said)
        return NULL;
    if (said && said->read.st == FB_OK && owns(said, key))
        return said;
    k = fb_know(g, FB_READ_KEY_OWNER, "", key);
    if (!k)
        return NULL;
    if (k->read.st == FB_OK)
        return fb_know(g, FB_READ_USER, "", k->read.out_name);
    /* AWS answers AccessDenied for a key that is gone: the chain's word and the user's own list
     * decide. */
    not_there = said && (said->read.st == FB_ENOTFOUND || said->read.keys_known) &&
                hop_says_owner(g, key, user);
    if (k->read.st == FB_ENOTFOUND || not_there)
        settle(op, FB_RESULT_ALREADY, "it does not exist");
    else
        settle(op, FB_RESULT_FAILED, fb_known_why(g, k));
    return NULL;
}

static bool is_key_id(const char *s)
{
    size_t len = strlen(s);

    if (len < 5 || len > 128 || !(fb_starts(s, "AKIA") || fb_starts(s, "ASIA")))
        return false;
    for (size_t i = 0; i < len; i++)
        if (!isupper((unsigned char)s[i]) && !isdigit((unsigned char)s[i]))
            return false;
    return true;
}

static void prepare_key(struct fb_gate_run *g, struct fb_op *op, const char *key, const char *user)
{
    const struct fb_known *owner;

    op->goal.target = key;
    if (!text_allows(g, op, key, *user ? arn_of(g, false, user) : NULL))
        return;
    if (!is_key_id(key)) {
        refuse(op, "capability: this is not the id of an IAM access key");
        return;
    }
    op->temporary = fb_starts(key, "ASIA");
    owner = op->temporary ? (*user ? fb_know(g, FB_READ_USER, "", user) : NULL)
                          : key_owner(g, op, key, user);
    if (op->temporary && !*user) {
        refuse(op,
               "capability: a temporary credential cannot be made inactive: quarantine its user "
               "or revoke its role's sessions");
        return;
    }
    if (op->settled || !self_known(g, op) || !owner || !identity_allows(g, op, owner))
        return;
    op->goal.name = owner->name;
    link_identity(g, op, false, owner->read.arn);
    op->made = op->made || fb_case_made_find(g, "access_key", key, NULL);
    op->ready = true;
}

static bool is_name(const char *s)
{
    size_t len = strlen(s);

    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)s[i]) && !strchr("+=,.@_-", s[i]))
            return false;
    return len > 0 && len <= 128;
}

/* Cuts user or role name out of an ARN of iam or of an assumed role. */
static bool name_in_arn(struct fb_arena *a, const char *text, bool *role, const char **name)
{
    struct fb_arn arn;
    const char *last;

    if (!fb_arn_split(a, text, &arn))
        return false;
    last = strrchr(arn.resource, '/');
    if (fb_eq(arn.service, "sts") && fb_starts(arn.resource, "assumed-role/")) {
        const char *from = arn.resource + strlen("assumed-role/");

        *role = true;
        *name = fb_arena_strn(a, from, strcspn(from, "/"));
    } else if (fb_eq(arn.service, "iam") && last && fb_starts(arn.resource, "user/")) {
        *role = false;
        *name = last + 1;
    } else if (fb_eq(arn.service, "iam") && last && fb_starts(arn.resource, "role/")) {
        *role = true;
        *name = last + 1;
    } else {
        return false;
    }
    return is_name(*name);
}

static int64_t next_second(int64_t ms) { return ms - ms % 1000 + 1000; }

/* When a revocation reaches far enough. TokenIssueTime is told in whole seconds, so the policy
 * names the second after the one that must be covered.
 *
 * A policy that is there already is enough when it covers the newest session of the role that the
 * incident knows of, and the incident's own beginning: moving it on at every pass would never let
 * two passes be quiet, and would cut sessions that nobody has accused. A session that we hear of
 * later is a new hop and moves it on. */
static void revoke_times(struct fb_gate_run *g, struct fb_op *op, const char *arn)
{
    const struct fb_case *c = g->set.incident;
    int64_t now = g->set.now_ms, before = op->asked_before_ms;
    int64_t needed = next_second(c->since_ms);

    if (before <= 0 || before > now)
        before = now; /* never the future: that would deny sessions that nobody has accused */
    for (size_t i = 0; i < c->hop_count; i++)
        if (fb_guard_same(g->a, c->hops[i].role_arn, arn) &&
            next_second(c->hops[i].since_ms) > needed)
            needed = next_second(c->hops[i].since_ms);
    op->goal.before_ms = next_second(before);
    op->goal.needed_ms = needed < op->goal.before_ms ? needed : op->goal.before_ms;
}

/* Quarantine and revocation: `name` is the user's or role's, asked is how the playbook wrote it. */
static void prepare_identity(struct fb_gate_run *g, struct fb_op *op, bool role, const char *name,
                             const char *asked)
{
    const struct fb_known *who;

    op->goal.target = asked;
    op->goal.role = role;
    if (!text_allows(g, op, fb_eq(asked, name) ? NULL : asked, arn_of(g, role, name)))
        return;
    who = fb_know(g, role ? FB_READ_ROLE : FB_READ_USER, "", name);
    if (!self_known(g, op) || !who || !identity_allows(g, op, who))
        return;
    op->goal.name = who->name;
    op->goal.target = who->read.arn;
    link_identity(g, op, role, who->read.arn);
    if (op->goal.verb == FB_VERB_REVOKE_SESSIONS) {
        op->goal.role = false;
        revoke_times(g, op, who->read.arn);
    } else if (role && !op->made && !g->set.incident->wide) {
        refuse(op, "limit: others may use this role, and the chain did not make it: revoke its "
                   "sessions instead");
        return;
    }
    op->ready = true;
}

static void prepare_arn(struct fb_gate_run *g, struct fb_op *op, const char *text, bool role_only)
{
    bool role = true;
    const char *name = text;

    op->goal.target = text;
    if (!(role_only && is_name(text)) && !text_allows(g, op, text, NULL))
        return;
    if (!name_in_arn(g->a, text, &role, &name) && !(role_only && is_name(text))) {
        refuse(op, "capability: this is neither a user nor a role: no policy of ours reaches it");
        return;
    }
    if (role_only && !role) {
        refuse(op, "capability: this is no role");
        return;
    }
    prepare_identity(g, op, role, name, text);
}

static bool is_machine_id(const char *s)
{
    size_t len = strlen(s);

    for (size_t i = 2; i < len; i++)
        if (!isalnum((unsigned char)s[i]))
            return false;
    return fb_starts(s, "i-") && len > 2 && len <= 64;
}

static bool is_region(const char *s)
{
    size_t len = strlen(s);

    for (size_t i = 0; i < len; i++)
        if (!islower((unsigned char)s[i]) && !isdigit((unsigned char)s[i]) && s[i] != '-')
            return false;
    return len > 0 && len <= 32;
}

static bool hop_is_sure(const struct fb_gate_run *g, const char *identity)
{
    for (size_t i = 0; i < g->set.incident->hop_count; i++)
        if (fb_eq(g->set.incident->hops[i].identity, identity) && g->set.incident->hops[i].sure)
            return true;
    return false;
}

static void prepare_machine(struct fb_gate_run *g, struct fb_op *op, const char *id,
                            const char *region)
{
    const struct fb_made_item *made;
    const struct fb_known *k;

    op->goal.target = op->goal.name = id;
    op->goal.region = region;
    if (!is_machine_id(id) || !is_region(region)) {
        refuse(op, "capability: a machine is named by its id (i-...) and region");
        return;
    }
    if (!text_allows(g, op, fb_arena_fmt(g->a, "instance/%s", id), NULL))
        return;
    k = fb_know(g, FB_READ_MACHINE, region, id);
    if (!self_known(g, op) || !k)
        return;
    made = fb_case_made_find(g, "instance", id, NULL);
    op->made = made && fb_eq(made->region, region);
    op->inferred = op->made && !hop_is_sure(g, made->by);
    op->ready = true;
}

/* aws.contain: the narrowest verb that stops this kind of thing. */
static void prepare_item(struct fb_gate_run *g, struct fb_op *op)
{
    const char *kind = arg(op, "kind"), *id = arg(op, "id"), *owner = arg(op, "owner");

    op->goal.target = id;
    if (fb_eq(kind, "access_key") || fb_eq(kind, "user_key")) {
        op->goal.verb = FB_VERB_DISABLE_ACCESS_KEY;
        prepare_key(g, op, id, owner);
    } else if (fb_eq(kind, "instance")) {
        op->goal.verb = FB_VERB_HALT;
        if (!fb_gate_can(op->grant, fb_verb(FB_VERB_HALT)->capability))
            refuse(op, "capability: aws.halt is not in the playbook's needs");
        else
            prepare_machine(g, op, id, arg(op, "region"));
    } else if (fb_eq(kind, "user") || fb_eq(kind, "login_profile")) {
        /* A password that is deleted cannot be given back: the deny does the same and can be
         * undone. */
        const char *name = fb_eq(kind, "login_profile") && *owner ? owner : id;

        op->goal.verb = FB_VERB_QUARANTINE;
        if (is_name(name))
            prepare_identity(g, op, false, name, name);
        else
            prepare_arn(g, op, name, false);
    } else if (fb_eq(kind, "role")) {
        op->goal.verb =
            fb_case_made_find(g, "role", id, NULL) ? FB_VERB_QUARANTINE : FB_VERB_REVOKE_SESSIONS;
        if (is_name(id))
            prepare_identity(g, op, true, id, id);
        else
            prepare_arn(g, op, id, true);
    } else {
        refuse(op,
               fb_arena_fmt(g->a, "capability: no verb contains a thing of kind \"%.40s\"", kind));
    }
}

static void prepare(struct fb_gate_run *g, struct fb_op *op)
{
    if (op->settled || op->ready)
        return;
    switch (op->ask->verb) {
    case FB_VERB_DISABLE_ACCESS_KEY:
        prepare_key(g, op, arg(op, "key"), arg(op, "user"));
        break;
    case FB_VERB_QUARANTINE:
        prepare_arn(g, op, arg(op, "arn"), false);
        break;
    case FB_VERB_REVOKE_SESSIONS:
        op->asked_before_ms = fb_val_get_int(op->ask->args, "before", 0);
        prepare_arn(g, op, arg(op, "role"), true);
        break;
    case FB_VERB_HALT:
        prepare_machine(g, op, arg(op, "id"), arg(op, "region"));
        break;
    case FB_VERB_CONTAIN:
        prepare_item(g, op);
        break;
    default:
        refuse(op, "capability: this build does not know the verb");
        break;
    }
}

/* All asks in rounds, until every one is settled or ready. */
static void prepare_all(struct fb_gate_run *g, struct fb_op *ops, size_t n)
{
    for (int round = 0; round < FB_ROUNDS_MAX; round++) {
        for (size_t i = 0; i < n; i++)
            prepare(g, &ops[i]);
        if (!fb_known_fetch(g))
            break;
    }
    for (size_t i = 0; i < n; i++)
        if (!ops[i].settled && !ops[i].ready)
            settle(&ops[i], FB_RESULT_FAILED, "its facts could not be read");
}

/* --- step 2: already so, limits, mode ------------------------------------------------------------
 */

static bool record_open(const struct fb_act_record *r) { return r && !fb_eq(r->status, "done"); }

/* Settles what needs no act; leaves `ready` what does. */
static void judge(struct fb_gate_run *g, struct fb_op *op)
{
    const char *why = "";
    enum fb_holds holds = fb_goal_check(g, &op->goal, &why);

    switch (holds) {
    case FB_HOLDS_YES:
    case FB_HOLDS_GONE:
        settle(op, record_open(op->record) ? FB_RESULT_DONE : FB_RESULT_ALREADY,
               holds == FB_HOLDS_GONE ? "it does not exist" : "");
        return;
    case FB_HOLDS_UNDERWAY:
        settle(op, FB_RESULT_PENDING, why);
        return;
    case FB_HOLDS_UNREAD:
    case FB_HOLDS_UNKNOWN:
        settle(op, FB_RESULT_FAILED, *why ? why : "its state could not be read");
        return;
    case FB_HOLDS_NO:
        break;
    }
    if (op->record && fb_eq(op->record->status, "needs_person")) {
        refuse(op, fb_arena_fmt(g->a, "limit: failed %lld times, a person is needed: %s",
                                (long long)op->record->tries, op->record->note));
        return;
    }
    if (op->record && op->record->touched) {
        /* Asked for again in the pass that did it: what came of that is the answer. */
        settle(op, fb_eq(op->record->status, "failed") ? FB_RESULT_FAILED : FB_RESULT_PENDING,
               op->record->note);
        return;
    }
    why = fb_guard_limits(g, op);
    if (why)
        refuse(op, why);
}

static bool may_act(const struct fb_gate_run *g, const struct fb_grant *grant)
{
    return g->set.incident->enforce && grant->ceiling == FB_CEILING_ENFORCE;
}

static const char *mode_words(const struct fb_gate_run *g, const struct fb_grant *grant)
{
    if (!g->set.incident->enforce)
        return "mode: dry-run";
    return grant->ceiling == FB_CEILING_APPROVE ? "mode: the playbook acts on approval only"
                                                : "mode: the playbook is dry-run";
}

static bool is_halt(const struct fb_op *op) { return op->goal.verb == FB_VERB_HALT; }

static const char *budget_words(struct fb_gate_run *g)
{
    return fb_arena_fmt(g->a,
                        "limit: %lld actions an hour in this account (limits.actions_per_hour)",
                        (long long)g->set.guards->actions_per_hour);
}

static void plan(struct fb_gate_run *g, struct fb_op *op)
{
    if (fb_gate_planned(g, op->id)) {
        settle(op, FB_RESULT_PLANNED, mode_words(g, op->grant)); /* paid for in an earlier pass */
        return;
    }
    if (fb_guard_budget_left(g, is_halt(op)) <= 0) {
        refuse(op, budget_words(g));
        return;
    }
    settle(op, FB_RESULT_PLANNED, mode_words(g, op->grant));
}

/* Takes this hour's share for those that will act; the rest is refused. */
static size_t pay(struct fb_gate_run *g, struct fb_op **ops, size_t n, bool halts)
{
    int64_t need = 0, granted = 0;
    struct fb_err err = {.code = FB_OK};
    enum fb_status st;
    size_t kept = 0;

    for (size_t i = 0; i < n; i++)
        need += is_halt(ops[i]) == halts;
    st = fb_guard_budget(g, need, halts, &granted, &err);
    for (size_t i = 0; i < n; i++) {
        if (is_halt(ops[i]) != halts || granted-- > 0)
            ops[kept++] = ops[i];
        else if (st != FB_OK)
            settle(ops[i], FB_RESULT_FAILED,
                   fb_arena_fmt(g->a, "the hour's count could not be kept: %s", err.text));
        else
            refuse(ops[i], budget_words(g));
    }
    return kept;
}

/* --- step 3: act ---------------------------------------------------------------------------------
 */

static struct fb_act *stop_of(struct fb_gate_run *g, struct fb_act *acts, size_t *n,
                              const struct fb_op *op, size_t cap)
{
    struct fb_act *act;

    for (size_t i = 0; i < *n; i++)
        if (acts[i].kind == FB_ACT_MACHINES_STOP && fb_eq(acts[i].region, op->goal.region))
            return &acts[i];
    act = &acts[(*n)++];
    *act = (struct fb_act){.kind = FB_ACT_MACHINES_STOP,
                           .region = op->goal.region,
                           .name = "",
                           .id = "",
                           .document = "",
                           .intent = op->intent,
                           .ids = FB_NEW_ARRAY(g->a, cap, const char *),
                           .clear_stop = FB_NEW_ARRAY(g->a, cap, bool),
                           .clear_termination = FB_NEW_ARRAY(g->a, cap, bool),
                           .id_st = FB_NEW_ARRAY(g->a, cap, enum fb_status),
                           .id_err = FB_NEW_ARRAY(g->a, cap, struct fb_err)};
    return act;
}

static bool add_stop(struct fb_gate_run *g, struct fb_act *acts, size_t *n, struct fb_op *op,
                     size_t cap)
{
    struct fb_act *act = stop_of(g, acts, n, op, cap);
    const struct fb_known *k = fb_know(g, FB_READ_MACHINE, op->goal.region, op->goal.target);

    if (!act->ids || !act->clear_stop || !act->clear_termination || !act->id_st || !act->id_err)
        return false;
    op->act = act;
    op->act_index = act->id_count;
    ((const char **)act->ids)[act->id_count] = op->goal.target;
    if (k && k->machine) {
        ((bool *)act->clear_stop)[act->id_count] = k->machine->stop_protected;
        ((bool *)act->clear_termination)[act->id_count] = k->machine->termination_protected;
    }
    act->id_count++;
    return true;
}

static void add_identity(struct fb_gate_run *g, struct fb_act *act, struct fb_op *op)
{
    *act = (struct fb_act){
        .region = "", .name = op->goal.name, .id = "", .document = "", .intent = op->intent};
    op->act = act;
    switch (op->goal.verb) {
    case FB_VERB_DISABLE_ACCESS_KEY:
        act->kind = FB_ACT_KEY_INACTIVE;
        act->id = op->goal.target;
        break;
    case FB_VERB_QUARANTINE:
        act->kind = op->goal.role ? FB_ACT_ROLE_DENY : FB_ACT_USER_DENY;
        act->document = FB_POLICY_DENY_DOCUMENT;
        break;
    default:
        act->kind = FB_ACT_ROLE_REVOKE;
        act->document = fb_policy_revoke_document(g->a, op->goal.before_ms);
        break;
    }
}

/* All acts of the batch in one call of the world. Nothing without a committed intent gets here. */
static void act_all(struct fb_gate_run *g, struct fb_op **ops, size_t n)
{
    struct fb_act *acts = FB_NEW_ARRAY(g->a, n + 1, struct fb_act);
    size_t count = 0;

    for (size_t i = 0; i < n; i++) {
        if (ops[i]->settled || !ops[i]->intent)
            continue;
        if (acts && !is_halt(ops[i]))
            add_identity(g, &acts[count++], ops[i]);
        else if (!acts || !add_stop(g, acts, &count, ops[i], n))
            settle(ops[i], FB_RESULT_FAILED, "no memory left in this invocation");
    }
    if (count && !fb_arena_failed(g->a))
        g->set.world.act(g->set.world.self, g->a, acts, count, g->set.deadline_mono_ms);
    for (size_t i = 0; i < count && fb_arena_failed(g->a); i++)
        acts[i].st = fb_err_set(&acts[i].err, FB_ELIMIT, "no memory left in this invocation");
}

static enum fb_status act_status(const struct fb_op *op, const struct fb_err **err)
{
    if (is_halt(op)) {
        *err = &op->act->id_err[op->act_index];
        if ((*err)->code == FB_OK && op->act->id_st[op->act_index] != FB_OK)
            *err = &op->act->err;
        return op->act->st == FB_ELIMIT ? FB_ELIMIT : op->act->id_st[op->act_index];
    }
    *err = &op->act->err;
    return op->act->st;
}

static bool is_passing(enum fb_status st, const struct fb_err *err)
{
    return st == FB_ETHROTTLED || st == FB_ETIMEOUT || err->retryable;
}

/* What came of one act, by what is read now and what the call said. */
static struct fb_act_outcome outcome_of(struct fb_gate_run *g, struct fb_op *op)
{
    struct fb_act_outcome o = {.record = op->record};
    const struct fb_err *err = NULL;
    const char *why = "";
    enum fb_status st = act_status(op, &err);
    enum fb_holds holds = fb_goal_check(g, &op->goal, &why);

    g->changed = g->changed || st == FB_OK;
    if (holds == FB_HOLDS_YES || holds == FB_HOLDS_GONE) {
        settle(op, FB_RESULT_DONE, "");
        g->changed = true;
    } else if (st == FB_ECONFLICT) {
        settle(op, FB_RESULT_PENDING, "its state does not allow it yet; again in the next pass");
    } else if (st == FB_OK || holds == FB_HOLDS_UNDERWAY) {
        settle(op, FB_RESULT_PENDING, *why ? why : "accepted, not yet read back as done");
    } else {
        const struct fb_act_record *r = op->record;

        settle(op, FB_RESULT_FAILED,
               fb_arena_str(g->a, *err->text ? err->text : fb_status_name(st)));
        o.person = r->tries + 1 >= FB_TRIES_MAX &&
                   (!is_passing(st, err) || fb_gate_wall_ms(g) - r->first_ms >= FB_GIVE_UP_MS);
    }
    o.status = op->status;
    o.note = op->why;
    if (o.person)
        refuse(op, fb_arena_fmt(g->a, "limit: failed %lld times, a person is needed: %s",
                                (long long)op->record->tries + 1, op->why));
    return o;
}

static void read_back(struct fb_gate_run *g, struct fb_op **ops, size_t n)
{
    const char *why;

    for (size_t i = 0; i < n; i++)
        if (ops[i]->act)
            fb_goal_forget(g, &ops[i]->goal);
    for (size_t i = 0; i < n; i++)
        if (ops[i]->act)
            fb_goal_check(g, &ops[i]->goal, &why);
    fb_known_fetch(g);
}

/* Intents, acts, read-back, outcomes: for ops that passed every guard. */
static void carry_out(struct fb_gate_run *g, struct fb_op **ops, size_t n)
{
    struct fb_act_outcome *outs = FB_NEW_ARRAY(g->a, n + 1, struct fb_act_outcome);
    size_t count = 0;

    n = pay(g, ops, n, false);
    n = pay(g, ops, n, true);
    if (!n || !outs)
        return;
    fb_journal_intend(g, ops, n);
    act_all(g, ops, n);
    read_back(g, ops, n);
    for (size_t i = 0; i < n; i++)
        if (ops[i]->act && !ops[i]->settled)
            outs[count++] = outcome_of(g, ops[i]);
    fb_journal_outcomes(g, outs, count);
}

/* --- the batch -----------------------------------------------------------------------------------
 */

/* Out of time: what an earlier pass has begun is pending, the rest has not been done. */
static void too_late(struct fb_gate_run *g, struct fb_op *op)
{
    const char *target = "";

    switch (op->ask->verb) {
    case FB_VERB_DISABLE_ACCESS_KEY:
        target = arg(op, "key");
        break;
    case FB_VERB_QUARANTINE:
        target = arg(op, "arn");
        break;
    case FB_VERB_REVOKE_SESSIONS:
        target = arg(op, "role");
        break;
    default:
        target = arg(op, "id");
        break;
    }
    op->goal.target = target;
    op->goal.region = arg(op, "region");
    op->record = fb_journal_find(
        g, fb_action_id(g->a, g->set.incident->incident, fb_verb(op->goal.verb)->name, target));
    settle(op, record_open(op->record) ? FB_RESULT_PENDING : FB_RESULT_FAILED,
           "out of time; continues in the next pass");
}

/* The first asks: those that nothing needs to be read for. */
static void open_ops(struct fb_gate_run *g, struct fb_op *ops, size_t n)
{
    struct fb_err err = {.code = FB_OK};
    enum fb_status st = fb_journal_load(g, &err);

    for (size_t i = 0; i < n; i++) {
        struct fb_op *op = &ops[i];
        const struct fb_verb *verb = fb_verb(op->ask->verb);

        if (!fb_gate_can(op->grant, verb->capability))
            refuse(op, fb_arena_fmt(g->a, "capability: %s is not in the needs of playbook %s",
                                    verb->capability, op->grant->playbook));
        else if (g->set.incident->drill)
            refuse(op, "mode: a drill is shown, never contained");
        else if (st != FB_OK)
            settle(op, FB_RESULT_FAILED, fb_arena_str(g->a, err.text));
        else if (fb_gate_late(g))
            too_late(g, op);
    }
}

/* Names each action; a second ask for the same action in one batch shares the first one's fate. */
static void name_ops(struct fb_gate_run *g, struct fb_op *ops, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ops[i].id = fb_action_id(g->a, g->set.incident->incident, fb_verb(ops[i].goal.verb)->name,
                                 ops[i].goal.target);
        if (!ops[i].record)
            ops[i].record = fb_journal_find(g, ops[i].id);
        for (size_t j = 0; j < i && !ops[i].same; j++)
            if (strcmp(ops[j].id, ops[i].id) == 0)
                ops[i].same = &ops[j];
    }
}

/* A session credential cannot be switched off; it is dead when its user is denied. */
static void answer_temporary(struct fb_gate_run *g, struct fb_op *op)
{
    struct fb_goal deny = {.verb = FB_VERB_QUARANTINE, .region = "", .name = op->goal.name};
    const struct fb_known *k = fb_know(g, FB_READ_USER, "", op->goal.name);
    const char *why = "", *id;

    deny.target = k ? k->read.arn : "";
    id = fb_action_id(g->a, g->set.incident->incident, fb_verb(deny.verb)->name, deny.target);
    if (fb_goal_check(g, &deny, &why) == FB_HOLDS_YES) {
        settle(op, FB_RESULT_ALREADY, "a temporary credential: its user is denied");
        return;
    }
    for (size_t i = 0; i < g->action_count; i++)
        if (fb_eq(g->actions[i].id, id) && (g->actions[i].status == FB_RESULT_PLANNED ||
                                            g->actions[i].status == FB_RESULT_PENDING)) {
            settle(op, g->actions[i].status,
                   "a temporary credential: it ends with its user's deny");
            return;
        }
    refuse(op, "capability: a temporary credential cannot be made inactive: quarantine its user");
}

/* A goal that an earlier invocation left open and that is met now is written down as done. */
static void close_open(struct fb_gate_run *g, struct fb_op *ops, size_t n)
{
    struct fb_act_outcome *outs = FB_NEW_ARRAY(g->a, n + 1, struct fb_act_outcome);
    size_t count = 0;

    for (size_t i = 0; outs && i < n; i++)
        if (ops[i].status == FB_RESULT_DONE && !ops[i].act && !ops[i].same &&
            record_open(ops[i].record))
            outs[count++] = (struct fb_act_outcome){
                .record = ops[i].record, .status = FB_RESULT_DONE, .note = ops[i].why};
    if (count)
        fb_journal_outcomes(g, outs, count);
}

static void answer(struct fb_gate_run *g, struct fb_op *op)
{
    struct fb_answer *to = op->answer;
    bool fresh;

    if (op->same) {
        *to = *op->same->answer;
        return;
    }
    fresh = fb_gate_note(g, &op->goal, op->id, op->status,
                         op->why && *op->why ? op->why : op->ask->why);
    if (op->status == FB_RESULT_PLANNED && fresh) {
        g->new_plan = true;
        g->planned_count++;
    }
    *to =
        (struct fb_answer){.status = op->status,
                           .ok = op->status != FB_RESULT_REFUSED && op->status != FB_RESULT_FAILED,
                           .why = op->why ? op->why : "",
                           .id = op->id,
                           .complete = true};
}

/* From guards passed to every op settled. */
static void work(struct fb_gate_run *g, const struct fb_grant *grant, struct fb_op *ops, size_t n)
{
    struct fb_op **todo = FB_NEW_ARRAY(g->a, n + 1, struct fb_op *);
    size_t count = 0;

    for (size_t i = 0; i < n; i++) {
        struct fb_op *op = &ops[i];

        if (op->settled || op->same || op->temporary)
            continue;
        judge(g, op);
        if (op->settled)
            continue;
        if (!todo)
            settle(op, FB_RESULT_FAILED, "no memory left in this invocation");
        else if (!may_act(g, grant))
            plan(g, op);
        else
            todo[count++] = op;
    }
    if (count &&
        fb_gate_late(g)) /* the reads have used the time up: no intent that cannot be acted on */
        for (size_t i = 0; i < count; i++)
            settle(todo[i], record_open(todo[i]->record) ? FB_RESULT_PENDING : FB_RESULT_FAILED,
                   "out of time; continues in the next pass");
    else if (count)
        carry_out(g, todo, count);
    for (size_t i = 0; i < n; i++)
        if (!ops[i].settled && !ops[i].same && ops[i].temporary)
            answer_temporary(g, &ops[i]);
    close_open(g, ops, n);
}

void fb_verbs_answer(struct fb_gate_run *g, const struct fb_grant *grant,
                     const struct fb_ask **asks, struct fb_answer **answers, size_t n)
{
    struct fb_op *ops = FB_NEW_ARRAY(g->a, n, struct fb_op);

    if (!ops) {
        for (size_t i = 0; i < n; i++)
            *answers[i] = (struct fb_answer){
                .status = FB_RESULT_FAILED, .why = "no memory left in this invocation", .id = ""};
        return;
    }
    for (size_t i = 0; i < n; i++)
        ops[i] = (struct fb_op){.ask = asks[i],
                                .answer = answers[i],
                                .grant = grant,
                                .goal = {.verb = asks[i]->verb == FB_VERB_CONTAIN
                                                     ? FB_VERB_DISABLE_ACCESS_KEY
                                                     : asks[i]->verb,
                                         .target = "",
                                         .region = "",
                                         .name = ""},
                                .why = ""};
    open_ops(g, ops, n);
    prepare_all(g, ops, n);
    name_ops(g, ops, n);
    work(g, grant, ops, n);
    for (size_t i = 0; i < n; i++)
        answer(g, &ops[i]);
}

/* --- left over from earlier passes ---------------------------------------------------------------
 */

static bool is_left_over(const struct fb_act_record *r)
{
    return fb_eq(r->status, "intent") || fb_eq(r->status, "pending");
}

void fb_verbs_settle(struct fb_gate_run *g)
{
    struct fb_act_outcome *outs;
    size_t open = 0, count = 0;
    const char *why;

    if (!g->set.incident->enforce || fb_journal_load(g, NULL) != FB_OK)
        return;
    for (const struct fb_act_record *r = g->all_records; r; r = r->next_all)
        if (is_left_over(r)) {
            struct fb_goal goal;

            fb_goal_of_record(r, &goal);
            fb_goal_check(g, &goal, &why);
            open++;
        }
    outs = FB_NEW_ARRAY(g->a, open + 1, struct fb_act_outcome);
    if (!open || !outs)
        return;
    fb_known_fetch(g);
    for (struct fb_act_record *r = g->all_records; r; r = r->next_all) {
        struct fb_goal goal;
        enum fb_holds holds;

        if (!is_left_over(r))
            continue;
        fb_goal_of_record(r, &goal);
        holds = fb_goal_check(g, &goal, &why);
        if (holds == FB_HOLDS_YES || holds == FB_HOLDS_GONE)
            outs[count++] =
                (struct fb_act_outcome){.record = r, .status = FB_RESULT_DONE, .note = ""};
        fb_gate_note(g, &goal, r->id,
                     holds == FB_HOLDS_YES || holds == FB_HOLDS_GONE ? FB_RESULT_DONE
                                                                     : FB_RESULT_PENDING,
                     *why ? why : "begun in an earlier pass");
    }
    fb_journal_outcomes(g, outs, count);
}

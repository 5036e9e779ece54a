/* target.c - what an ask is about: its canonical target as the world knows it, and whether it may
 * be touched at all. Runs again from the top after each round of reads. */
#include <ctype.h>
#include <string.h>

#include "contain/gate_in.h"

static const char *arg(const struct fb_op *op, const char *name)
{
    return fb_val_get_str(op->ask->args, name);
}

static void refuse(struct fb_op *op, const char *why) { fb_op_settle(op, FB_RESULT_REFUSED, why); }

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
    fb_op_settle(op, FB_RESULT_FAILED, why);
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
        fb_op_settle(op, FB_RESULT_ALREADY, "it does not exist");
        return false;
    }
    if (who->read.st != FB_OK) {
        fb_op_settle(op, FB_RESULT_FAILED, fb_known_why(g, who));
        return false;
    }
    why = fb_guard_identity(g, who);
    if (why) {
        refuse(op, why);
        return false;
    }
    if (who->kind == FB_READ_USER && !who->read.keys_known && fb_guard_needs_keys(g)) {
        fb_op_settle(op, FB_RESULT_FAILED,
                     fb_arena_fmt(g->a,
                                  "its keys could not be listed, and a protected one may be among "
                                  "them: %s",
                                  who->read.err.text));
        return false;
    }
    return true;
}

static bool hop_is_sure(const struct fb_gate_run *g, const char *identity)
{
    for (size_t i = 0; i < g->set.incident->hop_count; i++)
        if (fb_eq(g->set.incident->hops[i].identity, identity) && g->set.incident->hops[i].sure)
            return true;
    return false;
}

/* Whether the chain leads here, and surely. */
static void link_identity(struct fb_gate_run *g, struct fb_op *op, bool role, const char *arn)
{
    const struct fb_case *c = g->set.incident;
    const struct fb_made_item *session;
    bool found = false, sure = false;
    size_t at = 0;

    op->made = fb_case_made_find(g, role ? "role" : "user", op->goal.name, NULL) != NULL;
    for (size_t i = 0; i < c->hop_count; i++) {
        const char *hop = role ? c->hops[i].role_arn : c->hops[i].user_arn;

        if (fb_guard_same(g->a, hop, arn) || (!role && fb_eq(c->hops[i].user, op->goal.name))) {
            found = true;
            sure = sure || c->hops[i].sure;
        }
    }
    while (role && (session = fb_case_session(g, &at)) != NULL)
        if (fb_guard_same(g->a, session->id, arn)) {
            found = true;
            sure = sure || hop_is_sure(g, session->by);
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
        fb_op_settle(op, FB_RESULT_ALREADY, "it does not exist");
    else
        fb_op_settle(op, FB_RESULT_FAILED, fb_known_why(g, k));
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
    const struct fb_known *me = fb_know(g, FB_READ_WHO_AM_I, "", "");
    int64_t ahead = me ? me->read.ahead_ms : 0;
    int64_t now = g->set.now_ms + ahead, before = op->asked_before_ms;
    int64_t needed = next_second(c->since_ms);
    const struct fb_made_item *session;
    size_t at = 0;

    if (before > 0)
        before += ahead; /* asked by our clock */
    if (before <= 0 || before > now)
        before = now; /* never the future: that would deny sessions that nobody has accused */
    for (size_t i = 0; i < c->hop_count; i++)
        if (fb_guard_same(g->a, c->hops[i].role_arn, arn) &&
            next_second(c->hops[i].since_ms) > needed)
            needed = next_second(c->hops[i].since_ms);
    while ((session = fb_case_session(g, &at)) != NULL)
        if (fb_guard_same(g->a, session->id, arn) && next_second(session->at_ms) > needed)
            needed = next_second(session->at_ms);
    op->goal.before_ms = next_second(before);
    op->goal.needed_ms = needed < op->goal.before_ms ? needed : op->goal.before_ms;
}

/* A user that is not there may bear another name by now (iam:UpdateUser); its keys never change
 * hands. The user who owns a key with which the chain says that `name` acted, "" when there is
 * none; NULL: not read yet. */
static const char *renamed(struct fb_gate_run *g, const char *name)
{
    const struct fb_case *c = g->set.incident;

    for (size_t i = 0; i < c->hop_count; i++) {
        const struct fb_known *k;

        if (!fb_eq(c->hops[i].user, name) || !fb_starts(c->hops[i].credential, "AKIA"))
            continue;
        k = fb_know(g, FB_READ_KEY_OWNER, "", c->hops[i].credential);
        if (!k)
            return NULL;
        if (k->read.st == FB_OK && !fb_eq(k->read.out_name, name))
            return k->read.out_name;
    }
    return "";
}

/* The identity of that name, or the user that it has become. NULL: not read yet, or settled. */
static const struct fb_known *identity_named(struct fb_gate_run *g, struct fb_op *op, bool role,
                                             const char *name)
{
    const struct fb_known *who = fb_know(g, role ? FB_READ_ROLE : FB_READ_USER, "", name);
    const char *now;

    if (role || !who || who->read.st != FB_ENOTFOUND)
        return who;
    now = renamed(g, name);
    if (!now || !*now)
        return now ? who : NULL;
    if (!text_allows(g, op, arn_of(g, false, now), NULL))
        return NULL;
    return fb_know(g, FB_READ_USER, "", now);
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
    who = identity_named(g, op, role, name);
    if (op->settled || !self_known(g, op) || !who || !identity_allows(g, op, who))
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
    made = fb_case_made_in(g, "instance", id, region);
    op->made = made != NULL;
    op->inferred = op->made && !hop_is_sure(g, made->by);
    op->ready = true;
}

/* What is no machine: only what the chain made, for whoever shares it is not known here. */
static void prepare_service(struct fb_gate_run *g, struct fb_op *op, const struct fb_service *s,
                            const char *id, const char *region)
{
    struct fb_service_thing thing = {s, id, region, g->set.incident->account, ""};
    const struct fb_made_item *made;
    const struct fb_known *k;
    const char *arn;

    op->goal.service = s;
    op->goal.name = id;
    op->goal.region = region;
    op->goal.target = fb_arena_fmt(g->a, "%s/%s/%s", s->kind, region, id);
    if (!fb_service_id_ok(s, id) || !is_region(region)) {
        refuse(op, fb_arena_fmt(g->a, "capability: a %s is named by its id and region", s->words));
        return;
    }
    if (!text_allows(g, op, fb_arena_fmt(g->a, "%s/%s", s->kind, id), NULL))
        return;
    k = fb_know_service(g, s, region, id);
    if (!self_known(g, op) || !k)
        return;
    arn = *k->read.look.arn ? k->read.look.arn : fb_service_text(g->a, &thing, s->arn);
    if (*arn && !text_allows(g, op, arn, NULL))
        return;
    made = fb_case_made_in(g, s->kind, id, region);
    if (!made) {
        refuse(op, fb_arena_fmt(g->a, "limit: the chain did not make this %s", s->words));
        return;
    }
    op->made = true;
    op->inferred = !hop_is_sure(g, made->by);
    op->ready = true;
}

/* A machine where nothing else is said. */
static void prepare_halt(struct fb_gate_run *g, struct fb_op *op, const char *kind, const char *id,
                         const char *region)
{
    const struct fb_service *s = fb_service_of(kind);

    if (s)
        prepare_service(g, op, s, id, region);
    else if (*kind && !fb_eq(kind, "instance"))
        refuse(op, fb_arena_fmt(g->a, "capability: no verb halts a thing of kind \"%.40s\"", kind));
    else
        prepare_machine(g, op, id, region);
}

/* aws.contain: the narrowest verb that stops this kind of thing. */
static void prepare_item(struct fb_gate_run *g, struct fb_op *op)
{
    const char *kind = arg(op, "kind"), *id = arg(op, "id"), *owner = arg(op, "owner");

    op->goal.target = id;
    if (fb_eq(kind, "access_key") || fb_eq(kind, "user_key")) {
        op->goal.verb = FB_VERB_DISABLE_ACCESS_KEY;
        prepare_key(g, op, id, owner);
    } else if (fb_eq(kind, "instance") || fb_service_of(kind)) {
        op->goal.verb = FB_VERB_HALT;
        if (!fb_gate_can(op->grant, fb_verb(FB_VERB_HALT)->capability))
            refuse(op, "capability: aws.halt is not in the playbook's needs");
        else
            prepare_halt(g, op, kind, id, arg(op, "region"));
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

void fb_op_prepare(struct fb_gate_run *g, struct fb_op *op)
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
        prepare_halt(g, op, arg(op, "kind"), arg(op, "id"), arg(op, "region"));
        break;
    case FB_VERB_CONTAIN:
        prepare_item(g, op);
        break;
    default:
        refuse(op, "capability: this build does not know the verb");
        break;
    }
}

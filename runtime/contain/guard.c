/* guard.c - who and what is never touched, and how much may be: the checks that no playbook, event
 * or score can talk its way around. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "contain/gate_in.h"

enum { NAME_BYTES_MAX = 2048, DECODES_MAX = 3, BUDGET_RACES_MAX = 20 };

/* --- one identity under its many names -----------------------------------------------------------
 */

/* What a name says about its thing. "" where it says nothing: then anything fits. */
struct naming {
    const char *partition, *account, *region, *kind, *name;
};

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The URL form of a name is the name: '%' occurs in no id, user or role name (in a path it may, and
 * a path is no part of an identity), so decoding cannot make two names of two things equal. */
static const char *plain(struct fb_arena *a, const char *text)
{
    size_t len = strlen(text);
    char *s;

    while (len && isspace((unsigned char)*text))
        text++, len--;
    while (len && isspace((unsigned char)text[len - 1]))
        len--;
    s = fb_arena_alloc(a, len + 1);
    if (!s || len > NAME_BYTES_MAX)
        return "";
    memcpy(s, text, len);
    for (int round = 0; round < DECODES_MAX && strchr(s, '%'); round++) {
        char *to = s;

        for (const char *from = s; *from; from++) {
            int hi = *from == '%' ? hex_digit(from[1]) : -1;
            int lo = hi >= 0 ? hex_digit(from[2]) : -1;

            if (lo >= 0 && (hi || lo)) {
                *to++ = (char)(hi * 16 + lo);
                from += 2;
            } else {
                *to++ = *from;
            }
        }
        *to = '\0';
    }
    return s;
}

static const char *after_last(const char *s, char c)
{
    const char *at = strrchr(s, c);

    return at ? at + 1 : s;
}

static const char *up_to(struct fb_arena *a, const char *s, const char *stops)
{
    return fb_arena_strn(a, s, strcspn(s, stops));
}

/* "user/path/NAME", "assumed-role/ROLE/SESSION", "instance/i-...". A path is no part of an
 * identity: IAM names are unique in an account whatever their path, and session ARNs leave it out.
 */
static bool name_resource(struct fb_arena *a, const char *resource, struct naming *n)
{
    static const char *const KINDS[] = {"user", "role", "instance", "federated-user", "group"};

    if (fb_starts(resource, "assumed-role/")) {
        n->kind = "role";
        n->name = up_to(a, resource + strlen("assumed-role/"), "/");
        return true;
    }
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++) {
        size_t len = strlen(KINDS[i]);

        if (fb_starts(resource, KINDS[i]) && resource[len] == '/') {
            n->kind = KINDS[i];
            n->name = after_last(resource, '/');
            return true;
        }
    }
    return false;
}

static void name_arn(struct fb_arena *a, const struct fb_arn *arn, struct naming *n)
{
    size_t cut;

    n->partition = arn->partition;
    n->account = arn->account;
    n->region = arn->region;
    if (fb_eq(arn->service, "iam") && fb_eq(arn->resource, "root")) {
        n->kind = n->name = "root";
        return;
    }
    if ((fb_eq(arn->service, "iam") || fb_eq(arn->service, "sts") || fb_eq(arn->service, "ec2")) &&
        name_resource(a, arn->resource, n))
        return;
    cut = strcspn(arn->resource, "/:");
    n->name = arn->resource[cut] ? arn->resource + cut + 1 : arn->resource;
    n->kind = fb_arena_fmt(a, "%s:%.*s", arn->service, (int)cut, arn->resource);
    if (!arn->resource[cut])
        n->kind = arn->service;
}

/* AIDA..., AROA...:session, AKIA...: ids that AWS gives, never names that people choose. */
static bool is_unique_id(const char *s)
{
    static const char *const PREFIXES[] = {"AIDA", "AROA", "AKIA", "ASIA", "AGPA", "ANPA"};
    size_t len = strcspn(s, ":");
    bool known = false;

    for (size_t i = 0; i < sizeof PREFIXES / sizeof *PREFIXES; i++)
        known = known || fb_starts(s, PREFIXES[i]);
    for (size_t i = 0; known && i < len; i++)
        known = isupper((unsigned char)s[i]) || isdigit((unsigned char)s[i]);
    return known && len > 4;
}

/* "i-0123456789abcdef0": a machine where nothing else is said. Users and roles may bear such names
 * too, and do not become the machine by it. */
static bool is_machine_id(const char *s)
{
    size_t len = strlen(s);

    for (size_t i = 2; i < len; i++)
        if (!isalnum((unsigned char)s[i]))
            return false;
    return fb_starts(s, "i-") && len > 2;
}

static struct naming name_of(struct fb_arena *a, const char *text)
{
    struct naming n = {"", "", "", "", ""};
    struct fb_arn arn;
    const char *s = plain(a, text);

    if (fb_starts(s, "serviceAccount:") && strchr(s, '@'))
        s += strlen("serviceAccount:");
    else if (fb_starts(s, "user:") && strchr(s, '@'))
        s += strlen("user:");
    if (fb_arn_split(a, s, &arn)) {
        name_arn(a, &arn, &n);
    } else if (is_unique_id(s)) {
        n.kind = "id";
        n.name = up_to(a, s, ":");
    } else if (!name_resource(a, s, &n)) {
        n.kind = is_machine_id(s) ? "instance" : "";
        n.name = s;
    }
    return n;
}

static bool agrees(const char *a, const char *b) { return !*a || !*b || fb_eq(a, b); }

/* A bare name may be a user or a role; an id, a machine, a group or a federated session is only
 * itself: who may choose a name must not become one of these by it. */
static bool kinds_agree(const char *a, const char *b)
{
    const char *said = *a ? a : b;

    if (*a && *b)
        return fb_eq(a, b);
    return !fb_eq(said, "id") && !fb_eq(said, "instance") && !fb_eq(said, "federated-user") &&
           !fb_eq(said, "group");
}

bool fb_guard_same(struct fb_arena *a, const char *protected_entry, const char *candidate)
{
    struct naming p, c;

    if (!protected_entry || !candidate)
        return false;
    p = name_of(a, protected_entry);
    c = name_of(a, candidate);
    return *p.name && fb_eq(p.name, c.name) && kinds_agree(p.kind, c.kind) &&
           agrees(p.account, c.account) && agrees(p.partition, c.partition) &&
           agrees(p.region, c.region);
}

void fb_alias_add(struct fb_aliases *al, const char *text)
{
    if (!text || !*text)
        return;
    if (al->count == FB_ALIASES_MAX)
        al->cut = true;
    else
        al->text[al->count++] = text;
}

/* --- refusals ------------------------------------------------------------------------------------
 */

/* What AWS itself is, and what no policy reaches. Only the path that AWS keeps for itself makes a
 * role AWS's: a thief may call a role AWSReservedSSO_x, put it under /x/aws-service-role/, or name
 * a user ec2.amazonaws.com. Where the asked text has no path, the role's ARN as read decides. */
static const char *never(struct fb_gate_run *g, const struct naming *n, const char *text)
{
    struct fb_arn arn;

    if (fb_eq(n->kind, "root"))
        return "protected: no policy reaches the account's root user: a person is needed";
    if (fb_eq(n->account, "aws") || (!*n->kind && fb_ends(n->name, ".amazonaws.com")))
        return "protected: an AWS service is never acted on";
    if (!fb_arn_split(g->a, plain(g->a, text), &arn) || !fb_eq(arn.service, "iam"))
        return NULL;
    if (fb_starts(arn.resource, "role/aws-reserved/sso.amazonaws.com/"))
        return "protected: an AWSReservedSSO role cannot be changed from the account: remove the "
               "person's assignment in Identity Center";
    if (fb_starts(arn.resource, "role/aws-service-role/"))
        return "protected: AWS lets nobody change a service-linked role";
    return NULL;
}

static const char *own(struct fb_gate_run *g, const char *text)
{
    const struct fb_known *me = fb_know(g, FB_READ_WHO_AM_I, "", "");
    const char *session;

    if (!me || me->read.st != FB_OK)
        return NULL;
    session = strrchr(me->read.out_name, '/');
    if (fb_guard_same(g->a, me->read.out_name, text) || fb_guard_same(g->a, me->read.id, text) ||
        (session && fb_starts(session + 1, "i-") && fb_guard_same(g->a, session + 1, text)))
        return "self: this is the identity that firebreak itself runs as";
    for (size_t i = 0; i < me->read.key_count; i++)
        if (fb_guard_same(g->a, me->read.keys[i].id, text))
            return "self: this is the key that firebreak itself runs with";
    return NULL;
}

static const char *listed(struct fb_gate_run *g, const char *const *entries, size_t n,
                          const char *text)
{
    for (size_t i = 0; i < n; i++)
        if (fb_guard_same(g->a, entries[i], text))
            return fb_arena_fmt(g->a, "protected: %s is on the protected list (%s)", text,
                                entries[i]);
    return NULL;
}

const char *fb_guard_text(struct fb_gate_run *g, const struct fb_aliases *al)
{
    const struct fb_guard_config *c = g->set.guards;
    const char *account = g->set.incident->account;
    const char *why = NULL;

    for (size_t i = 0; i < al->count && !why; i++) {
        struct naming n = name_of(g->a, al->text[i]);

        why = never(g, &n, al->text[i]);
        if (!why && *n.account && *account && !fb_eq(n.account, account))
            why = fb_arena_fmt(g->a, "account: %s is of account %s, the incident of %s",
                               al->text[i], n.account, account);
        if (!why)
            why = own(g, al->text[i]);
        if (!why)
            why = listed(g, c->protected_identities, c->protected_identity_count, al->text[i]);
        if (!why)
            why = listed(g, c->protected_resources, c->protected_resource_count, al->text[i]);
    }
    if (!why && al->cut)
        why = "protected: it has more names than can be checked";
    return why;
}

const char *fb_guard_identity(struct fb_gate_run *g, const struct fb_known *who)
{
    struct fb_aliases al = {.count = 0};

    fb_alias_add(&al, who->read.arn);
    fb_alias_add(&al, who->read.id);
    for (size_t i = 0; i < who->read.key_count; i++)
        fb_alias_add(&al, who->read.keys[i].id);
    return fb_guard_text(g, &al);
}

bool fb_guard_needs_keys(const struct fb_gate_run *g)
{
    for (size_t i = 0; i < g->set.guards->protected_identity_count; i++)
        if (fb_eq(name_of(g->a, g->set.guards->protected_identities[i]).kind, "id"))
            return true;
    return false;
}

enum fb_holds fb_guard_self_known(struct fb_gate_run *g, const char **why)
{
    const struct fb_known *me = fb_know(g, FB_READ_WHO_AM_I, "", "");

    if (!me)
        return FB_HOLDS_UNREAD;
    if (me->read.st != FB_OK || !*me->read.out_name) {
        *why = fb_known_why(g, me);
        return FB_HOLDS_UNKNOWN;
    }
    if (!fb_eq(me->read.account, g->set.incident->account)) {
        *why =
            fb_arena_fmt(g->a, "account: the credentials reach account %s, the incident is of %s",
                         me->read.account, g->set.incident->account);
        return FB_HOLDS_NO;
    }
    return FB_HOLDS_YES;
}

/* --- limits --------------------------------------------------------------------------------------
 */

static const char *subject_of(struct fb_gate_run *g, const struct fb_goal *goal)
{
    if (goal->verb == FB_VERB_HALT)
        return fb_arena_fmt(g->a, "machine:%s", goal->target);
    return fb_arena_fmt(g->a, "%s:%s",
                        goal->role || goal->verb == FB_VERB_REVOKE_SESSIONS ? "role" : "user",
                        goal->name);
}

static struct fb_subject **subject_at(struct fb_gate_run *g, const char *name)
{
    struct fb_subject **at = &g->subjects[fb_hash64_str(name) % FB_RECORD_BUCKETS];

    while (*at && strcmp((*at)->name, name) != 0)
        at = &(*at)->next;
    return at;
}

static bool subject_add(struct fb_gate_run *g, const struct fb_goal *goal, bool made,
                        const char *playbook)
{
    const char *name = subject_of(g, goal);
    struct fb_subject **at = subject_at(g, name);

    if (*at) {
        (*at)->made = (*at)->made && made;
        return true;
    }
    *at = FB_NEW(g->a, struct fb_subject);
    if (!*at)
        return false;
    **at = (struct fb_subject){
        .name = name, .playbook = playbook, .identity = goal->verb != FB_VERB_HALT, .made = made};
    return true;
}

void fb_guard_count_record(struct fb_gate_run *g, const struct fb_act_record *r)
{
    struct fb_goal goal;

    fb_goal_of_record(r, &goal);
    subject_add(g, &goal, r->made, r->playbook);
}

static int64_t count(const struct fb_gate_run *g, bool identity, bool made_too,
                     const char *playbook)
{
    int64_t n = 0;

    for (size_t i = 0; i < FB_RECORD_BUCKETS; i++)
        for (const struct fb_subject *s = g->subjects[i]; s; s = s->next)
            n += s->identity == identity && (made_too || !s->made) &&
                 (!playbook || fb_eq(s->playbook, playbook));
    return n;
}

const char *fb_guard_limits(struct fb_gate_run *g, struct fb_op *op)
{
    const struct fb_guard_config *c = g->set.guards;
    bool identity = op->goal.verb != FB_VERB_HALT;
    int64_t own_limit = identity ? op->grant->limit_identities : op->grant->limit_resources;
    int64_t limit = identity ? c->identities : c->collateral_resources;
    const char *playbook = op->grant->playbook;
    struct fb_subject *known;

    if (op->inferred && !g->set.incident->wide)
        return "limit: the link to it is inferred, and the score does not allow inferred targets";
    known = *subject_at(g, subject_of(g, &op->goal));
    /* A key that the chain made on somebody's user is free; to go on and cut that user is not. */
    if (known && (op->made || !known->made))
        return NULL;
    /* What the incident's own chain made draws on no limit of configuration, and made identities on
     * no limit of a playbook either: cutting them hurts nobody else, and decoys must not use up
     * what the real targets need. A playbook's resources are machines of any maker. */
    if (own_limit >= 0 && !(identity && op->made) &&
        count(g, identity, !identity, playbook) >= own_limit)
        return fb_arena_fmt(g->a, "limit: playbook %s may act on %lld %s of one incident", playbook,
                            (long long)own_limit, identity ? "identities" : "resources");
    if (!op->made && limit >= 0 && count(g, identity, false, NULL) >= limit)
        return fb_arena_fmt(g->a, "limit: %lld %s of one incident (limits.%s)", (long long)limit,
                            identity ? "identities" : "resources that its root did not make",
                            identity ? "identities" : "collateral_resources");
    if (!subject_add(g, &op->goal, op->made, playbook))
        return "limit: no memory left in this invocation";
    return NULL;
}

/* --- the hour's budget ---------------------------------------------------------------------------
 */

static const char *budget_key(struct fb_gate_run *g, int64_t *hour)
{
    *hour = fb_gate_wall_ms(g) / 3600000;
    return fb_arena_fmt(g->a, "budget#%.64s#%lld", g->set.incident->account, (long long)*hour);
}

/* Machines may use nine tenths of the hour: cutting identities keeps a reserve, so that a flood of
 * machines cannot stop us from cutting the next key. */
static int64_t ceiling(const struct fb_gate_run *g, bool reserve)
{
    int64_t limit = g->set.guards->actions_per_hour;

    return reserve ? limit - limit / 10 : limit;
}

static enum fb_status budget_read(struct fb_gate_run *g, const char *key, int64_t *used,
                                  uint64_t *version, struct fb_err *err)
{
    struct fb_item item;
    enum fb_status st = fb_store_get(g->set.store, g->a, key, &item, err);

    *used = 0;
    *version = 0;
    if (st == FB_ENOTFOUND)
        return FB_OK;
    if (st != FB_OK)
        return st;
    *used = strtoll(item.value, NULL, 10);
    *version = item.version;
    return FB_OK;
}

enum fb_status fb_guard_budget(struct fb_gate_run *g, int64_t n, bool reserve, int64_t *granted,
                               struct fb_err *err)
{
    int64_t hour, used;
    const char *key = budget_key(g, &hour);
    enum fb_status st = FB_OK;

    *granted = g->set.guards->actions_per_hour < 0 ? n : 0;
    for (int i = 0; i < BUDGET_RACES_MAX && n > 0 && *granted == 0; i++) {
        struct fb_put put = {.key = key, .expires_ms = (hour + 2) * 3600000};
        int64_t room, take;

        st = budget_read(g, key, &used, &put.expect, err);
        room = ceiling(g, reserve) - used;
        take = room < n ? room : n;
        if (st != FB_OK || take <= 0)
            break;
        put.value = fb_arena_fmt(g->a, "%lld", (long long)(used + take));
        put.len = strlen(put.value);
        st = fb_store_commit(g->set.store, &put, 1, false, err);
        if (st == FB_OK)
            *granted = take;
        else if (st != FB_ECONFLICT)
            break;
    }
    return st;
}

int64_t fb_guard_budget_left(struct fb_gate_run *g, bool reserve)
{
    int64_t hour, used = 0;
    const char *key = budget_key(g, &hour);
    uint64_t version;

    if (g->set.guards->actions_per_hour < 0)
        return INT64_MAX;
    if (budget_read(g, key, &used, &version, NULL) != FB_OK)
        return 0;
    return ceiling(g, reserve) - used - g->planned_count;
}

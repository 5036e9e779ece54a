/* incident.c - the fold: events and passes in, one record of what one root did to the account out.
 */
#include "incident/incident.h"

#include <string.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/text.h"

const char *fb_incident_state_name(enum fb_incident_state s)
{
    static const char *const names[] = {"watching",     "open",      "settling", "planned",
                                        "needs_person", "contained", "closed"};

    return (size_t)s < sizeof names / sizeof *names ? names[s] : "unknown";
}

const char *fb_incident_key(struct fb_arena *a, const char *root)
{
    char hex[FB_SHA256_HEX];

    if (strlen(root) <= 400)
        return fb_arena_fmt(a, "inc#%s", root);
    return fb_arena_fmt(a, "inc#sha256:%s", fb_sha256_hex(root, strlen(root), hex));
}

void fb_incident_open(struct fb_arena *a, struct fb_incident *inc, const struct fb_event *ev,
                      const struct fb_chain *chain, int64_t now_ms)
{
    const struct fb_hop *root = fb_chain_root(chain);
    char hex[FB_SHA256_HEX];
    const char *seed = fb_arena_fmt(a, "%s|%s|%lld", root->identity, ev->id, (long long)now_ms);

    memset(inc, 0, sizeof *inc);
    fb_sha256_hex(seed, strlen(seed), hex);
    inc->id = fb_arena_fmt(a, "inc-%.12s", hex);
    inc->root = fb_arena_str(a, root->identity);
    /* Where it happened: what a foreign root did here is cut off here, the rest is for a person. */
    inc->account = fb_arena_str(a, *ev->account ? ev->account : root->account);
    inc->cloud = ev->provider == FB_GCP ? "gcp" : "aws";
    inc->why = "";
    inc->opened_ms = now_ms;
    inc->first_ms = inc->last_ms = inc->evidence_ms = ev->time_ms;
    inc->actor = chain->hops[0];
}

static bool same_hop(const struct fb_hop *a, const struct fb_hop *b)
{
    return strcmp(a->identity, b->identity) == 0 && strcmp(a->credential, b->credential) == 0;
}

void fb_incident_add_hop(struct fb_incident *inc, const struct fb_hop *hop)
{
    bool is_root = strcmp(hop->identity, inc->root) == 0;
    size_t at;

    for (size_t i = 0; i < inc->hop_count; i++) {
        if (same_hop(&inc->hops[i], hop)) {
            inc->hops[i].sure |= hop->sure;
            return;
        }
    }
    if (inc->hop_count >= FB_INCIDENT_HOPS_MAX)
        return; /* a flood of sessions: the root and the oldest stay; the gate lists by root too */
    at = is_root ? 0 : inc->hop_count;
    memmove(&inc->hops[at + 1], &inc->hops[at], (inc->hop_count - at) * sizeof inc->hops[0]);
    inc->hops[at] = *hop;
    inc->hop_count++;
}

static void fold_reason(struct fb_incident *inc, const struct fb_reason *r)
{
    size_t i = 0;

    while (i < inc->reason_count && strcmp(inc->reasons[i].signal, r->signal) != 0)
        i++;
    if (i < inc->reason_count) {
        if (inc->reasons[i].value > r->value)
            return;
    } else if (inc->reason_count < FB_INCIDENT_REASONS_MAX) {
        inc->reason_count++;
    } else {
        i--;
        if (inc->reasons[i].value >= r->value)
            return;
    }
    inc->reasons[i] = *r;
    for (; i > 0 && inc->reasons[i - 1].value < inc->reasons[i].value; i--) {
        struct fb_reason swap = inc->reasons[i];

        inc->reasons[i] = inc->reasons[i - 1];
        inc->reasons[i - 1] = swap;
    }
}

static void fold_kinds(struct fb_incident *inc, const char *const *kinds, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        bool known = false;

        for (size_t i = 0; i < inc->kind_count; i++)
            known |= strcmp(inc->kinds[i], kinds[k]) == 0;
        if (!known && inc->kind_count < sizeof inc->kinds / sizeof *inc->kinds)
            inc->kinds[inc->kind_count++] = kinds[k];
    }
}

bool fb_incident_fold(struct fb_incident *inc, const struct fb_event *ev,
                      const struct fb_chain *chain, const struct fb_verdict *v, bool enforce)
{
    size_t hops = inc->hop_count;
    bool fired = false, more = v->level > inc->level;
    bool did =
        ev->outcome == FB_OUTCOME_OK && ev->time_ms >= inc->first_ms &&
        (!fb_event_is(ev, FB_T_READ) || *ev->mint.credential); /* AssumeRole calls itself a read */

    if (v->level > FB_OBSERVE || ev->time_ms >= inc->first_ms) { /* else: from before it began */
        for (size_t i = chain->count; i-- > 0;)
            fb_incident_add_hop(inc, &chain->hops[i]);
    }
    for (size_t i = 0; i < v->count; i++) {
        const struct fb_term *t = &v->terms[i];
        struct fb_reason r = {t->signal->id, t->why, ev->id, t->value, ev->time_ms};

        if (t->fired) {
            fired = true;
            fold_reason(inc, &r);
        }
    }
    fold_kinds(inc, v->kinds, v->kind_count);
    if (ev->time_ms > inc->last_ms)
        inc->last_ms = ev->time_ms;
    if (v->level > FB_OBSERVE && ev->time_ms > inc->evidence_ms)
        inc->evidence_ms = ev->time_ms;
    if (v->score > inc->peak) {
        inc->peak = v->score;
        inc->actor = chain->hops[0];
    }
    if (v->usd_per_hour > inc->usd_per_hour)
        inc->usd_per_hour = v->usd_per_hour;
    inc->score = v->score;
    inc->hard |= v->hard;
    if (v->level > inc->level)
        inc->level = v->level;
    if (fired && v->level == FB_CONTAIN)
        inc->enforce = enforce; /* what was opened in dry-run acts only on new evidence */
    more |= (fired && v->level == FB_CONTAIN) || inc->hop_count > hops;
    more |= inc->level == FB_CONTAIN && did; /* whatever a hot root still gets done is looked at */
    if (more && inc->level == FB_CONTAIN) {
        inc->state = FB_INC_OPEN;
        inc->quiet = 0;
    }
    return more;
}

static int64_t later(int64_t x, int64_t y) { return x > y ? x : y; }

bool fb_incident_join(struct fb_arena *a, struct fb_incident *inc, struct fb_incident *old,
                      int64_t since_ms)
{
    bool contain = old->level == FB_CONTAIN;

    for (size_t i = 0; i < old->hop_count; i++)
        fb_incident_add_hop(inc, &old->hops[i]);
    for (size_t i = 0; i < old->reason_count; i++)
        fold_reason(inc, &old->reasons[i]);
    fold_kinds(inc, old->kinds, old->kind_count);
    if (later(old->first_ms, since_ms) < inc->first_ms)
        inc->first_ms = later(old->first_ms, since_ms);
    inc->last_ms = later(inc->last_ms, old->last_ms);
    inc->evidence_ms = later(inc->evidence_ms, old->evidence_ms);
    if (old->peak > inc->peak) {
        inc->peak = old->peak;
        inc->actor = old->actor;
    }
    if (old->usd_per_hour > inc->usd_per_hour)
        inc->usd_per_hour = old->usd_per_hour;
    inc->hard |= old->hard;
    if (contain) { /* what has begun is gone on with, whatever its root alone would earn */
        inc->enforce = inc->enforce || old->enforce;
        inc->level = FB_CONTAIN;
        inc->state = FB_INC_OPEN;
        inc->quiet = 0;
    }
    old->state = FB_INC_CLOSED;
    old->actions_open = contain; /* what it had begun is read back once more, at least */
    old->why = fb_arena_fmt(a, "joined to %s: %s stands behind it", inc->id, inc->root);
    return contain;
}

void fb_incident_note(struct fb_arena *a, struct fb_incident *inc, const char *kind,
                      const char *key, const char *text, int64_t at_ms)
{
    for (size_t i = 0; i < inc->note_count; i++) {
        if (strcmp(inc->notes[i].kind, kind) == 0 && strcmp(inc->notes[i].key, key) == 0)
            return;
    }
    if (inc->note_count >= FB_INCIDENT_NOTES_MAX)
        return;
    inc->notes[inc->note_count++] =
        (struct fb_note){fb_arena_str(a, kind), fb_arena_str(a, key), fb_arena_str(a, text), at_ms};
}

/* A quiet pass counts when it is the first, or lies FB_SETTLE_MS after the one that counted last:
 * what the provider spreads slowly must have had the time to show. */
static void count_quiet(struct fb_incident *inc, const struct fb_pass *pass)
{
    if (!pass->quiet) {
        if (pass->enforce) /* a dry run plans all of it anew in every invocation: that is no drift
                            */
            inc->quiet = 0;
    } else if (inc->quiet == 0 || pass->now_ms - inc->quiet_ms >= FB_SETTLE_MS) {
        inc->quiet++;
        inc->quiet_ms = pass->now_ms;
    }
}

/* What a dry run would have done stands in the record: the journal holds only what was done. */
static void keep_plan(struct fb_incident *inc, const struct fb_pass *pass)
{
    inc->plan_count = inc->plan_more = 0;
    for (size_t i = 0; i < pass->action_count && !pass->enforce; i++) {
        if (inc->plan_count < FB_INCIDENT_PLAN_MAX)
            inc->plan[inc->plan_count++] = pass->actions[i];
        else
            inc->plan_more++;
    }
}

void fb_incident_pass(struct fb_arena *a, struct fb_incident *inc, const struct fb_pass *pass)
{
    inc->passes++;
    inc->worked_ms = pass->now_ms;
    inc->actions_open = (int64_t)pass->open;
    inc->why = fb_arena_str(a, pass->why);
    count_quiet(inc, pass);
    keep_plan(inc, pass);
    if (!pass->ran) {
        inc->state = inc->level == FB_CONTAIN ? FB_INC_NEEDS_PERSON : FB_INC_WATCHING;
        if (inc->level == FB_CONTAIN)
            inc->why = "no playbook is for this kind of incident";
        return;
    }
    switch (pass->outcome) {
    case FB_RUN_RETRY:
    case FB_RUN_WAITING:
        inc->state = FB_INC_OPEN;
        break;
    case FB_RUN_NEEDS_PERSON:
        inc->state = FB_INC_NEEDS_PERSON;
        break;
    case FB_RUN_CLOSED:
        inc->state = FB_INC_CLOSED;
        break;
    case FB_RUN_CONTAINED:
        if (!pass->enforce)
            inc->state = FB_INC_PLANNED;
        else if (pass->open)
            inc->state = FB_INC_OPEN;
        else
            inc->state = inc->quiet >= 2   ? FB_INC_CONTAINED
                         : inc->quiet == 1 ? FB_INC_SETTLING
                                           : FB_INC_OPEN;
        break;
    }
}

/* What was contained is looked at again: a policy that somebody took away without our hearing of
 * it, an event that comes late. Each quiet look is further from the one before. */
static bool sweep_due(const struct fb_incident *inc, int64_t now_ms)
{
    static const int64_t AFTER_MS[] = {60000, 300000, 900000, 3600000};
    int64_t looks = inc->quiet - 2;

    return inc->level == FB_CONTAIN && looks >= 0 &&
           now_ms - later(inc->evidence_ms, inc->opened_ms) <= FB_REOPEN_MS &&
           looks < (int64_t)(sizeof AFTER_MS / sizeof *AFTER_MS) &&
           now_ms - inc->quiet_ms >= AFTER_MS[looks];
}

bool fb_incident_due(const struct fb_incident *inc, int64_t now_ms)
{
    switch (inc->state) {
    case FB_INC_OPEN:
        return true;
    case FB_INC_SETTLING:
        return now_ms - inc->quiet_ms >= FB_SETTLE_MS;
    case FB_INC_NEEDS_PERSON: /* the rest of it may still move: a machine that was starting, a
                                 throttle */
        if (inc->level == FB_CONTAIN && (inc->quiet < 2 || inc->actions_open > 0))
            return inc->quiet == 0 || now_ms - inc->quiet_ms >= FB_SETTLE_MS;
        return sweep_due(inc, now_ms);
    case FB_INC_CONTAINED:
        return sweep_due(inc, now_ms);
    case FB_INC_CLOSED: /* what it had begun is still read back */
        return inc->actions_open > 0;
    default:
        return false;
    }
}

bool fb_incident_over(const struct fb_incident *inc, int64_t now_ms)
{
    if (inc->state == FB_INC_OPEN || inc->state == FB_INC_SETTLING || fb_incident_due(inc, now_ms))
        return false;
    return now_ms - later(inc->evidence_ms, inc->opened_ms) > FB_REOPEN_MS;
}

static struct fb_val *actor_val(struct fb_arena *a, const struct fb_hop *h)
{
    struct fb_val *v = fb_val_map(a);

    fb_val_set_str(a, v, "id", h->identity);
    fb_val_set_str(a, v, "kind", fb_hop_kind_name(h->kind));
    fb_val_set_str(a, v, "key_id", h->credential);
    fb_val_set_str(a, v, "user", h->user);
    fb_val_set_str(a, v, "user_arn", h->user_arn);
    fb_val_set_str(a, v, "arn", *h->role_arn ? h->role_arn : h->user_arn);
    fb_val_set_str(a, v, "session", h->session);
    return v;
}

struct fb_val *fb_incident_val(struct fb_arena *a, const struct fb_incident *inc, bool enforce)
{
    struct fb_val *v = fb_val_map(a), *signals = fb_val_list(a), *kinds = fb_val_list(a);

    fb_val_set_str(a, v, "id", inc->id);
    fb_val_set_str(a, v, "cloud", inc->cloud);
    fb_val_set_str(a, v, "account", inc->account);
    fb_val_set_str(a, v, "kind", inc->kind_count ? inc->kinds[0] : "");
    for (size_t i = 0; i < inc->kind_count; i++)
        fb_val_push(kinds, fb_val_str(a, inc->kinds[i]));
    fb_val_set(a, v, "kinds", kinds);
    fb_val_set_num(a, v, "score", inc->peak);
    fb_val_set_bool(a, v, "hard", inc->hard || inc->peak >= 90);
    fb_val_set_int(a, v, "first_seen", inc->first_ms);
    fb_val_set_int(a, v, "last_seen", inc->last_ms);
    fb_val_set_int(a, v, "pass", inc->passes + 1);
    fb_val_set_str(a, v, "mode", enforce ? "enforce" : "dry-run");
    fb_val_set(a, v, "actor", actor_val(a, &inc->actor));
    for (size_t i = 0; i < inc->reason_count; i++) {
        const struct fb_reason *r = &inc->reasons[i];
        struct fb_val *s = fb_val_map(a);

        fb_val_set_str(a, s, "rule", r->signal);
        fb_val_set_num(a, s, "weight", r->value);
        fb_val_set_int(a, s, "at", r->at_ms);
        fb_val_set_str(a, s, "summary", r->why);
        fb_val_push(signals, s);
    }
    fb_val_set(a, v, "signals", signals);
    return v;
}

/* score.c - present signals become one number and a level. */
#include "score/score.h"

#include <math.h>
#include <string.h>

#include "attribute/chain.h"
#include "base/arena.h"
#include "score/signals_in.h"

static const double PRIOR = 5;          /* nats: 0.7 % */
static const double RATIO = 0.6;        /* signals of one group share a cause */
static const double YOUTH_DAMP = 0.7;   /* novelty of a root that is young */
static const double GROUP_COUNTS = 0.8; /* nats: one in two groups that `contain` asks for */
static const double ABSOLUTE = 1.0;     /* nats: evidence that is more than novelty */
static const double LEAST = 0.005;      /* nats: below, a term is not there */
static const double M_CAP = 4.0;
static const double PRIOR_SHIFT_MAX = 0.6;
static const double ROLLOUT_USD = 20; /* an hour; where burn-rate begins to count */

static const double TELLS = 0.2; /* nats: a lesser rise is not worth an alert of its own */

static const double NEWS_SHARE = 0.1; /* of a signal's full value */

enum { ACCOUNT_YOUNG_HOURS = 72, NONE = 0 };

static const struct {
    char id;
    double cap;
} GROUPS[] = {{'X', 8.5}, {'V', 7.0}, {'O', 3.2}, {'R', 2.5}, {'S', 6.5},
              {'P', 4.0}, {'E', 5.5}, {'C', 2.5}, {'D', 3.0}};

enum { GROUP_COUNT = (int)(sizeof GROUPS / sizeof GROUPS[0]) };

_Static_assert((int)GROUP_COUNT + 1 <= (int)FB_GROUPS_MAX, "room for mitigation");

const char *fb_level_name(enum fb_level l)
{
    return l == FB_CONTAIN ? "contain" : l == FB_ALERT ? "alert" : "observe";
}

void fb_score_config_default(struct fb_score_config *c)
{
    memset(c, 0, sizeof *c);
    c->alert = 50;
    c->contain = 80;
    c->wide = 90;
    for (size_t i = 0; i < FB_TERMS_MAX; i++)
        c->weights[i] = NAN;
}

static double weight_of(const struct fb_score_config *config, size_t row)
{
    size_t count;
    const struct fb_signal *signals = fb_signals(&count);

    return isnan(config->weights[row]) ? signals[row].weight : config->weights[row];
}

static double value_of(const struct found *f, const struct fb_signal *s, double weight,
                       double *damp)
{
    *damp = f->damp * (s->novelty && f->young ? YOUTH_DAMP : 1);
    return weight * f->m * f->decay * *damp;
}

/* Terms by value, strongest first; mitigation by strength, after all others. */
static bool stronger(const struct fb_term *a, const struct fb_term *b)
{
    bool am = a->signal->group == 'M', bm = b->signal->group == 'M';

    return am != bm ? bm : a->value > b->value;
}

static void insert(struct fb_verdict *out, const struct fb_term *term)
{
    size_t at = out->count++;

    while (at > 0 && stronger(term, &out->terms[at - 1])) {
        out->terms[at] = out->terms[at - 1];
        at--;
    }
    out->terms[at] = *term;
}

/* What an unknown network, tool or role does next refreshes its novelty by a hair each time; that
 * is no news. Bursts and latched acts are: each of their events is one more. */
static bool is_news(const struct fb_signal *s, double after, double before, double full)
{
    bool shy = s->state == 'b' || s->group == 'R' || s->group == 'D';

    return s->group != 'M' && after > before + (shy ? NEWS_SHARE * full : 0) + 1e-9;
}

/* Youth is judged once, by the newer profile: a birthday is no event. */
static void collect(const struct reading *now, const struct reading *then, struct fb_verdict *out,
                    struct fb_verdict *old)
{
    size_t count;
    const struct fb_signal *signals = fb_signals(&count);

    for (size_t i = 0; i < count; i++) {
        const struct fb_signal *s = &signals[i];
        struct found f = fb_signal_read(now, i), before;
        struct fb_term term = {.signal = s, .weight = weight_of(now->config, i)}, was;
        double damp;

        term.value = value_of(&f, s, term.weight, &term.damp);
        if (term.value < LEAST)
            continue;
        before = fb_signal_read(then, i);
        was = term;
        was.value = value_of(&before, s, term.weight, &damp);
        if (was.value >= LEAST)
            insert(old, &was);
        term.m = f.m;
        term.decay = f.decay;
        term.why = f.why;
        term.fired = is_news(s, term.value, was.value, term.weight * term.m * term.damp);
        insert(out, &term);
    }
}

/* w1 + .6 w2 + .36 w3 + ... over the terms of one group, without term `skip`. */
static double group_sum(const struct fb_verdict *v, char group, size_t skip)
{
    double sum = 0, ratio = 1;

    for (size_t i = 0; i < v->count; i++) {
        if (i == skip || v->terms[i].signal->group != group)
            continue;
        sum += ratio * v->terms[i].value;
        ratio *= RATIO;
    }
    return sum;
}

static double m_of(const struct fb_verdict *v, const char *id, size_t skip)
{
    for (size_t i = 0; i < v->count; i++) {
        if (i != skip && strcmp(v->terms[i].signal->id, id) == 0)
            return v->terms[i].m;
    }
    return 0;
}

/* A thief inside your CI runner looks like your CI: at such speed only the volume of earlier days
 * and announced work excuse. */
static bool over_spend_ceiling(const struct fb_verdict *v, size_t skip)
{
    double burn = m_of(v, "burn-rate", skip);

    return burn >= 0.75 || (m_of(v, "region-fanout", skip) >= 1 && burn >= 0.25);
}

/* The two strongest that count, at most 4, at most what O, R, S and C hold. */
static double mitigation(const struct fb_verdict *v, double softened, size_t skip, char absent)
{
    bool ceiling = absent != 'S' && over_spend_ceiling(v, skip);
    double sum = 0;
    int taken = 0;

    for (size_t i = 0; i < v->count && taken < 2; i++) {
        const struct fb_term *t = &v->terms[i];

        if (i == skip || t->signal->group != 'M' ||
            (ceiling && strcmp(t->signal->id, "seen-before-volume") != 0 &&
             strcmp(t->signal->id, "change-window") != 0))
            continue;
        sum += fabs(t->value);
        taken++;
    }
    return fmin(sum, fmin(M_CAP, softened));
}

/* What the terms add up to, for the score and for "what if this one were absent". */
struct total {
    double nats, score, mitigation;
    int groups; /* with at least GROUP_COUNTS */
    bool hard, sight, absolute;
    bool deed; /* something was done that is more than novelty; reads alone are not cut */
};

/* Reads tell of a thief and of every inventory tool: they add to the score, and whoever only reads
 * is for a person. */
static bool is_read(const struct fb_term *t)
{
    return t->signal->group == 'R' || strcmp(t->signal->id, "secret-burst") == 0;
}

static bool is_deed(const struct fb_term *t)
{
    return !is_read(t) && !t->signal->novelty && !strchr("OM", t->signal->group) &&
           t->value >= GROUP_COUNTS;
}

/* Without term `skip`, and without all of group `absent`. */
static struct total add_up(const struct fb_verdict *v, size_t skip, char absent)
{
    struct total t = {0};
    double softened = 0;

    for (size_t g = 0; g < GROUP_COUNT; g++) {
        double capped =
            GROUPS[g].id == absent ? 0 : fmin(GROUPS[g].cap, group_sum(v, GROUPS[g].id, skip));

        t.nats += capped;
        t.groups += capped >= GROUP_COUNTS;
        if (strchr("ORSC", GROUPS[g].id))
            softened += capped;
    }
    t.mitigation = mitigation(v, softened, skip, absent);
    t.nats += v->prior - t.mitigation;
    t.score = 100 / (1 + exp(PRIOR - t.nats));
    for (size_t i = 0; i < v->count; i++) {
        const struct fb_term *term = &v->terms[i];
        bool fresh = term->fired || term->value >= term->weight / 2;

        if (i == skip || term->signal->group == 'M' || term->signal->group == absent)
            continue;
        t.hard = t.hard || (term->signal->hard && fresh);
        t.sight = t.sight || (term->signal->sight && fresh);
        t.deed = t.deed || is_deed(term);
        t.absolute = t.absolute || (!term->signal->novelty && term->value >= ABSOLUTE);
    }
    return t;
}

struct setting {
    const struct fb_score_config *config;
    double alert, contain; /* the configuration's, or others to try */
    bool account_new;      /* in its first 72 h */
    bool rollout;          /* see is_rollout */
    bool has_history;      /* the root is not young: novelty means something */
    double usd_per_hour;
};

/* A young root whose launches all name an infrastructure tool, or are all in one region of an
 * account that is as young; cheap so far, and with nothing else against it. While there is no
 * history, a first roll-out, the first day after an installation and a patient thief look alike: a
 * person is told, nothing is cut. Dearer than ROLLOUT_USD it is treated as any. */
static bool is_rollout(const struct reading *now, const struct fb_verdict *v, double usd_per_hour)
{
    if (!now->young || usd_per_hour >= ROLLOUT_USD ||
        !(fb_reading_by_iac(now) || (now->account_young && fb_reading_places(now) == 1)))
        return false;
    for (size_t g = 0; g < GROUP_COUNT; g++) {
        if (!strchr("ORS", GROUPS[g].id) && group_sum(v, GROUPS[g].id, SIZE_MAX) >= GROUP_COUNTS)
            return false;
    }
    return true;
}

/* Whether what fired is worth an alert: sight and hard signals always; else the sum must rise, and
 * by more than reads, unless something other than novelty stands beside them. */
static bool tells(struct fb_verdict *v, double rise)
{
    bool alarm = false, beside = false;

    v->reads_only = true;
    for (size_t i = 0; i < v->count; i++) {
        const struct fb_term *t = &v->terms[i];

        v->reads_only = v->reads_only && !(t->fired && !is_read(t));
        alarm = alarm || (t->fired && (t->signal->sight || t->signal->hard));
        beside = beside || (!is_read(t) && t->signal->group != 'M' && !t->signal->novelty &&
                            t->value >= ABSOLUTE);
    }
    return alarm || (rise >= TELLS && (!v->reads_only || beside));
}

static bool over_max_usd(const struct setting *s)
{
    return s->config->max_usd_per_hour > 0 && s->usd_per_hour > s->config->max_usd_per_hour;
}

static enum fb_level level_of(const struct setting *s, const struct total *t, const char **rule)
{
    const char *ignored;

    if (!rule)
        rule = &ignored;
    if (t->hard) {
        *rule = "a hard signal contains by itself";
        return FB_CONTAIN;
    }
    if (t->score >= s->contain && t->groups >= 2) {
        if (s->account_new && !t->absolute) {
            *rule = "novelty alone does not contain in an account's first 72 hours";
            return FB_ALERT;
        }
        if (!t->deed && !s->has_history) {
            *rule = "reads and novelty alone do not contain an identity without history";
            return FB_ALERT;
        }
        if (s->rollout) {
            *rule = "a roll-out under 20 USD an hour, by an identity without history: a person "
                    "decides";
            return FB_ALERT;
        }
        *rule = "the score reaches `contain` and two groups hold 0.8 nats or more";
        return FB_CONTAIN;
    }
    if (t->score >= s->contain) {
        *rule = "the score reaches `contain`, but one group alone never contains";
        return FB_ALERT;
    }
    if (t->score >= s->alert) {
        *rule = "the score reaches `alert`";
        return FB_ALERT;
    }
    if (over_max_usd(s)) {
        *rule = "the spend per hour is over the configured ceiling";
        return FB_ALERT;
    }
    if (t->sight && t->mitigation <= 0) {
        *rule = "a sight signal alerts by itself";
        return FB_ALERT;
    }
    *rule = t->sight ? "below `alert`; a sight signal is there, but also mitigating evidence"
                     : "below `alert`";
    return FB_OBSERVE;
}

static enum fb_level level_with(const struct setting *s, const struct total *t, double threshold)
{
    struct setting other = *s;

    other.alert = other.contain = threshold;
    return level_of(&other, t, NULL);
}

enum fb_level fb_verdict_level_at(const struct fb_verdict *v, double alert, double contain)
{
    bool over = v->score >= alert || v->score >= contain,
         was = v->was >= alert || v->was >= contain;
    bool contains = v->hard || (v->may_contain && v->score >= contain);

    if (!v->fired)
        return FB_OBSERVE;
    if (contains)
        return v->hard || v->adds || (v->reads_only ? v->was < contain : v->tells) ? FB_CONTAIN
                                                                                   : FB_OBSERVE;
    if (!v->tells || (v->reads_only && (over ? was : v->was_alert)))
        return FB_OBSERVE;
    return over || v->alerts_anyway ? FB_ALERT : FB_OBSERVE;
}

/* What a thief would gain makes theft likelier beforehand; it orders, and contains nobody. */
static void shift_prior(struct fb_verdict *v, const struct fb_profile *p)
{
    int tenths = fb_profile_risk(p);

    v->risk = tenths < 0 ? -1 : tenths / 10.0;
    if (tenths >= 0)
        v->prior = fmax(-PRIOR_SHIFT_MAX, fmin(PRIOR_SHIFT_MAX, (v->risk - 5) / 8));
}

static double nats_for(double score) { return PRIOR + log(score / (100 - score)); }

/* The one thing: the strongest term without which the level falls; else a whole kind of them; else
 * what is missing to the next. */
static const char *what_would_change(struct fb_arena *a, const struct setting *s,
                                     const struct fb_verdict *v, const struct total *t)
{
    enum fb_level level = v->root_level;
    double need;

    for (size_t i = 0; i < v->count && level != FB_OBSERVE; i++) {
        struct total without = add_up(v, i, NONE);
        enum fb_level then = level_of(s, &without, NULL);

        if (v->terms[i].signal->group != 'M' && then < level)
            return fb_arena_fmt(a, "without %s it would be %s (%.1f)", v->terms[i].signal->id,
                                fb_level_name(then), without.score);
    }
    if (v->prior > 0 && level != FB_OBSERVE) {
        struct fb_verdict plain = *v;
        struct total without;
        enum fb_level then;

        plain.prior = 0;
        without = add_up(&plain, SIZE_MAX, NONE);
        then = level_of(s, &without, NULL);
        if (then < level)
            return fb_arena_fmt(a, "without its high identity risk it would be %s (%.1f)",
                                fb_level_name(then), without.score);
    }
    for (size_t g = 0; g < GROUP_COUNT && level == FB_CONTAIN; g++) {
        struct total without = add_up(v, SIZE_MAX, GROUPS[g].id);
        enum fb_level then = level_of(s, &without, NULL);

        if (then < level)
            return fb_arena_fmt(a, "no single signal; without all of its %s it would be %s (%.1f)",
                                fb_group_words(GROUPS[g].id), fb_level_name(then), without.score);
    }
    if (level == FB_CONTAIN)
        return "nothing alone: without any one group of its signals it would still be contain";
    if (level == FB_ALERT && t->score >= s->config->contain)
        return t->groups < 2 ? "a second group with 0.8 nats would make it contain"
                             : "one absolute signal of 1 nat would make it contain";
    need = nats_for(level == FB_ALERT ? s->config->contain : s->config->alert) - t->nats;
    return fb_arena_fmt(a, "%.2f nats more would make it %s", need,
                        level == FB_ALERT ? "contain" : "alert");
}

static void fill_groups(struct fb_verdict *v, const struct total *t)
{
    for (size_t g = 0; g < GROUP_COUNT; g++) {
        double sum = group_sum(v, GROUPS[g].id, SIZE_MAX);

        if (sum > 0)
            v->groups[v->group_count++] = (struct fb_group){GROUPS[g].id, sum, GROUPS[g].cap};
    }
    if (t->mitigation > 0)
        v->groups[v->group_count++] = (struct fb_group){'M', -t->mitigation, -M_CAP};
    for (size_t i = 0; i < v->count; i++) {
        if (v->terms[i].signal->group == 'M')
            v->terms[i].value = -v->terms[i].value;
    }
}

static void fill_kinds(struct fb_verdict *v)
{
    enum { KINDS_MAX = (int)(sizeof v->kinds / sizeof v->kinds[0]) };

    for (size_t i = 0; i < v->count && v->kind_count < KINDS_MAX; i++) {
        const char *kind = v->terms[i].signal->kind;
        bool is_new = *kind != '\0';

        for (size_t k = 0; k < v->kind_count && is_new; k++)
            is_new = strcmp(v->kinds[k], kind) != 0;
        if (is_new)
            v->kinds[v->kind_count++] = kind;
    }
}

/* An account without calls yet is as new as one can be. */
static bool account_is_new(const struct fb_profile *account, int64_t t_ms)
{
    return account &&
           (!account->first_ms || t_ms - account->first_ms < ACCOUNT_YOUNG_HOURS * HOUR_MS);
}

static struct reading reading_of(const struct fb_score_config *config, const struct fb_profile *p,
                                 int64_t t_ms)
{
    struct reading r = {.p = p, .config = config, .t_ms = t_ms};

    return r;
}

void fb_score(struct fb_arena *a, const struct fb_score_config *config, const struct fb_event *ev,
              const struct fb_chain *chain, const struct fb_profile *before,
              const struct fb_profile *after, const struct fb_profile *account,
              const struct fb_profile *creator, struct fb_verdict *out)
{
    int64_t event_ms = in_span(ev->time_ms);
    int64_t t_ms = event_ms > before->last_ms ? event_ms : before->last_ms;
    struct reading now = reading_of(config, after, t_ms), then = reading_of(config, before, t_ms);
    struct setting setting = {.config = config,
                              .alert = config->alert,
                              .contain = config->contain,
                              .account_new = account_is_new(account, t_ms)};
    struct fb_verdict old; /* the same terms without this event */
    struct total total, without;
    bool fired = false, over;

    memset(out, 0, sizeof *out);
    now.account = then.account = account;
    now.creator = then.creator = creator;
    now.chain = then.chain = chain;
    now.words = a;
    fb_reading_init(&now);
    fb_reading_init(&then);
    then.young = now.young;
    shift_prior(out, after);
    old.count = 0;
    old.prior = out->prior;
    collect(&now, &then, out, &old);
    total = add_up(out, SIZE_MAX, NONE);
    setting.usd_per_hour = fb_reading_usd_per_hour(&now);
    setting.rollout = is_rollout(&now, out, setting.usd_per_hour);
    out->nats = total.nats;
    out->score = total.score;
    out->usd_per_hour = setting.usd_per_hour;
    out->hard = total.hard;
    out->root_level = level_of(&setting, &total, &out->rule);
    for (size_t i = 0; i < out->count; i++)
        fired = fired || out->terms[i].fired;
    over = over_max_usd(&setting) && setting.usd_per_hour > fb_reading_usd_per_hour(&then);
    out->fired = fired || over;
    without = add_up(&old, SIZE_MAX, NONE);
    out->was = without.score;
    out->was_alert = level_with(&setting, &without, 101) == FB_ALERT;
    out->adds =
        ev->outcome == FB_OUTCOME_OK && !fb_event_is(ev, FB_T_READ) &&
        (ev->made_count || fb_event_is(ev, FB_T_COMPUTE_CREATE) || fb_event_is(ev, FB_T_MINT));
    out->tells = tells(out, total.nats - without.nats) || over;
    out->reads_only = out->reads_only && !over;
    out->may_contain = level_with(&setting, &total, 0) == FB_CONTAIN;
    out->alerts_anyway = level_with(&setting, &total, 101) == FB_ALERT;
    out->level = fb_verdict_level_at(out, config->alert, config->contain);
    out->wide = out->root_level == FB_CONTAIN && total.score >= config->wide;
    out->would_change = what_would_change(a, &setting, out, &total);
    fill_groups(out, &total);
    fill_kinds(out);
}

/* explain_words.c - see explain.h: the words and numbers of `firebreak explain`. */
#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "explain.h"

enum { WIDTH = 100, LABEL = 8, PARAGRAPH_MAX = 16 << 10, REASONS = 4, NAME_MAX_BYTES = 300 };

/* --- paragraphs ---------------------------------------------------------------------------------
 */

/* Columns that plain text takes; a wide character counts as one, which is near enough to wrap. */
static size_t columns(const char *s, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++)
        n += ((unsigned char)s[i] & 0xC0) != 0x80;
    return n;
}

/* "  Label  text", wrapped between words under the text. A word that is wider than a line (an ARN)
 * stays whole: whoever copies it needs all of it. */
static void paragraph(struct fb_buf *to, const char *label, const char *text)
{
    size_t at = LABEL + 2;

    fb_buf_fmt(to, "  %-*s", LABEL, label);
    while (*text) {
        size_t len = strcspn(text, " "), wide = columns(text, len);

        if (at > LABEL + 2 && at + 1 + wide > WIDTH) {
            fb_buf_fmt(to, "\n%*s", LABEL + 2, "");
            at = LABEL + 2;
        } else if (at > LABEL + 2) {
            fb_buf_addc(to, ' ');
            at++;
        }
        fb_buf_addn(to, text, len);
        at += wide;
        text += len;
        text += strspn(text, " ");
    }
    fb_buf_addc(to, '\n');
}

static void name(struct fb_buf *to, const char *text)
{
    fb_buf_add_plain(to, text, NAME_MAX_BYTES);
}

/* --- who ----------------------------------------------------------------------------------------
 */

static const char *kind_words(enum fb_hop_kind kind)
{
    switch (kind) {
    case FB_HOP_USER_KEY:
    case FB_HOP_USER:
        return "the user ";
    case FB_HOP_ROLE:
        return "the role session ";
    case FB_HOP_ROOT:
        return "the account's root user ";
    case FB_HOP_SSO:
        return "the person ";
    case FB_HOP_EXTERNAL:
        return "the outsider ";
    case FB_HOP_SERVICE:
        return "the service ";
    case FB_HOP_INSTANCE:
        return "the machine ";
    case FB_HOP_CREDENTIAL:
        return "whoever holds ";
    case FB_HOP_SERVICE_ACCOUNT:
        return "the service account ";
    case FB_HOP_UNKNOWN:
        break;
    }
    return "";
}

static void who(struct fb_buf *to, const struct fb_decision *d, bool standing)
{
    const struct fb_chain *c = &d->chain;
    const struct fb_hop *root = fb_chain_root(c);

    fb_buf_add(to, kind_words(root->kind));
    name(to, root->identity);
    if (standing)
        return;
    if (*d->ev.who.credential && strcmp(d->ev.who.credential, root->identity) != 0) {
        fb_buf_add(to, c->count > 1 ? ", who stands behind " : " with the key ");
        name(to, d->ev.who.credential);
    }
    if (c->count > 1) {
        fb_buf_add(to, ": ");
        for (size_t i = 0; i < c->count; i++) {
            fb_buf_add(to, i ? " <- " : "");
            name(to, c->hops[i].identity);
            if (i + 1 < c->count && *c->hops[i].via)
                fb_buf_fmt(to, " (%s%.40s)", c->hops[i].sure ? "" : "inferred: ", c->hops[i].via);
        }
    }
    fb_buf_add(to, c->partial ? "; who made this session is not known yet." : ".");
}

/* --- what ---------------------------------------------------------------------------------------
 */

static void launch(struct fb_buf *to, const struct fb_event *ev)
{
    if (ev->launch.count <= 0)
        return;
    fb_buf_fmt(to, " of %lld x ", (long long)ev->launch.count);
    name(to, *ev->launch.type ? ev->launch.type : "a machine of unnamed size");
}

static void what(struct fb_buf *to, const struct fb_decision *d, bool standing)
{
    const struct fb_event *ev = &d->ev;
    char iso[FB_TIME_MAX];

    fb_time_iso(ev->time_ms, iso);
    if (standing) {
        fb_buf_fmt(to, "its present score, as of its newest event at %.10s %.8s UTC.", iso,
                   iso + 11);
        return;
    }
    name(to, ev->action);
    if (*ev->service) {
        fb_buf_add(to, " (");
        name(to, ev->service);
        fb_buf_add(to, ")");
    }
    launch(to, ev);
    if (*ev->region) {
        fb_buf_add(to, " in ");
        name(to, ev->region);
    }
    fb_buf_fmt(to, " on %.10s at %.8s UTC", iso, iso + 11);
    if (*ev->ip) {
        fb_buf_add(to, ", from ");
        name(to, ev->ip);
    }
    if (*ev->agent) {
        fb_buf_add(to, " by ");
        fb_buf_add_plain(to, ev->agent, 60);
    }
    fb_buf_add(to, ev->outcome == FB_OUTCOME_OK       ? "; it went through."
                   : ev->outcome == FB_OUTCOME_DENIED ? "; it was denied"
                                                      : "; it failed");
    if (ev->outcome != FB_OUTCOME_OK) {
        fb_buf_add(to, *ev->error ? " with " : "");
        name(to, ev->error);
        fb_buf_add(to, ".");
    }
    if (*ev->notice) {
        fb_buf_add(to, " It says: ");
        name(to, ev->notice);
    }
    if (ev->drill)
        fb_buf_add(to, " It is a drill: shown, never acted on.");
    if (d->duplicate)
        fb_buf_add(to, " It was known already.");
}

/* --- why ----------------------------------------------------------------------------------------
 */

static const char *reason_of(const struct fb_term *t)
{
    return t->why && *t->why ? t->why : t->signal->words;
}

static void reasons(struct fb_buf *to, const struct fb_verdict *v)
{
    size_t told = 0, all = 0;

    for (size_t i = 0; i < v->count; i++) {
        if (v->terms[i].signal->group == 'M')
            continue;
        if (all++ >= REASONS)
            continue;
        fb_buf_add(to, told++ ? "; " : "");
        name(to, reason_of(&v->terms[i]));
    }
    if (all > told)
        fb_buf_fmt(to, "; and %zu weaker sign%s", all - told, all - told == 1 ? "" : "s");
    fb_buf_add(to, told ? "." : "nothing stands against it.");
}

static void excuses(struct fb_buf *to, const struct fb_verdict *v)
{
    bool first = true;

    for (size_t i = 0; i < v->count; i++) {
        if (v->terms[i].signal->group != 'M')
            continue;
        fb_buf_add(to, first ? " In its favour: " : "; ");
        name(to, reason_of(&v->terms[i]));
        first = false;
    }
    fb_buf_add(to, first ? "" : ".");
}

static void risk(struct fb_buf *to, const struct fb_verdict *v)
{
    if (v->prior >= 0.005 || v->prior <= -0.005)
        fb_buf_fmt(to, " Its identity risk of %.1f out of 10 makes it %s suspect beforehand.",
                   v->risk, v->prior > 0 ? "more" : "less");
}

static void why(struct fb_buf *to, const struct fb_decision *d, bool standing)
{
    const struct fb_verdict *v = &d->verdict;

    reasons(to, v);
    excuses(to, v);
    risk(to, v);
    fb_buf_fmt(to, " That is %s: ", fb_level_name(v->root_level));
    fb_buf_add(to, v->rule);
    fb_buf_add(to, ".");
    if (!standing && v->level != v->root_level)
        fb_buf_add(to, " This event itself adds nothing to it.");
}

/* --- what is done -------------------------------------------------------------------------------
 */

static void done(struct fb_buf *to, const struct fb_decision *d)
{
    for (size_t i = 0; i < d->action_count; i++) {
        size_t same = 0;
        bool told = false;

        for (size_t j = 0; j < d->action_count; j++) {
            bool like = fb_eq(d->actions[j].verb, d->actions[i].verb) &&
                        d->actions[j].status == d->actions[i].status;

            told = told || (j < i && like);
            same += like;
        }
        if (!told)
            fb_buf_fmt(to, "%s%zu x %s %s", to->len ? ", " : "", same, d->actions[i].verb,
                       fb_result_name(d->actions[i].status));
    }
    fb_buf_fmt(to, "%s%s.", to->len ? "; incident " : "incident ", d->incident);
}

/* --- the whole ----------------------------------------------------------------------------------
 */

static void told(struct fb_buf *to, const char *label, const struct fb_decision *d, bool standing,
                 void (*tell)(struct fb_buf *to, const struct fb_decision *d, bool standing))
{
    struct fb_buf text;

    fb_buf_init(&text, PARAGRAPH_MAX);
    tell(&text, d, standing);
    paragraph(to, label, text.at);
    fb_buf_release(&text);
}

void fb_explain_text(struct fb_buf *to, const struct fb_decision *d, bool standing)
{
    const struct fb_verdict *v = &d->verdict;
    struct fb_buf text;

    fb_buf_fmt(to, "%s, score %.1f of 100: ", fb_level_name(standing ? v->root_level : v->level),
               v->score);
    name(to, fb_chain_root(&d->chain)->identity);
    fb_buf_add(to, "\n");
    told(to, "Who", d, standing, who);
    told(to, "What", d, standing, what);
    told(to, "Why", d, standing, why);
    fb_buf_init(&text, PARAGRAPH_MAX);
    fb_buf_add_plain(&text, v->would_change, PARAGRAPH_MAX / 2);
    fb_buf_addc(&text, '.');
    paragraph(to, "What if", text.at);
    fb_buf_reset(&text);
    if (d->incident && *d->incident && !standing) {
        done(&text, d);
        paragraph(to, "Done", text.at);
    }
    fb_buf_release(&text);
    if (!standing) {
        fb_buf_add(to, "\n  event ");
        fb_buf_add_plain(to, d->ev.id, 100);
    }
    fb_buf_addc(to, '\n');
    fb_score_explain(to, v);
    fb_buf_addc(to, '\n');
}

/* --- for programs -------------------------------------------------------------------------------
 */

static void json_event(struct fb_buf *to, const struct fb_event *ev)
{
    char iso[FB_TIME_MAX];

    fb_json_put_str(to, "event_id", ev->id);
    fb_json_put_str(to, "time", fb_time_iso(ev->time_ms, iso));
    fb_json_put_str(to, "account", ev->account);
    fb_json_put_str(to, "region", ev->region);
    fb_json_put_str(to, "service", ev->service);
    fb_json_put_str(to, "action", ev->action);
    fb_json_put_str(to, "outcome",
                    ev->outcome == FB_OUTCOME_OK       ? "ok"
                    : ev->outcome == FB_OUTCOME_DENIED ? "denied"
                                                       : "failed");
    fb_json_put_str(to, "error", *ev->error ? ev->error : NULL);
    fb_json_put_str(to, "ip", ev->ip);
    fb_json_put_str(to, "agent", ev->agent);
    fb_json_put_str(to, "principal", fb_principal_text(ev));
    fb_json_put_str(to, "credential", ev->who.credential);
}

static void json_chain(struct fb_buf *to, const struct fb_chain *c)
{
    fb_json_open(to, "chain", '[');
    for (size_t i = 0; i < c->count; i++)
        fb_json_put_str(to, NULL, c->hops[i].identity);
    fb_json_close(to, ']');
    fb_json_put_bool(to, "partial", c->partial);
}

static void json_terms(struct fb_buf *to, const struct fb_verdict *v)
{
    fb_json_open(to, "terms", '[');
    for (size_t i = 0; i < v->count; i++) {
        const struct fb_term *t = &v->terms[i];
        const char group[2] = {t->signal->group, '\0'};

        fb_json_open(to, NULL, '{');
        fb_json_put_str(to, "id", t->signal->id);
        fb_json_put_str(to, "group", group);
        fb_json_put_num(to, "value", t->value, 3);
        fb_json_put_num(to, "weight", t->weight, 3);
        fb_json_put_num(to, "m", t->m, 3);
        fb_json_put_num(to, "decay", t->decay, 3);
        fb_json_put_num(to, "damp", t->damp, 3);
        fb_json_put_bool(to, "fired", t->fired);
        fb_json_put_str(to, "why", reason_of(t));
        fb_json_close(to, '}');
    }
    fb_json_close(to, ']');
    fb_json_open(to, "groups", '[');
    for (size_t i = 0; i < v->group_count; i++) {
        const struct fb_group *g = &v->groups[i];
        const char id[2] = {g->id, '\0'};

        fb_json_open(to, NULL, '{');
        fb_json_put_str(to, "group", id);
        fb_json_put_num(to, "sum", g->sum, 3);
        fb_json_put_num(to, "cap", g->cap, 3);
        fb_json_put_num(to, "counts", g->id == 'M' ? g->sum : fmin(g->sum, g->cap), 3);
        fb_json_close(to, '}');
    }
    fb_json_close(to, ']');
}

void fb_explain_json(struct fb_buf *to, const struct fb_decision *d, bool standing)
{
    const struct fb_verdict *v = &d->verdict;

    fb_json_open(to, NULL, '{');
    fb_json_put_str(to, "of", standing ? "identity" : "event");
    fb_json_put_str(to, "root", fb_chain_root(&d->chain)->identity);
    fb_json_put_num(to, "score", v->score, 1);
    fb_json_put_str(to, "level", fb_level_name(standing ? v->root_level : v->level));
    fb_json_put_str(to, "root_level", fb_level_name(v->root_level));
    fb_json_put_str(to, "rule", v->rule);
    fb_json_put_str(to, "would_change", v->would_change);
    fb_json_put_num(to, "nats", v->nats, 3);
    fb_json_put_num(to, "prior", v->prior, 3);
    if (v->risk >= 0)
        fb_json_put_num(to, "risk", v->risk, 1);
    else
        fb_json_put_null(to, "risk");
    json_terms(to, v);
    fb_json_put_num(to, "usd_per_hour", v->usd_per_hour, 2);
    if (!standing) {
        json_event(to, &d->ev);
        json_chain(to, &d->chain);
        fb_json_put_str(to, "incident", *d->incident ? d->incident : NULL);
        fb_actions_write(to, "actions", d->actions, d->action_count);
    }
    fb_json_close(to, '}');
}

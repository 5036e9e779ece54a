/* explain.c - a verdict for a person: every number that went into it, and nothing else. */
#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "score/score.h"

const char *fb_group_words(char id)
{
    static const struct {
        char id;
        const char *words;
    } words[] = {{'X', "certain"},        {'V', "vendor findings"}, {'O', "origin"},
                 {'R', "reconnaissance"}, {'S', "spend"},           {'P', "persistence"},
                 {'E', "evasion"},        {'C', "credentials"},     {'D', "data"},
                 {'M', "mitigation"}};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (words[i].id == id)
            return words[i].words;
    }
    return "";
}

static void explain_term(struct fb_buf *to, const struct fb_term *t)
{
    fb_buf_fmt(to, "  %c %-26s %5.2f = weight %.2f x m %.2f x decay %.3f x damp %.2f",
               t->signal->group, t->signal->id, t->value, t->weight, t->m, t->decay, t->damp);
    fb_buf_add(to, t->fired ? "  now\n" : "\n");
    fb_buf_add(to, "      ");
    fb_buf_add_plain(to, t->why, 200);
    fb_buf_addc(to, '\n');
}

static void explain_group(struct fb_buf *to, const struct fb_group *g)
{
    double counted = g->id == 'M' ? g->sum : fmin(g->sum, g->cap);

    fb_buf_fmt(to, "  %c %-16s %5.2f nats%s (sum %.2f, cap %.1f)\n", g->id, fb_group_words(g->id),
               counted, fabs(g->sum) > fabs(g->cap) ? ", capped" : "", g->sum, g->cap);
}

void fb_score_explain(struct fb_buf *to, const struct fb_verdict *v)
{
    double sum = v->prior;

    fb_buf_fmt(to, "score %.1f: this event %s, its root %s%s\n", v->score, fb_level_name(v->level),
               fb_level_name(v->root_level), v->wide ? " (wide)" : "");
    fb_buf_fmt(to, "rule: %s\n", v->rule);
    if (v->count == 0)
        fb_buf_add(to, "signals: none\n");
    else
        fb_buf_add(to, "signals (w1 + 0.6 w2 + 0.36 w3 + ... within a group):\n");
    for (size_t i = 0; i < v->count; i++)
        explain_term(to, &v->terms[i]);
    if (v->group_count)
        fb_buf_add(to, "groups:\n");
    for (size_t i = 0; i < v->group_count; i++) {
        explain_group(to, &v->groups[i]);
        sum += v->groups[i].id == 'M' ? v->groups[i].sum : fmin(v->groups[i].sum, v->groups[i].cap);
    }
    if (v->risk >= 0)
        fb_buf_fmt(to, "prior: %+.2f nats, for an identity risk of %.1f out of 10\n", v->prior,
                   v->risk);
    fb_buf_fmt(to, "sum: W = %.3f nats; score = 100 / (1 + e^-(W - 5)) = %.1f\n", sum, v->score);
    if (v->usd_per_hour > 0)
        fb_buf_fmt(to, "spend: %.2f USD an hour added within the last hour\n", v->usd_per_hour);
    fb_buf_fmt(to, "what would change it: %s\n", v->would_change);
}

/* backtest_who.c - see backtest_who.h. */
#include "backtest_who.h"

#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/text.h"

enum {
    KNOWN_DAYS = 3,    /* earlier days that make a thing known, as the profile counts */
    HABIT_DAYS = 5,    /* days in all that make it a habit, seen from the log's end */
    ROBOT_CALLS = 1000 /* a day: nobody types that */
};

/* --- identities ---------------------------------------------------------------------------------
 */

static bool table_widen(struct fb_bt_table *t)
{
    size_t cap = t->cap ? t->cap * 2 : 1024;
    struct fb_bt_who **slots = calloc(cap, sizeof *slots);

    if (!slots)
        return false;
    for (size_t i = 0; i < t->cap; i++) {
        size_t at;

        if (!t->slots[i])
            continue;
        at = fb_hash64_str(t->slots[i]->name) & (cap - 1);
        while (slots[at])
            at = (at + 1) & (cap - 1);
        slots[at] = t->slots[i];
    }
    free(t->slots);
    t->slots = slots;
    t->cap = cap;
    return true;
}

struct fb_bt_who *fb_bt_who_of(struct fb_bt_table *t, const struct fb_hop *root,
                               const struct fb_event *ev)
{
    struct fb_bt_who *who;
    size_t at;

    if (t->count * 2 >= t->cap && !table_widen(t))
        return NULL;
    at = fb_hash64_str(root->identity) & (t->cap - 1);
    while (t->slots[at] && strcmp(t->slots[at]->name, root->identity) != 0)
        at = (at + 1) & (t->cap - 1);
    if (t->slots[at])
        return t->slots[at];
    who = calloc(1, sizeof *who);
    if (!who)
        return NULL;
    who->name = strdup(root->identity);
    who->account = strdup(*root->account ? root->account : fb_home_account(ev));
    who->kind = root->kind;
    who->iac_tool = "";
    who->first_ms = ev->time_ms;
    t->slots[at] = who;
    t->count++;
    return who->name && who->account ? who : NULL;
}

void fb_bt_moment_free(struct fb_bt_moment *m)
{
    if (!m)
        return;
    free(m->json);
    free(m->plan);
    free(m);
}

void fb_bt_table_release(struct fb_bt_table *t)
{
    for (size_t i = 0; i < t->cap; i++) {
        struct fb_bt_who *who = t->slots[i];

        if (!who)
            continue;
        fb_bt_moment_free(who->alert);
        fb_bt_moment_free(who->contain);
        free(who->name);
        free(who->account);
        free(who);
    }
    free(t->slots);
    *t = (struct fb_bt_table){0};
}

/* --- what it did before -------------------------------------------------------------------------
 */

static void days_see(struct fb_bt_days *d, int32_t day)
{
    d->count += d->count == 0 || day != d->last;
    d->last = day;
}

/* Earlier days, when today has been seen already or not. */
static int days_before(const struct fb_bt_days *d, int32_t today)
{
    return d->count - (d->count && d->last == today);
}

/* An IPv4 /24, an IPv6 /48, or the service's name. */
static uint32_t network_hash(const char *ip)
{
    const char *end = strrchr(ip, '.');
    size_t len = strlen(ip), colons = 0;
    uint32_t hash;

    if (strchr(ip, ':')) {
        for (len = 0; ip[len] && (ip[len] != ':' || ++colons < 3); len++)
            ;
    } else if (end && strspn(ip, "0123456789.") == len) {
        len = (size_t)(end - ip);
    }
    hash = (uint32_t)fb_hash64(ip, len);
    return hash ? hash : 1;
}

/* Its number; -1 when more than FB_BT_NETWORKS were seen, or the event names none. */
int fb_bt_network_of(struct fb_bt_who *who, const char *ip)
{
    uint32_t hash = network_hash(ip);

    for (int i = 0; i < FB_BT_NETWORKS && *ip; i++) {
        if (!who->networks[i].hash)
            who->networks[i].hash = hash;
        if (who->networks[i].hash == hash)
            return i;
    }
    return -1;
}

/* Tools that build infrastructure: people who run them know what they own. */
static const char *iac_tool(const char *agent)
{
    static const char *const tools[] = {"Terraform",  "OpenTofu",  "Pulumi",   "CloudFormation",
                                        "aws-cdk",    "Ansible",   "eksctl",   "Karpenter",
                                        "Crossplane", "Spinnaker", "Packer",   "Jenkins",
                                        "GitHub",     "GitLab",    "autoscal", "elasticmapreduce"};

    for (size_t i = 0; i < sizeof tools / sizeof *tools; i++) {
        if (fb_has_fold(agent, tools[i]))
            return tools[i];
    }
    return "";
}

enum fb_bt_hands fb_bt_judge(struct fb_bt_who *who, const struct fb_decision *d, char *why,
                             size_t size)
{
    int net = fb_bt_network_of(who, d->ev.ip);
    int32_t today = fb_bt_day_of(d->ev.time_ms);
    int before = days_before(&who->days, today);
    int here = net >= 0 ? days_before(&who->networks[net].days, today) : 0;
    int tool = *iac_tool(d->ev.agent) ? days_before(&who->iac, today) : 0;

    for (size_t i = 0; i < d->verdict.count; i++) {
        const struct fb_term *t = &d->verdict.terms[i];

        if (t->signal->hard && t->fired) {
            (void)snprintf(why, size, "%s", t->signal->words);
            return FB_BT_STOLEN;
        }
    }
    if (before == 0) {
        (void)snprintf(why, size, "the log knows no earlier day of it: nothing to compare with");
        return FB_BT_NO_HISTORY;
    }
    if (before >= KNOWN_DAYS && here >= KNOWN_DAYS) {
        (void)snprintf(why, size, "active on %d earlier days, on %d of them from this network%s%s",
                       before, here, tool >= KNOWN_DAYS ? ", with the same tool: " : "",
                       tool >= KNOWN_DAYS ? iac_tool(d->ev.agent) : "");
        return FB_BT_YOURS;
    }
    if (before >= KNOWN_DAYS && here == 0 && net >= 0) {
        (void)snprintf(why, size, "active on %d earlier days, but never from this network", before);
        return FB_BT_STOLEN;
    }
    (void)snprintf(why, size, "active on %d earlier day%s, on %d of them from this network", before,
                   before == 1 ? "" : "s", here);
    return FB_BT_UNCLEAR;
}

/* The whole log knows more than the day did: what looked new and went on for days from the same
 * network is a habit. What broke an older habit stays strange, however long it went on. */
enum fb_bt_hands fb_bt_in_hindsight(const struct fb_bt_who *who, enum fb_bt_hands hands, int net)
{
    if (hands != FB_BT_NO_HISTORY && hands != FB_BT_UNCLEAR)
        return hands;
    return net >= 0 && who->networks[net].days.count >= HABIT_DAYS ? FB_BT_YOURS : hands;
}

void fb_bt_look_back(const struct fb_bt_who *who, struct fb_bt_moment *m)
{
    enum fb_bt_hands hands = m ? fb_bt_in_hindsight(who, m->hands, m->network) : FB_BT_UNCLEAR;

    if (!m || hands == m->hands)
        return;
    m->hands = hands;
    (void)snprintf(
        m->because, sizeof m->because,
        "little was known of it on that day, but it works from this network on %d of its %d "
        "days%s%s",
        who->networks[m->network].days.count, who->days.count, *who->iac_tool ? ", with " : "",
        who->iac_tool);
}

/* --- what it usually does -----------------------------------------------------------------------
 */

static void see_habit(struct fb_bt_who *who, const struct fb_event *ev)
{
    char call[FB_BT_HABIT_BYTES];
    struct fb_bt_habit *least = &who->habits[0];

    (void)snprintf(call, sizeof call, "%s%s%s", ev->service, *ev->service ? ":" : "", ev->action);
    who->calls++;
    for (size_t i = 0; i < FB_BT_HABITS; i++) {
        struct fb_bt_habit *h = &who->habits[i];

        if (h->count && strcmp(h->call, call) == 0) {
            h->count++;
            return;
        }
        least = h->count < least->count ? h : least;
    }
    memcpy(least->call, call, sizeof call);
    least->count++;
}

size_t fb_bt_usual(const struct fb_bt_who *who, const char **calls, size_t max)
{
    bool taken[FB_BT_HABITS] = {false};
    size_t n = 0;

    while (n < max) {
        size_t best = FB_BT_HABITS;

        for (size_t i = 0; i < FB_BT_HABITS; i++) {
            if (who->habits[i].count && !taken[i] &&
                (best == FB_BT_HABITS || who->habits[i].count > who->habits[best].count))
                best = i;
        }
        if (best == FB_BT_HABITS)
            break;
        taken[best] = true;
        calls[n++] = who->habits[best].call;
    }
    return n;
}

bool fb_bt_is_robot(const struct fb_bt_who *who)
{
    if (who->kind == FB_HOP_INSTANCE || who->kind == FB_HOP_SERVICE ||
        who->kind == FB_HOP_SERVICE_ACCOUNT)
        return true;
    if (who->person || who->kind == FB_HOP_ROOT || who->kind == FB_HOP_SSO || !who->days.count)
        return false;
    return who->iac.count * 2 > who->days.count ||
           who->calls / (uint64_t)who->days.count >= ROBOT_CALLS;
}

void fb_bt_see_activity(struct fb_bt_who *who, const struct fb_event *ev)
{
    int32_t today = fb_bt_day_of(ev->time_ms);
    uint64_t agent = fb_hash64_str(ev->agent);
    int net;

    who->events++;
    who->last_ms = ev->time_ms;
    if (ev->kind != FB_EV_CALL && ev->kind != FB_EV_SIGN_IN)
        return; /* what is said about it is not what it does */
    days_see(&who->days, today);
    see_habit(who, ev);
    who->person |= ev->kind == FB_EV_SIGN_IN || fb_starts(ev->agent, "Mozilla/") ||
                   fb_has_fold(ev->agent, "console.amazonaws.com");
    net = fb_bt_network_of(who, ev->ip);
    if (net >= 0)
        days_see(&who->networks[net].days, today);
    if (!who->tool || who->agent != agent)
        who->tool = iac_tool(ev->agent);
    who->agent = agent;
    if (*who->tool) {
        days_see(&who->iac, today);
        who->iac_tool = who->tool;
    }
}

/* Events come in order of time, so a day is the last one or a new one. */

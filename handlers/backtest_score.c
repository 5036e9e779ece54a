/* backtest_score.c - the second pass of a backtest: every island's events, in order, down the very
 * road that live events take, and what is remembered of each identity on the way.
 *
 * The clock of a walk is the log's own, so that what live operation forgets (edges, profiles) is
 * forgotten here too. The playbook runs once an incident, when it would first have contained: that
 * plan is what would have been cut. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backtest.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/text.h"

enum {
    NETWORKS = 8,      /* remembered of one identity: the first ones seen */
    KNOWN_DAYS = 3,    /* earlier days that make a thing known, as the profile counts */
    HABIT_DAYS = 5,    /* days in all that make it a habit, seen from the log's end */
    STORIES_MAX = 500, /* told of one island */
    SIGNALS_TOLD = 5,
    PLAN_TOLD = 50,
    STORY_BYTES = 256 << 10,
    SWEEP_EVENTS = 20000
};

static const double TELL_FROM = 20; /* colder identities are counted only */

const char *fb_bt_hands_name(enum fb_bt_hands h)
{
    static const char *const names[] = {"probably-yours", "probably-stolen", "no-history",
                                        "unclear"};

    return names[h];
}

/* Days on which something was seen. */
struct days {
    int32_t last, count;
};

struct network {
    uint32_t hash; /* 0: free */
    struct days days;
};

/* One event that crossed a line, and what was known of the identity before that day. */
struct moment {
    int64_t ms;
    double score, usd_per_hour;
    char *json; /* the event and its signals: members of an object */
    char *plan; /* what containment would have asked for: a JSON array; NULL none */
    enum fb_bt_hands hands;
    int network; /* of the event, in the identity's list; -1 none */
    char because[200];
};

struct identity {
    char *name, *account;
    const char *kind;
    uint64_t events;
    int64_t first_ms, last_ms, peak_ms;
    double peak;
    struct days days, iac;
    const char *iac_tool; /* "" none */
    const char *tool;     /* of its newest agent */
    uint64_t agent;       /* that agent's hash: most identities have one */
    struct network networks[NETWORKS];
    int64_t crossed[FB_BT_STEPS]; /* 0: never */
    uint8_t hands[FB_BT_STEPS];
    int8_t network[FB_BT_STEPS];
    const char *top[3]; /* signals at the peak */
    struct moment *alert, *contain;
};

struct table {
    struct identity **slots; /* by name; a power of two */
    size_t cap, count;
};

struct walk {
    const struct fb_history *h;
    const struct fb_config *config;
    const int *fds;
    struct fb_bt_result *results;
    const size_t *order; /* islands, largest first */
    FILE *null;
    uint64_t at; /* in this worker's results */
    /* of the island at hand: */
    struct fb_runtime rt;
    struct fb_arena *arena;
    int64_t now_ms;
    struct table table;
    struct fb_bt_sums sums;
    struct fb_bt_day *days;
    size_t day_cap;
};

static enum fb_status no_memory(struct fb_err *err)
{
    return fb_err_set(err, FB_ELIMIT, "memory is short");
}

/* --- identities ---------------------------------------------------------------------------------
 */

static bool table_widen(struct table *t)
{
    size_t cap = t->cap ? t->cap * 2 : 1024;
    struct identity **slots = calloc(cap, sizeof *slots);

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

static struct identity *identity_of(struct walk *w, const struct fb_hop *root,
                                    const struct fb_event *ev)
{
    struct table *t = &w->table;
    struct identity *who;
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
    who->kind = fb_hop_kind_name(root->kind);
    who->iac_tool = "";
    who->first_ms = ev->time_ms;
    t->slots[at] = who;
    t->count++;
    return who->name && who->account ? who : NULL;
}

static void moment_free(struct moment *m)
{
    if (!m)
        return;
    free(m->json);
    free(m->plan);
    free(m);
}

static void table_release(struct table *t)
{
    for (size_t i = 0; i < t->cap; i++) {
        struct identity *who = t->slots[i];

        if (!who)
            continue;
        moment_free(who->alert);
        moment_free(who->contain);
        free(who->name);
        free(who->account);
        free(who);
    }
    free(t->slots);
    *t = (struct table){0};
}

/* --- what it did before -------------------------------------------------------------------------
 */

static int32_t day_of(int64_t ms) { return (int32_t)(ms / (24 * 3600 * 1000)); }

static void days_see(struct days *d, int32_t day)
{
    d->count += d->count == 0 || day != d->last;
    d->last = day;
}

/* Earlier days, when today has been seen already or not. */
static int days_before(const struct days *d, int32_t today)
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

/* Its number; -1 when more than NETWORKS were seen, or the event names none. */
static int network_of(struct identity *who, const char *ip)
{
    uint32_t hash = network_hash(ip);

    for (int i = 0; i < NETWORKS && *ip; i++) {
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

static enum fb_bt_hands judge(struct identity *who, const struct fb_decision *d, char *why,
                              size_t size)
{
    int net = network_of(who, d->ev.ip);
    int32_t today = day_of(d->ev.time_ms);
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
static enum fb_bt_hands in_hindsight(const struct identity *who, enum fb_bt_hands hands, int net)
{
    if (hands != FB_BT_NO_HISTORY && hands != FB_BT_UNCLEAR)
        return hands;
    return net >= 0 && who->networks[net].days.count >= HABIT_DAYS ? FB_BT_YOURS : hands;
}

static void look_back(const struct identity *who, struct moment *m)
{
    enum fb_bt_hands hands = m ? in_hindsight(who, m->hands, m->network) : FB_BT_UNCLEAR;

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

/* --- moments ------------------------------------------------------------------------------------
 */

static char *finish_json(struct fb_buf *b)
{
    char *text = fb_buf_ok(b) ? strdup(b->at) : NULL;

    fb_buf_release(b);
    return text;
}

/* The event and the signals behind its score, as an object. */
static char *event_json(const struct fb_decision *d)
{
    char iso[FB_TIME_MAX];
    struct fb_buf b;
    size_t told = 0;

    fb_buf_init(&b, STORY_BYTES);
    fb_json_open(&b, NULL, '{');
    fb_json_put_str(&b, "time", fb_time_iso(d->ev.time_ms, iso));
    fb_json_put_num(&b, "score", d->verdict.score, 1);
    fb_json_put_str(&b, "event_id", d->ev.id);
    fb_json_put_str(&b, "service", d->ev.service);
    fb_json_put_str(&b, "action", d->ev.action);
    fb_json_put_str(&b, "account", d->ev.account);
    fb_json_put_str(&b, "region", d->ev.region);
    fb_json_put_str(&b, "ip", d->ev.ip);
    fb_json_put_str(&b, "agent", d->ev.agent);
    fb_json_put_num(&b, "usd_per_hour", d->verdict.usd_per_hour, 2);
    fb_json_open(&b, "signals", '[');
    for (size_t i = 0; i < d->verdict.count && told < SIGNALS_TOLD; i++) {
        const struct fb_term *t = &d->verdict.terms[i];

        if (t->value <= 0)
            continue;
        told++;
        fb_json_open(&b, NULL, '{');
        fb_json_put_str(&b, "id", t->signal->id);
        fb_json_put_num(&b, "weight", t->value, 2);
        fb_json_put_str(&b, "why", t->why && *t->why ? t->why : t->signal->words);
        fb_json_close(&b, '}');
    }
    fb_json_close(&b, ']');
    fb_json_close(&b, '}');
    return finish_json(&b);
}

static struct moment *moment_new(struct identity *who, const struct fb_decision *d)
{
    struct moment *m = calloc(1, sizeof *m);

    if (!m)
        return NULL;
    m->ms = d->ev.time_ms;
    m->score = d->verdict.score;
    m->usd_per_hour = d->verdict.usd_per_hour;
    m->json = event_json(d);
    m->hands = judge(who, d, m->because, sizeof m->because);
    m->network = network_of(who, d->ev.ip);
    if (m->json)
        return m;
    moment_free(m);
    return NULL;
}

/* {"count": n, "by_verb": {...}, "targets": [...]} of what a pass asked for. */
static char *plan_json(const struct fb_action *actions, size_t n)
{
    struct fb_buf b;

    fb_buf_init(&b, STORY_BYTES);
    fb_json_open(&b, NULL, '{');
    fb_json_put_int(&b, "count", (int64_t)n);
    fb_json_open(&b, "by_verb", '{');
    for (size_t i = 0; i < n; i++) {
        int64_t same = 0;
        bool told = false;

        for (size_t j = 0; j < n; j++) {
            told = told || (j < i && strcmp(actions[j].verb, actions[i].verb) == 0);
            same += strcmp(actions[j].verb, actions[i].verb) == 0;
        }
        if (!told)
            fb_json_put_int(&b, actions[i].verb, same);
    }
    fb_json_close(&b, '}');
    fb_json_open(&b, "targets", '[');
    for (size_t i = 0; i < n && i < PLAN_TOLD; i++) {
        fb_json_open(&b, NULL, '{');
        fb_json_put_str(&b, "verb", actions[i].verb);
        fb_json_put_str(&b, "target", actions[i].target);
        fb_json_put_str(&b, "region", actions[i].region);
        fb_json_close(&b, '}');
    }
    fb_json_close(&b, ']');
    fb_json_close(&b, '}');
    return finish_json(&b);
}

/* Lets the playbooks look at the incident once, in dry-run. NULL: nothing came of it. */
static char *plan_of(struct walk *w, const struct fb_delivery *d, const struct fb_decision *dec)
{
    struct fb_work work = {.delivery = d, .now_ms = dec->ev.time_ms};
    struct fb_incident *inc = FB_NEW(w->arena, struct fb_incident);
    const char *root = fb_chain_root(&dec->chain)->identity;
    struct fb_item item;

    if (!inc ||
        fb_store_get(w->rt.store, w->arena, fb_incident_key(w->arena, root), &item, NULL) !=
            FB_OK ||
        fb_incident_read(w->arena, item.value, item.len, inc, NULL) != FB_OK)
        return NULL;
    inc->version = item.version;
    if (fb_incident_work(&w->rt, w->arena, inc, &work, NULL) != FB_OK)
        return NULL;
    return plan_json(work.actions, work.action_count);
}

/* --- one event ----------------------------------------------------------------------------------
 */

static bool something_fired(const struct fb_verdict *v)
{
    for (size_t i = 0; i < v->count; i++) {
        if (v->terms[i].fired)
            return true;
    }
    return v->level != FB_OBSERVE;
}

static void see_score(struct identity *who, const struct fb_decision *d)
{
    const struct fb_verdict *v = &d->verdict;
    size_t n = 0;
    char why[8];

    if (!something_fired(v))
        return;
    for (size_t i = 0; i < FB_BT_STEPS; i++) {
        if (who->crossed[i] || v->score < FB_BT_FIRST + FB_BT_STEP * (double)i)
            continue;
        who->crossed[i] = d->ev.time_ms;
        who->hands[i] = (uint8_t)judge(who, d, why, sizeof why);
        who->network[i] = (int8_t)network_of(who, d->ev.ip);
    }
    if (v->score <= who->peak)
        return;
    who->peak = v->score;
    who->peak_ms = d->ev.time_ms;
    memset(who->top, 0, sizeof who->top);
    for (size_t i = 0; i < v->count && n < 3; i++) {
        if (v->terms[i].value > 0)
            who->top[n++] = v->terms[i].signal->id;
    }
}

static bool see_levels(struct walk *w, const struct fb_delivery *d, struct identity *who,
                       const struct fb_decision *dec)
{
    enum fb_level level = dec->verdict.level;

    if (level >= FB_ALERT && !who->alert && !(who->alert = moment_new(who, dec)))
        return false;
    if (level < FB_CONTAIN || who->contain || dec->ev.drill)
        return true;
    who->contain = moment_new(who, dec);
    if (!who->contain)
        return false;
    who->contain->plan = plan_of(w, d, dec);
    return true;
}

static void see_activity(struct identity *who, const struct fb_event *ev)
{
    int32_t today = day_of(ev->time_ms);
    uint64_t agent = fb_hash64_str(ev->agent);
    int net;

    who->events++;
    who->last_ms = ev->time_ms;
    if (ev->kind != FB_EV_CALL && ev->kind != FB_EV_SIGN_IN)
        return; /* what is said about it is not what it does */
    days_see(&who->days, today);
    net = network_of(who, ev->ip);
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
static bool see_day(struct walk *w, int64_t ms, enum fb_level level)
{
    struct fb_bt_sums *s = &w->sums;

    if (s->day_count == 0 || w->days[s->day_count - 1].day != day_of(ms)) {
        if (s->day_count == w->day_cap) {
            size_t cap = w->day_cap ? w->day_cap * 2 : 64;
            struct fb_bt_day *wide = realloc(w->days, cap * sizeof *wide);

            if (!wide)
                return false;
            w->days = wide;
            w->day_cap = cap;
        }
        w->days[s->day_count++] = (struct fb_bt_day){.day = day_of(ms)};
    }
    w->days[s->day_count - 1].levels[level]++;
    s->first_ms = s->events ? s->first_ms : ms;
    s->last_ms = ms;
    s->events++;
    return true;
}

static enum fb_status on_event(struct walk *w, const struct fb_event *ev, struct fb_err *err)
{
    struct fb_delivery d = {.received_ms = ev->time_ms,
                            .trusted = true,
                            .own_account = "",
                            .log_time = true,
                            .unique = true,
                            .no_work = true};
    struct fb_decision dec;
    struct identity *who;
    enum fb_status st = fb_pipeline_event(&w->rt, w->arena, ev, &d, &dec, err);

    if (st != FB_OK)
        return st;
    who = identity_of(w, fb_chain_root(&dec.chain), &dec.ev);
    if (!who || !see_day(w, ev->time_ms, dec.verdict.level))
        return no_memory(err);
    w->sums.problems += *dec.problem != '\0';
    see_score(who, &dec);
    if (!see_levels(w, &d, who, &dec))
        return no_memory(err);
    see_activity(who, &dec.ev);
    return FB_OK;
}

/* --- results of an island -----------------------------------------------------------------------
 */

static enum fb_level level_of(const struct identity *who)
{
    return who->contain ? FB_CONTAIN : who->alert ? FB_ALERT : FB_OBSERVE;
}

static int64_t told_ms(const struct identity *who)
{
    return who->contain ? who->contain->ms : who->alert ? who->alert->ms : who->peak_ms;
}

static int by_heat(const void *x, const void *y)
{
    const struct identity *a = *(struct identity *const *)x, *b = *(struct identity *const *)y;

    if (level_of(a) != level_of(b))
        return level_of(a) > level_of(b) ? -1 : 1;
    if (a->peak != b->peak)
        return a->peak > b->peak ? -1 : 1;
    if (told_ms(a) != told_ms(b))
        return told_ms(a) < told_ms(b) ? -1 : 1;
    return strcmp(a->name, b->name);
}

static void put_moment(struct fb_buf *b, const char *key, const struct moment *m)
{
    if (m)
        fb_json_put_raw(b, key, m->json);
    else
        fb_json_put_null(b, key);
}

static void story_json(struct fb_buf *b, const struct identity *who)
{
    const struct moment *m = who->contain ? who->contain : who->alert;
    char iso[FB_TIME_MAX];
    int networks = 0;

    for (size_t i = 0; i < NETWORKS; i++)
        networks += who->networks[i].hash != 0;
    fb_json_open(b, NULL, '{');
    fb_json_put_str(b, "kind", "identity");
    fb_json_put_str(b, "identity", who->name);
    fb_json_put_str(b, "account", who->account);
    fb_json_put_str(b, "hop", who->kind);
    fb_json_put_str(b, "level", fb_level_name(level_of(who)));
    fb_json_put_num(b, "peak", who->peak, 1);
    fb_json_put_str(b, "peak_time", fb_time_iso(who->peak_ms, iso));
    fb_json_open(b, "peak_signals", '[');
    for (size_t i = 0; i < 3 && who->top[i]; i++)
        fb_json_put_str(b, NULL, who->top[i]);
    fb_json_close(b, ']');
    fb_json_put_int(b, "events", (int64_t)who->events);
    fb_json_put_int(b, "days", who->days.count);
    fb_json_put_int(b, "networks", networks);
    fb_json_put_str(b, "tool", who->iac_tool);
    fb_json_put_str(b, "first", fb_time_iso(who->first_ms, iso));
    fb_json_put_str(b, "last", fb_time_iso(who->last_ms, iso));
    if (m) {
        fb_json_put_str(b, "hands", fb_bt_hands_name(m->hands));
        fb_json_put_str(b, "because", m->because);
    }
    put_moment(b, "alert", who->alert);
    put_moment(b, "contain", who->contain);
    if (who->contain && who->contain->plan)
        fb_json_put_raw(b, "plan", who->contain->plan);
    fb_json_open(b, "reached", '{');
    for (size_t i = 0; i < FB_BT_STEPS && who->crossed[i]; i++) {
        char step[8];

        (void)snprintf(step, sizeof step, "%zu", FB_BT_FIRST + FB_BT_STEP * i);
        fb_json_put_str(b, step, fb_time_iso(who->crossed[i], iso));
    }
    fb_json_close(b, '}');
    fb_json_close(b, '}');
}

static bool append(struct walk *w, int fd, const void *bytes, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = pwrite(fd, (const char *)bytes + done, len - done, (off_t)(w->at + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    w->at += len;
    return true;
}

static bool write_story(struct walk *w, int fd, const struct identity *who)
{
    struct fb_bt_story head = {.peak = who->peak, .at_ms = told_ms(who)};
    struct fb_buf b;
    bool ok;

    head.level = (uint32_t)level_of(who);
    fb_buf_init(&b, 4 * STORY_BYTES);
    story_json(&b, who);
    head.len = (uint32_t)b.len;
    ok = fb_buf_ok(&b) && append(w, fd, &head, sizeof head) && append(w, fd, b.at, b.len);
    fb_buf_release(&b);
    return ok;
}

/* The identities worth telling of, hottest first; the rest is only counted. */
static size_t choose(struct walk *w, struct identity **list)
{
    size_t n = 0;

    for (size_t i = 0; i < w->table.cap; i++) {
        struct identity *who = w->table.slots[i];

        if (!who)
            continue;
        w->sums.alerted += level_of(who) == FB_ALERT;
        w->sums.contained += level_of(who) == FB_CONTAIN;
        for (size_t s = 0; s < FB_BT_STEPS; s++) {
            w->sums.hit[s] += who->crossed[s] != 0;
            w->sums.yours[s] +=
                who->crossed[s] &&
                in_hindsight(who, (enum fb_bt_hands)who->hands[s], who->network[s]) == FB_BT_YOURS;
        }
        look_back(who, who->alert);
        look_back(who, who->contain);
        if (who->peak >= TELL_FROM || level_of(who) != FB_OBSERVE)
            list[n++] = who;
    }
    if (n)
        qsort(list, n, sizeof *list, by_heat);
    return n < STORIES_MAX ? n : STORIES_MAX;
}

static enum fb_status write_island(struct walk *w, size_t worker, size_t island, struct fb_err *err)
{
    struct identity **list = malloc((w->table.count + 1) * sizeof *list);
    struct fb_bt_result *result = &w->results[island];
    int fd = w->fds[worker];
    bool ok = list != NULL;
    size_t n = ok ? choose(w, list) : 0;

    *result = (struct fb_bt_result){.worker = (uint32_t)worker, .at = w->at};
    w->sums.identities = w->table.count;
    w->sums.story_count = n;
    ok = ok && append(w, fd, &w->sums, sizeof w->sums) &&
         append(w, fd, w->days, w->sums.day_count * sizeof *w->days);
    for (size_t i = 0; i < n && ok; i++)
        ok = write_story(w, fd, list[i]);
    result->len = w->at - result->at;
    free(list);
    return ok ? FB_OK
              : fb_err_set(err, FB_EIO, "write results: the disk is full or memory is short");
}

/* --- one island ---------------------------------------------------------------------------------
 */

static int64_t log_wall(void *self) { return ((const struct walk *)self)->now_ms; }

static int64_t log_mono(void *self)
{
    struct fb_clock real = fb_clock_system();

    (void)self;
    return fb_mono_ms(&real);
}

static enum fb_status walk_events(struct walk *w, struct fb_merge *m, struct fb_board *board,
                                  struct fb_err *err)
{
    enum fb_status st = FB_OK;
    struct fb_event ev;

    for (uint64_t n = 1; st == FB_OK; n++) {
        fb_arena_reset(w->arena);
        st = fb_merge_next(m, w->arena, &ev, err);
        if (st != FB_OK)
            break;
        w->now_ms = ev.time_ms;
        st = on_event(w, &ev, err);
        if (n % 256 == 0)
            fb_board_add(board, 256, 256);
        if (n % SWEEP_EVENTS == 0)
            (void)fb_store_sweep(w->rt.store);
    }
    w->sums.duplicates = fb_merge_duplicates(m);
    return st == FB_ENOTFOUND ? FB_OK : st;
}

static enum fb_status walk_island(struct walk *w, size_t worker, size_t island,
                                  struct fb_board *board, struct fb_err *err)
{
    struct fb_runtime_setup setup = {
        .config = w->config,
        .clock = {.wall_ms = log_wall, .mono_ms = log_mono, .self = w},
        .log = {.to = w->null, .least = FB_LOG_ERROR, .clock = fb_clock_system()}};
    struct fb_merge *m;
    enum fb_status st;

    memset(&w->sums, 0, sizeof w->sums);
    st = fb_runtime_open(&w->rt, &setup, err);
    if (st != FB_OK)
        return st;
    m = fb_history_open(w->h, &w->h->islands[island], err);
    st = m ? walk_events(w, m, board, err) : FB_EIO;
    fb_merge_free(m);
    fb_runtime_close(&w->rt);
    if (st == FB_OK)
        st = write_island(w, worker, island, err);
    table_release(&w->table);
    return fb_err_ctx(err, st, "account %s", w->h->islands[island].name);
}

static enum fb_status score_islands(void *self, size_t worker, struct fb_board *board,
                                    struct fb_err *err)
{
    struct walk *w = self;
    enum fb_status st = FB_OK;
    size_t job;

    w->null = fopen("/dev/null", "we");
    w->arena = fb_arena_new(FB_INVOCATION_BYTES_MAX);
    if (!w->null || !w->arena)
        return no_memory(err);
    while (st == FB_OK && fb_board_take(board, w->h->island_count, &job))
        st = walk_island(w, worker, w->order[job], board, err);
    fb_arena_free(w->arena);
    free(w->days);
    (void)fclose(w->null);
    return st;
}

struct sized {
    uint64_t events;
    size_t island;
};

static int largest_first(const void *x, const void *y)
{
    const struct sized *a = x, *b = y;

    if (a->events != b->events)
        return a->events > b->events ? -1 : 1;
    return (a->island > b->island) - (a->island < b->island);
}

/* The largest island first: who gets it last would keep all others waiting. */
static size_t *order_of(const struct fb_history *h)
{
    struct sized *list = malloc((h->island_count + 1) * sizeof *list);
    size_t *order = malloc((h->island_count + 1) * sizeof *order);

    if (list && order) {
        for (size_t i = 0; i < h->island_count; i++)
            list[i] = (struct sized){h->islands[i].events, i};
        qsort(list, h->island_count, sizeof *list, largest_first);
        for (size_t i = 0; i < h->island_count; i++)
            order[i] = list[i].island;
        free(list);
        return order;
    }
    free(list);
    free(order);
    return NULL;
}

enum fb_status fb_bt_score(const struct fb_history *h, const struct fb_config *config,
                           const int *fds, struct fb_bt_result *results, struct fb_err *err)
{
    size_t *order = order_of(h);
    struct walk w = {.h = h, .config = config, .fds = fds, .results = results, .order = order};
    struct fb_crew crew = {.what = "scoring",
                           .workers = h->workers,
                           .all = h->counts.kept,
                           .self = &w,
                           .work = score_islands};
    enum fb_status st = order ? fb_crew_run(&crew, err) : no_memory(err);

    free(order);
    return st;
}

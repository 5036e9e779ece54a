/* profile.c - one event is merged into a profile, field by field: the same as joining it with the
 * profile of that one event, without making that. */
#include "score/profile.h"

#include <math.h>
#include <string.h>

#include "attribute/chain.h"
#include "base/arena.h"
#include "base/digest.h"
#include "base/text.h"
#include "score/price.h"
#include "score/profile_in.h"

#define DAYS(n)  ((n)*DAY_MS)
#define HOURS(n) ((n)*HOUR_MS)

struct latch_rule {
    int slot; /* -1: the row is not latched */
    enum fb_trait trait;
    int64_t half_life_ms;
};

/* By row of signals.def. */
static const struct latch_rule LATCH_RULES[] = {
#define LATCH(slot, trait) slot, trait
#define FIRST(duty)        -1, FB_T_COUNT
#define READ(function)     -1, FB_T_COUNT
#define FB_SIGNAL(id, group, weight, half_life, attack, state, kind, marks, source, words)         \
    {source, half_life},
#include "score/signals.def"
#undef FB_SIGNAL
#undef READ
#undef FIRST
#undef LATCH
};

#define LATCH(slot, trait) _Static_assert((slot) < (int)LATCHES, "a slot of the profile");
#define FIRST(duty)
#define READ(function)
#define FB_SIGNAL(id, group, weight, half_life, attack, state, kind, marks, source, words) source
#include "score/signals.def"
#undef FB_SIGNAL
#undef READ
#undef FIRST
#undef LATCH

/* What shows intent even when it was refused or failed: latched at half strength then. */
static const enum fb_trait ATTEMPTS[] = {
    FB_T_LOG_TAMPER,    FB_T_DETECTOR_TAMPER, FB_T_LEAVE_ORG,       FB_T_SENSOR_TAMPER,
    FB_T_MFA_REMOVE,    FB_T_IDP_BACKDOOR,    FB_T_ADMIN_GRANT,     FB_T_EXTERNAL_TRUST,
    FB_T_KEY_FOR_OTHER, FB_T_LOGIN_PROFILE,   FB_T_DATA_SHARED_OUT,
};

static const double ATTEMPT_M = 0.5, SHORT_M = 0.7;

struct duty_rule {
    enum duty duty;
    enum fb_trait trait;
};

static const struct duty_rule DUTY_RULES[] = {
    {DUTY_CALLER_IDENTITY, FB_T_CALLER_IDENTITY},
    {DUTY_FEDERATION, FB_T_FEDERATION_TOKEN},
    {DUTY_MAIL_OR_LLM, FB_T_MAIL_OR_LLM_PROBE},
    {DUTY_PERMISSION_PROBE, FB_T_PERMISSION_PROBE},
    {DUTY_KEYPAIR, FB_T_KEYPAIR},
    {DUTY_OPEN_PORT, FB_T_OPEN_ADMIN_PORT},
    {DUTY_GROUP_BLOWUP, FB_T_GROUP_BLOWUP},
    {DUTY_REMOTE_EXEC, FB_T_REMOTE_EXEC},
    {DUTY_CODE_OVERWRITE, FB_T_CODE_OVERWRITE},
    {DUTY_MODEL_ACCESS, FB_T_MODEL_ACCESS},
    {DUTY_SECRETS, FB_T_SECRET_READ},
};

enum { OVERSIZE_VCPU = 16, DEEP_CHAIN = 3, COUNT_MAX = 100000, VCPU_MAX = (1 << 24) - 1 };

/* One event on its way in. */
struct look {
    const struct fb_event *ev;
    const struct fb_chain *chain;
    struct fb_profile *p;
    int64_t t_ms;
    uint64_t hash;   /* of the event's id */
    bool ok;         /* the call succeeded */
    bool starved;    /* only a limit or want of room stopped it */
    bool by_service; /* a service made it: its address and agent say nothing about the root */
    bool compute, dry;
    bool iac, is_public;
    char family[FAMILY_MAX];     /* of its tool */
    uint32_t prefix, credential; /* hashes; 0 none */
    uint8_t place;               /* its region */
    struct fb_size size;
    uint32_t vcpu, usd_milli; /* launched: of calls that succeeded */
};

/* 16 bits of a hash, as rings keep it. */
static uint32_t fold(uint64_t h) { return (uint32_t)(h ^ (h >> 32)) & 0xffff; }

static void latch(struct fb_profile *p, int slot, int64_t t_ms, int64_t half_life_ms, double m)
{
    int64_t key = in_span(t_ms + (int64_t)((double)half_life_ms * log2(m)));

    if (key > p->latch[slot])
        p->latch[slot] = key;
}

static bool shows_intent(enum fb_trait trait)
{
    for (size_t i = 0; i < sizeof ATTEMPTS / sizeof ATTEMPTS[0]; i++) {
        if (ATTEMPTS[i] == trait)
            return true;
    }
    return false;
}

static void latch_rules(const struct look *l)
{
    const struct fb_event *ev = l->ev;

    for (size_t i = 0; i < sizeof LATCH_RULES / sizeof LATCH_RULES[0]; i++) {
        const struct latch_rule *rule = &LATCH_RULES[i];

        if (rule->slot < 0 || rule->trait == FB_T_COUNT || !fb_event_is(ev, rule->trait))
            continue;
        if (l->ok)
            latch(l->p, rule->slot, l->t_ms, rule->half_life_ms, 1);
        else if (shows_intent(rule->trait))
            latch(l->p, rule->slot, l->t_ms, rule->half_life_ms, ATTEMPT_M);
    }
    if (l->starved && fb_event_is(ev, FB_T_MAX_COUNT))
        latch(l->p, LATCH_MAX_COUNT, l->t_ms, HOURS(2), SHORT_M);
    if (l->ok && fb_event_is(ev, FB_T_COST_ANOMALY))
        latch(l->p, LATCH_COST, l->t_ms, DAYS(1), 1);
    if (l->ok && fb_event_is(ev, FB_T_CONTAINER_MINER))
        latch(l->p, LATCH_MINER, l->t_ms, HOURS(6), 1);
    /* "InsideAWS": another account of AWS's network; half, for VPC endpoints look the same. */
    if (fb_event_is(ev, FB_T_VENDOR_CREDENTIAL))
        latch(l->p, LATCH_VENDOR_CREDENTIAL, l->t_ms, DAYS(1),
              fb_has_fold(ev->action, "InsideAWS") ? 0.5 : 1);
    if (l->compute && !l->dry && ev->outcome == FB_OUTCOME_DENIED)
        latch(l->p, LATCH_DENIED_COMPUTE, l->t_ms, HOURS(2), 1);
    if (l->ok && fb_event_is(ev, FB_T_NEW_IDENTITY))
        latch(l->p, LATCH_NEW_IDENTITY, l->t_ms, DAYS(3), 1);
    else if (l->ok && fb_event_is(ev, FB_T_NEW_ROLE))
        latch(l->p, LATCH_NEW_IDENTITY, l->t_ms, DAYS(3), 0.5);
    if (l->ok && fb_event_is(ev, FB_T_DENY_REMOVED))
        latch(l->p, LATCH_DENY_REMOVED, l->t_ms, DAYS(7), 1);
}

static struct seen seen_now(const struct look *l)
{
    return (struct seen){.last_ms = l->t_ms, .days = l->ok};
}

static void touch(struct seen *seen, const struct look *l)
{
    struct seen now = seen_now(l);

    fb_seen_join(seen, &now);
}

static void see_thing(struct table *table, const struct look *l, uint32_t hash, unsigned flags)
{
    struct thing thing = {.hash = hash, .flags = (uint8_t)flags};

    thing.seen = seen_now(l);
    fb_table_add(table, &thing);
}

/* Where from, and with what: also of calls that were refused, for the credential was good. */
static void see_origin(const struct look *l)
{
    uint32_t agent = *l->family ? fb_hash32("agent", l->family) : 0;

    if (l->by_service)
        return;
    if (l->prefix)
        see_thing(&l->p->prefixes, l, l->prefix,
                  l->ev->who.instance_role && l->is_public ? THING_WORKLOAD : 0);
    if (l->prefix && l->credential) {
        struct ring_entry e = {.t_ms = l->t_ms, .what = l->prefix & 0xffff};

        e.id = l->credential << 16 | (fb_hash32("agent", l->family) & 0xffff);
        fb_ring_add(&l->p->origins, &e);
    }
    fb_hours_add(&l->p->hours, l->t_ms);
    if (agent)
        see_thing(&l->p->agents, l, agent, l->iac ? THING_IAC : 0);
}

static void see_region(const struct look *l)
{
    struct region_use *region;

    if (!*l->ev->region)
        return;
    region = &l->p->regions[l->place];
    if (!fb_event_is(l->ev, FB_T_READ)) {
        struct seen now = seen_now(l);

        now.last_ms -= now.last_ms % DAY_MS;
        fb_seen_join(&region->used, &now);
    }
    if (l->compute && !l->dry && l->t_ms > region->compute_ms)
        region->compute_ms = l->t_ms;
}

static void see_launch(const struct look *l)
{
    struct ring_entry e = {.t_ms = l->t_ms, .id = fold(l->hash), .what = l->vcpu};

    e.usd_milli = l->usd_milli;
    e.place = l->place;
    e.flags = (uint8_t)((l->ok ? LAUNCH_OK : 0) | (l->dry ? LAUNCH_DRY : 0) |
                        (l->by_service ? LAUNCH_BY_SERVICE : 0) | (l->iac ? LAUNCH_IAC : 0) |
                        (fb_event_is(l->ev, FB_T_TERM_PROTECT) ? LAUNCH_PROTECTED : 0) |
                        (strcmp(l->ev->service, "ecs") == 0 ? LAUNCH_ECS : 0));
    fb_ring_add(&l->p->launches, &e);
    if (l->vcpu)
        fb_volume_add(l->p, l->t_ms, l->hash, l->vcpu, l->usd_milli);
}

/* Google's own agents spread a group's machines over zones: not the root's doing. */
static void see_zone(const struct look *l)
{
    struct ring_entry e = {.t_ms = l->t_ms};

    if (l->ev->provider != FB_GCP || l->by_service || l->ev->who.kind == FB_WHO_SERVICE ||
        !*l->ev->launch.zone || l->dry || !(l->ok || l->starved))
        return;
    e.what = fb_hash32("zone", l->ev->launch.zone) & 0xffff;
    fb_ring_add(&l->p->zones, &e);
}

static void see_data(const struct look *l)
{
    struct ring_entry e = {.t_ms = l->t_ms, .id = fold(l->hash)};

    if (fb_event_is(l->ev, FB_T_SECRET_READ))
        fb_ring_add(&l->p->secrets, &e);
    if (l->ok && fb_event_is(l->ev, FB_T_DATA_DESTROY))
        fb_ring_add(&l->p->destroys, &e);
}

static void see_model_use(const struct look *l)
{
    if (!l->ok || !fb_event_is(l->ev, FB_T_MODEL_INVOKE))
        return;
    touch(&l->p->duties[DUTY_MODEL_USE], l);
    fb_model_add(l->p, l->t_ms, l->hash);
}

/* Seen, but teaches nothing: touch() sets no day for a call that failed. */
static void see_starved(const struct look *l)
{
    struct seen *duties = l->p->duties;

    if (!l->compute || !l->starved || l->dry)
        return;
    touch(&duties[DUTY_COMPUTE_TRIED], l);
    if (l->size.gpus)
        touch(&duties[DUTY_GPU_TRIED], l);
    if (l->size.vcpu >= OVERSIZE_VCPU)
        touch(&duties[DUTY_OVERSIZE_TRIED], l);
}

static void see_duties(const struct look *l)
{
    struct seen *duties = l->p->duties;

    for (size_t i = 0; i < sizeof DUTY_RULES / sizeof DUTY_RULES[0]; i++) {
        if (l->ok && fb_event_is(l->ev, DUTY_RULES[i].trait))
            touch(&duties[DUTY_RULES[i].duty], l);
    }
    if (l->ok && fb_event_is(l->ev, FB_T_API_ENABLE_COMPUTE) &&
        l->ev->who.kind == FB_WHO_SERVICE_ACCOUNT)
        touch(&duties[DUTY_API_ENABLE], l);
    if (l->chain && l->chain->count >= DEEP_CHAIN)
        touch(&duties[DUTY_DEEP_CHAIN], l);
    if (!l->compute || !l->ok || l->dry)
        return;
    touch(&duties[DUTY_COMPUTE], l);
    touch(&l->p->services[fb_service_index(l->ev->service)], l);
    if (l->by_service)
        touch(&duties[DUTY_SERVICE_LAUNCH], l);
    if (l->vcpu && l->size.gpus)
        touch(&duties[DUTY_GPU], l);
    if (l->vcpu && l->size.vcpu >= OVERSIZE_VCPU)
        touch(&duties[DUTY_OVERSIZE], l);
}

static void see_errors(const struct look *l)
{
    const struct fb_event *ev = l->ev;
    struct ring_entry e = {.t_ms = l->t_ms, .id = fold(l->hash)};

    if (fb_event_is(ev, FB_T_QUOTA_ERROR))
        e.flags = ERROR_QUOTA;
    else if (fb_event_is(ev, FB_T_CAPACITY_ERROR))
        e.flags = ERROR_CAPACITY;
    else if (ev->outcome == FB_OUTCOME_DENIED)
        e.flags = ERROR_DENIED;
    else
        return;
    if (e.flags == ERROR_CAPACITY)
        e.what = fb_hash32(ev->region, ev->launch.type) & 0xffff;
    else
        e.what = fb_hash32("service", ev->service) & 0xffff;
    fb_ring_add(&l->p->errors, &e);
}

static void see_read(const struct look *l)
{
    struct ring_entry e = {.t_ms = l->t_ms, .id = fold(l->hash)};

    if (l->by_service || !l->ok || !fb_event_is(l->ev, FB_T_READ))
        return;
    e.what = fb_hash32(l->ev->service, l->ev->action) & 0xffff;
    e.place = l->place;
    e.flags = (uint8_t)((fb_event_is(l->ev, FB_T_QUOTA_READ) ? READ_QUOTA : 0) |
                        (l->ev->who.instance_role ? READ_WORKLOAD : 0));
    fb_ring_add(&l->p->reads, &e);
}

/* The identity that an edge begins at: the role or the user, not this one session of it. */
static const char *edge_from(const struct fb_hop *hop)
{
    return *hop->role_arn ? hop->role_arn : hop->identity;
}

/* Who acts as which service account: who asks for its token, or stands behind it in the event. */
static void see_acting_as(const struct look *l)
{
    const struct fb_chain *c = l->chain;
    uint32_t edge = 0;

    if (!c || !fb_event_is(l->ev, FB_T_SA_IMPERSONATION))
        return;
    if (*l->ev->mint.role_arn)
        edge = fb_hash32(edge_from(&c->hops[0]), l->ev->mint.role_arn);
    else if (c->count >= 2)
        edge = fb_hash32(edge_from(&c->hops[1]), l->ev->who.arn);
    if (edge)
        see_thing(&l->p->edges, l, edge, THING_ACTED_AS);
}

static void see_edges(const struct look *l)
{
    const struct fb_event *ev = l->ev;
    const struct fb_hop *actor = l->chain ? &l->chain->hops[0] : NULL;
    struct ring_entry e = {.t_ms = l->t_ms, .id = fold(l->hash)};

    if (actor && l->chain->count >= 2 && *actor->role_arn)
        see_thing(&l->p->edges, l, fb_hash32(edge_from(&l->chain->hops[1]), actor->role_arn),
                  THING_ROLE);
    if (!l->ok)
        return;
    if (actor && *ev->mint.role_arn)
        see_thing(&l->p->edges, l, fb_hash32(edge_from(actor), ev->mint.role_arn), THING_ROLE);
    see_acting_as(l);
    if (*ev->launch.profile_arn)
        see_thing(&l->p->edges, l, fb_hash32("profile", ev->launch.profile_arn), THING_PASSED);
    if (fb_event_is(ev, FB_T_MINT)) {
        e.what = fb_hash32("role", ev->mint.role_arn) & 0xffff;
        fb_ring_add(&l->p->mints, &e);
    }
}

static void see_protection(const struct look *l)
{
    struct ring_entry e = {.t_ms = l->t_ms};

    if (!l->ok || !fb_event_is(l->ev, FB_T_TERM_PROTECT) || l->compute)
        return;
    e.id = *l->ev->target_id ? fb_hash32("machine", l->ev->target_id) & 0xffff : fold(l->hash);
    fb_ring_add(&l->p->protects, &e);
}

static void see_call(const struct look *l)
{
    struct fb_profile *p = l->p;

    if (!p->first_ms || l->t_ms < p->first_ms)
        p->first_ms = l->t_ms;
    fb_active_add(p, l->t_ms);
    p->events[l->hash / 64 % (EVENT_BITS / 64)] |= UINT64_C(1) << (l->hash % 64);
    fb_key_add(p->keys, (struct key_use){l->credential, l->t_ms});
    see_origin(l);
    see_region(l);
    /* Model calls have a counter of their own: hundreds of them must not push machines out. */
    if (l->compute && !fb_event_is(l->ev, FB_T_MODEL_INVOKE))
        see_launch(l);
    see_zone(l);
    see_data(l);
    see_model_use(l);
    see_duties(l);
    see_starved(l);
    see_errors(l);
    see_read(l);
    see_edges(l);
    see_protection(l);
}

/* Price outside the table's region: the dearest regions are half as dear again (section 4). */
static double region_factor(const char *region)
{
    return strcmp(region, "us-east-1") == 0 || strcmp(region, "us-central1") == 0 ? 1.0 : 1.3;
}

static void measure(struct look *l)
{
    const struct fb_launch *launch = &l->ev->launch;
    int64_t count = launch->count > COUNT_MAX ? COUNT_MAX : launch->count;
    double milli, vcpu;

    if (!l->compute || !(l->ok || l->starved) || l->dry || count <= 0)
        return;
    l->size = l->ev->provider == FB_GCP
                  ? fb_price_gcp(launch->type, launch->gpu_type, launch->gpu_count)
                  : fb_price_aws(launch->type);
    if (!l->ok)
        return;
    vcpu = (double)l->size.vcpu * (double)count;
    milli =
        (double)l->size.usd_micros_per_hour * (double)count / 1000 * region_factor(l->ev->region);
    l->vcpu = vcpu > VCPU_MAX ? VCPU_MAX : (uint32_t)vcpu;
    l->usd_milli = milli > UINT32_MAX ? UINT32_MAX : (uint32_t)milli;
}

void fb_profile_observe(struct fb_profile *p, const struct fb_event *ev,
                        const struct fb_chain *chain)
{
    struct look l = {.ev = ev, .chain = chain, .p = p, .t_ms = in_span(ev->time_ms)};

    if (ev->drill || ev->kind == FB_EV_UNKNOWN)
        return;
    if (l.t_ms > p->last_ms)
        p->last_ms = l.t_ms;
    l.hash = fb_hash64_str(ev->id);
    l.prefix = *ev->ip ? fb_ip_prefix(ev->ip, &l.is_public) : 0;
    l.credential = *ev->who.credential ? fb_hash32("key", ev->who.credential) : 0;
    l.place = (uint8_t)fb_region_index(ev->region);
    l.ok = ev->outcome == FB_OUTCOME_OK;
    l.starved =
        !l.ok && (fb_event_is(ev, FB_T_QUOTA_ERROR) || fb_event_is(ev, FB_T_CAPACITY_ERROR));
    l.by_service = *ev->who.invoked_by || (*ev->ip && !l.prefix);
    l.compute = fb_event_is(ev, FB_T_COMPUTE_CREATE) || fb_event_is(ev, FB_T_LAUNCH);
    l.dry = fb_event_is(ev, FB_T_DRY_RUN);
    fb_agent_family(ev->agent, l.family);
    l.iac = fb_agent_is_iac(l.family);
    measure(&l);
    latch_rules(&l);
    if (ev->kind == FB_EV_CALL || ev->kind == FB_EV_SIGN_IN)
        see_call(&l);
}

int64_t fb_profile_last_ms(const struct fb_profile *p) { return p->last_ms; }
int64_t fb_profile_first_ms(const struct fb_profile *p) { return p->first_ms; }

/* The days from since to until, both in, as a mask whose bit 0 is the day of until. */
static uint32_t days_between(int64_t since_ms, int64_t until_ms)
{
    int32_t n = day_of(until_ms) - day_of(since_ms);

    return n < 0 ? 1 : n >= 31 ? UINT32_MAX : (UINT32_C(1) << (n + 1)) - 1;
}

static void mark_days(struct fb_profile *one, int64_t since_ms, int64_t until_ms)
{
    int64_t until = until_ms > since_ms ? until_ms : since_ms;

    one->incident_day = day_of(until);
    one->incident_days = days_between(since_ms, until);
}

void fb_profile_note_depth(struct fb_profile *p, int64_t t_ms, size_t depth)
{
    struct fb_profile one;

    if (depth < DEEP_CHAIN)
        return;
    fb_profile_init(&one);
    one.duties[DUTY_DEEP_CHAIN] = (struct seen){.last_ms = in_span(t_ms), .days = 1};
    fb_profile_merge(p, &one);
}

void fb_profile_note_risk(struct fb_profile *p, int64_t at_ms, int risk_tenths)
{
    struct fb_profile one;

    fb_profile_init(&one);
    one.risk_ms = in_span(at_ms);
    one.risk_tenths = (uint8_t)(risk_tenths < 0 ? 0 : risk_tenths > 100 ? 100 : risk_tenths);
    fb_profile_merge(p, &one);
}

int fb_profile_risk(const struct fb_profile *p) { return p->risk_ms ? p->risk_tenths : -1; }

void fb_profile_mark_incident(struct fb_profile *p, int64_t since_ms)
{
    struct fb_profile one;

    fb_profile_init(&one);
    one.incident_since_ms = in_span(since_ms);
    mark_days(&one, one.incident_since_ms, p->last_ms);
    fb_profile_merge(p, &one);
}

void fb_profile_end_incident(struct fb_profile *p, int64_t end_ms)
{
    struct fb_profile one;

    if (!fb_profile_in_incident(p))
        return;
    fb_profile_init(&one);
    one.incident_end_ms = in_span(end_ms > p->incident_since_ms ? end_ms : p->incident_since_ms);
    mark_days(&one, p->incident_since_ms, one.incident_end_ms);
    fb_profile_merge(p, &one);
}

bool fb_profile_in_incident(const struct fb_profile *p)
{
    return p->incident_since_ms > p->incident_end_ms;
}

bool fb_profile_used(const struct fb_profile *p, const char *credential)
{
    uint32_t hash = fb_hash32("key", credential);

    for (size_t i = 0; i < CREDENTIALS && p->keys[i].hash; i++) {
        if (p->keys[i].hash == hash)
            return true;
    }
    return !p->keys[0].hash;
}

int64_t fb_profile_since_ms(const struct fb_profile *p, int64_t t_ms)
{
    int64_t since = t_ms;

    for (size_t i = 0; i < p->launches.count; i++) {
        int64_t at = p->launches.at[i].t_ms;

        if (at < since && at > t_ms - HOUR_MS)
            since = at;
    }
    return since;
}

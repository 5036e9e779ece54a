/* fixture.h - one incident in an account that a model plays: a thief with the key of user ci, who
 * took role deploy and launched machines; beside them people who must not be touched. */
#ifndef FB_TEST_CONTAIN_FIXTURE_H
#define FB_TEST_CONTAIN_FIXTURE_H
#include "support/fb_test.h"

#include "base/text.h"
#include "base/val.h"
#include "contain/contain.h"
#include "contain/made.h"
#include "contain/policy.h"

#define ACCOUNT     "111122223333"
#define CI_ARN      "arn:aws:iam::" ACCOUNT ":user/ci"
#define DEPLOY_ARN  "arn:aws:iam::" ACCOUNT ":role/deploy"
#define SESSION_ARN "arn:aws:sts::" ACCOUNT ":assumed-role/deploy/thief"
#define GLASS_ARN   "arn:aws:iam::" ACCOUNT ":user/people/break-glass"
#define INCIDENT    "inc-test"

enum { MINUTE = 60000, HITS_MAX = 400 };
#define NOON      INT64_C(1767268800000) /* 2026-01-01T12:00:00Z */
#define KEY_CI    "AKIACI00000000000001"
#define KEY_CI2   "AKIACI00000000000002"
#define KEY_GLASS "AKIAGLASS00000000001"
#define ID_GLASS  "AIDAGLASS00000000001"
#define KEY_ALICE "AKIAALICE00000000001"

/* A world that counts, remembers and can be made to fail, around the model. */
struct fix_world {
    struct fb_world inner;
    int read_calls, reads, act_calls, acts;
    int reads_of[FB_READ_SERVICE + 1];
    const char *hit[HITS_MAX]; /* names, ids and machines of acts, in order */
    int hits;
    bool intentless; /* an act came without an intent: must never be */
    enum fb_read_kind broken_kind;
    enum fb_status broken;     /* how reads of broken_kind fail; FB_OK: not */
    const char *broken_region; /* only there; NULL: everywhere */
    enum fb_status act_fails;  /* how every act fails, nothing being done; FB_OK: not */
    bool starting;             /* machines are still starting: a stop is refused for now */
    int64_t ahead_ms;          /* the account's clock minus ours */
    bool hide_keys;            /* a user's keys cannot be listed */
    int64_t *mono_ms;          /* an act that comes too late is not carried out */
    int64_t read_ms;           /* how long a read takes */
    void (*before_act)(void *ctx);
    void *ctx;
};

struct fix {
    struct fb_arena *a;
    struct fb_store *store;
    struct fb_model *model;
    struct fix_world world;
    struct fb_clock clock;
    int64_t wall_ms, mono_ms, mono_step_ms;
    struct fb_log log;
    struct fb_guard_config guards;
    struct fb_hop hops[2];
    struct fb_case incident;
    struct fb_grant grant;
    struct fb_gate_setup setup;
    struct fb_gate_run *run;
    struct fb_gate gate;
    bool recorded; /* what is made is in the store already */
};

static inline int64_t fix_wall(void *self) { return ((struct fix *)self)->wall_ms; }

static inline int64_t fix_mono(void *self)
{
    struct fix *f = self;

    return f->mono_ms += f->mono_step_ms;
}

static inline void fix_hit(struct fix_world *w, const char *what)
{
    w->acts++;
    if (w->hits < HITS_MAX)
        w->hit[w->hits++] = what;
}

static inline int fix_hits(const struct fix *f, const char *what)
{
    int n = 0;

    for (int i = 0; i < f->world.hits; i++)
        n += fb_eq(f->world.hit[i], what);
    return n;
}

static inline void fix_read(void *self, struct fb_arena *a, struct fb_read *reads, size_t n,
                            int64_t deadline)
{
    struct fix_world *w = self;

    w->read_calls++;
    *w->mono_ms += w->read_ms;
    w->inner.read(w->inner.self, a, reads, n, deadline);
    for (size_t i = 0; i < n; i++) {
        w->reads++;
        w->reads_of[reads[i].kind]++;
        if (reads[i].kind == FB_READ_WHO_AM_I)
            reads[i].ahead_ms = w->ahead_ms;
        if (w->hide_keys && reads[i].kind == FB_READ_USER && reads[i].st == FB_OK) {
            reads[i].key_count = 0;
            reads[i].keys_known = reads[i].complete = false;
            fb_err_set(&reads[i].err, FB_EDENIED, "hidden for the test");
        }
        if (w->broken != FB_OK && reads[i].kind == w->broken_kind &&
            (!w->broken_region || fb_eq(w->broken_region, reads[i].region))) {
            struct fb_read blank = {.kind = reads[i].kind,
                                    .region = reads[i].region,
                                    .name = reads[i].name,
                                    .ids = reads[i].ids,
                                    .id_count = reads[i].id_count};

            reads[i] = blank;
            reads[i].st = fb_err_set(&reads[i].err, w->broken, "broken for the test");
        }
    }
}

static inline void fix_act(void *self, struct fb_arena *a, struct fb_act *acts, size_t n,
                           int64_t deadline)
{
    struct fix_world *w = self;

    w->act_calls++;
    for (size_t i = 0; i < n; i++) {
        struct fb_act *act = &acts[i];

        w->intentless = w->intentless || act->intent == 0;
        if (deadline && *w->mono_ms >= deadline) {
            act->st = fb_err_set(&act->err, FB_ETIMEOUT, "out of time");
            for (size_t k = 0; k < act->id_count; k++)
                act->id_st[k] = act->st;
            continue;
        }
        if (w->before_act)
            w->before_act(w->ctx);
        if (act->kind == FB_ACT_MACHINES_STOP)
            for (size_t k = 0; k < act->id_count; k++)
                fix_hit(w, act->ids[k]);
        else
            fix_hit(w, act->kind == FB_ACT_KEY_INACTIVE ? act->id : act->name);
        if (w->act_fails == FB_OK && !(w->starting && act->kind == FB_ACT_MACHINES_STOP)) {
            w->inner.act(w->inner.self, a, act, 1, deadline);
            continue;
        }
        act->st = fb_err_set(&act->err, w->act_fails != FB_OK ? w->act_fails : FB_ECONFLICT,
                             "refused for the test");
        for (size_t k = 0; k < act->id_count; k++) {
            act->id_st[k] = act->st;
            act->id_err[k] = act->err;
        }
    }
}

static inline struct fb_event fix_event(const char *action)
{
    struct fb_principal nobody = {.arn = "",
                                  .id = "",
                                  .account = "",
                                  .name = "",
                                  .credential = "",
                                  .issuer_arn = "",
                                  .issuer_kind = "",
                                  .issuer_name = "",
                                  .session = "",
                                  .source_identity = "",
                                  .invoked_by = "",
                                  .idp = "",
                                  .subject = ""};
    struct fb_event ev = {
        .id = "ev-1",
        .time_ms = NOON,
        .provider = FB_AWS,
        .kind = FB_EV_CALL,
        .account = ACCOUNT,
        .region = "us-east-1",
        .service = "ec2",
        .action = action,
        .error = "",
        .who = nobody,
        .ip = "",
        .agent = "",
        .launch = {.type = "", .template_id = "", .template_name = "", .profile_arn = ""},
        .mint = {.credential = "",
                 .role_arn = "",
                 .session_arn = "",
                 .session = "",
                 .source_identity = ""},
        .target_user = "",
        .target_role = "",
        .target_key = "",
        .target_policy = "",
        .target_id = "",
        .shared_id = "",
        .notice = "",
        .exposed_at = ""};

    return ev;
}

static inline struct fb_event fix_by_user(const char *action, const char *name, const char *arn,
                                          const char *id, const char *key)
{
    struct fb_event ev = fix_event(action);

    ev.who.kind = FB_WHO_USER;
    ev.who.account = ACCOUNT;
    ev.who.name = name;
    ev.who.arn = arn;
    ev.who.id = id;
    ev.who.credential = key;
    return ev;
}

static inline struct fb_event fix_by_session(const char *action)
{
    struct fb_event ev = fix_event(action);

    ev.who.kind = FB_WHO_ROLE_SESSION;
    ev.who.account = ACCOUNT;
    ev.who.arn = SESSION_ARN;
    ev.who.id = "AROADEPLOY0000000001:thief";
    ev.who.credential = "ASIATHIEF00000000001";
    ev.who.issuer_arn = DEPLOY_ARN;
    ev.who.issuer_name = "deploy";
    ev.who.session = "thief";
    return ev;
}

/* The event happened: the model knows, and what it made is on record under `identity` (NULL: not).
 */
static inline void fix_happens(struct fix *f, struct fb_event *ev, const char *identity)
{
    fb_model_observe(f->model, ev);
    for (size_t i = 0; identity && !f->recorded && i < ev->made_count; i++) {
        struct fb_put put;

        assert_int_equal(fb_made_put(f->a, identity, &ev->made[i], ev, &put, NULL), FB_OK);
        assert_int_equal(fb_store_commit(f->store, &put, 1, false, NULL), FB_OK);
    }
}

static inline void fix_made(struct fix *f, struct fb_event ev, const char *kind, const char *id,
                            const char *owner, const char *region, const char *identity)
{
    struct fb_made made = {.kind = kind,
                           .id = id,
                           .owner = owner,
                           .region = region,
                           .type = fb_eq(kind, "instance") ? "c5.4xlarge" : ""};

    ev.made = &made;
    ev.made_count = 1;
    if (*region)
        ev.region = region;
    fix_happens(f, &ev, identity);
}

static inline void fix_people(struct fix *f)
{
    struct fb_event ci = fix_by_user("RunInstances", "ci", CI_ARN, "AIDACI00000000000001", KEY_CI);
    struct fb_event ci2 = fix_by_user("ListUsers", "ci", CI_ARN, "AIDACI00000000000001", KEY_CI2);
    struct fb_event glass = fix_by_user("ListUsers", "break-glass", GLASS_ARN, ID_GLASS, KEY_GLASS);
    struct fb_event alice =
        fix_by_user("RunInstances", "alice", "arn:aws:iam::" ACCOUNT ":user/alice",
                    "AIDAALICE00000000001", KEY_ALICE);
    struct fb_event session = fix_by_session("RunInstances");

    fb_model_observe(f->model, &ci2);
    fb_model_observe(f->model, &glass);
    fix_made(f, ci, "instance", "i-0a1", "", "us-east-1", CI_ARN);
    fix_made(f, ci, "instance", "i-0a2", "", "us-east-1", CI_ARN);
    fix_made(f, session, "instance", "i-0b1", "", "eu-west-1", SESSION_ARN);
    fix_made(f, session, "instance", "i-0c1", "", "ap-south-1", SESSION_ARN);
    fix_made(f, alice, "instance", "i-0e1", "", "us-east-1", "arn:aws:iam::" ACCOUNT ":user/alice");
}

static inline void fix_begin(struct fix *f)
{
    f->setup.world = (struct fb_world){&f->world, "test", fix_read, fix_act};
    f->run = fb_gate_new(f->a, &f->setup);
    assert_non_null(f->run);
    f->gate = fb_gate_for(f->run, &f->grant);
}

/* A new invocation, a minute later. */
static inline void fix_again(struct fix *f)
{
    f->wall_ms += MINUTE;
    f->setup.now_ms += MINUTE;
    fix_begin(f);
}

/* On a store where an earlier process has recorded already what was made: people_known. */
static inline struct fix *fix_open(const char *store_url, bool people_known)
{
    static const char *const needs[] = {"aws.read", "aws.contain", "aws.halt", "notify", NULL};
    struct fix *f = calloc(1, sizeof *f);
    struct fb_hop blank = {.identity = "",
                           .account = ACCOUNT,
                           .credential = "",
                           .user = "",
                           .user_arn = "",
                           .role_arn = "",
                           .session = "",
                           .via = "",
                           .sure = true};

    f->a = fb_arena_new(512u << 20);
    f->wall_ms = NOON;
    f->clock = (struct fb_clock){.wall_ms = fix_wall, .mono_ms = fix_mono, .self = f};
    f->log = (struct fb_log){.to = stderr, .least = FB_LOG_ERROR, .clock = f->clock};
    assert_int_equal(fb_store_open(store_url, f->clock, &f->store, NULL), FB_OK);
    f->model = fb_model_new();
    f->world.mono_ms = &f->mono_ms;
    f->world.inner = fb_world_model(f->model, ACCOUNT);
    f->guards = (struct fb_guard_config){
        .actions_per_hour = 2000, .identities = 20, .collateral_resources = 10};
    f->hops[0] = f->hops[1] = blank;
    f->hops[0].kind = FB_HOP_USER_KEY;
    f->hops[0].identity = f->hops[0].user_arn = CI_ARN;
    f->hops[0].credential = KEY_CI;
    f->hops[0].user = "ci";
    f->hops[1].kind = FB_HOP_ROLE;
    f->hops[1].identity = SESSION_ARN;
    f->hops[1].credential = "ASIATHIEF00000000001";
    f->hops[1].role_arn = DEPLOY_ARN;
    f->hops[1].session = "thief";
    f->hops[1].via = "AssumeRole";
    f->hops[1].since_ms = NOON - 5 * MINUTE;
    f->incident = (struct fb_case){.incident = INCIDENT,
                                   .account = ACCOUNT,
                                   .hops = f->hops,
                                   .hop_count = 2,
                                   .since_ms = NOON - 10 * MINUTE,
                                   .enforce = true};
    f->grant = (struct fb_grant){.playbook = "test-playbook",
                                 .needs = needs,
                                 .ceiling = FB_CEILING_ENFORCE,
                                 .limit_identities = -1,
                                 .limit_resources = -1};
    f->setup = (struct fb_gate_setup){.store = f->store,
                                      .clock = &f->clock,
                                      .log = &f->log,
                                      .guards = &f->guards,
                                      .incident = &f->incident,
                                      .now_ms = NOON};
    f->recorded = people_known;
    fix_people(f);
    fix_begin(f);
    return f;
}

static inline struct fix *fix_new(const char *store_url) { return fix_open(store_url, false); }

static inline int fix_setup(void **state)
{
    *state = fix_new("memory:");
    return 0;
}

static inline int fix_teardown(void **state)
{
    struct fix *f = *state;

    fb_store_close(f->store);
    fb_model_free(f->model);
    fb_arena_free(f->a);
    free(f);
    return 0;
}

#define FIX_TEST(fn) cmocka_unit_test_setup_teardown(fn, fix_setup, fix_teardown)

/* --- asking --------------------------------------------------------------------------------------
 */

/* fix_args(f, "key", KEY_CI, "user", "ci", NULL) */
static inline struct fb_val *fix_args(struct fix *f, ...)
{
    struct fb_val *map = fb_val_map(f->a);
    const char *key;
    va_list ap;

    va_start(ap, f);
    while ((key = va_arg(ap, const char *)) != NULL)
        fb_val_set_str(f->a, map, key, va_arg(ap, const char *));
    va_end(ap);
    return map;
}

static inline struct fb_answer fix_ask(struct fix *f, enum fb_verb_id verb,
                                       const struct fb_val *args)
{
    struct fb_ask ask = {
        .verb = verb, .args = args, .why = "because", .playbook = "test-playbook", .line = 7};
    struct fb_answer answer;

    f->gate.ask(f->gate.self, f->a, &ask, 1, &answer);
    return answer;
}

static inline struct fb_answer fix_disable(struct fix *f, const char *key, const char *user)
{
    return fix_ask(f, FB_VERB_DISABLE_ACCESS_KEY, fix_args(f, "key", key, "user", user, NULL));
}

static inline struct fb_answer fix_quarantine(struct fix *f, const char *arn)
{
    return fix_ask(f, FB_VERB_QUARANTINE, fix_args(f, "arn", arn, NULL));
}

static inline struct fb_answer fix_revoke(struct fix *f, const char *role)
{
    return fix_ask(f, FB_VERB_REVOKE_SESSIONS, fix_args(f, "role", role, NULL));
}

static inline struct fb_answer fix_halt(struct fix *f, const char *id, const char *region)
{
    return fix_ask(f, FB_VERB_HALT, fix_args(f, "id", id, "region", region, NULL));
}

/* What the shipped playbook does: the whole chain, then every region; all machines of all regions
 * in one batch. Gives how many machines were found. */
static inline size_t fix_contain(struct fix *f)
{
    static const char *const regions[] = {"us-east-1", "eu-west-1", "ap-south-1"};
    struct fb_ask asks[32] = {{0}};
    struct fb_answer answers[32];
    size_t n = 0;

    fix_disable(f, KEY_CI, "ci");
    fix_quarantine(f, CI_ARN);
    fix_revoke(f, DEPLOY_ARN);
    for (size_t i = 0; i < 3; i++) {
        struct fb_answer found =
            fix_ask(f, FB_VERB_COMPUTE, fix_args(f, "region", regions[i], NULL));
        const struct fb_val *list = fb_val_get(found.value, "instances");

        for (const struct fb_val *v = list ? list->first : NULL; v && n < 32; v = v->next)
            asks[n++] = (struct fb_ask){
                .verb = FB_VERB_HALT, .args = v, .why = "", .playbook = "test-playbook"};
    }
    if (n)
        f->gate.ask(f->gate.self, f->a, asks, n, answers);
    return n;
}

static inline const struct fb_action *fix_action(struct fix *f, const char *verb,
                                                 const char *target)
{
    size_t n;
    const struct fb_action *all = fb_gate_actions(f->run, &n);

    for (size_t i = 0; i < n; i++)
        if (fb_eq(all[i].verb, verb) && fb_eq(all[i].target, target))
            return &all[i];
    return NULL;
}

/* What the model says, past all wrappers. */
static inline struct fb_read fix_look(struct fix *f, enum fb_read_kind kind, const char *region,
                                      const char *name)
{
    const char **ids = FB_NEW_ARRAY(f->a, 1, const char *);
    struct fb_read r = {.kind = kind, .region = region, .name = name, .ids = ids, .id_count = 1};

    ids[0] = name;
    f->world.inner.read(f->world.inner.self, f->a, &r, 1, 0);
    return r;
}

static inline bool fix_key_active(struct fix *f, const char *user, const char *key)
{
    struct fb_read r = fix_look(f, FB_READ_USER, "", user);

    for (size_t i = 0; i < r.key_count; i++)
        if (fb_eq(r.keys[i].id, key))
            return r.keys[i].active;
    fail_msg("user %s has no key %s", user, key);
    return false;
}

static inline enum fb_machine_state fix_machine(struct fix *f, const char *region, const char *id)
{
    struct fb_read r = fix_look(f, FB_READ_MACHINE, region, id);

    return r.machine_count == 1 ? r.machines[0].state : FB_MACHINE_GONE;
}

#endif

/* sim.h - a whole small world in one thread and one random number: an account with its eventual
 * consistency and its faults, a thief who acts between our calls, deliveries that come late, twice
 * and in any order, invocations that run side by side and die anywhere. The code between them is
 * the product's: pipeline, passes, playbook, gate, journal and store. A seed is a story: it always
 * plays the same.
 *
 *   cloud.c    the account: what is, what reads show, what binds      thief.c   moves and events
 *   world.c    struct fb_world over it, with faults                   crew.c    invocations,
 * clocks, check.c    invariants, after every step and at the end                      the store's
 * door story.c    one seed from its first event to its last check        simulate.c  many seeds
 *   mutants.c  the product with one thing wrong, by symbols replaced at link time */
#ifndef FB_SIM_H
#define FB_SIM_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "contain/world.h"
#include "normalize/event.h"
#include "pipeline.h"

#define SIM_ACCOUNT "111122223333"
#define SIM_T0      INT64_C(1777885200000) /* 2026-05-04T09:00:00Z */
#define SEC         INT64_C(1000)
#define MIN         INT64_C(60000)

enum {
    SIM_USERS = 24,
    SIM_KEYS = 48,
    SIM_ROLES = 16,
    SIM_SESSIONS = 32,
    SIM_MACHINES = 120,
    SIM_GROUPS = 8,
    SIM_EVENTS = 200,
    SIM_RUNS = 1600,
    SIM_WORKERS = 4,
    SIM_REGIONS = 4,
    SIM_CELL = 6
};

/* A value that spreads: reads show a write after a while, decisions of the cloud bind after
 * another. */
struct cell {
    int n;
    struct {
        int64_t seen_ms, binds_ms, value;
    } at[SIM_CELL];
};

struct sim_user {
    const char *name, *arn, *id;
    struct cell there, denied;
    bool thiefs, protected, password; /* thiefs: the thief made it */
    bool apart;
};
struct sim_key {
    const char *id;
    int user;
    struct cell there, active;
    bool thief_has, thiefs; /* thiefs: the thief made it */
    /* apart: made by way of a key that the thief made for somebody else. What such a key does
     * answers to that other user, who is contained when that behaviour earns it; not before. */
    bool apart;
};
struct sim_role {
    const char *name, *arn, *id;
    struct cell there, denied, revoked_ms;
    bool thiefs, protected, apart;
};
struct sim_session {
    const char *key, *arn, *name;
    int role;
    int64_t issued_ms;
    bool apart;
};
struct sim_machine {
    const char *id, *type;
    int region, group; /* group -1: none */
    enum fb_machine_state state;
    int64_t launched_ms, until_ms; /* of pending and stopping */
    bool stop_protected, term_protected, thiefs, apart;
    int event;   /* whose delivery tells us of it; -1: none */
    bool by_key; /* the stolen key itself started it */
    int undone;  /* how often the thief started it again */
};
struct sim_group {
    const char *name;
    int region, min, max, desired;
    bool launch_suspended, thiefs, apart;
    int event;
};

struct sim_event {
    struct fb_event ev;
    bool known; /* an invocation took it to the end */
};

enum sim_run_kind { RUN_EVENT, RUN_TICK };
struct sim_run { /* something that will be invoked */
    enum sim_run_kind kind;
    int64_t at_ms;
    int event;
    bool over;
};

/* How bad a seed is. Probabilities in a thousand. */
struct sim_weather {
    int throttle, timeout, lost, partial, store_fail, crash, hurry, switching;
    int64_t seen_lag_ms, bind_lag_ms, call_ms, delay_ms;
    int64_t skew_ms; /* our clocks against the cloud's */
    int copies_max;
    int dead_region; /* -1: none */
    int64_t dead_until_ms;
    int workers;
    int64_t move_every_ms;
    int moves;
    bool race; /* the thief is a script: it moves within seconds of our calls */
    bool dry;  /* our mode */
    bool dry_then_enforce;
    bool shuffled; /* all is over before we hear of anything: order and number cannot matter */
    int64_t actions_per_hour, identities;
    bool no_ticks; /* while the thief moves */
};

struct sim;
struct sim_worker {
    struct sim *s;
    struct fb_runtime rt;
    struct fb_store *own; /* what the runtime opened itself */
    struct fb_arena *a, *conf;
    struct fiber *fiber;
    bool busy, dead; /* dead: the process is gone; what it still does reaches nobody */
    struct sim_run *run;
    int64_t deadline_ms, kill_ms;
    int64_t calls;
    bool cut; /* faults or the deadline disturbed it */
};

struct sim_count {
    uint64_t seeds, steps, acts, crashes, copies, throttles, timeouts, lost, store_fails, moves,
        refused_moves, switches, invocations, ticks, contained, needs_person, dry, events, kills;
};

struct sim {
    uint64_t seed, random;
    struct sim_weather w;
    struct fb_arena *a, *scratch; /* of this seed; of one check */
    void *store;                  /* the memory backend that all workers share */
    int64_t now_ms, end_attack_ms, next_move_ms, next_tick_ms;
    bool healed, enforce_now;
    bool fresh; /* evidence came after the mode was raised */
    int moves_left;
    bool apart; /* who moves now, does */

    struct sim_user users[SIM_USERS];
    struct sim_key keys[SIM_KEYS];
    struct sim_role roles[SIM_ROLES];
    struct sim_session sessions[SIM_SESSIONS];
    struct sim_machine machines[SIM_MACHINES];
    struct sim_group groups[SIM_GROUPS];
    size_t user_count, key_count, role_count, session_count, machine_count, group_count;
    bool region_on[SIM_REGIONS];
    struct sim_event events[SIM_EVENTS];
    struct sim_run runs[SIM_RUNS];
    size_t event_count, run_count;
    unsigned ids;

    struct sim_worker *workers;
    int active;
    struct sim_worker *at; /* whose fiber runs; NULL: the scheduler */

    /* for the checks */
    int64_t last_change_ms; /* the last act of ours that changed the account */
    const char *acting;     /* whose act is carried out */
    int64_t last_move_ms;
    int64_t act_count; /* things acted on or tried */
    struct {
        const char *incident, *name;
    } cut[128]; /* identities acted on that the thief did not make */
    size_t cut_count;
    struct {
        const char *id;
        enum fb_incident_state state;
        int64_t changed_ms; /* by an act of it */
    } seen[64];             /* incidents, as last saved */
    size_t seen_count;
    struct {
        const char *name;
        int times;
    } touched[256];
    size_t touched_count;
    struct {
        const char *key;
        int64_t paid;
    } hours[8];
    size_t hour_count;

    bool telling;
    struct fb_arena *told;
    bool failed;
    char why[600];
    char digest[65]; /* of what was asked and done, in order */
    uint64_t trail;  /* the same, growing */
    struct sim_count *count;
};

extern struct sim_worker *sim_crew; /* all workers; one simulation a process */

/* --- chance --- */
uint64_t sim_random(struct sim *s);
int64_t sim_between(struct sim *s, int64_t least, int64_t most);
bool sim_chance(struct sim *s, int in_a_thousand);

/* --- telling --- */
void sim_tell(struct sim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* An invariant ("I5") does not hold. The first one counts. */
void sim_fail(struct sim *s, const char *invariant, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void sim_trail(struct sim *s, const char *what); /* what I27 compares */

/* --- cloud.c --- */
extern const char *const SIM_REGION[SIM_REGIONS];
int64_t cell_seen(const struct cell *c, int64_t now);
int64_t cell_bound(const struct cell *c, int64_t now);
int64_t cell_true(const struct cell *c);
void cell_begin(struct cell *c, int64_t value);
void cell_set(struct sim *s, struct cell *c, int64_t value);
void cloud_begin(struct sim *s);
int cloud_user(struct sim *s, const char *name, bool thiefs);
int cloud_role(struct sim *s, const char *name, bool thiefs);
int cloud_key(struct sim *s, int user, bool thiefs);
int cloud_machine(struct sim *s, int region, bool thiefs, int group);
int cloud_group(struct sim *s, const char *name, int region);
const char *cloud_id(struct sim *s, const char *prefix);
/* Time passes for machines and groups. */
void cloud_pass(struct sim *s);
int cloud_find_user(const struct sim *s, const char *name);
int cloud_find_key(const struct sim *s, const char *id);
int cloud_find_role(const struct sim *s, const char *name);
/* Whether the cloud lets these credentials do anything now. */
bool cloud_key_works(const struct sim *s, int key);
bool cloud_session_works(const struct sim *s, int session);
static inline bool machine_up(const struct sim_machine *m)
{
    return m->state == FB_MACHINE_PENDING || m->state == FB_MACHINE_RUNNING;
}
bool sim_region_dead(const struct sim *s, int region);
int sim_region_of(const char *name);

/* --- thief.c --- */
#define SIM_ROOT "arn:aws:iam::" SIM_ACCOUNT ":user/ci"
void thief_begin(struct sim *s);
void thief_move(struct sim *s); /* one, when it can still do anything */
int thief_event(struct sim *s, const struct fb_event *ev);

/* --- world.c --- */
struct fb_world sim_world(struct sim_worker *w);
/* The world of the worker whose runtime holds that model. */
struct fb_world sim_world_of(const struct fb_model *m);

/* --- crew.c --- */
bool crew_open(struct sim_worker *workers, struct fb_err *err);
void crew_shut(struct sim_worker *workers);
void crew_begin(struct sim *s); /* a seed's store and clocks */
void crew_end(struct sim *s);
void crew_start(struct sim *s, struct sim_worker *w, struct sim_run *run);
void crew_resume(struct sim *s, struct sim_worker *w);
void crew_deliver(struct sim *s, int event, int64_t at_ms);
/* One step of a worker reaches the outside: time passes, others may act, it may die. False: it is
 * dead. */
bool crew_point(struct sim_worker *w);

/* --- check.c --- */
void check_act(struct sim_worker *w, const struct fb_act *act);
void check_acted(struct sim *s, int64_t changed_before_ms);
void check_commit(struct sim *s, const struct fb_put *puts, size_t n);
void check_invocation(struct sim_worker *w);
void check_end(struct sim *s);
void check_tell(struct sim *s);

/* --- story.c --- */
bool story_run(struct sim *s, uint64_t seed, struct sim_worker *workers, struct sim_count *count,
               bool telling);

/* --- mutants.c --- */
struct sim_mutant {
    int number;
    const char *invariant, *words;
};
extern int sim_mutant; /* 0: the product as it is */
const struct sim_mutant *sim_mutants(size_t *n);

#endif

/* world.h - the one interface through which the gate reads and acts. Two kinds stand behind it: the
 * real clouds (world_aws.c) and one model (world_model.c: data in, no network) that dry replay,
 * simulation and playbook tests share. Batches may be carried out in parallel; every element has an
 * answer of its own. A read changes nothing. */
#ifndef FB_WORLD_H
#define FB_WORLD_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "contain/services.h"

struct fb_arena;

enum fb_read_kind {
    FB_READ_WHO_AM_I,  /* out: out_name = own ARN, id = principal id, account, keys[0] = own key,
                        * ahead_ms */
    FB_READ_REGIONS,   /* out: names */
    FB_READ_KEY_OWNER, /* in: name = access key id; out: name = user name */
    FB_READ_USER,      /* in: name = user name; out: arn, id, keys[], policies that are ours */
    FB_READ_ROLE,      /* in: name = role name; out: arn, id, policies that are ours */
    FB_READ_MACHINES,  /* in: region; out: machines pending or running */
    FB_READ_MACHINE, /* in: region, ids; out: those machines, whatever their state, protections too
                      */
    FB_READ_SERVICE  /* in: service, region, name = its id; out: look (gone: st is FB_OK) */
};

struct fb_key_state {
    const char *id;
    bool active;
};

enum fb_machine_state {
    FB_MACHINE_PENDING,
    FB_MACHINE_RUNNING,
    FB_MACHINE_STOPPING,
    FB_MACHINE_STOPPED,
    FB_MACHINE_TERMINATED,
    FB_MACHINE_GONE
};
const char *fb_machine_state_name(enum fb_machine_state s);

struct fb_machine {
    const char *id, *region, *type;
    enum fb_machine_state state;
    int64_t launched_ms;
    bool stop_protected, termination_protected; /* FB_READ_MACHINE only */
    bool protections_known; /* false: the two flags could not be read, and say nothing */
    const char *profile_arn;
};

struct fb_read {
    enum fb_read_kind kind;
    const char *region, *name; /* in */
    const char *const *ids;    /* in: FB_READ_MACHINE */
    size_t id_count;
    const struct fb_service *service; /* in: FB_READ_SERVICE */

    enum fb_status st; /* out: FB_ENOTFOUND = does not exist */
    struct fb_err err; /* of st, or of the part that is missing */
    bool complete;     /* false: a page or a part could not be read. FB_READ_MACHINE that
                          is complete: an id that is not in machines does not exist */
    bool guessed;      /* FB_READ_REGIONS: the built-in list */
    const char *out_name, *arn, *id, *account;
    int64_t ahead_ms; /* the account's clock minus ours: session times are told by its clock */
    const struct fb_key_state *keys;
    size_t key_count;
    bool keys_known;           /* FB_READ_USER: keys holds all of them */
    const char *deny_policy;   /* document of our deny policy, "" absent */
    const char *revoke_policy; /* document of our revocation policy, "" absent */
    bool policies_known;       /* both documents are what the peer says */
    const char *const
        *names; /* FB_READ_REGIONS; the built-in list (guessed) where st is not FB_OK */
    size_t name_count;
    const struct fb_machine *machines;
    size_t machine_count;
    struct fb_service_look look; /* FB_READ_SERVICE */
};

enum fb_act_kind {
    FB_ACT_KEY_INACTIVE,  /* name = user, id = key */
    FB_ACT_USER_DENY,     /* name = user, document */
    FB_ACT_ROLE_DENY,     /* name = role, document */
    FB_ACT_ROLE_REVOKE,   /* name = role, document */
    FB_ACT_MACHINES_STOP, /* region, ids: clear stop protection where set, then stop. One answer
                             for all; id_st tells each */
    FB_ACT_SERVICE_STOP,  /* service, region, name = its id */
    FB_ACT_SERVICE_UNDO   /* the same, document = what was kept of it: undo only, never the gate */
};

struct fb_act {
    enum fb_act_kind kind;
    const char *region, *name, *id, *document;
    const struct fb_service *service;
    const char *const *ids;
    size_t id_count;
    const bool *clear_stop, *clear_termination; /* per id: protection known to be set */
    uint64_t intent; /* ledger number of the committed intent; 0 is a bug of ours */

    enum fb_status st; /* out */
    struct fb_err err;
    enum fb_status *id_st; /* out: per id, may be NULL. FB_ECONFLICT: its state does not allow
                              it yet (still starting): again in a later pass */
    struct fb_err *id_err; /* out: per id, may be NULL */
};

struct fb_world {
    void *self;
    const char *label; /* "aws" "model" */
    void (*read)(void *self, struct fb_arena *a, struct fb_read *reads, size_t n,
                 int64_t deadline_mono_ms);
    void (*act)(void *self, struct fb_arena *a, struct fb_act *acts, size_t n,
                int64_t deadline_mono_ms);
};

/* Names of the inline policies that we put: fixed, so that undo and rights can name them. */
#define FB_POLICY_DENY   "FirebreakDenyAll"
#define FB_POLICY_REVOKE "FirebreakRevokeOlderSessions"

/* The real AWS account that aws's credentials reach. The world borrows aws. */
struct fb_aws;
struct fb_world fb_world_aws(struct fb_aws *aws);

/* The model: what is known of an account from the log alone. */
struct fb_model;
struct fb_event;
struct fb_model *fb_model_new(void);
void fb_model_free(struct fb_model *m);
void fb_model_observe(struct fb_model *m, const struct fb_event *ev); /* folds an event in */
struct fb_world fb_world_model(struct fb_model *m,
                               const char *account); /* one account of the model */

#endif

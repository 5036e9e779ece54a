/* config.h - what the operator has decided: read once, checked once, never changed while running.
 *
 * Defaults, then the file, then the environment, then the command line; the later one wins. Every
 * key is optional. A key that is not known, a wrong type, a bad range and a key that stands twice
 * are each one clear error that names the file, the key and what to write. The keys are one table
 * (config.def); deploy/firebreak.schema.json lists the same ones, and a test compares them. */
#ifndef FB_CONFIG_H
#define FB_CONFIG_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/err.h"

struct fb_arena;
struct fb_guard_config;
struct fb_score_config;
struct fb_score_window;

enum {
    FB_CONFIG_BYTES_MAX = 1 << 20, /* the file */
    FB_CONFIG_ITEMS_MAX = 1000,    /* of any one list */
    FB_CONFIG_TEXT_MAX = 2048      /* bytes of any one string */
};

enum fb_mode { FB_MODE_DRY_RUN, FB_MODE_ENFORCE };
const char *fb_mode_name(enum fb_mode m); /* "dry-run" "enforce" */

struct fb_texts {
    const char *const *at; /* NULL when there are none */
    size_t count;
};

struct fb_config_account {
    const char *id;    /* 12 digits, or a GCP project id */
    enum fb_mode mode; /* lowers the mode; "enforce" when it names none, which lowers nothing */
    const char *role_arn, *external_id;
};

struct fb_config_notify {
    const char *name;
    const char *type; /* "sns" "webhook" "slack" "pagerduty" */
    const char *target;
    struct fb_secret secret; /* wiped with the arena */
};

struct fb_config_grant {
    const char *playbook;
    struct fb_texts capabilities; /* "aws.contain", "notify" */
};

struct fb_config_network {
    const char *name;
    struct fb_texts ranges; /* CIDR, host bits zero */
};

struct fb_config_signal {
    const char *id; /* of the signal table */
    double weight;
};

/* Who may do much, where, up to which rate, until when. */
struct fb_config_window {
    const char *who;           /* ARN or e-mail address */
    struct fb_texts regions;   /* none: every region */
    double max_usd_per_hour;   /* 0: none named */
    int64_t from_ms, until_ms; /* from_ms 0: since ever */
    const char *why;
};

/* Strings are never NULL. Everything lives in the arena of fb_config_load. */
struct fb_config {
    enum fb_mode mode;
    const char *state;     /* store URL */
    const char *playbooks; /* folder; "" none: the built-in ones only */
    double alert, contain, wide;
    struct fb_texts break_glass, protected_identities, protected_resources;
    const struct fb_config_account *accounts;
    size_t account_count;
    struct fb_texts usual_regions;
    int64_t actions_per_hour, identities, collateral_resources;
    double collateral_share;
    bool allow_irreversible;
    const struct fb_config_notify *notify;
    size_t notify_count;
    bool tickets_aws, tickets_gcp;
    struct fb_texts tickets_cc;
    struct fb_texts playbook_keys, config_keys;
    const struct fb_config_grant *grants;
    size_t grant_count;
    const struct fb_config_signal *signals;
    size_t signal_count;
    const struct fb_config_network *networks;
    size_t network_count;
    struct fb_texts allow, decoys;
    const struct fb_config_window *change_windows;
    size_t change_window_count;
    double max_usd_per_hour; /* 0: none */

    const struct fb_score_window *score_windows; /* change_windows, as the score reads them */
    struct fb_texts listed_networks;             /* the ranges of all networks */
    const char *file;                            /* the file that was read; "" none */
    struct fb_texts untouched; /* break_glass and protected.identities together, for the gate */
    const struct fb_config_origin *origins; /* see fb_config_from */
    size_t origin_count;
};

struct fb_config_origin {
    const char *key, *from;
};

/* What the command line says; NULL or "" where it says nothing. */
struct fb_config_overrides {
    const char *mode, *state, *playbooks;
};

/* Reads the configuration into *out, which lives in a.
 *   path  file of --config; NULL or "": FIREBREAK_CONFIG, and without that no file is read
 *   env   "NAME=value" texts, ends with NULL; NULL: the process's own environment
 *   FB_ECONFIG  one clear line;  FB_ELIMIT  the arena is full */
enum fb_status fb_config_load(struct fb_arena *a, const char *path, const char *const *env,
                              const struct fb_config_overrides *overrides, struct fb_config **out,
                              struct fb_err *err);

/* Where a value comes from: "default", "FILE", "FIREBREAK_MODE", "--mode". Keys as in the file,
 * with dots: "thresholds.alert", "accounts". */
const char *fb_config_from(const struct fb_config *c, const char *key);

bool fb_config_enforces(const struct fb_config *c);
/* The mode after the account's own lowering: an account never raises it. An account that is not
 * listed lowers nothing. */
bool fb_config_account_enforces(const struct fb_config *c, const char *account);
bool fb_config_has_account(const struct fb_config *c, const char *account);
bool fb_config_has_break_glass(const struct fb_config *c);

/* Fill the structs of other rooms; lists are borrowed from c. */
void fb_config_score(const struct fb_config *c, struct fb_score_config *out);
void fb_config_guards(const struct fb_config *c, struct fb_guard_config *out);

/* The table of keys, for the documentation and the schema's test. Paths: "thresholds.alert",
 * "accounts.*.mode" (a name of the operator's), "change_windows[].who" (an item of a list). */
struct fb_config_key {
    const char *path;
    const char
        *type; /* JSON Schema's word: "string" "number" "integer" "boolean" "array" "object" */
    const char *write; /* "a number from 40 to 100" */
    double low, high;  /* numbers only */
    bool required;
};
const struct fb_config_key *fb_config_keys(struct fb_arena *a, size_t *count);

#endif

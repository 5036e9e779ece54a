/* doors.h - what every door shares: options, the runtime they build, and the exit statuses. */
#ifndef FB_DOORS_H
#define FB_DOORS_H
#include <stdbool.h>
#include <stdio.h>

#include "pipeline.h"

enum fb_exit {
    FB_EXIT_DONE = 0,
    FB_EXIT_USAGE = 1,    /* usage or configuration */
    FB_EXIT_REJECTED = 2, /* some input was rejected; the rest was processed */
    FB_EXIT_NO = 3        /* the answer is no: failed, pending, needs a person, ledger broken */
};

struct fb_options {
    const char *config, *state, *playbooks, *mode, *dead_letters, *event;
    const char *output, *workers;        /* NULL: not given */
    const char *iam, *credential_report; /* files of what AWS itself knows of identities */
    bool json, all, note_risk;
    char **args; /* what is left */
    int arg_count;
};

struct fb_command {
    const char *name;
    int (*run)(const struct fb_options *o);
    const char *summary;    /* one line of --help */
    const char *usage;      /* the whole of COMMAND --help */
    const char *options;    /* which of the options it takes, as letters: c s p m o O d e a w i r n */
    int args_min, args_max; /* -1: any number */
    const char *words;      /* what an argument may be, spaces between; "" anything */
    bool paths;             /* arguments are paths */
};

struct fb_option_row {
    const char *name;  /* without the dashes */
    char letter;       /* in fb_command.options */
    const char *value; /* what follows it, for help: FILE and DIR are paths; "" nothing does */
    const char *words; /* what the value may be (or begin with), spaces between; "" anything */
    const char *help;
};

/* commands.c: the one table each. */
extern const struct fb_command fb_commands[];
extern const size_t fb_command_count;
extern const struct fb_option_row fb_option_rows[];
extern const size_t fb_option_row_count;

int fb_door_replay(const struct fb_options *o);
int fb_door_explain(const struct fb_options *o);
int fb_door_incidents(const struct fb_options *o);
int fb_door_tick(const struct fb_options *o);
int fb_door_ledger(const struct fb_options *o);
int fb_door_lambda(const struct fb_options *o);
int fb_door_backtest(const struct fb_options *o);
int fb_door_learn(const struct fb_options *o);
int fb_door_signals(const struct fb_options *o);
int fb_door_chain(const struct fb_options *o);
int fb_door_identities(const struct fb_options *o);
int fb_door_completion(const struct fb_options *o);
int fb_door_lambda_args(void); /* as bootstrap */

/* Loads the configuration and opens the runtime for a CLI command. On failure prints one clear line
 * and returns false. config lives in arena. */
struct fb_arena;
bool fb_door_open(struct fb_runtime *rt, struct fb_arena *arena, const struct fb_options *o,
                  bool live, bool enforce);

/* As fb_door_open, for commands over what a store keeps: refuses one that is not there, and memory.
 */
bool fb_door_open_kept(struct fb_runtime *rt, struct fb_arena *arena, const struct fb_options *o,
                       bool live, bool enforce, const char *command);

/* True when the store outlives the process; else prints how to name one. */
bool fb_door_needs_store(const struct fb_runtime *rt, const char *command);

/* One line on stderr, "firebreak: TEXT"; the text may hold names of files: made plain. */
void fb_door_say(const char *text);

/* One rejected piece, for a person. */
void fb_door_say_reject(const struct fb_reject *r);

/* One rejected piece as a line of the dead-letter file; false when it could not be written. */
bool fb_door_dead_letter(FILE *to, const struct fb_reject *r);

#endif

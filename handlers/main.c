/* main.c - which door: `bootstrap` (or a Lambda environment and no arguments) is the Lambda
 * runtime, everything else is a command that a person typed. */
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/text.h"
#include "doors.h"

static const struct fb_command COMMANDS[] = {
    {"replay", fb_door_replay, "walk recorded events down the whole path",
     "Usage: firebreak replay [options] PATH...\n"
     "\n"
     "Reads files, folders (*.json *.ndjson *.jsonl, also .gz) or - for standard input: "
     "CloudTrail\n"
     "records and files, EventBridge events, ndjson. Prints one decision for each record, in "
     "input\n"
     "order. Dry unless --mode enforce stands on this command line: facts then come from the log\n"
     "itself, no credential is loaded and no socket opened.\n"
     "\n"
     "Example: firebreak replay --output json events/leaked-key-every-region\n",
     "cspmod", 1, -1},
    {"explain", fb_door_explain, "say why, signal by signal",
     "Usage: firebreak explain [options] PATH...      the hottest event of each root in the log\n"
     "       firebreak explain --event ID PATH...     one event\n"
     "       firebreak explain --state URL IDENTITY   an identity's present score\n"
     "\n"
     "Prints every term of the score: weight, grade, decay, damping, group and cap, mitigation, "
     "and\n"
     "what would have changed the level. --all explains every event that fires a signal.\n"
     "\n"
     "Example: firebreak explain events/leaked-key-every-region\n",
     "cspea", 1, -1},
    {"incidents", fb_door_incidents, "list incidents and what was done in each",
     "Usage: firebreak incidents [options] [INCIDENT]\n"
     "\n"
     "Example: firebreak incidents --state sqlite:/var/lib/firebreak.db\n",
     "cso", 0, 1},
    {"tick", fb_door_tick, "one turn of the minute timer: go on with open incidents",
     "Usage: firebreak tick [options]\n"
     "\n"
     "Works every incident that is due: reads the world again, does what is left, counts quiet\n"
     "passes. Exit status 3 when something is still open or needs a person.\n"
     "\n"
     "Example: firebreak tick --state sqlite:/var/lib/firebreak.db --mode enforce\n",
     "cspmo", 0, 0},
    {"ledger", fb_door_ledger, "prove the audit trail whole (ledger verify)",
     "Usage: firebreak ledger verify [options]\n"
     "\n"
     "Walks the hash chain over every intent, outcome and change of state. Exit status 3 when a "
     "line\n"
     "was dropped, changed or reordered, with the first one that is wrong.\n"
     "\n"
     "Example: firebreak ledger verify --state sqlite:/var/lib/firebreak.db\n",
     "cso", 1, 1},
    {"lambda", fb_door_lambda, "serve the AWS Lambda Runtime API",
     "Usage: firebreak lambda [options]\n"
     "\n"
     "Needs AWS_LAMBDA_RUNTIME_API. An executable named `bootstrap` does this by itself.\n"
     "\n"
     "Example: AWS_LAMBDA_RUNTIME_API=127.0.0.1:9001 firebreak lambda --state sqlite:/tmp/fb.db\n",
     "cspm", 0, 0},
};

enum { COMMAND_COUNT = sizeof COMMANDS / sizeof *COMMANDS };

static const struct {
    char letter;
    const char *help;
} OPTION_HELP[] = {
    {'c', "  --config FILE        configuration (default: FIREBREAK_CONFIG, else none)\n"},
    {'s', "  --state URL          memory: or sqlite:PATH (default: memory:)\n"},
    {'p', "  --playbooks DIR      playbooks beside the built-in ones; same name replaces\n"},
    {'m', "  --mode MODE          dry-run or enforce (default: dry-run)\n"},
    {'o', "  --output FORM        text or json, one object a line (default: text)\n"},
    {'d', "  --dead-letters FILE  append rejected input there (ndjson, bytes in base64)\n"},
    {'e', "  --event ID           explain this event\n"},
    {'a', "  --all                explain every event that fires a signal\n"},
};

static void help(FILE *to)
{
    fputs("firebreak " FB_VERSION
          " - contains leaked cloud keys: finds who is behind an event, cuts them\n"
          "off, stops what they started, keeps the record.\n\n"
          "Usage: firebreak COMMAND [options]\n\nCommands:\n",
          to);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(to, "  %-10s %s\n", COMMANDS[i].name, COMMANDS[i].summary);
    fputs("\nfirebreak COMMAND --help tells more. Nothing acts on a cloud unless --mode enforce "
          "(or the\n"
          "configuration of a live door) says so.\n\n"
          "Example: firebreak replay events/leaked-key-every-region\n\n"
          "Exit status: 0 done; 1 usage or configuration; 2 some input was rejected; 3 an action "
          "failed or\n"
          "is pending, an incident needs a person, or the ledger is broken.\n",
          to);
}

static void command_help(FILE *to, const struct fb_command *c)
{
    fputs(c->usage, to);
    fputs("\nOptions:\n", to);
    for (size_t i = 0; i < sizeof OPTION_HELP / sizeof *OPTION_HELP; i++) {
        if (strchr(c->options, OPTION_HELP[i].letter))
            fputs(OPTION_HELP[i].help, to);
    }
}

static const struct fb_command *find(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(COMMANDS[i].name, name) == 0)
            return &COMMANDS[i];
    }
    return NULL;
}

static int unknown_command(const char *name)
{
    const char *names[COMMAND_COUNT];
    const char *near;

    for (size_t i = 0; i < COMMAND_COUNT; i++)
        names[i] = COMMANDS[i].name;
    near = fb_nearest(name, names, COMMAND_COUNT);
    fprintf(stderr, "firebreak: no command \"%s\"%s%s%s; firebreak --help lists them\n", name,
            near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
    return FB_EXIT_USAGE;
}

static bool set_option(struct fb_options *o, int letter, const char *value)
{
    const char **const slots[] = {
        ['c'] = &o->config, ['s'] = &o->state,        ['p'] = &o->playbooks,
        ['m'] = &o->mode,   ['d'] = &o->dead_letters, ['e'] = &o->event};

    if (letter == 'a') {
        o->all = true;
        return true;
    }
    if (letter == 'o') {
        o->json = strcmp(value, "json") == 0;
        if (o->json || strcmp(value, "text") == 0)
            return true;
        fprintf(stderr, "firebreak: --output %s: must be text or json\n", value);
        return false;
    }
    *slots[letter] = value;
    return true;
}

/* Returns -1 to go on, else an exit status. */
static int read_options(const struct fb_command *c, int argc, char **argv, struct fb_options *o)
{
    static const struct option LONG[] = {{"config", required_argument, NULL, 'c'},
                                         {"state", required_argument, NULL, 's'},
                                         {"playbooks", required_argument, NULL, 'p'},
                                         {"mode", required_argument, NULL, 'm'},
                                         {"output", required_argument, NULL, 'o'},
                                         {"dead-letters", required_argument, NULL, 'd'},
                                         {"event", required_argument, NULL, 'e'},
                                         {"all", no_argument, NULL, 'a'},
                                         {"help", no_argument, NULL, 'h'},
                                         {NULL, 0, NULL, 0}};
    int letter;

    opterr = 0;
    while ((letter = getopt_long(argc, argv, ":h", LONG, NULL)) != -1) {
        if (letter == 'h') {
            command_help(stdout, c);
            return FB_EXIT_DONE;
        }
        if (letter == ':' || letter == '?' || !strchr(c->options, letter)) {
            const char *given = optind > 0 ? argv[optind - 1] : "";

            fprintf(stderr, "firebreak %s: %s %s; firebreak %s --help shows what it takes\n",
                    c->name, letter == ':' ? "a value is missing after" : "no such option:", given,
                    c->name);
            return FB_EXIT_USAGE;
        }
        if (!set_option(o, letter, optarg))
            return FB_EXIT_USAGE;
    }
    o->args = argv + optind;
    o->arg_count = argc - optind;
    if (o->arg_count < c->args_min || (c->args_max >= 0 && o->arg_count > c->args_max)) {
        fprintf(stderr, "firebreak %s: %s\n\n", c->name,
                o->arg_count < c->args_min ? "something to work on is missing"
                                           : "too many arguments");
        command_help(stderr, c);
        return FB_EXIT_USAGE;
    }
    return -1;
}

static bool is_bootstrap(int argc, char **argv)
{
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    const char *name = slash ? slash + 1 : argc > 0 ? argv[0] : "";

    return strcmp(name, "bootstrap") == 0 || (argc == 1 && getenv("AWS_LAMBDA_RUNTIME_API"));
}

int main(int argc, char **argv)
{
    struct fb_options o = {0};
    const struct fb_command *c;
    int done;

    (void)signal(SIGPIPE, SIG_IGN);
#ifndef FB_SANITIZED /* LeakSanitizer must look into us */
    /* Another process of the same user must not read credentials from our memory or environment. */
    (void)prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L);
#endif
    if (is_bootstrap(argc, argv))
        return fb_door_lambda_args();
    if (argc < 2) {
        help(stderr);
        return FB_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        c = argc > 2 ? find(argv[2]) : NULL;
        if (argc > 2 && !c)
            return unknown_command(argv[2]);
        if (c)
            command_help(stdout, c);
        else
            help(stdout);
        return FB_EXIT_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("firebreak " FB_VERSION);
        return FB_EXIT_DONE;
    }
    c = find(argv[1]);
    if (!c)
        return unknown_command(argv[1]);
    done = read_options(c, argc - 1, argv + 1, &o);
    return done >= 0 ? done : c->run(&o);
}

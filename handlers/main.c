/* main.c - which door: `bootstrap` (or a Lambda environment and no arguments) is the Lambda
 * runtime, everything else is a command that a person typed. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/text.h"
#include "doors.h"

enum { NAMES_MAX = 32 };

static void help(FILE *to)
{
    fputs("firebreak " FB_VERSION
          " - contains leaked cloud keys: finds who is behind an event, cuts them\n"
          "off, stops what they started, keeps the record.\n\n"
          "Usage: firebreak COMMAND [options]\n\nCommands:\n",
          to);
    for (size_t i = 0; i < fb_command_count; i++)
        fprintf(to, "  %-10s %s\n", fb_commands[i].name, fb_commands[i].summary);
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
    if (*c->options)
        fputs("\nOptions:\n", to);
    for (size_t i = 0; i < fb_option_row_count; i++) {
        const struct fb_option_row *row = &fb_option_rows[i];

        if (strchr(c->options, row->letter))
            fprintf(to, "  --%s%s%-*s %s\n", row->name, *row->value ? " " : "",
                    18 - (int)strlen(row->name) - (*row->value != '\0'), row->value, row->help);
    }
}

static const struct fb_command *find(const char *name)
{
    for (size_t i = 0; i < fb_command_count; i++) {
        if (strcmp(fb_commands[i].name, name) == 0)
            return &fb_commands[i];
    }
    return NULL;
}

/* " (did you mean "NAME"?)", or "" when nothing is near. */
static const char *hint(char *to, size_t cap, const char *given, const char *const *names, size_t n)
{
    const char *near = fb_nearest(given, names, n);

    to[0] = '\0';
    if (near)
        (void)snprintf(to, cap, " (did you mean \"%s\"?)", near);
    return to;
}

static int unknown_command(const char *name)
{
    const char *names[NAMES_MAX];
    char near[80];
    size_t n = 0;

    while (n < fb_command_count && n < NAMES_MAX - 2) {
        names[n] = fb_commands[n].name;
        n++;
    }
    names[n++] = "--help";
    names[n++] = "--version";
    fprintf(stderr, "firebreak: no command \"%s\"%s; firebreak --help lists them\n", name,
            hint(near, sizeof near, name, names, n));
    return FB_EXIT_USAGE;
}

static const struct fb_option_row *row_of(int letter)
{
    for (size_t i = 0; i < fb_option_row_count; i++) {
        if (fb_option_rows[i].letter == letter)
            return &fb_option_rows[i];
    }
    return NULL;
}

/* Whether value is one of the row's words; else says which there are. */
static bool is_word(const struct fb_option_row *row, const char *value)
{
    size_t len = strlen(value);

    for (const char *w = row->words; *w;) {
        size_t n = strcspn(w, " ");

        if (n == len && strncmp(w, value, n) == 0)
            return true;
        w += n + (w[n] == ' ');
    }
    fprintf(stderr, "firebreak: --%s %s: must be one of: %s\n", row->name, value, row->words);
    return false;
}

static bool set_option(struct fb_options *o, int letter, const char *value)
{
    const char **const slots[] = {
        ['c'] = &o->config,  ['s'] = &o->state,        ['p'] = &o->playbooks,
        ['m'] = &o->mode,    ['d'] = &o->dead_letters, ['e'] = &o->event,
        ['w'] = &o->workers, ['i'] = &o->iam,          ['r'] = &o->credential_report};

    if (letter == 'a' || letter == 'n') {
        *(letter == 'a' ? &o->all : &o->note_risk) = true;
        return true;
    }
    if (letter == 'o' || letter == 'O') {
        o->output = value;
        o->json = strcmp(value, "json") == 0;
        return is_word(row_of(letter), value);
    }
    *slots[letter] = value;
    return true;
}

/* Says what is wrong with the option at hand. getopt gives ':' (a value is missing), '?' (unknown,
 * ambiguous, or a value too many), or the letter of one that this command does not take. */
static int bad_option(const struct fb_command *c, int letter, const char *given)
{
    const struct fb_option_row *row = row_of(letter == ':' || letter == '?' ? optopt : letter);
    const char *names[NAMES_MAX] = {"help"};
    char near[80] = "", name[80] = "";
    size_t n = 1;

    for (size_t i = 0; i < fb_option_row_count && n < NAMES_MAX; i++) {
        if (strchr(c->options, fb_option_rows[i].letter))
            names[n++] = fb_option_rows[i].name;
    }
    fprintf(stderr, "firebreak %s: ", c->name);
    if (letter == ':' && row)
        fprintf(stderr, "a value is missing after --%s", row->name);
    else if (letter == '?' && row)
        fprintf(stderr, "--%s takes no value", row->name);
    else if (row)
        fprintf(stderr, "it takes no --%s", row->name);
    else if (fb_starts(given, "--")) {
        (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(given, "="), given);
        fprintf(stderr, "no option %s%s", name, hint(near, sizeof near, name + 2, names, n));
    } else
        fprintf(stderr, "no option %s", given);
    fprintf(stderr, "; firebreak %s --help shows what it takes\n", c->name);
    return FB_EXIT_USAGE;
}

/* Two rows may share a name (the forms of --output): the one that the command takes is meant. */
static bool is_meant(const struct fb_command *c, size_t row)
{
    bool taken = strchr(c->options, fb_option_rows[row].letter) != NULL;

    for (size_t i = 0; i < fb_option_row_count; i++) {
        if (i == row || strcmp(fb_option_rows[i].name, fb_option_rows[row].name) != 0)
            continue;
        if (strchr(c->options, fb_option_rows[i].letter) || (!taken && i < row))
            return false;
    }
    return true;
}

static void fill_rows(const struct fb_command *c, struct option rows[NAMES_MAX])
{
    size_t n = 0;

    rows[n++] = (struct option){"help", no_argument, NULL, 'h'};
    for (size_t i = 0; i < fb_option_row_count && n < NAMES_MAX - 1; i++) {
        const struct fb_option_row *row = &fb_option_rows[i];

        if (is_meant(c, i))
            rows[n++] = (struct option){row->name, *row->value ? required_argument : no_argument,
                                        NULL, row->letter};
    }
    rows[n] = (struct option){NULL, 0, NULL, 0};
}

/* getopt takes "--mod" for --mode. A word that means something today may mean two things tomorrow,
 * so only whole names count. `taken`: the words that getopt has just taken end there. */
static bool is_whole_name(const struct option *row, char *const *taken, const char **given)
{
    bool apart = row->has_arg == required_argument && optarg == taken[-1];

    *given = taken[apart ? -2 : -1];
    return strncmp(*given, "--", 2) == 0 && strcspn(*given + 2, "=") == strlen(row->name);
}

/* Returns -1 to go on, else an exit status. */
static int read_options(const struct fb_command *c, int argc, char **argv, struct fb_options *o)
{
    struct option rows[NAMES_MAX];
    int letter, row = -1;

    fill_rows(c, rows);
    opterr = 0;
    while ((letter = getopt_long(argc, argv, ":h", rows, &row)) != -1) {
        const char *given = optind > 0 ? argv[optind - 1] : "";

        if (row >= 0 && letter != ':' && letter != '?' &&
            !is_whole_name(&rows[row], argv + optind, &given)) {
            optopt = 0;
            return bad_option(c, '?', given);
        }
        row = -1;
        if (letter == 'h') {
            command_help(stdout, c);
            return FB_EXIT_DONE;
        }
        if (letter == ':' || letter == '?' || !strchr(c->options, letter))
            return bad_option(c, letter, given);
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

/* What the person typed, without looking at how stdout fares. */
static int typed(int argc, char **argv)
{
    struct fb_options o = {0};
    const struct fb_command *c;
    int done;

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

int main(int argc, char **argv)
{
    int done;

    (void)signal(SIGPIPE, SIG_IGN);
#ifndef FB_SANITIZED /* LeakSanitizer must look into us */
    /* Another process of the same user must not read credentials from our memory or environment. */
    (void)prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L);
#endif
    if (is_bootstrap(argc, argv))
        return fb_door_lambda_args();
    done = typed(argc, argv);
    if ((fflush(stdout) != 0 || ferror(stdout)) && done != FB_EXIT_USAGE) {
        fprintf(stderr, "firebreak: standard output could not be written to its end: %s\n",
                strerror(errno));
        done = FB_EXIT_USAGE;
    }
    return done;
}

/* commands.c - the one table of what may be typed: commands and options. Help, parsing and shell
 * completion all read it. */
#include "doors.h"

const struct fb_command fb_commands[] = {
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
     "cspmod", 1, -1, "", true},
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
     "cspea", 1, -1, "", true},
    {"backtest", fb_door_backtest, "what past logs would have set off, and whom it would have hurt",
     "Usage: firebreak backtest [options] PATH...\n"
     "\n"
     "Scores CloudTrail logs of any size, in order of time, as if Firebreak had watched: who "
     "would\n"
     "have been alerted or contained, when, by which signals, what would have been cut, and "
     "whether\n"
     "that was probably your own work; how many identities reach each threshold. Nothing is acted\n"
     "on and no socket opened. Read it before you enforce.\n"
     "\n"
     "Memory stays the same however long the log; a temporary file of about a third of the\n"
     "unpacked log is kept in TMPDIR meanwhile. The answer is the same with any number of "
     "workers.\n"
     "\n"
     "Example: firebreak backtest --output html ~/AWSLogs > backtest.html\n",
     "cpOw", 1, -1, "", true},
    {"learn", fb_door_learn, "teach the store from past logs what is normal",
     "Usage: firebreak learn --state URL [options] PATH...\n"
     "\n"
     "Feeds past logs into the profiles and role chains of the store, so that the learning period\n"
     "is minutes. No verdict, no incident, no playbook; the same log again changes nothing. What\n"
     "the log holds counts as normal afterwards: run backtest over it first.\n"
     "\n"
     "Example: firebreak learn --state sqlite:/var/lib/firebreak.db ~/AWSLogs\n",
     "csw", 1, -1, "", true},
    {"incidents", fb_door_incidents, "list incidents and what was done in each",
     "Usage: firebreak incidents [options] [INCIDENT]\n"
     "\n"
     "Example: firebreak incidents --state sqlite:/var/lib/firebreak.db\n",
     "cso", 0, 1, "", false},
    {"tick", fb_door_tick, "one turn of the minute timer: go on with open incidents",
     "Usage: firebreak tick [options]\n"
     "\n"
     "Works every incident that is due: reads the world again, does what is left, counts quiet\n"
     "passes. Exit status 3 when something is still open or needs a person.\n"
     "\n"
     "Example: firebreak tick --state sqlite:/var/lib/firebreak.db --mode enforce\n",
     "cspmo", 0, 0, "", false},
    {"ledger", fb_door_ledger, "prove the audit trail whole (ledger verify)",
     "Usage: firebreak ledger verify [options]\n"
     "\n"
     "Walks the hash chain over every intent, outcome and change of state. Exit status 3 when a "
     "line\n"
     "was dropped, changed or reordered, with the first one that is wrong.\n"
     "\n"
     "Example: firebreak ledger verify --state sqlite:/var/lib/firebreak.db\n",
     "cso", 1, 1, "verify", false},
    {"lambda", fb_door_lambda, "serve the AWS Lambda Runtime API",
     "Usage: firebreak lambda [options]\n"
     "\n"
     "Needs AWS_LAMBDA_RUNTIME_API. An executable named `bootstrap` does this by itself.\n"
     "\n"
     "Example: AWS_LAMBDA_RUNTIME_API=127.0.0.1:9001 firebreak lambda --state sqlite:/tmp/fb.db\n",
     "cspm", 0, 0, "", false},
    {"completion", fb_door_completion, "print a completion script for your shell",
     "Usage: firebreak completion bash|zsh|fish\n"
     "\n"
     "Example: firebreak completion bash > ~/.local/share/bash-completion/completions/firebreak\n",
     "", 1, 1, "bash zsh fish", false},
};

const size_t fb_command_count = sizeof fb_commands / sizeof *fb_commands;

const struct fb_option_row fb_option_rows[] = {
    {"config", 'c', "FILE", "", "configuration (default: FIREBREAK_CONFIG, else none)"},
    {"state", 's', "URL", "memory: sqlite:", "memory: or sqlite:PATH (default: memory:)"},
    {"playbooks", 'p', "DIR", "", "playbooks beside the built-in ones; same name replaces"},
    {"mode", 'm', "MODE", "dry-run enforce", "dry-run or enforce (default: dry-run)"},
    {"output", 'o', "FORM", "text json", "text or json, one object a line (default: text)"},
    {"output", 'O', "FORM", "text json csv html", "text, json, csv or html (default: text)"},
    {"workers", 'w', "N", "", "processes to work with (default: one a processor)"},
    {"dead-letters", 'd', "FILE", "", "append rejected input there (ndjson, bytes in base64)"},
    {"event", 'e', "ID", "", "explain this event"},
    {"all", 'a', "", "", "explain every event that fires a signal"},
};

const size_t fb_option_row_count = sizeof fb_option_rows / sizeof *fb_option_rows;

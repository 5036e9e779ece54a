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
     "First in plain words: who, what, why this level, and what would have changed it. Then every\n"
     "term of the score: weight, grade, decay, damping, group and cap, mitigation. --all explains\n"
     "every event that fires a signal; --output json gives one object each.\n"
     "\n"
     "Example: firebreak explain events/leaked-key-every-region\n",
     "cspeao", 1, -1, "", true},
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
    {"signals", fb_door_signals, "the signal table: what raises a score, and by how much",
     "Usage: firebreak signals [options]\n"
     "\n"
     "Every signal with the weight that counts: the configuration's where it changes one.\n"
     "\n"
     "Example: firebreak signals --output csv > signals.csv\n",
     "cO", 0, 0, "", false},
    {"chain", fb_door_chain, "who stands behind an event or a credential, link by link",
     "Usage: firebreak chain [options] EVENT-ID PATH...              an event of a log\n"
     "       firebreak chain [options] CREDENTIAL PATH...            its newest use in a log\n"
     "       firebreak chain [options] --state URL CREDENTIAL        from the store's links\n"
     "\n"
     "Prints the identities from the one that acted to the root that answers for it, and for each\n"
     "link what proves it: the call, its time, the event (and file) that showed it, and whether "
     "it is\n"
     "sure or inferred.\n"
     "\n"
     "Example: firebreak chain ASIA6QU2QV762EXAMPLE events/role-chained-launch\n",
     "cso", 1, -1, "", true},
    {"identities", fb_door_identities, "every identity: how risky it is, and what it does now",
     "Usage: firebreak identities [options] PATH...        those seen in a log\n"
     "       firebreak identities [options] --state URL    those that the store knows\n"
     "\n"
     "Two numbers each. Risk, 0 to 10, is what a thief of it would gain, shaped like CVSS:\n"
     "  CT credential   K long-lived key  P password  S session  W workload's own  N none\n"
     "  EX exposure     L leaked  S suspected stolen  X outsiders trusted  I internal\n"
     "  MF also needed  N nothing  C a condition (network, OIDC subject)  E a second factor\n"
     "  AG age          O over 365 days  M over 90 days  F fresh  T expires by itself\n"
     "  PW privilege    A admin or IAM writes  W broad writes  L limited writes  R reads\n"
     "  CP compute      U any machine anywhere  B bounded  N none\n"
     "  DT data         H much  L some  N none\n"
     "  RC reach        C other accounts too  U this account\n"
     "A metric that nothing proves is ? and counts as its highest. Score, 0 to 100, is its "
     "activity.\n"
     "AWS services and drills are not listed. --output csv and html are tables. \"could be\" is "
     "the\n"
     "risk with only the rights that the log saw in use: what rightsizing would gain.\n"
     "\n"
     "--note-risk keeps the risk of every identity of a store whose rights --iam tells (and of "
     "users\n"
     "that were never seen): its score then starts up to 0.6 nats higher, or lower. What it did "
     "is\n"
     "left out of that; metrics that neither file proves count as their highest.\n"
     "\n"
     "  aws iam get-account-authorization-details > iam.json\n"
     "  aws iam generate-credential-report; aws iam get-credential-report > report.json\n"
     "\n"
     "Example: firebreak identities --iam iam.json events/leaked-key-every-region\n"
     "         firebreak identities --iam iam.json --note-risk --state sqlite:/var/lib/fb.db\n",
     "csOirn", 0, -1, "", true},
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
    {"iam", 'i', "FILE", "", "output of aws iam get-account-authorization-details"},
    {"credential-report", 'r', "FILE", "", "output of aws iam get-credential-report, or its CSV"},
    {"note-risk", 'n', "", "", "keep the risk that --iam proves in the store"},
    {"all", 'a', "", "", "explain every event that fires a signal"},
};

const size_t fb_option_row_count = sizeof fb_option_rows / sizeof *fb_option_rows;

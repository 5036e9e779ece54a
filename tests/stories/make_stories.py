#!/usr/bin/env python3
"""Writes events/: our sample stories, one folder each, the same bytes on every run.

    make_stories.py [DIR]          write DIR (default: events/ of this checkout)
    make_stories.py --check [DIR]  change nothing; exit 1 and name what differs

Everybody in the stories is invented; addresses are documentation ranges (RFC 5737, RFC 3849), key ids
end in EXAMPLE. Each story has a quiet baseline that teaches what is normal, then
the story itself. What the decisions must be stands in each expect.json (schema: events/README.md).
"""
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
sys.dont_write_bytecode = True

import aws_keys
import aws_robots
import aws_roles
import aws_services
import gcp_stories
from cloudtrail import line
from telling import record_of

STORIES = (aws_keys.STORIES + aws_roles.STORIES + aws_services.STORIES + aws_robots.STORIES
           + gcp_stories.STORIES)


def files():
    """Path below events/ -> text, for every file that this program owns."""
    out = {}
    for tell in STORIES:
        story = tell()
        expect = dict({"account": account_of(story.events),
                       "history": getattr(story.events, "history", 0)}, **story.expect)
        out[f"{story.name}/README.md"] = story.readme
        out[f"{story.name}/events.ndjson"] = "".join(line(e) for e in story.events)
        out[f"{story.name}/expect.json"] = json.dumps(expect, indent=2) + "\n"
        if story.config:
            out[f"{story.name}/config.json"] = json.dumps(story.config, indent=2) + "\n"
    return out


def account_of(events):
    record = record_of(events[0])
    if "logName" in record:
        return record["logName"].split("/")[1]
    return record.get("recipientAccountId") or events[0]["account"]


def read(path):
    try:
        with open(path, encoding="utf-8") as f:
            return f.read()
    except FileNotFoundError:
        return None


def main(argv):
    args = [a for a in argv if a != "--check"]
    if any(a in ("-h", "--help") for a in args):
        print(__doc__)
        return 0
    root = args[0] if args else os.path.join(HERE, "..", "..", "events")
    wrong = 0
    for name, text in files().items():
        path = os.path.join(root, name)
        if read(path) == text:
            continue
        if "--check" in argv:
            print(f"make_stories: {name} is not what the generator writes", file=sys.stderr)
            wrong += 1
            continue
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
    if wrong:
        print("make_stories: run tests/stories/make_stories.py and commit what changes",
              file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

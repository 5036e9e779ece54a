#!/usr/bin/env python3
"""Holds a build of firebreak to the stories of events/: replays each and compares with its expect.json.

    check_stories.py FIREBREAK [STORY...]

Prints one line a story; exit 1 when a decision is not what the story expects, with what was decided
instead. The schema of expect.json stands in events/README.md.
"""
import json
import os
import subprocess
import sys
import tempfile

EVENTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "events")
LEVELS = ("observe", "alert", "contain")
ASKED = ("planned", "done", "already")


def replay(firebreak, path):
    """Decisions of a dry replay, in input order."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("FIREBREAK_", "AWS_"))}
    run = subprocess.run([firebreak, "replay", "--output", "json", path], env=env, timeout=120,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if run.returncode != 0:
        raise RuntimeError(f"replay ended with {run.returncode}: "
                           f"{run.stderr.decode(errors='replace').strip()}")
    return [json.loads(text) for text in run.stdout.decode().splitlines()]


def when_contained(decisions):
    """Position of the first decision at level contain; None without one."""
    return next((n for n, d in enumerate(decisions) if d["level"] == "contain"), None)


def contained_by(decisions, event, what):
    """Complaints about contain not being reached at `event` or before."""
    ids = [d["event_id"] for d in decisions]
    if event not in ids:
        return [f"{what}: no decision for event {event}"]
    first = when_contained(decisions)
    latest = ids.index(event)
    if first is None or first > latest:
        scores = ", ".join(f"{d['action']}@{d['region']} {d['level']} {d['score']:.1f}"
                           for d in decisions[max(0, latest - 3):latest + 1])
        return [f"{what}: contain is not reached by event {event}: {scores}"]
    return []


def check_levels(expect, decisions):
    bad = []
    limit = LEVELS.index(expect["max_level"])
    for d in decisions:
        if d["account"] != expect["account"]:
            bad.append(f"{d['event_id']}: account is {d['account']}")
        if LEVELS.index(d["level"]) > limit:
            why = "; ".join(f"{s['id']} {s['weight']:.2f}" for s in d["signals"])
            bad.append(f"{d['event_id']} {d['action']} is {d['level']} ({d['score']:.1f}): {why}")
        if d["level"] == "contain" and {d["principal"], d["root"]} & set(expect["never"]):
            bad.append(f"{d['event_id']} {d['action']}: {d['principal']} must never be contained")
    return bad


def check_actions(expect, decisions):
    bad = []
    asked = {(a["verb"], a["target"]) for d in decisions for a in d["actions"]
             if a["status"] in ASKED}
    named = {a["target"] for d in decisions for a in d["actions"]}
    for verb, targets in expect["actions"].items():
        bad += [f"{verb} {t} was never asked for" for t in targets if (verb, t) not in asked]
    bad += [f"{t} was to be left alone" for t in expect["left_alone"] if t in named]
    return bad


def check(expect, decisions, lines):
    bad = check_levels(expect, decisions) + check_actions(expect, decisions)
    if len(decisions) != lines:
        bad.append(f"{lines} records gave {len(decisions)} decisions")
    if expect["contain_by_event"]:
        bad += contained_by(decisions, expect["contain_by_event"], "after a quiet baseline")
        roots = expect["root"] if isinstance(expect["root"], list) else [expect["root"]]
        contained = [d for d in decisions if d["level"] == "contain"]
        if contained and contained[-1]["root"] not in roots:
            bad.append(f"root is {contained[-1]['root']}, expected {' or '.join(roots)}")
    for event, chain in expect.get("chain", {}).items():
        found = [d["chain"] for d in decisions if d["event_id"] == event]
        if found != [chain]:
            bad.append(f"chain of {event} is {found}, expected {chain}")
    return bad


def check_without_history(firebreak, expect, events):
    """The same story with an empty store: the baseline's lines are left out."""
    if "also_without_history" not in expect:
        return []
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "events.ndjson")
        with open(path, "w", encoding="utf-8") as f:
            f.writelines(events[expect["history"]:])
        return contained_by(replay(firebreak, path), expect["also_without_history"],
                            "from an empty store")


def check_story(firebreak, name):
    folder = os.path.join(EVENTS, name)
    with open(os.path.join(folder, "expect.json"), encoding="utf-8") as f:
        expect = json.load(f)
    with open(os.path.join(folder, "events.ndjson"), encoding="utf-8") as f:
        events = f.readlines()
    decisions = replay(firebreak, folder)
    top = max(decisions, key=lambda d: (LEVELS.index(d["level"]), d["score"]), default=None)
    bad = check(expect, decisions, len(events)) + check_without_history(firebreak, expect, events)
    print(f"{'ok  ' if not bad else 'FAIL'} {name}: {len(decisions)} events, "
          f"{top['level']} at {top['score']:.1f}" if top else f"FAIL {name}: no decision")
    for text in bad:
        print(f"     {text}")
    return not bad


def main(argv):
    if not argv or argv[0] in ("-h", "--help"):
        print(__doc__)
        return 0 if argv else 1
    names = argv[1:] or sorted(n for n in os.listdir(EVENTS)
                               if os.path.exists(os.path.join(EVENTS, n, "expect.json")))
    good = True
    for name in names:
        try:
            good = check_story(argv[0], name) and good
        except (RuntimeError, OSError, ValueError, KeyError, subprocess.TimeoutExpired) as e:
            print(f"FAIL {name}: {type(e).__name__}: {e}")
            good = False
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

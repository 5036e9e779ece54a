#!/usr/bin/env python3
"""Holds a build of firebreak to the stories of events/: replays each and compares with its expect.json.

    check_stories.py FIREBREAK [STORY...]

Prints one line a story; exit 1 when a decision is not what the story expects, with what was decided
instead. The schema of expect.json stands in events/README.md. FB_EVENTS: another folder of stories.
"""
import json
import os
import subprocess
import sys
import tempfile

EVENTS = os.environ.get("FB_EVENTS") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..",
                                                     "..", "events")
LEVELS = ("observe", "alert", "contain")
ASKED = ("planned", "done", "already")
KEYS = {"account", "max_level", "max_score", "min_score", "score_at", "level_at", "quiet_until",
        "story_from",
        "alert_by_event", "contain_by_event", "contain_optional", "root", "roots_at", "chain", "never",
        "signals_at", "signals_never", "actions", "actions_never", "no_actions", "left_alone",
        "history", "also_without_history"}


def replay(firebreak, path, config):
    """Decisions of a dry replay, in input order."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("FIREBREAK_", "AWS_"))}
    args = ["--config", config] if os.path.exists(config) else []
    run = subprocess.run([firebreak, "replay", "--output", "json", *args, path], env=env, timeout=120,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if run.returncode != 0:
        raise RuntimeError(f"replay ended with {run.returncode}: "
                           f"{run.stderr.decode(errors='replace').strip()}")
    return [json.loads(text) for text in run.stdout.decode().splitlines()]


def level(decision):
    return LEVELS.index(decision["level"])


def told(d):
    why = "; ".join(f"{s['id']} {s['weight']:.2f}" for s in d["signals"])
    return f"{d['action']}@{d['region']} {d['level']} {d['score']:.1f} ({why})"


def at(decisions, event):
    """Position of the decision on that event: of its first delivery."""
    place = next((n for n, d in enumerate(decisions) if d["event_id"] == event), None)
    if place is None:
        raise ValueError(f"no decision for event {event}")
    return place


def reached_by(decisions, event, wanted, what):
    """Complaints about a level not being reached at `event` or before."""
    latest = at(decisions, event)
    if any(level(d) >= LEVELS.index(wanted) for d in decisions[:latest + 1]):
        return []
    seen = ", ".join(told(d) for d in decisions[max(0, latest - 2):latest + 1])
    return [f"{what}: {wanted} is not reached by event {event}: {seen}"]


def check_levels(expect, decisions):
    bad = []
    limit = LEVELS.index(expect["max_level"])
    accounts = expect["account"] if isinstance(expect["account"], list) else [expect["account"]]
    quiet = at(decisions, expect["quiet_until"]) if "quiet_until" in expect else 0
    young = at(decisions, expect["story_from"]) if "story_from" in expect else 0
    for n, d in enumerate(decisions):
        most = 0 if n < quiet else max(1, limit) if n < young else limit
        if d["account"] not in accounts:
            bad.append(f"{d['event_id']}: account is {d['account']}")
        if level(d) > most:
            bad.append(f"{d['time']} {told(d)}: at most {LEVELS[most]} is right")
        if d["level"] == "contain" and {d["principal"], d["root"]} & set(expect["never"]):
            bad.append(f"{told(d)}: {d['principal']} must never be contained")
        for signal in set(expect.get("signals_never", ())) & {s["id"] for s in d["signals"]}:
            bad.append(f"{told(d)}: {signal} has no place here")
    for event, wanted in expect.get("level_at", {}).items():
        d = decisions[at(decisions, event)]
        if d["level"] != wanted:
            bad.append(f"{d['time']} {told(d)}: {wanted} is right")
    if expect.get("alert_by_event"):
        bad += reached_by(decisions, expect["alert_by_event"], "alert", "after the baseline")
    return bad


def check_scores(expect, decisions):
    bad = []
    story = decisions[at(decisions, expect["story_from"]) if "story_from" in expect else 0:]
    most = max(story, key=lambda d: d["score"])
    if most["score"] > expect.get("max_score", 100):
        bad.append(f"{most['time']} {told(most)}: at most {expect['max_score']} is right")
    if most["score"] < expect.get("min_score", 0):
        bad.append(f"the highest score is {most['score']}, expected {expect['min_score']} or more")
    for event, (low, high) in expect.get("score_at", {}).items():
        d = decisions[at(decisions, event)]
        if not low <= d["score"] <= high:
            bad.append(f"{d['time']} {told(d)}: {low} to {high} is right")
    return bad


def check_actions(expect, decisions):
    every = [a for d in decisions for a in d["actions"]]
    asked = {(a["verb"], a["target"]) for a in every if a["status"] in ASKED}
    named = {a["target"] for a in every}
    bad = []
    for verb, targets in expect["actions"].items():
        bad += [f"{verb} {t} was never asked for" for t in targets if (verb, t) not in asked]
    bad += [f"{t} was to be left alone" for t in expect["left_alone"] if t in named]
    bad += [f"{a['verb']} {a['target']} was asked for" for a in every
            if a["verb"] in expect.get("actions_never", ()) and a["status"] in ASKED]
    if expect.get("no_actions"):
        bad += sorted({f"{a['verb']} {a['target']} is {a['status']}: nothing was to be done"
                       for a in every if a["status"] in ("planned", "done")})
    return bad


def check_roots(expect, decisions):
    bad = []
    if expect["contain_by_event"]:
        bad += reached_by(decisions, expect["contain_by_event"], "contain", "after the baseline")
    contained = [d for d in decisions if d["level"] == "contain"]
    if contained and not expect["contain_by_event"] and not expect.get("contain_optional"):
        bad.append(f"{told(contained[0])}: nothing was to be contained")
    roots = expect["root"] if isinstance(expect["root"], list) else [expect["root"]]
    if contained and expect["root"] and contained[-1]["root"] not in roots:
        bad.append(f"root is {contained[-1]['root']}, expected {' or '.join(roots)}")
    for key, field in (("chain", "chain"), ("roots_at", "root")):
        for event, wanted in expect.get(key, {}).items():
            found = decisions[at(decisions, event)][field]
            if found != wanted:
                bad.append(f"{field} of {event} is {found}, expected {wanted}")
    for event, wanted in expect.get("signals_at", {}).items():
        d = decisions[at(decisions, event)]
        bad += [f"{told(d)}: {signal} is missing" for signal in wanted
                if signal not in {s["id"] for s in d["signals"]}]
    return bad


def check(expect, decisions, lines):
    bad = [f"expect.json: no key {k}" for k in sorted(set(expect) - KEYS)]
    if len(decisions) != lines:
        bad.append(f"{lines} records gave {len(decisions)} decisions")
    return (bad + check_levels(expect, decisions) + check_scores(expect, decisions)
            + check_roots(expect, decisions) + check_actions(expect, decisions))


def check_without_history(firebreak, folder, expect, events):
    """The same story with an empty store: the baseline's lines are left out."""
    if "also_without_history" not in expect:
        return []
    with tempfile.TemporaryDirectory() as place:
        path = os.path.join(place, "events.ndjson")
        with open(path, "w", encoding="utf-8") as f:
            f.writelines(events[expect["history"]:])
        return reached_by(replay(firebreak, path, os.path.join(folder, "config.json")),
                          expect["also_without_history"], "contain", "from an empty store")


def check_story(firebreak, name):
    folder = os.path.join(EVENTS, name)
    with open(os.path.join(folder, "expect.json"), encoding="utf-8") as f:
        expect = json.load(f)
    with open(os.path.join(folder, "events.ndjson"), encoding="utf-8") as f:
        events = f.readlines()
    decisions = replay(firebreak, folder, os.path.join(folder, "config.json"))
    if not decisions:
        raise ValueError("no decision")
    top = max(decisions, key=lambda d: (level(d), d["score"]))
    bad = (check(expect, decisions, len(events))
           + check_without_history(firebreak, folder, expect, events))
    print(f"{'ok  ' if not bad else 'FAIL'} {name}: {len(decisions)} events, "
          f"{top['level']} at {top['score']:.1f}")
    for text in bad[:12] + ([f"... and {len(bad) - 12} more"] if len(bad) > 12 else []):
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

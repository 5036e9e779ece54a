#!/usr/bin/env python3
"""Many distinct events through the Lambda door: every one answered, memory flat, bad input survived.

    soak.py [--firebreak PROGRAM] [-n EVENTS] [-r ROOTS] [--grown-kb KB]

Plays EVENTS (10,000) of ROOTS (500) identities with sqlite: state, and every 500th time an event that
is not JSON. Fails when an event has no decision of its own id, when a bad one is not answered with
Firebreak.BadEvent, when the program was started twice, or when its resident memory grows by more than
KB (64) between event 1,000 and the last. Meant for a release build: sanitizers keep freed memory.
"""
import argparse
import json
import os
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "support"))

from cloudtrail import envelope
from gen_events import events
from runtime_api import Bootstrap, RuntimeApi

BAD = (b'{"detail": {"eventID": ', b"\x1f\x8b\x08 no gzip", b"[1, 2", b'"\xff\xfe"', b"nothing at all")


def complaint(answer, event_id):
    """What is wrong with the answer to a good event; None for nothing."""
    if answer.kind != "response":
        return f"{answer.kind} {answer.error_type} {answer.body[:200]!r}"
    decisions = answer.json()
    if not isinstance(decisions, list) or [d.get("event_id") for d in decisions] != [event_id]:
        return f"answered with {answer.body[:200]!r}"
    return None


def play(api, child, count, roots):
    """Returns (complaints, resident kB after 1,000 events, after the last)."""
    wrong, early = [], 0
    for n, record in enumerate(events(count, roots)):
        said = complaint(api.invoke(envelope(record), 15, child), record["eventID"])
        if said:
            wrong.append(f"event {n}: {said}")
        if n % 500 == 250:
            bad = api.invoke(BAD[n // 500 % len(BAD)], 15, child)
            if (bad.kind, bad.error_type) != ("error", "Firebreak.BadEvent"):
                wrong.append(f"bad input after event {n}: {bad.kind} {bad.error_type}")
        if n + 1 == min(1000, count):
            early = child.status_kb()
        if len(wrong) >= 10:
            break
    return wrong, early, child.status_kb()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--firebreak", default=os.path.join(HERE, "..", "..", "build", "release", "firebreak"))
    p.add_argument("-n", type=int, default=10000)
    p.add_argument("-r", type=int, default=500)
    p.add_argument("--grown-kb", type=int, default=64)
    args = p.parse_args()
    if not os.access(args.firebreak, os.X_OK):
        sys.exit(f"soak: {args.firebreak} is not there")
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, RuntimeApi() as api, \
            open(os.path.join(folder, "log"), "ab") as log:
        child = Bootstrap(api, [os.path.abspath(args.firebreak)],
                          {"FIREBREAK_STATE": "sqlite:" + os.path.join(folder, "state.db")}, log)
        try:
            wrong, early, late = play(api, child, args.n, args.r)
        finally:
            child.stop()
    if child.starts != 1:
        wrong.append(f"the program was started {child.starts} times")
    if late - early > args.grown_kb:
        wrong.append(f"resident memory grew from {early} to {late} kB, {args.grown_kb} kB are allowed")
    took = time.monotonic() - started
    print(json.dumps({"events": args.n, "roots": args.r, "seconds": round(took, 1),
                      "rss_1000_kb": early, "rss_last_kb": late, "wrong": wrong}))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Measures `firebreak backtest` over a generated CloudTrail tree: events/s with one worker and with
all processors, beside `zcat | wc -c` on the same files; the memory of all its processes together;
and whether every run printed the same bytes.

    backtest.py [-n EVENTS] [-r ROOTS] [--days D] [--firebreak PROGRAM] [--logs DIR] [--json FILE]
                [--memory-max MB]

Exits 1 when outputs differ or memory passes --memory-max. DIR: a tree that is there already.
"""
import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "..", ".."))


def family(pid):
    """pid and its descendants."""
    found = [pid]
    for one in found:
        try:
            with open(f"/proc/{one}/task/{one}/children", encoding="ascii") as f:
                found += map(int, f.read().split())
        except OSError:
            pass
    return found


def memory_kb(pid):
    """Memory of the process and its workers, shared pages counted once (Pss)."""
    total = 0
    for one in family(pid):
        try:
            with open(f"/proc/{one}/smaps_rollup", encoding="ascii") as f:
                total += next(int(x.split()[1]) for x in f if x.startswith("Pss:"))
        except (OSError, StopIteration):
            try:  # not ours to read: resident, shared pages counted for each
                with open(f"/proc/{one}/statm", encoding="ascii") as f:
                    total += int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE") // 1024
            except OSError:
                pass
    return total


def run(firebreak, logs, workers, extra=()):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("FIREBREAK_", "AWS_"))}
    before, start, peak = os.times(), time.monotonic(), 0
    with tempfile.TemporaryFile() as out:
        p = subprocess.Popen([firebreak, "backtest", "--workers", str(workers), "--output", "json",
                              *extra, logs], stdout=out, env=env)
        while p.poll() is None:
            peak = max(peak, memory_kb(p.pid))
            time.sleep(0.05)
        wall, after = time.monotonic() - start, os.times()
        out.seek(0)
        text = out.read()
    if p.returncode:
        sys.exit(f"backtest: ended with {p.returncode}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return {"workers": workers, "seconds": wall, "cpu_seconds": cpu, "memory_mb": peak / 1024,
            "sha256": hashlib.sha256(text).hexdigest(), "summary": json.loads(text.split(b"\n")[0])}


def zcat(logs):
    """Unpacks every file, one after another: seconds and bytes."""
    before, start = os.times(), time.monotonic()
    done = subprocess.run("find . -name '*.gz' -print0 | sort -z | xargs -0 zcat | wc -c", shell=True,
                          cwd=logs, stdout=subprocess.PIPE, check=True)
    after = os.times()
    return (time.monotonic() - start, int(done.stdout),
            after.children_user + after.children_system - before.children_user
            - before.children_system)


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("-n", type=int, default=1000000, metavar="EVENTS")
    p.add_argument("-r", type=int, default=20000, metavar="ROOTS")
    p.add_argument("--days", type=int, default=30)
    p.add_argument("--firebreak", default=os.path.join(ROOT, "build", "release", "firebreak"))
    p.add_argument("--logs", metavar="DIR")
    p.add_argument("--json", metavar="FILE")
    p.add_argument("--memory-max", type=int, default=300, metavar="MB")
    args = p.parse_args()
    with tempfile.TemporaryDirectory() as d:
        logs = args.logs or os.path.join(d, "logs")
        if not args.logs:
            subprocess.run([sys.executable, os.path.join(HERE, "gen_events.py"), "-n", str(args.n), "-r",
                            str(args.r), "--days", str(args.days), "--plant", "--per-file", "500",
                            "--tree", logs], check=True)
        seconds, size, cpu = zcat(logs)
        runs = [run(args.firebreak, logs, w) for w in sorted({1, os.cpu_count() or 1})]
    events = runs[0]["summary"]["events"]
    print(f"{events} events, {runs[0]['summary']['identities']} identities, {size / 1e6:.0f} MB unpacked")
    print(f"  zcat | wc -c              {seconds:7.1f} s  {size / seconds / 1e6:6.0f} MB/s")
    for r in runs:
        print(f"  backtest, {r['workers']:2} worker{'s' if r['workers'] > 1 else ' '}      "
              f"{r['seconds']:7.1f} s  {size / r['seconds'] / 1e6:6.0f} MB/s  "
              f"{events / r['seconds']:8.0f} events/s  {r['cpu_seconds']:6.1f} s CPU "
              f"(x {r['cpu_seconds'] / cpu:.1f} of zcat's)  {r['memory_mb']:5.0f} MB of memory")
    same = len({r["sha256"] for r in runs}) == 1
    bounded = max(r["memory_mb"] for r in runs) <= args.memory_max
    print(f"  the same bytes: {'yes' if same else 'NO'}; within {args.memory_max} MB: "
          f"{'yes' if bounded else 'NO'}")
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump({"zcat_seconds": seconds, "zcat_cpu_seconds": cpu, "bytes": size, "runs": runs}, f)
    return 0 if same and bounded else 1


if __name__ == "__main__":
    sys.exit(main())

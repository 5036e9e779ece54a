#!/usr/bin/env python3
"""Measures a release build beside the floor: a native bootstrap that does nothing.

    bench.py [--quick] [--firebreak PROGRAM] [--cc COMPILER] [--json FILE]

Prints exec -> first GET next (median of 50 starts), event -> response over distinct low-score events,
resident memory, and replay events/s over CloudTrail files, with ratios to the floor of the same run.
Everything runs on one CPU; ratios carry over to other machines, times do not. --quick takes fewer of
each: to see that it works, not to quote. Programs: floor.c, bench.c; events: gen_events.py.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "..", ".."))
FIELDS = ("cold_min", "cold_median", "warm_min", "warm_median", "warm_p99", "rss_first", "rss_1000",
          "rss_after", "answers", "first_answer")


def compile_tools(cc, folder):
    """floor (static where the system can) and bench."""
    def build(name, *flags):
        out = os.path.join(folder, name)
        return out, subprocess.run([cc, "-O2", "-Wall", "-Wextra", *flags, "-o", out,
                                    os.path.join(HERE, name + ".c")],
                                   stderr=subprocess.PIPE, check=False)
    floor, done = build("floor", "-static")
    kind = "static"
    if done.returncode:
        floor, done = build("floor")
        kind = "shared libc: no static one here"
    bench, bench_done = build("bench")
    for one in (done, bench_done):
        if one.returncode:
            sys.exit("bench: " + one.stderr.decode(errors="replace"))
    return floor, bench, kind


def generate(*args):
    subprocess.run([sys.executable, os.path.join(HERE, "gen_events.py"), *map(str, args)], check=True)


def run_doors(bench, floor, firebreak, events, starts, warm, folder):
    """name -> figures of each program under the Runtime API."""
    command = [bench, "-c", str(starts), "-w", str(warm), "-e", events, "-x", "floor=" + floor,
               "-x", "firebreak, memory=" + firebreak, "-v", "FIREBREAK_STATE=memory:",
               "-x", "firebreak, sqlite=" + firebreak,
               "-v", "FIREBREAK_STATE=sqlite:" + os.path.join(folder, "state.db")]
    done = subprocess.run(command, stdout=subprocess.PIPE, timeout=900, check=False)
    if done.returncode:
        sys.exit("bench: the measuring program failed")
    figures = {}
    for text in done.stdout.decode().splitlines():
        name, *values = text.split("\t")
        figures[name] = dict(zip(FIELDS, map(float, values)))
    return figures


def median(values):
    return sorted(values)[len(values) // 2]


def run_replay(firebreak, folder, records, times):
    """Seconds of each replay of the folder, and of inflating it alone."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("FIREBREAK_", "AWS_"))}
    replay, inflate, size = [], [], 0
    for _ in range(times):
        start = time.monotonic()
        size = 0
        for name in sorted(os.listdir(folder)):
            with open(os.path.join(folder, name), "rb") as f:
                size += len(zlib.decompress(f.read(), 31))
        inflate.append(time.monotonic() - start)
        start = time.monotonic()
        done = subprocess.run([firebreak, "replay", "--output", "json", folder], env=env,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=900, check=False)
        replay.append(time.monotonic() - start)
        if done.returncode or done.stdout.count(b"\n") != records:
            sys.exit(f"bench: replay ended with {done.returncode} and "
                     f"{done.stdout.count(10)} of {records} decisions")
    return replay, inflate, size


def show_doors(figures):
    floor = figures["floor"]
    rows = (("exec -> first GET next", "us", "cold_min", "cold_median"),
            ("event -> response", "us", "warm_min", "warm_median"))
    for what, unit, low, mid in rows:
        print(f"\n{what:<24} {'min':>9} {'median':>9}")
        for name, f in figures.items():
            print(f"  {name:<22} {f[low]:9.1f} {f[mid]:9.1f} {unit}  x {f[mid] / floor[mid]:.2f}")
    print(f"\n{'event -> response, us':<24} {'first':>9} {'99th %':>9}")
    for name, f in figures.items():
        print(f"  {name:<22} {f['first_answer']:9.1f} {f['warm_p99']:9.1f}")
    print(f"\n{'resident memory, kB':<24} {'first next':>12} {'after 1,000':>12} "
          f"{'after ' + format(int(floor['answers'] + 1), ','):>13} {'grown since':>12}")
    for name, f in figures.items():
        grown = f"{f['rss_after'] - f['rss_1000']:.0f}" if f["rss_1000"] else "-"
        print(f"  {name:<22} {f['rss_first']:12.0f} {f['rss_1000']:12.0f} {f['rss_after']:13.0f} {grown:>12}"
              f"   x {f['rss_after'] / floor['rss_after']:.1f}")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--quick", action="store_true")
    p.add_argument("--firebreak", default=os.path.join(ROOT, "build", "release", "firebreak"))
    p.add_argument("--cc", default=os.environ.get("CC", "cc"))
    p.add_argument("--json", metavar="FILE", help="write the figures there too")
    args = p.parse_args()
    firebreak = os.path.abspath(args.firebreak)
    if not os.access(firebreak, os.X_OK):
        sys.exit(f"bench: {firebreak} is not there: cmake --preset release && "
                 "cmake --build --preset release")
    starts, warm, records, times = (10, 1200, 5000, 1) if args.quick else (50, 9999, 50000, 3)
    cpu = max(os.sched_getaffinity(0))
    load = os.getloadavg()[0]
    folder = tempfile.mkdtemp(prefix="firebreak-bench-")
    try:
        floor, bench, kind = compile_tools(args.cc, folder)
        events, logs = os.path.join(folder, "events.ndjson"), os.path.join(folder, "logs")
        generate("-n", warm + 1, "-r", 500, "-o", events)
        generate("-n", records, "-r", 500, "--folder", logs)
        os.sched_setaffinity(0, {cpu})
        print(f"{starts} starts, {warm} warm events of 500 identities; CPU {cpu}, load {load:.2f}; "
              f"floor: {kind}{'; QUICK: not to quote' if args.quick else ''}", flush=True)
        figures = run_doors(bench, floor, firebreak, events, starts, warm, folder)
        show_doors(figures)
        replay, inflate, size = run_replay(firebreak, logs, records, times)
        best, mid = min(replay), median(replay)
        print(f"\nreplay of {records:,} CloudTrail records ({size / 1e6:.0f} MB, gzip)")
        print(f"  best {records / best:,.0f} events/s, median {records / mid:,.0f} events/s; "
              f"{best / min(inflate):.1f} x the time of inflating alone")
        if args.json:
            with open(args.json, "w", encoding="utf-8") as f:
                json.dump({"doors": figures, "replay_s": replay, "inflate_s": inflate,
                           "records": records, "bytes": size, "load": load}, f, indent=2)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

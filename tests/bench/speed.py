#!/usr/bin/env python3
"""Measures how fast logs are read and scored, beside programs that do less with the same files.

    speed.py [-n EVENTS] [-r ROOTS] [--times N] [--logs DIR] [--firebreak PROGRAM] [--quick] [--json FILE]

Replays generated CloudTrail files (gen_events.py), packed and plain, each record normalized, attributed
and scored; the same files go through zcat, libdeflate alone and `jq -c .Records[].eventName`, where
these are here. Times are CPU (user and system), the best of --times: they hold on a busy machine.
DIR: a folder of gzip files instead of generated ones. Then, where perf may run, the share of time that
each room takes in a replay, by the functions of its files; what runs inlined counts for its caller.
"""
import argparse
import collections
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "..", ".."))
AT_LEAST_S = 1e-3


def cpu_of(command):
    """CPU seconds of the command, and its exit status."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("FIREBREAK_", "AWS_"))}
    with open(os.devnull, "wb") as nowhere:
        p = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=nowhere, stderr=nowhere, env=env)
        _, status, used = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
    return used.ru_utime + used.ru_stime, p.returncode


def best(command, times):
    """The least CPU seconds of so many runs; None when the program fails."""
    seconds = []
    for _ in range(times):
        used, status = cpu_of(command)
        if status:
            return None
        seconds.append(used)
    return max(min(seconds), AT_LEAST_S)


def build_inflate(cc, folder):
    out = os.path.join(folder, "inflate")
    done = subprocess.run([cc, "-O2", "-o", out, os.path.join(HERE, "inflate.c"), "-ldeflate"],
                          stderr=subprocess.DEVNULL, check=False)
    return out if done.returncode == 0 else None


def unpack(packed, plain):
    os.makedirs(plain)
    size = records = 0
    for name in sorted(os.listdir(packed)):
        with gzip.open(os.path.join(packed, name), "rb") as f:
            data = f.read()
        size += len(data)
        records += len(json.loads(data)["Records"])
        with open(os.path.join(plain, name.removesuffix(".gz")), "wb") as f:
            f.write(data)
    return size, records


def files_of(folder):
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder))]


def programs(args, packed, plain, tools):
    """(name, command or None, why not)."""
    def have(name):
        return shutil.which(name)
    inflate = build_inflate(args.cc, tools)
    replay = [args.firebreak, "replay", "--output", "json"]
    return (
        ("gzip", (
            ("libdeflate alone", [inflate, *files_of(packed)] if inflate else None,
             "libdeflate's header is not here"),
            ("zcat", ["zcat", *files_of(packed)] if have("zcat") else None, "no zcat"),
            ("firebreak replay", [*replay, packed], ""))),
        ("plain", (
            ("jq -c .eventName", ["jq", "-c", ".Records[].eventName", *files_of(plain)]
             if have("jq") else None, "no jq"),
            ("firebreak replay", [*replay, plain], ""))))


def show(groups, size, records, times):
    figures = {}
    for kind, rows in groups:
        print(f"\n{kind:<20} {'CPU s':>8} {'MB/s':>8} {'events/s':>10} {'us/event':>9}")
        for name, command, why in rows:
            seconds = best(command, times) if command else None
            if seconds is None:
                print(f"  {name:<18} SKIPPED: {why or 'it failed'}")
                continue
            figures[f"{kind}: {name}"] = seconds
            print(f"  {name:<18} {seconds:8.3f} {size / seconds / 1e6:8.0f} {records / seconds:10.0f} "
                  f"{seconds / records * 1e6:9.2f}")
    return figures


def show_ratios(figures):
    ours, plain = figures.get("gzip: firebreak replay"), figures.get("plain: firebreak replay")
    print()
    for name, other, mine in (("libdeflate alone", "gzip: libdeflate alone", ours), ("zcat", "gzip: zcat", ours),
                              ("jq", "plain: jq -c .eventName", plain)):
        if mine and figures.get(other):
            print(f"  a replay takes {mine / figures[other]:6.2f} x the CPU of {name}")


# --- the share of each room ----------------------------------------------------------------------

def rooms_of_functions():
    """function: the rooms whose files define one of that name."""
    found = collections.defaultdict(set)
    folders = [(name, os.path.join(ROOT, "runtime", name)) for name in os.listdir(os.path.join(ROOT, "runtime"))]
    folders += [("pipeline", os.path.join(ROOT, "runtime")), ("handlers", os.path.join(ROOT, "handlers"))]
    for room, folder in folders:
        if not os.path.isdir(folder):
            continue
        for name in os.listdir(folder):
            if name.endswith(".c"):
                with open(os.path.join(folder, name), encoding="utf-8") as f:
                    for function in re.findall(r"^[a-z][\w *]*?\b(\w+)\([^;]*?\)\s*\n?\{", f.read(), re.M):
                        found[function].add(room)
    return found


def show_rooms(firebreak, logs, folder):
    data, rooms, share = os.path.join(folder, "perf.data"), rooms_of_functions(), collections.Counter()
    if not shutil.which("perf"):
        print("\nshare of each room: SKIPPED: no perf")
        return {}
    with open(os.devnull, "wb") as nowhere:
        done = subprocess.run(["perf", "record", "-q", "-F", "4000", "-o", data, firebreak, "replay", "--output",
                               "json", logs], stdout=nowhere, stderr=nowhere, check=False)
        told = subprocess.run(["perf", "report", "-i", data, "--stdio", "--no-children", "-F", "overhead,dso,sym",
                               "-t", "\t"], stdout=subprocess.PIPE, stderr=nowhere, check=False)
    for text in told.stdout.decode(errors="replace").splitlines():
        part = [x.strip() for x in text.split("\t")]
        if len(part) < 3 or not part[0].endswith("%"):
            continue
        symbol = re.sub(r"^\[.\] ", "", part[2]).split(".")[0]
        where = rooms.get(symbol, set())
        if part[1] != os.path.basename(firebreak):
            room = {"[kernel.kallsyms]": "the kernel"}.get(part[1], re.sub(r"\.so.*", "", part[1]))
        elif symbol.startswith(("yyjson", "unsafe_yyjson")):
            room = "base (yyjson)"
        else:
            room = next(iter(where)) if len(where) == 1 else "several or unknown"
        share[room] += float(part[0][:-1])
    if done.returncode or not share:
        print("\nshare of each room: SKIPPED: perf may not look here")
        return {}
    print("\nshare of a replay's time, own functions of each room")
    for room, percent in share.most_common():
        if percent >= 0.5:
            print(f"  {room:<22} {percent:5.1f} %")
    return dict(share)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("-n", type=int, default=100000, metavar="EVENTS")
    p.add_argument("-r", type=int, default=500, metavar="ROOTS")
    p.add_argument("--times", type=int, default=5, metavar="N")
    p.add_argument("--logs", metavar="DIR")
    p.add_argument("--quick", action="store_true", help="5,000 events, once: to see that it works")
    p.add_argument("--firebreak", default=os.path.join(ROOT, "build", "release", "firebreak"))
    p.add_argument("--cc", default=os.environ.get("CC", "cc"))
    p.add_argument("--json", metavar="FILE", help="write the figures there too")
    args = p.parse_args()
    args.firebreak = os.path.abspath(args.firebreak)
    if args.quick:
        args.n, args.times = 5000, 1
    with tempfile.TemporaryDirectory(prefix="firebreak-speed-") as folder:
        packed, plain = args.logs or os.path.join(folder, "packed"), os.path.join(folder, "plain")
        if not args.logs:
            subprocess.run([sys.executable, os.path.join(HERE, "gen_events.py"), "-n", str(args.n), "-r",
                            str(args.r), "--folder", packed], check=True)
        size, records = unpack(packed, plain)
        print(f"{records} records in {len(os.listdir(packed))} files, {size / 1e6:.0f} MB unpacked; "
              f"best CPU of {args.times}, load {os.getloadavg()[0]:.2f}")
        figures = show(programs(args, packed, plain, folder), size, records, args.times)
        show_ratios(figures)
        share = show_rooms(args.firebreak, packed, folder)
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump({"records": records, "bytes": size, "cpu_seconds": figures, "share": share}, f, indent=1)
    return 0 if "gzip: firebreak replay" in figures and "plain: firebreak replay" in figures else 1


if __name__ == "__main__":
    sys.exit(main())

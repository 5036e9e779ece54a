#!/usr/bin/env python3
"""Writes distinct, ordinary events (low scores) of many identities, the same on every run.

    gen_events.py -n EVENTS -r ROOTS [--form eventbridge|raw|mixed] -o FILE      ndjson
    gen_events.py -n EVENTS -r ROOTS --folder DIR [--per-file N] [--plain]       CloudTrail files

A root is an IAM user of its own with one network, one program, one region; 25 roots share an account.
One launch of a t3.micro in fifty calls, else reads and small changes. CloudTrail files are
{"Records": [...]}, gzip unless --plain, named in time order.
"""
import argparse
import gzip
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from cloudtrail import (BOTO3, CONSOLE, GO, REGIONS, TERRAFORM, Account, at, envelope, later, line)

ROOTS_PER_ACCOUNT = 25
START = "2026-01-05T06:00:00Z"
CALLS = (
    ("ec2:DescribeInstances", {"instancesSet": {}, "filterSet": {}}),
    ("s3:PutBucketTagging", {"bucketName": "example-assets", "tagging": "", "Tagging": {
        "TagSet": {"Tag": {"Key": "owner", "Value": "web"}}}}),
    ("ecr:PutImage", {"repositoryName": "web", "imageTag": "latest"}),
    ("logs:CreateLogStream", {"logGroupName": "/app/web", "logStreamName": "main"}),
    ("sts:GetCallerIdentity", None),
    ("ec2:CreateTags", {"resourcesSet": {"items": [{"resourceId": "i-00000000000000001"}]},
                        "tagSet": {"items": [{"key": "stage", "value": "test"}]}}),
    ("dynamodb:DescribeTable", {"tableName": "orders"}),
    ("monitoring:PutMetricAlarm", {"alarmName": "latency", "threshold": 250.0,
                                   "evaluationPeriods": 3}),
    ("kms:Decrypt", {"encryptionAlgorithm": "SYMMETRIC_DEFAULT"}),
    ("ec2:DescribeVolumes", {"volumeSet": {}, "filterSet": {}}),
)


def events(count, roots):
    """One record after another, a second apart for each root's turn."""
    accounts, users = {}, []
    for n in range(roots):
        number = f"{222200000000 + n // ROOTS_PER_ACCOUNT:012d}"
        account = accounts.setdefault(number, Account(number, f"bench/{number}"))
        name = f"worker-{n}"
        users.append((account, account.user(name, account.key(name)),
                      REGIONS[(n // ROOTS_PER_ACCOUNT) % len(REGIONS)], f"192.0.2.{1 + n % 250}",
                      (BOTO3, GO, TERRAFORM, CONSOLE)[n % 4]))
    start = at(START)
    for n in range(count):
        account, who, region, ip, agent = users[n % roots]
        when = later(start, n // 2)
        turn = n // roots + n % roots  # each root goes through the calls from a place of its own
        if turn % 50 == 49:
            yield account.launch(when, who, region, ip, agent, "t3.micro", 1)
        else:
            api, asked = CALLS[turn % len(CALLS)]
            yield account.call(when, who, api, region, ip, agent, asked)


def write_lines(path, records, form):
    with open(path, "w", encoding="utf-8") as f:
        for n, record in enumerate(records):
            wrap = form == "eventbridge" or (form == "mixed" and n % 2)
            f.write(line(envelope(record) if wrap else record))


def write_folder(folder, records, per_file, plain):
    os.makedirs(folder, exist_ok=True)
    part, number = [], 0

    def flush():
        nonlocal part, number
        data = json.dumps({"Records": part}, separators=(",", ":")).encode()
        name = os.path.join(folder, f"{number:06d}.json" + ("" if plain else ".gz"))
        with open(name, "wb") as f:
            f.write(data if plain else gzip.compress(data, 6, mtime=0))
        part, number = [], number + 1

    for record in records:
        part.append(record)
        if len(part) == per_file:
            flush()
    if part:
        flush()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("-n", type=int, default=10000, metavar="EVENTS")
    p.add_argument("-r", type=int, default=500, metavar="ROOTS")
    p.add_argument("--form", choices=("eventbridge", "raw", "mixed"), default="eventbridge")
    p.add_argument("-o", metavar="FILE")
    p.add_argument("--folder", metavar="DIR")
    p.add_argument("--per-file", type=int, default=2500, metavar="N")
    p.add_argument("--plain", action="store_true")
    args = p.parse_args()
    if bool(args.o) == bool(args.folder):
        p.error("one of -o FILE and --folder DIR")
    if args.o:
        write_lines(args.o, events(args.n, args.r), args.form)
    else:
        write_folder(args.folder, events(args.n, args.r), args.per_file, args.plain)
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Writes distinct, ordinary events (low scores) of many identities, the same on every run.

    gen_events.py -n EVENTS -r ROOTS [--form eventbridge|raw|mixed] -o FILE      ndjson
    gen_events.py -n EVENTS -r ROOTS --folder DIR [--per-file N] [--plain]       CloudTrail files
    gen_events.py -n EVENTS -r ROOTS --tree DIR [--days D] [--plant] [--seed S]
                  [--per-account N]                                ... as AWS lays them

A root is an IAM user of its own with one network, one program, one region; 25 roots share an account.
One launch of a t3.micro in fifty calls, else reads and small changes. CloudTrail files are
{"Records": [...]}, gzip unless --plain, named in time order; a tree has a folder for each account and
day (DIR/ACCOUNT/2026/01/05/0000.json.gz). Memory does not grow with -n.

--plant puts in, beside the ordinary events: two thefts (a known user's key launches in many regions
from a foreign network; another makes itself an administrator and a second key), and two robots that
must not be taken for thieves (a CI that builds and removes a fleet each night, and a scaler whose
role session launches by the hour). DIR/../planted.json says which are which.
"""
import argparse
import gzip
import heapq
import json
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from cloudtrail import (BOTO3, CONSOLE, GO, KARPENTER, REGIONS, S3_BROWSER, TERRAFORM, Account, at,
                        envelope, later, line)

ROOTS_PER_ACCOUNT = 25  # unless --per-account says otherwise
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


def make_users(roots, seed, per_account=ROOTS_PER_ACCOUNT):
    accounts, users = {}, []
    for n in range(roots):
        number = f"{222200000000 + n // per_account:012d}"
        account = accounts.setdefault(number, Account(number, f"bench{seed or ''}/{number}"))
        name = f"worker-{n}"
        users.append((account, account.user(name, account.key(name)),
                      REGIONS[(n // per_account) % len(REGIONS)], f"192.0.2.{1 + n % 250}",
                      (BOTO3, GO, TERRAFORM, CONSOLE)[n % 4]))
    return users


def timed_events(count, users, days=0):
    """(time, record) one after another: two a second, or spread over so many days."""
    start, roots = at(START), len(users)
    for n in range(count):
        account, who, region, ip, agent = users[n % roots]
        when = later(start, n * days * 86400 // count if days else n // 2)
        turn = n // roots + n % roots  # each root goes through the calls from a place of its own
        if turn % 50 == 49:
            yield when, account.launch(when, who, region, ip, agent, "t3.micro", 1)
        else:
            api, asked = CALLS[turn % len(CALLS)]
            yield when, account.call(when, who, api, region, ip, agent, asked)


def events(count, roots):
    """The records alone."""
    for _, record in timed_events(count, make_users(roots, 0)):
        yield record


# --- what is planted -----------------------------------------------------------------------------

FOREIGN = "203.0.113.77"


def spree(users, days, dice):
    """A known user's key in a thief's hands: large machines in many regions within minutes."""
    account, who, _, _, _ = dice.choice(users)
    when = later(at(START), days * 86400 * 3 // 4 + dice.randrange(3600))
    yield when, account.call(when, who, "sts:GetCallerIdentity", "us-east-1", FOREIGN, BOTO3)
    for n, region in enumerate(dice.sample(REGIONS, 9)):
        when = later(when, 11)
        yield when, account.launch(when, who, region, FOREIGN, BOTO3, "c5a.24xlarge", 2 + n % 3)


def stay(users, days, dice):
    """A thief that makes itself at home: an administrator of its own with a key."""
    account, who, _, _, _ = dice.choice(users)
    when = later(at(START), days * 86400 // 2 + dice.randrange(3600))
    name = f"support-{dice.randrange(1000)}"
    steps = (("iam:CreateUser", {"userName": name},
              {"user": {"userName": name, "arn": f"arn:aws:iam::{account.id}:user/{name}"}}),
             ("iam:AttachUserPolicy", {"userName": name,
                                       "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}, None),
             ("iam:CreateAccessKey", {"userName": name},
              {"accessKey": {"userName": name, "accessKeyId": account.key(name), "status": "Active"}}),
             ("iam:CreateLoginProfile", {"userName": name}, {"loginProfile": {"userName": name}}),
             ("cloudtrail:StopLogging", {"name": "main"}, None))
    for api, asked, answered in steps:
        when = later(when, 20)
        yield when, account.call(when, who, api, "us-east-1", FOREIGN, S3_BROWSER, asked, answered)


def nightly(account, who, days, dice):
    """A CI that builds a fleet each night and takes it down again."""
    for day in range(days):
        when = later(at(START), day * 86400 + 3600 * 17 + dice.randrange(600))
        for _ in range(8):
            when = later(when, 15)
            machines = ["i-0" + account.token("instance", 16) for _ in range(4)]
            yield when, account.launch(when, who, "eu-west-1", "192.0.2.251", TERRAFORM, "m5.2xlarge",
                                       4, instances=machines)
            yield later(when, 7), account.call(
                later(when, 7), who, "ec2:TerminateInstances", "eu-west-1", "192.0.2.251", TERRAFORM,
                {"instancesSet": {"items": [{"instanceId": m} for m in machines]}})


def scaler(account, who, days):
    """A controller that takes a role each hour and launches with it."""
    for hour in range(days * 24):
        when = later(at(START), hour * 3600 + 60)
        key = account.key(f"scaler/{hour}", "ASIA")
        yield when, account.assume_role(when, who, "eu-west-1", "192.0.2.252", GO, "node-scaler",
                                        "scaler", key)
        session = account.session("node-scaler", "scaler", key, when)
        for n in range(1 + hour % 3):
            when = later(when, 9)
            yield when, account.launch(when, session, "eu-west-1", "192.0.2.252", KARPENTER,
                                       ("m5.large", "m5.xlarge", "c5.2xlarge")[n], 1 + hour % 2)


def planted(users, days, seed):
    """Streams of (time, record), and who is who."""
    dice = [random.Random(f"{seed}/{n}") for n in range(3)]
    streams = [spree(users, days, dice[0]), stay(users, days, dice[1])]
    thieves = []
    for n, story in enumerate(streams):
        streams[n] = list(story)
        thieves.append(streams[n][0][1]["userIdentity"]["arn"])
    robots = []
    for number, name in ((222299990000, "nightly-ci"), (222299990001, "scaler")):
        account = Account(str(number), f"bench{seed or ''}/{number}")
        robots.append((account, account.user(name, account.key(name))))
    streams.append(nightly(*robots[0], days, dice[2]))
    streams.append(scaler(*robots[1], days))
    return streams, {"thieves": thieves, "robots": [who["arn"] for _, who in robots]}


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


class Tree:
    """A folder for each account and day; one file in memory for each account."""

    def __init__(self, folder, per_file, plain):
        self.folder, self.per_file, self.plain = folder, per_file, plain
        self.open = {}  # account: (day, number, [texts])

    def add(self, when, record):
        account, day = record["recipientAccountId"], when.strftime("%Y/%m/%d")
        have = self.open.get(account)
        if have and (have[0] != day or len(have[2]) == self.per_file):
            self.flush(account)
            have = (day, have[1] + 1 if have[0] == day else 0, [])
        have = self.open[account] = have or (day, 0, [])
        have[2].append(json.dumps(record, separators=(",", ":")))

    def flush(self, account):
        day, number, texts = self.open[account]
        folder = os.path.join(self.folder, account, day)
        os.makedirs(folder, exist_ok=True)
        data = ('{"Records":[' + ",".join(texts) + "]}").encode()
        with open(os.path.join(folder, f"{number:04d}.json" + ("" if self.plain else ".gz")), "wb") as f:
            f.write(data if self.plain else gzip.compress(data, 6, mtime=0))

    def close(self):
        for account in self.open:
            self.flush(account)


def write_tree(args):
    users = make_users(args.r, args.seed, args.per_account)
    streams, who = [timed_events(args.n, users, args.days)], {"thieves": [], "robots": []}
    if args.plant:
        more, who = planted(users, args.days, args.seed)
        streams += more
    tree, count = Tree(args.tree, args.per_file, args.plain), 0
    os.makedirs(args.tree, exist_ok=True)
    for when, record in heapq.merge(*streams, key=lambda e: e[0]):
        tree.add(when, record)
        count += 1
    tree.close()
    who["events"] = count
    with open(os.path.join(os.path.dirname(os.path.abspath(args.tree)), "planted.json"), "w",
              encoding="utf-8") as f:
        json.dump(who, f, indent=1)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("-n", type=int, default=10000, metavar="EVENTS")
    p.add_argument("-r", type=int, default=500, metavar="ROOTS")
    p.add_argument("--form", choices=("eventbridge", "raw", "mixed"), default="eventbridge")
    p.add_argument("-o", metavar="FILE")
    p.add_argument("--folder", metavar="DIR")
    p.add_argument("--per-file", type=int, default=2500, metavar="N")
    p.add_argument("--plain", action="store_true")
    p.add_argument("--tree", metavar="DIR")
    p.add_argument("--days", type=int, default=30, metavar="D")
    p.add_argument("--plant", action="store_true")
    p.add_argument("--per-account", type=int, default=ROOTS_PER_ACCOUNT, metavar="N")
    p.add_argument("--seed", type=int, default=0, metavar="S")
    args = p.parse_args()
    if sum(map(bool, (args.o, args.folder, args.tree))) != 1:
        p.error("one of -o FILE, --folder DIR and --tree DIR")
    if args.tree:
        write_tree(args)
    elif args.o:
        write_lines(args.o, events(args.n, args.r), args.form)
    else:
        write_folder(args.folder, events(args.n, args.r), args.per_file, args.plain)
    return 0


if __name__ == "__main__":
    sys.exit(main())

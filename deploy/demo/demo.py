#!/usr/bin/env python3
"""Plays a leaked key against Firebreak, in a stand-in AWS account on this machine.

    demo.py [--firebreak PROGRAM] [--no-wait] [--keep]

    --firebreak PROGRAM  the build to show (default: build/release/firebreak)
    --no-wait            leave out the 16 seconds after which `firebreak tick` looks again
    --keep               keep the demo's folder: state, configuration, events, log

What happens: moto (a stand-in of AWS) is started on a free port of 127.0.0.1. In it live the user
`build` with two keys, one of them stolen; `dana` and `reports`, whose machines are honest; and the
emergency user `break-glass`. The thief launches machines in six regions. Then the story
events/leaked-key-every-region, with the ids of this account, is delivered to Firebreak through its
Lambda door, in mode enforce. What the account looks like before and after is read through boto3, not
through Firebreak. Exit status: 0 all promises hold, 1 one does not, or the demo cannot run.
"""
import atexit
import ctypes
import datetime
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
VENV = os.path.join(ROOT, ".venv", "bin", "python")

try:
    import boto3
    import moto.server  # noqa: F401  (only to know that it is there)
    from botocore.config import Config
    from botocore.exceptions import ClientError
except ImportError:
    if os.path.exists(VENV) and os.path.realpath(sys.prefix) != os.path.dirname(os.path.dirname(VENV)):
        os.execv(VENV, [VENV] + sys.argv)
    print("demo: moto and boto3 are missing: run deploy/setup.sh (needs the Python package index), "
          "then again", file=sys.stderr)
    sys.exit(1)

from cloudtrail import Account, envelope, stamp
from runtime_api import Bootstrap, InitError, RuntimeApi

STORY = os.path.join(ROOT, "events", "leaked-key-every-region")
ACCOUNT = "111122223333"
STOLEN_STORY_KEY = Account(ACCOUNT, "every-region").key("build")
# How the thief launches: region, termination protection, stop protection.
THEFT = (("us-east-1", False, False), ("us-west-2", True, False), ("eu-west-1", True, True),
         ("eu-central-1", True, False), ("ap-southeast-1", False, True), ("ap-northeast-1", True, True))
BIG, SMALL, MIDDLE = "c5a.24xlarge", "t3.micro", "m5.large"
USD = {BIG: 3.696, SMALL: 0.0104, MIDDLE: 0.096}  # on demand, Linux, us-east-1, an hour
SETTLE_S = 16  # Firebreak looks again 15 s after it acted

COLOUR = sys.stdout.isatty() and "NO_COLOR" not in os.environ


def paint(text, code):
    return f"\033[{code}m{text}\033[0m" if COLOUR else text


def good(text):
    return paint(text, "32")


def bad(text):
    return paint(text, "31")


def title(text):
    print("\n" + paint(text, "1"), flush=True)


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG


class Cloud:
    """moto as a child process, and boto3 clients for it."""

    def __init__(self, folder):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        env = dict(os.environ, MOTO_ACCOUNT_ID=ACCOUNT)
        with open(os.path.join(folder, "moto.log"), "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", "from moto.server import main; main()", "-H", "127.0.0.1",
                 "-p", str(port)], env=env, stdout=log, stderr=log, preexec_fn=die_with_parent)
        atexit.register(self.process.kill)
        self.clients = {}
        self.session = boto3.session.Session()

    def wait(self):
        for _ in range(300):
            try:
                urllib.request.urlopen(self.url + "/moto-api/data.json", timeout=2).close()
                return
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.1)
        sys.exit("demo: the stand-in account did not start")

    def client(self, service, region="us-east-1", keys=("operator", "operator", None)):
        name = (service, region, keys[0])
        if name not in self.clients:
            self.clients[name] = self.session.client(
                service, region_name=region, endpoint_url=self.url, aws_access_key_id=keys[0],
                aws_secret_access_key=keys[1], aws_session_token=keys[2],
                config=Config(retries={"max_attempts": 1}, read_timeout=30))
        return self.clients[name]

    def enforce_policies(self):
        """From here on the stand-in checks signatures and policies, as AWS does."""
        request = urllib.request.Request(self.url + "/moto-api/reset-auth", data=b"0", method="POST",
                                         headers={"Content-Type": "text/plain"})
        urllib.request.urlopen(request, timeout=5).close()


class World:
    """Who and what lives in the account before the thief comes, and what he adds."""

    def __init__(self, cloud):
        self.cloud = cloud
        self.iam = cloud.client("iam")
        self.build = self.user("build", ["ecr:*", "ec2:*"])
        self.stolen = self.key("build")
        self.other = self.key("build")
        self.dana = self.user("dana", ["ec2:*"])
        self.dana_key = self.key("dana")
        self.user("reports", ["ec2:*"])
        self.user("break-glass", ["*"])
        self.glass_key = self.key("break-glass")
        self.role = self.firebreak_role()
        self.honest = {"dana": self.run("us-east-1", SMALL, 9, keys=self.dana_key),
                       "reports": self.run("eu-west-1", MIDDLE, 2)}
        self.stolen_machines = {}  # region -> ids
        self.theft_times = {}      # region -> when
        self.theft_began = None

    def user(self, name, actions):
        arn = self.iam.create_user(UserName=name)["User"]
        self.iam.put_user_policy(UserName=name, PolicyName="work", PolicyDocument=json.dumps(
            {"Version": "2012-10-17",
             "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}))
        return arn

    def key(self, user):
        k = self.iam.create_access_key(UserName=user)["AccessKey"]
        return (k["AccessKeyId"], k["SecretAccessKey"], None)

    def firebreak_role(self):
        """The role that Firebreak runs under; gives a session's keys."""
        trust = {"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": {"Service": "lambda.amazonaws.com"}}]}
        arn = self.iam.create_role(RoleName="firebreak",
                                   AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        self.iam.put_role_policy(RoleName="firebreak", PolicyName="work", PolicyDocument=json.dumps(
            {"Version": "2012-10-17",
             "Statement": [{"Effect": "Allow", "Action": ["iam:*", "ec2:*"], "Resource": "*"}]}))
        c = self.cloud.client("sts").assume_role(RoleArn=arn,
                                                 RoleSessionName="firebreak")["Credentials"]
        return (c["AccessKeyId"], c["SecretAccessKey"], c["SessionToken"])

    def run(self, region, kind, count, keys=("operator", "operator", None), **more):
        ec2 = self.cloud.client("ec2", region, keys)
        images = ec2.describe_images(Owners=["amazon"])["Images"]
        made = ec2.run_instances(ImageId=images[0]["ImageId"], InstanceType=kind, MinCount=count,
                                 MaxCount=count, **more)
        return [i["InstanceId"] for i in made["Instances"]]

    def theft(self):
        """The thief at work, with the stolen key. What ran before is clearly older: times in
        CloudTrail are whole seconds."""
        time.sleep(2)
        self.theft_began = datetime.datetime.now(datetime.timezone.utc)
        self.cloud.client("sts", keys=self.stolen).get_caller_identity()
        for region, terminate, stop in THEFT:
            self.stolen_machines[region] = self.run(region, BIG, 2, keys=self.stolen,
                                                    DisableApiTermination=terminate,
                                                    DisableApiStop=stop)
            self.theft_times[region] = datetime.datetime.now(datetime.timezone.utc)

    def machines(self):
        """id -> (region, type, state) of all machines in the account, asked region by region."""
        found = {}
        for region in [r["RegionName"] for r in
                       self.cloud.client("ec2").describe_regions()["Regions"]]:
            for page in self.cloud.client("ec2", region).describe_instances()["Reservations"]:
                for i in page["Instances"]:
                    found[i["InstanceId"]] = (region, i["InstanceType"], i["State"]["Name"])
        return found

    def stopped(self, region):
        """Whether nothing of the thief runs there any more."""
        reply = self.cloud.client("ec2", region).describe_instances(
            InstanceIds=self.stolen_machines[region])
        return all(i["State"]["Name"] in ("stopped", "terminated")
                   for r in reply["Reservations"] for i in r["Instances"])

    def keys_of(self, user):
        return {k["AccessKeyId"]: k["Status"] for k in
                self.iam.list_access_keys(UserName=user)["AccessKeyMetadata"]}

    def deny_of(self, user):
        """Names of the user's inline policies that deny everything."""
        found = []
        for name in self.iam.list_user_policies(UserName=user)["PolicyNames"]:
            document = self.iam.get_user_policy(UserName=user, PolicyName=name)["PolicyDocument"]
            for s in document["Statement"] if isinstance(document["Statement"], list) \
                    else [document["Statement"]]:
                if s.get("Effect") == "Deny" and s.get("Action") in ("*", ["*"]) \
                        and s.get("Resource") in ("*", ["*"]):
                    found.append(name)
        return found


def tell_story(world):
    """The story's events with this account's ids: the baseline moved so that the theft is just over,
    each launch at the time and with the machines that the stand-in really has."""
    with open(os.path.join(STORY, "events.ndjson"), encoding="utf-8") as f:
        text = f.read().replace(STOLEN_STORY_KEY, world.stolen[0])
    records = [e.get("detail", e) for e in map(json.loads, text.splitlines())]
    launches = [r for r in records if r["eventName"] == "RunInstances"
                and r["userIdentity"]["userName"] == "build"]
    first = world.theft_times[launches[0]["awsRegion"]]
    then = datetime.datetime.strptime(launches[0]["eventTime"] + "+0000", "%Y-%m-%dT%H:%M:%SZ%z")
    shift = first - then
    account = Account(ACCOUNT, "demo")
    honest = list(world.honest["dana"])
    for record in records:
        when = datetime.datetime.strptime(record["eventTime"] + "+0000", "%Y-%m-%dT%H:%M:%SZ%z") + shift
        region = record["awsRegion"]
        if record in launches and region in world.stolen_machines:
            when = world.theft_times[region]
            real = account.launch(when, record["userIdentity"], region, record["sourceIPAddress"],
                                  record["userAgent"], BIG, 2, protect=any(
                                      p for r, *p in THEFT if r == region and any(p)),
                                  instances=world.stolen_machines[region])
            for part in ("requestParameters", "responseElements"):
                record[part] = real[part]
            record.pop("errorCode", None)
            record.pop("errorMessage", None)
        elif record in launches:  # the attempts that the quota stopped came last
            when = max(world.theft_times.values())
        elif record["sourceIPAddress"] == launches[0]["sourceIPAddress"]:
            when = world.theft_began
        elif record["eventName"] == "RunInstances":  # dana's
            item = record["responseElements"]["instancesSet"]["items"][0]
            item["instanceId"] = honest.pop(0) if honest else item["instanceId"]
        record["eventTime"] = stamp(when)
    return [envelope(r) for r in records]  # only what EventBridge hands over is acted on


class Firebreak:
    """The program under demonstration, with one state for all its doors."""

    def __init__(self, program, world, folder):
        self.program, self.folder = program, folder
        config = os.path.join(folder, "firebreak.json")
        with open(config, "w", encoding="utf-8") as f:
            json.dump({"mode": "dry-run",
                       "break_glass": [f"arn:aws:iam::{ACCOUNT}:user/break-glass"]}, f, indent=2)
        self.env = {"FIREBREAK_CONFIG": config, "FIREBREAK_MODE": "enforce",
                    "FIREBREAK_STATE": "sqlite:" + os.path.join(folder, "state.db"),
                    "AWS_ENDPOINT_URL": world.cloud.url, "AWS_REGION": "us-east-1",
                    "AWS_ACCESS_KEY_ID": world.role[0], "AWS_SECRET_ACCESS_KEY": world.role[1],
                    "AWS_SESSION_TOKEN": world.role[2], "AWS_EC2_METADATA_DISABLED": "true"}

    def deliver(self, events, after):
        """All events through the Lambda door; after(n, event, answer) sees each answer."""
        with open(os.path.join(self.folder, "firebreak.log"), "ab") as log, \
                RuntimeApi(arn=f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:firebreak") as api:
            child = Bootstrap(api, [self.program], self.env, log)
            try:
                for n, event in enumerate(events):
                    after(n, event, api.invoke(event, 15, child))
            finally:
                child.stop()

    def run(self, *args):
        """One command of the CLI: (exit status, what it printed)."""
        env = {k: os.environ[k] for k in Bootstrap.KEPT if k in os.environ}
        env.update(self.env)
        done = subprocess.run([self.program, *args], env=env, stdin=subprocess.DEVNULL, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        return done.returncode, done.stdout.decode(errors="replace")


class Report:
    """What the door answered, and how long containment took."""

    def __init__(self, world):
        self.world = world
        self.lost = []
        self.decisions = []
        self.contain = None       # the first decision at level contain
        self.door_ms = 0.0        # time at the door since its event was handed over
        self.stopped_at = {}      # region -> door_ms when boto3 first saw it stopped
        self.actions = {}         # (verb, target) -> latest action

    def after(self, n, event, answer):
        if answer.kind != "response":
            self.lost.append(f"event {n}: {answer.kind} {answer.error_type} "
                             f"{answer.body.decode(errors='replace')[:200]}")
            return
        for d in answer.json():
            self.decisions.append(d)
            if d["level"] == "contain" and not self.contain:
                self.contain = d
            for a in d["actions"]:  # "already" is what a later pass says of what was done
                name = (a["verb"], a["target"])
                if a["status"] != "already" or name not in self.actions:
                    self.actions[name] = a
        if self.contain:
            self.door_ms += answer.ms
            for region in self.world.stolen_machines:
                if region not in self.stopped_at and self.world.stopped(region):
                    self.stopped_at[region] = self.door_ms


def burn(machines):
    return sum(USD.get(kind, 0) for _, kind, state in machines.values()
               if state in ("pending", "running"))


def show_before(world, machines):
    title("1. The account, while the thief is at work (read through boto3)")
    print(f"   user build         keys {', '.join(f'{k} {s}' for k, s in world.keys_of('build').items())}")
    for region, ids in world.stolen_machines.items():
        how = [w for w, on in zip(("termination-protected", "stop-protected"),
                                  next(p for r, *p in THEFT if r == region)) if on]
        print(f"   {region:<18} {len(ids)} x {BIG} by the thief, "
              f"{machines[ids[0]][2]}{', ' + ', '.join(how) if how else ''}")
    for who, ids in world.honest.items():
        region, kind, state = machines[ids[0]]
        print(f"   {region:<18} {len(ids)} x {kind} of {who}, {state}")
    print(f"   running: {paint(f'{burn(machines):.2f} USD an hour', '1')}")


def show_decision(report):
    title("2. What Firebreak saw")
    d = report.contain
    levels = [x["level"] for x in report.decisions]
    print(f"   {len(report.decisions)} events through the Lambda door: "
          f"{levels.count('observe')} observe, {levels.count('alert')} alert, "
          f"{levels.count('contain')} contain")
    if not d:
        return
    print(f"   first contain: {d['action']} in {d['region']} at {d['time']}")
    print(f"   who:   {d['root']}")
    print(f"   score: {d['score']:.1f}, incident {d['incident']}, playbooks {', '.join(d['playbooks'])}")
    print("   why:")
    for s in d["signals"]:
        print(f"     {s['weight']:5.2f}  {s['id']:<22} {s['why']}")


def show_after(world, report, before, after):
    title("4. Before and after (read through boto3)")
    print(f"   {'region':<16} {'machines':<20} {'whose':<9} {'before':<10} {'after':<10} stopped after")
    rows = [(r, ids, "thief") for r, ids in world.stolen_machines.items()]
    rows += [(before[ids[0]][0], ids, who) for who, ids in world.honest.items()]
    for region, ids, whose in rows:
        states = sorted({after[i][2] for i in ids if i in after}) or ["gone"]
        when = report.stopped_at.get(region) if whose == "thief" else None
        print(f"   {region:<16} {f'{len(ids)} x {before[ids[0]][1]}':<20} {whose:<9} "
              f"{before[ids[0]][2]:<10} {'/'.join(states):<10} "
              f"{f'{when:.0f} ms' if when is not None else '-'}")
    status = world.keys_of("build")
    print(f"   stolen key {world.stolen[0]}: Active -> {status.get(world.stolen[0])}")
    other = status.get(world.other[0])
    print(f"   other key  {world.other[0]}: Active -> {other}"
          f"{' (useless while the deny stands)' if other == 'Active' else ''}")
    print(f"   deny policy on build: {', '.join(world.deny_of('build')) or 'none'}")
    print(f"   running: {burn(before):.2f} -> {burn(after):.2f} USD an hour")
    if report.stopped_at:
        print(f"   from the contain event at the door to the last machine stopped: "
              f"{max(report.stopped_at.values()):.0f} ms")
    counts = {}
    for (verb, _), a in report.actions.items():
        counts.setdefault((verb, a["status"]), []).append(a)
    for (verb, status), actions in sorted(counts.items()):
        print(f"   {len(actions):3d} x {verb} {status}")
    print("   left alone: dana, reports, break-glass, and their machines and keys")


def thief_again(world):
    """With policies enforced by the stand-in: does the stolen key still launch?"""
    world.cloud.enforce_policies()
    ec2 = world.cloud.client("ec2", "ca-central-1", world.stolen)
    try:
        ec2.run_instances(ImageId="ami-12c6146b", InstanceType=BIG, MinCount=1, MaxCount=1)
        return False
    except ClientError as e:
        print(f"   the thief tries ca-central-1 again: {e.response['Error']['Code']}")
    try:
        world.cloud.client("ec2", "us-east-1", world.dana_key).describe_instances()
        print("   dana lists her machines: allowed")
        return True
    except ClientError as e:
        print(f"   dana lists her machines: {e.response['Error']['Code']}")
        return False


def promises(world, report, after):
    """(what was promised, whether it holds) from what boto3 reads."""
    stopped = [r for r, ids in world.stolen_machines.items()
               if all(after.get(i, ("", "", "gone"))[2] in ("stopped", "stopping", "terminated", "gone")
                      for i in ids)]
    honest = [i for ids in world.honest.values() for i in ids]
    yield "every event was answered", not report.lost
    yield "the stolen key is Inactive", world.keys_of("build").get(world.stolen[0]) == "Inactive"
    yield "user build carries a policy that denies everything", bool(world.deny_of("build"))
    yield (f"all machines of the thief are stopped, in {len(stopped)} of "
           f"{len(world.stolen_machines)} regions", len(stopped) == len(world.stolen_machines) >= 4)
    yield "honest machines run", all(after.get(i, ("", "", ""))[2] == "running" for i in honest)
    yield ("break-glass, dana and reports are untouched",
           world.keys_of("break-glass") == {world.glass_key[0]: "Active"}
           and world.keys_of("dana") == {world.dana_key[0]: "Active"}
           and not any(world.deny_of(u) for u in ("break-glass", "dana", "reports")))


def indent(text):
    return "".join(f"     {line}\n" for line in text.rstrip("\n").splitlines()[:40])


def play(program, folder, wait):
    print("starting a stand-in AWS account (moto) ...", flush=True)
    cloud = Cloud(folder)
    cloud.wait()
    world = World(cloud)
    world.theft()
    before = world.machines()
    show_before(world, before)
    events = tell_story(world)
    with open(os.path.join(folder, "events.ndjson"), "w", encoding="utf-8") as f:
        f.writelines(json.dumps(e) + "\n" for e in events)
    firebreak, report = Firebreak(program, world, folder), Report(world)
    firebreak.deliver(events, report.after)
    delivered = time.monotonic()
    show_decision(report)
    for text in report.lost[:5]:
        print(f"   {bad('lost')} {text}")
    checks = []
    title("3. What Firebreak says")
    print(f"   firebreak incidents\n{indent(firebreak.run('incidents')[1])}", end="")
    if wait:
        print(f"   ... {SETTLE_S} s later: firebreak tick", flush=True)
        time.sleep(max(0.0, SETTLE_S - (time.monotonic() - delivered)))
        print(indent(firebreak.run("tick")[1]), end="")
    status, said = firebreak.run("ledger", "verify")
    print(f"   firebreak ledger verify\n{indent(said)}", end="")
    checks.append(("the ledger proves whole", status == 0))
    after = world.machines()
    show_after(world, report, before, after)
    checks = list(promises(world, report, after)) + checks
    title("5. The thief comes back (the stand-in now enforces policies)")
    checks.append(("the stolen key launches nothing any more, dana works on", thief_again(world)))
    title("Promises")
    for what, holds in checks:
        print(f"   {good('kept  ') if holds else bad('BROKEN')} {what}")
    return all(holds for _, holds in checks)


def main(argv):
    if any(a in ("-h", "--help") for a in argv):
        print(__doc__)
        return 0
    program = os.path.join(ROOT, "build", "release", "firebreak")
    if "--firebreak" in argv:
        n = argv.index("--firebreak")
        program = os.path.abspath(argv[n + 1]) if n + 1 < len(argv) else ""
        del argv[n:n + 2]
    if set(argv) - {"--no-wait", "--keep"}:
        print(__doc__, file=sys.stderr)
        return 1
    if not os.access(program, os.X_OK):
        print(f"demo: {program} is not there: cmake --preset release && "
              "cmake --build --preset release", file=sys.stderr)
        return 1
    started = time.monotonic()
    folder = tempfile.mkdtemp(prefix="firebreak-demo-")
    try:
        kept = play(program, folder, "--no-wait" not in argv)
    except InitError as e:
        print(bad(f"demo: firebreak did not start: {e}"))
        kept = False
    finally:
        if "--keep" in argv:
            print(f"\nkept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"\n{good('all promises kept') if kept else bad('a promise is broken')} "
          f"({time.monotonic() - started:.0f} s)")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

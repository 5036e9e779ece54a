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

from cloudtrail import (BOTO3, CONSOLE, GO, KARPENTER, REGIONS, S3_BROWSER, TERRAFORM, Account, at,
                        envelope, later, leak_notice, line)

OFFICE = "198.51.100"  # people
BUILDER = "192.0.2"    # machines that belong to us
THIEF = "203.0.113"    # everybody else

QUOTA = "Client.VcpuLimitExceeded"
QUOTA_SAYS = ("You have requested more vCPU capacity than your current vCPU limit of 32 allows for "
              "the instance bucket that the specified instance type belongs to.")


def day(first, n, clock="09:00:00"):
    """n days after the date `first`, at `clock`."""
    return later(at(f"{first}T{clock}Z"), n * 86400)


def build_baseline(acc, who, first, days):
    """What a build user does on a working day: six quiet calls in us-east-1 from one address."""
    events = []
    for n in range(days):
        t = day(first, n, "08:30:00")
        ip = f"{BUILDER}.{40 + n % 3}"
        image = {"repositoryName": "web", "registryId": acc.id}
        for minute, api, asked in (
                (0, "sts:GetCallerIdentity", None),
                (1, "ecr:GetAuthorizationToken", {}),
                (2, "ecr:DescribeRepositories", {"repositoryNames": ["web"]}),
                (9, "ecr:PutImage", dict(image, imageTag=f"build-{n + 1}")),
                (10, "ecr:DescribeImages", image),
                (12, "ec2:DescribeInstances", {"instancesSet": {}, "filterSet": {}})):
            events.append(acc.call(later(t, 60 * minute + 7 * n), who, api, "us-east-1", ip, BOTO3,
                                   asked))
    return events


def bystander(acc, who, first, days):
    """A person of the same account who signs in with MFA and keeps one small machine a day."""
    events = []
    for n in range(days):
        t = day(first, n, "13:10:00")
        events.append(acc.console_login(t, who, f"{OFFICE}.7"))
        events.append(acc.launch(later(t, 240), who, "us-east-1", f"{OFFICE}.7", CONSOLE,
                                 "t3.micro", 1))
    return events


def thief_looks_around(acc, who, t, ip, agent=GO):
    """t0 asks who the key is; 5 s later lists machines in every region."""
    events = [acc.call(t, who, "sts:GetCallerIdentity", "us-east-1", ip, agent)]
    for n, region in enumerate(REGIONS):
        events.append(acc.call(later(t, 5 + n // 6), who, "ec2:DescribeInstances", region, ip, agent,
                               {"instancesSet": {}, "filterSet": {}}))
    return events


def thief_launches(acc, who, t, ip, regions, kind, count, protect_from):
    """A new region every 5 s; from the fourth on the account's quota is used up. Attempts are made
    twice there: with all machines, then with one."""
    events = []
    for n, region in enumerate(regions):
        when = later(t, 5 * n)
        if n < 3:
            events.append(acc.launch(when, who, region, ip, GO, kind, count, protect=n >= protect_from))
        else:
            events.append(acc.launch(when, who, region, ip, GO, kind, count, protect=True,
                                     error=QUOTA, message=QUOTA_SAYS))
    return events


def wrap_writes(events):
    """EventBridge delivers changes; reads come only in CloudTrail's own files."""
    return [e if e.get("readOnly") else envelope(e) for e in events]


def leaked_key_every_region():
    acc = Account("111122223333", "every-region")
    key = acc.key("build")
    build, dana = acc.user("build", key), acc.user("dana", acc.key("dana"))
    events = build_baseline(acc, build, "2026-02-16", 9) + bystander(acc, dana, "2026-02-16", 9)
    t = at("2026-02-26T03:12:00Z")
    stolen = thief_looks_around(acc, build, t, f"{THIEF}.66")
    launches = thief_launches(acc, build, later(t, 10), f"{THIEF}.66",
                              ["us-east-1", "us-west-2", "eu-west-1", "eu-central-1", "ap-southeast-1",
                               "ap-northeast-1", "sa-east-1", "eu-north-1", "ap-south-1"],
                              "c5a.24xlarge", 2, protect_from=1)
    events = in_order(events) + wrap_writes(stolen + launches)
    readme = f"""# A leaked key mines in every region

**Who.** IAM user `build` of account {acc.id}: a build server's long-lived key. On nine days it only
asked for tokens and pushed images, in us-east-1, from one network, with boto3. It never launched a
machine. Beside it `dana`, a person who signs in with MFA and starts one t3.micro a day.

**What.** On 26 February at 03:12 somebody else uses the key: another network, a Go program. It asks who
it is, lists machines in seventeen regions within seconds, then starts 2 x c5a.24xlarge in a new region
every 5 seconds, with termination protection. From the fourth region on the account's quota is used up.

**Expected decision.** Contain, on `build`, at the first launch; at the latest at the third region, also
when the baseline is missing. The key, the user and the machines in three regions are to be stopped.
`dana` and her machines are left alone.
"""
    expect = {
        "max_level": "contain", "contain_by_event": launches[2]["eventID"], "root": build["arn"],
        "also_without_history": launches[2]["eventID"], "history": 9 * 8,
        "never": [dana["arn"]],
        "actions": {"aws.disable_access_key": [key],
                    "aws.halt": made(launches)},
        "left_alone": made(bystander_launches(events, dana))}
    return "leaked-key-every-region", events, readme, expect


def leaked_key_small_machines():
    acc = Account("111122224444", "small-machines")
    key = acc.key("build")
    build = acc.user("build", key)
    events = build_baseline(acc, build, "2026-03-02", 9)
    ip = "2001:db8:66:1::7"
    t = at("2026-03-12T22:40:00Z")
    stolen = thief_looks_around(acc, build, t, ip)
    launches = thief_launches(acc, build, later(t, 10), ip,
                              ["us-east-1", "us-east-2", "eu-west-2", "ap-south-1", "ca-central-1",
                               "eu-west-3", "ap-northeast-2", "us-west-1"],
                              "c5.2xlarge", 1, protect_from=9)
    events = in_order(events) + wrap_writes(stolen + launches)
    readme = f"""# A leaked key, one small machine a region

**Who.** IAM user `build` of account {acc.id}, with the same quiet habits as its namesake in
leaked-key-every-region.

**What.** A patient thief, from an IPv6 network: the same reconnaissance, but only one c5.2xlarge (0.34
USD an hour) in each region, so that neither the vCPU count nor the bill stands out. From the fourth
region on the quota stops it.

**Expected decision.** Contain, on `build`, at the fourth region at the latest: it is the spread over
regions that gives the thief away.
"""
    expect = {"max_level": "contain", "contain_by_event": launches[3]["eventID"],
              "root": build["arn"], "never": [],
              "actions": {"aws.disable_access_key": [key], "aws.halt": made(launches)},
              "left_alone": []}
    return "leaked-key-small-machines", events, readme, expect


def terraform_rollout():
    acc = Account("111122225555", "terraform")
    ci = acc.user("terraform-ci", acc.key("terraform-ci"))
    ip = f"{BUILDER}.80"
    events = []
    for n in range(8):  # small launches in two regions, so that agent, network and both are known
        t = day("2026-03-02", n, "10:00:00")
        events.append(acc.call(t, ci, "sts:GetCallerIdentity", "us-east-1", ip, TERRAFORM))
        for k, region in enumerate(("us-east-1", "eu-west-1")):
            s = later(t, 20 + 90 * k)
            events += [
                acc.call(s, ci, "ec2:DescribeVpcs", region, ip, TERRAFORM, {"vpcSet": {}}),
                acc.call(later(s, 12), ci, "ec2:DescribeImages", region, ip, TERRAFORM, {}),
                acc.launch(later(s, 25), ci, region, ip, TERRAFORM, "m5.xlarge", 1,
                           tags={"managed-by": "terraform", "stack": "web"})]
    rollout = [acc.call(at("2026-03-11T10:00:00Z"), ci, "sts:GetCallerIdentity", "us-east-1", ip,
                        TERRAFORM)]
    for n, region in enumerate(("us-east-1", "eu-west-1", "us-west-2", "eu-central-1",
                                "ap-southeast-2", "sa-east-1")):
        t = at("2026-03-11T10:01:00Z")
        for copy in range(3):
            rollout.append(acc.launch(later(t, 150 * n + 8 * copy), ci, region, ip, TERRAFORM,
                                      "m5.4xlarge", 1, tags={"managed-by": "terraform",
                                                             "stack": "web"}))
    events = in_order(events) + [envelope(e) for e in rollout]
    readme = f"""# A Terraform roll-out to six regions

**Who.** IAM user `terraform-ci` of account {acc.id}: a CI server that has started a small machine in
each of two regions on eight days, always from the same network, always with Terraform.

**What.** The product goes worldwide: 3 x m5.4xlarge in six regions within a quarter of an hour, four of
the regions new. Nobody announced a change window.

**Expected decision.** At most alert, never contain: the benign twin of leaked-key-every-region. Same
shape of growth, but the network, the program and the habit are known, so one group of signals stands
alone.
"""
    expect = {"max_level": "alert", "contain_by_event": None, "root": ci["arn"],
              "never": [ci["arn"]], "actions": {}, "left_alone": made(events)}
    return "terraform-rollout", events, readme, expect


def leak_notice_alone():
    acc = Account("111122226666", "leak-notice")
    key = acc.key("photo-upload")
    who = acc.user("photo-upload", key)
    notice = leak_notice(acc.id, at("2026-04-08T17:25:10Z"), key, "photo-upload",
                         "https://git.example/somebody/photo-album/blob/main/.env")
    readme = f"""# AWS says that a key is public

**Who.** IAM user `photo-upload` of account {acc.id}. Firebreak has never seen an event of it.

**What.** One AWS Health event, AWS_RISK_CREDENTIALS_EXPOSED: the key stands in a public repository.
Nothing has been done with it yet.

**Expected decision.** Contain, at once: the provider's word is enough, and bots need minutes.
"""
    expect = {"max_level": "contain", "contain_by_event": notice["id"], "root": [who["arn"], key],
              "never": [], "actions": {"aws.disable_access_key": [key]}, "left_alone": []}
    return "leak-notice-alone", [notice], readme, expect


def role_chained_launch():
    acc = Account("111122227777", "role-chain")
    ci_key = acc.key("ci-runner")
    ci = acc.user("ci-runner", ci_key)
    events = []
    for n in range(8):  # the usual hop: ci-runner -> deploy, in us-east-1
        t = day("2026-05-04", n, "11:00:00")
        ip = f"{BUILDER}.120"
        key = acc.key(f"deploy-{n}", "ASIA")
        deploy = acc.session("deploy", f"run-{n + 1}", key, later(t, 30))
        events += [acc.call(t, ci, "sts:GetCallerIdentity", "us-east-1", ip, BOTO3),
                   acc.assume_role(later(t, 30), ci, "us-east-1", ip, BOTO3, "deploy",
                                   f"run-{n + 1}", key)]
        for k, api in enumerate(("cloudformation:DescribeStacks", "cloudformation:ListStacks",
                                 "cloudformation:DescribeStackEvents", "s3:PutBucketTagging")):
            events.append(acc.call(later(t, 60 + 40 * k), deploy, api, "us-east-1", ip, BOTO3, {}))
    morning, release = at("2026-05-13T09:00:00Z"), acc.key("release", "ASIA")
    other = acc.session("deploy", "release-77", release, morning)
    events += [acc.assume_role(morning, ci, "us-east-1", f"{BUILDER}.120", BOTO3, "deploy",
                               "release-77", release),
               acc.call(later(morning, 60), other, "cloudformation:DescribeStacks", "us-east-1",
                        f"{BUILDER}.120", BOTO3, {})]
    t = at("2026-05-13T23:51:00Z")
    ip, region = f"{THIEF}.129", "ap-northeast-1"
    one, two = acc.key("stolen-deploy", "ASIA"), acc.key("stolen-admin", "ASIA")
    deploy = acc.session("deploy", "maintenance", one, t)
    admin = acc.session("admin", "maintenance", two, later(t, 14))
    first = acc.assume_role(t, ci, "us-east-1", ip, GO, "deploy", "maintenance", one)
    second = acc.assume_role(later(t, 14), deploy, "us-east-1", ip, GO, "admin", "maintenance", two)
    launches = [acc.launch(later(t, 40 + 9 * n), admin, region, ip, GO, "p4d.24xlarge", 2,
                           profile="node-bootstrap") for n in range(2)]
    # CloudTrail keeps no order: the first launch is here before the AssumeRole that explains it.
    events = in_order(events) + [envelope(e) for e in (first, launches[0], second, launches[1])]
    readme = f"""# A launch behind two role hops

**Who.** IAM user `ci-runner` of account {acc.id}. On eight days it assumed role `deploy` in us-east-1 and
looked at stacks. Nobody has ever gone from `deploy` to role `admin`.

**What.** With the stolen key of `ci-runner`, from another network: AssumeRole `deploy`, from there
AssumeRole `admin`, then 2 x p4d.24xlarge twice in ap-northeast-1, a region the account never used, with
an instance profile that it never attached. The first launch is delivered before the second AssumeRole.

**Expected decision.** Contain, at the second launch at the latest, and on `ci-runner`: the identity that
launched is a role session, the one that answers for it stands two hops behind. The key is to be disabled,
the sessions of both roles revoked, the machines stopped.
"""
    expect = {"max_level": "contain", "contain_by_event": launches[1]["eventID"], "root": ci["arn"],
              "chain": {launches[1]["eventID"]: [admin["arn"], deploy["arn"], ci["arn"]]},
              "never": [other["arn"]],
              "actions": {"aws.disable_access_key": [ci_key], "aws.halt": made(launches)},
              "left_alone": []}
    return "role-chained-launch", events, readme, expect


def persistence_burst():
    acc = Account("111122228888", "persistence")
    key = acc.key("backup-sync")
    who, rosa = acc.user("backup-sync", key), acc.user("rosa", acc.key("rosa"))
    events = bystander(acc, rosa, "2026-06-01", 7)
    for n in range(9):
        t = day("2026-06-01", n, "02:00:00")
        for k, api in enumerate(("s3:ListBuckets", "s3:GetBucketLocation", "s3:GetBucketVersioning",
                                 "s3:PutBucketTagging", "sts:GetCallerIdentity",
                                 "s3:GetBucketLogging")):
            events.append(acc.call(later(t, 45 * k), who, api, "us-east-1", f"{BUILDER}.200", BOTO3,
                                   {"bucketName": "example-backup"} if "s3:" in api else None))
    t, ip = at("2026-06-11T19:03:00Z"), f"{THIEF}.210"

    def does(seconds, api, asked, answered=None, region="us-east-1", **more):
        return acc.call(later(t, seconds), who, api, region, ip, S3_BROWSER, asked, answered, **more)

    created = "Jun 11, 2026, 7:%02d:00 PM"
    allow_all = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "*", "Resource": "*"}]})
    policy = does(240, "iam:PutUserPolicy", {"userName": "rosa", "policyName": "sync",
                                             "policyDocument": allow_all})
    theft = [
        does(0, "s3:ListBuckets", None),
        does(20, "iam:GetLoginProfile", {"userName": "backup-sync"}, error="NoSuchEntityException",
             message="Login Profile for User backup-sync cannot be found."),
        does(75, "iam:CreateUser", {"userName": "backup-sync2"},
             {"user": {"path": "/", "userName": "backup-sync2",
                       "userId": acc.user("backup-sync2")["principalId"],
                       "arn": acc.user("backup-sync2")["arn"], "createDate": created % 4}}),
        does(90, "iam:CreateLoginProfile", {"userName": "backup-sync2",
                                            "passwordResetRequired": False},
             {"loginProfile": {"userName": "backup-sync2", "createDate": created % 4,
                               "passwordResetRequired": False}}),
        does(200, "iam:CreateAccessKey", {"userName": "rosa"},
             {"accessKey": {"accessKeyId": acc.key("rosa-second"), "status": "Active",
                            "userName": "rosa", "createDate": created % 6}}),
        policy]
    hour = 3700
    launch = acc.launch(later(t, hour + 120), who, "us-east-1", ip, S3_BROWSER, "p3.2xlarge", 2)
    later_on = [
        does(hour, "ec2:CreateKeyPair", {"keyName": "su32", "keyType": "rsa"},
             {"keyName": "su32", "keyPairId": "key-0" + acc.token("pair", 16),
              "keyFingerprint": "00:11", "keyMaterial": "<sensitiveDataRemoved>"}),
        does(hour + 50, "ec2:AuthorizeSecurityGroupIngress",
             {"groupId": "sg-0" + acc.token("sg", 16), "ipPermissions": {"items": [
                 {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "groups": {}, "ipv6Ranges": {},
                  "prefixListIds": {}, "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}}]}},
             {"_return": True}),
        launch]
    events = in_order(events) + wrap_writes(theft + later_on)
    readme = f"""# Ways back in, before any machine

**Who.** IAM user `backup-sync` of account {acc.id}: every night it looks at one bucket, with boto3 from
one network. `rosa` is a person of the same account.

**What.** Somebody with a desktop program (S3 Browser), from another network, uses the key by hand: a new
user with a console password, a second access key for `rosa`, a policy that allows everything. An hour
later come a key pair, an open port 22 and 2 x p3.2xlarge.

**Expected decision.** Contain, on `backup-sync`, at the policy at the latest: before any machine runs.
What the thief made (the user, the key for `rosa`) is to be cut too; what `rosa` herself does never
reaches contain.
"""
    expect = {"max_level": "contain", "contain_by_event": policy["eventID"], "root": who["arn"],
              "never": [rosa["arn"]],
              "actions": {"aws.disable_access_key": [key, acc.key("rosa-second")],
                          "aws.halt": made(later_on)},
              "left_alone": made(bystander_launches(events, rosa))}
    return "persistence-burst", events, readme, expect


def quiet_karpenter():
    acc = Account("111122229999", "karpenter")
    role, region, ip = "KarpenterController", "eu-west-1", f"{BUILDER}.16"
    subject = "system:serviceaccount:karpenter:karpenter"
    provider = f"oidc.eks.{region}.amazonaws.com/id/EXAMPLE"
    web = {"type": "WebIdentityUser", "principalId": f"{provider}:sts.amazonaws.com:{subject}",
           "userName": subject, "identityProvider": provider}
    arn = f"arn:aws:iam::{acc.id}:oidc-provider/{provider}"
    events, seen = [], None
    for n in range(11):
        t = day("2026-07-06", n, "07:00:00")
        key = acc.key(f"karpenter-{n}", "ASIA")
        session = f"{1783317600 + 86400 * n}000000000"
        who = acc.session(role, session, key, t, {"webIdFederationData": {
            "federatedProvider": arn, "attributes": {}}})
        seen = who
        events.append(acc.call(
            t, web, "sts:AssumeRoleWithWebIdentity", region, ip, KARPENTER,
            {"roleArn": acc.role_arn(role), "roleSessionName": session},
            {"credentials": {"accessKeyId": key, "sessionToken": "example-session-token",
                             "expiration": f"Jul {6 + n}, 2026, 8:00:00 AM"},
             "subjectFromWebIdentityToken": subject, "provider": arn,
             "audience": "sts.amazonaws.com",
             "assumedRoleUser": {"assumedRoleId": f"{acc.role_id(role)}:{session}",
                                 "arn": who["arn"]}}))
        gpu = n >= 7
        for k in range(3):  # each scale-up: a validation with DryRun, then the fleet
            s = later(t, 900 + 2400 * k)
            asked = {"CreateFleetRequest": {
                "Type": "instant", "TargetCapacitySpecification": {
                    "TotalTargetCapacity": 1, "DefaultTargetCapacityType": "on-demand"},
                "LaunchTemplateConfigs": {"tag": 1, "LaunchTemplateSpecification": {
                    "LaunchTemplateName": "karpenter.k8s.aws/default", "Version": "$Latest"},
                    "Overrides": [{"InstanceType": "g5.xlarge" if gpu and k == 2 else "m5.xlarge",
                                   "tag": 1}]}}}
            dry = json.loads(json.dumps(asked))
            dry["CreateFleetRequest"]["DryRun"] = True
            made_id = "i-0" + acc.token("instance", 16)
            kind = "g5.xlarge" if gpu and k == 2 else "m5.xlarge"
            events += [
                acc.call(s, who, "ec2:CreateFleet", region, ip, KARPENTER, dry,
                         error="Client.DryRunOperation",
                         message="Request would have succeeded, but DryRun flag is set."),
                acc.call(later(s, 2), who, "ec2:CreateFleet", region, ip, KARPENTER, asked,
                         {"CreateFleetResponse": {
                             "fleetId": "fleet-" + acc.token("fleet", 36), "errorSet": "",
                             "fleetInstanceSet": {"item": {
                                 "instanceIds": {"item": made_id}, "instanceType": kind,
                                 "lifecycle": "on-demand"}}}})]
    readme = f"""# Karpenter does its work

**Who.** The Karpenter controller of a Kubernetes cluster in account {acc.id}: a robot that assumes role
`{role}` by web identity, every day from the same network.

**What.** Eleven days: each scale-up first validates CreateFleet with DryRun, then starts one m5.xlarge.
From the eighth day on a machine-learning team is there, and one of the three is a g5.xlarge.

**Expected decision.** Silence: never above observe. Dry runs, fleets and a first GPU are this robot's
trade.
"""
    expect = {"max_level": "observe", "contain_by_event": None, "root": None,
              "never": [seen["arn"], acc.role_arn(role)], "actions": {}, "left_alone": []}
    return "quiet-karpenter", [e if n % 2 else envelope(e) for n, e in enumerate(events)], readme, expect


def blinded_and_repeated():
    acc = Account("111122221111", "blinded")
    key = acc.key("old-deployer")
    who = acc.user("old-deployer", key)
    events = build_baseline(acc, who, "2026-01-12", 9)
    t, ip, region = at("2026-04-20T04:44:00Z"), f"{THIEF}.91", "us-east-1"
    trail = f"arn:aws:cloudtrail:{region}:{acc.id}:trail/main"
    admin = "arn:aws:iam::aws:policy/AdministratorAccess"
    steps = [
        acc.call(t, who, "cloudtrail:StopLogging", region, ip, GO, {"name": trail}),
        acc.call(later(t, 6), who, "guardduty:DeleteDetector", region, ip, GO,
                 {"detectorId": acc.token("detector", 32)}),
        acc.call(later(t, 15), who, "iam:CreateUser", region, ip, GO, {"userName": "svc-monitor"},
                 {"user": {"path": "/", "userName": "svc-monitor", "arn": acc.user("svc-monitor")["arn"],
                           "userId": acc.user("svc-monitor")["principalId"],
                           "createDate": "Apr 20, 2026, 4:44:15 AM"}}),
        acc.call(later(t, 19), who, "iam:AttachUserPolicy", region, ip, GO,
                 {"userName": "svc-monitor", "policyArn": admin})]
    # Delivered at least once, in no order: here each three times, the first step's first copy late.
    order = (1, 3, 1, 2, 3, 0, 2, 2, 0, 1, 0, 3)
    last_new = steps[0]["eventID"]
    events = in_order(events) + [envelope(steps[n]) for n in order]
    readme = f"""# Blinded first, delivered late and three times

**Who.** IAM user `old-deployer` of account {acc.id}. Its key was last used in January, from one network.

**What.** Three months later somebody with a Go program, from another network, stops the trail, deletes
the GuardDuty detector, creates a user and makes it an administrator, within 19 seconds. The events arrive
out of order, and each three times.

**Expected decision.** Contain, on `old-deployer`, when each of the four events has arrived once. The
copies change nothing.
"""
    expect = {"max_level": "contain", "contain_by_event": last_new, "root": who["arn"], "never": [],
              "actions": {"aws.disable_access_key": [key]}, "left_alone": []}
    return "blinded-and-repeated", events, readme, expect


def finding_drill():
    acc = Account("111122220000", "drill")
    key = acc.key("emil")
    who = acc.user("emil", key)
    t = at("2026-08-03T09:30:00Z")
    kind = "UnauthorizedAccess:IAMUser/MaliciousIPCaller"
    ident, detector = acc.token("finding", 32), acc.token("detector", 32)
    arn = f"arn:aws:guardduty:us-east-1:{acc.id}:detector/{detector}/finding/{ident}"
    detail = {
        "schemaVersion": "2.0", "accountId": acc.id, "region": "us-east-1", "partition": "aws",
        "id": ident, "arn": arn, "type": kind, "severity": 5.0,
        "title": "[SAMPLE] An API was invoked from a known malicious IP address.",
        "description": "[SAMPLE] An API was invoked from an address on a list.",
        "createdAt": "2026-08-03T09:30:00.000Z", "updatedAt": "2026-08-03T09:30:00.000Z",
        "resource": {"resourceType": "AccessKey", "accessKeyDetails": {
            "accessKeyId": key, "principalId": who["principalId"], "userName": "emil",
            "userType": "IAMUser"}},
        "service": {"serviceName": "guardduty", "detectorId": detector, "resourceRole": "TARGET",
                    "archived": False, "count": 1, "eventFirstSeen": "2026-08-03T09:30:00.000Z",
                    "eventLastSeen": "2026-08-03T09:30:00.000Z",
                    "action": {"actionType": "AWS_API_CALL", "awsApiCallAction": {
                        "api": "RunInstances", "serviceName": "ec2.amazonaws.com",
                        "callerType": "Remote IP",
                        "remoteIpDetails": {"ipAddressV4": f"{THIEF}.5"}}},
                    "additionalInfo": {"sample": True, "value": "{\"sample\":true}",
                                       "type": "default"}}}
    finding = {"version": "0", "id": acc.uuid(), "detail-type": "GuardDuty Finding",
               "source": "aws.guardduty", "account": acc.id, "time": "2026-08-03T09:30:00Z",
               "region": "us-east-1", "resources": [], "detail": detail}
    events = [envelope(acc.call(later(t, -600), who, "guardduty:CreateSampleFindings", "us-east-1",
                                f"{OFFICE}.30", CONSOLE, {"detectorId": detector,
                                                          "findingTypes": [kind]})), finding]
    readme = f"""# A drill

**Who.** `emil` of account {acc.id} shows a colleague what a GuardDuty finding looks like.

**What.** CreateSampleFindings, then the sample finding that names his own key as abused.

**Expected decision.** Shown, never contained: a sample accuses nobody.
"""
    expect = {"max_level": "alert", "contain_by_event": None, "root": None,
              "never": [who["arn"], key], "actions": {}, "left_alone": [key]}
    return "finding-drill", events, readme, expect


def record_of(event):
    return event.get("detail", event)


def in_order(events):
    return sorted(events, key=lambda e: record_of(e)["eventTime"])


def made(events):
    """Instance ids that these launches made."""
    return [item["instanceId"] for e in events
            for item in ((record_of(e).get("responseElements") or {}).get("instancesSet") or {})
            .get("items", [])]


def bystander_launches(events, who):
    return [e for e in events if record_of(e).get("userIdentity", {}).get("arn") == who["arn"]]


STORIES = (leaked_key_every_region, leaked_key_small_machines, terraform_rollout, leak_notice_alone,
           role_chained_launch, persistence_burst, quiet_karpenter, blinded_and_repeated, finding_drill)


def files():
    """Path below events/ -> text, for every file that this program owns."""
    out = {}
    for story in STORIES:
        name, events, readme, expect = story()
        expect = dict({"account": account_of(events)}, **expect)
        out[f"{name}/README.md"] = readme
        out[f"{name}/events.ndjson"] = "".join(line(e) for e in events)
        out[f"{name}/expect.json"] = json.dumps(expect, indent=2) + "\n"
    return out


def account_of(events):
    record = record_of(events[0])
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

"""Stories of role sessions on AWS: hops between accounts, machines' credentials, and their twins."""
from cloudtrail import (BOTO3, GO, TERRAFORM, Account, at, envelope, later)
from telling import (ADMIN, BUILDER, OFFICE, THIEF, Actor, Story, day, in_order, made,
                     record_of, wrap_writes)


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
    return Story("role-chained-launch", events, readme, expect)


STACK_WORK = ("cloudformation:DescribeStacks", "cloudformation:DescribeStackEvents",
              "s3:PutBucketTagging", "cloudformation:ListStacks")


def people_of(acc, first, days, region="eu-west-1"):
    """The other account's own people: small machines in its usual region."""
    vera = acc.user("vera", acc.key("vera"))
    events = []
    for n in range(days):
        desk = Actor(acc, vera, day(first, n, "10:20:00"), f"{OFFICE}.40", BOTO3, region)
        events.append(desk.launches(0, "m5.large", 1))
        events.append(desk.does("ec2:DescribeInstances", 60, {"instancesSet": {}, "filterSet": {}}))
    return events


def cross_account_chain():
    a, b = Account("111122220101", "chain-a"), Account("111122220202", "chain-b")
    key, region, ip = a.key("ci-runner"), "eu-west-1", f"{BUILDER}.121"
    ci = a.user("ci-runner", key)
    events = people_of(b, "2026-05-01", 30)
    for n in range(30):  # every day: ci-runner -> deploy, both in A
        t = day("2026-05-01", n, "11:00:00")
        hop = a.key(f"deploy-{n}", "ASIA")
        deploy = a.session("deploy", f"run-{n + 1}", hop, t)
        events += [a.assume_role(t, ci, region, ip, BOTO3, "deploy", f"run-{n + 1}", hop),
                   a.call(later(t, 60), deploy, STACK_WORK[n % 4], region, ip, BOTO3, {})]
    t, bad, far = at("2026-05-31T22:05:00Z"), f"{THIEF}.18", "ap-southeast-2"
    one, two = a.key("stolen-deploy", "ASIA"), b.key("stolen-admin", "ASIA")
    deploy = a.session("deploy", "maintenance", one, t)
    admin = b.session("admin", "maintenance", two, later(t, 12))
    first = a.assume_role(t, ci, region, bad, GO, "deploy", "maintenance", one)
    second = a.assume_role(later(t, 12), deploy, region, bad, GO, "admin", "maintenance", two, into=b,
                           sharedEventID=a.uuid())
    there = b.assume_role_as_seen_there(a, second)
    launch = b.launch(later(t, 40), admin, far, bad, GO, "p4d.24xlarge", 4, profile="ml-bootstrap")
    # B's log is faster than A's: the launch is here before anything says who stands behind it.
    events = in_order(events) + [envelope(e) for e in (first, launch, there, second)]
    readme = f"""# From one account into another, told in the wrong order

**Who.** IAM user `ci-runner` of account {a.id} (A). Every day it assumes role `deploy` of A. Account {b.id}
(B) has people of its own.

**What.** With the stolen key of `ci-runner`, from another network: role `deploy` of A, from there role
`admin` of B, which nobody in A ever took, then 4 x p4d.24xlarge in a region that B never used, with an
instance profile that was never attached. B's log arrives first: the launch, then B's record of the
AssumeRole, which names no key, then A's record of the same call, with the same sharedEventID.

**Expected decision.** Contain, on `ci-runner` in A, as soon as A's record is here. Its key is to be
disabled, the sessions of both roles revoked, B's machines stopped. B's people are left alone.
"""
    expect = {"account": [a.id, b.id], "max_level": "contain", "quiet_until": first["eventID"],
              "score_at": {first["eventID"]: [0, 15], second["eventID"]: [90, 100]},
              "contain_by_event": second["eventID"], "root": ci["arn"], "never": [],
              "actions": {"aws.disable_access_key": [key],
                          "aws.revoke_sessions": [a.role_arn("deploy"), b.role_arn("admin")],
                          "aws.halt": made([launch])},
              "left_alone": made([e for e in events if record_of(e)["userIdentity"].get("userName")
                                  == "vera"])}
    return Story("cross-account-chain", events, readme, expect)


def cross_account_deploy():
    a, b = Account("111122220303", "oidc-a"), Account("111122220404", "oidc-b")
    region, ip = "eu-west-1", f"{BUILDER}.122"
    provider = "token.actions.example.com"
    subject = "repo:shop-example/web:ref:refs/heads/main"
    web = a.web_identity(f"arn:aws:iam::{a.id}:oidc-provider/{provider}", "sts.amazonaws.com", subject)
    events, sessions = people_of(b, "2026-05-01", 30), []
    for n in range(30):
        t = day("2026-05-01", n, "11:00:00")
        hop = a.key(f"deploy-{n}", "ASIA")
        deploy = a.session("deploy", f"GitHubActions-{n + 1}", hop, t)
        run = Actor(a, deploy, t, ip, TERRAFORM, region)
        events += [a.assume_by_token(t, web, region, ip, TERRAFORM, "deploy", f"GitHubActions-{n + 1}",
                                     hop, web["identityProvider"]),
                   run.does(STACK_WORK[n % 4], 20, {}),
                   run.launches(60, "m5.xlarge", 4, tags={"managed-by": "terraform"})]
    t, one, two = at("2026-05-31T11:00:00Z"), a.key("deploy-x", "ASIA"), b.key("admin-x", "ASIA")
    deploy = a.session("deploy", "GitHubActions-31", one, t)
    admin = b.session("admin", "GitHubActions-31", two, later(t, 15))
    first = a.assume_by_token(t, web, region, ip, TERRAFORM, "deploy", "GitHubActions-31", one,
                              web["identityProvider"])
    second = a.assume_role(later(t, 15), deploy, region, ip, TERRAFORM, "admin", "GitHubActions-31", two,
                           into=b, sharedEventID=a.uuid())
    launch = b.launch(later(t, 60), admin, region, ip, TERRAFORM, "m5.xlarge", 4,
                      tags={"managed-by": "terraform"})
    sessions = [deploy["arn"], admin["arn"]]
    events = in_order(events) + [envelope(e) for e in (
        first, second, b.assume_role_as_seen_there(a, second), launch)]
    readme = f"""# The pipeline deploys to a second account

**Who.** A pipeline that signs in to account {a.id} (A) by OIDC, every day, as `repo:shop-example/web`, and
starts 4 x m5.xlarge there with Terraform.

**What.** Today it goes on from role `deploy` of A to role `admin` of account {b.id} (B), for the first
time, and starts the same machines there. The twin of cross-account-chain: the same hops.

**Expected decision.** Silence: a known subject, a known network, the usual volume.
"""
    expect = {"account": [a.id, b.id], "max_level": "observe", "max_score": 20,
              "story_from": first["eventID"], "contain_by_event": None, "root": None, "never": sessions, "actions": {},
              "left_alone": made(events)}
    return Story("cross-account-deploy", events, readme, expect)


APP_WORK = (("s3:GetBucketLocation", {"bucketName": "example-orders"}),
            ("sqs:SetQueueAttributes", {"queueUrl": "orders", "attributes": {}}),
            ("dynamodb:DescribeTable", {"tableName": "orders"}))


def machine_days(acc, instance, first, days, ip, region="us-east-1"):
    """EC2 hands out a key a day; the application on the machine works with it."""
    events = []
    for n in range(days):
        t = day(first, n, "06:00:00")
        key = acc.key(f"{instance}-{n}", "ASIA")
        who = acc.instance_session("app", instance, key, t)
        events.append(acc.service_assumes(t, "ec2", region, "app", instance, key))
        api, asked = APP_WORK[n % 3]
        events.append(acc.call(later(t, 1800), who, api, region, ip, BOTO3, asked))
    return events


def stolen_instance_role():
    acc = Account("111122220505", "imds")
    instance, region = "i-0" + acc.token("instance", 16), "us-east-1"
    events = machine_days(acc, instance, "2026-06-01", 30, f"{BUILDER}.150")
    t, key = at("2026-07-01T06:00:00Z"), acc.key("stolen", "ASIA")
    who = acc.instance_session("app", instance, key, t)
    handed = acc.service_assumes(t, "ec2", region, "app", instance, key)
    usual = acc.call(later(t, 1800), who, "sqs:SetQueueAttributes", region, f"{BUILDER}.150", BOTO3,
                     {"queueUrl": "orders", "attributes": {}})
    thief = Actor(acc, who, at("2026-07-01T14:31:00Z"), f"{THIEF}.9", "curl/8.5.0")
    ident = thief.does("sts:GetCallerIdentity")
    looks = [thief.does(api, 3 + n) for n, api in enumerate((
        "s3:ListBuckets", "ec2:DescribeInstances", "ec2:DescribeVpcs", "ec2:DescribeKeyPairs",
        "ec2:DescribeSecurityGroups", "lambda:ListFunctions", "rds:DescribeDBInstances",
        "ecs:ListClusters", "sns:ListTopics", "sqs:ListQueues", "dynamodb:ListTables",
        "kms:ListKeys"))]
    denied = [thief.does(api, 40 + 6 * n, error="AccessDenied",
                         message="User is not authorized to perform this action.")
              for n, api in enumerate(("iam:ListUsers", "iam:ListRoles", "secretsmanager:ListSecrets",
                                       "organizations:DescribeOrganization", "iam:GetAccountSummary",
                                       "ssm:DescribeParameters"))]
    launch = thief.launches(120, "c5.4xlarge", 1, error="Client.UnauthorizedOperation",
                            message="You are not authorized to perform this operation.")
    user = acc.user("ec2-health")
    create = thief.does("iam:CreateUser", 150, {"userName": "ec2-health"},
                        {"user": {"path": "/", "userName": "ec2-health", "arn": user["arn"],
                                  "userId": user["principalId"],
                                  "createDate": "Jul 1, 2026, 2:33:30 PM"}})
    goes_on = [thief.does("iam:AttachUserPolicy", 190, {"userName": "ec2-health", "policyArn": ADMIN}),
               thief.does("iam:CreateAccessKey", 215, {"userName": "ec2-health"},
                          {"accessKey": {"userName": "ec2-health", "status": "Active", "accessKeyId":
                                         acc.key("ec2-health"), "createDate": "Jul 1, 2026, 2:34:35 PM"}})]
    events = in_order(events) + wrap_writes([handed, usual, ident] + looks + denied + [launch, create]
                                            + goes_on)
    readme = f"""# A machine's credential leaves the machine

**Who.** Role `app` on instance `{instance}` of account {acc.id}: a month of one application's calls, through
one NAT address.

**What.** Somebody has read the role's key from the metadata service and uses it from another network:
GetCallerIdentity, twelve kinds of lists within seconds, six denials, a launch that is denied, and a new
user, which is not. The user becomes an administrator and gets a key.

**Expected decision.** Observe at the first call, alert when the lists and denials add up, contain at the
new user at the latest, on the instance's session. The role's older sessions are to be revoked, and the
new user cut.
"""
    expect = {"max_level": "contain", "quiet_until": ident["eventID"],
              "score_at": {ident["eventID"]: [8, 30]}, "alert_by_event": launch["eventID"],
              "contain_by_event": create["eventID"], "root": who["arn"], "never": [],
              "actions": {"aws.revoke_sessions": [acc.role_arn("app")],
                          "aws.disable_access_key": [acc.key("ec2-health")],
                          "aws.quarantine": [user["arn"]]}, "left_alone": []}
    return Story("stolen-instance-role", events, readme, expect)


def nat_address_moves():
    acc = Account("111122220606", "nat")
    machines = ["i-0" + acc.token("instance", 16) for _ in range(6)]
    events = []
    for m in machines:
        events += machine_days(acc, m, "2026-06-01", 15, f"{BUILDER}.150")
    moved, sessions = [], []
    for n, m in enumerate(machines):
        t, key = at("2026-06-16T06:00:00Z"), acc.key(f"moved-{m}", "ASIA")
        who = acc.instance_session("app", m, key, t)
        sessions.append(who["arn"])
        moved.append(acc.service_assumes(t, "ec2", "us-east-1", "app", m, key))
        for k, (api, asked) in enumerate(APP_WORK):
            moved.append(acc.call(later(t, 1800 + 60 * n + 400 * k), who, api, "us-east-1",
                                  "198.51.100.200", BOTO3, asked))
    events = in_order(events) + wrap_writes(in_order(moved))
    readme = f"""# The NAT gateway gets another address

**Who.** Six instances of account {acc.id} with role `app`, which all call through one NAT address.

**What.** The gateway is replaced: from one morning on all six call from another network, within minutes
of each other. What they call is the same as ever. The twin of stolen-instance-role.

**Expected decision.** Silence: a thief takes one credential along, not six at once.
"""
    expect = {"max_level": "observe", "max_score": 20, "story_from": moved[0]["eventID"],
              "contain_by_event": None, "root": None, "never": sessions, "actions": {},
              "left_alone": []}
    return Story("nat-address-moves", events, readme, expect)


def ci_role_stolen():
    acc = Account("111122220707", "ci-stolen")
    region, ip = "us-east-1", f"{BUILDER}.123"
    subject = "repo:shop-example/infra:ref:refs/heads/main"
    web = acc.web_identity(f"arn:aws:iam::{acc.id}:oidc-provider/token.actions.example.com",
                           "sts.amazonaws.com", subject)
    events = []

    def run(n, t):
        key = acc.key(f"ci-{n}", "ASIA")
        who = acc.session("ci-deploy", f"run-{n}", key, t)
        return who, acc.assume_by_token(t, web, region, ip, TERRAFORM, "ci-deploy", f"run-{n}", key,
                                        web["identityProvider"])

    for n in range(30):
        t = day("2026-08-01", n, "10:00:00")
        who, login = run(n, t)
        job = Actor(acc, who, t, ip, TERRAFORM, region)
        events += [login, job.does("ec2:DescribeVpcs", 10, {"vpcSet": {}}),
                   job.launches(60, "m5.xlarge", 2, tags={"managed-by": "terraform"})]
    t = at("2026-08-31T10:00:00Z")
    who, login = run(30, t)
    thief = Actor(acc, who, t, ip, TERRAFORM, region)
    launches = [thief.launches(70 + 20 * n, "p4d.24xlarge", 8) for n in range(3)]
    events = in_order(events) + wrap_writes([login] + launches)
    readme = f"""# A thief inside the pipeline

**Who.** Role `ci-deploy` of account {acc.id}, which the company's pipeline takes every day by OIDC. It is
on the protected list (config.json): without it nobody can ship.

**What.** A poisoned dependency runs inside the pipeline: the same network, the same Terraform, the same
region. It starts 8 x p4d.24xlarge, and again, and again: more than 500 USD an hour.

**Expected decision.** At this price habits excuse nothing: alert at the third launch, a person
decides. One group of signals stands alone, and the role is protected: it is never contained.
"""
    expect = {"max_level": "alert", "alert_by_event": launches[2]["eventID"],
              "quiet_until": launches[0]["eventID"], "contain_by_event": None, "root": None,
              "never": [who["arn"], acc.role_arn("ci-deploy")], "no_actions": True, "actions": {},
              "left_alone": []}
    return Story("ci-role-stolen", events, readme, expect,
                 {"protected": {"identities": [acc.role_arn("ci-deploy")]}})


STORIES = (role_chained_launch, cross_account_chain, cross_account_deploy, stolen_instance_role,
           nat_address_moves, ci_role_stolen)

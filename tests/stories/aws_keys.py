"""Stories of long-lived keys of AWS in the wrong hands: what the thief does first, and how he stays."""
import json

from cloudtrail import (BOTO3, CONSOLE, GO, REGIONS, S3_BROWSER, Account, at, envelope, fixed_token,
                        later, leak_notice)
from telling import (ADMIN, ADMIN_WORK, ALLOW_ALL, BUILD_WORK, BUILDER, EXPORT_WORK, OFFICE, QUOTA,
                     QUOTA_SAYS, THIEF, Actor, Story, by, bystander, day, in_order, made, quiet,
                     wrap_writes)


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


def leaked_key_every_region():
    acc = Account("111122223333", "every-region")
    key = acc.key("build")
    build, dana = acc.user("build", key), acc.user("dana", acc.key("dana"))
    events = quiet(acc, build, "2025-11-28", 90, f"{BUILDER}.40") + bystander(acc, dana, "2026-02-16", 9)
    t = at("2026-02-26T03:12:00Z")
    stolen = thief_looks_around(acc, build, t, f"{THIEF}.66")
    launches = thief_launches(acc, build, later(t, 10), f"{THIEF}.66",
                              ["us-east-1", "us-west-2", "eu-west-1", "eu-central-1", "ap-southeast-1",
                               "ap-northeast-1", "sa-east-1", "eu-north-1", "ap-south-1"],
                              "c5a.24xlarge", 2, protect_from=1)
    events = in_order(events) + wrap_writes(stolen + launches)
    readme = f"""# A leaked key mines in every region

**Who.** IAM user `build` of account {acc.id}: a build server's long-lived key. On ninety days it only
asked for tokens and pushed images, in us-east-1, from one network, with boto3. It never launched a
machine. Beside it `dana`, a person who signs in with MFA and starts one t3.micro a day.

**What.** On 26 February at 03:12 somebody else uses the key: another network, a Go program. It asks who
it is, lists machines in seventeen regions within seconds, then starts 2 x c5a.24xlarge in a new region
every 5 seconds, with termination protection. From the fourth region on the account's quota is used up.

**Expected decision.** Contain, on `build`, at the first launch; at the third region when the baseline
is missing. The key, the user and the machines in three regions are to be stopped.
`dana` and her machines are left alone.
"""
    expect = {
        "max_level": "contain", "contain_by_event": launches[0]["eventID"], "root": build["arn"],
        "quiet_until": launches[0]["eventID"],
        "score_at": {stolen[0]["eventID"]: [0, 10], stolen[-1]["eventID"]: [3, 20],
                     launches[0]["eventID"]: [80, 100], launches[1]["eventID"]: [90, 100]},
        "also_without_history": launches[2]["eventID"],
        "never": [dana["arn"]],
        "actions": {"aws.disable_access_key": [key],
                    "aws.halt": made(launches)},
        "left_alone": made(by(events, dana))}
    return Story("leaked-key-every-region", events, readme, expect)


def leaked_key_small_machines():
    acc = Account("111122224444", "small-machines")
    key = acc.key("build")
    build = acc.user("build", key)
    events = quiet(acc, build, "2025-12-12", 90, f"{BUILDER}.41")
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

**What.** A careful thief, from an IPv6 network: the same reconnaissance, but only one c5.2xlarge (0.34
USD an hour) in each region, so that neither the vCPU count nor the bill stands out. From the fourth
region on the quota stops it.

**Expected decision.** Contain, on `build`, at the fourth region at the latest: it is the spread over
regions that gives the thief away.
"""
    expect = {"max_level": "contain", "contain_by_event": launches[3]["eventID"],
              "alert_by_event": launches[2]["eventID"], "quiet_until": launches[0]["eventID"],
              "root": build["arn"], "never": [],
              "actions": {"aws.disable_access_key": [key], "aws.halt": made(launches)},
              "left_alone": []}
    return Story("leaked-key-small-machines", events, readme, expect)


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
    return Story("leak-notice-alone", [notice], readme, expect)


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
              "left_alone": made(by(events, rosa))}
    return Story("persistence-burst", events, readme, expect)


def blinded_and_repeated():
    acc = Account("111122221111", "blinded")
    key = acc.key("old-deployer")
    who = acc.user("old-deployer", key)
    events = quiet(acc, who, "2026-01-12", 9, f"{BUILDER}.44", a_day=6)
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
    return Story("blinded-and-repeated", events, readme, expect)


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
    return Story("finding-drill", events, readme, expect)


def federates(acc, who, user, t, ip, key):
    """A key becomes a console session that outlives it."""
    thief = Actor(acc, who, t, ip, BOTO3)
    token = thief.does("sts:GetFederationToken", 0,
                       {"name": "support", "policy": ALLOW_ALL, "durationSeconds": 129600},
                       {"credentials": acc.credentials(later(t, 0), key, 129600),
                        "federatedUser": {"federatedUserId": f"{acc.id}:support",
                                          "arn": f"arn:aws:sts::{acc.id}:federated-user/support"},
                        "packedPolicySize": 4})
    session = acc.federated("support", user, key, t)
    signin = acc.call(later(t, 9), session, "signin:GetSigninToken", "us-east-1", ip,
                      "Python-urllib/3.11", None, {"GetSigninToken": "Success"},
                      eventType="AwsConsoleSignIn",
                      additionalEventData={"MobileVersion": "No", "MFAUsed": "No"})
    login = acc.console_login(later(t, 25), session, ip, mfa=False)
    look = acc.call(later(t, 70), session, "ec2:DescribeInstances", "us-east-1", ip, CONSOLE,
                    {"instancesSet": {}, "filterSet": {}}, sessionCredentialFromConsole="true")
    return session, [token, signin, login, look]


def our_deny(acc, user, t):
    """Firebreak's own role cuts the user off, as the log shows it."""
    own = acc.session("FirebreakRole", "firebreak", acc.key("firebreak", "ASIA"), later(t, -300))
    deny = ('{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}')
    us = Actor(acc, own, t, f"{BUILDER}.250", "firebreak/1.0")
    return own, [us.does("iam:UpdateAccessKey", 0, {"userName": user["userName"], "status": "Inactive",
                                                    "accessKeyId": user["accessKeyId"]}),
                 us.does("iam:PutUserPolicy", 1, {"userName": user["userName"],
                                                  "policyName": "FirebreakDeny",
                                                  "policyDocument": deny})]


def survives_key_deletion():
    acc = Account("111122221212", "survives")
    key = acc.key("report-export")
    who = acc.user("report-export", key)
    events = quiet(acc, who, "2026-04-01", 30, f"{BUILDER}.60", work=EXPORT_WORK, a_day=2)
    t, ip = at("2026-05-02T20:15:00Z"), f"{THIEF}.33"
    session, theft = federates(acc, who, who, t, ip, acc.key("federated", "ASIA"))
    notice = leak_notice(acc.id, later(t, 600), key, "report-export",
                         "https://git.example/somebody/reports/blob/main/settings.py")
    own, cut = our_deny(acc, who, later(t, 604))
    tamper = acc.call(later(t, 607), session, "iam:DeleteUserPolicy", "us-east-1", ip, CONSOLE,
                      {"userName": "report-export", "policyName": "FirebreakDeny"},
                      sessionCredentialFromConsole="true")
    again = acc.call(later(t, 640), session, "iam:UpdateAccessKey", "us-east-1", ip, CONSOLE,
                     {"userName": "report-export", "accessKeyId": key, "status": "Active"},
                     sessionCredentialFromConsole="true")
    events = in_order(events) + wrap_writes(theft) + [notice] + wrap_writes(cut + [tamper, again])
    readme = f"""# A session that outlives its key

**Who.** IAM user `report-export` of account {acc.id}: on thirty days it looked at one bucket, from one
network.

**What.** A thief makes a federation token that allows everything, and signs in to the console with it:
that session lives for 36 hours whatever becomes of the key. Ten minutes later AWS says that the key is
public; Firebreak disables it and denies its user. Two seconds after that the console session deletes
the denial, and then makes the key active again.

**Expected decision.** Observe while there is nothing but the token and the sign-in. Contain with the
notice, on `report-export`. The deleted denial is an alarm by itself: deny-tamper, contain, and the cut is
asked for again. Firebreak's own role is accused of nothing.
"""
    expect = {"max_level": "contain", "quiet_until": notice["id"],
              "score_at": {theft[-1]["eventID"]: [5, 30], tamper["eventID"]: [97, 100]},
              "contain_by_event": notice["id"], "level_at": {tamper["eventID"]: "contain"},
              "signals_at": {tamper["eventID"]: ["deny-tamper"]},
              "root": who["arn"], "never": [own["arn"]],
              "roots_at": {theft[-1]["eventID"]: who["arn"], tamper["eventID"]: who["arn"]},
              "actions": {"aws.disable_access_key": [key], "aws.quarantine": [who["arn"]]},
              "left_alone": []}
    return Story("survives-key-deletion", events, readme, expect)


def operator_undo():
    acc = Account("111122221313", "undo")
    key = acc.key("report-export")
    who = acc.user("report-export", key)
    events = quiet(acc, who, "2026-04-01", 30, f"{BUILDER}.60", work=EXPORT_WORK, a_day=2)
    t = at("2026-05-02T08:15:00Z")
    noor = acc.sso_session("SecurityAdmin", "noor@shop.example", acc.key("noor", "ASIA"), t)
    events += quiet(acc, noor, "2026-04-01", 30, f"{OFFICE}.12", CONSOLE, work=ADMIN_WORK, a_day=2)
    notice = leak_notice(acc.id, t, key, "report-export",
                         "https://git.example/shop/reports/blob/main/example.env")
    own, cut = our_deny(acc, who, later(t, 4))
    desk = Actor(acc, noor, later(t, 5400), f"{OFFICE}.12", "firebreak/1.0")
    undo = [desk.does("iam:DeleteUserPolicy", 0, {"userName": "report-export",
                                                  "policyName": "FirebreakDeny"}),
            desk.does("iam:UpdateAccessKey", 2, {"userName": "report-export", "accessKeyId": key,
                                                 "status": "Active"})]
    events = in_order(events) + [notice] + wrap_writes(cut + undo)
    readme = f"""# An operator takes it back

**Who.** `noor`, who administers account {acc.id} through IAM Identity Center, and the user
`report-export` beside her.

**What.** AWS says that the key of `report-export` is public, Firebreak cuts it off. The file was an
example and the key a spare one: an hour and a half later `noor` undoes it. The twin of
survives-key-deletion: the same calls, by somebody who is under no suspicion.

**Expected decision.** Contain with the notice, on `report-export`; the undo is no signal, and `noor` is
accused of nothing.
"""
    expect = {"max_level": "contain", "quiet_until": notice["id"], "contain_by_event": notice["id"],
              "root": who["arn"], "never": [noor["arn"], own["arn"]],
              "level_at": {e["eventID"]: "observe" for e in undo},
              "score_at": {e["eventID"]: [0, 20] for e in undo},
              "signals_never": ["deny-tamper"],
              "actions": {"aws.disable_access_key": [key]}, "left_alone": [noor["arn"], own["arn"]]}
    return Story("operator-undo", events, readme, expect)


def root_user_launches():
    acc = Account("111122221414", "root-user")
    root = acc.root_user()
    anna = acc.user("anna", acc.key("anna"))
    events = bystander(acc, anna, "2026-02-01", 30)
    t, ip = at("2026-03-04T01:20:00Z"), f"{THIEF}.77"
    session = dict(root, accessKeyId=acc.key("root", "ASIA"),
                   sessionContext={"attributes": {"creationDate": "2026-03-04T01:20:00Z",
                                                  "mfaAuthenticated": "false"}})
    page = Actor(acc, session, t, ip, CONSOLE)
    login = acc.console_login(t, root, ip, mfa=False)
    launches = [page.launches(90 + 40 * n, "c5.18xlarge", 4, region)
                for n, region in enumerate(("us-east-1", "us-west-2", "eu-west-2"))]
    events = in_order(events) + wrap_writes([login] + launches)
    readme = f"""# The root user starts machines

**Who.** The root user of account {acc.id}, whom nobody has seen for as long as there are logs, and `anna`,
who does the daily work.

**What.** At night somebody signs in as the root user without a second factor, from an unknown network,
and starts 4 x c5.18xlarge in three regions.

**Expected decision.** A person is called. No policy of the account binds the root user and a mistake
here locks the owner out, so nothing is done automatically: not to the root user, not to `anna`.
"""
    expect = {"max_level": "contain", "alert_by_event": launches[0]["eventID"],
              "quiet_until": login["eventID"], "contain_by_event": None, "contain_optional": True,
              "root": root["arn"], "never": [anna["arn"]], "no_actions": True, "actions": {},
              "left_alone": [root["arn"], anna["arn"]]}
    return Story("root-user-launches", events, readme, expect)


def leak_notice_inactive_key():
    acc = Account("111122221515", "inactive-key")
    key, new = acc.key("photo-upload"), acc.key("photo-upload-new")
    old, now = acc.user("photo-upload", key), acc.user("photo-upload", new)
    ines = acc.user("ines", acc.key("ines"))
    events = quiet(acc, old, "2026-03-01", 20, f"{BUILDER}.70", work=EXPORT_WORK, a_day=2)
    desk = Actor(acc, ines, at("2026-03-21T10:00:00Z"), f"{OFFICE}.31", CONSOLE)
    rotation = [desk.does("iam:CreateAccessKey", 0, {"userName": "photo-upload"},
                          {"accessKey": {"userName": "photo-upload", "accessKeyId": new,
                                         "status": "Active", "createDate": "Mar 21, 2026, 10:00:00 AM"}}),
                desk.does("iam:UpdateAccessKey", 900, {"userName": "photo-upload", "accessKeyId": key,
                                                       "status": "Inactive"})]
    events = in_order(events + quiet(acc, now, "2026-03-22", 10, f"{BUILDER}.70", work=EXPORT_WORK,
                                     a_day=2) +
                      quiet(acc, ines, "2026-03-01", 20, f"{OFFICE}.31", CONSOLE, work=ADMIN_WORK,
                            a_day=2, clock="11:00:00") + rotation)
    notice = leak_notice(acc.id, at("2026-04-02T17:25:10Z"), key, "photo-upload",
                         "https://git.example/somebody/photo-album/blob/main/.env")
    readme = f"""# A notice about a key that is off already

**Who.** IAM user `photo-upload` of account {acc.id}. On 21 March `ines` gave it a new key and set the old
one Inactive; since then it works with the new one.

**What.** On 2 April AWS says that the old key is public.

**Expected decision.** Nothing is to be done: the key is off, and cutting the user would stop its work.
People are told.
"""
    expect = {"max_level": "contain", "contain_by_event": None, "contain_optional": True,
              "alert_by_event": notice["id"],
              "root": [old["arn"], key], "never": [ines["arn"]], "no_actions": True, "actions": {},
              "left_alone": [new, ines["arn"]]}
    return Story("leak-notice-inactive-key", events + [notice], readme, expect)


def patient_thief():
    acc = Account("111122221616", "patient")
    key = acc.key("metrics-push")
    who = acc.user("metrics-push", key)
    events = quiet(acc, who, "2026-01-05", 90, f"{BUILDER}.90", work=ADMIN_WORK)
    start, ip = at("2026-04-06T02:11:00Z"), f"{THIEF}.144"
    first = Actor(acc, who, start, ip, GO).does("sts:GetCallerIdentity")
    places = ["us-east-1", "eu-west-3", "ap-south-1", "sa-east-1", "eu-north-1", "us-west-1",
              "ap-northeast-2", "ca-central-1", "eu-west-2", "ap-southeast-1"]
    launches = []
    for n, region in enumerate(places):
        step = Actor(acc, who, later(start, 86400 * n + 1900 * (n % 4) + 60), ip, GO, region)
        launches.append(step.launches(0, "c5.2xlarge", 2))
    events = in_order(events) + wrap_writes([first] + launches)
    readme = f"""# A thief with patience

**Who.** IAM user `metrics-push` of account {acc.id}: ninety days of a few monitoring calls from one
network.

**What.** From another network, with a Go program: each night 2 x c5.2xlarge in one more region, ten nights
long. No hour and no day stands out, and by the end twenty machines run in ten regions.

**Expected decision.** Alert at the fourth region at the latest, contain on `metrics-push` at the last:
days on which the score was raised teach nothing, and regions add up over two weeks. The machines of
earlier nights are to be stopped with the newest.
"""
    expect = {"max_level": "contain", "alert_by_event": launches[3]["eventID"],
              "contain_by_event": launches[-1]["eventID"], "quiet_until": launches[0]["eventID"],
              "root": who["arn"], "never": [], "actions": {"aws.disable_access_key": [key],
                                                           "aws.halt": made(launches[-1:])},
              "left_alone": []}
    return Story("patient-thief", events, readme, expect)


STORIES = (root_user_launches, patient_thief, leaked_key_every_region, leaked_key_small_machines, leak_notice_alone, persistence_burst,
           blinded_and_repeated, finding_drill, survives_key_deletion, operator_undo)

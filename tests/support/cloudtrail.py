"""Builds CloudTrail records in the shapes that AWS writes, from invented facts: shared by the story
generator, the bench's event generator and the demo. Standard library only; the same calls give the
same bytes.

Shapes: AWS CloudTrail User Guide, "record contents" and "userIdentity element"; EventBridge User
Guide, "AWS service events delivered via AWS CloudTrail"; AWS Health User Guide, "EventBridge schema".
"""
import hashlib
import json
from datetime import datetime, timedelta, timezone

BOTO3 = ("Boto3/1.34.51 md/Botocore#1.34.51 ua/2.0 os/linux#6.1.79 md/arch#x86_64 "
         "lang/python#3.11.8 md/pyimpl#CPython cfg/retry-mode#legacy Botocore/1.34.51")
GO = ("aws-sdk-go-v2/1.25.2 os/linux lang/go#1.22.0 md/GOOS#linux md/GOARCH#amd64 "
      "api/ec2#1.149.1")
CONSOLE = ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
           "Chrome/122.0.0.0 Safari/537.36")
TERRAFORM = ("APN/1.0 HashiCorp/1.0 Terraform/1.7.4 (+https://www.terraform.io) "
             "terraform-provider-aws/5.39.1 (+https://registry.example/providers/hashicorp/aws) "
             "aws-sdk-go-v2/1.25.2 os/linux lang/go#1.21.6 md/GOOS#linux md/GOARCH#amd64")
S3_BROWSER = "[S3 Browser/11.6.7 (https://s3browser.com)]"
KARPENTER = "karpenter.sh-v0.35.0 aws-sdk-go/1.50.18 (go1.22.0; linux; amd64)"

# The seventeen regions that every account has without opting in.
REGIONS = ("us-east-1 us-east-2 us-west-1 us-west-2 ca-central-1 sa-east-1 eu-west-1 eu-west-2 "
           "eu-west-3 eu-central-1 eu-north-1 ap-northeast-1 ap-northeast-2 ap-northeast-3 "
           "ap-south-1 ap-southeast-1 ap-southeast-2").split()

# Services whose events are written in us-east-1 whatever the caller's region.
GLOBAL_SERVICES = ("iam", "signin", "organizations", "cloudfront")

READ_VERBS = ("Get", "List", "Describe", "Lookup", "Head", "AssumeRole", "BatchGet", "BatchCheck")


def at(text):
    """'2026-03-02T09:14:05Z' as a datetime."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)


def stamp(when):
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def later(when, seconds):
    return when + timedelta(seconds=seconds)


def milliseconds(when):
    return int(when.timestamp()) * 1000


class Account:
    """One account: makes identities and records; ids come from a counter and the account's name."""

    def __init__(self, account, seed):
        self.id = account
        self.seed = seed
        self.count = 0

    def token(self, kind, length, alphabet="0123456789abcdef"):
        """The next invented id of that kind: fresh on each call, the same in each run."""
        self.count += 1
        return fixed_token(f"{self.seed}/{kind}/{self.count}", length, alphabet)

    def uuid(self):
        h = self.token("uuid", 32)
        return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-a{h[17:20]}-{h[20:32]}"

    def user(self, name, key=None):
        """userIdentity of an IAM user acting with a long-lived key."""
        who = {"type": "IAMUser",
               "principalId": "AIDA" + fixed_token(f"{self.seed}/user/{name}", 10, UPPER) + "EXAMPLE",
               "arn": f"arn:aws:iam::{self.id}:user/{name}", "accountId": self.id}
        if key:
            who["accessKeyId"] = key
        who["userName"] = name
        return who

    def key(self, name, kind="AKIA"):
        """An access key id that says in itself that it is an example."""
        return kind + fixed_token(f"{self.seed}/key/{name}", 9, UPPER) + "EXAMPLE"

    def role_arn(self, role):
        return f"arn:aws:iam::{self.id}:role/{role}"

    def role_id(self, role):
        return "AROA" + fixed_token(f"{self.seed}/role/{role}", 10, UPPER) + "EXAMPLE"

    def session(self, role, name, key, since, extra=None):
        """userIdentity of a role session."""
        context = {"sessionIssuer": {"type": "Role", "principalId": self.role_id(role),
                                     "arn": self.role_arn(role), "accountId": self.id,
                                     "userName": role},
                   "attributes": {"creationDate": stamp(since), "mfaAuthenticated": "false"}}
        context.update(extra or {})
        return {"type": "AssumedRole", "principalId": f"{self.role_id(role)}:{name}",
                "arn": f"arn:aws:sts::{self.id}:assumed-role/{role}/{name}", "accountId": self.id,
                "accessKeyId": key, "sessionContext": context}

    def sso_session(self, permission_set, person, key, since):
        """userIdentity of a person who came through IAM Identity Center."""
        role = f"AWSReservedSSO_{permission_set}_{fixed_token(self.seed + permission_set, 16)}"
        who = self.session(role, person, key, since)
        who["sessionContext"]["sessionIssuer"]["arn"] = (
            f"arn:aws:iam::{self.id}:role/aws-reserved/sso.amazonaws.com/{role}")
        return who

    def service_session(self, service, role, session, since, key=None):
        """userIdentity of a service that acts through its own (service-linked) role."""
        who = self.session(role, session, key or self.key(f"{role}/{stamp(since)}", "ASIA"), since)
        who["sessionContext"]["sessionIssuer"]["arn"] = (
            f"arn:aws:iam::{self.id}:role/aws-service-role/{service}.amazonaws.com/{role}")
        who["invokedBy"] = f"{service}.amazonaws.com"
        return who

    def instance_session(self, role, instance, key, since):
        """userIdentity of the role that an EC2 instance carries."""
        return self.session(role, instance, key, since, {"ec2RoleDelivery": "2.0"})

    def federated(self, name, user, key, since):
        """userIdentity behind GetFederationToken; `user` is the userIdentity that asked for it."""
        return {"type": "FederatedUser", "principalId": f"{self.id}:{name}",
                "arn": f"arn:aws:sts::{self.id}:federated-user/{name}", "accountId": self.id,
                "accessKeyId": key,
                "sessionContext": {"sessionIssuer": {"type": "IAMUser",
                                                     "principalId": user["principalId"],
                                                     "arn": user["arn"], "accountId": self.id,
                                                     "userName": user["userName"]},
                                   "attributes": {"creationDate": stamp(since),
                                                  "mfaAuthenticated": "false"}}}

    def root_user(self):
        return {"type": "Root", "principalId": self.id, "arn": f"arn:aws:iam::{self.id}:root",
                "accountId": self.id}

    def web_identity(self, provider, audience, subject):
        """userIdentity on AssumeRoleWithWebIdentity."""
        return {"type": "WebIdentityUser", "principalId": f"{provider}:{audience}:{subject}",
                "userName": subject, "identityProvider": provider}

    def call(self, when, who, api, region, ip, agent, asked=None, answered=None, error=None,
             message=None, **more):
        """One record; api is 'ec2:RunInstances'."""
        service, name = api.split(":")
        if service in GLOBAL_SERVICES:
            region = "us-east-1"
        record = {"eventVersion": "1.09", "userIdentity": who, "eventTime": stamp(when),
                  "eventSource": f"{service}.amazonaws.com", "eventName": name,
                  "awsRegion": region, "sourceIPAddress": ip, "userAgent": agent}
        if error:
            record["errorCode"] = error
            record["errorMessage"] = message or "The request was refused."
        host = (f"{service}.amazonaws.com" if service in GLOBAL_SERVICES
                else f"{service}.{region}.amazonaws.com")
        record.update({"requestParameters": asked, "responseElements": answered,
                       "requestID": self.uuid(), "eventID": self.uuid(),
                       "readOnly": name.startswith(READ_VERBS), "eventType": "AwsApiCall",
                       "managementEvent": True, "recipientAccountId": self.id,
                       "eventCategory": "Management",
                       "tlsDetails": {"tlsVersion": "TLSv1.3",
                                      "cipherSuite": "TLS_AES_128_GCM_SHA256",
                                      "clientProvidedHostHeader": host}})
        record.update(more)
        return record

    def console_login(self, when, who, ip, mfa=True):
        record = self.call(when, {k: v for k, v in who.items() if k != "accessKeyId"},
                           "signin:ConsoleLogin", "us-east-1", ip, CONSOLE,
                           answered={"ConsoleLogin": "Success"}, eventType="AwsConsoleSignIn",
                           additionalEventData={
                               "LoginTo": "https://console.aws.amazon.com/console/home",
                               "MobileVersion": "No", "MFAUsed": "Yes" if mfa else "No"})
        record["tlsDetails"]["clientProvidedHostHeader"] = "signin.aws.amazon.com"
        return record

    def launch(self, when, who, region, ip, agent, kind, count, protect=False, error=None,
               message=None, profile=None, instances=None, tags=None):
        """RunInstances: what was asked for and, unless it failed, what was made."""
        image = "ami-" + fixed_token(f"{region}/image", 17)
        client_token = self.uuid()
        asked = {"instancesSet": {"items": [{"imageId": image, "minCount": 1 if error else count,
                                             "maxCount": count}]},
                 "instanceType": kind, "blockDeviceMapping": {}, "monitoring": {"enabled": False},
                 "disableApiTermination": protect, "disableApiStop": protect,
                 "clientToken": client_token, "ebsOptimized": False}
        if profile:
            asked["iamInstanceProfile"] = {"name": profile}
        if tags:
            asked["tagSpecificationSet"] = {"items": [{"resourceType": "instance", "tags": [
                {"key": k, "value": v} for k, v in tags.items()]}]}
        answered = None
        if not error:
            if instances is None:
                instances = ["i-0" + self.token("instance", 16) for _ in range(count)]
            items = []
            for n, instance in enumerate(instances):
                item = {"instanceId": instance, "imageId": image,
                        "instanceState": {"code": 0, "name": "pending"}, "amiLaunchIndex": n,
                        "productCodes": {}, "instanceType": kind, "launchTime": milliseconds(when),
                        "placement": {"availabilityZone": region + "a", "tenancy": "default"},
                        "monitoring": {"state": "disabled"},
                        "subnetId": "subnet-0" + fixed_token(f"{self.seed}/{region}/subnet", 16),
                        "vpcId": "vpc-0" + fixed_token(f"{self.seed}/{region}/vpc", 16),
                        "privateIpAddress": f"172.31.{self.count % 16}.{10 + n}",
                        "stateReason": {"code": "pending", "message": "pending"},
                        "architecture": "x86_64", "rootDeviceType": "ebs",
                        "rootDeviceName": "/dev/xvda", "blockDeviceMapping": {},
                        "virtualizationType": "hvm", "hypervisor": "xen", "tagSet": {},
                        "clientToken": client_token, "sourceDestCheck": True}
                if profile:
                    item["iamInstanceProfile"] = {
                        "arn": f"arn:aws:iam::{self.id}:instance-profile/{profile}",
                        "id": "AIPA" + fixed_token(f"{self.seed}/profile/{profile}", 10, UPPER)
                              + "EXAMPLE"}
                if tags:
                    item["tagSet"] = {"items": [{"key": k, "value": v} for k, v in tags.items()]}
                items.append(item)
            answered = {"requestId": self.uuid(), "reservationId": "r-0" + self.token("r", 16),
                        "ownerId": self.id, "groupSet": {}, "instancesSet": {"items": items}}
        return self.call(when, who, "ec2:RunInstances", region, ip, agent, asked, answered,
                         error, message)

    def credentials(self, when, key, seconds=3600):
        """What STS answers with, as the record shows it."""
        return {"accessKeyId": key,
                "sessionToken": "example-session-token-" + self.token("token", 40),
                "expiration": expiration(later(when, seconds))}

    def assume_role(self, when, who, region, ip, agent, role, session, key, into=None, **more):
        """AssumeRole; `key` is the session's credential, as the record shows it. into: the account
        that has the role, where it is another one."""
        there = into or self
        return self.call(
            when, who, "sts:AssumeRole", region, ip, agent,
            {"roleArn": there.role_arn(role), "roleSessionName": session, "durationSeconds": 3600},
            {"credentials": self.credentials(when, key),
             "assumedRoleUser": {"assumedRoleId": f"{there.role_id(role)}:{session}",
                                 "arn": f"arn:aws:sts::{there.id}:assumed-role/{role}/{session}"}},
            resources=[{"accountId": there.id, "type": "AWS::IAM::Role",
                        "ARN": there.role_arn(role)}], **more)

    def assume_role_as_seen_there(self, here, record):
        """The same AssumeRole in the log of the account that has the role: the caller is an account
        and an id, his key is not told. `here` is the caller's account."""
        seen = json.loads(json.dumps(record))
        who = record["userIdentity"]
        seen["userIdentity"] = {"type": "AWSAccount", "principalId": who["principalId"],
                                "accountId": here.id}
        seen.update(eventID=self.uuid(), recipientAccountId=self.id)
        return seen

    def assume_by_token(self, when, who, region, ip, agent, role, session, key, provider):
        """AssumeRoleWithWebIdentity; who: web_identity()."""
        return self.call(
            when, who, "sts:AssumeRoleWithWebIdentity", region, ip, agent,
            {"roleArn": self.role_arn(role), "roleSessionName": session, "durationSeconds": 3600},
            {"credentials": self.credentials(when, key),
             "subjectFromWebIdentityToken": who["userName"], "audience": "sts.amazonaws.com",
             "provider": provider,
             "assumedRoleUser": {"assumedRoleId": f"{self.role_id(role)}:{session}",
                                 "arn": f"arn:aws:sts::{self.id}:assumed-role/{role}/{session}"}},
            resources=[{"accountId": self.id, "type": "AWS::IAM::Role",
                        "ARN": self.role_arn(role)}])

    def service_assumes(self, when, service, region, role, session, key):
        """AssumeRole by an AWS service, which hands the credentials to a workload."""
        who = {"type": "AWSService", "invokedBy": f"{service}.amazonaws.com"}
        name = f"{service}.amazonaws.com"
        return bare(self.assume_role(when, who, region, name, name, role, session, key,
                                     sharedEventID=self.uuid()))


def bare(record):
    """A call of a service: there is no connection from outside to tell of."""
    record.pop("tlsDetails", None)
    return record


UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def fixed_token(of, length, alphabet="0123456789abcdef"):
    """Letters that depend on `of` alone."""
    number = int.from_bytes(hashlib.sha512(of.encode()).digest(), "big")
    letters = []
    for _ in range(length):
        number, digit = divmod(number, len(alphabet))
        letters.append(alphabet[digit])
    return "".join(letters)


def expiration(when):
    """As CloudTrail writes it: 'Mar 2, 2026, 9:14:05 AM'."""
    hour = when.hour % 12 or 12
    half = "AM" if when.hour < 12 else "PM"
    months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
    return (f"{months[when.month - 1]} {when.day}, {when.year}, "
            f"{hour}:{when.minute:02d}:{when.second:02d} {half}")


def envelope(record):
    """The record as EventBridge delivers it."""
    kinds = {"AwsConsoleSignIn": "AWS Console Sign In via CloudTrail",
             "AwsServiceEvent": "AWS Service Event via CloudTrail"}
    return {"version": "0", "id": fixed_uuid("envelope/" + record["eventID"]),
            "detail-type": kinds.get(record["eventType"], "AWS API Call via CloudTrail"),
            "source": "aws." + record["eventSource"].split(".")[0],
            "account": record["recipientAccountId"], "time": record["eventTime"],
            "region": record["awsRegion"], "resources": [], "detail": record}


def fixed_uuid(of):
    h = fixed_token(of, 32)
    return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-b{h[17:20]}-{h[20:32]}"


def leak_notice(account, when, key, user, url, code="AWS_RISK_CREDENTIALS_EXPOSED"):
    """AWS Health's notice that a key of this account is public."""
    seed = f"{account}/{key}/{code}/{stamp(when)}"
    said = when.strftime("%a, %d %b %Y %H:%M:%S GMT")
    return {"version": "0", "id": fixed_uuid("health/" + seed), "detail-type": "AWS Health Event",
            "source": "aws.health", "account": account, "time": stamp(when), "region": "us-east-1",
            "resources": [key],
            "detail": {
                "eventArn": f"arn:aws:health:us-east-1::event/RISK/{code}/{code}-"
                            + fixed_token(seed, 10),
                "service": "RISK", "eventTypeCode": code, "eventTypeCategory": "issue",
                "eventScopeCode": "ACCOUNT_SPECIFIC", "communicationId": fixed_token(seed, 44),
                "startTime": said, "lastUpdatedTime": said, "statusCode": "open",
                "eventRegion": "us-east-1",
                "eventDescription": [{"language": "en_US", "latestDescription":
                                      "An access key of this account was found in a public place."}],
                "eventMetadata": {"accountId": account, "publicKey": key, "userName": user,
                                  "exposedUrl": url, "truncated": "false"},
                "affectedEntities": [{"entityValue": key, "lastUpdatedTime": said}],
                "affectedAccount": account, "page": "1", "totalPages": "1"}}


def line(event):
    """One event as one line of ndjson."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")) + "\n"

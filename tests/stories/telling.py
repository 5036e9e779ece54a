"""What every story of events/ is told with: days, quiet baselines, envelopes, and the Story itself."""
from typing import NamedTuple, Optional

from cloudtrail import BOTO3, CONSOLE, at, envelope, later

OFFICE = "198.51.100"  # people
BUILDER = "192.0.2"    # machines that belong to us
THIEF = "203.0.113"    # everybody else

QUOTA = "Client.VcpuLimitExceeded"
QUOTA_SAYS = ("You have requested more vCPU capacity than your current vCPU limit of 32 allows for "
              "the instance bucket that the specified instance type belongs to.")
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
ALLOW_ALL = ('{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*",'
             '"Resource":"*"}]}')


class Story(NamedTuple):
    """One folder of events/."""
    name: str
    events: list
    readme: str
    expect: dict
    config: Optional[dict] = None


def day(first, n, clock="09:00:00"):
    """n days after the date `first`, at `clock`."""
    return later(at(f"{first}T{clock}Z"), n * 86400)


class Actor:
    """Somebody at one address with one tool: does("iam:CreateUser", 30, {...}) is a call 30 s in."""

    def __init__(self, acc, who, start, ip, agent, region="us-east-1"):
        self.acc, self.who, self.start = acc, who, start
        self.ip, self.agent, self.region = ip, agent, region

    def does(self, api, seconds=0, asked=None, answered=None, region=None, **more):
        return self.acc.call(later(self.start, seconds), self.who, api, region or self.region,
                             self.ip, self.agent, asked, answered, **more)

    def launches(self, seconds, kind, count, region=None, **more):
        return self.acc.launch(later(self.start, seconds), self.who, region or self.region, self.ip,
                               self.agent, kind, count, **more)


BUILD_WORK = (("ecr:GetAuthorizationToken", {}),
              ("ecr:DescribeRepositories", {"repositoryNames": ["web"]}),
              ("ecr:PutImage", {"repositoryName": "web", "imageTag": "latest"}),
              ("ecr:DescribeImages", {"repositoryName": "web"}),
              ("ec2:DescribeInstances", {"instancesSet": {}, "filterSet": {}}))
EXPORT_WORK = (("s3:ListBuckets", None), ("s3:GetBucketLocation", {"bucketName": "example-export"}),
               ("s3:PutBucketTagging", {"bucketName": "example-export", "tagging": ""}))
ADMIN_WORK = (("ec2:DescribeInstances", {"instancesSet": {}, "filterSet": {}}),
              ("logs:PutRetentionPolicy", {"logGroupName": "/app/web", "retentionInDays": 30}),
              ("cloudwatch:PutMetricAlarm", {"alarmName": "errors"}),
              ("iam:ListUsers", {}))


def quiet(acc, who, first, days, ip, agent=BOTO3, region="us-east-1", work=BUILD_WORK, a_day=1,
          clock="08:30:00"):
    """The same few calls day after day, from one network, with one tool."""
    events = []
    for n in range(days):
        for k in range(a_day):
            api, asked = work[(n * a_day + k) % len(work)]
            events.append(acc.call(later(day(first, n, clock), 7 * n + 300 * k), who, api, region,
                                   ip, agent, asked))
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


def record_of(event):
    return event.get("detail", event)


def id_of(event):
    """The id that the decision on this event has."""
    record = record_of(event)
    return record.get("eventID") or record.get("insertId") or event.get("id")


class Lines(list):
    """Events in the order of delivery, which know how many of them are the baseline."""

    history = 0

    def __add__(self, story):
        lines = Lines(list.__add__(self, story))
        lines.history = self.history
        return lines


def in_order(events):
    """The baseline, oldest first; what is added to it is the story."""
    lines = Lines(sorted(events, key=lambda e: record_of(e).get("eventTime") or e["timestamp"]))
    lines.history = len(lines)
    return lines


def wrap_writes(events):
    """EventBridge delivers changes; reads come only in CloudTrail's own files."""
    return [e if e.get("readOnly") else envelope(e) for e in events]


def made(events):
    """Instance ids that these launches made."""
    return [item["instanceId"] for e in events
            for item in ((record_of(e).get("responseElements") or {}).get("instancesSet") or {})
            .get("items", [])]


def by(events, who):
    return [e for e in events if record_of(e).get("userIdentity", {}).get("arn") == who["arn"]]

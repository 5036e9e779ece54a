"""Stories of robots and people at their work: what must stay silent, or wait for a person."""
from cloudtrail import (BOTO3, CONSOLE, KARPENTER, TERRAFORM, Account, at, envelope, fixed_token, later)
from telling import (ADMIN_WORK, BUILDER, OFFICE, QUOTA, QUOTA_SAYS, Actor, Story, day, in_order, made,
                     quiet, wrap_writes)

ROLLOUT = ("us-east-1", "eu-west-1", "us-west-2", "eu-central-1", "ap-southeast-2", "sa-east-1",
           "ap-south-1")


def rollout(acc, regions):
    """Thirty days of 3 x m5.4xlarge in two regions, then the same in each of `regions`."""
    ci, ip, events = acc.user("terraform-ci", acc.key("terraform-ci")), f"{BUILDER}.80", []
    for n in range(30):
        t = day("2026-02-08", n, "10:00:00")
        events.append(acc.call(t, ci, "sts:GetCallerIdentity", "us-east-1", ip, TERRAFORM))
        for k, region in enumerate(("us-east-1", "eu-west-1")):
            events.append(acc.launch(later(t, 45 + 90 * k), ci, region, ip, TERRAFORM, "m5.4xlarge", 3,
                                     tags={"managed-by": "terraform", "stack": "web"}))
    work = Actor(acc, ci, at("2026-03-11T10:01:00Z"), ip, TERRAFORM)
    steps = [work.does("sts:GetCallerIdentity", -60)]
    for n, region in enumerate(regions):
        steps += [work.launches(150 * n + 8 * copy, "m5.4xlarge", 1, region,
                                tags={"managed-by": "terraform", "stack": "web"}) for copy in range(3)]
    return ci, in_order(events) + [envelope(e) for e in steps]


def first_of(events):
    """The roll-out's own events come in envelopes."""
    return next(e["detail"]["eventID"] for e in events if "detail" in e)


ROLLOUT_WHO = """**Who.** IAM user `terraform-ci` of account {id}: a CI server that has started 3 x m5.4xlarge in
each of two regions on thirty days, always from the same network, always with Terraform.
"""


def terraform_rollout():
    acc = Account("111122225555", "terraform")
    ci, events = rollout(acc, ROLLOUT[:6])
    readme = f"""# A Terraform roll-out to six regions

{ROLLOUT_WHO.format(id=acc.id)}
**What.** The product grows: 3 x m5.4xlarge in six regions within a quarter of an hour, four of the
regions new. Nobody announced a change window.

**Expected decision.** Silence: the benign twin of leaked-key-every-region. Same shape of growth, but the
network, the program and the habit are known, and the bill is small.
"""
    expect = {"max_level": "observe", "max_score": 20, "story_from": first_of(events),
              "contain_by_event": None, "root": None, "never": [ci["arn"]], "actions": {},
              "left_alone": made(events)}
    return Story("terraform-rollout", events, readme, expect)


def terraform_rollout_window():
    acc = Account("111122225656", "terraform-window")
    ci, events = rollout(acc, ROLLOUT)
    readme = f"""# A roll-out that was announced

{ROLLOUT_WHO.format(id=acc.id)}
**What.** 3 x m5.4xlarge in seven regions within twenty minutes, five of them new. config.json announces
it: who, until when, and at most 100 USD an hour.

**Expected decision.** Silence.
"""
    expect = {"max_level": "observe", "max_score": 20, "story_from": first_of(events),
              "contain_by_event": None, "root": None, "never": [ci["arn"]], "actions": {},
              "left_alone": made(events)}
    return Story("terraform-rollout-window", events, readme, expect,
                 {"change_windows": [{"who": ci["arn"], "max_usd_per_hour": 100,
                                      "from": "2026-03-11T09:00:00Z", "until": "2026-03-11T12:00:00Z",
                                      "why": "the product goes worldwide"}]})


def terraform_rollout_unannounced():
    acc = Account("111122225757", "terraform-unannounced")
    ci, events = rollout(acc, ROLLOUT)
    readme = f"""# A roll-out that nobody announced

{ROLLOUT_WHO.format(id=acc.id)}
**What.** The same as in terraform-rollout-window, but without the announcement: seven regions within
twenty minutes, five of them new, and more than 20 USD an hour.

**Expected decision.** Alert, never contain: at this spread and price habits excuse nothing, but one group
of signals stands alone. A person looks.
"""
    expect = {"max_level": "alert", "max_score": 79, "min_score": 50, "story_from": first_of(events),
              "contain_by_event": None,
              "alert_by_event": events[-1]["detail"]["eventID"], "root": None, "never": [ci["arn"]],
              "no_actions": True, "actions": {}, "left_alone": made(events)}
    return Story("terraform-rollout-unannounced", events, readme, expect)


def quiet_karpenter():
    acc = Account("111122229999", "karpenter")
    role, region, ip = "KarpenterController", "eu-west-1", f"{BUILDER}.16"
    subject = "system:serviceaccount:karpenter:karpenter"
    provider = f"oidc.eks.{region}.amazonaws.com/id/EXAMPLE"
    arn = f"arn:aws:iam::{acc.id}:oidc-provider/{provider}"
    web = acc.web_identity(provider, "sts.amazonaws.com", subject)
    events, seen, first_gpu, last, gpu_from = [], set(), None, None, 0

    def fleet(t, who, kind, count, dry=False, error=None):
        asked = {"CreateFleetRequest": {
            "Type": "instant", "TargetCapacitySpecification": {
                "TotalTargetCapacity": count, "DefaultTargetCapacityType": "on-demand"},
            "LaunchTemplateConfigs": {"tag": 1, "LaunchTemplateSpecification": {
                "LaunchTemplateName": "karpenter.k8s.aws/default", "Version": "$Latest"},
                "Overrides": [{"InstanceType": kind, "tag": 1}]}}}
        if dry:
            asked["CreateFleetRequest"]["DryRun"] = True
            return acc.call(t, who, "ec2:CreateFleet", region, ip, KARPENTER, asked,
                            error="Client.DryRunOperation",
                            message="Request would have succeeded, but DryRun flag is set.")
        if error:
            return acc.call(t, who, "ec2:CreateFleet", region, ip, KARPENTER, asked, error=error,
                            message=QUOTA_SAYS)
        return acc.call(t, who, "ec2:CreateFleet", region, ip, KARPENTER, asked,
                        {"CreateFleetResponse": {
                            "fleetId": "fleet-" + acc.token("fleet", 36), "errorSet": "",
                            "fleetInstanceSet": {"item": {
                                "instanceIds": {"item": ["i-0" + acc.token("instance", 16)
                                                         for _ in range(count)]},
                                "instanceType": kind, "lifecycle": "on-demand"}}}})

    for n, nodes in enumerate((2, 2, 3, 3, 4, 6, 8, 10, 12, 16, 20, 26, 32, 40, 40, 40, 40, 40, 40, 40)):
        t = day("2026-07-06", n, "07:00:00")
        key, session = acc.key(f"karpenter-{n}", "ASIA"), f"{1783317600 + 86400 * n}000000000"
        who = acc.session(role, session, key, t, {"webIdFederationData": {
            "federatedProvider": arn, "attributes": {}}})
        seen.add(who["arn"])
        events += [acc.assume_by_token(t, web, region, ip, KARPENTER, role, session, key, arn),
                   fleet(later(t, 900), who, "m5.xlarge", 10, dry=True)]
        gpu = n >= 17  # a machine-learning team has come
        gpu_from = gpu_from or (gpu and len(events) - 2)
        for k in range((nodes + 9) // 10):
            events.append(fleet(later(t, 902 + 20 * k), who, "g5.xlarge" if gpu else "m5.xlarge",
                                min(10, nodes - 10 * k)))
        if gpu:
            last = [fleet(later(t, 990 + 30 * k), who, "g5.xlarge", 10, error=QUOTA) for k in range(4)]
            events += last
            first_gpu = first_gpu or last[-1]["eventID"]
    readme = f"""# Karpenter does its work

**Who.** The Karpenter controller of a Kubernetes cluster in account {acc.id}: a robot that assumes role
`{role}` by web identity, every day from the same network.

**What.** Twenty days: each morning it validates CreateFleet with DryRun, then starts what the day needs:
two m5.xlarge at first, forty after two weeks. From the eighteenth day on a machine-learning team is there,
and the forty are g5.xlarge; four more calls a day run into the quota.

**Expected decision.** Silence: never above observe. Dry runs, fleets, quota errors and a first GPU are
this robot's trade.
"""
    expect = {"max_level": "observe", "contain_by_event": None, "root": None,
              "score_at": {first_gpu: [0, 20], last[-1]["eventID"]: [0, 20]},
              "never": sorted(seen) + [acc.role_arn(role)], "actions": {}, "left_alone": []}
    events = [e if n % 2 else envelope(e) for n, e in enumerate(events)]
    return Story("quiet-karpenter", in_order(events[:gpu_from]) + events[gpu_from:], readme, expect)


def colleague(acc, permission_set, name, first, days, work=ADMIN_WORK, region="us-east-1", own=None):
    """A person who comes through Identity Center every day, from the office."""
    events, who = [], None
    for n in range(days):
        t = day(first, n, "09:10:00")
        who = acc.sso_session(permission_set, f"{name}@shop.example", acc.key(f"{name}-{n}", "ASIA"), t)
        desk = Actor(acc, who, t, f"{OFFICE}.15", CONSOLE, region)
        events += [desk.does(api, 60 + 300 * k, asked) for k, (api, asked) in
                   enumerate((work[n % len(work)], work[(n + 1) % len(work)]))]
        if own:
            events.append(desk.launches(900, own, 1))
    t = day(first, days, "09:10:00")
    return acc.sso_session(permission_set, f"{name}@shop.example", acc.key(f"{name}-now", "ASIA"),
                           t), t, events


def one_step(name, acc, who, events, step, score, text, who_text):
    readme = f"""{text[0]}

**Who.** {who_text}

**What.** {text[1]}

**Expected decision.** {text[2]}
"""
    expect = {"max_level": "observe", "max_score": score, "story_from": step[0]["eventID"],
              "contain_by_event": None, "root": None, "never": [who["arn"]], "actions": {}, "left_alone": []}
    return Story(name, in_order(events) + wrap_writes(step), readme, expect)


def first_gpu_job():
    acc = Account("111122225858", "gpu-job")
    who, t, events = colleague(acc, "DataScientist", "lena", "2026-03-01", 30)
    desk = Actor(acc, who, t, f"{OFFICE}.15", CONSOLE)
    step = [desk.does("sagemaker:CreateTrainingJob", 1200, {
        "trainingJobName": "churn-1", "roleArn": acc.role_arn("SageMaker"),
        "resourceConfig": {"instanceType": "ml.p3.2xlarge", "instanceCount": 1, "volumeSizeInGB": 50}},
        {"trainingJobArn": f"arn:aws:sagemaker:us-east-1:{acc.id}:training-job/churn-1"})]
    return one_step("first-gpu-job", acc, who, events, step, 20, (
        "# An analyst's first GPU job",
        "For the first time she starts a training job on one ml.p3.2xlarge, from the office.",
        "Silence. The twin of services-instead-of-machines: one new service, not five."),
        f"`lena` of account {acc.id}, an analyst who comes through IAM Identity Center every day.")


def job_flow(acc, actor, seconds, name, kind, count):
    return actor.does("elasticmapreduce:RunJobFlow", seconds, {
        "name": name, "releaseLabel": "emr-7.0.0", "serviceRole": "EMR_DefaultRole",
        "jobFlowRole": "EMR_EC2_DefaultRole",
        "instances": {"keepJobFlowAliveWhenNoSteps": False, "instanceGroups": [
            {"instanceRole": "MASTER", "market": "ON_DEMAND", "instanceType": "m5.xlarge",
             "instanceCount": 1},
            {"instanceRole": "CORE", "market": "ON_DEMAND", "instanceType": kind,
             "instanceCount": count}]}},
        {"jobFlowId": "j-" + fixed_token(name + kind, 13, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"),
         "clusterArn": f"arn:aws:elasticmapreduce:{actor.region}:{acc.id}:cluster/{name}"})


def first_emr_cluster():
    acc = Account("111122225959", "first-emr")
    who, t, events = colleague(acc, "DataEngineer", "marek", "2026-03-01", 30)
    desk = Actor(acc, who, t, f"{OFFICE}.15", CONSOLE)
    return one_step("first-emr-cluster", acc, who, events,
                    [job_flow(acc, desk, 1200, "backfill", "m5.24xlarge", 60)], 40, (
        "# The first EMR cluster, and a large one",
        "For the first time he starts an EMR cluster: 60 x m5.24xlarge, for a backfill, from the office "
        "and in the usual region.",
        "Observe: dear and new, but nothing else is odd."),
        f"`marek` of account {acc.id}, an engineer who comes through IAM Identity Center every day.")


def hotel_wifi_gpu():
    acc = Account("111122226060", "hotel")
    who, t, events = colleague(acc, "MLEngineer", "jonas", "2026-03-01", 30, own="m5.xlarge")
    desk = Actor(acc, who, later(t, 39600), "203.0.113.230", CONSOLE)
    step = [desk.does("ec2:DescribeInstances", 0, {"instancesSet": {}, "filterSet": {}}),
            desk.launches(300, "p4d.24xlarge", 1)]
    return one_step("hotel-wifi-gpu", acc, who, events, step, 49, (
        "# An engineer on hotel wifi",
        "In the evening, from a hotel's network, he starts a p4d.24xlarge, his first.",
        "Observe: an unknown network and a dear machine, but his usual browser, his usual region and one "
        "machine."),
        f"`jonas` of account {acc.id}, who comes through IAM Identity Center and starts a machine a day.")


def new_engineer():
    acc = Account("111122226161", "new-engineer")
    lead, _, events = colleague(acc, "Developer", "sofia", "2026-03-01", 20, own="t3.large")
    t = at("2026-03-21T09:30:00Z")
    who = acc.sso_session("Developer", "timo@shop.example", acc.key("timo", "ASIA"), t)
    desk = Actor(acc, who, t, f"{OFFICE}.22", CONSOLE)
    refused = [desk.does(api, 60 * n + 30, error="AccessDenied", message="not authorized")
               for n, api in enumerate(("iam:ListUsers", "ce:GetCostAndUsage", "iam:GetAccountSummary"))]
    looks = [desk.does(api, 400 + 60 * n) for n, api in enumerate((
        "ec2:DescribeInstances", "ec2:DescribeVpcs", "s3:ListBuckets", "lambda:ListFunctions"))]
    return one_step("new-engineer", acc, who, events, refused + looks + [desk.launches(3000, "t3.large", 1)],
                    25, (
        "# The first day of a new engineer",
        "He looks around, is refused three times, and starts a t3.large, as everybody does here. The twin "
        "of persistence-burst.",
        "Silence: nobody knows him yet, and that alone is no crime."),
        f"`timo`, who joins the developers of account {acc.id} today, through IAM Identity Center.")


def sandbox_teardown():
    acc = Account("111122226262", "teardown")
    ci, ip = acc.user("sandbox-ci", acc.key("sandbox-ci")), f"{BUILDER}.85"
    events = quiet(acc, ci, "2026-04-01", 40, ip, TERRAFORM, work=ADMIN_WORK, a_day=2)
    work = Actor(acc, ci, at("2026-05-11T15:00:00Z"), ip, TERRAFORM)
    trail = f"arn:aws:cloudtrail:us-east-1:{acc.id}:trail/sandbox"
    step = [work.does("cloudtrail:StopLogging", 0, {"name": trail}),
            work.does("cloudtrail:DeleteTrail", 3, {"name": trail}),
            work.does("guardduty:DeleteDetector", 9, {"detectorId": acc.token("detector", 32)}),
            work.does("ec2:DeleteSubnet", 20, {"subnetId": "subnet-0" + acc.token("s", 16)}),
            work.does("ec2:DeleteVpc", 31, {"vpcId": "vpc-0" + acc.token("v", 16)})]
    readme = f"""# A sandbox is taken down

**Who.** IAM user `sandbox-ci` of account {acc.id}: Terraform from one network, for forty days.

**What.** The sandbox is no longer needed and everything in it goes, its trail and its detector too.
config.json announces it. The twin of blinded-and-repeated.

**Expected decision.** At most alert, never contain: who blinds an account is looked at whatever he
announced, but one group of signals stands alone.
"""
    expect = {"max_level": "alert", "max_score": 65, "story_from": step[0]["eventID"],
              "contain_by_event": None, "root": None,
              "never": [ci["arn"]], "no_actions": True, "actions": {}, "left_alone": []}
    return Story("sandbox-teardown", in_order(events) + wrap_writes(step), readme, expect,
                 {"change_windows": [{"who": ci["arn"], "from": "2026-05-11T14:00:00Z",
                                      "until": "2026-05-11T17:00:00Z", "why": "sandbox goes"}]})


def slow_expansion():
    acc = Account("111122226363", "expansion")
    ci, ip = acc.user("terraform-ci", acc.key("terraform-ci")), f"{BUILDER}.86"
    tags = {"managed-by": "terraform", "stack": "shop"}
    events = []
    for n in range(45):
        job = Actor(acc, ci, day("2026-02-20", n, "10:00:00"), ip, TERRAFORM)
        events += [job.does("ec2:DescribeVpcs", 0, {"vpcSet": {}}), job.launches(30, "m5.large", 2,
                                                                                  tags=tags)]
    steps = []
    for n, region in enumerate(("eu-west-1", "ap-southeast-1", "sa-east-1", "eu-north-1", "ca-central-1")):
        job = Actor(acc, ci, day("2026-04-06", 2 * n, "10:00:00"), ip, TERRAFORM, region)
        steps += [job.does("ec2:DescribeVpcs", 0, {"vpcSet": {}}), job.launches(40, "m5.large", 2,
                                                                                 tags=tags)]
    readme = f"""# A company grows slowly

**Who.** IAM user `terraform-ci` of account {acc.id}: Terraform from one network, two machines a day in
us-east-1 for six weeks.

**What.** Every second day the same two machines in one more region, five in all. The twin of
patient-thief.

**Expected decision.** Silence: the network, the tool and the volume are known.
"""
    expect = {"max_level": "observe", "max_score": 40, "story_from": steps[0]["eventID"],
              "contain_by_event": None, "root": None, "never": [ci["arn"]], "actions": {},
              "left_alone": made(events + steps)}
    return Story("slow-expansion", in_order(events) + wrap_writes(steps), readme, expect)


def nightly_emr():
    acc = Account("111122226464", "nightly-emr")
    ip, region, events, sessions = f"{BUILDER}.87", "us-east-1", [], set()

    def lean(record):
        for field in ("tlsDetails", "eventCategory"):
            record.pop(field, None)
        return record

    def night(n, launches, reads):
        t = day("2026-05-01", n, "01:00:00")
        key = acc.key(f"airflow-{n}", "ASIA")
        who = acc.session("airflow", "nightly", key, t)
        sessions.add(who["arn"])
        out = [acc.service_assumes(t, "ecs-tasks", region, "airflow", "nightly", key),
               job_flow(acc, Actor(acc, who, t, ip, BOTO3, region), 20, "nightly", "r5.24xlarge", 12)]
        emr = acc.service_session("elasticmapreduce", "EMR_DefaultRole", "CCSSession", t)
        emr["sessionContext"]["sessionIssuer"]["arn"] = acc.role_arn("EMR_DefaultRole")
        service = "elasticmapreduce.amazonaws.com"
        out += [acc.launch(later(t, 60 + 5 * k), emr, region, service, service, "r5.24xlarge",
                           12 // launches) for k in range(launches)]
        for k in range(reads):
            api = ("ec2:CreateTags", "kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey")[k % 4]
            who = emr if k % 4 == 0 else {"type": "AWSService", "invokedBy": service}
            out.append(acc.call(later(t, 120 + 12 * k), who, api, region, service, service))
        return [lean(e) for e in out]

    for n in range(12):
        events += night(n, 2, 2)
    last = night(12, 6, 992)
    readme = f"""# A thousand events of one night

**Who.** Role `airflow` of account {acc.id}, which starts the same EMR cluster of 12 x r5.24xlarge every
night.

**What.** The thirteenth night, in full: a thousand events, nearly all of them EMR's own calls.

**Expected decision.** Silence.
"""
    expect = {"max_level": "observe", "max_score": 20, "story_from": last[0]["eventID"],
              "contain_by_event": None, "root": None,
              "never": sorted(sessions) + [acc.role_arn("airflow"), acc.role_arn("EMR_DefaultRole")],
              "actions": {}, "left_alone": made(last)}
    return Story("nightly-emr", in_order(events) + last, readme, expect)


STORIES = (terraform_rollout_window, terraform_rollout, terraform_rollout_unannounced, quiet_karpenter, first_gpu_job,
           first_emr_cluster, hotel_wifi_gpu, new_engineer, sandbox_teardown, slow_expansion,
           nightly_emr)

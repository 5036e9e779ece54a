"""Stories of thieves who use other services than EC2's own launches: containers, groups, notebooks,
models."""
from cloudtrail import BOTO3, GO, Account, at, bare, fixed_token, later, stamp
from telling import (ADMIN, ADMIN_WORK, BUILDER, THIEF, Actor, Story, day,
                     in_order, made, quiet, wrap_writes)

IMAGE = "registry.example/tools/worker:latest"


def role_for(acc, actor, seconds, name, service, policy):
    """A role that a service may take, with a managed policy."""
    trust = ('{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"'
             + service + '.amazonaws.com"},"Action":"sts:AssumeRole"}]}')
    return [actor.does("iam:CreateRole", seconds, {"roleName": name, "assumeRolePolicyDocument": trust},
                       {"role": {"path": "/", "roleName": name, "roleId": acc.role_id(name),
                                 "arn": acc.role_arn(name),
                                 "createDate": stamp(later(actor.start, seconds))}}),
            actor.does("iam:AttachRolePolicy", seconds + 2, {"roleName": name, "policyArn": policy})]


def task_definition(acc, actor, seconds, family, cpu, region=None):
    return actor.does(
        "ecs:RegisterTaskDefinition", seconds,
        {"family": family, "cpu": str(cpu), "memory": str(2 * cpu), "networkMode": "awsvpc",
         "requiresCompatibilities": ["FARGATE"],
         "containerDefinitions": [{"name": family, "image": IMAGE, "essential": True, "cpu": 0}]},
        {"taskDefinition": {"family": family, "revision": 1, "status": "ACTIVE", "taskDefinitionArn":
                            f"arn:aws:ecs:{region or actor.region}:{acc.id}:task-definition/{family}:1"}},
        region)


def container_service(acc, actor, seconds, cluster, name, family, count, region=None):
    arn = f"arn:aws:ecs:{region or actor.region}:{acc.id}:service/{cluster}/{name}"
    return actor.does(
        "ecs:CreateService", seconds,
        {"cluster": cluster, "serviceName": name, "taskDefinition": family, "desiredCount": count,
         "launchType": "FARGATE", "clientToken": acc.uuid()},
        {"service": {"serviceName": name, "serviceArn": arn, "desiredCount": count, "runningCount": 0,
                     "launchType": "FARGATE", "status": "ACTIVE"}}, region)


def group(actor, seconds, name, template, most, desired):
    return actor.does("autoscaling:CreateAutoScalingGroup", seconds,
                      {"autoScalingGroupName": name, "minSize": 0, "maxSize": most,
                       "desiredCapacity": desired, "availabilityZones": [actor.region + "a"],
                       "launchTemplate": {"launchTemplateName": template, "version": "$Latest"}})


def template(acc, actor, seconds, name, kind):
    return actor.does(
        "ec2:CreateLaunchTemplate", seconds,
        {"CreateLaunchTemplateRequest": {"LaunchTemplateName": name, "LaunchTemplateData": {
            "ImageId": "ami-" + fixed_token(name, 17), "InstanceType": kind}}},
        {"CreateLaunchTemplateResponse": {"launchTemplate": {
            "launchTemplateName": name, "launchTemplateId": "lt-0" + acc.token("lt", 16),
            "latestVersionNumber": 1, "defaultVersionNumber": 1}}})


def service_campaign():
    acc = Account("111122223131", "campaign")
    key = acc.key("ops-admin")
    who = acc.user("ops-admin", key)
    events = quiet(acc, who, "2025-08-10", 90, f"{BUILDER}.30", work=ADMIN_WORK)
    t = at("2025-11-08T05:00:00Z")
    thief = Actor(acc, who, t, f"{THIEF}.101", GO)
    quotas = [thief.does("servicequotas:GetServiceQuota", 4 * n,
                         {"serviceCode": "ec2", "quotaCode": "L-1216C47A"}, region=region)
              for n, region in enumerate(("us-east-1", "us-west-2", "eu-west-1"))]
    dry = thief.launches(20, "g4dn.xlarge", 1, error="Client.DryRunOperation",
                         message="Request would have succeeded, but DryRun flag is set.")
    role = role_for(acc, thief, 40, "ecs-runner", "ecs-tasks",
                    "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy")
    clusters = [thief.does("ecs:CreateCluster", 60 + n, {"clusterName": f"c{n:02d}"},
                           {"cluster": {"clusterName": f"c{n:02d}", "status": "ACTIVE"}})
                for n in range(50)]
    task = task_definition(acc, thief, 115, "worker", 16384)
    services = [container_service(acc, thief, 120 + 3 * n, f"c{n:02d}", "svc", "worker", 10)
                for n in range(10)]
    later_on = [template(acc, thief, 200, "gpu", "g4dn.xlarge"), group(thief, 205, "gpu", "gpu", 999, 10)]
    machines = thief.launches(230, "c5.4xlarge", 20)
    later_on.append(machines)
    later_on += [thief.does("ec2:ModifyInstanceAttribute", 260 + n,
                            {"instanceId": i, "disableApiTermination": {"value": True}},
                            {"_return": True}) for n, i in enumerate(made([machines]))]
    user = acc.user("svc-backup")
    later_on += [
        thief.does("lambda:CreateFunction20150331", 300,
                   {"functionName": "hook", "runtime": "python3.12", "handler": "a.b",
                    "role": acc.role_arn("ecs-runner"), "memorySize": 128},
                   {"functionName": "hook", "functionArn":
                    f"arn:aws:lambda:us-east-1:{acc.id}:function:hook"}),
        thief.does("lambda:CreateFunctionUrlConfig", 305, {"functionName": "hook", "authType": "NONE"},
                   {"functionUrl": "https://hook.lambda-url.us-east-1.on.aws.example/",
                    "functionArn": f"arn:aws:lambda:us-east-1:{acc.id}:function:hook",
                    "authType": "NONE"}),
        thief.does("iam:CreateUser", 320, {"userName": "svc-backup"},
                   {"user": {"path": "/", "userName": "svc-backup", "arn": user["arn"],
                             "userId": user["principalId"], "createDate": "Nov 8, 2025, 5:05:20 AM"}})]
    events = in_order(events) + wrap_writes(quotas + [dry] + role + clusters + [task] + services
                                            + later_on)
    readme = f"""# Containers first, then everything else

**Who.** IAM user `ops-admin` of account {acc.id}: ninety quiet days of an administrator's routine.

**What.** From another network, with a Go program: limits of three regions, a launch as a dry run, a role
for tasks, fifty clusters, a task of 16 vCPU from a public image and ten services of ten such tasks. Then
a scaling group of up to 999 GPU machines, twenty protected machines, a public function and a user.

**Expected decision.** Observe until the containers; contain, on `ops-admin`, at the first service. What
follows is cut too: the group to zero, the machines stopped, the user denied.
"""
    expect = {"max_level": "contain", "quiet_until": task["eventID"],
              "score_at": {quotas[-1]["eventID"]: [3, 15], dry["eventID"]: [5, 20],
                           role[-1]["eventID"]: [8, 30]},
              "contain_by_event": services[0]["eventID"], "root": who["arn"], "never": [],
              "actions": {"aws.disable_access_key": [key], "aws.halt": ["group/us-east-1/gpu"] + made([machines]),
                          "aws.quarantine": [user["arn"]]}, "left_alone": []}
    return Story("service-campaign", events, readme, expect)


def services_instead_of_machines():
    acc = Account("111122223232", "no-ec2")
    key = acc.key("web-deploy")
    who = acc.user("web-deploy", key)
    events = quiet(acc, who, "2026-02-01", 90, f"{BUILDER}.31")
    t = at("2026-05-02T13:00:00Z")
    thief = Actor(acc, who, t, f"{THIEF}.55", GO)
    roles = (role_for(acc, thief, 0, "AmplifyRole", "amplify", ADMIN)
             + role_for(acc, thief, 10, "CodeBuildRole", "codebuild", ADMIN)[:1]
             + role_for(acc, thief, 20, "SageMakerRole", "sagemaker", ADMIN)[:1])
    roles.sort(key=lambda e: (e["eventName"] != "CreateRole", e["eventTime"]))
    for n, e in enumerate(roles):
        e["eventTime"] = stamp(later(t, 10 * n))
    app = thief.does("amplify:CreateApp", 120, {"name": "site", "platform": "WEB", "repository":
                                                "https://git.example/somebody/site"},
                     {"app": {"appId": "d1example", "name": "site", "appArn":
                              f"arn:aws:amplify:us-east-1:{acc.id}:apps/d1example"}})
    job = thief.does("amplify:StartJob", 150, {"appId": "d1example", "branchName": "main",
                                               "jobType": "RELEASE"},
                     {"jobSummary": {"jobId": "1", "status": "PENDING"}})
    build = [thief.does("codebuild:CreateProject", 300,
                        {"name": "b1", "source": {"type": "NO_SOURCE"}, "serviceRole":
                         acc.role_arn("CodeBuildRole"),
                         "environment": {"type": "LINUX_CONTAINER", "image": IMAGE,
                                         "computeType": "BUILD_GENERAL1_2XLARGE"}},
                        {"project": {"name": "b1", "arn":
                                     f"arn:aws:codebuild:us-east-1:{acc.id}:project/b1"}}),
             thief.does("codebuild:StartBuild", 330, {"projectName": "b1"},
                        {"build": {"id": "b1:1", "projectName": "b1", "buildStatus": "IN_PROGRESS"}})]
    notebooks = [thief.does("sagemaker:CreateNotebookInstance", 540 + 20 * n,
                            {"notebookInstanceName": f"nb{n}", "instanceType": "ml.p3.2xlarge",
                             "roleArn": acc.role_arn("SageMakerRole"), "directInternetAccess": "Enabled"},
                            {"notebookInstanceArn": f"arn:aws:sagemaker:us-east-1:{acc.id}:"
                                                    f"notebook-instance/nb{n}"}) for n in range(2)]
    tasks = []
    for n, region in enumerate(("us-east-1", "us-west-2", "eu-west-1")):
        tasks += [thief.does("ecs:CreateCluster", 780 + 40 * n, {"clusterName": "c"},
                             {"cluster": {"clusterName": "c", "status": "ACTIVE"}}, region),
                  task_definition(acc, thief, 790 + 40 * n, "worker", 8192, region),
                  container_service(acc, thief, 800 + 40 * n, "c", "svc", "worker", 4, region)]
    events = in_order(events) + wrap_writes(roles + [app, job] + build + notebooks + tasks)
    readme = f"""# Every service but EC2

**Who.** IAM user `web-deploy` of account {acc.id}: ninety days of pushing images.

**What.** Within a quarter of an hour, from another network: three roles, one of them an administrator's,
an Amplify app and its job, a large CodeBuild machine, two SageMaker notebooks with a GPU, and containers
of 8 vCPU from a public image in three regions. Not one call of RunInstances.

**Expected decision.** Alert at Amplify, contain, on `web-deploy`, at SageMaker at the latest.
"""
    expect = {"max_level": "contain", "quiet_until": roles[3]["eventID"],
              "score_at": {roles[0]["eventID"]: [0, 15], roles[3]["eventID"]: [20, 49]},
              "alert_by_event": app["eventID"], "contain_by_event": notebooks[0]["eventID"],
              "root": who["arn"], "never": [], "actions": {"aws.disable_access_key": [key]},
              "left_alone": []}
    return Story("services-instead-of-machines", events, readme, expect)


def group_launch(acc, when, region, name, kind, count):
    """The scaling service starts machines for a group."""
    who = acc.service_session("autoscaling", "AWSServiceRoleForAutoScaling", "AutoScaling", when)
    service = "autoscaling.amazonaws.com"
    return bare(acc.launch(when, who, region, service, service, kind, count,
                           tags={"aws:autoscaling:groupName": name}))


def thief_makes_a_group():
    acc = Account("111122223333", "thief-group")
    key = acc.key("web-deploy")
    who = acc.user("web-deploy", key)
    omar = acc.user("omar", acc.key("omar"))
    events = quiet(acc, who, "2026-03-01", 60, f"{BUILDER}.32")
    honest = []
    for n in range(40):  # an honest group of the same account, months old, grows and shrinks
        t = day("2026-03-21", n, "12:00:00")
        if n == 0:
            desk = Actor(acc, omar, t, f"{BUILDER}.33", BOTO3)
            events += [template(acc, desk, 0, "web", "m5.large"), group(desk, 5, "web", "web", 10, 2)]
        honest.append(group_launch(acc, later(t, 600), "us-east-1", "web", "m5.large", 2))
    t = at("2026-04-30T03:30:00Z")
    thief = Actor(acc, who, t, f"{THIEF}.71", GO)
    steps = [template(acc, thief, 5, "runner", "c5a.24xlarge"), group(thief, 12, "runner", "runner", 200, 40)]
    grows = [group_launch(acc, later(t, 40 + 25 * n), "us-east-1", "runner", "c5a.24xlarge", 5)
             for n in range(8)]
    thief.region = "eu-west-2"
    again = [template(acc, thief, 300, "runner", "c5a.24xlarge"), group(thief, 308, "runner", "runner", 200, 40)]
    again += [group_launch(acc, later(t, 330 + 25 * n), "eu-west-2", "runner", "c5a.24xlarge", 5)
              for n in range(2)]
    events = in_order(events + honest) + wrap_writes(steps + grows + again)
    readme = f"""# The thief lets a group do it

**Who.** IAM user `web-deploy` of account {acc.id}, which pushes images; and group `web`, which the scaling
service has grown by two machines every day since `omar` made it.

**What.** From another network the stolen key makes a launch template and a scaling group of up to 200
machines. After that the scaling service starts the machines, through its own role. Five minutes later
the thief does the same in eu-west-2.

**Expected decision.** Alert at the group; contain, on `web-deploy`, when its machines come: they answer to
whoever made the group, not to the service. Group `runner` goes to zero and its machines are stopped;
the scaling service's role, group `web` and its machines are left alone.
"""
    service = grows[0]["userIdentity"]
    expect = {"max_level": "contain", "quiet_until": steps[0]["eventID"],
              "alert_by_event": steps[1]["eventID"],
              "contain_by_event": grows[-1]["eventID"], "root": who["arn"],
              "roots_at": {e["eventID"]: who["arn"] for e in grows},
              "never": [omar["arn"]], "actions": {"aws.disable_access_key": [key],
                                                  "aws.halt": ["group/us-east-1/runner",
                                                               "group/eu-west-2/runner"]
                                                  + made(grows + again)},
              "left_alone": [acc.role_arn("aws-service-role/autoscaling.amazonaws.com/"
                                          "AWSServiceRoleForAutoScaling"), service["arn"], "group/us-east-1/web"]
              + made(honest)}
    return Story("thief-makes-a-group", events, readme, expect)


MODEL = "anthropic.claude-3-5-sonnet-20240620-v1:0"


def invoke(acc, when, who, region, ip, agent):
    return acc.call(when, who, "bedrock:InvokeModel", region, ip, agent, {"modelId": MODEL},
                    readOnly=True)


def llm_theft():
    acc = Account("111122223434", "llm-theft")
    key = acc.key("content-sync")
    who = acc.user("content-sync", key)
    events = quiet(acc, who, "2026-03-01", 90, f"{BUILDER}.34")
    t, region = at("2026-05-30T18:00:00Z"), "us-west-2"
    thief = Actor(acc, who, t, f"{THIEF}.160", "python-requests/2.31.0", region)
    probes = [thief.does("bedrock:GetFoundationModelAvailability", 5 * n, {"modelId": model})
              for n, model in enumerate((MODEL, "meta.llama3-70b-instruct-v1:0",
                                         "mistral.mistral-large-2402-v1:0"))]
    ask = [thief.does("bedrock:PutUseCaseForModelAccess", 40, {"formData": "***"}),
           thief.does("bedrock:CreateFoundationModelAgreement", 60, {"modelId": MODEL})]
    calls = [invoke(acc, later(t, 120 + 5 * n), who, region, f"{THIEF}.160", "python-requests/2.31.0")
             for n in range(80)]
    events = in_order(events) + wrap_writes(probes + ask + calls)
    readme = f"""# Somebody else's prompts

**Who.** IAM user `content-sync` of account {acc.id}: ninety days of pushing images in us-east-1. It never
called a model.

**What.** From another network: which models are available in us-west-2, a use case for access to one,
its agreement, then eighty invocations in seven minutes.

**Expected decision.** Observe at the questions, contain, on `content-sync`, within the burst. The
identity is cut; there is no machine to stop.
"""
    expect = {"max_level": "contain", "quiet_until": ask[0]["eventID"],
              "score_at": {probes[-1]["eventID"]: [3, 35]},
              "contain_by_event": calls[-1]["eventID"], "root": who["arn"], "never": [],
              "actions": {"aws.disable_access_key": [key], "aws.quarantine": [who["arn"]]},
              "actions_never": ["aws.halt"], "left_alone": []}
    return Story("llm-theft", events, readme, expect)


def llm_traffic_grows():
    acc = Account("111122223535", "llm-app")
    events, sessions = [], set()
    for n in range(28):  # from 2 calls an hour to 16
        t = day("2026-05-01", n, "09:00:00")
        key = acc.key(f"assistant-{n}", "ASIA")
        who = acc.session("assistant", "assistant-fn", key, t)
        sessions.add(who["arn"])
        events.append(acc.service_assumes(t, "lambda", "us-east-1", "assistant", "assistant-fn", key))
        for k in range(2 + n * 14 // 27):
            events.append(invoke(acc, later(t, 60 + 130 * k), who, "us-east-1", f"{BUILDER}.35", BOTO3))
    readme = f"""# An assistant that people like

**Who.** Function `assistant-fn` of account {acc.id}, which calls a model for the product's users.

**What.** Four weeks in which its traffic grows from two invocations an hour to sixteen. The twin of
llm-theft.

**Expected decision.** Silence: each day is a little more than the day before.
"""
    expect = {"max_level": "observe", "max_score": 20, "story_from": events[30]["eventID"],
              "contain_by_event": None, "root": None,
              "never": sorted(sessions) + [acc.role_arn("assistant")], "actions": {}, "left_alone": []}
    return Story("llm-traffic-grows", in_order(events), readme, expect)


STORIES = (llm_theft, service_campaign, thief_makes_a_group, services_instead_of_machines, llm_traffic_grows)

#!/usr/bin/env python3
"""Who is there, who stands behind whom, what raises a score: identities, chain, signals.

    identities_test.py PROGRAM
"""
import base64
import csv
import html.parser
import io
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import unittest

PROGRAM = ""
CHAINED = "events/role-chained-launch"
STORIES = [e.path for e in sorted(os.scandir("events"), key=lambda e: e.name) if e.is_dir()]
ACCOUNT = "111122223333"
WEIGHTS = {"CT": dict(K=.85, P=.75, S=.62, W=.44, N=.10), "EX": dict(L=1, S=.85, X=.70, I=.55),
           "MF": dict(N=.85, C=.62, E=.40), "AG": dict(O=.85, M=.77, F=.62, T=.44),
           "PW": dict(A=.56, W=.35, L=.22, R=.10), "CP": dict(U=.56, B=.22, N=0),
           "DT": dict(H=.56, L=.22, N=0), "RC": dict(C=1, U=0)}
# What a name may hold that some sink would take for more than text.
HOSTILE = ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1:A9)", "  =1+1", "\uff1d1+1", "\t=1",
           "<script>alert(1)</script>", "a\" onmouseover=\"alert(1)", "'; alert(1)//", "&lt;b&gt;",
           "\x1b]0;owned\x07\x1b[31mred", "two\r\nlines", "a,b;c\"d\"", "\u202egnp.exe", "\u009b31m",
           "</td></table><h1>x", "%s%n%d", "{{7*7}}", "\U0001f600 name"]


def run(*args, stdin=b""):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "FIREBREAK_"))}
    done = subprocess.run([PROGRAM, *args], input=stdin, env=clean, timeout=300,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def records(*args, stdin=b"", expect=0):
    status, out, err = run(*args, "--output", "json", stdin=stdin)
    if status != expect:
        raise AssertionError(f"{args}: exit {status}: {err}")
    return [json.loads(line) for line in out.splitlines()]


def rows_of(text):
    return list(csv.reader(io.StringIO(text, newline="")))


class Cells(html.parser.HTMLParser):
    """The table of a page; and that the page holds no element beyond our own."""
    KNOWN = set("html head meta title style body h1 p table thead tbody tr th td".split())

    def __init__(self, page):
        super().__init__()
        self.rows, self.strange = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        if tag not in self.KNOWN or (tag not in ("html", "meta") and attrs):
            self.strange.append((tag, attrs))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data):
        if self.rows and self.rows[-1] and data != "\n":
            self.rows[-1][-1] += data


def score_of(vector):
    """The formula of the risk score, written once more; '?' is the highest value."""
    parts = dict(p.split(":") for p in vector.split("/")[1:])
    w = {m: max(v.values()) if parts[m] == "?" else v[parts[m]] for m, v in WEIGHTS.items()}
    ease = 6.33 * w["CT"] * w["EX"] * w["MF"] * w["AG"]
    isc = 1 - (1 - w["PW"]) * (1 - w["CP"]) * (1 - w["DT"])
    plain = ease + 6.42 * isc
    if w["RC"]:
        plain = max(plain, 1.08 * (ease + 7.52 * (isc - .029) - 3.25 * (isc - .02) ** 15))
    return math.ceil(round(min(plain, 10) * 100000) / 10000) / 10


def event(number, name, who, time="2026-03-02T10:00:00Z", service="ec2", **more):
    return dict({"eventVersion": "1.09", "eventID": f"00000000-0000-4000-8000-{number:012d}",
                 "eventTime": time, "eventName": name, "eventSource": f"{service}.amazonaws.com",
                 "awsRegion": "us-east-1", "sourceIPAddress": "198.51.100.7", "userAgent": "Boto3/1.34",
                 "userIdentity": who, "recipientAccountId": ACCOUNT, "eventType": "AwsApiCall"}, **more)


def user(name, key="AKIAIOSFODNN7EXAMPLE", mfa=None):
    who = {"type": "IAMUser", "principalId": "AIDAEXAMPLE", "arn": f"arn:aws:iam::{ACCOUNT}:user/{name}",
           "accountId": ACCOUNT, "userName": name, "accessKeyId": key}
    if mfa is not None:
        who["sessionContext"] = {"attributes": {"mfaAuthenticated": str(mfa).lower(),
                                                "creationDate": "2026-03-02T09:00:00Z"}}
    return who


def session(role, name, key="ASIAIOSFODNN7EXAMPLE"):
    return {"type": "AssumedRole", "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{name}",
            "accountId": ACCOUNT, "accessKeyId": key, "principalId": f"AROAEXAMPLE:{name}",
            "sessionContext": {"sessionIssuer": {"type": "Role", "userName": role, "accountId": ACCOUNT,
                                                 "arn": f"arn:aws:iam::{ACCOUNT}:role/{role}"},
                               "attributes": {"creationDate": "2026-03-02T09:00:00Z",
                                              "mfaAuthenticated": "false"}}}


def ndjson(*events):
    return "".join(json.dumps(e) + "\n" for e in events).encode()


def policy(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(action, resource="*", **more):
    return dict({"Effect": "Allow", "Action": action, "Resource": resource}, **more)


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def write(self, name, content):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as f:
            f.write(content if isinstance(content, bytes) else json.dumps(content).encode())
        return path


class Signals(unittest.TestCase):
    def test_every_form_lists_the_same_signals(self):
        table = records("signals")
        ids = [s["id"] for s in table]
        self.assertGreater(len(ids), 50)
        self.assertEqual(len(set(ids)), len(ids))
        sheet = rows_of(run("signals", "--output", "csv")[1])
        self.assertEqual([r[0] for r in sheet], ["id"] + ids)
        page = Cells(run("signals", "--output", "html")[1])
        self.assertEqual(page.rows, sheet)
        self.assertEqual(page.strange, [])
        for row, s in zip(sheet[1:], table):
            self.assertEqual((float(row[2]), row[-1]), (s["weight"], s["words"]))
        text = run("signals")[1]
        for s in table:
            self.assertRegex(text, rf"(?m)^{s['id']} .*\n    {s['words']}$")

    def test_the_text_fits_a_terminal(self):
        self.assertLessEqual(max(map(len, run("signals")[1].splitlines())), 100)

    def test_a_weight_of_the_configuration_is_the_one_that_is_listed_and_that_counts(self):
        with tempfile.TemporaryDirectory() as d:
            path = os.path.join(d, "firebreak.json")
            with open(path, "w", encoding="utf-8") as f:
                json.dump({"signals": {"log-tamper": {"weight": 1.25}}}, f)
            listed = {s["id"]: s for s in records("signals", "--config", path)}
            self.assertEqual((listed["log-tamper"]["weight"], listed["log-tamper"]["table_weight"]), (1.25, 3.2))
            self.assertEqual([s for s, r in listed.items() if "table_weight" in r], ["log-tamper"])
            self.assertIn("weight changed by the configuration: 3.20", run("signals", "--config", path)[1])
            log = ndjson(event(1, "StopLogging", user("ann"), service="cloudtrail", requestParameters={"name": "x"}))
            terms = {t["id"]: t for t in records("explain", "--config", path, "-", stdin=log)[0]["terms"]}
            self.assertEqual(terms["log-tamper"]["weight"], 1.25)
            sheet = {r[0]: r[2] for r in rows_of(run("signals", "--config", path, "--output", "csv")[1])}
            self.assertEqual(sheet["log-tamper"], "1.25")
            self.assertEqual(run("signals", "--config", os.path.join(d, "none.json"))[:2], (1, ""))

    def test_explained_signals_are_in_the_table(self):
        ids = {s["id"] for s in records("signals")}
        for story in STORIES:
            for d in records("replay", story):
                self.assertLessEqual({s["id"] for s in d["signals"]}, ids)


class Chain(Folder):
    def setUp(self):
        super().setUp()
        self.decisions = records("replay", CHAINED)
        self.longest = max(self.decisions, key=lambda d: len(d["chain"]))

    def test_the_chain_of_an_event_is_the_decisions_with_an_event_for_every_link(self):
        self.assertEqual(len(self.longest["chain"]), 3)
        chain = records("chain", self.longest["event_id"], CHAINED)[0]
        self.assertEqual([h["identity"] for h in chain["hops"]], self.longest["chain"])
        self.assertEqual(chain["root"], self.longest["root"])
        by_id = {d["event_id"]: d for d in self.decisions}
        for hop, maker in zip(chain["hops"], chain["hops"][1:]):
            proof = by_id[hop["link"]["event_id"]]
            self.assertEqual((proof["action"], hop["link"]["via"]), ("AssumeRole", "AssumeRole"))
            self.assertEqual(proof["principal"], maker["identity"])
            self.assertEqual(proof["time"], hop["link"]["time"])
            self.assertTrue(hop["link"]["sure"])
            self.assertIn("events.ndjson", hop["link"]["source"])
        self.assertNotIn("link", chain["hops"][-1])

    def test_a_credential_names_its_newest_use(self):
        credential = self.longest["credential"]
        newest = max((d for d in self.decisions if d["credential"] == credential),
                     key=lambda d: d["time"])
        chain = records("chain", credential, CHAINED)[0]
        self.assertEqual((chain["of"], chain["time"]), ("credential", newest["time"]))
        self.assertEqual([h["identity"] for h in chain["hops"]], newest["chain"])

    def test_order_does_not_matter(self):
        with open(os.path.join(CHAINED, "events.ndjson"), "rb") as f:
            lines = f.readlines()
        asked = self.longest["event_id"]
        want = [h["identity"] for h in records("chain", asked, CHAINED)[0]["hops"]]
        for seed in range(5):
            random.Random(seed).shuffle(lines)
            chain = records("chain", asked, "-", stdin=b"".join(lines))[0]
            self.assertEqual([h["identity"] for h in chain["hops"]], want)

    def test_the_text_tells_every_hop_and_its_evidence(self):
        out = run("chain", self.longest["event_id"], CHAINED)[1]
        for identity in self.longest["chain"]:
            self.assertIn(identity, out)
        self.assertEqual(out.count("<- AssumeRole, sure: event "), 2)
        self.assertEqual(out.count("(root)"), 1)

    def test_the_stores_links_lead_to_the_same_root(self):
        state = "sqlite:" + os.path.join(self.folder, "fb.db")
        run("replay", "--state", state, CHAINED)
        chain = records("chain", self.longest["credential"], "--state", state)[0]
        self.assertEqual(chain["root"], self.longest["root"])
        self.assertEqual([h["identity"] for h in chain["hops"]][1:], self.longest["chain"][1:])
        self.assertEqual({h["link"]["evidence"] for h in chain["hops"][:-1]}, {"edge"})
        status, _, err = run("chain", self.longest["event_id"], "--state", state)
        self.assertEqual(status, 1)
        self.assertIn("name the log too", err)

    def test_a_session_whose_maker_is_not_in_the_log_is_partial(self):
        log = ndjson(event(1, "DescribeInstances", session("deploy", "x")))
        chain = records("chain", "ASIAIOSFODNN7EXAMPLE", "-", stdin=log)[0]
        self.assertTrue(chain["partial"])
        self.assertEqual(len(chain["hops"]), 1)
        self.assertIn("was not seen", run("chain", "ASIAIOSFODNN7EXAMPLE", "-", stdin=log)[1])

    def test_what_is_not_there_is_told(self):
        for args in (("chain", "nobody", CHAINED), ("chain", "nobody"), ("chain",),
                     ("chain", "x", "/nonexistent"), ("chain", "x", CHAINED, "--output", "csv"),
                     ("chain", "x", CHAINED, "--state", "sqlite:" + self.folder + "/a.db")):
            status, out, err = run(*args)
            self.assertEqual((status, out), (1, ""), args)
            self.assertTrue(err)

    def test_rejected_input_is_exit_2(self):
        log = b"not json\n" + ndjson(event(1, "DescribeInstances", user("ann")))
        status, out, err = run("chain", "AKIAIOSFODNN7EXAMPLE", "-", stdin=log)
        self.assertEqual(status, 2)
        self.assertIn("user/ann", out)
        self.assertIn("rejected", err)


class Identities(Folder):
    def test_the_chain_of_a_services_launch_names_the_group_and_the_event_that_made_it(self):
        story = "events/thief-makes-a-group"
        last = [d for d in records("replay", story) if d["chain"][0].startswith("group:")][-1]
        chain = records("chain", last["event_id"], story)[0]
        link = chain["hops"][0]["link"]
        self.assertEqual((chain["root"], link["via"], link["evidence"]), (last["root"], "made", "edge"))
        made = [d for d in records("replay", story) if d["event_id"] == link["event_id"]][0]
        self.assertEqual((made["action"], made["root"]), ("CreateAutoScalingGroup", last["root"]))
        self.assertTrue(chain["group"]["answers"])
        self.assertTrue(link["source"].endswith("events.ndjson"))

    def test_the_chain_of_a_launch_in_another_account_ends_in_the_first(self):
        story = "events/cross-account-chain"
        launch = [d for d in records("replay", story) if d["action"] == "RunInstances"][-1]
        chain = records("chain", launch["event_id"], story)[0]
        self.assertEqual(len(chain["hops"]), 3)
        self.assertNotEqual(chain["hops"][0]["account"], chain["hops"][2]["account"])
        self.assertNotIn("shared:", json.dumps(chain))

    def test_every_principal_and_root_of_a_log_is_listed_with_the_roots_score(self):
        for story in STORIES:
            rows = {r["identity"]: r for r in records("identities", story)}
            final = {}
            for d in records("replay", story):
                if d["action"] == "unknown" or d.get("drill"):
                    continue
                final[d["root"]] = d
                for who in d["chain"]:
                    if not who.endswith((".amazonaws.com", "@cloudservices.gserviceaccount.com")) \
                            and not who.startswith("group:"):  # services, and what they act for
                        self.assertIn(who, rows, story)
            for root, d in final.items():
                if not root.startswith("arn:"):
                    continue  # an outsider's name tells none of our accounts, whose news it would be
                if d["chain"][0].startswith("group:"):
                    continue  # weighed with its group's age, which no identity alone tells
                if root in rows and rows[root]["root"] == root:
                    self.assertAlmostEqual(rows[root]["score"], d["score"], delta=.11, msg=story)

    def test_the_score_is_the_vectors_and_what_is_assumed_is_told(self):
        for story in STORIES:
            for r in records("identities", story):
                self.assertAlmostEqual(r["risk"], score_of(r["vector"]), places=6)
                marks = [p.split(":")[0] for p in r["vector"].split("/")[1:] if p.endswith("?")]
                self.assertEqual(marks, r["assumed"])

    def test_sorted_by_risk_then_by_score(self):
        for story in STORIES:
            rows = records("identities", story)
            keys = [(-r["risk"], -r["score"], r["identity"].encode()) for r in rows]
            self.assertEqual(keys, sorted(keys))

    def test_every_form_tells_the_same(self):
        rows = records("identities", CHAINED)
        status, out, _ = run("identities", CHAINED, "--output", "csv")
        self.assertEqual(status, 0)
        self.assertEqual(out.count("\r\n"), len(rows) + 1)
        sheet = rows_of(out)
        page = Cells(run("identities", CHAINED, "--output", "html")[1])
        self.assertEqual(page.rows, sheet)
        self.assertEqual(page.strange, [])
        for cells, r in zip(sheet[1:], rows):
            named = dict(zip(sheet[0], cells))
            self.assertEqual((named["identity"], float(named["risk"]), named["vector"], named["level"]),
                             (r["identity"], r["risk"], r["vector"], r["level"]))
        text = run("identities", CHAINED)[1]
        self.assertIn(rows[0]["vector"], text)
        self.assertIn("more sessions of this role", text)

    def test_the_text_fits_a_terminal(self):
        long = ndjson(event(1, "RunInstances", session("a-role-" + "x" * 57, "session-" + "y" * 56)),
                      event(2, "RunInstances", user("u" * 64, key="AKIAAAAAAAAAAAAAAAA2")))
        outs = [run("identities", s)[1] for s in STORIES]
        outs.append(run("identities", "-", stdin=long)[1])
        for out in outs:
            self.assertLessEqual(max(map(len, out.splitlines())), 100)
            self.assertNotIn("\x1b", out)

    def test_order_does_not_matter(self):
        with open(os.path.join(CHAINED, "events.ndjson"), "rb") as f:
            lines = f.readlines()
        def facts(rows):
            return sorted((r["identity"], r["root"], r["vector"], r["level"], r["first_seen"],
                           r["last_seen"], r["events"], r["credentials"]) for r in rows)
        want = facts(records("identities", CHAINED))
        for seed in range(3):
            random.Random(seed).shuffle(lines)
            self.assertEqual(facts(records("identities", "-", stdin=b"".join(lines))), want)

    def test_a_store_lists_what_it_knows(self):
        state = "sqlite:" + os.path.join(self.folder, "fb.db")
        run("replay", "--state", state, CHAINED)
        log = {r["identity"]: r for r in records("identities", CHAINED)}
        stored = {r["identity"]: r for r in records("identities", "--state", state)}
        self.assertEqual(set(stored), set(log))
        for name, r in stored.items():
            self.assertEqual((r["score"], r["level"], r["root"]),
                             (log[name]["score"], log[name]["level"], log[name]["root"]))

    def test_an_empty_answer_and_wrong_use_are_told(self):
        status, out, err = run("identities", "-", stdin=b'{"x": 1}\n')
        self.assertEqual((status, out), (0, ""))
        self.assertIn("no identities", err)
        broken = self.write("broken.json", b"{")
        other = self.write("other.json", {"Users": []})
        for args in (("identities",), ("identities", CHAINED, "--output", "xml"),
                     ("identities", "/nonexistent"), ("identities", CHAINED, "--iam", "/nonexistent"),
                     ("identities", CHAINED, "--iam", broken), ("identities", CHAINED, "--iam", other),
                     ("identities", CHAINED, "--credential-report", other),
                     ("identities", CHAINED, "--state", "sqlite:" + self.folder + "/a.db")):
            status, out, err = run(*args)
            self.assertEqual((status, out), (1, ""), args)
            self.assertTrue(err)


class Proofs(Folder):
    def one(self, log, *files, identity=None):
        rows = records("identities", "-", *files, stdin=log)
        if identity:
            rows = [r for r in rows if r["identity"].endswith(identity)]
        self.assertEqual(len(rows), 1, rows)
        return rows[0]

    def metrics(self, row):
        return dict(p.split(":") for p in row["vector"].split("/")[1:])

    def test_the_log_tells_credential_and_second_factor(self):
        m = self.metrics(self.one(ndjson(event(1, "DescribeInstances", user("ann")))))
        self.assertEqual((m["CT"], m["MF"], m["EX"], m["AG"]), ("K", "N", "I", "?"))
        m = self.metrics(self.one(ndjson(
            event(1, "DescribeInstances", user("ann", key="ASIAAAAAAAAAAAAAAAA2", mfa=True)))))
        self.assertEqual((m["CT"], m["MF"]), ("?", "E"))
        m = self.metrics(self.one(ndjson(event(1, "DescribeInstances", session("r", "s")))))
        self.assertEqual((m["CT"], m["AG"], m["EX"]), ("S", "T", "?"))

    def test_a_role_is_a_workloads_only_where_a_service_uses_it(self):
        linked = session("AWSServiceRoleForRDS", "SLRManagement")
        linked["sessionContext"]["sessionIssuer"]["arn"] = (
            f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/rds.amazonaws.com/AWSServiceRoleForRDS")
        for r in records("identities", "-", stdin=ndjson(event(1, "CreateNetworkInterface", linked))):
            m = self.metrics(r)
            self.assertEqual((m["CT"], m["EX"], m["MF"]), ("W", "I", "N"), r)
        made = event(1, "CreateRole", user("ann"), service="iam", requestParameters={"roleName": "new"},
                     responseElements={"role": {"roleName": "new", "arn": f"arn:aws:iam::{ACCOUNT}:role/new"}})
        m = self.metrics(self.one(ndjson(made), identity="role/new"))
        self.assertEqual((m["CT"], m["EX"]), ("S", "?"))

    def test_people_of_google_have_passwords_and_service_accounts_no_second_factor(self):
        def entry(number, email, key=None):
            who = {"principalEmail": email}
            if key:
                who["serviceAccountKeyName"] = f"//iam.googleapis.com/projects/p/serviceAccounts/{email}/keys/{key}"
            return {"insertId": f"id{number}", "timestamp": "2026-03-02T10:00:00Z",
                    "logName": "projects/p/logs/cloudaudit.googleapis.com%2Factivity",
                    "resource": {"type": "gce_instance", "labels": {"project_id": "p", "zone": "us-east1-b"}},
                    "protoPayload": {"@type": "type.googleapis.com/google.cloud.audit.AuditLog",
                                     "serviceName": "compute.googleapis.com", "authenticationInfo": who,
                                     "methodName": "v1.compute.instances.insert",
                                     "resourceName": "projects/p/zones/us-east1-b/instances/x"}}
        person, account = "ann@example.com", "ci@p.iam.gserviceaccount.com"
        log = ndjson(entry(1, person), entry(2, account, key="0123456789abcdef0123456789abcdef01234567"))
        rows = {r["identity"]: self.metrics(r) for r in records("identities", "-", stdin=log)}
        self.assertEqual((rows[person]["CT"], rows[person]["MF"]), ("P", "?"))
        self.assertEqual((rows[account]["CT"], rows[account]["MF"], rows[account]["EX"]), ("K", "N", "I"))

    def test_a_key_made_in_the_log_has_an_age(self):
        for day, letter in (("2026-03-02", "F"), ("2025-11-01", "M"), ("2024-06-01", "O")):
            made = event(1, "CreateAccessKey", user("root-admin", key="AKIAAAAAAAAAAAAAAAA9"),
                         time=day + "T09:00:00Z", service="iam", requestParameters={"userName": "ann"},
                         responseElements={"accessKey": {"accessKeyId": "AKIAIOSFODNN7EXAMPLE",
                                                         "status": "Active", "userName": "ann"}})
            used = event(2, "DescribeInstances", user("ann"))
            m = self.metrics(self.one(ndjson(made, used), identity="/ann"))
            self.assertEqual(m["AG"], letter)

    def test_a_notice_says_leaked_and_a_thiefs_deeds_say_suspected(self):
        leaked = [r for r in records("identities", "events/leak-notice-alone") if r["level"] == "contain"]
        self.assertTrue(leaked)
        for r in leaked:
            self.assertEqual(self.metrics(r)["EX"], "L")
        hot = [r for r in records("identities", CHAINED) if r["level"] == "contain"]
        self.assertEqual({self.metrics(r)["EX"] for r in hot}, {"S"})

    def iam(self, *statements, **more):
        details = {"UserDetailList": [dict(
            {"UserName": "ann", "Arn": f"arn:aws:iam::{ACCOUNT}:user/team/ann",
             "CreateDate": "2020-01-01T00:00:00+00:00", "GroupList": [], "AttachedManagedPolicies": [],
             "UserPolicyList": [{"PolicyName": "p", "PolicyDocument": policy(*statements)}]}, **more)],
            "GroupDetailList": [], "RoleDetailList": [], "Policies": []}
        return details

    def rights(self, details, who=None):
        path = self.write("iam.json", details)
        row = self.one(ndjson(event(1, "DescribeInstances", who or user("ann"))), "--iam", path)
        m = self.metrics(row)
        return m["PW"] + m["CP"] + m["DT"] + m["RC"]

    def test_policies_tell_the_rights(self):
        mine = f"arn:aws:iam::{ACCOUNT}:role/deploy"
        cases = (
            ("AUHC", allow("*")),
            ("AUHC", allow("*:*")),
            ("RNNU", allow(["ec2:Describe*", "iam:List*", "cloudwatch:Get*"])),
            ("RNHU", allow("s3:GetObject")),
            ("RNLU", allow("s3:GetObject", "arn:aws:s3:::reports/*")),
            ("ANNU", allow("iam:PutUserPolicy")),
            ("ANNU", allow("IAM:put*")),
            ("RNNU", allow("iam:CreateAccessKey", "arn:aws:iam::*:user/${aws:username}")),
            ("LUNU", allow("ec2:RunInstances")),
            ("LBNU", allow("ec2:RunInstances", Condition={"StringEquals": {"aws:RequestedRegion": "eu-west-1"}})),
            ("LBNU", allow("ec2:RunInstances", "arn:aws:ec2:eu-west-1:*:*")),
            ("LBNU", allow("lambda:*")),
            ("LNLU", allow("sqs:*", "arn:aws:sqs:eu-west-1:111122223333:jobs")),
            ("LNNC", allow("sts:AssumeRole")),
            ("LNNC", allow("sts:AssumeRole", "arn:aws:iam::999900001111:role/x")),
            ("LNNU", allow("sts:AssumeRole", mine)),
            ("WUHC", {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}),
        )
        for want, statement in cases:
            self.assertEqual(self.rights(self.iam(statement)), want, statement)

    def test_denies_and_boundaries_take_rights_away(self):
        deny = {"Effect": "Deny", "Action": "*", "Resource": "*"}
        self.assertEqual(self.rights(self.iam(allow("*"), deny)), "RNNU")
        no_machines = dict(deny, Action=["ec2:*", "autoscaling:*", "ecs:*", "eks:*", "batch:*", "sagemaker:*",
                                         "elasticmapreduce:*", "gamelift:*", "lightsail:*"])
        self.assertEqual(self.rights(self.iam(allow("*"), no_machines)), "ABHC")
        regions = {"Effect": "Deny", "NotAction": "iam:*", "Resource": "*",
                   "Condition": {"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}}}
        self.assertEqual(self.rights(self.iam(allow("*"), regions))[1], "B")
        bounded = self.iam(allow("*"), PermissionsBoundary={
            "PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": "arn:aws:iam::aws:policy/B"})
        bounded["Policies"] = [{"Arn": "arn:aws:iam::aws:policy/B", "DefaultVersionId": "v2", "PolicyVersionList": [
            {"VersionId": "v1", "IsDefaultVersion": False, "Document": policy(allow("*"))},
            {"VersionId": "v2", "IsDefaultVersion": True, "Document": policy(allow("s3:*"))}]}]
        self.assertEqual(self.rights(bounded), "LNHU")

    def test_groups_managed_policies_and_encoded_documents_are_read(self):
        details = self.iam(allow("ec2:Describe*"), GroupList=["ops"])
        import urllib.parse
        details["GroupDetailList"] = [{"GroupName": "ops", "GroupPolicyList": [],
                                       "AttachedManagedPolicies": [{"PolicyArn": "arn:aws:iam::aws:policy/A"}]}]
        details["Policies"] = [{"Arn": "arn:aws:iam::aws:policy/A", "DefaultVersionId": "v1", "PolicyVersionList": [
            {"VersionId": "v1", "IsDefaultVersion": True,
             "Document": urllib.parse.quote(json.dumps(policy(allow("*"))))}]}]
        self.assertEqual(self.rights(details), "AUHC")

    def test_a_policy_that_is_not_in_the_file_leaves_its_metrics_assumed(self):
        details = self.iam(allow("ec2:RunInstances"),
                           AttachedManagedPolicies=[{"PolicyArn": "arn:aws:iam::aws:policy/Unknown"}])
        self.assertEqual(self.rights(details), "?U??")

    def test_a_deny_without_a_second_factor_counts_only_where_it_holds_for_keys(self):
        for op, want in (("BoolIfExists", "E"), ("Bool", "N")):
            deny = {"Effect": "Deny", "NotAction": "iam:*MFA*", "Resource": "*",
                    "Condition": {op: {"aws:MultiFactorAuthPresent": "false"}}}
            path = self.write("iam.json", self.iam(allow("*"), deny))
            row = self.one(ndjson(event(1, "DescribeInstances", user("ann"))), "--iam", path)
            self.assertEqual(self.metrics(row)["MF"], want)

    def test_trust_policies_tell_who_is_let_in_and_on_what_terms(self):
        def trust(principal, condition=None):
            st = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
            return policy(dict(st, Condition=condition) if condition else st)
        oidc = {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.example"}
        cases = (
            (trust({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}), "I", "N"),
            (trust({"AWS": ACCOUNT}, {"Bool": {"aws:MultiFactorAuthPresent": "true"}}), "I", "E"),
            (trust({"AWS": "arn:aws:iam::999900001111:root"}), "X", "N"),
            (trust({"AWS": ["999900001111", ACCOUNT]}, {"StringEquals": {"sts:ExternalId": "z"}}), "X", "C"),
            (trust("*"), "X", "N"),
            (trust(oidc, {"StringEquals": {"token.actions.example:sub": "repo:o/r:ref"}}), "X", "C"),
            (trust(oidc), "X", "N"),
            (trust({"Service": "lambda.amazonaws.com"}), "I", "N"),
        )
        log = ndjson(event(1, "DescribeInstances", session("deploy", "s")))
        for document, ex, mf in cases:
            path = self.write("iam.json", {"UserDetailList": [], "RoleDetailList": [{
                "RoleName": "deploy", "Arn": f"arn:aws:iam::{ACCOUNT}:role/ci/deploy", "RolePolicyList": [],
                "AttachedManagedPolicies": [], "AssumeRolePolicyDocument": document}]})
            m = self.metrics(self.one(log, "--iam", path))
            self.assertEqual((m["EX"], m["MF"], m["CT"], m["PW"]), (ex, mf, "S", "R"), document)

    REPORT = ("user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,"
              "password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,"
              "access_key_2_active,access_key_2_last_rotated\n"
              "<root_account>,arn:aws:iam::111122223333:root,2019-01-01T00:00:00+00:00,not_supported,"
              "no_information,not_supported,not_supported,true,false,N/A,false,N/A\n"
              "ann,arn:aws:iam::111122223333:user/team/ann,2020-01-01T00:00:00+00:00,{pw},N/A,"
              "{changed},N/A,{mfa},{key},{rotated},{key2},2024-01-01T00:00:00+00:00\n")

    def test_the_credential_report_tells_keys_ages_and_second_factors(self):
        at = {"pw": "false", "changed": "N/A", "mfa": "false", "key": "true", "key2": "false",
              "rotated": "2026-02-01T00:00:00+00:00"}
        cases = ((at, "K", "N", "F"), (dict(at, rotated="2025-10-01T00:00:00+00:00"), "K", "N", "M"),
                 (dict(at, key2="true"), "K", "N", "O"),
                 (dict(at, key="false", pw="true", changed="2025-10-01T00:00:00+00:00", mfa="true"), "P", "E", "M"),
                 (dict(at, key="false", pw="true", changed="2026-02-20T00:00:00+00:00"), "P", "N", "F"),
                 (dict(at, key="false"), "N", "N", "T"))
        log = ndjson(event(1, "DescribeInstances", user("ann")))
        for facts, ct, mf, ag in cases:
            text = self.REPORT.format(**facts)
            wrapped = {"Content": base64.b64encode(text.encode()).decode(), "ReportFormat": "text/csv"}
            for content in (text.encode(), text.replace("\n", "\r\n").encode(), wrapped):
                path = self.write("report", content)
                m = self.metrics(self.one(log, "--credential-report", path))
                self.assertEqual((m["CT"], m["MF"], m["AG"]), (ct, mf, ag), facts)

    def test_with_both_files_nothing_of_a_user_is_assumed_and_unused_rights_show(self):
        report = self.write("report", self.REPORT.format(
            pw="false", changed="N/A", mfa="false", key="true", key2="false",
            rotated="2019-06-01T00:00:00+00:00").encode())
        iam = self.write("iam.json", self.iam(allow("*")))
        log = ndjson(event(1, "DescribeInstances", user("ann")))
        row = self.one(log, "--iam", iam, "--credential-report", report)
        self.assertEqual(row["assumed"], [])
        self.assertEqual(row["vector"], "FBIR:1/CT:K/EX:I/MF:N/AG:O/PW:A/CP:U/DT:H/RC:C")
        self.assertEqual(row["lean_risk"],
                         score_of("FBIR:1/CT:K/EX:I/MF:N/AG:O/PW:R/CP:N/DT:H/RC:U"))
        self.assertIn("could be", run("identities", "-", "--iam", iam, stdin=log)[1])

    def test_damaged_files_are_read_or_refused_never_more(self):
        whole = json.dumps(self.iam(allow("*"))).encode()
        report = self.REPORT.format(pw="true", changed="x", mfa="", key="true", key2="\"", rotated="never").encode()
        log = ndjson(event(1, "DescribeInstances", user("ann")))
        rng = random.Random(11)
        for n in range(60):
            option, text = rng.choice((("--iam", whole), ("--credential-report", report)))
            damaged = bytearray(text)
            for _ in range(rng.randint(1, 6)):
                damaged[rng.randrange(len(damaged))] = rng.choice(b'{}[]",:\x00\xff0a\n')
            path = self.write("damaged", bytes(damaged[:rng.randint(1, len(damaged))] if n % 2 else damaged))
            status, _, err = run("identities", "-", option, path, stdin=log)
            self.assertIn(status, (0, 1), err)
            self.assertNotIn("Sanitizer", err)
        for shape in ([], {"UserDetailList": [1, None, {"Arn": 5}, {"Arn": "arn:aws:iam::1:user/x", "GroupList": {}}]},
                      {"RoleDetailList": [{"Arn": f"arn:aws:iam::{ACCOUNT}:role/x", "AssumeRolePolicyDocument": "%7",
                                           "RolePolicyList": [{"PolicyDocument": {"Statement": "x"}}]}]}):
            status, _, err = run("identities", "-", "--iam", self.write("odd", shape), stdin=log)
            self.assertIn(status, (0, 1), err)
            self.assertNotIn("Sanitizer", err)


class NoteRisk(Folder):
    """What --iam proves shifts the score of what the identity does next, both ways, and explain says so."""

    def setUp(self):
        super().setUp()
        self.state = "sqlite:" + os.path.join(self.folder, "fb.db")
        self.iam = {"UserDetailList": [], "RoleDetailList": [], "GroupDetailList": [], "Policies": []}
        for name, rights in (("boss", allow("*")), ("reader", allow("s3:GetObject", "arn:aws:s3:::one/a")),
                             ("asleep", allow("*"))):
            self.iam["UserDetailList"].append({
                "UserName": name, "Arn": f"arn:aws:iam::{ACCOUNT}:user/{name}", "CreateDate": "2020-01-01T00:00:00Z",
                "GroupList": [], "AttachedManagedPolicies": [],
                "UserPolicyList": [{"PolicyName": "p", "PolicyDocument": policy(rights)}]})
        self.path = self.write("iam.json", self.iam)
        self.quiet = ndjson(event(1, "ListUsers", user("boss"), service="iam"),
                            event(2, "ListUsers", user("reader", key="AKIAIOSFODNN7EXAMPL2"), service="iam"),
                            event(3, "ListUsers", user("stranger", key="AKIAIOSFODNN7EXAMPL3"), service="iam"))

    def act(self, name, key, *args):
        log = ndjson(event(7, "StopLogging", user(name, key=key), service="cloudtrail",
                           time="2026-03-02T11:00:00Z", requestParameters={"name": "main"}))
        return records("explain", "--event", "00000000-0000-4000-8000-000000000007", *args, "-", stdin=log)[0]

    def note(self):
        status, out, err = run("identities", "--state", self.state, "--iam", self.path, "--note-risk")
        self.assertEqual(status, 0, err)
        return out, err

    def test_the_same_event_scores_by_the_risk_of_who_did_it(self):
        run("replay", "--state", self.state, "-", stdin=self.quiet)
        out, err = self.note()
        self.assertIn("noted the risk of 3 identities; 1 left", err)
        self.assertIn("user/asleep", out)  # named by the file, never seen
        shift = {}
        for name, key in (("boss", "AKIAIOSFODNN7EXAMPLE"), ("reader", "AKIAIOSFODNN7EXAMPL2"),
                          ("stranger", "AKIAIOSFODNN7EXAMPL3"), ("asleep", "AKIAIOSFODNN7EXAMPL4")):
            x = self.act(name, key, "--state", self.state)
            shift[name] = (x["prior"], x["risk"], x["score"])
        high = score_of("FBIR:1/CT:K/EX:I/MF:N/AG:O/PW:A/CP:U/DT:H/RC:C")  # its key may be old: nothing proves it
        for name in ("boss", "asleep"):
            self.assertEqual(shift[name][1], high)
            self.assertAlmostEqual(shift[name][0], min(.6, (high - 5) / 8), delta=.001)
        self.assertLess(shift["reader"][1], 7)
        self.assertAlmostEqual(shift["reader"][0], (shift["reader"][1] - 5) / 8, places=3)
        self.assertEqual(shift["stranger"][:2], (0, None))
        self.assertGreater(shift["boss"][2], shift["stranger"][2] + 2)
        self.assertGreater(shift["boss"][2], shift["reader"][2])
        out = run("explain", "--state", self.state, f"arn:aws:iam::{ACCOUNT}:user/boss")[1]
        self.assertIn(f"prior: {(high - 5) / 8:+.2f} nats, for an identity risk of {high} out of 10", out)
        self.assertIn(f"Its identity risk of {high} out of 10 makes it more suspect beforehand", " ".join(out.split()))

    def test_what_it_did_is_not_counted_twice_and_noting_again_changes_nothing(self):
        """A contained identity is suspected, which raises the risk that is listed, not the one that is noted."""
        self.iam["UserDetailList"][0]["UserPolicyList"][0]["PolicyDocument"] = policy(allow("s3:PutObject", "arn:aws:s3:::b/c"))
        self.path = self.write("iam.json", self.iam)
        run("replay", "--state", self.state, "-", stdin=self.quiet)
        self.note()
        before = self.act("boss", "AKIAIOSFODNN7EXAMPLE", "--state", "memory:")
        calm = records("explain", "--state", self.state, f"arn:aws:iam::{ACCOUNT}:user/boss")[0]
        run("replay", "--state", self.state, "-", stdin=ndjson(
            *[event(20 + n, name, user("boss"), service=service, time=f"2026-03-02T10:30:0{n}Z",
                    requestParameters={"name": "x", "userName": "other", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"})
              for n, (name, service) in enumerate((("StopLogging", "cloudtrail"), ("DeleteDetector", "guardduty"),
                                                   ("AttachUserPolicy", "iam"), ("CreateAccessKey", "iam")))]))
        self.note()
        hot = records("explain", "--state", self.state, f"arn:aws:iam::{ACCOUNT}:user/boss")[0]
        self.assertEqual(before["risk"], None)
        self.assertEqual(hot["level"], "contain")
        self.assertEqual((hot["risk"], hot["prior"]), (calm["risk"], calm["prior"]))
        self.note()
        self.assertEqual(records("explain", "--state", self.state, f"arn:aws:iam::{ACCOUNT}:user/boss")[0], hot)

    def test_risk_alone_makes_nobody_suspect(self):
        run("replay", "--state", self.state, "-", stdin=self.quiet)
        self.note()
        rows = records("identities", "--state", self.state)
        self.assertEqual({r["level"] for r in rows}, {"observe"})
        self.assertEqual(run("incidents", "--state", self.state)[1], "")

    def test_it_needs_a_store_and_what_aws_says(self):
        for args in (("--note-risk", "--state", self.state), ("--note-risk", "--iam", self.path, CHAINED)):
            status, out, err = run("identities", *args)
            self.assertEqual((status, out), (1, ""))
            self.assertIn("name both", err)


class HostileNames(unittest.TestCase):
    """Names come from whoever writes events: no sink may take them for anything but text."""

    def setUp(self):
        self.log = ndjson(*[event(n, "RunInstances", {"type": "IAMUser", "accountId": ACCOUNT,
                                                      "accessKeyId": name}) for n, name in enumerate(HOSTILE)],
                          *[event(100 + n, "RunInstances", user(name, key=f"AKIAAAAAAAAAAAAAA{n:03d}"))
                            for n, name in enumerate(HOSTILE)])

    def test_json_keeps_them_whole(self):
        seen = {r["identity"] for r in records("identities", "-", stdin=self.log)}
        for name in HOSTILE:
            self.assertIn(name, seen)

    def test_csv_cells_are_text_to_a_spreadsheet(self):
        out = run("identities", "-", "--output", "csv", stdin=self.log)[1]
        sheet = rows_of(out)
        self.assertEqual({len(r) for r in sheet}, {len(sheet[0])})
        self.assertEqual(len(sheet), 2 * len(HOSTILE) + 1)
        for row in sheet:
            for cell in row:
                self.assertNotRegex(cell, r"^\s*[=+\-@\uff1d\uff0b\uff0d\uff20\t\r]")
                self.assertNotRegex(cell, "[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
        self.assertIn("'=cmd|' /C calc'!A0", [r[4] for r in sheet])
        self.assertIn('a,b;c"d"', [r[4] for r in sheet])

    def test_html_holds_no_element_of_theirs(self):
        out = run("identities", "-", "--output", "html", stdin=self.log)[1]
        page = Cells(out)
        self.assertEqual(page.strange, [])
        self.assertEqual(len(page.rows), 2 * len(HOSTILE) + 1)
        self.assertIn("<script>alert(1)</script>", [r[4] for r in page.rows])
        self.assertIn("&lt;b&gt;", [r[4] for r in page.rows])
        for never in ("<script", "http:", "https:", "src=", "href=", "@import", "url("):
            self.assertNotIn(never, out.lower())
        self.assertNotRegex(out, "[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]")

    def test_a_terminal_gets_no_control_characters(self):
        for args in (("identities", "-"), ("chain", "AKIAAAAAAAAAAAAAA011", "-"),
                     ("chain", "00000000-0000-4000-8000-000000000011", "-")):
            status, out, err = run(*args, stdin=self.log)
            self.assertEqual(status, 0, err)
            self.assertNotRegex(out + err, "[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]")

    def test_an_argument_is_told_without_control_characters(self):
        _, _, err = run("chain", "\x1b[31mx\u202e", CHAINED)
        self.assertNotRegex(err, "[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=1)

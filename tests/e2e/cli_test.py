#!/usr/bin/env python3
"""What a person types: help, exit statuses, one decision a line, dead letters, stores, the ledger.

    cli_test.py PROGRAM
"""
import base64
import gzip
import json
import math
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import unittest

PROGRAM = ""
STORY = "events/leaked-key-every-region"
COMMANDS = ("replay", "explain", "backtest", "learn", "incidents", "tick", "ledger", "signals", "chain", "identities",
            "lambda", "completion")
SHAPE = {"event_id": str, "time": str, "provider": str, "account": str, "region": str, "service": str,
         "action": str, "outcome": str, "principal": str, "root": str, "chain": list, "credential": str,
         "score": (int, float), "level": str, "signals": list, "playbooks": list, "actions": list}


def run(*args, stdin=b"", env=None):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "FIREBREAK_"))}
    done = subprocess.run([PROGRAM, *args], input=stdin, env=dict(clean, **(env or {})), timeout=120,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def lines(text):
    return [json.loads(x) for x in text.splitlines()]


class Help(unittest.TestCase):
    def test_every_command_has_help_with_an_example(self):
        status, out, _ = run("--help")
        self.assertEqual(status, 0)
        for command in COMMANDS:
            self.assertIn(f"  {command} ", out)
            status, text, _ = run(command, "--help")
            self.assertEqual(status, 0)
            self.assertIn("Example: ", text)
            self.assertEqual(run("help", command)[1], text)

    def test_the_version_is_one_line(self):
        self.assertRegex(run("--version")[1], r"^firebreak \d+\.\d+\.\d+\n$")

    def test_a_wrong_command_or_option_is_told_with_the_way_out(self):
        self.assertEqual(run()[0], 1)
        status, _, err = run("repaly", "x")
        self.assertEqual(status, 1)
        self.assertIn('did you mean "replay"', err)
        for args in (("replay", "--nosuch", "x"), ("replay", "--mode"), ("replay",),
                     ("replay", "--event", "x", "y"), ("incidents", "--output", "html")):
            status, out, err = run(*args)
            self.assertEqual((status, out), (1, ""), args)
            self.assertTrue(err)

    def test_a_wrong_option_is_named_with_the_nearest_right_one(self):
        for args, words in ((("replay", "--ouput", "json", "x"), 'no option --ouput (did you mean "output"?)'),
                            (("incidents", "--mode", "enforce"), "it takes no --mode"),
                            (("explain", "--all=3", "x"), "--all takes no value"),
                            (("replay", "--mode"), "a value is missing after --mode"),
                            (("replay", "-x", "y"), "no option -x"),
                            (("replay", "--mod", "enforce", "x"), 'no option --mod (did you mean "mode"?)'),
                            (("replay", "--mod=enforce", "x"), 'no option --mod (did you mean "mode"?)'),
                            (("explain", "x", "--al"), 'no option --al (did you mean "all"?)'),
                            (("replay", "--hel"), 'no option --hel (did you mean "help"?)'),
                            (("--hlep",), 'did you mean "--help"?')):
            status, out, err = run(*args)
            self.assertEqual((status, out), (1, ""), args)
            self.assertIn(words, err)

    def test_output_that_cannot_be_written_is_said_and_is_no_success(self):
        for args in (("--help",), ("replay", STORY), ("explain", STORY), ("completion", "bash")):
            with open("/dev/full", "wb") as full:
                done = subprocess.run([PROGRAM, *args], stdout=full, stderr=subprocess.PIPE, timeout=60,
                                      check=False)
            self.assertEqual(done.returncode, 1, args)
            self.assertIn(b"No space left on device", done.stderr, args)

    def test_a_reader_that_leaves_ends_it_without_a_crash(self):
        child = subprocess.Popen([PROGRAM, "replay", "--output", "json", *[STORY] * 20],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        child.stdout.readline()
        child.stdout.close()
        err = child.stderr.read().decode()
        child.stderr.close()
        self.assertEqual(child.wait(60), 1)
        self.assertEqual(err.count("Broken pipe"), 1, err)

    def test_a_wrong_configuration_is_one_clear_line(self):
        with tempfile.TemporaryDirectory() as d:
            path = os.path.join(d, "firebreak.json")
            with open(path, "w", encoding="utf-8") as f:
                json.dump({"tresholds": {}}, f)
            status, _, err = run("replay", "--config", path, STORY)
            self.assertEqual(status, 1)
            self.assertIn("thresholds", err)
            self.assertEqual(len(err.splitlines()), 1)
        self.assertEqual(run("replay", "--config", "/nonexistent/x", STORY)[0], 1)
        self.assertEqual(run("replay", "--mode", "sometimes", STORY)[0], 1)
        self.assertEqual(run("replay", "--state", "mysql:x", STORY)[0], 1)


class Replay(unittest.TestCase):
    def test_stdout_holds_one_decision_of_the_agreed_shape_for_each_record(self):
        status, out, _ = run("replay", "--output", "json", STORY)
        self.assertEqual(status, 0)
        with open(STORY + "/events.ndjson", encoding="utf-8") as f:
            records = [json.loads(x) for x in f]
        decisions = lines(out)
        self.assertEqual([d["event_id"] for d in decisions],
                         [r.get("detail", r).get("eventID", r.get("id")) for r in records])
        for d in decisions:
            for key, kind in SHAPE.items():
                self.assertIsInstance(d[key], kind, key)
            self.assertIn(d["level"], ("observe", "alert", "contain"))
            self.assertRegex(d["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
            self.assertTrue(d["chain"] and d["chain"][-1] == d["root"])
            self.assertTrue(d["incident"] is None or d["incident"].startswith("inc-"))
        planned = [a for d in decisions for a in d["actions"]]
        self.assertTrue(planned)
        self.assertEqual({a["status"] for a in planned}, {"planned"})

    def test_a_doubled_line_gets_a_line_that_says_duplicate(self):
        with open(STORY + "/events.ndjson", "rb") as f:
            text = f.read()
        decisions = lines(run("replay", "--output", "json", "-", stdin=text + text)[1])
        half = len(decisions) // 2
        self.assertEqual([d.get("duplicate", False) for d in decisions], [False] * half + [True] * half)
        last = {d["root"]: d["score"] for d in decisions[:half]}
        self.assertEqual([d["score"] for d in decisions[half:]], [last[d["root"]] for d in decisions[half:]])

    def test_the_environment_and_the_file_cannot_make_replay_act(self):
        env = {"FIREBREAK_MODE": "enforce", "AWS_ACCESS_KEY_ID": "AKIAX", "AWS_SECRET_ACCESS_KEY": "x",
               "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
        decisions = lines(run("replay", "--output", "json", STORY, env=env)[1])
        self.assertEqual({a["status"] for d in decisions for a in d["actions"]}, {"planned"})

    def test_a_folder_gives_the_same_as_its_parts_in_name_order_and_gzip_the_same_as_plain(self):
        plain = run("replay", "--output", "json", STORY)[1]
        with tempfile.TemporaryDirectory() as d:
            with open(STORY + "/events.ndjson", "rb") as f:
                rows = f.read().splitlines(keepends=True)
            for n, part in enumerate((rows[:5], rows[5:40], rows[40:])):
                data = b"".join(part)
                name, data = (f"{n}.ndjson.gz", gzip.compress(data)) if n == 1 else (f"{n}.ndjson", data)
                with open(os.path.join(d, name), "wb") as f:
                    f.write(data)
            with open(os.path.join(d, "expect.json"), "w", encoding="utf-8") as f:
                f.write("not input")
            self.assertEqual(run("replay", "--output", "json", d)[1], plain)

    def test_broken_pieces_are_named_and_kept_and_the_rest_is_processed(self):
        good = b'{"eventID":"one","eventName":"X"}'
        text = good + b"\n{\"eventID\": \n[1,2]\n\"text\"\n" + good.replace(b"one", b"two") + b"\n\xff\xfe\n"
        with tempfile.TemporaryDirectory() as d:
            letters = os.path.join(d, "dead.ndjson")
            path = os.path.join(d, "in.ndjson")
            with open(path, "wb") as f:
                f.write(text)
            status, out, err = run("replay", "--output", "json", "--dead-letters", letters, path)
            self.assertEqual(status, 2)
            self.assertEqual([x["event_id"] for x in lines(out)], ["one", "two"])
            for number in (2, 4, 6):
                self.assertIn(f"in.ndjson:{number}", err)
            with open(letters, encoding="utf-8") as f:
                kept = [json.loads(x) for x in f]
            self.assertIn(b'{"eventID":', [base64.b64decode(k["bytes"]) for k in kept])
            self.assertTrue(all(k["reason"] and k["source"] == path for k in kept))

    def test_a_dead_letter_that_cannot_be_kept_is_said(self):
        for path, words in (("/dev/full", "No space left on device"), ("/proc/x/y", "/proc/x/y")):
            status, _, err = run("replay", "--dead-letters", path, "-", stdin=b"not json\n")
            self.assertEqual(status, 1)
            self.assertIn(words, err)

    def test_names_of_files_cannot_write_to_the_terminal(self):
        with tempfile.TemporaryDirectory() as d:
            with open(os.path.join(d, "a\n\x1b[31m.json"), "wb") as f:
                f.write(b"bad")
            for command in ("replay", "explain"):
                for path in (d, os.path.join(d, "none\n\x1b[31m")):
                    err = run(command, path)[2]
                    self.assertNotIn("\x1b", err)
                    self.assertTrue(all(x.startswith("firebreak: ") for x in err.splitlines()), err)

    def test_links_in_a_circle_and_pipes_in_a_folder_do_not_hold_it(self):
        with tempfile.TemporaryDirectory() as d:
            os.mkdir(os.path.join(d, "sub"))
            os.symlink("..", os.path.join(d, "sub", "up"))
            os.symlink("self.json", os.path.join(d, "self.json"))
            os.mkfifo(os.path.join(d, "fifo.json"))
            with open(os.path.join(d, "sub", "a.json"), "wb") as f:
                f.write(b'{"eventID":"one"}')
            status, out, err = run("replay", "--output", "json", d)
            self.assertEqual((status, [x["event_id"] for x in lines(out)]), (2, ["one"]))
            for name in ("self.json", "fifo.json"):
                self.assertIn(name, err)

    def test_enforce_without_credentials_says_so_and_is_not_done(self):
        env = {"HOME": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true"}
        status, out, err = run("replay", "--mode", "enforce", "--output", "json", STORY, env=env)
        self.assertEqual(status, 3)
        self.assertIn("no AWS credentials: looked in", err)
        self.assertNotIn("done", {a["status"] for d in lines(out) for a in d["actions"]})

    def test_valid_but_odd_json_is_decided_and_said_to_be_odd(self):
        odd = [b'{"eventID":"a","eventName":"X","n":1e999}', b'{"eventID":"b","n":99999999999999999999}',
               b'{"eventID":"c","n":"\\u0000"}', b'{"eventID":"d","n":"\\ud800"}',
               b'{"eventID":"e","eventID":"e"}', b'{"eventID":"f","n":' + b"[" * 500 + b"]" * 500 + b"}"]
        status, out, err = run("replay", "--output", "json", "-", stdin=b"\n".join(odd))
        self.assertEqual(status, 0, err)
        decisions = lines(out)
        self.assertEqual([d["event_id"] for d in decisions], list("abcdef"))
        self.assertTrue(all(d["odd"] for d in decisions))

    def test_an_object_of_no_known_kind_is_observed(self):
        decision = lines(run("replay", "--output", "json", "-", stdin=b'{"hello":"world"}')[1])[0]
        self.assertEqual((decision["action"], decision["level"], decision["score"]), ("unknown", "observe", 0))
        self.assertRegex(decision["event_id"], "^sha256:[0-9a-f]{64}$")

    def test_a_path_that_is_not_there_is_usage(self):
        status, out, err = run("replay", "no/such/path")
        self.assertEqual((status, out), (1, ""))
        self.assertIn("no/such/path", err)

    def test_text_from_events_cannot_write_to_the_terminal(self):
        nasty = json.dumps({"eventID": "x", "eventName": "A\x1b[2J\n\u202eB", "eventSource": "ec2.amazonaws.com",
                            "eventTime": "2026-01-01T00:00:00Z", "eventVersion": "1.08",
                            "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/\x9b1m"}})
        out = run("replay", "-", stdin=nasty.encode())[1]
        self.assertEqual(len(out.splitlines()), 1)
        self.assertNotRegex(out.rstrip("\n"), "[\x00-\x1f\x7f-\x9f\u202e]")


class Stories(unittest.TestCase):
    """However little history there is: the thief is contained by his third region, the roll-out never."""

    def replay_from(self, story, first):
        with open(f"events/{story}/events.ndjson", "rb") as f:
            rows = f.read().splitlines(keepends=True)[first:]
        return lines(run("replay", "--output", "json", "-", stdin=b"".join(rows))[1])

    def test_a_roll_out_is_never_contained_whatever_history_the_store_holds(self):
        for first in range(0, 57, 8):
            levels = {d["level"] for d in self.replay_from("terraform-rollout", first)}
            self.assertNotIn("contain", levels, f"from event {first}")

    def test_the_thief_is_contained_by_the_third_region_whatever_history_the_store_holds(self):
        with open("events/leaked-key-every-region/expect.json", encoding="utf-8") as f:
            history = json.load(f)["history"]
        for first in range(0, history + 1, 12):
            regions = []
            for d in self.replay_from("leaked-key-every-region", first):
                if d["action"] == "RunInstances" and d["principal"].endswith("/build"):
                    regions += [d["region"]] if d["region"] not in regions else []
                if d["level"] == "contain":
                    break
            else:
                self.fail(f"never contained from event {first}")
            self.assertLessEqual(len(regions), 3, f"from event {first}: {regions}")


    def test_a_leaked_google_key_in_every_region_is_seen_by_the_third_and_left_to_a_person(self):
        zones = "us-central1-a europe-west4-a asia-east1-b us-east4-c europe-west1-b".split()
        sa, rows = "build@shop-prod.iam.gserviceaccount.com", []
        for n, zone in enumerate(zones):
            for part in ("first", "last"):  # the pair of one operation counts once
                rows.append(json.dumps({
                    "insertId": f"{n}-{part}", "timestamp": f"2026-05-01T03:00:{12 * n:02}Z",
                    "logName": "projects/shop-prod/logs/cloudaudit.googleapis.com%2Factivity",
                    "resource": {"type": "gce_instance",
                                 "labels": {"project_id": "shop-prod", "zone": zone}},
                    "operation": {"id": f"op-{n}", "producer": "compute.googleapis.com", part: True},
                    "protoPayload": {
                        "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
                        "serviceName": "compute.googleapis.com",
                        "methodName": "v1.compute.instances.insert",
                        "resourceName": f"projects/shop-prod/zones/{zone}/instances/m{n}",
                        "authenticationInfo": {"principalEmail": sa, "serviceAccountKeyName":
                            f"//iam.googleapis.com/projects/shop-prod/serviceAccounts/{sa}/keys/0a1b2c"},
                        "requestMetadata": {"callerIp": "198.51.100.9",
                                            "callerSuppliedUserAgent": "google-api-go-client/0.5"},
                        "request": {"machineType":
                            f"projects/shop-prod/zones/{zone}/machineTypes/n2d-highcpu-224"}}}))
        decisions = lines(run("replay", "--output", "json", "-", stdin="\n".join(rows).encode())[1])
        first = next(d for d in decisions if d["level"] == "contain")
        self.assertIn(first["region"], ("us-central1", "europe-west4", "asia-east1"))
        self.assertEqual((first["root"], first["credential"], first["provider"]), (sa, "0a1b2c", "gcp"))
        self.assertEqual([d["actions"] for d in decisions if d["actions"]], [])
        self.assertEqual(first["incident_state"], "needs_person")


class Playbooks(unittest.TestCase):
    def replay_with(self, source):
        with tempfile.TemporaryDirectory() as d:
            with open(os.path.join(d, "mine.lua"), "w", encoding="utf-8") as f:
                f.write(source)
            return run("replay", "--playbooks", d, "events/leak-notice-alone")

    def test_a_playbook_that_does_not_load_is_a_configuration_error(self):
        status, _, err = self.replay_with("return playbook {")
        self.assertEqual(status, 1)
        self.assertIn("mine.lua:1", err)
        self.assertEqual(run("replay", "--playbooks", "/nonexistent", "events/leak-notice-alone")[0], 1)

    def test_a_playbook_that_raises_is_told_once_an_event_and_is_a_no(self):
        status, _, err = self.replay_with(
            'return playbook { name = "mine", api = 1, on = { cloud = "aws", score = {0, 100} },\n'
            '  mode = "enforce", needs = { "aws.halt" },\n'
            '  run = function(inc, fb) fb.aws.hlat {} end }')
        self.assertEqual(status, 3)
        self.assertEqual(err.count("mine.lua:3"), 1, err)
        self.assertIn('did you mean "fb.aws.halt"', err)


class Explain(unittest.TestCase):
    def test_every_term_group_and_the_rule_are_printed(self):
        status, out, _ = run("explain", STORY)
        self.assertEqual(status, 0)
        for words in ("launch-burst", "region-fanout", "contain"):
            self.assertIn(words, out)

    def test_an_event_that_is_not_there_is_said(self):
        status, out, err = run("explain", "--event", "nope\x1b[2J", STORY)
        self.assertEqual((status, out), (1, ""))
        self.assertRegex(err, r"no event nope\?\[2J among \d+ records")

    def test_it_begins_in_plain_words_who_what_why_and_what_if(self):
        told = run("explain", "events/role-chained-launch")[1].splitlines()
        self.assertRegex(told[0], r"^contain, score \d+\.\d of 100: arn:aws:iam::111122227777:user/ci-runner$")
        head = told[:told.index("")]
        text = " ".join(x.strip() for x in head)
        for words in ("Who the user arn:aws:iam::111122227777:user/ci-runner, who stands behind ASIA",
                      "assumed-role/admin/maintenance (AssumeRole) <- arn:aws:sts",
                      "What RunInstances (ec2) of 2 x p4d.24xlarge in ap-northeast-1 on 2026-05-13 at 23:51:49 UTC,"
                      " from 203.0.113.129", "it went through.", "vCPU", "That is contain: ", "What if "):
            self.assertIn(words, " ".join(text.split()))
        self.assertLessEqual(max(map(len, head)), 100)
        self.assertLessEqual(len(head), 20)

    def test_json_holds_every_number_and_they_add_up_to_the_score(self):
        caps = dict(X=8.5, V=7, S=6.5, E=5.5, P=4, O=3.2, D=3, R=2.5, C=2.5)
        for story in ("leaked-key-every-region", "role-chained-launch", "persistence-burst", "terraform-rollout"):
            decisions = {d["event_id"]: d for d in lines(run("replay", "--output", "json", "events/" + story)[1])}
            told = lines(run("explain", "--all", "--output", "json", "events/" + story)[1])
            self.assertGreater(len(told), 3)
            for x in told:
                d = decisions[x["event_id"]]
                for key in ("score", "level", "root", "time", "action", "principal", "chain"):
                    self.assertEqual(x[key], d[key])
                self.assertEqual([t["id"] for t in x["terms"] if t["fired"]], [s["id"] for s in d["signals"]])
                nats = x.get("prior", 0)
                for group, cap in caps.items():
                    values = sorted((t["value"] for t in x["terms"] if t["group"] == group), reverse=True)
                    nats += min(cap, sum(v * .6 ** n for n, v in enumerate(values)))
                nats += sum(g["counts"] for g in x["groups"] if g["group"] == "M")
                self.assertAlmostEqual(nats, x["nats"], delta=.02)
                self.assertAlmostEqual(100 / (1 + math.exp(5 - nats)), x["score"], delta=.3)
                for t in x["terms"]:
                    self.assertAlmostEqual(abs(t["value"]), t["weight"] * t["m"] * t["decay"] * t["damp"], delta=.01)

    def test_a_quiet_log_is_said_to_be_quiet(self):
        quiet = json.dumps({"eventID": "x", "eventVersion": "1.08", "eventName": "DescribeVolumes",
                            "eventSource": "ec2.amazonaws.com", "eventTime": "2026-01-01T00:00:00Z"})
        status, out, err = run("explain", "-", stdin=quiet.encode())
        self.assertEqual((status, out), (0, ""))
        self.assertIn("none of 1 records raises a signal", err)

    def test_text_from_events_cannot_steer_the_explanation(self):
        nasty = json.dumps({
            "eventID": "x\x1b[2J", "eventVersion": "1.08", "eventName": "StopLogging", "awsRegion": "r\nWhy  all fine",
            "eventSource": "cloudtrail.amazonaws.com", "eventTime": "2026-01-01T00:00:00Z",
            "sourceIPAddress": "\x9b31m", "userAgent": "a\u202eb\nscore 0",
            "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/x\x1b]0;y\x07",
                             "accessKeyId": "AKIA\u2066"}})
        for form in ("text", "json"):
            out = run("explain", "--output", form, "-", stdin=nasty.encode())[1]
            self.assertTrue(out)
            self.assertNotRegex(out.replace("\n", ""), "[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
            self.assertNotRegex(out, "(?m)^(Why|score 0)")

    def test_an_identity_is_explained_from_the_store(self):
        with tempfile.TemporaryDirectory() as d:
            state = "sqlite:" + os.path.join(d, "s.db")
            run("replay", "--state", state, STORY)
            with open(STORY + "/expect.json", encoding="utf-8") as f:
                root = json.load(f)["root"]
            status, out, err = run("explain", "--state", state, root)
            self.assertEqual(status, 0, err)
            self.assertIn("launch-burst", out)
            self.assertEqual(run("explain", "--state", state, "arn:aws:iam::111122223333:user/nobody")[0], 1)


    def test_asking_why_leaves_a_live_store_as_it_was(self):
        with tempfile.TemporaryDirectory() as d:
            env = {"FIREBREAK_STATE": "sqlite:" + os.path.join(d, "s.db")}
            self.assertEqual(run("explain", STORY, env=env)[0], 0)
            self.assertEqual(lines(run("incidents", "--output", "json", env=env)[1]), [])
            decisions = lines(run("replay", "--output", "json", STORY, env=env)[1])
            self.assertFalse(any(x.get("duplicate") for x in decisions))
            with open(STORY + "/expect.json", encoding="utf-8") as f:
                root = json.load(f)["root"]
            self.assertIn("launch-burst", run("explain", root, env=env)[1])

    def test_the_hottest_of_very_many_identities_is_among_those_explained(self):
        call = {"eventVersion": "1.08", "eventTime": "2026-01-01T00:00:00Z", "eventSource": "iam.amazonaws.com",
                "eventName": "ListUsers", "awsRegion": "us-east-1", "sourceIPAddress": "198.51.100.7",
                "userAgent": "aws-cli/2.0", "recipientAccountId": "111122223333"}
        rows = []
        for n in range(400):
            who = {"type": "IAMUser", "arn": f"arn:aws:iam::111122223333:user/u{n}", "userName": f"u{n}",
                   "principalId": f"AIDA{n:017d}", "accountId": "111122223333", "accessKeyId": f"AKIA{n:016d}"}
            rows.append(json.dumps(dict(call, eventID=f"e{n}", userIdentity=who)))
        with open(STORY + "/events.ndjson", encoding="utf-8") as f:
            story = f.read()
        with open(STORY + "/expect.json", encoding="utf-8") as f:
            root = json.load(f)["root"]
        out = run("explain", "-", stdin=("\n".join(rows) + "\n" + story).encode())[1]
        self.assertIn(root, out.splitlines()[0])
        self.assertIn("contain", out.splitlines()[0])


class Completion(unittest.TestCase):
    def bash(self, *words):
        """What bash offers for the last word."""
        script = """source <("$1" completion bash) || exit 9; shift
            COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
            _firebreak "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}" || exit 8
            printf '%s\\n' "${COMPREPLY[@]}"
            """
        done = subprocess.run(["bash", "--norc", "-c", script, "bash", PROGRAM, *words], timeout=60, check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(done.stderr, b"")
        return done.stdout.decode().split()

    def test_bash_completes_commands_options_and_their_values(self):
        self.assertEqual(sorted(self.bash("firebreak", "")), sorted(COMMANDS + ("--help", "--version")))
        self.assertEqual(self.bash("firebreak", "rep"), ["replay"])
        self.assertEqual(self.bash("firebreak", "replay", "--mod"), ["--mode"])
        self.assertEqual(self.bash("firebreak", "replay", "--mode", ""), ["dry-run", "enforce"])
        self.assertEqual(self.bash("firebreak", "replay", "--mode", "=", "e"), ["enforce"])
        self.assertEqual(self.bash("firebreak", "replay", "--mode", "="), ["dry-run", "enforce"])
        self.assertEqual(self.bash("firebreak", "ledger", "v"), ["verify"])
        self.assertEqual(self.bash("firebreak", "completion", ""), ["bash", "zsh", "fish", "--help"])
        self.assertEqual(self.bash("firebreak", "explain", "README"), ["README.md"])
        self.assertEqual(self.bash("firebreak", "replay", "--playbooks", "playb"), ["playbooks"])

    def test_every_shell_knows_every_option_that_help_tells_and_no_other(self):
        shells = {x: run("completion", x)[1] for x in ("bash", "zsh", "fish")}
        for command in COMMANDS:
            told = set(re.findall(r"^  (--[a-z-]+)", run(command, "--help")[1], re.M))
            self.assertEqual(set(self.bash("firebreak", command, "--")), told | {"--help"}, command)
            for shell, text in shells.items():
                self.assertIn(command, text, shell)
        every = set(re.findall(r"--([a-z-]+)\[", shells["zsh"]))
        self.assertEqual(set(re.findall(r" -l ([a-z-]+)", shells["fish"])) | {"help"}, every)

    def test_a_shell_that_it_does_not_know_is_said(self):
        status, out, err = run("completion", "tcsh")
        self.assertEqual((status, out), (1, ""))
        self.assertIn("bash, zsh and fish", err)


class State(unittest.TestCase):
    def test_commands_over_the_store_refuse_memory_and_say_how_to_name_one(self):
        for command in (("incidents",), ("tick",), ("ledger", "verify")):
            status, _, err = run(*command)
            self.assertEqual(status, 1)
            self.assertIn("--state sqlite:PATH", err)

    def test_a_store_that_is_not_there_is_no_empty_store_and_is_not_made(self):
        with tempfile.TemporaryDirectory() as d:
            path = os.path.join(d, "none.db")
            for command in (("incidents",), ("tick",), ("ledger", "verify")):
                status, out, err = run(*command, "--state", "sqlite:" + path)
                self.assertEqual((status, out), (1, ""))
                self.assertIn(path, err)
            self.assertFalse(os.path.exists(path))

    def test_an_identity_without_a_store_is_told_how_to_name_one(self):
        status, _, err = run("explain", "arn:aws:iam::111122223333:user/x")
        self.assertEqual(status, 1)
        self.assertIn("--state sqlite:PATH", err)

    def test_incidents_are_listed_and_the_ledger_proves_itself_until_it_is_touched(self):
        with tempfile.TemporaryDirectory() as d:
            db = os.path.join(d, "s.db")
            state = "sqlite:" + db
            self.assertEqual(run("replay", "--state", state, STORY)[0], 0)
            status, out, _ = run("incidents", "--state", state, "--output", "json")
            self.assertEqual((status, len(lines(out))), (0, 1))
            incident = lines(out)[0]["incident"]
            self.assertEqual(incident["state"], "planned")
            self.assertIn(incident["id"], run("incidents", "--state", state)[1])
            self.assertEqual(run("incidents", "--state", state, "inc-none")[0], 1)
            self.assertEqual(run("ledger", "verify", "--state", state)[0], 0)
            self.edit_one_ledger_line(db)
            status, out, _ = run("ledger", "verify", "--state", state)
            self.assertEqual(status, 3)
            self.assertIn("BROKEN", out)

    def edit_one_ledger_line(self, db):
        with sqlite3.connect(db) as c:
            table = c.execute("select name from sqlite_master where type='table'").fetchone()[0]
            columns = [r[1] for r in c.execute(f"pragma table_info({table})")]
            value = next(x for x in columns if x.startswith("val"))
            key = next(x for x in columns if x.startswith("key"))
            row = c.execute(f"select {key}, {value} from {table} where cast({key} as text) like 'ledger#%' "
                            f"order by {key}").fetchone()
            text = row[1] if isinstance(row[1], bytes) else row[1].encode()
            edited = text.replace(b"inc-", b"inc_", 1)
            self.assertNotEqual(edited, text)
            c.execute(f"update {table} set {value} = ? where {key} = ?", (edited, row[0]))


if __name__ == "__main__":
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=1)

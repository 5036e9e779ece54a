#!/usr/bin/env python3
"""What a person types: help, exit statuses, one decision a line, dead letters, stores, the ledger.

    cli_test.py PROGRAM
"""
import base64
import gzip
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import unittest

PROGRAM = ""
STORY = "events/leaked-key-every-region"
COMMANDS = ("replay", "explain", "incidents", "tick", "ledger", "lambda")
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


class Explain(unittest.TestCase):
    def test_every_term_group_and_the_rule_are_printed(self):
        status, out, _ = run("explain", STORY)
        self.assertEqual(status, 0)
        for words in ("launch-burst", "region-fanout", "contain"):
            self.assertIn(words, out)

    def test_an_event_that_is_not_there_is_said(self):
        self.assertEqual(run("explain", "--event", "nope", STORY)[0], 1)

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


class State(unittest.TestCase):
    def test_commands_over_the_store_refuse_memory_and_say_how_to_name_one(self):
        for command in (("incidents",), ("tick",), ("ledger", "verify")):
            status, _, err = run(*command)
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

#!/usr/bin/env python3
"""What a person learns from `backtest` before enforcement, and what `learn` leaves in a store.

    backtest_test.py PROGRAM
"""
import csv
import gzip
import html.parser
import io
import json
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = ""


def run(*args, stdin=b"", env=None):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "FIREBREAK_"))}
    done = subprocess.run([PROGRAM, *args], input=stdin, env=dict(clean, **(env or {})), timeout=300,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def lines(text):
    return [json.loads(x) for x in text.splitlines()]


def of_kind(rows, kind):
    return [r for r in rows if r["kind"] == kind]


def generate(folder, *args):
    subprocess.run([sys.executable, os.path.join(HERE, "..", "bench", "gen_events.py"), *map(str, args),
                    "--tree", os.path.join(folder, "logs"), "--plant"], check=True)
    with open(os.path.join(folder, "planted.json"), encoding="utf-8") as f:
        return os.path.join(folder, "logs"), json.load(f)


def every_file(folder):
    return sorted(os.path.join(d, name) for d, _, names in os.walk(folder) for name in names)


def kept(path):
    """Every record of a store: key and value."""
    with sqlite3.connect(path) as c:
        return c.execute("select key, value from record order by key").fetchall()


class Backtest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp()
        cls.logs, cls.planted = generate(cls.folder, "-n", 12000, "-r", 60, "--days", 16, "--seed", 7)
        cls.text = run("backtest", "--workers", "1", "--output", "json", cls.logs)[1]
        cls.rows = lines(cls.text)
        cls.identities = {r["identity"]: r for r in of_kind(cls.rows, "identity")}

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def test_thieves_are_contained_and_robots_are_not(self):
        contained = sorted(n for n, r in self.identities.items() if r["level"] == "contain")
        self.assertEqual(contained, sorted(self.planted["thieves"]))
        for name in contained:
            self.assertEqual(self.identities[name]["hands"], "probably-stolen")
            self.assertGreater(self.identities[name]["plan"]["count"], 1)
            self.assertEqual(self.identities[name]["contain"]["ip"], "203.0.113.77")

    def test_a_hit_robot_reads_as_probably_yours(self):
        hit = [self.identities[n] for n in self.planted["robots"]
               if self.identities.get(n, {}).get("level", "observe") != "observe"]
        self.assertTrue(hit)  # a fleet on the log's first night is news to anybody
        for robot in hit:
            self.assertEqual(robot["hands"], "probably-yours")
            self.assertIn("network", robot["because"])
        text = run("backtest", self.logs)[1]
        self.assertIn("PROBABLY YOURS", text)

    def test_the_summary_adds_up(self):
        summary = self.rows[0]
        self.assertEqual((summary["kind"], summary["events"]), ("summary", self.planted["events"]))
        self.assertEqual(summary["duplicates"], 0)
        days = of_kind(self.rows, "day")
        self.assertEqual(sum(d["observe"] + d["alert"] + d["contain"] for d in days), summary["events"])
        self.assertEqual([d["day"] for d in days], sorted({d["day"] for d in days}))
        steps = of_kind(self.rows, "threshold")
        self.assertEqual([s["threshold"] for s in steps], list(range(50, 100, 5)))
        counts = [s["identities"] for s in steps]
        self.assertEqual(counts, sorted(counts, reverse=True))
        reached = [sum(r["peak"] >= s for r in self.identities.values()) for s in range(50, 100, 5)]
        self.assertEqual(counts, reached)

    def test_the_bytes_do_not_depend_on_workers_or_on_how_records_lie_in_files(self):
        for workers in ("2", "3", "8"):
            self.assertEqual(run("backtest", "--workers", workers, "--output", "json", self.logs)[1],
                             self.text)
        records = []
        for path in every_file(self.logs):
            with gzip.open(path) as f:
                records += json.load(f)["Records"]
        random.Random(4).shuffle(records)
        with tempfile.TemporaryDirectory() as d:
            for n in range(5):
                with open(os.path.join(d, f"{n}.ndjson"), "w", encoding="utf-8") as f:
                    f.writelines(json.dumps(r) + "\n" for r in records[n::5])
            self.assertEqual(run("backtest", "--workers", "2", "--output", "json", d)[1], self.text)

    def test_files_given_twice_are_duplicates_and_change_no_verdict(self):
        rows = lines(run("backtest", "--output", "json", self.logs, self.logs)[1])
        self.assertEqual(rows[0]["duplicates"], self.planted["events"])
        self.assertEqual(of_kind(rows, "identity"), of_kind(self.rows, "identity"))

    def test_levels_are_those_of_replay(self):
        """The same records, in order of time, down the other door."""
        records = []
        for path in every_file(self.logs):
            with gzip.open(path) as f:
                records += json.load(f)["Records"]
        records.sort(key=lambda r: (r["eventTime"], r["eventName"] != "AssumeRole", r["eventID"]))
        text = "".join(json.dumps(r) + "\n" for r in records).encode()
        peaks, levels = {}, {"observe": 0, "alert": 0, "contain": 0}
        for d in lines(run("replay", "--output", "json", "-", stdin=text)[1]):
            levels[d["level"]] += 1
            if d["level"] != "observe":
                peaks[d["root"]] = max(peaks.get(d["root"], 0), d["score"])
        days = of_kind(self.rows, "day")
        self.assertEqual(levels, {k: sum(d[k] for d in days) for k in levels})
        for root, score in peaks.items():
            self.assertAlmostEqual(self.identities[root]["peak"], score, delta=0.11)

    def test_csv_has_a_row_for_each_identity_told(self):
        rows = list(csv.DictReader(io.StringIO(run("backtest", "--output", "csv", self.logs)[1])))
        self.assertEqual([r["identity"] for r in rows], list(self.identities))
        for row in rows:
            self.assertEqual(float(row["peak"]), self.identities[row["identity"]]["peak"])
            self.assertEqual(row["level"], self.identities[row["identity"]]["level"])

    def test_html_is_well_formed_and_shows_no_raw_text_of_an_event(self):
        who = {"type": "IAMUser", "accountId": "111122223333", "userName": "x",
               "arn": "arn:aws:iam::111122223333:user/x\x1b[2J<b>\x9b\u202e"}
        nasty = "".join(json.dumps({
            "eventID": f"x{n}", "eventVersion": "1.08", "eventName": name, "eventSource": source,
            "eventTime": f"2026-01-01T00:00:0{n}Z", "recipientAccountId": "111122223333",
            "userAgent": "=cmd()", "sourceIPAddress": "<script>", "awsRegion": "us-east-1<script>",
            "userIdentity": who, "requestParameters": {"name": "main"}}) + "\n"
            for n, (name, source) in enumerate((("StopLogging", "cloudtrail.amazonaws.com"),
                                                ("DeleteDetector", "guardduty.amazonaws.com")))).encode()
        page = run("backtest", "--output", "html", "-", stdin=nasty)[1]
        self.assertNotIn("<script>", page)
        self.assertIn("&lt;b&gt;", page)
        html.parser.HTMLParser().feed(page)
        for form in ("text", "csv", "html"):
            out = run("backtest", "--output", form, "-", stdin=nasty)[1]
            self.assertNotRegex(out.replace("\n", ""), "[\x00-\x1f\x7f-\x9f\u202e]", form)

    def test_what_cannot_be_read_is_named_in_order_and_the_rest_is_scored(self):
        with tempfile.TemporaryDirectory() as d:
            for n in range(4):
                with open(os.path.join(d, f"{n}.ndjson"), "w", encoding="utf-8") as f:
                    f.write('{"eventID": \n')
            with open(os.path.join(d, "9.json"), "w", encoding="utf-8") as f:
                json.dump({"some": "thing"}, f)
            status, out, err = run("backtest", "--workers", "3", "--output", "json", d)
            self.assertEqual(status, 2)
            self.assertEqual(re.findall(r"/(\d)\.ndjson", err), list("0123"))
            self.assertEqual((lines(out)[0]["rejected"], lines(out)[0]["unknown"]), (4, 1))
        self.assertEqual(run("backtest", "no/such/path")[:2], (1, ""))

    def test_a_full_temporary_folder_is_told(self):
        status, out, err = run("backtest", self.logs, env={"TMPDIR": "/nonexistent"})
        self.assertEqual((status, out), (1, ""))
        self.assertIn("TMPDIR", err)

    def test_thresholds_of_the_configuration_count(self):
        with tempfile.TemporaryDirectory() as d:
            path = os.path.join(d, "firebreak.json")
            with open(path, "w", encoding="utf-8") as f:
                json.dump({"thresholds": {"alert": 97, "contain": 99.99, "wide": 100}}, f)
            rows = lines(run("backtest", "--config", path, "--output", "json", self.logs)[1])
            self.assertEqual((rows[0]["alert_at"], rows[0]["contained"]), (97, 0))

    def test_nothing_is_left_behind(self):
        with tempfile.TemporaryDirectory() as d:
            run("backtest", self.logs, env={"TMPDIR": d})
            self.assertEqual(os.listdir(d), [])


class Learn(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp()
        cls.logs, cls.planted = generate(cls.folder, "-n", 3000, "-r", 20, "--days", 12)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def learn(self, name, *paths):
        path = os.path.join(self.folder, name)
        status, out, err = run("learn", "--state", "sqlite:" + path, *paths)
        self.assertEqual((status, out), (0, ""), err)
        return kept(path)

    def test_it_leaves_what_it_learned_and_no_incident_nor_a_note_of_any_event(self):
        kinds = {bytes(key).split(b"#")[0] for key, _ in self.learn("kinds.db", self.logs)}
        self.assertLessEqual({b"prof", b"acct", b"edge", b"made"}, kinds)
        self.assertFalse(kinds & {b"inc", b"seen", b"ledger", b"act"}, kinds)

    def test_learning_twice_gives_the_same_bytes(self):
        once = self.learn("twice.db", self.logs)
        self.assertEqual(self.learn("twice.db", self.logs), once)

    def test_the_number_of_workers_changes_nothing(self):
        self.assertEqual(self.learn("w1.db", "--workers", "1", self.logs),
                         self.learn("w3.db", "--workers", "3", self.logs))

    def test_a_log_learned_in_two_halves_gives_the_same_profiles_as_at_once(self):
        files = every_file(self.logs)

        def profiles(rows):
            return [r for r in rows if bytes(r[0]).startswith((b"prof#", b"acct#"))]
        whole = profiles(self.learn("whole.db", self.logs))
        self.learn("halves.db", *files[len(files) // 2:])
        self.assertEqual(profiles(self.learn("halves.db", *files[:len(files) // 2])), whole)

    def test_what_was_learned_is_not_new_any_more(self):
        """A robot's night after the learned ones raises nothing; to an empty store it is news."""
        files = every_file(self.logs)
        nights = [f for f in files if "/222299990000/" in f]
        path = "sqlite:" + os.path.join(self.folder, "known.db")
        run("learn", "--state", path, *[f for f in files if f not in nights[-1:]])
        warm = lines(run("replay", "--output", "json", "--state", path, nights[-1])[1])
        cold = lines(run("replay", "--output", "json", nights[-1])[1])
        self.assertEqual({d["level"] for d in warm}, {"observe"})
        self.assertGreater(max(d["score"] for d in cold), max(d["score"] for d in warm) + 10)

    def test_a_store_that_would_be_lost_is_refused(self):
        status, _, err = run("learn", self.logs)
        self.assertEqual(status, 1)
        self.assertIn("--state sqlite:PATH", err)


if __name__ == "__main__":
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=1)

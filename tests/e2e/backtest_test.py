#!/usr/bin/env python3
"""What a person learns from `backtest` before enforcement, and what `learn` leaves in a store.

    backtest_test.py PROGRAM
"""
import csv
import datetime
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


# What a name may hold that some sink would take for more than text.
HOSTILE = ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1:A9)", "  =1+1", "\uff1d1+1", "\t=1",
           "<script>alert(1)</script>", "a\" onmouseover=\"alert(1)", "'; alert(1)//", "&lt;b&gt;",
           "\x1b]0;owned\x07\x1b[31mred", "two\r\nlines", "a,b;c\"d\"", "\u202egnp.exe", "\u009b31m",
           "</td></table><h1>x", "</style><img src=x>", "%s%n%d", "\u2066x\u2069\u200f\u061c", "\U0001f600 name"]
STEER = "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"


def plain(name):
    """As a form for people shows it."""
    return re.sub(STEER, "?", name)


class Page(html.parser.HTMLParser):
    """The tables of a page; and what it holds beyond our own elements."""
    KNOWN = set("html head meta title style body h1 h2 p table thead tbody tr th td".split())

    def __init__(self, page):
        super().__init__()
        self.tables, self.strange = [], []
        self.inside = False
        self.feed(page)

    def handle_endtag(self, tag):
        self.inside = self.inside and tag not in ("td", "th")

    def handle_starttag(self, tag, attrs):
        plain = tag in ("html", "meta") or attrs in ([], [("class", "mark")])
        if tag not in self.KNOWN or not plain:
            self.strange.append((tag, attrs))
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
            self.inside = True

    def handle_data(self, data):
        if self.inside:
            self.tables[-1][-1][-1] += data


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

    def test_the_table_says_whom_each_threshold_hits(self):
        steps = of_kind(self.rows, "threshold")
        every = list(range(40, 100, 5))
        self.assertEqual([s["threshold"] for s in steps], every)
        for s in steps:
            t = str(s["threshold"])
            for what in ("alert", "contain"):
                hit = [r for r in self.identities.values() if t in r[what + "s_at"]]
                self.assertEqual((s[what]["identities"], s[what]["robots"]), (len(hit), sum(r["robot"] for r in hit)))
            self.assertLessEqual(s["contain"]["identities"], s["alert"]["identities"])
            self.assertEqual(list(s["alert_only_with_contain_at"]), list(map(str, range(70, 100, 5))))
            for c in s["alert_only_with_contain_at"]:
                only = sum(t in r["alerts_at"] and c not in r["contains_at"] for r in self.identities.values())
                self.assertEqual(s["alert_only_with_contain_at"][c], only)
        for r in self.identities.values():  # at today's thresholds the table and the story agree
            for what, at in (("alert", "50"), ("contain", "80")):
                self.assertEqual((r[what] or {}).get("time"), r[what + "s_at"].get(at))
            for what in ("alerts_at", "contains_at"):
                times = [r[what][str(t)] for t in every if str(t) in r[what]]
                self.assertEqual(times, sorted(times))

    def test_other_thresholds_do_what_the_table_said(self):
        for alert, contain in ((60, 85), (90, 95), (40, 70)):
            with tempfile.TemporaryDirectory() as d:
                path = os.path.join(d, "firebreak.json")
                with open(path, "w", encoding="utf-8") as f:
                    json.dump({"thresholds": {"alert": alert, "contain": contain, "wide": 100}}, f)
                rows = lines(run("backtest", "--config", path, "--output", "json", self.logs)[1])
            step = next(s for s in of_kind(self.rows, "threshold") if s["threshold"] == contain)
            only = next(s for s in of_kind(self.rows, "threshold") if s["threshold"] == alert)
            self.assertEqual((rows[0]["contained"], rows[0]["alerted"]),
                             (step["contain"]["identities"], only["alert_only_with_contain_at"][str(contain)]))

    def test_the_reader_sees_first_whom_it_would_hurt_and_what_they_usually_do(self):
        """With thresholds at their lowest a robot is hit beside the thieves: it stands above them."""
        with tempfile.TemporaryDirectory() as d:
            path = os.path.join(d, "firebreak.json")
            with open(path, "w", encoding="utf-8") as f:
                json.dump({"thresholds": {"alert": 40, "contain": 99.9, "wide": 100}}, f)
            told = lines(run("backtest", "--config", path, "--output", "json", self.logs)[1])
            alerted = [r for r in of_kind(told, "identity") if r["level"] == "alert"]
            text = run("backtest", "--config", path, self.logs)[1]
        self.assertGreater(len(alerted), 1)
        self.assertIn(alerted[0]["identity"], self.planted["robots"])
        self.assertEqual((alerted[0]["hands"], alerted[0]["robot"]), ("probably-yours", True))
        self.assertEqual(alerted[0]["usual"], ["ec2:RunInstances", "ec2:TerminateInstances"])
        self.assertIn(f"  1. {alerted[0]['identity']}\n     PROBABLY YOURS", text)
        self.assertIn("usually: a robot: 256 events on 16 days from 1 network with Terraform", text)

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

    def test_no_form_takes_a_name_in_an_event_for_more_than_text(self):
        for n, name in enumerate(HOSTILE):
            who = {"type": "IAMUser", "accountId": "111122223333", "userName": name, "accessKeyId": name,
                   "arn": name if n % 2 else f"arn:aws:iam::111122223333:user/{name}"}
            log = "".join(json.dumps({
                "eventID": f"{name}{k}", "eventVersion": "1.08", "eventName": call, "eventSource": source,
                "eventTime": f"2026-01-01T00:00:0{k}Z", "recipientAccountId": "111122223333",
                "userAgent": name, "sourceIPAddress": name, "awsRegion": name,
                "userIdentity": who, "requestParameters": {"name": name}}) + "\n"
                for k, (call, source) in enumerate((("StopLogging", "cloudtrail.amazonaws.com"),
                                                    ("DeleteDetector", "guardduty.amazonaws.com"),
                                                    (name, "ec2.amazonaws.com")))).encode()
            out = {form: run("backtest", "--output", form, "-", stdin=log)[1] for form in
                   ("text", "json", "csv", "html")}
            for form, text in out.items():
                self.assertNotRegex(text.replace("\r\n" if form == "csv" else "\n", ""), STEER, (form, name))
            self.assertIn(who["arn"], [r["identity"] for r in of_kind(lines(out["json"]), "identity")])
            rows = list(csv.reader(io.StringIO(out["csv"], newline="")))
            self.assertEqual({len(r) for r in rows}, {len(rows[0])})
            self.assertEqual(len(rows), 2)
            for cell in rows[1]:
                self.assertNotRegex(cell, r"^\s*[=+\-@\uff1d\uff0b\uff0d\uff20\t\r]")
            page = Page(out["html"])
            self.assertEqual(page.strange, [], name)
            self.assertIn(plain(who["arn"]), [r[2] for r in page.tables[0]])

    def test_the_page_stands_alone_and_holds_every_table(self):
        page = Page(run("backtest", "--output", "html", self.logs)[1])
        self.assertEqual(page.strange, [])
        for never in ("<script", "src=", "href=", "@import", "url(", "http:", "https:"):
            self.assertNotIn(never, run("backtest", "--output", "html", self.logs)[1].lower())
        self.assertEqual([t[0][0] for t in page.tables], ["level", "threshold", "alert threshold", "day"])
        self.assertEqual([len(t) - 1 for t in page.tables],
                         [len(self.identities), 12, 12, len(of_kind(self.rows, "day"))])
        self.assertEqual([r[2] for r in page.tables[0][1:]], list(self.identities))
        for row, step in zip(page.tables[1][1:], of_kind(self.rows, "threshold")):
            want = [step["threshold"], *step["alert"].values()]
            want += step["contain"].values() if step["threshold"] >= 70 else "---"
            self.assertEqual(row, list(map(str, want)))

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


class LearnedTheft(unittest.TestCase):
    """Who steals for five days inside a log that is learned is caught on the sixth."""

    def test_a_theft_in_the_learned_log_does_not_become_what_the_key_is_known_for(self):
        story = os.path.join(HERE, "..", "..", "events", "leaked-key-every-region", "events.ndjson")
        with open(story, encoding="utf-8") as f:
            lines = f.read().splitlines()
        with open(os.path.join(os.path.dirname(story), "expect.json"), encoding="utf-8") as f:
            history = json.load(f)["history"]
        with tempfile.TemporaryDirectory() as d:
            log, state = os.path.join(d, "log.ndjson"), "sqlite:" + os.path.join(d, "s.db")
            with open(log, "w", encoding="utf-8") as f:
                f.write("\n".join(lines[:history]) + "\n")
                for day in range(5):
                    f.write("\n".join(moved(line, day) for line in lines[history:]) + "\n")
            status, _, err = run("learn", "--state", state, log)
            self.assertEqual(status, 0, err)
            again = os.path.join(d, "again.ndjson")
            with open(again, "w", encoding="utf-8") as f:
                f.write("\n".join(moved(line, 6) for line in lines[history:]) + "\n")
            _, out, err = run("replay", "--state", state, "--output", "json", again)
            launches = [d for d in map(json.loads, out.splitlines()) if d["action"] == "RunInstances"]
            self.assertIn("contain", [d["level"] for d in launches[:3]], err)


def moved(line, days):
    """The same event, days later and with ids of its own."""
    text = re.sub(r"20\d\d-\d\d-\d\dT", lambda m: (datetime.date.fromisoformat(
        m.group()[:10]) + datetime.timedelta(days)).isoformat() + "T", line)
    return re.sub(r'("eventID": ?"|"id": ?")([^"]*)"', lambda m: f'{m.group(1)}{m.group(2)}-{days}"', text)


if __name__ == "__main__":
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=1)

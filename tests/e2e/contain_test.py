#!/usr/bin/env python3
"""A leaked key is contained through the Lambda door in a stand-in account; and all that must not happen.

    contain_test.py PROGRAM     the firebreak executable to test
"""
import datetime
import json
import os
import subprocess
import sys
import tempfile
import unittest

from account import ACCOUNT, Moto, Proxy, World
from cloudtrail import GO, Account, envelope, leak_notice
from runtime_api import Bootstrap, RuntimeApi

PROGRAM = ""
ARN = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:firebreak"
DENY = "FirebreakDenyAll"


class Firebreak:
    """The program with a state of its own, for one test."""

    def __init__(self, proxy, **config):
        self.folder = tempfile.TemporaryDirectory()
        path = os.path.join(self.folder.name, "firebreak.json")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(dict({"break_glass": [f"arn:aws:iam::{ACCOUNT}:user/break-glass"]}, **config), f)
        self.env = {"FIREBREAK_CONFIG": path, "FIREBREAK_MODE": "enforce",
                    "FIREBREAK_STATE": "sqlite:" + os.path.join(self.folder.name, "state.db"),
                    "AWS_ENDPOINT_URL": proxy.url, "AWS_REGION": "us-east-1",
                    "AWS_ACCESS_KEY_ID": "AKIAFIREBREAKOWNKEY1", "AWS_SECRET_ACCESS_KEY": "own",
                    "AWS_EC2_METADATA_DISABLED": "true"}
        self.proxy = proxy
        self.log = open(os.path.join(self.folder.name, "log"), "w+b")

    def deliver(self, events, deadline_s=30.0, arn=ARN, kill_at=0):
        """Events through the Lambda door, one program; returns the answers."""
        answers = []
        with RuntimeApi(arn=arn) as api:
            child = Bootstrap(api, [PROGRAM], self.env, self.log)
            self.proxy.victim, self.proxy.kill_at, self.proxy.gone = child, kill_at, False
            try:
                for event in events:
                    answers.append(api.invoke(event, deadline_s, child))
                    if answers[-1].kind == "exited":
                        break
            finally:
                self.proxy.kill_at, self.proxy.gone = 0, False
                child.stop()
        return answers

    def run(self, *args):
        done = subprocess.run([PROGRAM, *args], env=dict(os.environ, **self.env), timeout=120,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              check=False)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def incidents(self):
        status, out, err = self.run("incidents", "--output", "json")
        assert status == 0, err
        return [json.loads(x) for x in out.splitlines()]

    def close(self):
        self.log.close()
        self.folder.cleanup()


class Contain(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.moto = Moto()
        cls.proxy = Proxy(cls.moto)

    @classmethod
    def tearDownClass(cls):
        cls.proxy.stop()
        cls.moto.stop()

    def setUp(self):
        self.proxy.clear()
        self.open = []

    def tearDown(self):
        if not self._outcome.success:  # what the program said helps whoever reads the failure
            for fb in self.open:
                fb.log.seek(0)
                sys.stderr.write(fb.log.read().decode(errors="replace")[-6000:])
        for fb in self.open:
            fb.close()

    def firebreak(self, **config):
        fb = Firebreak(self.proxy, **config)
        self.open.append(fb)
        return fb

    def story(self, world, notice=True):
        """The thief's four launches, and the provider's notice."""
        account = Account(ACCOUNT, "e2e")
        now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
        who = account.user(world.user, world.key)
        events = []
        for n, (region, ids) in enumerate(world.machines.items()):
            when = now - datetime.timedelta(seconds=60 - 5 * n)
            events.append(envelope(account.launch(when, who, region, "198.51.100.77", GO,
                                                  "c5a.24xlarge", 2, instances=ids)))
        if notice:
            events.append(leak_notice(ACCOUNT, now, world.key, world.user, "https://code.example/x"))
        return events

    def assert_contained(self, world, picture):
        self.assertEqual(picture["keys"][world.key], "Inactive")
        self.assertIn(DENY, picture["policies"][world.user])
        self.assertEqual(set(picture["thief"].values()), {"stopped"}, picture["thief"])
        self.assertEqual(set(picture["honest"].values()), {"running"})
        self.assertEqual(picture["keys"][world.honest_key], "Active")
        self.assertEqual(picture["policies"][world.honest_user], {})

    def decisions(self, answers):
        self.assertEqual([a.kind for a in answers], ["response"] * len(answers))
        return [d for a in answers for d in a.json()]

    def test_a_leaked_key_is_cut_off_and_its_machines_stop_everywhere(self):
        world, fb = World(self.moto), self.firebreak()
        decisions = self.decisions(fb.deliver(self.story(world)))
        self.assertEqual(decisions[-1]["level"], "contain")
        self.assertEqual(decisions[-1]["root"], f"arn:aws:iam::{ACCOUNT}:user/{world.user}")
        self.assert_contained(world, world.picture())
        status, out, _ = fb.run("ledger", "verify")
        self.assertEqual((status, "whole" in out), (0, True), out)
        self.assertIn(fb.incidents()[0]["incident"]["state"], ("settling", "contained"))

    def test_a_second_delivery_of_the_same_events_changes_nothing(self):
        world, fb = World(self.moto), self.firebreak()
        events = self.story(world)
        fb.deliver(events)
        before, mutations = world.picture(), len(self.proxy.mutations)
        again = self.decisions(fb.deliver(events))
        self.assertTrue(all(d.get("duplicate") for d in again))
        self.assertEqual(world.picture(), before)
        self.assertEqual(len(self.proxy.mutations), mutations)
        self.assertEqual(len(fb.incidents()), 1)

    def test_a_protected_user_is_never_touched(self):
        for alias in ("Arn", "AccessKeyId"): # moto's user ids do not look like AWS's
            with self.subTest(alias):
                self.proxy.clear()
                world = World(self.moto)
                entry = world.second if alias == "AccessKeyId" else \
                    world.iam.get_user(UserName=world.user)["User"][alias]
                fb = self.firebreak(protected={"identities": [entry]})
                before = world.picture()
                fb.deliver(self.story(world))
                after = world.picture()
                self.assertEqual(after["keys"], before["keys"])
                self.assertEqual(after["policies"], before["policies"])
                self.assertEqual([m for m in self.proxy.mutations if "UserName" in m[1]], [])
                self.assertEqual(fb.incidents()[0]["incident"]["state"], "needs_person")

    def test_dry_run_makes_no_mutating_call(self):
        world, fb = World(self.moto), self.firebreak()
        fb.env["FIREBREAK_MODE"] = "dry-run"
        before = world.picture()
        decisions = self.decisions(fb.deliver(self.story(world)))
        self.assertEqual(decisions[-1]["level"], "contain")
        statuses = {a["status"] for d in decisions for a in d["actions"]}
        self.assertEqual(statuses, {"planned"})
        self.assertEqual(self.proxy.mutations, [])
        self.assertGreater(len(self.proxy.calls), 0)
        self.assertEqual(world.picture(), before)

    def test_a_dry_run_without_credentials_plans_from_the_log_alone(self):
        world, fb = World(self.moto), self.firebreak()
        fb.env.update(FIREBREAK_MODE="dry-run", AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="",
                      AWS_SHARED_CREDENTIALS_FILE="/nonexistent", AWS_CONFIG_FILE="/nonexistent")
        decisions = self.decisions(fb.deliver(self.story(world)))
        planned = {(a["verb"], a["target"]): a["status"] for a in decisions[-1]["actions"]}
        self.assertEqual(set(planned.values()), {"planned"})
        self.assertEqual({t for v, t in planned if v == "aws.halt"},
                         {i for ids in world.machines.values() for i in ids})
        self.assertIn(("aws.disable_access_key", world.key), planned)
        self.assertEqual(self.proxy.calls, [])
        self.assertEqual(fb.incidents()[0]["incident"]["state"], "planned")

    def test_what_was_opened_in_dry_run_is_not_acted_on_by_a_later_switch(self):
        world, fb = World(self.moto), self.firebreak()
        fb.env["FIREBREAK_MODE"] = "dry-run"
        fb.deliver(self.story(world))
        fb.env["FIREBREAK_MODE"] = "enforce"
        fb.run("tick")
        self.assertEqual(self.proxy.mutations, [])
        fb.deliver([leak_notice(ACCOUNT, datetime.datetime.now(datetime.timezone.utc), world.key,
                                world.user, "https://code.example/new evidence")])
        self.assert_contained(world, world.picture())

    def test_replay_acts_when_enforce_stands_on_its_command_line_and_only_then(self):
        world, fb = World(self.moto), self.firebreak()
        path = os.path.join(fb.folder.name, "story.ndjson")
        with open(path, "w", encoding="utf-8") as f:
            f.writelines(json.dumps(e) + "\n" for e in self.story(world))
        fb.run("replay", path)  # FIREBREAK_MODE=enforce in the environment does not count here
        self.assertEqual(self.proxy.calls, [])
        fb = self.firebreak()
        status, out, err = fb.run("replay", "--mode", "enforce", "--output", "json", path)
        self.assertEqual(status, 0, err)
        self.assert_contained(world, world.picture())
        statuses = {a["status"] for line in out.splitlines() for a in json.loads(line)["actions"]}
        self.assertLessEqual(statuses, {"done", "already"})

    def test_a_call_that_outlasts_the_deadline_is_left_pending_in_the_journal(self):
        world, fb = World(self.moto), self.firebreak()
        self.proxy.slow = {"PutUserPolicy": 4.5}
        answer = fb.deliver([self.story(world)[-1]], deadline_s=5.0)[0]
        self.assertEqual(answer.kind, "response")
        self.assertLess(answer.ms, 5000)
        left = {a["verb"]: a["status"] for a in fb.incidents()[0]["actions"]}
        self.assertEqual(left, {"aws.disable_access_key": "done", "aws.quarantine": "pending"})
        self.assertEqual(fb.incidents()[0]["incident"]["state"], "open")
        self.proxy.slow = {}
        fb.run("tick")
        self.assertIn(DENY, world.picture()["policies"][world.user])
        self.assertEqual({a["status"] for a in fb.incidents()[0]["actions"]}, {"done"})

    def test_without_rights_it_says_what_failed_and_goes_on_with_the_rest(self):
        world, fb = World(self.moto), self.firebreak()
        self.proxy.deny = {"UpdateAccessKey"}
        decisions = self.decisions(fb.deliver(self.story(world)))
        picture = world.picture()
        self.assertEqual(picture["keys"][world.key], "Active")
        self.assertIn(DENY, picture["policies"][world.user])
        self.assertEqual(set(picture["thief"].values()), {"stopped"})
        failed = [a for d in decisions for a in d["actions"] if a["status"] in ("failed", "refused")]
        self.assertEqual({a["verb"] for a in failed}, {"aws.disable_access_key"})
        self.assertTrue(all("AccessDenied" in a["why"] or "failed" in a["why"] for a in failed), failed)
        self.assertIn(fb.incidents()[0]["incident"]["state"], ("open", "needs_person"))
        self.assertEqual(fb.run("tick")[0], 3)

    def test_forged_events_act_on_nothing_and_frame_nobody(self):
        world, fb = World(self.moto), self.firebreak()
        genuine = self.story(world)
        forged = []
        for event in genuine:
            forged.append(event["detail"])                                   # no envelope
            forged.append(dict(event, source="aws-lookalike"))               # not the provider's
            forged.append(dict(event, account="999999999999"))               # not ours
            forged.append({k: v for k, v in event.items() if k != "account"})
        self.decisions(fb.deliver(forged))
        self.assertEqual(self.proxy.mutations, [])
        self.assertEqual(fb.incidents(), [])
        other = "arn:aws:lambda:us-east-1:999999999999:function:firebreak"
        self.decisions(fb.deliver(genuine, arn=other))                        # a function elsewhere
        self.assertEqual(self.proxy.mutations, [])

    def test_killed_before_any_call_it_has_its_intent_on_record_and_goes_on_after(self):
        world, fb = World(self.moto), self.firebreak()
        events = self.story(world)
        fb.deliver(events)
        expected = {k: v for k, v in world.picture().items() if k in ("keys", "thief", "honest")}
        calls = len(self.proxy.mutations)
        self.assertGreater(calls, 6)
        shape = sorted(expected["thief"].values())
        for n in range(1, calls + 1):
            with self.subTest(n=n):
                self.proxy.clear()
                world, fb = World(self.moto), self.firebreak()
                events = self.story(world)
                answers = fb.deliver(events, kill_at=n)
                self.assertEqual(answers[-1].kind, "exited")
                action, form = self.proxy.mutations[n - 1]
                self.assert_intended(fb, action, form)
                self.proxy.clear()
                fb.deliver(events)
                fb.run("tick")
                picture = world.picture()
                self.assert_contained(world, picture)
                self.assertEqual(sorted(picture["thief"].values()), shape)
                self.assertEqual(fb.run("ledger", "verify")[0], 0)

    def assert_intended(self, fb, action, form):
        """The journal names an action on that very target, written before the call."""
        listed = fb.incidents()
        self.assertEqual(len(listed), 1, f"no incident on record before {action}")
        targets = " ".join(f"{a['verb']} {a['target']}" for a in listed[0]["actions"])
        names = [form[k] for k in ("AccessKeyId", "UserName", "InstanceId", "InstanceId.1") if k in form]
        self.assertTrue(any(name in targets for name in names), f"{action} {names} not in {targets}")

    def test_out_of_time_it_stops_safely_and_a_later_tick_finishes(self):
        world, fb = World(self.moto), self.firebreak()
        events = self.story(world, notice=False)
        notice = self.story(world)[-1]
        fb.env["FIREBREAK_MODE"] = "dry-run"
        fb.deliver(events)
        fb.env["FIREBREAK_MODE"] = "enforce"
        self.proxy.delay_s = 0.7
        answers = fb.deliver([notice], deadline_s=5.0)
        self.assertEqual(answers[0].kind, "response", answers[0].kind)
        self.assertLess(answers[0].ms, 5000)
        state = fb.incidents()[0]["incident"]["state"]
        self.assertEqual(state, "open")
        self.proxy.delay_s = 0
        fb.run("tick")
        self.assert_contained(world, world.picture())


if __name__ == "__main__":
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)

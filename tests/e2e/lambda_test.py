#!/usr/bin/env python3
"""The Lambda door against a Runtime API that keeps the protocol, and against one that does not.

    lambda_test.py PROGRAM      the firebreak executable to test
"""
import base64
import datetime
import gzip
import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from cloudtrail import GO, Account, envelope, leak_notice
from runtime_api import BODY_MAX, Bootstrap, InitError, RuntimeApi, _Connection

PROGRAM = ""
ACCOUNT = "123456789012"  # of runtime_api's function
SMALL = b'{"eventID":"one","eventName":"X"}'


def now():
    return datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)


def launch(user, seed, count=2, region="us-east-1"):
    """A launch by a user of the function's own account, in EventBridge's envelope."""
    account = Account(ACCOUNT, seed)
    return envelope(account.launch(now(), account.user(user, "AKIA" + user.upper().ljust(16, "0")), region,
                                   "198.51.100.7", GO, "c5.large", count))


def sqs(name, body, receives="1"):
    """A message of a queue; body: text, or an object that is its text."""
    return {"messageId": name, "receiptHandle": "h", "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:%s:q" % ACCOUNT,
            "attributes": {"ApproximateReceiveCount": receives} if receives else {},
            "body": body if isinstance(body, str) else json.dumps(body)}


def sns(message):
    return {"EventSource": "aws:sns", "Sns": {
        "Type": "Notification", "MessageId": "n1", "TopicArn": "arn:aws:sns:us-east-1:%s:t" % ACCOUNT,
        "Subject": "s", "Message": message, "Timestamp": "2026-01-01T00:00:00.000Z"}}


def kinesis(number, data):
    return {"eventSource": "aws:kinesis", "eventID": "shard:" + number, "kinesis": {
        "sequenceNumber": number, "data": base64.b64encode(data).decode(), "partitionKey": "p"}}


def packed(value):
    return base64.b64encode(gzip.compress(json.dumps(value).encode())).decode()


def next_reply(body=SMALL, request_id="id-1", *more, deadline_s=30, chunks=None, head=b"HTTP/1.1 200 OK"):
    """The bytes of an answer to `next`; chunks: sizes, for a chunked one."""
    lines = [head, b"Lambda-Runtime-Aws-Request-Id: " + request_id.encode()]
    if deadline_s is not None:
        lines.append(b"Lambda-Runtime-Deadline-Ms: %d" % int(1000 * (time.time() + deadline_s)))
    lines += more
    lines.append(b"Content-Length: %d" % len(body) if chunks is None else b"Transfer-Encoding: chunked")
    return b"\r\n".join(lines) + b"\r\n\r\n" + (body if chunks is None else chunks)


class Scripted:
    """A Runtime API that answers each `next` and each POST with the bytes of its script.

    A reply is bytes, or (bytes, "close"), or a list of bytes that are sent with pauses. When the script
    of `next` is at its end, the bootstrap waits; when that of POST is, it is answered 202."""

    def __init__(self, nexts, posts=()):
        self.nexts, self.posts = list(nexts), list(posts)
        self.asked = []      # (method, path, headers, body)
        self.connections = 0
        self.changed = threading.Condition()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=16)
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def reset(self):
        """Bootstrap calls this when it starts a program."""

    def close(self):
        self.listener.close()
        with self.changed:
            self.changed.notify_all()

    def posted(self):
        return [(path.rsplit("/", 1)[1], headers, body) for method, path, headers, body in self.asked
                if method == "POST"]

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        conn = _Connection(sock)
        with sock:
            while True:
                try:
                    request = conn.request()
                except OSError:
                    request = None
                if not request:
                    return
                with self.changed:
                    self.asked.append(request)
                    self.changed.notify_all()
                    script = self.nexts if request[0] == "GET" else self.posts
                    if not script and request[0] == "GET":
                        self.changed.wait(60)
                        return
                    reply = script.pop(0) if script else b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\nok"
                try:
                    if self._send(sock, reply):
                        return
                except OSError:
                    return

    def _send(self, sock, reply):
        """True when the connection ends with it."""
        close = isinstance(reply, tuple)
        for part in reply if isinstance(reply, list) else [reply[0] if close else reply]:
            sock.sendall(part)
            if isinstance(reply, list):
                time.sleep(0.002)
        return close

    def wait_for(self, count, child, seconds=30):
        """Until so many requests came, or the program ended."""
        end = time.monotonic() + seconds
        with self.changed:
            while len(self.asked) < count and child.alive() and time.monotonic() < end:
                self.changed.wait(0.05)


class Door(unittest.TestCase):
    """A folder and a log for each test; every line of the log must be one JSON object."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.log = open(self.path("log"), "w+b")
        self.addCleanup(self.log.close)
        self.log_is_json = True

    def tearDown(self):
        if self.log_is_json:
            for line in self.lines():
                self.assertIsInstance(line, dict)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def lines(self):
        with open(self.path("log"), encoding="utf-8") as f:
            return [json.loads(x) for x in f]

    def messages(self):
        return [x.get("message") for x in self.lines()]

    def start(self, api, **env):
        child = Bootstrap(api, [PROGRAM], env, self.log)
        self.addCleanup(child.stop)
        self.addCleanup(api.close)
        child.ensure()
        return child

    def play(self, nexts, posts=(), requests=None, **env):
        """A script, until the program asks for one event more or ends; (api, exit status or None)."""
        api = Scripted(nexts, posts)
        child = self.start(api, **env)
        api.wait_for(requests or 2 * len(nexts) + 1, child)
        time.sleep(0.1)
        return api, child.process.poll()

    def ends(self, nexts, posts=()):
        """A script that must end the program; gives what was asked."""
        api = Scripted(nexts, posts)
        child = self.start(api)
        self.assertEqual(child.process.wait(30), 1)
        return api

    def serve(self, **env):
        api = RuntimeApi()
        return api, self.start(api, **env)


class Transport(Door):
    def decided(self, api, status, event_ids, request_id="id-1"):
        self.assertIsNone(status)
        kind, _, body = api.posted()[-1]
        self.assertEqual((kind, [d["event_id"] for d in json.loads(body)]), ("response", event_ids))
        self.assertIn(f"/invocation/{request_id}/response", [a[1] for a in api.asked if a[0] == "POST"][-1])

    def test_headers_count_in_any_case_and_deadline_and_arn_may_be_missing(self):
        head = b"HTTP/1.1 200 OK\r\nLAMBDA-runtime-AWS-request-ID:\t id-7 \r\ncontent-LENGTH: %d\r\n\r\n"
        self.decided(*self.play([head % len(SMALL) + SMALL]), ["one"], "id-7")

    def test_a_chunked_event_is_read_whole_with_extensions_and_trailers(self):
        chunks = (b"5;a=b\r\n" + SMALL[:5] + b"\r\n%x\r\n" % (len(SMALL) - 5) + SMALL[5:] +
                  b"\r\n0\r\nX-Sum: 1\r\nY: 2\r\n\r\n")
        api, status = self.play([next_reply(chunks=chunks), next_reply(SMALL, "id-2")])
        self.decided(api, status, ["one"], "id-2")
        self.assertEqual(api.connections, 1)

    def test_an_event_that_comes_byte_by_byte_is_read_whole(self):
        reply = next_reply()
        self.decided(*self.play([[reply[i:i + 1] for i in range(len(reply))]]), ["one"])

    def test_a_connection_closed_between_two_calls_is_made_anew(self):
        ok = (b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", "close")
        api, status = self.play([(next_reply(), "close"), (next_reply(SMALL, "id-2"), "close")], [ok, ok])
        self.decided(api, status, ["one"], "id-2")
        self.assertEqual([k for k, _, _ in api.posted()], ["response", "response"])

    def test_an_event_without_a_length_ends_with_its_connection(self):
        head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nLambda-Runtime-Aws-Request-Id: id-1\r\n\r\n"
        self.decided(*self.play([(head + SMALL, "close")]), ["one"])

    def test_a_head_with_a_nul_or_without_colons_does_no_harm(self):
        self.decided(*self.play([next_reply(SMALL, "id-1", b"X-Nul: \0", b"no colon at all", b":")]), ["one"])

    def test_what_cannot_be_an_answer_ends_the_program(self):
        for reply in ((next_reply()[:40], "close"), (next_reply()[:-9], "close"), b"SSH-2.0-x\r\n\r\n" + b"x" * 20,
                      b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n",
                      b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", next_reply(chunks=b"zz\r\n\r\n"),
                      next_reply(chunks=b"ffffffffffffffff\r\n"), (next_reply(chunks=b"5\r\nab"), "close"),
                      b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", b"HTTP/1.1 200\r\n\r\n", b"\r\n\r\n" * 9):
            with self.subTest(reply=reply):
                api = self.ends([reply])
                self.assertEqual(api.posted(), [])
                self.assertIn("the Runtime API is gone", self.messages())

    def test_a_refused_answer_costs_that_event_only(self):
        for code in (400, 403, 413):
            with self.subTest(code=code):
                refusal = b"HTTP/1.1 %d No\r\nContent-Length: 2\r\n\r\n{}" % code
                api, status = self.play([next_reply(), next_reply(SMALL, "id-2")], [refusal])
                self.decided(api, status, ["one"], "id-2")
                self.assertIn("answer not taken", self.messages())

    def test_a_container_error_ends_the_program(self):
        self.ends([next_reply(), next_reply()], [b"HTTP/1.1 500 Container Error\r\nContent-Length: 0\r\n\r\n"])

    def test_a_runtime_api_that_is_not_there_ends_the_program(self):
        for address in ("127.0.0.1:1", "nowhere", "127.0.0.1:", ":9001"):
            with self.subTest(address=address):
                done = subprocess.run(["bootstrap"], executable=PROGRAM, stderr=self.log, timeout=30, check=False,
                                      env={"AWS_LAMBDA_RUNTIME_API": address})
                self.assertEqual(done.returncode, 1)
                self.assertTrue(self.lines())

    def test_sigterm_ends_it_at_once(self):
        api = Scripted([])
        child = self.start(api)
        api.wait_for(1, child)
        child.process.send_signal(signal.SIGTERM)
        self.assertNotEqual(child.process.wait(5), 0)

    def test_a_deadline_that_cannot_be_is_said_and_does_not_stop_deciding(self):
        event = json.dumps(launch("skew", "skew")).encode()
        arn = b"Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:%s:function:f" % ACCOUNT.encode()
        for n, skew in enumerate((-3600, 0, 3600, 10 ** 12)):
            with self.subTest(skew=skew):
                api, status = self.play([next_reply(event, "id-1", arn, deadline_s=skew)])
                self.decided(api, status, [json.loads(event)["detail"]["eventID"]])
                self.assertEqual(self.messages().count("the deadline and this machine's clock disagree"), n + 1)


class Start(Door):
    def fails(self, **env):
        api = RuntimeApi()
        child = self.start(api, **env)
        with self.assertRaises(InitError) as told:
            api.invoke(SMALL, 20, child)
        self.assertEqual(child.process.wait(20), 1)
        self.assertIn("Firebreak.BadConfiguration", str(told.exception))
        self.assertTrue(self.lines())
        return str(told.exception)

    def test_what_cannot_be_configured_is_told_to_lambda_and_ends_it(self):
        bad = self.path("bad.json")
        with open(bad, "w", encoding="utf-8") as f:
            f.write('{"tresholds": {}}')
        self.assertIn("thresholds", self.fails(FIREBREAK_CONFIG=bad))
        self.assertIn("/nonexistent", self.fails(FIREBREAK_CONFIG="/nonexistent"))
        self.assertIn("dry-run or enforce", self.fails(FIREBREAK_MODE="perhaps"))
        self.assertIn("/proc", self.fails(FIREBREAK_STATE="sqlite:/proc/firebreak.db"))
        self.assertIn("/nonexistent", self.fails(FIREBREAK_STATE="sqlite:/nonexistent/x.db"))
        with open(bad, "w", encoding="utf-8") as f:
            f.write("not a database, and long enough to be looked at as one\n" * 100)
        self.assertIn("no Firebreak store", self.fails(FIREBREAK_STATE="sqlite:" + bad))

    def test_a_playbook_that_is_broken_or_a_folder_that_is_missing_stops_no_other(self):
        os.mkdir(self.path("books"))
        for name, text in (("bad.lua", "return playbook {"), ("worse.lua", "\0\x1b"),
                           ("good.lua", 'return playbook { name = "good", api = 1, needs = {},'
                                        ' on = { cloud = "aws", score = { 0, 100 } },'
                                        ' run = function(inc, fb) return fb.outcome() end }')):
            with open(self.path("books/" + name), "w", encoding="utf-8") as f:
                f.write(text)
        for folder in ("books", "missing"):
            with self.subTest(folder=folder):
                api, child = self.serve(FIREBREAK_PLAYBOOKS=self.path(folder))
                answer = api.invoke(leak_notice(ACCOUNT, now(), "AKIAEXAMPLEEXAMPLE01", "leaky",
                                                "https://code.example/x"), 30, child)
                ran = answer.json()[0]["playbooks"]
                self.assertIn("contain-leaked-key", ran)
                self.assertEqual("good" in ran, folder == "books")
                errors = [x for x in self.lines() if x.get("level") == "error"]
                self.assertTrue(any(folder in json.dumps(x) for x in errors), errors)


class Events(Door):
    def test_bytes_of_any_kind_get_an_answer(self):
        api, child = self.serve()
        for event, kind in ((b"", "error"), (b" \n", "error"), (b"\xff\xfe\x00", "error"), (b"null", "error"),
                            (b'{"a":"\xff"}', "error"), (b'"text"', "error"), (b'{"Records":[]}', "error"),
                            (b"\x1f\x8b\x08broken", "error"), (b"{" * 100000, "error"), (b"\0" * 1000, "error"),
                            (gzip.compress(SMALL), "response"), (b"\xef\xbb\xbf" + SMALL, "response"),
                            (SMALL, "response"), (b'{"a":"\\ud800\\u0000"}', "response")):
            with self.subTest(event=event[:40]):
                answer = api.invoke(event, 30, child)
                self.assertEqual(answer.kind, kind)
                self.assertEqual(answer.error_type, "Firebreak.BadEvent" if kind == "error" else "")
        self.assertEqual(child.starts, 1)

    def test_an_event_of_the_largest_size_is_decided(self):
        api, child = self.serve()
        pad = b"x" * (5900000 - 60)
        answer = api.invoke(b'{"eventID":"large","eventName":"X","pad":"' + pad + b'"}', 60, child)
        self.assertEqual([d["event_id"] for d in answer.json()], ["large"])

    def test_the_good_records_of_an_event_are_answered_and_the_bad_kept_in_the_log(self):
        api, child = self.serve()
        rows = [b'{"eventID":"r%d","eventName":"X"}' % n for n in range(10)]
        rows[3], rows[6] = b"[1,\x1b2]", b'"text \xe2\x80\xae"'
        answer = api.invoke(b'{"Records":[' + b",".join(rows) + b"]}", 30, child)
        if answer.kind == "response":  # a broken element leaves those around it
            got = [d["event_id"] for d in answer.json()]
            self.assertEqual(got, [f"r{n}" for n in range(10) if n not in (3, 6)])
        else:
            self.fail(answer.body)
        letters = [x for x in self.lines() if "bytes" in x]
        self.assertEqual([base64.b64decode(x["bytes"]) for x in letters], [rows[3], rows[6]])

    def test_notifications_and_subscriptions_are_answered_with_their_decisions(self):
        api, child = self.serve()
        body = json.dumps(launch("carried", "carried"))
        group = {"messageType": "DATA_MESSAGE", "logGroup": "g", "logEvents": [
            {"id": f"l{n}", "timestamp": 1, "message": json.dumps({"eventID": f"log{n}"})} for n in range(3)]}
        for event, ids in (({"Records": [sns(body)]}, [json.loads(body)["detail"]["eventID"]]),
                           ({"Records": [sns("just words")]}, ["n1"]),
                           ({"awslogs": {"data": packed(group)}}, ["log0", "log1", "log2"])):
            answer = api.invoke(event, 30, child)
            self.assertEqual((answer.kind, [d["event_id"] for d in answer.json()]), ("response", ids))

    def test_an_answer_over_the_limit_is_cut_whole_and_the_log_holds_every_decision(self):
        api, child = self.serve()
        count = 20000
        answer = api.invoke({"Records": [{"eventID": f"n{n}"} for n in range(count)]}, 120, child)
        self.assertEqual(answer.kind, "response")
        self.assertLessEqual(len(answer.body), BODY_MAX)
        decisions = answer.json()
        self.assertGreater(len(answer.body), BODY_MAX - 1000)
        self.assertEqual([d["event_id"] for d in decisions], [f"n{n}" for n in range(len(decisions))])
        logged = [x["decision"]["event_id"] for x in self.lines() if "decision" in x]
        self.assertEqual(logged, [f"n{n}" for n in range(count)])
        self.assertIn("answer cut: the log holds every decision", self.messages())

    def test_text_of_an_attacker_stays_inside_its_json(self):
        api, child = self.serve()
        nasty = 'A"}\n{"level":"error"}\x1b[2J\u2028\u202e\0\\'
        event = launch("nasty", "nasty")
        event["detail"].update(eventName=nasty, userAgent=nasty, eventID=nasty, awsRegion=nasty, errorCode=nasty)
        event["detail"]["userIdentity"].update(arn=nasty, userName=nasty, accessKeyId=nasty)
        self.assertEqual(api.invoke(event, 30, child).kind, "response")
        self.assertEqual(api.invoke(nasty.replace("{", "[").encode(), 30, child).kind, "error")
        for line in self.lines():
            self.assertTrue(line.get("message") or line.get("bytes"), line)

    def test_a_scheduled_event_is_a_tick_only_when_it_is_ours(self):
        api, child = self.serve(FIREBREAK_STATE="sqlite:" + self.path("s.db"))
        tick = {"version": "0", "id": "t", "detail-type": "Scheduled Event", "source": "aws.events",
                "account": ACCOUNT, "time": "2026-01-01T00:00:00Z", "region": "us-east-1", "resources": [],
                "detail": {}}
        self.assertEqual(api.invoke(dict(tick, account="999999999999"), 30, child).kind, "response")
        self.assertEqual(api.invoke(dict(tick, source="mine"), 30, child).kind, "response")
        self.assertNotIn("tick", self.messages())
        self.assertEqual(api.invoke(tick, 30, child).kind, "response")
        self.assertIn("tick", self.messages())

    def test_every_line_about_an_event_names_its_request(self):
        api, child = self.serve()
        api.invoke(SMALL, 30, child)  # the start has lines of its own
        for event in (SMALL, b"bad", b'{"Records":[{"eventID":"x"},7]}'):
            before = len(self.lines())
            answer = api.invoke(event, 30, child)
            about = [x for x in self.lines()[before:] if "bytes" not in x]
            self.assertTrue(about)
            self.assertEqual({x["request_id"] for x in about}, {answer.request_id})
            self.assertTrue(all(x["time"] and x["level"] for x in about))

    def test_with_one_second_it_still_decides_keeps_the_incident_and_says_why_it_does_not_act(self):
        state = "sqlite:" + self.path("s.db")
        api, child = self.serve(FIREBREAK_STATE=state, FIREBREAK_MODE="enforce")
        notice = leak_notice(ACCOUNT, now(), "AKIAEXAMPLEEXAMPLE01", "leaky", "https://code.example/x")
        answer = api.invoke(notice, 1.0, child)
        self.assertEqual((answer.kind, answer.json()[0]["level"]), ("response", "contain"))
        self.assertTrue(any("leaves no time to act" in x for x in self.messages()))
        child.stop()
        done = subprocess.run([PROGRAM, "incidents", "--state", state, "--output", "json"], check=True,
                              stdout=subprocess.PIPE, timeout=30)
        self.assertEqual(json.loads(done.stdout)["incident"]["state"], "open")

    def test_ten_thousand_bad_events_leave_memory_and_files_as_they_were(self):
        api, child = self.serve()
        bad = [b"", b"{", b"\xff" * 3000, b"[" * 5000, b"\x1f\x8b\x08", b'{"Records":[1,2,{]}', b"nul", SMALL]

        def deliver(count):
            for n in range(count):
                self.assertIn(api.invoke(bad[n % len(bad)], 30, child).kind, ("error", "response"))
            return child.status_kb(), len(os.listdir(f"/proc/{child.pid}/fd"))
        memory, files = deliver(1000)
        for _ in range(9):
            after, open_files = deliver(1000)
        self.assertEqual(open_files, files)
        self.assertEqual(child.starts, 1)
        if not SANITIZED:  # a sanitizer keeps what was freed
            self.assertLess(after - memory, 512, f"{memory} kB after 1,000 events, {after} kB after 10,000")


class Batches(Door):
    def failures(self, answer):
        self.assertEqual(answer.kind, "response", answer.body)
        self.assertEqual(list(answer.json()), ["batchItemFailures"])
        return [x["itemIdentifier"] for x in answer.json()["batchItemFailures"]]

    def decided(self):
        return [(x.get("item"), x["decision"]["event_id"]) for x in self.lines() if "decision" in x]

    def test_exactly_the_messages_that_nobody_can_read_go_back_to_their_queue(self):
        api, child = self.serve()
        event = {"Records": [sqs("m1", {"eventID": "e1"}), sqs("m2", '{"cut":'), sqs("m3", {"eventID": "e3"}),
                             sqs("m4", "not json"), sqs("m5", {"Records": [{"eventID": "e5"}, 7, 8]}),
                             sqs("m6", json.loads(json.dumps(sns("words")["Sns"]))),
                             sqs("m7", {"foo": "bar"})]}
        self.assertEqual(self.failures(api.invoke(event, 30, child)), ["m2", "m4", "m5"])
        self.assertEqual(self.decided(), [("m1", "e1"), ("m3", "e3"), ("m4", "m4"), ("m5", "e5"), ("m6", "n1"),
                                          ("m7", "m7")])
        letters = [x for x in self.lines() if "bytes" in x]
        self.assertEqual([x["carrier"] for x in letters], ["m2", "m4", "m5", "m5"])
        self.assertEqual(base64.b64decode(letters[0]["bytes"]), b'{"cut":')
        self.assertEqual(self.failures(api.invoke({"Records": [sqs("m8", {"eventID": "e8"})]}, 30, child)), [])

    def test_a_message_that_nobody_can_ever_read_does_not_come_for_ever(self):
        api, child = self.serve()
        for receives, back in (("1", ["m1"]), ("9", ["m1"]), ("10", []), ("4000", []), (None, ["m1"])):
            message = sqs("m1", "{", receives)
            self.assertEqual(self.failures(api.invoke({"Records": [message]}, 30, child)), back)
        self.assertEqual(len([x for x in self.lines() if "bytes" in x]), 5)  # kept each time

    def test_a_stream_never_stops_behind_a_record_that_nobody_can_read(self):
        api, child = self.serve()
        event = {"Records": [kinesis("1", b'{"eventID":"k1"}'), kinesis("2", b"{"), kinesis("3", b"Hello"),
                             dict(kinesis("4", b""), kinesis={"sequenceNumber": "4", "data": "%%%"}),
                             kinesis("5", gzip.compress(b'{"eventID":"k5"}'))]}
        self.assertEqual(self.failures(api.invoke(event, 30, child)), [])
        self.assertEqual([i for _, i in self.decided()], ["k1", "shard:3", "k5"])
        self.assertEqual([x["carrier"] for x in self.lines() if "bytes" in x], ["shard:2", "shard:3", "shard:4"])

    def test_what_the_time_does_not_suffice_for_goes_back_and_is_decided_the_next_time(self):
        api, child = self.serve(FIREBREAK_STATE="sqlite:" + self.path("s.db"))
        who = {"type": "IAMUser", "userName": "u", "arn": f"arn:aws:iam::{ACCOUNT}:user/u", "accountId": ACCOUNT}
        body = json.dumps({"Records": [  # each is a commit
            {"eventID": f"x{n}", "eventTime": "2026-01-01T00:00:00Z", "eventSource": "ec2.amazonaws.com",
             "eventName": "DescribeVpcs", "userIdentity": who} for n in range(300)]}, separators=(",", ":"))
        names = [f"m{n}" for n in range(40 if SANITIZED else 70)]
        waiting, rounds = list(names), 0
        while waiting:
            rounds += 1
            self.assertLess(rounds, 300)
            event = {"Records": [sqs(n, body.replace('"x', '"' + n + "-")) for n in waiting]}
            back = self.failures(api.invoke(event, 3 if SANITIZED else 1, child))
            self.assertEqual(back, [n for n in waiting if n in set(back)])
            self.assertTrue(len(back) < len(waiting) or rounds < 100)
            waiting = back
        self.assertEqual(child.starts, 1)
        self.assertEqual(len({i for _, i in self.decided()}), len(names) * 300)
        self.assertGreater(rounds, 1)

    def test_a_store_that_fails_sends_back_its_messages_and_no_other(self):
        folder = self.path("gone")
        os.mkdir(folder)
        api, child = self.serve(FIREBREAK_STATE="sqlite:" + folder + "/s.db")
        self.assertEqual(self.failures(api.invoke({"Records": [sqs("m0", launch("a", "a"))]}, 30, child)), [])
        with sqlite3.connect(folder + "/s.db", isolation_level=None) as db:
            db.execute("BEGIN EXCLUSIVE")  # somebody holds the store
            answer = api.invoke({"Records": [sqs("m1", launch("b", "b")), sqs("m2", "{")]}, 60, child)
            db.execute("ROLLBACK")
        self.assertEqual(self.failures(answer), ["m1", "m2"])
        self.assertEqual(self.failures(api.invoke({"Records": [sqs("m1", launch("b", "b"))]}, 30, child)), [])

    def test_an_event_out_of_a_queue_topic_or_stream_is_never_acted_on(self):
        for carry in (lambda e: {"Records": [sqs("m1", e)]},
                      lambda e: {"Records": [sns(json.dumps(e))]},
                      lambda e: {"Records": [kinesis("1", json.dumps(e).encode())]},
                      lambda e: {"Records": [sqs("m1", sns(json.dumps(e))["Sns"])]},
                      lambda e: {"awslogs": {"data": packed({
                          "messageType": "DATA_MESSAGE", "logGroup": "g",
                          "logEvents": [{"id": "l", "timestamp": 1, "message": json.dumps(e)}]})}}):
            notice = leak_notice(ACCOUNT, now(), "AKIAEXAMPLEEXAMPLE01", "leaky", "https://code.example/x")
            event = carry(notice)
            with self.subTest(event=event):
                api, child = self.serve(FIREBREAK_MODE="enforce", AWS_ENDPOINT_URL="http://127.0.0.1:1")
                before = len(self.lines())
                self.assertEqual(api.invoke(event, 30, child).kind, "response")
                lines = self.lines()[before:]
                decision = [x["decision"] for x in lines if "decision" in x][0]
                self.assertEqual(decision["level"], "contain")
                self.assertEqual({a["status"] for a in decision["actions"]} - {"planned"}, set())
                self.assertIn("decided in dry-run", " ".join(x.get("message", "") for x in lines))
                child.stop()

    def test_a_tick_out_of_a_queue_is_none(self):
        api, child = self.serve(FIREBREAK_STATE="sqlite:" + self.path("s.db"))
        tick = {"version": "0", "id": "t", "detail-type": "Scheduled Event", "source": "aws.events",
                "account": ACCOUNT, "time": "2026-01-01T00:00:00Z", "region": "us-east-1", "resources": [],
                "detail": {}}
        self.assertEqual(self.failures(api.invoke({"Records": [sqs("m1", tick)]}, 30, child)), [])
        self.assertNotIn("tick", self.messages())

    def test_a_log_file_in_s3_is_never_taken_for_read(self):
        api, child = self.serve()
        notice = {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": {
            "bucket": {"name": "trail"},
            "object": {"key": "AWSLogs/1/CloudTrail/us-east-1/2026/01/02/1_CloudTrail_x.json.gz"}}}
        answer = api.invoke({"Records": [notice]}, 30, child)
        self.assertEqual((answer.kind, answer.error_type), ("error", "Firebreak.BadEvent"))
        self.assertIn("names an object, not an event", answer.json()["errorMessage"])
        self.assertEqual(self.failures(api.invoke({"Records": [sqs("m1", {"Records": [notice]})]}, 30, child)), ["m1"])


class Crash(Door):
    def test_killed_at_any_moment_no_event_that_was_answered_is_lost(self):
        state, rng = "sqlite:" + self.path("s.db"), random.Random(20260101)
        api, child = self.serve(FIREBREAK_STATE=state)
        self.log_is_json = False  # the last line before a kill may be cut
        answered, sent = {}, 0
        for _ in range(30):
            child.ensure()
            starts, killer = child.starts, threading.Timer(rng.uniform(0.0, 0.15), child.process.kill)
            killer.start()
            while child.starts == starts:  # also between two events
                sent += 1
                event = launch(f"user{sent % 7}", f"crash{sent}", region=("us-east-1", "eu-west-1")[sent % 2])
                answer = api.invoke(event, 30, child)
                if answer.kind != "response":
                    break
                answered[event["detail"]["eventID"]] = event
            killer.join()
        self.assertGreater(len(answered), 30)
        child.stop()
        for event in list(answered.values()):
            decision = api.invoke(event, 30, child).json()[0]
            self.assertTrue(decision.get("duplicate"), decision["event_id"])
        child.stop()
        done = subprocess.run([PROGRAM, "ledger", "verify", "--state", state], check=False, timeout=60,
                              stdout=subprocess.PIPE)
        self.assertEqual((done.returncode, b"whole" in done.stdout), (0, True), done.stdout)


if __name__ == "__main__":
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    with open(PROGRAM, "rb") as program:
        SANITIZED = b"__asan_init" in program.read()
    unittest.main(verbosity=1)

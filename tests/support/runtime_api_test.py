#!/usr/bin/env python3
"""The stand-in of the Lambda Runtime API speaks the documented protocol."""
import http.client
import os
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from runtime_api import BODY_MAX, PATH, Bootstrap, InitError, RuntimeApi

# A bootstrap in a few lines of Python whose events tell it what to do.
PUPPET = """
import http.client, os, sys, time
c = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
def ask(method, path, body=None):
    c.request(method, "/2018-06-01/runtime/" + path, body)
    r = c.getresponse()
    return r, r.read()
if len(sys.argv) > 1 and sys.argv[1] == "broken":
    ask("POST", "init/error", b'{"errorMessage": "no config"}')
    sys.exit(1)
while True:
    r, event = ask("GET", "invocation/next")
    if event == b'"sleep"': time.sleep(30)
    if event == b'"exit"': sys.exit(7)
    ask("POST", "invocation/%s/response" % r.headers["Lambda-Runtime-Aws-Request-Id"], event)
"""


def ask(api, method, path, body=None, headers=None):
    conn = http.client.HTTPConnection(api.address, timeout=10)
    conn.request(method, PATH + path, body, headers or {})
    reply = conn.getresponse()
    data = reply.read()
    conn.close()
    return reply, data


class Protocol(unittest.TestCase):
    def setUp(self):
        self.api = RuntimeApi()
        self.addCleanup(self.api.close)

    def invoke(self, event, deadline_s=5):
        """Starts an invocation; returns (the next's reply, its bytes, a function that ends it)."""
        got = []
        thread = threading.Thread(target=lambda: got.append(self.api.invoke(event, deadline_s)))
        thread.start()
        reply, data = ask(self.api, "GET", "invocation/next")

        def end():
            thread.join(10)
            return got[0]
        return reply, data, end

    def test_an_event_carries_id_deadline_arn_and_trace(self):
        reply, data, end = self.invoke(b'{"a": 1}')
        request_id = reply.headers["Lambda-Runtime-Aws-Request-Id"]
        self.assertEqual(data, b'{"a": 1}')
        left = int(reply.headers["Lambda-Runtime-Deadline-Ms"]) - 1000 * time.time()
        self.assertTrue(3000 < left <= 5000, left)
        self.assertTrue(reply.headers["Lambda-Runtime-Invoked-Function-Arn"].startswith("arn:aws:"))
        self.assertTrue(reply.headers["Lambda-Runtime-Trace-Id"].startswith("Root=1-"))
        self.assertEqual(ask(self.api, "POST", f"invocation/{request_id}/response", b"[]")[0].status, 202)
        self.assertEqual((end().kind, end().body), ("response", b"[]"))

    def test_an_error_keeps_its_type_and_body(self):
        reply, _, end = self.invoke(b"{}")
        request_id = reply.headers["Lambda-Runtime-Aws-Request-Id"]
        code = ask(self.api, "POST", f"invocation/{request_id}/error", b'{"errorMessage": "x"}',
                   {"Lambda-Runtime-Function-Error-Type": "Firebreak.BadEvent"})[0].status
        self.assertEqual(code, 202)
        self.assertEqual((end().kind, end().error_type), ("error", "Firebreak.BadEvent"))

    def test_a_wrong_id_a_second_reply_and_a_large_answer_are_refused(self):
        reply, _, end = self.invoke(b"{}")
        request_id = reply.headers["Lambda-Runtime-Aws-Request-Id"]
        self.assertEqual(ask(self.api, "POST", "invocation/other/response", b"[]")[0].status, 400)
        self.assertEqual(ask(self.api, "POST", f"invocation/{request_id}/response",
                             b"x" * BODY_MAX)[0].status, 202)
        self.assertEqual(end().kind, "response")
        again, said = ask(self.api, "POST", f"invocation/{request_id}/response", b"[]")
        self.assertEqual(again.status, 403)
        self.assertIn(b"InvalidStateTransition", said)
        reply, _, end = self.invoke(b"{}")
        request_id = reply.headers["Lambda-Runtime-Aws-Request-Id"]
        self.assertEqual(ask(self.api, "POST", f"invocation/{request_id}/response",
                             b"x" * (BODY_MAX + 1))[0].status, 413)
        self.assertEqual(end().kind, "too_large")

    def test_a_chunked_answer_is_read_whole(self):
        reply, _, end = self.invoke(b"{}")
        request_id = reply.headers["Lambda-Runtime-Aws-Request-Id"]
        ask(self.api, "POST", f"invocation/{request_id}/response", iter([b"[1,", b"2]"]))
        self.assertEqual(end().body, b"[1,2]")


class Child(unittest.TestCase):
    def setUp(self):
        self.api = RuntimeApi()
        self.addCleanup(self.api.close)

    def start(self, *args):
        child = Bootstrap(self.api, [sys.executable, "-c", PUPPET, *args])
        self.addCleanup(child.stop)
        return child

    def test_a_bootstrap_that_overruns_is_killed_and_started_anew(self):
        child = self.start()
        self.assertEqual(self.api.invoke("one", 10, child).body, b'"one"')
        pid = child.pid
        self.assertEqual(self.api.invoke("sleep", 0.5, child).kind, "timeout")
        self.assertFalse(os.path.exists(f"/proc/{pid}"))
        self.assertEqual(self.api.invoke("two", 10, child).body, b'"two"')
        self.assertEqual(child.starts, 2)

    def test_a_bootstrap_that_exits_costs_the_event_only(self):
        child = self.start()
        self.assertEqual(self.api.invoke("exit", 10, child).kind, "exited")
        self.assertEqual(self.api.invoke("two", 10, child).body, b'"two"')

    def test_an_init_error_is_told(self):
        child = self.start("broken")
        with self.assertRaises(InitError):
            self.api.invoke("one", 10, child)


if __name__ == "__main__":
    unittest.main()

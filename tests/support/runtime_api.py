#!/usr/bin/env python3
"""A stand-in of the AWS Lambda Runtime API, for tests, the bench and the demo. Standard library only.

As a program, it feeds events to a bootstrap and writes down its answers:

    runtime_api.py --events FILE [--answers FILE] [--deadline-ms N] [--limit S] -- PROGRAM [ARG...]

    --events FILE    one event a line, its bytes unchanged ("-": standard input)
    --answers FILE   one JSON object an event: {"n","request_id","kind","ms","body","error_type"};
                     kind: response, error, too_large, timeout, exited (default: standard output)
    --deadline-ms N  time of one invocation (default 3000); at its end the program is killed and
                     started anew for the next event, as Lambda does
    --limit S        the whole run ends after S seconds (default 300), with status 3
    --env NAME=VALUE for the program; may be repeated
    --arn ARN        of the invoked function; Firebreak acts on events of the account in it
    --log FILE       the program's standard error (default: ours)

PROGRAM is called as `bootstrap`. Exit status: 0 every event was answered with a response or an error;
2 an event was lost (timeout, exit, answer too large); 3 the limit; 1 usage, or an init error.

As a module:

    with RuntimeApi() as api, Bootstrap(api, ["build/dev/firebreak"]) as child:
        answer = api.invoke(b'{"detail": ...}', deadline_s=3, child=child)

The protocol is AWS's: GET invocation/next waits; POST invocation/ID/response and /error get 202, 400
InvalidRequestID for an id that is not the one at hand, 403 InvalidStateTransition for a second reply,
413 above 6,291,556 bytes; POST init/error 202 (Lambda developer guide, "Using the Lambda runtime
API"; the codes as AWS's runtime interface emulator gives them).
"""
import collections
import ctypes
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid

PATH = "/2018-06-01/runtime/"
BODY_MAX = 6291556  # bytes of a response: 6 MB and a little, as Lambda has it
HEAD_MAX = 65536
READ_MAX = BODY_MAX + (4 << 20)  # what we take from a connection before we hang up
ARN = "arn:aws:lambda:us-east-1:123456789012:function:firebreak"


class Answer:
    """What became of one event."""

    def __init__(self, request_id):
        self.request_id = request_id
        self.kind = None        # response, error, too_large, timeout, exited
        self.body = b""
        self.error_type = ""    # Lambda-Runtime-Function-Error-Type of an error
        self.given = self.taken = 0.0  # time.monotonic() when handed over, when answered

    @property
    def ms(self):
        return 1000 * (self.taken - self.given)

    def json(self):
        return json.loads(self.body)


class InitError(Exception):
    """The bootstrap could not start: it posted init/error, or ended before its first next."""


class RuntimeApi:
    """The server: one invocation at a time, any number of connections."""

    def __init__(self, port=0, arn=ARN):
        self.arn = arn
        self.lock = threading.Condition()
        self.now = None         # Answer of the invocation at hand
        self.waiting = None     # (answer, event, deadline epoch ms) not yet taken by a next
        self.answered = collections.deque(maxlen=1000)  # ids that have had their reply
        self.generation = 0     # counts starts of a bootstrap: older connections are deaf
        self.init_error = None  # (type, body) of POST init/error
        self.first_next = None  # time.monotonic() of the first GET next since the last start
        self.nexts = 0
        self.refused = []       # (code, path) of what we answered with 4xx
        self.closed = False
        self.listener = socket.create_server(("127.0.0.1", port), backlog=64)
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        with self.lock:
            self.closed = True
            self.lock.notify_all()
        self.listener.close()

    def reset(self):
        """A bootstrap is about to start: whatever the old one still holds is void."""
        with self.lock:
            self.generation += 1
            self.first_next = self.init_error = self.now = self.waiting = None
            self.lock.notify_all()

    def invoke(self, event, deadline_s=3.0, child=None):
        """Hands over one event (bytes, or an object to be written as JSON) and waits for its answer.
        With a child: it is killed when the deadline passes, started anew when it is dead. Without:
        the answer is `timeout` and the bootstrap's late reply is refused."""
        if not isinstance(event, (bytes, bytearray)):
            event = json.dumps(event, separators=(",", ":")).encode()
        if child:
            child.ensure()
        answer = Answer(str(uuid.uuid4()))
        with self.lock:
            self.now = answer
            self.waiting = (answer, bytes(event), deadline_s)
            self.lock.notify_all()
            self._wait_for(answer, deadline_s, child)
            self.now = self.waiting = None
        if answer.kind in ("timeout", "exited") and child:
            child.stop()
        return answer

    def wait_next(self, timeout_s=10.0, child=None):
        """Waits until the bootstrap has asked for its first event; false when it never does."""
        end = time.monotonic() + timeout_s
        with self.lock:
            while not self.first_next:
                if self.init_error or time.monotonic() >= end or (child and not child.alive()):
                    return False
                self.lock.wait(0.05)
        return True

    def _wait_for(self, answer, deadline_s, child):
        """Until answered; the clock runs from the moment that the event is taken (and, so that a
        bootstrap that never asks cannot hold us, from the call plus ten seconds)."""
        started = time.monotonic()
        while not answer.kind:
            now = time.monotonic()
            end = answer.given + deadline_s if answer.given else started + 10 + deadline_s
            if self.init_error:
                raise InitError("%s: %s" % self.init_error)
            if child and not child.alive():
                answer.kind, answer.taken = "exited", now
            elif self.closed or now >= end:
                answer.kind, answer.taken = "timeout", now
            else:
                self.lock.wait(min(end - now, 0.1 if child else 1.0))

    # The server's side: a thread a connection.

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        conn = _Connection(sock)
        generation = self.generation
        try:
            while True:
                request = conn.request()
                if not request or not self._answer(conn, generation, *request):
                    return
        except OSError:
            pass
        finally:
            sock.close()

    def _answer(self, conn, generation, method, path, headers, body):
        """One request; false when the connection is to be closed."""
        if not path.startswith(PATH):
            return self._refuse(conn, 404, "NotFound", path)
        parts = path[len(PATH):].split("/")
        if method == "GET" and parts == ["invocation", "next"]:
            return self._next(conn, generation)
        if method == "POST" and parts == ["init", "error"]:
            with self.lock:
                self.init_error = (headers.get("lambda-runtime-function-error-type", ""),
                                   body.decode(errors="replace"))
                self.lock.notify_all()
            return conn.send(202, {"status": "OK"})
        if method == "POST" and len(parts) == 3 and parts[0] == "invocation" \
                and parts[2] in ("response", "error"):
            return self._reply(conn, parts[1], parts[2], headers, body)
        return self._refuse(conn, 404, "NotFound", path)

    def _refuse(self, conn, code, kind, path):
        self.refused.append((code, path))
        return conn.send(code, {"errorMessage": "%s refused" % path, "errorType": kind})

    def _next(self, conn, generation):
        with self.lock:
            self.nexts += 1
            if generation == self.generation and not self.first_next:
                self.first_next = time.monotonic()
                self.lock.notify_all()
            while not self.closed and generation == self.generation:
                if self.waiting and not conn.gone():
                    break
                if not self.waiting and conn.gone():
                    return False
                self.lock.wait(0.5)
            if self.closed or generation != self.generation:
                return False
            answer, event, deadline_s = self.waiting
            self.waiting = None
            answer.given = time.monotonic()
            self.lock.notify_all()
        deadline = int(1000 * (time.time() + deadline_s))
        trace = "Root=1-%08x-%s;Parent=%s;Sampled=0" % (
            int(time.time()), answer.request_id.replace("-", "")[:24],
            answer.request_id.replace("-", "")[:16])
        return conn.send_raw(200, event, [
            ("Content-Type", "application/json"),
            ("Lambda-Runtime-Aws-Request-Id", answer.request_id),
            ("Lambda-Runtime-Deadline-Ms", str(deadline)),
            ("Lambda-Runtime-Invoked-Function-Arn", self.arn),
            ("Lambda-Runtime-Trace-Id", trace)])

    def _reply(self, conn, request_id, kind, headers, body):
        with self.lock:
            now = self.now
            if request_id in self.answered:
                return self._refuse(conn, 403, "InvalidStateTransition", kind)
            if not now or now.request_id != request_id or not now.given or now.kind:
                return self._refuse(conn, 400, "InvalidRequestID", kind)
            self.answered.append(request_id)
            large = kind == "response" and len(body) > BODY_MAX
            now.error_type = ("Function.ResponseSizeTooLarge" if large else
                              headers.get("lambda-runtime-function-error-type", ""))
            now.body = b"" if large else body
            now.taken = time.monotonic()
            now.kind = "too_large" if large else kind
            self.lock.notify_all()
        if large:
            return self._refuse(conn, 413, "RequestEntityTooLarge", kind)
        return conn.send(202, {"status": "OK"})


class _Connection:
    """HTTP/1.1 over one socket: just what runtimes use (keep-alive, lengths, chunks, 100-continue)."""

    WORDS = {100: "Continue", 200: "OK", 202: "Accepted", 400: "Bad Request", 403: "Forbidden",
             404: "Not Found", 413: "Payload Too Large"}

    def __init__(self, sock):
        self.sock = sock
        self.data = bytearray()

    def gone(self):
        """Whether the peer has closed its side."""
        readable, _, _ = select.select([self.sock], [], [], 0)
        return bool(readable) and self.sock.recv(1, socket.MSG_PEEK) == b""

    def _more(self):
        part = self.sock.recv(1 << 16)
        self.data += part
        return bool(part) and len(self.data) <= READ_MAX

    def _until(self, mark):
        while mark not in self.data:
            if not self._more():
                return None
        head, _, rest = bytes(self.data).partition(mark)
        self.data = bytearray(rest)
        return head

    def _exactly(self, length):
        while len(self.data) < length:
            if not self._more():
                return None
        body = bytes(self.data[:length])
        del self.data[:length]
        return body

    def _chunks(self):
        body = bytearray()
        while len(body) <= READ_MAX:
            size = self._until(b"\r\n")
            if size is None:
                return None
            length = int(size.split(b";")[0], 16)
            part = self._exactly(length + 2)
            if part is None:
                return None
            body += part[:-2]
            if length == 0:
                return bytes(body)
        return None

    def request(self):
        """(method, path, headers in lower case, body), or None at the end of the connection."""
        head = self._until(b"\r\n\r\n")
        if head is None or len(head) > HEAD_MAX:
            return None
        first, *rest = head.decode("latin-1").split("\r\n")
        headers = {}
        for text in rest:
            name, _, value = text.partition(":")
            headers[name.strip().lower()] = value.strip()
        if headers.get("expect", "").lower() == "100-continue":
            self.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if "chunked" in headers.get("transfer-encoding", "").lower():
            body = self._chunks()
        else:
            body = self._exactly(int(headers.get("content-length") or 0))
        words = first.split(" ")
        if body is None or len(words) != 3:
            return None
        return words[0], words[1], headers, body

    def send(self, code, value):
        return self.send_raw(code, json.dumps(value).encode(), [("Content-Type", "application/json")])

    def send_raw(self, code, body, headers):
        head = ["HTTP/1.1 %d %s" % (code, self.WORDS[code]), "Content-Length: %d" % len(body)]
        head += ["%s: %s" % pair for pair in headers]
        self.sock.sendall("\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body)
        return True


def _die_with_parent():
    """In the child, before exec: the kernel kills it when the thread that started it ends."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None, use_errno=True).prctl(pr_set_pdeathsig, signal.SIGKILL, 0, 0, 0)


class Bootstrap:
    """The program under the Runtime API: started as `bootstrap`, in an environment of Lambda's names
    (nothing of ours but PATH, LANG and sanitizer options), ended by its process id. It dies with the
    thread that started it."""

    KEPT = ("PATH", "LANG", "LD_LIBRARY_PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS")

    def __init__(self, api, argv, env=None, log=None, memory_mb=512):
        self.api, self.argv, self.log = api, list(argv), log
        self.process = None
        self.starts = 0
        self.env = {k: os.environ[k] for k in self.KEPT if k in os.environ}
        self.env.update({
            "AWS_LAMBDA_RUNTIME_API": api.address, "_HANDLER": "firebreak",
            "LAMBDA_TASK_ROOT": os.path.dirname(os.path.abspath(self.argv[0])),
            "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_LAMBDA_FUNCTION_NAME": "firebreak", "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory_mb),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand", "AWS_EC2_METADATA_DISABLED": "true"})
        self.env.update(env or {})

    def __enter__(self):
        self.ensure()
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def pid(self):
        return self.process.pid if self.process else None

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def ensure(self):
        """Starts the program unless it runs."""
        if self.alive():
            return
        self.api.reset()
        self.starts += 1
        self.started = time.monotonic()
        self.process = subprocess.Popen(["bootstrap"] + self.argv[1:], executable=self.argv[0],
                                        env=self.env, stdin=subprocess.DEVNULL,
                                        stdout=self.log or sys.stderr.fileno(),
                                        stderr=self.log or sys.stderr.fileno(),
                                        preexec_fn=_die_with_parent)

    def stop(self):
        """Kills it, as Lambda does, and waits for its end."""
        if self.process:
            if self.process.poll() is None:
                self.process.kill()
            self.process.wait(10)

    def status_kb(self, name="VmRSS"):
        """A memory figure from /proc: VmRSS, VmHWM; 0 when it is gone."""
        try:
            with open("/proc/%d/status" % self.pid, encoding="ascii") as f:
                for text in f:
                    if text.startswith(name + ":"):
                        return int(text.split()[1])
        except (OSError, ProcessLookupError):
            pass
        return 0


def feed(api, child, events, deadline_s, record):
    """Plays all events; record(n, answer) sees each. Returns how many were lost."""
    lost = 0
    for n, event in enumerate(events):
        answer = api.invoke(event, deadline_s, child)
        lost += answer.kind not in ("response", "error")
        record(n, answer)
    return lost


def options(argv):
    """Command line -> (options, program); None for a usage error."""
    opts = {"--events": None, "--answers": None, "--deadline-ms": "3000", "--limit": "300",
            "--env": [], "--log": None, "--arn": ARN}
    n = 0
    while n < len(argv) and argv[n] != "--":
        if argv[n] not in opts or n + 1 >= len(argv):
            return None
        if argv[n] == "--env":
            opts["--env"].append(argv[n + 1])
        else:
            opts[argv[n]] = argv[n + 1]
        n += 2
    program = argv[n + 1:]
    return (opts, program) if program and opts["--events"] else None


def main(argv):
    parsed = options(argv)
    if not parsed:
        print(__doc__, file=sys.stdout if argv and argv[0] in ("-h", "--help") else sys.stderr)
        return 0 if argv and argv[0] in ("-h", "--help") else 1
    opts, program = parsed
    source = sys.stdin.buffer if opts["--events"] == "-" else open(opts["--events"], "rb")
    out = open(opts["--answers"], "w", encoding="utf-8") if opts["--answers"] else sys.stdout
    log = open(opts["--log"], "ab") if opts["--log"] else None

    def out_of_time(*_):
        print("runtime_api: the run did not end in %s s" % opts["--limit"], file=sys.stderr)
        child.stop()
        os._exit(3)

    def record(n, a):
        out.write(json.dumps({"n": n, "request_id": a.request_id, "kind": a.kind,
                              "ms": round(a.ms, 3), "error_type": a.error_type,
                              "body": a.body.decode(errors="replace")}) + "\n")

    env = dict(text.partition("=")[::2] for text in opts["--env"])
    with RuntimeApi(arn=opts["--arn"]) as api:
        child = Bootstrap(api, program, env, log)
        signal.signal(signal.SIGALRM, out_of_time)
        signal.setitimer(signal.ITIMER_REAL, float(opts["--limit"]))
        try:
            events = (text.rstrip(b"\r\n") for text in source)
            lost = feed(api, child, (e for e in events if e), int(opts["--deadline-ms"]) / 1000,
                        record)
        except InitError as e:
            print("runtime_api: init error: %s" % e, file=sys.stderr)
            return 1
        finally:
            child.stop()
            out.flush()
    return 2 if lost else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

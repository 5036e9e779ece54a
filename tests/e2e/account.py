"""A stand-in AWS account (moto) behind a proxy that counts, delays and kills: for the end-to-end tests.

The proxy sits between Firebreak and moto. It never invents an answer: it writes down each call, may
wait, and may end the program under test just before a call goes through.
"""
import ctypes
import http.client
import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))

ACCOUNT = "123456789012"
READS = ("Get", "List", "Describe", "Lookup", "Head")


def skip(why):
    """Says loudly that a whole file of tests cannot run here, and ends it as skipped."""
    print("SKIPPED " + os.path.basename(sys.argv[0]) + ": " + why)
    log = os.environ.get("FB_SKIP_LOG")
    if log:
        with open(log, "a", encoding="utf-8") as f:
            f.write(os.path.basename(sys.argv[0]) + ": " + why + "\n")
    sys.exit(77)


try:
    import boto3
    import moto.server  # noqa: F401
    from botocore.config import Config
except ImportError as missing:
    skip(f"{missing.name} is not installed; deploy/setup.sh says how")


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG


class Moto:
    def __init__(self):
        self.worlds, self.images, self.clients = 0, {}, {}
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        env = dict(os.environ, MOTO_ACCOUNT_ID=ACCOUNT, MOTO_IAM_LOAD_MANAGED_POLICIES="true")
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from moto.server import main; main()", "-H", "127.0.0.1", "-p",
             str(self.port)], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=die_with_parent)
        for _ in range(300):
            try:
                urllib.request.urlopen(self.url + "/moto-api/data.json", timeout=2).close()
                return
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.1)
        skip("moto did not start")

    def stop(self):
        self.process.kill()
        self.process.wait()

    def client(self, service, region="us-east-1"):
        if (service, region) not in self.clients:
            self.clients[service, region] = boto3.session.Session().client(
                service, region_name=region, endpoint_url=self.url, aws_access_key_id="operator",
                aws_secret_access_key="operator", config=Config(retries={"max_attempts": 1}))
        return self.clients[service, region]


class Proxy:
    """Counts calls on their way to moto; `kill_at` = n ends the victim before the n-th mutating call,
    `delay_s` holds every call, `slow` those of an action for its own time, `deny` names actions that are answered AccessDenied as IAM does (rights
    are what moto checks only for whole accounts)."""

    def __init__(self, moto):
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                action = proxy.saw(body, self.headers)
                if proxy.gone:
                    self.close_connection = True
                    return
                if action in proxy.deny:
                    return self.refuse()
                up = http.client.HTTPConnection("127.0.0.1", moto.port, timeout=30)
                up.request("POST", self.path, body, {k: v for k, v in self.headers.items()})
                reply = up.getresponse()
                data = reply.read()
                self.send_response(reply.status)
                for k, v in reply.getheaders():
                    if k.lower() not in ("content-length", "connection", "transfer-encoding"):
                        self.send_header(k, v)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def refuse(self):
                data = (b"<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>"
                        b"<Message>not authorized</Message></Error></ErrorResponse>")
                self.send_response(403)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.lock = threading.Lock()
        self.clear()
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def clear(self):
        with self.lock:
            self.calls, self.mutations = [], []
            self.kill_at, self.victim, self.gone, self.delay_s = 0, None, False, 0.0
            self.deny, self.slow = set(), {}

    def saw(self, body, headers):
        form = dict(urllib.parse.parse_qsl(body.decode(errors="replace")))
        action = form.get("Action") or headers.get("X-Amz-Target", "?").split(".")[-1]
        with self.lock:
            self.calls.append(action)
            if not action.startswith(READS):
                self.mutations.append((action, form))
                if self.kill_at and len(self.mutations) == self.kill_at:
                    self.gone = True
                    os.kill(self.victim.pid, signal.SIGKILL)
                    self.victim.process.wait()
            delay = self.slow.get(action, self.delay_s)
        if delay:
            time.sleep(delay)
        return action

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class World:
    """User `ci` with a stolen and a second key, four regions of thief's machines (some protected), an
    honest user with machines of his own."""
    REGIONS = {"us-east-1": (False, False), "eu-west-1": (True, True), "ap-south-1": (False, True),
               "sa-east-1": (False, False)}

    def __init__(self, moto):
        moto.worlds += 1 # a world of its own in the same account: a reset would cool moto down
        self.moto = moto
        self.user, self.honest_user = f"ci-{moto.worlds}", f"honest-{moto.worlds}"
        self.iam = moto.client("iam")
        self.key, self.second = (self.make_key(self.user) for _ in range(2))
        self.honest_key = self.make_key(self.honest_user)
        self.machines = {r: self.launch(r, 2, t, s) for r, (t, s) in self.REGIONS.items()}
        self.honest = {"us-east-1": self.launch("us-east-1", 2, False, False)}

    def make_key(self, user):
        if user not in [u["UserName"] for u in self.iam.list_users()["Users"]]:
            self.iam.create_user(UserName=user)
        return self.iam.create_access_key(UserName=user)["AccessKey"]["AccessKeyId"]

    def launch(self, region, count, terminate, stop):
        ec2 = self.moto.client("ec2", region)
        if region not in self.moto.images:
            self.moto.images[region] = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
        made = ec2.run_instances(ImageId=self.moto.images[region], InstanceType="c5a.24xlarge", MinCount=count,
                                 MaxCount=count, DisableApiTermination=terminate, DisableApiStop=stop)
        return [i["InstanceId"] for i in made["Instances"]]

    def states(self, machines):
        found = {}
        for region, ids in machines.items():
            for r in self.moto.client("ec2", region).describe_instances(InstanceIds=ids)["Reservations"]:
                for i in r["Instances"]:
                    found[i["InstanceId"]] = i["State"]["Name"]
        return found

    def picture(self):
        """What the account looks like, through boto3 alone."""
        keys = {}
        policies = {}
        for user in (self.user, self.honest_user):
            for k in self.iam.list_access_keys(UserName=user)["AccessKeyMetadata"]:
                keys[k["AccessKeyId"]] = k["Status"]
            policies[user] = {n: json.dumps(self.iam.get_user_policy(
                UserName=user, PolicyName=n)["PolicyDocument"], sort_keys=True)
                for n in self.iam.list_user_policies(UserName=user)["PolicyNames"]}
        return {"keys": keys, "policies": policies, "thief": self.states(self.machines),
                "honest": self.states(self.honest)}

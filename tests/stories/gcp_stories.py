"""Stories of Google Cloud: a leaked service-account key, Google's notice, and a cluster that grows."""
from datetime import timedelta

from auditlog import GO, GROUP, PYTHON, Project
from cloudtrail import at
from telling import OFFICE, THIEF, Story, day, in_order

ZONES = ("us-central1-a", "us-central1-f", "europe-west4-a", "asia-southeast1-b", "us-east1-b",
         "us-east1-c", "europe-west1-d", "asia-northeast1-a", "southamerica-east1-a",
         "australia-southeast1-a")
QUOTA = {"code": 8, "message": "QUOTA_EXCEEDED"}
HELD = {"asia-northeast1-a", "southamerica-east1-a", "australia-southeast1-a"}


def gcp_leaked_key():
    p = Project("photo-album-prod", "100200300401")
    key = "0a1b2c3d4e5f60718293a4b5c6d7e8f90example"
    who = p.account("uploader", key)
    email, t, ip = who["principalEmail"], at("2026-03-08T04:12:00Z"), f"{THIEF}.19"
    first, story = [], []
    for n, zone in enumerate(ZONES):
        when = t + timedelta(seconds=12 * n)
        machine = "c2-standard-60" if n % 2 else "n2d-highcpu-224"
        pair = p.insert(when, who, zone, f"worker-{n}", machine, ip, GO,
                        status=QUOTA if zone in HELD else None)
        first.append(pair[0])
        story.append((when, pair[0]))
        story.append((when + timedelta(seconds=4), pair[1]))
    story.sort(key=lambda s: s[0])
    notice = p.leak_notice(t + timedelta(minutes=15), email, key,
                           "https://git.example/somebody/photo-album/blob/main/key.json")
    events = [e for _, e in story] + [notice]
    readme = f"""# A service-account key in a personal repository

**Who.** Service account `{email}`. Firebreak has no history of it.

**What.** Its key lay in a public repository. A Go program creates a VM of 224 or 60 vCPU every twelve
seconds, in ten zones of nine regions; the last three run into the quota. Each call writes two entries, a
first and a last one with the same operation id, and a refused one tells so in its last. A quarter of an
hour later Google says that the key is public.

**Expected decision.** Alert at the first VM, contain, on the service account, in the third region at the
latest; each machine counts once. The notice comes too late to matter.
"""
    expect = {"max_level": "contain", "alert_by_event": first[0]["insertId"],
              "score_at": {first[0]["insertId"]: [50, 70]},
              "contain_by_event": first[3]["insertId"], "root": email, "never": [],
              "actions": {}, "left_alone": []}
    return Story("gcp-leaked-key", events, readme, expect)


def gcp_leak_notice_alone():
    p = Project("photo-album-dev", "100200300402")
    key = "1a1b2c3d4e5f60718293a4b5c6d7e8f90example"
    email = p.account("uploader")["principalEmail"]
    notice = p.leak_notice(at("2026-03-09T09:40:00Z"), email, key,
                           "https://git.example/somebody/photo-album/blob/dev/key.json")
    readme = f"""# Google says that a key is public

**Who.** Service account `{email}`, of which Firebreak has never seen an entry.

**What.** One abuse event: LEAKED_CREDENTIALS.

**Expected decision.** Contain, at once: the provider's word is enough.
"""
    expect = {"max_level": "contain", "score_at": {notice["insertId"]: [92, 100]},
              "contain_by_event": notice["insertId"], "root": email, "never": [], "actions": {},
              "left_alone": []}
    return Story("gcp-leak-notice-alone", [notice], readme, expect)


def gke_grows():
    p = Project("shop-cluster", "100200300403")
    ada, agent = p.person("ada@shop.example"), p.agent()
    zone, events = "europe-west1-b", []
    cluster = p.entry(at("2026-02-01T09:00:00Z"), ada, "container",
                      "google.container.v1.ClusterManager.CreateCluster",
                      f"projects/{p.id}/locations/{zone}/clusters/shop", f"{OFFICE}.60", PYTHON,
                      {"@type": "type.googleapis.com/google.container.v1alpha1.CreateClusterRequest",
                       "cluster": {"name": "shop", "nodePools": [{
                           "name": "pool-1", "initialNodeCount": 3,
                           "config": {"machineType": "e2-standard-4"},
                           "autoscaling": {"enabled": True, "maxNodeCount": 300}}]}},
                      kind="gke_cluster", labels={"location": zone, "cluster_name": "shop"},
                      granted="container.clusters.create", location=zone,
                      operation=("operation-100-shop", "first"))
    events.append(cluster)
    for n in range(35):  # a few nodes come and go every day
        for k in range(2):
            when = day("2026-02-02", n, "08:00:00") + timedelta(seconds=600 * k)
            events += p.insert(when, agent, zone, f"gke-shop-pool-1-{n:02d}{k}", "e2-standard-4", "private",
                               GROUP)[:1]
    t, made, sale = at("2026-03-09T10:00:00Z"), [], []
    for n in range(200):
        pair = p.insert(t + timedelta(seconds=2 * n), agent, zone, f"gke-shop-pool-1-sale-{n:03d}",
                        "e2-standard-4", "private", GROUP)
        made.append(pair[0])
        sale += pair if n < 10 else pair[:1]
    readme = f"""# A cluster grows for a sale

**Who.** Google's own agent in project `{p.id}`, which starts the nodes of a cluster that `ada` made five
weeks ago; a few of them every day.

**What.** A sale begins: 200 x e2-standard-4 within seven minutes, in the same zone. The twin of
gcp-leaked-key.

**Expected decision.** Silence: the group is old, and who made it is under no suspicion.
"""
    expect = {"max_level": "observe", "max_score": 20, "story_from": made[0]["insertId"],
              "contain_by_event": None, "root": None,
              "never": [ada["principalEmail"], agent["principalEmail"]], "actions": {}, "left_alone": []}
    return Story("gke-grows", in_order(events) + sorted(sale, key=lambda e: e["timestamp"]), readme, expect)


STORIES = (gcp_leaked_key, gcp_leak_notice_alone, gke_grows)

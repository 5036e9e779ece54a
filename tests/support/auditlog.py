"""Builds entries of Google Cloud Audit Logs in the shapes that Google writes, from invented facts.
Standard library only; the same calls give the same bytes.

Shapes: Cloud Logging, LogEntry; Cloud Audit Logs, AuditLog; "Abuse event logging".
"""
import hashlib
from datetime import timedelta

GO = "google-api-go-client/0.5,gzip(gfe)"
PYTHON = "google-api-python-client/2.100.0 (gzip),gzip(gfe)"
GROUP = "GCE Managed Instance Group for GKE"


def hashed(of, length):
    return hashlib.sha256(of.encode()).hexdigest()[:length]


def stamp(when):
    return when.strftime("%Y-%m-%dT%H:%M:%S.") + f"{when.microsecond // 1000:03d}Z"


class Project:
    """One project: makes identities and entries; ids come from a counter and the project's name."""

    def __init__(self, project, number):
        self.id, self.number, self.count = project, number, 0

    def token(self, length):
        self.count += 1
        return hashed(f"{self.id}/{self.count}", length)

    def account(self, name, key=None):
        """authenticationInfo of a service account, with the id of the key that it used."""
        email = f"{name}@{self.id}.iam.gserviceaccount.com"
        who = {"principalEmail": email, "principalSubject": f"serviceAccount:{email}"}
        if key:
            who["serviceAccountKeyName"] = (f"//iam.googleapis.com/projects/{self.id}/serviceAccounts/"
                                            f"{email}/keys/{key}")
        return who

    @staticmethod
    def person(email):
        return {"principalEmail": email, "principalSubject": f"user:{email}"}

    def agent(self):
        """Google's own account that starts the machines of groups."""
        return {"principalEmail": f"{self.number}@cloudservices.gserviceaccount.com"}

    def entry(self, when, who, service, method, resource, ip, agent, request=None, kind="audited_resource",
              labels=None, status=None, granted=None, operation=None, response=None, log="activity",
              trigger=None, location=None):
        payload = {"@type": "type.googleapis.com/google.cloud.audit.AuditLog"}
        if status:
            payload["status"] = status
        payload["authenticationInfo"] = who
        payload["requestMetadata"] = {"callerIp": ip, "callerSuppliedUserAgent": agent,
                                      "requestAttributes": {"time": stamp(when), "auth": {}},
                                      "destinationAttributes": {}}
        payload.update(serviceName=f"{service}.googleapis.com", methodName=method)
        if granted:
            payload["authorizationInfo"] = [{"permission": granted, "granted": not status
                                             or status.get("code") != 7,
                                             "resource": resource, "resourceAttributes": {}}]
        payload["resourceName"] = resource
        if request is not None:
            payload["request"] = request
        if response is not None:
            payload["response"] = response
        if location:
            payload["resourceLocation"] = {"currentLocations": [location]}
        out = {"protoPayload": payload, "insertId": self.token(12),
               "resource": {"type": kind, "labels": dict({"project_id": self.id}, **(labels or {}))},
               "timestamp": stamp(when), "severity": "ERROR" if status else "NOTICE"}
        if trigger:
            out["labels"] = {"compute.googleapis.com/root_trigger_id": trigger}
        out["logName"] = f"projects/{self.id}/logs/cloudaudit.googleapis.com%2F{log}"
        if operation:
            out["operation"] = dict({"id": operation[0], "producer": f"{service}.googleapis.com"},
                                    **{operation[1]: True})
        out["receiveTimestamp"] = stamp(when + timedelta(milliseconds=700))
        return out

    def insert(self, when, who, zone, name, machine, ip, agent, status=None, trigger=None,
               account=None):
        """instances.insert: the first entry of the operation, and its last. A refused one has the
        last entry only after its first."""
        resource = f"projects/{self.id}/zones/{zone}/instances/{name}"
        operation = f"operation-{int(when.timestamp())}-{hashed(resource, 13)}"
        common = {"kind": "gce_instance", "labels": {"zone": zone, "instance_id": str(
            int(hashed(resource, 15), 16))}, "trigger": trigger}
        request = {"@type": "type.googleapis.com/compute.instances.insert", "name": name,
                   "machineType": f"projects/{self.id}/zones/{zone}/machineTypes/{machine}",
                   "networkInterfaces": [{"network": f"projects/{self.id}/global/networks/default"}]}
        if account:
            request["serviceAccounts"] = [{"email": account, "scopes": [
                "https://www.googleapis.com/auth/cloud-platform"]}]
        first = self.entry(when, who, "compute", "v1.compute.instances.insert", resource, ip, agent,
                           request, granted="compute.instances.create", operation=(operation, "first"),
                           response={"@type": "type.googleapis.com/operation", "status": "RUNNING",
                                     "operationType": "insert", "progress": "0"},
                           location=zone, **common)
        last = self.entry(when + timedelta(seconds=4), who, "compute", "v1.compute.instances.insert",
                          resource, ip, agent,
                          {"@type": "type.googleapis.com/compute.instances.insert"},
                          operation=(operation, "last"), status=status, **common)
        return [first, last]

    def leak_notice(self, when, email, key, url):
        """Google's abuse event: a key of this project is public."""
        return {"insertId": self.token(12), "timestamp": stamp(when), "receiveTimestamp": stamp(when),
                "severity": "NOTICE",
                "logName": f"projects/{self.id}/logs/abuseevent.googleapis.com%2Fabuse_events",
                "resource": {"type": "abuseevent.googleapis.com/Location",
                             "labels": {"location": "global",
                                        "resource_container": f"projects/{self.number}"}},
                "jsonPayload": {
                    "@type": "type.googleapis.com/google.cloud.abuseevent.logging.v1.AbuseEvent",
                    "detectionType": "LEAKED_CREDENTIALS", "action": "NOTIFY",
                    "reason": "A service account key of this project was found in a public place.",
                    "leakedCredentialEvent": {"detectedUri": url, "serviceAccountCredential": {
                        "serviceAccount": email, "keyId": key}}}}

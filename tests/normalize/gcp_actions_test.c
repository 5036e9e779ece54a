/* gcp_actions_test.c - Google's table of actions: each trait that a call can set has an example and
 * a near miss. */
#include "normalize/gcp_entry.h"

#define DELTA(action, role, member)                                                                \
    "'serviceData':{'policyDelta':{'bindingDeltas':[{'action':'" action "','role':'" role          \
    "','member':'" member "'}]}}"
#define AUDIT_DELTA(action, exempted)                                                              \
    "'serviceData':{'policyDelta':{'auditConfigDeltas':[{'action':'" action                        \
    "','service':'allServices','logType':'DATA_READ'" exempted "}]}}"
#define BINDINGS(role, member)                                                                     \
    "{'policy':{'bindings':[{'role':'" role "','members':['" member "']}]}}"
#define FIREWALL(ranges, protocol, ports)                                                          \
    "{'direction':'INGRESS','sourceRanges':['" ranges "'],'alloweds':[{'IPProtocol':'" protocol    \
    "','ports':[" ports "]}]}"
#define OTHER "other@" PROJECT ".iam.gserviceaccount.com"

struct row {
    enum fb_trait trait;
    bool sets;
    struct entry entry;
};

#define CALL(...)                                                                                  \
    {                                                                                              \
        .service = __VA_ARGS__                                                                     \
    }

static const struct row rows[] = {
    {FB_T_READ, true, CALL("compute", "v1.compute.instances.aggregatedList")},
    {FB_T_READ, true, CALL("cloudresourcemanager", "GetProject")},
    {FB_T_READ, true,
     CALL("secretmanager", "google.cloud.secretmanager.v1.SecretManagerService.AccessSecretVersion",
          .payload = "'authorizationInfo':[{'permissionType':'DATA_READ'}]")},
    {FB_T_READ, false, CALL("compute", "v1.compute.instances.setLabels")},
    {FB_T_READ, false,
     CALL("aiplatform", "google.cloud.aiplatform.v1.PredictionService.GenerateContent",
          .payload = "'authorizationInfo':[{'permissionType':'DATA_READ'}]")},

    {FB_T_COMPUTE_CREATE, true, CALL("compute", "v1.compute.instances.insert")},
    {FB_T_COMPUTE_CREATE, true, CALL("compute", "beta.compute.instances.bulkInsert")},
    {FB_T_COMPUTE_CREATE, true, CALL("compute", "v1.compute.instances.start")},
    {FB_T_COMPUTE_CREATE, true, CALL("compute", "v1.compute.regionInstanceGroupManagers.resize")},
    {FB_T_COMPUTE_CREATE, true, CALL("compute", "v1.compute.autoscalers.insert")},
    {FB_T_COMPUTE_CREATE, true, CALL("compute", "v1.compute.reservations.insert")},
    {FB_T_COMPUTE_CREATE, true,
     CALL("container", "google.container.v1.ClusterManager.CreateCluster")},
    {FB_T_COMPUTE_CREATE, true,
     CALL("aiplatform", "google.cloud.aiplatform.v1.JobService.CreateCustomJob")},
    {FB_T_COMPUTE_CREATE, true,
     CALL("aiplatform", "google.cloud.aiplatform.v1.PredictionService.Predict",
          .resource = "projects/p/locations/us-central1/publishers/google/models/text-bison")},
    {FB_T_COMPUTE_CREATE, true, CALL("run", "google.cloud.run.v1.Services.CreateService")},
    {FB_T_COMPUTE_CREATE, true,
     CALL("cloudbuild", "google.devtools.cloudbuild.v1.CloudBuild.CreateBuild")},
    {FB_T_COMPUTE_CREATE, true,
     CALL("dataproc", "google.cloud.dataproc.v1.ClusterController.CreateCluster")},
    {FB_T_COMPUTE_CREATE, false, CALL("compute", "v1.compute.instances.stop")},
    {FB_T_COMPUTE_CREATE, false, CALL("compute", "v1.compute.instanceTemplates.insert")},
    {FB_T_COMPUTE_CREATE, false,
     CALL("aiplatform", "google.cloud.aiplatform.v1.PredictionService.Predict",
          .resource = "projects/p/locations/us-central1/endpoints/77")},
    {FB_T_COMPUTE_CREATE, false, CALL("dataproc", "compute.instances.insert")},

    {FB_T_LAUNCH, true, CALL("compute", "v1.compute.instances.insert")},
    {FB_T_LAUNCH, false, CALL("compute", "v1.compute.instances.start")},

    {FB_T_TERM_PROTECT, true,
     CALL("compute", "v1.compute.instances.insert", .request = "{'deletionProtection':true}")},
    {FB_T_TERM_PROTECT, true, CALL("compute", "v1.compute.instances.setDeletionProtection")},
    {FB_T_TERM_PROTECT, false,
     CALL("compute", "v1.compute.instances.setDeletionProtection",
          .request = "{'deletionProtection':false}")},

    {FB_T_MAX_COUNT, true,
     CALL("compute", "v1.compute.instances.bulkInsert", .request = "{'count':'10'}")},
    {FB_T_MAX_COUNT, false,
     CALL("compute", "v1.compute.instances.bulkInsert", .request = "{'count':9}")},

    {FB_T_GROUP_BLOWUP, true,
     CALL("compute", "v1.compute.instanceGroupManagers.insert", .request = "{'targetSize':20}")},
    {FB_T_GROUP_BLOWUP, true,
     CALL("compute", "v1.compute.instanceGroupManagers.resize", .request = "{'size':'50'}")},
    {FB_T_GROUP_BLOWUP, true,
     CALL("compute", "v1.compute.regionAutoscalers.patch",
          .request = "{'autoscalingPolicy':{'maxNumReplicas':100}}")},
    {FB_T_GROUP_BLOWUP, true,
     CALL("container", "google.container.v1.ClusterManager.SetNodePoolSize",
          .request = "{'nodeCount':40}")},
    {FB_T_GROUP_BLOWUP, false,
     CALL("compute", "v1.compute.instanceGroupManagers.insert", .request = "{'targetSize':19}")},
    {FB_T_GROUP_BLOWUP, false,
     CALL("container", "google.container.v1.ClusterManager.SetNodePoolAutoscaling",
          .request = "{'autoscaling':{'maxNodeCount':99}}")},

    {FB_T_NEW_IDENTITY, true, CALL("iam", "google.iam.admin.v1.CreateServiceAccount")},
    {FB_T_NEW_IDENTITY, false, CALL("iam", "google.iam.admin.v1.CreateRole")},

    {FB_T_KEY_FOR_OTHER, true,
     CALL("iam", "google.iam.admin.v1.CreateServiceAccountKey", ROBOT_BY_KEY,
          "projects/-/serviceAccounts/" OTHER)},
    {FB_T_KEY_FOR_OTHER, true,
     CALL("iam", "google.iam.admin.v1.CreateServiceAccountKey", CAROL,
          "projects/-/serviceAccounts/" OTHER)},
    {FB_T_KEY_FOR_OTHER, true,
     CALL("storage", "storage.hmacKeys.create", CAROL, "", "{'serviceAccountEmail':'" OTHER "'}")},
    {FB_T_KEY_FOR_OTHER, false,
     CALL("iam", "google.iam.admin.v1.CreateServiceAccountKey", ROBOT_BY_KEY,
          "projects/-/serviceAccounts/" ROBOT)},

    {FB_T_LOGIN_PROFILE, true, CALL("admin", "google.admin.AdminService.changePassword")},
    {FB_T_LOGIN_PROFILE, false, CALL("admin", "google.admin.AdminService.addGroupMember")},

    {FB_T_ADMIN_GRANT, true,
     CALL("cloudresourcemanager", "SetIamPolicy",
          .payload = DELTA("ADD", "roles/owner", "user:dave@acme.example"))},
    {FB_T_ADMIN_GRANT, true,
     CALL("cloudresourcemanager", "SetIamPolicy",
          .payload =
              DELTA("ADD", "roles/compute.instanceAdmin.v1", "user:dave@acme.example") "," DELTA(
                  "ADD", "roles/compute.admin", "user:dave@acme.example"))},
    {FB_T_ADMIN_GRANT, true,
     CALL("iam", "google.iam.admin.v1.SetIAMPolicy",
          .payload =
              DELTA("ADD", "roles/iam.serviceAccountTokenCreator", "user:dave@acme.example"))},
    {FB_T_ADMIN_GRANT, true,
     CALL("iam", "google.iam.admin.v1.SetIAMPolicy",
          .request = BINDINGS("roles/iam.serviceAccountTokenCreator", "user:dave@acme.example"))},
    {FB_T_ADMIN_GRANT, true,
     CALL("k8s", "io.k8s.rbac.v1.clusterrolebindings.create",
          .request = "{'roleRef':{'name':'cluster-admin'}}")},
    {FB_T_ADMIN_GRANT, false,
     CALL("cloudresourcemanager", "SetIamPolicy",
          .payload = DELTA("REMOVE", "roles/owner", "user:dave@acme.example"))},
    {FB_T_ADMIN_GRANT, false,
     CALL("cloudresourcemanager", "SetIamPolicy",
          .payload = DELTA("ADD", "roles/viewer", "user:dave@acme.example"))},
    {FB_T_ADMIN_GRANT, false,
     CALL("cloudresourcemanager", "SetIamPolicy",
          .payload =
              DELTA("ADD", "roles/editor", "serviceAccount:1@cloudservices.gserviceaccount.com"))},
    {FB_T_ADMIN_GRANT, false,
     CALL("cloudresourcemanager", "SetIamPolicy",
          .request = BINDINGS("roles/owner", "user:dave@acme.example"))},
    {FB_T_ADMIN_GRANT, false,
     CALL("compute", "v1.compute.disks.setIamPolicy",
          .payload = DELTA("ADD", "roles/owner", "user:dave@acme.example"))},

    {FB_T_EXTERNAL_TRUST, true,
     CALL("cloudresourcemanager", "SetIamPolicy",
          .payload = DELTA("ADD", "roles/viewer", "user:Dave@Gmail.com"))},
    {FB_T_EXTERNAL_TRUST, true,
     CALL("cloudresourcemanager", "InsertProjectOwnershipInvite",
          .request = "{'member':'user:dave@gmail.com'}")},
    {FB_T_EXTERNAL_TRUST, true,
     CALL("iap", "google.cloud.iap.v1.IdentityAwareProxyAdminService.SetIamPolicy",
          .request = BINDINGS("roles/iap.httpsResourceAccessor", "allAuthenticatedUsers"))},
    {FB_T_EXTERNAL_TRUST, false,
     CALL("cloudresourcemanager", "SetIamPolicy",
          .payload = DELTA("ADD", "roles/viewer", "user:dave@acme.example"))},
    {FB_T_EXTERNAL_TRUST, false,
     CALL("cloudresourcemanager", "SetIamPolicy", "{'principalEmail':'dave@gmail.com'}",
          .payload = DELTA("ADD", "roles/viewer", "user:dave@gmail.com"))},
    {FB_T_EXTERNAL_TRUST, false,
     CALL("cloudresourcemanager", "SetIamPolicy",
          .payload = DELTA("REMOVE", "roles/viewer", "user:dave@gmail.com"))},

    {FB_T_IDP_BACKDOOR, true,
     CALL("iam", "google.iam.v1.WorkloadIdentityPools.CreateWorkloadIdentityPoolProvider")},
    {FB_T_IDP_BACKDOOR, true,
     CALL("iam", "google.iam.admin.v1.WorkforcePools.CreateWorkforcePool")},
    {FB_T_IDP_BACKDOOR, false,
     CALL("iam", "google.iam.v1.WorkloadIdentityPools.DeleteWorkloadIdentityPool")},

    {FB_T_PUBLIC_FUNCTION, true,
     CALL("run", "google.cloud.run.v1.Services.SetIamPolicy",
          .request = BINDINGS("roles/run.invoker", "allUsers"))},
    {FB_T_PUBLIC_FUNCTION, false,
     CALL("run", "google.cloud.run.v1.Services.SetIamPolicy",
          .request = BINDINGS("roles/run.invoker", "user:dave@acme.example"))},

    {FB_T_OPEN_ADMIN_PORT, true,
     CALL("compute", "v1.compute.firewalls.insert",
          .request = FIREWALL("0.0.0.0/0", "tcp", "'22'"))},
    {FB_T_OPEN_ADMIN_PORT, true,
     CALL("compute", "v1.compute.firewalls.patch",
          .request = FIREWALL("::/0", "tcp", "'80','3000-4000'"))},
    {FB_T_OPEN_ADMIN_PORT, true,
     CALL("compute", "v1.compute.firewalls.insert", .request = FIREWALL("0.0.0.0/0", "all", ""))},
    {FB_T_OPEN_ADMIN_PORT, false,
     CALL("compute", "v1.compute.firewalls.insert",
          .request = FIREWALL("0.0.0.0/0", "udp", "'22'"))},
    {FB_T_OPEN_ADMIN_PORT, false,
     CALL("compute", "v1.compute.firewalls.insert",
          .request = FIREWALL("10.0.0.0/8", "tcp", "'22'"))},
    {FB_T_OPEN_ADMIN_PORT, false,
     CALL("compute", "v1.compute.firewalls.insert",
          .request = FIREWALL("0.0.0.0/0", "tcp", "'443','23-3388'"))},

    {FB_T_ORG_ACCOUNT, true, CALL("cloudresourcemanager", "CreateProject")},
    {FB_T_ORG_ACCOUNT, true, CALL("cloudbilling", "UpdateProjectBillingInfo")},
    {FB_T_ORG_ACCOUNT, false, CALL("cloudresourcemanager", "UpdateProject")},

    {FB_T_LOG_TAMPER, true, CALL("logging", "google.logging.v2.ConfigServiceV2.DeleteSink")},
    {FB_T_LOG_TAMPER, true, CALL("logging", "google.logging.v2.ConfigServiceV2.CreateExclusion")},
    {FB_T_LOG_TAMPER, true,
     CALL("cloudresourcemanager", "SetIamPolicy", .payload = AUDIT_DELTA("REMOVE", ""))},
    {FB_T_LOG_TAMPER, true,
     CALL("cloudresourcemanager", "SetIamPolicy",
          .payload = AUDIT_DELTA("ADD", ",'exemptedMember':'user:x@acme.example'"))},
    {FB_T_LOG_TAMPER, true,
     CALL("compute", "v1.compute.subnetworks.patch", .request = "{'enableFlowLogs':false}")},
    {FB_T_LOG_TAMPER, true,
     CALL("logging", "google.logging.v2.ConfigServiceV2.UpdateBucket",
          .request = "{'bucket':{'retentionDays':1}}")},
    {FB_T_LOG_TAMPER, false, CALL("logging", "google.logging.v2.ConfigServiceV2.CreateSink")},
    {FB_T_LOG_TAMPER, false,
     CALL("cloudresourcemanager", "SetIamPolicy", .payload = AUDIT_DELTA("ADD", ""))},
    {FB_T_LOG_TAMPER, false,
     CALL("compute", "v1.compute.subnetworks.patch", .request = "{'enableFlowLogs':true}")},
    {FB_T_LOG_TAMPER, false,
     CALL("logging", "google.logging.v2.ConfigServiceV2.UpdateBucket",
          .request = "{'bucket':{'retentionDays':30}}")},

    {FB_T_DETECTOR_TAMPER, true,
     CALL("securitycenter",
          "google.cloud.securitycenter.settings.v1beta2.SecurityCenterSettingsService."
          "UpdateEventThreatDetectionSettings",
          .request = "{'eventThreatDetectionSettings':{'serviceEnablementState':'DISABLED'}}")},
    {FB_T_DETECTOR_TAMPER, true,
     CALL("securitycenter", "google.cloud.securitycenter.v1.SecurityCenter.CreateMuteConfig")},
    {FB_T_DETECTOR_TAMPER, true,
     CALL("serviceusage", "google.api.serviceusage.v1.ServiceUsage.DisableService",
          .resource = "projects/1/services/securitycenter.googleapis.com")},
    {FB_T_DETECTOR_TAMPER, false,
     CALL("securitycenter",
          "google.cloud.securitycenter.settings.v1beta2.SecurityCenterSettingsService."
          "UpdateEventThreatDetectionSettings",
          .request = "{'eventThreatDetectionSettings':{'serviceEnablementState':'ENABLED'}}")},
    {FB_T_DETECTOR_TAMPER, false,
     CALL("serviceusage", "google.api.serviceusage.v1.ServiceUsage.DisableService",
          .resource = "projects/1/services/dns.googleapis.com")},

    {FB_T_LEAVE_ORG, true, CALL("cloudresourcemanager", "MoveProject")},
    {FB_T_LEAVE_ORG, false, CALL("cloudresourcemanager", "UndeleteProject")},

    {FB_T_MFA_REMOVE, true, CALL("login", "google.login.LoginService.2svDisable")},
    {FB_T_MFA_REMOVE, false, CALL("login", "google.login.LoginService.2svEnroll")},

    {FB_T_SELF_CLEANUP, true, CALL("iam", "google.iam.admin.v1.DeleteServiceAccount")},
    {FB_T_SELF_CLEANUP, false, CALL("iam", "google.iam.admin.v1.DeleteServiceAccountKey")},

    {FB_T_DENY_REMOVED, true, CALL("iam", "google.iam.admin.v1.EnableServiceAccount")},
    {FB_T_DENY_REMOVED, true, CALL("iam", "google.iam.admin.v1.EnableServiceAccountKey")},
    {FB_T_DENY_REMOVED, true,
     CALL("iam", "google.iam.v2.Policies.DeletePolicy",
          .resource = "policies/p/denypolicies/firebreak-1")},
    {FB_T_DENY_REMOVED, false, CALL("iam", "google.iam.admin.v1.DisableServiceAccount")},
    {FB_T_DENY_REMOVED, false,
     CALL("iam", "google.iam.v2.Policies.DeletePolicy", .resource = "policies/p/denypolicies/x")},

    {FB_T_SENSOR_TAMPER, true,
     CALL("pubsub", "google.pubsub.v1.Publisher.DeleteTopic",
          .resource = "projects/p/topics/firebreak-events")},
    {FB_T_SENSOR_TAMPER, true,
     CALL("run", "google.cloud.run.v1.Services.ReplaceService",
          .resource = "projects/p/locations/l/services/firebreak")},
    {FB_T_SENSOR_TAMPER, false,
     CALL("pubsub", "google.pubsub.v1.Publisher.GetTopic",
          .resource = "projects/p/topics/firebreak-events")},
    {FB_T_SENSOR_TAMPER, false,
     CALL("pubsub", "google.pubsub.v1.Publisher.DeleteTopic", .resource = "projects/p/topics/x")},

    {FB_T_MINT, true,
     CALL("iamcredentials", "google.iam.credentials.v1.IAMCredentials.GenerateAccessToken")},
    {FB_T_MINT, false,
     CALL("iamcredentials", "google.iam.credentials.v1.IAMCredentials.GetAllowedLocations")},

    {FB_T_QUOTA_READ, true, CALL("compute", "v1.compute.regions.list")},
    {FB_T_QUOTA_READ, false, CALL("compute", "v1.compute.zones.list")},
    {FB_T_QUOTA_ASK, true,
     CALL("cloudquotas", "google.api.cloudquotas.v1.CloudQuotas.CreateQuotaPreference")},
    {FB_T_QUOTA_ASK, false,
     CALL("cloudquotas", "google.api.cloudquotas.v1.CloudQuotas.ListQuotaPreferences")},

    {FB_T_DATA_SHARED_OUT, true,
     CALL("compute", "v1.compute.disks.setIamPolicy",
          .request = BINDINGS("roles/owner", "user:dave@gmail.com"))},
    {FB_T_DATA_SHARED_OUT, true,
     CALL("storage", "storage.setIamPermissions",
          .payload = DELTA("ADD", "roles/storage.objectViewer", "allUsers"))},
    {FB_T_DATA_SHARED_OUT, false,
     CALL("storage", "storage.setIamPermissions",
          .payload = DELTA("ADD", "roles/storage.objectViewer", "user:dave@acme.example"))},
    {FB_T_DATA_SHARED_OUT, false,
     CALL("compute", "v1.compute.instances.setIamPolicy",
          .request = BINDINGS("roles/owner", "user:dave@gmail.com"))},

    {FB_T_COMMITMENT, true, CALL("compute", "v1.compute.regionCommitments.insert")},
    {FB_T_COMMITMENT, false, CALL("compute", "v1.compute.regionCommitments.list")},

    {FB_T_PERMISSION_PROBE, true, CALL("cloudresourcemanager", "TestIamPermissions")},
    {FB_T_PERMISSION_PROBE, true, CALL("storage", "storage.testIamPermissions")},
    {FB_T_PERMISSION_PROBE, false, CALL("cloudresourcemanager", "GetIamPolicy")},

    {FB_T_CODE_OVERWRITE, true,
     CALL("cloudfunctions", "google.cloud.functions.v1.CloudFunctionsService.UpdateFunction")},
    {FB_T_CODE_OVERWRITE, true,
     CALL("compute", "v1.compute.instances.setMetadata",
          .payload = "'metadata':{'instanceMetaDataDelta':{'addedMetadataKeys':["
                     "'startup-script']}}")},
    {FB_T_CODE_OVERWRITE, false,
     CALL("compute", "v1.compute.instances.setMetadata",
          .payload = "'metadata':{'instanceMetaDataDelta':{'addedMetadataKeys':['owner']}}")},

    {FB_T_REMOTE_EXEC, true, CALL("k8s", "io.k8s.core.v1.pods.exec.create")},
    {FB_T_REMOTE_EXEC, true,
     CALL("oslogin", "google.cloud.oslogin.v1.OsLoginService.ImportSshPublicKey")},
    {FB_T_REMOTE_EXEC, false, CALL("k8s", "io.k8s.core.v1.pods.create")},

    {FB_T_SECRET_READ, true,
     CALL("secretmanager",
          "google.cloud.secretmanager.v1.SecretManagerService.AccessSecretVersion")},
    {FB_T_SECRET_READ, false,
     CALL("secretmanager", "google.cloud.secretmanager.v1.SecretManagerService.ListSecrets")},

    {FB_T_DATA_DESTROY, true, CALL("compute", "v1.compute.snapshots.delete")},
    {FB_T_DATA_DESTROY, true, CALL("cloudsql", "cloudsql.instances.delete")},
    {FB_T_DATA_DESTROY, true, CALL("storage", "storage.buckets.delete")},
    {FB_T_DATA_DESTROY, true,
     CALL("cloudkms", "google.cloud.kms.v1.KeyManagementService.DestroyCryptoKeyVersion")},
    {FB_T_DATA_DESTROY, false, CALL("storage", "storage.objects.delete")},
    {FB_T_DATA_DESTROY, false, CALL("compute", "v1.compute.instances.delete")},

    {FB_T_API_ENABLE_COMPUTE, true,
     CALL("serviceusage", "google.api.serviceusage.v1.ServiceUsage.EnableService",
          .resource = "projects/1/services/compute.googleapis.com")},
    {FB_T_API_ENABLE_COMPUTE, true,
     CALL("serviceusage", "google.api.serviceusage.v1.ServiceUsage.BatchEnableServices",
          .request = "{'serviceIds':['dns.googleapis.com','batch.googleapis.com']}")},
    {FB_T_API_ENABLE_COMPUTE, false,
     CALL("serviceusage", "google.api.serviceusage.v1.ServiceUsage.EnableService",
          .resource = "projects/1/services/dns.googleapis.com")},

    {FB_T_SSH_METADATA, true, CALL("compute", "v1.compute.projects.setCommonInstanceMetadata")},
    {FB_T_SSH_METADATA, true,
     CALL("compute", "v1.compute.instances.setMetadata",
          .payload = "'metadata':{'instanceMetaDataDelta':{'modifiedMetadataKeys':['ssh-keys']}}")},
    {FB_T_SSH_METADATA, true,
     CALL("compute", "v1.compute.instances.setMetadata",
          .request = "{'items':[{'key':'ssh-keys'}]}")},
    {FB_T_SSH_METADATA, false,
     CALL("compute", "v1.compute.projects.setCommonInstanceMetadata",
          .payload = "'metadata':{'projectMetadataDelta':{'addedMetadataKeys':['team']}}")},
    {FB_T_SSH_METADATA, false,
     CALL("compute", "v1.compute.projects.setCommonInstanceMetadata",
          .payload = "'metadata':{'projectMetadataDelta':{'deletedMetadataKeys':['ssh-keys']}}")},

    {FB_T_SA_IMPERSONATION, true,
     CALL("iamcredentials", "google.iam.credentials.v1.IAMCredentials.SignJwt", CAROL,
          "projects/-/serviceAccounts/" ROBOT)},
    {FB_T_SA_IMPERSONATION, false,
     CALL("iamcredentials", "google.iam.credentials.v1.IAMCredentials.SignJwt", ROBOT_BY_KEY,
          "projects/-/serviceAccounts/" ROBOT)},

    {FB_T_MODEL_INVOKE, true,
     CALL("aiplatform", "google.cloud.aiplatform.v1.PredictionService.StreamGenerateContent",
          .payload = "'authorizationInfo':[{'permissionType':'DATA_READ'}]")},
    {FB_T_MODEL_INVOKE, true,
     CALL("aiplatform", "google.cloud.aiplatform.v1.PredictionService.RawPredict",
          .resource = "projects/p/locations/us-east5/publishers/anthropic/models/c")},
    {FB_T_MODEL_INVOKE, true,
     CALL("generativelanguage",
          "google.ai.generativelanguage.v1.GenerativeService.GenerateContent")},
    {FB_T_MODEL_INVOKE, false,
     CALL("aiplatform", "google.cloud.aiplatform.v1.PredictionService.Predict",
          .resource = "projects/p/locations/us-central1/endpoints/77")},
    {FB_T_MODEL_INVOKE, false,
     CALL("aiplatform", "google.cloud.aiplatform.v1.LlmUtilityService.CountTokens")},
    {FB_T_MODEL_ACCESS, true,
     CALL("aiplatform",
          "google.cloud.aiplatform.v1beta1.ModelGardenService.AcceptPublisherModelEula")},
    {FB_T_MODEL_ACCESS, true,
     CALL("serviceusage", "google.api.serviceusage.v1.ServiceUsage.EnableService",
          .resource = "projects/1/services/generativelanguage.googleapis.com")},
    {FB_T_MODEL_ACCESS, false,
     CALL("aiplatform", "google.cloud.aiplatform.v1.ModelGardenService.GetPublisherModel")},
    {FB_T_MODEL_ACCESS, false,
     CALL("serviceusage", "google.api.serviceusage.v1.ServiceUsage.EnableService",
          .resource = "projects/1/services/compute.googleapis.com")},
    {FB_T_COMPUTE_CREATE, true,
     CALL("aiplatform", "google.cloud.aiplatform.v1.JobService.CreatePersistentResource")},
    {FB_T_COMPUTE_CREATE, false,
     CALL("aiplatform", "google.cloud.aiplatform.v1.EndpointService.CreateEndpoint")},
    {FB_T_COMPUTE_CREATE, true,
     CALL("dataproc",
          "google.cloud.dataproc.v1.WorkflowTemplateService.InstantiateInlineWorkflowTemplate")},
    {FB_T_COMPUTE_CREATE, false,
     CALL("dataproc", "google.cloud.dataproc.v1.WorkflowTemplateService.CreateWorkflowTemplate")},
    {FB_T_NEW_IDENTITY, true, CALL("apikeys", "google.api.apikeys.v2.ApiKeys.CreateKey")},
    {FB_T_NEW_IDENTITY, false, CALL("apikeys", "google.api.apikeys.v2.ApiKeys.DeleteKey")},
    {FB_T_EXTERNAL_TRUST, true,
     CALL("cloudresourcemanager", "SetIamPolicy",
          .payload = DELTA("ADD", "roles/viewer", "user:dave@elsewhere.example"))},
    {FB_T_EXTERNAL_TRUST, false,
     CALL("cloudresourcemanager", "SetIamPolicy",
          .payload = DELTA("ADD", "roles/viewer", "user:dave@eu.acme.example"))},
    {FB_T_EXTERNAL_TRUST, false,
     CALL("cloudresourcemanager", "SetIamPolicy", ROBOT_BY_KEY,
          .payload = DELTA("ADD", "roles/viewer", "user:dave@elsewhere.example"))},
    {FB_T_DATA_SHARED_OUT, true,
     CALL("compute", "v1.compute.images.setIamPolicy",
          .request = BINDINGS("roles/owner", "user:dave@elsewhere.example"))},
    {FB_T_REMOTE_EXEC, true,
     CALL("cloudresourcemanager", "SetIamPolicy",
          .payload = DELTA("ADD", "roles/iap.tunnelResourceAccessor", "serviceAccount:" OTHER))},
    {FB_T_REMOTE_EXEC, false,
     CALL("cloudresourcemanager", "SetIamPolicy",
          .payload = DELTA("ADD", "roles/iap.httpsResourceAccessor", "serviceAccount:" OTHER))},
    {FB_T_LOG_TAMPER, true, CALL("dns", "dns.policies.delete")},
    {FB_T_LOG_TAMPER, true,
     CALL("dns", "dns.policies.patch", .request = "{'enableLogging':false}")},
    {FB_T_LOG_TAMPER, false,
     CALL("dns", "dns.policies.patch", .request = "{'enableLogging':true}")},
    {FB_T_LOG_TAMPER, false, CALL("dns", "dns.managedZones.delete")},
    {FB_T_LOG_TAMPER, true,
     CALL("container", "google.container.v1.ClusterManager.SetLoggingService",
          .request = "{'loggingService':'none'}")},
    {FB_T_LOG_TAMPER, false,
     CALL("container", "google.container.v1.ClusterManager.SetLoggingService",
          .request = "{'loggingService':'logging.googleapis.com/kubernetes'}")},
    {FB_T_DETECTOR_TAMPER, false,
     CALL("securitycenter", "google.cloud.securitycenter.v1.SecurityCenter.GetMuteConfig")},
    {FB_T_PERMISSION_PROBE, true,
     CALL("cloudasset", "google.cloud.asset.v1.AssetService.SearchAllIamPolicies")},
    {FB_T_PERMISSION_PROBE, false,
     CALL("cloudasset", "google.cloud.asset.v1.AssetService.SearchAllResources")},
    {FB_T_SSH_METADATA, true,
     CALL("compute", "v1.compute.instances.setMetadata",
          .payload =
              "'metadata':{'instanceMetaDataDelta':{'addedMetadataKeys':['windows-keys']}}")},
    {FB_T_CODE_OVERWRITE, true,
     CALL("notebooks", "google.cloud.notebooks.v2.NotebookService.UpdateInstance",
          .request = "{'instance':{'gceSetup':{'metadata':{'post-startup-script':'gs://x/y'}}}}")},
    {FB_T_CODE_OVERWRITE, false,
     CALL("notebooks", "google.cloud.notebooks.v2.NotebookService.UpdateInstance",
          .request = "{'instance':{'gceSetup':{'metadata':{'team':'blue'}}}}")},
    {FB_T_DATA_DESTROY, true, CALL("cloudresourcemanager", "DeleteProject")},
    {FB_T_DATA_DESTROY, true,
     CALL("secretmanager",
          "google.cloud.secretmanager.v1.SecretManagerService.DestroySecretVersion")},
    {FB_T_DATA_DESTROY, false,
     CALL("secretmanager",
          "google.cloud.secretmanager.v1.SecretManagerService.DisableSecretVersion")},

    {FB_T_OFFENSIVE_UA, true,
     CALL("compute", "v1.compute.zones.list",
          .payload = "'requestMetadata':{'callerSuppliedUserAgent':'gcloud Linux kali'}")},
    {FB_T_OFFENSIVE_UA, false,
     CALL("compute", "v1.compute.zones.list",
          .payload = "'requestMetadata':{'callerSuppliedUserAgent':'kaliber/1'}")},
};

static void each_action_sets_its_trait_and_its_near_miss_does_not(void **state)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fb_event ev = read_entry(*state, rows[i].entry);

        if (fb_event_is(&ev, rows[i].trait) != rows[i].sets)
            fail_msg("row %zu, %s %s: trait %s is %s", i, ev.service, ev.action,
                     fb_trait_name(rows[i].trait), rows[i].sets ? "missing" : "set");
    }
}

/* What Google has no call for, or what the outcome, a notice or a finding sets. */
static void no_trait_that_google_knows_is_without_an_example_and_a_near_miss(void **state)
{
    static const enum fb_trait elsewhere[] = {
        FB_T_DRY_RUN,           FB_T_QUOTA_ERROR,     FB_T_CAPACITY_ERROR,    FB_T_NEW_ROLE,
        FB_T_KEYPAIR,           FB_T_REGION_ENABLE,   FB_T_QUARANTINE_POLICY, FB_T_LEAK_NOTICE,
        FB_T_VENDOR_CREDENTIAL, FB_T_VENDOR_CRYPTO,   FB_T_VENDOR_SEQUENCE,   FB_T_VENDOR_ANOMALY,
        FB_T_FEDERATION_TOKEN,  FB_T_CALLER_IDENTITY, FB_T_ROOT_ACTIVITY,     FB_T_CONSOLE_NO_MFA,
        FB_T_MAIL_OR_LLM_PROBE, FB_T_CONTAINER_MINER, FB_T_COST_ANOMALY,
        FB_T_LISTED_NETWORK /* the operator's list says it, no record does */};
    uint64_t set = 0, missed = 0;

    (void)state;
    for (size_t i = 0; i < sizeof elsewhere / sizeof elsewhere[0]; i++)
        set |= fb_trait_bit(elsewhere[i]);
    missed = set;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        *(rows[i].sets ? &set : &missed) |= fb_trait_bit(rows[i].trait);
    for (unsigned t = 0; t < FB_T_COUNT; t++)
        if (!((set & missed) & fb_trait_bit((enum fb_trait)t)))
            fail_msg("no example, or no near miss, of %s", fb_trait_name((enum fb_trait)t));
}

static void the_outsider_and_the_zone_are_named(void **state)
{
    struct fb_event ev = read_entry(
        *state, (struct entry)CALL("cloudresourcemanager", "SetIamPolicy",
                                   .payload = DELTA("ADD", "roles/viewer", "user:Dave@Gmail.com")));

    assert_string_equal(ev.outsider, "dave@gmail.com");
    ev = read_entry(*state, (struct entry)CALL(
                                "storage", "storage.setIamPermissions",
                                .payload = DELTA("ADD", "roles/storage.objectViewer", "allUsers")));
    assert_string_equal(ev.outsider, "*");
    ev = read_entry(*state,
                    (struct entry)CALL("compute", "v1.compute.instances.insert",
                                       .resource = "projects/p/zones/us-east1-b/instances/x"));
    assert_string_equal(ev.launch.zone, "us-east1-b");
    assert_string_equal(ev.outsider, "");
}

static void a_refused_call_carries_its_trait_and_the_outcome_says_denied(void **state)
{
    struct fb_event ev = read_entry(
        *state, (struct entry)CALL("logging", "google.logging.v2.ConfigServiceV2.DeleteSink",
                                   .payload = "'status':{'code':7}"));

    assert_trait(&ev, FB_T_LOG_TAMPER, true);
    assert_int_equal(ev.outcome, FB_OUTCOME_DENIED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(each_action_sets_its_trait_and_its_near_miss_does_not),
        FB_TEST(no_trait_that_google_knows_is_without_an_example_and_a_near_miss),
        FB_TEST(the_outsider_and_the_zone_are_named),
        FB_TEST(a_refused_call_carries_its_trait_and_the_outcome_says_denied),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* gcp_actions.c - the one table that says what a Google call does: service, method name without
 * version and prefix, traits, and where the request decides, a function that reads it. Order of
 * sections: the signal table's. */
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "normalize/gcp_in.h"

#define B(t) FB_NORM_BIT(FB_T_##t)

/* The method may hold '*'. The first row that fits counts; "" as service fits every service. */
static const struct action {
    const char *service; /* first label of serviceName */
    const char *name;
    uint64_t traits;
    void (*refine)(struct fb_gcp_call *g);
} actions[] = {
    /* Compute that is billed. */
    {"compute", "instances.insert", B(COMPUTE_CREATE), fb_gcp_insert},
    {"compute", "instances.bulkInsert", B(COMPUTE_CREATE), fb_gcp_bulk_insert},
    {"compute", "regionInstances.bulkInsert", B(COMPUTE_CREATE), fb_gcp_bulk_insert},
    {"compute", "instances.start*", B(COMPUTE_CREATE), NULL},
    {"compute", "instances.resume", B(COMPUTE_CREATE), NULL},
    /* instanceGroupManagers and regionInstanceGroupManagers alike; so with autoscalers. */
    {"compute", "*nstanceGroupManagers.insert", B(COMPUTE_CREATE), fb_gcp_group},
    {"compute", "*nstanceGroupManagers.resize*", B(COMPUTE_CREATE), fb_gcp_group},
    {"compute", "*nstanceGroupManagers.createInstances", B(COMPUTE_CREATE), fb_gcp_group},
    {"compute", "*nstanceGroupManagers.patch", B(COMPUTE_CREATE), fb_gcp_group},
    {"compute", "*nstanceGroupManagers.update", B(COMPUTE_CREATE), fb_gcp_group},
    {"compute", "*utoscalers.insert", B(COMPUTE_CREATE), fb_gcp_group},
    {"compute", "*utoscalers.update", B(COMPUTE_CREATE), fb_gcp_group},
    {"compute", "*utoscalers.patch", B(COMPUTE_CREATE), fb_gcp_group},
    {"compute", "reservations.insert", B(COMPUTE_CREATE), NULL},
    {"compute", "futureReservations.insert", B(COMPUTE_CREATE), NULL},
    {"compute", "nodeGroups.insert", B(COMPUTE_CREATE), NULL},
    {"compute", "nodeGroups.addNodes", B(COMPUTE_CREATE), NULL},
    {"compute", "*nstanceTemplates.insert", 0, fb_gcp_template},
    {"container", "CreateCluster", B(COMPUTE_CREATE), fb_gcp_node_pool},
    {"container", "CreateNodePool", B(COMPUTE_CREATE), fb_gcp_node_pool},
    {"container", "SetNodePoolSize", B(COMPUTE_CREATE), fb_gcp_node_pool},
    {"container", "SetNodePoolAutoscaling", B(COMPUTE_CREATE), fb_gcp_node_pool},
    {"aiplatform", "CreateCustomJob", B(COMPUTE_CREATE), fb_gcp_managed},
    {"aiplatform", "CreateHyperparameterTuningJob", B(COMPUTE_CREATE), fb_gcp_managed},
    {"aiplatform", "CreateBatchPredictionJob", B(COMPUTE_CREATE), fb_gcp_managed},
    {"aiplatform", "CreateTrainingPipeline", B(COMPUTE_CREATE), fb_gcp_managed},
    {"aiplatform", "CreatePipelineJob", B(COMPUTE_CREATE), NULL},
    {"aiplatform", "CreateNotebookRuntime*", B(COMPUTE_CREATE), fb_gcp_managed},
    {"aiplatform", "AssignNotebookRuntime", B(COMPUTE_CREATE), fb_gcp_managed},
    {"aiplatform", "DeployModel", B(COMPUTE_CREATE), fb_gcp_managed},
    {"aiplatform", "*GenerateContent", B(COMPUTE_CREATE) | B(MODEL_INVOKE), NULL},
    {"aiplatform", "ChatCompletions", B(COMPUTE_CREATE) | B(MODEL_INVOKE), NULL},
    {"aiplatform", "AcceptPublisherModelEula", B(MODEL_ACCESS), NULL},
    {"aiplatform", "SetPublisherModelConfig", B(MODEL_ACCESS), NULL},
    {"aiplatform", "DeployPublisherModel", B(COMPUTE_CREATE), fb_gcp_managed},
    {"aiplatform", "Deploy", B(COMPUTE_CREATE), fb_gcp_managed}, /* out of the Model Garden */
    {"aiplatform", "CreatePersistentResource", B(COMPUTE_CREATE), fb_gcp_managed},
    {"aiplatform", "CreateNotebookExecutionJob", B(COMPUTE_CREATE), fb_gcp_managed},
    {"aiplatform", "CreateTuningJob", B(COMPUTE_CREATE), NULL},
    {"aiplatform", "*Predict*", 0, fb_gcp_model_call},
    {"generativelanguage", "*GenerateContent", B(COMPUTE_CREATE) | B(MODEL_INVOKE), NULL},
    {"ml", "*Create*Job", B(COMPUTE_CREATE), fb_gcp_managed},
    {"notebooks", "CreateInstance", B(COMPUTE_CREATE), fb_gcp_managed},
    {"notebooks", "CreateRuntime", B(COMPUTE_CREATE), fb_gcp_managed},
    {"notebooks", "StartInstance", B(COMPUTE_CREATE), NULL},
    {"run", "CreateService", B(COMPUTE_CREATE), NULL},
    {"run", "CreateJob", B(COMPUTE_CREATE), NULL},
    {"run", "RunJob", B(COMPUTE_CREATE), NULL},
    {"run", "CreateWorkerPool", B(COMPUTE_CREATE), NULL},
    {"cloudfunctions", "CreateFunction", B(COMPUTE_CREATE), NULL},
    {"appengine", "CreateVersion", B(COMPUTE_CREATE), NULL},
    {"dataproc", "CreateCluster", B(COMPUTE_CREATE), fb_gcp_managed},
    {"dataproc", "CreateBatch", B(COMPUTE_CREATE), NULL},
    {"dataproc", "Instantiate*WorkflowTemplate", B(COMPUTE_CREATE), NULL},
    {"datafusion", "CreateInstance", B(COMPUTE_CREATE), NULL},
    {"lifesciences", "RunPipeline", B(COMPUTE_CREATE), NULL},
    {"dataflow", "*jobs.create", B(COMPUTE_CREATE), NULL},
    {"dataflow", "*aunch*", B(COMPUTE_CREATE), NULL},
    {"dataflow", "CreateJob*", B(COMPUTE_CREATE), NULL},
    {"batch", "CreateJob", B(COMPUTE_CREATE), fb_gcp_managed},
    {"tpu", "CreateNode", B(COMPUTE_CREATE), NULL},
    {"tpu", "CreateQueuedResource", B(COMPUTE_CREATE), NULL},
    {"cloudbuild", "CreateBuild", B(COMPUTE_CREATE), NULL},
    {"cloudbuild", "RunBuildTrigger", B(COMPUTE_CREATE), NULL},
    {"cloudbuild", "CreateWorkerPool", B(COMPUTE_CREATE), NULL},
    {"composer", "CreateEnvironment", B(COMPUTE_CREATE), NULL},
    {"workstations", "CreateWorkstation", B(COMPUTE_CREATE), NULL},
    {"workstations", "StartWorkstation", B(COMPUTE_CREATE), NULL},
    {"vmwareengine", "CreatePrivateCloud", B(COMPUTE_CREATE), NULL},
    {"deploymentmanager", "deployments.insert", B(COMPUTE_CREATE), NULL},
    {"config", "CreateDeployment", B(COMPUTE_CREATE), NULL},

    /* Bought for months: nothing gives the money back. */
    {"compute", "regionCommitments.insert", B(COMMITMENT), NULL},

    /* Limits: looked at, asked to grow; services switched on and off. */
    {"compute", "regions.list", B(QUOTA_READ), NULL},
    {"cloudquotas", "*QuotaInfo*", B(QUOTA_READ), NULL},
    {"serviceusage", "*ConsumerQuota*", B(QUOTA_READ), NULL},
    {"cloudquotas", "CreateQuotaPreference", B(QUOTA_ASK), NULL},
    {"cloudquotas", "UpdateQuotaPreference", B(QUOTA_ASK), NULL},
    {"serviceusage", "*ConsumerOverride*", B(QUOTA_ASK), NULL},
    {"serviceusage", "*EnableService*", 0, fb_gcp_enable_service},
    {"servicemanagement", "*ctivateService*", 0, fb_gcp_enable_service},
    {"serviceusage", "DisableService", 0, fb_gcp_disable_service},

    /* Looking around. */
    {"", "*estIamPermissions", B(PERMISSION_PROBE), NULL},
    {"cloudasset", "AnalyzeIamPolicy*", B(PERMISSION_PROBE), NULL},
    {"cloudasset", "SearchAllIamPolicies", B(PERMISSION_PROBE), NULL},

    /* Ways to stay. */
    {"iam", "CreateServiceAccount", B(NEW_IDENTITY), fb_gcp_service_account},
    {"iam", "CreateServiceAccountKey", 0, fb_gcp_key},
    {"iam", "UploadServiceAccountKey", 0, fb_gcp_key},
    {"iam", "EnableServiceAccount*", B(DENY_REMOVED), NULL},
    {"iam", "UndeleteServiceAccount", B(DENY_REMOVED), NULL},
    {"iam", "DeleteServiceAccount", B(SELF_CLEANUP), NULL},
    {"iam", "DeletePolicy", 0, fb_gcp_our_policy},
    {"iam", "UpdatePolicy", 0, fb_gcp_our_policy},
    {"iam", "CreateWorkloadIdentityPool*", B(IDP_BACKDOOR), NULL},
    {"iam", "UpdateWorkloadIdentityPool*", B(IDP_BACKDOOR), NULL},
    {"iam", "CreateWorkforcePool*", B(IDP_BACKDOOR), NULL},
    {"iam", "UpdateWorkforcePool*", B(IDP_BACKDOOR), NULL},
    {"storage", "*hmacKeys.create", 0, fb_gcp_hmac_key},
    {"apikeys", "CreateKey", B(NEW_IDENTITY), NULL}, /* belongs to nobody, opens models and maps */
    {"apikeys", "UndeleteKey", B(NEW_IDENTITY), NULL},
    {"cloudresourcemanager", "InsertProjectOwnershipInvite", 0, fb_gcp_member},
    {"cloudresourcemanager", "CreateProject", B(ORG_ACCOUNT), NULL},
    {"cloudbilling", "UpdateProjectBillingInfo", B(ORG_ACCOUNT), NULL},
    {"cloudbilling", "AssignResourceToBillingAccount", B(ORG_ACCOUNT), NULL},
    {"compute", "firewalls.insert", 0, fb_gcp_firewall},
    {"compute", "firewalls.patch", 0, fb_gcp_firewall},
    {"compute", "firewalls.update", 0, fb_gcp_firewall},
    {"compute", "instances.setMetadata", 0, fb_gcp_metadata},
    {"compute", "projects.setCommonInstanceMetadata", 0, fb_gcp_metadata},
    {"compute", "instances.setServiceAccount", 0, fb_gcp_machine_account},
    {"k8s", "clusterrolebindings.create", 0, fb_gcp_cluster_role},
    {"admin", "createUser", B(NEW_IDENTITY), NULL},
    {"admin", "assignRole", B(ADMIN_GRANT), NULL},
    {"admin", "grantAdminPrivilege", B(ADMIN_GRANT), NULL},
    {"admin", "changePassword", B(LOGIN_PROFILE), NULL},
    {"admin", "inboundSsoProfileCreated", B(IDP_BACKDOOR), NULL},
    {"admin", "inboundSsoProfileUpdated", B(IDP_BACKDOOR), NULL},

    /* Ways to stay unseen. */
    {"logging", "DeleteSink", B(LOG_TAMPER), NULL},
    {"logging", "UpdateSink", B(LOG_TAMPER), NULL},
    {"logging", "CreateExclusion", B(LOG_TAMPER), NULL},
    {"logging", "UpdateExclusion", B(LOG_TAMPER), NULL},
    {"logging", "DeleteBucket", B(LOG_TAMPER), NULL},
    {"logging", "DeleteLog", B(LOG_TAMPER), NULL},
    {"logging", "UpdateBucket*", 0, fb_gcp_log_bucket},
    {"dns", "policies.delete", B(LOG_TAMPER), NULL}, /* a policy that logs queries, most of all */
    {"dns", "policies.patch", 0, fb_gcp_dns_policy},
    {"dns", "policies.update", 0, fb_gcp_dns_policy},
    {"container", "SetLoggingService", 0, fb_gcp_cluster_logging},
    {"container", "UpdateCluster", 0, fb_gcp_cluster_logging},
    {"compute", "subnetworks.patch", 0, fb_gcp_flow_logs},
    {"securitycenter", "Update*Settings", 0, fb_gcp_detector},
    {"securitycentermanagement", "UpdateSecurityCenterService", 0, fb_gcp_detector},
    {"securitycentermanagement", "Update*Module", 0, fb_gcp_detector},
    {"securitycenter", "CreateMuteConfig", B(DETECTOR_TAMPER), NULL},
    {"securitycenter", "UpdateMuteConfig", B(DETECTOR_TAMPER), NULL},
    {"securitycenter", "BulkMuteFindings", B(DETECTOR_TAMPER), NULL},
    {"securitycenter", "DeleteNotificationConfig", B(DETECTOR_TAMPER), NULL},
    {"securitycenter", "UpdateNotificationConfig", B(DETECTOR_TAMPER), NULL},
    {"cloudresourcemanager", "MoveProject", B(LEAVE_ORG), NULL},
    {"login", "2svDisable", B(MFA_REMOVE), NULL},
    {"admin", "turnOff2StepVerification", B(MFA_REMOVE), NULL},
    {"compute", "instances.setDeletionProtection", 0, fb_gcp_deletion_protection},

    /* Fresh credentials. */
    {"iamcredentials", "GenerateAccessToken", B(MINT), fb_gcp_mint},
    {"iamcredentials", "GenerateIdToken", B(MINT), fb_gcp_mint},
    {"iamcredentials", "SignBlob", B(MINT), fb_gcp_mint},
    {"iamcredentials", "SignJwt", B(MINT), fb_gcp_mint},
    {"iam", "SignBlob", B(MINT), fb_gcp_mint},
    {"iam", "SignJwt", B(MINT), fb_gcp_mint},
    {"sts", "ExchangeToken", B(MINT), NULL},

    /* Secrets, other people's machines and code, and what nobody can make again. */
    {"secretmanager", "AccessSecretVersion", B(SECRET_READ), NULL},
    {"parametermanager", "RenderParameterVersion", B(SECRET_READ), NULL},
    {"k8s", "secrets.get", B(SECRET_READ), NULL},
    {"k8s", "secrets.list", B(SECRET_READ), NULL},
    {"k8s", "pods.exec.*", B(REMOTE_EXEC), NULL},
    {"k8s", "pods.attach.*", B(REMOTE_EXEC), NULL},
    {"oslogin", "ImportSshPublicKey", B(REMOTE_EXEC), NULL},
    {"oslogin", "CreateSshPublicKey", B(REMOTE_EXEC), NULL},
    {"osconfig", "ExecutePatchJob", B(REMOTE_EXEC), NULL},
    {"osconfig", "CreateOSPolicyAssignment", B(REMOTE_EXEC), NULL},
    {"cloudfunctions", "UpdateFunction", B(CODE_OVERWRITE), NULL},
    {"notebooks", "UpdateInstance*", 0, fb_gcp_notebook},
    {"compute", "snapshots.delete", B(DATA_DESTROY), NULL},
    {"compute", "machineImages.delete", B(DATA_DESTROY), NULL},
    {"cloudsql", "instances.delete", B(DATA_DESTROY), NULL},
    {"cloudsql", "backupRuns.delete", B(DATA_DESTROY), NULL},
    {"storage", "buckets.delete", B(DATA_DESTROY), NULL},
    {"cloudkms", "DestroyCryptoKeyVersion", B(DATA_DESTROY), NULL},
    {"bigquery", "*eleteDataset", B(DATA_DESTROY), NULL},
    {"bigquery", "datasetservice.delete", B(DATA_DESTROY), NULL},
    {"spanner", "DropDatabase", B(DATA_DESTROY), NULL},
    {"firestore", "DeleteDatabase", B(DATA_DESTROY), NULL},
    {"compute", "images.delete", B(DATA_DESTROY), NULL},
    {"secretmanager", "DestroySecretVersion", B(DATA_DESTROY), NULL},
    {"bigtableadmin", "DeleteInstance", B(DATA_DESTROY), NULL},
    {"bigtableadmin", "DeleteTable", B(DATA_DESTROY), NULL},
    {"file", "DeleteBackup", B(DATA_DESTROY), NULL},
    {"cloudresourcemanager", "DeleteProject", B(DATA_DESTROY), NULL},
};

/* "SetIamPolicy", "SetIAMPolicy", "disks.setIamPolicy", "setIamPermissions". */
static bool sets_policy(const char *action)
{
    const char *verb = strchr(action, '.') ? fb_norm_after_last(action, '.') : action;

    return strcasecmp(verb, "setIamPolicy") == 0 || strcasecmp(verb, "setIamPermissions") == 0;
}

void fb_gcp_action(struct fb_gcp_call *g)
{
    struct fb_event *ev = g->c.ev;

    if (sets_policy(ev->action)) {
        fb_gcp_policy(g);
        return;
    }
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        const struct action *row = &actions[i];

        if ((*row->service && strcmp(row->service, ev->service) != 0) ||
            !fb_norm_like(ev->action, row->name))
            continue;
        ev->traits |= row->traits;
        if (row->refine)
            row->refine(g);
        if (fb_event_is(ev, FB_T_COMPUTE_CREATE))
            ev->launch.zone = g->zone;
        return;
    }
}

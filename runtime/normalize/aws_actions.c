/* aws_actions.c - the one table that says what an AWS call does: service, event name, traits, and
 * where the parameters decide, a function that reads them. Order of sections: the signal table's.
 */
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "normalize/norm_in.h"

#define B(t) FB_NORM_BIT(FB_T_##t)

/* The event name may end in '*': Lambda puts the API's date and a version behind some names
 * (CreateFunction20150331, AddPermission20150331v2). The first row that fits counts. */
static const struct action {
    const char *service; /* first label of eventSource */
    const char *name;
    uint64_t traits;
    void (*refine)(struct fb_norm_call *c);
} actions[] = {
    /* Compute that is billed. */
    {"ec2", "RunInstances", B(COMPUTE_CREATE), fb_norm_run_instances},
    {"ec2", "StartInstances", B(COMPUTE_CREATE), NULL},
    {"ec2", "CreateFleet", B(COMPUTE_CREATE), fb_norm_fleet},
    {"ec2", "ModifyFleet", B(COMPUTE_CREATE), fb_norm_fleet},
    {"ec2", "RequestSpotFleet", B(COMPUTE_CREATE), fb_norm_fleet},
    {"ec2", "ModifySpotFleetRequest", B(COMPUTE_CREATE), fb_norm_fleet},
    {"ec2", "RequestSpotInstances", B(COMPUTE_CREATE), fb_norm_spot_request},
    {"ec2", "CreateCapacityReservation*", B(COMPUTE_CREATE), NULL},
    {"ec2", "AllocateHosts", B(COMPUTE_CREATE), NULL},
    {"ec2", "CreateLaunchTemplate*", 0, fb_norm_launch_template},
    {"ec2", "ModifyInstanceAttribute", 0, fb_norm_instance_attribute},
    {"autoscaling", "CreateAutoScalingGroup", B(COMPUTE_CREATE), fb_norm_scaling_group},
    {"autoscaling", "UpdateAutoScalingGroup", B(COMPUTE_CREATE), fb_norm_scaling_group},
    {"autoscaling", "SetDesiredCapacity", B(COMPUTE_CREATE), fb_norm_scaling_group},
    {"ecs", "RegisterTaskDefinition", 0, fb_norm_task_definition},
    {"ecs", "RunTask", B(COMPUTE_CREATE), NULL},
    {"ecs", "StartTask", B(COMPUTE_CREATE), NULL},
    {"ecs", "CreateService", B(COMPUTE_CREATE), NULL},
    {"ecs", "UpdateService", B(COMPUTE_CREATE), NULL},
    {"eks", "CreateCluster", B(COMPUTE_CREATE), NULL},
    {"eks", "CreateNodegroup", B(COMPUTE_CREATE), fb_norm_node_group},
    {"eks", "UpdateNodegroupConfig", B(COMPUTE_CREATE), fb_norm_node_group},
    {"eks", "CreateFargateProfile", B(COMPUTE_CREATE), NULL},
    {"batch", "SubmitJob", B(COMPUTE_CREATE), NULL},
    {"batch", "CreateComputeEnvironment", B(COMPUTE_CREATE), NULL},
    {"elasticmapreduce", "RunJobFlow", B(COMPUTE_CREATE), NULL},
    {"elasticmapreduce", "AddInstanceGroups", B(COMPUTE_CREATE), NULL},
    {"emr-serverless", "StartJobRun", B(COMPUTE_CREATE), NULL},
    {"sagemaker", "CreateNotebookInstance", B(COMPUTE_CREATE), NULL},
    {"sagemaker", "CreateTrainingJob", B(COMPUTE_CREATE), NULL},
    {"sagemaker", "CreateProcessingJob", B(COMPUTE_CREATE), NULL},
    {"sagemaker", "CreateTransformJob", B(COMPUTE_CREATE), NULL},
    {"sagemaker", "CreateHyperParameterTuningJob", B(COMPUTE_CREATE), NULL},
    {"sagemaker", "CreateEndpoint", B(COMPUTE_CREATE), NULL},
    {"sagemaker", "CreateApp", B(COMPUTE_CREATE), NULL},
    {"sagemaker", "CreateCluster", B(COMPUTE_CREATE), NULL},
    {"lightsail", "CreateInstances*", B(COMPUTE_CREATE), NULL},
    {"lightsail", "CreateContainerService", B(COMPUTE_CREATE), NULL},
    {"lambda", "CreateFunctionUrlConfig*", 0, fb_norm_function_url},
    {"lambda", "UpdateFunctionUrlConfig*", 0, fb_norm_function_url},
    {"lambda", "CreateFunction*", B(COMPUTE_CREATE), fb_norm_function_created},
    {"lambda", "PutProvisionedConcurrencyConfig*", B(COMPUTE_CREATE), NULL},
    {"codebuild", "CreateProject", B(COMPUTE_CREATE), NULL},
    {"codebuild", "StartBuild*", B(COMPUTE_CREATE), NULL},
    {"amplify", "CreateApp", B(COMPUTE_CREATE), NULL},
    {"amplify", "StartJob", B(COMPUTE_CREATE), NULL},
    {"amplify", "CreateDeployment", B(COMPUTE_CREATE), NULL},
    {"glue", "CreateJob", B(COMPUTE_CREATE), NULL},
    {"glue", "StartJobRun", B(COMPUTE_CREATE), NULL},
    {"glue", "CreateDevEndpoint", B(COMPUTE_CREATE), NULL},
    {"glue", "CreateSession", B(COMPUTE_CREATE), NULL},
    {"apprunner", "CreateService", B(COMPUTE_CREATE), NULL},
    {"elasticbeanstalk", "CreateEnvironment", B(COMPUTE_CREATE), NULL},
    {"gamelift", "CreateFleet", B(COMPUTE_CREATE), NULL},
    {"workspaces", "CreateWorkspaces", B(COMPUTE_CREATE), NULL},
    {"mediapackagev2", "CreateChannel", B(COMPUTE_CREATE), NULL},
    {"bedrock", "InvokeModel*", B(COMPUTE_CREATE), NULL},
    {"bedrock", "Converse*", B(COMPUTE_CREATE), NULL},
    {"bedrock", "CreateModelInvocationJob", B(COMPUTE_CREATE), NULL},
    {"bedrock", "CreateProvisionedModelThroughput", B(COMPUTE_CREATE), NULL},
    {"cloudformation", "CreateStack", B(COMPUTE_CREATE), NULL},
    {"cloudformation", "CreateStackInstances", B(COMPUTE_CREATE), NULL},

    /* Bought for months: nothing gives the money back. */
    {"ec2", "PurchaseReservedInstancesOffering", B(COMMITMENT), NULL},
    {"ec2", "PurchaseHostReservation", B(COMMITMENT), NULL},
    {"ec2", "PurchaseScheduledInstances", B(COMMITMENT), NULL},
    {"ec2", "PurchaseCapacityBlock*", B(COMMITMENT), NULL},
    {"savingsplans", "CreateSavingsPlan", B(COMMITMENT), NULL},
    {"rds", "PurchaseReservedDBInstancesOffering", B(COMMITMENT), NULL},
    {"elasticache", "PurchaseReservedCacheNodesOffering", B(COMMITMENT), NULL},
    {"redshift", "PurchaseReservedNodeOffering", B(COMMITMENT), NULL},
    {"es", "PurchaseReserved*", B(COMMITMENT), NULL},

    /* Limits: looked at, asked to grow. */
    {"servicequotas", "GetServiceQuota", B(QUOTA_READ), NULL},
    {"servicequotas", "ListServiceQuotas", B(QUOTA_READ), NULL},
    {"servicequotas", "GetAWSDefaultServiceQuota", B(QUOTA_READ), NULL},
    {"servicequotas", "ListAWSDefaultServiceQuotas", B(QUOTA_READ), NULL},
    {"ec2", "DescribeAccountAttributes", B(QUOTA_READ), NULL},
    {"servicequotas", "RequestServiceQuotaIncrease", B(QUOTA_ASK), NULL},
    {"servicequotas", "PutServiceQuotaIncreaseRequestIntoTemplate", B(QUOTA_ASK), NULL},
    {"support", "CreateCase", 0, fb_norm_support_case},

    /* Looking around. */
    {"sts", "GetCallerIdentity", B(CALLER_IDENTITY), NULL},
    {"ses", "GetSendQuota", B(MAIL_OR_LLM_PROBE), NULL},
    {"ses", "ListIdentities", B(MAIL_OR_LLM_PROBE), NULL},
    {"ses", "ListEmailIdentities", B(MAIL_OR_LLM_PROBE), NULL},
    {"ses", "GetAccount", B(MAIL_OR_LLM_PROBE), NULL},
    {"ses", "GetAccountSendingEnabled", B(MAIL_OR_LLM_PROBE), NULL},
    {"sns", "GetSMSAttributes", B(MAIL_OR_LLM_PROBE), NULL},
    {"sns", "GetSMSSandboxAccountStatus", B(MAIL_OR_LLM_PROBE), NULL},
    {"sns", "ListOriginationNumbers", B(MAIL_OR_LLM_PROBE), NULL},
    {"bedrock", "ListFoundationModels", B(MAIL_OR_LLM_PROBE), NULL},
    {"bedrock", "GetFoundationModelAvailability", B(MAIL_OR_LLM_PROBE), NULL},
    {"bedrock", "ListFoundationModelAgreementOffers", B(MAIL_OR_LLM_PROBE), NULL},
    {"bedrock", "GetUseCaseForModelAccess", B(MAIL_OR_LLM_PROBE), NULL},
    {"bedrock", "GetModelInvocationLoggingConfiguration", B(MAIL_OR_LLM_PROBE), NULL},
    {"bedrock", "PutUseCaseForModelAccess", B(MAIL_OR_LLM_PROBE), NULL},
    {"bedrock", "CreateFoundationModelAgreement", B(MAIL_OR_LLM_PROBE), NULL},
    {"bedrock", "PutFoundationModelEntitlement", B(MAIL_OR_LLM_PROBE), NULL},
    {"iam", "SimulatePrincipalPolicy", B(PERMISSION_PROBE), NULL},
    {"iam", "SimulateCustomPolicy", B(PERMISSION_PROBE), NULL},
    {"iam", "GetAccountAuthorizationDetails", B(PERMISSION_PROBE), NULL},

    /* Ways to stay. */
    {"iam", "CreateUser", B(NEW_IDENTITY), fb_norm_create_user},
    {"identitystore", "CreateUser", B(NEW_IDENTITY), NULL},
    {"sso-directory", "CreateUser", B(NEW_IDENTITY), NULL},
    {"iam", "CreateRole", B(NEW_ROLE), fb_norm_create_role},
    {"iam", "UpdateAssumeRolePolicy", 0, fb_norm_trust},
    {"iam", "CreateAccessKey", 0, fb_norm_create_key},
    {"iam", "CreateServiceSpecificCredential", 0, fb_norm_create_key},
    {"iam", "UpdateAccessKey", 0, fb_norm_key_status},
    {"iam", "CreateLoginProfile", 0, fb_norm_login_profile},
    {"iam", "UpdateLoginProfile", 0, fb_norm_login_profile},
    {"iam", "AttachUserPolicy", 0, fb_norm_attach_policy},
    {"iam", "AttachRolePolicy", 0, fb_norm_attach_policy},
    {"iam", "AttachGroupPolicy", 0, fb_norm_attach_policy},
    {"sso", "AttachManagedPolicyToPermissionSet", 0, fb_norm_attach_policy},
    {"iam", "PutUserPolicy", 0, fb_norm_inline_policy},
    {"iam", "PutRolePolicy", 0, fb_norm_inline_policy},
    {"iam", "PutGroupPolicy", 0, fb_norm_policy_document},
    {"iam", "CreatePolicy", 0, fb_norm_policy_document},
    {"iam", "CreatePolicyVersion", 0, fb_norm_policy_document},
    {"iam", "CreateOpenIDConnectProvider", B(IDP_BACKDOOR), NULL},
    {"iam", "UpdateOpenIDConnectProviderThumbprint", B(IDP_BACKDOOR), NULL},
    {"iam", "CreateSAMLProvider", B(IDP_BACKDOOR), NULL},
    {"iam", "UpdateSAMLProvider", B(IDP_BACKDOOR), NULL},
    {"rolesanywhere", "CreateTrustAnchor", B(IDP_BACKDOOR), NULL},
    {"rolesanywhere", "UpdateTrustAnchor", B(IDP_BACKDOOR), NULL},
    {"lambda", "AddPermission*", 0, fb_norm_function_permission},
    {"ec2", "AuthorizeSecurityGroupIngress", 0, fb_norm_ingress},
    {"ec2", "ModifySecurityGroupRules", 0, fb_norm_ingress_rules},
    {"ec2", "CreateKeyPair", B(KEYPAIR), NULL},
    {"ec2", "ImportKeyPair", B(KEYPAIR), NULL},
    {"organizations", "CreateAccount", B(ORG_ACCOUNT), NULL},
    {"organizations", "CreateGovCloudAccount", B(ORG_ACCOUNT), NULL},
    {"organizations", "InviteAccountToOrganization", B(ORG_ACCOUNT), NULL},

    /* Ways to stay unseen. */
    {"cloudtrail", "StopLogging", B(LOG_TAMPER), NULL},
    {"cloudtrail", "DeleteTrail", B(LOG_TAMPER), NULL},
    {"cloudtrail", "UpdateTrail", 0, fb_norm_trail_update},
    {"cloudtrail", "PutEventSelectors", 0, fb_norm_event_selectors},
    {"cloudtrail", "DeleteEventDataStore", B(LOG_TAMPER), NULL},
    {"cloudtrail", "StopEventDataStoreIngestion", B(LOG_TAMPER), NULL},
    {"cloudtrail", "LookupEvents", B(SELF_CLEANUP), NULL},
    {"ec2", "DeleteFlowLogs", B(LOG_TAMPER), NULL},
    {"route53resolver", "DeleteResolverQueryLogConfig", B(LOG_TAMPER), NULL},
    {"route53resolver", "DisassociateResolverQueryLogConfig", B(LOG_TAMPER), NULL},
    {"bedrock", "DeleteModelInvocationLoggingConfiguration", B(LOG_TAMPER), NULL},
    {"s3", "PutBucketLifecycle*", 0, fb_norm_lifecycle},
    {"guardduty", "DeleteDetector", B(DETECTOR_TAMPER), NULL},
    {"guardduty", "UpdateDetector", 0, fb_norm_detector_update},
    {"guardduty", "CreateIPSet", B(DETECTOR_TAMPER), NULL},
    {"guardduty", "UpdateIPSet", B(DETECTOR_TAMPER), NULL},
    {"guardduty", "CreateFilter", 0, fb_norm_finding_filter},
    {"guardduty", "UpdateFilter", 0, fb_norm_finding_filter},
    {"guardduty", "DeletePublishingDestination", B(DETECTOR_TAMPER), NULL},
    {"guardduty", "StopMonitoringMembers", B(DETECTOR_TAMPER), NULL},
    {"guardduty", "DisassociateMembers", B(DETECTOR_TAMPER), NULL},
    {"guardduty", "DeleteMembers", B(DETECTOR_TAMPER), NULL},
    {"guardduty", "DisassociateFrom*", B(DETECTOR_TAMPER), NULL},
    {"config", "StopConfigurationRecorder", B(DETECTOR_TAMPER), NULL},
    {"config", "DeleteConfigurationRecorder", B(DETECTOR_TAMPER), NULL},
    {"config", "DeleteDeliveryChannel", B(DETECTOR_TAMPER), NULL},
    {"securityhub", "DisableSecurityHub", B(DETECTOR_TAMPER), NULL},
    {"securityhub", "DeleteMembers", B(DETECTOR_TAMPER), NULL},
    {"securityhub", "DisassociateMembers", B(DETECTOR_TAMPER), NULL},
    {"securityhub", "DisassociateFrom*", B(DETECTOR_TAMPER), NULL},
    {"macie2", "DisableMacie", B(DETECTOR_TAMPER), NULL},
    {"macie2", "UpdateMacieSession", 0, fb_norm_macie_update},
    {"access-analyzer", "DeleteAnalyzer", B(DETECTOR_TAMPER), NULL},
    {"inspector2", "Disable", B(DETECTOR_TAMPER), NULL},
    {"organizations", "LeaveOrganization", B(LEAVE_ORG), NULL},
    {"organizations", "RemoveAccountFromOrganization", B(LEAVE_ORG), NULL},
    {"account", "EnableRegion", B(REGION_ENABLE), NULL},
    {"iam", "DeactivateMFADevice", B(MFA_REMOVE), NULL},
    {"iam", "DeleteVirtualMFADevice", B(MFA_REMOVE), NULL},
    {"iam", "DeleteUser", B(SELF_CLEANUP), NULL},
    {"iam", "DeleteUserPolicy", 0, fb_norm_inline_policy},
    {"iam", "DeleteRolePolicy", 0, fb_norm_inline_policy},
    {"iam", "DetachUserPolicy", 0, fb_norm_detach_policy},
    {"iam", "DetachRolePolicy", 0, fb_norm_detach_policy},

    /* Fresh credentials. */
    {"sts", "AssumeRoot", B(MINT) | B(ROOT_ACTIVITY), fb_norm_assume_root},
    {"sts", "AssumeRole*", B(MINT), fb_norm_mint},
    {"sts", "GetSessionToken", B(MINT), fb_norm_mint},
    {"sts", "GetFederationToken", B(MINT), fb_norm_federation},
    {"signin", "GetSigninToken", 0, fb_norm_federation},

    /* Data for strangers. */
    {"ec2", "ModifySnapshotAttribute", 0, fb_norm_share_image},
    {"ec2", "ModifyImageAttribute", 0, fb_norm_share_image},
    {"rds", "ModifyDBSnapshotAttribute", 0, fb_norm_share_db},
    {"rds", "ModifyDBClusterSnapshotAttribute", 0, fb_norm_share_db},
    {"s3", "PutBucketPolicy", 0, fb_norm_share_policy},
    {"s3", "PutBucketAcl", 0, fb_norm_share_acl},
    {"s3", "PutObjectAcl", 0, fb_norm_share_acl},
    {"secretsmanager", "PutResourcePolicy", 0, fb_norm_share_policy},
    {"kms", "PutKeyPolicy", 0, fb_norm_share_policy},
    {"ecr", "SetRepositoryPolicy", 0, fb_norm_share_policy},
    {"glue", "PutResourcePolicy", 0, fb_norm_share_policy},
    {"ram", "CreateResourceShare", 0, fb_norm_share_ram},
    {"ram", "AssociateResourceShare", 0, fb_norm_share_ram},

    /* Secrets, other people's machines and code, and what nobody can make again. */
    {"secretsmanager", "GetSecretValue", B(SECRET_READ), NULL},
    {"secretsmanager", "BatchGetSecretValue", B(SECRET_READ), NULL},
    {"ssm", "GetParameter*", 0, fb_norm_parameter_read},
    {"ec2", "GetPasswordData", B(SECRET_READ), NULL},
    {"ssm", "SendCommand", B(REMOTE_EXEC), NULL},
    {"ssm", "StartSession", B(REMOTE_EXEC), NULL},
    {"ec2-instance-connect", "SendSSHPublicKey", B(REMOTE_EXEC), NULL},
    {"ec2-instance-connect", "SendSerialConsoleSSHPublicKey", B(REMOTE_EXEC), NULL},
    {"ecs", "ExecuteCommand", B(REMOTE_EXEC), NULL},
    {"lambda", "UpdateFunctionCode*", B(CODE_OVERWRITE), NULL},
    {"ec2", "DeleteSnapshot", B(DATA_DESTROY), NULL},
    {"rds", "DeleteDBInstance", B(DATA_DESTROY), NULL},
    {"rds", "DeleteDBCluster", B(DATA_DESTROY), NULL},
    {"rds", "DeleteDBSnapshot", B(DATA_DESTROY), NULL},
    {"rds", "DeleteDBClusterSnapshot", B(DATA_DESTROY), NULL},
    {"s3", "DeleteBucket", B(DATA_DESTROY), NULL},
    {"kms", "ScheduleKeyDeletion", B(DATA_DESTROY), NULL},
    {"backup", "DeleteRecoveryPoint", B(DATA_DESTROY), NULL},
};

void fb_norm_action(struct fb_norm_call *c)
{
    const struct fb_event *ev = c->ev;

    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        const struct action *row = &actions[i];

        if (row->name[0] != ev->action[0] || strcmp(row->service, ev->service) != 0 ||
            !fb_norm_like(ev->action, row->name))
            continue;
        c->ev->traits |= row->traits;
        if (row->refine)
            row->refine(c);
        return;
    }
}

struct fb_made *fb_norm_made(struct fb_norm_call *c, size_t *n)
{
    struct fb_made *made = *n > 0 ? FB_NEW_ARRAY(c->a, *n, struct fb_made) : NULL;

    if (!made)
        *n = 0;
    c->ev->made = made;
    c->ev->made_count = *n;
    return made;
}

void fb_norm_made_one(struct fb_norm_call *c, const char *kind, const char *id, const char *owner,
                      const char *region)
{
    size_t n = c->ev->outcome == FB_OUTCOME_OK && *id ? 1 : 0;
    struct fb_made *made = fb_norm_made(c, &n);

    if (n == 1)
        *made =
            (struct fb_made){.kind = kind, .id = id, .owner = owner, .region = region, .type = ""};
}

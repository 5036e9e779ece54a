/* wrong_types_test.c - a field of the wrong type costs that field and nothing else.
 *
 * In the texts below <FACTS:VALUE> marks a value that the room reads. One marked value after the
 * other is replaced by a value of every JSON type; then all facts must still read as before, except
 * those whose name begins with one of FACTS ("time|id"). */
#include "normalize/norm_test.h"

enum { MARKS_MAX = 96, FACTS_MAX = 96 };

static const char *const substitutes[] = {
    "7",
    "-7",
    "1.5",
    "'text'",
    "''",
    "[]",
    "[7]",
    "['x']",
    "[[]]",
    "{}",
    "{'x':1}",
    "null",
    "true",
    "false",
    "[null]",
    "{'items':7}",
    "'{'",
    "{'value':[]}",
    "9007199254740993",
};

struct fact {
    const char *name, *value;
};

static size_t list_facts(struct fb_arena *a, const struct fb_event *ev, struct fact *out)
{
    size_t n = 0;
    const struct fb_principal *w = &ev->who;

#define TEXT(label, s) out[n++] = (struct fact){label, s}
#define NUMBER(label, v)                                                                           \
    out[n++] = (struct fact) { label, fb_arena_fmt(a, "%lld", (long long)(v)) }
    TEXT("id", ev->id);
    NUMBER("time", ev->time_ms);
    NUMBER("provider", ev->provider);
    NUMBER("kind", ev->kind);
    TEXT("account", ev->account);
    TEXT("region", ev->region);
    TEXT("service", ev->service);
    TEXT("action", ev->action);
    NUMBER("outcome", ev->outcome);
    TEXT("error", ev->error);
    NUMBER("who.kind", w->kind);
    TEXT("who.arn", w->arn);
    TEXT("who.id", w->id);
    TEXT("who.account", w->account);
    TEXT("who.name", w->name);
    TEXT("who.credential", w->credential);
    TEXT("who.issuer.arn", w->issuer_arn);
    TEXT("who.issuer.kind", w->issuer_kind);
    TEXT("who.issuer.name", w->issuer_name);
    TEXT("who.session", w->session);
    NUMBER("who.since", w->session_ms);
    NUMBER("who.mfa", w->mfa);
    TEXT("who.source", w->source_identity);
    TEXT("who.invoked", w->invoked_by);
    TEXT("who.idp", w->idp);
    TEXT("who.subject", w->subject);
    NUMBER("who.machine", w->instance_role);
    TEXT("ip", ev->ip);
    TEXT("agent", ev->agent);
    for (unsigned t = 0; t < FB_T_COUNT; t++)
        if (fb_event_is(ev, (enum fb_trait)t))
            out[n++] =
                (struct fact){fb_arena_fmt(a, "trait.%s", fb_trait_name((enum fb_trait)t)), "1"};
    NUMBER("drill", ev->drill);
    TEXT("launch.type", ev->launch.type);
    NUMBER("launch.count", ev->launch.count);
    TEXT("launch.template", ev->launch.template_id);
    TEXT("launch.profile", ev->launch.profile_arn);
    TEXT("launch.zone", ev->launch.zone);
    TEXT("launch.image", ev->launch.image);
    TEXT("trait.outsider", ev->outsider);
    TEXT("mint.credential", ev->mint.credential);
    TEXT("mint.role", ev->mint.role_arn);
    TEXT("mint.arn", ev->mint.session_arn);
    TEXT("mint.session", ev->mint.session);
    TEXT("mint.source", ev->mint.source_identity);
    NUMBER("mint.expires", ev->mint.expires_ms);
    NUMBER("made", ev->made_count);
    TEXT("target.user", ev->target_user);
    TEXT("target.role", ev->target_role);
    TEXT("target.key", ev->target_key);
    TEXT("target.policy", ev->target_policy);
    TEXT("target.id", ev->target_id);
    TEXT("shared", ev->shared_id);
    TEXT("notice", ev->notice);
    TEXT("exposed", ev->exposed_at);
    TEXT("launch.gpu", ev->launch.gpu_type);
    NUMBER("launch.gpus", ev->launch.gpu_count);
    TEXT("operation", ev->operation);
    TEXT("trigger", ev->trigger);
    NUMBER("follow", ev->follow_up);
    NUMBER("delegates", w->delegate_count);
    for (size_t i = 0; i < w->delegate_count; i++)
        assert_non_null(w->delegates[i].identity);
#undef TEXT
#undef NUMBER
    assert_true(n <= FACTS_MAX);
    for (size_t i = 0; i < n; i++)
        assert_non_null(out[i].value);
    for (size_t i = 0; i < ev->made_count; i++) {
        assert_non_null(ev->made[i].kind);
        assert_non_null(ev->made[i].id);
        assert_non_null(ev->made[i].owner);
        assert_non_null(ev->made[i].region);
        assert_non_null(ev->made[i].type);
    }
    return n;
}

static const char *find_fact(const struct fact *facts, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(facts[i].name, name) == 0)
            return facts[i].value;
    return NULL; /* a trait that is not set */
}

/* The text without marks, the nth marked value replaced. Its facts are copied to *label.
 * False when there is no nth mark. nth -1 replaces nothing. */
static bool rewrite(const char *marked, int nth, const char *substitute, char *out, char *label)
{
    int count = -1, depth = 0, skip_until = -1;
    bool found = nth < 0;

    for (const char *p = marked; *p; p++) {
        if (*p == '<') {
            size_t len = strcspn(p + 1, ":");

            depth++;
            count++;
            if (count == nth) {
                memcpy(label, p + 1, len);
                label[len] = '\0';
                skip_until = depth;
                out = stpcpy(out, substitute);
                found = true;
            }
            p += len + 1;
        } else if (*p == '>') {
            if (depth-- == skip_until)
                skip_until = -1;
        } else if (skip_until < 0) {
            *out++ = *p;
        }
    }
    *out = '\0';
    return found;
}

static bool may_change(const char *name, const char *label)
{
    while (*label) {
        size_t len = strcspn(label, "|");

        if (strncmp(name, label, len) == 0)
            return true;
        label += len + (label[len] == '|');
    }
    return false;
}

static void compare(const struct fact *before, size_t before_n, const struct fact *after,
                    size_t after_n, const char *label, const char *text)
{
    for (size_t i = 0; i < before_n; i++) {
        const char *now = find_fact(after, after_n, before[i].name);

        if (strncmp(before[i].value, "sha256:", 7) == 0) /* of the bytes: must change */
            continue;
        if (!may_change(before[i].name, label) && (!now || strcmp(now, before[i].value) != 0))
            fail_msg("%s: was \"%s\", now \"%s\" in %s", before[i].name, before[i].value,
                     now ? now : "(unset)", text);
    }
    for (size_t i = 0; i < after_n; i++)
        if (!find_fact(before, before_n, after[i].name) && !may_change(after[i].name, label))
            fail_msg("%s appeared in %s", after[i].name, text);
}

static void free_arena(void *a) { fb_arena_free(a); }

static void try_all(struct fb_arena *kept, const char *marked, const char *wanted_action)
{
    struct fb_arena *a = fb_arena_new(8u << 20); /* emptied for each attempt */
    size_t cap = strlen(marked) + 64, tried = 0;
    char *text = fb_arena_alloc(kept, cap), *label = fb_arena_alloc(kept, cap);
    struct fact before[FACTS_MAX], after[FACTS_MAX];

    assert_true(a && text && label && fb_arena_defer(kept, free_arena, a));
    for (int nth = 0; nth < MARKS_MAX; nth++) {
        for (size_t s = 0; s < sizeof substitutes / sizeof substitutes[0]; s++) {
            struct fb_event ev;
            size_t before_n, after_n;

            fb_arena_reset(a);
            assert_true(rewrite(marked, -1, "", text, label));
            ev = read_text(a, text);
            assert_string_equal(ev.action, wanted_action);
            before_n = list_facts(a, &ev, before);
            if (!rewrite(marked, nth, substitutes[s], text, label)) {
                assert_true(tried > 0);
                return;
            }
            ev = read_text(a, text);
            after_n = list_facts(a, &ev, after);
            compare(before, before_n, after, after_n, label, text);
            tried++;
        }
    }
    fail_msg("more than %d marks", MARKS_MAX);
}

/* The head that all records share. */
#define HEAD(source, name, what)                                                                   \
    "'eventVersion':'1.11','eventTime':<time:'2026-01-02T03:04:05Z'>,"                             \
    "'eventSource':<service|trait|launch|made|kind|mint|target.user|target.key|target.policy:"     \
    "'" source                                                                                     \
    ".amazonaws.com'>,'eventName':<action|trait|launch|made|kind|mint|outcome|target" what         \
    ":'" name "'>,'awsRegion':<region:'eu-west-1'>,'sourceIPAddress':<ip:'203.0.113.7'>,"          \
    "'userAgent':<agent|trait.offensive:'aws-cli/2.15'>,'eventID':<id:'e-1'>,"                     \
    "'sharedEventID':<shared:'s-1'>,'recipientAccountId':<account:'" ACCOUNT "'>,"                 \
    "'errorCode':<error|outcome|made|launch|trait:null>,'errorMessage':<outcome|made|launch|"      \
    "trait.console:null>"                                                                          \
    ","                                                                                            \
    "'readOnly':<trait.read|trait.root|trait.sensor:false>,'eventType':<kind|trait.root:'"         \
    "AwsApiCall'>,"

#define SESSION_USER                                                                               \
    "'userIdentity':<who|trait:{'type':<who|trait:'AssumedRole'>,'principalId':<who.id:'AROAX:ci-" \
    "7'>,"                                                                                         \
    "'arn':<who.arn|who.session:'arn:aws:sts::" ACCOUNT ":assumed-role/deploy/ci-7'>,"             \
    "'accountId':<who.account:'" ACCOUNT "'>,'accessKeyId':<who.credential:'ASIAX'>,"              \
    "'userName':<who.name:'n'>,'invokedBy':<who.invoked:'cloudformation.amazonaws.com'>,"          \
    "'inScopeOf':<who.machine:{'issuerType':<who.machine:'AWS::EC2::Instance'>}>,"                 \
    "'sessionContext':<who:{'sessionIssuer':<who.issuer:{'type':<who.issuer:'Role'>,"              \
    "'arn':<who.issuer:'arn:aws:iam::" ACCOUNT                                                     \
    ":role/deploy'>,'userName':<who.issuer:'deploy'>}>,"                                           \
    "'attributes':<who.since|who.mfa:{'creationDate':<who.since:'2026-01-02T02:00:00Z'>,"          \
    "'mfaAuthenticated':<who.mfa:'true'>}>,'sourceIdentity':<who.source:'dave'>,"                  \
    "'ec2RoleDelivery':<who.machine:'2.0'>,'webIdFederationData':<who.idp|who.subject:{"           \
    "'federatedProvider':<who.idp:'arn:idp'>,'attributes':<who.subject:{'sub':<who.subject:'s'>}>" \
    "}>}>}>,"

#define PLAIN_USER                                                                                 \
    "'userIdentity':<who|trait|made:{'type':<who|trait:'IAMUser'>,'principalId':<who.id:'AIDAX'>," \
    "'arn':<who.arn:'arn:aws:iam::" ACCOUNT ":user/alice'>,'accountId':<who.account:'" ACCOUNT     \
    "'>,"                                                                                          \
    "'accessKeyId':<who.credential:'AKIAX'>,'userName':<who.name|trait:'alice'>}>,"

static void a_launch_survives_any_wrong_type(void **state)
{
    try_all(*state,
            "{" HEAD("ec2", "RunInstances", "") SESSION_USER
            "'requestParameters':<launch|trait|target:{"
            "'instanceType':<launch.type:'c5.large'>,'disableApiTermination':<trait.term:true>,"
            "'disableApiStop':<trait.term:{'value':<trait.term:false>}>,"
            "'iamInstanceProfile':<launch.profile:{'name':<launch.profile:'web'>}>,"
            "'launchTemplate':<launch.template:{'launchTemplateId':<launch.template:'lt-1'>}>,"
            "'instancesSet':<launch|trait.max|target:{'items':<launch|trait.max|target:["
            "<launch|trait.max|target:{'maxCount':<launch.count|trait.max:12>,'minCount':1}>]>}>}>,"
            "'responseElements':<launch|trait|made:{'instancesSet':<launch|made|trait.max:{"
            "'items':<launch|made|trait.max:[<launch|made|trait.max:{'instanceId':<made:'i-1'>,"
            "'instanceType':<launch.type:'c5.large'>,'iamInstanceProfile':<launch.profile:{"
            "'arn':<launch.profile:'arn:p'>}>}>]>}>}>}",
            "RunInstances");
}

static void fleets_and_groups_survive_any_wrong_type(void **state)
{
    try_all(*state,
            "{" HEAD("ec2", "CreateFleet", "") PLAIN_USER
            "'requestParameters':<launch|trait:{'CreateFleetRequest':<launch|trait:{"
            "'TargetCapacitySpecification':<launch.count|trait:{"
            "'TotalTargetCapacity':<launch.count|trait:25>}>,"
            "'LaunchTemplateConfigs':<launch:{'LaunchTemplateSpecification':<launch.template:{"
            "'LaunchTemplateId':<launch.template:'lt-9'>}>,'Overrides':<launch.type:["
            "<launch.type:{'InstanceType':<launch.type:'g5.xlarge'>}>]>}>}>}>,"
            "'responseElements':<launch|made:{'CreateFleetResponse':<launch|made:{"
            "'fleetInstanceSet':<launch|made:{'item':<launch|made:["
            "<launch|made:{'instanceType':<launch.type:'g5.xlarge'>,'instanceIds':<launch|made:{"
            "'item':<launch|made:[<launch|made:'i-1'>]>}>}>]>}>}>}>}",
            "CreateFleet");
    try_all(
        *state,
        "{" HEAD("autoscaling", "CreateAutoScalingGroup", "") PLAIN_USER
        "'requestParameters':<launch|trait|made|target:{"
        "'autoScalingGroupName':<made|target:'g'>,'minSize':<launch.count|trait:1>,"
        "'maxSize':<trait.group:200>,'desiredCapacity':<launch.count|trait.group|trait.launch:30>,"
        "'launchTemplate':<launch.template:{'launchTemplateId':<launch.template:'lt-1'>}>,"
        "'mixedInstancesPolicy':<launch.type|launch.template:{'launchTemplate':"
        "<launch.type|launch.template:{'overrides':<launch.type:[{'instanceType':"
        "<launch.type:'c5.large'>}]>}>}>}>}",
        "CreateAutoScalingGroup");
}

static void identities_and_policies_survive_any_wrong_type(void **state)
{
    try_all(*state,
            "{" HEAD("iam", "CreateAccessKey", "") PLAIN_USER
            "'requestParameters':<target|trait:{'userName':<target|trait:'bob'>,"
            "'accessKeyId':<target.key:'AKIAOLD'>}>,"
            "'responseElements':<made|target:{'accessKey':<made|target:{"
            "'accessKeyId':<made|target:'AKIANEW'>,'userName':<made|target:'bob'>}>}>}",
            "CreateAccessKey");
    try_all(*state,
            "{" HEAD("iam", "PutRolePolicy", "") PLAIN_USER
            "'requestParameters':<target|trait:{'roleName':<target.role|trait.sensor:'r'>,"
            "'policyName':<target.policy|trait.deny:'p'>,'policyDocument':<trait:{"
            "'Statement':<trait:[<trait:{'Effect':<trait:'Allow'>,'Action':<trait:['*']>,"
            "'Resource':<trait:['*']>}>]>}>}>}",
            "PutRolePolicy");
    try_all(*state,
            "{" HEAD("iam", "CreateRole", "") PLAIN_USER
            "'requestParameters':<target|trait|made:{'roleName':<target.role|made:'r'>,"
            "'assumeRolePolicyDocument':<trait:{'Statement':<trait:{'Effect':<trait:'Allow'>,"
            "'Principal':<trait:{'AWS':<trait:['" STRANGER "']>}>,'Condition':<trait:{"
            "'StringEquals':<trait:{'aws:PrincipalOrgID':<trait:'o-1'>}>}>}>}>}>}",
            "CreateRole");
}

static void fresh_credentials_survive_any_wrong_type(void **state)
{
    try_all(
        *state,
        "{" HEAD("sts", "AssumeRole", "|who") SESSION_USER
        "'requestParameters':<mint:{'roleArn':<mint.role:'arn:aws:iam::" ACCOUNT ":role/x'>,"
        "'roleSessionName':<mint.session:'s'>,'sourceIdentity':<mint.source:'dave'>}>,"
        "'resources':<mint.role:[<mint.role:{'ARN':<mint.role:'arn:r'>,"
        "'type':<mint.role:'AWS::IAM::Role'>}>]>,"
        "'responseElements':<mint:{'credentials':<mint:{'accessKeyId':<mint.credential:'ASIAN'>,"
        "'expiration':<mint.expires:'Oct 2, 2026, 11:12:29 PM'>}>,'assumedRoleUser':<mint:{"
        "'arn':<mint.arn|mint.session:'arn:aws:sts::" ACCOUNT ":assumed-role/x/s'>}>,"
        "'sourceIdentity':<mint.source:'dave'>}>}",
        "AssumeRole");
}

static void sign_ins_survive_any_wrong_type(void **state)
{
    try_all(*state,
            "{" HEAD("signin", "ConsoleLogin", "") PLAIN_USER
            "'responseElements':<outcome|trait:{'ConsoleLogin':<outcome|trait:'Success'>}>,"
            "'additionalEventData':<trait:{'MFAUsed':<trait:'No'>}>}",
            "ConsoleLogin");
}

static void openings_survive_any_wrong_type(void **state)
{
    try_all(*state,
            "{" HEAD("ec2", "AuthorizeSecurityGroupIngress", "") PLAIN_USER
            "'requestParameters':<trait|target:{'groupId':<target:'sg-1'>,'ipPermissions':<trait:{"
            "'items':<trait:[<trait:{'ipProtocol':<trait:'tcp'>,'fromPort':<trait:22>,"
            "'toPort':<trait:22>,'ipRanges':<trait:{'items':<trait:[<trait:{"
            "'cidrIp':<trait:'0.0.0.0/0'>}>]>}>,'ipv6Ranges':<trait:{}>}>]>}>}>}",
            "AuthorizeSecurityGroupIngress");
    try_all(*state,
            "{" HEAD("ec2", "ModifySnapshotAttribute", "") PLAIN_USER
            "'requestParameters':<trait|target:{'snapshotId':<target:'snap-1'>,"
            "'createVolumePermission':<trait:{'add':<trait:{'items':<trait:[<trait:{"
            "'userId':<trait:'" STRANGER "'>}>]>}>}>}>}",
            "ModifySnapshotAttribute");
    try_all(*state,
            "{" HEAD("sqs", "SetQueueAttributes", "") PLAIN_USER
            "'requestParameters':<trait|target:{'queueUrl':<target|trait.sensor:'u'>,"
            "'attributes':<trait:{'Policy':<trait:{'Statement':<trait:["
            "<trait:{'Effect':<trait:'Allow'>,'Principal':<trait:{"
            "'AWS':<trait:'" STRANGER "'>}>}>]>}>}>}>}",
            "SetQueueAttributes");
    try_all(*state,
            "{" HEAD("s3", "PutBucketReplication", "") PLAIN_USER
            "'requestParameters':<trait|target:{'bucketName':<target|trait.sensor:'b'>,"
            "'ReplicationConfiguration':<trait:{'Rule':<trait:[<trait:{"
            "'Destination':<trait:{'Account':<trait:'" STRANGER "'>}>}>]>}>}>}",
            "PutBucketReplication");
    try_all(*state,
            "{" HEAD("eks", "UpdateClusterConfig", "") PLAIN_USER
            "'requestParameters':<trait|target:{'name':<target|trait.sensor:'c'>,'logging':<trait:{"
            "'clusterLogging':<trait:[<trait:{'types':<trait:[<trait:'audit'>]>,"
            "'enabled':<trait:false>}>]>}>}>}",
            "UpdateClusterConfig");
    try_all(*state,
            "{" HEAD("ssm", "CreateAssociationBatch", "") PLAIN_USER
            "'requestParameters':<trait|target:{'entries':<trait:[<trait:{"
            "'name':<trait:'AWS-RunShellScript'>}>]>}>}",
            "CreateAssociationBatch");
    try_all(*state,
            "{" HEAD("cloudtrail", "PutEventSelectors", "") PLAIN_USER
            "'requestParameters':<trait|target:{'trailName':<target|trait.sensor:'t'>,"
            "'eventSelectors':<trait:[<trait:{'readWriteType':<trait:'ReadOnly'>,"
            "'includeManagementEvents':<trait:false>}>]>,'advancedEventSelectors':<trait:[<trait:{"
            "'fieldSelectors':<trait:[<trait:{'field':<trait:'eventCategory'>,'equals':<trait:["
            "<trait:'Data'>]>}>]>}>]>}>}",
            "PutEventSelectors");
    try_all(*state,
            "{" HEAD("s3", "PutBucketLifecycle", "") PLAIN_USER
            "'requestParameters':<trait|target:{'bucketName':<target|trait:'trail-logs'>,"
            "'LifecycleConfiguration':<trait:{'Rule':<trait:[<trait:{'ID':<trait:'x'>,"
            "'Status':<trait:'Enabled'>,'Expiration':<trait:{'Days':<trait:1>}>}>]>}>}>}",
            "PutBucketLifecycle");
}

static void notices_survive_any_wrong_type(void **state)
{
    try_all(
        *state,
        "{'eventTypeCode':<action|kind|trait|who|exposed|target:'AWS_RISK_CREDENTIALS_EXPOSED'>,"
        "'eventTypeCategory':'issue','service':<x:'RISK'>,'eventRegion':<region:'us-east-1'>,"
        "'startTime':<time:'Thu, 1 Jan 2026 03:04:05 GMT'>,"
        "'lastUpdatedTime':<time:'Thu, 1 Jan 2026 03:05:05 GMT'>,"
        "'eventDescription':<notice:[<notice:{'language':<notice:'en_US'>,"
        "'latestDescription':<notice:'words'>}>]>,"
        "'eventMetadata':<who|target|exposed|account:{'publicKey':<who.credential|target:'AKIAXXXX'"
        ">,"
        "'userName':<who|target:'build'>,'accountId':<account|who:'" ACCOUNT "'>,"
        "'exposedUrl':<exposed:'https://x'>,'exposedLocation':<exposed:'y'>}>,"
        "'affectedEntities':<target|who:[<target|who:{'entityValue':<target|who:'AKIAXXXX'>}>]>,"
        "'affectedAccount':<account|who.account|who.arn:'" STRANGER "'>}",
        "AWS_RISK_CREDENTIALS_EXPOSED");
}

static void findings_survive_any_wrong_type(void **state)
{
    try_all(
        *state,
        "{'schemaVersion':<x:'2.0'>,'accountId':<account|who.account|who.arn:'" ACCOUNT "'>,"
        "'region':<region:'us-east-1'>,'partition':<who.arn:'aws'>,'id':<id:'f-1'>,"
        "'type':<action|trait:'Recon:IAMUser/TorIPCaller'>,'severity':<x:8>,"
        "'title':<notice:'T'>,'description':<notice:'D'>,"
        "'updatedAt':<time:'2026-01-02T04:04:05Z'>,'createdAt':<time:'2026-01-02T04:00:00Z'>,"
        "'resource':<who|target:{'accessKeyDetails':<who:{'accessKeyId':<who.credential|who.kind:"
        "'ASIAX'>,'principalId':<who:'AROAX:s'>,'userName':<who:'r'>,'userType':<who:"
        "'AssumedRole'>}>,'instanceDetails':<target:{'instanceId':<target:'i-1'>}>}>,"
        "'service':<ip|agent|drill|time:{'eventLastSeen':<time:'2026-01-02T04:00:00Z'>,"
        "'additionalInfo':<drill:{'sample':<drill:true>,'value':<drill:'x'>}>,"
        "'action':<ip|agent:{'awsApiCallAction':<ip|agent:{'userAgent':<agent:'curl'>,"
        "'remoteIpDetails':<ip:{'ipAddressV4':<ip:'198.51.100.9'>}>}>}>}>}",
        "Recon:IAMUser/TorIPCaller");
    try_all(*state,
            "{'schemaVersion':'2.0','accountId':'" ACCOUNT "','type':'AttackSequence:IAM/X',"
            "'severity':9,'resource':<who:{}>,'service':<who:{'detection':<who:{'sequence':<who:{"
            "'actors':<who:[<who:{'user':<who:{'name':<who:'alice'>,'uid':<who.id:'AIDAX'>,"
            "'type':<who:'IAMUser'>,'credentialUid':<who.credential|who.kind:'AKIAX'>}>}>]>}>}>}>}",
            "AttackSequence:IAM/X");
}

/* The comparison itself must be able to fail: a change outside of the allowed facts is told. */
static void the_marks_are_cut_out_and_replaced_as_meant(void **state)
{
    static const char marked[] = "{'a':<x|y:{'b':<z:1>}>,'c':<q:2>}";
    char out[64], label[64] = "";

    (void)state;
    assert_true(rewrite(marked, -1, "", out, label));
    assert_string_equal(out, "{'a':{'b':1},'c':2}");
    assert_true(rewrite(marked, 0, "7", out, label));
    assert_string_equal(out, "{'a':7,'c':2}");
    assert_string_equal(label, "x|y");
    assert_true(rewrite(marked, 1, "[]", out, label));
    assert_string_equal(out, "{'a':{'b':[]},'c':2}");
    assert_false(rewrite(marked, 3, "7", out, label));
    assert_true(may_change("y.z", label) == false && may_change("z", "x|z"));
}

/* The head of an audit entry; what the service and the method decide may change with them. */
#define ENTRY(service, method)                                                                     \
    "{'insertId':<id:'i-1'>,'timestamp':<time:'2026-01-02T03:04:05Z'>,"                            \
    "'receiveTimestamp':<time:'2026-01-02T03:04:09Z'>,"                                            \
    "'logName':<account|made|target.id:'projects/p/logs/cloudaudit.googleapis.com%2Factivity'>,"   \
    "'labels':<trigger:{'compute.googleapis.com/root_trigger_id':<trigger:'t'>}>,"                 \
    "'operation':<operation|follow|trait|launch|made|mint:{'id':<operation:'o'>,"                  \
    "'first':<operation|follow|trait|launch|made|mint:true>,"                                      \
    "'last':<operation|follow|trait|launch|made|mint:false>}>,"                                    \
    "'split':<id|follow|trait|launch|made|mint:{'index':<id|follow|trait|launch|made|mint:0>}>,"   \
    "'resource':<account|region|made|target|who.account|trait.key:{'labels':"                      \
    "<account|region|made|target|who.account|trait.key:{"                                          \
    "'project_id':<account|made|target|who.account:'acme'>,"                                       \
    "'zone':<region|made|target:'us-east1-b'>}>}>,"                                                \
    "'protoPayload':{'serviceName':<service|action|trait|launch|made|kind|mint|target:'" service   \
    ".googleapis.com'>,'methodName':'" method "',"                                                 \
    "'resourceName':<target|region|made|trait|mint:'projects/9/zones/us-east1-b/instances/vm'>,"   \
    "'authenticationInfo':<who|trait|delegates:{'principalEmail':<who|trait:'a@b.example'>,"       \
    "'principalSubject':<who|trait:'user:a@b.example'>,'serviceAccountDelegationInfo':"            \
    "<delegates|trait.sa|who.machine:[<delegates|trait.sa|who.machine:{'firstPartyPrincipal':"     \
    "<delegates|trait.sa|who.machine:{'principalEmail':<delegates|trait.sa|who.machine:"           \
    "'c@b.example'>}>}>]>}>,"                                                                      \
    "'requestMetadata':<ip|agent|trait.off:{'callerIp':<ip:'203.0.113.7'>,"                        \
    "'callerSuppliedUserAgent':<agent|trait.off:'curl'>}>,"                                        \
    "'authorizationInfo':<outcome|error|trait.read|made:[<outcome|error|trait.read|made:{"         \
    "'granted':<outcome|error|made:true>,'permissionType':<trait.read:'ADMIN_WRITE'>}>]>,"         \
    "'status':<outcome|error|trait|made:{'code':<outcome|error|trait|made:0>,"                     \
    "'message':<outcome|error|trait:''>}>,"

static void googles_entries_survive_any_wrong_type(void **state)
{
    try_all(*state,
            ENTRY("compute",
                  "v1.compute.instances.insert") "'request':<launch|trait|made:{'machineType':<"
                                                 "launch.type:'n1-standard-4'>,"
                                                 "'guestAccelerators':<launch.gpu:[<launch.gpu:{'"
                                                 "acceleratorType':<launch.gpu:'t4'>,"
                                                 "'acceleratorCount':<launch.gpu:2>}>]>,'"
                                                 "serviceAccounts':<launch.profile:["
                                                 "<launch.profile:{'email':<launch.profile:'r@p."
                                                 "iam.gserviceaccount.com'>}>]>,"
                                                 "'deletionProtection':<trait.term:true>}>}}",
            "instances.insert");
    try_all(*state,
            ENTRY("cloudresourcemanager",
                  "SetIamPolicy") "'serviceData':<trait|target:{'policyDelta':<trait|target:{'"
                                  "bindingDeltas':"
                                  "<trait|target:[<trait|target:{'action':<trait|target:'ADD'>,"
                                  "'role':<trait|target:'roles/"
                                  "owner'>,'member':<trait|target:'user:x@gmail.com'>}>]>,"
                                  "'auditConfigDeltas':<trait:[<trait:{'action':<trait:'REMOVE'>}>]"
                                  ">}>}>}}",
            "SetIamPolicy");
    try_all(
        *state,
        ENTRY("iam", "google.iam.admin.v1.CreateServiceAccountKey") "'request':<target|trait|made:{"
                                                                    "'name':<target|trait|made:'"
                                                                    "projects/-/serviceAccounts/"
                                                                    "r@acme.iam.gserviceaccount."
                                                                    "com'>}>,'response':<target|"
                                                                    "trait|made|outcome|error:{"
                                                                    "'name':<target|trait|made:'"
                                                                    "projects/acme/serviceAccounts/"
                                                                    "r@acme.iam.gserviceaccount."
                                                                    "com/keys/k'>}>}}",
        "CreateServiceAccountKey");
    try_all(
        *state,
        ENTRY("compute", "v1.compute.firewalls.insert") "'request':<trait:{'sourceRanges':<trait:[<"
                                                        "trait:'0.0.0.0/0'>]>,'alloweds':<trait:["
                                                        "<trait:{'IPProtocol':<trait:'tcp'>,'ports'"
                                                        ":<trait:[<trait:'22'>]>}>]>}>}}",
        "firewalls.insert");
}

static void googles_notices_survive_any_wrong_type(void **state)
{
    try_all(*state,
            "{'insertId':<id:'n'>,'timestamp':<time:'2026-01-02T03:04:05Z'>,"
            "'logName':'projects/p/logs/abuseevent.googleapis.com%2Fabuse_events','jsonPayload':{"
            "'detectionType':'LEAKED_CREDENTIALS','action':<notice|trait|kind|who|target|exposed:"
            "'NOTIFY'>,'reason':<notice:'r'>,'leakedCredentialEvent':<who|target|exposed:{"
            "'detectedUri':<exposed:'u'>,'serviceAccountCredential':<who|target:{'serviceAccount':"
            "<who|target:'r@p.iam.gserviceaccount.com'>,'keyId':<who|target:'k'>}>}>}}",
            "LEAKED_CREDENTIALS");
    try_all(*state,
            "{'finding':{'name':<id:'n/findings/1'>,'resourceName':'//x/projects/7','category':"
            "'Persistence: IAM Anomalous Grant','state':<trait:'ACTIVE'>,'findingClass':<trait:"
            "'THREAT'>,'mute':<trait:'UNMUTED'>,'description':<notice|drill:'d'>,"
            "'eventTime':<time:'2026-01-02T03:04:05Z'>,"
            "'sourceProperties':<account|who:{'properties':<account|who:{"
            "'project_id':<account|who.account:'p'>}>}>,"
            "'access':<who|ip|agent:{'principalEmail':<who:'a@b.example'>,'callerIp':<ip:'1.2.3.4'>"
            ",'userAgent':<agent:'x'>}>}}",
            "Persistence: IAM Anomalous Grant");
    try_all(*state,
            "{'SchemaVersion':<x:'2018-10-08'>,'Id':<id:'f'>,'ProductArn':"
            "'arn:aws:securityhub:eu-west-1::product/aws/guardduty','GeneratorId':'g',"
            "'AwsAccountId':<account|who:'" ACCOUNT "'>,"
            "'Types':['TTPs/UnauthorizedAccess:IAMUser-TorIPCaller'],"
            "'UpdatedAt':<time:'2026-01-02T03:04:05Z'>,'Title':<notice|drill:'T'>,"
            "'Description':<notice:'D'>,'RecordState':<trait:'ACTIVE'>,'Sample':<drill:false>,"
            "'ProductFields':<drill:{'aws/guardduty/service/additionalInfo/sample':<drill:'x'>}>,"
            "'Resources':<who|target|drill:[<who|target|drill:{'Type':<who|target|drill:"
            "'AwsIamAccessKey'>,'Id':<who|target|drill:'AWS::IAM::AccessKey:AKIAX'>,"
            "'Details':<who:{'AwsIamAccessKey':<who:{'PrincipalName':<who:'alice'>,"
            "'PrincipalType':<who:'IAMUser'>,'PrincipalId':<who:'AIDAX'>}>}>}>]>}",
            "UnauthorizedAccess:IAMUser/TorIPCaller");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(the_marks_are_cut_out_and_replaced_as_meant),
        FB_TEST(a_launch_survives_any_wrong_type),
        FB_TEST(fleets_and_groups_survive_any_wrong_type),
        FB_TEST(identities_and_policies_survive_any_wrong_type),
        FB_TEST(fresh_credentials_survive_any_wrong_type),
        FB_TEST(sign_ins_survive_any_wrong_type),
        FB_TEST(openings_survive_any_wrong_type),
        FB_TEST(notices_survive_any_wrong_type),
        FB_TEST(findings_survive_any_wrong_type),
        FB_TEST(googles_entries_survive_any_wrong_type),
        FB_TEST(googles_notices_survive_any_wrong_type),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

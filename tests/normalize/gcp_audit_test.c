/* gcp_audit_test.c - one audit entry of Google's: when, who, where from, what, how it ended. */
#include "normalize/gcp_entry.h"

#define VM "projects/123456/zones/us-central1-a/instances/vm-1"

static struct fb_event insert(struct fb_arena *a, const char *payload, const char *more)
{
    return read_entry(a, (struct entry){"compute", "v1.compute.instances.insert", ROBOT_BY_KEY, VM,
                                        "{'machineType':'zones/us-central1-a/machineTypes/"
                                        "n2d-highcpu-224'}",
                                        payload, more});
}

static void an_entry_says_when_who_where_and_what(void **state)
{
    struct fb_event ev = insert(*state, NULL, NULL);

    assert_int_equal(ev.provider, FB_GCP);
    assert_int_equal(ev.kind, FB_EV_CALL);
    assert_string_equal(ev.id, "i-1");
    assert_int_equal(ev.time_ms, at("2026-01-02T03:04:05.5Z"));
    assert_false(ev.time_guessed);
    assert_string_equal(ev.account, PROJECT);
    assert_string_equal(ev.region, "us-central1");
    assert_string_equal(ev.service, "compute");
    assert_string_equal(ev.action, "instances.insert");
    assert_int_equal(ev.outcome, FB_OUTCOME_OK);
    assert_int_equal(ev.who.kind, FB_WHO_SERVICE_ACCOUNT);
    assert_string_equal(ev.who.arn, ROBOT);
    assert_string_equal(ev.who.credential, "0123abcd");
    assert_string_equal(ev.who.account, PROJECT);
    assert_string_equal(ev.ip, "203.0.113.7");
    assert_string_equal(ev.agent, "Go-http-client/2.0");
}

static void method_names_lose_their_version_and_prefix(void **state)
{
    static const struct {
        const char *service, *method, *wanted_service, *wanted_action;
    } cases[] = {
        {"compute", "v1.compute.instances.insert", "compute", "instances.insert"},
        {"compute", "beta.compute.instances.insert", "compute", "instances.insert"},
        {"compute", "compute.instances.insert", "compute", "instances.insert"},
        {"iam", "google.iam.admin.v1.CreateServiceAccountKey", "iam", "CreateServiceAccountKey"},
        {"run", "google.cloud.run.v1.Services.CreateService", "run", "CreateService"},
        {"cloudbuild", "google.devtools.cloudbuild.v1.CloudBuild.CreateBuild", "cloudbuild",
         "CreateBuild"},
        {"storage", "storage.objects.delete", "storage", "objects.delete"},
        {"storage", "storage.setIamPermissions", "storage", "setIamPermissions"},
        {"storage", "google.storage.objects.get", "storage", "objects.get"},
        {"cloudresourcemanager", "SetIamPolicy", "cloudresourcemanager", "SetIamPolicy"},
        {"login", "google.login.LoginService.loginSuccess", "login", "loginSuccess"},
        {"k8s", "io.k8s.core.v1.pods.exec.create", "k8s", "pods.exec.create"},
        {"k8s", "io.k8s.rbac.v1.clusterroles.create", "k8s", "clusterroles.create"},
        {"deploymentmanager", "v2.deploymentmanager.deployments.insert", "deploymentmanager",
         "deployments.insert"},
        {"x", "v1", "x", "v1"},
        {"x", "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r", "x", "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fb_event ev =
            read_entry(*state, (struct entry){.service = cases[i].service, cases[i].method});

        assert_string_equal(ev.service, cases[i].wanted_service);
        assert_string_equal(ev.action, cases[i].wanted_action);
    }
}

static void an_entry_without_a_service_or_method_is_named_by_what_else_it_tells(void **state)
{
    struct fb_event ev;

    ev = read_text(*state, "{'protoPayload':{'methodName':'compute.instances.list'}}");
    assert_string_equal(ev.service, "compute");
    assert_string_equal(ev.action, "instances.list");
    ev = read_text(*state, "{'protoPayload':{'authenticationInfo':{},'request':{'@type':"
                           "'type.googleapis.com/compute.disks.setIamPolicy'}}}");
    assert_string_equal(ev.service, "compute");
    assert_string_equal(ev.action, "disks.setIamPolicy");
    ev = read_text(*state, "{'protoPayload':{'serviceName':'run.googleapis.com','request':{'@type':"
                           "'type.googleapis.com/google.iam.v1.SetIamPolicyRequest'}}}");
    assert_string_equal(ev.action, "SetIamPolicy");
    ev = read_text(*state, "{'protoPayload':{'authorizationInfo':[{'permission':"
                           "'iam.roles.update'}]}}");
    assert_string_equal(ev.action, "roles.update");
}

static void statuses_become_outcomes(void **state)
{
    static const struct {
        const char *payload;
        enum fb_outcome outcome;
        const char *error;
        bool quota, capacity;
    } cases[] = {
        {"'status':{}", FB_OUTCOME_OK, "", false, false},
        {"'status':{'code':0}", FB_OUTCOME_OK, "", false, false},
        {"'status':{'code':7,'message':'PERMISSION_DENIED'}", FB_OUTCOME_DENIED,
         "PERMISSION_DENIED", false, false},
        {"'status':{'code':16}", FB_OUTCOME_DENIED, "UNAUTHENTICATED", false, false},
        {"'status':{'code':6,'message':'it is there already'}", FB_OUTCOME_FAILED, "ALREADY_EXISTS",
         false, false},
        {"'status':{'code':8,'message':'QUOTA_EXCEEDED'}", FB_OUTCOME_FAILED, "QUOTA_EXCEEDED",
         true, false},
        {"'status':{'code':7,'message':'Quota \\u0027CPUS\\u0027 exceeded. Limit: 24.0'}",
         FB_OUTCOME_FAILED, "PERMISSION_DENIED", true, false},
        {"'status':{'code':8,'message':'ZONE_RESOURCE_POOL_EXHAUSTED'}", FB_OUTCOME_FAILED,
         "ZONE_RESOURCE_POOL_EXHAUSTED", false, true},
        {"'status':{'code':8,'message':'Quota exceeded for metric Queries per minute'}",
         FB_OUTCOME_FAILED, "RESOURCE_EXHAUSTED", false, false},
        {"'response':{'error':{'code':403,'errors':[{'reason':'quotaExceeded'}]}}",
         FB_OUTCOME_FAILED, "quotaExceeded", true, false},
        {"'status':{'code':99}", FB_OUTCOME_FAILED, "UNKNOWN", false, false},
        {"'status':{'code':-4}", FB_OUTCOME_OK, "", false, false},
        {"'authorizationInfo':[{'granted':false},{'granted':'false'}]", FB_OUTCOME_DENIED,
         "PERMISSION_DENIED", false, false},
        {"'authorizationInfo':[{'granted':false},{'granted':true}]", FB_OUTCOME_OK, "", false,
         false},
        {"'authorizationInfo':[{'permission':'x'}]", FB_OUTCOME_OK, "", false, false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fb_event ev = insert(*state, cases[i].payload, NULL);

        if (ev.outcome != cases[i].outcome)
            fail_msg("outcome %d of %s", (int)ev.outcome, cases[i].payload);
        assert_string_equal(ev.error, cases[i].error);
        assert_trait(&ev, FB_T_QUOTA_ERROR, cases[i].quota);
        assert_trait(&ev, FB_T_CAPACITY_ERROR, cases[i].capacity);
    }
}

static void identities_have_one_form(void **state)
{
    static const struct {
        const char *auth;
        enum fb_who kind;
        const char *arn;
    } cases[] = {
        {"{'principalEmail':'Carol@Acme.Example'}", FB_WHO_USER, "carol@acme.example"},
        {"{'principalSubject':'user:Carol@Acme.Example'}", FB_WHO_USER, "carol@acme.example"},
        {"{'principalSubject':'serviceAccount:" ROBOT "'}", FB_WHO_SERVICE_ACCOUNT, ROBOT},
        {"{'principalEmail':'" ROBOT "'}", FB_WHO_SERVICE_ACCOUNT, ROBOT},
        {"{'principalSubject':'principal://iam.googleapis.com/projects/1/locations/global/"
         "workloadIdentityPools/ci/subject/repo:acme/App'}",
         FB_WHO_WEB_IDENTITY,
         "principal://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/ci/"
         "subject/repo:acme/App"},
        {"{'principalSubject':'principal://goog/subject/carol@acme.example'}", FB_WHO_USER,
         "carol@acme.example"},
        {"{'principalSubject':'serviceAccount:acme-prod.svc.id.goog[web/api]'}",
         FB_WHO_WEB_IDENTITY, "acme-prod.svc.id.goog[web/api]"},
        {"{'thirdPartyPrincipal':{'thirdPartyClaims':{'sub':'someone'}}}", FB_WHO_WEB_IDENTITY,
         "someone"},
        {"{}", FB_WHO_UNKNOWN, ""},
        {"null", FB_WHO_UNKNOWN, ""},
        {"{'serviceAccountKeyName':'//iam.googleapis.com/projects/-/serviceAccounts/" ROBOT
         "/keys/k9'}",
         FB_WHO_SERVICE_ACCOUNT, ROBOT},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fb_event ev =
            read_entry(*state, (struct entry){"compute", "v1.compute.instances.stop", cases[i].auth,
                                              VM, NULL, NULL, NULL});

        assert_int_equal(ev.who.kind, cases[i].kind);
        assert_string_equal(ev.who.arn, cases[i].arn);
    }
}

static void who_comes_from_a_pool_has_a_provider_and_a_subject(void **state)
{
    struct fb_event ev = read_entry(
        *state, (struct entry){.service = "storage",
                               "storage.buckets.create",
                               "{'principalSubject':'principal://iam.googleapis.com/locations/"
                               "global/workforcePools/staff/subject/dana'}"});

    assert_string_equal(ev.who.idp,
                        "principal://iam.googleapis.com/locations/global/workforcePools/staff");
    assert_string_equal(ev.who.subject, "dana");
}

static void googles_agents_are_services_unless_a_key_is_told(void **state)
{
    static const struct {
        const char *email;
        bool agent;
    } cases[] = {
        {"123@cloudservices.gserviceaccount.com", true},
        {"service-123@compute-system.iam.gserviceaccount.com", true},
        {"service-123@container-engine-robot.iam.gserviceaccount.com", true},
        {"service-123@gcp-sa-logging.iam.gserviceaccount.com", true},
        {"service-agent-manager@system.gserviceaccount.com", true},
        {"mixer@prod.google.com", true},
        {"service-123@" PROJECT ".iam.gserviceaccount.com", false},
        {"123@cloudbuild.gserviceaccount.com", false},
        {"123-compute@developer.gserviceaccount.com", false},
        {"x@cloudservices.gserviceaccount.com.evil.example", false},
        {"x@notcompute-system.iam.gserviceaccount.com", false},
        {"compute-system.iam.gserviceaccount.com@evil.example", false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *plain = fb_arena_fmt(*state, "{'principalEmail':'%s'}", cases[i].email);
        const char *keyed = fb_arena_fmt(
            *state,
            "{'principalEmail':'%s','serviceAccountKeyName':'//x/serviceAccounts/y/keys/k'}",
            cases[i].email);
        struct fb_event ev = read_entry(
            *state, (struct entry){.service = "compute", "v1.compute.instances.insert", plain});

        if ((ev.who.kind == FB_WHO_SERVICE) != cases[i].agent)
            fail_msg("%s is %d", cases[i].email, (int)ev.who.kind);
        assert_string_equal(ev.who.invoked_by, cases[i].agent ? cases[i].email : "");
        ev = read_entry(*state,
                        (struct entry){.service = "compute", "v1.compute.instances.insert", keyed});
        assert_int_equal(ev.who.kind, FB_WHO_SERVICE_ACCOUNT);
        assert_string_equal(ev.who.invoked_by, "");
    }
}

static void the_delegation_history_is_kept_in_its_order_without_googles_agents(void **state)
{
    struct fb_event ev = read_entry(
        *state,
        (struct entry){
            .service = "compute",
            "v1.compute.instances.list",
            "{'principalEmail':'" ROBOT "','serviceAccountDelegationInfo':["
            "{'firstPartyPrincipal':{'principalEmail':'Carol@acme.example'}},"
            "{'principalSubject':'serviceAccount:mid@" PROJECT ".iam.gserviceaccount.com',"
            "'firstPartyPrincipal':{'principalEmail':'mid@" PROJECT ".iam.gserviceaccount.com'}},"
            "{},{'firstPartyPrincipal':{'principalEmail':'robot@prod.google.com'}}]}"});

    assert_int_equal(ev.who.delegate_count, 3);
    assert_string_equal(ev.who.delegates[0].identity, "carol@acme.example");
    assert_int_equal(ev.who.delegates[0].kind, FB_WHO_USER);
    assert_string_equal(ev.who.delegates[1].identity, "mid@" PROJECT ".iam.gserviceaccount.com");
    assert_int_equal(ev.who.delegates[1].kind, FB_WHO_SERVICE_ACCOUNT);
    assert_int_equal(ev.who.delegates[2].kind, FB_WHO_UNKNOWN);
    assert_trait(&ev, FB_T_SA_IMPERSONATION, true);
    assert_false(ev.who.instance_role);
}

static void a_token_that_an_agent_handed_out_is_a_machines_own(void **state)
{
    static const struct {
        const char *auth;
        bool machine;
    } cases[] = {
        {"{'principalEmail':'" ROBOT "','serviceAccountDelegationInfo':[{'firstPartyPrincipal':{"
         "'principalEmail':'service-1@serverless-robot-prod.iam.gserviceaccount.com'}}]}",
         true},
        {"{'principalEmail':'1-compute@developer.gserviceaccount.com'}", true},
        {"{'principalEmail':'1-compute@developer.gserviceaccount.com','serviceAccountKeyName':"
         "'//x/serviceAccounts/y/keys/k'}",
         false},
        {"{'principalEmail':'" ROBOT "'}", false},
        {"{'principalEmail':'carol@acme.example'}", false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fb_event ev = read_entry(
            *state, (struct entry){.service = "storage", "storage.buckets.list", cases[i].auth});

        assert_int_equal(ev.who.instance_role, cases[i].machine);
        assert_trait(&ev, FB_T_SA_IMPERSONATION, false);
    }
}

static void names_inside_a_cluster_stay_inside_it(void **state)
{
    static const char more[] = "'resource':{'type':'k8s_cluster','labels':{'project_id':'" PROJECT
                               "','location':'europe-west1','cluster_name':'web'}}";
    struct fb_event ev =
        read_entry(*state, (struct entry){"k8s", "io.k8s.core.v1.pods.create",
                                          "{'principalEmail':'system:serviceaccount:shop:api'}", "",
                                          NULL, NULL, more});

    assert_int_equal(ev.who.kind, FB_WHO_WEB_IDENTITY);
    assert_string_equal(ev.who.arn, PROJECT "/europe-west1/web/system:serviceaccount:shop:api");
    ev = read_entry(*state,
                    (struct entry){"k8s", "io.k8s.core.v1.pods.create",
                                   "{'principalEmail':'system:node:n-1'}", "", NULL, NULL, more});
    assert_int_equal(ev.who.kind, FB_WHO_SERVICE);
    ev = read_entry(*state,
                    (struct entry){"k8s", "io.k8s.core.v1.pods.create",
                                   "{'principalEmail':'system:anonymous'}", "", NULL, NULL, more});
    assert_int_equal(ev.who.kind, FB_WHO_UNKNOWN);
    assert_string_equal(ev.who.arn, "");
}

/* The first entry of a long call counts, the last adds nothing. */
static void a_launch_told_twice_counts_once(void **state)
{
    struct fb_event first = insert(*state, NULL, "'operation':{'id':'op-1','first':true}");
    struct fb_event last =
        insert(*state, NULL, "'operation':{'id':'op-1','last':true,'producer':'x'}");
    struct fb_event both =
        insert(*state, NULL, "'operation':{'id':'op-1','first':true,'last':true}");

    assert_trait(&first, FB_T_LAUNCH, true);
    assert_int_equal(first.made_count, 1);
    assert_false(first.follow_up);
    assert_string_equal(first.operation, "op-1");
    assert_trait(&last, FB_T_LAUNCH, false);
    assert_trait(&last, FB_T_COMPUTE_CREATE, false);
    assert_int_equal(last.launch.count, 0);
    assert_int_equal(last.made_count, 0);
    assert_true(last.follow_up);
    assert_string_equal(last.operation, "op-1");
    assert_int_equal(last.kind, FB_EV_CALL);
    assert_trait(&both, FB_T_LAUNCH, true);
    assert_false(both.follow_up);
}

static void a_limit_that_only_the_last_entry_tells_is_told(void **state)
{
    struct fb_event last = insert(*state, "'status':{'code':8,'message':'QUOTA_EXCEEDED'}",
                                  "'operation':{'id':'op-1','last':true}");

    assert_trait(&last, FB_T_QUOTA_ERROR, true);
    assert_trait(&last, FB_T_COMPUTE_CREATE, false);
    assert_int_equal(last.outcome, FB_OUTCOME_FAILED);
}

static void an_entry_cut_into_parts_counts_once_and_each_part_is_heard(void **state)
{
    struct fb_event one = insert(*state, NULL, "'split':{'uid':'u','index':0,'totalSplits':2}");
    struct fb_event two = insert(*state, NULL, "'split':{'uid':'u','index':1,'totalSplits':2}");

    assert_trait(&one, FB_T_LAUNCH, true);
    assert_trait(&two, FB_T_LAUNCH, false);
    assert_string_equal(one.id, "i-1");
    assert_string_not_equal(two.id, one.id);
}

static void places_become_regions(void **state)
{
    static const struct {
        const char *resource, *more, *region;
    } cases[] = {
        {"projects/p/zones/europe-west4-b/instances/x", NULL, "europe-west4"},
        {"projects/p/regions/asia-east1/subnetworks/x", NULL, "asia-east1"},
        {"projects/p/locations/us-central1/services/x", NULL, "us-central1"},
        {"projects/p/global/networks/x", NULL, ""},
        {"", "'resource':{'labels':{'zone':'me-central2-c','project_id':'" PROJECT "'}}",
         "me-central2"},
        {"", "'resource':{'labels':{'location':'global','project_id':'" PROJECT "'}}", ""},
        {"", "'resource':{'labels':{'location':'EU','project_id':'" PROJECT "'}}", "EU"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fb_event ev =
            read_entry(*state, (struct entry){"compute", "v1.compute.x.patch", CAROL,
                                              cases[i].resource, NULL, NULL, cases[i].more});

        assert_string_equal(ev.region, cases[i].region);
    }
}

static void an_address_inside_googles_network_is_no_services_name(void **state)
{
    struct fb_event ev =
        read_text(*state, "{'protoPayload':{'methodName':'storage.objects.get','requestMetadata':{"
                          "'callerIp':'gce-internal-ip'}}}");

    assert_string_equal(ev.ip, "");
    ev = read_text(*state, "{'protoPayload':{'methodName':'storage.objects.get','requestMetadata':{"
                           "'callerIP':'2001:db8::1'}}}");
    assert_string_equal(ev.ip, "2001:db8::1");
}

static void organizations_have_accounts_of_their_own(void **state)
{
    struct fb_event ev =
        read_text(*state, "{'logName':'organizations/99/logs/cloudaudit.googleapis.com%2Factivity',"
                          "'protoPayload':{'methodName':'SetIamPolicy'}}");

    assert_string_equal(ev.account, "organizations/99");
}

static void an_export_in_bigquerys_columns_reads_the_same(void **state)
{
    struct fb_event ev = read_text(
        *state,
        "{'insertId':'i-7','timestamp':'2026-01-02T03:04:05Z','resource':{'labels':{'project_id':"
        "'" PROJECT "','zone':null}},'protopayload_auditlog':{'serviceName':"
        "'compute.googleapis.com','methodName':'v1.compute.instances.insert','resourceName':'" VM
        "','status':null,'authenticationInfo':{'principalEmail':'" ROBOT
        "','serviceAccountDelegationInfo':[],'serviceAccountKeyName':null},'requestJson':"
        "'{\\\"machineType\\\":\\\"zones/z/machineTypes/e2-medium\\\"}'},'operation':null}");

    assert_string_equal(ev.action, "instances.insert");
    assert_string_equal(ev.launch.type, "e2-medium");
    assert_string_equal(ev.who.arn, ROBOT);
}

static void sign_ins_of_people_are_sign_ins(void **state)
{
    struct fb_event ok = read_entry(
        *state, (struct entry){.service = "login", "google.login.LoginService.loginSuccess"});
    struct fb_event no = read_entry(
        *state, (struct entry){.service = "login", "google.login.LoginService.loginFailure"});

    assert_int_equal(ok.kind, FB_EV_SIGN_IN);
    assert_int_equal(ok.outcome, FB_OUTCOME_OK);
    assert_int_equal(no.outcome, FB_OUTCOME_FAILED);
}

static void a_log_line_that_is_no_audit_entry_is_googles_and_unknown(void **state)
{
    struct fb_event ev = read_text(*state, "{'insertId':'f-1','logName':'projects/p/logs/flows',"
                                           "'jsonPayload':{'bytes':1}}");

    assert_int_equal(ev.kind, FB_EV_UNKNOWN);
    assert_int_equal(ev.provider, FB_GCP);
    assert_string_equal(ev.id, "f-1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(an_entry_says_when_who_where_and_what),
        FB_TEST(method_names_lose_their_version_and_prefix),
        FB_TEST(an_entry_without_a_service_or_method_is_named_by_what_else_it_tells),
        FB_TEST(statuses_become_outcomes),
        FB_TEST(identities_have_one_form),
        FB_TEST(who_comes_from_a_pool_has_a_provider_and_a_subject),
        FB_TEST(googles_agents_are_services_unless_a_key_is_told),
        FB_TEST(the_delegation_history_is_kept_in_its_order_without_googles_agents),
        FB_TEST(a_token_that_an_agent_handed_out_is_a_machines_own),
        FB_TEST(names_inside_a_cluster_stay_inside_it),
        FB_TEST(a_launch_told_twice_counts_once),
        FB_TEST(a_limit_that_only_the_last_entry_tells_is_told),
        FB_TEST(an_entry_cut_into_parts_counts_once_and_each_part_is_heard),
        FB_TEST(places_become_regions),
        FB_TEST(an_address_inside_googles_network_is_no_services_name),
        FB_TEST(organizations_have_accounts_of_their_own),
        FB_TEST(an_export_in_bigquerys_columns_reads_the_same),
        FB_TEST(sign_ins_of_people_are_sign_ins),
        FB_TEST(a_log_line_that_is_no_audit_entry_is_googles_and_unknown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

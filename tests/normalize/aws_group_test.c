/* aws_group_test.c - which group a call makes, grows or launches for. */
#include "normalize/norm_test.h"

#define BY(service)                                                                                \
    "{'type':'AssumedRole','principalId':'AROAX:s','arn':'arn:aws:sts::" ACCOUNT                   \
    ":assumed-role/AWSServiceRoleForX/s','accountId':'" ACCOUNT "','invokedBy':'" service "'}"
#define TAGS(tags)                                                                                 \
    "{'tagSpecificationSet':{'items':[{'resourceType':'instance','tags':[" tags "]}]}}"
#define TAG(key, value) "{'key':'" key "','value':'" value "'}"

static void a_call_names_the_group_that_it_makes_or_grows(void **state)
{
    static const struct {
        const char *service, *action, *request, *response, *group;
    } cases[] = {
        {"autoscaling", "CreateAutoScalingGroup", "{'autoScalingGroupName':'web'}", NULL,
         "autoscaling:web"},
        {"autoscaling", "SetDesiredCapacity", "{'autoScalingGroupName':'web','desiredCapacity':9}",
         NULL, "autoscaling:web"},
        {"ec2", "CreateFleet", "{'CreateFleetRequest':{'Type':'maintain'}}",
         "{'CreateFleetResponse':{'fleetId':'fleet-1'}}", "fleet:fleet-1"},
        {"ec2", "RequestSpotFleet", "{}", "{'spotFleetRequestId':'sfr-1'}", "spotfleet:sfr-1"},
        {"ecs", "CreateService",
         "{'cluster':'arn:aws:ecs:eu-west-1:1:cluster/main','serviceName':'s'}", NULL,
         "ecs:main/s"},
        {"ecs", "UpdateService", "{'service':'s'}", NULL, "ecs:default/s"},
        {"eks", "CreateNodegroup", "{'clusterName':'c','nodegroupName':'n'}", NULL, "eks:c/n"},
        {"eks", "UpdateNodegroupConfig", "{'name':'c','nodegroupName':'n'}", NULL, "eks:c/n"},
        {"elasticmapreduce", "RunJobFlow", "{}", "{'jobFlowId':'j-1'}", "emr:j-1"},
        {"batch", "UpdateComputeEnvironment",
         "{'computeEnvironment':'arn:aws:batch:eu-west-1:1:compute-environment/ce'}", NULL,
         "batch:ce"},
        {"cloudformation", "UpdateStack",
         "{'stackName':'arn:aws:cloudformation:eu-west-1:1:stack/st/4f2b'}", NULL, "stack:st"},
        {"iam", "CreateUser", "{'userName':'u'}", NULL, ""},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fb_event ev =
            read_call(*state, (struct call){cases[i].service, cases[i].action, ALICE,
                                            cases[i].request, cases[i].response, NULL});

        assert_string_equal(ev.launch.group, cases[i].group);
        assert_string_equal(ev.launch.within, "");
    }
}

static const char *launched_for(struct fb_arena *a, const char *who, const char *request)
{
    return read_call(a, (struct call){"ec2", "RunInstances", who, request, NULL, NULL})
        .launch.group;
}

static void a_services_launch_names_its_group_by_the_tags_that_only_aws_can_set(void **state)
{
    const char *autoscaling = BY("autoscaling.amazonaws.com");

    assert_string_equal(
        launched_for(*state, autoscaling, TAGS(TAG("aws:autoscaling:groupName", "web"))),
        "autoscaling:web");
    assert_string_equal(
        launched_for(*state, BY("ec2fleet.amazonaws.com"), TAGS(TAG("aws:ec2:fleet-id", "f-1"))),
        "fleet:f-1");
    assert_string_equal(launched_for(*state, BY("elasticmapreduce.amazonaws.com"),
                                     TAGS(TAG("aws:elasticmapreduce:job-flow-id", "j-1"))),
                        "emr:j-1");
    /* Anybody may tag a group of their own so, to have its machines laid at another's door. */
    assert_string_equal(
        launched_for(*state, autoscaling,
                     TAGS(TAG("eks:cluster-name", "c") "," TAG("eks:nodegroup-name", "n") "," TAG(
                         "aws:autoscaling:groupName", "web"))),
        "autoscaling:web");
    assert_string_equal(
        launched_for(*state, autoscaling,
                     TAGS(TAG("eks:cluster-name", "c") "," TAG("eks:nodegroup-name", "n"))),
        "");
    /* A person's own launch is for no group, whatever it is tagged with. */
    assert_string_equal(launched_for(*state, ALICE, TAGS(TAG("aws:autoscaling:groupName", "web"))),
                        "");
}

static void a_group_that_a_service_makes_says_what_it_is_a_part_of(void **state)
{
    static const struct {
        const char *who, *name, *tags, *within;
    } cases[] = {
        {BY("eks-nodegroup.amazonaws.com"), "eks-n-1",
         TAG("eks:cluster-name", "c") "," TAG("eks:nodegroup-name", "n"), "eks:c/n"},
        {BY("cloudformation.amazonaws.com"), "g", TAG("aws:cloudformation:stack-name", "st"),
         "stack:st"},
        {BY("batch.amazonaws.com"), "ce-asg-0f1e", "", "batch:ce"},
        {BY("autoscaling.amazonaws.com"), "g",
         TAG("eks:cluster-name", "c") "," TAG("eks:nodegroup-name", "n"), ""},
        {ALICE, "g", TAG("aws:cloudformation:stack-name", "st"), ""},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fb_event ev = read_call(
            *state, (struct call){"autoscaling", "CreateAutoScalingGroup", cases[i].who,
                                  fb_arena_fmt(*state, "{'autoScalingGroupName':'%s','tags':[%s]}",
                                               cases[i].name, cases[i].tags),
                                  NULL, NULL});

        assert_string_equal(ev.launch.within, cases[i].within);
    }
}

static void a_group_that_is_emptied_starts_nothing(void **state)
{
    struct fb_event down = read_call(
        *state, (struct call){"autoscaling", "SetDesiredCapacity", ALICE,
                              "{'autoScalingGroupName':'web','desiredCapacity':0}", NULL, NULL});
    struct fb_event up =
        read_call(*state, (struct call){"autoscaling", "UpdateAutoScalingGroup", ALICE,
                                        "{'autoScalingGroupName':'web','maxSize':5}", NULL, NULL});

    assert_trait(&down, FB_T_COMPUTE_CREATE, false);
    assert_trait(&up, FB_T_COMPUTE_CREATE, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(a_call_names_the_group_that_it_makes_or_grows),
        FB_TEST(a_services_launch_names_its_group_by_the_tags_that_only_aws_can_set),
        FB_TEST(a_group_that_a_service_makes_says_what_it_is_a_part_of),
        FB_TEST(a_group_that_is_emptied_starts_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* aws_launch_test.c - how many machines of which type a call made or asked for. */
#include "normalize/norm_test.h"

#define MADE_TWO                                                                                   \
    "{'instancesSet':{'items':["                                                                   \
    "{'instanceId':'i-1','instanceType':'c5a.24xlarge','iamInstanceProfile':{"                     \
    "'arn':'arn:aws:iam::" ACCOUNT ":instance-profile/p/miner'}},"                                 \
    "{'instanceId':'i-2','instanceType':'c5a.24xlarge'}]}}"

static struct fb_event run(struct fb_arena *a, const char *request, const char *response,
                           const char *more)
{
    return read_call(a, (struct call){"ec2", "RunInstances", ALICE, request, response, more});
}

static void a_launch_that_worked_counts_the_machines_it_made(void **state)
{
    struct fb_event ev = run(*state,
                             "{'instanceType':'c5a.24xlarge','instancesSet':{'items':["
                             "{'imageId':'ami-1','minCount':1,'maxCount':5}]}}",
                             MADE_TWO, NULL);

    assert_trait(&ev, FB_T_COMPUTE_CREATE, true);
    assert_trait(&ev, FB_T_LAUNCH, true);
    assert_int_equal(ev.launch.count, 2);
    assert_string_equal(ev.launch.type, "c5a.24xlarge");
    assert_string_equal(ev.launch.profile_arn, "arn:aws:iam::" ACCOUNT ":instance-profile/p/miner");
    assert_int_equal(ev.made_count, 2);
    assert_string_equal(ev.made[1].kind, "instance");
    assert_string_equal(ev.made[1].id, "i-2");
    assert_string_equal(ev.made[1].type, "c5a.24xlarge");
    assert_string_equal(ev.made[1].region, "eu-west-1");
    assert_string_equal(ev.made[1].owner, "");
}

static void a_launch_that_failed_counts_the_machines_it_asked_for(void **state)
{
    static const char request[] = "{'instanceType':'p4d.24xlarge','instancesSet':{'items':["
                                  "{'minCount':1,'maxCount':8}]}}";
    struct fb_event denied =
        run(*state, request, NULL, "'errorCode':'Client.UnauthorizedOperation'");
    struct fb_event dry = run(*state, request, NULL, "'errorCode':'Client.DryRunOperation'");
    struct fb_event quota = run(*state, request, NULL, "'errorCode':'Client.VcpuLimitExceeded'");

    assert_int_equal(denied.outcome, FB_OUTCOME_DENIED);
    assert_int_equal(denied.launch.count, 8);
    assert_string_equal(denied.launch.type, "p4d.24xlarge");
    assert_int_equal(denied.made_count, 0);
    assert_int_equal(dry.outcome, FB_OUTCOME_FAILED);
    assert_trait(&dry, FB_T_DRY_RUN, true);
    assert_int_equal(dry.launch.count, 8);
    assert_trait(&quota, FB_T_QUOTA_ERROR, true);
    assert_int_equal(quota.launch.count, 8);
}

static void a_failed_launch_makes_nothing_whatever_the_response_says(void **state)
{
    struct fb_event ev = run(*state, "{'instancesSet':{'items':[{'maxCount':3}]}}", MADE_TWO,
                             "'errorCode':'AccessDenied'");

    assert_int_equal(ev.made_count, 0);
    assert_int_equal(ev.launch.count, 3);
}

static void a_launch_template_hides_the_type_until_the_response_shows_it(void **state)
{
    static const char request[] = "{'launchTemplate':{'launchTemplateId':'lt-1','version':'3'},"
                                  "'instancesSet':{'items':[{'maxCount':2,'minCount':2}]}}";
    struct fb_event failed = run(*state, request, NULL, "'errorCode':'Client.VcpuLimitExceeded'");
    struct fb_event ok = run(*state, request, MADE_TWO, NULL);
    struct fb_event named = run(*state,
                                "{'launchTemplate':{'launchTemplateName':'gpu'},'instancesSet':{"
                                "'items':[{'maxCount':1}]}}",
                                NULL, NULL);

    assert_string_equal(failed.launch.type, "");
    assert_string_equal(failed.launch.template_id, "lt-1");
    assert_int_equal(failed.launch.count, 2);
    assert_string_equal(ok.launch.type, "c5a.24xlarge");
    assert_string_equal(ok.launch.template_id, "lt-1");
    assert_string_equal(named.launch.template_name, "gpu");
    assert_int_equal(named.launch.count, 1);
}

static void a_type_may_be_wrapped_in_a_value(void **state)
{
    struct fb_event ev = run(*state,
                             "{'instanceType':{'value':'g5.48xlarge'},'instancesSet':{'items':["
                             "{'maxCount':'4'}]}}",
                             NULL, NULL);

    assert_string_equal(ev.launch.type, "g5.48xlarge");
    assert_int_equal(ev.launch.count, 4);
}

static void lists_are_read_in_every_dialect(void **state)
{
    static const char *const lists[] = {"{'items':[{'maxCount':3}]}", "{'item':{'maxCount':3}}",
                                        "[{'maxCount':3}]", "{'items':{'maxCount':3}}",
                                        "{'item':[{'maxCount':1},{'maxCount':2}]}"};
    static const char *const empty[] = {"{}", "{'items':[]}", "null", "{'items':null}", "7"};

    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        assert_int_equal(
            run(*state, fb_arena_fmt(*state, "{'instancesSet':%s}", lists[i]), NULL, NULL)
                .launch.count,
            3);
    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++) {
        struct fb_event ev =
            run(*state, fb_arena_fmt(*state, "{'instancesSet':%s}", empty[i]), NULL, NULL);

        assert_int_equal(ev.launch.count, 0);
        assert_trait(&ev, FB_T_LAUNCH, false);
        assert_trait(&ev, FB_T_COMPUTE_CREATE, true);
    }
}

static void an_absurd_count_is_clamped_and_a_negative_one_is_none(void **state)
{
    struct fb_event huge =
        run(*state, "{'instancesSet':{'items':[{'maxCount':9007199254740991},{'maxCount':5}]}}",
            NULL, NULL);
    struct fb_event negative =
        run(*state, "{'instancesSet':{'items':[{'maxCount':-5}]}}", NULL, NULL);

    assert_int_equal(huge.launch.count, 1000000);
    assert_int_equal(negative.launch.count, 0);
}

static void a_profile_given_by_name_compares_equal_to_its_arn(void **state)
{
    struct fb_event ev = run(
        *state, "{'iamInstanceProfile':{'name':'web'},'instancesSet':{'items':[{'maxCount':1}]}}",
        NULL, NULL);

    assert_string_equal(ev.launch.profile_arn, "arn:aws:iam::" ACCOUNT ":instance-profile/web");
}

static void a_fleet_tells_its_size_type_and_template(void **state)
{
    struct fb_event ev = read_call(
        *state,
        (struct call){"ec2", "CreateFleet", ALICE,
                      "{'CreateFleetRequest':{'Type':'instant','TargetCapacitySpecification':{"
                      "'TotalTargetCapacity':25,'DefaultTargetCapacityType':'spot'},"
                      "'LaunchTemplateConfigs':{'tag':1,'LaunchTemplateSpecification':{"
                      "'LaunchTemplateId':'lt-9','Version':'1'},'Overrides':[{'tag':1,"
                      "'InstanceType':'g5.xlarge'},{'tag':2,'InstanceType':'g5.2xlarge'}]}}}",
                      NULL, "'errorCode':'Client.MaxFleetCountExceeded'"});

    assert_int_equal(ev.launch.count, 25);
    assert_string_equal(ev.launch.type, "g5.xlarge");
    assert_string_equal(ev.launch.template_id, "lt-9");
    assert_trait(&ev, FB_T_LAUNCH, true);
    assert_trait(&ev, FB_T_MAX_COUNT, true);
}

static void an_instant_fleet_names_the_machines_it_made(void **state)
{
    struct fb_event ev = read_call(
        *state,
        (struct call){"ec2", "CreateFleet", ALICE,
                      "{'CreateFleetRequest':{'TargetCapacitySpecification':{"
                      "'TotalTargetCapacity':3}}}",
                      "{'CreateFleetResponse':{'fleetId':'fleet-1','fleetInstanceSet':{'item':["
                      "{'instanceType':'c6a.48xlarge','instanceIds':{'item':['i-7','i-8']}},"
                      "{'instanceType':'c6a.48xlarge','instanceIds':{'item':'i-9'}}]}}}",
                      NULL});

    assert_int_equal(ev.launch.count, 3);
    assert_int_equal(ev.made_count, 3);
    assert_string_equal(ev.made[2].id, "i-9");
    assert_string_equal(ev.made[0].type, "c6a.48xlarge");
    assert_string_equal(ev.launch.type, "c6a.48xlarge");
}

static void spot_requests_and_spot_fleets_tell_their_size(void **state)
{
    struct fb_event fleet = read_call(
        *state,
        (struct call){"ec2", "RequestSpotFleet", ALICE,
                      "{'spotFleetRequestConfig':{'targetCapacity':40,'launchSpecifications':["
                      "{'instanceType':'m5.24xlarge'}]}}",
                      NULL, NULL});
    struct fb_event spot = read_call(
        *state,
        (struct call){"ec2", "RequestSpotInstances", ALICE,
                      "{'instanceCount':12,'launchSpecification':{'instanceType':'c5.4xlarge'"
                      ",'iamInstanceProfile':{'name':'web'}}}",
                      NULL, NULL});
    struct fb_event bare =
        read_call(*state, (struct call){"ec2", "RequestSpotInstances", ALICE, NULL, NULL,
                                        "'errorCode':'AccessDenied'"});

    assert_int_equal(fleet.launch.count, 40);
    assert_string_equal(fleet.launch.type, "m5.24xlarge");
    assert_int_equal(spot.launch.count, 12);
    assert_string_equal(spot.launch.type, "c5.4xlarge");
    assert_string_equal(spot.launch.profile_arn, "arn:aws:iam::" ACCOUNT ":instance-profile/web");
    assert_int_equal(bare.launch.count, 0);
}

static void a_new_scaling_group_launches_what_it_desires(void **state)
{
    struct fb_event ev = read_call(
        *state,
        (struct call){"autoscaling", "CreateAutoScalingGroup", ALICE,
                      "{'autoScalingGroupName':'g1','minSize':2,'maxSize':999,'desiredCapacity':5,"
                      "'launchTemplate':{'launchTemplateName':'gpu'}}",
                      NULL, NULL});
    struct fb_event least = read_call(
        *state, (struct call){"autoscaling", "CreateAutoScalingGroup", ALICE,
                              "{'autoScalingGroupName':'g2','minSize':2,'maxSize':4}", NULL, NULL});

    assert_int_equal(ev.launch.count, 5);
    assert_string_equal(ev.launch.template_name, "gpu");
    assert_trait(&ev, FB_T_LAUNCH, true);
    assert_trait(&ev, FB_T_GROUP_BLOWUP, true);
    assert_int_equal(ev.made_count, 1);
    assert_string_equal(ev.made[0].kind, "group");
    assert_string_equal(ev.made[0].id, "g1");
    assert_int_equal(least.launch.count, 2);
    assert_trait(&least, FB_T_GROUP_BLOWUP, false);
}

static void a_resize_tells_its_new_size_but_is_no_launch_of_that_many(void **state)
{
    struct fb_event set = read_call(
        *state, (struct call){"autoscaling", "SetDesiredCapacity", ALICE,
                              "{'autoScalingGroupName':'g1','desiredCapacity':20}", NULL, NULL});
    struct fb_event update =
        read_call(*state, (struct call){"autoscaling", "UpdateAutoScalingGroup", ALICE,
                                        "{'autoScalingGroupName':'g1','maxSize':6}", NULL, NULL});

    assert_int_equal(set.launch.count, 20);
    assert_trait(&set, FB_T_LAUNCH, false);
    assert_trait(&set, FB_T_COMPUTE_CREATE, true);
    assert_trait(&set, FB_T_GROUP_BLOWUP, true);
    assert_int_equal(set.made_count, 0);
    assert_int_equal(update.launch.count, 0);
    assert_trait(&update, FB_T_GROUP_BLOWUP, false);
}

static void a_launch_template_is_no_launch_but_tells_the_type_to_come(void **state)
{
    struct fb_event ev = read_call(
        *state,
        (struct call){"ec2", "CreateLaunchTemplate", ALICE,
                      "{'CreateLaunchTemplateRequest':{'LaunchTemplateName':'gpu',"
                      "'LaunchTemplateData':{'InstanceType':'g4dn.12xlarge'}}}",
                      "{'CreateLaunchTemplateResponse':{'launchTemplate':{'launchTemplateId':"
                      "'lt-77','launchTemplateName':'gpu'}}}",
                      NULL});

    assert_int_equal(ev.launch.count, 0);
    assert_trait(&ev, FB_T_LAUNCH, false);
    assert_string_equal(ev.launch.type, "g4dn.12xlarge");
    assert_string_equal(ev.launch.template_id, "lt-77");
    assert_string_equal(ev.launch.template_name, "gpu");
}

static void a_launch_tells_its_zone_where_the_call_or_the_answer_does(void **state)
{
    static const struct {
        const char *zone;
        struct call call;
    } calls[] = {
        {"eu-west-1a",
         {"ec2", "RunInstances", ALICE,
          "{'placement':{'availabilityZone':'eu-west-1a'},'instancesSet':{'items':[{'maxCount':1}]}"
          "}",
          NULL, NULL}},
        {"eu-west-1b",
         {"ec2", "RunInstances", ALICE, "{'instancesSet':{'items':[{'maxCount':1}]}}",
          "{'instancesSet':{'items':[{'instanceId':'i-1','placement':{'availabilityZone':"
          "'eu-west-1b'}}]}}",
          NULL}},
        {"eu-west-1c",
         {"ec2", "RequestSpotInstances", ALICE,
          "{'launchSpecification':{'placement':{'availabilityZone':'eu-west-1c'}}}", NULL, NULL}},
        {"", {"ec2", "RunInstances", ALICE, "{'placement':'x'}", NULL, NULL}},
    };

    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        assert_string_equal(read_call(*state, calls[i].call).launch.zone, calls[i].zone);
}

static void a_task_definition_tells_the_image_from_elsewhere(void **state)
{
    struct fb_event ev = read_call(
        *state, (struct call){"ecs", "RegisterTaskDefinition", ALICE,
                              "{'containerDefinitions':[{'image':'" ACCOUNT
                              ".dkr.ecr.eu-west-1.amazonaws.com/a:1'},{'image':'x/miner'}]}",
                              NULL, NULL});

    assert_string_equal(ev.launch.image, "x/miner");
}

static void a_machine_given_a_profile_later_tells_it(void **state)
{
    struct fb_event ev =
        read_call(*state, (struct call){"ec2", "AssociateIamInstanceProfile", ALICE,
                                        "{'AssociateIamInstanceProfileRequest':{'InstanceId':'i-1',"
                                        "'IamInstanceProfile':{'Name':'admin'}}}",
                                        NULL, NULL});

    assert_string_equal(ev.launch.profile_arn, "arn:aws:iam::" ACCOUNT ":instance-profile/admin");
    assert_int_equal(ev.launch.count, 0);
    assert_trait(&ev, FB_T_LAUNCH, false);
}

/* What starts machines, tasks and functions for its maker is named, so that it can be stopped. */
static void what_starts_more_is_named_by_the_call_that_makes_it(void **state)
{
    static const struct {
        struct call call;
        const char *kind, *id;
    } CASES[] = {
        {{"ec2", "CreateFleet", ALICE,
          "{'CreateFleetRequest':{'TargetCapacitySpecification':{'TotalTargetCapacity':40}}}",
          "{'CreateFleetResponse':{'fleetId':'fleet-1'}}", NULL},
         "fleet",
         "fleet-1"},
        {{"ec2", "RequestSpotFleet", ALICE, "{'spotFleetRequestConfig':{'targetCapacity':4}}",
          "{'spotFleetRequestId':'sfr-1'}", NULL},
         "spot_fleet",
         "sfr-1"},
        {{"ec2", "RequestSpotInstances", ALICE, "{'instanceCount':1}",
          "{'spotInstanceRequestSet':{'items':[{'spotInstanceRequestId':'sir-1'}]}}", NULL},
         "spot_request",
         "sir-1"},
        {{"ecs", "CreateService", ALICE,
          "{'cluster':'arn:aws:ecs:us-east-1:111122223333:cluster/big','serviceName':'mine'}",
          "{'service':{'serviceName':'mine'}}", NULL},
         "ecs_service",
         "big/mine"},
        {{"ecs", "CreateService", ALICE, "{'serviceName':'mine'}", "{}", NULL},
         "ecs_service",
         "default/mine"},
        {{"ecs", "RunTask", ALICE, "{'cluster':'big'}",
          "{'tasks':[{'taskArn':'arn:aws:ecs:us-east-1:111122223333:task/big/0a1b'}]}", NULL},
         "ecs_task",
         "big/0a1b"},
        {{"lambda", "CreateFunctionUrlConfig20211031", ALICE,
          "{'functionName':'arn:aws:lambda:us-east-1:111122223333:function:f','authType':'NONE'}",
          "{}", NULL},
         "function_url",
         "f"},
        {{"lambda", "CreateFunctionUrlConfig20211031", ALICE,
          "{'functionName':'f','authType':'AWS_IAM'}", "{}", NULL},
         "function_url",
         "f"},
    };

    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct fb_event ev = read_call(*state, CASES[i].call);

        assert_int_equal(ev.made_count, 1);
        assert_string_equal(ev.made[0].kind, CASES[i].kind);
        assert_string_equal(ev.made[0].id, CASES[i].id);
        assert_string_equal(ev.made[0].region, ev.region);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(a_launch_that_worked_counts_the_machines_it_made),
        FB_TEST(a_launch_that_failed_counts_the_machines_it_asked_for),
        FB_TEST(a_failed_launch_makes_nothing_whatever_the_response_says),
        FB_TEST(a_launch_template_hides_the_type_until_the_response_shows_it),
        FB_TEST(a_type_may_be_wrapped_in_a_value),
        FB_TEST(lists_are_read_in_every_dialect),
        FB_TEST(an_absurd_count_is_clamped_and_a_negative_one_is_none),
        FB_TEST(a_profile_given_by_name_compares_equal_to_its_arn),
        FB_TEST(a_fleet_tells_its_size_type_and_template),
        FB_TEST(an_instant_fleet_names_the_machines_it_made),
        FB_TEST(spot_requests_and_spot_fleets_tell_their_size),
        FB_TEST(a_new_scaling_group_launches_what_it_desires),
        FB_TEST(a_resize_tells_its_new_size_but_is_no_launch_of_that_many),
        FB_TEST(a_launch_template_is_no_launch_but_tells_the_type_to_come),
        FB_TEST(a_launch_tells_its_zone_where_the_call_or_the_answer_does),
        FB_TEST(a_task_definition_tells_the_image_from_elsewhere),
        FB_TEST(a_machine_given_a_profile_later_tells_it),
        FB_TEST(what_starts_more_is_named_by_the_call_that_makes_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

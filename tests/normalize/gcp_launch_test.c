/* gcp_launch_test.c - how many of Google's machines of which type a call starts, and their names.
 */
#include "normalize/gcp_entry.h"

#define VM "projects/123456/zones/us-central1-a/instances/vm-1"

static struct fb_event call(struct fb_arena *a, const char *service, const char *method,
                            const char *resource, const char *request)
{
    return read_entry(a, (struct entry){service, method, CAROL, resource, request, NULL, NULL});
}

static void a_machine_has_its_type_accelerators_account_and_one_name(void **state)
{
    struct fb_event ev =
        call(*state, "compute", "v1.compute.instances.insert", VM,
             "{'machineType':'https://www.googleapis.com/compute/v1/projects/p/zones/us-central1-a/"
             "machineTypes/n1-standard-8','guestAccelerators':[{'acceleratorType':"
             "'projects/p/zones/z/acceleratorTypes/nvidia-tesla-t4','acceleratorCount':2}],"
             "'serviceAccounts':[{'email':'" ROBOT "'}]}");

    assert_string_equal(ev.launch.type, "n1-standard-8");
    assert_int_equal(ev.launch.count, 1);
    assert_string_equal(ev.launch.gpu_type, "nvidia-tesla-t4");
    assert_int_equal(ev.launch.gpu_count, 2);
    assert_string_equal(ev.launch.profile_arn, ROBOT);
    assert_int_equal(ev.made_count, 1);
    assert_string_equal(ev.made[0].kind, "instance");
    /* The project's id, though the resource's name carries its number. */
    assert_string_equal(ev.made[0].id, "projects/" PROJECT "/zones/us-central1-a/instances/vm-1");
    assert_string_equal(ev.made[0].region, "us-central1");
    assert_string_equal(ev.made[0].type, "n1-standard-8");
    assert_string_equal(ev.target_id, ev.made[0].id);
}

static void a_refused_launch_makes_nothing_and_still_says_what_was_asked(void **state)
{
    struct fb_event ev = read_entry(
        *state, (struct entry){"compute", "v1.compute.instances.insert", CAROL, VM,
                               "{'machineType':'custom-4-8192'}", "'status':{'code':7}", NULL});

    assert_int_equal(ev.made_count, 0);
    assert_int_equal(ev.launch.count, 1);
    assert_string_equal(ev.launch.type, "custom-4-8192");
}

static void a_bulk_call_counts_what_it_asks_and_names_what_it_names(void **state)
{
    struct fb_event ev = call(*state, "compute", "v1.compute.instances.bulkInsert",
                              "projects/p/zones/us-east4-b/instances",
                              "{'count':'3','instanceProperties':{'machineType':'c2-standard-60'},"
                              "'perInstanceProperties':{'a':{},'b':{}}}");

    assert_int_equal(ev.launch.count, 3);
    assert_string_equal(ev.launch.type, "c2-standard-60");
    assert_int_equal(ev.made_count, 2);
    assert_string_equal(ev.made[1].id, "projects/" PROJECT "/zones/us-east4-b/instances/b");
    ev = call(*state, "compute", "v1.compute.regionInstances.bulkInsert",
              "projects/p/regions/us-east4/instances",
              "{'count':5,'instanceProperties':{'machineType':'e2-small'}}");
    assert_int_equal(ev.launch.count, 5);
    assert_string_equal(ev.region, "us-east4");
    assert_int_equal(ev.made_count, 0);
}

static void a_group_tells_its_size_and_its_template(void **state)
{
    struct fb_event ev =
        call(*state, "compute", "v1.compute.instanceGroupManagers.insert",
             "projects/p/zones/us-central1-a/instanceGroupManagers/g",
             "{'targetSize':4,'instanceTemplate':'projects/p/global/instanceTemplates/t-1'}");

    assert_int_equal(ev.launch.count, 4);
    assert_string_equal(ev.launch.template_name, "t-1");
    assert_trait(&ev, FB_T_LAUNCH, true);
    assert_int_equal(ev.made_count, 1);
    assert_string_equal(ev.made[0].kind, "group");
    ev = call(*state, "compute", "v1.compute.instanceGroupManagers.resize",
              "projects/p/zones/us-central1-a/instanceGroupManagers/g", "{'size':7}");
    assert_int_equal(ev.launch.count, 7);
    assert_trait(&ev, FB_T_LAUNCH, false);
    ev = call(*state, "compute", "v1.compute.regionInstanceGroupManagers.createInstances",
              "projects/p/regions/us-central1/instanceGroupManagers/g",
              "{'instances':[{'name':'a'},{'name':'b'}]}");
    assert_int_equal(ev.launch.count, 2);
}

static void a_template_tells_the_type_that_its_groups_hide(void **state)
{
    struct fb_event ev = call(*state, "compute", "v1.compute.instanceTemplates.insert",
                              "projects/p/global/instanceTemplates/t-1",
                              "{'properties':{'machineType':'a2-highgpu-8g'}}");

    assert_string_equal(ev.launch.type, "a2-highgpu-8g");
    assert_string_equal(ev.launch.template_name, "t-1");
    assert_int_equal(ev.launch.count, 0);
    assert_trait(&ev, FB_T_LAUNCH, false);
}

static void clusters_and_node_pools_count_their_nodes(void **state)
{
    struct fb_event ev = call(
        *state, "container", "google.container.v1.ClusterManager.CreateCluster",
        "projects/p/locations/us-central1/clusters/c",
        "{'cluster':{'nodePools':[{'initialNodeCount':3,'config':{'machineType':'e2-standard-4'}},"
        "{'initialNodeCount':2,'config':{'machineType':'n2-standard-8'}}]}}");

    assert_int_equal(ev.launch.count, 5);
    assert_string_equal(ev.launch.type, "e2-standard-4");
    ev = call(*state, "container", "google.container.v1.ClusterManager.CreateNodePool",
              "projects/p/locations/us-central1/clusters/c",
              "{'nodePool':{'initialNodeCount':1,'config':{'machineType':'n1-standard-8',"
              "'accelerators':[{'acceleratorType':'nvidia-l4','acceleratorCount':'4'}]}}}");
    assert_int_equal(ev.launch.count, 1);
    assert_string_equal(ev.launch.gpu_type, "nvidia-l4");
    assert_int_equal(ev.launch.gpu_count, 4);
    ev = call(*state, "container", "google.container.v1.ClusterManager.SetNodePoolSize",
              "projects/p/locations/us-central1/clusters/c/nodePools/n", "{'nodeCount':9}");
    assert_int_equal(ev.launch.count, 9);
    assert_trait(&ev, FB_T_LAUNCH, false);
}

static void services_with_machines_of_their_own_count_them(void **state)
{
    struct fb_event ev =
        call(*state, "aiplatform", "google.cloud.aiplatform.v1.JobService.CreateCustomJob", "",
             "{'customJob':{'jobSpec':{'workerPoolSpecs':[{'machineSpec':{'machineType':"
             "'n1-highmem-16','acceleratorType':'NVIDIA_TESLA_V100','acceleratorCount':8},"
             "'replicaCount':'4'}]}}}");

    assert_int_equal(ev.launch.count, 4);
    assert_string_equal(ev.launch.type, "n1-highmem-16");
    assert_string_equal(ev.launch.gpu_type, "NVIDIA_TESLA_V100");
    assert_int_equal(ev.launch.gpu_count, 8);
    ev = call(*state, "notebooks", "google.cloud.notebooks.v1.NotebookService.CreateInstance", "",
              "{'instance':{'machineType':'n1-standard-4','acceleratorConfig':{'type':"
              "'NVIDIA_TESLA_T4','coreCount':1}}}");
    assert_int_equal(ev.launch.count, 1);
    assert_string_equal(ev.launch.gpu_type, "NVIDIA_TESLA_T4");
    ev = call(*state, "dataproc", "google.cloud.dataproc.v1.ClusterController.CreateCluster", "",
              "{'cluster':{'config':{'masterConfig':{'numInstances':1,'machineTypeUri':"
              "'n2-standard-4'},'workerConfig':{'numInstances':10,'machineTypeUri':"
              "'n2-standard-4'}}}}");
    assert_int_equal(ev.launch.count, 11);
    assert_trait(&ev, FB_T_MAX_COUNT, true);
}

static void deep_and_wide_requests_end(void **state)
{
    const char *deep = "{'machineType':'e2-small'}";
    struct fb_event ev;

    for (int i = 0; i < 40; i++)
        deep = fb_arena_fmt(*state, "{'x':%s}", deep);
    ev = call(*state, "batch", "google.cloud.batch.v1.BatchService.CreateJob", "", deep);
    assert_int_equal(ev.launch.count, 0);
    ev = call(*state, "compute", "v1.compute.instances.bulkInsert", "",
              "{'count':999999999999999999}");
    assert_int_equal(ev.launch.count, 1000000);
    ev = call(*state, "compute", "v1.compute.instances.bulkInsert", "", "{'count':-5}");
    assert_int_equal(ev.launch.count, 0);
}

static void a_group_and_what_is_launched_for_it_go_by_one_name(void **state)
{
    static const struct {
        const char *service, *method, *resource, *request, *group, *within;
    } cases[] = {
        {"compute", "v1.compute.instanceGroupManagers.insert",
         "projects/p/zones/us-central1-a/instanceGroupManagers/web", "{'targetSize':3}", "mig:web",
         ""},
        {"compute", "v1.compute.autoscalers.insert", "projects/p/zones/us-central1-a/autoscalers/a",
         "{'target':'https://x/zones/us-central1-a/instanceGroupManagers/web'}", "mig:web", ""},
        {"compute", "v1.compute.instances.insert", VM,
         "{'metadata':{'items':[{'key':'created-by','value':'projects/1/zones/us-central1-a/"
         "instanceGroupManagers/web'}]}}",
         "mig:web", ""},
        {"compute", "v1.compute.instances.insert", VM, "{'name':'vm-1'}", "", ""},
        {"compute", "v1.compute.instanceGroupManagers.insert",
         "projects/p/zones/us-central1-a/instanceGroupManagers/gke-prod-gpu-pool-1a2b3c4d-grp",
         "{'targetSize':3}", "mig:gke-prod-gpu-pool-1a2b3c4d-grp", "gke:prod-gpu-pool"},
        {"container", "google.container.v1.ClusterManager.CreateNodePool",
         "projects/p/locations/us-central1-a/clusters/prod",
         "{'nodePool':{'name':'gpu-pool','initialNodeCount':2}}", "gke:prod-gpu-pool", ""},
        {"container", "google.container.v1.ClusterManager.SetNodePoolSize",
         "projects/p/locations/us-central1-a/clusters/prod/nodePools/gpu-pool", "{'nodeCount':9}",
         "gke:prod-gpu-pool", ""},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fb_event ev =
            call(*state, cases[i].service, cases[i].method, cases[i].resource, cases[i].request);

        assert_string_equal(ev.launch.group, cases[i].group);
        assert_string_equal(ev.launch.within, cases[i].within);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(a_group_and_what_is_launched_for_it_go_by_one_name),
        FB_TEST(a_machine_has_its_type_accelerators_account_and_one_name),
        FB_TEST(a_refused_launch_makes_nothing_and_still_says_what_was_asked),
        FB_TEST(a_bulk_call_counts_what_it_asks_and_names_what_it_names),
        FB_TEST(a_group_tells_its_size_and_its_template),
        FB_TEST(a_template_tells_the_type_that_its_groups_hide),
        FB_TEST(clusters_and_node_pools_count_their_nodes),
        FB_TEST(services_with_machines_of_their_own_count_them),
        FB_TEST(deep_and_wide_requests_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

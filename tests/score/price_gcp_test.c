/* price_gcp_test.c - sizes and prices of Google's machine types. */
#include "support/fb_test.h"

#include <math.h>

#include "score/price.h"

enum { LINE_MAX_BYTES = 256 };

static void listed_types_have_their_listed_size_and_price(void **state)
{
    static const struct {
        const char *type;
        int vcpu, gpus;
        int64_t micros;
    } facts[] = {
        {"n2d-highcpu-224", 224, 0, 6990000},
        {"c2-standard-60", 60, 0, 3130000},
        {"e2-standard-32", 32, 0, 1070000},
        {"a2-highgpu-8g", 96, 8, 29390000},
    };

    (void)state;
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
        struct fb_size size = fb_price_gcp(facts[i].type, "", 0);

        assert_true(size.from_table);
        assert_int_equal(size.vcpu, facts[i].vcpu);
        assert_int_equal(size.gpus, facts[i].gpus);
        assert_int_equal(size.usd_micros_per_hour, facts[i].micros);
    }
}

static void a_type_in_a_url_is_the_type(void **state)
{
    struct fb_size bare = fb_price_gcp("n2-standard-8", "", 0);
    struct fb_size url = fb_price_gcp(
        "https://www.googleapis.com/compute/v1/projects/p/zones/z/machineTypes/n2-standard-8", "",
        0);

    (void)state;
    assert_int_equal(url.vcpu, 8);
    assert_int_equal(url.usd_micros_per_hour, bare.usd_micros_per_hour);
}

static void the_rules_answer_for_types_that_no_list_knows(void **state)
{
    static const struct {
        const char *type;
        int vcpu, gpus;
        int64_t micros;
    } rules[] = {
        {"custom-4-8192", 4, 0, 4 * 40000},
        {"n2-custom-48-65536", 48, 0, 48 * 40000},
        {"n2-custom-48-65536-ext", 48, 0, 48 * 40000},
        {"e2-custom-small", 2, 0, 2 * 30000},
        {"c2-standard-600", 600, 0, 600 * 52000},
        {"zz9-standard-16", 16, 0, 16 * 50000},
        {"a2-newgpu-4g", 48, 4, 48 * 50000 + 4 * 2900000},
        {"a3-newgpu-2g", 52, 2, 52 * 50000 + 2 * 10000000},
        {"g2-standard-60", 60, 5, 60 * 50000 + 5 * 600000},
        {"", 8, 0, 8 * 50000},
        {"-", 8, 0, 8 * 50000},
        {"nonsense", 8, 0, 8 * 50000},
        {"n2-standard-99999999999999999999", 4096, 0, INT64_C(4096) * 40000},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        struct fb_size size = fb_price_gcp(rules[i].type, "", 0);

        assert_false(size.from_table);
        assert_int_equal(size.vcpu, rules[i].vcpu);
        assert_int_equal(size.gpus, rules[i].gpus);
        assert_int_equal(size.usd_micros_per_hour, rules[i].micros);
    }
}

static void accelerators_of_a_request_are_added(void **state)
{
    struct fb_size bare = fb_price_gcp("n1-standard-8", "", 0);
    struct fb_size two = fb_price_gcp("n1-standard-8", "nvidia-tesla-t4", 2);
    struct fb_size vertex = fb_price_gcp("n1-standard-8", "NVIDIA_TESLA_V100", 1);
    struct fb_size odd = fb_price_gcp("n1-standard-8", "nvidia-next", -3);

    (void)state;
    assert_int_equal(two.gpus, 2);
    assert_int_equal(two.usd_micros_per_hour - bare.usd_micros_per_hour, 700000);
    assert_int_equal(vertex.usd_micros_per_hour - bare.usd_micros_per_hour, 2480000);
    assert_int_equal(odd.gpus, 0);
    assert_int_equal(odd.usd_micros_per_hour, bare.usd_micros_per_hour);
}

/* Every listed type is in the table with its size; and the rule, had the list not known it, would
 * have been right for at least nine in ten. */
static void the_rule_agrees_with_the_list(void **state)
{
    FILE *f = fopen("runtime/score/data/gce_machine_types.csv", "r");
    char line[LINE_MAX_BYTES];
    size_t all = 0, exact = 0, priced = 0;

    (void)state;
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof line, f));
    while (fgets(line, sizeof line, f)) {
        char *comma = strchr(line, ',');
        struct fb_size rule, listed;
        int vcpu;
        double usd;

        assert_non_null(comma);
        *comma = '\0';
        vcpu = atoi(comma + 1);
        usd = atof(strrchr(comma + 1, ',') + 1);
        rule = fb_price_gcp_rule(line);
        listed = fb_price_gcp(line, "", 0);
        all++;
        exact += rule.vcpu == vcpu;
        assert_int_equal(listed.vcpu, vcpu);
        assert_true(listed.usd_micros_per_hour > 0);
        if (usd <= 0)
            continue;
        priced++;
        if (fabs(log((double)rule.usd_micros_per_hour / (usd * 1e6))) > log(1.5))
            fail_msg("%s: rule %lld, list %.2f", line, (long long)rule.usd_micros_per_hour, usd);
    }
    fclose(f);
    assert_true(all > 500);
    assert_true(priced >= 12);
    assert_true(exact * 10 >= all * 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(listed_types_have_their_listed_size_and_price),
        FB_TEST(a_type_in_a_url_is_the_type),
        FB_TEST(the_rules_answer_for_types_that_no_list_knows),
        FB_TEST(accelerators_of_a_request_are_added),
        FB_TEST(the_rule_agrees_with_the_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* price_test.c - sizes and prices, from the table and from the rules of thumb. */
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
        {"c5a.24xlarge", 96, 0, 3696000},  {"m5.24xlarge", 96, 0, 4608000},
        {"p4d.24xlarge", 96, 8, 21957642}, {"t3.micro", 2, 0, 10400},
        {"g4dn.xlarge", 4, 1, 526000},     {"c5.2xlarge", 8, 0, 340000},
        {"a1.medium", 1, 0, 25500},
    };

    (void)state;
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
        struct fb_size size = fb_price_aws(facts[i].type);

        assert_true(size.from_table);
        assert_int_equal(size.vcpu, facts[i].vcpu);
        assert_int_equal(size.gpus, facts[i].gpus);
        assert_true(llabs(size.usd_micros_per_hour - facts[i].micros) <= 1000);
    }
}

static void unlisted_types_follow_the_rules(void **state)
{
    static const struct {
        const char *type;
        int vcpu;
        int64_t micros;
    } rules[] = {
        {"c99x.12xlarge", 48, 48 * 50000},
        {"m99.metal", 128, 128 * 60000},
        {"r99.metal-24xl", 96, 96 * 75000},
        {"hpc99.48xlarge", 96, 96 * 50000},
        {"p99.xlarge", 4, 4 * 350000},
        {"t99.nano", 2, 2 * 42000},
        {"u-99tb1.112xlarge", 448, 448 * 200000},
        {"zz9.large", 2, 2 * 100000},
        {"", 8, 8 * 100000},
        {"nonsense", 8, 8 * 100000},
        {"c5.", 8, 8 * 50000},
        {".", 8, 8 * 100000},
        {"c99.999999999999999999xlarge", 8, 8 * 50000},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        struct fb_size size = fb_price_aws(rules[i].type);

        assert_false(size.from_table);
        assert_int_equal(size.vcpu, rules[i].vcpu);
        assert_int_equal(size.usd_micros_per_hour, rules[i].micros);
    }
}

static void a_type_whose_price_is_not_listed_keeps_its_listed_size(void **state)
{
    struct fb_size size = fb_price_aws("hpc7a.24xlarge");

    (void)state;
    assert_int_equal(size.vcpu, 48);
    assert_false(size.from_table);
    assert_int_equal(size.usd_micros_per_hour, 48 * 50000);
}

static void accelerator_families_are_known_even_where_the_list_is_silent(void **state)
{
    (void)state;
    assert_true(fb_price_aws("p3.16xlarge").gpus > 0);
    assert_true(fb_price_aws("inf2.48xlarge").gpus > 0);
    assert_true(fb_price_aws("trn99.48xlarge").gpus > 0);
    assert_int_equal(fb_price_aws("gamma.large").gpus, 0);
    assert_int_equal(fb_price_aws("m5.large").gpus, 0);
}

/* Field n of a line of the list, as text. */
static const char *field(const char *line, int n, char out[64])
{
    size_t len;

    while (n-- > 0 && (line = strchr(line, ',')) != NULL)
        line++;
    len = line ? strcspn(line, ",\r\n") : 0;
    len = len < 63 ? len : 63;
    memcpy(out, line ? line : "", len);
    out[len] = '\0';
    return out;
}

/* What price.h promises: vCPU exact for 1166 of 1263 types; price within x2 for 95 % and within
 * x1.5 for 83 % of the 845 types of at least 1 USD an hour. And the table gives back every row of
 * the list. */
static void the_rules_are_as_good_as_they_are_said_to_be(void **state)
{
    FILE *list = fopen("runtime/score/data/aws_ec2.csv", "r");
    int sized = 0, exact = 0, dear = 0, within2 = 0, within15 = 0;
    char line[LINE_MAX_BYTES], type[64], text[64];

    (void)state;
    if (!list)
        fail_msg("the price list is not where the build reads it");
    assert_non_null(fgets(line, sizeof line, list));
    while (fgets(line, sizeof line, list)) {
        struct fb_size rule, size;
        double usd;

        field(line, 0, type);
        rule = fb_price_aws_rule(type);
        size = fb_price_aws(type);
        if (*field(line, 1, text)) {
            sized++;
            exact += rule.vcpu == atoi(text);
            assert_int_equal(size.vcpu, atoi(text));
        }
        if (!*field(line, 5, text))
            continue;
        usd = atof(text);
        assert_true(fabs((double)size.usd_micros_per_hour / 1e6 - usd) < 1e-6);
        if (usd >= 1) {
            double off = (double)rule.usd_micros_per_hour / 1e6 / usd;

            dear++;
            within2 += off >= 1 / 2.0 && off <= 2;
            within15 += off >= 1 / 1.5 && off <= 1.5;
        }
    }
    fclose(list);
    assert_int_equal(sized, 1263);
    assert_int_equal(exact, 1166);
    assert_int_equal(dear, 845);
    assert_true(within2 >= 0.95 * dear);
    assert_true(within15 >= 0.825 * dear);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(listed_types_have_their_listed_size_and_price),
        FB_TEST(unlisted_types_follow_the_rules),
        FB_TEST(a_type_whose_price_is_not_listed_keeps_its_listed_size),
        FB_TEST(accelerator_families_are_known_even_where_the_list_is_silent),
        FB_TEST(the_rules_are_as_good_as_they_are_said_to_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

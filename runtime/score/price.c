/* price.c - size and price of an instance type: the generated table, then rules of thumb. */
#include "score/price.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct row {
    const char *type;
    int32_t vcpu; /* -1: the source does not tell */
    int32_t gpus;
    int64_t usd_micros; /* -1: the source does not tell */
};

/* Sorted by type in byte order. */
static const struct row TABLE[] = {
#include "aws_ec2.inc"
};

/* USD micros per vCPU-hour by family class, us-east-1, Linux, on demand: within a factor of 2 of
 * the list price for 95 % of the types of at least 1 USD an hour (measured on the table's own
 * rows). */
static const struct {
    const char *class;
    int64_t micros;
} RATES[] = {
    {"a", 30000},   {"t", 42000},    {"c", 50000},  {"hpc", 50000},  {"m", 60000},   {"h", 60000},
    {"vt", 60000},  {"inf", 70000},  {"r", 75000},  {"i", 100000},   {"im", 100000}, {"g", 100000},
    {"gr", 100000}, {"z", 100000},   {"f", 100000}, {"x", 110000},   {"d", 150000},  {"is", 150000},
    {"dl", 150000}, {"mac", 150000}, {"u", 200000}, {"trn", 200000}, {"p", 350000},
};

enum { RATE_UNKNOWN_MICROS = 100000, VCPU_UNKNOWN = 8, METAL_VCPU = 128, XLARGE_MAX = 1000 };

static int by_type(const void *key, const void *row)
{
    return strcmp(key, ((const struct row *)row)->type);
}

/* The letters that a type begins with: "c" of "c5a.24xlarge". */
static size_t class_len(const char *type)
{
    size_t n = 0;

    while (type[n] >= 'a' && type[n] <= 'z')
        n++;
    return n;
}

static bool is_class(const char *type, const char *class)
{
    return class_len(type) == strlen(class) && strncmp(type, class, strlen(class)) == 0;
}

/* "24xlarge", "metal-24xl", "224xlarge" -> 24, 24, 224; 0 when it is none of these. */
static int32_t times_xlarge(const char *size)
{
    int32_t n = 0;

    if (strncmp(size, "metal-", 6) == 0)
        size += 6;
    while (*size >= '0' && *size <= '9' && n < XLARGE_MAX)
        n = n * 10 + (*size++ - '0');
    return strcmp(size, "xlarge") == 0 || strcmp(size, "xl") == 0 ? n : 0;
}

static int32_t rule_vcpu(const char *type)
{
    static const char *const small[] = {"nano", "micro", "small", "medium", "large"};
    const char *dot = strchr(type, '.');
    const char *size = dot ? dot + 1 : "";
    int32_t vcpu = VCPU_UNKNOWN;

    for (size_t i = 0; i < sizeof small / sizeof small[0]; i++) {
        if (strcmp(size, small[i]) == 0)
            return 2;
    }
    if (strcmp(size, "xlarge") == 0)
        vcpu = 4;
    else if (strcmp(size, "metal") == 0)
        vcpu = METAL_VCPU;
    else if (times_xlarge(size) > 0)
        vcpu = 4 * times_xlarge(size);
    return is_class(type, "hpc") ? vcpu / 2 : vcpu;
}

static int64_t rule_micros(const char *type, int32_t vcpu)
{
    for (size_t i = 0; i < sizeof RATES / sizeof RATES[0]; i++) {
        if (is_class(type, RATES[i].class))
            return RATES[i].micros * vcpu;
    }
    return (int64_t)RATE_UNKNOWN_MICROS * vcpu;
}

/* Families that carry accelerators, for types that the table does not know: at least one each. */
static int32_t rule_gpus(const char *type)
{
    static const char *const classes[] = {"g", "gr", "p", "inf", "trn", "dl"};

    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        if (is_class(type, classes[i]))
            return 1;
    }
    return 0;
}

struct fb_size fb_price_aws_rule(const char *instance_type)
{
    struct fb_size size = {0};

    size.vcpu = rule_vcpu(instance_type);
    size.gpus = rule_gpus(instance_type);
    size.usd_micros_per_hour = rule_micros(instance_type, size.vcpu);
    return size;
}

struct fb_size fb_price_aws(const char *instance_type)
{
    const struct row *row =
        bsearch(instance_type, TABLE, sizeof TABLE / sizeof TABLE[0], sizeof TABLE[0], by_type);
    struct fb_size size = fb_price_aws_rule(instance_type);

    if (!row)
        return size;
    if (row->vcpu > 0)
        size.vcpu = row->vcpu;
    if (row->gpus > 0)
        size.gpus = row->gpus;
    size.from_table = row->usd_micros >= 0;
    size.usd_micros_per_hour =
        size.from_table ? row->usd_micros : rule_micros(instance_type, size.vcpu);
    return size;
}

/* price_gcp.c - size and price of Google's machine types: the generated table, then rules of thumb.
 * From: runtime/score/data/README.md; rates per vCPU and accelerator as in the rules below, checked
 * against the listed prices. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "score/price.h"

struct row {
    const char *type;
    int32_t vcpu; /* -1: the source does not tell */
    int32_t gpus;
    int64_t usd_micros; /* -1: the source does not tell */
};

/* Sorted by type in byte order. */
static const struct row TABLE[] = {
#include "gce_machine_types.inc"
};

/* USD micros per vCPU-hour by family, us-central1. Memory-heavy types of a family are dearer, those
 * with little memory cheaper: within a factor of 1.5. */
static const struct {
    const char *family;
    int64_t micros;
} RATES[] = {{"e2", 30000},    {"n1", 40000},  {"n2", 40000},  {"n2d", 38000}, {"t2d", 38000},
             {"t2a", 38000},   {"c2", 52000},  {"c2d", 43000}, {"c3", 43000},  {"c3d", 43000},
             {"c4", 43000},    {"c4a", 43000}, {"c4d", 43000}, {"h3", 56000},  {"h4d", 56000},
             {"m1", 140000},   {"m2", 140000}, {"m3", 200000}, {"m4", 200000}, {"x4", 200000},
             {"custom", 40000}};

/* USD micros per accelerator-hour. The first word found in a type's accelerator name, or in the
 * family and class of a machine type, counts. The youngest are worst-case guesses. */
static const struct {
    const char *word;
    int64_t micros;
} CHIPS[] = {
    {"t4", 350000},     {"p100", 1460000},     {"v100", 2480000},      {"l4", 600000},
    {"p4", 600000},     {"k80", 450000},       {"a100-80gb", 3900000}, {"a100", 2900000},
    {"h200", 10000000}, {"h100", 10000000},    {"gb200", 16000000},    {"b200", 14000000},
    {"rtx", 2500000},   {"a2-ultra", 3900000}, {"a2-", 2900000},       {"a3-", 10000000},
    {"a4x-", 16000000}, {"a4-", 14000000},     {"g2-", 600000},        {"g4-", 2500000},
    {"ct5l", 1200000},  {"ct5p", 4200000},     {"ct6e", 2700000},      {"ct3", 2000000},
    {"tpu", 4200000},
};

enum {
    RATE_UNKNOWN_MICROS = 50000,
    CHIP_UNKNOWN_MICROS = 3000000,
    VCPU_UNKNOWN = 8,
    VCPU_MAX = 4096,
    CHIPS_MAX = 1024
};

static int by_type(const void *key, const void *row)
{
    return strcmp(key, ((const struct row *)row)->type);
}

static int32_t number_at(const char *s)
{
    int32_t n = 0;

    while (*s >= '0' && *s <= '9' && n <= VCPU_MAX)
        n = n * 10 + (*s++ - '0');
    return n > VCPU_MAX ? VCPU_MAX : n;
}

/* After the n-th '-'; "" when there are fewer. */
static const char *piece(const char *type, int n)
{
    for (; n > 0; n--) {
        type = strchr(type, '-');
        if (!type)
            return "";
        type++;
    }
    return type;
}

static bool is_family(const char *type, const char *family)
{
    size_t len = strlen(family);

    return strncmp(type, family, len) == 0 && (type[len] == '-' || type[len] == '\0');
}

/* The number that ends a type of accelerators: "a2-highgpu-8g" 8, "ct6e-standard-4t" 4. */
static int32_t chips_in(const char *type)
{
    const char *end = piece(type, 2);
    size_t digits = strspn(end, "0123456789");

    return digits && (end[digits] == 'g' || end[digits] == 't') ? number_at(end) : 0;
}

/* g2 names its vCPU: one L4 up to 16 and at 32, then one for each 12. */
static int32_t rule_gpus(const char *type)
{
    int32_t vcpu = number_at(piece(type, 2));

    if (is_family(type, "g2"))
        return vcpu == 32 || vcpu < 24 ? 1 : vcpu / 12;
    if (is_family(type, "g4"))
        return vcpu < 96 ? 1 : vcpu / 48;
    return chips_in(type);
}

static int32_t rule_vcpu(const char *type)
{
    const char *size = piece(type, 2);
    int32_t chips = chips_in(type);

    if (fb_starts(type, "custom-")) /* custom-VCPU-MEMORY */
        size = piece(type, 1);
    if (chips && is_family(type, "a2"))
        return 12 * chips;
    if (chips && is_family(type, "a3"))
        return 26 * chips;
    if (chips)
        return 28 * chips;
    if (number_at(size) > 0)
        return number_at(size);
    /* e2-micro, e2-custom-small, g1-small: shared cores count as they are named, two. */
    if (fb_ends(type, "micro") || fb_ends(type, "small") || fb_ends(type, "medium"))
        return 2;
    return VCPU_UNKNOWN;
}

static int64_t chip_micros(const char *name)
{
    for (size_t i = 0; i < sizeof CHIPS / sizeof CHIPS[0]; i++)
        if (fb_has_fold(name, CHIPS[i].word))
            return CHIPS[i].micros;
    return CHIP_UNKNOWN_MICROS;
}

static int64_t rule_micros(const char *type, int32_t vcpu, int32_t gpus)
{
    int64_t rate = RATE_UNKNOWN_MICROS;

    for (size_t i = 0; i < sizeof RATES / sizeof RATES[0]; i++) {
        if (is_family(type, RATES[i].family))
            rate = RATES[i].micros;
    }
    return rate * vcpu + (gpus ? gpus * chip_micros(type) : 0);
}

static const char *leaf(const char *type)
{
    const char *slash = strrchr(type, '/');

    return slash ? slash + 1 : type;
}

struct fb_size fb_price_gcp_rule(const char *machine_type)
{
    const char *type = leaf(machine_type);
    struct fb_size size = {0};

    size.vcpu = rule_vcpu(type);
    size.gpus = rule_gpus(type);
    size.usd_micros_per_hour = rule_micros(type, size.vcpu, size.gpus);
    return size;
}

struct fb_size fb_price_gcp(const char *machine_type, const char *gpu_type, int64_t gpu_count)
{
    const char *type = leaf(machine_type);
    const struct row *row =
        bsearch(type, TABLE, sizeof TABLE / sizeof TABLE[0], sizeof TABLE[0], by_type);
    struct fb_size size = fb_price_gcp_rule(type);
    int64_t added = gpu_count < 0 ? 0 : gpu_count > CHIPS_MAX ? CHIPS_MAX : gpu_count;

    if (row) {
        size.vcpu = row->vcpu > 0 ? row->vcpu : size.vcpu;
        size.gpus = row->gpus;
        size.from_table = row->usd_micros >= 0;
        size.usd_micros_per_hour =
            size.from_table ? row->usd_micros : rule_micros(type, size.vcpu, size.gpus);
    }
    size.gpus += (int32_t)added;
    size.usd_micros_per_hour += added * chip_micros(gpu_type);
    return size;
}

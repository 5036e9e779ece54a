/* price.h - how big and how dear a machine type is. Facts from a table generated at build time from
 * runtime/score/data/ (origin and date stand there), rules where the table does not know the type.
 */
#ifndef FB_PRICE_H
#define FB_PRICE_H
#include <stdbool.h>
#include <stdint.h>

struct fb_size {
    int32_t vcpu;
    int32_t gpus;                /* accelerators of any kind */
    int64_t usd_micros_per_hour; /* on demand, Linux, us-east-1 or us-central1 (spot counted as on
                                    demand) */
    bool from_table;             /* price from the table; false: from the rules of thumb */
};

/* Size and price of one AWS instance type ("c5a.24xlarge"); any text gives an answer
 * (unknown families: 8 vCPU at 0.10 USD per vCPU-hour). */
struct fb_size fb_price_aws(const char *instance_type);

/* The rules of thumb alone, as fb_price_aws uses them where the table is silent. vCPU is exact for
 * all but a handful of types of 8 vCPU and more; the price of types of 1 USD an hour and more is
 * within a factor of 2 for 95 % of them, of 1.5 for 83 %. */
struct fb_size fb_price_aws_rule(const char *instance_type);

/* Size and price of one Google machine type ("n2d-highcpu-224", "custom-4-8192", also as the last
 * piece of a URL), with gpu_count accelerators of gpu_type ("nvidia-tesla-t4"; "" and 0: none)
 * added to those of the type itself. Any text gives an answer (unknown families: 8 vCPU at 0.05 USD
 * per vCPU-hour). from_table tells of the type's own price. */
struct fb_size fb_price_gcp(const char *machine_type, const char *gpu_type, int64_t gpu_count);

/* The rules alone. vCPU is exact for most listed types that end in their number of vCPU, and for
 * all custom ones. */
struct fb_size fb_price_gcp_rule(const char *machine_type);

#endif

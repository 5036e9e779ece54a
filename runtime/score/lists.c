/* lists.c - the operator's own knowledge, applied to an event before it is observed: what is
 * allowed takes its alarm away, what is listed adds one. Exact names only: a pattern would let a
 * thief in. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "score/score.h"

static bool allowed(const struct fb_score_config *c, const char *id)
{
    for (size_t i = 0; *id && i < c->allow_count; i++) {
        if (strcmp(c->allow[i], id) == 0)
            return true;
    }
    return false;
}

/* Whether the first `wanted` bits of both are equal. */
static bool same_bits(const unsigned char *x, const unsigned char *y, unsigned wanted)
{
    if (memcmp(x, y, wanted / 8) != 0)
        return false;
    return wanted % 8 == 0 || ((x[wanted / 8] ^ y[wanted / 8]) >> (8 - wanted % 8)) == 0;
}

static bool in_range(const char *range, int family, const unsigned char *ip)
{
    const char *slash = strchr(range, '/');
    unsigned char net[16];
    char text[INET6_ADDRSTRLEN];
    unsigned long wanted;

    if (!slash || (size_t)(slash - range) >= sizeof text)
        return false;
    memcpy(text, range, (size_t)(slash - range));
    text[slash - range] = '\0';
    wanted = strtoul(slash + 1, NULL, 10);
    return wanted <= (family == AF_INET ? 32u : 128u) && inet_pton(family, text, net) == 1 &&
           same_bits(net, ip, (unsigned)wanted);
}

static bool listed(const struct fb_score_config *c, const char *address)
{
    unsigned char ip[16];
    int family;

    if (!c->network_count)
        return false;
    family = inet_pton(AF_INET, address, ip) == 1    ? AF_INET
             : inet_pton(AF_INET6, address, ip) == 1 ? AF_INET6
                                                     : 0;
    for (size_t i = 0; family && i < c->network_count; i++) {
        if (in_range(c->networks[i], family, ip))
            return true;
    }
    return false;
}

void fb_score_lists(const struct fb_score_config *c, struct fb_event *ev)
{
    if (allowed(c, ev->outsider) &&
        !ev->more_outsiders) /* who hides behind a partner is no partner */
        ev->traits &= ~(fb_trait_bit(FB_T_EXTERNAL_TRUST) | fb_trait_bit(FB_T_DATA_SHARED_OUT));
    if (allowed(c, ev->launch.image) && !ev->more_outsiders)
        ev->traits &= ~fb_trait_bit(FB_T_CONTAINER_MINER);
    if (allowed(c, ev->target_id))
        ev->traits &= ~fb_trait_bit(FB_T_VENDOR_CRYPTO);
    if (listed(c, ev->ip))
        ev->traits |= fb_trait_bit(FB_T_LISTED_NETWORK);
}

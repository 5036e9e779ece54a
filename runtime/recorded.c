/* recorded.c - the account as the store's own records tell it: for a live dry run that has no
 * credentials to ask the cloud with. A plan made from the log is worth more than none. */
#include <string.h>

#include "base/arena.h"
#include "cloud/aws.h"
#include "contain/made.h"
#include "pipeline.h"

enum { BLIND_MS = 60000 }; /* how long to believe that there are no credentials */

bool fb_runtime_blind(struct fb_runtime *rt, struct fb_arena *a)
{
    struct fb_aws_call who = {.service = "sts", .action = "GetCallerIdentity", .region = ""};
    int64_t now = fb_mono_ms(&rt->clock);
    struct fb_aws_reply reply;

    if (rt->enforce || !rt->aws || *fb_aws_own_key(rt->aws))
        return false;
    if (now < rt->blind_until_mono_ms)
        return true;
    who.region = fb_aws_home_region(rt->aws);
    fb_aws_do(rt->aws, a, &who, now + FB_DEADLINE_MARGIN_MS, &reply);
    if (*fb_aws_own_key(rt->aws))
        return false;
    rt->blind_until_mono_ms = fb_mono_ms(&rt->clock) + BLIND_MS;
    FB_LOG(&rt->log, FB_LOG_WARN, "no credentials: plans are made from the log alone",
           {"why", reply.err.text, 0});
    return true;
}

static struct fb_event event_of(const struct fb_incident *inc)
{
    struct fb_event ev = fb_event_blank();

    ev.time_ms = inc->first_ms;
    ev.provider = FB_AWS;
    ev.kind = FB_EV_CALL;
    ev.account = ev.who.account = inc->account;
    return ev;
}

static void show_hop(struct fb_model *m, const struct fb_incident *inc, const struct fb_hop *hop)
{
    struct fb_event ev = event_of(inc);

    ev.who.credential = hop->credential;
    if (*hop->user) {
        ev.who.kind = FB_WHO_USER;
        ev.who.arn = *hop->user_arn ? hop->user_arn : hop->identity;
        ev.who.name = hop->user;
    } else if (*hop->role_arn) {
        const char *slash = strrchr(hop->role_arn, '/');

        ev.who.kind = FB_WHO_ROLE_SESSION;
        ev.who.arn = hop->identity;
        ev.who.issuer_arn = hop->role_arn;
        ev.who.issuer_kind = "Role";
        ev.who.issuer_name = slash ? slash + 1 : "";
        ev.who.session = hop->session;
    } else {
        return;
    }
    fb_model_observe(m, &ev);
}

struct fb_model *fb_recorded_world(struct fb_runtime *rt, struct fb_arena *a,
                                   const struct fb_incident *inc)
{
    const char **who = FB_NEW_ARRAY(a, inc->hop_count + 1, const char *);
    const struct fb_made_item *items = NULL;
    struct fb_model *m = who ? fb_model_new() : NULL;
    size_t n = 0;

    if (!m)
        return NULL;
    for (size_t i = 0; i < inc->hop_count; i++) {
        who[i] = inc->hops[i].identity;
        show_hop(m, inc, &inc->hops[i]);
    }
    (void)fb_made_list(rt->store, a, who, inc->hop_count, inc->first_ms - FB_LOOK_BACK_MS, &items,
                       &n, NULL);
    for (size_t i = 0; i < n; i++) {
        struct fb_made made = {items[i].kind, items[i].id, items[i].owner, items[i].region,
                               items[i].type};
        struct fb_event ev = event_of(inc);

        ev.region = items[i].region;
        ev.time_ms = items[i].at_ms;
        ev.made = &made;
        ev.made_count = 1;
        fb_model_observe(m, &ev);
    }
    return m;
}

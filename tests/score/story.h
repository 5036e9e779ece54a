/* story.h - a root and its account, to which events happen one after the other. */
#ifndef FB_STORY_H
#define FB_STORY_H
#include <stdio.h>
#include <string.h>

#include "attribute/blank_event.h"
#include "attribute/chain.h"
#include "base/arena.h"
#include "score/profile.h"
#include "score/score.h"

#define BUILD "arn:aws:iam::111122223333:user/build"

struct story {
    struct fb_arena *a;
    struct fb_score_config config;
    struct fb_profile *root, *account, *before, *creator;
    struct fb_chain chain;
    struct fb_verdict verdict; /* of the newest event */
    int events;
};

static inline void story_begin(struct story *s, struct fb_arena *a)
{
    memset(s, 0, sizeof *s);
    s->a = a;
    fb_score_config_default(&s->config);
    s->root = fb_profile_new(a);
    s->account = fb_profile_new(a);
    s->before = fb_profile_new(a);
    s->chain.count = 1;
    s->chain.hops[0] = (struct fb_hop){.kind = FB_HOP_USER_KEY,
                                       .identity = BUILD,
                                       .account = "111122223333",
                                       .credential = "AKIABUILD",
                                       .user = "build",
                                       .user_arn = BUILD,
                                       .role_arn = "",
                                       .session = "",
                                       .via = "",
                                       .sure = true};
}

/* An event of the story's root with an id of its own. */
static inline struct fb_event story_event(struct story *s, int64_t t_ms, const char *service,
                                          const char *action, uint64_t traits)
{
    struct fb_event ev = blank_event(fb_arena_fmt(s->a, "event-%d", s->events++), t_ms);

    by_user(&ev, BUILD, "build", "AKIABUILD");
    ev.service = service;
    ev.action = action;
    ev.traits = traits;
    return ev;
}

/* The event happens: its verdict is in s->verdict. The account's profile learns it afterwards. */
static inline const struct fb_verdict *story_play(struct story *s, const struct fb_event *ev)
{
    fb_profile_copy(s->before, s->root);
    fb_profile_observe(s->root, ev, &s->chain);
    fb_score(s->a, &s->config, ev, &s->chain, s->before, s->root, s->account, s->creator,
             &s->verdict);
    fb_profile_observe(s->account, ev, &s->chain);
    return &s->verdict;
}

/* The event is known from before: profiles learn it, nobody scores it. */
static inline void story_learn(struct story *s, const struct fb_event *ev)
{
    fb_profile_observe(s->root, ev, &s->chain);
    fb_profile_observe(s->account, ev, &s->chain);
}

static inline uint64_t traits2(enum fb_trait one, enum fb_trait two)
{
    return fb_trait_bit(one) | fb_trait_bit(two);
}

static inline struct fb_event story_launch(struct story *s, int64_t t_ms, const char *region,
                                           const char *type, int64_t count)
{
    struct fb_event ev =
        story_event(s, t_ms, "ec2", "RunInstances", traits2(FB_T_COMPUTE_CREATE, FB_T_LAUNCH));

    ev.region = region;
    ev.launch.type = type;
    ev.launch.count = count;
    return ev;
}

static inline const struct fb_term *story_term(const struct fb_verdict *v, const char *id)
{
    for (size_t i = 0; i < v->count; i++) {
        if (strcmp(v->terms[i].signal->id, id) == 0)
            return &v->terms[i];
    }
    return NULL;
}

static inline double story_value(const struct fb_verdict *v, const char *id)
{
    const struct fb_term *t = story_term(v, id);

    return t ? t->value : 0;
}

static inline const char *const *story_regions(void)
{
    static const char *const regions[] = {
        "us-east-1",      "eu-west-1",     "ap-south-1",     "us-west-2",      "sa-east-1",
        "eu-central-1",   "us-east-2",     "us-west-1",      "eu-west-2",      "eu-west-3",
        "eu-north-1",     "ca-central-1",  "ap-northeast-1", "ap-northeast-2", "ap-southeast-1",
        "ap-southeast-2", "ap-northeast-3"};

    return regions;
}

/* `days` quiet days before T0: once a day, at the hour of T0, from one network with one tool, a
 * change in us-east-1. */
static inline void story_quiet(struct story *s, int days, const char *ip, const char *agent)
{
    for (int d = days; d >= 1; d--) {
        struct fb_event ev = story_event(s, T0_MS - d * DAY_MS, "ecr", "PutImage", 0);

        ev.ip = ip;
        ev.agent = agent;
        story_learn(s, &ev);
    }
}

#endif

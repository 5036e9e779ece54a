/* actor.h - inside the room: whom one event names, as the first hop of a chain. */
#ifndef FB_ACTOR_H
#define FB_ACTOR_H
#include "attribute/chain.h"

/* The event's actor. Role sessions are not yet told apart by what made them: chain.c does that. */
struct fb_hop fb_actor_hop(struct fb_arena *a, const struct fb_event *ev);

/* An IAM user by ARN (borrowed). */
struct fb_hop fb_user_hop(struct fb_arena *a, const char *user_arn, const char *account,
                          const char *credential);

/* "arn:aws:iam::ACCOUNT:user/NAME": right for users without a path, which is all that an event
 * which names a user only by name can tell. */
const char *fb_user_arn(struct fb_arena *a, const char *account, const char *name);

/* gcp_actor.c: the same for Google's events; the walk and the edges that go with them. */
struct fb_hop fb_gcp_hop(struct fb_arena *a, const struct fb_event *ev);
void fb_gcp_trace(struct fb_arena *a, const struct fb_event *ev, const struct fb_edge_source *edges,
                  struct fb_chain *out);
const char *fb_gcp_open_end(struct fb_arena *a, const struct fb_event *ev,
                            const struct fb_chain *chain);
size_t fb_gcp_edges(struct fb_arena *a, const struct fb_event *ev, const struct fb_chain *chain,
                    struct fb_edge out[FB_EDGES_MAX]);

/* group.c: launches of services for groups. Rewrites *out when somebody made or grew the group in
 * the day before. */
void fb_group_trace(struct fb_arena *a, const struct fb_event *ev,
                    const struct fb_edge_source *edges, struct fb_chain *out);
size_t fb_group_edges(struct fb_arena *a, const struct fb_event *ev, const struct fb_chain *chain,
                      struct fb_edge *out, size_t max);
/* Whether a service acts on its own here, for a group. */
bool fb_group_acts(const struct fb_event *ev, const struct fb_chain *chain);

/* An edge of which only the event's own facts are filled in; parent is empty. */
struct fb_edge fb_edge_new(const struct fb_event *ev, const char *child, const char *via);

/* "machine:ACCOUNT/ID"; "shared:ID". */
const char *fb_machine_key(struct fb_arena *a, const char *account, const char *id);
const char *fb_shared_key(struct fb_arena *a, const struct fb_event *ev);

/* A hop with every string "". */
struct fb_hop fb_hop_empty(void);

#endif

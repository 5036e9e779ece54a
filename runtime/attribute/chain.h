/* chain.h - from the credential that acted back to the identity that must answer for it.
 *
 * In:   one event, and edges that earlier events left (through fb_edge_source: this room does no
 * I/O). Out:  hops, principal first, root last; and the edges that this event itself proves. Cost:
 * at most FB_CHAIN_HOPS_MAX look-ups; a loop ends the walk. From: CloudTrail
 * userIdentity.sessionContext; responseElements.credentials of AssumeRole*, GetSessionToken,
 * GetFederationToken; Google: authenticationInfo (gcp_actor.c). */
#ifndef FB_CHAIN_H
#define FB_CHAIN_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "normalize/event.h"

struct fb_arena;

enum { FB_CHAIN_HOPS_MAX = 16 };

enum fb_hop_kind { /* the words that playbooks see are fb_hop_kind_name's */
                   FB_HOP_UNKNOWN,
                   FB_HOP_USER_KEY, /* an IAM user acting with a long-lived or session key */
                   FB_HOP_USER,     /* an IAM user at the console, or known only by name */
                   FB_HOP_ROLE, /* a role session; with session "": the role itself, used by an AWS
                                   service */
                   FB_HOP_ROOT, /* account_root */
                   FB_HOP_SSO,  /* a person of Identity Center (an AWSReservedSSO_ role session):
                                   external */
                   FB_HOP_EXTERNAL, /* another account, web identity, SAML */
                   FB_HOP_SERVICE,  /* an AWS service */
                   FB_HOP_INSTANCE, /* a machine's own role session: identity is the session ARN */
                   FB_HOP_CREDENTIAL,     /* a key whose owner is not known yet */
                   FB_HOP_SERVICE_ACCOUNT /* Google: identity is its e-mail; credential the key
                                             id, "" for tokens; role_arn is set when somebody
                                             else acts as it */
};

struct fb_hop {
    enum fb_hop_kind kind;
    const char
        *identity; /* what state is keyed by: user ARN, session ARN, provider + subject, key id */
    const char *account;
    const char *credential; /* access key id; "" when unknown */
    const char *user, *user_arn;
    const char *role_arn, *session;
    const char *via; /* how the next hop (towards the root) led here: "AssumeRole", "created" ... */
    int64_t since_ms; /* when this credential was minted; 0 unknown */
    bool sure;        /* false: inferred */
    const char *tie;  /* what leads on from here where no credential does ("shared:ID"); NULL or ""
                         none. Not for people, and not kept with an incident */
};

/* The child of the edge behind this hop; "" none. */
static inline const char *fb_hop_child(const struct fb_hop *hop)
{
    return hop->tie && *hop->tie ? hop->tie : hop->credential;
}

/* What proved that hop i + 1 stands behind hop i. */
struct fb_link {
    const char *event; /* id of the event that proved it; "" this event itself */
    int64_t at_ms;     /* when; 0 unknown */
};

/* Zero is a fine start: text that is NULL here says "none", as "" does. */
struct fb_chain {
    struct fb_hop hops[FB_CHAIN_HOPS_MAX]; /* [0] principal ... [count-1] root */
    struct fb_link links[FB_CHAIN_HOPS_MAX];
    size_t count; /* >= 1 */
    bool partial; /* a parent is missing: the root may move when its event arrives */
    bool looped;  /* a loop, or more than FB_CHAIN_HOPS_MAX hops: cut there */

    /* A service that acts for a group ("KIND:NAME", struct fb_launch). Made or grown in the day
     * before: hops[0] is the group, the root who did that. Else the service answers, and these
     * tell how far its word goes. */
    const char *group, *group_key; /* as named; its key in the store */
    int64_t group_made_ms;         /* when it was seen to be made; 0 not seen */
    struct fb_hop group_by;        /* who made or grew it last; identity NULL: not seen */
    bool group_open;               /* it may yet come to light who made or grew it */
    bool group_hot;                /* group_by is under an incident: for the caller to fill in */

    /* Who may have had a hand in it, besides the root: who launched the machine that acts, or
     * signed for the account. Evidence for people; nobody is contained for it. */
    struct fb_hop suspect; /* identity NULL: nobody */
    struct fb_link suspect_link;
};

static inline bool fb_chain_has_group(const struct fb_chain *c) { return c->group && *c->group; }

static inline const struct fb_hop *fb_chain_root(const struct fb_chain *c)
{
    return &c->hops[c->count - 1];
}

/* An edge: `child` (a credential id, or an identity) was made by `parent`. */
struct fb_edge {
    const char *child;
    struct fb_hop parent;
    const char *via;
    const char *session_identity; /* the child session's identity: whose state merges into the
                                     parent's root */
    int64_t made_ms, expires_ms;  /* expires_ms: when the edge may be forgotten */
    int64_t begun_ms;             /* of a group: when it was made; 0 not seen */
    const char *event;            /* id of the event that proves it */
};

/* Finds the edge whose child is `child`. FB_OK, FB_ENOTFOUND, or a store's failure.
 * *out's strings live in a. */
struct fb_edge_source {
    void *self;
    enum fb_status (*get)(void *self, struct fb_arena *a, const char *child, struct fb_edge *out);
};

enum { FB_EDGES_MAX = 8 };

/* Walks from the event's actor to its root. *out's strings borrow from ev and a. edges may be NULL.
 * Edges that cannot be read (the source fails) leave a partial chain; only FB_ELIMIT (arena) fails.
 *
 * A role session whose maker is in no edge ends at its own session ARN, partial, except: a
 * machine's session (INSTANCE), a person's (SSO), a service-linked role (the role), and one whose
 * sourceIdentity is the ARN of a user of the same account: that user ends the chain, not sure and
 * still partial. An edge always wins over sourceIdentity, because whoever starts a chain may write
 * a name of their choice into it, and names that are no ARN are not guessed at: framing somebody
 * must not be cheap. */
enum fb_status fb_chain_trace(struct fb_arena *a, const struct fb_event *ev,
                              const struct fb_edge_source *edges, struct fb_chain *out,
                              struct fb_err *err);

/* The edges that this event proves, given its own chain: a minted credential -> the actor; a
 * created access key -> the user it belongs to; the long-lived key that acted -> its user; and
 * created users and roles (child: fb_chain_creator_key) -> the root behind the actor. The walk
 * never follows the last sort: who made an identity does not answer for what it does, but its
 * creator's profile counts for a day. Returns how many were written to out; nothing for calls that
 * failed, except key -> user. */
size_t fb_chain_edges(struct fb_arena *a, const struct fb_event *ev, const struct fb_chain *chain,
                      struct fb_edge out[FB_EDGES_MAX]);

/* The child under which the creator of a user or role (its ARN) is kept: "created:arn...". */
const char *fb_chain_creator_key(struct fb_arena *a, const char *identity);

/* Whom the event itself names, whatever edges tell of them. */
struct fb_hop fb_chain_actor(struct fb_arena *a, const struct fb_event *ev);

/* The child of the edge that would make this chain longer: what waits for it is kept under this.
 * "" when nothing is missing. (A group's is chain->group_key, while group_open.) */
const char *fb_chain_open_end(struct fb_arena *a, const struct fb_event *ev,
                              const struct fb_chain *chain);

/* "machine:ACCOUNT/ID": who launched this machine (or made this function), as an edge to keep
 * beside those of fb_chain_edges, for each of ev->made. False: it is no such thing, or nobody is
 * named. */
bool fb_chain_machine_edge(struct fb_arena *a, const struct fb_event *ev,
                           const struct fb_chain *chain, const struct fb_made *made,
                           struct fb_edge *out);

/* Whether `next` should replace `now` under the same child: true unless `now` names its parent
 * better. The two accounts of a cross-account AssumeRole both report it, one of them without the
 * caller. Of a group, the newest counts. */
bool fb_edge_better(const struct fb_edge *next, const struct fb_edge *now);

/* The group behind a child of an edge that says who made, grew or holds it; "" for others. */
const char *fb_chain_group_of(const char *child);

const char *fb_hop_kind_name(enum fb_hop_kind k); /* "user_key" "user" "role" "account_root" ... */
enum fb_hop_kind fb_hop_kind_from(const char *name);

/* Hops as JSON, inside other records. */
struct fb_buf;
struct fb_json;
void fb_hop_write(struct fb_buf *to, const char *key, const struct fb_hop *hop);
void fb_hop_read(struct fb_arena *a, const struct fb_json *v, struct fb_hop *out);

/* Edges as bytes for the store: versioned, one form for one edge. read: FB_EINPUT for bytes of no
 * known version or shape; strings live in a. */
void fb_edge_write(struct fb_buf *to, const struct fb_edge *edge);
enum fb_status fb_edge_read(struct fb_arena *a, const char *bytes, size_t len, struct fb_edge *out,
                            struct fb_err *err);

#endif

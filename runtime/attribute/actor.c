/* actor.c - CloudTrail's userIdentity, kind by kind, becomes the first hop of a chain. */
#include "attribute/actor.h"

#include <string.h>

#include "base/arena.h"
#include "base/text.h"

struct fb_hop fb_hop_empty(void)
{
    struct fb_hop hop = {0};

    hop.identity = hop.account = hop.credential = hop.user = hop.user_arn = "";
    hop.role_arn = hop.session = hop.via = hop.tie = "";
    return hop;
}

const char *fb_user_arn(struct fb_arena *a, const char *account, const char *name)
{
    return fb_arena_fmt(a, "arn:aws:iam::%s:user/%s", account, name);
}

/* The name at the end of a user's ARN, whatever path is before it. */
static const char *name_of_arn(const char *arn)
{
    const char *slash = strrchr(arn, '/');

    return slash ? slash + 1 : "";
}

struct fb_hop fb_user_hop(struct fb_arena *a, const char *user_arn, const char *account,
                          const char *credential)
{
    struct fb_hop hop = fb_hop_empty();
    struct fb_arn arn;

    hop.kind = *credential ? FB_HOP_USER_KEY : FB_HOP_USER;
    hop.identity = hop.user_arn = user_arn;
    hop.user = name_of_arn(user_arn);
    hop.credential = credential;
    hop.account = account;
    if (!*account && fb_arn_split(a, user_arn, &arn))
        hop.account = arn.account;
    hop.sure = true;
    return hop;
}

static struct fb_hop root_hop(struct fb_arena *a, const struct fb_principal *who)
{
    struct fb_hop hop = fb_hop_empty();

    hop.kind = FB_HOP_ROOT;
    hop.identity = fb_ends(who->arn, ":root")
                       ? who->arn
                       : fb_arena_fmt(a, "arn:aws:iam::%s:root", who->account);
    hop.account = who->account;
    hop.credential = who->credential;
    hop.since_ms = who->session_ms;
    hop.sure = true;
    return hop;
}

static struct fb_hop named_hop(enum fb_hop_kind kind, const struct fb_principal *who,
                               const char *identity)
{
    struct fb_hop hop = fb_hop_empty();

    hop.kind = *identity ? kind : FB_HOP_UNKNOWN;
    hop.identity = *identity ? identity : "unknown";
    hop.account = who->account;
    hop.credential = who->credential;
    hop.session = who->session;
    hop.since_ms = who->session_ms;
    hop.sure = *identity != '\0';
    return hop;
}

/* The first that says something. */
static const char *first_of(const char *one, const char *two, const char *three)
{
    return *one ? one : *two ? two : three;
}

static struct fb_hop user_hop(struct fb_arena *a, const struct fb_principal *who)
{
    const char *arn = who->arn;
    bool told = *arn != '\0';
    struct fb_hop hop;

    if (!*arn && *who->name && *who->account)
        arn = fb_user_arn(a, who->account, who->name);
    if (!*arn)
        return named_hop(*who->credential ? FB_HOP_CREDENTIAL : FB_HOP_USER, who,
                         first_of(who->credential, who->id, who->name));
    hop = fb_user_hop(a, arn, who->account, who->credential);
    if (*who->name)
        hop.user = who->name;
    hop.since_ms = who->session_ms;
    hop.sure = told;
    return hop;
}

/* A federated session answers to the user who asked for it (or the account's root user), and ends
 * when that user is denied; so the session is no hop of its own (sessionIssuer names the user). */
static struct fb_hop federated_hop(struct fb_arena *a, const struct fb_principal *who)
{
    struct fb_hop hop;

    if (fb_eq(who->issuer_kind, "Root") || fb_ends(who->issuer_arn, ":root"))
        hop = root_hop(a, who);
    else if (*who->issuer_arn)
        hop = fb_user_hop(a, who->issuer_arn, who->account, who->credential);
    else
        return named_hop(FB_HOP_UNKNOWN, who, first_of(who->arn, who->id, who->credential));
    hop.session = who->session;
    hop.since_ms = who->session_ms;
    return hop;
}

static struct fb_hop role_hop(struct fb_arena *a, const struct fb_principal *who)
{
    const char *identity = first_of(who->arn, who->id, who->credential);
    struct fb_hop hop = named_hop(FB_HOP_ROLE, who, identity);
    struct fb_arn arn;

    hop.role_arn = who->issuer_arn;
    if (!*hop.account && fb_arn_split(a, who->arn, &arn))
        hop.account = arn.account;
    if (!*hop.session && strchr(who->arn, '/'))
        hop.session = name_of_arn(who->arn);
    return hop;
}

static const char *pair(struct fb_arena *a, const char *left, const char *right,
                        const char *otherwise)
{
    if (!*left && !*right)
        return otherwise;
    return fb_arena_fmt(a, "%s:%s", left, right);
}

struct fb_hop fb_actor_hop(struct fb_arena *a, const struct fb_event *ev)
{
    const struct fb_principal *who = &ev->who;
    const char *fallback = first_of(who->arn, who->id, who->credential);

    if (ev->provider == FB_GCP)
        return fb_gcp_hop(a, ev);
    switch (who->kind) {
    case FB_WHO_ROOT:
        return root_hop(a, who);
    case FB_WHO_USER:
        return user_hop(a, who);
    case FB_WHO_FEDERATED:
        return federated_hop(a, who);
    case FB_WHO_ROLE_SESSION:
        return role_hop(a, who);
    case FB_WHO_ROLE: {
        struct fb_hop hop = named_hop(FB_HOP_ROLE, who, fallback);

        hop.role_arn = who->arn;
        return hop;
    }
    case FB_WHO_WEB_IDENTITY:
    case FB_WHO_SAML:
        return named_hop(FB_HOP_EXTERNAL, who, pair(a, who->idp, who->subject, fallback));
    case FB_WHO_IDENTITY_CENTER:
        return named_hop(FB_HOP_SSO, who,
                         *who->arn ? who->arn : pair(a, who->idp, who->subject, fallback));
    case FB_WHO_ACCOUNT: {
        struct fb_hop hop =
            named_hop(FB_HOP_EXTERNAL, who, pair(a, who->account, who->id, fallback));

        hop.tie = fb_shared_key(a, ev); /* its own account's record of the same act names it */
        return hop;
    }
    case FB_WHO_DIRECTORY:
        return named_hop(FB_HOP_EXTERNAL, who, pair(a, who->account, who->id, fallback));
    case FB_WHO_SERVICE:
        return named_hop(FB_HOP_SERVICE, who, first_of(who->invoked_by, fallback, "aws"));
    case FB_WHO_CREDENTIAL:
        return named_hop(FB_HOP_CREDENTIAL, who, who->credential);
    case FB_WHO_SERVICE_ACCOUNT: /* Google's alone */
    case FB_WHO_UNKNOWN:
        break;
    }
    return named_hop(*who->credential ? FB_HOP_CREDENTIAL : FB_HOP_UNKNOWN, who,
                     first_of(who->credential, who->arn, who->id));
}

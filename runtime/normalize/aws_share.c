/* aws_share.c - data handed to strangers: images, snapshots, buckets, queues, keys, shares. */
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "normalize/norm_in.h"

static const char *requested(struct fb_norm_call *c, const char *field)
{
    return fb_norm_field_id(c->a, c->request, field);
}

static void share(struct fb_norm_call *c, const char *with)
{
    fb_norm_let_in(c, FB_T_DATA_SHARED_OUT, with);
}

/* An account id, an ARN, "*" or "all". Anonymised accounts have ids of other shapes: whatever is
 * not our own is a stranger. */
static bool is_stranger(struct fb_norm_call *c, const char *who)
{
    if (!*who)
        return false;
    if (fb_starts(who, "arn:") || fb_eq(who, "*"))
        return fb_norm_principal_is_external(c->a, who, c->ev->account);
    return strcmp(who, c->ev->account) != 0;
}

/* {"add": {"items": [{"userId": ...} | {"group": "all"}]}} */
static const char *stranger_added(struct fb_norm_call *c, const struct fb_json *permission)
{
    static const char *const open[] = {"group", "organizationArn", "organizationalUnitArn"};
    const struct fb_json *list = fb_norm_field(permission, "add");

    for (size_t i = 0, n = fb_norm_len(list); i < n; i++) {
        const struct fb_json *item = fb_norm_at(list, i);
        const char *user = fb_norm_field_id(c->a, item, "userId");

        for (size_t k = 0; k < sizeof open / sizeof open[0]; k++)
            if (*fb_norm_field_id(c->a, item, open[k]))
                return fb_norm_field_id(c->a, item, open[k]);
        if (*user && strcmp(user, c->ev->account) != 0)
            return user;
    }
    return "";
}

/* ModifySnapshotAttribute, ModifyImageAttribute. */
void fb_norm_share_image(struct fb_norm_call *c)
{
    static const char *const fields[] = {"createVolumePermission", "launchPermission"};

    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        const char *with = stranger_added(c, fb_norm_field(c->request, fields[i]));

        if (*with)
            share(c, with);
    }
}

/* ModifyDBSnapshotAttribute, ModifyDBClusterSnapshotAttribute. */
void fb_norm_share_db(struct fb_norm_call *c)
{
    const struct fb_json *list = fb_norm_field(c->request, "valuesToAdd");

    for (size_t i = 0, n = fb_norm_len(list); i < n; i++) {
        const char *who = fb_norm_id(c->a, fb_norm_at(list, i));

        if (*who && strcmp(who, c->ev->account) != 0)
            share(c, who);
    }
}

static void share_policy(struct fb_norm_call *c, const struct fb_json *document)
{
    const char *with = fb_norm_policy_outsider(c->a, fb_norm_policy(c->a, document), c->ev->account,
                                               true, &c->ev->more_outsiders);

    if (*with)
        share(c, with);
}

/* Resource policies: each service names the document differently. */
void fb_norm_share_policy(struct fb_norm_call *c)
{
    static const char *const fields[] = {"bucketPolicy",   "policy",       "resourcePolicy",
                                         "policyText",     "policyInJson", "policyDocument",
                                         "accessPolicies", "accessPolicy"};

    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        share_policy(c, fb_norm_field(c->request, fields[i]));
}

/* sns SetTopicAttributes {"attributeName": "Policy", "attributeValue": ...}, sqs SetQueueAttributes
 * {"attributes": {"Policy": ...}}. */
void fb_norm_share_attribute(struct fb_norm_call *c)
{
    if (fb_eq(requested(c, "attributeName"), "Policy"))
        share_policy(c, fb_norm_field(c->request, "attributeValue"));
    share_policy(c, fb_norm_path(c->request, "attributes.policy"));
}

/* Calls that name accounts or principals, one or a list, in a field of their own. */
void fb_norm_share_accounts(struct fb_norm_call *c)
{
    static const char *const fields[] = {"aWSAccountId", "aWSAccountIds", "accountIdsToAdd",
                                         "accountWithRestoreAccess", "granteePrincipal"};
    const char *principal = requested(c, "principal"); /* of a layer; narrowed by organizationId */

    for (size_t f = 0; f < sizeof fields / sizeof fields[0]; f++) {
        const struct fb_json *list = fb_norm_field(c->request, fields[f]);

        for (size_t i = 0, n = fb_norm_len(list); i < n; i++) {
            const char *who = fb_norm_id(c->a, fb_norm_at(list, i));

            /* Services that take a key's grant are no strangers. */
            if (!fb_ends(who, ".amazonaws.com") && is_stranger(c, who))
                share(c, who);
        }
    }
    if (is_stranger(c, principal) && !*requested(c, "organizationId"))
        share(c, principal);
}

/* PutBucketAcl, PutObjectAcl: a canned public ACL, or a grant to one of S3's two public groups. */
void fb_norm_share_acl(struct fb_norm_call *c)
{
    const struct fb_json *canned = fb_json_get(c->request, "x-amz-acl");
    const struct fb_json *grants =
        fb_norm_path(c->request, "accessControlPolicy.accessControlList.grant");

    for (size_t i = 0, n = fb_norm_len(canned); i < n; i++) {
        const char *acl = fb_json_str(fb_norm_at(canned, i));

        if (fb_starts(acl, "public-") || fb_eq(acl, "authenticated-read"))
            share(c, "*");
    }
    for (size_t i = 0, n = fb_norm_len(grants); i < n; i++) {
        const struct fb_json *grantee = fb_norm_field(fb_norm_at(grants, i), "grantee");
        const char *uri = fb_json_get_str(grantee, "URI");

        if (fb_ends(uri, "/global/AllUsers") || fb_ends(uri, "/global/AuthenticatedUsers"))
            share(c, "*");
    }
}

/* PutBucketReplication: every object, from now on, into a bucket of another account. */
void fb_norm_share_replica(struct fb_norm_call *c)
{
    const struct fb_json *rules = fb_norm_path(c->request, "replicationConfiguration.rule");

    for (size_t i = 0, n = fb_norm_len(rules); i < n; i++) {
        const char *owner = fb_norm_path_id(c->a, fb_norm_at(rules, i), "destination.account");

        if (is_stranger(c, owner))
            share(c, owner);
    }
}

/* ram CreateResourceShare, AssociateResourceShare: principals are accounts, ARNs, organizations. */
void fb_norm_share_ram(struct fb_norm_call *c)
{
    const struct fb_json *list = fb_norm_field(c->request, "principals");

    for (size_t i = 0, n = fb_norm_len(list); i < n; i++) {
        const char *p = fb_norm_id(c->a, fb_norm_at(list, i));

        if (!strstr(p, ":organizations:") && fb_norm_principal_is_external(c->a, p, c->ev->account))
            share(c, p);
    }
}

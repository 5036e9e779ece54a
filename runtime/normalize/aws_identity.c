/* aws_identity.c - CloudTrail's userIdentity, in every type it comes in, becomes one principal.
 * From: AWS CloudTrail user guide, "userIdentity element". */
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "normalize/norm_in.h"

/* What CloudTrail writes instead of a user name that may be a mistyped password. */
#define HIDDEN "HIDDEN_DUE_TO_SECURITY_REASONS"

/* Roles that Identity Center makes; their session name is the person. */
#define SSO_ROLE "AWSReservedSSO_"

static const struct {
    const char *type;
    enum fb_who kind;
} types[] = {
    {"Root", FB_WHO_ROOT},
    {"IAMUser", FB_WHO_USER},
    {"AssumedRole", FB_WHO_ROLE_SESSION},
    {"Role", FB_WHO_ROLE},
    {"FederatedUser", FB_WHO_FEDERATED},
    {"WebIdentityUser", FB_WHO_WEB_IDENTITY},
    {"SAMLUser", FB_WHO_SAML},
    {"IdentityCenterUser", FB_WHO_IDENTITY_CENTER},
    {"AWSAccount", FB_WHO_ACCOUNT},
    {"AWSService", FB_WHO_SERVICE},
    {"Directory", FB_WHO_DIRECTORY},
    {"Unknown", FB_WHO_UNKNOWN},
};

/* The resource part of an ARN says what it names, whatever the type field says. */
static enum fb_who kind_of_arn(struct fb_arena *a, const char *text)
{
    struct fb_arn arn;

    if (!fb_arn_split(a, text, &arn))
        return FB_WHO_UNKNOWN;
    if (fb_eq(arn.resource, "root"))
        return FB_WHO_ROOT;
    if (fb_starts(arn.resource, "user/"))
        return FB_WHO_USER;
    if (fb_starts(arn.resource, "assumed-role/"))
        return FB_WHO_ROLE_SESSION;
    if (fb_starts(arn.resource, "federated-user/"))
        return FB_WHO_FEDERATED;
    return fb_starts(arn.resource, "role/") ? FB_WHO_ROLE : FB_WHO_UNKNOWN;
}

static enum fb_who kind_of(struct fb_arena *a, const char *type, const struct fb_principal *who)
{
    enum fb_who kind;

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (fb_eq(types[i].type, type))
            return types[i].kind;
    kind = kind_of_arn(a, who->arn);
    /* Service events: no type, nothing but an account and the service. */
    if (kind == FB_WHO_UNKNOWN && *who->invoked_by && !*who->credential && !*who->id)
        kind = FB_WHO_SERVICE;
    return kind;
}

/* "arn:...:assumed-role/ROLE/SESSION": the role's name and the session's. */
static void derive_role_session(struct fb_arena *a, struct fb_principal *who)
{
    struct fb_arn arn;

    if (fb_arn_split(a, who->arn, &arn) && fb_starts(arn.resource, "assumed-role/")) {
        const char *role = arn.resource + strlen("assumed-role/");
        size_t len = strcspn(role, "/");

        if (!*who->issuer_name)
            who->issuer_name = fb_arena_strn(a, role, len);
        if (!*who->session && role[len] == '/')
            who->session = fb_arena_str(a, role + len + 1);
        if (!*who->account)
            who->account = arn.account;
    }
    if (!*who->session) {
        const char *colon = strchr(who->id, ':'); /* AROA...:SESSION */

        who->session = colon ? fb_arena_str(a, colon + 1) : "";
    }
    if (!*who->issuer_kind)
        who->issuer_kind = "Role";
    if (fb_starts(who->session, "i-"))
        who->instance_role = true;
    if (fb_starts(who->issuer_name, SSO_ROLE) && *who->session) {
        who->idp = "sso";
        who->subject = who->session;
    }
}

static void derive_name(struct fb_arena *a, struct fb_principal *who, const char *prefix,
                        const char **name)
{
    struct fb_arn arn;

    if (!fb_arn_split(a, who->arn, &arn))
        return;
    if (!*who->account)
        who->account = arn.account;
    /* A path may stand between "user/" and the name. */
    if (!**name && fb_starts(arn.resource, prefix))
        *name = fb_norm_after_last(arn.resource, '/');
}

void fb_norm_identity_derive(struct fb_arena *a, struct fb_principal *who)
{
    switch (who->kind) {
    case FB_WHO_USER:
        derive_name(a, who, "user/", &who->name);
        break;
    case FB_WHO_ROLE:
        derive_name(a, who, "role/", &who->name);
        break;
    case FB_WHO_FEDERATED:
        derive_name(a, who, "federated-user/", &who->session);
        break;
    case FB_WHO_ROLE_SESSION:
        derive_role_session(a, who);
        break;
    default:
        break;
    }
}

static void read_session(struct fb_arena *a, const struct fb_json *identity,
                         struct fb_principal *who)
{
    const struct fb_json *session = fb_json_get(identity, "sessionContext");
    const struct fb_json *issuer = fb_json_get(session, "sessionIssuer");
    const struct fb_json *role = fb_json_get(session, "ec2RoleDelivery");

    who->issuer_arn = fb_norm_field_id(a, issuer, "arn");
    who->issuer_kind = fb_norm_field_id(a, issuer, "type");
    who->issuer_name = fb_norm_field_id(a, issuer, "userName");
    fb_norm_time(fb_json_path(session, "attributes.creationDate"), &who->session_ms);
    who->mfa = fb_json_bool(fb_json_path(session, "attributes.mfaAuthenticated"), false);
    who->source_identity = fb_norm_field_id(a, session, "sourceIdentity");
    who->idp = fb_norm_path_id(a, session, "webIdFederationData.federatedProvider");
    who->subject = fb_norm_path_id(a, session, "webIdFederationData.attributes.sub");
    if (*fb_norm_id(a, role) || fb_json_kind(role) == FB_JSON_REAL)
        who->instance_role = true;
    if (fb_eq(fb_json_path_str(identity, "inScopeOf.issuerType"), "AWS::EC2::Instance"))
        who->instance_role = true;
}

/* WebIdentityUser, SAMLUser and IdentityCenterUser name a person of an identity provider. */
static void read_provider(struct fb_arena *a, const struct fb_json *identity,
                          struct fb_principal *who)
{
    if (who->kind == FB_WHO_IDENTITY_CENTER) {
        who->idp = "sso";
        who->subject = fb_norm_path_id(a, identity, "onBehalfOf.userId");
        if (!*who->id)
            who->id = who->subject;
        return;
    }
    who->idp = fb_norm_field_id(a, identity, "identityProvider");
    /* principalId is "PROVIDER:AUDIENCE:SUBJECT" or "QUALIFIER:SUBJECT". */
    who->subject = *who->name ? who->name : fb_norm_after_last(who->id, ':');
}

void fb_norm_identity(struct fb_arena *a, const struct fb_json *identity, struct fb_principal *who)
{
    who->arn = fb_norm_field_id(a, identity, "arn");
    who->id = fb_norm_field_id(a, identity, "principalId");
    who->account = fb_norm_field_id(a, identity, "accountId");
    who->name = fb_norm_field_id(a, identity, "userName");
    who->credential = fb_norm_field_id(a, identity, "accessKeyId");
    who->invoked_by = fb_norm_field_id(a, identity, "invokedBy");
    if (fb_eq(who->name, HIDDEN))
        who->name = "";
    who->kind = kind_of(a, fb_json_get_str(identity, "type"), who);
    read_session(a, identity, who);
    if (who->kind == FB_WHO_WEB_IDENTITY || who->kind == FB_WHO_SAML ||
        who->kind == FB_WHO_IDENTITY_CENTER)
        read_provider(a, identity, who);
    fb_norm_identity_derive(a, who);
}

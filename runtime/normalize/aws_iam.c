/* aws_iam.c - what IAM and STS calls do to whom: users, keys, grants, trust, fresh credentials. */
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/text.h"
#include "normalize/norm_in.h"

/* Policies whose names begin so are ours: the fence that an intruder would have to pull down. */
#define OUR_POLICY "Firebreak"
/* AWS attaches policies of this name to users whose keys it found in public. */
#define QUARANTINE "AWSCompromisedKeyQuarantine"

static const char *requested(struct fb_norm_call *c, const char *field)
{
    return fb_norm_field_id(c->a, c->request, field);
}

/* The IAM user name of the caller; "" for roles, the root user and everybody else. */
static const char *own_name(const struct fb_norm_call *c)
{
    return c->ev->who.kind == FB_WHO_USER ? c->ev->who.name : "";
}

static bool is_somebody_else(const struct fb_norm_call *c, const char *user)
{
    /* IAM user names differ in more than case. */
    return *user && strcasecmp(user, own_name(c)) != 0;
}

void fb_norm_create_user(struct fb_norm_call *c)
{
    const char *name = fb_norm_path_id(c->a, c->response, "user.userName");

    fb_norm_made_one(c, "user", *name ? name : requested(c, "userName"), "", "");
}

void fb_norm_create_role(struct fb_norm_call *c)
{
    const char *name = fb_norm_path_id(c->a, c->response, "role.roleName");

    fb_norm_made_one(c, "role", *name ? name : requested(c, "roleName"), "", "");
    fb_norm_trust(c);
}

/* CreateAccessKey and its kin (Git and Bedrock keys, X.509 certificates, SSH keys). Without
 * userName it is for the caller. */
void fb_norm_create_key(struct fb_norm_call *c)
{
    static const char *const shapes[][3] = {
        {"accessKey", "accessKeyId", "userName"},
        {"serviceSpecificCredential", "serviceSpecificCredentialId", "userName"},
        {"certificate", "certificateId", "userName"},
        {"sSHPublicKey", "sSHPublicKeyId", "userName"},
    };
    const char *user = requested(c, "userName"), *key = "";

    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0] && !*key; i++) {
        const struct fb_json *made = fb_norm_field(c->response, shapes[i][0]);

        key = fb_norm_field_id(c->a, made, shapes[i][1]);
        if (!*user)
            user = fb_norm_field_id(c->a, made, shapes[i][2]);
    }
    if (is_somebody_else(c, user))
        fb_norm_set(c, FB_T_KEY_FOR_OTHER);
    if (!*user)
        user = own_name(c);
    c->ev->target_user = user;
    if (!*c->ev->target_key)
        c->ev->target_key = key;
    fb_norm_made_one(c, "access_key", key, user, "");
}

void fb_norm_key_status(struct fb_norm_call *c)
{
    if (strcasecmp(requested(c, "status"), "Active") == 0)
        fb_norm_set(c, FB_T_DENY_REMOVED);
}

void fb_norm_login_profile(struct fb_norm_call *c)
{
    const char *user = requested(c, "userName");

    if (!*user)
        user = fb_norm_path_id(c->a, c->response, "loginProfile.userName");
    if (is_somebody_else(c, user))
        fb_norm_set(c, FB_T_LOGIN_PROFILE);
    c->ev->target_user = user;
    if (fb_eq(c->ev->action, "CreateLoginProfile"))
        fb_norm_made_one(c, "login_profile", user, user, "");
}

/* AWS puts its quarantine policy in place as one of its services, as "AWS Internal", as the root
 * user, or as the very user whose key leaked (so in the records that are public). Anybody else who
 * attaches it to somebody proves nothing against that somebody. */
static bool is_by_aws(const struct fb_norm_call *c)
{
    const struct fb_principal *who = &c->ev->who;

    return who->kind == FB_WHO_SERVICE || who->kind == FB_WHO_ROOT ||
           fb_eq(who->invoked_by, "AWS Internal") || fb_eq(c->ev->ip, "AWS Internal") ||
           (who->kind == FB_WHO_USER && *who->name && fb_eq(who->name, c->ev->target_user));
}

/* AWS's own policies that make an administrator of the account, of all of IAM, of a cluster. */
static bool makes_admin(const char *arn)
{
    static const char *const names[] = {"/AdministratorAccess", "/IAMFullAccess",
                                        "/AmazonEKSClusterAdminPolicy"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (fb_ends(arn, names[i]))
            return true;
    return false;
}

/* Attach*Policy; a permission set's managed policy and a cluster's access policy too. */
void fb_norm_attach_policy(struct fb_norm_call *c)
{
    const char *arn = requested(c, "policyArn");

    if (!*arn)
        arn = requested(c, "managedPolicyArn");
    c->ev->target_policy = arn;
    if (makes_admin(arn))
        fb_norm_set(c, FB_T_ADMIN_GRANT);
    if (is_by_aws(c) && strstr(arn, ":iam::aws:policy/" QUARANTINE))
        fb_norm_set(c, FB_T_QUARANTINE_POLICY);
}

/* AddUserToGroup: what a group may do is not in the event, its name usually tells. */
void fb_norm_add_to_group(struct fb_norm_call *c)
{
    if (fb_has_fold(requested(c, "groupName"), "admin"))
        fb_norm_set(c, FB_T_ADMIN_GRANT);
}

void fb_norm_detach_policy(struct fb_norm_call *c)
{
    const char *name = fb_norm_after_last(requested(c, "policyArn"), '/');

    if (fb_eq(name, "AWSDenyAll") || fb_starts_fold(name, OUR_POLICY))
        fb_norm_set(c, FB_T_DENY_REMOVED);
}

/* Put*Policy and Delete*Policy on a user, role or group. */
void fb_norm_inline_policy(struct fb_norm_call *c)
{
    const char *name = requested(c, "policyName");

    if (fb_starts_fold(name, OUR_POLICY))
        fb_norm_set(c, FB_T_DENY_REMOVED);
    if (fb_starts(c->ev->action, "Put")) {
        if (is_by_aws(c) && fb_starts(name, QUARANTINE))
            fb_norm_set(c, FB_T_QUARANTINE_POLICY);
        fb_norm_policy_document(c);
    }
}

/* CreatePolicy and CreatePolicyVersion: who gets it is not in the event, what it allows is. A
 * permission set calls it inlinePolicy. */
void fb_norm_policy_document(struct fb_norm_call *c)
{
    const struct fb_json *v = fb_norm_field(c->request, "policyDocument");

    if (!v)
        v = fb_norm_field(c->request, "inlinePolicy");
    if (fb_norm_policy_is_admin(fb_norm_policy(c->a, v)))
        fb_norm_set(c, FB_T_ADMIN_GRANT);
}

/* CreateRole names the trust assumeRolePolicyDocument, UpdateAssumeRolePolicy policyDocument. */
void fb_norm_trust(struct fb_norm_call *c)
{
    const struct fb_json *v = fb_norm_field(c->request, "assumeRolePolicyDocument");
    const char *outsider;

    if (!v)
        v = fb_norm_field(c->request, "policyDocument");
    outsider = fb_norm_policy_outsider(c->a, fb_norm_policy(c->a, v), c->ev->account, false,
                                       &c->ev->more_outsiders);
    if (*outsider)
        fb_norm_let_in(c, FB_T_EXTERNAL_TRUST, outsider);
}

/* The assumed role stands in resources[] even where requestParameters was cut. */
static const char *role_of_resources(struct fb_norm_call *c)
{
    const struct fb_json *list = fb_json_get(c->doc, "resources");

    for (size_t i = 0, n = fb_norm_len(list); i < n; i++) {
        const struct fb_json *item = fb_norm_at(list, i);
        const char *arn = fb_norm_field_id(c->a, item, "ARN");

        if (!*arn)
            arn = fb_norm_field_id(c->a, item, "arn");
        if (fb_eq(fb_json_get_str(item, "type"), "AWS::IAM::Role"))
            return arn;
    }
    return "";
}

/* AssumeRole*, GetSessionToken, GetFederationToken. */
void fb_norm_mint(struct fb_norm_call *c)
{
    struct fb_mint *m = &c->ev->mint;
    const struct fb_json *credentials = fb_norm_field(c->response, "credentials");
    bool assumes = fb_starts(c->ev->action, "AssumeRole");

    m->credential = fb_norm_field_id(c->a, credentials, "accessKeyId");
    if (!*m->credential) /* GetWebIdentityToken: the token's id turns up where it is used */
        m->credential = fb_norm_field_id(c->a, c->response, "webIdentityTokenId");
    if (!*c->ev->who.credential)
        c->ev->who.credential = requested(c, "webIdentityTokenId");
    fb_norm_time(fb_norm_field(credentials, "expiration"), &m->expires_ms);
    m->role_arn = requested(c, "roleArn");
    if (!*m->role_arn && assumes)
        m->role_arn = role_of_resources(c);
    m->session_arn = fb_norm_path_id(c->a, c->response, "assumedRoleUser.arn");
    if (!*m->session_arn)
        m->session_arn = fb_norm_path_id(c->a, c->response, "federatedUser.arn");
    m->session = requested(c, assumes ? "roleSessionName" : "name");
    if (!*m->session)
        m->session = fb_norm_after_last(m->session_arn, '/');
    m->source_identity = fb_norm_field_id(c->a, c->response, "sourceIdentity");
    if (!*m->source_identity)
        m->source_identity = requested(c, "sourceIdentity");
}

/* GetFederationToken, GetSigninToken: a way in that outlives the key, when a user takes it. Roles
 * ask for sign-in tokens all day long: that is how Identity Center's portal opens the console. */
void fb_norm_federation(struct fb_norm_call *c)
{
    enum fb_who kind = c->ev->who.kind;

    if (kind == FB_WHO_USER || kind == FB_WHO_ROOT || kind == FB_WHO_FEDERATED)
        fb_norm_set(c, FB_T_FEDERATION_TOKEN);
    if (fb_eq(c->ev->action, "GetFederationToken"))
        fb_norm_mint(c);
}

/* AssumeRoot: a management account takes the root seat of a member, named by account id or ARN. */
void fb_norm_assume_root(struct fb_norm_call *c)
{
    const char *target = requested(c, "targetPrincipal");

    fb_norm_mint(c);
    c->ev->mint.role_arn = "";
    if (!*c->ev->mint.session_arn)
        c->ev->mint.session_arn = fb_norm_is_account(target)
                                      ? fb_arena_fmt(c->a, "arn:aws:iam::%s:root", target)
                                      : target;
}

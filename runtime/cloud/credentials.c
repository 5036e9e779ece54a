/* credentials.c - finds the credentials that our own calls are signed with.
 *
 * Order: as AWS's own SDKs. Answers with secrets live in an arena of this file's own, and their
 * texts are wiped before it is given back. */
#include "cloud/credentials.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/text.h"
#include "cloud/endpoints.h"
#include "cloud/env.h"
#include "cloud/errors.h"
#include "cloud/profile.h"
#include "cloud/url.h"
#include "cloud/xml.h"

enum {
    SCRATCH_MAX = 24 << 20,
    CONTAINER_TRIES = 3,
    CONTAINER_MS = 2000,
    IMDS_MS = 1000,
    STS_MS = 5000,
    STS_TRIES = 3,
    TRY_PAUSE_MS = 100,
    PROFILE_DEPTH_MAX = 4 /* source_profile of source_profile ... */
};

/* One search: what all sources share. */
struct search {
    const struct fb_aws_finder *how;
    struct fb_arena *arena;
    struct fb_aws_credentials *out;
    struct fb_err *err;
};

/* A source says: not configured, go on; or: mine, with this outcome. */
enum { NOT_MINE = -1 };

void fb_aws_credentials_release(struct fb_aws_credentials *c)
{
    fb_secret_release(&c->secret);
    fb_secret_release(&c->token);
    memset(c, 0, sizeof *c);
}

void fb_aws_credentials_move(struct fb_aws_credentials *to, struct fb_aws_credentials *from)
{
    fb_aws_credentials_release(to);
    *to = *from;
    memset(from, 0, sizeof *from);
}

bool fb_aws_credentials_set(struct fb_aws_credentials *to, const char *access_key,
                            const struct fb_secret *secret, const struct fb_secret *token)
{
    size_t len = strlen(access_key);

    fb_aws_credentials_release(to);
    if (len >= sizeof to->access_key)
        return false;
    memcpy(to->access_key, access_key, len + 1);
    if (!fb_secret_set(&to->secret, secret->at ? secret->at : "", secret->len))
        return false;
    return !token->len || fb_secret_set(&to->token, token->at, token->len);
}

/* A header must not be split by what a file or a peer says; a key is printable. */
static bool printable(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s <= ' ' || (unsigned char)*s >= 0x7f)
            return false;
    return true;
}

static enum fb_status take(struct search *f, const char *key, const char *secret, const char *token,
                           const char *expires)
{
    struct fb_secret s = {(char *)(uintptr_t)secret, strlen(secret)};
    struct fb_secret t = {(char *)(uintptr_t)token, strlen(token)};
    int64_t expires_ms = 0;

    if (!*key || !*secret)
        return fb_err_set(f->err, FB_EDENIED, "the answer holds no key");
    if (!printable(key) || !printable(secret) || !printable(token))
        return fb_err_set(f->err, FB_EDENIED, "the key or token holds characters that none has");
    if (!fb_aws_credentials_set(f->out, key, &s, &t))
        return fb_err_set(f->err, FB_EDENIED, "the key cannot be kept");
    if (*expires && !fb_time_parse(expires, &expires_ms))
        return fb_err_set(f->err, FB_EDENIED, "the expiry date cannot be read");
    f->out->expires_ms = expires_ms;
    return FB_OK;
}

/* Wipes what an answer said, once it has been taken. */
static void wipe(const struct fb_http_reply *r)
{
    OPENSSL_cleanse((void *)(uintptr_t)r->body, r->body_len);
}

static const char *env(const struct search *f, const char *name)
{
    return fb_cloud_env(f->how->env, name);
}

static int from_environment(struct search *f)
{
    const char *key = env(f, "AWS_ACCESS_KEY_ID");

    if (!*key)
        return NOT_MINE;
    return (int)fb_err_ctx(
        f->err, take(f, key, env(f, "AWS_SECRET_ACCESS_KEY"), env(f, "AWS_SESSION_TOKEN"), ""),
        "environment");
}

/* Asks a few times: the places that give credentials are on this machine or next to it. */
static void ask(struct search *f, struct fb_http_request *req, int tries,
                struct fb_http_reply *reply)
{
    for (int i = 0; i < tries; i++) {
        fb_http_do(f->how->http, f->arena, req, f->how->deadline_mono_ms, reply);
        if (reply->st == FB_OK && reply->status < 500)
            return;
        if (reply->st != FB_OK && !reply->err.retryable)
            return;
        req->delay_ms = TRY_PAUSE_MS << i;
    }
}

static enum fb_status refused(struct search *f, const struct fb_http_reply *reply,
                              const struct fb_aws_credentials *used)
{
    (void)fb_aws_error_read(f->arena, reply, used, f->err);
    return f->err->code = FB_EDENIED;
}

/* The document of the container endpoint and of IMDS. */
static enum fb_status take_json(struct search *f, const struct fb_http_reply *reply)
{
    const struct fb_json *v;
    enum fb_status st;

    if (reply->st != FB_OK || reply->status != 200)
        return refused(f, reply, NULL);
    if (fb_json_parse(f->arena, reply->body, reply->body_len, NULL, &v, NULL) != FB_OK)
        st = fb_err_set(f->err, FB_EDENIED, "the answer is not JSON");
    else
        st = take(f, fb_json_get_str(v, "AccessKeyId"), fb_json_get_str(v, "SecretAccessKey"),
                  fb_json_get_str(v, "Token"), fb_json_get_str(v, "Expiration"));
    wipe(reply);
    return st;
}

/* Takes Credentials/... of STS's answer below the element that `result` names. */
static enum fb_status take_sts(struct search *f, const struct fb_http_reply *reply,
                               const char *result, const struct fb_aws_credentials *used)
{
    const struct fb_xml *root;
    enum fb_status st;

    if (reply->st != FB_OK || reply->status != 200)
        return refused(f, reply, used);
    st = fb_xml_parse(f->arena, reply->body, reply->body_len, &root, f->err);
    if (st == FB_OK) {
        const struct fb_xml *c = fb_xml_child(fb_xml_child(root, result), "Credentials");

        st = take(f, fb_xml_text(c, "AccessKeyId"), fb_xml_text(c, "SecretAccessKey"),
                  fb_xml_text(c, "SessionToken"), fb_xml_text(c, "Expiration"));
    }
    wipe(reply);
    return st == FB_OK ? st : (f->err->code = FB_EDENIED);
}

/* Posts a form to STS; signed with `as` unless that is NULL. */
static enum fb_status post_sts(struct search *f, struct fb_buf *form,
                               const struct fb_aws_credentials *as, const char *result)
{
    const struct fb_aws_service *sts = fb_aws_service("sts");
    struct fb_aws_endpoint where;
    struct fb_http_request req = {.method = "POST", .timeout_ms = STS_MS};
    struct fb_http_reply reply = {0};
    enum fb_status st =
        fb_aws_endpoint(f->arena, f->how->env, sts, "", f->how->home, &where, f->err);

    if (st != FB_OK)
        return st;
    if (!fb_buf_ok(form) || fb_arena_failed(f->arena))
        return fb_err_set(f->err, FB_ELIMIT, "the request to STS is too long");
    req.url = fb_arena_fmt(f->arena, "%s/", where.url);
    req.headers[req.header_count++] =
        (struct fb_http_header){"content-type", "application/x-www-form-urlencoded; charset=utf-8"};
    req.body = form->at;
    req.body_len = form->len;
    if (as) {
        struct fb_sigv4 how = {.credentials = as, .region = where.region, .service = sts->name};

        how.now_ms = fb_wall_ms(&f->how->clock) + f->how->skew_ms;
        st = fb_sigv4_sign(f->arena, &how, &req, f->err);
        if (st != FB_OK)
            return st;
    }
    ask(f, &req, STS_TRIES, &reply);
    return take_sts(f, &reply, result, as);
}

static enum fb_status with_web_identity(struct search *f, const char *token_file, const char *role,
                                        const char *session)
{
    struct fb_secret token = {0};
    struct fb_buf form;
    enum fb_status st;

    if (!*role)
        return fb_err_set(f->err, FB_EDENIED, "web identity: a token file without a role");
    if (!fb_aws_read_secret_file(token_file, &token))
        return fb_err_set(f->err, FB_EDENIED, "web identity: the token file cannot be read");
    fb_buf_init(&form, 64 << 10);
    fb_buf_add(&form, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15");
    fb_buf_add_param(&form, "RoleArn", role);
    fb_buf_add_param(&form, "RoleSessionName", *session ? session : "firebreak");
    fb_buf_add_param(&form, "WebIdentityToken", token.at);
    st = post_sts(f, &form, NULL, "AssumeRoleWithWebIdentityResult");
    OPENSSL_cleanse(form.at, form.len);
    fb_buf_release(&form);
    fb_secret_release(&token);
    return fb_err_ctx(f->err, st, "web identity");
}

static int from_web_identity(struct search *f)
{
    const char *file = env(f, "AWS_WEB_IDENTITY_TOKEN_FILE");

    if (!*file)
        return NOT_MINE;
    return (int)with_web_identity(f, file, env(f, "AWS_ROLE_ARN"), env(f, "AWS_ROLE_SESSION_NAME"));
}

/* Plain http only to where no third party listens. */
static bool container_host_ok(const struct fb_url *u)
{
    static const char *const hosts[] = {"169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"};

    if (u->https || fb_url_is_loopback(u))
        return true;
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
        if (u->host.len == strlen(hosts[i]) && memcmp(u->host.at, hosts[i], u->host.len) == 0)
            return true;
    return false;
}

static enum fb_status with_container(struct search *f, const char *url)
{
    const char *token = env(f, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
    const char *token_file = env(f, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    struct fb_http_request req = {.method = "GET", .url = url, .timeout_ms = CONTAINER_MS};
    struct fb_http_reply reply = {0};
    struct fb_secret file = {0};
    struct fb_url parts;
    enum fb_status st;

    if (!fb_url_split(url, &parts) || !container_host_ok(&parts))
        return fb_err_set(
            f->err, FB_EDENIED,
            "the URI is not https and not one of the hosts that credentials come from");
    if (*token_file) { /* read each time: it is renewed under us */
        if (!fb_aws_read_secret_file(token_file, &file))
            return fb_err_set(f->err, FB_EDENIED, "the authorization token file cannot be read");
        while (file.len > 0 && strchr("\r\n", file.at[file.len - 1]))
            file.at[--file.len] = '\0';
        token = file.at;
    }
    if (strpbrk(token, "\r\n")) {
        st = fb_err_set(f->err, FB_EDENIED, "the authorization token holds a line break");
    } else {
        if (*token)
            req.headers[req.header_count++] = (struct fb_http_header){"Authorization", token};
        ask(f, &req, CONTAINER_TRIES, &reply);
        st = take_json(f, &reply);
    }
    fb_secret_release(&file);
    return st;
}

static int from_container(struct search *f)
{
    const char *relative = env(f, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *url = env(f, "AWS_CONTAINER_CREDENTIALS_FULL_URI");

    if (*relative)
        url = fb_arena_fmt(f->arena, "http://169.254.170.2%s%s", *relative == '/' ? "" : "/",
                           relative);
    if (!*url)
        return NOT_MINE;
    return (int)fb_err_ctx(f->err, with_container(f, url), "container endpoint");
}

static void imds(struct search *f, const char *method, const char *path, const char *header,
                 const char *value, struct fb_http_reply *reply)
{
    const char *base = env(f, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
    size_t len;
    struct fb_http_request req = {.method = method, .timeout_ms = IMDS_MS, .header_count = 1};

    if (!*base)
        base = fb_eq(env(f, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"), "IPv6")
                   ? "http://[fd00:ec2::254]"
                   : "http://169.254.169.254";
    len = strlen(base);
    while (len > 0 && base[len - 1] == '/')
        len--;
    req.url = fb_arena_fmt(f->arena, "%.*s%s", (int)len, base, path);
    req.headers[0] = (struct fb_http_header){header, value};
    ask(f, &req, 1, reply);
}

/* Version 2 only: version 1 is what thieves ask through a server's own requests. */
static int from_imds(struct search *f)
{
    static const char path[] = "/latest/meta-data/iam/security-credentials/";
    const char *role, *token_name = "X-aws-ec2-metadata-token";
    struct fb_http_reply token = {0}, name = {0}, reply = {0};

    if (fb_cloud_env_true(f->how->env, "AWS_EC2_METADATA_DISABLED"))
        return NOT_MINE;
    imds(f, "PUT", "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", "21600", &token);
    if (token.st != FB_OK || token.status != 200)
        return NOT_MINE; /* not on such a machine */
    if (token.body_len == 0 || !printable(token.body))
        return (int)fb_err_set(f->err, FB_EDENIED, "instance metadata: the token is not one");
    imds(f, "GET", path, token_name, token.body, &name);
    if (name.st != FB_OK || name.status != 200)
        return (int)fb_err_ctx(f->err, refused(f, &name, NULL), "instance metadata: role name");
    role = fb_arena_strn(f->arena, name.body, strcspn(name.body, "\r\n"));
    if (!*role || !printable(role) || strpbrk(role, "?#/%"))
        return (int)fb_err_set(f->err, FB_EDENIED, "instance metadata: the instance has no role");
    imds(f, "GET", fb_arena_fmt(f->arena, "%s%s", path, role), token_name, token.body, &reply);
    return (int)fb_err_ctx(f->err, take_json(f, &reply), "instance metadata");
}

static enum fb_status assume(struct search *f, const struct fb_aws_profile *p,
                             const struct fb_aws_credentials *as)
{
    struct fb_buf form;

    fb_buf_init_in(&form, f->arena, 16 << 10);
    fb_buf_add(&form, "Action=AssumeRole&Version=2011-06-15");
    fb_buf_add_param(&form, "RoleArn", p->role_arn);
    fb_buf_add_param(&form, "RoleSessionName", *p->session_name ? p->session_name : "firebreak");
    if (*p->external_id)
        fb_buf_add_param(&form, "ExternalId", p->external_id);
    if (*p->duration)
        fb_buf_add_param(&form, "DurationSeconds", p->duration);
    return post_sts(f, &form, as, "AssumeRoleResult");
}

static int from_profile(struct search *f, const char *name, int depth);

/* The credentials that may assume the profile's role. */
static int find_source(struct search *f, const struct fb_aws_profile *p, const char *name,
                       int depth)
{
    int st;

    if (*p->source_profile && fb_eq(p->source_profile, name) && *p->access_key) {
        st = (int)(fb_aws_credentials_set(f->out, p->access_key, &p->secret, &p->token)
                       ? FB_OK
                       : fb_err_set(f->err, FB_EDENIED, "the key cannot be kept"));
    } else if (*p->source_profile) {
        st = from_profile(f, p->source_profile, depth + 1);
    } else if (fb_eq(p->credential_source, "Environment")) {
        st = from_environment(f);
    } else if (fb_eq(p->credential_source, "EcsContainer")) {
        st = from_container(f);
    } else if (fb_eq(p->credential_source, "Ec2InstanceMetadata")) {
        st = from_imds(f);
    } else {
        return (int)fb_err_set(f->err, FB_EDENIED, "role_arn without a source that we know");
    }
    if (st == NOT_MINE)
        return (int)fb_err_set(f->err, FB_EDENIED, "the role's source gives no credentials");
    return st;
}

static int with_profile(struct search *f, const struct fb_aws_profile *p, const char *name,
                        int depth)
{
    struct fb_aws_credentials source = {0};
    int st;

    if (*p->role_arn && *p->token_file)
        return (int)with_web_identity(f, p->token_file, p->role_arn, p->session_name);
    if (*p->role_arn) {
        if (*p->mfa_serial)
            return (int)fb_err_set(f->err, FB_EDENIED, "mfa_serial: nobody is here to type a code");
        st = find_source(f, p, name, depth);
        if (st != FB_OK)
            return st;
        fb_aws_credentials_move(&source, f->out);
        st = (int)fb_err_ctx(f->err, assume(f, p, &source), "assume %s", p->role_arn);
        fb_aws_credentials_release(&source);
        return st;
    }
    if (*p->access_key)
        return (int)take(f, p->access_key, p->secret.at ? p->secret.at : "",
                         p->token.at ? p->token.at : "", "");
    if (*p->process || *p->sso)
        return (int)fb_err_set(f->err, FB_EDENIED, "%s is not supported",
                               *p->process ? "credential_process" : "single sign-on");
    return NOT_MINE;
}

static int from_profile(struct search *f, const char *name, int depth)
{
    struct fb_aws_profile p;
    int st;

    if (depth >= PROFILE_DEPTH_MAX)
        return (int)fb_err_set(f->err, FB_EDENIED, "source_profile goes round in circles");
    fb_aws_profile_read(f->arena, f->how->env, name, &p);
    st = p.exists ? with_profile(f, &p, name, depth) : NOT_MINE;
    fb_aws_profile_release(&p);
    return st;
}

static int from_files(struct search *f)
{
    const char *name = fb_aws_profile_name(f->how->env);
    int st = from_profile(f, name, 0);

    if (st == NOT_MINE && *env(f, "AWS_PROFILE")) /* somebody named it: say that it is not there */
        st = (int)fb_err_set(f->err, FB_EDENIED, "not in the shared files, or without a key");
    if (st == NOT_MINE)
        return st;
    return (int)fb_err_ctx(f->err, (enum fb_status)st, "profile %s", name);
}

enum fb_status fb_aws_credentials_find(const struct fb_aws_finder *how,
                                       struct fb_aws_credentials *out, struct fb_err *err)
{
    static int (*const sources[])(struct search *) = {from_environment, from_web_identity,
                                                      from_files, from_container, from_imds};
    struct fb_aws_credentials found = {0};
    struct fb_err unused;
    struct search f = {how, fb_arena_new(SCRATCH_MAX), &found, err ? err : &unused};
    int st = NOT_MINE;

    if (!f.arena)
        return fb_err_set(err, FB_EDENIED, "no memory to look for credentials");
    for (size_t i = 0; st == NOT_MINE && i < sizeof sources / sizeof *sources; i++)
        st = sources[i](&f);
    if (st == NOT_MINE)
        st = (int)fb_err_set(
            f.err, FB_EDENIED,
            "no AWS credentials: looked in the environment (AWS_ACCESS_KEY_ID), web identity "
            "(AWS_WEB_IDENTITY_TOKEN_FILE), the shared files (profile %s), the container endpoint "
            "(AWS_CONTAINER_CREDENTIALS_*) and instance metadata (%s)",
            fb_aws_profile_name(how->env),
            fb_cloud_env_true(how->env, "AWS_EC2_METADATA_DISABLED") ? "disabled" : "no answer");
    else if (st != FB_OK)
        st = (int)fb_err_ctx(f.err, FB_EDENIED, "no AWS credentials");
    if (st == FB_OK)
        fb_aws_credentials_move(out, &found);
    fb_aws_credentials_release(&found);
    fb_arena_free(f.arena);
    return (enum fb_status)st;
}

/* profile.c - reads the two shared files as the providers' own tools write them. */
#include "cloud/profile.h"

#include <ctype.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/text.h"
#include "cloud/env.h"

enum { FILE_MAX = 1 << 20, LINES_MAX = 100000 };

bool fb_aws_read_secret_file(const char *path, struct fb_secret *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *bytes = NULL;
    size_t len = 0;
    bool ok = false;

    if (fd < 0)
        return false;
    bytes = malloc(FILE_MAX + 1);
    while (bytes && len <= FILE_MAX) {
        ssize_t got = read(fd, bytes + len, FILE_MAX + 1 - len);

        if (got <= 0) {
            ok = got == 0 && !memchr(bytes, '\0', len) && fb_secret_set(out, bytes, len);
            break;
        }
        len += (size_t)got;
    }
    if (bytes)
        OPENSSL_cleanse(bytes, len);
    free(bytes);
    (void)close(fd);
    return ok;
}

const char *fb_aws_profile_name(const char *const *env)
{
    const char *name = fb_cloud_env(env, "AWS_PROFILE");

    if (!*name)
        name = fb_cloud_env(env, "AWS_DEFAULT_PROFILE");
    return *name ? name : "default";
}

static const char *file_path(struct fb_arena *a, const char *const *env, const char *variable,
                             const char *in_home)
{
    const char *path = fb_cloud_env(env, variable), *home = fb_cloud_env(env, "HOME");

    if (*path && !fb_starts(path, "~/"))
        return path;
    if (!*home)
        return "";
    return fb_arena_fmt(a, "%s/%s", home, *path ? path + 2 : in_home);
}

/* One line or name without the white space around it. */
static struct fb_secret trimmed(char *at, size_t len)
{
    while (len > 0 && isspace((unsigned char)*at)) {
        at++;
        len--;
    }
    while (len > 0 && isspace((unsigned char)at[len - 1]))
        len--;
    return (struct fb_secret){at, len};
}

static bool same(struct fb_secret s, const char *word)
{
    return s.len == strlen(word) && memcmp(s.at, word, s.len) == 0;
}

/* Whether "[...]" opens the wanted section: "[name]", in the config file also "[profile name]". */
static bool section_is(struct fb_secret line, const char *name, bool config)
{
    char *end = memchr(line.at, ']', line.len);
    struct fb_secret in;

    if (!end)
        return false;
    in = trimmed(line.at + 1, (size_t)(end - line.at - 1));
    if (config && in.len > 8 && memcmp(in.at, "profile", 7) == 0 &&
        isspace((unsigned char)in.at[7]))
        in = trimmed(in.at + 8, in.len - 8);
    else if (config && strcmp(name, "default") != 0)
        return false;
    return same(in, name);
}

struct key {
    const char *name;
    size_t at; /* offset of a const char * in struct fb_aws_profile */
};

#define KEY(text, field)                                                                           \
    {                                                                                              \
        text, offsetof(struct fb_aws_profile, field)                                               \
    }

static void keep(struct fb_arena *a, struct fb_aws_profile *p, struct fb_secret name,
                 struct fb_secret value)
{
    static const struct key keys[] = {KEY("aws_access_key_id", access_key),
                                      KEY("region", region),
                                      KEY("role_arn", role_arn),
                                      KEY("source_profile", source_profile),
                                      KEY("credential_source", credential_source),
                                      KEY("external_id", external_id),
                                      KEY("role_session_name", session_name),
                                      KEY("duration_seconds", duration),
                                      KEY("mfa_serial", mfa_serial),
                                      KEY("web_identity_token_file", token_file),
                                      KEY("credential_process", process),
                                      KEY("sso_session", sso),
                                      KEY("sso_start_url", sso)};

    if (same(name, "aws_secret_access_key") && !p->secret.len)
        (void)fb_secret_set(&p->secret, value.at, value.len);
    if (same(name, "aws_session_token") && !p->token.len)
        (void)fb_secret_set(&p->token, value.at, value.len);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char **field = (const char **)(void *)((char *)p + keys[i].at);

        if (same(name, keys[i].name) && !**field) /* the credentials file was read first: it wins */
            *field = fb_arena_strn(a, value.at, value.len);
    }
}

static void read_ini(struct fb_arena *a, const char *path, const char *name, bool config,
                     struct fb_aws_profile *p)
{
    struct fb_secret file = {0};
    bool ours = false;
    size_t at = 0;

    if (!*path || !fb_aws_read_secret_file(path, &file))
        return;
    for (int n = 0; n < LINES_MAX && at < file.len; n++) {
        char *start = file.at + at;
        char *newline = memchr(start, '\n', file.len - at);
        size_t len = newline ? (size_t)(newline - start) : file.len - at;
        struct fb_secret line = trimmed(start, len);
        bool nested = len > 0 && isspace((unsigned char)*start); /* a sub-table's entry */
        char *equals = line.len ? memchr(line.at, '=', line.len) : NULL;

        at += len + 1;
        if (line.len == 0 || *line.at == '#' || *line.at == ';')
            continue;
        if (*line.at == '[') {
            ours = section_is(line, name, config);
            p->exists = p->exists || ours;
        } else if (ours && equals && !nested) {
            keep(a, p, trimmed(line.at, (size_t)(equals - line.at)),
                 trimmed(equals + 1, (size_t)(line.at + line.len - equals - 1)));
        }
    }
    fb_secret_release(&file);
}

void fb_aws_profile_read(struct fb_arena *a, const char *const *env, const char *name,
                         struct fb_aws_profile *out)
{
    *out = (struct fb_aws_profile){false, "", "", "", "", "", "", "", "", "", "", "", "", {0}, {0}};
    read_ini(a, file_path(a, env, "AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials"), name, false,
             out);
    read_ini(a, file_path(a, env, "AWS_CONFIG_FILE", ".aws/config"), name, true, out);
}

void fb_aws_profile_release(struct fb_aws_profile *p)
{
    fb_secret_release(&p->secret);
    fb_secret_release(&p->token);
}

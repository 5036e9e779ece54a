/* profile.h - the shared profile files (~/.aws/credentials, ~/.aws/config). Internal to the room.
 */
#ifndef FB_AWS_PROFILE_H
#define FB_AWS_PROFILE_H
#include "cloud/sigv4.h"

struct fb_arena;

/* What a profile says; "" for what it does not. Read credentials file first, then config. */
struct fb_aws_profile {
    bool exists;
    const char *access_key;
    const char *region;
    const char *role_arn, *source_profile, *credential_source, *external_id, *session_name;
    const char *duration, *mfa_serial;
    const char *token_file;         /* web_identity_token_file */
    const char *process, *sso;      /* kinds we do not serve: named in the refusal */
    struct fb_secret secret, token; /* released by fb_aws_profile_release */
};

/* AWS_PROFILE, AWS_DEFAULT_PROFILE, "default". */
const char *fb_aws_profile_name(const char *const *env);
/* Reads the named profile. Files that are absent, unreadable or over 1 MiB read as empty; *out is
 * always set. Texts live in a, the secrets do not. */
void fb_aws_profile_read(struct fb_arena *a, const char *const *env, const char *name,
                         struct fb_aws_profile *out);
void fb_aws_profile_release(struct fb_aws_profile *p);

/* Reads a small file (1 MiB at most) whole into heap memory that fb_secret_release wipes. False: it
 * cannot be read. */
bool fb_aws_read_secret_file(const char *path, struct fb_secret *out);

#endif

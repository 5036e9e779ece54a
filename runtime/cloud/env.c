/* env.c - reads the environment without trusting that it is the process's. */
#include "cloud/env.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { VARIABLES_MAX = 100000 };

const char *fb_cloud_env(const char *const *env, const char *name)
{
    size_t len = strlen(name);
    const char *v;

    if (!env) {
        v = getenv(name);
        return v ? v : "";
    }
    for (int i = 0; i < VARIABLES_MAX && env[i]; i++)
        if (strncmp(env[i], name, len) == 0 && env[i][len] == '=')
            return env[i] + len + 1;
    return "";
}

bool fb_cloud_env_true(const char *const *env, const char *name)
{
    return strcasecmp(fb_cloud_env(env, name), "true") == 0;
}

/* env.h - environment variables, from a list that a test or a door hands in. Internal to the room.
 */
#ifndef FB_CLOUD_ENV_H
#define FB_CLOUD_ENV_H
#include <stdbool.h>

/* The value of name in env ("NAME=value", NULL-terminated; NULL: the process's); "" when it is not
 * set. */
const char *fb_cloud_env(const char *const *env, const char *name);
/* Whether it says "true" (any case), as the providers' own tools read switches. */
bool fb_cloud_env_true(const char *const *env, const char *name);

#endif

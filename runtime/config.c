/* config.c - the configuration from its sources, in their order, and questions about it. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/text.h"
#include "config_in.h"
#include "contain/contain.h"
#include "score/score.h"

/* ---- sources ---- */

static enum fb_status read_bytes(struct fb_load *l, const char *path, char **out, size_t *len)
{
    FILE *f = fopen(path, "rb");
    char *bytes;

    if (!f)
        return fb_load_fail(l, "", "cannot be read: %s", strerror(errno));
    bytes = malloc(FB_CONFIG_BYTES_MAX + 1);
    errno = 0;
    *len = bytes ? fread(bytes, 1, FB_CONFIG_BYTES_MAX + 1, f) : 0;
    *out = bytes;
    if (!bytes || ferror(f) || *len > FB_CONFIG_BYTES_MAX) {
        bool large = bytes && !ferror(f);
        int why = errno;

        fclose(f);
        if (large)
            return fb_load_fail(l, "", "is larger than %d KiB", FB_CONFIG_BYTES_MAX >> 10);
        return fb_load_fail(l, "", "cannot be read: %s", bytes ? strerror(why) : "memory is short");
    }
    fclose(f);
    return FB_OK;
}

static enum fb_status read_file(struct fb_load *l, const char *path)
{
    const struct fb_json *doc = NULL;
    unsigned odd = 0;
    char *bytes = NULL;
    size_t len = 0;
    enum fb_status st;

    l->from = l->c->file = fb_arena_str(l->a, path);
    if (fb_starts(path, "ssm:"))
        return fb_load_fail(l, "",
                            "this program reads its configuration from a file; write a path");
    st = read_bytes(l, path, &bytes, &len);
    if (st == FB_OK) {
        st = fb_json_parse(l->a, bytes, len, &odd, &doc, l->err);
        if (st == FB_EINPUT) {
            struct fb_err why = l->err ? *l->err : (struct fb_err){0};

            st = fb_load_fail(l, "", "is not JSON: %s", why.text);
        }
    }
    if (bytes) /* may hold secrets */
        explicit_bzero(bytes, len);
    free(bytes);
    if (st == FB_OK && odd)
        st = fb_load_fail(l, "", "has a %s; write each key once and plain values",
                          fb_json_odd_words(l->a, odd));
    if (st == FB_OK)
        st = fb_load_object(l, fb_config_root(), "", doc, l->c, false);
    return st == FB_OK ? fb_config_check(l) : st;
}

static const char *env_get(const char *const *env, const char *name)
{
    size_t len = strlen(name);

    for (; env && *env; env++)
        if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
            return *env + len + 1;
    return "";
}

/* One source above the file: what it says, and its name in messages. */
static enum fb_status override(struct fb_load *l, const char *key, const char *from,
                               const char *text)
{
    if (!text || !*text)
        return FB_OK;
    l->from = from;
    if (fb_eq(key, "mode")) {
        if (!fb_mode_from(text, &l->c->mode))
            return fb_load_fail(l, "", "\"%s\" is no mode; write dry-run or enforce",
                                fb_load_plain(l, text, 60));
    } else if (fb_eq(key, "state")) {
        l->c->state = fb_arena_str(l->a, text);
    } else {
        l->c->playbooks = fb_arena_str(l->a, text);
    }
    fb_load_note(l, key);
    return FB_OK;
}

static void defaults(struct fb_config *c)
{
    *c = (struct fb_config){.mode = FB_MODE_DRY_RUN,
                            .state = "memory:",
                            .playbooks = "",
                            .alert = 50,
                            .contain = 80,
                            .wide = 90,
                            .actions_per_hour = 2000,
                            .identities = 20,
                            .collateral_resources = 10,
                            .collateral_share = 0.05,
                            .tickets_aws = true,
                            .tickets_gcp = true,
                            .max_usd_per_hour = 500,
                            .file = ""};
}

static struct fb_texts joined(struct fb_arena *a, const struct fb_texts *x,
                              const struct fb_texts *y)
{
    const char **all = FB_NEW_ARRAY(a, x->count + y->count, const char *);
    size_t n = 0;

    for (size_t i = 0; all && i < x->count; i++)
        all[n++] = x->at[i];
    for (size_t i = 0; all && i < y->count; i++)
        all[n++] = y->at[i];
    return (struct fb_texts){n ? all : NULL, n};
}

static struct fb_texts all_ranges(struct fb_arena *a, const struct fb_config *c)
{
    size_t n = 0, most = 0;
    const char **all;

    for (size_t i = 0; i < c->network_count; i++)
        most += c->networks[i].ranges.count;
    all = FB_NEW_ARRAY(a, most, const char *);
    for (size_t i = 0; all && i < c->network_count; i++) {
        for (size_t j = 0; j < c->networks[i].ranges.count; j++)
            all[n++] = c->networks[i].ranges.at[j];
    }
    return (struct fb_texts){n ? all : NULL, n};
}

static const struct fb_score_window *windows_of(struct fb_arena *a, const struct fb_config *c)
{
    struct fb_score_window *w = FB_NEW_ARRAY(a, c->change_window_count, struct fb_score_window);

    for (size_t i = 0; w && i < c->change_window_count; i++) {
        const struct fb_config_window *from = &c->change_windows[i];

        w[i] = (struct fb_score_window){.who = from->who,
                                        .regions = from->regions.at,
                                        .region_count = from->regions.count,
                                        .max_usd_per_hour = from->max_usd_per_hour,
                                        .from_ms = from->from_ms,
                                        .until_ms = from->until_ms};
    }
    return w;
}

static enum fb_status finish(struct fb_load *l)
{
    struct fb_config *c = l->c;
    struct fb_config_origin *origins = FB_NEW_ARRAY(l->a, c->origin_count, struct fb_config_origin);

    c->untouched = joined(l->a, &c->break_glass, &c->protected_identities);
    c->listed_networks = all_ranges(l->a, c);
    c->score_windows = windows_of(l->a, c);
    if (origins && c->origin_count)
        memcpy(origins, l->origins, c->origin_count * sizeof *origins);
    c->origins = origins;
    if (fb_arena_failed(l->a)) /* a list cut short would protect less than it says */
        return fb_err_set(l->err, FB_ELIMIT, "the configuration is too large");
    return FB_OK;
}

enum fb_status fb_config_load(struct fb_arena *a, const char *path, const char *const *env,
                              const struct fb_config_overrides *overrides, struct fb_config **out,
                              struct fb_err *err)
{
    static const struct fb_config_overrides NOTHING = {NULL, NULL, NULL};
    const struct fb_config_overrides *o = overrides ? overrides : &NOTHING;
    struct fb_load l = {.a = a, .c = FB_NEW(a, struct fb_config), .err = err};
    enum fb_status st = FB_OK;

    *out = NULL;
    if (!l.c)
        return fb_err_set(err, FB_ELIMIT, "the configuration is too large");
    if (!env)
        env = (const char *const *)environ;
    defaults(l.c);
    if (!path || !*path)
        path = env_get(env, "FIREBREAK_CONFIG");
    if (*path)
        st = read_file(&l, path);
    if (st == FB_OK)
        st = override(&l, "mode", "FIREBREAK_MODE", env_get(env, "FIREBREAK_MODE"));
    if (st == FB_OK)
        st = override(&l, "state", "FIREBREAK_STATE", env_get(env, "FIREBREAK_STATE"));
    if (st == FB_OK)
        st = override(&l, "playbooks", "FIREBREAK_PLAYBOOKS", env_get(env, "FIREBREAK_PLAYBOOKS"));
    if (st == FB_OK)
        st = override(&l, "mode", "--mode", o->mode);
    if (st == FB_OK)
        st = override(&l, "state", "--state", o->state);
    if (st == FB_OK)
        st = override(&l, "playbooks", "--playbooks", o->playbooks);
    if (st == FB_OK)
        st = finish(&l);
    if (st == FB_OK)
        *out = l.c;
    return st;
}

/* ---- questions ---- */

const char *fb_mode_name(enum fb_mode m) { return m == FB_MODE_ENFORCE ? "enforce" : "dry-run"; }

const char *fb_config_from(const struct fb_config *c, const char *key)
{
    for (size_t i = 0; i < c->origin_count; i++)
        if (fb_eq(c->origins[i].key, key))
            return c->origins[i].from;
    return "default";
}

static const struct fb_config_account *account_of(const struct fb_config *c, const char *account)
{
    for (size_t i = 0; i < c->account_count; i++)
        if (fb_eq(c->accounts[i].id, account))
            return &c->accounts[i];
    return NULL;
}

bool fb_config_enforces(const struct fb_config *c) { return c->mode == FB_MODE_ENFORCE; }

bool fb_config_account_enforces(const struct fb_config *c, const char *account)
{
    const struct fb_config_account *own = account_of(c, account);

    return c->mode == FB_MODE_ENFORCE && (!own || own->mode == FB_MODE_ENFORCE);
}

bool fb_config_has_account(const struct fb_config *c, const char *account)
{
    return account_of(c, account) != NULL;
}

bool fb_config_has_break_glass(const struct fb_config *c) { return c->break_glass.count > 0; }

void fb_config_score(const struct fb_config *c, struct fb_score_config *out)
{
    size_t n;
    const struct fb_signal *signals = fb_signals(&n);

    fb_score_config_default(out);
    out->alert = c->alert;
    out->contain = c->contain;
    out->wide = c->wide;
    out->usual_regions = c->usual_regions.at;
    out->usual_region_count = c->usual_regions.count;
    out->decoys = c->decoys.at;
    out->decoy_count = c->decoys.count;
    out->max_usd_per_hour = c->max_usd_per_hour;
    out->windows = c->score_windows;
    out->window_count = c->change_window_count;
    out->networks = c->listed_networks.at;
    out->network_count = c->listed_networks.count;
    out->allow = c->allow.at;
    out->allow_count = c->allow.count;
    for (size_t row = 0; row < n && row < sizeof out->weights / sizeof *out->weights; row++)
        for (size_t i = 0; i < c->signal_count; i++)
            if (fb_eq(c->signals[i].id, signals[row].id))
                out->weights[row] = c->signals[i].weight;
}

void fb_config_guards(const struct fb_config *c, struct fb_guard_config *out)
{
    *out = (struct fb_guard_config){.protected_identities = c->untouched.at,
                                    .protected_identity_count = c->untouched.count,
                                    .protected_resources = c->protected_resources.at,
                                    .protected_resource_count = c->protected_resources.count,
                                    .actions_per_hour = c->actions_per_hour,
                                    .identities = c->identities,
                                    .collateral_resources = c->collateral_resources};
}

/* doors.c - see doors.h. */
#include "doors.h"

#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/text.h"

static struct fb_log plain_log(void)
{
    return (struct fb_log){.to = stderr, .least = FB_LOG_INFO, .clock = fb_clock_system()};
}

static bool load(struct fb_arena *arena, const struct fb_options *o, struct fb_config **config)
{
    struct fb_config_overrides overrides = {
        .mode = o->mode, .state = o->state, .playbooks = o->playbooks};
    struct fb_err err = {0};

    if (fb_config_load(arena, o->config, NULL, &overrides, config, &err) == FB_OK)
        return true;
    fb_door_say(err.text);
    return false;
}

static bool open_runtime(struct fb_runtime *rt, const struct fb_config *config, bool live,
                         bool enforce)
{
    struct fb_runtime_setup setup = {.config = config,
                                     .clock = fb_clock_system(),
                                     .log = plain_log(),
                                     .live = live,
                                     .enforce = enforce};
    struct fb_err err = {0};

    if (fb_runtime_open(rt, &setup, &err) == FB_OK)
        return true;
    fb_door_say(err.text);
    return false;
}

bool fb_door_open(struct fb_runtime *rt, struct fb_arena *arena, const struct fb_options *o,
                  bool live, bool enforce)
{
    struct fb_config *config;

    memset(rt, 0, sizeof *rt);
    return load(arena, o, &config) && open_runtime(rt, config, live, enforce);
}

/* A store that was never written must not be made by looking at it: a mistyped path would read as
 * "nothing happened". */
static bool is_there(const char *state, const char *command)
{
    const char *path = fb_starts(state, "sqlite:") ? state + strlen("sqlite:") : NULL;
    struct fb_buf line;

    if (!path || access(path, F_OK) == 0)
        return true;
    fb_buf_init(&line, 8192);
    fb_buf_fmt(&line,
               "%s: there is no store at %s; look at the path, or let a door write there first",
               command, path);
    fb_door_say(line.at);
    fb_buf_release(&line);
    return false;
}

bool fb_door_open_kept(struct fb_runtime *rt, struct fb_arena *arena, const struct fb_options *o,
                       bool live, bool enforce, const char *command)
{
    struct fb_config *config;

    memset(rt, 0, sizeof *rt);
    return load(arena, o, &config) && is_there(config->state, command) &&
           open_runtime(rt, config, live, enforce) && fb_door_needs_store(rt, command);
}

bool fb_door_needs_store(const struct fb_runtime *rt, const char *command)
{
    if (fb_store_durable(rt->store))
        return true;
    fprintf(stderr,
            "firebreak: %s needs a store that outlives this command: name one with "
            "--state sqlite:PATH (or FIREBREAK_STATE, or \"state\" in the configuration)\n",
            command);
    return false;
}

void fb_door_say(const char *text)
{
    struct fb_buf line;

    fb_buf_init(&line, 16u << 10);
    fb_buf_add(&line, "firebreak: ");
    fb_buf_add_plain(&line, text, 8192);
    fb_buf_addc(&line, '\n');
    (void)fwrite(line.at, 1, line.len, stderr);
    fb_buf_release(&line);
}

void fb_door_say_reject(const struct fb_reject *r)
{
    struct fb_buf line;

    fb_buf_init(&line, 16u << 10);
    fb_buf_add(&line, "rejected ");
    fb_buf_add_plain(&line, r->source, 4096);
    if (r->line)
        fb_buf_fmt(&line, ":%zu", r->line);
    fb_buf_fmt(&line, " (record %zu): ", r->index);
    fb_buf_add_plain(&line, r->reason, 512);
    fb_door_say(line.at);
    fb_buf_release(&line);
}

bool fb_door_dead_letter(FILE *to, const struct fb_reject *r)
{
    struct fb_buf line, bytes;
    bool whole;

    fb_buf_init(&bytes, r->len * 2 + 16);
    fb_buf_init(&line, r->len * 2 + (64u << 10));
    fb_base64_add(&bytes, r->bytes ? r->bytes : "", r->bytes ? r->len : 0);
    fb_json_open(&line, NULL, '{');
    fb_json_put_str(&line, "source", r->source);
    fb_json_put_int(&line, "index", (int64_t)r->index);
    fb_json_put_int(&line, "line", (int64_t)r->line);
    fb_json_put_str(&line, "reason", r->reason);
    if (r->carrier.id)
        fb_json_put_str(&line, "carrier", r->carrier.id);
    fb_json_put_str(&line, "bytes", bytes.at);
    fb_json_close(&line, '}');
    fb_buf_addc(&line, '\n');
    whole = fb_buf_ok(&line) && fb_buf_ok(&bytes);
    if (whole)
        whole = fwrite(line.at, 1, line.len, to) == line.len;
    fb_buf_release(&line);
    fb_buf_release(&bytes);
    return whole;
}

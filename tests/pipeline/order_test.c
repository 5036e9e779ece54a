/* order_test.c - promise 4: an event delivered twice, late or out of order ends in the same state
 * as once, in order. Each story of events/ is played in its own order and then shuffled, with some
 * events doubled; what the store knows of each root must be the same bytes. */
#include <dirent.h>

#include "base/buf.h"
#include "base/json.h"
#include "pipeline.h"
#include "support/fb_test.h"

enum { RECORDS_MAX = 400, SHUFFLES = 12, TEXT_MAX = 1 << 20 };

struct story {
    char *line[RECORDS_MAX];
    size_t count;
};

static struct story read_story(const char *name)
{
    struct story s = {.count = 0};
    char path[600], *line = NULL;
    size_t cap = 0;
    ssize_t n;
    FILE *f;

    (void)snprintf(path, sizeof path, "events/%s/events.ndjson", name);
    f = fopen(path, "re");
    assert_non_null(f);
    while ((n = getline(&line, &cap, f)) > 0 && s.count < RECORDS_MAX) {
        line[n - (line[n - 1] == '\n')] = '\0';
        s.line[s.count++] = strdup(line);
    }
    free(line);
    fclose(f);
    return s;
}

struct player {
    struct fb_runtime *rt;
    struct fb_arena *a;
};

static enum fb_status play_one(void *self, const struct fb_record *r, struct fb_err *err)
{
    struct player *p = self;
    struct fb_delivery d = {.trusted = true, .own_account = "", .log_time = true};
    struct fb_decision out;
    enum fb_status st = fb_pipeline_record(p->rt, p->a, r, &d, &out, err);

    assert_int_equal(st, FB_OK);
    assert_string_equal(out.problem, "");
    return st;
}

static void reject(void *self, const struct fb_reject *r)
{
    (void)self;
    fail_msg("rejected: %s", r->reason);
}

static bool digest_profile(void *self, const struct fb_item *item)
{
    struct fb_buf *b = self;
    char hex[4];

    fb_buf_fmt(b, "%s ", item->key);
    for (size_t i = 0; i < item->len; i++) {
        (void)snprintf(hex, sizeof hex, "%02x", (unsigned char)item->value[i]);
        fb_buf_add(b, hex);
    }
    fb_buf_addc(b, '\n');
    return true;
}

static int by_target(const void *a, const void *b)
{
    const struct fb_action *x = a, *y = b;
    int order = strcmp(x->target, y->target);

    return order ? order : strcmp(x->verb, y->verb);
}

static bool digest_incident(void *self, struct fb_incident *inc)
{
    struct fb_buf *b = self;

    if (inc->level == FB_CONTAIN &&
        inc->state != FB_INC_CLOSED) { /* who is contained, and what would be done */
        fb_buf_fmt(b, "%s contain, last %lld\n", inc->root, (long long)inc->last_ms);
        qsort(inc->plan, inc->plan_count, sizeof *inc->plan, by_target);
        for (size_t i = 0; i < inc->plan_count; i++)
            fb_buf_fmt(b, "  %s %s\n", inc->plan[i].verb, inc->plan[i].target);
    }
    return true;
}

/* Plays the lines in the given order with an empty memory store; what is known at the end, as text.
 */
static void play(const struct story *s, const size_t *order, size_t n, struct fb_buf *profiles,
                 struct fb_buf *incidents)
{
    const char *const env[] = {NULL};
    struct fb_arena *conf = fb_arena_new(8u << 20), *a = fb_arena_new(FB_INVOCATION_BYTES_MAX);
    struct fb_runtime_setup setup = {.clock = fb_clock_system()};
    struct fb_runtime rt;
    struct fb_config *config;
    struct player p = {&rt, a};
    struct fb_sink sink = {&p, play_one, reject, NULL};

    assert_int_equal(fb_config_load(conf, NULL, env, NULL, &config, NULL), FB_OK);
    setup.config = config;
    assert_int_equal(fb_runtime_open(&rt, &setup, NULL), FB_OK);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(fb_ingest_bytes(a, "story", FB_LAYOUT_LINES, s->line[order[i]],
                                         strlen(s->line[order[i]]), &sink, NULL),
                         FB_OK);
    fb_arena_reset(a);
    assert_int_equal(fb_store_list(rt.store, a, "acct#", NULL, 0, digest_profile, profiles, NULL),
                     FB_OK);
    assert_int_equal(fb_incidents_each(rt.store, a, digest_incident, incidents, NULL), FB_OK);
    fb_runtime_close(&rt);
    fb_arena_free(a);
    fb_arena_free(conf);
}

static uint64_t next(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void hold_to_any_order(const char *name)
{
    struct story s = read_story(name);
    size_t order[2 * RECORDS_MAX];
    struct fb_buf profiles, incidents, other_profiles, other_incidents;
    uint64_t seed = 0x9e3779b97f4a7c15u ^ s.count;

    fb_buf_init(&profiles, TEXT_MAX);
    fb_buf_init(&incidents, TEXT_MAX);
    fb_buf_init(&other_profiles, TEXT_MAX);
    fb_buf_init(&other_incidents, TEXT_MAX);
    for (size_t i = 0; i < s.count; i++)
        order[i] = i;
    play(&s, order, s.count, &profiles, &incidents);
    for (int k = 0; k < SHUFFLES; k++) {
        size_t n = s.count;

        for (size_t i = 0; i < s.count; i++)
            order[i] = i;
        for (size_t i = 0; i < s.count; i += 3) /* every third twice */
            order[n++] = i;
        for (size_t i = n - 1; i > 0; i--) {
            size_t j = next(&seed) % (i + 1), swap = order[i];

            order[i] = order[j];
            order[j] = swap;
        }
        fb_buf_reset(&other_profiles);
        fb_buf_reset(&other_incidents);
        play(&s, order, n, &other_profiles, &other_incidents);
        if (strcmp(profiles.at, other_profiles.at) != 0)
            fail_msg("%s, shuffle %d: another account profile", name, k);
        if (strcmp(incidents.at, other_incidents.at) != 0)
            fail_msg("%s, shuffle %d: contained\n%snot\n%s", name, k, other_incidents.at,
                     incidents.at);
    }
    for (size_t i = 0; i < s.count; i++)
        free(s.line[i]);
    fb_buf_release(&profiles);
    fb_buf_release(&incidents);
    fb_buf_release(&other_profiles);
    fb_buf_release(&other_incidents);
}

static void any_order_and_any_doubling_of_a_story_ends_in_the_same_state(void **state)
{
    struct dirent *e;
    DIR *d = opendir("events");
    size_t stories = 0;

    (void)state;
    assert_non_null(d);
    while ((e = readdir(d))) {
        if (e->d_name[0] == '.' || strchr(e->d_name, '.'))
            continue;
        hold_to_any_order(e->d_name);
        stories++;
    }
    closedir(d);
    assert_true(stories >= 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_order_and_any_doubling_of_a_story_ends_in_the_same_state),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* crash_test.c - promise 5: the store dies at the n-th commit and stays dead until the restart, for
 * every n of a story; the event comes again, and the end is the same as without the crash.
 * And two workers that play the same story at the same time end the same. */
#include "base/digest.h"
#include "contain/ledger.h"
#include "pipeline/play.h"

#define USER "arn:aws:iam::" ACCOUNT ":user/ci"
#define KEY  "AKIAEXAMPLEEXAMPLE01"
#define SKEY "ASIAEXAMPLEEXAMPLE01"

enum { LINES = 9, TEXT_MAX = 1 << 20 };

/* A role session launches before anybody knows whose it is, then its AssumeRole, then the key
 * itself goes on, a notice, a new user with a key. */
static void story(struct fb_arena *a, const char *line[LINES])
{
    const char *user = who_user(a, "ci", KEY), *session = who_session(a, "admin", "s1", SKEY);
    size_t n = 0;

    line[n++] = launch(a, "l1", T0 + MINUTE, session, "us-east-1", 2);
    line[n++] = launch(a, "l2", T0 + MINUTE + 5000, session, "eu-west-1", 2);
    line[n++] = assume(a, "as", T0, user, "admin", "s1", SKEY);
    line[n++] = launch(a, "l3", T0 + 2 * MINUTE, session, "sa-east-1", 3);
    line[n++] = launch(a, "l4", T0 + 2 * MINUTE + 5000, user, "us-west-2", 3);
    line[n++] = notice(a, "no", T0 + 3 * MINUTE, KEY, "");
    line[n++] =
        record(a, "cu", T0 + 3 * MINUTE + 1000, user, "iam", "CreateUser", "us-east-1",
               "{\"userName\":\"back\"}",
               "{\"user\":{\"userName\":\"back\",\"arn\":\"arn:aws:iam::" ACCOUNT ":user/back\"}}");
    line[n++] = record(a, "ck", T0 + 3 * MINUTE + 2000, user, "iam", "CreateAccessKey", "us-east-1",
                       "{\"userName\":\"back\"}",
                       "{\"accessKey\":{\"accessKeyId\":\"AKIAEXAMPLEEXAMPLE09\",\"userName\":"
                       "\"back\",\"status\":\"Active\"}}");
    line[n++] = launch(a, "l5", T0 + 4 * MINUTE, user, "eu-north-1", 2);
    assert_int_equal(n, LINES);
}

static bool digest_bytes(void *self, const struct fb_item *item)
{
    char hex[FB_SHA256_HEX];

    fb_buf_fmt(self, "%s %s\n", item->key, fb_sha256_hex(item->value, item->len, hex));
    return true;
}

static bool digest_key(void *self, const struct fb_item *item)
{
    fb_buf_add(self, item->key);
    fb_buf_addc(self, '\n');
    return true;
}

static int by_target(const void *a, const void *b)
{
    const struct fb_action *x = a, *y = b;
    int order = strcmp(x->target, y->target);

    return order ? order : strcmp(x->verb, y->verb);
}

enum { ACTIONS_MAX = 512 };

struct digest {
    struct play *p;
    struct fb_buf *b;
    struct fb_action actions[ACTIONS_MAX];
    size_t count;
};

/* What was done counts, whichever incident it was done for: a session's may have been contained
 * before it joined its root's. */
static bool digest_incident(void *self, struct fb_incident *inc)
{
    struct digest *d = self;
    const struct fb_action *actions;
    size_t n;

    assert_int_equal(fb_actions_list(d->p->real, d->p->keep, inc->id, &actions, &n, NULL), FB_OK);
    assert_true(n + d->count <= ACTIONS_MAX);
    for (size_t i = 0; i < n; i++)
        d->actions[d->count++] = actions[i];
    if (inc->state != FB_INC_CLOSED) /* joined to the root's, or opened a moment before that */
        fb_buf_fmt(d->b, "%s %s level %d last %lld enforce %d hops %zu\n", inc->root,
                   fb_incident_state_name(inc->state), (int)inc->level, (long long)inc->last_ms,
                   inc->enforce, inc->hop_count);
    return true;
}

static void digest_actions(struct digest *d)
{
    qsort(d->actions, d->count, sizeof d->actions[0], by_target);
    for (size_t i = 0; i < d->count; i++) {
        const struct fb_action *now = &d->actions[i];

        if (i == 0 || by_target(now - 1, now) != 0)
            fb_buf_fmt(d->b, "  %s %s %s\n", now->verb, now->target, fb_result_name(now->status));
    }
}

/* All that matters at the end: profiles of the root and the account, edges, made things, incidents
 * with their actions; and the ledger must be whole. */
static void end_state(struct play *p, struct fb_buf *b)
{
    struct digest *d = calloc(1, sizeof *d);
    struct fb_ledger_report report;
    struct fb_decision standing;

    assert_int_equal(fb_store_list(p->real, p->keep, "acct#", NULL, 0, digest_bytes, b, NULL),
                     FB_OK);
    assert_int_equal(
        fb_store_list(p->real, p->keep, "prof#arn:aws:iam::", NULL, 0, digest_bytes, b, NULL),
        FB_OK);
    assert_int_equal(fb_pipeline_standing(&p->rt, p->keep, USER, &standing, NULL), FB_OK);
    fb_buf_fmt(b, "%s at %lld: %s, %.2f USD an hour\n", USER, (long long)standing.ev.time_ms,
               fb_level_name(standing.verdict.root_level), standing.verdict.usd_per_hour);
    assert_int_equal(fb_store_list(p->real, p->keep, "edge#", NULL, 0, digest_key, b, NULL), FB_OK);
    assert_int_equal(fb_store_list(p->real, p->keep, "seen#", NULL, 0, digest_key, b, NULL), FB_OK);
    assert_non_null(d);
    d->p = p;
    d->b = b;
    assert_int_equal(fb_incidents_each(p->real, p->keep, digest_incident, d, NULL), FB_OK);
    digest_actions(d);
    free(d);
    assert_int_equal(fb_ledger_verify(p->real, p->keep, &report, NULL), FB_OK);
    assert_int_equal(report.first_bad, 0);
}

static void assert_same(const struct fb_buf *want, const struct fb_buf *is, const char *when)
{
    if (strcmp(want->at, is->at) == 0)
        return;
    print_error("%s:\n", when);
    (void)fprintf(stderr, "%s\ninstead of\n%s\n", is->at, want->at);
    fail();
}

static void settle(struct play *p)
{
    struct fb_tick tick;

    for (int i = 0; i < 6; i++) {
        p->now_ms += MINUTE;
        play_tick(p, &tick);
    }
}

/* Plays the story; every record that fails comes again after the restart. Returns commits made. */
static long play_story(struct play *p, long fail_at, struct fb_buf *end)
{
    const char *line[LINES];
    struct fb_tick tick;
    struct fb_delivery d = {.trusted = true, .own_account = ""};
    long commits;

    play_open(p, "memory:", true);
    story(p->keep, line);
    p->now_ms = T0 + 10 * MINUTE;
    p->fail_at = fail_at;
    for (size_t i = 0; i < LINES; i++) {
        enum fb_status st = play(p, line[i]);

        /* The door acknowledges FB_OK: such a record never comes again, unless the process died. */
        if (st != FB_OK || p->down) {
            p->down = false;
            p->fail_at = 0;
            if (st != FB_OK ||
                fail_at % 2) /* odd: the process died, so even what was decided comes again */
                assert_int_equal(play(p, line[i]), FB_OK);
        }
        p->now_ms += 1000;
    }
    fb_arena_reset(p->a);
    if (fail_at && p->fail_at) { /* not yet: within the ticks */
        p->now_ms += MINUTE;
        (void)fb_pipeline_tick(&p->rt, p->a, &d, &tick, NULL);
        p->down = false;
        p->fail_at = 0;
    }
    commits = p->commits;
    settle(p);
    end_state(p, end);
    play_shut(p);
    return commits;
}

static void a_store_that_dies_at_any_commit_loses_and_doubles_nothing(void **state)
{
    struct play p;
    struct fb_buf whole, end;
    struct fb_arena *words = fb_arena_new(1u << 20);
    long commits;

    (void)state;
    fb_buf_init(&whole, TEXT_MAX);
    fb_buf_init(&end, TEXT_MAX);
    commits = play_story(&p, 0, &whole);
    assert_true(commits > 20);
    assert_non_null(strstr(whole.at, "contained level 2"));
    for (long n = 1; n <= commits; n++) {
        fb_buf_reset(&end);
        play_story(&p, n, &end);
        assert_same(&whole, &end, fb_arena_fmt(words, "dead at commit %ld of %ld", n, commits));
    }
    fb_buf_release(&whole);
    fb_buf_release(&end);
    fb_arena_free(words);
}

/* --- two workers -------------------------------------------------------------------------------
 */

struct pair {
    struct play *other;
    const char **line;
    size_t next;
    long at, seen;
    bool inside;
};

static struct pair pair;

/* Right before our at-th commit the other worker plays its next record, whole. */
static void let_other(struct play *p, const struct fb_put *puts, size_t n)
{
    (void)puts, (void)n;
    if (pair.inside || pair.next >= LINES || ++pair.seen < pair.at)
        return;
    pair.seen = 0;
    pair.inside = true;
    pair.other->real = p->real;
    pair.other->now_ms = p->now_ms;
    assert_int_equal(play(pair.other, pair.line[pair.next++]), FB_OK);
    pair.inside = false;
}

static void two_workers_with_the_same_story_end_as_one(void **state)
{
    struct play p, q;
    struct fb_buf whole, end;

    (void)state;
    fb_buf_init(&whole, TEXT_MAX);
    fb_buf_init(&end, TEXT_MAX);
    play_story(&p, 0, &whole);
    for (long at = 1; at <= 12; at++) {
        for (int backwards = 0; backwards < 2; backwards++) {
            const char *line[LINES], *theirs[LINES];
            struct fb_store *own;
            struct fb_model *model;

            play_open(&p, "memory:", true);
            play_open(&q, "memory:", true);
            own = q.real;
            model = q.rt.model; /* one world */
            q.rt.model = p.rt.model;
            story(p.keep, line);
            for (size_t i = 0; i < LINES; i++)
                theirs[i] = line[backwards ? LINES - 1 - i : i];
            pair = (struct pair){&q, theirs, 0, at, 0, false};
            p.now_ms = T0 + 10 * MINUTE;
            p.before_commit = let_other;
            for (size_t i = 0; i < LINES; i++) {
                assert_int_equal(play(&p, line[i]), FB_OK);
                p.now_ms += 1000;
            }
            p.before_commit = NULL;
            settle(&p);
            fb_buf_reset(&end);
            end_state(&p, &end);
            assert_same(&whole, &end,
                        fb_arena_fmt(p.keep, "the other at each %ldth commit%s", at,
                                     backwards ? ", backwards" : ""));
            q.real = own;
            q.rt.model = model;
            play_shut(&q);
            play_shut(&p);
        }
    }
    fb_buf_release(&whole);
    fb_buf_release(&end);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_store_that_dies_at_any_commit_loses_and_doubles_nothing),
        cmocka_unit_test(two_workers_with_the_same_story_end_as_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

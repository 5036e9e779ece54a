/* spill_test.c - events put aside on disk come back whole, once, and in one order. */
#include "support/fb_test.h"

#include "attribute/blank_event.h"
#include "spill.h"

enum { EVENTS = 6000, WRITERS = 3, ACCOUNTS = 5, PIECES_MAX = 4000 };

static const char *const NAMES[ACCOUNTS] = {"111122220000", "111122221111", "111122222222",
                                            "111122223333", "a-project"};

struct heap {
    int fds[WRITERS];
    struct fb_piece pieces[PIECES_MAX];
    size_t count;
};

static uint32_t dice(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* Event n: its time is scrambled, its id says what it is. */
static struct fb_event event_of(struct fb_arena *a, int n)
{
    uint32_t state = (uint32_t)n;
    struct fb_event ev = blank_event(fb_arena_fmt(a, "e-%05d", n), T0_MS);

    ev.time_ms = T0_MS + dice(&state) % 500 * 1000; /* many share a second */
    ev.account = NAMES[dice(&state) % ACCOUNTS];
    ev.agent = fb_arena_fmt(a, "agent/%d", n % 7);
    if (n % 11 == 0)
        ev.mint.credential = "ASIAEXAMPLE";
    return ev;
}

/* Writer w takes the events that `mine` gives it; every tenth event is written twice. */
static void write_all(struct heap *h, struct fb_arena *a, int writers)
{
    struct fb_spill *spills[WRITERS];
    struct fb_err err = {0};

    memset(h, 0, sizeof *h);
    for (int w = 0; w < writers; w++) {
        h->fds[w] = fb_spill_file();
        assert_true(h->fds[w] >= 0);
        spills[w] = fb_spill_new(h->fds[w], 8 << 10); /* about thirty events a run */
        assert_non_null(spills[w]);
    }
    for (int n = 0; n < EVENTS; n++) {
        struct fb_event ev = event_of(a, n);

        assert_int_equal(
            fb_spill_add(spills[n % writers], &ev, (struct fb_place){0, (uint32_t)n}, &err), FB_OK);
        if (n % 10 == 0)
            assert_int_equal(fb_spill_add(spills[(n + 1) % writers], &ev,
                                          (struct fb_place){1, (uint32_t)n}, &err),
                             FB_OK);
    }
    for (int w = 0; w < writers; w++) {
        int index = fb_spill_file();
        uint64_t at = 0;

        assert_int_equal(fb_spill_finish(spills[w], index, &err), FB_OK);
        while (h->count < PIECES_MAX && fb_piece_read(index, &at, &h->pieces[h->count]))
            h->pieces[h->count++].fd = h->fds[w];
        close(index);
        fb_spill_free(spills[w]);
    }
    assert_true(h->count < PIECES_MAX);
}

static void close_all(struct heap *h, int writers)
{
    for (int w = 0; w < writers; w++)
        close(h->fds[w]);
}

/* The ids of all events, in the order they come back. */
static void read_all(struct heap *h, size_t memory, char ids[EVENTS][8], uint64_t *duplicates)
{
    struct fb_arena *a = fb_arena_new(1 << 20);
    struct fb_err err = {0};
    struct fb_merge *m = fb_merge_new(h->pieces, h->count, memory, &err);
    struct fb_event ev;
    int64_t last_ms = 0;
    bool last_minted = false;
    int n = 0;

    assert_non_null(m);
    while (fb_merge_next(m, a, &ev, &err) == FB_OK) {
        bool mints = *ev.mint.credential != '\0';

        assert_true(n < EVENTS);
        assert_true(ev.time_ms >= last_ms);
        if (ev.time_ms == last_ms && mints)
            assert_true(last_minted); /* credentials are minted before they are used */
        last_ms = ev.time_ms;
        last_minted = mints;
        snprintf(ids[n++], 8, "%s", ev.id);
        fb_arena_reset(a);
    }
    assert_int_equal(n, EVENTS);
    *duplicates = fb_merge_duplicates(m);
    fb_merge_free(m);
    fb_arena_free(a);
}

static void the_order_does_not_depend_on_who_wrote_what_or_on_memory(void **state)
{
    static char one[EVENTS][8], other[EVENTS][8];
    struct heap *h = fb_arena_alloc(*state, sizeof *h);
    uint64_t duplicates;

    write_all(h, *state, 1);
    read_all(h, 64 << 20, one, &duplicates);
    assert_int_equal(duplicates, EVENTS / 10);
    close_all(h, 1);
    write_all(h, *state, WRITERS);
    assert_true(h->count > 300); /* more than the lanes of the smallest memory, twice over */
    for (size_t memory = 1; memory <= 64 << 20; memory *= 256) {
        read_all(h, memory, other, &duplicates);
        assert_int_equal(duplicates, EVENTS / 10);
        assert_memory_equal(one, other, sizeof one);
    }
    close_all(h, WRITERS);
}

static void the_events_of_an_account_can_be_read_alone(void **state)
{
    struct heap *h = fb_arena_alloc(*state, sizeof *h);
    struct fb_piece *mine = fb_arena_array(*state, PIECES_MAX, sizeof *mine);
    size_t n = 0, got = 0, expected = 0;
    struct fb_err err = {0};
    struct fb_merge *m;
    struct fb_event ev;

    write_all(h, *state, 2);
    for (int i = 0; i < EVENTS; i++)
        expected += strcmp(event_of(*state, i).account, NAMES[2]) == 0;
    for (size_t i = 0; i < h->count; i++) {
        if (strcmp(h->pieces[i].account, NAMES[2]) == 0)
            mine[n++] = h->pieces[i];
    }
    m = fb_merge_new(mine, n, 1 << 20, &err);
    assert_non_null(m);
    for (; fb_merge_next(m, *state, &ev, &err) == FB_OK; got++)
        assert_string_equal(ev.account, NAMES[2]);
    assert_int_equal(got, expected);
    fb_merge_free(m);
    close_all(h, 2);
}

/* Every text of the event gets a value of its own, so that two that changed places show. */
static void name_all(struct fb_arena *a, struct fb_event *ev)
{
    const char **const all[] = {&ev->id,
                                &ev->account,
                                &ev->region,
                                &ev->service,
                                &ev->action,
                                &ev->error,
                                &ev->ip,
                                &ev->agent,
                                &ev->who.arn,
                                &ev->who.id,
                                &ev->who.account,
                                &ev->who.name,
                                &ev->who.credential,
                                &ev->who.issuer_arn,
                                &ev->who.issuer_kind,
                                &ev->who.issuer_name,
                                &ev->who.session,
                                &ev->who.source_identity,
                                &ev->who.invoked_by,
                                &ev->who.idp,
                                &ev->who.subject,
                                &ev->launch.type,
                                &ev->launch.template_id,
                                &ev->launch.template_name,
                                &ev->launch.profile_arn,
                                &ev->launch.gpu_type,
                                &ev->mint.credential,
                                &ev->mint.role_arn,
                                &ev->mint.session_arn,
                                &ev->mint.session,
                                &ev->mint.source_identity,
                                &ev->target_user,
                                &ev->target_role,
                                &ev->target_key,
                                &ev->target_policy,
                                &ev->target_id,
                                &ev->shared_id,
                                &ev->notice,
                                &ev->exposed_at,
                                &ev->operation,
                                &ev->trigger};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        *all[i] = fb_arena_fmt(a, "text %zu", i);
}

/* Packing what was unpacked gives the same bytes, and what was packed is what comes back. */
static void an_event_comes_back_whole(void **state)
{
    const struct fb_made made[2] = {{"instance", "i-1", "", "eu-west-1", "m5.large"},
                                    {"access_key", "AKIAX", "bob", "", ""}};
    const struct fb_delegate delegates[2] = {{FB_WHO_USER, "alice@example.com"},
                                             {FB_WHO_SERVICE_ACCOUNT, "ci@p.example.com"}};
    struct fb_event ev = blank_event("x", T0_MS), back;
    struct fb_place place = {7, 9}, where;
    struct fb_buf one, two;

    name_all(*state, &ev);
    ev.provider = FB_GCP;
    ev.kind = FB_EV_FINDING;
    ev.outcome = FB_OUTCOME_DENIED;
    ev.who.kind = FB_WHO_SERVICE_ACCOUNT;
    ev.who.session_ms = 11;
    ev.launch.count = 12;
    ev.launch.gpu_count = 13;
    ev.mint.expires_ms = 14;
    ev.traits = UINT64_C(0x8123456789abcdef);
    ev.odd = 5;
    ev.time_guessed = ev.who.mfa = ev.who.instance_role = ev.drill = ev.follow_up = true;
    ev.more_outsiders = true;
    ev.made = made;
    ev.made_count = 2;
    ev.who.delegates = delegates;
    ev.who.delegate_count = 2;
    fb_buf_init(&one, 1 << 20);
    fb_buf_init(&two, 1 << 20);
    fb_event_pack(&one, &ev, place);
    assert_true(fb_event_unpack(*state, one.at, one.len, &back, &where));
    fb_event_pack(&two, &back, where);
    assert_int_equal(one.len, two.len);
    assert_memory_equal(one.at, two.at, one.len);
    assert_int_equal(where.file, 7);
    assert_int_equal(where.index, 9);
    assert_string_equal(back.trigger, ev.trigger);
    assert_string_equal(back.who.subject, ev.who.subject);
    assert_true(back.traits == ev.traits && back.follow_up && back.drill && back.time_guessed &&
                back.more_outsiders);
    assert_int_equal(back.launch.gpu_count, 13);
    assert_int_equal(back.who.session_ms, 11);
    assert_int_equal(back.who.kind, FB_WHO_SERVICE_ACCOUNT);
    assert_string_equal(back.made[1].owner, "bob");
    assert_string_equal(back.who.delegates[1].identity, "ci@p.example.com");
    assert_int_equal(back.who.delegates[0].kind, FB_WHO_USER);
    for (size_t cut = 0; cut < one.len; cut++) /* a broken file is noticed, never followed */
        assert_false(fb_event_unpack(*state, one.at, cut, &back, &where));
    fb_buf_release(&one);
    fb_buf_release(&two);
}

static void a_missing_temporary_folder_is_an_error(void **state)
{
    (void)state;
    setenv("TMPDIR", "/nonexistent", 1);
    assert_int_equal(fb_spill_file(), -1);
    unsetenv("TMPDIR");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_order_does_not_depend_on_who_wrote_what_or_on_memory,
                                        fb_test_arena_new, fb_test_arena_free),
        cmocka_unit_test_setup_teardown(the_events_of_an_account_can_be_read_alone,
                                        fb_test_arena_new, fb_test_arena_free),
        cmocka_unit_test_setup_teardown(an_event_comes_back_whole, fb_test_arena_new,
                                        fb_test_arena_free),
        cmocka_unit_test(a_missing_temporary_folder_is_an_error),
    };

    return cmocka_run_group_tests_name("spill", tests, NULL, NULL);
}

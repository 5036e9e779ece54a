/* profile_test.c - a profile does not care in which order, how often and in how many pieces it
 * learns. */
#include "support/fb_test.h"

#include "score/profile_in.h"

#include "attribute/blank_event.h"
#include "attribute/chain.h"

enum { STREAM_MAX = 120 };

/* Streams tried: many where they are cheap, fewer under sanitizers. FB_TRIALS overrides. */
static int trials(void)
{
    const char *wanted = getenv("FB_TRIALS");
    long n = wanted ? strtol(wanted, NULL, 10) : 0;

#if defined(NDEBUG) && !defined(__SANITIZE_ADDRESS__)
    return n > 0 && n < 100000000 ? (int)n : 100000;
#else
    return n > 0 && n < 100000000 ? (int)n : 10000;
#endif
}

/* A seeded generator: a failure names its trial, and the same trial fails again. */
static uint64_t rnd(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static uint64_t below(uint64_t *seed, uint64_t n) { return rnd(seed) % n; }

struct stream {
    struct fb_event ev[STREAM_MAX];
    char id[STREAM_MAX][16], ip[STREAM_MAX][32], role[STREAM_MAX][16], key[STREAM_MAX][16];
    size_t count;
};

static struct fb_event random_event(uint64_t *seed, struct stream *s, size_t i)
{
    static const char *const regions[] = {"us-east-1", "eu-west-1", "sa-east-1", "xx-new-1",
                                          "xx-new-2"};
    static const char *const services[] = {"ec2", "iam", "sagemaker", "lambda", "sts", "other"};
    static const char *const agents[] = {"Boto3/1.2", "Terraform/1.5", "aws-cli/2", "x", ""};
    static const char *const types[] = {"c5a.24xlarge", "t3.micro", "p4d.24xlarge", ""};
    struct fb_event ev;

    snprintf(s->id[i], sizeof s->id[i], "ev-%llu", (unsigned long long)below(seed, 1000000));
    snprintf(s->ip[i], sizeof s->ip[i], "10.%u.%u.1", (unsigned)below(seed, 6),
             (unsigned)below(seed, 8));
    snprintf(s->role[i], sizeof s->role[i], "role-%u", (unsigned)below(seed, 40));
    snprintf(s->key[i], sizeof s->key[i], "AKIA%u", (unsigned)below(seed, 20));
    /* minutes apart, some days apart, some at the same millisecond */
    ev = blank_event(s->id[i], T0_MS + (int64_t)below(seed, 5) * 17 * DAY_MS +
                                   (int64_t)below(seed, 40) * MINUTE_MS * 7);
    by_user(&ev, "arn:aws:iam::1:user/u", "u", s->key[i]);
    ev.region = regions[below(seed, 5)];
    ev.service = services[below(seed, 6)];
    ev.action = agents[below(seed, 5)];
    ev.agent = agents[below(seed, 5)];
    ev.ip = s->ip[i];
    ev.outcome = (enum fb_outcome)below(seed, 3);
    ev.traits = rnd(seed) & rnd(seed) & rnd(seed) & ((UINT64_C(1) << FB_T_COUNT) - 1);
    ev.launch.type = types[below(seed, 4)];
    ev.launch.count = (int64_t)below(seed, 5);
    ev.launch.profile_arn = below(seed, 3) ? "" : s->role[i];
    ev.mint.role_arn = below(seed, 3) ? "" : s->role[i];
    ev.who.instance_role = below(seed, 2);
    ev.who.invoked_by = below(seed, 5) ? "" : "autoscaling.amazonaws.com";
    ev.target_id = s->ip[i];
    ev.provider = below(seed, 2) ? FB_GCP : FB_AWS;
    ev.launch.gpu_type = "";
    ev.launch.zone = below(seed, 2) ? s->role[i] : "";
    ev.kind = below(seed, 8) ? FB_EV_CALL : FB_EV_FINDING;
    return ev;
}

static void random_stream(uint64_t *seed, struct stream *s, size_t count)
{
    s->count = count;
    for (size_t i = 0; i < count; i++)
        s->ev[i] = random_event(seed, s, i);
}

static struct fb_chain one_hop(void)
{
    struct fb_chain c;

    memset(&c, 0, sizeof c);
    c.count = 1;
    c.hops[0].identity = c.hops[0].user_arn = "arn:aws:iam::1:user/u";
    c.hops[0].role_arn = c.hops[0].account = c.hops[0].credential = c.hops[0].session = "";
    c.hops[0].user = c.hops[0].via = "";
    return c;
}

static void assert_same(const struct fb_profile *a, const struct fb_profile *b, const char *what,
                        int trial)
{
    unsigned char x[FB_PROFILE_BYTES_MAX], y[FB_PROFILE_BYTES_MAX];
    size_t n = fb_profile_write(a, x), m = fb_profile_write(b, y);

    if (n == 0 || n != m || memcmp(x, y, n) != 0)
        fail_msg("%s: trial %d differs (%zu and %zu bytes)", what, trial, n, m);
}

/* Every event once in order; against: shuffled, each one to three times. */
static void any_order_and_any_number_of_deliveries_end_in_the_same_bytes(void **state)
{
    uint64_t seed = 0x5eed;
    struct fb_profile *once = fb_profile_new(*state), *again = fb_profile_new(*state);
    struct fb_chain chain = one_hop();
    struct stream *s = malloc(sizeof *s);
    int n_trials = trials();

    for (int trial = 0; trial < n_trials; trial++) {
        size_t order[3 * STREAM_MAX], n = 0;

        /* mostly short; now and then long enough to overflow every table and ring */
        random_stream(&seed, s, trial % 50 == 0 ? STREAM_MAX : 1 + below(&seed, 12));
        fb_profile_init(once);
        fb_profile_init(again);
        for (size_t i = 0; i < s->count; i++) {
            fb_profile_observe(once, &s->ev[i], &chain);
            for (uint64_t k = 0; k <= below(&seed, 3); k++)
                order[n++] = i;
        }
        for (size_t i = n; i > 1; i--) {
            size_t j = below(&seed, i), swap = order[i - 1];

            order[i - 1] = order[j];
            order[j] = swap;
        }
        for (size_t i = 0; i < n; i++)
            fb_profile_observe(again, &s->ev[order[i]], &chain);
        assert_same(once, again, "shuffle", trial);
    }
    print_message("%d streams, in any order and number of deliveries\n", n_trials);
    free(s);
}

static void learn(struct fb_profile *p, const struct stream *s)
{
    struct fb_chain chain = one_hop();

    for (size_t i = 0; i < s->count; i++)
        fb_profile_observe(p, &s->ev[i], &chain);
    if (s->count % 3 == 0)
        fb_profile_mark_incident(p, T0_MS + (int64_t)s->count * DAY_MS);
    if (s->count % 6 == 0)
        fb_profile_end_incident(p, T0_MS + (int64_t)(s->count + 2) * DAY_MS);
}

static void merging_is_commutative_associative_and_idempotent(void **state)
{
    uint64_t seed = 0xfeed;
    struct fb_profile *p[3], *left = fb_profile_new(*state), *right = fb_profile_new(*state);
    struct fb_profile *inner = fb_profile_new(*state);
    struct stream *s = malloc(sizeof *s);

    for (int i = 0; i < 3; i++)
        p[i] = fb_profile_new(*state);
    for (int trial = 0, n = trials() / 4; trial < n; trial++) {
        for (int i = 0; i < 3; i++) {
            fb_profile_init(p[i]);
            random_stream(&seed, s, trial % 25 == 0 ? STREAM_MAX : below(&seed, 14));
            learn(p[i], s);
        }
        fb_profile_copy(left, p[0]);
        fb_profile_merge(left, p[1]);
        fb_profile_copy(right, p[1]);
        fb_profile_merge(right, p[0]);
        assert_same(left, right, "commutative", trial);

        fb_profile_merge(left, p[2]);
        fb_profile_copy(inner, p[1]);
        fb_profile_merge(inner, p[2]);
        fb_profile_copy(right, p[0]);
        fb_profile_merge(right, inner);
        assert_same(left, right, "associative", trial);

        fb_profile_merge(right, p[1]);
        fb_profile_merge(right, right);
        assert_same(left, right, "idempotent", trial);
    }
    free(s);
}

/* Observing takes no detour over a profile of the one event, and ends where that would have ended.
 */
static void observing_is_merging_a_profile_of_one_event(void **state)
{
    uint64_t seed = 0xace;
    struct fb_profile *straight = fb_profile_new(*state), *merged = fb_profile_new(*state);
    struct fb_profile *one = fb_profile_new(*state);
    struct fb_chain chain = one_hop();
    struct stream *s = malloc(sizeof *s);

    for (int trial = 0, n = trials() / 10; trial < n; trial++) {
        random_stream(&seed, s, trial % 20 == 0 ? STREAM_MAX : below(&seed, 20));
        fb_profile_init(straight);
        fb_profile_init(merged);
        for (size_t i = 0; i < s->count; i++) {
            fb_profile_observe(straight, &s->ev[i], &chain);
            fb_profile_init(one);
            fb_profile_observe(one, &s->ev[i], &chain);
            fb_profile_merge(merged, one);
        }
        assert_same(straight, merged, "one event", trial);
    }
    free(s);
}

/* Two halves of a stream, learned apart and merged, are the whole: late edges merge profiles. */
static void merging_halves_is_learning_the_whole(void **state)
{
    uint64_t seed = 0xbeef;
    struct fb_profile *whole = fb_profile_new(*state), *one = fb_profile_new(*state);
    struct fb_profile *two = fb_profile_new(*state);
    struct fb_chain chain = one_hop();
    struct stream *s = malloc(sizeof *s);

    for (int trial = 0; trial < 2000; trial++) {
        random_stream(&seed, s, trial % 20 == 0 ? STREAM_MAX : below(&seed, 20));
        fb_profile_init(whole);
        fb_profile_init(one);
        fb_profile_init(two);
        for (size_t i = 0; i < s->count; i++) {
            fb_profile_observe(whole, &s->ev[i], &chain);
            fb_profile_observe(below(&seed, 2) ? one : two, &s->ev[i], &chain);
        }
        fb_profile_merge(one, two);
        assert_same(whole, one, "halves", trial);
    }
    free(s);
}

static void a_profile_survives_its_bytes(void **state)
{
    uint64_t seed = 0xcafe;
    struct fb_profile *p = fb_profile_new(*state), *back = fb_profile_new(*state);
    struct fb_err err = {0};
    struct stream *s = malloc(sizeof *s);
    unsigned char bytes[FB_PROFILE_BYTES_MAX];

    for (int trial = 0; trial < 500; trial++) {
        fb_profile_init(p);
        random_stream(&seed, s, below(&seed, STREAM_MAX));
        learn(p, s);
        assert_int_equal(fb_profile_read(back, bytes, fb_profile_write(p, bytes), &err), FB_OK);
        assert_same(p, back, "round trip", trial);
        assert_int_equal(fb_profile_last_ms(back), fb_profile_last_ms(p));
        assert_int_equal(fb_profile_in_incident(back), fb_profile_in_incident(p));
    }
    free(s);
}

/* A root that does everything everywhere for years is no bigger than the record allows. */
static void the_fullest_profile_fits_in_its_record(void **state)
{
    uint64_t seed = 0xf111;
    struct fb_profile *p = fb_profile_new(*state);
    struct fb_chain chain = one_hop();
    struct stream *s = malloc(sizeof *s);
    unsigned char bytes[FB_PROFILE_BYTES_MAX];
    static const char *const names[] = {
        "us-east-1",  "us-east-2",      "us-west-1",      "us-west-2",      "af-south-1",
        "ap-east-1",  "ap-south-1",     "ap-south-2",     "ap-southeast-1", "ap-southeast-2",
        "eu-west-1",  "ap-southeast-3", "ap-northeast-1", "ap-northeast-2", "ca-central-1",
        "eu-west-2",  "eu-central-1",   "eu-central-2",   "eu-west-3",      "eu-south-1",
        "eu-south-2", "eu-north-1",     "me-south-1",     "sa-east-1",      "il-central-1"};
    char text[32];
    size_t n;

    for (int i = 0; i < 20000; i++) {
        struct fb_event ev = random_event(&seed, s, 0);

        snprintf(text, sizeof text, "xx-region-%d", i % 97);
        ev.region = i % 2 ? names[(size_t)i % (sizeof names / sizeof names[0])] : text;
        ev.time_ms = T0_MS + (int64_t)below(&seed, 15) * DAY_MS;
        ev.kind = FB_EV_CALL;
        ev.traits = i % 3 ? ev.traits : ((UINT64_C(1) << FB_T_COUNT) - 1) & ~1ull;
        ev.outcome = i % 4 ? FB_OUTCOME_OK : FB_OUTCOME_DENIED;
        fb_profile_observe(p, &ev, &chain);
    }
    n = fb_profile_write(p, bytes);
    assert_true(n > 3000);
    assert_true(n <= FB_PROFILE_BYTES_MAX);
    free(s);
}

/* Judgements of risk are a lattice too: any order, any doubles, also through bytes. */
static void the_newest_judgement_of_risk_counts_in_any_order(void **state)
{
    static const struct {
        int64_t at_ms;
        int tenths;
    } said[] = {{T0_MS, 95}, {T0_MS + 2, 42}, {T0_MS + 2, 40}, {T0_MS + 1, 100}};
    struct fb_profile *p = fb_profile_new(*state), *back = fb_profile_new(*state);
    unsigned char bytes[FB_PROFILE_BYTES_MAX], none[FB_PROFILE_BYTES_MAX];
    struct fb_err err = {0};
    size_t plain = fb_profile_write(p, none);

    assert_int_equal(fb_profile_risk(p), -1);
    for (int order = 0; order < 24; order++) {
        fb_profile_init(p);
        for (int i = 0, left = order, used = 0; i < 4; i++) {
            int nth = left % (4 - i), k = 0;

            left /= 4 - i;
            for (; used >> k & 1 || nth-- > 0; k++)
                ;
            used |= 1 << k;
            fb_profile_note_risk(p, said[k].at_ms, said[k].tenths);
            fb_profile_note_risk(p, said[k].at_ms, said[k].tenths);
        }
        assert_int_equal(fb_profile_risk(p), 42);
        assert_int_equal(fb_profile_read(back, bytes, fb_profile_write(p, bytes), &err), FB_OK);
        assert_same(p, back, "risk", order);
        assert_int_equal(fb_profile_first_ms(back), 0); /* it is no activity */
        assert_int_equal(fb_profile_last_ms(back), 0);
    }
    assert_true(fb_profile_write(p, bytes) >
                plain); /* and those of whom nobody said it stay small */
    fb_profile_note_risk(p, T0_MS + 9, 1000);
    assert_int_equal(fb_profile_risk(p), 100);
}

static void a_quiet_profile_is_small(void **state)
{
    struct fb_profile *p = fb_profile_new(*state);
    unsigned char bytes[FB_PROFILE_BYTES_MAX];

    for (int d = 0; d < 30; d++) {
        struct fb_event ev = blank_event("e", T0_MS + d * DAY_MS);

        by_user(&ev, "u", "u", "AKIA1");
        ev.ip = "198.51.100.7";
        ev.agent = "Boto3/1.2";
        fb_profile_observe(p, &ev, NULL);
    }
    assert_true(fb_profile_write(p, bytes) < 300);
}

static void broken_bytes_are_refused_and_never_read_beyond_their_end(void **state)
{
    uint64_t seed = 0xdead;
    struct fb_profile *p = fb_profile_new(*state), *back = fb_profile_new(*state);
    struct fb_err err = {0};
    struct stream *s = malloc(sizeof *s);
    unsigned char bytes[FB_PROFILE_BYTES_MAX];
    size_t n;

    random_stream(&seed, s, STREAM_MAX);
    learn(p, s);
    n = fb_profile_write(p, bytes);
    for (size_t cut = 0; cut < n; cut++) {
        unsigned char *tight = malloc(cut ? cut : 1); /* ASan sees one byte too far */

        memcpy(tight, bytes, cut);
        assert_int_equal(fb_profile_read(back, tight, cut, &err), FB_EINPUT);
        free(tight);
    }
    bytes[0] ^= 0xff; /* another version */
    assert_int_equal(fb_profile_read(back, bytes, n, &err), FB_EINPUT);
    bytes[0] ^= 0xff;
    for (int trial = 0; trial < 20000; trial++) {
        size_t at = below(&seed, n);
        unsigned char was = bytes[at];

        bytes[at] = (unsigned char)rnd(&seed);
        if (fb_profile_read(back, bytes, n, &err) == FB_OK)
            fb_profile_merge(back, p); /* whatever was accepted can be worked with */
        bytes[at] = was;
    }
    free(s);
}

static void drills_and_unknown_things_change_nothing(void **state)
{
    struct fb_profile *p = fb_profile_new(*state), *empty = fb_profile_new(*state);
    struct fb_event ev = blank_event("e", T0_MS);

    by_user(&ev, "u", "u", "AKIA1");
    ev.traits = fb_trait_bit(FB_T_LEAK_NOTICE);
    ev.drill = true;
    fb_profile_observe(p, &ev, NULL);
    ev.drill = false;
    ev.kind = FB_EV_UNKNOWN;
    fb_profile_observe(p, &ev, NULL);
    assert_same(p, empty, "drill", 0);
}

/* Times of no sense must not overflow anything (the sanitizers watch). */
static void absurd_numbers_are_bounded(void **state)
{
    static const int64_t times[] = {INT64_MIN, -1, 0, 1, INT64_MAX, INT64_MAX - 1};
    struct fb_profile *p = fb_profile_new(*state), *back = fb_profile_new(*state);
    unsigned char bytes[FB_PROFILE_BYTES_MAX];
    struct fb_err err = {0};

    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        struct fb_event ev = blank_event("e", times[i]);

        by_user(&ev, "u", "u", "AKIA1");
        ev.traits = ((UINT64_C(1) << FB_T_COUNT) - 1);
        ev.launch.type = "u7in-32tb.224xlarge";
        ev.launch.count = INT64_MAX;
        fb_profile_observe(p, &ev, NULL);
        fb_profile_mark_incident(p, times[i]);
        fb_profile_end_incident(p, times[i]);
    }
    assert_int_equal(fb_profile_read(back, bytes, fb_profile_write(p, bytes), &err), FB_OK);
    assert_same(p, back, "absurd", 0);
}

/* The sketch of a day's volume: right within its error of about a quarter, whatever the order. */
static void the_volume_of_a_day_is_estimated_without_adding_up(void **state)
{
    double worst_low = 9, worst_high = 0, mean = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct fb_profile p;
        uint64_t x = seed * 77777;
        double ratio;

        fb_profile_init(&p);
        for (int i = 0; i < 60; i++)
            fb_volume_add(&p, T0_MS, rnd(&x), 96, 3700);
        ratio =
            fb_volume_hourly(&p.volume[day_of(T0_MS) % VOLUME_DAYS], VOLUME_REGISTERS) / (60 * 96);
        mean += ratio / 200;
        worst_low = ratio < worst_low ? ratio : worst_low;
        worst_high = ratio > worst_high ? ratio : worst_high;
    }
    assert_true(mean > 0.9 && mean < 1.1);
    assert_true(worst_low > 0.4 && worst_high < 2.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(any_order_and_any_number_of_deliveries_end_in_the_same_bytes),
        FB_TEST(merging_is_commutative_associative_and_idempotent),
        FB_TEST(observing_is_merging_a_profile_of_one_event),
        FB_TEST(merging_halves_is_learning_the_whole),
        FB_TEST(a_profile_survives_its_bytes),
        FB_TEST(the_fullest_profile_fits_in_its_record),
        FB_TEST(the_newest_judgement_of_risk_counts_in_any_order),
        FB_TEST(a_quiet_profile_is_small),
        FB_TEST(broken_bytes_are_refused_and_never_read_beyond_their_end),
        FB_TEST(drills_and_unknown_things_change_nothing),
        FB_TEST(absurd_numbers_are_bounded),
        FB_TEST(the_volume_of_a_day_is_estimated_without_adding_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

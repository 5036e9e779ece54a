/* made_test.c - what a chain made: written once, found by identity and time, and by nobody else. */
#include "contain/fixture.h"

static struct fb_event launch(const struct fb_made *made, size_t n, int64_t at_ms)
{
    struct fb_event ev = fix_by_user("RunInstances", "ci", CI_ARN, "AIDACI00000000000001", KEY_CI);

    ev.made = made;
    ev.made_count = n;
    ev.time_ms = at_ms;
    return ev;
}

static void a_record_keeps_all_that_was_told(void **state)
{
    struct fix *f = *state;
    struct fb_made made = {"instance", "i-0new", "", "eu-west-3", "p5.48xlarge"};
    struct fb_event ev = launch(&made, 1, NOON);
    const char *who[] = {"somebody"};
    const struct fb_made_item *items;
    size_t n;

    fix_happens(f, &ev, "somebody");
    assert_int_equal(fb_made_list(f->store, f->a, who, 1, 0, &items, &n, NULL), FB_OK);
    assert_int_equal(n, 1);
    assert_string_equal(items[0].kind, "instance");
    assert_string_equal(items[0].id, "i-0new");
    assert_string_equal(items[0].region, "eu-west-3");
    assert_string_equal(items[0].type, "p5.48xlarge");
    assert_string_equal(items[0].credential, KEY_CI);
    assert_string_equal(items[0].event, "ev-1");
    assert_string_equal(items[0].by, "somebody");
    assert_int_equal(items[0].at_ms, NOON);
}

static void a_second_delivery_has_nothing_left_to_write(void **state)
{
    struct fix *f = *state;
    struct fb_made made[] = {{"instance", "i-01", "", "eu-west-3", ""},
                             {"instance", "i-02", "", "eu-west-3", ""},
                             {"access_key", "AKIANEW0000000000001", "bob", "", ""}};
    struct fb_event ev = launch(made, 3, NOON);
    struct fb_put puts[8];
    size_t n;

    assert_int_equal(fb_made_missing(f->store, f->a, CI_ARN, &ev, puts, 8, &n, NULL), FB_OK);
    assert_int_equal(n, 3);
    assert_int_equal(fb_store_commit(f->store, puts, n, true, NULL), FB_OK);
    assert_int_equal(fb_made_missing(f->store, f->a, CI_ARN, &ev, puts, 8, &n, NULL), FB_OK);
    assert_int_equal(n, 0);
    ev.outcome = FB_OUTCOME_DENIED;
    assert_int_equal(fb_made_missing(f->store, f->a, "other", &ev, puts, 8, &n, NULL), FB_OK);
    assert_int_equal(n, 0); /* what was refused was not made */
}

static void two_hops_on_record_for_one_thing_give_one_entry_oldest_first(void **state)
{
    struct fix *f = *state;
    struct fb_made late = {"instance", "i-0late", "", "eu-west-3", ""};
    struct fb_made early = {"instance", "i-0early", "", "eu-west-3", ""};
    struct fb_event a = launch(&late, 1, NOON + 10), b = launch(&early, 1, NOON);
    const char *who[] = {"root", "leaf"};
    const struct fb_made_item *items;
    size_t n;

    fix_happens(f, &a, "leaf");
    fix_happens(f, &a, "root");
    fix_happens(f, &b, "leaf");
    assert_int_equal(fb_made_list(f->store, f->a, who, 2, 0, &items, &n, NULL), FB_OK);
    assert_int_equal(n, 2);
    assert_string_equal(items[0].id, "i-0early");
    assert_string_equal(items[1].id, "i-0late");
    assert_int_equal(fb_made_list(f->store, f->a, who, 2, NOON + 1, &items, &n, NULL), FB_OK);
    assert_int_equal(n, 1);
    assert_int_equal(fb_made_list(f->store, f->a, who, 1, 0, &items, &n, NULL), FB_OK);
    assert_int_equal(n, 1);
    who[0] = "roo";
    assert_int_equal(fb_made_list(f->store, f->a, who, 1, 0, &items, &n, NULL), FB_OK);
    assert_int_equal(n, 0);
}

/* Names come from events; keys of the store have a length. */
static void a_name_of_any_length_or_shape_fits_into_a_key(void **state)
{
    struct fix *f = *state;
    char name[5000];
    struct fb_made made = {"user", name, "", "", ""};
    struct fb_event ev = launch(&made, 1, NOON);
    const char *who[] = {"x#y#z"};
    const struct fb_made_item *items;
    size_t n;

    memset(name, '#', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    fix_happens(f, &ev, who[0]);
    assert_int_equal(fb_made_list(f->store, f->a, who, 1, 0, &items, &n, NULL), FB_OK);
    assert_int_equal(n, 1);
    assert_string_equal(items[0].id, name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIX_TEST(a_record_keeps_all_that_was_told),
        FIX_TEST(a_second_delivery_has_nothing_left_to_write),
        FIX_TEST(two_hops_on_record_for_one_thing_give_one_entry_oldest_first),
        FIX_TEST(a_name_of_any_length_or_shape_fits_into_a_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

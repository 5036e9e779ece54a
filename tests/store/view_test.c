/* view_test.c - a view keeps what nobody vouches for apart from what is believed. */
#include "store/store.h"
#include "support/fb_test.h"

static struct fb_store *open_memory(void)
{
    struct fb_store *s;

    assert_int_equal(fb_store_open("memory:", fb_clock_system(), &s, NULL), FB_OK);
    return s;
}

static enum fb_status put(struct fb_store *s, const char *key, const char *value, uint64_t expect)
{
    struct fb_put p = {.key = key, .value = value, .len = strlen(value), .expect = expect};

    return fb_store_commit(s, &p, 1, false, NULL);
}

static void what_is_written_through_a_view_is_not_seen_outside_it(void **state)
{
    struct fb_store *base = open_memory(), *view;
    struct fb_item item;

    assert_int_equal(fb_store_view(base, "unproven.", fb_clock_system(), &view, NULL), FB_OK);
    assert_int_equal(put(view, "prof#x", "forged", 0), FB_OK);
    assert_int_equal(fb_store_get(base, *state, "prof#x", &item, NULL), FB_ENOTFOUND);
    assert_int_equal(put(base, "prof#x", "real", 0), FB_OK);
    assert_int_equal(fb_store_get(view, *state, "prof#x", &item, NULL), FB_OK);
    assert_string_equal(item.value, "forged");
    assert_string_equal(item.key, "prof#x");
    assert_int_equal(put(view, "prof#x", "2", item.version), FB_OK);
    assert_int_equal(put(view, "prof#x", "3", item.version), FB_ECONFLICT);
    fb_store_close(view);
    fb_store_close(base);
}

static bool join(void *self, const struct fb_item *item)
{
    strcat(self, item->key);
    strcat(self, " ");
    return true;
}

static void a_view_lists_its_own_records_by_their_own_keys(void **state)
{
    struct fb_store *base = open_memory(), *view;
    char seen[200] = "", base_seen[200] = "", after[200] = "";

    assert_int_equal(fb_store_view(base, "u.", fb_clock_system(), &view, NULL), FB_OK);
    assert_int_equal(put(base, "inc#real", "", 0), FB_OK);
    assert_int_equal(put(view, "inc#b", "", 0), FB_OK);
    assert_int_equal(put(view, "inc#a", "", 0), FB_OK);
    assert_int_equal(put(view, "inca#z", "", 0), FB_OK);
    assert_int_equal(put(view, "act#x#1", "", 0), FB_OK);
    assert_int_equal(put(view, "act#y#1", "", 0), FB_OK);
    assert_int_equal(fb_store_list(view, *state, "inc#", NULL, 0, join, seen, NULL), FB_OK);
    assert_string_equal(seen, "inc#a inc#b ");
    assert_int_equal(fb_store_list(view, *state, "inc#", "inc#a", 0, join, after, NULL), FB_OK);
    assert_string_equal(after, "inc#b ");
    after[0] = '\0';
    assert_int_equal(fb_store_list(view, *state, "act#x#", NULL, 0, join, after, NULL), FB_OK);
    assert_string_equal(after, "act#x#1 ");
    assert_int_equal(fb_store_list(base, *state, "inc#", NULL, 0, join, base_seen, NULL), FB_OK);
    assert_string_equal(base_seen, "inc#real ");
    fb_store_close(view);
    fb_store_close(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(what_is_written_through_a_view_is_not_seen_outside_it),
        FB_TEST(a_view_lists_its_own_records_by_their_own_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

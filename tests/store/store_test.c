/* store_test.c - what every kind of store promises, asked of each kind in turn. */
#include "support/fb_test.h"

#include <dirent.h>

#include "base/clock.h"
#include "base/text.h"
#include "store/store.h"

struct bench {
    struct fb_arena *a;
    struct fb_store *s;
    int64_t now_ms;
    char dir[64], url[96];
};

static int64_t fake_wall(void *self) { return ((struct bench *)self)->now_ms; }

static struct fb_clock fake_clock(struct bench *b)
{
    return (struct fb_clock){.wall_ms = fake_wall, .mono_ms = fake_wall, .self = b};
}

static struct bench *bench_new(void)
{
    struct bench *b = calloc(1, sizeof *b);

    b->a = fb_arena_new(256u << 20);
    b->now_ms = 1000000;
    return b;
}

static int memory_setup(void **state)
{
    struct bench *b = bench_new();

    snprintf(b->url, sizeof b->url, "memory:");
    *state = b;
    return fb_store_open(b->url, fake_clock(b), &b->s, NULL) == FB_OK ? 0 : -1;
}

static int sqlite_setup(void **state)
{
    struct bench *b = bench_new();

    snprintf(b->dir, sizeof b->dir, "/tmp/fb-store-XXXXXX");
    if (!mkdtemp(b->dir))
        return -1;
    snprintf(b->url, sizeof b->url, "sqlite:%s/s.db", b->dir);
    *state = b;
    return fb_store_open(b->url, fake_clock(b), &b->s, NULL) == FB_OK ? 0 : -1;
}

static void remove_dir(const char *dir)
{
    DIR *d = opendir(dir);
    char path[400];

    for (struct dirent *e; d && (e = readdir(d));)
        if (snprintf(path, sizeof path, "%s/%s", dir, e->d_name) > 0 && e->d_name[0] != '.')
            unlink(path);
    if (d)
        closedir(d);
    rmdir(dir);
}

static int teardown(void **state)
{
    struct bench *b = *state;

    fb_store_close(b->s);
    fb_arena_free(b->a);
    if (b->dir[0])
        remove_dir(b->dir);
    free(b);
    return 0;
}

/* ---- small words for the tests below ---- */

static enum fb_status put(struct bench *b, const char *key, const char *text, uint64_t expect)
{
    struct fb_put p = {.key = key, .value = text, .len = strlen(text), .expect = expect};

    return fb_store_commit(b->s, &p, 1, false, NULL);
}

static enum fb_status put_until(struct bench *b, const char *key, const char *text, uint64_t expect,
                                int64_t expires_ms)
{
    struct fb_put p = {
        .key = key, .value = text, .len = strlen(text), .expect = expect, .expires_ms = expires_ms};

    return fb_store_commit(b->s, &p, 1, false, NULL);
}

static enum fb_status erase(struct bench *b, const char *key, uint64_t expect)
{
    struct fb_put p = {.key = key, .expect = expect, .erase = true};

    return fb_store_commit(b->s, &p, 1, false, NULL);
}

/* The text of a record, "" when there is none; *version its version, 0 when there is none. */
static const char *get(struct bench *b, const char *key, uint64_t *version)
{
    struct fb_item item;
    enum fb_status st = fb_store_get(b->s, b->a, key, &item, NULL);

    assert_true(st == FB_OK || st == FB_ENOTFOUND);
    if (version)
        *version = st == FB_OK ? item.version : 0;
    return st == FB_OK ? item.value : "";
}

static uint64_t version_of(struct bench *b, const char *key)
{
    uint64_t version;

    get(b, key, &version);
    return version;
}

struct listing {
    char text[512]; /* "a=1 b=2 " */
    size_t count, stop_after;
};

static bool note(void *self, const struct fb_item *item)
{
    struct listing *l = self;
    size_t len = strlen(l->text);

    snprintf(l->text + len, sizeof l->text - len, "%s=%s ", item->key, item->value);
    l->count++;
    return l->count != l->stop_after;
}

static const char *list(struct bench *b, const char *prefix, const char *after, size_t max)
{
    struct listing *l = fb_arena_alloc(b->a, sizeof *l);

    assert_int_equal(fb_store_list(b->s, b->a, prefix, after, max, note, l, NULL), FB_OK);
    return l->text;
}

/* ---- facts ---- */

static void a_record_that_was_put_is_read_back_and_others_are_not_found(void **state)
{
    struct bench *b = *state;
    struct fb_item item;
    struct fb_err err;

    assert_int_equal(put(b, "k#a", "one", 0), FB_OK);
    assert_int_equal(fb_store_get(b->s, b->a, "k#a", &item, &err), FB_OK);
    assert_string_equal(item.key, "k#a");
    assert_string_equal(item.value, "one");
    assert_int_equal(item.len, 3);
    assert_true(item.version >= 1);
    assert_int_equal(item.expires_ms, 0);
    assert_int_equal(fb_store_get(b->s, b->a, "k#b", &item, &err), FB_ENOTFOUND);
    assert_non_null(strstr(err.text, "k#b"));
    assert_string_equal(item.value, "");
}

static void a_record_is_created_once(void **state)
{
    struct bench *b = *state;
    struct fb_put p = {.key = "k#a", .value = "two", .len = 3};
    struct fb_err err;

    assert_int_equal(put(b, "k#a", "one", 0), FB_OK);
    assert_int_equal(fb_store_commit(b->s, &p, 1, false, &err), FB_ECONFLICT);
    assert_non_null(strstr(err.text, "k#a"));
    assert_string_equal(get(b, "k#a", NULL), "one");
}

static void a_change_needs_the_present_version(void **state)
{
    struct bench *b = *state;
    uint64_t first, second;

    put(b, "k#a", "one", 0);
    first = version_of(b, "k#a");
    assert_int_equal(put(b, "k#a", "two", first), FB_OK);
    second = version_of(b, "k#a");
    assert_true(second > first);
    assert_int_equal(put(b, "k#a", "late", first), FB_ECONFLICT);
    assert_int_equal(put(b, "k#a", "wild", second + 1), FB_ECONFLICT);
    assert_int_equal(put(b, "k#a", "wild", UINT64_MAX), FB_ECONFLICT);
    assert_int_equal(put(b, "k#none", "x", first), FB_ECONFLICT);
    assert_string_equal(get(b, "k#a", NULL), "two");
}

static void an_erased_record_is_gone_and_its_version_never_fits_again(void **state)
{
    struct bench *b = *state;
    uint64_t v;

    put(b, "k#a", "one", 0);
    v = version_of(b, "k#a");
    assert_int_equal(erase(b, "k#a", v + 1), FB_ECONFLICT);
    assert_int_equal(erase(b, "k#a", 0), FB_ECONFLICT);
    assert_int_equal(erase(b, "k#a", v), FB_OK);
    assert_int_equal(version_of(b, "k#a"), 0);
    assert_int_equal(erase(b, "k#a", v), FB_ECONFLICT);
    assert_int_equal(erase(b, "k#a", 0), FB_OK);
    assert_int_equal(put(b, "k#a", "again", 0), FB_OK);
    assert_true(version_of(b, "k#a") > v);
    assert_int_equal(put(b, "k#a", "late", v), FB_ECONFLICT);
}

static void an_expired_record_does_not_exist_from_that_very_millisecond(void **state)
{
    struct bench *b = *state;
    uint64_t v;

    put_until(b, "k#a", "one", 0, b->now_ms + 100);
    put(b, "k#b", "stays", 0);
    v = version_of(b, "k#a");
    b->now_ms += 99;
    assert_string_equal(list(b, "k#", NULL, 0), "k#a=one k#b=stays ");
    b->now_ms += 1;
    assert_int_equal(version_of(b, "k#a"), 0);
    assert_string_equal(list(b, "k#", NULL, 0), "k#b=stays ");
    assert_int_equal(put(b, "k#a", "late", v), FB_ECONFLICT);
    assert_int_equal(erase(b, "k#a", v), FB_ECONFLICT);
    assert_int_equal(erase(b, "k#a", 0), FB_OK);
    assert_int_equal(put(b, "k#a", "anew", 0), FB_OK);
    assert_true(version_of(b, "k#a") > v);
    assert_int_equal(put(b, "k#a", "late", v), FB_ECONFLICT);
    assert_string_equal(get(b, "k#a", NULL), "anew");
}

static void sweeping_removes_what_expired_and_nothing_else(void **state)
{
    struct bench *b = *state;
    uint64_t v;
    char key[32];

    put_until(b, "k#old", "x", 0, b->now_ms + 1);
    v = version_of(b, "k#old");
    for (int i = 0; i < 2500; i++) { /* more than one step of the sweeper */
        snprintf(key, sizeof key, "e#%04d", i);
        assert_int_equal(put_until(b, key, "x", 0, b->now_ms + 1), FB_OK);
    }
    put(b, "k#never", "a", 0);
    put_until(b, "k#later", "b", 0, b->now_ms + 1000);
    assert_int_equal(fb_store_sweep(b->s), 0);
    b->now_ms += 1;
    assert_int_equal(fb_store_sweep(b->s), 2501);
    assert_int_equal(fb_store_sweep(b->s), 0);
    assert_string_equal(list(b, "k#", NULL, 0), "k#later=b k#never=a ");
    put(b, "k#old", "y", 0);
    assert_int_equal(put(b, "k#old", "late", v), FB_ECONFLICT);
}

/* Whichever record of a commit is not at its version, nothing of it is written. */
static void a_commit_is_all_or_none_whichever_record_conflicts(void **state)
{
    struct bench *b = *state;
    enum { N = 25 };
    char keys[N][16];
    struct fb_put puts[N];

    put(b, "old#1", "keep", 0);
    for (int bad = 0; bad < N; bad++) {
        for (int i = 0; i < N; i++) {
            snprintf(keys[i], sizeof keys[i], "k#%02d", i);
            puts[i] = (struct fb_put){.key = keys[i], .value = "x", .len = 1, .expect = i == bad};
        }
        puts[(bad + 1) % N] =
            (struct fb_put){.key = "old#1", .expect = version_of(b, "old#1"), .erase = true};
        assert_int_equal(fb_store_commit(b->s, puts, N, false, NULL), FB_ECONFLICT);
        assert_string_equal(list(b, "k#", NULL, 0), "");
        assert_string_equal(get(b, "old#1", NULL), "keep");
    }
    puts[N - 1].expect = 0;
    assert_int_equal(fb_store_commit(b->s, puts, N, true, NULL), FB_OK);
    assert_string_equal(get(b, "k#24", NULL), "x");
    assert_int_equal(version_of(b, "old#1"), 0);
}

static void a_commit_takes_25_records_and_not_26_nor_none(void **state)
{
    struct bench *b = *state;
    enum { N = 26 };
    char keys[N][16];
    struct fb_put puts[N];
    struct fb_err err;

    for (int i = 0; i < N; i++) {
        snprintf(keys[i], sizeof keys[i], "k#%02d", i);
        puts[i] = (struct fb_put){.key = keys[i], .value = "x", .len = 1};
    }
    assert_int_equal(fb_store_commit(b->s, puts, 26, false, &err), FB_EINPUT);
    assert_non_null(strstr(err.text, "25"));
    assert_int_equal(fb_store_commit(b->s, puts, 0, false, NULL), FB_EINPUT);
    assert_string_equal(list(b, "k#", NULL, 0), "");
    assert_int_equal(fb_store_commit(b->s, puts, 25, false, NULL), FB_OK);
}

static void one_key_twice_in_a_commit_is_refused(void **state)
{
    struct bench *b = *state;
    struct fb_put puts[2] = {{.key = "k#a", .value = "1", .len = 1},
                             {.key = "k#a", .value = "2", .len = 1}};

    assert_int_equal(fb_store_commit(b->s, puts, 2, false, NULL), FB_EINPUT);
    assert_int_equal(version_of(b, "k#a"), 0);
}

static void a_key_has_a_kind_and_at_most_512_bytes(void **state)
{
    struct bench *b = *state;
    struct fb_item item;
    char key[600];

    memset(key, 'k', sizeof key);
    key[1] = '#';
    key[512] = '\0';
    assert_int_equal(put(b, key, "fits", 0), FB_OK);
    assert_string_equal(get(b, key, NULL), "fits");
    key[512] = 'k';
    key[513] = '\0';
    assert_int_equal(put(b, key, "x", 0), FB_EINPUT);
    assert_int_equal(fb_store_get(b->s, b->a, key, &item, NULL), FB_EINPUT);
    assert_int_equal(put(b, "", "x", 0), FB_EINPUT);
    assert_int_equal(put(b, "nokind", "x", 0), FB_EINPUT);
    assert_int_equal(put(b, "#rest", "x", 0), FB_EINPUT);
    assert_int_equal(fb_store_list(b->s, b->a, "k", NULL, 0, note, NULL, NULL), FB_EINPUT);
}

static void a_value_has_at_most_256_kib_and_any_bytes(void **state)
{
    struct bench *b = *state;
    size_t max = FB_VALUE_BYTES_MAX;
    char *value = calloc(1, max + 1);
    struct fb_put p = {.key = "k#big", .value = value, .len = max};
    struct fb_item item;

    for (size_t i = 0; i < max; i++)
        value[i] = (char)(i * 7);
    assert_int_equal(fb_store_commit(b->s, &p, 1, false, NULL), FB_OK);
    assert_int_equal(fb_store_get(b->s, b->a, "k#big", &item, NULL), FB_OK);
    assert_int_equal(item.len, max);
    assert_memory_equal(item.value, value, max);
    assert_int_equal(item.value[max], 0);
    p.key = "k#over";
    p.len = max + 1;
    assert_int_equal(fb_store_commit(b->s, &p, 1, false, NULL), FB_EINPUT);
    p = (struct fb_put){.key = "k#nul", .value = "a\0b\0", .len = 4};
    assert_int_equal(fb_store_commit(b->s, &p, 1, false, NULL), FB_OK);
    assert_int_equal(fb_store_get(b->s, b->a, "k#nul", &item, NULL), FB_OK);
    assert_int_equal(item.len, 4);
    assert_memory_equal(item.value, "a\0b\0", 5);
    p = (struct fb_put){.key = "k#empty"};
    assert_int_equal(fb_store_commit(b->s, &p, 1, false, NULL), FB_OK);
    assert_int_equal(fb_store_get(b->s, b->a, "k#empty", &item, NULL), FB_OK);
    assert_int_equal(item.len, 0);
    assert_string_equal(item.value, "");
    free(value);
}

static void an_arena_that_is_full_is_told_and_harms_nothing(void **state)
{
    struct bench *b = *state;
    struct fb_arena *small = fb_arena_new(64);
    struct fb_item item;
    char text[4096];

    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    put(b, "k#a", text, 0);
    assert_int_equal(fb_store_get(b->s, small, "k#a", &item, NULL), FB_ELIMIT);
    assert_int_equal(fb_store_get(b->s, b->a, "k#a", &item, NULL), FB_OK);
    fb_arena_free(small);
}

static void listing_is_in_byte_order_within_its_prefix(void **state)
{
    struct bench *b = *state;
    static const char *const KEYS[] = {"k#b",  "k#a", "k#\xff\xff", "k#\xc3\xa9", "k#B",
                                       "k#ab", "l#a", "j#z",        "k!#x",       "k#"};

    for (size_t i = 0; i < sizeof KEYS / sizeof *KEYS; i++)
        assert_int_equal(put(b, KEYS[i], "1", 0), FB_OK);
    assert_string_equal(list(b, "k#", NULL, 0),
                        "k#=1 k#B=1 k#a=1 k#ab=1 k#b=1 k#\xc3\xa9=1 k#\xff\xff=1 ");
    assert_string_equal(list(b, "k#a", NULL, 0), "k#a=1 k#ab=1 ");
    assert_string_equal(list(b, "k#\xff", NULL, 0), "k#\xff\xff=1 ");
    assert_string_equal(list(b, "k#a", "k#", 0),
                        "k#a=1 k#ab=1 "); /* before the prefix: no matter */
    assert_string_equal(list(b, "k#", "k#a", 2), "k#ab=1 k#b=1 ");
    assert_string_equal(list(b, "k#", "k#aa", 1), "k#ab=1 "); /* `after` need not exist */
    assert_string_equal(list(b, "k#", "l#", 0), "");
    assert_string_equal(list(b, "m#", NULL, 0), "");
}

static void listing_stops_when_told(void **state)
{
    struct bench *b = *state;
    struct listing l = {.stop_after = 2};

    put(b, "k#a", "1", 0);
    put(b, "k#b", "1", 0);
    put(b, "k#c", "1", 0);
    assert_int_equal(fb_store_list(b->s, b->a, "k#", NULL, 0, note, &l, NULL), FB_OK);
    assert_string_equal(l.text, "k#a=1 k#b=1 ");
}

static bool erase_it(void *self, const struct fb_item *item)
{
    struct bench *b = self;

    assert_int_equal(erase(b, item->key, item->version), FB_OK);
    return true;
}

static void records_may_be_changed_while_they_are_listed(void **state)
{
    struct bench *b = *state;
    char key[16];

    for (int i = 0; i < 50; i++) {
        snprintf(key, sizeof key, "k#%02d", i);
        put(b, key, "1", 0);
    }
    assert_int_equal(fb_store_list(b->s, b->a, "k#", NULL, 0, erase_it, b, NULL), FB_OK);
    assert_string_equal(list(b, "k#", NULL, 0), "");
}

/* A plain table beside the store, the same random steps to both: they never differ. */
static void ten_thousand_random_steps_agree_with_a_plain_table(void **state)
{
    struct bench *b = *state;
    enum { KEYS = 40 };
    struct {
        char text[16];
        bool there;
    } want[KEYS] = {{"", false}};
    uint32_t dice = 12345;
    char key[16], text[16];

    for (int step = 0; step < 10000; step++) {
        int k = (int)((dice = dice * 1664525u + 1013904223u) >> 8) % KEYS;
        int what = (int)((dice = dice * 1664525u + 1013904223u) >> 8) % 4;
        uint64_t version;

        snprintf(key, sizeof key, "r#%d", k);
        snprintf(text, sizeof text, "%d", step);
        assert_string_equal(get(b, key, &version), want[k].there ? want[k].text : "");
        assert_int_equal(version != 0, want[k].there);
        if (what == 0) {
            assert_int_equal(erase(b, key, version), FB_OK);
            want[k].there = false;
        } else {
            assert_int_equal(put(b, key, text, version), FB_OK);
            want[k].there = true;
            memcpy(want[k].text, text, sizeof text);
        }
        if (step % 100 == 99)
            fb_arena_reset(b->a);
    }
}

static void an_unknown_url_is_a_configuration_error_that_names_the_known_ones(void **state)
{
    static const char *const BAD[] = {"",         "memory",   "mysql:x", "sqlite",
                                      "sqlite:",  "memory:x", "/tmp/x",  "dynamodb:table",
                                      "SQLITE:x", " memory:", "sqlite:/"};
    struct fb_store *s = NULL;
    struct fb_err err;

    (void)state;
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        assert_int_equal(fb_store_open(BAD[i], fb_clock_system(), &s, &err), FB_ECONFIG);
        assert_null(s);
    }
    fb_store_open("mysql:x", fb_clock_system(), &s, &err);
    assert_non_null(strstr(err.text, "mysql:x"));
    assert_non_null(strstr(err.text, "memory: or sqlite:PATH"));
    fb_store_close(NULL);
}

static void only_the_memory_store_forgets(void **state)
{
    struct bench *b = *state;

    assert_int_equal(fb_store_durable(b->s), fb_starts(b->url, "sqlite:"));
}

#define ON_BOTH(fn)                                                                                \
    {"memory: " #fn, fn, memory_setup, teardown, NULL},                                            \
    {                                                                                              \
        "sqlite: " #fn, fn, sqlite_setup, teardown, NULL                                           \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(a_record_that_was_put_is_read_back_and_others_are_not_found),
        ON_BOTH(a_record_is_created_once),
        ON_BOTH(a_change_needs_the_present_version),
        ON_BOTH(an_erased_record_is_gone_and_its_version_never_fits_again),
        ON_BOTH(an_expired_record_does_not_exist_from_that_very_millisecond),
        ON_BOTH(sweeping_removes_what_expired_and_nothing_else),
        ON_BOTH(a_commit_is_all_or_none_whichever_record_conflicts),
        ON_BOTH(a_commit_takes_25_records_and_not_26_nor_none),
        ON_BOTH(one_key_twice_in_a_commit_is_refused),
        ON_BOTH(a_key_has_a_kind_and_at_most_512_bytes),
        ON_BOTH(a_value_has_at_most_256_kib_and_any_bytes),
        ON_BOTH(an_arena_that_is_full_is_told_and_harms_nothing),
        ON_BOTH(listing_is_in_byte_order_within_its_prefix),
        ON_BOTH(listing_stops_when_told),
        ON_BOTH(records_may_be_changed_while_they_are_listed),
        ON_BOTH(ten_thousand_random_steps_agree_with_a_plain_table),
        ON_BOTH(only_the_memory_store_forgets),
        cmocka_unit_test(an_unknown_url_is_a_configuration_error_that_names_the_known_ones),
    };

    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}

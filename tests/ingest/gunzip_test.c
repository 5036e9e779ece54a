/* gunzip_test.c - gzip whole, broken anywhere, and bombs. */
#define ZLIB_CONST
#include <zlib.h>

#include "ingest/gunzip.h"

#include "ingest/collect.h"

static const struct fb_gunzip_limits ROOMY = {
    .bytes_max = 16u << 20, .ratio_free = 16u << 20, .ratio_max = 500};

/* Text that deflate cannot shrink to nothing, so that a stream has a middle. */
static char *sample(size_t len)
{
    char *text = malloc(len);
    uint32_t x = 12345;

    assert_non_null(text);
    for (size_t i = 0; i < len; i++) {
        x = x * 1664525u + 1013904223u;
        text[i] = (char)('a' + (x >> 24) % 16);
    }
    return text;
}

static void check_prefix(const struct fb_load *got, const char *text, size_t len)
{
    assert_true(got->len <= len);
    if (got->len)
        assert_memory_equal(got->at, text, got->len);
}

static void a_whole_stream_comes_back_as_it_was(void **state)
{
    static const size_t sizes[] = {0, 1, 1000, 65535, 65536, 65537, 700000};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *text = sample(sizes[i] + 1);
        size_t packed_len;
        char *packed = gzip_of(text, sizes[i], &packed_len);
        struct fb_load got;

        fb_gunzip(packed, packed_len, &ROOMY, &got);
        assert_string_equal(got.broken, "");
        assert_int_equal(got.len, sizes[i]);
        check_prefix(&got, text, sizes[i]);
        fb_load_release(&got);
        free(packed);
        free(text);
    }
}

static void members_follow_each_other_and_padding_is_no_break(void **state)
{
    size_t one_len, two_len;
    char *one = gzip_of("first ", 6, &one_len), *two = gzip_of("second", 6, &two_len);
    char all[512] = {0};
    struct fb_load got;

    (void)state;
    memcpy(all, one, one_len);
    memcpy(all + one_len, two, two_len);
    fb_gunzip(all, one_len + two_len, &ROOMY, &got);
    assert_string_equal(got.broken, "");
    assert_int_equal(got.len, 12);
    assert_memory_equal(got.at, "first second", 12);
    fb_load_release(&got);
    fb_gunzip(all, one_len + two_len + 100, &ROOMY, &got); /* 100 zeros behind */
    assert_string_equal(got.broken, "");
    assert_int_equal(got.len, 12);
    fb_load_release(&got);
    all[one_len + two_len + 50] = 'x';
    fb_gunzip(all, one_len + two_len + 100, &ROOMY, &got);
    assert_non_null(strstr(got.broken, "not gzip"));
    assert_int_equal(got.len, 12);
    fb_load_release(&got);
    free(one);
    free(two);
}

static void a_cut_anywhere_gives_a_prefix_and_says_so(void **state)
{
    char *text = sample(3000);
    size_t packed_len, before = 0;
    char *packed = gzip_of(text, 3000, &packed_len);

    (void)state;
    for (size_t cut = 2; cut < packed_len; cut++) {
        struct fb_load got;

        fb_gunzip(packed, cut, &ROOMY, &got);
        assert_non_null(strstr(got.broken, "too early"));
        check_prefix(&got, text, 3000);
        assert_true(got.len >= before); /* more input never gives less */
        before = got.len;
        fb_load_release(&got);
    }
    assert_int_equal(before, 3000); /* all of it is there when only the check is missing */
    free(packed);
    free(text);
}

static void a_changed_byte_anywhere_is_noticed(void **state)
{
    char *text = sample(1500);
    size_t packed_len;
    char *packed = gzip_of(text, 1500, &packed_len);

    (void)state;
    for (size_t at = 2; at < packed_len; at++) {
        struct fb_load got;
        bool free_field = at >= 4 && at < 10; /* time, extra flags, system: unchecked by design */

        packed[at] = (char)(packed[at] ^ 0x55);
        fb_gunzip(packed, packed_len, &ROOMY, &got);
        packed[at] = (char)(packed[at] ^ 0x55);
        assert_int_equal(*got.broken == '\0', free_field);
        if (at < 4)
            assert_int_equal(got.len, 0);
        if (at >= packed_len - 8) { /* check and length: the text before them is good */
            assert_int_equal(got.len, 1500);
            check_prefix(&got, text, 1500);
        }
        fb_load_release(&got);
    }
    free(packed);
    free(text);
}

static void a_bomb_stops_at_the_ceiling_with_what_fits(void **state)
{
    char *zeros = calloc(1, 4u << 20);
    size_t packed_len;
    char *packed = gzip_of(zeros, 4u << 20, &packed_len);
    struct fb_gunzip_limits small = {.bytes_max = 100000, .ratio_free = 1u << 30, .ratio_max = 9};
    struct fb_load got;

    (void)state;
    assert_true(packed_len < 8000);
    fb_gunzip(packed, packed_len, &small, &got);
    assert_non_null(strstr(got.broken, "ceiling of 100000"));
    assert_int_equal(got.len, 100000);
    fb_load_release(&got);
    small.bytes_max = 4u << 20; /* exactly what it holds: no bomb */
    fb_gunzip(packed, packed_len, &small, &got);
    assert_string_equal(got.broken, "");
    assert_int_equal(got.len, 4u << 20);
    fb_load_release(&got);
    small.bytes_max--;
    fb_gunzip(packed, packed_len, &small, &got);
    assert_non_null(strstr(got.broken, "ceiling"));
    assert_int_equal(got.len, small.bytes_max);
    fb_load_release(&got);
    free(packed);
    free(zeros);
}

static void a_bomb_is_known_by_its_ratio_long_before_the_ceiling(void **state)
{
    char *zeros = calloc(1, 8u << 20);
    size_t packed_len;
    char *packed = gzip_of(zeros, 8u << 20, &packed_len);
    const struct fb_gunzip_limits most = {
        .bytes_max = 1u << 30, .ratio_free = 1u << 20, .ratio_max = 500};
    struct fb_load got;

    (void)state;
    fb_gunzip(packed, packed_len, &most, &got);
    assert_non_null(strstr(got.broken, "bomb"));
    assert_true(got.len > 1u << 20 && got.len <= 4u << 20);
    fb_load_release(&got);
    free(packed);
    free(zeros);
}

/* 1,000 members of 64 kB of zeros each: no single one is large. */
static void a_bomb_of_many_members_stops_too(void **state)
{
    char *zeros = calloc(1, 65536), *all;
    size_t one_len;
    char *one = gzip_of(zeros, 65536, &one_len);
    const struct fb_gunzip_limits most = {
        .bytes_max = 1u << 20, .ratio_free = 1u << 30, .ratio_max = 9};
    struct fb_load got;

    (void)state;
    all = malloc(one_len * 1000);
    assert_non_null(all);
    for (size_t i = 0; i < 1000; i++)
        memcpy(all + i * one_len, one, one_len);
    fb_gunzip(all, one_len * 1000, &most, &got);
    assert_non_null(strstr(got.broken, "ceiling"));
    assert_int_equal(got.len, 1u << 20);
    fb_load_release(&got);
    free(all);
    free(one);
    free(zeros);
}

static void gzip_is_known_by_its_first_two_bytes(void **state)
{
    (void)state;
    assert_true(fb_gzip_magic("\x1f\x8b\x08", 3));
    assert_false(fb_gzip_magic("\x1f", 1));
    assert_false(fb_gzip_magic("", 0));
    assert_false(fb_gzip_magic("{}", 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_stream_comes_back_as_it_was),
        cmocka_unit_test(members_follow_each_other_and_padding_is_no_break),
        cmocka_unit_test(a_cut_anywhere_gives_a_prefix_and_says_so),
        cmocka_unit_test(a_changed_byte_anywhere_is_noticed),
        cmocka_unit_test(a_bomb_stops_at_the_ceiling_with_what_fits),
        cmocka_unit_test(a_bomb_is_known_by_its_ratio_long_before_the_ceiling),
        cmocka_unit_test(a_bomb_of_many_members_stops_too),
        cmocka_unit_test(gzip_is_known_by_its_first_two_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

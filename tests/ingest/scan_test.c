/* scan_test.c - where values end, in good text and in broken text. */
#include "ingest/scan.h"

#include "support/fb_test.h"

static enum fb_scan_end run(struct fb_scan *s, const char *text, bool seek)
{
    fb_scan_open(s, text, 0, strlen(text), seek);
    return fb_scan_run(s);
}

static void a_value_ends_where_its_first_bracket_closes(void **state)
{
    static const struct {
        const char *text;
        size_t end;
    } cases[] = {
        {"{}", 2},
        {"[] ", 2},
        {"{\"a\":[{},[1,{\"b\":2}]]}{}", 22},
        {"{\"a\":\"}\"}x", 9},
        {"{\"a\":\"\\\"}\"}x", 11},
        {"{\"a\":\"\\\\\"}x", 10},
        {"{\"]\":\"[{\"} ", 10},
        {"{\"a\":\"\\u007d\"}", 14},
    };
    struct fb_scan s;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(run(&s, cases[i].text, false), FB_SCAN_WHOLE);
        assert_int_equal(s.at, cases[i].end);
    }
}

static void every_cut_of_a_value_is_seen_as_cut(void **state)
{
    static const char text[] = "{\"a\":[1,{\"b\\\"\":\"x\\\\\"},null],\"c\":{\"d\":[]}}";
    struct fb_scan s;

    (void)state;
    for (size_t end = 1; end < sizeof text - 1; end++) {
        fb_scan_open(&s, text, 0, end, false);
        assert_int_equal(fb_scan_run(&s), FB_SCAN_CUT);
        assert_int_equal(s.at, end);
    }
    fb_scan_open(&s, text, 0, sizeof text - 1, false);
    assert_int_equal(fb_scan_run(&s), FB_SCAN_WHOLE);
}

static void records_is_found_only_as_a_key_at_depth_one_with_an_array(void **state)
{
    static const char *const without[] = {
        "{\"a\":{\"Records\":[1]}}",     "{\"records\":[1]}",  "{\"a\":\"Records\",\"b\":[1]}",
        "{\"Records\":{\"a\":[1]}}",     "{\"Records\":null}", "[{\"Records\":[1]}]",
        "{\"a\":\"\\\"Records\\\":[\"}", "{\"Records \":[1]}",
    };
    static const char with[] = "{\"x\":{\"y\":[]},\"Records\" :\n [1,2],\"z\":0}";
    struct fb_scan s;

    (void)state;
    for (size_t i = 0; i < sizeof without / sizeof *without; i++)
        assert_int_equal(run(&s, without[i], true), FB_SCAN_WHOLE);
    assert_int_equal(run(&s, with, true), FB_SCAN_RECORDS);
    assert_int_equal(with[s.at], '[');
    fb_scan_resume(&s, s.at + 5);
    assert_int_equal(fb_scan_run(&s), FB_SCAN_WHOLE);
    assert_int_equal(s.at, sizeof with - 1);
    assert_int_equal(run(&s, with, false), FB_SCAN_WHOLE);
}

/* 200,000 levels would end a scanner that calls itself. */
static void depth_costs_no_stack_and_is_counted_exactly(void **state)
{
    static const size_t depths[] = {
        1, 63, 64, 65, FB_SCAN_KINDS - 1, FB_SCAN_KINDS, FB_SCAN_KINDS + 1, 200000};
    struct fb_scan s;

    (void)state;
    for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
        size_t d = depths[i];
        char *text = malloc(2 * d + 1);

        assert_non_null(text);
        memset(text, '[', d);
        memset(text + d, ']', d + 1);
        fb_scan_open(&s, text, 0, 2 * d + 1, false);
        assert_int_equal(fb_scan_run(&s), FB_SCAN_WHOLE);
        assert_int_equal(s.at, 2 * d);
        fb_scan_open(&s, text, 0, 2 * d - 1, false);
        assert_int_equal(fb_scan_run(&s), FB_SCAN_CUT);
        assert_int_equal(s.depth, 1);
        free(text);
    }
}

static void a_line_break_ends_a_string_that_was_left_open(void **state)
{
    static const char text[] = "{\"a\":\"no end,\n \"b\":1}\n{\"c\":2}";
    struct fb_scan s;

    (void)state;
    assert_int_equal(run(&s, text, false), FB_SCAN_WHOLE);
    assert_int_equal(text[s.at], '\n');
    assert_int_equal(run(&s, "{\"a\":\"\\\n}", false), FB_SCAN_WHOLE);
}

static void a_closing_bracket_closes_what_was_left_open_inside(void **state)
{
    struct fb_scan s;

    (void)state;
    assert_int_equal(run(&s, "{\"a\":[1}{}", false), FB_SCAN_WHOLE);
    assert_int_equal(s.at, 8);
    assert_int_equal(run(&s, "{\"a\":1]", false), FB_SCAN_STRAY);
    assert_int_equal(s.at, 6);
    assert_int_equal(run(&s, "[1}", false), FB_SCAN_STRAY);
}

static void what_looks_like_the_next_record_is_remembered(void **state)
{
    struct fb_scan s;

    (void)state;
    assert_int_equal(run(&s, "{\"a\":{\"x\":1},{\"b\":2},{\"c\":3}", false), FB_SCAN_CUT);
    assert_int_equal(s.suspect, 13);
    assert_int_equal(run(&s, "{\"a\":\n{\"b\":1}", false), FB_SCAN_CUT);
    assert_int_equal(s.suspect, 6);
    assert_int_equal(run(&s, "{\"a\":[{\"b\":{}},{\"c\":[{}]}", false), FB_SCAN_CUT);
    assert_int_equal(s.suspect, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_ends_where_its_first_bracket_closes),
        cmocka_unit_test(every_cut_of_a_value_is_seen_as_cut),
        cmocka_unit_test(records_is_found_only_as_a_key_at_depth_one_with_an_array),
        cmocka_unit_test(depth_costs_no_stack_and_is_counted_exactly),
        cmocka_unit_test(a_line_break_ends_a_string_that_was_left_open),
        cmocka_unit_test(a_closing_bracket_closes_what_was_left_open_inside),
        cmocka_unit_test(what_looks_like_the_next_record_is_remembered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

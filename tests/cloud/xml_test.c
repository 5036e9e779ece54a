/* xml_test.c - the small tree over what EC2, IAM and STS answer. */
#include "support/fb_test.h"

#include "base/buf.h"
#include "cloud/xml.h"

static enum fb_status parse(struct fb_arena *a, const char *text, const struct fb_xml **out)
{
    struct fb_err err = {0};
    enum fb_status st = fb_xml_parse(a, text, strlen(text), out, &err);

    if (st != FB_OK) {
        assert_null(*out);
        assert_true(err.text[0] != '\0');
    }
    return st;
}

static void an_answer_reads_as_a_tree_without_namespaces(void **state)
{
    const struct fb_xml *x, *item;

    assert_int_equal(parse(*state,
                           "<?xml version=\"1.0\"?><e:R xmlns:e=\"urn:x\" a=\"1\">\n <set>\n"
                           "  <item><id> i-1 </id><state><name>running</name></state></item>\n"
                           "  <e:item><id>i-&lt;2&gt;</id></e:item>\n </set><empty/></e:R>",
                           &x),
                     FB_OK);
    assert_string_equal(x->name, "R");
    item = fb_xml_child(fb_xml_child(x, "set"), "item");
    assert_string_equal(fb_xml_text(item, "id"), "i-1");
    assert_string_equal(fb_xml_text(item, "state/name"), "running");
    assert_string_equal(fb_xml_text(item->next, "id"), "i-<2>");
    assert_null(item->next->next);
    assert_string_equal(fb_xml_text(x, "empty"), "");
}

/* A child's text is not its parent's, wherever it stands. */
static void mixed_text_belongs_to_its_own_element(void **state)
{
    const struct fb_xml *x;

    assert_int_equal(parse(*state, "<a> one <b>two</b> three <c><d>four</d></c></a>", &x), FB_OK);
    assert_string_equal(x->text, "one  three");
    assert_string_equal(fb_xml_text(x, "b"), "two");
    assert_string_equal(fb_xml_text(x, "c"), "");
    assert_string_equal(fb_xml_text(x, "c/d"), "four");
}

static void what_is_absent_reads_as_empty(void **state)
{
    const struct fb_xml *x;

    assert_int_equal(parse(*state, "<a><bc>1</bc></a>", &x), FB_OK);
    assert_string_equal(fb_xml_text(x, "b"), ""); /* not a prefix match */
    assert_string_equal(fb_xml_text(x, "bc/d/e"), "");
    assert_string_equal(fb_xml_text(NULL, "a"), "");
    assert_null(fb_xml_path(NULL, "a/b"));
    assert_null(fb_xml_child(NULL, "a"));
    assert_ptr_equal(fb_xml_path(x, ""), x);
}

static void entity_bombs_are_refused_before_they_grow(void **state)
{
    const struct fb_xml *x;
    size_t before = fb_arena_used(*state);

    assert_int_equal(parse(*state,
                           "<!DOCTYPE l [<!ENTITY a \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\">"
                           "<!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;\">"
                           "<!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;&b;\">]><l>&c;</l>",
                           &x),
                     FB_EINPUT);
    assert_int_equal(parse(*state, "<!DOCTYPE l SYSTEM \"file:///etc/passwd\"><l/>", &x),
                     FB_EINPUT);
    assert_true(fb_arena_used(*state) - before < 256);
}

static void garbage_is_refused_whatever_its_kind(void **state)
{
    static const char *const bad[] = {"",
                                      " ",
                                      "{}",
                                      "<a>",
                                      "<a></b>",
                                      "<a/><b/>",
                                      "<a>&nope;</a>",
                                      "<!doctype html><html>",
                                      "<a>\x01</a>",
                                      "<a>\xff\xfe</a>",
                                      "<a b=></a>"};
    const struct fb_xml *x;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (parse(*state, bad[i], &x) != FB_EINPUT)
            fail_msg("accepted or misnamed: %s", bad[i]);
}

static void nesting_has_a_ceiling_of_64(void **state)
{
    const struct fb_xml *x;
    struct fb_buf b;

    for (int depth = 64; depth <= 65; depth++) {
        fb_buf_init_in(&b, *state, 4096);
        for (int i = 0; i < depth; i++)
            fb_buf_add(&b, "<a>");
        for (int i = 0; i < depth; i++)
            fb_buf_add(&b, "</a>");
        assert_int_equal(parse(*state, b.at, &x), depth == 64 ? FB_OK : FB_ELIMIT);
    }
}

/* Whichever allocation fails, the answer is a limit and never half a tree. */
static void a_full_arena_is_a_limit_never_half_a_tree(void **state)
{
    const char *text = "<r><set><item><id>i-1</id></item><item><id>i-2</id></item></set></r>";
    bool ok = false;

    (void)state;
    for (size_t max = 0; max < 4096 && !ok; max += 16) {
        struct fb_arena *small = fb_arena_new(max);
        const struct fb_xml *x;
        enum fb_status st = parse(small, text, &x);

        ok = st == FB_OK;
        assert_true(ok || st == FB_ELIMIT);
        if (ok)
            assert_string_equal(fb_xml_text(x, "set/item/id"), "i-1");
        fb_arena_free(small);
    }
    assert_true(ok);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(an_answer_reads_as_a_tree_without_namespaces),
        FB_TEST(mixed_text_belongs_to_its_own_element),
        FB_TEST(what_is_absent_reads_as_empty),
        FB_TEST(entity_bombs_are_refused_before_they_grow),
        FB_TEST(garbage_is_refused_whatever_its_kind),
        FB_TEST(nesting_has_a_ceiling_of_64),
        FB_TEST(a_full_arena_is_a_limit_never_half_a_tree),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

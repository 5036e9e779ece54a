/* split_test.c - every layout of records, whole and broken, through the front door.
 *
 * A check reads "rec ID@LINE" for a record and "rej@LINE REASON" for a reject, in order. */
#include "ingest/split.h"

#include "base/buf.h"
#include "ingest/collect.h"

static void check_seen(const struct seen_all *all, const char *const *want, size_t n)
{
    for (size_t i = 0; i < all->count && i < n; i++) {
        char got[1200];
        const struct seen *s = &all->at[i];

        if (s->record)
            snprintf(got, sizeof got, "rec %s@%zu", s->id, s->line);
        else
            snprintf(got, sizeof got, "rej@%zu %s", s->line, s->reason);
        if (strncmp(got, want[i], strlen(want[i])) != 0)
            fail_msg("piece %zu: want \"%s\", got \"%s\" [%s]", i, want[i], got, s->text);
    }
    if (all->count != n)
        fail_msg("%zu pieces, not %zu", all->count, n);
}

#define CHECK(layout, name, text, ...)                                                             \
    do {                                                                                           \
        static const char *const want[] = {__VA_ARGS__};                                           \
        struct seen_all all = {0};                                                                 \
        seen_bytes(&all, *state, (name), (layout), (text), sizeof(text) - 1);                      \
        check_seen(&all, want, sizeof want / sizeof *want);                                        \
        seen_free(&all);                                                                           \
    } while (0)

#define GUESS(text, ...) CHECK(FB_LAYOUT_GUESS, "test", text, __VA_ARGS__)
#define LINES(text, ...) CHECK(FB_LAYOUT_LINES, "test", text, __VA_ARGS__)

static void a_broken_line_is_rejected_alone_with_its_number(void **state)
{
    GUESS("{\"id\":\"a\"}\n{\"id\":\n{\"id\":\"c\"}\n", "rec a@1", "rej@2 not JSON", "rec c@3");
    GUESS("{\"id\":\"a\"}\nhello\n{\"id\":\"c\"}", "rec a@1", "rej@2 not JSON", "rec c@3");
    LINES("{\"id\":\"a\n{\"id\":\"b\"}\n", "rej@1 not JSON", "rec b@2");
    CHECK(FB_LAYOUT_GUESS, "x.ndjson", "{\"id\":\n{\"id\":\"b\"}", "rej@1 not JSON", "rec b@2");
    CHECK(FB_LAYOUT_GUESS, "x.jsonl.gz", "{\n{\"id\":\"b\"}", "rej@1 not JSON", "rec b@2");
    LINES("{\"id\":\"a\"} {\"id\":\"b\"}\n{\"id\":\"c\"}", "rej@1 not JSON", "rec c@2");
}

static void blank_lines_crlf_and_a_byte_order_mark_are_nothing(void **state)
{
    GUESS("\xEF\xBB\xBF{\"id\":\"a\"}\r\n\r\n \t\n\n{\"id\":\"b\"}\r\n", "rec a@1", "rec b@5");
    GUESS("\n\n{\"id\":\"a\"}\n{\"id\":\"b\"}", "rec a@3", "rec b@4");
    LINES("\xEF\xBB\xBF\n{\"id\":\"a\"}\n", "rec a@2");
    GUESS("\xEF\xBB\xBF{\n\"id\":\"a\"\n}", "rec a@0");
}

static void an_object_alone_is_one_record_without_a_line(void **state)
{
    GUESS("{\"id\":\"a\"}", "rec a@0");
    GUESS(" {\"id\":\"a\"}\n", "rec a@0");
    GUESS("{\n  \"id\": \"a\",\n  \"b\": [\n    {}\n  ]\n}\n", "rec a@0");
    LINES("{\"id\":\"a\"}", "rec a@1");
    GUESS("{}", "rec @0");
}

static void documents_follow_each_other(void **state)
{
    GUESS("{\n\"id\":\"a\"\n}\n{\n\"id\":\"b\"\n}\n", "rec a@1", "rec b@4");
    GUESS("{\"id\":\"a\"}{\"id\":\"b\"} {\"id\":\"c\"}", "rec a@1", "rec b@1", "rec c@1");
    GUESS("{\n\"id\":\"a\"\n},\n{\"id\":\"b\"}\n", "rec a@1", "rej@3", "rec b@4");
    GUESS("hello\n{\"id\":\"a\"}\n", "rej@1 not JSON", "rec a@2");
    GUESS("{\n\"id\":\"a\"\n}\n1 2\nnull\n{\"id\":\"b\"}", "rec a@1", "rej@4", "rec b@6");
}

static void a_broken_document_does_not_swallow_the_next(void **state)
{
    GUESS("{\n\"id\":\"a\"\n\n{\n\"id\":\"b\"\n}\n{\"id\":\"c\"}", "rej@1 not JSON", "rec b@4",
          "rec c@7");
    GUESS("{\"id\":\n{\"id\":\"b\"}\n{\"id\":\"c\"}\n", "rej@1 not JSON", "rec b@2", "rec c@3");
    GUESS("{\"id\":\"a\n}\n{\"id\":\"b\"}", "rej@1 not JSON", "rec b@3");
    GUESS("{\n\"id\":[1\n}\n{\"id\":\"b\"}", "rej@1 not JSON", "rec b@4");
}

static void what_is_json_but_no_object_is_rejected(void **state)
{
    GUESS("[]", "rej@0 an array, not an object");
    GUESS("[1,2,{\"id\":\"x\"}]", "rej@0 an array, not an object");
    GUESS("[[{\"id\":\"x\"}]]", "rej@0 an array, not an object");
    GUESS("17", "rej@0 a number, not an object");
    GUESS("\"text\"", "rej@0 a string, not an object");
    GUESS("null", "rej@0 null, not an object");
    GUESS("true", "rej@0 a boolean, not an object");
    LINES("[]\n-1e3\n\"{}\"\n{\"id\":\"a\"}\nfalse\n", "rej@1 an array", "rej@2 a number",
          "rej@3 a string", "rec a@4", "rej@5 a boolean");
}

static void nothing_at_all_is_one_reject(void **state)
{
    GUESS("", "rej@0 empty");
    GUESS(" \n\r\n\t", "rej@0 empty");
    GUESS("\xEF\xBB\xBF", "rej@0 empty");
    LINES("", "rej@1 empty");
}

static void elements_of_records_are_records(void **state)
{
    GUESS("{\"Records\":[{\"id\":\"a\"},{\"id\":\"b\"}]}", "rec a@1", "rec b@1");
    GUESS("{\n \"x\": {\"Records\":[]},\n \"Records\": [\n  {\"id\":\"a\"},\n  {\n\"id\":\"b\"}\n "
          "],\n"
          " \"y\": [{\"id\":\"n\"}]\n}\n",
          "rec a@4", "rec b@5");
    GUESS("{\"Records\":[{\"id\":\"a\"}]}\n{\"Records\":[{\"id\":\"b\"},{\"id\":\"c\"}]}\n",
          "rec a@1", "rec b@2", "rec c@2");
    GUESS("{\"Records\":[{\"id\":\"a\"}],\"Records\":[{\"id\":\"b\"}]}", "rec a@1", "rec b@1");
    GUESS("{\"Records\":[{\"id\":\"a\",\"Records\":[{\"id\":\"in\"}]}]}", "rec a@1");
    GUESS("[{\"Records\":[{\"id\":\"a\"}]},{\"id\":\"b\"}]", "rec a@1", "rec b@1");
}

static void an_empty_records_file_holds_nothing_and_is_no_error(void **state)
{
    struct seen_all all = {0};

    seen_text(&all, *state, "{\"Records\":[]}");
    assert_int_equal(all.count, 0);
    seen_text(&all, *state, "{ \"Records\" : [ ] }\n{\"Records\":[]}\n");
    assert_int_equal(all.count, 0);
    seen_free(&all);
}

static void an_object_whose_records_are_elsewhere_is_one_record(void **state)
{
    GUESS("{\"id\":\"a\",\"Records\":{\"x\":1}}", "rec a@0");
    GUESS("{\"id\":\"a\",\"Records\":null}", "rec a@0");
    GUESS("{\"id\":\"a\",\"x\":{\"Records\":[{}]}}", "rec a@0");
    GUESS("{\"id\":\"a\",\"records\":[{}]}", "rec a@0");
    GUESS("{\"id\":\"a\",\"x\":\"\\\"Records\\\":[{}]\"}", "rec a@0");
}

static void a_broken_element_is_rejected_by_index_and_the_next_is_read(void **state)
{
    GUESS("{\"Records\":[{\"id\":\"a\"},{\"id\":},{\"id\":\"c\"}]}", "rec a@1",
          "rej@1 Records[1]: not JSON", "rec c@1");
    GUESS("{\"Records\":[{\"id\":\"a\"},7,\"x,]\",[1,{}],null,{\"id\":\"c\"}]}", "rec a@1",
          "rej@1 Records[1]: a number", "rej@1 Records[2]: a string", "rej@1 Records[3]: an array",
          "rej@1 Records[4]: null", "rec c@1");
    GUESS("{\"Records\":[{\"a\":{\"x\":1},{\"id\":\"b\"},{\"id\":\"c\"}]}",
          "rej@1 Records[0]: not JSON", "rec b@1", "rec c@1");
    GUESS("{\"Records\":[{\"a\":[1},{\"id\":\"b\"}]}", "rej@1 Records[0]: not JSON", "rec b@1");
    GUESS("{\"Records\":[\n{\"id\":\"a},\n{\"id\":\"b\"}\n]}", "rej@2 Records[0]: not JSON",
          "rec b@3");
    GUESS("{\"Records\":[{\"id\":\"\xff\"},{\"id\":\"b\"}]}", "rej@1 Records[0]: not JSON",
          "rec b@1");
}

static void slips_between_elements_are_told_once_and_cost_no_element(void **state)
{
    GUESS("{\"Records\":[{\"id\":\"a\"} {\"id\":\"b\"} {\"id\":\"c\"}]}", "rec a@1",
          "rej@1 Records[1]: not JSON: comma", "rec b@1", "rec c@1");
    GUESS("{\"Records\":[{\"id\":\"a\"},,{\"id\":\"b\"},]}", "rec a@1",
          "rej@1 Records[1]: not JSON: comma", "rec b@1");
    GUESS("{\"Records\":[{\"id\":\"a\"},]}", "rec a@1", "rej@1 Records[1]: not JSON: comma");
    GUESS("{\"Records\":[{\"id\":\"a\"}},{\"id\":\"b\"}]}", "rec a@1",
          "rej@1 Records[1]: not JSON: comma", "rec b@1");
    GUESS("{\"Records\":[{\"id\":\"a\"}}\n", "rec a@1", "rej@1 Records[1]: not JSON: comma");
}

static void what_stands_around_records_must_be_json(void **state)
{
    GUESS("{\"Records\":[{\"id\":\"a\"}],oops}", "rec a@1", "rej@1 around Records");
    GUESS("{,\"Records\":[{\"id\":\"a\"}]}", "rec a@1", "rej@1 around Records");
    GUESS("{\"Records\":[{\"id\":\"a\"}]", "rec a@1", "rej@1 cut off");
    GUESS("{\"Records\":[{\"id\":\"a\"}]]\n{\"id\":\"b\"}", "rec a@1", "rej@1 not JSON: ']'",
          "rej@1 not JSON", "rec b@2");
}

static void a_cut_records_file_gives_what_is_whole_and_one_reject(void **state)
{
    GUESS("{\"Records\":[{\"id\":\"a\"},{\"id\":\"b\"},{\"id\":\"c", "rec a@1", "rec b@1",
          "rej@1 Records[2]: cut off: ends at byte 8");
    GUESS("{\"Records\":[{\"id\":\"a\"},{\"id\":\"b\"},", "rec a@1", "rec b@1",
          "rej@1 Records[2]: cut off");
    GUESS("{\"Records\":[{\"id\":\"a\"},{\"id\":\"b\"}", "rec a@1", "rec b@1",
          "rej@1 Records[2]: cut off");
    GUESS("{\"Records\":[", "rej@1 Records[0]: cut off");
    GUESS("{\"Records\":", "rej@0 cut off");
    GUESS("{\"Rec", "rej@0 cut off");
}

static void each_element_of_a_lambda_batch_is_read_on_its_own(void **state)
{
    GUESS("{\"Records\":[{\"messageId\":\"m\",\"body\":\"{\\\"id\\\":\\\"a\\\"}\",\"eventSource\":"
          "\"aws:sqs\"},{\"id\":\"b\",\"eventSource\":\"aws:sqs\"}]}",
          "rec a@1", "rec b@1");
    GUESS("{\"Records\":[{\"EventSource\":\"aws:sns\",\"id\":\"whole\"}]}\n", "rec whole@1");
    GUESS("{\n\"Records\":[\n{\"id\":\"s\",\"eventSource\":\"aws:s3\"}]}", "rec s@3");
    GUESS("{\"Records\":[{\"eventSource\":\"aws:sqs\",\"id\":\"a\"},{\"eventSource\":},{\"id\":"
          "\"c\",\"eventSource\":\"aws:sqs\"}]}",
          "rec a@1", "rej@1 Records[1]: not JSON", "rec c@1");
    GUESS("{\"Records\":[{\"id\":\"c\",\"eventSource\":\"ec2.amazonaws.com\"}]}", "rec c@1");
    GUESS("{\"Records\":[{\"id\":\"c\",\"eventSource\":{\"aws:\":1}}]}", "rec c@1");
}

static void an_array_of_objects_at_the_top_is_a_list_of_records(void **state)
{
    GUESS("[{\"id\":\"a\"},{\"id\":\"b\"}]", "rec a@1", "rec b@1");
    GUESS("[\n  {\n\"id\":\"a\"},\n  5,\n {\"id\":\"b\"}\n]\n{\"id\":\"c\"}", "rec a@2",
          "rej@4 [1]: a number", "rec b@5", "rec c@7");
    GUESS("[{\"id\":\"a\"},{\"id\"", "rec a@1", "rej@1 [1]: cut off");
    GUESS("[{\"id\":\"a\"}", "rec a@1", "rej@1 [1]: cut off");
    LINES("[{\"id\":\"a\"},{\"id\":\"b\"}]\n{\"id\":\"c\"}", "rec a@1", "rec b@1", "rec c@2");
}

static void text_that_is_cut_or_malformed_is_rejected(void **state)
{
    GUESS("{", "rej@0 cut off: ends at byte 1, inside 1 open bracket");
    GUESS("{\"a\":\"", "rej@0 cut off");
    GUESS("{\"a\":[{\"b\":tru", "rej@0 cut off: ends at byte 14, inside 3 open brackets");
    GUESS("{\"a\":1,}", "rej@0 not JSON");
    GUESS("{a:1}", "rej@0 not JSON");
    GUESS("{'a':1}", "rej@0 not JSON");
    GUESS("{\"a\":01}", "rej@0 not JSON");
    GUESS("{\"a\":NaN}", "rej@0 not JSON");
    GUESS("{\"a\":\"\\x\"}", "rej@0 not JSON");
    GUESS("{\"a\":\"tab\there\"}", "rej@0 not JSON");
    GUESS("{\"a\":1}}", "rec @1", "rej@1 not JSON");
    GUESS("{\"a\":\0}", "rej@0 not JSON");
}

static void invalid_utf8_is_rejected_with_its_piece_only(void **state)
{
    LINES("{\"a\":\"\xff\"}\n{\"a\":\"\xc0\xaf\"}\n{\"a\":\"\xed\xa0\x80\"}\n{\"a\":"
          "\"\xf4\x90\x80\x80\"}\n"
          "{\"a\":\"\xe2\x82\"}\n{\"\x80\":1}\n{\"id\":\"\xe2\x82\xac\"}",
          "rej@1 not JSON", "rej@2 not JSON", "rej@3 not JSON", "rej@4 not JSON", "rej@5 not JSON",
          "rej@6 not JSON", "rec \xe2\x82\xac@7");
    GUESS("\xff\xfe{\0\"\0a\0", "rej@0 not JSON");
    GUESS("\x80\x81\n\x82\n{\"id\":\"a\"}", "rej@1 not JSON", "rec a@3");
}

/* Valid JSON that parsers refuse must not hide an event. */
static void odd_but_valid_json_is_a_record_that_says_so(void **state)
{
    static const struct {
        const char *text;
        unsigned odd;
    } cases[] = {
        {"{\"id\":\"a\",\"x\":1,\"x\":2}", FB_ODD_DUPLICATE_KEY},
        {"{\"id\":\"z\",\"id\":\"a\"}", FB_ODD_DUPLICATE_KEY},
        {"{\"id\":\"a\",\"in\":{\"k\":{},\"k\":[]}}", FB_ODD_DUPLICATE_KEY},
        {"{\"id\":\"a\",\"n\":9223372036854775808}", FB_ODD_BIG_NUMBER},
        {"{\"id\":\"a\",\"n\":-9223372036854775809}", FB_ODD_BIG_NUMBER},
        {"{\"id\":\"a\",\"n\":[1e999,-1E+999]}", FB_ODD_BIG_NUMBER},
        {"{\"id\":\"a\",\"n\":123456789012345678901234567890}", FB_ODD_BIG_NUMBER},
        {"{\"id\":\"a\",\"n\":9223372036854775807}", 0},
        {"{\"id\":\"a\",\"s\":\"x\\u0000y\"}", FB_ODD_NUL},
        {"{\"id\":\"a\",\"\\u0000\":1}", FB_ODD_NUL},
        {"{\"id\":\"a\",\"s\":[\"\\u0000\\u0000\"]}", FB_ODD_NUL},
        {"{\"id\":\"a\",\"s\":\"\\ud800\"}", FB_ODD_SURROGATE},
        {"{\"id\":\"a\",\"s\":\"\\uDC00x\"}", FB_ODD_SURROGATE},
        {"{\"id\":\"a\",\"s\":\"\\ud800\\ud800\"}", FB_ODD_SURROGATE},
        {"{\"id\":\"a\",\"s\":\"\\ud83d\\ude00\"}", 0},
        {"{\"id\":\"a\",\"s\":\"\\u0000\\ud800\",\"n\":1e999}",
         FB_ODD_NUL | FB_ODD_SURROGATE | FB_ODD_BIG_NUMBER},
    };
    struct seen_all all = {0};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[300];

        seen_text(&all, *state, cases[i].text);
        assert_int_equal(all.records, 1);
        assert_string_equal(all.at[0].id, "a");
        assert_int_equal(all.at[0].odd, cases[i].odd);
        snprintf(text, sizeof text, "{\"Records\":[%s,%s]}", cases[i].text, cases[i].text);
        seen_text(&all, *state, text);
        assert_int_equal(all.records, 2);
        assert_int_equal(all.rejects, 0);
        assert_int_equal(all.at[1].odd, cases[i].odd);
    }
    seen_free(&all);
}

static void deep_nesting_is_a_record_and_costs_no_stack(void **state)
{
    static const size_t depths[] = {60, 100, 1500, 100000};
    struct seen_all all = {0};

    for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
        struct fb_buf b;

        fb_buf_init(&b, 8u << 20);
        fb_buf_add(&b, "{\"id\":\"a\",\"deep\":");
        for (size_t n = 0; n < depths[i]; n++)
            fb_buf_add(&b, n % 2 ? "{\"k\":" : "[");
        fb_buf_add(&b, "1");
        for (size_t n = depths[i]; n-- > 0;)
            fb_buf_add(&b, n % 2 ? "}" : "]");
        fb_buf_add(&b, "}");
        assert_true(fb_buf_ok(&b));
        seen_text(&all, *state, b.at);
        assert_int_equal(all.records, 1);
        assert_int_equal(all.rejects, 0);
        assert_string_equal(all.at[0].id, "a");
        assert_int_equal(all.at[0].odd, depths[i] < FB_JSON_DEPTH_MAX ? 0 : FB_ODD_DEEP);
        b.at[b.len - 1] = ' '; /* never closed */
        seen_text(&all, *state, b.at);
        assert_int_equal(all.records, 0);
        assert_int_equal(all.rejects, 1);
        fb_buf_release(&b);
    }
    seen_free(&all);
}

static void envelopes_are_opened_in_every_layout(void **state)
{
    static const char one[] =
        "{\"detail-type\":\"t\",\"source\":\"s\",\"detail\":{\"id\":\"in\"},\"id\":"
        "\"out\"}";
    static const char *const layouts[] = {"%s", "{\"Records\":[%s]}", "[%s]", " %s \n\n"};
    struct seen_all all = {0};

    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
        const char *hole = strstr(layouts[i], "%s");
        char text[300];

        snprintf(text, sizeof text, "%.*s%s%s", (int)(hole - layouts[i]), layouts[i], one,
                 hole + 2);
        seen_text(&all, *state, text);
        assert_int_equal(all.count, 1);
        assert_true(all.at[0].record && all.at[0].enveloped);
        assert_string_equal(all.at[0].id, "in");
        assert_string_equal(all.at[0].text, one); /* with its envelope */
    }
    seen_text(&all, *state,
              "{\"detail-type\":7,\"source\":\"s\",\"detail\":{\"id\":\"in\"},\"id\":\"out\"}");
    assert_int_equal(all.records, 1);
    assert_false(all.at[0].enveloped);
    assert_string_equal(all.at[0].id, "out");
    seen_free(&all);
}

/* A record of `pad` bytes of padding. */
static void add_padded(struct fb_buf *b, const char *id, size_t bytes)
{
    size_t start = b->len;

    fb_buf_fmt(b, "{\"id\":\"%s\",\"pad\":\"", id);
    while (b->len - start < bytes - 2)
        fb_buf_addc(b, 'x');
    fb_buf_add(b, "\"}");
}

static void a_record_over_the_ceiling_is_rejected_and_the_next_is_read(void **state)
{
    struct seen_all all = {0};
    struct fb_buf b;

    fb_buf_init(&b, 64u << 20);
    add_padded(&b, "fits", FB_RECORD_BYTES_MAX); /* by lines: the largest that fits, and one more */
    fb_buf_add(&b, "\n");
    add_padded(&b, "over", FB_RECORD_BYTES_MAX + 1);
    fb_buf_add(&b, "\n{\"id\":\"next\"}\n");
    seen_text(&all, *state, b.at);
    assert_int_equal(all.count, 3);
    assert_string_equal(all.at[0].id, "fits");
    assert_non_null(strstr(all.at[1].reason, "6291457 bytes, over the ceiling of 6291456"));
    assert_int_equal(all.at[1].len, FB_RECORD_BYTES_MAX + 1);
    assert_int_equal(all.at[1].line, 2);
    assert_string_equal(all.at[2].id, "next");

    fb_buf_reset(&b); /* a Records file may be longer than any record */
    fb_buf_add(&b, "{\"Records\":[");
    add_padded(&b, "a", FB_RECORD_BYTES_MAX);
    fb_buf_add(&b, ",");
    add_padded(&b, "over", FB_RECORD_BYTES_MAX + 9);
    fb_buf_add(&b, ",{\"id\":\"c\"}]}");
    seen_text(&all, *state, b.at);
    assert_int_equal(all.count, 3);
    assert_string_equal(all.at[0].id, "a");
    assert_non_null(strstr(all.at[1].reason, "Records[1]: 6291465 bytes"));
    assert_string_equal(all.at[2].id, "c");

    fb_buf_reset(&b); /* as documents */
    fb_buf_add(&b, "{\n\"id\":\"a\"}\n");
    add_padded(&b, "over", FB_RECORD_BYTES_MAX + 1);
    fb_buf_add(&b, "{\"id\":\"c\"}");
    seen_text(&all, *state, b.at);
    assert_int_equal(all.records, 2);
    assert_int_equal(all.rejects, 1);
    assert_int_equal(all.at[1].line, 3);
    fb_buf_release(&b);
    seen_free(&all);
}

static void each_of_several_findings_is_a_record_of_its_own(void **state)
{
    GUESS("{\"Findings\":[{\"id\":\"a\"},{\"id\":\"b\"},7,{\"id\":\"c\"}]}", "rec a@0", "rec b@0",
          "rej@0 Findings[2]: a number, not an object", "rec c@0");
    GUESS("{\"detail-type\":\"x\",\"source\":\"aws.securityhub\",\"detail\":{\"findings\":[{\"id\":"
          "\"a\"},{\"id\":\"b\"}]}}",
          "rec a@0", "rec b@0");
    /* One finding, and words that only look like some, stay as they came. */
    GUESS("{\"id\":\"whole\",\"Findings\":[{\"id\":\"a\"}]}", "rec whole@0");
    GUESS("{\"id\":\"whole\",\"findings\":[1,2,3]}", "rec whole@0");
    GUESS("{\"id\":\"whole\",\"Findings\":{\"id\":\"a\"}}", "rec whole@0");
}

static void findings_over_the_ceiling_are_refused_aloud(void **state)
{
    struct seen_all all = {0};
    struct fb_buf b;

    fb_buf_init(&b, 1u << 20);
    fb_buf_add(&b, "{\"Findings\":[{}");
    for (int i = 1; i < 1001; i++)
        fb_buf_add(&b, ",{}");
    fb_buf_add(&b, "]}");
    seen_bytes(&all, *state, "test", FB_LAYOUT_GUESS, b.at, b.len);
    assert_int_equal(all.records, 1000);
    assert_int_equal(all.rejects, 1);
    seen_free(&all);
    fb_buf_release(&b);
}

static void the_sink_ends_the_walk_with_its_own_status(void **state)
{
    static const char *const texts[] = {
        "{\"id\":\"a\"}\n{\"id\":\"b\"}\n{\"id\":\"c\"}\n",
        "{\"Records\":[{\"id\":\"a\"},{\"id\":\"b\"},{\"id\":\"c\"}]}",
        "{\n\"id\":\"a\"}{\"id\":\"b\"}{\"id\":\"c\"}",
        "[{\"id\":\"a\"},{\"id\":\"b\"},{\"id\":\"c\"}]",
        "[{\"Records\":[{\"id\":\"a\"},{\"id\":\"b\"},{\"id\":\"c\"}]},{\"id\":\"d\"}]",
    };
    struct seen_all all = {0};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        for (size_t stop = 1; stop <= 3; stop++) {
            struct fb_err err = {0};
            struct fb_sink sink;

            seen_init(&all);
            all.stop_after = stop;
            sink = seen_sink(&all);
            assert_int_equal(fb_ingest_bytes(*state, "x", FB_LAYOUT_GUESS, texts[i],
                                             strlen(texts[i]), &sink, &err),
                             FB_ECONFLICT);
            assert_string_equal(err.text, "enough");
            assert_int_equal(all.count, stop);
        }
    }
    seen_free(&all);
}

static void progress_is_told_on_the_way_and_at_the_end(void **state)
{
    struct seen_all all = {0};
    struct fb_buf b;

    fb_buf_init(&b, 16u << 20);
    for (int i = 0; i < 40; i++) {
        add_padded(&b, "a", 100000);
        fb_buf_add(&b, "\n");
    }
    seen_text(&all, *state, b.at);
    assert_int_equal(all.records, 40);
    assert_in_range(all.progress_calls, 4, 6); /* 4 MB: about one a MiB, and the end */
    assert_true(all.progress_last == b.len);
    fb_buf_release(&b);
    seen_free(&all);
}

struct tally {
    size_t records, rejects, bytes;
};

static enum fb_status tally_record(void *self, const struct fb_record *r, struct fb_err *err)
{
    struct tally *t = self;

    (void)err;
    t->records++;
    t->bytes += r->len;
    return FB_OK;
}

static void tally_reject(void *self, const struct fb_reject *r)
{
    struct tally *t = self;

    t->rejects++;
    t->bytes += r->len;
}

/* Text whose every piece is broken anew must not be read once a piece: a quadratic reader would
 * need days for these megabytes. The test's time-out is the judge. */
static void hostile_text_is_read_in_linear_time(void **state)
{
    static const char *const units[] = {
        "{",    "[{",       "{\"a\":\n", "{\"Records\":[{",  "{\n",       "{\"a\":{1,",
        "\"",   "]",        "}",         "{\"Records\":[",   "[1,{\"\n",  "{\"Records\"\n",
        "[{}}", "{\"a\":[", "\n[{\"a\"", "[{\"Records\":[{", "{\"a\":1]", "[{\"Records\":[{}\n"};

    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        struct tally t = {0};
        const struct fb_sink sink = {&t, tally_record, tally_reject, NULL};
        struct fb_buf b;

        fb_buf_init(&b, 2u << 20);
        while (b.len < 1u << 20)
            fb_buf_add(&b, units[i]);
        assert_int_equal(
            fb_ingest_bytes(*state, "hostile", FB_LAYOUT_GUESS, b.at, b.len, &sink, NULL), FB_OK);
        assert_true(t.rejects > 0);
        assert_true(t.bytes <= b.len); /* no byte in two pieces */
        fb_buf_release(&b);
    }
}

/* One piece as the sink saw it: where it lay. */
struct span {
    size_t from, to;
    bool record;
};

struct spans {
    const char *base;
    size_t count, records, rejects;
    struct span at[64];
    bool skewed; /* an index was not the next one */
};

static void spans_add(struct spans *s, const char *bytes, size_t len, size_t index, bool record)
{
    assert_true(s->count < 64);
    s->skewed = s->skewed || index != s->count;
    s->at[s->count++] =
        (struct span){(size_t)(bytes - s->base), (size_t)(bytes - s->base) + len, record};
    s->records += record;
    s->rejects += !record;
}

static enum fb_status spans_record(void *self, const struct fb_record *r, struct fb_err *err)
{
    (void)err;
    spans_add(self, r->bytes, r->len, r->index, true);
    return FB_OK;
}

static void spans_reject(void *self, const struct fb_reject *r)
{
    assert_true(*r->reason != '\0');
    spans_add(self, r->bytes, r->len, r->index, false);
}

static void run_spans(struct fb_arena *a, struct spans *s, const char *bytes, size_t len,
                      const char *broken)
{
    const struct fb_split in = {.source = "x", .bytes = bytes, .len = len, .broken = broken};
    const struct fb_sink sink = {s, spans_record, spans_reject, NULL};

    *s = (struct spans){.base = bytes};
    assert_int_equal(fb_split_run(a, &in, &sink, NULL), FB_OK);
    assert_false(s->skewed);
}

static const char NDJSON[] =
    "{\"id\":\"a\",\"t\":\"\\\"}{\"}\n\n{\"id\":\"b\",\"n\":[1,{\"x\":null}]}\r\n"
    "{\"id\":\"c\",\"u\":\"\xe2\x82\xac\\u20ac\"}\n";
static const char RECORDS[] =
    "{\"v\":{\"w\":[0]},\n \"Records\": [\n  {\"id\":\"a\",\"t\":\"]}\"},{\"id\":\"b\",\n"
    "\"n\":[1,{\"x\":{}}]} ,\n{\"id\":\"c\"}\n],\"z\":\"}\"}\n";
static const char SEQUENCE[] = "{\n \"id\":\"a\",\"n\":[{},[]]\n}{\"id\":\"b\"}\n{\n\"id\":\"c\"}";

/* Whole records that end at or before the cut are all there, nothing else is a record, and what is
 * left over is exactly one reject that reaches to the cut. */
static void check_cut(struct fb_arena *a, const struct spans *whole, const char *text,
                      size_t whole_len, size_t cut, const char *broken, bool framed)
{
    struct spans got;
    char *exact = malloc(cut ? cut : 1);
    size_t expected = 0, end = cut, rest;

    assert_non_null(exact);
    memcpy(exact, text, cut);
    run_spans(a, &got, exact, cut, broken);
    while (expected < whole->count && whole->at[expected].to <= cut)
        expected++;
    assert_int_equal(got.records, expected);
    for (size_t i = 0; i < expected; i++) {
        assert_true(got.at[i].record);
        assert_int_equal(got.at[i].from, whole->at[i].from);
        assert_int_equal(got.at[i].to, whole->at[i].to);
    }
    while (end > 0 && strchr(" \r\n", exact[end - 1]))
        end--;
    rest = expected ? whole->at[expected - 1].to : 0;
    if (*broken || (framed ? cut < whole_len : rest < end || end == 0)) {
        if (got.rejects != 1)
            fail_msg("%zu rejects of \"%.*s\"", got.rejects, (int)cut, text);
        if (got.at[expected].from != got.at[expected].to)
            assert_int_equal(got.at[expected].to, end);
    } else {
        assert_int_equal(got.rejects, 0);
    }
    free(exact);
}

static void a_cut_at_every_byte_loses_only_the_piece_it_is_in(void **state)
{
    static const struct {
        const char *text;
        size_t len;
        bool framed; /* cut anywhere, the frame is open */
    } texts[] = {{NDJSON, sizeof NDJSON - 1, false},
                 {RECORDS, sizeof RECORDS - 2, true}, /* without its last line break */
                 {SEQUENCE, sizeof SEQUENCE - 1, false}};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct spans whole;

        run_spans(*state, &whole, texts[i].text, texts[i].len, "");
        assert_int_equal(whole.records, 3);
        assert_int_equal(whole.rejects, 0);
        for (size_t cut = 0; cut <= texts[i].len; cut++) {
            check_cut(*state, &whole, texts[i].text, texts[i].len, cut, "", texts[i].framed);
            check_cut(*state, &whole, texts[i].text, texts[i].len, cut, "gzip: broken",
                      texts[i].framed);
        }
    }
}

/* Every byte of every text is replaced by each of these in turn; whatever comes of it, pieces do
 * not overlap, stay in order, and between lines nothing but white space is left out. */
static void a_changed_byte_anywhere_loses_nothing(void **state)
{
    static const char bytes[] = "{}[],:\"\\\n x0\xff";
    static const char *const texts[] = {NDJSON, RECORDS, SEQUENCE};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        size_t len = strlen(texts[i]);
        char *copy = strdup(texts[i]);

        assert_non_null(copy);
        for (size_t at = 0; at < len; at++) {
            for (size_t k = 0; k < sizeof bytes; k++) { /* the NUL too */
                struct spans s;
                size_t end = 0;

                copy[at] = bytes[k];
                run_spans(*state, &s, copy, len, "");
                assert_true(s.count > 0);
                for (size_t n = 0; n < s.count; n++) {
                    assert_true(s.at[n].from >= end);
                    for (size_t gap = end; i == 0 && gap < s.at[n].from; gap++)
                        assert_true(copy[gap] && strchr(" \t\r\n,[]", copy[gap]));
                    end = s.at[n].to;
                }
                if (i == 0 && s.count < 2) /* one change joins two lines of three at most */
                    fail_msg("%zu pieces of \"%s\"", s.count, copy);
            }
            copy[at] = texts[i][at];
        }
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(a_broken_line_is_rejected_alone_with_its_number),
        FB_TEST(blank_lines_crlf_and_a_byte_order_mark_are_nothing),
        FB_TEST(an_object_alone_is_one_record_without_a_line),
        FB_TEST(documents_follow_each_other),
        FB_TEST(a_broken_document_does_not_swallow_the_next),
        FB_TEST(what_is_json_but_no_object_is_rejected),
        FB_TEST(nothing_at_all_is_one_reject),
        FB_TEST(elements_of_records_are_records),
        FB_TEST(an_empty_records_file_holds_nothing_and_is_no_error),
        FB_TEST(an_object_whose_records_are_elsewhere_is_one_record),
        FB_TEST(a_broken_element_is_rejected_by_index_and_the_next_is_read),
        FB_TEST(slips_between_elements_are_told_once_and_cost_no_element),
        FB_TEST(what_stands_around_records_must_be_json),
        FB_TEST(a_cut_records_file_gives_what_is_whole_and_one_reject),
        FB_TEST(each_element_of_a_lambda_batch_is_read_on_its_own),
        FB_TEST(an_array_of_objects_at_the_top_is_a_list_of_records),
        FB_TEST(text_that_is_cut_or_malformed_is_rejected),
        FB_TEST(invalid_utf8_is_rejected_with_its_piece_only),
        FB_TEST(odd_but_valid_json_is_a_record_that_says_so),
        FB_TEST(deep_nesting_is_a_record_and_costs_no_stack),
        FB_TEST(envelopes_are_opened_in_every_layout),
        FB_TEST(a_record_over_the_ceiling_is_rejected_and_the_next_is_read),
        FB_TEST(the_sink_ends_the_walk_with_its_own_status),
        FB_TEST(each_of_several_findings_is_a_record_of_its_own),
        FB_TEST(findings_over_the_ceiling_are_refused_aloud),
        FB_TEST(progress_is_told_on_the_way_and_at_the_end),
        FB_TEST(hostile_text_is_read_in_linear_time),
        FB_TEST(a_cut_at_every_byte_loses_only_the_piece_it_is_in),
        FB_TEST(a_changed_byte_anywhere_loses_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* ingest_test.c - one source through the front door: packed, broken, misnamed. */
#define ZLIB_CONST
#include <zlib.h>

#include "base/buf.h"
#include "ingest/collect.h"
#include "ingest/source.h"

static const char NDJSON[] =
    "{\"id\":\"a\",\"t\":\"alpha beta gamma\"}\n{\"id\":\"b\",\"t\":[1,2,3]}\n"
    "{\"id\":\"c\",\"t\":{\"k\":\"delta epsilon\"}}\n";
static const char RECORDS[] =
    "{\"Records\":[{\"id\":\"a\",\"t\":\"alpha beta\"},{\"id\":\"b\",\"t\":[1,2]},"
    "{\"id\":\"c\",\"t\":{\"k\":\"gamma delta\"}}]}";
/* What each text's records end with, in order; the ends follow from it. */
static const char *const TAILS[] = {" gamma\"}", "3]}", "epsilon\"}}"};
static const char *const RECORDS_TAILS[] = {" beta\"}", "2]}", "delta\"}}"};

static void ends_of(const char *text, const char *const tails[3], size_t ends[3])
{
    for (int i = 0; i < 3; i++) {
        const char *tail = strstr(text, tails[i]);

        assert_non_null(tail);
        ends[i] = (size_t)(tail - text) + strlen(tails[i]);
    }
}

static void gzip_of_every_layout_reads_like_the_plain_text(void **state)
{
    static const char *const texts[] = {NDJSON,
                                        RECORDS,
                                        "{\n\"id\":\"a\"\n}",
                                        "{\"id\":\"a\"}",
                                        "[{\"id\":\"a\"},{\"id\":\"b\"}]",
                                        "{\"id\":\"a\"}\noops\n{\"id\":\"b\"}"};
    struct seen_all plain = {0}, packed = {0};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        size_t len;
        char *gz = gzip_of(texts[i], strlen(texts[i]), &len);

        seen_text(&plain, *state, texts[i]);
        seen_bytes(&packed, *state, "test", FB_LAYOUT_GUESS, gz, len);
        assert_int_equal(packed.count, plain.count);
        assert_memory_equal(packed.at, plain.at, plain.count * sizeof *plain.at);
        free(gz);
    }
    seen_free(&plain);
    seen_free(&packed);
}

static void gzip_that_holds_nothing_is_empty(void **state)
{
    struct seen_all all = {0};
    size_t len;
    char *gz = gzip_of(" \n", 2, &len);

    seen_bytes(&all, *state, "x.json.gz", FB_LAYOUT_GUESS, gz, len);
    assert_int_equal(all.count, 1);
    assert_string_equal(all.at[0].reason, "empty");
    seen_bytes(&all, *state, "x.json.gz", FB_LAYOUT_GUESS, "", 0);
    assert_int_equal(all.count, 1);
    assert_string_equal(all.at[0].reason, "empty");
    free(gz);
    seen_free(&all);
}

/* What a cut leaves of the packed text is what fb_gunzip gives; how many records that holds whole
 * follows from where they end. */
static void check_cuts(struct fb_arena *a, const char *name, const char *text,
                       const char *const tails[3])
{
    const struct fb_gunzip_limits limits = fb_source_limits();
    struct seen_all all = {0};
    size_t len, ends[3];
    char *gz = gzip_of(text, strlen(text), &len);

    ends_of(text, tails, ends);
    for (size_t cut = 2; cut < len; cut++) {
        struct fb_load plain;
        size_t whole = 0;

        fb_gunzip(gz, cut, &limits, &plain);
        while (whole < 3 && ends[whole] <= plain.len)
            whole++;
        fb_load_release(&plain);
        seen_bytes(&all, a, name, FB_LAYOUT_GUESS, gz, cut);
        assert_int_equal(all.records, whole);
        for (size_t i = 0; i < whole; i++) {
            assert_true(all.at[i].record);
            assert_int_equal(all.at[i].id[0], 'a' + (int)i);
        }
        assert_int_equal(all.rejects, 1);
        assert_non_null(strstr(all.at[whole].reason, "gzip: ends too early"));
    }
    seen_bytes(&all, a, name, FB_LAYOUT_GUESS, gz, len);
    assert_int_equal(all.records, 3);
    assert_int_equal(all.rejects, 0);
    free(gz);
    seen_free(&all);
}

static void gzip_cut_at_every_byte_gives_what_came_before_and_one_reject(void **state)
{
    check_cuts(*state, "x.ndjson.gz", NDJSON, TAILS);
    check_cuts(*state, "x", NDJSON, TAILS);
    check_cuts(*state, "x.json.gz", RECORDS, RECORDS_TAILS);
}

static void gzip_broken_at_its_head_is_one_reject(void **state)
{
    struct seen_all all = {0};
    size_t len;
    char *gz = gzip_of(NDJSON, sizeof NDJSON - 1, &len);

    for (size_t at = 0; at < 4; at++) { /* magic, method, flags */
        char old = gz[at];

        gz[at] = (char)0xE5;
        seen_bytes(&all, *state, "x.ndjson.gz", FB_LAYOUT_GUESS, gz, len);
        assert_int_equal(all.records, 0);
        assert_int_equal(all.rejects, 1);
        assert_non_null(strstr(all.at[0].reason, "gzip"));
        gz[at] = old;
    }
    seen_bytes(&all, *state, "x.json.gz", FB_LAYOUT_GUESS, gz, 1);
    assert_int_equal(all.rejects, 1);
    assert_non_null(strstr(all.at[0].reason, "no header"));
    free(gz);
    seen_free(&all);
}

/* Members of their own, so that what lies before the break is certain. */
static void gzip_broken_in_its_middle_keeps_the_members_before(void **state)
{
    static const char *const lines[] = {
        "{\"id\":\"a\"}\n", "{\"id\":\"b\",\"t\":\"some words here\"}\n", "{\"id\":\"c\"}\n"};
    struct seen_all all = {0};
    char packed[512];
    size_t start[4] = {0};

    for (int i = 0; i < 3; i++) {
        size_t len;
        char *gz = gzip_of(lines[i], strlen(lines[i]), &len);

        memcpy(packed + start[i], gz, len);
        start[i + 1] = start[i] + len;
        free(gz);
    }
    for (size_t at = start[1]; at < start[2]; at++) {
        bool last;

        if (at >= start[1] + 4 && at < start[1] + 10)
            continue; /* time and system: nothing checks them */
        packed[at] = (char)(packed[at] ^ 0x41);
        seen_bytes(&all, *state, "x.ndjson.gz", FB_LAYOUT_GUESS, packed, start[3]);
        packed[at] = (char)(packed[at] ^ 0x41);
        last = all.count > 0 && !all.at[all.count - 1].record;
        assert_true(last);
        assert_non_null(strstr(all.at[all.count - 1].reason, "gzip: "));
        assert_true(all.records >= 1);
        assert_string_equal(all.at[0].id, "a");
        for (size_t i = 0; i < all.count; i++) /* what lies behind the break is not guessed at */
            assert_string_not_equal(all.at[i].id, "c");
    }
    seen_free(&all);
}

static void gzip_broken_at_its_tail_keeps_every_record(void **state)
{
    struct seen_all all = {0};
    size_t len;
    char *gz = gzip_of(NDJSON, sizeof NDJSON - 1, &len);

    for (size_t at = len - 8; at < len; at++) { /* check and length */
        gz[at] = (char)(gz[at] ^ 1);
        seen_bytes(&all, *state, "x.ndjson.gz", FB_LAYOUT_GUESS, gz, len);
        gz[at] = (char)(gz[at] ^ 1);
        assert_int_equal(all.records, 3);
        assert_int_equal(all.rejects, 1);
        assert_non_null(strstr(all.at[3].reason, "gzip: broken at byte"));
        assert_int_equal(all.at[3].len, 0);
    }
    free(gz);
    seen_free(&all);
}

static void a_bomb_gives_the_records_before_it_and_one_reject(void **state)
{
    static const char line[] = "{\"id\":\"a\"}\n";
    struct seen_all all = {0};
    struct fb_source s = {.name = "x.ndjson.gz", .broken = ""};
    char *text = calloc(1, 4u << 20);
    size_t len;
    char *gz;

    assert_non_null(text);
    memcpy(text, line, sizeof line - 1);
    gz = gzip_of(text, 4u << 20, &len);
    s.bytes = gz;
    s.len = len;
    for (int kind = 0; kind < 3; kind++) {
        struct fb_sink sink;

        s.limits = (struct fb_gunzip_limits){kind == 1 ? 1u << 20 : 1u << 30, 1u << 19,
                                             kind == 2 ? 500 : 5000};
        seen_init(&all);
        sink = seen_sink(&all);
        assert_int_equal(fb_source_run(*state, &s, &sink, NULL), FB_OK);
        assert_int_equal(all.records, 1);
        assert_string_equal(all.at[0].id, "a");
        assert_int_equal(all.rejects, 1);
        if (kind == 0) /* within the limits it is only a bad line */
            assert_null(strstr(all.at[1].reason, "gzip"));
        else
            assert_non_null(strstr(all.at[1].reason, kind == 1 ? "ceiling" : "bomb"));
    }
    free(gz);
    free(text);
    seen_free(&all);
}

static void a_gz_name_on_plain_text_is_no_reason_to_refuse_it(void **state)
{
    struct seen_all all = {0};

    seen_bytes(&all, *state, "x.json.gz", FB_LAYOUT_GUESS, "\n{\"id\":\"a\"}", 11);
    assert_int_equal(all.records, 1);
    seen_bytes(&all, *state, "x.json.gz", FB_LAYOUT_GUESS, RECORDS, sizeof RECORDS - 1);
    assert_int_equal(all.records, 3);
    seen_free(&all);
}

static void a_source_cut_by_its_reader_names_the_cut_also_when_packed(void **state)
{
    struct seen_all all = {0};
    struct fb_source s = {
        .name = "x", .broken = "longer than the ceiling of 9 bytes", .limits = fb_source_limits()};
    struct fb_sink sink;
    size_t len;
    char *gz = gzip_of(NDJSON, sizeof NDJSON - 1, &len);

    for (int packed = 0; packed < 2; packed++) {
        s.bytes = packed ? gz : NDJSON;
        s.len = packed ? len - 4 : 40;
        seen_init(&all);
        sink = seen_sink(&all);
        assert_int_equal(fb_source_run(*state, &s, &sink, NULL), FB_OK);
        assert_int_equal(all.records, packed ? 3 : 1);
        assert_int_equal(all.rejects, 1);
        assert_non_null(strstr(all.at[all.count - 1].reason, "ceiling of 9"));
    }
    free(gz);
    seen_free(&all);
}

/* A small arena: the record that does not fit is rejected, the walk goes on. */
static void a_full_arena_costs_records_not_the_walk(void **state)
{
    struct fb_arena *tiny = fb_arena_new(1);
    struct seen_all all = {0};

    (void)state;
    seen_text(&all, tiny, "{\"id\":\"a\"}\n{\"id\":\"b\"}\n");
    assert_int_equal(all.count, 2);
    assert_int_equal(all.rejects, 2);
    assert_non_null(strstr(all.at[0].reason, "memory"));
    fb_arena_free(tiny);
    seen_free(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(gzip_of_every_layout_reads_like_the_plain_text),
        FB_TEST(gzip_that_holds_nothing_is_empty),
        FB_TEST(gzip_cut_at_every_byte_gives_what_came_before_and_one_reject),
        FB_TEST(gzip_broken_at_its_head_is_one_reject),
        FB_TEST(gzip_broken_in_its_middle_keeps_the_members_before),
        FB_TEST(gzip_broken_at_its_tail_keeps_every_record),
        FB_TEST(a_bomb_gives_the_records_before_it_and_one_reject),
        FB_TEST(a_gz_name_on_plain_text_is_no_reason_to_refuse_it),
        FB_TEST(a_source_cut_by_its_reader_names_the_cut_also_when_packed),
        FB_TEST(a_full_arena_costs_records_not_the_walk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* envelopes_test.c - every carrier that the providers publish as an example, read through the front
 * door. */
#include "base/json.h"
#include "ingest/collect.h"

/* How many pieces an example holds: an element of Records or of another list of messages each. */
static size_t pieces_in(const struct fb_json *event)
{
    static const char *const lists[] = {"Records", "records", "Messages"};
    size_t n;

    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        n = fb_json_len(fb_json_get(event, lists[i]));
        if (n > 0)
            return n;
    }
    return 1;
}

static const struct seen *first_of(const struct seen_all *all) { return &all->at[0]; }

/* What the shape's own name promises. */
static void look(const struct fb_json *event, const struct seen_all *all, size_t *carried)
{
    const struct fb_json *element = fb_json_at(fb_json_get(event, "Records"), 0);
    const struct seen *s = first_of(all);

    if (all->rejects)
        fail_msg("rejected: %s", all->at[0].reason);
    assert_int_equal(all->records, pieces_in(event));
    *carried += s->carried[0] != '\0';
    if (strcmp(fb_json_get_str(element, "eventSource"), "aws:sqs") == 0)
        assert_string_equal(s->item, fb_json_get_str(element, "messageId"));
    if (fb_json_get(element, "kinesis"))
        assert_string_equal(s->item, fb_json_path_str(element, "kinesis.sequenceNumber"));
    if (fb_json_get(element, "Sns"))
        assert_string_equal(s->carried, fb_json_path_str(element, "Sns.MessageId"));
    if (fb_json_kind(fb_json_get(event, "detail-type")) == FB_JSON_STR &&
        fb_json_kind(fb_json_get(event, "detail")) == FB_JSON_OBJECT)
        assert_true(s->enveloped);
}

static void every_published_carrier_is_read_and_none_is_refused(void **state)
{
    const char *shared = fb_test_shared();
    char path[512], *line = NULL;
    size_t cap = 0, count = 0, carried = 0;
    struct seen_all all = {0};
    FILE *f;

    if (!shared)
        FB_SKIP("the shared datasets are not here");
    snprintf(path, sizeof path, "%s/datasets/envelopes.ndjson", shared);
    f = fopen(path, "re");
    if (!f)
        FB_SKIP("datasets/envelopes.ndjson is not here");
    while (getline(&line, &cap, f) > 0) {
        struct fb_arena *own = fb_arena_new(16u << 20);
        const struct fb_json *whole = NULL, *event;

        assert_int_equal(fb_json_parse(own, line, strlen(line), NULL, &whole, NULL), FB_OK);
        event = fb_json_get(whole, "event");
        seen_text(&all, *state, fb_json_dump(own, event, 4u << 20));
        look(event, &all, &carried);
        count++;
        fb_arena_free(own);
    }
    assert_int_equal(count, 67);
    assert_in_range(carried, 15, 67); /* SNS, SQS, Kinesis, Firehose, CloudEvents with a record */
    seen_free(&all);
    free(line);
    fclose(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(every_published_carrier_is_read_and_none_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

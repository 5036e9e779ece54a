/* batch_test.c - which messages of a batch go back, and how that is said. */
#include "batch.h"

#include "support/fb_test.h"

static struct fb_carrier message(const char *batch, const char *item, int64_t receives)
{
    return (struct fb_carrier){.batch = batch, .item = item, .receives = receives, .layers = 1};
}

static void a_message_goes_back_once_however_many_pieces_ask(void **state)
{
    const struct fb_carrier one = message("aws:sqs", "m1", 1), two = message("aws:sqs", "m2", 1);
    struct fb_batch b;

    (void)state;
    fb_batch_init(&b);
    fb_batch_reset(&b);
    assert_true(fb_batch_see(&b, &one));
    fb_batch_give_back(&b, &one);
    fb_batch_unreadable(&b, &one);
    fb_batch_give_back(&b, &two);
    assert_true(fb_batch_close(&b));
    assert_string_equal(b.answer.at, "{\"batchItemFailures\":[{\"itemIdentifier\":\"m1\"},"
                                     "{\"itemIdentifier\":\"m2\"}]}");
    fb_batch_reset(&b); /* the next event: the same message may go back again */
    assert_false(b.is);
    fb_batch_give_back(&b, &two);
    assert_true(fb_batch_close(&b));
    assert_string_equal(b.answer.at, "{\"batchItemFailures\":[{\"itemIdentifier\":\"m2\"}]}");
    fb_batch_release(&b);
}

static void what_nobody_can_read_goes_back_to_a_queue_only_and_not_for_ever(void **state)
{
    static const struct {
        const char *batch;
        int64_t receives;
        bool back;
    } cases[] = {{"aws:sqs", 0, true},
                 {"aws:sqs", FB_BATCH_RECEIVES - 1, true},
                 {"aws:sqs", FB_BATCH_RECEIVES, false},
                 {"aws:sqs", INT64_MAX, false},
                 {"aws:kinesis", 0, false},
                 {"aws:dynamodb", 0, false}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct fb_carrier c = message(cases[i].batch, "x", cases[i].receives);
        struct fb_batch b;

        fb_batch_init(&b);
        fb_batch_reset(&b);
        fb_batch_unreadable(&b, &c);
        assert_true(b.is);
        assert_int_equal(b.failed, cases[i].back ? 1 : 0);
        fb_batch_give_back(&b, &c); /* undecided for now: always */
        assert_int_equal(b.failed, 1);
        fb_batch_release(&b);
    }
}

static void what_nobody_takes_back_is_no_batch(void **state)
{
    const struct fb_carrier bare = {0}, sns = message("aws:sns", NULL, 0);
    struct fb_batch b;

    (void)state;
    fb_batch_init(&b);
    fb_batch_reset(&b);
    fb_batch_give_back(&b, &bare);
    fb_batch_unreadable(&b, &sns);
    assert_false(fb_batch_see(&b, &sns));
    assert_false(b.is);
    assert_int_equal(b.failed, 0);
    fb_batch_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_goes_back_once_however_many_pieces_ask),
        cmocka_unit_test(what_nobody_can_read_goes_back_to_a_queue_only_and_not_for_ever),
        cmocka_unit_test(what_nobody_takes_back_is_no_batch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

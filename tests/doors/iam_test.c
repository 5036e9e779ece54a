/* iam_test.c - policies of any size: what is not judged is unknown, never less than it may be. */
#include "support/fb_test.h"

#include "base/buf.h"
#include "base/json.h"
#include "iam_policy.h"

static const char *const ACCOUNT = "111122223333";

static const struct fb_json *doc_of(struct fb_arena *a, const char *text)
{
    const struct fb_json *doc = NULL;

    assert_int_equal(fb_json_parse(a, text, strlen(text), NULL, &doc, NULL), FB_OK);
    return doc;
}

/* {"Statement": [{"Effect": "Allow", "KEY": [n times "ec2:DescribeX", last], ...}]} */
static const struct fb_json *long_list(struct fb_arena *a, const char *key, size_t n,
                                       const char *last)
{
    struct fb_buf b;

    fb_buf_init_in(&b, a, 1 << 20);
    fb_buf_fmt(&b, "{\"Statement\":[{\"Effect\":\"Allow\",\"Resource\":\"*\",\"%s\":[", key);
    for (size_t i = 0; i < n; i++)
        fb_buf_add(&b, "\"ec2:DescribeX\",");
    fb_buf_fmt(&b, "\"%s\"]}]}", last);
    return doc_of(a, b.at);
}

static void assert_unknown(const struct fb_rights *r)
{
    assert_int_equal(r->pw, FB_PW_UNKNOWN);
    assert_int_equal(r->cp, FB_CP_UNKNOWN);
    assert_int_equal(r->dt, FB_DT_UNKNOWN);
    assert_int_equal(r->rc, FB_RC_UNKNOWN);
}

static void a_right_behind_the_end_of_a_long_list_is_not_overlooked(void **state)
{
    struct fb_statements s = {0}, whole = {0};
    struct fb_rights r;

    fb_statements_add(*state, &whole,
                      long_list(*state, "Action", FB_IAM_LIST_MAX - 1, "iam:PutUserPolicy"));
    assert_false(whole.missing);
    r = fb_rights_of(&whole, NULL, ACCOUNT);
    assert_int_equal(r.pw, FB_PW_ADMIN);
    fb_statements_add(*state, &s,
                      long_list(*state, "Action", FB_IAM_LIST_MAX, "iam:PutUserPolicy"));
    assert_true(s.missing);
    r = fb_rights_of(&s, NULL, ACCOUNT);
    assert_unknown(&r);
}

static void statements_beyond_the_ceiling_leave_the_metrics_unknown(void **state)
{
    struct fb_statements s = {0};
    struct fb_rights r;
    struct fb_buf b;

    fb_buf_init_in(&b, *state, 1 << 20);
    fb_buf_add(&b, "{\"Statement\":[");
    for (size_t i = 0; i < FB_STATEMENTS_MAX; i++)
        fb_buf_add(&b, "{\"Effect\":\"Allow\",\"Action\":\"ec2:DescribeX\",\"Resource\":\"*\"},");
    fb_buf_add(&b, "{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}]}");
    fb_statements_add(*state, &s, doc_of(*state, b.at));
    assert_true(s.missing);
    assert_int_equal(s.count, FB_STATEMENTS_MAX);
    r = fb_rights_of(&s, NULL, ACCOUNT);
    assert_unknown(&r);
}

static void work_is_counted_and_when_it_is_spent_everything_is_unknown(void **state)
{
    uint64_t work = 0;
    struct fb_statements s = {.work = &work};
    struct fb_rights r;

    fb_statements_add(*state, &s, long_list(*state, "Action", 3, "s3:GetObject"));
    r = fb_rights_of(&s, NULL, ACCOUNT);
    assert_int_equal(r.pw, FB_PW_READ);
    assert_int_equal(r.dt, FB_DT_HIGH);
    assert_true(work >= 4 && work < 10000);
    work = FB_IAM_WORK_MAX; /* whoever came before used it up */
    r = fb_rights_of(&s, NULL, ACCOUNT);
    assert_unknown(&r);
    assert_int_equal(work, FB_IAM_WORK_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(a_right_behind_the_end_of_a_long_list_is_not_overlooked),
        FB_TEST(statements_beyond_the_ceiling_leave_the_metrics_unknown),
        FB_TEST(work_is_counted_and_when_it_is_spent_everything_is_unknown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

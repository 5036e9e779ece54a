/* policy_test.c - our two policies are recognised by what they mean, and nothing weaker is. */
#include "support/fb_test.h"

#include "base/text.h"
#include "contain/policy.h"

static void our_own_documents_are_recognised(void **state)
{
    int64_t before = 0;
    const char *doc = fb_policy_revoke_document(*state, INT64_C(1767323045678));

    assert_true(fb_policy_denies_all(*state, FB_POLICY_DENY_DOCUMENT));
    assert_non_null(strstr(doc, "\"aws:TokenIssueTime\":\"2026-01-02T03:04:05Z\""));
    assert_true(fb_policy_revoked_before(*state, doc, &before));
    assert_int_equal(before, INT64_C(1767323045000));
    assert_false(fb_policy_denies_all(*state, doc)); /* it spares sessions that begin later */
}

static void the_same_meaning_in_other_words_counts(void **state)
{
    static const char *const SAME[] = {
        "{\"Statement\":{\"Effect\":\"Deny\",\"Action\":[\"*\"],\"Resource\":[\"*\"]}}",
        (" { \"Statement\" : [ {\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":\"*\"},"
         "{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\"} ] } "),
    };

    for (size_t i = 0; i < sizeof SAME / sizeof *SAME; i++)
        assert_true(fb_policy_denies_all(*state, SAME[i]));
}

/* A thief who can write policies may leave one of our name that says less. */
static void a_policy_of_our_name_that_says_less_does_not_count(void **state)
{
    static const char *const WEAKER[] = {
        "",
        "{}",
        "[]",
        "not json",
        "{\"Statement\":[]}",
        "{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}]}",
        "{\"Statement\":[{\"Effect\":\"Deny\",\"Action\":\"ec2:*\",\"Resource\":\"*\"}]}",
        "{\"Statement\":[{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"arn:aws:s3:::x\"}]}",
        "{\"Statement\":[{\"Effect\":\"Deny\",\"NotAction\":\"*\",\"Resource\":\"*\"}]}",
        ("{\"Statement\":[{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\","
         "\"condition\":{\"Bool\":{\"aws:MultiFactorAuthPresent\":\"false\"}}}]}"),
        ("{\"Statement\":[{\"Effect\":\"Allow\",\"Effect\":\"Deny\",\"Action\":\"*\","
         "\"Resource\":\"*\"}]}"),
        ("{\"Statement\":[{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":"
         "{\"Bool\":{\"aws:MultiFactorAuthPresent\":\"false\"}}}]}"),
    };
    int64_t before;

    for (size_t i = 0; i < sizeof WEAKER / sizeof *WEAKER; i++) {
        if (fb_policy_denies_all(*state, WEAKER[i]))
            fail_msg("taken for a deny of everything: %s", WEAKER[i]);
        assert_false(fb_policy_revoked_before(*state, WEAKER[i], &before));
    }
    assert_false(fb_policy_revoked_before(
        *state,
        "{\"Statement\":[{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":"
        "{\"DateLessThan\":{\"aws:TokenIssueTime\":\"soon\"}}}]}",
        &before));
    assert_false(fb_policy_revoked_before(
        *state,
        "{\"Statement\":[{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":"
        "{\"DateLessThan\":{\"aws:TokenIssueTime\":\"2026-01-02T03:04:05Z\"},"
        "\"IpAddress\":{\"aws:SourceIp\":\"192.0.2.1\"}}}]}",
        &before));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(our_own_documents_are_recognised),
        FB_TEST(the_same_meaning_in_other_words_counts),
        FB_TEST(a_policy_of_our_name_that_says_less_does_not_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* guard_test.c - one identity under its many names: what is on the protected list is recognised,
 * and nothing else is taken for it. */
#include "support/fb_test.h"

#include "contain/contain.h"

#define ARN  "arn:aws:iam::111122223333:user/people/break-glass"
#define ROLE "arn:aws:iam::111122223333:role/ops/admin"

struct pair {
    const char *entry, *name;
};

static void every_name_that_tells_the_identity_is_recognised(void **state)
{
    static const struct pair SAME[] = {
        {ARN, ARN},
        {ARN, "break-glass"},
        {ARN, "user/break-glass"},
        {ARN, "user/people/break-glass"},
        {ARN, "arn:aws:iam::111122223333:user/break-glass"}, /* a path is no part of the identity */
        {ARN, "arn%3Aaws%3Aiam%3A%3A111122223333%3Auser%2Fpeople%2Fbreak-glass"},
        {ARN, "user%2Fbreak-glass"},
        {ARN, "user%252Fbreak-glass"},
        {ARN, " break-glass\n"},
        {"break-glass", ARN},
        {"user/break-glass", ARN},
        {ROLE, "arn:aws:sts::111122223333:assumed-role/admin/somebody"},
        {ROLE, "assumed-role/admin/somebody"},
        {ROLE, "admin"},
        {"arn:aws:sts::111122223333:assumed-role/admin/alice", ROLE},
        {"arn:aws:sts::111122223333:assumed-role/admin/alice",
         "arn:aws:sts::111122223333:assumed-role/admin/mallory"}, /* cutting the role cuts both */
        {"AKIAGLASS00000000001", "AKIAGLASS00000000001"},
        {"AIDAGLASS00000000001", "AIDAGLASS00000000001"},
        {"AROAADMIN00000000001", "AROAADMIN00000000001:session"},
        {"i-0abc", "arn:aws:ec2:us-east-1:111122223333:instance/i-0abc"},
        {"arn:aws:ec2:us-east-1:111122223333:instance/i-0abc", "instance/i-0abc"},
        {"ops@project.iam.gserviceaccount.com",
         "serviceAccount:ops@project.iam.gserviceaccount.com"},
    };

    for (size_t i = 0; i < sizeof SAME / sizeof *SAME; i++)
        if (!fb_guard_same(*state, SAME[i].entry, SAME[i].name))
            fail_msg("%s is not recognised as %s", SAME[i].name, SAME[i].entry);
}

static void a_near_miss_is_somebody_else(void **state)
{
    static const struct pair OTHER[] = {
        {ARN, "Break-Glass"},
        {ARN, "break-glass."},
        {ARN, "break-glass-2"},
        {ARN, "break-glas"},
        {ARN, "people"},
        {ARN, "role/break-glass"},
        {ARN, "group/break-glass"},
        {ARN, "arn:aws:iam::111122223333:role/break-glass"},
        {ARN, "arn:aws:iam::999988887777:user/people/break-glass"},
        {ARN, "arn:aws-cn:iam::111122223333:user/people/break-glass"},
        {ARN, "arn:aws:sts::111122223333:federated-user/break-glass"},
        {ARN,
         "arn:aws:sts::111122223333:assumed-role/admin/break-glass"}, /* a chosen session name */
        {ARN, "break-glass%00"},
        {ARN, "break-glass%2E"},
        {ARN, ""},
        {"", ARN},
        {"", ""},
        {" ", ""},
        {"user/", "arn:aws:iam::111122223333:user/"},
        {ROLE, "arn:aws:sts::111122223333:assumed-role/other/admin"},
        {"AROAADMIN00000000001", "AROAADMIN00000000002:AROAADMIN00000000001"},
        {"AKIAGLASS00000000001", "AKIAGLASS0000000001"},
        {"AKIAGLASS00000000001", "akiaglass00000000001"},
        {"AKIAGLASS00000000001", "arn:aws:iam::111122223333:user/AKIAGLASS00000000001"},
        {"i-0abc", "i-0abcd"},
        {"i-0abc", "user/i-0abc"},
        {"i-0abc", "arn:aws:iam::111122223333:role/i-0abc"},
        {"arn:aws:ec2:us-east-1:111122223333:instance/i-0abc",
         "arn:aws:ec2:eu-west-1:111122223333:instance/i-0abc"},
        {"arn:aws:s3:::break-glass", "arn:aws:iam::111122223333:user/break-glass"},
    };

    for (size_t i = 0; i < sizeof OTHER / sizeof *OTHER; i++)
        if (fb_guard_same(*state, OTHER[i].entry, OTHER[i].name))
            fail_msg("%s is taken for %s", OTHER[i].name, OTHER[i].entry);
}

/* Two ways of writing are equal or unequal whichever of them stands on the list. */
static void the_order_of_the_two_names_does_not_matter(void **state)
{
    static const char *const NAMES[] = {
        ARN,
        ROLE,
        "break-glass",
        "user/break-glass",
        "admin",
        "role/admin",
        "arn:aws:sts::111122223333:assumed-role/admin/x",
        "AKIAGLASS00000000001",
        "arn:aws:iam::111122223333:root",
        "i-0abc",
        "%",
        "%zz",
        "arn:",
        "arn:aws:iam",
        "/",
        "user//",
    };
    size_t n = sizeof NAMES / sizeof *NAMES;

    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            assert_int_equal(fb_guard_same(*state, NAMES[i], NAMES[j]),
                             fb_guard_same(*state, NAMES[j], NAMES[i]));
}

/* Whatever bytes an event holds, asking ends and nothing breaks (the sanitizers watch). */
static void any_bytes_may_be_asked_about(void **state)
{
    static const char LETTERS[] = "arn:wsiu/%25F.AKD-0*\x01\xff";
    unsigned seed = 1;
    char long_name[5000];
    int same = 0;

    memset(long_name, 'x', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    assert_false(fb_guard_same(*state, long_name, long_name)); /* no identity has such a name */
    for (int i = 0; i < 5000; i++) {
        char text[40];
        size_t len = (seed >> 8) % (sizeof text - 1);

        for (size_t k = 0; k < len; k++) {
            seed = seed * 1103515245u + 12345u;
            text[k] = LETTERS[(seed >> 16) % (sizeof LETTERS - 1)];
        }
        seed = seed * 1103515245u + 12345u;
        text[len] = '\0';
        same += fb_guard_same(*state, ARN, text);
    }
    assert_int_equal(same, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(every_name_that_tells_the_identity_is_recognised),
        FB_TEST(a_near_miss_is_somebody_else),
        FB_TEST(the_order_of_the_two_names_does_not_matter),
        FB_TEST(any_bytes_may_be_asked_about),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

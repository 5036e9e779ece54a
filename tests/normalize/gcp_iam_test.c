/* gcp_iam_test.c - what Google's calls give to whom: accounts, keys, tokens, bindings. */
#include "normalize/gcp_entry.h"

#define NEW "new@" PROJECT ".iam.gserviceaccount.com"

static void a_new_service_account_is_named_by_its_mail_address(void **state)
{
    struct fb_event ev =
        read_entry(*state, (struct entry){.service = "iam",
                                          "google.iam.admin.v1.CreateServiceAccount",
                                          .request = "{'account_id':'new'}",
                                          .payload = "'response':{'email':'" NEW "'}"});

    assert_int_equal(ev.made_count, 1);
    assert_string_equal(ev.made[0].kind, "service_account");
    assert_string_equal(ev.made[0].id, NEW);
    ev = read_entry(*state, (struct entry){.service = "iam",
                                           "google.iam.admin.v1.CreateServiceAccount",
                                           .request = "{'accountId':'new'}"});
    assert_string_equal(ev.made[0].id, NEW);
}

static void a_new_key_has_its_id_and_its_owner(void **state)
{
    struct fb_event ev =
        read_entry(*state, (struct entry){.service = "iam",
                                          "google.iam.admin.v1.CreateServiceAccountKey",
                                          CAROL,
                                          "projects/-/serviceAccounts/1098765",
                                          .payload = "'response':{'name':'projects/" PROJECT
                                                     "/serviceAccounts/" ROBOT "/keys/feed01'}"});

    assert_trait(&ev, FB_T_KEY_FOR_OTHER, true);
    assert_string_equal(ev.target_user, ROBOT);
    assert_string_equal(ev.target_key, "feed01");
    assert_int_equal(ev.made_count, 1);
    assert_string_equal(ev.made[0].kind, "sa_key");
    assert_string_equal(ev.made[0].id, "feed01");
    assert_string_equal(ev.made[0].owner, ROBOT);
}

static void an_account_named_by_number_is_named_by_the_entrys_label(void **state)
{
    struct fb_event ev =
        read_entry(*state, (struct entry){.service = "iam",
                                          "google.iam.admin.v1.CreateServiceAccountKey",
                                          ROBOT_BY_KEY,
                                          "projects/-/serviceAccounts/1098765",
                                          .more = "'resource':{'labels':{'project_id':'" PROJECT
                                                  "','email_id':'" ROBOT "'}}"});

    assert_string_equal(ev.target_user, ROBOT);
    assert_trait(&ev, FB_T_KEY_FOR_OTHER, false);
}

static void a_fresh_token_says_whose_it_is(void **state)
{
    struct fb_event ev = read_entry(
        *state, (struct entry){.service = "iamcredentials",
                               "google.iam.credentials.v1.IAMCredentials.GenerateAccessToken",
                               CAROL,
                               "",
                               .request = "{'name':'projects/-/serviceAccounts/" ROBOT "'}"});

    assert_trait(&ev, FB_T_MINT, true);
    assert_trait(&ev, FB_T_READ, false);
    assert_trait(&ev, FB_T_SA_IMPERSONATION, true);
    assert_string_equal(ev.mint.role_arn, ROBOT);
    assert_string_equal(ev.mint.credential, "");
}

static void a_grant_says_what_to_whom(void **state)
{
    struct fb_event ev = read_entry(
        *state,
        (struct entry){.service = "cloudresourcemanager",
                       "SetIamPolicy",
                       .payload = "'serviceData':{'policyDelta':{'bindingDeltas':["
                                  "{'action':'ADD','role':'roles/viewer','member':"
                                  "'user:x@acme.example'},{'action':'ADD','role':'roles/owner',"
                                  "'member':'user:Mallory@Gmail.com'}]}}"});

    assert_trait(&ev, FB_T_ADMIN_GRANT, true);
    assert_trait(&ev, FB_T_EXTERNAL_TRUST, true);
    assert_string_equal(ev.target_policy, "roles/owner");
    assert_string_equal(ev.target_user, "mallory@gmail.com");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(a_new_service_account_is_named_by_its_mail_address),
        FB_TEST(a_new_key_has_its_id_and_its_owner),
        FB_TEST(an_account_named_by_number_is_named_by_the_entrys_label),
        FB_TEST(a_fresh_token_says_whose_it_is),
        FB_TEST(a_grant_says_what_to_whom),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

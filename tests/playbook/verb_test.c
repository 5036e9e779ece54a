/* verb_test.c - the gate's table is whole: every row can be found, granted and undone. */
#include "playbook/gate.h"
#include "playbook/verb.h"

#include "base/text.h"
#include "support/fb_test.h"

static void every_verb_is_found_by_its_own_name_only(void **state)
{
    (void)state;
    for (unsigned i = 0; i < FB_VERB_COUNT; i++)
        assert_int_equal(fb_verb_find(fb_verb((enum fb_verb_id)i)->name), i);
    assert_int_equal(fb_verb_find("aws.open_everything"), FB_VERB_COUNT);
    assert_int_equal(fb_verb_find(""), FB_VERB_COUNT);
    assert_int_equal(fb_verb_find(NULL), FB_VERB_COUNT);
    assert_string_equal(fb_verb(FB_VERB_HALT)->name, "aws.halt");
}

/* A verb that changes something says how it is undone, and nobody may ask for it without a grant.
 */
static void what_changes_something_can_be_undone_and_needs_a_grant(void **state)
{
    (void)state;
    for (unsigned i = 0; i < FB_VERB_COUNT; i++) {
        const struct fb_verb *v = fb_verb((enum fb_verb_id)i);
        bool changes = v->cls == FB_UNDOABLE || v->cls == FB_COSTLY;
        size_t fields = 0;

        if (changes != (*v->undo != '\0') || (changes && !*v->capability))
            fail_msg("%s: undo or capability", v->name);
        while (fields < FB_FIELDS_MAX && v->fields[fields].name)
            fields++;
        if (fields == FB_FIELDS_MAX)
            fail_msg("%s: its fields have no end", v->name);
        assert_true(*v->doc);
        assert_true(fb_starts(v->name, "aws.") || fb_starts(v->name, "fb."));
    }
}

/* Nothing in the event path gives rights back, passes roles, creates identities or terminates. */
static void no_verb_holds_a_right_that_widens(void **state)
{
    static const char *const NEVER[] = {"Delete", "Detach",    "Create",         "PassRole",
                                        "Attach", "Terminate", "StartInstances", "*"};

    (void)state;
    for (unsigned i = 0; i < FB_VERB_COUNT; i++)
        for (size_t n = 0; n < sizeof NEVER / sizeof *NEVER; n++)
            if (strstr(fb_verb((enum fb_verb_id)i)->rights, NEVER[n]))
                fail_msg("%s asks for %s", fb_verb((enum fb_verb_id)i)->name, NEVER[n]);
}

static void words_for_results_and_classes_are_the_documented_ones(void **state)
{
    (void)state;
    assert_string_equal(fb_result_name(FB_RESULT_DONE), "done");
    assert_string_equal(fb_result_name(FB_RESULT_ALREADY), "already");
    assert_string_equal(fb_result_name(FB_RESULT_PLANNED), "planned");
    assert_string_equal(fb_result_name(FB_RESULT_PENDING), "pending");
    assert_string_equal(fb_result_name(FB_RESULT_REFUSED), "refused");
    assert_string_equal(fb_result_name(FB_RESULT_FAILED), "failed");
    assert_string_equal(fb_verb_class_name(FB_FACT), "fact");
    assert_string_equal(fb_verb_class_name(FB_UNDOABLE), "undoable");
    assert_string_equal(fb_verb_class_name(FB_COSTLY), "costly");
    assert_string_equal(fb_verb_class_name(FB_DESTRUCTIVE), "destructive");
    assert_string_equal(fb_verb_class_name(FB_MESSAGE), "message");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_verb_is_found_by_its_own_name_only),
        cmocka_unit_test(what_changes_something_can_be_undone_and_needs_a_grant),
        cmocka_unit_test(no_verb_holds_a_right_that_widens),
        cmocka_unit_test(words_for_results_and_classes_are_the_documented_ones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

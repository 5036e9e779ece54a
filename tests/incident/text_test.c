/* text_test.c - what a person reads of an incident: what it means, what is left, in lines that fit
 * a terminal. */
#include <string.h>

#include "base/buf.h"
#include "incident/incident.h"
#include "support/fb_test.h"

enum { COLUMNS_MAX = 100 };

static struct fb_incident incident(enum fb_incident_state state)
{
    return (struct fb_incident){.id = "inc-0123456789ab",
                                .root = "arn:aws:iam::111122223333:user/build",
                                .state = state,
                                .why = "",
                                .peak = 99.5,
                                .usd_per_hour = 12.5,
                                .actor = {.credential = "AKIAEXAMPLE"}};
}

static const char *text_of(struct fb_arena *a, const struct fb_incident *inc,
                           const struct fb_action *actions, size_t count)
{
    struct fb_buf to;

    fb_buf_init_in(&to, a, 64u << 10);
    fb_incident_text(&to, a, inc, actions, count);
    assert_true(fb_buf_ok(&to));
    return to.at;
}

static void every_state_says_in_words_what_it_means(void **state)
{
    static const struct {
        enum fb_incident_state state;
        const char *words;
    } ROWS[] = {{FB_INC_WATCHING, "nothing is done"},   {FB_INC_OPEN, "work is left"},
                {FB_INC_SETTLING, "second quiet look"}, {FB_INC_PLANNED, "nothing was done"},
                {FB_INC_NEEDS_PERSON, "a person must"}, {FB_INC_CONTAINED, "two looks"},
                {FB_INC_CLOSED, "nothing more"}};

    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        struct fb_incident inc = incident(ROWS[i].state);
        const char *text = text_of(*state, &inc, NULL, 0);

        assert_non_null(strstr(text, ROWS[i].words));
        assert_non_null(strstr(text, "12.50 USD an hour"));
        assert_non_null(strstr(text, "AKIAEXAMPLE"));
    }
}

static void what_is_left_stands_before_what_is_done(void **state)
{
    struct fb_incident inc = incident(FB_INC_OPEN);
    const struct fb_action actions[] = {
        {"act-1", "aws.halt", "i-done", "eu-west-1", "", FB_RESULT_DONE},
        {"act-2", "aws.halt", "i-refused", "eu-west-1", "protected", FB_RESULT_REFUSED},
        {"act-3", "aws.halt", "i-failed", "eu-west-1", "AccessDenied", FB_RESULT_FAILED},
        {"act-4", "aws.halt", "i-done-too", "us-east-1", "", FB_RESULT_DONE},
    };
    const char *text = text_of(*state, &inc, actions, 4);

    assert_non_null(strstr(text, "1 failed, 1 refused, 2 done"));
    assert_true(strstr(text, "i-failed") < strstr(text, "i-refused"));
    assert_true(strstr(text, "i-refused") < strstr(text, "i-done"));
    assert_non_null(strstr(text, "i-done-too"));
    assert_non_null(strstr(text, "AccessDenied"));
}

static void lines_fit_a_terminal_and_lose_no_word(void **state)
{
    struct fb_incident inc = incident(FB_INC_NEEDS_PERSON);
    char words[500] = "";
    const char *text;
    size_t found = 0;

    for (int i = 0; i < 60; i++)
        strcat(words, i % 7 ? "wordy " : "\tw\x1b[2J ");
    inc.why = words;
    text = text_of(*state, &inc, NULL, 0);
    for (const char *p = text; (p = strstr(p, "wordy")); p++)
        found++;
    assert_int_equal(found, 51);
    assert_null(strchr(text, '\x1b'));
    for (const char *p = text; *p; p += strcspn(p, "\n") + 1)
        assert_true(strcspn(p, "\n") <= COLUMNS_MAX);
}

static void a_word_longer_than_a_line_is_kept_whole(void **state)
{
    struct fb_incident inc = incident(FB_INC_NEEDS_PERSON);
    char word[200];

    memset(word, 'x', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    inc.why = word;
    assert_non_null(strstr(text_of(*state, &inc, NULL, 0), word));
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        FB_TEST(every_state_says_in_words_what_it_means),
        FB_TEST(what_is_left_stands_before_what_is_done),
        FB_TEST(lines_fit_a_terminal_and_lose_no_word),
        FB_TEST(a_word_longer_than_a_line_is_kept_whole),
    };

    return cmocka_run_group_tests(TESTS, NULL, NULL);
}

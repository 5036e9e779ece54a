/* meta_test.c - the pages that editors complete from say what the gate's table and the host know.
 * Runs in the project's folder. */
#include "playbook/fake_gate.h"

enum { PAGE_MAX = 64 << 10, NAMES_MAX = 64 };

struct page {
    char text[PAGE_MAX];
};

static void read_page(const char *path, struct page *out)
{
    FILE *f = fopen(path, "rb");
    size_t n;

    assert_non_null(f);
    n = fread(out->text, 1, sizeof out->text - 1, f);
    out->text[n] = '\0';
    fclose(f);
    assert_in_range(n, 100, sizeof out->text - 2);
}

/* The comment block above "function <name>(" as one text; NULL when the page has no such function.
 */
static const char *block_of(struct fb_arena *a, const struct page *page, const char *name)
{
    const char *function = fb_arena_fmt(a, "\nfunction %s(", name);
    const char *at = strstr(page->text, function), *start = at;

    if (!at)
        return NULL;
    while (start > page->text + 1 && !(start[-1] == '\n' && start[0] == '\n'))
        start--;
    return fb_arena_strn(a, start, (size_t)(at - start) + 1);
}

static const char *type_name(enum fb_field_type type)
{
    switch (type) {
    case FB_FIELD_STR:
        return "string";
    case FB_FIELD_INT:
        return "integer";
    case FB_FIELD_LIST:
        return "string[]";
    case FB_FIELD_MAP:
        return "table";
    case FB_FIELD_ANY:
        break;
    }
    return "any";
}

/* The @param line that the table's row asks for. */
static const char *ask_line(struct fb_arena *a, const struct fb_verb *verb)
{
    const char *line = "";
    bool why = false;

    for (const struct fb_field *f = verb->fields; f->name; f++) {
        line = fb_arena_fmt(a, "%s%s%s%s: %s", line, *line ? ", " : "", f->name,
                            f->required ? "" : "?", type_name(f->type));
        why = why || fb_eq(f->name, "why");
    }
    return fb_arena_fmt(a, "{ %s%s }", line, why ? "" : ", why?: string");
}

static void check_verb(struct fb_arena *a, const struct page *page, enum fb_verb_id id)
{
    const struct fb_verb *verb = fb_verb(id);
    const char *block = block_of(a, page, verb->name);
    const char *class_line =
        fb_arena_fmt(a, *verb->capability ? "\n---%s; needs %s\n" : "\n---%s\n",
                     fb_verb_class_name(verb->cls), verb->capability);
    bool positional = id == FB_VERB_CHAIN || id == FB_VERB_EXPLAIN;

    if (!block)
        fail_msg("no page for %s", verb->name);
    if (!strstr(block, fb_arena_fmt(a, "---%s\n", verb->doc)))
        fail_msg("%s: the page does not say \"%s\"", verb->name, verb->doc);
    if (!strstr(block, class_line))
        fail_msg("%s: the page does not say \"%s\"", verb->name, class_line);
    if (!positional && !strstr(block, ask_line(a, verb)))
        fail_msg("%s: the page does not say \"%s\"", verb->name, ask_line(a, verb));
    for (const struct fb_field *f = verb->fields; positional && f->name; f++)
        if (!strstr(block, fb_arena_fmt(a, "---@param %s%s %s", f->name, f->required ? "" : "?",
                                        type_name(f->type))))
            fail_msg("%s: the page does not name %s as the table does", verb->name, f->name);
}

static void every_verb_has_its_page_entry(void **state)
{
    static struct page aws, fb;

    read_page("playbooks/meta/aws.lua", &aws);
    read_page("playbooks/meta/fb.lua", &fb);
    for (unsigned i = 0; i < FB_VERB_COUNT; i++)
        check_verb(*state, fb_starts(fb_verb((enum fb_verb_id)i)->name, "aws.") ? &aws : &fb,
                   (enum fb_verb_id)i);
}

/* Runs `body`, which explains names one by one, and checks each against "function
 * <prefix>.<name>(". */
static size_t compare_names(struct fb_arena *a, const char *body, const char *path,
                            const char *prefix)
{
    static struct fake_run run;
    static struct page page;
    const char *mark = fb_arena_fmt(a, "\nfunction %s.", prefix);
    size_t on_page = 0;

    read_page(path, &page);
    for (const char *p = page.text; (p = strstr(p, mark)); p++)
        on_page++;
    fake_play(a, body, NULL, &run);
    assert_string_equal(run.run.why, "");
    for (size_t i = 0; i < run.gate.count; i++) {
        const char *name = strstr(run.gate.asks[i].json, "\"text\":\"") + 8;
        const char *function = fb_arena_fmt(a, "%s%.*s(", mark, (int)strcspn(name, "\""), name);

        if (!strstr(page.text, function))
            fail_msg("%s has no%s", path, function);
    }
    assert_int_equal(run.gate.count, on_page);
    return on_page;
}

static void the_pages_name_exactly_the_functions_that_are_there(void **state)
{
    static const char FB[] =
        FAKE_PLAYBOOK("for name, v in pairs(fb) do\n"
                      "  if type(v) == \"function\" then fb.explain(name) end\n"
                      "end return fb.outcome()");
    static const char AWS[] = FAKE_PLAYBOOK("for name in pairs(fb.aws) do fb.explain(name) end\n"
                                            "return fb.outcome()");

    assert_true(compare_names(*state, FB, "playbooks/meta/fb.lua", "fb") >= 10);
    assert_true(compare_names(*state, AWS, "playbooks/meta/aws.lua", "aws") >= 9);
}

/* The ---@field names of a class on a page. */
static size_t fields_of(struct fb_arena *a, const struct page *page, const char *class_name,
                        const char **names)
{
    const char *p = strstr(page->text, fb_arena_fmt(a, "\n---@class %s\n", class_name));
    size_t n = 0;

    assert_non_null(p);
    for (p = strchr(p + 1, '\n') + 1; fb_starts(p, "---@field ") && n < NAMES_MAX;
         p = strchr(p, '\n') + 1) {
        p += strlen("---@field ");
        names[n++] = fb_arena_strn(a, p, strcspn(p, "? "));
    }
    return n;
}

/* The loader names all fields it knows when it is given one that is like none of them. */
static void the_header_page_names_exactly_the_fields_that_are_read(void **state)
{
    static const char TEXT[] = "return playbook { zzzzzzzzzz = 1 }";
    static struct page page;
    const char *names[NAMES_MAX], *known = "";
    struct fb_err err = {0};
    struct fb_playbooks *p = fb_playbooks_new(&err);
    size_t n;

    assert_non_null(p);
    read_page("playbooks/meta/playbook.lua", &page);
    n = fields_of(*state, &page, "playbook.header", names);
    assert_int_equal(fb_playbooks_add(p, "t.lua", TEXT, sizeof TEXT - 1, &err), FB_EINPUT);
    for (size_t i = 0; i < n; i++)
        known = fb_arena_fmt(*state, "%s%s%s", known, i ? ", " : "", names[i]);
    assert_non_null(strstr(err.text, fb_arena_fmt(*state, "(known: %s)", known)));
    fb_playbooks_free(p);
}

/* Reading a name of inc that no incident has raises; the page has none of those. */
static void every_field_of_inc_on_the_page_can_be_read(void **state)
{
    static struct page page;
    static struct fake_run run;
    const char *names[NAMES_MAX], *body = "";
    size_t n;

    read_page("playbooks/meta/playbook.lua", &page);
    n = fields_of(*state, &page, "inc", names);
    assert_true(n >= 13);
    for (size_t i = 0; i < n; i++)
        body = fb_arena_fmt(*state, "%s_ = inc.%s\n", body, names[i]);
    fake_play(*state, fb_arena_fmt(*state, FAKE_PLAYBOOK("local _\n%s return fb.outcome()"), body),
              NULL, &run);
    assert_string_equal(run.run.why, "");
}

/* The example of the README loads and runs as printed. */
static void the_readme_example_runs(void **state)
{
    static const struct fake_rule RULES[] = {
        {FB_VERB_REGIONS, NULL, FB_RESULT_DONE, false, "", "[\"us-east-1\"]"},
        {FB_VERB_COMPUTE, NULL, FB_RESULT_DONE, false, "",
         "{\"fleets\":[],\"instances\":[{\"id\":\"i-1\",\"region\":\"us-east-1\"}]}"},
        {FB_VERB_COUNT, NULL, FB_RESULT_DONE, false, NULL, NULL}};
    static struct page page;
    static struct fake_run run;
    char *start, *end, *name;

    read_page("playbooks/README.md", &page);
    start = strstr(page.text, "```lua\n");
    assert_non_null(start);
    start += strlen("```lua\n");
    end = strstr(start, "```");
    assert_non_null(end);
    *end = '\0';
    name = strstr(start, "\"stop-new-machines\"");
    assert_non_null(name);
    memcpy(name, "\"t\"                ", strlen("\"stop-new-machines\""));
    fake_play(*state, start, RULES, &run);
    assert_string_equal(run.run.why, "");
    assert_int_equal(run.run.outcome, FB_RUN_CONTAINED);
    assert_non_null(fake_find(&run.gate, FB_VERB_HALT, "i-1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(every_verb_has_its_page_entry),
        FB_TEST(the_pages_name_exactly_the_functions_that_are_there),
        FB_TEST(the_header_page_names_exactly_the_fields_that_are_read),
        FB_TEST(every_field_of_inc_on_the_page_can_be_read),
        FB_TEST(the_readme_example_runs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

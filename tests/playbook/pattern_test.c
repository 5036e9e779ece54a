/* pattern_test.c - our matcher finds what Lua's own finds, and stops where Lua's own would not. */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "playbook/pattern.h"
#include "support/fb_test.h"

enum { PATTERN_MAX = 12, SUBJECT_MAX = 14, CASES = 150000 };

/* A small generator of our own, so that a failure comes again. */
static unsigned next_random(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(*seed >> 33);
}

static size_t random_text(uint64_t *seed, const char *const *pieces, size_t n, char *out,
                          size_t max)
{
    size_t len = 0, count = next_random(seed) % (max / 2);

    out[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        const char *piece = pieces[next_random(seed) % n];
        size_t piece_len = strlen(piece);

        if (len + piece_len > max)
            break;
        memcpy(out + len, piece, piece_len + 1);
        len += piece_len;
    }
    return len;
}

/* Our results as text: "start end capture capture...", "nil", or "fault". */
static void ours(const struct fb_pattern *p, const char *s, size_t len, char *out, size_t size)
{
    struct fb_match m = {.pattern = p, .src = s, .end = s + len, .steps_left = 1000000};
    const char *start, *end = fb_match_find(&m, s, &start);
    int n;

    assert_int_equal(m.fault, FB_MATCH_FINE);
    if (!end) {
        snprintf(out, size, "nil");
        return;
    }
    n = snprintf(out, size, "%d %d", (int)(start - s) + 1, (int)(end - s));
    for (unsigned i = 0; i < p->captures; i++) {
        if (m.captures[i].position)
            n += snprintf(out + n, size - (size_t)n, " @%d", (int)(m.captures[i].at - s) + 1);
        else
            n += snprintf(out + n, size - (size_t)n, " <%.*s>", (int)m.captures[i].len,
                          m.captures[i].at);
    }
}

/* Lua's results in the same form; false when it raises. */
static bool theirs(lua_State *L, const char *pattern, size_t pattern_len, const char *s, size_t len,
                   char *out, size_t size)
{
    int n, top;

    lua_settop(L, 0);
    lua_getglobal(L, "string");
    lua_getfield(L, -1, "find");
    lua_replace(L, 1);
    lua_pushlstring(L, s, len);
    lua_pushlstring(L, pattern, pattern_len);
    if (lua_pcall(L, 2, LUA_MULTRET, 0) != LUA_OK)
        return false;
    top = lua_gettop(L);
    if (lua_isnil(L, 1)) {
        snprintf(out, size, "nil");
        return true;
    }
    n = snprintf(out, size, "%d %d", (int)lua_tointeger(L, 1), (int)lua_tointeger(L, 2));
    for (int i = 3; i <= top; i++)
        n += lua_isinteger(L, i)
                 ? snprintf(out + n, size - (size_t)n, " @%d", (int)lua_tointeger(L, i))
                 : snprintf(out + n, size - (size_t)n, " <%s>", lua_tostring(L, i));
    return true;
}

static void it_finds_what_luas_own_matcher_finds(void **state)
{
    static const char *const PARTS[] = {
        "a",     "b",   ".",     "%a",   "%d",     "%s", "%W",   "%.",   "*",
        "+",     "-",   "?",     "(",    ")",      "()", "[ab]", "[^a]", "[a-c1]",
        "[%d_]", "[]]", "[^]b]", "%b()", "%f[%w]", "%1", "%2",   "$",    "^",
        "1",     "_",   "%",     "[",    "%x",     "%u", "(a*)", "(.-)", "[%w-]"};
    static const char *const TEXTS[] = {"a", "b", "c", "1", "_",  " ",
                                        "(", ")", "]", "A", "aa", "-"};
    lua_State *L = luaL_newstate();
    uint64_t seed = 42;
    size_t compared = 0, matched = 0;

    (void)state;
    assert_non_null(L);
    luaL_openlibs(L);
    for (size_t i = 0; i < CASES; i++) {
        char pattern[PATTERN_MAX + 8], s[SUBJECT_MAX + 8], mine[512], stock[512];
        size_t pattern_len =
            random_text(&seed, PARTS, sizeof PARTS / sizeof *PARTS, pattern, PATTERN_MAX);
        size_t len = random_text(&seed, TEXTS, sizeof TEXTS / sizeof *TEXTS, s, SUBJECT_MAX);
        struct fb_pattern *p = malloc(fb_pattern_size(pattern_len));

        assert_non_null(p);
        if (!fb_pattern_compile(p, pattern, pattern_len, true)) {
            ours(p, s, len, mine, sizeof mine);
            if (!theirs(L, pattern, pattern_len, s, len, stock, sizeof stock))
                fail_msg("Lua refuses \"%s\", we do not: %s", pattern, lua_tostring(L, -1));
            if (strcmp(mine, stock) != 0)
                fail_msg("find(\"%s\", \"%s\"): ours %s, Lua's %s", s, pattern, mine, stock);
            compared++;
            matched += strcmp(mine, "nil") != 0;
        }
        free(p);
    }
    lua_close(L);
    assert_true(compared > CASES / 4);
    assert_true(matched > CASES / 20);
}

static void malformed_patterns_are_told_before_they_match(void **state)
{
    static const struct {
        const char *pattern, *words;
    } CASES_BAD[] = {
        {"a%", "ends with '%'"},
        {"[a", "missing ']'"},
        {"[^", "missing ']'"},
        {"[a%", "missing ']'"},
        {"%bx", "missing arguments"},
        {"%fa", "missing '['"},
        {"%f", "missing '['"},
        {"(a", "unfinished capture"},
        {"a)", "invalid pattern capture"},
        {"%1", "invalid capture index"},
        {"(a%1)", "invalid capture index"},
        {"%0", "invalid capture index"},
        {"(a)%2", "invalid capture index"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof CASES_BAD / sizeof *CASES_BAD; i++) {
        size_t len = strlen(CASES_BAD[i].pattern);
        struct fb_pattern *p = malloc(fb_pattern_size(len));
        const char *wrong;

        assert_non_null(p);
        wrong = fb_pattern_compile(p, CASES_BAD[i].pattern, len, true);
        assert_non_null(wrong);
        assert_non_null(strstr(wrong, CASES_BAD[i].words));
        free(p);
    }
}

static void more_captures_than_a_match_can_hold_are_refused(void **state)
{
    char pattern[3 * (FB_PATTERN_CAPTURES_MAX + 1) + 1] = "";
    struct fb_pattern *p = malloc(fb_pattern_size(sizeof pattern));

    (void)state;
    assert_non_null(p);
    for (int i = 0; i <= FB_PATTERN_CAPTURES_MAX; i++)
        strcat(pattern, "(a)");
    assert_string_equal(fb_pattern_compile(p, pattern, strlen(pattern), true), "too many captures");
    assert_null(fb_pattern_compile(p, pattern + 3, strlen(pattern) - 3, true));
    free(p);
}

static void zero_bytes_are_bytes_like_others(void **state)
{
    static const char S[] = "a\0b", SET[] = "[\0-a]+";
    struct fb_pattern *p = malloc(fb_pattern_size(sizeof SET));
    struct fb_match m = {.pattern = p, .src = S, .end = S + 3, .steps_left = 1000};
    const char *start;

    (void)state;
    assert_non_null(p);
    assert_null(fb_pattern_compile(p, SET, sizeof SET - 1, true));
    assert_ptr_equal(fb_match_find(&m, S, &start), S + 2);
    assert_ptr_equal(start, S);
    free(p);
}

static void a_match_never_takes_more_steps_than_granted(void **state)
{
    static const char PATTERN[] = ".-.-.-.-b";
    char s[2000];
    struct fb_pattern *p = malloc(fb_pattern_size(sizeof PATTERN));
    struct fb_match m = {.pattern = p, .src = s, .end = s + sizeof s, .steps_left = 5000};
    const char *start;

    (void)state;
    memset(s, 'a', sizeof s);
    assert_non_null(p);
    assert_null(fb_pattern_compile(p, PATTERN, sizeof PATTERN - 1, true));
    assert_null(fb_match_find(&m, s, &start));
    assert_int_equal(m.fault, FB_MATCH_STEPS);
    assert_int_equal(m.steps_left, 0);
    free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_finds_what_luas_own_matcher_finds),
        cmocka_unit_test(malformed_patterns_are_told_before_they_match),
        cmocka_unit_test(more_captures_than_a_match_can_hold_are_refused),
        cmocka_unit_test(zero_bytes_are_bytes_like_others),
        cmocka_unit_test(a_match_never_takes_more_steps_than_granted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

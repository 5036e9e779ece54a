/* arrow_test.c - one direction: a room includes base/, itself and rooms to its left, and each
 * foreign library has one owner. Linking enforces the same for code; this reads the #include lines.
 */
#include <dirent.h>

#include "support/fb_test.h"

struct room {
    const char *name;
    const char *may_include; /* rooms, space separated; base and itself always */
    const char *foreign;     /* prefixes of foreign headers it owns */
};

static const struct room ROOMS[] = {
    {"base", "", "jansson.h yyjson.h openssl/crypto.h openssl/evp.h openssl/hmac.h"},
    {"store", "", "sqlite3.h"},
    {"cloud", "", "curl/ expat.h openssl/"},
    {"ingest", "", "zlib.h libdeflate.h"},
    {"normalize", "ingest", ""},
    {"attribute", "normalize", ""},
    {"score", "normalize attribute", ""},
    {"playbook", "normalize attribute score", "lua.h lauxlib.h lualib.h luaconf.h"},
    {"contain", "normalize attribute score playbook store cloud", ""},
    {"incident", "normalize attribute score playbook contain store", ""},
};

static const char *const FOREIGN[] = {"jansson.h", "yyjson.h",  "openssl/", "sqlite3.h",
                                      "curl/",     "expat.h",   "zlib.h",   "libdeflate.h",
                                      "lua.h",     "lauxlib.h", "lualib.h", "luaconf.h"};

static bool word_in(const char *words, const char *word, size_t len)
{
    for (const char *p = words; *p;) {
        size_t n = strcspn(p, " ");

        if (n == len && strncmp(p, word, n) == 0)
            return true;
        p += n + (p[n] == ' ');
    }
    return false;
}

static bool owns(const char *prefixes, const char *header)
{
    for (const char *p = prefixes; *p;) {
        size_t n = strcspn(p, " ");

        if (strncmp(p, header, n) == 0)
            return true;
        p += n + (p[n] == ' ');
    }
    return false;
}

static int check_include(const struct room *room, const char *file, const char *header)
{
    const char *slash = strchr(header, '/');
    size_t len = slash ? (size_t)(slash - header) : 0;

    for (size_t i = 0; i < sizeof FOREIGN / sizeof *FOREIGN; i++) {
        if (strncmp(header, FOREIGN[i], strlen(FOREIGN[i])) == 0 && !owns(room->foreign, header)) {
            print_error("%s includes %s, which another room owns\n", file, header);
            return 1;
        }
    }
    for (size_t i = 0; len && i < sizeof ROOMS / sizeof *ROOMS; i++) {
        if (strlen(ROOMS[i].name) == len && strncmp(ROOMS[i].name, header, len) == 0 &&
            strcmp(ROOMS[i].name, room->name) != 0 && strcmp(ROOMS[i].name, "base") != 0 &&
            !word_in(room->may_include, header, len)) {
            print_error("%s includes %s: against the arrow\n", file, header);
            return 1;
        }
    }
    if (strcmp(header, "pipeline.h") == 0 || strcmp(header, "config.h") == 0) {
        print_error("%s includes %s: a room does not see the whole path\n", file, header);
        return 1;
    }
    return 0;
}

static int check_file(const struct room *room, const char *path, size_t *lines)
{
    char line[512], header[256];
    FILE *f = fopen(path, "re");
    int bad = 0;

    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        if (sscanf(line, " # include %*1[<\"]%255[^>\"]", header) == 1) {
            ++*lines;
            bad += check_include(room, path, header);
        }
    }
    fclose(f);
    return bad;
}

static void every_room_includes_only_what_lies_to_its_left(void **state)
{
    size_t files = 0, lines = 0;
    int bad = 0;

    (void)state;
    for (size_t i = 0; i < sizeof ROOMS / sizeof *ROOMS; i++) {
        char dir[256], path[600];
        struct dirent *e;
        DIR *d;

        (void)snprintf(dir, sizeof dir, "runtime/%s", ROOMS[i].name);
        d = opendir(dir);
        assert_non_null(d);
        while ((e = readdir(d))) {
            size_t n = strlen(e->d_name);

            if (n < 3 ||
                (strcmp(e->d_name + n - 2, ".c") != 0 && strcmp(e->d_name + n - 2, ".h") != 0))
                continue;
            (void)snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
            bad += check_file(&ROOMS[i], path, &lines);
            files++;
        }
        closedir(d);
    }
    assert_true(files > 40 && lines > 150); /* it did read the tree */
    assert_int_equal(bad, 0);
}

static void a_step_against_the_arrow_is_found(void **state)
{
    static const struct room score = {"score", "normalize attribute", ""};

    (void)state;
    assert_int_equal(check_include(&score, "x", "score/profile.h"), 0);
    assert_int_equal(check_include(&score, "x", "base/arena.h"), 0);
    assert_int_equal(check_include(&score, "x", "normalize/event.h"), 0);
    assert_int_equal(check_include(&score, "x", "contain/world.h"), 1);
    assert_int_equal(check_include(&score, "x", "lua.h"), 1);
    assert_int_equal(check_include(&score, "x", "pipeline.h"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_room_includes_only_what_lies_to_its_left),
        cmocka_unit_test(a_step_against_the_arrow_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

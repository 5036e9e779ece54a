/* walk_test.c - paths: names, order, folders in folders, what cannot be read, pipes. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <sys/wait.h>
#define ZLIB_CONST
#include <zlib.h>

#include "ingest/collect.h"
#include "ingest/load.h"

struct place {
    struct fb_arena *arena;
    char dir[200];
    struct seen_all all;
};

static int place_new(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    const char *tmp = getenv("TMPDIR");

    if (!p)
        return -1;
    p->arena = fb_arena_new(16u << 20);
    snprintf(p->dir, sizeof p->dir, "%s/fb-walk-XXXXXX", tmp && *tmp ? tmp : P_tmpdir);
    *state = p;
    return p->arena && mkdtemp(p->dir) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *is, int kind, struct FTW *at)
{
    (void)is;
    (void)kind;
    (void)at;
    return remove(path);
}

static int place_free(void **state)
{
    struct place *p = *state;

    (void)nftw(p->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    fb_arena_free(p->arena);
    seen_free(&p->all);
    free(p);
    return 0;
}

static const char *path_of(const struct place *p, const char *name)
{
    return name ? fb_arena_fmt(p->arena, "%s/%s", p->dir, name) : p->dir;
}

static void put(const struct place *p, const char *name, const char *bytes, size_t len)
{
    char path[512];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", p->dir, name);
    f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

/* A file with one record whose id is the file's name. */
static void put_named(const struct place *p, const char *name)
{
    char text[128];

    snprintf(text, sizeof text, "{\"id\":\"%s\"}\n", name);
    put(p, name, text, strlen(text));
}

static void folder(const struct place *p, const char *name)
{
    char path[512];

    snprintf(path, sizeof path, "%s/%s", p->dir, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

/* name NULL: the folder itself. */
static enum fb_status walk(struct place *p, const char *name, struct fb_err *err)
{
    struct fb_sink sink;
    char path[512];

    snprintf(path, sizeof path, "%s%s%s", p->dir, name ? "/" : "", name ? name : "");
    seen_init(&p->all);
    sink = seen_sink(&p->all);
    return fb_ingest_path(p->arena, path, &sink, err);
}

static void a_folder_is_walked_in_name_order_through_its_folders(void **state)
{
    static const char *const names[] = {"a.json",     "b/a.json", "b/c/x.jsonl",
                                        "b/d.ndjson", "b.json",   "c.jsonl"};
    static const char *const order[] = {"a.json",     "b/a.json", "b/c/x.jsonl",
                                        "b/d.ndjson", "b.json",   "c.jsonl"};
    struct place *p = *state;

    folder(p, "b");
    folder(p, "b/c");
    for (size_t i = sizeof names / sizeof *names; i-- > 0;)
        put_named(p, names[i]);
    assert_int_equal(walk(p, NULL, NULL), FB_OK);
    assert_int_equal(p->all.count, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_string_equal(p->all.at[i].id, order[i]);
        assert_string_equal(p->all.at[i].source, path_of(p, order[i]));
        assert_int_equal(p->all.at[i].index, 0);
    }
}

static void only_record_files_of_a_folder_are_read(void **state)
{
    static const char *const no[] = {"README.md", "a.txt",         "a.json.bak", "json",
                                     ".hid.json", "expect.json",   "a.gz",       "a.json.zip",
                                     "a.jsonl2",  "s/expect.json", ".git/a.json"};
    static const char *const yes[] = {"1.json",   "2.json.gz",   "3.jsonl",       "4.jsonl.gz",
                                      "5.ndjson", "6.ndjson.gz", "7.expect.json", "s/a.json"};
    struct place *p = *state;

    folder(p, "s");
    folder(p, ".git");
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        put_named(p, no[i]);
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        if (strstr(yes[i], ".gz")) {
            char text[64];
            size_t len;
            char *gz;

            snprintf(text, sizeof text, "{\"id\":\"%s\"}", yes[i]);
            gz = gzip_of(text, strlen(text), &len);
            put(p, yes[i], gz, len);
            free(gz);
        } else {
            put_named(p, yes[i]);
        }
    }
    assert_int_equal(walk(p, NULL, NULL), FB_OK);
    assert_int_equal(p->all.count, sizeof yes / sizeof *yes);
    assert_int_equal(p->all.rejects, 0);
    for (size_t i = 0; i < p->all.count; i++)
        assert_string_equal(p->all.at[i].id, yes[i]);
}

static void a_file_that_is_named_may_have_any_name(void **state)
{
    struct place *p = *state;

    put_named(p, "events.txt");
    put_named(p, ".hidden");
    assert_int_equal(walk(p, "events.txt", NULL), FB_OK);
    assert_int_equal(p->all.records, 1);
    assert_int_equal(walk(p, ".hidden", NULL), FB_OK);
    assert_int_equal(p->all.records, 1);
}

static void expect_json_is_no_input_even_when_it_is_named(void **state)
{
    struct place *p = *state;

    put_named(p, "expect.json");
    assert_int_equal(walk(p, "expect.json", NULL), FB_OK);
    assert_int_equal(p->all.records, 0);
    assert_int_equal(p->all.rejects, 1);
    assert_non_null(strstr(p->all.at[0].reason, "never input"));
}

static void a_configuration_is_no_input_beside_expect_json_only(void **state)
{
    struct place *p = *state;

    folder(p, "s");
    put_named(p, "s/config.json");
    assert_int_equal(walk(p, NULL, NULL), FB_OK);
    assert_int_equal(p->all.records, 1);
    put_named(p, "s/expect.json");
    assert_int_equal(walk(p, NULL, NULL), FB_OK);
    assert_int_equal(p->all.records, 0);
    assert_int_equal(p->all.rejects, 0);
}

static void a_path_that_is_not_there_is_said_so(void **state)
{
    struct place *p = *state;
    struct fb_err err = {0};

    put_named(p, "a.json");
    assert_int_equal(walk(p, "nothing.json", &err), FB_ENOTFOUND);
    assert_non_null(strstr(err.text, "nothing.json: No such file"));
    assert_int_equal(walk(p, "a.json/b", &err), FB_ENOTFOUND);
    assert_int_equal(p->all.count, 0);
}

static void a_path_that_cannot_be_read_is_an_io_error(void **state)
{
    struct place *p = *state;
    struct fb_sink sink;
    struct fb_err err = {0};

    seen_init(&p->all);
    sink = seen_sink(&p->all);
    /* Reading our own address 0 fails even for root. */
    assert_int_equal(fb_ingest_path(p->arena, "/proc/self/mem", &sink, &err), FB_EIO);
    assert_int_equal(p->all.count, 0);
    if (geteuid() != 0) {
        put_named(p, "locked.json");
        assert_int_equal(chmod(path_of(p, "locked.json"), 0), 0);
        assert_int_equal(walk(p, "locked.json", &err), FB_EIO);
    }
}

static void what_a_folder_cannot_give_is_a_reject_and_the_rest_is_read(void **state)
{
    struct place *p = *state;

    put_named(p, "a.json");
    assert_int_equal(symlink("nowhere", path_of(p, "b.json")), 0);
    assert_int_equal(mkfifo(path_of(p, "c.json"), 0600), 0); /* nobody writes: must not wait */
    assert_int_equal(symlink("/proc/self/mem", path_of(p, "d.json")), 0);
    put(p, "e.json", "", 0);
    put_named(p, "f.json");
    assert_int_equal(walk(p, NULL, NULL), FB_OK);
    assert_int_equal(p->all.records, 2);
    assert_int_equal(p->all.rejects, 4);
    assert_string_equal(p->all.at[0].id, "a.json");
    assert_non_null(strstr(p->all.at[1].reason, "cannot be opened"));
    assert_string_equal(p->all.at[1].source, path_of(p, "b.json"));
    assert_true(p->all.at[1].unreadable);
    assert_non_null(strstr(p->all.at[2].reason, "not a regular file"));
    assert_non_null(strstr(p->all.at[3].reason, "cannot be read"));
    assert_string_equal(p->all.at[4].reason, "empty");
    assert_string_equal(p->all.at[5].id, "f.json");
}

static void links_are_followed_but_not_in_circles(void **state)
{
    struct place *p = *state;

    folder(p, "a");
    folder(p, "a/b");
    put_named(p, "a/b/x.json");
    assert_int_equal(symlink("..", path_of(p, "a/b/loop")), 0);
    assert_int_equal(symlink(".", path_of(p, "a/self")), 0);
    assert_int_equal(symlink("a/b/x.json", path_of(p, "link.json")), 0);
    assert_int_equal(walk(p, NULL, NULL), FB_OK);
    assert_int_equal(p->all.records, 2);
    assert_int_equal(p->all.rejects, 0);
    assert_string_equal(p->all.at[1].source, path_of(p, "link.json"));
}

static void folders_deeper_than_we_read_are_a_reject(void **state)
{
    struct place *p = *state;
    char name[256] = "d";

    folder(p, name);
    for (int i = 0; i < 70; i++) {
        strcat(name, "/d");
        folder(p, name);
    }
    put_named(p, "z.json");
    assert_int_equal(walk(p, NULL, NULL), FB_OK);
    assert_int_equal(p->all.rejects, 1);
    assert_non_null(strstr(p->all.at[0].reason, "deeper"));
    assert_string_equal(p->all.at[1].id, "z.json");
}

static void an_empty_folder_is_no_error(void **state)
{
    struct place *p = *state;

    assert_int_equal(walk(p, NULL, NULL), FB_OK);
    assert_int_equal(p->all.count, 0);
}

static void a_slash_behind_a_folder_is_not_doubled(void **state)
{
    struct place *p = *state;

    put_named(p, "a.json");
    assert_int_equal(walk(p, "", NULL), FB_OK);
    assert_string_equal(p->all.at[0].source, path_of(p, "a.json"));
}

static void indexes_begin_anew_in_each_file(void **state)
{
    static const char text[] = "{\"id\":\"1\"}\noops\n{\"id\":\"2\"}\n";
    struct place *p = *state;

    put(p, "a.ndjson", text, sizeof text - 1);
    put(p, "b.ndjson", text, sizeof text - 1);
    assert_int_equal(walk(p, NULL, NULL), FB_OK);
    assert_int_equal(p->all.count, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(p->all.at[i].index, i % 3);
        assert_int_equal(p->all.at[i].line, i % 3 + 1);
        assert_int_equal(p->all.at[i].record, i % 3 != 1);
    }
}

static void the_sink_can_end_a_walk_between_files(void **state)
{
    struct place *p = *state;
    struct fb_sink sink;
    struct fb_err err = {0};

    folder(p, "a");
    put_named(p, "a/1.json");
    put_named(p, "a/2.json");
    put_named(p, "b.json");
    for (size_t n = 1; n <= 3; n++) {
        seen_init(&p->all);
        p->all.stop_after = n;
        sink = seen_sink(&p->all);
        assert_int_equal(fb_ingest_path(p->arena, p->dir, &sink, &err), FB_ECONFLICT);
        assert_int_equal(p->all.count, n);
    }
}

/* Writes into a pipe in small pieces from a child, and reads the other end as standard input. */
static void read_stdin(struct place *p, const char *bytes, size_t len, size_t step)
{
    struct fb_sink sink;
    int ends[2], keep = dup(STDIN_FILENO), status = -1;
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ends[0]);
        for (size_t at = 0; at < len; at += step) {
            size_t n = len - at < step ? len - at : step;

            if (write(ends[1], bytes + at, n) != (ssize_t)n)
                _exit(1);
        }
        _exit(0);
    }
    close(ends[1]);
    assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    close(ends[0]);
    seen_init(&p->all);
    sink = seen_sink(&p->all);
    assert_int_equal(fb_ingest_path(p->arena, "-", &sink, NULL), FB_OK);
    if (keep >= 0) {
        dup2(keep, STDIN_FILENO);
        close(keep);
    } else {
        close(STDIN_FILENO);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void standard_input_is_read_through_a_pipe(void **state)
{
    static const char text[] = "{\"id\":\"a\"}\nbad\n{\"id\":\"b\"}\n";
    struct place *p = *state;
    size_t gz_len, big_len = 3000 * 100;
    char *gz = gzip_of(text, sizeof text - 1, &gz_len), *big = malloc(big_len);

    read_stdin(p, text, sizeof text - 1, 1);
    assert_int_equal(p->all.records, 2);
    assert_int_equal(p->all.rejects, 1);
    assert_string_equal(p->all.at[1].source, "-");
    assert_int_equal(p->all.at[1].line, 2);
    read_stdin(p, gz, gz_len, 7);
    assert_int_equal(p->all.records, 2);
    assert_int_equal(p->all.rejects, 1);
    read_stdin(p, "", 0, 1);
    assert_int_equal(p->all.count, 1);
    assert_string_equal(p->all.at[0].reason, "empty");
    assert_non_null(big); /* more than a pipe and the first buffer hold */
    memset(big, ' ', big_len);
    for (size_t i = 0; i < 3000; i++) {
        memcpy(big + i * 100, "{\"id\":\"big\"}", 12);
        big[i * 100 + 99] = '\n';
    }
    read_stdin(p, big, big_len, 100000);
    assert_int_equal(p->all.records, 3000);
    assert_int_equal(p->all.rejects, 0);
    free(big);
    free(gz);
}

/* Lines of every kind, around and across the windows in which a long source is read. */
static char *long_text(size_t *len)
{
    size_t cap = 40u << 20, at = 0;
    char *text = malloc(cap);

    assert_non_null(text);
    memset(text, ' ', cap);
    at += (size_t)sprintf(text, "\xEF\xBB\xBF\n{\"id\":\"first\"}\n");
    for (int i = 0; i < 3000; i++) {
        size_t line = 1000 + (size_t)(i * 7919 % 5000);
        int n = i % 97 == 5   ? sprintf(text + at, "{\"id\":\"broken%d\"", i)
                : i % 89 == 7 ? sprintf(text + at, "{\"Records\":[{\"id\":\"r%d\"},7]}", i)
                              : sprintf(text + at, "{\"id\":\"n%d\"}", i);

        text[at + (size_t)n] = ' '; /* sprintf's NUL */
        at += line;
        text[at++] = '\n';
        if (i == 1500) /* blank for more than a window, and a line longer than one */
            at += 9u << 20;
        if (i == 2000) {
            memcpy(text + at, "{\"id\":\"wide\",\"pad\":\"", 20);
            memset(text + at + 20, 'x', 5u << 20);
            at += 20 + (5u << 20);
            memcpy(text + at, "\"}\n", 3);
            at += 3;
        }
    }
    memcpy(text + at, "{\"id\":\"last\"}", 13);
    *len = at + 13;
    return text;
}

static void a_long_source_of_lines_reads_in_windows_as_it_would_whole(void **state)
{
    static const char *const names[] = {"x.ndjson", "x.json"};
    struct place *p = *state;
    struct seen_all whole = {0};
    struct fb_err err = {0};
    size_t len;
    char *text = long_text(&len);

    put(p, names[0], text, len);
    put(p, names[1], text, len);
    for (int i = 0; i < 3; i++) {
        seen_bytes(&whole, p->arena, i < 2 ? names[i] : "-", FB_LAYOUT_GUESS, text, len);
        assert_int_equal(whole.records, 1 + 3000 + 2 - 31); /* but the broken ones */
        assert_int_equal(whole.rejects, 31 + 34);
        if (i < 2)
            assert_int_equal(walk(p, names[i], &err), FB_OK);
        else
            read_stdin(p, text, len, 65536);
        assert_int_equal(p->all.count, whole.count);
        for (size_t k = 0; k < whole.count; k++) {
            snprintf(whole.at[k].source, sizeof whole.at[k].source, "%s", p->all.at[k].source);
            assert_memory_equal(&p->all.at[k], &whole.at[k], sizeof *whole.at);
        }
        assert_true(p->all.in_order);
        assert_true(p->all.progress_last == len);
    }
    seen_free(&whole);
    free(text);
}

static void a_long_source_that_is_no_lines_is_read_whole(void **state)
{
    struct place *p = *state;
    struct fb_err err = {0};
    size_t len = 9u << 20;
    char *text = malloc(len);

    assert_non_null(text);
    memset(text, '\n', len);
    memcpy(text, "{\n\"id\":\"a\"}", 11);
    memcpy(text + len - 12, "{\n\"id\":\"b\"}", 11);
    put(p, "x.json", text, len);
    assert_int_equal(walk(p, "x.json", &err), FB_OK);
    assert_int_equal(p->all.count, 2);
    assert_string_equal(p->all.at[1].id, "b");
    free(text);
}

static void the_sink_can_end_a_long_source_between_windows(void **state)
{
    struct place *p = *state;
    struct fb_err err = {0};
    struct fb_sink sink;
    size_t len;
    char path[512], *text = long_text(&len);

    put(p, "x.ndjson", text, len);
    seen_init(&p->all);
    p->all.stop_after = 2500;
    sink = seen_sink(&p->all);
    snprintf(path, sizeof path, "%s/x.ndjson", p->dir);
    assert_int_equal(fb_ingest_path(p->arena, path, &sink, &err), FB_ECONFLICT);
    assert_int_equal(p->all.records, 2500);
    free(text);
}

static void a_file_longer_than_the_ceiling_is_cut_there_and_says_so(void **state)
{
    struct place *p = *state;
    struct fb_load load;
    int fd;

    put_named(p, "a.json"); /* 16 bytes and a line break */
    fd = open(path_of(p, "a.json"), O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(fb_load_fd(fd, 10, &load), 0);
    assert_int_equal(load.len, 10);
    assert_memory_equal(load.at, "{\"id\":\"a.j", 10);
    assert_non_null(strstr(load.broken, "ceiling of 10"));
    fb_load_release(&load);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_int_equal(fb_load_fd(fd, 16, &load), 0); /* exactly its length */
    assert_int_equal(load.len, 16);
    assert_string_equal(load.broken, "");
    fb_load_release(&load);
    close(fd);
}

#define WALK_TEST(fn) cmocka_unit_test_setup_teardown(fn, place_new, place_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WALK_TEST(a_folder_is_walked_in_name_order_through_its_folders),
        WALK_TEST(only_record_files_of_a_folder_are_read),
        WALK_TEST(a_file_that_is_named_may_have_any_name),
        WALK_TEST(expect_json_is_no_input_even_when_it_is_named),
        WALK_TEST(a_configuration_is_no_input_beside_expect_json_only),
        WALK_TEST(a_path_that_is_not_there_is_said_so),
        WALK_TEST(a_path_that_cannot_be_read_is_an_io_error),
        WALK_TEST(what_a_folder_cannot_give_is_a_reject_and_the_rest_is_read),
        WALK_TEST(links_are_followed_but_not_in_circles),
        WALK_TEST(folders_deeper_than_we_read_are_a_reject),
        WALK_TEST(an_empty_folder_is_no_error),
        WALK_TEST(a_slash_behind_a_folder_is_not_doubled),
        WALK_TEST(indexes_begin_anew_in_each_file),
        WALK_TEST(the_sink_can_end_a_walk_between_files),
        WALK_TEST(standard_input_is_read_through_a_pipe),
        WALK_TEST(a_long_source_of_lines_reads_in_windows_as_it_would_whole),
        WALK_TEST(a_long_source_that_is_no_lines_is_read_whole),
        WALK_TEST(the_sink_can_end_a_long_source_between_windows),
        WALK_TEST(a_file_longer_than_the_ceiling_is_cut_there_and_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

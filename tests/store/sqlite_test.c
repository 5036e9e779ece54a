/* sqlite_test.c - what only a file can promise: other processes, crashes, damage, rights. */
#include "support/fb_test.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "store/store.h"

struct place {
    struct fb_arena *a;
    char dir[64], path[96], url[112];
};

static int setup(void **state)
{
    struct place *p = calloc(1, sizeof *p);

    *state = p;
    p->a = fb_arena_new(64u << 20);
    snprintf(p->dir, sizeof p->dir, "/tmp/fb-sqlite-XXXXXX");
    if (!mkdtemp(p->dir))
        return -1;
    snprintf(p->path, sizeof p->path, "%s/s.db", p->dir);
    snprintf(p->url, sizeof p->url, "sqlite:%s", p->path);
    return 0;
}

static int teardown(void **state)
{
    struct place *p = *state;
    DIR *d = opendir(p->dir);
    char path[400];

    for (struct dirent *e; d && (e = readdir(d));)
        if (e->d_name[0] != '.' && snprintf(path, sizeof path, "%s/%s", p->dir, e->d_name) > 0)
            unlink(path);
    if (d)
        closedir(d);
    rmdir(p->dir);
    fb_arena_free(p->a);
    free(p);
    return 0;
}

static struct fb_store *must_open(const char *url)
{
    struct fb_store *s = NULL;
    struct fb_err err = {0};

    if (fb_store_open(url, fb_clock_system(), &s, &err) != FB_OK)
        fprintf(stderr, "open: %s\n", err.text);
    return s;
}

static enum fb_status put(struct fb_store *s, const char *key, const char *text, uint64_t expect)
{
    struct fb_put p = {.key = key, .value = text, .len = strlen(text), .expect = expect};

    return fb_store_commit(s, &p, 1, false, NULL);
}

/* A child that dies with its parent and leaves without the parent's exit handlers. */
static pid_t child_of_test(void)
{
    pid_t pid = fork();

    if (pid == 0)
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    return pid;
}

static int wait_for(pid_t pid)
{
    int status = -1;

    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Counts a record up by compare-and-set, `times` times; 0 when every one succeeded in the end. */
static int count_up(const char *url, int times)
{
    struct fb_arena *a = fb_arena_new(1u << 20);
    struct fb_store *s = must_open(url);

    if (!s)
        return 2;
    for (int done = 0, tries = 0; done < times; tries++) {
        struct fb_item item;
        char text[16];
        enum fb_status st;

        fb_arena_reset(a);
        st = fb_store_get(s, a, "n#counter", &item, NULL);
        if (st != FB_OK && st != FB_ENOTFOUND)
            return 3;
        snprintf(text, sizeof text, "%d", st == FB_OK ? atoi(item.value) + 1 : 1);
        st = put(s, "n#counter", text, st == FB_OK ? item.version : 0);
        done += st == FB_OK;
        if ((st != FB_OK && st != FB_ECONFLICT) || tries > 1000000)
            return 4;
    }
    fb_store_close(s);
    fb_arena_free(a);
    return 0;
}

static void two_processes_that_count_a_record_up_lose_no_step(void **state)
{
    struct place *p = *state;
    struct fb_item item;
    struct fb_store *s;
    pid_t child[2];

    for (int i = 0; i < 2; i++) { /* neither finds a file: making it is a race too */
        child[i] = child_of_test();
        if (child[i] == 0)
            _exit(count_up(p->url, 500));
    }
    assert_int_equal(wait_for(child[0]), 0);
    assert_int_equal(wait_for(child[1]), 0);
    s = must_open(p->url);
    assert_int_equal(fb_store_get(s, p->a, "n#counter", &item, NULL), FB_OK);
    assert_string_equal(item.value, "1000");
    fb_store_close(s);
}

static void many_processes_may_make_the_same_file_at_once(void **state)
{
    struct place *p = *state;
    enum { CHILDREN = 6 };
    pid_t child[CHILDREN];

    for (int round = 0; round < 5; round++) {
        char url[160];

        snprintf(url, sizeof url, "%s.%d", p->url, round);
        for (int i = 0; i < CHILDREN; i++) {
            child[i] = child_of_test();
            if (child[i] == 0)
                _exit(count_up(url, 3));
        }
        for (int i = 0; i < CHILDREN; i++)
            assert_int_equal(wait_for(child[i]), 0);
    }
}

static void records_outlive_the_connection(void **state)
{
    struct place *p = *state;
    struct fb_store *s = must_open(p->url);
    struct fb_item before, after;

    assert_int_equal(put(s, "k#a", "kept", 0), FB_OK);
    assert_int_equal(fb_store_get(s, p->a, "k#a", &before, NULL), FB_OK);
    fb_store_close(s);
    s = must_open(p->url);
    assert_int_equal(fb_store_get(s, p->a, "k#a", &after, NULL), FB_OK);
    assert_string_equal(after.value, "kept");
    assert_int_equal(after.version, before.version);
    fb_store_close(s);
}

static void a_second_connection_sees_the_last_commit(void **state)
{
    struct place *p = *state;
    struct fb_store *one = must_open(p->url), *two = must_open(p->url);
    struct fb_item item;

    for (int i = 0; i < 20; i++) {
        char text[8];

        snprintf(text, sizeof text, "%d", i);
        assert_int_equal(put(i % 2 ? one : two, "k#a", text, i ? item.version : 0), FB_OK);
        assert_int_equal(fb_store_get(i % 2 ? two : one, p->a, "k#a", &item, NULL), FB_OK);
        assert_string_equal(item.value, text);
    }
    fb_store_close(one);
    fb_store_close(two);
}

/* Writes commits of two records that must always be equal, until it is killed. */
static void write_pairs_for_ever(const char *url, int tell)
{
    struct fb_arena *a = fb_arena_new(1u << 20);
    struct fb_store *s = must_open(url);

    if (!s)
        _exit(7);
    for (int i = 1;; i++) {
        struct fb_item left = {.version = 0}, right = {.version = 0};
        char text[2000];
        struct fb_put puts[2];

        fb_arena_reset(a);
        fb_store_get(s, a, "p#left", &left, NULL);
        fb_store_get(s, a, "p#right", &right, NULL);
        snprintf(text, sizeof text, "%1990d", i);
        puts[0] = (struct fb_put){"p#left", text, strlen(text), left.version, 0, false};
        puts[1] = (struct fb_put){"p#right", text, strlen(text), right.version, 0, false};
        if (fb_store_commit(s, puts, 2, i % 3 == 0, NULL) != FB_OK)
            _exit(5);
        if (i == 5 && write(tell, "x", 1) != 1)
            _exit(6);
    }
}

static void a_killed_writer_leaves_only_whole_commits(void **state)
{
    struct place *p = *state;
    for (int round = 0; round < 15; round++) {
        int ready[2], status;
        char c;
        pid_t child;
        struct fb_store *s;
        struct fb_item left, right;

        assert_int_equal(pipe(ready), 0);
        child = child_of_test();
        if (child == 0)
            write_pairs_for_ever(p->url, ready[1]);
        close(ready[1]);
        assert_int_equal(read(ready[0], &c, 1), 1);
        close(ready[0]);
        usleep(1000u * (unsigned)round + 137u);
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
        assert_true(WIFSIGNALED(status));

        s = must_open(p->url);
        assert_non_null(s);
        assert_int_equal(fb_store_get(s, p->a, "p#left", &left, NULL), FB_OK);
        assert_int_equal(fb_store_get(s, p->a, "p#right", &right, NULL), FB_OK);
        assert_string_equal(left.value, right.value);
        assert_true(atoi(left.value) >= 5); /* what it told about was committed */
        assert_int_equal(put(s, "p#left", "0", left.version), FB_OK);
        assert_int_equal(put(s, "p#right", "0", right.version), FB_OK);
        fb_store_close(s);
    }
}

static void the_file_is_for_its_owner_alone(void **state)
{
    struct place *p = *state;
    static const char *const SUFFIX[] = {"", "-wal", "-shm"};
    mode_t old = umask(0);
    struct fb_store *s = must_open(p->url);

    put(s, "k#a", "x", 0);
    for (size_t i = 0; i < 3; i++) {
        char path[128];
        struct stat info;

        snprintf(path, sizeof path, "%s%s", p->path, SUFFIX[i]);
        assert_int_equal(stat(path, &info), 0);
        assert_int_equal(info.st_mode & 0777, 0600);
    }
    umask(old);
    fb_store_close(s);
}

static enum fb_status open_says(const char *url, const char *words)
{
    struct fb_store *s = NULL;
    struct fb_err err = {0};
    enum fb_status st = fb_store_open(url, fb_clock_system(), &s, &err);

    assert_null(s);
    if (!strstr(err.text, words))
        print_error("\"%s\" is not in \"%s\"\n", words, err.text);
    assert_non_null(strstr(err.text, words));
    assert_null(strchr(err.text, '\n'));
    return st;
}

static void a_folder_that_is_missing_is_named(void **state)
{
    struct place *p = *state;
    char url[160];

    snprintf(url, sizeof url, "sqlite:%s/none/s.db", p->dir);
    assert_int_equal(open_says(url, "/none does not exist"), FB_ECONFIG);
    assert_int_equal(open_says(p->dir[0] ? "sqlite:/" : "", "not a file"), FB_ECONFIG);
}

/* Rights do not bind the superuser: the test lays its own down for the while. */
static void a_folder_or_file_without_write_permission_is_a_clear_error(void **state)
{
    struct place *p = *state;
    bool root = geteuid() == 0;
    struct fb_store *s;

    chmod(p->dir, 0555);
    if (root)
        assert_int_equal(seteuid(65534), 0);
    assert_int_equal(open_says(p->url, "Permission denied"), FB_ECONFIG);
    if (root)
        assert_int_equal(seteuid(0), 0);
    chmod(p->dir, 0700);
    s = must_open(p->url);
    fb_store_close(s);
    chmod(p->path, 0444);
    chmod(p->dir, 0555);
    if (root)
        assert_int_equal(seteuid(65534), 0);
    open_says(p->url, "writ");
    if (root)
        assert_int_equal(seteuid(0), 0);
    chmod(p->dir, 0700);
}

static void write_file(const char *path, const void *bytes, size_t len)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    fclose(f);
}

static void a_file_that_is_no_database_is_one_clear_error(void **state)
{
    struct place *p = *state;
    static const char TEXT[] = "these are the notes of somebody, and they are no database at all; "
                               "they are long enough to look like a header of one hundred bytes.";
    char back[sizeof TEXT];
    FILE *f;

    write_file(p->path, TEXT, sizeof TEXT);
    assert_int_equal(open_says(p->url, "damaged or is no Firebreak store"), FB_EIO);
    f = fopen(p->path, "r");
    assert_int_equal(fread(back, 1, sizeof back, f), sizeof back);
    fclose(f);
    assert_memory_equal(back, TEXT, sizeof TEXT); /* and it was left alone */
}

static void a_database_of_another_program_is_left_alone(void **state)
{
    struct place *p = *state;
    sqlite3 *db = NULL;
    char *mode = NULL;
    sqlite3_stmt *st = NULL;

    assert_int_equal(sqlite3_open(p->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE mine (x)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(open_says(p->url, "another program"), FB_ECONFIG);
    sqlite3_open(p->path, &db);
    sqlite3_prepare_v2(db, "PRAGMA journal_mode", -1, &st, NULL);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    mode = strdup((const char *)sqlite3_column_text(st, 0));
    sqlite3_finalize(st);
    sqlite3_close(db);
    assert_string_equal(mode, "delete"); /* not turned to WAL */
    free(mode);
}

static void a_store_of_a_later_format_is_refused(void **state)
{
    struct place *p = *state;
    sqlite3 *db = NULL;

    fb_store_close(must_open(p->url));
    sqlite3_open(p->path, &db);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(open_says(p->url, "format 99"), FB_ECONFIG);
}

/* Every page in turn is overwritten: reading then works or says so; it never crashes or goes
 * silent. */
static void a_damaged_page_is_an_error_and_never_a_crash(void **state)
{
    struct place *p = *state;
    struct fb_store *s = must_open(p->url);
    char key[32], text[3000], page[4096];
    struct stat info;
    int told = 0;

    memset(text, 'v', sizeof text);
    text[sizeof text - 1] = '\0';
    for (int i = 0; i < 20; i++) {
        snprintf(key, sizeof key, "k#%02d", i);
        assert_int_equal(put(s, key, text, 0), FB_OK);
    }
    fb_store_close(s); /* the last connection: the WAL is folded into the file */
    assert_int_equal(stat(p->path, &info), 0);
    assert_true(info.st_size > 20 * 3000);
    for (off_t at = 0; at < info.st_size; at += (off_t)sizeof page) {
        int fd = open(p->path, O_RDWR);
        char noise[sizeof page];
        struct fb_err err = {0};
        enum fb_status st;

        assert_int_equal(pread(fd, page, sizeof page, at), sizeof page);
        memset(noise, 0xa5, sizeof noise);
        assert_int_equal(pwrite(fd, noise, sizeof noise, at), sizeof noise);
        s = NULL;
        st = fb_store_open(p->url, fb_clock_system(), &s, &err);
        for (int i = 0; i < 20 && st == FB_OK; i++) {
            struct fb_item item;

            snprintf(key, sizeof key, "k#%02d", i);
            st = fb_store_get(s, p->a, key, &item, &err);
        }
        told += st == FB_EIO && strstr(err.text, "damaged") != NULL;
        fb_store_close(s);
        assert_int_equal(pwrite(fd, page, sizeof page, at), sizeof page);
        close(fd);
        fb_arena_reset(p->a);
    }
    assert_true(told >= 20); /* header, roots and the pages of the values */
    s = must_open(p->url);
    assert_non_null(s); /* mended, it is whole again */
    fb_store_close(s);
}

static void a_path_is_always_a_path(void **state)
{
    struct place *p = *state;
    char cwd[4096];
    struct fb_store *s;

    assert_non_null(getcwd(cwd, sizeof cwd));
    assert_int_equal(chdir(p->dir), 0);
    s = must_open("sqlite::memory:");
    assert_non_null(s);
    fb_store_close(s);
    assert_int_equal(access(":memory:", F_OK), 0); /* a file of that name, kept */
    s = must_open("sqlite:file:x?mode=memory");
    assert_non_null(s);
    fb_store_close(s);
    assert_int_equal(access("file:x?mode=memory", F_OK), 0);
    assert_int_equal(chdir(cwd), 0);
}

/* A writer that holds the file makes others wait, and then they say so and may try again. */
static void a_file_locked_for_long_is_a_retryable_error(void **state)
{
    struct place *p = *state;
    struct fb_store *s = must_open(p->url);
    struct fb_put one = {.key = "k#a", .value = "x", .len = 1};
    struct fb_err err = {0};
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(p->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(fb_store_commit(s, &one, 1, false, &err), FB_EIO);
    assert_true(err.retryable);
    assert_non_null(strstr(err.text, "locked"));
    sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    assert_int_equal(fb_store_commit(s, &one, 1, false, &err), FB_OK);
    sqlite3_close(db);
    fb_store_close(s);
}

/* Memory that is the process's own: pages of libraries come and go as the kernel likes. */
static long own_kb(void)
{
    FILE *f = fopen("/proc/self/status", "r");
    char line[200];
    long kb = 0;

    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "RssAnon:", 8) == 0)
            kb = strtol(line + 8, NULL, 10);
    if (f)
        fclose(f);
    return kb;
}

static void memory_stays_constant_over_100000_commits(void **state)
{
    struct place *p = *state;
    struct fb_store *s = must_open(p->url);
    char value[1024], key[32];
    sqlite3_int64 heap_early = 0;
    long own_early = 0;

    memset(value, 'p', sizeof value);
    for (int i = 0; i < 100000; i++) {
        struct fb_item item = {.version = 0};
        struct fb_put one = {.key = key, .value = value, .len = sizeof value};

        snprintf(key, sizeof key, "p#%03d", i % 500);
        fb_store_get(s, p->a, key, &item, NULL);
        one.expect = item.version;
        assert_int_equal(fb_store_commit(s, &one, 1, false, NULL), FB_OK);
        fb_arena_reset(p->a);
        if (i == 5000) {
            heap_early = sqlite3_memory_used();
            own_early = own_kb();
        }
    }
    assert_true(sqlite3_memory_used() <= heap_early + (32 << 10));
    assert_true(sqlite3_memory_used() < 1 << 20);
#ifndef FB_SANITIZED /* AddressSanitizer keeps freed memory for a while */
    assert_true(own_kb() <= own_early + 64);
#else
    (void)own_early;
#endif
    fb_store_close(s);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(two_processes_that_count_a_record_up_lose_no_step),
        T(many_processes_may_make_the_same_file_at_once),
        T(records_outlive_the_connection),
        T(a_second_connection_sees_the_last_commit),
        T(a_killed_writer_leaves_only_whole_commits),
        T(the_file_is_for_its_owner_alone),
        T(a_folder_that_is_missing_is_named),
        T(a_folder_or_file_without_write_permission_is_a_clear_error),
        T(a_file_that_is_no_database_is_one_clear_error),
        T(a_database_of_another_program_is_left_alone),
        T(a_store_of_a_later_format_is_refused),
        T(a_damaged_page_is_an_error_and_never_a_crash),
        T(a_path_is_always_a_path),
        T(a_file_locked_for_long_is_a_retryable_error),
        T(memory_stays_constant_over_100000_commits),
    };

    return cmocka_run_group_tests_name("sqlite", tests, NULL, NULL);
}

/* ledger_test.c - the audit trail: whatever is done to it behind its back, verify says where. */
#include "support/fb_test.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "contain/ledger.h"
#include "store/store.h"

enum { LINES = 7 };

struct book {
    struct fb_arena *a;
    struct fb_store *s;
};

static int setup(void **state)
{
    struct book *b = calloc(1, sizeof *b);

    b->a = fb_arena_new(256u << 20);
    *state = b;
    return fb_store_open("memory:", fb_clock_system(), &b->s, NULL) == FB_OK ? 0 : -1;
}

static int teardown(void **state)
{
    struct book *b = *state;

    fb_store_close(b->s);
    fb_arena_free(b->a);
    free(b);
    return 0;
}

static enum fb_status append(struct book *b, const char *json, uint64_t *number)
{
    struct fb_ledger_line line = {.json = json};
    enum fb_status st = fb_ledger_append(b->s, b->a, 1700000000000, &line, 1, NULL, 0, false, NULL);

    if (number)
        *number = line.number;
    return st;
}

static void fill(struct book *b, const char *flavour)
{
    for (int i = 1; i <= LINES; i++)
        assert_int_equal(
            append(b, fb_arena_fmt(b->a, "{\"what\":\"%s\",\"i\":%d}", flavour, i), NULL), FB_OK);
}

static struct fb_ledger_report verify(struct book *b)
{
    struct fb_ledger_report r;

    assert_int_equal(fb_ledger_verify(b->s, b->a, &r, NULL), FB_OK);
    return r;
}

static void assert_whole(struct book *b, uint64_t lines)
{
    struct fb_ledger_report r = verify(b);

    if (r.first_bad)
        print_error("bad at %d: %s\n", (int)r.first_bad, r.why);
    assert_int_equal(r.first_bad, 0);
    assert_int_equal(r.lines, lines);
    assert_string_equal(r.why, "");
}

static void assert_bad_at(struct book *b, uint64_t number)
{
    struct fb_ledger_report r = verify(b);

    assert_int_equal(r.first_bad, number);
    assert_true(strlen(r.why) > 10);
}

/* ---- the vandal's tools: straight to the store ---- */

static const char *key_of(struct book *b, int number)
{
    return number == 0 ? "ledgerhead#main" : fb_arena_fmt(b->a, "ledger#%020d", number);
}

static struct fb_item raw(struct book *b, int number)
{
    struct fb_item item;

    assert_int_equal(fb_store_get(b->s, b->a, key_of(b, number), &item, NULL), FB_OK);
    return item;
}

static void overwrite(struct book *b, int number, const char *value, size_t len)
{
    struct fb_item item;
    struct fb_put p = {.key = key_of(b, number), .value = value, .len = len};

    p.expect = fb_store_get(b->s, b->a, p.key, &item, NULL) == FB_OK ? item.version : 0;
    assert_int_equal(fb_store_commit(b->s, &p, 1, false, NULL), FB_OK);
}

static void cut(struct book *b, int number)
{
    struct fb_put p = {.key = key_of(b, number), .expect = raw(b, number).version, .erase = true};

    assert_int_equal(fb_store_commit(b->s, &p, 1, false, NULL), FB_OK);
}

/* ---- facts ---- */

static void an_empty_ledger_is_whole(void **state) { assert_whole(*state, 0); }

static void lines_are_numbered_from_one_and_prove_whole(void **state)
{
    struct book *b = *state;
    uint64_t number;

    for (uint64_t i = 1; i <= 20; i++) {
        assert_int_equal(append(b, "{\"what\":\"intent\"}", &number), FB_OK);
        assert_int_equal(number, i);
        assert_whole(b, i);
    }
}

static void equal_lines_have_different_digests_and_the_head_names_the_last(void **state)
{
    struct book *b = *state;
    struct fb_ledger_report r;

    append(b, "{\"same\":1}", NULL);
    append(b, "{\"same\":1}", NULL);
    r = verify(b);
    assert_memory_not_equal(raw(b, 1).value, raw(b, 2).value, raw(b, 1).len);
    assert_non_null(strstr(raw(b, 2).value, r.head));
    assert_null(strstr(raw(b, 1).value, r.head));
}

static void a_batch_is_written_with_its_records_in_order(void **state)
{
    struct book *b = *state;
    struct fb_ledger_line lines[FB_LEDGER_BATCH_MAX];
    struct fb_put with[16];
    struct fb_item item;

    for (int i = 0; i < FB_LEDGER_BATCH_MAX; i++)
        lines[i] = (struct fb_ledger_line){.json = fb_arena_fmt(b->a, "{\"i\":%d}", i)};
    for (int i = 0; i < 16; i++)
        with[i] = (struct fb_put){.key = fb_arena_fmt(b->a, "act#%d", i), .value = "x", .len = 1};
    append(b, "{}", NULL);
    assert_int_equal(fb_ledger_append(b->s, b->a, 5, lines, 8, with, 16, true, NULL), FB_OK);
    for (int i = 0; i < FB_LEDGER_BATCH_MAX; i++) {
        assert_int_equal(lines[i].number, i + 2);
        assert_non_null(strstr(raw(b, i + 2).value, lines[i].json));
    }
    assert_int_equal(fb_store_get(b->s, b->a, "act#15", &item, NULL), FB_OK);
    assert_whole(b, 9);
}

/* Whichever record is not at its version: no line is written, and no other record. */
static void a_conflict_in_a_record_of_the_batch_writes_nothing(void **state)
{
    struct book *b = *state;
    struct fb_ledger_line line = {.json = "{}"};
    struct fb_err err;
    struct fb_item item;

    append(b, "{}", NULL);
    for (int bad = 0; bad < 16; bad++) {
        struct fb_put with[16];

        for (int i = 0; i < 16; i++)
            with[i] = (struct fb_put){.key = fb_arena_fmt(b->a, "act#%02d", i),
                                      .value = "x",
                                      .len = 1,
                                      .expect = i == bad ? 77 : 0};
        assert_int_equal(fb_ledger_append(b->s, b->a, 5, &line, 1, with, 16, true, &err),
                         FB_ECONFLICT);
        assert_non_null(strstr(err.text, with[bad].key));
        assert_int_equal(fb_store_get(b->s, b->a, with[(bad + 1) % 16].key, &item, NULL),
                         FB_ENOTFOUND);
        assert_whole(b, 1);
    }
}

static void a_line_is_an_object_on_one_line_and_a_batch_has_its_limits(void **state)
{
    struct book *b = *state;
    struct fb_ledger_line lines[9];
    struct fb_put with[17];
    char *big = calloc(1, (64u << 10) + 2);

    assert_int_equal(append(b, "", NULL), FB_EINPUT);
    assert_int_equal(append(b, "[]", NULL), FB_EINPUT);
    assert_int_equal(append(b, "{\n}", NULL), FB_EINPUT);
    assert_int_equal(append(b, NULL, NULL), FB_EINPUT);
    memset(big, ' ', (64u << 10) + 1);
    big[0] = '{';
    assert_int_equal(append(b, big, NULL), FB_EINPUT);
    for (int i = 0; i < 9; i++)
        lines[i] = (struct fb_ledger_line){.json = "{}"};
    for (int i = 0; i < 17; i++)
        with[i] = (struct fb_put){.key = fb_arena_fmt(b->a, "act#%d", i), .value = "x", .len = 1};
    assert_int_equal(fb_ledger_append(b->s, b->a, 5, lines, 0, NULL, 0, false, NULL), FB_EINPUT);
    assert_int_equal(fb_ledger_append(b->s, b->a, 5, lines, 9, NULL, 0, false, NULL), FB_EINPUT);
    assert_int_equal(fb_ledger_append(b->s, b->a, 5, lines, 1, with, 17, false, NULL), FB_EINPUT);
    assert_whole(b, 0);
    big[64u << 10] = '\0';
    assert_int_equal(append(b, big, NULL), FB_OK);
    assert_whole(b, 1);
    free(big);
}

/* For every ceiling of the arena: the line is either written whole or not at all, and it is told.
 */
static void a_full_arena_never_writes_half_a_batch(void **state)
{
    struct book *b = *state;
    uint64_t written = 0;
    struct fb_put with = {.key = "act#1", .value = "x", .len = 1};

    for (size_t bytes = 16; written == 0; bytes += 48) {
        struct fb_arena *small = fb_arena_new(bytes);
        struct fb_ledger_line line = {.json = "{\"what\":\"intent\"}"};
        enum fb_status st = fb_ledger_append(b->s, small, 5, &line, 1, &with, 1, false, NULL);

        assert_true(bytes < 1u << 20);
        assert_true(st == FB_OK || st == FB_ELIMIT);
        written += st == FB_OK;
        assert_whole(b, written);
        fb_arena_free(small);
    }
}

static void every_changed_byte_of_every_line_is_seen_at_its_line(void **state)
{
    struct book *b = *state;

    fill(b, "x");
    for (int n = 1; n <= LINES; n++) {
        struct fb_item item = raw(b, n);
        char *edited = fb_arena_alloc(b->a, item.len + 2);

        for (size_t i = 0; i < item.len; i++) {
            memcpy(edited, item.value, item.len);
            edited[i] = (char)(edited[i] ^ 1);
            overwrite(b, n, edited, item.len);
            assert_bad_at(b, (uint64_t)n);
        }
        memcpy(edited, item.value, item.len);
        overwrite(b, n, edited, item.len - 1); /* a byte less */
        assert_bad_at(b, (uint64_t)n);
        edited[item.len] = ' ';
        overwrite(b, n, edited, item.len + 1); /* a byte more */
        assert_bad_at(b, (uint64_t)n);
        edited[item.len] = '\0';
        overwrite(b, n, edited, item.len + 1); /* even one that text would not show */
        assert_bad_at(b, (uint64_t)n);
        overwrite(b, n, "", 0);
        assert_bad_at(b, (uint64_t)n);
        overwrite(b, n, item.value, item.len);
        assert_whole(b, LINES);
    }
}

static void every_cut_line_is_seen_at_its_place(void **state)
{
    struct book *b = *state;

    fill(b, "x");
    for (int n = 1; n <= LINES; n++) {
        struct fb_item item = raw(b, n);

        cut(b, n);
        assert_bad_at(b, (uint64_t)n);
        overwrite(b, n, item.value, item.len);
        assert_whole(b, LINES);
    }
}

static void every_two_swapped_lines_are_seen_at_the_first(void **state)
{
    struct book *b = *state;

    fill(b, "x");
    for (int m = 1; m <= LINES; m++)
        for (int n = m + 1; n <= LINES; n++) {
            struct fb_item first = raw(b, m), second = raw(b, n);

            overwrite(b, m, second.value, second.len);
            overwrite(b, n, first.value, first.len);
            assert_bad_at(b, (uint64_t)m);
            overwrite(b, m, first.value, first.len);
            overwrite(b, n, second.value, second.len);
        }
    assert_whole(b, LINES);
}

/* A line cut out and the later ones moved up, as an editor of text would do it. */
static void lines_that_moved_up_are_seen(void **state)
{
    struct book *b = *state;

    fill(b, "x");
    for (int n = 3; n < LINES; n++) {
        struct fb_item next = raw(b, n + 1);

        overwrite(b, n, next.value, next.len);
    }
    cut(b, LINES);
    assert_bad_at(b, 3);
}

static void lines_missing_at_the_end_are_seen_by_the_head(void **state)
{
    struct book *b = *state;

    fill(b, "x");
    for (int n = LINES; n >= 1; n--) {
        cut(b, n);
        assert_bad_at(b, (uint64_t)n);
    }
}

/* A line that is a good line of another book: its own digest fits, the next line's does not. */
static void a_line_rewritten_with_its_digest_is_seen_at_the_next(void **state)
{
    struct book *b = *state, other = {.a = b->a};
    struct fb_item last;

    fill(b, "x");
    for (int n = 1; n <= LINES; n++) {
        struct fb_item mine = raw(b, n), forged;

        assert_int_equal(fb_store_open("memory:", fb_clock_system(), &other.s, NULL), FB_OK);
        for (int i = 1; i < n; i++)
            append(&other, fb_arena_fmt(b->a, "{\"what\":\"x\",\"i\":%d}", i), NULL);
        append(&other, "{\"what\":\"forged\"}", NULL);
        forged = raw(&other, n);
        fb_store_close(other.s);
        overwrite(b, n, forged.value, forged.len);
        assert_bad_at(b, (uint64_t)(n < LINES ? n + 1 : n)); /* the last one: by the head */
        overwrite(b, n, mine.value, mine.len);
    }
    last = raw(b, 0);
    overwrite(b, 0, last.value, last.len);
    assert_whole(b, LINES);
}

static void every_change_of_the_head_is_seen(void **state)
{
    struct book *b = *state;
    struct fb_item head;
    char *edited;

    fill(b, "x");
    head = raw(b, 0);
    edited = fb_arena_alloc(b->a, head.len + 1);
    for (size_t i = 0; i < head.len; i++) {
        memcpy(edited, head.value, head.len);
        edited[i] = (char)(edited[i] ^ 1);
        overwrite(b, 0, edited, head.len);
        assert_int_not_equal(verify(b).first_bad, 0);
    }
    overwrite(b, 0, head.value, head.len);
    cut(b, 0);
    assert_bad_at(b, 1);
}

/* The head of an hour ago put back: the lines since then lie beyond it. */
static void an_old_head_put_back_is_seen(void **state)
{
    struct book *b = *state;
    struct fb_item old;

    fill(b, "x");
    old = raw(b, 0);
    append(b, "{\"late\":1}", NULL);
    overwrite(b, 0, old.value, old.len);
    assert_bad_at(b, LINES + 1);
    assert_int_equal(append(b, "{}", NULL), FB_EIO); /* and nothing is written over what is there */
    assert_bad_at(b, LINES + 1);
}

static void nothing_is_appended_to_a_damaged_head(void **state)
{
    struct book *b = *state;
    struct fb_ledger_line line = {.json = "{}"};
    struct fb_err err;

    append(b, "{}", NULL);
    overwrite(b, 0, "nonsense", 8);
    assert_int_equal(fb_ledger_append(b->s, b->a, 5, &line, 1, NULL, 0, false, &err), FB_EIO);
    assert_non_null(strstr(err.text, "ledger verify"));
    assert_bad_at(b, 1);
}

/* ---- two processes, one book ---- */

enum { EACH = 150 };

static pid_t appender(const char *url, int who)
{
    pid_t pid = fork();
    struct book b = {.a = NULL};

    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (fb_store_open(url, fb_clock_system(), &b.s, NULL) != FB_OK)
        _exit(2);
    for (int i = 0; i < EACH; i++) {
        char json[64], key[32];
        struct fb_ledger_line lines[2] = {{.json = json}, {.json = "{\"second\":true}"}};
        struct fb_put with = {.key = key, .value = "x", .len = 1};

        b.a = fb_arena_new(4u << 20);
        snprintf(json, sizeof json, "{\"who\":%d,\"i\":%d}", who, i);
        snprintf(key, sizeof key, "act#%d-%d", who, i);
        if (fb_ledger_append(b.s, b.a, i, lines, 2, &with, 1, false, NULL) != FB_OK ||
            lines[1].number != lines[0].number + 1)
            _exit(3);
        fb_arena_free(b.a);
    }
    fb_store_close(b.s);
    _exit(0);
}

static void two_processes_append_to_one_whole_chain_while_a_third_verifies(void **state)
{
    struct book *b = *state, shared = {.a = b->a};
    char dir[] = "/tmp/fb-ledger-XXXXXX", url[80], path[80];
    int running = 2, status = 0;

    assert_non_null(mkdtemp(dir));
    snprintf(url, sizeof url, "sqlite:%s/s.db", dir);
    assert_int_equal(fb_store_open(url, fb_clock_system(), &shared.s, NULL), FB_OK);
    appender(url, 1);
    appender(url, 2);
    while (running > 0) {
        struct fb_ledger_report r = verify(&shared);

        assert_int_equal(r.first_bad, 0); /* a book that grows is whole at every moment */
        if (waitpid(-1, &status, WNOHANG) > 0) {
            assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
            running--;
        }
        fb_arena_reset(b->a);
    }
    assert_whole(&shared, 2 * 2 * EACH);
    fb_store_close(shared.s);
    for (const char *const *suffix = (const char *const[]){"", "-wal", "-shm", NULL}; *suffix;
         suffix++) {
        snprintf(path, sizeof path, "%s/s.db%s", dir, *suffix);
        unlink(path);
    }
    rmdir(dir);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_empty_ledger_is_whole),
        T(lines_are_numbered_from_one_and_prove_whole),
        T(equal_lines_have_different_digests_and_the_head_names_the_last),
        T(a_batch_is_written_with_its_records_in_order),
        T(a_conflict_in_a_record_of_the_batch_writes_nothing),
        T(a_line_is_an_object_on_one_line_and_a_batch_has_its_limits),
        T(a_full_arena_never_writes_half_a_batch),
        T(every_changed_byte_of_every_line_is_seen_at_its_line),
        T(every_cut_line_is_seen_at_its_place),
        T(every_two_swapped_lines_are_seen_at_the_first),
        T(lines_that_moved_up_are_seen),
        T(lines_missing_at_the_end_are_seen_by_the_head),
        T(a_line_rewritten_with_its_digest_is_seen_at_the_next),
        T(every_change_of_the_head_is_seen),
        T(an_old_head_put_back_is_seen),
        T(nothing_is_appended_to_a_damaged_head),
        T(two_processes_append_to_one_whole_chain_while_a_third_verifies),
    };

    return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}

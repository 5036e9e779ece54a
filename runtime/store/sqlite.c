/* sqlite.c - a store in one SQLite file, shared safely by the processes of one machine.
 *
 * WAL, so that readers never wait for the writer; every commit is BEGIN IMMEDIATE, so that expected
 * versions are compared under the write lock. synchronous is NORMAL (a commit survives the
 * process), FULL for a durable commit (it survives the machine;
 * sqlite.org/pragma.html#pragma_synchronous). The cache is bounded and every statement is reset
 * after use, so memory does not grow with commits. */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/backend.h"

enum {
    APPLICATION_ID = 0x46425244, /* "FBRD": tells our files from other SQLite databases */
    SCHEMA_VERSION = 1,
    BUSY_MS = 5000,
    SWEEP_STEP = 1000,
    SWEEP_STEPS_MAX = 1000,
    PATH_BYTES_MAX = 4096
};

enum statement {
    BEGIN,
    COMMIT,
    ROLLBACK,
    GET,
    NEXT,
    UPDATE,
    INSERT,
    ERASE,
    FLOOR,
    SWEEP_FLOOR,
    SWEEP,
    STATEMENTS
};

/* A record is live at ?2 when expires_ms is 0 or above it. `floor` is the highest version of any
 * record ever removed: a new record starts above it, so that no old reader's version fits again. */
#define LIVE "(expires_ms = 0 OR expires_ms > ?2)"
#define DEAD_STEP                                                                                  \
    "FROM record WHERE expires_ms <> 0 AND expires_ms <= ?1 ORDER BY expires_ms, id LIMIT ?2"
static const char *const SQL[STATEMENTS] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [GET] = "SELECT key, value, version, expires_ms FROM record WHERE key = ?1 AND " LIVE,
    [NEXT] = "SELECT key, value, version, expires_ms FROM record WHERE key >= ?1 AND " LIVE
             " AND (?3 = 0 OR key > ?1) AND key < ?4 ORDER BY key LIMIT 1",
    [UPDATE] = "UPDATE record SET value = ?3, version = version + 1, expires_ms = ?4"
               " WHERE key = ?1 AND version = ?5 AND " LIVE,
    [INSERT] = "INSERT INTO record (key, value, version, expires_ms)"
               " VALUES (?1, ?3, (SELECT version + 1 FROM floor), ?4)"
               " ON CONFLICT (key) DO UPDATE SET value = ?3, version = version + 1, expires_ms = ?4"
               " WHERE NOT " LIVE,
    [ERASE] = "DELETE FROM record WHERE key = ?1 AND version = ?3 AND " LIVE,
    [FLOOR] = "UPDATE floor SET version = max(version, ?1)",
    [SWEEP_FLOOR] = "UPDATE floor SET version = max(version, (SELECT coalesce(max(version), 0) FROM"
                    " (SELECT version " DEAD_STEP ")))",
    [SWEEP] = "DELETE FROM record WHERE id IN (SELECT id " DEAD_STEP ")",
};

static const char SCHEMA[] =
    "CREATE TABLE record (id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, value BLOB NOT NULL,"
    " version INTEGER NOT NULL, expires_ms INTEGER NOT NULL);"
    "CREATE INDEX record_expiry ON record (expires_ms, id) WHERE expires_ms <> 0;"
    "CREATE TABLE floor (version INTEGER NOT NULL);"
    "INSERT INTO floor VALUES (0);";

struct sqlite {
    sqlite3 *db;
    sqlite3_stmt *st[STATEMENTS];
    bool full; /* synchronous is FULL now */
};

static enum fb_status broke(const struct sqlite *s, struct fb_err *err)
{
    int code = sqlite3_errcode(s->db); /* primary code in the low byte */
    enum fb_status st;

    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        st = fb_err_set(err, FB_EIO, "another process has kept the file locked for %d s",
                        BUSY_MS / 1000);
        if (err)
            err->retryable = true;
        return st;
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        return fb_err_set(
            err, FB_EIO,
            "the file is damaged or is no Firebreak store (%s); move it away or restore "
            "a copy",
            sqlite3_errmsg(s->db));
    case SQLITE_FULL:
        return fb_err_set(err, FB_EIO, "the disk is full");
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
        return fb_err_set(err, FB_EIO,
                          "cannot write (%s): the file and its folder must be writable",
                          sqlite3_errmsg(s->db));
    default:
        return fb_err_set(err, FB_EIO, "%s (SQLite code %d)", sqlite3_errmsg(s->db), code);
    }
}

static enum fb_status run_sql(struct sqlite *s, const char *sql, struct fb_err *err)
{
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? FB_OK : broke(s, err);
}

/* The first column of the first row, a whole number. */
static enum fb_status ask_int(struct sqlite *s, const char *sql, int64_t *out, struct fb_err *err)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        *out = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return rc == SQLITE_ROW ? FB_OK : broke(s, err);
}

/* Statements are made when first used and kept. */
static sqlite3_stmt *statement(struct sqlite *s, enum statement which)
{
    if (!s->st[which])
        sqlite3_prepare_v3(s->db, SQL[which], -1, SQLITE_PREPARE_PERSISTENT, &s->st[which], NULL);
    return s->st[which];
}

static void bind_bytes(sqlite3_stmt *st, int at, const void *bytes, size_t len)
{
    /* A NULL pointer would bind NULL; an empty value is a value. The bytes outlive the step. */
    sqlite3_bind_blob64(st, at, len ? bytes : "", len, SQLITE_STATIC);
}

static void bind_key(sqlite3_stmt *st, const char *key) { bind_bytes(st, 1, key, strlen(key)); }

/* Steps to the end; *changes rows were changed. Resets and forgets the bound bytes. */
static enum fb_status step_done(struct sqlite *s, sqlite3_stmt *st, int *changes,
                                struct fb_err *err)
{
    int rc = st ? sqlite3_step(st) : SQLITE_ERROR;
    enum fb_status result = FB_OK;

    if (rc != SQLITE_DONE && rc != SQLITE_ROW)
        result = broke(s, err);
    if (changes)
        *changes = sqlite3_changes(s->db);
    if (st) {
        sqlite3_reset(st);
        sqlite3_clear_bindings(st);
    }
    return result;
}

static enum fb_status step_plain(struct sqlite *s, enum statement which, struct fb_err *err)
{
    return step_done(s, statement(s, which), NULL, err);
}

/* ---- opening ---- */

/* Makes the file ours to read alone, before SQLite would make it with the process's umask. A file
 * that is there is not opened: closing such a descriptor would drop the locks that another
 * connection of this process holds on it (sqlite.org/howtocorrupt.html, section 2.2). */
static enum fb_status make_file(const char *path, struct fb_err *err)
{
    struct stat info;
    char folder[PATH_BYTES_MAX];
    char *slash;
    int fd;

    if (stat(path, &info) == 0)
        return S_ISREG(info.st_mode) ? FB_OK
                                     : fb_err_set(err, FB_ECONFIG, "%s is not a file", path);
    snprintf(folder, sizeof folder, "%s", path);
    slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder ? 1 : 0] = '\0';
    if (slash && stat(folder, &info) != 0)
        return fb_err_set(err, FB_ECONFIG,
                          "the folder %s does not exist or cannot be read (%s); make it first",
                          folder, strerror(errno));
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno != EEXIST)
        return fb_err_set(err, FB_ECONFIG, "cannot make the file: %s", strerror(errno));
    if (fd >= 0)
        close(fd);
    return FB_OK;
}

/* Ours, or empty and so to be made. A foreign database is not touched. Inside a transaction, so
 * that the answers belong to one moment. */
static enum fb_status look(struct sqlite *s, bool *empty, struct fb_err *err)
{
    int64_t id = 0, version = 0, tables = 0;
    enum fb_status st = ask_int(s, "PRAGMA application_id", &id, err);

    if (st == FB_OK)
        st = ask_int(s, "PRAGMA user_version", &version, err);
    if (st == FB_OK)
        st = ask_int(s, "SELECT count(*) FROM sqlite_master", &tables, err);
    if (st != FB_OK)
        return st;
    *empty = id == 0 && version == 0 && tables == 0;
    if (*empty)
        return FB_OK;
    if (id != APPLICATION_ID)
        return fb_err_set(err, FB_ECONFIG, "the file is a database of another program");
    if (version != SCHEMA_VERSION)
        return fb_err_set(
            err, FB_ECONFIG,
            "the store has format %lld, this program reads format %d; use the version of "
            "firebreak that wrote it",
            (long long)version, SCHEMA_VERSION);
    return FB_OK;
}

/* Changing to WAL needs the file alone, and SQLite does not call the busy handler for it. */
static enum fb_status enter_wal(struct sqlite *s, struct fb_err *err)
{
    for (int waited_ms = 0;; waited_ms += 10) {
        int rc = sqlite3_exec(s->db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);

        if (rc == SQLITE_OK)
            return FB_OK;
        if ((rc & 0xff) != SQLITE_BUSY || waited_ms >= BUSY_MS)
            return broke(s, err);
        sqlite3_sleep(10);
    }
}

static enum fb_status make_schema(struct sqlite *s, struct fb_err *err)
{
    char marks[96];
    bool empty = false;
    enum fb_status st = run_sql(s, "BEGIN IMMEDIATE", err);

    if (st != FB_OK)
        return st;
    snprintf(marks, sizeof marks, "PRAGMA application_id = %d; PRAGMA user_version = %d",
             APPLICATION_ID, SCHEMA_VERSION);
    st = look(s, &empty, err); /* somebody may have made it since */
    if (st == FB_OK && empty)
        st = run_sql(s, SCHEMA, err);
    if (st == FB_OK && empty)
        st = run_sql(s, marks, err);
    if (st == FB_OK)
        st = run_sql(s, "COMMIT", err);
    if (st != FB_OK)
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return st;
}

static enum fb_status set_up(struct sqlite *s, struct fb_err *err)
{
    bool empty = false;
    enum fb_status st;

    sqlite3_busy_timeout(s->db, BUSY_MS);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    st = run_sql(s, "BEGIN", err);
    if (st == FB_OK)
        st = look(s, &empty, err);
    if (!sqlite3_get_autocommit(s->db))
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL); /* it only read */
    if (st == FB_OK && sqlite3_db_readonly(s->db, "main"))
        return fb_err_set(err, FB_ECONFIG, "the file cannot be written");
    if (st == FB_OK)
        st = enter_wal(s, err);
    if (st == FB_OK && empty)
        st = make_schema(s, err);
    if (st == FB_OK) /* 512 KiB of pages; a long WAL is cut back after a checkpoint */
        st = run_sql(
            s,
            "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -512; PRAGMA temp_store = MEMORY;"
            "PRAGMA journal_size_limit = 4194304",
            err);
    return st;
}

static void sqlite_close(void *self)
{
    struct sqlite *s = self;

    for (int i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(s->st[i]);
    sqlite3_close(s->db);
    free(s);
}

static enum fb_status sqlite_open(const char *rest, void **self, struct fb_err *err)
{
    char path[PATH_BYTES_MAX];
    struct sqlite *s;
    enum fb_status st;
    int len;

    if (!*rest)
        return fb_err_set(err, FB_ECONFIG, "write sqlite:PATH, with the path of a file");
    /* "./" keeps SQLite from reading ":memory:" or "file:..." into a path. */
    len = snprintf(path, sizeof path, "%s%s", *rest == '/' ? "" : "./", rest);
    if (len < 0 || (size_t)len >= sizeof path)
        return fb_err_set(err, FB_ECONFIG, "the path is too long");
    st = make_file(path, err);
    if (st != FB_OK)
        return st;
    s = calloc(1, sizeof *s);
    if (!s)
        return fb_err_set(err, FB_EIO, "memory is short");
    if (sqlite3_open_v2(path, &s->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                        NULL) != SQLITE_OK)
        st = broke(s, err);
    else
        st = set_up(s, err);
    if (st != FB_OK)
        sqlite_close(s);
    else
        *self = s;
    return st;
}

/* ---- reading ---- */

/* Steps a statement that gives one record or none. */
static enum fb_status one_record(struct sqlite *s, sqlite3_stmt *st, struct fb_arena *a,
                                 struct fb_item *out, struct fb_err *err)
{
    char key[FB_KEY_BYTES_MAX + 1];
    enum fb_status result = FB_ENOTFOUND;
    int rc = st ? sqlite3_step(st) : SQLITE_ERROR;

    if (rc == SQLITE_ROW) {
        size_t key_len = (size_t)sqlite3_column_bytes(st, 0);
        const void *value = sqlite3_column_blob(st, 1);
        size_t len = (size_t)sqlite3_column_bytes(st, 1);
        int64_t version = sqlite3_column_int64(st, 2);

        if (key_len > FB_KEY_BYTES_MAX || len > FB_VALUE_BYTES_MAX || version < 1) {
            result = fb_err_set(err, FB_EIO, "the file is damaged: a record is out of bounds");
        } else {
            memcpy(key, sqlite3_column_blob(st, 0), key_len);
            key[key_len] = '\0';
            out->version = (uint64_t)version;
            out->expires_ms = sqlite3_column_int64(st, 3);
            result = fb_item_fill(a, key, value, len, out, err);
        }
    } else if (rc != SQLITE_DONE) {
        result = broke(s, err);
    }
    if (st) {
        sqlite3_reset(st);
        sqlite3_clear_bindings(st);
    }
    return result;
}

static enum fb_status sqlite_get(void *self, struct fb_arena *a, const char *key, int64_t now_ms,
                                 struct fb_item *out, struct fb_err *err)
{
    sqlite3_stmt *st = statement(self, GET);

    bind_key(st, key);
    sqlite3_bind_int64(st, 2, now_ms);
    return one_record(self, st, a, out, err);
}

static enum fb_status sqlite_next(void *self, struct fb_arena *a, const struct fb_range *range,
                                  int64_t now_ms, struct fb_item *out, struct fb_err *err)
{
    /* No key is that long: the end of all keys. */
    static const unsigned char LAST[] = {0xff, 0xff, 0xff, 0xff};
    sqlite3_stmt *st = statement(self, NEXT);

    bind_key(st, range->from);
    sqlite3_bind_int64(st, 2, now_ms);
    sqlite3_bind_int(st, 3, range->beyond);
    if (range->before)
        bind_bytes(st, 4, range->before, strlen(range->before));
    else
        bind_bytes(st, 4, LAST, sizeof LAST);
    return one_record(self, st, a, out, err);
}

/* ---- writing ---- */

/* Whether a live record with that key exists; for an erase that expects none. */
static enum fb_status must_be_absent(struct sqlite *s, const struct fb_put *put, int64_t now_ms,
                                     struct fb_err *err)
{
    sqlite3_stmt *st = statement(s, GET);
    int rc;

    bind_key(st, put->key);
    sqlite3_bind_int64(st, 2, now_ms);
    rc = st ? sqlite3_step(st) : SQLITE_ERROR;
    if (st) {
        sqlite3_reset(st);
        sqlite3_clear_bindings(st);
    }
    if (rc == SQLITE_ROW)
        return fb_conflict(put, err);
    return rc == SQLITE_DONE ? FB_OK : broke(s, err);
}

static enum fb_status erase_one(struct sqlite *s, const struct fb_put *put, int64_t now_ms,
                                struct fb_err *err)
{
    sqlite3_stmt *st;
    enum fb_status result;
    int changes = 0;

    if (put->expect == 0)
        return must_be_absent(s, put, now_ms, err);
    st = statement(s, ERASE);
    bind_key(st, put->key);
    sqlite3_bind_int64(st, 2, now_ms);
    sqlite3_bind_int64(st, 3, (int64_t)put->expect);
    result = step_done(s, st, &changes, err);
    if (result != FB_OK)
        return result;
    if (changes != 1)
        return fb_conflict(put, err);
    st = statement(s, FLOOR);
    sqlite3_bind_int64(st, 1, (int64_t)put->expect);
    return step_done(s, st, NULL, err);
}

static enum fb_status put_one(struct sqlite *s, const struct fb_put *put, int64_t now_ms,
                              struct fb_err *err)
{
    sqlite3_stmt *st;
    enum fb_status result;
    int changes = 0;

    if (put->expect > INT64_MAX)
        return fb_conflict(put, err);
    if (put->erase)
        return erase_one(s, put, now_ms, err);
    st = statement(s, put->expect ? UPDATE : INSERT);
    bind_key(st, put->key);
    sqlite3_bind_int64(st, 2, now_ms);
    bind_bytes(st, 3, put->value, put->len);
    sqlite3_bind_int64(st, 4, put->expires_ms);
    if (put->expect)
        sqlite3_bind_int64(st, 5, (int64_t)put->expect);
    result = step_done(s, st, &changes, err);
    if (result == FB_OK && changes != 1)
        return fb_conflict(put, err);
    return result;
}

static enum fb_status set_full(struct sqlite *s, bool full, struct fb_err *err)
{
    enum fb_status st;

    if (s->full == full)
        return FB_OK;
    st = run_sql(s, full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL", err);
    if (st == FB_OK)
        s->full = full;
    return st;
}

static enum fb_status sqlite_commit(void *self, const struct fb_put *puts, size_t n, bool durable,
                                    int64_t now_ms, struct fb_err *err)
{
    struct sqlite *s = self;
    enum fb_status st = set_full(s, durable, err);

    if (st == FB_OK)
        st = step_plain(s, BEGIN, err);
    if (st != FB_OK)
        return st;
    for (size_t i = 0; i < n && st == FB_OK; i++)
        st = put_one(s, &puts[i], now_ms, err);
    if (st == FB_OK)
        st = step_plain(s, COMMIT, err);
    if (st != FB_OK && !sqlite3_get_autocommit(s->db))
        step_plain(s, ROLLBACK, NULL); /* the first error is the one to tell */
    return st;
}

/* One bounded step, so that other processes get the write lock in between; -1 when it failed. */
static int sweep_step(struct sqlite *s, int64_t now_ms)
{
    static const enum statement ORDER[] = {SWEEP_FLOOR, SWEEP};
    int gone = 0;
    enum fb_status st = step_plain(s, BEGIN, NULL);

    if (st != FB_OK)
        return -1;
    for (size_t i = 0; i < sizeof ORDER / sizeof ORDER[0] && st == FB_OK; i++) {
        sqlite3_stmt *sql = statement(s, ORDER[i]);

        sqlite3_bind_int64(sql, 1, now_ms);
        sqlite3_bind_int(sql, 2, SWEEP_STEP);
        st = step_done(s, sql, &gone, NULL);
    }
    if (st == FB_OK)
        st = step_plain(s, COMMIT, NULL);
    if (st != FB_OK && !sqlite3_get_autocommit(s->db))
        step_plain(s, ROLLBACK, NULL);
    return st == FB_OK ? gone : -1;
}

static size_t sqlite_sweep(void *self, int64_t now_ms)
{
    size_t gone = 0;

    for (int i = 0; i < SWEEP_STEPS_MAX; i++) {
        int step = sweep_step(self, now_ms);

        if (step > 0)
            gone += (size_t)step;
        if (step < SWEEP_STEP)
            break;
    }
    return gone;
}

const struct fb_backend fb_backend_sqlite = {
    .scheme = "sqlite:",
    .usage = "sqlite:PATH",
    .durable = true,
    .open = sqlite_open,
    .close = sqlite_close,
    .get = sqlite_get,
    .next = sqlite_next,
    .commit = sqlite_commit,
    .sweep = sqlite_sweep,
};

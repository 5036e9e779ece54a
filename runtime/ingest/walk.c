/* walk.c - paths: a file, a folder in name order, standard input. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "ingest/ingest.h"
#include "ingest/source.h"

enum {
    FOLDER_NAMES_MAX =
        1 << 20,           /* of one folder; a year of one account's CloudTrail is 100 thousand */
    FOLDER_DEPTH_MAX = 64, /* an AWSLogs tree is 8 deep */
    PATH_BYTES_MAX = 4096
};

struct walk {
    struct fb_arena *scratch;
    const struct fb_sink *sink;
    struct fb_err *err;
    enum fb_status (*each)(void *self, const char *file, uint64_t bytes,
                           struct fb_err *err); /* names files instead of reading them */
};

/* A folder that we are in; up to the one that was asked for. */
struct folder {
    const struct folder *parent;
    dev_t dev;
    ino_t ino;
    int depth;
};

struct names {
    char **at;
    size_t count, cap;
};

static void unreadable(const struct walk *w, const char *path, const char *reason)
{
    const struct fb_reject r = {.source = path, .reason = reason};

    w->sink->reject(w->sink->self, &r);
}

static void unreadable_errno(const struct walk *w, const char *path, const char *what, int why)
{
    char reason[160];

    (void)snprintf(reason, sizeof reason, "%s: %s", what, strerror(why));
    unreadable(w, path, reason);
}

static enum fb_status path_error(struct fb_err *err, const char *path, int why)
{
    enum fb_status st = why == ENOENT || why == ENOTDIR ? FB_ENOTFOUND : FB_EIO;

    return fb_err_set(err, st, "%s: %s", path, strerror(why));
}

static bool has_record_suffix(const char *name)
{
    static const char *const suffixes[] = {".json",    ".ndjson",    ".jsonl",
                                           ".json.gz", ".ndjson.gz", ".jsonl.gz"};

    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        if (fb_ends(name, suffixes[i]))
            return true;
    }
    return false;
}

static bool is_expectation(const char *path)
{
    const char *slash = strrchr(path, '/');

    return strcmp(slash ? slash + 1 : path, "expect.json") == 0;
}

/* A story's configuration, which stands beside its expect.json; anywhere else such a name is input.
 */
static bool is_story_config(const char *folder, const char *name)
{
    char path[PATH_BYTES_MAX];
    int n = snprintf(path, sizeof path, "%s/expect.json", folder);

    return strcmp(name, "config.json") == 0 && n > 0 && (size_t)n < sizeof path &&
           access(path, F_OK) == 0;
}

/* Reads fd to its end and offers what it holds. *why: errno when nothing could be read at all. */
static enum fb_status run_fd(const struct walk *w, int fd, const char *name, int *why)
{
    struct fb_source source = {.name = name, .limits = fb_source_limits()};
    struct fb_load load = {0};
    enum fb_status st = FB_OK;
    bool ended = false;

    *why = fb_load_some(fd, FB_WINDOW_BYTES, &load, &ended);
    if (!ended && fb_source_streams(name, load.at, load.len)) {
        st = fb_source_stream(w->scratch, name, fd, &load, w->sink, w->err);
        fb_load_release(&load);
        return st;
    }
    if (!ended)
        *why = fb_load_rest(fd, FB_FILE_BYTES_MAX, &load);
    if (*why == 0 || load.len > 0) {
        *why = 0;
        source.bytes = load.len ? load.at : "";
        source.len = load.len;
        source.broken = load.broken;
        st = fb_source_run(w->scratch, &source, w->sink, w->err);
    }
    fb_load_release(&load);
    return st;
}

/* A file inside a folder: what cannot be read is a reject. A pipe or device is not opened for
 * reading: it might never end. */
static enum fb_status run_member(const struct walk *w, const char *path)
{
    enum fb_status st = FB_OK;
    struct stat is;
    int why = 0, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0 || fstat(fd, &is) != 0) {
        unreadable_errno(w, path, "cannot be opened", errno);
    } else if (!S_ISREG(is.st_mode)) {
        unreadable(w, path, "not a regular file");
    } else if (w->each) {
        st = w->each(w->sink->self, path, (uint64_t)is.st_size, w->err);
    } else {
        st = run_fd(w, fd, path, &why);
        if (why)
            unreadable_errno(w, path, "cannot be read", why);
    }
    if (fd >= 0)
        (void)close(fd);
    return st;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void names_release(struct names *n)
{
    for (size_t i = 0; i < n->count; i++)
        free(n->at[i]);
    free(n->at);
    *n = (struct names){0};
}

static bool names_add(struct names *n, const char *name)
{
    if (n->count == n->cap) {
        size_t cap = n->cap ? n->cap * 2 : 64;
        char **at = realloc(n->at, cap * sizeof *at);

        if (!at)
            return false;
        n->at = at;
        n->cap = cap;
    }
    n->at[n->count] = strdup(name);
    if (!n->at[n->count])
        return false;
    n->count++;
    return true;
}

/* The names of an open folder in order, hidden ones left out; closes it. Gives "" or what went
 * wrong: the names so far are good all the same. */
static const char *names_read(DIR *dir, struct names *n)
{
    const char *wrong = "";
    const struct dirent *e;

    while ((errno = 0, e = readdir(dir)) != NULL) {
        if (e->d_name[0] == '.')
            continue;
        if (n->count >= FOLDER_NAMES_MAX)
            wrong = "folder holds more names than we read";
        else if (!names_add(n, e->d_name))
            wrong = "no memory for the names of this folder";
        if (*wrong)
            break;
    }
    if (!*wrong && errno != 0)
        wrong = "folder cannot be read to its end";
    (void)closedir(dir);
    if (n->count)
        qsort(n->at, n->count, sizeof *n->at, by_name);
    return wrong;
}

/* A link back to a folder that we are in: all of it is read already. */
static bool is_inside(const struct folder *f, const struct stat *is)
{
    for (; f; f = f->parent) {
        if (f->dev == is->st_dev && f->ino == is->st_ino)
            return true;
    }
    return false;
}

static enum fb_status run_folder(const struct walk *w, const char *path, DIR *dir,
                                 const struct folder *here);

static enum fb_status run_inner_folder(const struct walk *w, const char *path,
                                       const struct stat *is, const struct folder *parent)
{
    const struct folder here = {parent, is->st_dev, is->st_ino, parent->depth + 1};
    DIR *dir;

    if (is_inside(parent, is))
        return FB_OK;
    if (here.depth > FOLDER_DEPTH_MAX) {
        unreadable(w, path, "folder is nested deeper than we read");
        return FB_OK;
    }
    dir = opendir(path);
    if (!dir) {
        unreadable_errno(w, path, "folder cannot be opened", errno);
        return FB_OK;
    }
    return run_folder(w, path, dir, &here);
}

static enum fb_status run_name(const struct walk *w, const char *folder, const char *name,
                               const struct folder *here)
{
    size_t len = strlen(folder);
    char path[PATH_BYTES_MAX];
    struct stat is;
    int n = snprintf(path, sizeof path, "%s%s%s", folder,
                     len > 0 && folder[len - 1] == '/' ? "" : "/", name);

    if (n < 0 || (size_t)n >= sizeof path) {
        unreadable(w, folder, "holds a path that is too long");
        return FB_OK;
    }
    if (stat(path, &is) == 0 && S_ISDIR(is.st_mode))
        return run_inner_folder(w, path, &is, here);
    if (!has_record_suffix(name) || is_expectation(name) || is_story_config(folder, name))
        return FB_OK;
    return run_member(w, path);
}

/* Calls itself for folders in folders, at most FOLDER_DEPTH_MAX deep. Closes dir. */
static enum fb_status run_folder(const struct walk *w, const char *path, DIR *dir,
                                 const struct folder *here)
{
    struct names names = {0};
    const char *wrong = names_read(dir, &names);
    enum fb_status st = FB_OK;

    for (size_t i = 0; st == FB_OK && i < names.count; i++)
        st = run_name(w, path, names.at[i], here);
    if (st == FB_OK && *wrong)
        unreadable(w, path, wrong);
    names_release(&names);
    return st;
}

static enum fb_status run_stdin(const struct walk *w, int *why)
{
    return w->each ? w->each(w->sink->self, "-", 0, w->err) : run_fd(w, STDIN_FILENO, "-", why);
}

static enum fb_status run_path(const struct walk *w, const char *path)
{
    enum fb_status st = FB_OK;
    struct stat is;
    int why = 0, fd;

    if (strcmp(path, "-") == 0) {
        st = run_stdin(w, &why);
        return why ? path_error(w->err, "standard input", why) : st;
    }
    if (is_expectation(path)) {
        unreadable(w, path, "expect.json says what a story expects; it is never input");
        return FB_OK;
    }
    if (w->each && stat(path, &is) == 0 && !S_ISDIR(is.st_mode)) /* a pipe is opened once only */
        return w->each(w->sink->self, path, S_ISREG(is.st_mode) ? (uint64_t)is.st_size : 0, w->err);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY); /* waits for the writer of a named pipe */
    if (fd < 0 || fstat(fd, &is) != 0) {
        why = errno;
    } else if (S_ISDIR(is.st_mode)) {
        const struct folder here = {NULL, is.st_dev, is.st_ino, 0};
        DIR *dir = fdopendir(fd);

        why = dir ? 0 : errno;
        if (dir) {
            fd = -1; /* the folder's now */
            st = run_folder(w, path, dir, &here);
        }
    } else {
        st = run_fd(w, fd, path, &why);
    }
    if (fd >= 0)
        (void)close(fd);
    return why ? path_error(w->err, path, why) : st;
}

enum fb_status fb_ingest_path(struct fb_arena *scratch, const char *path,
                              const struct fb_sink *sink, struct fb_err *err)
{
    const struct walk w = {scratch, sink, err, NULL};

    return run_path(&w, path);
}

enum fb_status fb_ingest_files(const char *path,
                               enum fb_status (*each)(void *self, const char *file, uint64_t bytes,
                                                      struct fb_err *err),
                               const struct fb_sink *sink, struct fb_err *err)
{
    const struct walk w = {NULL, sink, err, each};

    return run_path(&w, path);
}

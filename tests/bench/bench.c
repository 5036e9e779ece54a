/* bench.c - starts bootstraps under a Lambda Runtime API of its own and measures them side by side.
 *
 *   bench [-c STARTS] [-w EVENTS] -e EVENTS.ndjson -x NAME=PROGRAM [-v NAME=VALUE]... [-x ...]
 *
 * -v adds to the environment of the program named last. Programs are called as `bootstrap`; their
 * output goes to /dev/null. Cold starts go round the programs one by one, warm events in blocks, so
 * that a noisy machine hits all alike. Printed: one line a program, fields apart by tabs:
 *   name  cold_min  cold_median (us, execve -> the first GET next is read)
 *         warm_min  warm_median  warm_p99 (us, event handed over -> its answer read)
 *         rss_first_kb  rss_1000_kb (after 1,000 warm events; 0: fewer)  rss_after_kb
 *         answers  first_answer_us
 * A program that does not answer ends the run with status 1 and its name. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    PROGRAMS_MAX = 8,
    ENV_MAX = 32,
    CONNS_MAX = 8,
    CONN_BYTES = 8 << 20,
    BLOCK = 100,       /* warm events of one program before it is the next one's turn */
    ANSWER_MS = 20000, /* a program that is silent so long has failed */
    ID_BYTES = 37
};

struct conn {
    int fd; /* -1: free */
    char *buf;
    size_t have;
};

enum kind { GONE, NEXT, REPLY, OTHER };

struct request {
    enum kind kind;
    int conn;
};

struct program {
    const char *name, *path;
    char *env[ENV_MAX + 1];
    size_t env_count;
    int listener, port;
    pid_t pid;
    struct conn conns[CONNS_MAX];
    int waiting;     /* connection whose GET next we hold; -1 none */
    uint64_t serial; /* events handed out */
    double *cold, *warm;
    size_t cold_count, warm_count;
    double first_answer_us;
    long rss_first_kb, rss_1000_kb, rss_after_kb;
};

struct bench {
    struct program programs[PROGRAMS_MAX];
    size_t count;
    size_t starts, warm;
    const char *events, *events_end; /* ndjson */
    const char *at;                  /* the next event */
    volatile uint64_t *exec_ns;      /* shared page: the child stamps it just before execve */
};

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void program_stop(struct program *p)
{
    if (p->pid > 0) {
        kill(p->pid, SIGKILL);
        waitpid(p->pid, NULL, 0);
        p->pid = 0;
    }
    for (size_t i = 0; i < CONNS_MAX; i++) {
        if (p->conns[i].fd >= 0)
            close(p->conns[i].fd);
        p->conns[i].fd = -1;
        p->conns[i].have = 0;
    }
    p->waiting = -1;
}

__attribute__((format(printf, 2, 3), noreturn)) static void fail(struct bench *b,
                                                                 const char *format, ...)
{
    va_list args;

    fputs("bench: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    for (size_t i = 0; b && i < b->count; i++)
        program_stop(&b->programs[i]);
    exit(1);
}

static void *must_alloc(size_t n)
{
    void *p = calloc(1, n ? n : 1);

    if (!p)
        fail(NULL, "out of memory");
    return p;
}

/* A listener on a free port of the loopback. */
static void program_listen(struct bench *b, struct program *p)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof at;

    p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (p->listener < 0 || bind(p->listener, (struct sockaddr *)&at, len) != 0 ||
        listen(p->listener, 16) != 0 || getsockname(p->listener, (struct sockaddr *)&at, &len) != 0)
        fail(b, "listen: %s", strerror(errno));
    p->port = ntohs(at.sin_port);
    p->waiting = -1;
    for (size_t i = 0; i < CONNS_MAX; i++) {
        p->conns[i].fd = -1;
        p->conns[i].buf = must_alloc(CONN_BYTES);
    }
}

static void child_run(struct bench *b, struct program *p)
{
    char *argv[] = {(char[]){"bootstrap"}, NULL};
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
        _exit(126);
    *b->exec_ns = now_ns();
    execve(p->path, argv, p->env);
    _exit(127);
}

static void program_start(struct bench *b, struct program *p)
{
    p->pid = fork();
    if (p->pid == 0)
        child_run(b, p);
    if (p->pid < 0)
        fail(b, "fork: %s", strerror(errno));
}

static void conn_open(struct program *p)
{
    int one = 1, fd = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC);

    if (fd < 0)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    for (size_t i = 0; i < CONNS_MAX; i++) {
        if (p->conns[i].fd < 0) {
            p->conns[i].fd = fd;
            p->conns[i].have = 0;
            return;
        }
    }
    close(fd);
}

/* Length of the first whole request in the buffer; 0 while it is not complete. */
static size_t request_length(const struct conn *c)
{
    const char *end = memmem(c->buf, c->have, "\r\n\r\n", 4);
    size_t body = 0;

    if (!end)
        return 0;
    for (const char *line = c->buf; line < end;) {
        if (strncasecmp(line, "content-length:", 15) == 0)
            body = strtoul(line + 15, NULL, 10);
        line = (const char *)memmem(line, (size_t)(end + 2 - line), "\r\n", 2) + 2;
    }
    body += (size_t)(end + 4 - c->buf);
    return c->have >= body ? body : 0;
}

static enum kind request_kind(const struct conn *c)
{
    static const char next[] = "GET /2018-06-01/runtime/invocation/next ";
    static const char reply[] = "POST /2018-06-01/runtime/invocation/";
    static const char response[] = "/response ";
    const char *line = memchr(c->buf, '\r', c->have);
    size_t n = line ? (size_t)(line - c->buf) : 0;

    if (n >= sizeof next && memcmp(c->buf, next, sizeof next - 1) == 0)
        return NEXT;
    if (n >= sizeof reply && memcmp(c->buf, reply, sizeof reply - 1) == 0 &&
        memmem(c->buf, n, response, sizeof response - 1))
        return REPLY;
    return OTHER; /* an /error too: the events are good ones */
}

/* The next whole request of the program, taken out of its connection. */
static struct request program_request(struct program *p)
{
    uint64_t end = now_ns() + (uint64_t)ANSWER_MS * 1000000u;

    while (now_ns() < end) {
        struct pollfd fds[CONNS_MAX + 1];
        nfds_t n = 0;
        int who[CONNS_MAX + 1];

        for (int i = 0; i < CONNS_MAX; i++) {
            struct conn *c = &p->conns[i];
            size_t length = c->fd < 0 ? 0 : request_length(c);

            if (length > 0) {
                struct request r = {request_kind(c), i};

                memmove(c->buf, c->buf + length, c->have - length);
                c->have -= length;
                return r;
            }
            if (c->fd >= 0) {
                who[n] = i;
                fds[n++] = (struct pollfd){c->fd, POLLIN, 0};
            }
        }
        who[n] = -1;
        fds[n++] = (struct pollfd){p->listener, POLLIN, 0};
        if (poll(fds, n, 100) == 0 && waitpid(p->pid, NULL, WNOHANG) == p->pid) {
            p->pid = 0;
            break;
        }
        for (nfds_t i = 0; i < n; i++) {
            struct conn *c = who[i] < 0 ? NULL : &p->conns[who[i]];
            ssize_t got;

            if (!(fds[i].revents & (POLLIN | POLLHUP)))
                continue;
            if (!c) {
                conn_open(p);
                continue;
            }
            got = read(c->fd, c->buf + c->have, CONN_BYTES - c->have);
            if (got > 0) {
                c->have += (size_t)got;
            } else {
                close(c->fd);
                c->fd = -1;
            }
        }
    }
    return (struct request){GONE, -1};
}

static void write_all(struct bench *b, int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);

        if (n <= 0)
            fail(b, "a program hung up: %s", strerror(errno));
        bytes += n;
        len -= (size_t)n;
    }
}

static void wait_next(struct bench *b, struct program *p)
{
    struct request r;

    if (p->waiting >= 0)
        return;
    r = program_request(p);
    if (r.kind != NEXT)
        fail(b, "%s: %s", p->name,
             r.kind == GONE ? "no GET next" : "another request than GET next");
    p->waiting = r.conn;
}

/* Hands over one event and reads the answer. Gives microseconds. */
static double serve_event(struct bench *b, struct program *p)
{
    static const char ok[] = "HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\n"
                             "Content-Length: 15\r\n\r\n{\"status\":\"OK\"}";
    static char text[1 << 20];
    const char *end = memchr(b->at, '\n', (size_t)(b->events_end - b->at));
    size_t len = (size_t)((end ? end : b->events_end) - b->at);
    struct timespec wall;
    struct request r;
    uint64_t start;
    double us;
    int n;

    wait_next(b, p);
    clock_gettime(CLOCK_REALTIME, &wall);
    p->serial++;
    n = snprintf(
        text, sizeof text,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
        "Lambda-Runtime-Aws-Request-Id: 00000000-0000-4000-8000-%012llu\r\n"
        "Lambda-Runtime-Deadline-Ms: %lld\r\n"
        "Lambda-Runtime-Invoked-Function-Arn: "
        "arn:aws:lambda:us-east-1:123456789012:function:bench\r\n"
        "Lambda-Runtime-Trace-Id: Root=1-%08llx-000000000000000000000000;Sampled=0\r\n\r\n",
        len, (unsigned long long)p->serial, (long long)(wall.tv_sec + 30) * 1000,
        (unsigned long long)p->serial);
    if (len > sizeof text - (size_t)n)
        fail(b, "an event is longer than %zu bytes", sizeof text);
    memcpy(text + n, b->at, len);
    b->at = end && end + 1 < b->events_end ? end + 1 : b->events;
    start = now_ns();
    write_all(b, p->conns[p->waiting].fd, text, (size_t)n + len);
    p->waiting = -1;
    r = program_request(p);
    us = (double)(now_ns() - start) / 1000;
    if (r.kind != REPLY)
        fail(b, "%s: %s", p->name, r.kind == GONE ? "no answer" : "a request that is no answer");
    write_all(b, p->conns[r.conn].fd, ok, sizeof ok - 1);
    return us;
}

static long rss_kb(const struct program *p)
{
    char path[64], line[256];
    long kb = 0;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/status", (int)p->pid);
    f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) {
        if (sscanf(line, "VmRSS: %ld", &kb) == 1)
            break;
    }
    if (f)
        fclose(f);
    return kb;
}

static void run_cold(struct bench *b)
{
    for (size_t n = 0; n < b->starts; n++) {
        for (size_t i = 0; i < b->count; i++) {
            struct program *p = &b->programs[i];

            program_start(b, p);
            wait_next(b, p);
            p->cold[p->cold_count++] = (double)(now_ns() - *b->exec_ns) / 1000;
            program_stop(p);
        }
    }
}

static void run_warm(struct bench *b)
{
    for (size_t i = 0; i < b->count; i++) {
        struct program *p = &b->programs[i];

        program_start(b, p);
        wait_next(b, p);
        p->rss_first_kb = rss_kb(p);
        p->first_answer_us = serve_event(b, p);
    }
    for (size_t done = 0; done < b->warm; done += BLOCK) {
        const char *block = b->at; /* each program gets the same events */

        for (size_t i = 0; i < b->count; i++) {
            struct program *p = &b->programs[i];

            b->at = block;
            for (size_t n = 0; n < BLOCK && p->warm_count < b->warm; n++)
                p->warm[p->warm_count++] = serve_event(b, p);
            if (p->warm_count == 1000)
                p->rss_1000_kb = rss_kb(p);
        }
    }
    for (size_t i = 0; i < b->count; i++) {
        wait_next(b, &b->programs[i]);
        b->programs[i].rss_after_kb = rss_kb(&b->programs[i]);
        program_stop(&b->programs[i]);
    }
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double share(const double *sorted, size_t n, double part)
{
    return n ? sorted[(size_t)((double)(n - 1) * part)] : 0;
}

static void print(struct bench *b)
{
    for (size_t i = 0; i < b->count; i++) {
        struct program *p = &b->programs[i];

        qsort(p->cold, p->cold_count, sizeof *p->cold, by_size);
        qsort(p->warm, p->warm_count, sizeof *p->warm, by_size);
        printf("%s\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%ld\t%ld\t%ld\t%zu\t%.1f\n", p->name,
               share(p->cold, p->cold_count, 0), share(p->cold, p->cold_count, 0.5),
               share(p->warm, p->warm_count, 0), share(p->warm, p->warm_count, 0.5),
               share(p->warm, p->warm_count, 0.99), p->rss_first_kb, p->rss_1000_kb,
               p->rss_after_kb, p->warm_count, p->first_answer_us);
    }
}

static void env_add(struct bench *b, struct program *p, const char *text)
{
    if (p->env_count == ENV_MAX)
        fail(b, "too many -v");
    p->env[p->env_count] = strdup(text);
    if (!p->env[p->env_count++])
        fail(b, "out of memory");
}

static void program_add(struct bench *b, char *text)
{
    struct program *p = &b->programs[b->count];
    char *path = strchr(text, '=');
    char api[64];

    if (b->count == PROGRAMS_MAX || !path)
        fail(b, "-x NAME=PROGRAM, at most %d", PROGRAMS_MAX);
    b->count++;
    *path++ = '\0';
    p->name = text;
    p->path = path;
    program_listen(b, p);
    snprintf(api, sizeof api, "AWS_LAMBDA_RUNTIME_API=127.0.0.1:%d", p->port);
    env_add(b, p, api);
    env_add(b, p, "PATH=/usr/bin:/bin");
    env_add(b, p, "AWS_REGION=us-east-1");
    env_add(b, p, "AWS_EC2_METADATA_DISABLED=true");
    env_add(b, p, "_HANDLER=bench");
}

static void events_map(struct bench *b, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) != 0 || st.st_size == 0)
        fail(b, "%s: cannot be read, or is empty", path);
    b->events = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (b->events == MAP_FAILED)
        fail(b, "%s: %s", path, strerror(errno));
    close(fd);
    b->events_end = b->events + st.st_size;
    b->at = b->events;
}

int main(int argc, char **argv)
{
    static struct bench b = {.starts = 50, .warm = 4000};
    int option;

    b.exec_ns =
        mmap(NULL, sizeof *b.exec_ns, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (b.exec_ns == MAP_FAILED)
        fail(&b, "mmap: %s", strerror(errno));
    signal(SIGPIPE, SIG_IGN);
    while ((option = getopt(argc, argv, "c:w:e:x:v:")) != -1) {
        if (option == 'c')
            b.starts = strtoul(optarg, NULL, 10);
        else if (option == 'w')
            b.warm = strtoul(optarg, NULL, 10);
        else if (option == 'e')
            events_map(&b, optarg);
        else if (option == 'x')
            program_add(&b, optarg);
        else if (option == 'v' && b.count > 0)
            env_add(&b, &b.programs[b.count - 1], optarg);
        else
            fail(
                &b,
                "usage: bench [-c STARTS] [-w EVENTS] -e FILE -x NAME=PROGRAM [-v NAME=VALUE] ...");
    }
    if (!b.events || b.count == 0)
        fail(&b, "-e FILE and -x NAME=PROGRAM are needed");
    for (size_t i = 0; i < b.count; i++) {
        b.programs[i].cold = must_alloc(b.starts * sizeof(double));
        b.programs[i].warm = must_alloc(b.warm * sizeof(double));
    }
    run_cold(&b);
    run_warm(&b);
    print(&b);
    return 0;
}

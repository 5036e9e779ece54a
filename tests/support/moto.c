/* moto.c - starts, asks and stops the AWS stand-in, with sockets only: any room's tests may link
 * it. */
#include "support/moto.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { START_TRIES = 600, TRY_MS = 100, HEAD_MAX = 8192 };

static struct sockaddr_in loopback(int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return at;
}

/* A port that is free now. Somebody else may take it before the child does; then it fails loudly.
 */
static int free_port(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), port = 0;
    struct sockaddr_in at = loopback(0);
    socklen_t len = sizeof at;

    if (fd >= 0 && bind(fd, (struct sockaddr *)&at, len) == 0 &&
        getsockname(fd, (struct sockaddr *)&at, &len) == 0)
        port = ntohs(at.sin_port);
    if (fd >= 0)
        (void)close(fd);
    return port;
}

static bool in_path(const char *program)
{
    const char *path = getenv("PATH");
    char file[4096];

    while (path && *path) {
        size_t len = strcspn(path, ":");

        (void)snprintf(file, sizeof file, "%.*s/%s", (int)len, path, program);
        if (access(file, X_OK) == 0)
            return true;
        path += len;
        path += *path == ':';
    }
    return false;
}

static void child(int port, int free_calls, pid_t parent)
{
    char number[16], count[16];
    int null = open("/dev/null", O_RDWR);

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) /* it died before the line above */
        _exit(1);
    if (null >= 0) {
        (void)dup2(null, 0);
        (void)dup2(null, 1);
        (void)dup2(null, 2);
    }
    (void)setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "true", 1);
    (void)unsetenv("INITIAL_NO_AUTH_ACTION_COUNT");
    if (free_calls >= 0) {
        (void)snprintf(count, sizeof count, "%d", free_calls);
        (void)setenv("INITIAL_NO_AUTH_ACTION_COUNT", count, 1);
    }
    (void)snprintf(number, sizeof number, "%d", port);
    (void)execlp("moto_server", "moto_server", "-H", "127.0.0.1", "-p", number, (char *)NULL);
    _exit(127);
}

static void pause_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};

    (void)nanosleep(&t, NULL);
}

enum fb_moto_result fb_moto_start(struct fb_moto *m, int free_calls)
{
    pid_t parent = getpid();

    memset(m, 0, sizeof *m);
    if (!in_path("moto_server")) {
        (void)fprintf(stderr, "SKIPPED: moto_server is not installed (pip install 'moto[server]'): "
                              "nothing here was tested against an AWS stand-in\n");
        return FB_MOTO_ABSENT;
    }
    m->port = free_port();
    (void)snprintf(m->url, sizeof m->url, "http://127.0.0.1:%d", m->port);
    m->pid = fork();
    if (m->pid == 0)
        child(m->port, free_calls, parent);
    for (int i = 0; m->pid > 0 && i < START_TRIES; i++) {
        int status;

        if (fb_moto_ask(m, "GET", "/moto-api/", NULL, NULL, 0) == 200)
            return FB_MOTO_READY;
        if (waitpid(m->pid, &status, WNOHANG) == m->pid) {
            m->pid = 0;
            break;
        }
        pause_ms(TRY_MS);
    }
    (void)fprintf(stderr, "moto_server is installed but does not answer on port %d\n", m->port);
    fb_moto_stop(m);
    return FB_MOTO_FAILED;
}

void fb_moto_stop(struct fb_moto *m)
{
    if (m->pid > 0) {
        (void)kill(m->pid, SIGKILL);
        (void)waitpid(m->pid, NULL, 0);
    }
    m->pid = 0;
}

static bool send_all(int fd, const char *at, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

        if (n <= 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

/* Reads to the end of the connection: status from the head, the rest to out. */
static int read_answer(int fd, char *out, size_t out_max)
{
    char buf[HEAD_MAX], *body;
    size_t len = 0, kept = 0;
    int status = 0;
    ssize_t n;

    for (;;) { /* the head */
        n = recv(fd, buf + len, sizeof buf - 1 - len, 0);
        if (n <= 0)
            return 0;
        len += (size_t)n;
        buf[len] = '\0';
        body = strstr(buf, "\r\n\r\n");
        if (body)
            break;
        if (len == sizeof buf - 1)
            return 0;
    }
    if (sscanf(buf, "HTTP/1.%*d %d", &status) != 1)
        return 0;
    body += 4;
    n = buf + len - body;
    while (n > 0) {
        for (ssize_t i = 0; out && i < n && kept + 1 < out_max; i++)
            out[kept++] = body[i];
        n = recv(fd, buf, sizeof buf, 0);
        body = buf;
    }
    if (out && out_max)
        out[kept] = '\0';
    return status;
}

int fb_moto_ask(const struct fb_moto *m, const char *method, const char *path, const char *body,
                char *out, size_t out_max)
{
    struct sockaddr_in at = loopback(m->port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), status = 0;
    char head[1024];

    (void)snprintf(head, sizeof head,
                   "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: %zu\r\n"
                   "Connection: close\r\n\r\n",
                   method, path, m->port, body ? strlen(body) : 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof at) == 0 &&
        send_all(fd, head, strlen(head)) && send_all(fd, body ? body : "", body ? strlen(body) : 0))
        status = read_answer(fd, out, out_max);
    if (fd >= 0)
        (void)close(fd);
    return status;
}

bool fb_moto_reset(const struct fb_moto *m)
{
    return fb_moto_ask(m, "POST", "/moto-api/reset", "", NULL, 0) == 200;
}

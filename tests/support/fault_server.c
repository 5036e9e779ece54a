/* fault_server.c - one thread accepts, one thread serves each connection; see the header. */
#include "support/fault_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { REQUEST_MAX = 64 << 10, REQUESTS_MAX = 4096, PEERS_MAX = 1024, TICK_MS = 20 };

struct peer {
    struct fb_fault_server *server;
    pthread_t thread;
    int fd;
};

struct fb_fault_server {
    struct fb_fault_rule rules[FB_FAULT_RULES_MAX];
    size_t used[FB_FAULT_RULES_MAX]; /* answers given by each rule */
    size_t rule_count;
    int fd, port;
    char url[64];
    pthread_t thread;
    pthread_mutex_t lock; /* guards all below */
    bool stopping;
    struct peer peers[PEERS_MAX];
    size_t peer_count;
    char *requests[REQUESTS_MAX];
    size_t request_count;
};

static bool stopping(struct fb_fault_server *s)
{
    bool yes;

    (void)pthread_mutex_lock(&s->lock);
    yes = s->stopping;
    (void)pthread_mutex_unlock(&s->lock);
    return yes;
}

/* Sleeps in ticks, so that a stop is not kept waiting. */
static void doze(struct fb_fault_server *s, int ms)
{
    while (ms > 0 && !stopping(s)) {
        int piece = ms < TICK_MS ? ms : TICK_MS;
        struct timespec t = {0, piece * 1000000L};

        (void)nanosleep(&t, NULL);
        ms -= piece;
    }
}

static bool readable(struct fb_fault_server *s, int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    while (!stopping(s))
        if (poll(&p, 1, TICK_MS) > 0)
            return true;
    return false;
}

static size_t content_length(const char *head)
{
    for (const char *line = head; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncasecmp(line, "content-length:", 15) == 0)
            return (size_t)strtoul(line + 15, NULL, 10);
    }
    return 0;
}

/* One request, head and body; the bytes beyond REQUEST_MAX are read and dropped. NULL: none came.
 */
static char *read_request(struct fb_fault_server *s, int fd)
{
    char *text = calloc(1, REQUEST_MAX + 1), spill[4096];
    size_t len = 0, whole = 0, got = 0;

    while (text && (whole == 0 || got < whole)) {
        bool full = len == REQUEST_MAX;
        ssize_t n;

        if (!readable(s, fd))
            break;
        n = full ? recv(fd, spill, sizeof spill, 0) : recv(fd, text + len, REQUEST_MAX - len, 0);
        if (n <= 0)
            break;
        len += full ? 0 : (size_t)n;
        got += (size_t)n;
        if (whole == 0) {
            char *end = strstr(text, "\r\n\r\n");

            if (end)
                whole = (size_t)(end + 4 - text) + content_length(text);
            else if (full)
                break;
        }
    }
    if (text && whole && got >= whole)
        return text;
    free(text);
    return NULL;
}

static bool is_set(const struct fb_fault_answer *a)
{
    static const struct fb_fault_answer zero;

    return a->status != zero.status || a->body || a->headers || a->delay_ms || a->fault;
}

/* Notes the request and picks its answer. */
static struct fb_fault_answer pick(struct fb_fault_server *s, char *request)
{
    struct fb_fault_answer answer = {.status = 418, .body = "no rule fits"};

    (void)pthread_mutex_lock(&s->lock);
    for (size_t r = 0; r < s->rule_count; r++) {
        const struct fb_fault_rule *rule = &s->rules[r];
        size_t i = s->used[r];

        if (rule->match && !strstr(request, rule->match))
            continue;
        answer = rule->answers[i];
        if (i + 1 < FB_FAULT_ANSWERS_MAX && is_set(&rule->answers[i + 1]))
            s->used[r]++;
        break;
    }
    if (s->request_count < REQUESTS_MAX)
        s->requests[s->request_count++] = request;
    else
        free(request);
    (void)pthread_mutex_unlock(&s->lock);
    return answer;
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

/* False: the connection is to be closed. */
static bool send_answer(struct fb_fault_server *s, int fd, const struct fb_fault_answer *a)
{
    const char *body = a->body ? a->body : "";
    size_t len = strlen(body), times = a->body_times ? a->body_times : 1;
    char head[2048];

    doze(s, a->delay_ms);
    if (stopping(s) || a->fault == FB_FAULT_CLOSE_AT_ONCE)
        return false;
    if (a->fault == FB_FAULT_HANG) {
        while (!stopping(s))
            doze(s, TICK_MS);
        return false;
    }
    if (a->fault == FB_FAULT_NOT_HTTP) {
        (void)send_all(fd, body, len);
        return false;
    }
    (void)snprintf(head, sizeof head, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n%s\r\n",
                   a->status ? a->status : 200, len * times, a->headers ? a->headers : "");
    if (!send_all(fd, head, strlen(head)))
        return false;
    if (a->fault == FB_FAULT_CLOSE_MID_BODY) {
        (void)send_all(fd, body, len / 2);
        return false;
    }
    for (size_t i = 0; i < times; i++)
        if (!send_all(fd, body, len))
            return false;
    return true;
}

static void *serve(void *self)
{
    struct peer *p = self;
    char *request;

    while ((request = read_request(p->server, p->fd))) {
        struct fb_fault_answer a = pick(p->server, request);

        if (!send_answer(p->server, p->fd, &a))
            break;
    }
    (void)shutdown(p->fd, SHUT_RDWR); /* the descriptor itself is closed by the stop */
    return NULL;
}

static void *accept_all(void *self)
{
    struct fb_fault_server *s = self;

    while (readable(s, s->fd)) {
        int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
        struct peer *p = NULL;

        if (fd < 0)
            continue;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        (void)pthread_mutex_lock(&s->lock);
        if (s->peer_count < PEERS_MAX)
            p = &s->peers[s->peer_count];
        if (p) {
            *p = (struct peer){.server = s, .fd = fd};
            if (pthread_create(&p->thread, NULL, serve, p) == 0)
                s->peer_count++;
            else
                p = NULL;
        }
        (void)pthread_mutex_unlock(&s->lock);
        if (!p)
            (void)close(fd);
    }
    return NULL;
}

static bool listen_on(struct fb_fault_server *s)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof at;

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->fd < 0 || bind(s->fd, (struct sockaddr *)&at, len) != 0 || listen(s->fd, 256) != 0 ||
        getsockname(s->fd, (struct sockaddr *)&at, &len) != 0)
        return false;
    s->port = ntohs(at.sin_port);
    (void)snprintf(s->url, sizeof s->url, "http://127.0.0.1:%d", s->port);
    return true;
}

struct fb_fault_server *fb_fault_server_start(const struct fb_fault_rule *rules, size_t n)
{
    struct fb_fault_server *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->rule_count = n > FB_FAULT_RULES_MAX ? FB_FAULT_RULES_MAX : n;
    memcpy(s->rules, rules, s->rule_count * sizeof *rules);
    (void)pthread_mutex_init(&s->lock, NULL);
    if (!listen_on(s) || pthread_create(&s->thread, NULL, accept_all, s) != 0) {
        if (s->fd >= 0)
            (void)close(s->fd);
        (void)pthread_mutex_destroy(&s->lock);
        free(s);
        return NULL;
    }
    return s;
}

void fb_fault_server_stop(struct fb_fault_server *s)
{
    if (!s)
        return;
    (void)pthread_mutex_lock(&s->lock);
    s->stopping = true;
    (void)pthread_mutex_unlock(&s->lock);
    (void)pthread_join(s->thread, NULL);
    for (size_t i = 0; i < s->peer_count; i++) {
        (void)pthread_join(s->peers[i].thread, NULL);
        (void)close(s->peers[i].fd);
    }
    for (size_t i = 0; i < s->request_count; i++)
        free(s->requests[i]);
    (void)close(s->fd);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}

const char *fb_fault_server_url(const struct fb_fault_server *s) { return s->url; }
int fb_fault_server_port(const struct fb_fault_server *s) { return s->port; }

size_t fb_fault_server_count(struct fb_fault_server *s)
{
    size_t n;

    (void)pthread_mutex_lock(&s->lock);
    n = s->request_count;
    (void)pthread_mutex_unlock(&s->lock);
    return n;
}

size_t fb_fault_server_connections(struct fb_fault_server *s)
{
    size_t n;

    (void)pthread_mutex_lock(&s->lock);
    n = s->peer_count;
    (void)pthread_mutex_unlock(&s->lock);
    return n;
}

const char *fb_fault_server_request(struct fb_fault_server *s, size_t i)
{
    const char *text = "";

    (void)pthread_mutex_lock(&s->lock);
    if (i < s->request_count)
        text = s->requests[i];
    (void)pthread_mutex_unlock(&s->lock);
    return text;
}

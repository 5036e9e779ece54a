/* floor.c - the least that a Lambda bootstrap can do: one raw socket, no parsing of the event, the
 * answer {"ok":true}. What the bench measures stands beside this program's figures of the same run.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEAD_MAX = 16384, BODY_MAX = 8 << 20, ID_MAX = 127 };

struct peer {
    int fd;
    const char *host;
    size_t have; /* bytes of buf in use */
    char id[ID_MAX + 1];
    char buf[HEAD_MAX + BODY_MAX];
};

static bool peer_connect(struct peer *p, const char *api)
{
    const char *colon = strrchr(api, ':');
    struct sockaddr_in to = {.sin_family = AF_INET};
    char host[64];
    int one = 1;

    if (!colon || (size_t)(colon - api) >= sizeof host)
        return false;
    memcpy(host, api, (size_t)(colon - api));
    host[colon - api] = '\0';
    to.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    if (inet_pton(AF_INET, host, &to.sin_addr) != 1)
        return false;
    p->host = api;
    p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (p->fd < 0)
        return false;
    setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return connect(p->fd, (struct sockaddr *)&to, sizeof to) == 0;
}

static bool peer_write(const struct peer *p, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(p->fd, bytes, len);

        if (n <= 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

/* The value of a header line when it has that name, else NULL. */
static const char *header_value(const char *line, const char *name)
{
    size_t n = strlen(name);

    if (strncasecmp(line, name, n) != 0 || line[n] != ':')
        return NULL;
    line += n + 1;
    while (*line == ' ')
        line++;
    return line;
}

/* Reads the head that ends at `end`: the body's length, and the request id where there is one. */
static size_t head_read(struct peer *p, const char *end)
{
    size_t length = 0;
    const char *line = p->buf;

    while (line < end) {
        const char *stop = memmem(line, (size_t)(end + 2 - line), "\r\n", 2);
        const char *value = header_value(line, "content-length");

        if (value)
            length = strtoul(value, NULL, 10);
        value = header_value(line, "lambda-runtime-aws-request-id");
        if (value && stop > value && stop - value <= ID_MAX) {
            memcpy(p->id, value, (size_t)(stop - value));
            p->id[stop - value] = '\0';
        }
        line = stop + 2;
    }
    return length;
}

/* Reads one whole response and drops it. */
static bool peer_answer(struct peer *p)
{
    for (;;) {
        char *end = memmem(p->buf, p->have, "\r\n\r\n", 4);
        ssize_t n;

        if (end) {
            size_t whole = (size_t)(end + 4 - p->buf) + head_read(p, end);

            if (whole > sizeof p->buf)
                return false;
            if (p->have >= whole) {
                memmove(p->buf, p->buf + whole, p->have - whole);
                p->have -= whole;
                return true;
            }
        }
        if (p->have == sizeof p->buf)
            return false;
        n = read(p->fd, p->buf + p->have, sizeof p->buf - p->have);
        if (n <= 0)
            return false;
        p->have += (size_t)n;
    }
}

static bool serve_one(struct peer *p)
{
    static const char ok[] = "{\"ok\":true}";
    char text[512];
    int n =
        snprintf(text, sizeof text,
                 "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: %s\r\n\r\n", p->host);

    if (!peer_write(p, text, (size_t)n) || !peer_answer(p))
        return false;
    n = snprintf(text, sizeof text,
                 "POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\r\nHost: %s\r\n"
                 "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                 p->id, p->host, sizeof ok - 1, ok);
    return n < (int)sizeof text && peer_write(p, text, (size_t)n) && peer_answer(p);
}

int main(void)
{
    static struct peer peer;
    const char *api = getenv("AWS_LAMBDA_RUNTIME_API");

    if (!api || !peer_connect(&peer, api))
        return 1;
    while (serve_one(&peer))
        continue;
    return 1;
}

/* url.c - splits URLs by hand: the signer must see the very bytes that are sent. */
#include "cloud/url.h"

#include <string.h>
#include <strings.h>

static bool span_is(struct fb_span s, const char *word)
{
    return s.len == strlen(word) && strncasecmp(s.at, word, s.len) == 0;
}

static bool span_starts(struct fb_span s, const char *word)
{
    size_t len = strlen(word);

    return s.len >= len && strncasecmp(s.at, word, len) == 0;
}

/* The port after the host, "" none; false when it is not a number. */
static bool port_ok(const char *at, const char *end)
{
    if (end - at > 5)
        return false;
    for (; at < end; at++)
        if (*at < '0' || *at > '9')
            return false;
    return true;
}

static bool split_authority(const char *at, const char *end, struct fb_url *out)
{
    const char *user = memchr(at, '@', (size_t)(end - at));
    const char *own = out->https ? "443" : "80";
    const char *port;

    if (user)
        at = user + 1;
    if (at < end && *at == '[') {
        port = memchr(at, ']', (size_t)(end - at));
        if (!port)
            return false;
        port++;
    } else {
        port = memchr(at, ':', (size_t)(end - at));
        port = port ? port : end;
    }
    out->host = (struct fb_span){at, (size_t)(port - at)};
    out->authority = (struct fb_span){at, (size_t)(end - at)};
    if (out->host.len == 0)
        return false;
    if (port == end)
        return true;
    if (*port != ':' || !port_ok(port + 1, end))
        return false;
    if (end == port + 1 || span_is((struct fb_span){port + 1, (size_t)(end - port - 1)}, own))
        out->authority.len = out->host.len;
    return true;
}

bool fb_url_split(const char *url, struct fb_url *out)
{
    const char *at, *end;
    size_t n;

    memset(out, 0, sizeof *out);
    if (!url)
        return false;
    if (strncasecmp(url, "https://", 8) == 0) {
        out->https = true;
        at = url + 8;
    } else if (strncasecmp(url, "http://", 7) == 0) {
        at = url + 7;
    } else {
        return false;
    }
    end = at + strcspn(at, "/?#");
    for (const char *c = at; c < end; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f)
            return false;
    if (!split_authority(at, end, out))
        return false;
    n = strcspn(end, "?#");
    out->path = n ? (struct fb_span){end, n} : (struct fb_span){"/", 1};
    end += n;
    out->query = (struct fb_span){"", 0};
    if (*end == '?')
        out->query = (struct fb_span){end + 1, strcspn(end + 1, "#")};
    return true;
}

bool fb_url_is_loopback(const struct fb_url *u)
{
    size_t digits = 0;

    if (span_is(u->host, "localhost") || span_is(u->host, "[::1]"))
        return true;
    /* 127.anything is loopback only as a number: 127.example.com is somebody's name. */
    for (size_t i = 0; i < u->host.len; i++)
        digits += (u->host.at[i] >= '0' && u->host.at[i] <= '9') || u->host.at[i] == '.';
    return digits == u->host.len && span_starts(u->host, "127.");
}

bool fb_url_is_local(const struct fb_url *u)
{
    return fb_url_is_loopback(u) || span_starts(u->host, "169.254.") ||
           span_starts(u->host, "[fd00:ec2::");
}

/* clock.c - reading clocks, and reading and writing times as text, without the C library's time
 * zone. */
#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"

static int64_t read_clock(clockid_t id)
{
    struct timespec t;

    if (clock_gettime(id, &t) != 0)
        return 0;
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t system_wall(void *self)
{
    (void)self;
    return read_clock(CLOCK_REALTIME);
}

static int64_t system_mono(void *self)
{
    (void)self;
    return read_clock(CLOCK_MONOTONIC);
}

static int64_t system_cpu(void *self)
{
    (void)self;
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

struct fb_clock fb_clock_system(void)
{
    return (struct fb_clock){.wall_ms = system_wall, .mono_ms = system_mono, .cpu_ms = system_cpu};
}

int64_t fb_wall_ms(const struct fb_clock *c) { return c->wall_ms(c->self); }

int64_t fb_mono_ms(const struct fb_clock *c) { return c->mono_ms(c->self); }

int64_t fb_cpu_ms(const struct fb_clock *c)
{
    return c->cpu_ms ? c->cpu_ms(c->self) : fb_mono_ms(c);
}

/* Days since 1970-01-01 of a proleptic Gregorian date (the usual era arithmetic). */
static int64_t days_from_civil(int64_t y, int64_t m, int64_t d)
{
    int64_t era, yoe, doy;

    y -= m <= 2;
    era = (y >= 0 ? y : y - 399) / 400;
    yoe = y - era * 400;
    doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static bool digits(const char **p, int n, int64_t *out)
{
    int64_t v = 0;

    for (int i = 0; i < n; i++) {
        if (**p < '0' || **p > '9')
            return false;
        v = v * 10 + (*(*p)++ - '0');
    }
    *out = v;
    return true;
}

static bool valid_date(int64_t y, int64_t mo, int64_t d)
{
    static const char month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;

    if (y < 1970 || y > 2200 || mo < 1 || mo > 12)
        return false;
    return d >= 1 && d <= month_days[mo - 1] + (mo == 2 && leap ? 1 : 0);
}

static int64_t join(int64_t y, int64_t mo, int64_t d, int64_t h, int64_t mi, int64_t s)
{
    return ((days_from_civil(y, mo, d) * 24 + h) * 60 + mi) * 60000 + s * 1000;
}

/* Reads "Z", "", "+hh:mm" or "-hhmm"; the offset in minutes. */
static bool zone(const char *p, int64_t *minutes)
{
    int64_t h, m;
    int sign;

    *minutes = 0;
    if (*p == '\0' || (p[0] == 'Z' && p[1] == '\0'))
        return true;
    if (*p != '+' && *p != '-')
        return false;
    sign = *p++ == '-' ? -1 : 1;
    if (!digits(&p, 2, &h))
        return false;
    if (*p == ':')
        p++;
    if (!digits(&p, 2, &m) || *p != '\0' || h > 14 || m > 59)
        return false;
    *minutes = sign * (h * 60 + m);
    return true;
}

bool fb_time_parse(const char *text, int64_t *ms)
{
    int64_t y, mo, d, h, mi, s, frac = 0, scale = 100, offset;
    const char *p = text;

    if (!digits(&p, 4, &y) || *p++ != '-' || !digits(&p, 2, &mo) || *p++ != '-' ||
        !digits(&p, 2, &d) || (*p != 'T' && *p != 't' && *p != ' '))
        return false;
    p++;
    if (!digits(&p, 2, &h) || *p++ != ':' || !digits(&p, 2, &mi) || *p++ != ':' ||
        !digits(&p, 2, &s))
        return false;
    if (*p == '.') {
        p++;
        if (*p < '0' || *p > '9')
            return false;
        for (int n = 0; *p >= '0' && *p <= '9' && n < 12; n++, p++, scale /= 10)
            frac += (*p - '0') * scale;
    }
    if (!zone(p, &offset) || !valid_date(y, mo, d) || h > 23 || mi > 59 || s > 60)
        return false;
    *ms = join(y, mo, d, h, mi, s) + frac - offset * 60000;
    return true;
}

bool fb_time_parse_http(const char *text, int64_t *ms)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char month[4] = "";
    const char *at;
    int d, y, h, mi, s, end = 0;

    at = strchr(text, ',');
    if (!at)
        return false;
    if (sscanf(at + 1, " %2d %3s %4d %2d:%2d:%2d GMT%n", &d, month, &y, &h, &mi, &s, &end) != 6 ||
        end == 0 || at[1 + end] != '\0')
        return false;
    at = strlen(month) == 3 ? strstr(months, month) : NULL;
    if (!at || (at - months) % 3 != 0 || !valid_date(y, (at - months) / 3 + 1, d) || h < 0 ||
        h > 23 || mi < 0 || mi > 59 || s < 0 || s > 60)
        return false;
    *ms = join(y, (at - months) / 3 + 1, d, h, mi, s);
    return true;
}

/* The other way: civil date from days (inverse of days_from_civil). */
static void civil(int64_t ms, int *y, int *mo, int *d, int *sec, int *milli)
{
    int64_t days = ms / 86400000, rest = ms % 86400000, era, doe, yoe, doy, mp;

    if (rest < 0)
        rest += 86400000, days--;
    days += 719468;
    era = (days >= 0 ? days : days - 146096) / 146097;
    doe = days - era * 146097;
    yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    mp = (5 * doy + 2) / 153;
    *d = (int)(doy - (153 * mp + 2) / 5 + 1);
    *mo = (int)(mp < 10 ? mp + 3 : mp - 9);
    *y = (int)(yoe + era * 400 + (*mo <= 2));
    *sec = (int)(rest / 1000);
    *milli = (int)(rest % 1000);
}

/* Years outside 0000..9999 have no ISO form of this length: pinned to the nearest. */
static int64_t printable(int64_t ms)
{
    const int64_t last = 253402300799999;

    return ms < -62167219200000 ? -62167219200000 : ms > last ? last : ms;
}

/* `v` in so many digits, and what follows them; gives where to go on. */
static char *put(char *at, int v, int n, char then)
{
    for (int i = n - 1; i >= 0; i--, v /= 10)
        at[i] = (char)('0' + v % 10);
    at[n] = then;
    return at + n + 1;
}

char *fb_time_iso(int64_t ms, char *out)
{
    int y, mo, d, s, milli;
    char *at;

    civil(printable(ms), &y, &mo, &d, &s, &milli);
    at = put(put(put(out, y, 4, '-'), mo, 2, '-'), d, 2, 'T');
    at = put(put(put(at, s / 3600, 2, ':'), s / 60 % 60, 2, ':'), s % 60, 2, '.');
    (void)put(at, milli, 3, 'Z');
    out[24] = '\0';
    return out;
}

char *fb_time_basic(int64_t ms, char *out)
{
    int y, mo, d, s, milli;

    civil(printable(ms), &y, &mo, &d, &s, &milli);
    (void)snprintf(out, FB_TIME_MAX, "%04u%02u%02uT%02u%02u%02uZ", (unsigned)y % 10000u,
                   (unsigned)mo % 100u, (unsigned)d % 100u, (unsigned)(s / 3600) % 100u,
                   (unsigned)(s / 60 % 60), (unsigned)(s % 60));
    return out;
}

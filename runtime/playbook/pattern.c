/* pattern.c - the compiler and the metered matcher of Lua patterns. */
#include "playbook/pattern.h"

#include <string.h>

enum kind {
    ITEM_SINGLE,   /* one byte of a set, perhaps quantified */
    ITEM_OPEN,     /* ( */
    ITEM_POSITION, /* () */
    ITEM_CLOSE,    /* ) */
    ITEM_BALANCE,  /* %bxy */
    ITEM_FRONTIER, /* %f[set] */
    ITEM_BACK,     /* %1 */
    ITEM_EOS,      /* $ at the end */
    ITEM_END       /* the pattern is through */
};

struct compiler {
    const char *at, *end;
    struct fb_pattern *out;
    unsigned open[FB_PATTERN_CAPTURES_MAX];
    unsigned open_count;
    bool closed[FB_PATTERN_CAPTURES_MAX];
};

size_t fb_pattern_size(size_t len)
{
    return sizeof(struct fb_pattern) + (len + 1) * sizeof(struct fb_pattern_item);
}

static bool in_set(const uint32_t set[8], unsigned char c)
{
    return (set[c >> 5] >> (c & 31u)) & 1u;
}

static void add_byte(uint32_t set[8], unsigned char c) { set[c >> 5] |= UINT32_C(1) << (c & 31u); }

static bool is_alpha(int c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static bool is_digit(int c) { return c >= '0' && c <= '9'; }
static bool is_graph(int c) { return c > 32 && c < 127; }

/* Whether c is of the class named by the lower-case letter; *known is false for other letters. */
static bool of_class(int letter, int c, bool *known)
{
    *known = true;
    switch (letter) {
    case 'a':
        return is_alpha(c);
    case 'c':
        return c < 32 || c == 127;
    case 'd':
        return is_digit(c);
    case 'g':
        return is_graph(c);
    case 'l':
        return c >= 'a' && c <= 'z';
    case 'p':
        return is_graph(c) && !is_alpha(c) && !is_digit(c);
    case 's':
        return c == ' ' || (c >= 9 && c <= 13);
    case 'u':
        return c >= 'A' && c <= 'Z';
    case 'w':
        return is_alpha(c) || is_digit(c);
    case 'x':
        return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    default:
        *known = false;
        return false;
    }
}

/* Adds what "%c" stands for: a class, its complement for an upper-case letter, or c itself. */
static void add_escape(uint32_t set[8], unsigned char c)
{
    bool upper = c >= 'A' && c <= 'Z';
    int letter = upper ? c + ('a' - 'A') : c;
    bool known;

    (void)of_class(letter, 0, &known);
    if (!known) {
        add_byte(set, c);
        return;
    }
    for (int i = 0; i < 256; i++)
        if (of_class(letter, i, &known) != upper)
            add_byte(set, (unsigned char)i);
}

/* The ']' that ends a set whose first member is at `p`; NULL when there is none. The first member
 * is taken as it is, so "[]]" holds a bracket. */
static const char *set_end(const char *p, const char *end)
{
    do {
        if (p >= end)
            return NULL;
        if (*p++ == '%') {
            if (p >= end)
                return NULL;
            p++;
        }
    } while (p < end && *p != ']');
    return p < end ? p : NULL;
}

/* Reads "[...]" at c->at. */
static const char *read_set(struct compiler *c, uint32_t set[8])
{
    const char *p = c->at + 1, *close;
    bool negate = p < c->end && *p == '^';

    if (negate)
        p++;
    close = set_end(p, c->end);
    if (!close)
        return "malformed pattern (missing ']')";
    while (p < close) {
        unsigned char low = (unsigned char)*p;

        if (low == '%') {
            add_escape(set, (unsigned char)p[1]);
            p += 2;
        } else if (p + 2 < close && p[1] == '-') {
            for (unsigned b = low; b <= (unsigned char)p[2]; b++)
                add_byte(set, (unsigned char)b);
            p += 3;
        } else {
            add_byte(set, low);
            p++;
        }
    }
    for (int i = 0; negate && i < 8; i++)
        set[i] = ~set[i];
    c->at = close + 1;
    return NULL;
}

static struct fb_pattern_item *add_item(struct compiler *c, enum kind kind)
{
    struct fb_pattern_item *item = &c->out->items[c->out->count++];

    memset(item, 0, sizeof *item);
    item->kind = (unsigned char)kind;
    return item;
}

static const char *read_open(struct compiler *c)
{
    struct fb_pattern *p = c->out;
    bool position = c->at + 1 < c->end && c->at[1] == ')';
    struct fb_pattern_item *item;

    if (p->captures >= FB_PATTERN_CAPTURES_MAX)
        return "too many captures";
    item = add_item(c, position ? ITEM_POSITION : ITEM_OPEN);
    item->a = (unsigned char)p->captures;
    if (position)
        c->closed[p->captures] = true;
    else
        c->open[c->open_count++] = p->captures;
    p->captures++;
    c->at += position ? 2 : 1;
    return NULL;
}

static const char *read_close(struct compiler *c)
{
    struct fb_pattern_item *item;

    if (c->open_count == 0)
        return "invalid pattern capture";
    item = add_item(c, ITEM_CLOSE);
    item->a = (unsigned char)c->open[--c->open_count];
    c->closed[item->a] = true;
    c->at++;
    return NULL;
}

/* One byte or class or set, and the quantifier after it. */
static const char *read_single(struct compiler *c)
{
    struct fb_pattern_item *item = add_item(c, ITEM_SINGLE);
    const char *wrong = NULL;

    if (*c->at == '[') {
        wrong = read_set(c, item->set);
    } else if (*c->at == '.') {
        memset(item->set, 0xff, sizeof item->set);
        c->at++;
    } else if (*c->at == '%') {
        add_escape(item->set, (unsigned char)c->at[1]); /* the caller saw that it is there */
        c->at += 2;
    } else {
        add_byte(item->set, (unsigned char)*c->at++);
    }
    if (!wrong && c->at < c->end && *c->at && strchr("*+-?", *c->at))
        item->quant = (unsigned char)*c->at++;
    return wrong;
}

static const char *read_escape(struct compiler *c)
{
    struct fb_pattern_item *item;
    char what;

    if (c->at + 1 >= c->end)
        return "malformed pattern (ends with '%')";
    what = c->at[1];
    if (what == 'b') {
        if (c->end - c->at < 4)
            return "malformed pattern (missing arguments to '%b')";
        item = add_item(c, ITEM_BALANCE);
        item->a = (unsigned char)c->at[2];
        item->b = (unsigned char)c->at[3];
        c->at += 4;
        return NULL;
    }
    if (what == 'f') {
        c->at += 2;
        if (c->at >= c->end || *c->at != '[')
            return "missing '[' after '%f' in pattern";
        return read_set(c, add_item(c, ITEM_FRONTIER)->set);
    }
    if (is_digit(what)) {
        unsigned index = (unsigned)(what - '1');

        if (what == '0' || index >= c->out->captures || !c->closed[index])
            return "invalid capture index in pattern";
        add_item(c, ITEM_BACK)->a = (unsigned char)index;
        c->at += 2;
        return NULL;
    }
    return read_single(c);
}

const char *fb_pattern_compile(struct fb_pattern *p, const char *text, size_t len, bool anchors)
{
    struct compiler c = {.at = text, .end = text + len, .out = p};
    const char *wrong = NULL;

    memset(p, 0, sizeof *p);
    if (anchors && len > 0 && *text == '^') {
        p->anchored = true;
        c.at++;
    }
    while (c.at < c.end && !wrong) {
        if (*c.at == '(') {
            wrong = read_open(&c);
        } else if (*c.at == ')') {
            wrong = read_close(&c);
        } else if (*c.at == '%') {
            wrong = read_escape(&c);
        } else if (*c.at == '$' && c.at + 1 == c.end) {
            add_item(&c, ITEM_EOS);
            c.at++;
        } else {
            wrong = read_single(&c);
        }
    }
    if (!wrong && c.open_count > 0)
        wrong = "unfinished capture";
    add_item(&c, ITEM_END);
    return wrong;
}

static bool spend(struct fb_match *m, size_t steps)
{
    if (m->steps_left < steps) {
        m->steps_left = 0;
        m->fault = FB_MATCH_STEPS;
        return false;
    }
    m->steps_left -= steps;
    return true;
}

static bool single(const struct fb_match *m, const struct fb_pattern_item *it, const char *s)
{
    return s < m->end && in_set(it->set, (unsigned char)*s);
}

static const char *match_from(struct fb_match *m, size_t i, const char *s);

/* "*" and "+": as many as there are, then fewer and fewer. */
static const char *match_greedy(struct fb_match *m, size_t i, const char *s, size_t least)
{
    const struct fb_pattern_item *it = &m->pattern->items[i];
    size_t n = 0;
    const char *end;

    while (single(m, it, s + n))
        n++;
    if (!spend(m, n))
        return NULL;
    for (;; n--) {
        if (n < least)
            return NULL;
        end = match_from(m, i + 1, s + n);
        if (end || m->fault || n == 0)
            return end;
    }
}

/* "-": as few as will do. */
static const char *match_lazy(struct fb_match *m, size_t i, const char *s)
{
    const struct fb_pattern_item *it = &m->pattern->items[i];
    const char *end;

    for (;; s++) {
        end = match_from(m, i + 1, s);
        if (end || m->fault || !single(m, it, s))
            return end;
    }
}

static const char *match_balance(struct fb_match *m, const struct fb_pattern_item *it,
                                 const char *s)
{
    size_t depth = 1;

    if (s >= m->end || (unsigned char)*s != it->a)
        return NULL;
    for (s++; s < m->end; s++) {
        if (!spend(m, 1))
            return NULL;
        if ((unsigned char)*s == it->b) { /* first, so that %b"" ends at the next quote */
            if (--depth == 0)
                return s + 1;
        } else if ((unsigned char)*s == it->a) {
            depth++;
        }
    }
    return NULL;
}

static const char *match_back(struct fb_match *m, const struct fb_pattern_item *it, const char *s)
{
    size_t len = m->captures[it->a].len;

    if (m->captures[it->a].position || (size_t)(m->end - s) < len || !spend(m, len / 8))
        return NULL;
    return memcmp(m->captures[it->a].at, s, len) == 0 ? s + len : NULL;
}

/* What an item that is no single byte does at s: where the next one goes on, or NULL. */
static const char *match_special(struct fb_match *m, const struct fb_pattern_item *it,
                                 const char *s)
{
    unsigned char before, here;

    switch (it->kind) {
    case ITEM_OPEN:
    case ITEM_POSITION:
        /* Nothing restores a capture on the way back: every path runs through every item, so the
         * one that succeeds has set them all last. */
        m->captures[it->a].at = s;
        m->captures[it->a].len = 0;
        m->captures[it->a].position = it->kind == ITEM_POSITION;
        return s;
    case ITEM_CLOSE:
        m->captures[it->a].len = (size_t)(s - m->captures[it->a].at);
        return s;
    case ITEM_BALANCE:
        return match_balance(m, it, s);
    case ITEM_FRONTIER:
        before = s == m->src ? 0 : (unsigned char)s[-1];
        here = s < m->end ? (unsigned char)*s : 0;
        return !in_set(it->set, before) && in_set(it->set, here) ? s : NULL;
    case ITEM_BACK:
        return match_back(m, it, s);
    case ITEM_EOS:
        return s == m->end ? s : NULL;
    default:
        return NULL;
    }
}

static const char *match_quantified(struct fb_match *m, size_t i, const char *s)
{
    const char *end = NULL;

    switch (m->pattern->items[i].quant) {
    case '*':
        return match_greedy(m, i, s, 0);
    case '+':
        return match_greedy(m, i, s, 1);
    case '-':
        return match_lazy(m, i, s);
    default: /* '?' */
        if (single(m, &m->pattern->items[i], s))
            end = match_from(m, i + 1, s + 1);
        return end || m->fault ? end : match_from(m, i + 1, s);
    }
}

/* Only quantifiers recurse: the depth is at most their number, and capped. */
static const char *match_from(struct fb_match *m, size_t i, const char *s)
{
    if (m->depth >= FB_PATTERN_DEPTH_MAX) {
        m->fault = FB_MATCH_DEPTH;
        return NULL;
    }
    for (; s && spend(m, 1); i++) {
        const struct fb_pattern_item *it = &m->pattern->items[i];

        if (it->kind == ITEM_END)
            return s;
        if (it->kind != ITEM_SINGLE) {
            s = match_special(m, it, s);
        } else if (it->quant) {
            m->depth++;
            s = match_quantified(m, i, s);
            m->depth--;
            return s;
        } else {
            s = single(m, it, s) ? s + 1 : NULL;
        }
    }
    return NULL;
}

const char *fb_match_at(struct fb_match *m, const char *s)
{
    m->fault = FB_MATCH_FINE;
    m->depth = 0;
    return match_from(m, 0, s);
}

const char *fb_match_find(struct fb_match *m, const char *s, const char **start)
{
    for (;; s++) {
        const char *end = fb_match_at(m, s);

        if (end || m->fault || m->pattern->anchored || s == m->end) {
            *start = s;
            return end;
        }
    }
}

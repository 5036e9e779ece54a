/* services.c - the table of services, and how its rows are read: answers into states and kept
 * fields, templates into requests. Pure; the calls are world_aws_service.c's. */
#include "contain/services.h"

#include <ctype.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/text.h"
#include "cloud/xml.h"

enum {
    REQUEST_BYTES_MAX = 64 << 10,
    KEPT_BYTES_MAX = 32 << 10,
    ITEMS_MAX = 200,
    ID_BYTES_MAX = 512
};

static const struct fb_service ROWS[] = {
#define FB_SERVICE(...) {__VA_ARGS__},
#include "contain/services.def"
#undef FB_SERVICE
};

size_t fb_services_count(void) { return sizeof ROWS / sizeof *ROWS; }

const struct fb_service *fb_services_at(size_t i) { return &ROWS[i]; }

const struct fb_service *fb_service_of(const char *kind)
{
    for (size_t i = 0; i < fb_services_count(); i++)
        if (fb_eq(ROWS[i].kind, kind))
            return &ROWS[i];
    return NULL;
}

const char *fb_service_state_name(enum fb_service_state s)
{
    static const char *const names[] = {"running", "stopping", "stopped", "gone"};

    return names[s];
}

bool fb_service_id_ok(const struct fb_service *s, const char *id)
{
    int parts = 1;
    size_t len = strlen(id);

    if (!len || len > ID_BYTES_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)id[i] < 0x20 || id[i] == 0x7f)
            return false;
        if (id[i] == '/' && s->parts > 1) {
            if (i == 0 || i + 1 == len || id[i - 1] == '/')
                return false;
            parts++;
        }
    }
    return s->parts == 1 || parts == s->parts;
}

/* --- answers -------------------------------------------------------------------------------------
 */

static struct fb_service_answer child(struct fb_service_answer n, const char *name, size_t len)
{
    char word[128];

    if (len >= sizeof word)
        return (struct fb_service_answer){NULL, NULL};
    memcpy(word, name, len);
    word[len] = '\0';
    return (struct fb_service_answer){fb_xml_child(n.xml, word), fb_json_get(n.json, word)};
}

/* Walks "a/b" of len bytes. */
static struct fb_service_answer walk(struct fb_service_answer n, const char *path, size_t len)
{
    while (len > 0) {
        size_t step = 0;

        while (step < len && path[step] != '/')
            step++;
        n = child(n, path, step);
        path += step;
        len -= step;
        if (len > 0)
            path++, len--;
    }
    return n;
}

static bool is_there(struct fb_service_answer n) { return n.xml || n.json; }

/* The i-th item of a list; nothing at its end. */
static struct fb_service_answer item(struct fb_service_answer n, size_t i)
{
    const struct fb_xml *e = n.xml ? n.xml->first : NULL;

    for (size_t at = 0; e && at < i; at++)
        e = e->next;
    return (struct fb_service_answer){e, n.json && i < fb_json_len(n.json) ? fb_json_at(n.json, i)
                                                                           : NULL};
}

static const char *text_of(struct fb_arena *a, struct fb_service_answer n)
{
    return n.xml ? n.xml->text : fb_json_text(a, n.json);
}

/* "x[]rest": what stands before and after the brackets; false: there are none. */
static bool split_list(const char *path, size_t len, size_t *before, const char **rest,
                       size_t *rest_len)
{
    for (size_t i = 0; i + 1 < len; i++)
        if (path[i] == '[' && path[i + 1] == ']') {
            *before = i;
            *rest = path + i + 2;
            *rest_len = len - i - 2;
            return true;
        }
    return false;
}

static const char *value_at(struct fb_arena *a, struct fb_service_answer thing, const char *path,
                            size_t len)
{
    struct fb_service_answer list, one;
    size_t before, rest_len;
    const char *rest;
    struct fb_buf b;

    if (!split_list(path, len, &before, &rest, &rest_len))
        return text_of(a, walk(thing, path, len));
    fb_buf_init_in(&b, a, KEPT_BYTES_MAX);
    list = walk(thing, path, before);
    for (size_t i = 0; i < ITEMS_MAX && is_there(one = item(list, i)); i++) {
        if (b.len)
            fb_buf_addc(&b, ' ');
        fb_buf_add(&b, text_of(a, walk(one, rest, rest_len)));
    }
    return fb_buf_ok(&b) ? b.at : "";
}

struct fields {
    struct {
        const char *name, *value;
    } at[FB_SERVICE_FIELDS_MAX];
    size_t count;
};

static const char *field(const struct fields *f, const char *name, size_t len)
{
    for (size_t i = 0; i < f->count; i++)
        if (strlen(f->at[i].name) == len && memcmp(f->at[i].name, name, len) == 0)
            return f->at[i].value;
    return "";
}

static void read_fields(struct fb_arena *a, const struct fb_service *s,
                        struct fb_service_answer thing, struct fields *out)
{
    const char *at = s->fields;

    out->count = 0;
    while (*at && out->count < FB_SERVICE_FIELDS_MAX) {
        size_t len = strcspn(at, " "), name = 0;

        while (name < len && at[name] != '=')
            name++;
        out->at[out->count].name = fb_arena_strn(a, at, name);
        out->at[out->count++].value = name < len ? value_at(a, thing, at + name + 1, len - name - 1)
                                                 : value_at(a, thing, at, len);
        at += len;
        at += strspn(at, " ");
    }
}

static bool has_word(const char *words, const char *word, size_t len)
{
    while (*words) {
        size_t n = strcspn(words, " ");

        if (n == len && memcmp(words, word, len) == 0)
            return true;
        words += n;
        words += strspn(words, " ");
    }
    return false;
}

/* One "NAME=value" or "NAME~word" of len bytes. */
static bool term_holds(const struct fields *f, const char *term, size_t len)
{
    size_t name = 0, rest;
    const char *value;

    while (name < len && term[name] != '=' && term[name] != '~')
        name++;
    if (name == len)
        return false;
    value = field(f, term, name);
    rest = len - name - 1;
    if (term[name] == '~')
        return has_word(value, term + name + 1, rest);
    return strlen(value) == rest && memcmp(value, term + name + 1, rest) == 0;
}

static bool holds(const struct fields *f, const char *condition)
{
    bool set = true, any = false;

    while (*condition) {
        size_t len = strcspn(condition, " ");

        if (len == 1 && *condition == '|') {
            if (set && any)
                return true;
            set = true;
            any = false;
        } else {
            set = set && term_holds(f, condition, len);
            any = true;
        }
        condition += len;
        condition += strspn(condition, " ");
    }
    return set && any;
}

static const char *kept(struct fb_arena *a, const struct fields *f)
{
    struct fb_buf b;

    fb_buf_init_in(&b, a, KEPT_BYTES_MAX);
    fb_json_open(&b, NULL, '{');
    for (size_t i = 0; i < f->count; i++)
        if (!fb_eq(f->at[i].name, "arn"))
            fb_json_put_str(&b, f->at[i].name, f->at[i].value);
    fb_json_close(&b, '}');
    return fb_buf_ok(&b) ? b.at : "{}";
}

void fb_service_read(struct fb_arena *a, const struct fb_service *s,
                     const struct fb_service_answer *answer, struct fb_service_look *out)
{
    struct fb_service_answer thing;
    size_t before, rest_len;
    const char *rest;
    struct fields f;

    *out = (struct fb_service_look){FB_SERVICE_GONE, "", "{}"};
    if (split_list(s->at, strlen(s->at), &before, &rest, &rest_len))
        thing = item(walk(*answer, s->at, before), 0);
    else
        thing = walk(*answer, s->at, strlen(s->at));
    if (!is_there(thing) && *s->at)
        return;
    read_fields(a, s, thing, &f);
    out->arn = field(&f, "arn", 3);
    out->kept = kept(a, &f);
    if (holds(&f, s->gone))
        return;
    out->state = holds(&f, s->stopped)    ? FB_SERVICE_STOPPED
                 : holds(&f, s->stopping) ? FB_SERVICE_STOPPING
                                          : FB_SERVICE_RUNNING;
}

/* --- requests ------------------------------------------------------------------------------------
 */

static const char *part_of(struct fb_arena *a, const struct fb_service_thing *t, int n)
{
    const char *at = t->id;

    if (t->service->parts == 1)
        return at;
    while (n-- > 1)
        at += strcspn(at, "/") + (at[strcspn(at, "/")] == '/');
    return fb_arena_strn(a, at, strcspn(at, "/"));
}

static const char *kept_field(struct fb_arena *a, const struct fb_service_thing *t,
                              const char *name, size_t len)
{
    const struct fb_json *doc = NULL;

    if (!t->kept || !*t->kept ||
        fb_json_parse(a, t->kept, strlen(t->kept), NULL, &doc, NULL) != FB_OK)
        return "";
    return fb_json_get_str(doc, fb_arena_strn(a, name, len));
}

static size_t name_len(const char *s)
{
    size_t n = 0;

    while (isalnum((unsigned char)s[n]))
        n++;
    return n;
}

/* The token at s ("$1", "$.NAME", "$#NAME", "$region"): what stands for it, and its length. */
static const char *token(struct fb_arena *a, const struct fb_service_thing *t, const char *s,
                         size_t *len)
{
    if (isdigit((unsigned char)s[1])) {
        *len = 2;
        return part_of(a, t, s[1] - '0');
    }
    if (s[1] == '.' || s[1] == '#') {
        *len = 2 + name_len(s + 2);
        return kept_field(a, t, s + 2, *len - 2);
    }
    *len = 1 + name_len(s + 1);
    if (*len == 7 && memcmp(s, "$region", 7) == 0)
        return t->region;
    return *len == 8 && memcmp(s, "$account", 8) == 0 ? t->account : "";
}

static enum fb_status missing(struct fb_err *err, const char *token_text)
{
    return fb_err_set(err, FB_EINPUT, "what it was before is not known (%.40s)", token_text);
}

/* "PREFIX.*=$.NAME": a parameter for each word. */
static void put_words(struct fb_arena *a, struct fb_buf *b, const char *prefix, const char *words)
{
    for (size_t i = 1; *words && i <= ITEMS_MAX; i++) {
        size_t len = strcspn(words, " ");

        fb_buf_add_param(b, fb_arena_fmt(a, "%s%zu", prefix, i), fb_arena_strn(a, words, len));
        words += len;
        words += strspn(words, " ");
    }
}

enum fb_status fb_service_form(struct fb_arena *a, const struct fb_service_thing *t,
                               const char *template, const char **out, struct fb_err *err)
{
    const char *at = template;
    struct fb_buf b;

    *out = NULL;
    if (!template)
        return FB_OK;
    fb_buf_init_in(&b, a, REQUEST_BYTES_MAX);
    while (*at) {
        size_t len = strcspn(at, "&"), name = strcspn(at, "="), used = 0;
        const char *key = fb_arena_strn(a, at, name),
                   *value = fb_arena_strn(a, at + name + 1, len - name - 1);

        if (*value == '$')
            value = token(a, t, value, &used);
        if (used && !*value)
            return missing(err, at + name + 1);
        if (name > 0 && key[name - 1] == '*')
            put_words(a, &b, fb_arena_strn(a, key, name - 1), value);
        else
            fb_buf_add_param(&b, key, value);
        at += len;
        at += *at == '&';
    }
    *out = b.at;
    return fb_buf_ok(&b) ? FB_OK : fb_err_set(err, FB_ELIMIT, "no memory left for the request");
}

static bool is_number(const char *s)
{
    size_t len = strlen(s);

    return len > 0 && len < 16 && strspn(s, "0123456789") == len;
}

/* Copies literal text, and gives each token to put. */
static enum fb_status fill(struct fb_arena *a, const struct fb_service_thing *t,
                           const char *template, struct fb_buf *b,
                           bool (*put)(struct fb_buf *b, char kind, const char *value),
                           struct fb_err *err)
{
    for (const char *at = template; *at;) {
        size_t used = strcspn(at, "$");
        const char *value;

        fb_buf_addn(b, at, used);
        at += used;
        if (!*at)
            break;
        value = token(a, t, at, &used);
        if (!put(b, at[1], value))
            return missing(err, at);
        at += used;
    }
    return fb_buf_ok(b) ? FB_OK : fb_err_set(err, FB_ELIMIT, "no memory left for the request");
}

static bool put_json(struct fb_buf *b, char kind, const char *value)
{
    if (kind == '#') {
        fb_buf_add(b, value);
        return is_number(value);
    }
    fb_json_put_str(b, NULL, value); /* a lone value: no comma */
    return true;
}

static bool put_path(struct fb_buf *b, char kind, const char *value)
{
    (void)kind;
    fb_buf_add_uri(b, value, strlen(value), false);
    return *value != '\0';
}

static bool put_plain(struct fb_buf *b, char kind, const char *value)
{
    (void)kind;
    fb_buf_add(b, value);
    return true;
}

static enum fb_status filled(struct fb_arena *a, const struct fb_service_thing *t,
                             const char *template,
                             bool (*put)(struct fb_buf *b, char kind, const char *value),
                             const char **out, struct fb_err *err)
{
    struct fb_buf b;
    enum fb_status st;

    *out = NULL;
    if (!template)
        return FB_OK;
    fb_buf_init_in(&b, a, REQUEST_BYTES_MAX);
    st = fill(a, t, template, &b, put, err);
    if (st == FB_OK)
        *out = b.at;
    return st;
}

enum fb_status fb_service_json(struct fb_arena *a, const struct fb_service_thing *t,
                               const char *template, const char **out, struct fb_err *err)
{
    return filled(a, t, template, put_json, out, err);
}

enum fb_status fb_service_path(struct fb_arena *a, const struct fb_service_thing *t,
                               const char *template, const char **out, struct fb_err *err)
{
    return filled(a, t, template, put_path, out, err);
}

const char *fb_service_text(struct fb_arena *a, const struct fb_service_thing *t,
                            const char *template)
{
    const char *out = NULL;

    return filled(a, t, template, put_plain, &out, NULL) == FB_OK && out ? out : "";
}

bool fb_service_due(struct fb_arena *a, const struct fb_service_thing *t,
                    const struct fb_service_call *call)
{
    bool not = call->when && *call->when == '!';
    const char *name = call->when ? call->when + not : "";

    return !*name || (*kept_field(a, t, name, strlen(name)) != '\0') != not ;
}

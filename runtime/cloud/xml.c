/* xml.c - builds the small tree of xml.h from expat's events. */
#include "cloud/xml.h"

#include <expat.h>
#include <limits.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"

enum { DEPTH_MAX = 64, TEXT_MAX = 32 << 20, PIECE_MAX = 1 << 20 };

struct level {
    struct fb_xml *element, *last_child;
    size_t text_at; /* where this element's own text starts in builder.text */
};

struct builder {
    struct fb_arena *arena;
    XML_Parser parser;
    struct fb_xml *root;
    struct level levels[DEPTH_MAX];
    size_t depth;
    struct fb_buf text;  /* a stack of texts: a child's lies on top of its parent's */
    const char *refused; /* why we stopped; NULL: we did not */
    enum fb_status status;
};

static void stop(struct builder *b, enum fb_status st, const char *why)
{
    if (!b->refused) {
        b->refused = why;
        b->status = st;
    }
    XML_StopParser(b->parser, XML_FALSE);
}

static void XMLCALL on_start(void *self, const XML_Char *name, const XML_Char **attributes)
{
    struct builder *b = self;
    const char *colon = strrchr(name, ':');
    struct fb_xml *e;

    (void)attributes;
    if (b->refused)
        return;
    if (b->depth == DEPTH_MAX) {
        stop(b, FB_ELIMIT, "nested deeper than 64");
        return;
    }
    e = FB_NEW(b->arena, struct fb_xml);
    if (!e) {
        stop(b, FB_ELIMIT, "no memory left");
        return;
    }
    e->name = fb_arena_str(b->arena, colon ? colon + 1 : name);
    e->text = "";
    if (b->depth == 0) {
        b->root = e;
    } else {
        struct level *up = &b->levels[b->depth - 1];

        if (up->last_child)
            up->last_child->next = e;
        else
            up->element->first = e;
        up->last_child = e;
    }
    b->levels[b->depth++] = (struct level){e, NULL, b->text.len};
}

static void XMLCALL on_end(void *self, const XML_Char *name)
{
    struct builder *b = self;
    struct level *l;
    const char *at, *end;

    (void)name;
    if (b->refused || b->depth == 0)
        return;
    l = &b->levels[--b->depth];
    at = b->text.at + l->text_at;
    end = b->text.at + b->text.len;
    while (at < end && strchr(" \t\r\n", *at))
        at++;
    while (end > at && strchr(" \t\r\n", end[-1]))
        end--;
    if (end > at)
        l->element->text = fb_arena_strn(b->arena, at, (size_t)(end - at));
    b->text.len = l->text_at; /* pop; the next piece overwrites what lies above */
}

static void XMLCALL on_text(void *self, const XML_Char *s, int len)
{
    struct builder *b = self;

    if (b->refused || len <= 0)
        return;
    fb_buf_addn(&b->text, s, (size_t)len);
    if (!fb_buf_ok(&b->text))
        stop(b, FB_ELIMIT, "too much text");
}

/* Providers send no DTD; without one there are no entities to blow up. */
static void XMLCALL on_doctype(void *self, const XML_Char *name, const XML_Char *system,
                               const XML_Char *public, int has_subset)
{
    (void)name, (void)system, (void)public, (void)has_subset;
    stop(self, FB_EINPUT, "it holds a document type");
}

/* In pieces, so that a refusal in the first bytes ends the work there. */
static bool feed(struct builder *b, const char *bytes, size_t len)
{
    do {
        int piece = len > PIECE_MAX ? PIECE_MAX : (int)len;

        len -= (size_t)piece;
        if (XML_Parse(b->parser, bytes, piece, len == 0) != XML_STATUS_OK)
            return false;
        bytes += piece;
    } while (len > 0);
    return true;
}

static enum fb_status parse(struct builder *b, const char *bytes, size_t len, struct fb_err *err)
{
    XML_SetUserData(b->parser, b);
    XML_SetElementHandler(b->parser, on_start, on_end);
    XML_SetCharacterDataHandler(b->parser, on_text);
    XML_SetStartDoctypeDeclHandler(b->parser, on_doctype);
    if (!feed(b, bytes, len)) {
        if (b->refused)
            return fb_err_set(err, b->status, "XML refused: %s", b->refused);
        return fb_err_set(err, FB_EINPUT, "not XML: %s at byte %lld",
                          XML_ErrorString(XML_GetErrorCode(b->parser)),
                          len ? (long long)XML_GetCurrentByteIndex(b->parser) : 0);
    }
    if (fb_arena_failed(b->arena))
        return fb_err_set(err, FB_ELIMIT, "XML: no memory left");
    if (!b->root)
        return fb_err_set(err, FB_EINPUT, "not XML: no element");
    return FB_OK;
}

enum fb_status fb_xml_parse(struct fb_arena *a, const char *bytes, size_t len,
                            const struct fb_xml **out, struct fb_err *err)
{
    struct builder b = {.arena = a};
    enum fb_status st;

    *out = NULL;
    b.parser = XML_ParserCreate(NULL);
    if (!b.parser)
        return fb_err_set(err, FB_ELIMIT, "XML: no memory for a parser");
    fb_buf_init(&b.text, TEXT_MAX);
    st = parse(&b, bytes, len, err);
    if (st == FB_OK)
        *out = b.root;
    fb_buf_release(&b.text);
    XML_ParserFree(b.parser);
    return st;
}

static const struct fb_xml *child(const struct fb_xml *e, const char *name, size_t len)
{
    for (e = e ? e->first : NULL; e; e = e->next)
        if (strlen(e->name) == len && memcmp(e->name, name, len) == 0)
            return e;
    return NULL;
}

const struct fb_xml *fb_xml_child(const struct fb_xml *e, const char *name)
{
    return child(e, name, strlen(name));
}

const struct fb_xml *fb_xml_path(const struct fb_xml *e, const char *slashed)
{
    while (e && *slashed) {
        size_t len = strcspn(slashed, "/");

        e = child(e, slashed, len);
        slashed += len;
        slashed += *slashed == '/';
    }
    return e;
}

const char *fb_xml_text(const struct fb_xml *e, const char *slashed)
{
    e = fb_xml_path(e, slashed);
    return e ? e->text : "";
}

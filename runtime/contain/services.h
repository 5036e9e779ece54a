/* services.h - what starts machines for a thief besides the machine itself, as rows of one table:
 * how each is asked for, which fields tell its state, what stops it, what gives it back. One engine
 * (services.c, world_aws_service.c) drives every row, so that another service is another row.
 *
 * Templates. "$1" "$2" are the parts of the id ("cluster/service"), "$region" and "$account" speak
 * for themselves, "$.NAME" is a kept field as it was before the stop. In a form each value is one
 * of these or literal text, and "PREFIX.*=$.NAME" gives one parameter a word (PREFIX.1, PREFIX.2);
 * in JSON "$#NAME" is the kept field as a number, everything else a string; in a path each is
 * escaped.
 *
 * Fields. "NAME=a/b" separated by spaces: what of the answer is kept (and journalled, for undo).
 * "NAME" alone is "NAME=NAME"; "NAME=list[]a" are the a of every item of list, in a row.
 *
 * Conditions. "NAME=value" all of which must hold; "NAME~word": the word is one of the field's;
 * "|" begins another set: one set that holds is enough. "" never holds. */
#ifndef FB_SERVICES_H
#define FB_SERVICES_H
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct fb_arena;
struct fb_json;
struct fb_xml;

enum { FB_SERVICE_CALLS_MAX = 4, FB_SERVICE_FIELDS_MAX = 12, FB_SERVICE_PARTS_MAX = 2 };

struct fb_service_call {
    const char *action;        /* NULL: none */
    const char *method, *path; /* REST services only */
    const char *body;          /* form or JSON; NULL none */
    const char *when;          /* undo: "NAME" only where that field held something, "!NAME" only
                                  where it held nothing; NULL always */
};

struct fb_service {
    const char *kind;    /* of an item: "group", as in records of what was made */
    const char *service; /* as cloud/ names it */
    const char *words;   /* for people: "scaling group" */
    int rank;            /* 0: it makes things, stopped before what it makes */
    int parts;           /* of its id, separated by '/' */
    const char *arn;     /* template of its ARN, where the answer holds none; else "" */
    struct fb_service_call read;
    const char *at;     /* of the answer: where the thing is; "x[]": the first item of x */
    const char *fields; /* to keep; "arn=..." is its ARN */
    const char *stopped, *stopping, *gone; /* conditions */
    struct fb_service_call stop[FB_SERVICE_CALLS_MAX], undo[FB_SERVICE_CALLS_MAX];
    const char *undone;      /* what undo does, or why there is none */
    const char *stop_rights; /* permissions, separated by spaces: to read and stop it */
    const char *undo_rights; /* ... to give it back */
    bool destroys; /* the stop cannot be undone and loses something: only where configuration says
                      so */
};

/* NULL: no row is of that kind. */
const struct fb_service *fb_service_of(const char *kind);
size_t fb_services_count(void);
const struct fb_service *fb_services_at(size_t i);

/* Whether the text can be an id of that service's things: the right number of parts, none empty,
 * nothing in it that could end a path or a name. */
bool fb_service_id_ok(const struct fb_service *s, const char *id);

enum fb_service_state {
    FB_SERVICE_RUNNING,
    FB_SERVICE_STOPPING,
    FB_SERVICE_STOPPED,
    FB_SERVICE_GONE
};
const char *fb_service_state_name(enum fb_service_state s);

/* An answer, whichever protocol it came by. */
struct fb_service_answer {
    const struct fb_xml *xml;
    const struct fb_json *json;
};

/* What an answer says of the thing: its state, and the kept fields as a JSON object ("kept"). */
struct fb_service_look {
    enum fb_service_state state;
    const char *arn;
    const char *kept;
};
void fb_service_read(struct fb_arena *a, const struct fb_service *s,
                     const struct fb_service_answer *answer, struct fb_service_look *out);

/* Which thing, for templates. kept: the JSON object that fb_service_read wrote; "" none. */
struct fb_service_thing {
    const struct fb_service *service;
    const char *id, *region, *account, *kept;
};

/* A template filled in, in the arena; NULL for a NULL template. FB_EINPUT: it needs a field that
 * was not kept. */
enum fb_status fb_service_form(struct fb_arena *a, const struct fb_service_thing *t,
                               const char *template, const char **out, struct fb_err *err);
enum fb_status fb_service_json(struct fb_arena *a, const struct fb_service_thing *t,
                               const char *template, const char **out, struct fb_err *err);
enum fb_status fb_service_path(struct fb_arena *a, const struct fb_service_thing *t,
                               const char *template, const char **out, struct fb_err *err);
/* Plain text, for ARNs. */
const char *fb_service_text(struct fb_arena *a, const struct fb_service_thing *t,
                            const char *template);

/* Whether a call of undo is due, by its `when`. */
bool fb_service_due(struct fb_arena *a, const struct fb_service_thing *t,
                    const struct fb_service_call *call);

#endif

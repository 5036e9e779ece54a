/* verb.h - the gate's table: every fact and ensure-verb that a playbook can name. One data file,
 * verbs.def; the host checks arguments by it, contain/ carries it out, the metadata pages and the
 * permission list are held to it by a test. */
#ifndef FB_VERB_H
#define FB_VERB_H
#include <stdbool.h>
#include <stddef.h>

enum fb_verb_class {
    FB_FACT,        /* no effect */
    FB_UNDOABLE,    /* takes power away; an inverse exists */
    FB_COSTLY,      /* undoable, but something is lost (local disks) */
    FB_DESTRUCTIVE, /* not undoable: only where configuration says so */
    FB_MESSAGE      /* tells people */
};

enum fb_field_type { FB_FIELD_STR, FB_FIELD_INT, FB_FIELD_LIST, FB_FIELD_MAP, FB_FIELD_ANY };

enum { FB_FIELDS_MAX = 8 };

struct fb_field {
    const char *name; /* NULL ends the list */
    enum fb_field_type type;
    bool required;
};

struct fb_verb {
    const char *name; /* "aws.disable_access_key": fb.aws.disable_access_key in Lua */
    enum fb_verb_class cls;
    const char *capability;                /* "aws.contain"; "" needs none */
    struct fb_field fields[FB_FIELDS_MAX]; /* besides the optional `why` of every verb */
    const char *rights;                    /* provider permissions, space separated */
    const char *undo;                      /* what undo does; "" for facts and messages */
    const char *doc;                       /* one line: what it ensures or answers */
};

/* Ids, in the order of verbs.def: what contain/ switches on. */
enum fb_verb_id {
#define FB_VERB(id, ...) FB_VERB_##id,
#include "playbook/verbs.def"
#undef FB_VERB
    FB_VERB_COUNT
};

const struct fb_verb *fb_verb(enum fb_verb_id id);
/* FB_VERB_COUNT when no verb has that name. */
enum fb_verb_id fb_verb_find(const char *name);
const char *fb_verb_class_name(enum fb_verb_class c); /* "fact" "undoable" ... */

#endif

/* gate.h - the one door between a playbook and the world, as the playbook's side sees it. The other
 * side is contain/; pipeline.c joins them. Whatever a playbook asks for, fact or verb, is a struct
 * fb_ask; the answer is plain values. Asks of one batch come from calls that are in flight at the
 * same time (fb.each): the gate may carry them out in parallel; answers stand in the same order. */
#ifndef FB_GATE_H
#define FB_GATE_H
#include <stdbool.h>
#include <stddef.h>

#include "base/val.h"
#include "playbook/verb.h"

struct fb_arena;

enum fb_result_status {
    FB_RESULT_DONE,    /* read back and true */
    FB_RESULT_ALREADY, /* was so before */
    FB_RESULT_PLANNED, /* would be done: dry-run */
    FB_RESULT_PENDING, /* accepted by the provider, not yet read back */
    FB_RESULT_REFUSED, /* a guard said no; why names it */
    FB_RESULT_FAILED   /* the provider said no, or nothing; tried again later */
};
const char *fb_result_name(enum fb_result_status s); /* "done" ... */

struct fb_ask {
    enum fb_verb_id verb;
    const struct fb_val *args; /* a map, checked against the verb's fields */
    const char *why;           /* at most 200 bytes; "" none */
    const char *playbook;      /* label, for the record */
    int line;                  /* of the playbook's source; 0 unknown */
};

struct fb_answer {
    bool ok; /* done, already, planned or pending; facts: complete */
    enum fb_result_status status;
    const char *why;
    const char *id;             /* action id "act-..."; "" for facts */
    const struct fb_val *value; /* facts: a list or a map; else NULL. A map {items = list, ...} is
                                   that list, with the other fields (guessed) beside it */
    bool complete;              /* facts: false when something could not be read */
};

/* ask: a is the arena of the run; asks, their arguments and what the gate puts into answers live
 * until it is reset. Answers come in as "failed: no answer", so that what is left untouched is no
 * success. */
struct fb_gate {
    void *self;
    void (*ask)(void *self, struct fb_arena *a, const struct fb_ask *asks, size_t n,
                struct fb_answer *answers);
};

#endif

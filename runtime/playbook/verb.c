/* verb.c - the gate's table as C data, made from verbs.def, and the words that go with it. */
#include "playbook/verb.h"

#include "base/text.h"
#include "playbook/gate.h"

static const struct fb_verb VERBS[] = {
#define FB_VERB(id, ...) [FB_VERB_##id] = {__VA_ARGS__},
#include "playbook/verbs.def"
#undef FB_VERB
};

const struct fb_verb *fb_verb(enum fb_verb_id id)
{
    return &VERBS[(unsigned)id < FB_VERB_COUNT ? id : 0];
}

enum fb_verb_id fb_verb_find(const char *name)
{
    for (unsigned i = 0; i < FB_VERB_COUNT; i++)
        if (fb_eq(VERBS[i].name, name))
            return (enum fb_verb_id)i;
    return FB_VERB_COUNT;
}

const char *fb_verb_class_name(enum fb_verb_class c)
{
    static const char *const NAMES[] = {"fact", "undoable", "costly", "destructive", "message"};

    return (unsigned)c < sizeof NAMES / sizeof *NAMES ? NAMES[c] : "unknown";
}

const char *fb_result_name(enum fb_result_status s)
{
    static const char *const NAMES[] = {"done",    "already", "planned",
                                        "pending", "refused", "failed"};

    return (unsigned)s < sizeof NAMES / sizeof *NAMES ? NAMES[s] : "failed";
}

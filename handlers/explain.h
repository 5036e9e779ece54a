/* explain.h - one verdict for a person, as a colleague would put it, and for programs. */
#ifndef FB_EXPLAIN_H
#define FB_EXPLAIN_H
#include <stdbool.h>

#include "pipeline.h"

struct fb_buf;

/* The first lines say who, what, why this level and what would change it; the numbers follow.
 * standing: the identity's present score, not an event's. */
void fb_explain_text(struct fb_buf *to, const struct fb_decision *d, bool standing);

/* One object: the decision's own words for who and what, then every number. No line end. */
void fb_explain_json(struct fb_buf *to, const struct fb_decision *d, bool standing);

#endif

/* xml.h - a small tree over expat, for what EC2, IAM and STS answer. Namespaces are dropped; DTDs
 * and entity declarations are refused (a bomb must not fit); depth and size have ceilings. */
#ifndef FB_XML_H
#define FB_XML_H
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct fb_arena;

struct fb_xml {
    const char *name;
    const char *text; /* own character data, white space trimmed; "" none */
    struct fb_xml *first, *next;
};

/* The root element, in the arena. FB_EINPUT: not XML; FB_ELIMIT: deeper than 64 or arena full. */
enum fb_status fb_xml_parse(struct fb_arena *a, const char *bytes, size_t len,
                            const struct fb_xml **out, struct fb_err *err);

/* The first child of that name; path walks "a/b/c". NULL-safe; NULL when absent. */
const struct fb_xml *fb_xml_child(const struct fb_xml *e, const char *name);
const struct fb_xml *fb_xml_path(const struct fb_xml *e, const char *slashed);
const char *fb_xml_text(const struct fb_xml *e, const char *slashed); /* "" when absent */

#endif

/* json_in.h - what json.c asks of the parser behind it (json_yyjson.c or json_jansson.c).
 * Room-private. */
#ifndef FB_JSON_IN_H
#define FB_JSON_IN_H
#include "base/json.h"

/* Besides fb_json_parse, _kind, _get, _len, _at, _next and _str. */
int64_t fb_json_int_value(const struct fb_json *v); /* of FB_JSON_INT */
double fb_json_real_value(const struct fb_json *v); /* of FB_JSON_REAL */
bool fb_json_bool_value(const struct fb_json *v);   /* of FB_JSON_BOOL */

/* The refusal of a text; what: the parser's words, which may quote the text; byte: 1-based. */
enum fb_status fb_json_refuse(struct fb_err *err, const char *what, size_t byte);

#endif

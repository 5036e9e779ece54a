/* second_reader.h - included before the sources of the other JSON reader, so that both can be
 * linked into one test: its functions begin with second_. */
#ifndef FB_SECOND_READER_H
#define FB_SECOND_READER_H
#define fb_json_parse      second_json_parse
#define fb_json_odd_words  second_json_odd_words
#define fb_json_kind       second_json_kind
#define fb_json_get        second_json_get
#define fb_json_get_fold   second_json_get_fold
#define fb_json_path       second_json_path
#define fb_json_len        second_json_len
#define fb_json_at         second_json_at
#define fb_json_next       second_json_next
#define fb_json_str        second_json_str
#define fb_json_get_str    second_json_get_str
#define fb_json_path_str   second_json_path_str
#define fb_json_text       second_json_text
#define fb_json_int        second_json_int
#define fb_json_num        second_json_num
#define fb_json_bool       second_json_bool
#define fb_json_dump       second_json_dump
#define fb_json_int_value  second_json_int_value
#define fb_json_real_value second_json_real_value
#define fb_json_bool_value second_json_bool_value
#define fb_json_refuse     second_json_refuse
#endif

/* json_yyjson.c - yyjson behind json.h: its tree is ours, one pass over it finds what is odd, and
 * only an odd text is rewritten and read again. */
#include "base/json_in.h"

#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/tame.h"

enum {
    ARENA_TEXT_MAX = 64 << 10, /* longer texts live on the heap until the arena is reset */
    ARENA_TIMES = 24,          /* bytes that a tree takes at most for each byte of text, regrown */
    FEW_KEYS = 64,             /* objects with more are sorted to find a key that stands twice */
    SIEVE_BITS = 256
};

static const yyjson_read_flag FLAGS = YYJSON_READ_BIGNUM_AS_RAW;

static yyjson_val *in(const struct fb_json *v)
{
    return (yyjson_val *)(void *)(uintptr_t)v; /* yyjson's readers take it without const */
}

static const struct fb_json *out_of(const yyjson_val *v)
{
    return (const struct fb_json *)(const void *)v;
}

/* --- memory -------------------------------------------------------------------------------------
 */

static void *take(void *a, size_t bytes) { return fb_arena_alloc(a, bytes); }

static void *retake(void *a, void *old, size_t old_bytes, size_t bytes)
{
    void *p = fb_arena_alloc(a, bytes);

    if (p)
        memcpy(p, old, old_bytes < bytes ? old_bytes : bytes);
    return p;
}

static void leave(void *a, void *p)
{
    (void)a;
    (void)p;
}

static void drop(void *doc) { yyjson_doc_free(doc); }

/* A text being read. */
struct reading {
    struct fb_arena *a;
    yyjson_alc in_arena;
    const yyjson_alc *alc; /* NULL: the heap */
    yyjson_read_err e;
};

static struct reading reading_of(struct fb_arena *a)
{
    return (struct reading){.a = a, .in_arena = {take, retake, leave, a}};
}

static yyjson_doc *read_text(struct reading *r, const char *bytes, size_t len)
{
    bool small = len <= ARENA_TEXT_MAX && len * ARENA_TIMES < fb_arena_left(r->a);

    r->alc = small ? &r->in_arena : NULL;
    return yyjson_read_opts((char *)(uintptr_t)bytes, len, FLAGS, r->alc, &r->e);
}

static void forget(const struct reading *r, yyjson_doc *doc)
{
    if (!r->alc)
        yyjson_doc_free(doc);
}

/* --- what is odd --------------------------------------------------------------------------------
 */

static bool same_key(yyjson_val *x, yyjson_val *y)
{
    size_t n = unsafe_yyjson_get_len(x);

    return n == unsafe_yyjson_get_len(y) && memcmp(x->uni.str, y->uni.str, n) == 0;
}

static yyjson_val *key_after(yyjson_val *key) { return unsafe_yyjson_get_next(key + 1); }

/* A bit for the key, the same for equal keys. */
static unsigned sieve_of(yyjson_val *key)
{
    size_t n = unsafe_yyjson_get_len(key);
    const unsigned char *s = (const unsigned char *)key->uni.str;
    uint32_t h = (uint32_t)n * 0x9E3779B1u;

    if (n)
        h ^= s[0] * 0x85EBCA6Bu ^ s[n - 1] * 0xC2B2AE35u ^ s[n / 2] * 0x27D4EB2Fu ^
             s[n / 3] * 0x165667B1u;
    return (h ^ h >> 15) * 0x2C1B3C6Du >> 24; /* SIEVE_BITS of them */
}

static bool twice_in_few(yyjson_val *object)
{
    yyjson_val *first = unsafe_yyjson_get_first(object), *end = unsafe_yyjson_get_next(object);
    uint64_t sieve[SIEVE_BITS / 64] = {0};

    for (yyjson_val *key = first; key < end; key = key_after(key)) {
        unsigned at = sieve_of(key);
        uint64_t bit = UINT64_C(1) << at % 64;

        if (sieve[at / 64] & bit) {
            for (yyjson_val *other = first; other < key; other = key_after(other)) {
                if (same_key(key, other))
                    return true;
            }
        }
        sieve[at / 64] |= bit;
    }
    return false;
}

static int by_text(const void *a, const void *b)
{
    yyjson_val *x = *(yyjson_val *const *)a, *y = *(yyjson_val *const *)b;
    size_t n = unsafe_yyjson_get_len(x), m = unsafe_yyjson_get_len(y);

    return n != m ? (n > m) - (n < m) : memcmp(x->uni.str, y->uni.str, n);
}

/* Sorted, not hashed: whoever chooses the keys cannot make it slow. Without memory it says yes: the
 * text takes the slow road, which says what is short. */
static bool twice_in_many(yyjson_val *object)
{
    size_t n = unsafe_yyjson_get_len(object), i = 0;
    yyjson_val **keys = malloc(n * sizeof(yyjson_val *)), *end = unsafe_yyjson_get_next(object);
    bool twice = !keys;

    for (yyjson_val *k = unsafe_yyjson_get_first(object); keys && k < end; k = key_after(k))
        keys[i++] = k;
    if (keys)
        qsort(keys, n, sizeof *keys, by_text);
    for (i = 1; !twice && i < n; i++)
        twice = same_key(keys[i - 1], keys[i]);
    free(keys);
    return twice;
}

enum reads { READS_WELL, READS_TWICE /* a key */, READS_ODD };

/* One walk over all values, which lie one behind the other. */
static enum reads judge(yyjson_doc *doc)
{
    yyjson_val *v = doc->root, *end = v + doc->val_read;
    yyjson_val *ends[FB_JSON_DEPTH_MAX];
    enum reads reads = READS_WELL;
    size_t depth = 0;

    for (; v < end; v++) {
        uint8_t tag = (uint8_t)v->tag;

        switch (tag & YYJSON_TYPE_MASK) {
        case YYJSON_TYPE_ARR:
        case YYJSON_TYPE_OBJ:
            while (depth && v >= ends[depth - 1])
                depth--;
            if (depth == FB_JSON_DEPTH_MAX)
                return READS_ODD;
            ends[depth++] = unsafe_yyjson_get_next(v);
            if ((tag & YYJSON_TYPE_MASK) == YYJSON_TYPE_OBJ && unsafe_yyjson_get_len(v) > 1 &&
                (unsafe_yyjson_get_len(v) <= FEW_KEYS ? twice_in_few(v) : twice_in_many(v)))
                reads = READS_TWICE;
            break;
        case YYJSON_TYPE_RAW: /* a number beyond 64 bits or a double */
            return READS_ODD;
        case YYJSON_TYPE_NUM:
            if (tag == (YYJSON_TYPE_NUM | YYJSON_SUBTYPE_UINT) && v->uni.u64 > INT64_MAX)
                return READS_ODD;
            break;
        default:
            break;
        }
    }
    return reads;
}

/* --- one value for each key ---------------------------------------------------------------------
 */

struct member {
    yyjson_mut_val *key, *value;
    size_t nth;
    bool gone;
};

static int by_key_then_place(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    size_t n = unsafe_yyjson_get_len(x->key), m = unsafe_yyjson_get_len(y->key);
    int c = n != m ? (n > m) - (n < m) : memcmp(x->key->uni.str, y->key->uni.str, n);

    return c ? c : (x->nth > y->nth) - (x->nth < y->nth);
}

static int by_place(const void *a, const void *b)
{
    const struct member *x = a, *y = b;

    return (x->nth > y->nth) - (x->nth < y->nth);
}

/* The first place of a key takes its last value; the others go. */
static bool unique(yyjson_mut_val *object)
{
    size_t n = yyjson_mut_obj_size(object), i = 0;
    struct member *all = n > 1 ? malloc(n * sizeof *all) : NULL;
    yyjson_mut_obj_iter iter = yyjson_mut_obj_iter_with(object);
    yyjson_mut_val *key;

    if (!all)
        return n < 2;
    while (i < n && (key = yyjson_mut_obj_iter_next(&iter)) != NULL) {
        all[i] = (struct member){key, yyjson_mut_obj_iter_get_val(key), i, false};
        i++;
    }
    qsort(all, n, sizeof *all, by_key_then_place);
    for (i = n - 1; i > 0; i--) { /* the last value wanders to the front of its run */
        if (unsafe_yyjson_get_len(all[i].key) == unsafe_yyjson_get_len(all[i - 1].key) &&
            memcmp(all[i].key->uni.str, all[i - 1].key->uni.str,
                   unsafe_yyjson_get_len(all[i].key)) == 0) {
            all[i - 1].value = all[i].value;
            all[i].gone = true;
        }
    }
    qsort(all, n, sizeof *all, by_place);
    (void)yyjson_mut_obj_clear(object);
    for (i = 0; i < n; i++) {
        if (!all[i].gone)
            (void)yyjson_mut_obj_add(object, all[i].key, all[i].value);
    }
    free(all);
    return true;
}

/* Calls itself for what lies inside, at most FB_JSON_DEPTH_MAX deep (judge() has counted). */
static bool unique_in(yyjson_mut_val *v)
{
    bool ok = true;

    if (yyjson_mut_is_obj(v)) {
        yyjson_mut_obj_iter iter;
        yyjson_mut_val *key;

        ok = unique(v);
        iter = yyjson_mut_obj_iter_with(v);
        while (ok && (key = yyjson_mut_obj_iter_next(&iter)) != NULL)
            ok = unique_in(yyjson_mut_obj_iter_get_val(key));
    } else if (yyjson_mut_is_arr(v)) {
        yyjson_mut_arr_iter iter = yyjson_mut_arr_iter_with(v);
        yyjson_mut_val *item;

        while (ok && (item = yyjson_mut_arr_iter_next(&iter)) != NULL)
            ok = unique_in(item);
    }
    return ok;
}

/* The document with one value for each key, on the heap; NULL: no memory. Drops the given one. */
static yyjson_doc *without_twins(struct reading *r, yyjson_doc *doc)
{
    yyjson_mut_doc *copy = yyjson_doc_mut_copy(doc, NULL);
    yyjson_doc *clean = NULL;

    forget(r, doc);
    r->alc = NULL;
    if (copy && unique_in(yyjson_mut_doc_get_root(copy)))
        clean = yyjson_mut_doc_imut_copy(copy, NULL);
    yyjson_mut_doc_free(copy);
    return clean;
}

/* --- reading ------------------------------------------------------------------------------------
 */

/* The slow road. NULL: not JSON (r->e says where), or no memory (r->e has that code). */
static yyjson_doc *read_tamed(struct reading *r, const char *bytes, size_t len, unsigned *odd)
{
    struct fb_buf copy;
    yyjson_doc *doc = NULL;
    enum reads reads;

    fb_buf_init(&copy, len * 6 + 64);
    fb_json_tame(&copy, bytes, len, odd);
    r->e = (yyjson_read_err){.code = YYJSON_READ_ERROR_MEMORY_ALLOCATION};
    if (fb_buf_ok(&copy))
        doc = read_text(r, copy.at, copy.len);
    fb_buf_release(&copy);
    if (!doc)
        return NULL;
    reads = judge(doc);
    if (reads == READS_ODD) { /* tame and parser read it differently: nobody's text does this */
        r->e = (yyjson_read_err){.code = YYJSON_READ_ERROR_LITERAL, .msg = "unreadable"};
        forget(r, doc);
        return NULL;
    }
    if (reads == READS_TWICE) {
        *odd |= FB_ODD_DUPLICATE_KEY;
        doc = without_twins(r, doc);
        if (!doc)
            r->e = (yyjson_read_err){.code = YYJSON_READ_ERROR_MEMORY_ALLOCATION};
    }
    return doc;
}

/* yyjson reads \u0000 as a character that would end our strings. */
static bool has_nul(const char *bytes, size_t len) { return memmem(bytes, len, "\\u0000", 6); }

enum fb_status fb_json_parse(struct fb_arena *a, const char *bytes, size_t len, unsigned *odd,
                             const struct fb_json **out, struct fb_err *err)
{
    struct reading r = reading_of(a);
    unsigned bits = 0;
    yyjson_doc *doc = read_text(&r, bytes, len);

    *out = NULL;
    if (!doc || has_nul(bytes, len) || judge(doc) != READS_WELL) {
        if (doc)
            forget(&r, doc);
        doc = read_tamed(&r, bytes, len, &bits);
    }
    if (!doc && r.e.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
        return fb_err_set(err, FB_ELIMIT, "no memory left for this JSON text");
    if (!doc)
        return fb_json_refuse(err, r.e.msg ? r.e.msg : "", r.e.pos + 1);
    if (!r.alc && !fb_arena_defer(a, drop, doc))
        return fb_err_set(err, FB_ELIMIT, "no memory left for this JSON text");
    if (odd)
        *odd = bits;
    *out = out_of(doc->root);
    return FB_OK;
}

enum fb_json_kind fb_json_kind(const struct fb_json *v)
{
    if (!v)
        return FB_JSON_ABSENT;
    switch (unsafe_yyjson_get_type(in(v))) {
    case YYJSON_TYPE_OBJ:
        return FB_JSON_OBJECT;
    case YYJSON_TYPE_ARR:
        return FB_JSON_ARRAY;
    case YYJSON_TYPE_STR:
        return FB_JSON_STR;
    case YYJSON_TYPE_BOOL:
        return FB_JSON_BOOL;
    case YYJSON_TYPE_NULL:
        return FB_JSON_NULL;
    case YYJSON_TYPE_NUM:
        return unsafe_yyjson_is_real(in(v)) ? FB_JSON_REAL : FB_JSON_INT;
    default:
        return FB_JSON_ABSENT;
    }
}

const struct fb_json *fb_json_get(const struct fb_json *object, const char *key)
{
    return object ? out_of(yyjson_obj_getn(in(object), key, strlen(key))) : NULL;
}

const struct fb_json *fb_json_get_fold(const struct fb_json *object, const char *key)
{
    char small = *key, capital = small >= 'a' && small <= 'z' ? (char)(small - 'a' + 'A') : small;
    const struct fb_json *found = NULL;
    size_t len = strlen(key);
    yyjson_val *end;

    if (len == 0 || !yyjson_is_obj(in(object)) || unsafe_yyjson_get_len(in(object)) == 0)
        return fb_json_get(object, key);
    end = unsafe_yyjson_get_next(in(object));
    for (yyjson_val *k = unsafe_yyjson_get_first(in(object)); k < end; k = key_after(k)) {
        const char *s = k->uni.str;

        if (unsafe_yyjson_get_len(k) != len || (*s != small && *s != capital) ||
            memcmp(s + 1, key + 1, len - 1) != 0)
            continue;
        if (*s == small)
            return out_of(k + 1);
        found = out_of(k + 1);
    }
    return found;
}

size_t fb_json_len(const struct fb_json *array) { return yyjson_arr_size(in(array)); }

const struct fb_json *fb_json_at(const struct fb_json *array, size_t i)
{
    return out_of(yyjson_arr_get(in(array), i));
}

bool fb_json_next(const struct fb_json *object, void **iter, const char **key,
                  const struct fb_json **value)
{
    yyjson_val *at = *iter;

    if (!yyjson_is_obj(in(object)) || unsafe_yyjson_get_len(in(object)) == 0)
        return false;
    at = at ? key_after(at) : unsafe_yyjson_get_first(in(object));
    if (at >= unsafe_yyjson_get_next(in(object)))
        return false;
    *iter = at;
    *key = at->uni.str;
    *value = out_of(at + 1);
    return true;
}

const char *fb_json_str(const struct fb_json *v)
{
    const char *s = yyjson_get_str(in(v));

    return s ? s : "";
}

int64_t fb_json_int_value(const struct fb_json *v) { return unsafe_yyjson_get_sint(in(v)); }

double fb_json_real_value(const struct fb_json *v) { return unsafe_yyjson_get_real(in(v)); }

bool fb_json_bool_value(const struct fb_json *v) { return unsafe_yyjson_get_bool(in(v)); }

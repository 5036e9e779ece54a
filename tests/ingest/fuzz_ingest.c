/* fuzz_ingest.c - libFuzzer's door to the reader: any bytes, every layout; option FB_FUZZ builds
 * it. The first byte chooses the layout, the name and whether it came as an HTTP message, the rest
 * is the source; so one byte before any example is a seed. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "ingest/ingest.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

struct order {
    size_t next;
};

static void check(struct order *o, size_t index, const char *bytes, size_t len)
{
    if (index != o->next++ || (!bytes && len))
        abort();
    for (size_t i = 0; i < len; i += 64) /* the sanitizer sees whether it is ours */
        (void)*(const volatile char *)(bytes + i);
}

static void check_carrier(const struct fb_carrier *c)
{
    if (c->foreign && !c->layers && !c->batch)
        abort();
    if (c->item && (!*c->item || !c->batch || strlen(c->item) > 256))
        abort();
}

static enum fb_status on_record(void *self, const struct fb_record *r, struct fb_err *err)
{
    (void)err;
    check(self, r->index, r->bytes, r->len);
    check_carrier(&r->carrier);
    if (fb_json_kind(r->doc) != FB_JSON_OBJECT || r->len < 2 || r->bytes[0] != '{')
        abort();
    return FB_OK;
}

static void on_reject(void *self, const struct fb_reject *r)
{
    if (!r->reason || !*r->reason)
        abort();
    check(self, r->index, r->bytes, r->len);
    check_carrier(&r->carrier);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const char *const names[] = {"x", "x.json", "x.ndjson", "x.json.gz"};
    struct order o = {0};
    const struct fb_sink sink = {&o, on_record, on_reject, NULL};
    struct fb_arena *a = fb_arena_new(16u << 20);

    if (a && len > 0) {
        enum fb_layout layout = bytes[0] & 4 ? FB_LAYOUT_LINES : FB_LAYOUT_GUESS;
        const struct fb_header headers[] = {{"ce-specversion", "1.0"}, {"ce-id", "x%20y"}};
        const char *text = (const char *)(bytes + 1);

        if (bytes[0] & 8) {
            if (fb_ingest_http(a, "x", headers, 2, text, len - 1, &sink, NULL) != FB_OK)
                abort();
        } else if (fb_ingest_bytes(a, names[bytes[0] & 3], layout, text, len - 1, &sink, NULL) !=
                   FB_OK)
            abort();
    }
    fb_arena_free(a);
    return 0;
}

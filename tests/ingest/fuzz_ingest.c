/* fuzz_ingest.c - libFuzzer's door to the reader: any bytes, every layout; option FB_FUZZ builds
 * it. The first byte chooses the layout and the name, the rest is the source. */
#include <stdint.h>
#include <stdlib.h>

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

static enum fb_status on_record(void *self, const struct fb_record *r, struct fb_err *err)
{
    (void)err;
    check(self, r->index, r->bytes, r->len);
    if (fb_json_kind(r->doc) != FB_JSON_OBJECT || r->len < 2 || r->bytes[0] != '{')
        abort();
    return FB_OK;
}

static void on_reject(void *self, const struct fb_reject *r)
{
    if (!r->reason || !*r->reason)
        abort();
    check(self, r->index, r->bytes, r->len);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const char *const names[] = {"x", "x.json", "x.ndjson", "x.json.gz"};
    struct order o = {0};
    const struct fb_sink sink = {&o, on_record, on_reject, NULL};
    struct fb_arena *a = fb_arena_new(16u << 20);

    if (a && len > 0) {
        enum fb_layout layout = bytes[0] & 4 ? FB_LAYOUT_LINES : FB_LAYOUT_GUESS;

        if (fb_ingest_bytes(a, names[bytes[0] & 3], layout, (const char *)(bytes + 1), len - 1,
                            &sink, NULL) != FB_OK)
            abort();
    }
    fb_arena_free(a);
    return 0;
}

/* ledger.h - the hash-chained audit trail: one line for each intent, outcome and change of state,
 * each carrying the digest of the one before. Lives in the store: "ledger#<number, 20 digits>" and
 * "ledgerhead#<book>". No line can be dropped, changed or reordered unseen. */
#ifndef FB_LEDGER_H
#define FB_LEDGER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "store/store.h"

struct fb_arena;

enum { FB_LEDGER_BATCH_MAX = 8, FB_LEDGER_STAMP = 20 /* digits */ };

/* One line to be written: what happened, as a JSON object text of ours ({"what":"intent",...}). */
struct fb_ledger_line {
    const char *json;
    uint64_t number; /* out: its place in the chain, from 1 */
    char *stamp;     /* where a record of `with` holds that number: FB_LEDGER_STAMP bytes of its
                        value, written before the commit; NULL none */
};

/* Appends lines (1 to FB_LEDGER_BATCH_MAX) and, in the same commit, the records of `with` (at most
 * 16): all or none. Retries when somebody else appended meanwhile; gives FB_ECONFLICT only when a
 * record of `with` is not at its expected version. durable as fb_store_commit. FB_EINPUT for a line
 * that is no object or longer than 64 KiB; FB_EIO also when the ledger is found broken. */
enum fb_status fb_ledger_append(struct fb_store *s, struct fb_arena *a, int64_t now_ms,
                                struct fb_ledger_line *lines, size_t n, const struct fb_put *with,
                                size_t with_count, bool durable, struct fb_err *err);

struct fb_ledger_report {
    uint64_t lines;           /* proved */
    uint64_t first_bad;       /* 0: whole */
    char why[200];            /* "" when it is whole */
    char head[FB_SHA256_HEX]; /* digest of the last line proved: keep it elsewhere, and whoever
                                 rewrites the whole book later cannot hide it */
};

/* Walks the chain from 1 to the head: every number there, every digest right, the head the last.
 * FB_OK with report->first_bad set when it is broken; FB_EIO when it cannot be read. */
enum fb_status fb_ledger_verify(struct fb_store *s, struct fb_arena *a,
                                struct fb_ledger_report *report, struct fb_err *err);

#endif

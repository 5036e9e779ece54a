/* identities.h - the rows of `firebreak identities`: gathered, judged, written. */
#ifndef FB_IDENTITIES_H
#define FB_IDENTITIES_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "doors.h"
#include "iam_facts.h"
#include "score/risk.h"
#include "sheet.h"

enum { FB_ROWS_MAX = 500000, FB_ROW_KEYS = 4, FB_ROW_SERVICES = 5 };

/* What a log or a store shows of one identity. Strings are the row's own. */
struct fb_row {
    char *identity, *account;
    char *role;                /* ARN of the role whose rights it has; "" */
    char *parent;              /* whom its credential came from; "" nobody known */
    const struct fb_row *root; /* itself, or who answers for it; set by fb_rows_link */
    enum fb_hop_kind kind;
    bool workload;     /* a service took its credential for a machine, a function, a task */
    bool roles_differ; /* an outsider who uses more than one role */
    int64_t first_ms, last_ms;
    uint64_t events; /* as the one who acts; 0 for rows from a store */

    struct {
        char id[72];                /* AKIA...; Google: the key's id */
        int64_t issued_ms, used_ms; /* creation and first use; 0 not seen */
    } keys[FB_ROW_KEYS];            /* long-lived ones */
    size_t key_count;
    bool more_keys, signed_in;
    int64_t created_ms;         /* of the identity itself; 0 not seen */
    bool with_mfa, without_mfa; /* successful calls and sign-ins */
    bool leaked, suspected, outsiders;

    /* What it did with success, for the rights that it needs. */
    bool did_admin, did_compute, did_elsewhere, did_data;
    char services[FB_ROW_SERVICES][24]; /* in which it changed something */
    size_t service_count;

    struct fb_risk risk, lean; /* lean: with only the rights that it used */
    double risk_score, lean_score;
    bool has_lean;
    double score; /* activity of its root */
    enum fb_level level;
};

struct fb_rows {
    struct fb_row **at;
    size_t count, cap;
    struct fb_row **slots; /* hash table; a power of two, at most half full */
    size_t slot_count;
    size_t lost; /* beyond FB_ROWS_MAX, or memory was short */
    int64_t newest_ms;
    bool log; /* from a log: what it did is known */
};

/* The row of an identity, made when it is new; NULL at the ceiling. */
struct fb_row *fb_row_of(struct fb_rows *rows, const char *identity);
const struct fb_row *fb_row_find(const struct fb_rows *rows, const char *identity);
void fb_rows_release(struct fb_rows *rows);

/* The same with its kind and account, where they are not known yet. */
struct fb_row *fb_row_for(struct fb_rows *rows, const char *identity, enum fb_hop_kind kind,
                          const char *account);

/* When everything is gathered: finds each row's root. Only now, because an event that tells who
 * made a session may come after those of the session. */
void fb_rows_link(struct fb_rows *rows);

/* identities_gather.c: from a decision, from a store. */
void fb_rows_see(struct fb_rows *rows, struct fb_arena *a, const struct fb_decision *d);
enum fb_status fb_rows_load(struct fb_rows *rows, struct fb_store *s, struct fb_err *err);

/* identities.c: the metrics as far as they are proved. now_ms: for ages. */
void fb_row_judge(struct fb_row *row, struct fb_arena *a, const struct fb_iam_facts *facts,
                  bool log, int64_t now_ms);

/* identities_note.c: rows for the users that the files name (false: the table is full); and each
 * root's risk, as far as the files prove its rights, into the store. */
struct fb_noted {
    size_t noted, left;
};
bool fb_rows_add_users(struct fb_rows *rows, struct fb_arena *a, const struct fb_iam_facts *facts);
enum fb_status fb_rows_note(const struct fb_rows *rows, struct fb_runtime *rt, struct fb_arena *a,
                            const struct fb_iam_facts *facts, struct fb_noted *out,
                            struct fb_err *err);

/* identities_out.c; false when it could not be written. */
bool fb_rows_write(FILE *to, enum fb_form form, const struct fb_rows *rows, bool colour);

#endif

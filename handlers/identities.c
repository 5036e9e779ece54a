/* identities.c - `firebreak identities`: every identity with its risk and its activity score.
 *
 * A metric is said only when something proves it: the log or store, or AWS's own files (--iam,
 * --credential-report). All else stays '?' and counts as its highest. */
#include "identities.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/text.h"

#define DAY_MS INT64_C(86400000)

enum { YEAR_DAYS = 365, MONTHS_DAYS = 90 };

/* --- the metrics --------------------------------------------------------------------------------
 */

static bool is_user(const struct fb_row *row)
{
    return row->kind == FB_HOP_USER || row->kind == FB_HOP_USER_KEY || row->kind == FB_HOP_ROOT;
}

/* Only the service itself can assume it (IAM User Guide, "service-linked roles"). */
static bool is_service_linked(const struct fb_row *row)
{
    return strstr(row->role, ":role/aws-service-role/") != NULL ||
           strstr(row->role, ":role/AWSServiceRoleFor") != NULL;
}

static bool is_workload(const struct fb_row *row)
{
    return row->kind == FB_HOP_INSTANCE || row->workload || is_service_linked(row);
}

static bool is_google(const struct fb_row *row)
{
    return strchr(row->identity, '@') && !strchr(row->identity, ':');
}

/* AWSAccount callers are "ACCOUNT:ID" or an ARN: what opens them is their own affair. */
static bool is_foreign_account(const struct fb_row *row)
{
    return fb_starts(row->identity, "arn:") || strspn(row->identity, "0123456789") >= 12;
}

static enum fb_risk_ct credential_of(const struct fb_row *row, const struct fb_iam_fact *fact)
{
    switch (row->kind) {
    case FB_HOP_SERVICE_ACCOUNT:
        return row->key_count ? FB_CT_KEY : FB_CT_UNKNOWN;
    case FB_HOP_USER:
    case FB_HOP_USER_KEY:
    case FB_HOP_ROOT:
        if (is_google(row))
            return FB_CT_PASSWORD; /* people have no keys there */
        if (fact && fact->report)
            return fact->key_on               ? FB_CT_KEY
                   : fact->password_on        ? FB_CT_PASSWORD
                   : row->kind == FB_HOP_ROOT ? FB_CT_PASSWORD
                                              : FB_CT_NONE;
        return row->key_count ? FB_CT_KEY : row->signed_in ? FB_CT_PASSWORD : FB_CT_UNKNOWN;
    case FB_HOP_ROLE:
        return is_workload(row) && !row->outsiders ? FB_CT_WORKLOAD : FB_CT_SESSION;
    case FB_HOP_INSTANCE:
        return FB_CT_WORKLOAD;
    case FB_HOP_SSO:
        return FB_CT_SESSION;
    case FB_HOP_EXTERNAL:
        return is_foreign_account(row) ? FB_CT_UNKNOWN : FB_CT_SESSION;
    case FB_HOP_CREDENTIAL:
        return fb_starts(row->identity, "ASIA") ? FB_CT_SESSION : FB_CT_KEY;
    default:
        return FB_CT_UNKNOWN;
    }
}

static enum fb_risk_ex exposure_of(const struct fb_row *row, const struct fb_iam_fact *fact)
{
    if (row->leaked)
        return FB_EX_LEAKED;
    if (row->suspected)
        return FB_EX_SUSPECTED;
    if (row->level == FB_CONTAIN)
        return FB_EX_SUSPECTED; /* its own deeds say that it is in the wrong hands */
    if (row->outsiders || row->kind == FB_HOP_EXTERNAL)
        return FB_EX_EXTERNAL;
    if (fact && fact->trust)
        return fact->ex;
    if (is_user(row) || row->kind == FB_HOP_SSO || row->kind == FB_HOP_INSTANCE ||
        row->kind == FB_HOP_SERVICE_ACCOUNT || is_service_linked(row))
        return FB_EX_INTERNAL; /* nobody else is let in, and nothing says that it leaked */
    return FB_EX_UNKNOWN;      /* its trust was not seen */
}

static enum fb_risk_mf factor_of(const struct fb_row *row, const struct fb_iam_fact *fact,
                                 enum fb_risk_ct ct)
{
    if (fact && fact->mf != FB_MF_UNKNOWN)
        return fact->mf;
    if (ct == FB_CT_PASSWORD && fact && fact->report)
        return fact->password_mfa ? FB_MF_ENFORCED : FB_MF_NONE;
    if (ct == FB_CT_KEY && fact && fact->rights)
        return FB_MF_NONE; /* no policy of its own asks for one */
    if (ct == FB_CT_WORKLOAD || row->kind == FB_HOP_SERVICE_ACCOUNT)
        return FB_MF_NONE; /* machines have no second factor */
    if (row->kind == FB_HOP_SSO)
        return FB_MF_UNKNOWN; /* its portal asks, or does not: not in these events */
    return row->without_mfa ? FB_MF_NONE : row->with_mfa ? FB_MF_ENFORCED : FB_MF_UNKNOWN;
}

static enum fb_risk_ag age(int64_t since_ms, int64_t now_ms)
{
    int64_t days = (now_ms - since_ms) / DAY_MS;

    return days > YEAR_DAYS ? FB_AG_OLD : days > MONTHS_DAYS ? FB_AG_MONTHS : FB_AG_FRESH;
}

/* Nothing of it is older than itself; what was used over a year ago is at least that old. */
static enum fb_risk_ag age_within(int64_t created_ms, int64_t used_ms, int64_t now_ms)
{
    if (used_ms && age(used_ms, now_ms) == FB_AG_OLD)
        return FB_AG_OLD;
    if (!created_ms)
        return FB_AG_UNKNOWN;
    if (age(created_ms, now_ms) == FB_AG_FRESH)
        return FB_AG_FRESH;
    return used_ms && age(used_ms, now_ms) == age(created_ms, now_ms) ? age(used_ms, now_ms)
                                                                      : FB_AG_UNKNOWN;
}

static enum fb_risk_ag keys_age(const struct fb_row *row, int64_t created_ms, int64_t now_ms)
{
    enum fb_risk_ag oldest = FB_AG_FRESH;
    bool unknown = row->more_keys || !row->key_count;

    for (size_t i = 0; i < row->key_count; i++) {
        enum fb_risk_ag g = row->keys[i].issued_ms
                                ? age(row->keys[i].issued_ms, now_ms)
                                : age_within(created_ms, row->keys[i].used_ms, now_ms);

        unknown |= g == FB_AG_UNKNOWN;
        if (g != FB_AG_UNKNOWN && g < oldest)
            oldest = g;
    }
    return oldest == FB_AG_OLD || !unknown ? oldest : FB_AG_UNKNOWN;
}

static enum fb_risk_ag age_of(const struct fb_row *row, const struct fb_iam_fact *fact,
                              enum fb_risk_ct ct, int64_t now_ms)
{
    int64_t created_ms = row->created_ms ? row->created_ms : fact ? fact->created_ms : 0;

    switch (ct) {
    case FB_CT_SESSION:
    case FB_CT_WORKLOAD:
    case FB_CT_NONE:
        return FB_AG_TOKEN;
    case FB_CT_KEY:
        if (fact && fact->report && fact->key_ms)
            return age(fact->key_ms, now_ms);
        return keys_age(row, created_ms, now_ms);
    case FB_CT_PASSWORD:
        if (fact && fact->report && fact->password_ms)
            return age(fact->password_ms, now_ms);
        return age_within(created_ms, 0, now_ms);
    case FB_CT_UNKNOWN:
        break;
    }
    return FB_AG_UNKNOWN;
}

static void rights_of(struct fb_row *row, const struct fb_iam_fact *fact)
{
    struct fb_risk *r = &row->risk;

    if (row->kind == FB_HOP_ROOT) { /* no policy binds the root user; it cannot assume roles */
        r->pw = FB_PW_ADMIN;
        r->cp = FB_CP_ANY;
        r->dt = FB_DT_HIGH;
        r->rc = FB_RC_HERE;
    } else if (fact && fact->rights) {
        r->pw = fact->pw;
        r->cp = fact->cp;
        r->dt = fact->dt;
        r->rc = fact->rc;
    }
    /* What it did, it may do. */
    if (row->did_admin)
        r->pw = FB_PW_ADMIN;
    if (row->did_data)
        r->dt = FB_DT_HIGH;
    if (row->did_elsewhere)
        r->rc = FB_RC_ELSEWHERE;
}

/* The same identity with only the rights that this log saw it use. Reads of data are seldom logged,
 * so that metric stays. */
static void lean_of(struct fb_row *row)
{
    enum fb_risk_pw used = row->did_admin                          ? FB_PW_ADMIN
                           : row->service_count >= FB_ROW_SERVICES ? FB_PW_BROAD
                           : row->service_count                    ? FB_PW_LIMITED
                                                                   : FB_PW_READ;

    row->lean = row->risk;
    if (row->risk.pw < used)
        row->lean.pw = used;
    if (!row->did_compute)
        row->lean.cp = FB_CP_NONE;
    if (!row->did_elsewhere)
        row->lean.rc = FB_RC_HERE;
    row->lean_score = fb_risk_score(&row->lean);
    row->has_lean = true;
}

void fb_row_judge(struct fb_row *row, struct fb_arena *a, const struct fb_iam_facts *facts,
                  bool log, int64_t now_ms)
{
    bool by_role = !is_user(row) && *row->role && !row->roles_differ;
    const struct fb_iam_fact *fact = is_user(row) ? fb_iam_fact_of(facts, a, row->identity)
                                     : by_role    ? fb_iam_fact_of(facts, a, row->role)
                                                  : NULL;
    struct fb_risk *r = &row->risk;

    memset(r, 0, sizeof *r);
    r->ct = credential_of(row, fact);
    r->ex = exposure_of(row, fact);
    r->mf = factor_of(row, fact, r->ct);
    r->ag = age_of(row, fact, r->ct, now_ms);
    rights_of(row, fact);
    row->risk_score = fb_risk_score(r);
    row->has_lean = false;
    if (log && fact && fact->rights)
        lean_of(row);
}

/* --- the door -----------------------------------------------------------------------------------
 */

struct identities {
    struct fb_runtime rt;
    struct fb_arena *arena; /* one record's */
    struct fb_rows rows;
    struct fb_iam_facts facts;
    size_t rejected;
};

static enum fb_status on_record(void *self, const struct fb_record *r, struct fb_err *err)
{
    struct identities *x = self;
    struct fb_delivery d = {.received_ms = fb_wall_ms(&x->rt.clock),
                            .trusted = true,
                            .own_account = "",
                            .log_time = true};
    struct fb_decision decision;
    enum fb_status st = fb_pipeline_record(&x->rt, x->arena, r, &d, &decision, err);

    if (st == FB_OK)
        fb_rows_see(&x->rows, x->arena, &decision);
    return st;
}

static void on_reject(void *self, const struct fb_reject *r)
{
    ((struct identities *)self)->rejected++;
    fb_door_say_reject(r);
}

static bool walk(struct identities *x, const struct fb_options *o)
{
    struct fb_sink sink = {x, on_record, on_reject, NULL};
    bool whole = true;

    for (int i = 0; i < o->arg_count; i++) {
        struct fb_err err = {0};

        if (fb_ingest_path(x->arena, o->args[i], &sink, &err) != FB_OK) {
            fb_door_say(err.text);
            whole = false;
        }
    }
    x->rows.log = true;
    return whole;
}

/* A root's standing; and what the signals that stand against it say of its exposure. */
static void stand(struct identities *x, struct fb_row *row)
{
    struct fb_decision d;

    fb_arena_reset(x->arena);
    if (fb_pipeline_standing(&x->rt, x->arena, row->identity, &d, NULL) != FB_OK)
        return;
    row->score = d.verdict.score;
    row->level = d.verdict.root_level;
    for (size_t i = 0; i < d.verdict.count; i++) {
        const char *id = d.verdict.terms[i].signal->id;

        row->leaked |= fb_eq(id, "provider-leak-notice") || fb_eq(id, "canary-used") ||
                       fb_eq(id, "quarantine-policy-attached");
        row->suspected |= fb_eq(id, "vendor-credential-finding") ||
                          fb_eq(id, "workload-cred-outside") || fb_eq(id, "vendor-attack-sequence");
    }
}

/* Dearest first; then the hottest; then by name, so that the order is always the same. */
static int by_risk(const void *x, const void *y)
{
    const struct fb_row *a = *(struct fb_row *const *)x, *b = *(struct fb_row *const *)y;

    if (a->risk_score != b->risk_score)
        return a->risk_score < b->risk_score ? 1 : -1;
    if (a->score != b->score)
        return a->score < b->score ? 1 : -1;
    return strcmp(a->identity, b->identity);
}

static void judge_all(struct identities *x)
{
    int64_t now_ms = x->rows.log ? x->rows.newest_ms : fb_wall_ms(&x->rt.clock);

    fb_rows_link(&x->rows);
    for (size_t i = 0; i < x->rows.count; i++) {
        if (x->rows.at[i]->root == x->rows.at[i])
            stand(x, x->rows.at[i]);
    }
    for (size_t i = 0; i < x->rows.count; i++) {
        struct fb_row *row = x->rows.at[i];

        row->score = row->root->score; /* what is held against the root counts for all it drives */
        row->level = row->root->level;
        fb_arena_reset(x->arena);
        fb_row_judge(row, x->arena, &x->facts, x->rows.log, now_ms);
    }
    if (x->rows.count)
        qsort(x->rows.at, x->rows.count, sizeof(*x->rows.at), by_risk);
}

static int finish(struct identities *x, const struct fb_options *o, bool whole)
{
    bool colour = isatty(STDOUT_FILENO) == 1 && !getenv("NO_COLOR");
    struct fb_buf b;

    judge_all(x);
    if (!fb_rows_write(stdout, fb_form_of(o), &x->rows, colour) || fflush(stdout) != 0) {
        fb_door_say("the list could not be written");
        return FB_EXIT_USAGE;
    }
    if (x->rows.lost) {
        fb_buf_init(&b, 256);
        fb_buf_fmt(&b, "%zu sightings of further identities are not listed: the table is full",
                   x->rows.lost);
        fb_door_say(b.at);
        fb_buf_release(&b);
    }
    if (x->rows.count == 0)
        fb_door_say("no identities");
    return !whole ? FB_EXIT_USAGE : x->rejected ? FB_EXIT_REJECTED : FB_EXIT_DONE;
}

static enum fb_status note(struct identities *x, struct fb_err *err)
{
    struct fb_noted noted;
    enum fb_status st = fb_rows_note(&x->rows, &x->rt, x->arena, &x->facts, &noted, err);
    struct fb_buf b;

    if (st != FB_OK)
        return st;
    fb_buf_init(&b, 512);
    fb_buf_fmt(&b, "noted the risk of %zu identities; %zu left: --iam does not tell their rights",
               noted.noted, noted.left);
    fb_door_say(b.at);
    fb_buf_release(&b);
    return FB_OK;
}

static int list(struct identities *x, const struct fb_options *o)
{
    struct fb_err err = {0};
    int status;

    if (o->arg_count)
        return finish(x, o, walk(x, o));
    if (fb_rows_load(&x->rows, x->rt.store, &err) != FB_OK) {
        fb_door_say(err.text);
        return FB_EXIT_USAGE;
    }
    if (!o->note_risk)
        return finish(x, o, true);
    if (!fb_rows_add_users(&x->rows, x->arena, &x->facts))
        fb_door_say("--iam names more users than the table holds: the rest is not noted");
    status = finish(x, o, true);
    if (status != FB_EXIT_DONE || note(x, &err) == FB_OK)
        return status;
    fb_door_say(err.text);
    return FB_EXIT_USAGE;
}

int fb_door_identities(const struct fb_options *o)
{
    struct fb_options fixed = *o;
    struct identities x = {.rejected = 0};
    struct fb_arena *arena = fb_arena_new(4u << 20), *facts = fb_arena_new(2u << 30);
    struct fb_err err = {0};
    int status = FB_EXIT_USAGE;

    fixed.mode = "dry-run";
    if (o->arg_count)
        fixed.state = "memory:"; /* what a log shows is no news for the live store here */
    x.arena = fb_arena_new(FB_INVOCATION_BYTES_MAX);
    if (o->arg_count && o->state)
        fb_door_say("identities reads either a log (PATH) or a store (--state), not both at once");
    else if (o->note_risk && (o->arg_count || !o->iam))
        fb_door_say("--note-risk writes what --iam FILE proves into a store: name both, and no log "
                    "(firebreak learn feeds logs)");
    else if (arena && x.arena && facts &&
             (o->arg_count ? fb_door_open(&x.rt, arena, &fixed, false, false)
                           : fb_door_open_kept(&x.rt, arena, &fixed, false, false, "identities"))) {
        x.rt.log.least = FB_LOG_ERROR; /* nobody is to be told of old incidents again */
        if (fb_iam_facts_read(facts, o->iam, o->credential_report, &x.facts, &err) != FB_OK) {
            fb_door_say(err.text);
        } else {
            if (x.facts.cut)
                fb_door_say("--iam holds so many policies that some were not judged: what they "
                            "give is ? and counts as its highest");
            status = list(&x, o);
        }
    }
    fb_rows_release(&x.rows);
    fb_runtime_close(&x.rt);
    fb_arena_free(x.arena);
    fb_arena_free(facts);
    fb_arena_free(arena);
    return status;
}

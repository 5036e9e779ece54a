/* iam_facts.c - see iam_facts.h. */
#include "iam_facts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/text.h"
#include "iam_policy.h"

enum { REPORT_COLUMNS_MAX = 64, REPORT_CELL_MAX = 2048 };

/* --- names --------------------------------------------------------------------------------------
 */

/* Names are unique in an account whatever path stands before them. */
static const char *key_of_arn(struct fb_arena *a, const char *arn_text)
{
    struct fb_arn arn;
    const char *name, *end;

    if (!fb_arn_split(a, arn_text, &arn))
        return "";
    if (fb_eq(arn.resource, "root"))
        return fb_arena_fmt(a, "%s/root", arn.account);
    if (fb_starts(arn.resource, "assumed-role/")) {
        name = arn.resource + strlen("assumed-role/");
        end = strchr(name, '/');
        return fb_arena_fmt(a, "%s/role/%.*s", arn.account,
                            (int)(end ? (size_t)(end - name) : strlen(name)), name);
    }
    name = strrchr(arn.resource, '/');
    if (name && fb_starts(arn.resource, "user/"))
        return fb_arena_fmt(a, "%s/user/%s", arn.account, name + 1);
    if (name && fb_starts(arn.resource, "role/"))
        return fb_arena_fmt(a, "%s/role/%s", arn.account, name + 1);
    return "";
}

static int by_key(const void *x, const void *y)
{
    return strcmp(((const struct fb_iam_fact *)x)->key, ((const struct fb_iam_fact *)y)->key);
}

const struct fb_iam_fact *fb_iam_fact_of(const struct fb_iam_facts *f, struct fb_arena *a,
                                         const char *arn)
{
    struct fb_iam_fact wanted = {.key = key_of_arn(a, arn)};

    return f->count && *wanted.key ? bsearch(&wanted, f->at, f->count, sizeof *f->at, by_key)
                                   : NULL;
}

static struct fb_iam_fact *add(struct fb_arena *a, struct fb_iam_facts *f, const char *arn)
{
    const char *key = key_of_arn(a, arn);
    struct fb_iam_fact *fact = &f->at[f->count];

    if (!*key || f->count >= FB_IAM_FACTS_MAX)
        return NULL;
    f->count++;
    *fact = (struct fb_iam_fact){.arn = fb_arena_str(a, arn), .key = key};
    return fact;
}

/* The report's half and the policies' half of one identity become one. */
static void join(struct fb_iam_facts *f)
{
    size_t n = 0;

    qsort(f->at, f->count, sizeof *f->at, by_key);
    for (size_t i = 0; i < f->count; i++) {
        struct fb_iam_fact *last = n ? &f->at[n - 1] : NULL;
        const struct fb_iam_fact *now = &f->at[i];

        if (!last || strcmp(last->key, now->key) != 0) {
            f->at[n++] = *now;
            continue;
        }
        if (now->report) {
            last->report = true;
            last->key_on = now->key_on;
            last->password_on = now->password_on;
            last->password_mfa = now->password_mfa;
            last->key_ms = now->key_ms;
            last->password_ms = now->password_ms;
            last->created_ms = last->created_ms ? last->created_ms : now->created_ms;
        } else if (!last->rights) {
            struct fb_iam_fact report = *last;

            *last = *now;
            last->report = report.report;
            last->key_on = report.key_on;
            last->password_on = report.password_on;
            last->password_mfa = report.password_mfa;
            last->key_ms = report.key_ms;
            last->password_ms = report.password_ms;
        }
    }
    f->count = n;
}

/* --- files --------------------------------------------------------------------------------------
 */

static enum fb_status read_file(struct fb_buf *to, const char *path, struct fb_err *err)
{
    FILE *file = fopen(path, "rbe");
    char piece[65536];
    size_t n;
    bool broken;

    if (!file)
        return fb_err_set(err, FB_ECONFIG, "%s: %s", path, strerror(errno));
    while (fb_buf_ok(to) && (n = fread(piece, 1, sizeof piece, file)) > 0)
        fb_buf_addn(to, piece, n);
    broken = ferror(file) != 0;
    (void)fclose(file);
    if (broken)
        return fb_err_set(err, FB_ECONFIG, "%s: cannot be read", path);
    if (!fb_buf_ok(to))
        return fb_err_set(err, FB_ECONFIG, "%s: larger than %d MiB", path,
                          (int)(FB_IAM_FILE_BYTES_MAX >> 20));
    return FB_OK;
}

/* --- get-account-authorization-details ----------------------------------------------------------
 */

struct details {
    struct fb_arena *a;
    const struct fb_json *doc;
    struct fb_iam_facts *out;
    const struct fb_json **policies; /* managed ones, by ARN */
    size_t policy_count;
    uint64_t work;
};

static size_t list_len(const struct fb_json *list)
{
    size_t n = fb_json_len(list);

    return n < FB_IAM_FACTS_MAX ? n : FB_IAM_FACTS_MAX;
}

static const struct fb_json *named(const struct fb_json *list, const char *key, const char *name)
{
    for (size_t i = 0; i < list_len(list); i++) {
        const struct fb_json *item = fb_json_at(list, i);

        if (fb_eq(fb_json_get_str(item, key), name))
            return item;
    }
    return NULL;
}

static int by_arn(const void *x, const void *y)
{
    return strcmp(fb_json_get_str(*(const struct fb_json *const *)x, "Arn"),
                  fb_json_get_str(*(const struct fb_json *const *)y, "Arn"));
}

static bool index_policies(struct details *d)
{
    const struct fb_json *list = fb_json_get(d->doc, "Policies");
    size_t n = list_len(list);

    d->policies = FB_NEW_ARRAY(d->a, n + 1, const struct fb_json *);
    if (!d->policies)
        return false;
    for (size_t i = 0; i < n; i++)
        d->policies[d->policy_count++] = fb_json_at(list, i);
    if (n)
        qsort(d->policies, n, sizeof *d->policies, by_arn);
    return true;
}

/* NULL when the file does not hold it. */
static const struct fb_json *policy_of(struct details *d, const char *arn)
{
    size_t low = 0, high = d->policy_count;

    while (low < high) {
        size_t mid = (low + high) / 2;
        int order = strcmp(fb_json_get_str(d->policies[mid], "Arn"), arn);

        if (order == 0)
            return d->policies[mid];
        low = order < 0 ? mid + 1 : low;
        high = order < 0 ? high : mid;
    }
    return NULL;
}

/* The document in force of a managed policy; NULL when the file does not hold it. */
static const struct fb_json *managed(struct details *d, const char *arn)
{
    const struct fb_json *policy = policy_of(d, arn);
    const struct fb_json *versions = fb_json_get(policy, "PolicyVersionList");
    const char *in_force = fb_json_get_str(policy, "DefaultVersionId");

    for (size_t i = 0; i < list_len(versions); i++) {
        const struct fb_json *v = fb_json_at(versions, i);

        if (fb_json_bool(fb_json_get(v, "IsDefaultVersion"), false) ||
            (*in_force && fb_eq(fb_json_get_str(v, "VersionId"), in_force)))
            return fb_json_get(v, "Document");
    }
    return NULL;
}

static void add_attached(struct details *d, struct fb_statements *s, const struct fb_json *holder,
                         const char *inline_list)
{
    const struct fb_json *own = fb_json_get(holder, inline_list);
    const struct fb_json *attached = fb_json_get(holder, "AttachedManagedPolicies");

    for (size_t i = 0; i < list_len(own); i++)
        fb_statements_add(d->a, s, fb_json_get(fb_json_at(own, i), "PolicyDocument"));
    for (size_t i = 0; i < list_len(attached); i++)
        fb_statements_add(d->a, s,
                          managed(d, fb_json_get_str(fb_json_at(attached, i), "PolicyArn")));
}

static void add_groups(struct details *d, struct fb_statements *s, const struct fb_json *user)
{
    const struct fb_json *names = fb_json_get(user, "GroupList");

    for (size_t i = 0; i < list_len(names); i++) {
        const struct fb_json *group = named(fb_json_get(d->doc, "GroupDetailList"), "GroupName",
                                            fb_json_str(fb_json_at(names, i)));

        if (group)
            add_attached(d, s, group, "GroupPolicyList");
        else
            s->missing = true;
    }
}

static void add_holder(struct details *d, const struct fb_json *holder, bool user)
{
    const char *arn = fb_json_get_str(holder, "Arn"), *boundary_arn;
    struct fb_iam_fact *fact = add(d->a, d->out, arn);
    struct fb_statements s = {.work = &d->work}, boundary = {.work = &d->work};
    struct fb_rights r;
    struct fb_arn split;

    if (!fact)
        return;
    (void)fb_arn_split(d->a, arn, &split);
    add_attached(d, &s, holder, user ? "UserPolicyList" : "RolePolicyList");
    if (user)
        add_groups(d, &s, holder);
    boundary_arn = fb_json_path_str(holder, "PermissionsBoundary.PermissionsBoundaryArn");
    if (*boundary_arn)
        fb_statements_add(d->a, &boundary, managed(d, boundary_arn));
    r = fb_rights_of(&s, *boundary_arn ? &boundary : NULL, split.account);
    fact->rights = true;
    fact->pw = r.pw;
    fact->cp = r.cp;
    fact->dt = r.dt;
    fact->rc = r.rc;
    fact->mf = r.mf;
    (void)fb_time_parse(fb_json_get_str(holder, "CreateDate"), &fact->created_ms);
    if (!user) {
        struct fb_trust t =
            fb_trust_of(d->a, fb_json_get(holder, "AssumeRolePolicyDocument"), split.account);

        fact->trust = t.known;
        fact->ex = t.known ? t.ex : FB_EX_UNKNOWN;
        fact->mf = r.mf ? r.mf : t.known ? t.mf : FB_MF_UNKNOWN;
    }
}

static enum fb_status read_details(struct fb_arena *a, const char *path, struct fb_iam_facts *out,
                                   struct fb_err *err)
{
    struct details d = {.a = a, .out = out};
    const struct fb_json *users, *roles;
    struct fb_buf bytes;
    struct fb_err why = {0};
    unsigned odd;
    enum fb_status st;

    fb_buf_init(&bytes, FB_IAM_FILE_BYTES_MAX);
    st = read_file(&bytes, path, err);
    if (st == FB_OK && fb_json_parse(a, bytes.at, bytes.len, &odd, &d.doc, &why) != FB_OK)
        st = fb_err_set(err, FB_ECONFIG, "%s: %.300s", path, why.text);
    users = fb_json_get(d.doc, "UserDetailList");
    roles = fb_json_get(d.doc, "RoleDetailList");
    if (st == FB_OK && !users && !roles)
        st = fb_err_set(err, FB_ECONFIG,
                        "%s: no UserDetailList and no RoleDetailList: it must be the output of aws "
                        "iam get-account-authorization-details",
                        path);
    if (st == FB_OK && !index_policies(&d))
        st = fb_err_set(err, FB_ELIMIT, "no memory for --iam");
    for (size_t i = 0; st == FB_OK && i < list_len(users); i++)
        add_holder(&d, fb_json_at(users, i), true);
    for (size_t i = 0; st == FB_OK && i < list_len(roles); i++)
        add_holder(&d, fb_json_at(roles, i), false);
    out->cut = d.work >= FB_IAM_WORK_MAX;
    fb_buf_release(&bytes);
    return st;
}

/* --- the credential report ----------------------------------------------------------------------
 */

/* One CSV cell from *at on; moves *at behind it. True when another cell follows on the line. */
static bool csv_cell(const char **at, const char *end, char out[REPORT_CELL_MAX])
{
    const char *c = *at;
    bool quoted = c < end && *c == '"';
    size_t n = 0;

    c += quoted;
    while (c < end) {
        if (quoted && *c == '"') {
            if (c + 1 < end && c[1] == '"') {
                c++;
            } else {
                quoted = false;
                c++;
                continue;
            }
        } else if (!quoted && (*c == ',' || *c == '\n' || *c == '\r')) {
            break;
        }
        if (n + 1 < REPORT_CELL_MAX)
            out[n++] = *c;
        c++;
    }
    out[n] = '\0';
    if (c < end && *c == ',') {
        *at = c + 1;
        return true;
    }
    while (c < end && (*c == '\r' || *c == '\n'))
        c++;
    *at = c;
    return false;
}

struct row {
    const char *cells[REPORT_COLUMNS_MAX];
    size_t count;
};

static struct row csv_row(struct fb_arena *a, const char **at, const char *end)
{
    struct row r = {.count = 0};
    char cell[REPORT_CELL_MAX];
    bool more = *at < end;

    while (more) {
        more = csv_cell(at, end, cell);
        if (r.count < REPORT_COLUMNS_MAX)
            r.cells[r.count++] = fb_arena_str(a, cell);
    }
    return r;
}

static const char *column(const struct row *heads, const struct row *r, const char *name)
{
    for (size_t i = 0; i < heads->count && i < r->count; i++) {
        if (fb_eq(heads->cells[i], name))
            return r->cells[i];
    }
    return "";
}

static bool yes(const char *cell) { return fb_eq(cell, "true") || fb_eq(cell, "TRUE"); }

static void report_row(struct fb_arena *a, const struct row *heads, const struct row *r,
                       struct fb_iam_facts *out)
{
    static const char *const ON[] = {"access_key_1_active", "access_key_2_active"};
    static const char *const SINCE[] = {"access_key_1_last_rotated", "access_key_2_last_rotated"};
    struct fb_iam_fact *fact = add(a, out, column(heads, r, "arn"));

    if (!fact)
        return;
    fact->report = true;
    fact->password_on = yes(column(heads, r, "password_enabled"));
    fact->password_mfa = yes(column(heads, r, "mfa_active"));
    (void)fb_time_parse(column(heads, r, "user_creation_time"), &fact->created_ms);
    if (!fb_time_parse(column(heads, r, "password_last_changed"), &fact->password_ms))
        fact->password_ms = fact->created_ms; /* "not_supported": the root user's */
    for (int k = 0; k < 2; k++) {
        int64_t since = fact->created_ms;

        if (!yes(column(heads, r, ON[k])))
            continue;
        fact->key_on = true;
        (void)fb_time_parse(column(heads, r, SINCE[k]), &since);
        if (since && (!fact->key_ms || since < fact->key_ms))
            fact->key_ms = since;
    }
}

/* The CLI's answer holds the CSV as base64 in "Content". */
static void unpack(struct fb_arena *a, struct fb_buf *bytes)
{
    const struct fb_json *doc = NULL;
    const char *content;
    struct fb_buf plain;
    unsigned odd;

    if (bytes->at[strspn(bytes->at, " \t\r\n")] != '{' ||
        fb_json_parse(a, bytes->at, bytes->len, &odd, &doc, NULL) != FB_OK)
        return;
    content = fb_json_get_str(doc, "Content");
    fb_buf_init(&plain, FB_IAM_FILE_BYTES_MAX);
    if (*content && fb_base64_decode(&plain, content, strlen(content))) {
        fb_buf_reset(bytes);
        fb_buf_addn(bytes, plain.at, plain.len);
    }
    fb_buf_release(&plain);
}

static enum fb_status read_report(struct fb_arena *a, const char *path, struct fb_iam_facts *out,
                                  struct fb_err *err)
{
    struct fb_buf bytes;
    enum fb_status st;

    fb_buf_init(&bytes, FB_IAM_FILE_BYTES_MAX);
    st = read_file(&bytes, path, err);
    if (st == FB_OK) {
        const char *at, *end;
        struct row heads, r;

        unpack(a, &bytes);
        at = bytes.at + (fb_starts(bytes.at, "\xef\xbb\xbf") ? 3 : 0);
        end = bytes.at + bytes.len;
        heads = csv_row(a, &at, end);
        r = heads;
        if (!*column(&heads, &r, "arn") || !*column(&heads, &r, "access_key_1_active"))
            st = fb_err_set(err, FB_ECONFIG,
                            "%s: no columns arn and access_key_1_active: it must be the output of "
                            "aws iam get-credential-report",
                            path);
        while (st == FB_OK && at < end) {
            r = csv_row(a, &at, end);
            report_row(a, &heads, &r, out);
        }
    }
    fb_buf_release(&bytes);
    return st;
}

enum fb_status fb_iam_facts_read(struct fb_arena *a, const char *iam, const char *report,
                                 struct fb_iam_facts *out, struct fb_err *err)
{
    enum fb_status st = FB_OK;

    *out = (struct fb_iam_facts){.at = NULL};
    if (!iam && !report)
        return FB_OK;
    out->at = FB_NEW_ARRAY(a, FB_IAM_FACTS_MAX, struct fb_iam_fact);
    if (!out->at)
        return fb_err_set(err, FB_ELIMIT, "no memory for --iam");
    if (iam)
        st = read_details(a, iam, out, err);
    if (st == FB_OK && report)
        st = read_report(a, report, out, err);
    if (st == FB_OK && fb_arena_failed(a))
        st = fb_err_set(err, FB_ELIMIT, "--iam or --credential-report is too large to hold");
    if (st == FB_OK)
        join(out);
    return st;
}

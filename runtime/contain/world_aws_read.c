/* world_aws_read.c - what the account says: identities, regions and machines, whole or with what is
 * missing named. A read changes nothing. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "contain/world_aws_in.h"

enum { POLICY_BYTES_MAX = 32 << 10 };

/* --- answers -------------------------------------------------------------------------------------
 */

/* A part that is missing keeps its reason; the read's own status is its main call's. */
static void part_missing(struct fb_read *r, const struct fb_aws_reply *reply)
{
    r->complete = false;
    if (r->err.code == FB_OK)
        r->err = reply->err;
    if (r->err.code == FB_OK)
        r->err.code = reply->st;
}

static bool main_failed(struct fb_read *r, const struct fb_aws_reply *reply)
{
    if (reply->st == FB_OK)
        return false;
    r->st = reply->st;
    r->err = reply->err;
    r->complete = reply->st == FB_ENOTFOUND;
    return true;
}

static void got_who(struct fb_aws_job *j, const struct fb_aws_reply *reply)
{
    struct fb_read *r = j->read;
    struct fb_key_state *own;

    if (main_failed(r, reply))
        return;
    r->out_name = fb_xml_text(reply->xml, "GetCallerIdentityResult/Arn");
    r->id = fb_xml_text(reply->xml, "GetCallerIdentityResult/UserId");
    r->account = fb_xml_text(reply->xml, "GetCallerIdentityResult/Account");
    r->ahead_ms = fb_aws_peer_skew_ms(j->w->aws);
    own = FB_NEW(j->w->a, struct fb_key_state);
    if (own) {
        *own = (struct fb_key_state){fb_arena_str(j->w->a, fb_aws_own_key(j->w->aws)), true};
        r->keys = own;
        r->key_count = *own->id ? 1 : 0;
    }
}

static void got_regions(struct fb_aws_job *j, const struct fb_aws_reply *reply)
{
    struct fb_read *r = j->read;
    const struct fb_xml *list = fb_xml_child(reply->xml, "regionInfo");
    const char **names;
    size_t n = 0;

    if (reply->st != FB_OK || !list || !list->first) {
        main_failed(r, reply);
        if (r->st == FB_OK)
            r->st = fb_err_set(&r->err, FB_EIO, "DescribeRegions named no region");
        r->complete = false;
        r->guessed = true;
        r->names = fb_aws_builtin_regions(&r->name_count);
        return;
    }
    for (const struct fb_xml *e = list->first; e; e = e->next)
        n++;
    names = FB_NEW_ARRAY(j->w->a, n, const char *);
    for (const struct fb_xml *e = list->first; names && e; e = e->next)
        if (*fb_xml_text(e, "regionName"))
            names[r->name_count++] = fb_xml_text(e, "regionName");
    r->names = names;
    r->complete = names != NULL;
}

static void got_owner(struct fb_aws_job *j, const struct fb_aws_reply *reply)
{
    struct fb_read *r = j->read;

    if (main_failed(r, reply))
        return;
    r->out_name = fb_xml_text(reply->xml, "GetAccessKeyLastUsedResult/UserName");
    if (!*r->out_name) /* a root user's key has no user name */
        r->st = fb_err_set(&r->err, FB_EDENIED, "no IAM user owns the key");
}

static void got_identity(struct fb_aws_job *j, const struct fb_aws_reply *reply)
{
    struct fb_read *r = j->read;
    bool user = r->kind == FB_READ_USER;
    const struct fb_xml *e;

    if (main_failed(r, reply))
        return;
    e = fb_xml_path(reply->xml, user ? "GetUserResult/User" : "GetRoleResult/Role");
    r->out_name = fb_xml_text(e, user ? "UserName" : "RoleName");
    r->arn = fb_xml_text(e, "Arn");
    r->id = fb_xml_text(e, user ? "UserId" : "RoleId");
    if (!*r->arn)
        r->st = fb_err_set(&r->err, FB_EIO, "the answer names no ARN");
}

static void got_keys(struct fb_aws_job *j, const struct fb_aws_reply *reply)
{
    struct fb_read *r = j->read;
    const struct fb_xml *result = fb_xml_child(reply->xml, "ListAccessKeysResult");
    const struct fb_xml *list = fb_xml_child(result, "AccessKeyMetadata");
    struct fb_key_state *keys;
    size_t n = r->key_count;

    if (reply->st != FB_OK) {
        if (reply->st != FB_ENOTFOUND) /* no such user: GetUser says so */
            part_missing(r, reply);
        return;
    }
    for (const struct fb_xml *e = list ? list->first : NULL; e; e = e->next)
        n++;
    keys = FB_NEW_ARRAY(j->w->a, n, struct fb_key_state);
    if (!keys) {
        r->complete = false;
        return;
    }
    if (r->key_count)
        memcpy(keys, r->keys, r->key_count * sizeof *keys);
    for (const struct fb_xml *e = list ? list->first : NULL; e; e = e->next)
        keys[r->key_count++] = (struct fb_key_state){fb_xml_text(e, "AccessKeyId"),
                                                     fb_eq(fb_xml_text(e, "Status"), "Active")};
    r->keys = keys;
    if (fb_eq(fb_xml_text(result, "IsTruncated"), "true") && *fb_xml_text(result, "Marker")) {
        j->call.form =
            fb_aws_param2(j->w->a, "UserName", r->name, "Marker", fb_xml_text(result, "Marker"));
        j->again = true;
        return;
    }
    r->keys_known = true;
}

/* IAM answers documents URL-encoded. */
static const char *decoded(struct fb_arena *a, const char *s)
{
    struct fb_buf b;

    fb_buf_init_in(&b, a, POLICY_BYTES_MAX);
    for (; *s; s++) {
        char hex[3] = {0};

        if (*s == '%' && s[1] && s[2]) {
            char *end;
            unsigned long v;

            memcpy(hex, s + 1, 2);
            v = strtoul(hex, &end, 16);
            if (*end == '\0' && v) {
                fb_buf_addc(&b, (char)v);
                s += 2;
                continue;
            }
        }
        fb_buf_addc(&b, *s);
    }
    return fb_buf_ok(&b) ? b.at : "";
}

static void got_policy(struct fb_aws_job *j, const struct fb_aws_reply *reply)
{
    struct fb_read *r = j->read;
    const char *result = r->kind == FB_READ_USER ? "GetUserPolicyResult" : "GetRolePolicyResult";
    const struct fb_xml *e = fb_xml_child(reply->xml, result);
    const char *document = "";

    if (reply->st == FB_OK) {
        document = fb_xml_text(e, "PolicyDocument");
        if (*document == '%')
            document = decoded(j->w->a, document);
    } else if (reply->st != FB_ENOTFOUND) {
        r->policies_known = false;
        part_missing(r, reply);
        return;
    }
    if (j->first == 0)
        r->deny_policy = document;
    else
        r->revoke_policy = document;
}

/* --- machines ------------------------------------------------------------------------------------
 */

static enum fb_machine_state state_of(const char *name)
{
    if (fb_eq(name, "pending"))
        return FB_MACHINE_PENDING;
    if (fb_eq(name, "running"))
        return FB_MACHINE_RUNNING;
    if (fb_eq(name, "stopping"))
        return FB_MACHINE_STOPPING;
    if (fb_eq(name, "stopped"))
        return FB_MACHINE_STOPPED;
    return FB_MACHINE_TERMINATED; /* shutting-down, terminated */
}

static bool machine_add(struct fb_aws_work *w, struct fb_read *r, const struct fb_xml *e)
{
    struct fb_machine_list *l = &w->lists[r - w->reads];
    struct fb_machine *m;

    if (l->count == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 64;
        struct fb_machine *more = FB_NEW_ARRAY(w->a, cap, struct fb_machine);

        if (!more)
            return false;
        if (l->count)
            memcpy(more, l->at, l->count * sizeof *more);
        l->at = more;
        l->cap = cap;
    }
    m = &l->at[l->count++];
    *m = (struct fb_machine){.id = fb_xml_text(e, "instanceId"),
                             .region = r->region,
                             .type = fb_xml_text(e, "instanceType"),
                             .state = state_of(fb_xml_text(e, "instanceState/name")),
                             .profile_arn = fb_xml_text(e, "iamInstanceProfile/arn")};
    fb_time_parse(fb_xml_text(e, "launchTime"), &m->launched_ms);
    return true;
}

static void take_machines(struct fb_aws_job *j, const struct fb_aws_reply *reply)
{
    const struct fb_xml *set = fb_xml_child(reply->xml, "reservationSet");

    for (const struct fb_xml *res = set ? set->first : NULL; res; res = res->next) {
        const struct fb_xml *list = fb_xml_child(res, "instancesSet");

        for (const struct fb_xml *e = list ? list->first : NULL; e; e = e->next)
            if (*fb_xml_text(e, "instanceId") && !machine_add(j->w, j->read, e)) {
                j->read->complete = false;
                return;
            }
    }
}

static const char *list_form(struct fb_arena *a, const char *token)
{
    struct fb_buf b;

    fb_buf_init_in(&b, a, FB_AWS_FORM_BYTES_MAX);
    fb_buf_add_param(&b, "Filter.1.Name", "instance-state-name");
    fb_buf_add_param(&b, "Filter.1.Value.1", "pending");
    fb_buf_add_param(&b, "Filter.1.Value.2", "running");
    fb_buf_add_param(&b, "MaxResults", "1000");
    if (*token)
        fb_buf_add_param(&b, "NextToken", token);
    return b.at;
}

static void got_machines(struct fb_aws_job *j, const struct fb_aws_reply *reply)
{
    const char *token;

    if (reply->st != FB_OK && j->pages) {
        part_missing(j->read, reply); /* the pages before stand */
        return;
    }
    if (main_failed(j->read, reply))
        return;
    take_machines(j, reply);
    token = fb_xml_text(reply->xml, "nextToken");
    if (!*token)
        return;
    j->call.form = list_form(j->w->a, token);
    j->again = true;
    if (j->pages + 1 >= FB_AWS_PAGES_MAX) {
        j->read->complete = false;
        fb_err_set(&j->read->err, FB_ELIMIT, "more than %d pages of machines", FB_AWS_PAGES_MAX);
    }
}

static bool bad_id(const struct fb_aws_reply *reply)
{
    return fb_starts(reply->err.aws_code, "InvalidInstanceID") || reply->st == FB_ENOTFOUND;
}

/* One id at a time: only that id is gone. */
static void got_one(struct fb_aws_job *j, const struct fb_aws_reply *reply)
{
    if (reply->st == FB_OK)
        take_machines(j, reply);
    else if (!bad_id(reply))
        part_missing(j->read, reply);
}

static void got_named(struct fb_aws_job *j, const struct fb_aws_reply *reply)
{
    if (reply->st == FB_OK)
        take_machines(j, reply);
    else if (bad_id(reply) && j->read->id_count > 1)
        j->read->st = FB_ENOTFOUND; /* one bad id fails all: asked one by one in the next stage */
    else if (!bad_id(reply))
        main_failed(j->read, reply);
}

static void got_protection(struct fb_aws_job *j, const struct fb_aws_reply *reply)
{
    struct fb_machine *m = &j->w->lists[j->read - j->w->reads].at[j->machine];
    const char *value;

    if (reply->st != FB_OK) {
        m->protections_known = false;
        j->read->err = reply->err; /* the machine itself is known: the read is complete */
        return;
    }
    value = fb_xml_text(reply->xml,
                        j->first == 0 ? "disableApiStop/value" : "disableApiTermination/value");
    if (j->first == 0)
        m->stop_protected = fb_eq(value, "true");
    else
        m->termination_protected = fb_eq(value, "true");
}

/* --- reads ---------------------------------------------------------------------------------------
 */

static void add_named(struct fb_aws_work *w, struct fb_read *r, const char *const *ids, size_t n,
                      void (*done)(struct fb_aws_job *, const struct fb_aws_reply *))
{
    struct fb_aws_job *j = fb_aws_job(w, done, "ec2", "DescribeInstances", r->region);
    struct fb_buf b;

    if (!j)
        return;
    fb_buf_init_in(&b, w->a, FB_AWS_FORM_BYTES_MAX);
    fb_aws_ids(w->a, &b, ids, n);
    j->read = r;
    j->call.form = b.at;
}

static void add_policy(struct fb_aws_work *w, struct fb_read *r, const char *policy, size_t which)
{
    bool user = r->kind == FB_READ_USER;
    struct fb_aws_job *j =
        fb_aws_job(w, got_policy, "iam", user ? "GetUserPolicy" : "GetRolePolicy", "");

    if (!j)
        return;
    j->read = r;
    j->first = which;
    j->call.form =
        fb_aws_param2(w->a, user ? "UserName" : "RoleName", r->name, "PolicyName", policy);
}

static void add_simple(struct fb_aws_work *w, struct fb_read *r,
                       void (*done)(struct fb_aws_job *, const struct fb_aws_reply *),
                       const char *service, const char *action, const char *region,
                       const char *form)
{
    struct fb_aws_job *j = fb_aws_job(w, done, service, action, region);

    if (!j)
        return;
    j->read = r;
    j->call.form = form;
}

/* The first stage's jobs of one read; at most 3. */
static void add_read(struct fb_aws_work *w, struct fb_read *r)
{
    const char *home = fb_aws_home_region(w->aws);

    switch (r->kind) {
    case FB_READ_WHO_AM_I:
        add_simple(w, r, got_who, "sts", "GetCallerIdentity", home, NULL);
        break;
    case FB_READ_REGIONS:
        add_simple(w, r, got_regions, "ec2", "DescribeRegions", home,
                   "Filter.1.Name=opt-in-status&Filter.1.Value.1=opt-in-not-required"
                   "&Filter.1.Value.2=opted-in");
        break;
    case FB_READ_KEY_OWNER:
        add_simple(w, r, got_owner, "iam", "GetAccessKeyLastUsed", "",
                   fb_aws_param(w->a, "AccessKeyId", r->name));
        break;
    case FB_READ_USER:
        r->policies_known = true;
        add_simple(w, r, got_identity, "iam", "GetUser", "",
                   fb_aws_param(w->a, "UserName", r->name));
        add_simple(w, r, got_keys, "iam", "ListAccessKeys", "",
                   fb_aws_param(w->a, "UserName", r->name));
        add_policy(w, r, FB_POLICY_DENY, 0);
        break;
    case FB_READ_ROLE:
        r->policies_known = true;
        add_simple(w, r, got_identity, "iam", "GetRole", "",
                   fb_aws_param(w->a, "RoleName", r->name));
        add_policy(w, r, FB_POLICY_DENY, 0);
        add_policy(w, r, FB_POLICY_REVOKE, 1);
        break;
    case FB_READ_MACHINES:
        add_simple(w, r, got_machines, "ec2", "DescribeInstances", r->region, list_form(w->a, ""));
        break;
    case FB_READ_MACHINE:
        if (r->id_count)
            add_named(w, r, r->ids, r->id_count, got_named);
        break;
    case FB_READ_SERVICE:
        fb_aws_service_read(w, r);
        break;
    }
}

/* Second stage: batches that one bad id has spoilt, id by id. */
static void read_singly(struct fb_aws_work *w, size_t n)
{
    size_t jobs = 0;

    for (size_t i = 0; i < n; i++)
        if (w->reads[i].kind == FB_READ_MACHINE && w->reads[i].st == FB_ENOTFOUND)
            jobs += w->reads[i].id_count;
    if (!jobs || !fb_aws_stage(w, jobs))
        return;
    for (size_t i = 0; i < n; i++) {
        struct fb_read *r = &w->reads[i];

        if (r->kind != FB_READ_MACHINE || r->st != FB_ENOTFOUND)
            continue;
        r->st = FB_OK;
        for (size_t k = 0; k < r->id_count; k++)
            add_named(w, r, &r->ids[k], 1, got_one);
    }
    fb_aws_stage_run(w);
}

static bool is_up(const struct fb_machine *m)
{
    return m->state == FB_MACHINE_PENDING || m->state == FB_MACHINE_RUNNING;
}

static void add_protection(struct fb_aws_work *w, struct fb_read *r, size_t machine, size_t which)
{
    struct fb_aws_job *j =
        fb_aws_job(w, got_protection, "ec2", "DescribeInstanceAttribute", r->region);

    if (!j)
        return;
    j->read = r;
    j->machine = machine;
    j->first = which;
    j->call.form =
        fb_aws_param2(w->a, "InstanceId", w->lists[r - w->reads].at[machine].id, "Attribute",
                      which == 0 ? "disableApiStop" : "disableApiTermination");
}

/* Third stage: the protections of machines that are up, asked for by id. */
static void read_protections(struct fb_aws_work *w, size_t n)
{
    size_t jobs = 0;

    for (size_t i = 0; i < n; i++)
        if (w->reads[i].kind == FB_READ_MACHINE)
            jobs += 2 * w->lists[i].count;
    if (!jobs || !fb_aws_stage(w, jobs))
        return;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; w->reads[i].kind == FB_READ_MACHINE && k < w->lists[i].count; k++) {
            w->lists[i].at[k].protections_known = true;
            if (!is_up(&w->lists[i].at[k]))
                continue;
            add_protection(w, &w->reads[i], k, 0);
            add_protection(w, &w->reads[i], k, 1);
        }
    fb_aws_stage_run(w);
}

void fb_world_aws_read(void *self, struct fb_arena *a, struct fb_read *reads, size_t n,
                       int64_t deadline_mono_ms)
{
    struct fb_aws_work w = {
        .aws = self, .a = a, .deadline_mono_ms = deadline_mono_ms, .reads = reads};

    w.lists = FB_NEW_ARRAY(a, n, struct fb_machine_list);
    for (size_t i = 0; i < n; i++) {
        reads[i].st = FB_OK;
        reads[i].complete = true;
    }
    if (!w.lists || !fb_aws_stage(&w, 3 * n)) {
        for (size_t i = 0; i < n; i++) {
            reads[i].st = fb_err_set(&reads[i].err, FB_ELIMIT, "no memory left in this invocation");
            reads[i].complete = false;
        }
        return;
    }
    for (size_t i = 0; i < n; i++)
        add_read(&w, &reads[i]);
    fb_aws_stage_run(&w);
    read_singly(&w, n);
    read_protections(&w, n);
    for (size_t i = 0; i < n; i++) {
        reads[i].machines = w.lists[i].at;
        reads[i].machine_count = w.lists[i].count;
    }
}

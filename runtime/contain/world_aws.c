/* world_aws.c - the real account: reads and acts as AWS calls, as many at a time as do not hang on
 * one another.
 *
 * Calls, answers and error codes: CLOUD_FACTS sections 5 and 6. Every step is idempotent. Work is
 * in stages; within a stage each job is a chain of its own, so that regions never wait for each
 * other. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"
#include "cloud/aws.h"
#include "contain/world.h"

enum {
    PAGES_MAX = 200,      /* of 1,000 machines, or of 100 keys */
    STOP_IDS_A_CALL = 50, /* one refused id costs at most this many single calls */
    FORM_BYTES_MAX = 64 << 10,
    POLICY_BYTES_MAX = 32 << 10
};

struct work;

/* One chain: a call, and whatever pages follow it. */
struct job {
    struct work *w;
    struct fb_aws_call call;
    /* Takes the answer; sets again (with a new call) for one more. */
    void (*done)(struct job *j, const struct fb_aws_reply *r);
    bool sent, again;
    int pages;
    struct fb_read *read;
    struct fb_act *act;
    size_t first, count; /* of act->ids or read->ids */
    size_t machine;      /* index into the list that grows */
};

struct machine_list {
    struct fb_machine *at;
    size_t count, cap;
};

struct work {
    struct fb_aws *aws;
    struct fb_arena *a;
    int64_t deadline_mono_ms;
    struct job *jobs;
    size_t job_count, job_cap;
    struct machine_list *lists; /* per read */
    struct fb_read *reads;
};

/* --- jobs ----------------------------------------------------------------------------------------
 */

static bool job_next(void *self, const struct fb_aws_reply *prev, struct fb_aws_call *out)
{
    struct job *j = self;

    if (prev) {
        j->again = false;
        j->done(j, prev);
        if (!j->again || ++j->pages >= PAGES_MAX)
            return false;
    } else if (j->sent) {
        return false;
    }
    j->sent = true;
    *out = j->call;
    return true;
}

/* A new job; NULL when the arena is full. Jobs of one stage stand in one array, made large enough
 * before the first. */
static struct job *job_add(struct work *w, void (*done)(struct job *, const struct fb_aws_reply *),
                           const char *service, const char *action, const char *region)
{
    struct job *j;

    if (w->job_count >= w->job_cap)
        return NULL;
    j = &w->jobs[w->job_count++];
    *j = (struct job){
        .w = w, .done = done, .call = {.service = service, .action = action, .region = region}};
    return j;
}

static bool stage_open(struct work *w, size_t jobs_max)
{
    w->jobs = FB_NEW_ARRAY(w->a, jobs_max, struct job);
    w->job_count = 0;
    w->job_cap = w->jobs ? jobs_max : 0;
    return w->jobs != NULL;
}

static void stage_run(struct work *w)
{
    struct fb_aws_chain *chains = FB_NEW_ARRAY(w->a, w->job_count + 1, struct fb_aws_chain);
    struct fb_aws_reply none = {.st = FB_ELIMIT};

    fb_err_set(&none.err, FB_ELIMIT, "no memory left in this invocation");
    for (size_t i = 0; i < w->job_count; i++) {
        if (chains)
            chains[i] = (struct fb_aws_chain){&w->jobs[i], job_next};
        else
            w->jobs[i].done(&w->jobs[i], &none);
    }
    if (chains && w->job_count)
        fb_aws_run(w->aws, w->a, chains, w->job_count, w->deadline_mono_ms);
}

static const char *param(struct fb_arena *a, const char *name, const char *value)
{
    struct fb_buf b;

    fb_buf_init_in(&b, a, FORM_BYTES_MAX);
    fb_buf_add_param(&b, name, value);
    return b.at;
}

static const char *param2(struct fb_arena *a, const char *name, const char *value,
                          const char *name2, const char *value2)
{
    struct fb_buf b;

    fb_buf_init_in(&b, a, FORM_BYTES_MAX);
    fb_buf_add_param(&b, name, value);
    fb_buf_add_param(&b, name2, value2);
    return b.at;
}

static void add_ids(struct fb_arena *a, struct fb_buf *b, const char *const *ids, size_t n)
{
    for (size_t i = 0; i < n; i++)
        fb_buf_add_param(b, fb_arena_fmt(a, "InstanceId.%zu", i + 1), ids[i]);
}

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

static void got_who(struct job *j, const struct fb_aws_reply *reply)
{
    struct fb_read *r = j->read;
    struct fb_key_state *own;

    if (main_failed(r, reply))
        return;
    r->out_name = fb_xml_text(reply->xml, "GetCallerIdentityResult/Arn");
    r->id = fb_xml_text(reply->xml, "GetCallerIdentityResult/UserId");
    r->account = fb_xml_text(reply->xml, "GetCallerIdentityResult/Account");
    own = FB_NEW(j->w->a, struct fb_key_state);
    if (own) {
        *own = (struct fb_key_state){fb_arena_str(j->w->a, fb_aws_own_key(j->w->aws)), true};
        r->keys = own;
        r->key_count = *own->id ? 1 : 0;
    }
}

static void got_regions(struct job *j, const struct fb_aws_reply *reply)
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

static void got_owner(struct job *j, const struct fb_aws_reply *reply)
{
    struct fb_read *r = j->read;

    if (main_failed(r, reply))
        return;
    r->out_name = fb_xml_text(reply->xml, "GetAccessKeyLastUsedResult/UserName");
    if (!*r->out_name) /* a root user's key has no user name */
        r->st = fb_err_set(&r->err, FB_EDENIED, "no IAM user owns the key");
}

static void got_identity(struct job *j, const struct fb_aws_reply *reply)
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

static void got_keys(struct job *j, const struct fb_aws_reply *reply)
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
            param2(j->w->a, "UserName", r->name, "Marker", fb_xml_text(result, "Marker"));
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

static void got_policy(struct job *j, const struct fb_aws_reply *reply)
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

static bool machine_add(struct work *w, struct fb_read *r, const struct fb_xml *e)
{
    struct machine_list *l = &w->lists[r - w->reads];
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

static void take_machines(struct job *j, const struct fb_aws_reply *reply)
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

    fb_buf_init_in(&b, a, FORM_BYTES_MAX);
    fb_buf_add_param(&b, "Filter.1.Name", "instance-state-name");
    fb_buf_add_param(&b, "Filter.1.Value.1", "pending");
    fb_buf_add_param(&b, "Filter.1.Value.2", "running");
    fb_buf_add_param(&b, "MaxResults", "1000");
    if (*token)
        fb_buf_add_param(&b, "NextToken", token);
    return b.at;
}

static void got_machines(struct job *j, const struct fb_aws_reply *reply)
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
    if (j->pages + 1 >= PAGES_MAX) {
        j->read->complete = false;
        fb_err_set(&j->read->err, FB_ELIMIT, "more than %d pages of machines", PAGES_MAX);
    }
}

static bool bad_id(const struct fb_aws_reply *reply)
{
    return fb_starts(reply->err.aws_code, "InvalidInstanceID") || reply->st == FB_ENOTFOUND;
}

/* One id at a time: only that id is gone. */
static void got_one(struct job *j, const struct fb_aws_reply *reply)
{
    if (reply->st == FB_OK)
        take_machines(j, reply);
    else if (!bad_id(reply))
        part_missing(j->read, reply);
}

static void got_named(struct job *j, const struct fb_aws_reply *reply)
{
    if (reply->st == FB_OK)
        take_machines(j, reply);
    else if (bad_id(reply) && j->read->id_count > 1)
        j->read->st = FB_ENOTFOUND; /* one bad id fails all: asked one by one in the next stage */
    else if (!bad_id(reply))
        main_failed(j->read, reply);
}

static void got_protection(struct job *j, const struct fb_aws_reply *reply)
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

static void add_named(struct work *w, struct fb_read *r, const char *const *ids, size_t n,
                      void (*done)(struct job *, const struct fb_aws_reply *))
{
    struct job *j = job_add(w, done, "ec2", "DescribeInstances", r->region);
    struct fb_buf b;

    if (!j)
        return;
    fb_buf_init_in(&b, w->a, FORM_BYTES_MAX);
    add_ids(w->a, &b, ids, n);
    j->read = r;
    j->call.form = b.at;
}

static void add_policy(struct work *w, struct fb_read *r, const char *policy, size_t which)
{
    bool user = r->kind == FB_READ_USER;
    struct job *j = job_add(w, got_policy, "iam", user ? "GetUserPolicy" : "GetRolePolicy", "");

    if (!j)
        return;
    j->read = r;
    j->first = which;
    j->call.form = param2(w->a, user ? "UserName" : "RoleName", r->name, "PolicyName", policy);
}

static void add_simple(struct work *w, struct fb_read *r,
                       void (*done)(struct job *, const struct fb_aws_reply *), const char *service,
                       const char *action, const char *region, const char *form)
{
    struct job *j = job_add(w, done, service, action, region);

    if (!j)
        return;
    j->read = r;
    j->call.form = form;
}

/* The first stage's jobs of one read; at most 3. */
static void add_read(struct work *w, struct fb_read *r)
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
                   param(w->a, "AccessKeyId", r->name));
        break;
    case FB_READ_USER:
        r->policies_known = true;
        add_simple(w, r, got_identity, "iam", "GetUser", "", param(w->a, "UserName", r->name));
        add_simple(w, r, got_keys, "iam", "ListAccessKeys", "", param(w->a, "UserName", r->name));
        add_policy(w, r, FB_POLICY_DENY, 0);
        break;
    case FB_READ_ROLE:
        r->policies_known = true;
        add_simple(w, r, got_identity, "iam", "GetRole", "", param(w->a, "RoleName", r->name));
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
    }
}

/* Second stage: batches that one bad id has spoilt, id by id. */
static void read_singly(struct work *w, size_t n)
{
    size_t jobs = 0;

    for (size_t i = 0; i < n; i++)
        if (w->reads[i].kind == FB_READ_MACHINE && w->reads[i].st == FB_ENOTFOUND)
            jobs += w->reads[i].id_count;
    if (!jobs || !stage_open(w, jobs))
        return;
    for (size_t i = 0; i < n; i++) {
        struct fb_read *r = &w->reads[i];

        if (r->kind != FB_READ_MACHINE || r->st != FB_ENOTFOUND)
            continue;
        r->st = FB_OK;
        for (size_t k = 0; k < r->id_count; k++)
            add_named(w, r, &r->ids[k], 1, got_one);
    }
    stage_run(w);
}

static bool is_up(const struct fb_machine *m)
{
    return m->state == FB_MACHINE_PENDING || m->state == FB_MACHINE_RUNNING;
}

static void add_protection(struct work *w, struct fb_read *r, size_t machine, size_t which)
{
    struct job *j = job_add(w, got_protection, "ec2", "DescribeInstanceAttribute", r->region);

    if (!j)
        return;
    j->read = r;
    j->machine = machine;
    j->first = which;
    j->call.form = param2(w->a, "InstanceId", w->lists[r - w->reads].at[machine].id, "Attribute",
                          which == 0 ? "disableApiStop" : "disableApiTermination");
}

/* Third stage: the protections of machines that are up, asked for by id. */
static void read_protections(struct work *w, size_t n)
{
    size_t jobs = 0;

    for (size_t i = 0; i < n; i++)
        if (w->reads[i].kind == FB_READ_MACHINE)
            jobs += 2 * w->lists[i].count;
    if (!jobs || !stage_open(w, jobs))
        return;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; w->reads[i].kind == FB_READ_MACHINE && k < w->lists[i].count; k++) {
            w->lists[i].at[k].protections_known = true;
            if (!is_up(&w->lists[i].at[k]))
                continue;
            add_protection(w, &w->reads[i], k, 0);
            add_protection(w, &w->reads[i], k, 1);
        }
    stage_run(w);
}

static void aws_read(void *self, struct fb_arena *a, struct fb_read *reads, size_t n,
                     int64_t deadline_mono_ms)
{
    struct work w = {.aws = self, .a = a, .deadline_mono_ms = deadline_mono_ms, .reads = reads};

    w.lists = FB_NEW_ARRAY(a, n, struct machine_list);
    for (size_t i = 0; i < n; i++) {
        reads[i].st = FB_OK;
        reads[i].complete = true;
    }
    if (!w.lists || !stage_open(&w, 3 * n)) {
        for (size_t i = 0; i < n; i++) {
            reads[i].st = fb_err_set(&reads[i].err, FB_ELIMIT, "no memory left in this invocation");
            reads[i].complete = false;
        }
        return;
    }
    for (size_t i = 0; i < n; i++)
        add_read(&w, &reads[i]);
    stage_run(&w);
    read_singly(&w, n);
    read_protections(&w, n);
    for (size_t i = 0; i < n; i++) {
        reads[i].machines = w.lists[i].at;
        reads[i].machine_count = w.lists[i].count;
    }
}

/* --- acts ----------------------------------------------------------------------------------------
 */

/* FB_ECONFLICT is kept for "not now": the codes that will say the same for ever are refusals. */
static enum fb_status act_status(const struct fb_aws_reply *reply)
{
    const char *code = reply->err.aws_code;

    if (fb_eq(code, "UnmodifiableEntity") || fb_eq(code, "OperationNotPermitted"))
        return FB_EDENIED;
    return fb_eq(code, "UnsupportedOperation") ? FB_EUNSUPPORTED : reply->st;
}

static void acted(struct job *j, const struct fb_aws_reply *reply)
{
    j->act->st = act_status(reply);
    j->act->err = reply->err;
}

static void set_id(struct fb_act *act, size_t i, const struct fb_aws_reply *reply)
{
    enum fb_status st = act_status(reply);

    if (act->id_st)
        act->id_st[i] = st;
    if (act->id_err)
        act->id_err[i] = reply->err;
    if (st != FB_OK) {
        act->st = st;
        act->err = reply->err;
    }
}

/* A protection that could not be cleared shows when the stop is refused; its own words are kept
 * where nothing else is said. */
static void cleared(struct job *j, const struct fb_aws_reply *reply)
{
    if (reply->st != FB_OK && j->act->err.code == FB_OK)
        j->act->err = reply->err;
}

static void stopped_one(struct job *j, const struct fb_aws_reply *reply)
{
    set_id(j->act, j->first, reply);
}

static void stopped(struct job *j, const struct fb_aws_reply *reply)
{
    for (size_t i = j->first; i < j->first + j->count; i++)
        set_id(j->act, i, reply);
}

static void add_stop(struct work *w, struct fb_act *act, size_t first, size_t n)
{
    struct job *j = job_add(w, n == 1 ? stopped_one : stopped, "ec2", "StopInstances", act->region);
    struct fb_buf b;

    if (!j)
        return;
    fb_buf_init_in(&b, w->a, FORM_BYTES_MAX);
    add_ids(w->a, &b, act->ids + first, n);
    j->act = act;
    j->first = first;
    j->count = n;
    j->call.form = b.at;
}

static void add_clear(struct work *w, struct fb_act *act, size_t i, const char *attribute)
{
    struct job *j = job_add(w, cleared, "ec2", "ModifyInstanceAttribute", act->region);

    if (!j)
        return;
    j->act = act;
    j->call.form = param2(w->a, "InstanceId", act->ids[i], attribute, "false");
}

static void add_put(struct work *w, struct fb_act *act, const char *action, const char *who,
                    const char *policy)
{
    struct job *j = job_add(w, acted, "iam", action, "");
    struct fb_buf b;

    if (!j)
        return;
    fb_buf_init_in(&b, w->a, FORM_BYTES_MAX);
    fb_buf_add_param(&b, who, act->name);
    fb_buf_add_param(&b, "PolicyName", policy);
    fb_buf_add_param(&b, "PolicyDocument", act->document);
    j->act = act;
    j->call.form = b.at;
}

static void add_key(struct work *w, struct fb_act *act)
{
    struct job *j = job_add(w, acted, "iam", "UpdateAccessKey", "");
    struct fb_buf b;

    if (!j)
        return;
    fb_buf_init_in(&b, w->a, FORM_BYTES_MAX);
    fb_buf_add_param(&b, "UserName", act->name);
    fb_buf_add_param(&b, "AccessKeyId", act->id);
    fb_buf_add_param(&b, "Status", "Inactive");
    j->act = act;
    j->call.form = b.at;
}

/* First stage: identities are cut, and protections cleared, all at once. */
static void act_first(struct work *w, struct fb_act *act)
{
    switch (act->kind) {
    case FB_ACT_KEY_INACTIVE:
        add_key(w, act);
        break;
    case FB_ACT_USER_DENY:
        add_put(w, act, "PutUserPolicy", "UserName", FB_POLICY_DENY);
        break;
    case FB_ACT_ROLE_DENY:
        add_put(w, act, "PutRolePolicy", "RoleName", FB_POLICY_DENY);
        break;
    case FB_ACT_ROLE_REVOKE:
        add_put(w, act, "PutRolePolicy", "RoleName", FB_POLICY_REVOKE);
        break;
    case FB_ACT_MACHINES_STOP:
        /* One attribute and one machine a call: that is all the API takes. */
        for (size_t i = 0; i < act->id_count; i++) {
            if (act->clear_stop && act->clear_stop[i])
                add_clear(w, act, i, "DisableApiStop.Value");
            if (act->clear_termination && act->clear_termination[i])
                add_clear(w, act, i, "DisableApiTermination.Value");
        }
        break;
    }
}

/* Second stage: stops, up to STOP_IDS_A_CALL a call. */
static void act_stop(struct work *w, struct fb_act *acts, size_t n, size_t ids)
{
    if (!ids || !stage_open(w, ids))
        return;
    for (size_t i = 0; i < n; i++)
        for (size_t at = 0; acts[i].kind == FB_ACT_MACHINES_STOP && at < acts[i].id_count;
             at += STOP_IDS_A_CALL) {
            size_t left = acts[i].id_count - at;

            add_stop(w, &acts[i], at, left < STOP_IDS_A_CALL ? left : STOP_IDS_A_CALL);
        }
    stage_run(w);
}

/* A refusal that may be one id's fault alone: not a throttle, a time-out or a lack of rights. */
static bool may_be_one_id(enum fb_status st)
{
    return st == FB_ENOTFOUND || st == FB_ECONFLICT || st == FB_EINPUT || st == FB_EUNSUPPORTED ||
           st == FB_EDENIED || st == FB_EIO;
}

/* Third stage: one refused id fails its whole call, so each of that call is asked for alone. */
static void act_singly(struct work *w, struct fb_act *acts, size_t n, size_t ids)
{
    if (!ids || !stage_open(w, ids))
        return;
    for (size_t i = 0; i < n; i++) {
        if (acts[i].kind != FB_ACT_MACHINES_STOP || !acts[i].id_st || acts[i].id_count < 2)
            continue;
        for (size_t k = 0; k < acts[i].id_count; k++)
            if (may_be_one_id(acts[i].id_st[k]))
                add_stop(w, &acts[i], k, 1);
        if (w->job_count)
            acts[i].st = FB_OK; /* set again by what the single calls say */
    }
    stage_run(w);
}

static void aws_act(void *self, struct fb_arena *a, struct fb_act *acts, size_t n,
                    int64_t deadline_mono_ms)
{
    struct work w = {.aws = self, .a = a, .deadline_mono_ms = deadline_mono_ms};
    size_t ids = 0;

    for (size_t i = 0; i < n; i++) {
        acts[i].st = fb_err_set(&acts[i].err, FB_ELIMIT, "no memory left in this invocation");
        if (acts[i].kind == FB_ACT_MACHINES_STOP) {
            acts[i].st = FB_OK;
            memset(&acts[i].err, 0, sizeof acts[i].err);
            for (size_t k = 0; acts[i].id_st && k < acts[i].id_count; k++)
                acts[i].id_st[k] = FB_ELIMIT;
            ids += acts[i].id_count;
        }
    }
    if (!stage_open(&w, n + 2 * ids))
        return;
    for (size_t i = 0; i < n; i++)
        act_first(&w, &acts[i]);
    stage_run(&w);
    act_stop(&w, acts, n, ids);
    act_singly(&w, acts, n, ids);
}

struct fb_world fb_world_aws(struct fb_aws *aws)
{
    return (struct fb_world){aws, "aws", aws_read, aws_act};
}

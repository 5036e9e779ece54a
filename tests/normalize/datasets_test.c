/* datasets_test.c - real and realistic events that nobody here wrote: none crashes, nearly all
 * read. */
#include "normalize/norm_test.h"

static const char *const files[] = {
    "aws_benign.ndjson",     "aws_catalogue.ndjson", "aws_invictus.ndjson", "aws_panther.ndjson",
    "aws_rule_cases.ndjson", "aws_stratus.ndjson",   "envelopes.ndjson",    "notices.ndjson",
    "gcp_benign.ndjson",     "gcp_mixed.ndjson",     "gcp_panther.ndjson"};

struct tally {
    size_t records, complete; /* complete: provider AWS, an action, a time */
};

struct counts {
    struct tally bare, enveloped,
        google; /* google: provider, action, time, principal or a reason */
    size_t all, samples, drills, notices, read_true, read_true_missed;
    size_t kinds[FB_EV_FINDING + 1];
    uint64_t traits;
};

/* Every string must be readable to its end, whatever the record was. */
static size_t touch_all(const struct fb_event *ev)
{
    const struct fb_principal *w = &ev->who;
    const char *const all[] = {ev->id,
                               ev->account,
                               ev->region,
                               ev->service,
                               ev->action,
                               ev->error,
                               w->arn,
                               w->id,
                               w->account,
                               w->name,
                               w->credential,
                               w->issuer_arn,
                               w->issuer_kind,
                               w->issuer_name,
                               w->session,
                               w->source_identity,
                               w->invoked_by,
                               w->idp,
                               w->subject,
                               ev->ip,
                               ev->agent,
                               ev->launch.type,
                               ev->launch.template_id,
                               ev->launch.template_name,
                               ev->launch.profile_arn,
                               ev->launch.zone,
                               ev->launch.image,
                               ev->launch.group,
                               ev->launch.gpu_type,
                               ev->mint.credential,
                               ev->mint.role_arn,
                               ev->mint.session_arn,
                               ev->mint.session,
                               ev->mint.source_identity,
                               ev->target_user,
                               ev->target_role,
                               ev->target_key,
                               ev->target_policy,
                               ev->outsider,
                               ev->target_id,
                               ev->shared_id,
                               ev->notice,
                               ev->exposed_at,
                               ev->operation,
                               ev->trigger};
    size_t sum = 0;

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        assert_non_null(all[i]);
        sum += strlen(all[i]);
    }
    for (size_t i = 0; i < w->delegate_count; i++)
        sum += strlen(w->delegates[i].identity);
    for (size_t i = 0; i < ev->made_count; i++)
        sum += strlen(ev->made[i].kind) + strlen(ev->made[i].id) + strlen(ev->made[i].owner) +
               strlen(ev->made[i].region) + strlen(ev->made[i].type);
    return sum;
}

static void count(struct tally *t, const struct fb_record *r, const struct fb_event *ev)
{
    t->records++;
    if (ev->provider == FB_AWS && strcmp(ev->action, "unknown") != 0 && ev->time_ms > 0)
        t->complete++;
    /* Some records say "..." or nothing; whoever tells a time must be heard. */
    if (fb_starts(fb_json_get_str(r->doc, "eventTime"), "20") && ev->time_guessed)
        fail_msg("time not read: %s", fb_json_get_str(r->doc, "eventTime"));
}

/* As ingest would hand it over: the envelope's detail, or the object itself. */
static struct fb_record hand_over(const struct fb_json *event, const char *bytes)
{
    const struct fb_json *detail = fb_json_get(event, "detail");
    struct fb_record r = {.source = "dataset", .bytes = bytes, .len = strlen(bytes), .doc = event};

    r.envelope = (struct fb_envelope){
        .id = "", .source = "", .detail_type = "", .account = "", .region = ""};
    if (fb_json_kind(detail) != FB_JSON_OBJECT || !fb_json_get(event, "detail-type"))
        return r;
    r.doc = detail;
    r.envelope.present = true;
    r.envelope.id = fb_json_get_str(event, "id");
    r.envelope.source = fb_json_get_str(event, "source");
    r.envelope.detail_type = fb_json_get_str(event, "detail-type");
    r.envelope.account = fb_json_get_str(event, "account");
    r.envelope.region = fb_json_get_str(event, "region");
    fb_time_parse(fb_json_get_str(event, "time"), &r.envelope.time_ms);
    return r;
}

/* Whether an audit entry names anybody at all. */
static bool names_somebody(const struct fb_json *entry)
{
    const struct fb_json *p = fb_json_get(entry, "protoPayload"), *auth;

    if (!p)
        p = fb_json_get(entry, "protopayload_auditlog");
    auth = fb_json_get(p, "authenticationInfo");
    return *fb_json_get_str(auth, "principalEmail") || *fb_json_get_str(auth, "principalSubject");
}

/* The reason why an entry has no principal is that it names none; why it has no time, that it tells
 * none. */
static void count_google(struct tally *t, const struct fb_json *entry, const struct fb_event *ev)
{
    bool timed = !ev->time_guessed || (!*fb_json_get_str(entry, "timestamp") &&
                                       !*fb_json_get_str(entry, "receiveTimestamp"));

    t->records++;
    t->complete += ev->provider == FB_GCP && strcmp(ev->action, "unknown") != 0 && timed &&
                   (*ev->who.arn || !names_somebody(entry));
    if (*ev->who.arn && strchr(ev->who.arn, ':') && !fb_starts(ev->who.arn, "principal"))
        fail_msg("an identity in another form: %s", ev->who.arn);
}

static void look(struct fb_arena *a, const struct fb_json *event, const struct fb_json *label,
                 const char *bytes, struct counts *c)
{
    const char *shape = fb_json_get_str(label, "shape");
    struct fb_record r = hand_over(event, bytes);
    struct fb_event ev = read_record(a, &r);
    bool aws = strcmp(fb_json_get_str(label, "provider"), "aws") == 0;

    touch_all(&ev);
    c->all++;
    c->kinds[ev.kind]++;
    if (!aws && ev.provider == FB_AWS)
        fail_msg("taken for AWS: %s", bytes);
    if (aws && ev.provider == FB_GCP)
        fail_msg("taken for Google's: %s", bytes);
    if (strcmp(shape, "gcp-logentry") == 0 &&
        (fb_json_get(event, "protoPayload") || fb_json_get(event, "protopayload_auditlog")))
        count_google(&c->google, event, &ev);
    if (!aws)
        return;
    c->traits |= ev.traits;
    if (strcmp(shape, "cloudtrail-record") == 0 || strcmp(shape, "cloudtrail-file") == 0)
        count(&c->bare, &r, &ev);
    else if (strcmp(shape, "eventbridge-cloudtrail") == 0)
        count(&c->enveloped, &r, &ev);
    if (strstr(shape, "guardduty") &&
        strcmp(fb_json_get_str(label, "kind"), "sample-finding") == 0) {
        c->samples++;
        c->drills += ev.drill;
    }
    if (ev.kind == FB_EV_LEAK_NOTICE)
        c->notices++;
    if (fb_json_kind(fb_json_get(r.doc, "readOnly")) == FB_JSON_BOOL &&
        fb_json_bool(fb_json_get(r.doc, "readOnly"), false)) {
        c->read_true++;
        if (!fb_event_is(&ev, FB_T_READ))
            c->read_true_missed++;
    }
}

static void walk_file(struct fb_arena *a, const char *path, struct counts *c)
{
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t cap = 0;

    if (!f)
        fail_msg("cannot open %s", path);
    while (getline(&line, &cap, f) > 0) {
        const struct fb_json *whole, *event, *records;

        fb_arena_reset(a);
        whole = parsed(a, line);
        event = fb_json_get(whole, "event");
        records = fb_json_get(event, "Records");
        if (strcmp(fb_json_path_str(whole, "label.shape"), "cloudtrail-file") != 0)
            look(a, event, fb_json_get(whole, "label"), line, c);
        else
            for (size_t i = 0; i < fb_json_len(records); i++)
                look(a, fb_json_at(records, i), fb_json_get(whole, "label"), line, c);
    }
    free(line);
    fclose(f);
}

static void real_records_read_without_a_crash_and_nearly_all_completely(void **state)
{
    const char *shared = fb_test_shared();
    struct counts c = {0};

    if (!shared) {
        FB_SKIP("the public data sets are not beside this checkout (FB_SHARED)");
    }
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        walk_file(*state, fb_arena_fmt(*state, "%s/datasets/%s", shared, files[i]), &c);
    print_message("%zu events; bare %zu/%zu, enveloped %zu/%zu complete; samples %zu, drills %zu; "
                  "notices %zu; kinds %zu unknown %zu call %zu sign-in %zu notice %zu finding; "
                  "readOnly %zu, not read %zu\n",
                  c.all, c.bare.complete, c.bare.records, c.enveloped.complete, c.enveloped.records,
                  c.samples, c.drills, c.notices, c.kinds[0], c.kinds[1], c.kinds[2], c.kinds[3],
                  c.kinds[4], c.read_true, c.read_true_missed);
    for (unsigned t = 0; t < FB_T_COUNT; t++)
        if (!(c.traits & fb_trait_bit((enum fb_trait)t)))
            print_message("no record sets %s\n", fb_trait_name((enum fb_trait)t));
    assert_true(c.all >= 3000);
    assert_true(c.bare.records >= 3000);
    assert_true(c.bare.complete * 100 >= c.bare.records * 99);
    assert_true(c.enveloped.records >= 20);
    assert_true(c.enveloped.complete * 100 >= c.enveloped.records * 99);
    print_message("Google's entries %zu/%zu complete\n", c.google.complete, c.google.records);
    assert_true(c.google.records >= 150);
    assert_true(c.google.complete * 100 >= c.google.records * 98);
    assert_true(c.samples > 0);
    assert_int_equal(c.drills, c.samples);
    assert_true(c.notices >= 1);
    /* Not read although readOnly: what mints credentials or starts compute, and nothing else. */
    assert_true(c.read_true_missed < c.read_true / 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(real_records_read_without_a_crash_and_nearly_all_completely),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

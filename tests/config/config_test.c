/* config_test.c - what the operator writes is understood or refused in one clear line. */
#include "support/fb_test.h"

#include <math.h>

#include "base/json.h"
#include "base/text.h"
#include "config.h"
#include "contain/contain.h"
#include "score/score.h"

struct desk {
    struct fb_arena *a;
    char path[64];
    struct fb_err err;
    struct fb_config *c;
};

static const char *const NO_ENV[] = {NULL};

static int setup(void **state)
{
    struct desk *d = calloc(1, sizeof *d);
    int fd;

    *state = d;
    d->a = fb_arena_new(64u << 20);
    snprintf(d->path, sizeof d->path, "/tmp/fb-config-XXXXXX");
    fd = mkstemp(d->path);
    return fd >= 0 ? close(fd) : -1;
}

static int teardown(void **state)
{
    struct desk *d = *state;

    unlink(d->path);
    fb_arena_free(d->a);
    free(d);
    return 0;
}

static enum fb_status load_bytes(struct desk *d, const char *bytes, size_t len)
{
    FILE *f = fopen(d->path, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    fclose(f);
    memset(&d->err, 0, sizeof d->err);
    return fb_config_load(d->a, d->path, NO_ENV, NULL, &d->c, &d->err);
}

static enum fb_status load(struct desk *d, const char *json)
{
    return load_bytes(d, json, strlen(json));
}

static void assert_loads(struct desk *d, const char *json)
{
    if (load(d, json) != FB_OK)
        print_error("%s\n", d->err.text);
    assert_int_equal(d->err.code, FB_OK);
    assert_non_null(d->c);
}

/* The document is refused in one line that names the file and holds both words. */
static void assert_refused(struct desk *d, const char *json, const char *word, const char *more)
{
    if (load(d, json) != FB_ECONFIG || !strstr(d->err.text, word) || !strstr(d->err.text, more))
        print_error("%s\n  -> \"%s\"\n  lacks \"%s\" or \"%s\"\n", json, d->err.text, word, more);
    assert_int_equal(d->err.code, FB_ECONFIG);
    assert_null(d->c);
    assert_non_null(strstr(d->err.text, word));
    assert_non_null(strstr(d->err.text, more));
    assert_non_null(strstr(d->err.text, d->path));
    assert_null(strpbrk(d->err.text, "\n\r\x1b"));
}

/* ---- what is understood ---- */

static void without_any_source_the_defaults_are_the_designs(void **state)
{
    struct desk *d = *state;

    assert_int_equal(fb_config_load(d->a, NULL, NO_ENV, NULL, &d->c, &d->err), FB_OK);
    assert_int_equal(d->c->mode, FB_MODE_DRY_RUN);
    assert_false(fb_config_enforces(d->c));
    assert_string_equal(d->c->state, "memory:");
    assert_string_equal(d->c->playbooks, "");
    assert_string_equal(d->c->file, "");
    assert_true(d->c->alert == 50 && d->c->contain == 80 && d->c->wide == 90);
    assert_int_equal(d->c->actions_per_hour, 2000);
    assert_int_equal(d->c->identities, 20);
    assert_int_equal(d->c->collateral_resources, 10);
    assert_true(d->c->collateral_share == 0.05);
    assert_true(d->c->max_usd_per_hour == 500);
    assert_false(d->c->allow_irreversible);
    assert_true(d->c->tickets_aws && d->c->tickets_gcp);
    assert_false(fb_config_has_break_glass(d->c));
    assert_string_equal(fb_config_from(d->c, "mode"), "default");
}

static const char EVERYTHING[] =
    "{\"$schema\": \"https://example.com/firebreak.schema.json\", \"mode\": \"enforce\","
    "\"state\": \"sqlite:/var/lib/fb.db\", \"playbooks\": \"/etc/fb\","
    "\"thresholds\": {\"alert\": 40, \"contain\": 70.5, \"wide\": 100},"
    "\"break_glass\": [\"arn:aws:iam::111122223333:user/glass\"],"
    "\"protected\": {\"identities\": [\"arn:aws:iam::111122223333:role/ci\", \"ops@example.com\"],"
    "  \"resources\": [\"i-0123456789abcdef0\"]},"
    "\"accounts\": {\"111122223333\": {\"mode\": \"dry-run\","
    "    \"role_arn\": \"arn:aws:iam::111122223333:role/fb\", \"external_id\": \"x:1\"},"
    "  \"my-project-1\": {}},"
    "\"usual_regions\": [\"us-east-1\", \"europe-west4\"],"
    "\"limits\": {\"actions_per_hour\": 5, \"identities\": 6, \"collateral_resources\": 0,"
    "  \"collateral_share\": 1},"
    "\"allow_irreversible\": true,"
    "\"notify\": {\"ops\": {\"type\": \"slack\", \"target\": \"https://hooks.example.com/x\","
    "    \"secret\": \"s3cret\"},"
    "  \"sns\": {\"type\": \"sns\", \"target\": \"arn:aws:sns:us-east-1:111122223333:t\"}},"
    "\"tickets\": {\"aws\": false, \"gcp\": false, \"cc\": [\"a@example.com\"]},"
    "\"playbook_keys\": [\"k1\"], \"config_keys\": [\"k2\", \"k3\"],"
    "\"grants\": {\"mine\": [\"aws.contain\", \"notify\"]},"
    "\"signals\": {\"region-fanout\": {\"weight\": 2.5}, \"launch-burst\": {\"weight\": 0}},"
    "\"networks\": {\"office\": [\"203.0.113.0/24\", \"2001:db8::/32\", \"0.0.0.0/0\"]},"
    "\"allow\": [\"ami-1\"], \"decoys\": [\"AKIAIOSFODNN7EXAMPLE\"],"
    "\"change_windows\": [{\"who\": \"arn:aws:iam::111122223333:role/tf\", \"regions\": "
    "[\"eu-west-1\"],"
    "  \"max_usd_per_hour\": 40, \"from\": \"2026-01-02T00:00:00Z\", \"until\": "
    "\"2026-01-03T00:00:00Z\","
    "  \"why\": \"roll-out\"}],"
    "\"max_usd_per_hour\": 0}";

static void every_key_of_a_full_file_is_kept(void **state)
{
    struct desk *d = *state;
    const struct fb_config *c;

    assert_loads(d, EVERYTHING);
    c = d->c;
    assert_true(fb_config_enforces(c));
    assert_string_equal(c->state, "sqlite:/var/lib/fb.db");
    assert_string_equal(c->playbooks, "/etc/fb");
    assert_true(c->alert == 40 && c->contain == 70.5 && c->wide == 100);
    assert_int_equal(c->break_glass.count, 1);
    assert_string_equal(c->protected_identities.at[1], "ops@example.com");
    assert_string_equal(c->protected_resources.at[0], "i-0123456789abcdef0");
    assert_int_equal(c->account_count, 2);
    assert_string_equal(c->accounts[0].id, "111122223333");
    assert_string_equal(c->accounts[0].role_arn, "arn:aws:iam::111122223333:role/fb");
    assert_string_equal(c->accounts[0].external_id, "x:1");
    assert_string_equal(c->accounts[1].id, "my-project-1");
    assert_string_equal(c->accounts[1].role_arn, "");
    assert_int_equal(c->usual_regions.count, 2);
    assert_int_equal(c->actions_per_hour, 5);
    assert_int_equal(c->collateral_resources, 0);
    assert_true(c->collateral_share == 1);
    assert_true(c->allow_irreversible);
    assert_int_equal(c->notify_count, 2);
    assert_string_equal(c->notify[0].name, "ops");
    assert_string_equal(c->notify[0].type, "slack");
    assert_int_equal(c->notify[0].secret.len, 6);
    assert_memory_equal(c->notify[0].secret.at, "s3cret", 6);
    assert_int_equal(c->notify[1].secret.len, 0);
    assert_false(c->tickets_aws || c->tickets_gcp);
    assert_string_equal(c->tickets_cc.at[0], "a@example.com");
    assert_int_equal(c->config_keys.count, 2);
    assert_string_equal(c->grants[0].playbook, "mine");
    assert_string_equal(c->grants[0].capabilities.at[1], "notify");
    assert_int_equal(c->signal_count, 2);
    assert_string_equal(c->networks[0].ranges.at[1], "2001:db8::/32");
    assert_string_equal(c->decoys.at[0], "AKIAIOSFODNN7EXAMPLE");
    assert_string_equal(c->change_windows[0].why, "roll-out");
    assert_true(c->change_windows[0].until_ms - c->change_windows[0].from_ms == 86400000);
    assert_true(c->max_usd_per_hour == 0);
    assert_string_equal(c->file, d->path);
}

/* Sets every key that is not inside a list or map and finds the origin of each. */
static void the_origin_of_every_key_is_known(void **state)
{
    struct desk *d = *state;
    size_t n, seen = 0;
    const struct fb_config_key *keys = fb_config_keys(d->a, &n);

    assert_loads(d, EVERYTHING);
    for (size_t i = 0; i < n; i++) {
        const char *path = keys[i].path;

        if (strpbrk(path, "*[$") || fb_eq(path, "thresholds") || fb_eq(path, "protected") ||
            fb_eq(path, "limits") || fb_eq(path, "tickets"))
            continue;
        assert_string_equal(fb_config_from(d->c, path), d->path);
        seen++;
    }
    assert_int_equal(d->c->origin_count, seen);
    assert_true(seen > 25);
}

static void an_empty_object_changes_nothing(void **state)
{
    struct desk *d = *state;

    assert_loads(d, " {} \n");
    assert_int_equal(d->c->origin_count, 0);
    assert_string_equal(d->c->state, "memory:");
    assert_string_equal(d->c->file, d->path);
}

static void the_command_line_wins_over_the_environment_and_that_over_the_file(void **state)
{
    struct desk *d = *state;
    char config[100];
    const char *env[] = {"X=1",
                         config,
                         "FIREBREAK_MODE=dry-run",
                         "FIREBREAK_STATE=sqlite:env",
                         "FIREBREAK_PLAYBOOKS=/env",
                         NULL};
    struct fb_config_overrides line = {.mode = "enforce", .state = "sqlite:line"};

    snprintf(config, sizeof config, "FIREBREAK_CONFIG=%s", d->path);
    assert_loads(d, "{\"mode\": \"enforce\", \"state\": \"sqlite:file\", \"max_usd_per_hour\": 7}");
    assert_true(fb_config_enforces(d->c));
    assert_int_equal(fb_config_load(d->a, NULL, env, NULL, &d->c, &d->err), FB_OK);
    assert_false(fb_config_enforces(d->c));
    assert_string_equal(d->c->state, "sqlite:env");
    assert_string_equal(d->c->playbooks, "/env");
    assert_true(d->c->max_usd_per_hour == 7);
    assert_string_equal(fb_config_from(d->c, "mode"), "FIREBREAK_MODE");
    assert_int_equal(fb_config_load(d->a, NULL, env, &line, &d->c, &d->err), FB_OK);
    assert_true(fb_config_enforces(d->c));
    assert_string_equal(d->c->state, "sqlite:line");
    assert_string_equal(d->c->playbooks, "/env");
    assert_string_equal(fb_config_from(d->c, "mode"), "--mode");
    assert_string_equal(fb_config_from(d->c, "state"), "--state");
    assert_string_equal(fb_config_from(d->c, "playbooks"), "FIREBREAK_PLAYBOOKS");
    assert_string_equal(fb_config_from(d->c, "max_usd_per_hour"), d->path);
}

static void a_path_on_the_command_line_hides_the_one_in_the_environment(void **state)
{
    struct desk *d = *state;
    const char *env[] = {"FIREBREAK_CONFIG=/nowhere/at/all.json", NULL};

    assert_loads(d, "{}");
    assert_int_equal(fb_config_load(d->a, d->path, env, NULL, &d->c, &d->err), FB_OK);
    assert_int_equal(fb_config_load(d->a, NULL, env, NULL, &d->c, &d->err), FB_ECONFIG);
    assert_non_null(strstr(d->err.text, "/nowhere/at/all.json: cannot be read: No such file"));
}

static void empty_variables_and_options_say_nothing(void **state)
{
    struct desk *d = *state;
    const char *env[] = {"FIREBREAK_CONFIG=",    "FIREBREAK_MODE=",         "FIREBREAK_STATE=",
                         "FIREBREAK_PLAYBOOKS=", "FIREBREAK_MODES=enforce", NULL};
    struct fb_config_overrides line = {.mode = "", .state = "", .playbooks = ""};

    assert_int_equal(fb_config_load(d->a, "", env, &line, &d->c, &d->err), FB_OK);
    assert_false(fb_config_enforces(d->c));
    assert_int_equal(d->c->origin_count, 0);
}

static void the_process_environment_is_read_when_none_is_given(void **state)
{
    struct desk *d = *state;

    setenv("FIREBREAK_STATE", "sqlite:from-process", 1);
    assert_int_equal(fb_config_load(d->a, NULL, NULL, NULL, &d->c, &d->err), FB_OK);
    unsetenv("FIREBREAK_STATE");
    assert_string_equal(d->c->state, "sqlite:from-process");
}

static void a_bad_mode_is_refused_wherever_it_stands(void **state)
{
    struct desk *d = *state;
    const char *env[] = {"FIREBREAK_MODE=Enforce", NULL};
    struct fb_config_overrides line = {.mode = "yes"};

    assert_refused(d, "{\"mode\": \"dry_run\"}", "mode is \"dry_run\"",
                   "\"dry-run\" or \"enforce\"");
    assert_int_equal(fb_config_load(d->a, NULL, env, NULL, &d->c, &d->err), FB_ECONFIG);
    assert_string_equal(d->err.text,
                        "FIREBREAK_MODE: \"Enforce\" is no mode; write dry-run or enforce");
    assert_int_equal(fb_config_load(d->a, NULL, NO_ENV, &line, &d->c, &d->err), FB_ECONFIG);
    assert_non_null(strstr(d->err.text, "--mode: \"yes\" is no mode"));
}

static void accounts_only_lower_the_mode(void **state)
{
    static const struct {
        const char *global, *account;
        bool acts;
    } CASES[] = {{"dry-run", "dry-run", false},
                 {"dry-run", "enforce", false},
                 {"enforce", "dry-run", false},
                 {"enforce", "enforce", true}};
    struct desk *d = *state;

    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        assert_loads(d,
                     fb_arena_fmt(d->a,
                                  "{\"mode\": \"%s\", \"accounts\": {\"111122223333\": {\"mode\": "
                                  "\"%s\"}, \"444455556666\": {}}}",
                                  CASES[i].global, CASES[i].account));
        assert_int_equal(fb_config_account_enforces(d->c, "111122223333"), CASES[i].acts);
        assert_int_equal(fb_config_account_enforces(d->c, "444455556666"),
                         fb_config_enforces(d->c));
        assert_int_equal(fb_config_account_enforces(d->c, "777788889999"),
                         fb_config_enforces(d->c));
        assert_true(fb_config_has_account(d->c, "444455556666"));
        assert_false(fb_config_has_account(d->c, "777788889999"));
    }
}

static void the_gate_protects_break_glass_and_protected_identities_alike(void **state)
{
    struct desk *d = *state;
    struct fb_guard_config g;

    assert_loads(d, EVERYTHING);
    fb_config_guards(d->c, &g);
    assert_int_equal(g.protected_identity_count, 3);
    assert_string_equal(g.protected_identities[0], "arn:aws:iam::111122223333:user/glass");
    assert_string_equal(g.protected_identities[1], "arn:aws:iam::111122223333:role/ci");
    assert_string_equal(g.protected_identities[2], "ops@example.com");
    assert_int_equal(g.protected_resource_count, 1);
    assert_int_equal(g.actions_per_hour, 5);
    assert_int_equal(g.identities, 6);
    assert_int_equal(g.collateral_resources, 0);
    assert_loads(d, "{}");
    fb_config_guards(d->c, &g);
    assert_null(g.protected_identities);
    assert_int_equal(g.protected_identity_count, 0);
}

static void the_score_gets_thresholds_weights_regions_and_decoys(void **state)
{
    struct desk *d = *state;
    struct fb_score_config s, own;
    size_t n, changed = 0;
    const struct fb_signal *signals = fb_signals(&n);

    fb_score_config_default(&own);
    assert_loads(d, EVERYTHING);
    fb_config_score(d->c, &s);
    assert_true(s.alert == 40 && s.contain == 70.5 && s.wide == 100);
    assert_int_equal(s.usual_region_count, 2);
    assert_string_equal(s.decoys[0], "AKIAIOSFODNN7EXAMPLE");
    assert_true(s.max_usd_per_hour == 0);
    for (size_t i = 0; i < n; i++) {
        if (fb_eq(signals[i].id, "region-fanout"))
            assert_true(s.weights[i] == 2.5);
        else if (fb_eq(signals[i].id, "launch-burst"))
            assert_true(s.weights[i] == 0);
        else
            assert_true(isnan(s.weights[i]) && isnan(own.weights[i]));
        changed += isnan(s.weights[i]) ? 0u : 1u;
    }
    assert_int_equal(changed, 2);
}

/* ---- what is refused ---- */

static void an_unknown_key_names_the_nearest_right_one_at_every_depth(void **state)
{
    struct desk *d = *state;

    assert_refused(d, "{\"mod\": \"enforce\"}", "no key \"mod\"", "did you mean \"mode\"?");
    assert_refused(d, "{\"break-glass\": []}", "\"break-glass\"", "did you mean \"break_glass\"?");
    assert_refused(d, "{\"thresholds\": {\"alrt\": 50}}", "no key \"alrt\" in thresholds",
                   "did you mean \"alert\"?");
    assert_refused(d, "{\"accounts\": {\"111122223333\": {\"role_ARN\": \"x\"}}}",
                   "in accounts.111122223333", "did you mean \"role_arn\"?");
    assert_refused(d, "{\"notify\": {\"o\": {\"typ\": \"sns\"}}}", "in notify.o", "\"type\"");
    assert_refused(d, "{\"change_windows\": [{\"untill\": \"x\"}]}", "in change_windows[0]",
                   "\"until\"");
    assert_refused(d, "{\"tickets\": {\"azure\": true}}", "\"azure\"", "the keys are aws, gcp, cc");
    assert_refused(d, "{\"\": 1}", "no key \"\"", "the keys are");
    assert_refused(d, "{\"a\\u001b[31m\\nb\": 1}", "no key \"a?[31m?b\"", "the keys are");
}

/* Whatever key of the table gets a value of another type, it is named. */
static void a_wrong_type_is_refused_for_every_key(void **state)
{
    static const char *const VALUES[] = {"null",      "true", "7",   "7.5", "\"\"",
                                         "\"seven\"", "[]",   "[7]", "{}",  "{\"x\": 7}"};
    static const char *const KIND[] = {"",       "boolean", "integer", "number", "",
                                       "string", "array",   "array",   "object", "object"};
    struct desk *d = *state;
    size_t n, tried = 0;
    const struct fb_config_key *keys = fb_config_keys(d->a, &n);

    for (size_t i = 0; i < n; i++) {
        const char *dot = strchr(keys[i].path, '.');

        if (strpbrk(keys[i].path, "*["))
            continue;
        for (size_t v = 0; v < sizeof VALUES / sizeof *VALUES; v++) {
            const char *json;

            if (fb_eq(KIND[v], keys[i].type) ||
                (fb_eq(KIND[v], "integer") && fb_eq(keys[i].type, "number")))
                continue;
            json = dot ? fb_arena_fmt(d->a, "{\"%.*s\": {\"%s\": %s}}", (int)(dot - keys[i].path),
                                      keys[i].path, dot + 1, VALUES[v])
                       : fb_arena_fmt(d->a, "{\"%s\": %s}", keys[i].path, VALUES[v]);
            assert_refused(d, json, keys[i].path, "write");
            tried++;
        }
    }
    assert_true(tried > 200);
}

static void a_document_that_is_no_object_is_refused(void **state)
{
    static const char *const BAD[] = {"[]", "\"mode\"", "7", "null"};
    struct desk *d = *state;

    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
        assert_refused(d, BAD[i], "the document is", "write an object");
}

static void a_file_that_is_not_plain_json_is_refused(void **state)
{
    struct desk *d = *state;

    assert_refused(d, "", "is not JSON", "");
    assert_refused(d, "{\"mode\": \"dry-run\"", "is not JSON", "");
    assert_refused(d, "{\"mode\": \"dry-run\",}", "is not JSON", "");
    assert_refused(d, "{mode: dry-run}", "is not JSON", "");
    assert_refused(d, "{\"mode\": \"dry-run\"} {\"mode\": \"enforce\"}", "is not JSON", "");
    assert_refused(d, "{\"allow\": [\"\xff\"]}", "", "");
    assert_refused(d, "{\"max_usd_per_hour\": 1e999}", "has a ", "plain values");
    assert_refused(d, "{\"allow\": [\"a\\u0000b\"]}", "has a ", "plain values");
    assert_refused(d, "{\"allow\": [\"\\ud800\"]}", "has a ", "plain values");
    assert_refused(d, "{\"limits\": {\"identities\": 99999999999999999999}}", "has a ",
                   "plain values");
    assert_int_equal(load_bytes(d, "{}\0{}", 5), FB_ECONFIG);
}

static void a_key_that_stands_twice_is_refused_at_every_depth(void **state)
{
    struct desk *d = *state;

    assert_refused(d, "{\"mode\": \"dry-run\", \"mode\": \"enforce\"}", "duplicate key", "once");
    assert_refused(d, "{\"limits\": {\"identities\": 1, \"identities\": 2}}", "duplicate key",
                   "once");
    assert_refused(d, "{\"accounts\": {\"111122223333\": {}, \"111122223333\": {}}}",
                   "duplicate key", "once");
}

static void a_file_beyond_the_ceiling_or_that_is_none_is_refused(void **state)
{
    struct desk *d = *state;
    size_t len = FB_CONFIG_BYTES_MAX + 1;
    char *big = malloc(len + 1);

    memset(big, ' ', len);
    big[len] = '\0';
    big[0] = '{';
    big[1] = '}';
    assert_refused(d, big, "is larger than 1024 KiB", "");
    assert_int_equal(load_bytes(d, big, len - 1), FB_OK);
    free(big);
    assert_int_equal(fb_config_load(d->a, "/tmp", NO_ENV, NULL, &d->c, &d->err), FB_ECONFIG);
    assert_non_null(strstr(d->err.text, "/tmp: cannot be read: Is a directory"));
    assert_int_equal(fb_config_load(d->a, "ssm:name", NO_ENV, NULL, &d->c, &d->err), FB_ECONFIG);
    assert_non_null(strstr(d->err.text, "write a path"));
}

static void thresholds_keep_their_floors_and_their_order(void **state)
{
    struct desk *d = *state;

    assert_refused(d, "{\"thresholds\": {\"alert\": 39.9}}", "thresholds.alert is 39.9", "from 40");
    assert_refused(d, "{\"thresholds\": {\"contain\": 69}}", "thresholds.contain is 69", "from 70");
    assert_refused(d, "{\"thresholds\": {\"wide\": 100.5}}", "thresholds.wide", "to 100");
    assert_refused(d, "{\"thresholds\": {\"alert\": 85}}", "alert 85, contain 80",
                   "alert <= contain");
    assert_refused(d, "{\"thresholds\": {\"contain\": 95}}", "contain 95, wide 90", "<= wide");
    assert_refused(d, "{\"thresholds\": {\"wide\": 75}}", "wide 75", "<= wide");
    assert_loads(d, "{\"thresholds\": {\"alert\": 40, \"contain\": 70, \"wide\": 70}}");
    assert_loads(d, "{\"thresholds\": {\"alert\": 100, \"contain\": 100, \"wide\": 100}}");
}

static void numbers_keep_their_bounds(void **state)
{
    struct desk *d = *state;

    assert_refused(d, "{\"limits\": {\"actions_per_hour\": 0}}", "limits.actions_per_hour is 0",
                   "from 1");
    assert_refused(d, "{\"limits\": {\"identities\": -1}}", "limits.identities is -1", "from 0");
    assert_refused(d, "{\"limits\": {\"identities\": 2.0}}", "limits.identities", "whole number");
    assert_refused(d, "{\"limits\": {\"collateral_resources\": 100001}}", "100001", "100000");
    assert_refused(d, "{\"limits\": {\"collateral_share\": 1.01}}", "1.01", "from 0 to 1");
    assert_refused(d, "{\"max_usd_per_hour\": -0.5}", "max_usd_per_hour is -0.5", "from 0");
    assert_refused(d, "{\"signals\": {\"region-fanout\": {\"weight\": 11}}}",
                   "signals.region-fanout.weight is 11", "from 0 to 10");
    assert_refused(d, "{\"signals\": {\"region-fanout\": {}}}",
                   "signals.region-fanout lacks \"weight\"", "write a number");
}

static void an_identity_is_named_exactly(void **state)
{
    static const char *const BAD[] = {"admin",
                                      "user/admin",
                                      "arn:aws:iam::1234:user/x",
                                      "arn:aws:iam::111122223333:user/",
                                      "arn:aws:iam::111122223333:user/*",
                                      "arn:aws:iam::*:user/x",
                                      "arn:aws:iam::111122223333:group/x",
                                      "arn:aws:s3:::bucket",
                                      "arn:aws:iam::111122223333:user/x ",
                                      "a@b",
                                      "@b.co",
                                      "a@b@c.co",
                                      "a@b.co.",
                                      "*@example.com",
                                      "arn:aws:iam:us-east-1:111122223333:user/x",
                                      "arn:gcp:iam::111122223333:user/x",
                                      "AKIA",
                                      "AKIAIOSFODNN7EXAMPL!",
                                      "principal://"};
    static const char *const GOOD[] = {"arn:aws:iam::111122223333:root",
                                       "arn:aws-us-gov:iam::111122223333:role/a/b",
                                       "arn:aws:sts::111122223333:assumed-role/r/s",
                                       "sa@p.iam.gserviceaccount.com",
                                       "principal://iam.googleapis.com/x/subject/y",
                                       "AKIAIOSFODNN7EXAMPLE",
                                       "arn:aws:iam::111122223333:user/first.last+tag@example.com"};
    static const char *const WHERE[] = {
        "{\"break_glass\": [\"%s\"]}", "{\"protected\": {\"identities\": [\"%s\"]}}",
        "{\"change_windows\": [{\"until\": \"2026-01-02 03:04:05\", \"who\": \"%s\"}]}"};
    struct desk *d = *state;

    for (size_t w = 0; w < sizeof WHERE / sizeof *WHERE; w++) {
        const char *split = strstr(WHERE[w], "%s");

        for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
            assert_refused(d,
                           fb_arena_fmt(d->a, "%.*s%s%s", (int)(split - WHERE[w]), WHERE[w], BAD[i],
                                        split + 2),
                           fb_arena_fmt(d->a, "is \"%s\"", BAD[i]), "write the ARN of a user");
        for (size_t i = 0; i < sizeof GOOD / sizeof *GOOD; i++)
            assert_loads(d, fb_arena_fmt(d->a, "%.*s%s%s", (int)(split - WHERE[w]), WHERE[w],
                                         GOOD[i], split + 2));
    }
}

static void accounts_have_ids_and_roles_of_their_own(void **state)
{
    struct desk *d = *state;

    assert_refused(d, "{\"accounts\": {\"1234\": {}}}", "accounts has an entry \"1234\"",
                   "12 digits");
    assert_refused(d, "{\"accounts\": {\"1111222233334\": {}}}", "\"1111222233334\"", "12 digits");
    assert_refused(d, "{\"accounts\": {\"My-Project\": {}}}", "\"My-Project\"", "GCP project id");
    assert_refused(d, "{\"accounts\": {\"111122223333\": {\"mode\": \"approve\"}}}",
                   "accounts.111122223333.mode", "\"dry-run\" or \"enforce\"");
    assert_refused(d, "{\"accounts\": {\"111122223333\": {\"role_arn\": \"fb\"}}}",
                   ".role_arn is \"fb\"", "arn:aws:iam::111122223333:role/NAME");
    assert_refused(d,
                   "{\"accounts\": {\"111122223333\": {\"role_arn\": "
                   "\"arn:aws:iam::111122223333:user/x\"}}}",
                   ".role_arn", "role/NAME");
    assert_refused(d,
                   "{\"accounts\": {\"111122223333\": {\"role_arn\": "
                   "\"arn:aws:iam::444455556666:role/x\"}}}",
                   "a role of account 444455556666", "write a role of account 111122223333");
    assert_refused(d, "{\"accounts\": {\"111122223333\": {\"external_id\": \"x\"}}}", "external_id",
                   "2 to 1224");
    assert_refused(d, "{\"accounts\": {\"111122223333\": {\"external_id\": \"a b\"}}}",
                   "external_id", "2 to 1224");
}

static void networks_are_ranges_without_stray_bits(void **state)
{
    static const char *const BAD[] = {
        "10.0.0.1",       "10.0.0.1/8", "10.0.0.0/33",  "10.0.0.0/-1",
        "10.0.0.0/",      "10.0.0/8",   "300.0.0.0/8",  "2001:db8::1/32",
        "2001:db8::/129", "x/8",        "10.0.0.0/8x",  "10.0.0.0/8/8",
        "0.0.0.1/0",      "/8",         "10.0.0.0/0008"};
    static const char *const GOOD[] = {"10.0.0.0/8", "10.0.0.1/32",     "0.0.0.0/0",
                                       "::/0",       "2001:db8::1/128", "192.168.128.0/17"};
    struct desk *d = *state;

    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
        assert_refused(
            d, fb_arena_fmt(d->a, "{\"networks\": {\"n\": [\"10.0.0.0/8\", \"%s\"]}}", BAD[i]),
            fb_arena_fmt(d->a, "networks.n[1] is \"%s\"", BAD[i]), "203.0.113.0/24");
    for (size_t i = 0; i < sizeof GOOD / sizeof *GOOD; i++)
        assert_loads(d, fb_arena_fmt(d->a, "{\"networks\": {\"n\": [\"%s\"]}}", GOOD[i]));
}

static void closed_lists_name_the_nearest_word(void **state)
{
    struct desk *d = *state;

    assert_refused(d, "{\"signals\": {\"region-fan-out\": {\"weight\": 1}}}", "\"region-fan-out\"",
                   "did you mean \"region-fanout\"?");
    assert_refused(d, "{\"signals\": {\"xyzzy\": {\"weight\": 1}}}", "\"xyzzy\"",
                   "firebreak signals");
    assert_refused(d, "{\"grants\": {\"p\": [\"aws.contian\"]}}", "grants.p[0]",
                   "did you mean \"aws.contain\"?");
    assert_refused(d, "{\"notify\": {\"o\": {\"type\": \"slak\", \"target\": \"https://x\"}}}",
                   "notify.o.type", "did you mean \"slack\"?");
}

static void a_target_fits_its_kind(void **state)
{
    static const struct {
        const char *type, *target, *says;
    } BAD[] = {{"sns", "https://example.com", "arn:aws:sns:"},
               {"sns", "arn:aws:sqs:us-east-1:111122223333:q", "arn:aws:sns:"},
               {"sns", "arn:aws:sns::111122223333:t", "arn:aws:sns:"},
               {"webhook", "http://example.com/x", "https://"},
               {"webhook", "https://", "https://"},
               {"slack", "ftp://example.com", "https://"},
               {"slack", "https://a b", "https://"}};
    struct desk *d = *state;

    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
        assert_refused(d,
                       fb_arena_fmt(d->a,
                                    "{\"notify\": {\"o\": {\"type\": \"%s\", \"target\": \"%s\"}}}",
                                    BAD[i].type, BAD[i].target),
                       "notify.o.target", BAD[i].says);
    assert_refused(d, "{\"notify\": {\"o\": {\"type\": \"sns\"}}}", "notify.o lacks \"target\"",
                   "write");
    assert_refused(d, "{\"notify\": {\"o\": {\"target\": \"x\"}}}", "notify.o lacks \"type\"",
                   "\"sns\"");
    assert_loads(d, "{\"notify\": {\"o\": {\"type\": \"pagerduty\", \"target\": \"R0UT1NG\"}}}");
    assert_loads(
        d, "{\"notify\": {\"o\": {\"type\": \"webhook\", \"target\": \"http://127.0.0.1:9/\"}}}");
}

/* A secret that does not fit is not repeated in the message. */
static void a_secret_stands_in_no_message(void **state)
{
    struct desk *d = *state;

    assert_refused(d, "{\"notify\": {\"o\": {\"secret\": 123456789}}}", "notify.o.secret", "write");
    assert_null(strstr(d->err.text, "123456789"));
}

static void windows_have_an_end_after_their_beginning(void **state)
{
    struct desk *d = *state;

    assert_refused(d, "{\"change_windows\": [{\"who\": \"a@b.co\"}]}",
                   "change_windows[0] lacks \"until\"", "write a time");
    assert_refused(d, "{\"change_windows\": [{\"who\": \"a@b.co\", \"until\": \"tomorrow\"}]}",
                   "change_windows[0].until is \"tomorrow\"", "2026-01-02T03:04:05Z");
    assert_refused(
        d,
        "{\"change_windows\": [{\"who\": \"a@b.co\", \"from\": \"2026-01-02T00:00:00Z\", "
        "\"until\": \"2026-01-02T00:00:00Z\"}]}",
        "change_windows[0] ends before it begins", "write an until");
    assert_refused(d, "{\"usual_regions\": [\"Frankfurt\"]}", "usual_regions[0] is \"Frankfurt\"",
                   "eu-west-1");
}

static void lists_and_texts_have_ceilings(void **state)
{
    struct desk *d = *state;
    char *json = malloc(64 << 10);
    size_t len;

    for (int n = FB_CONFIG_ITEMS_MAX; n <= FB_CONFIG_ITEMS_MAX + 1; n++) {
        len = (size_t)sprintf(json, "{\"allow\": [\"a\"");
        for (int i = 1; i < n; i++)
            len += (size_t)sprintf(json + len, ",\"a\"");
        sprintf(json + len, "]}");
        if (n <= FB_CONFIG_ITEMS_MAX)
            assert_loads(d, json);
        else
            assert_refused(d, json, "allow has 1001 items", "at most 1000");
        len = (size_t)sprintf(json, "{\"accounts\": {\"100000000000\": {}");
        for (int i = 1; i < n; i++)
            len += (size_t)sprintf(json + len, ",\"%012d\": {}", i);
        sprintf(json + len, "}}");
        if (n <= FB_CONFIG_ITEMS_MAX)
            assert_loads(d, json);
        else
            assert_refused(d, json, "accounts has 1001 items", "at most 1000");
    }
    len = (size_t)sprintf(json, "{\"allow\": [\"");
    memset(json + len, 'x', FB_CONFIG_TEXT_MAX + 1);
    strcpy(json + len + FB_CONFIG_TEXT_MAX + 1, "\"]}");
    assert_refused(d, json, "allow[0] has 2049 bytes", "at most 2048");
    free(json);
}

/* For every ceiling of the arena: the whole configuration or an error, never a part of it. */
static void a_full_arena_never_gives_half_a_configuration(void **state)
{
    struct desk *d = *state;
    bool whole = false;

    assert_loads(d, EVERYTHING);
    for (size_t bytes = 64; !whole; bytes += 97) {
        struct fb_arena *small = fb_arena_new(bytes);
        struct fb_config *c = NULL;
        struct fb_err err = {0};
        enum fb_status st = fb_config_load(small, d->path, NO_ENV, NULL, &c, &err);

        assert_true(bytes < 4u << 20);
        if (st == FB_OK) {
            assert_int_equal(c->untouched.count, 3);
            assert_int_equal(c->origin_count, d->c->origin_count);
            assert_string_equal(c->accounts[0].external_id, "x:1");
            assert_string_equal(c->change_windows[0].why, "roll-out");
            whole = true;
        } else {
            assert_null(c);
        }
        fb_arena_free(small);
    }
}

/* ---- the schema ---- */

struct flat {
    struct fb_arena *a;
    const struct fb_config_key *keys;
    size_t count, found;
};

static const struct fb_config_key *row_of(const struct flat *f, const char *path)
{
    for (size_t i = 0; i < f->count; i++)
        if (fb_eq(f->keys[i].path, path))
            return &f->keys[i];
    return NULL;
}

static bool requires(const struct fb_json *object, const char *name)
{
    const struct fb_json *list = fb_json_get(object, "required");

    for (size_t i = 0; i < fb_json_len(list); i++)
        if (fb_eq(fb_json_str(fb_json_at(list, i)), name))
            return true;
    return false;
}

static void check_schema(struct flat *f, const char *path, const struct fb_json *schema,
                         bool required)
{
    const struct fb_config_key *row = row_of(f, path);
    const struct fb_json *properties = fb_json_get(schema, "properties"), *value;
    const struct fb_json *named = fb_json_get(schema, "additionalProperties");
    const struct fb_json *items = fb_json_get(schema, "items");
    bool item = fb_ends(path, ".*") || fb_ends(path, "[]");
    const char *name;
    void *iter = NULL;

    if (*path && !(item && properties) && !fb_ends(path, "[]")) {
        if (!row)
            print_error("the schema has %s, the table does not\n", path);
        assert_non_null(row);
        assert_string_equal(fb_json_get_str(schema, "type"), row->type);
        assert_int_equal(required, row->required);
        if (fb_eq(row->type, "number") || fb_eq(row->type, "integer")) {
            assert_true(fb_json_num(fb_json_get(schema, "minimum"), NAN) == row->low);
            assert_true(fb_json_num(fb_json_get(schema, "maximum"), NAN) == row->high);
        }
        f->found++;
    }
    if (properties)
        assert_int_equal(fb_json_kind(named), FB_JSON_BOOL),
            assert_false(fb_json_bool(named, true));
    while (fb_json_next(properties, &iter, &name, &value))
        check_schema(f, *path ? fb_arena_fmt(f->a, "%s.%s", path, name) : name, value,
                     requires(schema, name));
    if (fb_json_kind(named) == FB_JSON_OBJECT)
        check_schema(f, fb_arena_fmt(f->a, "%s.*", path), named, false);
    if (fb_json_get(items, "properties"))
        check_schema(f, fb_arena_fmt(f->a, "%s[]", path), items, false);
}

static const struct fb_json *read_schema(struct fb_arena *a)
{
    FILE *f = fopen("deploy/firebreak.schema.json", "r");
    char *text = fb_arena_alloc(a, 1u << 20);
    const struct fb_json *doc = NULL;
    unsigned odd = 1;

    assert_non_null(f);
    assert_int_equal(fb_json_parse(a, text, fread(text, 1, (1u << 20) - 1, f), &odd, &doc, NULL),
                     FB_OK);
    assert_int_equal(odd, 0);
    fclose(f);
    return doc;
}

static void the_schema_lists_exactly_the_keys_of_the_table(void **state)
{
    struct desk *d = *state;
    struct flat f = {.a = d->a};

    f.keys = fb_config_keys(d->a, &f.count);
    check_schema(&f, "", read_schema(d->a), false);
    assert_int_equal(f.found, f.count);
    assert_true(f.count > 40);
}

static void the_schemas_defaults_are_the_programs(void **state)
{
    struct desk *d = *state;
    const struct fb_json *s = read_schema(d->a);
    const struct fb_config *c;

    assert_loads(d, "{}");
    c = d->c;
#define DEFAULT(path) fb_json_path(s, "properties." path ".default")
    assert_string_equal(fb_json_str(DEFAULT("mode")), fb_mode_name(c->mode));
    assert_string_equal(fb_json_str(DEFAULT("state")), c->state);
    assert_true(fb_json_num(DEFAULT("thresholds.properties.alert"), -1) == c->alert);
    assert_true(fb_json_num(DEFAULT("thresholds.properties.contain"), -1) == c->contain);
    assert_true(fb_json_num(DEFAULT("thresholds.properties.wide"), -1) == c->wide);
    assert_true(fb_json_num(DEFAULT("limits.properties.actions_per_hour"), -1) ==
                (double)c->actions_per_hour);
    assert_true(fb_json_num(DEFAULT("limits.properties.identities"), -1) == (double)c->identities);
    assert_true(fb_json_num(DEFAULT("limits.properties.collateral_resources"), -1) ==
                (double)c->collateral_resources);
    assert_true(fb_json_num(DEFAULT("limits.properties.collateral_share"), -1) ==
                c->collateral_share);
    assert_int_equal(fb_json_bool(DEFAULT("allow_irreversible"), true), c->allow_irreversible);
    assert_int_equal(fb_json_bool(DEFAULT("tickets.properties.aws"), false), c->tickets_aws);
    assert_int_equal(fb_json_bool(DEFAULT("tickets.properties.gcp"), false), c->tickets_gcp);
    assert_true(fb_json_num(DEFAULT("max_usd_per_hour"), -1) == c->max_usd_per_hour);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(without_any_source_the_defaults_are_the_designs),
        T(every_key_of_a_full_file_is_kept),
        T(the_origin_of_every_key_is_known),
        T(an_empty_object_changes_nothing),
        T(the_command_line_wins_over_the_environment_and_that_over_the_file),
        T(a_path_on_the_command_line_hides_the_one_in_the_environment),
        T(empty_variables_and_options_say_nothing),
        T(the_process_environment_is_read_when_none_is_given),
        T(a_bad_mode_is_refused_wherever_it_stands),
        T(accounts_only_lower_the_mode),
        T(the_gate_protects_break_glass_and_protected_identities_alike),
        T(the_score_gets_thresholds_weights_regions_and_decoys),
        T(an_unknown_key_names_the_nearest_right_one_at_every_depth),
        T(a_wrong_type_is_refused_for_every_key),
        T(a_document_that_is_no_object_is_refused),
        T(a_file_that_is_not_plain_json_is_refused),
        T(a_key_that_stands_twice_is_refused_at_every_depth),
        T(a_file_beyond_the_ceiling_or_that_is_none_is_refused),
        T(thresholds_keep_their_floors_and_their_order),
        T(numbers_keep_their_bounds),
        T(an_identity_is_named_exactly),
        T(accounts_have_ids_and_roles_of_their_own),
        T(networks_are_ranges_without_stray_bits),
        T(closed_lists_name_the_nearest_word),
        T(a_target_fits_its_kind),
        T(a_secret_stands_in_no_message),
        T(windows_have_an_end_after_their_beginning),
        T(lists_and_texts_have_ceilings),
        T(a_full_arena_never_gives_half_a_configuration),
        T(the_schema_lists_exactly_the_keys_of_the_table),
        T(the_schemas_defaults_are_the_programs),
    };

    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}

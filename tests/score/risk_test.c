/* risk_test.c - the identity risk score: its known vectors, and what must hold of every vector. */
#include "support/fb_test.h"

#include <math.h>

#include "score/risk.h"

/* Vector, score in tenths. From the specification of the score, computed there. */
static const struct {
    const char *text;
    int tenths;
} KNOWN[] = {
    {"FBIR:1/CT:K/EX:L/MF:N/AG:O/PW:A/CP:U/DT:H/RC:C", 100},
    {"FBIR:1/CT:K/EX:I/MF:N/AG:O/PW:A/CP:U/DT:H/RC:U", 81},
    {"FBIR:1/CT:K/EX:L/MF:N/AG:O/PW:W/CP:U/DT:H/RC:U", 95},
    {"FBIR:1/CT:K/EX:L/MF:N/AG:M/PW:L/CP:B/DT:N/RC:U", 61},
    {"FBIR:1/CT:K/EX:L/MF:N/AG:M/PW:R/CP:N/DT:N/RC:U", 42},
    {"FBIR:1/CT:S/EX:I/MF:E/AG:T/PW:A/CP:U/DT:H/RC:C", 70},
    {"FBIR:1/CT:S/EX:X/MF:C/AG:T/PW:W/CP:U/DT:L/RC:C", 69},
    {"FBIR:1/CT:W/EX:X/MF:N/AG:T/PW:R/CP:N/DT:L/RC:U", 27},
    {"FBIR:1/CT:K/EX:I/MF:C/AG:F/PW:L/CP:B/DT:N/RC:U", 37},
};

/* How many values each metric has, beside "unknown". */
static const int COUNTS[FB_RISK_METRICS] = {5, 4, 3, 4, 4, 3, 3, 2};

static struct fb_risk risk_of(const int at[FB_RISK_METRICS])
{
    struct fb_risk r = {(enum fb_risk_ct)at[0], (enum fb_risk_ex)at[1], (enum fb_risk_mf)at[2],
                        (enum fb_risk_ag)at[3], (enum fb_risk_pw)at[4], (enum fb_risk_cp)at[5],
                        (enum fb_risk_dt)at[6], (enum fb_risk_rc)at[7]};

    return r;
}

static int tenths(const struct fb_risk *r)
{
    double score = fb_risk_score(r);
    long n = lround(score * 10);

    assert_true(fabs(score * 10 - (double)n) < 1e-9);
    return (int)n;
}

/* The next vector in counting order, `low` (0 with unknown, 1 without) to COUNTS; false after the
 * last. */
static bool next(int at[FB_RISK_METRICS], int low)
{
    for (int i = 0; i < FB_RISK_METRICS; i++) {
        if (++at[i] <= COUNTS[i])
            return true;
        at[i] = low;
    }
    return false;
}

static void the_known_vectors_score_what_the_specification_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof KNOWN / sizeof *KNOWN; i++) {
        struct fb_risk r;

        assert_int_equal(fb_risk_parse(KNOWN[i].text, &r, NULL), FB_OK);
        assert_int_equal(tenths(&r), KNOWN[i].tenths);
    }
}

static void every_vector_prints_and_reads_back_the_same(void **state)
{
    int at[FB_RISK_METRICS] = {0};
    size_t n = 0;

    (void)state;
    do {
        struct fb_risk r = risk_of(at), back;
        char text[FB_RISK_TEXT_MAX], again[FB_RISK_TEXT_MAX];

        assert_int_equal(fb_risk_parse(fb_risk_text(&r, text), &back, NULL), FB_OK);
        assert_memory_equal(&r, &back, sizeof r);
        assert_string_equal(fb_risk_text(&back, again), text);
        n++;
    } while (next(at, 0));
    assert_int_equal(n, 6 * 5 * 4 * 5 * 5 * 4 * 4 * 3);
}

static void raising_one_metric_never_lowers_the_score(void **state)
{
    int at[FB_RISK_METRICS] = {1, 1, 1, 1, 1, 1, 1, 1};

    (void)state;
    do {
        struct fb_risk r = risk_of(at);
        int now = tenths(&r);

        assert_in_range(now, 0, 100);
        for (int i = 0; i < FB_RISK_METRICS; i++) {
            int lower[FB_RISK_METRICS];
            struct fb_risk less;

            if (at[i] == COUNTS[i])
                continue;
            memcpy(lower, at, sizeof lower);
            lower[i]++;
            less = risk_of(lower);
            assert_true(tenths(&less) <= now);
        }
    } while (next(at, 1));
}

/* The specification's formula, written a second time and without our mending of its two dips. */
static double formula(const int at[FB_RISK_METRICS])
{
    static const double ct[] = {.85, .75, .62, .44, .10}, ex[] = {1, .85, .70, .55};
    static const double mf[] = {.85, .62, .40}, ag[] = {.85, .77, .62, .44};
    static const double pw[] = {.56, .35, .22, .10}, more[] = {.56, .22, 0};
    double e = 6.33 * ct[at[0] - 1] * ex[at[1] - 1] * mf[at[2] - 1] * ag[at[3] - 1];
    double isc = 1 - (1 - pw[at[4] - 1]) * (1 - more[at[5] - 1]) * (1 - more[at[6] - 1]);

    if (at[7] == FB_RC_ELSEWHERE)
        return fmin(10, 1.08 * (e + 7.52 * (isc - .029) - 3.25 * pow(isc - .02, 15)));
    return fmin(10, e + 6.42 * isc);
}

static void the_score_is_the_formula_rounded_up_but_for_a_tenth_in_a_few_vectors(void **state)
{
    int at[FB_RISK_METRICS] = {1, 1, 1, 1, 1, 1, 1, 1}, mended = 0;

    (void)state;
    do {
        struct fb_risk r = risk_of(at);
        double exact = formula(at), over = fb_risk_score(&r) - exact;

        assert_true(over > -1e-5);
        assert_true(over < .2);
        mended += over > .1;
    } while (next(at, 1));
    assert_true(mended <= 36);
}

static void what_is_not_known_counts_as_the_highest(void **state)
{
    int at[FB_RISK_METRICS] = {0};

    (void)state;
    do {
        int highest[FB_RISK_METRICS];
        struct fb_risk r = risk_of(at), assumed;

        for (int i = 0; i < FB_RISK_METRICS; i++) {
            highest[i] = at[i] ? at[i] : 1;
            assert_int_equal(fb_risk_letter(&r, (size_t)i) == '?', at[i] == 0);
        }
        assumed = risk_of(highest);
        assert_int_equal(tenths(&r), tenths(&assumed));
    } while (next(at, 0));
}

static void severity_has_the_bands_of_cvss(void **state)
{
    static const struct {
        int tenths;
        const char *band;
    } EDGES[] = {{0, "none"},  {1, "low"},   {39, "low"},      {40, "medium"},   {69, "medium"},
                 {70, "high"}, {89, "high"}, {90, "critical"}, {100, "critical"}};

    (void)state;
    for (size_t i = 0; i < sizeof EDGES / sizeof *EDGES; i++)
        assert_string_equal(fb_risk_severity(EDGES[i].tenths / 10.0), EDGES[i].band);
}

static void metrics_may_stand_in_any_order(void **state)
{
    struct fb_risk r;
    char text[FB_RISK_TEXT_MAX];

    (void)state;
    assert_int_equal(fb_risk_parse("FBIR:1/RC:C/DT:?/CP:B/PW:L/AG:T/MF:E/EX:S/CT:P", &r, NULL),
                     FB_OK);
    assert_string_equal(fb_risk_text(&r, text), "FBIR:1/CT:P/EX:S/MF:E/AG:T/PW:L/CP:B/DT:?/RC:C");
}

static void a_broken_vector_is_told_with_the_part_that_is_wrong(void **state)
{
    static const struct {
        const char *text, *says;
    } BROKEN[] = {
        {"", "begin with FBIR:1"},
        {"FBIR:2/CT:K/EX:L/MF:N/AG:O/PW:A/CP:U/DT:H/RC:C", "begin with FBIR:1"},
        {"FBIR:1", "CT is missing"},
        {"FBIR:1/CT:K/EX:L/MF:N/AG:O/PW:A/CP:U/DT:H", "RC is missing"},
        {"FBIR:1/CT:K/EX:L/MF:N/AG:O/PW:A/CP:U/DT:H/RC:C/RC:C", "RC stands twice"},
        {"FBIR:1/CT:K/EX:L/MF:N/AG:O/PW:A/CP:U/DT:H/RC:C/", "/CT:K"},
        {"FBIR:1/CT:X/EX:L/MF:N/AG:O/PW:A/CP:U/DT:H/RC:C", "CT must be one of K P S W N or ?"},
        {"FBIR:1/CT:k/EX:L/MF:N/AG:O/PW:A/CP:U/DT:H/RC:C", "CT must be one of"},
        {"FBIR:1/XX:K/EX:L/MF:N/AG:O/PW:A/CP:U/DT:H/RC:C", "unknown metric"},
        {"FBIR:1/CT:KK/EX:L/MF:N/AG:O/PW:A/CP:U/DT:H/RC:C", "/CT:K"},
        {"FBIR:1CT:K", "/CT:K"},
        {"FBIR:1/C", "/CT:K"},
        {"FBIR:1/CT:", "/CT:K"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof BROKEN / sizeof *BROKEN; i++) {
        struct fb_risk r;
        struct fb_err err = {0};

        assert_int_equal(fb_risk_parse(BROKEN[i].text, &r, &err), FB_EINPUT);
        assert_non_null(strstr(err.text, BROKEN[i].says));
    }
}

/* Damaged vectors are refused or mean something: nothing else, whatever the bytes. */
static void any_bytes_are_refused_or_read(void **state)
{
    uint32_t seed = 7;

    (void)state;
    for (int i = 0; i < 200000; i++) {
        char text[FB_RISK_TEXT_MAX], again[FB_RISK_TEXT_MAX];
        struct fb_risk r;

        memcpy(text, KNOWN[0].text, sizeof text - 1);
        text[sizeof text - 1] = '\0';
        for (int k = 0; k < 2; k++) {
            seed = seed * 1664525u + 1013904223u;
            text[(seed >> 8) % (sizeof text - 1)] = (char)(seed >> 24);
        }
        if (fb_risk_parse(text, &r, NULL) == FB_OK) {
            assert_int_equal(strlen(fb_risk_text(&r, again)), strlen(KNOWN[0].text));
            assert_in_range(tenths(&r), 0, 100);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_known_vectors_score_what_the_specification_says),
        cmocka_unit_test(every_vector_prints_and_reads_back_the_same),
        cmocka_unit_test(raising_one_metric_never_lowers_the_score),
        cmocka_unit_test(the_score_is_the_formula_rounded_up_but_for_a_tenth_in_a_few_vectors),
        cmocka_unit_test(what_is_not_known_counts_as_the_highest),
        cmocka_unit_test(severity_has_the_bands_of_cvss),
        cmocka_unit_test(metrics_may_stand_in_any_order),
        cmocka_unit_test(a_broken_vector_is_told_with_the_part_that_is_wrong),
        cmocka_unit_test(any_bytes_are_refused_or_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* cost_test.c - what the bill says: anomalies, budgets, billing alarms; near misses are only told.
 */
#include "normalize/norm_test.h"

#define ANOMALY                                                                                    \
    "'accountId':'" ACCOUNT "','anomalyId':'a-1','anomalyStartDate':'2026-01-01T00:00:00Z',"       \
    "'anomalyDetailsLink':'https://console.example/a-1','impact':{'totalImpact':1001.5},"          \
    "'monitorArn':'arn:aws:ce::" ACCOUNT ":anomalymonitor/m'"
#define CAUSE                                                                                      \
    ",'rootCauses':[{'linkedAccount':'" STRANGER "','region':'ap-east-1','service':'Amazon EC2'}]"
#define BUDGET(more)                                                                               \
    "{'budgetDisplayName':'monthly','costAmount':150.5,'budgetAmount':100,'currencyCode':'USD',"   \
    "'costIntervalStart':'2026-01-01T00:00:00Z'" more "}"

static struct fb_event enveloped(void **state, const char *source, const char *detail)
{
    struct fb_record r = record_of(*state, json_text(*state, detail));

    r.envelope.present = true;
    r.envelope.id = "delivery-1";
    r.envelope.source = source;
    r.envelope.detail_type = "anything";
    r.envelope.account = ACCOUNT;
    return read_record(*state, &r);
}

static void an_anomaly_names_the_account_that_spends(void **state)
{
    struct fb_event ev = enveloped(state, "aws.ce", "{" ANOMALY CAUSE "}");

    assert_int_equal(ev.kind, FB_EV_FINDING);
    assert_trait(&ev, FB_T_COST_ANOMALY, true);
    assert_string_equal(ev.account, STRANGER);
    assert_string_equal(ev.region, "ap-east-1");
    assert_string_equal(ev.id, "delivery-1");
    assert_string_equal(ev.who.arn, "");
    assert_string_equal(ev.notice,
                        "Cost anomaly: 1001.5 above what was expected, most of it for Amazon EC2.");
}

static void an_anomaly_told_by_sns_reads_alike(void **state)
{
    struct fb_event ev = read_text(*state, "{" ANOMALY "}");

    assert_trait(&ev, FB_T_COST_ANOMALY, true);
    assert_string_equal(ev.account, ACCOUNT);
    assert_string_equal(ev.id, "a-1");
}

static void aws_budgets_plain_text_is_understood(void **state)
{
    struct fb_event ev = read_text(
        *state, "{'Type':'Notification','MessageId':'m-1','Subject':'AWS Budgets: x has exceeded "
                "your alert threshold','TopicArn':'arn:aws:sns:eu-west-1:" STRANGER ":t',"
                "'Timestamp':'2026-01-02T03:04:05Z','Message':'AWS Budget Notification January 02, "
                "2026\\nAWS Account " ACCOUNT "\\n\\nDear AWS Customer,'}");

    assert_trait(&ev, FB_T_COST_ANOMALY, true);
    assert_string_equal(ev.account, ACCOUNT);
    assert_string_equal(ev.id, "m-1");
    assert_int_equal(ev.time_ms, at("2026-01-02T03:04:05Z"));
}

/* Google tells the state of a budget several times a day. */
static void a_budget_counts_once_all_of_it_is_spent_or_will_be(void **state)
{
    struct fb_event spent = read_text(*state, BUDGET(",'alertThresholdExceeded':1.0"));
    struct fb_event soon = read_text(*state, BUDGET(",'forecastThresholdExceeded':1.2"));
    struct fb_event half = read_text(*state, BUDGET(",'alertThresholdExceeded':0.5"));
    struct fb_event none = read_text(*state, BUDGET(""));

    assert_int_equal(spent.provider, FB_GCP);
    assert_trait(&spent, FB_T_COST_ANOMALY, true);
    assert_trait(&soon, FB_T_COST_ANOMALY, true);
    assert_trait(&half, FB_T_COST_ANOMALY, false);
    assert_trait(&none, FB_T_COST_ANOMALY, false);
    assert_string_equal(none.notice, "Budget \"monthly\": 150.50 of 100.00 USD spent.");
}

#define ALARM(namespace, value)                                                                    \
    "{'alarmName':'bill','state':{'value':'" value "','timestamp':'2026-01-02T03:04:05.000+0000'}" \
    ",'configuration':{'metrics':[{'metricStat':{'metric':{'namespace':'" namespace "'}}}]}}"

static void a_billing_alarm_counts_while_it_rings(void **state)
{
    struct fb_event rings = enveloped(state, "aws.cloudwatch", ALARM("AWS/Billing", "ALARM"));
    struct fb_event over = enveloped(state, "aws.cloudwatch", ALARM("AWS/Billing", "OK"));
    struct fb_event other = enveloped(state, "aws.cloudwatch", ALARM("AWS/EC2", "ALARM"));
    struct fb_event by_sns =
        read_text(*state, "{'AlarmName':'bill','AWSAccountId':'" ACCOUNT "','NewStateValue':"
                          "'ALARM','Trigger':{'MetricName':'EstimatedCharges','Namespace':"
                          "'AWS/Billing'}}");

    assert_trait(&rings, FB_T_COST_ANOMALY, true);
    assert_string_equal(rings.account, ACCOUNT);
    assert_trait(&over, FB_T_COST_ANOMALY, false);
    assert_int_equal(over.kind, FB_EV_FINDING);
    assert_trait(&other, FB_T_COST_ANOMALY, false);
    assert_int_equal(other.kind, FB_EV_UNKNOWN);
    assert_trait(&by_sns, FB_T_COST_ANOMALY, true);
    assert_string_equal(by_sns.account, ACCOUNT);
}

static void other_words_about_money_are_not_taken_for_it(void **state)
{
    static const char *const texts[] = {
        "{'Subject':'Re: AWS Budgets: x','Message':'hello'}",
        "{'budgetDisplayName':'monthly'}",
        "{'anomalyId':'a','impact':7}",
        "{'AlarmName':'cpu','Trigger':{'Namespace':'AWS/EC2'}}",
        "{'Subject':7,'Message':['AWS Budget Notification']}",
    };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct fb_event ev = read_text(*state, texts[i]);

        assert_int_equal(ev.kind, FB_EV_UNKNOWN);
        assert_trait(&ev, FB_T_COST_ANOMALY, false);
    }
}

static void wrong_types_in_it_do_no_harm(void **state)
{
    static const char *const texts[] = {
        "{'anomalyId':[],'impact':'much','monitorArn':{},'rootCauses':'x'}",
        "{'budgetDisplayName':7,'costAmount':'a','budgetAmount':[],'alertThresholdExceeded':'1'}",
        "{'Message':'AWS Budget Notification AWS Account ','TopicArn':'arn:'}",
        "{'AlarmName':{},'Trigger':{'Namespace':'AWS/Billing'},'NewStateValue':7}",
    };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct fb_event ev = read_text(*state, texts[i]);

        assert_int_equal(ev.kind, FB_EV_FINDING);
        assert_true(strlen(ev.notice) > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FB_TEST(an_anomaly_names_the_account_that_spends),
        FB_TEST(an_anomaly_told_by_sns_reads_alike),
        FB_TEST(aws_budgets_plain_text_is_understood),
        FB_TEST(a_budget_counts_once_all_of_it_is_spent_or_will_be),
        FB_TEST(a_billing_alarm_counts_while_it_rings),
        FB_TEST(other_words_about_money_are_not_taken_for_it),
        FB_TEST(wrong_types_in_it_do_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

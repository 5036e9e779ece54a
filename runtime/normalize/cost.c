/* cost.c - what the bill says: budgets and cost anomalies of both clouds. Hours late and about no
 * identity: it corroborates, no more.
 * From: AWS Cost Management user guide, "Getting started with AWS Cost Anomaly Detection" (SNS and
 *       EventBridge) and AWS Budgets (SNS, plain text); CloudWatch, alarm events and messages;
 *       Cloud Billing, "Programmatic notifications" (Pub/Sub). */
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "ingest/ingest.h"
#include "normalize/norm_in.h"

enum { WORDS_MAX = 300 }; /* of a notification's text, for people */

/* An anomaly, as EventBridge's detail or as the text of an SNS message. */
static bool is_anomaly(const struct fb_json *doc)
{
    return fb_json_get(doc, "anomalyId") && fb_json_get(doc, "impact") &&
           (fb_json_get(doc, "monitorArn") || fb_json_get(doc, "anomalyDetailsLink"));
}

static bool is_budget(const struct fb_json *doc)
{
    return fb_json_get(doc, "budgetDisplayName") && fb_json_get(doc, "costAmount") &&
           fb_json_get(doc, "budgetAmount");
}

/* AWS Budgets writes text; the object is SNS's. */
static bool is_budget_text(const struct fb_json *doc)
{
    return fb_starts(fb_json_get_str(doc, "Message"), "AWS Budget Notification") ||
           fb_starts(fb_json_get_str(doc, "Subject"), "AWS Budgets: ");
}

/* The metric of estimated charges, in an alarm's event or in its SNS message. */
static bool is_billing_metric(const struct fb_json *metric)
{
    return fb_eq(fb_json_str(fb_norm_field(metric, "namespace")), "AWS/Billing");
}

static bool is_alarm_event(const struct fb_record *r)
{
    const struct fb_json *list = fb_json_path(r->doc, "configuration.metrics");

    if (!r->envelope.present || !fb_eq(r->envelope.source, "aws.cloudwatch"))
        return false;
    for (size_t i = 0, n = fb_norm_len(list); i < n; i++)
        if (is_billing_metric(fb_json_path(fb_norm_at(list, i), "metricStat.metric")))
            return true;
    return false;
}

static bool is_alarm_message(const struct fb_json *doc)
{
    return fb_json_get(doc, "AlarmName") && is_billing_metric(fb_json_get(doc, "Trigger"));
}

bool fb_norm_is_cost(const struct fb_record *r)
{
    return is_anomaly(r->doc) || is_budget(r->doc) || is_budget_text(r->doc) ||
           is_alarm_message(r->doc) || is_alarm_event(r);
}

static void read_anomaly(struct fb_arena *a, const struct fb_json *doc, struct fb_event *ev)
{
    const struct fb_json *cause = fb_norm_at(fb_json_get(doc, "rootCauses"), 0);
    const char *linked = fb_norm_field_id(a, cause, "linkedAccount");
    const char *service = fb_norm_field_id(a, cause, "service");

    ev->service = "ce";
    ev->action = "CostAnomaly";
    /* One anomaly is told again as it grows. */
    if (!*ev->id)
        ev->id = fb_norm_field_id(a, doc, "anomalyId");
    ev->account =
        fb_norm_is_account(linked) ? linked : fb_norm_id(a, fb_json_get(doc, "accountId"));
    ev->region = fb_norm_field_id(a, cause, "region");
    ev->target_id = fb_json_get_str(doc, "monitorArn");
    ev->notice = fb_arena_fmt(a, "Cost anomaly: %.1f above what was expected%s%s.",
                              fb_json_num(fb_json_path(doc, "impact.totalImpact"), 0),
                              *service ? ", most of it for " : "", service);
    ev->traits |= FB_NORM_BIT(FB_T_COST_ANOMALY);
}

/* Told several times a day, whatever was spent: it counts when a threshold is crossed. */
static void read_budget(struct fb_arena *a, const struct fb_json *doc, struct fb_event *ev)
{
    const char *name = fb_json_get_str(doc, "budgetDisplayName");
    double spent = fb_json_num(fb_json_get(doc, "costAmount"), 0);
    double budget = fb_json_num(fb_json_get(doc, "budgetAmount"), 0);
    const char *currency = fb_json_get_str(doc, "currencyCode");

    ev->provider = FB_GCP;
    ev->service = "billingbudgets";
    ev->action = "BudgetNotification";
    ev->target_id = name;
    ev->notice =
        fb_arena_fmt(a, "Budget \"%s\": %.2f of %.2f %s spent.", name, spent, budget, currency);
    if (fb_json_num(fb_json_get(doc, "alertThresholdExceeded"), 0) >= 1 ||
        fb_json_num(fb_json_get(doc, "forecastThresholdExceeded"), 0) >= 1)
        ev->traits |= FB_NORM_BIT(FB_T_COST_ANOMALY);
}

static void read_budget_text(struct fb_arena *a, const struct fb_json *doc, struct fb_event *ev)
{
    const char *text = fb_json_get_str(doc, "Message");
    const char *at = strstr(text, "AWS Account ");
    struct fb_arn topic;

    ev->service = "budgets";
    ev->action = "BudgetNotification";
    if (at)
        ev->account = fb_arena_strn(a, at + 12, strspn(at + 12, "0123456789"));
    if (!fb_norm_is_account(ev->account) &&
        fb_arn_split(a, fb_json_get_str(doc, "TopicArn"), &topic))
        ev->account = topic.account;
    if (!*ev->id)
        ev->id = fb_json_get_str(doc, "MessageId");
    fb_norm_time(fb_json_get(doc, "Timestamp"), &ev->time_ms);
    ev->target_id = fb_json_get_str(doc, "Subject");
    ev->notice = fb_arena_strn(a, text, strnlen(text, WORDS_MAX));
    ev->traits |= FB_NORM_BIT(FB_T_COST_ANOMALY);
}

static void read_alarm(struct fb_arena *a, const struct fb_json *doc, struct fb_event *ev)
{
    const char *state = fb_json_path_str(doc, "state.value");
    const char *name = fb_json_get_str(doc, "alarmName");

    if (!*state)
        state = fb_json_get_str(doc, "NewStateValue");
    if (!*name)
        name = fb_json_get_str(doc, "AlarmName");
    ev->service = "cloudwatch";
    ev->action = "BillingAlarm";
    ev->account = fb_norm_id(a, fb_json_get(doc, "AWSAccountId"));
    ev->target_id = name;
    if (!fb_norm_time(fb_json_path(doc, "state.timestamp"), &ev->time_ms))
        fb_norm_time(fb_json_get(doc, "StateChangeTime"), &ev->time_ms);
    ev->notice = fb_arena_fmt(a, "Billing alarm \"%s\" is %s.", name, state);
    if (fb_eq(state, "ALARM"))
        ev->traits |= FB_NORM_BIT(FB_T_COST_ANOMALY);
}

void fb_norm_cost(struct fb_arena *a, const struct fb_record *r, struct fb_event *ev)
{
    ev->provider = FB_AWS;
    ev->kind = FB_EV_FINDING;
    if (r->envelope.present)
        ev->id = r->envelope.id;
    if (is_anomaly(r->doc))
        read_anomaly(a, r->doc, ev);
    else if (is_budget(r->doc))
        read_budget(a, r->doc, ev);
    else if (is_budget_text(r->doc))
        read_budget_text(a, r->doc, ev);
    else
        read_alarm(a, r->doc, ev);
}

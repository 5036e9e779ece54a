/* health.c - AWS Health events: the provider's own word that a key is public or abused.
 * From: AWS Health user guide, "EventBridge schema"; codes seen in the field. */
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "ingest/ingest.h"
#include "normalize/norm_in.h"

/* Every code of service RISK speaks of credentials or of an account in wrong hands. */
#define RISK_CODE "AWS_RISK_"

bool fb_norm_is_health(const struct fb_record *r)
{
    if (r->envelope.present && fb_starts(r->envelope.detail_type, "AWS Health"))
        return true;
    return fb_json_get(r->doc, "eventTypeCode") &&
           (fb_json_get(r->doc, "eventTypeCategory") || fb_json_get(r->doc, "affectedEntities") ||
            fb_json_get(r->doc, "eventScopeCode"));
}

static bool is_key_id(const char *s)
{
    size_t len = strlen(s);

    /* AKIA long-lived, ASIA session; placeholders in AWS's own samples are shorter than 20. */
    return (fb_starts(s, "AKIA") || fb_starts(s, "ASIA")) && len >= 8 && len <= 128 &&
           strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == len;
}

/* The envelope's resources[]: the record was cut out of it, so it is read again, and only when the
 * notice itself names no key. */
static const char *key_of_envelope(struct fb_arena *a, const struct fb_record *r)
{
    const struct fb_json *whole = NULL, *list;
    unsigned odd = 0;

    if (!r->envelope.present || !r->bytes ||
        fb_json_parse(a, r->bytes, r->len, &odd, &whole, NULL) != FB_OK)
        return "";
    list = fb_json_get(whole, "resources");
    for (size_t i = 0, n = fb_norm_len(list); i < n; i++)
        if (is_key_id(fb_json_str(fb_norm_at(list, i))))
            return fb_json_str(fb_norm_at(list, i));
    return "";
}

/* The key, wherever it stands; *other gets the first affected entity that is no key. */
static const char *find_key(struct fb_arena *a, const struct fb_record *r, const char **other)
{
    const struct fb_json *list = fb_json_get(r->doc, "affectedEntities");
    const char *key = fb_json_path_str(r->doc, "eventMetadata.publicKey");

    *other = "";
    for (size_t i = 0, n = fb_norm_len(list); i < n; i++) {
        const char *value = fb_norm_field_id(a, fb_norm_at(list, i), "entityValue");

        if (!*key && is_key_id(value))
            key = value;
        else if (!**other && !is_key_id(value))
            *other = value;
    }
    return *key ? key : key_of_envelope(a, r);
}

static const char *words_of(const struct fb_json *doc)
{
    const struct fb_json *list = fb_json_get(doc, "eventDescription");
    const char *first = "";

    for (size_t i = 0, n = fb_norm_len(list); i < n; i++) {
        const struct fb_json *d = fb_norm_at(list, i);
        const char *words = fb_json_get_str(d, "latestDescription");

        if (fb_starts(fb_json_get_str(d, "language"), "en") && *words)
            return words;
        if (!*first)
            first = words;
    }
    return first;
}

static const char *account_of(struct fb_arena *a, const struct fb_record *r)
{
    /* Seen in the field: the key id in affectedAccount. */
    const char *account = fb_norm_id(a, fb_json_get(r->doc, "affectedAccount"));

    if (fb_norm_is_account(account))
        return account;
    return fb_norm_path_id(a, r->doc, "eventMetadata.accountId");
}

static void read_accused(struct fb_arena *a, const struct fb_record *r, struct fb_event *ev)
{
    struct fb_principal *who = &ev->who;
    const char *account = *ev->account || !r->envelope.present ? ev->account : r->envelope.account;
    struct fb_arn arn;

    who->credential = find_key(a, r, &ev->target_id);
    who->name = fb_norm_path_id(a, r->doc, "eventMetadata.userName");
    who->account = account;
    if (fb_arn_split(a, ev->target_id, &arn) && fb_starts(arn.resource, "user/")) {
        who->arn = ev->target_id;
        if (!*who->name)
            who->name = fb_norm_after_last(arn.resource, '/');
    } else if (*who->name && *account) {
        who->arn = fb_arena_fmt(a, "arn:aws:iam::%s:user/%s", account, who->name);
    }
    if (*who->name)
        who->kind = FB_WHO_USER;
    else if (*who->credential)
        who->kind = FB_WHO_CREDENTIAL;
    ev->target_user = who->name;
    ev->target_key = who->credential;
}

void fb_norm_health(struct fb_arena *a, const struct fb_record *r, struct fb_event *ev)
{
    const struct fb_json *doc = r->doc;

    ev->provider = FB_AWS;
    ev->kind = FB_EV_CALL;
    ev->service = "health";
    ev->action = fb_json_get_str(doc, "eventTypeCode");
    ev->account = account_of(a, r);
    ev->region = fb_norm_id(a, fb_json_get(doc, "eventRegion"));
    ev->notice = words_of(doc);
    if (!fb_norm_time(fb_json_get(doc, "lastUpdatedTime"), &ev->time_ms))
        fb_norm_time(fb_json_get(doc, "startTime"), &ev->time_ms);
    if (!fb_starts(ev->action, RISK_CODE)) {
        const struct fb_json *first = fb_norm_at(fb_json_get(doc, "affectedEntities"), 0);

        ev->who.kind = FB_WHO_SERVICE;
        ev->who.invoked_by = "health.amazonaws.com";
        ev->target_id = fb_norm_field_id(a, first, "entityValue");
        return;
    }
    ev->kind = FB_EV_LEAK_NOTICE;
    ev->traits |= FB_NORM_BIT(FB_T_LEAK_NOTICE);
    ev->exposed_at = fb_norm_path_id(a, doc, "eventMetadata.exposedUrl");
    if (!*ev->exposed_at)
        ev->exposed_at = fb_norm_path_id(a, doc, "eventMetadata.exposedLocation");
    read_accused(a, r, ev);
}

/* blank_event.h - an fb_event in which every string is "": tests fill in what they are about. */
#ifndef FB_BLANK_EVENT_H
#define FB_BLANK_EVENT_H
#include <stdint.h>
#include <string.h>

#include "normalize/event.h"

/* 2026-01-05T00:00:00Z, a Monday. */
#define T0_MS INT64_C(1767571200000)
#ifndef DAY_MS
#define SECOND_MS INT64_C(1000)
#define MINUTE_MS INT64_C(60000)
#define HOUR_MS   INT64_C(3600000)
#define DAY_MS    INT64_C(86400000)
#endif

static inline struct fb_principal blank_principal(void)
{
    struct fb_principal who;

    memset(&who, 0, sizeof who);
    who.arn = who.id = who.account = who.name = who.credential = "";
    who.issuer_arn = who.issuer_kind = who.issuer_name = who.session = "";
    who.source_identity = who.invoked_by = who.idp = who.subject = "";
    return who;
}

static inline struct fb_event blank_event(const char *id, int64_t time_ms)
{
    struct fb_event ev;

    memset(&ev, 0, sizeof ev);
    ev.id = id;
    ev.time_ms = time_ms;
    ev.provider = FB_AWS;
    ev.kind = FB_EV_CALL;
    ev.account = "111122223333";
    ev.region = "us-east-1";
    ev.service = ev.action = ev.error = ev.ip = ev.agent = "";
    ev.who = blank_principal();
    ev.who.account = ev.account;
    ev.launch.type = ev.launch.template_id = ev.launch.template_name = ev.launch.profile_arn = "";
    ev.mint.credential = ev.mint.role_arn = ev.mint.session_arn = ev.mint.session = "";
    ev.mint.source_identity = "";
    ev.target_user = ev.target_role = ev.target_key = ev.target_policy = ev.target_id = "";
    ev.shared_id = ev.notice = ev.exposed_at = "";
    ev.launch.zone = ev.launch.image = ev.launch.gpu_type = "";
    ev.launch.group = ev.launch.within = "";
    ev.outsider = ev.operation = ev.trigger = "";
    return ev;
}

static inline void by_user(struct fb_event *ev, const char *arn, const char *name, const char *key)
{
    ev->who.kind = FB_WHO_USER;
    ev->who.arn = arn;
    ev->who.name = name;
    ev->who.credential = key;
}

static inline void by_role(struct fb_event *ev, const char *session_arn, const char *role_arn,
                           const char *session, const char *key)
{
    ev->who.kind = FB_WHO_ROLE_SESSION;
    ev->who.arn = session_arn;
    ev->who.issuer_arn = role_arn;
    ev->who.issuer_kind = "Role";
    ev->who.session = session;
    ev->who.credential = key;
}

#endif

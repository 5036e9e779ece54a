/* norm_in.h - what the files of this room share: readers that bear any shape, and who does what.
 *
 * Reading never fails loudly: a missing or wrongly typed field reads as "", 0 or absent. AWS writes
 * the same thing in several dialects (camelCase, Capitalised, {"items": [...]}, {"item": ...}, one
 * object instead of a list of one): these readers know them all, so that no other file has to. */
#ifndef FB_NORM_IN_H
#define FB_NORM_IN_H
#include <string.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "normalize/event.h"

struct fb_arena;
struct fb_record;

enum {
    FB_NORM_ITEMS_MAX = 4096,   /* elements of one list that are looked at */
    FB_NORM_COUNT_MAX = 1000000 /* the largest number of machines that is believed */
};

#define FB_NORM_BIT(t) (UINT64_C(1) << (t))

/* ---- read.c: fields ---- */

/* The member `name`, else the one with its first letter capitalised; NULL when neither is there. */
const struct fb_json *fb_norm_field(const struct fb_json *object, const char *name);
/* The same along "a.b.c". */
const struct fb_json *fb_norm_path(const struct fb_json *v, const char *dotted);
/* Text of a string or a whole number (account ids come as both); "" for anything else. */
const char *fb_norm_id(struct fb_arena *a, const struct fb_json *v);
const char *fb_norm_field_id(struct fb_arena *a, const struct fb_json *object, const char *name);
const char *fb_norm_path_id(struct fb_arena *a, const struct fb_json *v, const char *dotted);
/* A boolean that may also be text or {"value": ...}; `otherwise` when it is neither. */
bool fb_norm_flag(const struct fb_json *v, bool otherwise);
/* A whole number in 0..FB_NORM_COUNT_MAX (clamped), also as text; `otherwise` when it is none. */
int64_t fb_norm_number(const struct fb_json *v, int64_t otherwise);

/* Lists in all dialects; a lone object or scalar is a list of one, {} and null are empty. */
size_t fb_norm_len(const struct fb_json *list);
const struct fb_json *fb_norm_at(const struct fb_json *list, size_t i);

/* ISO, "Oct 2, 2019, 11:12:29 PM" (with or without the second comma), RFC 1123, epoch seconds or
 * milliseconds. False when unreadable; *ms is untouched then. */
bool fb_norm_time(const struct fb_json *v, int64_t *ms);

bool fb_norm_is_account(const char *s); /* twelve digits */
/* `s` against `pattern`, in which '*' stands for any text. */
bool fb_norm_like(const char *s, const char *pattern);
/* `needle` in `s`, ASCII case ignored, with no letter right before or after it. */
bool fb_norm_has_word(const char *s, const char *needle);
/* After the last `c` in s; "" when there is none. */
const char *fb_norm_after_last(const char *s, char c);

/* ---- the recognisers, called by normalize.c ---- */

bool fb_norm_is_cloudtrail(const struct fb_record *r);
void fb_norm_cloudtrail(struct fb_arena *a, const struct fb_record *r, struct fb_event *ev);
bool fb_norm_is_health(const struct fb_record *r);
void fb_norm_health(struct fb_arena *a, const struct fb_record *r, struct fb_event *ev);
bool fb_norm_is_guardduty(const struct fb_record *r);
void fb_norm_guardduty(struct fb_arena *a, const struct fb_record *r, struct fb_event *ev);

bool fb_norm_is_asff(const struct fb_record *r);
void fb_norm_asff(struct fb_arena *a, const struct fb_record *r, struct fb_event *ev);
bool fb_norm_is_cost(const struct fb_record *r);
void fb_norm_cost(struct fb_arena *a, const struct fb_record *r, struct fb_event *ev);
bool fb_norm_is_gcp_audit(const struct fb_record *r);
void fb_norm_gcp_audit(struct fb_arena *a, const struct fb_record *r, struct fb_event *ev);
bool fb_norm_is_gcp_abuse(const struct fb_record *r);
void fb_norm_gcp_abuse(struct fb_arena *a, const struct fb_record *r, struct fb_event *ev);
bool fb_norm_is_gcp_finding(const struct fb_record *r);
void fb_norm_gcp_finding(struct fb_arena *a, const struct fb_record *r, struct fb_event *ev);

/* guardduty.c: what a finding's type means, as a trait's bit; 0 for most types. */
uint64_t fb_norm_finding_family(const char *type);
/* guardduty.c: fills ev->who from what a finding tells of its accused: the user type ("IAMUser"),
 * the name, and who.id and who.credential, which are set before. */
void fb_norm_accuse(struct fb_arena *a, const char *partition, const char *type, const char *name,
                    struct fb_event *ev);
/* guardduty.c: the id of an event that a finding with this id makes. */
const char *fb_norm_finding_id(struct fb_arena *a, const struct fb_record *r, const char *own);
/* cloudtrail.c: the agent names a tool of intruders. */
bool fb_norm_agent_is_offensive(const char *agent);

/* ---- aws_identity.c ---- */

/* Reads userIdentity; *who starts with all strings "". Any JSON value is borne. */
void fb_norm_identity(struct fb_arena *a, const struct fb_json *identity, struct fb_principal *who);
/* What follows from the fields that both userIdentity and a finding give: names out of the ARN, the
 * session out of the principal id, Identity Center's roles, machines' own roles. */
void fb_norm_identity_derive(struct fb_arena *a, struct fb_principal *who);

/* ---- aws_actions.c and its refinements ---- */

/* One API call being read. */
struct fb_norm_call {
    struct fb_arena *a;
    const struct fb_json *doc;
    const struct fb_json *request;  /* requestParameters, unwrapped from {"XRequest": {...}} */
    const struct fb_json *response; /* responseElements, unwrapped likewise */
    struct fb_event *ev;
};

static inline void fb_norm_set(struct fb_norm_call *c, enum fb_trait t)
{
    c->ev->traits |= FB_NORM_BIT(t);
}

/* The trait, and the first outsider that it is about. */
static inline void fb_norm_let_in(struct fb_norm_call *c, enum fb_trait t, const char *outsider)
{
    fb_norm_set(c, t);
    if (!*c->ev->outsider)
        c->ev->outsider = outsider;
    else if (strcmp(c->ev->outsider, outsider) != 0)
        c->ev->more_outsiders = true;
}

/* Looks the call up in the table of actions; sets traits, launch, mint, made. */
void fb_norm_action(struct fb_norm_call *c);

/* Space for `n` things made (fewer at the arena's ceiling); returns where to write, counts them
 * all. */
struct fb_made *fb_norm_made(struct fb_norm_call *c, size_t *n);
/* One thing made, when the call succeeded and id is not "". */
void fb_norm_made_one(struct fb_norm_call *c, const char *kind, const char *id, const char *owner,
                      const char *region);

/* aws_launch.c: how many machines of which type. */
void fb_norm_run_instances(struct fb_norm_call *c);
void fb_norm_fleet(struct fb_norm_call *c);
void fb_norm_spot_request(struct fb_norm_call *c);
void fb_norm_ecs_task(struct fb_norm_call *c);
void fb_norm_ecs_service(struct fb_norm_call *c);
void fb_norm_scaling_group(struct fb_norm_call *c);
void fb_norm_node_group(struct fb_norm_call *c);
void fb_norm_launch_template(struct fb_norm_call *c);
void fb_norm_instance_attribute(struct fb_norm_call *c);
void fb_norm_task_definition(struct fb_norm_call *c);
void fb_norm_machine_profile(struct fb_norm_call *c);

/* aws_group.c: the group that the call makes, grows or launches for; after all else of it is read.
 */
void fb_norm_group(struct fb_norm_call *c);

/* aws_iam.c: identities, keys, grants, trust, fresh credentials. */
void fb_norm_create_user(struct fb_norm_call *c);
void fb_norm_create_role(struct fb_norm_call *c);
void fb_norm_create_key(struct fb_norm_call *c);
void fb_norm_key_status(struct fb_norm_call *c);
void fb_norm_login_profile(struct fb_norm_call *c);
void fb_norm_attach_policy(struct fb_norm_call *c);
void fb_norm_detach_policy(struct fb_norm_call *c);
void fb_norm_add_to_group(struct fb_norm_call *c);
void fb_norm_inline_policy(struct fb_norm_call *c);
void fb_norm_policy_document(struct fb_norm_call *c);
void fb_norm_trust(struct fb_norm_call *c);
void fb_norm_mint(struct fb_norm_call *c);
void fb_norm_federation(struct fb_norm_call *c);
void fb_norm_assume_root(struct fb_norm_call *c);

/* aws_share.c: data handed to strangers. */
void fb_norm_share_image(struct fb_norm_call *c);
void fb_norm_share_db(struct fb_norm_call *c);
void fb_norm_share_policy(struct fb_norm_call *c);
void fb_norm_share_acl(struct fb_norm_call *c);
void fb_norm_share_ram(struct fb_norm_call *c);
void fb_norm_share_attribute(struct fb_norm_call *c);
void fb_norm_share_accounts(struct fb_norm_call *c);
void fb_norm_share_replica(struct fb_norm_call *c);

/* aws_expose.c: what is opened to others, and which watch is switched off. */
void fb_norm_function_created(struct fb_norm_call *c);
void fb_norm_function_url(struct fb_norm_call *c);
void fb_norm_function_permission(struct fb_norm_call *c);
void fb_norm_function_layers(struct fb_norm_call *c);
void fb_norm_notebook_start(struct fb_norm_call *c);
void fb_norm_run_document(struct fb_norm_call *c);
void fb_norm_ingress(struct fb_norm_call *c);
void fb_norm_ingress_rules(struct fb_norm_call *c);
void fb_norm_user_data_read(struct fb_norm_call *c);
void fb_norm_bucket_logging(struct fb_norm_call *c);
void fb_norm_log_group(struct fb_norm_call *c);
void fb_norm_cluster_logging(struct fb_norm_call *c);
void fb_norm_org_service(struct fb_norm_call *c);
void fb_norm_trail_update(struct fb_norm_call *c);
void fb_norm_event_selectors(struct fb_norm_call *c);
void fb_norm_lifecycle(struct fb_norm_call *c);
void fb_norm_detector_update(struct fb_norm_call *c);
void fb_norm_finding_filter(struct fb_norm_call *c);
void fb_norm_macie_update(struct fb_norm_call *c);
void fb_norm_support_case(struct fb_norm_call *c);
void fb_norm_parameter_read(struct fb_norm_call *c);

/* ---- aws_policy.c: policy documents ---- */

/* A policy as an object, as JSON text or as URL-encoded JSON text; NULL when it is none of these.
 */
const struct fb_json *fb_norm_policy(struct fb_arena *a, const struct fb_json *v);
/* Allow of everything, or of all of IAM, on every resource. */
bool fb_norm_policy_is_admin(const struct fb_json *policy);
/* The first principal outside `account` that the policy allows something ("*" for anybody); "" when
 * there is none. With org_is_inside, "anybody" narrowed by aws:PrincipalOrgID does not count;
 * *more becomes true when there is another one. `account` "" leaves only "anybody". */
const char *fb_norm_policy_outsider(struct fb_arena *a, const struct fb_json *policy,
                                    const char *account, bool org_is_inside, bool *more);
/* One principal of a policy ("*", account id, ARN, service): outside the account? */
bool fb_norm_principal_is_external(struct fb_arena *a, const char *principal, const char *account);

#endif

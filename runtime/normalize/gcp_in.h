/* gcp_in.h - what the files that read Google's records share. */
#ifndef FB_GCP_IN_H
#define FB_GCP_IN_H
#include "normalize/norm_in.h"

/* One audit entry being read. */
struct fb_gcp_call {
    struct fb_norm_call c;         /* doc is the LogEntry; request and response are the payload's */
    const struct fb_json *payload; /* the AuditLog */
    const char *resource;          /* payload.resourceName */
    const char *zone;              /* "us-central1-a"; "" when regional or unknown */
};

/* ---- gcp_identity.c ---- */

/* "user:Alice@Example.com", "serviceAccount:x@y", "deleted:...?uid=1" or a bare name -> the one
 * form: bare, lower case; names of pools (principal://...) as they are. "" for "". */
const char *fb_gcp_identity(struct fb_arena *a, const char *member);
/* What such an identity is; `prefixed` is the form with the provider's prefix, or "". */
enum fb_who fb_gcp_who(const char *identity, const char *prefixed);
/* One of Google's own agents, by name. An entry that tells a key is never an agent's: nobody can
 * make keys for those. */
bool fb_gcp_is_agent(const char *email);
/* The project in "x@PROJECT.iam.gserviceaccount.com"; "" for others. */
const char *fb_gcp_home_project(struct fb_arena *a, const char *email);
/* A mail domain where anybody gets an address. */
bool fb_gcp_is_consumer(const char *email);
/* Reads an authenticationInfo, or the like-named fields of a finding's access, into ev->who. */
void fb_gcp_read_who(struct fb_arena *a, const struct fb_json *auth, const char *cluster,
                     struct fb_event *ev);

/* ---- gcp_audit.c ---- */

/* "projects/P/zones/Z/instances/I", "zones" -> "Z"; "" when it is not there. */
const char *fb_gcp_segment(struct fb_arena *a, const char *resource, const char *collection);
/* "us-central1-a" -> "us-central1"; "global" -> "". */
const char *fb_gcp_region(struct fb_arena *a, const char *location);
/* The last piece of a URL or name: "zones/z/machineTypes/n2-standard-4" -> "n2-standard-4". */
const char *fb_gcp_leaf(const char *name);

/* ---- gcp_actions.c ---- */

/* Looks the call up in the table of actions; sets traits, launch, mint, made. */
void fb_gcp_action(struct fb_gcp_call *g);

/* gcp_launch.c: machines, their types, their number. */
void fb_gcp_insert(struct fb_gcp_call *g);
void fb_gcp_bulk_insert(struct fb_gcp_call *g);
void fb_gcp_template(struct fb_gcp_call *g);
void fb_gcp_group(struct fb_gcp_call *g);
void fb_gcp_node_pool(struct fb_gcp_call *g);
void fb_gcp_managed(struct fb_gcp_call *g);
void fb_gcp_deletion_protection(struct fb_gcp_call *g);

/* gcp_iam.c: bindings, accounts, keys, fresh tokens; what is opened and switched off. */
void fb_gcp_policy(struct fb_gcp_call *g);
void fb_gcp_member(struct fb_gcp_call *g);
void fb_gcp_service_account(struct fb_gcp_call *g);
void fb_gcp_key(struct fb_gcp_call *g);
void fb_gcp_hmac_key(struct fb_gcp_call *g);
void fb_gcp_mint(struct fb_gcp_call *g);
void fb_gcp_machine_account(struct fb_gcp_call *g);
void fb_gcp_metadata(struct fb_gcp_call *g);
void fb_gcp_firewall(struct fb_gcp_call *g);
void fb_gcp_flow_logs(struct fb_gcp_call *g);
void fb_gcp_log_bucket(struct fb_gcp_call *g);
void fb_gcp_detector(struct fb_gcp_call *g);
void fb_gcp_enable_service(struct fb_gcp_call *g);
void fb_gcp_disable_service(struct fb_gcp_call *g);
void fb_gcp_our_policy(struct fb_gcp_call *g);
void fb_gcp_cluster_role(struct fb_gcp_call *g);
void fb_gcp_model_call(struct fb_gcp_call *g);
void fb_gcp_dns_policy(struct fb_gcp_call *g);
void fb_gcp_cluster_logging(struct fb_gcp_call *g);
void fb_gcp_notebook(struct fb_gcp_call *g);

#endif

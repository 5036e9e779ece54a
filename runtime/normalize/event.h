/* event.h - one thing that happened, in words that no provider owns.
 *
 * Flat and borrowed: strings belong to the arena given to fb_normalize (or to the record) and are
 * never NULL; "" says "the provider does not tell". Times are Unix milliseconds, 0 unknown.
 * Nothing in here may be trusted: an event accuses, it proves nothing (contain/ asks the cloud). */
#ifndef FB_EVENT_H
#define FB_EVENT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct fb_arena;
struct fb_record;

enum fb_provider { FB_PROVIDER_NONE, FB_AWS, FB_GCP };

enum fb_outcome { FB_OUTCOME_OK, FB_OUTCOME_DENIED, FB_OUTCOME_FAILED };

enum fb_event_kind {
    FB_EV_UNKNOWN,     /* any JSON object that we do not know: observed, score 0 */
    FB_EV_CALL,        /* an API call (or a service event) */
    FB_EV_SIGN_IN,     /* console sign-in */
    FB_EV_LEAK_NOTICE, /* the provider says that a credential is public or abused */
    FB_EV_FINDING      /* a detector's finding (GuardDuty, Security Hub, Security Command Center) */
};

/* Who the provider names. */
enum fb_who {
    FB_WHO_UNKNOWN,
    FB_WHO_ROOT,         /* the account's root user */
    FB_WHO_USER,         /* IAM user, also with a GetSessionToken key */
    FB_WHO_ROLE_SESSION, /* AssumedRole */
    FB_WHO_ROLE,         /* type Role */
    FB_WHO_FEDERATED,    /* FederatedUser: issuer is the IAM user (or root) */
    FB_WHO_WEB_IDENTITY, /* only on AssumeRoleWithWebIdentity */
    FB_WHO_SAML,         /* only on AssumeRoleWithSAML */
    FB_WHO_IDENTITY_CENTER,
    FB_WHO_ACCOUNT, /* AWSAccount: somebody in another account */
    FB_WHO_SERVICE, /* AWSService */
    FB_WHO_DIRECTORY,
    FB_WHO_CREDENTIAL,     /* a notice that names nothing but a key */
    FB_WHO_SERVICE_ACCOUNT /* Google: a customer's own (Google's own agents are FB_WHO_SERVICE) */
};

/* Google identities have one form everywhere: the bare e-mail in lower case, of people and of
 * service accounts alike ("alice@example.com", never "user:alice@example.com"); who comes from an
 * identity pool is a principal:// name. It stands in who.arn, and so in root and chain. A service
 * account's key id stands in who.credential. */

/* One link of Google's serviceAccountDelegationInfo. */
struct fb_delegate {
    enum fb_who kind;     /* FB_WHO_UNKNOWN: the provider hides who it was */
    const char *identity; /* as who.arn; "" when hidden */
};

struct fb_principal {
    enum fb_who kind;
    const char *arn;
    const char *id; /* AIDA..., AROA...:session, provider:subject */
    const char *account;
    const char *name;       /* user name; role name for role sessions' issuer is issuer_name */
    const char *credential; /* access key id: AKIA..., ASIA... */
    const char *issuer_arn, *issuer_kind, *issuer_name; /* sessionContext.sessionIssuer */
    const char *session;                                /* role session name; federated user name */
    int64_t session_ms;                                 /* when the session began */
    bool mfa;
    const char *source_identity; /* survives role chaining, cannot change in a session */
    const char *invoked_by;      /* a service acting for the principal */
    const char *idp, *subject;   /* identity provider and who it named (web identity, SAML, SSO) */
    bool instance_role;          /* credentials handed to a machine (ec2RoleDelivery, session i-...;
                                    Google: the token came from one of Google's agents) */
    const struct fb_delegate *delegates; /* who stands behind a service account: original identity
                                            first, without Google's agents; NULL when nobody */
    size_t delegate_count;
};

/* What the action does, as bits that signals ask for. A provider's event names map to these in one
 * const table (aws_actions.c); parameters refine them. A bit says what was tried; the outcome says
 * whether it worked. */
enum fb_trait {
    FB_T_READ = 0,        /* changes nothing; never on calls that mint or that start compute */
    FB_T_COMPUTE_CREATE,  /* creates or grows billable compute */
    FB_T_LAUNCH,          /* ... and ev->launch says how much (not on resizes: see fb_launch) */
    FB_T_DRY_RUN,         /* DryRun: rights were probed */
    FB_T_QUOTA_ERROR,     /* a limit, verification or opt-in stopped it */
    FB_T_CAPACITY_ERROR,  /* the provider had no room */
    FB_T_TERM_PROTECT,    /* asks for termination or stop protection */
    FB_T_MAX_COUNT,       /* asks for >= 10 machines at once (fleets: >= 20) */
    FB_T_GROUP_BLOWUP,    /* scaling group to max >= 100 or desired >= 20 */
    FB_T_NEW_IDENTITY,    /* creates a user */
    FB_T_NEW_ROLE,        /* creates a role */
    FB_T_KEY_FOR_OTHER,   /* creates an access key for somebody else */
    FB_T_LOGIN_PROFILE,   /* creates or changes somebody else's console password */
    FB_T_ADMIN_GRANT,     /* AdministratorAccess, or Allow * on * */
    FB_T_EXTERNAL_TRUST,  /* trust, function policy: a principal outside this account */
    FB_T_IDP_BACKDOOR,    /* OIDC or SAML provider, Roles Anywhere anchor */
    FB_T_PUBLIC_FUNCTION, /* function URL without auth, or invoke for * */
    FB_T_OPEN_ADMIN_PORT, /* 22 or 3389 to the world */
    FB_T_KEYPAIR,         /* CreateKeyPair, ImportKeyPair */
    FB_T_ORG_ACCOUNT,     /* CreateAccount, InviteAccountToOrganization */
    FB_T_LOG_TAMPER,
    FB_T_DETECTOR_TAMPER,
    FB_T_LEAVE_ORG,
    FB_T_REGION_ENABLE,
    FB_T_MFA_REMOVE,
    FB_T_SELF_CLEANUP,  /* LookupEvents, deleting users */
    FB_T_DENY_REMOVED,  /* removes a policy that carries Firebreak's name, or re-enables a key */
    FB_T_SENSOR_TAMPER, /* touches a resource that carries Firebreak's name */
    FB_T_QUARANTINE_POLICY, /* AWSCompromisedKeyQuarantine* attached: AWS itself says leaked */
    FB_T_LEAK_NOTICE,
    FB_T_VENDOR_CREDENTIAL, /* findings, by family */
    FB_T_VENDOR_CRYPTO,
    FB_T_VENDOR_SEQUENCE,
    FB_T_VENDOR_ANOMALY,
    FB_T_FEDERATION_TOKEN, /* GetFederationToken, GetSigninToken by an IAM user */
    FB_T_MINT, /* asks for a fresh credential; ev->mint holds it when the call succeeded */
    FB_T_CALLER_IDENTITY,
    FB_T_QUOTA_READ, /* GetServiceQuota, DescribeAccountAttributes, ... */
    FB_T_QUOTA_ASK,  /* asks for a higher limit */
    FB_T_OFFENSIVE_UA,
    FB_T_ROOT_ACTIVITY, /* the root user changes something or signs in */
    FB_T_CONSOLE_NO_MFA,
    FB_T_DATA_SHARED_OUT,
    FB_T_COMMITMENT, /* reserved instances, savings plans: nothing undoes it */
    FB_T_MAIL_OR_LLM_PROBE,
    FB_T_PERMISSION_PROBE,
    FB_T_CODE_OVERWRITE,     /* a function's code, a machine's start script replaced */
    FB_T_REMOTE_EXEC,        /* a shell or command on somebody's machine or container */
    FB_T_SECRET_READ,        /* a secret's value, a decrypted parameter, a Windows password */
    FB_T_DATA_DESTROY,       /* deletes what cannot be made again: snapshots, databases, keys */
    FB_T_CONTAINER_MINER,    /* task definition of 8 vCPU and more with an image from elsewhere */
    FB_T_API_ENABLE_COMPUTE, /* Google: switches on an API that can start compute */
    FB_T_SSH_METADATA,       /* Google: SSH keys through instance or project metadata */
    FB_T_SA_IMPERSONATION,   /* Google: one identity acts as a service account */
    FB_T_MODEL_INVOKE,       /* a call of a hosted model (Bedrock, Vertex) */
    FB_T_MODEL_ACCESS,       /* asks for, or agrees to, the use of a hosted model */
    FB_T_COST_ANOMALY,       /* a budget or cost-anomaly notification for the account */
    FB_T_LISTED_NETWORK,     /* from a network that the operator lists; set by score's lists */
    FB_T_COUNT               /* how many there are; at most 64 */
};

static inline uint64_t fb_trait_bit(enum fb_trait t) { return (uint64_t)1 << (unsigned)t; }

/* Machines that a launch made (outcome ok: the response's items) or asked for (else the maximum).
 * UpdateAutoScalingGroup and SetDesiredCapacity name a new total: count tells it, but FB_T_LAUNCH
 * is not set (the machines come as RunInstances of the scaling service). CreateLaunchTemplate fills
 * type, template and profile with count 0: what later launches from it will not show. */
struct fb_launch {
    const char *type; /* instance type; "" when only a launch template names it */
    int64_t count;    /* 0: no launch */
    const char *template_id,
        *template_name;      /* a launch template named instead of (or beside) a type */
    const char *profile_arn; /* instance profile attached; Google: the service account's e-mail */
    const char *zone;        /* where in the region; "" when the call leaves it open */
    const char *image;       /* container image of a task definition; "" else */
    const char *group;       /* the group that the call makes, grows or launches for, as
                                "KIND:NAME" ("autoscaling:web", "ecs:cluster/service", "fleet:ID",
                                "mig:NAME"); "" none */
    const char *within;      /* the group that `group` is a part of, in the same form: of groups
                                that a service makes for it; "" none */
    const char *gpu_type;    /* Google's accelerators: "nvidia-tesla-t4"; "" when part of type */
    int64_t gpu_count;       /* of gpu_type, per machine */
};

/* A thing that the action made. */
struct fb_made {
    const char *kind;   /* "instance" "access_key" "user" "role" "login_profile" "group" "fleet"
                           "spot_fleet" "spot_request" "ecs_service" "ecs_task" "function"
                           "function_url";
                           Google also "service_account" "sa_key" */
    const char *id;     /* instance id, key id, user or role name; Google: e-mail, key id, or
                           "projects/P/zones/Z/instances/N" */
    const char *owner;  /* of a key or login profile: the user (service account); else "" */
    const char *region; /* "" for global things */
    const char *type;   /* instance type; else "" */
};

/* A credential that the action minted (AssumeRole*, GetSessionToken, GetFederationToken). */
struct fb_mint {
    const char *credential; /* "" when the response does not show it */
    const char *role_arn;   /* "" for session tokens of a user; Google: the service account */
    const char *session_arn, *session;
    const char *source_identity;
    int64_t expires_ms; /* 0 unknown */
};

struct fb_event {
    const char *id; /* eventID, finding id, envelope id, or "sha256:..." */
    int64_t time_ms;
    bool time_guessed; /* the record told none: the envelope's, else delivery time */
    enum fb_provider provider;
    enum fb_event_kind kind;
    const char *account, *region;
    const char *service; /* "ec2", "iam" */
    const char *action;  /* "RunInstances", or the notice's code; "unknown" */
    enum fb_outcome outcome;
    const char *error;       /* code without "Client."/"Server." */
    struct fb_principal who; /* of notices and findings: the accused */
    const char *ip, *agent;
    uint64_t traits; /* enum fb_trait bits */
    bool drill;      /* a sample or test: shown, never contained */
    unsigned odd;    /* enum fb_json_odd: what had to be tamed to read it */

    struct fb_launch launch;
    struct fb_mint mint;
    const struct fb_made *made;
    size_t made_count;

    const char *target_user, *target_role; /* whom an IAM call acts on */
    const char *target_key;                /* access key id it acts on */
    const char *target_policy;             /* policy name or ARN */
    const char *outsider;                  /* the first principal or account outside that
                                              FB_T_EXTERNAL_TRUST or _DATA_SHARED_OUT lets in */
    const char *target_id;                 /* any other single resource id */
    const char *shared_id;                 /* sharedEventID: the same act seen in another account */
    const char *notice;                    /* words of a notice or finding, for people */
    const char *exposed_at; /* where a leaked key was seen (URL), from the provider */
    const char *operation; /* Google: id of the long-running call; its last entry may name nobody */
    const char *trigger;   /* Google: what machines of a group and the call behind them share */
    bool more_outsiders;   /* there is another outsider, or another foreign image, than is named */
    bool follow_up;        /* a later entry about a call that an earlier one told: adds no launch */
};

static inline bool fb_event_is(const struct fb_event *ev, enum fb_trait t)
{
    return (ev->traits & fb_trait_bit(t)) != 0;
}

/* An event of which nothing is known, and a principal nobody: every string "", every number 0. */
struct fb_event fb_event_blank(void);
struct fb_principal fb_principal_blank(void);

/* The trait's word ("launch"), as `explain` and tests print it. */
const char *fb_trait_name(enum fb_trait t);

/* Reads one record into *ev. delivery_ms is when it reached us, the last resort for a missing time.
 * Every JSON object gives an event: one of a kind that we do not know reads as FB_EV_UNKNOWN,
 * action "unknown". FB_ELIMIT when the arena is full. */
enum fb_status fb_normalize(struct fb_arena *a, const struct fb_record *r, int64_t delivery_ms,
                            struct fb_event *ev, struct fb_err *err);

#endif

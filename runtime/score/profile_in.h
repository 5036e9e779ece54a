/* profile_in.h - inside the room: the fields of a profile. Each is a join-semilattice of its own,
 * so the whole is one: max, min, or, keyed maps that keep the smallest hashes, rings that keep the
 * newest entries, sketches that keep a maximum. Nothing is added up, because a sum counts a
 * duplicate twice.
 *
 * Orders and numbers in here are kept in stores: append, never reorder (or raise the version). */
#ifndef FB_PROFILE_IN_H
#define FB_PROFILE_IN_H
#include "score/profile.h"

enum {
    LATCHES = 40,
    REGIONS = 48, /* known names by index, the others by hash into the last slots */
    SERVICES = 24,
    DUTIES = 24,
    PREFIXES = 20,
    AGENTS = 14,
    ROLE_EDGES = 16,
    LAUNCHES = 32,
    ERRORS = 20,
    READS = 24,
    MINTS = 10,
    PROTECTS = 8,
    SECRETS = 12,
    DESTROYS = 6,
    ZONES = 8,
    ORIGINS = 10,
    CREDENTIALS = 8,
    VOLUME_DAYS = 15, /* today and the 14 days before */
    VOLUME_REGISTERS = 16,
    WEEKS = 6,
    WEEK_REGISTERS = 8,
    MODEL_DAYS = 5, /* today and the 4 days before */
    CALL_BITS = 128,
    EVENT_BITS = 256,
    RING_MAX = 32,
    TABLE_MAX = 24
};

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS   (60 * MINUTE_MS)
#define DAY_MS    (24 * HOUR_MS)

/* Times are kept in 40 bits of milliseconds from 2010: to 2044. Others are moved to the border. */
#define EPOCH_MS INT64_C(1262304000000)
#define SPAN_MS  ((INT64_C(1) << 40) - 1)

static inline int64_t in_span(int64_t t_ms)
{
    return t_ms <= EPOCH_MS ? EPOCH_MS + 1 : t_ms >= EPOCH_MS + SPAN_MS ? EPOCH_MS + SPAN_MS : t_ms;
}

#define SPAN5_MS (5 * MINUTE_MS)

static inline int32_t day_of(int64_t t_ms) { return (int32_t)(t_ms / DAY_MS); }

/* A thing and the days on which it was used: bit 0 is the day of last_ms, bit 1 the day before. An
 * attempt that failed sets last_ms only: it is seen, but teaches nothing. */
struct seen {
    int64_t last_ms; /* 0: never */
    uint32_t days;
};

/* A hashed thing. */
struct thing {
    uint32_t hash; /* 0: empty */
    struct seen seen;
    uint8_t flags; /* enum thing_flag, or-ed */
};

enum thing_flag {
    THING_WORKLOAD =
        1,            /* prefix: a machine's own session called from it, over the public network */
    THING_IAC = 2,    /* agent: a tool that builds infrastructure */
    THING_ROLE = 4,   /* edge: assumed a role */
    THING_PASSED = 8, /* edge: attached an instance profile */
    THING_ACTED_AS = 16 /* edge: asked for a service account's token */
};

/* The K smallest hashes. Evicting by age or count would depend on the order of arrival. */
struct table {
    uint8_t count, cap;
    bool diverse; /* more things than K were seen: what is not in here may be known all the same */
    struct thing at[TABLE_MAX]; /* by hash */
};

struct region_use {
    struct seen used;   /* calls that changed something; last_ms is its day's beginning */
    int64_t compute_ms; /* newest attempt to create compute */
};

/* One entry of a ring; which fields mean what depends on the ring. */
struct ring_entry {
    int64_t t_ms;
    uint32_t id;        /* 16 bits of the event's hash (protects: the machine's; origins: credential
                           above, agent below) */
    uint32_t what;      /* launches: vCPU; errors: service or place; reads: action; mints: role;
                           zones: zone; origins: network */
    uint32_t usd_milli; /* launches: USD an hour, thousandths */
    uint8_t place;      /* launches, reads: region */
    uint8_t flags;      /* launches: enum launch_flag; errors: enum error_kind; reads: read_flag */
};

struct ring {
    uint8_t count, cap;
    bool newest_only; /* of each thing (ring_same in lattice.c): repeats push nothing out */
    struct ring_entry at[RING_MAX]; /* newest first, by every field */
};

enum launch_flag {
    LAUNCH_OK = 1,
    LAUNCH_DRY = 2,
    LAUNCH_BY_SERVICE = 4,
    LAUNCH_IAC = 8,
    LAUNCH_PROTECTED = 16,
    LAUNCH_ECS = 32
};

enum error_kind { ERROR_DENIED = 1, ERROR_QUOTA = 2, ERROR_CAPACITY = 3 };

enum read_flag { READ_QUOTA = 1, READ_WORKLOAD = 2 };

/* The credentials used last, each with its newest use. */
struct key_use {
    uint32_t hash; /* 0: empty */
    int64_t last_ms;
};

/* How many vCPU were launched on a day: a max-sketch of the weighted sum over distinct events (each
 * register keeps the largest weight/Exp(1) of its own hash of the event), and the hours in which.
 */
struct volume {
    int32_t day;    /* 0: empty; slot = day % VOLUME_DAYS, a newer day replaces an older */
    uint32_t hours; /* bit = hour of the day, UTC */
    uint8_t reg[VOLUME_REGISTERS];
};

/* The same over a week, in vCPU and in thousandths of USD an hour: what was before the fortnight.
 */
struct week {
    int32_t week; /* 0: empty; slot = week % WEEKS, a newer week replaces an older */
    uint8_t vcpu[WEEK_REGISTERS], usd[WEEK_REGISTERS];
};

/* Calls of hosted models on a day, as above: its own size, because it is a count of calls. */
enum { MODEL_REGISTERS = 8 };

/* Calls of hosted models in the newest hour with any: a linear counter. */
struct hour_calls {
    int32_t hour; /* since 1970; 0: none. A newer hour replaces an older */
    uint64_t bits[CALL_BITS / 64];
};

/* Spans of five minutes in which something happened: bit 0 is that of last_ms. */
struct recent {
    int64_t last_ms;
    uint64_t spans;
};

/* The hours of the day in which the root calls, each with its days: bit 0 is `day`. */
struct hours {
    int32_t day;
    uint16_t days[24];
};

/* Things that a root does or does not do; the first time is news. */
enum duty {
    DUTY_COMPUTE,
    DUTY_GPU,
    DUTY_OVERSIZE,
    DUTY_CALLER_IDENTITY,
    DUTY_FEDERATION,
    DUTY_MAIL_OR_LLM,
    DUTY_PERMISSION_PROBE,
    DUTY_KEYPAIR,
    DUTY_OPEN_PORT,
    DUTY_GROUP_BLOWUP,
    DUTY_DEEP_CHAIN,
    DUTY_SERVICE_LAUNCH, /* a service launches for this root */
    DUTY_API_ENABLE,
    DUTY_REMOTE_EXEC,
    DUTY_CODE_OVERWRITE,
    DUTY_MODEL_USE,
    DUTY_MODEL_ACCESS,
    DUTY_COMPUTE_TRIED, /* the same three, stopped by a limit or for want of room */
    DUTY_GPU_TRIED,
    DUTY_OVERSIZE_TRIED,
    DUTY_SECRETS,
    DUTY_COUNT
};

/* Latch slots that no row of signals.def fills by trait alone. */
enum {
    LATCH_VENDOR_CREDENTIAL = 2,
    LATCH_DENIED_COMPUTE = 9,
    LATCH_MAX_COUNT = 11,
    LATCH_NEW_IDENTITY = 13,
    LATCH_DENY_REMOVED = 25, /* read by deny-tamper, while an incident is open */
    LATCH_COST = 31,
    LATCH_MINER = 32
};

enum service {
    SERVICE_EC2,
    SERVICE_AUTOSCALING,
    SERVICE_ECS,
    SERVICE_EKS,
    SERVICE_BATCH,
    SERVICE_EMR,
    SERVICE_EMR_SERVERLESS,
    SERVICE_SAGEMAKER,
    SERVICE_LIGHTSAIL,
    SERVICE_LAMBDA,
    SERVICE_CODEBUILD,
    SERVICE_AMPLIFY,
    SERVICE_GLUE,
    SERVICE_APPRUNNER,
    SERVICE_BEANSTALK,
    SERVICE_GAMELIFT,
    SERVICE_WORKSPACES,
    SERVICE_MEDIAPACKAGE,
    SERVICE_BEDROCK,
    SERVICE_CLOUDFORMATION,
    SERVICE_OTHER = SERVICES - 1
};

struct fb_profile {
    int64_t first_ms, last_ms;                  /* min, max; 0: none */
    int64_t incident_since_ms, incident_end_ms; /* max; open while since > end */
    int64_t risk_ms;                            /* newest wins, then the higher; 0: nobody said */
    uint8_t risk_tenths;
    int64_t latch[LATCHES];           /* t + half-life * log2(m), max; 0: never */
    uint64_t events[EVENT_BITS / 64]; /* one bit an event, by hash: a count without sums */
    int32_t active_day;               /* newest day with a call */
    uint64_t active[2];               /* 128 days back from it, bit 0 of [0] the newest */
    int32_t incident_day;
    uint32_t incident_days; /* days inside incidents, bit 0 = incident_day */
    struct region_use regions[REGIONS];
    struct seen services[SERVICES], duties[DUTIES];
    struct table prefixes, agents, edges;
    struct ring launches, errors, reads, mints, protects, secrets, destroys, zones, origins;
    struct key_use keys[CREDENTIALS]; /* newest first */
    struct volume volume[VOLUME_DAYS];
    struct week weeks[WEEKS];
    struct volume models[MODEL_DAYS]; /* the first MODEL_REGISTERS only */
    struct hour_calls model_calls;
    struct recent model_use;
    struct hours hours;
};

/* facts.c: from an event's text to small numbers. */
uint32_t fb_hash32(const char *salt, const char *text);
unsigned fb_region_index(const char *region);
enum service fb_service_index(const char *service);
/* "terraform", "boto3", ... into out[32]; "" when the agent says nothing. */
enum { FAMILY_MAX = 32 };
void fb_agent_family(const char *agent, char out[FAMILY_MAX]);
bool fb_agent_is_iac(const char *family);
/* Hash of the address's /24 or /48; 0 when text is no address (a service's name, "AWS Internal").
 */
uint32_t fb_ip_prefix(const char *ip, bool *is_public);

/* lattice.c */
void fb_profile_init(struct fb_profile *p);
uint32_t fb_days_align(uint32_t days, int32_t from_day, int32_t to_day);
void fb_seen_join(struct seen *into, const struct seen *other);
/* A call at t_ms: its day. */
void fb_active_add(struct fb_profile *p, int64_t t_ms);
/* ... and its hour of the day. */
void fb_hours_add(struct hours *h, int64_t t_ms);
void fb_key_add(struct key_use keys[CREDENTIALS], struct key_use one);
void fb_ring_add(struct ring *r, const struct ring_entry *e);
void fb_table_add(struct table *t, const struct thing *e);
/* What was launched at t_ms, into its day and its week. */
void fb_volume_add(struct fb_profile *p, int64_t t_ms, uint64_t event_hash, uint32_t vcpu,
                   uint32_t usd_milli);
/* A model's call at t_ms. */
void fb_model_add(struct fb_profile *p, int64_t t_ms, uint64_t event_hash);
double fb_registers_sum(const uint8_t *reg, size_t n);
/* Weight an hour over the hours that had any; 0 for an empty slot. */
double fb_volume_hourly(const struct volume *v, unsigned registers);
/* Distinct calls in the newest hour. */
double fb_hour_count(const struct hour_calls *h);

#endif

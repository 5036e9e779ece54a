/* world_aws_in.h - what the halves of the AWS world share: jobs, each a chain of calls, run stage
 * by stage. Internal to the room. */
#ifndef FB_WORLD_AWS_IN_H
#define FB_WORLD_AWS_IN_H
#include "base/arena.h"
#include "base/buf.h"
#include "base/text.h"
#include "cloud/aws.h"
#include "contain/world.h"

enum {
    FB_AWS_PAGES_MAX = 200, /* of 1,000 machines, or of 100 keys */
    FB_AWS_FORM_BYTES_MAX = 64 << 10
};

struct fb_aws_work;

/* One chain: a call, and whatever pages follow it. */
struct fb_aws_job {
    struct fb_aws_work *w;
    struct fb_aws_call call;
    /* Takes the answer; sets again (with a new call) for one more. */
    void (*done)(struct fb_aws_job *j, const struct fb_aws_reply *r);
    bool sent, again;
    int pages;
    struct fb_read *read;
    struct fb_act *act;
    size_t first, count; /* of act->ids or read->ids; first: of a service's calls */
    size_t machine;      /* index into the list that grows */
};

struct fb_machine_list {
    struct fb_machine *at;
    size_t count, cap;
};

struct fb_aws_work {
    struct fb_aws *aws;
    struct fb_arena *a;
    int64_t deadline_mono_ms;
    struct fb_aws_job *jobs;
    size_t job_count, job_cap;
    struct fb_machine_list *lists; /* per read */
    struct fb_read *reads;
};

/* Opens a stage for at most jobs_max jobs; false when the arena is full. */
bool fb_aws_stage(struct fb_aws_work *w, size_t jobs_max);
/* A new job; NULL when there is no room. */
struct fb_aws_job *fb_aws_job(struct fb_aws_work *w,
                              void (*done)(struct fb_aws_job *, const struct fb_aws_reply *),
                              const char *service, const char *action, const char *region);
/* Runs the stage's jobs, all at once, to their ends. */
void fb_aws_stage_run(struct fb_aws_work *w);

/* Form bodies, in the arena. */
const char *fb_aws_param(struct fb_arena *a, const char *name, const char *value);
const char *fb_aws_param2(struct fb_arena *a, const char *name, const char *value,
                          const char *name2, const char *value2);
void fb_aws_ids(struct fb_arena *a, struct fb_buf *b, const char *const *ids, size_t n);

/* One read or act of a row of services.def, as a job of the open stage. */
void fb_aws_service_read(struct fb_aws_work *w, struct fb_read *r);
void fb_aws_service_act(struct fb_aws_work *w, struct fb_act *act);
/* What an answer says of an act: FB_ECONFLICT is kept for "not now". */
enum fb_status fb_aws_act_status(const struct fb_aws_reply *reply);

void fb_world_aws_read(void *self, struct fb_arena *a, struct fb_read *reads, size_t n,
                       int64_t deadline_mono_ms);
void fb_world_aws_act(void *self, struct fb_arena *a, struct fb_act *acts, size_t n,
                      int64_t deadline_mono_ms);

#endif

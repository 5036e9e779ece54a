/* world_aws.c - the real account, as a world: jobs and stages of calls.
 *
 * Calls, answers and error codes of the two halves: the IAM and EC2 API references. Every step is
 * idempotent. Work is in stages; within a stage each job is a chain of its own, so that regions
 * never wait for each other. */
#include "contain/world_aws_in.h"

/* --- jobs ----------------------------------------------------------------------------------------
 */

static bool job_next(void *self, const struct fb_aws_reply *prev, struct fb_aws_call *out)
{
    struct fb_aws_job *j = self;

    if (prev) {
        j->again = false;
        j->done(j, prev);
        if (!j->again || ++j->pages >= FB_AWS_PAGES_MAX)
            return false;
    } else if (j->sent) {
        return false;
    }
    j->sent = true;
    *out = j->call;
    return true;
}

/* A new job; NULL when the arena is full. Jobs of one stage stand in one array, made large enough
 * before the first. */
struct fb_aws_job *fb_aws_job(struct fb_aws_work *w,
                              void (*done)(struct fb_aws_job *, const struct fb_aws_reply *),
                              const char *service, const char *action, const char *region)
{
    struct fb_aws_job *j;

    if (w->job_count >= w->job_cap)
        return NULL;
    j = &w->jobs[w->job_count++];
    *j = (struct fb_aws_job){
        .w = w, .done = done, .call = {.service = service, .action = action, .region = region}};
    return j;
}

bool fb_aws_stage(struct fb_aws_work *w, size_t jobs_max)
{
    w->jobs = FB_NEW_ARRAY(w->a, jobs_max, struct fb_aws_job);
    w->job_count = 0;
    w->job_cap = w->jobs ? jobs_max : 0;
    return w->jobs != NULL;
}

void fb_aws_stage_run(struct fb_aws_work *w)
{
    struct fb_aws_chain *chains = FB_NEW_ARRAY(w->a, w->job_count + 1, struct fb_aws_chain);
    struct fb_aws_reply none = {.st = FB_ELIMIT};

    fb_err_set(&none.err, FB_ELIMIT, "no memory left in this invocation");
    for (size_t i = 0; i < w->job_count; i++) {
        if (chains)
            chains[i] = (struct fb_aws_chain){&w->jobs[i], job_next};
        else
            w->jobs[i].done(&w->jobs[i], &none);
    }
    if (chains && w->job_count)
        fb_aws_run(w->aws, w->a, chains, w->job_count, w->deadline_mono_ms);
}

const char *fb_aws_param(struct fb_arena *a, const char *name, const char *value)
{
    struct fb_buf b;

    fb_buf_init_in(&b, a, FB_AWS_FORM_BYTES_MAX);
    fb_buf_add_param(&b, name, value);
    return b.at;
}

const char *fb_aws_param2(struct fb_arena *a, const char *name, const char *value,
                          const char *name2, const char *value2)
{
    struct fb_buf b;

    fb_buf_init_in(&b, a, FB_AWS_FORM_BYTES_MAX);
    fb_buf_add_param(&b, name, value);
    fb_buf_add_param(&b, name2, value2);
    return b.at;
}

void fb_aws_ids(struct fb_arena *a, struct fb_buf *b, const char *const *ids, size_t n)
{
    for (size_t i = 0; i < n; i++)
        fb_buf_add_param(b, fb_arena_fmt(a, "InstanceId.%zu", i + 1), ids[i]);
}

struct fb_world fb_world_aws(struct fb_aws *aws)
{
    return (struct fb_world){aws, "aws", fb_world_aws_read, fb_world_aws_act};
}

/* world_aws_service.c - the engine behind services.def: a row's calls made, in any of the
 * protocols, and what they say. */
#include <string.h>

#include "contain/world_aws_in.h"

static struct fb_service_thing thing_of(const struct fb_service *s, const char *id,
                                        const char *region, const char *account, const char *was)
{
    return (struct fb_service_thing){s, id, region, account, was};
}

/* The job's next call, by a row's template. */
static enum fb_status shape(struct fb_aws_job *j, const struct fb_service_thing *t,
                            const struct fb_service_call *call, struct fb_err *err)
{
    const struct fb_aws_service *service = fb_aws_service(t->service->service);
    bool json = service && (service->protocol == FB_AWS_JSON || service->protocol == FB_AWS_REST);
    enum fb_status st = FB_OK;

    j->call = (struct fb_aws_call){.service = t->service->service,
                                   .action = call->action,
                                   .region = t->region,
                                   .method = call->method};
    if (json)
        st = fb_service_json(j->w->a, t, call->body, &j->call.json, err);
    else
        st = fb_service_form(j->w->a, t, call->body, &j->call.form, err);
    if (st == FB_OK && call->path)
        st = fb_service_path(j->w->a, t, call->path, &j->call.path, err);
    return st;
}

/* --- reads ---------------------------------------------------------------------------------------
 */

static void got_service(struct fb_aws_job *j, const struct fb_aws_reply *reply)
{
    struct fb_service_answer answer = {reply->xml, reply->json};
    struct fb_read *r = j->read;

    if (reply->st == FB_ENOTFOUND) {
        r->look = (struct fb_service_look){FB_SERVICE_GONE, "", "{}"};
        return;
    }
    if (reply->st != FB_OK) {
        r->st = reply->st;
        r->err = reply->err;
        r->complete = false;
        return;
    }
    fb_service_read(j->w->a, r->service, &answer, &r->look);
}

void fb_aws_service_read(struct fb_aws_work *w, struct fb_read *r)
{
    struct fb_service_thing t = thing_of(r->service, r->name, r->region, "", "");
    struct fb_aws_job *j;

    if (!r->service || !fb_service_id_ok(r->service, r->name)) {
        r->st = fb_err_set(&r->err, FB_EINPUT, "this is no id of such a thing");
        r->complete = false;
        return;
    }
    j = fb_aws_job(w, got_service, r->service->service, r->service->read.action, r->region);
    if (!j)
        return;
    j->read = r;
    r->st = shape(j, &t, &r->service->read, &r->err);
    if (r->st != FB_OK) {
        r->complete = false;
        w->job_count--;
    }
}

/* --- acts ----------------------------------------------------------------------------------------
 */

static const struct fb_service_call *calls_of(const struct fb_act *act)
{
    return act->kind == FB_ACT_SERVICE_UNDO ? act->service->undo : act->service->stop;
}

/* The next call from j->first on that is due; false: there is none. */
static bool next_call(struct fb_aws_job *j)
{
    struct fb_act *act = j->act;
    struct fb_service_thing t =
        thing_of(act->service, act->name, act->region, "", act->document ? act->document : "");

    for (; j->first < FB_SERVICE_CALLS_MAX; j->first++) {
        const struct fb_service_call *call = &calls_of(act)[j->first];
        struct fb_err err = {.code = FB_OK};
        enum fb_status st;

        if (!call->action)
            return false;
        if (!fb_service_due(j->w->a, &t, call))
            continue;
        st = shape(j, &t, call, &err);
        if (st == FB_OK)
            return true;
        act->st = st;
        act->err = err;
    }
    return false;
}

/* Every call of a row is made, whatever became of the one before: each takes power away by itself.
 * The act's status is the first failure's. */
static void acted_service(struct fb_aws_job *j, const struct fb_aws_reply *reply)
{
    struct fb_act *act = j->act;

    if (reply->st != FB_OK && act->st == FB_OK) {
        act->st = fb_aws_act_status(reply);
        act->err = reply->err;
    }
    j->first++;
    j->again = next_call(j);
}

void fb_aws_service_act(struct fb_aws_work *w, struct fb_act *act)
{
    struct fb_aws_job *j;

    act->st = FB_OK;
    memset(&act->err, 0, sizeof act->err);
    if (!act->service || !fb_service_id_ok(act->service, act->name)) {
        act->st = fb_err_set(&act->err, FB_EINPUT, "this is no id of such a thing");
        return;
    }
    j = fb_aws_job(w, acted_service, act->service->service, calls_of(act)[0].action, act->region);
    if (!j) {
        act->st = fb_err_set(&act->err, FB_ELIMIT, "no memory left in this invocation");
        return;
    }
    j->act = act;
    j->first = 0;
    if (!next_call(j))
        w->job_count--;
}

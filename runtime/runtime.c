/* runtime.c - what outlives invocations: store, playbooks, world; opened once by every door. */
#include <string.h>

#include "cloud/aws.h"
#include "pipeline.h"

static enum fb_status open_world(struct fb_runtime *rt, const struct fb_runtime_setup *setup,
                                 struct fb_err *err)
{
    struct fb_aws_options options = {.clock = setup->clock, .env = setup->env};

    if (!setup->live) {
        rt->model = fb_model_new();
        return rt->model ? FB_OK : fb_err_set(err, FB_ELIMIT, "no memory for the model");
    }
    rt->aws = fb_aws_new(&options);
    if (!rt->aws)
        return fb_err_set(err, FB_ELIMIT, "no memory for the cloud client");
    fb_aws_read_only(rt->aws, !rt->enforce); /* dry-run holds here too, whatever asks */
    return FB_OK;
}

enum fb_status fb_runtime_open(struct fb_runtime *rt, const struct fb_runtime_setup *setup,
                               struct fb_err *err)
{
    enum fb_status st;
    struct fb_err why = {0};

    memset(rt, 0, sizeof *rt);
    rt->config = setup->config;
    rt->clock = setup->clock;
    rt->log = setup->log;
    rt->enforce = setup->enforce && fb_config_enforces(setup->config);
    fb_config_score(setup->config, &rt->score);
    fb_config_guards(setup->config, &rt->guards);
    st = fb_store_open(setup->config->state, setup->clock, &rt->store, err);
    if (st == FB_OK)
        st = fb_store_view(rt->store, "unproven.", setup->clock, &rt->unproven, err);
    if (st == FB_OK) {
        rt->playbooks = fb_playbooks_new(err);
        st = rt->playbooks ? FB_OK : FB_ELIMIT;
    }
    if (st == FB_OK && *setup->config->playbooks &&
        fb_playbooks_add_dir(rt->playbooks, setup->config->playbooks, &why) != FB_OK) {
        rt->playbooks_unloaded++;
        FB_LOG(&rt->log, FB_LOG_ERROR, "a playbook was not loaded", {"why", why.text, 0});
    }
    if (st == FB_OK)
        st = open_world(rt, setup, err);
    if (st != FB_OK)
        fb_runtime_close(rt);
    return st;
}

void fb_runtime_close(struct fb_runtime *rt)
{
    fb_aws_free(rt->aws);
    fb_model_free(rt->model);
    fb_playbooks_free(rt->playbooks);
    fb_store_close(rt->unproven);
    fb_store_close(rt->store);
    memset(rt, 0, sizeof *rt);
}

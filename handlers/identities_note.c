/* identities_note.c - `identities --note-risk`: what --iam proves is kept in the store, so that the
 * prior of each root's score shifts by its risk.
 *
 * Only a root whose rights the file tells is noted: a guess at its highest would make every
 * stranger suspect. What it did, and what others say of it, stays out: the activity score counts
 * that already. */
#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "identities.h"

bool fb_rows_add_users(struct fb_rows *rows, struct fb_arena *a, const struct fb_iam_facts *facts)
{
    for (size_t i = 0; i < facts->count; i++) {
        const struct fb_iam_fact *fact = &facts->at[i];
        struct fb_arn arn;

        fb_arena_reset(a);
        if (fact->rights && fb_arn_split(a, fact->arn, &arn) && fb_starts(arn.resource, "user/") &&
            !fb_row_for(rows, fact->arn, FB_HOP_USER, arn.account))
            return false;
    }
    return true;
}

static bool rights_are_proved(const struct fb_risk *r)
{
    return r->pw != FB_PW_UNKNOWN && r->cp != FB_CP_UNKNOWN && r->dt != FB_DT_UNKNOWN &&
           r->rc != FB_RC_UNKNOWN;
}

enum fb_status fb_rows_note(const struct fb_rows *rows, struct fb_runtime *rt, struct fb_arena *a,
                            const struct fb_iam_facts *facts, struct fb_noted *out,
                            struct fb_err *err)
{
    int64_t now_ms = fb_wall_ms(&rt->clock);
    enum fb_status st = FB_OK;

    *out = (struct fb_noted){0};
    for (size_t i = 0; i < rows->count && st == FB_OK; i++) {
        struct fb_row still = *rows->at[i];

        if (still.root != rows->at[i])
            continue;
        fb_arena_reset(a);
        still.leaked = still.suspected = false;
        still.level = FB_OBSERVE;
        fb_row_judge(&still, a, facts, rows->log, now_ms);
        if (!rights_are_proved(&still.risk)) {
            out->left++;
            continue;
        }
        st = fb_pipeline_note_risk(rt, a, still.identity, now_ms,
                                   (int)lround(still.risk_score * 10), err);
        out->noted += st == FB_OK;
    }
    return st;
}

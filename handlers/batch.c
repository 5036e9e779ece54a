/* batch.c - see batch.h. */
#include "batch.h"

#include <string.h>

void fb_batch_init(struct fb_batch *b)
{
    *b = (struct fb_batch){0};
    fb_buf_init(&b->answer, FB_BATCH_ANSWER_MAX);
    fb_buf_init(&b->at_hand, 1024);
}

void fb_batch_release(struct fb_batch *b)
{
    fb_buf_release(&b->answer);
    fb_buf_release(&b->at_hand);
}

void fb_batch_reset(struct fb_batch *b)
{
    b->is = false;
    b->failed = 0;
    fb_buf_reset(&b->answer);
    fb_buf_reset(&b->at_hand);
    fb_json_open(&b->answer, NULL, '{');
    fb_json_open(&b->answer, "batchItemFailures", '[');
}

bool fb_batch_see(struct fb_batch *b, const struct fb_carrier *c)
{
    b->is = b->is || c->item;
    return c->item != NULL;
}

void fb_batch_give_back(struct fb_batch *b, const struct fb_carrier *c)
{
    if (!fb_batch_see(b, c) || (b->failed > 0 && strcmp(b->at_hand.at, c->item) == 0))
        return;
    b->failed++;
    fb_buf_reset(&b->at_hand);
    fb_buf_add(&b->at_hand, c->item);
    fb_json_open(&b->answer, NULL, '{');
    fb_json_put_str(&b->answer, "itemIdentifier", c->item);
    fb_json_close(&b->answer, '}');
}

void fb_batch_unreadable(struct fb_batch *b, const struct fb_carrier *c)
{
    if (fb_batch_see(b, c) && strcmp(c->batch ? c->batch : "", "aws:sqs") == 0 &&
        c->receives < FB_BATCH_RECEIVES)
        fb_batch_give_back(b, c);
}

bool fb_batch_close(struct fb_batch *b)
{
    fb_json_close(&b->answer, ']');
    fb_json_close(&b->answer, '}');
    return fb_buf_ok(&b->answer);
}

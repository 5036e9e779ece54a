/* policy.h - the two inline policies that we put, written and read back.
 *
 * Documents that come back are read by what they mean, not by their bytes: IAM keeps text as given,
 * but stand-ins and people reformat it. */
#ifndef FB_POLICY_H
#define FB_POLICY_H
#include <stdbool.h>
#include <stdint.h>

struct fb_arena;

/* Denies everything. */
#define FB_POLICY_DENY_DOCUMENT                                                                    \
    "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"Firebreak\",\"Effect\":\"Deny\","       \
    "\"Action\":\"*\",\"Resource\":\"*\"}]}"

/* Denies everything to sessions issued before `before_ms`, which is cut to whole seconds (the only
 * precision that aws:TokenIssueTime has). */
const char *fb_policy_revoke_document(struct fb_arena *a, int64_t before_ms);

/* Whether the document denies everything without a condition. "" does not. */
bool fb_policy_denies_all(struct fb_arena *a, const char *document);

/* Reads the time of a document as fb_policy_revoke_document writes it. False when it is none. */
bool fb_policy_revoked_before(struct fb_arena *a, const char *document, int64_t *before_ms);

#endif

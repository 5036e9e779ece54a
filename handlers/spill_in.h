/* spill_in.h - inside the spill: how a packed event begins. */
#ifndef FB_SPILL_IN_H
#define FB_SPILL_IN_H
#include "spill.h"

/* What is no string; the strings follow, the event's id first. */
struct fb_packed {
    int64_t time_ms, session_ms, launch_count, gpu_count, mint_expires_ms;
    uint64_t traits;
    uint32_t file, index, made_count, delegate_count, odd;
    uint8_t time_guessed, provider, kind, outcome, who_kind, mfa, instance_role, drill, follow_up,
        more_outsiders;
    uint8_t later; /* 0 where it mints a credential: uses of it within the same second come after */
};

#endif

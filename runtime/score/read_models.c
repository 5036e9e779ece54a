/* read_models.c - hosted models: calls beyond what is usual, or right after access was asked for
 * (group S). */
#include "base/arena.h"
#include "score/signals_in.h"

enum { LEAST_CALLS = 20, TIMES_USUAL = 20, ACCESS_SPANS = 3 };

/* Calls an hour on the busiest day before today that teaches. */
static double usual_calls(const struct reading *r)
{
    int32_t today = day_of(r->t_ms);
    double most = 0;

    for (size_t i = 0; i < MODEL_DAYS; i++) {
        const struct volume *day = &r->p->models[i];
        int32_t ago = today - day->day;
        double hourly = fb_volume_hourly(day, MODEL_REGISTERS);

        if (ago > 0 && ago < 32 && !(r->mute >> ago & 1) && hourly > most)
            most = hourly;
    }
    return most;
}

/* Calls in the newest hour. The counter is full near 600: beyond, the day's sketch tells. */
static double newest_calls(const struct fb_profile *p)
{
    double calls = fb_hour_count(&p->model_calls), daily;
    int32_t day = p->model_calls.hour / 24;
    const struct volume *v = &p->models[(size_t)day % MODEL_DAYS];

    if (calls < 3 * CALL_BITS || v->day != day)
        return calls;
    daily = fb_volume_hourly(v, MODEL_REGISTERS);
    return daily > calls ? daily : calls;
}

/* Whether a model was called within 15 minutes (to five) after access to it was asked for. */
static bool called_after(const struct fb_profile *p, int64_t access_ms)
{
    int64_t newest = p->model_use.last_ms / SPAN5_MS, from = access_ms / SPAN5_MS;

    if (!access_ms || p->model_use.last_ms < access_ms)
        return false;
    for (int64_t span = from; span <= from + ACCESS_SPANS; span++) {
        int64_t ago = newest - span;

        if (ago >= 0 && ago < 64 && (p->model_use.spans >> ago & 1))
            return true;
    }
    return false;
}

void fb_read_llm_burst(const struct reading *r, const struct fb_signal *s, int arg, struct found *f)
{
    const struct fb_profile *p = r->p;
    bool is_known = known(r, &p->duties[DUTY_MODEL_USE]);
    int64_t access_ms = p->duties[DUTY_MODEL_ACCESS].last_ms, end_ms;
    double calls, usual;

    (void)arg;
    if (!p->model_use.last_ms)
        return;
    calls = newest_calls(p);
    usual = usual_calls(r);
    end_ms = ((int64_t)p->model_calls.hour + 1) * HOUR_MS;
    if (end_ms > p->model_use.last_ms)
        end_ms = p->model_use.last_ms;
    if (calls > LEAST_CALLS && calls > TIMES_USUAL * usual && fb_found_keep(r, s, f, 1, end_ms) &&
        r->words)
        say(r, f,
            fb_arena_fmt(r->words, "about %.0f model calls within an hour; usual are %.0f", calls,
                         usual));
    if (called_after(p, access_ms) && fb_found_keep(r, s, f, is_known ? 0.5 : 1, access_ms))
        say(r, f, "called a model minutes after asking for access to it");
}

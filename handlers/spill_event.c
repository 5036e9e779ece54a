/* spill_event.c - one event as a few hundred bytes, and back: so that a long log is parsed once.
 *
 * Strings are stored with their NUL and read in place; a table of offsets names them, so that a
 * field added to fb_event is one line here. The form never outlives the process. */
#include <stddef.h>
#include <string.h>

#include "base/arena.h"
#include "spill_in.h"

#define AT(field) offsetof(struct fb_event, field)
static const size_t STRINGS[] = {
    AT(id),
    AT(account),
    AT(region),
    AT(service),
    AT(action),
    AT(error),
    AT(ip),
    AT(agent),
    AT(who.arn),
    AT(who.id),
    AT(who.account),
    AT(who.name),
    AT(who.credential),
    AT(who.issuer_arn),
    AT(who.issuer_kind),
    AT(who.issuer_name),
    AT(who.session),
    AT(who.source_identity),
    AT(who.invoked_by),
    AT(who.idp),
    AT(who.subject),
    AT(launch.type),
    AT(launch.template_id),
    AT(launch.template_name),
    AT(launch.profile_arn),
    AT(mint.credential),
    AT(mint.role_arn),
    AT(mint.session_arn),
    AT(mint.session),
    AT(mint.source_identity),
    AT(target_user),
    AT(target_role),
    AT(target_key),
    AT(target_policy),
    AT(target_id),
    AT(shared_id),
    AT(notice),
    AT(exposed_at),
    AT(operation),
    AT(trigger),
    AT(launch.gpu_type),
    AT(launch.zone),
    AT(launch.image),
    AT(launch.group),
    AT(launch.within),
    AT(outsider),
};
#undef AT

/* Whoever adds a field to these packs it here too: a string in the table above, a number in struct
 * fb_packed. Then change the sizes. */
_Static_assert(sizeof(void *) != 8 || sizeof(struct fb_event) == 512, "pack the new field");
_Static_assert(sizeof(struct fb_made) == 5 * sizeof(void *), "pack the new field");
_Static_assert(sizeof(struct fb_delegate) == 2 * sizeof(void *), "pack the new field");

enum { STRING_COUNT = sizeof STRINGS / sizeof *STRINGS };

const char *fb_home_account(const struct fb_event *ev)
{
    return *ev->account ? ev->account : ev->who.account;
}

static const char *string_at(const struct fb_event *ev, size_t offset)
{
    const char *s;

    memcpy(&s, (const char *)ev + offset, sizeof s);
    return s ? s : "";
}

static void add_text(struct fb_buf *to, const char *s) { fb_buf_addn(to, s, strlen(s) + 1); }

void fb_event_pack(struct fb_buf *to, const struct fb_event *ev, struct fb_place place)
{
    struct fb_packed n;

    memset(&n, 0, sizeof n);
    n.time_ms = ev->time_ms;
    n.session_ms = ev->who.session_ms;
    n.launch_count = ev->launch.count;
    n.mint_expires_ms = ev->mint.expires_ms;
    n.traits = ev->traits;
    n.file = place.file;
    n.index = place.index;
    n.made_count = (uint32_t)ev->made_count;
    n.delegate_count = (uint32_t)ev->who.delegate_count;
    n.gpu_count = ev->launch.gpu_count;
    n.follow_up = ev->follow_up;
    n.more_outsiders = ev->more_outsiders;
    n.odd = ev->odd;
    n.time_guessed = ev->time_guessed;
    n.provider = (uint8_t)ev->provider;
    n.kind = (uint8_t)ev->kind;
    n.outcome = (uint8_t)ev->outcome;
    n.who_kind = (uint8_t)ev->who.kind;
    n.mfa = ev->who.mfa;
    n.instance_role = ev->who.instance_role;
    n.drill = ev->drill;
    n.later = *ev->mint.credential == '\0';
    fb_buf_addn(to, &n, sizeof n);
    for (size_t i = 0; i < STRING_COUNT; i++)
        add_text(to, string_at(ev, STRINGS[i]));
    for (size_t i = 0; i < ev->made_count; i++) {
        add_text(to, ev->made[i].kind);
        add_text(to, ev->made[i].id);
        add_text(to, ev->made[i].owner);
        add_text(to, ev->made[i].region);
        add_text(to, ev->made[i].type);
    }
    for (size_t i = 0; i < ev->who.delegate_count; i++) {
        fb_buf_addc(to, (char)ev->who.delegates[i].kind);
        add_text(to, ev->who.delegates[i].identity);
    }
}

struct cursor {
    const char *at, *end;
    bool bad;
};

static const char *take_text(struct cursor *c)
{
    const char *s = c->at;
    const char *nul = c->at < c->end ? memchr(s, '\0', (size_t)(c->end - s)) : NULL;

    if (!nul) {
        c->bad = true;
        return "";
    }
    c->at = nul + 1;
    return s;
}

static void take_made(struct fb_arena *a, struct cursor *c, size_t count, struct fb_event *ev)
{
    struct fb_made *made = NULL;

    if (count > (size_t)(c->end - c->at) ||
        (count && !(made = FB_NEW_ARRAY(a, count, struct fb_made)))) {
        c->bad = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        made[i].kind = take_text(c);
        made[i].id = take_text(c);
        made[i].owner = take_text(c);
        made[i].region = take_text(c);
        made[i].type = take_text(c);
    }
    ev->made = made;
    ev->made_count = count;
}

static void take_delegates(struct fb_arena *a, struct cursor *c, size_t count, struct fb_event *ev)
{
    struct fb_delegate *list = NULL;

    if (count > (size_t)(c->end - c->at) ||
        (count && !(list = FB_NEW_ARRAY(a, count, struct fb_delegate)))) {
        c->bad = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        list[i].kind = c->at < c->end ? (enum fb_who) * c->at++ : FB_WHO_UNKNOWN;
        list[i].identity = take_text(c);
    }
    ev->who.delegates = list;
    ev->who.delegate_count = count;
}

bool fb_event_unpack(struct fb_arena *a, const char *bytes, size_t len, struct fb_event *ev,
                     struct fb_place *place)
{
    struct cursor c = {bytes + sizeof(struct fb_packed), bytes + len, false};
    struct fb_packed n;

    memset(ev, 0, sizeof *ev);
    if (len < sizeof n)
        return false;
    memcpy(&n, bytes, sizeof n);
    ev->time_ms = n.time_ms;
    ev->who.session_ms = n.session_ms;
    ev->launch.count = n.launch_count;
    ev->mint.expires_ms = n.mint_expires_ms;
    ev->traits = n.traits;
    ev->odd = n.odd;
    ev->time_guessed = n.time_guessed;
    ev->provider = (enum fb_provider)n.provider;
    ev->kind = (enum fb_event_kind)n.kind;
    ev->outcome = (enum fb_outcome)n.outcome;
    ev->who.kind = (enum fb_who)n.who_kind;
    ev->who.mfa = n.mfa;
    ev->who.instance_role = n.instance_role;
    ev->drill = n.drill;
    ev->follow_up = n.follow_up;
    ev->more_outsiders = n.more_outsiders;
    ev->launch.gpu_count = n.gpu_count;
    place->file = n.file;
    place->index = n.index;
    for (size_t i = 0; i < STRING_COUNT; i++) {
        const char *s = take_text(&c);

        memcpy((char *)ev + STRINGS[i], &s, sizeof s);
    }
    take_made(a, &c, n.made_count, ev);
    take_delegates(a, &c, n.delegate_count, ev);
    return !c.bad;
}

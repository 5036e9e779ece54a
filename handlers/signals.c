/* signals.c - `firebreak signals`: the signal table, as the score reads it with this configuration.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "doors.h"
#include "sheet.h"

enum { COLUMNS = 9 };

static const char *const HEADS[COLUMNS] = {"id",    "group", "weight", "half_life", "attack",
                                           "state", "kind",  "marks",  "words"};

/* What the groups' letters mean. */
static const char *group_words(char group)
{
    switch (group) {
    case 'X':
        return "somebody outside says so";
    case 'V':
        return "a detector says so";
    case 'O':
        return "origin: from where and with what";
    case 'R':
        return "reconnaissance";
    case 'S':
        return "spend: machines and money";
    case 'P':
        return "persistence: ways back in";
    case 'E':
        return "evasion";
    case 'C':
        return "credentials and role chains";
    case 'D':
        return "data";
    case 'M':
        return "mitigation: subtracts, where the profile proves it";
    default:
        return "";
    }
}

static const char *state_words(char state)
{
    return state == 'n' ? "event" : state == 'b' ? "profile" : "window";
}

static const char *marks_of(const struct fb_signal *s, char out[32])
{
    (void)snprintf(out, 32, "%s%s%s", s->hard ? "hard " : "", s->sight ? "sight " : "",
                   s->novelty ? "novelty " : "");
    if (*out)
        out[strlen(out) - 1] = '\0';
    return out;
}

static const char *half_life(int64_t ms, char out[16])
{
    int64_t hours = ms / 3600000;

    (void)snprintf(out, 16, hours % 24 ? "%lld h" : "%lld d",
                   (long long)(hours % 24 ? hours : hours / 24));
    if (!hours)
        out[0] = '\0'; /* mitigation holds as long as its proof */
    return out;
}

/* What counts: the configuration's weight, else the table's. */
struct table {
    const struct fb_signal *all;
    size_t n;
    struct fb_score_config config;
};

static double weight_of(const struct table *t, size_t row)
{
    return isnan(t->config.weights[row]) ? t->all[row].weight : t->config.weights[row];
}

static bool is_changed(const struct table *t, size_t row)
{
    double weight = weight_of(t, row);

    return weight < t->all[row].weight || weight > t->all[row].weight;
}

static void text(const struct table *t, struct fb_buf *b)
{
    const struct fb_signal *all = t->all;
    size_t n = t->n;
    char group = '\0', marks[32], life[16];

    fb_buf_add(b, "signal                      weight  half-life  from     ATT&CK     playbook kind"
                  "        marks\n");
    for (size_t i = 0; i < n; i++) {
        const struct fb_signal *s = &all[i];

        if (s->group != group)
            fb_buf_fmt(b, "\n%c  %s\n", s->group, group_words(s->group));
        group = s->group;
        fb_buf_fmt(b, "%-27s %5.1f  %9s  %-7s  %-9s  %-19s  %s", s->id,
                   s->group == 'M' ? -weight_of(t, i) : weight_of(t, i),
                   *half_life(s->half_life_ms, life) ? life : "-", state_words(s->state),
                   *s->attack ? s->attack : "-", *s->kind ? s->kind : "-", marks_of(s, marks));
        while (b->len && b->at[b->len - 1] == ' ')
            b->at[--b->len] = '\0';
        fb_buf_fmt(b, "\n    %s\n", s->words);
        if (is_changed(t, i))
            fb_buf_fmt(b, "    weight changed by the configuration: %.2f in the table\n",
                       s->weight);
    }
    fb_buf_add(b,
               "\nweight: nats; 2.3 is ten times as likely. hard contains by itself, sight alerts "
               "by itself,\nnovelty counts less while an identity is young. from: one event, the "
               "identity's profile, or\na window of events.\n");
}

static void json(const struct table *t, struct fb_buf *b)
{
    const struct fb_signal *all = t->all;
    size_t n = t->n;

    for (size_t i = 0; i < n; i++) {
        const struct fb_signal *s = &all[i];
        char group[2] = {s->group, '\0'};

        fb_json_open(b, NULL, '{');
        fb_json_put_str(b, "id", s->id);
        fb_json_put_str(b, "group", group);
        fb_json_put_num(b, "weight", weight_of(t, i), 2);
        if (is_changed(t, i))
            fb_json_put_num(b, "table_weight", s->weight, 2);
        fb_json_put_int(b, "half_life_s", s->half_life_ms / 1000);
        fb_json_put_str(b, "attack", *s->attack ? s->attack : NULL);
        fb_json_put_str(b, "state", state_words(s->state));
        fb_json_put_str(b, "kind", *s->kind ? s->kind : NULL);
        fb_json_put_bool(b, "hard", s->hard);
        fb_json_put_bool(b, "sight", s->sight);
        fb_json_put_bool(b, "novelty", s->novelty);
        fb_json_put_bool(b, "mitigates", s->group == 'M');
        fb_json_put_str(b, "words", s->words);
        fb_json_close(b, '}');
        fb_buf_addc(b, '\n');
    }
}

static bool sheet(const struct table *t, enum fb_form form)
{
    const struct fb_signal *all = t->all;
    size_t n = t->n;
    struct fb_sheet out = {.to = stdout,
                           .form = form,
                           .title = "Firebreak: signals",
                           .note = "What raises an identity's score, and by how much.",
                           .heads = HEADS,
                           .columns = COLUMNS};
    bool whole = fb_sheet_open(&out);

    for (size_t i = 0; i < n; i++) {
        const struct fb_signal *s = &all[i];
        char group[2] = {s->group, '\0'}, weight[16], life[16], marks[32];
        const char *cells[COLUMNS] = {s->id,     group,
                                      weight,    half_life(s->half_life_ms, life),
                                      s->attack, state_words(s->state),
                                      s->kind,   marks_of(s, marks),
                                      s->words};

        (void)snprintf(weight, sizeof weight, "%.4g", weight_of(t, i));
        whole = fb_sheet_row(&out, cells) && whole;
    }
    return fb_sheet_close(&out) && whole;
}

static bool load(struct table *t, struct fb_arena *arena, const struct fb_options *o)
{
    const struct fb_config_overrides none = {0};
    struct fb_config *config;
    struct fb_err err = {0};

    t->all = fb_signals(&t->n);
    if (fb_config_load(arena, o->config, NULL, &none, &config, &err) != FB_OK) {
        fb_door_say(err.text);
        return false;
    }
    fb_config_score(config, &t->config);
    return true;
}

static bool print(const struct table *t, enum fb_form form)
{
    struct fb_buf b;
    bool whole;

    if (form == FB_FORM_CSV || form == FB_FORM_HTML)
        return sheet(t, form);
    fb_buf_init(&b, 256u << 10);
    if (form == FB_FORM_JSON)
        json(t, &b);
    else
        text(t, &b);
    whole = fb_buf_ok(&b) && fwrite(b.at, 1, b.len, stdout) == b.len;
    fb_buf_release(&b);
    return whole;
}

int fb_door_signals(const struct fb_options *o)
{
    struct fb_arena *arena = fb_arena_new(4u << 20);
    struct table t;
    bool whole = arena && load(&t, arena, o) && print(&t, fb_form_of(o));

    fb_arena_free(arena);
    return fflush(stdout) == 0 && whole ? FB_EXIT_DONE : FB_EXIT_USAGE;
}

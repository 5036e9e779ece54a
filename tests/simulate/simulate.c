/* simulate.c - many seeds. `simulate [--seeds N] [--from S] [--tell] [--mutant M | --mutants]`
 * exit 0: every invariant held; 1: one did not, and its story is told. */
#include "simulate/sim.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MUTANT_SEEDS = 1000, AGAIN_EVERY = 16 };

struct options {
    uint64_t seeds, from;
    bool tell, mutants;
};

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* I27: the same story is told the same way. */
static bool run_seed(struct sim *s, uint64_t seed, struct sim_worker *workers,
                     struct sim_count *count)
{
    struct sim_count unused = {0};
    uint64_t trail;

    if (!story_run(s, seed, workers, count, false))
        return false;
    if (seed % AGAIN_EVERY)
        return true;
    trail = s->trail;
    if (!story_run(s, seed, workers, &unused, false))
        return false;
    if (trail != s->trail) {
        s->failed = false;
        sim_fail(s, "I27", "the same seed told another story");
    }
    return !s->failed;
}

static void print_sum(const struct sim_count *c, double took)
{
    printf("%llu seeds, %llu steps (%.1f million a minute): %llu invocations, %llu of them ticks; "
           "%llu events, %llu delivered again\n",
           (unsigned long long)c->seeds, (unsigned long long)c->steps,
           took > 0 ? (double)c->steps / took * 60 / 1e6 : 0, (unsigned long long)c->invocations,
           (unsigned long long)c->ticks, (unsigned long long)c->events,
           (unsigned long long)c->copies);
    printf(
        "  %llu crashes, %llu killed at the time limit, %llu throttles, %llu time-outs, %llu lost "
        "answers, %llu failed store calls, %llu switches between invocations\n",
        (unsigned long long)c->crashes, (unsigned long long)c->kills,
        (unsigned long long)c->throttles, (unsigned long long)c->timeouts,
        (unsigned long long)c->lost, (unsigned long long)c->store_fails,
        (unsigned long long)c->switches);
    printf(
        "  %llu moves of the thief (%llu more refused by the cloud), %llu acts of ours, contained "
        "said %llu times, %llu seeds in dry-run\n",
        (unsigned long long)c->moves, (unsigned long long)c->refused_moves,
        (unsigned long long)c->acts, (unsigned long long)c->contained, (unsigned long long)c->dry);
}

static int run_all(struct sim *s, struct sim_worker *workers, const struct options *o)
{
    struct sim_count count = {0};
    double from = seconds();

    for (uint64_t seed = o->from; seed < o->from + o->seeds; seed++) {
        if (o->tell ? story_run(s, seed, workers, &count, true)
                    : run_seed(s, seed, workers, &count))
            continue;
        printf("seed %llu: %s\n", (unsigned long long)seed, s->why);
        if (!o->tell) {
            printf("its story (simulate --from %llu --seeds 1 --tell):\n",
                   (unsigned long long)seed);
            (void)story_run(s, seed, workers, &count, true);
        }
        print_sum(&count, seconds() - from);
        return 1;
    }
    print_sum(&count, seconds() - from);
    return 0;
}

/* Each mutant must be caught, and by the invariant that it breaks. */
static int run_mutants(struct sim *s, struct sim_worker *workers)
{
    size_t n, missed = 0;
    int only = sim_mutant;
    const struct sim_mutant *all = sim_mutants(&n);

    for (size_t i = 0; i < n; i++) {
        struct sim_count count = {0};
        uint64_t seed = 0;
        bool caught = false;

        if (only && all[i].number != only)
            continue;
        sim_mutant = all[i].number;
        for (; seed < MUTANT_SEEDS && !caught; seed++)
            caught = !run_seed(s, seed, workers, &count);
        printf("%-7s mutant %2d  %-60s %s after %llu seeds%s%s\n", all[i].invariant, all[i].number,
               all[i].words, caught ? "caught" : "NOT CAUGHT", (unsigned long long)seed,
               caught ? ": " : "", caught ? s->why : "");
        missed += !caught;
    }
    sim_mutant = 0;
    return missed ? 1 : 0;
}

static bool read_options(int argc, char **argv, struct options *o)
{
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;

        if (strcmp(argv[i], "--tell") == 0)
            o->tell = true;
        else if (strcmp(argv[i], "--mutants") == 0)
            o->mutants = true;
        else if (strcmp(argv[i], "--seeds") == 0 && more)
            o->seeds = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--from") == 0 && more)
            o->from = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--mutant") == 0 && more)
            sim_mutant = atoi(argv[++i]);
        else
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct options o = {.seeds = 2000};
    struct sim_worker *workers = calloc(SIM_WORKERS, sizeof *workers);
    struct sim *s = calloc(1, sizeof *s);
    struct fb_err err = {0};
    int result = 2;

    if (!read_options(argc, argv, &o)) {
        fprintf(stderr,
                "usage: simulate [--seeds N] [--from S] [--tell] [--mutant M] [--mutants]\n");
        return 2;
    }
    if (workers && s && crew_open(workers, &err)) {
        s->a = fb_arena_new(64u << 20);
        s->scratch = fb_arena_new(64u << 20);
        if (s->a && s->scratch)
            result = o.mutants ? run_mutants(s, workers) : run_all(s, workers, &o);
        crew_shut(workers);
    } else {
        fprintf(stderr, "simulate: %s\n", err.text);
    }
    if (s) {
        fb_arena_free(s->a);
        fb_arena_free(s->scratch);
    }
    free(s);
    free(workers);
    return result;
}

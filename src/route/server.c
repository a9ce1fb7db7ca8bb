#include "route/server.h"

#include <assert.h>
#include <stdlib.h>

/* All that is known of one server, in one word, so that a change is one compare-and-exchange and no reader sees half of
 * it. Zero is a server that is up: then nothing is ever written, and threads share the word without a cost.
 *
 *   bits 0 to 5   failures in a row
 *   bit  6        one visit is trying it
 *   bits 7 to 63  end of its rest on the steady clock, in microseconds (2^57 of them are 4,500 years) */
#define FAILURES_MOST 63
#define TRIAL_BIT UINT64_C(0x40)
#define END_SHIFT 7

/* What the threads read for every visit stands in front; counts that change with each are in the next cache line. */
struct server_state {
    uint64_t word;
    uint64_t closed; /* doors from which it takes nobody */
    uint32_t flags;
    uint32_t generation;
    uint32_t unpinned;
    uint32_t failed;
    uint32_t began;
    uint32_t unused[7];
    uint64_t handed_over;
    uint64_t refused;
    uint64_t answer_last;
    uint64_t answer_mean;
    uint64_t answer_worst;
    uint32_t live;
    uint32_t queued;
    uint32_t in_flight;
    uint32_t requests;
    uint32_t unused_too[2];
};
_Static_assert(sizeof(struct server_state) == 128, "two cache lines");

#define FLAG_DRAINING 1
#define FLAG_BUSY 2
#define FLAG_LIVE_TOLD 4

size_t server_states_size(size_t count)
{
    return count * sizeof(struct server_state);
}

struct server_states server_states_at(void *memory, size_t count)
{
    return (struct server_states){.all = memory, .count = count};
}

struct server_states *server_states_new(size_t count)
{
    struct server_states *states = malloc(sizeof(*states));
    void *memory = calloc(1, server_states_size(count) + 1);
    if (!states || !memory) {
        free(states);
        free(memory);
        return NULL;
    }
    *states = server_states_at(memory, count);
    return states;
}

void server_states_free(struct server_states *states)
{
    if (states)
        free(states->all);
    free(states);
}

static uint64_t load(const struct server_states *states, size_t number)
{
    assert(number < states->count);
    return __atomic_load_n(&states->all[number].word, __ATOMIC_RELAXED);
}

/* False: somebody else was quicker, and *seen is what he wrote. Relaxed is enough everywhere: the word tells all. */
static bool replace(struct server_states *states, size_t number, uint64_t *seen, uint64_t word)
{
    return __atomic_compare_exchange_n(&states->all[number].word, seen, word, false, __ATOMIC_RELAXED,
                                       __ATOMIC_RELAXED);
}

static bool rest_is_over(uint64_t word, micros now)
{
    return (uint64_t)now >= word >> END_SHIFT;
}

static bool may_try(uint64_t word, micros now, bool anyway)
{
    return word == 0 || (!(word & TRIAL_BIT) && (anyway || rest_is_over(word, now)));
}

enum server_condition server_condition(const struct server_states *states, size_t number, micros now)
{
    (void)now;
    uint64_t word = load(states, number);
    if (word == 0)
        return SERVER_UP;
    return word & TRIAL_BIT ? SERVER_ON_TRIAL : SERVER_RESTING;
}

/* Does it take newcomers from there at all? */
static bool is_open(const struct server_states *states, size_t number, unsigned door)
{
    assert(number < states->count && door < SERVER_DOORS);
    const struct server_state *state = &states->all[number];
    uint32_t flags = __atomic_load_n(&state->flags, __ATOMIC_RELAXED);
    uint64_t closed = __atomic_load_n(&state->closed, __ATOMIC_RELAXED);
    return !(flags & FLAG_DRAINING) && !(closed >> door & 1);
}

bool server_may_try(const struct server_states *states, size_t number, unsigned door, micros now, bool anyway)
{
    return is_open(states, number, door) && may_try(load(states, number), now, anyway);
}

static bool claim(struct server_states *states, size_t number, micros now, bool anyway)
{
    uint64_t word = load(states, number);
    do {
        if (!may_try(word, now, anyway))
            return false;
        if (word == 0)
            return true;
    } while (!replace(states, number, &word, word | TRIAL_BIT));
    return true;
}

bool server_try(struct server_states *states, size_t number, unsigned door, micros now, bool anyway)
{
    return is_open(states, number, door) && claim(states, number, now, anyway);
}

bool server_try_known(struct server_states *states, size_t number, unsigned door, micros now)
{
    uint64_t closed = __atomic_load_n(&states->all[number].closed, __ATOMIC_RELAXED);
    assert(number < states->count && door < SERVER_DOORS);
    return !(closed >> door & 1) && claim(states, number, now, false);
}

bool server_succeeded(struct server_states *states, size_t number)
{
    /* Nearly always it is up already: then nothing is written that other threads read. */
    return load(states, number) != 0 && __atomic_exchange_n(&states->all[number].word, 0, __ATOMIC_RELAXED) != 0;
}

static uint64_t resting_word(uint64_t failures, micros now)
{
    micros rest = SERVER_REST_FIRST;
    for (uint64_t i = 1; i < failures && rest < SERVER_REST_MOST; i++)
        rest *= 2;
    if (rest > SERVER_REST_MOST)
        rest = SERVER_REST_MOST;
    return (uint64_t)(now + rest) << END_SHIFT | failures;
}

bool server_failed(struct server_states *states, size_t number, micros now)
{
    uint64_t word = load(states, number);
    uint64_t next;
    do {
        uint64_t failures = word & FAILURES_MOST;
        bool counts = word == 0 || (word & TRIAL_BIT && rest_is_over(word, now));
        if (counts)
            next = resting_word(failures < FAILURES_MOST ? failures + 1 : FAILURES_MOST, now);
        else
            next = word & ~TRIAL_BIT;
    } while (next != word && !replace(states, number, &word, next));
    __atomic_store_n(&states->all[number].failed, (uint32_t)(now / SECOND_IN_MICROS), __ATOMIC_RELAXED);
    return word == 0;
}

void server_untried(struct server_states *states, size_t number)
{
    uint64_t word = load(states, number);
    while (word & TRIAL_BIT && !replace(states, number, &word, word & ~TRIAL_BIT))
        continue;
}

/* ---- what else is known of it --------------------------------------------------------------------------------------- */

#define STORE(member, value) __atomic_store_n(&states->all[number].member, value, __ATOMIC_RELAXED)
#define LOAD(member) __atomic_load_n(&states->all[number].member, __ATOMIC_RELAXED)
#define ADD(member, value) __atomic_fetch_add(&states->all[number].member, value, __ATOMIC_RELAXED)

static void set_flag(struct server_states *states, size_t number, uint32_t flag, bool on)
{
    assert(number < states->count);
    uint32_t *flags = &states->all[number].flags;
    if (on)
        __atomic_fetch_or(flags, flag, __ATOMIC_RELAXED);
    else
        __atomic_fetch_and(flags, ~flag, __ATOMIC_RELAXED);
}

void server_states_reset(struct server_states *states)
{
    for (size_t number = 0; number < states->count; number++) {
        server_untried(states, number);
        set_flag(states, number, FLAG_BUSY | FLAG_LIVE_TOLD, false);
        STORE(closed, 0);
        STORE(live, 0);
        STORE(requests, 0);
        STORE(queued, 0);
        STORE(in_flight, 0);
    }
}

void server_set_doors(struct server_states *states, size_t number, uint64_t doors)
{
    assert(number < states->count);
    STORE(closed, ~doors);
}

void server_set_busy(struct server_states *states, size_t number, bool busy)
{
    set_flag(states, number, FLAG_BUSY, busy);
}

void server_set_draining(struct server_states *states, size_t number, bool draining)
{
    set_flag(states, number, FLAG_DRAINING, draining);
}

void server_set_unpinned(struct server_states *states, size_t number, uint32_t seconds)
{
    STORE(unpinned, seconds);
}

uint32_t server_unpinned(const struct server_states *states, size_t number)
{
    return LOAD(unpinned);
}

void server_set_began(struct server_states *states, size_t number, uint32_t seconds)
{
    assert(number < states->count);
    bool is_first = LOAD(began) == 0;
    STORE(began, is_first ? seconds : seconds + 1);
}

uint32_t server_began(const struct server_states *states, size_t number)
{
    assert(number < states->count);
    return LOAD(began);
}

bool server_is_there(const struct server_states *states, size_t number)
{
    return load(states, number) == 0 && LOAD(closed) != SERVER_DOORS_ALL;
}

bool server_is_draining(const struct server_states *states, size_t number)
{
    return LOAD(flags) & FLAG_DRAINING;
}

uint32_t server_last_failed(const struct server_states *states, size_t number)
{
    assert(number < states->count);
    return LOAD(failed);
}

uint32_t server_generation(const struct server_states *states, size_t number)
{
    assert(number < states->count);
    return LOAD(generation);
}

void server_next_generation(struct server_states *states, size_t number)
{
    assert(number < states->count);
    ADD(generation, 1);
}

void server_figures(const struct server_states *states, size_t number, struct server_figures *figures)
{
    assert(number < states->count);
    *figures = (struct server_figures){
        .handed_over = LOAD(handed_over),
        .refused = LOAD(refused),
        .answer_last = LOAD(answer_last),
        .answer_mean = LOAD(answer_mean),
        .answer_worst = LOAD(answer_worst),
        .live = LOAD(live),
        .requests = LOAD(requests),
        .live_told = LOAD(flags) & FLAG_LIVE_TOLD,
        .queued = LOAD(queued),
        .in_flight = LOAD(in_flight),
        .busy = LOAD(flags) & FLAG_BUSY,
        .doors = ~LOAD(closed),
    };
}

void server_set_live(struct server_states *states, size_t number, uint32_t count)
{
    STORE(live, count);
    set_flag(states, number, FLAG_LIVE_TOLD, true);
}

void server_count_requests(struct server_states *states, size_t number, int change)
{
    ADD(requests, (uint32_t)change);
}

void server_count_live(struct server_states *states, size_t number, int change)
{
    ADD(live, (uint32_t)change);
}

/* Of a worker, by the thread that owns its channel: one writer. The mean leans to what was lately, by an eighth. */
void server_count_answer(struct server_states *states, size_t number, bool taken, micros waited)
{
    uint64_t time = waited > 0 ? (uint64_t)waited : 0;
    uint64_t mean = LOAD(answer_mean);
    if (taken)
        STORE(handed_over, LOAD(handed_over) + 1);
    else
        STORE(refused, LOAD(refused) + 1);
    STORE(answer_last, time);
    STORE(answer_mean, mean == 0 ? time : (7 * mean + time) / 8);
    if (time > LOAD(answer_worst))
        STORE(answer_worst, time);
}

void server_count_waiting(struct server_states *states, size_t number, uint32_t queued, uint32_t in_flight)
{
    STORE(queued, queued);
    STORE(in_flight, in_flight);
}

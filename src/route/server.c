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

struct server_states {
    size_t count;
    uint64_t words[];
};

struct server_states *server_states_new(size_t count)
{
    struct server_states *states = calloc(1, sizeof(*states) + count * sizeof(states->words[0]));
    if (states)
        states->count = count;
    return states;
}

void server_states_free(struct server_states *states)
{
    free(states);
}

static uint64_t load(const struct server_states *states, size_t number)
{
    assert(number < states->count);
    return __atomic_load_n(&states->words[number], __ATOMIC_RELAXED);
}

/* False: somebody else was quicker, and *seen is what he wrote. Relaxed is enough everywhere: the word tells all. */
static bool replace(struct server_states *states, size_t number, uint64_t *seen, uint64_t word)
{
    return __atomic_compare_exchange_n(&states->words[number], seen, word, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
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

bool server_may_try(const struct server_states *states, size_t number, micros now, bool anyway)
{
    return may_try(load(states, number), now, anyway);
}

bool server_try(struct server_states *states, size_t number, micros now, bool anyway)
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

bool server_succeeded(struct server_states *states, size_t number)
{
    /* Nearly always it is up already: then nothing is written that other threads read. */
    return load(states, number) != 0 && __atomic_exchange_n(&states->words[number], 0, __ATOMIC_RELAXED) != 0;
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
    return word == 0;
}

void server_untried(struct server_states *states, size_t number)
{
    uint64_t word = load(states, number);
    while (word & TRIAL_BIT && !replace(states, number, &word, word & ~TRIAL_BIT))
        continue;
}

#include "pins/breaker.h"

static uint32_t load(const uint32_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static void store(uint32_t *word, uint32_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static bool change(uint32_t *word, uint32_t from, uint32_t to)
{
    return __atomic_compare_exchange_n(word, &from, to, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

enum breaker_state breaker_state(const struct breaker *breaker)
{
    return (enum breaker_state)load(&breaker->state);
}

void breaker_begin(struct breaker *breaker)
{
    if (breaker_lets(breaker))
        return;
    __atomic_store_n(&breaker->retry_at, 0, __ATOMIC_RELEASE);
    store(&breaker->state, BREAKER_OPEN);
}

bool breaker_lets(const struct breaker *breaker)
{
    enum breaker_state state = breaker_state(breaker);
    return state == BREAKER_NEW || state == BREAKER_CLOSED;
}

micros breaker_retry_at(const struct breaker *breaker)
{
    return __atomic_load_n(&breaker->retry_at, __ATOMIC_ACQUIRE);
}

bool breaker_try(struct breaker *breaker, micros now)
{
    return breaker_state(breaker) == BREAKER_OPEN && now >= breaker_retry_at(breaker) &&
           change(&breaker->state, BREAKER_OPEN, BREAKER_TRIAL);
}

static void note_change(struct breaker *breaker, micros now)
{
    __atomic_store_n(&breaker->since, now, __ATOMIC_RELEASE);
}

bool breaker_reached(struct breaker *breaker, micros now)
{
    uint32_t state = load(&breaker->state);
    /* A connection that another thread still got says nothing against the failures since. */
    if (state == BREAKER_CLOSED || state == BREAKER_OPEN || !change(&breaker->state, state, BREAKER_CLOSED))
        return false;
    if (state == BREAKER_TRIAL)
        store(&breaker->failures, 0);
    note_change(breaker, now);
    return state == BREAKER_TRIAL;
}

void breaker_succeeded(struct breaker *breaker, micros now)
{
    if (load(&breaker->state) != BREAKER_CLOSED)
        return;
    if (load(&breaker->failures) > 0)
        store(&breaker->failures, 0);
    if (load(&breaker->pauses) > 0 && now - __atomic_load_n(&breaker->since, __ATOMIC_ACQUIRE) >= BREAKER_STEADY)
        store(&breaker->pauses, 0);
}

static micros pause_after(uint32_t pauses)
{
    micros pause = BREAKER_PAUSE_FIRST;
    for (uint32_t i = 0; i < pauses && pause < BREAKER_PAUSE_MOST; i++)
        pause *= 2;
    return pause < BREAKER_PAUSE_MOST ? pause : BREAKER_PAUSE_MOST;
}

bool breaker_failed(struct breaker *breaker, micros now)
{
    uint32_t state = load(&breaker->state);
    if (state == BREAKER_OPEN)
        return false;
    uint32_t failures = __atomic_add_fetch(&breaker->failures, 1, __ATOMIC_ACQ_REL);
    if (state != BREAKER_TRIAL && failures < BREAKER_FAILURES)
        return false;
    uint32_t pauses = load(&breaker->pauses);
    __atomic_store_n(&breaker->retry_at, now + pause_after(pauses), __ATOMIC_RELEASE);
    if (!change(&breaker->state, state, BREAKER_OPEN))
        return false;
    store(&breaker->pauses, pauses + 1);
    if (state == BREAKER_TRIAL)
        return false;
    note_change(breaker, now);
    return true;
}

/* The first one is 1, without anybody having said so. */
uint32_t breaker_era(const struct breaker *breaker)
{
    return load(&breaker->era) + 1;
}

bool breaker_meet(struct breaker *breaker, uint64_t instance)
{
    uint64_t before = __atomic_exchange_n(&breaker->instance, instance, __ATOMIC_ACQ_REL);
    if (before == instance)
        return false;
    __atomic_add_fetch(&breaker->era, 1, __ATOMIC_ACQ_REL);
    return true;
}

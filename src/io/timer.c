#include "io/timer.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

/* `when` is where the timer stands in the heap; its own deadline may have moved on since. */
struct timer_slot {
    micros when;
    struct timer *timer;
};

void timers_init(struct timers *timers)
{
    *timers = (struct timers){0};
}

void timers_fini(struct timers *timers)
{
    free(timers->heap);
    *timers = (struct timers){0};
}

void timer_init(struct timer *timer, void (*fire)(struct timer *timer))
{
    *timer = (struct timer){.deadline = TIMER_NEVER, .fire = fire};
}

static void put(struct timers *timers, size_t place, struct timer_slot slot)
{
    timers->heap[place] = slot;
    slot.timer->place = place;
}

static void move_up(struct timers *timers, size_t place, struct timer_slot slot)
{
    while (place > 1 && timers->heap[place / 2].when > slot.when) {
        put(timers, place, timers->heap[place / 2]);
        place /= 2;
    }
    put(timers, place, slot);
}

static void move_down(struct timers *timers, size_t place, struct timer_slot slot)
{
    for (size_t child; (child = place * 2) <= timers->count; place = child) {
        if (child < timers->count && timers->heap[child + 1].when < timers->heap[child].when)
            child++;
        if (timers->heap[child].when >= slot.when)
            break;
        put(timers, place, timers->heap[child]);
    }
    put(timers, place, slot);
}

static void settle(struct timers *timers, size_t place, struct timer_slot slot)
{
    if (place > 1 && timers->heap[place / 2].when > slot.when)
        move_up(timers, place, slot);
    else
        move_down(timers, place, slot);
}

static int grow(struct timers *timers)
{
    if (timers->count + 1 < timers->capacity)
        return 0;
    size_t capacity = timers->capacity > 0 ? timers->capacity * 2 : 64;
    struct timer_slot *heap = realloc(timers->heap, capacity * sizeof(*heap));
    if (!heap)
        return -ENOMEM;
    timers->heap = heap;
    timers->capacity = capacity;
    return 0;
}

int timer_set(struct timers *timers, struct timer *timer, micros deadline)
{
    if (deadline < timers->floor)
        deadline = timers->floor;
    timer->deadline = deadline;
    if (timer->place > 0) {
        if (deadline < timers->heap[timer->place].when)
            move_up(timers, timer->place, (struct timer_slot){deadline, timer});
        return 0;
    }
    int failure = grow(timers);
    if (failure) {
        timer->deadline = TIMER_NEVER;
        return failure;
    }
    timers->count++;
    move_up(timers, timers->count, (struct timer_slot){deadline, timer});
    return 0;
}

static void take_out(struct timers *timers, struct timer *timer)
{
    size_t place = timer->place;
    assert(place > 0 && place <= timers->count);
    timer->place = 0;
    struct timer_slot last = timers->heap[timers->count--];
    if (last.timer != timer)
        settle(timers, place, last);
}

void timer_clear(struct timers *timers, struct timer *timer)
{
    timer->deadline = TIMER_NEVER;
    if (timer->place > 0)
        take_out(timers, timer);
}

void timers_run(struct timers *timers, micros now)
{
    timers->floor = now + 1;
    while (timers->count > 0 && timers->heap[1].when <= now) {
        struct timer *timer = timers->heap[1].timer;
        if (timer->deadline > now) {
            move_down(timers, 1, (struct timer_slot){timer->deadline, timer});
            continue;
        }
        take_out(timers, timer);
        timer->deadline = TIMER_NEVER;
        timer->fire(timer);
    }
    timers->floor = 0;
}

micros timers_next(const struct timers *timers)
{
    return timers->count > 0 ? timers->heap[1].when : TIMER_NEVER;
}

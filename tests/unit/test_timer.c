#include "io/timer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

struct alarm {
    struct timer timer;
    micros fired_at;
    int fired;
};

static micros now;

static void note(struct timer *timer)
{
    struct alarm *alarm = container_of(timer, struct alarm, timer);
    alarm->fired++;
    alarm->fired_at = now;
}

static void run_until(struct timers *timers, micros end)
{
    for (; now <= end; now++)
        timers_run(timers, now);
}

static void timers_fire_in_order_and_once(void **state)
{
    (void)state;
    struct timers timers;
    struct alarm alarms[5];
    static const micros deadlines[5] = {30, 10, 50, 10, 20};
    timers_init(&timers);
    now = 0;
    for (size_t i = 0; i < 5; i++) {
        alarms[i] = (struct alarm){0};
        timer_init(&alarms[i].timer, note);
        assert_int_equal(timer_set(&timers, &alarms[i].timer, deadlines[i]), 0);
    }
    run_until(&timers, 60);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(alarms[i].fired, 1);
        assert_int_equal(alarms[i].fired_at, deadlines[i]);
    }
    assert_int_equal(timers_next(&timers), TIMER_NEVER);
    timers_fini(&timers);
}

static void a_deadline_that_moved_later_fires_late_and_one_that_moved_earlier_fires_early(void **state)
{
    (void)state;
    struct timers timers;
    struct alarm later = {0};
    struct alarm earlier = {0};
    timers_init(&timers);
    now = 0;
    timer_init(&later.timer, note);
    timer_init(&earlier.timer, note);
    assert_int_equal(timer_set(&timers, &later.timer, 10), 0);
    assert_int_equal(timer_set(&timers, &earlier.timer, 40), 0);
    assert_int_equal(timer_set(&timers, &later.timer, 30), 0);
    assert_int_equal(timer_set(&timers, &earlier.timer, 20), 0);
    run_until(&timers, 60);
    assert_int_equal(later.fired_at, 30);
    assert_int_equal(earlier.fired_at, 20);
    timers_fini(&timers);
}

/* A shadow model: an array that is searched for what is due. */
#define MANY 200

static void random_sets_and_clears_agree_with_a_plain_array(void **state)
{
    (void)state;
    struct timers timers;
    static struct alarm alarms[MANY];
    micros expected[MANY];
    timers_init(&timers);
    srandom(7);
    for (size_t i = 0; i < MANY; i++) {
        alarms[i] = (struct alarm){0};
        timer_init(&alarms[i].timer, note);
        expected[i] = TIMER_NEVER;
    }
    for (now = 0; now < 20000; now++) {
        size_t i = (size_t)random() % MANY;
        if (random() % 4 == 0) {
            timer_clear(&timers, &alarms[i].timer);
            expected[i] = TIMER_NEVER;
        } else {
            expected[i] = now + 1 + random() % 100;
            assert_int_equal(timer_set(&timers, &alarms[i].timer, expected[i]), 0);
        }
        for (size_t j = 0; j < MANY; j++)
            alarms[j].fired = 0;
        timers_run(&timers, now);
        for (size_t j = 0; j < MANY; j++) {
            bool due = expected[j] <= now;
            assert_int_equal(alarms[j].fired, due ? 1 : 0);
            if (due)
                expected[j] = TIMER_NEVER;
        }
    }
    timers_fini(&timers);
}

static struct timers *shared;

static void set_again(struct timer *timer)
{
    note(timer);
    struct alarm *alarm = container_of(timer, struct alarm, timer);
    if (alarm->fired < 3)
        assert_int_equal(timer_set(shared, timer, now + 10), 0);
}

static void a_timer_may_set_itself_again(void **state)
{
    (void)state;
    struct timers timers;
    struct alarm alarm = {0};
    shared = &timers;
    timers_init(&timers);
    now = 0;
    timer_init(&alarm.timer, set_again);
    assert_int_equal(timer_set(&timers, &alarm.timer, 10), 0);
    run_until(&timers, 100);
    assert_int_equal(alarm.fired, 3);
    assert_int_equal(alarm.fired_at, 30);
    timers_fini(&timers);
}

static struct timers *own_timers;

static void set_in_the_past(struct timer *timer)
{
    note(timer);
    assert_int_equal(timer_set(own_timers, timer, now - 5), 0);
}

static void a_timer_that_is_set_in_the_past_lets_the_others_have_their_turn(void **state)
{
    (void)state;
    struct timers timers;
    struct alarm stubborn = {0};
    struct alarm other = {0};
    timers_init(&timers);
    own_timers = &timers;
    timer_init(&stubborn.timer, set_in_the_past);
    timer_init(&other.timer, note);
    assert_int_equal(timer_set(&timers, &stubborn.timer, 10), 0);
    assert_int_equal(timer_set(&timers, &other.timer, 20), 0);
    now = 30;
    timers_run(&timers, now);
    assert_int_equal(stubborn.fired, 1);
    assert_int_equal(other.fired, 1);
    now = timers_next(&timers);
    timers_run(&timers, now);
    assert_int_equal(stubborn.fired, 2);
    timers_fini(&timers);
}

static void a_timer_tells_whether_it_is_set(void **state)
{
    struct timers timers;
    struct alarm alarm = {0};
    timers_init(&timers);
    timer_init(&alarm.timer, note);
    assert_false(timer_is_set(&alarm.timer));
    assert_int_equal(timer_set(&timers, &alarm.timer, 10), 0);
    assert_true(timer_is_set(&alarm.timer));
    now = 10;
    timers_run(&timers, now);
    assert_int_equal(alarm.fired, 1);
    assert_false(timer_is_set(&alarm.timer));
    assert_int_equal(timer_set(&timers, &alarm.timer, 20), 0);
    timer_clear(&timers, &alarm.timer);
    assert_false(timer_is_set(&alarm.timer));
    timer_clear(&timers, &alarm.timer);
    timers_fini(&timers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_in_order_and_once),
        cmocka_unit_test(a_deadline_that_moved_later_fires_late_and_one_that_moved_earlier_fires_early),
        cmocka_unit_test(random_sets_and_clears_agree_with_a_plain_array),
        cmocka_unit_test(a_timer_may_set_itself_again),
        cmocka_unit_test(a_timer_that_is_set_in_the_past_lets_the_others_have_their_turn),
        cmocka_unit_test(a_timer_tells_whether_it_is_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

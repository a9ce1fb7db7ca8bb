/* When a memcached server is asked, and when not. Times are given. */

#include "pins/breaker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MS MILLIS_IN_MICROS
#define NOW (1000 * (micros)SECOND_IN_MICROS)

static void fail_times(struct breaker *breaker, unsigned times)
{
    while (times-- > 0)
        breaker_failed(breaker, NOW);
}

static struct breaker open_breaker(void)
{
    struct breaker breaker = {0};
    fail_times(&breaker, BREAKER_FAILURES);
    return breaker;
}

static void it_is_asked_before_anybody_knows(void **state)
{
    struct breaker breaker = {0};
    assert_int_equal(breaker_state(&breaker), BREAKER_NEW);
    assert_true(breaker_lets(&breaker));
    assert_false(breaker_try(&breaker, NOW));
    assert_false(breaker_reached(&breaker, NOW)); /* nothing was wrong before, so there is nothing to tell */
    assert_int_equal(breaker_state(&breaker), BREAKER_CLOSED);
    assert_int_equal(breaker.since, NOW);
}

static void five_failures_in_a_row_are_enough(void **state)
{
    struct breaker breaker = {0};
    assert_false(breaker_reached(&breaker, NOW));
    for (unsigned i = 1; i < BREAKER_FAILURES; i++)
        assert_false(breaker_failed(&breaker, NOW));
    assert_true(breaker_lets(&breaker));
    breaker_succeeded(&breaker, NOW);
    fail_times(&breaker, BREAKER_FAILURES - 1);
    assert_true(breaker_lets(&breaker));
    assert_true(breaker_failed(&breaker, NOW + 7));
    assert_false(breaker_lets(&breaker));
    assert_int_equal(breaker.since, NOW + 7);
    assert_false(breaker_failed(&breaker, NOW + 8)); /* told once */
    assert_int_equal(breaker.since, NOW + 7);
}

static void to_be_let_in_is_no_answer(void **state)
{
    struct breaker breaker = {0};
    for (unsigned i = 1; i < BREAKER_FAILURES; i++) {
        assert_false(breaker_reached(&breaker, NOW));
        assert_false(breaker_failed(&breaker, NOW));
    }
    assert_false(breaker_reached(&breaker, NOW));
    assert_true(breaker_failed(&breaker, NOW));
}

static void trials_come_ever_later_up_to_five_seconds(void **state)
{
    static const unsigned pauses[] = {100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000};
    struct breaker breaker = open_breaker();
    micros now = NOW;
    for (size_t i = 0; i < ARRAY_LENGTH(pauses); i++) {
        micros due = now + pauses[i] * (micros)MS;
        assert_int_equal(breaker_retry_at(&breaker), due);
        assert_false(breaker_try(&breaker, due - 1));
        assert_true(breaker_try(&breaker, due));
        assert_int_equal(breaker_state(&breaker), BREAKER_TRIAL);
        assert_false(breaker_lets(&breaker));
        assert_false(breaker_failed(&breaker, due)); /* it is as it was: nothing to tell */
        now = due;
    }
}

static void one_at_a_time_tries(void **state)
{
    struct breaker breaker = open_breaker();
    micros later = NOW + BREAKER_PAUSE_MOST;
    assert_true(breaker_try(&breaker, later));
    assert_false(breaker_try(&breaker, later));
    assert_false(breaker_failed(&breaker, later));
    assert_false(breaker_try(&breaker, later));
}

static void a_trial_that_succeeds_is_told_and_visits_may_ask(void **state)
{
    struct breaker breaker = open_breaker();
    micros later = NOW + BREAKER_PAUSE_FIRST;
    assert_true(breaker_try(&breaker, later));
    assert_true(breaker_reached(&breaker, later));
    assert_true(breaker_lets(&breaker));
    assert_int_equal(breaker.since, later);
    assert_false(breaker_reached(&breaker, later + 1));
    fail_times(&breaker, BREAKER_FAILURES - 1); /* they count from the beginning */
    assert_true(breaker_lets(&breaker));
}

static void pauses_begin_anew_only_after_answers_for_a_while(void **state)
{
    struct breaker breaker = open_breaker();
    micros later = NOW + BREAKER_PAUSE_FIRST;
    assert_true(breaker_try(&breaker, later));
    assert_true(breaker_reached(&breaker, later));
    fail_times(&breaker, BREAKER_FAILURES);
    assert_int_equal(breaker_retry_at(&breaker), NOW + 2 * BREAKER_PAUSE_FIRST);

    assert_true(breaker_try(&breaker, NOW + BREAKER_PAUSE_MOST));
    assert_true(breaker_reached(&breaker, NOW));
    breaker_succeeded(&breaker, NOW + BREAKER_STEADY - 1); /* one answer, and then it hangs again */
    fail_times(&breaker, BREAKER_FAILURES);
    assert_int_equal(breaker_retry_at(&breaker), NOW + 4 * BREAKER_PAUSE_FIRST);

    assert_true(breaker_try(&breaker, NOW + BREAKER_PAUSE_MOST));
    assert_true(breaker_reached(&breaker, NOW));
    breaker_succeeded(&breaker, NOW + BREAKER_STEADY);
    fail_times(&breaker, BREAKER_FAILURES);
    assert_int_equal(breaker_retry_at(&breaker), NOW + BREAKER_PAUSE_FIRST);
}

static void what_others_still_hear_does_not_open_it_again(void **state)
{
    struct breaker breaker = open_breaker();
    assert_false(breaker_reached(&breaker, NOW));
    breaker_succeeded(&breaker, NOW);
    assert_int_equal(breaker_state(&breaker), BREAKER_OPEN);
    assert_int_equal(breaker.failures, BREAKER_FAILURES);
}

static void a_new_engine_tries_at_once(void **state)
{
    struct breaker breaker = open_breaker(), tried = open_breaker(), good = {0};
    assert_true(breaker_try(&tried, NOW + BREAKER_PAUSE_FIRST)); /* ... and then its engine died */
    breaker_begin(&breaker);
    breaker_begin(&tried);
    assert_true(breaker_try(&breaker, NOW));
    assert_true(breaker_try(&tried, NOW));
    assert_false(breaker_try(&tried, NOW));
    assert_true(breaker_reached(&tried, NOW));
    breaker_begin(&good);
    assert_int_equal(breaker_state(&good), BREAKER_NEW);
    assert_false(breaker_reached(&good, NOW));
    breaker_begin(&good);
    assert_int_equal(breaker_state(&good), BREAKER_CLOSED);
}

static void an_era_ends_when_another_instance_is_met(void **state)
{
    struct breaker breaker = {0};
    assert_int_equal(breaker_era(&breaker), 1);
    assert_true(breaker_meet(&breaker, 17));
    assert_int_equal(breaker_era(&breaker), 2);
    assert_false(breaker_meet(&breaker, 17)); /* another thread, or another connection */
    assert_int_equal(breaker_era(&breaker), 2);
    assert_true(breaker_meet(&breaker, 18));
    assert_int_equal(breaker_era(&breaker), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_asked_before_anybody_knows),
        cmocka_unit_test(five_failures_in_a_row_are_enough),
        cmocka_unit_test(to_be_let_in_is_no_answer),
        cmocka_unit_test(trials_come_ever_later_up_to_five_seconds),
        cmocka_unit_test(one_at_a_time_tries),
        cmocka_unit_test(a_trial_that_succeeds_is_told_and_visits_may_ask),
        cmocka_unit_test(pauses_begin_anew_only_after_answers_for_a_while),
        cmocka_unit_test(what_others_still_hear_does_not_open_it_again),
        cmocka_unit_test(a_new_engine_tries_at_once),
        cmocka_unit_test(an_era_ends_when_another_instance_is_met),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

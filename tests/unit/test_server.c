#include "route/server.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define MS MILLIS_IN_MICROS

static struct server_states *states;

static int make_states(void **state)
{
    states = server_states_new(2);
    return states ? 0 : -1;
}

static int free_states(void **state)
{
    server_states_free(states);
    return 0;
}

static bool try_at(micros now)
{
    return server_try(states, 0, 0, now, false);
}

static void a_server_is_up_at_first_and_takes_any_number_of_visits(void **state)
{
    assert_int_equal(server_condition(states, 0, 0), SERVER_UP);
    assert_true(try_at(0));
    assert_true(try_at(0));
    server_succeeded(states, 0);
    server_untried(states, 0);
    assert_int_equal(server_condition(states, 0, 0), SERVER_UP);
}

static void a_failed_server_rests_and_its_neighbour_does_not(void **state)
{
    server_failed(states, 0, 1000 * MS);
    assert_int_equal(server_condition(states, 0, 1000 * MS), SERVER_RESTING);
    assert_false(try_at(1249 * MS));
    assert_true(server_try(states, 1, 0, 1249 * MS, false));
}

static void one_visit_at_a_time_tries_it_after_its_rest(void **state)
{
    server_failed(states, 0, 0);
    assert_true(server_may_try(states, 0, 0, 250 * MS, false));
    assert_true(try_at(250 * MS));
    assert_int_equal(server_condition(states, 0, 250 * MS), SERVER_ON_TRIAL);
    assert_false(try_at(250 * MS));
    assert_false(server_may_try(states, 0, 0, 99999 * MS, true));
    assert_false(server_try(states, 0, 0, 99999 * MS, true));
}

static void success_makes_it_up_at_once(void **state)
{
    server_failed(states, 0, 0);
    assert_true(try_at(250 * MS));
    server_succeeded(states, 0);
    assert_int_equal(server_condition(states, 0, 250 * MS), SERVER_UP);
    server_failed(states, 0, 300 * MS);
    assert_true(try_at(550 * MS)); /* and the next rest is the shortest again */
}

static void each_failed_trial_doubles_the_rest_up_to_ten_seconds(void **state)
{
    static const micros rests[] = {250, 500, 1000, 2000, 4000, 8000, 10000, 10000};
    micros now = 0;
    server_failed(states, 0, now);
    for (size_t i = 0; i < ARRAY_LENGTH(rests); i++) {
        now += rests[i] * MS;
        assert_false(try_at(now - 1));
        assert_true(try_at(now));
        server_failed(states, 0, now);
    }
    for (int i = 0; i < 100; i++) { /* the count does not overflow into anything */
        now += SERVER_REST_MOST;
        assert_true(try_at(now));
        server_failed(states, 0, now);
    }
    assert_false(try_at(now + SERVER_REST_MOST - 1));
}

static void many_connects_that_fail_together_are_one_failure(void **state)
{
    for (int i = 0; i < 100; i++)
        server_failed(states, 0, 0);
    assert_true(try_at(250 * MS));
    server_failed(states, 0, 250 * MS);
    for (int i = 0; i < 100; i++)
        server_failed(states, 0, 300 * MS);
    assert_false(try_at(749 * MS));
    assert_true(try_at(750 * MS));
}

static void a_connect_of_before_that_fails_after_the_rest_changes_nothing(void **state)
{
    server_failed(states, 0, 0);
    server_failed(states, 0, 300 * MS);
    assert_true(try_at(300 * MS));
}

static void as_a_last_resort_one_visit_tries_a_resting_server(void **state)
{
    server_failed(states, 0, 0);
    assert_true(server_try(states, 0, 0, 1 * MS, true));
    assert_false(server_try(states, 0, 0, 1 * MS, true));
    server_failed(states, 0, 2 * MS);
    assert_true(server_try(states, 0, 0, 2 * MS, true)); /* a refusal frees the place at once */
    server_failed(states, 0, 3 * MS);
    assert_true(try_at(250 * MS)); /* and these failures did not prolong the rest */
}

static void a_visit_that_ended_early_leaves_the_trial_to_the_next(void **state)
{
    server_failed(states, 0, 0);
    assert_true(try_at(250 * MS));
    server_untried(states, 0);
    assert_true(try_at(250 * MS));
    server_failed(states, 0, 250 * MS);
    assert_false(try_at(749 * MS));
}

/* Threads race for trials; whoever has one makes sure that he is alone. */
enum { THREADS = 4, ROUNDS = 20000 };
static int in_trial;
static int met;

static void *race(void *argument)
{
    for (micros now = 0; now < ROUNDS; now++) {
        if (!server_try(states, 0, 0, now * SERVER_REST_MOST, false))
            continue;
        if (__atomic_fetch_add(&in_trial, 1, __ATOMIC_SEQ_CST) > 0)
            __atomic_fetch_add(&met, 1, __ATOMIC_SEQ_CST);
        __atomic_fetch_sub(&in_trial, 1, __ATOMIC_SEQ_CST);
        if (now % 2)
            server_failed(states, 0, now * SERVER_REST_MOST);
        else
            server_untried(states, 0);
    }
    return NULL;
}

static void threads_never_meet_in_a_trial(void **state)
{
    pthread_t threads[THREADS];
    server_failed(states, 0, 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, race, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(met, 0);
    assert_int_not_equal(server_condition(states, 0, 0), SERVER_UP);
}

#define fresh(test) cmocka_unit_test_setup_teardown(test, make_states, free_states)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(a_server_is_up_at_first_and_takes_any_number_of_visits),
        fresh(a_failed_server_rests_and_its_neighbour_does_not),
        fresh(one_visit_at_a_time_tries_it_after_its_rest),
        fresh(success_makes_it_up_at_once),
        fresh(each_failed_trial_doubles_the_rest_up_to_ten_seconds),
        fresh(many_connects_that_fail_together_are_one_failure),
        fresh(a_connect_of_before_that_fails_after_the_rest_changes_nothing),
        fresh(as_a_last_resort_one_visit_tries_a_resting_server),
        fresh(a_visit_that_ended_early_leaves_the_trial_to_the_next),
        fresh(threads_never_meet_in_a_trial),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

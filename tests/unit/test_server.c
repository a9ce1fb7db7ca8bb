#include "route/server.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

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

/* ---- what else is known of it --------------------------------------------------------------------------------------- */

static void a_worker_takes_connections_from_its_doors_alone(void **state)
{
    server_set_doors(states, 0, 1 | UINT64_C(1) << (SERVER_DOORS - 1));
    assert_true(server_try(states, 0, 0, 0, false));
    assert_true(server_may_try(states, 0, SERVER_DOORS - 1, 0, false));
    assert_false(server_may_try(states, 0, 1, 0, false));
    assert_false(server_try(states, 0, 1, 0, true)); /* nor as a last resort */
    assert_true(server_try(states, 1, 1, 0, false));
    server_set_doors(states, 0, 0);
    assert_false(server_try(states, 0, 0, 0, true));
    assert_int_equal(server_condition(states, 0, 0), SERVER_UP);
    server_set_doors(states, 0, SERVER_DOORS_ALL);
    assert_true(server_try(states, 0, 1, 0, false));
}

static void a_draining_server_gets_no_newcomers(void **state)
{
    server_set_draining(states, 0, true);
    assert_true(server_is_draining(states, 0));
    assert_false(server_is_draining(states, 1));
    assert_false(server_may_try(states, 0, 0, 0, false));
    assert_false(server_try(states, 0, 0, 0, true));
    assert_true(server_try(states, 1, 0, 0, false));
    server_set_draining(states, 0, false);
    assert_true(server_try(states, 0, 0, 0, false));
}

/* Its clients wait with it, because it is the one that knows them. */
static void a_busy_server_keeps_its_clients(void **state)
{
    struct server_figures figures;
    server_set_busy(states, 0, true);
    assert_true(server_try(states, 0, 0, 0, false));
    server_figures(states, 0, &figures);
    assert_true(figures.busy);
    server_set_draining(states, 0, true);
    server_set_busy(states, 0, false);
    assert_true(server_is_draining(states, 0)); /* the two do not touch each other */
    server_figures(states, 0, &figures);
    assert_false(figures.busy);
}

static void what_is_counted_is_told(void **state)
{
    struct server_figures figures;
    server_count_answer(states, 0, true, 800);
    server_count_answer(states, 0, true, 1600);
    server_count_answer(states, 0, false, -5); /* a clock that jumped */
    server_count_waiting(states, 0, 7, 32);
    server_count_live(states, 0, 3);
    server_count_live(states, 0, -1);
    server_figures(states, 0, &figures);
    assert_int_equal(figures.handed_over, 2);
    assert_int_equal(figures.refused, 1);
    assert_int_equal(figures.answer_last, 0);
    assert_int_equal(figures.answer_worst, 1600);
    assert_int_equal(figures.answer_mean, 7 * 900 / 8);
    assert_int_equal(figures.queued, 7);
    assert_int_equal(figures.in_flight, 32);
    assert_int_equal(figures.live, 2);
    assert_false(figures.live_told);
    assert_true(figures.doors == SERVER_DOORS_ALL);
    server_set_live(states, 0, 17);
    server_figures(states, 0, &figures);
    assert_int_equal(figures.live, 17);
    assert_true(figures.live_told);
    server_figures(states, 1, &figures);
    assert_int_equal(figures.handed_over, 0);
    assert_int_equal(figures.live, 0);
}

/* A new engine knows what the dead one did, but not what that was about to do. */
static void after_the_death_of_an_engine_nothing_is_under_way(void **state)
{
    struct server_figures figures;
    server_failed(states, 0, 0);
    assert_true(server_try(states, 0, 0, SECOND_IN_MICROS, false));
    server_set_doors(states, 0, 4);
    server_set_busy(states, 0, true);
    server_set_draining(states, 1, true);
    server_count_waiting(states, 0, 7, 32);
    server_count_answer(states, 0, true, 800);
    server_set_live(states, 0, 17);
    server_states_reset(states);
    server_figures(states, 0, &figures);
    assert_int_equal(server_condition(states, 0, SECOND_IN_MICROS), SERVER_RESTING);
    assert_true(server_try(states, 0, 0, SECOND_IN_MICROS, false));
    assert_true(server_is_draining(states, 1)); /* the operator's word stays */
    assert_true(figures.doors == SERVER_DOORS_ALL);
    assert_false(figures.busy);
    assert_false(figures.live_told);
    assert_int_equal(figures.live, 0);
    assert_int_equal(figures.queued, 0);
    assert_int_equal(figures.in_flight, 0);
    assert_int_equal(figures.handed_over, 1);
    assert_int_equal(figures.answer_worst, 800);
}

static void what_lies_in_shared_memory_outlives_who_wrote_it(void **state)
{
    enum { COUNT = 3 };
    void *memory = mmap(NULL, server_states_size(COUNT), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(memory != MAP_FAILED);
    pid_t child = fork();
    if (child == 0) {
        struct server_states view = server_states_at(memory, COUNT), *own = &view;
        server_set_doors(own, COUNT - 1, 4);
        server_count_answer(own, COUNT - 1, true, 9);
        server_set_draining(own, COUNT - 1, true);
        _exit(0);
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
    struct server_states view = server_states_at(memory, COUNT), *shared = &view;
    struct server_figures figures;
    server_figures(shared, COUNT - 1, &figures);
    assert_int_equal(figures.doors, 4);
    assert_int_equal(figures.handed_over, 1);
    assert_true(server_is_draining(shared, COUNT - 1));
    munmap(memory, server_states_size(COUNT));
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
        fresh(a_worker_takes_connections_from_its_doors_alone),
        fresh(a_draining_server_gets_no_newcomers),
        fresh(a_busy_server_keeps_its_clients),
        fresh(what_is_counted_is_told),
        fresh(after_the_death_of_an_engine_nothing_is_under_way),
        fresh(what_lies_in_shared_memory_outlives_who_wrote_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "control/budget.h"

#include "base/attr.h"
#include "carry/pipes.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct plan_listener listeners[] = {{.bind_count = 2}, {.bind_count = 1}};

static struct plan plan_of(unsigned threads)
{
    return (struct plan){
        .threads = threads, .listeners = listeners, .listener_count = 2, .limits.connections = 1000000};
}

static void what_is_set_aside_leaves_no_room_or_some(void **state)
{
    for (unsigned threads = 1; threads <= PLAN_THREADS_MOST; threads++) {
        struct plan plan = plan_of(threads);
        for (size_t descriptors = 0; descriptors < 3000; descriptors += 7) {
            bool room = descriptors >= budget_reserved(&plan, descriptors) + 2;
            assert_int_equal(budget_connections(&plan, descriptors) > 0, room);
        }
    }
}

static void pipes_take_no_more_than_an_eighth_of_the_descriptors(void **state)
{
    for (unsigned threads = 1; threads <= PLAN_THREADS_MOST; threads++) {
        struct plan plan = plan_of(threads);
        for (size_t descriptors = 0; descriptors < 100000; descriptors = descriptors * 5 / 4 + 1) {
            size_t pipes = budget_pipes(&plan, descriptors);
            assert_true(pipes <= PIPES_MOST);
            assert_true(2 * pipes * threads <= descriptors / 8);
        }
    }
}

static void a_thread_with_descriptors_enough_has_all_its_pipes(void **state)
{
    struct plan plan = plan_of(4);
    assert_int_equal(budget_pipes(&plan, 1048576), PIPES_MOST);
}

static void connections_and_what_is_set_aside_fit_together(void **state)
{
    for (unsigned threads = 1; threads <= PLAN_THREADS_MOST; threads *= 2) {
        struct plan plan = plan_of(threads);
        for (size_t descriptors = 1024; descriptors < 2000000; descriptors = descriptors * 3 / 2) {
            size_t reserved = budget_reserved(&plan, descriptors);
            size_t connections = budget_connections(&plan, descriptors);
            if (connections > 0)
                assert_true(reserved + 2 * connections <= descriptors);
            assert_true(reserved >= threads * (3 + 2 * budget_pipes(&plan, descriptors)));
        }
    }
}

/* The usual limits of a shell and of a service. */
static void usual_limits_leave_most_descriptors_to_connections(void **state)
{
    struct plan plan = plan_of(4);
    assert_in_range(budget_connections(&plan, 1024), 300, 512);
    assert_in_range(budget_connections(&plan, 65536), 32000, 32768);
}

static void more_descriptors_are_never_fewer_connections(void **state)
{
    struct plan plan = plan_of(8);
    uint32_t before = 0;
    for (size_t descriptors = 1024; descriptors < 200000; descriptors += 128) {
        uint32_t now = budget_connections(&plan, descriptors);
        assert_true(now >= before);
        before = now;
    }
}

static void the_plans_own_limit_counts_if_it_is_less(void **state)
{
    struct plan plan = plan_of(1);
    plan.limits.connections = 100;
    assert_int_equal(budget_connections(&plan, 1048576), 100);
    plan.limits.connections = 1000000;
    assert_in_range(budget_connections(&plan, 1048576), 500000, 524288);
}

static void each_bound_socket_of_each_thread_is_set_aside(void **state)
{
    struct plan plan = plan_of(3);
    size_t with_three = budget_reserved(&plan, 1048576);
    plan.listener_count = 1;
    assert_int_equal(with_three - budget_reserved(&plan, 1048576), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_set_aside_leaves_no_room_or_some),
        cmocka_unit_test(pipes_take_no_more_than_an_eighth_of_the_descriptors),
        cmocka_unit_test(a_thread_with_descriptors_enough_has_all_its_pipes),
        cmocka_unit_test(connections_and_what_is_set_aside_fit_together),
        cmocka_unit_test(usual_limits_leave_most_descriptors_to_connections),
        cmocka_unit_test(more_descriptors_are_never_fewer_connections),
        cmocka_unit_test(the_plans_own_limit_counts_if_it_is_less),
        cmocka_unit_test(each_bound_socket_of_each_thread_is_set_aside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "route/limits.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct limits *limits;

static struct plan_listener listeners[2];
static struct plan plan;

/* 0 means no limit, as in the plan. */
static void make(uint32_t connections, uint32_t of_first_listener, uint32_t per_client)
{
    listeners[0].connection_limit = of_first_listener;
    plan = (struct plan){.listeners = listeners, .listener_count = 2, .limits = {.per_client = per_client}};
    limits_free(limits);
    limits = limits_new(&plan, connections);
    assert_non_null(limits);
}

static int drop(void **state)
{
    limits_free(limits);
    limits = NULL;
    return 0;
}

static struct endpoint host(const char *text)
{
    struct endpoint e;
    assert_true(endpoint_parse(span_text(text), &e));
    return e;
}

static bool enter_client(const char *text)
{
    struct endpoint e = host(text);
    return limits_enter_client(limits, &e);
}

static void leave_client(const char *text)
{
    struct endpoint e = host(text);
    limits_leave_client(limits, &e);
}

static void the_cap_counts_all_listeners_together(void **state)
{
    make(3, 0, 0);
    assert_true(limits_enter(limits, 0));
    assert_true(limits_enter(limits, 1));
    assert_true(limits_enter(limits, 1));
    assert_false(limits_enter(limits, 0));
    assert_false(limits_enter(limits, 1));
    assert_int_equal(limits_connections(limits), 3);
    limits_leave(limits, 1);
    assert_true(limits_enter(limits, 0));
    assert_false(limits_enter(limits, 0));
    assert_int_equal(limits_connections(limits), 3);
}

static void a_full_listener_takes_nothing_from_the_others(void **state)
{
    make(10, 2, 0);
    assert_true(limits_enter(limits, 0));
    assert_true(limits_enter(limits, 0));
    for (int i = 0; i < 100; i++)
        assert_false(limits_enter(limits, 0));
    assert_int_equal(limits_connections(limits), 2);
    for (int i = 0; i < 8; i++)
        assert_true(limits_enter(limits, 1));
    assert_false(limits_enter(limits, 1));
    limits_leave(limits, 0);
    assert_true(limits_enter(limits, 0));
}

#define STAY 400 /* of each thread; there is one place more than that, for which both come and go */

static int inside;
static int most_inside;
static pthread_barrier_t together;

static void *come_and_go(void *argument)
{
    pthread_barrier_wait(&together);
    for (int i = 0, staying = 0; i < 200000 || staying < STAY; i++) {
        size_t listener = (size_t)i % 2;
        if (!limits_enter(limits, listener))
            continue;
        int now = __atomic_add_fetch(&inside, 1, __ATOMIC_SEQ_CST);
        if (now > __atomic_load_n(&most_inside, __ATOMIC_SEQ_CST))
            __atomic_store_n(&most_inside, now, __ATOMIC_SEQ_CST);
        if (i % 3 == 0 && staying < STAY) {
            staying++;
            continue;
        }
        __atomic_sub_fetch(&inside, 1, __ATOMIC_SEQ_CST);
        limits_leave(limits, listener);
    }
    return NULL;
}

static void two_threads_together_never_pass_the_cap(void **state)
{
    pthread_t threads[2];
    make(2 * STAY + 1, 0, 0);
    pthread_barrier_init(&together, NULL, 2);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, NULL), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&together);
    assert_int_equal(most_inside, 2 * STAY + 1);
    assert_int_equal(limits_connections(limits), 2 * STAY);
    assert_true(limits_enter(limits, 0));
    assert_false(limits_enter(limits, 0));
}

static void each_client_has_its_own_share(void **state)
{
    make(100, 0, 2);
    assert_true(enter_client("10.0.0.1:1000"));
    assert_true(enter_client("10.0.0.1:2000"));
    assert_false(enter_client("10.0.0.1:3000"));
    assert_true(enter_client("10.0.0.2"));
    leave_client("10.0.0.1:9");
    assert_true(enter_client("10.0.0.1"));
    assert_false(enter_client("10.0.0.1"));
}

static void an_ipv6_household_is_one_client(void **state)
{
    make(100, 0, 2);
    assert_true(enter_client("2001:db8:0:1::1"));
    assert_true(enter_client("2001:db8:0:1:ffff::2"));
    assert_false(enter_client("2001:db8:0:1:1234:5678:9abc:def0"));
    assert_true(enter_client("2001:db8:0:2::1"));
    leave_client("2001:db8:0:1::dead");
    assert_true(enter_client("2001:db8:0:1::3"));
    assert_true(enter_client("::ffff:10.0.0.1"));
    assert_true(enter_client("10.0.0.1"));
    assert_false(enter_client("10.0.0.1"));
}

static void ipv4_clients_are_not_one_household(void **state)
{
    make(100, 0, 1);
    assert_true(enter_client("10.0.0.1"));
    assert_true(enter_client("10.0.0.2"));
    assert_true(enter_client("192.0.2.1"));
}

static void clients_without_an_address_are_not_counted(void **state)
{
    struct endpoint unix_peer = {.kind = ENDPOINT_UNIX}, nobody = {.kind = ENDPOINT_NONE};
    make(100, 0, 1);
    for (int i = 0; i < 5; i++) {
        assert_true(limits_enter_client(limits, &unix_peer));
        assert_true(limits_enter_client(limits, &nobody));
    }
    limits_leave_client(limits, &unix_peer);
}

static void without_a_limit_nobody_is_counted(void **state)
{
    make(100, 0, 0);
    for (int i = 0; i < 1000; i++)
        assert_true(enter_client("10.0.0.1"));
}

/* More clients than chains, so that they share some. */
static void thousands_of_clients_do_not_disturb_each_other(void **state)
{
    make(100, 0, 1);
    for (uint32_t round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < 10000; i++) {
            struct endpoint e = endpoint_from_ip4((uint8_t[]){10, 0, (uint8_t)(i >> 8), (uint8_t)i}, 0);
            assert_true(limits_enter_client(limits, &e));
            assert_false(limits_enter_client(limits, &e));
        }
        for (uint32_t i = 10000; i-- > 0;) {
            struct endpoint e = endpoint_from_ip4((uint8_t[]){10, 0, (uint8_t)(i >> 8), (uint8_t)i}, 0);
            limits_leave_client(limits, &e);
        }
    }
}

static void *push_in(void *entered)
{
    for (int i = 0; i < 5000; i++)
        if (enter_client("10.0.0.1"))
            ++*(int *)entered;
    return NULL;
}

static void one_client_over_two_threads_has_one_share(void **state)
{
    pthread_t threads[2];
    int entered[2] = {0};
    make(100, 0, 300);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, push_in, &entered[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(entered[0] + entered[1], 300);
}

#define fresh(test) cmocka_unit_test_teardown(test, drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(the_cap_counts_all_listeners_together),
        fresh(a_full_listener_takes_nothing_from_the_others),
        fresh(two_threads_together_never_pass_the_cap),
        fresh(each_client_has_its_own_share),
        fresh(an_ipv6_household_is_one_client),
        fresh(ipv4_clients_are_not_one_household),
        fresh(clients_without_an_address_are_not_counted),
        fresh(without_a_limit_nobody_is_counted),
        fresh(thousands_of_clients_do_not_disturb_each_other),
        fresh(one_client_over_two_threads_has_one_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

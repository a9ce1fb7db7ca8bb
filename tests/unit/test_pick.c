#include "route/pick.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SECOND SECOND_IN_MICROS

static const struct plan_server servers[] = {
    {.name = "a", .weight = 1, .number = 4}, {.name = "b", .weight = 2, .number = 3},
    {.name = "c", .weight = 4, .number = 2}, {.name = "d", .weight = 1, .number = 1},
    {.name = "e", .weight = 1, .number = 0},
};
static const struct plan_pool pool = {.name = "app", .servers = servers, .server_count = ARRAY_LENGTH(servers)};
static const struct plan plan = {.pools = &pool, .pool_count = 1, .server_count = ARRAY_LENGTH(servers)};

static struct ranking *ranking;
static struct server_states *states;

static int make(void **state)
{
    ranking = ranking_new(&plan);
    states = server_states_new(plan.server_count);
    return ranking && states ? 0 : -1;
}

static int drop(void **state)
{
    ranking_free(ranking);
    server_states_free(states);
    return 0;
}

static void order_of(uint64_t key, uint32_t order[ARRAY_LENGTH(servers)])
{
    struct rank_entry entries[ARRAY_LENGTH(servers)];
    pick_ranking(&pool, ranking, key, entries);
    for (size_t i = 0; i < ARRAY_LENGTH(servers); i++)
        order[i] = entries[i].index;
}

static void refuse(uint32_t index, micros now)
{
    server_failed(states, servers[index].number, now);
}

static void assert_found(struct pick *pick, micros now, uint32_t expected)
{
    uint32_t index = 99;
    assert_int_equal(pick_next(pick, ranking, states, now, &index), PICK_FOUND);
    assert_int_equal(index, expected);
}

static void assert_none_left(struct pick *pick, micros now)
{
    uint32_t index;
    assert_int_equal(pick_next(pick, ranking, states, now, &index), PICK_NONE_LEFT);
}

static void the_first_in_the_ranking_is_chosen(void **state)
{
    for (uint64_t key = 0; key < 1000; key++) {
        uint32_t order[ARRAY_LENGTH(servers)];
        struct pick pick;
        order_of(key, order);
        pick_init(&pick, &pool, key);
        assert_found(&pick, 0, order[0]);
        assert_int_equal(pick.home, order[0]);
        assert_false(pick.last_resort);
    }
}

static void a_failed_connect_goes_on_to_the_next_ranked_three_in_all(void **state)
{
    for (uint64_t key = 0; key < 100; key++) {
        uint32_t order[ARRAY_LENGTH(servers)];
        struct pick pick;
        order_of(key, order);
        pick_init(&pick, &pool, key);
        assert_found(&pick, 0, order[0]);
        assert_found(&pick, 0, order[1]);
        assert_found(&pick, 0, order[2]);
        assert_none_left(&pick, 0);
        assert_int_equal(pick.home, order[0]);
    }
}

static void a_resting_home_is_passed_over_and_still_named(void **state)
{
    uint32_t order[ARRAY_LENGTH(servers)];
    struct pick pick;
    order_of(7, order);
    refuse(order[0], 0);
    pick_init(&pick, &pool, 7);
    assert_found(&pick, 1, order[1]);
    assert_int_equal(pick.home, order[0]);
}

static void one_visit_tries_a_home_whose_rest_is_over(void **state)
{
    uint32_t order[ARRAY_LENGTH(servers)];
    struct pick first, second;
    order_of(7, order);
    refuse(order[0], 0);
    pick_init(&first, &pool, 7);
    pick_init(&second, &pool, 7);
    assert_found(&first, SECOND, order[0]);
    assert_found(&second, SECOND, order[1]);
}

static void when_all_rest_one_visit_each_tries_them_in_order(void **state)
{
    uint32_t order[ARRAY_LENGTH(servers)];
    struct pick first, second;
    order_of(7, order);
    for (uint32_t i = 0; i < ARRAY_LENGTH(servers); i++)
        refuse(i, 0);
    pick_init(&first, &pool, 7);
    pick_init(&second, &pool, 7);
    assert_found(&first, 1, order[0]);
    assert_true(first.last_resort);
    assert_found(&second, 1, order[1]);
    refuse(order[0], 2);
    assert_found(&first, 2, order[2]);
    assert_found(&second, 2, order[0]);
}

static void all_on_trial_means_none_is_left(void **state)
{
    struct pick pick;
    for (uint32_t i = 0; i < ARRAY_LENGTH(servers); i++) {
        refuse(i, 0);
        assert_true(server_try(states, servers[i].number, 0, 1, true));
    }
    pick_init(&pick, &pool, 7);
    assert_none_left(&pick, 1);
}

static void resting_servers_are_tried_when_the_last_admissible_one_failed(void **state)
{
    uint32_t order[ARRAY_LENGTH(servers)];
    struct pick pick;
    order_of(7, order);
    for (size_t i = 1; i < ARRAY_LENGTH(servers); i++)
        refuse(order[i], 0);
    pick_init(&pick, &pool, 7);
    assert_found(&pick, 1, order[0]);
    refuse(order[0], 1);
    assert_found(&pick, 1, order[1]);
    assert_true(pick.last_resort);
}

static void those_ranked_before_a_server_are_told_in_order(void **state)
{
    uint32_t order[ARRAY_LENGTH(servers)];
    uint32_t before[ARRAY_LENGTH(servers)];
    struct pick pick;
    order_of(7, order);
    pick_init(&pick, &pool, 7);
    for (size_t i = 0; i < ARRAY_LENGTH(servers); i++) {
        assert_int_equal(pick_before(&pick, ranking, order[i], before, ARRAY_LENGTH(before)), i);
        assert_memory_equal(before, order, i * sizeof(order[0]));
    }
    assert_int_equal(pick_before(&pick, ranking, PICK_NOBODY, before, ARRAY_LENGTH(before)), ARRAY_LENGTH(servers));
    assert_memory_equal(before, order, sizeof(order));
    assert_int_equal(pick_before(&pick, ranking, order[2], before, 1), 1);
    assert_int_equal(before[0], order[0]);
}

static void a_pool_of_one_is_enough(void **state)
{
    static const struct plan_pool one = {.name = "one", .servers = servers, .server_count = 1};
    struct pick pick;
    pick_init(&pick, &one, 7);
    assert_found(&pick, 0, 0);
    assert_none_left(&pick, 0);
}

static void a_worker_that_is_not_at_the_door_is_passed_over_and_still_home(void **state)
{
    uint32_t order[ARRAY_LENGTH(servers)];
    struct pick pick;
    order_of(7, order);
    server_set_doors(states, servers[order[0]].number, 1);
    server_set_doors(states, servers[order[1]].number, 2);
    server_set_doors(states, servers[order[2]].number, 2);
    pick_init(&pick, &pool, 7);
    assert_found(&pick, 0, order[0]);
    assert_found(&pick, 0, order[3]);
    pick_init(&pick, &pool, 7);
    pick.door = 1;
    assert_found(&pick, 0, order[1]);
    assert_int_equal(pick.home, order[0]);
    assert_found(&pick, 0, order[2]);
    assert_false(pick.last_resort);
}

static void nobody_at_the_door_means_none_is_left(void **state)
{
    struct pick pick;
    for (size_t i = 0; i < ARRAY_LENGTH(servers); i++)
        server_set_doors(states, servers[i].number, 1);
    pick_init(&pick, &pool, 7);
    pick.door = 5;
    assert_none_left(&pick, 0);
    server_set_doors(states, servers[2].number, UINT64_C(1) << 5);
    pick_init(&pick, &pool, 7);
    pick.door = 5;
    assert_found(&pick, 0, 2);
    assert_none_left(&pick, 0);
}

static void a_draining_home_is_passed_over_and_still_named(void **state)
{
    uint32_t order[ARRAY_LENGTH(servers)];
    struct pick pick;
    order_of(7, order);
    server_set_draining(states, servers[order[0]].number, true);
    pick_init(&pick, &pool, 7);
    assert_found(&pick, 0, order[1]);
    assert_int_equal(pick.home, order[0]);
    server_set_draining(states, servers[order[0]].number, false);
    pick_init(&pick, &pool, 7);
    assert_found(&pick, 0, order[0]);
}

#define fresh(test) cmocka_unit_test_setup_teardown(test, make, drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(the_first_in_the_ranking_is_chosen),
        fresh(a_failed_connect_goes_on_to_the_next_ranked_three_in_all),
        fresh(a_resting_home_is_passed_over_and_still_named),
        fresh(one_visit_tries_a_home_whose_rest_is_over),
        fresh(when_all_rest_one_visit_each_tries_them_in_order),
        fresh(all_on_trial_means_none_is_left),
        fresh(resting_servers_are_tried_when_the_last_admissible_one_failed),
        fresh(those_ranked_before_a_server_are_told_in_order),
        fresh(a_pool_of_one_is_enough),
        fresh(a_worker_that_is_not_at_the_door_is_passed_over_and_still_home),
        fresh(nobody_at_the_door_means_none_is_left),
        fresh(a_draining_home_is_passed_over_and_still_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

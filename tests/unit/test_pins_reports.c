/* What workers say about sessions: whose they are, and that they have ended. Without memcached. */

#include "pins/pins.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct plan_server servers[] = {
    {.name = "1", .weight = 1, .slot = 1, .number = 0},
    {.name = "2", .weight = 1, .slot = 2, .number = 1},
};
static const struct plan_stick stick = {
    .kind = STICK_SESSION, .lifetime = 3600 * (micros)SECOND_IN_MICROS, .where = {.kind = KEY_QUERY, .name = "sid"}};
static const struct plan_pool pool = {
    .name = "app", .servers = servers, .server_count = 2, .sticks = &stick, .stick_count = 1};
static const struct plan plan = {.seed = {(const uint8_t *)"tests", 5},
                                 .pools = &pool,
                                 .pool_count = 1,
                                 .server_count = 2,
                                 .pins = {.most = PLAN_PINS_LEAST}};

static struct house {
    struct loop loop;
    struct ranking *ranking;
    struct server_states *states;
    struct pins_shared shared;
    struct pins_room *room;
    struct counters counters;
    void *memory;
} house;

static uint32_t wall_seconds(void)
{
    return (uint32_t)(clock_wall() / SECOND_IN_MICROS);
}

static int start(void **state)
{
    house.memory = calloc(1, pin_memory_size(plan.pins.most));
    house.ranking = ranking_new(&plan);
    house.states = server_states_new(plan.server_count);
    if (!house.memory || !house.ranking || !house.states || loop_init(&house.loop) != 0)
        return -1;
    if (pins_shared_init(&house.shared, &plan, house.ranking, house.memory, NULL) != 0)
        return -1;
    house.shared.states = house.states;
    for (size_t i = 0; i < plan.server_count; i++)
        server_set_began(house.states, i, wall_seconds() - 60);
    return pins_room_new(&house.loop, &house.shared, &house.counters, true, &house.room);
}

static int stop(void **state)
{
    pins_room_free(house.room);
    pins_shared_fini(&house.shared);
    loop_fini(&house.loop);
    server_states_free(house.states);
    ranking_free(house.ranking);
    free(house.memory);
    return 0;
}

static struct pin_question about(const char *id)
{
    struct pin_question question = {.pool = &pool, .stick = &stick};
    assert_true(pins_mark_session(&house.shared.mark_key, &pool, span_text(id), &question.mark));
    return question;
}

static bool report(const char *id, uint32_t server)
{
    struct pin_question question = about(id);
    return pins_report(house.room, &question, server);
}

static void end(const char *id, uint32_t server)
{
    struct pin_question question = about(id);
    pins_end(house.room, &question, server);
}

static uint32_t home_of(const char *id)
{
    struct pin_question question = about(id);
    uint32_t server;
    assert_int_not_equal(pins_find(house.room, &question, &server), PINS_ASK);
    return server;
}

static void whoever_reports_a_session_first_has_it(void **state)
{
    assert_int_equal(home_of("a"), PIN_NO_SERVER);
    assert_true(report("a", 1));
    assert_int_equal(home_of("a"), 1);
    assert_true(report("a", 1));
    assert_false(report("a", 0));
    assert_int_equal(home_of("a"), 1);
}

static void nobody_ends_a_session_of_others(void **state)
{
    assert_true(report("a", 1));
    end("a", 0);
    assert_int_equal(home_of("a"), 1);
    end("a", 1);
    assert_int_equal(home_of("a"), PIN_NO_SERVER);
    end("a", 1);
    assert_true(report("a", 0));
    assert_int_equal(home_of("a"), 0);
}

static void a_session_of_one_that_takes_nobody_is_to_be_had(void **state)
{
    assert_true(report("a", 1));
    server_set_draining(house.states, 1, true);
    assert_false(report("a", 0));
    server_set_doors(house.states, 1, 0);
    assert_true(report("a", 0));
    assert_int_equal(home_of("a"), 0);
}

static void a_session_of_one_that_failed_is_to_be_had(void **state)
{
    assert_true(report("a", 1));
    server_failed(house.states, 1, SECOND_IN_MICROS);
    assert_true(report("a", 0));
    assert_int_equal(home_of("a"), 0);
}

static void what_was_before_a_process_began_is_no_longer_its_own(void **state)
{
    assert_true(report("a", 1));
    server_set_began(house.states, 1, wall_seconds()); /* perhaps in the same second */
    assert_true(report("a", 0));
    assert_int_equal(home_of("a"), 0);
}

static void what_was_unpinned_is_to_be_had(void **state)
{
    assert_true(report("a", 1));
    server_set_unpinned(house.states, 1, wall_seconds() + 60);
    assert_true(report("a", 0));
    assert_int_equal(home_of("a"), 0);
}

#define fresh(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(whoever_reports_a_session_first_has_it),
        fresh(nobody_ends_a_session_of_others),
        fresh(a_session_of_one_that_takes_nobody_is_to_be_had),
        fresh(a_session_of_one_that_failed_is_to_be_had),
        fresh(what_was_before_a_process_began_is_no_longer_its_own),
        fresh(what_was_unpinned_is_to_be_had),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What an engine leaves to the next one in the memory that it shares with the keeper. */

#include "control/common.h"

#include "control/census.h"
#include "control/status.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define THREADS 3

static const struct plan_server servers[] = {{.name = "1", .number = 0, .slot = 1}, {.name = "b", .number = 1}};
static const struct plan_pool pool = {.name = "app", .servers = servers, .server_count = 2};
static const struct plan plan = {.threads = THREADS, .pools = &pool, .pool_count = 1, .server_count = 2};

static struct common keeper, engine;
static int fd;

static int start(void **state)
{
    fd = common_make(&keeper, &plan);
    return fd < 0 ? -1 : common_take(&engine, &plan, fd);
}

static int stop(void **state)
{
    common_fini(&engine);
    common_fini(&engine);
    common_fini(&keeper);
    close(fd);
    return 0;
}

static void begin_another_engine(void)
{
    common_fini(&engine);
    assert_int_equal(common_take(&engine, &plan, fd), 0);
}

static void the_keeper_reads_what_the_engine_counts(void **state)
{
    for (size_t i = 0; i < THREADS; i++)
        counter_add(&engine.counters[i], COUNTER_REQUESTS, i + 1);
    counter_ended(&engine.counters[THREADS - 1], REASON_DONE);
    server_count_live(engine.states, 1, 4);
    struct server_figures figures;
    server_figures(keeper.states, 1, &figures);
    assert_int_equal(figures.live, 4);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(counter_read(&keeper.counters[i], COUNTER_REQUESTS), i + 1);
    assert_int_equal(counter_read_ended(&keeper.counters[THREADS - 1], REASON_DONE), 1);
}

static void nobody_takes_the_memory_away(void **state)
{
    assert_int_equal(ftruncate(fd, 0), -1);
    assert_int_equal(ftruncate(fd, 1 << 20), -1);
}

static void another_engine_goes_on_counting(void **state)
{
    counter_add(&engine.counters[1], COUNTER_REQUESTS, 10);
    counter_ended(&engine.counters[1], REASON_IDLE);
    begin_another_engine();
    counter_add(&engine.counters[1], COUNTER_REQUESTS, 1);
    counter_ended(&engine.counters[1], REASON_IDLE);
    assert_int_equal(counter_read(&keeper.counters[1], COUNTER_REQUESTS), 11);
    assert_int_equal(counter_read_ended(&keeper.counters[1], REASON_IDLE), 2);
}

static void another_engine_begins_with_no_connection_and_no_worker_at_a_door(void **state)
{
    gauge_set(&engine.counters[2], GAUGE_CONNECTIONS, 7);
    server_count_live(engine.states, 1, 7);
    server_set_doors(engine.states, 0, SERVER_DOORS_ALL);
    begin_another_engine();
    struct server_figures worker, address;
    server_figures(keeper.states, 0, &worker);
    server_figures(keeper.states, 1, &address);
    assert_int_equal(gauge_read(&keeper.counters[2], GAUGE_CONNECTIONS), 0);
    assert_int_equal(address.live, 0);
    assert_int_equal(address.doors, SERVER_DOORS_ALL);
    assert_int_equal(worker.doors, 0);
}

static void each_thread_has_cache_lines_of_its_own(void **state)
{
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal((uintptr_t)&keeper.counters[i] % 64, 0);
}

/* Its memory is all that a broken engine can reach of what the keeper looks at. */
static void whatever_an_engine_writes_there_is_only_shown(void **state)
{
    static const uint8_t fillings[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    for (size_t i = 0; i < sizeof(fillings); i++) {
        struct server_figures figures;
        struct census census = {0};
        const struct status status = {.plan = &plan, .states = keeper.states};
        memset(engine.memory, fillings[i], engine.size);
        for (size_t number = 0; number < plan.server_count; number++) {
            server_figures(keeper.states, number, &figures);
            server_condition(keeper.states, number, 0);
            server_next_generation(keeper.states, number);
            server_set_draining(keeper.states, number, true);
            assert_true(server_is_draining(keeper.states, number));
        }
        assert_in_range(census_live(&census, &status, &servers[1]), 0, INT_MAX);
        begin_another_engine();
        server_figures(keeper.states, 1, &figures);
        assert_int_equal(figures.live, 0);
        assert_int_equal(figures.doors, SERVER_DOORS_ALL);
    }
}

static void a_descriptor_that_is_no_memory_is_an_error(void **state)
{
    int ends[2];
    struct common other = {0};
    assert_int_equal(pipe(ends), 0);
    assert_true(common_take(&other, &plan, ends[0]) < 0);
    assert_null(other.states);
    close(ends[0]);
    close(ends[1]);
}

#define fresh(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(the_keeper_reads_what_the_engine_counts),
        fresh(nobody_takes_the_memory_away),
        fresh(another_engine_goes_on_counting),
        fresh(another_engine_begins_with_no_connection_and_no_worker_at_a_door),
        fresh(each_thread_has_cache_lines_of_its_own),
        fresh(whatever_an_engine_writes_there_is_only_shown),
        fresh(a_descriptor_that_is_no_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

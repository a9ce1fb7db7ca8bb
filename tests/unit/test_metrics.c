/* What Prometheus reads of a limpet that is put together by hand. */

#include "control/metrics.h"

#include "control/census.h"
#include "control/status.h"
#include "pins/breaker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define THREADS 2

static const struct plan_server servers[] = {
    {.name = "a", .number = 0, .weight = 3},
    {.name = "unix:/x\"y\\z\n\xff}", .number = 1, .weight = 1},
    {.name = "1", .number = 2, .weight = 1, .slot = 1},
    {.name = "2", .number = 3, .weight = 1, .slot = 2},
};
static const struct plan_pool pools[] = {
    {.name = "app", .servers = servers, .server_count = 2},
    {.name = "job", .servers = servers + 2, .server_count = 2},
};
static const struct plan plan = {
    .threads = THREADS, .pools = pools, .pool_count = 2, .server_count = 4, .worker_count = 2};

static struct {
    struct counters counters[THREADS];
    struct engine_process engine;
    struct slot slots[2];
    struct worker worker;
    struct workers workers;
    struct posts posts;
    struct census census;
    struct status status;
    bool draining;
    char text[65536];
} house;

static int start(void **state)
{
    memset(&house, 0, sizeof(house));
    house.workers.plan = &plan;
    house.workers.states = server_states_new(plan.server_count);
    house.workers.slots = house.slots;
    house.workers.slot_count = 2;
    for (int i = 0; i < 2; i++)
        house.slots[i] = (struct slot){.pool = &pools[1], .server = &servers[2 + i], .workers = &house.workers};
    house.slots[0].current = &house.worker;
    house.slots[0].starts = 5;
    house.worker.state = WORKER_SERVING;
    house.engine.ready = house.engine.was_ready = true;
    house.status = (struct status){.plan = &plan,
                                   .posts = &house.posts,
                                   .engine = &house.engine,
                                   .workers = &house.workers,
                                   .states = house.workers.states,
                                   .counters = house.counters,
                                   .census = &house.census,
                                   .version = "1.2.3",
                                   .began_wall = 1234567891 * (micros)MILLIS_IN_MICROS,
                                   .draining = &house.draining};
    return house.workers.states ? 0 : -1;
}

static int stop(void **state)
{
    server_states_free(house.workers.states);
    census_fini(&house.census);
    return 0;
}

static void write(void)
{
    struct text text;
    text_init(&text, house.text, sizeof(house.text));
    metrics_write(&house.status, &text);
    assert_false(text.cut);
    assert_int_equal(text.data[text.length - 1], '\n');
}

static void assert_line(const char *line)
{
    char whole[512];
    snprintf(whole, sizeof(whole), "\n%s\n", line);
    if (!strstr(house.text, whole))
        fail_msg("there is no line %s", line);
}

static void threads_are_summed_up(void **state)
{
    counter_add(&house.counters[0], COUNTER_BYTES_IN, (uint64_t)7 << 40);
    counter_add(&house.counters[1], COUNTER_BYTES_IN, 1);
    counter_ended(&house.counters[0], REASON_DONE);
    counter_ended(&house.counters[1], REASON_DONE);
    counter_ended(&house.counters[1], REASON_BAD_ANSWER);
    gauge_set(&house.counters[0], GAUGE_CONNECTIONS, 3);
    gauge_set(&house.counters[1], GAUGE_CONNECTIONS, 4);
    write();
    assert_line("limpet_bytes_in_total 7696581394433");
    assert_line("limpet_visits_total{reason=\"done\"} 2");
    assert_line("limpet_visits_total{reason=\"bad_answer\"} 1");
    assert_line("limpet_visits_total{reason=\"idle_timeout\"} 0");
    assert_line("limpet_connections 7");
    assert_null(strstr(house.text, "reason=\"none\""));
}

/* Also when an engine that was broken into has written there what it liked. */
static void memcached_is_up_while_it_answers(void **state)
{
    static const struct address memcached[] = {{.text = "10.0.9.1:11211"}, {.text = "unix:/run/\"m"}};
    struct plan with = plan;
    struct breaker breakers[2] = {{.state = BREAKER_CLOSED, .since = INT64_MAX},
                                  {.state = 99, .since = -(micros)SECOND_IN_MICROS}};
    with.memcached = memcached;
    with.memcached_count = 2;
    house.status.plan = &with;
    write();
    assert_line("limpet_memcached_up{server=\"10.0.9.1:11211\"} 0");
    assert_line("limpet_pins 0");
    assert_line("limpet_pins_limit 0");
    house.status.breakers = breakers;
    write();
    assert_line("limpet_memcached_up{server=\"10.0.9.1:11211\"} 1");
    assert_line("limpet_memcached_up{server=\"unix:/run/\\\"m\"} 0");
    assert_true(status_memcached(&house.status, 0).since == 0);
    assert_true(status_memcached(&house.status, 1).since > 0);
    assert_string_equal(status_memcached(&house.status, 1).state, "does not answer");
    breakers[0].since = INT64_MIN;
    assert_true(status_memcached(&house.status, 0).since == 0);
    for (enum breaker_state is = BREAKER_NEW; is <= BREAKER_TRIAL; is++) {
        breakers[0].state = is;
        assert_int_equal(status_memcached(&house.status, 0).answers, is == BREAKER_CLOSED);
        assert_int_equal(status_memcached(&house.status, 0).since < 0, is == BREAKER_NEW);
    }
    house.status.breakers = NULL;
    house.status.plan = &plan;
}

static void every_counter_has_its_help_and_type(void **state)
{
    write();
    for (enum counter i = 0; i < COUNTER_COUNT; i++) {
        char lines[512];
        const char *name = counter_text(i);
        snprintf(lines, sizeof(lines), "# HELP limpet_%s_total %s\n# TYPE limpet_%s_total counter\nlimpet_%s_total 0",
                 name, counter_help(i), name, name);
        assert_line(lines);
    }
    for (size_t i = 0; i < metrics_count(); i++) {
        char line[512];
        snprintf(line, sizeof(line), "# HELP %s %s", metrics_name(i), metrics_help(i));
        assert_non_null(strstr(house.text, line));
        assert_null(strpbrk(metrics_help(i), "\\\n"));
    }
}

static void limpet_itself_is_described(void **state)
{
    house.status.room = 99;
    house.engine.generation = 3;
    write();
    assert_line("limpet_build_info{version=\"1.2.3\"} 1");
    assert_line("process_start_time_seconds 1234567.891");
    assert_line("limpet_connections_limit 99");
    assert_line("limpet_threads 2");
    assert_line("limpet_engine_up 1");
    assert_line("limpet_engine_starts_total 3");
}

static void servers_and_workers_are_told_apart(void **state)
{
    server_count_live(house.workers.states, 0, 6);
    server_set_draining(house.workers.states, 0, true);
    server_count_answer(house.workers.states, 2, true, 1);
    server_count_answer(house.workers.states, 2, false, 1);
    server_count_waiting(house.workers.states, 2, 2, 3);
    server_set_live(house.workers.states, 2, 11);
    server_set_doors(house.workers.states, 3, 0);
    assert_false(server_failed(house.workers.states, 0, clock_steady()) == false);
    write();
    assert_line("limpet_server_up{pool=\"app\",server=\"a\"} 0");
    assert_line("limpet_server_draining{pool=\"app\",server=\"a\"} 1");
    assert_line("limpet_server_weight{pool=\"app\",server=\"a\"} 3");
    assert_line("limpet_server_live{pool=\"app\",server=\"a\"} 6");
    assert_line("limpet_server_up{pool=\"job\",server=\"1\"} 1");
    assert_line("limpet_server_up{pool=\"job\",server=\"2\"} 0");
    assert_line("limpet_server_live{pool=\"job\",server=\"1\"} 11");
    assert_line("limpet_server_handed_over_total{pool=\"job\",server=\"1\"} 1");
    assert_line("limpet_server_refused_total{pool=\"job\",server=\"1\"} 1");
    assert_line("limpet_server_waiting{pool=\"job\",server=\"1\"} 5");
    assert_line("limpet_server_starts_total{pool=\"job\",server=\"1\"} 5");
    assert_line("limpet_workers{pool=\"job\",state=\"up\"} 1");
    assert_line("limpet_workers{pool=\"job\",state=\"down\"} 1");
    assert_line("limpet_workers{pool=\"job\",state=\"busy\"} 0");
    assert_null(strstr(house.text, "limpet_workers{pool=\"app\""));
    assert_null(strstr(house.text, "handed_over_total{pool=\"app\""));
}

/* Only bytes that mean something in a label are escaped; one that is no UTF-8 is replaced. */
static void a_name_ends_no_label_and_no_line(void **state)
{
    write();
    assert_line("limpet_server_up{pool=\"app\",server=\"unix:/x\\\"y\\\\z\\n\xef\xbf\xbd}\"} 1");
}

static void ready_means_that_newcomers_are_welcome(void **state)
{
    assert_null(status_not_ready(&house.status));
    assert_null(status_not_alive(&house.status));
    house.draining = true;
    assert_string_equal(status_not_ready(&house.status), "draining");
    assert_null(status_not_alive(&house.status));
    house.draining = false;
    server_set_doors(house.workers.states, 2, 0);
    assert_null(status_not_ready(&house.status));
    server_set_doors(house.workers.states, 3, 0);
    assert_string_equal(status_not_ready(&house.status), "no worker takes connections");
    house.engine.ready = false;
    assert_string_equal(status_not_ready(&house.status), "no engine");
    assert_string_equal(status_not_alive(&house.status), "no engine");
    house.engine.was_ready = false;
    assert_string_equal(status_not_ready(&house.status), "starting");
    assert_string_equal(status_not_alive(&house.status), "starting");
    write();
    assert_line("limpet_ready 0");
    assert_line("limpet_engine_up 0");
}

#define fresh(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(threads_are_summed_up),
        fresh(memcached_is_up_while_it_answers),
        fresh(every_counter_has_its_help_and_type),
        fresh(limpet_itself_is_described),
        fresh(servers_and_workers_are_told_apart),
        fresh(a_name_ends_no_label_and_no_line),
        fresh(ready_means_that_newcomers_are_welcome),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

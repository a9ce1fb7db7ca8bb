/* What the keeper tells of pins, from the memory of the table alone. */

#include "control/pins_view.h"

#include "control/pins_answer.h"
#include "pins/pins.h"
#include "route/pin_table.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define MOST 4096
#define HOUR (3600 * (micros)SECOND_IN_MICROS)

static struct plan_server servers[] = {{.name = "a", .number = 0}, {.name = "b\"", .number = 1}};
static struct plan_server others[] = {{.name = "a", .number = 2}};
static struct plan_stick sticks[] = {
    {.kind = STICK_SESSION, .lifetime = HOUR},
    {.kind = STICK_COOKIE, .lifetime = HOUR},
    {.kind = STICK_TABLE, .lifetime = HOUR, .shared = true},
};
static struct plan_key keys[] = {
    {.kind = KEY_HEADER},
    {.kind = KEY_CLIENT_NETWORK, .ip4_bits = 24, .ip6_bits = 56},
    {.kind = KEY_CLIENT_NETWORK, .ip4_bits = 32, .ip6_bits = 64},
};
static struct plan_pool pools[3];
static struct plan plan;
static void *memory;
static struct pin_table *table;
static struct server_states *states;
static struct pins_view view;
static struct pin_meaning meanings[PIN_MEANINGS_MOST];
static uint32_t now, wall;

static int start(void **state)
{
    pools[0] = (struct plan_pool){.name = "app", .servers = servers, .server_count = 2, .sticks = sticks};
    pools[0].stick_count = ARRAY_LENGTH(sticks);
    pools[0].keys = keys;
    pools[0].key_count = ARRAY_LENGTH(keys);
    pools[1] = (struct plan_pool){.name = "sid", .servers = others, .server_count = 1, .sticks = sticks};
    pools[1].stick_count = 1;
    pools[2] = (struct plan_pool){.name = "plain", .sticks = sticks + 1, .stick_count = 1};
    plan = (struct plan){.pools = pools, .pool_count = 3, .server_count = 3, .pins.most = MOST};
    plan.seed = span_text("tests");
    memory = calloc(1, pin_memory_size(MOST));
    now = (uint32_t)(clock_steady() / SECOND_IN_MICROS);
    wall = (uint32_t)(clock_wall() / SECOND_IN_MICROS);
    table = memory ? pin_table_new(memory, MOST, clock_steady()) : NULL;
    states = server_states_new(3);
    return table && states ? pins_view_init(&view, &plan, states, memory) : -1;
}

static int stop(void **state)
{
    pins_view_fini(&view);
    pins_view_fini(&view);
    server_states_free(states);
    pin_table_free(table);
    free(memory);
    return 0;
}

static size_t mean(size_t pool, const char *key)
{
    return pins_view_meanings(&view, &pools[pool], span_text(key), meanings);
}

/* Pins what a key means: the nth of its meanings. */
static void pin(const char *key, size_t nth, const struct plan_server *server, uint32_t until, uint32_t claimed)
{
    assert_true(nth < mean(0, key));
    struct pin one = {.mark = meanings[nth].mark, .until = until, .claimed = claimed};
    one.server = server ? view.ranking->identities[server->number] : 4711;
    assert_true(pin_table_put(table, &one, clock_steady()));
}

static void assert_told(int expected, const char *pool, const char *key, const char *json)
{
    char buffer[1024];
    struct text text;
    text_init(&text, buffer, sizeof(buffer));
    int got = key ? pins_answer_pin(&view, span_text(pool), span_text(key), &text)
                  : pins_answer_counts(&view, span_text(pool), &text);
    assert_int_equal(got, expected);
    assert_string_equal(buffer, json);
}

static void a_key_means_all_that_the_pool_remembers(void **state)
{
    struct mark mark;
    struct mark_key key;
    static const uint8_t address[16] = {[10] = 0xff, [11] = 0xff, 198, 51, 100, 7};
    memcpy(key.bytes, view.ranking->seed.pin_key, sizeof(key.bytes));
    assert_int_equal(mean(0, "alice"), 2);
    assert_true(pins_mark_key(&key, &pools[0], KEY_TAG_TEXT, span_text("alice"), &mark));
    assert_true(mark_equal(meanings[0].mark, mark));
    assert_int_equal(meanings[0].stick->kind, STICK_TABLE);
    assert_true(pins_mark_session(&key, &pools[0], span_text("alice"), &mark));
    assert_true(mark_equal(meanings[1].mark, mark));
    assert_int_equal(meanings[1].stick->kind, STICK_SESSION);

    assert_int_equal(mean(0, "198.51.100.7"),
                     4); /* as text, whole, by its /24, and as an id; the /32 is the whole one */
    assert_true(pins_mark_key(&key, &pools[0], KEY_TAG_ADDRESS, span_of(address, 16), &mark));
    assert_true(mark_equal(meanings[1].mark, mark));
    assert_int_equal(mean(0, "2001:db8:0:1::1"), 5);
    assert_int_equal(mean(0, "198.51.100.7:80"), 2);
    assert_int_equal(mean(1, "198.51.100.7"), 1);
    assert_int_equal(mean(2, "alice"), 0);
}

static void a_key_that_is_too_long_means_nothing(void **state)
{
    char key[MARK_MOST + 1];
    memset(key, 'x', sizeof(key));
    key[MARK_MOST - strlen("app") - 1] = '\0';
    assert_int_equal(mean(0, key), 2);
    key[MARK_MOST - strlen("app") - 1] = 'x';
    key[MARK_MOST - strlen("app")] = '\0';
    assert_int_equal(mean(0, key), 0);
    assert_told(-E2BIG, "app", key, "");
}

static void a_pin_is_told_with_its_age(void **state)
{
    struct pin_seen seen;
    assert_told(0, "app", "alice\n", "{\"pool\":\"app\",\"key\":\"alice\\u000a\",\"pinned\":false}");
    pin("alice", 0, &servers[1], now + 3000, wall - 10);
    assert_int_equal(mean(0, "alice"), 2);
    assert_true(pins_view_find(&view, &pools[0], meanings[0].mark, &seen));
    assert_ptr_equal(seen.server, &servers[1]);
    assert_in_range(seen.made, 10, 40);
    assert_in_range(seen.left, 2960, 3000);
    pin("alice", 0, &servers[1], now + 3000, wall + 3600); /* by a clock that goes ahead of ours */
    assert_true(pins_view_find(&view, &pools[0], meanings[0].mark, &seen));
    assert_int_equal(seen.made, 0);
}

static void all_that_a_key_means_is_told(void **state)
{
    pin("10.0.0.1", 1, &servers[0], UINT32_MAX, UINT32_MAX);
    pin("10.0.0.1", 3, &servers[1], UINT32_MAX, UINT32_MAX);
    char buffer[1024];
    struct text text;
    text_init(&text, buffer, sizeof(buffer));
    assert_int_equal(pins_answer_pin(&view, span_text("app"), span_text("10.0.0.1"), &text), 0);
    assert_non_null(strstr(buffer, "\"pinned\":true,\"server\":\"a\",\"made\":0,\"left\":"));
    assert_non_null(strstr(buffer, "\"shared\":true,\"what\":\"key\",\"others\":[{\"server\":\"b\\\"\",\"made\":0,"));
    assert_non_null(strstr(buffer, "\"shared\":false,\"what\":\"session\"}]}"));
}

static void what_does_not_count_is_not_told(void **state)
{
    struct pin_seen seen;
    pin("old", 0, &servers[0], now - 1, wall);
    pin("strange", 0, NULL, now + 3000, wall);
    pin("of another pool", 0, &others[0], now + 3000, wall);
    pin("before", 0, &servers[0], now + 3000, wall - 1);
    pin("after", 0, &servers[0], now + 3000, wall + 1);
    server_set_unpinned(states, 0, wall);
    static const char *const void_ones[] = {"old", "strange", "of another pool", "before"};
    for (size_t i = 0; i < ARRAY_LENGTH(void_ones); i++) {
        assert_int_equal(mean(0, void_ones[i]), 2);
        assert_false(pins_view_find(&view, &pools[0], meanings[0].mark, &seen));
    }
    assert_int_equal(mean(0, "after"), 2);
    assert_true(pins_view_find(&view, &pools[0], meanings[0].mark, &seen));
    assert_told(
        0, "app", NULL,
        "{\"pool\":\"app\",\"pins\":1,\"servers\":[{\"server\":\"a\",\"pins\":1},{\"server\":\"b\\\"\",\"pins\":0}]}");
}

static void pins_are_counted_for_each_server(void **state)
{
    char key[32];
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(key, sizeof(key), "%u", i);
        pin(key, 0, &servers[i % 5 == 0], now + 3000, wall);
    }
    assert_told(0, "app", NULL,
                "{\"pool\":\"app\",\"pins\":1000,\"servers\":[{\"server\":\"a\",\"pins\":800},{\"server\":\"b\\\"\","
                "\"pins\":200}]}");
    assert_told(0, "sid", NULL, "{\"pool\":\"sid\",\"pins\":0,\"servers\":[{\"server\":\"a\",\"pins\":0}]}");
}

static void pools_that_keep_none_are_refused(void **state)
{
    assert_told(-ENOTSUP, "plain", NULL, "");
    assert_told(-ENOTSUP, "plain", "alice", "");
    assert_told(-ENOENT, "App", NULL, "");
    assert_told(-ENOENT, "", "alice", "");
}

/* An engine that was broken into may write there what it likes. */
static void memory_that_is_damaged_harms_nobody(void **state)
{
    struct pin_seen seen;
    size_t counts[2];
    for (int round = 0; round < 20; round++) {
        srand((unsigned)round);
        for (size_t i = 0; i < pin_memory_size(MOST); i++)
            ((uint8_t *)memory)[i] = (uint8_t)rand();
        assert_int_equal(mean(0, "alice"), 2);
        assert_false(pins_view_find(&view, &pools[0], meanings[0].mark, &seen));
        assert_int_equal(pins_view_count(&view, &pools[0], counts), 0);
    }
}

#define fresh(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(a_key_means_all_that_the_pool_remembers),
        fresh(a_key_that_is_too_long_means_nothing),
        fresh(a_pin_is_told_with_its_age),
        fresh(all_that_a_key_means_is_told),
        fresh(what_does_not_count_is_not_told),
        fresh(pins_are_counted_for_each_server),
        fresh(pools_that_keep_none_are_refused),
        fresh(memory_that_is_damaged_harms_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

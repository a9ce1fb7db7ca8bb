/* The table of pins, when many use it at once. */

#include "pin_tables.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- many threads ---------------------------------------------------------------------------------------------------- */

#define RACES 50000

struct racer {
    uint64_t server;
    uint64_t winners[RACES];
    bool failed;
};

static void *race(void *argument)
{
    struct racer *racer = argument;
    for (uint64_t i = 0; i < RACES; i++) {
        struct pin pin = pin_of(i, racer->server);
        racer->failed |= !pin_table_claim(table, &pin, PIN_TABLE_NOBODY, now);
        racer->winners[i] = pin.server;
    }
    return NULL;
}

static void of_two_who_claim_at_once_one_wins_and_both_know(void **state)
{
    static struct racer racers[2] = {{.server = 1}, {.server = 2}};
    pthread_t threads[2];
    make(MANY);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    for (uint64_t i = 0; i < RACES; i++) {
        assert_int_equal(racers[0].winners[i], racers[1].winners[i]);
        assert_int_equal(who(i), racers[0].winners[i]);
    }
    assert_false(racers[0].failed || racers[1].failed);
    assert_int_equal(pin_table_count(table), RACES);
}

static bool churn(uint64_t first, uint64_t last)
{
    struct pin found;
    for (uint64_t i = first; i < last; i++) {
        struct pin pin = pin_of(i, server_for(i)), shared = pin_of(i % 1000, server_for(i % 1000));
        bool fine = pin_table_put(table, &pin, now) && pin_table_put(table, &shared, now) &&
                    pin_table_look(table, shared.mark, LIFETIME, now, &found) && found.server == shared.server;
        if (!fine)
            return false;
        if (i % 3 == 0)
            pin_table_forget(table, pin.mark);
    }
    return true;
}

static void *churn_as_thread(void *argument)
{
    uint64_t first = *(uint64_t *)argument;
    return churn(first, first + 30000) ? NULL : argument;
}

static void threads_share_it(void **state)
{
    pthread_t threads[2];
    uint64_t first[2] = {1000002, 2000001}; /* multiples of three */
    void *wrong[2];
    make(MANY);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, churn_as_thread, &first[i]), 0);
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], &wrong[i]);
        assert_null(wrong[i]);
    }
    assert_int_equal(pin_table_count(table), 41000);
}

static void whoever_lists_meanwhile_sees_whole_pins(void **state)
{
    struct pin list[100];
    pthread_t thread;
    uint64_t first = 1000002;
    void *wrong;
    make(1024);
    assert_int_equal(pthread_create(&thread, NULL, churn_as_thread, &first), 0);
    for (int round = 0; round < 300; round++) {
        size_t cursor = 0, count;
        while ((count = pin_table_list(table, &cursor, list, 1 + (size_t)round % 100)) > 0)
            expect_whole(list, count);
    }
    pthread_join(thread, &wrong);
    assert_null(wrong);
}

/* As the keeper does it, while the engine is at work. */
static void another_process_sees_whole_pins(void **state)
{
    struct pin list[100];
    int status = 0;
    size_t size = pin_memory_size(1024);
    drop(NULL);
    now = BEGIN;
    void *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(shared != MAP_FAILED);
    pid_t engine = fork();
    if (engine == 0) {
        table = pin_table_new(shared, 1024, now);
        _exit(table && churn(0, 200000) ? 0 : 1);
    }
    size_t seen = 0;
    while (waitpid(engine, &status, WNOHANG) == 0) {
        size_t cursor = 0, count;
        while ((count = pin_memory_list(shared, 1024, &cursor, list, 100)) > 0) {
            expect_whole(list, count);
            seen += count;
        }
    }
    assert_int_equal(status, 0);
    assert_true(seen > 0);
    munmap(shared, size);
}
/* ---- all of them ----------------------------------------------------------------------------------------------------- */

static void expect_each_once(size_t (*some)(size_t *cursor, struct pin *list, size_t most), size_t page)
{
    static bool seen[3000];
    struct pin list[5000];
    size_t cursor = 0, count, all = 0;
    memset(seen, 0, sizeof(seen));
    for (; (count = some(&cursor, list, page)) > 0; all += count) {
        assert_true(count <= page);
        expect_whole(list, count);
        for (size_t i = 0; i < count; i++) {
            assert_false(seen[list[i].mark.low]);
            seen[list[i].mark.low] = true;
        }
    }
    assert_int_equal(all, 2000);
    assert_int_equal(some(&cursor, list, page), 0);
}

static void each_is_listed_once(void **state)
{
    make(MANY);
    for (uint64_t i = 0; i < 3000; i++)
        put(i, server_for(i));
    for (uint64_t i = 0; i < 3000; i += 3)
        forget(i);
    for (size_t page = 1; page <= 5000; page = page * 3 + 1) {
        expect_each_once(list_some, page);
        expect_each_once(peek_some, page);
    }
}

static void one_pin_and_their_number_are_seen_from_outside(void **state)
{
    struct pin found;
    make(1024);
    assert_int_equal(pin_memory_count(memory, 1024), 0);
    for (uint64_t i = 0; i < 5000; i++)
        put(i, server_for(i));
    assert_int_equal(pin_memory_count(memory, 1024), 1024);
    forget(4999);
    pin_table_forget_server(table, server_for(4998));
    assert_int_equal(pin_memory_count(memory, 1024), 1022);
    for (uint64_t i = 0; i < 5000; i++) {
        bool there = pin_memory_find(memory, 1024, mark_of(i), &found);
        assert_int_equal(there, i >= 5000 - 1024 && i < 4998);
        if (there)
            assert_int_equal(found.server, server_for(i));
    }
    begin_again();
    assert_int_equal(pin_memory_count(memory, 1024), 1022);
}

static void an_empty_table_lists_nothing(void **state)
{
    struct pin list[10];
    size_t cursor = 0;
    make(MANY);
    assert_int_equal(list_some(&cursor, list, 10), 0);
    cursor = 0;
    assert_int_equal(peek_some(&cursor, list, 10), 0);
    cursor = SIZE_MAX;
    assert_int_equal(list_some(&cursor, list, 10), 0);
    assert_int_equal(peek_some(&cursor, list, 10), 0);
    assert_int_equal(pin_table_forget_server(table, 1), 0);
}
#define fresh(test) cmocka_unit_test_teardown(test, drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(of_two_who_claim_at_once_one_wins_and_both_know),
        fresh(threads_share_it),
        fresh(whoever_lists_meanwhile_sees_whole_pins),
        fresh(another_process_sees_whole_pins),
        fresh(each_is_listed_once),
        fresh(one_pin_and_their_number_are_seen_from_outside),
        fresh(an_empty_table_lists_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

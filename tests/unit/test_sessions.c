#include "route/sessions.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SECONDS (micros) SECOND_IN_MICROS
#define LIFETIME (3600 * SECONDS)

static struct sessions *sessions;
static micros now;

static void make(size_t most)
{
    sessions_free(sessions);
    sessions = sessions_new(most);
    assert_non_null(sessions);
    now = 1000 * SECONDS;
}

static int drop(void **state)
{
    sessions_free(sessions);
    sessions = NULL;
    return 0;
}

static bool learn(const char *pool, const char *id, uint32_t server)
{
    return sessions_learn(sessions, span_text(pool), span_text(id), server, LIFETIME, now);
}

static uint32_t who(const char *pool, const char *id)
{
    return sessions_find(sessions, span_text(pool), span_text(id), LIFETIME, now);
}

static bool learn_number(uint32_t id, uint32_t server)
{
    return sessions_learn(sessions, span_text("app"), span_of(&id, sizeof(id)), server, LIFETIME, now);
}

static uint32_t who_has(uint32_t id)
{
    return sessions_find(sessions, span_text("app"), span_of(&id, sizeof(id)), LIFETIME, now);
}

static void what_was_learnt_is_known(void **state)
{
    make(SESSIONS_MOST);
    assert_int_equal(who("app", "a"), SESSIONS_NOBODY);
    assert_true(learn("app", "a", 7));
    assert_int_equal(who("app", "a"), 7);
    assert_int_equal(who("app", "b"), SESSIONS_NOBODY);
    assert_true(learn("app", "a", 8));
    assert_int_equal(who("app", "a"), 8);
    assert_int_equal(sessions_count(sessions), 1);
}

static void pools_do_not_share_ids(void **state)
{
    make(SESSIONS_MOST);
    assert_true(learn("app", "a", 1));
    assert_true(learn("ap", "pa", 2));
    assert_true(learn("", "appa", 3));
    assert_int_equal(who("app", "a"), 1);
    assert_int_equal(who("ap", "pa"), 2);
    assert_int_equal(who("", "appa"), 3);
    assert_int_equal(who("chat", "a"), SESSIONS_NOBODY);
}

static void what_is_forgotten_is_gone(void **state)
{
    make(SESSIONS_MOST);
    sessions_forget(sessions, span_text("app"), span_text("a"));
    assert_true(learn("app", "a", 1));
    sessions_forget(sessions, span_text("app"), span_text("b"));
    assert_int_equal(who("app", "a"), 1);
    sessions_forget(sessions, span_text("app"), span_text("a"));
    assert_int_equal(who("app", "a"), SESSIONS_NOBODY);
    assert_int_equal(sessions_count(sessions), 0);
}

static void an_id_lasts_from_when_it_was_last_seen(void **state)
{
    make(SESSIONS_MOST);
    assert_true(learn("app", "a", 1));
    for (int i = 0; i < 10; i++) {
        now += LIFETIME;
        assert_int_equal(who("app", "a"), 1);
    }
    now += LIFETIME + SECONDS;
    assert_int_equal(who("app", "a"), SESSIONS_NOBODY);
    assert_int_equal(sessions_count(sessions), 0);
}

static void an_endless_lifetime_is_no_overflow(void **state)
{
    make(SESSIONS_MOST);
    micros ages = INT64_MAX / 2;
    assert_true(sessions_learn(sessions, span_text("app"), span_text("a"), 5, ages, now));
    now += 1000 * LIFETIME;
    assert_int_equal(sessions_find(sessions, span_text("app"), span_text("a"), ages, now), 5);
}

static void giants_are_not_learnt(void **state)
{
    static uint8_t giant[65536];
    make(SESSIONS_MOST);
    for (size_t length = 4000; length <= sizeof(giant); length += length < 4100 ? 1 : 20000) {
        struct span id = span_of(giant, length);
        bool fits = length + 3 <= 4096;
        assert_int_equal(sessions_learn(sessions, span_text("app"), id, 1, LIFETIME, now), fits);
        assert_int_equal(sessions_find(sessions, span_text("app"), id, LIFETIME, now), fits ? 1 : SESSIONS_NOBODY);
        sessions_forget(sessions, span_text("app"), id);
    }
    assert_int_equal(sessions_count(sessions), 0);
}

static void a_hundred_thousand_do_not_disturb_each_other(void **state)
{
    make(SESSIONS_MOST);
    for (uint32_t i = 0; i < 100000; i++)
        assert_true(learn_number(i, i % 17));
    for (uint32_t i = 0; i < 100000; i += 2)
        sessions_forget(sessions, span_text("app"), span_of(&i, sizeof(i)));
    for (uint32_t i = 0; i < 100000; i++)
        assert_int_equal(who_has(i), i % 2 == 0 ? SESSIONS_NOBODY : i % 17);
    assert_int_equal(sessions_count(sessions), 50000);
}

static void a_full_table_stays_as_big_as_it_is(void **state)
{
    make(1024);
    for (uint32_t i = 0; i < 100000; i++)
        assert_true(learn_number(i, 1));
    assert_int_equal(sessions_count(sessions), 1024);
    assert_int_equal(who_has(99999), 1);
    assert_int_equal(who_has(0), SESSIONS_NOBODY);
}

/* 300 of 1,024 come back, once; then a million new ids, in the same second and without a pause. */
static void a_flood_of_new_ids_pushes_out_nobody_who_came_back(void **state)
{
    make(1024);
    /* Two for each shard on the average, of the twelve that it keeps places for: who meets whom is left to chance. */
    for (uint32_t i = 0; i < 128; i++) {
        assert_true(learn_number(i, i));
        assert_int_equal(who_has(i), i);
    }
    for (uint32_t i = 1000; i < 1001000; i++)
        assert_true(learn_number(i, 1));
    for (uint32_t i = 0; i < 128; i++)
        assert_int_equal(who_has(i), i);
    assert_int_equal(sessions_count(sessions), 1024);
}

/* A quarter is kept for them: 4 of the 16 places of each shard, so these three find one even if they share theirs. */
static void those_who_came_back_leave_room_for_newcomers(void **state)
{
    make(1024);
    for (uint32_t i = 0; i < 10000; i++) {
        assert_true(learn_number(i, 1));
        assert_int_equal(who_has(i), 1);
    }
    for (uint32_t i = 20000; i < 20003; i++)
        assert_true(learn_number(i, 2));
    for (uint32_t i = 20000; i < 20003; i++)
        assert_int_equal(who_has(i), 2);
}

static void places_that_ran_out_are_taken_before_the_table_grows(void **state)
{
    make(SESSIONS_MOST);
    for (uint32_t i = 0; i < 1000; i++)
        assert_true(learn_number(i, 1));
    now += LIFETIME + 2 * SECONDS;
    for (uint32_t i = 1000; i < 2000; i++)
        assert_true(learn_number(i, 1));
    size_t count = sessions_count(sessions);
    assert_in_range(count, 1000, 1400); /* 64 shards do not get the same number each */
    for (uint32_t i = 1000; i < 2000; i++)
        assert_int_equal(who_has(i), 1);
}

/* A shadow that is a plain array: what it knows, the table knows, as long as nothing has to be pushed out. */
static void random_steps_agree_with_a_plain_array(void **state)
{
    static uint32_t shadow[500];
    uint32_t random = 1;
    make(SESSIONS_MOST);
    for (size_t i = 0; i < 500; i++)
        shadow[i] = SESSIONS_NOBODY;
    for (int step = 0; step < 200000; step++) {
        random = random * 1103515245 + 12345;
        uint32_t id = (random >> 8) % 500, server = (random >> 20) % 9;
        switch ((random >> 28) % 4) {
        case 0:
            assert_true(learn_number(id, server));
            shadow[id] = server;
            break;
        case 1:
            sessions_forget(sessions, span_text("app"), span_of(&id, sizeof(id)));
            shadow[id] = SESSIONS_NOBODY;
            break;
        default:
            assert_int_equal(who_has(id), shadow[id]);
        }
    }
    size_t known = 0;
    for (size_t i = 0; i < 500; i++)
        known += shadow[i] != SESSIONS_NOBODY;
    assert_int_equal(sessions_count(sessions), known);
}

static void *learn_and_ask(void *argument)
{
    uint32_t first = *(uint32_t *)argument;
    for (uint32_t i = first; i < first + 50000; i++) {
        uint32_t shared = i % 1000;
        bool fine = learn_number(i, i % 7) && learn_number(shared, shared) && who_has(shared) == shared;
        if (!fine)
            return argument;
    }
    return NULL;
}

static void threads_share_it(void **state)
{
    pthread_t threads[2];
    uint32_t first[2] = {1000000, 2000000};
    void *wrong[2];
    make(SESSIONS_MOST);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, learn_and_ask, &first[i]), 0);
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], &wrong[i]);
        assert_null(wrong[i]);
    }
    assert_int_equal(sessions_count(sessions), 101000);
}

#define fresh(test) cmocka_unit_test_teardown(test, drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(what_was_learnt_is_known),
        fresh(pools_do_not_share_ids),
        fresh(what_is_forgotten_is_gone),
        fresh(an_id_lasts_from_when_it_was_last_seen),
        fresh(an_endless_lifetime_is_no_overflow),
        fresh(giants_are_not_learnt),
        fresh(a_hundred_thousand_do_not_disturb_each_other),
        fresh(a_full_table_stays_as_big_as_it_is),
        fresh(a_flood_of_new_ids_pushes_out_nobody_who_came_back),
        fresh(those_who_came_back_leave_room_for_newcomers),
        fresh(places_that_ran_out_are_taken_before_the_table_grows),
        fresh(random_steps_agree_with_a_plain_array),
        fresh(threads_share_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Where keys live: what is asked of memcached, and what its answers mean. The test is memcached, and the other frontends. */

#include "pins_house.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static enum pins_answer find(uint32_t *server)
{
    return pins_find(house.room, &house.question, server);
}

static void assert_known(uint32_t expected)
{
    uint32_t server;
    assert_int_equal(find(&server), PINS_KNOWN);
    assert_int_equal(server, expected);
}

static void assert_not_known(void)
{
    uint32_t server;
    assert_int_equal(find(&server), PINS_ASK);
    assert_int_equal(server, PIN_NO_SERVER);
}

/* Asks, answers as memcached does, and expects to be told. */
static void assert_answered(enum query_kind kind, uint32_t server, enum query_outcome outcome, uint32_t told)
{
    unsigned before = house.told;
    assert_non_null(house_ask(kind, server));
    house_serve();
    assert_int_equal(house.told, before + 1);
    assert_int_equal(house.outcome, outcome);
    assert_int_equal(house.server, told);
}

static void claim_one_for(uint32_t server)
{
    assert_answered(QUERY_CLAIM, server, QUERY_CLAIMED, server);
    assert_known(server);
}

/* So much later; what is asked now is answered. */
static void later(micros time)
{
    house.loop.now += time;
}

/* ---- claims ---------------------------------------------------------------------------------------------------------- */

static void a_new_key_is_claimed_in_one_trip(void **state)
{
    struct heard none;
    char key[PINS_KEY_SIZE];
    house_greet(HOUSE_WORD);
    assert_not_known();
    assert_non_null(house_ask(QUERY_CLAIM, B));
    struct heard store = house_next(), get = house_next(); /* both are there before anything was answered */
    assert_false(house_hear(&none));
    pins_key_text(house.question.mark, key);
    assert_string_equal(store.key, key);
    assert_string_equal(get.key, key);
    assert_non_null(strstr(store.line, " T3600 "));
    assert_non_null(strstr(store.line, " ME"));
    assert_int_equal(get.opaque, store.opaque + 1);
    house_answer(&store);
    house_turn();
    assert_int_equal(house.told, 0);
    house_answer(&get);
    house_turn();
    assert_int_equal(house.outcome, QUERY_CLAIMED);
    assert_int_equal(house.server, B);
    assert_int_equal(house_pinned("one"), 'b');
    assert_known(B);
    assert_false(house_hear(&none)); /* what is known costs no trip */
    assert_int_equal(house_counted(COUNTER_PINS_CLAIMED), 1);
    assert_int_equal(house_counted(COUNTER_PIN_QUERIES), 1);
}

static void whoever_was_quicker_is_obeyed(void **state)
{
    house_greet(HOUSE_WORD);
    house_pin("one", "a", 0);
    assert_answered(QUERY_CLAIM, B, QUERY_PINNED, A);
    assert_known(A);
    assert_int_equal(house_counted(COUNTER_PINS_OBEYED), 1);
    assert_int_equal(house_counted(COUNTER_PINS_CLAIMED), 0);
}

static void a_pin_that_says_the_same_is_not_ours_and_obeyed_nobody(void **state)
{
    house_greet(HOUSE_WORD);
    house_pin("one", "b", 0);
    assert_answered(QUERY_CLAIM, B, QUERY_PINNED, B);
    assert_int_equal(house_counted(COUNTER_PINS_OBEYED), 0);
}

static void who_only_looks_leaves_nothing(void **state)
{
    house_greet(HOUSE_WORD);
    assert_answered(QUERY_FIND, PIN_NO_SERVER, QUERY_FREE, PIN_NO_SERVER);
    assert_not_known();
    house_pin("one", "c", 0);
    assert_answered(QUERY_FIND, PIN_NO_SERVER, QUERY_PINNED, C);
    assert_known(C);
}

static void a_pin_that_is_evicted_at_once_is_free(void **state)
{
    house_greet(HOUSE_WORD);
    assert_non_null(house_ask(QUERY_CLAIM, B));
    struct heard store = house_next(), get = house_next();
    house_say("HD O%u\r\nEN O%u\r\n", store.opaque, get.opaque);
    house_turn();
    assert_int_equal(house.outcome, QUERY_FREE);
    assert_not_known();
}

static void a_pin_may_count_for_longer_than_seconds_are_counted(void **state)
{
    struct plan_stick ages = house_sticks[0];
    ages.lifetime = (UINT32_MAX + (micros)60) * HOUSE_SECOND;
    house.question.stick = &ages;
    house_greet(HOUSE_WORD);
    assert_non_null(house_ask(QUERY_CLAIM, B));
    struct heard store = house_next(), get = house_next();
    assert_non_null(strstr(store.line, " T2592000 ")); /* more would be a date */
    house_answer(&store);
    house_answer(&get);
    house_turn();
    assert_known(B);
}

/* ---- what may stand there -------------------------------------------------------------------------------------------- */

static void put_junk(const char *junk)
{
    char key[PINS_KEY_SIZE];
    pins_key_text(house.question.mark, key);
    house_keep(key, junk, strlen(junk));
}

static void what_does_not_open_is_overwritten(void **state)
{
    house_greet(HOUSE_WORD);
    put_junk("b");
    assert_answered(QUERY_CLAIM, B, QUERY_CLAIMED, B);
    assert_int_equal(house_pinned("one"), 'b');
    assert_int_equal(house_counted(COUNTER_PINS_STRANGE), 1);
    put_junk("");
    assert_answered(QUERY_FIND, PIN_NO_SERVER, QUERY_STRANGE, PIN_NO_SERVER);
    assert_int_equal(house_pinned("one"), '?'); /* but not by who only looks */
}

static void who_writes_junk_without_end_is_given_up(void **state)
{
    unsigned heard_in_all = 0;
    struct heard heard;
    house_greet(HOUSE_WORD);
    put_junk("b");
    assert_non_null(house_ask(QUERY_CLAIM, B));
    while (house_hear(&heard)) {
        heard_in_all++;
        house_answer(&heard);
        put_junk("c");
        house_turn();
    }
    assert_int_equal(house.outcome, QUERY_STRANGE);
    assert_in_range(heard_in_all, 2, 6);
    assert_not_known();
}

static void the_value_of_another_key_does_not_count(void **state)
{
    char from[PINS_KEY_SIZE], to[PINS_KEY_SIZE];
    house_greet(HOUSE_WORD);
    house_pin("another", "a", 0);
    pins_key_text(house_mark("another"), from);
    pins_key_text(house.question.mark, to);
    struct house_value copy = *house_find(from);
    house_keep(to, copy.value, copy.length);
    claim_one_for(B);
    assert_int_equal(house_pinned("one"), 'b');
}

static void the_value_of_another_pool_does_not_count(void **state)
{
    house_greet(HOUSE_WORD);
    house_pin_of("other", "one", "a", 0);
    assert_int_equal(house_pinned("one"), '?');
    claim_one_for(B);
    assert_int_equal(house_pinned("one"), 'b');
}

static void an_unknown_server_of_late_is_left_to_who_knows_it(void **state)
{
    house_greet(HOUSE_WORD);
    house_pin("one", "zz", 10 * HOUSE_SECOND);
    assert_answered(QUERY_CLAIM, B, QUERY_STRANGE, PIN_NO_SERVER);
    assert_int_equal(house_pinned("one"), 'z');
    house_pin("one", "zz", 400 * HOUSE_SECOND); /* nobody has it any more */
    claim_one_for(B);
    assert_int_equal(house_pinned("one"), 'b');
}

static void a_pin_from_before_its_server_was_unpinned_is_void(void **state)
{
    house_greet(HOUSE_WORD);
    house_pin("one", "a", 100 * HOUSE_SECOND);
    server_set_unpinned(house.states, A, (uint32_t)(clock_wall() / SECOND_IN_MICROS) - 50);
    claim_one_for(B);
    assert_int_equal(house_pinned("one"), 'b');
}

/* ---- moves ----------------------------------------------------------------------------------------------------------- */

static void a_pin_moves_if_it_is_still_what_it_was(void **state)
{
    house_greet(HOUSE_WORD);
    claim_one_for(A);
    pins_move(house.room, &house.question, A, C);
    uint32_t server;
    assert_int_equal(find(&server), PINS_ASK); /* not sure before memcached has said so */
    assert_int_equal(server, C);
    house_serve();
    assert_int_equal(house_pinned("one"), 'c');
    assert_known(C);
    assert_int_equal(house_counted(COUNTER_PINS_MOVED), 1);
}

static void a_pin_that_another_frontend_has_moved_is_obeyed(void **state)
{
    house_greet(HOUSE_WORD);
    claim_one_for(A);
    house_pin("one", "b", 0);
    pins_move(house.room, &house.question, A, C);
    house_serve();
    assert_int_equal(house_pinned("one"), 'b');
    assert_known(B);
}

/* Another one is quicker by less than a trip: the number of what was read is not that of what is there. */
static void a_race_of_moves_has_one_winner(void **state)
{
    house_greet(HOUSE_WORD);
    claim_one_for(A);
    pins_move(house.room, &house.question, A, C);
    struct heard get = house_next();
    house_answer(&get);
    house_pin("one", "b", 0);
    house_turn();
    house_serve();
    assert_int_equal(house_pinned("one"), 'b');
    assert_known(B);
}

static void a_pin_that_is_gone_is_made_where_it_moved(void **state)
{
    house_greet(HOUSE_WORD);
    claim_one_for(A);
    char key[PINS_KEY_SIZE];
    pins_key_text(house.question.mark, key);
    house_forget(key);
    pins_move(house.room, &house.question, A, C);
    house_serve();
    assert_int_equal(house_pinned("one"), 'c');
    assert_known(C);
}

static void what_a_server_gives_out_counts_whatever_was(void **state)
{
    house_greet(HOUSE_WORD);
    house_pin("one", "b", 0);
    pins_set(house.room, &house.question, C);
    assert_int_equal(house_serve(), 1);
    assert_int_equal(house_pinned("one"), 'c');
    assert_known(C);
}

/* ---- confirming ------------------------------------------------------------------------------------------------------ */

static void what_is_used_is_shown_to_memcached_every_ten_seconds(void **state)
{
    house_greet(HOUSE_WORD);
    claim_one_for(A);
    later(9 * HOUSE_SECOND);
    assert_known(A);
    assert_int_equal(house_serve(), 0);
    later(11 * HOUSE_SECOND);
    assert_known(A);
    assert_known(A);
    assert_int_equal(house_serve(), 1);
}

static void a_move_elsewhere_is_heard_of(void **state)
{
    house_greet(HOUSE_WORD);
    claim_one_for(A);
    house_pin("one", "b", 0);
    later(11 * HOUSE_SECOND);
    assert_known(A);
    house_serve();
    assert_known(B);
    assert_int_equal(house_counted(COUNTER_PINS_OBEYED), 1);
}

static void what_memcached_has_forgotten_is_claimed_again(void **state)
{
    char key[PINS_KEY_SIZE];
    house_greet(HOUSE_WORD);
    claim_one_for(A);
    pins_key_text(house.question.mark, key);
    house_forget(key);
    later(11 * HOUSE_SECOND);
    assert_known(A);
    house_serve();
    assert_int_equal(house_pinned("one"), 'a');
    assert_known(A);
}

/* ---- unpinning ------------------------------------------------------------------------------------------------------- */

static void who_unpins_leaves_word_for_the_others(void **state)
{
    house_greet(HOUSE_WORD);
    claim_one_for(A);
    pins_unpin(house.room, &house.question);
    assert_not_known();
    struct heard heard = house_next();
    assert_non_null(strstr(heard.line, " T3600 ")); /* as long as a pin that somebody may still have */
    house_answer(&heard);
    house_turn();
    assert_int_equal(house_pinned("one"), '-');
    claim_one_for(B); /* and whoever comes is pinned anew */
    assert_int_equal(house_pinned("one"), 'b');
}

static void what_was_unpinned_elsewhere_is_forgotten(void **state)
{
    house_greet(HOUSE_WORD);
    claim_one_for(A);
    house_pin("one", "", 0);
    later(11 * HOUSE_SECOND);
    assert_known(A);
    house_serve();
    assert_not_known();
    assert_int_equal(house_pinned("one"), '-');
}

static void what_was_unpinned_meanwhile_is_not_claimed_again(void **state)
{
    house_greet(HOUSE_WORD);
    house_pin("one", "a", 10 * HOUSE_SECOND);
    assert_answered(QUERY_FIND, PIN_NO_SERVER, QUERY_PINNED, A);
    house_pin("one", "", 5 * HOUSE_SECOND);
    house_meet();
    house_greet("another word");
    assert_int_equal(house_serve(), 2);
    assert_int_equal(house_pinned("one"), '-');
    assert_not_known();
}

/* ---- without memcached, and when it is back -------------------------------------------------------------------------- */

static void decide_alone(const char *key, uint32_t server)
{
    struct pin_question question = {.pool = &house_pool, .stick = &house_sticks[0], .mark = house_mark(key)};
    assert_int_equal(pins_claim_here(house.room, &question, server), server);
}

/* Two threads, at the same moment. */
static void of_two_that_decide_alone_the_first_counts(void **state)
{
    decide_alone("one", A);
    assert_int_equal(pins_claim_here(house.room, &house.question, B), A);
}

static void a_pin_to_a_server_that_is_gone_makes_room(void **state)
{
    struct pin pin = {.mark = house_mark("one"), .server = 1, .until = UINT32_MAX};
    assert_true(pin_table_put(house.shared.table, &pin, house.loop.now));
    decide_alone("one", B);
    assert_int_equal(pins_claim_here(house.room, &house.question, A), B);
}

static void what_was_decided_alone_is_claimed_when_memcached_is_there(void **state)
{
    decide_alone("one", A);
    decide_alone("two", B);
    house_pin("two", "c", 0);
    house_greet(HOUSE_WORD);
    assert_int_equal(house_serve(), 4);
    assert_int_equal(house_pinned("one"), 'a');
    assert_int_equal(house_pinned("two"), 'c');
    assert_known(A);
    house.question.mark = house_mark("two");
    assert_known(C); /* one has won, and all obey */
}

static void ever_more_is_claimed_than_goes_at_once(void **state)
{
    char key[32];
    for (unsigned i = 0; i < 5 * SWEEP_BATCH; i++) {
        snprintf(key, sizeof(key), "key-%u", i);
        decide_alone(key, i % 3);
    }
    house_greet(HOUSE_WORD);
    struct heard heard;
    unsigned most = 0, all = 0;
    for (unsigned now = 0; house_hear(&heard); now = 0) {
        do { /* nothing is kept of it: that it was said is enough */
            now++;
            house_say(strcmp(heard.name, "ms") == 0 ? "HD O%u\r\n" : "EN O%u\r\n", heard.opaque);
        } while (house_hear(&heard));
        most = now > most ? now : most;
        all += now;
        house_turn();
    }
    assert_int_equal(all, 2 * 5 * SWEEP_BATCH);
    assert_in_range(most, 2, 2 * SWEEP_BATCH);
}

static void memcached_that_comes_back_empty_is_told_again(void **state)
{
    house_greet(HOUSE_WORD);
    claim_one_for(A);
    char key[PINS_KEY_SIZE];
    pins_key_text(house.question.mark, key);
    house_forget(key);
    house_meet();
    assert_known(A); /* nobody knows yet that it is another one */
    house_greet("another word");
    assert_int_equal(house_serve(), 2);
    assert_int_equal(house_pinned("one"), 'a');
    assert_known(A);
    assert_int_equal(breaker_state(&house.breaker), BREAKER_CLOSED);
    assert_int_equal(house.breaker.failures, 0); /* an idle connection that ends is none */
}

/* Another frontend may have seen its client since. */
static void what_is_claimed_again_takes_no_time_from_a_pin(void **state)
{
    struct plan_stick ten_minutes = house_sticks[0];
    struct pin_question question = {.pool = &house_pool, .stick = &ten_minutes, .mark = house_mark("one")};
    ten_minutes.lifetime = 600 * HOUSE_SECOND;
    assert_int_equal(pins_claim_here(house.room, &question, A), A);
    house_greet(HOUSE_WORD);
    struct heard store = house_next(), get = house_next();
    assert_true(strstr(store.line, " T600 ") || strstr(store.line, " T599 ")); /* if nobody else has it */
    assert_null(strstr(get.line, " T"));
    house_answer(&store);
    house_answer(&get);
    house_turn();
    assert_int_equal(house_pinned("one"), 'a');
}

static void memcached_is_told_of_30_days_at_most(void **state)
{
    struct plan_stick a_year = house_sticks[0];
    a_year.lifetime = 365 * 86400 * HOUSE_SECOND;
    house_greet(HOUSE_WORD);
    house.question.stick = &a_year;
    assert_non_null(house_ask(QUERY_CLAIM, A));
    struct heard store = house_next(), get = house_next();
    assert_non_null(strstr(store.line, " T2592000 ")); /* more it takes for a date, and that is over */
    assert_non_null(strstr(get.line, " T2592000"));
    house_answer(&store);
    house_answer(&get);
    house_turn();
    assert_int_equal(house.outcome, QUERY_CLAIMED);
}

/* ---- whoever waits --------------------------------------------------------------------------------------------------- */

static void who_gives_up_is_told_nothing_and_the_answer_counts(void **state)
{
    house_greet(HOUSE_WORD);
    struct query *query = house_ask(QUERY_CLAIM, B);
    assert_non_null(query);
    pins_cancel(query);
    house_serve();
    assert_int_equal(house.told, 0);
    assert_known(B);
}

static void at_the_end_everybody_is_told(void **state)
{
    house_greet(HOUSE_WORD);
    assert_non_null(house_ask(QUERY_CLAIM, B));
    assert_non_null(house_ask(QUERY_FIND, PIN_NO_SERVER));
    pins_room_close(house.room);
    assert_int_equal(house.told_as[QUERY_FAILED], 2);
    pins_room_close(house.room);
    assert_int_equal(house.told, 2);
}

static void a_name_that_is_too_long_for_a_pin_is_not_asked_about(void **state)
{
    static char longest[SEALED_SERVER_MOST + 2];
    memset(longest, 'x', SEALED_SERVER_MOST + 1);
    struct plan_server servers[] = {{.name = longest, .weight = 1, .number = A}};
    struct plan_pool pool = house_pool;
    pool.servers = servers;
    pool.server_count = 1;
    house.question.pool = &pool;
    house_greet(HOUSE_WORD);
    assert_null(house_ask(QUERY_CLAIM, 0));
    assert_non_null(house_ask(QUERY_FIND, PIN_NO_SERVER));
    house_serve();
    assert_int_equal(house.outcome, QUERY_FREE);
}

#define IN_A_HOUSE(test) cmocka_unit_test_setup_teardown(test, house_make, house_drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_HOUSE(a_new_key_is_claimed_in_one_trip),
        IN_A_HOUSE(whoever_was_quicker_is_obeyed),
        IN_A_HOUSE(a_pin_that_says_the_same_is_not_ours_and_obeyed_nobody),
        IN_A_HOUSE(who_only_looks_leaves_nothing),
        IN_A_HOUSE(a_pin_that_is_evicted_at_once_is_free),
        IN_A_HOUSE(a_pin_may_count_for_longer_than_seconds_are_counted),
        IN_A_HOUSE(what_does_not_open_is_overwritten),
        IN_A_HOUSE(who_writes_junk_without_end_is_given_up),
        IN_A_HOUSE(the_value_of_another_key_does_not_count),
        IN_A_HOUSE(the_value_of_another_pool_does_not_count),
        IN_A_HOUSE(an_unknown_server_of_late_is_left_to_who_knows_it),
        IN_A_HOUSE(a_pin_from_before_its_server_was_unpinned_is_void),
        IN_A_HOUSE(a_pin_moves_if_it_is_still_what_it_was),
        IN_A_HOUSE(a_pin_that_another_frontend_has_moved_is_obeyed),
        IN_A_HOUSE(a_race_of_moves_has_one_winner),
        IN_A_HOUSE(a_pin_that_is_gone_is_made_where_it_moved),
        IN_A_HOUSE(what_a_server_gives_out_counts_whatever_was),
        IN_A_HOUSE(what_is_used_is_shown_to_memcached_every_ten_seconds),
        IN_A_HOUSE(a_move_elsewhere_is_heard_of),
        IN_A_HOUSE(what_memcached_has_forgotten_is_claimed_again),
        IN_A_HOUSE(who_unpins_leaves_word_for_the_others),
        IN_A_HOUSE(what_was_unpinned_elsewhere_is_forgotten),
        IN_A_HOUSE(what_was_unpinned_meanwhile_is_not_claimed_again),
        IN_A_HOUSE(of_two_that_decide_alone_the_first_counts),
        IN_A_HOUSE(a_pin_to_a_server_that_is_gone_makes_room),
        IN_A_HOUSE(what_was_decided_alone_is_claimed_when_memcached_is_there),
        IN_A_HOUSE(ever_more_is_claimed_than_goes_at_once),
        IN_A_HOUSE(memcached_that_comes_back_empty_is_told_again),
        IN_A_HOUSE(what_is_claimed_again_takes_no_time_from_a_pin),
        IN_A_HOUSE(memcached_is_told_of_30_days_at_most),
        IN_A_HOUSE(who_gives_up_is_told_nothing_and_the_answer_counts),
        IN_A_HOUSE(at_the_end_everybody_is_told),
        IN_A_HOUSE(a_name_that_is_too_long_for_a_pin_is_not_asked_about),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

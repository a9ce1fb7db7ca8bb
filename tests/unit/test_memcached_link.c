/* The connection to a memcached server, and everything that can be wrong with it: whoever waits is told in time, and it is never
 * used again. The test is memcached. */

#include "pins_house.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Asks (two commands, two replies) and hears both. */
static void claim(struct heard *store, struct heard *get)
{
    assert_non_null(house_ask(QUERY_CLAIM, B));
    *store = house_next();
    *get = house_next();
}

/* Answers two commands; their numbers stand where the text has @1 and @2. */
static void say_for(const char *text, const struct heard *first, const struct heard *second)
{
    char buffer[512];
    struct text said;
    text_init(&said, buffer, sizeof(buffer));
    for (; *text; text++) {
        if (*text == '@')
            text_add_unsigned(&said, *++text == '1' ? first->opaque : second->opaque);
        else
            text_add_char(&said, *text);
    }
    house_say_bytes(said.data, said.length);
}

static void assert_failed(unsigned failures)
{
    house_turn();
    assert_int_equal(house.told, 1);
    assert_int_equal(house.outcome, QUERY_FAILED);
    assert_int_equal(house.breaker.failures, failures);
    assert_int_equal(house_counted(COUNTER_PIN_FAILURES), failures);
    assert_true(house_is_left());
}

/* What is asked next goes to a new connection, and is answered there. */
static void assert_begins_anew(void)
{
    int before = house.talks;
    house.told = 0;
    house_hang_up();
    assert_non_null(house_ask(QUERY_FIND, PIN_NO_SERVER));
    house_greet(HOUSE_WORD);
    house_serve();
    assert_int_equal(house.talks, before + 1);
    assert_int_equal(house.told, 1);
    assert_int_not_equal(house.outcome, QUERY_FAILED);
    assert_int_equal(house.breaker.failures, 0);
}

/* ---- replies that are wrong ------------------------------------------------------------------------------------------ */

/* In place of both replies; @1 is the number of the first, @2 that of the second. */
static const char *const wrong_replies[] = {
    "HD O@1\r\nEN O@1\r\n",                  /* the number of another command */
    "HD O@2\r\nEN O@1\r\n",                  /* in another order */
    "HD O@1\r\nHD O@2\r\n",                  /* a word that belongs to a store */
    "EN O@1\r\nEN O@2\r\n",                  /* ... and one that does not */
    "VA 1 c1 O@1\r\nx\r\nEN O@2\r\n",        /* the same */
    "HD O@1\r\nEN\r\n",                      /* no number at all */
    "HD\r\nEN O@2\r\n",                      /* the same */
    "HD O@1\r\nEN O@2 O@2\r\n",              /* two of them */
    "HD O@1\r\nEN O@2\n",                    /* half an end of line */
    "SERVER_ERROR out of memory\r\n",        /* refused */
    "HD O@1\r\nCLIENT_ERROR bad\r\n",        /* the same */
    "ERROR\r\n",                             /* the same */
    "HD O@1\r\nVA -1 c1 O@2\r\n",            /* lengths that cannot be */
    "HD O@1\r\nVA 513 c1 O@2\r\n",           /* the same */
    "HD O@1\r\nVA 104857600 c1 O@2\r\n",     /* the same, and it is not waited for */
    "HD O@1\r\nVA 2 c1 O@2\r\nx\r\n",        /* a value that ends early */
    "HD O@1\r\nVA 1 c1 O@2\r\nxyz\r\n",      /* ... and late */
    "HD O@1\r\nVALUE k 0 1\r\nx\r\nEND\r\n", /* another protocol */
    "HTTP/1.1 400 Bad Request\r\n",          /* the same */
};

static void a_reply_that_is_wrong_ends_the_connection(void **state)
{
    for (size_t i = 0; i < ARRAY_LENGTH(wrong_replies); i++) {
        struct heard store, get;
        if (i > 0)
            assert_int_equal(house_make(state), 0);
        house_greet(HOUSE_WORD);
        claim(&store, &get);
        say_for(wrong_replies[i], &store, &get);
        assert_failed(1);
        assert_begins_anew();
        if (i + 1 < ARRAY_LENGTH(wrong_replies))
            house_drop(state);
    }
}

static void garbage_ends_the_connection(void **state)
{
    static const uint8_t zeros[600];
    struct heard store, get;
    house_greet(HOUSE_WORD);
    claim(&store, &get);
    house_say_bytes(zeros, sizeof(zeros));
    assert_failed(1);
    assert_begins_anew();
}

static void what_nobody_asked_for_ends_the_connection(void **state)
{
    struct heard store, get;
    house_greet(HOUSE_WORD);
    claim(&store, &get);
    house_answer(&store);
    house_answer(&get);
    house_say("EN O%u\r\n", get.opaque + 1);
    house_turn();
    assert_int_equal(house.outcome, QUERY_CLAIMED); /* what came before it was in order */
    assert_true(house_is_left());
    assert_int_equal(house.breaker.failures, 1);
    assert_begins_anew();
}

static void all_that_wait_behind_a_wrong_reply_are_told(void **state)
{
    struct heard heard;
    house_greet(HOUSE_WORD);
    for (unsigned i = 0; i < 10; i++)
        assert_non_null(house_ask(QUERY_FIND, PIN_NO_SERVER));
    for (unsigned i = 0; i < 4; i++) {
        heard = house_next();
        house_answer(&heard);
    }
    house_say("ERROR\r\n");
    house_turn();
    assert_int_equal(house.told_as[QUERY_FREE], 4);
    assert_int_equal(house.told_as[QUERY_FAILED], 6);
    assert_int_equal(house.breaker.failures, 1); /* of the connection, not of each of them */
}

static void replies_may_come_byte_by_byte(void **state)
{
    char reply[256];
    struct heard store, get;
    house_greet(HOUSE_WORD);
    house_pin("one", "c", 0);
    claim(&store, &get);
    const struct house_value *there = house_find(get.key);
    int length = snprintf(reply, sizeof(reply), "NS O%u\r\nVA %zu c7 O%u\r\n", store.opaque, there->length, get.opaque);
    memcpy(reply + length, there->value, there->length);
    length += (int)there->length;
    reply[length++] = '\r';
    reply[length++] = '\n';
    for (int i = 0; i < length; i++) {
        house_say_bytes(reply + i, 1);
        house_turn();
        assert_int_equal(house.told, i == length - 1);
    }
    assert_int_equal(house.outcome, QUERY_PINNED);
    assert_int_equal(house.server, C);
}

/* ---- ends ------------------------------------------------------------------------------------------------------------ */

static void a_connection_may_end_between_two_replies(void **state)
{
    struct heard store, get;
    house_greet(HOUSE_WORD);
    claim(&store, &get);
    house_answer(&store);
    house_hang_up();
    house_turn();
    assert_int_equal(house.outcome, QUERY_FAILED);
    assert_int_equal(house.breaker.failures, 1);
    assert_begins_anew();
}

static void a_connection_may_end_in_a_value(void **state)
{
    struct heard store, get;
    house_greet(HOUSE_WORD);
    claim(&store, &get);
    house_say("NS O%u\r\nVA 100 c1 O%u\r\nhalf", store.opaque, get.opaque);
    house_turn();
    assert_int_equal(house.told, 0);
    house_hang_up();
    house_turn();
    assert_int_equal(house.outcome, QUERY_FAILED);
    assert_begins_anew();
}

static void an_idle_connection_that_ends_is_no_failure(void **state)
{
    house_greet(HOUSE_WORD);
    house_meet(); /* by itself: nobody asks */
    assert_int_equal(house.breaker.failures, 0);
    assert_int_equal(house.talks, 2);
    assert_int_equal(house.lines, 0);
}

/* ---- time ------------------------------------------------------------------------------------------------------------ */

/* Turns until the query is told, but for a second. How long it took. */
static micros wait_until_told(void)
{
    micros begun = clock_steady();
    while (house.told == 0 && clock_steady() - begun < HOUSE_SECOND)
        house_turn();
    return clock_steady() - begun;
}

static void nobody_waits_longer_than_allowed_and_late_replies_are_never_read(void **state)
{
    struct heard store, get;
    house_greet(HOUSE_WORD);
    house_turn();
    claim(&store, &get);
    assert_in_range(wait_until_told(), HOUSE_PATIENCE - 5 * HOUSE_MS, HOUSE_SECOND);
    assert_failed(1);
    char late[64];
    int length = snprintf(late, sizeof(late), "HD O%u\r\nEN O%u\r\n", store.opaque, get.opaque);
    assert_int_equal(send(house.talk, late, (size_t)length, MSG_NOSIGNAL), -1);
    assert_begins_anew();
}

static void who_has_less_time_left_is_not_kept_by_who_asked_before(void **state)
{
    house_greet(HOUSE_WORD);
    house_turn();
    house.question.deadline = house.loop.now + 60 * HOUSE_SECOND;
    assert_non_null(house_ask(QUERY_FIND, PIN_NO_SERVER));
    house.question.deadline = house.loop.now + HOUSE_PATIENCE;
    assert_non_null(house_ask(QUERY_FIND, PIN_NO_SERVER));
    assert_in_range(wait_until_told(), HOUSE_PATIENCE - 5 * HOUSE_MS, HOUSE_SECOND);
    assert_int_equal(house.told_as[QUERY_FAILED], 2); /* the connection is one */
}

static void who_was_answered_is_waited_for_no_more(void **state)
{
    house_greet(HOUSE_WORD);
    house.question.deadline = house.loop.now + HOUSE_PATIENCE;
    assert_non_null(house_ask(QUERY_FIND, PIN_NO_SERVER));
    house.question.deadline = house.loop.now + 60 * HOUSE_SECOND;
    assert_non_null(house_ask(QUERY_FIND, PIN_NO_SERVER));
    struct heard first = house_next(), second = house_next();
    house_answer(&first);
    house_turn();
    assert_int_equal(house.told, 1);
    usleep(2 * HOUSE_PATIENCE);
    house_turn();
    house_turn();
    assert_int_equal(house.breaker.failures, 0);
    house_answer(&second);
    house_turn();
    assert_int_equal(house.told_as[QUERY_FREE], 2);
}

static void a_connection_whose_first_words_are_not_answered_is_given_up(void **state)
{
    assert_non_null(house_ask(QUERY_FIND, PIN_NO_SERVER)); /* before it is known whether anybody is there */
    wait_until_told();
    assert_failed(1);
    assert_begins_anew();
}

static void what_came_in_time_is_heard_however_late_this_thread_is(void **state)
{
    struct heard store, get;
    house_greet(HOUSE_WORD);
    house_turn();
    claim(&store, &get);
    house_answer(&store);
    house_answer(&get);
    usleep(2 * HOUSE_PATIENCE);
    house_turn();
    assert_int_equal(house.outcome, QUERY_CLAIMED);
    assert_int_equal(house.breaker.failures, 0);
}

/* ---- first words ----------------------------------------------------------------------------------------------------- */

static void who_does_not_understand_the_first_words_is_no_memcached(void **state)
{
    static const char *const answers[] = {
        "ERROR\r\nERROR\r\n",                                        /* older than 1.6 */
        "HD O@1\r\nEN O@2\r\n",                                      /* keeps nothing */
        "EN O@1\r\nVA 1 c1 O@2\r\nx\r\n",                            /* stores nothing */
        "HD O@2\r\nVA 1 c1 O@1\r\nx\r\n",                            /* another question */
        "HD O@1\r\nVA 600 c1 O@2\r\n",                               /* what nobody has written */
        "220 smtp.example.org ESMTP\r\n500 unrecognized command\r\n" /* somebody else */
    };
    for (size_t i = 0; i < ARRAY_LENGTH(answers); i++) {
        if (i > 0)
            assert_int_equal(house_make(state), 0);
        struct heard own = house_next(), asked = house_next();
        say_for(answers[i], &own, &asked);
        house_turn();
        assert_true(house_is_left());
        assert_int_equal(house.breaker.failures, 1);
        assert_begins_anew();
        if (i + 1 < ARRAY_LENGTH(answers))
            house_drop(state);
    }
}

static void who_lets_in_and_answers_nothing_is_not_asked_for_long(void **state)
{
    for (unsigned i = 1; i <= BREAKER_FAILURES; i++) {
        house_hang_up();
        assert_non_null(house_ask(QUERY_FIND, PIN_NO_SERVER));
        house_greet(HOUSE_WORD);
        (void)house_next();
        house_say("ERROR\r\n");
        house_turn();
        assert_int_equal(house.told_as[QUERY_FAILED], i);
    }
    assert_null(house_ask(QUERY_FIND, PIN_NO_SERVER));
    assert_int_equal(breaker_state(&house.breaker), BREAKER_OPEN);
    assert_int_equal(house.lines, 1);
}

/* ---- nobody there ---------------------------------------------------------------------------------------------------- */

static void who_refuses_five_times_is_asked_no_more_until_it_is_back(void **state)
{
    unsigned lines;
    house_greet(HOUSE_WORD);
    house_go();
    house_turn();
    unsigned asked = 0;
    while (breaker_lets(&house.breaker)) { /* one more connects by itself now and then */
        assert_null(house_ask(QUERY_FIND, PIN_NO_SERVER));
        assert_true(++asked <= BREAKER_FAILURES);
    }
    assert_int_equal(house.lines, 1);
    assert_int_equal(house.told, 0);
    house_listen();
    house_meet(); /* the trial; nobody asked for it */
    assert_null(house_ask(QUERY_FIND, PIN_NO_SERVER));
    assert_int_equal(breaker_state(&house.breaker), BREAKER_TRIAL);
    lines = house.lines;
    house_greet(HOUSE_WORD);
    assert_int_equal(breaker_state(&house.breaker), BREAKER_CLOSED);
    assert_int_equal(house.lines, lines + 1);
    assert_non_null(house_ask(QUERY_FIND, PIN_NO_SERVER));
    house_serve();
    assert_int_equal(house.outcome, QUERY_FREE);
}

static void a_new_engine_finds_memcached_again_that_an_older_one_gave_up(void **state)
{
    house_greet(HOUSE_WORD);
    house_close_room();
    house.breaker.state = BREAKER_TRIAL; /* it died in the middle of one */
    house.breaker.pauses = 7;
    house.breaker.retry_at = clock_steady() + BREAKER_PAUSE_MOST;
    house_hang_up();
    house_open_room();
    house_greet(HOUSE_WORD);
    assert_int_equal(breaker_state(&house.breaker), BREAKER_CLOSED);
    assert_non_null(house_ask(QUERY_FIND, PIN_NO_SERVER));
    house_serve();
    assert_int_equal(house.outcome, QUERY_FREE);
}

/* ---- many ------------------------------------------------------------------------------------------------------------ */

/* More than a socket takes: what is left over is kept, and goes when there is room. All are given a minute, for machines that
 * are slow. */
static void so_many_may_be_under_way_and_no_more(void **state)
{
    struct heard heard;
    house_greet(HOUSE_WORD);
    house.loop.now += 60 * HOUSE_SECOND;
    for (unsigned i = 0; i < LINK_QUERIES_MOST; i++)
        assert_non_null(house_ask(QUERY_CLAIM, B));
    assert_null(house_ask(QUERY_CLAIM, B));
    unsigned commands = 0;
    for (micros begun = clock_steady(); house.told < LINK_QUERIES_MOST && clock_steady() - begun < 30 * HOUSE_SECOND;) {
        for (unsigned i = 0; i < 100 && house_hear(&heard); i++, commands++)
            house_say(strcmp(heard.name, "ms") == 0 ? "HD O%u\r\n" : "EN O%u\r\n", heard.opaque);
        house_turn();
    }
    assert_int_equal(commands, 2 * LINK_QUERIES_MOST);
    assert_int_equal(house.told_as[QUERY_FREE], LINK_QUERIES_MOST);
    assert_non_null(house_ask(QUERY_CLAIM, B)); /* there is room again */
    house_serve();
    assert_int_equal(house.outcome, QUERY_CLAIMED);
}

static void nothing_stays_open(void **state)
{
    size_t before = loopback_open_count();
    struct heard store, get;
    house_greet(HOUSE_WORD);
    for (unsigned i = 0; i < 20; i++) {
        breaker_succeeded(&house.breaker, house.loop.now);
        claim(&store, &get);
        house_say("ERROR\r\n");
        house_turn();
        assert_true(house_is_left());
        house_hang_up();
        assert_non_null(house_ask(QUERY_FIND, PIN_NO_SERVER));
        house_greet(HOUSE_WORD);
        house_serve();
    }
    assert_int_equal(loopback_open_count(), before + 1); /* our own end */
}

#define IN_A_HOUSE(test) cmocka_unit_test_setup_teardown(test, house_make, house_drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_HOUSE(a_reply_that_is_wrong_ends_the_connection),
        IN_A_HOUSE(garbage_ends_the_connection),
        IN_A_HOUSE(what_nobody_asked_for_ends_the_connection),
        IN_A_HOUSE(all_that_wait_behind_a_wrong_reply_are_told),
        IN_A_HOUSE(replies_may_come_byte_by_byte),
        IN_A_HOUSE(a_connection_may_end_between_two_replies),
        IN_A_HOUSE(a_connection_may_end_in_a_value),
        IN_A_HOUSE(an_idle_connection_that_ends_is_no_failure),
        IN_A_HOUSE(nobody_waits_longer_than_allowed_and_late_replies_are_never_read),
        IN_A_HOUSE(who_has_less_time_left_is_not_kept_by_who_asked_before),
        IN_A_HOUSE(who_was_answered_is_waited_for_no_more),
        IN_A_HOUSE(a_connection_whose_first_words_are_not_answered_is_given_up),
        IN_A_HOUSE(what_came_in_time_is_heard_however_late_this_thread_is),
        IN_A_HOUSE(who_does_not_understand_the_first_words_is_no_memcached),
        IN_A_HOUSE(who_lets_in_and_answers_nothing_is_not_asked_for_long),
        IN_A_HOUSE(who_refuses_five_times_is_asked_no_more_until_it_is_back),
        IN_A_HOUSE(a_new_engine_finds_memcached_again_that_an_older_one_gave_up),
        IN_A_HOUSE(so_many_may_be_under_way_and_no_more),
        IN_A_HOUSE(nothing_stays_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Where was this client before? The order in which it is asked, and what is asked of memcached, which is the test. */

#include "session/homing.h"

#include "pins_house.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define HOUR (3600 * HOUSE_SECOND)

static const struct plan_stick cookie = {.kind = STICK_COOKIE, .name = "limpet", .lifetime = HOUR};
static const struct plan_stick session = {
    .kind = STICK_SESSION, .lifetime = HOUR, .shared = true, .where = {.kind = KEY_COOKIE, .name = "SID"}};
static const struct plan_stick table = {.kind = STICK_TABLE, .lifetime = HOUR, .shared = true};
static const struct plan_stick table_here = {.kind = STICK_TABLE, .lifetime = HOUR};

static struct plan_stick sticks[2];
static struct context context;
static struct share share;
static struct sticks *keys;
static struct homing homing;
static struct pick pick;
static struct decision decision;
static struct head head;
static struct endpoint client;
static char bytes[1024];
static unsigned wakes;

static int make(void **state)
{
    house_pool.sticks = sticks;
    house_pool.stick_count = 1;
    sticks[0] = table;
    assert_int_equal(house_make(state), 0);
    keys = sticks_new(&house.plan);
    share = (struct share){
        .plan = &house.plan, .ranking = house.ranking, .states = house.states, .sticks = keys, .pins = &house.shared};
    context = (struct context){.share = &share, .counters = &house.counters, .pins = house.room};
    assert_true(endpoint_parse(span_text("203.0.113.9:1000"), &client));
    house_greet(HOUSE_WORD);
    wakes = 0;
    return 0;
}

static int drop(void **state)
{
    homing_give_up(&homing);
    sticks_free(keys);
    return house_drop(state);
}

static void woken(struct homing *it)
{
    assert_ptr_equal(it, &homing);
    wakes++;
}

static void remember_by(struct plan_stick first, struct plan_stick second)
{
    sticks[0] = first;
    sticks[1] = second;
    house_pool.stick_count = 2;
}

/* A visit with this key (null: none) and these field lines. */
static enum homing_verdict begin(const char *key, const char *fields)
{
    int length = snprintf(bytes, sizeof(bytes), "GET / HTTP/1.1\r\nHost: x\r\n%s\r\n", fields);
    head = (struct head){0};
    assert_int_equal(head_read(&head, span_of(bytes, (size_t)length)).verdict, PARSE_DONE);
    decision = (struct decision){.verdict = key ? DECIDE_KEY : DECIDE_SPREAD,
                                 .pool = &house_pool,
                                 .tag = KEY_TAG_TEXT,
                                 .key = span_text(key ? key : ""),
                                 .head = &head,
                                 .bytes = span_of(bytes, (size_t)length)};
    pick_init(&pick, &house_pool, rank_key_hash(&house.ranking->seed, KEY_TAG_TEXT, decision.key));
    context.loop.now = house.loop.now;
    return homing_begin(&homing, &context, &decision, &client, &pick, woken);
}

/* The same, and memcached answers what it is asked; how many commands those were. */
static unsigned visit(const char *key, const char *fields)
{
    unsigned commands = 0;
    unsigned before = wakes;
    if (begin(key, fields) == HOMING_WAIT) {
        commands = house_serve();
        assert_int_equal(wakes, before + 1);
    }
    assert_null(homing.query);
    return commands;
}

static uint32_t ranked_first(const char *key)
{
    pick_init(&pick, &house_pool, rank_key_hash(&house.ranking->seed, KEY_TAG_TEXT, span_text(key)));
    return pick_first(&pick, house.ranking, house.states, house.loop.now);
}

static void assert_known(uint32_t server, enum stick_kind kind)
{
    assert_int_equal(homing.known, server);
    assert_int_equal(homing.kind, kind);
}

static const char *field_of_cookie(uint32_t server)
{
    static char field[512];
    char value[400];
    struct text text;
    text_init(&text, value, sizeof(value));
    stick_issue(keys, &house_pool, &house_servers[server], &client, false, clock_wall(), &text);
    snprintf(field, sizeof(field), "Cookie: %.*s\r\n", (int)strcspn(value, ";"), value);
    return field;
}

static void put_session(const char *id, const char *server)
{
    char key[PINS_KEY_SIZE];
    uint8_t value[SEALED_MOST];
    struct mark mark;
    assert_true(pins_mark_session(&house.shared.mark_key, &house_pool, span_text(id), &mark));
    size_t length = pins_key_text(mark, key);
    struct pin_scope scope = {.pool = span_text("app"), .key = span_of(key, length)};
    struct sealed_content content = {.time = clock_wall(), .server_length = 1, .server = {server[0]}};
    assert_int_equal(pin_seal(&house.shared.keys, &scope, &content, value, &length), 0);
    house_keep(key, value, length);
}

/* ---- keys ------------------------------------------------------------------------------------------------------------ */

static void a_new_key_is_claimed_for_the_first_of_the_ranking(void **state)
{
    uint32_t home = ranked_first("one");
    assert_int_equal(visit("one", ""), 2);
    assert_int_equal(homing.known, STICK_NOBODY); /* it is picked as if there was no table */
    assert_int_equal(house_pinned("one"), house_servers[home].name[0]);
    homing_arrived(&homing, home);
    assert_int_equal(house_serve(), 0);
    assert_int_equal(visit("one", ""), 0); /* known here by now */
    assert_known(home, STICK_TABLE);
}

static void a_key_that_another_frontend_has_pinned_goes_there(void **state)
{
    uint32_t other = (ranked_first("one") + 1) % 3;
    house_pin("one", house_servers[other].name, 0);
    visit("one", "");
    assert_known(other, STICK_TABLE);
}

static void without_a_key_nobody_is_asked(void **state)
{
    assert_int_equal(visit(NULL, ""), 0);
    assert_int_equal(homing.known, STICK_NOBODY);
    homing_arrived(&homing, B);
    assert_int_equal(house_serve(), 0);
    assert_int_equal(pin_table_count(house.shared.table), 0);
}

static void a_key_that_is_too_long_to_be_remembered_is_not(void **state)
{
    static char key[MARK_MOST + 1];
    memset(key, 'x', MARK_MOST);
    assert_int_equal(visit(key, ""), 0);
    assert_int_equal(homing.known, STICK_NOBODY);
}

static void a_table_here_asks_nobody(void **state)
{
    sticks[0] = table_here;
    uint32_t home = ranked_first("one");
    assert_int_equal(visit("one", ""), 0);
    assert_int_equal(homing.known, STICK_NOBODY);
    assert_int_equal(visit("one", ""), 0);
    assert_known(home, STICK_TABLE);
}

static void without_memcached_the_ranking_decides_and_is_remembered_here(void **state)
{
    uint32_t server;
    house.breaker.state = BREAKER_OPEN;
    assert_int_equal(visit("one", ""), 0);
    assert_int_equal(homing.known, STICK_NOBODY);
    visit("one", "");
    assert_known(ranked_first("one"), STICK_TABLE);
    house.breaker.state = BREAKER_CLOSED;
    assert_int_equal(pins_find(house.room, &house.question, &server), PINS_ASK); /* memcached is to say so, too */
    assert_int_equal(server, ranked_first("one"));
}

static void one_that_fails_to_answer_is_as_none(void **state)
{
    assert_int_equal(begin("one", ""), HOMING_WAIT);
    house_say("ERROR\r\n");
    house_turn();
    assert_int_equal(wakes, 1);
    assert_int_equal(homing.known, STICK_NOBODY);
    assert_int_equal(pin_table_count(house.shared.table), 1);
}

static void who_gives_up_is_not_woken(void **state)
{
    assert_int_equal(begin("one", ""), HOMING_WAIT);
    homing_give_up(&homing);
    homing_give_up(&homing);
    house_serve();
    assert_int_equal(wakes, 0);
    homing_none(&homing);
    homing_arrived(&homing, C); /* nothing is remembered of a visit that nobody knows */
    assert_int_equal(house_serve(), 0);
}

static void who_had_to_go_elsewhere_is_pinned_there(void **state)
{
    uint32_t home = ranked_first("one"), other = (home + 1) % 3;
    visit("one", "");
    homing_arrived(&homing, other);
    house_serve();
    assert_int_equal(house_pinned("one"), house_servers[other].name[0]);
    visit("one", "");
    assert_known(other, STICK_TABLE);
}

/* To connect may take seconds, which are none of memcached's time. */
static void a_move_that_comes_late_is_answered_in_time(void **state)
{
    uint32_t home = ranked_first("one"), other = (home + 1) % 3;
    visit("one", "");
    homing.deadline = house.loop.now;
    homing_arrived(&homing, other);
    house_turn();
    house_turn();
    assert_int_equal(house.breaker.failures, 0);
    house_serve();
    assert_int_equal(house_pinned("one"), house_servers[other].name[0]);
    assert_int_equal(house_counted(COUNTER_PIN_FAILURES), 0);
}

static void a_pin_of_a_server_that_only_others_have_is_left_alone(void **state)
{
    house_pin("one", "zz", 0);
    visit("one", "");
    assert_int_equal(homing.known, STICK_NOBODY);
    homing_arrived(&homing, (ranked_first("one") + 1) % 3);
    assert_int_equal(house_serve(), 0);
    assert_int_equal(house_pinned("one"), 'z');
    assert_int_equal(pin_table_count(house.shared.table), 0); /* nor is it remembered here */
}

/* Another frontend was told to unpin it, and nobody has come here since. */
static void a_pin_that_is_asked_about_again_is_not_brought_back(void **state)
{
    uint32_t home = ranked_first("one"), other = (home + 1) % 3;
    house_pin("one", house_servers[other].name, 10 * HOUSE_SECOND);
    visit("one", "");
    assert_known(other, STICK_TABLE);
    house_pin("one", "", 5 * HOUSE_SECOND);
    server_failed(house.states, house_servers[other].number, house.loop.now);
    server_succeeded(house.states, house_servers[other].number);
    visit("one", "");
    assert_int_equal(homing.known, STICK_NOBODY);
    assert_int_equal(house_pinned("one"), house_servers[home].name[0]);
    visit("one", "");
    assert_known(home, STICK_TABLE);
}

/* ---- cookies --------------------------------------------------------------------------------------------------------- */

static void a_cookie_before_the_table_decides_alone(void **state)
{
    remember_by(cookie, table);
    house_pin("one", "a", 0);
    assert_int_equal(visit("one", field_of_cookie(C)), 0);
    assert_known(C, STICK_COOKIE);
    homing_arrived(&homing, C);
    assert_int_equal(house_serve(), 0);
    assert_int_equal(house_pinned("one"), 'a');
    visit("one", ""); /* and without it the table does */
    assert_known(A, STICK_TABLE);
}

static void a_table_before_the_cookie_wins(void **state)
{
    remember_by(table, cookie);
    house_pin("one", "a", 0);
    visit("one", field_of_cookie(C));
    assert_known(A, STICK_TABLE);
}

static void a_key_that_no_table_knows_is_pinned_where_its_cookie_leads(void **state)
{
    remember_by(table, cookie);
    uint32_t other = (ranked_first("one") + 1) % 3;
    assert_int_equal(visit("one", field_of_cookie(other)), 2);
    assert_known(other, STICK_COOKIE);
    assert_int_equal(house_pinned("one"), house_servers[other].name[0]);
}

/* ---- sessions -------------------------------------------------------------------------------------------------------- */

static void a_session_comes_before_the_key_and_leaves_it_alone(void **state)
{
    remember_by(session, table);
    put_session("s1", "c");
    house_pin("one", "a", 0);
    assert_int_equal(visit("one", "Cookie: SID=s1\r\n"), 1); /* looked for, and not claimed */
    assert_known(C, STICK_SESSION);
    homing_arrived(&homing, B); /* where it went says nothing of the key */
    assert_int_equal(house_serve(), 0);
    assert_int_equal(house_pinned("one"), 'a');
    assert_int_equal(visit("one", "Cookie: SID=s1\r\n"), 0);
    assert_known(C, STICK_SESSION);
}

static void a_session_that_nobody_knows_leaves_it_to_the_key(void **state)
{
    remember_by(session, table);
    house_pin("one", "a", 0);
    assert_int_equal(visit("one", "Cookie: SID=s2\r\n"), 3);
    assert_known(A, STICK_TABLE);
    assert_int_equal(wakes, 1); /* once, after both questions */
}

/* The time of a visit is one for all that it asks: memcached is not blamed for what was left of it. */
static void who_has_waited_too_long_asks_no_more(void **state)
{
    remember_by(session, table);
    house.plan.timeouts.memcached = 20 * HOUSE_MS;
    assert_int_equal(begin("one", "Cookie: SID=s2\r\n"), HOMING_WAIT);
    for (micros begun = clock_steady(); wakes == 0 && clock_steady() - begun < HOUSE_SECOND;) {
        house_turn();
        context.loop.now = house.loop.now;
    }
    assert_int_equal(wakes, 1);
    assert_int_equal(house.breaker.failures, 1);
    assert_int_equal(house_counted(COUNTER_PIN_QUERIES), 1);
    assert_int_equal(homing.known, STICK_NOBODY);
    assert_int_equal(homing.pinned, ranked_first("one"));
}

static void an_id_may_name_its_server(void **state)
{
    sticks[0] = session;
    visit("one", "Cookie: SID=s3.b\r\n");
    assert_known(B, STICK_SESSION);
    put_session("s4.b", "c"); /* but a frontend that has seen it move knows better */
    visit("one", "Cookie: SID=s4.b\r\n");
    assert_known(C, STICK_SESSION);
    house.breaker.state = BREAKER_OPEN;
    assert_int_equal(visit("one", "Cookie: SID=s5.b\r\n"), 0);
    assert_known(B, STICK_SESSION);
}

static unsigned told_of_news;

static void told(struct homing_news *news)
{
    told_of_news++;
}

static void what_a_server_gives_out_is_learnt_and_forgotten(void **state)
{
    sticks[0] = session;
    struct homing_news news = {.told = told};
    struct stick_gift gift = {.stick = &sticks[0], .id = span_text("s6")};
    assert_true(homing_learn(&context, &house_pool, &gift, 1, B, &news));
    assert_int_equal(house_serve(), 1);
    assert_int_equal(visit("one", "Cookie: SID=s6\r\n"), 0);
    assert_known(B, STICK_SESSION);
    gift.ended = true;
    assert_false(homing_learn(&context, &house_pool, &gift, 1, C, &news)); /* it was none of that server's */
    house_serve();
    visit("one", "Cookie: SID=s6\r\n");
    assert_known(B, STICK_SESSION);
    assert_false(homing_learn(&context, &house_pool, &gift, 1, B, &news));
    assert_int_equal(house_serve(), 3);
    visit("one", "Cookie: SID=s6\r\n");
    assert_int_equal(homing.known, STICK_NOBODY);
}

static void who_gives_out_a_session_may_wait_until_memcached_knows_it(void **state)
{
    sticks[0] = session;
    struct homing_news news = {.told = told};
    struct stick_gift gifts[2] = {{.stick = &sticks[0], .id = span_text("s7")},
                                  {.stick = &sticks[0], .id = span_text("s8")}};
    told_of_news = 0;
    assert_true(homing_learn(&context, &house_pool, gifts, 2, B, &news));
    struct heard first = house_next(), second = house_next();
    house_answer(&first);
    house_turn();
    assert_int_equal(told_of_news, 0);
    house_answer(&second);
    house_turn();
    assert_int_equal(told_of_news, 1);

    assert_true(homing_learn(&context, &house_pool, gifts, 2, B, &news));
    homing_drop_news(&news);
    house_serve();
    assert_int_equal(told_of_news, 1);

    assert_true(homing_learn(&context, &house_pool, gifts, 1, B, &news));
    house_say("ERROR\r\n"); /* it need not be good news */
    house_turn();
    assert_int_equal(told_of_news, 2);
}

#define IN_A_HOUSE(test) cmocka_unit_test_setup_teardown(test, make, drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_HOUSE(a_new_key_is_claimed_for_the_first_of_the_ranking),
        IN_A_HOUSE(a_key_that_another_frontend_has_pinned_goes_there),
        IN_A_HOUSE(without_a_key_nobody_is_asked),
        IN_A_HOUSE(a_key_that_is_too_long_to_be_remembered_is_not),
        IN_A_HOUSE(a_table_here_asks_nobody),
        IN_A_HOUSE(without_memcached_the_ranking_decides_and_is_remembered_here),
        IN_A_HOUSE(one_that_fails_to_answer_is_as_none),
        IN_A_HOUSE(who_gives_up_is_not_woken),
        IN_A_HOUSE(who_had_to_go_elsewhere_is_pinned_there),
        IN_A_HOUSE(a_move_that_comes_late_is_answered_in_time),
        IN_A_HOUSE(a_pin_of_a_server_that_only_others_have_is_left_alone),
        IN_A_HOUSE(a_pin_that_is_asked_about_again_is_not_brought_back),
        IN_A_HOUSE(a_cookie_before_the_table_decides_alone),
        IN_A_HOUSE(a_table_before_the_cookie_wins),
        IN_A_HOUSE(a_key_that_no_table_knows_is_pinned_where_its_cookie_leads),
        IN_A_HOUSE(a_session_comes_before_the_key_and_leaves_it_alone),
        IN_A_HOUSE(a_session_that_nobody_knows_leaves_it_to_the_key),
        IN_A_HOUSE(who_has_waited_too_long_asks_no_more),
        IN_A_HOUSE(an_id_may_name_its_server),
        IN_A_HOUSE(what_a_server_gives_out_is_learnt_and_forgotten),
        IN_A_HOUSE(who_gives_out_a_session_may_wait_until_memcached_knows_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "route/stick.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define ONE "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"
#define TWO "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"
#define SECONDS (micros) SECOND_IN_MICROS
#define LIFETIME (86400 * SECONDS)
#define TEXT_SIZE 32768

static struct plan_server servers[] = {{.name = "a"}, {.name = "b"}, {.name = "x.b"}, {.name = "10.0.0.1:80"}};
static struct plan_stick cookie_stick = {
    .kind = STICK_COOKIE, .name = "limpet", .lifetime = LIFETIME, .same_site = SAME_SITE_LAX};
static struct plan_stick session_stick = {
    .kind = STICK_SESSION, .lifetime = LIFETIME, .where = {.kind = KEY_COOKIE, .name = "JSESSIONID"}};
static struct plan_stick sticks_of_pool[2];
static struct plan_pool pool;
static struct plan plan;
static struct sticks *sticks;
static struct endpoint client;
static micros wall;

static void renew_sticks(const char *secret)
{
    plan.secret = span_text(secret);
    sticks_free(sticks);
    sticks = sticks_new(&plan);
    assert_non_null(sticks);
}

static int make(void **state)
{
    sticks_of_pool[0] = cookie_stick;
    sticks_of_pool[1] = session_stick;
    pool = (struct plan_pool){
        .name = "app", .servers = servers, .server_count = 4, .sticks = sticks_of_pool, .stick_count = 2};
    plan = (struct plan){.pools = &pool, .pool_count = 1};
    wall = 1800000000 * SECONDS;
    assert_true(endpoint_parse(span_text("203.0.113.9:1000"), &client));
    renew_sticks(ONE);
    return 0;
}

static int drop(void **state)
{
    sticks_free(sticks);
    sticks = NULL;
    return 0;
}

/* What Set-Cookie would say. */
static const char *issued(uint32_t server, bool secure)
{
    static char buffer[512];
    struct text value;
    text_init(&value, buffer, sizeof(buffer));
    stick_issue(sticks, &pool, &servers[server], &client, secure, wall, &value);
    assert_false(value.cut);
    return buffer;
}

/* "limpet=..." as a client sends it back. */
static char *cookie(uint32_t server)
{
    char *pair = strdup(issued(server, false));
    assert_non_null(pair);
    *strchr(pair, ';') = '\0';
    return pair;
}

struct told {
    uint32_t server;
    enum stick_kind kind;
    bool renew;
    unsigned refused, gone;
};

/* The first of the pool's sticks that knows, of those that need no table. */
static struct told ask_all(const struct stick_request *request)
{
    struct stick_answer answer = {.server = STICK_NOBODY};
    struct told told = {.server = STICK_NOBODY};
    for (size_t i = 0; i < pool.stick_count && told.server == STICK_NOBODY; i++) {
        const struct plan_stick *stick = &pool.sticks[i];
        told.kind = stick->kind;
        if (stick->kind == STICK_SESSION)
            told.server = stick_server_in_id(&pool, stick_session_id(request, stick));
        else if (stick_find_cookie(sticks, request, stick, wall, &answer))
            told.server = answer.server;
    }
    told.renew = answer.renew;
    told.refused = answer.refused;
    told.gone = answer.gone;
    return told;
}

/* The answer to a request with this target and these field lines. */
static struct told ask(const char *target, const char *fields)
{
    static char bytes[TEXT_SIZE];
    struct head head = {0};
    int length = snprintf(bytes, sizeof(bytes), "GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n", target, fields);
    assert_in_range(length, 1, TEXT_SIZE - 1);
    assert_int_equal(head_read(&head, span_of(bytes, (size_t)length)).verdict, PARSE_DONE);
    struct stick_request request = {&pool, &head, span_of(bytes, (size_t)length), &client};
    return ask_all(&request);
}

/* The same for a Cookie field, which may go on with others. */
PRINTF_LIKE(1, 2) static struct told ask_with(const char *format, ...)
{
    static char fields[TEXT_SIZE] = "Cookie: ";
    const size_t front = strlen("Cookie: ");
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(fields + front, sizeof(fields) - front - 2, format, arguments);
    va_end(arguments);
    assert_in_range(length, 1, sizeof(fields) - front - 3);
    strcat(fields, "\r\n");
    return ask("/", fields);
}

static void assert_server(struct told answer, uint32_t server, enum stick_kind kind)
{
    assert_int_equal(answer.server, server);
    if (server != STICK_NOBODY)
        assert_int_equal(answer.kind, kind);
}

static void assert_nobody(struct told answer)
{
    assert_int_equal(answer.server, STICK_NOBODY);
}

static void a_cookie_comes_home(void **state)
{
    for (uint32_t i = 0; i < 4; i++) {
        char *ours = cookie(i);
        struct told answer = ask_with("a=1; %s; b=2", ours);
        assert_server(answer, i, STICK_COOKIE);
        assert_false(answer.renew);
        assert_int_equal(answer.refused, 0);
        free(ours);
    }
    assert_nobody(ask("/", ""));
    assert_nobody(ask("/", "Cookie: limpet\r\nCookie: limpets=x; limpe=y\r\n"));
    assert_int_equal(ask("/", "Cookie: limpet\r\nCookie: limpets=x; limpe=y; Limpet=z\r\n").refused, 0);
}

static void the_attributes_are_those_of_the_plan(void **state)
{
    assert_non_null(strstr(issued(0, false), "; Path=/; HttpOnly; SameSite=Lax"));
    assert_null(strstr(issued(0, false), "Secure"));
    assert_non_null(strstr(issued(0, true), "; Path=/; HttpOnly; SameSite=Lax; Secure"));
    sticks_of_pool[0].same_site = SAME_SITE_STRICT;
    assert_non_null(strstr(issued(0, false), "; SameSite=Strict"));
    sticks_of_pool[0].same_site = SAME_SITE_NONE;
    assert_non_null(strstr(issued(0, false), "; SameSite=None; Secure"));
    assert_int_equal(strncmp(issued(0, false), "limpet=", 7), 0);
    assert_ptr_equal(stick_cookie(&pool), &sticks_of_pool[0]);
    pool.stick_count = 0;
    assert_null(stick_cookie(&pool));
}

static void a_name_that_is_too_long_gets_no_cookie(void **state)
{
    static char name[200];
    char buffer[512];
    struct text value;
    struct plan_server server = {.name = name};
    memset(name, 'x', sizeof(name) - 1);
    text_init(&value, buffer, sizeof(buffer));
    stick_issue(sticks, &pool, &server, &client, false, wall, &value);
    assert_int_equal(value.length, 0);
}

static void a_refused_cookie_is_counted_and_nothing_else(void **state)
{
    struct told answer = ask_with("limpet=forged; a=1");
    assert_nobody(answer);
    assert_int_equal(answer.refused, 1);
    assert_int_equal(ask("/", "Cookie: limpet=\r\n").refused, 1);
}

static void of_two_with_the_same_name_the_first_valid_one_counts(void **state)
{
    char *ours = cookie(1), *theirs = cookie(0);
    struct told answer = ask_with("limpet=x; %s; %s", ours, theirs);
    assert_server(answer, 1, STICK_COOKIE);
    assert_int_equal(answer.refused, 1);
    assert_server(ask_with("%s; %s", theirs, ours), 0, STICK_COOKIE);
    assert_server(ask_with("limpet=x\r\nX: y\r\ncookie: %s; %s", ours, theirs), 1, STICK_COOKIE);
    free(ours);
    free(theirs);
}

static void only_so_many_are_tried(void **state)
{
    char *ours = cookie(1);
    assert_server(ask_with("limpet=1; limpet=2; limpet=3; %s", ours), 1, STICK_COOKIE);
    struct told answer = ask_with("limpet=1; limpet=2\r\nCookie: limpet=3; limpet=4; %s", ours);
    assert_nobody(answer);
    assert_int_equal(answer.refused, STICK_COOKIES_TRIED);
    free(ours);
}

static void two_hundred_cookies_and_giants_are_survived(void **state)
{
    static char many[TEXT_SIZE];
    char *ours = cookie(2);
    size_t length = 0;
    for (int i = 0; i < 200; i++)
        length += (size_t)snprintf(many + length, sizeof(many) - length, "c%d=%d; ", i, i);
    assert_server(ask_with("%s%s", many, ours), 2, STICK_COOKIE);
    length = (size_t)snprintf(many, sizeof(many), "limpet=");
    memset(many + length, 'A', 8192);
    many[length + 8192] = '\0';
    assert_server(ask_with("%s; %s", many, ours), 2, STICK_COOKIE);
    memset(many, ';', 10000);
    many[10000] = '\0';
    assert_server(ask_with("%s%s", many, ours), 2, STICK_COOKIE);
    free(ours);
}

static void a_server_that_left_is_as_no_cookie(void **state)
{
    char *gone = cookie(3), *ours = cookie(1);
    pool.server_count = 3;
    struct told answer = ask_with("%s; a=1", gone);
    assert_int_equal(answer.gone, 1);
    assert_nobody(answer);
    assert_int_equal(answer.refused, 0);
    assert_server(ask_with("%s; %s", gone, ours), 1, STICK_COOKIE);
    free(gone);
    free(ours);
}

static void an_old_cookie_is_issued_again(void **state)
{
    char *ours = cookie(1);
    wall += LIFETIME / 2;
    assert_false(ask_with("%s", ours).renew);
    wall += SECONDS;
    assert_true(ask_with("%s", ours).renew);
    assert_int_equal(ask_with("%s", ours).server, 1);
    wall += LIFETIME / 2;
    assert_nobody(ask_with("%s", ours));
    assert_int_equal(ask_with("%s", ours).refused, 1);
    free(ours);
}

static void a_cookie_of_an_older_key_is_issued_again(void **state)
{
    char *ours = cookie(1);
    renew_sticks(TWO ONE);
    struct told answer = ask_with("%s", ours);
    assert_server(answer, 1, STICK_COOKIE);
    assert_true(answer.renew);
    renew_sticks(TWO);
    assert_nobody(ask_with("%s", ours));
    free(ours);
}

static void a_bound_cookie_is_of_no_use_to_others(void **state)
{
    char *unbound = cookie(1);
    sticks_of_pool[0].bind_client = true;
    assert_nobody(ask_with("%s", unbound));
    char *ours = cookie(1);
    assert_server(ask_with("%s", ours), 1, STICK_COOKIE);
    assert_true(endpoint_parse(span_text("203.0.113.10:1000"), &client));
    assert_nobody(ask_with("%s", ours));
    free(unbound);
    free(ours);
}

static void another_pool_has_other_cookies(void **state)
{
    char *ours = cookie(1);
    pool.name = "chat";
    assert_nobody(ask_with("%s", ours));
    free(ours);
}

/* The one id that an answer gives out, or "". */
static const char *given(const char *set_cookie, bool ended)
{
    static char id[64];
    struct stick_gift gifts[PLAN_STICKS_MOST];
    size_t count = stick_gifts(&pool, span_text(set_cookie), gifts);
    assert_in_range(count, 0, 1);
    if (count == 0)
        return "";
    assert_ptr_equal(gifts[0].stick, &sticks_of_pool[1]);
    assert_int_equal(gifts[0].ended, ended);
    snprintf(id, sizeof(id), "%.*s", (int)gifts[0].id.length, gifts[0].id.data);
    return id;
}

static const char *given_in_field(const char *name, const char *value)
{
    struct stick_gift gifts[PLAN_STICKS_MOST];
    if (stick_gifts_in_field(&pool, span_text(name), span_text(value), gifts) == 0)
        return "";
    assert_false(gifts[0].ended);
    assert_true(span_equal(gifts[0].id, span_text(value)));
    return value;
}

static void an_answer_gives_out_the_id_of_a_session(void **state)
{
    assert_string_equal(given("JSESSIONID=0A1B; Path=/; HttpOnly", false), "0A1B");
    assert_string_equal(given("JSESSIONID=0A1B", false), "0A1B");
}

static void what_is_no_session_is_not_given_out(void **state)
{
    static const char *const others[] = {"",
                                         "JSESSIONID",
                                         "JSESSIONID=",
                                         "JSESSIONID=; Max-Age=0",
                                         "jsessionid=0A1B",
                                         "other=1; JSESSIONID=0A1B",
                                         "; JSESSIONID=0A1B"};
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++)
        assert_string_equal(given(others[i], false), "");
    pool.stick_count = 1;
    assert_string_equal(given("JSESSIONID=0A1B", false), "");
}

static void a_session_may_end(void **state)
{
    assert_string_equal(given("JSESSIONID=0A1B; max-age=3600", false), "0A1B");
    assert_string_equal(given("JSESSIONID=0A1B;Path=/ ; Max-age = 0", true), "0A1B");
    assert_string_equal(given("JSESSIONID=0A1B; Max-Age=; Max-Age=x", false), "0A1B");
    assert_string_equal(given("JSESSIONID=0A1B; Max-Age=-1", true), "0A1B");
}

static void a_suffix_names_the_server(void **state)
{
    assert_server(ask_with("JSESSIONID=0A1B.a"), 0, STICK_SESSION);
    assert_server(ask_with("JSESSIONID=0A1B.c.b"), 1, STICK_SESSION);
    assert_server(ask_with("JSESSIONID=0A1B.x.b"), 2, STICK_SESSION);
    assert_server(ask_with("JSESSIONID=0A1B.10.0.0.1:80"), 3, STICK_SESSION);
    assert_server(ask_with("JSESSIONID=.a"), 0, STICK_SESSION);
    assert_nobody(ask_with("JSESSIONID=a"));
    assert_nobody(ask_with("JSESSIONID=0A1B."));
    assert_nobody(ask_with("JSESSIONID=0A1B.A"));
    assert_nobody(ask_with("JSESSIONID=0A1B-a"));
}

static void ids_come_from_fields_and_queries_too(void **state)
{
    sticks_of_pool[1].where = (struct plan_key){.kind = KEY_HEADER, .name = "X-Session"};
    assert_string_equal(given("X-Session=q", false), "");
    assert_string_equal(given_in_field("X-Sessions", "q"), "");
    assert_string_equal(given_in_field("X-Session", ""), "");
    assert_string_equal(given_in_field("x-session", "q"), "q");
    assert_server(ask("/", "x-SESSION: q.a\r\n"), 0, STICK_SESSION);
    assert_nobody(ask("/", "Cookie: X-Session=q.a\r\n"));
    sticks_of_pool[1].where = (struct plan_key){.kind = KEY_QUERY, .name = "sid"};
    assert_string_equal(given_in_field("sid", "q"), "");
    assert_string_equal(given("sid=z", false), "z");
    assert_server(ask("/p?sid=7.a", ""), 0, STICK_SESSION);
    assert_nobody(ask("/p?sid", ""));
}

static void the_first_of_the_sticks_that_knows_counts(void **state)
{
    char *ours = cookie(0);
    assert_server(ask_with("JSESSIONID=q.c.b; %s", ours), 0, STICK_COOKIE);
    struct told answer = ask_with("JSESSIONID=q.c.b; limpet=x");
    assert_server(answer, 1, STICK_SESSION);
    assert_int_equal(answer.refused, 1);
    sticks_of_pool[0] = session_stick;
    sticks_of_pool[1] = cookie_stick;
    assert_server(ask_with("JSESSIONID=q.c.b; %s", ours), 1, STICK_SESSION);
    assert_server(ask_with("JSESSIONID=unknown; %s", ours), 0, STICK_COOKIE);
    free(ours);
}

static void assert_hidden(const char *value, const char *expected)
{
    size_t room = span_text(value).length;
    char *copy = malloc(room + !room);
    uint8_t *kept = malloc(room + !room);
    assert_true(copy && kept);
    memcpy(copy, value, room);
    size_t length = stick_hide(&pool, span_of(copy, room), kept);
    assert_int_equal(length, strlen(expected));
    assert_memory_equal(kept, expected, length);
    free(copy);
    free(kept);
}

static void the_server_does_not_see_our_cookie(void **state)
{
    assert_hidden("limpet=x", "");
    assert_hidden("limpet=", "");
    assert_hidden("limpet=x; limpet=y", "");
    assert_hidden("a=1; limpet=x; b=2", "a=1; b=2");
    assert_hidden("limpet=x; b=2", "b=2");
    assert_hidden("a=1; limpet=x", "a=1");
    assert_hidden("a=1;limpet=x;b=2", "a=1;b=2");
    assert_hidden("limpet=x;  \tb=2", "b=2");
    assert_hidden("a=1 ; limpet=x ; b=2 ", "a=1 ; b=2 ");
    assert_hidden("a=limpet=x; b=2", "a=limpet=x; b=2");
    assert_hidden("limpet = x; limpets=1; Limpet=2; limpet", "limpet = x; limpets=1; Limpet=2; limpet");
    assert_hidden(";;a", ";;a");
    assert_hidden("limpet=x;;a", ";a");
    assert_hidden("limpet=x;", "");
    assert_hidden("", "");
    assert_hidden("\"a=1\"; b=\xff\xfe; limpet=x=y==", "\"a=1\"; b=\xff\xfe");
}

static void long_cookies_are_hidden_in_one_pass(void **state)
{
    static char value[1 << 20], expected[1 << 20];
    memset(value, ';', sizeof(value) - 1);
    assert_hidden(value, value);
    size_t length = 0;
    while (length + 20 < sizeof(value))
        length += (size_t)snprintf(value + length, 20, "limpet=x;");
    snprintf(value + length, 20, "a=1");
    snprintf(expected, sizeof(expected), "a=1");
    assert_hidden(value, expected);
}

static void without_a_cookie_of_ours_nothing_is_hidden(void **state)
{
    pool.sticks = &sticks_of_pool[1];
    pool.stick_count = 1;
    assert_hidden("limpet=x; a=1", "limpet=x; a=1");
}

#define fresh(test) cmocka_unit_test_setup_teardown(test, make, drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(a_cookie_comes_home),
        fresh(the_attributes_are_those_of_the_plan),
        fresh(a_name_that_is_too_long_gets_no_cookie),
        fresh(a_refused_cookie_is_counted_and_nothing_else),
        fresh(of_two_with_the_same_name_the_first_valid_one_counts),
        fresh(only_so_many_are_tried),
        fresh(two_hundred_cookies_and_giants_are_survived),
        fresh(a_server_that_left_is_as_no_cookie),
        fresh(an_old_cookie_is_issued_again),
        fresh(a_cookie_of_an_older_key_is_issued_again),
        fresh(a_bound_cookie_is_of_no_use_to_others),
        fresh(another_pool_has_other_cookies),
        fresh(an_answer_gives_out_the_id_of_a_session),
        fresh(what_is_no_session_is_not_given_out),
        fresh(a_session_may_end),
        fresh(a_suffix_names_the_server),
        fresh(ids_come_from_fields_and_queries_too),
        fresh(the_first_of_the_sticks_that_knows_counts),
        fresh(the_server_does_not_see_our_cookie),
        fresh(long_cookies_are_hidden_in_one_pass),
        fresh(without_a_cookie_of_ours_nothing_is_hidden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

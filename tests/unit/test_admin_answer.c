/* What the admin socket answers to which request. */

#include "admin_house.h"

static void every_route_is_answered_in_json(void **state)
{
    house.status_length = 3;
    assert_asked("GET /v1/status" HOST "\r\n", 200, "{\"version\":\"xxx\"}");
    assert_asked("GET http://x/v1/status?a=b" HOST "\r\n", 200, "{\"version\":\"xxx\"}");
    assert_asked("POST /v1/drain?server=app/1" HOST "\r\n", 200, "{\"server\":\"app/1\",\"draining\":true}");
    assert_asked("POST /v1/undrain?x&server=app%2f1" HOST "\r\n", 200, "{\"server\":\"app/1\",\"draining\":false}");
    assert_asked("POST /v1/drain?server=a/%5b::1%5D:80+%22" HOST "\r\n", 200,
                 "{\"server\":\"a/[::1]:80+\\\"\",\"draining\":true}");
    assert_asked("POST /v1/reload" HOST "\r\n", 202, "{\"reloading\":true}");
    assert_string_equal(house.servers, "+app/1 -app/1 +a/[::1]:80+\" ");
    assert_int_equal(house.reloads, 1);

    struct told told = ask("GET /" HOST "\r\n");
    assert_int_equal(answer_status(&told, 0), 200);
    assert_non_null(
        strstr(told.text, "{\"method\":\"POST\",\"path\":\"/v1/drain\",\"parameters\":\"server=POOL/NAME\""));
    forget(&told);
}

static void pins_are_told_of_by_pool_and_key(void **state)
{
    assert_asked("GET /v1/pins?pool=app" HOST "\r\n", 200, "{\"pins\":\"\"}");
    assert_asked("GET /v1/pin?pool=a%20b&key=%ff+%22" HOST "\r\n", 200, "{\"pinned\":true}");
    assert_asked("GET /v1/pin?key=k%2f&key=other&pool=app" HOST "\r\n", 200, "{\"pinned\":true}");
    assert_string_equal(house.pins, "?app ?a b=\xff+\" ?app=k/ ");
    /* It is asked once more with more room. */
    house.pins[0] = '\0';
    house.status_length = 20000;
    struct told told = ask("GET /v1/pins?pool=app" HOST "\r\n");
    assert_int_equal(answer_status(&told, 0), 200);
    assert_true(told.length > 20000);
    assert_string_equal(house.pins, "?app ?app ");
    forget(&told);
}

static void keys_and_servers_are_unpinned(void **state)
{
    house.unpinned = (struct unpinned){.count = 2};
    assert_asked("POST /v1/unpin?pool=app&key=a%22" HOST "\r\n", 200,
                 "{\"key\":\"a\\\"\",\"unpinned\":2,\"shared\":false}");
    house.unpinned = (struct unpinned){.shared = true};
    assert_asked("POST /v1/unpin?key=k" HOST "\r\n", 200,
                 "{\"key\":\"k\",\"unpinned\":0,\"shared\":true,\"memcached\":\"answers\"}");
    house.unpinned.unheard = true;
    assert_asked("POST /v1/unpin?server=app/1" HOST "\r\n", 200,
                 "{\"server\":\"app/1\",\"unpinned\":0,\"shared\":true,\"memcached\":\"does not answer\"}");
    assert_string_equal(house.pins, "-app=a\" -=k -app/1=* ");
    house.pins_answer = -ENOENT;
    assert_asked("POST /v1/unpin?server=app/9" HOST "\r\n", 404, "{\"error\":\"there is no server app/9\"}");
    assert_asked("POST /v1/unpin?pool=x&key=k" HOST "\r\n", 404, "{\"error\":\"there is no pool x\"}");
    house.pins_answer = -ENOTSUP;
    assert_asked("POST /v1/unpin?server=app/9" HOST "\r\n", 409,
                 "{\"error\":\"nothing is pinned in the pool of app/9\"}");
    assert_asked("POST /v1/unpin?key=k" HOST "\r\n", 409,
                 "{\"error\":\"nothing is pinned: no pool's `stick` names a table or a session\"}");
    house.pins_answer = -EPIPE;
    assert_asked("POST /v1/unpin?key=k" HOST "\r\n", 503,
                 "{\"error\":\"there is no engine at this moment: ask again\"}");
}

static void what_is_wrong_about_pins_is_told(void **state)
{
    house.pins_answer = -ENOENT;
    assert_asked("GET /v1/pins?pool=x" HOST "\r\n", 404, "{\"error\":\"there is no pool x\"}");
    house.pins_answer = -ENOTSUP;
    assert_asked("GET /v1/pin?pool=x&key=k" HOST "\r\n", 409,
                 "{\"error\":\"nothing is pinned (`stick` names no table and no session) in the pool x\"}");
    house.pins_answer = -E2BIG;
    assert_asked("GET /v1/pin?pool=x&key=k" HOST "\r\n", 400, "{\"error\":\"this key is too long to be remembered\"}");
    house.pins_answer = -ENOMEM;
    assert_asked("GET /v1/pins?pool=x" HOST "\r\n", 503, "{\"error\":\"Cannot allocate memory\"}");
}

static void what_other_programs_read_is_as_they_want_it(void **state)
{
    struct told told = ask("GET /metrics?all" HOST "\r\n");
    assert_answer(&told, 0, 200, "some 1");
    assert_non_null(strstr(told.text, "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    forget(&told);
    told = ask("GET /healthz" HOST "\r\n");
    assert_answer(&told, 0, 200, "ok");
    assert_non_null(strstr(told.text, "\r\nContent-Type: text/plain; charset=utf-8\r\n"));
    forget(&told);
    assert_asked("GET /readyz" HOST "\r\n", 200, "ready");
    house.not_alive = "no engine";
    assert_asked("GET /healthz" HOST "\r\n", 503, "no engine");
    assert_asked("GET /readyz" HOST "\r\n", 200, "ready");
    house.not_ready = "draining";
    assert_asked("GET /readyz" HOST "\r\n", 503, "draining");
    told = ask("POST /readyz" HOST "\r\n");
    assert_int_equal(answer_status(&told, 0), 405);
    assert_non_null(strstr(told.text, "\r\nContent-Type: application/json\r\n"));
    forget(&told);
}

static void many_figures_arrive_whole(void **state)
{
    int status;
    const char *body = NULL;
    size_t length = 0;
    house.status_length = 3 << 20;
    struct told told = ask("GET /metrics" HOST "\r\n");
    assert_non_null(find_answer(&told, 0, &status, &body, &length));
    assert_int_equal(status, 200);
    assert_int_equal(length, strlen("some 1\n") + (house.status_length + 99) / 100 * 100);
    forget(&told);
}

static void what_the_owner_refuses_is_told(void **state)
{
    house.drain_answer = -ENOENT;
    assert_asked("POST /v1/drain?server=app/9" HOST "\r\n", 404, "{\"error\":\"there is no server app/9\"}");
    house.drain_answer = -ENOTSUP;
    assert_asked("POST /v1/drain?server=app/9" HOST "\r\n", 503, "{\"error\":\"this limpet cannot drain app/9\"}");
    house.drain_answer = -EAGAIN;
    assert_asked("POST /v1/drain?server=app/9" HOST "\r\n", 503, "{\"error\":\"Resource temporarily unavailable\"}");
    house.reload_answer = -EALREADY;
    assert_asked("POST /v1/reload" HOST "\r\n", 409, "{\"error\":\"the workers are being replaced already\"}");
    house.reload_answer = -ENOTSUP;
    assert_asked("POST /v1/reload" HOST "\r\n", 503, "{\"error\":\"this limpet has no workers to replace\"}");
}

static void wrong_requests_are_refused_and_change_nothing(void **state)
{
    static const struct {
        const char *request;
        int status;
        const char *said;
    } wrong[] = {
        {"GET /nothing" HOST "\r\n", 404, "/ lists what there is"},
        {"GET /v1/status/" HOST "\r\n", 404, "path"},
        {"OPTIONS *" HOST "\r\n", 404, "path"},
        {"POST /v1/status" HOST "\r\n", 405, "Allow: GET, HEAD\r\n"},
        {"GET /v1/drain?server=app/1" HOST "\r\n", 405, "Allow: POST\r\n"},
        {"DELETE /v1/reload" HOST "\r\n", 405, "Allow: POST\r\n"},
        {"POST /v1/drain" HOST "\r\n", 400, "which server?"},
        {"POST /v1/drain?server" HOST "\r\n", 400, "which server?"},
        {"POST /v1/drain?server=%" HOST "\r\n", 400, "percent-encoded"},
        {"POST /v1/drain?server=%4" HOST "\r\n", 400, "percent-encoded"},
        {"POST /v1/drain?server=%gg" HOST "\r\n", 400, "percent-encoded"},
        {"POST /v1/drain?server=a%00b" HOST "\r\n", 400, "percent-encoded"},
        {"GET /v1/pins" HOST "\r\n", 400, "which pool?"},
        {"GET /v1/pins?pool=%00" HOST "\r\n", 400, "percent-encoded"},
        {"GET /v1/pin?pool=app" HOST "\r\n", 400, "which key?"},
        {"GET /v1/pin?pool=app&key" HOST "\r\n", 400, "which key?"},
        {"GET /v1/pin?pool=app&key=%0" HOST "\r\n", 400, "percent-encoded"},
        {"GET /v1/unpin?key=k" HOST "\r\n", 405, "Allow: POST\r\n"},
        {"POST /v1/unpin" HOST "\r\n", 400, "what?"},
        {"POST /v1/unpin?pool=app" HOST "\r\n", 400, "what?"},
        {"POST /v1/unpin?key=k&server=app/1" HOST "\r\n", 400, "what?"},
        {"POST /v1/unpin?pool=app&server=app/1" HOST "\r\n", 400, "what?"},
        {"POST /v1/unpin?pool=&key=k" HOST "\r\n", 400, "which pool?"},
        {"POST /v1/unpin?key=" HOST "\r\n", 400, "which key?"},
        {"POST /v1/unpin?server=" HOST "\r\n", 400, "which server?"},
        {"POST /v1/unpin?pool=%&key=k" HOST "\r\n", 400, "percent-encoded"},
        {"POST /v1/unpin?key=%00" HOST "\r\n", 400, "percent-encoded"},
        {"POST /v1/unpin?server=%f" HOST "\r\n", 400, "percent-encoded"},
        {"POST /v1/pin?pool=app&key=k" HOST "\r\n", 405, "Allow: GET, HEAD\r\n"},
        {"POST /v1/reload HTTP/1.1\r\n\r\n", 400, "no Host"},
        {"POST /v1/reload\r\n\r\n", 400, "HTTP"},
        {"POST /v1/reload HTTP/1.1\nHost: x\n\n", 400, "CRLF"},
        {"hello there\r\n\r\n", 400, "this is not HTTP/1.1"},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "this is not HTTP/1.1"},
        {"\x16\x03\x01", 400, "this is not HTTP/1.1"},
        {"POST /v1/reload" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411, "chunked"},
        {"POST /v1/reload" HOST "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", 400, "twice"},
        {"POST /v1/reload" HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", 400, "twice"},
        {"POST /v1/reload" HOST "Content-Length:\r\n\r\n", 400, "no number"},
        {"POST /v1/reload" HOST "Content-Length: -1\r\n\r\n", 400, "no number"},
        {"POST /v1/reload" HOST "Content-Length: 0x1\r\n\r\n", 400, "no number"},
        {"POST /v1/reload" HOST "Content-Length: 1, 1\r\n\r\n", 400, "no number"},
        {"POST /v1/reload" HOST "Content-Length: 65537\r\n\r\n", 413, "64 KiB"},
        {"POST /v1/reload" HOST "Content-Length: 18446744073709551617\r\n\r\n", 413, "64 KiB"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        struct told told = ask(wrong[i].request);
        assert_int_equal(answer_status(&told, 0), wrong[i].status);
        assert_non_null(strstr(told.text, "\"error\":\""));
        assert_non_null(strstr(told.text, wrong[i].said));
        forget(&told);
    }
    assert_string_equal(house.servers, "");
    assert_string_equal(house.pins, "");
    assert_int_equal(house.reloads, 0);
}

/* Without a NUL behind it. */
static void put(char *place, struct span words)
{
    memcpy(place, words.data, words.length);
}

static void a_name_that_is_too_long_is_refused(void **state)
{
    char request[4096];
    snprintf(request, sizeof(request), "POST /v1/drain?server=%0*d" HOST "\r\n", 2000, 1);
    struct told told = ask(request);
    assert_int_equal(answer_status(&told, 0), 400);
    forget(&told);
    /* As long as it may be, and of bytes that take six times their length in JSON. */
    house.drain_answer = -ENOENT;
    snprintf(request, sizeof(request), "POST /v1/drain?server=%0*d" HOST "\r\n", 3069, 0);
    char *name = strstr(request, "server=") + strlen("server=");
    for (size_t i = 0; i < 1023; i++)
        put(name + 3 * i, span_text("%01"));
    told = ask(request);
    assert_int_equal(answer_status(&told, 0), 404);
    assert_int_equal(told.text[told.length - 2], '}');
    forget(&told);
}

static void a_body_may_be_64_kib_long(void **state)
{
    static char body[ADMIN_BODY_MOST];
    struct told told = {.fd = enter()};
    const char head[] = "POST /v1/reload" HOST "Content-Length: 65536\r\n\r\n";
    const char behind[] = "GET /v1/status" HOST "\r\n";
    say(told.fd, head, strlen(head));
    say(told.fd, body, sizeof(body));
    say(told.fd, behind, strlen(behind));
    listen_to(&told, 2);
    assert_int_equal(answer_status(&told, 0), 202);
    assert_int_equal(answer_status(&told, 1), 200);
    forget(&told);
}

static void a_body_that_waits_to_be_asked_for_is_done_without(void **state)
{
    struct told told = ask("POST /v1/reload" HOST "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    assert_int_equal(answer_status(&told, 0), 202);
    listen_to(&told, 0);
    assert_true(told.ended);
    forget(&told);
}

/* A whole request whose head has so many bytes. */
static void pad_request(char *bytes, size_t length)
{
    memset(bytes, 'x', length);
    put(bytes, span_text("GET /v1/status" HOST "X: "));
    put(bytes + length - 4, span_text("\r\n\r\n"));
}

static void a_head_may_be_16_kib_long_and_no_longer(void **state)
{
    static char bytes[ADMIN_HEAD_MOST + 1];
    for (size_t over = 0; over <= 1; over++) {
        struct told told = {.fd = enter()};
        pad_request(bytes, ADMIN_HEAD_MOST + over);
        say(told.fd, bytes, ADMIN_HEAD_MOST + over);
        listen_to(&told, 1);
        assert_int_equal(answer_status(&told, 0), over ? 431 : 200);
        forget(&told);
    }
}

static void head_is_get_without_the_body(void **state)
{
    struct told told = {.fd = enter()};
    const char requests[] = "HEAD /v1/status" HOST "\r\nHEAD /nothing" HOST "Connection: close\r\n\r\n";
    house.status_length = 1000;
    say(told.fd, requests, strlen(requests));
    listen_to(&told, 0);
    assert_true(told.ended);
    assert_non_null(strstr(told.text, "200 OK"));
    assert_non_null(strstr(told.text, "Content-Length: 1015\r\n"));
    assert_non_null(strstr(told.text, "404 Not Found"));
    assert_null(strchr(told.text, '{'));
    forget(&told);
}

static void a_long_status_arrives_whole_and_one_without_end_does_not(void **state)
{
    int status;
    const char *body = NULL;
    size_t length = 0;
    house.status_length = 5 << 20;
    struct told told = ask("GET /v1/status" HOST "\r\n");
    assert_non_null(find_answer(&told, 0, &status, &body, &length));
    assert_int_equal(length, house.status_length + 15);
    assert_memory_equal(body + length - 4, "x\"}\n", 4);
    forget(&told);

    house.status_length = ADMIN_ANSWER_MOST;
    assert_asked("GET /v1/status" HOST "\r\n", 503, "{\"error\":\"the answer is longer than 64 MiB\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(every_route_is_answered_in_json),
        fresh(pins_are_told_of_by_pool_and_key),
        fresh(keys_and_servers_are_unpinned),
        fresh(what_is_wrong_about_pins_is_told),
        fresh(what_other_programs_read_is_as_they_want_it),
        fresh(many_figures_arrive_whole),
        fresh(what_the_owner_refuses_is_told),
        fresh(wrong_requests_are_refused_and_change_nothing),
        fresh(a_name_that_is_too_long_is_refused),
        fresh(a_body_may_be_64_kib_long),
        fresh(a_body_that_waits_to_be_asked_for_is_done_without),
        fresh(a_head_may_be_16_kib_long_and_no_longer),
        fresh(head_is_get_without_the_body),
        fresh(a_long_status_arrives_whole_and_one_without_end_does_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

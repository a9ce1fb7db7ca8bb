/* The admin socket with clients of every kind. The server runs in a loop here, the clients are sockets that the test reads
 * and writes between its turns. */

#include "control/admin.h"

#include "base/log.h"
#include "control/admin_http.h"
#include "control/powers.h"
#include "loopback.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

static struct {
    struct loop loop;
    struct admin admin;
    struct address address;
    char folder[64];
    struct timer patience;
    unsigned most_clients;
    /* What the calls saw, and what they answer. */
    char servers[4096]; /* "+app/1 -app/1 " */
    int drain_answer, reload_answer, reloads;
    size_t status_length;
} house;

static void write_status(void *context, struct text *json)
{
    static char filler[65536];
    memset(filler, 'x', sizeof(filler));
    assert_ptr_equal(context, &house);
    text_add(json, "{\"version\":\"");
    for (size_t left = house.status_length; left > 0 && !json->cut;) {
        size_t part = left < sizeof(filler) ? left : sizeof(filler);
        text_add_bytes(json, filler, part);
        left -= part;
    }
    text_add(json, "\"}");
}

static int note_drain(void *context, struct span server, bool drain)
{
    assert_ptr_equal(context, &house);
    size_t length = strlen(house.servers);
    snprintf(house.servers + length, sizeof(house.servers) - length, "%c%.*s ", drain ? '+' : '-', (int)server.length,
             (const char *)server.data);
    return house.drain_answer;
}

static int note_reload(void *context)
{
    assert_ptr_equal(context, &house);
    house.reloads++;
    return house.reload_answer;
}

static const struct admin_calls calls = {.status = write_status, .drain = note_drain, .reload = note_reload};

static void drop_line(void *context, const char *line, size_t length)
{
}

static int start(void **state)
{
    char text[ADDRESS_TEXT_SIZE];
    memset(&house, 0, sizeof(house));
    log_set_writer(drop_line, NULL);
    snprintf(house.folder, sizeof(house.folder), "%s/limpet-admin-XXXXXX", P_tmpdir);
    if (!mkdtemp(house.folder))
        return -1;
    snprintf(text, sizeof(text), "unix:%s/admin.sock", house.folder);
    if (address_parse(span_text(text), &house.address) || loop_init(&house.loop))
        return -1;
    int fd = powers_admin_listen(&house.address, NULL);
    return fd < 0 ? -1 : admin_init(&house.admin, &house.loop, fd, &calls, &house);
}

static int stop(void **state)
{
    admin_fini(&house.admin);
    admin_fini(&house.admin);
    loop_fini(&house.loop);
    powers_unlink(&house.address);
    return rmdir(house.folder);
}

/* A client that waits for nothing. */
static int enter(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&house.address.storage, house.address.length), 0);
    return fd;
}

static void give_up(struct timer *timer)
{
    house.loop.stopping = true;
}

/* Turns until `enough` says so, or for so long. */
static void turn(int millis, bool (*enough)(void *context), void *context);
static struct {
    bool (*enough)(void *context);
    void *context;
} goal;

static void after_turn(void *context)
{
    if (house.admin.client_count > house.most_clients)
        house.most_clients = house.admin.client_count;
    if (goal.enough && goal.enough(goal.context))
        house.loop.stopping = true;
}

static void turn(int millis, bool (*enough)(void *context), void *context)
{
    goal.enough = enough;
    goal.context = context;
    house.loop.stopping = enough && enough(context);
    timer_init(&house.patience, give_up);
    assert_int_equal(timer_set(&house.loop.timers, &house.patience, clock_steady() + millis * (micros)MILLIS_IN_MICROS),
                     0);
    loop_run(&house.loop, after_turn, NULL);
    timer_clear(&house.loop.timers, &house.patience);
}

/* What a client was told: whole answers, one after the other. */
struct told {
    int fd;
    char *text;
    size_t length, capacity;
    bool ended; /* there is nothing more to come */
    size_t wanted;
};

static void hear(struct told *told)
{
    for (;;) {
        if (told->capacity - told->length < 65536) {
            told->capacity = told->capacity * 2 + 131072;
            told->text = realloc(told->text, told->capacity);
            assert_non_null(told->text);
        }
        ssize_t got = recv(told->fd, told->text + told->length, told->capacity - told->length - 1, 0);
        told->ended |= got == 0 || (got < 0 && errno == ECONNRESET);
        if (got <= 0)
            break;
        told->length += (size_t)got;
    }
    told->text[told->length] = '\0';
}

/* Where answer `number` begins; *status, *body and *length describe it. Null: it is not there, or not whole. */
static const char *find_answer(const struct told *told, size_t number, int *status, const char **body, size_t *length)
{
    const char *at = told->text;
    for (size_t i = 0;; i++) {
        const char *end = at ? strstr(at, "\r\n\r\n") : NULL;
        if (!end)
            return NULL;
        const char *field = strstr(at, "Content-Length: ");
        assert_non_null(field);
        *status = atoi(at + strlen("HTTP/1.1 "));
        *body = end + 4;
        *length = (size_t)atoll(field + strlen("Content-Length: "));
        if ((size_t)(*body - told->text) + *length > told->length)
            return NULL;
        if (i == number)
            return at;
        at = *body + *length;
    }
}

static bool has_heard(void *context)
{
    struct told *told = context;
    int status;
    const char *body;
    size_t length;
    hear(told);
    return told->ended || (told->wanted > 0 && find_answer(told, told->wanted - 1, &status, &body, &length));
}

/* Waits for so many answers (0: until the server ends it). */
static void listen_to(struct told *told, size_t wanted)
{
    told->wanted = wanted;
    turn(4000, has_heard, told);
}

static void forget(struct told *told)
{
    free(told->text);
    close(told->fd);
}

static void say(int fd, const char *bytes, size_t length)
{
    assert_int_equal(send(fd, bytes, length, MSG_NOSIGNAL), length);
}

static int answer_status(const struct told *told, size_t number)
{
    int status = 0;
    const char *body;
    size_t length;
    assert_non_null(find_answer(told, number, &status, &body, &length));
    return status;
}

static void assert_answer(const struct told *told, size_t number, int expected, const char *json)
{
    int status = 0;
    const char *body = NULL;
    size_t length = 0;
    assert_non_null(find_answer(told, number, &status, &body, &length));
    assert_int_equal(status, expected);
    assert_int_equal(length, strlen(json) + 1);
    assert_memory_equal(body, json, length - 1);
    assert_int_equal(body[length - 1], '\n');
}

/* One request on a connection of its own. */
static struct told ask(const char *request)
{
    struct told told = {.fd = enter()};
    say(told.fd, request, strlen(request));
    listen_to(&told, 1);
    return told;
}

static void assert_asked(const char *request, int status, const char *json)
{
    struct told told = ask(request);
    assert_answer(&told, 0, status, json);
    forget(&told);
}

#define HOST " HTTP/1.1\r\nHost: x\r\n"

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

static void a_request_may_come_byte_by_byte(void **state)
{
    static const char request[] = "POST /v1/drain?server=app/1" HOST "Content-Length: 3\r\n\r\nabc";
    struct told told = {.fd = enter()};
    for (size_t i = 0; i < strlen(request); i++) {
        assert_string_equal(house.servers, "");
        say(told.fd, request + i, 1);
        turn(1, NULL, NULL);
    }
    listen_to(&told, 1);
    assert_answer(&told, 0, 200, "{\"server\":\"app/1\",\"draining\":true}");
    forget(&told);
}

/* So many requests behind one another, each second one with a body that looks like a request. */
static size_t compose_many(char *bytes, size_t size, int count)
{
    size_t length = 0;
    for (int i = 0; i < count; i++)
        length += (size_t)snprintf(bytes + length, size - length, "POST /v1/drain?server=app/%d" HOST "%s", i,
                                   i % 2 ? "Content-Length: 21\r\n\r\nGET / HTTP/1.0\r\nX: y\n" : "\r\n");
    return length;
}

static void requests_behind_one_another_are_answered_in_order(void **state)
{
    static char bytes[65536];
    struct told told = {.fd = enter()};
    size_t length = compose_many(bytes, sizeof(bytes), 300);
    assert_true(length > ADMIN_HEAD_MOST);
    say(told.fd, bytes, length);
    listen_to(&told, 300);
    for (int i = 0; i < 300; i++) {
        char expected[64];
        snprintf(expected, sizeof(expected), "{\"server\":\"app/%d\",\"draining\":true}", i);
        assert_answer(&told, (size_t)i, 200, expected);
    }
    assert_false(told.ended);
    forget(&told);
}

static void a_client_that_says_it_is_the_last_request_is_left_after_it(void **state)
{
    static const char *const requests[] = {
        "GET /v1/status" HOST "Connection: keep-alive, Close\r\n\r\nGET /v1/status" HOST "\r\n",
        "GET /v1/status HTTP/1.0\r\n\r\nGET /v1/status" HOST "\r\n",
        "nonsense\r\n\r\nGET /v1/status" HOST "\r\n",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(requests); i++) {
        struct told told = ask(requests[i]);
        listen_to(&told, 2);
        assert_true(told.ended);
        assert_non_null(strstr(told.text, "\r\nConnection: close\r\n"));
        assert_null(strstr(strstr(told.text, "\r\n\r\n"), "HTTP/1.1 2"));
        forget(&told);
    }
}

static void a_client_that_sends_too_much_hears_why_before_it_is_left(void **state)
{
    static char body[150000];
    struct told told = {.fd = enter()};
    const char head[] = "POST /v1/reload" HOST "Content-Length: 1000000\r\n\r\n";
    say(told.fd, head, strlen(head));
    assert_true(send(told.fd, body, sizeof(body), MSG_NOSIGNAL) > 100000);
    listen_to(&told, 0);
    assert_int_equal(answer_status(&told, 0), 413);
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
    assert_asked("GET /v1/status" HOST "\r\n", 503, "{\"error\":\"the status is longer than 64 MiB\"}");
}

static void a_client_that_has_said_all_still_gets_its_answer(void **state)
{
    struct told told = {.fd = enter()};
    const char request[] = "GET /v1/status" HOST "\r\n";
    house.status_length = 3 << 20;
    say(told.fd, request, strlen(request));
    shutdown(told.fd, SHUT_WR);
    listen_to(&told, 1);
    assert_int_equal(answer_status(&told, 0), 200);
    listen_to(&told, 0);
    assert_true(told.ended);
    forget(&told);
}

static bool all_left(void *context)
{
    return house.admin.client_count == 0;
}

static void clients_may_leave_at_any_moment(void **state)
{
    static const char request[] =
        "POST /v1/drain?server=app/1" HOST "Content-Length: 3\r\n\r\nabcGET /v1/status" HOST "\r\n";
    house.status_length = 3 << 20;
    for (size_t length = 0; length <= strlen(request); length++) {
        int fd = enter();
        say(fd, request, length);
        turn(2, NULL, NULL);
        close(fd);
    }
    turn(1000, all_left, NULL);
    assert_int_equal(house.admin.client_count, 0);
}

/* The backlog holds fewer than a hundred; as they are served, others follow. */
static void a_hundred_clients_are_served_sixteen_at_a_time(void **state)
{
    struct told told[100];
    const char request[] = "GET /v1/status" HOST "Connection: close\r\n\r\n";
    house.status_length = 2 << 20;
    for (size_t i = 0; i < 150; i++) {
        if (i >= 50) {
            listen_to(&told[i - 50], 0);
            assert_int_equal(answer_status(&told[i - 50], 0), 200);
            forget(&told[i - 50]);
        }
        if (i < 100) {
            told[i] = (struct told){.fd = enter()};
            say(told[i].fd, request, strlen(request));
        }
    }
    assert_int_equal(house.most_clients, ADMIN_CLIENTS_MOST);
}

enum sloth { SILENT, HALF_A_HEAD, HALF_A_BODY, NEVER_READS, IDLE_AFTER_ONE, DRIPPING, SLOTH_COUNT };

static const char *const sloth_says[SLOTH_COUNT] = {
    [SILENT] = "",
    [HALF_A_HEAD] = "GET /v1/sta",
    [HALF_A_BODY] = "POST /v1/reload" HOST "Content-Length: 10\r\n\r\n12345",
    [NEVER_READS] = "GET /v1/status" HOST "\r\n",
    [IDLE_AFTER_ONE] = "HEAD /" HOST "\r\n",
    [DRIPPING] = "",
};

static void slow_clients_hold_up_nobody_and_are_left_after_five_seconds(void **state)
{
    struct told slow[ADMIN_CLIENTS_MOST - 1];
    house.status_length = 8 << 20;
    for (size_t i = 0; i < ARRAY_LENGTH(slow); i++) {
        const char *words = sloth_says[i % SLOTH_COUNT];
        slow[i] = (struct told){.fd = enter()};
        if (*words)
            say(slow[i].fd, words, strlen(words));
    }
    micros began = clock_steady();
    while (clock_steady() - began < 4 * SECOND_IN_MICROS) {
        micros asked = clock_steady();
        struct told quick = ask("POST /v1/drain?server=a/1" HOST "Connection: close\r\n\r\n");
        assert_int_equal(answer_status(&quick, 0), 200);
        assert_true(clock_steady() - asked < SECOND_IN_MICROS / 2);
        forget(&quick);
        say(slow[DRIPPING].fd, "X", 1); /* a method of fewer than 32 letters */
        turn(200, NULL, NULL);
    }
    assert_int_equal(house.admin.client_count, ARRAY_LENGTH(slow));
    turn(3500, all_left, NULL);
    assert_int_equal(house.admin.client_count, 0);
    assert_true(clock_steady() - began > ADMIN_PATIENCE);
    for (size_t i = 0; i < ARRAY_LENGTH(slow); i++) {
        hear(&slow[i]);
        assert_true(slow[i].ended);
        if (i % SLOTH_COUNT == HALF_A_HEAD || i % SLOTH_COUNT == HALF_A_BODY)
            assert_int_equal(answer_status(&slow[i], 0), 408);
        if (i % SLOTH_COUNT == SILENT)
            assert_int_equal(slow[i].length, 0);
        forget(&slow[i]);
    }
    assert_int_equal(house.reloads, 0);
}

static void who_waits_outside_comes_in_when_somebody_leaves(void **state)
{
    int inside[ADMIN_CLIENTS_MOST];
    for (size_t i = 0; i < ARRAY_LENGTH(inside); i++)
        inside[i] = enter();
    turn(50, NULL, NULL);
    const char request[] = "GET /v1/status" HOST "\r\n";
    struct told outside = {.fd = enter(), .wanted = 1};
    say(outside.fd, request, strlen(request));
    turn(100, has_heard, &outside);
    assert_int_equal(outside.length, 0);
    assert_int_equal(house.admin.client_count, ADMIN_CLIENTS_MOST);
    close(inside[7]);
    listen_to(&outside, 1);
    assert_int_equal(answer_status(&outside, 0), 200);
    forget(&outside);
    for (size_t i = 0; i < ARRAY_LENGTH(inside); i++)
        if (i != 7)
            close(inside[i]);
}

static void newcomers_wait_while_there_are_no_descriptors(void **state)
{
    struct rlimit before, none;
    struct told told = {.fd = enter()};
    const char request[] = "GET /v1/status" HOST "\r\n";
    say(told.fd, request, strlen(request));
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = (rlim_t)told.fd + 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    told.wanted = 1;
    turn(120, has_heard, &told);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(told.length, 0);
    listen_to(&told, 1);
    assert_int_equal(answer_status(&told, 0), 200);
    forget(&told);
}

static void the_end_closes_everything_whatever_the_clients_are_at(void **state)
{
    int fds[SLOTH_COUNT];
    size_t before = loopback_open_count();
    house.status_length = 8 << 20;
    for (size_t i = 0; i < SLOTH_COUNT; i++) {
        fds[i] = enter();
        say(fds[i], sloth_says[i], strlen(sloth_says[i]));
    }
    turn(50, NULL, NULL);
    assert_int_equal(house.admin.client_count, SLOTH_COUNT);
    admin_fini(&house.admin);
    for (size_t i = 0; i < SLOTH_COUNT; i++)
        close(fds[i]);
    turn(10, NULL, NULL);
    assert_int_equal(loopback_open_count(), before - 1);
}

#define fresh(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(every_route_is_answered_in_json),
        fresh(what_the_owner_refuses_is_told),
        fresh(wrong_requests_are_refused_and_change_nothing),
        fresh(a_name_that_is_too_long_is_refused),
        fresh(a_request_may_come_byte_by_byte),
        fresh(requests_behind_one_another_are_answered_in_order),
        fresh(a_client_that_says_it_is_the_last_request_is_left_after_it),
        fresh(a_client_that_sends_too_much_hears_why_before_it_is_left),
        fresh(a_body_may_be_64_kib_long),
        fresh(a_body_that_waits_to_be_asked_for_is_done_without),
        fresh(a_head_may_be_16_kib_long_and_no_longer),
        fresh(head_is_get_without_the_body),
        fresh(a_long_status_arrives_whole_and_one_without_end_does_not),
        fresh(a_client_that_has_said_all_still_gets_its_answer),
        fresh(clients_may_leave_at_any_moment),
        fresh(a_hundred_clients_are_served_sixteen_at_a_time),
        fresh(slow_clients_hold_up_nobody_and_are_left_after_five_seconds),
        fresh(who_waits_outside_comes_in_when_somebody_leaves),
        fresh(newcomers_wait_while_there_are_no_descriptors),
        fresh(the_end_closes_everything_whatever_the_clients_are_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

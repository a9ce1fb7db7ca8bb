#ifndef LIMPET_TESTS_UNIT_ADMIN_HOUSE_H
#define LIMPET_TESTS_UNIT_ADMIN_HOUSE_H

/* An admin socket, and an address of figures, served by a loop in this process, and clients that the test reads and writes between its turns. */

#include "control/admin.h"

#include "base/log.h"
#include "control/admin_http.h"
#include "control/pins_orders.h"
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
    struct admin figures; /* at a port of 127.0.0.1 */
    struct sockaddr_in figures_at;
    struct address address;
    char folder[64];
    struct timer patience;
    unsigned most_clients;
    /* What the calls saw, and what they answer. */
    char servers[4096]; /* "+app/1 -app/1 " */
    int drain_answer, reload_answer, reloads;
    char pins[16384]; /* "?app ?app=key -app=key -app/1= " */
    int pins_answer;
    struct unpinned unpinned;
    size_t status_length;
    const char *not_alive, *not_ready;
} house;

static inline void write_status(void *context, struct text *json)
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

static inline int note_drain(void *context, struct span server, bool drain)
{
    assert_ptr_equal(context, &house);
    size_t length = strlen(house.servers);
    snprintf(house.servers + length, sizeof(house.servers) - length, "%c%.*s ", drain ? '+' : '-', (int)server.length,
             (const char *)server.data);
    return house.drain_answer;
}

static inline int note_reload(void *context)
{
    assert_ptr_equal(context, &house);
    house.reloads++;
    return house.reload_answer;
}

static inline int write_pins(void *context, struct span pool, struct text *json)
{
    assert_ptr_equal(context, &house);
    size_t length = strlen(house.pins);
    snprintf(house.pins + length, sizeof(house.pins) - length, "?%.*s ", (int)pool.length, (const char *)pool.data);
    text_add(json, "{\"pins\":\"");
    for (size_t i = 0; i < house.status_length; i++)
        text_add_char(json, 'x');
    text_add(json, "\"}");
    return house.pins_answer;
}

static inline int write_pin(void *context, struct span pool, struct span key, struct text *json)
{
    assert_ptr_equal(context, &house);
    size_t length = strlen(house.pins);
    snprintf(house.pins + length, sizeof(house.pins) - length, "?%.*s=%.*s ", (int)pool.length, (const char *)pool.data,
             (int)key.length, (const char *)key.data);
    text_add(json, "{\"pinned\":true}");
    return house.pins_answer;
}

static inline int note_unpin(void *context, struct span pool, struct span key, struct unpinned *unpinned)
{
    assert_ptr_equal(context, &house);
    size_t length = strlen(house.pins);
    snprintf(house.pins + length, sizeof(house.pins) - length, "-%.*s=%.*s ", (int)pool.length, (const char *)pool.data,
             (int)key.length, (const char *)key.data);
    *unpinned = house.unpinned;
    return house.pins_answer;
}

static inline int note_unpin_server(void *context, struct span server, struct unpinned *unpinned)
{
    return note_unpin(context, server, span_text("*"), unpinned);
}

static inline void write_metrics(void *context, struct text *text)
{
    assert_ptr_equal(context, &house);
    text_add(text, "some 1\n");
    for (size_t i = 0; i < house.status_length; i += 100)
        text_add_format(text, "%99zu\n", i);
}

static inline const char *tell_not_alive(void *context)
{
    assert_ptr_equal(context, &house);
    return house.not_alive;
}

static inline const char *tell_not_ready(void *context)
{
    assert_ptr_equal(context, &house);
    return house.not_ready;
}

static const struct admin_calls calls = {.status = write_status,
                                         .drain = note_drain,
                                         .pins = write_pins,
                                         .pin = write_pin,
                                         .unpin = note_unpin,
                                         .unpin_server = note_unpin_server,
                                         .reload = note_reload,
                                         .metrics = write_metrics,
                                         .not_alive = tell_not_alive,
                                         .not_ready = tell_not_ready};

static inline int serve(struct admin *admin, int fd, bool figures_only)
{
    const struct admin_house all = {.calls = &calls, .context = &house, .figures_only = figures_only};
    return fd < 0 ? -1 : admin_init(admin, &house.loop, fd, &all);
}

static inline void drop_line(void *context, const char *line, size_t length)
{
}

static inline int start(void **state)
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
    int failure = serve(&house.admin, powers_admin_listen(&house.address, NULL), false);
    int fd = loopback_listener(&house.figures_at);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return failure ? failure : serve(&house.figures, fd, true);
}

static inline int stop(void **state)
{
    admin_fini(&house.admin);
    admin_fini(&house.admin);
    admin_fini(&house.figures);
    loop_fini(&house.loop);
    powers_unlink(&house.address);
    return rmdir(house.folder);
}

/* A client that waits for nothing. */
static inline int enter(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&house.address.storage, house.address.length), 0);
    return fd;
}

/* The same, where there are only figures. */
static inline int enter_for_figures(void)
{
    int fd = loopback_connect(&house.figures_at);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static inline void give_up(struct timer *timer)
{
    house.loop.stopping = true;
}

/* Turns until `enough` says so, or for so long. */
static inline void turn(int millis, bool (*enough)(void *context), void *context);
static struct {
    bool (*enough)(void *context);
    void *context;
} goal;

static inline void after_turn(void *context)
{
    if (house.admin.client_count > house.most_clients)
        house.most_clients = house.admin.client_count;
    if (goal.enough && goal.enough(goal.context))
        house.loop.stopping = true;
}

static inline void turn(int millis, bool (*enough)(void *context), void *context)
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

static inline void hear(struct told *told)
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

static inline bool has_heard(void *context)
{
    struct told *told = context;
    int status;
    const char *body;
    size_t length;
    hear(told);
    return told->ended || (told->wanted > 0 && find_answer(told, told->wanted - 1, &status, &body, &length));
}

/* Waits for so many answers (0: until the server ends it). */
static inline void listen_to(struct told *told, size_t wanted)
{
    told->wanted = wanted;
    turn(4000, has_heard, told);
}

static inline void forget(struct told *told)
{
    free(told->text);
    close(told->fd);
}

static inline void say(int fd, const char *bytes, size_t length)
{
    assert_int_equal(send(fd, bytes, length, MSG_NOSIGNAL), length);
}

static inline int answer_status(const struct told *told, size_t number)
{
    int status = 0;
    const char *body;
    size_t length;
    assert_non_null(find_answer(told, number, &status, &body, &length));
    return status;
}

static inline void assert_answer(const struct told *told, size_t number, int expected, const char *json)
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

static inline struct told ask_on(int fd, const char *request)
{
    struct told told = {.fd = fd};
    say(told.fd, request, strlen(request));
    listen_to(&told, 1);
    return told;
}

/* One request on a connection of its own. */
static inline struct told ask(const char *request)
{
    return ask_on(enter(), request);
}

static inline void assert_asked(const char *request, int status, const char *json)
{
    struct told told = ask(request);
    assert_answer(&told, 0, status, json);
    forget(&told);
}

#define HOST " HTTP/1.1\r\nHost: x\r\n"

#define fresh(test) cmocka_unit_test_setup_teardown(test, start, stop)

#endif

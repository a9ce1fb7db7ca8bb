#ifndef LIMPET_TESTS_UNIT_PINS_HOUSE_H
#define LIMPET_TESTS_UNIT_PINS_HOUSE_H

/* A thread's room of pins with one memcached server, which is the test: it hears every command, and answers by itself as it
 * likes, or lets a small store answer as memcached would. It is a Unix socket, so that what is written is there at once. */

#include "base/log.h"
#include "loopback.h"
#include "pins/pins.h"
#include "pins/room.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#define HOUSE_SECOND ((micros)SECOND_IN_MICROS)
#define HOUSE_MS ((micros)MILLIS_IN_MICROS)
#define HOUSE_PATIENCE (50 * HOUSE_MS)
#define HOUSE_PINS 1024
#define HOUSE_VALUES 16
#define HOUSE_WORD "0123456789abcdef"

enum { A, B, C };

/* One command, and the value that came with it. */
struct heard {
    char line[256];
    char name[3];
    char key[PINS_KEY_SIZE];
    unsigned opaque;
    uint8_t value[MEMCACHED_VALUE_MOST];
    size_t length;
};

struct house_value {
    char key[PINS_KEY_SIZE];
    uint8_t value[MEMCACHED_VALUE_MOST];
    size_t length;
    uint64_t number;
};

struct house {
    struct loop loop;
    struct plan plan;
    struct address address;
    struct pins_shared shared;
    struct pins_room *room;
    struct ranking *ranking;
    struct server_states *states;
    struct breaker breaker;
    struct counters counters;
    void *memory;
    char folder[32];
    int listener, talk; /* of memcached; the talk is -1 before it was accepted */
    int talks;          /* so many were accepted */
    char in[1 << 20];
    size_t in_length;
    struct house_value values[HOUSE_VALUES];
    uint64_t number;
    unsigned told; /* answers, and the last of them */
    unsigned told_as[QUERY_FAILED + 1];
    enum query_outcome outcome;
    uint32_t server;
    struct pin_question question; /* of the key "one" */
    unsigned lines;               /* in the log */
};

static struct house house;

static const struct plan_server house_servers[] = {{.name = "a", .weight = 1, .number = A},
                                                   {.name = "b", .weight = 1, .number = B},
                                                   {.name = "c", .weight = 1, .number = C}};
static struct plan_stick house_sticks[] = {{.kind = STICK_TABLE, .lifetime = 3600 * HOUSE_SECOND, .shared = true}};
static struct plan_pool house_pool = {
    .name = "app", .servers = house_servers, .server_count = 3, .sticks = house_sticks, .stick_count = 1};

static inline void house_listen(void)
{
    char text[64];
    snprintf(text, sizeof(text), "unix:%s/memcached", house.folder);
    loopback_must(address_parse(span_text(text), &house.address) == NULL);
    house.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    loopback_must(bind(house.listener, (struct sockaddr *)&house.address.storage, house.address.length) == 0);
    loopback_must(listen(house.listener, 64) == 0);
}

static inline void house_hang_up(void)
{
    if (house.talk >= 0)
        close(house.talk);
    house.talk = -1;
    house.in_length = 0;
}

/* Memcached is gone; who connects is refused. */
static inline void house_go(void)
{
    house_hang_up();
    close(house.listener);
    unlink(house.address.text + strlen("unix:"));
    house.listener = -1;
}

static inline struct mark house_mark(const char *key)
{
    struct mark mark;
    loopback_must(pins_mark_key(&house.shared.mark_key, &house_pool, KEY_TAG_TEXT, span_text(key), &mark));
    return mark;
}

static inline void house_open_room(void)
{
    loopback_must(pins_shared_init(&house.shared, &house.plan, house.ranking, house.memory, &house.breaker) == 0);
    house.shared.states = house.states;
    loopback_must(pins_room_new(&house.loop, &house.shared, &house.counters, true, &house.room) == 0);
    house.question = (struct pin_question){.pool = &house_pool, .stick = &house_sticks[0], .mark = house_mark("one")};
}

static inline void house_close_room(void)
{
    pins_room_free(house.room);
    pins_shared_fini(&house.shared);
}

static void house_log(void *context, const char *line, size_t length)
{
    (void)context, (void)line, (void)length;
    house.lines++;
}

/* For cmocka: it is connected, but nobody has heard or answered anything yet. */
static int house_make(void **state)
{
    (void)state;
    log_set_writer(house_log, NULL);
    house = (struct house){.talk = -1, .folder = "/tmp/limpet-test-XXXXXX"};
    house.plan =
        (struct plan){.pools = &house_pool,
                      .pool_count = 1,
                      .server_count = 3,
                      .memcached = &house.address,
                      .memcached_count = 1,
                      .pins.most = HOUSE_PINS,
                      .seed = span_text("tests"),
                      .secret = span_text("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"),
                      .timeouts.memcached = HOUSE_PATIENCE};
    loopback_must(mkdtemp(house.folder) != NULL && loop_init(&house.loop) == 0);
    house.memory = calloc(1, pin_memory_size(HOUSE_PINS));
    house.ranking = ranking_new(&house.plan);
    house.states = server_states_new(3);
    loopback_must(house.memory && house.ranking && house.states);
    house_listen();
    house_open_room();
    return 0;
}

static void house_stop(void *context)
{
    (void)context;
    house.loop.stopping = true;
}

static void house_nothing(struct timer *timer)
{
    (void)timer;
}

/* One turn of the loop, which hears all that is there; after a millisecond if nothing is. What was said before it is heard in
 * time, however late this thread is. */
static inline void house_turn(void)
{
    struct timer timer;
    house.loop.stopping = false;
    timer_init(&timer, house_nothing);
    loopback_must(timer_set(&house.loop.timers, &timer, clock_steady() + HOUSE_MS) == 0);
    loop_run(&house.loop, house_stop, NULL);
    timer_clear(&house.loop.timers, &timer);
}

static int house_drop(void **state)
{
    (void)state;
    house_close_room();
    house_turn(); /* graves are emptied */
    loop_fini(&house.loop);
    ranking_free(house.ranking);
    server_states_free(house.states);
    free(house.memory);
    if (house.listener >= 0)
        house_go();
    rmdir(house.folder);
    return 0;
}

/* ---- as memcached ---------------------------------------------------------------------------------------------------- */

static inline void house_accept(void)
{
    if (house.talk >= 0)
        return;
    house.talk = accept4(house.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    house.talks += house.talk >= 0;
}

static inline void house_read(void)
{
    ssize_t count;
    house_accept();
    while (house.talk >= 0 &&
           (count = recv(house.talk, house.in + house.in_length, sizeof(house.in) - house.in_length, MSG_DONTWAIT)) > 0)
        house.in_length += (size_t)count;
}

/* Turns until somebody connects, at most for a second. */
static inline void house_meet(void)
{
    house_hang_up();
    for (micros begun = clock_steady(); house.talk < 0 && clock_steady() - begun < HOUSE_SECOND; house_accept())
        house_turn();
    loopback_must(house.talk >= 0);
}

/* True if limpet has ended the connection. */
static inline bool house_is_left(void)
{
    char byte;
    house_read();
    return house.talk >= 0 && recv(house.talk, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* Takes the next command; false: there is none. */
static inline bool house_hear(struct heard *heard)
{
    *heard = (struct heard){0};
    house_read();
    char *end = memchr(house.in, '\n', house.in_length);
    if (!end)
        return false;
    size_t used = (size_t)(end - house.in) + 1;
    memcpy(heard->line, house.in, used - 2);
    loopback_must(sscanf(heard->line, "%2s %39s", heard->name, heard->key) == 2);
    loopback_must(sscanf(strstr(heard->line, " O"), " O%u", &heard->opaque) == 1);
    if (strcmp(heard->name, "ms") == 0) {
        loopback_must(sscanf(heard->line, "%*s %*s %zu", &heard->length) == 1);
        memcpy(heard->value, house.in + used, heard->length);
        used += heard->length + 2;
    }
    loopback_must(used <= house.in_length);
    memmove(house.in, house.in + used, house.in_length - used);
    house.in_length -= used;
    return true;
}

/* The next command, which must be there. */
static inline struct heard house_next(void)
{
    struct heard heard;
    loopback_must(house_hear(&heard));
    return heard;
}

static inline void house_say_bytes(const void *bytes, size_t length)
{
    loopback_must(send(house.talk, bytes, length, MSG_NOSIGNAL) == (ssize_t)length);
}

#define house_say(...)                                                                                                 \
    do {                                                                                                               \
        char said_[512];                                                                                               \
        int length_ = snprintf(said_, sizeof(said_), __VA_ARGS__);                                                     \
        house_say_bytes(said_, (size_t)length_);                                                                       \
    } while (0)

/* The first words of a connection; another `word` is another memcached. */
static inline void house_greet(const char *word)
{
    struct heard own = house_next(), asked = house_next();
    loopback_must(strcmp(own.key, "limpet:instance") == 0 && strcmp(asked.key, "limpet:instance") == 0);
    house_say("NS O%u\r\nVA %zu c1 O%u\r\n%s\r\n", own.opaque, strlen(word), asked.opaque, word);
    house_turn();
}

/* ---- as its store ---------------------------------------------------------------------------------------------------- */

/* Its place, or a free one. */
static inline struct house_value *house_find(const char *key)
{
    struct house_value *free_one = NULL;
    for (size_t i = 0; i < HOUSE_VALUES; i++) {
        if (strcmp(house.values[i].key, key) == 0)
            return &house.values[i];
        if (!free_one && house.values[i].key[0] == '\0')
            free_one = &house.values[i];
    }
    loopback_must(free_one != NULL);
    return free_one;
}

static inline void house_keep(const char *key, const void *value, size_t length)
{
    struct house_value *place = house_find(key);
    *place = (struct house_value){.length = length, .number = ++house.number};
    memcpy(place->key, key, strlen(key) + 1);
    memcpy(place->value, value, length);
}

static inline void house_forget(const char *key)
{
    *house_find(key) = (struct house_value){0};
}

static inline const char *house_store(const struct heard *heard)
{
    const struct house_value *place = house_find(heard->key);
    const char *wanted = strstr(heard->line, " C");
    bool is_there = place->key[0] != '\0';
    if (strstr(heard->line, " ME") && is_there)
        return "NS";
    if (wanted && !is_there)
        return "NF";
    if (wanted && place->number != strtoull(wanted + 2, NULL, 10))
        return "EX";
    house_keep(heard->key, heard->value, heard->length);
    return "HD";
}

/* Answers as memcached does. */
static inline void house_answer(const struct heard *heard)
{
    const struct house_value *place = house_find(heard->key);
    if (strcmp(heard->name, "ms") == 0) {
        house_say("%s O%u\r\n", house_store(heard), heard->opaque);
    } else if (place->key[0] == '\0') {
        house_say("EN O%u\r\n", heard->opaque);
    } else {
        house_say("VA %zu c%llu O%u\r\n", place->length, (unsigned long long)place->number, heard->opaque);
        house_say_bytes(place->value, place->length);
        house_say("\r\n");
    }
}

/* Answers all that is asked; how many commands. */
static inline unsigned house_serve(void)
{
    struct heard heard;
    unsigned before, count = 0;
    do {
        for (before = count; house_hear(&heard); count++)
            house_answer(&heard);
        house_turn();
    } while (count > before);
    return count;
}

/* A pin as another frontend has left it, sealed for this pool; an empty name: it was unpinned. */
static inline void house_pin_of(const char *pool, const char *key, const char *server, micros age)
{
    char text[PINS_KEY_SIZE];
    uint8_t value[SEALED_MOST];
    size_t length = pins_key_text(house_mark(key), text);
    struct pin_scope scope = {.pool = span_text(pool), .key = span_of(text, length)};
    struct sealed_content content = {.time = clock_wall() - age, .server_length = (uint8_t)strlen(server)};
    memcpy(content.server, server, strlen(server));
    loopback_must(pin_seal(&house.shared.keys, &scope, &content, value, &length) == 0);
    house_keep(text, value, length);
}

static inline void house_pin(const char *key, const char *server, micros age)
{
    house_pin_of("app", key, server, age);
}

/* The server that stands there: 'a', '-' for nobody, '?' for what does not open, 0 for nothing. */
static inline char house_pinned(const char *key)
{
    char text[PINS_KEY_SIZE];
    size_t length = pins_key_text(house_mark(key), text);
    const struct house_value *place = house_find(text);
    struct pin_scope scope = {.pool = span_text("app"), .key = span_of(text, length)};
    struct sealed_content content;
    if (place->key[0] == '\0')
        return 0;
    if (!pin_open(&house.shared.keys, &scope, span_of(place->value, place->length), &content))
        return '?';
    return content.server_length > 0 ? content.server[0] : '-';
}

/* ---- as a visit ------------------------------------------------------------------------------------------------------ */

static inline void house_told(void *owner, enum query_outcome outcome, uint32_t server)
{
    (void)owner;
    house.told++;
    house.told_as[outcome]++;
    house.outcome = outcome;
    house.server = server;
}

static inline struct query *house_ask(enum query_kind kind, uint32_t server)
{
    return pins_ask(house.room, kind, &house.question, server, house_told, &house);
}

static inline uint64_t house_counted(enum counter counter)
{
    return counter_read(&house.counters, counter);
}

#endif

#include "control/workers_listen.h"

#include "base/log.h"
#include "control/worker_process.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BIT(door) (UINT64_C(1) << (door))

static size_t pool_of(const struct worker *worker)
{
    return (size_t)(worker->slot->pool - worker->workers->plan->pools);
}

/* Where a pool's clients come in by the configuration; null if nowhere. */
static const struct address *bound_address(const struct plan *plan, size_t pool)
{
    for (size_t i = 0; i < plan->listener_count; i++)
        for (size_t j = 0; j < plan->listeners[i].route_count; j++)
            if (plan->listeners[i].bind_count > 0 && plan->listeners[i].routes[j].action == ROUTE_POOL &&
                plan->listeners[i].routes[j].pool == pool)
                return &plan->listeners[i].binds[0];
    return NULL;
}

/* An https server sends the keys of its session tickets along, and takes those that come back: so all workers have those of
 * the first, and a session is resumed by any of them. */
static const char *shared_data(struct worker *worker, unsigned door, const struct node_line *line)
{
    struct workers *workers = worker->workers;
    char **bound = &workers->bound_data[pool_of(worker)];
    if (door != 0)
        return workers->doors.all[door]->asked.data;
    if (!*bound)
        *bound = strdup(line->data);
    return *bound ? *bound : line->data;
}

static void add_with_end(struct text *text, const char *words)
{
    text_add_bytes(text, words, strlen(words) + 1);
}

static void add_sockname(struct worker *worker, unsigned door, const struct node_line *line, struct text *text)
{
    char words[256];
    struct text json;
    text_init(&json, words, sizeof(words));
    const struct address *address =
        door != 0 ? &worker->workers->doors.all[door]->address : bound_address(worker->workers->plan, pool_of(worker));
    /* A Unix path has no address of this kind to tell. */
    if (address && strcmp(line->type, "-1") != 0)
        doors_sockname(address, line->port, &json);
    add_with_end(text, words);
}

static void complain_of_engine(const char *what, int failure)
{
    static struct log_limit limit;
    unsigned long skipped;
    if (failure && failure != -EPIPE && failure != -ECONNRESET && log_limit_pass(&limit, 1, &skipped))
        log_error("a worker's listen() is not %s: %s", what, strerror(-failure));
}

/* `door` is its number or a negative errno. */
static void answer(struct worker *worker, int door, const struct node_line *line)
{
    struct wire_message message;
    struct text text;
    wire_init(&message, WIRE_MAY_LISTEN);
    text_init(&text, message.text, sizeof(message.text));
    message.worker = worker->id;
    message.number = (uint32_t)worker->slot->server->number;
    message.seq = line->seq;
    if (door < 0) {
        message.error = door;
        add_with_end(&text, "");
        add_with_end(&text, line->data);
    } else {
        message.door = (uint32_t)door;
        add_sockname(worker, (unsigned)door, line, &text);
        add_with_end(&text, shared_data(worker, (unsigned)door, line));
    }
    message.length = (uint32_t)text.length;
    int failure = engine_process_tell(worker->workers->engine, &message, NULL, 0);
    complain_of_engine("answered", failure);
}

static void tell_door(struct worker *worker, unsigned door, bool listens)
{
    struct wire_message message;
    wire_init(&message, WIRE_WORKER_DOOR);
    message.worker = worker->id;
    message.number = (uint32_t)worker->slot->server->number;
    message.door = door;
    message.doors = listens;
    int failure = engine_process_tell(worker->workers->engine, &message, NULL, 0);
    complain_of_engine("noted", failure);
}

int workers_listen_introduce(struct workers *workers, unsigned door)
{
    const struct listen_door *open = workers->doors.all[door];
    struct wire_message message;
    struct text text;
    wire_init(&message, WIRE_LISTENER);
    text_init(&text, message.text, sizeof(message.text));
    text_add(&text, open->address.text);
    message.number = (uint32_t)open->post.listener;
    message.door = door;
    message.length = (uint32_t)text.length;
    return engine_process_tell(workers->engine, &message, open->post.fds, open->post.count);
}

static void complain(const struct worker *worker, const struct node_line *line, int failure)
{
    static struct log_limit limit;
    unsigned long skipped;
    char name[WORKER_NAME_SIZE];
    bool is_unix = strcmp(line->type, "-1") == 0;
    const char *advice = failure == -EADDRINUSE && !is_unix ? " (`ss -ltnp` shows who has it)" : "";
    if (strncmp(line->type, "udp", 3) == 0) /* that was told */
        return;
    if (!log_limit_pass(&limit, 1, &skipped))
        return;
    worker_name(worker, name);
    if (is_unix)
        log_error("%s asked to listen on %s: %s", name, line->address, strerror(-failure));
    else
        log_error("%s asked to listen on %s%s%lld: %s%s", name, line->address, line->address[0] ? " port " : "port ",
                  (long long)line->port, strerror(-failure), advice);
}

static int open_door(struct worker *worker, const struct node_line *line)
{
    struct workers *workers = worker->workers;
    bool fresh;
    int door = doors_find(&workers->doors, pool_of(worker), line, &fresh);
    if (door < 0) {
        complain(worker, line, door);
        return door;
    }
    if (fresh) {
        log_notice("listening on %s, as %s/%s asks", workers->doors.all[door]->address.text, worker->slot->pool->name,
                   worker->slot->server->name);
        if (workers_listen_introduce(workers, (unsigned)door) != 0)
            log_error("the engine does not listen there");
    }
    return door;
}

static void wants_to_listen(struct worker *worker, const struct node_line *line)
{
    bool bound = worker->slot->pool->bound && !(worker->asked & BIT(0)) && strncmp(line->type, "udp", 3) != 0;
    int door = worker->workers->draining ? -ESHUTDOWN : bound ? 0 : open_door(worker, line);
    if (door >= 0)
        worker->asked |= BIT(door);
    if (door == 0)
        worker->first = *line;
    answer(worker, door, line);
}

/* "listening" says again what was asked, with the port that it got. */
static bool is_answer_to(const struct node_line *asked, const struct node_line *line, unsigned port)
{
    return strcmp(asked->address, line->address) == 0 && strcmp(asked->type, line->type) == 0 &&
           asked->index == line->index && (line->port == asked->port || line->port == (int64_t)port);
}

static bool is_said_of(const struct worker *worker, unsigned door, const struct node_line *line)
{
    const struct listen_door *open = worker->workers->doors.all[door];
    const struct address *bound = bound_address(worker->workers->plan, pool_of(worker));
    if (door == 0)
        return bound && is_answer_to(&worker->first, line, address_port(bound));
    return open && is_answer_to(&open->asked, line, address_port(&open->address));
}

static void listens(struct worker *worker, const struct node_line *line)
{
    for (unsigned door = 0; door < SERVER_DOORS; door++)
        if (worker->asked & ~worker->said & BIT(door) && is_said_of(worker, door, line)) {
            worker->said |= BIT(door);
            tell_door(worker, door, true);
            return;
        }
}

/* Programs also close what they never used: that is how they look for a port that is free. */
static void closes(struct worker *worker, const struct node_line *line)
{
    unsigned door = node_line_door(line);
    if (door >= SERVER_DOORS)
        return;
    worker->asked &= ~BIT(door);
    worker->said &= ~BIT(door);
    tell_door(worker, door, false);
    workers_listen_close_unused(worker->workers);
}

void workers_listen_asked(struct worker *worker, const struct node_line *line)
{
    if (line->word == NODE_LISTEN)
        wants_to_listen(worker, line);
    else if (line->word == NODE_LISTENING)
        listens(worker, line);
    else if (line->word == NODE_CLOSE)
        closes(worker, line);
}

static uint64_t doors_of(const struct slot *slot)
{
    uint64_t doors = slot->next ? slot->next->asked : 0;
    if (!slot->current || slot->current->state == WORKER_STARTING)
        doors |= slot->doors;
    return doors | (slot->current ? slot->current->asked : 0);
}

void workers_listen_close_unused(struct workers *workers)
{
    uint64_t used = 0;
    for (size_t i = 0; i < workers->slot_count; i++)
        used |= doors_of(&workers->slots[i]);
    for (unsigned door = 1; door < SERVER_DOORS; door++) {
        if (used & BIT(door) || !workers->doors.all[door])
            continue;
        struct wire_message message;
        wire_init(&message, WIRE_UNLISTEN);
        message.door = door;
        int failure = engine_process_tell(workers->engine, &message, NULL, 0);
        if (failure && failure != -EPIPE && failure != -ECONNRESET)
            log_error("the engine did not hear of a door that is closed: %s", strerror(-failure));
        log_notice("no worker listens on %s any more", workers->doors.all[door]->address.text);
        doors_close(&workers->doors, door);
    }
}

#include "control/workers.h"

#include "base/log.h"
#include "control/worker_process.h"
#include "control/workers_listen.h"
#include "control/workers_reload.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* A process that dies right after its start is started again ever more slowly; one that lived a second, at once. */
#define RESTART_FIRST (50 * (micros)MILLIS_IN_MICROS)
#define RESTART_MOST (5 * (micros)SECOND_IN_MICROS)
#define LIVED_LONG_ENOUGH ((micros)SECOND_IN_MICROS)

/* One that had begun to speak to an engine that died may wait for an answer that nobody owes it any more. */
#define LOST_PATIENCE (30 * (micros)SECOND_IN_MICROS)
/* ... and surely does if it had asked. */
#define ASKED_PATIENCE (3 * (micros)SECOND_IN_MICROS)

/* ---- slots ---------------------------------------------------------------------------------------------------------- */

static void plan_start(struct slot *slot, micros lived)
{
    struct workers *workers = slot->workers;
    if (workers->stopping)
        return;
    if (lived >= LIVED_LONG_ENOUGH)
        slot->pause = 0;
    micros at = clock_steady() + slot->pause;
    slot->pause = slot->pause ? slot->pause * 2 : RESTART_FIRST;
    if (slot->pause > RESTART_MOST)
        slot->pause = RESTART_MOST;
    if (timer_set(&workers->loop->timers, &slot->restart, at) != 0)
        log_error("out of memory: %s/%s stays empty", slot->pool->name, slot->server->name);
}

static void start_again(struct timer *timer)
{
    struct slot *slot = container_of(timer, struct slot, restart);
    if (worker_start(slot, &slot->current) != 0) {
        slot->current = NULL;
        plan_start(slot, 0);
    }
}

static void add_slots(struct workers *workers, const struct plan_pool *pool)
{
    for (size_t i = 0; i < pool->server_count; i++) {
        if (pool->servers[i].slot == 0)
            continue;
        struct slot *slot = &workers->slots[workers->slot_count++];
        *slot = (struct slot){.pool = pool, .server = &pool->servers[i], .workers = workers};
        timer_init(&slot->restart, start_again);
    }
}

int workers_init(struct workers *workers, const struct plan *plan, struct loop *loop, struct engine_process *engine,
                 struct server_states *states)
{
    *workers = (struct workers){.plan = plan, .loop = loop, .engine = engine, .states = states};
    list_init(&workers->all);
    doors_init(&workers->doors, plan);
    workers->slots = calloc(plan->worker_count + 1, sizeof(*workers->slots));
    workers->bound_data = calloc(plan->pool_count, sizeof(char *));
    if (!workers->slots || !workers->bound_data)
        return -ENOMEM;
    for (size_t i = 0; i < plan->pool_count; i++)
        add_slots(workers, &plan->pools[i]);
    return 0;
}

static struct worker *worker_of_link(struct list *link)
{
    return container_of(link, struct worker, link);
}

void workers_fini(struct workers *workers)
{
    for (size_t i = 0; i < workers->slot_count; i++)
        timer_clear(&workers->loop->timers, &workers->slots[i].restart);
    doors_fini(&workers->doors);
    for (size_t i = 0; workers->bound_data && i < workers->plan->pool_count; i++)
        free(workers->bound_data[i]);
    free(workers->bound_data);
    free(workers->slots);
}

int workers_start(struct workers *workers)
{
    for (size_t i = 0; i < workers->slot_count; i++) {
        int failure = worker_start(&workers->slots[i], &workers->slots[i].current);
        if (failure) {
            workers->slots[i].current = NULL;
            return failure;
        }
    }
    return 0;
}

/* ---- the engine ----------------------------------------------------------------------------------------------------- */

int workers_brief(struct workers *workers)
{
    int failure = 0;
    for (unsigned door = 1; door < SERVER_DOORS && !failure; door++)
        if (workers->doors.all[door])
            failure = workers_listen_introduce(workers, door);
    for (struct list *link = workers->all.next; link != &workers->all && !failure; link = link->next)
        failure = worker_introduce(worker_of_link(link));
    return failure;
}

void workers_engine_died(struct workers *workers)
{
    for (struct list *link = workers->all.next; link != &workers->all; link = link->next) {
        struct worker *worker = worker_of_link(link);
        if (worker->state == WORKER_STARTING && worker->spoken) {
            worker->lost = true;
            worker_set_timer(worker, worker->asked ? ASKED_PATIENCE : LOST_PATIENCE);
        }
    }
}

static struct worker *find(struct workers *workers, uint32_t id)
{
    for (struct list *link = workers->all.next; link != &workers->all; link = link->next)
        if (worker_of_link(link)->id == id)
            return worker_of_link(link);
    return NULL;
}

static void begins_to_serve(struct worker *worker)
{
    char name[WORKER_NAME_SIZE];
    worker->state = WORKER_SERVING;
    worker->served = clock_steady();
    if (worker->slot->next != worker)
        timer_clear(&worker->workers->loop->timers, &worker->timer);
    log_notice("%s takes connections", worker_name(worker, name));
}

static void check_place(const struct worker *worker)
{
    char name[WORKER_NAME_SIZE];
    if (worker->contract == CONTRACT_LIMPET && !worker->slot->pool->bound)
        log_error("%s is ready, but nothing listens for it: say where, with `-l ADDR` or `bind`",
                  worker_name(worker, name));
}

static void listens(struct worker *worker, uint64_t doors)
{
    worker->doors = doors;
    if (worker->contract == CONTRACT_LIMPET || worker->slot->pool->workers->node_message)
        worker->asked |= doors; /* these do not ask */
    if (worker->state == WORKER_STARTING && doors) {
        check_place(worker);
        begins_to_serve(worker);
    }
    if (worker->slot->current == worker && worker->state == WORKER_SERVING)
        worker->slot->doors = worker->asked;
    if (worker->workers->reloading && worker->slot->next == worker && worker->state == WORKER_SERVING)
        workers_reload_listens(worker);
    workers_listen_close_unused(worker->workers);
}

static void silent(struct worker *worker)
{
    char name[WORKER_NAME_SIZE];
    log_error("%s does not answer: it is killed", worker_name(worker, name));
    worker_kill(worker);
}

/* It can be given nothing any more; another one takes its place. */
static void closed(struct worker *worker)
{
    char name[WORKER_NAME_SIZE];
    if (worker->state >= WORKER_LEAVING)
        return;
    log_error("%s has closed its channel: it is ended", worker_name(worker, name));
    worker_end(worker);
}

/* Texts of the engine's, which faces the network. */
static void end_texts(struct node_line *line)
{
    line->address[sizeof(line->address) - 1] = '\0';
    line->type[sizeof(line->type) - 1] = '\0';
    line->key[sizeof(line->key) - 1] = '\0';
    line->data[sizeof(line->data) - 1] = '\0';
}

void workers_hear(struct workers *workers, const struct wire_message *message)
{
    struct worker *worker = find(workers, message->worker);
    if (!worker)
        return; /* it died meanwhile */
    struct node_line line;
    switch ((enum wire_kind)message->kind) {
    case WIRE_SPOKE:
        worker_spoke(worker, message->contract == CONTRACT_LIMPET ? CONTRACT_LIMPET : CONTRACT_NODE);
        break;
    case WIRE_ASKS:
        if (message->length != sizeof(line))
            break;
        memcpy(&line, message->text, sizeof(line));
        end_texts(&line);
        workers_listen_asked(worker, &line);
        break;
    case WIRE_LISTENS:
        listens(worker, message->doors);
        break;
    case WIRE_SILENT:
        silent(worker);
        break;
    case WIRE_ENDED:
        closed(worker);
        break;
    default:
        break;
    }
}

/* ---- death ---------------------------------------------------------------------------------------------------------- */

static const char *what_now(const struct worker *worker)
{
    const struct slot *slot = worker->slot;
    if (worker->workers->stopping || worker == slot->next)
        return "";
    return slot->pause == 0 || clock_steady() - worker->started >= LIVED_LONG_ENOUGH
               ? "; a new one is started"
               : "; a new one is started in a moment";
}

static void tell_if_last(struct workers *workers)
{
    if (workers->stopping && list_is_empty(&workers->all) && workers->gone)
        workers->gone(workers->context);
}

bool workers_reap(struct workers *workers, pid_t pid, int wait_status)
{
    struct worker *worker = NULL;
    for (struct list *link = workers->all.next; link != &workers->all && !worker; link = link->next)
        if (worker_of_link(link)->pid == pid)
            worker = worker_of_link(link);
    if (!worker)
        return false;
    struct slot *slot = worker->slot;
    bool was_current = worker == slot->current;
    bool was_next = worker == slot->next;
    bool was_old = worker == workers->reload_old;
    micros lived = clock_steady() - worker->started;
    worker_bury(worker, wait_status, what_now(worker));
    if (was_next)
        slot->next = NULL;
    if (was_current) {
        /* One that was to take its place does so now. */
        slot->current = slot->next;
        slot->next = NULL;
        was_old = slot->current != NULL;
    }
    if (was_current && !slot->current)
        plan_start(slot, lived);
    workers_reload_died(slot, was_next, was_old);
    workers_listen_close_unused(workers);
    tell_if_last(workers);
    return true;
}

void workers_stop(struct workers *workers, micros patience)
{
    workers->stopping = true;
    workers->reloading = false;
    for (size_t i = 0; i < workers->slot_count; i++)
        timer_clear(&workers->loop->timers, &workers->slots[i].restart);
    for (struct list *link = workers->all.next; link != &workers->all; link = link->next) {
        struct worker *worker = worker_of_link(link);
        if (patience > 0 && workers->engine->channel.fd >= 0)
            worker_leave(worker, patience);
        else if (worker->state == WORKER_ENDING)
            worker_kill(worker);
        else
            worker_end(worker);
    }
    tell_if_last(workers);
}

enum slot_state slot_state(const struct slot *slot)
{
    struct server_figures figures;
    const struct worker *worker = slot->current;
    if (!worker)
        return SLOT_DOWN;
    if (server_is_draining(slot->workers->states, slot->server->number))
        return SLOT_DRAINING;
    if (worker->state == WORKER_STARTING)
        return SLOT_STARTING;
    if (slot->next)
        return SLOT_REPLACING;
    server_figures(slot->workers->states, slot->server->number, &figures);
    return figures.doors == 0 ? SLOT_SILENT : figures.busy ? SLOT_BUSY : SLOT_UP;
}

const char *slot_state_text(enum slot_state state)
{
    static const char *const words[SLOT_STATE_COUNT] = {
#define X(name, text) text,
        SLOT_STATE_TABLE(X)
#undef X
    };
    assert(state < SLOT_STATE_COUNT);
    return words[state];
}

const struct slot *workers_slot(const struct workers *workers, const struct plan_server *server)
{
    if (server->slot == 0)
        return NULL;
    for (size_t i = 0; i < workers->slot_count; i++)
        if (workers->slots[i].server == server)
            return &workers->slots[i];
    return NULL;
}

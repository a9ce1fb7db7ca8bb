#include "control/engine_workers.h"

#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- from a thread to the keeper ------------------------------------------------------------------------------------ */

static const enum wire_kind kinds[] = {[TEAM_SPOKE] = WIRE_SPOKE,
                                       [TEAM_ASKS] = WIRE_ASKS,
                                       [TEAM_LISTENS] = WIRE_LISTENS,
                                       [TEAM_SILENT] = WIRE_SILENT,
                                       [TEAM_ENDED] = WIRE_ENDED};

/* Over the engine's own channel: its messages are whole, whoever sends them. */
static void report(void *context, const struct team_report *report)
{
    struct context *thread = context;
    if (report->news == TEAM_ENDED)
        context_look_quiet(thread);
    if (thread->alone)
        return;
    struct wire_message message;
    wire_init(&message, kinds[report->news]);
    message.worker = report->id;
    message.contract = report->contract;
    message.doors = report->doors;
    if (report->line) {
        message.length = sizeof(*report->line);
        memcpy(message.text, report->line, sizeof(*report->line));
    }
    int failure = wire_send_message(*thread->keeper, &message, NULL, 0);
    if (failure && failure != -EPIPE)
        log_error("the keeper did not hear what a worker said: %s", strerror(-failure));
}
_Static_assert(sizeof(struct node_line) <= WIRE_TEXT_MOST, "what a worker asks fits into a message");

void engine_workers_init(struct thread *thread, int *keeper)
{
    thread->context.keeper = keeper;
    thread->context.team.report = report;
}

/* ---- from the keeper to a thread ------------------------------------------------------------------------------------ */

struct order {
    struct mail mail;
    struct thread *thread;
    const struct plan *plan;
    const struct plan_listener *listener;
    int fds[2];
    struct wire_message message;
};

static void find_server(const struct plan *plan, size_t number, struct channel_config *config)
{
    for (size_t i = 0; i < plan->pool_count; i++)
        for (size_t j = 0; j < plan->pools[i].server_count; j++)
            if (plan->pools[i].servers[j].number == number) {
                config->pool = &plan->pools[i];
                config->server = &plan->pools[i].servers[j];
            }
}

/* Numbers of one engine are not those of the one before: each counts from another start. */
#define NUMBERS_BITS 22

static void add_worker(struct order *order)
{
    const struct wire_message *message = &order->message;
    struct channel_config config = {
        .team = &order->thread->context.team,
        .id = message->worker,
        .process = message->process,
        .contract = (enum contract)message->contract,
        .ours = order->fds[0],
        .theirs = order->fds[1],
        .first_number = message->generation << NUMBERS_BITS,
        .doors = message->doors,
        .adopted = message->adopted,
    };
    find_server(order->plan, message->number, &config);
    team_add(config.team, &config);
}

static void answer_listen(struct team *team, const struct wire_message *message)
{
    const char *sockname = message->text;
    const char *data = sockname + strlen(sockname) + 1;
    bool whole = (size_t)(data - message->text) < message->length;
    const struct node_listen_answer answer = {
        .ack = message->seq, .error = message->error, .sockname = sockname, .data = whole ? data : "null"};
    team_answer_listen(team, message->worker, message->door, &answer);
}

static void open_order(struct mail *mail)
{
    struct order *order = container_of(mail, struct order, mail);
    const struct wire_message *message = &order->message;
    struct team *team = &order->thread->context.team;
    switch ((enum wire_kind)message->kind) {
    case WIRE_WORKER:
        add_worker(order);
        break;
    case WIRE_WORKER_GONE:
        team_remove(team, message->worker);
        break;
    case WIRE_WORKER_LEAVE:
        team_leave(team, message->worker);
        break;
    case WIRE_WORKER_DOOR:
        team_listens(team, message->worker, message->door, message->doors != 0);
        break;
    case WIRE_MAY_LISTEN:
        answer_listen(team, message);
        break;
    case WIRE_UNLISTEN:
        thread_unlisten(order->thread, message->door);
        break;
    case WIRE_LISTENER:
        if (thread_listen(order->thread, order->listener, message->number, message->door, order->fds[0]) != 0)
            log_error("%s: a thread cannot listen there", order->listener->name);
        break;
    default:
        break;
    }
    free(order);
}

static struct order *order_new(struct thread *thread, const struct wire_message *message)
{
    struct order *order = malloc(sizeof(*order));
    if (!order)
        return NULL;
    order->mail.open = open_order;
    order->thread = thread;
    order->fds[0] = order->fds[1] = -1;
    memcpy(&order->message, message, offsetof(struct wire_message, text) + message->length + 1);
    return order;
}

int engine_workers_tell(struct thread *owner, const struct plan *plan, const struct wire_message *message,
                        const int *fds, size_t count)
{
    bool fits = count == (message->kind == WIRE_WORKER ? 2 : 0);
    struct order *order = fits ? order_new(owner, message) : NULL;
    if (!order) {
        for (size_t i = 0; i < count; i++)
            close(fds[i]);
        return fits ? -ENOMEM : -EPROTO;
    }
    order->plan = plan;
    memcpy(order->fds, fds, count * sizeof(*fds));
    mailbox_send(&owner->mailbox, &order->mail);
    return 0;
}

int engine_workers_listen(struct thread *thread, const struct plan_listener *listener, uint32_t number, uint32_t door,
                          int fd)
{
    struct wire_message message;
    wire_init(&message, WIRE_LISTENER);
    message.number = number;
    message.door = door;
    struct order *order = order_new(thread, &message);
    if (!order) {
        close(fd);
        return -ENOMEM;
    }
    order->listener = listener;
    order->fds[0] = fd;
    mailbox_send(&thread->mailbox, &order->mail);
    return 0;
}

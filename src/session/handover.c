#include "session/handover.h"

#include "session/step.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct handover {
    struct delivery delivery;
    struct context *home;          /* of the connection */
    const struct share_thread *to; /* who owns the worker */
    struct connection *connection; /* null: it was abandoned */
    bool beginning;
    bool returned; /* the answer is here, in the connection's thread */
};

static struct handover *handover_of(struct delivery *delivery)
{
    return delivery->sender;
}

/* ---- in the connection's thread ------------------------------------------------------------------------------------- */

static void come_home(struct handover *handover)
{
    handover->returned = true;
    if (handover->connection) {
        if (!handover->beginning)
            connection_walk(handover->connection);
        return;
    }
    struct context *home = handover->home;
    close(handover->delivery.fd);
    free(handover);
    home->abandoned--;
    context_look_quiet(home);
}

static void open_answer(struct mail *mail)
{
    come_home(handover_of(container_of(mail, struct delivery, mail)));
}

/* ---- in the owner's thread ------------------------------------------------------------------------------------------ */

static void answered(struct delivery *delivery)
{
    struct handover *handover = handover_of(delivery);
    if (handover->to->context == handover->home) {
        come_home(handover);
        return;
    }
    delivery->mail.open = open_answer;
    mailbox_send(handover->home->mailbox, &delivery->mail);
}

static void open_delivery(struct mail *mail)
{
    struct delivery *delivery = container_of(mail, struct delivery, mail);
    team_deliver(&handover_of(delivery)->to->context->team, delivery);
}

/* ---- begin and end -------------------------------------------------------------------------------------------------- */

/* The worker's end; ours becomes c->server. */
static int make_pair(struct connection *c)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    stream_init(&c->server, ends[0], true, connection_server_ready);
    return ends[1];
}

/* The client's socket lives on in the worker: an event of it would be none of ours. */
static int let_go(struct connection *c)
{
    if (c->watched)
        loop_forget(&c->context->loop, &c->client.source);
    c->watched = false;
    return c->client.source.fd;
}

static void fill(struct connection *c, struct delivery *delivery)
{
    delivery->client = c->visit.client;
    delivery->peer = c->visit.peer;
    delivery->key = c->pick.key_hash;
    delivery->server = c->visit.server->number;
    delivery->readable = c->readable;
    delivery->door = c->pick.door;
    delivery->tls = c->tls;
}

static void send_off(struct handover *handover)
{
    struct delivery *delivery = &handover->delivery;
    if (handover->to->context == handover->home) {
        team_deliver(&handover->home->team, delivery);
        return;
    }
    delivery->mail.open = open_delivery;
    mailbox_send(handover->to->context->mailbox, &delivery->mail);
}

int handover_begin(struct connection *c)
{
    const struct share *share = c->context->share;
    struct handover *handover = calloc(1, sizeof(*handover));
    if (!handover)
        return -ENOMEM;
    bool pair = c->client.held != NULL;
    handover->delivery = (struct delivery){
        .answered = answered, .sender = handover, .pair = pair, .fd = pair ? make_pair(c) : let_go(c)};
    if (handover->delivery.fd < 0) {
        int failure = handover->delivery.fd;
        free(handover);
        return failure;
    }
    fill(c, &handover->delivery);
    handover->home = c->context;
    handover->to = &share->threads[c->visit.server->number % share->thread_count];
    handover->connection = c;
    c->handover = handover;
    handover->beginning = true;
    send_off(handover);
    handover->beginning = false;
    return 0;
}

enum delivery_answer handover_answer(const struct connection *c)
{
    const struct handover *handover = c->handover;
    return handover->returned ? (enum delivery_answer)handover->delivery.answer : DELIVERY_NONE;
}

void handover_finish(struct connection *c)
{
    struct handover *handover = c->handover;
    bool taken = handover->delivery.answer == DELIVERY_TAKEN;
    bool pair = handover->delivery.pair;
    c->handover = NULL;
    if (pair)
        close(handover->delivery.fd);
    free(handover);
    if (pair && !taken)
        stream_close(&c->server, false);
}

void handover_abandon(struct connection *c)
{
    struct handover *handover = c->handover;
    if (!handover)
        return;
    assert(handover->connection == c);
    if (!handover->delivery.pair)
        c->client.source.fd = -1; /* the handover closes it */
    __atomic_store_n(&handover->delivery.unwanted, true, __ATOMIC_RELAXED);
    handover->connection = NULL;
    c->handover = NULL;
    c->context->abandoned++;
}

void handover_cut(struct connection *c)
{
    /* Closing our copy would end nothing as long as the worker has one. */
    shutdown(c->handover->delivery.fd, SHUT_RDWR);
}

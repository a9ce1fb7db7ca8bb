#include "session/handover.h"

#include "session/context.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct handover {
    struct delivery delivery;
    struct context *home;          /* of who gave it away */
    const struct share_thread *to; /* who owns the worker */
    void (*answered)(void *owner);
    void *owner; /* null: it was abandoned */
    bool beginning;
    bool returned; /* the answer is here, in the owner's thread */
};

static struct handover *handover_of(struct delivery *delivery)
{
    return delivery->sender;
}

/* ---- in the thread of who gave it away --------------------------------------------------------------------------- */

static void come_home(struct handover *handover)
{
    handover->returned = true;
    if (handover->owner) {
        if (!handover->beginning)
            handover->answered(handover->owner);
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

/* ---- in the thread of the worker's owner ------------------------------------------------------------------------- */

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

/* ---- begin and end ----------------------------------------------------------------------------------------------- */

int handover_pair(int *ours)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    *ours = ends[0];
    return ends[1];
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

struct handover *handover_begin(struct context *context, const struct delivery *delivery, void (*tell)(void *owner),
                                void *owner)
{
    const struct share *share = context->share;
    struct handover *handover = calloc(1, sizeof(*handover));
    if (!handover)
        return NULL;
    handover->delivery = *delivery;
    handover->delivery.answered = answered;
    handover->delivery.sender = handover;
    handover->home = context;
    handover->to = &share->threads[delivery->server % share->thread_count];
    handover->answered = tell;
    handover->owner = owner;
    handover->beginning = true;
    send_off(handover);
    handover->beginning = false;
    return handover;
}

enum delivery_answer handover_answer(const struct handover *handover)
{
    return handover->returned ? (enum delivery_answer)handover->delivery.answer : DELIVERY_NONE;
}

int handover_error(enum delivery_answer answer)
{
    switch (answer) {
    case DELIVERY_REFUSED:
        return ECONNREFUSED;
    case DELIVERY_LOST:
        return EMFILE;
    case DELIVERY_SILENT:
        return ETIMEDOUT;
    case DELIVERY_NONE:
    case DELIVERY_TAKEN:
    case DELIVERY_GONE:
        break;
    }
    return EPIPE;
}

void handover_finish(struct handover *handover)
{
    if (handover->delivery.pair)
        close(handover->delivery.fd);
    free(handover);
}

void handover_abandon(struct handover *handover)
{
    if (!handover)
        return;
    if (handover->returned) {
        close(handover->delivery.fd);
        free(handover);
        return;
    }
    __atomic_store_n(&handover->delivery.unwanted, true, __ATOMIC_RELAXED);
    handover->owner = NULL;
    handover->home->abandoned++;
}

void handover_cut(struct handover *handover)
{
    /* Closing our copy would end nothing as long as the worker has one. */
    shutdown(handover->delivery.fd, SHUT_RDWR);
}

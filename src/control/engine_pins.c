#include "control/engine_pins.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct order {
    struct mail mail;
    struct pins_room *room;
    size_t count;
    struct pin_question all[];
};

static void open_order(struct mail *mail)
{
    struct order *order = container_of(mail, struct order, mail);
    for (size_t i = 0; i < order->count; i++)
        pins_unpin(order->room, &order->all[i]);
    free(order);
}

static bool read_order(const struct plan_pool *pool, const struct wire_message *message, struct order *order)
{
    for (size_t i = 0; i < order->count; i++) {
        struct wire_unpin unpin;
        memcpy(&unpin, message->text + i * sizeof(unpin), sizeof(unpin));
        if (unpin.stick >= pool->stick_count)
            return false;
        order->all[i] = (struct pin_question){.pool = pool, .stick = &pool->sticks[unpin.stick], .mark = unpin.mark};
    }
    return true;
}

int engine_pins_unpin(struct thread *thread, const struct wire_message *message)
{
    const struct plan *plan = thread->context.share->plan;
    size_t count = message->length / sizeof(struct wire_unpin);
    if (!thread->context.pins || message->number >= plan->pool_count ||
        message->length != count * sizeof(struct wire_unpin))
        return -EPROTO;
    struct order *order = malloc(sizeof(*order) + count * sizeof(order->all[0]));
    if (!order)
        return -ENOMEM;
    *order = (struct order){.mail.open = open_order, .room = thread->context.pins, .count = count};
    if (!read_order(&plan->pools[message->number], message, order)) {
        free(order);
        return -EPROTO;
    }
    mailbox_send(&thread->mailbox, &order->mail);
    return 0;
}

int engine_pins_unpin_server(struct pins_shared *pins, const struct wire_message *message)
{
    if (!pins->table || message->number >= pins->plan->server_count)
        return -EPROTO;
    pin_table_forget_server(pins->table, pins->ranking->identities[message->number]);
    return 0;
}

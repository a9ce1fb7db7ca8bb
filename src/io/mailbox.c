#include "io/mailbox.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void ready(struct loop_source *source, uint32_t events)
{
    (void)events;
    struct mailbox *mailbox = container_of(source, struct mailbox, source);
    eventfd_t rings;
    if (eventfd_read(source->fd, &rings) < 0)
        return;
    uint32_t notes = __atomic_exchange_n(&mailbox->notes, 0, __ATOMIC_ACQ_REL);
    if (notes)
        mailbox->read(mailbox, notes);
}

int mailbox_init(struct mailbox *mailbox, struct loop *loop, void (*read)(struct mailbox *mailbox, uint32_t notes))
{
    *mailbox = (struct mailbox){.read = read};
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
        return -errno;
    loop_source_init(&mailbox->source, fd, ready);
    int failure = loop_add(loop, &mailbox->source, LOOP_READ);
    if (failure)
        mailbox_fini(mailbox);
    return failure;
}

void mailbox_fini(struct mailbox *mailbox)
{
    if (mailbox->source.fd < 0)
        return;
    loop_ignore(&mailbox->source);
    close(mailbox->source.fd);
    mailbox->source.fd = -1;
}

void mailbox_post(struct mailbox *mailbox, uint32_t notes)
{
    __atomic_fetch_or(&mailbox->notes, notes, __ATOMIC_ACQ_REL);
    /* It fails only when the count is full: then the loop is being woken anyway. */
    (void)!eventfd_write(mailbox->source.fd, 1);
}

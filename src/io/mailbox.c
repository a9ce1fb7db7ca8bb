#include "io/mailbox.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

void mailbox_open(struct mailbox *mailbox)
{
    struct list mails;
    list_init(&mails);
    pthread_mutex_lock(&mailbox->lock);
    list_splice(&mails, &mailbox->mails);
    pthread_mutex_unlock(&mailbox->lock);
    while (!list_is_empty(&mails)) {
        struct mail *mail = container_of(mails.next, struct mail, link);
        list_remove(&mail->link);
        mail->open(mail);
    }
}

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
    mailbox_open(mailbox);
}

int mailbox_init(struct mailbox *mailbox, struct loop *loop, void (*read)(struct mailbox *mailbox, uint32_t notes))
{
    *mailbox = (struct mailbox){.read = read, .lock = PTHREAD_MUTEX_INITIALIZER};
    list_init(&mailbox->mails);
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

void mailbox_send(struct mailbox *mailbox, struct mail *mail)
{
    list_init(&mail->link);
    pthread_mutex_lock(&mailbox->lock);
    list_append(&mailbox->mails, &mail->link);
    pthread_mutex_unlock(&mailbox->lock);
    (void)!eventfd_write(mailbox->source.fd, 1);
}

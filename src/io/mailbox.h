#ifndef LIMPET_IO_MAILBOX_H
#define LIMPET_IO_MAILBOX_H

/* How other threads speak to a loop: by notes that are bits (posting the same note twice before it is read is one note),
 * and by mail, which is opened once and in order. */

#include "base/list.h"
#include "io/loop.h"

#include <pthread.h>
#include <stdint.h>

/* Embedded in what is sent. Whoever opens it owns it. */
struct mail {
    struct list link;
    void (*open)(struct mail *mail);
};

struct mailbox {
    struct loop_source source;
    uint32_t notes; /* atomic */
    pthread_mutex_t lock;
    struct list mails; /* under the lock */
    void (*read)(struct mailbox *mailbox, uint32_t notes);
};

/* `read` is called in the loop's thread. 0 or a negative errno. */
MUST_CHECK int mailbox_init(struct mailbox *mailbox, struct loop *loop,
                            void (*read)(struct mailbox *mailbox, uint32_t notes));
void mailbox_fini(struct mailbox *mailbox);

/* From any thread. */
void mailbox_post(struct mailbox *mailbox, uint32_t notes);

/* From any thread: `mail->open` is called in the loop's thread, after notes that were posted before. Mail that is never
 * opened, because the loop has ended, is not freed. */
void mailbox_send(struct mailbox *mailbox, struct mail *mail);

/* Opens the mail that is there, at once: as long as the loop does not run, this is for whoever is to start it. */
void mailbox_open(struct mailbox *mailbox);

#endif

#ifndef LIMPET_IO_MAILBOX_H
#define LIMPET_IO_MAILBOX_H

/* How other threads speak to a loop: notes that are bits. Posting the same note twice before it is read is one note. */

#include "io/loop.h"

#include <stdint.h>

struct mailbox {
    struct loop_source source;
    uint32_t notes; /* atomic */
    void (*read)(struct mailbox *mailbox, uint32_t notes);
};

/* `read` is called in the loop's thread. 0 or a negative errno. */
MUST_CHECK int mailbox_init(struct mailbox *mailbox, struct loop *loop,
                            void (*read)(struct mailbox *mailbox, uint32_t notes));
void mailbox_fini(struct mailbox *mailbox);

/* From any thread. */
void mailbox_post(struct mailbox *mailbox, uint32_t notes);

#endif

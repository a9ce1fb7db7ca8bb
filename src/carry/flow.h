#ifndef LIMPET_CARRY_FLOW_H
#define LIMPET_CARRY_FLOW_H

/* Bytes on their way in one direction, from one stream to another, as they are. What the receiver cannot take is not read from
 * the sender. A buffer exists only while bytes are in it. A turn's work is bounded, so that one large transfer does not starve
 * the others. Long runs of bytes go through a pipe without being copied (splice(2)). */

#include "base/attr.h"
#include "base/counter.h"
#include "base/span.h"
#include "carry/pipes.h"
#include "io/stream.h"

#include <stdbool.h>
#include <stdint.h>

/* What all flows of a thread share. */
struct carry_kit {
    struct pipes pipes;
    struct counters *counters;
    bool may_splice;        /* true but for measuring */
    bool always_splice;     /* false but for measuring */
    uint8_t scratch[16384]; /* bytes in passing; 16 KiB is what a turn reads at once */
};

/* `pipes`: how many there may be. */
void carry_kit_init(struct carry_kit *kit, struct counters *counters, size_t pipes);
void carry_kit_fini(struct carry_kit *kit);

/* All zeros at first. */
struct flow {
    uint64_t moved;         /* bytes given to the receiver */
    struct flow_rest *rest; /* bytes that the receiver has not taken yet; null: none */
    struct pipe_pair *pipe; /* held while bytes are in it; null: none */
    bool long_run;          /* the sender says much in one go: splice */
    bool ended;             /* the sender's end was seen */
    bool finished;          /* ... and passed on */
    bool unheard; /* the receiver ended in order and takes nothing more: what the sender still says is dropped */
};

/* As much as comes until the end. */
#define FLOW_UNTIL_END UINT64_MAX

/* Drops what is still held. */
void flow_fini(struct flow *flow, struct carry_kit *kit);

/* The sender has ended in order, and all that it said was given to the receiver. */
bool flow_is_whole(const struct flow *flow);

/* Bytes were taken from the sender and not yet given to the receiver. */
bool flow_holds_bytes(const struct flow *flow);

/* Keeps bytes that go before everything else; none may be held already. `ours` of them, the first, do not count as moved.
 * 0 or -ENOMEM. */
MUST_CHECK int flow_put(struct flow *flow, struct span bytes, size_t ours);

enum flow_answer {
    FLOW_WAIT,       /* for one of the streams */
    FLOW_AGAIN,      /* there is more to do, but others come first: call again next turn */
    FLOW_DONE,       /* all of `left` was given to the receiver; or the sender has ended, and all was given */
    FLOW_FROM_BROKE, /* reading failed: the sender reset */
    FLOW_TO_BROKE,   /* writing failed: the receiver reset */
    FLOW_TO_LEFT,    /* writing failed: the receiver had ended in order, and reset what came after */
    FLOW_NO_MEMORY,
};

/* Moves what can be moved in a turn. *left is how many bytes are still to be taken from the sender, and goes down. */
MUST_CHECK enum flow_answer flow_run(struct flow *flow, struct carry_kit *kit, struct stream *from, struct stream *to,
                                     uint64_t *left);

/* The receiver takes nothing more: drops what is held, and from now on what comes. */
void flow_go_unheard(struct flow *flow, struct carry_kit *kit);

/* ---- for those that write what they have read otherwise ---------------------------------------------------------------- */

/* Sends what is held. FLOW_AGAIN when nothing is, FLOW_WAIT while the receiver is full, or what broke. */
MUST_CHECK enum flow_answer flow_send_rest(struct flow *flow, struct stream *to);

/* Puts pieces behind what is held. FLOW_WAIT or FLOW_NO_MEMORY. */
MUST_CHECK enum flow_answer flow_append(struct flow *flow, const struct span *pieces, size_t count);

/* Gives pieces to the receiver, and keeps what it does not take; `ours` of the first bytes do not count as moved. Nothing may
 * be held. FLOW_AGAIN when all was taken. */
MUST_CHECK enum flow_answer flow_send(struct flow *flow, struct stream *to, const struct span *pieces, size_t count,
                                      size_t ours);

#endif

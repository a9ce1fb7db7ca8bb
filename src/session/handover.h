#ifndef LIMPET_SESSION_HANDOVER_H
#define LIMPET_SESSION_HANDOVER_H

/* A socket in the hands of a worker's owner, which may be another thread: it travels there by mail and comes back with an
 * answer. Until then the descriptor belongs to the handover, so that who gave it away and ends meanwhile cannot close it under
 * the other thread's hands. */

#include "base/attr.h"
#include "worker/delivery.h"

struct context;
struct handover;

/* Sends it off. Of `delivery` everything is taken over that is about the client and his socket. `answered` is called once in
 * this thread, but not before this function has returned: who begins looks himself for an answer that was there at once.
 * Null without memory; then the descriptor is the caller's. */
MUST_CHECK struct handover *handover_begin(struct context *context, const struct delivery *delivery,
                                           void (*answered)(void *owner), void *owner);

/* DELIVERY_NONE as long as there is none. */
enum delivery_answer handover_answer(const struct handover *handover);

/* What the log says of a worker that did not take it, as an errno. */
int handover_error(enum delivery_answer answer);

/* It was answered: the socket is ours again, unless the worker has it; one end of a socketpair is closed either way. */
void handover_finish(struct handover *handover);

/* The answer is not waited for any more, and the descriptor is closed when it comes; null is fine. */
void handover_abandon(struct handover *handover);

/* Before that: nobody is to serve this client any more, who learns of it now. A worker that has read the connection and not
 * answered finds it ended. */
void handover_cut(struct handover *handover);

/* Makes a socketpair for a worker: returns the worker's end, ours is in *ours; or a negative errno. */
MUST_CHECK int handover_pair(int *ours);

#endif

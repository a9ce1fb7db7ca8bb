#ifndef LIMPET_SESSION_HANDOVER_H
#define LIMPET_SESSION_HANDOVER_H

/* A connection in the hands of a worker's owner, which may be another thread: it travels there by mail and comes back with an
 * answer. Until then the descriptor belongs to the handover, so that a connection that ends meanwhile cannot close it under
 * the other thread's hands. */

#include "base/attr.h"
#include "worker/delivery.h"

struct connection;

/* Gives the client's socket away; or, if bytes of it are held here, one end of a socketpair whose other end becomes
 * c->server. 0 or a negative errno. The answer may be there already. */
MUST_CHECK int handover_begin(struct connection *c);

/* DELIVERY_NONE as long as there is none. */
enum delivery_answer handover_answer(const struct connection *c);

/* It was answered: the client's socket is ours again, unless the worker has it; so is the socketpair, which goes. */
void handover_finish(struct connection *c);

/* The answer is not waited for any more; nothing if none is. */
void handover_abandon(struct connection *c);

/* Before that: nobody is to serve this client any more, who learns of it now. A worker that has read the connection and not
 * answered finds it ended. */
void handover_cut(struct connection *c);

#endif

#ifndef LIMPET_CARRY_RELAY_H
#define LIMPET_CARRY_RELAY_H

/* Raw bytes both ways between a client and a server. Each direction goes on its own: an end (FIN) is passed on only when
 * all bytes before it were, and the other direction continues until it ends too, even if a side that has ended leaves
 * before it has heard all. What one side cannot take is not read from the other. A buffer exists only while bytes are in
 * it. A turn's work is bounded, so that one large transfer does not starve the others. Long runs of bytes go through a
 * pipe without being copied (splice(2)).
 *
 * The relay owns neither stream nor timer; its owner calls relay_run() when one of the streams has become ready. */

#include "base/attr.h"
#include "base/reason.h"
#include "carry/flow.h"

#include <stdbool.h>
#include <stdint.h>

struct relay {
    struct flow in;  /* client to server */
    struct flow out; /* server to client */
};

void relay_init(struct relay *relay);

/* Drops what is still held. */
void relay_fini(struct relay *relay, struct carry_kit *kit);

/* Puts bytes in front of everything that the client sends: a PROXY header, a prefix. Before the first relay_run().
 * 0 or -ENOMEM. They do not count as moved. */
MUST_CHECK int relay_put_first(struct relay *relay, const void *bytes, size_t length);

enum relay_answer {
    RELAY_WAIT,     /* for one of the streams */
    RELAY_AGAIN,    /* there is more to do, but others come first: call again next turn */
    RELAY_FINISHED, /* both directions ended; or *reason says what broke */
};

/* Moves what can be moved. `moved` is set if any byte was. On RELAY_FINISHED *reason is REASON_DONE, REASON_CLIENT_RESET,
 * REASON_SERVER_RESET or REASON_NO_MEMORY. */
struct relay_result {
    enum relay_answer answer;
    enum reason reason;
    bool moved;
};
MUST_CHECK struct relay_result relay_run(struct relay *relay, struct carry_kit *kit, struct stream *client,
                                         struct stream *server);

/* Bytes on their way to a side that takes no more at present: while this shrinks, somebody reads, only slowly. */
size_t relay_unsent(const struct stream *client, const struct stream *server);

#endif

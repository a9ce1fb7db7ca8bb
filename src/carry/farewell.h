#ifndef LIMPET_CARRY_FAREWELL_H
#define LIMPET_CARRY_FAREWELL_H

/* Last words to a client: perhaps a short answer, then an orderly end. Closing a socket with unread bytes would reset
 * the connection, and the client might lose the answer; so its direction is read and dropped until it ends, for a moment
 * (RFC 9112 section 9.6). */

#include "base/clock.h"
#include "io/stream.h"

#include <stdbool.h>
#include <stddef.h>

/* How long a client may take to hear us out. */
#define FAREWELL_PATIENCE (2 * (micros)SECOND_IN_MICROS)

/* Bytes read and dropped at most; a client that goes on regardless is reset, once it has all that was said to it. */
#define FAREWELL_DROP_MOST ((size_t)64 * 1024)

struct farewell {
    size_t dropped;
};

/* Sends the words (they fit into any send buffer; what does not is lost) and ends our direction. */
void farewell_start(struct farewell *farewell, struct stream *client, const char *words);

/* Reads and drops. True when the client has ended, or has used up its share. */
bool farewell_is_over(struct farewell *farewell, struct stream *client);

#endif

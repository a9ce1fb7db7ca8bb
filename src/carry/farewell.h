#ifndef LIMPET_CARRY_FAREWELL_H
#define LIMPET_CARRY_FAREWELL_H

/* Last words to one side: perhaps a short answer, then an orderly end. Closing a socket with unread bytes would reset the
 * connection, and what was said before might be lost; so what the hearer still says is read and dropped until it ends,
 * for a moment, or for as long as it goes on taking what was said (RFC 9112 section 9.6). */

#include "base/attr.h"
#include "base/clock.h"
#include "io/stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How long a hearer may take to hear us out, unless farewell_is_heard_on(). */
#define FAREWELL_PATIENCE (2 * (micros)SECOND_IN_MICROS)

/* Bytes read and dropped at most for a hearer that has taken all that was said; who goes on regardless is reset. */
#define FAREWELL_DROP_MOST ((size_t)64 * 1024)

struct farewell {
    uint32_t dropped;
    uint32_t unsent; /* what the hearer had not taken when its patience was over the last time */
};

/* Sends the words (they fit into any send buffer; what does not is lost) and ends our direction. */
void farewell_start(struct farewell *farewell, struct stream *hearer, const char *words);

enum farewell_answer {
    FAREWELL_WAIT,  /* for the hearer, or for the end of patience */
    FAREWELL_AGAIN, /* there is more to drop, but others come first */
    FAREWELL_OVER,  /* the hearer has ended, or has heard all and used up its share */
};

/* Reads and drops. */
MUST_CHECK enum farewell_answer farewell_run(struct farewell *farewell, struct stream *hearer);

/* The patience is over: true if the hearer has taken something since it was the last time, but not all: wait as long again. */
MUST_CHECK bool farewell_is_heard_on(struct farewell *farewell, const struct stream *hearer);

#endif

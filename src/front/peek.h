#ifndef LIMPET_FRONT_PEEK_H
#define LIMPET_FRONT_PEEK_H

/* Looking at the first bytes until it is decided where the connection belongs. Nothing is taken from the stream but a
 * PROXY header and a wrapped prefix. The thinking is done by route/facts and route/decide; this room does the waiting.
 *
 * A client may send one byte per segment. Looking at everything again for each of 16 Ki bytes would copy 128 MB, so after
 * the first few looks the socket is told to wake us only when a quarter more has come, and a short timer looks earlier if
 * the client pauses. All copying together then stays below about eight times the head. */

#include "base/attr.h"
#include "io/stream.h"
#include "proto/parse.h"
#include "route/decide.h"
#include "route/facts.h"

struct peek {
    struct facts facts;
    uint64_t serial;    /* spreads peers that have no address */
    micros first_bytes; /* deadlines, steady clock */
    micros proxy_header;
    micros look_again; /* when the short timer wants a look; TIMER_NEVER */
    micros patience;   /* its present length */
    unsigned looks;
    size_t seen; /* bytes at the last look */
};

void peek_init(struct peek *peek, const struct plan *plan, const struct plan_listener *listener,
               const struct endpoint *peer);
void peek_fini(struct peek *peek);

/* Starts the deadlines. Not needed as long as peek_at_once() decides. */
void peek_start_waiting(struct peek *peek, const struct plan_timeouts *timeouts, micros now);

enum peek_answer {
    PEEK_DECIDED, /* *decision holds; its key may lie in `scratch`: use it before the next look */
    PEEK_WAIT,    /* for the stream, or until peek_deadline() */
    PEEK_GONE,    /* the client has reset the connection */
};

/* Tries to decide without any byte. PEEK_DECIDED or PEEK_WAIT. */
MUST_CHECK enum peek_answer peek_at_once(struct peek *peek, struct decision *decision);

/* Looks at the stream, which is readable or whose deadline has come. `scratch` has room for PEEK_LIMIT bytes. */
MUST_CHECK enum peek_answer peek_look(struct peek *peek, struct decision *decision, struct stream *stream,
                                      uint8_t *scratch, micros now);

/* When to look next even if nothing comes. */
micros peek_deadline(const struct peek *peek);

#endif

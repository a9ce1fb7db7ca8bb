#ifndef LIMPET_SESSION_SEARCH_H
#define LIMPET_SESSION_SEARCH_H

/* The search of a visit for its server: what every try says to the state of that server, to the counters, to the error log and
 * to the visit's own line. A connection searches once, a request in http mode as often as it is sent. */

#include "route/pick.h"
#include "session/context.h"
#include "session/visit.h"

struct search {
    struct context *context;
    struct visit *visit;
    struct pick *pick;
};

/* The next server to try becomes the visit's, and why it is this one; false if none is left (search_in_vain()). Each true is
 * followed by one of the four below. */
MUST_CHECK bool search_next(const struct search *search);

/* The same for a server that knows the client (an index in the pool), if it may be tried: one that drains may, as it drains for
 * the sake of those whom it does not know. `choice` is who told of it. */
MUST_CHECK bool search_known(const struct search *search, uint32_t index, enum visit_choice choice);

/* It is there. */
void search_found(const struct search *search);

/* It could not be reached. `error`: positive errno. */
void search_refused(const struct search *search, int error);

/* This machine could not even try. */
void search_hindered(const struct search *search, int error);

/* The visit ended before the outcome was known. */
void search_untried(const struct search *search);

/* A worker did not take it. */
enum search_worker { SEARCH_WORKER_DECLINED, SEARCH_WORKER_FULL };
void search_declined(const struct search *search, enum search_worker how, int error);

/* None is left: the visit goes nowhere. */
void search_in_vain(const struct search *search);

#endif

#ifndef LIMPET_ROUTE_SERVER_H
#define LIMPET_ROUTE_SERVER_H

/* The state of every server, shared by all threads (atomics). A server whose connect failed rests; each failure in a row
 * doubles the rest, from 250 ms to 10 s. When its rest is over, one visit at a time tries it; success makes it up at once. */

#include "base/attr.h"
#include "base/clock.h"
#include "plan/plan.h"

#include <stdbool.h>
#include <stdint.h>

#define SERVER_REST_FIRST (250 * (micros)MILLIS_IN_MICROS)
#define SERVER_REST_MOST (10 * (micros)SECOND_IN_MICROS)

enum server_condition {
    SERVER_UP,
    SERVER_RESTING, /* failed; not tried until its rest is over */
    SERVER_ON_TRIAL /* its rest is over and one visit is trying it */
};

struct server_states;
MUST_CHECK struct server_states *server_states_new(size_t count);
void server_states_free(struct server_states *states);

enum server_condition server_condition(const struct server_states *states, size_t number, micros now);

/* Asks to try a server now. True for a server that is up, and for one visit at a time when its rest is over. `anyway`
 * asks for a resting one before its time (last resort). Each true must be followed by exactly one of the three below. */
MUST_CHECK bool server_try(struct server_states *states, size_t number, micros now, bool anyway);
void server_succeeded(struct server_states *states, size_t number);
void server_failed(struct server_states *states, size_t number, micros now);
void server_untried(struct server_states *states, size_t number); /* the visit ended before the outcome was known */

#endif

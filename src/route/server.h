#ifndef LIMPET_ROUTE_SERVER_H
#define LIMPET_ROUTE_SERVER_H

/* The state of every server, shared by all threads (atomics). A server whose connect failed rests; each failure in a
 * row doubles the rest, from 250 ms to 10 s. When its rest is over, one visit at a time tries it; success makes it
 * up at once.
 *
 * When a server dies, many connects to it may be in flight. Their failures tell one thing, so one failure is counted
 * per rest: those that arrive while the server rests already change nothing. */

#include "base/attr.h"
#include "base/clock.h"
#include "plan/plan.h"

#include <stdbool.h>
#include <stdint.h>

#define SERVER_REST_FIRST (250 * (micros)MILLIS_IN_MICROS)
#define SERVER_REST_MOST (10 * (micros)SECOND_IN_MICROS)

enum server_condition {
    SERVER_UP,
    SERVER_RESTING, /* failed, and nobody is trying it */
    SERVER_ON_TRIAL /* failed, and one visit is trying it again */
};

struct server_states;
MUST_CHECK struct server_states *server_states_new(size_t count);
void server_states_free(struct server_states *states);

enum server_condition server_condition(const struct server_states *states, size_t number, micros now);

/* What server_try() would answer, without asking for it; another thread may be quicker. */
bool server_may_try(const struct server_states *states, size_t number, micros now, bool anyway);

/* Asks to try a server now. True for a server that is up, and for one visit at a time when its rest is over.
 * `anyway` asks for a resting one before its time (last resort), also for one visit at a time: a server that
 * swallows connects gathers no queue, and one that refuses them is free again at once. Each true must be followed by
 * exactly one of the three below. */
MUST_CHECK bool server_try(struct server_states *states, size_t number, micros now, bool anyway);
bool server_succeeded(struct server_states *states, size_t number);          /* true: it is back */
bool server_failed(struct server_states *states, size_t number, micros now); /* true: it was up until now */
void server_untried(struct server_states *states, size_t number); /* the visit ended before the outcome was known */

#endif

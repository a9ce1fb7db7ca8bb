#ifndef LIMPET_ROUTE_SERVER_H
#define LIMPET_ROUTE_SERVER_H

/* The state of every server, shared by all threads (atomics), and by the keeper with every engine after another: it lies in
 * memory that they have in common, so that it outlives an engine. A server whose connect failed rests; each failure in a
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

/* A server that is a worker takes connections only from certain doors: door 0 stands for what the configuration binds, the
 * others for what the workers' own listen() calls opened. One with an address takes them from all. */
#define SERVER_DOORS 64
#define SERVER_DOORS_ALL UINT64_MAX

/* Where they are, and how many. It belongs to one process alone: an engine that was broken into may write what it likes into
 * the memory that it shares with the keeper, and so nothing that stands there is an index, a size or a place. */
struct server_states {
    struct server_state *all;
    size_t count;
};
MUST_CHECK struct server_states *server_states_new(size_t count);
void server_states_free(struct server_states *states);

/* The same in memory of the caller's, which is all zeros at first and has this many bytes. */
size_t server_states_size(size_t count);
struct server_states server_states_at(void *memory, size_t count);

/* What only the engine knew that has died: nobody is at the doors, nobody is on trial, nothing is under way. */
void server_states_reset(struct server_states *states);

/* Bits of the doors from which a server takes connections now; all at first. */
void server_set_doors(struct server_states *states, size_t number, uint64_t doors);
/* A worker that lets us wait. Its clients wait with us, because it is the one that knows them. */
void server_set_busy(struct server_states *states, size_t number, bool busy);
/* A draining server gets no newcomers. */
void server_set_draining(struct server_states *states, size_t number, bool draining);
bool server_is_draining(const struct server_states *states, size_t number);
/* Pins to it that are not younger than this are void; seconds of the wall clock, 0 at first. */
void server_set_unpinned(struct server_states *states, size_t number, uint32_t seconds);
uint32_t server_unpinned(const struct server_states *states, size_t number);
/* A worker's slot has a process that takes connections since then; seconds of the wall clock, 0 at first. What an earlier
 * process did in the same second counts as before. */
void server_set_began(struct server_states *states, size_t number, uint32_t seconds);
uint32_t server_began(const struct server_states *states, size_t number);
/* It neither failed, nor is it a worker that takes nobody; it may drain. */
bool server_is_there(const struct server_states *states, size_t number);
/* Counts the processes of a worker's slot: connections to one that was told to finish are not used any more. */
uint32_t server_generation(const struct server_states *states, size_t number);
void server_next_generation(struct server_states *states, size_t number);

/* Counts for the operator; never for a decision. */
struct server_figures {
    uint64_t handed_over;  /* connections that a worker took */
    uint64_t refused;      /* ... and that it did not */
    uint64_t answer_last;  /* micros that it let us wait for its answer */
    uint64_t answer_mean;  /* of lately */
    uint64_t answer_worst; /* ever */
    uint32_t live;         /* relays under way; of a worker, what it told itself */
    bool live_told;        /* ... if it did */
    uint32_t requests;     /* requests in http mode, and connections that were upgraded from them */
    uint32_t queued;       /* connections that wait until it has answered others */
    uint32_t in_flight;    /* ... and that it has not answered */
    bool busy;
    uint64_t doors;
};
void server_figures(const struct server_states *states, size_t number, struct server_figures *figures);
void server_set_live(struct server_states *states, size_t number, uint32_t count);
void server_count_live(struct server_states *states, size_t number, int change);
void server_count_requests(struct server_states *states, size_t number, int change);
void server_count_answer(struct server_states *states, size_t number, bool taken, micros waited);
void server_count_waiting(struct server_states *states, size_t number, uint32_t queued, uint32_t in_flight);

enum server_condition server_condition(const struct server_states *states, size_t number, micros now);

/* What server_try() would answer, without asking for it; another thread may be quicker. */
bool server_may_try(const struct server_states *states, size_t number, unsigned door, micros now, bool anyway);

/* Asks to try a server now. True for a server that is up, and for one visit at a time when its rest is over.
 * `anyway` asks for a resting one before its time (last resort), also for one visit at a time: a server that
 * swallows connects gathers no queue, and one that refuses them is free again at once. One that drains, or that takes
 * nobody from this door, is never tried. Each true must be followed by exactly one of the three below. */
MUST_CHECK bool server_try(struct server_states *states, size_t number, unsigned door, micros now, bool anyway);
/* The same for a visit of a client whom the server knows: it may drain, but not rest. */
MUST_CHECK bool server_try_known(struct server_states *states, size_t number, unsigned door, micros now);
bool server_succeeded(struct server_states *states, size_t number);             /* true: it is back */
bool server_failed(struct server_states *states, size_t number, micros now);    /* true: it was up until now */
uint32_t server_last_failed(const struct server_states *states, size_t number); /* seconds of `now`; 0: never */
void server_untried(struct server_states *states, size_t number); /* the visit ended before the outcome was known */

#endif

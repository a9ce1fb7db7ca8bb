#ifndef LIMPET_SESSION_STEP_H
#define LIMPET_SESSION_STEP_H

/* What the steps of a connection know of it and of each other. Only the files that are steps, and session/connection,
 * which drives them, include this.
 *
 * A step is called whenever something happened that it may wait for: a stream became ready, the deadline came, or the step
 * before it answered with it. It answers with the step that is next, STEP_WAIT, or STEP_OVER. */

#include "carry/farewell.h"
#include "carry/relay.h"
#include "front/peek.h"
#include "route/pick.h"
#include "session/context.h"
#include "session/greeting.h"
#include "session/homing.h"
#include "session/visit.h"

#include <stdbool.h>
#include <stdint.h>

enum step {
    STEP_GUARD,    /* refuse floods before reading a byte */
    STEP_PEEK,     /* look at the first bytes until it is decided who the client is */
    STEP_STICK,    /* wait for who may know where the client was before */
    STEP_PICK,     /* choose a server */
    STEP_TRY,      /* begin to connect to it */
    STEP_CONNECT,  /* wait for it */
    STEP_HAND,     /* hand it to a worker, and wait until he has taken it */
    STEP_PARK,     /* wait for any worker */
    STEP_CARRY,    /* bring the bytes there until both sides are done */
    STEP_FAREWELL, /* say a last word to who is left, and part in order */
    STEP_COUNT,
    STEP_WAIT, /* for a stream or the deadline */
    STEP_OVER, /* the visit has ended, and the connection goes */
};

/* An idle relay is all of this and nothing else: its size is what an idle pair costs. */
struct connection {
    struct member member;
    struct context *context;
    struct stream client;
    struct stream server;
    struct timer timer; /* the present step's deadline */
    union {
        micros connect_by; /* when the present attempt to reach a server has failed */
        micros last_move;  /* of a byte, while carrying */
    };
    micros worker_by;  /* when no worker is waited for any more */
    uint32_t unsent;   /* what a blocked side had not taken at the last look; UINT32_MAX: not looked at since then */
    uint32_t readable; /* bytes that were seen at its front */
    uint16_t listener;
    uint8_t step;
    uint8_t retries;
    bool tls : 1;          /* the client speaks TLS, which somebody in front of us has taken off */
    bool watched : 1;      /* events of the client are told: many are handed over before they have to be */
    bool counted : 1;      /* among the connections of its client */
    bool taken_over : 1;   /* its client goes on in http mode */
    bool tunnel : 1;       /* it was upgraded from HTTP */
    bool carrying : 1;     /* it has its server, and is decided */
    bool server_hears : 1; /* the farewell is for the server */
    bool sample : 1;       /* its first bytes are to be looked at for a forwarding field */
    struct pick pick;
    struct peek *peek;         /* only while peeking and waiting */
    struct greeting *greeting; /* what the server is told first; null: nothing */
    struct handover *handover; /* only while a worker is asked */
    struct homing *homing;     /* until it has its server; null: nothing is remembered */
    struct waiter waiter;      /* for any worker */
    struct relay relay;
    struct farewell farewell;
    struct visit visit;
};

_Static_assert(sizeof(struct connection) <= 512 - 2 * sizeof(void *), "an idle pair costs half a kilobyte at most");

enum step step_guard(struct connection *c);
enum step step_peek(struct connection *c);
enum step step_stick(struct connection *c);
enum step step_pick(struct connection *c);
enum step step_try(struct connection *c);
enum step step_connect(struct connection *c);
enum step step_hand(struct connection *c);
enum step step_park(struct connection *c);
enum step step_carry(struct connection *c);
enum step step_farewell(struct connection *c);

/* The visit's single end: sets its reason, writes its line. STEP_OVER. */
enum step connection_end(struct connection *c, enum reason reason);

/* Ends the visit, but lets one of the two streams hear it. STEP_FAREWELL or STEP_OVER. */
enum step connection_part(struct connection *c, struct stream *hearer, enum reason reason, const char *words);

/* Goes on with what it is doing; it may be gone afterwards. */
void connection_walk(struct connection *c);

/* No server is to be had now, but a worker may come: STEP_PARK, or the end when there is no memory. */
enum step connection_park(struct connection *c);

/* From now on the client's events are told. 0 or a negative errno; once is enough. */
MUST_CHECK int connection_watch(struct connection *c);

/* The server is connected: begins to carry. */
enum step connection_carry(struct connection *c);

/* Index of the visit's server in its pool. */
static inline uint32_t connection_server_index(const struct connection *c)
{
    return (uint32_t)(c->visit.server - c->visit.pool->servers);
}

/* (Re)sets the deadline. STEP_WAIT, or the end when there is no memory for it. */
enum step connection_wait(struct connection *c, micros deadline);

/* The deadline of this step has come (its timer fired and is not set any more), or there is none. */
static inline bool connection_is_late(const struct connection *c)
{
    return c->timer.deadline == TIMER_NEVER;
}

static inline micros connection_now(const struct connection *c)
{
    return c->context->loop.now;
}

static inline const struct plan *connection_plan(const struct connection *c)
{
    return c->context->share->plan;
}

/* For stream_init() of the server. */
void connection_server_ready(struct loop_source *source, uint32_t events);

/* No worker's answer is waited for any more; harmless when none is. */
void connection_abandon_handover(struct connection *c);

/* Was the client here before? STEP_PICK, STEP_STICK or the end when there is no memory. */
enum step connection_remember(struct connection *c, const struct decision *decision);

/* Frees what remembering needed; harmless when there is nothing. */
void connection_drop_homing(struct connection *c);

/* The visit is with its server now. */
void connection_arrived(struct connection *c);

/* Frees what peeking needed; harmless when there is nothing. */
void connection_drop_peek(struct connection *c);

#endif

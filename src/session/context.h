#ifndef LIMPET_SESSION_CONTEXT_H
#define LIMPET_SESSION_CONTEXT_H

/* The context of a thread: all that its connections use and share with each other, and with nobody else. */

#include "base/counter.h"
#include "base/list.h"
#include "base/reason.h"
#include "carry/relay.h"
#include "front/crowd.h"
#include "front/peek.h"
#include "io/loop.h"
#include "io/mailbox.h"
#include "pins/pins.h"
#include "session/share.h"
#include "worker/team.h"

#include <stdbool.h>

struct http_room;
struct member;

/* What may happen to any of them. */
struct member_kind {
    void (*stop)(struct member *member, enum reason reason); /* it ends now */
    void (*drain)(struct member *member);                    /* nobody new comes any more; null: nothing to it */
};

/* Embedded in what a client is here: a connection, or a client in http mode. */
struct member {
    struct loop_grave grave; /* while it lives its link is in context->members */
    const struct member_kind *kind;
};

/* Somebody who waits for any worker. */
struct waiter {
    struct list link; /* in context->waiters */
    void (*wake)(struct waiter *waiter);
};

struct context {
    struct loop loop;
    const struct share *share;
    struct list members; /* all there are, for the day they must end at once */
    size_t member_count;
    size_t undecided;    /* of them: those that have no server yet */
    size_t abandoned;    /* handovers whose connection is gone, and that are not answered yet */
    struct list waiters; /* for any worker */
    struct team team;    /* the workers that this thread owns */
    struct mailbox *mailbox;
    int *keeper;                            /* the engine's channel to it */
    bool draining;                          /* nobody new comes */
    bool alone;                             /* the keeper is gone */
    void (*quiet)(struct context *context); /* while draining: fewer are undecided, or there */
    uint64_t serial;                        /* of the last connection; differs between threads */
    struct crowd *crowds;                   /* one for each listener */
    struct counters *counters;              /* one of share->counters; nobody else writes it */
    struct carry_kit kit;
    struct pins_room *pins;   /* null: no pool remembers anything in a table */
    struct http_room *http;   /* what its clients in http mode share; null: there are none */
    struct peek first_look;   /* most connections are decided without waiting and never need one of their own */
    struct decision decision; /* the latest */
    struct clock_date date;   /* for answers of our own */
    uint8_t scratch[PEEK_LIMIT];
    char *log; /* lines of this turn; they go out together */
    size_t log_length;
};

/* `number` of the thread, from 0. 0 or a negative errno. */
MUST_CHECK int context_init(struct context *context, const struct share *share, unsigned number);
void context_fini(struct context *context);

/* A client comes, has found its server for good, and goes. */
void context_enter(struct context *context, struct member *member, const struct member_kind *kind);
void context_decided(struct context *context);
void context_leave(struct context *context, struct member *member, bool decided);

/* Ends them all. */
void context_stop_members(struct context *context, enum reason reason);

/* A worker has come: all that wait for one try again. */
void context_wake(struct context *context);

/* From now on `quiet` is told of every connection that is decided or goes. */
void context_drain(struct context *context);
void context_look_quiet(struct context *context);

/* Lines wait for the end of the turn, when they are flushed. */
void context_log(struct context *context, const char *line, size_t length);
void context_flush_log(struct context *context);

#endif

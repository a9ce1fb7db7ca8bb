#ifndef LIMPET_SESSION_EXCHANGE_H
#define LIMPET_SESSION_EXCHANGE_H

/* What the steps of a request know of it and of each other. Only the files session/http_* include this.
 *
 *     head → stick → pick → (connect | hand) → carry ─┐
 *      ↑               ↑________|_______|_______|     │      the next-ranked, or once more
 *      └──────────────────── next ←───────────────────┤
 *                             own answer → farewell ←─┘
 *
 * A client is idle most of the time, and then costs no more than struct http_client; an exchange is there from the first byte
 * of a request to the last of its answer. A step is called whenever something happened that it may wait for; it answers with
 * the step that is next, HTTP_WAIT or HTTP_OVER. */

#include "carry/chunks.h"
#include "carry/farewell.h"
#include "carry/flow.h"
#include "carry/links.h"
#include "proto/message.h"
#include "route/facts.h"
#include "route/refusal.h"
#include "session/context.h"
#include "session/homing.h"
#include "session/search.h"
#include "session/visit.h"

#include <stdbool.h>
#include <stdint.h>

enum http_step {
    HTTP_HEAD,     /* wait for a request, and read its head */
    HTTP_STICK,    /* wait for who may know where the client was before */
    HTTP_PICK,     /* choose a server */
    HTTP_TRY,      /* begin to connect to it */
    HTTP_CONNECT,  /* wait for it */
    HTTP_HAND,     /* hand a worker the other end of a connection, and wait until he has taken it */
    HTTP_PARK,     /* wait for any worker */
    HTTP_CARRY,    /* bring the request there, and the answer back */
    HTTP_OWN,      /* bring an answer of our own */
    HTTP_NEXT,     /* the exchange is over: the next request, or farewell */
    HTTP_FAREWELL, /* part in order */
    HTTP_STEP_COUNT,
    HTTP_WAIT, /* for a stream or the deadline */
    HTTP_OVER, /* the client goes */
};

/* Idle, all that a client costs besides its timer's place. */
struct http_client {
    struct member member;
    struct context *context;
    struct stream stream;
    struct timer timer;
    micros since; /* it is waited for something of it */
    struct facts_origin origin;
    const struct plan_listener *listener;
    struct exchange *exchange; /* null: between two requests */
    struct farewell farewell;
    uint16_t number; /* of the listener */
    uint8_t door;
    uint8_t step;
    bool counted; /* among the connections of its client, who speaks for himself */
    bool walking; /* a step is being called: whatever wakes it meanwhile is looked at there */
};

_Static_assert(sizeof(struct http_client) <= 512, "an idle client costs half a kilobyte at most");

/* How a body goes on. */
struct http_body {
    struct flow flow;
    uint64_t left; /* of one with a length */
    struct chunks chunks;
    uint8_t kind; /* enum body_kind */
    bool done;
};

/* The head of a request as it goes to servers, with as much of its body as came with it. */
struct http_words {
    uint32_t capacity;
    uint32_t length;
    uint8_t bytes[];
};

/* A body of so many bytes goes with the head, and can be sent again. */
#define HTTP_KEPT_BODY 4096

struct exchange {
    struct list spare; /* in the room, while it is not used */
    struct http_client *client;
    struct link_user user;
    struct waiter waiter; /* for any worker */
    struct visit visit;
    struct pick pick;
    struct head head;         /* of the request, then of the answer */
    struct http_words *words; /* null: not made yet, or an answer has begun */
    struct link *link;        /* null: none */
    struct handover *handover;
    int pair;             /* our end of a socketpair that is under way to a worker; -1: none */
    struct http_body in;  /* the request's */
    struct http_body out; /* the answer's */
    uint64_t bytes_in;    /* of the head, and of what went with it */
    micros connect_by;    /* when the present attempt to reach a server has failed */
    micros worker_by;     /* when no worker is waited for any more */
    micros last_move;     /* of a byte, while carrying */
    micros unsent_at;     /* ... when the kernel was last asked what it could not deliver yet */
    size_t undelivered;   /* ... and that was so much */
    micros rate_since;    /* the pace of the request's body is measured from then */
    uint64_t rate_moved;  /* ... and so much had come */
    uint16_t route;       /* index in the listener's routes */
    uint8_t retries;      /* of a connect to a Unix socket */
    uint8_t interim;      /* answers 1xx so far */
    uint8_t own_reason;   /* why an answer of ours is given */
    bool http10;          /* the client speaks it */
    bool to_head;         /* the method is HEAD */
    bool idempotent;      /* RFC 9110 section 9.2.2 */
    bool kept_whole;      /* `words` hold the whole request */
    bool close;           /* the client's connection ends behind it */
    bool asked;           /* the server has the request, or is getting it */
    bool unsent;          /* not one byte of it could be sent */
    bool deaf;            /* the server takes no more of the request, but may have answered */
    bool answered;        /* the head of an answer went to the client */
    bool retried;
    bool reused;      /* the link had served before */
    bool link_closes; /* it may not serve again */
    bool expects;     /* 100-continue, and none came yet */
    bool counted;     /* among the requests of its client */
    bool live;        /* ... and of its server */
    bool secure;      /* the client speaks TLS to whoever is in front */
    bool upgrades;    /* the client asks for another protocol */
    bool learnt;      /* what the answer gives out; it is held until memcached knows */
    char upgrade[32]; /* ... which, in lower case */
    struct homing_news news;
    struct homing homing; /* last: it is not cleared for each request */
};

/* Hexadecimal digits of a request id. */
#define HTTP_ID_LENGTH 32

struct http_room {
    struct context *context;
    struct links links;
    struct message message; /* of the head that was read last */
    struct facts facts;
    struct decision decision;
    struct list spare; /* exchanges that are not used */
    size_t spare_count;
    char id[HTTP_ID_LENGTH + 1]; /* of the last request that had none: random for each thread, then counted on */
    char via[32];                /* our name for Via */
    size_t out_size;
    uint8_t *out; /* what is being written: a head, and chunks */
    uint8_t in[16384];
};

/* A client between two requests may be about to send one when limpet ends: it is served, and told that it is the last. But not
 * waited for longer than this. */
#define HTTP_DRAIN_PATIENCE (2 * (micros)SECOND_IN_MICROS)

/* Interim answers to one request. */
#define HTTP_INTERIM_MOST 16

static inline struct http_room *http_room_of(const struct http_client *client)
{
    return client->context->http;
}

static inline micros http_now(const struct http_client *client)
{
    return client->context->loop.now;
}

static inline const struct plan *http_plan(const struct http_client *client)
{
    return client->context->share->plan;
}

static inline const struct plan_route *http_route(const struct exchange *e)
{
    return &e->client->listener->routes[e->route];
}

static inline struct search http_search(struct exchange *e)
{
    return (struct search){.context = e->client->context, .visit = &e->visit, .pick = &e->pick};
}

/* (Re)sets the deadline. HTTP_WAIT, or HTTP_OVER when there is no memory for it. */
enum http_step http_wait(struct http_client *client, micros deadline);
void http_walk(struct http_client *client);

/* http_head: from a head to a decision. */
/* Until when a client may ask nothing. */
micros http_idle_until(const struct http_client *client);
enum http_step http_step_head(struct http_client *client);

/* http_begin: what is decided about a complete request, whose head stands in `seen`. */
enum http_step http_begin(struct http_client *client, struct span seen);

/* http_reach: from a decision to a server that has the request. */
enum http_step http_step_stick(struct http_client *client);
enum http_step http_step_pick(struct http_client *client);
enum http_step http_step_try(struct http_client *client);
enum http_step http_step_connect(struct http_client *client);
enum http_step http_step_hand(struct http_client *client);
enum http_step http_step_park(struct http_client *client);
/* Nobody waits any more for what these steps wait for; harmless when nothing is. */
void http_give_up_reaching(struct exchange *e);

/* http_carry */
enum http_step http_step_carry(struct http_client *client);
/* No byte has moved for long. But the kernel may have megabytes for a slow reader, and wakes us only when a third of them is
 * gone: has that become less since the last look? Then the time begins anew, as it does with the first look. */
bool http_somebody_reads(struct http_client *client);
/* The server has ended before it answered: HTTP_PICK or HTTP_TRY to ask once more, or the end. */
enum http_step http_lost_server(struct http_client *client);

/* http_answer: how a server's answer begins. */
enum http_answer {
    HTTP_ANSWER_MORE,
    HTTP_ANSWER_BEGUN,
    HTTP_ANSWER_LOST,
    HTTP_ANSWER_BAD,
    HTTP_ANSWER_CLIENT_GONE,
    HTTP_ANSWER_UPGRADE,
    HTTP_ANSWER_NO_MEMORY
};
enum http_answer http_read_answer(struct http_client *client);

/* http_body: a chunked request's body is longer than `limits: body` allows, or says that it will be. */
bool http_body_is_too_large(const struct http_client *client);
/* A turn of a body. FLOW_DONE when all of it was given on; *why is set when the sender breaks the rules. */
enum flow_answer http_body_run(struct http_client *client, struct http_body *body, struct stream *from,
                               struct stream *to, const char **why);

/* http_own: answers of our own. */
enum http_step http_refuse(struct http_client *client, enum reason reason, unsigned status, const char *why);
enum http_step http_refuse_as(struct http_client *client, struct refusal refusal);
enum http_step http_answer_route(struct http_client *client, struct span seen);
enum http_step http_answer_options(struct http_client *client, struct span seen);
enum http_step http_step_own(struct http_client *client);
/* The client gets an answer with this status. */
void http_note_status(struct http_client *client, unsigned status);

/* http_upgrade: both streams become a connection that carries bytes. */
enum http_step http_upgrade(struct http_client *client);

/* http_end: the visit ends: its line is written, its link closed or kept; the exchange is still there, but says nothing more. */
void http_end_visit(struct exchange *e, enum reason reason);
/* ... and what must not look complete is cut: HTTP_OVER. */
enum http_step http_cut(struct http_client *client, enum reason reason);
enum http_step http_step_next(struct http_client *client);
enum http_step http_step_farewell(struct http_client *client);
/* Without a line: nothing was asked. */
void http_drop_exchange(struct http_client *client);
void http_close_link(struct exchange *e, bool reset);

/* http_client */
struct exchange *http_new_exchange(struct http_client *client);

#endif

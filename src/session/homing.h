#ifndef LIMPET_SESSION_HOMING_H
#define LIMPET_SESSION_HOMING_H

/* Where was this client before? The stick step of a visit, the same for a connection and for a request: the pool's `stick` is
 * asked in its order, and only what nobody here knows is asked of memcached. Then the visit waits, never longer than
 * `timeouts: memcached` in all.
 *
 * Afterwards, when the visit has its server, the table hears of it if that is another one than the pin names. */

#include "algo/mark.h"
#include "pins/pins.h"
#include "route/decide.h"
#include "route/pick.h"
#include "route/stick.h"
#include "session/context.h"

#include <stdbool.h>
#include <stdint.h>

/* What is to be asked of memcached. */
struct homing_ask {
    const struct plan_stick *stick;
    struct mark mark;
    uint32_t server; /* who it is as far as is known here, or STICK_NOBODY */
};

struct homing {
    struct context *context;
    const struct plan_pool *pool;
    const struct pick *pick;
    void (*woken)(struct homing *homing);
    void *owner;                    /* for `woken`; whoever embeds it needs none */
    struct query *query;            /* the one that is waited for; null: none */
    struct timer timer;             /* of the next look for an id that a worker may report yet */
    const struct plan_stick *table; /* whose pin of `key` is to lead to the visit's server; null: none */
    struct mark key;
    micros deadline; /* for all that is asked */
    uint32_t pinned; /* where that pin leads, or STICK_NOBODY */
    uint32_t known;  /* the server that knows the client, or STICK_NOBODY */
    uint8_t kind;    /* enum stick_kind: who told of it */
    bool renew;      /* its cookie is good, but to be issued again */
    uint8_t asked, ask_count;
    uint8_t looks;             /* for `awaited` */
    struct homing_ask awaited; /* an id that nobody knows, yet; no stick: none */
    struct homing_ask asks[PLAN_STICKS_MOST];
};

/* Memcached is being told of the ids in an answer. The client is not to have them before: he may be at another frontend in the
 * same millisecond, and nobody would know him there. Never longer than memcached may take. All zeros: nothing is told. */
struct homing_news {
    struct homing_word {
        struct homing_news *news;
        struct query *query; /* null: it is known there, or will not be */
    } words[PLAN_STICKS_MOST];
    uint8_t waiting;                        /* for so many of them */
    void (*told)(struct homing_news *news); /* ... until there is none: in another turn */
};

void homing_drop_news(struct homing_news *news);

/* Nothing is remembered: nobody is known. */
void homing_none(struct homing *homing);

enum homing_verdict { HOMING_DONE, HOMING_WAIT };

/* HOMING_WAIT: `woken` is called in another turn, when it is done; the homing and the pick stay where they are. The decision is
 * only read now; its pool sticks. */
MUST_CHECK enum homing_verdict homing_begin(struct homing *homing, struct context *context,
                                            const struct decision *decision, const struct endpoint *client,
                                            const struct pick *pick, void (*woken)(struct homing *homing));

/* Whether it waits for anything. */
bool homing_waits(const struct homing *homing);

/* Nobody waits any more; harmless when nobody does. */
void homing_give_up(struct homing *homing);

/* The visit is with this server, an index in the pool. */
void homing_arrived(struct homing *homing, uint32_t server);

/* A server has given out, or taken back, ids of sessions. True: one was learnt. `news` waits for what can be waited
 * for. */
bool homing_learn(struct context *context, const struct plan_pool *pool, const struct stick_gift *gifts, size_t count,
                  uint32_t server, struct homing_news *news);

/* The same from a worker, of whom only the id is known. What another server has stays with it. */
void homing_hear(struct context *context, const struct plan_pool *pool, uint32_t server, struct span id, bool ended);

#endif

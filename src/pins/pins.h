#ifndef LIMPET_PINS_PINS_H
#define LIMPET_PINS_PINS_H

/* Where keys live: the table here (route/pin_table), and the memcached servers that all frontends share. What is known here costs
 * no trip. What is not is claimed there in one trip: of two frontends that see a new key at once, one wins and both obey.
 *
 * Memcached may be down, slow, empty or lying: then the ranking alone decides, no visit waits longer than
 * `timeouts: memcached`, and what
 * was decided meanwhile is claimed when it is back; then, too, one wins and all obey.
 *
 * struct pins_shared is shared by all threads, struct pins_room belongs to one. */

#include "algo/mark.h"
#include "algo/rank.h"
#include "base/attr.h"
#include "base/counter.h"
#include "io/loop.h"
#include "pins/breaker.h"
#include "pins/query.h"
#include "plan/plan.h"
#include "route/pick.h"
#include "route/pin_table.h"
#include "route/server.h"
#include "seal/pin.h"

#include <stdbool.h>
#include <stdint.h>

#define PIN_NO_SERVER UINT32_MAX

/* One server as a pin names it. */
struct pin_home {
    uint64_t identity;
    uint32_t pool;   /* index in the plan */
    uint32_t server; /* index in the pool */
};

struct pins_shared {
    const struct plan *plan;
    const struct ranking *ranking;
    const struct server_states *states;
    struct pin_table *table;
    struct mark_key mark_key; /* from the seed: the same on every frontend */
    struct sealed_keys keys;
    struct pin_home *homes;                  /* of all servers, sorted by identity */
    uint64_t memcached[PLAN_MEMCACHED_MOST]; /* identities */
    struct breaker *breakers;                /* one for each memcached server, in memory that the keeper sees */
};

/* Whether any pool of this plan remembers anything in a table. */
bool pins_are_wanted(const struct plan *plan);

/* What pins are called and how they are sealed: `mark_key`, `keys` and which memcached server is whose, which is all that who
 * only looks needs. There is nothing to free. */
void pins_names_init(struct pins_shared *shared, const struct plan *plan, const struct ranking *ranking);

/* `memory` holds the table, `breakers` one for each memcached server. 0 or a negative errno. */
MUST_CHECK int pins_shared_init(struct pins_shared *shared, const struct plan *plan, const struct ranking *ranking,
                                void *memory, struct breaker *breakers);
void pins_shared_fini(struct pins_shared *shared);

/* What stands for a visit's key, or for the id of a session, in the table and, as text, in memcached. False: it is too long
 * to be remembered. */
bool pins_mark_key(const struct mark_key *key, const struct plan_pool *pool, enum key_tag tag, struct span bytes,
                   struct mark *mark);
bool pins_mark_session(const struct mark_key *key, const struct plan_pool *pool, struct span id, struct mark *mark);

/* The key under which memcached keeps a pin; the length. Frozen, see seal/pin.h:
 *
 *   key  = "limpet:" | the mark, 16 bytes, as hexadecimal digits in lower case
 *   mark = SipHash-2-4 with 128 bits(pin key of the seed (algo/rank.h), length of the pool's name, 2 bytes little endian | it |
 *          kind, 1 byte | bytes), where the kind is 1 for an address of 16 bytes, 2 for a text, 3 for the id of a session */
#define PINS_KEY_SIZE 40
size_t pins_key_text(struct mark mark, char text[PINS_KEY_SIZE]);

/* Which memcached server a mark is for: the first in its ranking among them, whatever its state. */
size_t pins_memcached_of(const struct pins_shared *shared, struct mark mark);

struct pins_room;
/* `first`: of all threads it is the one that claims again what an earlier engine has left. */
MUST_CHECK int pins_room_new(struct loop *loop, struct pins_shared *shared, struct counters *counters, bool first,
                             struct pins_room **room);
/* Every query that is still asked fails. */
void pins_room_close(struct pins_room *room);
void pins_room_free(struct pins_room *room); /* null is fine */

/* What is asked about. */
struct pin_question {
    const struct plan_pool *pool;
    const struct plan_stick *stick; /* of the pool; its lifetime counts, and whether its pins are shared */
    struct mark mark;
    micros deadline; /* steady: nobody waits for memcached any longer; 0: as long as the plan lets anybody */
};

/* What the table here says, without waiting. */
enum pins_answer {
    PINS_KNOWN,   /* *server, an index in the pool. Now and then memcached is asked beside it whether it still is */
    PINS_UNKNOWN, /* and nobody else is to be asked */
    PINS_ASK      /* memcached may know better; *server is what is known here, or PIN_NO_SERVER */
};
enum pins_answer pins_find(struct pins_room *room, const struct pin_question *question, uint32_t *server);

/* Asks memcached, of which all that it says is in the table then, too: QUERY_FIND (`server` means nothing), or QUERY_CLAIM for
 * `server`. `answered` is called once, in a later turn; but never once pins_cancel() was called. Null: there is nobody to ask, or
 * no memory. */
MUST_CHECK struct query *pins_ask(struct pins_room *room, enum query_kind kind, const struct pin_question *question,
                                  uint32_t server,
                                  void (*answered)(void *owner, enum query_outcome outcome, uint32_t server),
                                  void *owner);
void pins_cancel(struct query *query);

/* In the table here alone: this is where it lives from now on, unless another thread was quicker; who it is. */
uint32_t pins_claim_here(struct pins_room *room, const struct pin_question *question, uint32_t server);

/* The client had to move from `was` (PIN_NO_SERVER: whoever it was): here at once, and in memcached while nobody waits. */
void pins_move(struct pins_room *room, const struct pin_question *question, uint32_t was, uint32_t server);

/* A server has given out the id: the same. What memcached is told, for whoever waits until it knows (pins_await); null: nothing. */
struct query *pins_set(struct pins_room *room, const struct pin_question *question, uint32_t server);

/* Of what is under way, in the turn in which it began: `answered` is called as pins_ask() says. */
void pins_await(struct query *query, void (*answered)(void *owner, enum query_outcome outcome, uint32_t server),
                void *owner);

/* A worker says that it has given out the id. False: it is another server's, which is there and has not begun anew since; what
 * is known of it stays as it is. */
bool pins_report(struct pins_room *room, const struct pin_question *question, uint32_t server);

/* A server says that a session has ended: here, and in memcached, but only if it is this server's. */
void pins_end(struct pins_room *room, const struct pin_question *question, uint32_t server);

/* Whosever it is: here, and in memcached, if the pool's pins are shared. */
void pins_unpin(struct pins_room *room, const struct pin_question *question);

#endif

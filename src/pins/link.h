#ifndef LIMPET_PINS_LINK_H
#define LIMPET_PINS_LINK_H

/* The connection of one thread to one memcached server. Commands of many queries are on their way at a time; replies come in
 * their order. A connection on which anything was wrong or late is closed and never used again, since the next reply could be
 * anybody's: all that wait on it fail, and the next query makes a new one. */

#include "base/attr.h"
#include "base/endpoint.h"
#include "base/text.h"
#include "io/loop.h"
#include "pins/breaker.h"
#include "pins/query.h"
#include "proto/memcached.h"

#include <stdbool.h>
#include <stdint.h>

/* More are not under way at a time: beyond, memcached is slower than we ask. */
#define LINK_QUERIES_MOST 4096

/* All commands of one turn of a query fit. */
#define LINK_COMMANDS_MOST 1536

struct memcached_link;

struct memcached_calls {
    /* The last reply to the commands of a query came; `first` is the word of the one before it, if there were two. The query is
     * the owner's again, who may send it once more, or free it. */
    void (*replied)(struct memcached_link *link, struct query *query, enum memcached_word first,
                    const struct memcached_reply *reply);
    /* No reply will come. */
    void (*failed)(struct memcached_link *link, struct query *query);
    /* It can be had again, and may lack what was decided without it, or all that it once knew: that is to be claimed now, by this
     * thread. */
    void (*reached)(struct memcached_link *link);
};

struct wire;

struct memcached_link {
    struct loop *loop;
    const struct address *address;
    micros patience; /* for the first two replies of a connection; queries bring their own deadline */
    struct breaker *breaker;
    const struct memcached_calls *calls;
    struct wire *wire; /* null: not connected */
    struct timer timer;
    size_t waiting;   /* queries */
    uint32_t opaque;  /* the last that was used */
    uint8_t *scratch; /* LINK_SCRATCH bytes, shared with others of this thread */
};

#define LINK_SCRATCH 16384

/* Begins to connect, so that the first query finds it done. What the link points to is set by the caller, everything else is
 * zeros. */
void memcached_link_open(struct memcached_link *link);

/* Sends commands, with the opaque numbers link->opaque + 1 and so on, as many as there are replies to come; query->deadline is
 * set by the caller. The query waits in the link from now on; nothing is told of it before this returns. False: there is nobody
 * to ask now, or no memory; the query is still the caller's. */
MUST_CHECK bool memcached_link_send(struct memcached_link *link, struct query *query, struct span commands,
                                    unsigned replies);

/* All that wait fail, and nothing is begun any more. Twice is harmless. */
void memcached_link_close(struct memcached_link *link);

#endif

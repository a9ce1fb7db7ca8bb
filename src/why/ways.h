#ifndef LIMPET_WHY_WAYS_H
#define LIMPET_WHY_WAYS_H

/* The ways in which a pool remembers its clients (`stick`), in their order, and what each says of this one. A file and a request
 * alone tell only of cookies, and of ids that say themselves whose they are: who else is pinned where knows the running limpet,
 * or memcached (why/live). */

#include "algo/mark.h"
#include "base/attr.h"
#include "pins/pins.h"
#include "plan/plan.h"
#include "route/decide.h"
#include "route/stick.h"

#include <stdbool.h>
#include <stdint.h>

enum way_state {
    WAY_NOTHING,  /* the visit brings nothing to go by: no cookie, no id, no key */
    WAY_TOO_LONG, /* what it brings is too long to be remembered */
    WAY_UNKNOWN,  /* only the running limpet knows */
    WAY_NOBODY,   /* ... and it was asked: it is not pinned */
    WAY_KNOWS     /* it was at `server` */
};

/* A pin as the running limpet knows it. Times are seconds. */
struct way_here {
    bool asked, pinned;
    uint32_t server; /* index in the pool, or PIN_NO_SERVER: one that the file does not have */
    long long made;  /* ago */
    long long left;  /* if nobody comes back */
};

/* ... and as memcached itself tells it. */
enum way_there_state {
    WAY_THERE_NOT_ASKED,
    WAY_THERE_AWAY,     /* `error` says why, a negative errno */
    WAY_THERE_STRANGE,  /* it said what memcached does not say */
    WAY_THERE_FREE,     /* there is no pin */
    WAY_THERE_UNPINNED, /* somebody has unpinned it */
    WAY_THERE_PINNED,   /* to `server` */
    WAY_THERE_VOID,     /* ... but all that was pinned to it then was unpinned here since */
    WAY_THERE_STRANGER, /* to a server that the pool has not: `name` */
    WAY_THERE_JUNK      /* what is there is no pin that our secret opens */
};
struct way_there {
    enum way_there_state state;
    const char *address; /* of the memcached server that is meant */
    int error;
    uint32_t server;
    char name[SEALED_SERVER_MOST + 1];
    long long made; /* seconds ago */
};

struct way {
    const struct plan_stick *stick;
    enum way_state state;
    uint32_t server;
    bool by_itself;    /* the id says itself whose it is */
    bool has_mark;     /* it can be asked for in a table */
    struct mark mark;  /* then */
    struct span thing; /* then: the id, or the key's bytes */
    struct way_here here;
    struct way_there there;
};

struct ways {
    size_t count;
    struct way all[PLAN_STICKS_MOST];
    unsigned refused, gone; /* cookies, as in struct stick_answer */
    bool renew;
    bool live; /* the running limpet was asked */
};

/* Of a decision that has a pool; `client` binds cookies. */
void ways_find(struct ways *ways, const struct sticks *sticks, const struct pins_shared *names,
               const struct decision *decision, const struct endpoint *client);

/* The first that knows the client; null: none does. Those behind it are not asked. */
const struct way *ways_known(const struct ways *ways);

/* One that stands before whoever knows, or any, may know more. */
bool ways_may_know_more(const struct ways *ways);

#endif

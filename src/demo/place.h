#ifndef LIMPET_DEMO_PLACE_H
#define LIMPET_DEMO_PLACE_H

/* Where the demo's limpet listens, and how to get there. */

#include "base/attr.h"
#include "base/endpoint.h"

#define DEMO_PLACE_USUAL "127.0.0.1:8080"

struct demo_place {
    struct address address;
    bool usual_is_taken; /* so it is another port */
    struct address door; /* where to connect: the same, unless it listens everywhere */
    char url[ADDRESS_TEXT_SIZE + 16];
    char curl[3 * ADDRESS_TEXT_SIZE]; /* what to type for joining in */
};

/* `wish` is an address (with port 0: a free one), or null: 127.0.0.1:8080 if that is free, since that is what people
 * type, else a free port. 0 or a negative errno. */
MUST_CHECK int demo_place_find(struct demo_place *place, const struct address *wish);

#endif

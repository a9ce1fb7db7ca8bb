#ifndef LIMPET_DEMO_HOUSE_H
#define LIMPET_DEMO_HOUSE_H

/* The demo's servers: each answers every HTTP request with its name and closes. They live in the loop of the demo
 * itself; for limpet they are servers like any other. Going away is real too: nobody listens at the address any more. */

#include "base/attr.h"
#include "base/endpoint.h"
#include "base/list.h"
#include "io/loop.h"

#include <stdbool.h>

/* The field of the answer that tells the name, for the demo's clients. */
#define DEMO_SERVER_FIELD "Demo-Server: "

/* The field of a request that tells a client of the demo from a guest. */
#define DEMO_CLIENT_FIELD "Demo-Client"

struct demo_house {
    struct loop_source listener;
    struct loop *loop;
    struct address address;
    char name;
    int number;
    struct list calls;
    unsigned call_count;
    /* Somebody came who is not a client of the demo; `who` is what X-Forwarded-For says, or "you". */
    void (*guest)(struct demo_house *house, const char *who);
};

/* Not open yet: on a free port of 127.0.0.1, chosen by the first demo_house_open(). */
void demo_house_init(struct demo_house *house, struct loop *loop, int number,
                     void (*guest)(struct demo_house *, const char *));

/* 0 or a negative errno. */
MUST_CHECK int demo_house_open(struct demo_house *house);

/* Answers those who have come already, then nobody listens any more. */
void demo_house_close(struct demo_house *house);

/* Ends everything, unanswered too. */
void demo_house_fini(struct demo_house *house);

#endif

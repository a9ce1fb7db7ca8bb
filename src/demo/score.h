#ifndef LIMPET_DEMO_SCORE_H
#define LIMPET_DEMO_SCORE_H

/* What the demo has seen: who went where, and whether that is right. Only numbers; no sockets, no terminal.
 *
 * A client's home is the server that answered first. Afterwards it `moved` if another server answers although its home
 * was there all along; that must never happen. While its home is away, and until somebody has been there again, going to
 * the next-ranked server is right: a detour. */

#include "base/clock.h"
#include "base/endpoint.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DEMO_SERVERS 3
#define DEMO_CLIENTS_MAX 1000
#define DEMO_GUESTS 2
#define DEMO_HISTORY 160

#define DEMO_NOWHERE (-1)

struct demo_client {
    char name[ENDPOINT_TEXT_SIZE];
    int home; /* number of the server; DEMO_NOWHERE before the first answer */
    int last; /* who answered last */
    unsigned visits;
    int16_t history[DEMO_HISTORY]; /* ring of servers, DEMO_NOWHERE: failed; newest at (visits - 1) % DEMO_HISTORY */
};

struct demo_server {
    char name;
    struct address address;
    bool away;
    micros back; /* when it was first seen to answer after it was away; TIMER_NEVER until then */
    unsigned visits;
    unsigned residents; /* clients that have their home here */
};

struct demo_score {
    struct demo_server servers[DEMO_SERVERS];
    struct demo_client *clients;
    size_t client_count;
    struct demo_client guests[DEMO_GUESTS]; /* visitors that are not ours; name empty: unused */
    size_t guest_count;                     /* all that ever came */
    unsigned visits;
    unsigned moved;
    unsigned detours;
    unsigned failed;
    unsigned astray; /* clients whose last visit was a detour */
};

enum demo_outcome {
    DEMO_FIRST,  /* found its home */
    DEMO_HOME,   /* came home, as before */
    DEMO_RETURN, /* came home after a detour */
    DEMO_DETOUR, /* its home is away */
    DEMO_DETOUR_AGAIN,
    DEMO_MOVED /* wrong */
};

/* False without memory. */
bool demo_score_init(struct demo_score *score, size_t clients);
void demo_score_fini(struct demo_score *score);

/* A visit that began at `began` was answered by the server. */
enum demo_outcome demo_score_visit(struct demo_score *score, struct demo_client *client, int server, micros began,
                                   micros now);
void demo_score_failure(struct demo_score *score, struct demo_client *client);

/* Somebody else came by; `name` is what he calls himself. */
void demo_score_guest(struct demo_score *score, const char *name, int server);

void demo_score_leave(struct demo_score *score, int server);
void demo_score_return(struct demo_score *score, int server);

#endif

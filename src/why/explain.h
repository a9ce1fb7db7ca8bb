#ifndef LIMPET_WHY_EXPLAIN_H
#define LIMPET_WHY_EXPLAIN_H

/* What would become of a client, gathered by the rooms that decide about real ones (route/facts, route/refusal,
 * route/decide, route/pick), so that `limpet why` cannot say anything else than what happens. Printed as text or as JSON. */

#include "base/attr.h"
#include "plan/plan.h"
#include "route/decide.h"
#include "route/facts.h"
#include "route/forwarding.h"
#include "route/refusal.h"
#include "route/stick.h"
#include "why/ways.h"

#include <stdbool.h>
#include <stdio.h>

/* What became of one element of a forwarding field. */
enum explain_verdict {
    EXPLAIN_PASSED_OVER, /* trusted, so it is a proxy: whom does it name? */
    EXPLAIN_TAKEN,       /* the client */
    EXPLAIN_OPAQUE,      /* names no address and ends the walk */
    EXPLAIN_NOT_REACHED, /* to the left of where the walk ended */
};

struct explain_element {
    struct forwarding_element element;
    enum explain_verdict verdict;
};

/* A server as the running limpet has it. */
#define EXPLAIN_STATE_SIZE 24
struct explain_server {
    char state[EXPLAIN_STATE_SIZE]; /* the word of `limpet status`; empty: it does not have it */
    bool draining;
    double unpinned; /* seconds since all pins to it were unpinned; negative: they were not */
};

/* Of a forwarding field at most so many are told of. */
#define EXPLAIN_ELEMENTS_MAX 64

struct explain_source {
    const struct plan_key *key;
    enum known known; /* KNOWN_NOT_YET: was not asked */
    const char *why;  /* KNOWN_ABSENT: static text */
};

struct explanation {
    const struct plan *plan;
    const struct plan_listener *listener;
    size_t listener_number; /* from 1 */

    size_t bytes_given;
    bool per_request;     /* each request of the connection is decided; what is told is about the first */
    const char *mode_why; /* static text: why it is per request, or why not; null if it never came to that */
    bool waited;          /* a connection would have waited for more bytes until a deadline */
    size_t proxy_length;  /* bytes taken off; 0: none */
    size_t prefix_length;
    bool has_forwarding_field;
    enum client_from other_field; /* was sent instead of the one that counts; CLIENT_FROM_NONE: none was */
    struct facts facts;
    struct decision decision; /* verdict DECIDE_END for whatever ends the connection */
    unsigned end_status;      /* of DECIDE_END: what the client is answered with; 0: nothing */
    size_t bad_line;          /* where the head breaks off, from 1; 0: it is not at one place */
    size_t bad_byte;          /* in that line, from 1; 0: the line as a whole is wrong */
    struct span bad_text;     /* the line, without its end */
    bool answers_unasked;     /* limpet answers, or ends, before it asks who the client is and where it might go */
    bool answers_options;     /* ... namely OPTIONS that may go no further: DECIDE_ANSWER without a route */
    struct refusal
        body; /* why the request breaks off in its body, after its head went to the server; status 0: it does not */
    const char *answer_why; /* of DECIDE_ANSWER: static text, what is worth knowing of it; null: nothing */
    bool may_be_loop;       /* a Via names a limpet; this one would refuse its own name */

    const char *client_how; /* static text; null if it never came to that */
    size_t element_count;
    struct explain_element elements[EXPLAIN_ELEMENTS_MAX];

    size_t miss_count;   /* routes that were asked before the one that matched, or all */
    const char **misses; /* static texts: which condition of each was not met */

    struct sticks *sticks;   /* null: the pool remembers nobody, or it never came to that */
    struct ranking *ranking; /* the same for the next two */
    struct pins_shared names;
    struct ways ways;
    struct explain_server *servers; /* by their index in the pool; null: no running limpet was asked */

    size_t source_count;
    struct explain_source *sources;

    uint64_t key_hash;
    uint32_t log_hash;
    size_t entry_count; /* 0 if the connection is ended */
    struct rank_entry *entries;
};

/* Runs the decision. `bytes` stay while the explanation lives. False: no memory. */
MUST_CHECK bool explain_init(struct explanation *e, const struct plan *plan, size_t listener,
                             const struct endpoint *peer, struct span bytes);
void explain_fini(struct explanation *e);

void explain_print_text(const struct explanation *e, FILE *out);
void explain_print_json(const struct explanation *e, FILE *out);

/* What OPTIONS that may go no further are answered with. */
#define EXPLAIN_OPTIONS_STATUS 200

/* By which word of `trust` somebody is believed: "loopback", "10.0.0.0/8"; "" if he is not. */
#define EXPLAIN_TRUST_SIZE (ENDPOINT_TEXT_SIZE + 4)
void explain_trust(const struct plan_trust *trust, const struct endpoint *who, char text[EXPLAIN_TRUST_SIZE]);

/* The key as people read it: an address as such, text as it is. Null data: there is no key. */
struct span explain_key(const struct explanation *e, char buffer[ENDPOINT_TEXT_SIZE]);

/* Where the client goes: to whom `stick` knows, else the first of the ranking; of those that can be had, if that was asked. Only
 * if there is a ranking. */
const struct plan_server *explain_home(const struct explanation *e);

/* Whether a server, an index in the pool, serves clients that it knows, and new ones, as far as that was asked. */
bool explain_can_be_had(const struct explanation *e, size_t server);
bool explain_takes_newcomers(const struct explanation *e, size_t server);

/* Why there, in the word that the log has as `why`; null if only the running limpet knows. */
const char *explain_why(const struct explanation *e);

/* No key decides, and nobody knows the client: any server may get the visit. */
bool explain_is_random(const struct explanation *e);

/* For explain_print_text(): what each way to remember says, or nothing if there is none. */
void explain_print_ways(const struct explanation *e, FILE *out);

/* weight / distance with six decimals; a distance of 2^56 is 1. */
#define EXPLAIN_SCORE_SIZE 32
void explain_score(const struct rank_entry *entry, char text[EXPLAIN_SCORE_SIZE]);

#endif

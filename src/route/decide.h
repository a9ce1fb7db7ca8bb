#ifndef LIMPET_ROUTE_DECIDE_H
#define LIMPET_ROUTE_DECIDE_H

/* From facts to a decision: which pool, which key, from which source. Pure, like route/facts: a connection and
 * `limpet why` share it. Asked again with more bytes until it is sure; it reads only what the listener's routes and the
 * pool's key sources need, so that a peer whose key needs no bytes waits for none.
 *
 * A field that is the key, or names the client, and occurs more than once in a request could be read in two ways: the
 * request is refused like a malformed one. Of cookies and query parameters the first one counts. */

#include "algo/rank.h"
#include "route/facts.h"

enum decide_verdict {
    DECIDE_MORE,   /* not sure yet: more bytes (or facts_finish) are needed */
    DECIDE_KEY,    /* `key` was found by the source `source` */
    DECIDE_SPREAD, /* no source was present: the key is the peer's address, or a number if it has none */
    DECIDE_END,    /* end with `reason`; `answer_400` if the client speaks HTTP */
    DECIDE_HTTP,   /* only decide(): each request of this connection is to be decided, by decide_request() */
    DECIDE_ANSWER, /* the route itself says what to answer: there is no pool, and no key */
};

#define DECIDE_NO_SOURCE (-1)

/* A domain name has at most 253 characters (RFC 1035 section 2.3.4, as text). */
#define DECIDE_HOST_MAX 255

struct decision {
    enum decide_verdict verdict;
    enum reason reason;
    bool answer_400;
    const char *why;              /* static text: what is wrong with the bytes; null: nothing */
    const struct plan_pool *pool; /* null for DECIDE_HTTP and DECIDE_ANSWER */
    int route;                    /* index in the listener's routes, or -1 */
    int source;                   /* index in the pool's keys, or DECIDE_NO_SOURCE */
    enum key_tag tag;
    struct span key;         /* inside the bytes shown, the facts, or `own` */
    const struct head *head; /* of the request in which a session's id may stand, in the facts; null: there is none */
    struct span bytes;       /* ... that it was read from */
    uint8_t own[DECIDE_HOST_MAX]; /* room for what stands nowhere as it is: an address, a host in lower case */
};

/* Only once facts_read() said FACTS_READ_ON; `bytes` are the same that it was shown last. `serial` differs from
 * connection to connection; it spreads peers that have no address. Keys longer than the head limit do not occur. The
 * decision must not be moved while in use. */
void decide(struct decision *decision, struct facts *facts, struct span bytes, uint64_t serial);

/* The same for one request, with facts made by facts_request(): never DECIDE_MORE, never DECIDE_HTTP, and the client is known
 * unless it ends. What stands behind the head is not looked at. */
void decide_request(struct decision *decision, struct facts *facts, struct span bytes, uint64_t serial);

/* Does this route take the visit? KNOWN_ABSENT with a static text in *why: the first condition that is not met. */
enum known decide_route(const struct plan_route *route, struct facts *facts, struct span bytes, const char **why);

/* Does the request say that its client speaks TLS to whoever sent it on (X-Forwarded-Proto)? Whether that is believed is not
 * asked. KNOWN_NOT_YET: it says nothing. */
enum known decide_forwarded_https(const struct head *head, struct span bytes);

/* True if a name in lower case matches the pattern of a route: null matches everything, "*.example.org" any name below
 * it, and not itself. */
bool decide_sni_matches(const char *pattern, const char *name);

/* The same for the host of a request without its port, in any case of letters; a null pattern is not asked for. */
bool decide_host_matches(const char *pattern, struct span host);

/* One key source on its own, for `limpet why`: KNOWN_PRESENT with the key, KNOWN_ABSENT with a static text in *why
 * ("the request has no such field"), KNOWN_NOT_YET. An ambiguous one is absent and sets facts->head_bad. */
enum known decide_source(struct decision *decision, struct facts *facts, struct span bytes,
                         const struct plan_key *source, const char **why);

#endif

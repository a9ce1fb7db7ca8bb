#ifndef LIMPET_ROUTE_FACTS_H
#define LIMPET_ROUTE_FACTS_H

/* Facts are what limpet has learnt about one connection from its peer address and its first bytes. They are gathered
 * here without any I/O, so that a connection and `limpet why` walk the very same path.
 *
 * The caller shows the bytes that are at the front of the stream; facts_read() answers what to do next. Bytes that a
 * reader takes off (a PROXY header, a wrapped prefix) are really removed by the caller, who then shows the rest. */

#include "base/attr.h"
#include "base/endpoint.h"
#include "base/reason.h"
#include "base/span.h"
#include "plan/plan.h"
#include "proto/field.h"
#include "proto/head.h"
#include "proto/hello.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FACTS_UNWRAPPED_MAX 255

/* What is known of one kind of content, or of one question. */
enum known { KNOWN_NOT_YET, KNOWN_PRESENT, KNOWN_ABSENT };

enum facts_stage { FACTS_PROXY, FACTS_UNWRAP, FACTS_CONTENT };

struct facts {
    const struct plan_listener *listener;
    const struct plan_pool *pools;
    struct endpoint peer;   /* who connected */
    struct endpoint local;  /* where he, or the source of a PROXY header, connected to; ENDPOINT_NONE: not known */
    struct endpoint source; /* the peer, or whom a PROXY header or wrapped prefix put in his place */
    struct endpoint client; /* source, or whom a forwarding field names; valid once client_known is KNOWN_PRESENT. If it
                             * still is not after a decision, nothing needed to know, and the source stands for it */
    enum known client_known;
    bool peer_trusted;
    bool source_trusted;
    bool source_tls; /* a PROXY header says that the source speaks TLS */
    bool over;       /* no more bytes will come: early end, deadline or the peek limit */
    bool proxy_late; /* the deadline for PROXY header and prefix has passed; other bytes may still come */
    bool of_request; /* made by facts_request(): the head is whole, and there is nothing else to look at */

    enum facts_stage stage;
    enum known head_known;
    enum known hello_known;
    struct head head;
    bool head_too_long;   /* it did not end within PEEK_LIMIT, so nothing in it counts */
    bool head_cut_short;  /* it did not end before the bytes did, or in time, so nothing in it counts */
    const char *head_bad; /* static text; the head is malformed or ambiguous */
    struct hello *hello;  /* allocated when a ClientHello was read */

    /* Where route/decide goes on when it is asked again: this many of the pool's key sources are absent for good. */
    size_t sources_absent;
    const struct plan_key *field_key; /* the source that `field` searches for */
    struct field_reader field;

    uint8_t unwrapped_length;
    uint8_t unwrapped[FACTS_UNWRAPPED_MAX]; /* last: facts_request() leaves what follows `unwrapped_length` as it is */
};

/* Starts with a peer that has just connected. `pools` are the plan's, to which the listener's routes lead. `local` may
 * be null. */
void facts_init(struct facts *facts, const struct plan_listener *listener, const struct plan_pool *pools,
                const struct endpoint *peer, const struct endpoint *local);
void facts_fini(struct facts *facts);

enum facts_step {
    FACTS_READ_ON, /* this stage has nothing (more) to say with these bytes; ask route/decide whether it is enough */
    FACTS_MORE,    /* PROXY or prefix incomplete: more bytes are needed before anything else */
    FACTS_TAKE,    /* remove `take` bytes from the front of the stream, then call again with the rest */
    FACTS_END,     /* end the connection with `reason` */
};

struct facts_result {
    enum facts_step step;
    size_t take;
    enum reason reason;
    const char *why; /* static text for logs and `why` */
};

/* Looks at the bytes at the front of the stream. Does not read content; see facts_head() and facts_hello(). */
MUST_CHECK struct facts_result facts_read(struct facts *facts, struct span bytes);

/* No more bytes will come or be looked at. What is still incomplete when it is asked for is absent from now on. The
 * caller goes on with facts_read(): a PROXY header or prefix that is cut short may end the connection. Happens by
 * itself once PEEK_LIMIT bytes are shown; more of them are not looked at. */
void facts_finish(struct facts *facts);

/* Neither a PROXY header nor a prefix is waited for any longer; content still is. */
void facts_finish_proxy(struct facts *facts);
bool facts_is_over(const struct facts *facts, struct span bytes);
struct span facts_within_limit(struct span bytes);

/* Content, read only when somebody asks, once facts_read() said FACTS_READ_ON. KNOWN_NOT_YET: more bytes are needed. A
 * head that is malformed or ambiguous is absent, and *bad says why (it is never cleared). */
enum known facts_head(struct facts *facts, struct span bytes, const char **bad);
enum known facts_hello(struct facts *facts, struct span bytes);

/* Does the stream begin with an HTTP/1 request? KNOWN_PRESENT once nothing else is possible, be the request good or bad, whole
 * or not; KNOWN_ABSENT if it is another protocol, or over before that was sure. */
enum known facts_speaks_http(struct facts *facts, struct span bytes);

/* Finds out the client address; needs the head only if the source is trusted and a forwarding field counts. */
enum known facts_client(struct facts *facts, struct span bytes, const char **bad);

/* What a connection that carries many requests keeps of its facts. */
struct facts_origin {
    struct endpoint peer, source, local;
    bool peer_trusted, source_trusted, source_tls;
    uint8_t unwrapped_length;
    const uint8_t *unwrapped; /* borrowed: from the facts it was taken of, until its owner has a copy */
};
void facts_origin_of(const struct facts *facts, struct facts_origin *origin);

/* Starts with one request of such a connection, whose complete head was read by head_read(); it is copied. From then on
 * decide_request() is asked, with the bytes that the head was read from. Nothing is allocated, so facts_fini() may be left
 * out. */
void facts_request(struct facts *facts, const struct plan_listener *listener, const struct plan_pool *pools,
                   const struct facts_origin *origin, const struct head *head);

#endif

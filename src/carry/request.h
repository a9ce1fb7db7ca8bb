#ifndef LIMPET_CARRY_REQUEST_H
#define LIMPET_CARRY_REQUEST_H

/* The head of a request as its server gets it: written anew from what was understood, HTTP/1.1 always. Fields of this hop are
 * left out, those that tell of the client are added (RFC 7239 and the X-Forwarded- fields), the route's changes are made.
 * Of fields that tell of the client, a trusted peer's are gone on with: X-Forwarded-For and Forwarded are appended to,
 * X-Forwarded-Proto and -Host stay as they are (servers take them for one value); anybody else's are dropped.
 * Pure: no I/O. */

#include "base/attr.h"
#include "base/endpoint.h"
#include "base/text.h"
#include "plan/plan.h"
#include "proto/head.h"
#include "proto/message.h"

#include <stdbool.h>
#include <stdint.h>

struct request_telling {
    const struct endpoint *source; /* who sent the request to us */
    bool trusted;                  /* what he says of others is believed */
    bool tls;                      /* he speaks TLS, if he does not say otherwise */
    struct span host;              /* that the request names; empty: none, then `local` is written */
    struct span local;             /* "192.0.2.1:80" */
    struct span id;                /* X-Request-Id */
    struct span via;               /* our pseudonym; empty: no Via */
    struct span upgrade;           /* the protocol to change to; empty: none */
    struct span client_header; /* the field in which trusted proxies name the client; empty: none. Others' is dropped */
    bool hides_cookies;        /* ours is taken out of Cookie */
    const struct plan_pool *pool;
    const struct plan_changes *changes;
};

/* Adds the head to `text`, with its empty line. What does not fit is cut (text->cut). */
void request_write(struct text *text, const struct head *head, struct span bytes, const struct message *message,
                   const struct request_telling *telling);

/* The protocol that the client speaks, as far as is known: "https" or "http". A trusted peer's X-Forwarded-Proto counts. */
bool request_is_https(const struct message *message, bool trusted, bool tls);

#endif

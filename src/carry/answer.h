#ifndef LIMPET_CARRY_ANSWER_H
#define LIMPET_CARRY_ANSWER_H

/* The head of an answer as the client gets it: a server's, written anew without the fields of its hop, or one of our own.
 * Pure: no I/O. */

#include "base/attr.h"
#include "base/text.h"
#include "plan/plan.h"
#include "proto/head.h"
#include "proto/message.h"

#include <stdbool.h>

struct answer_telling {
    bool http10;         /* the client speaks HTTP/1.0: no chunks */
    bool close;          /* the connection ends behind it */
    bool keep_alive;     /* HTTP/1.0: it does not, as was asked for */
    bool upgraded;       /* a 101 */
    struct span upgrade; /* ... to this protocol */
    struct span cookie;  /* of ours, the value of a Set-Cookie; empty: none */
    const struct plan_changes *changes;
};

/* A server's. Adds the head to `text`, with its empty line. */
void answer_write(struct text *text, const struct head *head, struct span bytes, const struct message *message,
                  const struct answer_telling *telling);

/* One of our own, body and all. `location` and `type` may be null. */
struct answer_own {
    unsigned status;
    const char *date; /* RFC 9110 section 6.6.1: when it was made */
    const char *location;
    const char *type;
    struct span body;
    bool without_body;    /* it answers a HEAD: the length is told all the same */
    bool allow;           /* tells which methods there are */
    unsigned retry_after; /* seconds; 0: not told */
    struct answer_telling telling;
};
void answer_write_own(struct text *text, const struct answer_own *own);

/* The words behind a status (RFC 9110 section 15), and a page of a few lines that says so. */
const char *answer_reason(unsigned status);
void answer_page(struct text *text, unsigned status);

#endif

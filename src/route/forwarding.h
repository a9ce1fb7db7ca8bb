#ifndef LIMPET_ROUTE_FORWARDING_H
#define LIMPET_ROUTE_FORWARDING_H

/* A walk through the forwarding field of a request head, from what the nearest proxy wrote to the farthest. A field
 * that stands on several lines is one list (RFC 9110 section 5.3), so the walk begins at the end of the last line. */

#include "base/endpoint.h"
#include "plan/plan.h"
#include "proto/forwarded.h"
#include "proto/head.h"

struct forwarding {
    enum client_from field; /* CLIENT_FROM_X_FORWARDED_FOR or CLIENT_FROM_FORWARDED */
    unsigned line_count;    /* not yet walked to their end */
    struct span lines[HEAD_FIELDS_MAX];
};

struct forwarding_element {
    struct span text;        /* as it was written, inside the bytes */
    struct endpoint address; /* FORWARDED_ADDRESS */
};

void forwarding_init(struct forwarding *walk, enum client_from field, const struct head *head, struct span bytes);

/* The next element to the left. */
enum forwarded_verdict forwarding_next(struct forwarding *walk, struct forwarding_element *element);

/* "X-Forwarded-For" or "Forwarded". */
const char *forwarding_field_name(enum client_from field);

/* How the file names it: "x-forwarded-for" or "forwarded". */
const char *forwarding_field_word(enum client_from field);

/* Which of the two fields a complete head has, `preferred` if it has both; CLIENT_FROM_NONE if neither. */
enum client_from forwarding_field_of(const struct head *head, struct span bytes, enum client_from preferred);

/* The same for the first bytes of a stream; CLIENT_FROM_NONE if they are no complete head. */
enum client_from forwarding_field_sent(struct span bytes, enum client_from preferred);

#endif

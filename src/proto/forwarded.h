#ifndef LIMPET_PROTO_FORWARDED_H
#define LIMPET_PROTO_FORWARDED_H

/* Addresses in forwarding fields, walked from the right: the nearest proxy wrote last.
 * X-Forwarded-For is a list "client, proxy1, proxy2"; Forwarded is RFC 7239 ("for=" parameters, quoted strings,
 * obfuscated identifiers). */

#include "base/endpoint.h"
#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>

enum forwarded_verdict {
    FORWARDED_ADDRESS, /* *address is the next one to the left */
    FORWARDED_OPAQUE,  /* an element that names no address ("unknown", "_hidden", garbage) */
    FORWARDED_END,     /* no element left */
};

/* Takes the last element off *list. Empty elements are skipped (RFC 9110 section 5.6.1). */
enum forwarded_verdict x_forwarded_for_last(struct span *list, struct endpoint *address);
enum forwarded_verdict forwarded_last(struct span *list, struct endpoint *address);

#endif

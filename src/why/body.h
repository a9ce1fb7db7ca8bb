#ifndef LIMPET_WHY_BODY_H
#define LIMPET_WHY_BODY_H

/* The body of a request on its way to the server, by the reader of the proxy (carry/chunks). */

#include "base/attr.h"
#include "base/span.h"
#include "route/refusal.h"

#include <stdint.h>

/* `bytes` are what stands behind the head of a request with a chunked body, as far as it is there; `most` is `limits: body`.
 * Why the proxy breaks the request off in its middle; status 0: nothing is wrong so far. */
MUST_CHECK struct refusal why_body_read(struct span bytes, uint64_t most);

#endif

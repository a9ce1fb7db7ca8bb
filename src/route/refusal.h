#ifndef LIMPET_ROUTE_REFUSAL_H
#define LIMPET_ROUTE_REFUSAL_H

/* What limpet answers by itself where each request is decided, because a request may not go on as it is: the status, the
 * reason and the words. Pure, so that the proxy and `limpet why` cannot say different things. They ask in this order:
 * refusal_of_head(), refusal_of_request(), refusal_answers_options(), and refusal_of_decision().
 *
 * After each refusal the connection ends, since nobody knows where the next request begins. */

#include "base/attr.h"
#include "base/reason.h"
#include "base/span.h"
#include "proto/message.h"
#include "route/decide.h"

#include <stdint.h>

struct refusal {
    unsigned status; /* 0: it is not refused */
    enum reason reason;
    const char *why; /* static text, the `detail` of the log; null: the reason says it all */
};

/* A target that is longer than most servers take. */
#define REFUSAL_TARGET_MOST 8192

/* Our name in Via fields, and behind it a number that tells one limpet from others. */
#define REFUSAL_VIA_NAME "limpet-"

/* More hops than any path has: the request goes in a circle through somebody who takes our name out. */
#define REFUSAL_VIA_MOST 32

/* Of what head_read() said when it was shown `seen` bytes; `limit` is `limits: head`. PARSE_MORE is only refused once
 * nothing that comes can help. */
MUST_CHECK struct refusal refusal_of_head(const struct head *head, const struct parse_result *result, size_t seen,
                                          uint64_t limit);

/* Of a head that is not complete by `timeouts: head`. */
extern const struct refusal refusal_of_late_head;

/* Of a complete head. Fills in *message (see message_read_request()). `via` is this limpet's whole name, or empty if the
 * listener looks for none; `body_most` is `limits: body`. */
MUST_CHECK struct refusal refusal_of_request(struct message *message, const struct head *head, struct span bytes,
                                             struct span via, uint64_t body_most);

/* OPTIONS that may go no further is for us to answer, with 200 (RFC 9110 section 7.6.2). */
MUST_CHECK bool refusal_answers_options(const struct message *message, struct span method);

/* Of what decide_request() decided. */
MUST_CHECK struct refusal refusal_of_decision(const struct decision *decision);

#endif
